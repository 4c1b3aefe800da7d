"""Every sign and factor that docs/conventions.md states, with a number."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from draws import CO, PT, U0, U_EX, pt_co, unit_vector
from torkivity_engine.constants import ELEMENTARY_CHARGE as E
from torkivity_engine.constants import HBAR, METRE_PER_NM, fermi_surface_prefactor
from torkivity_engine.dense.matching import solve_dense
from torkivity_engine.diffusion.drift_diffusion import dephased_spin_current, solve_drift_diffusion
from torkivity_engine.diffusion.tensors import (
    circuit_conductances,
    interface_tensors,
    mixing_conductance,
    transmitted_mixing_conductance,
)
from torkivity_engine.film.collisions import collision_terms, driven_distribution
from torkivity_engine.film.diffusion_length import spin_diffusion_length
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.pumping import spin_pumping
from torkivity_engine.solution import InterfaceResponse
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.spin import CHARGE, torque_frame, transverse
from torkivity_meshes import SphericalMesh

Array = NDArray[np.float64]

K_F = 16.0
M = (0.3, 0.2, 1.0)
MESH = SphericalMesh(12, 16)
AXIAL = np.array([-1.0, -1.0, 1.0])  # an axial vector under z -> -z


def test_field_angle_counts_from_x_towards_y() -> None:
    along = [
        replace(pt_co(), field_direction_deg=angle).stack().field_direction
        for angle in (0.0, 30.0, 90.0)
    ]
    expected = [[1, 0, 0], [math.sqrt(0.75), 0.5, 0], [0, 1, 0]]
    np.testing.assert_allclose(along, expected, atol=1e-15)


def test_e_tilde_gives_ohm_s_law_for_electrons() -> None:
    """Charge -e, E~ = -E/e, g > 0 an excess: the current follows E."""
    field = 1.0e5
    c = fermi_surface_prefactor(K_F)
    per_e_tilde = 2.0 * c * METRE_PER_NM * SphericalMesh(4, 6).weights
    k_x = SphericalMesh(4, 6).directions[:, 0]
    number = per_e_tilde @ (k_x * driven_distribution(PT)[0, CHARGE, 0] * k_x) * (-field / E)
    assert number < 0.0  # electrons move against the field
    assert -E * number == pytest.approx(PT.conductivity(K_F) * field, rel=1e-13)


def test_prefactor_and_conductivity() -> None:
    c = fermi_surface_prefactor(K_F)
    assert c == pytest.approx(E**2 * 1.6e10**2 / (8.0 * math.pi**3 * HBAR), rel=1e-15)
    assert c == pytest.approx(2.512147e14, rel=1e-6)
    assert math.pi * c == pytest.approx(7.892141e14, rel=1e-6)  # Sharvin, one coefficient
    lam = 2.0853e-9
    sigma = replace(PT, spin_hall_angle=0.0).conductivity(K_F)
    assert sigma == pytest.approx(2.0 * c * 4.0 * math.pi / 3.0 * lam, rel=1e-13)
    assert sigma == pytest.approx(E**2 * 1.6e10**2 * lam / (3.0 * math.pi**2 * HBAR), rel=1e-13)
    assert sigma == pytest.approx(4.38866e6, rel=1e-5)
    # Skew scattering at theta = 0.059 takes 0.7 % off.
    assert PT.conductivity(K_F) == pytest.approx(sigma / (1.0 + 2.0 * 0.059**2), rel=1e-13)
    assert PT.conductivity(K_F) == pytest.approx(4.35832e6, rel=1e-5)


def test_majority_spins_point_along_minus_m() -> None:
    """With u0, u_ex > 0 they meet the lower barrier, carry more current, mu along -m."""
    m = np.array(unit_vector(np.random.default_rng(0)))
    film = replace(pt_co(0.0), magnetization=tuple(m))
    transmission = circuit_conductances(film).transmission
    assert -m @ transmission[:3, CHARGE] > 0.0
    driven = film.stack().layers[1].driven_amplitude()
    assert driven[CHARGE] > 0.0
    assert -m @ driven[:3] / driven[CHARGE] == pytest.approx(0.46, abs=0.01)


def test_exchange_precession_is_right_handed_about_m() -> None:
    """ds/dt = (2J / hbar) m x s, with J > 0: spins along +m have the higher energy."""
    layer = replace(CO, magnetization=(0.0, 0.0, 1.0))
    rates = -collision_terms(layer).k_out[:3, :3] @ [1.0, 0.0, 0.0]
    assert rates[1] == pytest.approx(1.0 / CO.precession_length, rel=1e-14)


def test_torque_frame_is_left_handed() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        m, phi = np.array(unit_vector(rng)), rng.uniform(0.0, 2.0 * np.pi)
        field = np.array([np.cos(phi), np.sin(phi), 0.0])
        y_p = np.cross([0.0, 0.0, 1.0], field)
        d, f = torque_frame(m, field)
        np.testing.assert_allclose(np.cross(f, d), m, atol=1e-14)
        assert np.linalg.det([d, f, m]) == pytest.approx(-1.0, abs=1e-14)
        assert f @ np.cross(m, y_p) > 0.0
        assert d @ np.cross(m, np.cross(m, y_p)) > 0.0
    d, f = torque_frame((0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
    np.testing.assert_array_equal([d, f], [[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]])


def test_names_of_torques() -> None:
    minus, plus = np.array([1.0, 2.0, 3.0, 0.0]), np.array([0.5, -1.0, 4.0, 0.0])
    torque, m = np.array([0.2, 0.1, 0.0]), np.array([0.0, 0.0, 1.0])
    response = InterfaceResponse(minus, plus, torque, m, np.array([1.0, 0.0, 0.0]))
    np.testing.assert_array_equal(response.spin_current_minus, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(response.spin_current_plus, [0.5, -1.0, 4.0])
    np.testing.assert_array_equal(response.torque_interface, [0.2, 0.1, 0.0])
    np.testing.assert_array_equal(response.torque_ferromagnet, [0.5, -1.0, 0.0])
    np.testing.assert_allclose(response.torque_total, [0.7, -0.9, 0.0], rtol=1e-15)
    np.testing.assert_allclose(response.torque_lattice, [0.3, 2.9, 0.0], rtol=1e-15)
    # tau_tot = j(0-) - tau_latt, transverse parts.
    np.testing.assert_allclose(
        response.torque_total, transverse(minus[:3], m) - response.torque_lattice, atol=1e-15
    )
    assert response.damping_like(response.torque_total) == pytest.approx(0.9)
    assert response.field_like(response.torque_total) == pytest.approx(-0.7)


def test_spin_hall_current_is_polarised_along_y_p() -> None:
    """For theta_SH > 0 and E > 0 spins along +y_p flow towards +z: per E~ along -y_p. A
    transparent interface to a thick heavy metal takes nearly all of it, against d."""
    theta, angle = 0.1, 25.0
    m = np.array(unit_vector(np.random.default_rng(2)))
    metal = HeavyMetal(500.0, 2.0, 400.0, spin_hall_angle=theta)
    film = Bilayer(
        metal,
        RashbaInterface(0.0, 0.0, 0.0),
        CO,
        magnetization=tuple(m),
        field_direction_deg=angle,
    )
    solution = solve_drift_diffusion(film, source="spin_hall", mesh=MESH)
    y_p = np.array([-math.sin(math.radians(angle)), math.cos(math.radians(angle)), 0.0])
    bulk = -0.5 * theta * metal.conductivity(K_F) * y_p  # per E~
    g_tilde = (
        2.0 * spin_diffusion_length(metal) * METRE_PER_NM * mixing_conductance(film).real
        / metal.conductivity(K_F)
    )  # fmt: skip
    share = g_tilde / (1.0 + g_tilde)
    assert share > 0.8
    np.testing.assert_allclose(solution.spin_current_minus, share * transverse(bulk, m), rtol=1e-9)
    per_e_tilde = solution.damping_like(solution.torque_total)
    efficiency = 2.0 * per_e_tilde / metal.conductivity(K_F)
    sine = np.linalg.norm(np.cross(m, y_p))
    assert efficiency == pytest.approx(share * theta * sine, rel=1e-9)  # positive, towards theta


def test_skew_scattering_has_the_sign_of_the_spin_hall_angle() -> None:
    """Boltzmann bulk: j_sH / (1 + 2 theta^2), and a damping-like torque of the same sign."""
    theta = 0.3
    driven = driven_distribution(replace(PT, spin_hall_angle=theta))  # [axis, component, field]
    lam = PT.total_mean_free_path
    assert driven[2, 1, 0] / lam == pytest.approx(-theta / (1.0 + 2.0 * theta**2), rel=1e-12)
    assert driven[2, 0, 1] / lam == pytest.approx(theta / (1.0 + 2.0 * theta**2), rel=1e-12)
    film = replace(pt_co(0.0), magnetization=M)
    solutions = (
        solve_boltzmann(film, SphericalMesh(8, 8), source="spin_hall"),
        solve_drift_diffusion(film, source="spin_hall", mesh=SphericalMesh(8, 8)),
    )
    for solution in solutions:
        assert solution.damping_like(solution.torque_total) > 0.0


def test_units_of_pt_co_torques() -> None:
    """The worked numbers of the page."""
    film = replace(pt_co(0.2), magnetization=M)
    solution = solve_drift_diffusion(film, source="all")
    d = solution.damping_like(solution.torque_total)
    f = solution.field_like(solution.torque_total)
    assert d == pytest.approx(2.987e5, rel=2e-4)
    assert f == pytest.approx(-7.738e5, rel=2e-4)

    field = 1.0e5  # V/m
    sigma = PT.conductivity(K_F)
    number = d * (-field / E)  # 1 / (m^2 s)
    flux = HBAR * number  # J / m^2
    assert flux == pytest.approx(-(HBAR / (2.0 * E)) * (2.0 * d) * field, rel=1e-14)
    assert flux == pytest.approx(-1.966e-5, rel=3e-4)
    assert 2.0 * d == pytest.approx(5.974e5, rel=2e-4)
    assert 2.0 * d / sigma == pytest.approx(0.1371, rel=4e-4)
    # The same through the current density that the field drives.
    current = sigma * field
    assert -(HBAR / (2.0 * E)) * (2.0 * d / sigma) * current == pytest.approx(flux, rel=1e-14)


def test_accumulation_per_e_squared_and_in_volts() -> None:
    """j = G mu with mu = V / e: a current of number G V / e, of charge G V."""
    film = pt_co(0.0)
    volts = 1.0e-6
    spin_current = mixing_conductance(film) * volts / E
    assert E * spin_current.real == pytest.approx(5.9568e8, rel=1e-4)  # A / m^2
    # Closed heavy metal: j = -(sigma / 2 l_sf) tanh x mu + spin Hall drive, the same G~.
    length, sigma = spin_diffusion_length(PT), PT.conductivity(K_F)
    x = PT.thickness / length
    g_tilde = 2.0 * length * METRE_PER_NM * mixing_conductance(film) / sigma
    j = complex(dephased_spin_current(x, g_tilde, 0.0, 1.0))
    mu = j / mixing_conductance(film)
    drive = 1.0 - 1.0 / math.cosh(x)
    admittance = 0.5 * sigma / (length * METRE_PER_NM) * math.tanh(x)
    assert j == pytest.approx(drive - admittance * mu, rel=1e-12)


def test_mixing_conductance_is_a_complex_number_in_a_right_handed_frame() -> None:
    film = replace(pt_co(0.0), magnetization=M)
    d, f = torque_frame(film.magnetization, (1.0, 0.0, 0.0))
    conductances = circuit_conductances(film)
    for value, matrix in (
        (mixing_conductance(film), conductances.reflection[:3, :3]),
        (transmitted_mixing_conductance(film), conductances.transmission[:3, :3]),
    ):
        mu = 0.7 * f - 0.4 * d
        j = matrix @ mu
        product = value * complex(0.7, -0.4)
        assert complex(j @ f, j @ d) == pytest.approx(product, rel=1e-12)
        block = np.array([d, f]) @ matrix @ np.array([d, f]).T
        np.testing.assert_allclose(
            block, [[value.real, value.imag], [-value.imag, value.real]], atol=1e-9 * abs(value)
        )
    assert mixing_conductance(film) == pytest.approx(5.9568e14 - 0.8626e14j, rel=1e-4)


def mirrored(stack: Stack) -> Stack:
    """The same film seen upside down: z -> -z."""

    def turned(m: object) -> tuple[float, ...]:
        return tuple(AXIAL * np.array(m))

    layers = tuple(
        replace(layer, magnetization=turned(layer.magnetization))
        if isinstance(layer, Ferromagnet)
        else layer
        for layer in reversed(stack.layers)
    )
    interfaces = tuple(
        replace(i, rashba=-i.rashba, magnetization=turned(i.magnetization))
        for i in reversed(stack.interfaces)
    )
    return replace(stack, layers=layers, interfaces=interfaces, left=stack.right, right=stack.left)


@pytest.mark.parametrize("model", ["dephased", "finite", "boltzmann"])
def test_heavy_metal_above_the_ferromagnet(model: str) -> None:
    """Mirror, solve, mirror back: torques are axial, flows along z change sign on top, and
    damping-like and field-like parts change sign because y_p does not turn with the film."""
    metal = replace(PT, spin_hall_angle=0.3)
    below = replace(pt_co(0.2), heavy_metal=metal, magnetization=M, field_direction_deg=20.0)
    stack = below.stack()
    above = mirrored(stack)
    assert isinstance(above.layers[1], HeavyMetal)
    mesh = SphericalMesh(6, 8)
    a, b = (
        solve_boltzmann(s, mesh)
        if model == "boltzmann"
        else solve_drift_diffusion(s, ferromagnet=model, mesh=mesh)  # type: ignore[arg-type]
        for s in (stack, above)
    )
    tolerance = 1e-11 * np.abs(a.spin_current_minus).max()
    np.testing.assert_allclose(b.torque_interface, AXIAL * a.torque_interface, atol=tolerance)
    np.testing.assert_allclose(b.spin_current_minus, -AXIAL * a.spin_current_plus, atol=tolerance)
    np.testing.assert_allclose(b.spin_current_plus, -AXIAL * a.spin_current_minus, atol=tolerance)
    # What flows into a ferromagnet below the interface is minus the current at 0-.
    into = transverse(-b.spin_current_minus, b.magnetization)
    np.testing.assert_allclose(b.torque_ferromagnet, into, atol=tolerance)
    np.testing.assert_allclose(b.torque_total, AXIAL * a.torque_total, atol=tolerance)
    np.testing.assert_allclose(b.torque_lattice, AXIAL * a.torque_lattice, atol=tolerance)
    for part in ("damping_like", "field_like"):
        component = getattr(a, part)(a.torque_total)
        assert getattr(b, part)(b.torque_total) == pytest.approx(-component, rel=1e-10)


def test_charge_potentials_are_measured_from_the_interface() -> None:
    """The mean charge distribution that leaves the interface, weighted with the flux, is zero."""
    mesh = SphericalMesh(4, 6)
    states = solve_dense(replace(pt_co(0.2), magnetization=M), mesh)
    charge = [
        states.minus[0][:, mesh.downward, CHARGE],
        states.plus[0][:, mesh.upward, CHARGE],
    ]
    flux = mesh.weights[mesh.upward] * mesh.directions[mesh.upward, 2]
    assert np.abs(charge[0] @ flux).max() > 1e-3  # each side has its own
    np.testing.assert_allclose((charge[0] + charge[1]) @ flux, 0.0, atol=1e-11)
    assert states.certificates["gauge_slack"] < 1e-11


def test_a_charge_shift_carries_no_current_but_a_torque() -> None:
    """Equal charge on both sides: no spin current; with u_R and tilted m a torque, from the
    lattice."""
    shift = np.array([0.0, 0.0, 0.0, 1.0])
    tilted, upright = (
        (circuit_conductances(film, keep_rashba=True, mesh=MESH), np.array(film.magnetization))
        for film in (pt_co(0.2, magnetization=M), pt_co(0.2, magnetization=(0.0, 0.0, 1.0)))
    )
    scale = np.abs(tilted[0].reflection).max()
    for conductances, _ in (tilted, upright):
        current = (conductances.reflection - conductances.transmission) @ shift
        assert np.abs(current).max() < 1e-12 * scale
    torques = [np.linalg.norm(np.cross(c.density @ shift, m)) for c, m in (tilted, upright)]
    assert torques[0] > 1e-3 * scale
    assert torques[1] < 1e-12 * scale


def test_kinetic_and_diffusion_lengths() -> None:
    """l_sf = 2.57 nm of Pt belongs to a kinetic length of 14.8 nm."""
    assert PT.spin_flip_length == pytest.approx(14.834, abs=1e-3)
    assert PT.mean_free_path == pytest.approx(2.4264, abs=1e-4)
    assert 1.0 / PT.mean_free_path + 1.0 / PT.spin_flip_length == pytest.approx(1.0 / 2.0853)
    assert spin_diffusion_length(PT) == pytest.approx(2.57, rel=1e-12)
    diffusive = spin_diffusion_length(PT, exact=False)
    assert diffusive == pytest.approx(math.sqrt(2.0853 * PT.spin_flip_length / 6.0), rel=1e-12)
    assert diffusive == pytest.approx(2.2706, abs=1e-4)


def test_rows_and_columns_of_the_tensors() -> None:
    """Rows (x, y, z, charge), columns (E_x, E_y): turning m and E together turns both."""
    film = pt_co(0.2, magnetization=M)
    turn = np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])  # x to y
    turned = replace(film, magnetization=tuple(turn[:3, :3] @ np.array(M)))
    a, b = interface_tensors(film, MESH), interface_tensors(turned, MESH)
    for name in ("conductivity", "torkivity_ferromagnet", "torkivity_interface"):
        np.testing.assert_allclose(
            getattr(b, name)[:, 1],
            turn @ getattr(a, name)[:, 0],
            atol=1e-12 * np.abs(a.conductivity).max(),
        )


def test_rashba_spin_accumulation_and_torque() -> None:
    """u_R > 0, m along z: transverse spins at the interface mostly along +y_p per E~, the
    torque 2 u_ex s x m mostly along -f."""
    film = Bilayer(PT, RashbaInterface(U0, U_EX, 0.2), CO)
    torque = interface_tensors(film).torkivity_interface[:3, 0]
    np.testing.assert_allclose(torque, [5.6607e5, -1.7551e5, 0.0], rtol=1e-4, atol=1.0)
    spin = np.cross(film.magnetization, torque) / (2.0 * U_EX)
    np.testing.assert_allclose(2.0 * U_EX * np.cross(spin, film.magnetization), torque, atol=1e-6)
    assert spin[1] > 3.0 * abs(spin[0])
    d, f = torque_frame((0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
    assert torque @ f < -3.0 * abs(torque @ d)


def test_sheet_conductance_of_the_worked_film() -> None:
    film = pt_co(0.2, magnetization=M)
    g = solve_boltzmann(film, SphericalMesh(16, 12)).sheet_conductance
    assert g[0, 0] == pytest.approx(0.1358, abs=5e-5)
    bulk = sum(
        layer.conductivity(K_F) * layer.thickness * METRE_PER_NM for layer in film.stack().layers
    )
    assert bulk == pytest.approx(0.1591, abs=5e-5)
    turned = solve_boltzmann(replace(film, magnetization=(-0.3, -0.2, -1.0)), SphericalMesh(16, 12))
    np.testing.assert_allclose(turned.sheet_conductance.T, g, atol=1e-11 * g[0, 0])
    assert abs(g[0, 1] - g[1, 0]) > 1e-4 * g[0, 0]


def test_pumping_of_the_worked_film() -> None:
    film = pt_co(0.2, magnetization=M)
    pumped = spin_pumping(film, MESH)
    m = np.array(film.magnetization)
    np.testing.assert_allclose(np.cross(*pumped.axes), m, atol=1e-15)
    assert pumped.effective_mixing_conductance == pytest.approx(5.85e14, rel=5e-3)
    assert np.all(np.diag(pumped.damping_tensor) < 0.0)
    # A current along x, read backwards: the torque of a field along x on the reversed magnet.
    turned = replace(film, magnetization=tuple(-m))
    torque = solve_boltzmann(turned, MESH).torque_exchange
    expected = [torque @ np.cross(m, q) for q in pumped.axes]
    np.testing.assert_allclose(pumped.sheet_current[0], expected, rtol=1e-10)
