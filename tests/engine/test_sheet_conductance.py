"""Current in the plane of films: balances against integrals, exact results, reciprocity."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from draws import pt_co, random_tilted_stack
from exact.films import metal
from exact.test_fuchs_sondheimer import conductivity_ratio
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.boundaries import HalfSpace, Reservoir, Surface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.stack import Stack, reversed_magnets
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.spin import CHARGE, transverse
from torkivity_meshes import SphericalMesh

MESH = SphericalMesh(4, 6)


def largest(difference: np.ndarray, scale: np.ndarray) -> float:
    return float(np.abs(difference).max() / np.abs(scale).max())


@pytest.mark.parametrize("seed", range(20))
def test_both_methods_agree_and_obey_onsager(seed: int) -> None:
    """The balances of the reduced method against the integrated modes of the dense one, and
    G_ab(m) = G_ba(-m)."""
    stack = random_tilted_stack(seed)
    for method in ("reduced", "dense"):
        solution = solve_boltzmann(stack, MESH, method=method)
        turned = solve_boltzmann(reversed_magnets(stack), MESH, method=method)
        g = solution.sheet_conductance
        assert largest(g - turned.sheet_conductance.T, g) < 1e-10
        if method == "reduced":
            reduced = solution
    assert (
        largest(
            reduced.layer_sheet_conductance - solution.layer_sheet_conductance,
            solution.layer_sheet_conductance,
        )
        < 1e-10
    )
    for name in stack.magnet_names:
        a, b = reduced.torque_exchange_on(name), solution.torque_exchange_on(name)
        assert largest(a - b, b) < 1e-10


def test_conductance_depends_on_the_magnetization() -> None:
    """Planar Hall effect and magnetoresistance: what Onsager's relation is tested on is there."""
    stack = random_tilted_stack(1)
    g = solve_boltzmann(stack, MESH).sheet_conductance
    turned = solve_boltzmann(reversed_magnets(stack), MESH).sheet_conductance
    assert largest(g - turned, g) > 1e-7
    assert abs(g[0, 0] - g[1, 1]) > 1e-7 * g[0, 0]


