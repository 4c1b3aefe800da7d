"""The models and the sources of torque there are: names, titles, and nothing that takes long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "COMPARED",
    "DRIVES",
    "FIT_MODELS",
    "MODELS",
    "QUANTITIES",
    "SINGLE_SOURCES",
    "SOURCES",
    "DriveName",
    "Model",
    "ModelName",
    "QuantityName",
    "SingleSource",
    "SourceName",
]

ModelName = Literal["boltzmann", "drift_diffusion", "drift_diffusion_half_space", "boundary_layer"]
SourceName = Literal[
    "all",
    "rashba",
    "spin_hall",
    "reservoirs",
    "current_below",
    "current_above",
    "interface_torque",
]
SingleSource = Literal["rashba", "spin_hall"]
QuantityName = Literal["in_plane"]
DriveName = Literal["field", "pumping"]
InterfaceParameters = Literal["particular", "half_space", "boundary_layer"]


@dataclass(frozen=True)
class Model:
    """A way to compute the torques of a film.

    Attributes
    ----------
    title : str
    short : str
        For table columns.
    parameters : str or None
        Interface parameters of a drift-diffusion model; None for the Boltzmann equation.
    colour : str
        Of its curves.
    line : mapping
        Line and marker, as matplotlib has them.
    needs_rings : bool
        Whether only a mesh with azimuthal rings will do.
    kinetic : bool
        Whether it solves the Boltzmann equation somewhere, and so needs films whose layers and
        interfaces are known to it.
    pumps : bool
        Whether it knows what a magnetization that turns drives.
    """

    title: str
    short: str
    parameters: InterfaceParameters | None
    colour: str
    line: Mapping[str, Any]
    needs_rings: bool = False
    kinetic: bool = True
    pumps: bool = False


def _marker(marker: str, size: float, **more: Any) -> dict[str, Any]:
    return {"linestyle": "none", "marker": marker, "markersize": size, **more}


#: By the name that options, sections and files have for it; the first is the reference.
MODELS: dict[str, Model] = {
    "boltzmann": Model(
        "Boltzmann",
        "Boltzm.",
        None,
        "#14305c",
        {"linestyle": "-", "linewidth": 1.6},
        pumps=True,
    ),
    "drift_diffusion": Model(
        "drift-diffusion",
        "drift-d.",
        "particular",
        "#c1600e",
        _marker("o", 4.2, markerfacecolor="white"),
        kinetic=False,
        pumps=True,
    ),
    "drift_diffusion_half_space": Model(
        "half-space drift-diffusion",
        "half-space",
        "half_space",
        "#5f9e8f",
        {"linestyle": "--", "linewidth": 1.2},
        needs_rings=True,
    ),
    "boundary_layer": Model(
        "boundary-layer-exact drift-diffusion",
        "boundary l.",
        "boundary_layer",
        "#000000",
        _marker("x", 3.6, markeredgewidth=1.0),
        needs_rings=True,
    ),
}

#: What drives the torques, in words.
SOURCES: dict[str, str] = {
    "all": "Rashba and spin Hall",
    "rashba": "Rashba alone",
    "spin_hall": "spin Hall alone",
    "reservoirs": "what reservoirs inject",
    "current_below": "driven current below interfaces",
    "current_above": "driven current above interfaces",
    "interface_torque": "driven torque at interfaces",
}

#: What drives a study, in words; each has results and units of its own.
DRIVES: dict[str, str] = {
    "field": "an electric field, or what reservoirs inject",
    "pumping": "a magnetization that turns",
}

#: What a sweep may have beside torques, for more time per point.
QUANTITIES: dict[str, str] = {
    "in_plane": "sheet conductance, resistance and current shares, torques of exchange alone",
}

#: One mechanism of a field at a time.
SINGLE_SOURCES: tuple[SingleSource, ...] = ("rashba", "spin_hall")

#: Models that a single film is computed by.
COMPARED = ("boltzmann", "drift_diffusion", "boundary_layer")

#: What data are fitted by: closed forms of quoted numbers, the thickness formula of a bilayer, or
#: an equation solved for each film.
FIT_MODELS = ("phenomenological", "microscopic", "boltzmann", "drift_diffusion")
