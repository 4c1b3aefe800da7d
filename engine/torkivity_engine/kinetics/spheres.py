"""Fermi spheres of a layer: radius and mass of each spin's free-electron band.

Units are the film's: wavevectors in 1/nm, masses in free-electron masses, velocities in
v_0 = hbar k_0 / m_e with k_0 the film's Fermi wavevector. At fixed k_parallel a state has
k_z = sqrt(k_s^2 - k_parallel^2), positive or +i|k_z| (evanescent), and the normal velocity
nu = (k_z / k_0) / m*.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.kinetics.matching import Side
from torkivity_meshes import AnnularGrid

__all__ = ["Bands", "FermiSphere", "spin_flip_lengths"]


class FermiSphere(NamedTuple):
    """Free-electron band of one spin, or of both.

    Attributes
    ----------
    radius : float
        k_s in 1/nm; zero for a band without states at the Fermi energy.
    mass : float
        m* in free-electron masses.
    decay : float
        Decay wavevector at k_parallel = 0 of a band without states, 1/nm; else zero.
    """

    radius: float
    mass: float = 1.0
    decay: float = 0.0

    def velocity(self, k_0: float) -> float:
        """Fermi velocity v_s / v_0; zero without states."""
        return self.radius / k_0 / self.mass

    @property
    def density_of_states(self) -> float:
        """D_s = k_s m*, up to a common factor."""
        return self.radius * self.mass

    def normal_velocity(self, grid: AnnularGrid, k_0: float) -> ComplexArray:
        """Normal velocity nu on every ring, in v_0.

        Parameters
        ----------
        grid : AnnularGrid
            Its radii must hold that of this sphere.
        k_0 : float
            Fermi wavevector of the film, 1/nm.

        Returns
        -------
        ndarray of complex, shape (n_rings,)
            Real and positive, or imaginary and positive where the state is evanescent.
        """
        squared = grid.normal_squared(self.radius, self.decay)
        return np.asarray(np.emath.sqrt(squared + 0j) / (k_0 * self.mass))


class Bands(NamedTuple):
    """Fermi spheres of a layer.

    Attributes
    ----------
    majority, minority : FermiSphere
        Of spins along -m and +m; the same sphere for both in a heavy metal.
    split : bool
        Whether spins keep to spheres of their own, so that a layer holds two occupations
        instead of the four coefficients of a spin density matrix.
    """

    majority: FermiSphere
    minority: FermiSphere
    split: bool

    @classmethod
    @lru_cache(maxsize=64)
    def common(cls, radius: float, mass: float = 1.0) -> Bands:
        """One sphere for both spins."""
        sphere = FermiSphere(radius, mass)
        return cls(sphere, sphere, False)

    @property
    def slots(self) -> tuple[FermiSphere, ...]:
        """Sphere of each slot: of the four coefficients, or of the two occupations."""
        return (self.majority, self.minority) if self.split else (self.majority,) * 4

    def cartesian(self, axis: ArrayLike) -> FloatArray:
        """What turns the slots of a layer into the coefficients (x, y, z, charge).

        Parameters
        ----------
        axis : array_like, shape (3,)
            m; looked at where the spheres are split.

        Returns
        -------
        ndarray, shape (4, n_slots)
            The identity, or (g_up - g_down) / 2 along -m and (g_up + g_down) / 2.
        """
        if not self.split:
            return np.eye(4)
        half = 0.5 * np.asarray(axis, dtype=np.float64)
        return np.column_stack([[*-half, 0.5], [*half, 0.5]])

    def side(self, grid: AnnularGrid, k_0: float, axis: ArrayLike) -> Side:
        """The states of the layer as an interface sees them, at every point of a grid.

        Points are ordered (ring, azimuth).
        """
        velocity = np.column_stack(
            [sphere.normal_velocity(grid, k_0) for sphere in (self.majority, self.minority)]
        )
        return Side(
            np.repeat(velocity, grid.rule.n_azimuth, axis=0),
            np.asarray(axis, dtype=np.float64),
            self.split,
        )


def spin_flip_lengths(
    majority: FermiSphere,
    minority: FermiSphere,
    spin_flip_length: float,
    k_0: float,
    densities: FloatArray | None = None,
) -> tuple[float, float]:
    """Kinetic spin-flip lengths of the two spins of a split ferromagnet.

    Detailed balance asks as many flips from one spin as back: 1/tau_s is proportional to the
    density of states of the *other* spin, 1/tau_s = (1/tau) 2 D_-s / (D_up + D_down).

    Parameters
    ----------
    majority, minority : FermiSphere
    spin_flip_length : float
        v_0 tau in nm, which both are for equal spheres of the film's own radius and mass.
    k_0 : float
        Fermi wavevector of the film, 1/nm.
    densities : ndarray, shape (2,), optional
        Densities of states of another Fermi surface, up to a common factor.

    Returns
    -------
    tuple of float
        lambda_sf of majority and minority spins, nm; inf where there is nothing to flip to.
    """
    if densities is None:
        densities = np.array([majority.density_of_states, minority.density_of_states])
    d_up, d_down = map(float, densities)
    if d_up == 0.0 or d_down == 0.0:
        return np.inf, np.inf
    mean = 0.5 * (d_up + d_down)
    return (
        spin_flip_length * majority.velocity(k_0) * mean / d_down,
        spin_flip_length * minority.velocity(k_0) * mean / d_up,
    )
