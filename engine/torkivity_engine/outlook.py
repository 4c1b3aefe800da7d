"""What is known of mesh errors before anything is solved.

Along k_z all functions of mu = |k_z|/k_F that are integrated are smooth but for one factor: what
crosses a layer of thickness t and comes back carries exp(-2 t K / mu), with K the rates at which
components die out and, as imaginary parts, turn. How well a polar rule integrates mu^w times that
says within a step what it does to the torques of the film. Around the equator amplitudes are as
smooth as u0^2 - |b|^2 is far from zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.kinetic import unkinetic_parts
from torkivity_engine.film.spheres import has_one_sphere
from torkivity_engine.film.stack import Stack
from torkivity_engine.film.table_film import has_tables
from torkivity_meshes import polar_rule

__all__ = ["SIZES", "Outlook", "outlook"]

#: Polar sizes that are tried: steps of a fifth to a quarter, so that films share them.
SIZES = (
    *(4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224),
    *(256, 320, 384, 448, 512, 640, 768, 896, 1024),
)
#: Rules are compared with one of 1.4 to 1.7 times as many points: far better, and not dear.
_BETTER = 2

#: Rules that have no mesh of the smallest size.
_LEAST = {"graded": 6}

#: How often electrons cross a layer and come back before too little of them is left.
_RETURNS = (1.0, 2.0)
#: Powers of mu that weigh what they carry: moments begin with mu for currents.
_POWERS = (1, 2)

#: Collisions make smooth what flights leave; polar angles then gain a digit for two of them.
_DIGITS_PER_POINT = 0.5

#: Azimuthal errors fall at most so fast, whatever the interface: returning electrons have poles
#: of their own.
_FASTEST = 1.2
#: Below this decay per azimuth a channel of the interface opens within the circle, or nearly.
_OPEN = 0.05


@dataclass(frozen=True, eq=False)
class Outlook:
    """Expected mesh errors of a film.

    Attributes
    ----------
    polar : callable
        Expected error by n_polar, for sizes of `SIZES`, beside the largest torque. Its
        ratios are good, its size is often too large.
    decay : float
        Azimuthal errors fall at least like exp(-decay n_azimuth); 0 if nothing is known or
        they fall like a power.
    regular : bool
        Whether amplitudes of the interfaces are smooth up to grazing incidence, so that nothing
        but flights and collisions limits a polar rule.
    least_polar : int
        Smallest size of `SIZES` that the rule has.
    """

    polar: Callable[[int], float]
    decay: float
    regular: bool
    least_polar: int = 4


def outlook(stack: Stack, rule: str, crossed: Stack | None) -> Outlook:
    """What is expected of meshes for a film.

    Parameters
    ----------
    stack : Stack
    rule : {"rational", "gauss", "graded"}
        Polar rule.
    crossed : Stack or None
        The film itself, or one whose layers electrons cross in what is computed instead; None if
        they cross none.

    Returns
    -------
    Outlook
    """
    if has_tables(stack) or not has_one_sphere(stack):
        return Outlook(_smooth, 0.0, regular=False)
    decays = [
        interface.azimuthal_decay(stack.interface_magnetization(index))
        for index, interface in enumerate(stack.interfaces)
    ]
    decay = min(decays, default=math.inf)
    regular = decay > _OPEN and rule != "graded"
    decay = min(decay, _FASTEST) if decay > _OPEN else 0.0
    polar: Callable[[int], float] = _smooth
    if crossed is not None and not unkinetic_parts(crossed):
        polar = _expected(_Layers(_key(crossed), crossed), rule)
    return Outlook(polar, decay, regular, _LEAST.get(rule, SIZES[0]))


def _smooth(n_polar: int) -> float:
    """Error where nothing flies ballistically."""
    return float(10.0 ** (-_DIGITS_PER_POINT * n_polar))


def _key(stack: Stack) -> Hashable:
    ends = stack.left.endless, stack.right.endless
    return tuple(layer.kinetic_key() for layer in stack.layers), ends


@dataclass(frozen=True)
class _Layers:
    """A film as the argument of a cached function: equal to others with the same layers."""

    key: Hashable
    stack: Stack = field(compare=False)


@lru_cache(maxsize=256)
def _expected(layers: _Layers, rule: str) -> Callable[[int], float]:
    """Expected polar error by size; what was found is kept."""
    paths = _paths(layers.stack)
    return lru_cache(maxsize=len(SIZES))(lambda n: _polar_error(rule, n, paths))


def _paths(stack: Stack) -> np.ndarray:
    """Exponents s of exp(-s/mu), 1 along the normal, for ways through the layers."""
    last = len(stack.layers) - 1
    found: list[complex] = []
    for index, layer in enumerate(stack.layers):
        if (index == 0 and stack.left.endless) or (index == last and stack.right.endless):
            continue  # nothing comes back
        rates = np.linalg.eigvals(collision_terms(layer.in_own_frame()).k_out)
        ways = [2.0 * layer.thickness * times for times in _RETURNS]
        if 0 < index < last:
            ways.append(layer.thickness)
        found += [way * rate for way in ways for rate in rates if rate.imag >= 0.0]
    # Equal ones, and those of which nothing arrives, tell nothing.
    return np.unique(np.round([s for s in found if s.real < _GONE], 12))


#: Beyond so many mean free paths nothing is left of a flight.
_GONE = 37.0


def _polar_error(rule: str, n_polar: int, paths: np.ndarray) -> float:
    better = SIZES[min(SIZES.index(n_polar) + _BETTER, len(SIZES) - 1)]
    if not len(paths) or better == n_polar:
        return _smooth(n_polar)
    difference = _integrals(rule, n_polar, paths) - _integrals(rule, better, paths)
    # Beside the integral of mu, of which a current is made.
    return max(_smooth(n_polar), 2.0 * float(np.abs(difference).max()))


def _integrals(rule: str, n_polar: int, paths: np.ndarray) -> np.ndarray:
    """Of mu^w exp(-s/mu), shape (paths, powers)."""
    mu, weights = polar_rule(rule, n_polar)
    powers: FloatArray = np.stack([weights * mu**w for w in _POWERS], axis=1)
    return np.exp(-paths[:, None] / mu) @ powers
