"""GMRES for several right sides at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from torkivity_engine.arrays import FloatArray

__all__ = ["block_gmres"]


def block_gmres(
    operator: Callable[[FloatArray], FloatArray],
    source: FloatArray,
    *,
    tolerance: float,
    most_steps: int,
) -> FloatArray | None:
    """Solve operator(x) = source in the Krylov space that all right sides span together.

    The operator is applied to all of them at once, which is what costs, and every step serves all;
    SciPy's takes one right side. See Saad, Iterative Methods for Sparse Linear Systems, 6.12.

    Parameters
    ----------
    operator : callable
        Linear, from rows to rows: of arrays of the shape of the source.
    source : ndarray, shape (n_columns, size)
    tolerance : float
        Of the residual, relative to the source, both in the Frobenius norm.
    most_steps : int

    Returns
    -------
    ndarray, shape (n_columns, size), or None
        None if the tolerance is not met after so many steps.
    """
    columns, size = source.shape
    most_steps = min(most_steps, size // columns - 1)
    first, start = np.linalg.qr(source.T)
    basis = np.empty(((most_steps + 1) * columns, size))
    basis[:columns] = first.T
    projected = np.zeros((len(basis), most_steps * columns))
    goal = np.zeros((len(basis), columns))
    goal[:columns] = start
    for low in range(0, most_steps * columns, columns):
        high, end = low + columns, low + 2 * columns
        new = operator(basis[low:high])
        for _ in range(2):  # the second time against rounding of the first
            part = new @ basis[:high].T
            new = new - part @ basis[:high]
            projected[:high, low:high] += part.T
        base, rest = np.linalg.qr(new.T)
        basis[high:end], projected[high:end, low:high] = base.T, rest
        small = projected[:end, :high]
        answer = np.linalg.lstsq(small, goal[:end], rcond=None)[0]
        if np.linalg.norm(small @ answer - goal[:end]) <= tolerance * np.linalg.norm(start):
            return np.asarray(answer.T @ basis[:high])
    return None
