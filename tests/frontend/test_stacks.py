"""A stack with a spacer through every command: paths, resuming, growth, places, mistakes."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import torkivity
from frontend.conftest import Call
from torkivity.config.text import check_config, preset_names, preset_text
from torkivity_engine.film.stack import Stack, as_stack

PAGE = Path(__file__).resolve().parents[2] / "docs" / "stacks.md"
THICKNESS, RASHBA = "Cu.thickness", '"Cu|Pt".rashba'
THETA = "Co.magnetization.theta_deg"
COARSE = ("--set", "mesh.n_polar=6", "--set", "mesh.n_azimuth=4")


def film_text() -> str:
    """The film of the page, on the coarsest mesh that will do."""
    found = re.search(r"```toml\n(# spacer\.toml: .*?)```", PAGE.read_text("utf-8"), re.S)
    assert found
    return found[1].replace("n_polar = 6", "n_polar = 2").replace("n_azimuth = 8", "n_azimuth = 4")


def sweep_text(
    thickness: tuple[float, ...] = (1.0, 2.0),
    models: tuple[str, ...] = ("boltzmann",),
    sources: tuple[str, ...] = ("spin_hall",),
) -> str:
    return f"""{film_text()}
[sweep]
models = {list(models)}
source = {list(sources)}
[sweep.axes]
Cu.thickness = {list(thickness)}
"Cu|Pt".rashba = [0.0, 0.2]
Co.magnetization.theta_deg = [0.0, 45.0]
"""


def film_at(thickness: float, rashba: float, theta: float) -> Stack:
    """The film of a point, made by hand."""
    film = check_config(tomllib.loads(film_text()), "spacer.toml").film
    assert isinstance(film, Stack)
    co, cu, pt = film.layers
    below, above = film.interfaces
    angle = np.radians(theta)
    m = (float(np.sin(angle)), 0.0, float(np.cos(angle)))
    assert isinstance(above, torkivity.RashbaInterface)
    return replace(
        film,
        layers=(replace(co, magnetization=m), replace(cu, thickness=thickness), pt),
        interfaces=(below, replace(above, rashba=rashba)),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stacks")


def ran(call: Call, *arguments: Any, cwd: Path) -> str:
    done = call(*arguments, cwd=cwd)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


def errors(err: str) -> list[str]:
    """Lines of stderr but what tells how it goes."""
    return [line for line in err.splitlines() if not line.startswith("torkivity: reading")]


def finished(path: Path) -> np.ndarray:
    """When each point was finished: what is not computed again keeps its time."""
    with h5py.File(path) as file:
        return np.asarray(file["finished"][...])


def test_sweep_and_resume(call: Call, folder: Path) -> None:
    (folder / "film.toml").write_text(sweep_text())
    ran(call, "sweep", "film.toml", "-o", "a.h5", cwd=folder)
    with h5py.File(folder / "a.h5", "r+") as file:
        assert file["status"].shape == (2, 2, 2, 1, 1)
        whole = file["torque_total"][...]
        file["status"][1, 0] = 0
        file["torque_total"][1, 0] = np.nan
    before = finished(folder / "a.h5")
    ran(call, "sweep", "film.toml", "-o", "a.h5", cwd=folder)
    with h5py.File(folder / "a.h5") as file:
        np.testing.assert_array_equal(file["torque_total"][...], whole)
    again = finished(folder / "a.h5") != before
    assert again[1, 0].all()
    assert int(again.sum()) == 2
    data = torkivity.open_results(folder / "a.h5")
    mesh = torkivity.SphericalMesh(2, 4)
    for values in ((1.0, 0.0, 45.0), (2.0, 0.2, 0.0)):
        film = film_at(*values)
        direct = torkivity.solve_boltzmann(film, mesh, source="spin_hall")
        point = data.sel(dict(zip((THICKNESS, RASHBA, THETA), values, strict=True)))
        point = point.sel(model="boltzmann", source="spin_hall")
        expected = [i.torque_total for i in direct.interfaces]
        scale = np.abs(expected).max()
        np.testing.assert_allclose(point["torque_total"], expected, atol=1e-10 * scale)
        # Cobalt has one interface, and the torque on it is that there.
        magnet = point["magnet_torque_total"].sel(magnet="Co")
        np.testing.assert_allclose(magnet, expected[0], atol=1e-10 * scale)


@pytest.mark.parametrize(
    ("grown", "shape"),
    [
        ({"thickness": (0.5, 1.0, 2.0)}, (3, 2, 2, 1, 1)),
        ({"models": ("boltzmann", "drift_diffusion")}, (2, 2, 2, 2, 1)),
        ({"sources": ("rashba", "spin_hall")}, (2, 2, 2, 1, 2)),
    ],
    ids=["axis", "model", "source"],
)
def test_growth(call: Call, tmp_path: Path, grown: dict[str, Any], shape: tuple[int, ...]) -> None:
    """What is known is taken over, bit for bit; the file is that of a sweep made at once."""
    (tmp_path / "film.toml").write_text(sweep_text())
    ran(call, "sweep", "film.toml", "-o", "a.h5", cwd=tmp_path)
    before = finished(tmp_path / "a.h5")
    (tmp_path / "film.toml").write_text(sweep_text(**grown))
    ran(call, "sweep", "film.toml", "-o", "a.h5", cwd=tmp_path)
    ran(call, "sweep", "film.toml", "-o", "b.h5", cwd=tmp_path)
    after = finished(tmp_path / "a.h5")
    assert after.shape == shape
    assert set(before.ravel()) <= set(after.ravel())
    assert np.isfinite(after).all()
    with h5py.File(tmp_path / "a.h5") as a, h5py.File(tmp_path / "b.h5") as b:
        for name in ("torque_total", "magnet_torque_total_field_like", "certificate_residual"):
            np.testing.assert_array_equal(a[name][...], b[name][...])


def test_figures_and_tables(call: Call, folder: Path) -> None:
    text = sweep_text(models=("boltzmann", "drift_diffusion"), sources=("rashba", "spin_hall"))
    (folder / "both.toml").write_text(text)
    ran(call, "sweep", "both.toml", "-o", "both.h5", cwd=folder)
    for arguments in (
        ("plot", "both.h5", "-o", "1.png", "--x", "Cu|Pt.rashba", "--source", "spin_hall"),
        ("plot", "both.h5", "-o", "2.png", "--quantity", "magnet_torque_total", "--place", "Co"),
        ("plot", "both.h5", "-o", "3.png", "--place", "Cu|Pt", "--quantity", "spin_current_plus"),
        ("plot", "both.h5", "-o", "4.png", "--profile", "--at", "thickness=2"),
        ("compare", "both.h5", "--figure", "5.png", "--source", "rashba", "--place", "Co|Cu"),
        ("export", "both.h5", "--to", "csv", "--wide", "-o", "6.csv"),
        ("info", "both.h5"),
        ("status", "both.h5"),
    ):
        ran(call, *arguments, cwd=folder)
    for place, word in (("Pt", "must be one of Co|Cu, Cu|Pt"), ("Co|Pt", "must be one of")):
        done = call("plot", "both.h5", "-o", "7.png", "--place", place, cwd=folder)
        assert done.returncode == 2
        assert word in done.stderr
    assert not (folder / "7.png").exists()


def test_set(call: Call, folder: Path) -> None:
    """A parameter that is set is as if the file had it so."""
    (folder / "film.toml").write_text(film_text())
    (folder / "other.toml").write_text(film_text().replace("flip_length = 500", "flip_length = 90"))
    run = ("--no-figure", "-o")
    ran(call, "run", "other.toml", *run, "other.h5", cwd=folder)
    ran(call, "run", "film.toml", *run, "set.h5", "--set", "Cu.spin_flip_length=90", cwd=folder)
    ran(call, "run", "film.toml", *run, "film.h5", cwd=folder)
    totals = []
    for name in ("other", "set", "film"):
        with h5py.File(folder / f"{name}.h5") as file:
            totals.append(file["torque_total"][...])
    np.testing.assert_array_equal(totals[0], totals[1])
    assert not np.array_equal(totals[0], totals[2])
    for given, word in (
        ("Cu.thicknes=3", "did you mean Cu.thickness"),
        ("Cu.thickness=-3", "must be a positive length"),
        ("Cu.thickness=thin", "must be a number"),
        ("thickness=3", "is not known"),  # of three layers
        ("Cu.thickness", "must be PATH=VALUE"),
    ):
        done = call("run", "film.toml", *run, "no.h5", "--set", given, cwd=folder)
        assert done.returncode == 2, given
        (line,) = errors(done.stderr)
        assert word in line
    assert not (folder / "no.h5").exists()


def test_all_mistakes_at_once(call: Call, folder: Path) -> None:
    text = film_text().replace("spin_flip_length = 500.0", "spin_flip_lenght = 500.0")
    text = text.replace("thickness = 4.0", "thickness = -4.0").replace("n_polar = 2", "n_polar = 0")
    (folder / "wrong.toml").write_text(text.replace("barrier = 0.3", 'barrier = "high"'))
    done = call("run", "wrong.toml", "--no-figure", cwd=folder)
    assert done.returncode == 2
    lines = errors(done.stderr)
    for word in ("spin_flip_lenght: unknown key", "layers[2].thickness = -4.0", "n_polar = 0",
                 'interfaces[1].barrier = "high"'):  # fmt: skip
        assert sum(word in line for line in lines) == 1, (word, lines)
    assert len(lines) == 4
    assert all("wrong.toml: " in line for line in lines)


@pytest.mark.parametrize("name", preset_names())
def test_presets(call: Call, tmp_path: Path, name: str) -> None:
    """Each is a film that all commands of a single film take, and what its table is about."""
    ran(call, "init", "film.toml", "--preset", name, cwd=tmp_path)
    assert (tmp_path / "film.toml").read_text("utf-8") == preset_text(name)
    short = preset_text(name).partition("\n[figure]")[0] + "\n[figure]\n"
    (tmp_path / "film.toml").write_text(short + "heavy_metal_thickness = [1.0, 2.0]\n")
    out = ran(call, "run", "film.toml", "-o", "a.h5", "--no-figure", *COARSE, cwd=tmp_path)
    film = as_stack(check_config(tomllib.loads(preset_text(name)), name).film)
    for layer in film.names:
        assert any(line.startswith(f"{layer}: ") for line in out.splitlines())
    data = torkivity.open_results(tmp_path / "a.h5")
    assert list(data["magnet"].values) == list(film.magnet_names)
    assert (data["status"] == 1).sel(model="boltzmann").all()
    # What turns a magnet is the sum over its interfaces.
    at = data.sel(model="boltzmann", source="all")
    of_interfaces = at["torque_total"].values.sum(axis=0)
    of_magnets = at["magnet_torque_total"].values.sum(axis=0)
    if all(
        film.layers[i].magnetic != film.layers[i + 1].magnetic for i in range(len(film.names) - 1)
    ):
        scale = np.abs(at["torque_total"]).max()
        np.testing.assert_allclose(of_magnets, of_interfaces, atol=1e-9 * scale)
