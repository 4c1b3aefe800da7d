"""Layers, interfaces and outer boundaries as things with fields that say what they mean.

A kind is a frozen dataclass that derives from `Component`. Its fields carry their meaning as
metadata (`Quantity`, `Direction`, literals); from that this module derives the checks at
construction, the names that parameters are addressed by and the keys of caches.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import math
import types
from abc import ABC
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin
from typing import get_type_hints as type_hints

import numpy as np

from torkivity_engine.errors import InputError
from torkivity_engine.film.checks import Vector, check_direction, set_field
from torkivity_engine.film.parts import Parts
from torkivity_engine.film.quantity import ANGLE, Direction, Quantity, quantities_of
from torkivity_engine.spin import direction

__all__ = [
    "Component",
    "Field",
    "Given",
    "Leaf",
    "angles_of",
    "axial",
    "copied",
    "direction_from",
    "direction_leaves",
    "field_names",
    "fields_of",
    "forms_of",
    "hashable",
    "material_fields",
    "nearest",
    "ways_of",
    "with_form",
]

_C = TypeVar("_C", bound="Component")
_T = TypeVar("_T")

_NAMES = {1: ("x", "y", "z"), 2: ("x", "y")}
_ANGLES = {
    "theta_deg": ANGLE.named("polar angle of m", r"$\theta$"),
    "phi_deg": ANGLE.named("azimuth of m", r"$\phi$"),
}
#: Argument of an alternative constructor that the film gives.
_CONTEXT = "fermi_wavevector"


@dataclass(frozen=True)
class Field:
    """What a kind says about one of its fields.

    Attributes
    ----------
    name : str
    kind : {"number", "parts", "direction", "choice", "other"}
        "other" is checked by the class itself.
    quantity : Quantity or None
        Of a number, or of each element.
    shape : tuple of int
        () for a single number.
    optional : bool
        Whether None is allowed.
    default : object
        ``dataclasses.MISSING`` without one.
    choices : tuple
        What a literal allows.
    parts : Parts or None
        Of a field that holds one of several lists of numbers.
    """

    name: str
    kind: str
    quantity: Quantity | None
    shape: tuple[int, ...]
    optional: bool
    default: Any
    choices: tuple[Any, ...] = ()
    parts: Parts | None = None

    def check(self, value: Any) -> Any:
        """The value as the class keeps it.

        Raises
        ------
        InputError
        """
        if value is None and self.optional:
            return None
        if self.kind == "number":
            assert self.quantity is not None
            if not self.shape:
                return self.quantity.check(self.name, value)
            return _check_numbers(self, self.quantity, value, self.shape)
        if self.parts is not None:
            assert self.quantity is not None
            return self.parts.check(self.name, value, self.quantity)
        if self.kind == "direction":
            return check_direction(self.name, value)
        if self.kind == "choice" and not any(
            value == c and type(value) is type(c) for c in self.choices
        ):
            raise InputError(
                self.name, value, f"must be one of {', '.join(map(str, self.choices))}"
            )
        return value

    def elements(self) -> dict[str, tuple[int, ...]]:
        """Names of the elements of a vector or matrix, with their indices."""
        return {
            f"{self.name}_" + "".join(_NAMES[axis + 1][i] for axis, i in enumerate(index)): index
            for index in np.ndindex(*self.shape)
        }


@dataclass(frozen=True)
class Leaf:
    """One parameter of a component.

    Attributes
    ----------
    quantity : Quantity or None
        None for a literal.
    value : object
    choices : tuple
        Of a literal.
    """

    quantity: Quantity | None
    value: Any
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Given:
    """By which numbers a component was given, if not by its own fields.

    Attributes
    ----------
    form : str
        Name of the alternative constructor.
    values : tuple of (str, float)
        Its arguments.
    made : tuple
        What it made of them: it counts as long as the component is still that one.
    """

    form: str
    values: tuple[tuple[str, float], ...]
    made: tuple[Any, ...]


class Component(ABC):  # noqa: B024
    """Base of everything that a film is made of; what must be given is said family by family."""

    #: Name of the kind in a TOML file.
    kind: ClassVar[str] = ""
    #: Names of alternative constructors; their annotated arguments are what they take instead.
    forms: ClassVar[tuple[str, ...]] = ()
    #: What the Boltzmann equation would have to know of it and does not; "" for nothing.
    unkinetic: ClassVar[str] = ""
    given: Given | None = None
    magnetization: Vector | None = None

    def __post_init__(self) -> None:
        for field in fields_of(type(self)).values():
            if field.kind != "other":
                set_field(self, field.name, field.check(getattr(self, field.name)))

    def kinetic_key(self) -> Hashable:
        """What the Boltzmann equation sees of it, as a key: kind and numbers, no direction."""
        return (type(self), *(hashable(getattr(self, name)) for name in _kinetic(type(self))))

    def mirrored(self) -> Self:
        """Its image under z -> -z: spins and m are axial vectors."""
        if self.magnetization is None:
            return self
        return self.turned(axial(self.magnetization))

    def turned(self, magnetization: Vector | None) -> Self:
        """The same thing with another m."""
        if type(self).__post_init__ is not Component.__post_init__:
            return dataclasses.replace(self, magnetization=magnetization)  # type: ignore[type-var]
        # Films are turned by the thousand: what was checked once is not checked again.
        m = fields_of(type(self))["magnetization"].check(magnetization)
        return copied(self, {"magnetization": m})

    def leaves(self, fermi_wavevector: float) -> dict[str, Leaf]:
        """Its parameters by key, ``thickness`` or ``magnetization.theta_deg``.

        Parameters
        ----------
        fermi_wavevector : float
            Of the film, 1/nm.

        Returns
        -------
        dict of str to Leaf
            As the component was given: a metal made from its resistivity has a resistivity.
        """
        own: dict[str, Leaf] = {}
        for field in fields_of(type(self)).values():
            own |= _leaves_of(field, getattr(self, field.name))
        given = self._given_in(self._own_or(fermi_wavevector))
        if given is None:
            return own
        known = forms_of(type(self))[given.form]
        values = dict(given.values)
        return {
            name: own.get(name) or Leaf(quantity, values[name])
            for name, quantity in known.items()
            if name != _CONTEXT
        } | {key: leaf for key, leaf in own.items() if key not in _kinetic(type(self))}

    def as_given(self, fermi_wavevector: float) -> dict[str, Any]:
        """Fields, or arguments of the form it was given by, for `from_values`.

        Parameters
        ----------
        fermi_wavevector : float
            Of the film, 1/nm.
        """
        own = {name: getattr(self, name) for name in fields_of(type(self))}
        given = self._given_in(fermi_wavevector)
        if given is None:
            return own
        values = {k: own.get(k, v) for k, v in given.values if k != _CONTEXT}
        return values | {k: v for k, v in own.items() if k not in _kinetic(type(self))}

    def with_values(
        self, changes: Mapping[str, Any], fermi_wavevector: float, before: float | None = None
    ) -> Self:
        """The same thing with other values, everything else that it was given by held.

        Parameters
        ----------
        changes : mapping of str to object
            By key of `leaves`.
        fermi_wavevector : float
            Of the film that it goes into, 1/nm.
        before : float, optional
            Of the film that it comes from.

        Raises
        ------
        InputError
            For an unknown key or a value out of range, naming the key.
        """
        leaves = self.leaves(fermi_wavevector if before is None else before)
        for key in changes:
            if key not in leaves:
                raise InputError(key, changes[key], f"is no parameter here{nearest(key, leaves)}")
        given = self._given_in(self._own_or(fermi_wavevector if before is None else before))
        if given is not None:
            own = changes.get(_CONTEXT, self._own_or(fermi_wavevector))
            return self._given_again(given, dict(changes), own)
        fields = _fields_from(type(self), self, changes)
        return dataclasses.replace(self, **fields) if fields else self  # type: ignore[type-var]

    @classmethod
    def from_values(cls, values: Mapping[str, Any], fermi_wavevector: float) -> Self:
        """A component from fields, or from the arguments of one of its forms.

        Parameters
        ----------
        values : mapping of str to object
        fermi_wavevector : float
            Of the film, 1/nm.

        Raises
        ------
        InputError
            For unknown or missing keys, or keys that do not go together.
        """
        own = {f.name: f for f in fields_of(cls).values()}
        forms = forms_of(cls)
        known = set(own).union(*forms.values()) - {_CONTEXT} | (set(own) & {_CONTEXT})
        for key in values:
            if key not in known:
                raise InputError(key, values[key], f"is no key of {cls.kind}{nearest(key, known)}")
        if set(values) <= set(own) and all(
            name in values for name, f in own.items() if f.default is dataclasses.MISSING
        ):
            return cls(**values)
        for form, arguments in forms.items():
            if set(values) <= set(arguments) | (set(own) - set(_kinetic(cls))):
                # A wavevector of the layer's own is an argument and a field.
                extra = {k: v for k, v in values.items() if k not in arguments or k == _CONTEXT}
                inner = {k: v for k, v in values.items() if k in arguments}
                if _required(cls, form) <= set(inner) | {_CONTEXT}:
                    if _CONTEXT in arguments and inner.get(_CONTEXT) is None:
                        inner[_CONTEXT] = fermi_wavevector
                    made: Self = getattr(cls, form)(**inner)
                    return dataclasses.replace(made, **extra) if extra else made  # type: ignore[type-var]
        raise InputError(cls.kind, sorted(values), f"must have {_ways(cls)}")

    def _own_or(self, fermi_wavevector: float) -> float:
        """Its own Fermi wavevector, or without one that of the film."""
        own: float | None = getattr(self, _CONTEXT, None)
        return fermi_wavevector if own is None else own

    def _given_in(self, fermi_wavevector: float) -> Given | None:
        """How it was given, if it still is that component, in a film of this k_F."""
        given = self.given
        if given is None or given.made != _made(self):
            return None
        return (
            given
            if dict(given.values).get(_CONTEXT, fermi_wavevector) == fermi_wavevector
            else None
        )

    def _given_again(self, given: Given, changes: dict[str, Any], fermi_wavevector: float) -> Self:
        arguments = forms_of(type(self))[given.form]
        old = dict(given.values)
        if not changes and old.get(_CONTEXT, fermi_wavevector) == fermi_wavevector:
            return self
        own = fields_of(type(self))
        values = {
            name: changes.pop(name, getattr(self, name) if name in own else old[name])
            for name in arguments
            if name != _CONTEXT
        }
        if _CONTEXT in arguments:
            values[_CONTEXT] = fermi_wavevector
        made: Self = getattr(type(self), given.form)(**values)
        rest = {
            f.name: getattr(self, f.name)
            for f in fields_of(type(self)).values()
            if f.name not in _kinetic(type(self))
        }
        rest |= _fields_from(type(self), self, changes)
        return dataclasses.replace(made, **rest) if rest else made  # type: ignore[type-var]


def axial(v: Vector) -> Vector:
    """Image of an axial vector under z -> -z."""
    return (-v[0] + 0.0, -v[1] + 0.0, v[2])


def with_form(component: _C, form: str, values: Mapping[str, float]) -> _C:
    """Note on a new component by which arguments of a form it was given."""
    set_field(component, "given", Given(form, tuple(values.items()), _made(component)))
    return component


def nearest(key: str, known: Iterable[str]) -> str:
    """Hint at the name that was meant."""
    names = list(known)
    close = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(sorted(names))}"


@cache
def fields_of(kind: type[Component]) -> dict[str, Field]:
    """Fields of a kind by name, in order; notes of the program's own are left out."""
    hints = _hints(kind)
    if not dataclasses.is_dataclass(kind):
        return {}
    return {
        f.name: _field(f.name, hints[f.name], _default(f))
        for f in dataclasses.fields(kind)
        if f.init and f.name != "given"
    }


