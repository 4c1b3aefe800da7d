"""What was measured and a model as residuals of named parameters, for lmfit to make small."""

from __future__ import annotations

import copy
import math
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torkivity.fit.conversion import measurement_parameters, observed
from torkivity.fit.data import Series, TorqueData
from torkivity.fit.extra import import_extra
from torkivity.fit.models import Conditions, Defaults, Task, TorqueModel
from torkivity.fit.observables import OBSERVABLES
from torkivity.fit.request import (
    Entry,
    Measurement,
    ParameterSetting,
    check_formulas,
    parameter_entry,
)
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError, PhysicsError

__all__ = ["FitProblem", "derivatives"]

BoolArray = NDArray[np.bool_]

#: Predictions that are kept: of a minimisation, which begins and ends with some twice.
_KEPT = 16


class _Stopped(Exception):  # noqa: N818 - not an error
    """A minimisation need not go on."""


class FitProblem:
    """Residuals of all data sets as a function of lmfit's parameters.

    Parameters
    ----------
    sets : sequence of TorqueData
    model : TorqueModel
    measurements : sequence of Measurement
        One per data set.
    asked : mapping of str to float or ParameterSetting
    separate : sequence of str
        Parameters with a value of their own in each data set.

    Attributes
    ----------
    table : dict of str to Entry
        All parameters, those per data set once for each.
    components : frozenset of str
        Names of `torkivity.fit.observables.OBSERVABLES` in the data.
    shown : tuple of str
        Of the parameters, those that a report has.
    notes : tuple of str
        What follows from the choice of parameters where none was asked for.
    start : lmfit.Parameters
    varied : list of str
        Names of what is fitted.
    error_bars : bool
    measured : ndarray, shape (points,)
    bar_lengths : tuple of ndarray, shape (points,), or None
        Of the error bars downwards and upwards.
    tick : callable
        Called at each evaluation of the model.

    Raises
    ------
    InputError
        For what no fit can answer.
    ModuleNotFoundError
        Without lmfit.
    """

    def __init__(
        self,
        sets: Sequence[TorqueData],
        model: TorqueModel,
        measurements: Sequence[Measurement],
        asked: Mapping[str, float | ParameterSetting],
        separate: Sequence[str],
    ) -> None:
        if not sets:
            raise InputError("data", sets, "must be at least one data set")
        self.sets, self.model, self.measurements = tuple(sets), model, tuple(measurements)
        if len(self.measurements) != len(self.sets):
            raise InputError(
                "measurement",
                f"{len(self.measurements)} of them",
                f"must be one for all data sets, or one for each of the {len(self.sets)}",
            )
        self.separate = tuple(separate) if len(self.sets) > 1 else ()
        self.conditions = tuple(
            Conditions(d.thickness, m.resistivity_of(d, d.thickness), d.theta_deg, d.phi_deg)
            for d, m in zip(self.sets, self.measurements, strict=True)
        )
        self.components = frozenset(s.component for data in self.sets for s in data.series)
        self._check_answers()
        self.error_bars = _have_error_bars(self.sets)
        self._check_resistivity(asked)
        self.measured = self.gather(lambda _, series: series.values)
        self._scale = float(np.abs(self.measured).max()) or 1.0
        self.bar_lengths = self._bar_lengths() if self.error_bars else None
        self.names, self.table = self._parameters(asked, separate)
        self._labels_of = [
            [(name, self._label(name, index)) for name in self.names]
            for index in range(len(self.sets))
        ]
        self._fixed: dict[str, float] = {}
        self._predicted: OrderedDict[tuple[float, ...], FloatArray] = OrderedDict()
        self._lmfit = import_extra("lmfit", "fits")
        self.tick: Callable[[], None] = lambda: None
        self.start = self._lmfit_parameters()
        self.varied = [name for name, entry in self.start.items() if entry.vary]
        self._check_size()

    def _check_answers(self) -> None:
        """Refuse what the model does not give."""
        for data in self.sets:
            for series in data.series:
                if OBSERVABLES[series.component].needs not in self.model.answers:
                    raise InputError(
                        "data",
                        f"{series.component} of {data.name}",
                        f"is not among what the {self.model.name} model gives; see --model",
                    )

    def _check_resistivity(self, asked: Mapping[str, float | ParameterSetting]) -> None:
        """Refuse films of unknown resistivity, unless it is a parameter of the fit."""
        fitted = "sheet_resistance" in self.components or "resistivity" in asked
        self._resistivity_known = all(c.resistivity is not None for c in self.conditions)
        if not self.model.needs_resistivity or fitted:
            return
        for data, where in zip(self.sets, self.conditions, strict=True):
            if where.resistivity is None:
                raise InputError(
                    "resistivity",
                    None,
                    f"must be given for {data.name}, in Ohm m or as a column of the data",
                )

    def _parameters(
        self, asked: Mapping[str, float | ParameterSetting], separate: Sequence[str]
    ) -> tuple[tuple[str, ...], dict[str, Entry]]:
        own = self.model.parameters
        self._of_model = tuple(parameter.name for parameter in own)
        every = (*own, *measurement_parameters(self.components))
        known = {parameter.name: parameter for parameter in every}
        for key, names in (("parameters", asked), ("separate", separate)):
            for name in names:
                if name not in known:
                    raise InputError(key, name, f"must be one of {', '.join(known)}")
        defaults = self._defaults(asked)
        for first, second in self.model.alternatives:
            if first in asked and second in asked:
                raise InputError("parameters", second, f"must be given without {first}")
            mentioned = {*asked, *separate}
            takes_second = second in (mentioned if {first, second} & mentioned else defaults.used)
            del known[first if takes_second else second]
        for name in defaults.absent:
            if name in asked:
                raise InputError(
                    "parameters",
                    name,
                    "must not be given where the resistivity of all films is: leave one out",
                )
            del known[name]
        for name in separate:
            if name not in known:
                raise InputError("separate", name, f"must be one of {', '.join(known)}")
        table: dict[str, Entry] = {}
        shown: list[str] = []
        for name, parameter in known.items():
            if name not in asked:
                parameter = replace(
                    parameter,
                    varied=defaults.fitted.get(name, parameter.varied),
                    start=defaults.values.get(name, parameter.start),
                )
            entry = parameter_entry(parameter, asked.get(name))
            for label in self.labels(name):
                table[label] = entry
            if not parameter.quiet or entry.vary or name in (*asked, *defaults.values):
                shown += self.labels(name)
        self.shown = tuple(shown)
        return tuple(known), table

    def _defaults(self, asked: Mapping[str, float | ParameterSetting]) -> Defaults:
        """How the model is fitted to these components unless something else is asked."""
        fitted = {
            name: isinstance(setting, ParameterSetting)
            and (setting.vary or setting.expression is not None)
            for name, setting in asked.items()
        }
        found = self.model.defaults(Task(self.components, fitted, self._resistivity_known))
        self.notes = found.notes
        return found

    def labels(self, name: str) -> tuple[str, ...]:
        """Names of a parameter in the fit."""
        if name not in self.separate:
            return (name,)
        return tuple(f"{name}_{index + 1}" for index in range(len(self.sets)))

    def _label(self, name: str, index: int) -> str:
        """Name of a parameter of one data set in the fit."""
        return f"{name}_{index + 1}" if name in self.separate else name

    def _lmfit_parameters(self) -> Any:
        """Parameters for lmfit; fixed ones that no formula needs stay here, to save it time."""
        found = self._lmfit.Parameters()
        written = {n: e.expression for n, e in self.table.items() if e.expression is not None}
        check_formulas(written, self.table)
        formulas = bool(written)
        limits: dict[str, tuple[float, float]] = {}
        for name, entry in self.table.items():
            limits[name] = (entry.least, entry.most) if entry.vary else (entry.value,) * 2
            if not math.isfinite(entry.value) or not (entry.vary or formulas):
                self._fixed[name] = entry.value
                continue
            found.add(name, value=entry.value, vary=entry.vary, min=entry.least, max=entry.most)
        for name, entry in self.table.items():
            if entry.expression is None:
                continue
            try:
                found[name].set(expr=entry.expression)
                limits[name] = (found[name].value,) * 2
            except Exception:  # lmfit passes on whatever its interpreter raises
                raise InputError(
                    f"{name}.expression",
                    entry.expression,
                    f"must be a formula of {', '.join(self.table)}",
                ) from None
        own = [name for name in self.names if name in self._of_model]
        for index in range(len(self.sets)):
            self.model.check({name: limits[self._label(name, index)] for name in own})
        return found

    def _check_size(self) -> None:
        count = len(self.measured)
        places = {place for data in self.sets for place in _places(data)}
        if not self.varied:
            raise InputError("parameters", "all fixed", "must leave at least one to fit")
        if len(places) < 3:
            raise InputError(
                "data", f"{len(places)} films or angles", "must be at least 3 to fit a dependence"
            )
        if count <= len(self.varied):
            raise InputError(
                "data",
                f"{count} points",
                f"must be more than the {len(self.varied)} fitted parameters "
                f"({', '.join(self.varied)}): fix some of them",
            )

    def gather(self, values: Callable[[int, Series], NDArray[Any]]) -> NDArray[Any]:
        """Something of each measured torque in the order of residuals, shape (points,).

        Parameters
        ----------
        values : callable
            Of the index of a data set and a series in it; gives what each of its lines has.
        """
        return np.concatenate(
            [
                values(index, series)[np.isfinite(series.values)]
                for index, data in enumerate(self.sets)
                for series in data.series
            ]
        )

    def _bar_lengths(self) -> tuple[FloatArray, FloatArray]:
        below = self.gather(lambda _, series: np.asarray(series.below))
        above = self.gather(lambda _, series: np.asarray(series.above))
        return below, above

    def value_of(self, params: Any, name: str) -> float:
        """Value of a parameter of the fit."""
        return self._fixed[name] if name in self._fixed else float(params[name].value)

    def values(self, params: Any, index: int) -> dict[str, float]:
        """Parameters of the model for one data set."""
        labels = self._labels_of[index]
        return {name: self.value_of(params, label) for name, label in labels}

    def curves(self, params: Any, index: int, where: Conditions | None = None) -> list[FloatArray]:
        """Model of each series of a data set, in the quantity that was measured.

        Parameters
        ----------
        params : lmfit.Parameters
        index : int
            Of the data set.
        where : Conditions, optional
            By default those of the data.
        """
        where = where or self.conditions[index]
        return observed(
            *(self.model, self.values(params, index), where),
            *(self.measurements[index], self.sets[index].series),
        )

    def predictions(self, params: Any) -> FloatArray:
        """Model of all measured torques; fits ask for the same ones more than once."""
        key = tuple(self.value_of(params, name) for name in self.table)
        if key in self._predicted:
            return self._predicted[key]
        self.tick()
        found = np.concatenate(
            [
                model[np.isfinite(series.values)]
                for index, data in enumerate(self.sets)
                for series, model in zip(data.series, self.curves(params, index), strict=True)
            ]
        )
        found.setflags(write=False)
        self._predicted[key] = found
        if len(self._predicted) > _KEPT:
            self._predicted.popitem(last=False)
        return found

    def bars(self, predictions: FloatArray) -> FloatArray:
        """Length of each error bar on the side where the model lies; without any, one for all."""
        if self.bar_lengths is None:
            return np.full(len(self.measured), self._scale)
        return np.where(self.measured > predictions, *self.bar_lengths)

    def residuals(self, params: Any, keep: BoolArray | None = None) -> FloatArray:
        """(measured - model) / error bar of all measured torques, or of those to keep."""
        predictions = self.predictions(params)
        found = (self.measured - predictions) / self.bars(predictions)
        return found if keep is None else found[keep]

    def linearised(self, params: Any) -> tuple[FloatArray, FloatArray]:
        """Residuals, and their derivatives by the fitted parameters, (points, parameters)."""
        predictions = self.predictions(params)
        bars = self.bars(predictions)
        slopes = derivatives(self.predictions, params, self.varied)
        return (self.measured - predictions) / bars, -slopes / bars[:, None]

    def with_fixed(self, name: str, value: float) -> FitProblem:
        """The same with a parameter that is not fitted elsewhere."""
        other = copy.copy(self)
        other._fixed = {**self._fixed, name: value}
        return other

    def with_model(self, model: TorqueModel) -> FitProblem:
        """The same by a model with the same parameters."""
        other = copy.copy(self)
        other.model, other._predicted = model, OrderedDict()
        return other

    def minimize(
        self,
        params: Any,
        keep: BoolArray | None = None,
        *,
        stop: Callable[[Any], bool] = lambda params: False,
        **options: Any,
    ) -> Any:
        """Best fit from some parameters on.

        Parameters
        ----------
        params : lmfit.Parameters
        keep : ndarray of bool, optional
            Points to fit; all by default.
        stop : callable, optional
            From parameters to whether there is no need to go on from there.
        **options
            Of `lmfit.Minimizer.minimize`.

        Returns
        -------
        lmfit.minimizer.MinimizerResult, or None if it was stopped

        Raises
        ------
        InputError, PhysicsError
            Where the model has no value.
        """

        def residuals(values: Any, keep: BoolArray | None) -> FloatArray:
            if stop(values):
                raise _Stopped
            return self.residuals(values, keep)

        minimizer = self._lmfit.Minimizer(
            residuals,
            params,
            fcn_args=(keep,),
            nan_policy="raise",
            calc_covar=False,
        )
        try:
            with warnings.catch_warnings():
                # What lmfit and numpy say about singular matrices is said elsewhere in words.
                warnings.simplefilter("ignore")
                # Trust region, reflective: bounds are no transformations that flatten at them.
                found = minimizer.minimize(method="least_squares", gtol=1e-10, **options)
        except _Stopped:
            return None
        except InputError:
            raise
        except ValueError:  # what lmfit says of NaN
            found = None
        if found is None or not math.isfinite(found.chisqr):
            raise PhysicsError(
                "the model has no finite value somewhere on the way to the best fit: start nearer, "
                "or give min and max"
            )
        return found


