"""Currents, accumulation and torque density through the film, computed for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from torkivity.catalogue import SOURCES
from torkivity.figures.profiles import ProfilePanel, face_heights, profile_panels, profile_style
from torkivity.figures.style import power_of_ten, unit_label
from torkivity.report.charts import Chart, Entry, bokeh, draw, new_plot
from torkivity.report.page import Section, paragraph
from torkivity.report.words import plain
from torkivity.results.selection import describe_point
from torkivity.results.values import choose_source, known_models
from torkivity.study.boltzmann import solve_boltzmann_case
from torkivity.study.points import point_case
from torkivity_engine.errors import POINT_ERRORS, InputError
from torkivity_engine.film.stack import as_stack

if TYPE_CHECKING:
    import xarray

__all__ = ["profile_sections"]

#: Depths of a layer, which crowd towards its faces.
_DEPTHS = 0.5 * (1.0 - np.cos(np.linspace(0.0, np.pi, 33)))
#: A profile of more layers takes longer than a page should.
_MOST_LAYERS = 16


def profile_sections(dataset: xarray.Dataset, key: str) -> list[Section]:
    """Profile by the Boltzmann equation, of a sweep at its first point.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    key : str
        Of the chart in the page.

    Returns
    -------
    list of Section
        Empty for files that have no such film, or where it would take long: films by the dense
        method, and those of many layers.
    """
    if "boltzmann" not in known_models(dataset):
        return []
    try:
        case, point = point_case(dataset)
        stack = as_stack(case.film)
        if case.settings.solver.method != "reduced" or len(stack.layers) > _MOST_LAYERS:
            return []
        source = choose_source(dataset)
        solution = solve_boltzmann_case(case, source)
        profiles = [
            solution.profile(i, layer.thickness * _DEPTHS) for i, layer in enumerate(stack.layers)
        ]
    except (InputError, OSError, *POINT_ERRORS) as error:
        return [Section("Through the film", [paragraph(f"Not computed: {error}")])]
    faces = face_heights(stack).tolist()
    panels = profile_panels(stack, profiles)
    figures = [_figure(f"{key}-{i}", panel, faces) for i, panel in enumerate(panels)]
    entries = tuple(_entry(spin) for spin in panels[0].lines)
    held = f", at {describe_point(point.held)}" if point.held else ""
    words = (
        f"{', '.join(plain(p.label) for p in panels)}, through {' / '.join(stack.names)}{held}: "
        f"the Boltzmann equation, {SOURCES[source]}. z = 0 is the lowest magnetic interface; "
        "vertical lines are faces of layers."
    )
    return [Section("Through the film", [Chart(key, words, figures, entries)])]


def _entry(spin: str) -> Entry:
    colour, line = profile_style(spin)
    return Entry.of_matplotlib(spin or "charge", f"spin {spin}" if spin else "", colour, line)


def _figure(name: str, panel: ProfilePanel, faces: list[float]) -> Any:
    models = bokeh("models")
    exponent = power_of_ten(*(y for curves in panel.lines.values() for _, y in curves))
    label = f"{plain(panel.label)} {plain(unit_label(panel.units, exponent))}"
    figure = new_plot(
        name,
        [("", "@line"), ("z (nm)", "@x{%.4g}"), ("", "@y{%.5g}")],
        x_axis_label="z (nm)",
        y_axis_label=label,
        title=plain(panel.label.partition(" per ")[0]),
    )
    gap = np.array([np.nan])  # nothing needs to be continuous at an interface
    for spin, curves in panel.lines.items():
        x, y = (np.concatenate([p for c in curves for p in (c[k], gap)]) for k in (0, 1))
        entry = _entry(spin)
        data = {"x": x, "y": y / 10.0**exponent, "line": [entry.title or "charge"] * len(x)}
        draw(figure, entry, models.ColumnDataSource(data=data))
    for face in faces:
        figure.add_layout(
            models.Span(location=face, dimension="height", line_color="#808080", line_width=1)
        )
    return figure
