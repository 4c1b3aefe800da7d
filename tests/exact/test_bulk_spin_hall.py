"""Spin Hall current in the bulk of a heavy metal.

J. Smit, Physica 24, 39 (1958), and J. E. Hirsch, Phys. Rev. Lett. 83, 1834 (1999): skew scattering
turns a charge current j along E into a spin current along z polarised along -(z x E) for theta > 0.
With an l = 1 kernel that couples charge and spin with one length 1/lambda_a = -theta/lambda, the
uniform solution is elementary: g_c = a k_x and g_s = -theta a (k x x), where spin turned
back into charge closes a (1 + 2 theta^2) = lambda. Hence

    j_s = -(theta sigma / 2) (z x E),   sigma = sigma_0 / (1 + 2 theta^2),

sigma_0 being the conductivity of both spins without skew scattering and sigma the true one.
Spin flip enters through lambda alone.

Between mirror faces and to first order in theta the film is an infinite medium with images: lengths
in lambda, and a(k) = arctan(k)/k being the Fourier transform of the kernel E_1/2, the spin
accumulation and current are

    <g> = (2/t) sum_k s(k) cos(kz) / (1 - omega a(k)),     s(k) = 2 theta (1 - a(k)) / k^2,
    j   = -4 pi C (1 - omega) (2/t) sum_k s(k) sin(kz) / (k (1 - omega a(k))),

with k = pi n/t, n = 1, 3, 5, ...
"""

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest

from draws import CO, U0, U_EX
from exact.films import metal
from torkivity_engine.film.boundaries import Surface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.units import convert_torque
from torkivity_meshes import SphericalMesh

LENGTHS = (3.0, 60.0)  # nm: lambda_mf, lambda_sf


def thick_film(angle: float, p: float, direction: float = 0.0) -> Stack:
    metal = HeavyMetal(400.0, *LENGTHS, spin_hall_angle=angle)
    return Stack([metal], [], left=Surface(p), right=Surface(p), field_direction_deg=direction)


def bulk(stack: Stack, angle: float) -> tuple[float, float]:
    """Spin current and charge current of one coefficient, 1/(Ohm m)."""
    lam = 1.0 / (1.0 / LENGTHS[0] + 1.0 / LENGTHS[1])
    half = stack.prefactor * 4.0 * math.pi / 3.0 * lam * 1e-9 / (1.0 + 2.0 * angle**2)
    return -angle * half, half


def test_the_uniform_solution() -> None:
    # Checked against the kernel itself with a product rule that is exact for these harmonics.
    theta, lam = 0.3, 1.7
    mu, w = np.polynomial.legendre.leggauss(6)
    phi = np.arange(8) * math.pi / 4.0
    s = np.sqrt(1.0 - mu**2)[:, None]
    k = np.stack([s * np.cos(phi), s * np.sin(phi), np.tile(mu[:, None], 8)], axis=-1).reshape(
        -1, 3
    )
    mean = np.repeat(w / 2.0, 8) / 8.0
    a = lam / (1.0 + 2.0 * theta**2)
    charge = a * k[:, 0]
    spin = -theta * a * np.cross(k, [1.0, 0.0, 0.0])
    rate = -3.0 * theta / lam
    into_spin = rate * np.cross(k, mean @ (k * charge[:, None]))
    into_charge = rate * k @ (mean @ np.cross(k, spin))
    np.testing.assert_allclose(-spin / lam + into_spin, 0.0, atol=1e-14)
    np.testing.assert_allclose(-charge / lam + into_charge + k[:, 0], 0.0, atol=1e-14)


@pytest.mark.parametrize("angle", [0.02, -0.1, 0.5])
@pytest.mark.parametrize("p", [1.0, 0.0])
@pytest.mark.parametrize(
    ("method", "mesh"),
    [("reduced", SphericalMesh(12, 8)), ("dense", SphericalMesh(3, 4))],
    ids=["reduced", "dense"],
)
def test_middle_of_a_thick_film(method: str, mesh: object, p: float, angle: float) -> None:
    stack = thick_film(angle, p)
    solution = solve_boltzmann(stack, mesh, method=method, source="all")
    profile = solution.profile(0, z=np.array([190.0, 200.0]))
    spin, charge = bulk(stack, angle)
    expected = np.tile([0.0, spin, 0.0], (2, 1))
    np.testing.assert_allclose(profile.spin_current, expected, rtol=1e-9, atol=1e-9 * abs(spin))
    np.testing.assert_allclose(profile.charge_current, 0.0, atol=1e-9 * charge)
    current = profile.in_plane_current[:, 3]
    np.testing.assert_allclose(current, [[charge, 0.0]] * 2, rtol=1e-9, atol=1e-9 * charge)
    # z-polarised spins flow along -(E x z): the same spin Hall effect in the plane.
    sideways = profile.in_plane_current[:, 2, 1]
    np.testing.assert_allclose(sideways, -spin, rtol=1e-9)
    np.testing.assert_allclose(profile.spin_accumulation, 0.0, atol=1e-9 * charge)


