"""From a result file back to the configuration of one of its points."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torkivity.config.parameters import parameters
from torkivity.config.sections import Angles, RunConfig
from torkivity.config.text import check_config
from torkivity.results.selection import Selection, select_points
from torkivity.study.plan import apply_values
from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    import xarray

__all__ = ["point_config"]


def point_config(
    dataset: xarray.Dataset, at: Mapping[str, Any] | None = None
) -> tuple[RunConfig, Selection]:
    """Configuration of a single film, or of a point of a sweep.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    at : mapping of str to value, optional
        Values of axes; by default their first ones.

    Returns
    -------
    config : RunConfig
    selection : Selection
        The point.

    Raises
    ------
    InputError
        If the file has no configuration or no such point.
    """
    file = str(dataset.encoding.get("source", "dataset"))
    if "config_toml" not in dataset.attrs:
        raise InputError("file", file, "holds no configuration; give the film's TOML file instead")
    config = check_config(tomllib.loads(dataset.attrs["config_toml"]), file)
    if not dataset["status"].dims:
        if at:
            raise InputError("at", next(iter(at)), "is for sweeps; this file holds a single film")
        return config, Selection(dataset, {}, {})
    point = select_points(dataset, [], at)
    grid = set(dataset["status"].dims)
    values = {
        parameter.name: parameter.kind(point.dataset[parameter.name].item())
        for parameter in parameters().values()
        if parameter.name in dataset and len(grid & set(dataset[parameter.name].dims)) == 1
    }
    if {"theta", "phi"} & set(values) and config.film.magnetization_angles_deg is None:
        # As in the sweep: the angle that is not swept is zero.
        film = config.film.model_copy(
            update={"magnetization_angles_deg": Angles(theta=0.0, phi=0.0)}
        )
        config = config.model_copy(update={"film": film})
    return apply_values(config, values), point
