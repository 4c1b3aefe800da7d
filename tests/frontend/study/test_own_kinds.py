"""A new kind of layer and one of interface, in a file beside the configuration, used throughout."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import torkivity
from torkivity.config.text import load_config
from torkivity.results.values import model_values

Call = Callable[..., Any]

MODULE = "torkivity_test_kinds"
KINDS = '''
"""An alloy given by rates, and a Rashba interface whose coupling is a Vegard mixture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

import numpy as np

from torkivity_engine.film.checks import Vector
from torkivity_engine.film.interface import Interface, Scattering
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.quantity import Direction, Quantity
from torkivity_engine.film.scattering import scattering_matrices
from torkivity_engine.film.torque import exchange_torque
from torkivity_engine.film.kinds import register
from torkivity_engine.kinetics.collision import CollisionTerms


@dataclass(frozen=True)
class Alloy(Layer):
    kind: ClassVar[str] = "own_alloy"
    stem: ClassVar[str] = "A"

    thickness: Annotated[float, Quantity("nm", "thickness", "$t$", gt=0.0)]
    rate: Annotated[float, Quantity("1/nm", "scattering rate", r"$\\\\Gamma$", gt=0.0)]
    flips: Annotated[float, Quantity("1/nm", "spin-flip rate", ge=0.0)]

    def collision_terms(self) -> CollisionTerms:
        total, spin = self.rate + self.flips, self.rate - self.flips
        return CollisionTerms(total * np.eye(4), np.diag([spin, spin, spin, total])[None, None])

    def decay_reach(self) -> float:
        return 100.0 / min(self.rate, self.flips)

    def driven_amplitude(self):
        return np.array([0.0, 0.0, 0.0, 1.0 / (self.rate + self.flips)])


@dataclass(frozen=True)
class Mixed(Interface):
    kind: ClassVar[str] = "own_mixed"

    barrier: Annotated[float, Quantity("1", "barrier", step=1e-3, absolute=True)]
    exchange: Annotated[float, Quantity("1", "exchange", step=1e-3, absolute=True)]
    content: Annotated[
        float, Quantity("1", "gold content", "$x$", ge=0.0, le=1.0, step=1e-3, absolute=True)
    ]
    largest: Annotated[float, Quantity("1", "coupling of gold", step=1e-3, absolute=True)] = SIZE
    magnetization: Annotated[Vector | None, Direction()] = None

    @property
    def closed(self) -> RashbaInterface:
        return RashbaInterface(self.barrier, self.exchange, self.content * self.largest)

    @property
    def magnetic(self) -> bool:
        return self.exchange != 0.0

    def scattering(self, m, directions) -> Scattering:
        r, t = scattering_matrices(self.closed, m, directions)
        return Scattering(r, t, r, t, t[:, :3], t[:, :3])

    def torque(self, density, m):
        return exchange_torque(2.0 * self.exchange, m, density)

    def without_spin_orbit(self) -> Self:
        return replace(self, largest=0.0)

    def with_mirrored_spin_orbit(self) -> Self:
        return replace(self, largest=-self.largest)


