"""Resistance of a film against an angle of the magnetization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from torkivity.figures.angular import angle_axis, angle_step
from torkivity.figures.quantities import RESISTANCE, Component, Quantity
from torkivity.figures.style import Coordinate, new_figure, panel_titles
from torkivity.figures.sweeps import draw_lines, families, lines_legend, set_title
from torkivity.results.selection import axis_name, select_points

if TYPE_CHECKING:
    import xarray

__all__ = ["magnetoresistance_figure"]


def magnetoresistance_figure(
    dataset: xarray.Dataset,
    x: str,
    *,
    by: str | None = None,
    at: Mapping[str, Any] | None = None,
    quantity: Quantity | None = None,
    title: str | None = None,
) -> Figure:
    """Magnetoresistance, and the planar and anomalous Hall effect, against an angle of m.

    Parameters
    ----------
    dataset : xarray.Dataset
        A sweep with ``quantities = ["in_plane"]``, as `torkivity.open_results` gives it.
    x : str
        Axis: the path of an angle of m, or "theta" or "phi".
    by : str, optional
        Axis of which every value has a line.
    at : mapping of str to value, optional
        Where other axes are held; by default at their first values.
    quantity : Quantity, optional
        Models and source; it shows the sheet resistance whatever its name.
    title : str, optional
        By default the film and where axes are held.

    Returns
    -------
    matplotlib.figure.Figure
        The change of the sheet resistance, and the transverse resistance, both over the sheet
        resistance at the angle nearest to 0.

    Raises
    ------
    InputError
        If `x` is no angle of m, or the file does not have what is asked for.
    """
    x, symbol = angle_axis(dataset, x)
    wanted = replace(quantity or Quantity(), name=RESISTANCE)
    chosen = select_points(dataset, [x, by] if by else [x], at)
    along, across = wanted.of(chosen.dataset)
    lines = families(chosen.dataset, axis_name(chosen.dataset, by) if by else None)
    place = Coordinate(chosen.dataset[x])
    nearest = int(np.argmin(abs(place.positions)))
    reference = {model: array.isel({x: nearest}) for model, array in along.values.items()}
    of = rf"$/R$({symbol} = {place.positions[nearest]:g}°)"
    shown = (
        _over(along, rf"$\Delta R${of}", reference, subtract=True),
        _over(across, rf"$R_\mathrm{{transverse}}${of}", reference),
    )
    figure, panels = new_figure(1, 2, 3.1)
    for panel, component in zip(panels, shown, strict=True):
        draw_lines(panel, component, place, lines)
        panel.xaxis.set_major_locator(MultipleLocator(angle_step(place)))
    panel_titles(panels, [component.title for component in shown])
    lines_legend(figure, shown[0], lines)
    set_title(figure, chosen, title, list(shown[0].values))
    return figure


def _over(
    component: Component,
    label: str,
    reference: Mapping[str, xarray.DataArray],
    subtract: bool = False,
) -> Component:
    """A resistance over that at the reference angle, or its change."""
    values = {}
    for model, array in component.values.items():
        ratio = (array - reference[model] if subtract else array) / reference[model]
        # What rounding leaves of a resistance that does not change.
        values[model] = ratio.where((abs(ratio) > 1e-13) | ratio.isnull(), 0.0).transpose(
            *array.dims
        )
    return Component(component.title, label, "1", values)
