"""Milne's problem: how far beyond a black face the density of a half space extrapolates.

Isotropic scattering without loss leaves a linear density deep inside, which vanishes a
distance z_0 = 0.7104 mean free paths beyond the face. E. Hopf, Mathematical Problems of
Radiative Equilibrium (Cambridge, 1934); closed integral in K. M. Case and P. F. Zweifel,
Linear Transport Theory (Addison-Wesley, 1967),

    z_0 = (1/pi) int_0^{pi/2} [3 / sin^2 x - 1 / (1 - x cot x)] dx.
"""

import math

import mpmath
import numpy as np
import pytest
from scipy.special import expn

from exact.films import averages, flows, metal
from exact.integral_equation import extrapolation_length
from torkivity_engine.film.boundaries import Reservoir
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

LENGTH = 2.5  # nm, the mean free path
DEPTH = 60.0  # mean free paths between the reservoirs


def milne_integral() -> float:
    with mpmath.workdps(80):  # both terms are 3/x^2 at small x

        def integrand(x: mpmath.mpf) -> mpmath.mpf:
            return 3 / mpmath.sin(x) ** 2 - 1 / (1 - x * mpmath.cot(x))

        start = mpmath.mpf(10) ** -20
        return float(mpmath.quad(integrand, [start, 0.5, mpmath.pi / 2]) / mpmath.pi)


EXPECTED = milne_integral()


def extrapolated(mesh: object, method: str = "reduced", component: int = 3) -> float:
    """z_0 in mean free paths from the profile, for a current towards a black face."""
    spin = [0.0, 0.0, 0.0]
    if component < 3:
        spin[component] = 1.0
    source = Reservoir(charge=float(component == 3), spin=tuple(spin))
    film = Stack([metal(DEPTH, length=LENGTH)], [], left=source, right=Reservoir())
    solution = solve_boltzmann(film, mesh, method=method, source="reservoirs")
    # Distances from the black face at which exp(-distance) no longer shows.
    distance = np.array([26.0, 34.0])
    near, far = averages(solution, film, 0, (DEPTH - distance) * LENGTH)[:, component]
    return float(near * (distance[1] - distance[0]) / (far - near) - distance[0])


def test_the_number() -> None:
    assert pytest.approx(0.710446089598763, abs=2e-15) == EXPECTED


def test_the_integral_equation() -> None:
    black = extrapolation_length(lambda x: 0.0 * x, lambda x: 0.5 * expn(3, x))
    assert black == pytest.approx(EXPECTED, abs=1e-11)


@pytest.mark.parametrize("component", [0, 2, 3])
def test_extrapolation_length(component: int) -> None:
    # A spin that never flips diffuses as charge does.
    mesh = SphericalMesh(48, 4, "graded")
    assert extrapolated(mesh, component=component) == pytest.approx(EXPECTED, rel=1e-9)


def test_dense_method() -> None:
    mesh = SphericalMesh(12, 4, "graded")
    reduced = extrapolated(mesh)
    assert extrapolated(mesh, "dense") == pytest.approx(reduced, rel=1e-10)
    assert reduced == pytest.approx(EXPECTED, rel=2e-6)


@pytest.mark.parametrize(("rule", "power"), [("gauss", 5.0), ("graded", 11.0)])
def test_convergence(rule: str, power: float) -> None:
    # The distribution at the face behaves as mu log(mu): Gauss points converge algebraically,
    # and crowding them towards grazing angles raises the power.
    sizes = np.array([5, 7, 10])
    errors = np.array(
        [abs(extrapolated(SphericalMesh(n, 4, rule)) / EXPECTED - 1.0) for n in sizes]
    )
    slopes = -np.diff(np.log(errors)) / np.diff(np.log(sizes))
    assert np.all(slopes > power), (errors, slopes)


def test_fick_far_from_the_faces() -> None:
    # j = -(4 pi / 3) C lambda d<g>/dz holds exactly where the density is linear.
    film = Stack([metal(DEPTH, length=LENGTH)], [], left=Reservoir(charge=1.0), right=Reservoir())
    solution = solve_boltzmann(film, SphericalMesh(16, 4), source="reservoirs")
    z = np.array([27.0, 33.0]) * LENGTH
    slope = np.diff(averages(solution, film, 0, z)[:, 3])[0] / (6.0 * LENGTH)
    current = flows(solution, film, 0, z)[:, 3]
    assert current[0] == pytest.approx(current[1], rel=1e-13)
    assert current[0] == pytest.approx(-4.0 * math.pi / 3.0 * LENGTH * slope, rel=1e-10)
