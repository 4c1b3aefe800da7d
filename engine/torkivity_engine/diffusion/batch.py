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
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.boundary_layer import (
    BoundaryLayerParameters,
    boundary_layer_parameters_many,
)
from torkivity_engine.diffusion.chains import solve_chains
from torkivity_engine.diffusion.dephased import (
    dephased_faces,
    require_dephasable,
    require_plain,
    solve_dephased,
)
from torkivity_engine.diffusion.elements import FilmState, chain_laws, film_ends, solve_film
from torkivity_engine.diffusion.laws import InterfaceOptions, interface_laws
from torkivity_engine.diffusion.network import LEAST_CONDITION, InterfaceLaw
from torkivity_engine.diffusion.profile import Drive, diffusion_profile
from torkivity_engine.diffusion.sheet import sheet_conductance, spin_hall_direction
from torkivity_engine.errors import POINT_ERRORS, InputError
from torkivity_engine.film.kinetic import require_kinetic
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.sources import DRIVEN, SOURCES, film_with_source
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.kinetics.circuit import Circuit
from torkivity_engine.profiles import DiffusionProfile
from torkivity_engine.solution import DriftDiffusionSolution, InterfaceResponse
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["drift_diffusion_many"]

PARAMETERS = ("particular", "half_space", "boundary_layer")
LEVELS = ("dephased", "finite")
LENGTHS = ("exact", "diffusive")
#: Sources that are a film of their own: one of the driven currents alone, or what is injected.
_ALONE = (*DRIVEN, "reservoirs")


