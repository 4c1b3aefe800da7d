"""Fenced code blocks of the documentation, and running those of a page in order."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

_FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: Lines that set up what the tests already run in.
SETUP = ("python3 -m venv", ".venv/bin/pip install", ".venv/bin/python -m pytest", ". .venv/bin/")


@dataclass(frozen=True)
class Block:
    """One fenced block and where it starts."""

    line: int
    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """Fenced blocks of a page, named relative to the root of the project."""
    source = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(source.count("\n", 0, found.start()) + 1, found[1], found[2])
        for found in _FENCE.finditer(source)
    ]


def commands(block: Block) -> list[list[str]]:
    """Words of the lines of a shell block, without comments and set-up."""
    lines = [line for line in block.text.splitlines() if not line.startswith(SETUP)]
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def launcher() -> Path:
    """Where the environment's own mpiexec would be."""
    return Path(sys.executable).with_name("mpiexec")


class Page:
    """The blocks of a page, each run once, in order, in one folder and one namespace."""

    def __init__(self, name: str, folder: Path) -> None:
        self.blocks = blocks(name)
        self.namespace: dict[str, Any] = {}
        self._name, self._folder = name, folder
        self._done = 0
        self._output = ""

    def run_through(self, index: int) -> None:
        """Run what has not run yet, up to and including one block."""
        while self._done <= index:
            block = self.blocks[self._done]
            self._done += 1
            with contextlib.chdir(self._folder):
                getattr(self, f"_{block.language}")(block)

    def _python(self, block: Block) -> None:
        code = compile("\n" * block.line + block.text, self._name, "exec")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, self.namespace)
        self._output = out.getvalue()

    def _sh(self, block: Block) -> None:
        self._output = ""
        for words in commands(block):
            if words[0] == "mpiexec" and not launcher().exists():
                continue
            self._output += _run(words)

    def _toml(self, block: Block) -> None:
        """A file, whose name the first line says."""
        from torkivity.config.text import load_config

        name = re.match(r"# ([\w-]+\.toml)\b", block.text)
        assert name, f"line {block.line}: the first line must be a comment with the file's name"
        Path(name[1]).write_text(block.text, encoding="utf-8")
        load_config(Path(name[1]))

    def _text(self, block: Block) -> None:
        """Lines that the block before printed, in this order; ... stands for others."""
        printed = iter(self._output.splitlines())
        for line in block.text.splitlines():
            if line != "...":
                assert any(line == out.rstrip() for out in printed), f"not printed: {line!r}"


def _run(words: list[str]) -> str:
    program = [sys.executable, "-m", "torkivity"]
    full = []
    for word in words:
        if word in ("torkivity", ".venv/bin/torkivity"):
            full += program
        elif word == "mpiexec":
            full.append(str(launcher()))
        else:
            full.append(word)
    done = subprocess.run(
        full,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "MPLBACKEND": "agg"},
        timeout=300,
    )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stderr}"
    return done.stdout
