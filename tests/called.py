"""The command line in this process: no interpreter starts, nothing is imported twice."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock


class Called(NamedTuple):
    """What a call of the command line left, named as a process would name it."""

    returncode: int
    stdout: str
    stderr: str


def call(*arguments: object, cwd: Path | None = None) -> Called:
    """Call the command line, in a folder if one is given."""
    from torkivity.cli import main

    out, err = io.StringIO(), io.StringIO()
    code: object = None
    with (
        contextlib.chdir(cwd or "."),
        mock.patch.object(sys, "argv", ["torkivity", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        else:
            raise AssertionError("the command line ends by SystemExit")
    return Called(int(str(code or 0)), out.getvalue(), err.getvalue())
