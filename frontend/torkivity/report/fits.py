"""Report of a fit, from the JSON that 'torkivity fit' writes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from torkivity.config.text import read_text
from torkivity.figures.fits import (
    AXIS_LABELS,
    OUTLIER,
    SERIES_STYLES,
    point_x,
    series_key,
    series_label,
)
from torkivity.fit.derived import Derived
from torkivity.fit.fit import Fitted, Interval
from torkivity.fit.observables import OBSERVABLES, quantity_label
from torkivity.fit.tables import derived_table, fit_words, parameter_table
from torkivity.report.charts import Chart, Entry, bokeh, draw, new_plot, on_dark
from torkivity.report.film import origin_section
from torkivity.report.page import Part, Section, paragraph, scrolled
from torkivity.report.words import plain
from torkivity_engine.errors import InputError
from torkivity_engine.html import html_list, html_table
from torkivity_engine.units import QUANTITIES

__all__ = ["FitFile", "fit_sections", "read_fit"]


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Value(_Read):
    value: float | None
    unit: str
    error: float | None


class _Parameter(_Value):
    varied: bool
    at_bound: bool
    intervals: dict[float, tuple[float | None, float | None]] = {}


class _Correlation(_Read):
    between: tuple[str, str]
    value: float


class _Point(_Read):
    data: str
    line: int
    thickness: float
    theta_deg: float | None
    phi_deg: float | None
    component: str
    quantity: str
    measured: float
    model: float
    residual: float
    outlier: bool
    error_bar: tuple[float, float] | None = None


class _Curve(_Read):
    data: str
    component: str
    quantity: str
    axis: str
    at: dict[str, float]
    x: list[float]
    model: list[float]
    error: list[float | None]


class FitFile(_Read):
    """What the JSON of a fit holds; `torkivity.fit.report.fit_json` says what it means."""

    model: str
    success: bool
    chi_square: float | None
    degrees_of_freedom: int
    error_bars: bool
    data: list[str]
    parameters: dict[str, _Parameter]
    derived: dict[str, _Value]
    correlations: list[_Correlation]
    points: list[_Point]
    assumed: list[str]
    warnings: list[str]
    axes: dict[str, str] = {}
    curves: list[_Curve] = []
    made: dict[str, str] = {}


#: A panel: component, quantity, axis.
_Panel = tuple[str, str, str]


def read_fit(path: Path) -> FitFile:
    """The fit in a JSON file.

    Raises
    ------
    InputError
        If it is none.
    """
    text = read_text(path, "JSON")
    try:
        found = FitFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = f"is not the JSON of 'torkivity fit' ({where + ': ' if where else ''}{first['msg']})"
        raise InputError("file", str(path), what) from None
    for point in found.points:
        axis = found.axes.get(point.data, "thickness")
        known = axis in AXIS_LABELS and point.quantity in (*QUANTITIES, *OBSERVABLES)
        known = known and point.component in OBSERVABLES
        if not known or getattr(point, axis if axis == "thickness" else f"{axis}_deg") is None:
            what = f"is not the JSON of 'torkivity fit' (point of line {point.line})"
            raise InputError("file", str(path), what)
    return found


def fit_sections(fit: FitFile, file: Path, key: str) -> list[Section]:
    """Sections about a fit.

    Parameters
    ----------
    fit : FitFile
    file : Path
    key : str
        Beginning of the names of plots.

    Returns
    -------
    list of Section
    """
    made = dict(fit.made)
    toml, name = made.pop("config_toml", ""), made.pop("config", "fit.toml")
    command = made.pop("command", "torkivity fit")
    notes: list[Part] = []
    for title, lines in (("Warnings", fit.warnings), ("Assumed", fit.assumed)):
        if lines:
            notes += [paragraph(f"{title}:"), html_list(lines)]
    notes = notes or [paragraph("Nothing stands out.")]
    charts: list[Part] = list(_charts(fit, key))
    return [
        Section("Fitted parameters", _numbers(fit)),
        Section("What the fit does not say", notes),
        Section("Measured and fitted", charts),
        origin_section(made, file, command, toml, name),
    ]


def _numbers(fit: FitFile) -> list[Part]:
    chi_square = fit.chi_square if fit.error_bars else None
    words = fit_words(
        *(fit.model, fit.data, len(fit.points), fit.degrees_of_freedom, chi_square, fit.success)
    )
    parameters = [_fitted(name, entry) for name, entry in fit.parameters.items()]
    parts: list[Part] = [
        paragraph(words),
        scrolled(parameter_table(parameters), "fitted parameters"),
    ]
    if fit.derived:
        derived = [
            Derived(name, entry.unit, _number(entry.value), entry.error)
            for name, entry in fit.derived.items()
        ]
        parts.append(scrolled(derived_table(derived), "what follows from the parameters"))
    ranked = sorted(fit.correlations, key=lambda entry: -abs(entry.value))[:6]
    if ranked:
        pairs = [(" and ".join(x.between).replace("_", " "), f"{x.value:+.3f}") for x in ranked]
        table = html_table(("strongest correlations", ""), pairs)
        parts.append(scrolled(table, "correlations"))
    return parts


def _fitted(name: str, entry: _Parameter) -> Fitted:
    intervals = {
        float(level): Interval(
            -math.inf if low is None else low, math.inf if high is None else high
        )
        for level, (low, high) in entry.intervals.items()
    }
    value = _number(entry.value)
    return Fitted(name, entry.unit, value, entry.error, entry.varied, intervals, entry.at_bound)


def _number(value: float | None) -> float:
    """JSON has no infinity."""
    return math.inf if value is None else value


def _charts(fit: FitFile, key: str) -> list[Chart]:
    """A chart for each component and quantity: torques, and their residuals."""
    axis_of = {name: fit.axes.get(name, "thickness") for name in fit.data}
    panels: dict[_Panel, list[_Point]] = {}
    for point in fit.points:
        panel = (point.component, point.quantity, axis_of.get(point.data, "thickness"))
        panels.setdefault(panel, []).append(point)
    keys = list(dict.fromkeys(series_key(p, axis_of.get(p.data, "thickness")) for p in fit.points))
    charts = []
    for number, (panel, points) in enumerate(panels.items()):
        name = f"{key}fit{number}"
        entries, figures = [], _fit_figures(panel, name, fit.error_bars)
        for i, series in enumerate(keys):
            own = [p for p in points if series_key(p, panel[2]) == series]
            if not own:
                continue
            colour, marker, line = SERIES_STYLES[i % len(SERIES_STYLES)]
            title = plain(series_label(series, keys))
            entry = Entry.of_matplotlib(f"series{i}", title, colour, line, marker)
            curves = [c for c in fit.curves
                      if (c.component, c.quantity, c.axis) == panel
                      and (c.data, tuple(c.at.items())) == series]  # fmt: skip
            _draw_series(figures, entry, own, panel, curves)
            entries.append(entry)
        outliers = [point for point in points if point.outlier]
        if outliers:
            entries.append(_ring(figures, outliers, panel))
        words = (
            f"Measured values ({OBSERVABLES[panel[0]].title}) with error bars, the fitted model "
            "with its 68 % band, and the residuals."
        )
        charts.append(Chart(name, words, figures, tuple(entries)))
    return charts


def _fit_figures(panel: _Panel, name: str, error_bars: bool) -> list[Any]:
    component, quantity, axis = panel
    label = plain(AXIS_LABELS[axis])
    tooltips = [("", "@data, line @line"), (label, "@x{%.5g}"), ("measured", "@y{%.5g}"),
                ("model", "@model{%.5g}"), ("residual", "@residual{%.3g}")]  # fmt: skip
    upper = new_plot(
        f"{name}-0",
        tooltips,
        title=OBSERVABLES[component].title,
        x_axis_label=label,
        y_axis_label=plain(quantity_label(quantity)[1].replace("\n", " ")),
    )
    unit = "error bars" if error_bars else "std. dev."
    lower = new_plot(
        f"{name}-1",
        tooltips,
        title="residuals",
        x_axis_label=label,
        y_axis_label=f"residual ({unit})",
        x_range=upper.x_range,
    )
    return [upper, lower]


def _columns(points: Sequence[_Point], panel: _Panel) -> dict[str, list[Any]]:
    scale = quantity_label(panel[1])[0]
    bars = [point.error_bar or (math.nan, math.nan) for point in points]
    return {
        "x": [point_x(point, panel[2]) for point in points],
        "y": [scale * point.measured for point in points],
        "low": [scale * (p.measured - bar[0]) for p, bar in zip(points, bars, strict=True)],
        "high": [scale * (p.measured + bar[1]) for p, bar in zip(points, bars, strict=True)],
        "model": [scale * point.model for point in points],
        "residual": [point.residual for point in points],
        "data": [point.data for point in points],
        "line": [point.line for point in points],
    }


def _draw_series(
    figures: list[Any],
    entry: Entry,
    points: Sequence[_Point],
    panel: _Panel,
    curves: Sequence[_Curve],
) -> None:
    upper, lower = figures
    source = bokeh("models").ColumnDataSource
    scale = quantity_label(panel[1])[0]
    for curve in curves:
        y = scale * np.array(curve.model)
        error = scale * np.array([math.nan if e is None else e for e in curve.error])
        band = source(data={"x": curve.x, "low": y - error, "high": y + error})
        if np.isfinite(error).all():
            area = upper.varea("x", "low", "high", source=band, name=entry.name, alpha=0.22,
                               fill_color=entry.colour)  # fmt: skip
            area.glyph.tags = ["fill_color", entry.colour, on_dark(entry.colour)]
        line = upper.line(curve.x, y, name=entry.name, color=entry.colour, line_dash=entry.dash,
                          line_width=2)  # fmt: skip
        line.glyph.tags = ["line_color", entry.colour, on_dark(entry.colour)]
    measured = source(data=_columns(points, panel))
    if any(point.error_bar for point in points):
        bars = upper.segment("x", "low", "x", "high", source=measured, name=entry.name,
                             color=entry.colour)  # fmt: skip
        bars.glyph.tags = ["line_color", entry.colour, on_dark(entry.colour)]
    draw(upper, entry, points=measured)
    draw(lower, entry, points=measured, y="residual")
    upper.hover.renderers = [r for r in upper.renderers if r.data_source.data.get("data")]


def _ring(figures: list[Any], points: Sequence[_Point], panel: _Panel) -> Entry:
    """Around points that do not follow the others."""
    data = bokeh("models").ColumnDataSource(data=_columns(points, panel))
    for figure, column in zip(figures, ("y", "residual"), strict=True):
        made = figure.scatter("x", column, source=data, name="outliers", size=15,
                              line_color=OUTLIER, fill_color=None, line_width=1.5)  # fmt: skip
        made.glyph.tags = ["line_color", OUTLIER, on_dark(OUTLIER)]
    return Entry("outliers", "does not follow the others", OUTLIER, "none", "circle")
