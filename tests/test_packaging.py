"""What holds the packages together: the import contract, versions, quick imports."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import torkivity

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_imports_run_downwards() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    if not program.exists():
        pytest.skip("import-linter is not installed")
    result = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_one_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text()
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"\nversion: {torkivity.__version__}\n" in citation
    newest = re.search(r"^## \[(.+?)\]", changelog, flags=re.MULTILINE)
    assert newest is not None
    assert newest[1] == torkivity.__version__
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "frontend/torkivity/version.py"


def test_every_dependency_has_a_lower_bound() -> None:
    project = PYPROJECT["project"]
    for group in [project["dependencies"], *project["optional-dependencies"].values()]:
        assert all(">=" in requirement for requirement in group)


def test_public_names_exist() -> None:
    for name in torkivity.__all__:
        assert getattr(torkivity, name) is not None
    assert set(torkivity.__all__) <= set(dir(torkivity))


def test_unknown_public_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'solve_everything'"):
        torkivity.solve_everything  # noqa: B018


@pytest.mark.parametrize("what", ["import torkivity", "import torkivity.cli"])
def test_import_is_light(what: str) -> None:
    code = (
        f"import sys; {what}; "
        "print([m for m in ('numpy', 'numba', 'scipy', 'matplotlib', 'pydantic') "
        "if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
