"""Equations of a slab's sector as matrices in the norm of the flux, and their inverses.

There grazing rings keep their digits, and operators are nearly symmetric.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from torkivity_engine.arrays import FloatArray

__all__ = ["Kept", "Matrix", "Operators", "SlabEquations", "conserving", "inverse"]

Matrix = NDArray[Any]  # real or complex
Kept = tuple[FloatArray, FloatArray]  # densities and fluxes, shape (n, count) each
#: S, B, and the contents for symmetric and antisymmetric excitation of the faces.
Operators = tuple[FloatArray, FloatArray, FloatArray, FloatArray]

#: Larger matrices are inverted by blocks: products are several times faster than factorisation.
_BLOCK = 48


class SlabEquations(NamedTuple):
    """f' = -E e and e' = -N f in the norm of the flux.

    Attributes
    ----------
    e, n : ndarray, shape (n, n)
        E = L_e/mu and N = L_o/mu, 1/nm.
    rows : tuple of ndarray, shape (n_even, n) and (n_odd, n)
        Rows that take the densities out of e and out of f.
    kept : tuple of (ndarray, ndarray) or None
        (u, z) of what E and N conserve: E u = 0, z^T E = 0 and z^T u = 1.
    turning : bool
        Two components that turn into each other are one complex unknown.
    """

    e: Matrix
    n: Matrix
    rows: tuple[Matrix, Matrix]
    kept: tuple[Kept | None, Kept | None]
    turning: bool

    @classmethod
    def of(
        cls,
        even: FloatArray,
        odd: FloatArray,
        mu: FloatArray,
        flux: FloatArray,
        rows: tuple[FloatArray, FloatArray],
        kept: tuple[Kept | None, Kept | None],
    ) -> SlabEquations:
        """Equations of a sector.

        Parameters
        ----------
        even, odd : ndarray, shape (n, n)
            L_e and L_o in 1/nm.
        mu, flux : ndarray, shape (n,)
            abs(cos(theta)) of each unknown, and its weight in a flux.
        rows : tuple of ndarray, shape (n_even, n) and (n_odd, n)
        kept : tuple of (ndarray, ndarray) or None
            What L_e and L_o conserve.

        Returns
        -------
        SlabEquations
        """
        scale = np.sqrt(flux)
        frame = (scale / mu)[:, None] / scale
        parts = even * frame, odd * frame, rows[0] / scale, rows[1] / scale
        if kept == (None, None) and all(_turns(x) for x in (even, odd, *rows)):
            e, n, first, second = (_turned(x) for x in parts)
            return cls(e, n, (first, second), kept, turning=True)
        e, n, first, second = parts
        held = [
            None if pair is None else (pair[0] * scale[:, None], pair[1] / scale[:, None])
            for pair in kept
        ]
        return cls(e, n, (first, second), (held[0], held[1]), turning=False)

    def swapped(self) -> SlabEquations:
        """Those of f and e in exchanged roles."""
        rows, kept = self.rows, self.kept
        return self._replace(e=self.n, n=self.e, rows=(rows[1], rows[0]), kept=(kept[1], kept[0]))

    def real(self, s: Matrix, b: Matrix, even: Matrix, odd: Matrix) -> Operators:
        """Operators between real unknowns."""
        if not self.turning:
            return s, b, even, odd
        return _real(s), _real(b), _real(even), _real(odd)


def _turns(matrix: FloatArray) -> bool:
    """Whether a matrix is [[a, b], [-b, a]]."""
    if len(matrix) % 2 or matrix.shape[1] % 2:
        return False
    rows, columns = (size // 2 for size in matrix.shape)
    return np.array_equal(matrix[:rows, :columns], matrix[rows:, columns:]) and np.array_equal(
        matrix[:rows, columns:], -matrix[rows:, :columns]
    )


def _turned(matrix: FloatArray) -> Matrix:
    """[[a, b], [-b, a]] as a + i b."""
    rows, columns = (size // 2 for size in matrix.shape)
    result: Matrix = matrix[:rows, :columns] + 1j * matrix[:rows, columns:]
    return result


def _real(matrix: Matrix) -> FloatArray:
    rows, columns = matrix.shape
    result = np.empty((2 * rows, 2 * columns))
    result[:rows, :columns] = result[rows:, columns:] = matrix.real
    result[:rows, columns:] = matrix.imag
    result[rows:, :columns] = -matrix.imag
    return result


def conserving(matrix: Matrix, kept: Kept | None) -> Matrix:
    """Both sides of a matrix times 1 - u z^T."""
    if kept is None:
        return matrix
    u, z = kept
    matrix = matrix - u @ (z.T @ matrix)
    result: Matrix = matrix - (matrix @ u) @ z.T
    return result


def inverse(matrix: Matrix) -> Matrix:
    """Inverse by blocks, of a matrix whose symmetric part is positive in the norm of the flux.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)

    Returns
    -------
    ndarray, shape (n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If it is singular.
    """
    if len(matrix) <= _BLOCK:
        return _factorised(matrix)
    k = len(matrix) // 2
    corner = inverse(matrix[:k, :k])
    below, beside = matrix[k:, :k] @ corner, corner @ matrix[:k, k:]
    rest = inverse(matrix[k:, k:] - below @ matrix[:k, k:])
    found = np.empty_like(matrix)
    found[k:, k:] = rest
    np.matmul(-beside, rest, out=found[:k, k:])
    np.matmul(-rest, below, out=found[k:, :k])
    np.subtract(corner, found[:k, k:] @ below, out=found[:k, :k])
    return found


def _factorised(matrix: Matrix) -> Matrix:
    """Inverse by LAPACK, which goes by columns: it sees the transposed matrix."""
    if np.iscomplexobj(matrix):
        factors, pivots, info = lapack.zgetrf(matrix.T)
        found, _ = lapack.zgetri(factors, pivots, overwrite_lu=True)
    else:
        factors, pivots, info = lapack.dgetrf(matrix.T)
        found, _ = lapack.dgetri(factors, pivots, overwrite_lu=True)
    if info != 0:
        raise np.linalg.LinAlgError("singular matrix")
    result: Matrix = found.T
    return result
