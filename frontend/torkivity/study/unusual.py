"""Parameters of a film that look like the slip of a unit."""

from __future__ import annotations

from collections.abc import Iterable

from torkivity.study.case import Case
from torkivity_hpc.grid import Grid

__all__ = ["unusual_values"]

#: Values of an axis that are looked at.
_MOST = 1_000


def unusual_values(case: Case, grid: Grid | None = None) -> list[str]:
    """A line for each parameter that is likely a slip.

    Parameters
    ----------
    case : Case
    grid : Grid, optional
        What varies: of its values the first unusual one is named.

    Returns
    -------
    list of str
    """
    parameters = case.parameters()
    values: dict[str, Iterable[object]] = {
        path: (parameter.value,) for path, parameter in parameters.items()
    }
    for dimension in () if grid is None else grid.dimensions:
        rows = [dimension.row(position) for position in dimension.sample(_MOST)]
        values |= {name: [row[name] for row in rows] for name in dimension.parameters}
    lines = []
    for path, candidates in values.items():
        quantity = parameters[path].quantity if path in parameters else None
        for value in candidates:
            slip = quantity and isinstance(value, float) and quantity.slip(value)
            if slip:
                lines.append(f"{path} = {value:g}: {slip}")
                break
    return lines
