"""What torques of a result file are converted with: numbers of the film at each of its points."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torkivity.catalogue import MODELS, SOURCES
from torkivity.config.text import check_config
from torkivity.study.case import Case
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.stack import as_stack
from torkivity_engine.units import flowing_resistivity

__all__ = ["OwnNumbers", "own_numbers"]


class OwnNumbers(NamedTuple):
    """Of the films of a file, over its grid; of length one along axes that do not matter.

    Attributes
    ----------
    resistivity : ndarray
        Of the lowest non-magnetic layer, Ohm m: from the current that flows there by the first
        model that has one, the Boltzmann equation before others; of the bulk where the file has no
        currents in the plane.
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
    sheets = None if metal is None else _sheets(case, metal, grid, varied)
    kinds = {
        path: parameter.kind
        for path, parameter in case.parameters().items()
        if _matters(path, metal, magnet, sheets is not None)
    }
    kept = {
        name: (dims[0], values, kinds[name])
        for name, (dims, values) in varied.items()
        if name in kinds and len(dims) == 1 and dims[0] in grid
    }
    used = {dim for dim, _, _ in kept.values()}
    shape = tuple(length if dim in used else 1 for dim, length in grid.items())
    numbers = OwnNumbers(np.ones(shape), np.ones(shape))
    thickness = np.ones(shape)
    for index in np.ndindex(shape):
        place = dict(zip(grid, index, strict=True))
        point = {name: kind(values[place[dim]]) for name, (dim, values, kind) in kept.items()}
        try:
            stack = as_stack(case.varied(point).film)
            layers = dict(zip(stack.names, stack.layers, strict=True))
            if metal is not None:
                sigma = layers[metal].conductivity_in(stack.fermi_wavevector)
                numbers.resistivity[index] = 1.0 / sigma
                thickness[index] = layers[metal].thickness
            if magnet is not None:
                own = layers[magnet].moment_thickness
                numbers.ferromagnet_thickness[index] = math.nan if own is None else own
        except (InputError, PhysicsError):
            continue  # a film that does not exist has no torque to convert
    if sheets is None:
        return numbers
    there = np.where(sheets > 0.0, sheets, np.nan)
    flowing = flowing_resistivity(there, thickness)
    return numbers._replace(resistivity=np.where(np.isnan(flowing), numbers.resistivity, flowing))


def _sheets(
    case: Case,
    metal: str,
    grid: Mapping[Hashable, int],
    varied: Mapping[str, tuple[tuple[Hashable, ...], NDArray[Any]]],
) -> FloatArray | None:
    """Sheet conductance of a layer along the field over the grid, of one model and source."""
    if "layer_sheet_conductance" not in varied or not {"model", "source"} <= set(grid):
        return None
    dims, values = varied["layer_sheet_conductance"]
    layer = as_stack(case.film).names.index(metal)
    found = np.asarray(values)[..., layer, 0]
    for dim, order in (("source", SOURCES), ("model", MODELS)):
        names = [str(name) for name in varied[dim][1]]
        axis = dims.index(dim)
        for name in (name for name in order if name in names):
            one = found.take([names.index(name)], axis=axis)
            if np.isfinite(one).any() or dim == "source":
                break
        found = one
    return np.asarray(found, dtype=np.float64)


def _layers(case: Case) -> tuple[str | None, str | None]:
    """Names of the lowest non-magnetic layer and of the lowest magnet."""
    stack = as_stack(case.film)
    named = list(zip(stack.names, stack.layers, strict=True))
    return (
        next((name for name, layer in named if not layer.magnetic), None),
        next((name for name, layer in named if layer.magnetic), None),
    )


def _matters(path: str, metal: str | None, magnet: str | None, flowing: bool) -> bool:
    owner, _, name = path.rpartition(".")
    if owner.strip('"') == metal:
        return flowing or name != "thickness"
    return path == "film.fermi_wavevector" or (owner.strip('"') == magnet and name == "thickness")
