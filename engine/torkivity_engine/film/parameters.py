"""Parameters of a film by name: from a path to a field, its unit and its step, and back.

A path is a part of the film and one of its parameters: ``Pt.thickness``, ``"Pt|Co".exchange``,
``Co.magnetization.theta_deg``, ``film.fermi_wavevector``, ``left.specularity``. A part's name is
quoted where a TOML key would be; the quotes may be left out. In a bilayer ``heavy_metal``,
``interface`` and ``ferromagnet`` stand for the names, and ``film.magnetization`` for the m that its
parts share.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from torkivity_engine.errors import InputError
from torkivity_engine.film.checks import Vector, check_direction
from torkivity_engine.film.component import (
    Component,
    Leaf,
    direction_from,
    direction_leaves,
    nearest,
)
from torkivity_engine.film.kinds import source_of
from torkivity_engine.film.names import BILAYER_PARTS
from torkivity_engine.film.quantity import Quantity
from torkivity_engine.film.stack import FILM_QUANTITIES, Bilayer, Stack, as_stack

__all__ = [
    "Parameter",
    "Variation",
    "by_own_fields",
    "familiar_path",
    "film_facts",
    "layer_paths",
    "other_paths",
    "parameter",
    "parameters",
    "path_of",
    "quoted",
    "with_parameters",
]

_Film = TypeVar("_Film", bound=Stack | Bilayer)
_ENDS = ("left", "right")
#: Parts that are kept for other films with the same values.
_MOST_PARTS = 4096


@dataclass(frozen=True)
class Parameter:
    """One number or word that describes a film.

    Attributes
    ----------
    path : str
        As `parameters` spells it.
    value : float, int or str
    quantity : Quantity or None
        Unit, meaning, label and limits; None for a word.
    choices : tuple
        What a word may be.
    about : str
        Meaning of a word.
    """

    path: str
    value: Any
    quantity: Quantity | None = None
    choices: tuple[Any, ...] = ()
    about: str = ""

    @property
    def kind(self) -> type:
        """Float, int, str or bool."""
        return type(self.value)

    @property
    def unit(self) -> str:
        """Such as "nm", "1/nm", "degree"; "1" for a pure number, "" for a word."""
        return self.quantity.unit if self.quantity is not None else ""

    @property
    def meaning(self) -> str:
        """A few words."""
        return self.quantity.meaning if self.quantity is not None else self.about or self.path

    @property
    def label(self) -> str:
        """Mathtext for axes."""
        return self.quantity.label if self.quantity is not None else ""

    @property
    def step(self) -> float:
        """Step of a difference stencil; 0 for what has no derivative."""
        return self.quantity.step_at(self.value) if self.quantity is not None else 0.0


def parameters(film: Stack | Bilayer) -> dict[str, Parameter]:
    """All parameters of a film by path.

    Parameters
    ----------
    film : Stack or Bilayer

    Returns
    -------
    dict of str to Parameter
        From bottom to top. A layer has the parameters that it was given by.
    """
    return {
        f"{quoted(name)}.{key}": Parameter(
            f"{quoted(name)}.{key}", leaf.value, leaf.quantity, leaf.choices
        )
        for name, leaves in _parts(film)
        for key, leaf in leaves.items()
    }


def parameter(film: Stack | Bilayer, path: str) -> Parameter:
    """One parameter of a film.

    Parameters
    ----------
    film : Stack or Bilayer
    path : str

    Raises
    ------
    InputError
        If there is none, with the nearest spelling.
    """
    known = parameters(film)
    return known[path_of(film, path, known)]


def path_of(film: Stack | Bilayer, path: str, known: Mapping[str, object] | None = None) -> str:
    """A path as `parameters` spells it.

    Parameters
    ----------
    film : Stack or Bilayer
    path : str
        Quotes may be left out; the parts of a bilayer also go by their other names.
    known : mapping, optional
        What `parameters` gave, if it is at hand.

    Raises
    ------
    InputError
        If there is no such parameter, with the nearest spelling.
    """
    known = parameters(film) if known is None else known
    if not isinstance(path, str):
        raise InputError("parameter", path, "must be a path such as Pt.thickness")
    aliases = _aliases(film)
    part, key = _taken_apart(path)
    full = f"{aliases.get(part, quoted(part))}.{key}"
    if full not in known:
        raise InputError("parameter", path, f"is not known{_meant(film, path, known)}")
    return full


def _meant(film: Stack | Bilayer, path: str, known: Mapping[str, object]) -> str:
    """Hint at the path that was meant: of the same part, where that is known."""
    aliases = _aliases(film)
    part, key = _taken_apart(path)
    name = aliases.get(part, quoted(part))
    keys = [k.removeprefix(f"{name}.") for k in known if k.startswith(f"{name}.")]
    close = difflib.get_close_matches(key, keys, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {part}.{close[0]}?"
    if keys:
        return f"; {part} is given by {', '.join(keys)}"
    other = {
        k.replace(name, alias, 1)
        for alias, name in aliases.items()
        for k in known
        if k.startswith(f"{name}.")
    }
    named = not isinstance(film, Bilayer) or film.layer_names is not None
    return nearest(path, {*known, *other} if named else {familiar_path(film, k) for k in known})


def with_parameters(film: _Film, values: Mapping[str, Any]) -> _Film:
    """The film with other values of some parameters, all at once.

    Everything else stays as it was given: a metal given by its resistivity and spin diffusion
    length keeps them when its spin Hall angle or the film's k_F changes.

    Parameters
    ----------
    film : Stack or Bilayer
    values : mapping of str to float or str
        By path.

    Returns
    -------
    Stack or Bilayer
        Of the same kind.

    Raises
    ------
    InputError
        For an unknown path or a value that cannot be, naming the path.
    """
    return Variation(film, tuple(values))(values)


class Variation(Generic[_Film]):
    """A film with other values of the same parameters, again and again.

    Parameters
    ----------
    film : Stack or Bilayer
    paths : sequence of str
        However they are spelt.

    Raises
    ------
    InputError
        For an unknown path, or one that is given twice.
    """

    def __init__(self, film: _Film, paths: Sequence[str]) -> None:
        self._film = film
        known = parameters(film)
        #: By part: key and the path that was given.
        self._places: dict[str, dict[str, str]] = {}
        for path in paths:
            name, key = _split(path_of(film, path, known))
            part = self._places.setdefault(name, {})
            if key in part:
                raise InputError("parameter", path, f"is given twice: also as {part[key]}")
            part[key] = path
        self._components = tuple(_components(film))
        #: Parts by name, values and Fermi wavevector: axes that do not touch them share them.
        self._made: dict[Hashable, Component] = {}

    def __call__(self, values: Mapping[str, Any]) -> _Film:
        """The film with these values, by path as it was given.

        Raises
        ------
        InputError
            For a value that cannot be, naming the path.
        """
        changes = {
            name: {key: (path, values[path]) for key, path in part.items()}
            for name, part in self._places.items()
        }
        return _rebuilt(self._film, self._components, changes, self._made)


def layer_paths(film: Stack | Bilayer) -> set[str]:
    """Paths of what the responses of the layers depend on.

    Those are the parameters of layers and outer boundaries, and the film's Fermi wavevector.
    """
    stack = as_stack(film)
    owners = {"left", "right", *map(quoted, stack.names)}
    of_layers = {path for path in parameters(film) if path.rpartition(".")[0] in owners}
    return of_layers | {"film.fermi_wavevector"}


def film_facts(film: Stack | Bilayer) -> dict[str, str]:
    """What a film is besides its parameters: the kinds of its parts, by path.

    Of a plugin's kinds the digest of their source too.
    """
    stack = as_stack(film)
    parts: dict[str, Component] = {key: getattr(stack, key) for key in _ENDS}
    parts |= {quoted(name): part for name, part in _components(film)}
    facts = {}
    for name, part in parts.items():
        facts[f"{name}.kind"] = part.kind
        source = source_of(type(part))
        if source is not None:
            facts[f"{name}.kind source"] = source
    return facts


def familiar_path(film: Stack | Bilayer, path: str) -> str:
    """A path with the names that always work: for a bilayer those of its parts."""
    for alias, name in _aliases(film).items():
        if isinstance(film, Bilayer) and path.startswith(f"{name}."):
            return path.replace(name, alias, 1)
    return path


def other_paths(film: Stack | Bilayer, path: str) -> list[str]:
    """Further spellings of a path that `parameters` spells; quotes may be left out in all."""
    aliases = _aliases(film).items()
    return [path.replace(n, alias, 1) for alias, n in aliases if path.startswith(f"{n}.")]


def by_own_fields(film: _Film) -> _Film:
    """The film with each layer given by its own fields, whatever it was given by."""
    if isinstance(film, Bilayer):
        parts = {key: _plain(getattr(film, key)) for key in ("heavy_metal", "ferromagnet")}
        return replace(film, **parts)
    return replace(film, layers=tuple(_plain(layer) for layer in film.layers))


def _plain(layer: Any) -> Any:
    return layer if layer.given is None else replace(layer, given=None)


def _taken_apart(path: str) -> tuple[str, str]:
    """Part and key of a path; ``layers.0.thickness`` has its part in two pieces.

    Boundaries also go by what the configuration calls them, ``surfaces.left_specularity``.
    """
    part, _, key = path.strip().partition(".")
    end = re.fullmatch(rf"({'|'.join(_ENDS)})[._](.+)", key) if part == "surfaces" else None
    if end:
        part, key = end.groups()
    if part in ("layers", "interfaces"):
        index, _, key = key.partition(".")
        part = f"{part}.{index}"
    if key in ("theta_deg", "phi_deg") and part != "magnetization":
        key = f"magnetization.{key}"
    return part.strip().strip("\"'"), key


def quoted(name: str) -> str:
    """A part's name as a TOML key."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'


