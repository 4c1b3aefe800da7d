"""The paper's figures: what is computed, drawn and written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from torkivity import open_results, solve_boltzmann, solve_drift_diffusion
from torkivity.paper.data import (
    FIGURES,
    KINDS,
    MODELS,
    SOURCES,
    FigureData,
    compute_figure,
    grid_data,
    paper_config,
    thickness_data,
    write_figure_data,
)
from torkivity.paper.figures import paper_figure
from torkivity_engine.errors import InputError
from torkivity_hpc.running import progress
from torkivity_meshes import SphericalMesh

MESH = SphericalMesh(4, 4)
FILM = paper_config().film
THICKNESSES = (0.01, 2.0, 10.0, 60.0)


@pytest.fixture(scope="module")
def figures() -> dict[str, FigureData]:
    return {
        "fig2": thickness_data(FILM, MESH, THICKNESSES),
        "fig3": grid_data("fig3", FILM, MESH, (0.5, 0.05), (0.1, 0.4)),
        "fig4": grid_data("fig4", FILM, MESH, (0.0, 0.5), (0.1, 0.4)),
    }


def test_films_are_those_of_the_paper(figures: dict[str, FigureData]) -> None:
    film = replace(FILM, heavy_metal=replace(FILM.heavy_metal, thickness=2.0))
    for source in SOURCES:
        for model, solution in (
            ("boltzmann", solve_boltzmann(film, MESH, source=source)),
            ("particular", solve_drift_diffusion(film, source=source, mesh=MESH)),
            ("half_space", solve_drift_diffusion(film, "half_space", source=source, mesh=MESH)),
            (
                "boundary_layer",
                solve_drift_diffusion(film, "boundary_layer", source=source, mesh=MESH),
            ),
        ):
            expected = solution.record()
            for part in ("total", "interface", "ferromagnet", "lattice"):
                found = figures["fig2"].torque(part, model, source)[:, 1]
                assert_allclose(
                    found,
                    [expected[f"torque_{part}_{kind}"] for kind in KINDS],
                    rtol=1e-9,
                    atol=1e-6,
                )

    interface = replace(FILM.interface, rashba=0.05 * FILM.interface.barrier, exchange=0.4)
    metal = replace(FILM.heavy_metal, spin_hall_angle=0.0)
    film = replace(FILM, heavy_metal=metal, interface=interface)
    solution = solve_boltzmann(film, MESH)
    assert_allclose(
        figures["fig3"].torque("total", "boltzmann")[:, 1, 1],
        [solution.damping_like(solution.torque_total), solution.field_like(solution.torque_total)],
    )


def test_parts_add_up(figures: dict[str, FigureData]) -> None:
    for data in figures.values():
        for kind in KINDS:
            total = data.values[f"torque_total_{kind}"]
            parts = [data.values[f"torque_{p}_{kind}"] for p in ("interface", "ferromagnet")]
            assert_allclose(sum(parts), total, rtol=1e-12, atol=1e-6)
        assert all(np.isfinite(values).all() for values in data.values.values())
    assert not figures["fig4"].torque("total", "boltzmann")[:, 0].any()


def test_unknown_figure() -> None:
    with pytest.raises(InputError, match="fig9"):
        compute_figure("fig9")


@pytest.mark.parametrize("name", FIGURES)
def test_file_describes_itself(name: str, figures: dict[str, FigureData], tmp_path: Path) -> None:
    data = figures[name]
    write_figure_data(tmp_path / "a.h5", data, paper_config())
    dataset = open_results(tmp_path / "a.h5")
    assert list(dataset["model"].values) == list(MODELS)
    for variable in dataset.data_vars.values():
        assert variable.attrs["long_name"]
    for key in ("title", "torkivity_version", "config_toml", "boltzmann_mesh"):
        assert dataset.attrs[key]
    torque = dataset["torque_total_field_like"]
    assert torque.attrs["units"] == "1/(Ohm m)"
    chosen = torque.sel(model="particular")
    if name == "fig2":
        chosen = chosen.sel(source="spin_hall")
        assert_allclose(chosen, data.torque("total", "particular", "spin_hall")[1])
    else:
        assert_allclose(chosen, data.torque("total", "particular")[1])


def drawn(figure: Figure) -> list[tuple[str, str, str, str]]:
    """Line, marker, filling and colour of every curve of the first panel."""
    return [
        (
            str(line.get_linestyle()),
            str(line.get_marker()),
            str(line.get_markerfacecolor()),
            str(line.get_color()),
        )
        for line in figure.axes[0].lines[1:]
    ]


@pytest.mark.parametrize(("name", "panels"), [("fig2", 4), ("fig3", 6), ("fig4", 6)])
def test_figure(name: str, panels: int, figures: dict[str, FigureData]) -> None:
    figure = paper_figure(figures[name])
    assert len(figure.axes) == panels
    assert all(axes.get_legend() is None for axes in figure.axes)  # outside, off the data
    assert len(figure.legends) == 1
    for axes in figure.axes:
        assert "Omega" in axes.get_ylabel()
        assert axes.get_title(loc="left")
    assert all(axes.get_xlabel() for axes in figure.axes[-2:])
    # What tells curves apart in grey: line and marker alone, apart from crosses, which lie on
    # the curve that they belong to.
    looks = [(line, marker) for line, marker, _, _ in drawn(figure) if marker != "x"]
    assert len(set(looks)) == len(looks)


def test_command(call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "seconds_between_lines", lambda: 0.0)
    result = call("reproduce", "fig3", "-o", "out", "--quick", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "fig3: " in result.stderr
    assert all(line.startswith("torkivity: ") for line in result.stderr.splitlines())
    folder = tmp_path / "out"
    names = {"fig3.h5", "fig3.pdf", "fig3.png", "claims.md", "claims.json"}
    assert {path.name for path in folder.iterdir()} == names
    record = json.loads((folder / "claims.json").read_text())
    page = (folder / "claims.md").read_text()
    assert {claim["figure"] for claim in record["claims"]} == {"fig3"}
    for claim in record["claims"]:
        assert claim["statement"] in page
        assert f"{claim['id']:<5} {claim['verdict']}" in result.stdout
    assert open_results(folder / "fig3.h5").sizes["exchange"] == 14

    before = (folder / "fig3.h5").read_bytes()
    result = call("reproduce", "fig3", "-o", "out", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "exists already; --force overwrites it" in result.stderr
    assert (folder / "fig3.h5").read_bytes() == before


def test_bad_arguments(call: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for arguments, word in (
        (("fig3", "-o", "file"), "name a folder"),
        (("fig3", "-o", "no/where"), "cannot be made"),
        (("fig9", "-o", "out"), "fig9"),
        (("fig3",), "output"),
    ):
        result = call("reproduce", *arguments, cwd=tmp_path)
        assert result.returncode == 2
        assert result.stderr.startswith("torkivity: error: ")
        assert result.stderr.count("\n") == 1
        assert word in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"file"}
