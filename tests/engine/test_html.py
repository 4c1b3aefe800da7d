"""What solutions show of themselves."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.html import html_list, html_table
from torkivity_engine.record import TORQUE_PARTS
from torkivity_engine.solution import BoltzmannSolution, DriftDiffusionSolution
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

MESH = SphericalMesh(2, 4)


def solutions(*m: float) -> list[BoltzmannSolution | DriftDiffusionSolution]:
    film = Bilayer(
        HeavyMetal(5.0, 2.0, 20.0),
        RashbaInterface(0.4, 0.2, 0.1),
        Ferromagnet(5.0, 10.0, 5.0, 100.0, 1.5),
        magnetization=m,
    )
    return [solve_boltzmann(film, MESH), solve_drift_diffusion(film, mesh=MESH)]


def rows(html: str) -> list[list[str]]:
    page = ET.fromstring(f"<div>{html}</div>")
    return [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]


@pytest.mark.parametrize("m", [(0.3, 0.2, 1.0), (0.0, 1.0, 0.0)])
def test_solutions_show_their_torques(m: tuple[float, float, float]) -> None:
    """No damping-like and field-like parts where m is parallel to z x E."""
    for solution in solutions(*m):
        found = {row[1]: row[2:] for row in rows(solution._repr_html_()) if row[0] == "0"}
        assert set(found) == set(TORQUE_PARTS)
        for part, cells in found.items():
            vector = getattr(solution, f"torque_{part}")
            assert [float(x) for x in cells[:3]] == pytest.approx(vector, rel=1e-4, abs=1e-4)
            assert (cells[3] == cells[4] == "") == (m == (0.0, 1.0, 0.0))


def test_boltzmann_shows_what_bounds_its_error() -> None:
    solution = solutions(0.0, 0.0, 1.0)[0]
    assert isinstance(solution, BoltzmannSolution)
    shown = {row[0]: row[1] for row in rows(solution._repr_html_()) if len(row) == 3}
    for name, value in solution.certificates.items():
        assert shown[name.replace("_", " ")] == f"{value:.1e}"


def test_text_is_escaped() -> None:
    assert rows(html_table(("<a>",), [("&",)], "<i>")) == [["<a>"], ["&"]]
    assert html_list(["<b>"]) == "<ul><li>&lt;b&gt;</li></ul>"
