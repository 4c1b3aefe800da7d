"""Published equations that cannot be used as printed; docs/errata.md refers to these tests.

Each test writes out the printed form of Amin & Stiles, Phys. Rev. B 94, 104420 (2016),
arXiv:1604.06502, shows the exact property that it misses and by how much, and that what the
package computes has the property. Amplitudes come from 2x2 matrix inversion here, not from
the package.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

from draws import CO, PT, pt_co, unit_vector
from torkivity_engine.constants import ELEMENTARY_CHARGE as E
from torkivity_engine.constants import HBAR, METRE_PER_NM, fermi_surface_prefactor
from torkivity_engine.dense.bmatrix import b_matrix
from torkivity_engine.dense.matching import solve_dense
from torkivity_engine.dense.modes import flux_scale, modes_of_terms
from torkivity_engine.diffusion.drift_diffusion import dephased_spin_current, solve_drift_diffusion
from torkivity_engine.diffusion.tensors import (
    circuit_conductances,
    interface_tensors,
    mixing_conductance,
)
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.diffusion_length import spin_diffusion_length
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.scattering import scattering_matrices
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.spin import CHARGE, cross_matrix, torque_frame, transverse
from torkivity_meshes import SphericalMesh

Array = NDArray[np.float64]

MESH = SphericalMesh(8, 12)
K_F = 16.0
ELECTRON_MASS = 9.1093837015e-31
SEEDS = range(10)
METAL = replace(PT, spin_hall_angle=0.0)
PAULI = np.array(
    [[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]], dtype=complex
)
#: eps_{abc} as an array, so that printed index expressions can be written as they stand.
LEVI_CIVITA = np.zeros((3, 3, 3))
for _a, _b, _c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    LEVI_CIVITA[_a, _b, _c], LEVI_CIVITA[_a, _c, _b] = 1.0, -1.0


def amplitudes(interface: RashbaInterface, m: Array, k: Array) -> tuple[NDArray, NDArray]:
    """r and t of (31) from t = (1 + i U / mu)^-1."""
    b = interface.exchange * m + interface.rashba * np.cross(k, [0.0, 0.0, 1.0])
    u = interface.barrier * PAULI[3] + np.einsum("ni,ijk->njk", b, PAULI[:3])
    t = np.linalg.inv(PAULI[3] + 1j * u / np.abs(k[:, 2])[:, None, None])
    return t - PAULI[3], t


def tensor(amplitude: NDArray) -> Array:
    """(A9)."""
    product = np.einsum(
        "nji,ajk,nkl,bli->nab", amplitude.conj(), PAULI, amplitude, PAULI, optimize=True
    )
    return np.asarray(0.5 * product.real)


def scattering(interface: RashbaInterface, m: Array) -> tuple[Array, Array, Array, Array]:
    """R, T, k and solid angles of the half sphere of states with k_z > 0."""
    k, weights = MESH.directions[MESH.upward], MESH.weights[MESH.upward]
    r, t = amplitudes(interface, m, k)
    return tensor(r), tensor(t), k, weights


def random_case(seed: int, rashba: bool = False) -> tuple[RashbaInterface, Array, Array, Array]:
    """Interface, m, and arbitrary distributions g-, g+ at each k_parallel."""
    rng = np.random.default_rng(seed)
    u0, u_ex, u_r = (float(x) for x in rng.uniform(-1.0, 1.0, size=3))
    m = np.array(unit_vector(rng))
    minus, plus = rng.normal(size=(2, MESH.n_channels, 4))
    return RashbaInterface(u0, u_ex, u_r if rashba else 0.0), m, minus, plus


def ratio(vector: Array, printed: Array) -> float:
    """The number that `vector` is of `printed`; fails if they are not parallel."""
    factor = float(vector @ printed / (printed @ printed))
    assert np.linalg.norm(vector - factor * printed) < 1e-11 * np.linalg.norm(vector)
    return factor


# --- 1, 2: torque at the interface, (B9)-(B16) and (B20)-(B22) ---------------------------


def printed_b9_to_b16(
    interface: RashbaInterface, m: Array, minus: Array, plus: Array
) -> tuple[Array, Array, Array]:
    """j(0-), j(0+) (4 components) and tau, in SI units, for g in joule."""
    r, t, k, solid_angle = scattering(interface, m)
    k_f = K_F / METRE_PER_NM
    v_f = HBAR * k_f / ELECTRON_MASS
    c = -E / HBAR / (2.0 * np.pi) ** 3  # (B11)
    area, v_z = solid_angle * k_f**2, v_f * k[:, 2]
    one = np.eye(4)
    j_minus = (
        -c
        / (E * v_f)
        * (
            np.einsum("n,nab,nb->a", area * v_z, r - one, minus)
            + np.einsum("n,nab,nb->a", area * v_z, t, plus)
        )
    )
    # What arrives at 0+ has v_z < 0.
    j_plus = (
        -c
        / (E * v_f)
        * (
            np.einsum("n,nab,nb->a", area * -v_z, r - one, plus)
            + np.einsum("n,nab,nb->a", area * -v_z, t, minus)
        )
    )
    s = -c / (E * v_f) * np.einsum("n,nab,nb->a", area, t, minus + plus)[:3]  # (B12)-(B14)
    j_ex = -HBAR * k_f * interface.exchange / ELECTRON_MASS  # (B16)
    return j_minus, j_plus, -j_ex / HBAR * np.cross(s, m)  # (B15)


@pytest.mark.parametrize("seed", SEEDS)
def test_b15_b16_miss_a_factor_two_and_hbar(seed: int) -> None:
    """Without spin-orbit coupling the spin lost is the torque; it is -2 hbar times the printed
    one."""
    interface, m, minus, plus = random_case(seed)
    j_minus, j_plus, torque = printed_b9_to_b16(interface, m, minus, plus)
    # Charge is continuous: (B10) is read correctly, with v_z of the arriving states.
    assert j_minus[CHARGE] == pytest.approx(j_plus[CHARGE], abs=1e-12 * np.abs(j_minus).max())
    assert ratio((j_minus - j_plus)[:3], torque) == pytest.approx(-2.0 * HBAR, rel=1e-11)


def test_interface_torque_of_the_package_takes_all_the_spin_lost() -> None:
    """Corrected form, on the package's closed forms: (A - T)_s = 2 u_ex (density) x m."""
    film = pt_co(0.0, magnetization=(0.3, 0.2, 1.0))
    conductances = circuit_conductances(film)
    lost = (conductances.reflection - conductances.transmission)[:3]
    torque = (
        -2.0 * film.interface.exchange * cross_matrix(film.magnetization) @ conductances.density
    )
    scale = np.abs(lost).max()
    np.testing.assert_allclose(torque, lost, atol=1e-13 * scale)
    assert np.abs(0.5 * torque - lost).max() == pytest.approx(0.5 * scale, rel=1e-12)


