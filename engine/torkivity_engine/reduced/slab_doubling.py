"""Slabs of any material by doubling thin ones.

A thin slab, where the norm of Omega t/2 is below 1/2, follows from the continued fraction of
tanh, and then

    S' = 2 S (1 + B S)^-1,    B' = 2 (1 + B S)^-1 B,

where B S has eigenvalues between 0 and 1: neither grazing angles nor t/lambda of any size
cost digits or overflow. A density that is conserved gives S (or B) a null vector, which is
projected out after each doubling: rounding would leak, twice as much at each step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.reduced.slab_equations import (
    Matrix,
    Operators,
    SlabEquations,
    conserving,
    inverse,
)

__all__ = ["SlabDoubling"]

#: Thin slabs start at a norm of (Omega t/2)^2 below this; eight continued-fraction levels
#: then leave a relative error below 1e-17.
_THIN = 0.25
_LEVELS = 8


@dataclass(frozen=True, eq=False)
class SlabDoubling:
    """Slabs of a layer's material in one sector.

    Attributes
    ----------
    equations : SlabEquations
    """

    equations: SlabEquations

    def operators(self, thickness: float) -> Operators:
        """S, B, and the contents of a slab, as `SlabModes.operators` gives them."""
        e, n, rows, (keep_s, keep_b), _ = self.equations
        bound = math.sqrt(np.abs(n).sum(axis=1).max() * np.abs(e).sum(axis=1).max())
        steps = math.log2(max(bound * thickness / 2.0, 1e-300) / math.sqrt(_THIN))
        doublings = max(0, math.ceil(steps))
        half = thickness / 2.0 ** (doublings + 1)
        ratio = _tanh_ratio((n @ e) * half**2)
        s = conserving(half * (e @ ratio), keep_s)
        b = conserving(half * (ratio @ n), keep_b)
        # int cosh(Omega z) dz / cosh(Omega t/2) = 2 Omega^-1 tanh(Omega t/2).
        even = 2.0 * half * (rows[0] @ ratio)
        odd = 2.0 * half * _rows_of_tanh_ratio(rows[1], e, n * half**2)
        identity = np.eye(len(s))
        for _ in range(doublings):
            mixed = inverse(identity + b @ s)
            # Each half of the doubled slab holds its content for the mean of its two faces.
            even = 2.0 * (even @ mixed)
            odd = 2.0 * (odd - odd @ s @ mixed @ b)
            s = conserving(2.0 * (s @ mixed), keep_s)
            b = conserving(2.0 * (mixed @ b), keep_b)
        return self.equations.real(s, b, even, odd)


def _tanh_coefficients() -> tuple[FloatArray, FloatArray]:
    """Polynomials p, q in x^2, lowest power first, with tanh(x)/x = p/q to rounding."""
    poly = np.polynomial.polynomial
    numerator, denominator = np.array([1.0]), np.array([float(2 * _LEVELS - 1)])
    for level in range(_LEVELS - 1, 0, -1):
        # 1 / (b + x^2 n/d)  ->  d / (b d + x^2 n)
        numerator, denominator = (
            denominator,
            poly.polyadd((2 * level - 1) * denominator, poly.polymulx(numerator)),
        )
    scale = denominator[0]
    numerator = np.pad(numerator, (0, len(denominator) - len(numerator)))
    return numerator / scale, denominator / scale


def _series(numerator: FloatArray, denominator: FloatArray, count: int) -> FloatArray:
    """Power series of a ratio of polynomials, denominator[0] = 1."""
    c = np.zeros(count)
    for k in range(count):
        c[k] = numerator[k] if k < len(numerator) else 0.0
        for j in range(1, min(k + 1, len(denominator))):
            c[k] -= denominator[j] * c[k - j]
    return c


_TANH_P, _TANH_Q = _tanh_coefficients()
#: At the norms of thin slabs a tenth of the radius of convergence.
_TANH_SERIES = _series(_TANH_P, _TANH_Q, 17)


def _tanh_ratio(m: Matrix) -> Matrix:
    """tanh(x)/x of the matrix x with square m."""
    square, identity = m @ m, np.eye(len(m))

    def polynomial(c: FloatArray) -> Matrix:
        low = c[0] * identity + c[1] * m
        result: Matrix = low + (c[2] * identity + c[3] * m + c[4] * square) @ square
        return result

    ratio: Matrix = np.linalg.solve(polynomial(_TANH_Q), polynomial(_TANH_P))
    return ratio


def _rows_of_tanh_ratio(rows: Matrix, left: Matrix, right: Matrix) -> Matrix:
    """rows tanh(x)/x with x^2 = left right, by its series: few rows need no matrix products."""
    total = np.zeros_like(rows)
    for c in _TANH_SERIES if len(rows) else ():
        total += c * rows
        rows = rows @ left @ right
    return total
