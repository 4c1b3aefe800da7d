"""The post-processing examples, from a sweep's file alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import torkivity

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"

pytestmark = pytest.mark.xdist_group("postprocess")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("post")
    film = torkivity.Bilayer(
        torkivity.HeavyMetal(5.0, 2.0, 20.0),
        torkivity.RashbaInterface(0.4, 0.2, 0.1),
        torkivity.Ferromagnet(5.0, 10.0, 5.0, 100.0, 1.5),
    )
    axes = {"exchange": [0.1, 0.2, 0.3], "rashba": [0.0, 0.1, 0.2, 0.3], "theta": [0.0, 40.0]}
    torkivity.sweep(film, axes, mesh=torkivity.SphericalMesh(3, 4), out=folder / "sweep.h5")
    return folder / "sweep.h5"


def run(script: str, *arguments: str, cwd: Path) -> str:
    result = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_maps(sweep: Path, tmp_path: Path) -> None:
    out = run("postprocess_maps.py", str(sweep), "--at", "theta=20", cwd=tmp_path)
    assert "largest boltzmann_all_torque_total_damping_like" in out
    assert (tmp_path / "map.png").stat().st_size > 10_000
    table = np.genfromtxt(tmp_path / "map.csv", delimiter=",", names=True)
    assert len(table) == 12
    opened = torkivity.open_results(sweep)["boltzmann_all_torque_total_damping_like"]
    between = opened.mean("theta").sel(exchange=0.2, rashba=0.3).item()
    row = table[(table["exchange"] == 0.2) & np.isclose(table["rashba"], 0.3)]
    np.testing.assert_allclose(row["boltzmann_all_torque_total_damping_like"], between)


def test_curves(sweep: Path, tmp_path: Path) -> None:
    run("postprocess_curves.py", str(sweep), cwd=tmp_path)
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    table = np.genfromtxt(tmp_path / "curves.csv", delimiter=",", names=True)
    opened = torkivity.open_results(sweep).isel(exchange=0, theta=0)
    np.testing.assert_allclose(
        table["boltzmann_all_field_like"], opened["boltzmann_all_torque_total_field_like"]
    )
