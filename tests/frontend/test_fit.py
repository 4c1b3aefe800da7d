"""Fits: parameters and their intervals from synthetic data, and what is said of bad data."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from torkivity import (
    Bilayer,
    Ferromagnet,
    HeavyMetal,
    InputError,
    RashbaInterface,
    SpinOrbitInterface,
)
from torkivity.analysis.fit import (
    FitResult,
    Measurement,
    ParameterSetting,
    fit_torques,
)
from torkivity.analysis.fit_data import Series, TorqueData, read_torque_data
from torkivity.analysis.fit_models import (
    Conditions,
    MicroscopicModel,
    PhenomenologicalModel,
    TorqueModel,
)
from torkivity.analysis.fit_report import fit_json, fit_report
from torkivity.analysis.fit_settings import load_fit_settings, parse_setting
from torkivity.cli import main
from torkivity.config import ConfigError
from torkivity_engine.boundary_layer import boundary_layer_parameters
from torkivity_engine.drift_diffusion import solve_drift_diffusion
from torkivity_engine.tensors import interface_tensors, mixing_conductance
from torkivity_meshes import SphericalMesh

pytest.importorskip("lmfit")

FILM = Bilayer(
    HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, 0.059),
    RashbaInterface(0.42645, 0.20055, 0.085),
    Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36),
    magnetization=(0.0, 0.0, 1.0),
)
THICKNESS = np.linspace(1.0, 10.0, 14)
RHO = Measurement(resistivity=2e-7)
TRUTH = {
    "spin_hall_conductivity": 2.0,
    "spin_diffusion_length": 1.6,
    "mixing_conductance_real": 0.6,
    "mixing_conductance_imag": 0.1,
    "interface_current_damping_like": 0.0,
    "interface_current_field_like": 0.0,
    "lattice_torque_damping_like": 0.0,
    "lattice_torque_field_like": 0.4,
}
FITTED = {
    "mixing_conductance_real": 0.6,
    "mixing_conductance_imag": ParameterSetting(0.0),
    "lattice_torque_field_like": ParameterSetting(0.0),
}

FloatArray = NDArray[np.float64]


def synthetic(
    curves: Sequence[FloatArray],
    noise: float,
    rng: np.random.Generator,
    thickness: FloatArray = THICKNESS,
    error_bars: bool = True,
) -> TorqueData:
    bar = np.full(len(thickness), noise) if error_bars else None
    series = tuple(
        Series(name, "spin_torque_conductivity", y + noise * rng.standard_normal(len(y)), bar, bar)
        for name, y in zip(("damping_like", "field_like"), curves, strict=True)
    )
    return TorqueData("synthetic", thickness, series, tuple(range(2, 2 + len(thickness))))


def phenomenological_curves(
    truth: dict[str, float] = TRUTH, thickness: FloatArray = THICKNESS
) -> tuple[FloatArray, FloatArray]:
    conditions = Conditions(thickness, np.full(len(thickness), 2e-7))
    return PhenomenologicalModel().torques(truth, conditions)


def coverage(
    fit: Callable[[TorqueData], FitResult],
    curves: Sequence[FloatArray],
    truth: dict[str, float],
    noise: float,
    draws: int,
    thickness: FloatArray = THICKNESS,
    error_bars: bool = True,
) -> dict[str, list[int]]:
    """By parameter, how many 68 % and 95 % intervals cover the truth.

    Profile intervals where there are any, else the standard error times 1 and 1.96.
    """
    rng = np.random.default_rng(20240611)
    counts = {name: [0, 0] for name in truth}
    for _ in range(draws):
        result = fit(synthetic(curves, noise, rng, thickness, error_bars))
        for name, value in truth.items():
            entry = result[name]
            assert entry.error is not None
            default = {
                level: (entry.value - width * entry.error, entry.value + width * entry.error)
                for level, width in ((0.6827, 1.0), (0.95, 1.96))
            }
            intervals = entry.intervals or default
            for index, (low, high) in enumerate(intervals[level] for level in (0.6827, 0.95)):
                counts[name][index] += low <= value <= high
    return counts


def fitted_truth() -> dict[str, float]:
    return {
        name: TRUTH[name]
        for name in (
            "spin_hall_conductivity",
            "spin_diffusion_length",
            "mixing_conductance_imag",
            "lattice_torque_field_like",
        )
    }


def test_coverage_phenomenological() -> None:
    fit = partial(
        fit_torques,
        model=PhenomenologicalModel(),
        parameters=FITTED,
        measurement=RHO,
        profile=("spin_diffusion_length",),
    )
    counts = coverage(fit, phenomenological_curves(), fitted_truth(), 2e3, 40)
    # 40 draws: 27.3 +- 2.9 and 38 +- 1.4, three standard deviations.
    for name, (most, nearly_all) in counts.items():
        assert 18 <= most <= 36, name
        assert nearly_all >= 34, name


@pytest.mark.slow
@pytest.mark.parametrize("error_bars", [True, False])
def test_coverage_phenomenological_200(error_bars: bool) -> None:
    fit = partial(fit_torques, model=PhenomenologicalModel(), parameters=FITTED, measurement=RHO)
    counts = coverage(
        fit, phenomenological_curves(), fitted_truth(), 2e3, 200, error_bars=error_bars
    )
    print(counts)
    for name, (most, nearly_all) in counts.items():
        assert 122 <= most <= 150, name
        assert nearly_all >= 182, name


def microscopic(mesh: SphericalMesh | None = None) -> MicroscopicModel:
    return MicroscopicModel(FILM, mesh or SphericalMesh(4, 4))


def test_fits_are_of_rashba_interfaces() -> None:
    interface = SpinOrbitInterface(0.4, 0.2, ((0.1, 0.0), (0.0, -0.1), (0.0, 0.0)))
    with pytest.raises(InputError, match="must be a RashbaInterface"):
        MicroscopicModel(replace(FILM, interface=interface))


def microscopic_case(names: Sequence[str]) -> tuple[MicroscopicModel, dict[str, float]]:
    model = microscopic()
    return model, {p.name: p.start for p in model.parameters if p.name in names}


def microscopic_curves(
    model: TorqueModel, thickness: FloatArray = THICKNESS
) -> tuple[FloatArray, FloatArray]:
    return model.torques({p.name: p.start for p in model.parameters}, Conditions(thickness))


def test_coverage_microscopic() -> None:
    # Interface parameters alone: the layers' responses are kept, a solution takes milliseconds.
    model, truth = microscopic_case(["barrier", "rashba"])
    settings = {
        "barrier": ParameterSetting(0.5),
        "rashba": ParameterSetting(0.1),
        "spin_hall_angle": 0.059,
        "spin_diffusion_length": 2.57,
    }
    fit = partial(fit_torques, model=model, parameters=settings, profile=False)
    thickness = THICKNESS[::3]
    counts = coverage(fit, microscopic_curves(model, thickness), truth, 5e3, 20, thickness)
    # 20 draws: 13.7 +- 2.1 and 19 +- 1.
    for name, (most, nearly_all) in counts.items():
        assert 7 <= most <= 20, name
        assert nearly_all >= 16, name


@pytest.mark.slow
def test_coverage_microscopic_200() -> None:
    model, truth = microscopic_case(["rashba", "spin_hall_angle", "spin_diffusion_length"])
    settings = {
        "rashba": ParameterSetting(0.1),
        "spin_hall_angle": ParameterSetting(0.05),
        "spin_diffusion_length": ParameterSetting(2.8),
    }
    fit = partial(fit_torques, model=model, parameters=settings, profile=False)
    counts = coverage(fit, microscopic_curves(model), truth, 5e3, 200)
    print(counts)
    for name, (most, nearly_all) in counts.items():
        assert 122 <= most <= 150, name
        assert nearly_all >= 182, name


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


def test_one_parameter_and_bound() -> None:
    data = synthetic(phenomenological_curves(), 1e3, np.random.default_rng(6))
    fixed = {name: value for name, value in TRUTH.items() if name != "spin_diffusion_length"}
    result = fit_torques(data, PhenomenologicalModel(), fixed, measurement=RHO)
    assert any("two fitted parameters" in text for text in result.warnings)
    bound = fit_torques(
        data,
        PhenomenologicalModel(),
        {**FITTED, "spin_diffusion_length": ParameterSetting(2.5, least=2.0)},
        measurement=RHO,
        profile=False,
    )
    assert bound["spin_diffusion_length"].at_bound
    assert any("spin_diffusion_length is at its bound" in text for text in bound.warnings)


def test_wrong_requests() -> None:
    data = synthetic(phenomenological_curves(), 1e3, np.random.default_rng(7))
    fit = partial(fit_torques, data, PhenomenologicalModel(), measurement=RHO)
    with pytest.raises(InputError, match="must be one of spin_hall_conductivity"):
        fit({"spin_hal_angle": 0.1})
    with pytest.raises(InputError, match="between its bounds"):
        fit({"spin_diffusion_length": ParameterSetting(1.0, least=2.0)})
    with pytest.raises(InputError, match="must be positive"):
        fit({"spin_diffusion_length": 0.0})
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
        fit_torques(three, PhenomenologicalModel(), measurement=RHO)


GOOD = """# comment
thickness [nm],damping_like [1e4 (hbar/2e)/(Ohm m)],damping_like_error [1e4 (hbar/2e)/(Ohm m)]
1.0,1.4,0.1
2.0,3.4,0.1