def _hints(kind: type[Component]) -> dict[str, Any]:
    """Annotations of a kind, also of one defined outside a module, in a notebook or by exec."""
    try:
        return type_hints(kind, include_extras=True)
    except NameError:
        names: dict[str, Any] = {}
        for item in vars(kind).values():
            names |= getattr(item, "__globals__", {})
        return type_hints(kind, localns=names, include_extras=True)


@cache
def forms_of(kind: type[Component]) -> dict[str, dict[str, Quantity]]:
    """Alternative constructors of a kind with what they take, in order."""
    return {form: quantities_of(getattr(kind, form)) for form in kind.forms}


@cache
def _required(kind: type[Component], form: str) -> set[str]:
    import inspect

    parameters = inspect.signature(getattr(kind, form)).parameters.values()
    return {p.name for p in parameters if p.default is p.empty}


def ways_of(kind: type[Component]) -> list[list[str]]:
    """Keys that a component needs, for each way to give it."""
    own = [n for n, f in fields_of(kind).items() if f.default is dataclasses.MISSING]
    return [own, *([k for k in forms_of(kind)[f] if k in _required(kind, f)] for f in kind.forms)]


def _ways(kind: type[Component]) -> str:
    return ", or ".join(" + ".join(way) for way in ways_of(kind))