def derivatives(
    function: Callable[[Any], FloatArray], params: Any, names: Sequence[str]
) -> FloatArray:
    """Derivatives of a function of lmfit's parameters by some of them, central differences.

    Parameters
    ----------
    function : callable
        Of parameters, gives shape (points,).
    params : lmfit.Parameters
    names : sequence of str

    Returns
    -------
    ndarray, shape (points, len(names))
    """
    columns = []
    for name in names:
        value = params[name].value
        step = 1e-4 * max(abs(value), 1e-2)
        ends = []
        for sign in (-1.0, 1.0):
            shifted = params.copy()
            shifted[name].set(value=value + sign * step)  # lmfit keeps it within its bounds
            ends.append((float(shifted[name].value), function(shifted)))
        (left, below), (right, above) = ends
        columns.append((above - below) / (right - left))
    return np.stack(columns, axis=1)


def _have_error_bars(sets: Sequence[TorqueData]) -> bool:
    """Whether the torques have error bars: all of them, or none."""
    have = [series.above is not None for data in sets for series in data.series]
    if any(have) and not all(have):
        raise InputError(
            "error bars", "of some torques only", "must be there for all torques or for none"
        )
    quantities = {series.quantity for data in sets for series in data.series}
    if not all(have) and len(quantities) > 1:
        raise InputError(
            "error bars",
            "none",
            f"must be there to weigh {' against '.join(sorted(quantities))}",
        )
    return all(have)


def _places(data: TorqueData) -> list[tuple[float, ...]]:
    columns = [data.thickness]
    columns += [angle for angle in (data.theta_deg, data.phi_deg) if angle is not None]
    return [tuple(map(float, place)) for place in zip(*columns, strict=True)]
