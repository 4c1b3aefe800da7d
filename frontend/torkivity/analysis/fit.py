"""Interface parameters from measured torques: least squares, intervals, and what is not known.

lmfit does the fitting. What is added here is the way from a model's spin-torque conductivity to
what was measured, and an account of what the data do not determine: directions in parameter
space along which nothing visible changes, parameters at a bound, points that stand out.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torkivity.analysis.fit_data import TorqueData
from torkivity.analysis.fit_models import Conditions, Parameter, TorqueModel
from torkivity.units import convert_torque
from torkivity_engine.errors import InputError

__all__ = [
    "FitResult",
    "Fitted",
    "Measurement",
    "ParameterSetting",
    "Point",
    "fit_torques",
]

FloatArray = NDArray[np.float64]

#: Probabilities of the profile intervals.
LEVELS = (0.6827, 0.95)

#: Correlation from which two parameters count as not told apart.
STRONG_CORRELATION = 0.98
#: Least singular value of the Jacobian with unit columns below which a direction is undetermined.
WEAK_DIRECTION = 0.02
#: Chance that any point of a good data set is called an outlier.
OUTLIER_CHANCE = 0.01


@dataclass(frozen=True)
class ParameterSetting:
    """What is asked of one parameter.

    Attributes
    ----------
    value : float, optional
        Start, or the fixed value.
    vary : bool, optional
        By default a parameter that is mentioned is fitted.
    least, most : float, optional
        Bounds.
    expression : str, optional
        Formula of other parameters that it is tied to.
    """

    value: float | None = None
    vary: bool = True
    least: float | None = None
    most: float | None = None
    expression: str | None = None


@dataclass(frozen=True)
class Measurement:
    """What is known about the films beside the torques.

    Attributes
    ----------
    resistivity : float, optional
        Of the heavy metal in Ohm m, unless the data have a column of it.
    resistivity_surface : float, optional
        Coefficient k in Ohm m nm of rho(t) = resistivity + k / t.
    saturation_magnetization : float, optional
        A/m, for effective fields.
    ferromagnet_thickness : float, optional
        nm, for effective fields.
    heavy_metal_above : bool, optional
        Whether the torques were measured with the heavy metal above the ferromagnet.
    """

    resistivity: float | None = None
    resistivity_surface: float = 0.0
    saturation_magnetization: float | None = None
    ferromagnet_thickness: float | None = None
    heavy_metal_above: bool = False

    def resistivity_of(self, data: TorqueData) -> FloatArray | None:
        """Resistivity of each film of a data set, Ohm m."""
        if data.resistivity is not None:
            return data.resistivity
        return self.resistivity_at(data.thickness)

    def resistivity_at(self, thickness: FloatArray) -> FloatArray | None:
        """Resistivity by thickness."""
        if self.resistivity is None:
            return None
        values = self.resistivity + self.resistivity_surface / thickness
        if not np.all(values > 0.0):
            raise InputError("resistivity", float(values.min()), "must be positive at all points")
        return np.asarray(values)


@dataclass(frozen=True)
class Fitted:
    """One parameter after the fit.

    Attributes
    ----------
    name, unit : str
    value : float
    error : float or None
        Standard error from the covariance; None where it is fixed or undetermined.
    varied : bool
    intervals : dict of float to (float, float)
        Profile intervals by probability; infinite where the data give no limit.
    at_bound : bool
    """

    name: str
    unit: str
    value: float
    error: float | None
    varied: bool
    intervals: dict[float, tuple[float, float]] = field(default_factory=dict)
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
    component, quantity : str
    measured, model : float
        In the unit of the quantity.
    residual : float
        Measured minus model in error bars (without any, in standard deviations of the fit).
    studentised : float
        Residual over its own standard deviation as estimated without this point.
    outlier : bool
    """

    data: str
    line: int
    thickness: float
    component: str
    quantity: str
    measured: float
    model: float
    residual: float
    studentised: float
    outlier: bool


@dataclass(frozen=True, eq=False)
class FitResult:
    """A fit and what it does not say.

    Attributes
    ----------
    model : str
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
    """

    model: str
    parameters: tuple[Fitted, ...]
    correlations: dict[tuple[str, str], float]
    chi_square: float
    degrees_of_freedom: int
    error_bars: bool
    points: tuple[Point, ...]
    warnings: tuple[str, ...]
    success: bool

    def __getitem__(self, name: str) -> Fitted:
        """Parameter by name."""
        return next(found for found in self.parameters if found.name == name)

    @property
    def outliers(self) -> tuple[Point, ...]:
        """Points that stand out."""
        return tuple(point for point in self.points if point.outlier)


