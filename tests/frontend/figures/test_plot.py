"""Figures of results: what is in them is what is in the file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

import torkivity
from torkivity.catalogue import MODELS
from torkivity.commands.units import UNITS
from torkivity.figures import (
    angular_figure,
    line_figure,
    map_figure,
    profile_figure,
    sweep_figure,
    thickness_figure,
)
from torkivity.figures.quantities import Quantity
from torkivity.figures.style import (
    Coordinate,
    new_figure,
    panel_titles,
    power_of_ten,
    unit_label,
)
from torkivity.figures.thickness import curves_of_study
from torkivity.results.angles import frame_length
from torkivity.results.open import open_results
from torkivity.results.selection import choose_axes, select_points
from torkivity.results.values import model_values
from torkivity.study.points import point_case
from torkivity.study.run import FilmStudy, write_film
from torkivity_engine.units import QUANTITIES

SWEEP = """
[sweep]
models = ["boltzmann", "drift_diffusion"]
[sweep.axes]
interface.exchange = { linspace = [0.05, 0.4, 8] }
interface.rashba = { linspace = [0.0, 0.3, 7] }
film.magnetization_angles_deg.theta = [0.0, 40.0]
[[sweep.zip]]
name = "sample"
labels = ["thin", "thick"]
heavy_metal.thickness = [2.0, 8.0]
ferromagnet.thickness = [1.0, 5.0]
"""

#: Axes of it.
EXCHANGE, RASHBA = '"Pt|Co".exchange', '"Pt|Co".rashba'
THETA = "film.magnetization.theta_deg"

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def sweep_path(tmp_path_factory: pytest.TempPathFactory, small_toml: str) -> Path:
    """A real sweep over four axes, on the smallest mesh that will do."""
    folder = tmp_path_factory.mktemp("plot")
    text = small_toml.replace("n_polar = 4\nn_azimuth = 8", "n_polar = 2\nn_azimuth = 4")
    text = text.replace("magnetization = [0.3, 0.2, 1.0]", "")
    (folder / "film.toml").write_text(text + SWEEP)
    torkivity.sweep(folder / "film.toml", out=folder / "sweep.h5")
    return folder / "sweep.h5"


@pytest.fixture(scope="module")
def dataset(sweep_path: Path) -> xarray.Dataset:
    """Shared: tests change copies."""
    return open_results(sweep_path)


@pytest.fixture(scope="module")
def run_path(tmp_path_factory: pytest.TempPathFactory, film_study: FilmStudy) -> Path:
    path = tmp_path_factory.mktemp("run") / "film.h5"
    write_film(path, film_study)
    return path


def torque(dataset: xarray.Dataset, model: str, kind: str, part: str = "total") -> xarray.DataArray:
    """A component of a torque by a model, over the axes that are left."""
    return model_values(dataset, f"torque_{part}_{kind}", model, "all")


def with_torque(
    dataset: xarray.Dataset, values: xarray.DataArray | float, kind: str, **where: object
) -> xarray.Dataset:
    """A copy of it with other total torques at some places."""
    changed = dataset.copy(deep=True)
    changed[f"torque_total_{kind}"].loc[where] = values
    return changed


def lines_of(figure: Figure, panel: int = 0, least: int = 3) -> list[np.ndarray]:
    """Ordinates of the curves in a panel."""
    lines = figure.axes[panel].lines
    return [np.asarray(x.get_ydata()) for x in lines if len(x.get_xdata()) >= least]


def test_lines_are_the_file(dataset: xarray.Dataset) -> None:
    at = {"rashba": 0.1, "theta": 40.0, "sample": "thick"}
    figure = line_figure(dataset, "interface.exchange", at=at)
    units = r"$\Omega^{-1}$m$^{-1}$"
    held = dataset.sel({THETA: 40.0, "sample": "thick"}).isel({RASHBA: 2})
    assert float(held[RASHBA]) == pytest.approx(0.1)
    for panel, kind in enumerate(("damping_like", "field_like")):
        curves = [torque(held, model, kind).values for model in ("boltzmann", "drift_diffusion")]
        # The exponent as printed: the largest number lies between one and ten of it.
        printed = figure.axes[panel].get_ylabel()
        assert units in printed
        exponent = int(printed.partition("10^{")[2].partition("}")[0])
        assert 1.0 <= np.abs(curves).max() / 10.0**exponent < 10.0
        for drawn, expected in zip(lines_of(figure, panel), curves, strict=True):
            np.testing.assert_allclose(drawn, expected / 10.0**exponent)
    assert figure.axes[0].get_xlabel() == r"Pt|Co exchange $u_\mathrm{ex}$"
    assert "damping-like" in figure.axes[0].get_title(loc="left")
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        MODELS["boltzmann"].title, MODELS["drift_diffusion"].title,
    ]  # fmt: skip
    assert figure.get_suptitle() == (
        r"Pt / Co; Pt|Co $u_\mathrm{R}$ = 0.1, $\theta$ = 40 deg, sample = thick"
    )


def test_family_of_lines(dataset: xarray.Dataset) -> None:
    figure = line_figure(dataset, "rashba", by="sample", quantity="torque_interface")
    first = dataset.isel({EXCHANGE: 0, THETA: 0})
    drawn = lines_of(figure, 1)
    assert len(drawn) == 4  # two samples by two models
    both = [
        torque(first, model, "field_like", "interface")
        for model in ("boltzmann", "drift_diffusion")
    ]
    exponent = max(power_of_ten(values.values) for values in both)
    np.testing.assert_allclose(drawn[0], both[0].sel(sample="thin") / 10.0**exponent)
    np.testing.assert_allclose(drawn[1], both[0].sel(sample="thick") / 10.0**exponent)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:2] == ["sample = thin", "sample = thick"]
    with pytest.raises(torkivity.InputError, match="12 lines"):
        line_figure(dataset.isel({EXCHANGE: [0] * 13}), "rashba", by="exchange")


def test_maps_are_the_file_and_hatch_what_is_missing(dataset: xarray.Dataset) -> None:
    hole = {EXCHANGE: dataset[EXCHANGE][3], RASHBA: dataset[RASHBA][2]}
    holes = with_torque(dataset, np.nan, "field_like", model="drift_diffusion", **hole)
    at = {"theta": "40", "sample": "thin"}
    quantity = Quantity(models=["drift_diffusion"])
    figure = map_figure(holes, "exchange", "rashba", at=at, quantity=quantity)
    held = holes.sel({THETA: 40.0, "sample": "thin"})
    values = torque(held, "drift_diffusion", "field_like").transpose(RASHBA, EXCHANGE).values
    mesh = figure.axes[1].collections[0]
    drawn = np.ma.filled(mesh.get_array(), np.nan).reshape(values.shape)
    np.testing.assert_allclose(drawn, values / 10.0 ** power_of_ten(values))
    assert np.isnan(drawn[2, 3])
    assert figure.axes[1].patch.get_hatch()
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["no value"]
    if values[np.isfinite(values)].min() < 0.0 < values[np.isfinite(values)].max():
        low, high = mesh.get_clim()
        assert low == -high
    assert "drift-diffusion" in figure.get_suptitle()
    assert figure.axes[0].get_ylabel() == r"Pt|Co Rashba coupling $u_\mathrm{R}$"
    assert not map_figure(dataset, "exchange", "rashba").legends


def test_zero_is_in_the_middle_where_both_signs_occur(dataset: xarray.Dataset) -> None:
    name = "torque_total_damping_like"
    tilted = dataset.copy(deep=True)
    tilted[name] = (tilted[EXCHANGE] - 0.1) * (1.0 + 0.0 * tilted[name])
    assert map_figure(tilted, "exchange", "rashba").axes[0].collections[0].get_clim() == (
        pytest.approx((-0.3, 0.3))
    )
    tilted[name] = (tilted[EXCHANGE] + 0.1) * (1.0 + 0.0 * tilted[name])
    assert map_figure(tilted, "exchange", "rashba").axes[0].collections[0].get_clim() == (
        pytest.approx((0.15, 0.5))
    )


def test_rounding_noise_is_drawn_as_zero(dataset: xarray.Dataset) -> None:
    """With m along z the spin current along z has none of that component."""
    noisy = dataset.copy(deep=True)
    currents = noisy["spin_current_minus"]
    currents.loc[{"spin": "z"}] = 1e-12 * currents.sel(spin="x")
    quantity = Quantity("spin_current_minus", models=["boltzmann"])
    drawn = [lines_of(line_figure(noisy, "exchange", quantity=quantity), k)[0] for k in range(3)]
    assert not drawn[2].any()
    assert np.abs(drawn[1]).max() > 0.1


def test_gaps(dataset: xarray.Dataset) -> None:
    places = dataset[EXCHANGE].values
    gap = {"model": "boltzmann", EXCHANGE: places[:5]}
    holes = with_torque(dataset, np.nan, "damping_like", **gap)
    line = line_figure(holes, "exchange").axes[0].lines[1]
    assert np.isnan(line.get_ydata()[:5]).all()
    assert np.isfinite(line.get_ydata()[5:]).all()
    assert line.get_markevery() == []
    # Only the sixth and the last point are left.
    holes = with_torque(holes, np.nan, "damping_like", model="boltzmann", **{EXCHANGE: places[6]})
    # Points between gaps have a dot, as they have no line.
    assert line_figure(holes, "exchange").axes[0].lines[1].get_markevery() == [5, 7]


def test_unsorted_and_named_axes(dataset: xarray.Dataset) -> None:
    mixed = dataset.isel({EXCHANGE: [3, 0, 7, 1]})
    line = line_figure(mixed, "exchange").axes[0].lines[1]
    assert list(line.get_xdata()) == sorted(line.get_xdata())
    np.testing.assert_allclose(line.get_xdata(), dataset[EXCHANGE].values[[0, 1, 3, 7]])
    axes = line_figure(dataset, "sample").axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["thin", "thick"]


def test_choice_of_axes(dataset: xarray.Dataset) -> None:
    assert choose_axes(dataset) == (EXCHANGE, RASHBA, None)
    assert choose_axes(dataset, at=["rashba"]) == (EXCHANGE, None, THETA)
    assert choose_axes(dataset, "theta") == (THETA, EXCHANGE, None)
    assert choose_axes(dataset, "rashba", by="theta") == (RASHBA, None, THETA)
    assert choose_axes(dataset, y="rashba") == (EXCHANGE, RASHBA, None)
    # Six values make a family of lines, seven a map.
    assert choose_axes(dataset) == (EXCHANGE, RASHBA, None)
    six = dataset.isel({RASHBA: slice(0, 6)})
    assert choose_axes(six) == (EXCHANGE, None, RASHBA)
    assert choose_axes(dataset, at=["rashba", "exchange", "sample"]) == (THETA, None, None)
    assert choose_axes(dataset, at=["rashba", "exchange"])[::2] == (THETA, "sample")
    for wrong in ({"x": "exchange", "y": "exchange"}, {"x": "rashba", "at": ["rashba"]}):
        with pytest.raises(torkivity.InputError, match="used twice"):
            choose_axes(dataset, **wrong)  # type: ignore[arg-type]
    with pytest.raises(torkivity.InputError, match="nothing is left that varies"):
        choose_axes(dataset, at=["exchange", "rashba", "theta", "sample"])


def test_selection(dataset: xarray.Dataset) -> None:
    """Values as they are printed are found; what is between them is not."""
    thirds = dataset.assign_coords({RASHBA: np.arange(7) / 3.0})
    found = select_points(thirds, ["exchange"], {"rashba": "0.333333"})
    assert found.held[RASHBA] == thirds[RASHBA].values[1]
    assert found.assumed == {THETA: 0.0, "sample": "thin"}
    with pytest.raises(torkivity.InputError, match=r"must be a value of the sweep: 0, 0\.333333"):
        select_points(thirds, ["exchange"], {"rashba": "0.34"})
    with pytest.raises(torkivity.InputError, match="is drawn as an axis"):
        select_points(thirds, ["exchange"], {"exchange": 0.05})


def test_quantities(dataset: xarray.Dataset) -> None:
    vector = Quantity("spin_current_minus").of(dataset)
    assert [component.title for component in vector] == ["x", "y", "z"]
    (scalar,) = Quantity("charge_current_plus", models=["boltzmann"]).of(dataset)
    assert list(scalar.values) == ["boltzmann"]
    (own,) = Quantity("seconds").of(dataset)
    assert own.units == "s"
    cartesian = Quantity(components="cartesian").of(dataset)
    xarray.testing.assert_equal(
        cartesian[1].values["boltzmann"].drop_vars("spin"),
        dataset["torque_total"]
        .sel(spin="y", model="boltzmann", source="all", interface="Pt|Co")
        .drop_vars(["spin", "model", "source", "interface"]),
    )
    damping = torque(dataset, "boltzmann", "damping_like")
    conductivity = Quantity(normalisation="spin_torque_conductivity").of(dataset)[0]
    np.testing.assert_allclose(conductivity.values["boltzmann"], 2.0 * damping)
    efficiency = Quantity(normalisation="efficiency", resistivity=2e-7).of(dataset)[0]
    np.testing.assert_allclose(efficiency.values["boltzmann"], 4e-7 * damping)
    assert list(UNITS.values()) == list(QUANTITIES)
    for wrong, expected in (
        ({"name": "torque"}, "or a variable of the file"),
        ({"models": ["boundary_layer"]}, "must be one that the file has"),
        ({"source": "rashba"}, r"must be one that the file has \(all\)"),
        ({"name": "spin_current_plus", "components": "torque-frame"}, "are those of torques"),
        ({"normalisation": "efficiency"}, "must be a positive number of Ohm m"),
        ({"name": "difference", "models": ["boltzmann"]}, "is what the difference is taken from"),
    ):
        with pytest.raises(torkivity.InputError, match=expected):
            Quantity(**wrong).of(dataset)  # type: ignore[arg-type]


def test_difference_in_percent(dataset: xarray.Dataset) -> None:
    point = dataset.isel({THETA: 1, "sample": 1, RASHBA: 3})
    other, exact = (torque(point, m, "field_like") for m in ("drift_diffusion", "boltzmann"))
    expected = 100.0 * (other / exact - 1.0)
    at = {"theta": 40.0, "sample": "thick", "rashba": 0.15}
    figure = sweep_figure(dataset, "exchange", at=at, quantity="difference")
    (drawn,) = lines_of(figure, 1)
    np.testing.assert_allclose(drawn, expected)


def test_angular(dataset: xarray.Dataset) -> None:
    """T0 m x (m x y_p) and T0 m x y_p have a flat ratio, an extra sin^2 shows as it is."""
    film = torkivity.Bilayer(
        torkivity.HeavyMetal(5.0, 2.0, 20.0),
        torkivity.RashbaInterface(0.4, 0.2, 0.1),
        torkivity.Ferromagnet(5.0, 10.0, 5.0, 100.0, 1.5),
        field_direction_deg=20.0,
    )
    field = np.radians(20.0)
    y_p = np.array([-np.sin(field), np.cos(field), 0.0])

    def record(point: torkivity.Bilayer) -> dict[str, float]:
        m = np.array(point.magnetization)
        length = float(np.linalg.norm(np.cross(m, y_p)))
        in_plane = float(m[0] ** 2 + m[1] ** 2)
        record = {"torque_total": 0.0, "length": length}
        for part in ("total", "interface", "ferromagnet"):
            record[f"torque_{part}_damping_like"] = 3e5 * length
            record[f"torque_{part}_field_like"] = -2e5 * length * (1 + 0.4 * in_plane)
        return record

    theta = np.linspace(0.0, 180.0, 13)
    result = torkivity.sweep(film, {"theta": theta, "phi": [0.0, 70.0]}, evaluate=record)
    np.testing.assert_allclose(frame_length(result), result["length"], atol=1e-12)
    # As a file has it that a model made.
    result = result.expand_dims(model=["boltzmann"], source=["all"])
    figure = angular_figure(result, "theta", at={"phi": 70.0})
    np.testing.assert_allclose(lines_of(figure, 2)[0], 1.0)
    expected = 1.0 + 0.4 * np.sin(np.radians(theta)) ** 2
    np.testing.assert_allclose(lines_of(figure, 3)[0], expected)
    assert "deg" in figure.axes[2].get_xlabel()
    assert "relative to" in figure.axes[3].get_ylabel()
    with pytest.raises(torkivity.InputError, match="must be an angle of m"):
        angular_figure(dataset, "exchange")


def test_profile() -> None:
    """The charge current is the conductivity deep in the metal; the torque density adds up."""
    film = torkivity.Bilayer(
        torkivity.HeavyMetal(20.0, 1.5, 20.0),
        torkivity.RashbaInterface(0.4, 0.2, 0.1),
        torkivity.Ferromagnet(8.0, 4.0, 4.0, np.inf, 1.5),
        magnetization=(0.3, 0.2, 1.0),
        field_direction_deg=35.0,
        layer_names=("Pt", "Co"),
    )
    solution = torkivity.solve_boltzmann(film, torkivity.SphericalMesh(8, 8))
    figure = profile_figure(film, solution)

    def curves(panel: int, layer: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Data of one layer with the power of ten put back."""
        axes = figure.axes[panel]
        power = axes.get_ylabel().partition("10^{")[2].partition("}")[0]
        lines = [line for line in axes.lines if len(line.get_xdata()) > 10]
        return [
            (np.asarray(line.get_xdata()), np.asarray(line.get_ydata()) * 10.0 ** int(power or 0))
            for line in lines[layer::2]
        ]

    ((z, charge),) = curves(2, 0)
    assert (z.min(), z.max()) == (-20.0, 0.0)
    conductivity = film.heavy_metal.conductivity(film.fermi_wavevector)
    assert np.interp(-10.0, z, charge) == pytest.approx(conductivity, rel=1e-3)
    for axis, (_, current) in enumerate(curves(0, 1)):
        assert current[0] == pytest.approx(solution.spin_current_plus[axis], rel=1e-9, abs=1.0)
    # Scattering leaves spins alone: what enters the ferromagnet is the torque on it. The 41
    # points of a profile are good for a percent.
    for axis, (z, density) in enumerate(curves(3, 1)):
        total = np.trapezoid(density, z * 1e-9)
        largest = np.abs(solution.torque_ferromagnet).max()
        assert total == pytest.approx(solution.torque_ferromagnet[axis], abs=0.01 * largest)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["Pt", "Co"]


