"""Spin diffusion length: dispersion relation of the slowest spin mode."""

import math

import mpmath
import numpy as np
import pytest

from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.diffusion_length import spin_diffusion_length
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.kinetics.diffusion_length import LEAST_ALBEDO


def reference_length(metal: HeavyMetal) -> float:
    """Root of 1 = (omega / x) artanh(x) in 60 digits, x = lambda / l_sf."""
    with mpmath.workdps(60):
        rate_mf = 1 / mpmath.mpf(metal.mean_free_path)
        rate_sf = 1 / mpmath.mpf(metal.spin_flip_length)
        lam, omega = 1 / (rate_mf + rate_sf), (rate_mf - rate_sf) / (rate_mf + rate_sf)
        y = mpmath.findroot(
            lambda y: mpmath.tanh(y) - omega * y,
            (mpmath.sqrt(3 * (1 - omega)), 1 / omega),
            solver="anderson",
            tol=1e-50,
        )
        assert y > 0
        return float(lam / mpmath.tanh(y))


@pytest.mark.parametrize("flip", [1.9, 2.5, 5.0, 14.755, 1e2, 1e4, 1e8, 1e12, 1e15])
def test_matches_high_precision_root(flip: float) -> None:
    metal = HeavyMetal(1.0, mean_free_path=1.0, spin_flip_length=flip)
    assert spin_diffusion_length(metal) == pytest.approx(reference_length(metal), rel=5e-15)


def test_weak_spin_flip_reaches_the_diffusive_limit() -> None:
    # Next order of the dispersion relation: relative difference (4/5) lambda / lambda_sf.
    for flip in (1e3, 1e5, 1e7):
        metal = HeavyMetal(1.0, mean_free_path=2.0, spin_flip_length=flip)
        ratio = spin_diffusion_length(metal) / spin_diffusion_length(metal, exact=False)
        small = metal.total_mean_free_path / flip
        assert ratio - 1.0 == pytest.approx(0.8 * small, rel=10 * small, abs=1e-15)


def test_diffusive_limit_is_the_closed_formula() -> None:
    metal = HeavyMetal(1.0, mean_free_path=2.4285, spin_flip_length=14.755)
    expected = math.sqrt(2.4285 * 14.755 / (2.4285 + 14.755) * 14.755 / 6.0)
    assert spin_diffusion_length(metal, exact=False) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("x", [0.995, 0.9, 0.5, 2.0853 / 2.57, 0.1, 1e-2, 1e-3, 1e-4, 1e-6])
def test_round_trip_through_the_spin_diffusion_length(x: float) -> None:
    metal = HeavyMetal.from_spin_diffusion_length(5.0, 2.0853, 2.0853 / x)
    assert spin_diffusion_length(metal) == pytest.approx(2.0853 / x, rel=1e-9)
    assert metal.total_mean_free_path == pytest.approx(2.0853, rel=1e-14)


def test_no_spin_flip_is_an_infinite_length() -> None:
    metal = HeavyMetal(1.0, 2.0, math.inf)
    assert spin_diffusion_length(metal) == math.inf
    assert spin_diffusion_length(metal, exact=False) == math.inf


@pytest.mark.parametrize("flip", [0.5, 1.0, 1.2, 1.8])
def test_no_diffusive_regime_is_named(flip: float) -> None:
    metal = HeavyMetal(1.0, mean_free_path=1.0, spin_flip_length=flip)
    assert metal.spin_albedo < LEAST_ALBEDO
    with pytest.raises(PhysicsError, match=rf"mean_free_path = 1 nm, spin_flip_length = {flip:g}"):
        spin_diffusion_length(metal)
    assert spin_diffusion_length(metal, exact=False) > 0.0


def test_slow_mode_is_close_to_the_continuum_at_the_threshold() -> None:
    flip = (1.0 + LEAST_ALBEDO) / (1.0 - LEAST_ALBEDO) * (1.0 + 1e-12)
    metal = HeavyMetal(1.0, mean_free_path=1.0, spin_flip_length=flip)
    x = metal.total_mean_free_path / spin_diffusion_length(metal)
    assert 1e-3 < 1.0 - x < 1e-2


def test_longer_flip_length_is_a_longer_diffusion_length() -> None:
    lengths = [
        spin_diffusion_length(HeavyMetal(1.0, 1.0, flip)) for flip in np.geomspace(1.9, 1e9, 200)
    ]
    assert np.all(np.diff(lengths) > 0.0)


def test_ferromagnet_is_refused() -> None:
    with pytest.raises(InputError, match="must be a HeavyMetal"):
        spin_diffusion_length(Ferromagnet(1.0, 2.0, 1.0, 10.0, 1.0))  # type: ignore[arg-type]
