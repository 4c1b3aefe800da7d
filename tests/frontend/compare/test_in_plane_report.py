"""What 'torkivity run' prints of the current in the plane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import torkivity
from torkivity.compare.film_report import film_report
from torkivity.compare.in_plane_report import in_plane_lines
from torkivity.study.run import FilmStudy, compute_film
from torkivity_engine.film.stack import as_stack


def test_resistance_shares_and_efficiency(film_study: FilmStudy) -> None:
    case = film_study.case
    solution = torkivity.solve_boltzmann(case.film, case.mesh())
    lines = in_plane_lines(film_study)
    total = solution.sheet_conductance
    assert "\n".join(lines) in film_report(film_study)
    assert max(map(len, lines)) <= 80
    resistance = next(line for line in lines if line.startswith("sheet resistance")).split()
    assert float(resistance[2]) == pytest.approx(np.linalg.inv(total)[0, 0], rel=1e-4)
    assert resistance[-1] == "Ohm"
    in_metal = solution.layer_sheet_conductance[0, 0, 0]
    share = next(line for line in lines if line.startswith("current in Pt")).split()
    assert float(share[3]) == pytest.approx(100.0 * in_metal / total[0, 0], rel=1e-4)
    # Electrons from the better conductor bring drift: more flows than the bulk would carry.
    sigma = in_metal / (case.film.heavy_metal.thickness * 1e-9)
    assert sigma > 1.02 * case.film.heavy_metal.conductivity(case.film.fermi_wavevector)
    xi = next(line for line in lines if line.startswith("  xi damping-like")).split()
    torque = solution.damping_like(solution.torque_total)
    assert float(xi[2]) == pytest.approx(2.0 * torque / sigma, rel=1e-4)


def test_every_magnet_and_cartesian(film_study: FilmStudy) -> None:
    film = film_study.case.film
    stack = as_stack(film)
    three = replace(
        stack,
        layers=(stack.layers[1], stack.layers[0], stack.layers[1]),
        interfaces=(film.interface.with_mirrored_spin_orbit(), film.interface),
        layer_names=("low", "Pt", "high"),
    )
    study = compute_film(replace(film_study.case, film=three))
    for lines in (in_plane_lines(study), in_plane_lines(study, "cartesian")):
        for name in ("low", "high"):
            assert any(line.strip().startswith("xi") and f", {name}" in line for line in lines)
        assert sum("current in" in line for line in lines) == 3
        assert max(map(len, lines)) <= 80


def test_why_there_is_none(film_study: FilmStudy) -> None:
    endless = replace(film_study.case.film, left=torkivity.HalfSpace())
    lines = in_plane_lines(compute_film(replace(film_study.case, film=endless)))
    assert "half space" in " ".join(lines)
    assert not any("Ohm" in line for line in lines)
