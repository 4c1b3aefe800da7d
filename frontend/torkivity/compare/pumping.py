"""What magnets pump by the other models of a sweep against the Boltzmann equation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from torkivity.catalogue import MODELS
from torkivity.compare.differences import Statistics, statistics_of, statistics_record
from torkivity.results.differences import REFERENCE, percent_text
from torkivity.results.selection import describe_point, sweep_axes
from torkivity.results.values import (
    choose_models,
    choose_source,
    driving_dimension,
    known_models,
    model_values,
)
from torkivity.tables import fold
from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    import xarray

__all__ = ["PumpingComparison", "compare_pumping", "pumping_comparison_report"]

#: What is compared: of vectors the length of the difference, over that of the reference.
_COMPARED = {
    "effective_mixing_conductance": "effective mixing conductance",
    "pumped_sheet_current": "pumped sheet current",
    "pumped_torque_exchange": "torque beyond the bulk's own",
}
_TORQUE = "pumped_torque_exchange"
_LABEL = 32


@dataclass(frozen=True, eq=False)
class PumpingComparison:
    """What a sweep of spin pumping says about the models beside Boltzmann.

    Attributes
    ----------
    turning : str
        The magnet that turns.
    tolerance : float
    differences : xarray.Dataset
        Over the axes, ``<model>_<quantity>_relative_difference``: (V - R) / R of a number,
        |V - R| / |R| of vectors; NaN where either has none.
    statistics : dict of (str, str) to Statistics
        By model and quantity.
    """

    turning: str
    tolerance: float
    differences: xarray.Dataset
    statistics: dict[tuple[str, str], Statistics]

    def record(self) -> dict[str, Any]:
        """Statistics as JSON has them."""
        models: dict[str, dict[str, Any]] = {}
        for (model, name), found in self.statistics.items():
            models.setdefault(model, {})[name] = statistics_record(found)
        return {"turning": self.turning, "tolerance": self.tolerance, "models": models}


def compare_pumping(
    dataset: xarray.Dataset,
    *,
    tolerance: float = 0.1,
    turning: str | None = None,
    models: Sequence[str] = (),
) -> PumpingComparison:
    """Compare every other model of a sweep of spin pumping with the Boltzmann equation.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it, also a part of it.
    tolerance : float, optional
        Relative difference up to which a model holds.
    turning : str, optional
        Magnet; by default the first.
    models : sequence of str, optional
        By default all that the file has.

    Returns
    -------
    PumpingComparison

    Raises
    ------
    InputError
        If the file is not a sweep of spin pumping by Boltzmann and another model, or no point can
        be compared.
    """
    import xarray

    file = str(dataset.encoding.get("source", "dataset"))
    axes = sweep_axes(dataset)
    if driving_dimension(dataset) != "turning":
        raise InputError("file", file, "is not one of what magnets pump")
    if not 0.0 < tolerance < np.inf:
        raise InputError("tolerance", tolerance, "must be a positive number, 0.1 for 10 %")
    turning = choose_source(dataset, turning)
    chosen = [model for model in choose_models(dataset, models) if model != REFERENCE]
    if REFERENCE not in known_models(dataset) or not chosen:
        raise InputError("file", file, 'needs "boltzmann" and another model to compare')
    differences, statistics = xarray.Dataset(coords={axis: dataset[axis] for axis in axes}), {}
    for model in chosen:
        for name in _COMPARED:
            reference, value = (_values(dataset, name, m, turning) for m in (REFERENCE, model))
            absolute, relative = _relative(value, reference, axes)
            key = f"{model}_{name}_relative_difference"
            long_name = "relative difference from the Boltzmann equation"
            differences[key] = relative.assign_attrs(units="1", long_name=long_name)
            statistics[model, name] = statistics_of(
                relative, absolute, relative.isnull(), tolerance
            )
    if not any(found.count for found in statistics.values()):
        raise InputError("file", file, "has no point that both models have done")
    return PumpingComparison(turning, tolerance, differences, statistics)


def _values(dataset: xarray.Dataset, name: str, model: str, turning: str) -> xarray.DataArray:
    """A quantity by one model; of torques that on the turning magnet, without its bulk's own."""
    if name != _TORQUE:
        return model_values(dataset, name, model, turning)
    whole = model_values(dataset, name, model, turning, turning)
    return whole - model_values(dataset, "pumped_torque_bulk", model, turning)


def _relative(
    value: xarray.DataArray, reference: xarray.DataArray, axes: list[str]
) -> tuple[xarray.DataArray, xarray.DataArray]:
    """Difference, and relative to the reference; of vectors the lengths."""
    own = [dim for dim in value.dims if dim not in axes]
    if not own:
        return value - reference, (value - reference) / reference
    size = (reference**2).sum(own, skipna=False) ** 0.5
    off = ((value - reference) ** 2).sum(own, skipna=False) ** 0.5
    return off, (off / size).where(size > 0.0)


def pumping_comparison_report(found: PumpingComparison) -> str:
    """Statistics and worst points, 80 columns wide."""
    lines = [f"{found.turning} turns"]
    within = f"within {100.0 * found.tolerance:g} %"
    for model in dict.fromkeys(model for model, _ in found.statistics):
        lines += [
            "",
            f"{MODELS[model].title} against Boltzmann, relative difference in %",
            f"{'':{_LABEL}}{'median':>8}{'68 % of points':>18}{'largest':>9}{within:>13}",
        ]
        worst: list[str] = []
        for name, title in _COMPARED.items():
            s = found.statistics[model, name]
            if not s.count:
                lines.append(f"  {title:<{_LABEL - 2}}{'-':>8}")
                continue
            low, high = map(percent_text, s.range68)
            lines.append(
                f"  {title:<{_LABEL - 2}}{percent_text(s.median):>8}{f'{low} to {high}':>18}"
                f"{percent_text(s.worst[0].value):>9}{100.0 * s.within:>11.1f} %"
            )
            extreme = s.worst[0]
            text = f"worst {title} {percent_text(extreme.value)} % at {describe_point(extreme.at)}"
            worst += fold(text, hang=2, indent=2)
        lines += ["", *worst]
    lines += [
        "",
        *fold(
            "Relative difference: (model - Boltzmann) / Boltzmann, of currents and torques the "
            "length of the difference over that of Boltzmann's."
        ),
    ]
    return "\n".join(lines)
