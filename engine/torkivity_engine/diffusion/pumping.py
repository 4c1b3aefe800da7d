"""Spin pumping in drift-diffusion: the interface as a source of the network of a film.

What an interface emits while its exchange field turns is integrated over k_parallel as its
conductances are. Inside a magnet spins follow m: what its magnetization takes of a spin across m
it also gives back, so that far from faces the accumulation is f m x q, with f the share that the
magnetization has in the loss; where that is all, f = 1.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.network import InterfaceLaw, solve_network
from torkivity_engine.diffusion.pumped_interface import (
    emission_of_conductances,
    interface_emission,
)
from torkivity_engine.diffusion.tensors import (
    CircuitConductances,
    circuit_conductances,
    interface_tensors,
)
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.kinetic import require_kinetic
from torkivity_engine.film.spheres import has_one_sphere
from torkivity_engine.film.stack import Bilayer, Stack, as_stack, reversed_magnets
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.pumped import (
    PumpedInterface,
    PumpingSolution,
    spin_entering,
    turning_layer,
)
from torkivity_engine.spin import CHARGE, cross_matrix, rotation_to
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["drift_diffusion_pumping"]

#: Charge potentials and spins along a reversed m count the other way for a reversed film.
_REVERSED = np.array([-1.0, -1.0, -1.0, 1.0])


def drift_diffusion_pumping(
    film: Bilayer | Stack,
    mesh: FermiSurfaceMesh | None = None,
    *,
    magnet: str | None = None,
    ferromagnet: Literal["dephased", "finite"] = "dephased",
    spin_diffusion_length: Literal["exact", "diffusive"] = "exact",
    keep_rashba: bool = False,
) -> PumpingSolution:
    """Currents and torques that a turning magnetization pumps, in drift-diffusion.

    Parameters
    ----------
    film : Bilayer or Stack
        As in `solve_drift_diffusion`, without reservoirs.
    mesh : FermiSurfaceMesh, optional
        Quadrature of the interface parameters.
    magnet : str, optional
        As in `spin_pumping`.
    ferromagnet : {"dephased", "finite"}, optional
        "dephased": spins across m follow it at once inside a ferromagnet, and no other are
        known. "finite": spin and charge in all layers.
    spin_diffusion_length : {"exact", "diffusive"}, optional
        As in `solve_drift_diffusion`.
    keep_rashba : bool, optional
        Keep the interfaces' spin-orbit coupling in conductances and emission, and with it the
        loss of spin at interfaces. What is driven in the plane along interfaces always has it.

    Returns
    -------
    PumpingSolution
        Torques count what exchange alone gives.

    Raises
    ------
    InputError
        For an unknown magnet or option, or a film that the dephased level does not cover.
    PhysicsError
        For half spaces, reservoirs and tables of amplitudes, if a heavy metal has no diffusive
        regime, or nothing relaxes some spin component.
    """
    stack = as_stack(film)
    require_kinetic(stack)
    turning = turning_layer(stack, magnet)
    if ferromagnet not in ("dephased", "finite"):
        raise InputError("ferromagnet", ferromagnet, "must be one of: dephased, finite")
    if spin_diffusion_length not in ("exact", "diffusive"):
        raise InputError(
            "spin_diffusion_length", spin_diffusion_length, "must be one of: exact, diffusive"
        )
    if stack.is_open:
        raise PhysicsError("spin pumping in drift-diffusion needs closed outer faces")
    dephased = ferromagnet == "dephased"
    if dephased and sorted(layer.magnetic for layer in stack.layers) != [False, True]:
        raise InputError(
            "ferromagnet",
            "dephased",
            'needs one metal and one ferromagnet; of other films use ferromagnet="finite"',
        )
    m = stack.layers[turning].magnetization
    assert m is not None
    axes = np.ascontiguousarray(rotation_to(m)[:, :2])
    follows = [
        _following(stack, i, axes, dephased) * (i == turning) for i in range(len(stack.layers))
    ]
    sources = [
        _Source.of(stack, i, turning, axes, follows, keep_rashba, mesh)
        for i in range(len(stack.interfaces))
    ]
    sources = _without_net_charge(stack, sources)
    admittances = [
        layer.admittance(stack.fermi_wavevector, exact_length=spin_diffusion_length == "exact")
        for layer in stack.layers
    ]
    solve = _dephased if dephased else _finite
    states = [solve(stack, admittances, sources, c) for c in range(axes.shape[1])]
    minus, plus = (np.stack([state[s] for state in states], axis=2) for s in (0, 1))
    # Known relative to what follows m by itself, which drives no current in its layer.
    interfaces = tuple(
        source.response(stack, i, minus[i], plus[i], dephased) for i, source in enumerate(sources)
    )
    felt = [(minus[i] + follows[i], plus[i] + follows[i + 1]) for i in range(len(stack.interfaces))]
    return PumpingSolution(
        magnet=stack.names[turning],
        axes=axes.T,
        interfaces=interfaces,
        torques=_torques(stack, interfaces, turning, follows, dephased),
        sheet_current=_sheet_current(stack, admittances, sources, felt, minus, plus, mesh),
        bulk_torque=_bulk_torque(stack, turning, follows, dephased),
        thickness=stack.layers[turning].moment_thickness,
        first_interface=max(turning - 1, 0),
        certificates={},
        method=ferromagnet,
        mesh="" if mesh is None else mesh.name,
    )


def _following(stack: Stack, index: int, axes: FloatArray, dephased: bool) -> FloatArray:
    """Accumulation deep in a turning layer, (x, y, z, charge) per q, shape (4, c)."""
    found, layer = np.zeros((4, axes.shape[1])), stack.layers[index]
    if layer.magnetization is None or layer.bands(stack.fermi_wavevector).split:
        return found  # no spin across m stays in one, so that none follows
    across = cross_matrix(layer.magnetization) @ axes
    share = 1.0 + 0.0j if dephased else layer.absorbed_share()
    found[:CHARGE] = share.real * across + share.imag * cross_matrix(layer.magnetization) @ across
    return found


class _Source(NamedTuple):
    """An interface of a film whose magnetization turns.

    Attributes
    ----------
    circuit : CircuitConductances
    minus, plus : ndarray, shape (4, c)
        What flows at 0- and 0+ while nothing accumulates beside what follows m.
    density : ndarray, shape (3, c)
        Spin density at z = 0 with it.
    in_plane : ndarray, shape (2, c)
        Flow of charge in the plane of what is emitted until it is scattered, 1/(Ohm m).
    """

    circuit: CircuitConductances
    minus: FloatArray
    plus: FloatArray
    density: FloatArray
    in_plane: FloatArray

    @classmethod
    def of(
        cls,
        stack: Stack,
        index: int,
        turning: int,
        axes: FloatArray,
        follows: list[FloatArray],
        keep_rashba: bool,
        mesh: FermiSurfaceMesh | None,
    ) -> _Source:
        """Source of one interface."""
        whole = interface_emission(stack, index, turning, axes, mesh)
        circuit = circuit_conductances(stack, index, keep_rashba=keep_rashba, mesh=mesh)
        interface = stack.interfaces[index]
        plain = interface.without_spin_orbit()
        minus, plus, density = whole[:3]
        if not (keep_rashba and plain is not interface):
            if has_one_sphere(stack, index) and plain.barriers() is not None:
                # These conductances are closed forms, to which a quadrature would not fit.
                m = stack.interface_magnetization(index)
                minus, plus, density = emission_of_conductances(circuit, m, axes)
                if stack.torque_owner(index) != turning:
                    minus, plus, density = (np.zeros_like(x) for x in (minus, plus, density))
            else:
                bare = interface_emission(stack, index, turning, axes, mesh, plain=True)
                minus, plus, density = bare[:3]
        below, above = follows[index], follows[index + 1]
        return cls(
            circuit,
            circuit.reflection @ below - circuit.transmission_down @ above + minus,
            circuit.transmission @ below - circuit.reflection_above @ above + plus,
            circuit.density @ below + circuit.density_above @ above + density,
            whole.in_plane,
        )

    def law(self, column: int) -> InterfaceLaw:
        """Boundary law for one q."""
        c = self.circuit
        return InterfaceLaw(
            *(c.reflection, c.transmission, c.reflection_above, c.transmission_down),
            *(self.minus[:, column], self.plus[:, column]),
        )

    def response(
        self, stack: Stack, index: int, below: FloatArray, above: FloatArray, dephased: bool
    ) -> PumpedInterface:
        """What passes for accumulations of shape (4, c) beside what follows m."""
        c = self.circuit
        minus = c.reflection @ below - c.transmission_down @ above + self.minus
        plus = c.transmission @ below - c.reflection_above @ above + self.plus
        m = np.array(stack.interface_magnetization(index))
        if dephased:  # other components are not known
            keep = np.zeros((4, 4))
            keep[:CHARGE, :CHARGE] = np.eye(CHARGE) - np.outer(m, m)
            minus, plus = keep @ minus, keep @ plus
        density = c.density @ below + c.density_above @ above + self.density
        return PumpedInterface(minus, plus, stack.interfaces[index].torque(density, m))


def _without_net_charge(stack: Stack, sources: list[_Source]) -> list[_Source]:
    """The net charge taken back from both sides of the interface that fixes the potential."""
    net = sum(source.plus[CHARGE] - source.minus[CHARGE] for source in sources)
    back = np.zeros_like(sources[0].minus)
    back[CHARGE] = 0.5 * np.asarray(net)
    found, at = list(sources), stack.reference_interface
    found[at] = found[at]._replace(minus=found[at].minus + back, plus=found[at].plus - back)
    return found


_State = tuple[FloatArray, FloatArray]


def _finite(
    stack: Stack, layers: list[LayerAdmittance], sources: list[_Source], column: int
) -> _State:
    """mu(0-) and mu(0+) of every interface, shape (n, 4) each, beside what follows m."""
    laws = [source.law(column) for source in sources]
    found = solve_network(layers, laws, stack.reference_interface)
    return found.minus, found.plus


def _dephased(
    stack: Stack, layers: list[LayerAdmittance], sources: list[_Source], column: int
) -> _State:
    """The same of a metal beside a ferromagnet in which spins across m follow it at once."""
    (source,) = sources
    below = not stack.layers[0].magnetic
    metal, outward = layers[0 if below else 1], 1.0 if below else -1.0
    law, frame = source.law(column), rotation_to(stack.interface_magnetization(0))[:, :2]
    near, drive = law.reflection, law.drive_minus
    if not below:
        near, drive = -law.reflection_above, law.drive_plus
    end = metal.face_matrix()
    inner, outer = (slice(4, 7), slice(0, 3)) if below else (slice(0, 3), slice(4, 7))
    # The metal with nothing through its outer face: j = answer @ mu at the inner one.
    reach = np.linalg.solve(end[outer, outer], end[outer, inner])
    answer = end[inner, inner] - end[inner, outer] @ reach
    matrix = outward * frame.T @ (near[:CHARGE, :CHARGE] - answer) @ frame
    if not abs(np.linalg.det(matrix)) > 0.0:
        raise PhysicsError(
            "the transverse spin accumulation is undetermined: the interface lets no spin "
            "through and spin_flip_length is infinite"
        )
    found = np.zeros((1, 4))
    found[0, :CHARGE] = frame @ np.linalg.solve(matrix, -outward * frame.T @ drive[:CHARGE])
    nothing = np.zeros((1, 4))
    return (found, nothing) if below else (nothing, found)


def _torques(
    stack: Stack,
    interfaces: tuple[PumpedInterface, ...],
    turning: int,
    follows: list[FloatArray],
    dephased: bool,
) -> dict[str, FloatArray]:
    """Exchange torque on every magnet: at its interfaces, and of what it absorbs."""
    torques = {}
    for index, layer in enumerate(stack.layers):
        if layer.magnetization is None:
            continue
        entering = spin_entering(index, interfaces, layer.magnetization)
        share = 1.0 + 0.0j if dephased else layer.absorbed_share()
        taken = share.real * entering + share.imag * cross_matrix(layer.magnetization) @ entering
        own = [r.torque for i, r in enumerate(interfaces) if stack.torque_owner(i) == index]
        if index == turning:
            taken = taken + _bulk_torque(stack, turning, follows, dephased)
        torques[stack.names[index]] = sum(own, taken)
    return torques


def _bulk_torque(
    stack: Stack, turning: int, follows: list[FloatArray], dephased: bool
) -> FloatArray:
    """Torque of what follows m in the bulk; none counts where it does so at once."""
    layer, spins = stack.layers[turning], follows[turning][:CHARGE]
    if dephased:
        return np.zeros_like(spins)
    held = 4.0 * np.pi * layer.thickness * spins
    return np.asarray(stack.prefactor * layer.torque_density(held))


def _sheet_current(
    stack: Stack,
    layers: list[LayerAdmittance],
    sources: list[_Source],
    felt: list[tuple[FloatArray, FloatArray]],
    minus: FloatArray,
    plus: FloatArray,
    mesh: FermiSurfaceMesh | None,
) -> FloatArray:
    """Flow of charge in the plane, shape (2, c): inverse spin Hall effect and interfaces.

    What accumulations drive along an interface is what a field along it drives across at -m.
    """
    total = np.sum([source.in_plane for source in sources], axis=0)
    back = reversed_magnets(stack)
    sign = _REVERSED[:, None]
    for index, (below, above) in enumerate(felt):
        tensors = interface_tensors(back, mesh, interface=index)
        total = total + tensors.conductivity.T @ (sign * below)
        total = total - tensors.torkivity_ferromagnet.T @ (sign * above)
    last = len(stack.layers) - 1
    for index, (layer, admittance) in enumerate(zip(stack.layers, layers, strict=True)):
        bottom = plus[index - 1] if index > 0 else _outer(admittance, minus[0], 0)
        top = minus[index] if index < last else _outer(admittance, plus[-1], 1)
        for a, y_p in enumerate(([0.0, 1.0, 0.0], [-1.0, 0.0, 0.0])):
            hall = layer.spin_hall_current(stack.fermi_wavevector, y_p)
            total[a] += hall @ (top - bottom)[:CHARGE]
    return np.asarray(total)


def _outer(layer: LayerAdmittance, inner: FloatArray, side: int) -> FloatArray:
    """Accumulation at a closed outer face, from that at the inner one, shape (4, c)."""
    matrix = layer.face_matrix()
    here, there = slice(4 * side, 4 * side + 4), slice(4 - 4 * side, 8 - 4 * side)
    return np.asarray(-np.linalg.solve(matrix[here, here], matrix[here, there] @ inner))