3.0,,
4.0,4.6,0.1
"""


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(GOOD)
    data = read_torque_data(path)
    assert data.size == 3
    assert data.lines == (3, 4, 6, 7)
    assert data.thickness.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert data.series[0].values[1] == pytest.approx(3.4e4)
    path.write_text("t,xi,low,high,note\n10,-5,-6,-3,x\n")
    columns = {
        "t": "thickness [angstrom]",
        "xi": "damping_like [-1 %]",
        "low": "damping_like_low [-1 %]",
        "high": "damping_like_high [-1 %]",
    }
    series = read_torque_data(path, columns).series[0]
    assert (series.quantity, series.values[0]) == ("efficiency", pytest.approx(0.05))
    assert series.below is not None
    assert series.above is not None
    assert (series.below[0], series.above[0]) == (pytest.approx(0.02), pytest.approx(0.01))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("thickness [nm]", "t_hm_nm", "line 2, column 't_hm_nm': no unit; write it as"),
        ("thickness [nm]", "thicknes [nm]", "unknown name 'thicknes'; did you mean thickness?"),
        ("thickness [nm]", "thickness [deg]", "thickness needs a unit of length"),
        ("thickness [nm]", "thickness [furlong]", "must be one of"),
        ("thickness [nm]", "theta [deg]", "no column 'thickness [nm]'"),
        ("damping_like [1e4 (hbar/2e)/(Ohm m)]", "damping_like [nm]", "needs a unit of torque"),
        ("damping_like_error [1e4", "damping_like_error [1e5", "must have the unit of"),
        ("damping_like_error [", "damping_like_low [", "belong together"),
        ("damping_like_error [", "field_like_error [", "there is no column field_like"),
        ("damping_like_error [", "damping_like [", "two columns are damping_like"),
        (
            "1.0,1.4",
            "1.0,nan",
            "line 3, column 'damping_like [1e4 (hbar/2e)/(Ohm m)]': 'nan' is not",
        ),
        ("1.0,1.4", "1.0,1;4", "'1;4' is not a finite number"),
        ("1.0,1.4", "-1.0,1.4", "line 3: thickness must be positive"),
        ("1.0,1.4,0.1", "1.0,1.4", "line 3: 2 cells, but the header has 3"),
        ("1.4,0.1", "1.4,0.0", "line 3: the error bar of damping_like must have a positive"),
    ],
)
def test_wrong_data(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    path = tmp_path / "a.csv"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        read_torque_data(path)
    assert str(caught.value).startswith(str(path))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings(tmp_path: Path) -> None:
    path = tmp_path / "fit.toml"
    path.write_text(
        '[fit]\nmodel = "microscopic"\nheavy_metal = "above"\n[fit.parameters]\nrashba = 0.1\n'
        "barrier = { value = 0.4, min = 0.0 }\n"
    )
    settings = load_fit_settings(path)
    assert settings.measurement.heavy_metal_above
    assert settings.parameters["barrier"] == ParameterSetting(0.4, least=0.0)
    with pytest.raises(InputError, match="needs a film"):
        settings.build_model()
    for text, expected in (
        ("[fit]\nmodle = 1", "fit.modle: unknown key"),
        ("[fit]\nresistivity = 'x'", "fit.resistivity = 'x': must be a valid number"),
        ("[fit.parameters]\nrashba = 'x'", "fit.parameters.rashba"),
        ("[fit.errors]\ndamping_like = -1.0", "must be a positive number"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"fit\.toml") as caught:
            load_fit_settings(path)
        assert expected in str(caught.value)
    assert parse_setting("a=1:0:2") == ("a", ParameterSetting(1.0, least=0.0, most=2.0))
    assert parse_setting("a") == ("a", ParameterSetting())
    with pytest.raises(InputError, match="NAME=START:MIN:MAX"):
        parse_setting("a=1:2")


def test_shipped_example() -> None:
    folder = Path(str(resources.files("torkivity") / "examples"))
    settings = load_fit_settings(folder / "ir_cofeb.toml")
    data = read_torque_data(folder / "ir_cofeb.csv", settings.columns, settings.errors)
    result = fit_torques(
        data,
        settings.build_model(),
        settings.parameters,
        measurement=settings.measurement,
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


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command line in an empty folder: exit status, output, messages."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["torkivity", "fit", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call


def test_command(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    assert command("--example")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"ir_cofeb.csv", "ir_cofeb.toml"}
    example = ("ir_cofeb.csv", "--config", "ir_cofeb.toml")
    status, text, _ = command(*example, "--no-profile", "-o", "fit.json")
    assert status == 0
    assert "spin_diffusion_length" in text
    assert json.loads(Path("fit.json").read_text())["success"] is True
    status, text, _ = command(*example, "--no-profile", "--vary", "mixing_conductance_real")
    assert status == 0
    assert "warnings" in text
    Path("two.csv").write_text("thickness [nm],damping_like [1]\n1,0.1\n2,0.2\n")
    Path("nan.csv").write_text("thickness [nm],damping_like [1]\n1,nan\n2,0.2\n")
    for arguments, expected in (
        (("--example",), "exists already"),
        ((), "Missing argument"),
        ((*example, "-o", "fit.json"), "exists already"),
        ((*example, "-o", "ir_cofeb.csv", "--force"), "must be different files"),
        ((*example, "--fix", "mixing_conductance_real"), "NAME=VALUE with a number"),
        ((*example, "--fix", "conductance=1"), "must be one of"),
        ((*example, "--model", "microscopic"), "[heavy_metal]"),
        (("ir_cofeb.csv",), "of some torques only"),
        (("missing.csv",), "missing.csv: no such file"),
        (("two.csv", "--resistivity", "2e-7"), "at least 3"),
        (("nan.csv", "--resistivity", "2e-7"), "line 2, column 'damping_like [1]'"),
    ):
        status, text, message = command(*arguments)
        assert (status, text) == (2, ""), arguments
        assert expected in message
        errors = [line for line in message.splitlines() if "error" in line]
        assert len(errors) == 1


def test_command_with_a_film(command: Callable[..., tuple[int, str, str]], small_toml: str) -> None:
    curves = microscopic_curves(microscopic(), THICKNESS[::3])
    lines = ["thickness [nm],damping_like [1/(Ohm m)],damping_like_error [1/(Ohm m)]"]
    lines += [f"{t},{y / 2},1e3" for t, y in zip(THICKNESS[::3], curves[0], strict=True)]
    Path("pt.csv").write_text("\n".join(lines))
    small = small_toml.replace("[0.3, 0.2, 1.0]", "[0, 0, 1]").replace("azimuth = 8", "azimuth = 4")
    Path("pt.toml").write_text(
        small + "[fit]\nmodel = 'microscopic'\n[fit.parameters]\nrashba = { value = 0.1 }\n"
        "spin_hall_angle = 0.059\nspin_diffusion_length = 2.57\n"
    )
    status, _, message = command("pt.csv", "--config", "pt.toml", "-o", "fit.json")
    assert status == 0, message
    found = json.loads(Path("fit.json").read_text())["parameters"]["rashba"]
    assert found["value"] == pytest.approx(0.085, abs=1e-4)
