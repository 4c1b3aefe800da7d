"""Quadrature rules on the unit interval for the polar variable mu = abs(cos(theta)).

Both rules treat each hemisphere on its own ("double Gauss"): the distribution function
jumps between outgoing and incoming directions at mu = 0, and only a rule that
never straddles the jump converges spectrally.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from torkivity_meshes.errors import InputError

__all__ = ["POLAR_RULES", "gauss", "graded", "polar_rule"]


def gauss(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Legendre rule on (0, 1).

    Parameters
    ----------
    n : int
        Number of points.

    Returns
    -------
    mu, weight : ndarray, shape (n,)
        Nodes in increasing order and weights that sum to one.
    """
    x, w = np.polynomial.legendre.leggauss(n)
    return 0.5 * (1.0 + x), 0.5 * w


def graded(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Legendre rule in s with mu = s**3: points crowd towards grazing angles.

    The integrands of the scattering tensors have poles at mu = -i U, next to the
    integration interval when a barrier eigenvalue U is small; a cubic map moves them a
    distance of order U**(1/3) away.

    Parameters
    ----------
    n : int
        Number of points, at least 5, so that polynomials in mu up to degree two (all
        that the sphere moments need) stay exact.

    Returns
    -------
    mu, weight : ndarray, shape (n,)
        Nodes in increasing order and weights that sum to one.
    """
    s, w = gauss(n)
    return s**3, 3.0 * s**2 * w


POLAR_RULES = {"gauss": gauss, "graded": graded}

_LEAST = {"gauss": 2, "graded": 5}

#: The rule alone then takes some ten seconds.
_MOST_POLAR = 2048


def polar_rule(name: str, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights of a named polar rule.

    Parameters
    ----------
    name : {"gauss", "graded"}
        Rule.
    n : int
        Number of points per hemisphere.

    Returns
    -------
    mu, weight : ndarray, shape (n,)
        Nodes in (0, 1), increasing, and weights that sum to one.

    Raises
    ------
    InputError
        For an unknown rule, fewer points than the rule needs, or too many.
    """
    check_polar_rule(name, n)
    return POLAR_RULES[name](n)


def check_polar_rule(name: str, n: int) -> None:
    """Refuse what `polar_rule` refuses, without computing nodes."""
    if name not in POLAR_RULES:
        raise InputError("polar_rule", name, f"must be one of {', '.join(POLAR_RULES)}")
    if n < _LEAST[name]:
        which = "the graded polar rule needs" if name == "graded" else "needs"
        raise InputError("n_polar", n, f"{which} at least {_LEAST[name]} polar points")
    if n > _MOST_POLAR:
        raise InputError(
            "n_polar",
            n,
            f"at most {_MOST_POLAR}: time grows with its cube, and a few tens are enough",
        )
