"""Half space of isotropic scattering: what comes back, from Chandrasekhar's H function.

S. Chandrasekhar, Radiative Transfer (Oxford, 1950), chapters III and V. A half space returns
A(mu) = 1 - sqrt(1 - omega) H(mu) of a beam at mu. Averaged over isotropic illumination with
the weight 2 mu of its flux,

    A* = 1 - 2 sqrt(1 - omega) alpha_1,     alpha_n = int_0^1 mu^n H dmu,

and the density at the face is (1 + int A dmu)/2 = 1/(1 + sqrt(1 - omega)), because
alpha_0 = 2 (1 - sqrt(1 - omega))/omega. In a heavy metal the spins scatter like that, omega
being what a collision leaves of a spin.
"""

import math

import mpmath
import numpy as np
import pytest

from exact.films import averages, flows, metal
from torkivity_engine.film.boundaries import HalfSpace, Reservoir
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

LENGTH = 1.3  # nm


def h_moment(power: int, albedo: float) -> float:
    """int_0^1 mu^power H dmu by Gauss rules."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    # t = tan(angle); the logarithm is graded where it varies, at small and large t.
    s, ds = 0.5 * (1.0 + nodes), 0.5 * weights
    angle = 0.5 * math.pi * s * s * (3.0 - 2.0 * s)
    jacobian = 0.5 * math.pi * 6.0 * s * (1.0 - s)
    t = np.tan(angle)
    log = np.log1p(-albedo * angle / t)
    mu, dmu = s**3, 3.0 * s * s * ds
    # dt / (1 + mu^2 t^2) = d(angle) / (cos^2 + mu^2 sin^2)
    below = np.cos(angle) ** 2 + mu[:, None] ** 2 * np.sin(angle) ** 2
    h = np.exp(-mu / math.pi * ((log * jacobian * ds) / below).sum(axis=1))
    return float((mu**power * h) @ dmu)


def h_function(mu: float, albedo: float) -> float:
    """ln H = -(mu/pi) int_0^inf ln(1 - omega arctan(t)/t) / (1 + mu^2 t^2) dt."""
    with mpmath.workdps(25):

        def integrand(t: mpmath.mpf) -> mpmath.mpf:
            inner = 1 - albedo * mpmath.atan(t) / t if t else mpmath.mpf(1 - albedo)
            return mpmath.log(inner) / (1 + (mu * t) ** 2)

        points = [0, 0.1, 1, 10, 100, mpmath.inf]
        return float(mpmath.exp(-mu / mpmath.pi * mpmath.quad(integrand, points)))


def test_h_function_solves_its_equation() -> None:
    # H(mu) = 1 + (omega/2) mu H(mu) int_0^1 H(nu)/(mu + nu) dnu, at one point.
    albedo, mu = 0.8, 0.37
    h = h_function(mu, albedo)
    with mpmath.workdps(15):
        x, w = np.polynomial.legendre.leggauss(24)
        nu = (0.5 * (1.0 + x)) ** 3
        dnu = 1.5 * w * (0.5 * (1.0 + x)) ** 2
        values = np.array([h_function(float(v), albedo) for v in nu])
    assert h == pytest.approx(
        1.0 + 0.5 * albedo * mu * h * float((values / (mu + nu)) @ dnu), rel=1e-9
    )
    assert float(values @ dnu) == pytest.approx(h_moment(0, albedo), rel=1e-9)


@pytest.mark.parametrize("albedo", [0.1, 0.5, 0.9, 0.99])
def test_zeroth_moment(albedo: float) -> None:
    exact = 2.0 * (1.0 - math.sqrt(1.0 - albedo)) / albedo
    assert h_moment(0, albedo) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("albedo", [0.1, 0.5, 0.9, 0.99])
def test_albedo_of_the_half_space(albedo: float) -> None:
    left = Reservoir(spin=(0.0, 0.0, 1.0))
    film = Stack([metal(3.0, albedo, LENGTH)], [], left=left, right=HalfSpace())
    solution = solve_boltzmann(film, SphericalMesh(40, 4, "graded"), source="reservoirs")
    loss = math.sqrt(1.0 - albedo)
    returned = 1.0 - 2.0 * loss * h_moment(1, albedo)
    flow = flows(solution, film, 0, [0.0])[0]
    assert flow[2] == pytest.approx(math.pi * (1.0 - returned), rel=1e-8)
    density = averages(solution, film, 0, [0.0])[0]
    assert density[2] == pytest.approx(1.0 / (1.0 + loss), rel=1e-8)
    # Neither the other spin components nor charge is touched.
    np.testing.assert_allclose(flow[[0, 1, 3]], 0.0, atol=1e-14)
    np.testing.assert_allclose(density[[0, 1, 3]], 0.0, atol=1e-14)


def test_depth_of_the_explicit_layer_does_not_matter() -> None:
    # The half space beyond the layer is the layer's own material.
    flow = []
    for thickness in (0.01, 1.0, 30.0):
        film = Stack(
            [metal(thickness, 0.9)], [], left=Reservoir(spin=(1.0, 0.0, 0.0)), right=HalfSpace()
        )
        solution = solve_boltzmann(film, SphericalMesh(16, 4), source="reservoirs")
        flow.append(flows(solution, film, 0, [0.0])[0, 0])
    np.testing.assert_allclose(flow, flow[-1], rtol=1e-12)


@pytest.mark.parametrize("method", ["reduced", "dense"])
def test_mirrored_half_space(method: str) -> None:
    mesh = SphericalMesh(8, 4)
    here, there = Reservoir(spin=(0.0, 0.0, 1.0)), HalfSpace()
    right = Stack([metal(2.0, 0.8)], [], left=here, right=there)
    left = Stack([metal(2.0, 0.8)], [], left=there, right=here)
    forward = solve_boltzmann(right, mesh, method=method, source="reservoirs")
    backward = solve_boltzmann(left, mesh, method=method, source="reservoirs")
    z = np.array([0.0, 0.4, 2.0])
    np.testing.assert_allclose(
        flows(forward, right, 0, z), -flows(backward, left, 0, 2.0 - z), rtol=1e-11, atol=1e-13
    )
