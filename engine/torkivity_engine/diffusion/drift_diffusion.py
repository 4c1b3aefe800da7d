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

from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.diffusion.boundary_layer import boundary_layer_parameters
from torkivity_engine.diffusion.elements import (
    FilmState,
    InterfaceElement,
    film_ends,
    interface_element,
    solve_film,
)
from torkivity_engine.diffusion.network import InterfaceLaw
from torkivity_engine.diffusion.profile import Drive, diffusion_profile
from torkivity_engine.diffusion.sheet import sheet_conductance, spin_hall_direction
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.kinetic import require_kinetic
from torkivity_engine.film.sources import DRIVEN, SOURCES, film_with_source
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.solution import DriftDiffusionSolution
from torkivity_engine.spin import CHARGE, rotation_to
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["dephased_spin_current", "solve_drift_diffusion"]


PARAMETERS = ("particular", "half_space", "boundary_layer")
LEVELS = ("dephased", "finite")
LENGTHS = ("exact", "diffusive")
#: Sources that are a film of their own: one of the driven currents alone.
_ALONE = (*DRIVEN, "reservoirs")


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
    source: str = "all",
    *,
    spin_diffusion_length: Literal["exact", "diffusive"] = "exact",
    keep_rashba: bool = False,
    mesh: FermiSurfaceMesh | None = None,
) -> DriftDiffusionSolution:
    """Spin currents and torques of a film in drift-diffusion.

    Surfaces let nothing through, and their specularity does not enter. A reservoir beside a layer
    on a Fermi sphere has the conductance of Sharvin, as an interface that lets everything through;
    beside a layer of quoted parameters it is a perfect contact.

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
    source : str, optional
        What drives the film, of `torkivity_engine.film.sources.SOURCES`. A field drives currents
        and torques at the interface ("rashba"), the bulk spin Hall current ("spin_hall"), or both
        ("all"); "current_below", "current_above" and "interface_torque" are one of those at
        circuit interfaces. "reservoirs" is the response to what they inject, without a field;
        currents then are in 1/(Ohm m^2) times the injected coefficient.
    spin_diffusion_length : {"exact", "diffusive"}, optional
        l_sf of heavy metals, see the function of that name.
    keep_rashba : bool, optional
        Keep the interfaces' spin-orbit coupling, of whatever form, in the conductances; the
        paper takes them at u_R = 0.
    mesh : FermiSurfaceMesh, optional
        Quadrature of the interface parameters.

    Returns
    -------
    DriftDiffusionSolution
        Per E~ = -E/e, 1/(Ohm m).

    Raises
    ------
    InputError
        For unknown options, a film without an interface, or one that the dephased level
        does not cover.
    PhysicsError
        If a heavy metal has no diffusive regime, or nothing relaxes some spin component.
    """
    _one_of("parameters", parameters, PARAMETERS)
    _one_of("ferromagnet", ferromagnet, LEVELS)
    _one_of("source", source, SOURCES)
    _one_of("spin_diffusion_length", spin_diffusion_length, LENGTHS)
    stack = film_with_source(film, source) if source in _ALONE else as_stack(film)
    if not stack.interfaces:
        raise InputError("film", film, "must have at least two layers: torques need an interface")
    if parameters != "particular":
        require_kinetic(stack)
    if parameters == "boundary_layer":
        return _by_boundary_layer(stack, source, mesh)
    endless = stack.left.endless or stack.right.endless
    stack = _without_half_spaces(stack)
    if ferromagnet == "dephased":
        _require_dephasable(stack)
    exact = spin_diffusion_length == "exact"
    hall, driven = source in ("all", "spin_hall"), source not in ("spin_hall", "reservoirs")

    def interfaces_of(film: Stack) -> list[InterfaceElement]:
        return [
            interface_element(film, index, parameters, driven, keep_rashba, mesh)
            for index in range(len(film.interfaces))
        ]

    def state_of(film: Stack, interfaces: list[InterfaceElement]) -> FilmState:
        layers = _layers(film, hall, exact)
        if ferromagnet == "dephased":
            return _solve_dephased(film, layers, interfaces)
        return solve_film(film, layers, interfaces, film_ends(film, source == "reservoirs"))

    interfaces = interfaces_of(stack)
    if ferromagnet == "dephased":
        _require_dephasing(interfaces)
    state = state_of(stack, interfaces)
    conductance = partial(
        sheet_conductance,
        stack,
        lambda film: state_of(film, interfaces_of(film)),
        lambda film: [element.circuit.law for element in interfaces_of(film)],
        hall,
    )
    return DriftDiffusionSolution(
        tuple(
            element.response(state, i, ferromagnet == "dephased", stack.field_direction)
            for i, element in enumerate(interfaces)
        ),
        parameters=parameters,
        ferromagnet=ferromagnet,
        conductance_of=None if endless or source == "reservoirs" else conductance,
        profile_of=partial(
            diffusion_profile, stack, state.faces, Drive(source != "reservoirs", hall, exact)
        ),
    )


