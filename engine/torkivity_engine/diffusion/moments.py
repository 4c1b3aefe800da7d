"""Closed integrals over mu of delta-barrier amplitudes t = mu / (mu + i U).

Everything reduces to J_p(x) = int_0^1 mu^p / (mu + i x) dmu and its divided differences,

    int_0^1 mu^p / ((mu + i x)(mu + i y)) dmu = i (J_p(x) - J_p(y)) / (x - y),

taken without loss of digits when x is near y, when both are small and when both are large.
"""

from __future__ import annotations

import cmath

import numpy as np

__all__ = ["reflection_moment", "transmission_moment"]

#: Beyond this |x| the recurrence for J_p cancels and the series in 1/x has converged.
_SERIES_FROM = 2.0
_SERIES_TERMS = 64
_GAUSS_NODES, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(12)


def transmission_moment(power: int, up: float, down: float) -> complex:
    """int_0^1 mu^power t_up t_down* dmu.

    Parameters
    ----------
    power : int
        0 or larger.
    up, down : float
        Barriers U of the two spin channels, of any sign and size.

    Returns
    -------
    complex
    """
    return 1j * _divided_difference(power + 2, up, -down)


def reflection_moment(up: float, down: float) -> complex:
    """int_0^1 mu (1 - r_up r_down*) dmu, with 1 - r r* = t + t* - t t* (no cancellation)."""
    return _integral(2, up) + _integral(2, -down) - transmission_moment(1, up, down)


def _integral(p: int, x: float, *, without_constant: bool = False) -> complex:
    """J_p(x) for p >= 1, or J_p(x) - 1/p."""
    if abs(x) > _SERIES_FROM:
        z = 1.0 / (1j * x)
        total = sum((-z) ** k / (p + k + 1) for k in range(_SERIES_TERMS)) * z
        return total - 1.0 / p if without_constant else total
    if x == 0.0:
        return 0.0 if without_constant else 1.0 / p
    j = cmath.log(1.0 - 1j / x)
    for n in range(1, p):
        j = 1.0 / n - 1j * x * j
    j = -1j * x * j
    return j if without_constant else j + 1.0 / p


def _derivative(p: int, x: float) -> complex:
    """J_p'(x) for p >= 2."""
    if abs(x) > _SERIES_FROM:
        z = 1.0 / (1j * x)
        return -1j * sum((k + 1) * (-z) ** k / (p + k + 1) for k in range(_SERIES_TERMS)) * z * z
    if x == 0.0:
        return -1j / (p - 1)
    j, slope = cmath.log(1.0 - 1j / x), 1j / (x * (x - 1j))
    for n in range(1, p + 1):
        j, slope = 1.0 / n - 1j * x * j, -1j * j - 1j * x * slope
    return slope


def _divided_difference(p: int, x: float, y: float) -> complex:
    if abs(x - y) <= 0.5 * min(abs(x), abs(y)) or x == y:
        centre, half = 0.5 * (x + y), 0.5 * (x - y)
        return 0.5 * sum(
            w * _derivative(p, centre + half * s)
            for s, w in zip(_GAUSS_NODES, _GAUSS_WEIGHTS, strict=True)
        )
    small = max(abs(x), abs(y)) <= 1.0
    return (_integral(p, x, without_constant=small) - _integral(p, y, without_constant=small)) / (
        x - y
    )
