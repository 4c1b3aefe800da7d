"""A kinetic film as the parameters that drift-diffusion knows it by, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.tensors import (
    CircuitConductances,
    axial_mixing,
    circuit_conductances,
    interface_tensors,
)
from torkivity_engine.errors import InputError
from torkivity_engine.film.checks import Vector
from torkivity_engine.film.circuit_interface import CircuitInterface
from torkivity_engine.film.interface import Interface
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.spin import CHARGE
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["kinetic_film", "quoted_film"]

_T = TypeVar("_T")

#: Part of a vector that counts as rounding.
_ROUNDING = 1e-13
#: Shortest m x y_p that makes a frame.
_FRAME = 1e-6
#: How well one set of conductances must say what an interface does from both sides.
_ALIKE = 1e-9


def quoted_film(film: Bilayer | Stack, mesh: FermiSurfaceMesh | None = None) -> Stack:
    """A film as quoted parameters, the same to drift-diffusion (at the finite level).

    Layers have their conductivities, lengths and angles, interfaces the conductances of circuit
    theory at u_R = 0 and the currents that the bulk distributions of their layers drive at them
    for the film's directions of m and E. Where such a current has no part along m it follows m;
    else it is Cartesian.

    Parameters
    ----------
    film : Bilayer or Stack
        Parts that are given by quoted parameters stay as they are.
    mesh : FermiSurfaceMesh, optional
        Quadrature of the driven currents.

    Returns
    -------
    Stack

    Raises
    ------
    InputError
        For what has no such parameters: two Fermi spheres, an interface that does another thing
        from below and from above, reservoirs, tables without matrices. It names the part.
    """
    stack = as_stack(film)
    if stack.is_open:
        raise InputError(
            "film", "a Reservoir", "has a resistance of its contact that quoted layers do not hold"
        )
    k_f = stack.fermi_wavevector
    layers = [
        _named(name, lambda own=layer: own.quoted(k_f))  # type: ignore[misc]
        for name, layer in zip(stack.names, stack.layers, strict=True)
    ]
    interfaces = [
        _named(name, lambda i=i: _quoted_interface(stack, i, mesh))  # type: ignore[misc]
        for i, name in enumerate(stack.names_of_interfaces)
    ]
    return replace(
        stack, layers=tuple(layers), interfaces=tuple(interfaces), layer_names=stack.names
    )


def kinetic_film(film: Bilayer | Stack) -> Stack:
    """A film whose quoted layers are kinetic ones, the same to drift-diffusion.

    Parameters
    ----------
    film : Bilayer or Stack
        Its interfaces stay as they are: conductances do not say how electrons scatter.

    Raises
    ------
    InputError
        If a layer has no kinetic counterpart, naming it.
    """
    stack = as_stack(film)
    k_f = stack.fermi_wavevector
    layers = [
        _named(name, lambda own=layer: own.kinetic(k_f))  # type: ignore[misc]
        for name, layer in zip(stack.names, stack.layers, strict=True)
    ]
    return replace(stack, layers=tuple(layers), layer_names=stack.names)


def _named(name: str, make: Callable[[], _T]) -> _T:
    """What is made, with errors that name the part of the film."""
    try:
        return make()
    except InputError as error:
        part = name if error.key in ("layer", "interface") else f"{name}.{error.key}"
        raise InputError(part, error.value, error.expected) from None


def _quoted_interface(stack: Stack, index: int, mesh: FermiSurfaceMesh | None) -> Interface:
    interface = stack.interfaces[index]
    if interface.unkinetic:
        return interface
    if interface.table() is not None:
        raise InputError("interface", interface.kind, "keeps its spin-orbit coupling everywhere")
    known = circuit_conductances(stack, index, mesh=mesh)
    m = stack.interface_magnetization(index)
    if stack.magnet_below(index):
        matrix, through = known.reflection_above, known.transmission_down
    else:
        matrix, through = known.reflection, known.transmission
    both, difference = float(matrix[CHARGE, CHARGE]), -float(np.dot(m, matrix[:CHARGE, CHARGE]))
    # Where its neighbours have the same m anyway, it follows them.
    beside = (stack.layers[index + 1].magnetization, stack.layers[index].magnetization)
    follows = next((own for own in beside if own is not None), None) == m
    drives = _drives(stack, index, mesh)
    closed = [layer.outermost_only for layer in stack.layers[index : index + 2]]
    mixing, transmitted = axial_mixing(matrix, m), axial_mixing(through, m)
    if not interface.magnetic:
        difference, mixing, transmitted = 0.0, complex(both), complex(both)
    if any(closed):
        # Spins that states without energy take in are a torque like any other.
        both = difference = transmitted = 0.0
        into = drives[1] if closed[1] else -drives[0]
        drives[2, :CHARGE] += into[:CHARGE]
        drives[int(closed[1])] = 0.0
        drives[:, CHARGE] = 0.0
    made = CircuitInterface(
        max(0.0, both + difference),
        max(0.0, both - difference),
        mixing,
        transmitted,
        current_below=_driven(stack, drives[0], m, interface.magnetic),
        current_above=_driven(stack, drives[1], m, interface.magnetic),
        torque=_driven(stack, drives[2], m, interface.magnetic),
        magnetization=None if follows else interface.magnetization,
    )
    if not any(closed):
        _require_alike(stack, index, made, known)
    return made


def _drives(stack: Stack, index: int, mesh: FermiSurfaceMesh | None) -> FloatArray:
    """j_E(0-), j_E(0+) and tau_E of an interface for the film's field, shape (3, 4)."""
    interface = stack.interfaces[index]
    if interface.without_spin_orbit() is interface:
        return np.zeros((3, 4))
    tensors = interface_tensors(stack, mesh, interface=index)
    parts = (tensors.conductivity, tensors.torkivity_ferromagnet, tensors.torkivity_interface)
    found = np.array([part @ stack.field_direction[:2] for part in parts])
    found[:2, CHARGE] = found[:2, CHARGE].mean()
    return found


