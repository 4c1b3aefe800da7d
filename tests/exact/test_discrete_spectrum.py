"""Discrete eigenvalues of the transport equation against their dispersion relations.

Isotropic scattering has one decaying solution slower than every ballistic one, with
1 = (omega / kappa lambda) artanh(kappa lambda): K. M. Case, Ann. Phys. (N.Y.) 9, 1 (1960).
The same argument with spin-dependent rates gives a two-channel determinant for spins along
the magnetization and a complex root for precessing ones. Skew scattering of strength theta turns
the l = 1 part of spins in the plane into an in-plane charge current and back, which adds two
moments; spins along the normal keep Case's relation.
"""

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from scipy.optimize import brentq

from exact.films import averages, metal
from torkivity_engine.dense.modes import layer_modes
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.boundaries import HalfSpace, Reservoir
from torkivity_engine.film.diffusion_length import spin_diffusion_length
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Stack
from torkivity_engine.kinetics.diffusion_length import least_albedo
from torkivity_engine.reduced.assembly import ring_structure
from torkivity_engine.reduced.slow_modes import slow_modes
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

LENGTH = 1.7  # nm
MAGNET = Ferromagnet(5.0, 16.25, 6.01, 400.0, 40.0, magnetization=(0.3, -0.2, 1.0))


def slow_root(albedo: float) -> float:
    """kappa lambda = tanh(y) with 1 - tanh(y)/y = 1 - omega, which lies below y^2/3."""
    with mpmath.workdps(40):
        loss = 1 - mpmath.mpf(albedo)
        least = mpmath.sqrt(3 * loss)
        y = mpmath.findroot(
            lambda y: (1 - mpmath.tanh(y) / y) / loss - 1, (least, 3 * least), solver="anderson"
        )
        return float(mpmath.tanh(y))


def longitudinal_root(magnet: Ferromagnet) -> float:
    """kappa in 1/nm of spins along m: each channel feeds itself and, by flips, the other."""
    flip = 1.0 / magnet.spin_flip_length
    rates = (1.0 / magnet.mean_free_path_majority, 1.0 / magnet.mean_free_path_minority)

    def determinant(kappa: float) -> float:
        up, down = (mpmath.atanh(kappa / (r + flip)) / kappa for r in rates)
        coupled = (1 - up * rates[0]) * (1 - down * rates[1]) - up * down * flip**2
        return coupled / kappa**2  # takes out the root of conserved charge

    with mpmath.workdps(40):
        top = (min(rates) + flip) * 0.999999
        return float(mpmath.findroot(determinant, (1e-3 * top, 0.95 * top), solver="anderson"))


def skew_root(albedo: float, angle: float) -> float:
    """kappa lambda of spins in the plane, from a determinant of quadrature sums.

    For s_y e^(-kappa z) with moments n = <g_y>, f = 3 <mu g_y> and the charge it drags along,
    h = 3 <k_x g_c> (h enters g_y as mu, f and the in-plane spin f' = 3 <k_x g_z> enter g_c):

        (1 - x mu) g_y = omega n - theta mu h,   (1 - x mu) g_c = theta k_x (f - f'),
        (1 - x mu) g_z = theta k_x h.
    """
    mu, w = np.polynomial.legendre.leggauss(200)
    w = w / 2.0
    k_x2 = 0.5 * (1.0 - mu**2)

    def determinant(x: float) -> float:
        flight = w / (1.0 - x * mu)
        i0, i1, i2, p = (float(flight @ f) for f in (np.ones_like(mu), mu, mu**2, k_x2))
        matrix = [
            [1.0 - albedo * i0, 0.0, angle * i1, 0.0],
            [-3.0 * albedo * i1, 1.0, 3.0 * angle * i2, 0.0],
            [0.0, -3.0 * angle * p, 1.0, 3.0 * angle * p],
            [0.0, 0.0, -3.0 * angle * p, 1.0],
        ]
        return float(np.linalg.det(matrix))

    return float(brentq(determinant, 1e-6, 0.95, xtol=1e-15, rtol=1e-14))


def transverse_root(magnet: Ferromagnet) -> complex:
    """kappa in 1/nm of spins across m; fast precession would leave no such mode."""
    flip = 1.0 / magnet.spin_flip_length
    majority, minority = magnet.mean_free_path_majority, magnet.mean_free_path_minority
    out = 0.5 * (1.0 / majority + 1.0 / minority) + flip + 1j / magnet.precession_length
    back = 1.0 / math.sqrt(majority * minority) - flip

    def relation(kappa: complex) -> complex:
        return back * mpmath.atanh(kappa / out) / kappa - 1

    with mpmath.workdps(40):
        start = mpmath.sqrt(3 * out * (out - back))  # its diffusive limit
        return complex(mpmath.findroot(relation, start))


