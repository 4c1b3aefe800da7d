"""A fit as text and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from torkivity.fit.fit import LEVELS, FitResult, Fitted

__all__ = ["fit_json", "fit_report"]


def fit_report(result: FitResult) -> str:
    """Table of parameters, quality of the fit, correlations and warnings.

    Parameters
    ----------
    result : FitResult

    Returns
    -------
    str
    """
    names = [entry.name for entry in result.parameters]
    width = max(map(len, names))
    levels = "".join(f"  {f'{100 * level:.3g} % interval':<23}" for level in LEVELS)
    head = f"  {'':<{width}}  {'value':>10}  {'error':>9}{levels}".rstrip()
    lines = [f"{result.model} model", ""]
    if len(result.data) > 1:
        numbered = (f"{index} {name}" for index, name in enumerate(result.data, start=1))
        lines += [f"data sets: {', '.join(numbered)}", ""]
    lines.append(head)
    lines += [_parameter_line(entry, width) for entry in result.parameters]
    origin = "error bars" if result.error_bars else "scatter, there are no error bars"
    lines += [
        "",
        f"{len(result.points)} points, {result.degrees_of_freedom} degrees of freedom, "
        f"errors from the {origin}",
    ]
    if result.error_bars:
        lines.append(f"chi-square {result.chi_square:.4g}")
    if result.correlations:
        lines += ["", "correlations"]
        ranked = sorted(result.correlations.items(), key=lambda item: -abs(item[1]))
        lines += [f"  {value:+.3f}  {first}, {second}" for (first, second), value in ranked[:6]]
    if result.remarks:
        lines += ["", "assumed", *(f"  - {note}" for note in result.remarks)]
    if result.warnings:
        lines += ["", "warnings", *(f"  - {note}" for note in result.warnings)]
    return "\n".join(lines)


def _parameter_line(entry: Fitted, width: int) -> str:
    intervals = "".join(
        f"  {str(entry.intervals[level]) if level in entry.intervals else '':<23}"
        for level in LEVELS
    )
    unit = "" if entry.unit == "1" else entry.unit
    error = _error_text(entry)
    return f"  {entry.name:<{width}}  {entry.value:>10.4g}  {error:>9}{intervals}{unit}".rstrip()


def _error_text(entry: Fitted) -> str:
    """Standard error, or why there is none."""
    if not entry.varied:
        return "fixed"
    if entry.at_bound:
        return "at bound"
    if entry.error is None:
        return "one-sided" if entry.intervals else "unknown"
    return f"{entry.error:.3g}"


def fit_json(result: FitResult) -> dict[str, Any]:
    """Everything in a fit as what JSON can hold.

    Null stands for what is infinite or unknown, and for the open end of an interval.

    Parameters
    ----------
    result : FitResult

    Returns
    -------
    dict
    """
    return {
        "model": result.model,
        "success": result.success,
        "chi_square": _plain(result.chi_square),
        "data": list(result.data),
        "degrees_of_freedom": result.degrees_of_freedom,
        "error_bars": result.error_bars,
        "parameters": {
            entry.name: {
                "value": _plain(entry.value),
                "unit": entry.unit,
                "error": _plain(entry.error),
                "varied": entry.varied,
                "at_bound": entry.at_bound,
                "intervals": {
                    f"{level:g}": [_plain(end) for end in interval]
                    for level, interval in entry.intervals.items()
                },
            }
            for entry in result.parameters
        },
        "correlations": [
            {"between": list(pair), "value": value} for pair, value in result.correlations.items()
        ],
        "points": [
            {key: _plain(value) for key, value in asdict(point).items()} for point in result.points
        ],
        "assumed": list(result.remarks),
        "warnings": list(result.warnings),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
