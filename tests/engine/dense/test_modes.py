import math

import numpy as np
import pytest
from scipy.optimize import brentq

from torkivity_engine.dense.bmatrix import ScatteringMatrix, b_matrix
from torkivity_engine.dense.modes import (
    flux_scale,
    layer_modes,
    modes_of_scattering,
    modes_of_terms,
)
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_meshes import SphericalMesh

INF = math.inf
MESH = SphericalMesh(4, 6)
TILTED = (0.3, -0.2, 1.0)
LAYERS = {
    "heavy metal": HeavyMetal(5.0, 3.0, 30.0),
    "weak flip": HeavyMetal(5.0, 3.0, 1e7),
    "no flip": HeavyMetal(5.0, 3.0, INF),
    "strong flip": HeavyMetal(5.0, 3.0, 3.5),
    "ferromagnet": Ferromagnet(5.0, 8.0, 3.0, 100.0, 1.5, TILTED),
    "no flip ferromagnet": Ferromagnet(5.0, 8.0, 3.0, INF, 1.5, TILTED),
    "long precession": Ferromagnet(5.0, 8.0, 3.0, 100.0, 1e4, TILTED),
    "no exchange": Ferromagnet(5.0, 8.0, 3.0, 100.0, INF, TILTED),
    "not magnetic": Ferromagnet(5.0, 4.0, 4.0, INF, INF, TILTED),
}


def skew_terms(angle):
    """Heavy metal with an l = 1 kernel that turns charge into spin currents and back."""
    terms = collision_terms(HeavyMetal(5.0, 3.0, 30.0))
    rate = -angle * terms.k_out[0, 0]
    k_in = np.zeros((4, 4, 4, 4))
    k_in[0, 0] = terms.k_in[0, 0]
    for s, a, b in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        for left, right, sign in ((a, b, 1.0), (b, a, -1.0)):
            k_in[1 + left, 1 + right, s, 3] += sign * rate
            k_in[1 + left, 1 + right, 3, s] += sign * rate
    return CollisionTerms(terms.k_out, k_in)


def scaled_b(terms, mesh):
    scale = flux_scale(mesh)
    return b_matrix(terms, mesh) * scale[:, None] / scale


@pytest.fixture(params=[*LAYERS, "skew"])
def case(request):
    if request.param == "skew":
        terms = skew_terms(0.1)
        return terms, modes_of_terms(terms, MESH)
    layer = LAYERS[request.param]
    return collision_terms(layer), layer_modes(layer, MESH)


def test_modes_solve_the_equation(case):
    terms, modes = case
    b = scaled_b(terms, MESH)
    scale = np.abs(b).max()
    rotated = modes.vectors * modes.rates.real
    step = np.sign(modes.rates.imag).astype(int)
    rotated -= modes.vectors[:, np.arange(len(step)) + step] * modes.rates.imag
    assert np.abs(b @ modes.vectors - rotated).max() < 1e-12 * scale
    slow = modes.slow_basis
    assert np.abs(b @ slow - slow @ modes.slow_generator).max() < 1e-12 * scale


def test_modes_come_in_pairs(case):
    _, modes = case
    rates = modes.rates[~modes.slow]
    distance = np.abs(rates[:, None] + rates[None, :])
    assert np.all(distance.min(axis=0) < 1e-8 * np.abs(rates))
    assert np.sum(modes.rates.real > 0) == np.sum(modes.rates.real < 0)
    assert len(modes.rates) + modes.n_zero == MESH.n_unknowns


def test_modes_span_everything(case):
    _, modes = case
    for thickness in (1e-3, 5.0, 1e4):
        faces = modes.states(0.0, thickness), modes.states(thickness, thickness)
        entering = np.repeat(MESH.velocities[:, 2] > 0.0, 4)
        both = np.where(entering[:, None], *faces)
        norms = np.abs(both).max(axis=0)
        assert np.all(np.isfinite(norms))
        assert np.linalg.cond(both / norms) < 1e7


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("heavy metal", 1),
        ("weak flip", 1),
        ("no flip", 4),
        ("ferromagnet", 1),
        ("no flip ferromagnet", 2),
        ("not magnetic", 4),
    ],
)
def test_one_pair_per_conserved_density(name, pairs):
    modes = layer_modes(LAYERS[name], MESH)
    assert modes.n_zero == 2 * pairs
    scale = flux_scale(MESH)
    uniform = (modes.slow_basis[:, 0] / scale).reshape(-1, 4)
    # A conserved density is the same for all directions, and its partner flows down z.
    assert np.ptp(uniform, axis=0).max() < 1e-14
    exact = modes.slow_generator[: modes.n_zero, : modes.n_zero]
    assert np.array_equal(exact @ exact, np.zeros_like(exact))


def test_leading_mode_of_a_heavy_metal_converges_to_the_exact_root():
    layer = LAYERS["heavy metal"]
    omega, length = layer.spin_albedo, layer.total_mean_free_path
    x = brentq(lambda x: omega / x * math.atanh(x) - 1.0, 1e-6, 1.0 - 1e-12, xtol=1e-15)
    errors = []
    for n in (4, 8, 12, 16):
        rates = layer_modes(layer, SphericalMesh(n, 4, "gauss")).rates
        errors.append(abs(np.abs(rates).min() * length - x))
    assert errors[0] > 10.0 * errors[1]
    assert errors[1] > 10.0 * errors[2]
    assert errors[-1] < 1e-9


