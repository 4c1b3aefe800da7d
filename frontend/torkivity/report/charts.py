"""Interactive plots of a report: Bokeh figures, and what the page's script fills them from.

Lines have a name, by which the switches beside a plot find them, and two colours, one for light
and one for dark pages.
"""

from __future__ import annotations

import base64
import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from torkivity.catalogue import MODELS
from torkivity.figures.style import MODEL_COLOURS, MODEL_STYLES
from torkivity.figures.sweeps import map_palettes
from torkivity_engine.arrays import FloatArray

__all__ = ["Axis", "Chart", "Entry", "GridChart", "Panel", "View", "bokeh", "model_entry"]

_DASHES = {"-": "solid", "--": "dashed", "-.": "dashdot", ":": "dotted", "none": "none"}
_MARKERS = {"o": "circle", "s": "square", "^": "triangle", "v": "inverted_triangle",
            "D": "diamond", "x": "x"}  # fmt: skip


def bokeh(module: str) -> Any:
    """A module of Bokeh.

    Raises
    ------
    ModuleNotFoundError
        That says what to install.
    """
    try:
        return import_module(f"bokeh.{module}")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"reports need {error.name}: pip install 'torkivity[report]'", name=error.name
        ) from None


def on_dark(colour: str) -> str:
    """The colour of the same hue that is seen on a dark page."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    found = colorsys.hls_to_rgb(hue, max(light, 0.68), saturation)
    return "#" + "".join(f"{round(255.0 * x):02x}" for x in found)


@dataclass(frozen=True)
class Entry:
    """A line of a plot and its switch.

    Attributes
    ----------
    name : str
        Of the line in the plot.
    title : str
        Of the switch.
    colour : str
        ``#rrggbb``, on light.
    dash : str
        Of Bokeh; "none" for markers alone.
    marker : str
        Of Bokeh; empty for none.
    """

    name: str
    title: str
    colour: str
    dash: str = "solid"
    marker: str = ""

    @classmethod
    def of_matplotlib(
        cls, name: str, title: str, colour: str, line: Any = "-", marker: str = ""
    ) -> Entry:
        """As a figure of Matplotlib has it."""
        dash = _DASHES.get(line, "dotdash") if isinstance(line, str) else "dotdash"
        return cls(name, title, colour, dash, _MARKERS.get(marker, ""))


def model_entry(model: str) -> Entry:
    """Line of a model in the look that it has in all figures; a plain one for no model."""
    name = model or "boltzmann"
    style = MODEL_STYLES[name]
    title = MODELS[model].title if model else ""
    return Entry.of_matplotlib(
        *(model, title, MODEL_COLOURS[name]), style["linestyle"], style.get("marker", "")
    )


@dataclass(frozen=True, eq=False)
class Chart:
    """Plots that belong together.

    Attributes
    ----------
    key : str
        Unique in the page; letters and digits.
    words : str
        What is seen, for those who do not see it.
    figures : list of bokeh.plotting.figure
    entries : tuple of Entry
    """

    key: str
    words: str
    figures: list[Any]
    entries: tuple[Entry, ...] = ()

    def payload(self) -> dict[str, Any] | None:
        """What the page's script fills the figures from; None if they are full."""
        return None


@dataclass(frozen=True)
class Axis:
    """An axis of a study that a plot can be drawn against, or held by a slider.

    Attributes
    ----------
    label : str
        With the unit.
    positions : list of float
    texts : list of str
        Each value with its name and unit.
    names : list of str or None
        Of what is no number.
    logarithmic : bool
        Whether it is drawn over powers.
    """

    label: str
    positions: list[float]
    texts: list[str]
    names: list[str] | None = None
    logarithmic: bool = False


@dataclass(frozen=True, eq=False)
class Panel:
    """One of the plots of a view: a component, by model over all axes."""

    title: str
    label: str
    lines: dict[str, FloatArray]


@dataclass(frozen=True, eq=False)
class View:
    """A quantity that can be chosen."""

    title: str
    panels: list[Panel]


