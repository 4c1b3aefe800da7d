"""Boundary laws of many interfaces, (7) and (9), in both directions.

    j(0-) = A mu(0-) - T' mu(0+) + j_E(0-),   j(0+) = T mu(0-) - A' mu(0+) + j_E(0+),
    s     = S mu(0-) + S' mu(0+) + s_E,       tau_mag = 2 u_ex s x m,

as one matrix and one vector for each interface. What has closed forms goes through compiled code
in one call, each interface by itself; the rest is asked one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.delta_conductances import delta_responses
from torkivity_engine.diffusion.table_tensors import require_matrices
from torkivity_engine.diffusion.tensors import (
    circuit_response,
    closed_barriers,
    default_mesh,
    driven_closed_form,
    driven_sums,
    half_space_pair,
    half_space_sums,
    tensor_integrals,
)
from torkivity_engine.errors import POINT_ERRORS, InputError
from torkivity_engine.film.stack import Stack
from torkivity_engine.kinetics.circuit import Circuit
from torkivity_engine.spin import CHARGE
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["InterfaceOptions", "Laws", "interface_laws"]


class InterfaceOptions(NamedTuple):
    """How interfaces enter.

    Attributes
    ----------
    parameters : {"particular", "half_space"}
    driven : bool
        Whether the field drives them.
    keep_rashba : bool
        Whether conductances keep the spin-orbit coupling.
    mesh : FermiSurfaceMesh or None
    """

    parameters: str
    driven: bool
    keep_rashba: bool
    mesh: FermiSurfaceMesh | None


class Laws(NamedTuple):
    """Laws of K interfaces.

    Attributes
    ----------
    response : ndarray, shape (K, 11, 8)
        Rows j(0-) (4), j(0+) (4), s (3); columns mu(0-) and mu(0+); 1/(Ohm m^2). Of a table the
        torque itself stands for s.
    drive : ndarray, shape (K, 11)
        The same rows per E~, 1/(Ohm m).
    failed : dict of int to Exception
        Interfaces that have no law.
    circuits : dict of int to Circuit
        Interfaces that are given by their circuits; of them the torque itself stands for s.
    """

    response: FloatArray
    drive: FloatArray
    failed: dict[int, Exception]
    circuits: dict[int, Circuit]


def interface_laws(places: Sequence[tuple[Stack, int]], how: InterfaceOptions) -> Laws:
    """Laws of interfaces of stacks.

    Parameters
    ----------
    places : sequence of (Stack, int)
        Stack and number of the interface in it.
    how : InterfaceOptions

    Returns
    -------
    Laws
    """
    laws = Laws(np.empty((len(places), 11, 8)), np.zeros((len(places), 11)), {}, {})
    closed: list[int] = []
    barriers: list[tuple[float, float]] = []
    for k, (stack, index) in enumerate(places):
        try:
            circuit = _circuit(stack, index, how.driven)
            if circuit is not None:
                laws.circuits[k] = circuit
                laws.response[k], laws.drive[k] = circuit.response(), circuit.drive()
                continue
            require_matrices(stack, index)
            own = closed_barriers(stack, index, how.keep_rashba)
            if own is None:
                laws.response[k] = circuit_response(stack, index, how.keep_rashba, how.mesh)
            else:
                closed.append(k)
                barriers.append(own)
        except POINT_ERRORS as error:
            laws.failed[k] = error
    if closed:
        at = [places[k] for k in closed]
        m = np.array([stack.interface_magnetization(index) for stack, index in at])
        prefactors = np.array([stack.prefactor for stack, _ in at])
        laws.response[closed] = delta_responses(np.array(barriers), m, prefactors)
    if how.driven:
        _drive(places, how, laws)
    return laws


def _half_spaces(
    pairs: Sequence[Stack], mesh: FermiSurfaceMesh
) -> Sequence[FloatArray | Exception]:
    try:
        return half_space_sums(pairs, mesh)
    except POINT_ERRORS as error:  # a mesh without rings
        return [error] * len(pairs)


def _circuit(stack: Stack, index: int, driven: bool) -> Circuit | None:
    """What an interface is given by, if by its circuit.

    Raises
    ------
    InputError
        If something would flow into a layer without electrons.
    """
    own = stack.interfaces[index]
    if not own.unkinetic:
        return None
    kept = own if driven else own.without_spin_orbit()
    m, below = stack.interface_magnetization(index), stack.magnet_below(index)
    circuit = kept.circuit(m, stack.field_direction, below)
    if circuit is not None:
        _require_closed(stack, index, circuit)
    return circuit


def _require_closed(stack: Stack, index: int, circuit: Circuit) -> None:
    law, name = circuit.law, stack.names_of_interfaces[index]
    through = np.any(law.transmission) or np.any(law.perfect[:, CHARGE])
    for layer, drive in zip(
        stack.layers[index : index + 2], (law.drive_minus, law.drive_plus), strict=True
    ):
        if layer.outermost_only and np.any(drive):
            raise InputError(
                f"{name}.current_below or current_above",
                "not zero",
                f"must be 0 on the side of {layer.kind}, which has no electrons: give a torque",
            )
        if layer.outermost_only and through:
            raise InputError(
                f"{name}.conductance_majority",
                "above zero",
                "must be 0, as conductance_minority and transmitted_mixing_conductance: "
                f"{layer.kind} has no electrons",
            )


def _undriven(stack: Stack, index: int) -> bool:
    """Whether a field in the plane drives nothing, whatever the layers beside the interface.

    Without spin-orbit coupling what comes from the two in-plane directions cancels; of quoted
    layers, which have no distributions, nothing need be known then.
    """
    own = stack.interfaces[index]
    beside = stack.layers[index : index + 2]
    return (
        any(layer.unkinetic for layer in beside)
        and own.table() is None
        and own.without_spin_orbit() is own
    )


def _drive(places: Sequence[tuple[Stack, int]], how: InterfaceOptions, laws: Laws) -> None:
    """Fill what the field of each stack drives."""
    mesh = how.mesh or default_mesh()
    sums = np.zeros((len(places), 11, 2))
    closed: list[int] = []
    elements: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    pairs: dict[int, Stack] = {}
    for k, (stack, index) in enumerate(places):
        if k in laws.failed or k in laws.circuits or _undriven(stack, index):
            continue
        try:
            own = driven_closed_form(stack, index, how.parameters)
            pair = half_space_pair(stack, index, how.parameters)
            if own is not None:
                closed.append(k)
                elements.append(own)
            elif pair is not None:
                pairs[k] = pair
            else:
                sums[k] = driven_sums(stack, index, how.parameters, mesh)
        except POINT_ERRORS as error:
            laws.failed[k] = error
    if closed:
        sums[closed] = tensor_integrals(mesh, *(np.array(x) for x in zip(*elements, strict=True)))
    if pairs:
        for k, found in zip(pairs, _half_spaces(list(pairs.values()), mesh), strict=True):
            if isinstance(found, Exception):
                laws.failed[k] = found
            else:
                sums[k] = found
    field = np.array(
        [stack.field_direction * (stack.prefactor * METRE_PER_NM) for stack, _ in places]
    )
    laws.drive[:] += sums[:, :, 0] * field[:, :1] + sums[:, :, 1] * field[:, 1:2]
