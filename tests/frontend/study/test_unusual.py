"""Values that look like the slip of a unit: one line on stderr, and the command goes on."""

import tomllib
from pathlib import Path

import pytest

from frontend.conftest import Call
from torkivity.config.text import check_config, preset_names, preset_text
from torkivity.study.case import Case
from torkivity.study.unusual import unusual_values

LENGTHS = "total_mean_free_path = 2.0853\nspin_diffusion_length = 2.57"
SLIPS = [
    ("spin_hall_angle = 0.059", "spin_hall_angle = 5.9", "Pt.spin_hall_angle = 5.9", "%"),
    (LENGTHS, "resistivity = 2.3e-4\nspin_diffusion_length = 2.57", "Pt.resistivity", ""),
    ("thickness = 10.0", "thickness = 100.0", "Pt.thickness = 100", "angstrom"),
    ("path_majority = 16.25", "path_majority = 162.5", "majority = 162.5", "angstrom"),
    ("[film]", "[film]\nfermi_wavevector = 1.6", "film.fermi_wavevector = 1.6", "1/angstrom"),
]


def unusual(text: str) -> list[str]:
    path = Path("film.toml")
    return unusual_values(Case.of(check_config(tomllib.loads(text), str(path)), path))


@pytest.mark.parametrize(("old", "new", "named", "hint"), SLIPS)
def test_slips_are_named(small_toml: str, old: str, new: str, named: str, hint: str) -> None:
    assert unusual(small_toml) == []
    (line,) = unusual(small_toml.replace(old, new))
    assert named in line
    assert hint.replace("%", "percent") in line


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_usual(name: str) -> None:
    assert unusual(preset_text(name)) == []


def test_no_spin_flip_is_usual(small_toml: str) -> None:
    text = small_toml.replace("spin_flip_length = 1000.0", "spin_flip_length = inf")
    assert unusual(text) == []


def warnings(err: str) -> list[str]:
    return [line for line in err.splitlines() if "warning:" in line]


def test_commands_say_it_once(tmp_path: Path, small_toml: str, call: Call) -> None:
    film = tmp_path / "film.toml"
    film.write_text(small_toml.replace("spin_hall_angle = 0.059", "spin_hall_angle = -1.1"))
    for command in (
        ("run", film, "-o", tmp_path / "film.h5", "--no-figure"),
        ("plot", film, "--profile", "-o", tmp_path / "profile.png"),
    ):
        status, _, err = call(*command)
        assert status == 0, err
        (line,) = warnings(err)
        assert line.startswith(f"torkivity: warning: {film}: Pt.spin_hall_angle = -1.1: ")


def test_swept_values_in_place_of_the_base(tmp_path: Path, small_toml: str, call: Call) -> None:
    film = tmp_path / "film.toml"
    text = small_toml.replace("spin_hall_angle = 0.059", "spin_hall_angle = 5.9")
    for values, expected in (("[0.01, 0.1]", []), ("[0.01, 3.0, 4.0]", ["3"])):
        film.write_text(text + f"[sweep.axes]\nheavy_metal.spin_hall_angle = {values}\n")
        status, _, err = call("sweep", film, "--dry-run")
        assert status == 0, err
        named = [line.split("spin_hall_angle = ")[1].split(":")[0] for line in warnings(err)]
        assert named == expected


def test_resistivity_of_a_fit(tmp_path: Path, call: Call) -> None:
    data = tmp_path / "a.csv"
    data.write_text("thickness [nm],damping_like [%]\n1,1\n2,2\n3,2.5\n4,2.7\n5,2.8\n")
    fixed = ("--fix", "mixing_conductance_real=0.6", "--no-profile")
    _, _, err = call("fit", data, "--resistivity", "2e-4", *fixed)
    (line,) = warnings(err)
    assert "--resistivity: fit.resistivity = 0.0002: unusual" in line
