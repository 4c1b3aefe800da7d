"""The measuring scripts run and report what they promise; nothing is said about seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import torkivity
from films import pt_co
from sections import SECTIONS
from tensors import tensor_sums_elementwise, tensor_sums_moments
from textbook import solve_textbook, textbook_modes
from torkivity.study.point import point_variables
from torkivity.tables import Table, replace_tables
from torkivity_engine.diffusion.tensors import tensor_integrals
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.scattering import interface_parameters
from torkivity_engine.machine.threads import SINGLE_THREAD
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

ROOT = Path(__file__).resolve().parents[1]


def run_script(name: str, *args: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *args],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves(part)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    path = tmp_path_factory.mktemp("benchmark") / "numbers.json"
    out = run_script("benchmark", "--quick", "--json", str(path))
    return out, json.loads(path.read_text())


def test_benchmark_record_is_complete(benchmark: tuple[str, dict[str, Any]]) -> None:
    out, record = benchmark
    assert set(record) == {"machine", "quick", *SECTIONS}
    assert record["quick"] is True
    assert record["machine"]["blas_threads"] == "1"
    assert {"cpu", "cores", "python", "numpy", "scipy", "numba"} <= set(record["machine"])
    for section in SECTIONS:
        numbers = [x for x in leaves(record[section]) if isinstance(x, float)]
        assert numbers
        assert np.all(np.isfinite(numbers))
    assert set(record["tensors"]["points_per_second"]) == {
        "kernel",
        "public",
        "elementwise",
        "moments",
    }
    for case in record["reduced"]["cases"]:
        assert {"points_per_second", "cold_seconds", "new_thickness_seconds"} <= set(case)
    assert {(s["axis"], s["skew"]) for s in record["scaling"]["series"]} == {
        (axis, skew) for axis in ("n_azimuth", "n_polar", "layers") for skew in (False, True)
    }
    for title in ("Three tensors", "B of an isotropic layer", "Reduced method", "Scaling"):
        assert title in out


def test_everything_compared_gives_the_same_numbers(
    benchmark: tuple[str, dict[str, Any]],
) -> None:
    _, record = benchmark
    assert record["tensors"]["difference"] < 1e-13
    for case in record["methods"]["cases"]:
        assert case["difference"] < 1e-8


def test_benchmark_measures_chosen_sections_and_refuses_unknown_ones(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    run_script("benchmark", "b-matrix", "--quick", "--json", str(path))
    assert set(json.loads(path.read_text())) == {"machine", "quick", "b-matrix"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "benchmark"), "speed"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "unknown section 'speed'" in done.stderr


def test_convergence_study(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    out = run_script("benchmark/convergence_study.py", "--quick", "--json", str(path))
    record = json.loads(path.read_text())
    assert set(record) == {"polar", "azimuthal", "both"}
    for errors in record["polar"]["error"].values():
        known = [e for e in errors if e is not None]
        assert known == sorted(known, reverse=True)
    assert record["azimuthal"]["error"]["m along z"][0] < 1e-13
    assert record["azimuthal"]["error"]["m tilted"][-1] < 1e-6
    assert "NT" in out


def test_cost_of_sweeps(tmp_path: Path) -> None:
    """The stand-in for a sweep without its physics, as wide as one."""
    out = run_script("measure_sweep.py", "run-instant", str(tmp_path / "a.h5"), "1000")
    assert "1000 points in " in out
    opened = torkivity.open_results(tmp_path / "a.h5")
    assert (opened["status"] == 1).all()
    assert {name for name, v in opened.data_vars.items() if v.dtype.kind == "f"} >= set(
        point_variables()
    )


@pytest.mark.parametrize("document", ["performance.md", "convergence.md"])
def test_documents_have_a_filled_place_for_every_table(document: str) -> None:
    text = (ROOT / "docs" / document).read_text()
    for part in text.split("<!-- table ")[1:]:
        name = part.partition(" -->")[0]
        body = part.partition("-->\n")[2].partition(f"<!-- end {name} -->")[0]
        assert body.count("|") > 4, name
        assert replace_tables(text, {name: Table("", ("a", "b"), (("1", "2"),))}).count("| 1") >= 1


@pytest.mark.parametrize(("rashba", "theta"), [(0.0, 0.0), (-0.3, 0.0), (0.2, 0.3)])
def test_textbook_method_agrees_with_both_solvers(rashba: float, theta: float) -> None:
    film = pt_co(rashba=rashba, magnetization=(0.5, -0.4, 0.3), spin_hall_angle=theta)
    mesh = SphericalMesh(4, 8)
    layers = film.stack().layers
    kept = (textbook_modes(layers[0], mesh), textbook_modes(layers[1], mesh))
    theirs = solve_textbook(film, mesh, kept)
    for method in ("reduced", "dense"):
        ours = solve_boltzmann(film, mesh, method=method)
        scale = np.abs(solve_boltzmann(pt_co(), mesh).torque_total).max()
        for name, expected in (
            ("current_minus", ours.spin_current_minus),
            ("current_plus", ours.spin_current_plus),
            ("torque_interface", ours.torque_interface),
        ):
            np.testing.assert_allclose(theirs[name][:3], expected, atol=1e-10 * scale, rtol=0.0)
        assert abs(theirs["current_minus"][3]) < 1e-10 * scale


@pytest.mark.parametrize("sums", [tensor_sums_elementwise, tensor_sums_moments])
def test_numpy_tensor_sums_agree_with_the_kernel(sums: Any) -> None:
    rng = np.random.default_rng(5)
    mesh = SphericalMesh(7, 12)
    up = mesh.upward
    points = np.vstack([mesh.directions[up].T, mesh.weights[up]])
    for scale in (0.1, 1.0, 30.0):
        u0, ux, ur = scale * rng.normal(size=3)
        m = rng.normal(size=3)
        parameters = interface_parameters(RashbaInterface(u0, ux, ur), m / np.linalg.norm(m))
        minus, plus = rng.normal(size=(2, 4))
        expected = tensor_integrals(mesh, parameters, minus, plus)
        found = sums(points, parameters, minus, plus, 10)
        np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(expected).max(), rtol=0.0)


def test_tables_land_between_their_markers() -> None:
    text = "a\n<!-- table x -->\nold\n<!-- end x -->\nb\n"
    table = Table("t", ("n", "value"), (("1", "2.5"), ("10", "3")))
    new = replace_tables(text, {"x": table})
    assert new == (
        "a\n<!-- table x -->\n\n| n  | value |\n| -- | ----: |\n| 1  |   2.5 |\n| 10 |     3 |\n\n"
        "<!-- end x -->\nb\n"
    )
    assert replace_tables(new, {"x": table}) == new
    with pytest.raises(KeyError, match="'y'"):
        replace_tables(text, {"y": table})
    assert table.text().splitlines() == [
        "t",
        "  n   value",
        "  --  -----",
        "  1     2.5",
        "  10      3",
    ]


def test_every_thread_setting_is_one() -> None:
    assert set(SINGLE_THREAD.values()) == {"1"}
