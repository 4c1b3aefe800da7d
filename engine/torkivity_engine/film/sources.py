"""What drives a film: mechanisms of spin currents switched on and off."""

from __future__ import annotations

from dataclasses import replace

from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import Reservoir
from torkivity_engine.film.layers import HeavyMetal
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
        layers = tuple(
            replace(layer, spin_hall_angle=0.0)
            if isinstance(layer, HeavyMetal) and layer.spin_hall_angle != 0.0
            else layer
            for layer in stack.layers
        )
        return stack if layers == stack.layers else replace(stack, layers=layers)
    if source == "spin_hall":
        return replace(stack, interfaces=tuple(i.without_spin_orbit() for i in stack.interfaces))
    if source == "reservoirs" and not any(
        isinstance(end, Reservoir) and (end.charge or any(end.spin))
        for end in (stack.left, stack.right)
    ):
        raise InputError("source", source, "needs a Reservoir that injects charge or spin")
    return stack
