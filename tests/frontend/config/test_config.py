"""Configuration files: what they mean and one clear line for each thing that is wrong."""

from __future__ import annotations

import json
import math
import pickle
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from torkivity import Bilayer, Ferromagnet, HeavyMetal, InputError, RashbaInterface, Surface
from torkivity.config.build import build_mesh
from torkivity.config.errors import ConfigError
from torkivity.config.sections import RunConfig
from torkivity.config.text import load_config, override, preset_names, preset_text, to_json, to_toml

Load = Callable[[str], RunConfig]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load_text(text: str) -> RunConfig:
        path = tmp_path / "film.toml"
        path.write_text(text)
        return load_config(path)

    return load_text


def test_meaning(load: Load, small_toml: str) -> None:
    config = load(small_toml + "[surfaces]\nleft_specularity = 0.5\n")
    assert config.film == Bilayer(
        HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, 0.059),
        RashbaInterface(0.42645, 0.20055, 0.085),
        Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36),
        magnetization=(0.3, 0.2, 1.0),
        left=Surface(0.5),
        layer_names=("Pt", "Co"),
    )
    assert build_mesh(config.mesh, Path("film.toml")).n_directions == 2 * 4 * 8


HEAVY_METAL_LENGTHS = "total_mean_free_path = 2.0853\nspin_diffusion_length = 2.57\n"


def test_three_ways_to_give_the_heavy_metal(load: Load, small_toml: str) -> None:
    reference = load(small_toml).film.heavy_metal
    resistivity = 1.0 / reference.conductivity(16.0)
    for lengths in (
        f"mean_free_path = {reference.mean_free_path}\n"
        f"spin_flip_length = {reference.spin_flip_length}\n",
        f"resistivity = {resistivity}\nspin_diffusion_length = 2.57\n",
    ):
        film = load(small_toml.replace(HEAVY_METAL_LENGTHS, lengths)).film
        assert film.heavy_metal.mean_free_path == pytest.approx(reference.mean_free_path, rel=1e-12)
        assert film.heavy_metal.spin_flip_length == pytest.approx(
            reference.spin_flip_length, rel=1e-12
        )


def test_angles(load: Load, small_toml: str) -> None:
    film = load(
        small_toml.replace(
            "magnetization = [0.3, 0.2, 1.0]",
            "magnetization_angles_deg = { theta = 90, phi = 30.0 }",
        )
    ).film
    np.testing.assert_allclose(film.magnetization, [math.sqrt(0.75), 0.5, 0.0], atol=1e-15)


def test_infinite_spin_flip_length(load: Load, small_toml: str) -> None:
    config = load(small_toml.replace("spin_flip_length = 1000.0", "spin_flip_length = inf"))
    assert math.isinf(config.film.ferromagnet.spin_flip_length)
    assert json.loads(to_json(config.film, config))["ferromagnet"]["spin_flip_length"] == "inf"
    assert load(to_toml(config.film, config)) == config


@pytest.mark.parametrize("name", preset_names())
def test_presets_load_and_survive_writing(load: Load, name: str) -> None:
    config = load(preset_text(name))
    resolved = tomllib.loads(to_toml(config.film, config))
    assert load(to_toml(config.film, config)) == config
    assert {"surfaces", "solver", "mesh", "figure"} <= set(resolved)


def test_default_preset_is_pt_co() -> None:
    assert next(iter(preset_names())) == "pt-co"


def test_override(load: Load, small_toml: str) -> None:
    config = override(load(small_toml), method="dense", memory_gb=2.0)
    assert (config.solver.method, config.solver.memory_gb) == ("dense", 2.0)
    assert override(config) == config


