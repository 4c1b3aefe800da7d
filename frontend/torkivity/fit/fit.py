"""Interface parameters from measured torques: least squares, intervals, and what is not known.

lmfit does the fitting. What is added here is the way from a model's spin-torque conductivity to
what was measured, and an account of what the data do not determine: directions in parameter
space along which nothing visible changes, parameters at a bound, points that stand out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from torkivity.fit.data import TorqueData, read_torque_data
from torkivity.fit.derived import Derived, derived_quantities
from torkivity.fit.diagnostics import (
    correlations,
    covariance_of,
    poor_fit,
    reached_bound,
    silent_torques,
    studentised_residuals,
    undetermined,
)
from torkivity.fit.fit_mesh import best_on_fine_mesh
from torkivity.fit.models import MicroscopicModel, TorqueModel
from torkivity.fit.outliers import Outliers, find_outliers
from torkivity.fit.phenomenological import PhenomenologicalModel
from torkivity.fit.problem import FitProblem, derivatives
from torkivity.fit.profile import LEVELS, Interval, Profile, profile_intervals
from torkivity.fit.progress import FitProgress
from torkivity.fit.request import Measurement, ParameterSetting
from torkivity_engine.arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "LEVELS",
    "FitResult",
    "FitState",
    "Fitted",
    "Interval",
    "Measurement",
    "MicroscopicModel",
    "ParameterSetting",
    "PhenomenologicalModel",
    "Point",
    "fit_torques",
    "read_torque_data",
]


#: How often a fit begins anew where a profile came across a better one.
_RESTARTS = 4


@dataclass(frozen=True)
class Fitted:
    """One parameter after the fit.

    Attributes
    ----------
    name, unit : str
    value : float
    error : float or None
        Standard error from the covariance; None where it is fixed, at a bound or undetermined,
        or where the data leave the narrowest interval open.
    varied : bool
    intervals : dict of float to Interval
        Profile intervals by probability.
    at_bound : bool
    """

    name: str
    unit: str
    value: float
    error: float | None
    varied: bool
    intervals: dict[float, Interval] = field(default_factory=dict)
    at_bound: bool = False


@dataclass(frozen=True)
class Point:
    """One measured torque beside the model.

    Attributes
    ----------
    data : str
        Name of the data set.
    line : int
    thickness : float
        nm.
    theta_deg, phi_deg : float or None
        Direction of m, where the data have it.
    component, quantity : str
    measured, model : float
        In the unit of the quantity.
    residual : float
        Measured minus model in error bars (without any, in standard deviations of the fit).
    studentised : float
        Residual over its own standard deviation as estimated without this point.
    outlier : bool
        Whether it belongs to what does not follow the others.
    residual_without : float or None
        Residual from the fit without the outliers, if there are any.
    sensitivities : dict of str to float
        Derivative of the model by each fitted parameter.
    """

    data: str
    line: int
    thickness: float
    theta_deg: float | None
    phi_deg: float | None
    component: str
    quantity: str
    measured: float
    model: float
    residual: float
    studentised: float
    outlier: bool
    sensitivities: dict[str, float]
    residual_without: float | None = None

    @property
    def stands_out(self) -> bool:
        """Whether an outlier is far from the fit without the outliers itself.

        Films of another phase are left out with all their torques, some of which may fit in.
        """
        return self.outlier and self.residual_without is not None and abs(self.residual_without) > 2

    @property
    def place(self) -> str:
        """Thickness and angles as text."""
        angles = (("theta", self.theta_deg), ("phi", self.phi_deg))
        return ", ".join(
            [f"{self.thickness:g} nm"]
            + [f"{name} = {angle:g} deg" for name, angle in angles if angle is not None]
        )


@dataclass(frozen=True, eq=False)
class FitState:
    """What it takes to evaluate a fitted model elsewhere.

    Attributes
    ----------
    problem : FitProblem
    params : lmfit.Parameters
        At the best fit.
    covariance : ndarray, shape (parameters, parameters), or None
        Of the fitted parameters; None where it is undetermined.
    params_without_outliers : lmfit.Parameters or None
        At the best fit to the other points, if there are outliers.
    """

    problem: FitProblem
    params: Any
    covariance: FloatArray | None
    params_without_outliers: Any


@dataclass(frozen=True, eq=False)
class FitResult:
    """A fit and what it does not say.

    Attributes
    ----------
    model : str
    data : tuple of str
        Names of the data sets, in the order of the numbers of separate parameters.
    parameters : tuple of Fitted
    correlations : dict of (str, str) to float
        Of fitted parameters.
    chi_square : float
    degrees_of_freedom : int
    error_bars : bool
        Whether the data have error bars. Without them errors follow from the scatter.
    points : tuple of Point
    warnings : tuple of str
    success : bool
    state : FitState
        For `torkivity.fit.curves.fit_curves`.
    remarks : tuple of str
        What was assumed where nothing was asked for.
    derived : tuple of Derived
        What follows from the parameters.
    """

    model: str
    data: tuple[str, ...]
    parameters: tuple[Fitted, ...]
    correlations: dict[tuple[str, str], float]
    chi_square: float
    degrees_of_freedom: int
    error_bars: bool
    points: tuple[Point, ...]
    warnings: tuple[str, ...]
    success: bool
    state: FitState = field(repr=False)
    remarks: tuple[str, ...] = ()
    derived: tuple[Derived, ...] = ()

    def __getitem__(self, name: str) -> Fitted:
        """Parameter by name."""
        for found in self.parameters:
            if found.name == name:
                return found
        raise KeyError(f"{name}; known: {', '.join(entry.name for entry in self.parameters)}")

    @property
    def outliers(self) -> tuple[Point, ...]:
        """Points that stand out."""
        return tuple(point for point in self.points if point.outlier)

    def plot(self, title: str = "") -> Figure:
        """Measured torques with the fitted model above their residuals.

        Parameters
        ----------
        title : str, optional
            Line above the panels.

        Returns
        -------
        matplotlib.figure.Figure
            As `torkivity.figures.fit_figure` draws it.
        """
        from torkivity.figures.fits import fit_figure

        return fit_figure(self, title)

    def _repr_html_(self) -> str:
        """Tables, for notebooks."""
        from torkivity.fit.tables import fit_html

        return fit_html(self)


def fit_torques(
    data: TorqueData | Sequence[TorqueData],
    model: TorqueModel,
    parameters: Mapping[str, float | ParameterSetting] | None = None,
    *,
    measurement: Measurement | Sequence[Measurement] | None = None,
    separate: Sequence[str] = (),
    profile: bool | Sequence[str] = True,
    outliers: bool = True,
    tell: Callable[[str], None] | None = None,
) -> FitResult:
    """Fit a model to one or more data sets.

    Parameters
    ----------
    data : TorqueData or sequence of TorqueData
    model : PhenomenologicalModel or MicroscopicModel
    parameters : mapping, optional
        By name: a number fixes the parameter there, a `ParameterSetting` fits it, or says
        otherwise. What is not mentioned is as the model has it.
    measurement : Measurement or sequence of Measurement, optional
        Resistivity and what else the films are known to be; one for each data set if they differ.
    separate : sequence of str, optional
        Parameters with a value of their own in each data set, ``name_1``, ``name_2`` and so on;
        the others are shared.
    profile : bool or sequence of str, optional
        Compute profile intervals, of all parameters or of these (of the order of a hundred
        evaluations of the model for each).
    outliers : bool, optional
        Look for torques that do not follow the others.
    tell : callable, optional
        Takes a line now and then about how far the fit is.

    Returns
    -------
    FitResult

    Raises
    ------
    InputError
        For unknown parameters, bounds without the start value, too few points, or facts that
        the conversion to the measured quantity needs.
    ModuleNotFoundError
        Without lmfit (the extra ``torkivity[fit]``).
    """
    sets = (data,) if isinstance(data, TorqueData) else tuple(data)
    if measurement is None or isinstance(measurement, Measurement):
        measurement = (measurement or Measurement(),) * len(sets)
    problem = FitProblem(sets, model, measurement, parameters or {}, separate)
    progress = FitProgress(tell)
    problem.tick = progress.tick
    fit = _best_fit(problem, _to_profile(problem, profile), progress)
    problem, best, solution, profiles = fit.problem, fit.best, fit.solution, fit.profiles

    notes = undetermined(solution.jacobian, solution.covariance, problem.varied)
    notes += silent_torques(problem, best, solution.slopes)
    notes += _bound_notes(problem, solution.stuck)
    if not best.success:
        notes.append(f"the fit did not converge: {' '.join(str(best.message).split())}")
    notes += [note for found in profiles.values() for note in found.notes]
    poor = poor_fit(problem, best)
    notes += [poor] if poor else []
    progress.begin("search for outliers")
    found = find_outliers(problem, best) if outliers else None
    points = _points(problem, best, solution, found)
    notes += [_outlier_note(points, found, problem.varied)] if found else []
    intervals = {name: entry.intervals for name, entry in profiles.items()}
    fitted = _fitted(problem, best, solution, intervals)
    unsure = frozenset(entry.name for entry in fitted if entry.varied and entry.error is None)
    return FitResult(
        model=model.name,
        data=tuple(entry.name for entry in sets),
        parameters=fitted,
        correlations=correlations(solution.covariance, problem.varied),
        chi_square=float(best.chisqr),
        degrees_of_freedom=int(best.nfree),
        error_bars=problem.error_bars,
        points=points,
        warnings=tuple(notes),
        success=bool(best.success),
        state=FitState(problem, best.params, solution.covariance, found.params if found else None),
        remarks=(*problem.notes, *([fit.on_mesh] if fit.on_mesh else [])),
        derived=derived_quantities(problem, best.params, solution.covariance, unsure),
    )


@dataclass(frozen=True, eq=False)
class _Solution:
    """A best fit with what the data say around it."""

    slopes: FloatArray
    jacobian: FloatArray
    stuck: dict[str, float]
    covariance: FloatArray | None


@dataclass(frozen=True, eq=False)
class _Best:
    """A best fit, what the data say around it, profiles, and what there is to say of its mesh."""

    problem: FitProblem
    best: Any
    solution: _Solution
    profiles: dict[str, Profile]
    on_mesh: str


def _best_fit(problem: FitProblem, wanted: Sequence[str], progress: FitProgress) -> _Best:
    """The best fit with profiles of some parameters, anew where they come across a better one."""
    problem, best, on_mesh = best_on_fine_mesh(problem, problem.start)
    for restart in range(_RESTARTS + 1):
        solution, profiles = _solution(problem, best), {}
        progress.begin("ends of profile intervals", 2 * len(wanted))
        for name in wanted:
            profiles[name] = profile_intervals(
                problem, best, name, solution.covariance, progress.advance
            )
            if profiles[name].better is not None and restart < _RESTARTS:
                break
        else:
            break
        progress.begin("a better fit than the first")
        problem, best, on_mesh = best_on_fine_mesh(problem, profiles[name].better)
    return _Best(problem, best, solution, profiles, on_mesh)


def _solution(problem: FitProblem, best: Any) -> _Solution:
    slopes = derivatives(problem.predictions, best.params, problem.varied)
    jacobian = -slopes / problem.bars(problem.predictions(best.params))[:, None]
    bounds = {name: reached_bound(best.params[name]) for name in problem.varied}
    stuck = {name: bound for name, bound in bounds.items() if bound is not None}
    unit = 1.0 if problem.error_bars else float(best.chisqr) / best.nfree
    return _Solution(slopes, jacobian, stuck, covariance_of(jacobian, unit, problem.varied, stuck))


def _bound_notes(problem: FitProblem, stuck: Mapping[str, float]) -> list[str]:
    """Parameters that the fit left at a bound, in words."""
    notes = []
    for name, bound in stuck.items():
        entry = problem.table[name]
        reason = f" ({entry.at_least})" if entry.at_least and bound == entry.least else ""
        notes.append(
            f"{name} is at its bound {bound:g}{reason}: it has no error, and those of the others "
            "hold with it there"
        )
    return notes


def _fitted(
    problem: FitProblem,
    best: Any,
    solution: _Solution,
    intervals: Mapping[str, dict[float, Interval]],
) -> tuple[Fitted, ...]:
    """All parameters with what the fit says of them."""
    found = []
    for name in problem.shown:
        entry, error = problem.table[name], None
        own = intervals.get(name, {})
        open_side = bool(own) and own[LEVELS[0]].is_open
        if name in problem.varied and solution.covariance is not None and not open_side:
            place = problem.varied.index(name)
            error = math.sqrt(solution.covariance[place, place]) or None
        found.append(
            Fitted(
                name=name,
                unit=entry.unit,
                value=problem.value_of(best.params, name),
                error=error,
                varied=name in problem.varied,
                intervals=own,
                at_bound=name in solution.stuck,
            )
        )
    return tuple(found)


def _to_profile(problem: FitProblem, profile: bool | Sequence[str]) -> list[str]:
    """Names of the fitted parameters whose intervals are wanted."""
    if isinstance(profile, bool):
        return problem.varied if profile else []
    wanted = {label for name in profile for label in (name, *problem.labels(name))}
    return [name for name in problem.varied if name in wanted]


def _points(
    problem: FitProblem,
    best: Any,
    solution: _Solution,
    outliers: Outliers | None,
) -> tuple[Point, ...]:
    """Measured torques beside the model."""
    residuals, slopes = problem.residuals(best.params), solution.slopes
    studentised, _ = studentised_residuals(residuals, solution.jacobian)
    if not problem.error_bars:
        residuals = residuals / math.sqrt(max(best.redchi, 1e-300))
    models = problem.predictions(best.params)
    without = _residuals_without(problem, best, outliers)
    points: list[Point] = []
    for data in problem.sets:
        for series in data.series:
            for row in np.flatnonzero(np.isfinite(series.values)):
                index = len(points)
                points.append(
                    Point(
                        data=data.name,
                        line=data.lines[row],
                        thickness=float(data.thickness[row]),
                        theta_deg=None if data.theta_deg is None else float(data.theta_deg[row]),
                        phi_deg=None if data.phi_deg is None else float(data.phi_deg[row]),
                        component=series.component,
                        quantity=series.quantity,
                        measured=float(series.values[row]),
                        model=float(models[index]),
                        residual=float(residuals[index]),
                        studentised=float(studentised[index]),
                        outlier=outliers is not None and bool(outliers.members[index]),
                        sensitivities=dict(
                            zip(problem.varied, slopes[index].tolist(), strict=True)
                        ),
                        residual_without=None if without is None else float(without[index]),
                    )
                )
    return tuple(points)


def _residuals_without(
    problem: FitProblem, best: Any, outliers: Outliers | None
) -> FloatArray | None:
    """Residuals from the fit without the outliers."""
    if outliers is None:
        return None
    residuals = problem.residuals(outliers.params)
    if not problem.error_bars:
        free = best.nfree - int(outliers.members.sum())
        residuals = residuals / math.sqrt(max(outliers.chi_square / free, 1e-300))
    return residuals


def _outlier_note(points: Sequence[Point], outliers: Outliers, varied: Sequence[str]) -> str:
    found = [point for point in points if point.outlier]
    chance = f"{math.exp(max(outliers.log_chance, -300.0)):.0e}"
    without = ", ".join(f"{name} = {outliers.params[name].value:.4g}" for name in varied)
    if len(found) == 1:
        (point,) = found
        text = (
            f"{point.component} at {point.place} (line {point.line} of {point.data}, chance "
            f"{chance}) stands out: another phase, or a misprint?"
        )
        return f"{text} Without it {without}"
    components = " and ".join(dict.fromkeys(point.component for point in found))
    places = "; ".join(dict.fromkeys(point.place for point in found))
    by_data: dict[str, list[str]] = {}
    for point in found:
        by_data.setdefault(point.data, []).append(str(point.line))
    lines = "; ".join(
        f"lines {', '.join(dict.fromkeys(own))} of {name}" for name, own in by_data.items()
    )
    text = (
        f"{components} at {places} ({lines}, chance {chance}) do not follow the others: "
        "another phase, misprints, or a model that does not hold there?"
    )
    return f"{text} Without them {without}"
