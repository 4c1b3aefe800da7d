"""Torques against the thickness of a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from torkivity.catalogue import MODELS, SINGLE_SOURCES
from torkivity.figures.style import (
    MODEL_STYLES,
    PER_FIELD,
    legend_below,
    new_figure,
    panel_titles,
    power_of_ten,
    unit_label,
)
from torkivity.study.evaluate import Evaluated
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    import xarray

__all__ = ["ThicknessCurves", "curves_of_dataset", "curves_of_study", "thickness_figure"]

_SOURCES = {"rashba": ("Rashba", "#14305c"), "spin_hall": ("spin Hall", "#d9822b")}
_PARTS = {"total": "", "interface": "interface ", "ferromagnet": "bulk ", "lattice": "lattice "}
_KINDS = {"damping_like": "damping-like", "field_like": "field-like"}
_CURVE = "curve_"


@dataclass(frozen=True, eq=False)
class ThicknessCurves:
    """Torques at one interface against a thickness.

    Attributes
    ----------
    layer : str
        Whose thickness.
    thickness : ndarray, shape (n,)
        nm.
    values : dict of (str, str) to dict of str to ndarray
        By model and source, then by name, like ``torque_total_damping_like``.
    """

    layer: str
    thickness: FloatArray
    values: dict[tuple[str, str], dict[str, FloatArray]]


def _names() -> list[str]:
    return [f"torque_{part}_{kind}" for part in _PARTS for kind in _KINDS]


def curves_of_study(curve: Evaluated, interface: int = 0) -> ThicknessCurves:
    """Curves that were just computed.

    Parameters
    ----------
    curve : Evaluated
        Of `torkivity.study.run.FilmStudy`.
    interface : int, optional
    """
    along, models, sources = curve.plan.spec.grid.dimensions
    return ThicknessCurves(
        layer=along.name.rpartition(".")[0],
        thickness=np.array(along.axis.values, dtype=np.float64),
        values={
            (str(model), str(source)): {
                name: curve.values(name)[:, i, j, interface] for name in _names()
            }
            for i, model in enumerate(models.axis.values)
            for j, source in enumerate(sources.axis.values)
        },
    )


def curves_of_dataset(dataset: xarray.Dataset, interface: str | None = None) -> ThicknessCurves:
    """Curves in the file of a single film.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    interface : str, optional
        By default the first that belongs to a magnet.

    Returns
    -------
    ThicknessCurves

    Raises
    ------
    InputError
        If there are none in it.
    """
    from torkivity.results.values import choose_place

    name = f"{_CURVE}torque_total"
    if name not in dataset:
        raise InputError(
            "file",
            str(dataset.encoding.get("source", "dataset")),
            "is neither a sweep nor the result of 'torkivity run' with curves against thickness",
        )
    place = choose_place(dataset, "interface", interface)
    along = str(dataset[name].dims[0])
    source = f"{_CURVE}source"
    return ThicknessCurves(
        layer=along.removeprefix(_CURVE).rpartition(".")[0],
        thickness=dataset[along].values,
        values={
            (str(m), str(s)): {
                name: dataset[f"{_CURVE}{name}"]
                .sel({"interface": place, "model": m, source: s})
                .values
                for name in _names()
            }
            for m in dataset["model"].values
            for s in dataset[source].values
        },
    )


def thickness_figure(
    curves: ThicknessCurves | xarray.Dataset,
    title: str = "",
    *,
    part: str = "total",
    interface: str | None = None,
) -> Figure:
    """Damping-like and field-like torque against the thickness of a layer, all models.

    Parameters
    ----------
    curves : ThicknessCurves or xarray.Dataset
        Computed curves, or the file of a single film as `torkivity.open_results` gives it.
    title : str, optional
        Line above the panels.
    part : {"total", "interface", "ferromagnet", "lattice"}, optional
        Which torque.
    interface : str, optional
        Of a Dataset; by default the first that belongs to a magnet.

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
        curves = curves_of_dataset(curves, interface)
    if part not in _PARTS:
        raise InputError("part", part, f"must be one of {', '.join(_PARTS)}")
    drawn = [
        (model, source)
        for source in SINGLE_SOURCES
        for model in MODELS
        if (model, source) in curves.values
    ]

    def torque(key: tuple[str, str], kind: str) -> FloatArray:
        return np.asarray(curves.values[key][f"torque_{part}_{kind}"])

    if all(np.isnan(torque(key, "damping_like")).all() for key in drawn):
        raise InputError(
            "figure",
            "damping-like and field-like torque",
            "these do not exist for m parallel to z x E",
        )
    figure, panels = new_figure(1, 2, 3.5)
    panel_titles(panels, ["", ""])
    for (kind, name), axes in zip(_KINDS.items(), panels, strict=True):
        axes.axhline(0.0, color="0.6", linewidth=0.6, zorder=0)
        exponent = power_of_ten(*(torque(key, kind) for key in drawn))
        for model, source in drawn:
            source_name, colour = _SOURCES[source]
            axes.plot(
                curves.thickness,
                torque((model, source), kind) / 10.0**exponent,
                color=colour,
                label=f"{MODELS[model].title.removesuffix(' drift-diffusion')}, {source_name}",
                **MODEL_STYLES[model],
            )
        axes.set_xlabel(f"{curves.layer} thickness (nm)")
        axes.set_ylabel(
            f"{name} {_PARTS[part]}torque {PER_FIELD}\n{unit_label('1/(Ohm m)', exponent)}"
        )
        axes.set_xlim(0.0, float(curves.thickness[-1]) * 1.03)
        axes.margins(y=0.08)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    legend_below(figure, panels[0].get_legend_handles_labels()[0])
    if title:
        figure.suptitle(title, fontsize=9.5)
    return figure
