"""Errors of meshes, from values whose limit and orders are known."""

from __future__ import annotations

import numpy as np
import pytest

from torkivity.figures import convergence_figure
from torkivity.study.mesh_study import convergence_report
from torkivity_engine.mesh_errors import analyse

POLAR, AZIMUTH = [4, 8, 16, 32], [8, 16, 32, 64, 128]


def model(polar_order: float = 2.0, azimuthal_order: float = 3.0) -> np.ndarray:
    p, a = np.meshgrid(POLAR, AZIMUTH, indexing="ij")
    error = 0.8 * p**-polar_order - 5.0 * a**-azimuthal_order
    return (
        (np.array([2.0, -1.0])[:, None, None] + np.array([1.0, 0.5])[:, None, None] * error)
        .repeat(6, axis=0)
        .transpose(1, 2, 0)
    )


def test_orders_and_limit() -> None:
    result = analyse(POLAR, AZIMUTH, model(), 2.0, 1e-3)
    np.testing.assert_allclose(result.polar.order[2:], 2.0, rtol=1e-6)
    np.testing.assert_allclose(result.azimuthal.order[2:], 3.0, rtol=1e-6)
    np.testing.assert_allclose(result.extrapolated[0], 2.0, atol=1e-9)
    # Both last steps, together and beside the scale.
    assert result.uncertainty == pytest.approx(0.4 * 32.0**-2 + 2.5 * 128.0**-3, rel=1e-5)
    np.testing.assert_allclose(result.polar.error, 0.4 * np.array(POLAR) ** -2.0, rtol=1e-6)
    np.testing.assert_allclose(result.azimuthal.error, 2.5 * np.array(AZIMUTH) ** -3.0, rtol=1e-4)
    assert list(result.together.sizes) == list(zip(POLAR, AZIMUTH[1:], strict=True))


@pytest.mark.parametrize("tolerance", [2e-2, 2e-3, 1e-3])
def test_coarsest_mesh(tolerance: float) -> None:
    result = analyse(POLAR, AZIMUTH, model(), 2.0, tolerance)
    assert result.chosen is not None
    good = result.error <= tolerance
    i, j = POLAR.index(result.chosen[0]), AZIMUTH.index(result.chosen[1])
    assert good[i:, j:].all()
    assert not any(
        good[k:, m:].all() and p * a < np.prod(result.chosen)
        for k, p in enumerate(POLAR)
        for m, a in enumerate(AZIMUTH)
    )


def test_an_accidentally_good_mesh_is_not_chosen() -> None:
    """Coarse values that happen to be exact, between worse ones of finer meshes."""
    values = model()
    values[0, 0] = [2.0] * 6 + [-1.0] * 6
    result = analyse(POLAR, AZIMUTH, values, 2.0, 1e-3)
    assert result.error[0, 0] < 1e-9
    assert result.error[1, 0] > 1e-3
    assert result.chosen == analyse(POLAR, AZIMUTH, model(), 2.0, 1e-3).chosen != (4, 8)


def test_slow_orders_are_not_extrapolated() -> None:
    """Beyond the finest mesh an order of 0.4 is not believed: the last step is the error."""
    result = analyse(POLAR, AZIMUTH, model(polar_order=0.4), 2.0, 1e-3)
    np.testing.assert_allclose(result.polar.order[2:], 0.4, rtol=1e-6)
    last = 0.8 * (16.0**-0.4 - 32.0**-0.4)
    assert result.uncertainty == pytest.approx(last / 2.0, rel=1e-3)
    believed = analyse(POLAR, AZIMUTH, model(polar_order=0.6), 2.0, 1e-3)
    np.testing.assert_allclose(believed.extrapolated[0], 2.0, atol=1e-6)
    assert believed.uncertainty == pytest.approx(0.4 * 32.0**-0.6, rel=1e-3)


def test_no_mesh_is_good_enough() -> None:
    result = analyse(POLAR, AZIMUTH, model(), 2.0, 1e-9)
    assert result.chosen is None
    assert "no mesh of this study meets the tolerance" in convergence_report(result)


def test_values_that_do_not_converge() -> None:
    values = np.random.default_rng(1).normal(size=(4, 5, 12))
    result = analyse(POLAR, AZIMUTH, values, 1.0, 1e-3)
    assert result.chosen is None
    assert result.uncertainty > 0.1


def test_values_that_agree_to_rounding() -> None:
    result = analyse(POLAR, AZIMUTH, np.ones((4, 5, 12)), 1.0, 1e-3)
    assert result.chosen == (4, 8)
    assert result.uncertainty == 0.0
    assert np.isnan(result.polar.order).all()
    convergence_figure(result)
