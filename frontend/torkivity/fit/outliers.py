"""What in the data does not belong.

Single torques, films at one end of the thickness range as where a phase changes, and what lies
far from a robust fit. Which points might be left out is decided with the model linearised, which
costs next to nothing; only sets that look unlikely then are left out of a fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torkivity.fit.diagnostics import chance_of_more, studentised_residuals
from torkivity.fit.problem import FitProblem
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError, PhysicsError

__all__ = ["Outliers", "find_outliers"]

BoolArray = NDArray[np.bool_]

#: Chance that something in a good data set is called an outlier, about.
OUTLIER_CHANCE = 0.01
#: Chance of a chi-square below which error bars are not believed.
DOUBTFUL_CHANCE = 0.01
#: Chance of a chi-square above which nothing is left to explain by another phase.
GOOD_CHANCE = 0.05
#: Robust residuals above so many robust standard deviations are tried as outliers.
_FAR = 3.5
#: Single points, films at the ends, far points.
_KINDS_OF_SETS = 3
#: Linearised chance up to which a set of points is left out of a fit, and how many such sets.
_WORTH_A_FIT, _MOST_FITS = 0.3, 4
#: Relative error of chi-square without a set of points, where sets are compared.
_ROUGH = 1e-5
#: Steps to a robust fit, how often one is halved, and how often residuals are weighed anew.
_ROBUST_STEPS, _HALVINGS, _REWEIGHTED = 6, 4, 30


@dataclass(frozen=True, eq=False)
class Outliers:
    """Torques that do not follow the others.

    Attributes
    ----------
    members : ndarray of bool, shape (points,)
    log_chance : float
        Logarithm of the chance of anything like it in a good data set.
    chi_square : float
        Of the other points.
    params : lmfit.Parameters
        At the best fit without these points.
    """

    members: BoolArray
    log_chance: float
    chi_square: float
    params: Any


def find_outliers(problem: FitProblem, best: Any) -> Outliers | None:
    """The set of points without which the rest fits better than chance would have it.

    Tried are each single point, the films of a data set up to or from some thickness (less than
    half of them), and what lies far from a robust fit. The fall of
    chi-square without q points is compared with a chi-square distribution where the error bars
    account for the rest, else with an F distribution, and multiplied by the number of such sets.

    Parameters
    ----------
    problem : FitProblem
    best : lmfit.minimizer.MinimizerResult

    Returns
    -------
    Outliers or None
    """
    search = _Search(problem, best)
    found = [search.without(members, ways) for members, ways in search.candidates()]
    likely = [entry for entry in found if entry and entry.log_chance < math.log(OUTLIER_CHANCE)]
    # Where chances are too small for numbers, the fewest points explain best.
    best_set = min(likely, key=lambda e: (e.log_chance, int(e.members.sum())), default=None)
    if best_set is None:
        return None
    exact = problem.minimize(best_set.params, ~best_set.members)
    return replace(best_set, chi_square=float(exact.chisqr), params=exact.params)


class _Linear:
    """Residuals near some parameters, linearised, the parameters within their bounds."""

    def __init__(self, problem: FitProblem, params: Any) -> None:
        self.params = params
        self.residuals, self.jacobian = problem.linearised(params)
        if not (np.isfinite(self.residuals).all() and np.isfinite(self.jacobian).all()):
            raise PhysicsError("the model has no finite value there")
        varied = [params[name] for name in problem.varied]
        self._room = np.array([(p.min - p.value, p.max - p.value) for p in varied]).T
        self._names = problem.varied

    def best(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Step of the parameters to the weighted best fit, and the residuals there."""
        matrix, target = self.jacobian * weights[:, None], -self.residuals * weights
        norms = np.linalg.norm(matrix, axis=0)
        norms = np.where(norms > 0.0, norms, 1.0)
        step = np.linalg.lstsq(matrix / norms, target, rcond=1e-10)[0] / norms
        if np.any(step < self._room[0]) or np.any(step > self._room[1]):
            from scipy.optimize import lsq_linear

            low, high = self._room * norms
            room = (low - 1e-12, high + 1e-12)  # some at a bound
            step = lsq_linear(matrix / norms, target, room, method="bvls").x / norms
        return step, self.residuals + self.jacobian @ step

    def chi_square(self, keep: BoolArray) -> float:
        """Of the points to keep, at their best fit."""
        _, residuals = self.best(keep.astype(float))
        return float(np.sum(residuals[keep] ** 2))

    def robust(self, scale: float) -> tuple[FloatArray, FloatArray]:
        """Step to the least sum of log(1 + (residual / scale)^2), and the residuals there."""
        residuals, step = self.residuals, np.zeros(self.jacobian.shape[1])
        for _ in range(_REWEIGHTED):
            step, residuals = self.best(1.0 / np.sqrt(1.0 + (residuals / scale) ** 2))
        return step, residuals

    def moved(self, step: FloatArray) -> Any:
        """The parameters a step further."""
        params = self.params.copy()
        for name, change in zip(self._names, step, strict=True):
            params[name].set(value=params[name].value + change)  # lmfit keeps it in its bounds
        return params


