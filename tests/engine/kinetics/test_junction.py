"""Integrals over an interface between unequal spheres: Sharvin, mixing conductance, symmetry."""

from __future__ import annotations

import math

import numpy as np
import pytest

from torkivity_engine.kinetics.junction import Junction, Terminal
from torkivity_engine.kinetics.spheres import Bands, FermiSphere, spin_flip_lengths
from torkivity_engine.kinetics.split import SplitLengths, mesh_ratio, split_terms
from torkivity_meshes import AnnularGrid, AzimuthalRings, SphericalMesh, annular_grid

K0 = 16.0
M = (0.36, -0.48, 0.8)


def _rule(n_polar: int, n_azimuth: int = 8) -> AzimuthalRings:
    rings = SphericalMesh(n_polar, n_azimuth, "gauss").rings
    assert rings is not None
    return rings


def _grid(*bands: Bands, n_polar: int = 24, n_azimuth: int = 8) -> AnnularGrid:
    radii = {sphere.radius for b in bands for sphere in b.slots if sphere.radius > 0.0}
    return annular_grid(radii, _rule(n_polar, n_azimuth))


def _interface(u0: float, u_ex: float, u_r: float = 0.0, m: tuple[float, ...] = M) -> np.ndarray:
    raw = np.array([u0, u_ex, *(u_ex * np.array(m)), 0.0, u_r, -u_r, 0.0, 0.0, 0.0, 1.0])
    return np.asarray(raw / np.abs(raw).max())


def _step_transmission(k_1: float, k_2: float, a: float, b: float) -> float:
    """int d^2k 4 nu_1 nu_2 / (nu_1 + nu_2)^2 over k < k_1 < k_2, nu_i = a k_z1 and b k_z2.

    With k_z1 = D sinh u, k_z2 = D cosh u and w = e^{2u} the integrand is rational:
    pi D^2 a b (w^2 - 1)^2 / (w^2 (p w + q)^2) dw, p = a + b, q = b - a.
    """
    d_squared = (k_2 - k_1) * (k_2 + k_1)
    w = math.exp(2.0 * math.asinh(k_1 / math.sqrt(d_squared)))
    p, q = a + b, b - a
    if q == 0.0:
        integral = (w - 1.0) - 2.0 * (1.0 - 1.0 / w) + (1.0 - w**-3) / 3.0
        integral /= p**2
    else:
        log_w = -2.0 * p / q**3
        log_p = -2.0 * q / p**2 + 2.0 * p**2 / q**3
        double = (q / p - p / q) ** 2
        integral = (w - 1.0) / p**2 + (1.0 - 1.0 / w) / q**2 + log_w * math.log(w)
        integral += log_p / p * math.log((p * w + q) / (p + q))
        integral += double / p * (1.0 / (p + q) - 1.0 / (p * w + q))
    return math.pi * d_squared * a * b * integral


@pytest.mark.parametrize(
    ("k_2", "mass_1", "mass_2"), [(20.0, 1.0, 1.0), (20.0, 0.7, 1.9), (17.0, 2.5, 0.4)]
)
def test_sharvin_conductance_of_a_step(k_2: float, mass_1: float, mass_2: float) -> None:
    below, above = Bands.common(K0, mass_1), Bands.common(k_2, mass_2)
    exact = _step_transmission(K0, k_2, 1.0 / mass_1, 1.0 / mass_2) / K0**2
    for pair in ((below, above), (above, below)):
        junction = Junction(_grid(*pair), K0, *map(Terminal, pair), _interface(0.0, 0.0))
        response = junction.response()
        assert response[3, 3] == pytest.approx(exact, rel=1e-11)
        assert response[7, 7] == pytest.approx(-exact, rel=1e-11)


def _axial(block: np.ndarray) -> complex:
    """G of j_1 + i j_2 = G (mu_1 + i mu_2) in a right-handed (e_1, e_2, m)."""
    m = np.array(M)
    real = 0.5 * (np.trace(block) - m @ block @ m)
    turn = 0.5 * np.array(
        [block[2, 1] - block[1, 2], block[0, 2] - block[2, 0], block[1, 0] - block[0, 1]]
    )
    return complex(real, m @ turn)


UPPER = {
    "ferromagnet": Bands(FermiSphere(17.5, 1.3), FermiSphere(9.0, 0.8), True),
    "half metal": Bands(FermiSphere(14.0), FermiSphere(0.0, 1.2, 6.0), True),
    "insulator": Bands(FermiSphere(0.0, 1.0, 4.0), FermiSphere(0.0, 1.0, 7.0), True),
}


