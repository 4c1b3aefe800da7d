"""The models and the sources of torque there are: names, titles, and nothing that takes long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "COMPARED",
    "MODELS",
    "QUANTITIES",
    "SINGLE_SOURCES",
    "SOURCES",
    "Model",
    "ModelName",
    "QuantityName",
    "SourceName",
]

ModelName = Literal["boltzmann", "drift_diffusion", "drift_diffusion_half_space", "boundary_layer"]
SourceName = Literal["all", "rashba", "spin_hall", "reservoirs"]
QuantityName = Literal["in_plane"]
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
    needs_rings : bool
        Whether only a mesh with azimuthal rings will do.
    """

    title: str
    short: str
    parameters: InterfaceParameters | None
    needs_rings: bool = False


#: By the name that options, sections and files have for it; the first is the reference.
MODELS: dict[str, Model] = {
    "boltzmann": Model("Boltzmann", "Boltzm.", None),
    "drift_diffusion": Model("drift-diffusion", "drift-d.", "particular"),
    "drift_diffusion_half_space": Model(
        "half-space drift-diffusion", "half-space", "half_space", needs_rings=True
    ),
    "boundary_layer": Model(
        "boundary-layer-exact drift-diffusion", "boundary l.", "boundary_layer", needs_rings=True
    ),
}

#: What drives the torques, in words.
SOURCES: dict[str, str] = {
    "all": "Rashba and spin Hall",
    "rashba": "Rashba alone",
    "spin_hall": "spin Hall alone",
    "reservoirs": "what reservoirs inject",
}

#: What a sweep may have beside torques, for more time per point.
QUANTITIES: dict[str, str] = {
    "in_plane": "sheet conductance, resistance and current shares, torques of exchange alone",
}

#: One mechanism of a field at a time.
SINGLE_SOURCES = ("rashba", "spin_hall")

#: Models that a single film is computed by.
COMPARED = ("boltzmann", "drift_diffusion", "boundary_layer")
