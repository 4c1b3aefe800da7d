"""Environment of all tests and of the programs they start."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE_ROOTS = [ROOT / name for name in ("meshes", "engine", "hpc", "frontend")]


def _kernel_cache() -> Path:
    """Kernel cache that belongs to the sources as they are now.

    Numba notices a changed function, not a changed callee in another file: a cache that
    outlives an edit can silently run old code.
    """
    digest = hashlib.sha256()
    for root in SOURCE_ROOTS:
        for path in sorted(root.rglob("*.py")):
            digest.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    cache = Path(tempfile.gettempdir()) / f"torkivity-tests-{os.getuid()}-{digest.hexdigest()[:16]}"
    try:
        cache.mkdir(mode=0o700, exist_ok=True)
        # A cache holds code: one that somebody else could have put there is not used.
        mine = cache.stat().st_uid == os.getuid() and not cache.is_symlink()
    except OSError:
        mine = False
    return cache if mine else Path(tempfile.mkdtemp(prefix="torkivity-tests-"))


# Before anything imports numba, which reads its settings once.
os.environ["NUMBA_CACHE_DIR"] = str(_kernel_cache())
os.environ["PYTHONPATH"] = os.pathsep.join(
    [*map(str, SOURCE_ROOTS), *filter(None, [os.environ.get("PYTHONPATH")])]
)
