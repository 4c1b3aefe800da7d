"""Spin and charge currents, accumulations and torque density against depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import InputError
from torkivity_engine.film.stack import Stack
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.spin import CHARGE

__all__ = [
    "DiffusionProfile",
    "LayerMoments",
    "LayerProfile",
    "layer_profile",
    "profile_depths",
]


@dataclass(frozen=True, eq=False)
class LayerMoments:
    """Moments of the distribution at some depths of one layer, without the prefactor C.

    Attributes
    ----------
    current : ndarray, shape (n_z, 4, n_drives)
        int dOmega v_z g.
    density : ndarray, shape (n_z, 4, n_drives)
        int dOmega g.
    in_plane : ndarray, shape (n_z, 4, 2, n_drives)
        int dOmega (v_x, v_y) g.
    """

    current: FloatArray
    density: FloatArray
    in_plane: FloatArray


#: From layer index and depths in nm to moments.
MomentSource = Callable[[int, FloatArray], LayerMoments]


@dataclass(frozen=True, eq=False)
class LayerProfile:
    """Profile through one layer: per E~ in the units below, or per injection.

    Attributes
    ----------
    z : ndarray, shape (n_z,)
        Depth from the layer's left (lower) face in nm.
    spin_current : ndarray, shape (n_z, 3)
        Flow along +z, 1/(Ohm m).
    charge_current : ndarray, shape (n_z,)
        Flow along +z, 1/(Ohm m).
    spin_accumulation : ndarray, shape (n_z, 3)
        4 pi C <g_s>: spin density times v_F, 1/(Ohm m).
    charge_accumulation : ndarray, shape (n_z,)
        4 pi C <g_c>, measured from the gauge of closed stacks, 1/(Ohm m).
    in_plane_current : ndarray, shape (n_z, 4, 2)
        Flow of (x, y, z, charge) along x and y, 1/(Ohm m).
    torque_density : ndarray, shape (n_z, 3)
        Torque of the carriers on the magnetization of a ferromagnet per volume,
        (4 pi C / l_prec) <g_s> x m, 1/(Ohm m^2); zero elsewhere.
    """

    accumulation_unit: ClassVar[str] = "1/(Ohm m)"

    z: FloatArray
    spin_current: FloatArray
    charge_current: FloatArray
    spin_accumulation: FloatArray
    charge_accumulation: FloatArray
    in_plane_current: FloatArray
    torque_density: FloatArray

    @property
    def in_plane_charge(self) -> FloatArray:
        """Flow of the charge coefficient along x and y, shape (n_z, 2), 1/(Ohm m)."""
        return np.asarray(self.in_plane_current[:, CHARGE])


@dataclass(frozen=True, eq=False)
class DiffusionProfile:
    """Profile through one layer in drift-diffusion: per E~ in the units below, or per injection.

    Attributes
    ----------
    z : ndarray, shape (n_z,)
        Depth from the layer's left (lower) face in nm.
    spin_current : ndarray, shape (n_z, 3)
        Flow along +z, 1/(Ohm m).
    charge_current : ndarray, shape (n_z,)
        Flow along +z, 1/(Ohm m).
    spin_accumulation : ndarray, shape (n_z, 3)
        mu_s, m: times the field in V/m it is in V.
    charge_accumulation : ndarray, shape (n_z,)
        mu_c, measured from the gauge of closed stacks, m.
    in_plane_charge : ndarray, shape (n_z, 2)
        Flow of the charge coefficient along x and y, 1/(Ohm m).
    torque_density : ndarray, shape (n_z, 3)
        Torque of the carriers on the magnetization of a ferromagnet per volume, 1/(Ohm m^2): by
        precession and by dephasing, without what the lattice takes; zero elsewhere.
    """

    accumulation_unit: ClassVar[str] = "m"

    z: FloatArray
    spin_current: FloatArray
    charge_current: FloatArray
    spin_accumulation: FloatArray
    charge_accumulation: FloatArray
    in_plane_charge: FloatArray
    torque_density: FloatArray


def profile_depths(stack: Stack, layer: int, z: ArrayLike | None) -> FloatArray:
    """Depths of a profile in nm, see `layer_profile`."""
    if not 0 <= layer < len(stack.layers):
        raise InputError("layer", layer, f"must be from 0 to {len(stack.layers) - 1}")
    thickness = stack.layers[layer].thickness
    if z is None:
        z = 0.5 * thickness * (1.0 - np.cos(np.linspace(0.0, np.pi, 41)))
    depths = np.atleast_1d(np.asarray(z, dtype=np.float64))
    if not np.all((depths >= 0.0) & (depths <= thickness)):
        raise InputError("z", z, f"must lie in the layer, between 0 and {thickness:g} nm")
    return depths


@with_one_blas_thread
def layer_profile(
    stack: Stack,
    source: MomentSource,
    layer: int,
    z: ArrayLike | None,
    weights: FloatArray,
    unit: float,
) -> LayerProfile:
    """Profile of one layer from the moments of any method.

    Parameters
    ----------
    stack : Stack
    source : callable
        Moments at given depths.
    layer : int
        Counted from the left (bottom).
    z : array_like or None
        Depths in nm from the layer's left face; None takes 41 points that crowd towards
        the faces.
    weights : ndarray, shape (n_drives,)
        How the drives combine.
    unit : float
        What turns moments into the unit of the result.

    Returns
    -------
    LayerProfile

    Raises
    ------
    InputError
        For a layer that is not there or a depth outside it.
    """
    depths = profile_depths(stack, layer, z)
    moments = source(layer, depths)
    current = unit * moments.current @ weights
    density = unit * moments.density @ weights
    torque = stack.layers[layer].torque_density(density[:, :CHARGE].T).T / METRE_PER_NM
    return LayerProfile(
        z=depths,
        spin_current=current[:, :CHARGE],
        charge_current=current[:, CHARGE],
        spin_accumulation=density[:, :CHARGE],
        charge_accumulation=density[:, CHARGE],
        in_plane_current=unit * moments.in_plane @ weights,
        torque_density=torque,
    )
