"""What drives a film: mechanisms of spin currents switched on and off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from torkivity_engine.errors import InputError
from torkivity_engine.film.component import Component
from torkivity_engine.film.stack import Bilayer, Stack, as_stack

__all__ = ["SOURCES", "film_with_source"]

SOURCES = ("all", "rashba", "spin_hall", "reservoirs")


def film_with_source(film: Bilayer | Stack, source: str) -> Stack:
    """The film with the other mechanism of spin currents switched off.

    Parameters
    ----------
    film : Bilayer or Stack
    source : {"all", "rashba", "spin_hall", "reservoirs"}
        "rashba" sets the spin Hall angles to zero, "spin_hall" the spin-orbit fields of the
        interfaces.

    Returns
    -------
    Stack

    Raises
    ------
    InputError
        For an unknown source, or "reservoirs" without one that injects.
    """
    stack = as_stack(film)
    if source not in SOURCES:
        raise InputError("source", source, f"must be one of {', '.join(SOURCES)}")
    if source == "rashba":
        layers = tuple(layer.without_spin_hall() for layer in stack.layers)
        return _unless_same(stack, "layers", layers)
    if source == "spin_hall":
        interfaces = tuple(interface.without_spin_orbit() for interface in stack.interfaces)
        return _unless_same(stack, "interfaces", interfaces)
    if source == "reservoirs" and not any(
        np.any(end.injected) for end in (stack.left, stack.right)
    ):
        raise InputError("source", source, "needs a Reservoir that injects charge or spin")
    return stack


def _unless_same(stack: Stack, key: str, parts: tuple[Component, ...]) -> Stack:
    """The stack with other parts; itself where they are all its own."""
    own = getattr(stack, key)
    if all(a is b for a, b in zip(parts, own, strict=True)):
        return stack
    changes: dict[str, Any] = {key: parts}
    return replace(stack, **changes)
