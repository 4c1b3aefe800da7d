"""Pieces of HTML that films, solutions, fits and reports show themselves with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["escape", "html_list", "html_table"]


def html_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", keys: int = 1
) -> str:
    """A table.

    Parameters
    ----------
    columns : sequence of str
    rows : iterable of sequence of str
        As long as `columns`.
    caption : str, optional
    keys : int, optional
        Leading columns that say which row it is.

    Returns
    -------
    str
        All text escaped.
    """
    head = "".join(
        f'<th scope="col" class="key">{escape(name)}</th>'
        if i < keys
        else f'<th scope="col">{escape(name)}</th>'
        for i, name in enumerate(columns)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{escape(cell)}</th>' if i < keys else f"<td>{escape(cell)}</td>"
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_list(items: Iterable[str]) -> str:
    """An unordered list, all text escaped."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