@pytest.mark.parametrize("repeats", [1, 4])
def test_profile_of_a_stack(repeats: int) -> None:
    """Every layer between its faces, magnets shaded, no name over another or a letter."""
    pt, co = torkivity.HeavyMetal(1.5, 1.5, 20.0), torkivity.Ferromagnet(0.8, 4.0, 4.0, np.inf, 1.5)
    up, down = (torkivity.RashbaInterface(0.4, 0.2, u) for u in (0.1, -0.1))
    magnet = replace(co, magnetization=(0.3, 0.2, 1.0))
    film = torkivity.Stack(
        (*(pt, magnet) * repeats, replace(pt, thickness=2.0)), (up, down) * repeats
    )
    figure = profile_figure(film, torkivity.solve_boltzmann(film, torkivity.SphericalMesh(4, 4)))
    FigureCanvasAgg(figure).draw()
    heights = np.concatenate([[0.0], np.cumsum([layer.thickness for layer in film.layers])]) - 1.5
    for axes in figure.axes:
        curves = [line for line in axes.lines if len(line.get_xdata()) > 10]
        for layer, curve in enumerate(curves[: len(film.layers)]):
            z = np.asarray(curve.get_xdata())
            np.testing.assert_allclose((z.min(), z.max()), heights[layer : layer + 2], atol=1e-12)
        assert len(axes.patches) == repeats
        assert [text.get_text() for text in axes.texts] == list(film.names)
        letters = [t for t in axes.findobj(Text) if t.get_text() == axes.get_title(loc="left")]
        boxes = [text.get_window_extent() for text in (*axes.texts, *letters)]
        assert len(letters) == 1
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:i])
    # The torque on all magnets is what their densities add up to, curves of 41 points each.
    response = torkivity.solve_boltzmann(film, torkivity.SphericalMesh(4, 4))
    total = sum(
        np.trapezoid(p.torque_density, p.z * 1e-9, axis=0)
        for p in (response.profile(i) for i, x in enumerate(film.layers) if x.magnetic)
    )
    expected = sum(i.torque_ferromagnet for i in response.interfaces)
    np.testing.assert_allclose(total, expected, atol=0.01 * np.abs(expected).max())