def test_lattice_torque_is_the_torque_of_the_rashba_field() -> None:
    """With u_R the rest goes to the lattice at the same rate: 2 s x u_R (k x z), direction by
    direction. That holds with the factor of two in gamma_mag only."""
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0))
    stack, interface = film.stack(), film.interface
    _, t, k, solid_angle = scattering(interface, np.array(film.magnetization))
    minus, plus = (layer.driven_amplitude() for layer in stack.layers)
    s = np.einsum("n,nab,b->na", k[:, 0], t, minus + plus)[:, :3]
    field = 2.0 * interface.rashba * np.cross(k, [0.0, 0.0, 1.0])
    by_field = stack.prefactor * METRE_PER_NM * solid_angle @ np.cross(s, field)
    tensors = interface_tensors(film, MESH)
    lattice, torque = tensors.lattice[:3, 0], tensors.torkivity_interface[:3, 0]
    scale = np.linalg.norm(by_field)
    assert np.linalg.norm(lattice - by_field) < 1e-12 * scale
    printed = lattice + 0.5 * torque  # gamma_mag without its factor of two
    assert np.linalg.norm(printed - by_field) / scale == pytest.approx(0.3266, abs=5e-4)


def printed_b22(
    interface: RashbaInterface, m: Array, minus: Array, plus: Array, epsilon: Array
) -> tuple[Array, Array, Array]:
    """j(0-), j(0+) and tau of (B20)-(B22) in 1 / (hbar (2 pi)^3), for any distributions."""
    r, t, k, solid_angle = scattering(interface, m)
    flux, one = solid_angle * k[:, 2], np.eye(4)
    below = np.einsum("n,nab,nb->a", flux, r - one, minus) + np.einsum("n,nab,nb->a", flux, t, plus)
    above = np.einsum("n,nab,nb->a", -flux, r - one, plus) + np.einsum(
        "n,nab,nb->a", -flux, t, minus
    )
    s = np.einsum("n,nab,nb->a", solid_angle, t, minus + plus)[:3]
    return below, above, interface.exchange * np.einsum("abc,b,c->a", epsilon, m, s)