@cache
def _kinetic(kind: type[Component]) -> tuple[str, ...]:
    """Names of the fields that the Boltzmann equation knows."""
    return tuple(
        f.name
        for f in fields_of(kind).values()
        if f.kind != "direction" and (f.quantity is None or f.quantity.kinetic)
    )


@cache
def material_fields(kind: type[Component]) -> tuple[str, ...]:
    """The same without the thickness."""
    return tuple(name for name in _kinetic(kind) if name != "thickness")


def _made(component: Component) -> tuple[Any, ...]:
    return tuple(getattr(component, name) for name in material_fields(type(component)))


def _default(f: dataclasses.Field[Any]) -> Any:
    if f.default_factory is not dataclasses.MISSING:
        return f.default_factory()
    return f.default


def _field(name: str, hint: Any, default: Any) -> Field:
    hint, metadata, optional = _unwrapped(hint)
    for item in metadata:
        if isinstance(item, Direction):
            return Field(name, "direction", None, (3,), optional, default)
        if isinstance(item, Parts):
            (quantity,) = (found for found in metadata if isinstance(found, Quantity))
            return Field(name, "parts", quantity, (), optional, default, parts=item)
    if get_origin(hint) is Literal:
        return Field(name, "choice", None, (), optional, default, get_args(hint))
    shape: tuple[int, ...] = ()
    while get_origin(hint) is tuple:
        shape += (len(get_args(hint)),)
        hint, metadata, _ = _unwrapped(get_args(hint)[0])
    for item in metadata:
        if isinstance(item, Quantity):
            return Field(name, "number", item, shape, optional, default)
    return Field(name, "other", None, (), optional, default)


