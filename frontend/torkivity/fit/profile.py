"""Profile intervals: how far a parameter can go while the others follow.

The rise of chi-square above its minimum with one parameter held, the others at their best, is
followed outwards from the best fit to the bounds. An interval is the range from the first to the
last place where the root of the rise stays below the quantile, so that wider intervals hold
narrower ones. On a side where it stays below as far as the bound, the interval is open: the
bound limits the parameter there, not the data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from torkivity.fit.problem import FitProblem
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError, PhysicsError

__all__ = ["LEVELS", "Interval", "Profile", "profile_intervals"]

#: Probabilities of the profile intervals.
LEVELS = (0.6827, 0.95)

#: Relative error of the root of the rise at a limit.
_TOLERANCE = 1e-3
#: Steps outwards until a limit counts as infinite.
_STEPS = 30
#: Places beyond the last limit where another minimum is looked for.
_BEYOND = 6
#: How much further than the last limit these reach without a bound.
_REACH = 8.0
#: Distance in standard deviations within which two ways lead to the same minimum.
_SAME = 0.1
#: Relative error of chi-square there, where it is far from any limit as a rule.
_ROUGH = 1e-2


class Interval(NamedTuple):
    """Where a parameter is with some probability.

    Attributes
    ----------
    low, high : float
        Ends; infinite on an open side, where the data set no limit within the bounds of the fit.
    """

    low: float
    high: float

    @property
    def is_open(self) -> bool:
        """Whether the data leave a side without a limit."""
        return math.isinf(self.low) or math.isinf(self.high)

    def __str__(self) -> str:
        """``low ... high``, a one-sided bound, or "not determined"."""
        if math.isinf(self.low) and math.isinf(self.high):
            return "not determined"
        if math.isinf(self.low):
            return f"< {self.high:.4g}"
        if math.isinf(self.high):
            return f"> {self.low:.4g}"
        return f"{self.low:.4g} ... {self.high:.4g}"


@dataclass(frozen=True, eq=False)
class Profile:
    """What the profile of one parameter says.

    Attributes
    ----------
    intervals : dict of float to Interval
        By probability, for each of `LEVELS`; empty where the model cannot be followed.
    notes : list of str
        What there is to say about them.
    better : lmfit.Parameters or None
        Where chi-square is lower than at the best fit, if the profile came across such a place.
    """

    intervals: dict[float, Interval]
    notes: list[str]
    better: Any = None


def profile_intervals(
    problem: FitProblem,
    best: Any,
    name: str,
    covariance: FloatArray | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Profile:
    """Intervals of one fitted parameter.

    With error bars the rise of chi-square counts in units of one, the quantile is normal;
    without them in units of the scatter, the quantile is Student's.

    Parameters
    ----------
    problem : FitProblem
    best : lmfit.minimizer.MinimizerResult
        The best fit.
    name : str
    covariance : ndarray, shape (parameters, parameters), optional
        Of the fitted parameters: where to look first.
    advance : callable, optional
        Called after each side.

    Returns
    -------
    Profile
    """
    from scipy.stats import norm, t

    unit = 1.0 if problem.error_bars else best.chisqr / best.nfree
    if not unit > 0.0:
        note = f"no profile interval of {name}: the data have no scatter to tell it from"
        return Profile({}, [note])
    spread = norm if problem.error_bars else t(best.nfree)
    quantiles = [float(spread.ppf(0.5 * (1.0 + level))) for level in LEVELS]
    walk = _Walk(problem, best, name, unit, covariance)
    try:
        lower = walk.limits(-1, quantiles)
        advance()
        upper = walk.limits(1, quantiles)
        advance()
    except (InputError, PhysicsError):
        return Profile({}, [f"no profile interval of {name}: the fit does not follow it"])
    found = dict(zip(LEVELS, map(Interval, lower, upper), strict=True))
    if walk.better is not None:
        value = walk.better[name].value
        note = f"there is a better fit than this one near {name} = {value:.4g}: start there"
        return Profile(found, [note], walk.better)
    return Profile(found, _open_notes(problem, name, found))


def _open_notes(problem: FitProblem, name: str, found: dict[float, Interval]) -> list[str]:
    """Which sides are open at which probability, and what stands there."""
    notes = []
    entry = problem.table[name]
    for side, bound, reason in (("below", entry.least, entry.at_least), ("above", entry.most, "")):
        ends = {level: i.low if side == "below" else i.high for level, i in found.items()}
        levels = [f"{100 * level:.3g} %" for level, end in ends.items() if math.isinf(end)]
        if not levels:
            continue
        where = f" down to {bound:g}" if side == "below" else f" up to {bound:g}"
        notes.append(
            f"the data do not limit {name} from {side} ({', '.join(levels)} interval open"
            f"{where if math.isfinite(bound) else ''}{f', {reason}' if reason else ''})"
        )
    return notes


class _Walk:
    """Root of the rise of chi-square along one parameter, from the best fit outwards."""

    def __init__(
        self, problem: FitProblem, best: Any, name: str, unit: float, covariance: FloatArray | None
    ) -> None:
        self.problem, self.name, self.unit = problem, name, unit
        self.lowest = float(best.chisqr)
        held = best.params.copy()
        held[name].set(vary=False)
        self.held = held
        self.others = [other for other in problem.varied if other != name]
        self.start = float(held[name].value)
        self.bounds = {-1: float(held[name].min), 1: float(held[name].max)}
        self.step, self.slopes = self._first_guess(covariance)
        self.curvature = self._curvature(covariance)
        self.solved = {self.start: [float(held[other].value) for other in self.others]}
        self.roots = {self.start: 0.0}
        self.checked = {self.start}
        # An error of chi-square that no limit notices.
        self.tolerance = min(1e-4, 1e-4 * unit / max(self.lowest, 1e-300))
        self.better: Any = None
        self.lowest_rise = 0.0

    def _first_guess(self, covariance: FloatArray | None) -> tuple[float, list[float]]:
        """A standard error, and how the other parameters follow this one."""
        place = self.problem.varied.index(self.name)
        step, slopes = 0.1 * (abs(self.start) or 1.0), [0.0] * len(self.others)
        if covariance is not None and covariance[place, place] > 0.0:
            step = math.sqrt(covariance[place, place])
            slopes = list(np.delete(covariance[place] / covariance[place, place], place))
        width = self.bounds[1] - self.bounds[-1]
        return min(step, 0.25 * width), slopes

    def _curvature(self, covariance: FloatArray | None) -> FloatArray | None:
        """Of chi-square by the other parameters, this one held, in units of the rise."""
        if covariance is None or not np.all(np.diag(covariance) > 0.0):
            return None
        place = self.problem.varied.index(self.name)
        inverse = np.linalg.inv(covariance)
        return np.asarray(np.delete(np.delete(inverse, place, 0), place, 1))

    def root(self, value: float) -> float:
        """Root of the rise at one value of the parameter."""
        if value not in self.roots:
            self._try(value, self._expected(value), self.tolerance)
        return self.roots[value]

    def checked_root(self, value: float) -> float:
        """The same, having started from other places too: a minimum, not where a way ended."""
        self.root(value)
        if value not in self.checked and self.others:
            near = sorted((v for v in self.solved if v != value), key=lambda v: abs(v - value))
            first = [float(self.problem.start[other].value) for other in self.others]
            for start in (self.solved[near[0]], first):
                self._try(value, start, 0.1 * self.tolerance, self._is_near(self.solved[value]))
        self.checked.add(value)
        return self.roots[value]

    def _is_near(self, known: Sequence[float]) -> Callable[[Any], bool]:
        """Whether parameters lie in the minimum that is known: on the way there is nothing new."""

        def near(params: Any) -> bool:
            if self.curvature is None:
                return False
            away = np.array([float(params[other].value) for other in self.others]) - known
            return bool(away @ self.curvature @ away < _SAME**2)

        return near

    def _try(
        self,
        value: float,
        start: Sequence[float],
        tolerance: float,
        stop: Callable[[Any], bool] = lambda params: False,
    ) -> None:
        """Keep what a minimisation from some values of the others finds, if it is lower."""
        params = self.held.copy()
        params[self.name].set(value=value)
        if self.others:
            for other, begin in zip(self.others, start, strict=True):
                params[other].set(value=begin)
            found = self.problem.minimize(
                params, stop=stop, ftol=tolerance, xtol=1e-8, x_scale="jac"
            )
            if found is None:
                return
            chi_square, params = float(found.chisqr), found.params
        else:
            residuals = self.problem.residuals(params)
            chi_square = float(residuals @ residuals)
        rise = (chi_square - self.lowest) / self.unit
        if not math.isfinite(rise):
            raise PhysicsError(f"chi-square at {self.name} = {value} is {chi_square}")
        if rise < min(-0.01, self.lowest_rise):
            self.lowest_rise, self.better = rise, params
        root = math.sqrt(max(rise, 0.0))
        if value not in self.roots or root < self.roots[value]:
            self.roots[value] = root
            self.solved[value] = [float(params[other].value) for other in self.others]

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

    def limits(self, side: int, quantiles: Sequence[float]) -> list[float]:
        """Where the root of the rise reaches each quantile for good; infinite if it does not.

        Parameters
        ----------
        side : int
            -1 or 1.
        quantiles : sequence of float
            From the smallest on.
        """
        if self.start == self.bounds[side]:
            return [side * math.inf] * len(quantiles)
        self._explore(side, quantiles[-1])
        return [self._crossing(side, quantile) for quantile in quantiles]

    def _explore(self, side: int, quantile: float) -> None:
        """Find the last place below a quantile, and a place above it beyond."""
        far = self._step_out(side, self.start, quantile)
        for value in self._beyond(side, far):
            self._try(value, self._expected(value), _ROUGH)
            # Only where a minimum may be near is it worth looking twice.
            if self.roots[value] < 3.0 * quantile:
                self.checked_root(value)
        known = [value for value in self._outwards(side) if side * (value - far) >= 0.0]
        known.append(known[-1])
        for left, value, right in zip(known, known[1:], known[2:], strict=False):
            if self.roots[value] <= min(self.roots[left], self.roots[right]):
                self._settle(value, sorted((left, right)))
        below = [value for value in self._outwards(side) if self.roots[value] < quantile]
        if side * (below[-1] - far) > 0.0:
            self._step_out(side, below[-1], quantile)

    def _settle(self, value: float, room: Sequence[float]) -> None:
        """Find the minimum of the rise near a value, the parameter let go between two others."""
        params = self.held.copy()
        params[self.name].set(value=value, vary=True, min=room[0], max=room[1])
        for other, start in zip(self.others, self.solved[value], strict=True):
            params[other].set(value=start)
        found = self.problem.minimize(params, ftol=self.tolerance, xtol=1e-8, x_scale="jac")
        lowest = float(found.params[self.name].value)
        others = [float(found.params[other].value) for other in self.others]
        self._try(lowest, others, self.tolerance)

    def _step_out(self, side: int, value: float, quantile: float) -> float:
        """Go outwards until the root of the rise exceeds the quantile, or to the bound."""
        bound, distance = self.bounds[side], self.step * quantile
        for _ in range(_STEPS):
            value += side * distance
            if side * (value - bound) >= 0.0:
                value = bound
            if self.root(value) >= quantile and self.checked_root(value) >= quantile:
                break
            if value == bound:
                break
            distance *= min(max(1.1 * quantile / max(self.roots[value], 1e-9), 1.1), 4.0)
        return value

    def _beyond(self, side: int, far: float) -> list[float]:
        """Places between the last limit and the bound, denser near the limit."""
        bound, distance = self.bounds[side], abs(far - self.start)
        end = abs(bound - self.start) if math.isfinite(bound) else _REACH * distance
        if not end > distance * (1.0 + 1e-6):
            return []
        places = [self.start + side * d for d in np.geomspace(distance, end, _BEYOND + 1)[1:]]
        if math.isfinite(bound):
            places[-1] = bound
        return [float(place) for place in places]

    def _outwards(self, side: int) -> list[float]:
        """What is known on one side, from the best fit outwards."""
        known = (value for value in self.roots if side * (value - self.start) >= 0.0)
        return sorted(known, key=lambda value: side * value)

    def _crossing(self, side: int, quantile: float) -> float:
        """The last place where the root of the rise reaches a quantile; infinite without one."""
        from scipy.optimize import brentq

        found = side * math.inf
        for _ in range(4):
            known = self._outwards(side)
            last = max(i for i, value in enumerate(known) if self.roots[value] < quantile)
            if last + 1 == len(known):
                return side * math.inf
            inside, outside = known[last], known[last + 1]
            if self.checked_root(outside) < quantile:
                continue  # what looked like the limit was where a minimisation ended
            excess = _rounded(lambda value: self.root(value) - quantile, quantile)
            scale = abs(outside - inside)
            found = float(brentq(excess, inside, outside, xtol=1e-9 * scale, rtol=1e-9))
            if self.checked_root(found) > (1.0 - 3.0 * _TOLERANCE) * quantile:
                break
        return found


def _rounded(function: Callable[[float], float], scale: float) -> Callable[[float], float]:
    """The function with small values as zero, where a root finder stops."""

    def rounded(value: float) -> float:
        found = function(value)
        return 0.0 if abs(found) < _TOLERANCE * scale else found

    return rounded
