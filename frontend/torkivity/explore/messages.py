"""Answers as messages to a page, and the look of their lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from torkivity.catalogue import MODELS
from torkivity.explore.answer import Answer, Panel
from torkivity.figures.profiles import profile_style
from torkivity.figures.style import unit_label
from torkivity.report.charts import Entry, model_entry
from torkivity.report.words import plain

__all__ = ["PIN_COLOURS", "answer_message", "entry_of"]

#: Of pinned films; told apart by all kinds of sight, and from the colours of models.
PIN_COLOURS = ("#cc79a7", "#0072b2", "#7a5c00", "#6a3d9a")


def entry_of(line: str) -> Entry:
    """Look of a line: of a model, or of a spin component in a profile."""
    if line in MODELS:
        return model_entry(line)
    colour, style = profile_style(line)
    return Entry.of_matplotlib(line, f"spin {line}" if line else "charge", colour, style)


def answer_message(answer: Answer) -> dict[str, Any]:
    """An answer in values that JSON has; gaps are None."""
    return {
        "type": "answer",
        "n": answer.number,
        "slot": answer.slot,
        "film": answer.film,
        "label": answer.label,
        "x": _numbers(answer.x),
        "logarithmic": answer.logarithmic,
        "panels": [_panel(panel) for panel in answer.panels],
        "notes": answer.notes,
        "facts": answer.facts,
    }


def _panel(panel: Panel) -> dict[str, Any]:
    lines = []
    for name, values in panel.lines.items():
        entry = entry_of(name)
        look = {"title": entry.title, "colour": entry.colour, "dash": entry.dash}
        lines.append({"name": name, **look, "marker": entry.marker, "y": _numbers(values)})
    return {
        "title": panel.title,
        "label": panel.label,
        "units": plain(unit_label(panel.units)).strip("()"),
        "lines": lines,
    }


def _numbers(values: Iterable[float]) -> list[float | None]:
    return [float(x) if np.isfinite(x) else None for x in values]
