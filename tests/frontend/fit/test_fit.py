"""Fits: parameters and their intervals from synthetic data, and what is said of bad data."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from fit_cases import (
    FILM,
    FITTED,
    RHO,
    THICKNESS,
    TRUTH,
    microscopic,
    phenomenological_curves,
    synthetic,
    two_phases,
)
from torkivity import (
    HeavyMetal,
    InputError,
    PhysicsError,
    SpinOrbitInterface,
    solve_boltzmann,
)
from torkivity.fit.curves import fit_curves
from torkivity.fit.data import Series, TorqueData
from torkivity.fit.fit import Measurement, ParameterSetting, fit_torques
from torkivity.fit.models import Conditions, MicroscopicModel
from torkivity.fit.phenomenological import PhenomenologicalModel
from torkivity.fit.problem import FitProblem
from torkivity.fit.profile import profile_intervals
from torkivity.fit.report import fit_json, fit_report
from torkivity.fit.settings import load_fit_settings
from torkivity_engine.diffusion.boundary_layer import boundary_layer_parameters
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import interface_tensors, mixing_conductance
from torkivity_meshes import SphericalMesh

pytest.importorskip("lmfit")

FloatArray = NDArray[np.float64]


def test_an_interface_of_another_kind_is_fitted_by_its_own_numbers() -> None:
    """A Rashba field given as a matrix: the same torques, no rashba to fit."""
    plain, mesh = FILM.interface, SphericalMesh(4, 4)
    field = ((0.0, plain.rashba), (-plain.rashba, 0.0), (0.0, 0.0))
    other = SpinOrbitInterface(plain.barrier, plain.exchange, field)
    models = [
        MicroscopicModel(replace(FILM, interface=each), mesh, given="resistivity")
        for each in (plain, other)
    ]
    values = [{p.name: p.start for p in model.parameters} for model in models]
    assert set(values[0]) - set(values[1]) == {"rashba"}
    where = Conditions(THICKNESS)
    expected, found = (m.torques(v, where) for m, v in zip(models, values, strict=True))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_phenomenological_model_is_the_engines_drift_diffusion() -> None:
    mesh = SphericalMesh(32, 8)
    for vector in ((0.0, 0.0, 1.0), (0.3, 0.0, 1.0)):
        film = replace(FILM, magnetization=vector)
        engine = solve_drift_diffusion(film, mesh=mesh)
        tensors = interface_tensors(film, mesh)
        sigma = film.heavy_metal.conductivity(16.0)
        mixing = mixing_conductance(film)
        driven = tensors.conductivity[:3, 0]
        lattice = engine.torque_lattice
        values = {
            "spin_hall_angle": 0.059,
            "spin_diffusion_length": 2.57,
            "mixing_conductance_real": mixing.real / 1e15,
            "mixing_conductance_imag": mixing.imag / 1e15,
        }
        for part in ("damping_like", "field_like"):
            values[f"interface_current_{part}"] = 2.0 * getattr(engine, part)(driven) / 1e5
            values[f"lattice_torque_{part}"] = 2.0 * getattr(engine, part)(lattice) / 1e5
        where = Conditions(np.array([10.0]), np.array([1.0 / sigma]))
        damping, field = PhenomenologicalModel().torques(values, where)
        total = engine.torque_total
        assert damping[0] == pytest.approx(2.0 * engine.damping_like(total), rel=1e-6)
        assert field[0] == pytest.approx(2.0 * engine.field_like(total), rel=1e-6)


def test_spin_hall_torque_by_angle() -> None:
    theta, phi = np.array([0.0, 90.0, 90.0, 60.0]), np.array([0.0, 0.0, 60.0, 90.0])
    where = Conditions(np.full(4, 5.0), np.full(4, 2e-7), theta, phi)
    damping, _ = PhenomenologicalModel().torques(TRUTH, where)
    # abs(m x y): 1, 1, cos 60 deg, cos 60 deg
    assert damping / damping[0] == pytest.approx(np.array([1.0, 1.0, 0.5, 0.5]))


def test_microscopic_model_by_angle() -> None:
    model = microscopic()
    values = {p.name: p.start for p in model.parameters}
    where = Conditions(np.array([3.0, 5.0]), None, np.array([30.0, 30.0]), np.array([20.0, 20.0]))
    damping, _ = model.torques(values, where)
    theta, phi = np.radians([30.0, 20.0])
    m = (np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta))
    exact = boundary_layer_parameters(replace(FILM, magnetization=m), model.mesh).response(5.0)
    assert damping[1] == pytest.approx(2.0 * exact.damping_like(exact.torque_total), rel=1e-9)


def test_resistivity_stays_while_the_spin_hall_angle_varies() -> None:
    known = MicroscopicModel(FILM, SphericalMesh(4, 4), given="resistivity")
    start = {p.name: p.start for p in known.parameters}
    assert start["resistivity"] == pytest.approx(1e8 / FILM.heavy_metal.conductivity(16.0))
    where = Conditions(np.array([4.0, 8.0]))
    for angle in (0.2, -0.3):
        values = {**start, "spin_hall_angle": angle}
        rho = known.resistivity(values, where)
        np.testing.assert_allclose(rho, 1e-8 * start["resistivity"], rtol=1e-12)
        metal = HeavyMetal.from_resistivity(
            5.0, 1e-8 * start["resistivity"], start["spin_diffusion_length"], angle
        )
        exact = boundary_layer_parameters(replace(FILM, heavy_metal=metal), SphericalMesh(4, 4))
        for index, thickness in enumerate(where.thickness):
            found = exact.response(thickness)
            torque = 2.0 * found.damping_like(found.torque_total)
            assert known.torques(values, where)[0][index] == pytest.approx(torque, rel=1e-10)


def test_bounds_at_a_given_resistivity_leave_a_diffusive_regime() -> None:
    model = MicroscopicModel(FILM, SphericalMesh(4, 4), given="resistivity")
    bounds = {p.name: (p.least, p.most) for p in model.parameters}
    model.check(bounds)
    for parameter in model.parameters:
        assert parameter.least <= parameter.start <= parameter.most, parameter.name
    with pytest.raises(InputError, match="can fall below"):
        model.check({**bounds, "spin_hall_angle": (-0.9, 0.9)})


def test_interface_parameter_from_a_scan_of_the_angle() -> None:
    """Torques of the whole Boltzmann film, which the fit knows nothing of, give back u_R."""
    model, truth = microscopic(), 0.085
    theta = np.array([10.0, 40.0, 70.0, 90.0, 90.0])
    phi = np.array([0.0, 30.0, 30.0, 60.0, 90.0])
    values = np.zeros((2, 5))
    for row, (polar, azimuth) in enumerate(np.radians([theta, phi]).T[:-1]):
        m = (
            math.sin(polar) * math.cos(azimuth),
            math.sin(polar) * math.sin(azimuth),
            math.cos(polar),
        )
        film = solve_boltzmann(replace(FILM, magnetization=m), mesh=model.mesh)
        total = film.torque_total
        values[:, row] = 2.0 * film.damping_like(total), 2.0 * film.field_like(total)
    # The last one is along z x E, where there is no torque.
    data = TorqueData(
        "scan",
        np.full(5, 10.0),
        tuple(
            Series(name, "spin_torque_conductivity", curve, np.full(5, 1e2), np.full(5, 1e2))
            for name, curve in zip(("damping_like", "field_like"), values, strict=True)
        ),
        tuple(range(5)),
        theta,
        phi,
    )
    settings = {
        "rashba": ParameterSetting(0.2),
        "spin_hall_angle": ParameterSetting(0.0),
        "spin_diffusion_length": 2.57,
    }
    result = fit_torques(data, model, settings, profile=False)
    assert result["rashba"].value == pytest.approx(truth, rel=1e-3)
    assert result["spin_hall_angle"].value == pytest.approx(0.059, rel=1e-2)
    assert result.points[1].place == "10 nm, theta = 40 deg, phi = 30 deg"


def test_resistivity_column_and_formula_agree() -> None:
    data = spin_hall_data(2e3)
    settings = {
        "spin_hall_angle": ParameterSetting(0.1),
        "spin_diffusion_length_resistivity": ParameterSetting(0.4),
        "mixing_conductance_real": 0.6,
    }
    fit = partial(fit_torques, model=PhenomenologicalModel(), parameters=settings, profile=False)
    formula = fit(data, measurement=Measurement(2e-7, 3e-7))
    column = fit(replace(data, resistivity=2e-7 + 3e-7 / THICKNESS))
    for name in ("spin_hall_angle", "spin_diffusion_length_resistivity"):
        assert column[name].value == pytest.approx(formula[name].value, rel=1e-6)
    # Between the films of the column, too.
    for one, other in zip(fit_curves(formula), fit_curves(column), strict=True):
        np.testing.assert_allclose(one.model, other.model, rtol=1e-6)


def test_two_stackings_in_one_fit() -> None:
    """Effective fields with the heavy metal below and above, the thickness of the magnet too."""
    damping = 2e5 * spin_hall_shape(1.6)
    sets = []
    # xi = sigma_T rho; 32.910598 mT per unit for M_s t = 1e-3 A, half of it for 2e-3 A.
    for name, factor, seed in (("below", 32.910598, 1), ("above", -0.5 * 32.910598, 2)):
        field = damping * 2e-7 * factor
        noise = 0.01 * np.random.default_rng(seed).standard_normal(14)
        bar = np.full(14, 0.01)
        series = (Series("damping_like", "effective_field", field + noise, bar, bar),)
        sets.append(TorqueData(name, THICKNESS, series, tuple(range(14))))
    below = Measurement(2e-7, 0.0, 1e6, 1.0)
    above = replace(below, ferromagnet_thickness=2.0, heavy_metal_above=True)
    settings = {"spin_diffusion_length": ParameterSetting(1.5), "mixing_conductance_real": 0.6}
    fit = partial(fit_torques, sets, PhenomenologicalModel(), settings, profile=False)
    result = fit(measurement=(below, above))
    for name, truth in (("spin_hall_conductivity", 2.0), ("spin_diffusion_length", 1.6)):
        found = result[name]
        assert found.error is not None
        assert found.error < 0.03 * truth
        assert abs(found.value - truth) < 4.0 * found.error
    assert result.warnings == ()
    with pytest.raises(InputError, match="one for each of the 2"):
        fit(measurement=(below,) * 3)


def test_other_parameters_and_quantities() -> None:
    """l_sf rho, theta_SH, rho(t), effective fields, heavy metal above: truth comes back."""
    rng = np.random.default_rng(5)
    facts = Measurement(
        resistivity=2e-7,
        resistivity_surface=2e-7,
        saturation_magnetization=1e6,
        ferromagnet_thickness=1.0,
        heavy_metal_above=True,
    )
    rho = 2e-7 + 2e-7 / THICKNESS
    values = {
        **{name: 0.0 for name in TRUTH if "interface" in name or "lattice" in name},
        "spin_hall_angle": 0.3,
        "spin_diffusion_length_resistivity": 0.4,
        "mixing_conductance_real": 0.6,
        "mixing_conductance_imag": 0.0,
    }
    damping, _ = PhenomenologicalModel().torques(values, Conditions(THICKNESS, rho))
    # B = -(hbar/2e) sigma_T rho J / (M_s t): 3.2910598e-16 * 1e11 / (1e6 * 1e-9) = 32.910598 mT
    # per unit efficiency.
    measured = -damping * rho * 32.910598
    noise = 0.01
    data = TorqueData(
        "fields",
        THICKNESS,
        (
            Series(
                "damping_like",
                "effective_field",
                measured + noise * rng.standard_normal(14),
                np.full(14, noise),
                np.full(14, noise),
            ),
        ),
        tuple(range(14)),
    )
    result = fit_torques(
        data,
        PhenomenologicalModel(),
        {
            "spin_hall_angle": ParameterSetting(0.1),
            "spin_diffusion_length_resistivity": ParameterSetting(0.6),
            "mixing_conductance_real": 0.6,
        },
        measurement=facts,
        profile=False,
    )
    for name in ("spin_hall_angle", "spin_diffusion_length_resistivity"):
        found = result[name]
        assert found.error is not None
        assert abs(found.value - values[name]) < 4.0 * found.error
        assert found.error < 0.05 * values[name]
    with pytest.raises(InputError, match="without spin_hall_conductivity"):
        fit_torques(
            data,
            PhenomenologicalModel(),
            {"spin_hall_angle": 0.1, "spin_hall_conductivity": 1.0},
            measurement=facts,
        )


def test_shared_separate_and_tied() -> None:
    rng = np.random.default_rng(2)
    other = {**TRUTH, "lattice_torque_field_like": 0.2}
    sets = [synthetic(phenomenological_curves(t), 1e3, rng) for t in (TRUTH, other)]
    result = fit_torques(
        sets,
        PhenomenologicalModel(),
        FITTED,
        measurement=RHO,
        separate=("lattice_torque_field_like",),
        profile=False,
    )
    assert result["spin_diffusion_length"].value == pytest.approx(1.6, abs=0.15)
    difference = (
        result["lattice_torque_field_like_1"].value - result["lattice_torque_field_like_2"].value
    )
    assert difference == pytest.approx(0.2, abs=0.03)
    tied = fit_torques(
        sets[0],
        PhenomenologicalModel(),
        {
            **FITTED,
            "lattice_torque_field_like": ParameterSetting(expression="4 * mixing_conductance_imag"),
        },
        measurement=RHO,
        profile=False,
    )
    assert tied["lattice_torque_field_like"].value == pytest.approx(
        4.0 * tied["mixing_conductance_imag"].value
    )
    with pytest.raises(InputError, match="must be a formula"):
        fit_torques(
            sets[0],
            PhenomenologicalModel(),
            {"lattice_torque_field_like": ParameterSetting(expression="2 * nothing")},
            measurement=RHO,
        )


def test_degenerate_directions_are_reported() -> None:
    rng = np.random.default_rng(3)
    data = synthetic(phenomenological_curves(), 2e3, rng)
    # An interface current of either kind and the lattice torque do nearly the same in thick films.
    thick = np.linspace(12.0, 30.0, 14)
    flat = synthetic(phenomenological_curves(TRUTH, thick), 2e3, rng, thick)
    pair = fit_torques(
        flat,
        PhenomenologicalModel(),
        {
            **FITTED,
            "spin_diffusion_length": 1.6,
            "mixing_conductance_imag": 0.1,
            "interface_current_field_like": ParameterSetting(0.0),
        },
        measurement=RHO,
        profile=False,
    )
    assert any(
        "interface_current_field_like" in text and "lattice_torque_field_like" in text
        for text in pair.warnings
    )

    barely = fit_torques(
        data,
        PhenomenologicalModel(),
        {**FITTED, "mixing_conductance_real": ParameterSetting(0.6)},
        measurement=RHO,
        profile=False,
    )
    assert any(
        "spin_hall_conductivity" in text and "mixing_conductance_real" in text
        for text in barely.warnings
    )

    only_damping = replace(data, series=data.series[:1])
    blind = fit_torques(
        only_damping,
        PhenomenologicalModel(),
        {
            "mixing_conductance_real": 0.6,
            "lattice_torque_field_like": ParameterSetting(0.0),
        },
        measurement=RHO,
        profile=False,
    )
    assert any("do not depend on lattice_torque_field_like" in text for text in blind.warnings)


def test_outlier_is_named() -> None:
    rng = np.random.default_rng(4)
    data = synthetic(phenomenological_curves(), 1e3, rng)
    clean = fit_torques(data, PhenomenologicalModel(), FITTED, measurement=RHO, profile=False)
    assert clean.outliers == ()
    assert clean.warnings == ()
    data.series[0].values[5] *= 0.7
    result = fit_torques(data, PhenomenologicalModel(), FITTED, measurement=RHO, profile=False)
    (point,) = result.outliers
    assert (point.component, point.line) == ("damping_like", 7)
    assert point.studentised < -5.0
    assert any("line 7 of synthetic" in text for text in result.warnings)
    assert any("chi-square" in text for text in result.warnings)


@pytest.mark.parametrize("error_bars", [True, False])
def test_films_of_another_phase_are_named(error_bars: bool) -> None:
    fit = partial(fit_torques, model=PhenomenologicalModel(), measurement=RHO, profile=False)
    for thin in (1, 2, 3, 4):
        result = fit(two_phases(thin, error_bars), parameters=FITTED)
        assert {point.thickness for point in result.outliers} == set(range(2, 2 + thin))
    (text,) = (note for note in result.warnings if "do not follow the others" in note)
    assert "damping_like and field_like at 2 nm; 3 nm; 4 nm; 5 nm" in text
    assert "(lines 2, 3, 4, 5 of synthetic, chance" in text
    # What the rest of the films says alone is said with it.
    rest = two_phases(4, error_bars)
    alone = replace(
        rest,
        thickness=rest.thickness[4:],
        lines=rest.lines[4:],
        series=tuple(
            replace(
                series,
                values=series.values[4:],
                below=None if series.below is None else series.below[4:],
                above=None if series.above is None else series.above[4:],
            )
            for series in rest.series
        ),
    )
    value = fit(alone, parameters=FITTED)["spin_hall_conductivity"].value
    assert f"spin_hall_conductivity = {value:.3g}"[:-1] in text


def test_two_misprints_do_not_hide_each_other() -> None:
    data = synthetic(phenomenological_curves(), 1e3, np.random.default_rng(4))
    for row in (5, 9):
        data.series[0].values[row] *= 0.8
    result = fit_torques(data, PhenomenologicalModel(), FITTED, measurement=RHO, profile=False)
    assert [point.line for point in result.outliers] == [7, 11]


def test_few_false_alarms() -> None:
    named = 0
    for seed in range(10):
        for error_bars in (True, False):
            result = fit_torques(
                two_phases(0, error_bars, seed),
                PhenomenologicalModel(),
                FITTED,
                measurement=RHO,
                profile=False,
            )
            named += bool(result.outliers)
    assert named <= 2  # about one in a hundred each


def spin_hall_shape(length: FloatArray | float) -> FloatArray:
    """Damping-like torque per spin Hall conductivity for Re G = 0.6e15, rho = 2e-7, by hand."""
    x = THICKNESS / length
    conductance = 2.0 * length * 1e-9 * 0.6e15 * 2e-7
    return conductance / (np.tanh(x) + conductance) * (1.0 - 1.0 / np.cosh(x))


def spin_hall_data(noise: float, error_bars: bool = True, seed: int = 6) -> TorqueData:
    damping = 2e5 * spin_hall_shape(1.6)
    data = synthetic((damping, damping), noise, np.random.default_rng(seed), error_bars=error_bars)
    return replace(data, series=data.series[:1])


@pytest.mark.parametrize("error_bars", [True, False])
def test_one_parameter_is_linear_regression(error_bars: bool) -> None:
    data = spin_hall_data(2e3, error_bars)
    result = fit_torques(
        data,
        PhenomenologicalModel(),
        {
            "spin_hall_conductivity": ParameterSetting(1.0),
            "spin_diffusion_length": 1.6,
            "mixing_conductance_real": 0.6,
        },
        measurement=RHO,
    )
    shape, y = 1e5 * spin_hall_shape(1.6), data.series[0].values
    best = shape @ y / (shape @ shape)
    free = len(y) - 1
    bar = 2e3 if error_bars else math.sqrt(float(np.sum((y - best * shape) ** 2)) / free)
    error = bar / math.sqrt(shape @ shape)
    found = result["spin_hall_conductivity"]
    assert found.value == pytest.approx(best, rel=1e-6)
    assert found.error == pytest.approx(error, rel=1e-3)
    for level, width in ((0.6827, 1.00002), (0.95, 1.959964)):
        wide = width if error_bars else student.ppf(0.5 * (1.0 + level), free)
        low, high = found.intervals[level]
        assert (best - low) / error == pytest.approx(wide, rel=3e-3)
        assert (high - best) / error == pytest.approx(wide, rel=3e-3)
    assert result.warnings == ()
    (curve,) = fit_curves(result, points=14)
    np.testing.assert_allclose(curve.model, best * shape, rtol=1e-5)
    np.testing.assert_allclose(curve.error, error * shape, rtol=1e-3)
    slopes = [point.sensitivities["spin_hall_conductivity"] for point in result.points]
    np.testing.assert_allclose(slopes, shape, rtol=1e-6)


def test_profile_is_the_chi_square_with_the_other_parameter_eliminated() -> None:
    # Little data, much noise: the interval of the length is far from symmetric.
    data = spin_hall_data(1e4)
    result = fit_torques(
        data,
        PhenomenologicalModel(),
        {"spin_diffusion_length": ParameterSetting(1.5), "mixing_conductance_real": 0.6},
        measurement=RHO,
    )
    lengths, y = np.linspace(0.1, 8.0, 20001), data.series[0].values
    shapes = np.stack([spin_hall_shape(length) for length in lengths])
    # The best spin Hall conductivity for each length is known in closed form.
    chi_square = (y @ y - (shapes @ y) ** 2 / np.sum(shapes**2, axis=1)) / 1e4**2
    rise = chi_square - chi_square.min()
    found = result["spin_diffusion_length"]
    assert found.value == pytest.approx(lengths[np.argmin(rise)], abs=1e-3)
    for level, width in ((0.6827, 1.00002), (0.95, 1.959964)):
        inside = lengths[rise < width**2]
        assert found.intervals[level] == pytest.approx((inside[0], inside[-1]), abs=0.01)
    low, high = found.intervals[0.95]
    assert high - found.value > 1.2 * (found.value - low)


def test_a_better_fit_than_the_one_found_is_said() -> None:
    data = spin_hall_data(2e3)
    problem = FitProblem(
        (data,), PhenomenologicalModel(), (RHO,), {"mixing_conductance_real": 0.6}, ()
    )
    best = problem.minimize(problem.start)
    good = profile_intervals(problem, best, "spin_diffusion_length")
    assert (good.notes, good.better) == ([], None)
    best.chisqr += 3.0
    found = profile_intervals(problem, best, "spin_diffusion_length")
    assert found.better is not None
    (note,) = found.notes
    assert "there is a better fit than this one near spin_diffusion_length = " in note


def test_the_start_does_not_matter() -> None:
    """From a bound, from zero, from far away and from the wrong sign."""
    data = synthetic(phenomenological_curves(), 2e3, np.random.default_rng(1))
    fit = partial(fit_torques, data, PhenomenologicalModel(), measurement=RHO, profile=False)
    best = fit(FITTED).chi_square
    for name, start in (
        ("spin_diffusion_length", ParameterSetting(6.0, least=0.3, most=6.0)),
        ("spin_diffusion_length", ParameterSetting(0.3, least=0.3, most=6.0)),
        ("spin_hall_conductivity", ParameterSetting(0.0, least=0.0)),
        ("spin_hall_conductivity", ParameterSetting(-5.0)),
        ("lattice_torque_field_like", ParameterSetting(-2.0)),
    ):
        found = fit({**FITTED, name: start})
        assert found.chi_square == pytest.approx(best, rel=1e-6), (name, start)


def test_bound() -> None:
    data = synthetic(phenomenological_curves(), 1e3, np.random.default_rng(6))
    bound = fit_torques(
        data,
        PhenomenologicalModel(),
        {**FITTED, "spin_diffusion_length": ParameterSetting(2.5, least=2.0)},
        measurement=RHO,
    )
    found = bound["spin_diffusion_length"]
    assert found.at_bound
    assert found.intervals[0.95][0] == -math.inf
    assert found.intervals[0.95][1] > 2.0
    assert any("spin_diffusion_length is at its bound 2" in text for text in bound.warnings)
    limit = "do not limit spin_diffusion_length from below (68.3 %, 95 % interval open down to 2)"
    assert any(limit in text for text in bound.warnings)
    assert found.error is None


def test_wrong_requests() -> None:
    data = synthetic(phenomenological_curves(), 1e3, np.random.default_rng(7))
    fit = partial(fit_torques, data, PhenomenologicalModel(), measurement=RHO)
    with pytest.raises(InputError, match="must be one of spin_hall_conductivity"):
        fit({"spin_hal_angle": 0.1})
    with pytest.raises(InputError, match="between its bounds"):
        fit({"spin_diffusion_length": ParameterSetting(1.0, least=2.0)})
    with pytest.raises(InputError, match="must be below its maximum 1"):
        fit({"spin_diffusion_length": ParameterSetting(1.0, least=1.0, most=1.0 + 1e-15)})
    with pytest.raises(InputError, match="must be positive"):
        fit({"spin_diffusion_length": 0.0})
    with pytest.raises(InputError, match="mixing_conductance_imag = inf: must be a finite number"):
        fit({"mixing_conductance_imag": math.inf})
    with pytest.raises(InputError, match=r"mixing_conductance_real = -0\.1: must not be negative"):
        fit({"mixing_conductance_real": -0.1})
    beyond = "spin_diffusion_length = 3.0: is fixed above its maximum 2: change one of them"
    with pytest.raises(InputError, match=beyond):
        fit({"spin_diffusion_length": ParameterSetting(3.0, vary=False, most=2.0)})
    with pytest.raises(InputError, match="below its minimum 4"):
        fit({"spin_diffusion_length": ParameterSetting(3.0, vary=False, least=4.0)})
    with pytest.raises(PhysicsError, match="no finite value somewhere"):
        fit({"lattice_torque_field_like": ParameterSetting(1e300)})
    with pytest.raises(InputError, match="at least one to fit"):
        fit(TRUTH)
    with pytest.raises(InputError, match="resistivity"):
        fit_torques(data, PhenomenologicalModel())
    with pytest.raises(InputError, match="do not diffuse"):
        fit_torques(data, microscopic(), {"total_mean_free_path": 2.6})
    two = synthetic(
        phenomenological_curves(thickness=THICKNESS[:2]),
        1e3,
        np.random.default_rng(8),
        THICKNESS[:2],
    )
    with pytest.raises(InputError, match="2 films or angles"):
        fit_torques(two, PhenomenologicalModel(), FITTED, measurement=RHO)
    three = replace(
        two,
        thickness=THICKNESS[:3],
        lines=(1, 2, 3),
        series=(Series("damping_like", "spin_torque_conductivity", np.array([1.0, 2.0, 3.0])),),
    )
    with pytest.raises(InputError, match="more than the 3 fitted parameters"):
        fit_torques(
            three,
            PhenomenologicalModel(),
            {"mixing_conductance_real": ParameterSetting()},
            measurement=RHO,
        )


def test_shipped_example() -> None:
    folder = Path(str(resources.files("torkivity") / "examples"))
    settings = load_fit_settings(folder / "ir_cofeb.toml")
    data, measurements = settings.read([folder / "ir_cofeb.csv"])
    result = fit_torques(
        data,
        settings.build_model(),
        settings.parameters,
        measurement=measurements,
        profile=("spin_diffusion_length",),
    )
    assert result.warnings == ()
    assert result.chi_square < 20.0
    length = result["spin_diffusion_length"]
    assert length.intervals[0.95][0] < 1.6 < length.intervals[0.95][1]  # as published
    text = fit_report(result)
    assert "18 points, 13 degrees of freedom" in text
    parsed = json.loads(json.dumps(fit_json(result), allow_nan=False))
    assert parsed["parameters"]["spin_diffusion_length"]["unit"] == "nm"
    assert len(parsed["points"]) == 18
