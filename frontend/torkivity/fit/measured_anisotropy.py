"""Coefficients T0, T2, T4 of torques that were measured against the direction of m."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torkivity.fit.data import Series, TorqueData
from torkivity.fit.models import Conditions, transverse_share
from torkivity_engine.anisotropy import Form
from torkivity_engine.errors import InputError
from torkivity_engine.measured_anisotropy import MeasuredExpansion, expand_measured
from torkivity_engine.units import QUANTITIES

__all__ = ["MeasuredAnisotropy", "anisotropy_columns", "anisotropy_of_data"]

_TORQUES = ("damping_like", "field_like")


@dataclass(frozen=True, eq=False)
class MeasuredAnisotropy:
    """Expansion of the torques of one film.

    Attributes
    ----------
    data : str
        Name of the data set.
    thickness : float
        Of the heavy metal in nm; NaN where the file does not say.
    quantity : str
        Of `torkivity_engine.units.QUANTITIES`.
    error_bars : bool
    expansion : MeasuredExpansion
    """

    data: str
    thickness: float
    quantity: str
    error_bars: bool
    expansion: MeasuredExpansion

    def rows(self) -> list[tuple[Any, ...]]:
        """One per coefficient: data, thickness, torque, coefficient, value, error, over T0."""
        found = self.expansion
        first = {
            kind: place
            for place, (kind, _, power) in enumerate(found.names)
            if power == 0 and found.values[place] != 0.0
        }
        rows = []
        for place, (kind, polar, power) in enumerate(found.names):
            name = f"T{power}{' polar' if polar else ''}"
            ratio = error = np.nan
            if kind in first and power:
                zero = first[kind]
                ratio = found.values[place] / found.values[zero]
                slope = np.zeros(len(found.values))
                slope[place], slope[zero] = 1.0, -ratio
                error = np.sqrt(slope @ found.covariance @ slope) / abs(found.values[zero])
            rows.append(
                (
                    *(self.data, self.thickness, kind.replace("_", "-"), name),
                    *(float(found.values[place]), float(found.errors[place])),
                    *(float(ratio), float(error)),
                )
            )
        return rows

    def quality(self) -> str:
        """How well the expansion fits, in words."""
        found = self.expansion
        count = len(found.residuals)
        text = f"{count} points, {found.degrees_of_freedom} degrees of freedom"
        if self.error_bars:
            return f"{text}, chi-square {found.chi_square:.4g}"
        return f"{text}, errors from the scatter"


def anisotropy_columns(quantity: str) -> tuple[str, ...]:
    """Titles of `MeasuredAnisotropy.rows`."""
    unit = QUANTITIES[quantity]
    values = (f"value [{unit}]", f"error [{unit}]", "over T0", "error over T0")
    return ("data", "thickness [nm]", "torque", "coefficient", *values)


def anisotropy_of_data(
    sets: TorqueData | Sequence[TorqueData],
    *,
    form: Form = "garello",
    order: int = 4,
    vector_coefficients: bool = False,
) -> list[MeasuredAnisotropy]:
    """Expand measured torques in the angles of m, film by film.

    Parameters
    ----------
    sets : TorqueData or sequence of TorqueData
        Damping-like and field-like torques, or one of them, with a column theta.
    form : {"garello", "general"}, optional
        See `torkivity_engine.anisotropy`.
    order : int, optional
        Highest power of sin(theta), even.
    vector_coefficients : bool, optional
        Whether the values are coefficients of m x (m x y_p) and m x y_p, not components along the
        unit vectors.

    Returns
    -------
    list of MeasuredAnisotropy
        One for each data set and thickness.

    Raises
    ------
    InputError
        For data without torques or angles, torques in different units, or angles that leave
        coefficients undetermined.
    """
    found = []
    for data in (sets,) if isinstance(sets, TorqueData) else sets:
        series = [entry for entry in data.series if entry.component in _TORQUES]
        if not series:
            raise InputError("data", data.name, "must have a column damping_like or field_like")
        if data.theta_deg is None:
            raise InputError("data", data.name, "must have a column 'theta [deg]' of m")
        quantities = {entry.quantity for entry in series}
        if len(quantities) > 1:
            raise InputError(
                "data", data.name, f"must have both torques in one unit, not as {quantities}"
            )
        for thickness in np.unique(data.thickness):
            own = np.isnan(data.thickness) if np.isnan(thickness) else data.thickness == thickness
            found.append(
                MeasuredAnisotropy(
                    *(data.name, float(thickness), series[0].quantity),
                    series[0].above is not None,
                    _expansion(data, series, own, form, order, vector_coefficients),
                )
            )
    return found


def _expansion(
    data: TorqueData,
    series: Sequence[Series],
    own: NDArray[np.bool_],
    form: Form,
    order: int,
    vector_coefficients: bool,
) -> MeasuredExpansion:
    assert data.theta_deg is not None
    theta = data.theta_deg[own]
    phi = np.zeros(len(theta)) if data.phi_deg is None else data.phi_deg[own]
    share = np.ones(len(theta))
    if vector_coefficients:
        share = transverse_share(Conditions(np.ones(len(theta)), None, theta, phi))
    measured = {}
    for entry in series:
        bars = None
        if entry.below is not None and entry.above is not None:
            bars = share * 0.5 * (entry.below + entry.above)[own]
        measured[entry.component] = (share * entry.values[own], bars)
    return expand_measured(theta, phi, measured, form=form, order=order)
