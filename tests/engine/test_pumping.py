"""Spin pumping: reciprocity with torques, two methods, limits that are known exactly."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from draws import CO, U0, U_EX, pt_co, random_tilted_stack
from pumping_checks import assert_methods_agree, largest
from torkivity_engine.constants import ELECTRON_GYROMAGNETIC_RATIO, ELEMENTARY_CHARGE, HBAR
from torkivity_engine.diffusion.tensors import mixing_conductance
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.boundaries import HalfSpace, Reservoir
from torkivity_engine.film.free_electron_table import free_electron_table
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.scattering import scattering_amplitudes
from torkivity_engine.film.stack import Bilayer, Stack, reversed_magnets
from torkivity_engine.film.tabulated_interface import TabulatedInterface
from torkivity_engine.pumped import PumpingSolution
from torkivity_engine.pumping import spin_pumping
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.spin import rotation_to
from torkivity_meshes import SphericalMesh, mesh_from_arrays

MESH = SphericalMesh(4, 6)
SIGMA = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]])


def torkance(stack: Stack, name: str, method: str = "reduced") -> np.ndarray:
    """Exchange torque per field, (component, field along x and y)."""
    columns = [
        solve_boltzmann(
            replace(stack, field_direction_deg=angle), MESH, method=method
        ).torque_exchange_on(name)
        for angle in (0.0, 90.0)
    ]
    return np.column_stack(columns)


@pytest.mark.parametrize("seed", range(20))
def test_reciprocity(seed: int) -> None:
    """J_a(q; m) = sum_i T_ia(-m) (m x q)_i, and X_ab(m) = X_ba(-m) with both magnets' torques."""
    stack = random_tilted_stack(seed)
    turned = reversed_magnets(stack)
    for name in stack.magnet_names:
        pumped, back = (spin_pumping(film, MESH, magnet=name) for film in (stack, turned))
        m = np.array(stack.layers[stack.names.index(name)].magnetization)
        across = np.cross(m, pumped.axes)
        expected = torkance(turned, name).T @ across.T
        assert largest(pumped.sheet_current - expected, expected) < 1e-10
        x = across @ pumped.torque
        # Of the reversed film by the same q: its own axes need not be these.
        share = pumped.axes @ back.axes.T
        reversed_x = np.cross(-m, pumped.axes) @ (back.torque @ share.T)
        assert largest(x - reversed_x.T, x) < 1e-10
        assert np.all(np.diag(x) < 0.0)


@pytest.mark.parametrize("seed", range(20))
def test_both_methods_agree(seed: int) -> None:
    stack = random_tilted_stack(seed)
    if seed % 5 == 0:
        stack = replace(stack, right=Reservoir())
    assert_methods_agree(stack, MESH)


def test_the_drives_of_two_magnets_are_reciprocal() -> None:
    """(m_1 x a) . tau_1(b on 2) at m = (m_2 x b) . tau_2(a on 1) at -m: nonlocal damping."""
    stack = random_tilted_stack(2)
    first, second = stack.magnet_names
    here = spin_pumping(stack, MESH, magnet=second)
    there = spin_pumping(reversed_magnets(stack), MESH, magnet=first)
    m_1, m_2 = (np.array(stack.layers[stack.names.index(n)].magnetization) for n in (first, second))
    x = np.cross(m_1, there.axes) @ here.torque_on(first)
    back = np.cross(-m_2, here.axes) @ there.torque_on(second)
    assert np.abs(x).max() > 1e-4 * np.abs(here.torque).max()
    assert largest(x - back.T, x) < 1e-9


def test_a_mesh_without_rings() -> None:
    film = pt_co(0.3, magnetization=(0.3, 0.2, 1.0))
    mesh = SphericalMesh(4, 4)
    order = np.random.default_rng(0).permutation(mesh.n_directions)
    loose = mesh_from_arrays(mesh.directions[order], mesh.weights[order])
    a, b = spin_pumping(film, mesh), spin_pumping(film, loose, method="dense")
    assert largest(a.torque - b.torque, a.torque) < 1e-10
    assert largest(a.sheet_current - b.sheet_current, a.sheet_current) < 1e-10


def test_emission_of_an_interface_by_differences() -> None:
    """2i (dr r^+ + dt t^+) and the density, from amplitudes at neighbouring m."""
    m = np.array([0.36, 0.48, 0.8])
    q = rotation_to(m)[:, :2]
    interface = RashbaInterface(0.4, 0.7, 0.3)
    k = SphericalMesh(3, 4).directions
    pumped = interface.pumped(m, q, k)
    step = 1e-5
    r, t = scattering_amplitudes(interface, m, k)
    for axis in range(2):
        # m moves along q: the exchange field changes by u_ex q per unit.
        (r_a, t_a), (r_b, t_b) = (
            scattering_amplitudes(
                replace(interface, exchange=0.7 * np.linalg.norm(m + sign * step * q[:, axis])),
                (m + sign * step * q[:, axis]) / np.linalg.norm(m + sign * step * q[:, axis]),
                k,
            )
            for sign in (1.0, -1.0)
        )
        d_r, d_t = (r_a - r_b) / (2.0 * step), (t_a - t_b) / (2.0 * step)
        dagger = (0, 2, 1)
        sent = 2j * (d_r @ r.conj().transpose(dagger) + d_t @ t.conj().transpose(dagger))
        half = 1j * d_t @ t.conj().transpose(dagger)
        held = half + half.conj().transpose(dagger)
        expected = 0.5 * np.einsum("aij,nji->na", SIGMA, sent).real
        density = np.einsum("aij,nji->na", SIGMA[:3], held).real
        np.testing.assert_allclose(pumped.below[:, :, axis], expected, atol=1e-8)
        np.testing.assert_array_equal(pumped.above, pumped.below)
        np.testing.assert_allclose(pumped.density[:, :, axis], density, atol=1e-8)


