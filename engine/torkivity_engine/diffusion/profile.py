"""Accumulations, currents and torque density inside the layers of a film in drift-diffusion."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.sheet import spin_hall_direction
from torkivity_engine.film.stack import Stack
from torkivity_engine.profiles import DiffusionProfile, profile_depths
from torkivity_engine.spin import CHARGE

__all__ = ["Drive", "diffusion_profile"]


class Drive(NamedTuple):
    """What drives a film.

    Attributes
    ----------
    field : bool
        Whether there is a field.
    spin_hall : bool
        Whether it drives spin Hall currents.
    exact_length : bool
        As of `torkivity_engine.film.layer.Layer.transport`.
    """

    field: bool
    spin_hall: bool
    exact_length: bool


def diffusion_profile(
    stack: Stack, faces: FloatArray, drive: Drive, layer: int, z: ArrayLike | None
) -> DiffusionProfile:
    """Profile of one layer from the accumulations at its faces.

    Parameters
    ----------
    stack : Stack
    faces : ndarray, shape (n_layers, 2, 4)
        mu at the bottom and at the top of each layer.
    drive : Drive
    layer : int
        Counted from the left (bottom).
    z : array_like or None
        Depths in nm from the layer's left face; None takes 41 points that crowd towards
        the faces.
    """
    depths = profile_depths(stack, layer, z)
    material, k_f, n = stack.layers[layer], stack.fermi_wavevector, len(depths)
    mu, current, torque = np.zeros((n, 4)), np.zeros((n, 4)), np.zeros((n, CHARGE))
    in_plane = np.zeros((n, 2))
    if not material.outermost_only:
        y_p = spin_hall_direction(stack) if drive.spin_hall else None
        law = material.transport(k_f, y_p, exact_length=drive.exact_length)
        mu, slope, current = law.inside(depths * METRE_PER_NM, *faces[layer])
        if material.magnetic:
            torque = law.torque_density(mu)
        if drive.field:
            in_plane += 0.5 * material.conductivity_in(k_f) * stack.field_direction[:2]
        if drive.spin_hall:
            inverse = [material.spin_hall_current(k_f, axis) for axis in ([0, 1, 0], [-1, 0, 0])]
            in_plane += slope[:, :CHARGE] @ np.transpose(inverse)
    return DiffusionProfile(
        z=depths,
        spin_current=current[:, :CHARGE],
        charge_current=current[:, CHARGE],
        spin_accumulation=mu[:, :CHARGE],
        charge_accumulation=mu[:, CHARGE],
        in_plane_charge=in_plane,
        torque_density=torque,
    )
