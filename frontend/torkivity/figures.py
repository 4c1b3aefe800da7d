"""Figures. Drawn with matplotlib's object interface: no display, no global state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from torkivity.analysis.comparison import ThicknessCurves
from torkivity.analysis.convergence import Convergence
from torkivity_engine.errors import InputError

__all__ = ["convergence_figure", "save_figure", "thickness_figure"]

# Sources differ in colour and lightness, models in line and marker, so grey print is enough.
_SOURCES = {"rashba": ("Rashba", "#14305c"), "spin_hall": ("spin Hall", "#d9822b")}
_MODELS: dict[str, tuple[str, dict[str, object]]] = {
    "boltzmann": ("Boltzmann", {"linestyle": "-", "linewidth": 1.6}),
    "drift_diffusion": (
        "drift-diffusion",
        {"linestyle": "none", "marker": "o", "markerfacecolor": "white", "markersize": 4.2},
    ),
    "boundary_layer": (
        "boundary-layer formula",
        {"linestyle": "none", "marker": "x", "markersize": 3.6, "markeredgewidth": 1.0},
    ),
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
    prefixes = {
        f"{model}_{source}": (model, source)
        for source in _SOURCES
        for model in _MODELS
        if f"{model}_{source}" in curves.values
    }
    shown: dict[str, dict[str, NDArray[np.float64]]] = {
        kind: {prefix: curves.values[prefix][f"torque_total_{kind}"] * 1e-4 for prefix in prefixes}
        for kind in kinds
    }
    if np.isnan(shown["damping_like"]["boltzmann_rashba"]).any():
        raise InputError(
            "figure",
            "damping-like and field-like torque",
            "these do not exist for m parallel to z x E, where all torques vanish by symmetry",
        )
    figure = Figure(figsize=(7.0, 3.5), layout="constrained")
    panels: list[Axes] = list(figure.subplots(1, 2))
    for letter, (kind, name), axes in zip("ab", kinds.items(), panels, strict=True):
        axes.axhline(0.0, color="0.6", linewidth=0.6, zorder=0)
        for prefix, (model, source) in prefixes.items():
            (model_name, style), (source_name, colour) = _MODELS[model], _SOURCES[source]
            axes.plot(
                curves.thickness,
                shown[kind][prefix],
                color=colour,
                label=f"{model_name}, {source_name}",
                **style,  # type: ignore[arg-type]
            )
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
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
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


def convergence_figure(result: Convergence, title: str = "") -> Figure:
    """Estimated error against the size of the mesh, polar and azimuthal apart and together.

    Parameters
    ----------
    result : Convergence
    title : str, optional
        Line above the panel.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(4.2, 3.4), layout="constrained")
    axes: Axes = figure.subplots()
    for label, refinement, index, color, marker, line in (
        ("polar alone", result.polar, 0, "#1b3a6b", "o", "-"),
        ("azimuthal alone", result.azimuthal, 1, "#c1440e", "s", "--"),
        ("both together", result.together, 0, "#5f9e8f", "^", ":"),
    ):
        sizes = [size[index] for size in refinement.sizes]
        # What is exactly the extrapolated value has no place on a logarithmic axis.
        error = np.maximum(refinement.error, 1e-16)
        axes.loglog(
            sizes, error, line, color=color, marker=marker, markersize=4, linewidth=1.4, label=label
        )
    axes.axhline(result.tolerance, color="0.5", linewidth=0.8, linestyle="-.")
    axes.annotate(
        f"tolerance {result.tolerance:g}",
        (1.0, result.tolerance),
        xycoords=("axes fraction", "data"),
        xytext=(-4, 3),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        color="0.35",
    )
    ticks = sorted(
        {size for r in (result.polar, result.azimuthal) for pair in r.sizes for size in pair}
    )
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("polar angles per hemisphere, or azimuths")
    axes.set_ylabel("error / largest torque component")
    axes.tick_params(direction="in", top=True, right=True, labelsize=8)
    axes.legend(frameon=False, fontsize=8.5)
    if title:
        axes.set_title(title, fontsize=9.5)
    return figure
