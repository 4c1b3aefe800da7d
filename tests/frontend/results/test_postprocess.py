"""The post-processing examples, from a sweep's file alone."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import torkivity
from torkivity.results.values import model_values

NAME = "torque_total_damping_like"
EXCHANGE, RASHBA, THETA = '"HM|FM".exchange', '"HM|FM".rashba', "film.magnetization.theta_deg"
MODELS = ("boltzmann", "drift_diffusion")
SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("post")
    film = torkivity.Bilayer(
        torkivity.HeavyMetal(5.0, 2.0, 20.0),
        torkivity.RashbaInterface(0.4, 0.2, 0.1),
        torkivity.Ferromagnet(5.0, 10.0, 5.0, 100.0, 1.5),
    )
    axes = {"exchange": [0.1, 0.2, 0.3], "rashba": [0.0, 0.1, 0.2, 0.3], "theta": [0.0, 40.0]}
    mesh = torkivity.SphericalMesh(3, 4)
    torkivity.sweep(film, axes, models=MODELS, mesh=mesh, out=folder / "sweep.h5")
    return folder / "sweep.h5"


def run(script: str, *arguments: str, cwd: Path) -> str:
    result = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


def read(path: Path) -> list[dict[str, float]]:
    """Rows of a table of numbers by its titles."""
    with path.open(newline="") as stream:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]


def test_maps(sweep: Path, tmp_path: Path) -> None:
    out = run("postprocess_maps.py", str(sweep), "--at", "theta=20", cwd=tmp_path)
    assert "largest torque_total_damping_like" in out
    assert (tmp_path / "map.png").stat().st_size > 10_000
    table = read(tmp_path / "map.csv")
    assert len(table) == 12
    opened = model_values(torkivity.open_results(sweep), NAME, "boltzmann", "all")
    between = opened.mean(THETA).sel({EXCHANGE: 0.2, RASHBA: 0.3}).item()
    (row,) = [r for r in table if r[EXCHANGE] == 0.2 and np.isclose(r[RASHBA], 0.3)]
    np.testing.assert_allclose(row[NAME], between)


def test_curves(sweep: Path, tmp_path: Path) -> None:
    run("postprocess_curves.py", str(sweep), cwd=tmp_path)
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    table = read(tmp_path / "curves.csv")
    opened = torkivity.open_results(sweep).isel({EXCHANGE: 0, THETA: 0})
    for model in MODELS:
        expected = model_values(opened, "torque_total_field_like", model, "all")
        np.testing.assert_allclose([row[f"{model}_field_like"] for row in table], expected)
        np.testing.assert_allclose([row[RASHBA] for row in table], opened[RASHBA])