@pytest.mark.parametrize("seed", SEEDS)
def test_b22_holds_in_a_right_handed_frame_only(seed: int) -> None:
    """In Cartesian components (B22) misses the factor of two; in (d, f, l) with
    eps_dfl = +1 it has the wrong sign as well."""
    interface, m, minus, plus = random_case(seed)
    below, above, cartesian = printed_b22(interface, m, minus, plus, LEVI_CIVITA)
    assert ratio((below - above)[:3], cartesian) == pytest.approx(2.0, rel=1e-11)

    d, f = torque_frame(m, (1.0, 0.0, 0.0))
    frame = np.array([d, f, m])
    assert np.linalg.det(frame) == pytest.approx(-1.0, abs=1e-12)
    full = np.eye(4)
    full[:3, :3] = frame
    # The same expression with components along (d, f, l): everything rotates but epsilon.
    _, t, _, solid_angle = scattering(interface, m)
    s = np.einsum("n,nab,nb->a", solid_angle, full @ t @ full.T, (minus + plus) @ full.T)[:3]
    in_frame = interface.exchange * np.einsum("abc,b,c->a", LEVI_CIVITA, frame @ m, s)
    assert ratio(frame @ (below - above)[:3], in_frame) == pytest.approx(-2.0, rel=1e-11)


def test_b22_last_index_is_misprinted() -> None:
    """T_{s''s} m_s with the free index s: the torkivity is then no vector under rotations
    about the normal. With a summation index of its own it is, as in the package."""
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0))
    m = np.array(film.magnetization)
    angle = 2.0 * np.pi * 5 / 12  # one that the mesh has
    o = np.eye(4)
    o[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]

    def literal(unit: Array, axis: Array) -> Array:
        _, t, k, solid_angle = scattering(film.interface, unit)
        weight = solid_angle * (k @ axis)
        charge = np.einsum("abc,b,n,nc->a", LEVI_CIVITA, unit, weight, t[:, :3, 3])
        spin = np.einsum("abc,b,n,nca,a->a", LEVI_CIVITA, unit, weight, t[:, :3, :3], unit)
        polarization = (16.25 - 6.01) / (16.25 + 6.01)
        return np.asarray(charge - polarization * spin)

    x = np.array([1.0, 0.0, 0.0])
    here = o[:3, :3] @ literal(m, x)
    there = literal(o[:3, :3] @ m, o[:3, :3] @ x)
    assert np.linalg.norm(there - here) / np.linalg.norm(here) == pytest.approx(0.0240, abs=5e-4)

    rotated = replace(film, magnetization=tuple(o[:3, :3] @ m))
    a, b = (interface_tensors(s, MESH).torkivity_interface for s in (film, rotated))
    np.testing.assert_allclose(b, o @ a @ o[:2, :2].T, atol=1e-12 * np.abs(a).max())


# --- 3: distribution driven by the field, (B1)-(B6) --------------------------------------


