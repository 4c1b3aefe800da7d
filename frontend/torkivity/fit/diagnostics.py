"""What data do not determine, and what in them does not belong.

Directions in parameter space along which nothing visible changes, and torques that stand out:
single ones, or all films at one end of the thickness range, as where a phase changes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torkivity.fit.problem import FitProblem
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError, PhysicsError

__all__ = [
    "Outliers",
    "correlations",
    "find_outliers",
    "poor_fit",
    "reached_bound",
    "standard_error",
    "studentised_residuals",
    "undetermined",
]

BoolArray = NDArray[np.bool_]

#: Correlation from which two parameters count as not told apart.
STRONG_CORRELATION = 0.98
#: Least singular value of the Jacobian with unit columns below which a direction is undetermined.
WEAK_DIRECTION = 0.02
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
#: Single points tried at most.
_MOST_SINGLES = 3


def reached_bound(parameter: Any) -> float | None:
    """The bound at which a fitted lmfit parameter lies, if any."""
    for bound in (parameter.min, parameter.max):
        # Parameters are of the order of one in their units.
        near = 1e-4 * max(abs(parameter.value), 1.0)
        if math.isfinite(bound) and abs(parameter.value - bound) <= near:
            return float(bound)
    return None


def standard_error(params: Any, name: str) -> float | None:
    """Standard error of a fitted parameter; None if there is none."""
    if name not in params or params[name].stderr is None:
        return None
    error = float(params[name].stderr)
    return error if math.isfinite(error) and error > 0.0 else None


def correlations(
    covariance: FloatArray | None, varied: Sequence[str]
) -> dict[tuple[str, str], float]:
    """Correlation of each pair of fitted parameters; empty without a covariance."""
    if covariance is None or not np.all(np.isfinite(covariance)):
        return {}
    deviation = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
    if not np.all(deviation > 0.0):
        return {}
    matrix = covariance / np.outer(deviation, deviation)
    return {
        (varied[i], varied[j]): float(matrix[i, j])
        for i, j in itertools.combinations(range(len(varied)), 2)
    }


def undetermined(best: Any, jacobian: FloatArray, varied: Sequence[str]) -> list[str]:
    """Directions in which the data say nothing, in words.

    Parameters
    ----------
    best : lmfit.minimizer.MinimizerResult
    jacobian : ndarray, shape (points, parameters)
        Derivatives of the residuals.
    varied : sequence of str

    Returns
    -------
    list of str
    """
    norms = np.linalg.norm(jacobian, axis=0)
    blind = [name for name, norm in zip(varied, norms, strict=True) if not norm > 0.0]
    notes = [f"the data do not depend on {name} at all: fix it" for name in blind]
    if blind:
        return notes
    _, singular, rows = np.linalg.svd(jacobian / norms, full_matrices=False)
    together: set[str] = set()
    if singular[-1] < WEAK_DIRECTION:
        move, weight = rows[-1] / norms, np.abs(rows[-1])
        members = [i for i in np.argsort(-weight) if weight[i] > 0.1]
        together = {varied[i] for i in members}
        parts = ", ".join(f"{varied[i]} by {move[i] / move[members[0]]:+.3g}" for i in members)
        notes.append(
            f"the data leave a direction undetermined (singular value {singular[-1]:.1e} of 1): "
            f"changing {parts} together changes next to nothing; fix one of them"
        )
    for (first, second), value in correlations(getattr(best, "covar", None), varied).items():
        if abs(value) > STRONG_CORRELATION and not {first, second} <= together:
            slope = value * best.params[second].stderr / best.params[first].stderr
            notes.append(
                f"the data cannot tell {first} and {second} apart (correlation {value:+.4f}): "
                f"adding 1 to the first and {slope:+.3g} to the second changes next to nothing; "
                "fix one of them or measure what separates them"
            )
    return notes


def poor_fit(problem: FitProblem, best: Any) -> str | None:
    """A chi-square that chance exceeds once in a thousand, in words."""
    if not problem.error_bars or _chance(best.chisqr, best.nfree) > 1e-3:
        return None
    return (
        f"chi-square is {best.chisqr:.3g} for {best.nfree} degrees of freedom: the model or "
        "the error bars are wrong, and the errors given here are then too small"
    )


def _chance(chi_square: float, degrees: int) -> float:
    """Of a larger chi-square."""
    from scipy.stats import chi2

    return float(chi2.sf(chi_square, degrees))


def studentised_residuals(
    residuals: FloatArray, jacobian: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Residuals over their own standard deviation as estimated without the point.

    Parameters
    ----------
    residuals : ndarray, shape (points,)
        At the best fit.
    jacobian : ndarray, shape (points, parameters)

    Returns
    -------
    studentised : ndarray, shape (points,)
        NaN where too few points are left.
    drop : ndarray, shape (points,)
        By how much chi-square falls without the point, to first order.
    """
    count, fitted = jacobian.shape
    left, singular, _ = np.linalg.svd(jacobian, full_matrices=False)
    used = left[:, singular > 1e-10 * max(singular[0], 1e-300)]
    room = np.clip(1.0 - np.sum(used**2, axis=1), 1e-12, 1.0)
    total = float(residuals @ residuals)
    drop = np.minimum(residuals**2 / room, total)
    rest = count - fitted - 1
    if rest <= 0 or not total > 0.0:
        return np.full(count, np.nan), drop
    with np.errstate(divide="ignore", invalid="ignore"):
        studentised = residuals / np.sqrt((total - drop) / rest * room)
    return studentised, drop


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


