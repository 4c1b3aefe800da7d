"""Films with many layers, by iteration: the numbers of the matrix, and of the dense method."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from draws import log_uniform, random_ferromagnet, random_heavy_metal, unit_vector
from torkivity_engine.film.boundaries import Boundary, HalfSpace, Reservoir, Surface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Stack
from torkivity_engine.reduced import batch, many_layers
from torkivity_engine.reduced.batch import FilmMoments, solve_reduced, solve_reduced_many
from torkivity_engine.reduced.block_gmres import block_gmres
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

MESH = SphericalMesh(10, 10)
TRANSPARENT = RashbaInterface(0.0, 0.0, 0.0)


def random_film(seed: int, count: int) -> Stack:
    """Thin (seed % 3 == 0), thick (1) or mixed layers; skew scattering, endless flips, open ends,
    diffuse faces, transparent interfaces and strong Rashba coupling in turn."""
    rng = np.random.default_rng(1000 + seed)
    layers: list[Layer] = []
    for index in range(count):
        layer: Layer = random_heavy_metal(rng) if (index + seed) % 2 else random_ferromagnet(rng)
        if seed % 3 < 2:
            low, high = ((0.05, 0.5), (5.0, 50.0))[seed % 3]
            layer = layer.with_thickness(log_uniform(rng, low, high))
        if isinstance(layer, HeavyMetal) and seed % 4 in (1, 2):
            layer = replace(layer, spin_hall_angle=float(rng.uniform(-0.5, 0.5)))
        if index % 3 == 1 and seed % 5 == 2:
            layer = replace(layer, spin_flip_length=math.inf)
        layers.append(layer)
    interfaces = []
    for below, above in itertools.pairwise(layers):
        magnet = next(layer for layer in (above, below) if isinstance(layer, Ferromagnet))
        u0, u_ex, u_r = (float(x) for x in (3.0 if seed % 4 == 3 else 0.5) * rng.normal(size=3))
        interface = RashbaInterface(u0, u_ex, u_r, magnetization=magnet.magnetization)
        interfaces.append(TRANSPARENT if seed % 5 == 4 and rng.uniform() < 0.5 else interface)
    ends: list[Boundary] = [Surface(), Surface()]
    if seed % 4 == 1:
        ends = [Surface(float(rng.uniform())), Surface(float(rng.uniform()))]
    if seed % 7 == 5:
        ends = [Reservoir(float(rng.normal()), unit_vector(rng)), Reservoir()]
    if seed % 7 == 6:
        ends[seed % 2] = HalfSpace()
    return Stack(
        tuple(layers), tuple(interfaces), *ends, field_direction_deg=float(rng.uniform(0, 360))
    )


def drive_of(film: Stack) -> str:
    return "injection" if isinstance(film.left, Reservoir) else "fields"


def difference(a: FilmMoments, b: FilmMoments) -> float:
    """Largest difference of currents and densities, over the largest of each."""
    return max(
        float(np.abs(x - y).max() / np.abs(y).max())
        for x, y in (
            (a.current_minus, b.current_minus),
            (a.current_plus, b.current_plus),
            (a.density, b.density),
        )
    )


@pytest.fixture
def iterated(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the iteration led there, film by film; those of three layers take it too."""
    monkeypatch.setattr(many_layers, "_FEWEST", 3)
    found: list[bool] = []
    solve = many_layers.solve_by_iteration

    def noted(*arguments: object) -> FilmMoments | None:
        solution = solve(*arguments)  # type: ignore[arg-type]
        found.append(solution is not None)
        return solution

    monkeypatch.setattr(batch, "solve_by_iteration", noted)
    return found


def by_matrix(film: Stack, mesh: SphericalMesh, drive: str = "fields") -> FilmMoments:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "has_many_layers", lambda *_: False)
        return solve_reduced(film, mesh, drive)


@pytest.mark.parametrize("seed", range(24))
def test_the_iteration_solves_the_same_equations(seed: int, iterated: list[bool]) -> None:
    film = random_film(seed, 3 + seed % 6)
    found, exact = (solve(film, MESH, drive_of(film)) for solve in (solve_reduced, by_matrix))
    assert iterated == [True]
    assert difference(found, exact) < 1e-12
    for name in ("residual", "spin_balance", "gauge_slack"):
        assert found.certificates[name] < 2.0 * exact.certificates[name] + 1e-12, name
    assert found.certificates["unitarity_defect"] == exact.certificates["unitarity_defect"]
    assert found.certificates["modes_removed"] == exact.certificates["modes_removed"]
    # That of the largest returns between near layers, against that of all.
    assert 0.1 < found.certificates["condition"] / exact.certificates["condition"] < 10.0


