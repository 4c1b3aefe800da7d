"""Interfaces that a configuration names by a file of amplitudes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import torkivity
from torkivity.config.errors import ConfigError
from torkivity.config.text import load_config, to_toml
from torkivity.sources.tight_binding import Crystal, Plane, brillouin_zone, tight_binding_table
from torkivity_engine.film.stack import as_stack
from torkivity_engine.film.tabulated_interface import TabulatedInterface

HOP = [-1.0] * 3
FILM = """
[film]
magnetization = [0.3, 0.2, 1.0]
fermi_wavevector = 10.0

[[layers]]
kind = "heavy_metal"
name = "Pt"
thickness = 3.0
mean_free_path = 2.0
spin_flip_length = 20.0

[[layers]]
kind = "split_ferromagnet"
name = "Co"
thickness = 2.0
fermi_wavevector_majority = 10.0
fermi_wavevector_minority = 8.0
mean_free_path_majority = 5.0
mean_free_path_minority = 2.0
spin_flip_length = 40.0

[[interfaces]]
kind = "table"
file = "tables/pt_co.h5"

[solver]
method = "dense"

[sweep]
models = ["boltzmann", "drift_diffusion"]
[sweep.axes]
"Pt.thickness" = [2.0, 4.0]
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    (tmp_path / "tables").mkdir()
    table = tight_binding_table(
        brillouin_zone(0.3, 4),
        0.3,
        Crystal(3.0, HOP),
        Crystal(3.0, HOP, 0.4),
        [Plane(3.2, HOP[:2], 0.3, 0.2)],
        magnetization=(0.3, 0.2, 1.0),
    )
    torkivity.write_amplitudes(tmp_path / "tables" / "pt_co.h5", table)
    (tmp_path / "film.toml").write_text(FILM)
    return tmp_path / "film.toml"


def test_file_beside_the_configuration(film: Path, tmp_path: Path) -> None:
    config = load_config(film)
    (interface,) = as_stack(config.film).interfaces
    assert isinstance(interface, TabulatedInterface)
    assert interface == torkivity.read_amplitudes(tmp_path / "tables" / "pt_co.h5")
    # Written with digest, it reads back from anywhere.
    (tmp_path / "elsewhere").mkdir()
    again = tmp_path / "elsewhere" / "again.toml"
    again.write_text(to_toml(config.film, config))
    assert as_stack(load_config(again).film).interfaces == (interface,)
    again.write_text(again.read_text().replace(interface.digest, "0" * 16))
    with pytest.raises(ConfigError, match="the file has changed"):
        load_config(again)


def test_sweep(film: Path, call: Callable[..., Any]) -> None:
    done = call("sweep", "film.toml", "-o", "s.h5", cwd=film.parent)
    assert done.returncode == 0, done.stderr
    found = torkivity.open_results(film.parent / "s.h5")
    config = load_config(film)
    exact = torkivity.solve_boltzmann(
        torkivity.with_parameters(config.film, {"Pt.thickness": 4.0}), method="dense"
    )
    value = found.torque_total.sel({"model": "boltzmann", "Pt.thickness": 4.0}).squeeze()
    assert value.values.ravel()[:3] == pytest.approx(exact.torque_total, rel=1e-10)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('file = "tables/pt_co.h5"', "", "interfaces[0].file is missing"),
        ("pt_co.h5", "co_pt.h5", "no such file"),
        ("tables/pt_co.h5", "film.toml", "is not an HDF5 file"),
        ('"tables/pt_co.h5"', "3", "must be a text"),
        ('kind = "table"', 'kind = "table"\nbarrier = 1.0', "unknown key"),
    ],
)
def test_bad_tables(film: Path, call: Callable[..., Any], old: str, new: str, message: str) -> None:
    film.write_text(FILM.replace(old, new))
    done = call("sweep", "film.toml", "-o", "s.h5", cwd=film.parent)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (film.parent / "s.h5").exists()


def test_a_table_in_memory_has_no_name(film: Path) -> None:
    config = load_config(film)
    stack = as_stack(config.film)
    bare = TabulatedInterface.of(stack.interfaces[0].table())
    with pytest.raises(torkivity.InputError, match="must be in a file"):
        to_toml(torkivity.Stack(stack.layers, (bare,)), config)
