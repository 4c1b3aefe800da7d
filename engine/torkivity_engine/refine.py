"""Mesh refinement: polar and azimuthal sizes apart, with an error estimate.

The polar integrals converge spectrally with a Gauss rule per hemisphere unless the barrier
matches the exchange and spin-orbit fields, u0^2 = |b|^2, for some grazing direction: one spin
channel then stays open down to mu = 0 and the integrands have a pole next to the end of the
interval. A rule graded towards grazing angles restores the convergence there.

A mesh is believed once it agrees with the one of half its sizes: the difference is the error of
the coarser one, which is larger. So the mesh that is returned is the last one computed, and a
good guess of where to begin costs one more solution, on a mesh of a quarter of the points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.spheres import has_one_sphere
from torkivity_engine.film.stack import Stack
from torkivity_engine.solution import InterfaceResponse
from torkivity_engine.tolerance import LARGEST, RefinedMesh, Tolerance, Trial
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = [
    "flattened",
    "polar_rule_for",
    "refine",
    "refine_responses",
    "unflattened",
]

Evaluate = Callable[[int, int], FloatArray]

_T = TypeVar("_T")

#: A difference must not be smaller than this part of the one before to be believed: the error
#: of an oscillating sequence can vanish by accident.
_BELIEF = 0.1

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
    {"gauss", "graded"}
        "graded" where an interface has a pole near grazing incidence.
    """
    if not has_one_sphere(stack):
        return "gauss"  # thresholds are smooth in an annulus
    poles = (
        interface.has_grazing_pole(stack.interface_magnetization(index))
        for index, interface in enumerate(stack.interfaces)
    )
    return "graded" if any(poles) else "gauss"


class _Ladder:
    """Sizes of one kind and how much the last step on them changed the values."""

    def __init__(self) -> None:
        self.change: FloatArray | None = None

    def step(self, coarse: FloatArray, fine: FloatArray) -> FloatArray:
        """Believed error after going from coarse to fine."""
        before, self.change = self.change, np.abs(fine - coarse)
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
    """Double the polar or the azimuthal size, whichever matters more, until it is enough.

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
    trials: list[Trial] = []

    def at(p: int, a: int) -> FloatArray:
        trials.append(Trial(p, a, evaluate(p, a)))
        return trials[-1].values

    def outcome(error: FloatArray) -> RefinedMesh:
        error = np.where(error <= noise(fine), 0.0, error)
        return RefinedMesh(p, a, fine, error, float(error.max() / scale(fine)), tuple(trials))

    p, a = 2 * start[0], 2 * start[1]
    if shortcut is not None:
        quarter, fine = at(start[0] // 2, start[1]), at(p, a)
        if (found := outcome(shortcut * np.abs(fine - quarter))).relative <= rtol:
            return found
        coarse = at(*start)
    else:
        coarse, fine = at(*start), at(p, a)
    if (found := outcome(np.abs(fine - coarse))).relative <= rtol:
        return found
    polar, azimuthal = _Ladder(), _Ladder()
    between = at(p, start[1])
    in_polar, in_azimuth = polar.step(coarse, between), azimuthal.step(between, fine)
    while True:
        grow_polar = in_polar.max() >= in_azimuth.max()
        p, a = (2 * p, a) if grow_polar else (p, 2 * a)
        if max(p, a) > largest:
            raise PhysicsError(
                f"rtol = {rtol:g} is not reached: error {found.relative:.1e} with "
                f"{found.n_polar} x {found.n_azimuth} points per hemisphere; some spin channel "
                "stays open at grazing incidence (u0^2 = |b|^2)"
            )
        coarse, fine = fine, at(p, a)
        if grow_polar:
            in_polar = polar.step(coarse, fine)
        else:
            in_azimuth = azimuthal.step(coarse, fine)
        if (found := outcome(in_polar + in_azimuth)).relative <= rtol:
            return found


def refine_responses(
    stack: Stack,
    solve: Callable[[FermiSurfaceMesh], _T],
    responses: Callable[[_T], Sequence[InterfaceResponse]],
    tolerance: Tolerance,
) -> tuple[_T, RefinedMesh]:
    """Solution of a film on the coarsest mesh that meets a tolerance.

    Parameters
    ----------
    stack : Stack
    solve : callable
        From a mesh to a solution.
    responses : callable
        The interfaces of a solution.
    tolerance : Tolerance

    Returns
    -------
    solution
    mesh : RefinedMesh
        Its values and errors are currents and torques of all interfaces in one row, see
        `unflattened`.

    Raises
    ------
    InputError
        For a film without an interface.
    PhysicsError
        If the tolerance is not reached.
    """
    if not stack.interfaces:
        raise InputError(
            "rtol", tolerance.rtol, "needs a film with an interface, whose torque is the scale"
        )
    rule = tolerance.polar_rule or polar_rule_for(stack)
    best: dict[int, _T] = {}

    def evaluate(n_polar: int, n_azimuth: int) -> FloatArray:
        size, solution = n_polar * n_azimuth, solve(_mesh(n_polar, n_azimuth, rule))
        if size >= max(best, default=0):  # meshes that are accepted grow
            best.clear()
            best[size] = solution
        return flattened(responses(solution))

    def scale(flat: FloatArray) -> float:
        torque = max(float(np.abs(r.torque_total).max()) for r in unflattened(stack, flat))
        largest = float(np.abs(flat).max())
        # By symmetry, or without a source, there may be no torque but rounding.
        return torque if torque > _VANISHES * largest else largest or 1.0

    def noise(flat: FloatArray) -> float:
        drive = stack.prefactor * METRE_PER_NM  # of a mean free path of 1 nm
        return _ROUNDING * max(float(np.abs(flat).max()), drive)

    found = refine(
        *(evaluate, scale, tolerance.rtol, tolerance.start, tolerance.largest),
        tolerance.shortcut,
        noise,
    )
    return next(iter(best.values())), replace(found, polar_rule=rule)


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
