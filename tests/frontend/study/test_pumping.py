"""torkivity run --pumping: table and file hold what the engine computes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import torkivity
from torkivity.config.text import load_config
from torkivity_engine.record import PUMPING_VARIABLES

Call = Callable[..., Any]

#: Two magnets about a spacer, one of them tilted.
STACK = """
[film]
[[layers]]
kind = "ferromagnet"
name = "Co"
thickness = 2.0
mean_free_path_majority = 16.25
mean_free_path_minority = 6.01
spin_flip_length = 1000.0
precession_length = 1.36
magnetization = [0.3, 0.2, 1.0]
[[interfaces]]
kind = "rashba"
barrier = 0.3
exchange = 0.1
rashba = 0.1
[[layers]]
kind = "heavy_metal"
name = "Pt"
thickness = 3.0
total_mean_free_path = 2.0853
spin_diffusion_length = 2.57
spin_hall_angle = 0.2
[[interfaces]]
kind = "rashba"
barrier = 0.3
exchange = 0.2
rashba = -0.1
[[layers]]
kind = "ferromagnet"
name = "Fe"
thickness = 1.0
mean_free_path_majority = 10.0
mean_free_path_minority = 6.0
spin_flip_length = 500.0
precession_length = 2.0
magnetization = [1.0, 0.0, 0.0]
[mesh]
n_polar = 3
n_azimuth = 6
"""


def number(text: str, label: str) -> float:
    found = re.search(rf"^{label}\s+([-+.e\d]+)", text, re.MULTILINE)
    assert found is not None, label
    return float(found[1])


def test_table_and_file(small_toml: str, tmp_path: Path, call: Call) -> None:
    path = tmp_path / "film.toml"
    path.write_text(small_toml)
    done = call("run", path, "--pumping", "--ms", "1.4e6")
    assert done.returncode == 0, done.stderr
    config = load_config(path)
    solution = torkivity.spin_pumping(config.film, torkivity.SphericalMesh(4, 8))
    assert "Co turns" in done.stdout
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    g = number(done.stdout, "effective mixing conductance")
    assert g == pytest.approx(solution.effective_mixing_conductance, rel=1e-4)
    alpha = number(done.stdout, "damping that pumping adds")
    assert alpha == pytest.approx(solution.damping(1.4e6), rel=1e-4)
    other = torkivity.drift_diffusion_pumping(config.film, torkivity.SphericalMesh(4, 8))
    assert f"{other.effective_mixing_conductance:.4e}" in done.stdout
    data = torkivity.open_results(tmp_path / "film-pumping.h5")
    assert data.attrs["drive"] == "pumping"
    assert set(PUMPING_VARIABLES) <= set(data.data_vars)
    point = data.sel(model="boltzmann", turning="Co")
    np.testing.assert_allclose(point.pumped_sheet_current, solution.sheet_current, rtol=1e-9)
    np.testing.assert_allclose(
        point.pumped_spin_current_minus.sel(interface="Pt|Co"),
        solution.spin_current_minus,
        rtol=1e-9,
        atol=1e-9 * abs(solution.spin_current_minus).max(),
    )


def test_files_of_both_drives_are_reciprocal(small_toml: str, tmp_path: Path, call: Call) -> None:
    """J_a(q; m) = sum_i T_ia(-m) (m x q)_i, from the files alone."""
    m = np.array([0.3, 0.2, 1.0]) / np.sqrt(1.13)
    path, reversed_path = tmp_path / "film.toml", tmp_path / "reversed.toml"
    path.write_text(small_toml)
    reversed_path.write_text(small_toml.replace("[0.3, 0.2, 1.0]", "[-0.3, -0.2, -1.0]"))
    assert call("run", path, "--pumping").returncode == 0
    torques = torkivity.sweep(
        load_config(reversed_path),
        {"film.field_direction_deg": [0.0, 90.0]},
        quantities=["in_plane"],
    ).magnet_torque_exchange.values.reshape(2, 3)
    pumped = torkivity.open_results(tmp_path / "film-pumping.h5").sel(model="boltzmann").squeeze()
    across = np.cross(m, pumped.turning_axis.values)
    expected = torques @ across.T
    np.testing.assert_allclose(
        pumped.pumped_sheet_current.values, expected, atol=1e-9 * abs(expected).max()
    )


def test_every_magnet_turns_and_every_torque_is_given(tmp_path: Path, call: Call) -> None:
    path, out = tmp_path / "stack.toml", tmp_path / "p.h5"
    path.write_text(STACK)
    done = call("run", path, "--pumping", "-o", out)
    assert done.returncode == 0, done.stderr
    for name in ("Co", "Fe"):
        assert f"\n{name} turns\n" in done.stdout
        assert done.stdout.count(f"exchange torque on {name}") == 2
    data = torkivity.open_results(out).sel(model="boltzmann")
    assert list(data.turning.values) == list(data.magnet.values) == ["Co", "Fe"]
    torque = data.pumped_torque_exchange
    # The magnet that turns is damped; the other one feels it.
    own, other = (float(abs(torque.sel(turning="Co", magnet=name)).max()) for name in ("Co", "Fe"))
    assert 0.0 < other < 0.1 * own
    assert (data.effective_mixing_conductance > 0.0).all()


@pytest.mark.parametrize(
    ("change", "options", "status", "message"),
    [
        (("[mesh]", '[surfaces]\nleft = { kind = "half_space" }\n[mesh]'), (), 1, "half space"),
        (("[mesh]", "[mesh]"), ("--ms", "-1.0"), 2, "ms"),
        (("[mesh]", "[mesh]"), ("--unit", "efficiency"), 2, "--pumping"),
    ],
)
def test_what_cannot_be(
    small_toml: str,
    tmp_path: Path,
    call: Call,
    change: tuple[str, str],
    options: tuple[str, ...],
    status: int,
    message: str,
) -> None:
    path = tmp_path / "film.toml"
    path.write_text(small_toml.replace(*change))
    done = call("run", path, "--pumping", *options)
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert not (tmp_path / "film-pumping.h5").exists()
