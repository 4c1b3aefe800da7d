"""Part of a sweep to look at: axes to draw over, the others held at one value each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from torkivity_engine.errors import InputError
from torkivity_engine.film.names import plain_path
from torkivity_hpc.files.store import STATUS

if TYPE_CHECKING:
    import xarray

__all__ = [
    "CHOICES",
    "FEW_VALUES",
    "Selection",
    "axis_name",
    "choose_axes",
    "count_states",
    "describe_point",
    "plain_value",
    "select_points",
    "sweep_axes",
    "varied_paths",
    "varied_values",
    "varying_axes",
]


#: Dimensions of a study that are chosen from, not drawn against.
CHOICES = ("model", "source", "turning")

#: Values of an axis that are drawn as a family of lines unless told otherwise.
FEW_VALUES = 6


@dataclass(frozen=True, eq=False)
class Selection:
    """Points of a sweep with some axes held.

    Attributes
    ----------
    dataset : xarray.Dataset
        Without the axes that are held; numeric axes increase.
    held : dict of str to value
        Where the others are held, but for axes with a single value.
    assumed : dict of str to value
        Those of `held` that nobody asked for: first values.
    """

    dataset: xarray.Dataset
    held: dict[str, Any]
    assumed: dict[str, Any]


def sweep_axes(dataset: xarray.Dataset) -> list[str]:
    """Names of the axes of a sweep, slowest first.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If it is not a sweep.
    """
    dims = dataset["status"].dims if "status" in dataset else ()
    axes = [str(dim) for dim in dims if dim not in CHOICES]
    if not axes:
        raise InputError("file", _file_name(dataset), "is not a sweep; 'torkivity sweep' makes one")
    return axes


def varying_axes(dataset: xarray.Dataset) -> list[str]:
    """Axes of a sweep with more than one value."""
    return [name for name in sweep_axes(dataset) if dataset.sizes[name] > 1]


def axis_name(dataset: xarray.Dataset, given: str) -> str:
    """Axis of a sweep by its path, another spelling of it, or its last part.

    Parameters
    ----------
    dataset : xarray.Dataset
    given : str
        For example ``interface.exchange``, ``Pt|Co.exchange`` or ``exchange``.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the sweep has no such axis.
    """
    axes = sweep_axes(dataset)
    spelt = plain_path(given).replace('"', "")
    bare = {name: name.replace('"', "") for name in axes}
    # The last part of a path will do where it says which axis is meant.
    found = [name for name in axes if name == given or bare[name] == spelt] or [
        name for name in axes if bare[name].endswith(f".{spelt}")
    ]
    if not found and (alias := _aliases(dataset).get(spelt)) in axes:
        found = [str(alias)]
    if len(found) != 1:
        raise InputError("axis", given, f"must be one of this sweep's: {', '.join(axes)}")
    return found[0]


def _aliases(dataset: xarray.Dataset) -> dict[str, str]:
    """Other spellings of the axes, as the file has them."""
    return dict(json.loads(dataset.attrs.get("aliases_json", "{}")))


def select_points(
    dataset: xarray.Dataset, keep: Iterable[str], at: Mapping[str, Any] | None = None
) -> Selection:
    """Hold every axis of a sweep but some.

    Parameters
    ----------
    dataset : xarray.Dataset
    keep : iterable of str
        Axes that stay.
    at : mapping of str to value, optional
        Where to hold others, on the grid; by default at their first values.

    Returns
    -------
    Selection

    Raises
    ------
    InputError
        If an axis is not there, is both kept and held, or does not have the value.
    """
    kept = [axis_name(dataset, name) for name in keep]
    wanted = {axis_name(dataset, name): value for name, value in (at or {}).items()}
    held: dict[str, Any] = {}
    assumed: dict[str, Any] = {}
    where: dict[str, int] = {}
    for name in sweep_axes(dataset):
        values = dataset[name].values
        if name in wanted:
            if name in kept:
                raise InputError("at", f"{name}={wanted[name]}", f"{name} is drawn as an axis")
            where[name] = _position(name, values, wanted[name])
        elif name not in kept:
            where[name] = 0
            if len(values) > 1:
                assumed[name] = values[0]
        if name in where and len(values) > 1:
            held[name] = values[where[name]]
    chosen = dataset.isel(where)
    for name in kept:
        if chosen[name].dtype.kind == "f":
            chosen = chosen.sortby(name)
    return Selection(chosen, held, assumed)


def choose_axes(
    dataset: xarray.Dataset,
    x: str | None = None,
    y: str | None = None,
    by: str | None = None,
    at: Iterable[str] = (),
) -> tuple[str, str | None, str | None]:
    """Axes of a figure: lines against x, a family of lines by another axis, or a map over x and y.

    What is not given follows from the two longest axes that are not held: one with at most six
    values (`torkivity.results.selection.FEW_VALUES`), or names, makes a family of lines against
    the other, else they make a map.

    Parameters
    ----------
    dataset : xarray.Dataset
    x, y, by : str, optional
    at : iterable of str, optional
        Axes that are held.

    Returns
    -------
    x : str
    y, by : str or None
        One of them at most.

    Raises
    ------
    InputError
        If an axis is not there or given twice, or nothing varies.
    """
    if y is not None and by is not None:
        raise InputError("by", by, "goes with lines against x, not with a map over x and y")
    x, y, by = (None if name is None else axis_name(dataset, name) for name in (x, y, by))
    taken = [name for name in (x, y, by) if name is not None]
    held = [axis_name(dataset, name) for name in at]
    for name in taken:
        if taken.count(name) > 1 or name in held:
            raise InputError("axis", name, "is used twice; give different axes")
    free = [name for name in varying_axes(dataset) if name not in (*taken, *held)]
    # Longest first; those with names instead of numbers make good families only.
    free.sort(key=lambda name: (not _has_numbers(dataset, name), -dataset.sizes[name]))
    if x is None:
        if not free:
            raise InputError("axis", None, "nothing is left that varies; hold fewer axes")
        x = free.pop(0)
    if y is None and by is None and free:
        other = free[0]
        if _is_short(dataset, x) and not _is_short(dataset, other) and x not in taken:
            x, other = other, x
        if _is_short(dataset, other):
            by = other
        else:
            y = other
    return x, y, by


def _has_numbers(dataset: xarray.Dataset, name: str) -> bool:
    return dataset[name].dtype.kind in "fiu"


def _is_short(dataset: xarray.Dataset, name: str) -> bool:
    return dataset.sizes[name] <= FEW_VALUES or not _has_numbers(dataset, name)


def _position(name: str, values: Any, wanted: Any) -> int:
    """Index of a value as it is printed: six digits stand for all of them."""
    shown = [plain_value(value) for value in values]
    for text in (str(wanted), plain_value(_number(wanted))):
        if text in shown:
            return shown.index(text)
    if len(shown) > 60:
        shown = [*shown[:57], "...", *shown[-2:]]
    raise InputError("at", f"{name}={wanted}", f"must be a value of the sweep: {', '.join(shown)}")


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def varied_paths(dataset: xarray.Dataset) -> list[str]:
    """Paths of the parameters that vary in a study."""
    return list(json.loads(dataset.attrs.get("varied_json", "[]")))


def varied_values(point: xarray.Dataset) -> dict[str, Any]:
    """Values of the parameters that vary in a study, by path, at one of its points."""
    return {path: point[path].item() for path in varied_paths(point)}


def plain_value(value: Any) -> str:
    """A coordinate as text, numbers with six digits."""
    if isinstance(value, (float, int, np.floating, np.integer)):
        return f"{float(value) + 0.0:.6g}"  # + 0.0 turns -0.0 into 0.0
    return str(value)


def describe_point(values: Mapping[str, Any]) -> str:
    """Axis values in words."""
    return ", ".join(f"{name} = {plain_value(value)}" for name, value in values.items())


def count_states(dataset: xarray.Dataset) -> dict[str, int]:
    """How many points are missing, done and failed, models and sources apart."""
    status = dataset["status"].values
    return {name: int(np.count_nonzero(status == code)) for name, code in STATUS.items()}


def _file_name(dataset: xarray.Dataset) -> str:
    return str(dataset.encoding.get("source", "dataset"))
