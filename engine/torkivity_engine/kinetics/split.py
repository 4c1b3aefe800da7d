"""Collisions in a layer whose spins have Fermi spheres of their own.

    mu_s dg_s/dz = -g_s (1/lambda_s + 1/lambda_sf,s) + <g_s>_s / lambda_s
                   + <g_-s>_-s / lambda_sf,s + v_E,        s = majority, minority,

with <.>_s the average over the sphere of that spin. Spins along m and -m only: coherence
between the two turns as exp(i (k_up - k_down) z) and counts as absorbed by the magnetization.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_engine.kinetics.spheres import Bands
from torkivity_meshes import AnnularGrid

__all__ = ["SplitLengths", "mesh_ratio", "split_terms"]


class SplitLengths(NamedTuple):
    """Kinetic lengths of majority and minority spins, nm.

    Attributes
    ----------
    mean_free_path : ndarray, shape (2,)
        lambda_s of scattering that keeps the spin.
    spin_flip : ndarray, shape (2,)
        lambda_sf,s; inf for none.
    """

    mean_free_path: FloatArray
    spin_flip: FloatArray

    @property
    def total(self) -> FloatArray:
        """lambda'_s, 1/lambda'_s = 1/lambda_s + 1/lambda_sf,s: g_P,s = v_E lambda'_s."""
        total: FloatArray = 1.0 / (1.0 / self.mean_free_path + 1.0 / self.spin_flip)
        return total


def mesh_ratio(bands: Bands, grid: AnnularGrid) -> FloatArray:
    """Exact over quadrature surface of the spheres of a split layer, shape (2,).

    Detailed balance weighs spin flips by surface times rate. On a grid the surface is that of
    the quadrature, so rates are multiplied by this to conserve charge to rounding.
    """
    ratios = np.ones(2)
    for spin, sphere in enumerate((bands.majority, bands.minority)):
        if sphere.radius > 0.0:
            on_it = slice(grid.first(sphere.radius), None)
            k_z = np.sqrt(grid.normal_squared(sphere.radius)[on_it])
            surface = float(np.sum(grid.area[on_it] / k_z))
            ratios[spin] = 2.0 * np.pi * sphere.radius / surface
    return ratios


def split_terms(lengths: SplitLengths, ratio: FloatArray) -> CollisionTerms:
    """Collision terms of the two occupations, slots (majority, minority).

    Parameters
    ----------
    lengths : SplitLengths
    ratio : ndarray, shape (2,)
        From `mesh_ratio`.

    Returns
    -------
    CollisionTerms
        2 x 2 matrices; averages are those over each spin's own sphere.
    """
    keep, flip = 1.0 / lengths.mean_free_path, ratio / lengths.spin_flip
    k_in = np.diag(keep) + np.diag(flip) @ np.array([[0.0, 1.0], [1.0, 0.0]])
    return CollisionTerms(k_out=np.diag(keep + flip), k_in=k_in[None, None])
