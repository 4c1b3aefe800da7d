"""Currents, accumulation and torque density through a film."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from torkivity.figures.style import (
    PER_FIELD,
    legend_below,
    new_figure,
    panel_titles,
    power_of_ten,
    unit_label,
)
from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.solution import BoltzmannSolution, DriftDiffusionSolution

__all__ = ["profile_figure"]


_SPINS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("x", {"color": "#c1600e", "linestyle": "--", "linewidth": 1.3}),
    ("y", {"color": "#14305c", "linestyle": "-", "linewidth": 1.6}),
    ("z", {"color": "#5f9e8f", "linestyle": ":", "linewidth": 1.8}),
)


def profile_figure(
    film: Bilayer | Stack,
    solution: BoltzmannSolution | DriftDiffusionSolution,
    *,
    title: str = "",
) -> Figure:
    """Spin current, spin accumulation, charge current and torque density against depth.

    Parameters
    ----------
    film : Bilayer or Stack
    solution : BoltzmannSolution or DriftDiffusionSolution
        Of this film.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
        Four panels over z, the first magnetic interface at 0. The charge current is that of
        both spins along E, so that far from all faces it is the conductivity.
    """
    stack = as_stack(film)
    profiles = [solution.profile(layer) for layer in range(len(stack.layers))]
    faces = _faces(stack)
    depths = [p.z + bottom for p, bottom in zip(profiles, faces, strict=False)]
    along = stack.field_direction[:2]
    # One coefficient carries half of the charge current.
    charge = [2.0 * profile.in_plane_charge @ along for profile in profiles]
    torque = [
        p.torque_density if layer.magnetic else np.full_like(p.torque_density, np.nan)
        for p, layer in zip(profiles, stack.layers, strict=True)
    ]
    vectors = (
        ("spin current along z", "1/(Ohm m)", [p.spin_current for p in profiles]),
        (
            "spin accumulation",
            profiles[0].accumulation_unit,
            [p.spin_accumulation for p in profiles],
        ),
        ("torque density", "1/(Ohm m^2)", torque),
    )
    figure, panels = new_figure(2, 2, 5.0, sharex=True)
    places = (panels[0], panels[1], panels[3])
    for axes, (label, units, values) in zip(places, vectors, strict=True):
        exponent = power_of_ten(*values)
        for index, (_, style) in enumerate(_SPINS):
            _draw(axes, depths, [v[:, index] / 10.0**exponent for v in values], style)
        axes.set_ylabel(f"{label} {PER_FIELD}\n{unit_label(units, exponent)}")
    exponent = power_of_ten(*charge)
    black = {"color": "black", "linewidth": 1.6}
    _draw(panels[2], depths, [c / 10.0**exponent for c in charge], black)
    panels[2].set_ylabel(f"charge current / field\n{unit_label('1/(Ohm m)', exponent)}")
    panels[2].set_ylim(bottom=min(0.0, panels[2].get_ylim()[0]))
    for axes in panels:
        _mark_layers(axes, stack, faces)
    for axes in panels[2:]:
        axes.set_xlabel("z (nm)")
    panel_titles(panels, [""] * len(panels), x=-0.16)  # names of layers begin at 0
    legend_below(
        figure, [Line2D([], [], label=f"spin {name}", **style) for name, style in _SPINS], columns=3
    )
    if title:
        figure.suptitle(title, fontsize=9.5)
    return figure


def _draw(
    axes: Axes, depths: list[FloatArray], values: list[FloatArray], style: dict[str, Any]
) -> None:
    """One curve for each layer: nothing needs to be continuous at the interface."""
    for z, curve in zip(depths, values, strict=True):
        axes.plot(z, curve, **style)


def _faces(stack: Stack) -> FloatArray:
    """Heights of all faces from the bottom, the reference interface at 0, nm."""
    heights = np.concatenate([[0.0], np.cumsum([layer.thickness for layer in stack.layers])])
    return np.asarray(heights - heights[stack.reference_interface + 1])


def _mark_layers(axes: Axes, stack: Stack, faces: FloatArray) -> None:
    """Magnets shaded, interfaces as lines, names above."""
    axes.axhline(0.0, color="0.7", linewidth=0.6, zorder=0)
    axes.set_xlim(faces[0], faces[-1])
    total = faces[-1] - faces[0]
    for name, layer, bottom, top in zip(stack.names, stack.layers, faces, faces[1:], strict=False):
        if layer.magnetic:
            axes.axvspan(bottom, top, color="0.93", zorder=-1, linewidth=0.0)
        if top < faces[-1]:
            axes.axvline(top, color="0.35", linewidth=0.9, zorder=1)
        # A name that is wider than its layer stands upright.
        narrow = (top - bottom) / total < 0.025 * len(name)
        axes.annotate(
            name,
            (0.5 * (bottom + top), 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            rotation=90.0 if narrow else 0.0,
            fontsize=8,
        )
