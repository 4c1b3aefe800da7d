"""Collision terms of the Boltzmann equation in one layer.

mu_z dg/dz = -K_out g + K_in[g] + v_E delta_{alpha c}     (Appendix C, (C5))

per direction, with 4x4 spin-charge matrices. K_in is a finite sum of spherical harmonics,
K_in[g](k) = sum_{ab} Y_a(k) C_ab <Y_b g>, with <.> the Fermi-surface average and real
harmonics normalised to <Y_a Y_b> = delta_ab: Y_0 = 1, (Y_1, Y_2, Y_3) = sqrt(3) (k_x, k_y, k_z).
Lengths are nm, so every rate is in 1/nm (rate over v_F).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.spin import CHARGE, cross_matrix

__all__ = ["CollisionTerms", "harmonics", "with_skew_scattering", "with_two_currents"]


@dataclass(frozen=True, eq=False)
class CollisionTerms:
    """Out- and in-scattering of one layer.

    Attributes
    ----------
    k_out : ndarray, shape (4, 4)
        Out-scattering, exchange precession included, 1/nm.
    k_in : ndarray, shape (n_harmonics, n_harmonics, 4, 4)
        Coefficients C_ab of the in-scattering, 1/nm. n_harmonics is 1 (isotropic) or 4.
    """

    k_out: FloatArray
    k_in: FloatArray


def harmonics(directions: FloatArray, count: int) -> FloatArray:
    """Real spherical harmonics at unit vectors, normalised to a mean square of one.

    Parameters
    ----------
    directions : ndarray, shape (n, 3)
    count : {1, 4}
        1 for l = 0, 4 for l <= 1.

    Returns
    -------
    ndarray, shape (count, n)
    """
    y = np.ones((count, len(directions)))
    if count == 4:
        y[1:] = math.sqrt(3.0) * directions.T
    return y


def with_skew_scattering(rate: float, spin: float, spin_hall_angle: float) -> CollisionTerms:
    """Isotropic scattering of a non-magnet, and skew scattering.

    Parameters
    ----------
    rate : float
        1/lambda in 1/nm.
    spin : float
        s = 1/lambda_mf - 1/lambda_sf in 1/nm: what comes back of a spin.
    spin_hall_angle : float
        theta_SH.

    Returns
    -------
    CollisionTerms
    """
    k_out, isotropic = rate * np.eye(4), np.diag([spin, spin, spin, rate])
    if spin_hall_angle == 0.0:
        return CollisionTerms(k_out=k_out, k_in=isotropic[None, None])
    # Skew scattering couples charge and spin s through (k x k')_s, with the same sign both
    # ways; in normalised harmonics 3 k_a k'_b becomes Y_a Y_b.
    skew = -spin_hall_angle * rate
    k_in = np.zeros((4, 4, 4, 4))
    k_in[0, 0] = isotropic
    for s, a, b in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        for first, second, sign in ((a, b, 1.0), (b, a, -1.0)):
            k_in[1 + first, 1 + second, s, CHARGE] = sign * skew
            k_in[1 + first, 1 + second, CHARGE, s] = sign * skew
    return CollisionTerms(k_out=k_out, k_in=k_in)


def with_two_currents(
    m: FloatArray, a: float, d: float, geometric_mean: float, flip: float, precession_length: float
) -> CollisionTerms:
    """Spin-dependent scattering and precession of a ferromagnet with equal Fermi spheres.

    Parameters
    ----------
    m : ndarray, shape (3,)
        Unit vector; majority spins point along -m.
    a, d : float
        Mean and half difference of the rates of majority and minority spins, 1/nm.
    geometric_mean : float
        Of these rates, 1/nm.
    flip : float
        1/lambda_sf, 1/nm.
    precession_length : float
        nm.

    Returns
    -------
    CollisionTerms
    """
    majority = -m
    along, across = np.outer(m, m), np.eye(3) - np.outer(m, m)

    k_out = (a + flip) * np.eye(4)
    k_out[:3, CHARGE] = k_out[CHARGE, :3] = d * majority
    k_out[:3, :3] -= cross_matrix(m) / precession_length

    k_in = np.zeros((4, 4))
    k_in[:3, :3] = (a - flip) * along + (geometric_mean - flip) * across
    k_in[CHARGE, CHARGE] = a + flip
    k_in[:3, CHARGE] = k_in[CHARGE, :3] = d * majority
    return CollisionTerms(k_out=k_out, k_in=k_in[None, None])
