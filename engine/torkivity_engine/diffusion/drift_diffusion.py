"""Torques from drift-diffusion with conductivity and torkivity boundary conditions.

Bulk transport is diffusive (Section III of Amin & Stiles, arXiv:1604.06502), interfaces
enter through generalised circuit theory (7)-(11): conductances give the response to
accumulations, conductivity and torkivity tensors the response to the in-plane field. Two
levels for the ferromagnet:

- *dephased*: transverse accumulations vanish on its side, as the paper assumes; closed form.
- *finite*: all layers resolved, spin and charge, any number of them.

With the boundary-layer parameters there is no level to choose: ferromagnet and interface are
then solved by the Boltzmann equation, and diffusion is left to the heavy metal alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.boundary_layer import boundary_layer_parameters
from torkivity_engine.diffusion.network import InterfaceLaw, solve_network
from torkivity_engine.diffusion.sheet import (
    Accumulations,
    NetworkState,
    sheet_conductance,
    spin_hall_direction,
)
from torkivity_engine.diffusion.table_tensors import require_matrices
from torkivity_engine.diffusion.tensors import circuit_conductances, interface_tensors
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.interface import Interface
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.film.table_film import has_tables
from torkivity_engine.refine import refine_responses
from torkivity_engine.solution import DriftDiffusionSolution, InterfaceResponse
from torkivity_engine.spin import CHARGE, rotation_to, transverse
from torkivity_engine.tolerance import Tolerance
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["dephased_spin_current", "solve_drift_diffusion"]


PARAMETERS = ("particular", "half_space", "boundary_layer")
LEVELS = ("dephased", "finite")
SOURCES = ("all", "rashba", "spin_hall")
LENGTHS = ("exact", "diffusive")


def dephased_spin_current(
    x: ArrayLike, g_tilde: ArrayLike, j_e: ArrayLike, j_sh: ArrayLike
) -> ComplexArray:
    """Transverse spin current into a ferromagnet that dephases at once, closed form.

    Solution of (20), (21) and (7) for a heavy metal of thickness t with a closed outer face:

        j(0-) = g j_E + (1 - g)(1 - sech x) j_sH,   g = tanh x / (tanh x + G~),

    in place of the printed (22)-(29), which have a pole at Re G~ = tanh x and leave a spin
    Hall torque when the interface is opaque. Written as
    tanh x [j_E + G~ tanh(x/2) j_sH] / (tanh x + G~) it is good for any x and G~.

    Parameters
    ----------
    x : array_like
        t / l_sf, not negative.
    g_tilde : array_like of complex
        G~ = 2 l_sf G / sigma_HM with G the mixing conductance.
    j_e, j_sh : array_like of complex
        Transverse j_E(0-) and j_sH as j_1 + i j_2 in a right-handed frame (e_1, e_2, m),
        for instance (f, d, m); any unit.

    Returns
    -------
    ndarray of complex
        j_1 + i j_2 at 0-, broadcast shape of the arguments; zero at x = 0.
    """
    x_array = np.asarray(x, dtype=np.float64)
    g = np.asarray(g_tilde, dtype=np.complex128)
    tanh = np.tanh(x_array)
    drive = np.asarray(j_e) + g * np.tanh(0.5 * x_array) * np.asarray(j_sh)
    denominator = np.where(tanh > 0.0, tanh + g, 1.0)
    current: ComplexArray = tanh * drive / denominator
    return current


def solve_drift_diffusion(
    film: Stack | Bilayer,
    parameters: Literal["particular", "half_space", "boundary_layer"] = "particular",
    ferromagnet: Literal["dephased", "finite"] = "dephased",
    source: Literal["all", "rashba", "spin_hall"] = "all",
    *,
    spin_diffusion_length: Literal["exact", "diffusive"] = "exact",
    keep_rashba: bool = False,
    mesh: FermiSurfaceMesh | None = None,
    rtol: float | Tolerance | None = None,
) -> DriftDiffusionSolution:
    """Spin currents and torques of a film in drift-diffusion.

    Outer faces let nothing through; their specularity does not enter.

    Parameters
    ----------
    film : Bilayer or Stack
        A heavy metal and a ferromagnet, in either order, for the dephased level; any stack
        of two or more layers for the finite one.
    parameters : {"particular", "half_space", "boundary_layer"}, optional
        Distributions that the interface parameters j_E and tau_E are evaluated with.
        "particular": the bulk ones of each layer (Appendix B). "half_space": the exact ones
        of two half spaces, put literally into (22) as Appendix D says, which counts the
        diffusive backflow twice. "boundary_layer": those of
        `boundary_layer_parameters`, for a film with an outermost heavy metal; the
        options below it then have no meaning, since the ferromagnet is solved exactly.
    ferromagnet : {"dephased", "finite"}, optional
        "dephased": mu = 0 on the ferromagnet's side, transverse components only, (22) and
        (30); what the response then holds of longitudinal and charge currents is zero, as
        this level does not know them. "finite": spin and charge in all layers, with
        two-current diffusion, precession and dephasing in ferromagnets.
    source : {"all", "rashba", "spin_hall"}, optional
        What the field drives: currents and torques at the interface ("rashba"), the bulk
        spin Hall current ("spin_hall"), or both.
    spin_diffusion_length : {"exact", "diffusive"}, optional
        l_sf of heavy metals, see the function of that name.
    keep_rashba : bool, optional
        Keep the interfaces' spin-orbit coupling, of whatever form, in the conductances; the
        paper takes them at u_R = 0.
    mesh : FermiSurfaceMesh, optional
        Quadrature of the interface parameters.
    rtol : float or Tolerance, optional
        Instead of a mesh, as for `torkivity_engine.solve.solve_boltzmann`.

    Returns
    -------
    DriftDiffusionSolution
        Per E~ = -E/e, 1/(Ohm m).

    Raises
    ------
    InputError
        For unknown options, a film without an interface, one that the dephased level does not
        cover, or both a mesh and `rtol`.
    PhysicsError
        If a heavy metal has no diffusive regime, nothing relaxes some spin component, or `rtol`
        is not reached.
    """
    if rtol is not None:
        if mesh is not None:
            raise InputError("rtol", rtol, "chooses the mesh: give one or the other")
        options = {"spin_diffusion_length": spin_diffusion_length, "keep_rashba": keep_rashba}
        return _refined(as_stack(film), (parameters, ferromagnet, source), options, rtol)
    _one_of("parameters", parameters, PARAMETERS)
    _one_of("ferromagnet", ferromagnet, LEVELS)
    _one_of("source", source, SOURCES)
    _one_of("spin_diffusion_length", spin_diffusion_length, LENGTHS)
    stack = as_stack(film)
    if not stack.interfaces:
        raise InputError("film", film, "must have at least two layers: torques need an interface")
    if stack.is_open:
        raise InputError("film", "a Reservoir", "drift-diffusion here has closed outer faces only")
    if parameters == "boundary_layer":
        exact_parameters = boundary_layer_parameters(stack, mesh, source)
        exact_responses = tuple(
            exact_parameters.response(interface=i) for i in range(len(stack.interfaces))
        )
        return DriftDiffusionSolution(exact_responses, parameters, "exact")
    ends = stack.left.endless or stack.right.endless
    stack = _without_half_spaces(stack)
    if ferromagnet == "dephased":
        _require_dephasable(stack)
    exact, spin_hall = spin_diffusion_length == "exact", source != "rashba"
    solve = _solve_dephased if ferromagnet == "dephased" else _solve_finite

    def interfaces_of(driven: Stack) -> list[_Interface]:
        return [
            _interface(driven, index, parameters, source != "spin_hall", keep_rashba, mesh)
            for index in range(len(driven.interfaces))
        ]

    def state(driven: Stack) -> NetworkState:
        interfaces = interfaces_of(driven)
        laws = [interface.law for interface in interfaces]
        return NetworkState(laws, solve(driven, interfaces, spin_hall, exact))

    interfaces = interfaces_of(stack)
    accumulations = solve(stack, interfaces, spin_hall, exact)
    responses = tuple(
        interface.response(mu, ferromagnet == "dephased", stack.field_direction)
        for interface, mu in zip(interfaces, accumulations, strict=True)
    )
    return DriftDiffusionSolution(
        responses,
        parameters=parameters,
        ferromagnet=ferromagnet,
        conductance_of=None
        if ends
        else partial(sheet_conductance, stack, state, spin_hall, exact, ferromagnet == "dephased"),
    )


def _refined(
    stack: Stack,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    rtol: float | Tolerance,
) -> DriftDiffusionSolution:
    """Solution on the coarsest mesh that meets a tolerance."""

    def solve(mesh: FermiSurfaceMesh) -> DriftDiffusionSolution:
        return solve_drift_diffusion(stack, *arguments, **options, mesh=mesh)

    if has_tables(stack):
        raise InputError("rtol", rtol, "chooses a mesh, but tables bring points of their own")
    best, found = refine_responses(stack, solve, lambda s: s.interfaces, Tolerance.of(rtol))
    return replace(best, refinement=found)


def _without_half_spaces(stack: Stack) -> Stack:
    """The stack with half spaces as layers so thick that their end does not matter."""
    layers = list(stack.layers)
    for index, boundary in ((0, stack.left), (-1, stack.right)):
        if boundary.endless:
            layers[index] = layers[index].with_thickness(layers[index].decay_reach())
    return replace(stack, layers=tuple(layers))


@dataclass(frozen=True, eq=False)
class _Interface:
    """Boundary law and torque law of one interface, for the field direction of the film.

    tau_mag = 2 u_ex [density @ mu(0-) + density_above @ mu(0+)] x m + tau_E with (15); at u_R = 0
    the first term is (G - Gamma_FM) mu for transverse mu(0-) alone, which the identity
    j_s(0-) - j_s(0+) = tau_mag guarantees.
    """

    law: InterfaceLaw
    interface: Interface
    density: FloatArray
    density_above: FloatArray
    drive_torque: FloatArray
    m: FloatArray
    magnet_below: bool | None

    def response(
        self,
        accumulations: tuple[FloatArray, FloatArray],
        across_only: bool,
        field_direction: FloatArray,
    ) -> InterfaceResponse:
        """Response for mu(0-) and mu(0+); of currents only what is across m where asked."""
        minus, plus = self.law.currents(*accumulations)
        if across_only:
            minus, plus = (np.append(transverse(j[:CHARGE], self.m), 0.0) for j in (minus, plus))
        spin = self.density @ accumulations[0] + self.density_above @ accumulations[1]
        torque = self.interface.torque(spin, self.m) + self.drive_torque
        return InterfaceResponse(minus, plus, torque, self.m, field_direction, self.magnet_below)


def _interface(
    stack: Stack,
    index: int,
    parameters: str,
    driven: bool,
    keep_rashba: bool,
    mesh: FermiSurfaceMesh | None,
) -> _Interface:
    require_matrices(stack, index)
    circuit = circuit_conductances(stack, index, keep_rashba=keep_rashba, mesh=mesh)
    minus, plus, torque = np.zeros(4), np.zeros(4), np.zeros(4)
    if driven:
        tensors = interface_tensors(stack, mesh, parameters, index)
        in_plane = stack.field_direction[:2]
        minus = tensors.conductivity @ in_plane
        plus = tensors.torkivity_ferromagnet @ in_plane
        torque = tensors.torkivity_interface @ in_plane
    return _Interface(
        law=InterfaceLaw(
            circuit.reflection,
            circuit.transmission,
            circuit.reflection_above,
            circuit.transmission_down,
            minus,
            plus,
        ),
        interface=stack.interfaces[index],
        density=circuit.density,
        density_above=circuit.density_above,
        drive_torque=torque[:CHARGE],
        m=np.array(stack.interface_magnetization(index)),
        magnet_below=stack.magnet_below(index),
    )


def _solve_dephased(
    stack: Stack, interfaces: list[_Interface], spin_hall: bool, exact: bool
) -> Accumulations:
    """Closed form for a heavy metal next to a ferromagnet without transverse accumulation.

    With Y = (sigma / 2 l_sf) tanh x the heavy metal answers an accumulation mu at the
    interface with the current -+Y mu + tanh x tanh(x/2) j_sH (- if it lies below, + if
    above); equating that to the boundary law gives mu.
    """
    (interface,) = interfaces
    law, m = interface.law, interface.m
    below = not stack.layers[0].magnetic
    metal = stack.layers[0] if below else stack.layers[1]
    sigma = metal.conductivity(stack.fermi_wavevector)
    length = metal.spin_diffusion_length(exact)
    x = metal.thickness / length
    admittance = 0.5 * sigma * math.tanh(x) / (length * METRE_PER_NM)
    hall = np.zeros(3)
    if spin_hall:
        hall = metal.spin_hall_current(stack.fermi_wavevector, spin_hall_direction(stack))
        hall *= math.tanh(x) * math.tanh(0.5 * x)

    frame = rotation_to(m)[:, :2]
    if below:
        near, drive = law.reflection, law.drive_minus
    else:
        near, drive = -law.reflection_above, law.drive_plus
    near, drive = near[:CHARGE, :CHARGE], drive[:CHARGE]
    outward = 1.0 if below else -1.0
    matrix = frame.T @ near @ frame + outward * admittance * np.eye(2)
    if not abs(np.linalg.det(matrix)) > 0.0:
        raise PhysicsError(
            "the transverse spin accumulation is undetermined: the interface lets no spin "
            "through and spin_flip_length is infinite"
        )
    accumulation = frame @ np.linalg.solve(matrix, frame.T @ (hall - drive))

    here, nothing = np.append(accumulation, 0.0), np.zeros(4)
    return [(here, nothing) if below else (nothing, here)]


def _solve_finite(
    stack: Stack, interfaces: list[_Interface], spin_hall: bool, exact: bool
) -> Accumulations:
    """All layers and all four channels, closed outer faces."""
    y_p = spin_hall_direction(stack) if spin_hall else None
    layers = [
        layer.admittance(stack.fermi_wavevector, y_p, exact_length=exact) for layer in stack.layers
    ]
    laws = [interface.law for interface in interfaces]
    return list(zip(*solve_network(layers, laws, stack.reference_interface), strict=True))


def _require_dephasable(stack: Stack) -> None:
    if sorted(layer.magnetic for layer in stack.layers) != [False, True]:
        raise InputError(
            "ferromagnet",
            "dephased",
            "needs one heavy metal and one ferromagnet; this film is "
            f"{' | '.join(type(layer).__name__ for layer in stack.layers)}: "
            'use ferromagnet="finite"',
        )
    (magnet,) = (layer for layer in stack.layers if layer.magnetic)
    at_interface = stack.interface_magnetization(0)
    assert magnet.magnetization is not None
    if np.abs(np.subtract(at_interface, magnet.magnetization)).max() > 1e-12:
        raise InputError(
            "ferromagnet",
            "dephased",
            "needs one magnetization for interface and ferromagnet, not "
            f'{at_interface} and {magnet.magnetization}: use ferromagnet="finite"',
        )


def _one_of(key: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(key, value, f"must be one of: {', '.join(known)}")
