"""Current in the plane among the numbers of a run or sweep."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import torkivity
from torkivity.config.text import check_config
from torkivity.study.case import Case
from torkivity.study.evaluate import Evaluated
from torkivity.study.run import FilmStudy, compute_film
from torkivity_engine.record import IN_PLANE_VARIABLES
from torkivity_engine.solve import solve_boltzmann

Call = Callable[..., Any]

SWEEP = """
[sweep]
quantities = ["in_plane"]
models = ["boltzmann", "drift_diffusion"]
[sweep.axes]
film.field_direction_deg = [0.0, 90.0]
film.magnetization.phi_deg = [0.0, 40.0, 180.0]
"""


def at(points: Evaluated, name: str, model: str, source: str) -> np.ndarray:
    models, sources = (list(d.axis.values) for d in points.plan.spec.grid.dimensions)
    return np.asarray(points.values(name)[models.index(model), sources.index(source)])


def case_of(text: str) -> Case:
    return Case.of(check_config(tomllib.loads(text), "film.toml"), Path("film.toml"))


def test_a_run_has_what_the_engine_computes(film_study: FilmStudy) -> None:
    case = film_study.case
    turned = replace(case.film, field_direction_deg=30.0)
    study = compute_film(replace(case, film=turned))
    solution = solve_boltzmann(turned, case.mesh())
    along = np.array([np.cos(np.pi / 6.0), 0.5])
    across = np.array([-0.5, np.cos(np.pi / 6.0)])
    total = solution.sheet_conductance
    where = (study.points, "sheet_conductance", "boltzmann", "all")
    np.testing.assert_allclose(
        at(*where), [along @ total @ along, across @ total @ along], rtol=1e-9, atol=1e-12
    )
    # A current along E alone: the field that drives it, along E and across.
    field = np.array([along, across]).T @ at(study.points, "sheet_resistance", "boltzmann", "all")
    np.testing.assert_allclose(total @ field, along, atol=1e-12)
    shares = at(study.points, "current_share", "boltzmann", "all")
    np.testing.assert_allclose(shares.sum(), 1.0, rtol=1e-12)
    own = [along @ g @ along for g in solution.layer_sheet_conductance]
    np.testing.assert_allclose(shares, own / np.sum(own), rtol=1e-9)
    np.testing.assert_allclose(
        at(study.points, "magnet_torque_exchange", "boltzmann", "all")[0],
        solution.torque_exchange,
        rtol=1e-9,
        atol=1e-6,
    )


def test_drift_diffusion_has_its_own(film_study: FilmStudy) -> None:
    points, film, mesh = film_study.points, film_study.case.film, film_study.case.mesh()
    k = film.fermi_wavevector
    sheets = np.array(
        [x.conductivity(k) * x.thickness * 1e-9 for x in (film.heavy_metal, film.ferromagnet)]
    )
    found = at(points, "layer_sheet_conductance", "drift_diffusion", "all")
    np.testing.assert_allclose(found[:, 0], sheets, rtol=1e-12)
    assert not found[:, 1].any()
    total = at(points, "sheet_conductance", "drift_diffusion", "all")
    solution = torkivity.solve_drift_diffusion(film, mesh=mesh)
    np.testing.assert_allclose(total, solution.sheet_conductance[:, 0], rtol=1e-9)
    # What accumulations drive is a small part beside the conductivities.
    assert 1e-6 < abs(total[0] / sheets.sum() - 1.0) < 1e-2
    resistance = at(points, "sheet_resistance", "drift_diffusion", "all")
    assert resistance[0] == pytest.approx(1.0 / total[0], rel=1e-4)
    assert np.isnan(at(points, "magnet_torque_exchange", "drift_diffusion", "all")).all()
    # What thickness and faces do to the current, in the equation alone.
    exact = at(points, "sheet_conductance", "boltzmann", "all")
    assert 0.0 < exact[0] < sheets.sum()
    assert np.isnan(at(points, "sheet_conductance", "boundary_layer", "all")).all()
    assert "boundary-layer" in points.note(model="boundary_layer", source="all")


def test_a_sweep_has_it_where_asked(small_toml: str, tmp_path: Path, call: Call) -> None:
    path = tmp_path / "film.toml"
    path.write_text(small_toml + SWEEP)
    assert call("sweep", path, "-o", tmp_path / "s.h5").returncode == 0
    data = torkivity.open_results(tmp_path / "s.h5")
    assert set(IN_PLANE_VARIABLES) < set(data.data_vars)
    assert data.sheet_resistance.attrs["units"] == "Ohm"
    assert list(data.direction.values) == ["longitudinal", "transverse"]
    exact = data.sheet_conductance.sel(model="boltzmann", source="all", direction="longitudinal")
    assert np.isfinite(exact).all()
    # E at 90 degrees and m at 180 are E at 0 and m at 90: other numbers than m at 0.
    assert abs(exact.values[0, 0] / exact.values[1, 0] - 1.0) > 1e-9


@pytest.mark.parametrize("first", [True, False])
def test_a_file_is_gone_on_with_by_the_same_quantities(
    small_toml: str, tmp_path: Path, call: Call, first: bool
) -> None:
    texts = [small_toml + SWEEP, small_toml + SWEEP.replace('quantities = ["in_plane"]\n', "")]
    path, output = tmp_path / "film.toml", tmp_path / "s.h5"
    path.write_text(texts[0 if first else 1])
    assert call("sweep", path, "-o", output).returncode == 0
    path.write_text(texts[1 if first else 0])
    refused = call("sweep", path, "-o", output)
    assert refused.returncode == 2
    assert "sweep.quantities" in refused.stderr


def test_plain_sweeps_do_without(small_toml: str) -> None:
    case = case_of(small_toml)
    data = torkivity.sweep(case.film, {"Pt.thickness": [2.0]}, mesh=case.mesh())
    assert not set(IN_PLANE_VARIABLES) & set(data.data_vars)
    with pytest.raises(torkivity.InputError, match=r"quantities.*in_plane"):
        torkivity.sweep(case.film, {"Pt.thickness": [2.0]}, quantities=["resistance"])


def test_a_film_without_it_says_why_and_has_its_torques(small_toml: str, tmp_path: Path) -> None:
    """A half space conducts without end: numbers are missing, the point is done."""
    case = case_of(small_toml)
    endless = replace(case.film, left=torkivity.HalfSpace())
    out = tmp_path / "endless.h5"
    data = torkivity.sweep(
        endless,
        {"interface.exchange": [0.1]},
        models=["boltzmann", "drift_diffusion"],
        quantities=["in_plane"],
        mesh=case.mesh(),
        out=out,
    )
    assert (data.status == 1).all()
    assert np.isfinite(data.torque_total).all()
    assert np.isnan(data.sheet_resistance).all()
    rows = data.message.values.ravel()
    assert all("half space" in str(data.messages.values[row]) for row in rows)
    study = compute_film(replace(case, film=endless))
    assert "half space" in study.points.note(model="boltzmann", source="all")
    assert study.points.message(model="boltzmann", source="all") == ""


def test_reservoirs_have_an_exchange_torque_and_no_conductance(small_toml: str) -> None:
    case = case_of(small_toml)
    film = replace(case.film, left=torkivity.Reservoir(spin=(1.0, 0.0, 0.0)))
    data = torkivity.sweep(
        film,
        {"interface.exchange": [0.1]},
        sources=["reservoirs"],
        quantities=["in_plane"],
        mesh=case.mesh(),
    )
    assert np.isnan(data.sheet_conductance).all()
    assert np.isfinite(data.magnet_torque_exchange).all()
    assert "no field" in str(data.messages.values[int(data.message.values.ravel()[0])])
