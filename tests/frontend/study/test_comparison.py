"""The comparison of the two models, its record, table, figure and file."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray

import torkivity
from torkivity.catalogue import MODELS
from torkivity.compare.film_report import comparison_report
from torkivity.config.sections import RunConfig
from torkivity.config.text import load_config
from torkivity.figures import save_figure, thickness_figure
from torkivity.results.open import describe_results, open_results
from torkivity.study.film import (
    Comparison,
    ThicknessCurves,
    compare_film,
    relative_difference,
    write_comparison,
)
from torkivity.study.frames import has_torque_frame, require_torque_frame
from torkivity_engine.record import COORDINATES


def test_record_follows_its_schema(comparison: Comparison) -> None:
    record, schema = comparison.record(), comparison.schema()
    assert list(record) == list(schema)
    sizes = {name: len(labels) for name, labels in COORDINATES.items()}
    sizes["heavy_metal_thickness"] = 3
    for name, variable in schema.items():
        assert record[name].shape == tuple(sizes[dim] for dim in variable.dims), name
        assert np.isrealobj(record[name])
        assert variable.units
        assert variable.long_name


def test_curves_pass_through_the_film(comparison: Comparison) -> None:
    """The last thickness of the curves is the film's own."""
    record = comparison.record()
    assert set(comparison.solutions) == set(MODELS)
    curves = [model for model in MODELS if not model.endswith("_all")]
    for model in curves:
        for name in ("torque_total", "torque_interface_damping_like", "torque_lattice_field_like"):
            point, curve = record[f"{model}_{name}"], record[f"curve_{model}_{name}"]
            np.testing.assert_allclose(curve[-1], point, rtol=1e-9, atol=1e-6)


def test_sources_add_up(comparison: Comparison) -> None:
    parts = comparison.drift_diffusion
    np.testing.assert_allclose(
        parts["rashba"].torque_total + parts["spin_hall"].torque_total,
        parts["all"].torque_total,
        rtol=1e-12,
    )


def test_same_names_from_python(comparison: Comparison) -> None:
    film = comparison.film
    mesh = torkivity.SphericalMesh(4, 8)
    for source, found in comparison.boltzmann.items():
        boltzmann = torkivity.solve_boltzmann(film, mesh, source=source)
        np.testing.assert_array_equal(boltzmann.torque_total, found.torque_total)
    assert torkivity.mixing_conductance(film) == comparison.mixing_conductance
    np.testing.assert_array_equal(
        torkivity.interface_tensors(film, mesh).conductivity, comparison.tensors.conductivity
    )


def test_methods_agree(comparison: Comparison) -> None:
    dense = compare_film(comparison.film, torkivity.SphericalMesh(4, 8), method="dense")
    assert dense.curves is None
    for source, reduced in comparison.boltzmann.items():
        np.testing.assert_allclose(
            dense.boltzmann[source].torque_total,
            reduced.torque_total,
            atol=1e-9 * np.abs(reduced.torque_total).max(),
            rtol=0,
        )


def test_finite_ferromagnet(comparison: Comparison) -> None:
    finite = compare_film(comparison.film, torkivity.SphericalMesh(4, 8), ferromagnet="finite")
    for source, dephased in comparison.drift_diffusion.items():
        found = finite.drift_diffusion[source]
        assert (dephased.ferromagnet, found.ferromagnet) == ("dephased", "finite")
        expected = torkivity.solve_drift_diffusion(
            comparison.film,
            ferromagnet="finite",
            source=source,
            mesh=torkivity.SphericalMesh(4, 8),
        )
        np.testing.assert_array_equal(found.torque_total, expected.torque_total)
        # A ferromagnet of some dephasing lengths is another film, by per cent.
        apart = np.abs(found.torque_total - dephased.torque_total).max()
        assert 1e-3 < apart / np.abs(dephased.torque_total).max() < 1.0
    # The equation itself knows nothing of this choice.
    for source, solution in comparison.boltzmann.items():
        np.testing.assert_array_equal(finite.boltzmann[source].torque_total, solution.torque_total)


