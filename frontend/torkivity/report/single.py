"""Report of a single film."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from torkivity.catalogue import MODELS, SOURCES
from torkivity.figures.quantities import TITLES, Quantity
from torkivity.figures.sweeps import value_label
from torkivity.report.film import (
    certificate_parts,
    film_section,
    origin_section,
    state_words,
    thinning_words,
)
from torkivity.report.grids import NUMBERS, thickness_chart
from torkivity.report.page import Part, Section, paragraph, scrolled
from torkivity.report.profiles import profile_sections
from torkivity.report.words import plain
from torkivity.results.differences import REFERENCE, percent_text, relative_differences
from torkivity.results.values import driving_dimension, known_models
from torkivity_engine.html import html_table
from torkivity_engine.record import COMPONENTS

if TYPE_CHECKING:
    import xarray

__all__ = ["film_facts_table", "run_sections"]


def run_sections(
    dataset: xarray.Dataset, file: Path, key: str, most: int = NUMBERS
) -> list[Section]:
    """Sections about the result of 'torkivity run'.

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
    if driving_dimension(dataset) == "turning":
        return _pumped_sections(dataset, file)
    numbers: list[Part] = list(state_words(dataset))
    tables = {
        name: [_torque_table(dataset, name, place) for place in places]
        for name, places in _torques(dataset).items()
    }
    for name, shown in tables.items():
        text = "".join(shown)
        if name != next(iter(tables)):  # of several interfaces there may be many
            text = f"<details><summary>At each interface</summary>{text}</details>"
        numbers.append(text)
    numbers.append(
        paragraph(
            "%: model / Boltzmann - 1, with the other source of torque switched off where one is "
            "named.",
            "soft",
        )
    )
    numbers += film_facts_table(dataset)
    sections = [film_section(dataset), Section("Torques", numbers)]
    chart, notes = thickness_chart(dataset, f"{key}curve", most)
    if chart is not None:
        sections.append(Section("Against a thickness", [*thinning_words(notes, file), chart]))
    sections += profile_sections(dataset, f"{key}depth")
    sections.append(Section("How exact it is", list(certificate_parts(dataset))))
    toml = str(dataset.attrs.get("config_toml", ""))
    command = "torkivity run film.toml -o film.h5"
    return [*sections, origin_section(dataset.attrs, file, command, toml)]


def _pumped_sections(dataset: xarray.Dataset, file: Path) -> list[Section]:
    """Sections about the result of 'torkivity run --pumping'."""
    numbers: list[Part] = list(state_words(dataset))
    models = known_models(dataset)
    columns = ["quantity", "component", *(MODELS[model].title for model in models)]
    for turning in map(str, dataset["turning"].values):
        rows = []
        wanted = [(name, None) for name in ("effective_mixing_conductance", "pumped_sheet_current")]
        torque = "pumped_torque_exchange"
        for name, place in [*wanted, *((torque, str(x)) for x in dataset["magnet"].values)]:
            for component in Quantity(name, source=turning, place=place).of(dataset):
                label = plain(value_label(component, 0).replace("\n", " "))
                words = f"{label}, {place}" if place else label
                values = (float(component.values[model]) for model in models)
                rows.append((words, component.title, *map(_number, values)))
        caption = f"{turning} turns"
        numbers.append(scrolled(html_table(columns, rows, caption, keys=2), caption))
    toml = str(dataset.attrs.get("config_toml", ""))
    command = "torkivity run film.toml --pumping -o film-pumping.h5"
    return [
        film_section(dataset),
        Section("What magnets pump", numbers),
        Section("How exact it is", list(certificate_parts(dataset))),
        origin_section(dataset.attrs, file, command, toml),
    ]


def _torques(dataset: xarray.Dataset) -> dict[str, list[str]]:
    """Torques worth a table, and where: first those on magnets, if there are several interfaces."""
    interfaces = [str(name) for name in dataset["interface"].values]
    magnets = [str(name) for name in dataset["magnet"].values]
    if len(interfaces) == 1 or not magnets:
        return {"torque_total": interfaces}
    return {"magnet_torque_total": magnets, "torque_total": interfaces}


def _torque_table(dataset: xarray.Dataset, name: str, place: str) -> str:
    """Components by source, model beside model, with differences from the first."""
    models = known_models(dataset)
    compared = [m for m in models if m != REFERENCE] if REFERENCE in models else []
    rows = []
    label = ""
    for source in [known for known in SOURCES if known in dataset["source"].values]:
        for component in Quantity(name, source=source, place=place).of(dataset):
            values = {model: float(array) for model, array in component.values.items()}
            differences = _differences(dataset, component.title, compared, source, place, name)
            label = value_label(component, 0).replace("\n", " ")
            row = [SOURCES[source], component.title, *(_number(values[m]) for m in models)]
            rows.append([*row, *differences])
    titles = [MODELS[model].title for model in models]
    columns = ["source", "component", *titles]
    columns += [f"{MODELS[m].short.strip()} %" for m in compared] if "magnet" not in name else []
    caption = f"{TITLES[name]}, {place}: {plain(label)}"
    return scrolled(html_table(columns, rows, caption, keys=2), caption)


def _differences(
    dataset: xarray.Dataset,
    title: str,
    models: list[str],
    source: str,
    place: str,
    name: str,
) -> list[str]:
    """Differences of models in percent; empty where the component has none."""
    component = title.replace("-", "_")
    if name.startswith("magnet"):
        return []
    if component not in COMPONENTS:
        return [""] * len(models)
    found = [
        float(relative_differences(dataset, model, source, place=place)[component])
        for model in models
    ]
    return [percent_text(x) for x in found]


def _number(value: float) -> str:
    return f"{value + 0.0:.5g}" if np.isfinite(value) else "-"


def film_facts_table(dataset: xarray.Dataset) -> list[str]:
    """What the film has whatever the model, as far as the file says."""
    rows = []
    for name, variable in dataset.data_vars.items():
        if variable.dims not in (("layer",), ("interface",)) or variable.dtype.kind not in "fc":
            continue
        dim = str(variable.dims[0])
        units = str(variable.attrs.get("units", "1"))
        for place, value in zip(dataset[dim].values, variable.values, strict=True):
            if np.isfinite(value):
                text = f"{value:.5g}" if variable.dtype.kind == "f" else f"{value:.4g}"
                words = str(variable.attrs.get("long_name", name)).split(",")[0]
                rows.append((f"{words}, {place}", text, "" if units == "1" else units))
    if not rows:
        return []
    return [scrolled(html_table(("of the film", "value", "unit"), rows), "numbers of the film")]