def test_thickness_from_the_file_alone(run_path: Path, film_study: FilmStudy) -> None:
    opened = open_results(run_path)
    from_file = thickness_figure(opened)
    assert film_study.curve is not None
    curves = curves_of_study(film_study.curve)
    direct = thickness_figure(curves)
    for ours, theirs in zip(from_file.axes, direct.axes, strict=True):
        assert ours.get_ylabel() == theirs.get_ylabel()
        for one, two in zip(ours.lines, theirs.lines, strict=True):
            assert one.get_label() == two.get_label()
            np.testing.assert_array_equal(one.get_ydata(), two.get_ydata())
    lattice = thickness_figure(opened, part="lattice")
    curve = curves.values["boltzmann", "rashba"]["torque_lattice_field_like"]
    assert "10^{5}" in lattice.axes[1].get_ylabel()
    np.testing.assert_allclose(lattice.axes[1].lines[1].get_ydata(), 1e-5 * curve)
    with pytest.raises(torkivity.InputError, match="must be one of total"):
        thickness_figure(opened, part="spin")


def test_film_of_a_point(dataset: xarray.Dataset, run_path: Path) -> None:
    at = {"rashba": 0.1, "theta": 40.0, "sample": "thick", "interface.exchange": 0.05}
    case, point = point_case(dataset, at)
    film = case.film
    assert isinstance(film, torkivity.Bilayer)
    assert isinstance(film.interface, torkivity.RashbaInterface)
    assert film.interface.rashba == pytest.approx(0.1)
    assert film.interface.exchange == 0.05
    assert (film.heavy_metal.thickness, film.ferromagnet.thickness) == (8.0, 5.0)
    angle = np.radians(40.0)
    np.testing.assert_allclose(film.magnetization, [np.sin(angle), 0.0, np.cos(angle)], atol=1e-12)
    solution = torkivity.solve_boltzmann(film, torkivity.SphericalMesh(2, 4))
    found = model_values(point.dataset, "torque_total", "boltzmann", "all")
    np.testing.assert_allclose(solution.torque_total, found, rtol=1e-9)
    single, _ = point_case(open_results(run_path))
    assert single.parameter("interface.rashba").value == 0.085


