"""The physical model: layers, interfaces, outer boundaries and the stack they form.

Everything here is frozen, hashable and checked at construction, so the solvers can rely
on it and cache by it. Lengths are in nm, wavevectors in 1/nm, angles in degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.constants import fermi_surface_prefactor
from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import Boundary, Surface
from torkivity_engine.film.checks import Vector, check_direction, check_sequence, set_field
from torkivity_engine.film.component import copied, field_names
from torkivity_engine.film.interface import Interface
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.names import checked_names, default_names, interface_names
from torkivity_engine.film.quantity import ANGLE, FERMI_WAVEVECTOR, Direction, quantities_of

__all__ = ["FILM_QUANTITIES", "Bilayer", "Stack", "as_stack", "mirrored", "reversed_magnets"]

_FermiWavevector = Annotated[float, FERMI_WAVEVECTOR]
_FieldDirection = Annotated[float, ANGLE.named("angle of the electric field from x", r"$\phi_E$")]


@dataclass(frozen=True)
class Stack:
    """Layers from bottom (z < 0) to top, with an interface between neighbours.

    Parameters
    ----------
    layers : sequence of Layer
        From left (bottom) to right (top). Ferromagnets carry their own magnetization.
    interfaces : sequence of Interface
        One fewer than layers.
    left, right : Boundary, optional
        Outer boundaries; closed specular surfaces by default.
    fermi_wavevector : float, optional
        k_F in 1/nm, of all layers without a Fermi sphere of their own, and the unit k_0 of the
        interfaces' potentials.
    field_direction_deg : float, optional
        Angle of the in-plane electric field from x, in degrees.
    layer_names, interface_names : sequence of str, optional
        By which parameters are addressed, ``Pt.thickness``: unique, without ``. / | "``.
        Without them layers are called HM, FM and so on, and an interface "lower|upper".
    """

    layers: tuple[Layer, ...]
    interfaces: tuple[Interface, ...]
    left: Boundary = field(default_factory=Surface)
    right: Boundary = field(default_factory=Surface)
    fermi_wavevector: _FermiWavevector = 16.0
    field_direction_deg: _FieldDirection = 0.0
    layer_names: tuple[str, ...] | None = None
    interface_names: tuple[str | None, ...] | None = None

    def __post_init__(self) -> None:
        set_field(self, "layers", tuple(check_sequence("layers", self.layers)))
        set_field(self, "interfaces", tuple(check_sequence("interfaces", self.interfaces)))
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise InputError("layers", layer, "must hold HeavyMetal or Ferromagnet objects")
            if layer.magnetic and layer.magnetization is None:
                raise InputError("magnetization", None, "each ferromagnet of a stack needs its own")
        for interface in self.interfaces:
            if not isinstance(interface, Interface):
                raise InputError(
                    "interfaces",
                    interface,
                    "must hold RashbaInterface or SpinOrbitInterface objects",
                )
        if len(self.layers) < 1 or len(self.interfaces) != len(self.layers) - 1:
            raise InputError(
                "interfaces",
                len(self.interfaces),
                f"must be one fewer than layers ({len(self.layers)})",
            )
        _check_directions(self)
        _check_ends(self)
        _check_numbers(self)
        checked_names(self)
        _check_places(self)

    def varied(self, **changes: Any) -> Self:
        """The film with other parts of the same kinds, or other numbers, that are checked already.

        Films are varied by the thousand: what held of this one is not checked again.
        """
        made = copied(self, changes)
        _check_directions(made)
        return made

    def _repr_html_(self) -> str:
        """Picture and parameters, for notebooks."""
        from torkivity_engine.film.drawing import film_html

        return film_html(self)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the layers."""
        return self.layer_names or default_names(self.layers)

    @cached_property
    def names_of_interfaces(self) -> tuple[str, ...]:
        """Names of the interfaces: "lower|upper" where none is given."""
        return interface_names(self.names, self.interface_names)

    @cached_property
    def magnet_names(self) -> tuple[str, ...]:
        """Names of the layers that are magnets."""
        return tuple(n for n, layer in zip(self.names, self.layers, strict=True) if layer.magnetic)

    @property
    def field_direction(self) -> NDArray[np.float64]:
        """Unit vector of the in-plane electric field, shape (3,)."""
        return _in_plane(self.field_direction_deg)

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
            if interface.magnetic:
                return index
        return 0

    def magnet_below(self, index: int) -> bool | None:
        """Whether the ferromagnet that an interface belongs to lies below it; None without one."""
        owner = self.torque_owner(index)
        return None if owner is None else owner == index

    def torque_owner(self, index: int) -> int | None:
        """Index of the layer whose magnetization an interface's torque acts on, if there is one.

        Between two magnets it is the one whose m the interface names as its own, else the upper.
        """
        magnets = [i for i in (index + 1, index) if self.layers[i].magnetic]
        own = self.interfaces[index].magnetization
        for i in magnets:
            if own is not None and self.layers[i].magnetization == own:
                return i
        return magnets[0] if magnets else None

    @property
    def is_open(self) -> bool:
        """Whether a reservoir fixes the charge potential."""
        return self.left.open or self.right.open

    def magnetization_at(self, index: int) -> Vector | None:
        """Unit vector m of an interface, if there is one.

        Its own; without one that of a neighbouring ferromagnet, the upper one first.
        """
        for part in (self.interfaces[index], self.layers[index + 1], self.layers[index]):
            if part.magnetization is not None:
                return part.magnetization
        return None

    def interface_magnetization(self, index: int) -> Vector:
        """Unit vector m that an interface refers to; z where there is no magnet."""
        return self.magnetization_at(index) or (0.0, 0.0, 1.0)


