"""Kernels find a place even where nothing else is writable, and never outlive their sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
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
    "from numba import njit\n"
    "from callee import value as near\nfrom package.inner.callee import value as far\n"
    "@njit(cache=True)\ndef both():\n    return 10 * near() + far()\n"
    "if __name__ == '__main__':\n    print(both(), sum(both.stats.cache_hits.values()))\n",
)


def test_a_changed_callee_in_another_file_is_noticed(tmp_path: Path) -> None:
    """What Numba alone gets wrong; wherever in the tree the file lies."""
    (tmp_path / "caller.py").write_text(CALLER)
    sources = tmp_path / "callee.py", tmp_path / "package" / "inner" / "callee.py"
    sources[1].parent.mkdir(parents=True)
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    # Python itself does not notice an edit of equal length within a second.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"

    def run(*values: int) -> list[str]:
        for source, value in zip(sources, values, strict=True):
            source.write_text(CALLEE.format(value))
        done = subprocess.run(
            [sys.executable, "caller.py"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.split()

    assert run(3, 3) == ["33", "0"]
    assert run(5, 3) == ["53", "0"]
    assert run(3, 5) == ["35", "0"]
    assert run(3, 3) == ["33", "1"]


def test_import_of_the_engine_asks_first() -> None:
    """The folder is chosen before numba is imported."""
    code = (
        "import sys, torkivity_engine; assert 'numba' not in sys.modules; "
        "import torkivity_engine.kinetics.scattering"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert all(isinstance(place, Path) for place in default_places())


KERNEL = (
    "import os, pathlib, warnings\n"
    "here = pathlib.Path(__file__).parent\n"
    "from torkivity_engine.machine.kernel_cache import provide_kernel_cache\n"
    "del os.environ['NUMBA_CACHE_DIR']  # the engine's own\n"
    "provide_kernel_cache([here / 'cache'], os.environ, here)\n"
    "from torkivity_engine.machine.kernels import njit\n"
    "@njit(cache=True)\ndef twice(x):\n    return 2 * x\n"
    "@njit(cache=True)\ndef thrice(x):\n    return 3 * x\n"
    "if __name__ == '__main__':\n"
    "    print(twice(3), thrice(3), end=' ')\n"
    "    print(*(sum(kernel.stats.cache_hits.values()) for kernel in (twice, thrice)))\n"
)


def run_kernel(tmp_path: Path, wrapper: str = "", **environment: str) -> tuple[str, list[str]]:
    """Output and lines on stderr of a program with two kernels."""
    source = tmp_path / "kernel.py"
    if not source.exists():
        source.write_text(KERNEL)
    program = [sys.executable, "kernel.py"]
    if wrapper:
        program = [sys.executable, "-c", f"{wrapper}\nimport runpy, sys\nsys.path[0] = '.'\n"
                   "runpy.run_path('kernel.py', run_name='__main__')"]  # fmt: skip
    kept = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        program, cwd=tmp_path, env=kept | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.splitlines()


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a program that has run once, and a copy of what it has kept."""
    folder = tmp_path_factory.mktemp("kernels")
    assert run_kernel(folder) == ("6 9 0 0", [])
    shutil.copytree(folder / "cache", folder / "copy")
    return folder


@pytest.fixture
def kept(first_run: Path) -> Path:
    """Folder of a program whose kernels are kept as its first run left them."""
    shutil.rmtree(first_run / "cache")
    shutil.copytree(first_run / "copy", first_run / "cache")
    return first_run


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def foreign(path: Path) -> None:
    path.write_bytes(b"something dear to somebody")


def test_damaged_files_are_missing_files(kept: Path) -> None:
    """Each is compiled again and mended, without a word; two kernels differ in what they meet."""
    damages = (empty, truncated, foreign)
    for of_index, of_code in zip(damages, (truncated, foreign, empty), strict=True):
        for kernel, damage, ending in (("twice", of_index, "nbi"), ("thrice", of_code, "nbc")):
            (path,) = (kept / "cache").rglob(f"kernel.{kernel}*.{ending}")
            damage(path)
        assert run_kernel(kept) == ("6 9 0 0", []), (of_index, of_code)
    assert run_kernel(kept) == ("6 9 1 1", [])


