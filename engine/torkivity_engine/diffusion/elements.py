"""The interfaces and outer faces of a film as elements of its network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.network import (
    InterfaceLaw,
    NetworkEnd,
    NetworkSolution,
    solve_network,
)
from torkivity_engine.diffusion.table_tensors import require_matrices
from torkivity_engine.diffusion.tensors import circuit_conductances, interface_tensors
from torkivity_engine.errors import InputError
from torkivity_engine.film.stack import Stack
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.kinetics.circuit import Circuit, perfect_contact
from torkivity_engine.solution import InterfaceResponse
from torkivity_engine.spin import CHARGE, transverse
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["FilmState", "InterfaceElement", "film_ends", "interface_element", "solve_film"]


class FilmState(NamedTuple):
    """A film driven by a field or by reservoirs.

    Attributes
    ----------
    faces : ndarray, shape (n_layers, 2, 4)
        mu at the bottom and at the top of each layer, in m per E~.
    face_currents : ndarray, shape (n_layers, 2, 4)
        j along +z there, 1/(Ohm m).
    accumulations, currents : ndarray, shape (n_interfaces, 2, 4)
        mu and j at the two sides of each interface, inside what lies in series with it.
    """

    faces: FloatArray
    face_currents: FloatArray
    accumulations: FloatArray
    currents: FloatArray


@dataclass(frozen=True, eq=False)
class InterfaceElement:
    """Boundary law and torque law of one interface, for the field direction of the film.

    Attributes
    ----------
    circuit : Circuit
    m : ndarray, shape (3,)
    magnet_below : bool or None
    """

    circuit: Circuit
    m: FloatArray
    magnet_below: bool | None

    @property
    def series_below(self) -> bool:
        """Whether what lies in series does so below the interface: on the side of the metal."""
        return not self.magnet_below

    def response(
        self, state: FilmState, index: int, across_only: bool, field_direction: FloatArray
    ) -> InterfaceResponse:
        """Response of this interface; of currents only what is across m where asked."""
        minus, plus = state.face_currents[index, 1], state.face_currents[index + 1, 0]
        if across_only:
            minus, plus = (np.append(transverse(j[:CHARGE], self.m), 0.0) for j in (minus, plus))
        circuit, (below, above) = self.circuit, state.accumulations[index]
        torque = circuit.torque @ below + circuit.torque_above @ above + circuit.drive_torque
        if circuit.absorbs:
            law, (into, out) = circuit.law, state.currents[index]
            taken = into - law.drive_minus - out + law.drive_plus
            torque = torque + transverse(taken[:CHARGE], self.m)
        return InterfaceResponse(minus, plus, torque, self.m, field_direction, self.magnet_below)


def interface_element(
    stack: Stack,
    index: int,
    parameters: str,
    driven: bool,
    keep_rashba: bool,
    mesh: FermiSurfaceMesh | None,
) -> InterfaceElement:
    """Element of one interface.

    Parameters
    ----------
    stack : Stack
    index : int
    parameters : {"particular", "half_space"}
        As of `torkivity_engine.diffusion.tensors.interface_tensors`.
    driven : bool
        Whether a field drives it.
    keep_rashba : bool
        Whether conductances hold its spin-orbit coupling.
    mesh : FermiSurfaceMesh or None
    """
    m, interface = np.array(stack.interface_magnetization(index)), stack.interfaces[index]
    below = stack.magnet_below(index)
    table = interface.table() is not None
    plain = interface if table else interface.without_spin_orbit()
    quoted = (interface if driven else plain).circuit(m, stack.field_direction, below)
    if quoted is not None:
        _require_closed(stack, index, quoted)
        return InterfaceElement(quoted, m, below)
    require_matrices(stack, index)
    found = circuit_conductances(stack, index, keep_rashba=keep_rashba, mesh=mesh)
    drives = np.zeros((3, 4))
    # Without spin-orbit coupling a field in the plane drives nothing along z.
    if driven and (table or plain is not interface):
        tensors = interface_tensors(stack, mesh, parameters, index)
        in_plane = stack.field_direction[:2]
        drives[0] = tensors.conductivity @ in_plane
        drives[1] = tensors.torkivity_ferromagnet @ in_plane
        drives[2] = tensors.torkivity_interface @ in_plane
    law = InterfaceLaw(
        *(found.reflection, found.transmission, found.reflection_above, found.transmission_down),
        *(drives[0], drives[1]),
    )
    # tau_mag = 2 u_ex s x m with the density s; at u_R = 0 that is (G - Gamma) mu across m.
    up, down = (interface.torque(s, m) for s in (found.density, found.density_above))
    return InterfaceElement(Circuit(law, up, down, drives[2, :CHARGE]), m, below)


def _require_closed(stack: Stack, index: int, circuit: Circuit) -> None:
    """Refuse what would flow into a layer without electrons."""
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


def film_ends(stack: Stack, injecting: bool) -> tuple[NetworkEnd | None, NetworkEnd | None]:
    """Reservoirs at the bottom and at the top of a film; None where a face is closed.

    Parameters
    ----------
    stack : Stack
    injecting : bool
        Whether they send in what they do, or only take in what comes.
    """
    found = []
    for layer, end in ((stack.layers[0], stack.left), (stack.layers[-1], stack.right)):
        contact = layer.contact(stack.fermi_wavevector) if end.open else None
        injected = end.injected if injecting else np.zeros(4)
        found.append(NetworkEnd(contact, injected) if end.open else None)
    return found[0], found[1]


def solve_film(
    stack: Stack,
    layers: list[LayerAdmittance],
    interfaces: list[InterfaceElement],
    ends: tuple[NetworkEnd | None, NetworkEnd | None],
) -> FilmState:
    """All layers and all four channels.

    Parameters
    ----------
    stack : Stack
    layers : list of LayerAdmittance
    interfaces : list of InterfaceElement
    ends : tuple of NetworkEnd or None
    """
    parts: list[LayerAdmittance] = [layers[0]]
    laws: list[InterfaceLaw] = []
    own = [0]  # place of each layer among the parts
    at: list[int] = []  # place of each interface among the laws
    for element, upper in zip(interfaces, layers[1:], strict=True):
        circuit = element.circuit
        if circuit.series is None:
            at.append(len(laws))
            laws.append(circuit.law)
        else:
            parts.append(circuit.series)
            at.append(len(laws) + element.series_below)
            joint = [circuit.law, perfect_contact()]
            laws += joint[::-1] if element.series_below else joint
        own.append(len(parts))
        parts.append(upper)
    found: NetworkSolution = solve_network(parts, laws, at[stack.reference_interface], ends)
    sides = [(found.faces[k, 1], found.faces[k + 1, 0]) for k in at]
    currents = [(found.currents[k, 1], found.currents[k + 1, 0]) for k in at]
    return FilmState(found.faces[own], found.currents[own], np.array(sides), np.array(currents))
