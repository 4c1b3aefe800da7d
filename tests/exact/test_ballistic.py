"""Ballistic conductance of a contact between two reservoirs.

Yu. V. Sharvin, Sov. Phys. JETP 21, 655 (1965), for the clean contact, pi C per spin coefficient;
with a delta barrier the transmission of R. Landauer, IBM J. Res. Dev. 1, 223 (1957), over
all directions. Both spins together conduct twice what the charge coefficient carries.

A barrier u0 + b.sigma transmits mu^2/(mu^2 + u^2) of spins along +-b, u = u0 +- |b|, so a
charge coefficient of one arriving leaves as T_cc = (T_+ + T_-)/2 of charge and
T_bc = (T_+ - T_-)/2 of spin along b.
"""

import math

import mpmath
import numpy as np
import pytest

from torkivity_engine.constants import fermi_surface_prefactor
from torkivity_engine.film.boundaries import Reservoir
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.scattering import scattering_matrices
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

M = (0.6, 0.0, 0.8)
THIN = HeavyMetal(1e-6, 1e7, 1e9)  # nm: one electron in 1e13 is scattered
CHARGE = 3


def passing(u: float) -> float:
    """2 int_0^1 mu T dmu in closed form: the share of an isotropic flux."""
    return 1.0 - u * u * math.log1p(1.0 / (u * u)) if u else 1.0


def integrate(f: object) -> float:
    with mpmath.workdps(20):
        return float(mpmath.quad(f, [0, 0.01, 0.1, 0.3, 1]))


def transmitted(interface: RashbaInterface, *, method: str = "reduced", n: int = 64) -> np.ndarray:
    """Flow of (x, y, z, charge) through the interface over pi C, for a unit charge on the left."""
    film = Stack([THIN, THIN], [interface], left=Reservoir(charge=1.0), right=Reservoir())
    mesh = SphericalMesh(n, 8, "graded")
    solution = solve_boltzmann(film, mesh, method=method, source="reservoirs")
    answer = solution.at_interface(0)
    flow = np.append(answer.spin_current_plus, answer.charge_current_plus)
    assert answer.charge_current_minus == pytest.approx(answer.charge_current_plus, rel=1e-12)
    return flow / (math.pi * film.prefactor)


def test_sharvin() -> None:
    k_f = 13.6
    contact = Stack([THIN], [], left=Reservoir(charge=1.0), right=Reservoir(), fermi_wavevector=k_f)
    solution = solve_boltzmann(contact, SphericalMesh(8, 4), source="reservoirs")
    current = solution.profile(0, z=np.array([0.0, 1e-6])).charge_current
    # (e^2/h) k_F^2/(4 pi) for each of the two spins, from the SI values of e and h.
    e, h = 1.602176634e-19, 6.62607015e-34
    sharvin = 2.0 * e * e / h * (k_f * 1e9) ** 2 / (4.0 * math.pi)
    np.testing.assert_allclose(2.0 * current, sharvin, rtol=1e-10)
    assert contact.prefactor == fermi_surface_prefactor(k_f)


@pytest.mark.parametrize("u", [0.0, 0.05, 0.4, 1.0, 10.0])
def test_delta_barrier(u: float) -> None:
    exact = integrate(lambda mu: 2 * mu**3 / (mu**2 + u * u) if u else 2 * mu)
    assert exact == pytest.approx(passing(u), rel=1e-12)
    flow = transmitted(RashbaInterface(u, 0.0, 0.0))
    assert flow[CHARGE] == pytest.approx(exact, rel=1e-10)
    np.testing.assert_allclose(flow[:CHARGE], 0.0, atol=1e-13)


@pytest.mark.parametrize(("u0", "u_ex"), [(0.4, 0.2), (0.4, -0.3), (1.0, 1.0), (0.0, 0.5)])
def test_spin_filter(u0: float, u_ex: float) -> None:
    flow = transmitted(RashbaInterface(u0, u_ex, 0.0, magnetization=M))
    plus, minus = passing(u0 + u_ex), passing(u0 - u_ex)
    assert flow[CHARGE] == pytest.approx(0.5 * (plus + minus), rel=1e-10)
    spin = 0.5 * (plus - minus) * np.array(M)
    np.testing.assert_allclose(flow[:CHARGE], spin, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("u0", "u_ex", "u_r"), [(0.4, 0.0, 0.2), (0.5, 0.3, 0.25)])
def test_rashba_barrier(u0: float, u_ex: float, u_r: float) -> None:
    # With m along z, |b| = (u_ex^2 + u_R^2 (1 - mu^2))^(1/2) does not depend on the azimuth.
    def length(mu: mpmath.mpf) -> mpmath.mpf:
        return mpmath.sqrt(u_ex**2 + u_r**2 * (1 - mu**2))

    def share(mu: mpmath.mpf, u: mpmath.mpf) -> mpmath.mpf:
        return mu**2 / (mu**2 + u**2)

    charge = integrate(lambda mu: mu * (share(mu, u0 + length(mu)) + share(mu, u0 - length(mu))))
    spin = integrate(
        lambda mu: (
            mu * (share(mu, u0 + length(mu)) - share(mu, u0 - length(mu))) * u_ex / length(mu)
            if u_ex
            else mpmath.mpf(0)
        )
    )
    flow = transmitted(RashbaInterface(u0, u_ex, u_r, magnetization=(0.0, 0.0, 1.0)))
    assert flow[CHARGE] == pytest.approx(charge, rel=1e-10)
    np.testing.assert_allclose(flow[:CHARGE], [0.0, 0.0, spin], rtol=1e-10, atol=1e-13)


def test_rashba_needs_oblique_incidence() -> None:
    # Along the normal k x z = 0, and the bare barrier is left.
    normal = np.array([[0.0, 0.0, 1.0]])
    _, transmission = scattering_matrices(RashbaInterface(0.4, 0.0, 7.0), M, normal)
    np.testing.assert_allclose(transmission[0], np.eye(4) / 1.16, rtol=1e-14, atol=1e-15)


def test_dense_method() -> None:
    interface = RashbaInterface(0.4, 0.2, 0.3, magnetization=M)
    film = [transmitted(interface, method=method, n=5) for method in ("dense", "reduced")]
    np.testing.assert_allclose(film[0], film[1], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("u_ex", [0.0, 0.3])
def test_thin_ferromagnet_is_transparent(u_ex: float) -> None:
    # Precession and spin-dependent scattering need a length to act on.
    magnet = Ferromagnet(1e-6, 1e7, 3e6, 1e9, 1e7, magnetization=M)
    interface = RashbaInterface(0.4, u_ex, 0.0, magnetization=M)
    film = Stack([THIN, magnet], [interface], left=Reservoir(), right=Reservoir(charge=1.0))
    solution = solve_boltzmann(film, SphericalMesh(64, 4, "graded"), source="reservoirs")
    current = solution.at_interface(0).charge_current_minus / (math.pi * film.prefactor)
    exact = -0.5 * (passing(0.4 + u_ex) + passing(0.4 - u_ex))
    assert current == pytest.approx(exact, rel=1e-10)
