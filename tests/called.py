"""The command line in this process: no interpreter starts, nothing is imported twice."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import NamedTuple, TextIO
from unittest import mock

from torkivity.cli import main
from torkivity_hpc.running.crew import ProcessCrew, ThreadCrew


class Called(NamedTuple):
    """What a call of the command line left, named as a process would name it."""

    returncode: int
    stdout: str
    stderr: str


def _crew(workers: int) -> ProcessCrew | ThreadCrew:
    return ThreadCrew() if workers == 1 else ProcessCrew(workers)


def call(*arguments: object, cwd: Path | None = None, stdout: TextIO | None = None) -> Called:
    """Call the command line; a single worker computes in a thread.

    Parameters
    ----------
    *arguments : object
        Words of the command line.
    cwd : Path, optional
        Folder to call it in.
    stdout : file, optional
        Where standard output goes instead of into what is returned.
    """
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    with (
        contextlib.chdir(cwd or "."),
        mock.patch("torkivity_hpc.running.session.ProcessCrew", _crew),
        mock.patch.object(sys, "argv", ["torkivity", *map(str, arguments)]),
        contextlib.redirect_stdout(stdout or out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        else:
            raise AssertionError("the command line ends by SystemExit")
    return Called(int(str(code or 0)), out.getvalue(), err.getvalue())
