"""Environment of all tests and of the programs they start."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
SOURCE_ROOTS = [ROOT / name for name in ("meshes", "engine", "hpc", "frontend")]


def _private_folder() -> Path:
    """Kernels compiled by tests, apart from those of the installed program."""
    folder = Path(tempfile.gettempdir()) / f"torkivity-tests-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        # A cache holds code: one that somebody else could have put there is not used.
        mine = folder.stat().st_uid == os.getuid() and not folder.is_symlink()
    except OSError:
        mine = False
    return folder if mine else Path(tempfile.mkdtemp(prefix="torkivity-tests-"))


# Before anything imports numpy or numba, which read their settings once. Test processes share
# the cores: threads of one would wait in a loop for those of another.
os.environ["NUMBA_CACHE_DIR"] = str(_private_folder())
os.environ |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
os.environ["PYTHONPATH"] = os.pathsep.join(
    [*map(str, SOURCE_ROOTS), *filter(None, [os.environ.get("PYTHONPATH")])]
)


#: Files that go out first, so that none that takes long is begun at the end. The first one
#: compiles most kernels; while it does, the next ones need none.
FIRST = (
    "frontend/selftest/test_selftest.py",
    "hpc/running/test_kill.py",
    "engine/machine/test_kernel_cache.py",
    "hpc/running/test_signals.py",
    "hpc/running/test_launcher.py",
    "docs/test_browser.py",
    "docs/test_code_blocks.py",
    "hpc/running/test_mpi.py",
    "hpc/test_slurm.py",
    "test_scripts.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files of FIRST to the front; tests of a file stay as they are."""
    place = {ROOT / "tests" / name: i for i, name in enumerate(FIRST)}
    assert all(path.exists() for path in place), place
    items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium; where there is none, a skip with the reason or a failure."""
    from built_pages import browser_path

    path = browser_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path)
        yield found
        found.close()
