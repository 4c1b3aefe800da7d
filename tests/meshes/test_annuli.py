"""Annuli of k_parallel: thresholds without loss of digits, moments of every sphere."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from torkivity_meshes import AzimuthalRings, InputError, SphericalMesh, annular_grid


def _rule(n_polar: int, polar_rule: str = "gauss") -> AzimuthalRings:
    rings = SphericalMesh(n_polar, 4, polar_rule).rings
    assert rings is not None
    return rings


def test_one_radius_is_the_mesh_of_the_sphere_bit_for_bit() -> None:
    rule = _rule(9)
    grid = annular_grid([13.7, 13.7], rule)
    sphere = grid.sphere(13.7)
    np.testing.assert_array_equal(sphere.cosines, rule.cosines)
    np.testing.assert_array_equal(sphere.polar_weights, rule.polar_weights)
    # C int dOmega mu over the half sphere is the same as C_0 int d^2 k_parallel.
    flux = 2 * np.pi * 13.7**2 * rule.cosines * rule.polar_weights
    np.testing.assert_allclose(grid.area, flux, rtol=1e-15)
    np.testing.assert_allclose(grid.normal_squared(13.7), (13.7 * rule.cosines) ** 2, rtol=1e-15)


def test_rings_fall_in_k_parallel_and_a_sphere_holds_the_last_ones() -> None:
    radii = [16.0, 9.0, 20.0]
    grid = annular_grid(radii, _rule(5))
    assert grid.radii == (9.0, 16.0, 20.0)
    assert grid.n_rings == 15
    assert np.all(np.diff(grid.k_parallel) < 0)
    for radius in radii:
        on_it = grid.k_parallel < radius
        first = grid.first(radius)
        assert not on_it[:first].any()
        assert on_it[first:].all()
        assert np.all(grid.normal_squared(radius)[first:] > 0)
        assert np.all(grid.normal_squared(radius)[:first] < 0)
        assert np.all(np.diff(grid.sphere(radius).cosines) > 0)


def test_thresholds_lose_no_digits() -> None:
    # Radii a part in 1e9 apart: k_parallel itself knows k_z of its own threshold to 1e-7 only.
    radii = (16.0, 16.0 * (1 + 1e-9), 16.1)
    rule = _rule(6)
    grid = annular_grid(radii, rule)
    with mpmath.workdps(40):
        edges = [mpmath.mpf(0), *map(mpmath.mpf, radii)]
        for ring in range(grid.n_rings):
            annulus = len(radii) - 1 - ring // rule.n_polar
            a, b = edges[annulus], edges[annulus + 1]
            theta = mpmath.pi / 2 * (1 - mpmath.mpf(float(rule.cosines[ring % rule.n_polar])))
            k2 = a**2 + (b**2 - a**2) * mpmath.sin(theta) ** 2
            for radius in radii:
                exact = mpmath.mpf(radius) ** 2 - k2
                assert abs(grid.normal_squared(radius)[ring] / exact - 1) < 1e-14
            exact = -(mpmath.mpf(5) ** 2) - k2
            assert abs(grid.normal_squared(0.0, decay=5.0)[ring] / exact - 1) < 1e-14


@pytest.mark.parametrize(
    ("radii", "error"),
    [((8.0, 16.0), 1e-9), ((10.0, 13.0, 17.0), 1e-7), ((15.9, 16.0), 2e-5)],
)
def test_twelve_points_an_annulus_average_over_every_sphere(
    radii: tuple[float, ...], error: float
) -> None:
    grid = annular_grid(radii, _rule(12))
    for radius in radii:
        sphere = grid.sphere(radius)
        mu, w = sphere.cosines, sphere.polar_weights
        assert w.sum() == pytest.approx(1.0, abs=1e-15)
        assert w @ mu == pytest.approx(0.5, rel=error)
        assert w @ mu**2 == pytest.approx(1 / 3, rel=error)
        area = grid.area[grid.first(radius) :].sum()
        assert area == pytest.approx(np.pi * radius**2, rel=1e-9)


def test_both_square_roots_become_smooth() -> None:
    # int sqrt(k^2 - a^2) sqrt(b^2 - k^2) 2 pi k dk over an annulus is pi^2 (b^2 - a^2)^2 / 8.
    a, b = 11.0, 16.0
    errors = []
    for n in (3, 6, 12):
        grid = annular_grid([a, b], _rule(n))
        outer = slice(0, grid.first(a))
        product = -grid.normal_squared(a)[outer] * grid.normal_squared(b)[outer]
        total = grid.area[outer] @ np.sqrt(product)
        errors.append(abs(total / (np.pi**2 * (b**2 - a**2) ** 2 / 8) - 1))
    assert errors[1] < 1e-3 * errors[0]
    assert errors[2] < 1e-13


def test_graded_rule_crowds_towards_the_outer_threshold() -> None:
    plain, graded = (annular_grid([9.0, 16.0], _rule(8, rule)) for rule in ("gauss", "graded"))
    assert graded.sphere(16.0).cosines[0] < 0.1 * plain.sphere(16.0).cosines[0]


@pytest.mark.parametrize("radii", [[], [0.0, 1.0], [-1.0], [1.0, np.inf], [np.nan]])
def test_radii_must_be_positive(radii: list[float]) -> None:
    with pytest.raises(InputError, match="radii"):
        annular_grid(radii, _rule(4))
