"""Torques against an angle of the magnetization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from torkivity.figures.quantities import Component, Quantity
from torkivity.figures.style import Coordinate, new_figure, panel_titles
from torkivity.figures.sweeps import (
    NOISE,
    draw_lines,
    families,
    lines_legend,
    set_title,
    without_noise,
)
from torkivity.results.angles import angle_path, frame_length
from torkivity.results.selection import axis_name, select_points
from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    import xarray

__all__ = ["ANGLES", "angle_axis", "angle_step", "angular_figure"]

#: Axes that are angles of m, with their symbols.
ANGLES = {"theta": r"$\theta$", "phi": r"$\varphi$"}


def angular_figure(
    dataset: xarray.Dataset,
    x: str,
    *,
    by: str | None = None,
    at: Mapping[str, Any] | None = None,
    quantity: str | Quantity = "torque_total",
    title: str | None = None,
) -> Figure:
    """Damping-like and field-like torque against an angle of m, and what is anisotropic in them.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    x : str
        Axis: the path of an angle of m, or "theta" or "phi".
    by : str, optional
        Axis of which every value has a line.
    at : mapping of str to value, optional
        Where other axes are held; by default at their first values.
    quantity : str or Quantity, optional
        A torque, in the torque frame.
    title : str, optional
        By default the film and where axes are held.

    Returns
    -------
    matplotlib.figure.Figure
        Above the torques; below them divided by abs(m x y_p), as a ratio to that at the angle
        nearest to 0: one wherever the torque is T0 m x (m x y_p) or T0 m x y_p.

    Raises
    ------
    InputError
        If `x` is no angle of m, or the file does not have what is asked for.
    """
    x, symbol = angle_axis(dataset, x)
    wanted = quantity if isinstance(quantity, Quantity) else Quantity(quantity)
    chosen = select_points(dataset, [x, by] if by else [x], at)
    components = without_noise(replace(wanted, components="torque-frame").of(chosen.dataset))
    lines = families(chosen.dataset, axis_name(chosen.dataset, by) if by else None)
    along = Coordinate(chosen.dataset[x])
    length = frame_length(chosen.dataset)
    nearest = int(np.argmin(abs(along.positions)))
    label = f"relative to {symbol} = {along.positions[nearest]:g}°"
    figure, panels = new_figure(2, len(components), 5.2, sharex=True)
    below = panels[len(components) :]
    for upper, lower, component in zip(panels, below, components, strict=False):
        draw_lines(upper, component, along, lines)
        draw_lines(lower, _ratio(component, x, nearest, length, label), along, lines, zero=False)
        lower.axhline(1.0, color="0.6", linewidth=0.6, zorder=0)
        upper.set_xlabel("")
        lower.xaxis.set_major_locator(MultipleLocator(angle_step(along)))
    panel_titles(panels, [component.title for component in components] * 2)
    lines_legend(figure, components[0], lines)
    set_title(figure, chosen, title, list(components[0].values))
    return figure


def angle_axis(dataset: xarray.Dataset, x: str) -> tuple[str, str]:
    """Axis of a sweep that is an angle of m, and its symbol.

    Raises
    ------
    InputError
        If `x` is no angle of m.
    """
    symbol = ANGLES.get(x)
    if symbol is not None:
        x = angle_path(dataset, x) or x
    x = axis_name(dataset, x)
    for name, known in ANGLES.items():
        if x.endswith(f"magnetization.{name}_deg"):
            symbol = known
    if symbol is None:
        raise InputError("x", x, f"must be an angle of m, {' or '.join(ANGLES)}")
    return x, symbol


def _ratio(
    component: Component, x: str, nearest: int, length: xarray.DataArray, label: str
) -> Component:
    values = {}
    for model, array in component.values.items():
        bare = (array / length.where(length > 0.0)).transpose(*array.dims)
        reference = bare.isel({x: nearest})
        # No ratio to what vanishes by symmetry.
        reference = reference.where(abs(reference) > NOISE * abs(bare).max())
        values[model] = (bare / reference).transpose(*array.dims)
    return Component(component.title, f"torque$/|m\\times y_p|$\n{label}", "1", values)


def angle_step(along: Coordinate) -> float:
    """Degrees between ticks."""
    span = float(np.ptp(along.positions))
    return next((step for step in (5.0, 15.0, 30.0, 45.0) if span <= 6.0 * step), 90.0)
