"""A single film by all models: its numbers, table, figure and file."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

import torkivity
from torkivity.catalogue import COMPARED, MODELS, SINGLE_SOURCES
from torkivity.compare.film_report import film_report
from torkivity.config.sections import DriftDiffusionSection, RunConfig, Settings, SolverSection
from torkivity.config.text import load_config
from torkivity.figures import save_figure, thickness_figure
from torkivity.figures.thickness import curves_of_dataset, curves_of_study
from torkivity.results.open import describe_results, open_results
from torkivity.study.case import Case
from torkivity.study.evaluate import Evaluated
from torkivity.study.frames import has_torque_frame, require_torque_frame
from torkivity.study.run import FilmStudy, compute_curve, compute_film, write_film
from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.record import COMPONENTS

MESH = torkivity.SphericalMesh(4, 8)
SOURCES = (*SINGLE_SOURCES, "all")


def study_of(film: Bilayer | Stack, **sections: object) -> FilmStudy:
    return compute_film(Case(film, Settings(**sections), given_mesh=MESH))  # type: ignore[arg-type]


def at(points: Evaluated, name: str, model: str, source: str) -> FloatArray:
    """Values of a film's study at its first interface."""
    models, sources = (list(d.axis.values) for d in points.plan.spec.grid.dimensions)
    return np.asarray(points.values(name)[models.index(model), sources.index(source), 0])


def test_schema(film_study: FilmStudy) -> None:
    points = film_study.points
    layout = points.plan.spec.layout()
    assert points.status.shape == (len(COMPARED), len(SOURCES))
    assert (points.status == 1).all()
    for name, variable in points.plan.spec.variables.items():
        assert points.values(name).shape == (*points.status.shape, *layout.shapes[name])
        assert variable.units
        assert variable.long_name
    for name, (variable, value) in film_study.facts.items():
        assert np.ndim(value) == len(variable.dims), name
        assert np.isrealobj(value)


def test_curves_pass_through_the_film(film_study: FilmStudy) -> None:
    """The last thickness of the curves is the film's own."""
    curve = film_study.curve
    assert curve is not None
    assert [d.name for d in curve.plan.spec.grid.dimensions] == ["Pt.thickness", "model", "source"]
    for i, model in enumerate(COMPARED):
        for j, source in enumerate(SINGLE_SOURCES):
            for name in ("torque_total", "torque_interface_damping_like", "torque_lattice"):
                np.testing.assert_allclose(
                    curve.values(name)[-1, i, j, 0],
                    at(film_study.points, name, model, source),
                    rtol=1e-9,
                    atol=1e-6,
                )


def test_sources_add_up(film_study: FilmStudy) -> None:
    rashba, hall, both = (
        at(film_study.points, "torque_total", "drift_diffusion", source) for source in SOURCES
    )
    np.testing.assert_allclose(rashba + hall, both, rtol=1e-12)


def test_same_numbers_from_python(film_study: FilmStudy) -> None:
    film = film_study.case.film
    for source in SOURCES:
        boltzmann = torkivity.solve_boltzmann(film, MESH, source=source)
        found = at(film_study.points, "torque_total", "boltzmann", source)
        np.testing.assert_array_equal(boltzmann.torque_total, found)
        # One magnet with one interface: the torque on it is the interface's.
        magnet = at(film_study.points, "magnet_torque_total", "boltzmann", source)
        np.testing.assert_array_equal(magnet, found)
    facts = {name: value for name, (_, value) in film_study.facts.items()}
    mixing = complex(facts["mixing_conductance_real"][0], facts["mixing_conductance_imag"][0])
    assert torkivity.mixing_conductance(film) == mixing
    np.testing.assert_array_equal(
        torkivity.interface_tensors(film, MESH).conductivity, facts["tensor_conductivity"][0]
    )
    assert isinstance(film, Bilayer)
    np.testing.assert_array_equal(
        facts["layer_conductivity"],
        [layer.conductivity(film.fermi_wavevector) for layer in as_stack(film).layers],
    )
    assert facts["layer_spin_diffusion_length"][0] == torkivity.spin_diffusion_length(
        film.heavy_metal
    )
    assert math.isnan(facts["layer_spin_diffusion_length"][1])