def _split(full: str) -> tuple[str, str]:
    name, _, key = full.partition(".")
    return name.strip('"'), key


def _aliases(film: Stack | Bilayer) -> dict[str, str]:
    """Other names of parts, with how paths begin that use them."""
    names = [quoted(name) for name, _ in _components(film)]
    if isinstance(film, Bilayer):
        parts = dict(zip(BILAYER_PARTS, names, strict=True))
        return parts | {"magnetization": "film.magnetization"}
    return {f"{('layers', 'interfaces')[i % 2]}.{i // 2}": name for i, name in enumerate(names)}


def _parts(film: Stack | Bilayer) -> Iterator[tuple[str, dict[str, Leaf]]]:
    """Parts of a film with their parameters, bottom to top."""
    stack, k_f = as_stack(film), film.fermi_wavevector
    whole = {key: Leaf(quantity, getattr(film, key)) for key, quantity in FILM_QUANTITIES.items()}
    if isinstance(film, Bilayer):
        whole |= direction_leaves("magnetization", film.magnetization)
    yield "film", whole
    for key, end in zip(_ENDS, (stack.left, stack.right), strict=True):
        yield key, end.leaves(k_f)
    for name, part in _components(film):
        yield name, part.leaves(k_f)


def _components(film: Stack | Bilayer) -> Iterator[tuple[str, Component]]:
    """Layers and interfaces with their names; those of a bilayer as they were given."""
    stack = as_stack(film)
    layers: tuple[Component, ...] = stack.layers
    interfaces: tuple[Component, ...] = stack.interfaces
    if isinstance(film, Bilayer):
        layers, interfaces = (film.heavy_metal, film.ferromagnet), (film.interface,)
    for i, layer in enumerate(layers):
        yield stack.names[i], layer
        if i < len(interfaces):
            yield stack.names_of_interfaces[i], interfaces[i]