@pytest.mark.parametrize(
    ("values", "exponent"),
    [
        ([[2.0e5, -3.0e6], [np.nan]], 6),
        ([[1e5], [np.inf, 9.99e4]], 5),
        ([[1000.0]], 3),
        ([[-1000.0, 1.0]], 3),
        ([[999.0]], 0),
        ([[12.0]], 0),
        ([[0.1]], 0),
        ([[0.099]], -2),
        ([[3e-9, -4e-8]], -8),
        ([[0.0]], 0),
        ([[]], 0),
        ([[np.nan]], 0),
        ([], 0),
    ],
)
def test_exponents(values: list[list[float]], exponent: int) -> None:
    """Numbers from 0.1 to 999 are printed as they are."""
    assert power_of_ten(*values) == exponent


def test_panels_are_lettered_if_there_are_several() -> None:
    _, panels = new_figure(1, 3, 2.0)
    panel_titles(panels, ["damping-like", "", "m"])
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == ["(a) damping-like", "(b)", "(c) m"]
    _, single = new_figure(1, 1, 2.0)
    panel_titles(single, ["damping-like"])
    assert single[0].get_title(loc="left") == "damping-like"


def test_labels() -> None:
    assert unit_label("1") == ""
    assert unit_label("1", -3) == "($10^{-3}$)"
    assert unit_label("degree") == "(deg)"
    assert unit_label("1/(Ohm m^2)") == r"($\Omega^{-1}$m$^{-2}$)"
    assert unit_label("1/nm") == "(nm$^{-1}$)"
    assert unit_label("(hbar/2e)/(Ohm m)") == r"($(\hbar/2e)\,\Omega^{-1}$m$^{-1}$)"
    assert unit_label("nOhm m") == r"(n$\Omega$ m)"
    assert unit_label("1/(Ohm m)", 4) == r"($10^{4}$$\,$$\Omega^{-1}$m$^{-1}$)"
    spaced = xarray.DataArray(np.geomspace(1.0, 30.0, 7), dims="d", name="Pt.thickness")
    axes = Figure().subplots()
    spaced = spaced.assign_attrs(units="nm", long_name="thickness", symbol="$t$")
    Coordinate(spaced).apply(axes.xaxis)
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "Pt thickness $t$ (nm)"
    whole = {"film.fermi_wavevector": "k", "mesh.n_polar": "polar angles", "a_group": "group a"}
    for name, words in whole.items():
        axis = xarray.DataArray([1.0, 2.0], dims="d", name=name, attrs={"long_name": words})
        assert Coordinate(axis).label == (words if "." in name else "a group")
    infinite = xarray.DataArray([1.0, np.inf], dims="d", name="precession_length")
    with pytest.raises(torkivity.InputError, match="infinite values"):
        Coordinate(infinite)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), [f"{THETA} = 0, its first value", "sample = thin", "a map shows one model"]),
        (("--quantity", "difference", "--at", "theta=0", "--at", "sample=thick"), []),
        (("--angular", "--at", "rashba=0.2", "--at", "sample=thin", "--by", "exchange"), []),
        (
            ("--profile", "--at", "sample=thick", "--source", "rashba"),
            ["rashba = 0, its first", "exchange = 0.05, its"],
        ),
        (("--components", "cartesian", "--unit", "conductivity"), []),
        (("--angular", "--at", "sample=thick", "--at", "rashba=0.2", "--unit", "efficiency"), []),
    ],
)
def test_command(
    call: Call, sweep_path: Path, tmp_path: Path, arguments: tuple[str, ...], said: list[str]
) -> None:
    status, out, err = call("plot", sweep_path, "-o", tmp_path / "a.png", *arguments)
    assert status == 0, err
    assert out == f"wrote {tmp_path / 'a.png'}\n"
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    for text in said:
        assert text in err


