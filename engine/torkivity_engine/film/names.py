"""Names of the parts of a film, by which its parameters are addressed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from torkivity_engine.errors import InputError
from torkivity_engine.film.checks import check_sequence, set_field
from torkivity_engine.film.layer import Layer

if TYPE_CHECKING:
    from torkivity_engine.film.stack import Stack

__all__ = [
    "BILAYER_PARTS",
    "RESERVED",
    "checked_names",
    "default_names",
    "interface_names",
    "plain_path",
]

#: Names of the parts of a bilayer that always work.
BILAYER_PARTS = ("heavy_metal", "interface", "ferromagnet")
#: What the first part of a path means elsewhere.
RESERVED = frozenset(
    {
        *BILAYER_PARTS,
        *("film", "magnetization", "mesh", "left", "right", "surfaces", "layers", "interfaces"),
        *("solver", "drift_diffusion", "sweep", "converge", "figure", "fit"),
    }
)


def plain_path(path: str) -> str:
    """A path as parameters have it, where it spells angles of m as a configuration does."""
    spelt = re.sub(r"magnetization_angles_deg\.(theta|phi)$", r"magnetization.\1_deg", path)
    return {"theta": "theta_deg", "phi": "phi_deg"}.get(spelt, spelt)


def checked_names(stack: Stack) -> None:
    """Check and store the names of a stack that is being made."""
    if stack.layer_names is not None:
        names = _sized("layer_names", stack.layer_names, len(stack.layers))
        for name in names:
            _check("layer_names", name)
        _unique("layer_names", names)
        set_field(stack, "layer_names", names)
    if stack.interface_names is not None:
        names = _sized("interface_names", stack.interface_names, len(stack.interfaces))
        for name in names:
            if name is not None:
                _check("interface_names", name, '. / "')
        set_field(stack, "interface_names", names)
        taken = stack.layer_names or default_names(stack.layers)
        _unique("interface_names", (*interface_names(taken, names), *taken))


def default_names(layers: Sequence[Layer]) -> tuple[str, ...]:
    """HM, FM by kind, numbered from below where a kind occurs more than once."""
    stems = [layer.stem for layer in layers]
    return tuple(
        stem if stems.count(stem) == 1 else f"{stem}{stems[: i + 1].count(stem)}"
        for i, stem in enumerate(stems)
    )


def interface_names(layers: Sequence[str], given: Sequence[str | None] | None) -> tuple[str, ...]:
    """Names of interfaces: the given ones, else "lower|upper"."""
    pairs = [f"{lower}|{upper}" for lower, upper in pairwise(layers)]
    if given is None:
        return tuple(pairs)
    return tuple(pair if name is None else name for pair, name in zip(pairs, given, strict=True))


def _sized(key: str, names: object, count: int) -> tuple[Any, ...]:
    found = tuple(check_sequence(key, names))
    if len(found) != count:
        raise InputError(key, list(found), f"must be {count} names")
    return found


def _check(key: str, name: object, forbidden: str = '. / | "') -> None:
    if not isinstance(name, str) or not name.strip() or name != name.strip():
        raise InputError(key, name, "must be a text without blanks at its ends")
    if any(c in name for c in forbidden.split()) or not name.isprintable():
        raise InputError(key, name, f"must not hold {forbidden} or control characters")
    if name in RESERVED:
        raise InputError(key, name, "has a meaning of its own in a path; choose another name")


def _unique(key: str, names: Sequence[object]) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise InputError(key, name, "occurs twice; names must be unique")
