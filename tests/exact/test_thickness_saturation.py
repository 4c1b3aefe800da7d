"""Thickness dependence of Rashba and spin Hall torques, Fig. 2 of arXiv:1604.06502.

A current source at the interface saturates as tanh(t / l_sf), a spin Hall current as
1 - sech(t / l_sf): the one reaches 95 % at 1.83 l_sf, the other at 3.69 l_sf, twice as thick.
"""

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from torkivity_engine.diffusion.drift_diffusion import dephased_spin_current, solve_drift_diffusion
from torkivity_engine.diffusion.tensors import mixing_conductance
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Bilayer
from torkivity_meshes import SphericalMesh

#: Thickness over l_sf at which a source is within 5 % of saturation.
EXPECTED = {"rashba": 1.83, "spin_hall": 3.69}


def test_the_two_numbers() -> None:
    assert math.atanh(0.95) == pytest.approx(EXPECTED["rashba"], abs=0.005)
    assert math.acosh(1.0 / 0.05) == pytest.approx(EXPECTED["spin_hall"], abs=0.005)


@pytest.mark.parametrize(("j_e", "j_sh", "source"), [(1, 0, "rashba"), (0, 1, "spin_hall")])
def test_closed_form_saturates_there(j_e: float, j_sh: float, source: str) -> None:
    g_tilde = 1e8 * (1.0 - 0.15j)

    def share(x: float) -> float:
        ends = dephased_spin_current([x, 60.0], g_tilde, j_e, j_sh)
        return float(abs(ends[0]) / abs(ends[1]))

    found = brentq(lambda x: share(x) - 0.95, 0.5, 10.0, xtol=1e-12)
    exact = math.atanh(0.95) if source == "rashba" else math.acosh(20.0)
    assert found == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("source", ["rashba", "spin_hall"])
def test_torques_of_a_clean_interface_saturate_there(source: Any) -> None:
    # G~ = 2 l_sf G / sigma ~ l_sf / lambda: large when spins flip rarely.
    mesh, length = SphericalMesh(12, 12), 200.0
    interface = RashbaInterface(0.3, 0.2, 0.1)
    magnet = Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36)

    def current(x: float) -> float:
        metal = HeavyMetal.from_spin_diffusion_length(x * length, 0.02, length, 0.1)
        film = Bilayer(metal, interface, magnet, magnetization=(0.2, 0.1, 1.0))
        g_tilde = (
            2e-9 * length * mixing_conductance(film) / metal.conductivity(film.fermi_wavevector)
        )
        assert abs(g_tilde) > 1e3
        solution = solve_drift_diffusion(film, source=source, mesh=mesh)
        return float(np.linalg.norm(solution.spin_current_minus))

    saturated = current(60.0)
    found = brentq(lambda x: current(x) - 0.95 * saturated, 0.5, 10.0, xtol=1e-9)
    assert found == pytest.approx(EXPECTED[source], abs=0.01)
