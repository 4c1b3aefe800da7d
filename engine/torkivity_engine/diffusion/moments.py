"""Closed integrals over mu of delta-barrier amplitudes t = mu / (mu + i U).

Everything reduces to J_p(x) = int_0^1 mu^p / (mu + i x) dmu and its divided differences,

    int_0^1 mu^p / ((mu + i x)(mu + i y)) dmu = i (J_p(x) - J_p(y)) / (x - y),

taken without loss of digits when x is near y, when both are small and when both are large.
"""

from __future__ import annotations

import numpy as np

from torkivity_engine.machine.kernels import njit

__all__ = ["reflection_moment", "transmission_moment"]

#: Beyond this |x| the recurrence for J_p cancels and the series in 1/x has converged.
_SERIES_FROM = 2.0
_SERIES_TERMS = 64
_GAUSS_NODES, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(12)


@njit(cache=True, error_model="numpy")
def transmission_moment(power, up, down):  # type: ignore[no-untyped-def]
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


@njit(cache=True, error_model="numpy")
def reflection_moment(up, down):  # type: ignore[no-untyped-def]
    """int_0^1 mu (1 - r_up r_down*) dmu, with 1 - r r* = t + t* - t t* (no cancellation)."""
    return _integral(2, up, True) + _integral(2, -down, True) - transmission_moment(1, up, down)


@njit(cache=True, inner=True, error_model="numpy")
def _integral(p, x, with_constant):  # type: ignore[no-untyped-def]
    """J_p(x) for p >= 1, or J_p(x) - 1/p."""
    if abs(x) > _SERIES_FROM:
        z = complex(0.0, -1.0 / x)
        total = 0.0j
        for k in range(_SERIES_TERMS - 1, -1, -1):
            total = 1.0 / (p + k + 1) - z * total
        total *= z
        return total if with_constant else total - 1.0 / p
    j = 0.0j
    if x != 0.0:
        ix = complex(0.0, x)
        j = np.log(complex(1.0, -1.0 / x))
        for n in range(1, p):
            j = 1.0 / n - ix * j
        j = -ix * j
    return j + 1.0 / p if with_constant else j


@njit(cache=True, inner=True, error_model="numpy")
def _derivative(p, x):  # type: ignore[no-untyped-def]
    """J_p'(x) for p >= 2."""
    if abs(x) > _SERIES_FROM:
        z = complex(0.0, -1.0 / x)
        total = 0.0j
        for k in range(_SERIES_TERMS - 1, -1, -1):
            total = (k + 1.0) / (p + k + 1) - z * total
        return -1j * total * z * z
    if x == 0.0:
        return -1j / (p - 1)
    ix = complex(0.0, x)
    j, slope = np.log(complex(1.0, -1.0 / x)), 1j / (x * complex(x, -1.0))
    for n in range(1, p + 1):
        j, slope = 1.0 / n - ix * j, -1j * j - ix * slope
    return slope


@njit(cache=True, inner=True, error_model="numpy")
def _divided_difference(p, x, y):  # type: ignore[no-untyped-def]
    if abs(x - y) <= 0.5 * min(abs(x), abs(y)) or x == y:
        centre, half = 0.5 * (x + y), 0.5 * (x - y)
        total = 0.0j
        for s in range(_GAUSS_NODES.shape[0]):
            total += _GAUSS_WEIGHTS[s] * _derivative(p, centre + half * _GAUSS_NODES[s])
        return 0.5 * total
    large = max(abs(x), abs(y)) > 1.0
    return (_integral(p, x, large) - _integral(p, y, large)) / (x - y)