def test_methods_agree(film_study: FilmStudy) -> None:
    dense = study_of(film_study.case.film, solver=SolverSection(method="dense"))
    assert dense.curve is None
    for source in SOURCES:
        reduced = at(film_study.points, "torque_total", "boltzmann", source)
        np.testing.assert_allclose(
            at(dense.points, "torque_total", "boltzmann", source),
            reduced,
            atol=1e-9 * np.abs(reduced).max(),
            rtol=0,
        )


def test_finite_ferromagnet(film_study: FilmStudy) -> None:
    film = film_study.case.film
    section = DriftDiffusionSection(ferromagnet="finite")
    finite = at(
        study_of(film, drift_diffusion=section).points, "torque_total", "drift_diffusion", "rashba"
    )
    direct = torkivity.solve_drift_diffusion(film, ferromagnet="finite", source="rashba", mesh=MESH)
    np.testing.assert_array_equal(finite, direct.torque_total)
    dephased = at(film_study.points, "torque_total", "drift_diffusion", "rashba")
    assert not np.array_equal(finite, dephased)


def test_stacks_take_the_finite_model(film_study: FilmStudy) -> None:
    """What the published model does not cover; the file says which one it was."""
    film = film_study.case.film
    assert isinstance(film, Bilayer)
    stack = film.stack()
    three = replace(
        stack,
        layers=(*stack.layers, film.heavy_metal),
        interfaces=(*stack.interfaces, film.interface.with_mirrored_spin_orbit()),
        layer_names=("Pt", "Co", "top"),
    )
    found = study_of(three).points
    direct = torkivity.solve_drift_diffusion(three, ferromagnet="finite", mesh=MESH)
    np.testing.assert_array_equal(
        at(found, "torque_total", "drift_diffusion", "all"),
        direct.at_interface(0).torque_total,
    )


def test_progress_is_told(film_study: FilmStudy) -> None:
    said: list[str] = []
    compute_film(Case(film_study.case.film, given_mesh=MESH), said.append)
    assert any("reduced" in line and "NT = 256" in line for line in said)


def rows(report: str, start: str) -> list[str]:
    return next(line for line in report.splitlines() if line.strip().startswith(start)).split()


def test_table(film_study: FilmStudy) -> None:
    report = film_report(film_study)
    assert "Pt: 10 nm" in report
    assert "rashba = 0.085" in report
    assert max(len(line) for line in report.splitlines()) <= 80
    total = rows(report, "total on the magnetization")
    for source, place in (("rashba", -6), ("spin_hall", -3)):
        exact, other = (
            float(at(film_study.points, "torque_total_damping_like", model, source))
            for model in ("boltzmann", "drift_diffusion")
        )
        assert float(total[place]) == pytest.approx(exact, abs=1.0)
        assert float(total[place + 1]) == pytest.approx(other, abs=1.0)
        assert float(total[place + 2]) == pytest.approx(100 * (other / exact - 1), abs=0.051)
    assert rows(report, "boundary-layer-exact")[1:3] == ["off", "by"]
    assert 0.0 <= float(rows(report, "stray charge current")[3]) < 1e-12


def test_table_of_a_stack(film_study: FilmStudy) -> None:
    """A table per interface and per magnet."""
    film = film_study.case.film
    assert isinstance(film, Bilayer)
    stack = film.stack()
    three = replace(
        stack,
        layers=(*stack.layers, film.heavy_metal),
        interfaces=(*stack.interfaces, film.interface.with_mirrored_spin_orbit()),
        layer_names=("Pt", "Co", "top"),
    )
    report = film_report(study_of(three))
    for heading in ("interface Pt|Co", "interface Co|top", "magnet Co"):
        assert heading in report.splitlines()
    assert max(len(line) for line in report.splitlines()) <= 80