register("own_alloy", Alloy)
register("own_mixed", Mixed)
'''
FILM = f"""
plugins = ["{MODULE}"]
[film]
magnetization = [0.3, 0.2, 1.0]
[[layers]]
kind = "own_alloy"
name = "CuAu"
thickness = 4.0
rate = 0.2
flips = 0.05
[[interfaces]]
kind = "own_mixed"
barrier = 0.4
exchange = 0.2
content = 0.25
[[layers]]
kind = "ferromagnet"
name = "Co"
thickness = 2.0
mean_free_path_majority = 16.25
mean_free_path_minority = 6.01
spin_flip_length = 1000.0
precession_length = 1.36
[mesh]
n_polar = 4
n_azimuth = 8
[sweep]
models = ["boltzmann"]
[sweep.axes]
CuAu.rate = [0.1, 0.2, 0.4]
content = {{ linspace = [0.0, 0.5, 3] }}
"""
CONTENT = '"CuAu|Co".content'


def text_of_kinds(size: str = "0.4") -> str:
    return KINDS.replace("SIZE", size).replace("\\\\", "\\")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Configuration and module; the interpreter is left as it was."""
    folder = tmp_path_factory.mktemp("kinds")
    (folder / f"{MODULE}.py").write_text(text_of_kinds())
    (folder / "film.toml").write_text(FILM)
    places = list(sys.path)
    yield folder
    sys.path[:] = places
    sys.modules.pop(MODULE, None)


def test_swept_stored_and_the_same_as_known_kinds(folder: Path, call: Call) -> None:
    status, _, err = call("sweep", "film.toml", "-o", "a.h5", cwd=folder)
    assert status == 0, err
    opened = torkivity.open_results(folder / "a.h5")
    axes = ("CuAu.rate", CONTENT)
    assert opened["torque_total"].dims[:2] == axes
    rate, content = (opened[name].attrs for name in axes)
    assert (rate["units"], rate["long_name"], rate["symbol"]) == (
        *("1/nm", "scattering rate", r"$\Gamma$"),
    )
    assert (content["long_name"], content["symbol"]) == ("gold content", "$x$")
    known = torkivity.Bilayer(
        torkivity.HeavyMetal(4.0, 1.0 / 0.4, 1.0 / 0.05),
        torkivity.RashbaInterface(0.4, 0.2, 0.5 * 0.4),
        torkivity.Ferromagnet(2.0, 16.25, 6.01, 1000.0, 1.36),
        magnetization=(0.3, 0.2, 1.0),
    )
    mesh = torkivity.SphericalMesh(4, 8)
    expected = torkivity.solve_boltzmann(known, mesh).torque_total
    point = opened.sel({"CuAu.rate": 0.4, CONTENT: 0.5})
    found = model_values(point, "torque_total", "boltzmann", "all")
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
    # Its own description brings the film back.
    stored = folder / "stored.toml"
    stored.write_text(opened.attrs["config_toml"])
    assert load_config(stored).film == load_config(folder / "film.toml").film
    # Processes find the module too.
    status, _, err = call("sweep", "film.toml", "-o", "b.h5", "--workers", "2", cwd=folder)
    assert status == 0, err
    again = torkivity.open_results(folder / "b.h5")
    np.testing.assert_array_equal(again["torque_total"], opened["torque_total"])


def test_run_listed_and_plotted(folder: Path, call: Call) -> None:
    status, out, err = call("run", "film.toml", "-o", "run.h5", cwd=folder)
    assert status == 0, err
    assert "content = 0.25" in out
    assert "none (" in out  # the kind has no conductivity, which drift-diffusion needs
    assert (folder / "run.png").stat().st_size > 10_000
    status, out, err = call("info", "film.toml", "--parameters", cwd=folder)
    assert status == 0, err
    (line,) = [line for line in out.splitlines() if line.startswith(CONTENT)]
    assert line.split()[1:] == ["0.25", "gold", "content"]
    call("sweep", "film.toml", "-o", "a.h5", cwd=folder)
    status, out, err = call(
        *("plot", "a.h5", "--x", "content", "--by", "CuAu.rate", "-o", "a.svg"), cwd=folder
    )
    assert status == 0, err
    assert (folder / "a.svg").stat().st_size > 10_000


def test_differentiated(folder: Path) -> None:
    film = load_config(folder / "film.toml").film
    mesh = torkivity.SphericalMesh(4, 8)
    found = torkivity.sensitivities(film, mesh)
    assert {"CuAu.rate", CONTENT, "CuAu.flips"} <= set(found)
    for path, step in (("CuAu.rate", 1e-3), (CONTENT, 1e-3), ("CuAu.flips", 1e-4)):
        value = torkivity.parameter(film, path).value
        up, down = (
            torkivity.solve_boltzmann(
                torkivity.with_parameters(film, {path: value + sign * step}), mesh
            ).torque_total
            for sign in (1.0, -1.0)
        )
        expected = (up - down) / (2.0 * step)
        np.testing.assert_allclose(
            found[path][0].torque_total, expected, atol=1e-4 * np.abs(expected).max(), err_msg=path
        )


def test_fitted(folder: Path, tmp_path: Path, call: Call) -> None:
    """Torques of the Boltzmann equation give the content back, from the command line."""
    pytest.importorskip("lmfit")
    text = f"""
plugins = ["{MODULE}"]
[film]
magnetization = [0.3, 0.2, 1.0]
[heavy_metal]
name = "Pt"
thickness = 8.0
total_mean_free_path = 2.0
spin_diffusion_length = 2.5
spin_hall_angle = 0.06
[interface]
kind = "own_mixed"
barrier = 0.4
exchange = 0.2
content = 0.25
[ferromagnet]
name = "Co"
thickness = 2.0
mean_free_path_majority = 16.25
mean_free_path_minority = 6.01
spin_flip_length = 1000.0
precession_length = 1.36
[mesh]
n_polar = 4
n_azimuth = 8
"""
    film, mesh = tmp_path / "film.toml", torkivity.SphericalMesh(4, 8)
    film.write_text(text)
    (tmp_path / f"{MODULE}.py").write_text(text_of_kinds())
    names = ("damping_like", "field_like", "damping_like_error", "field_like_error")
    lines = [",".join(["thickness [nm]", *(f"{name} [(hbar/2e)/(Ohm m)]" for name in names)])]
    known = load_config(film).film
    for thickness in np.linspace(8.0, 14.0, 7):
        at = torkivity.with_parameters(known, {"Pt.thickness": float(thickness)})
        found = torkivity.solve_boltzmann(at, mesh)
        parts = (found.damping_like, found.field_like)
        numbers = [2.0 * part(found.torque_total) for part in parts]
        lines.append(",".join(map(repr, map(float, (thickness, *numbers, 100.0, 100.0)))))
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")
    film.write_text(text.replace("content = 0.25", "content = 0.4"))
    status, out, err = call(
        "fit", "data.csv", "--model", "microscopic", "--config", "film.toml",
        "--vary", "content", "--fix", "spin_hall_angle=0.06",
        "--fix", "spin_diffusion_length=2.5", "-o", "fit.json", cwd=tmp_path,
    )  # fmt: skip
    assert status == 0, (out, err)
    fitted = json.loads((tmp_path / "fit.json").read_text())["parameters"]["content"]
    assert fitted["value"] == pytest.approx(0.25, abs=2e-3)


def test_a_changed_module_is_another_computation(folder: Path, call: Call) -> None:
    call("sweep", "film.toml", "-o", "c.h5", cwd=folder)
    module = folder / f"{MODULE}.py"
    module.write_text(text_of_kinds("0.5"))
    status, out, err = call("sweep", "film.toml", "-o", "c.h5", cwd=folder)
    module.write_text(text_of_kinds())
    assert (status, out) == (2, "")
    assert "CuAu.kind source = " in err


@pytest.mark.parametrize(
    ("plugins", "expected"),
    [
        ('["no_such_module_anywhere"]', 'plugins = "no_such_module_anywhere": cannot be imported'),
        ("[3]", "plugins = 3: must be names of modules"),
        ('"os"', 'plugins = "os": '),
    ],
)
def test_modules_that_are_not_there(
    tmp_path: Path, call: Call, small_toml: str, plugins: str, expected: str
) -> None:
    (tmp_path / "film.toml").write_text(f"plugins = {plugins}\n{small_toml}")
    status, out, err = call("run", "film.toml", cwd=tmp_path)
    assert (status, out) == (2, "")
    assert f"film.toml: {expected}" in err
    assert err.count("error: ") == 1
    assert {p.name for p in tmp_path.iterdir()} == {"film.toml"}


def test_without_its_module_a_kind_is_not_known(tmp_path: Path, call: Call) -> None:
    text = FILM.replace("own_", "unknown_").replace(f'plugins = ["{MODULE}"]', "")
    (tmp_path / "film.toml").write_text(text)
    status, out, err = call("run", "film.toml", cwd=tmp_path)
    assert (status, out) == (2, "")
    assert 'layers[0].kind = "unknown_alloy": is not known' in err
    assert 'interfaces[0].kind = "unknown_mixed": is not known' in err
