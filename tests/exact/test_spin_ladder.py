"""Spin ladders in closed form against published formulas and a boundary-value solver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_bvp

from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.drift_diffusion import dephased_spin_current
from torkivity_engine.diffusion.ladder import (
    Rung,
    absorb,
    diffusive_rung,
    memory_loss_rung,
    pumped_conductance,
)
from torkivity_engine.errors import InputError

SIGMA, LENGTH = 4e6, 1.7  # 1/(Ohm m), nm
T = np.array([0.2, 1.0, 3.0, 8.0, 900.0])
G = 0.5e15 + 0.12e15j


def metal(hall: float = 1.0) -> Rung:
    return diffusive_rung(T, SIGMA, LENGTH, hall)


def test_one_metal_is_the_closed_form() -> None:
    g_tilde = 2.0 * LENGTH * METRE_PER_NM * G / SIGMA
    expected = dephased_spin_current(T / LENGTH, g_tilde, 0.3 - 0.2j, 1.5)
    found = absorb([metal(1.5)], G, 0.3 - 0.2j)
    np.testing.assert_allclose(found.current, expected, rtol=1e-13)


def test_perfect_sink_is_the_limit_of_a_large_conductance() -> None:
    near = absorb([metal()], 1e24)
    sink = absorb([metal()], complex(np.inf, 0.0))
    np.testing.assert_allclose(near.current, sink.current, rtol=1e-6)
    np.testing.assert_allclose(near.self_induced, sink.self_induced, rtol=1e-6)
    np.testing.assert_allclose(
        *(pumped_conductance([metal()], 1e24), pumped_conductance([metal()], complex(np.inf, 0))),
        rtol=1e-6,
    )


def test_spin_hall_magnetoresistance_of_chen_et_al() -> None:
    """Y.-T. Chen et al., Phys. Rev. B 87, 144411 (2013), Eqs. (18) to (20)."""
    theta, length = 0.11, LENGTH * METRE_PER_NM
    x, t = T / LENGTH, T * METRE_PER_NM
    closed = absorb([metal(theta * SIGMA)], 0.0).self_induced
    # Rate of change of the resistivity without a magnet: -theta^2 (2 l / t) tanh(t / 2 l).
    np.testing.assert_allclose(
        0.5 * closed.real / (SIGMA * t), theta**2 * 2.0 / x * np.tanh(0.5 * x), rtol=1e-12
    )
    change = absorb([metal(theta * SIGMA)], G).self_induced - closed
    # Delta rho_1 + i Delta rho_2, G with the opposite sign of its imaginary part.
    published = theta**2 / x * 2.0 * length * G * np.tanh(0.5 * x) ** 2
    published = published / (SIGMA + 2.0 * length * G / np.tanh(x))
    np.testing.assert_allclose(-0.5 * change / (SIGMA * t), published, rtol=1e-11)


def test_pumping_with_backflow_of_tserkovnyak_et_al() -> None:
    """1/G_eff = 1/G + 2 l / (sigma tanh(t / l)), Rev. Mod. Phys. 77, 1375 (2005)."""
    back = 2.0 * LENGTH * METRE_PER_NM / (SIGMA * np.tanh(T / LENGTH))
    found = pumped_conductance([metal()], G.real)
    np.testing.assert_allclose(1.0 / found, 1.0 / G.real + back, rtol=1e-12)
    # A complex G damps with the real part of the same.
    np.testing.assert_allclose(
        pumped_conductance([metal()], G), (1.0 / (1.0 / G + back)).real, rtol=1e-12
    )


def test_memory_loss_of_rojas_sanchez_et_al() -> None:
    """J.-C. Rojas-Sanchez et al., Phys. Rev. Lett. 112, 106602 (2014), Eqs. (2) and (4).

    Spin resistances there are for two spins: r_N = rho l coth(t / l), r_si = AR / delta.
    """
    area, delta = 0.83e-15, 0.9
    r_si, r_n = area / delta, LENGTH * METRE_PER_NM / SIGMA / np.tanh(T / LENGTH)
    share = r_si / (r_si * np.cosh(delta) + r_n * np.sinh(delta))
    ladder = [metal(0.0), memory_loss_rung(area, delta)]
    back = (r_n * np.cosh(delta) + r_si * np.sinh(delta)) / (
        np.cosh(delta) + r_n / r_si * np.sinh(delta)
    )
    pumped = pumped_conductance(ladder, G.real)
    np.testing.assert_allclose(1.0 / pumped, 1.0 / G.real + 2.0 * back, rtol=1e-12)
    # The share of what leaves the magnet that reaches the metal.
    through, loss, _ = memory_loss_rung(area, delta)
    own = 0.5 / r_n
    bottom = through / (own + through + loss)
    np.testing.assert_allclose(
        own * bottom / (through + loss - through * bottom), share, rtol=1e-12
    )
    # And of a spin Hall current, what reaches a perfect sink behind the interface.
    driven = absorb([metal(1.0), memory_loss_rung(area, delta)], complex(np.inf, 0.0)).current
    bare = absorb([metal(1.0)], complex(np.inf, 0.0)).current
    left = r_n / (r_n * np.cosh(delta) + r_si * np.sinh(delta))
    np.testing.assert_allclose(driven / bare, left, rtol=1e-12)


def test_memory_loss_is_a_thin_layer_and_a_resistance_without_it() -> None:
    area, delta = 0.6e-15, 0.7
    thin = diffusive_rung(1e-3, 1e-3 * METRE_PER_NM / area, 1e-3 / delta)
    for found, expected in zip(memory_loss_rung(area, delta), thin, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    lossless = absorb([metal(), memory_loss_rung(area, 0.0)], G)
    series = 1.0 / (1.0 / G + 2.0 * area)
    np.testing.assert_allclose(lossless.current, absorb([metal()], series).current, rtol=1e-12)
    for bad in ((0.0, 0.5), (-1.0, 0.0), (1e-15, -0.1)):
        with pytest.raises(InputError):
            memory_loss_rung(*bad)


@given(st.floats(0.2, 5.0), st.floats(0.2, 5.0), st.floats(-1.0, 1.0))
def test_two_halves_are_one_layer(first: float, second: float, hall: float) -> None:
    whole = absorb([diffusive_rung(first + second, SIGMA, LENGTH, hall)], G)
    halves = [diffusive_rung(t, SIGMA, LENGTH, hall) for t in (first, second)]
    parts = absorb(halves, G)
    np.testing.assert_allclose(parts.current, whole.current, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(
        parts.self_induced, whole.self_induced, rtol=1e-11, atol=1e-12 * abs(whole.self_induced)
    )


def test_metal_loss_and_spacer_by_a_boundary_value_solver() -> None:
    """mu'' = mu / l^2 in metal and spacer, closed face, lossy interface between, sink G above."""
    t, other, sigma, length = 3.0, 2.0, 1.5e7, 40.0
    area, delta = 0.5e-15, 0.4
    hall = 0.8e6
    loss = memory_loss_rung(area, delta)
    nm = METRE_PER_NM

    def slopes(_: np.ndarray, y: np.ndarray) -> np.ndarray:
        mu, flow, nu, other_flow = y  # of both layers on 0 ... 1; flows -(sigma / 2) mu'
        return np.stack(
            [
                -2.0 * flow / SIGMA * t * nm,
                -0.5 * SIGMA / (LENGTH * nm) ** 2 * mu * t * nm,
                -2.0 * other_flow / sigma * other * nm,
                -0.5 * sigma / (length * nm) ** 2 * nu * other * nm,
            ]
        )

    def ends(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        through, lost = float(loss.through), float(loss.loss)
        top, bottom = high[0], low[2]
        return np.array(
            [
                low[1] + hall,
                high[1] + hall - through * (top - bottom) - lost * top,
                low[3] - through * (top - bottom) + lost * bottom,
                high[3] - G.real * high[2],
            ]
        )

    scale = 1e-9
    solved = solve_bvp(
        lambda x, y: (
            slopes(x, y * [[scale], [1.0], [scale], [1.0]]) / [[scale], [1.0], [scale], [1.0]]
        ),
        lambda a, b: ends(a * [scale, 1, scale, 1], b * [scale, 1, scale, 1]) / 1e6,
        np.linspace(0.0, 1.0, 41),
        np.zeros((4, 41)),
        tol=1e-7,
        max_nodes=20000,
    )
    assert solved.success
    rungs = [
        diffusive_rung(t, SIGMA, LENGTH, hall),
        loss,
        diffusive_rung(other, sigma, length),
    ]
    found = absorb(rungs, G.real)
    assert found.current.real == pytest.approx(solved.y[3, -1], rel=1e-6)
    difference = scale * (solved.y[0, -1] - solved.y[0, 0])
    assert found.self_induced.real == pytest.approx(hall * difference, rel=1e-6)
