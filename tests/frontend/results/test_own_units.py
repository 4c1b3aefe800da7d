"""Torques of a sweep in the units of its own films, and tables with a row per point."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

import torkivity
from torkivity.commands.plot import _with_resistivity
from torkivity.config.text import load_config
from torkivity.figures.quantities import Quantity
from torkivity.results.tables import read_results, wide_csv
from torkivity.results.values import model_values
from torkivity_engine.constants import ELEMENTARY_CHARGE, HBAR

Call = Callable[..., tuple[int, str, str]]

SWEEP = """
[sweep]
models = ["boltzmann"]
[sweep.axes]
heavy_metal.total_mean_free_path = [1.5, 2.5]
interface.rashba = [0.1, 0.2]
[[sweep.zip]]
name = "sample"
labels = ["thin", "thick"]
heavy_metal.thickness = [2.0, 8.0]
ferromagnet.thickness = [1.0, 5.0]
"""
NAME = "torque_total_damping_like"
COLUMN = f"{NAME} Pt|Co"
RASHBA = '"Pt|Co".rashba'
PATHS = ("1.5", "2.5")


@pytest.fixture(scope="module")
def sweep_path(tmp_path_factory: pytest.TempPathFactory, small_toml: str) -> Path:
    folder = tmp_path_factory.mktemp("units")
    text = small_toml.replace("n_polar = 4\nn_azimuth = 8", "n_polar = 2\nn_azimuth = 4")
    text = text.replace("spin_hall_angle = 0.059", "spin_hall_angle = 0.0")
    (folder / "film.toml").write_text(text + SWEEP)
    torkivity.sweep(folder / "film.toml", out=folder / "sweep.h5")
    return folder / "sweep.h5"


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def resistivity(mean_free_path: str) -> float:
    """Of free electrons, 3 pi^2 hbar / (e^2 k^2 lambda), with the default k = 16 / nm."""
    length = float(mean_free_path) * 1e-9
    return float(3.0 * np.pi**2 * HBAR / (ELEMENTARY_CHARGE * 16e9) ** 2 / length)


def test_wide_table_has_every_number(sweep_path: Path) -> None:
    with h5py.File(sweep_path, "r+") as file:
        file["status"][1, 0, 1] = 0
    table = read_results(sweep_path)
    rows = rows_of(wide_csv(table))
    assert len(rows) == 8
    assert [row["sample [1]"] for row in rows[:3]] == ["thin", "thick", "thin"]
    for place, row in zip(np.ndindex(2, 2, 2), rows, strict=True):
        assert (row["model [1]"], row["source [1]"]) == ("boltzmann", "all")
        assert row['"Pt|Co".rashba [1]'] == ("0.1", "0.2")[place[1]]
        assert row["Pt.thickness [nm]"] == ("2.0", "8.0")[place[2]]
        for axis, component in enumerate("xyz"):
            cell = row[f"torque_total Pt|Co {component} [1/(Ohm m)]"]
            value = table.values["torque_total"][(*place, 0, 0, 0, axis)]
            assert cell == ("" if place == (1, 0, 1) else repr(float(value)))
    with h5py.File(sweep_path, "r+") as file:
        file["status"][1, 0, 1] = 1


def test_every_point_has_the_conductivity_of_its_film(call: Call, sweep_path: Path) -> None:
    export = ("export", sweep_path, "--to", "csv", "--wide")
    raw, xi, field, given = (
        rows_of(call(*export, *more)[1])
        for more in (
            (),
            ("--unit", "efficiency"),
            ("--unit", "field", "--ms", "1e6"),
            ("--unit", "efficiency", "--resistivity", "2e-7"),
        )
    )
    for a, b, c, d in zip(raw, xi, field, given, strict=True):
        rho = resistivity(a["Pt.total_mean_free_path [nm]"])
        torque = float(a[f"{COLUMN} [1/(Ohm m)]"])
        assert float(b[f"{COLUMN} [1]"]) == pytest.approx(2.0 * rho * torque, rel=1e-9)
        moment = 1e6 * float(a["Co.thickness [nm]"]) * 1e-9
        tesla = HBAR / ELEMENTARY_CHARGE * rho * torque * 1e11 / moment
        assert float(c[f"{COLUMN} [mT/(1e11 A/m^2)]"]) == pytest.approx(1e3 * tesla, rel=1e-9)
        assert float(d[f"{COLUMN} [1]"]) == pytest.approx(4e-7 * torque)


def test_figures_take_the_same_conductivity(sweep_path: Path) -> None:
    dataset = _with_resistivity(torkivity.open_results(sweep_path))
    found = Quantity(normalisation="efficiency").of(dataset)[0].values["boltzmann"]
    torque = model_values(dataset, NAME, "boltzmann", "all")
    for place, path in enumerate(PATHS):
        expected = 2.0 * resistivity(path) * torque.values[place]
        np.testing.assert_allclose(found.values[place], expected, rtol=1e-9)
    part = dataset.isel({RASHBA: 1}).transpose("sample", ...)
    held = Quantity(normalisation="efficiency").of(part)[0].values["boltzmann"]
    np.testing.assert_allclose(held.values, found.isel({RASHBA: 1}).transpose("sample", ...).values)


def test_per_current_that_flows(call: Call, small_toml: str, tmp_path: Path) -> None:
    """Run, export and figures divide by the mean current density in the heavy metal."""
    film, swept = tmp_path / "film.toml", tmp_path / "s.h5"
    axes = '\n[sweep]\nquantities = ["in_plane"]\n[sweep.axes]\nPt.thickness = [2.0, 5.0]\n'
    film.write_text(small_toml + axes)
    data = torkivity.sweep(film, out=swept).sel(model="boltzmann", source="all")
    sheet = data.layer_sheet_conductance.sel(layer="Pt", direction="longitudinal")
    rho = data["Pt.thickness"].values * 1e-9 / sheet.values
    bulk = 1.0 / load_config(film).film.heavy_metal.conductivity(16.0)
    assert np.all(abs(rho / bulk - 1.0) > 1e-2)
    expected = 2.0 * rho * data[NAME].squeeze().values
    dataset = _with_resistivity(torkivity.open_results(swept))
    found = Quantity(normalisation="efficiency").of(dataset)[0].values["boltzmann"]
    np.testing.assert_allclose(found.values, expected, rtol=1e-9)
    _, text, _ = call("export", swept, "--to", "csv", "--wide", "--unit", "efficiency")
    rows = list(csv.DictReader(io.StringIO(text)))
    np.testing.assert_allclose([float(r[f"{COLUMN} [1]"]) for r in rows], expected, rtol=1e-9)


def test_wrong_options(call: Call, sweep_path: Path) -> None:
    for arguments, expected in (
        (("--to", "json", "--wide"), "--wide is for csv"),
        (("--to", "csv", "--unit", "field"), "saturation_magnetization = None: must be a positive"),
        (("--to", "csv", "--unit", "tesla"), "'tesla' is not one of 'raw', 'conductivity'"),
    ):
        status, out, message = call("export", sweep_path, *arguments)
        assert (status, out) == (2, "")
        assert expected in message
    for options, expected in (
        (("--unit", "field"), "--unit field and --ms, the saturation magnetization, go together"),
        (("--ms", "1e6"), "go together"),
        (("--unit", "field", "--ms", "-1"), "--ms -1.0: must be a positive number of A/m"),
    ):
        status, out, message = call("run", "film.toml", *options)
        assert (status, out) == (2, "")
        assert expected in message
