"""Names, dimensions and units of everything that leaves the engine as a number.

One schema serves a single run, a comparison and a sweep: solutions produce flat mappings
from these names to real arrays, and the store writes them with these attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["COORDINATES", "TORQUE_PARTS", "VARIABLES", "Record", "Variable"]

Record = Mapping[str, NDArray[np.float64]]

#: String coordinates of the dimensions that are not swept.
COORDINATES: dict[str, tuple[str, ...]] = {
    "spin": ("x", "y", "z"),
    "current": ("x", "y", "z", "charge"),
    "field": ("E_x", "E_y"),
}

TORQUE_PARTS: dict[str, str] = {
    "interface": "torque on the magnetization at the interface",
    "ferromagnet": "torque on the bulk ferromagnet, transverse spin current at 0+",
    "total": "total torque on the magnetization",
    "lattice": "torque on the lattice at the interface",
}


@dataclass(frozen=True)
class Variable:
    """Schema entry of one output variable.

    Attributes
    ----------
    dims : tuple of str
        Names from `COORDINATES`; empty for a scalar.
    units : str
    long_name : str
    """

    dims: tuple[str, ...]
    units: str
    long_name: str


_CONDUCTIVITY = "1/(Ohm m)"


def _response_variables() -> dict[str, Variable]:
    """Variables that `TorqueNames.record` gives, per E~."""
    table = {
        "spin_current_minus": Variable(
            ("spin",), _CONDUCTIVITY, "spin current along +z at z = 0-, per E~"
        ),
        "spin_current_plus": Variable(
            ("spin",), _CONDUCTIVITY, "spin current along +z at z = 0+, per E~"
        ),
        "charge_current_minus": Variable(
            (), _CONDUCTIVITY, "charge current along +z at z = 0-, per E~"
        ),
        "charge_current_plus": Variable(
            (), _CONDUCTIVITY, "charge current along +z at z = 0+, per E~"
        ),
    }
    for part, meaning in TORQUE_PARTS.items():
        table[f"torque_{part}"] = Variable(("spin",), _CONDUCTIVITY, f"{meaning}, per E~")
        for kind in ("damping_like", "field_like"):
            table[f"torque_{part}_{kind}"] = Variable(
                (), _CONDUCTIVITY, f"{kind.replace('_', '-')} part of the {meaning}, per E~"
            )
    return table


#: What `TorqueNames.record` gives, by name.
VARIABLES: dict[str, Variable] = _response_variables()
