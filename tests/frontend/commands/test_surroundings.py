"""Odd surroundings: numbers come first, nothing is lost, nothing of others is replaced."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import matplotlib.figure
import pytest

from torkivity.commands.common import say
from torkivity.results.open import describe_results, open_results
from torkivity.results.tables import read_results
from torkivity.study.status import describe_status

Call = Callable[..., tuple[int, str, str]]

SWEEP = """
[sweep]
models = ["boltzmann", "drift_diffusion"]
[sweep.axes]
interface.exchange = [0.1, 0.2]
heavy_metal.thickness = [2.0, 4.0]
[converge]
n_polar = [4, 6, 8]
n_azimuth = [4, 6, 8]
tolerance = 0.5
"""


@pytest.fixture
def film(tmp_path: Path, small_toml: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "film.toml"
    path.write_text(small_toml + SWEEP)
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def lines(text: str, kind: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"torkivity: {kind}: ")]


def test_backend_encoding_and_letters_that_do_not_exist(film: Path) -> None:
    """All that the environment can get wrong about what is shown."""
    text = film.read_text().replace('name = "Pt"', 'name = "\u03b2-\u4e2dPt"')
    film.write_text(text, encoding="utf-8")
    environment = {**os.environ, "MPLBACKEND": "Qt9Agg", "PYTHONIOENCODING": "latin-1"}
    result = subprocess.run(
        [sys.executable, "-m", "torkivity", "run", film.name],
        capture_output=True, env=environment, cwd=film.parent, check=False,
    )  # fmt: skip
    err = result.stderr.decode()
    assert result.returncode == 0, err
    assert b"\\u03b2-\\u4e2dPt" in result.stdout
    assert names(film.parent) == {"film.toml", "film.h5", "film.png"}
    assert all(line.startswith("torkivity: ") for line in err.splitlines())
    warned = lines(err, "warning")
    assert warned
    assert all("missing from" in line for line in warned)


def full() -> TextIO:
    return open("/dev/full", "w")


def unread() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w")


@pytest.mark.parametrize(("stream", "says"), [(full, "standard output: No space"), (unread, "")])
def test_output_that_takes_nothing(
    film: Path, call: Callable[..., Any], stream: Callable[[], TextIO], says: str
) -> None:
    with stream() as output:
        status, _, err = call("run", film, stdout=output)
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())  # takes what is left
    assert status == 1
    assert [says in line for line in lines(err, "error")] == ([True] if says else [])
    assert (open_results(film.with_suffix(".h5"))["status"] == 1).all()
    assert names(film.parent) == {"film.toml", "film.h5"}


def test_the_table_comes_before_the_curve(
    film: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("torkivity.study.run.compute_curve", interrupt)
    status, out, _ = call("run", film)
    assert status == 1
    assert "damping-like" in out
    assert names(film.parent) == {"film.toml"}


def test_messages_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (full, unread):
        with stream() as output:
            monkeypatch.setattr(sys, "stderr", output)
            say("nothing")
            os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())


@pytest.fixture
def no_latex(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Failed to process string\nwith tex")

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", fail)


WARNING = "no figure {}: Failed to process string with tex"


@pytest.mark.usefixtures("no_latex")
def test_figures_that_go_with_numbers(film: Path, call: Call) -> None:
    """One line, and the numbers."""
    assert call("sweep", film, "-o", "sweep.h5")[0] == 0
    for command, figure, written in (
        (("run", film, "-o", "a.h5"), "a.png", {"a.h5"}),
        (("converge", film, "-o", "c.h5"), "c.png", {"c.h5"}),
        (("compare", "sweep.h5", "--figure", "s.png", "-o", "s.json"), "s.png", {"s.json"}),
    ):
        before = names(film.parent)
        status, out, err = call(*command)
        assert status == 0, err
        assert lines(err, "warning") == [f"torkivity: warning: {WARNING.format(figure)}"]
        assert names(film.parent) - before == written
        assert out.rstrip().splitlines()[-1].startswith(f"wrote {' '.join(written)}")
        assert figure not in out


@pytest.mark.usefixtures("no_latex")
def test_figures_of_the_paper_go_with_numbers(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, err = call("reproduce", "fig3", "-o", tmp_path / "paper", "--quick")
    assert status == 0, err
    assert len(lines(err, "warning")) == 2
    assert names(tmp_path / "paper") == {"fig3.h5", "claims.md", "claims.json"}
    assert "wrote 3 files" in out


def test_a_name_that_cannot_be_set(film: Path, call: Call) -> None:
    """For 'run' the numbers are the point, for 'plot' the figure."""
    film.write_text(film.read_text().replace('name = "Pt"', "name = '$\\frac{$'"))
    status, _, err = call("run", film)
    assert status == 0
    assert [
        line.startswith("torkivity: warning: no figure ") for line in lines(err, "warning")
    ] == [True]
    assert names(film.parent) == {"film.toml", "film.h5"}
    status, out, err = call("plot", "film.h5")
    assert (status, out) == (1, "")
    assert "the figure cannot be made" in lines(err, "error")[0]
    assert names(film.parent) == {"film.toml", "film.h5"}


def test_full_disk(film: Path, call: Call) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        status, out, err = call("run", film, "--no-figure")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert status == 1
    assert "damping-like" in out  # the table needs no disk
    assert lines(err, "error") == [f"torkivity: error: {film.with_suffix('.h5')}: File too large"]
    assert names(film.parent) == {"film.toml"}


def test_standard_output_for_text(film: Path, call: Call) -> None:
    assert call("run", film, "--no-figure", "-o", "a.h5")[0] == 0
    assert call("sweep", film, "-o", "s.h5")[0] == 0
    before = names(film.parent)
    status, text, _ = call("export", "a.h5", "--to", "csv", "-o", "-")
    assert status == 0
    assert text.startswith("variable,component")
    assert call("export", "a.h5", "--to", "csv")[1] == text
    status, text, err = call("compare", "s.h5", "-o", "-")
    assert status == 0
    assert "tolerance" in json.loads(text)
    assert "Relative difference" in err
    assert call("init", "-")[1].startswith("# Pt/Co")
    assert names(film.parent) == before
    for command in (("run", film), ("sweep", film), ("plot", "a.h5"), ("converge", film)):
        status, out, err = call(*command, "-o", "-")
        assert (status, out) == (2, ""), command
        assert len(lines(err, "error")) == 1
        assert names(film.parent) == before


def test_devices_and_links_as_output(film: Path, call: Call) -> None:
    assert call("run", film, "--no-figure", "-o", "a.h5")[0] == 0
    os.mkfifo("pipe")
    Path("target").write_text("old")
    Path("link").symlink_to("target")
    status, _, err = call("export", "a.h5", "--to", "csv", "-o", "pipe", "--force")
    assert status == 2
    assert lines(err, "error")[0].endswith("is no file but a device, pipe or socket; name a file")
    assert Path("pipe").is_fifo()
    assert call("export", "a.h5", "--to", "csv", "-o", "link", "--force")[0] == 0
    assert Path("link").is_symlink()
    assert Path("target").read_text().startswith("variable,component")


def test_no_reader_needs_locks(film: Path, call: Call) -> None:
    """A lock that is held by somebody else stands for a file system that has none."""
    assert call("run", film, "--no-figure", "-o", "a.h5")[0] == 0
    assert call("sweep", film, "-o", "s.h5")[0] == 0
    readers: list[Callable[[Path], Any]] = [open_results, describe_results]
    for path in (Path("a.h5"), Path("s.h5")):
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            for read in [*readers, read_results if path.name == "a.h5" else describe_status]:
                read(path)


@pytest.mark.parametrize(("rank", "written"), [("0", {"film.toml", "a.h5"}), ("1", {"film.toml"})])
def test_what_shares_nothing_is_done_by_rank_0(
    film: Path, call: Call, monkeypatch: pytest.MonkeyPatch, rank: str, written: set[str]
) -> None:
    monkeypatch.setenv("PMI_RANK", rank)
    monkeypatch.setenv("PMI_SIZE", "2")
    status, out, err = call("run", film, "--no-figure", "-o", "a.h5")
    assert status == 0
    assert names(film.parent) == written
    assert bool(out) == bool(err) == (rank == "0")
