"""Anisotropy from the file of a sweep, by the command and from Python."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
from numpy.testing import assert_allclose, assert_array_equal

import torkivity
from draws import pt_co
from torkivity.compare.anisotropy_sweep import anisotropy_of_sweep, anisotropy_rows
from torkivity_engine.anisotropy import angular_torques, expand_torques

THETA, PHI = np.linspace(5.0, 175.0, 6), np.array([10.0, 80.0, 200.0, 290.0])
NAME = "torque_total"
THETA_PATH, PHI_PATH = "film.magnetization.theta_deg", "film.magnetization.phi_deg"
EXCHANGE = '"Pt|Co".exchange'
THICKNESS, RASHBA = "Pt.thickness", '"Pt|Co".rashba'


def known_torque(theta: np.ndarray, phi: np.ndarray, field: float, scale: np.ndarray) -> np.ndarray:
    """Both torques with (1, 0.3, -0.2) and (2, -0.4, 0.7) times `scale`, as cross products.

    Written with y_p x m and the field along x, after Garello et al. (2013).
    """
    relative = np.radians(phi - field)
    t = np.radians(theta)
    m = np.stack([np.sin(t) * np.cos(relative), np.sin(t) * np.sin(relative), np.cos(t)], axis=-1)
    y, z = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    across = np.cross(z, m)
    s2, m_x = (across**2).sum(axis=-1, keepdims=True), m[..., :1]
    total = np.cross(y, m) * (1.0 + 0.3 * s2 - 0.2 * s2**2)
    total = total + np.cross(m, across) * m_x * (0.3 - 0.2 * s2)
    total = total + 2.0 * np.cross(m, np.cross(y, m)) + across * m_x * (-0.4 + 0.7 * s2)
    # Back to the axes of the film.
    c, s = np.cos(np.radians(field)), np.sin(np.radians(field))
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(scale[..., None] * (total @ turn.T))


def synthetic(field: float = 30.0) -> xarray.Dataset:
    """Sweep over thickness between theta and phi, torques proportional to it."""
    theta, t, phi = np.meshgrid(THETA, [1.0, 4.0], PHI, indexing="ij")
    torque = known_torque(theta, phi, field, t)
    data = xarray.Dataset(
        {NAME: ((THETA_PATH, THICKNESS, PHI_PATH, "spin"), torque, {"units": "u"})},
        coords={
            THETA_PATH: THETA, THICKNESS: [1.0, 4.0], PHI_PATH: PHI, "spin": list("xyz"),
        },
    )  # fmt: skip
    return of_a_model(data, field)


def of_a_model(data: xarray.Dataset, field: float) -> xarray.Dataset:
    """As a file has it: by model, source and interface."""
    grown = data.expand_dims(model=["boltzmann"], source=["rashba"], interface=["Pt|Co"])
    attributes = {"angles_json": json.dumps({"field": field, "magnets": {}})}
    return grown.assign_coords(magnet=["Co"]).assign_attrs(attributes)


def thick(data: xarray.DataArray | xarray.Dataset) -> Any:
    """The part of it at 4 nm."""
    return data.sel({THICKNESS: 4.0})


@pytest.mark.parametrize("form", ["garello", "general"])
def test_known_coefficients(form: str) -> None:
    data = synthetic()
    found = anisotropy_of_sweep(data, form=form)  # type: ignore[arg-type]
    scale = np.array([[1.0], [4.0]])
    assert_allclose(found["field_like"], -scale * [1.0, 0.3, -0.2], atol=1e-12)
    assert_allclose(found["damping_like"], -scale * [2.0, -0.4, 0.7], atol=1e-12)
    assert found["field_like"].dims == (THICKNESS, "coefficient")
    assert list(found["coefficient"].values) == ["T0", "T2", "T4"]
    assert found["field_like"].attrs["units"] == "u"
    assert found["relative_residual"].max() < 1e-13
    assert found["residual"].dims == (THICKNESS, THETA_PATH, PHI_PATH, "spin")
    assert ("field_like_polar" in found) == (form == "general")
    if form == "general":
        assert_allclose(found["field_like_polar"], -scale * [1.0, 0.0, 0.0], atol=1e-12)


def test_residual_is_torque_minus_expansion() -> None:
    data = synthetic()
    found = anisotropy_of_sweep(data, order=0)
    theta, phi = np.meshgrid(THETA, PHI, indexing="ij")
    scale = float(thick(found["field_like"])[0])
    other = float(thick(found["damping_like"])[0])
    # Constant torques by hand: T0 m x y_p and T0 m x (m x y_p).
    m = np.stack(
        [
            np.sin(np.radians(theta)) * np.cos(np.radians(phi)),
            np.sin(np.radians(theta)) * np.sin(np.radians(phi)),
            np.cos(np.radians(theta)),
        ],
        axis=-1,
    )
    y_p = np.array([-0.5, np.sqrt(0.75), 0.0])
    constant = scale * np.cross(m, y_p) + other * np.cross(m, np.cross(m, y_p))
    given = thick(data[NAME]).isel(model=0, source=0, interface=0, drop=True)
    given = given.transpose(THETA_PATH, PHI_PATH, "spin")
    residual = thick(found["residual"])
    assert_allclose(residual, given - constant, atol=1e-12)
    expected = np.sqrt((residual**2).sum() / (given**2).sum())
    assert_allclose(thick(found["relative_residual"]), expected)


def test_angles_in_a_group() -> None:
    """The two angles along one dimension, and no other axis."""
    theta, phi = (a.ravel() for a in np.meshgrid(THETA, PHI))
    data = of_a_model(
        xarray.Dataset(
            {NAME: (("way", "spin"), known_torque(theta, phi, 0.0, np.ones(len(theta))))}
        ),
        0.0,
    )
    data = data.assign({THETA_PATH: ("way", theta), PHI_PATH: ("way", phi)})
    found = anisotropy_of_sweep(data)
    assert_allclose(found["field_like"], [-1.0, -0.3, 0.2], atol=1e-12)
    assert found["residual"].dims == ("way", "spin")
    columns, rows = anisotropy_rows(found)
    assert columns == ("torque", "T0 []", "T2 []", "T4 []", "relative residual")
    assert [row[0] for row in rows] == ["damping-like", "field-like"]
    with pytest.raises(torkivity.InputError, match="must not vary together"):
        anisotropy_of_sweep(
            data.assign({RASHBA: ("way", theta)}).assign_attrs(varied_json=json.dumps([RASHBA]))
        )


def test_unfinished_sweep() -> None:
    data = synthetic()
    torques = data[NAME].transpose(THETA_PATH, THICKNESS, PHI_PATH, ...)
    torques[1, 0, 2] = np.nan  # one direction at 1 nm
    torques[1:, 1] = np.nan  # all but one theta at 4 nm
    assert int(np.isnan(data[NAME]).sum()) == 3 * 21
    found = anisotropy_of_sweep(data)
    assert_array_equal(found["directions"], [23, 4])
    assert_allclose(found["damping_like"][0], [-2.0, 0.4, -0.7], atol=1e-12)
    assert np.isnan(found["damping_like"][1]).all()
    assert int(np.isnan(found["residual"]).sum()) == 3 * (1 + 24)
    data[NAME][:] = np.nan
    with pytest.raises(torkivity.InputError, match="finished directions of 24 = 0: too few"):
        anisotropy_of_sweep(data)


def test_what_cannot_be_expanded() -> None:
    data = synthetic()
    for dataset, options, expected in (
        (data, {"model": "magic"}, r"model = .magic.: must be one that the file has \(boltzmann\)"),
        (data, {"part": "spin"}, "must be one of interface"),
        (data, {"model": "boundary_layer"}, r"must be one that the file has \(boltzmann\)"),
        (data, {"source": "all"}, r"must be one that the file has \(rashba\)"),
        (data, {"order": 3}, "must be an even number"),
        (data, {"form": "free"}, "must be one of garello, general"),
        (data.isel({THETA_PATH: 0, PHI_PATH: 0}), {}, "must vary in the sweep"),
        (data.isel({THETA_PATH: [2]}), {}, "determine 4 of 6 coefficients"),
        (data.drop_attrs(), {}, "field = None: is neither swept nor told by the file"),
        (data, {"place": "Co|Pt"}, r"interface = .Co\|Pt.: must be one of Pt\|Co"),
    ):
        with pytest.raises(torkivity.InputError, match=expected):
            anisotropy_of_sweep(dataset, **options)  # type: ignore[arg-type]


def test_film_of_python() -> None:
    """Without a configuration the other angle and the field come from the film."""
    film = pt_co(0.2, magnetization=(0.3, 0.3, 1.0), field_direction_deg=15.0)
    mesh = torkivity.SphericalMesh(4, 8)
    theta = np.linspace(10.0, 170.0, 9)
    data = torkivity.sweep(film, {"theta": theta}, mesh=mesh)
    found = anisotropy_of_sweep(data, order=2)
    torque = angular_torques(film, theta, 45.0, mesh=mesh)
    expected = expand_torques(theta, 45.0, torque, order=2, field_direction_deg=15.0)
    assert_allclose(found["damping_like"], expected.damping_like, rtol=1e-9)
    assert_allclose(found["field_like"], expected.field_like, rtol=1e-9)


def test_command(call: Callable[..., Any], tmp_path: Path, small_toml: str) -> None:
    path = tmp_path / "film.toml"
    text = small_toml.replace(
        "magnetization = [0.3, 0.2, 1.0]", "magnetization_angles_deg = { theta = 0, phi = 90 }"
    )
    path.write_text(text.replace("rashba = 0.085", "rashba = 0.2"))
    theta, phi = np.linspace(6.0, 174.0, 8), np.array([15.0, 105.0, 195.0, 285.0])
    axes = {"theta": theta, "phi": phi, "exchange": [0.1, 0.20055]}
    torkivity.sweep(path, axes, out=tmp_path / "a.h5")
    done = call("anisotropy", "a.h5", "--form", "general", "-o", "b.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "torque_total, boltzmann, all, Pt|Co; form general, 32 directions of m" in done.stdout
    assert "T2 polar" in done.stdout
    angles = tuple(a.ravel() for a in np.meshgrid(theta, phi))
    mesh = torkivity.SphericalMesh(4, 8)
    torque = angular_torques(pt_co(0.2), *angles, mesh=mesh)
    expected = expand_torques(*angles, torque, form="general")
    with (tmp_path / "b.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row[EXCHANGE] == "0.20055"]
    for row, kind in zip(rows, ("damping_like", "field_like"), strict=True):
        assert row["torque"] == kind.replace("_", "-")
        found = [float(row[f"{name} [1/(Ohm m)]"]) for name in ("T0", "T2", "T4")]
        assert_allclose(found, getattr(expected, kind), rtol=1e-8)
        polar = [float(row[f"{name} polar [1/(Ohm m)]"]) for name in ("T2", "T4")]
        assert_allclose(polar, getattr(expected, f"{kind}_polar")[1:], rtol=1e-8)
        assert_allclose(float(row["relative residual"]), expected.relative_residual, rtol=1e-6)

    done = call("anisotropy", "a.h5", "--part", "interface", "-o", "b.h5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with xarray.open_dataset(tmp_path / "b.h5") as found:
        assert [found.attrs[name] for name in ("variable", "model", "source", "interface")] == [
            "torque_interface", "boltzmann", "all", "Pt|Co",
        ]  # fmt: skip
        assert found["damping_like"].sizes == {EXCHANGE: 2, "coefficient": 3}
    for arguments, expected_text in (
        (("anisotropy", "a.h5", "-o", "b.h5"), "--force"),
        (("anisotropy", "a.h5", "-o", "b.txt"), "must be .h5 or .csv"),
        (("anisotropy", "a.h5", "-o", "a.h5"), "different files"),
        (
            ("anisotropy", "a.h5", "--model", "drift_diffusion"),
            "must be one that the file has (boltzmann)",
        ),
        (("anisotropy", "none.h5"), "no such file"),
    ):
        done = call(*arguments, cwd=tmp_path)
        assert done.returncode == 2, done.stdout
        assert expected_text in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"film.toml", "a.h5", "b.csv", "b.h5"}


def test_numbers_of_the_page(tmp_path: Path) -> None:
    """docs/anisotropy.md, with its mesh and angles: every cell, and the residuals by order."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "anisotropy.md").read_text("utf-8")
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in page.splitlines()
            if line.startswith(("| rashba", "| spin_hall"))]  # fmt: skip
    assert len(rows) == 8
    film = replace(pt_co(0.213225), ferromagnet=replace(pt_co().ferromagnet, dephasing_length=None))
    mesh = torkivity.SphericalMesh(32, 16)
    angles = np.meshgrid(np.linspace(3.0, 177.0, 16), np.linspace(10.0, 325.0, 8))
    theta, phi = (a.ravel() for a in angles)
    torque = {
        source: angular_torques(film, theta, phi, mesh=mesh, source=source)
        for source in ("rashba", "spin_hall")
    }
    for source, kind, form, t0, t2, t4, p2, p4, residual in rows:
        found = expand_torques(theta, phi, torque[source], form=form)  # type: ignore[arg-type]
        name = kind.replace("-", "_")
        values = getattr(found, name)
        assert_allclose(values[0], float(t0), rtol=1e-3)
        assert_allclose(values[1:] / values[0], [float(t2), float(t4)], atol=6e-4)
        if form == "general":
            polar = getattr(found, f"{name}_polar")[1:] / values[0]
            assert_allclose(polar, [float(p2), float(p4)], atol=6e-4)
        assert_allclose(found.relative_residual, float(residual), rtol=0.05)
    for source, by_order in (
        ("rashba", (4.4e-3, 4.9e-5, 7.8e-7, 8.1e-8, 1.3e-8)),
        ("spin_hall", (2.1e-3, 4.0e-7, 8.4e-11)),
    ):
        assert all(f"{r:.1e}".replace("e-0", "e-") in page for r in by_order)
        for power, expected in enumerate(by_order):
            found = expand_torques(theta, phi, torque[source], form="general", order=2 * power)
            assert_allclose(found.relative_residual, expected, rtol=0.05)
