"""A place for compiled kernels where neither the installation nor the home is writable.

Numba then fails at import. Nothing in here imports it: the place must be known before.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, MutableMapping
from pathlib import Path

__all__ = ["default_places", "provide_kernel_cache"]

_SOURCES = Path(__file__).resolve().parent


def default_places() -> tuple[Path, ...]:
    """Where Numba would put compiled kernels by itself."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~").expanduser() / ".cache"
    return (_SOURCES, Path(cache))


def provide_kernel_cache(
    places: Iterable[Path], environment: MutableMapping[str, str]
) -> Path | None:
    """Set NUMBA_CACHE_DIR to a private temporary folder if no place can be written to.

    Parameters
    ----------
    places : iterable of Path
        Where Numba would look.
    environment : mutable mapping
        ``os.environ``.

    Returns
    -------
    Path or None
        The folder, which belongs to this user and these sources and serves later runs too;
        None if nothing had to be done.
    """
    if environment.get("NUMBA_CACHE_DIR") or any(_writable(place) for place in places):
        return None
    digest = hashlib.sha256()
    for source in sorted(_SOURCES.glob("*.py")):
        digest.update(source.read_bytes())
    folder = Path(tempfile.gettempdir()) / f"torkivity-{os.getuid()}-{digest.hexdigest()[:16]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        # A cache holds code: one that somebody else could have put there is not used.
        folder = Path(tempfile.mkdtemp(prefix="torkivity-"))
    environment["NUMBA_CACHE_DIR"] = str(folder)
    return folder


def _writable(place: Path) -> bool:
    """Whether the folder, or the first one above it that exists, can be written to."""
    while not place.exists() and place != place.parent:
        place = place.parent
    return place.is_dir() and os.access(place, os.W_OK)
