"""Other models against Boltzmann over a sweep, with numbers worked out by hand."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

import torkivity
from torkivity.catalogue import MODELS
from torkivity.compare.differences import (
    Extreme,
    Range,
    compare_sweep,
    relative_differences,
)
from torkivity.compare.differences_report import sweep_comparison_report
from torkivity.figures import difference_figure
from torkivity.figures.quantities import DIFFERENCE, Quantity
from torkivity.study.case import Case
from torkivity.study.plan import plan_case
from torkivity_hpc.grid import Value
from torkivity_hpc.running.crew import ThreadCrew
from torkivity_hpc.running.session import run_plan

FILM = torkivity.Bilayer(
    torkivity.HeavyMetal(5.0, 2.0, 20.0),
    torkivity.RashbaInterface(0.4, 0.2, 0.1),
    torkivity.Ferromagnet(5.0, 10.0, 5.0, 100.0, 1.5),
)

# Relative errors of the damping-like torque by exchange (not in order) and rashba (0, 1).
EXCHANGE = [0.3, 0.1, 0.2, 0.4, 0.5]
DAMPING_ERROR = {
    0.1: (0.00, 0.02), 0.2: (0.05, 0.07), 0.3: (0.09, 0.12), 0.4: (0.20, 0.30), 0.5: (-0.40, 0.50),
}  # fmt: skip
FIELD_ERROR = (0.05, 0.15)

#: Axes of the file.
X, Y = '"HM|FM".exchange', '"HM|FM".rashba'
#: Numbers of a film by a model.
Numbers = Callable[[torkivity.Bilayer, str], dict[str, float]]


def write_sweep(
    path: Path,
    axes: dict[str, list[float]],
    numbers: Numbers,
    models: tuple[str, ...] = ("boltzmann", "drift_diffusion"),
) -> None:
    """The file of a sweep whose torques are made up; what is not given is zero."""
    case = Case(FILM)
    plan = plan_case(case, axes, (), models, ("all",))
    shapes = plan.spec.layout().shapes

    def record(values: Mapping[str, Value]) -> dict[str, np.ndarray]:
        film = case.varied({name: values[name] for name in values if "." in name}).film
        known = numbers(film, str(values["model"]))
        return {name: np.full(shape, known.get(name, 0.0)) for name, shape in shapes.items()}

    run_plan(replace(plan, evaluate=record), path, ThreadCrew)


def point(film: torkivity.Bilayer, model: str) -> dict[str, float]:
    """Boltzmann: total (100, -50), interface (40, -50), so that the bulk has no field-like part.

    A model that is no better known has a third of the errors of drift-diffusion.
    """
    column = round(film.interface.rashba)
    e, g = DAMPING_ERROR[film.interface.exchange][column], FIELD_ERROR[column]
    factor = {"boltzmann": 0.0, "drift_diffusion": 1.0}.get(model, 1.0 / 3.0)
    return {
        "torque_total_damping_like": 100.0 * (1.0 + factor * e),
        "torque_total_field_like": -50.0 * (1.0 + factor * g),
        "torque_interface_damping_like": 40.0,
        "torque_interface_field_like": -50.0,
        "torque_ferromagnet_damping_like": 60.0 + 100.0 * factor * e,
        "torque_ferromagnet_field_like": -50.0 * factor * g,
    }


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compare") / "sweep.h5"
    write_sweep(path, {"exchange": EXCHANGE, "rashba": [0.0, 1.0]}, point)
    return path


@pytest.fixture
def dataset(path: Path) -> xarray.Dataset:
    return torkivity.open_results(path)


def test_statistics_by_hand(dataset: xarray.Dataset) -> None:
    found = compare_sweep(dataset, tolerance=0.1)
    assert found.models == ("drift_diffusion",)
    assert found.source == "all"
    assert found.counts == {
        "all": 10, "missing": 0, "failed": 0, "no_frame": 0, "no_torque": 0, "compared": 10,
    }  # fmt: skip
    total = found.statistics["drift_diffusion", "total", "damping_like"]
    # Sorted: -0.4, 0, 0.02, 0.05, 0.07, 0.09, 0.12, 0.2, 0.3, 0.5.
    assert total.count == 10
    assert total.guarded == 0
    assert total.median == pytest.approx(0.08)
    # Between the values at places 1 and 2, 7 and 8, 0 and 1, 8 and 9.
    assert total.range68 == pytest.approx((0.44 * 0.02, 0.2 + 0.56 * 0.1))
    assert total.range95 == pytest.approx((-0.4 + 0.225 * 0.4, 0.3 + 0.775 * 0.2))
    assert total.within == pytest.approx(0.5)
    assert total.largest_difference == pytest.approx(50.0)
    assert [e.value for e in total.worst] == pytest.approx([0.5, -0.4, 0.3])
    assert [e.at for e in total.worst] == [
        {X: 0.5, Y: 1.0},
        {X: 0.5, Y: 0.0},
        {X: 0.4, Y: 1.0},
    ]
    bulk = found.statistics["drift_diffusion", "ferromagnet", "damping_like"]
    assert bulk.median == pytest.approx(0.08 * 100.0 / 60.0)
    interface = found.statistics["drift_diffusion", "interface", "field_like"]
    assert (interface.median, interface.within) == (0.0, 1.0)


def test_signs(dataset: xarray.Dataset) -> None:
    """A torque that is too large in magnitude is a positive difference, whatever its sign."""
    found = relative_differences(dataset, "drift_diffusion", "all")["field_like"]
    np.testing.assert_allclose(found.sel({Y: 0.0}), 0.05)
    absolute = compare_sweep(dataset).differences["drift_diffusion_all_torque_total_field_like_difference"]  # fmt: skip # noqa: E501
    np.testing.assert_allclose(absolute.sel({Y: 0.0}), -2.5)


def test_component_that_passes_through_zero(dataset: xarray.Dataset) -> None:
    """It is compared with a hundredth of the largest torque, here sqrt(100^2 + 50^2)."""
    bulk = compare_sweep(dataset).statistics["drift_diffusion", "ferromagnet", "field_like"]
    guard = 0.01 * math.hypot(100.0, 50.0)
    assert bulk.guarded == 10
    assert bulk.worst[0] == Extreme(pytest.approx(-7.5 / guard), {X: 0.3, Y: 1.0})
    assert bulk.largest_difference == pytest.approx(7.5)


def test_one_difference_wherever_it_is_shown(dataset: xarray.Dataset) -> None:
    """Also where the Boltzmann torque passes through zero: a plain ratio is infinite there."""
    first = {X: EXCHANGE[0], Y: 0.0, "model": "boltzmann"}
    dataset["torque_total_field_like"].loc[first] = 0.0
    compared = compare_sweep(dataset).differences
    alone = relative_differences(dataset, "drift_diffusion", "all")
    shown = Quantity(DIFFERENCE).of(dataset)
    for component, drawn in zip(("damping_like", "field_like"), shown, strict=True):
        own = compared[f"drift_diffusion_all_torque_total_{component}_relative_difference"]
        assert np.isfinite(own).all()
        np.testing.assert_array_equal(alone[component], own)
        np.testing.assert_allclose(drawn.values["drift_diffusion"], 100.0 * own, rtol=1e-15)


def test_where_it_holds(dataset: xarray.Dataset) -> None:
    holds = compare_sweep(dataset, tolerance=0.1).holds
    damping = holds["drift_diffusion", "damping_like"]
    assert damping[X] == {
        "all": (Range(0.1, 0.2),), "most": (Range(0.1, 0.2),), "some": (Range(0.1, 0.3),),
    }  # fmt: skip
    assert damping[Y] == {"all": (), "most": (), "some": (Range(0.0, 1.0),)}
    field = holds["drift_diffusion", "field_like"]
    assert field[Y]["all"] == (Range(0.0, 0.0),)
    assert field[X]["all"] == ()
    both = holds["drift_diffusion", "both"]
    assert both[X] == {"all": (), "most": (), "some": (Range(0.1, 0.3),)}
    # With a wider tolerance a hole is left at 0.4.
    wrong = dataset["torque_total_damping_like"]
    wrong.loc[{X: 0.5, "model": "drift_diffusion"}] = 100.0
    holds = compare_sweep(dataset, tolerance=0.13).holds
    assert holds["drift_diffusion", "damping_like"][X]["all"] == (
        Range(0.1, 0.3), Range(0.5, 0.5),
    )  # fmt: skip


def test_nine_of_ten(tmp_path: Path) -> None:
    """Nine of ten points are most, eight are not; without a point a value breaks no range."""
    bad = {0.1: 0, 0.2: 1, 0.4: 2}

    def numbers(film: torkivity.Bilayer, model: str) -> dict[str, float]:
        wrong = film.interface.rashba < bad.get(film.interface.exchange, 0)
        ratio = 2.0 if wrong and model != "boltzmann" else 1.0
        return {
            f"torque_{part}_{kind}": 3.0 * ratio
            for part in ("total", "interface", "ferromagnet")
            for kind in ("damping_like", "field_like")
        }

    axes = {"exchange": [0.1, 0.2, 0.3, 0.4], "rashba": list(map(float, range(10)))}
    write_sweep(tmp_path / "a.h5", axes, numbers)
    dataset = torkivity.open_results(tmp_path / "a.h5")
    holds = compare_sweep(dataset).holds["drift_diffusion", "both"][X]
    assert holds["all"] == (Range(0.1, 0.1), Range(0.3, 0.3))
    assert holds["most"] == (Range(0.1, 0.3),)
    dataset["torque_total_field_like"].loc[{X: 0.2, "model": "drift_diffusion"}] = np.nan
    assert compare_sweep(dataset).holds["drift_diffusion", "both"][X]["all"] == (Range(0.1, 0.3),)


def test_points_left_out(dataset: xarray.Dataset) -> None:
    """Missing, failed, without frame, without torque: each counted and in no statistics."""
    torques = [str(name) for name in dataset if str(name).startswith("torque_")]
    changed = dataset.copy(deep=True)
    for index, status in ((0, 0), (1, 2), (2, 1)):  # by column 1, the third without a frame
        changed["status"][index, 1] = status
        for name in torques:
            changed[name][index, 1] = np.nan
    for name in torques:
        changed[name][3, 1] = 1e-14
    found = compare_sweep(changed)
    assert found.counts == {
        "all": 10, "missing": 1, "failed": 1, "no_frame": 1, "no_torque": 1, "compared": 6,
    }  # fmt: skip
    assert found.statistics["drift_diffusion", "total", "damping_like"].count == 6
    report = sweep_comparison_report(found)
    assert "6 of 10 points compared" in report
    assert "1 missing, 1 failed, 1 with m parallel to z x E, 1 without torque" in report
    for name in torques:
        changed[name][...] = np.nan
    with pytest.raises(torkivity.InputError, match="has no point to compare"):
        compare_sweep(changed)


def test_every_model_in_the_file(tmp_path: Path) -> None:
    """A model with a third of the errors of drift-diffusion has a third of its statistics."""
    axes = {"exchange": EXCHANGE, "rashba": [0.0, 1.0]}
    write_sweep(tmp_path / "a.h5", axes, point, tuple(MODELS))
    dataset = torkivity.open_results(tmp_path / "a.h5")
    found = compare_sweep(dataset)
    assert found.models == tuple(MODELS)[1:]
    thirds = found.statistics["boundary_layer", "total", "damping_like"]
    assert thirds.median == pytest.approx(0.08 / 3.0)
    # 0.3 / 3 is within 0.1 but for rounding; 0.5 / 3 and 0.4 / 3 are not.
    assert compare_sweep(dataset, tolerance=0.11).statistics[
        "boundary_layer", "total", "damping_like"
    ].within == pytest.approx(0.8)
    report = sweep_comparison_report(found)
    for model in found.models:
        assert f"{MODELS[model].title} against Boltzmann" in report
    assert max(map(len, report.splitlines())) <= 80
    one = compare_sweep(dataset, models=["boundary_layer"])
    assert one.models == ("boundary_layer",)
    lines = difference_figure(dataset, at={"rashba": 0.0})
    assert [len(axes.lines) for axes in lines.axes] == [4, 4]  # three models and zero
    maps = difference_figure(dataset, "exchange", "rashba")
    assert len([axes for axes in maps.axes if axes.get_title(loc="left")]) == 6


def test_report(dataset: xarray.Dataset) -> None:
    report = sweep_comparison_report(compare_sweep(dataset))
    assert "10 of 10 points compared" in report
    row = next(line for line in report.splitlines() if line.startswith("  damping-like"))
    assert row.split() == [
        "damping-like", "total", "+8.0", "+0.9", "to", "+25.6", "+50.0", "50.0", "%",
    ]  # fmt: skip
    assert f"worst damping-like  +50.0 % at {X} = 0.5, {Y} = 1" in report
    lines = report.splitlines()
    ranges = lines[lines.index(f"  damping-like  {X}") + 1]  # too long a name for one line
    assert ranges.split() == ["0.1", "to", "0.2", "0.1", "to", "0.2", "0.1", "to", "0.3"]
    tiny = compare_sweep(dataset.sel({X: [0.1]}), tolerance=1e-3)
    assert "  both          nowhere" in sweep_comparison_report(tiny)
    assert max(map(len, report.splitlines())) <= 80


def test_lines_and_maps_show_the_differences(dataset: xarray.Dataset) -> None:
    found = relative_differences(dataset, "drift_diffusion", "all")["damping_like"]
    figure = difference_figure(dataset, at={"rashba": 1.0})
    (line,) = [x for x in figure.axes[0].lines if len(x.get_xdata()) == 5]
    np.testing.assert_allclose(line.get_xdata(), sorted(EXCHANGE))
    expected = 100.0 * found.sel({Y: 1.0}).sortby(X).values
    np.testing.assert_allclose(line.get_ydata(), expected)
    assert "%" in figure.axes[0].get_ylabel()
    maps = difference_figure(dataset, "exchange", "rashba", tolerance=0.11)
    mesh = maps.axes[0].collections[0]
    values = 100.0 * found.sortby(X).transpose(Y, X).values
    np.testing.assert_allclose(mesh.get_array().reshape(values.shape), values)
    assert mesh.get_clim() == pytest.approx((-50.0, 50.0))
    assert "off by 11 %" in maps.legends[0].get_texts()[0].get_text()


def test_worst_over_other_axes(dataset: xarray.Dataset) -> None:
    """The signed value with the largest magnitude."""
    grown = [variable for variable in dataset if X in dataset[variable].dims]
    phi = "film.magnetization.phi_deg"
    both = xarray.concat([dataset[grown]] * 2, phi).assign_coords({phi: [0.0, 90.0]})
    both[phi].attrs["symbol"] = r"$\phi$"
    other = {phi: 90.0, "model": "drift_diffusion"}
    wrong = both["torque_total_damping_like"]
    wrong.loc[other] = 100.0 - 2.0 * (wrong.sel(other) - 100.0)
    both["status"] = both["status"].transpose(X, Y, phi, "model", "source")
    figure = difference_figure(both, "exchange", "rashba")
    mesh = figure.axes[0].collections[0]
    rows = np.array([DAMPING_ERROR[x] for x in sorted(EXCHANGE)]).T
    np.testing.assert_allclose(mesh.get_array().reshape(rows.shape), -200.0 * rows, atol=1e-9)
    assert r"worst over $\phi$" in figure.get_suptitle()


Call = Callable[..., tuple[int, str, str]]


def test_command(call: Call, path: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / name for name in ("c.json", "c.csv", "c.png")]
    status, out, err = call("compare", path, "-o", outputs[0], "--figure", outputs[2])
    assert status == 0, err
    assert "10 of 10 points compared" in out
    record = json.loads(outputs[0].read_text())
    assert record["points"]["compared"] == 10
    model = record["models"]["drift_diffusion"]
    assert model["parts"]["total_damping_like"]["median"] == pytest.approx(0.08)
    assert model["holds"]["damping_like"][X]["all"] == [[0.1, 0.2]]
    assert outputs[2].read_bytes().startswith(b"\x89PNG")
    status, _, err = call("compare", path, "-o", outputs[1], "--at", "rashba=1")
    assert status == 0, err
    rows = list(csv.DictReader(outputs[1].read_text().splitlines()))
    assert [float(row[X]) for row in rows] == sorted(EXCHANGE)
    column = "drift_diffusion_all_torque_total_damping_like_relative_difference"
    assert [float(row[column]) for row in rows] == pytest.approx(
        [DAMPING_ERROR[x][1] for x in sorted(EXCHANGE)]
    )
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in outputs}


def test_unfinished_sweep(call: Call, path: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.h5"
    part.write_bytes(path.read_bytes())
    with h5py.File(part, "r+") as file:
        file["status"][2:, :] = 0
    status, out, _ = call("compare", part)
    assert status == 0
    assert "4 of 10 points compared, Rashba and spin Hall (left out: 6 missing)" in out
    with h5py.File(part, "r+") as file:
        file["status"][...] = 0
    status, out, err = call("compare", part)
    assert status == 2
    assert out == ""
    assert "has no point to compare: of 10, 10 are missing" in err.splitlines()[-1]


def test_wrong_calls(call: Call, path: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.h5"
    torkivity.sweep(FILM, {"exchange": [0.1, 0.2]}, mesh=torkivity.SphericalMesh(2, 4), out=alone)
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["x"] = 1.0
    for arguments, expected in (
        ((alone,), 'has boltzmann alone; a comparison needs [sweep] models = ["boltzmann"'),
        ((foreign,), "is an HDF5 file, but not one of torkivity's"),
        ((tmp_path / "none.h5",), "no such file"),
        ((path, "--at", "theta=3"), f"must be one of this sweep's: {X}, {Y}"),
        ((path, "--at", "rashba=0.5"), "must be a value of the sweep: 0, 1"),
        ((path, "--at", "rashba"), "must be NAME=VALUE"),
        ((path, "--at", "rashba=0", "--at", "exchange=0.1"), "holds every axis"),
        ((path, "--source", "rashba"), "must be one that the file has (all)"),
        ((path, "--model", "boundary_layer"), "the file has (boltzmann, drift_diffusion)"),
        ((path, "--tolerance", "-1"), "--tolerance"),
        ((path, "--tolerance", "nan"), "must be a positive number"),
        ((path, "--x", "exchange"), "--x and --y are for --figure"),
        ((path, "--figure", tmp_path / "a.png", "--x", "phi"), "must be one of this sweep's"),
        ((path, "--figure", tmp_path / "a.gif"), "the ending must be one of png, pdf, svg"),
        ((path, "-o", tmp_path / "a.txt"), "the ending must be .json or .csv"),
        ((path, "-o", tmp_path / "no" / "a.csv"), "there is no folder"),
    ):  # fmt: skip
        status, out, err = call("compare", *arguments)
        assert status == 2, arguments
        assert out == ""
        assert expected in err.splitlines()[-1], (arguments, err)
        assert [x for x in err.splitlines() if not x.startswith("torkivity: ")] == []
    assert {p.name for p in tmp_path.iterdir()} == {"alone.h5", "foreign.h5"}
