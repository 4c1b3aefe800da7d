"""Interfaces between layers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torkivity_engine.film.checks import (
    SpinOrbitMatrix,
    Vector,
    check_direction,
    check_potential,
    check_spin_orbit,
    set_field,
)

__all__ = ["Interface", "RashbaInterface", "SpinOrbitInterface"]


@dataclass(frozen=True)
class RashbaInterface:
    """Delta-function interface u0 + u_ex sigma.m + u_R sigma.(k x z)/k_F, Eq. (31).

    Parameters
    ----------
    barrier, exchange, rashba : float
        u0, u_ex, u_R, dimensionless, of any sign.
    magnetization : vector, optional
        Direction of m; None takes that of the bilayer (or, in a `Stack`, is allowed for
        ``exchange = 0`` only).
    """

    barrier: float
    exchange: float
    rashba: float
    magnetization: Vector | None = None

    def __post_init__(self) -> None:
        for key in ("barrier", "exchange", "rashba"):
            set_field(self, key, check_potential(key, getattr(self, key)))
        if self.magnetization is not None:
            set_field(self, "magnetization", check_direction("magnetization", self.magnetization))

    @property
    def spin_orbit(self) -> SpinOrbitMatrix:
        """W of `SpinOrbitInterface`: ((0, u_R), (-u_R, 0), (0, 0))."""
        return ((0.0, self.rashba), (-self.rashba, 0.0), (0.0, 0.0))

    def without_spin_orbit(self) -> RashbaInterface:
        """The same interface with u_R = 0."""
        return replace(self, rashba=0.0)

    def with_mirrored_spin_orbit(self) -> RashbaInterface:
        """The same interface with the mirror image of k x z under z -> -z: u_R -> -u_R."""
        return replace(self, rashba=-self.rashba)


@dataclass(frozen=True)
class SpinOrbitInterface:
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
        If a value is not finite, or above 1e100, or the matrix not 3 x 2.
    """

    barrier: float
    exchange: float
    spin_orbit: SpinOrbitMatrix
    magnetization: Vector | None = None

    def __post_init__(self) -> None:
        for key in ("barrier", "exchange"):
            set_field(self, key, check_potential(key, getattr(self, key)))
        set_field(self, "spin_orbit", check_spin_orbit("spin_orbit", self.spin_orbit))
        if self.magnetization is not None:
            set_field(self, "magnetization", check_direction("magnetization", self.magnetization))

    def without_spin_orbit(self) -> SpinOrbitInterface:
        """The same interface with W = 0."""
        return replace(self, spin_orbit=((0.0, 0.0),) * 3)

    def with_mirrored_spin_orbit(self) -> SpinOrbitInterface:
        """The same interface with the mirror image of W under z -> -z: spins x and y turn."""
        x, y, z = self.spin_orbit
        return replace(self, spin_orbit=((-x[0], -x[1]), (-y[0], -y[1]), z))


Interface = RashbaInterface | SpinOrbitInterface