def fit_torques(
    data: TorqueData | Sequence[TorqueData],
    model: TorqueModel,
    parameters: Mapping[str, float | ParameterSetting] | None = None,
    *,
    measurement: Measurement | None = None,
    separate: Sequence[str] = (),
    profile: bool | Sequence[str] = True,
) -> FitResult:
    """Fit a model to one or more data sets.

    Parameters
    ----------
    data : TorqueData or sequence of TorqueData
    model : PhenomenologicalModel or MicroscopicModel
    parameters : mapping, optional
        By name: a number fixes the parameter there, a `ParameterSetting` fits it, or says
        otherwise. What is not mentioned is as the model has it.
    measurement : Measurement, optional
        Resistivity and what else the films are known to be.
    separate : sequence of str, optional
        Parameters with a value of their own in each data set, ``name_1``, ``name_2`` and so on;
        the others are shared.
    profile : bool or sequence of str, optional
        Compute profile intervals, of all parameters or of these (some hundred evaluations of
        the model for each).

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
    lmfit = _lmfit()
    sets = (data,) if isinstance(data, TorqueData) else tuple(data)
    problem = _Problem(sets, model, measurement or Measurement(), tuple(separate))
    table = problem.parameters(parameters or {})
    start = problem.lmfit_parameters(lmfit, table)
    varied = [name for name, entry in start.items() if entry.vary]
    problem.check_size(varied)
    minimizer = lmfit.Minimizer(
        problem.residuals, start, scale_covar=not problem.error_bars, nan_policy="raise"
    )
    with warnings.catch_warnings():
        # What lmfit and numpy say about singular matrices is said in words below.
        warnings.simplefilter("ignore")
        best = minimizer.minimize(method="leastsq")
    jacobian = _jacobian(problem, best.params, varied)
    notes = _undetermined(best, jacobian, varied)
    at_bound = [name for name in varied if _at_bound(best.params[name])]
    notes += [f"{name} is at its bound {best.params[name].value:g}" for name in at_bound]
    if not best.success:
        notes.append(f"the fit did not converge: {' '.join(str(best.message).split())}")
    intervals: dict[str, dict[float, tuple[float, float]]] = {}
    if profile:
        wanted = varied if profile is True else [name for name in varied if name in profile]
        intervals = _profiles(lmfit, minimizer, best, wanted, problem.error_bars, notes)
    if problem.error_bars and best.nfree > 0 and best.redchi > _suspicious(best.nfree):
        notes.append(
            f"chi-square is {best.chisqr:.3g} for {best.nfree} degrees of freedom: the model or "
            "the error bars are wrong, and the errors given here are then too small"
        )
    fitted = tuple(
        Fitted(
            name=name,
            unit=entry.unit,
            value=problem.value_of(best.params, name),
            error=_error(best.params, name),
            varied=name in varied,
            intervals=intervals.get(name, {}),
            at_bound=name in at_bound,
        )
        for name, entry in table.items()
    )
    points = _points(problem, best, jacobian)
    notes += [_outlier_note(point) for point in points if point.outlier]
    return FitResult(
        model=model.name,
        parameters=fitted,
        correlations=_correlations(best, varied),
        chi_square=float(best.chisqr),
        degrees_of_freedom=int(best.nfree),
        error_bars=problem.error_bars,
        points=points,
        warnings=tuple(notes),
        success=bool(best.success),
    )


def _lmfit() -> Any:
    try:
        import lmfit
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"fits need {error.name}: pip install 'torkivity[fit]'", name=error.name
        ) from None
    return lmfit


@dataclass(frozen=True)
class _Entry:
    """A parameter of the model with what was asked of it."""

    unit: str
    value: float
    vary: bool
    least: float
    most: float
    expression: str | None


class _Problem:
    """Residuals of all data sets as a function of lmfit's parameters."""

    def __init__(
        self,
        sets: tuple[TorqueData, ...],
        model: TorqueModel,
        measurement: Measurement,
        separate: tuple[str, ...],
    ) -> None:
        if not sets:
            raise InputError("data", sets, "must be at least one data set")
        self.sets, self.model, self.measurement = sets, model, measurement
        self.separate = separate if len(sets) > 1 else ()
        self.conditions = tuple(
            Conditions(d.thickness, measurement.resistivity_of(d), d.theta_deg, d.phi_deg)
            for d in sets
        )
        self.fixed: dict[str, float] = {}
        self.names: tuple[str, ...] = ()
        have = [series.above is not None for d in sets for series in d.series]
        if any(have) and not all(have):
            raise InputError(
                "error bars", "of some torques only", "must be there for all torques or for none"
            )
        self.error_bars = all(have)
        quantities = {series.quantity for d in sets for series in d.series}
        if not self.error_bars and len(quantities) > 1:
            raise InputError(
                "error bars",
                "none",
                f"must be there to weigh {' against '.join(sorted(quantities))}",
            )
        self.scale = max(
            float(np.nanmax(np.abs(series.values))) for d in sets for series in d.series
        )
        if model.name == "phenomenological" and any(c.resistivity is None for c in self.conditions):
            raise InputError(
                "resistivity", None, "must be given in Ohm m, or as a column of the data"
            )

    def parameters(self, asked: Mapping[str, float | ParameterSetting]) -> dict[str, _Entry]:
        """All parameters with their settings, those per data set once for each."""
        known = {parameter.name: parameter for parameter in self.model.parameters}
        for key, names in (("parameters", asked), ("separate", self.separate)):
            for name in names:
                if name not in known:
                    raise InputError(key, name, f"must be one of {', '.join(known)}")
        for first, second in self.model.alternatives:
            if first in asked and second in asked:
                raise InputError("parameters", second, f"must be given without {first}")
            del known[first if second in asked else second]
        self.names = tuple(known)
        table: dict[str, _Entry] = {}
        for name, parameter in known.items():
            entry = _entry(parameter, asked.get(name))
            for label in self.labels(name):
                table[label] = entry
        return table

    def labels(self, name: str) -> tuple[str, ...]:
        """Names of a parameter in the fit."""
        if name not in self.separate:
            return (name,)
        return tuple(f"{name}_{index + 1}" for index in range(len(self.sets)))

    def lmfit_parameters(self, lmfit: Any, table: Mapping[str, _Entry]) -> Any:
        """Parameters for lmfit; fixed ones that no formula needs stay here, to save it time."""
        found = lmfit.Parameters()
        formulas = any(entry.expression is not None for entry in table.values())
        limits: dict[str, tuple[float, float]] = {}
        tied = []
        for name, entry in table.items():
            constant = not entry.vary and not formulas
            if constant or not math.isfinite(entry.value):
                self.fixed[name] = entry.value
                limits[name] = (entry.value, entry.value)
                continue
            found.add(name, value=entry.value, vary=entry.vary, min=entry.least, max=entry.most)
            limits[name] = (entry.least, entry.most) if entry.vary else (entry.value,) * 2
            if entry.expression is not None:
                tied.append(name)
        for name in tied:
            expression = table[name].expression
            try:
                found[name].set(expr=expression)
                limits[name] = (found[name].value,) * 2
            except Exception:  # lmfit passes on whatever its parser raises
                raise InputError(
                    f"{name}.expression", expression, f"must be a formula of {', '.join(table)}"
                ) from None
        for index in range(len(self.sets)):
            own = [self.labels(name)[min(index, len(self.labels(name)) - 1)] for name in self.names]
            self.model.check({n: limits[o] for n, o in zip(self.names, own, strict=True)})
        return found

    def check_size(self, varied: Sequence[str]) -> None:
        """Refuse what no fit can answer."""
        count = sum(d.size for d in self.sets)
        places = {place for d in self.sets for place in _places(d)}
        if not varied:
            raise InputError("parameters", "all fixed", "must leave at least one to fit")
        if len(places) < 3:
            raise InputError(
                "data", f"{len(places)} films or angles", "must be at least 3 to fit a dependence"
            )
        if count <= len(varied):
            raise InputError(
                "data",
                f"{count} points",
                f"must be more than the {len(varied)} fitted parameters ({', '.join(varied)}): "
                "fix some of them",
            )

    def value_of(self, params: Any, name: str) -> float:
        """Value of a parameter of the fit."""
        return self.fixed[name] if name in self.fixed else float(params[name].value)

    def curves(self, params: Any, index: int) -> list[FloatArray]:
        """Model of each series of a data set, in the quantity that was measured."""
        values = {}
        for name in self.names:
            labels = self.labels(name)
            values[name] = self.value_of(params, labels[min(index, len(labels) - 1)])
        where, facts = self.conditions[index], self.measurement
        damping, torque_field = self.model.torques(values, where)
        resistivity = self.model.resistivity(values, where)
        return [
            convert_torque(
                damping if series.component == "damping_like" else torque_field,
                "spin_torque_conductivity",
                series.quantity,
                resistivity=resistivity,
                saturation_magnetization=facts.saturation_magnetization,
                ferromagnet_thickness=facts.ferromagnet_thickness,
                mirrored=facts.heavy_metal_above,
            )
            for series in self.sets[index].series
        ]

    def residuals(self, params: Any) -> FloatArray:
        """(measured - model) / error bar of all measured torques."""
        parts = []
        for index, data in enumerate(self.sets):
            for series, model in zip(data.series, self.curves(params, index), strict=True):
                difference = series.values - model
                if series.above is None or series.below is None:
                    parts.append((difference / self.scale)[np.isfinite(series.values)])
                    continue
                # The bar on the side where the model lies.
                bar = np.where(difference > 0.0, series.below, series.above)
                parts.append((difference / bar)[np.isfinite(series.values)])
        return np.concatenate(parts)


