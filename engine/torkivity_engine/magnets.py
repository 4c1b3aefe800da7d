"""Torques on the magnets of a stack, each from all its interfaces and faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.stack import Stack
from torkivity_engine.record import MAGNET_PARTS
from torkivity_engine.solution import InterfaceResponse, entering_spin, framed_torques
from torkivity_engine.spin import torque_frames, transverse, vectors

__all__ = ["MagnetResponse", "magnet_records", "magnet_responses"]


@dataclass(frozen=True, eq=False)
class MagnetResponse:
    """Torque on one ferromagnetic layer, per E~ in 1/(Ohm m).

    Attributes
    ----------
    name : str
        Of the layer.
    torque_interface : ndarray, shape (3,)
        Sum of tau_mag over the interfaces that belong to it.
    torque_ferromagnet : ndarray, shape (3,)
        Transverse spin current that enters through its faces.
    m, field_direction : ndarray, shape (3,)
        Unit vectors.
    """

    name: str
    torque_interface: FloatArray
    torque_ferromagnet: FloatArray
    m: FloatArray
    field_direction: FloatArray

    @property
    def torque_total(self) -> FloatArray:
        """Sum of both, shape (3,)."""
        return self.torque_interface + self.torque_ferromagnet

    def record(self) -> dict[str, FloatArray]:
        """Numbers by the names of `torkivity_engine.record.MAGNET_VARIABLES`.

        Damping-like and field-like parts are NaN where their frame does not exist.
        """
        return {name: value[0] for name, value in magnet_records([self]).items()}


def magnet_records(magnets: Sequence[MagnetResponse]) -> dict[str, FloatArray]:
    """What `MagnetResponse.record` gives of each of some magnets, shape (n, ...) by name."""
    frames = torque_frames(
        vectors(magnet.m for magnet in magnets),
        vectors(magnet.field_direction for magnet in magnets),
    )
    torques = {
        part: vectors(getattr(magnet, f"torque_{part}") for magnet in magnets)
        for part in MAGNET_PARTS
    }
    return framed_torques("magnet_torque", torques, frames)


def magnet_responses(
    stack: Stack, interfaces: Sequence[InterfaceResponse]
) -> tuple[MagnetResponse, ...]:
    """Torque on every ferromagnetic layer.

    Parameters
    ----------
    stack : Stack
    interfaces : sequence of InterfaceResponse
        Those of the stack, from the bottom.

    Returns
    -------
    tuple of MagnetResponse
        From the bottom: tau = sum of tau_mag of the interfaces that the stack counts to the
        magnet (`torkivity_engine.film.stack.Stack.torque_owner`) + sum of the transverse spin
        current entering through its faces. Nothing enters through an outer face.
    """
    found = []
    for index, layer in enumerate(stack.layers):
        if layer.magnetization is None:
            continue
        m = np.array(layer.magnetization)
        entering = entering_spin(index, interfaces)
        torque = np.zeros(3)
        for i, response in enumerate(interfaces):
            if stack.torque_owner(i) == index:
                torque = torque + response.torque_interface
        found.append(
            MagnetResponse(
                name=stack.names[index],
                torque_interface=torque,
                torque_ferromagnet=transverse(entering, m),
                m=m,
                field_direction=stack.field_direction,
            )
        )
    return tuple(found)
