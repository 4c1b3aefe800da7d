"""What is too large is counted, and refused or answered with numbers, before it is made."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import pytest

from torkivity.config.text import load_config
from torkivity.study import plan as planning
from torkivity.study.plan import plan_sweep
from torkivity_engine.errors import CapacityError, InputError
from torkivity_hpc.running import session
from torkivity_hpc.running.session import describe_plan, estimate_seconds, run_plan

AXES = "[sweep]\nmodels = ['drift_diffusion']\n[sweep.axes]\n"


def sweep_of(tmp_path: Path, small_toml: str, axes: str) -> session.SweepPlan:
    path = tmp_path / "film.toml"
    path.write_text(small_toml + AXES + axes)
    return plan_sweep(load_config(path), path)


def test_a_dry_run_takes_no_more_for_more_points(
    tmp_path: Path, small_toml: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[int] = []
    tried = planning._naming_point
    monkeypatch.setattr(planning, "_naming_point", lambda *a: (checked.append(1), tried(*a))[1])
    monkeypatch.setattr(planning, "MOST_TRIED", 50)

    def cost(number: int) -> tuple[int, int, int]:
        """Peak memory, points computed and combinations checked."""
        axes = "interface.exchange = {{ linspace = [0.1, 0.4, {0}] }}\n"
        axes += "heavy_metal.thickness = {{ logspace = [1.0, 9.0, {0}] }}\n"
        checked.clear()
        tracemalloc.start()
        try:
            plan = sweep_of(tmp_path, small_toml, axes.format(number))
            points: list[object] = []
            told = describe_plan(plan)
            estimate_seconds(session.SweepPlan(plan.spec, points.append, plan.layer_parameters))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert told.startswith(f"{number**2} points, {number} different layers, ")
        return peak, len(points), len(checked)

    cost(10)
    few, many = cost(10**6), cost(10**9)
    assert many[0] < 1.1 * few[0] + 1e5
    assert many[1:] == few[1:]


def test_more_points_than_memory_are_refused(tmp_path: Path, small_toml: str) -> None:
    plan = sweep_of(
        tmp_path,
        small_toml,
        "".join(
            f"interface.{key} = {{ linspace = [0.1, 0.4, 1000000] }}\n"
            for key in ("exchange", "rashba", "barrier")
        ),
    )
    with pytest.raises(CapacityError, match=r"a list of 1000000000000000000 points needs .* PiB"):
        run_plan(plan, tmp_path / "a.h5", lambda: pytest.fail("nobody is needed"))
    assert [path.name for path in tmp_path.iterdir()] == ["film.toml"]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ("interface.exchange = { linspace = [0, 1, 1000000000000000000] }", "values apart"),
        ("interface.exchange = { linspace = [1, 1, 3] }", "at most 1 values apart"),
        ("interface.exchange = { logspace = [0, 1, 3] }", "same sign for a logspace"),
        ("mesh.n_polar = { linspace = [4, 100000003, 100000000] }", "100000000 sizes; at most"),
        ("mesh.n_polar = [4, 1000000000]", "at most 2048: time grows"),
        ("heavy_metal.thickness = { linspace = [-1.0, 4.0, 1000000] }", "thickness = -1"),
        ("heavy_metal.thickness = { linspace = [9.0, -4.0, 1000000] }", "thickness = -"),
    ],
)
def test_impossible_axes(tmp_path: Path, small_toml: str, axes: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        sweep_of(tmp_path, small_toml, axes)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ('["a", "a"]', "sample = 'a': must not be given twice"),
        (r'["a\u0000", "b"]', "control characters"),
    ],
)
def test_labels_of_a_group(tmp_path: Path, small_toml: str, labels: str, message: str) -> None:
    path = tmp_path / "film.toml"
    path.write_text(
        f"{small_toml}[[sweep.zip]]\nname = 'sample'\nlabels = {labels}\n"
        "interface.exchange = [0.1, 0.2]\n"
    )
    with pytest.raises(InputError, match=message) as caught:
        plan_sweep(load_config(path), path)
    assert "\0" not in str(caught.value)


def test_mesh_beyond_memory(
    tmp_path: Path, small_toml: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torkivity_engine.machine import memory

    monkeypatch.setattr(memory, "available_memory", lambda: 2**27)
    path = tmp_path / "film.toml"
    path.write_text(small_toml.replace("n_azimuth = 8", "n_azimuth = 400000"))
    with pytest.raises(
        CapacityError, match=r"film.toml: mesh.n_polar = 4, mesh.n_azimuth = 400000 needs"
    ):
        load_config(path)


def test_as_many_thicknesses_as_a_figure_shows(tmp_path: Path, small_toml: str) -> None:
    listed = ", ".join(map(str, range(1, 1002)))
    path = tmp_path / "film.toml"
    path.write_text(
        small_toml.replace("[2.0, 4.0, 10.0]", f"[{listed}]".replace(",", ".0,")[:-1] + ".0]")
    )
    with pytest.raises(InputError, match="at most 1000"):
        load_config(path)
