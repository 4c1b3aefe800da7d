"""Outer boundaries of a film."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from torkivity_engine.errors import InputError
from torkivity_engine.film.checks import Vector, check_finite, set_field

__all__ = ["BOTTOM", "TOP", "Boundary", "HalfSpace", "Reservoir", "Surface"]

#: Faces of a layer, sides of an interface, ends of a stack.
BOTTOM, TOP = 0, 1


@dataclass(frozen=True)
class Surface:
    """Outer boundary that nothing crosses.

    Parameters
    ----------
    specularity : float, optional
        Probability p of specular reflection; the rest is diffuse, conserving the flux of
        charge and of each spin component.
    """

    specularity: float = 1.0

    def __post_init__(self) -> None:
        p = check_finite("specularity", self.specularity)
        if not 0.0 <= p <= 1.0:
            raise InputError("specularity", self.specularity, "must lie between 0 and 1")
        set_field(self, "specularity", p)


@dataclass(frozen=True)
class Reservoir:
    """Outer boundary that absorbs what reaches it and injects an isotropic distribution.

    Parameters
    ----------
    charge : float, optional
        Charge coefficient of the injected distribution (carried per e^2, like g).
    spin : vector, optional
        Cartesian spin coefficients of the injected distribution.
    """

    charge: float = 0.0
    spin: Vector = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        set_field(self, "charge", check_finite("charge", self.charge))
        if isinstance(self.spin, str) or not isinstance(self.spin, (Iterable, np.ndarray)):
            raise InputError("spin", self.spin, "must be three finite numbers")
        parts = tuple(check_finite("spin", part) for part in self.spin)
        if len(parts) != 3:
            raise InputError("spin", self.spin, "must be three finite numbers")
        set_field(self, "spin", parts)


@dataclass(frozen=True)
class HalfSpace:
    """No outer boundary: the layer's material continues for ever beyond this face."""


Boundary = Surface | Reservoir | HalfSpace