@pytest.mark.parametrize("albedo", [0.35, 0.5, 0.7, 0.9, 0.99, 0.9999, 1.0 - 1e-8])
def test_spin_diffusion_length(albedo: float) -> None:
    layer = metal(10.0, albedo, LENGTH)
    # 1 - albedo is what the spin flip length fixes, not the rounded albedo.
    exact = LENGTH / slow_root(1.0 - 2.0 * layer.total_mean_free_path / layer.spin_flip_length)
    rounding = 1e-15 / (1.0 - albedo)
    assert spin_diffusion_length(layer) == pytest.approx(exact, rel=max(1e-12, rounding))


@pytest.mark.parametrize("angle", [-0.4, 0.059, 1.5])
def test_spin_diffusion_length_with_skew_scattering(angle: float) -> None:
    for albedo in (0.95, 0.8):
        layer = replace(metal(10.0, albedo, LENGTH), spin_hall_angle=angle)
        length = spin_diffusion_length(layer)
        assert length == pytest.approx(LENGTH / skew_root(albedo, angle), rel=1e-11)
        again = HeavyMetal.from_spin_diffusion_length(10.0, LENGTH, length, angle)
        assert again.spin_flip_length == pytest.approx(layer.spin_flip_length, rel=1e-12)


@pytest.mark.parametrize("angle", [-0.4, 0.059, 1.5])
def test_decay_of_each_spin_with_skew_scattering(angle: float) -> None:
    # Weak spin flip: at 40 mean free paths nothing but the slow modes is left.
    layer = replace(metal(130.0, 0.98, LENGTH), spin_hall_angle=angle)
    in_plane = spin_diffusion_length(layer)
    normal = spin_diffusion_length(replace(layer, spin_hall_angle=0.0))
    mesh, z = SphericalMesh(16, 8), np.array([42.0, 46.0]) * LENGTH
    for spin, length in enumerate((in_plane, in_plane, normal)):
        injected = [float(spin == s) for s in range(3)]
        film = Stack([layer], [], left=Reservoir(spin=tuple(injected)))
        solution = solve_boltzmann(film, mesh, source="reservoirs")
        near, far = averages(solution, film, 0, z)[:, spin]
        assert (z[1] - z[0]) / math.log(near / far) == pytest.approx(length, rel=1e-9)
    modes = slow_modes(layer, ring_structure(mesh))
    np.testing.assert_allclose(1.0 / modes.kappa, [in_plane, in_plane, normal], rtol=1e-9)


def test_no_diffusive_regime_comes_earlier_with_skew_scattering() -> None:
    # Just beside the continuum, as at an albedo of 0.3 without skew scattering.
    for angle in (0.0, 0.4, 1.5):
        least = least_albedo(angle)
        layer = replace(metal(1.0, least * (1.0 + 1e-9)), spin_hall_angle=angle)
        assert 1e-3 < 1.0 - 1.0 / spin_diffusion_length(layer) < 1e-2
        with pytest.raises(PhysicsError, match="no diffusive regime"):
            spin_diffusion_length(replace(metal(1.0, least * (1.0 - 1e-6)), spin_hall_angle=angle))


@pytest.mark.parametrize("albedo", [0.7, 0.9, 0.99, 0.9999])
def test_modes_of_a_heavy_metal(albedo: float) -> None:
    rates = layer_modes(metal(10.0, albedo, LENGTH), SphericalMesh(24, 4, "gauss")).rates
    slowest = np.sort(np.abs(rates))
    exact = slow_root(albedo) / LENGTH
    # +-kappa for each of the three spin components.
    np.testing.assert_allclose(slowest[:6], exact, rtol=1e-10)
    assert slowest[6] > 1.0 / LENGTH


def test_spectral_convergence() -> None:
    exact = slow_root(0.7)
    errors = []
    for n in (4, 8, 12):
        rates = layer_modes(metal(1.0, 0.7), SphericalMesh(n, 4, "gauss")).rates
        errors.append(abs(np.abs(rates).min() / exact - 1.0))
    assert errors[1] < 2e-2 * errors[0]
    assert errors[2] < 2e-2 * errors[1]


def test_modes_of_a_ferromagnet() -> None:
    rates = layer_modes(MAGNET, SphericalMesh(24, 4, "gauss")).rates
    along, across = longitudinal_root(MAGNET), transverse_root(MAGNET)
    for exact in (along, -along, across, across.conjugate(), -across, -across.conjugate()):
        assert np.abs(rates - exact).min() < 1e-10 * abs(exact)


@pytest.mark.parametrize("method", ["reduced", "dense"])
@pytest.mark.parametrize("albedo", [0.99, 0.9999])
def test_decay_deep_in_a_half_space(albedo: float, method: str) -> None:
    # At 30 mean free paths only the slow mode is left, exp(-(1 - kappa lambda) 30) = 2e-11.
    layer = metal(60.0, albedo, LENGTH)
    film = Stack([layer], [], left=Reservoir(spin=(0.0, 1.0, 0.0)), right=HalfSpace())
    solution = solve_boltzmann(film, SphericalMesh(12, 4), method=method, source="reservoirs")
    z = np.array([32.0, 40.0]) * LENGTH
    near, far = averages(solution, film, 0, z)[:, 1]
    decay = math.log(near / far) / (z[1] - z[0])
    assert decay == pytest.approx(slow_root(albedo) / LENGTH, rel=1e-10)
