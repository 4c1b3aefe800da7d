"""The option --unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

__all__ = ["UNITS", "unit_option"]

#: Names of `torkivity_engine.units.QUANTITIES` by what --unit calls them.
UNITS = {
    "raw": "per_e_tilde",
    "conductivity": "spin_torque_conductivity",
    "per-field": "per_field",
    "efficiency": "efficiency",
    "field": "effective_field",
}

_MEANINGS = {
    "raw": "1/(Ohm m) per E~, as in the file",
    "conductivity": "(hbar/2e)/(Ohm m)",
    "per-field": "the same per E",
    "efficiency": "per current density that flows in the heavy metal; of a sweep without "
    'quantities = ["in_plane"] per conductivity of its bulk',
    "field": "mT/(1e11 A/m^2)",
}

_Command = TypeVar("_Command", bound=Callable[..., Any])


def unit_option(names: Iterable[str] = tuple(UNITS)) -> Callable[[_Command], _Command]:
    """``--unit`` with these choices."""
    names = list(names)
    listed = "; ".join(f"{name}: {_MEANINGS[name]}" for name in names)
    return click.option("--unit", type=click.Choice(names), help=f"Of torques. {listed}.")
