"""Currents, accumulation and torque density through a film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from torkivity_engine.profiles import DiffusionProfile, LayerProfile
from torkivity_engine.solution import BoltzmannSolution, DriftDiffusionSolution

__all__ = [
    "ProfilePanel",
    "face_heights",
    "profile_figure",
    "profile_panels",
    "profile_style",
]


_SPINS: dict[str, dict[str, Any]] = {
    "x": {"color": "#c1600e", "linestyle": "--", "linewidth": 1.3},
    "y": {"color": "#14305c", "linestyle": "-", "linewidth": 1.6},
    "z": {"color": "#5f9e8f", "linestyle": ":", "linewidth": 1.8},
}
_CHARGE: dict[str, Any] = {"color": "#000000", "linewidth": 1.6}


@dataclass(frozen=True, eq=False)
class ProfilePanel:
    """One of the plots over depth.

    Attributes
    ----------
    label : str
        Of the values, mathtext.
    units : str
    lines : dict of str to list of (ndarray, ndarray)
        Depths in nm and values, layer by layer, by spin component; by "" for what has none.
    """

    label: str
    units: str
    lines: dict[str, list[tuple[FloatArray, FloatArray]]]

    @property
    def spinless(self) -> bool:
        """Whether it is one line, of charge."""
        return "" in self.lines


def profile_style(spin: str) -> tuple[str, str]:
    """Colour and matplotlib line of a spin component, or of charge."""
    style = _SPINS.get(spin, _CHARGE)
    return str(style["color"]), str(style.get("linestyle", "-"))


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
    faces = face_heights(stack)
    figure, panels = new_figure(2, 2, 5.0, sharex=True)
    for axes, panel in zip(panels, profile_panels(stack, profiles), strict=True):
        exponent = power_of_ten(*(y for curves in panel.lines.values() for _, y in curves))
        for spin, curves in panel.lines.items():
            # One curve for each layer: nothing needs to be continuous at the interface.
            for z, y in curves:
                axes.plot(z, y / 10.0**exponent, **_SPINS.get(spin, _CHARGE))
        axes.set_ylabel(f"{panel.label}\n{unit_label(panel.units, exponent)}")
        if panel.spinless:
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    for axes in panels:
        _mark_layers(axes, stack, faces)
    for axes in panels[2:]:
        axes.set_xlabel("z (nm)")
    panel_titles(panels, [""] * len(panels), x=-0.16)  # names of layers begin at 0
    handles = [Line2D([], [], label=f"spin {name}", **style) for name, style in _SPINS.items()]
    legend_below(figure, handles, columns=3)
    if title:
        figure.suptitle(title, fontsize=9.5)
    return figure


def profile_panels(
    stack: Stack, profiles: Sequence[LayerProfile | DiffusionProfile]
) -> list[ProfilePanel]:
    """What is drawn of the profiles of all layers, from the bottom.

    Parameters
    ----------
    stack : Stack
    profiles : sequence of LayerProfile or DiffusionProfile

    Returns
    -------
    list of ProfilePanel
        Spin current, spin accumulation, charge current in the plane, torque density.
    """
    depths = [p.z + bottom for p, bottom in zip(profiles, face_heights(stack), strict=False)]
    along = stack.field_direction[:2]
    # One coefficient carries half of the charge current.
    charge = [2.0 * profile.in_plane_charge @ along for profile in profiles]
    torque = [
        p.torque_density if layer.magnetic else np.full_like(p.torque_density, np.nan)
        for p, layer in zip(profiles, stack.layers, strict=True)
    ]

    def by_spin(label: str, units: str, values: list[FloatArray]) -> ProfilePanel:
        lines = {
            spin: [(z, v[:, index]) for z, v in zip(depths, values, strict=True)]
            for index, spin in enumerate(_SPINS)
        }
        return ProfilePanel(f"{label} {PER_FIELD}", units, lines)

    return [
        by_spin("spin current along z", "1/(Ohm m)", [p.spin_current for p in profiles]),
        by_spin(
            "spin accumulation",
            profiles[0].accumulation_unit,
            [p.spin_accumulation for p in profiles],
        ),
        ProfilePanel(
            "charge current / field", "1/(Ohm m)", {"": list(zip(depths, charge, strict=True))}
        ),
        by_spin("torque density", "1/(Ohm m^2)", torque),
    ]


def face_heights(stack: Stack) -> FloatArray:
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
