"""Figures as matplotlib Figure objects, from results or from the files that hold them.

`sweep_figure`, `line_figure`, `map_figure`, `angular_figure`, `magnetoresistance_figure` and
`difference_figure` take the Dataset of a sweep as `torkivity.open_results` gives it,
`thickness_figure` that of a single film, `profile_figure` a film and its solution,
`fit_figure` a fit. `save_figure` writes any of them.
"""

from torkivity.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
