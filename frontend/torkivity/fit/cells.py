"""Cells of a data file as instruments, spreadsheets and people write them.

Text with columns separated by tabs, semicolons, commas or spaces, or the first sheet of an Excel
workbook; which of them it is, the content says and not the name. A cell stays text until its
column is known: only `Numbers` turns it into a number.
"""

from __future__ import annotations

import csv
import io
import math
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from torkivity.config.errors import ConfigError, shorten
from torkivity.config.text import read_bytes
from torkivity.fit.extra import import_extra

__all__ = ["Numbers", "Row", "is_numeral", "read_cells"]


class Row(NamedTuple):
    """Cells of one line, without the spaces around them."""

    line: int
    cells: list[str]


def read_cells(path: Path | str) -> tuple[list[Row], str]:
    """Rows that hold something and are no comments (#), and what separates their columns.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    rows : list of Row
    separator : str
        For errors: "commas", "tabs", ...

    Raises
    ------
    ConfigError
        If the file cannot be read or is neither text nor a workbook.
    ModuleNotFoundError
        For a workbook without openpyxl (the extra ``torkivity[fit]``).
    """
    content = read_bytes(path)
    if content.startswith(b"PK\x03\x04"):
        rows, separator = _workbook(content, str(path)), "cells"
    else:
        rows, separator = _text_rows(_decode(content, str(path)), str(path))
    rows = [Row(line, [" ".join(cell.split()) for cell in cells]) for line, cells in rows]
    return [
        row for row in rows if any(row.cells) and not _is_comment(next(filter(None, row.cells)))
    ], separator


def _is_comment(text: str) -> bool:
    """Whether a line is a comment, and no error of a spreadsheet such as #DIV/0! or #N/A."""
    return re.match(r"\s*#(?![A-Z]+(?:/0)?[!?]|N/A)", text) is not None


def _decode(content: bytes, file: str) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        # Windows programs write the micro sign so; a wrong guess is a unit that is refused.
        text = content.decode("cp1252", errors="replace")
    if re.search(r"[\x00-\x08\x0e-\x1f]", text):
        raise ConfigError(file, "is neither a text file nor an Excel workbook (.xlsx)")
    return text


def _text_rows(text: str, file: str) -> tuple[list[Row], str]:
    """Rows of a text file; the first line that is not a comment shows what separates columns."""
    lines = ["" if _is_comment(line) else line for line in text.splitlines()]
    first = next((place for place, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return [], "commas"
    for name, sign in (("tabs", "\t"), ("semicolons", ";"), ("commas", ",")):
        if len(next(_separated(lines[first:], sign, file, strict=False)).cells) > 1:
            return list(_separated(lines, sign, file)), name
    # Titles are words, each with its unit in brackets.
    titles = re.findall(r"[^\s\[]+(?:\s*\[[^\]]*\]?)?", lines[first])
    body = [Row(place, line.split()) for place, line in enumerate(lines[first + 1 :], first + 2)]
    return [Row(first + 1, titles), *body], "spaces"


def _separated(lines: list[str], sign: str, file: str, strict: bool = True) -> Iterator[Row]:
    # An open quote would swallow the rest of the file, hence strict.
    reader = csv.reader([line + "\n" for line in lines], delimiter=sign, strict=strict)
    line = 1
    try:
        for cells in reader:
            yield Row(line, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        raise ConfigError(file, f"line {line}: cannot be read ({error})") from None


def _workbook(content: bytes, file: str) -> list[Row]:
    """Rows of the first sheet, with the row numbers that the spreadsheet shows."""
    openpyxl = import_extra("openpyxl", "Excel workbooks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about formats and charts, which are not read
        try:
            values, formulas = (
                openpyxl.load_workbook(io.BytesIO(content), data_only=known).worksheets[0]
                for known in (True, False)
            )
        except Exception as error:  # whatever zip, XML and openpyxl raise for a damaged file
            reason = shorten(" ".join(str(error).split()))
            raise ConfigError(file, f"is no Excel workbook that can be read ({reason})") from None
    rows = zip(values.iter_rows(), formulas.iter_rows(), strict=True)
    return [
        Row(number, [_cell_text(*pair) for pair in zip(*both, strict=True)])
        for number, both in enumerate(rows, start=1)
    ]


def _cell_text(cell: object, formula: object) -> str:
    value = getattr(cell, "value", None)
    if value is None:  # a formula that no spreadsheet has computed yet is not an empty cell
        return str(getattr(formula, "value", None) or "")
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    shown = re.sub(r'"[^"]*"|\\.', "", str(getattr(cell, "number_format", "")))
    if number and "%" in shown:
        return f"{100.0 * value:.15g}%"  # what the sheet shows; it stores 0.05 for 5 %
    return str(value)


_POINT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SIGNED = re.compile(r"[+\N{MINUS SIGN}-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?\s?%?")
_GROUPS = re.compile(r"[+\N{MINUS SIGN}-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+\s?%?")


def is_numeral(cell: str) -> bool:
    """Whether a cell begins like a number, be it a wrong one."""
    return re.match(r"[-+\N{MINUS SIGN}]?(?:[.,]?\d|nan\b|inf)", cell, re.IGNORECASE) is not None


class Numbers:
    """Reads the numbers of a file, whose cells show which decimal sign it has.

    Parameters
    ----------
    cells : iterable of (int, str)
        Line and text of all cells that should be numbers.
    file : str
        For errors.

    Raises
    ------
    ConfigError
        If both signs occur, or if commas could as well separate thousands.
    """

    def __init__(self, cells: Iterable[tuple[int, str]], file: str) -> None:
        numbers = [(line, text) for line, text in cells if _SIGNED.fullmatch(text)]
        commas = [(line, text) for line, text in numbers if "," in text]
        points = [(line, text) for line, text in numbers if "." in text]
        self._comma = bool(commas)
        if commas and points:
            (line, text), (other, point) = commas[0], points[0]
            raise ConfigError(
                file,
                f"line {line} has {text!r} and line {other} {point!r}: numbers must have one "
                "decimal sign, point or comma, and nothing between thousands",
            )
        if commas and all(_GROUPS.fullmatch(text) for _, text in commas):
            line, text = commas[0]
            raise ConfigError(
                file,
                f"line {line}: {text!r} may be {text.replace(',', '.', 1)} or "
                f"{text.replace(',', '')}: write it with a decimal point, or without the comma",
            )

    def __call__(self, text: str) -> float:
        """Value of a cell; NaN if it is not a finite number. Python's float takes 4_5.0."""
        text = text.replace("\N{MINUS SIGN}", "-")
        if self._comma:
            text = text.replace(",", ".")
        value = float(text) if _POINT.fullmatch(text) else math.nan
        return value if math.isfinite(value) else math.nan
