"""The one formula for the difference of a model from the Boltzmann equation."""

import math

import numpy as np
import pytest

from torkivity.results.differences import above_noise, relative_difference


@pytest.mark.parametrize(
    ("value", "reference", "expected"),
    [
        (1.1, 1.0, 0.1),
        (-0.5, -1.0, -0.5),
        (-1.1, 1.0, -2.1),  # of the wrong sign
        (0.0105, 0.01, 0.05),  # at the guard
        (0.02, 0.004, 1.6),  # below it: over 0.01
        (0.02, -0.004, -2.4),
        (0.003, 0.0, 0.3),
    ],
)
def test_by_hand(value: float, reference: float, expected: float) -> None:
    assert relative_difference(value, reference, 1.0) == pytest.approx(expected, rel=1e-12)
    scaled = relative_difference(3e5 * value, 3e5 * reference, 3e5)
    assert scaled == pytest.approx(expected, rel=1e-12)


def test_points_without_torque_have_none() -> None:
    largest = above_noise([2.0, 1e-10, math.nan, 1e-8])
    np.testing.assert_array_equal(largest, [2.0, 0.0, math.nan, 1e-8])
    found = relative_difference([1.0, 1e-10, 1.0, 2e-8], [0.5, 1e-11, 0.5, 1e-8], largest)
    np.testing.assert_allclose(found, [1.0, math.nan, math.nan, 1.0], rtol=1e-12)
