"""From a result file back to the case of one of its points."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torkivity.config.text import check_config
from torkivity.results.selection import Selection, select_points, varied_values
from torkivity.study.case import Case
from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    import xarray

__all__ = ["point_case"]


def point_case(
    dataset: xarray.Dataset, at: Mapping[str, Any] | None = None
) -> tuple[Case, Selection]:
    """Case of a single film, or of a point of a sweep.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    at : mapping of str to value, optional
        Values of axes; by default their first ones.

    Returns
    -------
    case : Case
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
    case = Case.of(check_config(tomllib.loads(dataset.attrs["config_toml"]), file), Path(file))
    if dataset.attrs.get("kind") != "sweep":
        if at:
            raise InputError("at", next(iter(at)), "is for sweeps; this file holds a single film")
        return case, Selection(dataset, {}, {})
    point = select_points(dataset, [], at)
    known = case.parameters()
    values = {
        path: known[path].kind(value)
        for path, value in varied_values(point.dataset).items()
        if path in known
    }
    return case.varied(values), point
