"""Tensors, conductances and drift-diffusion where layers have Fermi spheres of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from draws import CO, PT, U0, U_EX
from torkivity_engine.constants import fermi_surface_prefactor
from torkivity_engine.diffusion.boundary_layer import boundary_layer_parameters
from torkivity_engine.diffusion.drift_diffusion import dephased_spin_current, solve_drift_diffusion
from torkivity_engine.diffusion.tensors import (
    circuit_conductances,
    interface_tensors,
    mixing_conductance,
    transmitted_mixing_conductance,
)
from torkivity_engine.film.boundaries import HalfSpace
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Bilayer, Stack, mirrored
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

M = (0.3, 0.2, 1.0)
MESH = SphericalMesh(24, 12)
EQUAL = SplitFerromagnet(5.0, 16.0, 16.0, 16.25, 6.01, 1000.0)
SPLIT = SplitFerromagnet(5.0, 17.0, 9.0, 6.0, 2.0, 60.0, 1.3, 0.8)
METAL = HeavyMetal(5.0, 2.0, 30.0, fermi_wavevector=13.0, effective_mass=0.8)
MAGNETS = {
    "split": SPLIT,
    "half metal": SplitFerromagnet(5.0, 17.0, None, 6.0, None, decay_minority=5.0),
    "insulator": MagneticInsulator(4.0, 7.0),
}


def _film(magnet: object, metal: HeavyMetal = METAL, rashba: float = 0.2) -> Bilayer:
    return Bilayer(metal, RashbaInterface(U0, U_EX, rashba), magnet, M)  # type: ignore[arg-type]


def test_equal_spheres_have_the_closed_forms() -> None:
    """Quadrature over the sphere, reached by a mass that differs in the last digit."""
    film = _film(CO, PT)
    other = _film(CO, replace(PT, effective_mass=1.0 + 1e-15))
    for conductance in (mixing_conductance, transmitted_mixing_conductance):
        assert conductance(other) == pytest.approx(conductance(film), rel=1e-12)
    closed, found = circuit_conductances(film), circuit_conductances(other)
    for name, value in vars(closed).items():
        np.testing.assert_allclose(
            getattr(found, name), value, rtol=0.0, atol=1e-11 * np.abs(value).max()
        )
    for parameters in ("particular", "half_space"):
        tensors, values = (interface_tensors(f, MESH, parameters) for f in (film, other))
        for name, value in vars(tensors).items():
            np.testing.assert_allclose(
                getattr(values, name), value, rtol=0.0, atol=1e-11 * np.abs(value).max() + 1e-9
            )


@pytest.mark.parametrize("source", ["rashba", "spin_hall"])
def test_dephased_split_ferromagnet_with_equal_spheres(source: str) -> None:
    first, second = (
        solve_drift_diffusion(_film(magnet, PT), "particular", source=source, mesh=MESH)
        for magnet in (CO, EQUAL)
    )
    scale = np.abs(first.torque_total).max()
    for name in ("torque_interface", "torque_ferromagnet", "spin_current_minus"):
        # The bulk distributions of both differ in nothing, conductances by the quadrature.
        np.testing.assert_allclose(getattr(second, name), getattr(first, name), atol=1e-9 * scale)


def test_finite_split_ferromagnet_is_one_that_dephases_at_once() -> None:
    stack = Stack(
        (PT, replace(CO, dephasing_length=1e-6, magnetization=M), PT),
        (RashbaInterface(U0, U_EX, 0.2, M), RashbaInterface(-0.3, 0.1, -0.1, M)),
    )
    split = replace(stack, layers=(PT, replace(EQUAL, magnetization=M), PT))
    first, second = (
        solve_drift_diffusion(s, ferromagnet="finite", mesh=MESH) for s in (stack, split)
    )
    for one, two in zip(first.interfaces, second.interfaces, strict=True):
        scale = np.abs(one.torque_total).max()
        for name in ("torque_total", "spin_current_minus", "spin_current_plus"):
            np.testing.assert_allclose(getattr(two, name), getattr(one, name), atol=1e-5 * scale)


@pytest.mark.parametrize("kind", MAGNETS)
def test_dephased_torque_is_the_closed_form_with_the_metals_own_conductivity(kind: str) -> None:
    film = _film(MAGNETS[kind], replace(METAL, spin_hall_angle=0.1), rashba=0.0)
    solution = solve_drift_diffusion(film, source="spin_hall", mesh=MESH)
    metal, k_0 = film.heavy_metal, film.fermi_wavevector
    sigma, length = metal.conductivity(k_0), metal.spin_diffusion_length()
    g = 2.0 * length * 1e-9 * mixing_conductance(film) / sigma
    m = solution.magnetization
    e_1 = np.cross([0.0, 0.0, 1.0], m) / np.linalg.norm(np.cross([0.0, 0.0, 1.0], m))
    e_2 = np.cross(m, e_1)
    hall = metal.spin_hall_current(k_0, np.array([0.0, 1.0, 0.0]))
    exact = complex(
        dephased_spin_current(metal.thickness / length, g, 0.0, complex(hall @ e_1, hall @ e_2))
    )
    # Without spin-orbit coupling at the interface all of it is torque.
    total = complex(solution.torque_total @ e_1, solution.torque_total @ e_2)
    assert total == pytest.approx(exact, rel=1e-9)
    assert abs(exact) > 1.0


@pytest.mark.parametrize("kind", MAGNETS)
def test_finite_level_conserves_charge_and_turns_upside_down(kind: str) -> None:
    stack = _film(MAGNETS[kind]).stack()
    above = solve_drift_diffusion(stack, ferromagnet="finite", mesh=MESH)
    scale = np.abs(above.torque_total).max()
    assert abs(above.charge_current_minus) < 1e-9 * scale
    assert abs(above.charge_current_plus) < 1e-9 * scale
    below = solve_drift_diffusion(mirrored(stack), ferromagnet="finite", mesh=MESH)
    turned = below.interfaces[0].mirrored()
    np.testing.assert_allclose(turned.torque_total, above.torque_total, atol=1e-9 * scale)
    np.testing.assert_allclose(
        turned.current_minus, above.interfaces[0].current_minus, atol=1e-9 * scale
    )


def test_longitudinal_spins_decay_over_the_two_current_length() -> None:
    """1/l_sf^2 = 3 sum_s 1/(lambda'_s lambda_sf,s), from the Boltzmann profile of a thick layer."""
    split = replace(SPLIT, thickness=200.0, spin_flip_length=3000.0, magnetization=M)
    stack = Stack((METAL, split), (RashbaInterface(U0, U_EX, 0.3, M),), HalfSpace(), HalfSpace())
    profile = solve_boltzmann(stack, SphericalMesh(10, 4)).profile(1, [40.0, 60.0])
    spin = profile.spin_current @ np.array(split.magnetization)
    rate = np.log(spin[0] / spin[1]) / 20.0
    assert rate == pytest.approx(split.spin_diffusion_rate(16.0), rel=2e-3)


@pytest.mark.parametrize("kind", MAGNETS)
def test_boundary_layer_parameters_are_exact_for_thick_metals(kind: str) -> None:
    metal = replace(METAL, thickness=20.0, spin_flip_length=40.0)
    for film in (
        _film(MAGNETS[kind], metal).stack(),
        mirrored(_film(MAGNETS[kind], metal).stack()),
    ):
        mesh = SphericalMesh(10, 8)
        exact = solve_boltzmann(film, mesh).interfaces[0]
        found = solve_drift_diffusion(film, "boundary_layer", mesh=mesh).interfaces[0]
        scale = np.abs(exact.torque_total).max()
        for name in ("torque_total", "torque_interface", "spin_current_minus", "spin_current_plus"):
            np.testing.assert_allclose(
                getattr(found, name), getattr(exact, name), atol=1e-6 * scale
            )


def test_slow_current_of_a_metal_with_its_own_sphere() -> None:
    """J_- = 4 pi C_s (1 - omega) / kappa lambda."""
    metal = replace(METAL, thickness=20.0)
    found = boundary_layer_parameters(_film(SPLIT, metal), SphericalMesh(16, 8))
    path, kappa = metal.total_mean_free_path, 1.0 / metal.spin_diffusion_length()
    np.testing.assert_allclose(found.kappa, kappa, rtol=1e-6)
    exact = 4 * np.pi * fermi_surface_prefactor(13.0) * (1 - metal.spin_albedo) / (kappa * path)
    np.testing.assert_allclose(found.slow_current, exact, rtol=1e-6)


def test_particular_tensors_come_near_the_boltzmann_equation() -> None:
    """A thick film: Appendix B with drift-diffusion is within tens of per cent of it."""
    film = _film(replace(SPLIT, thickness=40.0), replace(METAL, thickness=40.0))
    exact = solve_boltzmann(film, SphericalMesh(16, 12))
    found = solve_drift_diffusion(film, mesh=MESH)
    miss = np.abs(found.torque_total - exact.torque_total).max()
    assert miss < 0.4 * np.abs(exact.torque_total).max()
