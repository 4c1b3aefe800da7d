"""A study in memory as a dataset, with the names that it would have in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from torkivity.study.evaluate import Evaluated
from torkivity_hpc.files.store import STATUS, known_axes
from torkivity_hpc.grid import Axis

if TYPE_CHECKING:
    import xarray

__all__ = ["dataset_of"]


def dataset_of(evaluated: Evaluated) -> xarray.Dataset:
    """Numbers of a study as `torkivity.open_results` gives those of a file.

    Parameters
    ----------
    evaluated : Evaluated

    Returns
    -------
    xarray.Dataset
        Where ``status`` is not "done" a point has failed; ``message`` says why in words.

    Raises
    ------
    ModuleNotFoundError
        Without xarray (the extra ``torkivity[xarray]``).
    """
    try:
        import xarray
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "solve_many needs xarray: pip install 'torkivity[xarray]'", name=error.name
        ) from None
    spec, block = evaluated.plan.spec, evaluated.block
    grid = spec.grid
    dims = tuple(grid.axes)
    axes = known_axes(spec.variables, spec.axes, grid.axes)
    messages = np.array([block.messages.get(point, "") for point in range(grid.size)])
    variables: dict[str, Any] = {
        name: (
            (*dims, *variable.dims),
            evaluated.values(name),
            {"units": variable.units, "long_name": variable.long_name},
        )
        for name, variable in spec.variables.items()
    }
    flags = {"flag_values": list(STATUS.values()), "flag_meanings": " ".join(STATUS)}
    variables["status"] = dims, evaluated.status, flags
    variables["message"] = dims, messages.reshape(grid.shape)
    coordinates = {name: (name, *_described(axis)) for name, axis in axes.items()}
    return xarray.Dataset(variables, coordinates, dict(spec.attributes))


def _described(axis: Axis) -> tuple[Any, dict[str, str]]:
    """Values of an axis, and what they are."""
    facts = {key: getattr(axis, key) for key in ("long_name", "units", "symbol")}
    return np.array(axis.values), {key: text for key, text in facts.items() if text}
