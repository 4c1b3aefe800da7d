"""Profile intervals against chi-square minimised by brute force on grids."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from fit_cases import FITTED, RHO, microscopic, phenomenological_curves, synthetic
from torkivity.fit.data import Series, TorqueData
from torkivity.fit.fit import FitResult, ParameterSetting, fit_torques
from torkivity.fit.models import Conditions, Defaults, FitParameter
from torkivity.fit.phenomenological import PhenomenologicalModel
from torkivity.fit.profile import Interval
from torkivity.fit.report import fit_json, fit_report

pytest.importorskip("lmfit")

FloatArray = NDArray[np.float64]
WIDTHS = {0.6827: 1.00002, 0.95: 1.959964}


@dataclass(frozen=True)
class Case:
    """A curve theta * shape(l_sf, G), and bounds of l_sf and theta; G fixed or free up to 2."""

    thickness: tuple[float, ...]
    noise: float
    theta: float = 0.13
    length: float = 1.1
    conductance: float = math.inf
    free_conductance: bool = False
    lengths: tuple[float, float] = (0.05, 100.0)
    thetas: tuple[float, float] = (-100.0, 100.0)
    seed: int = 0


CASES = {
    "closed": Case((1, 2, 3, 4, 5, 6), 0.003),
    "closed, finite conductance": Case((1, 2, 3, 4, 5, 6), 0.003, conductance=0.6),
    "length open below": Case((6, 8, 10, 12), 0.01),
    "length open above": Case((0.2, 0.4, 0.6, 0.8), 0.004, length=2.0),
    "length open on both sides": Case((1, 3, 5), 0.2),
    "no torque at all": Case((1, 2, 3, 4, 5), 0.01, theta=0.0),
    "negative": Case((1, 2, 3, 4, 5), 0.004, theta=-0.2, seed=2),
    "length at its lower bound": Case((1, 2, 3, 4, 5, 6), 0.003, lengths=(1.6, 6.0)),
    "length at its upper bound": Case((1, 2, 3, 4, 5, 6), 0.003, lengths=(0.1, 0.8)),
    "angle at its upper bound": Case((1, 2, 3, 4, 5, 6), 0.003, thetas=(0.0, 0.11)),
    "angle at its lower bound": Case((1, 2, 3, 4, 5, 6), 0.003, thetas=(0.16, 0.5)),
    "conductance free": Case(
        (2, 3, 4, 5, 6), 0.004, 0.6, 1.2, 0.6, True, lengths=(0.3, 4.0), thetas=(0.0, 5.0)
    ),
    "conductance free, better data": Case(
        (1, 1.5, 2, 3, 4, 6, 9), 1e-3, 0.6, 1.2, 0.1, True, lengths=(0.3, 4.0), thetas=(0.0, 2.0)
    ),
}


def shapes(thickness: FloatArray, lengths: FloatArray, conductances: FloatArray) -> FloatArray:
    """Efficiency per spin Hall angle by hand, lengths x conductances x thickness."""
    x = thickness / lengths[:, None, None]
    absorbed = np.ones((len(lengths), len(conductances), len(thickness)))
    for i, conductance in enumerate(conductances):
        if math.isfinite(conductance):
            ratio = 2e-9 * lengths[:, None] * conductance * 1e15 * 2e-7
            absorbed[:, i] = ratio / (np.tanh(x[:, 0]) + ratio)
    with np.errstate(over="ignore"):
        return absorbed * (1.0 - 1.0 / np.cosh(x))


def data_of(case: Case) -> tuple[FloatArray, FloatArray]:
    thickness = np.array(case.thickness, dtype=float)
    shape = shapes(thickness, np.array([case.length]), np.array([case.conductance]))[0, 0]
    noise = case.noise * np.random.default_rng(case.seed).standard_normal(len(thickness))
    return thickness, case.theta * shape + noise


def fit(case: Case) -> FitResult:
    thickness, values = data_of(case)
    bar = np.full(len(thickness), case.noise)
    series = (Series("damping_like", "efficiency", values, bar, bar),)
    data = TorqueData("case", thickness, series, tuple(range(len(thickness))))
    low, high = case.thetas
    settings: dict[str, float | ParameterSetting] = {
        "spin_hall_angle": ParameterSetting(min(max(0.1, low), high), least=low, most=high),
        "spin_diffusion_length": ParameterSetting(
            min(max(1.5, case.lengths[0]), case.lengths[1]), True, *case.lengths
        ),
        "mixing_conductance_real": case.conductance,
    }
    if case.free_conductance:
        settings["mixing_conductance_real"] = ParameterSetting(0.6)
    return fit_torques(data, PhenomenologicalModel(), settings, measurement=RHO, outliers=False)


def brute_force(case: Case) -> dict[str, tuple[FloatArray, FloatArray]]:
    """For each parameter a grid and the least chi-square at each of its values."""
    thickness, y = data_of(case)
    many = not case.free_conductance
    lengths = np.geomspace(*case.lengths, 6001 if many else 500)
    conductances = np.array([case.conductance])
    if case.free_conductance:
        conductances = np.concatenate([[1e-6], np.geomspace(1e-3, 2.0, 500)])
    shape = shapes(thickness, lengths, conductances)
    # Chi-square is a parabola in the angle: a + b theta + c theta^2.
    a = y @ y / case.noise**2
    b = -2.0 * (shape @ y) / case.noise**2
    c = np.sum(shape**2, axis=2) / case.noise**2
    best = np.clip(-b / (2.0 * np.maximum(c, 1e-300)), *case.thetas)
    least = a + b * best + c * best**2
    reach = 8.0 * case.noise + 1.5 * np.abs(best[np.unravel_index(least.argmin(), least.shape)])
    edges = np.clip([-reach, reach], *case.thetas)
    thetas = np.union1d(np.linspace(*edges, 801 if many else 401), np.array(case.thetas))
    by_angle = np.array([(a + b * theta + c * theta**2).min() for theta in thetas])
    found = {
        "spin_diffusion_length": (lengths, least.min(axis=1)),
        "spin_hall_angle": (thetas, by_angle),
    }
    if case.free_conductance:
        found["mixing_conductance_real"] = (conductances, least.min(axis=0))
    return found


@pytest.mark.parametrize("name", CASES)
def test_intervals_are_where_chi_square_is_low(name: str) -> None:
    """The ends are grid steps apart at most; open is where the bound itself is not excluded."""
    case = CASES[name]
    result = fit(case)
    grids = brute_force(case)
    lowest = min(least.min() for _, least in grids.values())
    assert result.chi_square == pytest.approx(lowest, abs=0.02)
    for parameter, (grid, least) in grids.items():
        for level, width in WIDTHS.items():
            inside = np.flatnonzero(least - result.chi_square < width**2)
            interval = result[parameter].intervals[level]
            at_low, at_high = inside[0] == 0, inside[-1] == len(grid) - 1
            assert math.isinf(interval.low) == at_low, (parameter, level, interval)
            assert math.isinf(interval.high) == at_high, (parameter, level, interval)
            for end, place, step in ((interval.low, inside[0], -1), (interval.high, inside[-1], 1)):
                if math.isfinite(end):
                    # Between the last grid value inside and the first one outside, and a step.
                    near = grid[np.clip([place - 2 * step, place + 2 * step], 0, len(grid) - 1)]
                    assert near.min() <= end <= near.max(), (parameter, level, interval)
        narrow, wide = (result[parameter].intervals[level] for level in WIDTHS)
        assert wide.low <= narrow.low <= narrow.high <= wide.high


class Ripples:
    """A model with several minima: an amplitude times cos(k t), and k may be one of many."""

    name, answers, needs_resistivity = "ripples", ("torque",), False
    mesh_check = None
    parameters = (
        FitParameter("wavenumber", "1/nm", 1.1, varied=True, least=0.5, most=6.0),
        FitParameter("offset", "1", 0.0, varied=True),
    )
    alternatives = ()

    def defaults(self, task: object) -> Defaults:
        return Defaults()

    def check(self, limits: object) -> None:
        pass

    def answer(
        self, values: dict[str, float], where: Conditions, wanted: object
    ) -> dict[str, FloatArray]:
        y = np.cos(values["wavenumber"] * where.thickness) + values["offset"]
        return {"damping_like": y, "field_like": np.zeros_like(y)}

    def resistivity(self, values: object, where: Conditions) -> FloatArray:
        return np.full(len(where.thickness), 1.0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_interval_spans_all_minima_that_the_data_allow(seed: int) -> None:
    """Films of 1, 2, 3 nm cannot tell k from 2 pi - k."""
    thickness = np.arange(1.0, 4.0)
    bar = np.full(3, 0.1)
    noise = 0.1 * np.random.default_rng(seed).standard_normal(3)
    y = np.cos(1.1 * thickness) + 0.3 + noise
    data = TorqueData(
        "ripples",
        thickness,
        (Series("damping_like", "spin_torque_conductivity", y, bar, bar),),
        tuple(range(6)),
    )
    result = fit_torques(data, Ripples(), measurement=RHO, outliers=False)  # type: ignore[arg-type]
    grid = np.linspace(0.5, 6.0, 55001)
    waves = np.cos(grid[:, None] * thickness)
    rest = y - waves
    least = np.sum((rest - rest.mean(axis=1, keepdims=True)) ** 2, axis=1) / 0.1**2
    assert result.chi_square == pytest.approx(least.min(), abs=1e-3)
    for level, width in WIDTHS.items():
        inside = grid[least - least.min() < width**2]
        assert inside[0] < 1.2 < 5.0 < inside[-1]
        expected = (inside[0], inside[-1])
        assert result["wavenumber"].intervals[level] == pytest.approx(expected, abs=1e-3)


def test_best_value_at_a_bound_has_no_symmetric_error() -> None:
    result = fit(CASES["length at its lower bound"])
    length, angle = result["spin_diffusion_length"], result["spin_hall_angle"]
    assert length.at_bound
    assert length.value == pytest.approx(1.6, rel=1e-3)
    assert length.error is None
    # The error of the other is that of a line through the origin with the length held.
    case = CASES["length at its lower bound"]
    thickness, _ = data_of(case)
    shape = shapes(thickness, np.array([1.6]), np.array([math.inf]))[0, 0]
    assert angle.error == pytest.approx(case.noise / math.sqrt(shape @ shape), rel=1e-3)
    assert "at bound" in fit_report(result)
    entry = fit_json(result)["parameters"]["spin_diffusion_length"]
    assert (entry["error"], entry["at_bound"]) == (None, True)
    assert entry["intervals"]["0.95"][0] is None
    assert any("at its bound 1.6: it has no error" in note for note in result.warnings)


def test_start_at_a_bound_does_not_stay_there() -> None:
    """Both at the lower and at the upper bound, where transformations of bounds are flat."""
    data = synthetic(phenomenological_curves(), 2e3, np.random.default_rng(1))
    for start, least, most in ((0.5, 0.5, 8.0), (8.0, 0.5, 8.0)):
        length = ParameterSetting(start, least=least, most=most)
        settings = {**FITTED, "spin_diffusion_length": length}
        result = fit_torques(
            data, PhenomenologicalModel(), settings, measurement=RHO, profile=False
        )
        assert not result["spin_diffusion_length"].at_bound
        assert result["spin_diffusion_length"].value == pytest.approx(1.6, abs=0.2)


def test_the_kinetic_limit_is_said() -> None:
    """Data of a length just above the limit, too noisy to tell it from the limit."""
    model = microscopic()
    thickness = np.array([2.0, 3.0, 4.0, 6.0, 9.0])
    values = {p.name: p.start for p in model.parameters}
    values["spin_diffusion_length"] = limit = 1.01 * values["total_mean_free_path"]
    curves = model.torques(values | {"spin_diffusion_length": 1.01 * limit}, Conditions(thickness))
    noise = 0.1 * float(np.abs(curves[0]).max())
    data = synthetic(curves, noise, np.random.default_rng(1), thickness)
    fixed = {"rashba": values["rashba"], "spin_hall_angle": values["spin_hall_angle"]}
    result = fit_torques(data, model, fixed, outliers=False)
    low, high = result["spin_diffusion_length"].intervals[0.95]
    assert low == -math.inf
    assert limit < high < 10.0
    (note,) = (text for text in result.warnings if "do not limit" in text)
    assert "spin_diffusion_length from below" in note
    assert "the kinetic limit, 1.01 times total_mean_free_path" in note
    assert "  < " in fit_report(result)


def test_interval_as_text() -> None:
    inf = math.inf
    texts = [str(Interval(*ends)) for ends in ((1.0, 2.5), (-inf, 2.5), (1.0, inf), (-inf, inf))]
    assert texts == ["1 ... 2.5", "< 2.5", "> 1", "not determined"]
