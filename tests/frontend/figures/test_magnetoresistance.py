"""Figures of the current in the plane show what the engine computes."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import torkivity
from torkivity.config.text import check_config
from torkivity.figures import line_figure, magnetoresistance_figure
from torkivity.figures.quantities import Quantity
from torkivity.study.case import Case
from torkivity_engine.solve import solve_boltzmann

Call = Callable[..., Any]

THETA = [10.0, 50.0, 90.0]
SWEEP = f"""
[sweep]
quantities = ["in_plane"]
models = ["boltzmann", "drift_diffusion"]
[sweep.axes]
film.magnetization_angles_deg.theta = {THETA}
film.magnetization_angles_deg.phi = [0.0, 90.0]
"""


@pytest.fixture(scope="module")
def path(small_toml: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lab") / "s.h5"
    torkivity.sweep(check_config(tomllib.loads(small_toml + SWEEP), "film.toml"), out=out)
    return out


@pytest.fixture(scope="module")
def resistances(small_toml: str) -> np.ndarray:
    """From the engine, for m in the yz plane: (theta, field along x or y, current along x)."""
    case = Case.of(check_config(tomllib.loads(small_toml), "film.toml"), Path("film.toml"))
    found = []
    for theta in np.radians(THETA):
        film = replace(case.film, magnetization=(0.0, np.sin(theta), np.cos(theta)))
        found.append(np.linalg.inv(solve_boltzmann(film, case.mesh()).sheet_conductance)[:, 0])
    return np.array(found)


def drawn(panel: Any, number: int = 0) -> np.ndarray:
    """A line with more than the two ends of a rule, and the power of ten of its axis."""
    lines = [line for line in panel.lines if len(line.get_ydata()) == len(THETA)]
    label = panel.get_ylabel()
    power = float(label.split("$10^{")[1].split("}")[0]) if "$10^{" in label else 0.0
    return np.asarray(lines[number].get_ydata()) * 10.0**power


def test_resistance_against_an_angle(path: Path, resistances: np.ndarray) -> None:
    data = torkivity.open_results(path)
    figure = line_figure(data, "theta", at={"phi": 90.0}, quantity="resistance")
    longitudinal, transverse = figure.axes
    np.testing.assert_allclose(drawn(longitudinal), resistances[:, 0], rtol=1e-9)
    np.testing.assert_allclose(drawn(transverse), resistances[:, 1], rtol=1e-6, atol=1e-9)
    # Zero would hide how the resistance changes.
    alone = Quantity("resistance", models=["boltzmann"])
    panel = line_figure(data, "theta", at={"phi": 90.0}, quantity=alone).axes[0]
    assert panel.get_ylim()[0] > 0.9 * resistances[:, 0].min()


def test_magnetoresistance(path: Path, resistances: np.ndarray) -> None:
    data = torkivity.open_results(path)
    figure = magnetoresistance_figure(data, "theta", at={"phi": 90.0})
    change, transverse = figure.axes
    expected = resistances[:, 0] / resistances[0, 0] - 1.0
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(drawn(change), expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(
        drawn(transverse), resistances[:, 1] / resistances[0, 0], rtol=1e-6, atol=1e-10
    )
    # Drift-diffusion has a spin Hall magnetoresistance of its own.
    assert drawn(change, 1)[-1] < -1e-5


def test_gaps_stay_gaps(path: Path) -> None:
    data = torkivity.open_results(path)
    data["sheet_resistance"].loc[{"film.magnetization.theta_deg": 50.0}] = np.nan
    change = magnetoresistance_figure(data, "theta", at={"phi": 90.0}).axes[0]
    assert np.isnan(drawn(change)).tolist() == [False, True, False]


def test_command(path: Path, tmp_path: Path, call: Call) -> None:
    for name, options in {
        "a.png": ("--angular", "--x", "theta", "--by", "phi", "--quantity", "resistance"),
        "b.png": ("--x", "theta", "--quantity", "conductance"),
        "c.png": ("--x", "theta", "--by", "phi", "--quantity", "current_share", "--place", "Pt"),
    }.items():
        done = call("plot", path, "-o", tmp_path / name, *options)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).stat().st_size > 1000
    wrong = call(
        "plot", path, "-o", tmp_path / "d.png", "--quantity", "current_share", "--place", "Au"
    )
    assert wrong.returncode == 2
    assert "layer = 'Au'" in wrong.stderr


def test_a_sweep_without_it_says_what_computes_it(
    small_toml: str, tmp_path: Path, call: Call
) -> None:
    out = tmp_path / "s.h5"
    config = check_config(tomllib.loads(small_toml), "film.toml")
    torkivity.sweep(config, {"interface.exchange": [0.1, 0.2]}, out=out)
    refused = call("plot", out, "--quantity", "resistance")
    assert refused.returncode == 2
    assert 'quantities = ["in_plane"]' in refused.stderr


def test_export_has_the_same_names(path: Path, tmp_path: Path, call: Call) -> None:
    text = call("export", path, "--to", "csv", "--wide", "--unit", "conductivity").stdout
    head, first = (line.split(",") for line in text.splitlines()[:2])
    data = torkivity.open_results(path)
    row = dict(zip(head, first, strict=True))
    where = {"model": "boltzmann", "source": "all"}
    value = data.sheet_resistance.sel(**where, direction="longitudinal").values[0, 0]
    column = next(name for name in head if name.startswith("sheet_resistance longitudinal"))
    assert column.endswith("[Ohm]")
    assert float(row[column]) == pytest.approx(value, rel=1e-12)
    torque = next(name for name in head if name.startswith("magnet_torque_exchange Co x"))
    assert torque.endswith("[(hbar/2e)/(Ohm m)]")
    exact = 2.0 * data.magnet_torque_exchange.sel(**where, spin="x").values[0, 0, 0]
    assert float(row[torque]) == pytest.approx(exact, rel=1e-12)
