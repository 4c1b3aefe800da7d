"""The difference of a model from the Boltzmann equation, by one formula wherever it is shown.

At each point, with V a component of a torque by the other model, R the same by the Boltzmann
equation and T the largest Boltzmann torque of the point (length of the total, of the
interface's and of the bulk ferromagnet's, whichever is largest),

    relative difference = (V - R) / R.

Where |R| < `ZERO_GUARD` T, R passes through zero: a ratio to it would say nothing about the
model, and the relative difference is taken to `ZERO_GUARD` T in place of |R|. Its sign is then
still that of (V - R) / R. Points without any torque, T within rounding noise of zero, have none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from torkivity.results.values import model_values
from torkivity_engine.arrays import FloatArray
from torkivity_engine.record import COMPONENTS

if TYPE_CHECKING:
    import xarray

__all__ = [
    "PARTS",
    "REFERENCE",
    "ZERO_GUARD",
    "above_noise",
    "largest_torques",
    "percent_text",
    "relative_difference",
    "relative_differences",
    "torque_of",
]

REFERENCE = "boltzmann"
PARTS = ("total", "interface", "ferromagnet")

#: Part of the point's largest torque below which a component passes through zero.
ZERO_GUARD = 0.01
#: Part of the largest torque of all points that is rounding noise.
_NOISE = 1e-9


def relative_difference(value: ArrayLike, reference: ArrayLike, largest: ArrayLike) -> FloatArray:
    """Relative difference of torques from those of the Boltzmann equation.

    Parameters
    ----------
    value, reference : array_like
        V and R.
    largest : array_like
        T of each point, from `above_noise`.

    Returns
    -------
    ndarray
        (V - R) / R, see the module; NaN where T is zero or NaN.
    """
    value, reference, largest = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (value, reference, largest))
    )
    size = np.maximum(np.abs(reference), ZERO_GUARD * largest)
    size = np.where(largest > 0.0, np.where(reference < 0.0, -size, size), np.nan)
    return np.asarray(value / size - reference / size)


def percent_text(ratio: float) -> str:
    """A relative difference in percent, without the sign of it; "-" for none."""
    percent = 100.0 * ratio
    if not math.isfinite(percent):
        return "-"
    if percent == 0.0:
        return "0"
    return f"{percent:+.1f}" if 0.05 <= abs(percent) < 999.95 else f"{percent:+.0e}"


def above_noise(largest: ArrayLike) -> FloatArray:
    """T of each point, zero where it is rounding noise beside the largest of all; NaN stays."""
    array = np.asarray(largest, dtype=np.float64)
    finite = array[np.isfinite(array)]
    noise = _NOISE * finite.max() if finite.size else 0.0
    return np.where((array > noise) | np.isnan(array), array, 0.0)


def relative_differences(
    dataset: xarray.Dataset,
    model: str,
    source: str,
    part: str = "total",
    place: str | None = None,
) -> dict[str, xarray.DataArray]:
    """Relative difference of a model of a sweep from the Boltzmann equation.

    Parameters
    ----------
    dataset : xarray.Dataset
        A sweep, as `torkivity.open_results` gives it.
    model : str
    source : str
    part : {"total", "interface", "ferromagnet"}, optional
    place : str, optional
        Interface; by default the first that belongs to a magnet.

    Returns
    -------
    dict of str to xarray.DataArray
        By component, "damping_like" and "field_like"; NaN at points that are left out.
    """
    largest = largest_torques(dataset, source, place).values
    found = {}
    for component in COMPONENTS:
        reference = torque_of(dataset, REFERENCE, source, part, component, place)
        value = torque_of(dataset, model, source, part, component, place)
        value = value.transpose(*reference.dims)
        found[component] = reference.copy(
            data=relative_difference(value.values, reference.values, largest)
        )
    return found


def torque_of(
    dataset: xarray.Dataset,
    model: str,
    source: str,
    part: str,
    component: str,
    place: str | None = None,
) -> xarray.DataArray:
    """One component of one torque of a sweep, at one interface."""
    return model_values(dataset, f"torque_{part}_{component}", model, source, place)


def largest_torques(
    dataset: xarray.Dataset, source: str, place: str | None = None
) -> xarray.DataArray:
    """T of each point of a sweep; zero where it is noise, NaN where the point is left out."""
    lengths = [
        np.hypot(
            *(torque_of(dataset, REFERENCE, source, part, c, place).values for c in COMPONENTS)
        )
        for part in PARTS
    ]
    like = torque_of(dataset, REFERENCE, source, "total", "field_like", place)
    return like.copy(data=above_noise(np.max(lengths, axis=0)))
