"""Operators of low numerical rank as products of two thin factors."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.linalg import lapack

from torkivity_engine.arrays import FloatArray

__all__ = ["RANK_TOLERANCE", "thin_factors"]

#: What is left out of an operator of collisions, relative to its largest part. Torques change by
#: less than 1e-12, far below the error of any mesh, and a point takes half the time that it takes
#: at the level of rounding.
RANK_TOLERANCE = 1e-10
#: Rounding of an operator that returns no more than it gets.
_ROUNDING = 1e-15


def thin_factors(matrix: FloatArray, scale: FloatArray) -> tuple[FloatArray, FloatArray]:
    """An operator as left @ right.T, up to `RANK_TOLERANCE` in the norm of the flux.

    In that norm grazing rings count as little in the truncation as they do in any current. Columns
    are chosen by pivoted orthogonalisation, which finds the rank of singular values to one or two,
    at a tenth of their price.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
    scale : ndarray, shape (n,)
        Roots of the weights of the unknowns in a flux.

    Returns
    -------
    left, right : ndarray, shape (n, rank)
    """
    factored, pivots, tau, _, _ = lapack.dgeqp3(matrix * (scale[:, None] / scale))
    size = np.abs(np.diagonal(factored))
    rank = int(np.count_nonzero(size > max(RANK_TOLERANCE * size[0], _ROUNDING)))
    if rank == 0:
        return np.zeros((len(scale), 0)), np.zeros((len(scale), 0))
    root = np.sqrt(size[:rank])
    left, _, _ = lapack.dorgqr(factored[:, :rank], tau[:rank])
    right = np.empty((len(scale), rank))
    right[pivots - 1] = (factored[:rank] * _upper(len(scale))[:rank]).T
    return left * (root / scale[:, None]), right * (scale[:, None] / root)


@lru_cache(maxsize=16)
def _upper(n: int) -> FloatArray:
    return np.triu(np.ones((n, n)))
