"""Tables of a fit as HTML: in notebooks and reports."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from torkivity.fit.derived import Derived
from torkivity.fit.fit import FitResult, Fitted
from torkivity_engine.html import escape, html_list, html_table

__all__ = ["derived_table", "error_text", "fit_html", "fit_words", "parameter_table"]


def error_text(entry: Fitted) -> str:
    """Standard error, or why there is none."""
    if not entry.varied:
        return "fixed"
    if entry.at_bound:
        return "at bound"
    if entry.error is None:
        return "one-sided" if entry.intervals else "unknown"
    return f"{entry.error:.3g}"


def parameter_table(parameters: Sequence[Fitted]) -> str:
    """Values, errors and intervals of the parameters of a fit."""
    levels = list(dict.fromkeys(level for entry in parameters for level in entry.intervals))
    rows = [
        (
            _words(entry.name),
            _number(entry.value),
            error_text(entry),
            *(str(entry.intervals.get(level, "")) for level in levels),
            _unit(entry.unit),
        )
        for entry in parameters
    ]
    titles = (f"{100.0 * level:.3g} % interval" for level in levels)
    return html_table(("parameter", "value", "error", *titles, "unit"), rows)


def derived_table(derived: Iterable[Derived]) -> str:
    """What follows from the parameters of a fit."""
    rows = [
        (
            _words(entry.name),
            _number(entry.value),
            "" if entry.error is None else f"{entry.error:.2g}",
            _unit(entry.unit),
        )
        for entry in derived
    ]
    return html_table(("from these", "value", "error", "unit"), rows)


def fit_words(
    model: str,
    data: Sequence[str],
    points: int,
    degrees_of_freedom: int,
    chi_square: float | None,
    success: bool,
) -> str:
    """What was fitted, and how well, in sentences; no chi-square where there are no error bars."""
    origin = "the scatter, there are no error bars" if chi_square is None else "their error bars"
    text = "" if success else "The fit did not converge. "
    text += (
        f"The {model} model, fitted to {points} points of {', '.join(data)}; "
        f"{degrees_of_freedom} degrees of freedom, errors from {origin}."
    )
    if chi_square is not None:
        text += f" Chi-square is {chi_square:.4g}; about {degrees_of_freedom} is expected."
    return text


def fit_html(result: FitResult) -> str:
    """A fit as a notebook shows it: parameters, what follows from them, warnings."""
    words = fit_words(
        result.model,
        result.data,
        len(result.points),
        result.degrees_of_freedom,
        result.chi_square if result.error_bars else None,
        result.success,
    )
    parts = [f"<p>{escape(words)}</p>", parameter_table(result.parameters)]
    if result.derived:
        parts.append(derived_table(result.derived))
    for title, notes in (("Warnings", result.warnings), ("Assumed", result.remarks)):
        if notes:
            parts.append(f"<p>{title}:</p>{html_list(notes)}")
    return "".join(parts)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def _number(value: float) -> str:
    return f"{value:.5g}" if math.isfinite(value) else "infinite"