def _by_boundary_layer(
    stack: Stack, source: str, mesh: FermiSurfaceMesh | None
) -> DriftDiffusionSolution:
    if stack.is_open:
        raise InputError("film", "a Reservoir", "boundary-layer parameters need closed outer faces")
    exact = boundary_layer_parameters(stack, mesh, source)
    responses = tuple(exact.response(interface=i) for i in range(len(stack.interfaces)))
    return DriftDiffusionSolution(responses, "boundary_layer", "exact")


def _layers(stack: Stack, spin_hall: bool, exact: bool) -> list[LayerAdmittance]:
    y_p = spin_hall_direction(stack) if spin_hall else None
    return [
        layer.admittance(stack.fermi_wavevector, y_p, exact_length=exact) for layer in stack.layers
    ]


def _without_half_spaces(stack: Stack) -> Stack:
    """The stack with half spaces as layers so thick that their end does not matter."""
    layers = list(stack.layers)
    for index, boundary in ((0, stack.left), (-1, stack.right)):
        if boundary.endless:
            layers[index] = layers[index].with_thickness(layers[index].decay_reach())
    return replace(stack, layers=tuple(layers))


def _solve_dephased(
    stack: Stack, layers: list[LayerAdmittance], interfaces: list[InterfaceElement]
) -> FilmState:
    """Closed form for a metal next to a ferromagnet without transverse accumulation.

    A closed metal with the loss L and the conductance G of `LayerAdmittance` answers an
    accumulation mu at the interface with the current -+Y mu + c j_sH (- if it lies below, + if
    above), where Y = L G / (G + L / 4) is (sigma / 2 l_sf) tanh x and c = (L / 2) / (G + L / 4) is
    tanh x tanh(x/2); equating that to the boundary law gives mu. Along m the interface counts as
    closed.
    """
    (element,) = interfaces
    law, m = element.circuit.law, element.m
    below = not stack.layers[0].magnetic
    metal = layers[0] if below else layers[1]
    outward = 1.0 if below else -1.0
    axes = metal.axes[:CHARGE, :CHARGE]
    loss, through = (axes @ x[:CHARGE, :CHARGE] @ axes.T for x in (metal.loss, metal.conductance))
    source = axes @ metal.source[:CHARGE]
    end = np.linalg.inv(through + 0.25 * loss)
    frame = rotation_to(m)[:, :2]
    if below:
        near, drive = law.reflection, law.drive_minus
    else:
        near, drive = -law.reflection_above, law.drive_plus
    near, drive = near[:CHARGE, :CHARGE], drive[:CHARGE]
    matrix = frame.T @ (near + outward * loss @ end @ through) @ frame
    if not abs(np.linalg.det(matrix)) > 0.0:
        raise PhysicsError(
            "the transverse spin accumulation is undetermined: the interface lets no spin "
            "through and spin_flip_length is infinite"
        )
    hall = 0.5 * loss @ end @ source
    accumulation = frame @ np.linalg.solve(matrix, frame.T @ (hall - drive))
    along = 0.5 * outward * (m @ source) / (m @ through @ m) * m
    inner = accumulation + along
    outer = end @ ((through - 0.25 * loss) @ inner - outward * source)
    return _dephased_state(law, below, np.append(accumulation, 0.0), inner, outer)


def _dephased_state(
    law: InterfaceLaw, below: bool, here: FloatArray, inner: FloatArray, outer: FloatArray
) -> FilmState:
    """State of a bilayer whose ferromagnet has no accumulation."""
    sides = (here, np.zeros(4)) if below else (np.zeros(4), here)
    currents = np.array(law.currents(*sides))
    faces, at_faces = np.zeros((2, 2, 4)), np.zeros((2, 2, 4))
    at_faces[0, 1], at_faces[1, 0] = currents
    metal = faces[0] if below else faces[1, ::-1]
    metal[0, :CHARGE], metal[1, :CHARGE] = outer, inner
    return FilmState(faces, at_faces, np.array([sides]), currents[None])


def _require_dephasing(interfaces: list[InterfaceElement]) -> None:
    """Refuse what the closed form does not know: it has finite conductances and nothing else."""
    for element in interfaces:
        if element.circuit.series is not None or len(element.circuit.law.perfect):
            raise InputError(
                "ferromagnet",
                "dephased",
                "needs finite conductances and no area resistance at the interface: use "
                'ferromagnet="finite"',
            )


def _require_dephasable(stack: Stack) -> None:
    if stack.is_open:
        raise InputError("ferromagnet", "dephased", 'knows no reservoirs: use ferromagnet="finite"')
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