def test_boundary_layer_formula_beats_drift_diffusion(film_study: FilmStudy) -> None:
    for source in SOURCES:
        exact, ours, theirs = (
            at(film_study.points, "torque_total", model, source)
            for model in ("boltzmann", "boundary_layer", "drift_diffusion")
        )
        scale = np.abs(exact).max()
        assert np.abs(ours - exact).max() < 1e-3 * scale
        assert np.abs(theirs - exact).max() > 1e-2 * scale


def test_one_model_s_failure_is_its_own(film_study: FilmStudy) -> None:
    """Without spin flip there is no slow mode: the Boltzmann equation does not mind."""
    film = film_study.case.film
    assert isinstance(film, Bilayer)
    conserving = replace(film.heavy_metal, spin_flip_length=math.inf)
    found = study_of(replace(film, heavy_metal=conserving))
    status = dict(zip(COMPARED, found.points.status.tolist(), strict=True))
    assert status["boltzmann"] == [1, 1, 1]
    assert status["boundary_layer"] == [2, 2, 2]
    assert "spin_flip_length" in found.points.message(model="boundary_layer", source="all")
    assert np.isnan(found.points.values("torque_total")[COMPARED.index("boundary_layer")]).all()
    assert rows(film_report(found), "boundary-layer-exact")[1] == "none"


def test_cartesian_table(film_study: FilmStudy) -> None:
    report = film_report(film_study, "cartesian")
    assert "along z" in report
    assert "damping" not in report


def test_any_spin_orbit_field_is_compared() -> None:
    """Dresselhaus coupling turns the torque of m along z by 90 degrees."""
    metal, magnet = torkivity.HeavyMetal(5.0, 2.0, 20.0), torkivity.Ferromagnet(5.0, 9, 5, 90, 1.5)
    rashba, dresselhaus = (
        study_of(torkivity.Bilayer(metal, torkivity.SpinOrbitInterface(0.4, 0.2, matrix), magnet))
        for matrix in (((0, 0.1), (-0.1, 0), (0, 0)), ((0.1, 0), (0, -0.1), (0, 0)))
    )
    assert "spin_orbit_xx = 0.1" in film_report(dresselhaus)
    for model in COMPARED:
        for source in SOURCES:
            # y -> -y takes m = z to -z and (x, y) of the torque to (-x, y), half a turn of spins
            # about (1, -1, 0) takes that back and to (-y, x).
            x, y, _ = at(rashba.points, "torque_total", model, source)
            found = at(dresselhaus.points, "torque_total", model, source)
            scale = max(abs(x), abs(y)) + 1.0
            np.testing.assert_allclose(found[:2], [-y, x], atol=1e-9 * scale, err_msg=model)


def test_torque_frame() -> None:
    film = torkivity.Bilayer(
        torkivity.HeavyMetal(5.0, 2.0, 20.0),
        torkivity.RashbaInterface(0.4, 0.2, 0.1),
        torkivity.Ferromagnet(5.0, 10.0, 5.0, 100.0, 1.5),
    )
    assert has_torque_frame(film)
    require_torque_frame(film)
    along = replace(film, magnetization=(0.0, -2.0, 0.0))
    assert not has_torque_frame(along)
    assert has_torque_frame(replace(along, field_direction_deg=90.0))
    with pytest.raises(torkivity.InputError, match="do not exist for m parallel to z x E"):
        require_torque_frame(along)
    result = compute_curve(study_of(along), (1.0, 5.0))
    currents = np.abs(at(result.points, "spin_current_minus", "boltzmann", "rashba")).max()
    assert np.abs(result.points.values("torque_total")).max() < 1e-9 * currents
    assert (result.points.status == 1).all()
    assert result.curve is not None
    with pytest.raises(torkivity.InputError, match="do not exist"):
        thickness_figure(curves_of_study(result.curve))


