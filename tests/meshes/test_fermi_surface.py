"""Meshes: pairing, moments, and one message per violated requirement."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import integrate

from torkivity_meshes import (
    InputError,
    SphericalMesh,
    check_mesh_sizes,
    load_mesh,
    mesh_from_arrays,
    polar_rule,
)


@pytest.mark.parametrize("rule", ["gauss", "graded", "rational"])
@pytest.mark.parametrize("n_azimuth", [4, 6, 16])
def test_pairing_and_channels(rule: str, n_azimuth: int) -> None:
    mesh = SphericalMesh(7, n_azimuth, rule)
    k = mesh.directions
    assert mesh.n_directions == 2 * 7 * n_azimuth
    assert mesh.n_unknowns == 4 * mesh.n_directions
    np.testing.assert_array_equal(k[mesh.mirror], k * [1, 1, -1])
    np.testing.assert_array_equal(mesh.channel[mesh.mirror], mesh.channel)
    np.testing.assert_array_equal(mesh.channel[mesh.upward], np.arange(mesh.n_channels))
    np.testing.assert_array_equal(mesh.mirror[mesh.upward], mesh.downward)
    assert np.all(k[mesh.upward, 2] > 0)
    np.testing.assert_allclose(np.linalg.norm(k, axis=1), 1.0, rtol=1e-15)


@pytest.mark.parametrize(
    ("rule", "n"), [("gauss", 6), ("graded", 6), ("rational", 2), ("rational", 6)]
)
def test_moments_are_exact(rule: str, n: int) -> None:
    mesh = SphericalMesh(n, 6, rule)
    k, w = mesh.directions, mesh.weights / (4 * np.pi)
    assert w.sum() == pytest.approx(1.0, abs=1e-14)
    np.testing.assert_allclose(np.einsum("k,ki,kj->ij", w, k, k), np.eye(3) / 3, atol=1e-14)
    # Half-sphere flux: the polar rule itself integrates mu exactly.
    up = mesh.upward
    assert (w[up] * k[up, 2]).sum() == pytest.approx(0.25, abs=1e-14)


@pytest.mark.parametrize(("rule", "error"), [("gauss", 1e-12), ("rational", 1e-10)])
def test_rules_are_spectral_for_each_hemisphere(rule: str, error: float) -> None:
    exact = 1.0 - np.log(2.0)  # int_0^1 mu / (1 + mu) dmu
    errors = []
    for n in (2, 4, 8):
        mu, w = polar_rule(rule, n)
        errors.append(abs(np.sum(w * mu / (1 + mu)) - exact))
    assert errors[1] < 1e-2 * errors[0]
    assert errors[2] < error


@pytest.mark.parametrize("n", [2, 3, 8, 64, 512])
def test_rational_rule_is_that_of_gauss_for_its_functions(n: int) -> None:
    """All 2 n functions v^k / (1 + 4 v)^2, v = (1 - mu)/(1 + 4 mu), and a few of mu alone."""
    mu, w = polar_rule("rational", n)
    assert np.all(np.diff(mu) > 0.0)
    assert mu[0] > 0.0
    assert mu[-1] < 1.0
    assert np.all(w > 0.0)
    v = (1.0 - mu) / (1.0 + 4.0 * mu)
    for k in {*range(min(2 * n, 40)), 2 * n - 2, 2 * n - 1}:
        # int_0^1 5 v^k / (1 + 4 v)^4 dv, after dmu = 5 / (1 + 4 v)^2 dv.
        exact, _ = integrate.quad(lambda x, k=k: 5.0 * x**k / (1.0 + 4.0 * x) ** 4, 0.0, 1.0)
        assert np.sum(w * v**k / (1.0 + 4.0 * v) ** 2) == pytest.approx(exact, rel=1e-11), k
    for power in range(3):
        assert np.sum(w * mu**power) == pytest.approx(1.0 / (power + 1), rel=1e-14)


def test_rational_rule_follows_a_phase_that_runs_like_one_over_mu() -> None:
    """A flight in 5 nm of cobalt: int_0^1 mu^2 exp(-x/mu) dmu = E_4(x), x = 1.15 + 7.35 i."""
    phase = 1.15 + 7.35j
    with mpmath.workdps(30):
        exact = complex(mpmath.expint(4, phase))
    errors = {}
    for rule in ("gauss", "rational"):
        mu, w = polar_rule(rule, 64)
        errors[rule] = abs(np.sum(w * mu**2 * np.exp(-phase / mu)) - exact)
    assert errors["rational"] < 1e-6 * abs(exact)
    assert errors["rational"] < 0.05 * errors["gauss"]


def test_graded_rule_beats_gauss_on_a_pole_at_grazing_angle() -> None:
    u = 1e-3
    exact = 1.0 - u * np.arctan(1.0 / u)  # int mu^2 / (mu^2 + u^2)
    errors = {}
    for rule in ("gauss", "graded"):
        rings = SphericalMesh(16, 4, rule).rings
        assert rings is not None
        mu = rings.cosines
        errors[rule] = abs(np.sum(rings.polar_weights * mu**2 / (mu**2 + u**2)) - exact)
    assert errors["graded"] < 0.05 * errors["gauss"]


def test_user_mesh_in_any_order() -> None:
    reference = SphericalMesh(5, 6)
    order = np.random.default_rng(3).permutation(reference.n_directions)
    mesh = mesh_from_arrays(reference.directions[order], reference.weights[order])
    k = mesh.directions
    np.testing.assert_allclose(k[mesh.mirror], k * [1, 1, -1], atol=1e-15)
    np.testing.assert_array_equal(mesh.mirror[mesh.upward], mesh.downward)
    assert mesh.rings is None


@pytest.mark.parametrize("seed", range(3))
def test_partners_that_are_not_exact(seed: int) -> None:
    """Within 1e-10 they are partners, in any order, and are made exact; at 1e-8 they are none."""
    rng = np.random.default_rng(seed)
    reference = SphericalMesh(5, 6)
    n, order = reference.n_directions, rng.permutation(reference.n_directions)

    def moved(distance: float) -> np.ndarray:
        k = reference.directions.copy()
        k[n // 2 :] += distance * rng.uniform(-1.0, 1.0, size=(n // 2, 3))
        return (k / np.linalg.norm(k, axis=1)[:, None])[order]

    k = moved(1e-10)
    # In any order of the points: where one lies on a rounding boundary, too.
    w = reference.weights[order] * (1.0 + 1e-11 * rng.uniform(-1.0, 1.0, size=n))
    mesh = mesh_from_arrays(k, w)
    expected = np.empty(n, dtype=np.int64)
    expected[np.arange(n)] = np.argsort(order)[reference.mirror[order]]
    np.testing.assert_array_equal(mesh.mirror, expected)
    assert np.abs(mesh.directions - k).max() < 3e-10
    np.testing.assert_array_equal(
        mesh.directions[mesh.mirror], mesh.directions * np.array([1.0, 1.0, -1.0])
    )
    np.testing.assert_array_equal(mesh.weights[mesh.mirror], mesh.weights)
    with pytest.raises(InputError, match="no partner of its own"):
        mesh_from_arrays(moved(1e-8), reference.weights[order])


def test_partners_across_a_rounding_boundary() -> None:
    """Two points of one k_y are sorted by k_x, unless one of their partners rounds apart."""
    k, w = _points()
    n = len(k) // 2
    right, left = 0, 2  # azimuths of 30 and 150 degrees
    assert k[right, 1] == pytest.approx(k[left, 1], abs=1e-15)
    edge = np.floor(k[right, 1] * 1e7) * 1e-7 + 0.5e-7
    for row, k_y in ((right, -1), (left, -1), (n + right, -1), (n + left, 1)):
        k[row, 1] = edge + 4e-11 * k_y
        k[row, 2] = np.sign(k[row, 2]) * np.sqrt(1.0 - k[row, 0] ** 2 - k[row, 1] ** 2)
    assert np.round(k[n + left, 1], 7) > np.round(k[left, 1], 7)
    mesh = mesh_from_arrays(k, w)
    np.testing.assert_array_equal(mesh.mirror, np.roll(np.arange(2 * n), n))


def _points() -> tuple[np.ndarray, np.ndarray]:
    mesh = SphericalMesh(4, 6, "gauss")
    return mesh.directions.copy(), mesh.weights.copy()


def _broken(change: str) -> tuple[np.ndarray, np.ndarray]:
    k, w = _points()
    if change == "empty":
        return k[:0], w[:0]
    if change == "shape":
        return k[:, :2], w
    if change == "weights shape":
        return k, w[:-1]
    if change == "nan":
        k[3, 1] = np.nan
    if change == "infinite weight":
        w[0] = np.inf
    if change == "length":
        k[0] *= 1.01
    if change == "slightly long":
        k[[0, len(k) // 2]] *= 1.0 + 3e-9
    if change == "equator":
        k[0] = [1.0, 0.0, 0.0]
    if change == "negative weight":
        w[[0, len(w) // 2]] *= -1
    if change == "partner missing":
        return k[:-1], w[:-1]
    if change == "partner moved":
        k[0] = k[0] @ np.array([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]])
    if change == "unequal partners":
        w[0] *= 1.1
    if change == "slightly unequal partners":
        w[0] *= 1.0 + 3e-9
    if change == "total":
        w *= 1.01
    if change == "slight total":
        w *= 1.0 + 3e-6
    if change in ("moment", "slight moment"):
        ring = np.abs(k[:, 2]) > 0.5
        w[ring] *= 1.05 if change == "moment" else 1.0 + 2e-5
        w *= 4 * np.pi / w.sum()
    return k, w


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("empty", "non-empty"),
        ("shape", "shape"),
        ("weights shape", "one per direction"),
        ("nan", "directions = 'NaN"),
        ("infinite weight", "weights = 'NaN or infinity"),
        ("length", "unit vectors"),
        ("slightly long", "unit vectors"),
        ("equator", "v_z = 0"),
        ("negative weight", "positive"),
        ("partner missing", "partner"),
        ("partner moved", "k_parallel"),
        ("unequal partners", "mirror partners"),
        ("slightly unequal partners", "mirror partners"),
        ("total", "<1>"),
        ("moment", "<v_"),
        ("slight total", "<1>"),
        ("slight moment", "<v_"),
    ],
)
def test_each_broken_requirement_is_named(change: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        mesh_from_arrays(*_broken(change))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 8), "n_polar"),
        ((4, 5), "even"),
        ((4, 2), "at least 4"),
        ((4.0, 8), "integer"),
        ((True, 8), "integer"),
        ((8, 8, "lobatto"), "gauss, graded"),
        ((4, 8, "graded"), "at least 5"),
    ],
)
def test_bad_sizes(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SphericalMesh(*arguments)  # type: ignore[arg-type]


def test_mesh_files(tmp_path) -> None:  # type: ignore[no-untyped-def]
    k, w = _points()
    table = np.column_stack([k, w])
    np.savetxt(tmp_path / "mesh.txt", table, header="kx ky kz weight")
    np.savetxt(tmp_path / "mesh.csv", table, delimiter=",")
    np.save(tmp_path / "mesh.npy", table)
    for name in ("mesh.txt", "mesh.csv", "mesh.npy"):
        mesh = load_mesh(tmp_path / name)
        np.testing.assert_allclose(mesh.directions, k, atol=1e-15)
        assert mesh.name == name
    with pytest.raises(InputError, match="no such file"):
        load_mesh(tmp_path / "missing.txt")
    (tmp_path / "words.txt").write_text("one two three four\n")
    with pytest.raises(InputError, match="not a table"):
        load_mesh(tmp_path / "words.txt")
    np.savetxt(tmp_path / "three.txt", table[:, :3])
    with pytest.raises(InputError, match="4 columns"):
        load_mesh(tmp_path / "three.txt")


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((10**9, 8), "n_polar = 1000000000: at most"), ((2, 2 * 10**9), "the mesh would take 768 GB")],
)
def test_sizes_are_counted_before_the_mesh_is_made(sizes: tuple[int, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SphericalMesh(*sizes)


def test_size_of_a_mesh() -> None:
    mesh = SphericalMesh(64, 256)
    arrays = [value for value in vars(mesh).values() if isinstance(value, np.ndarray)]
    told = check_mesh_sizes(64, 256)
    assert 0.5 * told < sum(array.nbytes for array in arrays) <= told
