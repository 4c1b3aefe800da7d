"""The physical model: layers, interfaces, outer boundaries and the stack they form.

Everything here is frozen, hashable and checked at construction, so the solvers can rely
on it and cache by it. Lengths are in nm, wavevectors in 1/nm, angles in degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.constants import fermi_surface_prefactor
from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import Boundary, Reservoir, Surface
from torkivity_engine.film.checks import (
    Vector,
    check_direction,
    check_finite,
    check_sequence,
    check_wavevector,
    set_field,
)
from torkivity_engine.film.interfaces import Interface, RashbaInterface, SpinOrbitInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal, Layer

__all__ = ["Bilayer", "Stack"]


@dataclass(frozen=True)
class Stack:
    """Layers from bottom (z < 0) to top, with an interface between neighbours.

    Parameters
    ----------
    layers : sequence of HeavyMetal or Ferromagnet
        From left (bottom) to right (top). Ferromagnets carry their own magnetization.
    interfaces : sequence of RashbaInterface or SpinOrbitInterface
        One fewer than layers.
    left, right : Surface, Reservoir or HalfSpace, optional
        Outer boundaries.
    fermi_wavevector : float, optional
        k_F in 1/nm, common to all layers.
    field_direction_deg : float, optional
        Angle of the in-plane electric field from x, in degrees.
    """

    layers: tuple[Layer, ...]
    interfaces: tuple[Interface, ...]
    left: Boundary = field(default_factory=Surface)
    right: Boundary = field(default_factory=Surface)
    fermi_wavevector: float = 16.0
    field_direction_deg: float = 0.0

    def __post_init__(self) -> None:
        set_field(self, "layers", tuple(check_sequence("layers", self.layers)))
        set_field(self, "interfaces", tuple(check_sequence("interfaces", self.interfaces)))
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise InputError("layers", layer, "must hold HeavyMetal or Ferromagnet objects")
            if isinstance(layer, Ferromagnet) and layer.magnetization is None:
                raise InputError("magnetization", None, "each ferromagnet of a stack needs its own")
        for interface in self.interfaces:
            if not isinstance(interface, Interface):
                raise InputError(
                    "interfaces",
                    interface,
                    "must hold RashbaInterface or SpinOrbitInterface objects",
                )
            if interface.magnetization is None and interface.exchange != 0.0:
                raise InputError(
                    "magnetization", None, "an interface with exchange needs a magnetization"
                )
        if len(self.layers) < 1 or len(self.interfaces) != len(self.layers) - 1:
            raise InputError(
                "interfaces",
                len(self.interfaces),
                f"must be one fewer than layers ({len(self.layers)})",
            )
        for key in ("left", "right"):
            if not isinstance(getattr(self, key), Boundary):
                raise InputError(
                    key, getattr(self, key), "must be a Surface, a Reservoir or a HalfSpace"
                )
        set_field(self, "fermi_wavevector", check_wavevector(self.fermi_wavevector))
        set_field(
            self,
            "field_direction_deg",
            check_finite("field_direction_deg", self.field_direction_deg),
        )

    @property
    def field_direction(self) -> NDArray[np.float64]:
        """Unit vector of the in-plane electric field, shape (3,)."""
        phi = math.radians(self.field_direction_deg)
        return np.array([math.cos(phi), math.sin(phi), 0.0])

    @property
    def prefactor(self) -> float:
        """C in 1/(Ohm m^2)."""
        return fermi_surface_prefactor(self.fermi_wavevector)

    @property
    def reference_interface(self) -> int:
        """Index of the interface that charge potentials are measured from.

        The first one with exchange from the left, else the first.
        """
        for index, interface in enumerate(self.interfaces):
            if interface.exchange != 0.0:
                return index
        return 0

    def magnet_below(self, index: int) -> bool:
        """Whether the ferromagnet that an interface belongs to lies below it."""
        below, above = self.layers[index], self.layers[index + 1]
        return isinstance(below, Ferromagnet) and not isinstance(above, Ferromagnet)

    @property
    def is_open(self) -> bool:
        """Whether a reservoir fixes the charge potential."""
        return isinstance(self.left, Reservoir) or isinstance(self.right, Reservoir)

    def interface_magnetization(self, index: int) -> Vector:
        """Unit vector m that an interface refers to.

        Its own; without one (then it has no exchange) that of a neighbouring ferromagnet,
        the upper one first; else z.
        """
        if (own := self.interfaces[index].magnetization) is not None:
            return own
        for layer in (self.layers[index + 1], self.layers[index]):
            if isinstance(layer, Ferromagnet) and layer.magnetization is not None:
                return layer.magnetization
        return (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Bilayer:
    """Heavy metal (z < 0) | interface at z = 0 | ferromagnet (z > 0).

    Parameters
    ----------
    heavy_metal : HeavyMetal
    interface : RashbaInterface or SpinOrbitInterface
    ferromagnet : Ferromagnet
    magnetization : vector, optional
        m, common to interface and ferromagnet unless they name their own.
    fermi_wavevector : float, optional
        k_F in 1/nm.
    field_direction_deg : float, optional
        Angle of the in-plane electric field from x, in degrees.
    left, right : Surface, Reservoir or HalfSpace, optional
        Outer boundaries of the heavy metal and of the ferromagnet.
    """

    heavy_metal: HeavyMetal
    interface: Interface
    ferromagnet: Ferromagnet
    magnetization: Vector = (0.0, 0.0, 1.0)
    fermi_wavevector: float = 16.0
    field_direction_deg: float = 0.0
    left: Boundary = field(default_factory=Surface)
    right: Boundary = field(default_factory=Surface)

    def __post_init__(self) -> None:
        for key, kinds in (
            ("heavy_metal", (HeavyMetal,)),
            ("interface", (RashbaInterface, SpinOrbitInterface)),
            ("ferromagnet", (Ferromagnet,)),
        ):
            if not isinstance(getattr(self, key), kinds):
                names = " or a ".join(kind.__name__ for kind in kinds)
                raise InputError(key, getattr(self, key), f"must be a {names}")
        set_field(self, "magnetization", check_direction("magnetization", self.magnetization))
        set_field(self, "_stack", self._checked_stack())

    def stack(self) -> Stack:
        """The same film as a `Stack`, magnetizations filled in."""
        made: Stack = vars(self)["_stack"]
        return made

    def _checked_stack(self) -> Stack:
        m = self.magnetization
        interface, ferromagnet = self.interface, self.ferromagnet
        if interface.magnetization is None:
            interface = replace(interface, magnetization=m)
        if ferromagnet.magnetization is None:
            ferromagnet = replace(ferromagnet, magnetization=m)
        return Stack(
            layers=(self.heavy_metal, ferromagnet),
            interfaces=(interface,),
            left=self.left,
            right=self.right,
            fermi_wavevector=self.fermi_wavevector,
            field_direction_deg=self.field_direction_deg,
        )


def mirrored(stack: Stack) -> Stack:
    """The stack upside down, under z -> -z.

    Parameters
    ----------
    stack : Stack

    Returns
    -------
    Stack
        Layers and ends reversed, magnetizations and injected spins as axial vectors,
        (x, y, z) -> (-x, -y, z), and so the rows of the interfaces' W (u_R -> -u_R).
    """

    def axial(v: Vector) -> Vector:
        return (-v[0], -v[1], v[2])

    def turned(thing: Any) -> Any:
        if isinstance(thing, Reservoir):
            return replace(thing, spin=axial(thing.spin))
        if isinstance(thing, Interface):
            thing = thing.with_mirrored_spin_orbit()
        m = getattr(thing, "magnetization", None)
        return thing if m is None else replace(thing, magnetization=axial(m))

    return replace(
        stack,
        layers=tuple(turned(layer) for layer in reversed(stack.layers)),
        interfaces=tuple(turned(interface) for interface in reversed(stack.interfaces)),
        left=turned(stack.right),
        right=turned(stack.left),
    )


def as_stack(film: Stack | Bilayer) -> Stack:
    """The film as a `Stack`."""
    if isinstance(film, Bilayer):
        return film.stack()
    if isinstance(film, Stack):
        return film
    raise InputError("film", film, "must be a Bilayer or a Stack")
