"""Slabs of any thickness from what decays into a half space of their material.

A half space answers e at its face with f = Z e, and both decay into it as exp(-Omega z), where
Omega = N Z is the principal root of N E. Z and its inverse Q come once for a material, from
doubling until nothing changes; the starting point S = E/gamma, B = N/gamma is tanh of an
Omega t/2 that is shifted by i pi/2 where it is large, and the doubling turns that into coth: both
go to one. A slab then takes one matrix function,

    S = Z tanh(Omega t/2),    B = tanh(Omega t/2) Q,    tanh(Omega t/2) = Y (2 - Y)^-1,

with Y = 1 - exp(-Omega t). Its doubling Y' = Y (2 - Y) is a single product, and keeps the digits of
slow modes, that of exp(-Omega t) would not.

Where E conserves a density u, E u = 0, Omega has a zero mode, Omega u = 0. With P the projector
onto it, E + alpha^2 N^-1 P gives it the decay alpha, and what that adds is taken off again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from torkivity_engine.reduced.slab_equations import (
    Matrix,
    Operators,
    SlabEquations,
    conserving,
    inverse,
)

__all__ = ["SlabDecay", "slab_decay"]

#: The series of 1 - exp(-x) starts at norms below this, where twelve terms are exact.
_SMALL = 0.25
_SERIES = [(-1.0) ** k / math.factorial(k + 1) for k in range(12)]
#: How far B S may be from one before the last doubling: its square is rounding.
_NEAR = 1e-8
_MOST_DOUBLINGS = 64
#: How much faster than the start decays the fastest mode may be; each factor of two is a doubling.
_SPREAD = 64.0
#: Where Z or Q is larger something is nearly conserved, and its loss would lose digits.
_REGULAR = 10.0


@dataclass(frozen=True, eq=False)
class SlabDecay:
    """Half space of a layer's material in one sector, unknowns in the norm of the flux.

    Attributes
    ----------
    equations : SlabEquations
        Of them N conserves nothing.
    swapped : bool
        Whether e and f have exchanged roles.
    z, q : ndarray, shape (n, n)
        Admittance of the half space, and its inverse.
    omega : ndarray, shape (n, n)
        Inverse decay lengths, 1/nm.
    n_inverse : ndarray, shape (n, n)
        nm.
    zero : tuple of (ndarray, ndarray) or None
        Null vectors of N E, of shape (n, count) and (count, n), with left @ right = 1.
    rate : float
        Decay that zero modes have in z, q and omega, 1/nm.
    """

    equations: SlabEquations
    swapped: bool
    z: Matrix
    q: Matrix
    omega: Matrix
    n_inverse: Matrix
    zero: tuple[Matrix, Matrix] | None
    rate: float

    def operators(self, thickness: float) -> Operators:
        """S, B, and the contents of a slab, as `SlabModes.operators` gives them."""
        gone = _gone(self.omega, thickness)
        tanh = gone @ inverse(2.0 * np.eye(len(gone)) - gone)
        s, b = self.z @ tanh, tanh @ self.q
        if self.zero is not None:
            right, left = self.zero
            added = math.tanh(0.5 * self.rate * thickness)
            s -= (self.rate * added) * ((self.n_inverse @ right) @ left)
            b += (0.5 * thickness - added / self.rate) * (right @ (left @ self.equations.n))
        s, b = conserving(s, self.equations.kept[0]), conserving(b, self.equations.kept[1])
        # Omega^-1 tanh(Omega t/2) = B N^-1, and with E N in the place of N E it is N^-1 B.
        even = 2.0 * (self.equations.rows[0] @ b) @ self.n_inverse
        odd = 2.0 * (self.equations.rows[1] @ self.n_inverse) @ b
        if self.swapped:
            return self.equations.real(b, s, odd, even)
        return self.equations.real(s, b, even, odd)


def slab_decay(equations: SlabEquations) -> SlabDecay | None:
    """Decay in a half space; None if both E and N conserve something, or nearly so.

    Parameters
    ----------
    equations : SlabEquations

    Returns
    -------
    SlabDecay or None
    """
    if None not in equations.kept:
        return None
    try:
        inverses = [
            None if kept is not None else inverse(matrix)
            for matrix, kept in zip((equations.n, equations.e), equations.kept[::-1], strict=True)
        ]
    except np.linalg.LinAlgError:
        return None
    # The better conditioned one in the place of N; grazing rings have small rows in an inverse.
    sizes = [math.inf if each is None else float(np.abs(each).max()) for each in inverses]
    swapped = sizes[1] < sizes[0]
    if swapped:
        equations = equations.swapped()
    e, n = equations.e, equations.n
    n_inverse = inverses[swapped]
    assert n_inverse is not None
    rates = np.sqrt(np.abs(np.diag(e) * np.diag(n)))
    slow, fast = float(rates.min()), float(rates.max())
    zero = None
    if equations.kept[0] is not None:
        right, left = equations.kept[0]
        rows = left.T @ n_inverse
        zero = right, np.linalg.solve(rows @ right, rows)
        e = e + slow**2 * ((n_inverse @ right) @ zero[1])
    found = _half_space(e, n, max(math.sqrt(slow * fast), fast / _SPREAD))
    if found is None or max(np.abs(each).max() for each in found) > _REGULAR:
        return None
    z, q = found
    return SlabDecay(equations, swapped, z, q, n @ z, n_inverse, zero, slow)


def _half_space(e: Matrix, n: Matrix, gamma: float) -> tuple[Matrix, Matrix] | None:
    """Admittance of a half space and its inverse; None if the doubling does not end."""
    s, b = e / gamma, n / gamma
    identity = np.eye(len(s))
    for _ in range(_MOST_DOUBLINGS):
        product = b @ s
        distance = np.abs(product - identity).max()
        mixed = 2.0 * inverse(identity + product)
        s, b = s @ mixed, mixed @ b
        if distance < _NEAR:
            return s, b
    return None


def _gone(omega: Matrix, thickness: float) -> Matrix:
    """1 - exp(-Omega t)."""
    norm = float(np.abs(omega).sum(axis=1).max()) * thickness
    doublings = max(0, math.ceil(math.log2(max(norm, 1e-300) / _SMALL)))
    x = omega * (thickness / 2.0**doublings)
    square = x @ x
    cube = square @ x
    diagonal = np.arange(len(x))
    total: Matrix = np.zeros_like(x)
    for first in (9, 6, 3, 0):
        low, middle, high = _SERIES[first : first + 3]
        if first < 9:
            total = total @ cube
        total += middle * x + high * square
        total[diagonal, diagonal] += low
    gone: Matrix = total @ x
    spare = np.empty_like(gone)
    for _ in range(doublings):
        np.matmul(gone, gone, out=spare)
        gone *= 2.0
        gone -= spare
    return gone
