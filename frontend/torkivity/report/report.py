"""A page about result files: what each is, and the sections that it has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torkivity.report.charts import bokeh
from torkivity.report.fits import fit_sections, read_fit
from torkivity.report.grids import NUMBERS
from torkivity.report.page import Section, page_html
from torkivity.report.single import run_sections
from torkivity.report.sweeps import convergence_sections, sweep_sections
from torkivity.results.open import open_results
from torkivity_engine.errors import InputError

__all__ = ["report_html"]

#: Megabytes.
_MOST = 5.0


def report_html(paths: Sequence[Path], title: str | None = None) -> str:
    """One page about result files: what was computed, main numbers, plots, how to reproduce it.

    Parameters
    ----------
    paths : sequence of Path
        Result files of 'torkivity run', 'sweep' and 'converge', and the JSON of 'torkivity fit'.
    title : str, optional
        By default the names of the files.

    Returns
    -------
    str
        HTML that needs nothing else, no network either; at most 5 MB.

    Raises
    ------
    InputError
        If a file is none of these, or the page would be larger.
    ModuleNotFoundError
        Without Bokeh (the extra ``torkivity[report]``).
    """
    bokeh("plotting")  # before anything takes time
    most = NUMBERS // len(paths)
    subjects = [_subject(path, f"c{i}", most) for i, path in enumerate(paths)]
    html = page_html(title or f"torkivity: {', '.join(path.name for path in paths)}", subjects)
    size = len(html.encode(errors="replace")) / 1e6
    if size > _MOST:  # what is not thinned: points of fits, configurations of many files
        text = f"make a page of {size:.1f} MB, more than {_MOST:g}: give fewer, or a smaller one"
        raise InputError("files", ", ".join(map(str, paths)), text)
    return html


def _subject(path: Path, key: str, most: int) -> tuple[str, list[Section]]:
    """Heading and sections of a file."""
    if path.suffix.lower() == ".toml":
        raise InputError(
            "file", str(path), "describes a film; give the result file that 'torkivity run' writes"
        )
    if path.suffix.lower() == ".json":
        return f"Fit: {path.name}", fit_sections(read_fit(path), path, key)
    dataset = open_results(path)
    if "mesh_uncertainty" in dataset:
        return f"Convergence study: {path.name}", convergence_sections(dataset, path, key)
    if dataset.attrs.get("kind") == "sweep":
        return f"Sweep: {path.name}", sweep_sections(dataset, path, key, most)
    return f"Film: {path.name}", run_sections(dataset, path, key, most)
