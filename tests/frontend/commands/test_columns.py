"""What the terminal shows fits 80 columns: every help page, and what commands print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import torkivity
from torkivity.cli import cli

Call = Callable[..., tuple[int, str, str]]

SWEEP = """
[sweep]
models = ["boltzmann", "drift_diffusion", "drift_diffusion_half_space", "boundary_layer"]
[sweep.axes]
film.magnetization_angles_deg.theta = { linspace = [3.0, 177.0, 5] }
film.magnetization_angles_deg.phi = [20.0, 70.0, 190.0]
interface.exchange = [0.1, 0.3]
[converge]
n_polar = [4, 8, 16]
n_azimuth = [4, 8, 16]
tolerance = 0.1
"""


def too_long(text: str) -> list[str]:
    return [line for line in text.splitlines() if len(line) > 80]


@pytest.mark.parametrize("command", ["", *cli.commands])
def test_help(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    arguments = [command, "--help"] if command else ["--help"]
    shown = CliRunner().invoke(cli, arguments)
    assert shown.exit_code == 0
    assert too_long(shown.output) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small_toml: str) -> Path:
    folder = tmp_path_factory.mktemp("columns")
    text = small_toml.replace(
        "magnetization = [0.3, 0.2, 1.0]", "magnetization_angles_deg = { theta = 10.0, phi = 5.0 }"
    )
    (folder / "film.toml").write_text(text + SWEEP)
    torkivity.sweep(folder / "film.toml", out=folder / "sweep.h5")
    return folder


OUTPUTS = {
    "run": ("run", "film.toml", "--force", "--no-figure"),
    "run_cartesian": ("run", "film.toml", "--force", "--no-figure", "--components", "cartesian"),
    "info": ("info", "sweep.h5"),
    "info_all": ("info", "sweep.h5", "--all"),
    "status": ("status", "sweep.h5"),
    "compare": ("compare", "sweep.h5"),
    "anisotropy": ("anisotropy", "sweep.h5"),
    "anisotropy_general": ("anisotropy", "sweep.h5", "--form", "general"),
    "converge": ("converge", "film.toml", "--force"),
    "dry_run": ("sweep", "film.toml", "--dry-run"),
    "plot": ("plot", "sweep.h5", "--force", "--x", "theta", "--y", "phi"),
    "init": ("init", "--list"),
    "mumax3": ("export", "film.h5", "--to", "mumax3", "--ms", "1e6"),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_output(folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(folder)
    if name == "mumax3":
        call("run", "film.toml", "--force", "--no-figure")
    status, out, errors = call(*OUTPUTS[name])
    assert status == 0, errors
    assert too_long(out) == []
    assert too_long(errors) == []
