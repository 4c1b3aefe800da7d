"""Kernels find a place even where nothing else is writable."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from torkivity_engine.kernel_cache import default_places, provide_kernel_cache


def unwritable(tmp_path: Path) -> Path:
    """A folder that nobody, not even root, can create: its parent is a file."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "cache"


def test_nothing_is_done_where_numba_finds_a_place(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    places = [unwritable(tmp_path), tmp_path / "new" / "folder"]
    assert provide_kernel_cache(places, environment) is None
    assert provide_kernel_cache([unwritable(tmp_path)], {"NUMBA_CACHE_DIR": "/x"}) is None
    assert environment == {}


def test_a_private_folder_where_there_is_none(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    folder = provide_kernel_cache([unwritable(tmp_path)], environment)
    assert folder is not None
    assert environment["NUMBA_CACHE_DIR"] == str(folder)
    assert folder.stat().st_mode & 0o077 == 0
    again: dict[str, str] = {}
    assert provide_kernel_cache([unwritable(tmp_path)], again) == folder


def test_import_of_the_engine_asks_first() -> None:
    """The folder is chosen before numba is imported."""
    code = (
        "import sys, torkivity_engine; assert 'numba' not in sys.modules; "
        "import torkivity_engine.scattering"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert all(isinstance(place, Path) for place in default_places())
