"""Compiled kernels are kept in a folder that belongs to the sources as they are.

Numba notices that a function has changed, not that one has that it calls from another file: a
cache that outlives an update would silently run old code and give wrong numbers. So each state
of the sources has its own folder. Nothing in here imports Numba, which reads its settings once.
"""

from __future__ import annotations

import contextlib
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
    places = [_SOURCES / "__pycache__"]
    cache = os.environ.get("XDG_CACHE_HOME")
    if cache:
        places.append(Path(cache))
    else:
        with contextlib.suppress(RuntimeError):  # no HOME, and a user whom the system does not know
            places.append(Path.home() / ".cache")
    return tuple(places)


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
        return os.access(folder, os.W_OK)
    except OSError:
        return False


def _private_folder(name: str) -> Path:
    """A folder for temporary files; where there is none either, one that cannot be used."""
    try:
        folder = Path(tempfile.gettempdir()) / name
    except OSError:
        return Path(os.devnull) / name
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        # A cache holds code: one that somebody else could have put there is not used.
        mine = not folder.is_symlink() and folder.stat().st_uid == os.getuid()
    except OSError:
        mine = False
    if mine and os.access(folder, os.W_OK):
        return folder
    try:
        return Path(tempfile.mkdtemp(prefix=_PREFIX))
    except OSError:
        return Path(os.devnull) / name
