"""Films whose layers have Fermi spheres of their own, by both methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.integrate import quad

from draws import (
    CO,
    PT,
    U0,
    U_EX,
    insulator,
    random_ferromagnet,
    sphere_metal,
    split_magnet,
    unit_vector,
)
from torkivity_engine.constants import METRE_PER_NM, fermi_surface_prefactor
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.boundaries import Boundary, HalfSpace, Reservoir, Surface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Bilayer, Stack, mirrored, reversed_magnets
from torkivity_engine.magnets import magnet_responses
from torkivity_engine.solution import BoltzmannSolution
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

COARSE = SphericalMesh(2, 6)


_half_metal = partial(split_magnet, half_metal=True)
_spin_hall_metal = partial(sphere_metal, spin_hall_angle=0.3)
MIRROR, ROUGH, ENDLESS = Surface(), Surface(0.3), HalfSpace()
CONTACT = Reservoir(0.4, (0.1, -0.2, 0.3))
#: Layers from below, and outer faces.
FILMS: list[tuple[list[Callable[[np.random.Generator], Layer]], Boundary, Boundary]] = [
    ([sphere_metal, split_magnet], MIRROR, MIRROR),
    ([split_magnet, sphere_metal], MIRROR, MIRROR),
    ([sphere_metal, split_magnet], ROUGH, MIRROR),
    ([_spin_hall_metal, split_magnet], MIRROR, MIRROR),
    ([_spin_hall_metal, split_magnet], ROUGH, ROUGH),
    ([sphere_metal, sphere_metal], CONTACT, CONTACT),
    ([split_magnet, split_magnet], ENDLESS, MIRROR),
    ([random_ferromagnet, split_magnet], MIRROR, ENDLESS),
    ([sphere_metal, random_ferromagnet], MIRROR, CONTACT),
    ([sphere_metal, _half_metal], MIRROR, MIRROR),
    ([_half_metal, sphere_metal], ROUGH, MIRROR),
    ([split_magnet, _half_metal], CONTACT, MIRROR),
    ([sphere_metal, insulator], MIRROR, MIRROR),
    ([insulator, sphere_metal], MIRROR, ROUGH),
    ([insulator, split_magnet], MIRROR, CONTACT),
    ([sphere_metal, split_magnet, sphere_metal], MIRROR, MIRROR),
    ([_spin_hall_metal, sphere_metal, split_magnet], MIRROR, ROUGH),
    ([split_magnet, sphere_metal, _half_metal], ENDLESS, ENDLESS),
    ([sphere_metal, random_ferromagnet, split_magnet], MIRROR, MIRROR),
    ([insulator, sphere_metal, split_magnet], MIRROR, MIRROR),
]


def _random_stack(case: int) -> Stack:
    kinds, left, right = FILMS[case]
    rng = np.random.default_rng(case)
    layers = tuple(kind(rng) for kind in kinds)
    interfaces = tuple(
        RashbaInterface(*(rng.normal(size=3) * 0.5), magnetization=unit_vector(rng))
        for _ in layers[1:]
    )
    angle = float(rng.uniform(0, 90))
    return Stack(layers, interfaces, left, right, field_direction_deg=angle)


def _values(solution: BoltzmannSolution) -> np.ndarray:
    return np.array([[*r.current_minus, *r.current_plus, *r.torque] for r in solution.interfaces])


def _profile_values(solution: BoltzmannSolution, layer: int, thickness: float) -> np.ndarray:
    found = solution.profile(layer, np.array([0.0, 0.3, 1.0]) * thickness)
    quantities = (
        found.spin_current,
        found.charge_current,
        found.spin_accumulation,
        found.charge_accumulation,
        found.in_plane_current,
    )
    return np.concatenate([quantity.ravel() for quantity in quantities])


@pytest.mark.parametrize("case", range(len(FILMS)))
def test_reduced_and_dense_agree(case: int) -> None:
    stack = _random_stack(case)
    sources = ("all", "reservoirs") if stack.is_open else ("all",)
    for source in sources:
        reduced, dense = (
            solve_boltzmann(stack, COARSE, method=method, source=source)
            for method in ("reduced", "dense")
        )
        scale = max(float(np.abs(_values(dense)).max()), 1e-300)
        np.testing.assert_allclose(_values(reduced) / scale, _values(dense) / scale, atol=1e-10)
        for solution in (reduced, dense):
            assert solution.certificates["charge_defect"] < 1e-11
            assert solution.certificates["unitarity_defect"] < 1e-12
            assert solution.certificates["spin_balance"] < 1e-10
        for index, layer in enumerate(stack.layers):
            if isinstance(layer, MagneticInsulator):
                continue
            values, exact = (
                _profile_values(solution, index, layer.thickness) for solution in (reduced, dense)
            )
            np.testing.assert_allclose(values, exact, atol=1e-9 * np.abs(exact).max())


@pytest.mark.parametrize("case", range(len(FILMS)))
def test_sheet_conductance(case: int) -> None:
    """Balances of each spin against integrated modes, Onsager's relation, exchange torques."""
    stack = _random_stack(case)
    turned = reversed_magnets(stack)
    if ENDLESS in (stack.left, stack.right):
        with pytest.raises(PhysicsError, match="half space"):
            _ = solve_boltzmann(stack, COARSE).sheet_conductance
        return
    found = [solve_boltzmann(stack, COARSE, method=method) for method in ("reduced", "dense")]
    layers = [solution.layer_sheet_conductance for solution in found]
    np.testing.assert_allclose(layers[0], layers[1], atol=1e-10 * np.abs(layers[1]).max())
    back = solve_boltzmann(turned, COARSE).sheet_conductance.T
    np.testing.assert_allclose(back, layers[0].sum(axis=0), atol=1e-10 * np.abs(back).max())
    for name in stack.magnet_names:
        one, other = (solution.torque_exchange_on(name) for solution in found)
        np.testing.assert_allclose(one, other, atol=1e-10 * np.abs(other).max())
        if not isinstance(stack.layers[stack.names.index(name)], Ferromagnet):
            # All that enters across m is absorbed by the magnetization.
            magnets = {m.name: m for m in magnet_responses(stack, found[0].interfaces)}
            np.testing.assert_allclose(one, magnets[name].torque_total, rtol=1e-12)