def test_progress_is_told(comparison: Comparison) -> None:
    said: list[str] = []
    compare_film(comparison.film, torkivity.SphericalMesh(4, 8), progress=said.append)
    assert any("reduced" in line and "NT = 256" in line for line in said)


def test_relative_difference() -> None:
    assert relative_difference(1.1, 1.0, 1.0) == pytest.approx(0.1)
    assert relative_difference(-0.5, -1.0, 1.0) == pytest.approx(-0.5)
    assert math.isnan(relative_difference(1e-3, 1e-12, 1.0))
    assert math.isnan(relative_difference(0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("quantity", "per_torque"),
    [
        ("spin_torque_conductivity", 2.0),
        ("per_field", -2.0),
        ("efficiency", None),
        ("effective_field", None),
    ],
)
def test_report_in_other_units(
    comparison: Comparison, quantity: str, per_torque: float | None
) -> None:
    """Every number is that of the raw table times one factor, worked here by hand."""
    film = comparison.film
    rho = 1.0 / film.heavy_metal.conductivity(film.fermi_wavevector)
    # hbar/2e = 3.2910598e-16 V s; M_s = 1e6 A/m; 1e11 A/m^2; mT.
    field = 2.0 * rho * 3.2910598e-16 * 1e11 / (1e6 * film.ferromagnet.thickness * 1e-9) * 1e3
    factor = per_torque or {"efficiency": 2.0 * rho, "effective_field": field}[quantity]
    ms = 1e6 if quantity == "effective_field" else None
    report = comparison_report(comparison, quantity=quantity, saturation_magnetization=ms)
    for source in ("rashba", "spin_hall"):
        solution = comparison.boltzmann[source]
        expected = factor * solution.damping_like(solution.torque_total)
        total = next(x for x in report.splitlines() if x.startswith("  total on the magnet"))
        found = float(total.split()[4 if source == "rashba" else 7])
        assert found == pytest.approx(expected, rel=1e-3)
    assert "Torques are" in report
    assert "per E~ = -E/e, in 1/(Ohm m)" not in report


def test_table(comparison: Comparison) -> None:
    report = comparison_report(comparison, names=("Pt", "Co"))
    assert "Pt (10 nm)" in report
    assert max(len(line) for line in report.splitlines()) <= 100
    block = report.split("field-like\n")[0]
    total = next(line for line in block.splitlines() if "total" in line).split()
    for source, at in (("rashba", -6), ("spin_hall", -3)):
        solution, dd = comparison.boltzmann[source], comparison.drift_diffusion[source]
        expected = solution.damping_like(solution.torque_total)
        assert float(total[at]) == pytest.approx(expected, abs=1.0)
        ratio = dd.damping_like(dd.torque_total) / expected
        assert float(total[at + 2]) == pytest.approx(100 * (ratio - 1), abs=0.051)
    assert "boundary-layer formula" in report


def test_boundary_layer_formula_beats_drift_diffusion(comparison: Comparison) -> None:
    for source, exact in comparison.boltzmann.items():
        scale = np.abs(exact.torque_total).max()
        ours = comparison.boundary_layer[source].torque_total - exact.torque_total
        theirs = comparison.drift_diffusion[source].torque_total - exact.torque_total
        assert np.abs(ours).max() < 1e-3 * scale
        assert np.abs(theirs).max() > 1e-2 * scale


def test_no_boundary_layer_formula_without_diffusion(comparison: Comparison) -> None:
    conserving = replace(comparison.film.heavy_metal, spin_flip_length=math.inf)
    found = compare_film(
        replace(comparison.film, heavy_metal=conserving), torkivity.SphericalMesh(4, 8)
    )
    assert found.boundary_layer == {}
    assert "does not exist" in comparison_report(found)


def test_cartesian_table(comparison: Comparison) -> None:
    report = comparison_report(comparison, in_torque_frame=False)
    assert "along z" in report
    assert "damping" not in report


def test_any_spin_orbit_field_is_compared() -> None:
    """The report names the matrix; Dresselhaus turns the torque of m along z by 90 degrees."""
    metal, magnet = torkivity.HeavyMetal(5.0, 2.0, 20.0), torkivity.Ferromagnet(5.0, 9, 5, 90, 1.5)
    mesh = torkivity.SphericalMesh(4, 8)
    rashba, dresselhaus = (
        compare_film(
            torkivity.Bilayer(metal, torkivity.SpinOrbitInterface(0.4, 0.2, matrix), magnet), mesh
        )
        for matrix in (((0, 0.1), (-0.1, 0), (0, 0)), ((0.1, 0), (0, -0.1), (0, 0)))
    )
    assert "W = (0.1, 0; 0, -0.1; 0, 0)" in comparison_report(dresselhaus)
    for name, solution in rashba.solutions.items():
        # y -> -y takes m = z to -z and (x, y) of the torque to (-x, y), half a turn of spins
        # about (1, -1, 0) takes that back and to (-y, x).
        x, y, _ = solution.torque_total
        found = dresselhaus.solutions[name].torque_total
        scale = np.abs(solution.torque_total).max() + 1.0
        np.testing.assert_allclose(found[:2], [-y, x], atol=1e-9 * scale, err_msg=name)


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
    result = compare_film(along, torkivity.SphericalMesh(4, 8), thicknesses=(1.0, 5.0))
    largest = max(np.abs(v.torque_total).max() for v in result.solutions.values())
    currents = np.abs(result.boltzmann["rashba"].spin_current_minus).max()
    assert largest < 1e-9 * currents
    assert result.curves is not None
    with pytest.raises(torkivity.InputError, match="vanish by symmetry"):
        thickness_figure(result.curves)


@pytest.mark.parametrize(
    ("file_format", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_figure(tmp_path: Path, comparison: Comparison, file_format: str, start: bytes) -> None:
    assert comparison.curves is not None
    path = tmp_path / "figure.part"
    save_figure(thickness_figure(comparison.curves, "Pt / Co"), path, file_format)
    assert path.read_bytes().startswith(start)


def test_figure_shows_the_numbers(comparison: Comparison) -> None:
    curves = comparison.curves
    assert isinstance(curves, ThicknessCurves)
    figure = thickness_figure(curves)
    damping, field = figure.axes
    assert "damping-like" in damping.get_ylabel()
    assert "nm" in field.get_xlabel()
    line = next(line for line in field.lines if line.get_label() == "Boltzmann, Rashba")
    np.testing.assert_allclose(
        line.get_ydata(), curves.values["boltzmann_rashba"]["torque_total_field_like"] * 1e-4
    )


def test_file(tmp_path: Path, comparison: Comparison, small_config: RunConfig) -> None:
    path = tmp_path / "film.h5"
    write_comparison(path, comparison, small_config, elapsed_seconds=2.0)
    record = comparison.record()
    with xarray.open_dataset(path) as dataset:
        assert set(dataset.data_vars) == {*record, "status"}
        for name, value in record.items():
            np.testing.assert_array_equal(dataset[name], value)
            assert set(dataset[name].dims) <= set(dataset.coords)
        assert int(dataset["status"]) == 1
        assert dataset.attrs["torkivity_version"] == torkivity.__version__
        stored = tmp_path / "stored.toml"
        stored.write_text(dataset.attrs["config_toml"])
    assert load_config(stored) == small_config
    opened = open_results(path)
    assert complex(opened["mixing_conductance"]) == comparison.mixing_conductance
    assert opened["mixing_conductance"].attrs["long_name"] == "mixing conductance at u_R = 0"
    assert "mixing_conductance_real" not in opened
    path.unlink()
    assert opened["tensor_lattice"].sel(current="x", field="E_y").size == 1


def test_listing(tmp_path: Path, comparison: Comparison, small_config: RunConfig) -> None:
    path = tmp_path / "film.h5"
    write_comparison(path, comparison, small_config)
    listing = describe_results(path)
    assert "rashba = 0.085" in listing
    assert "points: 1 done" in listing
    assert "heavy_metal_thickness (3): 2, 4, 10 nm" in listing
    assert "tensor_conductivity (current, field) 4 x 2 1/(Ohm m)" in listing
    assert f"spin_diffusion_length = {comparison.spin_diffusion_length:.6g} nm" in listing
    for name in comparison.record():
        assert f"  {name} " in listing


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    import h5py

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