def _places(data: TorqueData) -> list[tuple[float, ...]]:
    columns = [data.thickness]
    columns += [angle for angle in (data.theta_deg, data.phi_deg) if angle is not None]
    return [tuple(map(float, place)) for place in zip(*columns, strict=True)]


def _entry(parameter: Parameter, asked: float | ParameterSetting | None) -> _Entry:
    if asked is None:
        asked = ParameterSetting(vary=parameter.varied)
    elif not isinstance(asked, ParameterSetting):
        asked = ParameterSetting(float(asked), vary=False)
    name = parameter.name
    value = parameter.start if asked.value is None else asked.value
    least = parameter.least if asked.least is None else asked.least
    most = parameter.most if asked.most is None else asked.most
    vary = asked.vary and asked.expression is None
    if math.isnan(value) or (vary and not math.isfinite(value)):
        raise InputError(name, value, "must be a finite number to start from")
    if vary and not least < most:
        raise InputError(f"{name}.min", least, f"must be below its maximum {most:g}")
    if vary and not least <= value <= most:
        raise InputError(name, value, f"must start between its bounds {least:g} and {most:g}")
    if not vary:
        least, most = -math.inf, math.inf
    return _Entry(parameter.unit, value, vary, least, most, asked.expression)


def _at_bound(parameter: Any) -> bool:
    spread = abs(parameter.value) + (parameter.stderr or 0.0)
    return any(
        math.isfinite(bound) and abs(parameter.value - bound) <= 1e-4 * max(spread, 1e-12)
        for bound in (parameter.min, parameter.max)
    )


