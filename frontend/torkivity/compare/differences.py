"""Other models against the Boltzmann equation over a sweep: how far off, and where they hold.

The relative difference is that of `torkivity.results.differences`; the difference is V - R.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from torkivity.catalogue import MODELS
from torkivity.results.differences import (
    PARTS,
    REFERENCE,
    ZERO_GUARD,
    largest_torques,
    relative_differences,
    torque_of,
)
from torkivity.results.selection import count_states, sweep_axes
from torkivity.results.values import choose_models, choose_source, known_models
from torkivity_engine.errors import InputError
from torkivity_engine.record import COMPONENTS

if TYPE_CHECKING:
    import xarray

__all__ = [
    "Extreme",
    "Range",
    "Statistics",
    "SweepComparison",
    "compare_sweep",
    "relative_differences",
    "statistics_of",
    "statistics_record",
]


#: Share of points that is "most".
_MOST = 0.9

#: Cumulative shares that bound the ranges: those of one and two standard deviations.
_RANGE_68, _RANGE_95 = (0.16, 0.84), (0.025, 0.975)


@dataclass(frozen=True)
class Extreme:
    """A point with a large difference.

    Attributes
    ----------
    value : float
        Relative difference.
    at : dict of str to value
        Where it is, by axis.
    """

    value: float
    at: dict[str, Any]


@dataclass(frozen=True)
class Statistics:
    """Relative differences of one component over the points of a sweep.

    Attributes
    ----------
    count : int
        Points compared.
    guarded : int
        Those of them where the Boltzmann component passes through zero.
    median : float
    range68, range95 : tuple of float
        Central 68 and 95 % of the points.
    within : float
        Share of points within the tolerance.
    worst : tuple of Extreme
        Largest differences first, three at most.
    largest_difference : float
        Largest difference V - R without its sign, 1/(Ohm m).
    """

    count: int
    guarded: int
    median: float
    range68: tuple[float, float]
    range95: tuple[float, float]
    within: float
    worst: tuple[Extreme, ...]
    largest_difference: float


@dataclass(frozen=True)
class Range:
    """Neighbouring values of an axis, first and last."""

    first: Any
    last: Any


#: By share of points: "all", "most", "some".
Holds = dict[str, tuple[Range, ...]]


@dataclass(frozen=True, eq=False)
class SweepComparison:
    """What a sweep says about the models beside Boltzmann.

    Attributes
    ----------
    models : tuple of str
    source : str
    tolerance : float
    counts : dict of str to int
        Points: "all", "missing", "failed", "no_frame" (m parallel to z x E), "no_torque",
        "compared".
    differences : xarray.Dataset
        Over the axes of the sweep, ``<model>_<source>_torque_<part>_<component>`` with
        ``_difference`` in 1/(Ohm m) and ``_relative_difference``; NaN at points left out.
    statistics : dict of (str, str, str) to Statistics
        By model, part and component.
    holds : dict of (str, str) to dict of str to dict of str to tuple of (Range, ...)
        By model and component ("both" for the two together), then by axis, then by how many
        of the points compared there ("all", "most": nine of ten, "some"): ranges of its values at
        which the total torque is within the tolerance.
    """

    models: tuple[str, ...]
    source: str
    tolerance: float
    counts: dict[str, int]
    differences: xarray.Dataset
    statistics: dict[tuple[str, str, str], Statistics]
    holds: dict[tuple[str, str], dict[str, Holds]]

    def record(self) -> dict[str, Any]:
        """All but the differences of the points, as JSON has it."""
        names = {
            model: {
                "title": MODELS[model].title,
                "parts": {
                    f"{part}_{component}": statistics_record(
                        self.statistics[model, part, component]
                    )
                    for part in PARTS
                    for component in COMPONENTS
                },
                "holds": {
                    component: {
                        axis: {
                            share: [[run.first, run.last] for run in runs]
                            for share, runs in found.items()
                        }
                        for axis, found in self.holds[model, component].items()
                    }
                    for component in (*COMPONENTS, "both")
                },
            }
            for model in self.models
        }
        return {
            "source": self.source,
            "tolerance": self.tolerance,
            "zero_guard": ZERO_GUARD,
            "points": self.counts,
            "axes": {
                str(name): [_plain(value) for value in self.differences[name].values]
                for name in self.differences.sizes
            },
            "models": names,
        }


def compare_sweep(
    dataset: xarray.Dataset,
    *,
    tolerance: float = 0.1,
    source: str | None = None,
    models: Sequence[str] = (),
    place: str | None = None,
) -> SweepComparison:
    """Compare every other model of a sweep with the Boltzmann equation.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it, also a part of it.
    tolerance : float, optional
        Relative difference up to which a model holds.
    source : {"all", "rashba", "spin_hall"}, optional
        By default the one of the sweep.
    models : sequence of str, optional
        By default all that the file has.
    place : str, optional
        Interface; by default the first that belongs to a magnet.

    Returns
    -------
    SweepComparison

    Raises
    ------
    InputError
        If the file is not a sweep of Boltzmann and another model, or no point can be compared.
    """
    import xarray

    if not 0.0 < tolerance < np.inf:
        raise InputError("tolerance", tolerance, "must be a positive number, 0.1 for 10 %")
    axes = sweep_axes(dataset)
    source, chosen = _comparable(dataset, source, models)
    counts = _counts(dataset, source, place)
    if counts["compared"] == 0:
        raise InputError(
            "file",
            str(dataset.encoding.get("source", "dataset")),
            f"has no point to compare: of {counts['all']}, {counts['missing']} are missing, "
            f"{counts['failed']} failed, {counts['no_frame']} have m parallel to z x E, "
            f"{counts['no_torque']} no torque",
        )
    differences = xarray.Dataset(coords={axis: dataset[axis] for axis in axes})
    largest = largest_torques(dataset, source, place)
    statistics = {}
    holds: dict[tuple[str, str], dict[str, Holds]] = {}
    for model in chosen:
        relative = {
            part: relative_differences(dataset, model, source, part, place) for part in PARTS
        }
        for part, component in product(PARTS, COMPONENTS):
            ratio = relative[part][component]
            reference, other = (
                torque_of(dataset, m, source, part, component, place) for m in (REFERENCE, model)
            )
            absolute = (other - reference).where(np.isfinite(ratio))
            name = f"{model}_{source}_torque_{part}_{component}"
            differences[f"{name}_difference"] = absolute.assign_attrs(
                units="1/(Ohm m)", long_name="difference from the Boltzmann equation, per E~"
            )
            differences[f"{name}_relative_difference"] = ratio.assign_attrs(
                units="1", long_name="relative difference from the Boltzmann equation"
            )
            statistics[model, part, component] = statistics_of(
                ratio, absolute, abs(reference) < ZERO_GUARD * largest, tolerance
            )
        for name, flags in _good(relative["total"], tolerance).items():
            holds[model, name] = {axis: _holds(flags, axis) for axis in axes}
    return SweepComparison(
        models=tuple(chosen),
        source=source,
        tolerance=tolerance,
        counts=counts,
        differences=differences,
        statistics=statistics,
        holds=holds,
    )


def _good(ratios: Mapping[str, xarray.DataArray], tolerance: float) -> dict[str, xarray.DataArray]:
    """Whether each component, and both, are within the tolerance; NaN where that is unknown."""
    good = {
        name: (abs(ratios[name]) <= tolerance).where(np.isfinite(ratios[name]))
        for name in COMPONENTS
    }
    return {**good, "both": good["damping_like"] * good["field_like"]}


def _comparable(
    dataset: xarray.Dataset, source: str | None, models: Sequence[str]
) -> tuple[str, list[str]]:
    """Source and models that can be compared."""
    known = known_models(dataset)
    if REFERENCE not in known or len(known) < 2:
        raise InputError(
            "file",
            str(dataset.encoding.get("source", "dataset")),
            f"has {' and '.join(sorted(known)) or 'no model'} alone; a comparison needs "
            '[sweep] models = ["boltzmann", "drift_diffusion"]',
        )
    return choose_source(dataset, source), [
        model for model in choose_models(dataset, models) if model != REFERENCE
    ]


def _counts(dataset: xarray.Dataset, source: str, place: str | None) -> dict[str, int]:
    states = count_states(dataset.sel(model=REFERENCE, source=source))
    largest = largest_torques(dataset, source, place).values
    torqueless = int(np.count_nonzero(largest == 0.0))
    compared = int(np.count_nonzero(largest > 0.0))
    return {
        "all": largest.size,
        "missing": states["missing"],
        "failed": states["failed"],
        "no_frame": states["done"] - torqueless - compared,
        "no_torque": torqueless,
        "compared": compared,
    }


def statistics_of(
    relative: xarray.DataArray,
    difference: xarray.DataArray,
    guarded: xarray.DataArray,
    tolerance: float,
) -> Statistics:
    """Statistics of relative differences, where `guarded` says which references are near zero."""
    flat = relative.values.ravel()
    finite = np.isfinite(flat)
    values = flat[finite]
    if not values.size:  # this model has no torque at any of the points
        nan = float("nan")
        return Statistics(0, 0, nan, (nan, nan), (nan, nan), nan, (), nan)
    order = np.argsort(-np.where(finite, abs(flat), -1.0), kind="stable")
    worst = [
        Extreme(float(flat[i]), _place(relative, int(i))) for i in order[: min(3, values.size)]
    ]
    low68, high68, low95, high95 = np.quantile(values, (*_RANGE_68, *_RANGE_95))
    return Statistics(
        count=int(values.size),
        guarded=int(np.count_nonzero(guarded.values.ravel()[finite])),
        median=float(np.median(values)),
        range68=(float(low68), float(high68)),
        range95=(float(low95), float(high95)),
        within=float(np.mean(abs(values) <= tolerance)),
        worst=tuple(worst),
        largest_difference=float(np.nanmax(abs(difference.values))),
    )


def _place(array: xarray.DataArray, flat_index: int) -> dict[str, Any]:
    index = np.unravel_index(flat_index, array.shape)
    return {
        str(dim): _plain(array[dim].values[i]) for dim, i in zip(array.dims, index, strict=True)
    }


def _holds(flags: xarray.DataArray, axis: str) -> Holds:
    """Ranges of an axis at which all, most and some of the points hold."""
    share = flags.mean([dim for dim in flags.dims if dim != axis])
    if _is_numeric(share[axis]):
        share = share.sortby(axis)
    # Values without a compared point end no run and begin none.
    known = share.values[np.isfinite(share.values)]
    values = share[axis].values[np.isfinite(share.values)]
    return {
        "all": _runs(values, known == 1.0),
        "most": _runs(values, known >= _MOST),
        "some": _runs(values, known > 0.0),
    }


def _runs(values: NDArray[Any], good: NDArray[np.bool_]) -> tuple[Range, ...]:
    """Runs of neighbouring values that are good."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(np.int8)))
    return tuple(
        Range(_plain(values[first]), _plain(values[end - 1]))
        for first, end in zip(edges[::2], edges[1::2], strict=True)
    )


def _is_numeric(values: xarray.DataArray) -> bool:
    return values.dtype.kind in "fiu"


def _plain(value: Any) -> Any:
    """NumPy scalar as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def statistics_record(found: Statistics) -> dict[str, Any]:
    """Statistics as JSON has them."""
    return {
        "count": found.count,
        "guarded": found.guarded,
        "median": _number(found.median),
        "range_68": [_number(x) for x in found.range68],
        "range_95": [_number(x) for x in found.range95],
        "within_tolerance": _number(found.within),
        "largest_difference": _number(found.largest_difference),
        "worst": [{"relative_difference": e.value, "at": e.at} for e in found.worst],
    }


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
