"""Stacks from TOML against what is known of them: spin Hall sums, vanishing layers, Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import torkivity
from frontend.study.test_stacks import CO, CU, MAGNETIC, PLAIN, PT, config, film_of, solved
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Stack

#: By resistivity and diffusion length, both of which it keeps whatever its spin Hall angle.
METAL = """
kind = "heavy_metal"
name = "{}"
thickness = 4.0
resistivity = 2.5e-7
spin_diffusion_length = 2.5
spin_hall_angle = {}
"""
THROUGH = "barrier = 0.0\nexchange = 0.0\nrashba = 0.0\n"


def sandwich(lower: float, upper: float) -> str:
    """Pt/Co/Pt without Rashba coupling, with spin Hall angles of its metals."""
    layers = [METAL.format("Pt1", lower), CO, METAL.format("Pt2", upper)]
    return film_of(layers, [MAGNETIC.format(0.0)] * 2)


def torque_on_magnet(solution: Any) -> np.ndarray:
    return np.sum([solution.at_interface(i).torque_total for i in range(2)], axis=0)


def test_spin_hall_torques_of_two_metals_add_up_in_drift_diffusion() -> None:
    whole, lower, upper = (
        torque_on_magnet(
            torkivity.solve_drift_diffusion(
                config(sandwich(*angles)).film,
                mesh=torkivity.SphericalMesh(4, 8),
                ferromagnet="finite",
                source="spin_hall",
            )
        )
        for angles in ((0.1, -0.1), (0.1, 0.0), (0.0, -0.1))
    )
    scale = np.abs(lower).max()
    assert scale > 0.0
    # Angles of opposite sign help each other.
    assert np.abs(whole).max() > 1.5 * scale
    np.testing.assert_allclose(whole, lower + upper, rtol=0.0, atol=1e-12 * scale)


def test_spin_hall_torques_of_two_metals_add_up_to_third_order() -> None:
    def rest(angle: float) -> tuple[float, float]:
        whole, lower, upper = (
            torque_on_magnet(solved(sandwich(*angles), "spin_hall"))
            for angles in ((angle, -angle), (angle, 0.0), (0.0, -angle))
        )
        return float(np.abs(whole - lower - upper).max()), float(np.abs(lower).max())

    (small, _), (large, torque) = rest(0.05), rest(0.1)
    assert small > 0.0
    assert np.log2(large / small) == pytest.approx(3.0, abs=0.15)
    assert large < 0.02 * torque


def test_a_vanishing_spacer_is_none() -> None:
    none = solved(film_of([CO, PT], [MAGNETIC.format(0.1)])).at_interface(0)
    scale = np.abs(none.torque_total).max()
    apart = []
    for thickness in (1e-3, 1e-4):
        spacer = CU.replace("thickness = 2.0", f"thickness = {thickness}")
        film = film_of([CO, spacer, PT], [MAGNETIC.format(0.1), THROUGH])
        found = solved(film).at_interface(0).torque_total
        apart.append(np.abs(found - none.torque_total).max() / scale)
    assert apart[0] < 2e-3
    assert apart[1] == pytest.approx(0.1 * apart[0], rel=0.1)


def test_a_spacer_from_toml_is_that_from_python_bit_for_bit() -> None:
    m = (0.3, 0.2, 1.0)
    by_hand = Stack(
        layers=(
            Ferromagnet(2.0, 16.25, 6.01, 1000.0, 1.36, m),
            HeavyMetal(2.0, 20.0, 500.0),
            HeavyMetal.from_spin_diffusion_length(5.0, 2.0853, 2.57, 0.059),
        ),
        interfaces=(RashbaInterface(0.3, 0.2, 0.05, m), RashbaInterface(0.3, 0.0, 0.1)),
    )
    read = solved(film_of([CO, CU, PT], [MAGNETIC.format(0.05), PLAIN.format(0.1)]))
    made = torkivity.solve_boltzmann(by_hand, torkivity.SphericalMesh(4, 8))
    for ours, theirs in zip(read.interfaces, made.interfaces, strict=True):
        for name in ("current_minus", "current_plus", "torque", "torque_total"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
