"""Integrals over layers from what flows through their faces.

The moments l = 0 and l = 1 of the Boltzmann equation are balances: what enters a layer of spin
and momentum and does not leave it is what collisions and precession take. They give currents
in the plane, and torques in the bulk, without an integral over z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.collisions import (
    collision_terms,
    driven_distribution,
    momentum_response,
)
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.stack import Stack
from torkivity_engine.spin import CHARGE, rotation_to

__all__ = ["LayerIntegrals", "PumpedMoments", "balances", "layer_balance", "pumped_density"]


@dataclass(frozen=True, eq=False)
class LayerIntegrals:
    """Integrals over the thickness of every layer, without the prefactor C.

    Attributes
    ----------
    in_plane : ndarray, shape (n_layers, 4, 2, n_drives)
        Of int dOmega (v_x, v_y) g, (layer, component, direction, drive).
    torque : ndarray, shape (n_layers, 3, n_drives)
        Of the torque of the spins on the layer's magnetization.
    """

    in_plane: FloatArray
    torque: FloatArray

    def joined(self) -> LayerIntegrals:
        """All layers as one: those that a single layer was cut into."""
        return LayerIntegrals(
            self.in_plane.sum(axis=0, keepdims=True), self.torque.sum(axis=0, keepdims=True)
        )


@dataclass(frozen=True, eq=False)
class PumpedMoments:
    """What a turning magnetization pumps, per unit q and without the prefactor C.

    Attributes
    ----------
    current_minus, current_plus : ndarray, shape (n_interfaces, 4, n)
        Flow along +z of (x, y, z, charge) at 0- and 0+.
    density : ndarray, shape (n_interfaces, 3, n)
        Spin density at z = 0 times v_F.
    integrals : LayerIntegrals
    certificates : dict of str to float
    """

    current_minus: FloatArray
    current_plus: FloatArray
    density: FloatArray
    integrals: LayerIntegrals
    certificates: dict[str, float]


def pumped_density(layer: Layer, drive: FloatArray) -> FloatArray:
    """Uniform spin distribution that a turning magnetization makes in the bulk.

    Parameters
    ----------
    layer : Layer
        A magnet.
    drive : ndarray, shape (3, n)
        q = (hbar / 2) dm/dt, perpendicular to m.

    Returns
    -------
    ndarray, shape (4, n)
        (x, y, z, charge): the source q / l_prec over what relaxes and precesses.
    """
    result = np.zeros((4, drive.shape[1]))
    if layer.exchange_rate > 0.0:
        result[:CHARGE] = _across(layer, layer.exchange_rate * drive)
    return result


def balances(
    stack: Stack,
    flows: FloatArray,
    field: FloatArray,
    moments: tuple[float, float],
    drive: FloatArray | None = None,
) -> LayerIntegrals:
    """Integrals over all layers from the flows through their faces.

    Parameters
    ----------
    stack : Stack
    flows : ndarray, shape (n_layers, 2, 4, 4, n_drives)
        (layer, face, flow, component, drive): int dOmega v_z (v_x, v_y, v_z, 1) g, without what
        the drive makes of the bulk.
    field : ndarray, shape (2, n_drives)
        Field along x and y.
    moments : (float, float)
        3 <k_x^2> and 3 <k_z^2> of the mesh.
    drive : ndarray, shape (n_layers, 3, n_drives), optional
        q of the layers whose magnetization turns.

    Returns
    -------
    LayerIntegrals
    """
    nothing = np.zeros((len(stack.layers), CHARGE, field.shape[1]))
    parts = [
        layer_balance(layer, faces, field, moments, q)
        for layer, faces, q in zip(
            stack.layers, flows, nothing if drive is None else drive, strict=True
        )
    ]
    return LayerIntegrals(*(np.stack(part) for part in zip(*parts, strict=True)))


def layer_balance(
    layer: Layer,
    faces: FloatArray,
    field: FloatArray,
    moments: tuple[float, float],
    drive: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Integrals over one layer, see `balances`.

    Returns
    -------
    in_plane : ndarray, shape (4, 2, n_drives)
    torque : ndarray, shape (3, n_drives)
    """
    t, lost = layer.thickness, faces[0] - faces[1]
    # A flow along b is that of a distribution k_b G_b, of which it holds 3 <k_b^2>.
    held = np.array([moments[0], moments[0], moments[1]])[:, None, None]
    current = np.tensordot(momentum_response(layer, moments)[:2], lost[:3] / held, axes=2)
    current += 4.0 * math.pi / 3.0 * t * driven_distribution(layer, moments)[:2] @ field
    current *= moments[0]
    content = np.zeros((CHARGE, field.shape[1]))
    if layer.magnetization is not None and layer.exchange_rate > 0.0:
        content += _across(layer, lost[3, :CHARGE])
        content += 4.0 * math.pi * t * pumped_density(layer, drive)[:CHARGE]
    return current.transpose(1, 0, 2), layer.torque_density(content)


def _across(layer: Layer, source: FloatArray) -> FloatArray:
    """Transverse spins, shape (3, n), of which so much is lost as a source gives."""
    assert layer.magnetization is not None
    axes = rotation_to(layer.magnetization)[:, :2]
    terms = collision_terms(layer)
    rate = axes.T @ (terms.k_out - terms.k_in[0, 0])[:CHARGE, :CHARGE] @ axes
    return np.asarray(axes @ np.linalg.solve(rate, axes.T @ source))
