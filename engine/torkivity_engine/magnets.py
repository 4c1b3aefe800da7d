"""Torques on the magnets of a stack, each from all its interfaces and faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.stack import Stack
from torkivity_engine.record import MAGNET_PARTS
from torkivity_engine.solution import InterfaceResponse, entering_spins, framed_torques
from torkivity_engine.spin import CHARGE, torque_frames, transverse, vectors

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
        own = vectors((self.torque_interface, self.torque_ferromagnet, self.m))
        rows = _records(own[:1], own[1:2], own[2:], self.field_direction[None])
        return {name: value[0] for name, value in rows.items()}


def magnet_records(
    stacks: Sequence[Stack], interfaces: Sequence[Sequence[InterfaceResponse]]
) -> dict[str, FloatArray]:
    """What `MagnetResponse.record` gives of each magnet of some stacks.

    Parameters
    ----------
    stacks : sequence of Stack
        With as many layers and as many magnets each.
    interfaces : sequence of sequence of InterfaceResponse
        Those of each stack, from the bottom.

    Returns
    -------
    dict of str to ndarray, shape (n, ...)
        By name; the magnets of a stack one after the other, from the bottom. The digits of a stack
        do not depend on the others.
    """
    at_interfaces, entering, m = _torques(stacks, interfaces)
    fields = vectors(stack.field_direction for stack in stacks)
    fields = np.repeat(fields, m.shape[1], axis=0)
    flat = [x.reshape(-1, 3) for x in (at_interfaces, entering, m)]
    return _records(flat[0], flat[1], flat[2], fields)


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
    at_interfaces, entering, m = _torques([stack], [interfaces])
    return tuple(
        MagnetResponse(
            name=stack.names[index],
            torque_interface=at_interfaces[0, k],
            torque_ferromagnet=entering[0, k],
            m=m[0, k],
            field_direction=stack.field_direction,
        )
        for k, index in enumerate(_magnets(stack))
    )


def _magnets(stack: Stack) -> list[int]:
    """Layers with a magnetization."""
    return [i for i, layer in enumerate(stack.layers) if layer.magnetization is not None]


def _torques(
    stacks: Sequence[Stack], interfaces: Sequence[Sequence[InterfaceResponse]]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Torques of interfaces and of spins that enter, and m, shape (n_stacks, n_magnets, 3)."""
    count = len(stacks)
    own = [_magnets(stack) for stack in stacks]
    layers = np.array(own, dtype=np.int64).reshape(count, len(own[0]) if own else 0)
    directions = [
        s.layers[i].magnetization or () for s, at in zip(stacks, own, strict=True) for i in at
    ]
    m = vectors(directions).reshape(*layers.shape, 3)
    every = [response for some in interfaces for response in some]
    shape = count, len(interfaces[0]) if count else 0, 3
    torques = vectors(r.torque for r in every).reshape(shape)
    minus = vectors((r.current_minus for r in every), CHARGE + 1)[:, :CHARGE].reshape(shape)
    plus = vectors((r.current_plus for r in every), CHARGE + 1)[:, :CHARGE].reshape(shape)
    at_interfaces = np.zeros_like(m)
    for i in range(shape[1]):
        owners = np.array([-1 if (o := s.torque_owner(i)) is None else o for s in stacks])
        mine = owners[:, None] == layers
        at_interfaces = np.where(
            mine[..., None], at_interfaces + torques[:, i, None], at_interfaces
        )
    into = entering_spins(minus, plus)[np.arange(count)[:, None], layers]
    return at_interfaces, transverse(into, m), m


def _records(
    at_interfaces: FloatArray, entering: FloatArray, m: FloatArray, fields: FloatArray
) -> dict[str, FloatArray]:
    """Rows, shape (n, 3), by the names of a record."""
    torques = {
        "total": at_interfaces + entering,
        "interface": at_interfaces,
        "ferromagnet": entering,
    }
    frames = torque_frames(m, fields)
    return framed_torques("magnet_torque", {part: torques[part] for part in MAGNET_PARTS}, frames)
