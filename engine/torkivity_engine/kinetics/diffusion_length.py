"""Spin diffusion length of a heavy metal from its kinetic lengths."""

from __future__ import annotations

import math

__all__ = ["LEAST_ALBEDO", "slow_mode"]

#: Least spin albedo with a diffusive regime. Below it the slow mode is within 0.3 % of the
#: continuum of ballistic ones (kappa lambda -> 1) and no longer outlives them.
LEAST_ALBEDO = 0.3

# Levels of the continued fraction of tanh: exact to rounding up to the argument 3.4 that
# belongs to LEAST_ALBEDO (needs 14).
_LEVELS = 20


def slow_mode(loss: float) -> float:
    """Root y of 1 - tanh(y)/y = loss, which is the dispersion relation for y = artanh(x)."""
    from scipy.optimize import brentq  # takes half a second to import

    # F below lies between y^2 / (3 + y^2 / 5) and y^2 / 3, which brackets the root.
    f = loss / (1.0 - loss)
    low, high = math.sqrt(3.0 * f), math.sqrt(3.0 * f / (1.0 - f / 5.0))
    root: float = brentq(
        lambda y: _tanh_deficit(y) - loss,
        0.999 * low,
        1.001 * high,
        xtol=1e-300,
        rtol=1e-15,
    )
    return root


def _tanh_deficit(y: float) -> float:
    """1 - tanh(y)/y = F/(1 + F), F = y^2/(3 + y^2/(5 + ...)): no cancellation at small y."""
    y2, tail = y * y, 0.0
    for odd in range(2 * _LEVELS + 1, 1, -2):
        tail = y2 / (odd + tail)
    return tail / (1.0 + tail)
