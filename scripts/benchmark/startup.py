"""Whole processes: the start of the program."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measuring import Record, Rounds, duration, python_output
from torkivity.tables import Table

_COMMANDS = {
    "python": "an empty Python program, `python -c pass`",
    "help": "`torkivity --help`",
    "run_no_figure": "`torkivity run film.toml --no-figure`, kernels compiled",
    "run": "`torkivity run film.toml`, with 23 thicknesses and the figure",
}


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    with tempfile.TemporaryDirectory(prefix="torkivity-benchmark-") as folder:
        film = str(Path(folder) / "film.toml")
        program = ("-m", "torkivity")
        python_output(*program, "init", film)
        run = (*program, "run", film, "--force")
        calls: dict[str, Callable[[], object]] = {
            "python": partial(python_output, "-c", "pass"),
            "help": partial(python_output, *program, "--help"),
            "run_no_figure": partial(python_output, *run, "--no-figure"),
            "run": partial(python_output, *run),
        }
        if quick:
            del calls["run"]
        rounds = Rounds(calls, 15.0, least=3, most=1 if quick else 9, warm=not quick)
        return {"seconds": {name: rounds.seconds(name) for name in calls}}


def table(r: Record) -> Table:
    """What was measured, as a table."""
    return Table(
        "Wall time of whole processes",
        ("", "time"),
        tuple((_COMMANDS[name], duration(seconds)) for name, seconds in r["seconds"].items()),
    )
