"""Quadrature rules on the unit interval for the polar variable mu = abs(cos(theta)).

All rules treat each hemisphere on its own ("double Gauss"): the distribution function
jumps between outgoing and incoming directions at mu = 0, and only a rule that
never straddles the jump converges spectrally.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from torkivity_meshes.errors import InputError

__all__ = ["DEFAULT_POLAR_RULE", "POLAR_RULES", "gauss", "graded", "polar_rule", "rational"]

#: The pole of `rational`, mu = -1 / _REACH. Points are as dense in 1/mu at mu = 1 as at
#: mu = 1 / _REACH, about where flights have decayed.
_REACH = 4.0
#: Powers of mu that `rational` integrates exactly: those that the sphere moments need.
_EXACT = 2
#: So many points beyond its own resolve the weight of `rational` to rounding.
_FINER = 32


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


@lru_cache(maxsize=64)
def rational(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss rule for rational functions of mu, with points at even steps of 1/mu.

    Spins that cross a ferromagnet come back turned by an angle that grows like 1/mu, and
    flights are attenuated like exp(-t / lambda mu). In

        v = (1 - mu) / (1 + 4 mu),    0 < v < 1,

    points spread evenly over 1/mu as far as mu = 1/4, and crowd towards mu = 0 beyond. The rule is
    exact for P(v) / (1 + 4 v)^2 with any polynomial P of degree 2 n - 1, among which are 1, mu
    and mu^2: a Gauss rule of rational functions, W. Gautschi, J. Comput. Appl. Math. 133, 111
    (2001).

    Parameters
    ----------
    n : int
        Number of points, at least 2.

    Returns
    -------
    mu, weight : ndarray, shape (n,)
        Nodes in increasing order and weights that sum to one. Not to be written to.
    """
    x, w = gauss(n + _FINER)
    w = (1.0 + _REACH) * w / (1.0 + _REACH * x) ** (2 + _EXACT)
    # Recurrence of the polynomials that are orthonormal under this weight (Stieltjes).
    a, b = np.empty(n), np.empty(n + 1)
    b[0] = np.sqrt(w.sum())
    before, last = np.zeros_like(x), np.full_like(x, 1.0 / b[0])
    for k in range(n):
        a[k] = w @ (x * last**2)
        following = (x - a[k]) * last - b[k] * before
        b[k + 1] = np.sqrt(w @ following**2)
        before, last = last, following / b[k + 1]
    # Their zeros are eigenvalues; Christoffel numbers keep small weights to full precision.
    v = np.linalg.eigvalsh(np.diag(a) + np.diag(b[1:n], 1) + np.diag(b[1:n], -1))
    before, last, squares = np.zeros(n), np.full(n, 1.0 / b[0]), np.zeros(n)
    for k in range(n):
        squares += last**2
        before, last = last, ((v - a[k]) * last - b[k] * before) / b[k + 1]
    mu = ((1.0 - v) / (1.0 + _REACH * v))[::-1]
    weight = ((1.0 + _REACH * v) ** _EXACT / squares)[::-1]
    # What is exact holds to rounding: conserved densities are told from others by it.
    powers = mu ** np.arange(min(n, 1 + _EXACT))[:, None]
    missing = 1.0 / np.arange(1, 1 + len(powers)) - powers @ weight
    weight = weight * (1.0 + np.linalg.solve((powers * weight) @ powers.T, missing) @ powers)
    for array in (mu, weight):
        array.flags.writeable = False
    return mu, weight


Rule = Callable[[int], tuple[NDArray[np.float64], NDArray[np.float64]]]

POLAR_RULES: dict[str, Rule] = {"rational": rational, "gauss": gauss, "graded": graded}
DEFAULT_POLAR_RULE = "rational"

_LEAST = {"rational": 2, "gauss": 2, "graded": 5}

#: The rule alone then takes some ten seconds.
_MOST_POLAR = 2048


def polar_rule(name: str, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights of a named polar rule.

    Parameters
    ----------
    name : {"rational", "gauss", "graded"}
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