class _Search:
    """Sets of points that might not belong."""

    def __init__(self, problem: FitProblem, best: Any) -> None:
        self.problem, self.best = problem, best
        self.count = len(problem.measured)
        self.linear = [_Linear(problem, best.params)]

    def candidates(self) -> list[tuple[BoolArray, float]]:
        """Sets worth a fit without them, with the logarithm of the number of such sets."""
        kinds = math.log(_KINDS_OF_SETS)
        tried = [(members, math.log(self.count) + kinds) for members in self._singles()]
        far: list[tuple[BoolArray, float]] = []
        if not self.problem.error_bars or self._doubtful():
            members = self._far_from_robust_fit()
            groups = _end_films(self.problem)
            tried += [(group, math.log(len(groups)) + kinds) for group in groups]
            members = self._needed(members)
            if members.sum() > 1:
                ways = math.log(math.comb(self.count, int(members.sum())))
                far = [(members, ways + kinds)]
        ranked = sorted((self._expected_chance(m, ways), i) for i, (m, ways) in enumerate(tried))
        worth = [i for chance, i in ranked if chance < math.log(_WORTH_A_FIT)]
        return [tried[i] for i in worth[:_MOST_FITS]] + far

    def _doubtful(self) -> bool:
        """Whether chi-square leaves room for something that does not belong."""
        return chance_of_more(self.best.chisqr, self.best.nfree) < GOOD_CHANCE

    def _chi_square(self, keep: BoolArray) -> float:
        """Of the points to keep, by the linearisation that fits them best."""
        return min(linear.chi_square(keep) for linear in self.linear)

    def _expected_chance(self, members: BoolArray, ways: float) -> float:
        """Logarithm of the chance of a set, linearised."""
        free = self.best.nfree - int(members.sum())
        if free < 1:
            return 0.0
        rest = min(self._chi_square(~members), self.best.chisqr)
        fall = self.best.chisqr - rest
        return ways + _log_chance(self.problem, fall, rest, int(members.sum()), free)

    def _singles(self) -> list[BoolArray]:
        """Each point alone, if the one that stands out most does so much."""
        if self.best.nfree < 2:
            return []
        first = self.linear[0]
        _, drop = studentised_residuals(first.residuals, first.jacobian)
        fall = float(drop.max())
        rest = self.best.chisqr - fall
        chance = _log_chance(self.problem, fall, rest, 1, self.best.nfree - 1)
        if chance + math.log(self.count) > math.log(OUTLIER_CHANCE):
            return []
        return [np.arange(self.count) == point for point in range(self.count)]

    def _far_from_robust_fit(self) -> BoolArray:
        """Points far from a fit that large residuals hardly influence; none if they are many.

        Looked for from the best fit and from where it began: what does not belong may have drawn
        the one far away.
        """
        none = np.zeros(self.count, dtype=bool)
        residuals = self.linear[0].residuals
        scale = self._spread * float(np.median(np.abs(residuals)))
        if not scale > 0.0:
            return none
        try:
            ways = [self.linear[0], _Linear(self.problem, self.problem.start)]
            robust = min(
                (self._robust_fit(way, scale) for way in ways),
                key=lambda linear: _robust_sum(linear.residuals, scale),
            )
        except (InputError, PhysicsError):
            return none
        self.linear.append(robust)
        scale = self._spread * float(np.median(np.abs(robust.residuals)))
        if not scale > 0.0:
            return none
        _, residuals = robust.robust(scale)
        far = np.abs(residuals) > _FAR * scale
        return far if far.sum() <= self.count // 3 else none

    @property
    def _spread(self) -> float:
        """Standard deviation over the median of absolute residuals."""
        return 1.4826 * math.sqrt(self.count / self.best.nfree)

    def _robust_fit(self, linear: _Linear, scale: float) -> _Linear:
        """Damped steps to the least robust sum, from one place."""
        for _ in range(_ROBUST_STEPS):
            step, expected = linear.robust(scale)
            before = _robust_sum(linear.residuals, scale)
            if before - _robust_sum(expected, scale) < 1e-3 * before:
                break
            for _ in range(_HALVINGS):
                params = linear.moved(step)
                if _robust_sum(self.problem.residuals(params), scale) < before:
                    linear = _Linear(self.problem, params)
                    break
                step = 0.5 * step
            else:
                break
        return linear

    def _needed(self, members: BoolArray) -> BoolArray:
        """A set of outliers without those that fit in once the others are out."""
        needed = members.copy()
        limit = math.log(OUTLIER_CHANCE / self.count)
        while needed.sum() > 1:
            free = self.best.nfree - int(needed.sum())
            if free < 1:
                break
            out = self._chi_square(~needed)
            back = []
            for point in np.flatnonzero(needed):
                fewer = needed & (np.arange(self.count) != point)
                fall = self._chi_square(~fewer) - out
                back.append((_log_chance(self.problem, fall, out, 1, free), int(point)))
            chance, fits_in = max(back)
            if chance < limit:
                break
            needed[fits_in] = False
        return needed

    def without(self, members: BoolArray, log_ways: float) -> Outliers | None:
        """A set of points as outliers: the fit without them."""
        removed = int(members.sum())
        free = self.best.nfree - removed
        if free < 1:
            return None
        linear = min(self.linear, key=lambda entry: entry.chi_square(~members))
        step, _ = linear.best((~members).astype(float))
        rest = None
        for start in (linear.moved(step), self.problem.start):
            try:
                found = self.problem.minimize(start, ~members, ftol=_ROUGH)
            except (InputError, PhysicsError):
                continue
            if rest is None or found.chisqr < rest.chisqr:
                rest = found
        if rest is None:
            return None
        chi_square = float(rest.chisqr)
        fall = float(self.best.chisqr) - chi_square
        chance = _log_chance(self.problem, fall, chi_square, removed, free)
        return Outliers(members, chance + log_ways, chi_square, rest.params)