@pytest.mark.parametrize("kind", UPPER)
def test_mixing_conductances_are_the_scalar_integrals(kind: str) -> None:
    """G = int (1 - r_up r_down*), Gamma = int (nu_up + nu_down*) t_up t_down* / 2 nu."""
    metal, magnet = Bands.common(K0, 0.9), UPPER[kind]
    u0, u_ex = 0.4, -0.25
    grid = _grid(metal, magnet)
    junction = Junction(grid, K0, Terminal(metal), Terminal(magnet, M), _interface(u0, u_ex))
    response = junction.response()[:, :4]

    on_it = slice(grid.first(K0), None)
    nu = metal.majority.normal_velocity(grid, K0)[on_it]
    bands = (magnet.majority, magnet.minority)
    up, down = (s.normal_velocity(grid, K0)[on_it] for s in bands)
    t_up = 2 * nu / (nu + up + 2j * (u0 - u_ex))
    t_down = 2 * nu / (nu + down + 2j * (u0 + u_ex))
    weights = grid.area[on_it] / K0**2
    g = weights @ (1 - (t_up - 1) * (t_down - 1).conj())
    gamma = weights @ ((up + down.conj()) * t_up * t_down.conj() / (2 * nu))
    assert _axial(response[:3, :3]) == pytest.approx(g, rel=1e-12)
    assert _axial(response[4:7, :3]) == pytest.approx(gamma, rel=1e-12)
    if kind == "insulator":
        np.testing.assert_allclose(np.abs(t_up - 1), 1.0, rtol=1e-14)
        np.testing.assert_allclose(response[[3, 7]], 0.0, atol=1e-14)
        assert abs(g) > 0.1


@pytest.mark.parametrize("kind", UPPER)
def test_field_driven_currents_and_torque(kind: str) -> None:
    """Charge is continuous, spin lost to the torque without u_R; odd in u_R; 12 points do."""
    metal, magnet = Bands.common(K0), UPPER[kind]
    driven = (np.array([0.0, 0.0, 0.0, 2.0]), np.array([5.0, 1.5]))

    def sums(u_r: float, n_polar: int = 24) -> np.ndarray:
        grid = _grid(metal, magnet, n_polar=n_polar, n_azimuth=16)
        junction = Junction(
            grid, K0, Terminal(metal), Terminal(magnet, M), _interface(0.4, 0.2, u_r)
        )
        return junction.driven_sums(*driven)

    for u_r in (0.0, 0.2):
        values = sums(u_r)
        np.testing.assert_allclose(values[3], values[7], atol=1e-13)
    np.testing.assert_allclose(sums(0.0), 0.0, atol=1e-13)
    np.testing.assert_allclose(sums(-0.2), -sums(0.2), atol=1e-13)
    np.testing.assert_allclose(sums(0.2, 12), sums(0.2), atol=1e-6 * np.abs(sums(0.2)).max())
    assert np.abs(sums(0.2)[8:]).max() > 1e-2


def test_isotropic_spins_lose_to_the_torque_what_the_ferromagnet_does_not_take() -> None:
    metal, magnet = Bands.common(K0, 1.4), UPPER["ferromagnet"]
    u_ex = 0.3
    grid = _grid(metal, magnet)
    junction = Junction(grid, K0, Terminal(metal), Terminal(magnet, M), _interface(0.2, u_ex))
    response = junction.response()
    torque = 2.0 * u_ex * np.cross(response[8:], np.array(M), axisa=0, axisc=0)
    np.testing.assert_allclose(response[:3] - response[4:7], torque, atol=1e-13)


def test_split_collisions_conserve_charge_and_obey_detailed_balance() -> None:
    bands = Bands(FermiSphere(17.5, 1.3), FermiSphere(9.0, 0.8), True)
    flips = spin_flip_lengths(bands.majority, bands.minority, 40.0, K0)
    # As many flips up as down: surface over length.
    assert 17.5**2 / flips[0] == pytest.approx(9.0**2 / flips[1], rel=1e-14)
    equal = FermiSphere(K0)
    assert spin_flip_lengths(equal, equal, 40.0, K0) == pytest.approx((40.0, 40.0), rel=1e-15)
    grid = _grid(bands, Bands.common(K0), n_polar=3)
    terms = split_terms(
        SplitLengths(np.array([6.0, 2.0]), np.array(flips)), mesh_ratio(bands, grid)
    )
    rng = np.random.default_rng(5)
    lost, mean = 0.0, []
    for radius in (17.5, 9.0):
        sphere = grid.sphere(radius)
        mean.append(sphere.polar_weights @ rng.normal(size=sphere.n_polar))
    for spin, radius in enumerate((17.5, 9.0)):
        rate = terms.k_out[spin] @ mean - terms.k_in[0, 0, spin] @ mean
        k_z = np.sqrt(grid.normal_squared(radius)[grid.first(radius) :])
        lost += rate * np.sum(grid.area[grid.first(radius) :] / k_z) * radius
    assert lost == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(terms.k_out @ [1, 1], terms.k_in[0, 0] @ [1, 1], rtol=1e-14)
    # Coarse as it is, the grid changes the rates by its quadrature error only.
    np.testing.assert_allclose(mesh_ratio(bands, grid), 1.0, atol=1e-2)


def test_half_metal_does_not_flip() -> None:
    bands = UPPER["half metal"]
    assert spin_flip_lengths(bands.majority, bands.minority, 40.0, K0) == (math.inf, math.inf)
