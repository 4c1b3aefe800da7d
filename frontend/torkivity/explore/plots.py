"""The empty plots of the page, which its script fills with any number of lines."""

from __future__ import annotations

from typing import Any

from torkivity.explore.view import CURVES
from torkivity.report.charts import bokeh, new_plot

__all__ = ["PANELS", "plot_items"]

#: Plots of each place of the page.
PANELS = {**dict.fromkeys(CURVES, 3), "resistance": 2, "profile": 4}

_LINES = ("xs", "ys", "colour", "dash", "width")
_POINTS = ("x", "y", "at", "value", "line", "colour", "fill", "marker", "size")


def plot_items() -> dict[str, Any]:
    """Each plot as Bokeh's JSON, by its name "PLACE-NUMBER"."""
    return {
        f"{slot}-{number}": bokeh("embed").json_item(_plot(f"{slot}-{number}"))
        for slot, count in PANELS.items()
        for number in range(count)
    }


def _plot(name: str) -> Any:
    models = bokeh("models")
    figure = new_plot(
        name,
        [("", "@line"), ("at", "@at{%.5g}"), ("", "@value{%.5g}")],
        x_range=models.Range1d(0, 1),
        y_range=models.Range1d(0, 1),
    )
    figure.height = 280
    lines = models.ColumnDataSource({c: [] for c in _LINES}, name=f"{name}-lines")
    figure.multi_line(
        "xs", "ys", source=lines, line_color="colour", line_dash="dash", line_width="width"
    )
    points = models.ColumnDataSource({c: [] for c in _POINTS}, name=f"{name}-points")
    dots = figure.scatter(
        "x", "y", source=points, marker="marker", size="size", line_color="colour",
        fill_color="fill", line_width=1.5,
    )  # fmt: skip
    figure.select_one(models.HoverTool).renderers = [dots]
    zero = models.Span(location=0.0, dimension="width", line_color="#9ca3af", line_width=1)
    figure.add_layout(zero)
    if name.startswith("profile"):
        faces = models.ColumnDataSource({"x": []}, name=f"{name}-faces")
        figure.vspan("x", source=faces, line_color="#6b7280")
    return figure
