"""Angles of the magnetization and of E at the points of a sweep, from the file alone."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np

from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    import xarray

__all__ = ["film_angle", "frame_length"]


def film_angle(dataset: xarray.Dataset, name: str) -> xarray.DataArray:
    """An angle of the sweep, or the one that the film in the file has.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    name : {"theta", "phi", "field_direction_deg"}

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

    if name in dataset.variables:
        return dataset[name]
    if "config_json" in dataset.attrs:
        film = json.loads(dataset.attrs["config_json"]).get("film")
    else:
        film = json.loads(dataset.attrs.get("physics_json", "{}")).get("film")
        if isinstance(film, dict):
            x, y, z = film["magnetization"]
            film["magnetization_angles_deg"] = {
                "theta": math.degrees(math.atan2(math.hypot(x, y), z)),
                "phi": math.degrees(math.atan2(y, x)),
            }
    if not isinstance(film, dict):
        raise InputError(name, None, "is neither swept nor told by the file")
    if name == "field_direction_deg":
        return xarray.DataArray(float(film[name]))
    # Without angles, or a vector in their place, a sweep over one of them starts at m = z.
    return xarray.DataArray(float(film.get("magnetization_angles_deg", {}).get(name, 0.0)))


def frame_length(dataset: xarray.Dataset) -> xarray.DataArray:
    """Length of m x y_p, y_p = z x E, at each point of a sweep over angles of m.

    A torque T0 m x (m x y_p) or T0 m x y_p has the component T0 |m x y_p| along its unit
    vector: divided by this length, torques show what more there is in their dependence on m.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.

    Returns
    -------
    xarray.DataArray
        Over the axes that turn m or E.

    Raises
    ------
    InputError
        If the file does not say where m points.
    """
    names = ("theta", "phi", "field_direction_deg")
    theta, phi, field = (np.radians(film_angle(dataset, name)) for name in names)
    # Along y_p, m has the component sin(theta) sin(phi - phi_E).
    along = np.sin(theta) * np.sin(phi - field)
    length: xarray.DataArray = np.maximum(1.0 - along**2, 0.0) ** 0.5
    return length
