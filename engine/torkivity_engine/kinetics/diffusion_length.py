"""Slowest spin mode of a heavy metal, in the plane of the layer: spin loss against decay.

With x = kappa lambda = tanh(y), omega the spin albedo and theta the spin Hall angle, the mode
exp(-kappa z) of spins in the plane solves

    1 - omega A + 3 q (1 - omega) B = 0,   A = artanh(x)/x,   B = (A - 1)/x^2,
    q = theta^2 p / (1 + theta^2 p^2),     p = (3/2)(A - B):

skew scattering turns its l = 1 part into charge that flows in the plane, and that back into
spin. Spins along z make no such charge: theta = 0 is their equation at any spin Hall angle.
The relation is linear in omega, so that 1 - omega follows from y in closed form.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

__all__ = ["LEAST_ALBEDO", "least_albedo", "slow_mode", "spin_loss"]

#: Least spin albedo with a diffusive regime, without skew scattering. Below it the slow mode
#: is within 0.3 % of the continuum of ballistic ones (kappa lambda -> 1) and no longer
#: outlives them.
LEAST_ALBEDO = 0.3

# y from which 1 - tanh(y)/y is taken as it stands, and levels of its continued fraction below
# (exact to rounding there with 14).
_LARGE = 3.0
_LEVELS = 20


def spin_loss(y: float, spin_hall_angle: float = 0.0) -> float:
    """1 - omega of the metal whose slow mode has artanh(kappa lambda) = y.

    Parameters
    ----------
    y : float
        Positive.
    spin_hall_angle : float, optional
        theta; 0 for spins along z.

    Returns
    -------
    float
        Without cancellation for weak spin flip.
    """
    deficit = _tanh_deficit(y)
    if spin_hall_angle == 0.0 or y == 0.0:
        return deficit
    a, ratio = 1.0 / (1.0 - deficit), deficit / math.tanh(y) / math.tanh(y)  # A and B/A
    p = 1.5 * a * (1.0 - ratio)
    turned = spin_hall_angle * p
    q = turned * spin_hall_angle / (1.0 + turned * turned)
    return deficit / (1.0 + 3.0 * q * ratio)


def least_albedo(spin_hall_angle: float) -> float:
    """Least spin albedo whose slow mode is as far from the continuum as at `LEAST_ALBEDO`."""
    if spin_hall_angle == 0.0:
        return LEAST_ALBEDO
    return 1.0 - spin_loss(slow_mode(1.0 - LEAST_ALBEDO), spin_hall_angle)


@lru_cache(maxsize=256)
def slow_mode(loss: float, spin_hall_angle: float = 0.0) -> float:
    """Root y = artanh(kappa lambda) of `spin_loss` (y, theta) = loss.

    Parameters
    ----------
    loss : float
        1 - omega, at most that of `least_albedo`.
    spin_hall_angle : float, optional
        theta; 0 for spins along z.

    Returns
    -------
    float
    """
    # The loss without skew scattering lies between `loss` and `most`, since q < min(1, 1.5
    # theta^2) and B/A < 1; F below between y^2 / (3 + y^2 / 5) and y^2 / 3.
    skew = 3.0 * min(1.0, 1.5 * spin_hall_angle * spin_hall_angle)
    most = min(loss * (1.0 + skew), 1.001 - LEAST_ALBEDO)
    low, high = loss / (1.0 - loss), most / (1.0 - most)
    return _crossing(
        lambda y: spin_loss(y, spin_hall_angle) - loss,
        0.999 * math.sqrt(3.0 * low),
        1.001 * math.sqrt(3.0 * high / (1.0 - high / 5.0)),
    )


def _crossing(f: Callable[[float], float], low: float, high: float) -> float:
    """Zero of an increasing function between two points, to rounding.

    False position with halved weights (Illinois). SciPy's root finders take longer to import than
    a film takes to solve.
    """
    at_low, at_high = f(low), f(high)
    y = low
    for _ in range(100):
        last, y = y, (low * at_high - high * at_low) / (at_high - at_low)
        value = f(y)
        if value == 0.0 or abs(y - last) <= 1e-15 * y:
            break
        if value < 0.0:
            low, at_low, at_high = y, value, 0.5 * at_high
        else:
            high, at_high, at_low = y, value, 0.5 * at_low
    return y


def _tanh_deficit(y: float) -> float:
    """1 - tanh(y)/y = F/(1 + F), F = y^2/(3 + y^2/(5 + ...)): no cancellation at small y."""
    if y > _LARGE:
        return 1.0 - math.tanh(y) / y
    y2, tail = y * y, 0.0
    for odd in range(2 * _LEVELS + 1, 1, -2):
        tail = y2 / (odd + tail)
    return tail / (1.0 + tail)
