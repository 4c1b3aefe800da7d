"""Torques against heavy-metal thickness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from torkivity.catalogue import MODELS, SINGLE_SOURCES
from torkivity.figures.style import (
    MODEL_STYLES,
    PER_FIELD,
    legend_below,
    new_figure,
    panel_titles,
)
from torkivity.study.film import ThicknessCurves
from torkivity_engine.errors import InputError
from torkivity_engine.record import TORQUE_PARTS

if TYPE_CHECKING:
    import xarray

__all__ = ["thickness_curves", "thickness_figure"]

_SOURCES = {"rashba": ("Rashba", "#14305c"), "spin_hall": ("spin Hall", "#d9822b")}
_MODELS = {
    "boltzmann": "Boltzmann",
    "drift_diffusion": "drift-diffusion",
    "boundary_layer": "boundary-layer formula",
}
_PARTS = {"total": "", "interface": "interface ", "ferromagnet": "bulk ", "lattice": "lattice "}


def thickness_curves(dataset: xarray.Dataset) -> ThicknessCurves:
    """Curves in the file of a single film.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.

    Returns
    -------
    ThicknessCurves

    Raises
    ------
    InputError
        If there are none in it.
    """
    values: dict[str, dict[str, NDArray[np.float64]]] = {}
    for prefix in MODELS:
        for part in TORQUE_PARTS:
            for kind in ("", "_damping_like", "_field_like"):
                name = f"torque_{part}{kind}"
                if f"curve_{prefix}_{name}" in dataset:
                    column = dataset[f"curve_{prefix}_{name}"].values
                    values.setdefault(prefix, {})[name] = column
    if not values:
        raise InputError(
            "file",
            str(dataset.encoding.get("source", "dataset")),
            "is neither a sweep nor the result of 'torkivity run' with curves against thickness",
        )
    return ThicknessCurves(dataset["heavy_metal_thickness"].values, values)


def thickness_figure(
    curves: ThicknessCurves | xarray.Dataset, title: str = "", *, part: str = "total"
) -> Figure:
    """Damping-like and field-like torque against heavy-metal thickness, all models.

    Parameters
    ----------
    curves : ThicknessCurves or xarray.Dataset
        Computed curves, or the file of a single film as `torkivity.open_results` gives it.
    title : str, optional
        Line above the panels.
    part : {"total", "interface", "ferromagnet", "lattice"}, optional
        Which torque.

    Returns
    -------
    matplotlib.figure.Figure
        7 inches wide, for two columns of a journal.

    Raises
    ------
    InputError
        If damping-like and field-like directions do not exist, or a Dataset has no curves.
    """
    if not isinstance(curves, ThicknessCurves):
        curves = thickness_curves(curves)
    if part not in _PARTS:
        raise InputError("part", part, f"must be one of {', '.join(_PARTS)}")
    kinds = {"damping_like": "damping-like", "field_like": "field-like"}
    prefixes = {
        f"{model}_{source}": (model, source)
        for source in SINGLE_SOURCES
        for model in _MODELS
        if f"{model}_{source}" in curves.values
    }
    shown: dict[str, dict[str, NDArray[np.float64]]] = {
        kind: {prefix: curves.values[prefix][f"torque_{part}_{kind}"] * 1e-4 for prefix in prefixes}
        for kind in kinds
    }
    if np.isnan(shown["damping_like"]["boltzmann_rashba"]).any():
        raise InputError(
            "figure",
            "damping-like and field-like torque",
            "these do not exist for m parallel to z x E, where all torques vanish by symmetry",
        )
    figure, panels = new_figure(1, 2, 3.5)
    panel_titles(panels, ["", ""])
    for (kind, name), axes in zip(kinds.items(), panels, strict=True):
        axes.axhline(0.0, color="0.6", linewidth=0.6, zorder=0)
        for prefix, (model, source) in prefixes.items():
            source_name, colour = _SOURCES[source]
            axes.plot(
                curves.thickness,
                shown[kind][prefix],
                color=colour,
                label=f"{_MODELS[model]}, {source_name}",
                **MODEL_STYLES[model],
            )
        axes.set_xlabel("heavy-metal thickness (nm)")
        axes.set_ylabel(
            f"{name} {_PARTS[part]}torque {PER_FIELD}\n"
            r"($10^{4}\,\Omega^{-1}\,\mathrm{m}^{-1}$)"
        )
        axes.set_xlim(0.0, float(curves.thickness[-1]) * 1.03)
        axes.margins(y=0.08)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    legend_below(figure, panels[0].get_legend_handles_labels()[0])
    if title:
        figure.suptitle(title, fontsize=9.5)
    return figure
