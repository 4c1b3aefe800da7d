"""One file of each kind that a report is about, the smallest that will do."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from torkivity.cli import cli

SWEEP = """
[sweep]
models = ["boltzmann", "drift_diffusion"]
[sweep.axes]
interface.exchange = { linspace = [0.05, 0.4, 5] }
interface.rashba = { linspace = [0.0, 0.3, 4] }
[[sweep.zip]]
name = "sample"
labels = ["</script><i>thin</i>", "$$thick$$"]
heavy_metal.thickness = [2.0, 8.0]
ferromagnet.thickness = [1.0, 5.0]
"""
CONVERGE = """
[converge]
n_polar = [2, 4, 8]
n_azimuth = [4, 6, 8]
"""


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, small_toml: str) -> Path:
    """Folder with run.h5, sweep.h5, converge.h5, stack.h5 and fit.json; and run.toml."""
    folder = tmp_path_factory.mktemp("report")
    text = small_toml.replace("n_polar = 4", "n_polar = 2").replace(
        "n_azimuth = 8", "n_azimuth = 4"
    )
    (folder / "run.toml").write_text(text)
    # A name that HTML would take for markup.
    hostile = text.replace('name = "Pt"', 'name = "<img src=x onerror=alert(1)>"')
    (folder / "sweep.toml").write_text(hostile + SWEEP)
    (folder / "converge.toml").write_text(text + CONVERGE)
    with contextlib.chdir(folder):
        for command in (
            "run run.toml --no-figure -o bare.h5",
            "run run.toml -o run.h5",
            "sweep sweep.toml -o sweep.h5",
            "converge converge.toml -o converge.h5",
            "init stack.toml --preset co-pt-co",
            "run stack.toml --set mesh.n_polar=2 --set mesh.n_azimuth=4 --no-figure -o stack.h5",
            "fit --example",
            "fit ir_cofeb.csv --config ir_cofeb.toml --no-profile -o fit.json",
        ):
            cli.main(args=command.split(), standalone_mode=False)
    return folder
