"""The page of a report: sections and plots as one HTML text that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources

from torkivity.report.charts import Chart, Entry, bokeh, on_dark
from torkivity_engine.html import escape

__all__ = ["Part", "Section", "page_html", "paragraph", "scrolled"]

#: What a section shows: HTML, or plots.
Part = str | Chart


@dataclass(frozen=True, eq=False)
class Section:
    """Something with a heading.

    Attributes
    ----------
    title : str
    parts : list of str or Chart
        HTML, and plots.
    """

    title: str
    parts: list[Part] = field(default_factory=list)


def paragraph(text: str, kind: str = "") -> str:
    """Text as a paragraph."""
    return f"<p class={json.dumps(kind)}>{escape(text)}</p>" if kind else f"<p>{escape(text)}</p>"


def scrolled(table: str, words: str, kind: str = "") -> str:
    """Something wide, which scrolls by itself; the keyboard reaches it."""
    return (
        f'<div class="scroll {kind}" tabindex="0" role="region" aria-label="{escape(words)}">'
        f"{table}</div>"
    )


def page_html(title: str, subjects: Sequence[tuple[str, Sequence[Section]]]) -> str:
    """The page.

    Parameters
    ----------
    title : str
    subjects : sequence of (str, sequence of Section)
        Heading and sections of each file.

    Returns
    -------
    str
        HTML with everything in it: styles, scripts, numbers.
    """
    charts = [
        part
        for _, sections in subjects
        for section in sections
        for part in section.parts
        if isinstance(part, Chart)
    ]
    plots = {f"{c.key}-{i}": figure for c in charts for i, figure in enumerate(c.figures)}
    scripts, places = _plots(plots)
    body = "".join(_subject(heading, sections, places) for heading, sections in subjects)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{_resource('page.css')}</style>{scripts}</head>\n<body>"
        f"<header><h1>{escape(title)}</h1></header><main>{body}</main></body></html>\n"
    )


def _plots(plots: dict[str, object]) -> tuple[str, dict[str, str]]:
    """Scripts of the page, and where each plot goes."""
    if not plots:
        return "", {}
    inline = bokeh("resources").Resources(mode="inline", components=["bokeh"])
    script, places = bokeh("embed").components(plots)
    own = f"<script>{_resource('page.js')}</script>"
    return inline.render_js() + script + own, dict(places)


def _resource(name: str) -> str:
    return (resources.files("torkivity") / "report" / name).read_text("utf-8")


def _subject(heading: str, sections: Sequence[Section], places: dict[str, str]) -> str:
    parts = [f"<h2>{escape(heading)}</h2>"]
    for section in sections:
        parts.append(f"<section><h3>{escape(section.title)}</h3>")
        parts += [p if isinstance(p, str) else _chart(p, places) for p in section.parts]
        parts.append("</section>")
    return "".join(parts)


def _chart(chart: Chart, places: dict[str, str]) -> str:
    payload = chart.payload()
    data = ""
    if payload is not None:
        # "<" could end the script.
        text = json.dumps(payload, allow_nan=False).replace("<", "\\u003c")
        data = f'<script type="application/json">{text}</script>'
    kind = "plots several" if len(chart.figures) > 1 else "plots"
    plots = "".join(f"<div>{places[f'{chart.key}-{i}']}</div>" for i in range(len(chart.figures)))
    switches = "".join(_switch(entry) for entry in chart.entries if entry.title)
    legend = (
        f'<div class="legend" role="group" aria-label="lines that are shown">{switches}</div>'
        if switches
        else ""
    )
    return (
        f'<figure data-key="{chart.key}" aria-label="{escape(chart.words)}">'
        f'<div class="controls"></div>{legend}'
        f'<div class="{kind}">{plots}</div>'
        f"<figcaption>{escape(chart.words)}</figcaption>{data}"
        "<noscript><p>The plots need JavaScript; the tables do not.</p></noscript></figure>"
    )


def _switch(entry: Entry) -> str:
    """Check box of a line, with how it looks."""
    swatches = "".join(
        f'<svg class="{kind}" viewBox="0 0 34 12" aria-hidden="true">{_swatch(entry, colour)}</svg>'
        for kind, colour in (("light", entry.colour), ("dark", on_dark(entry.colour)))
    )
    return (
        f'<label><input type="checkbox" checked data-line="{escape(entry.name)}">{swatches}'
        f"<span>{escape(entry.title)}</span></label>"
    )


_STROKES = {"dashed": "6 3", "dotted": "2 3", "dashdot": "6 3 2 3", "dotdash": "2 3 6 3"}
_SHAPES = {
    "circle": '<circle cx="17" cy="6" r="3.5"/>',
    "square": '<path d="M13.5 2.5h7v7h-7z"/>',
    "triangle": '<path d="M17 2l4 7.5h-8z"/>',
    "inverted_triangle": '<path d="M17 10l4-7.5h-8z"/>',
    "diamond": '<path d="M17 1.5l4.5 4.5-4.5 4.5-4.5-4.5z"/>',
    "x": '<path d="M13.5 2.5l7 7m0-7l-7 7"/>',
}


def _swatch(entry: Entry, colour: str) -> str:
    dash = _STROKES.get(entry.dash)
    pattern = f' stroke-dasharray="{dash}"' if dash else ""
    line = "" if entry.dash == "none" else f'<path d="M1 6h32"{pattern}/>'
    return (
        f'<g fill="none" stroke="{colour}" stroke-width="2">{line}'
        f"{_SHAPES.get(entry.marker, '')}</g>"
    )