WRONG = {
    "unknown key": (
        ("rashba = 0.085", "rashbaa = 0.085"),
        "interface.rashbaa: unknown key; did you mean rashba?",
    ),
    "unknown key, unlike any": (
        ("rashba = 0.085", "rashba = 0.085\nxyz = 1"),
        "interface.xyz: unknown key; known here: barrier, exchange, rashba",
    ),
    "unknown section": (
        ("[mesh]", "[meshes]"),
        "meshes: unknown key; did you mean mesh?",
    ),
    "missing key": (
        ("precession_length = 1.36", ""),
        "ferromagnet.precession_length is missing: precession length, nm",
    ),
    "missing section": (
        ("[interface]\nbarrier = 0.42645\nexchange = 0.20055\nrashba = 0.085\n", ""),
        "interface is missing: a table [interface] is needed",
    ),
    "text for a number": (
        ("barrier = 0.42645", 'barrier = "0.4"'),
        'interface.barrier = "0.4": must be a number; it must lie between -1e+06 and 1e+06',
    ),
    "bool for a number": (
        ("barrier = 0.42645", "barrier = true"),
        "interface.barrier = true: must be a number",
    ),
    "number for a table": (
        ("[film]\nmagnetization = [0.3, 0.2, 1.0]", "film = 3"),
        "film = 3: must be a table, [film] or { ... }",
    ),
    "zero length": (
        ("thickness = 10.0", "thickness = 0"),
        "heavy_metal.thickness = 0.0: must be a positive length",
    ),
    "negative length": (
        ("mean_free_path_minority = 6.01", "mean_free_path_minority = -6.01"),
        "ferromagnet.mean_free_path_minority = -6.01: must be a positive length",
    ),
    "NaN": (
        ("exchange = 0.20055", "exchange = nan"),
        "interface.exchange = nan: must not be NaN",
    ),
    "infinite thickness": (
        ("thickness = 5.0", "thickness = inf"),
        "ferromagnet.thickness = inf: must be finite",
    ),
    "infinite barrier": (
        ("barrier = 0.42645", "barrier = -inf"),
        "interface.barrier = -inf: must be finite",
    ),
    "m a number": (
        ("magnetization = [0.3, 0.2, 1.0]", "magnetization = 1.0"),
        "film.magnetization = 1.0: must be three finite numbers",
    ),
    "m too short": (
        ("magnetization = [0.3, 0.2, 1.0]", "magnetization = [1.0, 0.0]"),
        "film.magnetization = [1.0, 0.0]: must be three finite numbers",
    ),
    "m zero": (
        ("magnetization = [0.3, 0.2, 1.0]", "magnetization = [0, 0, 0]"),
        "film.magnetization = [0, 0, 0]: must be three finite numbers, not all zero",
    ),
    "m holds text": (
        ("magnetization = [0.3, 0.2, 1.0]", 'magnetization = [0.3, "y", 1.0]'),
        'film.magnetization = "y": must be a number',
    ),
    "m twice": (
        ("[film]", "[film]\nmagnetization_angles_deg = { theta = 0, phi = 0 }"),
        "film: give magnetization or magnetization_angles_deg, not both",
    ),
    "angle not finite": (
        ("magnetization = [0.3, 0.2, 1.0]", "magnetization_angles_deg = { theta = nan, phi = 0 }"),
        "film.magnetization_angles_deg.theta = nan: must be a finite angle",
    ),
    "angle misspelt": (
        ("magnetization = [0.3, 0.2, 1.0]", "magnetization_angles_deg = { theat = 0, phi = 0 }"),
        "film.magnetization_angles_deg.theat: unknown key; did you mean theta?",
    ),
    "k_F negative, also where it sets the mean free path": (
        (
            '[heavy_metal]\nname = "Pt"\nthickness = 10.0\ntotal_mean_free_path = 2.0853',
            "fermi_wavevector = -1\n[heavy_metal]\nthickness = 10.0\nresistivity = 2e-7",
        ),
        "film.fermi_wavevector = -1.0: must be positive, in 1/nm, between 0.01 and 1000",
    ),
    "two parametrisations": (
        ("total_mean_free_path = 2.0853", "total_mean_free_path = 2.0853\nresistivity = 2e-7"),
        "heavy_metal has total_mean_free_path + resistivity + spin_diffusion_length: give exactly",
    ),
    "no parametrisation": (
        (HEAVY_METAL_LENGTHS, ""),
        "heavy_metal has none of its lengths: give exactly one of mean_free_path + ",
    ),
    "spins that do not diffuse": (
        ("spin_diffusion_length = 2.57", "spin_diffusion_length = 1.5"),
        "heavy_metal.spin_diffusion_length = 1.5: must be longer than the total mean free path",
    ),
    "specularity": (
        ("[mesh]", "[surfaces]\nright_specularity = 1.5\n[mesh]"),
        "surfaces.right_specularity = 1.5: must lie between 0 and 1",
    ),
    "unknown method": (
        ("[mesh]", '[solver]\nmethod = "fast"\n[mesh]'),
        'solver.method = "fast": must be "reduced" or "dense"',
    ),
    "negative memory": (
        ("[mesh]", "[solver]\nmemory_gb = -1\n[mesh]"),
        "solver.memory_gb = -1: must be greater than 0",
    ),
    "mesh size not an integer": (
        ("n_polar = 4", "n_polar = 4.0"),
        "mesh.n_polar = 4.0: must be a valid integer (polar angles per hemisphere)",
    ),
    "mesh file and sizes": (
        ("n_polar = 4", 'n_polar = 4\nfile = "mesh.txt"'),
        "mesh: give file or n_azimuth, n_polar, not both",
    ),
    "mesh file with the reduced method": (
        ("n_polar = 4\nn_azimuth = 8", 'file = "mesh.txt"'),
        'solver.method = "reduced": must be "dense" with mesh.file',
    ),
    "curve thickness negative": (
        ("[2.0, 4.0, 10.0]", "[-2.0, 4.0]"),
        "figure.heavy_metal_thickness[0] = -2.0: must be a positive length in nm",
    ),
    "curve thickness not increasing": (
        ("[2.0, 4.0, 10.0]", "[2.0, 2.0]"),
        "figure.heavy_metal_thickness[1] = 2.0: must be a positive length in nm, larger",
    ),
    "curve thickness NaN": (
        ("[2.0, 4.0, 10.0]", "[2.0, nan]"),
        "figure.heavy_metal_thickness[1] = nan: must be a positive length in nm",
    ),
    "one curve thickness": (
        ("[2.0, 4.0, 10.0]", "[2.0]"),
        "figure.heavy_metal_thickness = [2.0]: List should have at least 2 items",
    ),
    "not TOML": (("[mesh]", "[mesh"), "is not valid TOML: "),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_in_one_line(tmp_path: Path, load: Load, small_toml: str, case: str) -> None:
    (old, new), expected = WRONG[case]
    assert old in small_toml
    with pytest.raises(ConfigError) as error:
        load(small_toml.replace(old, new, 1))
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'film.toml'}: {expected}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("mesh", "expected"),
    [
        ("n_polar = 0\nn_azimuth = 8", "mesh.n_polar = 0: needs at least 2"),
        ("n_polar = 4\nn_azimuth = 7", "mesh.n_azimuth = 7: must be an even number"),
        (
            'n_polar = 4\nn_azimuth = 8\npolar_rule = "lobatto"',
            'mesh.polar_rule = "lobatto": must be one of rational, gauss, graded',
        ),
    ],
)
def test_wrong_mesh(load: Load, small_toml: str, mesh: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(small_toml.replace("n_polar = 4\nn_azimuth = 8", mesh))
    assert f"film.toml: {expected}" in str(error.value)


def test_mesh_file_is_looked_for_beside_the_config(
    tmp_path: Path, load: Load, small_toml: str
) -> None:
    config = load(
        small_toml.replace(
            "n_polar = 4\nn_azimuth = 8", 'file = "mesh.txt"\n[solver]\nmethod = "dense"'
        )
    )
    with pytest.raises(ConfigError, match=r'mesh\.file = "mesh\.txt": no such file'):
        build_mesh(config.mesh, tmp_path / "film.toml")
    mesh = build_mesh(load(small_toml).mesh, tmp_path / "film.toml")
    np.savetxt(tmp_path / "mesh.txt", np.column_stack([mesh.directions, mesh.weights]))
    assert build_mesh(config.mesh, tmp_path / "film.toml").n_directions == mesh.n_directions
    mesh_table = np.column_stack([mesh.directions, mesh.weights])[:-1]
    np.savetxt(tmp_path / "mesh.txt", mesh_table)
    with pytest.raises(ConfigError, match=r'mesh\.file = "mesh\.txt": its directions = '):
        build_mesh(config.mesh, tmp_path / "film.toml")


def test_empty_mesh_file(tmp_path: Path, load: Load, small_toml: str) -> None:
    config = load(
        small_toml.replace(
            "n_polar = 4\nn_azimuth = 8", 'file = "mesh.txt"\n[solver]\nmethod = "dense"'
        )
    )
    (tmp_path / "mesh.txt").write_text("# nothing\n")
    with pytest.raises(ConfigError, match=r"film\.toml: mesh\.file = "):
        build_mesh(config.mesh, tmp_path / "film.toml")


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; 'torkivity init'"):
        load_config(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\x89HDF\xff\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(binary)


def test_byte_order_mark_and_name_as_text(tmp_path: Path, small_toml: str) -> None:
    path = tmp_path / "film.toml"
    path.write_bytes(b"\xef\xbb\xbf" + small_toml.lstrip().encode())
    assert load_config(str(path)) == load_config(path)
    path.write_bytes(b"\xef\xbb\xbf[film\n")
    with pytest.raises(ConfigError, match=r"film\.toml: is not valid TOML"):
        load_config(str(path))


def test_long_values_are_cut(load: Load, small_toml: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(small_toml.replace("barrier = 0.42645", f'barrier = "{"x" * 1000}"'))
    assert len(str(error.value)) < 300


def test_error_is_an_input_error_and_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(ConfigError("film.toml", "a = 1: must be 2")))
    assert isinstance(error, InputError)
    assert str(error) == "film.toml: a = 1: must be 2"


@pytest.mark.parametrize(
    "spelt", [r'"$\beta$-W"', r'"Pt\u0000"', r'"Pt\u2028"', r'"two\nlines"'], ids=str
)
def test_control_characters(load: Load, small_toml: str, spelt: str) -> None:
    r"""TOML turns "\beta" into a backspace and "eta"."""
    with pytest.raises(ConfigError) as caught:
        load(small_toml.replace('"Pt"', spelt))
    assert f": heavy_metal.name = {spelt}: must not have control characters" in str(caught.value)
    assert "'...'" in str(caught.value)
    film = load(small_toml.replace('"Pt"', r"'$\beta$-W'")).film
    assert film.stack().names == (r"$\beta$-W", "Co")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (
            r"[sweep.axes]" "\n" r'mesh.polar_rule = ["a", "\u0007"]',
            "sweep.axes.mesh.polar_rule[1]",
        ),
        (r'"\b" = 1', "a key"),
    ],
    ids=["list", "key"],
)
def test_control_characters_elsewhere(load: Load, small_toml: str, text: str, where: str) -> None:
    with pytest.raises(ConfigError, match="control characters") as caught:
        load(small_toml + text)
    assert f": {where} = " in str(caught.value)
