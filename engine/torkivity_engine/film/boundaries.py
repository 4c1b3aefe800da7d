"""Outer boundaries of a film."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.component import Component, axial
from torkivity_engine.film.quantity import Quantity

__all__ = ["BOTTOM", "TOP", "Boundary", "HalfSpace", "Reservoir", "Surface"]

#: Faces of a layer, sides of an interface, ends of a stack.
BOTTOM, TOP = 0, 1

_INJECTED = Quantity("1", "injected spin", ge=-1e30, le=1e30, step=1e-3, absolute=True)
_Injected = Annotated[float, _INJECTED]


class Boundary(Component):
    """Base of all kinds of outer boundaries.

    What reaches one comes back specularly, comes back diffusely, or is lost.
    """

    #: Whether the layer's material goes on for ever.
    endless: ClassVar[bool] = False
    #: Whether it fixes the charge potential, and may inject.
    open: ClassVar[bool] = False

    @property
    def closed(self) -> bool:
        """Whether nothing crosses it."""
        return not (self.endless or self.open)

    @property
    def specular(self) -> float:
        """Part that is reflected specularly."""
        return 0.0

    @property
    def diffuse(self) -> float:
        """Part that comes back isotropically, with the same flux of charge and of each spin."""
        return 0.0

    @property
    def injected(self) -> FloatArray:
        """Coefficients (x, y, z, charge) of the isotropic distribution that it sends in."""
        return np.zeros(4)


@dataclass(frozen=True)
class Surface(Boundary):
    """Outer boundary that nothing crosses.

    Parameters
    ----------
    specularity : float, optional
        Probability p of specular reflection; the rest is diffuse, conserving the flux of
        charge and of each spin component.
    """

    kind: ClassVar[str] = "surface"

    specularity: Annotated[
        float,
        Quantity("1", "specularity of the face", r"$p$", ge=0.0, le=1.0, step=1e-3, absolute=True),
    ] = 1.0

    @property
    def specular(self) -> float:
        """Part that is reflected specularly."""
        return self.specularity

    @property
    def diffuse(self) -> float:
        """Part that comes back isotropically."""
        return 1.0 - self.specularity


@dataclass(frozen=True)
class Reservoir(Boundary):
    """Outer boundary that absorbs what reaches it and injects an isotropic distribution.

    Parameters
    ----------
    charge : float, optional
        Charge coefficient of the injected distribution (carried per e^2, like g).
    spin : vector, optional
        Cartesian spin coefficients of the injected distribution.
    """

    kind: ClassVar[str] = "reservoir"
    open: ClassVar[bool] = True

    charge: Annotated[float, _INJECTED.named("injected charge", "")] = 0.0
    spin: tuple[_Injected, _Injected, _Injected] = (0.0, 0.0, 0.0)

    @property
    def injected(self) -> FloatArray:
        """Coefficients (x, y, z, charge) of the isotropic distribution that it sends in."""
        return np.array([*self.spin, self.charge])

    def kinetic_key(self) -> Hashable:
        """What a reservoir injects does not change how the layer beside it responds."""
        return (type(self),)

    def mirrored(self) -> Self:
        """Its image under z -> -z."""
        return replace(self, spin=axial(self.spin))


@dataclass(frozen=True)
class HalfSpace(Boundary):
    """No outer boundary: the layer's material continues for ever beyond this face."""

    kind: ClassVar[str] = "half_space"
    endless: ClassVar[bool] = True

    @property
    def diffuse(self) -> float:
        """Part that comes back isotropically, from where everything else has decayed."""
        return 1.0