@dataclass(frozen=True, eq=False)
class GridChart(Chart):
    """Plots over a grid: what, against which axis, and where the others stand, is chosen.

    Attributes
    ----------
    axes : list of Axis
    along : int
        The axis that is drawn against at first.
    views : list of View
    """

    axes: list[Axis] = field(default_factory=list)
    along: int = 0
    views: list[View] = field(default_factory=list)

    @classmethod
    def of(cls, key: str, words: str, axes: list[Axis], along: int, views: list[View]) -> GridChart:
        """Chart with as many empty figures as a view has panels at most."""
        models = list(dict.fromkeys(m for v in views for p in v.panels for m in p.lines))
        entries = tuple(model_entry(model) for model in models)
        figures = [
            _grid_figure(key, i, entries, mapped=sum(len(a.positions) > 1 for a in axes) > 1)
            for i in range(max(len(view.panels) for view in views))
        ]
        return cls(key, words, figures, entries, axes, along, views)

    @property
    def mapped(self) -> bool:
        """Whether there are two axes for a map."""
        return sum(len(axis.positions) > 1 for axis in self.axes) > 1

    def payload(self) -> dict[str, Any]:
        """Numbers as 32-bit floats, base64."""
        return {
            "key": self.key,
            "along": self.along,
            "axes": [vars(axis) for axis in self.axes],
            "palettes": map_palettes() if self.mapped else None,
            "models": [entry.name for entry in self.entries],
            "titles": [entry.title for entry in self.entries],
            "marked": [bool(entry.marker) for entry in self.entries],
            "views": [
                {
                    "title": view.title,
                    "panels": [
                        {
                            "title": panel.title,
                            "label": panel.label,
                            "lines": {model: _packed(y) for model, y in panel.lines.items()},
                        }
                        for panel in view.panels
                    ],
                }
                for view in self.views
            ],
        }


def _packed(values: FloatArray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def new_plot(name: str, tooltips: Sequence[tuple[str, str]] = (), **options: Any) -> Any:
    """Empty figure in the look that all have."""
    models = bokeh("models")
    hover = models.HoverTool(tooltips=list(tooltips), formatters=_printf(tooltips), mode="mouse")
    figure = bokeh("plotting").figure(
        name=name,
        height=330,
        min_width=240,
        sizing_mode="stretch_width",
        tools="pan,box_zoom,wheel_zoom,reset,save",
        active_drag="box_zoom",
        active_scroll=None,
        toolbar_location="above",
        **options,
    )
    figure.add_tools(hover)
    figure.toolbar.logo = None
    figure.xaxis.axis_label_text_font_style = figure.yaxis.axis_label_text_font_style = "normal"
    figure.title.text_font_style = "normal"
    return figure


def _printf(tooltips: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Columns whose formats are those of printf."""
    return {text.partition("{")[0]: "printf" for _, text in tooltips if "{%" in text}


def draw(figure: Any, entry: Entry, line: Any = None, points: Any = None, **fields: str) -> None:
    """A line, markers, or both, from data sources.

    Parameters
    ----------
    figure : bokeh.plotting.figure
    entry : Entry
    line, points : bokeh.models.ColumnDataSource, optional
    **fields : str
        Columns for x and y, "x" and "y" otherwise.
    """
    places = {"x": "x", "y": "y", **fields}
    colour = entry.colour
    if line is not None and entry.dash != "none":
        made = figure.line(
            *(places["x"], places["y"]), source=line, name=entry.name, color=colour,
            line_dash=entry.dash, line_width=2,
        )  # fmt: skip
        made.glyph.tags = ["line_color", colour, on_dark(colour)]
    if points is not None and entry.marker:
        made = figure.scatter(
            *(places["x"], places["y"]), source=points, name=entry.name, marker=entry.marker,
            size=7, line_color=colour, fill_color=None, line_width=1.5,
        )  # fmt: skip
        made.glyph.tags = ["line_color", colour, on_dark(colour)]


def _grid_figure(key: str, index: int, entries: Sequence[Entry], mapped: bool) -> Any:
    source = bokeh("models").ColumnDataSource
    range1d = bokeh("models").Range1d
    figure = new_plot(
        f"{key}-{index}",
        [("", "@model"), ("", "@at"), ("", "@y{%.5g}")],
        x_range=range1d(0, 1),
        y_range=range1d(0, 1),
    )
    for entry in entries:
        empty: dict[str, list[Any]] = {"x": [], "y": [], "at": [], "model": []}
        line = source(data=dict(empty), name=f"{key}-{index}-{entry.name}")
        points = source(data=dict(empty), name=f"{key}-{index}-{entry.name}-points")
        # A point between two gaps is no line: it has a dot.
        dotted = entry if entry.marker else Entry(entry.name, "", entry.colour, marker="circle")
        draw(figure, entry, line, None)
        draw(figure, dotted, None, points)
    if mapped:
        _add_map(figure, f"{key}-{index}")
    return figure


def _add_map(figure: Any, name: str) -> None:
    """Rectangles for a map, and the bar that explains their colours."""
    models = bokeh("models")
    columns = ("left", "right", "bottom", "top", "value", "at", "model", "y")
    source = models.ColumnDataSource(data={c: [] for c in columns}, name=f"{name}-map")
    colours = models.LinearColorMapper(palette=["#ffffff"], low=0, high=1, name=f"{name}-colours")
    found = {"field": "value", "transform": colours}
    tiles = figure.quad(
        "left", "right", "top", "bottom", source=source, fill_color=found, line_color=found
    )
    tiles.glyph.tags = ["", "", ""]
    tiles.level = "underlay"
    bar = models.ColorBar(
        color_mapper=colours,
        name=f"{name}-bar",
        visible=False,
        width=12,
        title_text_font_style="normal",
    )
    figure.add_layout(bar, "right")
