"""Conductances of delta barriers without spin-orbit coupling: closed forms, many in one call.

Their laws are axial: with spins up along -m, two channels along m and a complex mixing one across,
j_1 + i j_2 = G (mu_1 + i mu_2) in a right-handed frame (e_1, e_2, m).
"""

from __future__ import annotations

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.moments import reflection_moment, transmission_moment
from torkivity_engine.machine.kernels import njit
from torkivity_engine.spin import CHARGE

__all__ = ["delta_responses"]


def delta_responses(barriers: FloatArray, m: FloatArray, prefactor: FloatArray) -> FloatArray:
    """Responses of K interfaces to isotropic accumulations beside them.

    Parameters
    ----------
    barriers : ndarray, shape (K, 2)
        Of spins along -m and +m.
    m : ndarray, shape (K, 3)
        Unit vectors.
    prefactor : ndarray, shape (K,)
        C in 1/(Ohm m^2).

    Returns
    -------
    ndarray, shape (K, 11, 8)
        Rows j(0-) (4), j(0+) (4), s (3); columns (x, y, z, charge) of mu(0-) and of mu(0+);
        1/(Ohm m^2).
    """
    out = np.empty((len(barriers), 11, 8))
    _fill_all(barriers, m, prefactor, out)
    return out


@njit(cache=True, error_model="numpy")
def _fill_all(barriers, m, prefactor, out):  # type: ignore[no-untyped-def]
    """`delta_responses` into its result."""
    own = np.empty((3, 4, 4))
    for k in range(barriers.shape[0]):
        up, down, c = barriers[k, 0], barriers[k, 1], 2.0 * np.pi * prefactor[k]
        flux = transmission_moment(1, up, up).real, transmission_moment(1, down, down).real
        density = transmission_moment(0, up, up).real, transmission_moment(0, down, down).real
        _axial(c, flux, reflection_moment(up, down), m[k], own[0])
        _axial(c, flux, transmission_moment(1, up, down), m[k], own[1])
        _axial(c, density, transmission_moment(0, up, down), m[k], own[2])
        for a in range(4):
            for b in range(4):
                out[k, a, b], out[k, a, 4 + b] = own[0, a, b], -own[1, a, b]
                out[k, 4 + a, b], out[k, 4 + a, 4 + b] = own[1, a, b], -own[0, a, b]
        for a in range(CHARGE):
            for b in range(4):
                out[k, 8 + a, b] = out[k, 8 + a, 4 + b] = own[2, a, b]


@njit(cache=True, inner=True, error_model="numpy")
def _axial(c, parallel, mixing, m, out):  # type: ignore[no-untyped-def]
    """c times the 4x4 Cartesian matrix of two spin channels along -+m and a mixing one."""
    mean, half = 0.5 * c * (parallel[0] + parallel[1]), 0.5 * c * (parallel[0] - parallel[1])
    across, turn = c * mixing.real, c * mixing.imag
    for a in range(3):
        for b in range(3):
            along = m[a] * m[b]
            unit = 1.0 if a == b else 0.0
            out[a, b] = mean * along + across * (unit - along)
        out[a, CHARGE] = out[CHARGE, a] = -half * m[a]
    out[CHARGE, CHARGE] = mean
    out[0, 1] -= turn * m[2]
    out[0, 2] += turn * m[1]
    out[1, 0] += turn * m[2]
    out[1, 2] -= turn * m[0]
    out[2, 0] -= turn * m[1]
    out[2, 1] += turn * m[0]
