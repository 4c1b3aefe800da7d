"""Spin pumping of layers with Fermi spheres of their own: reciprocity, two methods, limits."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from draws import (
    insulator,
    random_ferromagnet,
    sphere_metal,
    split_magnet,
)
from pumping_checks import assert_methods_agree, largest
from torkivity_engine.diffusion.tensors import mixing_conductance
from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import Boundary, Reservoir, Surface
from torkivity_engine.film.interfaces import RashbaInterface, SpinOrbitInterface
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Stack, reversed_magnets
from torkivity_engine.kinetics.matching import Side
from torkivity_engine.kinetics.sphere_pumping import Turning, pumped_by_spheres
from torkivity_engine.pumping import spin_pumping
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.spin import rotation_to
from torkivity_meshes import SphericalMesh

COARSE = SphericalMesh(2, 6)


_half_metal = partial(split_magnet, half_metal=True)
_spin_hall = partial(sphere_metal, spin_hall_angle=0.3)
_common = partial(sphere_metal, spin_hall_angle=-0.2, own=False)
MIRROR, ROUGH = Surface(), Surface(0.3)
Kind = Callable[[np.random.Generator], Layer]
#: Layers from below, and outer faces.
FILMS: list[tuple[list[Kind], Boundary, Boundary]] = [
    ([_spin_hall, random_ferromagnet], MIRROR, MIRROR),
    ([_spin_hall, random_ferromagnet], ROUGH, ROUGH),
    ([random_ferromagnet, _spin_hall], ROUGH, MIRROR),
    ([sphere_metal, random_ferromagnet, _spin_hall], MIRROR, ROUGH),
    ([_spin_hall, split_magnet], MIRROR, MIRROR),
    ([_spin_hall, split_magnet], ROUGH, ROUGH),
    ([split_magnet, _spin_hall], ROUGH, MIRROR),
    ([_common, split_magnet], ROUGH, MIRROR),
    ([_spin_hall, _half_metal], MIRROR, ROUGH),
    ([_half_metal, sphere_metal], ROUGH, MIRROR),
    ([_spin_hall, insulator], MIRROR, MIRROR),
    ([insulator, _spin_hall], MIRROR, ROUGH),
    ([_common, insulator], ROUGH, MIRROR),
    ([sphere_metal, split_magnet, _spin_hall], MIRROR, ROUGH),
    ([_spin_hall, sphere_metal, split_magnet], ROUGH, MIRROR),
    ([split_magnet, _spin_hall, _half_metal], MIRROR, ROUGH),
    ([insulator, _spin_hall, split_magnet], MIRROR, MIRROR),
    ([random_ferromagnet, _spin_hall, split_magnet], ROUGH, MIRROR),
    ([insulator, _spin_hall, random_ferromagnet], MIRROR, ROUGH),
    ([split_magnet, split_magnet, _spin_hall], ROUGH, ROUGH),
]


def _stack(case: int) -> Stack:
    """Everything that breaks a symmetry: tilted m, spin-orbit coupling of any form."""
    kinds, left, right = FILMS[case]
    rng = np.random.default_rng(case)
    layers = tuple(kind(rng) for kind in kinds)
    interfaces: list[RashbaInterface | SpinOrbitInterface] = []
    for below, above in itertools.pairwise(layers):
        m = above.magnetization or below.magnetization
        u0, u_ex, u_r = (float(x) for x in 0.5 * rng.normal(size=3))
        if m is None:
            interfaces.append(RashbaInterface(u0, 0.0, u_r))
        elif case % 3 == 2:
            w = tuple((float(x), float(y)) for x, y in 0.3 * rng.normal(size=(3, 2)))
            interfaces.append(SpinOrbitInterface(u0, u_ex, w, magnetization=m))  # type: ignore[arg-type]
        else:
            interfaces.append(RashbaInterface(u0, u_ex, u_r, magnetization=m))
    return Stack(layers, tuple(interfaces), left, right)


def _torkance(stack: Stack, name: str) -> np.ndarray:
    """Exchange torque per field, (component, field along x and y)."""
    along = (replace(stack, field_direction_deg=angle) for angle in (0.0, 90.0))
    return np.column_stack([solve_boltzmann(f, COARSE).torque_exchange_on(name) for f in along])


@pytest.mark.parametrize("case", range(len(FILMS)))
def test_reciprocity(case: int) -> None:
    """J_a(q; m) = sum_i T_ia(-m) (m x q)_i, and X_ab(m) = X_ba(-m), also between magnets."""
    stack = _stack(case)
    turned = reversed_magnets(stack)
    names = stack.magnet_names
    pumped = {name: spin_pumping(stack, COARSE, magnet=name) for name in names}
    back = {name: spin_pumping(turned, COARSE, magnet=name) for name in names}
    for name, found in pumped.items():
        m = np.array(stack.layers[stack.names.index(name)].magnetization)
        across = np.cross(m, found.axes)
        expected = _torkance(turned, name).T @ across.T
        assert largest(found.sheet_current - expected, expected) < 1e-10
        assert np.all(np.linalg.eigvalsh(found.damping_tensor + found.damping_tensor.T) < 0.0)
        for other, there in back.items():
            m_other = np.array(stack.layers[stack.names.index(other)].magnetization)
            x = np.cross(m_other, pumped[other].axes) @ found.torque_on(other)
            share = pumped[other].axes @ there.axes.T
            reversed_x = np.cross(-m, found.axes) @ (there.torque_on(name) @ share.T)
            assert largest(x - reversed_x.T, found.torque) < 1e-10


@pytest.mark.parametrize("case", range(len(FILMS)))
def test_both_methods_agree(case: int) -> None:
    stack = _stack(case)
    if case % 4 == 1 and not stack.layers[-1].outermost_only:
        stack = replace(stack, right=Reservoir())
    assert_methods_agree(stack, COARSE)


def _sink(magnet: Layer, m: tuple[float, float, float]) -> Stack:
    """A metal that keeps no spin in a collision, so that none comes back."""
    metal = HeavyMetal(200.0, 2.0, 2.0, fermi_wavevector=14.0, effective_mass=1.3)
    assert metal.spin_albedo == 0.0
    interface = RashbaInterface(0.3, 0.2, 0.0, magnetization=m)
    return Stack((metal, magnet.turned(m)), (interface,))


@pytest.mark.parametrize(
    "magnet",
    [
        SplitFerromagnet(50.0, 17.0, 12.0, 4.0, 3.0, 100.0),
        SplitFerromagnet(50.0, 17.0, None, 4.0, None, decay_minority=5.0),
        MagneticInsulator(8.0, 5.0),
    ],
)
def test_perfect_sink(magnet: Layer) -> None:
    """j_s(0-) = -Re G m x q + Im G q, the response to an accumulation -m x q; G_eff = Re G."""
    film = _sink(magnet, (0.6, 0.0, 0.8))
    mesh = SphericalMesh(16, 4)
    found = spin_pumping(film, mesh)
    g = mixing_conductance(film)
    q, m = found.axes.T, np.array(film.layers[1].magnetization)
    expected = -g.real * np.cross(m, q, axisb=0).T + g.imag * q
    across = found.spin_current_minus - np.outer(m, m @ found.spin_current_minus)
    assert largest(across - expected, expected) < 1e-6
    assert found.effective_mixing_conductance == pytest.approx(g.real, rel=1e-6)
    assert found.sheet_current == pytest.approx(np.zeros((2, 2)), abs=1e-9 * g.real)


def test_equal_spheres_are_the_limit_of_fast_precession() -> None:
    """What damps a split magnet of equal spheres is what damps a common one as l_prec -> 0."""
    m = (0.3, 0.2, 0.6)
    metal = HeavyMetal(4.0, 3.0, 30.0, 0.2)
    interface = RashbaInterface(0.3, 0.2, 0.2, magnetization=m)
    split = SplitFerromagnet(60.0, 16.0, 16.0, 8.0, 4.0, 100.0, magnetization=m)
    mesh = SphericalMesh(8, 6)
    limit = spin_pumping(Stack((metal, split), (interface,)), mesh)
    differences = []
    for length in (4e-3, 2e-3, 1e-3):
        common = Ferromagnet(60.0, 8.0, 4.0, 100.0, length, magnetization=m)
        found = spin_pumping(Stack((metal, common), (interface,)), mesh)
        rest = limit.damping_tensor - found.damping_tensor
        differences.append(largest(rest, limit.damping_tensor))
        current = limit.sheet_current - found.sheet_current
        differences[-1] = max(differences[-1], largest(current, limit.sheet_current))
    assert differences[-1] < 5e-3
    assert differences[0] / differences[1] == pytest.approx(2.0, rel=0.05)
    assert differences[1] / differences[2] == pytest.approx(2.0, rel=0.05)


def test_an_insulator_that_follows_its_spins_is_not_damped() -> None:
    """No spin is lost anywhere: spins of the metal turn with m."""
    m = (0.0, 0.6, 0.8)
    interface = RashbaInterface(0.3, 0.2, 0.0, magnetization=m)
    insulator = MagneticInsulator(8.0, 5.0, magnetization=m)
    kept, lost = (
        spin_pumping(Stack((HeavyMetal(5.0, 3.0, flip), insulator), (interface,)), COARSE)
        for flip in (1e10, 30.0)
    )
    assert lost.effective_mixing_conductance > 0.0
    assert abs(kept.effective_mixing_conductance) < 1e-6 * lost.effective_mixing_conductance


def test_damping_of_an_insulator_needs_its_thickness() -> None:
    m = (0.0, 0.0, 1.0)
    film = Stack(
        (HeavyMetal(5.0, 3.0, 30.0, 0.1), MagneticInsulator(8.0, 5.0, magnetization=m)),
        (RashbaInterface(0.3, 0.2, 0.1, magnetization=m),),
    )
    found = spin_pumping(film, COARSE)
    with pytest.raises(InputError, match=r"thickness.*must be given"):
        found.damping(1.4e5)
    assert found.damping(1.4e5, thickness=20.0) == pytest.approx(
        0.5 * found.damping(1.4e5, thickness=10.0)
    )
    assert found.damping(1.4e5, thickness=10.0) > 0.0


def test_emission_by_differences() -> None:
    """2i dS S^+ and Re tr dS_a dS_b^+ of a metal beside an insulator, from amplitudes at
    neighbouring m."""
    m = np.array([0.36, 0.48, 0.8])
    q = rotation_to(m)[:, :2]
    rng = np.random.default_rng(3)
    k = rng.uniform(-0.5, 0.5, size=(20, 2))
    nu = np.sqrt(0.9 - np.sum(k**2, axis=1)) + 0j
    decays = 1j * np.sqrt(np.array([0.3, 0.6]) + np.sum(k**2, axis=1)[:, None])
    metal = Side(np.stack([nu, nu], axis=1), np.array([0.0, 0.0, 1.0]), False)
    w = 0.3 * rng.normal(size=(3, 2))
    sigma = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]])

    def reflection(direction: np.ndarray) -> np.ndarray:
        along = np.einsum("a,aij->ij", direction, sigma[:3])
        mean, half = decays.mean(axis=1), 0.5 * (decays[:, 1] - decays[:, 0])
        above = mean[:, None, None] * sigma[3] + half[:, None, None] * along
        u = 0.4 * sigma[3] + 0.7 * along + np.einsum("na,aij->nij", k @ w.T, sigma[:3])
        below = nu[:, None, None] * sigma[3]
        return np.linalg.solve(below + above + 2j * u, 2.0 * below) - sigma[3]

    parameters = np.array([0.4, 0.7, *(0.7 * m), *w.ravel(), 1.0])
    insulator = Side(decays, m, True)
    found = pumped_by_spheres(k, (metal, insulator), parameters, Turning(False, True, True), q)
    r, step, rates = reflection(m), 1e-5, []
    for axis in range(2):
        ahead, behind = (m + sign * step * q[:, axis] for sign in (1.0, -1.0))
        rate = reflection(ahead / np.linalg.norm(ahead))
        rate = (rate - reflection(behind / np.linalg.norm(behind))) / (2.0 * step)
        sent = 0.5 * np.einsum("aij,njk,nik->na", sigma, 2j * rate, r.conj()).real
        np.testing.assert_allclose(found.leaving[:, :4, axis], sent, atol=1e-8)
        rates.append(rate)
    assert not found.leaving[:, 4:].any()
    # -(m x a) . tau of the motion is, in its symmetric part, the energy that leaves.
    energy = np.array([[np.einsum("nij,nij->n", a, b.conj()).real for b in rates] for a in rates])
    torque = np.cross(2.0 * 0.7 * found.density, m, axisa=1, axisb=0, axisc=1)
    torque += found.current[:, 1]
    lost = -np.einsum("ja,njb->nab", np.cross(m, q, axisb=0).T, torque)
    symmetric = 0.5 * (lost + lost.transpose(0, 2, 1))
    np.testing.assert_allclose(symmetric, energy.transpose(2, 0, 1), atol=1e-7)
