"""How much memory there is, and refusal beforehand of what would not fit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from torkivity_engine.errors import CapacityError

__all__ = ["Coupling", "available_memory", "dense_memory", "human_size", "require_memory"]

Coupling = Literal["axis", "spins", "points"]

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
#: Where neither /proc nor sysconf tells anything.
_UNKNOWN_MACHINE = 4 * 2**30

_FLOAT = 8
#: Beside the matrices of n_unknowns x n_unknowns: columns in work, vectors, BLAS buffers.
_BASE = 24 * 2**20
#: Peak of one layer's eigenproblem, in such matrices, by what scattering couples.
_EIGENPROBLEM = {"axis": 3.0, "spins": 5.5, "points": 10.0}
#: Layers that the cache of modes keeps beyond their use.
_CACHED = 4


def available_memory() -> int:
    """Bytes that can be allocated without swapping or being killed.

    The smallest of what the machine has left and what the control groups (containers,
    batch jobs) of this process have left.
    """
    sizes = [_machine_memory(), *_group_memory()]
    return max(0, min(sizes))


def dense_memory(n_layers: int, n_unknowns: int, *, coupling: Coupling = "axis") -> int:
    """Upper bound of the memory that the dense method adds at its peak.

    Parameters
    ----------
    n_layers : int
    n_unknowns : int
        NT = 4 NK, unknowns per layer.
    coupling : {"axis", "spins", "points"}, optional
        What scattering couples at most: charge with spins along one axis (isotropic
        scattering), charge with all spins (skew scattering), or it is given point by
        point; the array that gives it is not counted.

    Returns
    -------
    int
        Bytes.
    """
    # Each layer keeps its modes, and as a ferromagnet a copy in its own spin frame.
    before, after = (n + min(n, _CACHED) for n in (n_layers - 1, n_layers))
    # Measured peaks (maximum resident size, beyond the program's own) in matrices of
    # n_unknowns^2 doubles: 2.6 for one layer, 7.7 for two, 15.7 for three and 36.5 for
    # five with isotropic scattering at n_unknowns = 1024 and 2048; 5.2 for the modes of a
    # layer with skew scattering; 9.3 for one layer given point by point.
    matrices = max(before + _EIGENPROBLEM[coupling], after + n_layers**2)
    return _BASE + int(matrices * _FLOAT * n_unknowns**2)


def require_memory(needed: int, limit: int | None, what: str) -> None:
    """Refuse a computation that would not fit.

    Parameters
    ----------
    needed : int
        Bytes.
    limit : int or None
        Bytes allowed; None takes what is available now.
    what : str
        The computation, as the subject of the message.

    Raises
    ------
    CapacityError
        Naming both sizes.
    """
    if limit is None:
        limit, kind = available_memory(), "available"
    else:
        kind = "allowed"
    if needed > limit:
        raise CapacityError(
            f"{what} needs {human_size(needed)} of memory, {human_size(limit)} are {kind}"
        )


def human_size(size: float) -> str:
    """A number of bytes for people, in powers of 1024."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(size) < 1024.0:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1024.0
    return f"{size:.4g} PiB"


def _machine_memory() -> int:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):
        return _UNKNOWN_MACHINE


def _group_memory() -> list[int]:
    """What is left in every control group, v1 and v2, that this process belongs to."""
    found = []
    for folder in _group_folders():
        for limit, usage in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            try:
                allowed = int((folder / limit).read_text())  # "max" is no number: no limit
                used = int((folder / usage).read_text())
            except (OSError, ValueError):
                continue
            found.append(allowed - used + _reclaimable(folder))
    return found


def _group_folders() -> list[Path]:
    folders = [_CGROUP, _CGROUP / "memory"]
    try:
        lines = _OWN_CGROUP.read_text().splitlines()
    except OSError:
        return folders
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        root = _CGROUP / "memory" if controllers else _CGROUP
        own = root / path.lstrip("/")
        # A limit on any ancestor binds as well.
        while own not in (root, own.parent):
            folders.append(own)
            own = own.parent
    return folders


def _reclaimable(folder: Path) -> int:
    """File cache that the kernel gives back before it kills."""
    try:
        for line in (folder / "memory.stat").read_text().splitlines():
            if line.split()[0] in ("inactive_file", "total_inactive_file"):
                return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0
