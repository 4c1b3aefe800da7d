"""Names of models and sources."""

from __future__ import annotations

from typing import Literal

__all__ = [
    "COMPARED",
    "MODELS",
    "MODEL_NAMES",
    "SINGLE_SOURCES",
    "SOURCES",
    "SOURCE_NAMES",
    "Source",
]

Source = Literal["rashba", "spin_hall", "all"]


SINGLE_SOURCES: tuple[Source, ...] = ("rashba", "spin_hall")


SOURCES: tuple[Source, ...] = (*SINGLE_SOURCES, "all")


#: Every model of a film, by the start of the names of its results.
MODEL_NAMES: dict[str, str] = {
    "boltzmann": "Boltzmann",
    "drift_diffusion": "drift-diffusion",
    "drift_diffusion_half_space": "half-space drift-diffusion",
    "boundary_layer": "boundary-layer-exact drift-diffusion",
}


SOURCE_NAMES = {
    "rashba": "Rashba alone",
    "spin_hall": "spin Hall alone",
    "all": "Rashba and spin Hall",
}


#: Those that `compare_film` computes.
COMPARED = ("boltzmann", "drift_diffusion", "boundary_layer")


#: What is computed, by the prefix of its names in a record: model, then source.
MODELS: dict[str, str] = {
    f"{model}_{source}": f"{MODEL_NAMES[model]}, {of}"
    for model in COMPARED
    for source, of in SOURCE_NAMES.items()
}
