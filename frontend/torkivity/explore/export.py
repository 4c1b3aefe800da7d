"""What is seen as a file: a table of all numbers, or a figure."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from torkivity.explore.answer import Answer, Seen
from torkivity.explore.messages import entry_of
from torkivity.figures.profiles import profile_style
from torkivity.figures.style import (
    MODEL_COLOURS,
    MODEL_STYLES,
    legend_below,
    new_figure,
    panel_titles,
    power_of_ten,
    save_figure,
    unit_label,
)
from torkivity_engine.errors import InputError

__all__ = ["export"]

#: What is known of a film in one place.
Shown = tuple[Seen, Answer]

_TYPES = {
    "csv": "text/csv",
    "png": "image/png",
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
}


def export(found: Sequence[Shown], slot: str, file_format: str) -> dict[str, Any]:
    """A file for the page to save.

    Parameters
    ----------
    found : sequence of (Seen, Answer)
    slot : str
        Place of the page; empty for all, which only data has.
    file_format : str
        "csv", "png", "pdf" or "svg".

    Returns
    -------
    dict
        Its ``name``, ``media`` type and ``base64`` content.

    Raises
    ------
    InputError
        For another format, or where nothing is to be seen.
    FigureError
        If the figure cannot be drawn.
    """
    if file_format not in _TYPES:
        raise InputError("format", file_format, f"must be one of {', '.join(_TYPES)}")
    shown = [(film, answer) for film, answer in found if answer.panels]
    if not shown:
        raise InputError("export", slot or "everything", "has no curve yet")
    if file_format == "csv":
        content = _table(shown).encode()
    elif slot:
        content = _figure(shown, file_format)
    else:
        raise InputError("export", "everything", "is data; figures are saved one by one")
    return {
        "name": f"{slot or 'film'}.{file_format}",
        "media": _TYPES[file_format],
        "base64": base64.b64encode(content).decode(),
    }


def _table(shown: Sequence[Shown]) -> str:
    """A row for each number: film, what it is drawn against, quantity, component, line, unit."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("film", "against", "at", "quantity", "component", "line", "unit", "value"))
    for film, answer in shown:
        for panel in answer.panels:
            for name, values in panel.lines.items():
                known = np.isfinite(answer.x) & np.isfinite(values)
                for x, y in zip(answer.x[known], values[known], strict=True):
                    rows.writerow(
                        (film.title, answer.label, repr(float(x)), panel.label, panel.title,
                         entry_of(name).title, panel.units, repr(float(y)))
                    )  # fmt: skip
    return out.getvalue()


def _figure(shown: Sequence[Shown], file_format: str) -> bytes:
    """The panels of one place as a figure in the look of all others."""
    first = shown[0][1]
    count = len(first.panels)
    columns = 2 if count in (2, 4) else count
    rows = -(-count // columns)
    figure, panels = new_figure(rows, columns, 2.7 * rows + 0.4)
    panel_titles(panels, [panel.title for panel in first.panels])
    handles: dict[str, Any] = {}
    for number, axes in enumerate(panels):
        # The film that is not pinned lies above the others.
        drawn = [(f, a.x, a.panels[number]) for f, a in shown[::-1] if number < len(a.panels)]
        exponent = power_of_ten(*(y for *_, panel in drawn for y in panel.lines.values()))
        axes.axhline(0.0, color="0.6", linewidth=0.6, zorder=0)
        for film, x, panel in drawn:
            for name, y in panel.lines.items():
                style = _style(name) | (
                    {"color": film.colour, "linewidth": 1.0} if film.colour else {}
                )
                axes.plot(x, y / 10.0**exponent, **style)
                handles.setdefault(name, Line2D([], [], label=entry_of(name).title, **_style(name)))
            if film.colour:
                handles[film.key] = Line2D(
                    [], [], color=film.colour, linewidth=3.0, label=_literal(film.title)
                )
        axes.set_xlabel(_literal(first.label))
        panel = first.panels[number]
        axes.set_ylabel(f"{panel.label}\n{unit_label(panel.units, exponent)}")
        axes.set_xlim(np.nanmin(first.x), np.nanmax(first.x))
        axes.margins(y=0.08)
        if first.logarithmic:
            axes.set_xscale("log")
    legend_below(figure, handles.values())
    with TemporaryDirectory(prefix="torkivity-") as folder:
        path = Path(folder) / f"figure.{file_format}"
        save_figure(figure, path, file_format)
        return path.read_bytes()


def _style(line: str) -> dict[str, Any]:
    if line in MODEL_STYLES:
        return MODEL_STYLES[line] | {"color": MODEL_COLOURS[line]}
    colour, dash = profile_style(line)
    return {"color": colour, "linestyle": dash}


def _literal(text: str) -> str:
    """Text that is no mathtext."""
    return text.replace("$", r"\$")
