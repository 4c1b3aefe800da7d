"""Result files as tables: CSV and JSON, in any normalisation of torques."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.record import COORDINATES
from torkivity_engine.units import QUANTITIES, convert_torque
from torkivity_hpc.files.reading import dims_of, own_variables, readable
from torkivity_hpc.files.store import STATUS, read_values

__all__ = ["ResultTable", "in_quantity", "read_results", "table_csv", "table_json"]


@dataclass(frozen=True, eq=False)
class ResultTable:
    """The numbers of a result file.

    Attributes
    ----------
    attributes : dict of str to str or float
        Origin of the file.
    coordinates : dict of str to ndarray
        By dimension: numbers, or names of components.
    units : dict of str to str
        Of coordinates and variables.
    meanings : dict of str to str
        Of variables.
    dims : dict of str to tuple of str
        Of variables.
    values : dict of str to ndarray
        Of variables; NaN at points of a sweep that are not done.
    """

    attributes: dict[str, Any]
    coordinates: dict[str, NDArray[Any]]
    units: dict[str, str]
    meanings: dict[str, str]
    dims: dict[str, tuple[str, ...]]
    values: dict[str, FloatArray]

    @property
    def config(self) -> dict[str, Any]:
        """Configuration of the run; empty if the file has none."""
        return dict(json.loads(self.attributes.get("config_json", "{}")))


def read_results(path: Path) -> ResultTable:
    """Read a result file of a single film or of a sweep.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ResultTable

    Raises
    ------
    InputError
        If it is not a result file.
    """
    with readable(path) as file:
        status, own = file["status"], own_variables(file)
        grid = dims_of(status)
        done = np.asarray(status[...]) == STATUS["done"]
        table = ResultTable(
            attributes={name: _plain(value) for name, value in file.attrs.items()},
            coordinates={n: read_values(item) for n, item in own.items() if item.is_scale},
            units={n: str(item.attrs.get("units", "1")) for n, item in own.items()},
            meanings={n: str(item.attrs.get("long_name", "")) for n, item in own.items()},
            dims={},
            values={},
        )
        for name, item in own.items():
            if item.is_scale or item.dtype.kind != "f":
                continue
            values = np.array(item[...], dtype=np.float64)
            dims = dims_of(item)
            if dims[: len(grid)] == grid:
                values[~done] = np.nan
            table.dims[name], table.values[name] = dims, values
    return table


def _plain(value: Any) -> Any:
    """Attribute as what JSON can hold."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


def in_quantity(
    table: ResultTable,
    quantity: str,
    *,
    resistivity: float | None = None,
    saturation_magnetization: float | None = None,
    ferromagnet_thickness: float | None = None,
) -> ResultTable:
    """Torques of a table in another normalisation.

    Parameters
    ----------
    table : ResultTable
    quantity : str
        A name of `torkivity_engine.units.QUANTITIES`.
    resistivity, saturation_magnetization, ferromagnet_thickness : float, optional
        Ohm m, A/m, nm; by default those of the film, where the file has them.

    Returns
    -------
    ResultTable
        Variables with ``torque`` in their names converted, the rest as before.
    """
    if resistivity is None and table.dims.get("heavy_metal_conductivity") == ():
        resistivity = 1.0 / float(table.values["heavy_metal_conductivity"])
    thickness = ferromagnet_thickness
    if thickness is None:
        thickness = table.config.get("ferromagnet", {}).get("thickness")
    values, units = dict(table.values), dict(table.units)
    for name, array in table.values.items():
        if "torque_" not in name or table.units[name] != QUANTITIES["per_e_tilde"]:
            continue
        values[name] = convert_torque(
            *(array, "per_e_tilde", quantity),
            resistivity=resistivity,
            saturation_magnetization=saturation_magnetization,
            ferromagnet_thickness=thickness,
        )
        units[name] = QUANTITIES[quantity]
    return ResultTable(
        table.attributes, table.coordinates, units, table.meanings, table.dims, values
    )


def table_csv(table: ResultTable) -> str:
    """A table as CSV, one number per line.

    Parameters
    ----------
    table : ResultTable

    Returns
    -------
    str
        Columns: variable, component, one per axis, value, unit. Empty where an axis does not
        concern the variable or the value is not known.
    """
    axes = [name for name in table.coordinates if name not in COORDINATES]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    titles = [f"{name} [{table.units[name]}]" for name in axes]
    writer.writerow(["variable", "component", *titles, "value", "unit"])
    for name, values in table.values.items():
        for place, index in _entries(table, name):
            component = " ".join(str(place[dim]) for dim in table.dims[name] if dim in COORDINATES)
            where = [place.get(axis, "") for axis in axes]
            value = float(values[index])
            number = repr(value) if math.isfinite(value) else ""
            writer.writerow([name, component, *where, number, table.units[name]])
    return out.getvalue()


def _entries(table: ResultTable, name: str) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
    """Coordinates and index of each number of a variable."""
    dims = table.dims[name]
    for index in itertools.product(*(range(len(table.coordinates[dim])) for dim in dims)):
        place = {d: table.coordinates[d][i] for d, i in zip(dims, index, strict=True)}
        yield place, index


def table_json(table: ResultTable) -> str:
    """A table as JSON: attributes, coordinates, variables; null where a value is not known.

    Parameters
    ----------
    table : ResultTable

    Returns
    -------
    str
    """
    content = {
        "attributes": table.attributes,
        "coordinates": {
            name: {"units": table.units[name], "values": values.tolist()}
            for name, values in table.coordinates.items()
        },
        "variables": {
            name: {
                "dims": list(table.dims[name]),
                "units": table.units[name],
                "long_name": table.meanings[name],
                "values": _nullable(values.tolist()),
            }
            for name, values in table.values.items()
        },
    }
    return json.dumps(_nullable(content), indent=1, allow_nan=False) + "\n"


def _nullable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _nullable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_nullable(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
