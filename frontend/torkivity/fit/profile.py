"""Profile intervals: how far a parameter can go while the others follow.

The rise of chi-square above its minimum with one parameter held, sqrt of which is nearly
proportional to the distance, is followed outwards from the best fit until it reaches the
quantile of an interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from torkivity.fit.problem import FitProblem
from torkivity_engine.errors import InputError, PhysicsError

__all__ = ["LEVELS", "profile_intervals"]

#: Probabilities of the profile intervals.
LEVELS = (0.6827, 0.95)

#: Relative error of the root of the rise at a limit.
_TOLERANCE = 1e-3
#: Steps outwards until a limit counts as infinite.
_STEPS = 30


def profile_intervals(
    problem: FitProblem, best: Any, name: str
) -> tuple[dict[float, tuple[float, float]], str | None]:
    """Intervals of one fitted parameter, infinite on a side without a limit.

    With error bars the rise of chi-square counts in units of one, the quantile is normal;
    without them in units of the scatter, the quantile is Student's.

    Parameters
    ----------
    problem : FitProblem
    best : lmfit.minimizer.MinimizerResult
        The best fit.
    name : str

    Returns
    -------
    intervals : dict of float to (float, float)
        By probability, for each of `LEVELS`; empty where the model cannot be followed.
    note : str or None
        What there is to say about them.
    """
    from scipy.stats import norm, t

    unit = 1.0 if problem.error_bars else best.chisqr / best.nfree
    if not unit > 0.0:
        return {}, f"no profile interval of {name}: the data have no scatter to tell it from"
    spread = norm if problem.error_bars else t(best.nfree)
    profile = _Profile(problem, best, name, unit)
    limits: dict[int, list[float]] = {}
    try:
        for side in (-1, 1):
            limits[side] = [
                profile.limit(side, float(spread.ppf(0.5 * (1.0 + level)))) for level in LEVELS
            ]
    except (InputError, PhysicsError):
        return {}, f"no profile interval of {name}: the fit does not follow it"
    intervals = dict(zip(LEVELS, zip(limits[-1], limits[1], strict=True), strict=True))
    if profile.better is not None:
        return intervals, (
            f"there is a better fit than this one near {name} = {profile.better:.4g}: start there"
        )
    if not all(map(math.isfinite, (*limits[-1], *limits[1]))):
        return intervals, f"the data, within the bounds, leave the interval of {name} open"
    return intervals, None


class _Profile:
    """Root of the rise of chi-square against one parameter."""

    def __init__(self, problem: FitProblem, best: Any, name: str, unit: float) -> None:
        self.problem, self.name, self.unit = problem, name, unit
        self.lowest = float(best.chisqr)
        held = best.params.copy()
        held[name].set(vary=False)
        self.held = held
        self.others = [other for other in problem.varied if other != name]
        self.slopes = _slopes(problem, best, name)
        self.start = float(held[name].value)
        self.bounds = {-1: float(held[name].min), 1: float(held[name].max)}
        error = best.params[name].stderr
        good = error is not None and math.isfinite(error) and error > 0.0
        self.step = float(error) if good else 0.1 * (abs(self.start) or 1.0)
        # An error of chi-square that no limit notices.
        self.tolerance = min(1e-4, 1e-4 * unit / max(self.lowest, 1e-300))
        self.solved = {self.start: [float(held[other].value) for other in self.others]}
        self.roots = {self.start: 0.0}
        self.better: float | None = None

    def root(self, value: float) -> float:
        """Root of the rise at one value of the parameter."""
        if value not in self.roots:
            params = self.held.copy()
            params[self.name].set(value=value)
            if self.others:
                for other, start in zip(self.others, self._expected(value), strict=True):
                    params[other].set(value=start)
                found = self.problem.minimize(params, ftol=self.tolerance, xtol=1e-8)
                chi_square = float(found.chisqr)
                self.solved[value] = [float(found.params[other].value) for other in self.others]
            else:
                residuals = self.problem.residuals(params)
                chi_square = float(residuals @ residuals)
            rise = (chi_square - self.lowest) / self.unit
            if not math.isfinite(rise):
                raise PhysicsError(f"chi-square at {self.name} = {value} is {chi_square}")
            if rise < -0.01:
                self.better = value
            self.roots[value] = math.sqrt(max(rise, 0.0))
        return self.roots[value]

    def _expected(self, value: float) -> list[float]:
        """The other parameters, on the line through the two nearest known solutions."""
        near, *more = sorted(self.solved, key=lambda known: abs(known - value))
        slopes = self.slopes
        if more:
            rise = zip(self.solved[more[0]], self.solved[near], strict=True)
            slopes = [(far - close) / (more[0] - near) for far, close in rise]
        return [
            known + slope * (value - near)
            for known, slope in zip(self.solved[near], slopes, strict=True)
        ]

    def limit(self, side: int, quantile: float) -> float:
        """Where the root of the rise reaches the quantile, on one side of the best fit."""
        from scipy.optimize import brentq

        bound = self.bounds[side]
        inside, distance = self.start, self.step * quantile
        for _ in range(_STEPS):
            outside = self.start + side * distance
            if side * (outside - bound) > 0.0:
                outside = bound
            reached = self.root(outside)
            if reached >= quantile:
                excess = _rounded(lambda value: self.root(value) - quantile, quantile)
                return float(brentq(excess, inside, outside, xtol=1e-9 * distance, rtol=1e-9))
            if outside == bound:
                break
            inside = outside
            distance *= min(max(1.1 * quantile / max(reached, 1e-9), 1.1), 4.0)
        return side * math.inf


def _slopes(problem: FitProblem, best: Any, name: str) -> list[float]:
    """How the other fitted parameters follow one of them, from the covariance."""
    covariance = getattr(best, "covar", None)
    place = problem.varied.index(name)
    if covariance is None or not np.all(np.isfinite(covariance)) or not covariance[place, place]:
        return [0.0] * (len(problem.varied) - 1)
    return list(np.delete(covariance[place] / covariance[place, place], place))


def _rounded(function: Callable[[float], float], scale: float) -> Callable[[float], float]:
    """The function with small values as zero, where a root finder stops."""

    def rounded(value: float) -> float:
        found = function(value)
        return 0.0 if abs(found) < _TOLERANCE * scale else found

    return rounded
