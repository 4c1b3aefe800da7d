"""Scattering at an interface between layers with Fermi spheres of their own.

With N = sum_s nu_s P_s, P_up = (1 - sigma.m)/2, on the two sides and U = u0 + b.sigma,

    t_RL = (N_L + N_R + 2iU)^-1 2 N_L,    r_L = (N_L + N_R + 2iU)^-1 (N_L - N_R - 2iU),

and the same with L and R exchanged: r = t - 1 without the difference. N_L and N_R need not
commute. For equal spheres this is `torkivity_engine.kinetics.scattering`.

A side has four *slots*. Where both spins share one sphere they are the spin-charge
coefficients (x, y, z, charge) of g; where each has its own sphere the first two are the
occupations of majority and minority spins and the others stay empty. What a slot brings in is
a spinor matrix X (sigma_b, or P_s), and everything at the interface is
tr[sigma_a Phi X psi^+] / 2 of two amplitudes Phi and psi.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.machine.kernels import njit

__all__ = ["Matched", "Side", "match"]


class Side(NamedTuple):
    """States on one side of an interface.

    Attributes
    ----------
    velocity : ndarray of complex, shape (n, 2)
        Normal velocity of majority and minority spins at each k_parallel, imaginary where
        evanescent; equal where both spins share one sphere.
    axis : ndarray, shape (3,)
        m of a layer whose spins have spheres of their own.
    split : bool
        Whether they have.
    """

    velocity: ComplexArray
    axis: FloatArray
    split: bool


class Matched(NamedTuple):
    """What an interface does with what arrives, per unit of each slot.

    Attributes
    ----------
    scattering : ndarray, shape (n, 8, 8)
        From slots arriving to slots leaving, (lower side, upper side); rows and columns of
        slots without a propagating state are zero.
    density : ndarray, shape (n, 3, 8)
        Phase-coherent spin density at z = 0 times v_0: an integral over d^2 k_parallel / k_0^2.
    current : ndarray, shape (n, 2, 3, 8)
        Phase-coherent spin current along +z at 0- and 0+, evanescent states included.
    """

    scattering: FloatArray
    density: FloatArray
    current: FloatArray


@njit(cache=True, inline="always")
def _times(a, b):  # type: ignore[no-untyped-def]
    """Product of 2x2 matrices, each (m00, m01, m10, m11)."""
    return (
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
    )


@njit(cache=True, inline="always")
def _combined(a, x, b, y):  # type: ignore[no-untyped-def]
    """The matrix x a + y b, for numbers x and y."""
    return (
        x * a[0] + y * b[0],
        x * a[1] + y * b[1],
        x * a[2] + y * b[2],
        x * a[3] + y * b[3],
    )


@njit(cache=True, inline="always")
def _spinor_matrix(scalar, x, y, z):  # type: ignore[no-untyped-def]
    """The matrix scalar + (x, y, z).sigma."""
    return scalar + z, x - 1j * y, x + 1j * y, scalar - z


@njit(cache=True, inline="always", error_model="numpy")
def _inverse(a):  # type: ignore[no-untyped-def]
    """Inverse of a matrix."""
    d = 1.0 / (a[0] * a[3] - a[1] * a[2])
    return a[3] * d, -a[1] * d, -a[2] * d, a[0] * d


@njit(cache=True, inline="always")
def _sandwich(phi, x, psi):  # type: ignore[no-untyped-def]
    """Real parts of tr[sigma_a phi X psi^+] / 2 for a = x, y, z, charge."""
    left = _times(phi, x)
    adjoint = (psi[0].conjugate(), psi[2].conjugate(), psi[1].conjugate(), psi[3].conjugate())
    y = _times(left, adjoint)
    return (
        0.5 * (y[1] + y[2]).real,
        -0.5 * (y[1] - y[2]).imag,
        0.5 * (y[0] - y[3]).real,
        0.5 * (y[0] + y[3]).real,
    )


@njit(cache=True, inline="always")
def _brought_in(slot, split, mx, my, mz):  # type: ignore[no-untyped-def]
    """Spinor matrix X of a slot."""
    if split:
        half = -0.5 if slot == 0 else 0.5
        return _spinor_matrix(0.5 + 0j, half * mx, half * my, half * mz)
    if slot == 3:
        return _spinor_matrix(1.0 + 0j, 0.0, 0.0, 0.0)
    return _spinor_matrix(
        0j, 1.0 if slot == 0 else 0.0, 1.0 if slot == 1 else 0.0, 1.0 if slot == 2 else 0.0
    )


@njit(cache=True, inline="always", error_model="numpy")
def _leave(out, column, side, y, states, incoming):  # type: ignore[no-untyped-def]
    """Write what leaves one side, from the spinor matrix y of its outgoing waves."""
    velocity, axis, split = states
    row = 4 * side
    if split[side]:
        along = axis[side, 0] * y[0] + axis[side, 1] * y[1] + axis[side, 2] * y[2]
        for spin in range(2):
            sign = -1.0 if spin == 0 else 1.0
            # The real part of an evanescent velocity: nothing leaves in such a slot.
            out[row + spin, column] = (y[3] + sign * along) * velocity[side, spin].real / incoming
    else:
        for a in range(4):
            out[row + a, column] = y[a] * velocity[side, 0].real / incoming


@njit(cache=True, inline="always")
def _velocity_matrix(side, velocity, axis):  # type: ignore[no-untyped-def]
    """N of one side."""
    mean = 0.5 * (velocity[side, 0] + velocity[side, 1])
    half = -0.5 * (velocity[side, 0] - velocity[side, 1])
    return _spinor_matrix(mean, half * axis[side, 0], half * axis[side, 1], half * axis[side, 2])


@njit(cache=True, inner=True, error_model="numpy")
def _match_one(kx, ky, states, p, outputs):  # type: ignore[no-untyped-def]
    """One k_parallel; velocities share the scale of the parameters."""
    velocity, axis, split = states
    out, density, current = outputs
    one = (1.0 + 0j, 0j, 0j, 1.0 + 0j)
    u = _spinor_matrix(
        p[0] + 0j,
        p[2] + p[5] * kx + p[6] * ky,
        p[3] + p[7] * kx + p[8] * ky,
        p[4] + p[9] * kx + p[10] * ky,
    )
    below, above = _velocity_matrix(0, velocity, axis), _velocity_matrix(1, velocity, axis)
    inverse = _inverse(_combined(_combined(below, 1.0, above, 1.0), 1.0, u, 2j))
    for side in range(2):
        own, other = (below, above) if side == 0 else (above, below)
        t = _times(inverse, _combined(own, 2.0, own, 0.0))
        r = _times(inverse, _combined(_combined(own, 1.0, other, -1.0), 1.0, u, -2j))
        # N d psi / dz at 0- and 0+, over i k: flow is along +z from below, -z from above.
        sign = 1.0 if side == 0 else -1.0
        reflected = _times(own, _combined(one, sign, r, -sign))
        passed = _times(other, _combined(t, sign, t, 0.0))
        at_minus, at_plus = (reflected, passed) if side == 0 else (passed, reflected)
        for slot in range(2 if split[side] else 4):
            incoming = velocity[side, slot if split[side] else 0]
            if incoming.imag != 0.0:
                continue
            nu = incoming.real
            column = 4 * side + slot
            x = _brought_in(slot, split[side], axis[side, 0], axis[side, 1], axis[side, 2])
            y = _sandwich(r, x, r)
            _leave(out, column, side, y, states, nu)
            wave = _sandwich(t, x, t)
            _leave(out, column, 1 - side, wave, states, nu)
            low, high = _sandwich(at_minus, x, t), _sandwich(at_plus, x, t)
            for a in range(3):
                density[a, column] = wave[a] * p[11] / nu
                current[0, a, column] = low[a] / nu
                current[1, a, column] = high[a] / nu


@njit(cache=True)
def _match_all(k, velocity, axis, split, parameters, outputs):  # type: ignore[no-untyped-def]
    scattering, density, current = outputs
    scaled = np.empty((2, 2), dtype=np.complex128)
    for n in range(k.shape[0]):
        scaled[:] = velocity[n] * parameters[11]
        one = (scattering[n], density[n], current[n])
        _match_one(k[n, 0], k[n, 1], (scaled, axis, split), parameters, one)


def match(k_parallel: ArrayLike, below: Side, above: Side, parameters: FloatArray) -> Matched:
    """Scattering, spin density and spin currents of an interface.

    Parameters
    ----------
    k_parallel : array_like, shape (n, 2)
        In units of k_0.
    below, above : Side
        Velocities in v_0.
    parameters : ndarray, shape (12,)
        (u0, u_ex, u_ex m (3), W row by row (6), 1), all divided by one common scale.

    Returns
    -------
    Matched
    """
    k = np.ascontiguousarray(k_parallel, dtype=np.float64)
    velocity = np.ascontiguousarray(np.stack([below.velocity, above.velocity], axis=1))
    n = len(k)
    made = Matched(np.zeros((n, 8, 8)), np.zeros((n, 3, 8)), np.zeros((n, 2, 3, 8)))
    axis = np.array([below.axis, above.axis], dtype=np.float64)
    split = np.array([below.split, above.split])
    _match_all(k, velocity, axis, split, np.asarray(parameters, dtype=np.float64), tuple(made))
    return made
