"""Sheet resistance by the other models of a sweep against that by the Boltzmann equation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torkivity.compare.differences import (
    Statistics,
    SweepComparison,
    statistics_of,
    statistics_record,
)
from torkivity.results.differences import REFERENCE
from torkivity.results.values import model_values

if TYPE_CHECKING:
    import xarray

__all__ = ["ResistanceComparison", "compare_resistances"]

_NAME = "sheet_resistance"


@dataclass(frozen=True, eq=False)
class ResistanceComparison:
    """Sheet resistances along E over the points of a sweep.

    Attributes
    ----------
    differences : xarray.Dataset
        Over the axes, ``<model>_<source>_sheet_resistance`` with ``_difference`` in Ohm and
        ``_relative_difference``; NaN where either has none.
    statistics : dict of str to Statistics
        By model. Both are empty for a sweep without resistances.
    """

    differences: xarray.Dataset
    statistics: dict[str, Statistics]

    def record(self) -> dict[str, Any]:
        """Statistics as JSON has them; nothing for a sweep without resistances."""
        found = {model: statistics_record(s) for model, s in self.statistics.items()}
        return {_NAME: found} if found else {}


def compare_resistances(
    dataset: xarray.Dataset, comparison: SweepComparison
) -> ResistanceComparison:
    """Compare sheet resistances for the models, source and tolerance of a comparison of torques.

    Parameters
    ----------
    dataset : xarray.Dataset
        What `torkivity.compare.differences.compare_sweep` compared.
    comparison : SweepComparison

    Returns
    -------
    ResistanceComparison
    """
    import xarray

    differences, statistics = xarray.Dataset(), {}
    if _NAME not in dataset:
        return ResistanceComparison(differences, {})
    longitudinal = dataset.sel(direction="longitudinal").drop_vars("direction")
    reference = model_values(longitudinal, _NAME, REFERENCE, comparison.source)
    for model in comparison.models:
        absolute = model_values(longitudinal, _NAME, model, comparison.source) - reference
        relative = absolute / reference
        name = f"{model}_{comparison.source}_{_NAME}"
        differences[f"{name}_difference"] = absolute.assign_attrs(
            units="Ohm", long_name="difference from the Boltzmann equation"
        )
        differences[f"{name}_relative_difference"] = relative.assign_attrs(
            units="1", long_name="relative difference from the Boltzmann equation"
        )
        # A resistance does not pass through zero.
        statistics[model] = statistics_of(
            relative, absolute, relative.isnull(), comparison.tolerance
        )
    return ResistanceComparison(differences, statistics)