@pytest.mark.parametrize("flip", [1e3, 1e6, 1e9])
def test_slow_pair_follows_the_weak_flip_limit(flip):
    layer = HeavyMetal(5.0, 3.0, flip)
    modes = layer_modes(layer, MESH)
    expected = math.sqrt(6.0 / (layer.total_mean_free_path * flip))
    n = modes.n_zero
    slow = modes.slow_generator[n:, n:]
    rates = np.abs(np.linalg.eigvals(slow)) if len(slow) else np.sort(np.abs(modes.rates))[:6]
    assert rates == pytest.approx(expected, rel=3.0 / flip + 1e-15 * flip)


def test_states_follow_each_other_along_z(case):
    _, modes = case
    rng = np.random.default_rng(0)
    amplitudes = rng.normal(size=(MESH.n_unknowns, 2))
    t = 4.0
    for z in (0.0, 1.3, t):
        assert modes.combine(z, t, amplitudes) == pytest.approx(
            modes.states(z, t) @ amplitudes, rel=1e-12, abs=1e-12
        )
        part = slice(40, 90)
        assert np.array_equal(modes.states(z, t, part), modes.states(z, t)[:, part])


def test_integral_satisfies_the_integrated_equation(case):
    terms, modes = case
    b = scaled_b(terms, MESH)
    rng = np.random.default_rng(0)
    amplitudes = rng.normal(size=(MESH.n_unknowns, 2))
    for t in (1e-2, 4.0, 300.0):
        change = modes.combine(t, t, amplitudes) - modes.combine(0.0, t, amplitudes)
        loss = b @ modes.integrate(t, amplitudes)
        assert np.abs(change + loss).max() < 1e-11 * np.abs(b).max() * max(t, 1.0)


def test_driven_state_balances_the_field(case):
    terms, modes = case
    source = np.zeros((MESH.n_directions, 4, 2))
    source[:, 3] = MESH.velocities[:, :2] / MESH.velocities[:, 2:]
    scale = flux_scale(MESH)
    driven = modes.driven / scale[:, None]
    residual = b_matrix(terms, MESH) @ driven - source.reshape(-1, 2)
    assert np.abs(residual * MESH.velocities[:, 2].repeat(4)[:, None]).max() < 1e-13


@pytest.mark.parametrize("angle", [0.02, 0.1, -0.3])
def test_bulk_spin_current_of_skew_scattering(angle):
    terms = skew_terms(angle)
    modes = modes_of_terms(terms, MESH)
    g = (modes.driven / flux_scale(MESH)[:, None]).reshape(-1, 4, 2)
    current = np.einsum("k,kaf->af", MESH.weights * MESH.velocities[:, 2], g)
    length = 1.0 / terms.k_out[0, 0]
    expected = np.zeros((4, 2))
    expected[1, 0] = -angle / (1.0 + 2.0 * angle**2) * length * 4.0 * math.pi / 3.0
    expected[0, 1] = -expected[1, 0]
    assert current == pytest.approx(expected, abs=1e-13)


def test_driven_state_of_a_ferromagnet():
    layer = LAYERS["ferromagnet"]
    g_c, g_l = layer.driven_lengths
    modes = layer_modes(layer, MESH)
    g = (modes.driven / flux_scale(MESH)[:, None]).reshape(-1, 4, 2)
    spin = np.array([*(-g_l * np.array(layer.magnetization)), g_c])
    expected = np.einsum("kf,a->kaf", MESH.velocities[:, :2], spin)
    assert g == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("name", ["heavy metal", "no flip ferromagnet", "skew"])
def test_point_by_point_scattering_has_the_same_rates(name):
    terms = skew_terms(0.1) if name == "skew" else collision_terms(LAYERS[name])
    mesh = SphericalMesh(2, 4)
    y = np.vstack([np.ones(mesh.n_directions), math.sqrt(3.0) * mesh.directions.T])
    y = y[: len(terms.k_in)]
    p_in = np.einsum("ai,abst,bj->ijst", y, terms.k_in, y) / (4.0 * math.pi)
    points = modes_of_scattering(ScatteringMatrix(terms.k_out, p_in), mesh)
    modes = modes_of_terms(terms, mesh)
    assert points.n_zero == modes.n_zero
    distance = np.abs(points.rates[:, None] - modes.rates[None, :])
    assert distance.min(axis=0).max() < 1e-9
    assert distance.min(axis=1).max() < 1e-9
    assert points.driven == pytest.approx(modes.driven, abs=1e-10)


def test_scattering_that_loses_charge_is_refused():
    mesh = SphericalMesh(2, 4)
    n = mesh.n_directions
    p_in = np.broadcast_to(0.9 * np.eye(4) / (4.0 * math.pi), (n, n, 4, 4))
    with pytest.raises(PhysicsError, match="conserve charge"):
        modes_of_scattering(ScatteringMatrix(np.eye(4), p_in), mesh)


def test_scattering_that_amplifies_is_refused():
    k_in = np.diag([1.5, 1.5, 1.5, 1.0])[None, None]
    with pytest.raises(PhysicsError, match="relax"):
        modes_of_terms(CollisionTerms(np.eye(4), k_in), SphericalMesh(2, 4))


def test_thickness_and_magnetization_reuse_the_modes():
    mesh = SphericalMesh(2, 4)
    thin, thick = HeavyMetal(1.0, 3.0, 30.0), HeavyMetal(9.0, 3.0, 30.0)
    assert layer_modes(thin, mesh) is layer_modes(thick, mesh)
    first = layer_modes(Ferromagnet(1.0, 8.0, 3.0, 9.0, 1.5, (0.0, 0.0, 1.0)), mesh)
    other = layer_modes(Ferromagnet(2.0, 8.0, 3.0, 9.0, 1.5, TILTED), mesh)
    assert other.rates is first.rates
