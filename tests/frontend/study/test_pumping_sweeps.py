"""Sweeps of what magnets pump: files, resuming, growth, figures, comparison, report, fits."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import torkivity
from torkivity.config.text import check_config, load_config
from torkivity.figures.quantities import Quantity
from torkivity.figures.sweeps import sweep_figure
from torkivity.results.values import model_values
from torkivity.study.case import Case
from torkivity.study.pumping import pumped_values, with_damping
from torkivity_engine.diffusion.pumping import drift_diffusion_pumping
from torkivity_engine.errors import InputError
from torkivity_engine.pumping import spin_pumping
from torkivity_engine.record import PUMPING_VARIABLES

Call = Callable[..., Any]

SWEEP = """
[sweep]
drive = "pumping"
models = ["boltzmann", "drift_diffusion"]
[sweep.axes]
interface.rashba = [0.0, 0.2]
Pt.thickness = [1.0, 3.0, 6.0]
"""


@pytest.fixture(scope="module")
def made(small_toml: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a film and its sweep."""
    folder = tmp_path_factory.mktemp("pumping")
    (folder / "film.toml").write_text(small_toml + SWEEP)
    torkivity.sweep(folder / "film.toml", out=folder / "s.h5")
    return folder


@pytest.fixture
def swept(made: Path, tmp_path: Path) -> Path:
    """The sweep in a folder of the test's own, with its film beside it."""
    for name in ("film.toml", "s.h5"):
        shutil.copy(made / name, tmp_path / name)
    return tmp_path / "s.h5"


def test_points_are_those_of_the_engine(swept: Path, small_toml: str) -> None:
    data = torkivity.open_results(swept)
    assert data.attrs["drive"] == "pumping"
    assert set(PUMPING_VARIABLES) <= set(data.data_vars)
    assert data.effective_mixing_conductance.dims == (
        '"Pt|Co".rashba',
        "Pt.thickness",
        "model",
        "turning",
    )
    case = Case.of(check_config(tomllib.loads(small_toml), "film.toml"), Path("film.toml"))
    values = {"interface.rashba": 0.2, "heavy_metal.thickness": 3.0}
    varied = case.varied({case.parameter(k).path: v for k, v in values.items()})
    point = data.sel({'"Pt|Co".rashba': 0.2, "Pt.thickness": 3.0, "turning": "Co"})
    for model, solve in (("boltzmann", spin_pumping), ("drift_diffusion", drift_diffusion_pumping)):
        found = solve(varied.film, case.mesh())
        own = point.sel(model=model)
        np.testing.assert_allclose(own.pumped_sheet_current, found.sheet_current, rtol=1e-9)
        np.testing.assert_allclose(
            own.effective_mixing_conductance, found.effective_mixing_conductance, rtol=1e-9
        )
        np.testing.assert_allclose(
            own.pumped_torque_exchange.sel(magnet="Co"),
            found.torque,
            rtol=1e-9,
            atol=1e-9 * abs(found.torque).max(),
        )
        fitted = pumped_values(case, {'"Pt|Co".rashba': 0.2, "Pt.thickness": 3.0}, model=model)
        assert fitted.effective_mixing_conductance == found.effective_mixing_conductance
        assert fitted.damping(1.4e6) == pytest.approx(found.damping(1.4e6), rel=1e-12)


def test_it_is_resumed_and_grows(swept: Path, small_toml: str, call: Call) -> None:
    again = call("sweep", swept.with_name("film.toml"), "-o", swept)
    assert again.returncode == 0
    assert "0 points computed" in again.stderr
    before = torkivity.open_results(swept).finished
    swept.with_name("film.toml").write_text(
        small_toml + SWEEP.replace("[1.0, 3.0, 6.0]", "[1.0, 3.0, 6.0, 9.0]")
    )
    grown = call("sweep", swept.with_name("film.toml"), "-o", swept)
    assert "4 points computed" in grown.stderr, grown.stderr
    after = torkivity.open_results(swept).finished
    np.testing.assert_array_equal(before, after.sel({"Pt.thickness": [1.0, 3.0, 6.0]}))
    # A field drives other quantities: another file.
    swept.with_name("film.toml").write_text(small_toml + SWEEP.replace('"pumping"', '"field"'))
    other = call("sweep", swept.with_name("film.toml"), "-o", swept)
    assert other.returncode == 2
    assert "drive" in other.stderr or "different" in other.stderr, other.stderr


def test_python_gives_the_same(swept: Path) -> None:
    there = torkivity.open_results(swept).sel({"Pt.thickness": [3.0]})
    config = load_config(swept.with_name("film.toml"))
    axes = {"interface.rashba": [0.0, 0.2], "Pt.thickness": [3.0]}
    for options in ({}, {"drive": "pumping", "magnets": ["Co"]}):
        mine = torkivity.sweep(config, axes, **options)
        np.testing.assert_array_equal(
            mine.effective_mixing_conductance, there.effective_mixing_conductance
        )
    with pytest.raises(InputError, match="has no torque_total: its drive is pumping"):
        model_values(mine, "torque_total", "boltzmann", "Co")
    with pytest.raises(InputError, match=r"drive = 'spin'.*must be one of field, pumping"):
        torkivity.sweep(config, {"Pt.thickness": [3.0]}, drive="spin")
    with pytest.raises(InputError, match=r'magnets.*is for drive="pumping"'):
        torkivity.sweep(config, {"Pt.thickness": [3.0]}, drive="field", magnets=["Co"])
    with pytest.raises(InputError, match=r"sources.*is for drive"):
        torkivity.sweep(config, {"Pt.thickness": [3.0]}, sources=["rashba"])


