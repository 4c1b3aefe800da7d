"""Resistance of a delta barrier inside a diffusive metal.

Far from the barrier the density is linear on both sides; extrapolated to the barrier it
jumps, which defines the interface resistance. K. M. Schep, J. B. A. N. van Hoof, P. J. Kelly,
G. E. W. Bauer and J. E. Inglesfield, Phys. Rev. B 56, 10805 (1997), give 1/T - 1 in units of the
Sharvin resistance, with T the mean transmission of an isotropic flux. That treats what reaches the
barrier as isotropic. The exact jump is the solution of a half-space problem: the odd
combination sees a face that returns 1 - 2T(mu) (`exact.integral_equation`), and

    resistance = (3/2) z_0 / (pi C),   -> (9/4) u^2 / (pi C) for weak barriers,

because the current -mu of the linear profile then loses 4R(mu) of its square at the barrier:
(9/2) int_0^1 mu^3 R dmu with R = u^2/mu^2.
"""

import math

import numpy as np
import pytest

from exact.films import averages, flows, metal
from exact.integral_equation import barrier_extrapolation_length
from torkivity_engine.film.boundaries import Reservoir
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

DEPTH = 56.0  # mean free paths on each side


def resistance(u: float, lengths: tuple[float, float] = (1.0, 1.0), n: int = 48) -> float:
    """From the jump of the extrapolated density, in units of 1/(pi C)."""
    layers = [metal(DEPTH, length=length) for length in lengths]
    interface = RashbaInterface(u, 0.0, 0.0)
    film = Stack(layers, [interface], left=Reservoir(charge=1.0), right=Reservoir())
    solution = solve_boltzmann(film, SphericalMesh(n, 4, "graded"), source="reservoirs")
    flow = flows(solution, film, 0, [0.0])[0, 3]
    assert flow == pytest.approx(flows(solution, film, 1, [0.0])[0, 3], rel=1e-12)
    # At 26 and 30 mean free paths from every face nothing but the linear density is left.
    distance = np.array([26.0, 30.0])
    left = averages(solution, film, 0, (DEPTH - distance) * lengths[0])[:, 3]
    right = averages(solution, film, 1, distance * lengths[1])[:, 3]
    at_barrier = [a[0] - distance[0] * (a[1] - a[0]) / 4.0 for a in (left, right)]
    return float((at_barrier[0] - at_barrier[1]) * math.pi / flow)


def schep(u: float) -> float:
    passing = 1.0 - u * u * math.log1p(1.0 / (u * u))
    return 1.0 / passing - 1.0


@pytest.mark.parametrize("u", [0.1, 0.4, 1.0, 3.0])
def test_resistance(u: float) -> None:
    exact = 1.5 * barrier_extrapolation_length(u)
    # The jump is the difference of two densities of order one.
    rounding = 1e-11 / exact
    assert resistance(u) == pytest.approx(exact, rel=1e-8 + rounding)


def test_mean_free_paths_do_not_matter() -> None:
    # In optical depth both sides are the same metal.
    assert resistance(0.4, (3.0, 0.5)) == pytest.approx(
        1.5 * barrier_extrapolation_length(0.4), rel=1e-8
    )


def test_weak_barrier() -> None:
    # Grazing electrons, mu < u, correct (9/4) u^2 by a share of order u^2 ln(1/u).
    for u in (1e-3, 1e-2):
        exact = 1.5 * barrier_extrapolation_length(u)
        assert exact == pytest.approx(2.25 * u * u, rel=3.0 * u * u * math.log(1.0 / u))
    assert resistance(0.01, n=64) == pytest.approx(
        1.5 * barrier_extrapolation_length(0.01), rel=1e-6
    )


def test_schep_formula_is_approximate() -> None:
    # Within 2 % for strong barriers, but twice the exact number for weak ones.
    assert schep(3.0) == pytest.approx(1.5 * barrier_extrapolation_length(3.0), rel=0.02)
    assert schep(0.1) > 2.0 * 1.5 * barrier_extrapolation_length(0.1)
