"""Fitted models between the measured points, with the uncertainty that the fit leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from torkivity.fit.data import TorqueData
from torkivity.fit.fit import FitResult
from torkivity.fit.models import Conditions
from torkivity.fit.problem import FitProblem, derivatives
from torkivity_engine.arrays import FloatArray

__all__ = ["AXES", "Curve", "curve_axis", "curves_csv", "fit_curves"]


#: What torques can be drawn against, and its unit.
AXES: dict[str, str] = {"thickness": "nm", "theta": "deg", "phi": "deg"}


@dataclass(frozen=True, eq=False)
class Curve:
    """One torque component of one data set along one of its axes.

    Attributes
    ----------
    data : str
        Name of the data set.
    component, quantity : str
    axis : {"thickness", "theta", "phi"}
    at : dict of str to float
        Where the other axes stand still, if the data have them.
    x : ndarray, shape (n,)
        nm or degrees.
    model : ndarray, shape (n,)
        In the unit of the quantity.
    error : ndarray, shape (n,)
        Standard error of the model from the covariance of the parameters; NaN without one.
    """

    data: str
    component: str
    quantity: str
    axis: str
    at: dict[str, float]
    x: FloatArray
    model: FloatArray
    error: FloatArray


def curve_axis(data: TorqueData) -> str:
    """What a data set varies most: "thickness", "theta" or "phi"."""
    return max(_columns(data).items(), key=lambda item: len(np.unique(item[1])))[0]


def fit_curves(
    result: FitResult, points: int = 121, *, without_outliers: bool = False
) -> tuple[Curve, ...]:
    """The fitted model on a fine grid over the range of each data set.

    Parameters
    ----------
    result : FitResult
    points : int, optional
        Of each curve.
    without_outliers : bool, optional
        Curves of the fit to the other points, without errors; none if nothing stands out.

    Returns
    -------
    tuple of Curve
        For each data set, and each torque that was measured at a place of the axes that are not
        drawn.
    """
    problem, params = result.state.problem, result.state.params
    covariance = result.state.covariance
    if without_outliers:
        params, covariance = result.state.params_without_outliers, None
        if params is None:
            return ()
    curves = []
    for index, data in enumerate(problem.sets):
        axis = curve_axis(data)
        for at, x, measured in _grids(data, axis, points):
            where = _conditions(problem, index, {**at, axis: x})
            models = np.concatenate(problem.curves(params, index, where))
            errors = np.full(len(models), np.nan)
            if covariance is not None:
                slopes = derivatives(
                    lambda p, i=index, w=where: np.concatenate(problem.curves(p, i, w)),  # type: ignore[misc]
                    params,
                    problem.varied,
                )
                variances = np.einsum("ij,jk,ik->i", slopes, covariance, slopes)
                errors = np.sqrt(np.maximum(variances, 0.0))  # rounding may leave less than zero
            for place, series in enumerate(data.series):
                if series.component not in measured:
                    continue
                part = slice(place * points, (place + 1) * points)
                curves.append(
                    Curve(
                        *(data.name, series.component, series.quantity, axis, at, x),
                        models[part],
                        errors[part],
                    )
                )
    return tuple(curves)


def _columns(data: TorqueData) -> dict[str, FloatArray]:
    columns = {"thickness": data.thickness, "theta": data.theta_deg, "phi": data.phi_deg}
    return {name: values for name, values in columns.items() if values is not None}


def _grids(
    data: TorqueData, axis: str, points: int
) -> Iterator[tuple[dict[str, float], FloatArray, set[str]]]:
    """Each place of the other axes with a grid over where these torques were measured."""
    columns = _columns(data)
    x = columns.pop(axis)
    places = np.stack(list(columns.values()), axis=1) if columns else np.zeros((len(x), 0))
    for place in np.unique(places, axis=0):
        here = np.all(places == place, axis=1)
        ranges: dict[tuple[float, float], set[str]] = {}
        for series in data.series:
            own = x[here & np.isfinite(series.values)]
            if own.size and own.min() < own.max():  # a point is no curve
                ends = float(own.min()), float(own.max())
                ranges.setdefault(ends, set()).add(series.component)
        at = dict(zip(columns, place.tolist(), strict=True))
        for ends, measured in ranges.items():
            yield at, np.linspace(*ends, points), measured


def _conditions(
    problem: FitProblem, index: int, columns: dict[str, float | FloatArray]
) -> Conditions:
    size = max(np.size(values) for values in columns.values())
    full = {name: np.broadcast_to(values, size).astype(float) for name, values in columns.items()}
    data = problem.sets[index]
    resistivity = problem.measurements[index].resistivity_of(data, full["thickness"])
    return Conditions(full["thickness"], resistivity, full.get("theta"), full.get("phi"))


def curves_csv(result: FitResult, points: int = 121) -> str:
    """The fitted curves as CSV, one line per point.

    Parameters
    ----------
    result : FitResult
    points : int, optional
        Of each curve.

    Returns
    -------
    str
        With a header; the torques in the unit of their quantity
        (`torkivity_engine.units.QUANTITIES`), the error empty where there is none.
    """
    lines = ["data,component,quantity,thickness [nm],theta [deg],phi [deg],model,error"]
    fixed = {"theta": "", "phi": ""}
    for curve in fit_curves(result, points):
        at = {name: f"{value:.8g}" for name, value in curve.at.items()}
        for x, model, error in zip(curve.x, curve.model, curve.error, strict=True):
            place = {**fixed, **at, curve.axis: f"{x:.8g}"}
            cells = [_cell(curve.data), curve.component, curve.quantity]
            cells += [place["thickness"], place["theta"], place["phi"], f"{model:.8g}"]
            lines.append(",".join([*cells, f"{error:.3g}" if np.isfinite(error) else ""]))
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """A name as a cell of CSV."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text
