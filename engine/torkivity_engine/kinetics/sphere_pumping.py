"""What an interface between layers with Fermi spheres of their own sends out while m turns.

In channels of unit flux, V the spinors of the propagating states times sqrt(nu),

    S = 2 V^+ D V - 1,   D = (N_L + N_R + 2iU)^-1,   psi = 2 D V,

with psi the wave at z = 0 of each arriving channel. Where m turns by dm = q so do U, the spinors
and the N of a magnet whose spins have spheres of their own; per q = (hbar / 2) dm/dt what leaves
besides what is scattered is 2i dS S^+ (Brouwer's formula), and any flow or density, bilinear in
two amplitudes, gains i (dPhi psi^+ - Phi dpsi^+).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.kinetics.matching import Side

__all__ = ["Emission", "Turning", "pumped_by_spheres"]

_PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]])


class Turning(NamedTuple):
    """What of an interface and its sides turns with m."""

    below: bool
    interface: bool
    above: bool


class Emission(NamedTuple):
    """What leaves an interface at each k_parallel while m turns, c drives.

    Attributes
    ----------
    leaving : ndarray, shape (n, 8, c)
        In the slots of `torkivity_engine.kinetics.matching`, (lower side, upper side).
    density : ndarray, shape (n, 3, c)
        What the spin density at z = 0, times v_0, changes by.
    current : ndarray, shape (n, 2, 3, c)
        What the phase-coherent spin current at 0- and 0+ changes by.
    """

    leaving: FloatArray
    density: FloatArray
    current: FloatArray


def pumped_by_spheres(
    k_parallel: ArrayLike,
    sides: tuple[Side, Side],
    parameters: FloatArray,
    turning: Turning,
    drive: FloatArray,
) -> Emission:
    """Emission of an interface.

    Parameters
    ----------
    k_parallel : array_like, shape (n, 2)
        In units of k_0.
    sides : (Side, Side)
        Below and above, velocities in v_0.
    parameters : ndarray, shape (12,)
        As in `torkivity_engine.kinetics.matching.match`.
    turning : Turning
    drive : ndarray, shape (3, c)
        q, perpendicular to m.

    Returns
    -------
    Emission
    """
    waves = _waves(np.asarray(k_parallel, dtype=np.float64), sides, parameters, turning, drive)
    adjoint = np.conj(np.swapaxes(waves.v, 1, 2))
    s = adjoint @ waves.psi - np.eye(4)
    d_s = adjoint[:, None] @ waves.d_psi
    d_s = d_s + np.conj(np.swapaxes(waves.d_v, 2, 3)) @ waves.psi[:, None]
    # A channel without a state has S = -1 there, which never changes.
    sent = 2j * d_s @ np.conj(np.swapaxes(s, 1, 2))[:, None]
    leaving = np.zeros((len(s), 8, drive.shape[1]))
    current = np.zeros((len(s), 2, 3, drive.shape[1]))
    for i, (side, sign) in enumerate(zip(sides, (-1.0, 1.0), strict=True)):
        own = slice(2 * i, 2 * i + 2)
        if side.split:
            leaving[:, 4 * i : 4 * i + 2] = np.einsum("ncss->nsc", sent[:, :, own, own]).real
        else:
            leaving[:, 4 * i : 4 * i + 4] = _coefficients(sent[:, :, own, own])
        phi = waves.normal[i] @ waves.psi
        d_phi = waves.d_normal[i] @ waves.psi[:, None] + waves.normal[i][:, None] @ waves.d_psi
        phi[:, :, own] -= 2.0 * waves.v[:, :, own]  # what arrives flows the other way
        d_phi[:, :, :, own] -= 2.0 * waves.d_v[:, :, :, own]
        current[:, i] = sign * _gained(phi, d_phi, waves)
    return Emission(leaving, parameters[11] * _gained(waves.psi, waves.d_psi, waves), current)


class _Waves(NamedTuple):
    """Channels of unit flux, below and above, and by how much they change per dm = q.

    Attributes
    ----------
    v, psi : ndarray of complex, shape (n, 2, 4)
    d_v, d_psi : ndarray of complex, shape (n, c, 2, 4)
    normal : list of ndarray, shape (n, 2, 2)
        N of each side.
    d_normal : list of ndarray, shape (n, c, 2, 2)
    """

    v: ComplexArray
    psi: ComplexArray
    d_v: ComplexArray
    d_psi: ComplexArray
    normal: list[ComplexArray]
    d_normal: list[ComplexArray]


def _waves(
    k: FloatArray,
    sides: tuple[Side, Side],
    parameters: FloatArray,
    turning: Turning,
    drive: FloatArray,
) -> _Waves:
    unit, sigma_q = parameters[11], np.einsum("ac,aij->cij", drive, _PAULI[:3])
    field = parameters[2:5] + k @ parameters[5:11].reshape(3, 2).T
    barrier = parameters[0] * _PAULI[3] + np.einsum("na,aij->nij", field, _PAULI[:3])
    normal = [_normal(side, unit) for side in sides]
    d = np.linalg.inv(normal[0] + normal[1] + 2j * barrier)
    states, d_states, d_normal = [_states(side, unit) for side in sides], [], []
    for side, own, turns in zip(sides, states, (turning.below, turning.above), strict=True):
        # d|s> = dP_s |s>, which gives a state no phase of its own; dP = -+ sigma.q / 2.
        factor = float(turns and side.split)
        d_states.append(factor * (sigma_q @ (own * np.array([-0.5, 0.5]))[:, None]))
        d_normal.append(factor * _half_difference(side, unit)[:, None] * sigma_q)
    d_inverse = d_normal[0] + d_normal[1]
    if turning.interface:
        d_inverse = d_inverse + 2j * parameters[1] * sigma_q
    v, d_v = np.concatenate(states, axis=2), np.concatenate(d_states, axis=3)
    psi = 2.0 * d @ v
    d_psi = d[:, None] @ (2.0 * d_v - d_inverse @ psi[:, None])
    return _Waves(v, psi, d_v, d_psi, normal, d_normal)


def _coefficients(matrices: ComplexArray) -> FloatArray:
    """tr[sigma_a M] / 2 for (x, y, z, charge), shape (n, 4, c), of shape (n, c, 2, 2)."""
    return np.asarray(0.5 * np.einsum("aij,ncji->nac", _PAULI, matrices).real)


def _gained(phi: ComplexArray, d_phi: ComplexArray, waves: _Waves) -> FloatArray:
    """What tr[sigma_a Phi psi^+] / 2 gains, spin rows, shape (n, 3, c)."""
    change = d_phi @ np.conj(np.swapaxes(waves.psi, 1, 2))[:, None]
    change = change - phi[:, None] @ np.conj(np.swapaxes(waves.d_psi, 2, 3))
    return _coefficients(1j * change)[:, :3]


def _states(side: Side, unit: float) -> ComplexArray:
    """Spinors of the propagating states times sqrt(nu), as columns, shape (n, 2, 2)."""
    flux = np.sqrt(np.where(side.velocity.imag == 0.0, side.velocity.real, 0.0) * unit)
    if not side.split:
        return flux[:, :1, None] * np.eye(2, dtype=np.complex128)
    x, y, z = side.axis
    # Columns along -m and +m; written for m away from -z, or from +z.
    up = np.array([1.0 + z, x + 1j * y]) if z >= 0.0 else np.array([x - 1j * y, 1.0 - z])
    up = up / np.linalg.norm(up)
    down = np.array([-np.conj(up[1]), np.conj(up[0])])
    return np.asarray(flux[:, None, :] * np.column_stack([down, up]))


def _normal(side: Side, unit: float) -> ComplexArray:
    """N of a side, shape (n, 2, 2)."""
    mean = 0.5 * unit * side.velocity.sum(axis=1)
    along = np.einsum("a,aij->ij", side.axis, _PAULI[:3])
    half = _half_difference(side, unit)
    return np.asarray(mean[:, None, None] * _PAULI[3] + half * along)


def _half_difference(side: Side, unit: float) -> ComplexArray:
    """(nu_minority - nu_majority) / 2, the coefficient of sigma.m in N, shape (n, 1, 1)."""
    half = 0.5 * unit * (side.velocity[:, 1] - side.velocity[:, 0])
    return np.asarray(half[:, None, None])
