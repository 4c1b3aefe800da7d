"""A page that is served, and what talks to it without a browser."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from torkivity.config.text import parse_config
from torkivity.study.case import Case

Message = dict[str, Any]


@pytest.fixture
def small_case(small_toml: str) -> Case:
    return Case.of(parse_config(small_toml, "film.toml"), Path("film.toml"))


class Served:
    """The program with a page; `address` is what it says."""

    def __init__(self, film: Path, *options: str) -> None:
        command = [sys.executable, "-m", "torkivity", "explore", str(film), "--no-browser"]
        self.process = subprocess.Popen(
            [*command, "--port", "0", *options], stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        self.said = ""
        for line in self.process.stderr:
            self.said += line
            if found := re.search(r"the page is (http://\S+)", line):
                self.address = found[1]
                return
        raise AssertionError(self.said)

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=60)
        self.said += rest
        return self.process.returncode


@pytest.fixture(scope="module")
def served(small_toml: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    pytest.importorskip("bokeh")
    film = tmp_path_factory.mktemp("explore") / "film.toml"
    film.write_text(small_toml)
    found = Served(film)
    yield found
    if found.process.poll() is None:
        found.end()


@pytest.fixture(scope="session")
def serve() -> Callable[..., Served]:
    return Served


def said(text: str) -> Message:
    found: Message = json.loads(text)
    return found
