"""Collision terms of the layers of a film, what a field drives in them, how far they remember."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal, Layer
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_engine.spin import CHARGE, cross_matrix

__all__ = ["collision_terms", "decay_reach", "driven_distribution"]

#: e^-40 is below rounding.
_DECAYED = 40.0


def collision_terms(layer: Layer) -> CollisionTerms:
    """Collision terms of a heavy metal or a ferromagnet.

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet
        A ferromagnet must have its magnetization set.

    Returns
    -------
    CollisionTerms
        In Cartesian spin components.
    """
    if isinstance(layer, HeavyMetal):
        return _heavy_metal(layer)
    return _ferromagnet(layer)


def _heavy_metal(layer: HeavyMetal) -> CollisionTerms:
    rate = 1.0 / layer.total_mean_free_path
    spin = 1.0 / layer.mean_free_path - 1.0 / layer.spin_flip_length
    k_out, isotropic = rate * np.eye(4), np.diag([spin, spin, spin, rate])
    if layer.spin_hall_angle == 0.0:
        return CollisionTerms(k_out=k_out, k_in=isotropic[None, None])
    # Skew scattering couples charge and spin s through (k x k')_s, with the same sign both
    # ways; in normalised harmonics 3 k_a k'_b becomes Y_a Y_b.
    skew = -layer.spin_hall_angle * rate
    k_in = np.zeros((4, 4, 4, 4))
    k_in[0, 0] = isotropic
    for s, a, b in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        for first, second, sign in ((a, b, 1.0), (b, a, -1.0)):
            k_in[1 + first, 1 + second, s, CHARGE] = sign * skew
            k_in[1 + first, 1 + second, CHARGE, s] = sign * skew
    return CollisionTerms(k_out=k_out, k_in=k_in)


def _ferromagnet(layer: Ferromagnet) -> CollisionTerms:
    assert layer.magnetization is not None
    m = np.array(layer.magnetization)
    majority = -m
    a, d, flip = layer.mean_rate, layer.rate_asymmetry, 1.0 / layer.spin_flip_length
    along, across = np.outer(m, m), np.eye(3) - np.outer(m, m)

    k_out = (a + flip) * np.eye(4)
    k_out[:3, CHARGE] = k_out[CHARGE, :3] = d * majority
    k_out[:3, :3] -= cross_matrix(m) / layer.precession_length

    k_in = np.zeros((4, 4))
    geometric_mean = 1.0 / math.sqrt(layer.mean_free_path_majority * layer.mean_free_path_minority)
    k_in[:3, :3] = (a - flip) * along + (geometric_mean - flip) * across
    k_in[CHARGE, CHARGE] = a + flip
    k_in[:3, CHARGE] = k_in[CHARGE, :3] = d * majority
    return CollisionTerms(k_out=k_out, k_in=k_in[None, None])


@lru_cache(maxsize=256)
def driven_distribution(layer: Layer) -> FloatArray:
    """Field-driven bulk distribution per e^2 E~, g_P(k) = sum_a k_a G_a (B2), (B3).

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet

    Returns
    -------
    ndarray, shape (3, 4, 2)
        G: axis a of k, component (x, y, z, charge), field along x and y; nm. Exact: the
        uniform solution of the Boltzmann equation, whose l = 1 harmonics are closed among
        themselves. Without skew scattering G_a is (0, 0, 0, lambda) in a heavy metal and
        (-g_l m, g_c) in a ferromagnet for a along the field, and zero otherwise.
    """
    terms = collision_terms(layer)
    k_in = np.zeros((3, 3, 4, 4))
    if len(terms.k_in) > 1:
        k_in += terms.k_in[1:4, 1:4]
    operator = np.einsum("ab,ij->aibj", np.eye(3), terms.k_out) - k_in.transpose(0, 2, 1, 3)
    drive = np.zeros((3, 4, 2))
    drive[0, CHARGE, 0] = drive[1, CHARGE, 1] = 1.0
    solution: FloatArray = np.linalg.solve(operator.reshape(12, 12), drive.reshape(12, 2))
    solution = solution.reshape(3, 4, 2)
    solution.flags.writeable = False
    return solution


def decay_reach(layer: Layer) -> float:
    """A length over which everything that decays in a layer has decayed to rounding.

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet

    Returns
    -------
    float
        nm: 40 times a bound on the longest finite decay length. Relaxation at a rate r decays
        over sqrt(lambda / 3r) when slow and over lambda when fast.
    """
    flip = 2.0 / layer.spin_flip_length
    if isinstance(layer, HeavyMetal):
        longest, rates = layer.total_mean_free_path, [flip]
    else:
        up, down = layer.mean_free_path_majority, layer.mean_free_path_minority
        longest = max(up, down)
        dephasing = layer.mean_rate - 1.0 / math.sqrt(up * down)
        if dephasing < 1e-13 * layer.mean_rate:
            dephasing = 0.0
        rates = [flip, math.hypot(dephasing + flip, 1.0 / layer.precession_length)]
    slowest = min([rate for rate in rates if rate > 0.0] + [1.0 / longest])
    return _DECAYED * math.sqrt(longest / slowest)
