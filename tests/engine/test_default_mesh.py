"""Polar points of the default mesh, in films whose slowest part of the convergence is known."""

from __future__ import annotations

import numpy as np
import pytest

from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh


@pytest.mark.parametrize(
    ("precession_length", "n", "error", "gain"),
    [
        pytest.param(1.36, 48, 1e-6, 4.0, id="phase 2t/(l_prec mu)"),
        pytest.param(1e6, 16, 1e-10, 500.0, id="flights alone"),
    ],
)
def test_default_points_against_gauss(
    precession_length: float, n: int, error: float, gain: float
) -> None:
    """Errors against a fine mesh of the other rule, so that the default is not its own judge."""
    metal = HeavyMetal.from_spin_diffusion_length(3.0, 2.0853, 2.57)
    magnet = Ferromagnet(3.0, 16.25, 6.01, 1000.0, precession_length)
    film = Bilayer(metal, RashbaInterface(0.426, 0.2, 0.2), magnet, (0.3, 0.2, 1.0))

    def torque(n_polar: int, *rule: str) -> np.ndarray:
        return solve_boltzmann(film, SphericalMesh(n_polar, 8, *rule)).torque_total

    reference = torque(112, "gauss")
    scale = np.abs(reference).max()
    found, gauss = (np.abs(torque(n, *rule) - reference).max() / scale for rule in ((), ("gauss",)))
    assert found < error
    assert gain * found < gauss
