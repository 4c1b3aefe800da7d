"""What drives a film: mechanisms of spin currents switched on and off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from torkivity_engine.errors import InputError
from torkivity_engine.film.component import Component
from torkivity_engine.film.stack import Bilayer, Stack, as_stack

__all__ = ["DRIVEN", "SOURCES", "film_with_source"]

#: Sources that are one driven current of circuit interfaces, with its field.
DRIVEN = {
    "current_below": "current_below",
    "current_above": "current_above",
    "interface_torque": "torque",
}
SOURCES = ("all", "rashba", "spin_hall", "reservoirs", *DRIVEN)


def film_with_source(film: Bilayer | Stack, source: str) -> Stack:
    """The film with the other mechanism of spin currents switched off.

    Parameters
    ----------
    film : Bilayer or Stack
    source : str
        One of ``SOURCES``. "rashba" sets the spin Hall angles to zero, "spin_hall" the spin-orbit
        fields of the interfaces, "current_below", "current_above" and "interface_torque" both, but
        for this driven current of circuit interfaces.

    Returns
    -------
    Stack

    Raises
    ------
    InputError
        For an unknown source, "reservoirs" without one that injects, or a driven current that no
        interface has by itself.
    """
    stack = as_stack(film)
    if source not in SOURCES:
        raise InputError("source", source, f"must be one of {', '.join(SOURCES)}")
    if source in DRIVEN:
        return _with_driven(stack, source)
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


def _with_driven(stack: Stack, source: str) -> Stack:
    """The film with one driven current of its circuit interfaces."""
    name = DRIVEN[source]
    if not any(interface.drives(name) for interface in stack.interfaces):
        raise InputError("source", source, f'needs a "circuit" interface with {name}')
    layers = tuple(layer.without_spin_hall() for layer in stack.layers)
    interfaces = tuple(interface.with_driven((name,)) for interface in stack.interfaces)
    return _unless_same(_unless_same(stack, "layers", layers), "interfaces", interfaces)


def _unless_same(stack: Stack, key: str, parts: tuple[Component, ...]) -> Stack:
    """The stack with other parts; itself where they are all its own."""
    own = getattr(stack, key)
    if all(a is b for a, b in zip(parts, own, strict=True)):
        return stack
    changes: dict[str, Any] = {key: parts}
    return replace(stack, **changes)
