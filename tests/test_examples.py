"""The examples run as they stand, draw with labels, and what their texts say is so."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest

from doc_blocks import ROOT

EXAMPLES = {path.stem: path for path in (ROOT / "scripts" / "examples").glob("*.py")}


@pytest.fixture
def shown() -> Iterator[list[Any]]:
    """What an example shows, as axes; nothing is kept of it."""
    before = matplotlib.get_backend()
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    axes: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plt, "show", lambda: axes.extend(plt.gcf().axes))
        yield axes
    plt.close("all")
    matplotlib.use(before)


def curves(axes: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.asarray(x.get_xdata()), np.asarray(x.get_ydata())) for x in axes.lines]


def check_torque_thickness(names: dict[str, Any], axes: list[Any]) -> None:
    (t, hall), (_, hall_model), (_, rashba), (_, rashba_model) = curves(axes[0])
    final = np.array([hall[-1], rashba[-1]])
    late = np.array([np.interp(4.0, t, hall), np.interp(4.0, t, rashba)])
    assert late[0] < 0.8 * final[0]
    assert late[1] == pytest.approx(final[1], rel=0.05)
    assert not np.allclose(hall, hall_model, rtol=0.2)
    assert np.allclose(rashba[5:], rashba_model[5:], rtol=0.05)


def check_torque_angle(names: dict[str, Any], axes: list[Any]) -> None:
    for panel in axes:
        weak, *_, strong = (np.abs(ratio - 1.0).max() for _, ratio in curves(panel))
        assert weak < 0.01
        assert strong > 0.1


def check_profile_through_film(names: dict[str, Any], axes: list[Any]) -> None:
    solution = names["solution"]
    jump = solution.spin_current_minus - solution.spin_current_plus
    parts = solution.torque_interface + solution.torque_lattice
    scale = np.abs(jump).max()
    # The two are transverse; the jump of the third component is zero as m is along z.
    assert np.abs((jump - parts)[:2]).max() < 1e-9 * scale
    (x, _), *_ = curves(axes[0])
    assert (x.min(), x.max()) == (-10.0, 0.0)
    # Deep in the platinum, far from both faces, spins flow along y: what the spin Hall effect does.
    current = solution.profile(0, [5.0]).spin_current[0]
    assert abs(current[1]) > 5 * max(abs(current[0]), abs(current[2]))


def check_where_drift_diffusion_holds(names: dict[str, Any], axes: list[Any]) -> None:
    errors = names["errors"]
    assert errors.min() < -10
    assert errors.max() > 2
    assert axes[0].collections[0].get_clim() == (-names["largest"], names["largest"])


def check_two_heavy_metals(names: dict[str, Any], axes: list[Any]) -> None:
    total = names["parts"].sum(axis=1)
    alone = np.interp(0.0, names["angles"], total)
    assert alone > 0
    assert np.all(total[names["angles"] < -0.01] > alone)
    *_, (_, drawn), _ = curves(axes[0])
    assert np.array_equal(drawn, total)


def test_every_example_is_checked() -> None:
    assert {f"check_{name}" for name in EXAMPLES} == {x for x in globals() if x.startswith("check")}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_example(name: str, shown: list[Any]) -> None:
    names = runpy.run_path(str(EXAMPLES[name]))
    assert shown
    for axes in shown:
        assert axes.get_ylabel() or axes.get_title() or axes.get_xlabel()
        for x, y in curves(axes):
            assert np.all(np.isfinite(x))
            assert np.all(np.isfinite(y))
    assert shown[0].get_xlabel()
    assert shown[0].get_ylabel()
    globals()[f"check_{name}"](names, shown)
