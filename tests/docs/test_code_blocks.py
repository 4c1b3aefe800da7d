"""What README, tutorial and how-to pages tell to type works, and prints what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from doc_blocks import ROOT, Block, Page, blocks, commands, launcher
from torkivity.cli import cli

#: Scripts that measure for minutes; test_scripts.py runs them with --quick.
MEASURING = {"docs/convergence.md", "docs/performance.md"}
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/tutorial.md",
    "docs/extending.md",
    "docs/file-schema.md",
    "docs/stacks.md",
    "docs/amplitudes.md",
    "docs/anisotropy.md",
    "docs/cluster.md",
    "docs/comparing.md",
    "docs/reproduce.md",
    "docs/spheres.md",
    "docs/lab.md",
    "docs/units.md",
    "docs/quoted.md",
)
#: Run by the tests of fits and of the explorer, which serves until it is ended.
ELSEWHERE = {"docs/fitting.md", "docs/measurements.md", "docs/explore.md"}
LANGUAGES = {"python", "sh", "toml", "text"}

CASES = [
    # A page is read from top to bottom, once.
    pytest.param(name, index, id=f"{name}:{block.line}")
    for name in PAGES
    for index, block in enumerate(blocks(name))
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    return {name: Page(name, tmp_path_factory.mktemp("page")) for name in PAGES}


@pytest.mark.parametrize("name", PAGES)
def test_languages_are_known(name: str) -> None:
    found = blocks(name)
    assert found
    assert {block.language for block in found} <= LANGUAGES
    # No fence is left over: an odd one would turn the page inside out.
    fences = [x for x in (ROOT / name).read_text().splitlines() if x.startswith("```")]
    assert len(fences) == 2 * len(found)


def test_every_page_with_code_is_run() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    names = {str(page.relative_to(ROOT)) for page in pages}
    with_code = {
        name
        for name in names
        if {block.language for block in blocks(name)} & {"python", "sh", "toml"}
    }
    assert with_code == {*PAGES, *MEASURING, *ELSEWHERE}


@pytest.mark.parametrize(("name", "index"), CASES)
def test_block(pages: dict[str, Page], name: str, index: int) -> None:
    page = pages[name]
    if page.blocks[index].language == "sh" and not launcher().exists():
        words = [word for line in commands(page.blocks[index]) for word in line]
        if "mpiexec" in words:
            pytest.skip("no mpiexec: pip install '.[mpi]' brings one")
    page.run_through(index)


def test_what_is_skipped_is_set_up() -> None:
    def kept(text: str) -> list[list[str]]:
        return commands(Block(1, "sh", text))

    assert kept(".venv/bin/pip install -q '.[xarray]'\n# a comment\n") == []
    assert kept("torkivity info 'a b.h5'  # why\n") == [["torkivity", "info", "a b.h5"]]


def test_text_must_have_been_printed(tmp_path: Path) -> None:
    page = Page("README.md", tmp_path)
    page.blocks = [
        Block(1, "python", "print('1 2')\nprint(3)\n"),
        Block(5, "text", "1 2\n...\n3\n"),
        Block(9, "text", "3\n1 2\n"),
    ]
    page.run_through(1)
    with pytest.raises(AssertionError, match="not printed: '1 2'"):
        page.run_through(2)


def test_commands_of_readme_exist() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    named = {line.split()[2].rstrip("`") for line in lines if line.startswith("| `torkivity ")}
    assert len(named) >= 6
    assert named <= set(cli.commands)
