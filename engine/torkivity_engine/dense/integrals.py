"""Integrals over layers from the modes of the dense method, in closed form."""

from __future__ import annotations

import numpy as np

from torkivity_engine.balances import LayerIntegrals
from torkivity_engine.dense.matching import DenseStates
from torkivity_engine.film.stack import Stack

__all__ = ["dense_integrals"]


def dense_integrals(stack: Stack, states: DenseStates, columns: slice) -> LayerIntegrals:
    """Integrals over all layers, for some of the drives.

    Parameters
    ----------
    stack : Stack
    states : DenseStates
    columns : slice

    Returns
    -------
    LayerIntegrals
    """
    w, v = states.mesh.weights, states.mesh.velocities
    in_plane, torque = [], []
    for i, layer in enumerate(stack.layers):
        g = states.integral(i)[columns]
        in_plane.append(np.einsum("ni,cna->aic", w[:, None] * v[:, :2], g))
        torque.append(layer.torque_density(np.einsum("n,cna->ac", w, g)[:3]))
    return LayerIntegrals(np.stack(in_plane), np.stack(torque))
