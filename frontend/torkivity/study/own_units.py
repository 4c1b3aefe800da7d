"""What torques of a result file are converted with: numbers of the film at each of its points."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torkivity.config.text import check_config
from torkivity.study.case import Case
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.stack import as_stack

__all__ = ["OwnNumbers", "own_numbers"]


class OwnNumbers(NamedTuple):
    """Of the films of a file, over its grid; of length one along axes that do not matter.

    Attributes
    ----------
    resistivity : ndarray
        Of the lowest non-magnetic layer, Ohm m.
    ferromagnet_thickness : ndarray
        Of the lowest magnet, nm.
    """

    resistivity: FloatArray
    ferromagnet_thickness: FloatArray


def own_numbers(
    attributes: Mapping[str, Any],
    grid: Mapping[Hashable, int],
    varied: Mapping[str, tuple[tuple[Hashable, ...], NDArray[Any]]],
    magnet: str | None = None,
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
    magnet : str, optional
        Name of the magnet whose thickness is meant; by default the lowest.

    Returns
    -------
    OwnNumbers or None
        None if the file has no configuration.
    """
    if "config_toml" not in attributes:
        return None
    file = "configuration in the file"
    case = Case.of(check_config(tomllib.loads(attributes["config_toml"]), file), Path(file))
    metal, lowest = _layers(case)
    magnet = magnet or lowest
    kinds = {
        path: parameter.kind
        for path, parameter in case.parameters().items()
        if _matters(path, metal, magnet)
    }
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
            stack = as_stack(case.varied(point).film)
            layers = dict(zip(stack.names, stack.layers, strict=True))
            if metal is not None:
                sigma = layers[metal].conductivity(stack.fermi_wavevector)
                numbers.resistivity[index] = 1.0 / sigma
            if magnet is not None:
                own = layers[magnet].moment_thickness
                numbers.ferromagnet_thickness[index] = math.nan if own is None else own
        except (InputError, PhysicsError):
            continue  # a film that does not exist has no torque to convert
    return numbers


def _layers(case: Case) -> tuple[str | None, str | None]:
    """Names of the lowest non-magnetic layer and of the lowest magnet."""
    stack = as_stack(case.film)
    named = list(zip(stack.names, stack.layers, strict=True))
    return (
        next((name for name, layer in named if not layer.magnetic), None),
        next((name for name, layer in named if layer.magnetic), None),
    )


def _matters(path: str, metal: str | None, magnet: str | None) -> bool:
    owner, _, name = path.rpartition(".")
    if owner.strip('"') == metal:
        return name != "thickness"
    return path == "film.fermi_wavevector" or (owner.strip('"') == magnet and name == "thickness")
