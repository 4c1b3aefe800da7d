"""Expansion of torques in the angles of m."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from draws import pt_co
from torkivity_engine.anisotropy import (
    AnisotropyExpansion,
    angular_torques,
    expand_torques,
    magnetization_directions,
)
from torkivity_engine.errors import InputError
from torkivity_meshes import SphericalMesh

Y, Z = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
MESH = SphericalMesh(6, 12)

Grid = tuple[NDArray[np.float64], NDArray[np.float64]]


def grid() -> Grid:
    theta, phi = np.meshgrid(np.arange(8.0, 180.0, 18.0), np.arange(7.0, 360.0, 45.0))
    return theta.ravel(), phi.ravel()


def garello(
    m: NDArray[np.float64], perpendicular: list[float], parallel: list[float]
) -> NDArray[np.float64]:
    """Vector form with (y x m), coefficients T0, T2, T4 each."""
    across = np.cross(Z, m)
    s2, m_x = (across**2).sum(axis=1)[:, None], m[:, :1]
    t0, t2, t4 = perpendicular
    first = np.cross(Y, m) * (t0 + t2 * s2 + t4 * s2**2)
    first += np.cross(m, across) * m_x * (t2 + t4 * s2)
    t0, t2, t4 = parallel
    second = np.cross(m, np.cross(Y, m)) * t0 + across * m_x * (t2 + t4 * s2)
    return np.asarray(first + second)


def test_constant_torques() -> None:
    theta, phi = grid()
    m = magnetization_directions(theta, phi)
    for name, torque in (
        ("damping_like", np.cross(m, np.cross(m, Y))),
        ("field_like", np.cross(m, Y)),
    ):
        result = expand_torques(theta, phi, torque)
        assert result.relative_residual < 1e-14
        for kind in ("damping_like", "field_like"):
            expected = [float(kind == name), 0.0, 0.0]
            assert_allclose(getattr(result, kind), expected, atol=1e-13)


@pytest.mark.parametrize("form", ["garello", "general"])
def test_measured_form(form: str) -> None:
    theta, phi = grid()
    torque = garello(magnetization_directions(theta, phi), [1.0, 0.3, -0.2], [2.0, -0.4, 0.7])
    result = expand_torques(theta, phi, torque, form=form)  # type: ignore[arg-type]
    assert_allclose(result.field_like, [-1.0, -0.3, 0.2], atol=1e-12)
    assert_allclose(result.damping_like, [-2.0, 0.4, -0.7], atol=1e-12)
    assert_allclose(result.field_like_polar, [-1.0, 0.0, 0.0], atol=1e-12)
    assert_allclose(result.damping_like_polar, [-2.0, 0.0, 0.0], atol=1e-12)
    assert result.relative_residual < 1e-14


def test_noise_ends_up_in_residuals() -> None:
    theta, phi = grid()
    m = magnetization_directions(theta, phi)
    rng = np.random.default_rng(3)
    noise = 0.01 * rng.normal(size=m.shape)
    noise -= (noise * m).sum(axis=1, keepdims=True) * m
    exact = garello(m, [1.0, 0.3, -0.2], [2.0, -0.4, 0.7])
    result = expand_torques(theta, phi, exact + noise)
    assert_allclose(result.field_like, [-1.0, -0.3, 0.2], atol=0.05)
    assert 0.5 < np.linalg.norm(result.residuals) / np.linalg.norm(noise) < 1.0
    assert_allclose(result.torque(theta, phi) + result.residuals, exact + noise, atol=1e-13)


@pytest.fixture(scope="module")
def film() -> dict[float, AnisotropyExpansion]:
    """Pt/Co with both sources, by field direction."""
    theta, phi = grid()
    found = {}
    for direction in (0.0, 30.0):
        sample = replace(pt_co(0.2), field_direction_deg=direction)
        torque = angular_torques(sample, theta, phi, mesh=MESH)
        found[direction] = expand_torques(
            theta, phi, torque, form="general", field_direction_deg=direction
        )
    return found


def test_film(film: dict[float, AnisotropyExpansion]) -> None:
    result = film[0.0]
    # Symmetry forbids everything else; what is left are higher powers of sin(theta).
    assert result.relative_residual < 2e-4
    theta, phi = grid()
    torque = result.torque(theta, phi) + result.residuals
    measured = expand_torques(theta, phi, torque)
    assert result.relative_residual < measured.relative_residual < 0.02
    orders = [
        expand_torques(theta, phi, torque, form="general", order=n).relative_residual
        for n in (0, 2, 4)
    ]
    assert orders[0] > 10.0 * orders[1] > 10.0 * orders[2]
    # Along z the constants are the torques themselves.
    at_pole = angular_torques(pt_co(0.2), 0.0, 0.0, mesh=MESH)[0]
    size = np.abs(at_pole).max()
    assert abs(result.damping_like[0] + at_pole[1]) < 1e-3 * size
    assert abs(result.field_like[0] + at_pole[0]) < 1e-3 * size


def test_rotation(film: dict[float, AnisotropyExpansion]) -> None:
    for name in ("damping_like", "field_like", "damping_like_polar", "field_like_polar"):
        # The grids differ by the turn, so only what the expansion describes agrees.
        first, second = (getattr(film[direction], name) for direction in (0.0, 30.0))
        assert_allclose(first[0], second[0], rtol=1e-3)
        assert_allclose(first.sum(), second.sum(), rtol=1e-2)


def test_mirror() -> None:
    theta, phi = np.array([35.0, 70.0]), np.array([20.0, -65.0])
    torque = angular_torques(pt_co(0.2), theta, phi, mesh=MESH)
    # y -> -y keeps E and takes axial vectors (x, y, z) to (-x, y, -z).
    image = angular_torques(pt_co(0.2), 180.0 - theta, 180.0 - phi, mesh=MESH)
    assert_allclose(image, torque * [-1.0, 1.0, -1.0], rtol=1e-9, atol=1e-4)


def test_what_cannot_be_expanded() -> None:
    theta, phi = grid()
    m = magnetization_directions(theta, phi)
    torque = np.cross(m, Y)
    with pytest.raises(InputError, match="determine"):
        expand_torques(np.full(8, 40.0), phi[:8], np.cross(
            magnetization_directions(np.full(8, 40.0), phi[:8]), Y
        ))  # fmt: skip
    with pytest.raises(InputError, match="perpendicular"):
        expand_torques(theta, phi, torque + 0.1 * m)
    with pytest.raises(InputError, match="shape"):
        expand_torques(theta, phi, torque[:-1])
    with pytest.raises(InputError, match="finite"):
        expand_torques(theta, phi, torque * np.nan)
    with pytest.raises(InputError, match="even"):
        expand_torques(theta, phi, torque, order=3)
    with pytest.raises(InputError, match="form"):
        expand_torques(theta, phi, torque, form="other")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="part"):
        angular_torques(pt_co(), theta, phi, part="spin")
