"""What is fitted where little is asked, which points are, and what is said of it."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from itertools import count

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.constants import e, h

from fit_cases import FITTED, RHO, THICKNESS, TRUTH, phenomenological_curves, synthetic, two_phases
from torkivity import InputError
from torkivity.fit.choose import points_where, without_lines
from torkivity.fit.data import Series, TorqueData
from torkivity.fit.fit import FitResult, ParameterSetting, fit_torques
from torkivity.fit.models import Conditions
from torkivity.fit.outliers import find_outliers
from torkivity.fit.phenomenological import PhenomenologicalModel
from torkivity.fit.problem import FitProblem
from torkivity.fit.progress import FitProgress
from torkivity.fit.request import check_formulas
from torkivity.fit.settings import asked_parameters

pytest.importorskip("lmfit")

FloatArray = NDArray[np.float64]

fit = partial(fit_torques, model=PhenomenologicalModel(), measurement=RHO, profile=False)


def curves(seed: int = 1) -> TorqueData:
    return synthetic(phenomenological_curves(), 2e3, np.random.default_rng(seed))


def part(data: TorqueData, component: str) -> TorqueData:
    return replace(data, series=tuple(s for s in data.series if s.component == component))


def fitted(result: FitResult) -> set[str]:
    return {entry.name for entry in result.parameters if entry.varied}


def test_one_damping_like_curve_gives_an_effective_angle_and_a_length() -> None:
    truth = {**TRUTH, "mixing_conductance_real": 0.05, "mixing_conductance_imag": 0.0}
    data = part(
        synthetic(phenomenological_curves(truth), 5e2, np.random.default_rng(0)), "damping_like"
    )
    result = fit(data)
    assert fitted(result) == {"spin_hall_angle", "spin_diffusion_length"}
    assert result["mixing_conductance_real"].value == math.inf
    (note,) = result.remarks
    assert "perfect sink" in note
    assert "raises it" in note
    # By hand: what a thick film shows, theta G~/(1 + G~), with theta = sigma_SH rho = 0.04.
    ratio = 2.0 * 1.6e-9 * 0.05e15 * 2e-7
    effective = result["spin_hall_angle"]
    assert effective.error is not None
    assert effective.value == pytest.approx(0.04 * ratio / (1.0 + ratio), rel=0.1)
    assert effective.error < 0.1 * effective.value


def test_perfect_sink_is_the_limit_of_a_large_conductance() -> None:
    where = Conditions(THICKNESS, np.full(14, 2e-7))
    model = PhenomenologicalModel()
    ends = [
        model.torques({**TRUTH, "mixing_conductance_real": value}, where)[0]
        for value in (1e9, math.inf)
    ]
    np.testing.assert_allclose(*ends, rtol=1e-6)
    np.testing.assert_allclose(ends[1], 2e5 * (1.0 - 1.0 / np.cosh(THICKNESS / 1.6)))


def test_a_conductance_that_is_asked_for_is_used() -> None:
    data = part(curves(), "damping_like")
    assert fitted(fit(data, parameters={"mixing_conductance_real": 0.6})) == {
        "spin_hall_conductivity",
        "spin_diffusion_length",
    }
    asked = {"spin_hall_conductivity": ParameterSetting()}
    assert fitted(fit(data, parameters=asked)) == {*asked, "spin_diffusion_length"}


def test_field_like_torques_get_a_parameter_of_their_own() -> None:
    result = fit(curves())
    assert fitted(result) >= {"spin_hall_angle", "lattice_torque_field_like"}
    models = {p.component: p.model for p in result.points}
    assert models["field_like"] != 0.0
    alone = fit(part(curves(), "field_like"))
    assert fitted(alone) == {"spin_diffusion_length", "interface_current_field_like"}
    assert any("mixing_conductance_real is assumed" in note for note in alone.remarks)
    # Another parameter that acts on it takes its place.
    chosen = fit(curves(), parameters={"mixing_conductance_imag": ParameterSetting(0.1)})
    assert "lattice_torque_field_like" not in fitted(chosen)


def test_what_would_help_is_named() -> None:
    without = {"lattice_torque_field_like": 0.0, "mixing_conductance_real": 0.6}
    (note,) = (text for text in fit(curves(), parameters=without).warnings if "model of" in text)
    assert note == (
        "the model of field_like is zero: no fitted parameter acts on it; fit one of "
        "mixing_conductance_imag, interface_current_field_like, lattice_torque_field_like"
    )
    # Each of them indeed makes it depend on something.
    for name in ("mixing_conductance_imag", "interface_current_field_like"):
        helped = fit(curves(), parameters={**without, name: ParameterSetting(0.1)})
        assert not any("model of" in text for text in helped.warnings)


@pytest.mark.parametrize(
    ("formulas", "chain"),
    [
        ({"a": "b", "b": "a"}, "a needs b needs a"),
        ({"a": "2 * a"}, "a needs a"),
        ({"a": "b + 1", "b": "c", "c": "sqrt(a)"}, "a needs b needs c needs a"),
    ],
)
def test_formulas_in_a_circle(formulas: dict[str, str], chain: str) -> None:
    with pytest.raises(InputError, match=f"must not lead back to itself: {chain}$"):
        check_formulas(formulas, "abc")


def test_formulas_without_a_circle() -> None:
    check_formulas({"a": "b * c", "b": "c", "d": "a - b"}, "abcd")
    with pytest.raises(InputError, match="must be a formula of a, b"):
        check_formulas({"a": "b +"}, "ab")
    circle = {
        "mixing_conductance_real": ParameterSetting(expression="mixing_conductance_imag"),
        "mixing_conductance_imag": ParameterSetting(expression="mixing_conductance_real"),
    }
    with pytest.raises(InputError, match="must not lead back to itself"):
        fit(curves(), parameters=circle)


def test_options_that_contradict_each_other() -> None:
    assert asked_parameters(["a = 1"], ["b=2:0:3"]) == {
        "a": 1.0,
        "b": ParameterSetting(2.0, True, 0.0, 3.0),
    }
    for fix, vary in ((["a=1", "a=2"], []), (["a=1"], ["a"]), ([], ["a", "a=1"])):
        with pytest.raises(InputError, match="must not speak of a twice"):
            asked_parameters(fix, vary)
    for text in ("a", "=1", "a=", "a=x"):
        with pytest.raises(InputError, match="must be NAME=VALUE with a number"):
            asked_parameters([text], [])


def test_points_are_chosen_by_place_and_by_line() -> None:
    data = curves()
    thin = points_where(data, "t < 4")
    assert thin.thickness.max() < 4.0
    assert len(thin.thickness) == np.sum(THICKNESS < 4.0)
    assert len(thin.lines) == len(thin.series[1].values) == len(thin.thickness)
    np.testing.assert_array_equal(thin.series[0].values, data.series[0].values[THICKNESS < 4.0])
    (rest,) = without_lines([data], "2,4-6")
    assert rest.lines == (3, *range(7, 16))
    other = replace(data, name="other")
    assert without_lines([data, other], "other:3")[1].lines == (2, *range(4, 16))
    for text, message in (
        ("t <", "must be like 't < 4'"),
        ("rho < 4", "must be like 't < 4'"),
        ("theta > 4", "asks for theta, which synthetic does not have"),
        ("t > 40", "leaves nothing of synthetic"),
    ):
        with pytest.raises(InputError, match=message):
            points_where(data, text)
    for text, message in (
        ("x", "must be line numbers"),
        ("99", "line 99 of synthetic has no data"),
        ("1-99", "leaves nothing"),
        ("nothing:3", "must be NAME:LINES with one of synthetic"),
    ):
        with pytest.raises(InputError, match=message):
            without_lines([data], text)
    with pytest.raises(InputError, match="NAME:LINES with one of synthetic, other"):
        without_lines([data, other], "3")


def test_derived_quantities_by_hand() -> None:
    result = fit(curves(), parameters={**FITTED, "spin_diffusion_length": 1.6})
    derived = {entry.name: entry for entry in result.derived}
    hall = result["spin_hall_conductivity"]
    assert hall.error is not None
    angle = derived["spin_hall_angle"]
    assert angle.value == pytest.approx(hall.value * 1e5 * 2e-7)
    assert angle.error == pytest.approx(hall.error * 1e5 * 2e-7, rel=1e-6)
    # G in units of e^2/h: 0.6e15 / 3.874e-5 = 1.5488e19 per square metre.
    channels = derived["mixing_conductance_real_channels"]
    assert channels.value == pytest.approx(0.6e15 * h / e**2 * 1e-18)
    assert channels.error is None  # fixed
    mixing = 0.6 + 1j * result["mixing_conductance_imag"].value
    ratio = 2.0 * 1.6e-9 * mixing * 1e15 * 2e-7
    assert derived["interface_transparency"].value == pytest.approx((ratio / (1 + ratio)).real)
    # Errors by propagation are those of a fit with the other parameter.
    (data,) = result.state.problem.sets
    turned = fit(
        data,
        parameters={
            **FITTED,
            "spin_diffusion_length": 1.6,
            "spin_hall_angle": ParameterSetting(0.05),
        },
    )
    assert turned["spin_hall_angle"].error == pytest.approx(angle.error, rel=1e-3)
    back = {entry.name: entry for entry in turned.derived}["spin_hall_conductivity"]
    assert (back.value, back.error) == pytest.approx((hall.value, hall.error), rel=1e-3)
    saturated = derived["saturated_damping_like"]
    far = Conditions(np.array([500.0]), np.array([2e-7]))
    values = {entry.name: entry.value for entry in result.parameters}
    torque = PhenomenologicalModel().torques(values, far)[0][0]
    assert saturated.value == pytest.approx(torque / 1e5)
    assert saturated.error is not None
    assert 0.0 < saturated.error < 0.05 * saturated.value


def test_derived_quantities_of_two_data_sets() -> None:
    sets = [curves(), replace(curves(2), name="other")]
    rho = (RHO, replace(RHO, resistivity=4e-7))
    result = fit_torques(
        sets, PhenomenologicalModel(), FITTED, measurement=rho, profile=False, outliers=False
    )
    derived = {entry.name: entry.value for entry in result.derived}
    assert derived["spin_hall_angle_2"] == pytest.approx(2.0 * derived["spin_hall_angle_1"])
    assert "mixing_conductance_real_si" in derived


def test_the_search_for_outliers_costs_few_evaluations_and_can_be_left_out() -> None:
    data = two_phases(4, True)
    problem = FitProblem((data,), PhenomenologicalModel(), (RHO,), FITTED, ())
    best = problem.minimize(problem.start)
    evaluations = count()
    problem.tick = lambda: next(evaluations)
    found = find_outliers(problem, best)
    assert found is not None
    # A fit takes some hundred; one for each set of points would be many thousands.
    assert next(evaluations) < 1200
    assert fit(data, parameters=FITTED, outliers=False).outliers == ()


def test_progress_is_told_now_and_then() -> None:
    lines: list[str] = []
    clock = count(0, 1)
    progress = FitProgress(lines.append, clock=lambda: float(next(clock)), interval=5.0)
    for _ in range(10):
        progress.tick()
    progress.begin("ends", 4)
    progress.advance()
    for _ in range(12):
        progress.tick()
    assert lines[0].startswith("best fit: ")
    assert "evaluations in" in lines[0]
    assert lines[-1].startswith("ends: 1 of 4, about ")
    assert lines[-1].endswith(" left")
    assert 3 <= len(lines) <= 5


def test_a_fit_tells_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torkivity.fit.progress.seconds_between_lines", lambda: 0.0)
    lines: list[str] = []
    fit_torques(
        curves(), PhenomenologicalModel(), FITTED, measurement=RHO, profile=True, tell=lines.append
    )
    steps = list(dict.fromkeys(line.split(":")[0] for line in lines))
    assert steps[:2] == ["best fit", "ends of profile intervals"]


def test_a_model_of_one_angle_has_a_curve_where_it_was_measured_only() -> None:
    from torkivity.fit.curves import curves_csv, fit_curves

    phi = np.repeat([0.0, 90.0], 6)
    theta = np.tile(np.linspace(10.0, 60.0, 6), 2)
    torque = 1e5 * np.sqrt(1.0 - (np.sin(np.radians(theta)) * np.sin(np.radians(phi))) ** 2)
    bar = np.full(12, 1e3)
    series = (
        Series(
            "damping_like", "spin_torque_conductivity", np.where(phi == 0, torque, np.nan), bar, bar
        ),
        Series(
            "field_like", "spin_torque_conductivity", np.where(phi == 0, np.nan, torque), bar, bar
        ),
    )
    data = TorqueData("scan", np.full(12, 5.0), series, tuple(range(12)), theta, phi)
    result = fit(data, parameters={"spin_diffusion_length": 1.5})
    drawn = {(curve.component, curve.at["phi"]) for curve in fit_curves(result)}
    assert drawn == {("damping_like", 0.0), ("field_like", 90.0)}
    head, *lines = curves_csv(result, points=11).splitlines()
    assert head == "data,component,quantity,thickness [nm],theta [deg],phi [deg],model,error"
    assert len(lines) == 22
    name, component, _, thickness, angle, azimuth, model, error = lines[-1].split(",")
    assert (name, component, thickness, angle, azimuth) == ("scan", "field_like", "5", "60", "90")
    assert float(model) == pytest.approx(torque[-1], rel=0.05)
    assert float(error) > 0.0