def gauss_in_z(thickness: float, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Depths and weights that crowd towards both faces."""
    x, w = np.polynomial.legendre.leggauss(n)
    s = 0.5 * (1.0 + x)
    depth, weight = 0.5 * thickness * s**4, 0.5 * thickness * 2.0 * s**3 * w
    return np.concatenate([depth, thickness - depth[::-1]]), np.concatenate([weight, weight[::-1]])


@pytest.mark.parametrize("method", ["reduced", "dense"])
def test_integrated_profiles(method: str) -> None:
    """Current and torque density integrated over z, in a film with skew scattering."""
    film = pt_co(0.3, magnetization=(0.3, 0.2, 1.0), left=Surface(0.4), right=Surface(0.2))
    solution = solve_boltzmann(film, SphericalMesh(4, 4), method=method)
    stack = film.stack()
    for layer, own in enumerate(solution.layer_sheet_conductance):
        z, weight = gauss_in_z(stack.layers[layer].thickness)
        profile = solution.profile(layer, z)
        current = 2.0 * METRE_PER_NM * weight @ profile.in_plane_current[:, CHARGE]
        assert largest(current - own @ stack.field_direction[:2], own) < 1e-10
    torque = METRE_PER_NM * weight @ profile.torque_density
    exchange = solution.torque_interface + torque
    assert largest(exchange - solution.torque_exchange, exchange) < 1e-9


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_fuchs_and_sondheimer(p: float) -> None:
    film = Stack((metal(0.7, 0.6, 7.0),), (), left=Surface(p), right=Surface(p))
    solution = solve_boltzmann(film, SphericalMesh(24, 4, "graded"))
    bulk = film.layers[0].conductivity(film.fermi_wavevector) * 0.7 * 7.0 * METRE_PER_NM
    assert solution.layer_sheet_conductance.shape == (1, 2, 2)
    np.testing.assert_allclose(
        solution.sheet_conductance, conductivity_ratio(0.7, p) * bulk * np.eye(2), atol=1e-7 * bulk
    )


def test_two_half_spaces_with_a_barrier() -> None:
    """Electrons that cross carry the drift of the other side: an excess of
    -(3/4)(sigma_1/lambda_1)(lambda_1 - lambda_2)^2 int mu (1 - mu^2) T dmu."""
    first, second, barrier = 3.0, 8.0, 0.7
    layers = (metal(50.0, 0.6, first), metal(50.0, 0.6, second))
    film = Stack(layers, (RashbaInterface(barrier, 0.0, 0.0),))
    mu, w = np.polynomial.legendre.leggauss(60)
    mu, w = 0.5 * (1.0 + mu), 0.5 * w
    flow = w @ (mu * (1.0 - mu**2) * mu**2 / (mu**2 + barrier**2))
    sigma = [layer.conductivity(film.fermi_wavevector) for layer in layers]
    excess = -0.75 * sigma[0] / first * (first - second) ** 2 * flow * METRE_PER_NM
    bulk = sum(s * layer.thickness * METRE_PER_NM for s, layer in zip(sigma, layers, strict=True))
    found = solve_boltzmann(film, SphericalMesh(16, 4)).sheet_conductance
    np.testing.assert_allclose(found, (bulk + excess) * np.eye(2), atol=1e-9 * abs(excess))


def test_thick_film_with_skew_scattering_has_its_true_conductivity() -> None:
    stack = Stack((replace(metal(400.0, 0.6, 2.0), spin_hall_angle=0.4),), ())
    found = solve_boltzmann(stack, MESH).sheet_conductance
    bulk = stack.layers[0].conductivity(16.0) * 800.0 * METRE_PER_NM
    np.testing.assert_allclose(found, bulk * np.eye(2), atol=2e-3 * bulk)
    assert found[0, 0] != pytest.approx(bulk, rel=1e-6)  # specular faces stop the spin Hall current


def test_exchange_torque_without_loss_is_all_that_enters() -> None:
    """Without spin flip and with equal rates nothing of a transverse spin goes to the lattice."""
    film = pt_co(0.3, magnetization=(0.3, 0.2, 1.0))
    magnet = replace(film.ferromagnet, mean_free_path_minority=16.25, spin_flip_length=math.inf)
    without = solve_boltzmann(replace(film, ferromagnet=magnet), MESH)
    assert largest(without.torque_exchange - without.torque_total, without.torque_total) < 1e-11
    lossy = solve_boltzmann(film, MESH)
    assert largest(lossy.torque_exchange - lossy.torque_total, lossy.torque_total) > 1e-3
    assert abs(lossy.torque_exchange @ lossy.magnetization) < 1e-12 * largest(
        lossy.torque_exchange, np.ones(1)
    )
    np.testing.assert_allclose(
        transverse(lossy.torque_exchange, lossy.magnetization), lossy.torque_exchange, rtol=1e-9
    )


def test_magnets_by_name() -> None:
    stack = random_tilted_stack(2)
    solution = solve_boltzmann(stack, MESH)
    assert len(stack.magnet_names) == 2
    with pytest.raises(AttributeError, match="2 magnets"):
        _ = solution.torque_exchange
    with pytest.raises(InputError, match=r"magnet = 'Co'.*must be one of"):
        solution.torque_exchange_on("Co")


def test_what_has_no_sheet_conductance_is_said() -> None:
    film = pt_co(magnetization=(0.3, 0.2, 1.0), left=HalfSpace())
    with pytest.raises(PhysicsError, match="half space"):
        _ = solve_boltzmann(film, MESH).sheet_conductance
    film = pt_co(left=Reservoir(spin=(1.0, 0.0, 0.0)))
    solution = solve_boltzmann(film, MESH, source="reservoirs")
    with pytest.raises(InputError, match="has no field"):
        _ = solution.sheet_conductance
    assert solution.torque_exchange.shape == (3,)
