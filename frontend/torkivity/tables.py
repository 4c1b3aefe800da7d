"""Tables of text, for terminals and documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Table", "replace_tables"]


@dataclass(frozen=True)
class Table:
    """Measured values, formatted.

    Attributes
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuple of str
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """Aligned for a terminal."""
        return "\n".join([self.title, *self._aligned("  ", "  ", "  ")])

    def markdown(self) -> str:
        """For a document, without the title."""
        return "\n".join(self._aligned("| ", " | ", " |"))

    def _aligned(self, left: str, between: str, right: str) -> list[str]:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
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