def test_command_on_a_film(call: Call, run_path: Path, tmp_path: Path, small_toml: str) -> None:
    film = tmp_path / "film.toml"
    film.write_text(small_toml)
    assert call("plot", film, "--profile")[0] == 0
    assert (tmp_path / "film-profile.png").is_file()
    status, _, err = call("plot", film, "--profile")
    assert status == 2
    assert "exists already; --force overwrites it" in err
    (tmp_path / "film.h5").write_bytes(run_path.read_bytes())
    assert call("plot", tmp_path / "film.h5")[0] == 0
    lattice = ("--quantity", "torque_lattice", "-o", tmp_path / "p.svg")
    assert call("plot", tmp_path / "film.h5", *lattice)[0] == 0
    assert (tmp_path / "p.svg").read_bytes().startswith(b"<?xml")
    assert {p.name for p in tmp_path.iterdir()} == {
        "film.toml", "film.h5", "film.png", "film-profile.png", "p.svg",
    }  # fmt: skip


def test_unfinished_sweep(call: Call, sweep_path: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.h5"
    part.write_bytes(sweep_path.read_bytes())
    with h5py.File(part, "r+") as file:
        file["status"][4:, ...] = 0
        file["status"][3, ...] = 2
    arguments = ("--x", "exchange", "--at", "rashba=0.1", "--at", "theta=0", "--at", "sample=thin")
    status, _, err = call("plot", part, *arguments)
    assert status == 0, err
    # Models have points of their own; those that are not drawn do not count.
    assert "gaps: of 16 points drawn, 8 missing and 2 failed" in err
    one = ("--model", "drift_diffusion", "--force")
    assert (
        "gaps: of 8 points drawn, 4 missing and 1 failed" in call("plot", part, *arguments, *one)[2]
    )
    assert (tmp_path / "part.png").is_file()


def test_without_xarray(
    call: Call, sweep_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    status, out, err = call("plot", sweep_path, "-o", tmp_path / "a.png")
    assert (status, out) == (2, "")
    assert "open_results needs h5netcdf: pip install 'torkivity[xarray]'" in err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_wrong_calls(call: Call, sweep_path: Path, run_path: Path, tmp_path: Path) -> None:
    foreign, film = tmp_path / "foreign.h5", tmp_path / "film.toml"
    with h5py.File(foreign, "w") as file:
        file["x"] = 1.0
    film.write_text("[film]\n")
    without = tmp_path / "without.h5"
    torkivity.sweep(
        torkivity.Bilayer(
            torkivity.HeavyMetal(5.0, 2.0, 20.0),
            torkivity.RashbaInterface(0.4, 0.2, 0.1),
            torkivity.Ferromagnet(5.0, 10.0, 5.0, 100.0, 1.5),
        ),
        {"exchange": [0.1, 0.2]},
        evaluate=lambda film: {"value": film.interface.exchange},
        out=without,
    )
    bare = tmp_path / "bare.h5"
    bare.write_bytes(without.read_bytes())
    with h5py.File(bare, "r+") as file:
        del file.attrs["config_toml"]
    for arguments, expected in (
        ((foreign,), "is an HDF5 file, but not one of torkivity's"),
        ((tmp_path / "none.h5",), "no such file"),
        ((film,), "--profile draws a film from its TOML"),
        ((film, "--profile"), "ferromagnet is missing"),
        ((film, "--profile", "--at", "theta=1"), "--at is for sweeps"),
        ((without,), "none: name a variable as the quantity"),
        ((bare, "--profile"), "holds no configuration"),
        ((run_path, "--x", "exchange"), "--x: only for sweeps"),
        ((sweep_path, "--x", "phi"), f"must be one of this sweep's: {EXCHANGE}, {RASHBA}, {THETA}"),
        ((sweep_path, "--y", "rashba", "--by", "theta"), "not with a map"),
        ((sweep_path, "--at", "rashba"), "must be NAME=VALUE"),
        ((sweep_path, "--at", "rashba=0", "--at", "rashba=0.1"), "is given twice"),
        ((sweep_path, "--angular", "--y", "rashba"), "give --by instead of --y"),
        ((sweep_path, "--angular", "--x", "rashba"), "must be an angle of m"),
        ((sweep_path, "--quantity", "tork"), "must be one of spin_current_minus"),
        ((sweep_path, "-o", tmp_path / "a.gif"), "--output"),
    ):
        output = () if "-o" in arguments else ("-o", tmp_path / "a.png")
        status, out, err = call("plot", *arguments, *output)
        assert status == 2, (arguments, err)
        assert out == ""
        assert expected in err.splitlines()[-1], (arguments, err)
        assert [x for x in err.splitlines() if not x.startswith("torkivity: ")] == []
    assert {p.name for p in tmp_path.iterdir()} == {
        "film.toml", "foreign.h5", "without.h5", "bare.h5",
    }  # fmt: skip


def test_a_long_label_takes_two_lines_and_fits() -> None:
    name, words = "Co.fermi_wavevector_minority", "Fermi wavevector of minority spins"
    values = xarray.DataArray(
        [8.0, 16.0],
        name=name,
        dims=name,
        attrs={"units": "1/nm", "long_name": words, "symbol": r"$k_\downarrow$"},
    )
    _, (_, axes) = new_figure(1, 2, 3.1)
    Coordinate(values).apply(axes.xaxis)
    lines = axes.get_xlabel().split("\n")
    assert " ".join(lines) == f"Co {words} $k_\\downarrow$ (nm$^{{-1}}$)"
    assert len(lines) == 2
    assert all(line.count("$") % 2 == 0 for line in lines)
    axes.figure.draw_without_rendering()
    label, panel = axes.xaxis.label.get_window_extent(), axes.get_window_extent()
    assert label.width < 1.05 * panel.width
