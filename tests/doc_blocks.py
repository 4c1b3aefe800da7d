"""Fenced code blocks of the documentation, and running those of a page in order."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from called import call

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


#: Names of the program itself.
PROGRAMS = ("torkivity", ".venv/bin/torkivity")

#: What pages take for granted: a film, coarse so that it runs in no time.
FILM = """
[heavy_metal]
name = "Pt"
thickness = 4.0
total_mean_free_path = 2.0853
spin_diffusion_length = 2.57
spin_hall_angle = 0.059
[interface]
barrier = 0.42645
exchange = 0.20055
rashba = 0.085
[ferromagnet]
name = "Co"
thickness = 5.0
mean_free_path_majority = 16.25
mean_free_path_minority = 6.01
spin_flip_length = 1000.0
precession_length = 1.36
[mesh]
n_polar = 4
n_azimuth = 8
"""

#: Sweeps that pages take for granted: axes by file.
SWEEPS = {
    "docs/cluster.md": {
        "low.h5": {"interface": {"exchange": [0.1, 0.2]}},
        "high.h5": {"interface": {"exchange": [0.3, 0.4]}},
    },
    "docs/comparing.md": {
        "sweep.h5": {
            "interface": {"exchange": [0.1, 0.2, 0.3], "rashba": [0.0, 0.1, 0.2]},
            "film": {"magnetization_angles_deg": {"theta": [0.0, 45.0]}},
        }
    },
}


def set_up(name: str, folder: Path) -> None:
    """Write the film, and the sweeps, that a page begins with."""
    import torkivity
    from torkivity.config.sections import SweepSection
    from torkivity.config.text import load_config

    if name not in (*SWEEPS, "docs/anisotropy.md", "docs/file-schema.md"):
        return
    film = folder / "film.toml"
    film.write_text(FILM, encoding="utf-8")
    for file, axes in SWEEPS.get(name, {}).items():
        section = SweepSection(models=["boltzmann", "drift_diffusion"], axes=axes)
        config = load_config(film).model_copy(update={"sweep": section})
        torkivity.sweep(config, out=folder / file)


@contextlib.contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """Modules of a page are found as if Python had been started in its folder."""
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before


class Page:
    """The blocks of a page, each run once, in order, in one folder and one namespace."""

    def __init__(self, name: str, folder: Path) -> None:
        set_up(name, folder)
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
            with contextlib.chdir(self._folder), _importing_from(self._folder):
                getattr(self, f"_{block.language}")(block)

    def _python(self, block: Block) -> None:
        """Code to run, or a module, whose name the first line says."""
        name = re.match(r"# (\w+\.py)\b", block.text)
        if name:
            Path(name[1]).write_text(block.text, encoding="utf-8")
            return
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
        """A file, whose name the first line says, or lines that are added to it."""
        from torkivity.config.text import load_config

        name = re.match(r"# ([\w-]+\.toml)\b", block.text)
        assert name, f"line {block.line}: the first line must be a comment with the file's name"
        added = "added" in block.text.partition("\n")[0]
        before = Path(name[1]).read_text(encoding="utf-8") if added else ""
        Path(name[1]).write_text(before + block.text, encoding="utf-8")
        load_config(Path(name[1]))

    def _text(self, block: Block) -> None:
        """A data file, or what the block before printed, in order; ... stands for other lines."""
        name = re.match(r"# ([\w-]+\.csv)\n", block.text)
        if name:
            Path(name[1]).write_text(block.text, encoding="utf-8")
            return
        printed = iter(self._output.splitlines())
        for line in block.text.splitlines():
            if line != "...":
                assert any(line == out.rstrip() for out in printed), f"not printed: {line!r}"


def _run(words: list[str]) -> str:
    """Run one line: a command in this process, what starts others as it stands."""
    full: list[str] = []
    for word in words:
        if full[-1:] == ["-n"] and word.isdigit():
            full.append("2")  # as many ranks as any machine has
        elif full[-1:] == ["reproduce"]:
            full += ["fig3", "--quick"]  # all of it takes a minute
        else:
            full.append(word)
    if full[0] in PROGRAMS:
        called = call(*full[1:])
        assert called.returncode == 0, f"{shlex.join(words)}\n{called.stderr}"
        return called.stdout
    done = subprocess.run(
        [part for word in full for part in _started(word)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "MPLBACKEND": "agg"},
        timeout=300,
    )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stderr}"
    return done.stdout


def _started(word: str) -> list[str]:
    if word in PROGRAMS:
        return [sys.executable, "-m", "torkivity"]
    return [str(launcher()) if word == "mpiexec" else word]