@lru_cache(maxsize=256)
def _in_plane(angle_deg: float) -> NDArray[np.float64]:
    phi = math.radians(angle_deg)
    vector = np.array([math.cos(phi), math.sin(phi), 0.0])
    vector.flags.writeable = False
    return vector


#: What holds for the film as a whole.
FILM_QUANTITIES = quantities_of(Stack)


@dataclass(frozen=True)
class Bilayer:
    """Heavy metal (z < 0) | interface at z = 0 | ferromagnet (z > 0).

    Parameters
    ----------
    heavy_metal : HeavyMetal
        Or another layer without a magnetization.
    interface : RashbaInterface or SpinOrbitInterface
        Or another kind of interface.
    ferromagnet : Ferromagnet
        Or another layer with a magnetization.
    magnetization : vector, optional
        m, common to interface and ferromagnet unless they name their own.
    fermi_wavevector : float, optional
        k_F in 1/nm.
    field_direction_deg : float, optional
        Angle of the in-plane electric field from x, in degrees.
    left, right : Surface, Reservoir or HalfSpace, optional
        Outer boundaries of the heavy metal and of the ferromagnet.
    layer_names, interface_names : sequence of str, optional
        As in `Stack`. Parameters are also addressed as ``heavy_metal.…``, ``interface.…`` and
        ``ferromagnet.…``.
    """

    heavy_metal: HeavyMetal
    interface: Interface
    ferromagnet: Ferromagnet
    magnetization: Annotated[Vector, Direction()] = (0.0, 0.0, 1.0)
    fermi_wavevector: _FermiWavevector = 16.0
    field_direction_deg: _FieldDirection = 0.0
    left: Boundary = field(default_factory=Surface)
    right: Boundary = field(default_factory=Surface)
    layer_names: tuple[str, ...] | None = None
    interface_names: tuple[str | None, ...] | None = None

    def __post_init__(self) -> None:
        for key, good, expected in (
            ("heavy_metal", _is_layer(self.heavy_metal, magnetic=False), "must be a HeavyMetal"),
            (
                "interface",
                isinstance(self.interface, Interface),
                "must be a RashbaInterface or a SpinOrbitInterface",
            ),
            ("ferromagnet", _is_layer(self.ferromagnet, magnetic=True), "must be a Ferromagnet"),
        ):
            if not good:
                raise InputError(key, getattr(self, key), expected)
        set_field(self, "magnetization", check_direction("magnetization", self.magnetization))
        stack = Stack(
            **self._layers_and_interfaces(),
            **{name: getattr(self, name) for name in _OF_BOTH},
        )
        set_field(self, "_stack", stack)

    def varied(self, **changes: Any) -> Self:
        """As `Stack.varied`."""
        made = copied(self, changes)
        common = {name: changes[name] for name in _OF_BOTH if name in changes}
        set_field(made, "_stack", self.stack().varied(**made._layers_and_interfaces(), **common))
        return made

    def _repr_html_(self) -> str:
        """Picture and parameters, for notebooks."""
        from torkivity_engine.film.drawing import film_html

        return film_html(self)

    def stack(self) -> Stack:
        """The same film as a `Stack`, magnetizations filled in."""
        made: Stack = vars(self)["_stack"]
        return made

    def _layers_and_interfaces(self) -> dict[str, Any]:
        """Those of the stack: magnetizations filled in."""
        m = self.magnetization
        interface, ferromagnet = self.interface, self.ferromagnet
        if interface.magnetization is None:
            interface = interface.turned(m)
        if ferromagnet.magnetization is None:
            ferromagnet = ferromagnet.turned(m)
        return {"layers": (self.heavy_metal, ferromagnet), "interfaces": (interface,)}


