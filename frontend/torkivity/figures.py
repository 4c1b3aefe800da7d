"""Figures. Drawn with matplotlib's object interface: no display, no global state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from torkivity.analysis.comparison import ThicknessCurves
from torkivity_engine.errors import InputError

__all__ = ["save_figure", "thickness_figure"]

# Dark to light, so that the order survives greyscale print; lines and markers differ as well.
_STYLES: dict[str, dict[str, object]] = {
    "boltzmann": {"label": "Boltzmann, Rashba", "color": "#1b3a6b", "linestyle": "-", "zorder": 3},
    "drift_diffusion_rashba": {
        "label": "drift-diffusion, Rashba",
        "color": "#c1440e",
        "linestyle": "none",
        "marker": "o",
        "markerfacecolor": "white",
        "markersize": 4.5,
    },
    "drift_diffusion_spin_hall": {
        "label": "drift-diffusion only, spin Hall",
        "color": "#5f9e8f",
        "linestyle": "--",
    },
}


def thickness_figure(curves: ThicknessCurves, title: str = "") -> Figure:
    """Damping-like and field-like torque against heavy-metal thickness, both models.

    Parameters
    ----------
    curves : ThicknessCurves
    title : str, optional
        Line above the panels.

    Returns
    -------
    matplotlib.figure.Figure
        7 inches wide, for two columns of a journal.

    Raises
    ------
    InputError
        If damping-like and field-like directions do not exist.
    """
    kinds = {"damping_like": "damping-like", "field_like": "field-like"}
    shown: dict[str, dict[str, NDArray[np.float64]]] = {
        kind: {prefix: curves.values[prefix][f"torque_total_{kind}"] * 1e-4 for prefix in _STYLES}
        for kind in kinds
    }
    if np.isnan(shown["damping_like"]["boltzmann"]).any():
        raise InputError(
            "figure",
            "damping-like and field-like torque",
            "these do not exist for m parallel to z x E, where all torques vanish by symmetry",
        )
    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    panels: list[Axes] = list(figure.subplots(1, 2))
    for letter, (kind, name), axes in zip("ab", kinds.items(), panels, strict=True):
        axes.axhline(0.0, color="0.6", linewidth=0.6, zorder=0)
        for prefix, style in _STYLES.items():
            axes.plot(curves.thickness, shown[kind][prefix], linewidth=1.5, **style)  # type: ignore[arg-type]
        axes.set_xlabel("heavy-metal thickness (nm)")
        axes.set_ylabel(
            f"{name} torque per $\\tilde{{E}}$\n" + r"($10^{4}\,\Omega^{-1}\,\mathrm{m}^{-1}$)"
        )
        axes.set_title(f"({letter})", loc="left", fontsize=9)
        axes.set_xlim(0.0, float(curves.thickness[-1]) * 1.03)
        axes.margins(y=0.08)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.tick_params(direction="in", top=True, right=True, labelsize=8)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_fontsize(9)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8.5)
    if title:
        figure.suptitle(title, fontsize=9.5)
    return figure


def save_figure(figure: Figure, path: Path, file_format: str) -> None:
    """Write a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : Path
        Any name: the format does not follow from it.
    file_format : str
        "png", "pdf" or "svg".
    """
    figure.savefig(path, format=file_format, dpi=300)
