"""What was measured against heavy-metal thickness or direction of m, read from files.

The first line that is not a comment (#) names the columns as ``name [unit]``, or as ``name`` with
the units in the line below:

- ``thickness [nm]`` of the heavy metal, unless all films have the same;
- at least one of `torkivity.fit.observables.OBSERVABLES`: torques ``damping_like`` and
  ``field_like``, each in a unit that says what was measured
  (`torkivity.fit.unit_names.parse_unit`): spin-torque conductivity, efficiency, or effective field;
  ``sheet_resistance``, ``magnetoresistance``, ``damping`` and so on;
- their error bars: ``damping_like_error`` (standard deviation), or both
  ``damping_like_low`` and ``damping_like_high`` (ends of the bar); unit as the value's;
- ``theta [deg]`` and ``phi [deg]`` of the magnetization, ``resistivity [uOhm cm]``.

Lines of text between them and the numbers are comments. An empty cell was not
measured. How the file may be written: `torkivity.fit.cells`.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from torkivity.config.errors import ConfigError
from torkivity.fit.cells import Numbers, Row, is_numeral, read_cells
from torkivity.fit.observables import OBSERVABLES, quantity_unit
from torkivity.fit.unit_names import Unit, parse_unit
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.html import html_table

__all__ = ["Series", "TorqueData", "read_torque_data"]


_COORDINATES = {
    "thickness": "length",
    "theta": "angle",
    "phi": "angle",
    "resistivity": "resistivity",
}
_ENDINGS = ("_error", "_low", "_high")
_MEASURED = tuple(name + ending for name in OBSERVABLES for ending in ("", *_ENDINGS))
_NAMES = (*_COORDINATES, *_MEASURED)


@dataclass(frozen=True, eq=False)
class Series:
    """One observable of a data set.

    Attributes
    ----------
    component : str
        A name of `torkivity.fit.observables.OBSERVABLES`, such as "damping_like".
    quantity : str
        Of a torque a name of `torkivity_engine.units.QUANTITIES`, else the component again; values
        are in the unit that `torkivity.fit.observables.quantity_unit` says.
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
    """What was measured on one series of films: torques, and what else is fitted with them.

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
        """Number of measured values."""
        return sum(int(np.isfinite(series.values).sum()) for series in self.series)

    def _repr_html_(self) -> str:
        """Table of what was measured, for notebooks."""
        angles = (("theta [deg]", self.theta_deg), ("phi [deg]", self.phi_deg))
        columns = {"line": np.array(self.lines), "thickness [nm]": self.thickness}
        columns |= {name: values for name, values in angles if values is not None}
        for series in self.series:
            unit = quantity_unit(series.quantity)
            columns[f"{series.component} [{unit}]"] = series.values
        rows = [[f"{x:.6g}" for x in row] for row in zip(*columns.values(), strict=True)]
        return html_table(list(columns), rows, self.name)


def read_torque_data(
    path: Path | str,
    columns: Mapping[str, str] | None = None,
    errors: Mapping[str, float] | None = None,
    thickness: float | None = None,
    *,
    needs_thickness: bool = True,
) -> TorqueData:
    """Read and check a data file.

    Parameters
    ----------
    path : Path or str
    columns : mapping of str to str, optional
        For files with another header: its names to ``name [unit]``, or to ``name`` if the file
        has a line of units. Columns that are neither here nor have a unit in the header are
        then left out.
    errors : mapping of str to float, optional
        Error bar of components that have none in the file, in the unit of the column.
    thickness : float, optional
        Of the heavy metal in nm, for a file without a column of it.
    needs_thickness : bool, optional
        Whether a file without either is refused; else its thickness is NaN.

    Returns
    -------
    TorqueData

    Raises
    ------
    ConfigError
        With file, line and column in one line.
    ModuleNotFoundError
        Without the extra ``torkivity[fit]``.
    """
    path = Path(path)
    file = str(path)
    rows, separator = read_cells(path)
    if len(rows) < 2:
        raise ConfigError(
            file, "needs a header line like 'thickness [nm],damping_like [1]' and data below it"
        )
    header = rows[0]
    declared = {" ".join(title.split()): text for title, text in (columns or {}).items()}
    named = _named(header, declared, file)
    units, body = _below_header(rows[1:], named)
    if not body:
        raise ConfigError(file, "there are no numbers below the header")
    _check_widths(header, ([units] if units else []) + body, separator, file)
    if not declared:
        _check_untitled(header, body, file)
    used = _with_units(named, header.line, units, declared, file)
    torques = _check_columns(used, header.line, file)
    table = _table(body, used, file)
    if thickness is not None and "thickness" in table:
        raise ConfigError(file, f"fit.thickness = {thickness:g}: the file has its own column")
    lines = tuple(row.line for row in body)
    _check_coordinates(table, lines, file)
    if thickness is not None or not needs_thickness:
        table.setdefault(
            "thickness", np.full(len(body), math.nan if thickness is None else thickness)
        )
    if "thickness" not in table:
        raise ConfigError(
            file,
            f"line {header.line}: there is no column 'thickness [nm]'; if all films have the same, "
            "say so with thickness under [fit] in the configuration",
        )
    unknown = sorted(set(errors or {}) - set(torques))
    if unknown:
        raise ConfigError(file, f"fit.errors.{unknown[0]}: there is no such column in the file")
    series = tuple(
        _series(component, unit, table, (errors or {}), lines, file)
        for component, unit in torques.items()
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
        raise ConfigError(file, "holds no value: every cell of its measured columns is empty")
    return data


class _Named(NamedTuple):
    """A column that is used; the unit as it is spelled, if it is."""

    name: str
    title: str
    place: int
    unit: str | None


class _Column(NamedTuple):
    name: str
    title: str
    place: int
    unit: Unit


def _named(header: Row, declared: Mapping[str, str], file: str) -> list[_Named]:
    missing = sorted(set(declared) - set(header.cells))
    if missing:
        titles = ", ".join(filter(None, header.cells))
        raise ConfigError(file, f"fit.columns.{missing[0]}: no such column; there are {titles}")
    found = []
    for place, title in enumerate(header.cells):
        name, unit = _split(declared.get(title, title))
        if title in declared or (title and not declared) or unit or name in _NAMES:
            _check_name(name, title, header.line, file)
            found.append(_Named(name, title, place, unit))
    return found


def _with_units(
    named: list[_Named], line: int, units: Row | None, declared: Mapping[str, str], file: str
) -> list[_Column]:
    columns = []
    for name, title, place, own in named:
        below = own is None and units is not None
        where, text = (units.line, units.cells[place]) if below and units else (line, own)
        if text:
            columns.append(_Column(name, title, place, _unit(name, text, title, where, file)))
        elif not declared or title in declared:
            raise ConfigError(
                file,
                f"line {where}, column {title!r}: no unit; write it as 'name [unit]' or in the "
                "line below, or declare the column under [fit.columns] of the configuration",
            )
    return columns


def _split(text: str) -> tuple[str, str | None]:
    """Name and unit of a column."""
    found = re.fullmatch(r"(.*?)\s*(?:\[(.*)\]|\((.*)\))", text)
    if found and (found[2] is not None or found[1] in _NAMES):
        return found[1], found[2] if found[2] is not None else found[3]
    return text, None


def _below_header(body: list[Row], named: list[_Named]) -> tuple[Row | None, list[Row]]:
    """The line of units, if there is one, and the rows below it and lines of comment."""
    units = None
    for count, row in enumerate(body):
        cells = [row.cells[c.place] for c in named if c.place < len(row.cells)]
        numbers = any(map(is_numeral, cells))
        wanted = count == 0 and any(column.unit is None for column in named)
        if wanted and any(cells) and (not numbers or any(map(_is_unit, cells))):
            units = row
        elif numbers:
            return units, body[count:]
    return units, []


def _is_unit(cell: str) -> bool:
    """Whether a cell is a unit and no number."""
    try:
        return not is_numeral(cell) and bool(parse_unit(cell))
    except InputError:
        return False


def _check_name(name: str, title: str, line: int, file: str) -> None:
    if name not in _NAMES:
        close = difflib.get_close_matches(name, _NAMES, n=1)
        known = ", ".join((*_COORDINATES, *OBSERVABLES))
        hint = f"did you mean {close[0]}?" if close else f"known are {known}."
        raise ConfigError(
            file,
            f"line {line}, column {title!r}: unknown name {name!r}; {hint} Other names are "
            "declared under [fit.columns] of the configuration",
        )


def _unit(name: str, text: str, title: str, line: int, file: str) -> Unit:
    measured = OBSERVABLES.get(_measured(name) or "")
    try:
        found = parse_unit(text, number=measured is not None and measured.is_number)
    except InputError as error:
        raise ConfigError(file, f"line {line}, column {title!r}: {error}") from None
    wanted = (_COORDINATES[name],) if measured is None else measured.units
    if found.quantity not in wanted:
        what = f"a unit of {_kind_of_unit(name)}"
        raise ConfigError(file, f"line {line}, column {title!r}: {name} needs {what}, not {text!r}")
    if measured is None and found.scale < 0.0:
        raise ConfigError(file, f"line {line}, column {title!r}: only torques may be negated")
    return found


def _kind_of_unit(name: str) -> str:
    """What a unit of a column is a unit of, and one for example."""
    if name in _COORDINATES:
        return _COORDINATES[name]
    measured = OBSERVABLES[_measured(name) or ""]
    return "torque" if measured.needs == "torque" else f"{measured.name}, such as {measured.unit}"


def _measured(name: str) -> str | None:
    """Observable that a column, or an error bar, belongs to."""
    if name in OBSERVABLES:
        return name
    return next((o for o in OBSERVABLES for end in _ENDINGS if name == o + end), None)


def _check_untitled(header: Row, body: list[Row], file: str) -> None:
    """A column without a title is empty, or something would be left out in silence."""
    for row in body:
        for place, cell in enumerate(row.cells):
            if cell and place < len(header.cells) and not header.cells[place]:
                raise ConfigError(
                    file, f"line {row.line}: {cell!r} stands in column {place + 1}, without a name"
                )


def _check_columns(columns: list[_Column], line: int, file: str) -> dict[str, Unit]:
    """Unit of each observable."""
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(file, f"line {line}: two columns are {name}")
    torques = {column.name: column.unit for column in columns if column.name in OBSERVABLES}
    if not torques:
        raise ConfigError(
            file,
            f"line {line}: there is no column 'damping_like [unit]' or 'field_like [unit]', nor "
            f"one of {', '.join(name for name, o in OBSERVABLES.items() if o.unit)}",
        )
    for column in columns:
        _check_error_column(column, names, torques, file)
    return torques


def _check_error_column(
    column: _Column, names: list[str], torques: Mapping[str, Unit], file: str
) -> None:
    name, title = column.name, column.title
    component = _measured(name)
    if component is None or component == name:
        return
    if component not in torques:
        raise ConfigError(file, f"column {title!r}: there is no column {component}")
    if column.unit != torques[component]:
        raise ConfigError(file, f"column {title!r}: must have the unit of {component}")
    pair = {f"{component}_low", f"{component}_high"} & set(names)
    if len(pair) == 1:
        raise ConfigError(file, f"column {title!r}: {component}_low and _high belong together")
    if pair and f"{component}_error" in names:
        raise ConfigError(file, f"{component}: give either _error or _low and _high, not both")


def _check_widths(header: Row, body: list[Row], separator: str, file: str) -> None:
    width = max(place for place, title in enumerate(header.cells, start=1) if title)
    hint = "; decimal commas need columns separated by semicolons" if separator == "commas" else ""
    for line, cells in body:
        if len(cells) < width or any(cells[len(header.cells) :]):
            raise ConfigError(
                file,
                f"line {line}: {len(cells)} cells, but the header has {width}, separated by "
                f"{separator}{hint}",
            )


def _table(body: list[Row], columns: list[_Column], file: str) -> dict[str, FloatArray]:
    number = Numbers(((row.line, row.cells[c.place]) for row in body for c in columns), file)
    table = {}
    for name, title, place, unit in columns:
        values = table[name] = np.full(len(body), np.nan)
        for row, (line, cells) in enumerate(body):
            text = cells[place]
            if not text and name in _MEASURED:
                continue
            if text.endswith("%") and unit.quantity == "efficiency":
                values[row] = number(text[:-1].rstrip()) * math.copysign(0.01, unit.scale)
            else:
                values[row] = number(text) * unit.scale
            if not math.isfinite(values[row]):
                hint = "; leave the cell empty if it was not measured" if name in _MEASURED else ""
                raise ConfigError(
                    file, f"line {line}, column {title!r}: {text!r} is not a finite number{hint}"
                )
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
    if "magnetoresistance" in table and "theta" not in table:
        raise ConfigError(
            file, "there is a column magnetoresistance, but no column theta: where is m?"
        )


def _series(
    component: str,
    unit: Unit,
    table: Mapping[str, FloatArray],
    errors: Mapping[str, float],
    lines: tuple[int, ...],
    file: str,
) -> Series:
    values = table[component]
    below = above = None
    if f"{component}_error" in table:
        below = above = table[f"{component}_error"] * (1.0 if unit.scale > 0.0 else -1.0)
    elif f"{component}_low" in table:
        below, above = values - table[f"{component}_low"], table[f"{component}_high"] - values
        if unit.scale < 0.0:
            below, above = -above, -below
    if component in errors:
        if below is not None:
            raise ConfigError(file, f"fit.errors.{component}: the file has its own error bars")
        below = above = np.full(len(values), errors[component] * abs(unit.scale))
    if below is not None and above is not None:
        wrong = np.flatnonzero(np.isfinite(values) & ~((below > 0.0) & (above > 0.0)))
        if wrong.size:
            raise ConfigError(
                file,
                f"line {lines[wrong[0]]}: the error bar of {component} must have a positive "
                "length on either side of the value",
            )
    return Series(component, OBSERVABLES[component].quantity(unit.quantity), values, below, above)
