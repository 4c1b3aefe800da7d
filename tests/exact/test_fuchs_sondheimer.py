"""In-plane conductivity of a thin film.

K. Fuchs, Proc. Camb. Phil. Soc. 34, 100 (1938); E. H. Sondheimer, Adv. Phys. 1, 1 (1952). With
k = t/lambda and specularity p at both faces,

    sigma/sigma_0 = 1 - (3/2k) (1-p) int_0^1 (mu - mu^3) (1 - E) / (1 - p E) dmu,

E = exp(-k/mu), and the current density at depth z is

    j/j_0 = 1 - (3/4) (1-p) int_0^1 (1 - mu^2) (exp(-z/mu) + exp(-(k-z)/mu)) / (1 - p E) dmu.
"""

import math

import mpmath
import numpy as np
import pytest

from exact.films import metal
from torkivity_engine.film.boundaries import Surface
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

LENGTH = 7.0  # nm
CHARGE, X, Y = 3, 0, 1


def conductivity_ratio(k: float, p: float) -> float:
    def integrand(mu: mpmath.mpf) -> mpmath.mpf:
        e = mpmath.exp(-k / mu)
        return (mu - mu**3) * (-mpmath.expm1(-k / mu)) / (1 - p * e)

    points = sorted({0.0, 1.0, *(x for x in (0.03 * k, 0.3 * k, 3.0 * k) if x < 1.0)})
    return float(1 - 1.5 / k * (1 - p) * mpmath.quad(integrand, points))


def current_ratio(z: float, k: float, p: float) -> float:
    def integrand(mu: mpmath.mpf) -> mpmath.mpf:
        both = mpmath.exp(-z / mu) + mpmath.exp(-(k - z) / mu)
        return (1 - mu**2) * both / (1 - p * mpmath.exp(-k / mu))

    near = min(z, k - z)
    points = sorted({0.0, 1.0, *(x for x in (0.1 * near, near, k) if x < 1.0)})
    return float(1 - 0.75 * (1 - p) * mpmath.quad(integrand, points))


def across(thickness: float) -> tuple[np.ndarray, np.ndarray]:
    """Depths and weights, crowded towards both faces, where the current bends."""
    x, w = np.polynomial.legendre.leggauss(14)
    s = 0.5 * (1.0 + x)
    depth = 0.5 * thickness * s**4
    weight = 0.5 * thickness * 2.0 * s**3 * w
    return np.concatenate([depth, thickness - depth[::-1]]), np.concatenate([weight, weight[::-1]])


def film(k: float, left: float, right: float | None = None) -> Stack:
    # Without spin flip the spin accumulation between closed faces would be anything.
    other = Surface(left if right is None else right)
    return Stack([metal(k, 0.6, LENGTH)], [], left=Surface(left), right=other)


def sheet_ratio(k: float, p: float, n_polar: int, method: str, source: str = "all") -> float:
    stack = film(k, p)
    mesh = SphericalMesh(n_polar, 8, "graded")
    solution = solve_boltzmann(stack, mesh, method=method, source=source)
    z, weight = across(stack.layers[0].thickness)
    current = solution.profile(0, z=z).in_plane_current
    # The charge coefficient carries half of the conductivity of both spins.
    bulk = 0.5 * stack.layers[0].conductivity(stack.fermi_wavevector)
    np.testing.assert_allclose(current[:, :CHARGE], 0.0, atol=1e-12 * bulk)
    np.testing.assert_allclose(current[:, CHARGE, Y], 0.0, atol=1e-12 * bulk)
    return float(weight @ current[:, CHARGE, X] / stack.layers[0].thickness / bulk)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("k", [0.01, 0.1, pytest.param(1.0, marks=pytest.mark.slow), 5.0, 20.0])
def test_film_conductivity(k: float, p: float) -> None:
    assert sheet_ratio(k, p, 32 if k < 0.1 else 20, "reduced") == pytest.approx(
        conductivity_ratio(k, p), rel=1e-6
    )


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_dense_method(p: float) -> None:
    dense = sheet_ratio(1.0, p, 8, "dense", "rashba")
    assert dense == pytest.approx(sheet_ratio(1.0, p, 8, "reduced", "rashba"), rel=1e-10)
    assert dense == pytest.approx(conductivity_ratio(1.0, p), rel=1e-3)


@pytest.mark.parametrize("p", [0.0, 0.7])
def test_current_density(p: float) -> None:
    k = 1.5
    stack = film(k, p)
    solution = solve_boltzmann(stack, SphericalMesh(48, 4, "graded"), source="rashba")
    depth = np.array([0.02, 0.2, 0.75, 1.3])
    current = solution.profile(0, z=depth * LENGTH).in_plane_current[:, CHARGE, X]
    bulk = 0.5 * stack.layers[0].conductivity(stack.fermi_wavevector)
    exact = [current_ratio(float(z), k, p) for z in depth]
    np.testing.assert_allclose(current / bulk, exact, rtol=1e-6)


def test_limits() -> None:
    # Thick: 1 - 3 (1-p)/8k; thin and diffuse: (3k/4) ln(1/k).
    assert conductivity_ratio(1e3, 0.2) == pytest.approx(1.0 - 3.0 * 0.8 / 8e3, abs=1e-9)
    k = 1e-8
    assert conductivity_ratio(k, 0.0) / (0.75 * k * math.log(1.0 / k)) == pytest.approx(
        1.0, abs=0.1
    )


def test_mixed_faces() -> None:
    # One diffuse, one mirror face: half of a symmetric film of twice the thickness.
    k = 0.6
    stack = film(k, 0.0, 1.0)
    solution = solve_boltzmann(stack, SphericalMesh(32, 4, "graded"), source="rashba")
    z, weight = across(k * LENGTH)
    current = solution.profile(0, z=z).in_plane_current[:, CHARGE, X]
    bulk = 0.5 * stack.layers[0].conductivity(stack.fermi_wavevector)
    ratio = weight @ current / (k * LENGTH * bulk)
    assert ratio == pytest.approx(conductivity_ratio(2.0 * k, 0.0), rel=1e-6)
