"""Which points of a data set are fitted."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torkivity.fit.data import TorqueData
from torkivity_engine.errors import InputError

__all__ = ["points_where", "without_lines"]

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_SHORT = {"t": "thickness"}


def points_where(data: TorqueData, condition: str) -> TorqueData:
    """The lines of a data set for which a condition holds.

    Parameters
    ----------
    data : TorqueData
    condition : str
        Like ``t < 4`` or ``theta >= 30``: ``thickness`` (or ``t``) in nm, ``theta`` and ``phi`` in
        degrees, compared with a number.

    Returns
    -------
    TorqueData

    Raises
    ------
    InputError
        If it is something else, or nothing is left.
    """
    parts = re.fullmatch(r"\s*(\w+)\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*", condition)
    number = _number(parts[3]) if parts else None
    columns = {"thickness": data.thickness, "theta": data.theta_deg, "phi": data.phi_deg}
    name = _SHORT.get(parts[1], parts[1]) if parts else ""
    if parts is None or number is None or name not in columns:
        raise InputError("--where", condition, "must be like 't < 4', 'theta >= 30' or 'phi == 0'")
    values = columns[name]
    if values is None:
        raise InputError("--where", condition, f"asks for {name}, which {data.name} does not have")
    return _taken(data, _COMPARE[parts[2]](values, number), "--where", condition)


def without_lines(sets: Sequence[TorqueData], text: str) -> list[TorqueData]:
    """Data sets without some lines of their files.

    Parameters
    ----------
    sets : sequence of TorqueData
    text : str
        Like ``7`` or ``7,12-14``; with several data sets ``name:7,12-14``.

    Returns
    -------
    list of TorqueData

    Raises
    ------
    InputError
        For lines that hold no data, or if nothing is left.
    """
    name, colon, numbers = text.rpartition(":")
    names = [data.name for data in sets]
    if (colon and name not in names) or (not colon and len(sets) > 1):
        raise InputError("--exclude", text, f"must be NAME:LINES with one of {', '.join(names)}")
    chosen = names.index(name) if colon else 0
    data = sets[chosen]
    unwanted: set[int] = set()
    for part in numbers.split(","):
        ends = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if ends is None:
            raise InputError("--exclude", text, "must be line numbers of the file, like 7,12-14")
        first, last = int(ends[1]), int(ends[2] or ends[1])
        found = {line for line in data.lines if first <= line <= last}
        if not found:
            raise InputError("--exclude", text, f"line {part.strip()} of {data.name} has no data")
        unwanted |= found
    keep = np.array([line not in unwanted for line in data.lines])
    rest = _taken(data, keep, "--exclude", text)
    return [rest if index == chosen else other for index, other in enumerate(sets)]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _taken(data: TorqueData, keep: NDArray[np.bool_], key: str, text: str) -> TorqueData:
    """Some lines of a data set."""
    if not keep.any():
        raise InputError(key, text, f"leaves nothing of {data.name}")

    def part(values: Any) -> Any:
        return None if values is None else values[keep]

    series = tuple(
        replace(s, values=part(s.values), below=part(s.below), above=part(s.above))
        for s in data.series
    )
    lines = tuple(line for line, kept in zip(data.lines, keep, strict=True) if kept)
    return replace(
        data,
        thickness=part(data.thickness),
        series=series,
        lines=lines,
        theta_deg=part(data.theta_deg),
        phi_deg=part(data.phi_deg),
        resistivity=part(data.resistivity),
    )