def _rebuilt(
    film: _Film,
    components: tuple[tuple[str, Component], ...],
    changes: dict[str, dict[str, tuple[str, Any]]],
    known: dict[Hashable, Component],
) -> _Film:
    made: dict[str, Any] = {}
    for key, (path, value) in changes.get("film", {}).items():
        if key in FILM_QUANTITIES:
            made[key] = FILM_QUANTITIES[key].check(path, value)
    if isinstance(film, Bilayer):
        m = _direction(film.magnetization, changes.get("film", {}))
        made |= {} if m is None else {"magnetization": check_direction("magnetization", m)}
    k_f = made.get("fermi_wavevector", film.fermi_wavevector)
    before = film.fermi_wavevector
    for key in _ENDS:
        if key in changes:
            made[key] = _changed(key, getattr(film, key), changes[key], (k_f, before))
    parts = []
    for name, part in components:
        own = changes.get(name, {})
        place = name, k_f, tuple((k, value) for k, (_, value) in own.items())
        if place not in known:
            if len(known) >= _MOST_PARTS:
                known.clear()
            known[place] = _changed(quoted(name), part, own, (k_f, before))
        parts.append(known[place])
    if isinstance(film, Bilayer):
        made |= zip(BILAYER_PARTS, parts, strict=True)
    else:
        made |= {"layers": tuple(parts[::2]), "interfaces": tuple(parts[1::2])}
    varied: Any = film.varied(**made)
    result: _Film = varied
    return result


def _direction(m: Vector, changes: dict[str, tuple[str, Any]]) -> Vector | None:
    try:
        return direction_from("magnetization", m, {k: v for k, (_, v) in changes.items()})
    except InputError as error:
        raise InputError(changes[error.key][0], error.value, error.expected) from None


def _changed(
    name: str,
    part: Component,
    changes: dict[str, tuple[str, Any]],
    wavevectors: tuple[float, float],
) -> Component:
    """A component with changes, whose errors name paths, in a film of another k_F."""
    if not changes and wavevectors[0] == wavevectors[1]:
        return part
    try:
        return part.with_values({k: v for k, (_, v) in changes.items()}, *wavevectors)
    except InputError as error:
        path, _ = changes.get(error.key, (f"{name}.{error.key}", None))
        raise InputError(path, error.value, error.expected) from None