def _robust_sum(residuals: FloatArray, scale: float) -> float:
    if not np.isfinite(residuals).all():
        return math.inf
    return float(np.sum(np.log1p((residuals / scale) ** 2)))


def _end_films(problem: FitProblem) -> list[BoolArray]:
    """Films of a data set thinner or thicker than some thickness, less than half of them.

    With all their torques: the field-like torque of another phase may fit in by chance, at the
    price of wrong parameters.
    """
    places = problem.gather(lambda index, _: problem.sets[index].thickness)
    owner = problem.gather(lambda index, s: np.full(len(s.values), index))
    groups = []
    for index in range(len(problem.sets)):
        own = owner == index
        steps = np.unique(places[own])
        for films in range(1, (len(steps) + 1) // 2):
            groups.append(own & (places <= steps[films - 1]))
            groups.append(own & (places >= steps[-films]))
    return groups


def _log_chance(problem: FitProblem, fall: float, rest: float, removed: int, free: int) -> float:
    """Logarithm of the chance that chi-square falls so much, to `rest`, without some points."""
    from scipy.stats import chi2, f

    fall = max(fall, 0.0)
    with np.errstate(divide="ignore"):
        if problem.error_bars and chance_of_more(rest, free) > DOUBTFUL_CHANCE:
            return float(chi2.logsf(fall, removed))
        if not rest > 0.0:
            return -math.inf if fall > 0.0 else 0.0
        return float(f.logsf(fall / removed / (rest / free), removed, free))