def test_damping_over_thickness(swept: Path, small_toml: str, call: Call) -> None:
    data = with_damping(torkivity.open_results(swept), 1.4e6)
    case = Case.of(load_config(swept.with_name("film.toml")), swept)
    thickness = case.film.ferromagnet.thickness
    ratio = data.damping / data.effective_mixing_conductance * thickness
    np.testing.assert_allclose(ratio, float(ratio.values.flat[0]), rtol=1e-12)
    (component,) = Quantity("damping").of(data)
    assert component.units == "1"
    assert sorted(component.values) == ["boltzmann", "drift_diffusion"]
    with pytest.raises(InputError, match="drive is pumping"):
        Quantity("damping").of(torkivity.open_results(swept))
    for options in ((), ("--ms", "1.4e6"), ("--quantity", "sheet_current", "--by", "rashba")):
        done = call("plot", swept, "-o", swept.with_suffix(".svg"), "--force", *options)
        assert done.returncode == 0, done.stderr
    labels = [
        axes.get_ylabel() for axes in sweep_figure(data, "thickness", quantity="sheet_current").axes
    ]
    assert len(labels) == 4
    assert all("per $q$" in label for label in labels)


@pytest.mark.parametrize(
    ("command", "options", "status", "message"),
    [
        ("plot", ("--quantity", "torque_total"), 2, "whose drive is pumping"),
        ("plot", ("--source", "rashba"), 2, "--source"),
        ("plot", ("--turning", "Fe"), 2, "turning = 'Fe'"),
        ("plot", ("--quantity", "damping"), 2, "--ms"),
        ("compare", ("--source", "all"), 2, "--source"),
        ("compare", ("--figure", "a.png"), 2, "--figure"),
        ("export", ("--to", "csv", "--unit", "efficiency"), 2, "--unit"),
    ],
)
def test_what_is_for_torques_is_refused(
    swept: Path, call: Call, command: str, options: tuple[str, ...], status: int, message: str
) -> None:
    done = call(command, swept, *options)
    assert done.returncode == status, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_comparison_of_models(swept: Path, call: Call) -> None:
    out = swept.with_name("c.json")
    done = call("compare", swept.name, "-o", out.name, "--tolerance", "0.5", cwd=swept.parent)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    found = json.loads(out.read_text())["models"]["drift_diffusion"]
    data = torkivity.open_results(swept).sel(turning="Co").effective_mixing_conductance
    exact, other = (data.sel(model=m).values.ravel() for m in ("boltzmann", "drift_diffusion"))
    median = np.median(other / exact - 1.0)
    assert found["effective_mixing_conductance"]["median"] == pytest.approx(median, rel=1e-9)
    assert found["pumped_sheet_current"]["count"] == exact.size


def test_report_and_table(swept: Path, call: Call) -> None:
    page, wide = swept.with_suffix(".html"), swept.with_suffix(".csv")
    single = swept.with_name("one.h5")
    assert call("run", swept.with_name("film.toml"), "--pumping", "-o", single).returncode == 0
    done = call("report", swept, single, "-o", page)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert "What magnets pump" in text
    assert "Co turns" in text
    assert call("export", swept, "--to", "csv", "--wide", "-o", wide).returncode == 0
    lines = wide.read_text().splitlines()
    assert "effective_mixing_conductance [1/(Ohm m^2)]" in lines[0]
    assert len(lines) == 1 + 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('drive = "pumping"', 'drive = "pumping"\nmagnet = "Fe"'), "must be one of Co"),
        (('drive = "pumping"', 'drive = "pumping"\nsource = "rashba"'), "sweep.source"),
        (('drive = "pumping"', 'drive = "pumping"\nquantities = ["in_plane"]'), "quantities"),
        (('drive = "pumping"', 'drive = "field"\nmagnet = "Co"'), "sweep.magnet"),
        (('"drift_diffusion"', '"boundary_layer"'), "knows no pumping"),
        (('drive = "pumping"', 'drive = "torque"'), "drive"),
    ],
)
def test_what_cannot_be_swept(
    small_toml: str, tmp_path: Path, call: Call, change: tuple[str, str], message: str
) -> None:
    path = tmp_path / "film.toml"
    path.write_text(small_toml + SWEEP.replace(*change))
    done = call("sweep", path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert not path.with_suffix(".h5").exists()


def test_the_magnet_that_turns_is_named(tmp_path: Path, call: Call) -> None:
    """In a stack with two magnets; torques are given on both."""
    from frontend.study.test_pumping import STACK

    path = tmp_path / "stack.toml"
    swept = '\n[sweep]\ndrive = "pumping"\nmagnet = "Fe"\n[sweep.axes]\nPt.thickness = [2.0, 4.0]\n'
    path.write_text(STACK + swept)
    done = call("sweep", path)
    assert done.returncode == 0, done.stderr
    data = torkivity.open_results(path.with_suffix(".h5"))
    assert list(data.turning.values) == ["Fe"]
    assert list(data.magnet.values) == ["Co", "Fe"]
    size = abs(data.pumped_torque_exchange).max(["spin", "q"]).squeeze()
    assert (size.sel(magnet="Co") > 0.0).all()
    # The spacer relaxes spins on their way.
    assert float(size.sel(magnet="Co")[0]) > float(size.sel(magnet="Co")[1])
