"""What was computed, and how well: film, certificates, points, configuration and versions."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from torkivity.report.page import Section, paragraph, scrolled
from torkivity.results.differences import above_noise
from torkivity.results.selection import count_states, describe_point
from torkivity.study.points import point_case
from torkivity.version import __version__
from torkivity_engine.errors import InputError
from torkivity_engine.film.drawing import film_html
from torkivity_engine.html import escape, html_list, html_table
from torkivity_engine.record import CERTIFICATES
from torkivity_hpc.files.store import STATUS

if TYPE_CHECKING:
    import xarray

    from torkivity.study.case import Case

__all__ = ["certificate_parts", "film_section", "origin_section", "state_words", "thinning_words"]

#: Certificates of these sizes are rounding, small, or neither.
_ROUNDING, _SMALL = 1e-9, 1e-5
#: Those that say how far off numbers may be; the others describe the linear system.
_DEFECTS = ("charge_defect", "unitarity_defect", "spin_balance", "residual", "gauge_slack")


def film_section(dataset: xarray.Dataset) -> Section:
    """Picture and parameters of the film, at the first point of a sweep."""
    try:
        case, point = point_case(dataset)
    except InputError as error:
        return Section("Film", [paragraph(f"Not drawn: {error}")])
    parts = []
    of_film = {name: value for name, value in point.held.items() if not name.startswith("mesh.")}
    if of_film:
        parts.append(
            paragraph(f"Drawn at the first point of the sweep: {describe_point(of_film)}.")
        )
    picture, table = film_html(case.film).split("<table", 1)
    parts.append(
        f'<div class="film"><div>{picture}</div>'
        f"{scrolled('<table' + table, 'parameters of the film', 'words')}</div>"
    )
    method = f"The Boltzmann equation is solved by the {case.settings.solver.method} method"
    mesh = _mesh_words(case) if len(of_film) == len(point.held) else "."
    parts.append(paragraph(method + mesh, "soft"))
    return Section("Film", list(parts))


def _mesh_error_words(dataset: xarray.Dataset) -> str:
    """How far the mesh itself is off."""
    text = " The error of the mesh itself comes on top; "
    if "mesh_error" not in dataset or not np.isfinite(dataset["mesh_error"].values).any():
        return text + "'torkivity converge' measures it."
    worst = float(np.nanmax(dataset["mesh_error"].values))
    return text + f"its estimate is at most {worst:.1e} of the largest component of a torque."


def _mesh_words(case: Case) -> str:
    if case.tolerance is None:
        return f" on {case.mesh().name}."
    return f" on a mesh for each point, rtol = {case.tolerance.rtol:g}."


def thinning_words(notes: list[str], file: Path) -> list[str]:
    """What a plot does not show, if anything."""
    if not notes:
        return []
    text = (
        f"Thinned, evenly from the first to the last value of an axis: {'; '.join(notes)}. "
        f"Tables are of all points; {file} has them."
    )
    return [paragraph(text)]


def state_words(dataset: xarray.Dataset) -> list[str]:
    """How many points there are, and why some are not, as HTML."""
    states = count_states(dataset)
    total = sum(states.values())
    if states["done"] == total:
        return [paragraph(f"All {total} points, models and sources counted apart, are done.")]
    text = f"Of {total} points, models and sources counted apart, {states['done']} are done, "
    text += f"{states['failed']} failed and {states['missing']} are missing; they are gaps."
    failed = dataset["status"].values == STATUS["failed"]
    if not failed.any() or "message" not in dataset or "messages" not in dataset:
        return [paragraph(text)]
    known = dataset["messages"].values
    rows = Counter(int(row) for row in dataset["message"].values[failed])
    lines = [
        f"{count} x {known[row] if 0 <= row < len(known) else 'no message'}"
        for row, count in rows.most_common(10)
    ]
    return [paragraph(text), html_list(lines)]


def certificate_parts(dataset: xarray.Dataset) -> list[str]:
    """What bounds the error of the numbers, in words and as a table."""
    found = {}
    there = _with_currents(dataset)
    for name, meaning in CERTIFICATES.items():
        variable = dataset.get(f"certificate_{name}")
        if variable is None:
            continue
        values = abs(variable.values[np.isfinite(variable.values) & there])
        if values.size:
            found[name] = (float(values.max()), meaning)
    if not found:
        return []
    worst = max((found[name][0] for name in _DEFECTS if name in found), default=0.0)
    if worst <= _ROUNDING:
        text = (
            f"The Boltzmann equation on this mesh is solved to rounding error (worst {worst:.1e})."
        )
    elif worst <= _SMALL:
        text = f"The Boltzmann equation on this mesh is solved to {worst:.1e}, more than rounding."
    else:
        text = f"Caution: the Boltzmann equation on this mesh is solved to {worst:.1e} only."
    if not there.all():
        text += " Points without a spin current beyond rounding, or not done, are left out."
    text += _mesh_error_words(dataset)
    rows = [(name.replace("_", " "), f"{value:.1e}", meaning)
            for name, (value, meaning) in found.items()]  # fmt: skip
    table = html_table(("indicator", "largest", "what it is"), rows)
    return [paragraph(text), scrolled(table, "error indicators", "words")]


def _with_currents(dataset: xarray.Dataset) -> NDArray[np.bool_]:
    """Points with spin currents that are not noise, which certificates are relative to."""
    grid = dataset["status"].dims
    sizes = []
    start = "pumped_" if "pumped_spin_current_minus" in dataset else ""
    for side in ("minus", "plus"):
        current = abs(dataset[f"{start}spin_current_{side}"])
        sizes.append(current.max([dim for dim in current.dims if dim not in grid]).values)
    largest = above_noise(np.fmax(*sizes))
    return np.asarray(largest > 0.0)


def origin_section(
    attributes: Mapping[Hashable, object] | Mapping[str, str],
    file: Path,
    command: str,
    toml: str,
    config: str = "film.toml",
) -> Section:
    """Configuration to reproduce a file, and the programs that made it.

    Parameters
    ----------
    attributes : mapping
        With ``created`` and ``..._version``.
    file : Path
    command : str
        That makes it again from the configuration.
    toml : str
        The configuration; empty if it is not known.
    config : str, optional
        Name of its file.
    """
    parts: list[str] = []
    if toml:
        data = base64.b64encode(toml.encode()).decode()
        parts.append(
            f'<p><a class="download" download="{escape(config)}" '
            f'href="data:application/toml;base64,{data}">Save this as {escape(config)}</a>, '
            "then</p>"
        )
    parts.append(f"<pre><code>{escape(command)}</code></pre>")
    if toml:
        parts.append(
            '<pre tabindex="0" role="region" aria-label="configuration"><code>'
            f"{escape(toml)}</code></pre>"
        )
    else:
        parts.append(paragraph(f"{file} holds no configuration."))
    versions = {
        str(name).removesuffix("_version"): str(value)
        for name, value in attributes.items()
        if str(name).endswith("_version") and name != "schema_version"
    }
    listed = ", ".join(f"{name} {value}" for name, value in versions.items())
    made = attributes.get("created")
    text = f"{file}: written {made}" if made else f"{file}: written"
    parts.append(paragraph(f"{text} by {listed or 'an unknown version'}.", "soft"))
    parts.append(paragraph(f"This page is of torkivity {__version__}.", "soft"))
    return Section("To reproduce it", list(parts))
