"""Angles of the magnetization and of E at the points of a sweep, from the file alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    import xarray

__all__ = ["angle_path", "film_angle", "frame_length"]


def angle_path(dataset: xarray.Dataset, name: str, magnet: str | None = None) -> str | None:
    """Variable of the file that holds an angle at each point; None if it does not vary.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    name : {"theta", "phi", "field"}
        Polar angle or azimuth of m, or that of the field.
    magnet : str, optional
        Whose m; by default that of the first magnet.
    """
    if name == "field":
        path = "film.field_direction_deg"
        return path if path in dataset.variables else None
    end = f"magnetization.{name}_deg"
    owners = (magnet or _first_magnet(dataset), "film")
    return next((f"{o}.{end}" for o in owners if f"{o}.{end}" in dataset.variables), None)


def film_angle(dataset: xarray.Dataset, name: str, magnet: str | None = None) -> xarray.DataArray:
    """An angle at each point of a study.

    Parameters
    ----------
    dataset, name, magnet
        As in `angle_path`.

    Returns
    -------
    xarray.DataArray
        Degrees, over the axis that turns it if there is one.

    Raises
    ------
    InputError
        If the file does not tell.
    """
    import xarray

    path = angle_path(dataset, name, magnet)
    if path is not None:
        return dataset[path]
    known = json.loads(dataset.attrs.get("angles_json", "{}"))
    if name != "field":
        known = known.get("magnets", {}).get(magnet or _first_magnet(dataset), {})
    if name not in known:
        raise InputError(name, None, "is neither swept nor told by the file")
    return xarray.DataArray(float(known[name]))


def _first_magnet(dataset: xarray.Dataset) -> str:
    if "magnet" not in dataset.coords or not dataset.sizes["magnet"]:
        return ""
    return str(dataset["magnet"].values[0])


def frame_length(dataset: xarray.Dataset, magnet: str | None = None) -> xarray.DataArray:
    """Length of m x y_p, y_p = z x E, at each point of a sweep over angles of m.

    A torque T0 m x (m x y_p) or T0 m x y_p has the component T0 |m x y_p| along its unit
    vector: divided by this length, torques show what more there is in their dependence on m.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    magnet : str, optional
        Whose m; by default that of the first magnet.

    Returns
    -------
    xarray.DataArray
        Over the axes that turn m or E.

    Raises
    ------
    InputError
        If the file does not say where m points.
    """
    names = ("theta", "phi", "field")
    theta, phi, field = (np.radians(film_angle(dataset, name, magnet)) for name in names)
    # Along y_p, m has the component sin(theta) sin(phi - phi_E).
    along = np.sin(theta) * np.sin(phi - field)
    length: xarray.DataArray = np.maximum(1.0 - along**2, 0.0) ** 0.5
    return length
