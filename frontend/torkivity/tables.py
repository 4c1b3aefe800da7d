"""Tables of text, for terminals and documents."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["COLUMNS", "Table", "fold", "replace_tables"]

#: Of a terminal.
COLUMNS = 80


def fold(text: str, hang: int = 0, indent: int = 0) -> list[str]:
    """Lines that fit a terminal.

    Parameters
    ----------
    text : str
    hang : int, optional
        Blanks in front of the lines after the first, beside `indent`.
    indent : int, optional
        Blanks in front of all lines.

    Returns
    -------
    list of str
    """
    first = " " * indent
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=first,
        subsequent_indent=first + " " * hang,
        break_on_hyphens=False,
    )


@dataclass(frozen=True)
class Table:
    """Measured values, formatted.

    Attributes
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuple of str
    keys : int
        Columns that say which row it is; a table that is too wide repeats them.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    keys: int = 1

    def text(self) -> str:
        """Aligned for a terminal, wide tables in several pieces."""
        pieces = ["\n".join(piece._aligned("  ", "  ", "")) for piece in self._pieces()]
        return "\n".join([*fold(self.title), "\n\n".join(pieces)])

    def markdown(self) -> str:
        """For a document, without the title."""
        return "\n".join(self._aligned("| ", " | ", " |"))

    def _widths(self) -> list[int]:
        lines = [self.columns, *self.rows]
        return [max(len(line[i]) for line in lines) for i in range(len(self.columns))]

    def _pieces(self) -> list[Table]:
        """Tables that fit, each with the keys and some of the other columns."""
        widths = self._widths()
        keys = list(range(self.keys))
        pieces, used = [keys.copy()], 0
        for column in range(self.keys, len(widths)):
            wanted = sum(widths[i] + 2 for i in (*keys, column)) + used
            if wanted > COLUMNS and len(pieces[-1]) > self.keys:
                pieces.append(keys.copy())
                used = 0
            pieces[-1].append(column)
            used += widths[column] + 2
        return [
            Table(
                self.title,
                tuple(self.columns[i] for i in piece),
                tuple(tuple(row[i] for i in piece) for row in self.rows),
                self.keys,
            )
            for piece in pieces
        ]

    def _aligned(self, left: str, between: str, right: str) -> list[str]:
        widths = self._widths()
        dashes = tuple("-" * (w - 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths))
        if left == "  ":
            dashes = tuple("-" * w for w in widths)
        out = []
        for line in (self.columns, dashes, *self.rows):
            cells = [line[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
            out.append((left + between.join(cells) + right).rstrip())
        return out


def replace_tables(text: str, found: Mapping[str, Table]) -> str:
    """A document with its tables replaced.

    Parameters
    ----------
    text : str
        Holds ``<!-- table NAME -->`` and ``<!-- end NAME -->`` on lines of their own.
    found : mapping of str to Table
        Tables by those names; others in the document stay as they are.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If the document has no place for one of the tables.
    """
    for name, table in found.items():
        begin, end = f"<!-- table {name} -->\n", f"<!-- end {name} -->"
        head, found_begin, rest = text.partition(begin)
        _, found_end, tail = rest.partition(end)
        if not found_begin or not found_end:
            raise KeyError(f"no place for table {name!r}")
        text = f"{head}{begin}\n{table.markdown()}\n\n{end}{tail}"
    return text
