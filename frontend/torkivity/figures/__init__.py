"""Figures as matplotlib Figure objects, from results or from the files that hold them.

`sweep_figure`, `line_figure`, `map_figure`, `angular_figure` and `difference_figure` take the
Dataset of a sweep as `torkivity.open_results` gives it, `thickness_figure` that of a single
film, `profile_figure` a film and its solution, `fit_figure` a fit. `save_figure` writes any of
them.
"""

from __future__ import annotations

from torkivity.figures.angular import angular_figure
from torkivity.figures.convergence import convergence_figure
from torkivity.figures.differences import difference_figure
from torkivity.figures.fits import fit_figure
from torkivity.figures.profiles import profile_figure
from torkivity.figures.style import save_figure
from torkivity.figures.sweeps import line_figure, map_figure, sweep_figure
from torkivity.figures.thickness import thickness_figure

__all__ = [
    "angular_figure",
    "convergence_figure",
    "difference_figure",
    "fit_figure",
    "line_figure",
    "map_figure",
    "profile_figure",
    "save_figure",
    "sweep_figure",
    "thickness_figure",
]