def mirror_film(t: float, omega: float) -> tuple[float, float]:
    """<g> at the left face and j in the middle, per theta lambda and without C."""

    def source(n: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
        k = mpmath.pi * (2 * n + 1) / t
        a = mpmath.atan(k) / k
        return k, 2 * (1 - a) / k**2 / (1 - omega * a)

    def flow(n: mpmath.mpf) -> mpmath.mpf:
        k, s = source(n)
        return (-1) ** int(n) * s / k

    density = mpmath.nsum(lambda n: source(n)[1], [0, mpmath.inf], method="euler-maclaurin")
    current = mpmath.nsum(flow, [0, mpmath.inf], method="alternating")
    return float(2 * density / t), float(-8 * mpmath.pi * (1 - omega) * current / t)


@pytest.mark.parametrize("t", [0.3, 2.0, 12.0])
@pytest.mark.parametrize("omega", [0.6, 0.95])
def test_film_between_mirrors(t: float, omega: float) -> None:
    # Spin turned back into charge is of second order: 1e-10 of the result.
    angle, length = 1e-5, 1.9
    layer = replace(metal(t, omega, length), spin_hall_angle=angle)
    stack = Stack([layer], [])
    solution = solve_boltzmann(stack, SphericalMesh(32, 4, "graded"), source="spin_hall")
    profile = solution.profile(0, z=np.array([0.0, 0.5, 1.0]) * t * length)
    density, current = mirror_film(t, omega)
    unit = angle * length * 1e-9 * stack.prefactor
    scale = abs(current) * unit
    spin = np.array([0.0, current * unit, 0.0])
    np.testing.assert_allclose(profile.spin_current[:, 1], spin, rtol=1e-8, atol=1e-10 * scale)
    pile = 4.0 * math.pi * density * unit * np.array([1.0, 0.0, -1.0])
    found = profile.spin_accumulation[:, 1]
    np.testing.assert_allclose(found, pile, rtol=1e-8, atol=1e-9 * pile[0])


def test_series_of_a_thick_film() -> None:
    # Away from the faces the bulk value is back.
    assert mirror_film(60.0, 0.6)[1] == pytest.approx(-4.0 * math.pi / 3.0, rel=1e-7)


@pytest.mark.parametrize("angle", [0.05, 0.4])
def test_spin_hall_source_alone(angle: float) -> None:
    stack = thick_film(angle, 1.0)
    solution = solve_boltzmann(stack, SphericalMesh(8, 8), source="spin_hall")
    profile = solution.profile(0, z=np.array([200.0]))
    assert profile.spin_current[0, 1] == pytest.approx(bulk(stack, angle)[0], rel=1e-9)


@pytest.mark.parametrize("angle", [-1.5, -0.4, 0.059, 0.5, 1.5])
def test_conductivity_is_what_flows(angle: float) -> None:
    # Both spins carry twice the current of the charge coefficient.
    rho = 1e-6
    metal = HeavyMetal.from_resistivity(240.0, rho, 4.0, angle)
    stack = Stack([metal], [], left=Surface(0.5))
    profile = solve_boltzmann(stack, SphericalMesh(12, 8)).profile(0, z=np.array([120.0]))
    flowing = 2.0 * profile.in_plane_current[0, 3, 0]
    assert metal.thickness > 60.0 * metal.total_mean_free_path
    assert metal.conductivity(stack.fermi_wavevector) == pytest.approx(flowing, rel=1e-10)
    assert flowing == pytest.approx(1.0 / rho, rel=1e-10)
    assert profile.spin_current[0, 1] == pytest.approx(-0.5 * angle * flowing, rel=1e-10)


@pytest.mark.parametrize("angle", [-0.4, 0.3])
def test_efficiency_is_per_current_that_flows(angle: float) -> None:
    film = Bilayer(
        HeavyMetal.from_resistivity(200.0, 3e-7, 4.0, angle), RashbaInterface(U0, U_EX, 0.0), CO
    )
    solution = solve_boltzmann(film, SphericalMesh(12, 8))
    deep = solution.profile(0, z=np.array([100.0])).in_plane_current[0, 3, 0]
    torque = solution.damping_like(solution.torque_total)
    xi = convert_torque(torque, "per_e_tilde", "efficiency", resistivity=3e-7)
    assert xi == pytest.approx(2.0 * torque / (2.0 * deep), rel=1e-10)


def test_field_drives_the_same_current_in_drift_diffusion() -> None:
    metal = HeavyMetal(40.0, *LENGTHS, spin_hall_angle=0.4)
    stack = Stack([metal], [])
    y_p = (0.0, 1.0, 0.0)
    source = metal.admittance(stack.fermi_wavevector, y_p).source
    np.testing.assert_allclose(source, [0.0, bulk(stack, 0.4)[0], 0.0, 0.0], rtol=1e-13)


def test_field_along_another_direction() -> None:
    angle, direction = 0.1, 35.0
    stack = thick_film(angle, 1.0, direction)
    profile = solve_boltzmann(stack, SphericalMesh(8, 8), source="all").profile(
        0, z=np.array([200.0])
    )
    phi = math.radians(direction)
    y_p = np.array([-math.sin(phi), math.cos(phi), 0.0])
    np.testing.assert_allclose(
        profile.spin_current[0], bulk(stack, angle)[0] * y_p, rtol=1e-9, atol=1e-4
    )


def test_closed_face_stops_the_spin_current() -> None:
    stack = thick_film(0.1, 1.0)
    profile = solve_boltzmann(stack, SphericalMesh(12, 8), source="all").profile(
        0, z=np.array([0.0, 400.0])
    )
    scale = abs(bulk(stack, 0.1)[0])
    np.testing.assert_allclose(profile.spin_current, 0.0, atol=1e-10 * scale)
    # Spins of opposite sign pile up at the two faces.
    left, right = profile.spin_accumulation[:, 1]
    assert left == pytest.approx(-right, rel=1e-9)
    assert abs(left) > 0.1 * scale
