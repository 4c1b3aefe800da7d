"""Another version of the program, in a process of its own that answers one job after the other.

The environment variable TORKIVITY_BASELINE names its checkout.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from torkivity_engine.machine.threads import SINGLE_THREAD

_FOLDERS = ("meshes", "engine", "hpc", "frontend")


@contextmanager
def other_version(script: str, *arguments: str) -> Iterator[Callable[[str], str] | None]:
    """From a line to the answer of a script of this folder, run by the other version.

    Parameters
    ----------
    script : str
        Uses public names alone and answers each line of standard input by one.
    *arguments : str

    Yields
    ------
    callable or None
        None without another version.
    """
    root = os.environ.get("TORKIVITY_BASELINE")
    if not root:
        yield None
        return
    paths = os.pathsep.join(str(Path(root) / folder) for folder in _FOLDERS)
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name(script)), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **SINGLE_THREAD, "PYTHONPATH": paths},
    ) as process:
        requests, answers = process.stdin, process.stdout
        assert requests is not None
        assert answers is not None

        def ask(line: str) -> str:
            requests.write(line + "\n")
            requests.flush()
            return answers.readline()

        yield ask
        requests.close()
