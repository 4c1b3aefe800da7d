"""Mesh refinement: polar and azimuthal sizes apart, with an error estimate.

The polar integrals converge spectrally with a Gauss rule per hemisphere unless the barrier
matches the exchange and spin-orbit fields, u0^2 = |b|^2, for grazing directions: one spin
channel then stays open down to mu = 0 and the integrands have a pole next to the end of the
interval. A rule graded towards grazing angles restores the convergence there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.spheres import has_one_sphere
from torkivity_engine.film.stack import Stack
from torkivity_meshes import DEFAULT_POLAR_RULE

__all__ = ["RefinedMesh", "Trial", "polar_rule_for", "refine"]

Evaluate = Callable[[int, int], FloatArray]

#: A difference must not be smaller than this part of the one before to be believed: the error
#: of an oscillating sequence can vanish by accident.
_BELIEF = 0.1
_LARGEST = 1024


@dataclass(frozen=True, eq=False)
class Trial:
    """One mesh that was tried.

    Attributes
    ----------
    n_polar, n_azimuth : int
    values : ndarray
    """

    n_polar: int
    n_azimuth: int
    values: FloatArray


@dataclass(frozen=True, eq=False)
class RefinedMesh:
    """Outcome of a refinement.

    Attributes
    ----------
    n_polar, n_azimuth : int
        The mesh that was accepted.
    values : ndarray, shape (n,)
        The quantities on it.
    error : ndarray, shape (n,)
        Estimated absolute error of each.
    relative : float
        Largest error over the scale.
    trials : tuple of Trial
        All meshes that were evaluated, in order.
    """

    n_polar: int
    n_azimuth: int
    values: FloatArray
    error: FloatArray
    relative: float
    trials: tuple[Trial, ...]


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
    largest: int = _LARGEST,
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
        First mesh.
    largest : int, optional
        Largest size of either kind.

    Returns
    -------
    RefinedMesh

    Raises
    ------
    PhysicsError
        If the largest mesh does not reach `rtol`.
    """
    trials: list[Trial] = []
    known: dict[tuple[int, int], FloatArray] = {}

    def at(p: int, a: int) -> FloatArray:
        if (p, a) not in known:
            known[p, a] = evaluate(p, a)
            trials.append(Trial(p, a, known[p, a]))
        return known[p, a]

    p, a = start
    polar, azimuthal = _Ladder(), _Ladder()
    in_polar = polar.step(at(p, a), at(2 * p, a))
    in_azimuth = azimuthal.step(at(p, a), at(p, 2 * a))
    while True:
        error = in_polar + in_azimuth
        unit = scale(at(p, a))
        relative = float(error.max() / unit)
        if relative <= rtol:
            values = at(2 * p, 2 * a)
            return RefinedMesh(2 * p, 2 * a, values, error, relative, tuple(trials))
        grow_polar = in_polar.max() >= in_azimuth.max()
        if max(2 * p if grow_polar else p, a if grow_polar else 2 * a) > largest // 2:
            raise PhysicsError(
                f"rtol = {rtol:g} is not reached: error {relative:.1e} with {2 * p} x {2 * a} "
                "points per hemisphere; some spin channel stays open at grazing incidence "
                "(u0^2 = |b|^2)"
            )
        if grow_polar:
            p *= 2
            in_polar = polar.step(at(p, a), at(2 * p, a))
        else:
            a *= 2
            in_azimuth = azimuthal.step(at(p, a), at(p, 2 * a))
