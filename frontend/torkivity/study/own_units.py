"""What torques of a result file are converted with: numbers of the film at each of its points."""

from __future__ import annotations

import tomllib
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torkivity.config.build import build_film
from torkivity.config.parameters import parameters
from torkivity.config.text import check_config
from torkivity.study.plan import apply_values
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError, PhysicsError

__all__ = ["OwnNumbers", "own_numbers"]


class OwnNumbers(NamedTuple):
    """Of the films of a file, over its grid; of length one along axes that do not matter.

    Attributes
    ----------
    resistivity : ndarray
        Of the heavy metal, Ohm m.
    ferromagnet_thickness : ndarray
        nm.
    """

    resistivity: FloatArray
    ferromagnet_thickness: FloatArray


def own_numbers(
    attributes: Mapping[str, Any],
    grid: Mapping[Hashable, int],
    varied: Mapping[str, tuple[tuple[Hashable, ...], NDArray[Any]]],
) -> OwnNumbers | None:
    """Resistivity and thickness that conversions of torques need.

    Parameters
    ----------
    attributes : mapping
        Of a result file.
    grid : mapping of dimension to int
        Dimensions of its points and their lengths; empty for a single film.
    varied : mapping of str to (dims, ndarray)
        Everything in the file that may be a varied parameter.

    Returns
    -------
    OwnNumbers or None
        None if the file has no configuration.
    """
    if "config_toml" not in attributes:
        return None
    config = check_config(tomllib.loads(attributes["config_toml"]), "configuration in the file")
    kinds = {p.name: p.kind for p in parameters().values() if _matters(p.key)}
    kept = {
        name: (dims[0], values, kinds[name])
        for name, (dims, values) in varied.items()
        if name in kinds and len(dims) == 1 and dims[0] in grid
    }
    used = {dim for dim, _, _ in kept.values()}
    shape = tuple(length if dim in used else 1 for dim, length in grid.items())
    numbers = OwnNumbers(np.ones(shape), np.ones(shape))
    for index in np.ndindex(shape):
        place = dict(zip(grid, index, strict=True))
        point = {name: kind(values[place[dim]]) for name, (dim, values, kind) in kept.items()}
        try:
            film = build_film(apply_values(config, point))
        except (InputError, PhysicsError):
            continue  # a film that does not exist has no torque to convert
        sigma = film.heavy_metal.conductivity(film.fermi_wavevector)
        numbers.resistivity[index] = 1.0 / sigma
        numbers.ferromagnet_thickness[index] = film.ferromagnet.thickness
    return numbers


def _matters(key: str) -> bool:
    section, _, name = key.partition(".")
    if section == "heavy_metal":
        return name != "thickness"
    return key in ("film.fermi_wavevector", "ferromagnet.thickness")
