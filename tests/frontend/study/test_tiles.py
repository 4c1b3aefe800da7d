"""A tolerance instead of a mesh: in files, sweeps, curves, and whatever order they are made in."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import torkivity
from torkivity.config.text import check_config
from torkivity.study.case import Case
from torkivity.study.plan import plan_sweep
from torkivity.study.tiles import Tiles, tile_of
from torkivity_engine.film.parameters import Parameter
from torkivity_engine.film.quantity import ANGLE, LENGTH, POTENTIAL, Quantity
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.tolerance import START
from torkivity_meshes import DEFAULT_POLAR_RULE

Call = Callable[..., Any]

#: Without precession, so that coarse meshes do.
FILM = """
[film]
magnetization = [0.3, 0.2, 1.0]
[heavy_metal]
thickness = 3.0
total_mean_free_path = 2.0
spin_diffusion_length = 2.5
spin_hall_angle = 0.05
[interface]
barrier = 0.9
exchange = 0.2
rashba = 0.1
[ferromagnet]
thickness = 2.0
mean_free_path_majority = 6.0
mean_free_path_minority = 4.0
spin_flip_length = 50.0
precession_length = 10.0
[mesh]
rtol = 1e-3
"""
AXES = """
[sweep]
models = ["boltzmann", "drift_diffusion"]
[sweep.axes]
heavy_metal.thickness = {thickness}
interface.exchange = {exchange}
"""
THICKNESS, EXCHANGE = [1.5, 3.0, 7.0], [0.05, 0.2, 0.6, 0.95]

#: Of a file, but for when and where points were computed.
BOOKKEEPING = {"seconds", "finished", "rank"}


def text(thickness: list[float] = THICKNESS, exchange: list[float] = EXCHANGE) -> str:
    return FILM + AXES.format(thickness=thickness, exchange=exchange)


def contents(path: Path) -> dict[str, bytes]:
    with h5py.File(path) as file:
        numbers = [name for name in file if file[name].dtype.kind in "fi"]
        return {name: file[name][...].tobytes() for name in numbers if name not in BOOKKEEPING}


def swept(folder: Path, call: Call, name: str, toml: str, *options: str) -> Path:
    (folder / "film.toml").write_text(toml)
    done = call("sweep", "film.toml", "-o", name, *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / name


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiles") / "whole.h5"
    config = check_config(tomllib.loads(text()), "film.toml")
    torkivity.sweep(config, out=path)
    return path


@given(
    st.one_of(st.floats(1e-9, 1e9), st.floats(-1e6, 1e6)),
    st.sampled_from([LENGTH, POTENTIAL, ANGLE, Quantity("1", "share", ge=0.0, le=1.0)]),
)
def test_what_stands_for_a_tile_lies_in_it(value: float, quantity: Quantity) -> None:
    value = value if quantity.within(value) else 1e-9 + 0.5 * abs(math.sin(value))
    tile = tile_of(Parameter("a.b", value, quantity), value)
    for other in tile.representatives:
        assert quantity.within(float(other))
        assert tile_of(Parameter("a.b", value, quantity), other) == tile
    if quantity is LENGTH:
        assert 0.5 <= float(tile.representatives[0]) / value <= 2.0


def test_words_sizes_zero_and_infinity_are_tiles_of_their_own() -> None:
    for value in ("dephased", 16, 0.0, math.inf):
        assert tile_of(Parameter("a.b", value, LENGTH), value).representatives == (value,)
    labels = {tile_of(Parameter("a.b", 1.0, POTENTIAL), x).label for x in (-0.3, 0.0, 0.3, 1.3)}
    assert len(labels) == 4


def test_every_point_keeps_to_the_tolerance_and_says_so(whole: Path) -> None:
    found = torkivity.open_results(whole)
    assert found["mesh_error"].dims == found["certificate_residual"].dims
    assert float(found["mesh_error"].max()) <= 1e-3
    assert (found["mesh_n_polar"] >= found["tile_n_polar"]).all()
    film = check_config(tomllib.loads(FILM), "film.toml")
    case = Case.of(film, Path("film.toml"))
    for t in THICKNESS:
        for u in EXCHANGE:
            point = case.varied({"HM.thickness": t, '"HM|FM".exchange': u}).film
            exact = solve_boltzmann(point, torkivity.SphericalMesh(96, 64))
            scale = np.abs(exact.torque_total).max()
            at = found.sel({"HM.thickness": t, '"HM|FM".exchange': u, "model": "boltzmann"})
            true = max(
                float(np.abs(at[n].values.squeeze() - getattr(exact, n)).max() / scale)
                for n in ("torque_total", "spin_current_minus", "spin_current_plus")
            )
            assert true <= 1e-3
            assert float(at["mesh_error"].values.item()) >= 0.2 * true


def test_what_a_point_gives_is_its_own_whatever_the_sweep(
    tmp_path: Path, call: Call, whole: Path
) -> None:
    """Fewer values first, then more; another order; two processes: every bit is the same."""
    expected = contents(whole)
    grown = swept(tmp_path, call, "grown.h5", text(THICKNESS[1:], EXCHANGE[::2]))
    assert contents(grown) != expected
    assert contents(swept(tmp_path, call, "grown.h5", text())) == expected
    assert contents(swept(tmp_path, call, "two.h5", text(), "--workers", "2")) == expected
    turned = swept(tmp_path, call, "turned.h5", text(THICKNESS[::-1], EXCHANGE))
    with h5py.File(turned) as file, h5py.File(whole) as other:
        for name in ("torque_total", "mesh_error", "mesh_n_polar", "tile_n_polar"):
            assert file[name][...][::-1].tobytes() == other[name][...].tobytes()


def test_a_resumed_sweep_reads_its_tiles(
    tmp_path: Path, call: Call, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = check_config(tomllib.loads(text(THICKNESS, EXCHANGE[:2])), "film.toml")
    torkivity.sweep(config, out=tmp_path / "a.h5")
    searched = []
    found = Tiles._found

    def counted(self: Tiles, *arguments: Any) -> Any:
        searched.append(arguments)
        return found(self, *arguments)

    monkeypatch.setattr(Tiles, "_found", counted)
    config = check_config(tomllib.loads(text()), "film.toml")
    torkivity.sweep(config, out=tmp_path / "a.h5")
    assert contents(tmp_path / "a.h5") == contents(whole)
    resumed, searched[:] = len(searched), []
    torkivity.sweep(config, out=tmp_path / "b.h5")
    assert 0 < resumed < len(searched)


def test_points_search_from_the_beginning_where_a_tile_has_no_film(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(*_: object) -> Case:
        raise torkivity.InputError("HM.thickness", -1.0, "must be positive")

    monkeypatch.setattr(Tiles, "_representative", none)
    config = check_config(tomllib.loads(text([3.0], [0.2, 0.3])), "film.toml")
    found = torkivity.sweep(config)
    assert (found["status"] == 1).all()
    assert float(found["mesh_error"].max()) <= 1e-3
    assert (found["tile_n_polar"] == START[0]).all()


def test_the_film_of_a_tile_is_one_that_can_be() -> None:
    """In the middle the spin diffusion length is that of the mean free path: too short."""
    settings = FILM + "[[sweep.zip]]\nname = 'metal'\n"
    settings += "heavy_metal.spin_diffusion_length = [1.5, 3.9]\n"
    settings += "heavy_metal.total_mean_free_path = [1.1, 3.0]\n"
    config = check_config(tomllib.loads(settings), "film.toml")
    tiles = Tiles(Case.of(config, Path("film.toml")))
    values = {"HM.spin_diffusion_length": 1.5, "HM.total_mean_free_path": 1.1}
    case, _ = tiles._representative(values, "all", DEFAULT_POLAR_RULE)
    metal = case.film.stack().layers[0]
    assert metal.total_mean_free_path == 2.0**0.5  # type: ignore[attr-defined]


def test_a_file_of_another_tolerance_is_not_resumed(
    tmp_path: Path, call: Call, whole: Path
) -> None:
    (tmp_path / "a.h5").write_bytes(whole.read_bytes())
    (tmp_path / "film.toml").write_text(text())
    done = call("sweep", "film.toml", "-o", "a.h5", "--rtol", "1e-2", cwd=tmp_path)
    assert done.returncode == 2
    assert "mesh.rtol = 0.01: a.h5 was computed with 0.001" in done.stderr


def test_run_says_the_error_of_its_mesh(tmp_path: Path, call: Call) -> None:
    film = tmp_path / "film.toml"
    film.write_text(FILM.partition("[mesh]")[0] + "[figure]\nheavy_metal_thickness = [2.0, 5.0]\n")
    done = call("run", "film.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "rtol = 0.001" in done.stdout
    line = next(x for x in done.stdout.splitlines() if x.startswith("mesh error"))
    with h5py.File(tmp_path / "film.h5") as file:
        models = file["model"].asstr()[...].tolist()
        errors = file["mesh_error"][models.index("boltzmann")]
        assert f"{errors.max():.1e}" in line
        assert errors.max() <= 1e-3
        assert np.nanmax(file["curve_mesh_error"]) <= 1e-3
        assert file["curve_mesh_error"].shape[0] == 2
        size = [
            int(file[f"mesh_n_{x}"][models.index("boltzmann"), -1]) for x in ("polar", "azimuth")
        ]
        assert f"{size[0]} x {size[1]}" in line
        assert f"({size[0]}, {size[1]}, " in file.attrs["boltzmann_mesh"]
    # What is given is taken: a tolerance on the command line, or sizes.
    done = call("run", "film.toml", "--no-figure", "--force", "--rtol", "1e-2", cwd=tmp_path)
    assert "rtol = 0.01" in done.stdout
    given = ("--set", "mesh.n_polar=6", "--set", "mesh.n_azimuth=8")
    done = call("run", "film.toml", "--no-figure", "--force", *given, cwd=tmp_path)
    assert "mesh error" not in done.stdout
    assert "SphericalMesh(6, 8, " in done.stdout


@pytest.mark.parametrize(
    ("mesh", "expected"),
    [
        (
            "rtol = 1e-3\nn_polar = 8",
            "mesh: give rtol, which chooses the mesh, or n_polar, not both",
        ),
        ('rtol = 1e-3\nfile = "m.txt"', "or file, not both"),
        ("rtol = 0.0", "mesh.rtol = 0.0: must be greater than 0"),
        ("rtol = 1.0", "mesh.rtol = 1.0: must be less than 1"),
        ("rtol = nan", "mesh.rtol = nan: must be"),
        ('rtol = "fine"', "mesh.rtol"),
    ],
)
def test_bad_tolerances_in_files(tmp_path: Path, call: Call, mesh: str, expected: str) -> None:
    (tmp_path / "film.toml").write_text(FILM.partition("[mesh]")[0] + f"[mesh]\n{mesh}\n")
    done = call("run", "film.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "film.h5").exists()


@pytest.mark.parametrize("rtol", ["0", "1", "-1e-3", "nan", "fine"])
def test_bad_tolerances_on_the_command_line(tmp_path: Path, call: Call, rtol: str) -> None:
    (tmp_path / "film.toml").write_text(text())
    for command in ("run", "sweep"):
        done = call(command, "film.toml", "--rtol", rtol, cwd=tmp_path)
        assert done.returncode == 2
        assert "rtol" in done.stderr


def test_sizes_cannot_be_swept_beside_a_tolerance(tmp_path: Path, call: Call) -> None:
    (tmp_path / "film.toml").write_text(FILM + "[sweep.axes]\nmesh.n_polar = [8, 16]\n")
    done = call("sweep", "film.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "mesh.rtol chooses the mesh: give one or the other" in done.stderr


def test_a_convergence_study_takes_its_tolerance_from_the_mesh(tmp_path: Path, call: Call) -> None:
    sizes = "[converge]\nn_polar = [4, 8, 16]\nn_azimuth = [4, 8, 16]\n"
    (tmp_path / "film.toml").write_text(FILM.replace("rtol = 1e-3", "rtol = 2e-2") + sizes)
    done = call("converge", "film.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "errors below 0.02" in done.stdout


def test_python(tmp_path: Path) -> None:
    film = check_config(tomllib.loads(FILM), "film.toml").film
    found = torkivity.sweep(film, {"interface.exchange": [0.2, 0.3]}, rtol=1e-2)
    assert float(found["mesh_error"].max()) <= 1e-2
    with pytest.raises(torkivity.InputError, match="one or the other"):
        torkivity.sweep(
            film, {"interface.exchange": [0.2]}, rtol=1e-2, mesh=torkivity.SphericalMesh(4, 8)
        )


def test_the_file_says_what_was_asked(whole: Path, tmp_path: Path, call: Call) -> None:
    """Its configuration reads back, and a figure that is computed anew follows the tolerance."""
    with h5py.File(whole) as file:
        config = check_config(tomllib.loads(file.attrs["config_toml"]), "film.toml")
    assert config.mesh.rtol == 1e-3
    plan = plan_sweep(config, Path("film.toml"), check_config(tomllib.loads(text()), "f").sweep)
    assert plan.spec.physics["mesh.rtol"] == 1e-3
    assert "mesh.n_polar" not in plan.spec.physics
    done = call("plot", whole, "--profile", "-o", "profile.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