@pytest.mark.parametrize(
    ("file_format", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_figure(tmp_path: Path, film_study: FilmStudy, file_format: str, start: bytes) -> None:
    assert film_study.curve is not None
    path = tmp_path / "figure.part"
    figure = thickness_figure(curves_of_study(film_study.curve), film_study.title)
    save_figure(figure, path, file_format)
    assert path.read_bytes().startswith(start)


def test_figure_shows_the_numbers(film_study: FilmStudy) -> None:
    assert film_study.curve is not None
    curves = curves_of_study(film_study.curve)
    figure = thickness_figure(curves)
    damping, field = figure.axes
    assert "damping-like" in damping.get_ylabel()
    assert field.get_xlabel() == "Pt thickness (nm)"
    line = next(line for line in field.lines if line.get_label() == "Boltzmann, Rashba")
    expected = curves.values["boltzmann", "rashba"]["torque_total_field_like"]
    shown = np.asarray(line.get_ydata())
    factor = shown[0] / expected[0]
    assert f"10^{{{round(-math.log10(factor))}}}" in field.get_ylabel()
    np.testing.assert_allclose(shown, factor * expected, rtol=1e-12)


def test_file(tmp_path: Path, film_study: FilmStudy, small_config: RunConfig) -> None:
    path = tmp_path / "film.h5"
    write_film(path, film_study, elapsed_seconds=2.0)
    points = film_study.points
    with xarray.open_dataset(path) as dataset:
        assert list(dataset["model"].values) == list(COMPARED)
        for name in points.plan.spec.variables:
            np.testing.assert_array_equal(dataset[name], points.values(name))
            assert dataset[name].dims[:2] == ("model", "source")
            assert set(dataset[name].dims) <= set(dataset.coords)
        for name, (variable, value) in film_study.facts.items():
            np.testing.assert_array_equal(dataset[name], value)
            assert dataset[name].dims == variable.dims
        chosen = dataset["torque_total"].sel(model="boltzmann", source="rashba", interface="Pt|Co")
        np.testing.assert_array_equal(chosen, at(points, "torque_total", "boltzmann", "rashba"))
        assert (dataset["status"] == 1).all()
        assert dataset.attrs["torkivity_version"] == torkivity.__version__
        assert dataset.attrs["kind"] == "run"
        assert dataset.attrs["drive"] == "field"
        stored = tmp_path / "stored.toml"
        stored.write_text(dataset.attrs["config_toml"])
    assert load_config(stored) == small_config
    opened = open_results(path)
    mixing = complex(opened["mixing_conductance"].sel(interface="Pt|Co"))
    assert mixing == torkivity.mixing_conductance(film_study.case.film)
    assert opened["mixing_conductance"].attrs["long_name"] == "mixing conductance at u_R = 0"
    assert "mixing_conductance_real" not in opened
    path.unlink()
    assert opened["tensor_lattice"].sel(current="x", field="E_y", interface="Pt|Co").size == 1
    assert film_study.curve is not None
    ours, theirs = curves_of_study(film_study.curve), curves_of_dataset(opened)
    assert (ours.layer, ours.values.keys()) == (theirs.layer, theirs.values.keys())
    for key, table in ours.values.items():
        for kind in COMPONENTS:
            name = f"torque_total_{kind}"
            np.testing.assert_array_equal(theirs.values[key][name], table[name])


def test_listing(tmp_path: Path, film_study: FilmStudy) -> None:
    path = tmp_path / "film.h5"
    write_film(path, film_study)
    listing = describe_results(path, everything=True)
    assert "rashba = 0.085" in listing
    assert f"points: {len(COMPARED) * len(SOURCES)} done" in listing
    assert "Pt.thickness (3): 2, 4, 10 nm" in listing
    for name in (*film_study.points.plan.spec.variables, *film_study.facts):
        assert f"  {name} " in listing


def test_models_of_a_run_are_in_the_catalogue() -> None:
    assert set(COMPARED) <= set(MODELS)


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    with pytest.raises(torkivity.InputError, match="no such file"):
        open_results(tmp_path / "missing.h5")
    text = tmp_path / "text.h5"
    text.write_text("x")
    with pytest.raises(torkivity.InputError, match="is not an HDF5 file"):
        describe_results(text)
    with h5py.File(tmp_path / "other.h5", "w"):
        pass
    with pytest.raises(torkivity.InputError, match="not one of torkivity's"):
        describe_results(tmp_path / "other.h5")
