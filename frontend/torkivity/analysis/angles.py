"""Direction of the magnetization at the points of a sweep, from the file alone."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    import xarray

__all__ = ["frame_length"]


def frame_length(dataset: xarray.Dataset) -> xarray.DataArray:
    """Length of m x y_p, y_p = z x E, at each point of a sweep.

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
    import xarray

    def angle(name: str) -> Any:
        held = name in dataset and set(dataset[name].dims) <= set(dataset["status"].dims)
        return np.radians(dataset[name] if held else _fixed(dataset, name))

    theta, phi, field = (angle(name) for name in ("theta", "phi", "field_direction_deg"))
    # Along y_p, m has the component sin(theta) sin(phi - phi_E).
    along = np.sin(theta) * np.sin(phi - field)
    return xarray.DataArray(np.sqrt(np.maximum(1.0 - along**2, 0.0)))


def _fixed(dataset: xarray.Dataset, name: str) -> float:
    """Angle in degrees that the sweep does not vary."""
    film = _film(dataset)
    if name == "field_direction_deg":
        return float(film.get(name, 0.0))
    angles = film.get("magnetization_angles_deg")
    if angles is not None:
        return float(angles[name])
    vector = film.get("magnetization", None)
    if vector is None:
        # Where one angle is swept and no other direction is given, the other is zero.
        return 0.0
    x, y, z = map(float, vector)
    radians = math.atan2(math.hypot(x, y), z) if name == "theta" else math.atan2(y, x)
    return math.degrees(radians)


def _film(dataset: xarray.Dataset) -> dict[str, Any]:
    """What the file says of the film as a whole."""
    for attribute in ("config_json", "physics_json"):
        stored = json.loads(dataset.attrs.get(attribute, "{}"))
        if isinstance(stored.get("film"), dict):
            return dict(stored["film"])
    raise InputError(
        "file",
        str(dataset.encoding.get("source", "dataset")),
        "does not say where m points, so that there are no angles to draw against",
    )
