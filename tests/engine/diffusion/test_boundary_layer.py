"""Appendix D and the boundary-layer-exact parameters against the full Boltzmann equation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from draws import CO, PT, U0, pt_co, random_bilayer, random_ferromagnet
from torkivity_engine.dense.modes import layer_modes
from torkivity_engine.diffusion.boundary_layer import (
    BoundaryLayerParameters,
    boundary_layer_parameters,
)
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import interface_tensors
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.boundaries import HalfSpace, Reservoir, Surface
from torkivity_engine.film.diffusion_length import spin_diffusion_length
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Bilayer, Stack, mirrored
from torkivity_engine.reduced.slow_modes import slow_modes
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

MESH = SphericalMesh(24, 12)
ANGLED = (0.71984631, 0.26200263, 0.64278761)  # theta = 50, phi = 20 degrees
NAMES = ("torque_total", "torque_interface", "torque_lattice", "spin_current_minus")


def rings(mesh=MESH):  # type: ignore[no-untyped-def]
    assert mesh.rings is not None
    return mesh.rings


def error_at(film: Bilayer, thickness: float, source: str) -> float:
    film = replace(film, heavy_metal=replace(film.heavy_metal, thickness=thickness))
    exact = solve_boltzmann(film, MESH, source=source)
    ours = solve_drift_diffusion(film, "boundary_layer", source=source, mesh=MESH)  # type: ignore[arg-type]
    scale = np.abs(exact.torque_total).max()
    return max(float(np.abs(getattr(ours, n) - getattr(exact, n)).max() / scale) for n in NAMES)


def test_error_against_the_full_boltzmann_film() -> None:
    film = pt_co(0.2, magnetization=ANGLED)
    assert error_at(film, 3.0, "rashba") < 1e-2
    assert error_at(film, 6.0, "rashba") < 3e-4
    assert error_at(film, 10.0, "rashba") < 1e-5
    assert error_at(film, 20.0, "rashba") < 1e-9


@pytest.mark.parametrize(
    ("source", "left", "crossings"),
    [
        ("rashba", Surface(), 2),
        ("spin_hall", Surface(), 1),
        ("all", Surface(0.3), 1),
        ("spin_hall", Surface(0.0), 1),
    ],
)
def test_error_falls_as_fast_modes_crossing_the_film(
    source: str, left: Surface, crossings: int
) -> None:
    """Two crossings where the outer face only reflects, one where it is a source itself."""
    film = replace(pt_co(0.2, magnetization=ANGLED), left=left)
    errors = [error_at(film, t, source) for t in (8.0, 16.0)]
    expected = np.exp(-crossings * 8.0 / PT.total_mean_free_path)
    # An algebraic factor of t comes on top of the exponential.
    assert errors[1] < 2.0 * expected * errors[0]
    assert errors[0] < 2e-3


@pytest.mark.parametrize("seed", range(8))
def test_random_thick_films(seed: int) -> None:
    """20 mean free paths: one formula for any film, faces and sources included."""
    rng = np.random.default_rng(seed)
    film = random_bilayer(rng)
    metal = replace(
        film.heavy_metal, spin_hall_angle=0.3 * float(rng.normal()), spin_flip_length=60.0
    )
    metal = replace(metal, mean_free_path=3.0, thickness=20 * metal.total_mean_free_path)
    metal = replace(metal, thickness=25 * metal.total_mean_free_path)
    film = replace(film, heavy_metal=metal, left=Surface(float(rng.uniform())))
    exact = solve_boltzmann(film, MESH)
    ours = boundary_layer_parameters(film, MESH).response()
    scale = np.abs(exact.torque_total).max()
    np.testing.assert_allclose(ours.torque_total, exact.torque_total, atol=1e-7 * scale)


@pytest.mark.parametrize("source", ["rashba", "all"])
def test_heavy_metal_on_top(source: str) -> None:
    stack = pt_co(0.2, magnetization=ANGLED).stack()
    below = boundary_layer_parameters(stack, MESH, source).response(7.0)
    above = boundary_layer_parameters(mirrored(stack), MESH, source)
    assert above.upside_down
    turned = above.response(7.0)
    axial = np.array([-1.0, -1.0, 1.0])
    np.testing.assert_allclose(turned.torque_total, axial * below.torque_total, rtol=1e-10)
    exact = solve_boltzmann(mirrored(replace_thickness(stack, 12.0)), MESH, source=source)
    ours = above.response(12.0)
    scale = np.abs(exact.torque_total).max()
    np.testing.assert_allclose(ours.torque_total, exact.torque_total, atol=1e-4 * scale)


def replace_thickness(stack: Stack, thickness: float) -> Stack:
    return replace(stack, layers=(replace(stack.layers[0], thickness=thickness), *stack.layers[1:]))


def test_several_layers_behind_the_metal() -> None:
    magnet = random_ferromagnet(np.random.default_rng(3))
    stack = Stack(
        (replace(PT, thickness=25.0), HeavyMetal(2.0, 20.0, 500.0), magnet),
        (RashbaInterface(0.1, 0.0, 0.3), RashbaInterface(0.4, 0.2, 0.1, magnet.magnetization)),
    )
    exact = solve_boltzmann(stack, MESH, source="rashba")
    ours = boundary_layer_parameters(stack, MESH, "rashba")
    for index in range(2):
        a, b = ours.response(interface=index), exact.at_interface(index)
        scale = np.abs(b.current_minus).max()
        np.testing.assert_allclose(a.torque_total, b.torque_total, atol=1e-8 * scale)
        np.testing.assert_allclose(a.current_minus, b.current_minus, atol=1e-8 * scale)


def test_circuit_form_is_the_amplitude_form() -> None:
    """j_slow = G_eff mu_slow + j_E,eff E~ for any thickness, in a film with a closed face."""
    film = pt_co(0.2, magnetization=ANGLED)
    p = boundary_layer_parameters(film, MESH, "rashba")
    for t in (1.0, 5.0, 30.0):
        arriving = p.arriving(t) * 1e-9
        returned = p.emission * 1e-9 + p.reflection @ arriving
        mu, j = arriving + returned, p.slow_current[:, None] * (arriving - returned)
        np.testing.assert_allclose(
            j, p.conductance @ mu + p.source_current, atol=1e-12 * np.abs(p.source_current).max()
        )
        # A specular face turns the slow mode round: j_slow = -J_- tanh(kappa t) mu_slow.
        slope = -(p.slow_current * np.tanh(p.kappa * t))[:, None] * mu
        np.testing.assert_allclose(j, slope, atol=1e-11 * np.abs(j).max())


def test_slow_mode_is_the_root_of_the_dispersion_relation() -> None:
    metal = replace(PT, spin_hall_angle=0.0)
    modes = slow_modes(metal, rings(SphericalMesh(32, 4)))
    np.testing.assert_allclose(1.0 / modes.kappa, spin_diffusion_length(metal), rtol=1e-11)
    # phi = s / (1/lambda -+ kappa mu), <phi> = 1; J = 4 pi (1 - omega) / (kappa lambda)
    lam, omega, kappa = PT.total_mean_free_path, PT.spin_albedo, modes.kappa[0]
    mu = rings(SphericalMesh(32, 4)).cosines
    np.testing.assert_allclose(
        modes.decaying[0, :, 0, 1, 1], omega / (1.0 - kappa * lam * mu), rtol=1e-9
    )
    np.testing.assert_allclose(
        modes.decaying[1, :, 0, 1, 1], omega / (1.0 + kappa * lam * mu), rtol=1e-9
    )
    np.testing.assert_allclose(modes.current, 4 * np.pi * (1 - omega) / (kappa * lam), rtol=1e-10)


def test_skew_scattering_splits_the_slow_modes_at_second_order() -> None:
    free = slow_modes(replace(PT, spin_hall_angle=0.0), rings()).kappa[0]
    shifts = []
    for theta in (0.05, 0.1):
        kappa = slow_modes(replace(PT, spin_hall_angle=theta), rings()).kappa
        assert kappa[0] == pytest.approx(kappa[1], rel=1e-12)
        assert kappa[2] == pytest.approx(free, rel=1e-11)
        shifts.append(kappa[0] - free)
    assert shifts[1] / shifts[0] == pytest.approx(4.0, rel=0.03)


def test_slow_modes_are_the_slowest_modes_of_the_dense_method() -> None:
    mesh = SphericalMesh(5, 6)
    metal = replace(PT, spin_hall_angle=0.2)
    rates = layer_modes(metal, mesh).rates
    slowest = np.sort(np.abs(rates.real))[:6]
    kappa = np.sort(slow_modes(metal, rings(mesh)).kappa)
    np.testing.assert_allclose(slowest, np.repeat(kappa, 2), rtol=1e-10)


@pytest.mark.parametrize("specularity", [0.0, 0.5, 1.0])
def test_outer_face_parameters(specularity: float) -> None:
    """Without skew scattering a face only reflects: nothing is emitted, spins alike."""
    film = replace(pt_co(0.2), left=Surface(specularity))
    p: BoundaryLayerParameters = boundary_layer_parameters(film, MESH, "rashba")
    scale = np.abs(p.emission).max()
    np.testing.assert_allclose(p.outer_emission, 0.0, atol=1e-12 * scale)
    np.testing.assert_allclose(p.outer_reflection, p.outer_reflection[0, 0] * np.eye(3), atol=1e-10)
    # A specular face turns the mode round; forgetting the direction costs nothing at first
    # order, since the face still conserves spin, but never gains.
    if specularity == 1.0:
        assert p.outer_reflection[0, 0] == pytest.approx(1.0, abs=1e-10)
    else:
        assert 0.5 < p.outer_reflection[0, 0] < 1.0 - 1e-3


@pytest.mark.parametrize("specularity", [0.0, 0.5, 1.0])
def test_slow_mode_that_comes_back_from_a_face(specularity: float) -> None:
    """Spins injected from afar, solved with all modes: two exponentials far from both ends."""
    metal, mesh = HeavyMetal(60.0, 1.0, 200.0), SphericalMesh(12, 4)
    film = replace(pt_co(0.2), heavy_metal=metal, left=Surface(specularity))
    expected = boundary_layer_parameters(film, mesh, "rashba").outer_reflection[2, 2]
    alone = Stack((metal,), (), Surface(specularity), Reservoir(0.0, (0.0, 0.0, 1.0)))
    solution = solve_boltzmann(alone, mesh, method="dense", source="reservoirs")
    z = np.linspace(22.0, 30.0, 9)
    kappa = slow_modes(metal, rings(mesh)).kappa[2]
    both = np.column_stack([np.exp(kappa * z), np.exp(-kappa * z)])
    spins = solution.profile(0, z).spin_accumulation[:, 2]
    (arriving, returned), *_ = np.linalg.lstsq(both, spins, rcond=None)
    np.testing.assert_allclose(both @ [arriving, returned], spins, rtol=1e-7)
    assert returned / arriving == pytest.approx(expected, rel=1e-6)


def test_appendix_d_is_the_half_space_solution_and_counts_backflow_twice() -> None:
    """Put literally into (22) the damping-like torque falls well below Boltzmann."""
    film = Bilayer(PT, RashbaInterface(U0, 0.2, 0.5 * U0), replace(CO, dephasing_length=None))
    boltzmann = solve_boltzmann(film, MESH, source="rashba")
    literal = solve_drift_diffusion(film, "half_space", source="rashba", mesh=MESH)
    exact = solve_drift_diffusion(film, "boundary_layer", source="rashba", mesh=MESH)
    d = boltzmann.damping_like(boltzmann.torque_total)
    assert -0.5 < literal.damping_like(literal.torque_total) / d - 1.0 < -0.1
    assert abs(exact.damping_like(exact.torque_total) / d - 1.0) < 1e-4

    tensors = interface_tensors(film, MESH, parameters="half_space")
    ends = replace(film, left=HalfSpace(), right=HalfSpace())
    half_spaces = solve_boltzmann(ends, SphericalMesh(5, 6), source="rashba", method="dense")
    coarse = interface_tensors(film, SphericalMesh(5, 6), parameters="half_space")
    scale = np.abs(coarse.conductivity).max()
    np.testing.assert_allclose(
        coarse.conductivity[:3, 0], half_spaces.spin_current_minus, atol=1e-10 * scale
    )
    np.testing.assert_allclose(
        coarse.torkivity_interface[:3, 0], half_spaces.torque_interface, atol=1e-10 * scale
    )
    assert np.abs(tensors.conductivity[3]).max() < 1e-12 * scale


def test_no_diffusive_regime_is_named() -> None:
    fast = HeavyMetal(10.0, 2.0, 3.5)  # albedo 0.27
    film = replace(pt_co(), heavy_metal=fast)
    with pytest.raises(PhysicsError, match="diffusive regime"):
        boundary_layer_parameters(film, MESH)
    endless = replace(pt_co(), heavy_metal=replace(PT, spin_flip_length=float("inf")))
    with pytest.raises(PhysicsError, match="conserves spin"):
        boundary_layer_parameters(endless, MESH)


def test_bad_requests() -> None:
    magnets = Stack(
        (
            Ferromagnet(2.0, 5.0, 3.0, 100.0, 1.0, (0.0, 0.0, 1.0)),
            Ferromagnet(2.0, 5.0, 3.0, 100.0, 1.0, (0.0, 0.0, 1.0)),
        ),
        (RashbaInterface(0.1, 0.1, 0.1, (0.0, 0.0, 1.0)),),
    )
    with pytest.raises(InputError, match="bottom or top"):
        boundary_layer_parameters(magnets, MESH)
    with pytest.raises(InputError, match="two layers"):
        boundary_layer_parameters(Stack((PT,), ()), MESH)
    with pytest.raises(InputError, match="positive"):
        boundary_layer_parameters(pt_co(), MESH).response(-1.0)
    with pytest.raises(InputError, match="interface"):
        boundary_layer_parameters(pt_co(), MESH).response(1.0, interface=1)
    with pytest.raises(InputError, match="closed outer faces"):
        solve_drift_diffusion(replace(pt_co(), left=Reservoir(1.0)))


@pytest.mark.parametrize("theta", [0.0, 0.059])
def test_slow_modes_survive_polar_points_next_to_grazing(theta: float) -> None:
    """Rates of the most grazing ring, 1e11 times the slow one here, cost it no digits."""
    metal = HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, theta)
    film = Bilayer(metal, RashbaInterface(U0, 0.2, 0.2), CO, ANGLED)
    found, expected = (
        boundary_layer_parameters(film, SphericalMesh(96, 8, rule)) for rule in ("graded", "gauss")
    )
    np.testing.assert_allclose(found.kappa, expected.kappa, rtol=1e-9)
    np.testing.assert_allclose(1.0 / found.kappa[0], spin_diffusion_length(metal), rtol=1e-9)
    scale = np.abs(expected.response().torque_total).max()
    for name in NAMES:
        difference = getattr(found.response(), name) - getattr(expected.response(), name)
        assert np.abs(difference).max() < 1e-6 * scale
