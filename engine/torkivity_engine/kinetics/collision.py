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

__all__ = ["CollisionTerms", "harmonics"]


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