def _driven(stack: Stack, vector: FloatArray, m: Vector, magnetic: bool) -> tuple[float, ...]:
    """A driven current as an interface has it: with its frame, or Cartesian for a field along x."""
    size = float(np.abs(vector).max())
    vector = np.where(np.abs(vector) < _ROUNDING * size, 0.0, vector)
    x, y, _ = stack.field_direction
    f = np.cross(m, [-y, x, 0.0])
    length = float(np.linalg.norm(f))
    if magnetic and length > _FRAME:
        frame = np.array([np.cross(m, f), f]) / length
        parts = frame @ vector[:CHARGE]
        if np.abs(vector - np.append(parts @ frame, 0.0)).max() <= 8.0 * _ROUNDING * size:
            return tuple((parts / length).tolist())
    turned = np.array([[x, y], [-y, x]]) @ vector[:2]
    cartesian = (*turned.tolist(), *vector[2:].tolist())
    return cartesian if vector[CHARGE] else cartesian[:CHARGE]


def _require_alike(
    stack: Stack, index: int, made: CircuitInterface, known: CircuitConductances
) -> None:
    """Refuse an interface whose law is not that of one set of conductances."""
    law = made.circuit(
        stack.interface_magnetization(index), stack.field_direction, stack.magnet_below(index)
    ).law
    pairs = (
        (known.reflection, law.reflection),
        (known.transmission, law.transmission),
        (known.reflection_above, law.reflection_above),
        (known.transmission_down, law.transmission_down),
    )
    size = float(np.abs(known.reflection).max())
    if max(float(np.abs(a - b).max()) for a, b in pairs) > _ALIKE * size:
        raise InputError(
            "interface",
            type(stack.interfaces[index]).__name__,
            "does another thing from below and from above, as between unequal Fermi spheres: one "
            "set of conductances cannot say it",
        )
