"""Sweeps of films: from the TOML table and from Python to a dataset."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import h5py
import numpy as np
import pytest
import xarray

import torkivity
from torkivity.catalogue import MODELS, SOURCES, ModelName, SourceName
from torkivity.config.errors import ConfigError
from torkivity.config.sections import RunConfig
from torkivity.config.text import check_config, load_config, to_toml
from torkivity.results.differences import relative_differences
from torkivity.results.values import model_values
from torkivity.study.case import Case
from torkivity.study.plan import plan_sweep
from torkivity.study.status import describe_status
from torkivity_engine.film.component import angles_of
from torkivity_engine.record import CERTIFICATES
from torkivity_hpc.grid import Value

Call = Callable[..., Any]

SWEEP = """
[sweep]
models = ["boltzmann", "drift_diffusion"]
[sweep.axes]
interface.exchange = [0.1, 0.3]
heavy_metal.thickness = { logspace = [2.0, 8.0, 3] }
interface.rashba = { linspace = [0.0, 0.2, 3] }
[[sweep.zip]]
name = "sample"
labels = ["thin", "thick"]
ferromagnet.thickness = [1.0, 5.0]
film.field_direction_deg = [0.0, 90.0]
"""


def config(text: str) -> RunConfig:
    return check_config(tomllib.loads(text), "film.toml")


@pytest.fixture
def film() -> torkivity.Bilayer:
    return torkivity.Bilayer(
        torkivity.HeavyMetal(5.0, 2.0, 20.0),
        torkivity.RashbaInterface(0.4, 0.2, 0.1),
        torkivity.Ferromagnet(5.0, 10.0, 5.0, 100.0, 1.5),
    )


EXCHANGE, RASHBA = '"Pt|Co".exchange', '"Pt|Co".rashba'
MESH = torkivity.SphericalMesh(3, 4)


@pytest.mark.parametrize("method", ["reduced", "dense"])
def test_certificates_are_those_of_the_solvers(film: torkivity.Bilayer, method: str) -> None:
    solution = torkivity.solve_boltzmann(film, MESH, method=method)
    assert set(CERTIFICATES) == set(solution.certificates)


def test_product_and_groups(small_toml: str) -> None:
    settings = config(small_toml + SWEEP)
    plan = plan_sweep(settings, Path("film.toml"))
    grid = plan.spec.grid
    assert list(grid.axes) == [
        *(EXCHANGE, RASHBA, "Pt.thickness", "sample", "model", "source"),
    ]
    assert grid.shape == (2, 3, 3, 2, 2, 1)
    assert grid.axes["Pt.thickness"].units == "nm"
    np.testing.assert_allclose(grid.axes["Pt.thickness"].values, [2.0, 4.0, 8.0])
    assert plan.layer_parameters == ("Pt.thickness", "Co.thickness")
    assert list(grid.axes["sample"].values) == ["thin", "thick"]
    unnamed = config(small_toml + SWEEP.replace('labels = ["thin", "thick"]\n', ""))
    axis = plan_sweep(unnamed, Path("film.toml")).spec.grid.axes["sample"]
    assert list(axis.values) == [0.0, 1.0]
    last = film_at(settings, grid.point(grid.size - 1))
    assert last.interface.exchange == 0.3
    assert last.ferromagnet.thickness == 5.0
    assert last.field_direction_deg == 90.0
    record = plan.evaluate(grid.point(5))
    assert set(record) == set(plan.spec.variables)
    assert load_config_text(to_toml(settings.film, settings)) == settings


def test_what_the_numbers_depend_on(small_toml: str) -> None:
    """All that is not swept, but for names and figures: a file of other numbers is refused."""
    text = small_toml.replace("spin_flip_length = 1000.0", "spin_flip_length = inf")
    models = '[sweep]\nmodels = ["drift_diffusion", "boltzmann"]\nsource = "rashba"\n'
    plan = plan_sweep(
        config(text + models + "[sweep.axes]\nfilm.fermi_wavevector = [10.0, 16.0]\n"),
        Path("film.toml"),
    )
    physics = plan.spec.physics
    # Models and sources are axes: a file may grow along them.
    assert list(plan.spec.grid.axes["model"].values) == ["drift_diffusion", "boltzmann"]
    assert list(plan.spec.grid.axes["source"].values) == ["rashba"]
    assert physics['"Pt|Co".barrier'] == 0.42645
    assert physics['"Pt|Co".kind'] == "rashba"
    assert physics["Pt.spin_diffusion_length"] == 2.57
    assert physics["Co.spin_flip_length"] == "inf"
    m = angles_of((0.3, 0.2, 1.0))
    assert physics["film.magnetization.theta_deg"] == pytest.approx(m[0], rel=1e-12)
    assert physics["film.magnetization.phi_deg"] == pytest.approx(m[1], rel=1e-12)
    assert physics["mesh.n_polar"] == 4
    assert "film.fermi_wavevector" not in physics
    assert not any(key.startswith(("figure.", "sweep.")) for key in physics)
    # With the Fermi wavevector all layers change.
    assert plan.layer_parameters == ("film.fermi_wavevector",)
    interface = plan_sweep(config(text + "[sweep.axes]\nexchange = [0.1]\n"), Path("film.toml"))
    assert interface.layer_parameters == ()


def load_config_text(text: str) -> RunConfig:
    return check_config(tomllib.loads(text), "stored")


def film_at(settings: RunConfig, values: Mapping[str, Value]) -> Any:
    """Film at a point of a grid, without what chooses its model."""
    varied = {key: value for key, value in values.items() if key not in ("model", "source")}
    return Case.of(settings, Path("film.toml")).varied(varied).film


def test_point_of_a_sweep_is_the_film_itself(small_toml: str) -> None:
    plan = plan_sweep(config(small_toml + SWEEP), Path("film.toml"))
    grid = plan.spec.grid
    values = grid.point(7)
    film, mesh = film_at(config(small_toml), values), torkivity.SphericalMesh(4, 8)
    for model, solve in (
        ("boltzmann", torkivity.solve_boltzmann),
        ("drift_diffusion", torkivity.solve_drift_diffusion),
    ):
        record = plan.evaluate({**values, "model": model})
        solution = solve(film, mesh=mesh)
        for name in ("torque_total", "torque_lattice", "spin_current_plus"):
            np.testing.assert_array_equal(np.asarray(record[name])[0], getattr(solution, name))


ALL_MODELS = """
[sweep]
models = ["boltzmann", "drift_diffusion", "drift_diffusion_half_space", "boundary_layer"]
source = "rashba"
"""


def test_every_model_of_a_sweep(tmp_path: Path, small_toml: str) -> None:
    """Values are those of the engine called directly, films put together by hand."""
    path = tmp_path / "film.toml"
    path.write_text(small_toml + ALL_MODELS)
    axes = {"exchange": [0.1, 0.3], "heavy_metal.thickness": [4.0, 20.0]}
    found = torkivity.sweep(path, axes)
    mesh = torkivity.SphericalMesh(4, 8)
    for u_ex, thickness in ((0.1, 20.0), (0.3, 4.0)):
        film = torkivity.Bilayer(
            torkivity.HeavyMetal.from_spin_diffusion_length(thickness, 2.0853, 2.57, 0.059),
            torkivity.RashbaInterface(0.42645, u_ex, 0.085),
            torkivity.Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36),
            magnetization=(0.3, 0.2, 1.0),
        )
        point = found.sel({'"Pt|Co".exchange': u_ex, "Pt.thickness": thickness})
        for model, choice in (
            ("drift_diffusion", "particular"),
            ("drift_diffusion_half_space", "half_space"),
            ("boundary_layer", "boundary_layer"),
        ):
            expected = torkivity.solve_drift_diffusion(film, choice, source="rashba", mesh=mesh)
            for name, value in expected.record().items():
                stored = model_values(point, name, model, "rashba")
                np.testing.assert_allclose(stored, value, rtol=1e-12)
    name = "torque_total_damping_like"
    exact = model_values(found, name, "boltzmann", "rashba")
    difference = {}
    for model in ("drift_diffusion", "drift_diffusion_half_space", "boundary_layer"):
        values = relative_differences(found, model, "rashba")["damping_like"]
        other = model_values(found, name, model, "rashba")
        np.testing.assert_allclose(values, other / exact - 1.0, rtol=1e-12, atol=1e-12)
        difference[model] = float(np.abs(values.sel({"Pt.thickness": 20.0})).max())
    # Only the exact parameters reach the Boltzmann equation, where the metal is thick.
    assert difference.pop("boundary_layer") < 1e-6
    assert min(difference.values()) > 1e-2


def test_names_of_models_and_sources() -> None:
    assert list(get_args(ModelName)) == list(MODELS)
    assert list(get_args(SourceName)) == list(SOURCES)


def test_resistivity_stays_while_the_spin_hall_angle_is_swept(small_toml: str) -> None:
    lengths = "total_mean_free_path = 2.0853\nspin_diffusion_length = 2.57"
    text = small_toml.replace(lengths, "resistivity = 2.5e-7\nspin_diffusion_length = 2.57")
    for angle in (-0.3, 0.0, 0.25):
        metal = film_at(config(text), {"heavy_metal.spin_hall_angle": angle}).heavy_metal
        assert metal.spin_hall_angle == angle
        assert metal.conductivity(16.0) == pytest.approx(4e6, rel=1e-13)
        assert torkivity.spin_diffusion_length(metal) == pytest.approx(2.57, rel=1e-12)


def test_model_that_a_film_does_not_have(tmp_path: Path, small_toml: str) -> None:
    text = small_toml.replace(
        "total_mean_free_path = 2.0853\nspin_diffusion_length = 2.57",
        "mean_free_path = 2.0\nspin_flip_length = 20.0",
    )
    path, out = tmp_path / "film.toml", tmp_path / "a.h5"
    path.write_text(text + '[sweep]\nmodels = ["boltzmann", "boundary_layer"]\n')
    found = torkivity.sweep(path, {"heavy_metal.spin_flip_length": [0.5, 20.0]}, out=out)
    # It fails by that model alone.
    np.testing.assert_array_equal(found["status"].squeeze(), [[1, 2], [1, 1]])
    assert "leave a spin albedo of -0.6" in " ".join(describe_status(out)[0].split())


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ('["boltzman"]', 'must be "boltzmann", "drift_diffusion", "drift_diffusion_half_space" or'),
        ("[]", "at least 1 item"),
    ],
)
def test_unknown_models(small_toml: str, models: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=r"sweep\.models") as error:
        config(f"{small_toml}[sweep]\nmodels = {models}\n")
    assert expected in str(error.value)


def test_exact_parameters_need_rings(tmp_path: Path, small_toml: str) -> None:
    text = small_toml.replace("n_polar = 4\nn_azimuth = 8", 'file = "mesh.txt"')
    text += '[solver]\nmethod = "dense"\n[sweep]\nmodels = ["boundary_layer"]\n'
    with pytest.raises(ConfigError, match="needs azimuthal rings"):
        plan_sweep(config(text + "[sweep.axes]\nrashba = [0.1]\n"), tmp_path / "film.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "has no sweep; add for instance"),
        ("interface.exchnge = [1.0]", "cannot be swept; is not known; did you mean interface.exch"),
        ("heavy_metal.name = [1.0]", "cannot be swept"),
        ("interface.exchange = []", "must have at least one value"),
        ("interface.exchange = 0.3", "must be a list of values"),
        ("interface.exchange = ['a']", "[0] = 'a': must be a number"),
        ("interface.exchange = [0.1, 0.2, 0.1]", "exchange = 0.1: must not be given twice"),
        ("interface.exchange = { linspace = [0, 1] }", "{ linspace = [first, last, number] }"),
        ("interface.exchange = { linspace = [0, 1, 2.5] }", "number a positive integer"),
        ("interface.exchange = { logspace = [0, 1, 5] }", "same sign for a logspace"),
        ("mesh.n_polar = [2.5]", "must be an integer"),
        ("mesh.n_polar = [4, -1]", "n_polar"),
        ("heavy_metal.thickness = [1.0, -2.0]", "Pt.thickness = -2.0: must be a positive"),
        ("heavy_metal.spin_diffusion_length = [3.0, 1.0]", "must be longer than"),
        ("heavy_metal.resistivity = [1e-7]", "heavy_metal is given by thickness, total_me"),
        ("surfaces.left_specularity = [0.5, 1.5]", "must lie between 0 and 1"),
        ("film.magnetization_angles_deg.theta = [0, inf]", "theta_deg = inf: must be finite"),
        ("film.magnetization = [0, 90]", "film.magnetization: cannot be swept; is not kn"),
        ("theta_deg = [0]\nfilm.magnetization.theta_deg = [1]", "this dimension is given twice"),
        ("film.torque = [0]", "film is given by fermi_wavevector, field_direction_deg, magn"),
    ],
)  # fmt: skip
def test_impossible_sweeps(small_toml: str, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        plan_sweep(config(f"{small_toml}\n[sweep.axes]\n{text}"), Path("film.toml"))
    assert expected in str(error.value)
    assert str(error.value).startswith("film.toml: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("interface.exchange = [1, 2]", "must name the dimension"),
        ('name = "a b"\ninterface.exchange = [1, 2]', "must name the dimension"),
        ('name = "model"\ninterface.exchange = [1, 2]', "has the name of a variable"),
        ('name = "interface"\ninterface.exchange = [1, 2]', "has the name of a variable"),
        ('name = "s"', "varies nothing"),
        (
            'name = "s"\ninterface.exchange = [1, 2]\ninterface.rashba = [1]',
            '"Pt|Co".exchange 2, "Pt|Co".rashba 1',
        ),
        ('name = "s"\nlabels = ["a"]\ninterface.exchange = [1, 2]', "must be 2 strings"),
        ('name = "status"\ninterface.exchange = [1, 2]', "has the name of a variable"),
    ],
)
def test_impossible_groups(small_toml: str, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        plan_sweep(config(f"{small_toml}\n[[sweep.zip]]\n{text}"), Path("film.toml"))
    assert expected in str(error.value)


def test_axes_by_any_spelling(small_toml: str) -> None:
    """Paths, the familiar names of a bilayer's parts, and last parts that name one parameter."""
    plain = Case.of(config(small_toml), Path("film.toml"))
    for path in plain.parameters():
        assert plain.parameter(path).path == path
    for spelt, path in (
        ("exchange", EXCHANGE),
        ("Pt|Co.exchange", EXCHANGE),
        ("interface.exchange", EXCHANGE),
        ("n_polar", "mesh.n_polar"),
        ("theta", "film.magnetization.theta_deg"),
        ("film.magnetization_angles_deg.phi", "film.magnetization.phi_deg"),
        ("surfaces.left_specularity", "left.specularity"),
    ):
        assert plain.parameter(spelt).path == path
    with pytest.raises(torkivity.InputError, match="is not known"):
        plain.parameter("thickness")  # of two layers


