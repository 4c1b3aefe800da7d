"""What is expected of meshes, against what they then do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mpmath import expint, mp

from draws import CO, PT, pt_co, random_bilayer
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.outlook import SIZES, outlook
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh, polar_rule


def flight_error(n_polar: int) -> float:
    """Error of a rule for mu^w exp(-s/mu), whose integral is E_(w+2)(s), on round trips."""
    mu, weights = polar_rule("rational", n_polar)
    worst = 0.0
    mp.dps = 30
    spin = 0.5 * (1.0 / 16.25 + 1.0 / 6.01) + 1.0 / 1000.0
    rates = [
        (5.0, 1.0 / 16.25 + 1.0 / 1000.0),
        (5.0, spin + 1j / 1.36),
        (10.0, 1.0 / 2.0853),
    ]
    for thickness, rate in rates:
        for returns in (1, 2):
            s = 2.0 * returns * thickness * rate
            for w in (1, 2):
                exact = complex(expint(w + 2, s))
                found = complex(np.sum(weights * mu**w * np.exp(-s / mu)))
                worst = max(worst, 2.0 * abs(found - exact))
    return worst


@pytest.mark.parametrize("n_polar", [8, 16, 32, 48])
def test_flights_are_integrated_as_badly_as_exponential_integrals_say(n_polar: int) -> None:
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0)).stack()
    expected = outlook(film, "rational", film)
    assert expected.polar(n_polar) == pytest.approx(flight_error(n_polar), rel=0.3)


@pytest.mark.parametrize("seed", [500, 505, 508, 512])
def test_ratios_of_errors_are_those_of_torques_within_caution(seed: int) -> None:
    """What is left of the error of a coarse mesh is no more than four times what is expected."""
    film = random_bilayer(np.random.default_rng(seed))
    expected = outlook(film.stack(), "rational", film.stack())
    assert expected.regular
    exact = solve_boltzmann(film, SphericalMesh(96, 16)).torque_total
    coarse, fine = (
        np.abs(solve_boltzmann(film, SphericalMesh(n, 16)).torque_total - exact).max()
        for n in (4, 12)
    )
    left = 4.0 * expected.polar(12) / expected.polar(4)
    assert fine <= max(left, 0.01) * coarse


def test_azimuthal_decay_is_the_imaginary_part_of_a_zero() -> None:
    """abs(b)^2 = u0^2 at the azimuth of the harmonic's maximum or minimum, plus i times it."""
    u0, u_ex, u_r, m = 0.43, 0.2, 0.1, np.array([0.6, 0.0, 0.8])
    decay = RashbaInterface(u0, u_ex, u_r).azimuthal_decay(m)
    harmonic = 2.0 * u_ex * u_r * math.hypot(m[0], m[1])
    assert u_ex**2 + u_r**2 + harmonic * math.cosh(decay) == pytest.approx(u0**2, rel=1e-3)
    assert RashbaInterface(0.3, 0.25, 0.2).azimuthal_decay(m) == 0.0  # open at two azimuths
    assert RashbaInterface(u0, u_ex, 0.0).azimuthal_decay(m) == math.inf
    assert RashbaInterface(u0, u0, 0.0).azimuthal_decay(m) == 0.0


def test_an_open_channel_makes_an_outlook_irregular() -> None:
    stack = Bilayer(PT, RashbaInterface(0.3, 0.25, 0.2), CO, (0.6, 0.0, 0.8)).stack()
    found = outlook(stack, "rational", stack)
    assert not found.regular
    assert found.decay == 0.0


def test_nothing_flies_in_tensors() -> None:
    stack = pt_co(0.2).stack()
    smooth, whole = outlook(stack, "rational", None), outlook(stack, "rational", stack)
    for n in SIZES[4:12]:
        assert smooth.polar(n) < whole.polar(n)
