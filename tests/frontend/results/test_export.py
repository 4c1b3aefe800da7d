"""Exports: numbers that come back, and simulations that turn m as the engine says."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from torkivity import InputError
from torkivity.results.micromagnetics import FilmTorque, cmtj_script, film_torque, mumax3_script
from torkivity.results.tables import (
    ResultTable,
    in_quantity,
    read_results,
    table_csv,
    table_json,
    wide_csv,
)
from torkivity.study.run import FilmStudy, write_film
from torkivity_engine.constants import ELEMENTARY_CHARGE, HBAR
from torkivity_engine.record import Variable
from torkivity_engine.solve import solve_boltzmann
from torkivity_hpc.files.store import create_results
from torkivity_hpc.grid import Axis

MS, CURRENT = 1.4e6, 5e11
GAMMA = 1.7595e11


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory, film_study: FilmStudy) -> Path:
    path = tmp_path_factory.mktemp("run") / "film.h5"
    write_film(path, film_study)
    return path


@pytest.fixture(scope="module")
def table(run_file: Path) -> ResultTable:
    return read_results(run_file)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def numbers_of(study: FilmStudy) -> dict[str, NDArray[np.float64]]:
    """Everything computed for a film by the names that its file has."""
    found = {name: study.points.values(name) for name in study.points.plan.spec.variables}
    found |= {name: np.asarray(value) for name, (_, value) in study.facts.items()}
    assert study.curve is not None
    names = [n for n in study.curve.plan.spec.variables if not n.startswith("certificate_")]
    return found | {f"curve_{name}": study.curve.values(name) for name in names}


def test_csv_has_every_number(table: ResultTable, film_study: FilmStudy) -> None:
    rows = rows_of(table_csv(table))
    numbers = numbers_of(film_study)
    # Beside them when each model and source was done, and how long it took.
    assert len(rows) == sum(array.size for array in numbers.values()) + 2 * 9
    (row,) = [
        r
        for r in rows
        if r["variable"] == "torque_total_damping_like"
        and (r["model [1]"], r["source [1]"]) == ("boltzmann", "all")
    ]
    assert float(row["value"]) == numbers["torque_total_damping_like"][0, 2, 0]
    assert (row["component"], row["unit"]) == ("Pt|Co", "1/(Ohm m)")
    assert row["curve_Pt.thickness [nm]"] == ""
    found = [
        r
        for r in rows
        if r["variable"] == "curve_torque_total"
        and r["component"] == "rashba Pt|Co y"
        and r["model [1]"] == "boltzmann"
    ]
    assert [float(r["curve_Pt.thickness [nm]"]) for r in found] == [2.0, 4.0, 10.0]
    values = numbers["curve_torque_total"][:, 0, 0, 0, 1]
    assert [float(r["value"]) for r in found] == values.tolist()
    tensor = [r for r in rows if r["variable"] == "tensor_conductivity"]
    assert {r["component"] for r in tensor} >= {"Pt|Co x E_x", "Pt|Co charge E_y"}


def test_json_has_every_number(table: ResultTable, film_study: FilmStudy) -> None:
    content = json.loads(table_json(table))
    for name, array in numbers_of(film_study).items():
        values = np.array(content["variables"][name]["values"], dtype=float)
        np.testing.assert_array_equal(values, array)
    dims = content["variables"]["tensor_conductivity"]["dims"]
    assert dims == ["interface", "current", "field"]
    assert content["coordinates"]["spin"]["values"] == ["x", "y", "z"]
    assert content["attributes"]["torkivity_version"]


def test_a_single_film_has_a_wide_row_for_each_model_and_source(table: ResultTable) -> None:
    rows = rows_of(wide_csv(table))
    assert len(rows) == 9
    tensor = table.values["tensor_conductivity"]
    for place, row in zip(np.ndindex(3, 3), rows, strict=True):
        assert row["model [1]"] == table.coordinates["model"][place[0]]
        assert row["source [1]"] == table.coordinates["source"][place[1]]
        torque = table.values["torque_total"][(*place, 0, 1)]
        assert float(row["torque_total Pt|Co y [1/(Ohm m)]"]) == torque
        assert float(row["tensor_conductivity Pt|Co charge E_y [1/(Ohm m)]"]) == tensor[0, 3, 1]
        assert not any(title.startswith("curve_") for title in row)


def test_other_quantities(table: ResultTable) -> None:
    name = "torque_total_damping_like"
    sheet = table.at("layer_sheet_conductance", model="boltzmann", source="all", layer="Pt")
    sigma = float(sheet[0]) / 10e-9  # of the current that flows in 10 nm
    bulk = float(table.at("layer_conductivity", layer="Pt"))
    assert abs(sigma / bulk - 1.0) > 1e-2
    xi = in_quantity(table, "efficiency")
    assert xi.units[name] == "1"
    np.testing.assert_allclose(xi.values[name], 2.0 * table.values[name] / sigma, rtol=1e-12)
    # Every torque of every model, on curves too, and nothing else.
    torques = {n for n in table.values if "torque_" in n}
    assert {part for part in ("total", "interface", "ferromagnet", "lattice")
            if any(f"torque_{part}" in n for n in torques)} == {
        "total", "interface", "ferromagnet", "lattice",
    }  # fmt: skip
    for n, values in table.values.items():
        factor = 2.0 / (bulk if n.startswith("curve_") else sigma) if n in torques else 1.0
        np.testing.assert_allclose(xi.values[n], factor * values, rtol=1e-12, err_msg=n)
        assert xi.units[n] == ("1" if n in torques else table.units[n])
    assert xi.values["tensor_conductivity"] is table.values["tensor_conductivity"]
    # The ferromagnet of the film has 5 nm.
    field = in_quantity(table, "effective_field", saturation_magnetization=MS)
    expected = 3.2910598e-16 * xi.values[name] * 1e11 / (MS * 5e-9) * 1e3
    np.testing.assert_allclose(field.values[name], expected, rtol=1e-7)
    with pytest.raises(InputError, match="saturation_magnetization"):
        in_quantity(table, "effective_field")


def test_sweep_without_all_points(tmp_path: Path) -> None:
    path = tmp_path / "sweep.h5"
    variables = {"torque_total": Variable(("spin",), "1/(Ohm m)", "torque")}
    grid = {"interface.rashba": Axis((0.1, 0.2), "1", "u_R")}
    with create_results(
        path, variables, grid=grid, attributes={"torkivity_version": "0"}
    ) as results:
        results.write({"torque_total": np.array([1.0, 2.0, 3.0])}, (1,))
    rows = rows_of(table_csv(read_results(path)))
    assert [r["value"] for r in rows] == ["", "", "", "1.0", "2.0", "3.0"]
    assert rows[3]["interface.rashba [1]"] == "0.2"
    content = json.loads(table_json(read_results(path)))
    assert content["variables"]["torque_total"]["values"][0] == [None] * 3
    with pytest.raises(InputError, match="not a result of 'torkivity run'"):
        film_torque(read_results(path), MS)


def test_csv_and_json_of_two_axes(tmp_path: Path) -> None:
    """Each number beside its own coordinates, last axis fastest, components last."""
    path = tmp_path / "sweep.h5"
    variables = {
        "torque_total": Variable(("spin",), "1/(Ohm m)", "torque"),
        "seconds_like": Variable((), "s", "time"),
    }
    grid = {
        "exchange": Axis((0.1, 0.2, 0.3), "1", "u_ex"),
        "thickness": Axis((2.0, 4.0), "nm", "thickness"),
    }
    with create_results(path, variables, grid=grid) as results:
        for i, j in np.ndindex(3, 2):
            torque = 100.0 * i + 10.0 * j + np.arange(3.0)
            results.write({"torque_total": torque, "seconds_like": 0.5 * i + j}, (i, j))
    with h5py.File(path, "r+") as file:
        file["status"][1, 0] = 0  # what lies there has not arrived whole
    table = read_results(path)
    rows = rows_of(table_csv(table))
    assert list(rows[0]) == [
        "variable", "component", "exchange [1]", "thickness [nm]", "value", "unit",
    ]  # fmt: skip
    places = [
        (i, j, str(u), str(t))
        for i, u in enumerate(grid["exchange"].values)
        for j, t in enumerate(grid["thickness"].values)
    ]
    expected = [
        ["seconds_like", "", u, t, "" if (i, j) == (1, 0) else str(0.5 * i + j), "s"]
        for i, j, u, t in places
    ]
    for i, j, u, t in places:
        for k, axis in enumerate("xyz"):
            value = "" if (i, j) == (1, 0) else str(100.0 * i + 10.0 * j + k)
            expected.append(["torque_total", axis, u, t, value, "1/(Ohm m)"])
    assert [list(row.values()) for row in rows] == expected
    content = json.loads(table_json(table))
    assert content["variables"]["torque_total"]["dims"] == ["exchange", "thickness", "spin"]
    assert content["variables"]["torque_total"]["values"][2] == [[200, 201, 202], [210, 211, 212]]
    assert content["variables"]["torque_total"]["values"][1][0] == [None] * 3
    assert content["coordinates"]["thickness"] == {"units": "nm", "values": [2.0, 4.0]}
    # Torques alone are converted.
    twice = in_quantity(table, "spin_torque_conductivity")
    np.testing.assert_array_equal(twice.values["torque_total"], 2.0 * table.values["torque_total"])
    np.testing.assert_array_equal(twice.values["seconds_like"], table.values["seconds_like"])
    assert twice.units["torque_total"] == "(hbar/2e)/(Ohm m)"


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_results(tmp_path / "a.h5")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="not an HDF5 file"):
        read_results(tmp_path / "a.txt")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = 1.0
    with pytest.raises(InputError, match="not one of torkivity's"):
        read_results(tmp_path / "b.h5")


def test_wrong_torques(table: ResultTable) -> None:
    with pytest.raises(InputError, match="must be positive"):
        film_torque(table, 0.0)
    with pytest.raises(InputError, match="must be one of boltzmann"):
        film_torque(table, MS, model="other")


def turning(study: FilmStudy) -> NDArray[np.float64]:
    """dm/dt = -(gamma hbar / M_s t) T E~ with E = rho J and E~ = -E/e, from the solution."""
    film = study.case.film
    solution = solve_boltzmann(film, study.case.mesh())
    sheet = solution.layer_sheet_conductance[0, 0, 0]
    field = CURRENT * film.heavy_metal.thickness * 1e-9 / sheet
    number = solution.torque_total * (-field / ELEMENTARY_CHARGE)
    return np.asarray(-GAMMA * HBAR / (MS * film.ferromagnet.thickness * 1e-9) * number)


def direction(torque: FilmTorque) -> NDArray[np.float64]:
    m = np.array(torque.magnetization)
    return m / np.linalg.norm(m)


def assignments(script: str) -> dict[str, Any]:
    """Values of 'name = number' and 'name = vector(...)' lines."""
    found: dict[str, Any] = {}
    for name, value in re.findall(r"^(\w+) = (.+?)(?:  #.*)?$", script, re.MULTILINE):
        numbers = re.fullmatch(r"vector\((.+)\)", value)
        if numbers:
            found[name] = np.array([float(part) for part in numbers[1].split(",")])
        elif re.fullmatch(r"[-+.\de]+", value):
            found[name] = float(value)
    return found


@pytest.mark.parametrize("mirrored", [False, True])
def test_mumax3(table: ResultTable, film_study: FilmStudy, mirrored: bool) -> None:
    torque = film_torque(table, MS, mirrored=mirrored)
    script = mumax3_script(torque, CURRENT)
    assert "FixedLayerPosition = FIXEDLAYER_TOP\n" in script
    p = assignments(script)
    assert p["FixedLayer"].tolist() == [0.0, -1.0, 0.0]  # E along x
    m = direction(torque)
    # The Slonczewski torque of mumax3 without damping, in its own parameters:
    beta = HBAR * p["J"][2] / (ELEMENTARY_CHARGE * p["FreeLayerThickness"] * p["Msat"])
    square = p["Lambda"] ** 2
    epsilon = p["Pol"] * square / (square + 1.0 + (square - 1.0) * (p["FixedLayer"] @ m))
    pxm = np.cross(p["FixedLayer"], m)
    found = GAMMA * beta * (epsilon * np.cross(m, pxm) + p["EpsilonPrime"] * pxm)
    expected = turning(film_study)
    if mirrored:
        expected = expected * np.array([-1.0, -1.0, 1.0])
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())


def test_platinum_pulls_the_magnetization_against_y(table: ResultTable) -> None:
    # Spins that platinum sends up lie along +y for a current along +x, their moments along -y.
    torque = film_torque(table, MS)
    assert torque.damping_like > 0.0
    assert torque.polarization == (0.0, -1.0, 0.0)


def test_numbers_by_hand() -> None:
    torque = FilmTorque(
        damping_like=0.1,
        field_like=-0.04,
        polarization=(0.0, -1.0, 0.0),
        field_direction=(1.0, 0.0, 0.0),
        magnetization=(0.0, 0.0, 1.0),
        saturation_magnetization=1e6,
        thickness=1.0,
        resistivity=2e-7,
        origin="by hand",
    )
    script = assignments(mumax3_script(torque, 1e11))
    # hbar J / (e M_s d) = 6.5821196e-16 V s * 1e11 A/m^2 / (1e6 A/m * 1e-9 m) = 65.821196 mT;
    # half of it times xi are 3.2910598 mT and -1.3164239 mT.
    beta = 6.5821196e-16 * script["J"][2] / (script["Msat"] * script["FreeLayerThickness"])
    assert beta * script["Pol"] / 2.0 == pytest.approx(3.2910598e-3, rel=1e-7)
    assert beta * script["EpsilonPrime"] == pytest.approx(-1.3164239e-3, rel=1e-7)
    assert script["Lambda"] == 1.0
    assert script["FixedLayer"].tolist() == [0.0, -1.0, 0.0]
    program = assignments(cmtj_script(torque, 1e11))
    # 3.2910598e-14 T per A/m^2 over 4 pi 1e-7 T m/A; 1e6 A/m are 1.2566371 T.
    assert program["DAMPING_LIKE"] == pytest.approx(2.6189422e-8, rel=1e-7)
    assert program["FIELD_LIKE"] == pytest.approx(-1.0475769e-8, rel=1e-7)
    assert program["MS"] == pytest.approx(1.2566371, rel=1e-7)
    assert program["THICKNESS"] == pytest.approx(1e-9)


@pytest.mark.parametrize(("mirrored", "sign"), [(False, 1.0), (True, -1.0)])
def test_tilted_m_and_turned_field_by_hand(mirrored: bool, sign: float) -> None:
    # E along y, so y_p = z x E = -x and p = +x; m = (sin 60, 0, cos 60) deg has abs(m x y_p) = 1/2.
    layers = [
        {"name": "Pt", "magnetic": False, "thickness": 4.0},
        {"name": "Co", "magnetic": True, "thickness": 2.0},
    ]
    angles = {"field": 90.0, "magnets": {"Co": {"theta": 60.0, "phi": 0.0}}}
    values = {"damping_like": 1e5, "field_like": -3e4}
    names = {f"magnet_torque_total_{part}": value for part, value in values.items()}
    places = {"model": "boltzmann", "source": "all", "magnet": "Co"}
    table = ResultTable(
        attributes={
            "kind": "run", "layers_json": json.dumps(layers), "angles_json": json.dumps(angles),
        },
        coordinates={dim: np.array([name]) for dim, name in places.items()},
        units={},
        meanings={},
        dims=dict.fromkeys(names, tuple(places)),
        values={name: np.full((1, 1, 1), value) for name, value in names.items()},
    )  # fmt: skip
    torque = film_torque(table, MS, resistivity=2e-7, mirrored=mirrored)
    # xi = 2 T rho / (1/2)
    assert torque.damping_like == pytest.approx(sign * 0.08)
    assert torque.field_like == pytest.approx(-sign * 0.024)
    assert torque.polarization == (1.0, 0.0, 0.0)
    assert torque.field_direction == (0.0, 1.0, 0.0)
    expected = (sign * math.sin(math.radians(60.0)), 0.0, 0.5)
    assert torque.magnetization == pytest.approx(expected)


@pytest.mark.parametrize("mirrored", [False, True])
def test_cmtj_runs(table: ResultTable, film_study: FilmStudy, mirrored: bool) -> None:
    pytest.importorskip("cmtj")
    torque = film_torque(table, MS, mirrored=mirrored)
    program: dict[str, Any] = {"__name__": "macrospin"}
    exec(compile(cmtj_script(torque, CURRENT), "macrospin.py", "exec"), program)
    # Torques of the current alone, for a time in which m hardly moves.
    program.update(ALPHA=0.0, ANISOTROPY=0.0, DEMAGNETIZATION=(0.0, 0.0, 0.0))
    duration = 1e-14
    start = direction(torque)
    end = np.array(program["run"](CURRENT, duration, tuple(start), 1e-15))
    still = np.array(program["run"](0.0, duration, tuple(start), 1e-15))
    steps = round(float(np.linalg.norm(end - still)) / np.linalg.norm(turning(film_study)) / 1e-15)
    assert steps in (9, 10, 11)
    expected = turning(film_study) * steps * 1e-15
    if mirrored:
        expected = expected * np.array([-1.0, -1.0, 1.0])
    # cmtj's gyromagnetic ratio, 220880 m/(A s), is that of 1.7577e11 1/(T s).
    np.testing.assert_allclose(end - still, expected, rtol=5e-3, atol=5e-3 * np.abs(expected).max())


def test_cmtj_switches(table: ResultTable) -> None:
    pytest.importorskip("cmtj")
    program: dict[str, Any] = {"__name__": "macrospin"}
    exec(compile(cmtj_script(film_torque(table, MS)), "macrospin.py", "exec"), program)
    m = program["run"](2e13, 5e-10, (0.01, 0.0, 1.0))
    assert math.isclose(sum(x * x for x in m), 1.0, rel_tol=1e-6)
    assert m[1] < -0.5  # a strong current lays m along p


def test_command(run_file: Path, tmp_path: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    export = partial(call, "export", run_file, "--to")
    out = tmp_path / "out"
    status, text, _ = export("json", "--unit", "efficiency", "-o", str(out))
    assert (status, text) == (0, f"wrote {out}\n")
    assert json.loads(out.read_text())["variables"]["torque_total"]["units"] == "1"
    status, _, message = export("csv", "-o", str(out))
    assert status == 2
    assert "exists already" in message
    status, text, _ = export("mumax3", "--ms", "1.4e6", "--heavy-metal", "above")
    assert status == 0
    assert "heavy metal above" in text
    assert assignments(text)["Pol"] < 0.0
    for arguments, expected in (
        (("mumax3",), "needs --ms"),
        (("cmtj", "--ms", "-1"), "must be positive"),
        (("cmtj", "--ms", "1e6", "--resistivity", "0"), "resistivity = 0.0"),
        (("cmtj", "--ms", "1e6", "--current", "nan"), "must be a finite number"),
        (("cmtj", "--ms", "1e6", "--unit", "efficiency"), "for csv and json"),
        (("csv", "--heavy-metal", "above"), "for mumax3 and cmtj"),
        (("csv", "--unit", "field"), "saturation_magnetization"),
        (("csv", "--force", "-o", str(run_file)), "must be different files"),
    ):
        status, text, message = export(*arguments)
        assert (status, text) == (2, "")
        assert expected in message
        assert message.count("\n") == 1
