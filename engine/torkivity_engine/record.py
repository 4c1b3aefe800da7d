"""Names, dimensions and units of everything that leaves the engine as a number.

One schema serves a single run, a comparison and a sweep: solutions produce flat mappings
from these names to real arrays, and the store writes them with these attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CERTIFICATES",
    "COMPONENTS",
    "COORDINATES",
    "IN_PLANE_VARIABLES",
    "MAGNET_PARTS",
    "MAGNET_VARIABLES",
    "PUMPING_VARIABLES",
    "TORQUE_PARTS",
    "VARIABLES",
    "Record",
    "Variable",
]

Record = Mapping[str, NDArray[np.float64]]

#: String coordinates of the dimensions that are not swept.
COORDINATES: dict[str, tuple[str, ...]] = {
    "spin": ("x", "y", "z"),
    "current": ("x", "y", "z", "charge"),
    "field": ("E_x", "E_y"),
    "direction": ("longitudinal", "transverse"),
    "plane": ("x", "y"),
    "q": ("q_1", "q_2"),
}

TORQUE_PARTS: dict[str, str] = {
    "interface": "torque on the magnetization at the interface",
    "ferromagnet": "torque on the bulk ferromagnet, transverse spin current at 0+",
    "total": "total torque on the magnetization",
    "lattice": "torque on the lattice at the interface",
}


#: Numbers that bound the error of a Boltzmann solution, those of both methods.
CERTIFICATES: dict[str, str] = {
    "charge_defect": "charge current that appears or vanishes, over the largest spin current",
    "unitarity_defect": "of the interfaces on the mesh",
    "spin_balance": "worst violation of the balance of spins in a layer, over the largest current",
    "residual": "of the final linear system",
    "condition": "of the final linear system",
    "gauge_slack": "charge that leaves the reference interface",
    "modes_removed": "solutions that neither decay nor grow, treated exactly",
}

#: Parts of the torque on a magnet as a whole.
MAGNET_PARTS: dict[str, str] = {
    "total": "total torque on the magnet",
    "interface": "torque on the magnet at its interfaces",
    "ferromagnet": "transverse spin current into the magnet",
}

#: Components of a torque in the frame of m and the field.
COMPONENTS = ("damping_like", "field_like")


@dataclass(frozen=True)
class Variable:
    """Schema entry of one output variable.

    Attributes
    ----------
    dims : tuple of str
        Names from `COORDINATES`; empty for a scalar.
    units : str
    long_name : str
    framed : bool
        Whether it exists only where m is not parallel to z x E.
    """

    dims: tuple[str, ...]
    units: str
    long_name: str
    framed: bool = False


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
    return {**table, **_torques("torque", TORQUE_PARTS)}


def _torques(start: str, parts: Mapping[str, str]) -> dict[str, Variable]:
    table = {}
    for part, meaning in parts.items():
        table[f"{start}_{part}"] = Variable(("spin",), _CONDUCTIVITY, f"{meaning}, per E~")
        for kind in COMPONENTS:
            table[f"{start}_{part}_{kind}"] = Variable(
                (),
                _CONDUCTIVITY,
                f"{kind.replace('_', '-')} part of the {meaning}, per E~",
                framed=True,
            )
    return table


#: What `TorqueNames.record` gives, by name.
VARIABLES: dict[str, Variable] = _response_variables()

#: What `torkivity_engine.magnets.MagnetResponse.record` gives, by name.
MAGNET_VARIABLES: dict[str, Variable] = _torques("magnet_torque", MAGNET_PARTS)

_ALONG = "along E and along z x E"

#: What a film carries in its plane, and what exchange alone gives to its magnets. "layer" and
#: "magnet" are dimensions of the film.
IN_PLANE_VARIABLES: dict[str, Variable] = {
    "sheet_conductance": Variable(
        ("direction",), "S", f"sheet conductance, sheet current {_ALONG} per E"
    ),
    "sheet_resistance": Variable(
        ("direction",), "Ohm", f"sheet resistance, field {_ALONG} per sheet current along E alone"
    ),
    "layer_sheet_conductance": Variable(
        ("layer", "direction"), "S", f"sheet conductance of a layer, sheet current {_ALONG} per E"
    ),
    "current_share": Variable(("layer",), "1", "part of the current along E that a layer carries"),
    **{
        name: replace(variable, dims=("magnet", *variable.dims))
        for name, variable in _torques(
            "magnet_torque", {"exchange": "torque of exchange alone on the magnet"}
        ).items()
    },
}

_PER_Q = "1/(Ohm m^2)"

#: What a magnetization that turns by q pumps; "interface" and "magnet" are dimensions of the film.
PUMPING_VARIABLES: dict[str, Variable] = {
    "turning_axis": Variable(("q", "spin"), "1", "axis q that the magnetization turns by"),
    "pumped_spin_current_minus": Variable(
        ("interface", "spin", "q"), _PER_Q, "spin current along +z at z = 0-, per q"
    ),
    "pumped_spin_current_plus": Variable(
        ("interface", "spin", "q"), _PER_Q, "spin current along +z at z = 0+, per q"
    ),
    "pumped_torque_interface": Variable(
        ("interface", "spin", "q"), _PER_Q, "torque on the magnetization at the interface, per q"
    ),
    "pumped_torque_exchange": Variable(
        ("magnet", "spin", "q"), _PER_Q, "torque of exchange on the magnet, per q"
    ),
    "pumped_torque_bulk": Variable(
        ("spin", "q"), _PER_Q, "part of it that the turning magnet has without any face, per q"
    ),
    "pumped_sheet_current": Variable(
        ("plane", "q"), "1/(Ohm m)", "sheet current of the charge coefficient, per q"
    ),
    "effective_mixing_conductance": Variable((), _PER_Q, "effective mixing conductance"),
    **{
        f"certificate_{name}": Variable((), "1", f"error indicator: {CERTIFICATES[name]}")
        for name in ("unitarity_defect", "residual", "condition")
    },
}
