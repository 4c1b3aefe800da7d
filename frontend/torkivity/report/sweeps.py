"""Reports of sweeps, with the comparison of models, and of convergence studies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from torkivity.catalogue import MODELS, SOURCES
from torkivity.compare.differences import Range, SweepComparison, compare_sweep
from torkivity.compare.pumping import compare_pumping
from torkivity.figures.convergence import ERROR_LABEL, LEAST_ERROR, SERIES, SIZE_LABEL
from torkivity.figures.quantities import TITLES, Quantity
from torkivity.figures.sweeps import value_label
from torkivity.report.charts import Chart, Entry, bokeh, draw, new_plot
from torkivity.report.film import (
    certificate_parts,
    film_section,
    origin_section,
    state_words,
    thinning_words,
)
from torkivity.report.grids import NUMBERS, sweep_chart
from torkivity.report.page import Part, Section, paragraph, scrolled
from torkivity.report.profiles import profile_sections
from torkivity.report.words import plain
from torkivity.results.differences import PARTS, ZERO_GUARD, percent_text
from torkivity.results.selection import describe_point, plain_value, sweep_axes
from torkivity.results.values import choose_source, driving_dimension, known_models
from torkivity.study.mesh_study import convergence_of_results, convergence_report
from torkivity_engine.errors import InputError
from torkivity_engine.html import escape, html_table
from torkivity_engine.mesh_errors import Convergence
from torkivity_engine.record import COMPONENTS

if TYPE_CHECKING:
    import xarray

__all__ = ["convergence_sections", "sweep_sections"]

_SHARES = {"all": "at all points", "most": "at nine of ten", "some": "at some point"}


def sweep_sections(
    dataset: xarray.Dataset, file: Path, key: str, most: int = NUMBERS
) -> list[Section]:
    """Sections about the result of 'torkivity sweep'.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    file : Path
    key : str
        Beginning of the names of plots.
    most : int, optional
        Numbers that plots may hold.

    Returns
    -------
    list of Section
    """
    axes = [f"{name} ({dataset.sizes[name]})" for name in sweep_axes(dataset)]
    numbers: list[Part] = [paragraph(f"Axes and their numbers of values: {', '.join(axes)}.")]
    numbers += state_words(dataset)
    numbers += _ranges(dataset)
    pumped = driving_dimension(dataset) == "turning"
    title = "What magnets pump" if pumped else "Torques"
    sections = [film_section(dataset), Section(title, numbers)]
    chart, notes = sweep_chart(dataset, f"{key}sweep", most)
    if chart is not None:
        sections.append(Section("Over the axes", [*thinning_words(notes, file), chart]))
    sections += profile_sections(dataset, f"{key}depth")
    try:
        parts = _pumped(dataset) if pumped else _comparison(compare_sweep(dataset))
    except InputError:
        pass  # one model, or no point to compare: nothing to say
    else:
        sections.append(Section("Models against the Boltzmann equation", parts))
    if certificates := certificate_parts(dataset):
        sections.append(Section("How exact it is", list(certificates)))
    toml = str(dataset.attrs.get("config_toml", ""))
    command = "torkivity sweep film.toml -o sweep.h5"
    return [*sections, origin_section(dataset.attrs, file, command, toml)]


def _ranges(dataset: xarray.Dataset) -> list[str]:
    """Smallest and largest total torque of each model, and where."""
    if not known_models(dataset):
        return []
    source = choose_source(dataset)
    pumped = driving_dimension(dataset) == "turning"
    name = "effective_mixing_conductance" if pumped else "torque_total"
    words = f"{source} turns" if pumped else SOURCES[source]
    rows = []
    label = ""
    for component in Quantity(name, source=source).of(dataset):
        label = plain(value_label(component, 0).replace("\n", " "))
        for model, array in component.values.items():
            flat = array.values.ravel()
            if not np.isfinite(flat).any():
                continue
            row = [component.title, MODELS[model].title]
            for index in (int(np.nanargmin(flat)), int(np.nanargmax(flat))):
                place = np.unravel_index(index, array.shape)
                at = {str(d): array[d].values[i] for d, i in zip(array.dims, place, strict=True)}
                row += [f"{flat[index] + 0.0:.5g}", describe_point(at)]
            rows.append(row)
    if not rows:
        return []
    caption = f"{plain(TITLES[name])}, {words}: {label}"
    columns = ("component", "model", "smallest", "at", "largest", "at")
    return [scrolled(html_table(columns, rows, caption, keys=2), caption, "words")]


def _pumped(dataset: xarray.Dataset) -> list[Part]:
    """Statistics of the differences of what magnets pump."""
    found = compare_pumping(dataset)
    rows = [
        (MODELS[model].title, plain(TITLES[name]), percent_text(s.median),
         percent_text(s.worst[0].value), describe_point(s.worst[0].at))
        for (model, name), s in found.statistics.items() if s.count
    ]  # fmt: skip
    columns = ("model", "quantity", "median", "largest", "at")
    caption = f"Relative difference in %, {found.turning} turns"
    return [scrolled(html_table(columns, rows, caption, keys=2), caption, "words")]


def _comparison(found: SweepComparison) -> list[Part]:
    """Statistics of the differences, and where each model holds."""
    percent = f"{100.0 * found.tolerance:g} %"
    counts = found.counts
    parts: list[Part] = [
        paragraph(
            f"{counts['compared']} of {counts['all']} points are compared, "
            f"{SOURCES[found.source]}. The difference is (model - Boltzmann) / Boltzmann; where "
            f"Boltzmann is below {100.0 * ZERO_GUARD:g} % of the largest torque of its point, it "
            "is taken relative to that."
        )
    ]
    rows = []
    for model in found.models:
        for component in COMPONENTS:
            for part in PARTS:
                s = found.statistics[model, part, component]
                cells = ["-"] * 4
                if s.count:
                    low, high = s.range68
                    cells = [
                        percent_text(s.median),
                        f"{percent_text(low)} to {percent_text(high)}",
                        percent_text(s.worst[0].value),
                        f"{100.0 * s.within:.1f} %",
                    ]
                what = f"{component.replace('_', '-')}, {part}"
                rows.append((MODELS[model].title, what, *cells))
    columns = ("model", "torque", "median", "68 % of points", "largest", f"within {percent}")
    caption = "Relative difference in %"
    parts.append(scrolled(html_table(columns, rows, caption, keys=2), "differences of the models"))
    ranges = [
        (MODELS[model].title, component.replace("_", "-"), axis,
         *(_runs(runs[share]) for share in _SHARES))
        for model in found.models
        for component in (*COMPONENTS, "both")
        for axis, runs in found.holds[model, component].items()
    ]  # fmt: skip
    titles = ("model", "component", "axis", *_SHARES.values())
    caption = f"Values of each axis at which the total torque is within {percent}"
    table = html_table(titles, ranges, caption, keys=3)
    return [*parts, scrolled(table, caption, "words")]


def _runs(runs: tuple[Range, ...]) -> str:
    texts = [
        plain_value(run.first)
        if run.first == run.last
        else f"{plain_value(run.first)} to {plain_value(run.last)}"
        for run in runs
    ]
    return ", ".join(texts[:4]) + (f" and {len(texts) - 4} more" if len(texts) > 4 else "") or "-"


def convergence_sections(dataset: xarray.Dataset, file: Path, key: str) -> list[Section]:
    """Sections about the result of 'torkivity converge'; parameters as of `sweep_sections`."""
    result = convergence_of_results(dataset)
    parts: list[Part] = list(state_words(dataset))
    if result is None:
        parts.append(paragraph("Errors are known when all meshes are done: run it again."))
    else:
        parts += [paragraph(_verdict(result)), _convergence_chart(result, f"{key}mesh")]
        text = escape(convergence_report(result))
        parts.append(
            f'<pre tabindex="0" role="region" aria-label="errors of the meshes">{text}</pre>'
        )
    toml = str(dataset.attrs.get("config_toml", ""))
    return [
        film_section(dataset),
        Section("Error of the mesh", parts),
        Section("How exact it is on each mesh", list(certificate_parts(dataset))),
        origin_section(dataset.attrs, file, "torkivity converge film.toml", toml),
    ]


def _verdict(result: Convergence) -> str:
    if result.chosen is None:
        return f"No mesh of this study meets the tolerance {result.tolerance:g}."
    polar, azimuths = result.chosen
    return (
        f"The coarsest mesh with errors below {result.tolerance:g} of the largest torque component "
        f"has n_polar = {polar} and n_azimuth = {azimuths}; the error of the finest is uncertain "
        f"by {result.uncertainty:.1e}."
    )


def _convergence_chart(result: Convergence, key: str) -> Chart:
    figure = new_plot(
        f"{key}-0",
        [(SIZE_LABEL, "@x"), (ERROR_LABEL, "@y{%.2e}"), ("mesh", "@mesh")],
        x_axis_type="log",
        y_axis_type="log",
        x_axis_label=SIZE_LABEL,
        y_axis_label=ERROR_LABEL,
    )
    entries = []
    for label, name, index, colour, marker, line in SERIES:
        refinement = getattr(result, name)
        data = {
            "x": [size[index] for size in refinement.sizes],
            "y": np.maximum(refinement.error, LEAST_ERROR).tolist(),
            "mesh": [f"{p} x {a}" for p, a in refinement.sizes],
        }
        source = bokeh("models").ColumnDataSource(data=data)
        entry = Entry.of_matplotlib(name, label, colour, line, marker)
        draw(figure, entry, source, source)
        entries.append(entry)
    ticks = sorted({n for name in ("polar", "azimuthal")
                    for size in getattr(result, name).sizes for n in size})  # fmt: skip
    figure.xaxis.ticker = ticks
    tolerance = bokeh("models").Span(
        location=result.tolerance, dimension="width", line_dash="dashdot", line_color="#808080"
    )
    figure.add_layout(tolerance)
    words = (
        "Estimated error against the size of the mesh, polar and azimuthal angles apart and "
        f"together; the grey line is the tolerance, {result.tolerance:g}."
    )
    return Chart(key, words, [figure], tuple(entries))
