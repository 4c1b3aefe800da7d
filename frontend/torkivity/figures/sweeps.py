"""Figures of a sweep: lines against one axis, families of lines, maps over two axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from torkivity.catalogue import MODELS
from torkivity.figures.quantities import Component, Quantity
from torkivity.figures.style import (
    MODEL_COLOURS,
    MODEL_STYLES,
    WIDTH,
    Coordinate,
    legend_below,
    model_handle,
    new_figure,
    panel_titles,
    point_label,
    power_of_ten,
    unit_label,
)
from torkivity.results.selection import Selection, axis_name, choose_axes, select_points
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    import xarray

__all__ = [
    "NOISE",
    "Family",
    "absent_handle",
    "draw_lines",
    "draw_map",
    "families",
    "figure_title",
    "line_figure",
    "lines_legend",
    "map_figure",
    "map_palettes",
    "set_title",
    "sweep_figure",
    "value_label",
    "without_noise",
]


#: More lines than these cannot be told apart.
_MOST_LINES = 12
#: Relative differences beyond these, in percent, have the colour of the end of the scale.
_LARGEST_PERCENT = 100.0
#: Part of the largest value that is rounding noise.
NOISE = 1e-9

_GREY = "0.35"

# Large magnitudes are dark; the darkest parts would hide the contours.
_BOTH_SIGNS = ListedColormap(colormaps["RdBu_r"](np.linspace(0.1, 0.9, 256)))
_LIGHT = ListedColormap(colormaps["viridis_r"](np.linspace(0.0, 0.75, 256)))
_DARK = _LIGHT.reversed()


def map_palettes(count: int = 64) -> dict[str, list[str]]:
    """Colours of maps as ``#rrggbb``, from the lowest value to the highest.

    Parameters
    ----------
    count : int, optional
        Colours of each.

    Returns
    -------
    dict of str to list of str
        "both" for values of both signs, with zero in the middle, "positive" and "negative".
    """
    maps = {"both": _BOTH_SIGNS, "positive": _LIGHT, "negative": _DARK}
    return {
        name: [to_hex(colour) for colour in found(np.linspace(0.0, 1.0, count))]
        for name, found in maps.items()
    }


def sweep_figure(
    dataset: xarray.Dataset,
    x: str | None = None,
    y: str | None = None,
    by: str | None = None,
    *,
    at: Mapping[str, Any] | None = None,
    quantity: str | Quantity = "torque_total",
    title: str | None = None,
) -> Figure:
    """Draw a sweep: lines, a family of lines, or a map, as its axes suggest.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    x, y, by : str, optional
        Axes; what is not given is chosen as
        `torkivity.results.selection.choose_axes` says.
    at : mapping of str to value, optional
        Where other axes are held; by default at their first values.
    quantity : str or Quantity, optional
    title : str, optional
        By default the film and where axes are held.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the file does not have what is asked for.
    """
    x, y, by = choose_axes(dataset, x, y, by, at or ())
    if y is not None:
        return map_figure(dataset, x, y, at=at, quantity=quantity, title=title)
    return line_figure(dataset, x, by=by, at=at, quantity=quantity, title=title)


def line_figure(
    dataset: xarray.Dataset,
    x: str,
    *,
    by: str | None = None,
    at: Mapping[str, Any] | None = None,
    quantity: str | Quantity = "torque_total",
    title: str | None = None,
) -> Figure:
    """Lines against an axis of a sweep, one panel for each component, gaps at missing points.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    x : str
        Axis.
    by : str, optional
        Axis of which every value has a line, the larger the darker.
    at, quantity, title
        As in `sweep_figure`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the file does not have what is asked for, or `by` has more values than lines can be
        told apart.
    """
    chosen = select_points(dataset, [x, by] if by else [x], at)
    points = chosen.dataset
    components = without_noise(_as_quantity(quantity).of(points))
    names = [axis_name(points, name) for name in ([x, by] if by else [x])]
    lines = families(points, names[1] if by else None)
    figure, panels = _panels(len(components))
    for axes, component in zip(panels, components, strict=True):
        # What belongs to no model (a time, an error) need not show zero.
        zero = component.zero and "" not in component.values
        draw_lines(axes, component, Coordinate(points[names[0]]), lines, zero=zero)
    panel_titles(panels, [component.title for component in components])
    lines_legend(figure, components[0], lines)
    set_title(figure, chosen, title, list(components[0].values))
    return figure


def map_figure(
    dataset: xarray.Dataset,
    x: str,
    y: str,
    *,
    at: Mapping[str, Any] | None = None,
    quantity: str | Quantity = "torque_total",
    title: str | None = None,
) -> Figure:
    """Map over two axes of a sweep, one panel for each component, with labelled contours.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    x, y : str
        Axes.
    at, quantity, title
        As in `sweep_figure`. Of several models the first is drawn.

    Returns
    -------
    matplotlib.figure.Figure
        Colours have zero in the middle where both signs occur; points that are not there are
        hatched.

    Raises
    ------
    InputError
        If the file does not have what is asked for.
    """
    chosen = select_points(dataset, [x, y], at)
    components = without_noise(_as_quantity(quantity).of(chosen.dataset))
    x, y = axis_name(chosen.dataset, x), axis_name(chosen.dataset, y)
    columns, rows = Coordinate(chosen.dataset[x]), Coordinate(chosen.dataset[y])
    model = next(iter(components[0].values))
    figure, panels = _panels(len(components))
    absent = False
    for axes, component in zip(panels, components, strict=True):
        values = component.values[model].transpose(y, x).values
        exponent = power_of_ten(values)
        draw_map(
            axes,
            columns,
            rows,
            values / 10.0**exponent,
            label=value_label(component, exponent),
            percent=component.units == "%",
        )
        absent = absent or not np.isfinite(values).all()
    panel_titles(panels, [component.title for component in components])
    if absent:
        legend_below(figure, [absent_handle()])
    set_title(figure, chosen, title, [model])
    return figure


def draw_map(
    axes: Axes,
    columns: Coordinate,
    rows: Coordinate,
    values: FloatArray,
    *,
    label: str,
    percent: bool = False,
    bold: float | None = None,
) -> None:
    """Colour map with contours and a bar; what is not a number is hatched.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    columns, rows : Coordinate
    values : ndarray, shape (n_rows, n_columns)
    label : str
        Of the bar.
    percent : bool, optional
        Relative differences: zero lies in the middle in any case, and values beyond 100 have the
        colours of the ends.
    bold : float, optional
        Magnitude that has a thick contour.
    """
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (-1.0, 1.0)
    largest = max(-low, high) or 1.0
    if percent or (low < -NOISE * largest and high > NOISE * largest):
        end = min(largest, _LARGEST_PERCENT) if percent else largest
        colours, bounds = _BOTH_SIGNS, (-end, end)
    else:
        colours, bounds = (_DARK if low < 0.0 else _LIGHT), (low, high)
    axes.patch.set(hatch="/////", edgecolor="0.6", facecolor="white")
    mesh = axes.pcolormesh(
        columns.positions,
        rows.positions,
        values,
        shading="nearest",
        cmap=colours,
        vmin=bounds[0],
        vmax=bounds[1],
        rasterized=True,
    )
    inside = max(low, bounds[0]), min(high, bounds[1])
    levels = np.asarray(MaxNLocator(nbins=8).tick_values(*inside))
    levels = levels[(levels > low) & (levels < high) & (abs(levels) != (bold or np.inf))]
    if min(values.shape) > 1 and levels.size:
        lines = axes.contour(
            columns.positions, rows.positions, values, levels=levels, colors="black", linewidths=0.6
        )
        _label_contours(axes, lines)
    size = abs(finite)
    if bold is not None and min(values.shape) > 1 and size.size and size.min() < bold < size.max():
        axes.contour(
            columns.positions,
            rows.positions,
            abs(values),
            levels=[bold],
            colors="black",
            linewidths=2.0,
        )
    columns.apply(axes.xaxis)
    rows.apply(axes.yaxis)
    ends = {(False, False): "neither", (True, False): "min", (False, True): "max"}
    extend = ends.get((low < bounds[0], high > bounds[1]), "both")
    assert axes.figure is not None
    bar = axes.figure.colorbar(mesh, ax=axes, extend=extend)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _label_contours(axes: Axes, lines: ContourSet) -> None:
    """Labels where there is room: of those that would lie over one another only the first."""
    style: dict[str, Any] = {"fontsize": 6.5, "fmt": _with_minus}
    kept: list[tuple[float, float]] = []
    boxes: list[Bbox] = []
    tried = list(axes.clabel(lines, inline=False, **style))
    for text in tried:
        # Colour bars and titles, which come later, leave less room than there is now.
        box = text.get_window_extent().expanded(1.5, 1.5)
        if not any(box.overlaps(other) for other in boxes):
            boxes.append(box)
            kept.append(text.get_position())
    for text in tried:
        text.remove()
    if kept:
        axes.clabel(lines, manual=kept, **style)


def _with_minus(level: float) -> str:
    """Contour label; a hyphen would be lost in a dashed line."""
    return f"{level:g}".replace("-", "\N{MINUS SIGN}")


def absent_handle() -> Patch:
    """Legend of the hatched parts of maps."""
    return Patch(hatch="/////", edgecolor="0.6", facecolor="white", label="no value")


def figure_title(dataset: xarray.Dataset, held: Mapping[str, Any], models: list[str]) -> str:
    """Film, model and where axes are held, as far as they are known."""
    film = str(dataset.attrs.get("film", ""))
    model = [MODELS[models[0]].title] if len(models) == 1 and models[0] else []
    where = [point_label(held, dataset)] if held else []
    return "; ".join([film, *model, *where]).removeprefix("; ")


def set_title(figure: Figure, chosen: Selection, title: str | None, models: list[str]) -> None:
    """Title that was given, or one that says what is drawn."""
    text = figure_title(chosen.dataset, chosen.held, models) if title is None else title
    if text:
        figure.suptitle(text, fontsize=9.5)


def _as_quantity(quantity: str | Quantity) -> Quantity:
    return quantity if isinstance(quantity, Quantity) else Quantity(quantity)


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """One panel, or two side by side; more are stacked."""
    if count < 3:
        return new_figure(1, count, 3.1, width=WIDTH if count == 2 else 0.6 * WIDTH)
    return new_figure(count, 1, 0.6 + 2.1 * count, width=0.6 * WIDTH)


def without_noise(components: list[Component]) -> list[Component]:
    """Components with zeros for those that are rounding noise beside the largest one."""

    def size(component: Component) -> float:
        return max(float(abs(array).max().fillna(0.0)) for array in component.values.values())

    largest = max(map(size, components))
    return [
        component
        if size(component) > NOISE * largest
        else replace(component, values={m: 0.0 * a for m, a in component.values.items()})
        for component in components
    ]


@dataclass(frozen=True)
class Family:
    """One of the lines of each model.

    Attributes
    ----------
    index : dict of str to int
        Position along the axis that the lines differ in; empty for a single line.
    label : str
    colour : str or None
        None for that of the model.
    """

    index: dict[str, int]
    label: str = ""
    colour: str | None = None


def families(points: xarray.Dataset, by: str | None) -> list[Family]:
    """Lines of a figure, the larger the value the darker.

    Raises
    ------
    InputError
        If there are more than can be told apart.
    """
    if by is None:
        return [Family({})]
    values = points[by].values
    if len(values) > _MOST_LINES:
        raise InputError(
            "by",
            by,
            f"has {len(values)} values, more than the {_MOST_LINES} lines that can be told apart",
        )
    shades = colormaps["viridis_r"](np.linspace(0.15, 1.0, len(values)))
    return [
        Family({by: i}, point_label({by: value}, points), to_hex(shade))
        for i, (value, shade) in enumerate(zip(values, shades, strict=True))
    ]


def draw_lines(
    axes: Axes, component: Component, along: Coordinate, lines: list[Family], zero: bool = True
) -> None:
    """Lines of all models in one panel, with labels.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    component : Component
    along : Coordinate
    lines : list of Family
    zero : bool, optional
        Mark zero, and keep it in sight.
    """
    if zero:
        axes.axhline(0.0, color="0.6", linewidth=0.6, zorder=0)
    exponent = power_of_ten(*(array.values for array in component.values.values()))
    for model, array in component.values.items():
        for line in lines:
            values = array.isel(line.index)
            if values.dims != (along.name,):
                raise InputError(
                    "quantity", str(array.name), f"does not vary along {along.name} alone"
                )
            _draw(axes, along.positions, values.values / 10.0**exponent, model, line.colour)
    along.apply(axes.xaxis)
    axes.set_ylabel(value_label(component, exponent))
    axes.margins(x=0.03, y=0.08)


def lines_legend(figure: Figure, component: Component, lines: list[Family]) -> None:
    """Legend of lines and models below the panels, where there is anything to tell apart."""
    handles = [
        Line2D([], [], color=line.colour, linewidth=1.6, label=line.label)
        for line in lines
        if line.label
    ]
    models = [model for model in component.values if model]
    if len(models) > 1 or handles:
        handles += [model_handle(model, _GREY if lines[0].label else None) for model in models]
    if handles:
        legend_below(figure, handles, columns=2 if figure.get_figwidth() < WIDTH else 4)


def _draw(axes: Axes, x: FloatArray, y: FloatArray, model: str, colour: str | None) -> None:
    name = model or "boltzmann"
    style = MODEL_STYLES[name] | {"color": colour or MODEL_COLOURS[name]}
    if style["linestyle"] == "none":
        style |= {"markevery": -(-len(x) // 25), "zorder": 3}
    else:
        # A point between two gaps has no line to lie on.
        there = np.concatenate([[False], np.isfinite(y), [False]])
        alone = np.flatnonzero(there[1:-1] & ~there[:-2] & ~there[2:])
        style |= {"marker": ".", "markersize": 4.0, "markevery": alone.tolist()}
    axes.plot(x, y, **style)


def value_label(component: Component, exponent: int) -> str:
    """Quantity with its unit, for an axis."""
    per = f" {component.per}" if component.per else ""
    text, unit = component.quantity + per, unit_label(component.units, exponent)
    return f"{text} {unit}" if component.units == "%" else f"{text}\n{unit}".rstrip()