def test_profiles_meet_the_interfaces() -> None:
    stack = _random_stack(19)
    solution = solve_boltzmann(stack, COARSE)
    for i, response in enumerate(solution.interfaces):
        for layer, depth, current in (
            (i, stack.layers[i].thickness, response.current_minus),
            (i + 1, 0.0, response.current_plus),
        ):
            kind = stack.layers[layer]
            if isinstance(kind, MagneticInsulator):
                continue
            profile = solution.profile(layer, [depth])
            scale = np.abs(response.current_plus).max()
            assert profile.charge_current[0] == pytest.approx(current[3], abs=1e-12 * scale)
            spin = current[:3]
            if isinstance(kind, SplitFerromagnet):  # the rest is absorbed at the face
                m = np.array(kind.magnetization)
                spin = (spin @ m) * m
            np.testing.assert_allclose(profile.spin_current[0], spin, atol=1e-11 * scale)


def test_identical_spheres_given_explicitly_change_no_bit() -> None:
    film = Bilayer(PT, RashbaInterface(U0, U_EX, 0.2), CO, magnetization=(0.3, 0.2, 1.0))
    explicit = replace(
        film, heavy_metal=replace(PT, fermi_wavevector=film.fermi_wavevector, effective_mass=1.0)
    )
    mesh = SphericalMesh(6, 8)
    for method in ("reduced", "dense"):
        first, second = (solve_boltzmann(f, mesh, method=method) for f in (film, explicit))
        np.testing.assert_array_equal(_values(first), _values(second))


def test_the_sphere_solver_on_one_sphere_is_the_old_one() -> None:
    """A mass of 1 + 1e-15 takes the other road, to the same place."""
    film = Bilayer(PT, RashbaInterface(U0, U_EX, 0.2), CO, magnetization=(0.3, 0.2, 1.0))
    other = replace(film, heavy_metal=replace(PT, effective_mass=1.0 + 1e-15))
    mesh = SphericalMesh(6, 8)
    exact = _values(solve_boltzmann(film, mesh))
    values = _values(solve_boltzmann(other, mesh))
    np.testing.assert_allclose(values, exact, atol=1e-12 * np.abs(exact).max())


