"""Delta-function interfaces with exchange and spin-orbit coupling."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.checks import SpinOrbitMatrix, Vector
from torkivity_engine.film.interface import Interface, Pumped, Scattering
from torkivity_engine.film.quantity import POTENTIAL, Direction
from torkivity_engine.film.torque import exchange_torque
from torkivity_engine.kinetics.pumping import pumped

__all__ = ["DeltaInterface", "Interface", "RashbaInterface", "SpinOrbitInterface"]

_Barrier = Annotated[float, POTENTIAL.named("spin-independent barrier", r"$u_0$")]
_Exchange = Annotated[float, POTENTIAL.named("exchange", r"$u_\mathrm{ex}$")]
_Rashba = Annotated[float, POTENTIAL.named("Rashba coupling", r"$u_\mathrm{R}$")]
_W = Annotated[float, POTENTIAL.named("spin-orbit coupling W", "$W$")]

#: (k_x, k_y)/k_F all around at grazing incidence, every degree.
_EQUATOR = np.column_stack([np.cos(np.radians(range(360))), np.sin(np.radians(range(360)))])
#: A pole this close to grazing incidence slows all polar rules down but the graded one.
_NEAR = 0.03


class DeltaInterface(Interface):
    """Delta-function interface u0 + b.sigma, b = u_ex m + W (k_x, k_y)/k_F, equal Fermi spheres."""

    barrier: float
    exchange: float

    @property
    @abstractmethod
    def spin_orbit_matrix(self) -> SpinOrbitMatrix:
        """W, 3 x 2."""

    @property
    def magnetic(self) -> bool:
        """Whether exchange acts at the interface."""
        return self.exchange != 0.0

    def closed_form(self, m: ArrayLike) -> FloatArray:
        """Parameters of the compiled closed form, see `Interface.closed_form`."""
        mx, my, mz = map(float, m)  # type: ignore[arg-type]  # faster than arrays of three
        (a, b), (c, d), (e, f) = self.spin_orbit_matrix
        u0, ux = self.barrier, self.exchange
        u = (u0, ux, ux * mx, ux * my, ux * mz, a, b, c, d, e, f, 1.0)
        scale = max(map(abs, u))
        return np.array([x / scale for x in u])

    def scattering(self, m: ArrayLike, directions: ArrayLike) -> Scattering:
        """Scattering tensors, the same from both sides; the density is what is transmitted."""
        from torkivity_engine.kinetics.scattering import fill_matrices  # numba takes long

        k = np.ascontiguousarray(directions, dtype=np.float64)
        reflection, transmission = np.empty((len(k), 4, 4)), np.empty((len(k), 4, 4))
        fill_matrices(k, self.closed_form(m), reflection, transmission)
        density = transmission[:, :3]
        return Scattering(reflection, transmission, reflection, transmission, density, density)

    def pumped(self, m: ArrayLike, drive: FloatArray, directions: ArrayLike) -> Pumped:
        """What leaves while m turns, the same on both sides."""
        k = np.asarray(directions, dtype=np.float64)
        leaving, density = pumped(self.closed_form(m), drive, k)
        return Pumped(leaving, leaving, density)

    def torque(self, density: FloatArray, m: ArrayLike) -> FloatArray:
        """tau_mag = 2 u_ex s x m, shape (3, ...)."""
        return exchange_torque(2.0 * self.exchange, m, density)

    def barriers(self) -> tuple[float, float]:
        """Barriers without spin-orbit coupling of spins along -m (majority) and +m."""
        return self.barrier - self.exchange, self.barrier + self.exchange

    def has_grazing_pole(self, m: ArrayLike) -> bool:
        """Whether abs(b) stays within 0.03 of abs(u0) at grazing incidence, at all azimuths."""
        least, most = self._fields(m)
        return max(abs(least - abs(self.barrier)), abs(most - abs(self.barrier))) < _NEAR

    def azimuthal_decay(self, m: ArrayLike) -> float:
        """Imaginary part of the azimuth at which abs(b) = abs(u0) at grazing incidence.

        Exact where abs(b)^2 is a constant and one harmonic, as with Rashba coupling.
        """
        least, most = self._fields(m)
        gaps = least**2 - self.barrier**2, most**2 - self.barrier**2
        middle, swing = abs(gaps[0] + gaps[1]), gaps[1] - gaps[0]
        if middle <= swing:
            return 0.0
        return math.acosh(middle / swing) if swing > 0.0 else math.inf

    def _fields(self, m: ArrayLike) -> tuple[float, float]:
        """Least and largest abs(b) around the equator."""
        x, y, z = np.ravel(m).tolist()
        return _fields_around(self.exchange, (x, y, z), self.spin_orbit_matrix)


@lru_cache(maxsize=256)
def _fields_around(exchange: float, m: Vector, matrix: SpinOrbitMatrix) -> tuple[float, float]:
    b = exchange * np.array(m) + _EQUATOR @ np.transpose(matrix)
    size = np.sqrt(np.sum(b * b, axis=1))
    return float(size.min()), float(size.max())


@dataclass(frozen=True)
class RashbaInterface(DeltaInterface):
    """Delta-function interface u0 + u_ex sigma.m + u_R sigma.(k x z)/k_F, Eq. (31).

    Parameters
    ----------
    barrier, exchange, rashba : float
        u0, u_ex, u_R, dimensionless, of any sign.
    magnetization : vector, optional
        Direction of m; None takes that of the bilayer, or in a `Stack` that of a neighbouring
        ferromagnet, the upper one first.
    """

    kind: ClassVar[str] = "rashba"

    barrier: _Barrier
    exchange: _Exchange
    rashba: _Rashba
    magnetization: Annotated[Vector | None, Direction()] = None

    @property
    def spin_orbit(self) -> SpinOrbitMatrix:
        """W of `SpinOrbitInterface`: ((0, u_R), (-u_R, 0), (0, 0))."""
        return ((0.0, self.rashba), (-self.rashba, 0.0), (0.0, 0.0))

    @property
    def spin_orbit_matrix(self) -> SpinOrbitMatrix:
        """W."""
        return self.spin_orbit

    def without_spin_orbit(self) -> Self:
        """The same interface with u_R = 0."""
        return replace(self, rashba=0.0) if self.rashba else self

    def with_mirrored_spin_orbit(self) -> Self:
        """The same interface with the mirror image of k x z under z -> -z: u_R -> -u_R."""
        return replace(self, rashba=-self.rashba)


@dataclass(frozen=True)
class SpinOrbitInterface(DeltaInterface):
    """Delta-function interface u0 + b.sigma, b = u_ex m + W (k_x, k_y)/k_F.

    Parameters
    ----------
    barrier, exchange : float
        u0, u_ex, dimensionless, of any sign.
    spin_orbit : 3 x 2 numbers
        W, dimensionless: rows are the spin components x, y, z, columns k_x and k_y. Rashba
        coupling is ((0, u_R), (-u_R, 0), (0, 0)), Dresselhaus coupling of a (001) plane
        ((u_D, 0), (0, -u_D), (0, 0)).
    magnetization : vector, optional
        As in `RashbaInterface`.

    Raises
    ------
    InputError
        If a value is not finite or too large, or the matrix not 3 x 2.
    """

    kind: ClassVar[str] = "spin_orbit"

    barrier: _Barrier
    exchange: _Exchange
    spin_orbit: tuple[tuple[_W, _W], tuple[_W, _W], tuple[_W, _W]]
    magnetization: Annotated[Vector | None, Direction()] = None

    @property
    def spin_orbit_matrix(self) -> SpinOrbitMatrix:
        """W."""
        return self.spin_orbit

    def without_spin_orbit(self) -> Self:
        """The same interface with W = 0."""
        return replace(self, spin_orbit=((0.0, 0.0),) * 3) if np.any(self.spin_orbit) else self

    def with_mirrored_spin_orbit(self) -> Self:
        """The same interface with the mirror image of W under z -> -z: spins x and y turn."""
        x, y, z = self.spin_orbit
        return replace(self, spin_orbit=((-x[0], -x[1]), (-y[0], -y[1]), z))
