"""Models, sources, parameters of films and units are listed in one place: there are no others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from torkivity.catalogue import MODELS, SOURCES
from torkivity_engine.film.component import fields_of, forms_of
from torkivity_engine.film.kinds import kinds
from torkivity_engine.film.stack import FILM_QUANTITIES

ROOT = Path(__file__).resolve().parents[2]
FILES = [p for root in ("frontend", "hpc") for p in sorted((ROOT / root).rglob("*.py"))]


def of_films() -> tuple[set[str], set[str]]:
    """Names of the parameters of all kinds of layers and interfaces, and their units."""
    quantities = dict(FILM_QUANTITIES)
    for kind in kinds().values():
        own = {name: field.quantity for name, field in fields_of(kind).items()}
        for found in (own, *forms_of(kind).values()):
            quantities |= {name: quantity for name, quantity in found.items() if quantity}
    return set(quantities), {quantity.unit for quantity in quantities.values()} - {"1"}


PARAMETERS, UNITS = of_films()
#: What to look for, how many of it make a list, and where it belongs.
LISTS = {
    "models": (set(MODELS), 3, {"catalogue.py"}),
    "sources": (set(SOURCES), 3, {"catalogue.py"}),
    # Sources are called as what drives: some driven currents are parameters too.
    "parameters": (PARAMETERS, 3, {"catalogue.py"}),
    # How units are printed, and how people write them in files of data.
    "units": (UNITS, 3, {"style.py", "unit_names.py"}),
}


def collections(source: str) -> Iterator[tuple[int, set[str]]]:
    """Line and texts of each literal list, tuple, set, and of the keys of each dict."""
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.expr | None] = []
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            parts = list(node.elts)
        elif isinstance(node, ast.Dict):
            parts = node.keys
        elif isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        texts = {p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)}
        if texts:
            yield getattr(node, "lineno", 0), texts


def found(source: str, known: set[str], most: int) -> list[int]:
    return [line for line, texts in collections(source) if len(texts & known) >= most]


@pytest.mark.parametrize("what", LISTS)
def test_lists_are_where_they_belong(what: str) -> None:
    known, most, allowed = LISTS[what]
    places = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in FILES
        if path.name not in allowed
        for line in found(path.read_text("utf-8"), known, most)
    }
    assert places == set()


@pytest.mark.parametrize("what", LISTS)
def test_a_list_is_noticed(what: str) -> None:
    known, most, _ = LISTS[what]
    names = sorted(known)[:most]
    for text in (f"X = {names}", f"x = {dict.fromkeys(names, 1)}", f"f({tuple(names)})"):
        assert found(text, known, most) == [1]
    assert found(f"X = {names[:-1]}", known, most) == []
    for name in LISTS[what][2]:
        (path,) = (p for p in FILES if p.name == name)
        assert path.is_file()


def test_catalogue_is_light() -> None:
    """It is read by every command, before anything else."""
    tree = ast.parse((ROOT / "frontend/torkivity/catalogue.py").read_text("utf-8"))
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert imported <= {"__future__", "collections.abc", "dataclasses", "typing"}