def test_equal_spheres_are_the_limit_of_fast_precession() -> None:
    """Difference from a ferromagnet with l_prec falls linearly."""
    mesh = SphericalMesh(12, 6)
    m = (0.3, 0.2, 1.0)
    interface = RashbaInterface(U0, U_EX, 0.2)
    k = 16.0
    split = SplitFerromagnet(60.0, k, k, 16.25, 6.01, 1000.0)
    exact = solve_boltzmann(Bilayer(PT, interface, split, m), mesh, source="rashba")
    errors = []
    for length in (0.1, 0.03, 0.01):
        ferromagnet = Ferromagnet(60.0, 16.25, 6.01, 1000.0, length)
        found = solve_boltzmann(Bilayer(PT, interface, ferromagnet, m), mesh, source="rashba")
        miss = np.abs(found.torque_total - exact.torque_total).max()
        errors.append(miss / np.abs(exact.torque_total).max())
    assert errors[1] < 1e-4
    assert errors[0] / errors[1] == pytest.approx(10 / 3, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(3.0, rel=0.1)


def _fuchs_sondheimer(thickness: float, path: float, p: float) -> float:
    """Conductivity of a film over that of the bulk."""
    kappa = thickness / path

    def integrand(mu: float) -> float:
        decay = np.exp(-kappa / mu)
        return float((mu - mu**3) * (1 - decay) / (1 - p * decay))

    return 1.0 - 1.5 / kappa * (1 - p) * quad(integrand, 0.0, 1.0, epsabs=1e-13)[0]


@pytest.mark.parametrize("specularity", [0.0, 0.5, 1.0])
def test_fuchs_sondheimer_in_every_layer(specularity: float) -> None:
    """Mean in-plane current of films that stand alone, a spin at a time where spheres differ."""
    face = Surface(specularity)
    mesh = SphericalMesh(24, 4)
    z, w = np.polynomial.legendre.leggauss(10)
    metal = HeavyMetal(3.0, 4.0, 20.0, fermi_wavevector=11.0, effective_mass=1.7)
    path = metal.total_mean_free_path
    split = SplitFerromagnet(
        3.0, 17.0, 9.0, 6.0, 2.0, 40.0, 1.3, 0.7, magnetization=(0.0, 0.6, 0.8)
    )
    lengths = split.spin_lengths(16.0).total
    for layer, radii, paths in ((metal, (11.0, 11.0), (path, path)), (split, (17.0, 9.0), lengths)):
        solution = solve_boltzmann(Stack((layer,), (), face, face), mesh)
        # Currents vary fastest near the faces: nodes that crowd there.
        depths = 1.5 * (1.0 - np.cos(0.5 * np.pi * (1.0 + z)))
        profile = solution.profile(0, depths)
        weights = w * 0.5 * np.pi * 1.5 * np.sin(0.5 * np.pi * (1.0 + z)) / 3.0
        mean = np.einsum("z,zai->ai", weights, profile.in_plane_current)
        each = [
            fermi_surface_prefactor(k) * 4 * np.pi / 3 * lam * METRE_PER_NM
            * _fuchs_sondheimer(3.0, lam, specularity)
            for k, lam in zip(radii, paths, strict=True)
        ]  # fmt: skip
        assert mean[3, 0] == pytest.approx(0.5 * sum(each), rel=1e-4)
        sheet = 3.0 * METRE_PER_NM * sum(each) * np.eye(2)
        np.testing.assert_allclose(solution.sheet_conductance, sheet, atol=1e-6 * sheet[0, 0])
        spin = np.zeros(3)
        if layer is split:
            spin = -0.5 * (each[0] - each[1]) * np.array(split.magnetization)
        np.testing.assert_allclose(mean[:3, 0], spin, atol=1e-4 * sum(each))


def _film(rashba: float = 0.2, **changes: object) -> Bilayer:
    metal = HeavyMetal(5.0, 3.0, 30.0, fermi_wavevector=13.0, effective_mass=0.8)
    split = SplitFerromagnet(4.0, 17.0, 9.0, 6.0, 2.0, 60.0, 1.3, 0.8)
    return Bilayer(
        metal,
        RashbaInterface(0.4, 0.2, rashba),
        split,
        **{"magnetization": (0.3, 0.2, 1.0), **changes},  # type: ignore[arg-type]
    )


def test_twelve_points_an_annulus() -> None:
    values, exact = (_values(solve_boltzmann(_film(), SphericalMesh(n, 16))) for n in (12, 28))
    np.testing.assert_allclose(values, exact, atol=1e-6 * np.abs(exact).max())


def test_spheres_become_equal_smoothly() -> None:
    """The difference falls with the step between the spheres, although an annulus vanishes."""
    mesh = SphericalMesh(24, 6)
    split = SplitFerromagnet(5.0, 16.0, 16.0, 16.25, 6.01, 1000.0)
    film = Bilayer(PT, RashbaInterface(U0, U_EX, 0.2), split, magnetization=(0.3, 0.2, 1.0))
    exact = _values(solve_boltzmann(film, mesh))
    errors = []
    for step in (1e-2, 1e-3, 1e-4):
        metal = replace(PT, fermi_wavevector=16.0 * (1.0 + step))
        values = _values(solve_boltzmann(replace(film, heavy_metal=metal), mesh))
        errors.append(np.abs(values - exact).max() / np.abs(exact).max())
    assert errors[2] < 1e-3
    assert errors[0] / errors[1] == pytest.approx(10.0, rel=0.3)
    assert errors[1] / errors[2] == pytest.approx(10.0, rel=0.1)


def test_symmetries_of_the_field_response() -> None:
    mesh = SphericalMesh(5, 12)
    base = _values(solve_boltzmann(_film(), mesh))[0]
    scale = 1e-12 * np.abs(base).max()
    np.testing.assert_allclose(_values(solve_boltzmann(_film(-0.2), mesh))[0], -base, atol=scale)
    np.testing.assert_allclose(_values(solve_boltzmann(_film(0.0), mesh)), 0.0, atol=scale)
    # Turned with the field about z, by an angle that the azimuths share.
    angle = np.deg2rad(60.0)
    o = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    turned = _film(magnetization=tuple(o @ [0.3, 0.2, 1.0]), field_direction_deg=60.0)
    values = _values(solve_boltzmann(turned, mesh))[0]
    for part in (slice(0, 3), slice(4, 7), slice(8, 11)):
        np.testing.assert_allclose(values[part], o @ base[part], atol=scale)
    # Upside down.
    film = _film().stack()
    below = solve_boltzmann(mirrored(film), mesh).interfaces[0].mirrored()
    values = np.array([*below.current_minus, *below.current_plus, *below.torque])
    np.testing.assert_allclose(values, base, atol=scale)


def test_an_insulator_takes_a_torque_and_no_current() -> None:
    film = replace(_film(), ferromagnet=MagneticInsulator(4.0, 7.0))
    solution = solve_boltzmann(film, SphericalMesh(6, 8))
    assert abs(solution.charge_current_plus) < 1e-9
    assert np.linalg.norm(solution.torque_total) > 100.0
    # What enters it is transverse: nothing is there to carry the longitudinal part.
    entering = solution.spin_current_plus
    assert abs(entering @ solution.magnetization) < 1e-10 * np.linalg.norm(entering)


def test_spin_hall_current_of_a_metal_with_its_own_sphere() -> None:
    """In the middle of a thick film the bulk value, from the true conductivity of its sphere."""
    theta = 0.2
    metal = HeavyMetal(80.0, 2.0, 6.0, theta, fermi_wavevector=11.0, effective_mass=1.5)
    split = SplitFerromagnet(4.0, 17.0, 9.0, 6.0, 2.0, 60.0, magnetization=(0.0, 0.0, 1.0))
    stack = Stack((metal, split), (RashbaInterface(0.0, 0.0, 0.0),))
    profile = solve_boltzmann(stack, SphericalMesh(16, 4)).profile(0, [40.0])
    plain = fermi_surface_prefactor(11.0) * 8 * np.pi / 3 * metal.total_mean_free_path
    sigma = plain * METRE_PER_NM / (1.0 + 2.0 * theta**2)
    assert profile.spin_current[0, 1] == pytest.approx(-0.5 * theta * sigma, rel=1e-6)
    assert 2.0 * profile.in_plane_current[0, 3, 0] == pytest.approx(sigma, rel=1e-6)


def test_refinement_finds_its_mesh() -> None:
    solution = solve_boltzmann(_film(), rtol=1e-5)
    exact = solve_boltzmann(_film(), SphericalMesh(32, 32))
    error = np.abs(solution.torque_total - exact.torque_total).max()
    assert error < 1e-5 * np.abs(exact.torque_total).max()
    assert solution.certificates["mesh_error"] < 1e-5
