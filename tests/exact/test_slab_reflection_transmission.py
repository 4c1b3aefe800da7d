"""Reflection and transmission of a slab of isotropic scattering, isotropic illumination.

Reference: the Schwarzschild-Milne integral equation with exponential-integral kernels
(S. Chandrasekhar, Radiative Transfer (Oxford, 1950); H. C. van de Hulst, Multiple Light
Scattering (Academic Press, 1980)), solved in `exact.integral_equation`. In a heavy metal spins
scatter with the albedo that spin flip leaves, charge with an albedo of one.
"""

import math

import numpy as np
import pytest
from scipy.special import expn

from exact.films import averages, flows, metal
from exact.integral_equation import SlabAnswer, solve_slab
from torkivity_engine.film.boundaries import Reservoir
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

LENGTH = 0.8  # nm
MESH = SphericalMesh(40, 4, "graded")


def slab(thickness: float, albedo: float) -> Stack:
    injected = Reservoir(charge=1.0, spin=(1.0, 0.0, -2.0))
    return Stack([metal(thickness, albedo, LENGTH)], [], left=injected, right=Reservoir())


def reflected_and_transmitted(film: Stack, method: str = "reduced") -> np.ndarray:
    """Shape (2, 4): (reflected, transmitted) flux of each component over pi."""
    solution = solve_boltzmann(film, MESH, method=method, source="reservoirs")
    flow = flows(solution, film, 0, [0.0, film.layers[0].thickness]) / math.pi
    return np.array([np.array([1.0, 0.0, -2.0, 1.0]) - flow[0], flow[1]])


def check_reference(answer: SlabAnswer, thickness: float, albedo: float) -> None:
    lost = 4.0 * (1.0 - albedo) * float(answer.panels.weights @ answer.average)
    assert answer.reflection + answer.transmission + lost == pytest.approx(1.0, abs=1e-11)


@pytest.mark.parametrize("thickness", [0.01, 0.3, 1.0, 4.0])
def test_without_scattering_in_the_beam_only_is_left(thickness: float) -> None:
    answer = solve_slab(thickness, 0.0)
    assert answer.transmission == 2.0 * expn(3, thickness)
    check_reference(answer, thickness, 0.0)


@pytest.mark.parametrize(
    ("thickness", "albedo"),
    [(0.01, 0.9), (0.3, 0.5), (1.0, 0.9), (1.0, 0.0), (1.0, -0.4), (4.0, 0.99), (15.0, 0.999)],
)
def test_slab(thickness: float, albedo: float) -> None:
    spin, charge = solve_slab(thickness, albedo), solve_slab(thickness, 1.0)
    check_reference(spin, thickness, albedo)
    check_reference(charge, thickness, 1.0)
    returned, passed = reflected_and_transmitted(slab(thickness, albedo))
    injected = np.array([1.0, 0.0, -2.0])
    np.testing.assert_allclose(returned[:3], spin.reflection * injected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(passed[:3], spin.transmission * injected, rtol=1e-8, atol=1e-12)
    assert returned[3] == pytest.approx(charge.reflection, rel=1e-8)
    assert passed[3] == pytest.approx(charge.transmission, rel=1e-8)


def test_density_inside() -> None:
    thickness, albedo = 1.5, 0.8
    answer = solve_slab(thickness, albedo)
    film = slab(thickness, albedo)
    solution = solve_boltzmann(film, MESH, source="reservoirs")
    inside = (answer.panels.nodes > 0.05) & (answer.panels.nodes < thickness - 0.05)
    chosen = np.flatnonzero(inside)[::7]
    z = answer.panels.nodes[chosen] * LENGTH
    found = averages(solution, film, 0, z)
    np.testing.assert_allclose(found[:, 0], answer.average[chosen], rtol=1e-8)
    np.testing.assert_allclose(found[:, 2], -2.0 * answer.average[chosen], rtol=1e-8)


def test_dense_method() -> None:
    mesh = SphericalMesh(8, 4)
    film = slab(1.0, 0.7)
    z = np.array([0.0, 0.1, 0.5, 1.0]) * LENGTH
    reduced = flows(solve_boltzmann(film, mesh, source="reservoirs"), film, 0, z)
    dense = flows(solve_boltzmann(film, mesh, method="dense", source="reservoirs"), film, 0, z)
    np.testing.assert_allclose(dense, reduced, rtol=1e-10, atol=1e-12)


def test_identical_spins_when_flips_are_off() -> None:
    returned, passed = reflected_and_transmitted(slab(2.0, 1.0))
    exact = solve_slab(2.0, 1.0)
    np.testing.assert_allclose(
        passed, exact.transmission * np.array([1.0, 0.0, -2.0, 1.0]), rtol=1e-8
    )
    np.testing.assert_allclose(returned + passed, [1.0, 0.0, -2.0, 1.0], rtol=1e-12)
