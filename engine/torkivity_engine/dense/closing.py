"""The linear system of all boundary conditions: factored, refined once, with its certificates."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import PhysicsError

__all__ = ["solve_closing"]

#: Reciprocal condition below which some accumulation is not determined.
_SINGULAR = 1e-13


def solve_closing(
    matrix: FloatArray, rhs: FloatArray, closed: bool
) -> tuple[FloatArray, dict[str, float]]:
    """Solve for the amplitudes of all modes.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
    rhs : ndarray, shape (n, n_drives)
    closed : bool
        Whether the last row fixes the gauge, and the last unknown is what it takes up.

    Returns
    -------
    solution : ndarray, shape (n, n_drives)
    certificates : dict of str to float
        "residual", "condition", "gauge_slack".

    Raises
    ------
    PhysicsError
        If an accumulation is undetermined.
    """
    factors, pivots, info = lapack.dgetrf(matrix)
    norm = float(np.abs(matrix).sum(axis=0).max())
    reciprocal = float(lapack.dgecon(factors, norm)[0]) if info == 0 else 0.0
    if not reciprocal >= _SINGULAR:
        raise PhysicsError(
            "the stack leaves an accumulation undetermined (reciprocal condition "
            f"{reciprocal:.0e}): some spin component neither flips in any layer nor leaves "
            "through an interface; give a layer a finite spin_flip_length"
        )
    solution: FloatArray = lapack.dgetrs(factors, pivots, rhs)[0]
    solution += lapack.dgetrs(factors, pivots, rhs - matrix @ solution)[0]
    scale = max(float(np.abs(rhs).max()), 1e-300)
    return solution, {
        "residual": float(np.abs(rhs - matrix @ solution).max()) / scale,
        "condition": 1.0 / reciprocal,
        "gauge_slack": float(np.abs(solution[-1]).max()) / scale if closed else 0.0,
    }
