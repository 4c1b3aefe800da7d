"""Whole processes: the start of the program."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measuring import Record, Rounds, duration, python_output
from torkivity.tables import Table
from torkivity_engine.machine.threads import SINGLE_THREAD

_COMMANDS = {
    "python": "an empty Python program, `python -c pass`",
    "help": "`torkivity --help`",
    "first_run": "`torkivity run film.toml --no-figure`, nothing compiled yet",
    "run_to_table": "`torkivity run film.toml` until its table, kernels compiled",
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
            "run_to_table": partial(_first_line, *run),
            "run_no_figure": partial(python_output, *run, "--no-figure"),
            "run": partial(python_output, *run),
        }
        if quick:
            del calls["run"]
        rounds = Rounds(calls, 15.0, least=3, most=1 if quick else 9, warm=not quick)
        seconds = {name: rounds.seconds(name) for name in calls}
        if not quick:
            start = time.perf_counter()
            python_output(*run, "--no-figure", NUMBA_CACHE_DIR=str(Path(folder) / "kernels"))
            seconds["first_run"] = time.perf_counter() - start
    return {"seconds": {name: seconds[name] for name in _COMMANDS if name in seconds}}


def _first_line(*arguments: str) -> None:
    """Run Python until it has written a line."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **SINGLE_THREAD},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.kill()


def table(r: Record) -> Table:
    """What was measured, as a table."""
    return Table(
        "Wall time of whole processes",
        ("", "time"),
        tuple((_COMMANDS[name], duration(seconds)) for name, seconds in r["seconds"].items()),
    )