def test_processes_that_mend_the_same_files(kept: Path) -> None:
    for path in (kept / "cache").rglob("*.nb?"):
        empty(path)
    with ThreadPoolExecutor(2) as pool:
        for out, err in pool.map(lambda _: run_kernel(kept), range(2)):
            assert out[:4] == "6 9 "
            assert err == []
    assert run_kernel(kept) == ("6 9 1 1", [])


def test_code_of_another_signature_is_not_run(tmp_path: Path) -> None:
    """As two processes leave it that saved at the same time."""
    (tmp_path / "save.py").write_text("from kernel import twice\nprint(twice(3), twice(1.5))\n")
    assert run_kernel(tmp_path, "import sys; sys.path[0] = '.'; import save")[0][:5] == "6 3.0"
    first, second = sorted((tmp_path / "cache").rglob("kernel.twice*.nbc"))
    first.write_bytes(second.read_bytes())
    assert run_kernel(tmp_path) == ("6 9 0 1", [])


def test_a_folder_in_the_place_of_a_file(kept: Path) -> None:
    for path in (kept / "cache").rglob("*.nbi"):
        path.unlink()
        path.mkdir()
    out, err = run_kernel(kept)
    assert out == "6 9 0 0"
    assert len([line for line in err if "RuntimeWarning: " in line]) == 1


def test_a_file_in_the_place_of_the_folder(kept: Path) -> None:
    for path in (kept / "cache").glob("*/*"):
        shutil.rmtree(path)
        path.write_bytes(b"")
    out, err = run_kernel(kept)
    assert out == "6 9 0 0"
    assert len([line for line in err if "RuntimeWarning: " in line]) == 1
    assert not list(kept.glob("__pycache__/*.nbi")), "kept where edits are not noticed"


def test_full_disk(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    out, err = run_kernel(tmp_path, limit)
    assert out == "6 9 0 0"
    warned = [line for line in err if "RuntimeWarning: " in line]
    assert len(warned) == 1
    assert "cannot be kept in" in warned[0]
    assert "File too large" in warned[0]
    assert run_kernel(tmp_path) == ("6 9 0 0", [])


def test_nobodys_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in containers: no HOME, a user that the system does not know."""
    import pwd

    def unknown(uid: int) -> None:
        raise KeyError(f"uid not found: {uid}")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert len(default_places()) == 1
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(unwritable(tmp_path)))
    assert provide_kernel_cache([], {})  # not even a place for temporary files


def test_a_foreign_file_in_the_place_of_the_private_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = provide_kernel_cache([], {})
    folder.rmdir()
    folder.write_text("")
    other = provide_kernel_cache([], {})
    assert other.is_dir()
    assert other != folder


def test_all_kernels_use_the_safe_cache() -> None:
    sources = Path(torkivity_engine.__file__).parent.rglob("*.py")
    lines = [line for source in sources for line in source.read_text().splitlines()]
    assert "from torkivity_engine.machine.kernels import njit" in lines
    assert not [line for line in lines if "numba import" in line and "jit" in line]


INNER = (
    "@njit(cache=True, inner=True)\ndef four_of(x):\n    return 4 * x\n"
    "@njit(cache=True)\ndef eight_of(x):\n    return 2 * four_of(x)\n"
    "@njit(cache=True)\ndef twelve_of(x):\n    return 3 * four_of(x)\n"
    "try:\n    four_of(1)\n    assert False\n"
    "except TypeError as error:\n    assert 'four_of is called by kernels only' in str(error)\n"
    "import sys, gc\n"
    "print(eight_of(1) if sys.argv[1] == '8' else twelve_of(1),\n"
    "      sum(four_of.stats.cache_hits.values()), gc.isenabled())\n"
)


def test_inner_kernels(tmp_path: Path) -> None:
    """Kept and found like others; from Python they are refused, which Numba would not survive."""
    program = tmp_path / "inner.py"
    program.write_text(KERNEL[: KERNEL.index("@njit")] + INNER)
    for of, shown in (("8", "8 0 True"), ("12", "12 1 True"), ("12", "12 0 True")):
        done = subprocess.run(
            [sys.executable, program, of], capture_output=True, text=True, check=False
        )
        assert (done.stdout.strip(), done.stderr) == (shown, "")
