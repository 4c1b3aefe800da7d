"""A magnet without electrons and without a thickness, through every command of a single film."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from torkivity.config.text import preset_text


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("insulator")
    text = preset_text("pt-insulator")
    text = text.replace("n_polar = 32", "n_polar = 6").replace("n_azimuth = 16", "n_azimuth = 8")
    text = re.sub(r"(?m)^heavy_metal_thickness = .*$", "heavy_metal_thickness = [1.0, 5.0]", text)
    (folder / "film.toml").write_text(text)
    return folder


@pytest.fixture
def computed(films: Path, call: Any) -> Path:
    path = films / "film.h5"
    if not path.exists():
        done = call("run", films / "film.toml", "-o", path)
        assert done.returncode == 0, done.stderr
        assert "MI: m = (0.0000, 0.0000, 1.0000)" in done.stdout
        assert "0 nm" not in done.stdout.splitlines()[0]
        assert "1/(Ohm m), MI" not in done.stdout
    return path


@pytest.mark.parametrize("target", ["mumax3", "cmtj"])
def test_no_simulation_without_a_thickness(computed: Path, call: Any, target: str) -> None:
    done = call("export", computed, "--to", target, "--ms", "1.4e5")
    assert done.returncode == 2
    assert "magnet = 'MI': must have a thickness of its own" in done.stderr


@pytest.mark.parametrize("arguments", [("run",), ("export", "--to", "csv")])
def test_no_effective_field_either(
    films: Path, computed: Path, call: Any, arguments: tuple[str, ...]
) -> None:
    command, *options = arguments
    what = films / "film.toml" if command == "run" else computed
    output = films / "field.out"
    done = call(command, what, *options, "-o", output, "--unit", "field", "--ms", "1.4e5")
    assert done.returncode == 2
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .endswith(
            "ferromagnet_thickness = None: must be a positive number of nm to use 'effective_field'"
        )
    )


def test_efficiencies_fit_their_columns(films: Path, call: Any) -> None:
    done = call("run", films / "film.toml", "-o", films / "xi.h5", "--unit", "efficiency")
    assert done.returncode == 0, done.stderr
    heading, row = (
        next(line for line in done.stdout.splitlines() if word in line)
        for word in ("Rashba alone", "total on the magnetization")
    )
    assert heading.startswith("in 1e-3 ")
    assert len(row.split()[4:]) == 6
    assert "e-" not in row
