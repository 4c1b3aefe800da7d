"""T0, T2, T4 of measured torques."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from torkivity import AnisotropyExpansion, InputError
from torkivity.fit.data import Series, TorqueData
from torkivity.fit.measured_anisotropy import anisotropy_of_data
from torkivity_engine.anisotropy import magnetization_directions
from torkivity_engine.measured_anisotropy import expand_measured
from torkivity_engine.spin import torque_frame

pytest.importorskip("pint")

THETA, PHI = (
    grid.ravel() for grid in np.meshgrid(np.linspace(5.0, 85.0, 7), [0.0, 40.0, 90.0, 160.0])
)
D, F = np.array([2.0, 0.3, -0.2]), np.array([-1.5, 0.5, 0.4])
GARELLO = AnisotropyExpansion(
    *("garello", D, F, np.array([2.0, 0, 0]), np.array([-1.5, 0, 0])), np.zeros((0, 3)), 0.0
)
GENERAL = AnisotropyExpansion(
    *("general", D, F, np.array([2.0, 0.1, 0.6]), np.array([-1.5, -0.2, 0.3])),
    *(np.zeros((0, 3)), 0.0),
)


def components(expansion: AnisotropyExpansion) -> dict[str, np.ndarray]:
    """Along the unit vectors of the torque frame, as the engine has it."""
    torque = expansion.torque(THETA, PHI)
    field = np.array([1.0, 0.0, 0.0])
    frames = [torque_frame(m, field) for m in magnetization_directions(THETA, PHI)]
    along = {
        kind: np.array([row @ frame[i] for row, frame in zip(torque, frames, strict=True)])
        for i, kind in enumerate(("damping_like", "field_like"))
    }
    assert np.abs(sum(v**2 for v in along.values()) - (torque**2).sum(axis=1)).max() < 1e-12
    return along


def test_what_was_put_in_comes_out() -> None:
    for expansion in (GARELLO, GENERAL):
        measured = {kind: (y, None) for kind, y in components(expansion).items()}
        found = expand_measured(THETA, PHI, measured, form=expansion.form)
        expected = [
            getattr(expansion, f"{kind}_polar" if polar else kind)[power // 2]
            for kind, polar, power in found.names
        ]
        np.testing.assert_allclose(found.values, expected, atol=1e-10)
        assert len(found.names) == (6 if expansion is GARELLO else 10)
        assert found.chi_square < 1e-20
        assert found.errors.max() < 1e-10


def test_errors_cover_the_truth() -> None:
    rng = np.random.default_rng(8)
    truth = np.concatenate([D, F])
    inside = np.zeros(6)
    for error_bars in (True, False):
        for _ in range(100):
            bars = 0.02 * rng.uniform(0.5, 1.5, (2, len(THETA))) if error_bars else 0.02
            noise = bars * rng.standard_normal((2, len(THETA)))
            measured = {
                kind: (y + noise[i], bars[i] if error_bars else None)  # type: ignore[index]
                for i, (kind, y) in enumerate(components(GARELLO).items())
            }
            found = expand_measured(THETA, PHI, measured)
            inside += np.abs(found.values - truth) < found.errors
    # 200 draws: 136.5 +- 6.6.
    assert np.all(np.abs(inside - 136.5) < 20.0), inside


def test_one_component_alone() -> None:
    """In the planes of the field and across it nothing of the other torque is seen."""
    plane = np.isin(PHI, (0.0, 90.0))
    y = np.where(plane, components(GARELLO)["damping_like"], np.nan)
    found = expand_measured(THETA[plane], PHI[plane], {"damping_like": (y[plane], None)})
    assert {name[0] for name in found.names} == {"damping_like"}
    np.testing.assert_allclose(found.values, D, atol=1e-10)
    # Elsewhere the anisotropy of the other one is, but not its T0.
    found = expand_measured(
        THETA, PHI, {"damping_like": (components(GARELLO)["damping_like"], None)}
    )
    assert ("field_like", False, 0) not in found.names
    np.testing.assert_allclose(found.values, [*D, *F[1:]], atol=1e-10)


def test_bad_measurements() -> None:
    y = np.ones(3)
    for theta, phi, measured, expected in (
        ([10, 20, 30], [0, 0, 0], {"damping_like": (y[:3], [0.1, 0.0, 0.1])}, "must be positive"),
        ([10, 10, 10], [0, 0, 0], {"damping_like": (y, None)}, "determine 1 of 3 coefficients"),
        ([10, 20], [0, 0], {"damping_like": (y[:2], None)}, "are too few for 3 coefficients"),
        ([90, 20, 30], [90, 0, 0], {"damping_like": (y, None)}, "along y_p"),
    ):
        with pytest.raises(InputError, match=expected):
            expand_measured(theta, phi, measured)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="of one torque only"):
        expand_measured([10, 20, 30], 0.0, {"damping_like": (y, y), "field_like": (y, None)})


def test_films_are_expanded_one_by_one_and_coefficients_of_vectors_converted() -> None:
    along = components(GARELLO)
    m = magnetization_directions(THETA, PHI)
    share = np.sqrt(1.0 - m[:, 1] ** 2)
    y = np.concatenate([along["damping_like"] / share, 2.0 * along["damping_like"] / share])
    f = np.concatenate([along["field_like"] / share, 2.0 * along["field_like"] / share])
    thickness = np.repeat([3.0, 5.0], len(THETA))
    data = TorqueData(
        *("two", thickness),
        (Series("damping_like", "efficiency", y), Series("field_like", "efficiency", f)),
        *(tuple(range(len(y))), np.tile(THETA, 2), np.tile(PHI, 2)),
    )
    thin, thick = anisotropy_of_data(data, vector_coefficients=True)
    assert (thin.thickness, thick.thickness) == (3.0, 5.0)
    np.testing.assert_allclose(thin.expansion.values, [*D, *F], atol=1e-10)
    np.testing.assert_allclose(thick.expansion.values, [*(2 * D), *(2 * F)], atol=1e-10)
    assert thin.rows()[1][6] == pytest.approx(0.15)  # T2 / T0


DATA = """theta [deg],phi [deg],damping_like [mT/(1e11 A/m^2)],damping_like_error [mT/(1e11 A/m^2)]
{rows}
"""


def test_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[..., tuple[int, str, str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    plane = np.isin(PHI, (0.0, 90.0))
    y = components(GARELLO)["damping_like"]
    rows = [f"{t},{p},{v},0.02" for t, p, v in zip(THETA[plane], PHI[plane], y[plane], strict=True)]
    Path("angles.csv").write_text(DATA.format(rows="\n".join(rows)))
    status, text, _ = call("anisotropy", "angles.csv", "-o", "out.csv")
    assert status == 0
    assert "[mT/(1e11 A/m^2)]; form garello; 14 points, 11 degrees of freedom" in text
    table = list(csv.reader(Path("out.csv").read_text().splitlines()))
    assert table[0][4] == "value [mT/(1e11 A/m^2)]"
    assert [row[3] for row in table[1:]] == ["T0", "T2", "T4"]
    np.testing.assert_allclose([float(row[4]) for row in table[1:]], D, atol=1e-9)
    errors = [float(row[5]) for row in table[1:]]
    assert 0.005 < errors[0] < 0.02 < errors[1]
    for more, expected in (
        (("--model", "boltzmann"), "--model is for sweeps"),
        (("-o", "a.h5"), "the ending must be .csv"),
        (("--order", "3"), "must be an even number"),
        (("--config", "none.toml"), "none.toml"),
    ):
        status, _, said = call("anisotropy", "angles.csv", *more)
        assert status == 2
        assert expected in said
    Path("bad.csv").write_text("theta [deg],damping_like [furlong]\n1,2\n")
    status, _, said = call("anisotropy", "bad.csv")
    assert (status, said.count("\n")) == (2, 1)
    assert "line 1, column 'damping_like [furlong]': unit = 'furlong': is not understood" in said
