"""Errors of meshes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from torkivity_engine.mesh_errors import Convergence, Refinement

__all__ = ["ERROR_LABEL", "LEAST_ERROR", "SERIES", "SIZE_LABEL", "convergence_figure"]

#: Label, name in `Convergence`, which of the sizes, colour, marker, line.
SERIES = (
    ("polar alone", "polar", 0, "#1b3a6b", "o", "-"),
    ("azimuthal alone", "azimuthal", 1, "#c1440e", "s", "--"),
    ("both together", "together", 0, "#5f9e8f", "^", ":"),
)
SIZE_LABEL = "polar angles per hemisphere, or azimuths"
ERROR_LABEL = "error / largest torque component"
#: What is exactly the extrapolated value has no place on a logarithmic axis.
LEAST_ERROR = 1e-16


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
    for label, name, index, color, marker, line in SERIES:
        refinement: Refinement = getattr(result, name)
        sizes = [size[index] for size in refinement.sizes]
        error = np.maximum(refinement.error, LEAST_ERROR)
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
    axes.set_xlabel(SIZE_LABEL)
    axes.set_ylabel(ERROR_LABEL)
    axes.tick_params(direction="in", top=True, right=True, labelsize=8)
    axes.legend(frameon=False, fontsize=8.5)
    if title:
        axes.set_title(title, fontsize=9.5)
    return figure