def _unwrapped(hint: Any) -> tuple[Any, tuple[Any, ...], bool]:
    """A type without ``Annotated`` and ``| None``, its metadata, and whether None is allowed."""
    metadata: tuple[Any, ...] = ()
    optional = False
    while True:
        if get_origin(hint) is Annotated:
            metadata += hint.__metadata__
            hint = get_args(hint)[0]
        elif get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint):
            optional = True
            (hint,) = (part for part in get_args(hint) if part is not type(None))
        else:
            return hint, metadata, optional


def _check_numbers(field: Field, quantity: Quantity, value: Any, shape: tuple[int, ...]) -> Any:
    """Nested tuples of numbers."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or len(value) != shape[0]:
        size = " rows of ".join(map(str, field.shape))
        raise InputError(field.name, value, f"must be {size} numbers; {quantity.expected}")
    if len(shape) == 1:
        return tuple(quantity.check(field.name, part) for part in value)
    return tuple(_check_numbers(field, quantity, part, shape[1:]) for part in value)


def hashable(value: Any) -> Hashable:
    """A value of a field as part of a key; arrays by their digest."""
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        return (array.shape, array.dtype.str, hashlib.sha256(array.tobytes()).digest())
    return value  # type: ignore[no-any-return]


def _leaves_of(field: Field, value: Any) -> dict[str, Leaf]:
    if field.kind == "choice":
        return {field.name: Leaf(None, value, field.choices)}
    if field.kind == "other" or value is None:
        return {}
    if field.kind == "direction":
        return direction_leaves(field.name, value)
    assert field.quantity is not None
    if field.parts is not None:
        known = field.parts.quantities(field.name, value, field.quantity).items()
        numbers = field.parts.numbers(value).values()
        return {key: Leaf(q, number) for (key, q), number in zip(known, numbers, strict=True)}
    if not field.shape:
        return {field.name: Leaf(field.quantity, value)}
    array = np.array(value)
    return {
        key: Leaf(field.quantity.named(f"{field.quantity.meaning} {key[len(field.name) + 1 :]}",
                                       field.quantity.label), float(array[index]))
        for key, index in field.elements().items()
    }  # fmt: skip


def direction_leaves(name: str, m: Vector) -> dict[str, Leaf]:
    """The angles of a unit vector as parameters."""
    return {
        key: Leaf(quantity, angle)
        for (key, quantity), angle in zip(_angle_keys(name).items(), angles_of(m), strict=True)
    }


@cache
def field_names(kind: type[Any]) -> tuple[str, ...]:
    """Fields of a dataclass, those that are no parameters too."""
    return tuple(field.name for field in dataclasses.fields(kind))


def copied(instance: _T, changes: Mapping[str, Any]) -> _T:
    """A dataclass with other values of some fields, which are checked already."""
    kind: type[Any] = type(instance)
    known = vars(instance)
    made: _T = object.__new__(kind)
    names = field_names(kind)  # type: ignore[arg-type]
    vars(made).update({name: known[name] for name in names}, **changes)
    return made


def angles_of(m: Vector) -> tuple[float, float]:
    """Polar angle from z and azimuth from x of a vector, degrees."""
    theta = math.atan2(math.hypot(m[0], m[1]), m[2])
    return math.degrees(theta), math.degrees(math.atan2(m[1], m[0]))


def direction_from(name: str, m: Vector, changes: Mapping[str, Any]) -> Vector | None:
    """The unit vector with some of its angles changed; None if none of them is."""
    keys = _angle_keys(name)
    if not any(key in changes for key in keys):
        return None
    theta, phi = (
        math.radians(quantity.check(key, changes.get(key, angle)))
        for (key, quantity), angle in zip(keys.items(), angles_of(m), strict=True)
    )
    return direction(theta, phi)


@cache
def _angle_keys(name: str) -> dict[str, Quantity]:
    """Quantities of the angles of a direction, by key."""
    return {f"{name}.{key}": quantity for key, quantity in _ANGLES.items()}


def _fields_from(
    kind: type[Component], component: Component, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Changes of leaves as changes of fields."""
    result: dict[str, Any] = {}
    for field in fields_of(kind).values():
        value = getattr(component, field.name)
        if field.name in changes:
            result[field.name] = changes[field.name]
        elif field.kind == "direction" and value is not None:
            m = direction_from(field.name, value, changes)
            if m is not None:
                result[field.name] = m
        elif field.parts is not None and field.quantity is not None:
            whole = field.parts.changed(field.name, value, changes, field.quantity)
            if whole is not None:
                result[field.name] = whole
        elif field.shape and field.kind == "number":
            _set_elements(field, value, changes, result)
    return result


def _set_elements(
    field: Field, value: Any, changes: Mapping[str, Any], result: dict[str, Any]
) -> None:
    touched = {k: i for k, i in field.elements().items() if k in changes}
    if touched:
        assert field.quantity is not None
        array = np.array(value)
        for key, index in touched.items():
            array[index] = field.quantity.check(key, changes[key])
        result[field.name] = array
