"""Tensors and conductances: identities for any distribution, closed forms, symmetries."""

from __future__ import annotations

from dataclasses import replace

import mpmath
import numpy as np
import pytest

from draws import CO, PT, pt_co, random_bilayer, random_interface, unit_vector
from torkivity_engine.diffusion.moments import reflection_moment, transmission_moment
from torkivity_engine.diffusion.tensors import (
    InterfaceTensors,
    circuit_conductances,
    interface_tensors,
    mixing_conductance,
    transmitted_mixing_conductance,
)
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.scattering import scattering_matrices
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.spin import torque_frame
from torkivity_meshes import InputError, SphericalMesh

DRAWS = 200
MESH = SphericalMesh(8, 12)


def rotation_z(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def moments_of(interface, mesh, minus, plus):  # type: ignore[no-untyped-def]
    """j(0-), j(0+), tau_mag of arbitrary incoming distributions (channel, 4)."""
    k, w = mesh.directions[mesh.upward], mesh.weights[mesh.upward]
    r, t = scattering_matrices(interface, interface.magnetization, k)
    r1 = r - np.eye(4)
    flux = w * k[:, 2]
    j_minus = -np.einsum("n,nab,nb->a", flux, r1, minus) - np.einsum("n,nab,nb->a", flux, t, plus)
    j_plus = np.einsum("n,nab,nb->a", flux, r1, plus) + np.einsum("n,nab,nb->a", flux, t, minus)
    s = np.einsum("n,nab,nb->a", w, t, minus + plus)[:3]
    return j_minus, j_plus, 2 * interface.exchange * np.cross(s, interface.magnetization)


@pytest.mark.parametrize("seed", range(DRAWS))
def test_spin_lost_at_the_interface_is_the_torque_without_rashba(seed: int) -> None:
    """j_s(0-) - j_s(0+) = tau_mag for any g-, g+ and any m: fixes every sign and factor."""
    rng = np.random.default_rng(seed)
    interface = replace(random_interface(rng), rashba=0.0)
    minus, plus = rng.normal(size=(2, MESH.n_channels, 4))
    below, above, torque = moments_of(interface, MESH, minus, plus)
    scale = max(np.abs(below).max(), np.abs(above).max(), np.abs(torque).max())
    np.testing.assert_allclose((below - above)[:3], torque, atol=1e-12 * scale)


@pytest.mark.parametrize("seed", range(DRAWS))
def test_charge_is_continuous(seed: int) -> None:
    rng = np.random.default_rng(seed)
    interface = random_interface(rng)
    minus, plus = rng.normal(size=(2, MESH.n_channels, 4))
    below, above, _ = moments_of(interface, MESH, minus, plus)
    assert below[3] == pytest.approx(above[3], abs=1e-12 * np.abs(below).max())


@pytest.mark.parametrize("seed", range(DRAWS))
def test_kernel_is_the_quadrature_of_the_scattering_tensors(seed: int) -> None:
    rng = np.random.default_rng(seed)
    film = replace(random_bilayer(rng), interface=random_interface(rng))
    tensors = interface_tensors(film, MESH)
    k = MESH.directions[MESH.upward]
    stack = film.stack()
    lam = film.heavy_metal.total_mean_free_path
    g_c, g_l = film.ferromagnet.driven_lengths
    m = np.array(stack.layers[1].magnetization)  # type: ignore[union-attr]
    for axis in range(2):
        v = k[:, axis][:, None]
        below, above, torque = moments_of(
            stack.interfaces[0], MESH, v * [0, 0, 0, lam], v * [*(-g_l * m), g_c]
        )
        unit = stack.prefactor * 1e-9
        scale = 1e-12 * unit * max(np.abs(below).max(), np.abs(torque).max(), np.abs(above).max())
        np.testing.assert_allclose(tensors.conductivity[:, axis], unit * below, atol=scale)
        np.testing.assert_allclose(tensors.torkivity_ferromagnet[:, axis], unit * above, atol=scale)
        np.testing.assert_allclose(tensors.torkivity_interface[:3, axis], unit * torque, atol=scale)


@pytest.mark.parametrize("seed", range(DRAWS))
def test_responses_are_odd_in_rashba(seed: int) -> None:
    """The mesh holds k and -k, so oddness is exact on it."""
    rng = np.random.default_rng(seed)
    interface = random_interface(rng)
    film = replace(random_bilayer(rng), interface=interface)
    # u_R -> -u_R is k_parallel -> -k_parallel.
    here = interface_tensors(film, MESH)
    there = interface_tensors(
        replace(film, interface=replace(interface, rashba=-interface.rashba)), MESH
    )
    scale = np.abs(here.conductivity).max() + np.abs(here.torkivity_interface).max()
    for name in ("conductivity", "torkivity_ferromagnet", "torkivity_interface", "lattice"):
        np.testing.assert_allclose(getattr(here, name), -getattr(there, name), atol=1e-12 * scale)


def rotated(film: Bilayer, angle: float) -> Bilayer:
    o = rotation_z(angle)[:3, :3]
    turn = lambda v: None if v is None else tuple(o @ v)  # noqa: E731
    return replace(
        film,
        magnetization=turn(film.magnetization),
        interface=replace(film.interface, magnetization=turn(film.interface.magnetization)),
        ferromagnet=replace(film.ferromagnet, magnetization=turn(film.ferromagnet.magnetization)),
        field_direction_deg=film.field_direction_deg + np.degrees(angle),
    )


def rotation_error(film: Bilayer, angle: float, mesh) -> float:  # type: ignore[no-untyped-def]
    o = rotation_z(angle)
    a, b = interface_tensors(film, mesh), interface_tensors(rotated(film, angle), mesh)
    scale = max(np.abs(a.conductivity).max(), np.abs(a.torkivity_interface).max())
    return max(
        float(np.abs(getattr(b, n) - o @ getattr(a, n) @ o[:2, :2].T).max() / scale)
        for n in ("conductivity", "torkivity_ferromagnet", "torkivity_interface")
    )


@pytest.mark.parametrize("seed", range(20))
def test_rotation_by_a_mesh_angle_is_exact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    film = random_bilayer(rng)
    assert rotation_error(film, 2 * np.pi * 5 / 12, MESH) < 1e-12


def test_rotation_by_any_angle_converges_with_the_mesh() -> None:
    film = pt_co(0.2, magnetization=(0.5, 0.3, 0.8))
    errors = [rotation_error(film, 0.4321, SphericalMesh(8, n)) for n in (4, 8, 16, 32)]
    assert errors[0] > 1e-6
    assert errors[1] < 0.1 * errors[0]
    assert errors[2] < 0.1 * errors[1]
    assert errors[3] < 1e-10


@pytest.mark.parametrize("seed", range(20))
def test_mirror_y(seed: int) -> None:
    """For E along x, y -> -y maps (m_x, m_y, m_z) to (-m_x, m_y, -m_z), and spin likewise."""
    rng = np.random.default_rng(seed)
    flip = np.array([-1.0, 1.0, -1.0, 1.0])
    film = random_bilayer(rng)
    m = np.array(unit_vector(rng))
    film = replace(
        film, magnetization=tuple(m), ferromagnet=replace(film.ferromagnet, magnetization=None)
    )
    image = replace(film, magnetization=tuple(flip[:3] * m))
    a, b = interface_tensors(film, MESH), interface_tensors(image, MESH)
    scale = np.abs(a.conductivity).max()
    for name in ("conductivity", "torkivity_ferromagnet", "torkivity_interface"):
        np.testing.assert_allclose(
            getattr(b, name)[:, 0], flip * getattr(a, name)[:, 0], atol=1e-12 * scale
        )


def test_damping_and_field_like_are_even_in_m_in_the_xz_plane() -> None:
    def components(m: np.ndarray) -> np.ndarray:
        tensors = interface_tensors(pt_co(0.2, magnetization=tuple(m)), MESH)
        frame = np.array(torque_frame(m, (1.0, 0.0, 0.0)))
        torque = tensors.torkivity_interface + tensors.torkivity_ferromagnet
        return np.asarray(frame @ torque[:3, 0])

    m = np.array([np.sin(0.7), 0.0, np.cos(0.7)])
    np.testing.assert_allclose(components(m), components(-m), rtol=1e-11)


def test_pt_co_mixing_conductance() -> None:
    """Independent value of the closed integral (adaptive quadrature, other program)."""
    g = mixing_conductance(pt_co())
    assert g.real == pytest.approx(5.9568e14, rel=2e-5)
    assert g.imag == pytest.approx(-0.8626e14, rel=1e-4)


@pytest.mark.parametrize("seed", range(40))
def test_closed_forms_are_the_quadrature(seed: int) -> None:
    rng = np.random.default_rng(seed)
    interface = replace(random_interface(rng), rashba=0.0)
    # Keep the poles at -i U away from the interval, so that the rule resolves them.
    interface = replace(
        interface,
        barrier=float(np.sign(interface.barrier) * rng.uniform(1.0, 3.0)),
        exchange=float(rng.uniform(-0.7, 0.7)),
    )
    film = replace(random_bilayer(rng), interface=interface)
    closed = circuit_conductances(film)
    mesh = SphericalMesh(40, 4)
    # A Rashba potential far below rounding forces the quadrature without changing numbers.
    film = replace(film, interface=replace(interface, rashba=1e-300))
    numerical = circuit_conductances(film, keep_rashba=True, mesh=mesh)
    for name in ("reflection", "transmission", "density"):
        a, b = getattr(closed, name), getattr(numerical, name)
        np.testing.assert_allclose(a, b, atol=1e-12 * np.abs(closed.density).max())
    m = np.array(interface.magnetization)
    e1 = np.cross(m, [0.3, 0.5, -0.2])
    e1 /= np.linalg.norm(e1)
    e2 = np.cross(m, e1)
    for value, matrix in (
        (mixing_conductance(film), numerical.reflection),
        (transmitted_mixing_conductance(film), numerical.transmission),
    ):
        assert e1 @ matrix[:3, :3] @ e1 == pytest.approx(value.real, abs=1e-12 * abs(value))
        assert e2 @ matrix[:3, :3] @ e1 == pytest.approx(value.imag, abs=1e-12 * abs(value))


SIZES = [0.0, 1e-9, 1e-3, 0.3, 1.0, 1.9999, 2.0001, 40.0, 1e4]


@pytest.mark.parametrize("up", SIZES)
@pytest.mark.parametrize(
    "down", [0.0, 1e-9, -1e-9, 0.3, -0.3, -0.3000001, -1.0000001, 2.05, -40.0, 1.01e4]
)
def test_moments_against_adaptive_quadrature(up: float, down: float) -> None:
    points = [0, 1e-12, 1e-9, 1e-6, 1e-3, 0.1, 0.5, 1]
    with mpmath.workdps(30):
        a, b = mpmath.mpf(up), mpmath.mpf(down)
        for power in (0, 1):
            exact = mpmath.quad(
                lambda x, p=power: x ** (p + 2) / ((x + 1j * a) * (x - 1j * b)), points
            )
            assert transmission_moment(power, up, down) == pytest.approx(complex(exact), rel=1e-13)
        exact = mpmath.quad(
            lambda x: x * (1 - (1j * a / (x + 1j * a)) * (-1j * b / (x - 1j * b))), points
        )
        assert reflection_moment(up, down) == pytest.approx(complex(exact), rel=1e-13)


def test_rashba_moves_the_conductances_by_per_cent() -> None:
    film = pt_co(0.2)
    change = (
        circuit_conductances(film, keep_rashba=True).reflection
        - circuit_conductances(film).reflection
    )
    relative = np.abs(change).max() / abs(mixing_conductance(film))
    assert 1e-3 < relative < 0.2


def test_transparent_limit_is_sharvin() -> None:
    film = Bilayer(PT, RashbaInterface(0.0, 0.0, 0.0), CO)
    sharvin = np.pi * film.stack().prefactor
    assert sharvin == pytest.approx(7.892141e14, rel=1e-6)
    conductances = circuit_conductances(film)
    np.testing.assert_allclose(conductances.transmission, sharvin * np.eye(4), atol=1e-14 * sharvin)
    assert mixing_conductance(film) == pytest.approx(sharvin, rel=1e-14)


def test_lattice_tensor_vanishes_without_rashba() -> None:
    tensors: InterfaceTensors = interface_tensors(pt_co(0.0, magnetization=(0.3, 0.2, 1.0)))
    assert np.abs(tensors.lattice).max() <= 1e-12 * np.abs(tensors.conductivity).max() + 1e-9


def test_bad_requests() -> None:
    with pytest.raises(InputError, match="parameters"):
        interface_tensors(pt_co(), MESH, parameters="magic")
    with pytest.raises(InputError, match="interface"):
        interface_tensors(pt_co(), MESH, interface=1)
