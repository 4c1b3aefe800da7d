"""Measured torques against heavy-metal thickness or direction of m, read from CSV.

The first line that is not a comment (#) names the columns as ``name [unit]``:

- ``thickness [nm]`` of the heavy metal, unless all films have the same;
- ``damping_like`` and ``field_like``, at least one, each in a unit that says what was measured
  (`torkivity_engine.units.parse_unit`): spin-torque conductivity, efficiency, or effective field;
- their error bars: ``damping_like_error`` (standard deviation), or both
  ``damping_like_low`` and ``damping_like_high`` (ends of the bar); unit as the torque's;
- ``theta [deg]`` and ``phi [deg]`` of the magnetization, ``resistivity [uOhm cm]``.

An empty cell is a torque that was not measured.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from torkivity.config.errors import ConfigError
from torkivity.config.text import read_text
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.units import QUANTITIES, parse_unit

__all__ = ["COMPONENTS", "Series", "TorqueData", "read_torque_data"]


COMPONENTS = ("damping_like", "field_like")

_COORDINATES = {
    "thickness": "length",
    "theta": "angle",
    "phi": "angle",
    "resistivity": "resistivity",
}
_TORQUES = tuple(
    component + ending for component in COMPONENTS for ending in ("", "_error", "_low", "_high")
)
_NAMES = (*_COORDINATES, *_TORQUES)


@dataclass(frozen=True, eq=False)
class Series:
    """One torque component of a data set.

    Attributes
    ----------
    component : {"damping_like", "field_like"}
    quantity : str
        A name of `torkivity_engine.units.QUANTITIES`; values are in its unit.
    values : ndarray, shape (n,)
        NaN where not measured.
    below, above : ndarray, shape (n,), or None
        Lengths of the error bar downwards and upwards; None without error bars.
    """

    component: str
    quantity: str
    values: FloatArray
    below: FloatArray | None = None
    above: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class TorqueData:
    """Torques measured on one series of films.

    Attributes
    ----------
    name : str
    thickness : ndarray, shape (n,)
        Of the heavy metal, nm.
    series : tuple of Series
    lines : tuple of int
        Line of each point in its file.
    theta_deg, phi_deg : ndarray, shape (n,), or None
        Direction of m, phi from the electric field.
    resistivity : ndarray, shape (n,), or None
        Of the heavy metal, Ohm m.
    """

    name: str
    thickness: FloatArray
    series: tuple[Series, ...]
    lines: tuple[int, ...]
    theta_deg: FloatArray | None = None
    phi_deg: FloatArray | None = None
    resistivity: FloatArray | None = None

    @property
    def size(self) -> int:
        """Number of measured torques."""
        return sum(int(np.isfinite(series.values).sum()) for series in self.series)


def read_torque_data(
    path: Path | str,
    columns: Mapping[str, str] | None = None,
    errors: Mapping[str, float] | None = None,
    thickness: float | None = None,
) -> TorqueData:
    """Read and check a data file.

    Parameters
    ----------
    path : Path or str
    columns : mapping of str to str, optional
        For files with another header: its names to ``name [unit]``. Columns that are neither
        here nor declared in the header are then left out.
    errors : mapping of str to float, optional
        Error bar of components that have none in the file, in the unit of the column.
    thickness : float, optional
        Of the heavy metal in nm, for a file without a column of it.

    Returns
    -------
    TorqueData

    Raises
    ------
    ConfigError
        With file, line and column in one line.
    """
    path = Path(path)
    file = str(path)
    rows = _rows(path, file)
    (header_line, header), body = rows[0], rows[1:]
    places, scales, quantities = _columns(header, header_line, columns or {}, file)
    table = _table(body, header, places, scales, file)
    if thickness is not None and "thickness" in table:
        raise ConfigError(file, f"fit.thickness = {thickness:g}: the file has its own column")
    if thickness is not None:
        table["thickness"] = np.full(len(body), thickness)
    elif "thickness" not in table:
        raise ConfigError(
            file,
            f"line {header_line}: there is no column 'thickness [nm]'; if all films have the same, "
            "say so with thickness under [fit] in the configuration",
        )
    lines = tuple(line for line, _ in body)
    _check_coordinates(table, lines, file)
    unknown = sorted(set(errors or {}) - set(quantities))
    if unknown:
        raise ConfigError(file, f"fit.errors.{unknown[0]}: there is no such torque in the file")
    series = tuple(
        _series(component, quantity, table, scales[component], (errors or {}), lines, file)
        for component, quantity in quantities.items()
    )
    data = TorqueData(
        name=path.stem,
        thickness=table["thickness"],
        series=series,
        lines=lines,
        theta_deg=table.get("theta"),
        phi_deg=table.get("phi"),
        resistivity=table.get("resistivity"),
    )
    if data.size == 0:
        raise ConfigError(file, "holds no torque: every cell of its torque columns is empty")
    return data


def _rows(path: Path, file: str) -> list[tuple[int, list[str]]]:
    """Lines with their numbers, without comments and empty ones."""
    text = read_text(path, "CSV").removeprefix("\ufeff")  # spreadsheets write a byte-order mark
    rows = [
        (number, [cell.strip() for cell in next(csv.reader([line]))])
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(rows) < 2:
        raise ConfigError(
            file, "needs a header line like 'thickness [nm],damping_like [1]' and data below it"
        )
    line, header = rows[0]
    if len(header) == 1 and any(separator in header[0] for separator in ";\t"):
        raise ConfigError(file, f"line {line}: columns must be separated by commas: {header[0]!r}")
    return rows


def _columns(
    header: list[str], line: int, declared: Mapping[str, str], file: str
) -> tuple[dict[str, int], dict[str, float], dict[str, str]]:
    """Place and scale of each known column, and the quantity of each torque."""
    missing = sorted(set(declared) - set(header))
    if missing:
        raise ConfigError(
            file, f"fit.columns.{missing[0]}: no such column; there are {', '.join(header)}"
        )
    places: dict[str, int] = {}
    scales: dict[str, float] = {}
    quantities: dict[str, str] = {}
    for place, title in enumerate(header):
        if declared and title not in declared and "[" not in title:
            continue
        name, unit = _declaration(declared.get(title, title), title, line, file)
        if name in places:
            raise ConfigError(file, f"line {line}: two columns are {name}")
        places[name] = place
        try:
            found = parse_unit(unit)
        except InputError as error:
            raise ConfigError(file, f"line {line}, column {title!r}: {error}") from None
        wanted = _COORDINATES.get(name)
        if (found.quantity != wanted) if wanted else (found.quantity not in QUANTITIES):
            what = f"a unit of {wanted}" if wanted else "a unit of torque"
            raise ConfigError(file, f"line {line}, column {title!r}: {name} needs {what}")
        if wanted and found.scale < 0.0:
            raise ConfigError(file, f"line {line}, column {title!r}: only torques may be negated")
        scales[name] = found.scale
        if name in COMPONENTS:
            quantities[name] = found.quantity
    if not quantities:
        raise ConfigError(
            file, f"line {line}: there is no column 'damping_like [unit]' or 'field_like [unit]'"
        )
    for name in places:
        _check_error_column(name, header[places[name]], places, scales, quantities, file)
    return places, scales, quantities


def _declaration(text: str, title: str, line: int, file: str) -> tuple[str, str]:
    name, bracket, rest = text.partition("[")
    name = name.strip()
    if not bracket or not rest.rstrip().endswith("]"):
        raise ConfigError(
            file,
            f"line {line}, column {title!r}: no unit; write it as 'name [unit]', or declare the "
            "column under [fit.columns] of the configuration",
        )
    if name not in _NAMES:
        close = difflib.get_close_matches(name, _NAMES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(_NAMES)}"
        raise ConfigError(file, f"line {line}, column {title!r}: unknown name {name!r}; {hint}")
    return name, rest.rstrip()[:-1]


def _check_error_column(
    name: str,
    title: str,
    places: Mapping[str, int],
    scales: Mapping[str, float],
    quantities: Mapping[str, str],
    file: str,
) -> None:
    component = next((c for c in COMPONENTS if name.startswith(c + "_")), None)
    if component is None:
        return
    if component not in quantities:
        raise ConfigError(file, f"column {title!r}: there is no column {component}")
    if scales[name] != scales[component]:
        raise ConfigError(file, f"column {title!r}: must have the unit of {component}")
    pair = {f"{component}_low", f"{component}_high"} & set(places)
    if len(pair) == 1:
        raise ConfigError(file, f"column {title!r}: {component}_low and _high belong together")
    if pair and f"{component}_error" in places:
        raise ConfigError(file, f"{component}: give either _error or _low and _high, not both")


def _table(
    body: list[tuple[int, list[str]]],
    header: list[str],
    places: Mapping[str, int],
    scales: Mapping[str, float],
    file: str,
) -> dict[str, FloatArray]:
    table = {name: np.full(len(body), np.nan) for name in places}
    for row, (line, cells) in enumerate(body):
        if len(cells) != len(header):
            raise ConfigError(
                file, f"line {line}: {len(cells)} cells, but the header has {len(header)}"
            )
        for name, place in places.items():
            text = cells[place]
            if not text and name in _TORQUES:
                continue
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not math.isfinite(value):
                hint = "; leave the cell empty if it was not measured" if name in _TORQUES else ""
                raise ConfigError(
                    file,
                    f"line {line}, column {header[place]!r}: {text!r} is not a finite number{hint}",
                )
            table[name][row] = value * scales[name]
    return table


def _check_coordinates(table: Mapping[str, FloatArray], lines: tuple[int, ...], file: str) -> None:
    for name in ("thickness", "resistivity"):
        if name not in table:
            continue
        wrong = np.flatnonzero(~(table[name] > 0.0))
        if wrong.size:
            raise ConfigError(file, f"line {lines[wrong[0]]}: {name} must be positive")
    if "phi" in table and "theta" not in table:
        raise ConfigError(file, "there is a column phi, but no column theta")


def _series(
    component: str,
    quantity: str,
    table: Mapping[str, FloatArray],
    scale: float,
    errors: Mapping[str, float],
    lines: tuple[int, ...],
    file: str,
) -> Series:
    values = table[component]
    below = above = None
    if f"{component}_error" in table:
        below = above = table[f"{component}_error"] * (1.0 if scale > 0.0 else -1.0)
    elif f"{component}_low" in table:
        below, above = values - table[f"{component}_low"], table[f"{component}_high"] - values
        if scale < 0.0:
            below, above = -above, -below
    if component in errors:
        if below is not None:
            raise ConfigError(file, f"fit.errors.{component}: the file has its own error bars")
        below = above = np.full(len(values), errors[component] * abs(scale))
    if below is not None and above is not None:
        wrong = np.flatnonzero(np.isfinite(values) & ~((below > 0.0) & (above > 0.0)))
        if wrong.size:
            raise ConfigError(
                file,
                f"line {lines[wrong[0]]}: the error bar of {component} must have a positive "
                "length on either side of the value",
            )
    return Series(component, quantity, values, below, above)