def _error(params: Any, name: str) -> float | None:
    if name not in params or params[name].stderr is None:
        return None
    error = float(params[name].stderr)
    return error if math.isfinite(error) and error > 0.0 else None


def _correlations(best: Any, varied: list[str]) -> dict[tuple[str, str], float]:
    covariance = getattr(best, "covar", None)
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


def _jacobian(problem: _Problem, params: Any, varied: list[str]) -> FloatArray:
    """Derivatives of the residuals by the fitted parameters, shape (points, parameters)."""
    columns = []
    for name in varied:
        value = params[name].value
        step = 1e-4 * max(abs(value), 1e-2)
        ends = []
        for sign in (-1.0, 1.0):
            shifted = params.copy()
            shifted[name].set(value=value + sign * step)  # lmfit keeps it within its bounds
            ends.append((float(shifted[name].value), problem.residuals(shifted)))
        (left, below), (right, above) = ends
        columns.append((above - below) / (right - left))
    return np.stack(columns, axis=1)


def _undetermined(best: Any, jacobian: FloatArray, varied: list[str]) -> list[str]:
    """Directions in which the data say nothing, in words."""
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
    for (first, second), value in _correlations(best, varied).items():
        if abs(value) > STRONG_CORRELATION and not {first, second} <= together:
            slope = value * best.params[second].stderr / best.params[first].stderr
            notes.append(
                f"the data cannot tell {first} and {second} apart (correlation {value:+.4f}): "
                f"adding 1 to the first and {slope:+.3g} to the second changes next to nothing; "
                "fix one of them or measure what separates them"
            )
    return notes


