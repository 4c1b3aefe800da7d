"""Result files as tables: CSV and JSON, in any normalisation of torques."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.units import QUANTITIES, convert_torque, flowing_resistivity
from torkivity_hpc.files.reading import dims_of, own_variables, readable
from torkivity_hpc.files.store import STATUS, read_values

__all__ = ["ResultTable", "in_quantity", "read_results", "table_csv", "table_json", "wide_csv"]


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
    grid : tuple of str
        Dimensions of the points; empty for a single film.
    """

    attributes: dict[str, Any]
    coordinates: dict[str, NDArray[Any]]
    units: dict[str, str]
    meanings: dict[str, str]
    dims: dict[str, tuple[str, ...]]
    values: dict[str, FloatArray]
    grid: tuple[str, ...] = ()

    def at(self, name: str, **where: str) -> FloatArray:
        """Values of a variable at names along some of its dimensions.

        Raises
        ------
        InputError
            If there is no such variable, or a dimension has no such name.
        """
        if name not in self.values:
            drive = self.attributes.get("drive", "field")
            raise InputError("file", drive, f"is its drive, so that it has no {name}")
        values: Any = self.values[name]
        for axis, dim in reversed(list(enumerate(self.dims[name]))):
            if dim in where:
                known = list(self.coordinates[dim])
                if where[dim] not in known:
                    raise InputError(dim, where[dim], f"must be one of {', '.join(known)}")
                values = values.take(known.index(where[dim]), axis=axis)
        return np.asarray(values)

    @property
    def layers(self) -> list[dict[str, Any]]:
        """Name, thickness and whether magnetic of each layer, from the bottom."""
        return list(json.loads(self.attributes.get("layers_json", "[]")))

    def resistivity(self) -> float | None:
        """Resistivity of the lowest non-magnetic layer in Ohm m, if the file has it.

        From the current that flows there by the Boltzmann equation; of the bulk where the film has
        no such current.
        """
        metal = self._metal()
        if metal is None or "layer_conductivity" not in self.values:
            return None
        bulk = self.bulk_resistivity()
        if "layer_sheet_conductance" not in self.values:
            return bulk
        where = {"model": "boltzmann", "source": "all", "direction": "longitudinal"}
        sheet = float(self.at("layer_sheet_conductance", layer=metal["name"], **where))
        return float(flowing_resistivity(sheet, metal["thickness"])) if sheet > 0.0 else bulk

    def bulk_resistivity(self) -> float | None:
        """Resistivity of the bulk of that layer in Ohm m, if the file has it."""
        metal = self._metal()
        if metal is None or "layer_conductivity" not in self.values:
            return None
        return 1.0 / float(self.at("layer_conductivity", layer=metal["name"]))

    def _metal(self) -> dict[str, Any] | None:
        return next((layer for layer in self.layers if not layer["magnetic"]), None)

    def magnet_thickness(self) -> float | None:
        """Thickness of the lowest ferromagnet in nm, if the file has it."""
        return next((layer["thickness"] for layer in self.layers if layer["magnetic"]), None)


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
            grid=grid,
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
    resistivity: ArrayLike | None = None,
    saturation_magnetization: float | None = None,
    ferromagnet_thickness: ArrayLike | None = None,
) -> ResultTable:
    """Torques of a table in another normalisation.

    Parameters
    ----------
    table : ResultTable
    quantity : str
        A name of `torkivity_engine.units.QUANTITIES`.
    resistivity, ferromagnet_thickness : float or ndarray, optional
        Ohm m and nm, one for all points or over the grid; by default those of a single film, where
        the file has them.
    saturation_magnetization : float, optional
        A/m.

    Returns
    -------
    ResultTable
        Variables with ``torque`` in their names converted, the rest as before. Curves of a single
        film against a thickness have the resistivity of the bulk unless one number is given.
    """
    of_curves = resistivity
    if resistivity is None or np.ndim(resistivity) > 0:
        of_curves = table.bulk_resistivity()
    if resistivity is None:
        resistivity = table.resistivity()
    thickness = ferromagnet_thickness
    if thickness is None:
        thickness = table.magnet_thickness()
    values, units = dict(table.values), dict(table.units)
    for name, array in table.values.items():
        if "torque_" not in name or table.units[name] != QUANTITIES["per_e_tilde"]:
            continue
        own = (1,) * (array.ndim - len(table.grid))
        rho, length = (
            x if x is None or np.ndim(x) == 0 else np.reshape(x, np.shape(x) + own)
            for x in (of_curves if name.startswith("curve_") else resistivity, thickness)
        )
        values[name] = convert_torque(
            *(array, "per_e_tilde", quantity),
            resistivity=rho,
            saturation_magnetization=saturation_magnetization,
            ferromagnet_thickness=length,
        )
        units[name] = QUANTITIES[quantity]
    return replace(table, units=units, values=values)


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
    dims = {dim for name in table.values for dim in table.dims[name]}
    numeric = [d for d in table.coordinates if d in dims and table.coordinates[d].dtype.kind == "f"]
    axes = list(dict.fromkeys([*table.grid, *numeric]))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    titles = [f"{name} [{u}]" if (u := table.units[name]) else name for name in axes]
    writer.writerow(["variable", "component", *titles, "value", "unit"])
    for name, values in table.values.items():
        for place, index in _entries(table, name):
            component = " ".join(str(place[dim]) for dim in table.dims[name] if dim not in axes)
            where = [place.get(axis, "") for axis in axes]
            value = float(values[index])
            number = repr(value) if math.isfinite(value) else ""
            writer.writerow([name, component, *where, number, table.units[name]])
    return out.getvalue()


def wide_csv(table: ResultTable) -> str:
    """A table as CSV, one row per point and one column per number of it.

    Parameters
    ----------
    table : ResultTable

    Returns
    -------
    str
        Columns: the axes, then variables with their components, ``name component [unit]``. Empty
        where a value is not known. Variables over other axes than the grid, such as the curves of a
        single film, are left out.
    """
    shape = tuple(len(table.coordinates[dim]) for dim in table.grid)
    columns: dict[str, list[str]] = {}
    for place, dim in enumerate(table.grid):
        along = np.indices(shape)[place].ravel()
        columns[f"{dim} [{table.units[dim]}]"] = [str(table.coordinates[dim][i]) for i in along]
    for name, values in table.values.items():
        own = [dim for dim in table.dims[name] if dim not in table.grid]
        if any(table.coordinates[dim].dtype.kind == "f" for dim in own):
            continue
        # A parameter that varies with others in a group has the axis of the group alone.
        there = [dim in table.dims[name] for dim in table.grid]
        lengths = [n if has else 1 for n, has in zip(shape, there, strict=True)]
        full = np.reshape(values, (*lengths, *values.shape[sum(there) :]))
        full = np.broadcast_to(full, (*shape, *full.shape[len(shape) :]))
        for index in np.ndindex(full.shape[len(shape) :]):
            component = [str(table.coordinates[d][i]) for d, i in zip(own, index, strict=True)]
            title = f"{' '.join([name, *component])} [{table.units[name]}]"
            numbers = full[(..., *index)].ravel().tolist()
            columns[title] = [repr(x) if math.isfinite(x) else "" for x in numbers]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
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