def find_outliers(problem: FitProblem, best: Any, jacobian: FloatArray) -> Outliers | None:
    """The set of points without which the rest fits better than chance would have it.

    Tried are each single point, all films of a data set up to or from some thickness (less than
    half of them), and what lies far from a robust fit. The fall of chi-square without q points is
    compared with a chi-square distribution where the error bars account for the rest, else
    with an F distribution, and multiplied by the number of such sets.

    Parameters
    ----------
    problem : FitProblem
    best : lmfit.minimizer.MinimizerResult
    jacobian : ndarray, shape (points, parameters)

    Returns
    -------
    Outliers or None
    """
    tried = [(members, math.log(len(jacobian))) for members in _singles(problem, best, jacobian)]
    if not problem.error_bars or _chance(best.chisqr, best.nfree) < GOOD_CHANCE:
        groups = _end_films(problem)
        tried += [(members, math.log(len(groups))) for members in groups]
        far = _needed(problem, best, _far_from_robust_fit(problem, best))
        if far.sum() > 1:
            tried.append((far, math.log(math.comb(len(far), int(far.sum())))))
    found = [
        _without(problem, best, members, ways + math.log(_KINDS_OF_SETS)) for members, ways in tried
    ]
    likely = [entry for entry in found if entry and entry.log_chance < math.log(OUTLIER_CHANCE)]
    # Where chances are too small for numbers, the fewest points explain best.
    return min(likely, key=lambda e: (e.log_chance, int(e.members.sum())), default=None)


def _singles(problem: FitProblem, best: Any, jacobian: FloatArray) -> list[BoolArray]:
    """The points that stand out most, if the first of them does so much."""
    if best.nfree < 2:
        return []
    _, drop = studentised_residuals(problem.residuals(best.params), jacobian)
    fall = float(drop.max())
    chance = _log_chance(problem, fall, best.chisqr - fall, 1, best.nfree - 1)
    if chance + math.log(len(drop)) > math.log(OUTLIER_CHANCE):
        return []
    return [np.arange(len(drop)) == point for point in np.argsort(-drop)[:_MOST_SINGLES]]


def _end_films(problem: FitProblem) -> list[BoolArray]:
    """Films of a data set thinner or thicker than some thickness, less than half of them."""
    places = problem.gather(lambda index, _: problem.sets[index].thickness)
    owner = problem.gather(lambda index, _: np.full(len(problem.sets[index].thickness), index))
    groups = []
    for index in range(len(problem.sets)):
        own = owner == index
        steps = np.unique(places[own])
        for films in range(1, (len(steps) + 1) // 2):
            groups.append(own & (places <= steps[films - 1]))
            groups.append(own & (places >= steps[-films]))
    return groups


def _far_from_robust_fit(problem: FitProblem, best: Any) -> BoolArray:
    """Points far from a fit that large residuals hardly influence; none if they are many."""
    params, count = best.params, len(problem.measured)
    none = np.zeros(count, dtype=bool)
    residuals = problem.residuals(params)
    for _ in range(2):
        scale = 1.4826 * float(np.median(np.abs(residuals))) * math.sqrt(count / best.nfree)
        if not scale > 0.0:
            return none
        try:
            robust = problem.minimize(params, loss="cauchy", f_scale=scale)
        except (InputError, PhysicsError):
            return none
        params = robust.params
        residuals = problem.residuals(params)
    far = np.abs(residuals) > _FAR * scale
    return far if far.sum() <= count // 3 else none


def _needed(problem: FitProblem, best: Any, members: BoolArray) -> BoolArray:
    """A set of outliers without those that fit in once the others are out."""
    needed = members.copy()
    limit = math.log(OUTLIER_CHANCE / len(members))
    while needed.sum() > 1:
        out = _without(problem, best, needed, 0.0)
        if out is None:
            break
        back = []
        for point in np.flatnonzero(needed):
            fewer = needed & (np.arange(len(needed)) != point)
            kept = _without(problem, best, fewer, 0.0)
            if kept is not None:
                fall = kept.chi_square - out.chi_square
                chance = _log_chance(problem, fall, out.chi_square, 1, best.nfree - needed.sum())
                back.append((chance, fewer))
        chance, fewer = max(back, key=lambda entry: entry[0], default=(-math.inf, needed))
        if chance < limit:
            break
        needed = fewer
    return needed


def _without(
    problem: FitProblem, best: Any, members: BoolArray, log_ways: float
) -> Outliers | None:
    """A set of points as outliers: the fit without them, from where the fit with them began."""
    removed = int(members.sum())
    if best.nfree - removed < 1:
        return None
    try:
        rest = problem.minimize(problem.start, ~members)
    except (InputError, PhysicsError):
        return None
    chi_square = float(rest.chisqr)
    fall = float(best.chisqr) - chi_square
    chance = _log_chance(problem, fall, chi_square, removed, best.nfree - removed)
    return Outliers(members, chance + log_ways, chi_square, rest.params)


def _log_chance(problem: FitProblem, fall: float, rest: float, removed: int, free: int) -> float:
    """Logarithm of the chance that chi-square falls so much, to `rest`, without some points."""
    from scipy.stats import chi2, f

    fall = max(fall, 0.0)
    with np.errstate(divide="ignore"):
        if problem.error_bars and _chance(rest, free) > DOUBTFUL_CHANCE:
            return float(chi2.logsf(fall, removed))
        if not rest > 0.0:
            return -math.inf if fall > 0.0 else 0.0
        return float(f.logsf(fall / removed / (rest / free), removed, free))
