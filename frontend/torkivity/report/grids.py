"""Plots over the axes of a study, with sliders; large studies are thinned by one rule.

Of an axis with n values that cannot all be in the page, m are, spread evenly by index from the
first to the last one. The axis with the most values loses a fifth of them, again and again,
until the numbers fit; an axis that is left with less than three is held at its first value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from torkivity.catalogue import MODELS, SOURCES
from torkivity.figures.quantities import DIFFERENCE, TITLES, Component, Quantity
from torkivity.figures.style import PER_FIELD, Coordinate, point_label, power_of_ten
from torkivity.figures.sweeps import value_label, without_noise
from torkivity.figures.thickness import ThicknessCurves, curves_of_dataset
from torkivity.report.charts import Axis, GridChart, Panel, View
from torkivity.report.words import plain
from torkivity.results.selection import choose_axes, sweep_axes, varying_axes
from torkivity.results.values import driving_dimension, known_models
from torkivity_engine.errors import InputError
from torkivity_engine.record import COMPONENTS, VARIABLES

if TYPE_CHECKING:
    import xarray

__all__ = ["NUMBERS", "sweep_chart", "thickness_chart", "thinned"]

#: Numbers that a page has room for: 1.6 MB as text, beside 1.3 MB of scripts.
NUMBERS = 300_000
#: Values of an axis, which also have names.
_LONGEST = 2_000

_PARTS = ("torque_total", "torque_interface", "torque_ferromagnet")
_MAGNET = "magnet_torque_total"

#: Of files of what magnets pump: for each that turns, and for each that feels it.
_PUMPED = ("effective_mixing_conductance", "pumped_sheet_current")
_PUMPED_TORQUE = "pumped_torque_exchange"


def thinned(dataset: xarray.Dataset, most: int) -> tuple[xarray.Dataset, list[str]]:
    """A study with at most so many points, as the module says.

    Parameters
    ----------
    dataset : xarray.Dataset
        A sweep as `torkivity.open_results` gives it.
    most : int
        Points, models and sources apart.

    Returns
    -------
    dataset : xarray.Dataset
    notes : list of str
        What is left of each axis that lost values.
    """
    return _thinned(dataset, sweep_axes(dataset), most)


def _thinned(
    dataset: xarray.Dataset, axes: Sequence[str], most: int
) -> tuple[xarray.Dataset, list[str]]:
    sizes = {name: dataset.sizes[name] for name in axes}
    kept = {name: min(size, _LONGEST) for name, size in sizes.items()}
    while math.prod(kept.values()) > max(most, 1):
        longest = max(kept, key=lambda name: kept[name])
        left = 4 * kept[longest] // 5
        kept[longest] = left if left > 2 else 1
    notes = [
        f"{name}: {kept[name]} of {size} values"
        for name, size in sizes.items()
        if kept[name] < size
    ]
    where = {
        name: np.linspace(0, size - 1, kept[name]).round().astype(int)
        for name, size in sizes.items()
        if kept[name] < size
    }
    return dataset.isel(where), notes


def sweep_chart(
    dataset: xarray.Dataset, key: str, most: int = NUMBERS
) -> tuple[GridChart | None, list[str]]:
    """Torques over the axes of a sweep.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    key : str
        Of the chart in the page.
    most : int, optional
        Numbers.

    Returns
    -------
    chart : GridChart or None
        None if nothing varies.
    notes : list of str
        As of `thinned`.
    """
    if not varying_axes(dataset):
        return None, []
    wanted = list(_wanted(dataset))
    first = {name: 0 for name in sweep_axes(dataset)}
    probe = dataset.isel({name: [0] for name in first})
    each = sum(len(c.values) for _, quantity in wanted for c in quantity.of(probe)) or 1
    small, notes = thinned(dataset, most // each)
    small = small.sortby([n for n in sweep_axes(small) if small[n].dtype.kind == "f"])
    names = sweep_axes(small)
    views = [_view(title, without_noise(quantity.of(small)), names) for title, quantity in wanted]
    along = names.index(choose_axes(small)[0]) if varying_axes(small) else 0
    axes = [_axis(small, name) for name in names]
    pumped = driving_dimension(dataset) == "turning"
    what = "What magnets pump" if pumped else "Torques"
    words = f"{what} of {_film(dataset)} over {', '.join(axis.label for axis in axes)}."
    return GridChart.of(key, words, axes, along, views), notes


def thickness_chart(
    dataset: xarray.Dataset, key: str, most: int = NUMBERS
) -> tuple[GridChart | None, list[str]]:
    """Total torques of a single film against the thickness of a layer.

    Parameters, results
        As of `sweep_chart`; None too if the file has no such curves.
    """
    name = "curve_torque_total"
    if name not in dataset:
        return None, []
    along = str(dataset[name].dims[0])
    each = dataset[name].size // dataset.sizes[along]
    small, notes = _thinned(dataset, [along], most // each)
    found = {place: curves_of_dataset(small, place) for place in _places(small)}
    views = [
        _curve_view(curves, source, _place_title(small, place))
        for place, curves in found.items()
        for source in dict.fromkeys(source for _, source in curves.values)
    ]
    if not any(
        np.isfinite(line).any()
        for view in views
        for panel in view.panels
        for line in panel.lines.values()
    ):
        return None, []  # m is parallel to z x E
    curves = next(iter(found.values()))
    label = plain(f"{curves.layer} thickness")
    texts = [f"{label} = {t:g} nm" for t in curves.thickness]
    axis = Axis(f"{label} (nm)", curves.thickness.tolist(), texts)
    words = f"Total torque of {_film(dataset)} against the thickness of {curves.layer}."
    return GridChart.of(key, words, [axis], 0, views), notes


def _curve_view(curves: ThicknessCurves, source: str, place: str) -> View:
    """Torques by one source at one interface."""
    import xarray

    models = [model for model in MODELS if (model, source) in curves.values]
    components = [
        Component(
            component.replace("_", "-"),
            TITLES["torque_total"],
            VARIABLES["torque_total"].units,
            {
                model: xarray.DataArray(
                    curves.values[model, source][f"torque_total_{component}"], dims=("t",)
                )
                for model in models
            },
            per=PER_FIELD,
        )
        for component in COMPONENTS
    ]
    return _view(", ".join(filter(None, [place, SOURCES[source]])), components, ["t"])


def _film(dataset: xarray.Dataset) -> str:
    return str(dataset.attrs.get("film", "the film"))


def _places(dataset: xarray.Dataset) -> list[str | None]:
    return [str(name) for name in dataset["interface"].values] if "interface" in dataset else [None]


def _place_title(dataset: xarray.Dataset, place: str | None) -> str:
    return place or "" if len(_places(dataset)) > 1 else ""


def _wanted(dataset: xarray.Dataset) -> Iterator[tuple[str, Quantity]]:
    """Quantities that can be chosen, with their titles."""
    if not known_models(dataset):
        for name in dataset.data_vars:
            variable = dataset[name]
            if variable.dtype.kind == "f" and set(variable.dims) == set(sweep_axes(dataset)):
                yield str(name), Quantity(str(name))
        return
    if driving_dimension(dataset) == "turning":
        yield from _pumped(dataset)
        return
    sources = [name for name in SOURCES if name in dataset["source"].values]
    compared = len(known_models(dataset)) > 1 and known_models(dataset)[0] == "boltzmann"
    names = [*_PARTS, *([DIFFERENCE] if compared else [])]
    several = len(_places(dataset)) > 1
    for source in sources:
        words = SOURCES[source] if len(sources) > 1 else ""
        for magnet in [str(x) for x in dataset["magnet"].values] if several else []:
            title = ", ".join(filter(None, [f"{TITLES[_MAGNET]} {magnet}", words]))
            yield title, Quantity(_MAGNET, source=source, place=magnet)
        for place in _places(dataset):
            for name in names:
                title = TITLES.get(name, "total torque, difference from Boltzmann")
                parts = [title, _place_title(dataset, place), words]
                yield ", ".join(filter(None, parts)), Quantity(name, source=source, place=place)


def _pumped(dataset: xarray.Dataset) -> Iterator[tuple[str, Quantity]]:
    """Quantities of a file of what magnets pump."""
    for turning in map(str, dataset["turning"].values):
        for name in _PUMPED:
            yield f"{TITLES[name]}, {turning} turns", Quantity(name, source=turning)
        for magnet in map(str, dataset["magnet"].values):
            title = f"{TITLES[_PUMPED_TORQUE]} {magnet}, {turning} turns"
            yield title, Quantity(_PUMPED_TORQUE, source=turning, place=magnet)


def _view(title: str, components: Sequence[Component], names: Sequence[str]) -> View:
    panels = []
    for component in components:
        arrays = {
            model: np.asarray(array.transpose(*names).values, dtype=np.float64)
            for model, array in component.values.items()
        }
        exponent = power_of_ten(*arrays.values())
        lines = {model: array / 10.0**exponent for model, array in arrays.items()}
        label = plain(value_label(component, exponent).replace("\n", " "))
        panels.append(Panel(plain(component.title or component.quantity), label, lines))
    return View(plain(title), panels)


def _axis(dataset: xarray.Dataset, name: str) -> Axis:
    values = dataset[name]
    texts = [plain(point_label({name: value}, dataset)) for value in values.values]
    try:
        found = Coordinate(values)
    except InputError:  # infinite: names then, in their order
        names = [text.partition("= ")[2] for text in texts]
        return Axis(plain(name), list(map(float, range(len(names)))), texts, names)
    shown = None if found.names is None else [plain(name) for name in found.names]
    return Axis(plain(found.label), found.positions.tolist(), texts, shown, found.logarithmic)
