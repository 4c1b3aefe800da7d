"""What data do not determine, and how well a model fits them.

Directions in parameter space along which nothing visible changes, parameters at a bound, torques
that no fitted parameter acts on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from torkivity.fit.problem import FitProblem
from torkivity_engine.arrays import FloatArray

__all__ = [
    "chance_of_more",
    "correlations",
    "covariance_of",
    "poor_fit",
    "reached_bound",
    "silent_torques",
    "studentised_residuals",
    "undetermined",
]

#: Correlation from which two parameters count as not told apart.
STRONG_CORRELATION = 0.98
#: Least singular value of the Jacobian with unit columns below which a direction is undetermined.
WEAK_DIRECTION = 0.02


def reached_bound(parameter: Any) -> float | None:
    """The bound at which a fitted lmfit parameter lies, if any."""
    # Parameters are of the order of one in their units, unless their bounds say otherwise.
    scale = min(max(abs(parameter.value), 1.0), parameter.max - parameter.min)
    for bound in (parameter.min, parameter.max):
        if math.isfinite(bound) and abs(parameter.value - bound) <= 1e-4 * scale:
            return float(bound)
    return None


def covariance_of(
    jacobian: FloatArray, unit: float, varied: Sequence[str], stuck: Collection[str]
) -> FloatArray | None:
    """Covariance of the fitted parameters; those at a bound are as if they were fixed there.

    Parameters
    ----------
    jacobian : ndarray, shape (points, parameters)
        Derivatives of the residuals.
    unit : float
        Variance of a residual.
    varied : sequence of str
    stuck : collection of str
        Parameters at a bound.

    Returns
    -------
    ndarray, shape (parameters, parameters), or None
        None where the data leave it undetermined to all digits.
    """
    free = np.array([name not in stuck for name in varied])
    found = np.zeros((len(varied), len(varied)))
    part = jacobian[:, free]
    norms = np.linalg.norm(part, axis=0)
    if not np.all(np.isfinite(norms)) or not np.all(norms > 0.0):
        return None
    _, singular, rows = np.linalg.svd(part / norms, full_matrices=False)
    if free.any():
        if not singular[-1] > 1e-12 * singular[0]:
            return None
        root = rows.T / singular / norms[:, None]
        found[np.ix_(free, free)] = unit * (root @ root.T)
    return found


def correlations(
    covariance: FloatArray | None, varied: Sequence[str]
) -> dict[tuple[str, str], float]:
    """Correlation of each pair of fitted parameters that have errors."""
    if covariance is None:
        return {}
    deviation = np.sqrt(np.diag(covariance))
    return {
        (varied[i], varied[j]): float(covariance[i, j] / (deviation[i] * deviation[j]))
        for i, j in itertools.combinations(range(len(varied)), 2)
        if deviation[i] > 0.0 and deviation[j] > 0.0
    }


def undetermined(
    jacobian: FloatArray, covariance: FloatArray | None, varied: Sequence[str]
) -> list[str]:
    """Directions in which the data say nothing, in words.

    Parameters
    ----------
    jacobian : ndarray, shape (points, parameters)
        Derivatives of the residuals.
    covariance : ndarray, shape (parameters, parameters), or None
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
    for (first, second), value in correlations(covariance, varied).items():
        if abs(value) > STRONG_CORRELATION and not {first, second} <= together:
            assert covariance is not None
            one, other = (covariance[i, i] for i in map(varied.index, (first, second)))
            slope = value * math.sqrt(other / one)
            notes.append(
                f"the data cannot tell {first} and {second} apart (correlation {value:+.4f}): "
                f"adding 1 to the first and {slope:+.3g} to the second changes next to nothing; "
                "fix one of them or measure what separates them"
            )
    return notes


def silent_torques(problem: FitProblem, best: Any, slopes: FloatArray) -> list[str]:
    """Torque components that no fitted parameter changes, and parameters that would, in words.

    Parameters
    ----------
    problem : FitProblem
    best : lmfit.minimizer.MinimizerResult
    slopes : ndarray, shape (points, parameters)
        Derivatives of the model.
    """
    component = problem.gather(lambda _, series: np.full(len(series.values), series.component))
    models = problem.predictions(best.params)
    notes = []
    for name in dict.fromkeys(component.tolist()):
        own = component == name
        if np.any(slopes[own] != 0.0):
            continue
        helpful = [
            label
            for label, effect in _effects_of_fixed(problem, best.params).items()
            if np.any(effect[own] != 0.0)
        ]
        what = "is zero" if not np.any(models[own]) else "does not depend on what is fitted"
        notes.append(
            f"the model of {name} {what}: no fitted parameter acts on it"
            + (f"; fit one of {', '.join(helpful)}" if helpful else "")
        )
    return notes


def _effects_of_fixed(problem: FitProblem, params: Any) -> Mapping[str, FloatArray]:
    """How the model changes when a fixed parameter does, by its name."""
    models = problem.predictions(params)
    effects = {}
    for label, entry in problem.table.items():
        if entry.vary or entry.expression is not None or not math.isfinite(entry.value):
            continue
        moved = problem.with_fixed(label, entry.value + 1e-3 * (abs(entry.value) or 1.0))
        effects[label] = moved.predictions(params) - models
    return effects


def poor_fit(problem: FitProblem, best: Any) -> str | None:
    """A chi-square that chance exceeds once in a thousand, in words."""
    if not problem.error_bars or chance_of_more(best.chisqr, best.nfree) > 1e-3:
        return None
    return (
        f"chi-square is {best.chisqr:.3g} for {best.nfree} degrees of freedom: the model or "
        "the error bars are wrong, and the errors given here are then too small"
    )


def chance_of_more(chi_square: float, degrees: int) -> float:
    """Probability of a larger chi-square in good data."""
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