def test_b1_with_b2_conducts_backwards() -> None:
    """delta f = (d f_eq / d eps) g with g = e^2 E~ tau v_x gives minus the Drude conductivity."""
    field = 1.0e5  # V/m along x
    k_f = K_F / METRE_PER_NM
    v_f = HBAR * k_f / ELECTRON_MASS
    tau = PT.total_mean_free_path * METRE_PER_NM / v_f
    v_x = v_f * MESH.directions[:, 0]
    # Number of states per energy at the Fermi surface: d^2k / ((2 pi)^3 hbar v_F), two spins.
    states = 2.0 * MESH.weights * k_f**2 / ((2.0 * np.pi) ** 3 * HBAR * v_f)
    printed = E**2 * (-field / E) * tau * v_x  # (B2) with E~ = -E/e
    occupation = -printed  # (B1): d f_eq / d eps = -delta(eps - eps_F)
    sigma = -E * states @ (v_x * occupation) / field
    drude = E**2 * k_f**3 / (3.0 * np.pi**2) * tau / ELECTRON_MASS
    assert sigma / drude == pytest.approx(-1.0, rel=1e-12)

    # (C5), uniform: -e E v_x + g / tau = 0. (B2) leaves twice the drive.
    drive = -E * field * v_x
    residual = drive + printed / tau
    np.testing.assert_allclose(residual, 2.0 * drive, rtol=1e-12, atol=1e-12 * np.abs(drive).max())

    # The package: delta f = +g delta(eps - eps_F), g = e^2 E~ lambda v_x / v_F.
    g = E**2 * (-field / E) * PT.driven_amplitude()[CHARGE] * METRE_PER_NM * v_x / v_f
    sigma = -E * states @ (v_x * g) / field
    assert sigma / drude == pytest.approx(1.0, rel=1e-12)
    assert METAL.conductivity(K_F) == pytest.approx(drude, rel=1e-12)


