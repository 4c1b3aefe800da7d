"""Everything of a film that may vary, as a list for the terminal."""

from __future__ import annotations

from typing import Any

from torkivity.study.case import Case
from torkivity.tables import fold
from torkivity_engine.film.parameters import Parameter

__all__ = ["describe_parameters"]


def describe_parameters(case: Case) -> str:
    """Paths of all parameters with values, units and meanings.

    Parameters
    ----------
    case : Case

    Returns
    -------
    str
        A line for each, folded to 80 columns where it is longer.
    """
    rows = [
        (path, _plain(p.value), "" if p.unit == "1" else p.unit, _meaning(p))
        for path, p in case.parameters().items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for path, value, unit, meaning in rows:
        start = f"{path:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  "
        lines += fold(f"{start}{meaning}", hang=min(len(start), 40))
    return "\n".join(lines)


def _plain(value: Any) -> str:
    return f"{value + 0.0:.6g}" if isinstance(value, float) else str(value)


def _meaning(parameter: Parameter) -> str:
    """What a number is, or what a word may be."""
    return parameter.about or " or ".join(map(str, parameter.choices)) or parameter.meaning
