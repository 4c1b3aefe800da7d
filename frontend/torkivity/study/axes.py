"""From the [sweep] table of a configuration to the grid of points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from pydantic import BaseModel

from torkivity.config.text import ConfigError, RunConfig
from torkivity_engine.errors import InputError
from torkivity_hpc.files.store import Axis
from torkivity_hpc.grid import Dimension, Grid, Value

__all__ = ["LAYER_SECTIONS", "Parameter", "make_grid", "parameters"]

#: Sections whose values go into the responses of layers, the expensive shared part of points.
LAYER_SECTIONS = ("heavy_metal", "ferromagnet", "surfaces", "mesh")

#: Sections that vary; the name of a dimension keeps the section only where it is needed.
_SECTIONS = {
    "film": "",
    "heavy_metal": "heavy_metal_",
    "interface": "",
    "ferromagnet": "ferromagnet_",
    "surfaces": "",
    "mesh": "",
    "drift_diffusion": "drift_diffusion_",
}
_FIXED = {"film.magnetization", "heavy_metal.name", "ferromagnet.name", "mesh.file"}
_SPACINGS = ("linspace", "logspace")


@dataclass(frozen=True)
class Parameter:
    """Something that may vary.

    Attributes
    ----------
    key : str
        As in the TOML file, section and key.
    name : str
        Of the dimension or variable in the result file.
    kind : type
        float, int or str.
    units, long_name : str
    """

    key: str
    name: str
    kind: type
    units: str
    long_name: str


def parameters() -> dict[str, Parameter]:
    """All parameters that may vary, by key."""
    return {p.key: p for section, prefix in _SECTIONS.items() for p in _section(section, prefix)}


def _section(section: str, prefix: str) -> Iterator[Parameter]:
    model = RunConfig.model_fields[section].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    if section == "film":
        for angle, meaning in (("theta", "polar angle of m from z"), ("phi", "azimuth of m")):
            key = f"film.magnetization_angles_deg.{angle}"
            yield Parameter(key, angle, float, "degree", meaning)
    for name, field in model.model_fields.items():
        key = f"{section}.{name}"
        if key in _FIXED or name == "magnetization_angles_deg":
            continue
        kinds = {field.annotation, *get_args(field.annotation)}
        kind = next((kind for kind in (float, int) if kind in kinds), str)
        meaning = field.description or name
        yield Parameter(key, prefix + name, kind, _units(name, kind), meaning)


def _units(name: str, kind: type) -> str:
    if kind is not float:
        return ""
    if name.endswith("_deg"):
        return "degree"
    if name == "fermi_wavevector":
        return "1/nm"
    if name == "resistivity":
        return "Ohm m"
    if name.endswith(("thickness", "length")) or "mean_free_path" in name:
        return "nm"
    return "1"


def make_grid(axes: Mapping[str, Any], groups: list[dict[str, Any]], file: str) -> Grid:
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
            parameter = _known(key, "sweep.axes", file)
            values = _values(parameter, given, f"sweep.axes.{key}", file)
            axis = Axis(values, parameter.units, parameter.long_name)  # type: ignore[arg-type]
            dimensions.append(Dimension(parameter.name, axis, {parameter.name: values}))
        for number, group in enumerate(groups):
            dimensions.append(_group(group, f"sweep.zip[{number}]", file))
        return Grid(dimensions)
    except ConfigError:
        raise
    except InputError as error:
        raise ConfigError(file, f"sweep: {error}") from None


def _group(group: Mapping[str, Any], where: str, file: str) -> Dimension:
    given = dict(group)
    name, labels = given.pop("name", None), given.pop("labels", None)
    if not isinstance(name, str) or not name.isidentifier():
        raise ConfigError(
            file, f"{where}.name = {name!r}: must name the dimension, like a variable"
        )
    varied: dict[str, tuple[Value, ...]] = {}
    for key, values in _flat(given, where, file):
        parameter = _known(key, where, file)
        varied[parameter.name] = _values(parameter, values, f"{where}.{key}", file)
    if name in {parameter.name for parameter in parameters().values()}:
        raise ConfigError(
            file, f"{where}.name = {name!r}: is the name of a parameter; take another"
        )
    if not varied:
        raise ConfigError(file, f"{where}: varies nothing; give parameters and their values")
    lengths = {key: len(values) for key, values in varied.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise ConfigError(file, f"{where}: values go together, but their numbers differ ({listed})")
    length = next(iter(lengths.values()))
    if labels is None:
        labels = [float(i) for i in range(length)]
    elif (
        not isinstance(labels, list)
        or len(labels) != length
        or not all(isinstance(label, str) for label in labels)
    ):
        raise ConfigError(file, f"{where}.labels: must be {length} strings")
    return Dimension(name, Axis(tuple(labels), "", f"group {name}"), varied)


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


def _known(key: str, where: str, file: str) -> Parameter:
    known = parameters()
    if key in known:
        return known[key]
    # The names in the result file are understood as well: they are what a reader sees.
    by_name = {parameter.name: parameter for parameter in known.values()}
    if key in by_name:
        return by_name[key]
    import difflib

    close = difflib.get_close_matches(key, [*known, *by_name], n=1)
    hint = f"did you mean {close[0]}?" if close else f"these can: {', '.join(known)}"
    raise ConfigError(file, f"{where}.{key}: cannot be swept; {hint}")


def _values(parameter: Parameter, given: Any, where: str, file: str) -> tuple[Value, ...]:
    if isinstance(given, Mapping):
        values: list[Any] = _spaced(given, where, file)
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


def _spaced(given: Mapping[str, Any], where: str, file: str) -> list[float]:
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
    if spacing == "linspace":
        values: list[float] = np.linspace(first, last, int(number)).tolist()
        return values
    if first * last <= 0.0:
        raise ConfigError(file, f"{expected}, and both ends of the same sign for a logspace")
    values = np.geomspace(first, last, int(number)).tolist()
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
