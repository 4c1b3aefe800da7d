"""Fits that solve the equation for every film that was measured."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from fit_cases import FILM
from torkivity import Ferromagnet, HeavyMetal, InputError, RashbaInterface, Stack, solve_boltzmann
from torkivity.fit.conversion import observed
from torkivity.fit.data import Series, TorqueData
from torkivity.fit.film_model import FilmModel
from torkivity.fit.fit import Measurement, ParameterSetting, fit_torques
from torkivity.fit.models import Conditions, MicroscopicModel
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.pumping import drift_diffusion_pumping
from torkivity_engine.magnets import magnet_responses
from torkivity_engine.pumping import spin_pumping
from torkivity_engine.spin import direction
from torkivity_meshes import SphericalMesh

pytest.importorskip("lmfit")

MESH = SphericalMesh(4, 4)
MAGNET = Measurement(saturation_magnetization=1.2e6, ferromagnet_thickness=5.0)
EVERY = {"torque", "sheet_resistance", "effective_mixing_conductance"}


def starts(model: FilmModel) -> dict[str, float]:
    return {entry.name: entry.start for entry in model.parameters}


def test_bilayer_is_the_solution_and_the_thickness_formula_approaches_it() -> None:
    film = replace(FILM, field_direction_deg=20.0)
    model = FilmModel(film, SphericalMesh(8, 8))
    values = {**starts(model), "rashba": 0.1}
    where = Conditions(np.array([6.0, 12.0]), None, np.array([60.0, 90.0]), np.array([40.0, 90.0]))
    found = model.answer(values, where, EVERY)
    formula = MicroscopicModel(film, SphericalMesh(8, 8)).torques(values, where)
    np.testing.assert_allclose(
        np.array([found["damping_like"], found["field_like"]])[:, 0],
        np.array(formula)[:, 0],
        rtol=2e-3,
    )
    assert found["damping_like"][1] == found["field_like"][1] == 0.0  # m along y_p
    m = direction(*np.radians([60.0, 60.0]).tolist())
    own = replace(
        film,
        heavy_metal=replace(film.heavy_metal, thickness=6.0),
        interface=replace(film.interface, rashba=0.1),
        magnetization=m,
    )
    solution = solve_boltzmann(own, SphericalMesh(8, 8))
    torque = solution.damping_like(solution.torque_total)
    assert found["damping_like"][0] == pytest.approx(2.0 * torque, rel=1e-12)
    e = np.array([np.cos(np.radians(20.0)), np.sin(np.radians(20.0))])
    assert found["sheet_resistance"][0] == pytest.approx(
        e @ np.linalg.solve(solution.sheet_conductance, e), rel=1e-12
    )
    pumped = spin_pumping(own, SphericalMesh(8, 8)).effective_mixing_conductance
    assert found["effective_mixing_conductance"][0] == pytest.approx(pumped, rel=1e-12)


def stack() -> Stack:
    """Pt | Cu | Co | Ta: a spacer, and a cap with a spin Hall effect of its own."""
    metal = partial(HeavyMetal, mean_free_path=3.0, spin_flip_length=12.0)
    plain, magnetic = RashbaInterface(0.1, 0.0, 0.0), RashbaInterface(0.3, 0.2, 0.05)
    layers = (
        metal(4.0, spin_hall_angle=0.1),
        HeavyMetal(2.0, mean_free_path=20.0, spin_flip_length=900.0),
        Ferromagnet(1.5, 16.25, 6.01, 1000.0, 1.36, magnetization=(0.0, 0.0, 1.0)),
        metal(2.0, spin_hall_angle=-0.1),
    )
    return Stack(layers, (plain, magnetic, magnetic), layer_names=("Pt", "Cu", "Co", "Ta"))


@pytest.mark.parametrize("solver", ["boltzmann", "drift_diffusion"])
def test_stack_with_spacer_and_cap(solver: str) -> None:
    model = FilmModel(stack(), MESH, solver=solver, layer="Ta")  # type: ignore[arg-type]
    names = [entry.name for entry in model.parameters]
    assert {"Pt_thickness", "Cu_mean_free_path", "Pt_Cu_barrier", "Cu_Co_rashba"} <= set(names)
    assert "Ta_thickness" not in names
    values = {**starts(model), "Ta_spin_hall_angle": -0.3}
    where = Conditions(np.array([1.0, 3.0]), None, np.array([30.0, 30.0]), None)
    wanted = set(model.answers)
    found = model.answer(values, where, wanted)
    layers = list(stack().layers)
    layers[3] = replace(layers[3], thickness=3.0, spin_hall_angle=-0.3)
    layers[2] = replace(layers[2], magnetization=direction(np.radians(30.0), 0.0))
    own = replace(stack(), layers=tuple(layers))
    if solver == "boltzmann":
        solution = solve_boltzmann(own, MESH)
    else:
        solution = solve_drift_diffusion(own, ferromagnet="finite", mesh=MESH)  # type: ignore[assignment]
    (magnet,) = magnet_responses(own, solution.interfaces)
    assert found["damping_like"][1] == pytest.approx(
        2.0 * magnet.record()["magnet_torque_total_damping_like"], rel=1e-12
    )
    assert found["sheet_resistance"][1] == pytest.approx(
        np.linalg.inv(solution.sheet_conductance)[0, 0], rel=1e-12
    )
    if solver == "drift_diffusion":
        pumped = drift_diffusion_pumping(own, MESH, magnet="Co", ferromagnet="finite")
        conductance = pumped.effective_mixing_conductance
        assert found["effective_mixing_conductance"][1] == pytest.approx(conductance, rel=1e-12)
    ta = own.layers[3].conductivity(own.fermi_wavevector)
    assert model.resistivity(values, where) == pytest.approx(np.full(2, 1.0 / ta))


def joint_sets(rng: np.random.Generator | None, model: FilmModel) -> list[TorqueData]:
    """Efficiency, sheet resistance and damping, of a few thicknesses each."""
    values = {**starts(model), "intrinsic_damping": 4.0}
    sets = []
    for component, quantity, noise, thickness in (
        ("damping_like", "efficiency", 2e-3, [1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0]),
        ("sheet_resistance", "sheet_resistance", 0.05, [1.0, 2.0, 4.0, 8.0]),
        ("damping", "damping", 1e-4, [1.0, 1.5, 2.0, 3.0, 4.0, 8.0]),
    ):
        t = np.array(thickness)
        bar = np.full(len(t), noise)
        (y,) = observed(
            *(model, values, Conditions(t), MAGNET, [Series(component, quantity, t, bar, bar)])
        )
        y = y if rng is None else y + noise * rng.standard_normal(len(y))
        series = (Series(component, quantity, y, bar, bar),)
        sets.append(TorqueData(component, t, series, tuple(range(len(t)))))
    return sets


ASKED = {
    "rashba": 0.085,
    "spin_hall_angle": ParameterSetting(0.1),
    "exchange": ParameterSetting(0.3),
    "spin_diffusion_length": 2.57,
}
TRUTH = {"spin_hall_angle": 0.059, "exchange": 0.20055, "intrinsic_damping": 4.0}


def test_joint_fit_of_the_boltzmann_equation() -> None:
    model = FilmModel(FILM, MESH)
    result = fit_torques(
        *(joint_sets(None, model), model, ASKED),
        measurement=MAGNET,
        profile=False,
        outliers=False,
    )
    fitted = {entry.name: entry.value for entry in result.parameters if entry.varied}
    assert fitted == pytest.approx(TRUTH, rel=1e-4)
    # The torque alone leaves the angle to the interface.
    alone = fit_torques(
        *(joint_sets(None, model)[:1], model, ASKED),
        measurement=MAGNET,
        profile=False,
        outliers=False,
    )
    errors = alone["spin_hall_angle"].error, result["spin_hall_angle"].error
    assert None not in errors
    assert errors[0] > 2.0 * errors[1]  # type: ignore[operator]


@pytest.mark.slow
def test_coverage_of_20_joint_fits() -> None:
    model = FilmModel(FILM, MESH)
    rng = np.random.default_rng(20240613)
    counts = {name: [0, 0] for name in TRUTH}
    for _ in range(20):
        result = fit_torques(
            *(joint_sets(rng, model), model, ASKED),
            measurement=MAGNET,
            profile=False,
            outliers=False,
        )
        for name, truth in TRUTH.items():
            entry = result[name]
            assert entry.error is not None
            for index, width in enumerate((1.0, 1.96)):
                counts[name][index] += abs(entry.value - truth) <= width * entry.error
    print(counts)
    for name, (most, nearly_all) in counts.items():
        # 13.7 +- 2.1 and 19 +- 1
        assert 7 <= most <= 19, name
        assert nearly_all >= 16, name


def test_wrong_films_and_requests() -> None:
    metals = Stack(stack().layers[:2], stack().interfaces[:1])
    with pytest.raises(InputError, match="must have a magnet for this fit"):
        FilmModel(metals)
    with pytest.raises(InputError, match=r"fit\.layer = 'Co': must be one of Pt, Cu, Ta"):
        FilmModel(stack(), layer="Co")
    formula = MicroscopicModel(FILM, MESH)
    with pytest.raises(InputError, match=r"sheet_resistance of .*not among what the microscopic"):
        fit_torques(joint_sets(None, FilmModel(FILM, MESH)), formula, measurement=MAGNET)
    sets = joint_sets(None, FilmModel(FILM, MESH))
    with pytest.raises(InputError, match="barrier"):
        fit_torques(sets, FilmModel(FILM, MESH), {"barrier": float("nan")}, measurement=MAGNET)
    with pytest.raises(InputError, match="mean_free_path_majority"):
        fit_torques(
            *(sets, FilmModel(FILM, MESH), {"mean_free_path_majority": -1.0}), measurement=MAGNET
        )
