"""Kinds of layers, interfaces and boundaries by name: the program's own and those of plugins.

A plugin is a Python module that defines a kind, a frozen dataclass that derives from `Layer`,
`Interface` or `Boundary`, and registers it. It is found by an entry point of the group
``torkivity.kinds``, or loaded by name.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import Boundary, HalfSpace, Reservoir, Surface
from torkivity_engine.film.circuit_interface import CircuitInterface
from torkivity_engine.film.component import Component, nearest
from torkivity_engine.film.diffusive_ferromagnet import DiffusiveFerromagnet
from torkivity_engine.film.diffusive_metal import DiffusiveMetal
from torkivity_engine.film.interface import Interface
from torkivity_engine.film.interfaces import RashbaInterface, SpinOrbitInterface
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.tabulated_interface import TabulatedInterface

__all__ = ["GROUP", "kind_named", "kinds", "load_plugins", "plugin_digest", "register", "source_of"]

#: Entry point group of installed plugins.
GROUP = "torkivity.kinds"

_C = TypeVar("_C", bound=type[Component])
_kinds: dict[str, type[Component]] = {
    kind.kind: kind
    for kind in (
        *(HeavyMetal, Ferromagnet, SplitFerromagnet, MagneticInsulator),
        *(DiffusiveMetal, DiffusiveFerromagnet),
        *(RashbaInterface, SpinOrbitInterface, TabulatedInterface, CircuitInterface),
        *(Surface, Reservoir, HalfSpace),
    )
}


def register(name: str, kind: _C) -> _C:
    """Make a kind known by a name.

    Parameters
    ----------
    name : str
        ``kind = "..."`` of a TOML file; also the ``kind`` of the class.
    kind : type
        Derived from ``Layer``, ``Interface`` or ``Boundary``.

    Returns
    -------
    type
        The kind itself.

    Raises
    ------
    InputError
        If it is no such class, or the name belongs to another kind.
    """
    if not (isinstance(kind, type) and issubclass(kind, (Layer, Interface, Boundary))):
        raise InputError(name, kind, "must be a class derived from Layer, Interface or Boundary")
    if kind.kind != name:
        raise InputError(name, kind.kind, f'must be the kind of the class: kind = "{name}"')
    known = _kinds.get(name)
    # A module that is loaded again defines the same class anew.
    if known is not None and (known.__module__, known.__qualname__) != (
        kind.__module__,
        kind.__qualname__,
    ):
        raise InputError(name, kind.__qualname__, f"is the name of {known.__qualname__} already")
    _kinds[name] = kind
    return kind


def kinds(base: type[Component] = Component) -> dict[str, type[Component]]:
    """Kinds by name, of installed plugins too.

    Parameters
    ----------
    base : type, optional
        ``Layer``, ``Interface`` or ``Boundary`` for these alone.
    """
    _load_installed()
    return {name: kind for name, kind in sorted(_kinds.items()) if issubclass(kind, base)}


def kind_named(name: object, base: type[Component]) -> type[Component]:
    """The kind of a name.

    Raises
    ------
    InputError
        If there is none, with what is near.
    """
    known = kinds(base)
    if not isinstance(name, str) or name not in known:
        raise InputError("kind", name, f"is not known{nearest(str(name), known)}")
    return known[name]


def load_plugins(modules: Iterable[str], folder: Path | None = None) -> dict[str, str]:
    """Import modules that register kinds.

    Parameters
    ----------
    modules : iterable of str
        Names of modules that can be imported.
    folder : Path, optional
        Where to look too, after all else.

    Returns
    -------
    dict of str to str
        Digest of the source of each.

    Raises
    ------
    InputError
        If one cannot be imported.
    """
    digests = {}
    if folder is not None and str(folder.resolve()) not in sys.path:
        # For good: other processes find the module by this list as well.
        sys.path.append(str(folder.resolve()))
    for name in modules:
        if not isinstance(name, str):
            raise InputError("plugins", name, "must be names of modules")
        try:
            importlib.import_module(name)
        except Exception as error:
            what = f"cannot be imported: {type(error).__name__}: {error}"
            raise InputError("plugins", name, " ".join(what.split())) from error
        digests[name] = plugin_digest(name)
    return digests


def plugin_digest(module: str | ModuleType) -> str:
    """SHA-256 of the source of a module, of the whole tree for a package."""
    name = module if isinstance(module, str) else module.__name__
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise InputError("plugins", name, "has no source file")
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file.relative_to(origin.parent)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def source_of(kind: type[Component]) -> str | None:
    """Digest of the source of a kind that a plugin defines; None for the program's own."""
    module = kind.__module__
    if module.partition(".")[0] == __name__.partition(".")[0]:
        return None
    try:
        return plugin_digest(module)
    except (ImportError, InputError, ValueError):  # typed in, or in a script
        return "unknown"


@cache
def _load_installed() -> None:
    for point in entry_points(group=GROUP):
        try:
            point.load()
        except Exception as error:
            what = f"cannot be loaded: {type(error).__name__}: {error}"
            raise InputError("torkivity.kinds", point.name, " ".join(what.split())) from error
