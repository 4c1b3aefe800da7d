"""Interfaces of a stack as the kernels of the channels take them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.stack import Stack
from torkivity_engine.reduced.channels import InterfaceInput
from torkivity_meshes import AzimuthalRings

__all__ = ["interface_input", "ring_directions"]

_NO_TABLE = np.empty((0, 1, 1, 8, 8)), np.empty((0, 1, 1, 3, 8))


def interface_input(stack: Stack, rings: AzimuthalRings) -> InterfaceInput:
    """Closed forms where interfaces have them, tensors at every k_parallel where not.

    Parameters
    ----------
    stack : Stack
    rings : AzimuthalRings

    Returns
    -------
    InterfaceInput
    """
    directions = [stack.interface_magnetization(i) for i in range(len(stack.interfaces))]
    closed = [
        interface.closed_form(m) for interface, m in zip(stack.interfaces, directions, strict=True)
    ]
    if all(form is not None for form in closed):
        return InterfaceInput(np.array(closed), _closed_only(len(closed)), *_NO_TABLE)
    parameters = np.array([np.ones(12) if form is None else form for form in closed])
    table = np.full(len(closed), -1)
    scattering: list[FloatArray] = []
    density: list[FloatArray] = []
    for i, (interface, m) in enumerate(zip(stack.interfaces, directions, strict=True)):
        if closed[i] is not None:
            continue
        table[i] = len(scattering)
        own = interface.scattering(m, ring_directions(rings))
        shape = (rings.n_polar, len(rings.azimuths))
        scattering.append(own.matrix().reshape(*shape, 8, 8))
        density.append(own.density().reshape(*shape, 3, 8))
    return InterfaceInput(parameters, table, np.stack(scattering), np.stack(density))


@cache
def _closed_only(count: int) -> NDArray[np.int64]:
    return np.full(count, -1)


def ring_directions(rings: AzimuthalRings) -> FloatArray:
    """Unit vectors with k_z > 0, ring by ring, shape (n, 3)."""
    mu = rings.cosines[:, None]
    sine = np.sqrt((1.0 - mu) * (1.0 + mu))
    x, y = sine * np.cos(rings.azimuths), sine * np.sin(rings.azimuths)
    return np.stack([x, y, np.broadcast_to(mu, x.shape)], axis=2).reshape(-1, 3)
