"""Links of README and docstrings lead somewhere; the API page knows every public name."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import resolve_name

import pytest

import torkivity
from doc_blocks import ROOT

DOCS = sorted((ROOT / "docs").glob("*.md"))
SOURCES = [
    path
    for part in ("meshes", "engine", "hpc", "frontend", "scripts", "tests")
    for path in sorted((ROOT / part).rglob("*.py"))
]


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as code-hosting sites and the built pages make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS], ids=lambda page: page.name
)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    text = re.sub(r"(\$\$?).+?\1", "", text, flags=re.S)  # formulas have brackets too
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_sources_name_pages_that_exist() -> None:
    named = {
        name
        for path in SOURCES
        for name in re.findall(r"\bdocs/[\w-]+\.md\b", path.read_text(encoding="utf-8"))
    }
    assert named >= {"docs/conventions.md", "docs/claims.md"}
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_tests_named_in_pages_exist() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES if "tests" in path.parts)
    text = "\n".join(page.read_text(encoding="utf-8") for page in DOCS)
    files = set(re.findall(r"`(?:tests/[\w/]+/)?(test_\w+\.py)`", text))
    assert len(files) >= 5
    assert files <= {path.name for path in SOURCES}
    for name in set(re.findall(r"`(test_\w+)`", text)):
        assert f"def {name}(" in tests, name


def test_names_of_code_in_theory_exist() -> None:
    from importlib import import_module

    text = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
    root = ROOT / "engine" / "torkivity_engine"
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts) for path in root.rglob("*.py")
    }
    names = [
        (module, name)
        for module, name in re.findall(r"`((?:\w+\.)?\w+)\.(\w+(?:\.\w+)?)`", text)
        if module in modules
    ]
    assert len(names) >= 20
    for module, name in names:
        target = import_module(f"torkivity_engine.{module}")
        for part in name.split("."):
            assert hasattr(target, part), f"{module}.{name}"
            target = getattr(target, part)


def test_names_of_code_in_architecture_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = re.findall(r"`(torkivity\w*(?:\.\w+)+)`", text)
    assert len(names) >= 30
    for name in names:
        resolve_name(name)  # a module, or what is in one


def test_tree_in_architecture_is_the_tree() -> None:
    """Every folder of the packages is in it, and what it names is there."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = text.split("```text\n")[1].split("```")[0]
    named = set(re.findall(r"\b(\w+)/", tree))
    packages = [path.parent for path in ROOT.glob("*/torkivity*/__init__.py")]
    assert len(packages) == 4
    rooms = {path.parent.name for package in packages for path in package.glob("*/__init__.py")}
    roots = {package.parent.name for package in packages}
    assert roots | rooms <= named
    assert named - roots - rooms <= {"slurm", "scripts", "tests", "exact"}
    for package in packages:
        assert package.name in tree


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    trees = "\n".join(re.findall(r"```\{toctree\}(.*?)```", index, re.S)).split()
    assert {page.stem for page in DOCS} - {"index"} <= set(trees)


def test_api_page_has_every_public_name() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed: set[str] = set()
    for part in re.split(r"^\.\. (?:currentmodule|py:module):: ", text, flags=re.MULTILINE)[1:]:
        if part.split()[0] == "torkivity":
            listed |= set(re.findall(r"^\.\. auto\w+:: (\w+)", part, re.MULTILINE))
    assert listed == set(torkivity.__all__) - {"__version__"}