def test_command(call: Call, tmp_path: Path, small_toml: str) -> None:
    (tmp_path / "film.toml").write_text(small_toml + SWEEP)
    result = call("sweep", "film.toml", "-o", "a.h5", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "72 points, 6 different layers" in result.stderr
    assert "72 done, 0 failed" in result.stderr
    assert result.stdout == ""
    assert {p.name for p in tmp_path.iterdir()} == {"film.toml", "a.h5"}
    with xarray.open_dataset(tmp_path / "a.h5") as file:
        assert file["torque_total"].sizes == {
            EXCHANGE: 2, RASHBA: 3, "Pt.thickness": 3, "sample": 2,
            "model": 2, "source": 1, "interface": 1, "spin": 3,
        }  # fmt: skip
        assert file["magnet_torque_total"].dims[-2:] == ("magnet", "spin")
        assert list(file["sample"].values) == ["thin", "thick"]
        assert list(file["Co.thickness"].values) == [1.0, 5.0]
        assert file["Co.thickness"].dims == ("sample",)
        assert (file["status"] == 1).all()
        residual = file["certificate_residual"]
        assert residual.sel(model="boltzmann").max() < 1e-10
        assert residual.sel(model="drift_diffusion").isnull().all()
        assert load_config_text(file.attrs["config_toml"]) == load_config(tmp_path / "film.toml")
    opened = torkivity.open_results(tmp_path / "a.h5")
    differences = relative_differences(opened, "drift_diffusion", "all")
    assert np.isfinite(differences["field_like"]).all()
    result = call("sweep", "film.toml", "--dry-run", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "72 points, 6 different layers" in result.stderr
    assert " of one core" in result.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"film.toml", "a.h5"}
    # The same by two processes, bit for bit, and nothing to do when called again.
    result = call(
        "sweep", "film.toml", "-o", "b.h5", "--workers", "2", "--time-limit", "1h", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    with h5py.File(tmp_path / "a.h5") as one, h5py.File(tmp_path / "b.h5") as two:
        for name in set(one) - {"seconds", "finished", "rank"}:
            assert np.array_equal(one[name][...], two[name][...], equal_nan=one[name].dtype == "f8")
    result = call("sweep", "film.toml", "-o", "a.h5", cwd=tmp_path)
    assert "0 points computed" in result.stderr
    result = call("status", "a.h5", cwd=tmp_path)
    assert result.returncode == 0
    assert "done 72 (100.0 %), failed 0, missing 0" in result.stdout
    assert "points: 72 done" in call("info", "a.h5", cwd=tmp_path).stdout
    (tmp_path / "film.toml").write_text(small_toml.replace("0.42645", "0.4") + SWEEP)
    result = call("sweep", "film.toml", "-o", "a.h5", cwd=tmp_path)
    assert result.returncode == 2
    assert '"Pt|Co".barrier = 0.4: a.h5 was computed with 0.42645' in result.stderr


def test_time_limit(call: Call, tmp_path: Path, small_toml: str) -> None:
    text = "[sweep.axes]\ninterface.exchange = { linspace = [0.1, 0.4, 8000] }\n"
    (tmp_path / "film.toml").write_text(small_toml + text)
    result = call("sweep", "film.toml", "--time-limit", "1s", cwd=tmp_path)
    assert result.returncode == 3, result.stderr
    assert "incomplete (time limit)" in result.stderr
    text, missing = describe_status(tmp_path / "film.h5")
    assert missing > 0
    assert "missing:" in text
    assert call("status", "film.h5", cwd=tmp_path).returncode == 3
    for wrong in ("4 apples", "h", ""):
        result = call("sweep", "film.toml", "--time-limit", wrong, cwd=tmp_path)
        assert result.returncode == 2
        assert "is not a time like 90s" in result.stderr


@pytest.mark.parametrize("limit", [20_000, 100_000])
def test_full_disk(tmp_path: Path, small_toml: str, limit: int) -> None:
    """A limit on the size of files stands for it; nothing is left behind or destroyed."""
    text = "[sweep.axes]\ninterface.exchange = { linspace = [0.1, 0.4, 1000] }\n"
    (tmp_path / "film.toml").write_text(small_toml + text)
    result = subprocess.run(
        [sys.executable, "-m", "torkivity", "sweep", "film.toml"],
        cwd=tmp_path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert result.returncode == 2, result.stderr
    assert result.stderr.splitlines()[-1].endswith(
        "the limit on the size of files (ulimit -f) is lower"
    )
    assert "Traceback" not in result.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"film.toml"}


def test_failing_points(call: Call, tmp_path: Path, small_toml: str) -> None:
    """Without spin flip or spin-orbit coupling nothing relaxes spins: at that point alone."""
    text = small_toml.replace(
        "total_mean_free_path = 2.0853\nspin_diffusion_length = 2.57",
        "mean_free_path = 2.0\nspin_flip_length = inf",
    ).replace("spin_flip_length = 1000.0", "spin_flip_length = inf")
    text = text.replace("spin_hall_angle = 0.059", "spin_hall_angle = 0.0")
    text += "[sweep.axes]\ninterface.rashba = [0.0, 0.1]\n"
    (tmp_path / "film.toml").write_text(text)
    result = call("sweep", "film.toml", cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    text, missing = describe_status(tmp_path / "film.h5")
    text = " ".join(text.split())
    assert missing == 0
    assert "done 1 (50.0 %), failed 1" in text
    assert "1 x the stack leaves a spin accumulation undetermined" in text
    assert 'first at "Pt|Co".rashba = 0' in text
    opened = torkivity.open_results(tmp_path / "film.h5")
    assert np.isnan(opened["torque_total"].values[0]).all()
    assert np.isfinite(opened["torque_total"].values[1]).all()
    assert (opened["seconds"] > 0.0).all()  # points that fail take time too


def test_no_torque_frame_is_not_a_failure(film: torkivity.Bilayer) -> None:
    result = torkivity.sweep(film, {"theta": [0.0, 90.0], "phi": [0.0, 90.0]}, mesh=MESH)
    assert (result["status"] == 1).all()
    torque = model_values(result, "torque_total_damping_like", "boltzmann", "all")
    assert torque.dims == ("film.magnetization.theta_deg", "film.magnetization.phi_deg")
    np.testing.assert_array_equal(np.isnan(torque), [[False, False], [False, True]])
    assert np.isfinite(result["torque_total"]).all()


def test_own_function(film: torkivity.Bilayer) -> None:
    thickness = np.linspace(1.0, 3.0, 5)

    def mine(point: torkivity.Bilayer) -> dict[str, object]:
        t = point.heavy_metal.thickness
        return {"double": 2 * t, "vector": np.array([t, t * point.interface.exchange])}

    result = torkivity.sweep(
        film, {"exchange": [0.1, 0.2], "heavy_metal.thickness": thickness}, evaluate=mine
    )
    np.testing.assert_array_equal(result["double"].sel({'"HM|FM".exchange': 0.2}), 2 * thickness)
    assert result["vector"].dims == ('"HM|FM".exchange', "HM.thickness", "vector_0")
    solved = torkivity.sweep(
        film, {"exchange": [0.2]}, evaluate=lambda f: torkivity.solve_boltzmann(f, MESH)
    )
    expected = torkivity.solve_boltzmann(film, MESH).torque_total
    np.testing.assert_array_equal(np.squeeze(solved["torque_total"].values), expected)
    assert solved["torque_total"].attrs["units"] == "1/(Ohm m)"
    with pytest.raises(torkivity.InputError, match="importable module for workers > 1"):
        torkivity.sweep(film, {"exchange": [0.2]}, evaluate=mine, workers=2)
    with pytest.raises(torkivity.InputError, match="must be a positive length"):
        torkivity.sweep(film, {"heavy_metal.thickness": [1.0, 0.0]}, evaluate=mine)
    with pytest.raises(
        torkivity.InputError, match="is not known; heavy_metal is given by thickness, mean"
    ):
        torkivity.sweep(film, {"heavy_metal.resistivity": [1.0]}, evaluate=mine)


def test_from_a_file_and_kept(tmp_path: Path, small_toml: str) -> None:
    path, out = tmp_path / "film.toml", tmp_path / "a.h5"
    path.write_text(small_toml)
    one = torkivity.sweep(path, {"exchange": [0.1, 0.2]}, out=out)
    said: list[str] = []
    two = torkivity.sweep(path, {"exchange": [0.1, 0.2, 0.3]}, out=out, progress=said.append)
    assert any("2 points are known, 1 to compute" in line for line in said)
    xarray.testing.assert_equal(
        one["torque_total"],
        two["torque_total"].sel({EXCHANGE: [0.1, 0.2]}),
    )


@pytest.mark.parametrize("points", [5000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_reader_of_a_running_sweep(tmp_path: Path, small_toml: str, points: int) -> None:
    """It opens and reads all the time; done points always have their final values."""
    text = f"""
[sweep.axes]
interface.exchange = {{ linspace = [0.1, 0.4, {points // 25}] }}
interface.rashba = {{ linspace = [0.0, 0.4, 25] }}
"""
    small_toml = small_toml.replace("n_polar = 4\nn_azimuth = 8", "n_polar = 2\nn_azimuth = 4")
    (tmp_path / "film.toml").write_text(small_toml + text)
    writer = subprocess.Popen(
        [sys.executable, "-m", "torkivity", "sweep", "film.toml"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    path, seen = tmp_path / "film.h5", []
    deadline = time.monotonic() + 120.0
    while writer.poll() is None:
        if time.monotonic() > deadline:
            writer.kill()
        if not path.exists():
            time.sleep(0.01)
            continue
        with xarray.open_dataset(path, cache=False) as plain:
            done = plain["status"].values == 1
            seen.append((done, plain["torque_total"].values[done]))
        opened = torkivity.open_results(path)
        done = opened["status"].values == 1
        values = opened["torque_total"].values
        seen.append((done, values[done]))
        assert np.isnan(values[~done]).all()
    _, err = writer.communicate()
    assert writer.returncode == 0, err
    final = torkivity.open_results(path)["torque_total"].values
    assert len(seen) > 5
    for done, values in seen:
        np.testing.assert_array_equal(values, final[done])


def test_converge(call: Call, tmp_path: Path, small_toml: str) -> None:
    study = "[converge]\nn_polar = [4, 8, 16, 32]\nn_azimuth = [4, 8, 16]\ntolerance = 1e-2\n"
    (tmp_path / "film.toml").write_text(small_toml + study)
    result = call("converge", "film.toml", "-o", "c.h5", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "polar refinement alone" in result.stdout
    assert "coarsest mesh with errors below 0.01: n_polar = " in result.stdout
    assert {p.name for p in tmp_path.iterdir()} == {"film.toml", "c.h5", "c.png"}
    with xarray.open_dataset(tmp_path / "c.h5") as file:
        chosen = int(file["chosen_n_polar"]), int(file["chosen_n_azimuth"])
        assert file["mesh_error"].dims == ("mesh.n_polar", "mesh.n_azimuth")
        assert (
            float(file["mesh_error"].sel({"mesh.n_polar": chosen[0], "mesh.n_azimuth": chosen[1]}))
            <= 1e-2
        )
        scale, best = float(file["mesh_scale"]), file["extrapolated_torque_total"].values
    settings = load_config(tmp_path / "film.toml")
    fine = torkivity.solve_boltzmann(settings.film, torkivity.SphericalMesh(128, 64))
    assert np.abs(best - fine.torque_total).max() < 1e-3 * scale
    result = call("converge", "film.toml", "-o", "c.h5", "--tolerance", "1e-9", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "no mesh of this study meets the tolerance" in result.stdout
    (tmp_path / "film.toml").write_text(small_toml + "[converge]\nn_polar = [4, 8, 8]\n")
    result = call("converge", "film.toml", cwd=tmp_path)
    assert result.returncode == 2
    assert "must increase" in result.stderr
