"""How the tests themselves are run: what costs much is done once, for all tests of a file."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

TESTS = """
import os, pathlib, pytest
@pytest.mark.parametrize("number", range(4))
def test_number(number):
    path = pathlib.Path(__file__).with_suffix(f".{os.environ['PYTEST_XDIST_WORKER']}")
    path.write_text(str(number))
"""


def test_one_process_runs_a_file(tmp_path: Path) -> None:
    """Fixtures of a module are made once; the libraries' mark for groups came to nothing."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]
    options = [x for x in settings["ini_options"]["addopts"] if "dist" in x or "loadscope" in x]
    for name in "abcd":
        (tmp_path / f"test_{name}.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", *options, "-p", "no:cacheprovider", "."],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    found = sorted(path.stem for path in tmp_path.glob("*.gw?"))
    assert found == [f"test_{name}" for name in "abcd"]
    assert len({path.suffix for path in tmp_path.glob("*.gw?")}) == 2