def sink(precession_length: float, m: tuple[float, float, float]) -> Bilayer:
    """A metal that keeps no spin in a collision, so that none comes back."""
    magnet = Ferromagnet(200.0, 3.0, 3.0, math.inf, precession_length)
    metal = HeavyMetal(200.0, 2.0, 2.0)
    assert metal.spin_albedo == 0.0
    return Bilayer(metal, RashbaInterface(U0, U_EX, 0.0), magnet, magnetization=m)


def test_perfect_sink() -> None:
    """j_s(0-) = -Re G m x q + Im G q, the response to an accumulation -m x q; G_eff = Re G."""
    film = sink(1e-7, (0.6, 0.0, 0.8))
    found = spin_pumping(film, SphericalMesh(20, 4))
    g = mixing_conductance(film)
    q, m = found.axes.T, np.array(film.magnetization)
    expected = -g.real * np.cross(m, q, axisb=0).T + g.imag * q
    assert largest(found.spin_current_minus - expected, expected) < 1e-6
    assert found.effective_mixing_conductance == pytest.approx(g.real, rel=1e-6)
    # The limit is approached in proportion to l_prec: not by accident.
    far = spin_pumping(sink(1e-3, (0.6, 0.0, 0.8)), SphericalMesh(20, 4))
    assert 1e-5 < abs(far.effective_mixing_conductance / g.real - 1.0) < 1e-2


def test_without_spin_flip_nothing_is_damped() -> None:
    """Where no spin is lost, in a closed film, spins follow m: no damping beyond the bulk's."""
    magnet = replace(CO, mean_free_path_minority=16.25, spin_flip_length=1e12)
    film = Bilayer(HeavyMetal(6.0, 3.0, 1e12), RashbaInterface(U0, U_EX, 0.0), magnet)
    found = spin_pumping(film, MESH)
    lossy = spin_pumping(replace(film, heavy_metal=HeavyMetal(6.0, 3.0, 30.0)), MESH)
    assert abs(found.effective_mixing_conductance) < 1e-8 * lossy.effective_mixing_conductance
    assert lossy.effective_mixing_conductance > 0.0


def test_spin_memory_loss_adds_damping() -> None:
    """Rashba coupling takes spin at the interface even where no layer flips one."""
    film = pt_co(0.5)
    film = replace(film, heavy_metal=HeavyMetal(6.0, 3.0, 1e12))
    without = replace(film, interface=replace(film.interface, rashba=0.0))
    with_it, bare = (spin_pumping(f, MESH).effective_mixing_conductance for f in (film, without))
    assert with_it > bare + 1e13


def test_damping_in_usual_terms() -> None:
    found = spin_pumping(pt_co(), MESH)
    alpha = (
        ELECTRON_GYROMAGNETIC_RATIO * HBAR**2 * found.effective_mixing_conductance
        / (2.0 * ELEMENTARY_CHARGE**2 * 1.4e6 * 5e-9)
    )  # fmt: skip
    assert found.damping(1.4e6) == pytest.approx(alpha, rel=1e-12)
    assert 1e-3 < found.damping(1.4e6) < 1e-1
    assert found.damping(1.4e6, 2.0 * ELECTRON_GYROMAGNETIC_RATIO) == pytest.approx(2.0 * alpha)
    with pytest.raises(InputError, match="saturation_magnetization"):
        found.damping(-1.0)


def test_mesh_refinement() -> None:
    film = pt_co(0.0, magnetization=(1.0, 0.0, 0.0))
    found = spin_pumping(film, rtol=1e-2)
    assert found.certificates["mesh_error"] < 1e-2
    fine = spin_pumping(film, SphericalMesh(32, 8))
    assert largest(found.torque - fine.torque, fine.torque) < 1e-2
    with pytest.raises(InputError, match="one or the other"):
        spin_pumping(film, MESH, rtol=1e-3)


def test_what_cannot_pump_is_said() -> None:
    stack = random_tilted_stack(2)
    with pytest.raises(InputError, match=r"magnet = None.*must be one of"):
        spin_pumping(stack, MESH)
    with pytest.raises(InputError, match=r"magnet = 'Co'.*must be one of"):
        spin_pumping(stack, MESH, magnet="Co")
    with pytest.raises(InputError, match="method"):
        spin_pumping(pt_co(), MESH, method="exact")
    with pytest.raises(PhysicsError, match="half space"):
        spin_pumping(pt_co(left=HalfSpace()), MESH)
    metal = HeavyMetal(3.0, 2.0, 20.0)
    table = TabulatedInterface.of(free_electron_table(pt_co().stack(), 0, MESH.rings))
    with pytest.raises(PhysicsError, match="tables of amplitudes"):
        spin_pumping(replace(pt_co(), interface=table), MESH)
    with pytest.raises(InputError, match="must have a magnet"):
        spin_pumping(Stack((metal, metal), (RashbaInterface(0.1, 0.0, 0.1),)), MESH)
    with pytest.raises(InputError, match="two layers"):
        spin_pumping(Stack((metal,), ()), MESH)
    film = pt_co()
    other = replace(film, interface=replace(film.interface, magnetization=(1.0, 0.0, 0.0)))
    with pytest.raises(InputError, match="with which it turns"):
        spin_pumping(other, MESH)
    assert isinstance(spin_pumping(film, MESH), PumpingSolution)
    with pytest.raises(InputError, match="must be one of FM"):
        spin_pumping(film, MESH).torque_on("HM")