def drift_diffusion_many(
    stacks: Sequence[Stack | Bilayer],
    parameters: Literal["particular", "half_space", "boundary_layer"] = "particular",
    level: Literal["dephased", "finite"] = "dephased",
    source: str = "all",
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
    exact: dict[int, Stack] = {}
    how = _Options(
        level == "dephased",
        source in ("all", "spin_hall"),
        spin_diffusion_length == "exact",
        source != "reservoirs",
        InterfaceOptions(parameters, source not in ("spin_hall", "reservoirs"), keep_rashba, mesh),
    )
    for i, film in enumerate(stacks):
        try:
            stack = _checked(film, parameters, source)
            if parameters == "boundary_layer":
                exact[i] = _closed(stack)
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
    if exact:
        solved = boundary_layer_parameters_many(list(exact.values()), mesh, source)
        for i, result in zip(exact, solved, strict=True):
            found[i] = result if isinstance(result, Exception) else _boundary_layer(result)
    return found  # type: ignore[return-value]  # every place is filled


class _Options(NamedTuple):
    """How films are solved; `exact` is which spin diffusion length, `field` what drives."""

    dephased: bool
    spin_hall: bool
    exact: bool
    field: bool
    interfaces: InterfaceOptions


def _checked(film: Stack | Bilayer, parameters: str, source: str) -> Stack:
    stack = film_with_source(film, source) if source in _ALONE else as_stack(film)
    if not stack.interfaces:
        raise InputError("film", film, "must have at least two layers: torques need an interface")
    if parameters != "particular":
        require_kinetic(stack)
    return stack


def _closed(stack: Stack) -> Stack:
    if stack.is_open:
        raise InputError("film", "a Reservoir", "boundary-layer parameters need closed outer faces")
    return stack


def _boundary_layer(exact: BoundaryLayerParameters) -> DriftDiffusionSolution:
    responses = tuple(exact.response(interface=i) for i in range(len(exact.driven)))
    return DriftDiffusionSolution(responses, "boundary_layer", "exact")


def _solve(stacks: Sequence[Stack], how: _Options) -> list[FilmState | Exception]:
    """States of films, by one compiled call for all interfaces and one for each shape of film."""
    if not stacks:
        return []
    places = [(stack, i) for stack in stacks for i in range(len(stack.interfaces))]
    laws = interface_laws(places, how.interfaces)
    found: dict[int, FilmState | Exception] = {}
    shapes: dict[int, list[tuple[int, int]]] = defaultdict(list)
    first = 0
    for p, stack in enumerate(stacks):
        n = len(stack.interfaces)
        own = range(first, first + n)
        errors = [laws.failed[k] for k in own if k in laws.failed]
        circuits = {k - first: laws.circuits[k] for k in own if k in laws.circuits}
        if errors:
            found[p] = errors[0]
        elif stack.is_open or not all(circuit.plain for circuit in circuits.values()):
            law = laws.response[first : first + n], laws.drive[first : first + n]
            found[p] = _solve_alone(stack, *law, circuits, how)
        else:
            shapes[n].append((p, first))
        first += n
    solve = _solve_dephased if how.dephased else _solve_finite
    for n, members in shapes.items():
        rows = np.array([row for _, row in members])[:, None] + np.arange(n)
        films = [stacks[p] for p, _ in members]
        solved = solve(films, laws.response[rows], laws.drive[rows], how)
        for (p, _), state in zip(members, solved, strict=True):
            found[p] = state
    return [found[p] for p in range(len(stacks))]


def _solve_dephased(
    stacks: Sequence[Stack], response: FloatArray, drive: FloatArray, how: _Options
) -> list[FilmState | Exception]:
    accumulations, flows, failed = solve_dephased(
        stacks, response[:, 0], drive[:, 0], spin_hall=how.spin_hall, exact=how.exact
    )
    states = [
        FilmState(mu[None], flow[None], None) for mu, flow in zip(accumulations, flows, strict=True)
    ]
    return [failed.get(p, state) for p, state in enumerate(states)]


def _solve_finite(
    stacks: Sequence[Stack], response: FloatArray, drive: FloatArray, how: _Options
) -> list[FilmState | Exception]:
    """All layers and all four channels, closed outer faces."""
    found: list[FilmState | Exception | None] = [None] * len(stacks)
    layers: list[list[LayerAdmittance]] = []
    good: list[int] = []
    for p, stack in enumerate(stacks):
        try:
            layers.append(_layers(stack, how))
            good.append(p)
        except POINT_ERRORS as error:
            found[p] = error
    if not good:
        return found  # type: ignore[return-value]  # every place is filled
    references = [stacks[p].reference_interface for p in good]
    faces, flows, condition = solve_chains(layers, response[good], drive[good], references)
    accumulations = np.concatenate([faces[:, :-1, 1], faces[:, 1:, 0]], axis=2)
    for j, p in enumerate(good):
        if condition[j] > LEAST_CONDITION:
            found[p] = FilmState(accumulations[j], flows[j], faces[j])
        else:  # solves what no charge flows through, and says what is undetermined
            found[p] = _solve_alone(stacks[p], response[p], drive[p], {}, how)
    return found  # type: ignore[return-value]


def _solve_alone(
    stack: Stack,
    response: FloatArray,
    drive: FloatArray,
    circuits: dict[int, Circuit],
    how: _Options,
) -> FilmState | Exception:
    """A film that is no chain of finite conductances between closed faces."""
    try:
        if how.dephased:
            require_plain(circuits.values())
        ends = film_ends(stack, not how.field)
        return solve_film(stack, _layers(stack, how), response, drive, circuits, ends)
    except POINT_ERRORS as error:
        return error


def _layers(stack: Stack, how: _Options) -> list[LayerAdmittance]:
    y_p = tuple(spin_hall_direction(stack)) if how.spin_hall else None
    return [_admittance(layer, stack.fermi_wavevector, y_p, how.exact) for layer in stack.layers]


@lru_cache(maxsize=256)
def _admittance(
    layer: Layer, fermi_wavevector: float, y_p: tuple[float, ...] | None, exact: bool
) -> LayerAdmittance:
    """Layers are few where points are many."""
    return layer.admittance(fermi_wavevector, y_p, exact_length=exact)


def _solution(stack: Stack, state: FilmState, how: _Options) -> DriftDiffusionSolution:
    """What users get of a film."""
    field = stack.field_direction
    responses = []
    for index, flow in enumerate(state.flows):
        m = np.array(stack.interface_magnetization(index))
        torque = stack.interfaces[index].torque_from(flow[8:], m)
        below = stack.magnet_below(index)
        responses.append(InterfaceResponse(flow[:4], flow[4:8], torque, m, field, below))
    return DriftDiffusionSolution(
        tuple(responses),
        how.interfaces.parameters,
        "dephased" if how.dephased else "finite",
        None if _endless(stack) or not how.field else partial(_sheet_conductance, stack, how),
        partial(_profile, stack, state, how),
    )


def _profile(
    stack: Stack, state: FilmState, how: _Options, layer: int, z: ArrayLike | None
) -> DiffusionProfile:
    faces = _with_faces(stack, state, how).faces
    assert faces is not None
    return diffusion_profile(stack, faces, Drive(how.field, how.spin_hall, how.exact), layer, z)


def _with_faces(stack: Stack, state: FilmState, how: _Options) -> FilmState:
    if state.faces is not None:
        return state
    metal = _layers(stack, how)[1 if stack.layers[0].magnetic else 0]
    return state._replace(faces=dephased_faces(stack, state.accumulations[0], metal))


def _sheet_conductance(stack: Stack, how: _Options) -> FloatArray:
    def state(film: Stack) -> FilmState:
        (found,) = _solve([film], how)
        if isinstance(found, Exception):
            raise found
        return _with_faces(film, found, how)

    def laws(film: Stack) -> list[InterfaceLaw]:
        found = interface_laws([(film, i) for i in range(len(film.interfaces))], how.interfaces)
        for error in found.failed.values():
            raise error
        return chain_laws(found.response, found.drive)

    return sheet_conductance(stack, state, laws, how.spin_hall)


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
