"""Stacks from TOML through the commands: run, sweep, status, info, export; resumed and grown."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray

import torkivity
from frontend.conftest import SMALL
from torkivity.config.errors import ConfigError
from torkivity.config.text import check_config, load_config, preset_names, to_toml
from torkivity.results.differences import relative_differences
from torkivity.results.values import model_values
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Stack
from torkivity_hpc.running.launcher import find_mpiexec

Call = Callable[..., Any]

CO = """
kind = "ferromagnet"
name = "Co"
thickness = 2.0
mean_free_path_majority = 16.25
mean_free_path_minority = 6.01
spin_flip_length = 1000.0
precession_length = 1.36
"""
PT = """
kind = "heavy_metal"
name = "Pt"
thickness = 5.0
total_mean_free_path = 2.0853
spin_diffusion_length = 2.57
spin_hall_angle = 0.059
"""
CU = """
kind = "heavy_metal"
name = "Cu"
thickness = 2.0
mean_free_path = 20.0
spin_flip_length = 500.0
"""
MAGNETIC = "barrier = 0.3\nexchange = 0.2\nrashba = {}\n"
PLAIN = "barrier = 0.3\nexchange = 0.0\nrashba = {}\n"
MESH = "[mesh]\nn_polar = 4\nn_azimuth = 8\n"


def film_of(layers: list[str], interfaces: list[str], rest: str = "", whole: str = "") -> str:
    """TOML of a stack."""
    text = f"[film]\nmagnetization = [0.3, 0.2, 1.0]\n{whole}"
    text += "".join(f"[[layers]]{layer}" for layer in layers)
    text += "".join(f"[[interfaces]]\n{interface}" for interface in interfaces)
    return text + MESH + rest


SPACER = film_of([CO, CU, PT], [MAGNETIC.format(0.0), PLAIN.format(0.1)])
SWEEP = """
[sweep]
models = ["boltzmann"]
[sweep.axes]
Cu.thickness = [1.0, 3.0]
"Cu|Pt".rashba = [0.0, 0.1]
Co.magnetization.theta_deg = [20.0, 90.0]
"""


def config(text: str) -> Any:
    return check_config(tomllib.loads(text), "film.toml")


def solved(text: str, source: str = "all") -> Any:
    """Torques of the film of a configuration."""
    film = config(text).film
    return torkivity.solve_boltzmann(film, torkivity.SphericalMesh(4, 8), source=source)


def test_a_stack_through_every_command(tmp_path: Path, call: Call) -> None:
    (tmp_path / "film.toml").write_text(SPACER + SWEEP)
    status, out, err = call("run", "film.toml", "-o", "run.h5", cwd=tmp_path)
    assert status == 0, err
    for heading in ("interface Co|Cu", "interface Cu|Pt", "magnet Co"):
        assert heading in out.splitlines()
    assert {p.name for p in tmp_path.iterdir()} == {"film.toml", "run.h5", "run.png"}
    opened = torkivity.open_results(tmp_path / "run.h5")
    assert list(opened["layer"].values) == ["Co", "Cu", "Pt"]
    assert list(opened["interface"].values) == ["Co|Cu", "Cu|Pt"]
    assert list(opened["magnet"].values) == ["Co"]
    direct = solved(SPACER)
    for number, name in enumerate(opened["interface"].values):
        found = model_values(opened, "torque_total", "boltzmann", "all", str(name))
        np.testing.assert_array_equal(found, direct.at_interface(number).torque_total)
    assert "Cu.thickness" in call("info", "run.h5", "--all", cwd=tmp_path).stdout

    status, _, err = call("sweep", "film.toml", "-o", "sweep.h5", cwd=tmp_path)
    assert status == 0, err
    assert "8 points, 2 different layers" in err
    status, out, _ = call("status", "sweep.h5", cwd=tmp_path)
    assert (status, "done 8 (100.0 %)" in out) == (0, True)
    opened = torkivity.open_results(tmp_path / "sweep.h5")
    assert opened["torque_total"].dims[:3] == (
        *("Cu.thickness", '"Cu|Pt".rashba', "Co.magnetization.theta_deg"),
    )
    point = {"Cu.thickness": 3.0, '"Cu|Pt".rashba': 0.1, "Co.magnetization.theta_deg": 90.0}
    by_hand = config(
        SPACER.replace('name = "Cu"\nthickness = 2.0', 'name = "Cu"\nthickness = 3.0')
    ).film
    by_hand = torkivity.with_parameters(by_hand, {"Co.magnetization.theta_deg": 90.0})
    expected = torkivity.solve_boltzmann(by_hand, torkivity.SphericalMesh(4, 8))
    for number, name in enumerate(opened["interface"].values):
        found = model_values(opened.sel(point), "torque_total", "boltzmann", "all", str(name))
        np.testing.assert_allclose(found, expected.at_interface(number).torque_total, rtol=1e-9)
    text = call("export", "sweep.h5", "--to", "csv", "--wide", cwd=tmp_path).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 8
    assert float(rows[-1]["torque_total Co|Cu x [1/(Ohm m)]"]) == pytest.approx(
        expected.at_interface(0).torque_total[0], rel=1e-9
    )
    status, out, err = call("export", "run.h5", "--to", "mumax3", "--ms", "1e6", cwd=tmp_path)
    assert status == 0, err


@pytest.mark.skipif(find_mpiexec() is None, reason="no mpiexec: pip install '.[mpi]' brings one")
def test_stopped_resumed_and_grown_under_mpiexec(tmp_path: Path, call: Call) -> None:
    """Along an axis and by a model, then by a source; what is there is not computed again."""
    pytest.importorskip("mpi4py")
    film, out = tmp_path / "film.toml", tmp_path / "a.h5"
    ranks = [str(find_mpiexec()), "-n", "2", sys.executable, "-m", "torkivity", "sweep"]

    def sweep(text: str, *more: str) -> str:
        film.write_text(SPACER + text)
        command = [*ranks, str(film), "-o", str(out), *more]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == (3 if more else 0), result.stderr
        return result.stderr

    assert "incomplete (time limit)" in sweep(SWEEP, "--time-limit", "0s")
    assert "8 done, 0 failed" in sweep(SWEEP)
    first = torkivity.open_results(out)
    grown = SWEEP.replace("[1.0, 3.0]", "[1.0, 2.0, 3.0]")
    grown = grown.replace('["boltzmann"]', '["boltzmann", "drift_diffusion"]')
    assert "8 points are known, 16 to compute" in sweep(grown)
    grown = grown.replace("[sweep.axes]", 'source = ["all", "rashba", "spin_hall"]\n[sweep.axes]')
    assert "24 points are known, 48 to compute" in sweep(grown)
    assert "0 points computed" in call("sweep", film, "-o", out)[2]
    last = torkivity.open_results(out)
    assert (last["status"] == 1).all()
    again = last.sel({"Cu.thickness": [1.0, 3.0], "model": ["boltzmann"], "source": ["all"]})
    for name in ("torque_total", "magnet_torque_total", "seconds"):
        xarray.testing.assert_equal(first[name], again[name])
    # Sources of drift-diffusion add up, and one rank finds the same to the last bit.
    torque = last["torque_total"].sel(model="drift_diffusion")
    parts = torque.sel(source=["rashba", "spin_hall"]).sum("source")
    whole = torque.sel(source="all")
    np.testing.assert_allclose(parts, whole, atol=1e-9 * np.abs(whole).max())
    call("sweep", film, "-o", tmp_path / "b.h5")
    alone = torkivity.open_results(tmp_path / "b.h5")
    for name in last.data_vars:
        if name not in ("seconds", "finished", "rank"):
            np.testing.assert_array_equal(last[name], alone[name])


@pytest.mark.skipif(find_mpiexec() is None, reason="no mpiexec: pip install '.[mpi]' brings one")
def test_killed_in_the_middle_under_mpiexec(tmp_path: Path, call: Call) -> None:
    """The whole job dies at once; the same command takes up what is in the file."""
    pytest.importorskip("mpi4py")
    film, out = tmp_path / "film.toml", tmp_path / "a.h5"
    film.write_text(SPACER + SWEEP.replace("[1.0, 3.0]", "{ linspace = [1.0, 9.0, 400] }"))
    command = [str(find_mpiexec()), "-n", "2", sys.executable, "-m", "torkivity", "sweep"]
    command += [str(film), "-o", str(out)]
    job = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120.0
    while points_done(out) < 20:
        assert job.poll() is None, "the job ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    before = points_done(out)
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    left = points_done(out)
    assert before <= left < 1600
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert f"{left} points are known, {1600 - left} to compute" in result.stderr
    call("sweep", film, "-o", tmp_path / "b.h5")
    resumed, alone = (torkivity.open_results(tmp_path / name) for name in ("a.h5", "b.h5"))
    for name in resumed.data_vars:
        if name not in ("seconds", "finished", "rank"):
            np.testing.assert_array_equal(resumed[name], alone[name])


def points_done(path: Path) -> int:
    """Points that a reader finds finished while somebody writes."""
    try:
        with h5py.File(path, locking=False) as file:
            return int((file["status"][...] == 1).sum())
    except (OSError, KeyError):  # not there, or just being laid out
        return 0


def long_form(text: str) -> str:
    """The film of conftest as a list of layers."""
    data = tomllib.loads(text)
    film = check_config(data, "film.toml")
    return to_toml(film.film.stack(), film)


def test_short_and_long_form_are_one(tmp_path: Path, call: Call) -> None:
    """Bit for bit, in all that is computed."""
    numbers = []
    for name, text in (("short", SMALL), ("long", long_form(SMALL))):
        (tmp_path / f"{name}.toml").write_text(text)
        status, _, err = call("run", f"{name}.toml", "--no-figure", cwd=tmp_path)
        assert status == 0, err
        numbers.append(torkivity.open_results(tmp_path / f"{name}.h5"))
    assert "[[layers]]" in (tmp_path / "long.toml").read_text()
    short, long = numbers
    assert set(short.data_vars) == set(long.data_vars)
    levels = [data.attrs["drift_diffusion_ferromagnet"] for data in numbers]
    assert levels == ["dephased", "dephased"]
    for name in short.data_vars:
        if name not in ("seconds", "finished"):
            np.testing.assert_array_equal(short[name], long[name], err_msg=str(name))


def halves(layer: str, first: float, second: float) -> list[str]:
    """A layer in two, of one thickness together."""
    thickness = next(line for line in layer.splitlines() if line.startswith("thickness"))
    name = next(line for line in layer.splitlines() if line.startswith("name"))
    return [
        layer.replace(thickness, f"thickness = {t}").replace(name, f'{name[:-1]}{i}"')
        for i, t in enumerate((first, second))
    ]


@pytest.mark.parametrize("split", [0, 1, 2])
def test_a_layer_in_two_changes_nothing(split: int) -> None:
    """Halves joined by an interface that does nothing are the layer."""
    layers, thickness = [CO, CU, PT], (2.0, 2.0, 5.0)[split]
    cut = [*layers]
    cut[split : split + 1] = halves(layers[split], 0.3 * thickness, 0.7 * thickness)
    interfaces = [MAGNETIC.format(0.05), PLAIN.format(0.1)]
    transparent = [*interfaces]
    transparent.insert(split, "barrier = 0.0\nexchange = 0.0\nrashba = 0.0\n")
    whole, joined = solved(film_of(layers, interfaces)), solved(film_of(cut, transparent))
    scale = np.abs(whole.at_interface(0).torque_total).max()
    kept = [i for i in range(3) if i != split]
    for before, after in zip(range(2), kept, strict=True):
        for name in ("current_minus", "current_plus", "torque"):
            np.testing.assert_allclose(
                getattr(joined.at_interface(after), name),
                getattr(whole.at_interface(before), name),
                atol=1e-10 * scale,
            )


def test_a_film_upside_down() -> None:
    """Half a turn about x takes z, m and spins to (x, -y, -z), and E to itself."""
    upwards = film_of([CO, CU, PT], [MAGNETIC.format(0.05), PLAIN.format(0.1)])
    turned = film_of([PT, CU, CO], [PLAIN.format(-0.1), MAGNETIC.format(-0.05)])
    turned = turned.replace("[0.3, 0.2, 1.0]", "[0.3, -0.2, -1.0]")
    up, down = solved(upwards), solved(turned)
    turn = np.array([1.0, -1.0, -1.0])
    scale = np.abs(up.at_interface(0).torque_total).max()
    for i in range(2):
        here, there = up.at_interface(i), down.at_interface(1 - i)
        for name, other, factor in (
            ("torque_interface", "torque_interface", turn),
            # What flows up in one flows down in the other.
            ("spin_current_minus", "spin_current_plus", -turn),
            ("spin_current_plus", "spin_current_minus", -turn),
        ):
            found = factor * getattr(there, other)
            np.testing.assert_allclose(found, getattr(here, name), atol=1e-10 * scale)
    found = turn * down.at_interface(1).torque_total
    np.testing.assert_allclose(found, up.at_interface(0).torque_total, atol=1e-10 * scale)


SYMMETRIC = film_of(
    [PT.replace('"Pt"', '"Pt1"'), CO, PT.replace('"Pt"', '"Pt2"')],
    [MAGNETIC.format(0.2), MAGNETIC.format(-0.2)],
)


@pytest.mark.parametrize("m", ["[0, 0, 1]", "[1, 0, 0]"])
def test_symmetric_stack_has_no_torque(tmp_path: Path, call: Call, m: str) -> None:
    """Pt/Co/Pt: what one side does to the magnet the other takes back."""
    (tmp_path / "film.toml").write_text(SYMMETRIC.replace("[0.3, 0.2, 1.0]", m))
    status, _, err = call("run", "film.toml", "--no-figure", cwd=tmp_path)
    assert status == 0, err
    opened = torkivity.open_results(tmp_path / "film.h5")
    # The boundary-layer model treats the lowest metal apart from all the others.
    for model in ("boltzmann", "drift_diffusion"):
        for source in ("rashba", "spin_hall", "all"):
            torque = model_values(opened, "magnet_torque_total", model, source)
            one = model_values(opened, "torque_total", model, source, "Pt1|Co")
            assert np.abs(torque).max() <= 1e-12 * np.abs(one).max(), (model, source)


@pytest.mark.parametrize("source", ["rashba", "spin_hall"])
def test_symmetric_stack_with_tilted_m(source: str) -> None:
    """Reservoirs on both sides set the charge potential, which then is as symmetric as the film.

    A film with closed faces measures it from its first magnetic interface, and for tilted m a
    potential acts on the torque as a change of the Fermi level does.
    """
    ends = '[surfaces]\nleft = { kind = "reservoir" }\nright = { kind = "reservoir" }\n'
    found = solved(SYMMETRIC + ends, source)
    lower, upper = (found.at_interface(i).torque_total for i in range(2))
    assert np.abs(lower + upper).max() <= 1e-12 * np.abs(lower).max()


def test_set(tmp_path: Path, call: Call) -> None:
    """Parameters on the command line are those of a file that has them, and are stored."""
    (tmp_path / "film.toml").write_text(SPACER)
    changed = SPACER.replace('name = "Cu"\nthickness = 2.0', 'name = "Cu"\nthickness = 4.0')
    changed = changed.replace("rashba = 0.1", "rashba = 0.25").replace("n_polar = 4", "n_polar = 5")
    given = ("--set", "Cu.thickness=4", "--set", "Cu|Pt.rashba=0.25", "--set", "mesh.n_polar=5")
    status, _, err = call("run", "film.toml", "--no-figure", *given, cwd=tmp_path)
    assert status == 0, err
    opened = torkivity.open_results(tmp_path / "film.h5")
    stored = check_config(tomllib.loads(opened.attrs["config_toml"]), "stored")
    assert stored == config(changed)
    expected = torkivity.solve_boltzmann(stored.film, torkivity.SphericalMesh(5, 8))
    found = model_values(opened, "torque_total", "boltzmann", "all", "Cu|Pt")
    np.testing.assert_array_equal(found, expected.at_interface(1).torque_total)
    for wrong, message in (
        ("Cu.thicknes=4", "did you mean Cu.thickness?"),
        ("Cu.thickness", "must be PATH=VALUE"),
        ("Cu.thickness=four", "must be a number"),
        ("Cu.thickness=-4", "must be a positive length"),
        ("mesh.n_polar=4.5", "must be an integer"),
        ("thickness=4", "is not known"),
    ):
        status, out, err = call("run", "film.toml", "-o", "b.h5", "--set", wrong, cwd=tmp_path)
        assert (status, out) == (2, "")
        assert message in err
        assert not (tmp_path / "b.h5").exists()


def test_parameters_are_listed(tmp_path: Path, call: Call) -> None:
    (tmp_path / "film.toml").write_text(SPACER)
    status, out, err = call("info", "film.toml", "--parameters", cwd=tmp_path)
    assert status == 0, err
    listed = {line.split("  ")[0]: line for line in out.splitlines() if not line.startswith(" ")}
    from torkivity.study.case import Case

    case = Case.of(load_config(tmp_path / "film.toml"), tmp_path / "film.toml")
    assert set(listed) == set(case.parameters())
    assert listed['"Cu|Pt".rashba'].split()[1:] == ["0.1", "Rashba", "coupling"]
    assert listed["Pt.spin_diffusion_length"].split()[1:3] == ["2.57", "nm"]
    assert max(map(len, out.splitlines())) <= 80
    # Each of them can be given back.
    for path, parameter in case.parameters().items():
        assert case.parameter(path).value == parameter.value
    status, out, err = call("info", "film.toml", "--parameters", "--all", cwd=tmp_path)
    assert (status, out) == (2, "")
    status, out, err = call("info", "missing.toml", "--parameters", cwd=tmp_path)
    assert (status, out) == (2, "")
    assert "no such file" in err


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_has_a_sweep(tmp_path: Path, call: Call, name: str) -> None:
    """Planned from its text alone, by each model that there is for it."""
    assert call("init", "film.toml", "--preset", name, cwd=tmp_path).returncode == 0
    status, out, err = call("info", "film.toml", "--parameters", cwd=tmp_path)
    assert status == 0, err
    path = next(line.split("  ")[0] for line in out.splitlines() if ".thickness" in line)
    text = (tmp_path / "film.toml").read_text().replace("n_polar = 32", "n_polar = 6")
    text += f'[sweep]\nmodels = ["boltzmann"]\n[sweep.axes]\n{path} = [1.0, 2.0]\n'
    (tmp_path / "film.toml").write_text(text)
    status, _, err = call("sweep", "film.toml", "--set", "mesh.n_azimuth=8", cwd=tmp_path)
    assert status == 0, err
    assert "2 done, 0 failed" in err


def test_repeats(tmp_path: Path) -> None:
    """A group of layers three times is the layers written out three times."""
    group = (
        f"[[layers]]\nrepeat = 3\n[[layers.layers]]{PT}[[layers.layers]]{CO}"
        f"[[layers.interfaces]]\n{MAGNETIC.format(0.1)}[[layers.interfaces]]\n"
        f"{MAGNETIC.format(-0.1)}"
    )
    found = config(f"[film]\nmagnetization = [0.3, 0.2, 1.0]\n{group}{MESH}").film
    joints = [MAGNETIC.format(x) for x in (0.1, -0.1, 0.1, -0.1, 0.1)]
    written = [
        layer.replace(f'"{name}"', f'"{name}{i}"')
        for i in (1, 2, 3)
        for name, layer in (("Pt", PT), ("Co", CO))
    ]
    assert found == config(film_of(written, joints)).film
    assert found.names == ("Pt1", "Co1", "Pt2", "Co2", "Pt3", "Co3")


WRONG = film_of(
    [
        CO.replace("thickness = 2.0", "thickness = -2.0"),
        CU.replace("spin_flip_length", "spin_flip_lenght"),
        PT.replace("total_mean_free_path = 2.0853\n", ""),
    ],
    [MAGNETIC.format(0.0).replace("0.3", "nan"), 'barrier = 0.3\nrashba = "much"\n'],
    rest="[surfaces]\nleft_specularity = 2.0\n[solver]\nmethod = 'fast'\n",
    whole="fermi_wavevector = 1e9\n",
)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path, call: Call) -> None:
    (tmp_path / "film.toml").write_text(WRONG)
    status, out, err = call("run", "film.toml", cwd=tmp_path)
    assert (status, out) == (2, "")
    lines = [line for line in err.splitlines() if line.startswith("torkivity: error: film.toml: ")]
    for expected in (
        "layers[0].thickness = -2.0: must be a positive length",
        "layers[1].spin_flip_lenght: unknown key; did you mean spin_flip_length?",
        "layers[2] has spin_diffusion_length: give exactly one of",
        "interfaces[0].barrier = nan: must not be NaN",
        'interfaces[1].rashba = "much": must be a number',
        "interfaces[1].exchange is missing: exchange",
        "surfaces.left_specularity = 2.0: must lie between 0 and 1",
        'solver.method = "fast": must be "reduced" or "dense"',
        "film.fermi_wavevector = 1000000000.0: must be positive, in 1/nm",
    ):
        assert [expected in line for line in lines].count(True) == 1, (expected, err)
    assert len(lines) == 9
    assert {p.name for p in tmp_path.iterdir()} == {"film.toml"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (film_of([CO, PT], []), "interfaces has 0 entries: must be one fewer than the 2"),
        (film_of([CO, CO], [MAGNETIC.format(0.1)]), None),
        (
            film_of([CO, CO.replace('"Co"', '"Co1"')], [MAGNETIC.format(0.1)]),
            None,
        ),
        (film_of([CO.replace("ferromagnet", "superconductor"), PT], [PLAIN.format(0)]), "kind"),
        (film_of([CO, PT], [PLAIN.format(0)]) + SMALL.partition("[mesh]")[0], "twice"),
    ],
)
def test_films_that_cannot_be(tmp_path: Path, text: str, expected: str | None) -> None:
    path = tmp_path / "film.toml"
    path.write_text(text)
    if expected is None:
        names = load_config(path).film.names
        assert len(set(names)) == 2
        return
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    if expected != "twice":
        assert expected in str(caught.value)


def test_differences_of_the_second_interface(tmp_path: Path) -> None:
    """Each place has its own torque to be compared with."""
    film = Stack(
        (
            HeavyMetal(3.0, 4.0, 20.0, 0.1),
            Ferromagnet(2.0, 16.0, 6.0, 100.0, 1.4, (0.3, 0.2, 1.0)),
            HeavyMetal(6.0, 2.0, 30.0, -0.2),
        ),
        (RashbaInterface(0.3, 0.2, 0.1), RashbaInterface(0.4, 0.1, 0.3)),
        layer_names=("Pt", "Co", "Ta"),
    )
    found = torkivity.sweep(
        film,
        {"Ta.thickness": [2.0, 6.0]},
        models=("boltzmann", "boundary_layer"),
        mesh=torkivity.SphericalMesh(4, 8),
    )
    first, second = (
        relative_differences(found, "boundary_layer", "all", place=place)["damping_like"]
        for place in ("Pt|Co", "Co|Ta")
    )
    assert not np.allclose(first, second)
    for place, values in (("Pt|Co", first), ("Co|Ta", second)):
        exact, other = (
            model_values(found, "torque_total_damping_like", model, "all", place)
            for model in ("boltzmann", "boundary_layer")
        )
        np.testing.assert_allclose(values, other / exact - 1.0, rtol=1e-9, atol=1e-12)
