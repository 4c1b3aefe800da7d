"""Kernels find a place even where nothing else is writable, and never outlive their sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import torkivity_engine
from torkivity_engine.machine.kernel_cache import default_places, provide_kernel_cache


@pytest.fixture(autouse=True)
def _leave_numba_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", numba.config.CACHE_DIR)


def unwritable(tmp_path: Path) -> Path:
    """A folder that nobody, not even root, can create: its parent is a file."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "cache"


def test_first_place_that_can_be_written_to(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    folder = provide_kernel_cache([unwritable(tmp_path), tmp_path / "new" / "folder"], environment)
    assert folder.parent == tmp_path / "new" / "folder"
    assert environment == {"NUMBA_CACHE_DIR": str(folder)}
    assert str(folder) == numba.config.CACHE_DIR
    assert provide_kernel_cache([tmp_path / "new" / "folder"], {}) == folder


def test_folder_that_the_user_chose_comes_first(tmp_path: Path) -> None:
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "mine")}
    folder = provide_kernel_cache([tmp_path / "other"], environment)
    assert folder.parent == tmp_path / "mine"
    assert provide_kernel_cache([tmp_path / "other"], environment) == folder, "in a child process"
    environment = {"NUMBA_CACHE_DIR": str(unwritable(tmp_path))}
    assert provide_kernel_cache([tmp_path / "other"], environment).parent == tmp_path / "other"


def test_a_private_folder_where_there_is_none(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    folder = provide_kernel_cache([unwritable(tmp_path)], environment)
    assert environment["NUMBA_CACHE_DIR"] == str(folder)
    assert folder.stat().st_mode & 0o077 == 0
    assert provide_kernel_cache([unwritable(tmp_path)], {}) == folder


def test_other_sources_have_another_folder(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "a.py").write_text("x = 1\n")
    first = provide_kernel_cache([tmp_path], {}, sources)
    (sources / "a.py").write_text("x = 2\n")
    assert provide_kernel_cache([tmp_path], {"NUMBA_CACHE_DIR": str(first)}, sources) != first
    (sources / "a.py").write_text("x = 1\n")
    assert provide_kernel_cache([tmp_path], {}, sources) == first


def test_sources_of_the_whole_tree_count(tmp_path: Path) -> None:
    """Contents and places of every module, and nothing else that lies about."""
    sources = tmp_path / "sources"
    (sources / "inner" / "deep").mkdir(parents=True)
    (sources / "a.py").write_text("x = 1\n")
    files = [sources / "inner" / "b.py", sources / "inner" / "deep" / "c.py"]
    for file in files:
        file.write_text("y = 1\n")

    def folder() -> Path:
        return provide_kernel_cache([tmp_path], {}, sources)

    first = folder()
    for file in files:
        file.write_text("y = 2\n")
        assert folder() != first, file
        file.write_text("y = 1\n")
        assert folder() == first
        moved = file.rename(file.with_name("moved.py"))
        assert folder() != first, file
        moved.rename(file)
    (sources / "inner" / "__pycache__").mkdir()
    (sources / "inner" / "__pycache__" / "b.pyc").write_bytes(b"x")
    (sources / "inner" / "notes.txt").write_text("x")
    assert folder() == first


def test_the_engines_own_sub_packages_count(tmp_path: Path) -> None:
    """A changed callee of the engine's kernels leads to another folder."""
    engine = Path(torkivity_engine.__file__).parent
    copy = tmp_path / "engine"
    shutil.copytree(engine, copy, ignore=shutil.ignore_patterns("__pycache__"))
    first = provide_kernel_cache([tmp_path], {}, copy)
    assert first == provide_kernel_cache([tmp_path], {}, engine)
    assert first == provide_kernel_cache([tmp_path], {})
    callee = copy / "kinetics" / "scattering.py"
    callee.write_text(callee.read_text() + "\n")
    assert provide_kernel_cache([tmp_path], {}, copy) != first


CALLEE, CALLER = (
    "from numba import njit\n@njit(cache=True)\ndef value():\n    return {}\n",
    "from torkivity_engine.machine.kernel_cache import provide_kernel_cache\n"
    "import os, pathlib\n"
    "here = pathlib.Path(__file__).parent\n"
    "provide_kernel_cache([here / 'cache'], os.environ, here)\n"
    "from numba import njit\nfrom callee import value\n"
    "@njit(cache=True)\ndef twice():\n    return 2 * value()\n"
    "if __name__ == '__main__':\n    print(twice(), sum(twice.stats.cache_hits.values()))\n",
)


@pytest.mark.parametrize("module", ["callee", "package.inner.callee"])
def test_a_changed_callee_in_another_file_is_noticed(tmp_path: Path, module: str) -> None:
    """What Numba alone gets wrong; wherever in the tree the file lies."""
    (tmp_path / "caller.py").write_text(CALLER.replace("from callee", f"from {module}"))
    source = (tmp_path / module.replace(".", "/")).with_suffix(".py")
    source.parent.mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}

    def run(value: int) -> list[str]:
        source.write_text(CALLEE.format(value))
        done = subprocess.run(
            [sys.executable, "caller.py"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.split()

    assert run(3) == ["6", "0"]
    assert run(5) == ["10", "0"]
    assert run(3) == ["6", "1"]


def test_import_of_the_engine_asks_first() -> None:
    """The folder is chosen before numba is imported."""
    code = (
        "import sys, torkivity_engine; assert 'numba' not in sys.modules; "
        "import torkivity_engine.kinetics.scattering"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert all(isinstance(place, Path) for place in default_places())
