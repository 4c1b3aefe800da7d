"""Meshes for a tolerance: of one film, or of many that are solved together."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import POINT_ERRORS, InputError
from torkivity_engine.film.spheres import has_one_sphere
from torkivity_engine.film.stack import Stack
from torkivity_engine.film.table_film import has_tables
from torkivity_engine.mesh_search import MeshSearch
from torkivity_engine.outlook import Outlook, outlook
from torkivity_engine.solution import InterfaceResponse
from torkivity_engine.tolerance import LARGEST, START, RefinedMesh, Tolerance
from torkivity_meshes import DEFAULT_POLAR_RULE, FermiSurfaceMesh, SphericalMesh

__all__ = [
    "flattened",
    "polar_rule_for",
    "refine",
    "refine_many",
    "unflattened",
]

Evaluate = Callable[[int, int], FloatArray]

_T = TypeVar("_T")

#: Parts of the largest current: below the first a torque is none, below the second a
#: difference is rounding.
_VANISHES, _ROUNDING = 1e-9, 1e-13


def polar_rule_for(stack: Stack) -> str:
    """Polar rule that suits the interfaces of a stack.

    Parameters
    ----------
    stack : Stack

    Returns
    -------
    {"rational", "gauss", "graded"}
        "graded" where an interface has a pole near grazing incidence.
    """
    if not has_one_sphere(stack):
        return "gauss"  # thresholds are smooth in an annulus
    poles = (
        interface.has_grazing_pole(stack.interface_magnetization(index))
        for index, interface in enumerate(stack.interfaces)
    )
    return "graded" if any(poles) else DEFAULT_POLAR_RULE


def refine(
    evaluate: Evaluate,
    scale: Callable[[FloatArray], float],
    rtol: float,
    expected: Outlook,
    start: tuple[int, int] = START,
    largest: int = LARGEST,
    noise: Callable[[FloatArray], float] = lambda values: 0.0,
) -> RefinedMesh:
    """Let the polar or the azimuthal size grow, whichever matters more, until it is enough.

    Parameters
    ----------
    evaluate : callable
        Quantities, shape (n,), for (n_polar, n_azimuth).
    scale : callable
        What errors are relative to, from the quantities; 1 if they all vanish.
    rtol : float
        Largest error over the scale that is accepted.
    expected : Outlook
        What is known of the errors beforehand.
    start : tuple of int, optional
        Smallest mesh that can be accepted.
    largest : int, optional
        Largest size of either kind.
    noise : callable, optional
        From the quantities to what is rounding and no error of a mesh.

    Returns
    -------
    RefinedMesh

    Raises
    ------
    PhysicsError
        If the largest mesh does not reach `rtol`.
    """
    search = MeshSearch(scale, rtol, expected, start, largest, noise).steps()
    wanted = next(search)
    while True:
        try:
            wanted = search.send(evaluate(*wanted))
        except StopIteration as end:
            found: RefinedMesh = end.value
            return found


def refine_many(
    stacks: Sequence[Stack],
    solve: Callable[[list[Stack], FermiSurfaceMesh], Sequence[_T | Exception]],
    responses: Callable[[_T], Sequence[InterfaceResponse]],
    tolerances: Sequence[Tolerance],
    *,
    crossed: Callable[[Stack], Stack | None] = lambda stack: stack,
) -> list[tuple[_T, RefinedMesh] | Exception]:
    """Solutions of films on the coarsest meshes that meet their tolerances.

    Each film has a search of its own; those that ask for the same mesh are solved together.

    Parameters
    ----------
    stacks : sequence of Stack
    solve : callable
        From films and a mesh to their solutions, or what they raise.
    responses : callable
        The interfaces of a solution.
    tolerances : sequence of Tolerance
        One for each film.
    crossed : callable, optional
        From a film to that whose layers electrons cross in what is solved, or to None if they
        cross none.

    Returns
    -------
    list of (solution, RefinedMesh), or of what the search for that film raises
        InputError for a film without an interface or with tables, PhysicsError if a tolerance is
        not reached. Values and errors of a mesh are currents and torques of all interfaces in
        one row, see `unflattened`.
    """
    found: dict[int, tuple[_T, RefinedMesh] | Exception] = {}
    wanted: dict[int, tuple[int, int]] = {}
    rules, searches, best = {}, {}, dict[int, tuple[int, _T]]()
    for i, (stack, tolerance) in enumerate(zip(stacks, tolerances, strict=True)):
        try:
            rules[i] = tolerance.polar_rule or _rule(stack, tolerance.rtol)
            searches[i] = _search_for(stack, tolerance, outlook(stack, rules[i], crossed(stack)))
            wanted[i] = next(searches[i])
        except POINT_ERRORS as error:
            found[i] = error
    while wanted:
        together: dict[tuple[int, int, str], list[int]] = {}
        for i, sizes in wanted.items():
            together.setdefault((*sizes, rules[i]), []).append(i)
        wanted = {}
        for (n_polar, n_azimuth, rule), members in together.items():
            solved: Sequence[Any] = solve(
                [stacks[i] for i in members], _mesh(n_polar, n_azimuth, rule)
            )
            for i, solution in zip(members, solved, strict=True):
                if isinstance(solution, Exception):
                    found[i] = solution
                    continue
                size = n_polar * n_azimuth
                if i not in best or size >= best[i][0]:  # the largest is the one accepted
                    best[i] = size, solution
                try:
                    wanted[i] = searches[i].send(flattened(responses(solution)))
                except StopIteration as end:
                    found[i] = best[i][1], replace(end.value, polar_rule=rule)
                except POINT_ERRORS as error:
                    found[i] = error
    return [found[i] for i in range(len(stacks))]


def _rule(stack: Stack, rtol: float) -> str:
    """Polar rule of a film that a tolerance can be kept for."""
    if has_tables(stack):
        raise InputError("rtol", rtol, "chooses a mesh, but tables bring points of their own")
    if not stack.interfaces:
        raise InputError("rtol", rtol, "needs a film with an interface, whose torque is the scale")
    return polar_rule_for(stack)


def _search_for(
    stack: Stack, tolerance: Tolerance, expected: Outlook
) -> Generator[tuple[int, int], FloatArray, RefinedMesh]:
    def scale(flat: FloatArray) -> float:
        torque = max(float(np.abs(r.torque_total).max()) for r in unflattened(stack, flat))
        largest = float(np.abs(flat).max())
        # By symmetry, or without a source, there may be no torque but rounding.
        return torque if torque > _VANISHES * largest else largest or 1.0

    def noise(flat: FloatArray) -> float:
        drive = stack.prefactor * METRE_PER_NM  # of a mean free path of 1 nm
        return _ROUNDING * max(float(np.abs(flat).max()), drive)

    return MeshSearch(
        *(scale, tolerance.rtol, expected, tolerance.start, tolerance.largest, noise)
    ).steps()


#: Meshes are small beside what is made on them, and looked up for every point.
_mesh = lru_cache(maxsize=16)(SphericalMesh)


def flattened(interfaces: Sequence[InterfaceResponse]) -> FloatArray:
    """Currents and torques of all interfaces in one row."""
    parts = [(r.current_minus, r.current_plus, r.torque) for r in interfaces]
    return np.concatenate([vector for part in parts for vector in part])


def unflattened(stack: Stack, flat: FloatArray) -> tuple[InterfaceResponse, ...]:
    """Responses, or errors in their place, from currents and torques in one row."""
    return tuple(
        InterfaceResponse(
            current_minus=row[:4],
            current_plus=row[4:8],
            torque=row[8:],
            m=np.array(stack.interface_magnetization(i)),
            field_direction=stack.field_direction,
            magnet_below=stack.magnet_below(i),
        )
        for i, row in enumerate(flat.reshape(len(stack.interfaces), 11))
    )