@pytest.mark.parametrize("seed", range(0, 20, 4))
def test_films_of_many_layers_agree_with_the_dense_method(seed: int, iterated: list[bool]) -> None:
    film, mesh = random_film(seed, 4), SphericalMesh(4, 6)
    a, b = (solve_boltzmann(film, mesh, method=method) for method in ("reduced", "dense"))
    assert iterated == [True]
    scale = max(np.abs(at.torque_total).max() for at in b.interfaces)
    for x, y in zip(a.interfaces, b.interfaces, strict=True):
        np.testing.assert_allclose(x.torque_total, y.torque_total, rtol=0, atol=1e-10 * scale)


def test_digits_do_not_depend_on_the_batch() -> None:
    films = [random_film(1, 5)]
    for shift in (0.1, 0.2):
        interfaces = tuple(
            replace(i, rashba=i.rashba + shift)  # type: ignore[call-arg]
            for i in films[0].interfaces
        )
        films.append(replace(films[0], interfaces=interfaces))
    films.append(random_film(2, 4))
    alone = [solve_reduced(film, MESH) for film in films]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        found = solve_reduced_many([films[k] for k in order], MESH)
        for k, solution in zip(order, found, strict=True):
            assert isinstance(solution, FilmMoments)
            assert solution.certificates == alone[k].certificates
            np.testing.assert_array_equal(solution.current_plus, alone[k].current_plus)
            np.testing.assert_array_equal(solution.density, alone[k].density)


def without_flips(spin_flip_length: float, spin_hall_angle: float = 0.06) -> Stack:
    """Eight layers through whose interfaces spins along y go unchanged."""
    m = (0.0, 1.0, 0.0)
    magnet = Ferromagnet(0.3, 16.0, 6.0, spin_flip_length, 1.4, magnetization=m)
    metal = HeavyMetal(0.2, 2.0, spin_flip_length, spin_hall_angle)
    return Stack((metal, magnet) * 4, (RashbaInterface(0.4, 0.2, 0.0, magnetization=m),) * 7)


def test_few_flips_are_enough(iterated: list[bool]) -> None:
    film = without_flips(1e7)
    found, exact = solve_reduced(film, MESH), by_matrix(film, MESH)
    assert iterated == [True]
    condition = exact.certificates["condition"]
    assert 1e6 < condition < 1e9
    # As uncertain as the equations are; what flows is 1e-8 of what drives it.
    assert difference(found, exact) < 1e-13 * condition
    assert 0.03 < found.certificates["condition"] / condition < 30.0


@pytest.mark.parametrize("film", [without_flips(math.inf), without_flips(10.0, 0.0)])
def test_what_is_hardly_determined_or_driven_gets_its_matrix(
    film: Stack, iterated: list[bool]
) -> None:
    found, exact = solve_reduced(film, MESH), by_matrix(film, MESH)
    assert iterated == [False]
    np.testing.assert_array_equal(found.current_minus, exact.current_minus)
    assert found.certificates == exact.certificates


@pytest.mark.parametrize("limit", ["_MOST_STEPS", "_MOST_BYTES"])
def test_a_film_that_takes_too_much_gets_its_matrix(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = random_film(3, 5)
    monkeypatch.setattr(many_layers, limit, 2)
    found, exact = solve_reduced(film, MESH), by_matrix(film, MESH)
    np.testing.assert_array_equal(found.current_minus, exact.current_minus)
    assert found.certificates == exact.certificates


def test_block_gmres_solves_for_all_right_sides() -> None:
    rng = np.random.default_rng(4)
    matrix = np.eye(60) + 0.1 * rng.normal(size=(60, 60)) / np.sqrt(60)
    source = rng.normal(size=(3, 60))
    source[2] = 0.0  # nothing to be done for one of them
    found = block_gmres(lambda x: x @ matrix.T, source, tolerance=1e-13, most_steps=19)
    assert found is not None
    np.testing.assert_allclose(found @ matrix.T, source, atol=1e-11)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, source.T).T, atol=1e-11)
    assert block_gmres(lambda x: x @ matrix.T, source, tolerance=1e-13, most_steps=3) is None
