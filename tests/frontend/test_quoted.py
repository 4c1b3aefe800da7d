"""Films of quoted parameters through the commands: read, run, swept, drawn, written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

import torkivity
from doc_blocks import ROOT
from frontend.conftest import SMALL, Call
from torkivity.config.errors import ConfigError
from torkivity.config.text import check_config, load_config, to_json, to_toml
from torkivity.study.case import Case
from torkivity.study.point import ferromagnet_level, solve_point
from torkivity.study.python import sweep
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.film.circuit_interface import CircuitInterface
from torkivity_engine.film.diffusive_ferromagnet import DiffusiveFerromagnet
from torkivity_engine.film.diffusive_metal import DiffusiveMetal
from torkivity_engine.film.stack import as_stack

SETS = sorted((ROOT / "scripts" / "examples" / "quoted").glob("*.toml"))

FILM = """
[[layers]]
kind = "diffusive_metal"
name = "W"
thickness = 4.0
conductivity = 0.721e6
spin_diffusion_length = 1.6
spin_hall_angle = [0.1, -0.6, 0.05]
[[interfaces]]
kind = "circuit"
conductance_majority = inf
conductance_minority = 0.1e15
mixing_conductance = [0.4e15, -0.2e15]
current_below = [1e5, 2e5, 3e5, 4e4]
current_above = [1e5, 2e5, 3e5, 4e4]
torque = [1e5, 0.0]
area_resistance = 0.5e-15
spin_memory_loss = 0.6
[[layers]]
kind = "diffusive_ferromagnet"
name = "CoFeB"
thickness = 1.0
conductivity = 3.3e6
polarization = 0.56
spin_diffusion_length = 12.0
exchange_length = 1.2
[figure]
heavy_metal_thickness = [2.0, 4.0]
"""


def written(tmp_path: Path, text: str = FILM) -> Path:
    path = tmp_path / "film.toml"
    path.write_text(text)
    return path


def case_of(path: Path) -> Case:
    return Case.of(load_config(path), path)


def test_what_is_read(tmp_path: Path) -> None:
    film = as_stack(load_config(written(tmp_path)).film)
    metal, magnet = film.layers
    (joint,) = film.interfaces
    assert isinstance(metal, DiffusiveMetal)
    assert isinstance(magnet, DiffusiveFerromagnet)
    assert isinstance(joint, CircuitInterface)
    assert metal.spin_hall_angle == (0.1, -0.6, 0.05)
    assert joint.conductance_majority == np.inf
    assert joint.mixing_conductance == 0.4e15 - 0.2e15j
    assert joint.transmitted_mixing_conductance == 0.0
    assert joint.current_below == (1e5, 2e5, 3e5, 4e4)
    assert joint.torque == (1e5, 0.0)


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    config = load_config(written(tmp_path))
    again = check_config(tomllib.loads(to_toml(config.film, config)), "again")
    assert again == config
    assert '"mixing_conductance": [400000000000000.0, -200000000000000.0]' in to_json(
        config.film, config
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[0.4e15, -0.2e15]", "[1e14, 2e14, 3e14]", r"must be a number or \[real, imag\]"),
        ("[0.4e15, -0.2e15]", '"4e14"', "mixing_conductance.*must be a number"),
        ("[0.4e15, -0.2e15]", "[-1e14, 0.0]", "mixing_conductance.*between 0 and"),
        ("torque = [1e5, 0.0]", "torque = 1e5", r"torque.*\[damping_like, field_like\]"),
        ("area_resistance = 0.5e-15", "", "area_resistance.*positive"),
        ("polarization = 0.56", "polarization = 1.56", "polarization.*below 1"),
        ("exchange_length = 1.2", "", "exchange_length is missing"),
        ("conductance_majority = inf", "conductance_up = inf", "conductance_up: unknown key"),
        ("[0.1, -0.6, 0.05]", "[0.1, -0.6]", r"spin_hall_angle.*a number or \[x, y, z\]"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in FILM
    path = written(tmp_path, FILM.replace(old, new))
    with pytest.raises(ConfigError, match=message.replace("is missing", ".*is missing")):
        load_config(path)


def test_parameters_of_lists(tmp_path: Path) -> None:
    case = case_of(written(tmp_path))
    changed = case.varied(
        {
            '"W|CoFeB".mixing_conductance_imag': 1e14,
            '"W|CoFeB".current_below_z': 7e5,
            '"W|CoFeB".torque_field_like': 3e5,
            "W.spin_hall_angle_y": -0.3,
        }
    )
    joint = as_stack(changed.film).interfaces[0]
    assert isinstance(joint, CircuitInterface)
    assert joint.mixing_conductance == 0.4e15 + 0.1e15j
    assert joint.current_below == (1e5, 2e5, 7e5, 4e4)
    assert joint.torque == (1e5, 3e5)
    assert as_stack(changed.film).layers[0].spin_hall_angle == (0.1, -0.3, 0.05)  # type: ignore[attr-defined]
    found = case.parameter('"W|CoFeB".mixing_conductance_real')
    assert (found.value, found.unit) == (0.4e15, "1/(Ohm m^2)")
    assert "real" in found.meaning


def test_a_run_says_why_there_is_one_model(call: Call, tmp_path: Path) -> None:
    path = written(tmp_path)
    done = call("run", path, "-o", tmp_path / "a.h5")
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "The Boltzmann equation does not know this film: W (diffusive_metal) lacks" in words
    assert "W|CoFeB (circuit) lacks scattering amplitudes" in words
    assert "Boltzm." not in done.stdout
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    data = torkivity.open_results(tmp_path / "a.h5")
    assert list(data["model"].values) == ["drift_diffusion"]
    assert (tmp_path / "a.png").stat().st_size > 10_000
    expected = solve_drift_diffusion(load_config(path).film, ferromagnet="finite").torque_total
    found = data["torque_total"].sel(model="drift_diffusion", source="all")
    np.testing.assert_allclose(found.values.ravel(), expected, rtol=1e-12)
    report = call("report", tmp_path / "a.h5", "-o", tmp_path / "a.html")
    assert report.returncode == 0, report.stderr


def test_a_sweep_takes_the_model_that_knows_the_film(call: Call, tmp_path: Path) -> None:
    axes = '[sweep]\nsource = ["all", "interface_torque"]\n[sweep.axes]\n'
    axes += '"W|CoFeB".mixing_conductance_real = [1e14, 4e14]\n'
    path = written(tmp_path, FILM + axes)
    done = call("sweep", path, "-o", tmp_path / "s.h5")
    assert done.returncode == 0, done.stderr
    data = torkivity.open_results(tmp_path / "s.h5")
    assert list(data["model"].values) == ["drift_diffusion"]
    assert (data["status"] == 1).all()
    drawn = call("plot", tmp_path / "s.h5", "-o", tmp_path / "s.png")
    assert drawn.returncode == 0, drawn.stderr
    in_python = sweep(path)
    np.testing.assert_array_equal(in_python["torque_total"], data["torque_total"])
    asked = path.read_text().replace("[sweep]", '[sweep]\nmodels = ["boltzmann"]')
    path.write_text(asked)
    refused = call("sweep", path, "-o", tmp_path / "t.h5")
    assert refused.returncode == 2
    assert "the model boltzmann does not know this film: W (diffusive_metal) lacks" in (
        refused.stderr
    )
    assert not (tmp_path / "t.h5").exists()


@pytest.mark.parametrize("model", ["drift_diffusion", None])
def test_profiles_are_drawn(call: Call, tmp_path: Path, model: str | None) -> None:
    path = written(tmp_path)
    chosen = ("--model", model) if model else ()
    done = call("plot", path, "--profile", *chosen, "-o", tmp_path / "p.png")
    assert done.returncode == 0, done.stderr
    refused = call("plot", path, "--profile", "--model", "boltzmann", "-o", tmp_path / "q.png")
    assert refused.returncode == 2
    assert "W = 'DiffusiveMetal': lacks a mean free path" in refused.stderr


def test_profile_of_a_kinetic_film(call: Call, tmp_path: Path) -> None:
    path = written(tmp_path, SMALL)
    for model, code in (("drift_diffusion", 0), ("boundary_layer", 1)):
        done = call("plot", path, "--profile", "--model", model, "-o", tmp_path / f"{model}.png")
        assert done.returncode == code, done.stderr
    both = ("--model", "boltzmann", "--model", "drift_diffusion")
    done = call("plot", path, "--profile", *both, "-o", tmp_path / "b.png")
    assert done.returncode == 2


@pytest.mark.parametrize("level", ["auto", "finite"])
def test_a_kinetic_film_as_quoted_parameters_and_back(
    call: Call, tmp_path: Path, level: str
) -> None:
    text = SMALL + f'[drift_diffusion]\nferromagnet = "{level}"\n'
    path, quoted, back = written(tmp_path, text), tmp_path / "q.toml", tmp_path / "b.toml"
    done = call("export", path, "--parameters", "-o", quoted)
    assert done.returncode == 0, done.stderr
    assert call("export", quoted, "--parameters", "-o", back).returncode == 0
    kinetic, other, again = map(case_of, (path, quoted, back))
    assert ferromagnet_level(other) == ferromagnet_level(kinetic)
    for source in ("all", "rashba", "spin_hall"):
        expected = solve_point(kinetic, "drift_diffusion", source).torque_total
        for case in (other, again):
            found = solve_point(case, "drift_diffusion", source).torque_total
            np.testing.assert_allclose(found, expected, 0.0, 1e-12 * np.abs(expected).max())
    assert "lattice_dephasing = 0.0044" in quoted.read_text()
    assert 'kind = "heavy_metal"' in back.read_text()
    assert call("run", quoted, "-o", tmp_path / "q.h5", "--no-figure").returncode == 0


def test_exports_that_cannot_be(call: Call, tmp_path: Path) -> None:
    path = written(tmp_path)
    done = call("export", path, "--parameters")
    assert (done.returncode, done.stdout) == (2, "")
    assert "W.spin_hall_angle" in done.stderr
    for more in (("--ms", "1e6"), ("--to", "csv"), ("--wide",)):
        done = call("export", path, "--parameters", *more)
        assert done.returncode == 2
        assert "--parameters takes" in done.stderr
    assert "give --to" in call("export", path).stderr


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_published_sets_run_as_quoted(call: Call, tmp_path: Path, path: Path) -> None:
    done = call("run", path, "-o", tmp_path / "a.h5", "--no-figure")
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    film = as_stack(load_config(path).film)
    # By their signs and sizes: the spin Hall torque is damping-like for the most part, of the
    # sign of theta, and no larger than theta sigma / 2.
    solution = solve_drift_diffusion(film, ferromagnet="finite", source="spin_hall")
    d = solution.damping_like(solution.torque_total)
    metal = film.layers[0]
    assert isinstance(metal, DiffusiveMetal)
    most = 0.5 * float(metal.spin_hall_vector[1]) * metal.conductivity
    assert 0.0 < d / most < 1.0
    assert abs(solution.field_like(solution.torque_total)) < 0.4 * abs(d)


def test_there_are_three_sets() -> None:
    assert [path.stem for path in SETS] == ["ir-cofeb", "pt-cofeb", "w-cofeb"]
