"""Compiled kernels are kept in a folder that belongs to the sources as they are.

Numba notices that a function has changed, not that one has that it calls from another file: a
cache that outlives an update would silently run old code and give wrong numbers. So each state
of the sources has its own folder. Nothing in here imports Numba, which reads its settings once.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable, MutableMapping
from pathlib import Path

__all__ = ["default_places", "provide_kernel_cache"]

_SOURCES = Path(__file__).resolve().parents[1]
_PREFIX = "torkivity-kernels-"


def default_places() -> tuple[Path, ...]:
    """Folders for compiled kernels, best first: beside the sources, then the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~").expanduser() / ".cache"
    return (_SOURCES / "__pycache__", Path(cache))


def provide_kernel_cache(
    places: Iterable[Path], environment: MutableMapping[str, str], sources: Path = _SOURCES
) -> Path:
    """Set NUMBA_CACHE_DIR to the folder of the kernels compiled from these sources.

    Parameters
    ----------
    places : iterable of Path
        Where the folder may be, best first. A NUMBA_CACHE_DIR that is set already comes
        before all of them. If none can be written to, it is a private temporary folder.
    environment : mutable mapping
        ``os.environ``.
    sources : Path, optional
        Folder of the sources.

    Returns
    -------
    Path
        The folder; it serves later runs and child processes too.
    """
    name = _PREFIX + _digest(sources)
    given = environment.get("NUMBA_CACHE_DIR")
    if given:
        base = Path(given)
        # A parent process has been here.
        places = (base.parent if base.name.startswith(_PREFIX) else base, *places)
    folder = next((place / name for place in places if _usable(place / name)), None)
    folder = folder or _private_folder(f"{name}-{os.getuid()}")
    environment["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:  # it has read its settings, but looks this one up each time
        sys.modules["numba"].config.CACHE_DIR = str(folder)
    return folder


def _digest(sources: Path) -> str:
    digest = hashlib.sha256()
    for source in sorted(sources.rglob("*.py")):
        name = source.relative_to(sources).as_posix()
        digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _private_folder(name: str) -> Path:
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        # A cache holds code: one that somebody else could have put there is not used.
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    return folder