#: Fields that a bilayer hands on to its stack.
_OF_BOTH = tuple(name for name in field_names(Stack) if name in field_names(Bilayer))


def _is_layer(thing: Any, *, magnetic: bool) -> bool:
    return isinstance(thing, Layer) and thing.magnetic is magnetic


def _check_directions(film: Stack) -> None:
    for index, interface in enumerate(film.interfaces):
        if interface.magnetic and film.magnetization_at(index) is None:
            raise InputError(
                "magnetization", None, "an interface with exchange needs a magnetization"
            )


def _check_ends(film: Stack) -> None:
    for key in ("left", "right"):
        if not isinstance(getattr(film, key), Boundary):
            raise InputError(
                key, getattr(film, key), "must be a Surface, a Reservoir or a HalfSpace"
            )


def _check_places(film: Stack) -> None:
    for i, layer in enumerate(film.layers):
        if layer.outermost_only and 0 < i < len(film.layers) - 1:
            raise InputError(
                "layers", film.names[i], "has no electrons: it must be the lowest or highest layer"
            )
    for end, index, boundary in (("left", 0, film.left), ("right", -1, film.right)):
        if film.layers[index].outermost_only and not boundary.closed:
            raise InputError(
                end,
                type(boundary).__name__,
                f"must be a Surface: no electron reaches it through {film.names[index]}",
            )
    if all(layer.outermost_only for layer in film.layers):
        raise InputError("layers", film.names, "must hold at least one layer with electrons")


def _check_numbers(film: Stack) -> None:
    for key, quantity in FILM_QUANTITIES.items():
        set_field(film, key, quantity.check(key, getattr(film, key)))


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
    return replace(
        stack,
        layers=tuple(layer.mirrored() for layer in reversed(stack.layers)),
        interfaces=tuple(interface.mirrored() for interface in reversed(stack.interfaces)),
        left=stack.right.mirrored(),
        right=stack.left.mirrored(),
        layer_names=stack.layer_names and stack.layer_names[::-1],
        interface_names=stack.interface_names and stack.interface_names[::-1],
    )


def reversed_magnets(stack: Stack) -> Stack:
    """The stack with every m turned round."""

    def turned(part: Any) -> Any:
        m = part.magnetization
        return part if m is None else part.turned(tuple(-x for x in m))

    return replace(
        stack,
        layers=tuple(map(turned, stack.layers)),
        interfaces=tuple(map(turned, stack.interfaces)),
    )


def as_stack(film: Stack | Bilayer) -> Stack:
    """The film as a `Stack`."""
    if isinstance(film, Bilayer):
        return film.stack()
    if isinstance(film, Stack):
        return film
    raise InputError("film", film, "must be a Bilayer or a Stack")