def _profiles(
    lmfit: Any,
    minimizer: Any,
    best: Any,
    wanted: Sequence[str],
    error_bars: bool,
    notes: list[str],
) -> dict[str, dict[float, tuple[float, float]]]:
    """Profile intervals; a note says where there are none."""
    varied = [name for name, entry in best.params.items() if entry.vary]
    if len(varied) < 2 or any(_error(best.params, name) is None for name in varied):
        notes.append(
            "no profile intervals: "
            + ("they need two fitted parameters" if len(varied) < 2 else "no covariance")
        )
        return {}
    # With error bars chi-square differences count, without them the F test that lmfit does.
    probability = _chi_square_probability if error_bars else None
    intervals: dict[str, dict[float, tuple[float, float]]] = {}
    for name in wanted:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                (rows,) = lmfit.conf_interval(
                    *(minimizer, best, [name]),
                    sigmas=list(LEVELS),
                    maxiter=40,
                    prob_func=probability,
                ).values()
        except (ValueError, ArithmeticError, lmfit.MinimizerException):
            notes.append(f"no profile interval of {name}: the fit does not follow it")
            continue
        middle = len(rows) // 2
        lower, upper = dict(rows[:middle]), dict(rows[middle + 1 :])
        intervals[name] = {
            level: (float(lower.get(level, -math.inf)), float(upper.get(level, math.inf)))
            for level in LEVELS
        }
        if not np.all(np.isfinite(list(intervals[name].values()))):
            notes.append(f"the data, within the bounds, leave the interval of {name} open")
    return intervals


def _chi_square_probability(best: Any, constrained: Any) -> float:
    return math.erf(math.sqrt(0.5 * max(constrained.chisqr - best.chisqr, 0.0)))


def _suspicious(degrees: int) -> float:
    """Reduced chi-square that chance exceeds once in a thousand."""
    from scipy.stats import chi2

    return float(chi2.ppf(0.999, degrees)) / degrees


def _points(problem: _Problem, best: Any, jacobian: FloatArray) -> tuple[Point, ...]:
    """Measured torques with residuals, studentised by the scatter of the others."""
    from scipy.stats import t as student

    residuals = problem.residuals(best.params)
    count, fitted = jacobian.shape
    left, singular, _ = np.linalg.svd(jacobian, full_matrices=False)
    used = left[:, singular > 1e-10 * max(singular[0], 1e-300)]
    room = np.clip(1.0 - np.sum(used**2, axis=1), 1e-12, 1.0)
    free = count - fitted
    variance = float(residuals @ residuals) / free
    rest = free - 1
    studentised = np.full(count, np.nan)
    outlier = np.zeros(count, dtype=bool)
    if rest > 0 and variance > 0.0:
        without = np.clip(free * variance - residuals**2 / room, 0.0, None) / rest
        with np.errstate(divide="ignore", invalid="ignore"):
            studentised = residuals / np.sqrt(without * room)
        chance = 2.0 * student.sf(np.abs(studentised), rest)
        outlier = chance * count < OUTLIER_CHANCE
    shown = residuals if problem.error_bars else residuals / math.sqrt(max(variance, 1e-300))
    points, place = [], 0
    for index, data in enumerate(problem.sets):
        for series, model in zip(data.series, problem.curves(best.params, index), strict=True):
            for row in np.flatnonzero(np.isfinite(series.values)):
                points.append(
                    Point(
                        data=data.name,
                        line=data.lines[row],
                        thickness=float(data.thickness[row]),
                        component=series.component,
                        quantity=series.quantity,
                        measured=float(series.values[row]),
                        model=float(model[row]),
                        residual=float(shown[place]),
                        studentised=float(studentised[place]),
                        outlier=bool(outlier[place]),
                    )
                )
                place += 1
    return tuple(points)


def _outlier_note(point: Point) -> str:
    return (
        f"{point.component} at {point.thickness:g} nm (line {point.line} of {point.data}) stands "
        f"out: studentised residual {point.studentised:+.1f}; another phase, or a misprint?"
    )
