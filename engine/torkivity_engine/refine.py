"""Mesh refinement: polar and azimuthal sizes apart, with an error estimate.

The polar integrals converge spectrally with a Gauss rule per hemisphere unless the barrier
matches the exchange and spin-orbit fields, u0^2 = |b|^2, for grazing directions: one spin
channel then stays open down to mu = 0 and the integrands have a pole next to the end of the
interval. A rule graded towards grazing angles restores the convergence there.

A mesh is believed once it agrees with the one of half its sizes: the difference is the error of
the coarser one, which is larger. So the mesh that is returned is the last one computed, and a
good guess of where to begin costs one more solution, on a mesh of a quarter of the points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import POINT_ERRORS, InputError, PhysicsError
from torkivity_engine.film.spheres import has_one_sphere
from torkivity_engine.film.stack import Stack
from torkivity_engine.film.table_film import has_tables
from torkivity_engine.solution import InterfaceResponse
from torkivity_engine.tolerance import LARGEST, RefinedMesh, Tolerance, Trial
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

#: A difference must not be smaller than this part of the one before to be believed: the error
#: of an oscillating sequence can vanish by accident.
_BELIEF = 0.1

#: What an error that falls like 1/n has left after a step to 1.5 n, over the change; after one
#: to 2 n it is as large as the change.
_LEFT = 2.0
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


def _next_polar(n_polar: int) -> int:
    """The next polar size: half as large again, which a precession phase needs no more than."""
    return 4 * math.ceil(1.5 * n_polar / 4.0)


class _Ladder:
    """Sizes of one kind and how much the last step on them changed the values."""

    def __init__(self) -> None:
        self.change: FloatArray | None = None

    def step(self, coarse: FloatArray, fine: FloatArray, left: float = 1.0) -> FloatArray:
        """Believed error after going from coarse to fine, `left` of what it changed."""
        before, self.change = self.change, left * np.abs(fine - coarse)
        return self.change if before is None else np.maximum(self.change, _BELIEF * before)


def refine(
    evaluate: Evaluate,
    scale: Callable[[FloatArray], float],
    rtol: float,
    start: tuple[int, int] = (8, 8),
    largest: int = LARGEST,
    shortcut: float | None = None,
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
    start : tuple of int, optional
        First mesh; twice its sizes is the smallest that can be accepted.
    largest : int, optional
        Largest size of either kind.
    shortcut : float, optional
        See `Tolerance`.
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
    search = _search(scale, rtol, start, largest, shortcut, noise)
    wanted = next(search)
    while True:
        try:
            wanted = search.send(evaluate(*wanted))
        except StopIteration as end:
            found: RefinedMesh = end.value
            return found


def _search(
    scale: Callable[[FloatArray], float],
    rtol: float,
    start: tuple[int, int],
    largest: int,
    shortcut: float | None,
    noise: Callable[[FloatArray], float],
) -> Generator[tuple[int, int], FloatArray, RefinedMesh]:
    """The steps of `refine`: asks for the quantities on one mesh after the other."""
    trials: list[Trial] = []

    def outcome(error: FloatArray) -> RefinedMesh:
        error = np.where(error <= noise(fine), 0.0, error)
        return RefinedMesh(p, a, fine, error, float(error.max() / scale(fine)), tuple(trials))

    def at(p: int, a: int) -> Generator[tuple[int, int], FloatArray, FloatArray]:
        values = yield p, a
        trials.append(Trial(p, a, values))
        return values

    p, a = 2 * start[0], 2 * start[1]
    if shortcut is not None:
        quarter, fine = (yield from at(start[0] // 2, start[1])), (yield from at(p, a))
        if (found := outcome(shortcut * np.abs(fine - quarter))).relative <= rtol:
            return found
        coarse = yield from at(*start)
    else:
        coarse, fine = (yield from at(*start)), (yield from at(p, a))
    if (found := outcome(np.abs(fine - coarse))).relative <= rtol:
        return found
    polar, azimuthal = _Ladder(), _Ladder()
    between = yield from at(p, start[1])
    in_polar, in_azimuth = polar.step(coarse, between), azimuthal.step(between, fine)
    while True:
        grow_polar = in_polar.max() >= in_azimuth.max()
        p, a = (_next_polar(p), a) if grow_polar else (p, 2 * a)
        if max(p, a) > largest:
            raise PhysicsError(
                f"rtol = {rtol:g} is not reached: error {found.relative:.1e} with "
                f"{found.n_polar} x {found.n_azimuth} points per hemisphere; some spin channel "
                "stays open at grazing incidence (u0^2 = |b|^2)"
            )
        coarse, fine = fine, (yield from at(p, a))
        if grow_polar:
            in_polar = polar.step(coarse, fine, _LEFT)
        else:
            in_azimuth = azimuthal.step(coarse, fine)
        if (found := outcome(in_polar + in_azimuth)).relative <= rtol:
            return found


def refine_many(
    stacks: Sequence[Stack],
    solve: Callable[[list[Stack], FermiSurfaceMesh], Sequence[_T | Exception]],
    responses: Callable[[_T], Sequence[InterfaceResponse]],
    tolerances: Sequence[Tolerance],
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
            searches[i] = _search_for(stack, tolerance)
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
                if i not in best or size >= best[i][0]:  # meshes that are accepted grow
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
    stack: Stack, tolerance: Tolerance
) -> Generator[tuple[int, int], FloatArray, RefinedMesh]:
    def scale(flat: FloatArray) -> float:
        torque = max(float(np.abs(r.torque_total).max()) for r in unflattened(stack, flat))
        largest = float(np.abs(flat).max())
        # By symmetry, or without a source, there may be no torque but rounding.
        return torque if torque > _VANISHES * largest else largest or 1.0

    def noise(flat: FloatArray) -> float:
        drive = stack.prefactor * METRE_PER_NM  # of a mean free path of 1 nm
        return _ROUNDING * max(float(np.abs(flat).max()), drive)

    return _search(
        *(scale, tolerance.rtol, tolerance.start, tolerance.largest, tolerance.shortcut, noise)
    )


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
