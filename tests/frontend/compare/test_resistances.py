"""torkivity compare says how far sheet resistances are off, in sweeps that have them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import torkivity
from torkivity.config.text import check_config

Call = Callable[..., Any]
MODELS = ("boltzmann", "drift_diffusion", "boundary_layer")


@pytest.fixture(scope="module")
def path(small_toml: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lab") / "s.h5"
    config = check_config(tomllib.loads(small_toml), "film.toml")
    axes = {"Pt.thickness": [2.0, 4.0, 8.0]}
    torkivity.sweep(config, axes, models=MODELS, quantities=["in_plane"], out=out)
    return out


def test_statistics(path: Path, tmp_path: Path, call: Call) -> None:
    exact, other = (
        torkivity.open_results(path)
        .sheet_resistance.sel(model=model, source="all", direction="longitudinal")
        .values
        for model in MODELS[:2]
    )
    expected = other / exact - 1.0
    done = call("compare", path, "-o", tmp_path / "c.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "c.json").read_text())["sheet_resistance"]
    assert found["drift_diffusion"]["median"] == pytest.approx(np.median(expected), rel=1e-12)
    worst = found["drift_diffusion"]["worst"][0]
    assert worst["relative_difference"] == pytest.approx(expected[abs(expected).argmax()])
    # Boundary-layer-exact parameters know torques alone.
    assert found["boundary_layer"]["count"] == 0
    (line,) = (row for row in done.stdout.splitlines() if "sheet resistance" in row)
    assert f"{100.0 * np.median(expected):+.1f}" in line
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    assert call("compare", path, "-o", tmp_path / "c.csv").returncode == 0
    head, first = (row.split(",") for row in (tmp_path / "c.csv").read_text().splitlines()[:2])
    column = head.index("drift_diffusion_all_sheet_resistance_relative_difference")
    assert float(first[column]) == pytest.approx(expected[0], rel=1e-12)


def test_sweeps_without_resistances(small_toml: str, tmp_path: Path, call: Call) -> None:
    out = tmp_path / "s.h5"
    config = check_config(tomllib.loads(small_toml), "film.toml")
    torkivity.sweep(config, {"Pt.thickness": [2.0, 4.0]}, models=MODELS[:2], out=out)
    done = call("compare", out, "-o", tmp_path / "c.json")
    assert done.returncode == 0, done.stderr
    assert "sheet resistance" not in done.stdout
    assert "sheet_resistance" not in json.loads((tmp_path / "c.json").read_text())
