"""Where the models beside Boltzmann hold, over one or two axes of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from torkivity.catalogue import MODELS
from torkivity.figures.quantities import DIFFERENCE, Component, Quantity
from torkivity.figures.style import Coordinate, axis_symbol, legend_below, new_figure, panel_titles
from torkivity.figures.sweeps import (
    Family,
    absent_handle,
    draw_lines,
    draw_map,
    lines_legend,
    set_title,
    value_label,
)
from torkivity.results.selection import axis_name, choose_axes, select_points, varying_axes

if TYPE_CHECKING:
    import xarray

__all__ = ["difference_figure"]

#: Percent beyond which lines may leave the panel.
_LARGEST_PERCENT = 200.0


def difference_figure(
    dataset: xarray.Dataset,
    x: str | None = None,
    y: str | None = None,
    *,
    at: Mapping[str, Any] | None = None,
    tolerance: float = 0.1,
    models: Sequence[str] = (),
    source: str | None = None,
    place: str | None = None,
    title: str | None = None,
) -> Figure:
    """Relative difference of the total torque from the Boltzmann equation.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    x, y : str, optional
        Axes; by default the longest. With a single one, lines instead of maps.
    at : mapping of str to value, optional
        Where to hold other axes. Of those that are neither drawn nor held, the point with the
        largest difference is shown.
    tolerance : float, optional
        Marked: a band behind lines, a thick contour in maps.
    models : sequence of str, optional
        By default all in the file.
    source : str, optional
        By default the first of the file.
    place : str, optional
        Interface; by default the first that belongs to a magnet.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
        In percent, one panel for each component, in maps for each model too. Definition:
        `torkivity.compare.differences`.

    Raises
    ------
    InputError
        If the file does not have what is asked for.
    """
    held = dict(at or {})
    x, y, by = choose_axes(dataset, x, y, None, held)
    y = y or by
    at_one = {axis_name(dataset, name) for name in held}
    keep = [name for name in varying_axes(dataset) if name not in at_one]
    chosen = select_points(dataset, keep, held)
    quantity = Quantity(DIFFERENCE, models=models, source=source, place=place)
    drawn = [x, y] if y else [x]
    components = [_worst(component, drawn) for component in quantity.of(chosen.dataset)]
    along = Coordinate(chosen.dataset[x])
    percent = 100.0 * tolerance
    if y is None:
        figure, panels = new_figure(1, len(components), 3.3)
        for axes, component in zip(panels, components, strict=True):
            axes.axhspan(-percent, percent, color="0.9", zorder=-1, linewidth=0.0)
            draw_lines(axes, component, along, [Family({})])
            axes.set_ylim(*np.clip(axes.get_ylim(), -_LARGEST_PERCENT, _LARGEST_PERCENT))
        panel_titles(panels, [component.title for component in components])
        lines_legend(figure, components[0], [Family({})])
    else:
        figure = _maps(chosen.dataset, components, along, Coordinate(chosen.dataset[y]), percent)
    set_title(figure, chosen, title, list(components[0].values))
    others = [name for name in keep if name not in (x, y)]
    if others and title is None:
        worst = f"worst over {', '.join(axis_symbol(o, chosen.dataset) for o in others)}"
        figure.suptitle("; ".join(filter(None, [figure.get_suptitle(), worst])), fontsize=9.5)
    return figure


def _worst(component: Component, keep: list[str]) -> Component:
    """Signed value that is largest without its sign, over the axes that are not kept."""
    values = {}
    for model, array in component.values.items():
        others = [dim for dim in array.dims if dim not in keep]
        if others:
            flat = array.stack(worst=others)
            flat = flat.isel(worst=abs(flat).fillna(-1.0).argmax("worst"))
            array = flat.drop_vars(["worst", *map(str, others)], errors="ignore")
        values[model] = array
    return Component(component.title, component.quantity, component.units, values)


def _maps(
    points: xarray.Dataset,
    components: list[Component],
    columns: Coordinate,
    rows: Coordinate,
    percent: float,
) -> Figure:
    models = list(components[0].values)
    figure, panels = new_figure(len(models), len(components), 0.6 + 2.6 * len(models))
    cells = [(model, component) for model in models for component in components]
    absent = border = False
    for axes, (model, component) in zip(panels, cells, strict=True):
        values = component.values[model].transpose(rows.name, columns.name).values
        label = f"{MODELS[model].title}\n{value_label(component, 0)}"
        draw_map(axes, columns, rows, values, label=label, percent=True, bold=percent)
        absent = absent or not np.isfinite(values).all()
        border = border or bool(np.nanmin(abs(values)) < percent < np.nanmax(abs(values)))
    panel_titles(panels, [component.title for _, component in cells])
    handles: list[Artist] = [absent_handle()] if absent else []
    if border:
        handles.insert(
            0, Line2D([], [], color="black", linewidth=2.0, label=f"off by {percent:g} %")
        )
    if handles:
        legend_below(figure, handles)
    return figure
