"""Labels of contours do not lie over one another."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import xarray
from matplotlib.axes import Axes

from torkivity.figures import sweeps
from torkivity.figures.style import new_figure
from torkivity.figures.sweeps import draw_map

STEEPNESS = [2.0, 10.0, 60.0]


def overlaps(steepness: float) -> tuple[int, int]:
    """Number of labels, and of pairs that overlap once everything is drawn."""
    figure, panels = new_figure(1, 2, 3.1)
    along = np.linspace(0.0, 1.0, 40)
    values = np.outer(1.0 + 0.2 * along, 100.0 * np.tanh(steepness * along))
    axis = sweeps.Coordinate(xarray.DataArray(along, dims="a", name="a"))
    for panel in panels:
        draw_map(panel, axis, axis, values, label="v")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in panels[0].texts]
    return len(boxes), sum(one.overlaps(other) for one, other in combinations(boxes, 2))


@pytest.mark.parametrize("steepness", STEEPNESS)
def test_labels_keep_apart(steepness: float) -> None:
    number, overlapping = overlaps(steepness)
    assert number >= 1
    assert overlapping == 0


def test_they_would_not_of_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    def plainly(axes: Axes, lines: object) -> None:
        axes.clabel(lines, fontsize=6.5)  # type: ignore[arg-type]

    monkeypatch.setattr(sweeps, "_label_contours", plainly)
    assert max(overlaps(steepness)[1] for steepness in STEEPNESS) > 0
