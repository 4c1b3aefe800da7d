"""Slabs of any thickness from the modes of their material, where its operators are symmetric.

In the norm of the flux E = L_e/mu and N = L_o/mu of most sectors are symmetric, E = Y Y^T and
N = X X^T with Y = mu^-1/2 A_e^1/2, X = mu^-1/2 A_o^1/2, where A are the collision operators in
the norm of the polar weights. With the singular values Y^T X = U sigma V^T, the inverse decay
lengths of the modes, the operators of a slab are

    S = (Y U) tanh(sigma t/2)/sigma (Y U)^T,    B = (X V) tanh(sigma t/2)/sigma (X V)^T,

regular at sigma = 0, where something is conserved. The product A_e^1/2 mu^-1 A_o^1/2 is graded by
mu. Jacobi's rotations keep the digits of its slow modes, which bidiagonalisation, or eigenvalues
of its square, would lose to grazing rings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from torkivity_engine.arrays import FloatArray
from torkivity_engine.reduced.slab_equations import Kept, Operators, conserving

__all__ = ["SlabModes", "slab_modes"]

#: Eigenvalues of collision operators below this times the largest are zero: conservation.
_ZERO = 1e-14
#: Rounding in the symmetry of operators, relative to their largest element.
_SYMMETRIC = 1e-15
#: Option of DGEJSV for matrices whose rows and columns both have scales of their own.
_BY_ROWS_AND_COLUMNS = 2
#: A factor worse conditioned than this is not inverted.
_REGULAR = 1e-6


@dataclass(frozen=True, eq=False)
class SlabModes:
    """Modes of a layer's material in one sector, unknowns in the norm of the flux.

    Attributes
    ----------
    sigma : ndarray, shape (n,)
        Inverse decay lengths, 1/nm.
    even, odd : ndarray, shape (n, n)
        Y U and X V.
    content_even, content_odd : tuple of ndarray, shape (n_even, n), (n, n) and (n_odd, n), (n, n)
        Densities of the modes, and the modes that an excitation of the faces consists of.
    kept : tuple of (ndarray, ndarray) or None
        What collisions conserve, see `SlabEquations`.
    """

    sigma: FloatArray
    even: FloatArray
    odd: FloatArray
    content_even: tuple[FloatArray, FloatArray]
    content_odd: tuple[FloatArray, FloatArray]
    kept: tuple[Kept | None, Kept | None]

    def operators(self, thickness: float) -> Operators:
        """S, B, and the contents for symmetric and antisymmetric excitation of the faces.

        Parameters
        ----------
        thickness : float
            nm.

        Returns
        -------
        s, b : ndarray, shape (n, n)
        content_even, content_odd : ndarray, shape (n_even, n) and (n_odd, n)
            In the norm of the flux.
        """
        half = 0.5 * thickness
        ratio = np.full_like(self.sigma, half)
        np.divide(np.tanh(self.sigma * half), self.sigma, out=ratio, where=self.sigma > 0.0)
        contents = [
            ((2.0 * ratio) * densities) @ shares
            for densities, shares in (self.content_even, self.content_odd)
        ]
        return (
            conserving((self.even * ratio) @ self.even.T, self.kept[0]),
            conserving((self.odd * ratio) @ self.odd.T, self.kept[1]),
            contents[0],
            contents[1],
        )


def slab_modes(
    even: FloatArray,
    odd: FloatArray,
    mu: FloatArray,
    flux: FloatArray,
    rows: tuple[FloatArray, FloatArray],
    kept: tuple[Kept | None, Kept | None],
) -> SlabModes | None:
    """Modes of a sector; None if its operators are not symmetric, or do not only dissipate.

    Parameters
    ----------
    even, odd : ndarray, shape (n, n)
        L_e and L_o in 1/nm.
    mu, flux : ndarray, shape (n,)
        abs(cos(theta)) of each unknown, and its weight in a flux.
    rows : tuple of ndarray, shape (n_even, n) and (n_odd, n)
        Rows that take the densities out of e and out of f.
    kept : tuple of (ndarray, ndarray) or None
        What collisions conserve, in the norm of the flux.

    Returns
    -------
    SlabModes or None
    """
    symmetric = _symmetric(even, mu, flux), _symmetric(odd, mu, flux)
    if symmetric[0] is None or symmetric[1] is None:
        return None
    # Densities of e are excited through N, those of f through E, which then must have an inverse.
    found_odd = _root(symmetric[1], bool(len(rows[0])))
    found_even = _root(symmetric[0], bool(len(rows[1])))
    if found_odd is None or found_even is None:
        return None
    (root_odd, inverse_odd), (root_even, inverse_even) = found_odd, found_even
    values, u, v, scales, _, _ = lapack.dgejsv(
        root_even @ (root_odd / mu[:, None]), joba=_BY_ROWS_AND_COLUMNS, jobu=0, jobv=0, jobr=0
    )
    sigma = values * (scales[0] / scales[1])
    graze = 1.0 / np.sqrt(mu)
    of_even, of_odd = (graze[:, None] * root_even) @ u, (graze[:, None] * root_odd) @ v
    contents = []
    for densities, modes, inverse, vectors in (
        (rows[0], of_odd, inverse_odd, v),
        (rows[1], of_even, inverse_even, u),
    ):
        shares = (inverse @ vectors).T / graze if len(densities) else np.zeros_like(vectors)
        contents.append(((densities / np.sqrt(flux)) @ modes, shares))
    return SlabModes(sigma, of_even, of_odd, contents[0], contents[1], kept)


def _symmetric(operator: FloatArray, mu: FloatArray, flux: FloatArray) -> FloatArray | None:
    """An operator in the norm of the polar weights; None if it is not symmetric there."""
    weight = np.sqrt(flux / mu)
    scaled = operator * (weight[:, None] / weight)
    if np.abs(scaled - scaled.T).max() > _SYMMETRIC * np.abs(scaled).max():
        return None
    result: FloatArray = 0.5 * (scaled + scaled.T)
    return result


def _root(symmetric: FloatArray, invertible: bool) -> tuple[FloatArray, FloatArray] | None:
    """Square root of a symmetric operator and its inverse, which counts where it is asked for.

    None if it has no root, or no inverse that is asked for.
    """
    # What scatters no two rings into each other needs no rotation.
    diagonal = np.diagonal(symmetric)
    alone = np.count_nonzero(symmetric) == np.count_nonzero(diagonal)
    values, vectors = _sorted(diagonal) if alone else np.linalg.eigh(symmetric)
    if values[0] < -_ZERO * values[-1] or (invertible and values[0] < _REGULAR * values[-1]):
        return None
    values[values < _ZERO * values[-1]] = 0.0
    roots = np.sqrt(values)
    root: FloatArray = (vectors * roots) @ vectors.T
    return root, (vectors / roots) @ vectors.T if invertible else root


def _sorted(diagonal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues and vectors of a diagonal matrix, as `numpy.linalg.eigh` has them."""
    order = np.argsort(diagonal)
    return diagonal[order], np.eye(len(diagonal))[:, order]
