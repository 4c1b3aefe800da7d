"""From the [sweep] table of a configuration to the grid of points."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from torkivity.config.errors import ConfigError
from torkivity_engine.errors import InputError
from torkivity_engine.film.parameters import Parameter
from torkivity_hpc.grid import Axis, Dimension, Grid, Value
from torkivity_hpc.spaced import Spaced

__all__ = ["make_grid"]


_SPACINGS = ("linspace", "logspace")

#: Mesh sizes along one axis.
_MOST_INTEGERS = 10_000


#: From a path, however it is spelt, to the parameter there.
Lookup = Callable[[str], Parameter]


def make_grid(
    axes: Mapping[str, Any], groups: Sequence[Mapping[str, Any]], file: str, lookup: Lookup
) -> Grid:
    """Grid of a sweep.

    Parameters
    ----------
    axes : mapping
        Values by parameter, in nested tables or with dotted keys: a list,
        ``{linspace = [first, last, number]}`` or ``{logspace = [first, last, number]}``.
    groups : list of dict
        Parameters that vary together, each group with the ``name`` of its dimension.
    file : str
        Name for errors.
    lookup : callable
        Gives the parameter at a path, or raises InputError.

    Returns
    -------
    Grid
        Dimensions in the order given, groups last.

    Raises
    ------
    ConfigError
        For unknown parameters and impossible values.
    """
    dimensions = []
    try:
        for key, given in _flat(axes, "sweep.axes", file):
            parameter = _known(key, "sweep.axes", file, lookup)
            values = _values(parameter, given, f"sweep.axes.{key}", file)
            dimensions.append(
                Dimension(parameter.path, _axis(parameter, values), {parameter.path: values})
            )
        for number, group in enumerate(groups):
            dimensions.append(_group(group, f"sweep.zip[{number}]", file, lookup))
        return Grid(dimensions)
    except ConfigError:
        raise
    except InputError as error:
        raise ConfigError(file, f"sweep: {error}") from None


def _group(group: Mapping[str, Any], where: str, file: str, lookup: Lookup) -> Dimension:
    given = dict(group)
    name, labels = given.pop("name", None), given.pop("labels", None)
    if not isinstance(name, str) or not name.isidentifier():
        raise ConfigError(
            file, f"{where}.name = {name!r}: must name the dimension, like a variable"
        )
    varied: dict[str, Sequence[Value]] = {}
    described: dict[str, Axis] = {}
    for key, values in _flat(given, where, file):
        parameter = _known(key, where, file, lookup)
        along = _values(parameter, values, f"{where}.{key}", file)
        varied[parameter.path] = along
        described[parameter.path] = _axis(parameter, along)
    if not varied:
        raise ConfigError(file, f"{where}: varies nothing; give parameters and their values")
    lengths = {key: len(values) for key, values in varied.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise ConfigError(file, f"{where}: values go together, but their numbers differ ({listed})")
    length = next(iter(lengths.values()))
    if labels is None:
        labels = Spaced(0.0, length - 1.0, length) if length > 1 else (0.0,)
    elif (
        not isinstance(labels, list)
        or len(labels) != length
        or not all(isinstance(label, str) for label in labels)
    ):
        raise ConfigError(file, f"{where}.labels: must be {length} strings")
    return Dimension(name, Axis(labels, "", f"group {name}"), varied, described)


def _axis(parameter: Parameter, values: Sequence[Value]) -> Axis:
    return Axis(values, parameter.unit, parameter.meaning, parameter.label)  # type: ignore[arg-type]


def _flat(table: Mapping[str, Any], where: str, file: str) -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested tables."""
    for key, value in table.items():
        if isinstance(value, Mapping) and not set(value) & set(_SPACINGS):
            if not value:
                raise ConfigError(file, f"{where}.{key}: is empty; give values")
            for rest, inner in _flat(value, f"{where}.{key}", file):
                yield f"{key}.{rest}", inner
        else:
            yield key, value


def _known(key: str, where: str, file: str, lookup: Lookup) -> Parameter:
    try:
        parameter = lookup(key)
    except InputError as error:
        raise ConfigError(file, f"{where}.{key}: cannot be swept; {error.expected}") from None
    if parameter.kind not in (float, int, str):
        raise ConfigError(file, f"{where}.{key}: cannot be swept; it is not a number or a word")
    return parameter


def _values(parameter: Parameter, given: Any, where: str, file: str) -> Sequence[Value]:
    if isinstance(given, Mapping):
        spaced = _spaced(given, where, file)
        if parameter.kind is float:
            return spaced
        values: list[Any] = list(_countable(spaced, where, file))
    elif isinstance(given, (list, tuple, np.ndarray)):
        values = np.asarray(given).tolist() if isinstance(given, np.ndarray) else list(given)
    else:
        raise ConfigError(
            file,
            f"{where} = {given!r}: must be a list of values, "
            "{ linspace = [first, last, number] } or { logspace = [first, last, number] }",
        )
    if not values:
        raise ConfigError(file, f"{where} = []: must have at least one value")
    return tuple(_value(parameter, value, f"{where}[{i}]", file) for i, value in enumerate(values))


def _spaced(given: Mapping[str, Any], where: str, file: str) -> Sequence[float]:
    (spacing, *others) = given
    numbers = given[spacing]
    expected = f"{where}: must be {{ {spacing} = [first, last, number] }}"
    if (
        others
        or not isinstance(numbers, list)
        or len(numbers) != 3
        or any(isinstance(x, bool) or not isinstance(x, (int, float)) for x in numbers)
        or not all(math.isfinite(x) for x in numbers)
    ):
        raise ConfigError(file, expected)
    first, last, number = numbers
    if number != int(number) or number < 1:
        raise ConfigError(file, f"{expected}, and number a positive integer")
    if spacing == "logspace" and not first * last > 0.0:
        raise ConfigError(file, f"{expected}, and both ends of the same sign for a logspace")
    if number == 1:
        return (float(first),)
    try:
        return Spaced(float(first), float(last), int(number), spacing == "logspace")
    except InputError as error:
        raise ConfigError(file, f"{where}: {error}") from None


def _countable(values: Sequence[float], where: str, file: str) -> Sequence[float]:
    """Values that are looked at one by one: those that must be integers."""
    if len(values) > _MOST_INTEGERS:
        raise ConfigError(
            file, f"{where}: {len(values)} sizes; at most {_MOST_INTEGERS} can be swept"
        )
    return values


def _value(parameter: Parameter, value: Any, where: str, file: str) -> Value:
    if parameter.kind is str:
        if isinstance(value, str):
            return value
        raise ConfigError(file, f"{where} = {value!r}: must be a string")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        raise ConfigError(file, f"{where} = {value!r}: must be a number")
    if parameter.kind is int:
        if value != round(value):
            raise ConfigError(file, f"{where} = {value!r}: must be an integer")
        return int(value)
    return float(value)
