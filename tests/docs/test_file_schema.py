"""docs/file-schema.md says what is in a result file, all of it and nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import h5py
import pytest

from doc_blocks import FILM, ROOT
from torkivity.catalogue import MODELS, QUANTITIES, SOURCES
from torkivity.config.sections import RunConfig
from torkivity.config.text import check_config
from torkivity.results.values import PLACES
from torkivity.study.case import Case
from torkivity.study.mesh_study import plan_convergence
from torkivity.study.point import point_variables
from torkivity.study.run import CURVE, FilmStudy, compute_curve, compute_film, write_film
from torkivity.study.tiles import MESH_VARIABLES
from torkivity_engine.record import COORDINATES, PUMPING_VARIABLES

PAGE = (ROOT / "docs" / "file-schema.md").read_text("utf-8")
#: Type of each variable of the state, by its word on the page.
TYPES = {"int8": "|i1", "int16": "<i2", "int32": "<i4", "int64": "<i8", "float64": "<f8"}


def code(cell: str) -> list[str]:
    return [name.replace("\\|", "|") for name in re.findall(r"`([^`]+)`", cell)]


def table(head: str) -> list[list[str]]:
    """Cells of the table whose first heading is a word."""
    lines = PAGE.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        rows.append(cells)
    return rows


def by_name(head: str) -> dict[str, tuple[list[str], str]]:
    """Dimensions and unit of each variable of such a table."""
    found = {}
    for names, dims, unit in table(head):
        for name in code(names):
            assert name not in found
            found[name] = (code(dims), unit)
    return found


@pytest.fixture(scope="module")
def config() -> RunConfig:
    return check_config(tomllib.loads(FILM), "film.toml")


@pytest.fixture(scope="module")
def film_study(config: RunConfig) -> FilmStudy:
    return compute_curve(compute_film(Case.of(config, Path("film.toml"))), [2.0, 4.0])


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, film_study: FilmStudy) -> Path:
    path = tmp_path_factory.mktemp("schema") / "film.h5"
    write_film(path, film_study)
    return path


def test_results() -> None:
    page = {**by_name("result"), **by_name("in the plane")}
    variables = point_variables(tuple(QUANTITIES))
    assert set(page) == set(variables)
    assert set(by_name("result")) == set(point_variables())
    for name, variable in variables.items():
        own = [dim for dim in variable.dims if dim not in PLACES]
        assert page[name] == (own, variable.units), name


def test_meshes() -> None:
    page = by_name("of the mesh")
    assert set(page) == set(point_variables(refined=True)) - set(point_variables())
    for name, variable in MESH_VARIABLES.items():
        assert page[name] == ([], variable.units), name


def test_pumping() -> None:
    page = by_name("pumped")
    assert set(page) == set(PUMPING_VARIABLES)
    for name, variable in PUMPING_VARIABLES.items():
        own = [dim for dim in variable.dims if dim not in PLACES]
        assert page[name] == (own, variable.units), name


def test_facts(film_study: FilmStudy) -> None:
    facts = {name: variable for name, (variable, _) in film_study.facts.items()}
    page = by_name("fact")
    assert set(page) == set(facts)
    for name, variable in facts.items():
        assert page[name] == (list(variable.dims), variable.units), name


def test_everything_in_the_file_is_on_the_page(path: Path) -> None:
    state = {code(row[0])[0]: row[1] for row in table("state")}
    results = {**by_name("result"), **by_name("in the plane")}
    listed = {*results, *by_name("fact"), *state}
    kinds = [name for row in table("kind") for cell in row[:1] for name in code(cell)]
    with h5py.File(path) as file:
        for name, item in file.items():
            assert (
                name in listed | {*kinds, *COORDINATES}
                or name.startswith(CURVE)
                or (name == "message_row")
            ), name
            if name.startswith(CURVE) and not item.is_scale:
                assert name.removeprefix(CURVE) in by_name("result")
            if name in state and "strings" not in state[name]:
                assert item.dtype.str == TYPES[state[name]], name
        assert set(state) <= set(file)
        for name, (own, _) in results.items():
            dims = [dim[0].name.lstrip("/") for dim in file[name].dims]
            assert dims[:2] == ["model", "source"]
            assert [dim for dim in dims[2:] if dim not in PLACES] == own
        known = re.findall(r"`(\w+)`", PAGE.partition("## Attributes of the file")[2])
        of_libraries = {a for a in file.attrs if a.endswith("_version")}
        of_runs = {"boltzmann_mesh", "boltzmann_method", "drift_diffusion_ferromagnet"}
        words = {"film", "drive", "normalisation"}  # what they say is in their values
        assert set(file.attrs) - of_libraries - of_runs - words <= set(known)
        assert str(file.attrs["kind"]) in known


def test_models_and_sources() -> None:
    text = PAGE.partition("Models are")[2].partition("A file has")[0]
    assert set(code(text)) == {*MODELS, *SOURCES}


def test_convergence(config: RunConfig) -> None:
    names = set(code(PAGE.partition("## Convergence studies")[2]))
    spec = plan_convergence(config, Path("film.toml"), None).spec
    axes = {d.name for d in spec.grid.dimensions} - {"model", "source"}
    assert names - {"interface", "spin"} == {*spec.extra, *axes}
