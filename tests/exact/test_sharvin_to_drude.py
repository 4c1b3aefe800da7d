"""Resistance of a slab between two reservoirs, from ballistic to diffusive.

The conductance per spin coefficient is pi C times the transmission of a lossless slab for
isotropic illumination: pi C for t << lambda (Sharvin), (4 pi/3) C lambda/(t + 2 z_0 lambda) for
t >> lambda with Milne's z_0. The interpolation in between is that of M. J. M. de Jong, Phys.
Rev. B 49, 7778 (1994); the numbers here solve the Schwarzschild-Milne equation.
"""

import math

import numpy as np
import pytest
from scipy.special import expn

from exact.films import averages, flows, metal
from exact.integral_equation import extrapolation_length, solve_slab
from torkivity_engine.film.boundaries import Reservoir
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

LENGTH = 3.3  # nm
MESH = SphericalMesh(40, 4, "graded")


def conductance(thickness: float) -> float:
    """Of one spin coefficient over its Sharvin value; thickness in mean free paths."""
    film = Stack(
        [metal(thickness, length=LENGTH)], [], left=Reservoir(charge=0.7), right=Reservoir(-0.3)
    )
    solution = solve_boltzmann(film, MESH, source="reservoirs")
    flow = flows(solution, film, 0, np.array([0.0, 0.3, 1.0]) * thickness * LENGTH)[:, 3]
    np.testing.assert_allclose(flow, flow[0], rtol=1e-12 if thickness < 30.0 else 1e-9)
    return float(flow[0] / math.pi)


@pytest.mark.parametrize("thickness", [0.001, 0.03, 0.3, 1.0, 3.0, 10.0, 25.0])
def test_crossover(thickness: float) -> None:
    exact = solve_slab(thickness, 1.0)
    assert exact.reflection + exact.transmission == pytest.approx(1.0, abs=1e-12)
    assert conductance(thickness) == pytest.approx(exact.transmission, rel=1e-8)


@pytest.mark.parametrize("thickness", [40.0, 1e3, 1e4])
def test_diffusive_limit(thickness: float) -> None:
    z_0 = extrapolation_length(lambda x: 0.0 * x, lambda x: 0.5 * expn(3, x))
    exact = 4.0 / 3.0 / (thickness + 2.0 * z_0)
    assert conductance(thickness) == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("thickness", [1e-4, 1e-7])
def test_ballistic_limit(thickness: float) -> None:
    # First order in t: half of what is scattered on the way, 2 t of a flux of one, returns.
    assert conductance(thickness) == pytest.approx(1.0 - thickness, abs=3.0 * thickness**1.5)


def test_profile_is_antisymmetric() -> None:
    film = Stack([metal(2.0)], [], left=Reservoir(charge=1.0), right=Reservoir(charge=-1.0))
    solution = solve_boltzmann(film, SphericalMesh(12, 4), source="reservoirs")
    z = np.array([0.0, 0.2, 0.9])
    there = averages(solution, film, 0, 2.0 - z)[:, 3]
    np.testing.assert_allclose(averages(solution, film, 0, z)[:, 3], -there, rtol=1e-12)


def test_equal_reservoirs_are_in_equilibrium() -> None:
    same = Reservoir(charge=0.4, spin=(0.1, -0.2, 0.3))
    film = Stack([metal(2.0)], [], left=same, right=same)
    solution = solve_boltzmann(film, SphericalMesh(12, 4), source="reservoirs")
    z = [0.0, 0.7, 2.0]
    np.testing.assert_allclose(
        averages(solution, film, 0, z), np.tile([0.1, -0.2, 0.3, 0.4], (3, 1)), rtol=1e-12
    )
    np.testing.assert_allclose(flows(solution, film, 0, z), 0.0, atol=1e-12)
