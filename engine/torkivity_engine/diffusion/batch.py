"""Drift-diffusion of many films at once.

Interfaces are solved for in one compiled call, then the films of one shape in another; what belongs
to a layer is asked of it once. Every film is computed by itself, so that its digits do not depend
on its neighbours in the batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.boundary_layer import boundary_layer_parameters
from torkivity_engine.diffusion.chains import solve_chains
from torkivity_engine.diffusion.dephased import require_dephasable, solve_dephased
from torkivity_engine.diffusion.laws import InterfaceOptions, interface_laws
from torkivity_engine.diffusion.network import LEAST_CONDITION, InterfaceLaw, solve_network
from torkivity_engine.diffusion.sheet import NetworkState, sheet_conductance, spin_hall_direction
from torkivity_engine.errors import POINT_ERRORS, InputError
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.solution import DriftDiffusionSolution, InterfaceResponse
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["drift_diffusion_many"]

PARAMETERS = ("particular", "half_space", "boundary_layer")
LEVELS = ("dephased", "finite")
SOURCES = ("all", "rashba", "spin_hall")
LENGTHS = ("exact", "diffusive")


def drift_diffusion_many(
    stacks: Sequence[Stack | Bilayer],
    parameters: Literal["particular", "half_space", "boundary_layer"] = "particular",
    level: Literal["dephased", "finite"] = "dephased",
    source: Literal["all", "rashba", "spin_hall"] = "all",
    mesh: FermiSurfaceMesh | None = None,
    *,
    spin_diffusion_length: Literal["exact", "diffusive"] = "exact",
    keep_rashba: bool = False,
) -> list[DriftDiffusionSolution | Exception]:
    """Solutions of many films, each as `solve_drift_diffusion` has it.

    Parameters
    ----------
    stacks : sequence of Stack or Bilayer
        Any films; each is solved by itself.
    parameters, level, source, mesh, spin_diffusion_length, keep_rashba : optional
        As of `solve_drift_diffusion`, whose ``ferromagnet`` the level is.

    Returns
    -------
    list of DriftDiffusionSolution or Exception
        One entry for each film: its solution, the same digits whatever else is in the list, or
        what `solve_drift_diffusion` raises for it.

    Raises
    ------
    InputError
        For unknown options.
    """
    _one_of("parameters", parameters, PARAMETERS)
    _one_of("ferromagnet", level, LEVELS)
    _one_of("source", source, SOURCES)
    _one_of("spin_diffusion_length", spin_diffusion_length, LENGTHS)
    found: list[DriftDiffusionSolution | Exception | None] = [None] * len(stacks)
    checked: list[Stack] = []
    at: list[int] = []
    how = _Options(
        level == "dephased",
        source != "rashba",
        spin_diffusion_length == "exact",
        InterfaceOptions(parameters, source != "spin_hall", keep_rashba, mesh),
    )
    for i, film in enumerate(stacks):
        try:
            stack = _checked(film)
            if parameters == "boundary_layer":
                found[i] = _boundary_layer(stack, mesh, source)
                continue
            stack = _without_half_spaces(stack)
            if how.dephased:
                require_dephasable(stack)
            checked.append(stack)
            at.append(i)
        except POINT_ERRORS as error:
            found[i] = error
    for i, stack, state in zip(at, checked, _solve(checked, how), strict=True):
        found[i] = state if isinstance(state, Exception) else _solution(stack, state, how)
    return found  # type: ignore[return-value]  # every place is filled


class _Options(NamedTuple):
    """How films are solved; `exact` is which spin diffusion length."""

    dephased: bool
    spin_hall: bool
    exact: bool
    interfaces: InterfaceOptions


class _State(NamedTuple):
    """A film driven by a field, shape (n_interfaces, ...).

    Attributes
    ----------
    response, drive : ndarray, shape (n_interfaces, 11, 8) and (n_interfaces, 11)
        Laws of its interfaces.
    accumulations : ndarray, shape (n_interfaces, 8)
        mu(0-) and mu(0+), in m per E~.
    flows : ndarray, shape (n_interfaces, 11)
        j(0-), j(0+) and s.
    """

    response: FloatArray
    drive: FloatArray
    accumulations: FloatArray
    flows: FloatArray


def _checked(film: Stack | Bilayer) -> Stack:
    stack = as_stack(film)
    if not stack.interfaces:
        raise InputError("film", film, "must have at least two layers: torques need an interface")
    if stack.is_open:
        raise InputError("film", "a Reservoir", "drift-diffusion here has closed outer faces only")
    return stack


def _boundary_layer(
    stack: Stack, mesh: FermiSurfaceMesh | None, source: str
) -> DriftDiffusionSolution:
    exact = boundary_layer_parameters(stack, mesh, source)
    responses = tuple(exact.response(interface=i) for i in range(len(stack.interfaces)))
    return DriftDiffusionSolution(responses, "boundary_layer", "exact")


def _solve(stacks: Sequence[Stack], how: _Options) -> list[_State | Exception]:
    """States of films, by one compiled call for all interfaces and one for each shape of film."""
    if not stacks:
        return []
    places = [(stack, i) for stack in stacks for i in range(len(stack.interfaces))]
    laws = interface_laws(places, how.interfaces)
    found: dict[int, _State | Exception] = {}
    shapes: dict[int, list[tuple[int, int]]] = defaultdict(list)
    first = 0
    for p, stack in enumerate(stacks):
        n = len(stack.interfaces)
        errors = [laws.failed[k] for k in range(first, first + n) if k in laws.failed]
        if errors:
            found[p] = errors[0]
        else:
            shapes[n].append((p, first))
        first += n
    solve = _solve_dephased if how.dephased else _solve_finite
    for n, members in shapes.items():
        rows = np.array([row for _, row in members])[:, None] + np.arange(n)
        response, drive = laws.response[rows], laws.drive[rows]
        films = [stacks[p] for p, _ in members]
        accumulations, flows, failed = solve(films, response, drive, how)
        for j, (p, _) in enumerate(members):
            state = _State(response[j], drive[j], accumulations[j], flows[j])
            found[p] = failed.get(j, state)
    return [found[p] for p in range(len(stacks))]


#: Accumulations, flows, and what failed, of films of one shape.
_Solved = tuple[FloatArray, FloatArray, dict[int, Exception]]


def _solve_dephased(
    stacks: Sequence[Stack], response: FloatArray, drive: FloatArray, how: _Options
) -> _Solved:
    accumulations, flows, failed = solve_dephased(
        stacks, response[:, 0], drive[:, 0], spin_hall=how.spin_hall, exact=how.exact
    )
    return accumulations[:, None], flows[:, None], failed


def _solve_finite(
    stacks: Sequence[Stack], response: FloatArray, drive: FloatArray, how: _Options
) -> _Solved:
    """All layers and all four channels, closed outer faces."""
    failed: dict[int, Exception] = {}
    layers: list[list[LayerAdmittance]] = []
    good: list[int] = []
    for p, stack in enumerate(stacks):
        y_p = tuple(spin_hall_direction(stack)) if how.spin_hall else None
        k_f = stack.fermi_wavevector
        try:
            layers.append([_admittance(layer, k_f, y_p, how.exact) for layer in stack.layers])
            good.append(p)
        except POINT_ERRORS as error:
            failed[p] = error
    n = drive.shape[1]
    accumulations, flows = np.zeros((len(stacks), n, 8)), np.zeros(drive.shape)
    if not good:
        return accumulations, flows, failed
    references = [stacks[p].reference_interface for p in good]
    faces, flows[good], condition = solve_chains(layers, response[good], drive[good], references)
    accumulations[good] = np.concatenate([faces[:, :-1, 1], faces[:, 1:, 0]], axis=2)
    for j, p in enumerate(good):
        if not condition[j] > LEAST_CONDITION:
            try:  # says what is undetermined
                solve_network(layers[j], _laws(response[p], drive[p]), references[j])
            except POINT_ERRORS as error:
                failed[p] = error
    return accumulations, flows, failed


def _laws(response: FloatArray, drive: FloatArray) -> list[InterfaceLaw]:
    """Laws of one film as the network of any stack has them."""
    return [
        InterfaceLaw(r[:4, :4], r[4:8, :4], -r[4:8, 4:], -r[:4, 4:], d[:4], d[4:8])
        for r, d in zip(response, drive, strict=True)
    ]


@lru_cache(maxsize=256)
def _admittance(
    layer: Layer, fermi_wavevector: float, y_p: tuple[float, ...] | None, exact: bool
) -> LayerAdmittance:
    """Layers are few where points are many."""
    return layer.admittance(fermi_wavevector, y_p, exact_length=exact)


def _solution(stack: Stack, state: _State, how: _Options) -> DriftDiffusionSolution:
    """What users get of a film."""
    field = stack.field_direction
    responses = []
    for index, flow in enumerate(state.flows):
        m = np.array(stack.interface_magnetization(index))
        torque = stack.interfaces[index].torque(flow[8:], m)
        below = stack.magnet_below(index)
        responses.append(InterfaceResponse(flow[:4], flow[4:8], torque, m, field, below))
    return DriftDiffusionSolution(
        tuple(responses),
        how.interfaces.parameters,
        "dephased" if how.dephased else "finite",
        None if _endless(stack) else partial(_sheet_conductance, stack, how),
    )


def _sheet_conductance(stack: Stack, how: _Options) -> FloatArray:
    def state(film: Stack) -> NetworkState:
        (found,) = _solve([film], how)
        if isinstance(found, Exception):
            raise found
        sides = [(mu[:4], mu[4:]) for mu in found.accumulations]
        return NetworkState(_laws(found.response, found.drive), sides)

    return sheet_conductance(stack, state, how.spin_hall, how.exact, how.dephased)


def _endless(stack: Stack) -> bool:
    return stack.left.endless or stack.right.endless


def _without_half_spaces(stack: Stack) -> Stack:
    """The stack with half spaces as layers so thick that their end does not matter."""
    if not _endless(stack):
        return stack
    layers = list(stack.layers)
    for index, boundary in ((0, stack.left), (-1, stack.right)):
        if boundary.endless:
            layers[index] = layers[index].with_thickness(layers[index].decay_reach())
    return replace(stack, layers=tuple(layers))


def _one_of(key: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(key, value, f"must be one of: {', '.join(known)}")
