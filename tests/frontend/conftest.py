"""Small film that runs in no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from called import Called
from called import call as command_line
from torkivity.config.sections import RunConfig
from torkivity.config.text import load_config
from torkivity.study.case import Case
from torkivity.study.run import FilmStudy, compute_curve, compute_film

Call = Callable[..., Called]

SMALL = """
[film]
magnetization = [0.3, 0.2, 1.0]

[heavy_metal]
name = "Pt"
thickness = 10.0
total_mean_free_path = 2.0853
spin_diffusion_length = 2.57
spin_hall_angle = 0.059

[interface]
barrier = 0.42645
exchange = 0.20055
rashba = 0.085

[ferromagnet]
name = "Co"
thickness = 5.0
mean_free_path_majority = 16.25
mean_free_path_minority = 6.01
spin_flip_length = 1000.0
precession_length = 1.36

[mesh]
n_polar = 4
n_azimuth = 8

[figure]
heavy_metal_thickness = [2.0, 4.0, 10.0]
"""


@pytest.fixture(scope="session")
def call() -> Call:
    """The command line in this process, in a folder if one is given."""
    return command_line


@pytest.fixture(scope="session")
def small_toml() -> str:
    return SMALL


@pytest.fixture(scope="session")
def small_config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    path = tmp_path_factory.mktemp("config") / "film.toml"
    path.write_text(SMALL)
    return load_config(path)


@pytest.fixture(scope="session")
def film_study(small_config: RunConfig) -> FilmStudy:
    study = compute_film(Case.of(small_config, Path("film.toml")))
    return compute_curve(study, small_config.figure.heavy_metal_thickness)