@pytest.mark.parametrize("layer", [METAL, replace(CO, magnetization=(0.3, 0.2, 1.0))])
def test_driven_distribution_solves_the_kinetic_equation(layer: HeavyMetal | Ferromagnet) -> None:
    terms = collision_terms(layer)
    g = np.multiply.outer(MESH.directions[:, 0], layer.driven_amplitude())
    mean = MESH.weights @ g / (4.0 * np.pi)
    drive = np.multiply.outer(MESH.directions[:, 0], [0.0, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(
        g @ terms.k_out.T - terms.k_in[0, 0] @ mean, drive, rtol=0.0, atol=1e-13
    )


def test_b6_counts_one_spin_twice() -> None:
    """2 (tau_up + tau_up)^-1 is the time of one spin, not of the ferromagnet."""

    def conductivity(up: float, down: float) -> float:
        return Ferromagnet(5.0, up, down, np.inf, 1.36).conductivity(K_F)

    up, down = CO.mean_free_path_majority, CO.mean_free_path_minority
    one = fermi_surface_prefactor(K_F) * 4.0 * np.pi / 3.0 * METRE_PER_NM  # per spin and nm
    exact = one * (up + down)  # two spins in parallel
    printed = 2.0 * one * (up + up) / 2.0
    assert printed / exact == pytest.approx(1.460, abs=5e-4)
    assert conductivity(up, down) == pytest.approx(exact, rel=1e-14)
    # Which spin is called majority cannot matter.
    assert conductivity(down, up) == pytest.approx(exact, rel=1e-14)


def test_b3_leaves_out_spin_flip() -> None:
    """(B3) with (B4) and (B6) solves (C5) without spin flip only: 1.3 % too much current for
    lambda_sf = 1000 nm, 34 % for 38 nm."""
    for flip, excess in ((np.inf, 0.0), (1000.0, 0.0134), (38.0, 0.3432)):
        layer = replace(CO, spin_flip_length=flip, magnetization=(0.0, 0.0, 1.0))
        up, down = layer.mean_free_path_majority, layer.mean_free_path_minority
        printed = 0.5 * (up + down) * np.array([0.0, 0.0, -(up - down) / (up + down), 1.0])
        residual = collision_terms(layer).k_out @ printed - [0.0, 0.0, 0.0, 1.0]
        exact = layer.driven_amplitude()
        assert printed[CHARGE] / exact[CHARGE] - 1.0 == pytest.approx(excess, abs=2e-4)
        if flip == np.inf:
            assert np.abs(residual).max() < 1e-14


# --- 4: closed drift-diffusion solution, (17), (20)-(29), (3) ----------------------------


def printed_g(x: float, g_tilde: complex) -> tuple[float, float]:
    """(26), (27)."""
    tanh, re, im = np.tanh(x), g_tilde.real, g_tilde.imag
    below = (re - tanh) ** 2 + im**2
    return (tanh**2 - re * tanh) / below, im * tanh / below


def printed_22(x: float, g_tilde: complex, j_e: Array, j_sh: float) -> Array:
    """(22) with (23), (26)-(29), order (d, f)."""
    g1, g2 = printed_g(x, g_tilde)
    h2 = -((1.0 - np.exp(-x)) ** 2) / (1.0 + np.exp(-2.0 * x))
    h1 = h2 * (1.0 + g1) / g1
    return np.array([[g1, g2], [g2, g1]]) @ j_e + np.array([g1 * h1, g2 * h2]) * j_sh


def solved(
    x: float, conductance: complex, j_e: complex, j_sh: complex, slope: float, length: float
) -> complex:
    """j(0-) from mu'' = mu / l^2, j = -slope mu' + j_sH, j(-t) = 0, j(0) = G mu(0) + j_E."""
    decay = np.exp(-x)  # mu = a exp(z / l) + b exp(-(z + t) / l)
    per = slope / length
    matrix = np.array(
        [[-per * decay, per], [-per - conductance, (per - conductance) * decay]], dtype=complex
    )
    a, b = np.linalg.solve(matrix, [-j_sh, j_e - j_sh])
    return complex(-per * (a - b * decay) + j_sh)


@pytest.mark.parametrize("seed", SEEDS)
def test_closed_form_solves_20_21_and_7(seed: int) -> None:
    """The package's closed form, against the two-exponential solution."""
    rng = np.random.default_rng(seed)
    x, length, slope = rng.uniform(0.1, 5.0), rng.uniform(1.0, 3.0), rng.uniform(0.5, 2.0)
    g = complex(rng.uniform(0.0, 3.0), rng.uniform(-1.0, 1.0))
    j_e, j_sh = (complex(*rng.normal(size=2)) for _ in range(2))
    exact = solved(x, g, j_e, j_sh, slope, length)
    ours = dephased_spin_current(x, length * g / slope, j_e, j_sh)
    assert ours == pytest.approx(exact, rel=1e-12)


def test_26_has_a_pole_at_real_g_equal_to_tanh_x() -> None:
    """The printed spin current into the ferromagnet exceeds its source without bound."""
    x = 1.0
    tanh = np.tanh(x)
    for distance in (1e-2, 1e-4, 1e-6):
        g1, _ = printed_g(x, complex(tanh * (1.0 + distance), 0.0))
        assert abs(g1) == pytest.approx(1.0 / distance, rel=1e-3)
        exact = dephased_spin_current(x, tanh * (1.0 + distance), 1.0, 0.0)
        assert abs(exact) == pytest.approx(0.5, rel=distance)
    # Pt/Co meets it at a thickness that is grown every day.
    film = pt_co()
    length = spin_diffusion_length(PT)
    g = 2.0 * length * METRE_PER_NM * mixing_conductance(film) / PT.conductivity(K_F)
    assert g.real == pytest.approx(0.703, abs=1e-3)
    assert length * np.arctanh(g.real) == pytest.approx(2.24, abs=0.01)


def test_28_leaves_a_spin_hall_torque_at_an_opaque_interface() -> None:
    """G = 0 lets no spin through; printed, -2 (1 - sech x) of the spin Hall current pass."""
    x = 1.5
    printed = printed_22(x, 0j, np.zeros(2), 1.0)[0]
    assert printed == pytest.approx(-2.0 * (1.0 - 1.0 / np.cosh(x)), rel=1e-13)
    assert printed == pytest.approx(-1.150, abs=1e-3)
    assert dephased_spin_current(x, 0.0, 0.0, 1.0) == 0.0


def test_26_to_29_hold_with_two_signs_changed() -> None:
    """What went wrong: G~ -> -G~ in (26), (27) removes the pole, and g -> -g in (28) the spin
    Hall torque at G = 0; one without the other does not do. Both give minus the solution."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        x, g_tilde = rng.uniform(0.1, 4.0), complex(rng.uniform(0.1, 3.0), rng.normal())
        h2 = -((1.0 - np.exp(-x)) ** 2) / (1.0 + np.exp(-2.0 * x))
        g = -complex(*printed_g(x, -g_tilde))
        j_e, j_sh = complex(*rng.normal(size=2)), float(rng.normal())
        repaired = g * j_e + complex((1.0 + g.real) * h2, g.imag * h2) * j_sh
        ours = dephased_spin_current(x, g_tilde, j_e, j_sh)
        assert -repaired == pytest.approx(ours, rel=1e-12)
    only_first = printed_22(1.5, complex(-1e-9, 0.0), np.zeros(2), 1.0)[0]
    assert only_first == pytest.approx(-1.150, abs=1e-3)


def test_23_is_not_isotropic_about_the_magnetization() -> None:
    """[[g1, g2], [g2, g1]] does not commute with rotations about m; [[g1, -g2], [g2, g1]] does."""
    g1, g2 = printed_g(1.0, 0.3 - 0.1j)
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    printed = np.array([[g1, g2], [g2, g1]])
    complex_number = np.array([[g1, -g2], [g2, g1]])
    size = np.linalg.norm(printed @ turn - turn @ printed)
    assert size == pytest.approx(2.0 * np.sqrt(2.0) * abs(g2) * np.sin(angle), rel=1e-12)
    assert np.linalg.norm(complex_number @ turn - turn @ complex_number) < 1e-15
    # The package's response to a drive turned about m is the response, turned.
    j = dephased_spin_current(1.0, 0.3 - 0.1j, 1.0 + 0.5j, 0.2)
    phase = np.exp(1j * angle)
    turned = dephased_spin_current(1.0, 0.3 - 0.1j, (1.0 + 0.5j) * phase, 0.2 * phase)
    assert turned == pytest.approx(phase * j, rel=1e-14)


def test_20_needs_half_the_conductivity() -> None:
    """With sigma in (20) the solution depends on l G / sigma, not on (24); one spin
    coefficient carries sigma / 2, as the kinetic equation says."""
    sigma, length, g = 1.7, 2.0, 0.6 - 0.2j
    g_24 = 2.0 * length * g / sigma
    half = solved(1.2, g, 1.0, 0.3, 0.5 * sigma, length)
    full = solved(1.2, g, 1.0, 0.3, sigma, length)
    assert dephased_spin_current(1.2, g_24, 1.0, 0.3) == pytest.approx(half, rel=1e-12)
    assert dephased_spin_current(1.2, 0.5 * g_24, 1.0, 0.3) == pytest.approx(full, rel=1e-12)
    assert abs(full / half - 1.0) == pytest.approx(0.336, abs=1e-3)

    # g = z - lambda k_z per spin component solves the Boltzmann equation without spin flip.
    metal = HeavyMetal(10.0, 2.0, np.inf)
    b = b_matrix(collision_terms(metal), MESH)
    spin = np.zeros((MESH.n_directions, 4))
    spin[:, 1] = 1.0
    diffusive = -metal.total_mean_free_path * MESH.directions[:, 2:] * spin
    np.testing.assert_allclose(spin.ravel() + b @ diffusive.ravel(), 0.0, atol=1e-12)
    unit = fermi_surface_prefactor(K_F) * METRE_PER_NM
    current = unit * MESH.weights @ (MESH.directions[:, 2] * diffusive[:, 1])
    assert current / metal.conductivity(K_F) == pytest.approx(-0.5, rel=1e-12)
    through = metal.admittance(K_F).conductance[1, 1] * metal.thickness * METRE_PER_NM
    assert through == pytest.approx(-current, rel=1e-12)


def test_17_needs_half_the_conductivity() -> None:
    """Both terms of (17): -S mu_s' + P m S mu_c' with S = sigma / 2 (no spin flip)."""
    layer = replace(CO, spin_flip_length=np.inf, magnetization=(0.0, 0.0, 1.0))
    conductance = layer.admittance(K_F).conductance * layer.thickness * METRE_PER_NM
    sigma = layer.conductivity(K_F)
    up, down = layer.mean_free_path_majority, layer.mean_free_path_minority
    assert conductance[2, 2] / sigma == pytest.approx(0.5, rel=1e-12)
    # j_m = -conductance mu', so P m sigma / 2 with the sign of (17) is -conductance[m, c].
    polarization = (up - down) / (up + down)
    assert -conductance[2, CHARGE] / sigma == pytest.approx(0.5 * polarization, rel=1e-12)


def test_3_holds_in_f_d_order() -> None:
    """With ^ the majority spin, along -m, and G = int (1 - r_up r_down*), (3) has the sign of
    Im G wrong in the (d, f) components of (2)."""
    film = pt_co(0.0, magnetization=(0.3, 0.2, 1.0))
    m = np.array(film.magnetization)
    up, down = barriers(film)
    mu, weight = np.polynomial.legendre.leggauss(80)
    mu, weight = 0.5 * (mu + 1.0), 0.5 * weight
    r_up, r_down = (-1j * u / (mu + 1j * u) for u in (up, down))
    g = 2.0 * np.pi * film.stack().prefactor * weight @ (mu * (1.0 - r_up * r_down.conj()))
    assert mixing_conductance(film) == pytest.approx(g, rel=1e-10)

    r, _, k, solid_angle = scattering(film.interface, m)
    flux = film.stack().prefactor * solid_angle * k[:, 2]
    matrix = flux.sum() * np.eye(3) - np.einsum("n,nab->ab", flux, r[:, :3, :3])
    frame = np.array(torque_frame(m, (1.0, 0.0, 0.0)))  # rows d, f
    block = frame @ matrix @ frame.T
    correct = np.array([[g.real, g.imag], [-g.imag, g.real]])
    printed = np.array([[g.real, -g.imag], [g.imag, g.real]])
    assert np.abs(block - correct).max() < 1e-5 * abs(g)  # quadrature
    assert np.abs(block - printed).max() / abs(g) == pytest.approx(0.2866, abs=1e-3)
    ours = frame @ circuit_conductances(film).reflection[:3, :3] @ frame.T
    np.testing.assert_allclose(ours, correct, atol=1e-9 * abs(g))


def barriers(film: Bilayer) -> tuple[float, float]:
    """Barriers of spins along -m and along +m."""
    return (
        film.interface.barrier - film.interface.exchange,
        film.interface.barrier + film.interface.exchange,
    )


def test_spin_hall_flux_is_given_up_against_d() -> None:
    """The Introduction has spins along y_p = -x x z exert a torque along m x (m x y_p) that
    turns m towards y_p. The transverse part of y_p is the opposite of that vector, and a
    torque along m x (m x y_p) turns m away from y_p."""
    m = np.array(unit_vector(np.random.default_rng(3)))
    y_p = np.array([0.0, 1.0, 0.0])
    printed = np.cross(m, np.cross(m, y_p))
    np.testing.assert_allclose(transverse(y_p, m), -printed, atol=1e-15)
    assert printed @ y_p < 0.0
    # The package, for E > 0 (E~ < 0) and theta_SH > 0.
    film = replace(pt_co(0.0), magnetization=tuple(m))
    solution = solve_drift_diffusion(film, source="spin_hall")
    assert -solution.damping_like(solution.torque_total) < 0.0
    assert -solution.torque_total @ y_p > 0.0


# --- 5: appendices A, C, D ---------------------------------------------------------------


def test_a8_is_a_number() -> None:
    """tr[sigma_a sigma_b] is 2 delta_ab. With the unit matrix of the printed form the trace of
    both sides would be 4 delta_ab, and the tensors of (A9) would lose half of the electrons."""
    trace = np.einsum("aij,bji->ab", PAULI, PAULI)
    np.testing.assert_array_equal(trace, 2.0 * np.eye(4))
    interface, m, _, _ = random_case(0, rashba=True)
    k = MESH.directions[MESH.upward]
    printed = np.trace(2.0 * PAULI[3]).real  # 4
    r, t = amplitudes(interface, m, k)
    total = (tensor(r) + tensor(t))[:, CHARGE, CHARGE]
    np.testing.assert_allclose(total * 2.0 / printed, 0.5, rtol=1e-12)
    ours = sum(x[:, CHARGE, CHARGE] for x in scattering_matrices(interface, m, k))
    np.testing.assert_allclose(ours, 1.0, rtol=1e-12)


def test_charge_coefficient_is_half_the_occupation() -> None:
    """Below (A5): for rho = g_c + g.sigma the total occupation is 2 g_c, not g_c; g_s is the
    spin in units of hbar."""
    spinor = np.array([np.cos(0.4), np.exp(0.3j) * np.sin(0.4)])
    rho = np.outer(spinor, spinor.conj())
    g = 0.5 * np.einsum("aij,ji->a", PAULI, rho).real
    assert g[CHARGE] == pytest.approx(0.5, rel=1e-15)
    assert np.trace(rho).real == pytest.approx(1.0, rel=1e-15)
    assert np.linalg.norm(g[:3]) == pytest.approx(0.5, rel=1e-15)  # spin one half
    # So sigma counts both spins: twice the current of the charge coefficient.
    unit = fermi_surface_prefactor(K_F) * METRE_PER_NM
    of_coefficient = unit * MESH.weights @ MESH.directions[:, 0] ** 2 * METAL.total_mean_free_path
    assert METAL.conductivity(K_F) / of_coefficient == pytest.approx(2.0, rel=1e-12)


def test_c3_misses_hbar() -> None:
    """dk/dt = -e E makes the drive of (C1) hbar times that of (C5)."""
    field, temperature = 1.0e5, 1.0e-20  # V/m, J
    k_f = K_F / METRE_PER_NM

    def occupation(k: float) -> float:
        energy = HBAR**2 * (k**2 - k_f**2) / (2.0 * ELECTRON_MASS)
        return float(1.0 / (1.0 + np.exp(energy / temperature)))

    step = 1e-6 * k_f
    slope = (occupation(k_f + step) - occupation(k_f - step)) / (2.0 * step)
    c1 = -E * field * slope  # along the field
    c5 = -E * field * (HBAR * k_f / ELECTRON_MASS) * (-0.25 / temperature)
    assert c1 / c5 == pytest.approx(HBAR, rel=1e-6)


def test_c17_grows_where_solutions_decay() -> None:
    """dg/dz + B g = 0 has solutions exp(-lambda z) for eigenvalues lambda of B; with
    exp(+lambda z) it is missed by twice lambda g. And the eigenvectors of the defective zero
    eigenvalue do not make a basis."""
    mesh = SphericalMesh(3, 4)
    terms = collision_terms(METAL)
    b = b_matrix(terms, mesh)
    values, vectors = np.linalg.eig(b)
    fastest = int(np.argmax(values.real))
    value, vector = values[fastest], vectors[:, fastest]
    z = 0.3
    exact = expm(-b * z) @ vector
    assert np.linalg.norm(exact - np.exp(-value * z) * vector) < 1e-8
    printed = np.exp(value * z) * vector
    assert np.linalg.norm(value * printed + b @ printed) / np.linalg.norm(
        b @ printed
    ) == pytest.approx(2.0, rel=1e-8)
    assert np.linalg.cond(vectors) > 1e6

    modes = modes_of_terms(terms, mesh)
    assert modes.n_zero == 2
    scale = flux_scale(mesh)
    at, later = (modes.states(depth, 1.0) / scale[:, None] for depth in (0.2, 0.2 + z))
    np.testing.assert_allclose(later, expm(-b * z) @ at, atol=1e-8 * np.abs(at).max())
    basis = modes.states(0.5, 1.0)
    assert np.linalg.cond(basis / np.linalg.norm(basis, axis=0)) < 1e3


def test_d16_needs_the_incoming_distribution() -> None:
    """b = g_out - S g_out does not vanish for a distribution that obeys (D1);
    b = g_out - S g_in, which (D18) uses, does."""
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0))
    mesh = SphericalMesh(3, 6, "gauss")
    states = solve_dense(film, mesh)
    below, above = states.minus[0][0], states.plus[0][0]  # (direction, spin-charge), E along x
    arriving = below[mesh.upward], above[mesh.downward]
    leaving = below[mesh.downward], above[mesh.upward]
    m = np.array(film.magnetization)
    r, t = (tensor(x) for x in amplitudes(film.interface, m, mesh.directions[mesh.upward]))

    def scattered(near: Array, far: Array) -> Array:
        return np.asarray(
            [
                np.einsum("nab,nb->na", r, near) + np.einsum("nab,nb->na", t, far),
                np.einsum("nab,nb->na", r, far) + np.einsum("nab,nb->na", t, near),
            ]
        )

    out = np.asarray(leaving)
    scale = np.abs(out).max()
    assert np.abs(out - scattered(*arriving)).max() < 1e-12 * scale
    assert np.abs(out - scattered(*leaving)).max() / scale == pytest.approx(0.342, abs=1e-3)
