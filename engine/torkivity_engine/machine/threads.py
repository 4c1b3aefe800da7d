"""Environment in which numerical libraries use one thread.

They read it when they are first imported, so nothing in here imports any of them.
"""

from __future__ import annotations

__all__ = ["SINGLE_THREAD"]

#: Settings by name, for ``os.environ`` or for a new process.
SINGLE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA")
} | {"VECLIB_MAXIMUM_THREADS": "1"}
