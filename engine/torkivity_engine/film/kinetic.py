"""Which parts of a film the Boltzmann equation knows."""

from __future__ import annotations

from torkivity_engine.errors import InputError
from torkivity_engine.film.component import Component
from torkivity_engine.film.stack import Bilayer, Stack, as_stack

__all__ = ["require_kinetic", "unkinetic_parts"]


def unkinetic_parts(film: Bilayer | Stack) -> dict[str, Component]:
    """Layers and interfaces of a film that the Boltzmann equation does not know, by name."""
    stack = as_stack(film)
    if not any(part.unkinetic for part in (*stack.layers, *stack.interfaces)):
        return {}
    named: list[tuple[str, Component]] = [
        *zip(stack.names, stack.layers, strict=True),
        *zip(stack.names_of_interfaces, stack.interfaces, strict=True),
    ]
    return {name: part for name, part in named if part.unkinetic}


def require_kinetic(film: Bilayer | Stack) -> None:
    """Refuse a film that is given by drift-diffusion parameters, in part or altogether.

    Raises
    ------
    InputError
        Naming the part and what it lacks.
    """
    for name, part in unkinetic_parts(film).items():
        raise InputError(
            name,
            type(part).__name__,
            f"lacks {part.unkinetic}, which the Boltzmann equation needs; drift-diffusion takes it",
        )
