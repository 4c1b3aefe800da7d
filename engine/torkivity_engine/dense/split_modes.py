"""Modes of a layer whose spins have Fermi spheres of their own.

Unknowns are ordered (spin, hemisphere, ring, azimuth), each spin on the rings of its own sphere,
the hemisphere v_z > 0 first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.dense.modes import LayerModes, require_pairs, solutions
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_meshes import AzimuthalRings

__all__ = ["SpinModes", "modes_of_spins", "split_modes"]

#: A relaxation this much slower than the fastest one is no relaxation: the density is conserved.
_CONSERVED = 1e-13


def split_modes(terms: CollisionTerms, spheres: list[AzimuthalRings]) -> LayerModes:
    """Solutions in a layer of two occupations.

    Parameters
    ----------
    terms : CollisionTerms
        2 x 2 matrices over (majority, minority), `k_out` diagonal, scattering isotropic; or 1 x 1
        where one spin has no states.
    spheres : list of AzimuthalRings
        One for each occupation.

    Returns
    -------
    LayerModes

    Raises
    ------
    PhysicsError
        If as many solutions do not decay from one face as from the other.
    """
    return modes_of_spins(terms, [_directions(rings) for rings in spheres])


class SpinModes(NamedTuple):
    """States of one occupation.

    Attributes
    ----------
    velocity : ndarray, shape (n, 3)
        In units of the velocity that turns the layer's lengths into times.
    mean : ndarray, shape (n,)
        Weights of the average over them, sum one.
    """

    velocity: FloatArray
    mean: FloatArray


def modes_of_spins(terms: CollisionTerms, parts: list[SpinModes]) -> LayerModes:
    """The same from the states of each occupation."""
    v_z = np.concatenate([part.velocity[:, 2] for part in parts])
    mean = np.concatenate([part.mean for part in parts])
    spin = np.repeat(np.arange(len(parts)), [len(part.mean) for part in parts])
    k_out = np.diag(terms.k_out)[spin]
    operator = _SphereOperator(k_out, terms.k_in[0, 0], spin, mean)
    b = np.asfortranarray(np.diag(k_out) - terms.k_in[0, 0][np.ix_(spin, spin)] * mean)
    b /= v_z[:, None]
    flux = np.sqrt(mean * np.abs(v_z))
    source = np.concatenate([part.velocity[:, :2] for part in parts])
    found = solutions(b, operator, v_z, flux, source)
    n_zero = found.zero_basis.shape[1]
    require_pairs(found.rates, n_zero, len(v_z))
    return LayerModes(
        rates=found.rates,
        vectors=found.vectors,
        slow=found.slow,
        slow_basis=np.hstack([found.zero_basis, found.slow_basis]),
        slow_generator=found.generator(),
        driven=found.driven,
        n_zero=n_zero,
    )


def _directions(rings: AzimuthalRings) -> SpinModes:
    """States on one sphere."""
    mu = np.repeat(rings.cosines, rings.n_azimuth)
    phi = np.tile(rings.azimuths, rings.n_polar)
    sine = np.sqrt((1.0 - mu) * (1.0 + mu))
    upper = np.column_stack([sine * np.cos(phi), sine * np.sin(phi), mu])
    half = np.repeat(rings.polar_weights, rings.n_azimuth) / (2 * rings.n_azimuth)
    return SpinModes(
        np.concatenate([upper, upper * [1.0, 1.0, -1.0]]), np.concatenate([half, half])
    )


class _SphereOperator:
    """L g = k_out g - sum_s' k_in[s, s'] <g>_s' for g on the sphere of s."""

    def __init__(
        self, k_out: FloatArray, k_in: FloatArray, spin: NDArray[np.int64], mean: FloatArray
    ) -> None:
        self._k_out, self._k_in, self._spin, self._mean = k_out, k_in, spin, mean
        self._average = np.zeros((len(k_in), len(mean)))
        self._average[spin, np.arange(len(mean))] = mean
        # <L g> = r closes on the means: (1 - <1/k_out> k_in) m = <r / k_out>.
        gain = (self._average @ (1.0 / k_out))[:, None] * k_in
        self._left, self._values, self._right = np.linalg.svd(np.eye(len(k_in)) - gain)
        self._rank = int(np.sum(self._values > _CONSERVED))

    def transposed(self) -> _SphereOperator:
        """Transpose with respect to the averages over both spheres."""
        return _SphereOperator(self._k_out, self._k_in.T, self._spin, self._mean)

    def null(self) -> FloatArray:
        """Columns u with L u = 0."""
        return self._scattered(self._right[self._rank :].T)

    def solve(self, rhs: FloatArray) -> FloatArray:
        """One solution of L g = rhs."""
        direct = rhs / self._k_out[:, None]
        r = self._rank
        means = self._left[:, :r].T @ (self._average @ direct) / self._values[:r, None]
        return direct + self._scattered(self._right[:r].T @ means)

    def left_weights(self) -> FloatArray:
        """What turns left vectors with respect to the average into plain ones."""
        return self._mean

    def rate(self) -> float:
        """Scale of the scattering rates."""
        return float(self._k_out.max())

    def _scattered(self, means: FloatArray) -> FloatArray:
        result: FloatArray = (self._k_in @ means)[self._spin] / self._k_out[:, None]
        return result
