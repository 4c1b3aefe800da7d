"""Torque, resistance, magnetoresistance and damping with shared parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fit_cases import FILM
from joint_cases import MAGNET, TRUTH, joint_sets
from torkivity import InputError, RashbaInterface
from torkivity.fit.conversion import observed
from torkivity.fit.data import Series, TorqueData, read_torque_data
from torkivity.fit.fit import Measurement, ParameterSetting, fit_torques
from torkivity.fit.models import Conditions
from torkivity.fit.phenomenological import PhenomenologicalModel
from torkivity_engine.constants import ELEMENTARY_CHARGE, HBAR
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import mixing_conductance
from torkivity_meshes import SphericalMesh

pytest.importorskip("lmfit")
pytest.importorskip("pint")

FloatArray = NDArray[np.float64]
WIDTHS = {0.6827: 1.0, 0.95: 1.96}

joint_fit = partial(fit_torques, model=PhenomenologicalModel(), measurement=MAGNET)


def test_without_noise_every_parameter_is_found() -> None:
    result = joint_fit(joint_sets(None), profile=False)
    assert result.chi_square < 1e-12
    varied = [entry for entry in result.parameters if entry.varied]
    assert len(varied) == 7
    for entry in varied:
        assert entry.value == pytest.approx(TRUTH[entry.name], rel=1e-5)
    derived = {entry.name: entry for entry in result.derived}
    assert derived["spin_hall_conductivity"].value == pytest.approx(0.2 / 25e-8 / 1e5, rel=1e-5)


def test_torque_alone_does_not_tell_angle_from_conductance() -> None:
    (torque,) = joint_sets(np.random.default_rng(2), ("torque",))
    rho = replace(MAGNET, resistivity=25e-8, resistivity_surface=30e-8)
    asked = {"spin_hall_angle": ParameterSetting(), "mixing_conductance_real": ParameterSetting()}
    options = {"profile": tuple(asked), "outliers": False}
    alone = fit_torques(torque, PhenomenologicalModel(), asked, measurement=rho, **options)
    together = joint_fit(joint_sets(np.random.default_rng(2)), **options)
    assert any("cannot tell" in note or "undetermined" in note for note in alone.warnings)
    for name in asked:
        wide, interval = (fit[name].intervals[0.95] for fit in (alone, together))
        assert wide.high - wide.low > 8.0 * (interval.high - interval.low)
        assert interval.low < TRUTH[name] < interval.high
        assert interval.high - interval.low < 0.4 * TRUTH[name]


def joint_coverage(draws: int, profile: tuple[str, ...]) -> dict[str, list[int]]:
    """By parameter, how many 68 % and 95 % intervals cover the truth."""
    rng = np.random.default_rng(20240612)
    names = ("spin_hall_angle", "mixing_conductance_real", "spin_diffusion_length")
    names = (*names, "resistivity", "shunt_conductance", "intrinsic_damping")
    counts = {name: [0, 0] for name in names}
    for _ in range(draws):
        result = joint_fit(joint_sets(rng), profile=profile, outliers=False)
        for name in names:
            entry = result[name]
            assert entry.error is not None
            for index, (level, width) in enumerate(WIDTHS.items()):
                low, high = entry.intervals.get(
                    level, (entry.value - width * entry.error, entry.value + width * entry.error)
                )
                counts[name][index] += low <= TRUTH[name] <= high
    return counts


def test_coverage_of_joint_fits() -> None:
    for name, (most, nearly_all) in joint_coverage(30, ()).items():
        # 20.5 +- 2.5 and 28.5 +- 1.2, three standard deviations.
        assert 13 <= most <= 28, name
        assert nearly_all >= 25, name


@pytest.mark.slow
def test_coverage_of_200_joint_fits() -> None:
    counts = joint_coverage(200, ("spin_hall_angle",))
    print(counts)
    for name, (most, nearly_all) in counts.items():
        # 136.5 +- 6.6 and 190 +- 3.1, two and a half standard deviations.
        assert 120 <= most <= 153, name
        assert 182 <= nearly_all <= 198, name


def test_sheet_resistance_is_the_engines_drift_diffusion() -> None:
    """Without spin-orbit coupling at the interface, for every direction of m."""
    mesh = SphericalMesh(32, 8)
    base = replace(FILM, interface=RashbaInterface(0.42645, 0.20055, 0.0))
    angles = np.array([[0.0, 0.0], [90.0, 90.0], [90.0, 0.0], [60.0, 50.0]])
    found, expected = [], []
    for theta, phi in np.radians(angles).tolist():
        m = (math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta))
        film = replace(base, magnetization=m)
        expected.append(np.linalg.inv(solve_drift_diffusion(film, mesh=mesh).sheet_conductance))
    k_f = base.fermi_wavevector
    sigma = base.heavy_metal.conductivity(k_f)
    mixing = mixing_conductance(base)
    values = {
        "spin_hall_angle": 0.059,
        "spin_diffusion_length": 2.57,
        "mixing_conductance_real": mixing.real / 1e15,
        "mixing_conductance_imag": mixing.imag / 1e15,
        "shunt_conductance": 1e3 * base.ferromagnet.conductivity(k_f) * 5e-9,
    }
    where = Conditions(np.full(4, 10.0), np.full(4, 1.0 / sigma), *angles.T)
    found = PhenomenologicalModel().sheet_resistance(values, where)
    longitudinal = np.array(expected)[:, 0, 0]
    np.testing.assert_allclose(found, longitudinal, rtol=1e-12)
    # What depends on m is some 1e-4 of it.
    np.testing.assert_allclose(found - found[0], longitudinal - longitudinal[0], atol=1e-9)
    assert np.ptp(longitudinal) > 1e-5 * longitudinal[0]


def ladder_values(**changes: float) -> dict[str, float]:
    return {**TRUTH, **changes}


def test_a_cap_like_the_metal_cancels_the_torque_and_doubles_the_rest() -> None:
    model = PhenomenologicalModel()
    where = Conditions(np.array([3.0]), np.array([2.5e-7]), np.array([90.0]), np.array([90.0]))
    upright = Conditions(np.array([3.0]), np.array([2.5e-7]))
    plain = ladder_values()
    cap = ladder_values(
        cap_thickness=3.0,
        cap_resistivity=25.0,
        cap_spin_diffusion_length=1.6,
        cap_spin_hall_angle=0.2,
        cap_mixing_conductance_real=0.5,
    )
    assert np.abs(model.torques(cap, upright)).max() < 1e-9 * model.torques(plain, upright)[0][0]
    opposite = model.torques({**cap, "cap_spin_hall_angle": -0.2}, upright)[0]
    np.testing.assert_allclose(opposite, 2.0 * model.torques(plain, upright)[0], rtol=1e-12)
    np.testing.assert_allclose(
        model.pumped(cap, upright), 2.0 * model.pumped(plain, upright), rtol=1e-12
    )

    def conductance_change(values: dict[str, float]) -> float:
        ends = [model.sheet_resistance(values, at)[0] for at in (where, upright)]
        return 1.0 / ends[0] - 1.0 / ends[1]

    # The transverse part counts in the second order: two of it in one resistance.
    assert conductance_change(cap) == pytest.approx(2.0 * conductance_change(plain), rel=1e-3)


def test_a_spacer_of_the_same_metal_is_more_metal() -> None:
    model = PhenomenologicalModel()
    thick = Conditions(np.array([5.0]), np.array([2.5e-7]))
    thin = Conditions(np.array([3.0]), np.array([2.5e-7]))
    spacer = ladder_values(
        spacer_thickness=2.0,
        spacer_resistivity=25.0,
        spacer_spin_diffusion_length=1.6,
        spacer_spin_hall_angle=0.2,
    )
    every = set(model.answers)
    whole = model.answer(TRUTH, thick, every)
    for name, values in model.answer(spacer, thin, every).items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-12)
    lossy = ladder_values(area_resistance=0.8, memory_loss=0.9)
    assert 0.2 < model.torques(lossy, thin)[0][0] / model.torques(TRUTH, thin)[0][0] < 0.6


def one_series(component: str, values: FloatArray, **columns: FloatArray) -> TorqueData:
    bar = np.full(len(values), 1e-3 * np.abs(values).max())
    series = Series(component, component, values, bar, bar)
    return TorqueData(
        "made", columns.pop("thickness"), (series,), tuple(range(len(values))), **columns
    )


def model_series(component: str, values: dict[str, float], where: Conditions) -> TorqueData:
    empty = Series(component, component, where.thickness)
    (found,) = observed(PhenomenologicalModel(), values, where, MAGNET, [empty])
    columns = {"theta_deg": where.theta_deg, "phi_deg": where.phi_deg}
    given = {name: column for name, column in columns.items() if column is not None}
    return one_series(component, found, thickness=where.thickness, **given)


def test_damping_by_hand_and_its_three_forms() -> None:
    where = Conditions(np.array([0.5, 1.0, 2.0, 4.0, 8.0]), np.full(5, 2.5e-7))
    model = PhenomenologicalModel()
    rho = replace(MAGNET, resistivity=2.5e-7)
    conductance = model.pumped(TRUTH, where)
    found = model_series("damping", TRUTH, where).series[0].values
    gamma = 1.76085962784e11
    by_hand = gamma * HBAR**2 * conductance / (2.0 * ELEMENTARY_CHARGE**2 * 1.2e6 * 3e-9)
    np.testing.assert_allclose(found, 4e-3 + by_hand, rtol=1e-12)
    for component in ("damping", "damping_enhancement", "effective_mixing_conductance"):
        data = model_series(component, TRUTH, where)
        result = fit_torques(data, model, measurement=rho, profile=False, outliers=False)
        fitted = {entry.name: entry.value for entry in result.parameters if entry.varied}
        expected = {"spin_diffusion_length": 1.6, "mixing_conductance_real": 0.5}
        expected |= {"intrinsic_damping": 4.0} if component == "damping" else {}
        assert fitted == pytest.approx(expected, rel=1e-4)
        assert not any("spin_hall" in note for note in result.warnings)
    with pytest.raises(InputError, match="saturation_magnetization = None: must be a positive"):
        fit_torques(model_series("damping", TRUTH, where), model, measurement=Measurement(2.5e-7))


def test_magnetoresistance_against_angle() -> None:
    angle = np.linspace(0.0, 180.0, 13)
    where = Conditions(np.full(13, 4.0), np.full(13, 2.5e-7), angle, np.full(13, 90.0))
    values = ladder_values(anisotropic_magnetoresistance=0.4, magnetoresistance_offset=0.1)
    data = model_series("magnetoresistance", values, where)
    y = data.series[0].values - 1e-4
    assert y[0] == pytest.approx(0.0, abs=1e-15)
    assert y[6] < -1e-4  # lower where the spin current is reflected
    np.testing.assert_allclose(y / y[6], np.sin(np.radians(angle)) ** 2, atol=1e-3)
    fixed = {"spin_diffusion_length": 1.6, "mixing_conductance_real": 0.5}
    fixed |= {"shunt_conductance": 3.0, "magnetoresistance_offset": ParameterSetting()}
    result = fit_torques(
        data, PhenomenologicalModel(), fixed, measurement=replace(MAGNET, resistivity=2.5e-7)
    )
    assert abs(result["spin_hall_angle"].value) == pytest.approx(0.2, rel=1e-4)
    assert result["magnetoresistance_offset"].value == pytest.approx(0.1, rel=1e-4)
    alone = fit_torques(
        data,
        PhenomenologicalModel(),
        {"spin_diffusion_length": 1.6},
        measurement=Measurement(2.5e-7),
        profile=False,
        outliers=False,
    )
    assert any(note.startswith("shunt_conductance = 0") for note in alone.remarks)


def test_resistance_alone() -> None:
    no_hall = {**TRUTH, "spin_hall_angle": 0.0}  # it raises the conductance by itself
    (resistance,) = joint_sets(None, ("resistance",), no_hall)
    result = joint_fit(resistance, profile=False)
    fitted = {entry.name: entry.value for entry in result.parameters if entry.varied}
    expected = {"resistivity": 25.0, "resistivity_surface": 30.0, "shunt_conductance": 3.0}
    assert fitted == pytest.approx(expected, rel=1e-5)
    assert result.remarks == ()


def test_wrong_requests() -> None:
    sets = joint_sets(None)
    for asked, expected in (
        ({"memory_loss": 0.5}, "'area_resistance': must be given with memory_loss"),
        ({"spacer_thickness": 2.0}, "'spacer_resistivity': must be given with spacer_thickness"),
        ({"cap_thickness": 2.0}, "'cap_resistivity': must be given with cap_thickness"),
        ({"memory_loss": 0.5, "area_resistance": 0.0}, "must be positive where spins are lost"),
        ({"shunt_conductance": -1.0}, "shunt_conductance = -1.0: must not be negative"),
    ):
        with pytest.raises(InputError, match=expected):
            joint_fit(sets, parameters=asked)
    known = [replace(MAGNET, resistivity=2e-7)] * 3
    with pytest.raises(InputError, match="'resistivity': must not be given where"):
        fit_torques(sets, PhenomenologicalModel(), {"resistivity": 20.0}, measurement=known)


JOINT = """[fit]
saturation_magnetization = 1.2e6
ferromagnet_thickness = 3.0
[fit.files."torque.csv"]
[fit.files."rest.xlsx".errors]
sheet_resistance = 0.5
[fit.files."damping.txt".columns]
"t" = "thickness"
"a" = "damping [10^-3]"
"da" = "damping_error [10^-3]"
"""


def write_joint(folder: Path) -> Path:
    """A configuration with three files of three kinds beside it."""
    openpyxl = pytest.importorskip("openpyxl")
    torque, resistance, damping = joint_sets(np.random.default_rng(3))
    lines = ["thickness [nm],damping_like [%],damping_like_error [%]"]
    for t, y in zip(torque.thickness, torque.series[0].values, strict=True):
        lines.append(f"{t},{100 * y:.6f},0.2")
    (folder / "torque.csv").write_text("\n".join(lines) + "\n")
    book = openpyxl.Workbook()
    book.active.append(["thickness", "sheet_resistance"])
    book.active.append(["Å", "Ω/□"])
    for t, y in zip(resistance.thickness, resistance.series[0].values, strict=True):
        book.active.append([10.0 * float(t), float(y)])
    book.save(folder / "rest.xlsx")
    lines = ["t;a;da", "nm;;"]
    for t, y in zip(damping.thickness, damping.series[0].values, strict=True):
        lines.append(f"{t};{1e3 * y:.6f};0.1".replace(".", ","))
    (folder / "damping.txt").write_text("\n".join(lines) + "\n")
    path = folder / "joint.toml"
    path.write_text(JOINT)
    return path


def test_columns_of_every_observable(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text(
        "thickness [nm]\ttheta [deg]\tsheet_resistance [kOhm/sq]\tmagnetoresistance [%]\t"
        "damping [1e-3]\tdamping_enhancement [1]\teffective_mixing_conductance [nm^-2]\n"
        "2\t0\t0.1\t-0.05\t7\t0.001\t20\n"
    )
    values = {s.component: float(s.values[0]) for s in read_torque_data(path).series}
    assert values == pytest.approx(
        {
            "sheet_resistance": 100.0,
            "magnetoresistance": -5e-4,
            "damping": 7e-3,
            "damping_enhancement": 1e-3,
            "effective_mixing_conductance": 20e18 * 3.8740458655e-5,
        }
    )


def test_the_files_of_a_configuration_are_fitted_together(
    tmp_path: Path, call: Callable[..., tuple[int, str, str]]
) -> None:
    config = write_joint(tmp_path)
    args = ["fit", "--config", str(config), "--no-profile", "--no-outliers"]
    written = {name: tmp_path / f"joint.{name}" for name in ("json", "png", "csv", "tex")}
    flags = {"-o": "json", "--figure": "png", "--curves": "csv", "--latex": "tex"}
    for option, name in flags.items():
        args += [option, str(written[name])]
    status, text, said = call(*args)
    assert status == 0, said
    assert "data sets: 1 torque, 2 rest, 3 damping" in text
    made = json.loads(written["json"].read_text())
    for name in ("spin_hall_angle", "mixing_conductance_real", "resistivity", "shunt_conductance"):
        entry = made["parameters"][name]
        assert abs(entry["value"] - TRUTH[name]) < 3.5 * entry["error"]
    assert written["png"].stat().st_size > 10_000
    assert {row.split(",")[1] for row in written["csv"].read_text().splitlines()[1:]} == {
        "damping_like",
        "sheet_resistance",
        "damping",
    }
    assert r"$\mu\Omega\,\mathrm{cm}$" in written["tex"].read_text()
    nothing = tmp_path / "none.toml"
    nothing.write_text("[fit]\n")
    status, _, said = call("fit", "--config", str(nothing))
    assert status == 2
    assert "names no [fit.files]" in said


def test_a_configuration_of_a_stack_is_fitted(
    tmp_path: Path, call: Callable[..., tuple[int, str, str]]
) -> None:
    (tmp_path / "r.csv").write_text(
        "thickness [nm],sheet_resistance [Ohm],sheet_resistance_error [Ohm]\n"
        "2,21.0,0.1\n4,17.2,0.1\n6,14.6,0.1\n9,11.6,0.1\n"
    )
    layer = 'kind = "heavy_metal"\nspin_diffusion_length = 4.0\ntotal_mean_free_path = 3.0\n'
    plain = "[[interfaces]]\nkind = 'rashba'\nbarrier = 0.1\nexchange = 0.0\nrashba = 0.0\n"
    (tmp_path / "stack.toml").write_text(
        f'[[layers]]\nname = "Pt"\nthickness = 4.0\n{layer}{plain}[[layers]]\n'
        'kind = "ferromagnet"\nname = "Co"\nthickness = 2.0\nmean_free_path_majority = 12.0\n'
        "mean_free_path_minority = 5.0\nspin_flip_length = 900.0\nprecession_length = 1.3\n"
        f'{plain}[[layers]]\nname = "Ta"\nthickness = 1.5\n{layer}'
        "[mesh]\nn_polar = 4\nn_azimuth = 4\n"
        '[fit]\nmodel = "boltzmann"\nlayer = "Pt"\n[fit.files."r.csv"]\n'
        "[fit.parameters]\nPt_total_mean_free_path = {}\n"
    )
    args = ["fit", "--config", str(tmp_path / "stack.toml"), "--no-profile", "--no-outliers"]
    status, text, said = call(*args)
    assert status == 0, said
    assert "Pt_total_mean_free_path" in text
    assert "Ta_thickness" not in text
    status, _, said = call(*args, "--model", "microscopic")
    assert status == 2
    assert "this model fits bilayers; --model boltzmann fits any film" in said
