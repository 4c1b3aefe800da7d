"""Two metals with unequal Fermi spheres between reservoirs, from Sharvin to Drude.

The reference solves for the averages <g>(z) alone, by collision probabilities: cells with a
uniform source, exact flight between them for each k_parallel, the step's transmission
4 nu_1 nu_2 / (nu_1 + nu_2)^2 where both metals have states and total reflection beyond. It shares
nothing with the solvers: another unknown, another quadrature (tanh-sinh in k_parallel), no modes.
"""

from __future__ import annotations

import numpy as np
import pytest

from torkivity_engine.film.boundaries import Reservoir
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

K0 = 16.0


def _tanh_sinh(low: float, high: float, n: int = 45) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes as distances from both ends, and weights."""
    t = np.linspace(-3.2, 3.2, 2 * n + 1)
    s = 0.5 * np.pi * np.sinh(t)
    from_low, from_high = 1 / (1 + np.exp(-2 * s)), 1 / (1 + np.exp(2 * s))
    w = (t[1] - t[0]) * 0.25 * np.pi * np.cosh(t) / np.cosh(s) ** 2
    return (high - low) * from_low, (high - low) * from_high, (high - low) * w


def _flight(steps: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One layer, from its first face: mean g in each cell and g at the end.

    Per unit entering (nodes, cells + 1) and per source in each cell (nodes, cells + 1, cells).
    """
    decay = np.exp(-steps)
    at = np.zeros((len(steps), cells + 1, cells))
    for cell in range(cells):
        at[:, cell + 1] = decay[:, None] * at[:, cell]
        at[:, cell + 1, cell] += -np.expm1(-steps)
    entering = decay[:, None] ** np.arange(cells + 1)
    # mu dg/dz = (source - g) / lambda, averaged over a cell.
    mean_entering = -np.diff(entering, axis=1) / steps[:, None]
    mean_source = np.eye(cells) - np.diff(at, axis=1) / steps[:, None, None]
    return (
        np.concatenate([mean_entering, entering[:, -1:]], axis=1),
        np.concatenate([mean_source, at[:, -1:]], axis=1),
        decay,
    )


def _conductance(metals: tuple[HeavyMetal, HeavyMetal], cells: int) -> float:
    """Charge current for a unit injected from below, over that into half a sphere of k_0."""
    k = [metal.fermi_wavevector or K0 for metal in metals]
    paths = [metal.total_mean_free_path for metal in metals]
    steps_of = [metal.thickness / cells for metal in metals]
    small, large = min(k), max(k)
    system = np.zeros((2 * cells, 2 * cells))
    drive, norm = np.zeros(2 * cells), np.zeros(2)
    entered, left_by_source, left_direct = 0.0, np.zeros(2 * cells), 0.0
    for low, high in ((0.0, small), (small, large)):
        from_low, from_high, weights = _tanh_sinh(low, high)
        q = low + from_low
        area = 2 * np.pi * q * weights / K0**2
        # k_s^2 - q^2 from the distance to the nearer end.
        k_z = [np.sqrt(np.maximum((radius - high + from_high) * (radius + q), 0.0)) for radius in k]
        both = low == 0.0
        present = [0, 1] if both else [int(k[1] > k[0])]
        nu = [k_z[s] / metals[s].effective_mass for s in range(2)]
        t = 4 * nu[0] * nu[1] / (nu[0] + nu[1]) ** 2 if both else np.zeros_like(q)
        flights = {s: _flight(steps_of[s] * k[s] / (paths[s] * k_z[s]), cells) for s in present}
        # Towards the step, per source in the 2 x cells and per injection; order the cells of the
        # upper metal from above, so that both face the step at their end.
        arriving = np.zeros((2, len(q), 2 * cells + 1))
        for s in present:
            own = slice(s * cells, (s + 1) * cells)
            arriving[s, :, own] = flights[s][1][:, -1]
            if s == 0:
                arriving[s, :, -1] = flights[s][0][:, -1]
        for s in present:
            entering, source, _ = flights[s]
            own = slice(s * cells, (s + 1) * cells)
            back = (1 - t)[:, None] * arriving[s] + t[:, None] * arriving[1 - s]
            # Forward: from the reservoir; backward: the mirror image, from the step.
            mean = np.zeros((len(q), cells, 2 * cells + 1))
            mean[:, :, own] = source[:, :-1]
            if s == 0:
                mean[:, :, -1] = entering[:, :-1]
            mean += entering[:, -2::-1, None] * back[:, None]
            mean[:, :, own] += source[:, -2::-1, ::-1]
            per_angle = area * k[s] / k_z[s]
            norm[s] += 2.0 * per_angle.sum()
            total = np.einsum("n,nij->ij", per_angle, mean)
            system[own] += total[:, :-1]
            drive[own] += total[:, -1]
            if s == 0:
                out = entering[:, -1:] * back
                out[:, :cells] += source[:, -1, ::-1]
                entered += area.sum()
                left_by_source += area @ out[:, :-1]
                left_direct += area @ out[:, -1]
    scale = np.repeat(norm, cells)
    phi = np.linalg.solve(np.eye(2 * cells) - system / scale[:, None], drive / scale)
    return float(entered - left_direct - left_by_source @ phi)


@pytest.mark.parametrize(
    ("k_1", "k_2", "mass", "thickness"),
    [
        (16.0, 11.0, 1.0, 0.01),
        (16.0, 11.0, 1.0, 1.0),
        (12.0, 18.0, 0.6, 4.0),
        (16.0, 15.0, 1.5, 12.0),
    ],
)
def test_conductance(k_1: float, k_2: float, mass: float, thickness: float) -> None:
    metals = (
        HeavyMetal(thickness, 3.0, np.inf, fermi_wavevector=k_1),
        HeavyMetal(0.7 * thickness, 5.0, np.inf, fermi_wavevector=k_2, effective_mass=mass),
    )
    film = Stack(
        metals, (RashbaInterface(0.0, 0.0, 0.0),), Reservoir(1.0), Reservoir(), fermi_wavevector=K0
    )
    solution = solve_boltzmann(film, SphericalMesh(24, 4), source="reservoirs")
    value = solution.charge_current_minus / film.prefactor
    coarse, fine = _conductance(metals, 20), _conductance(metals, 40)
    exact = fine + (fine - coarse) / 3.0
    assert value == pytest.approx(exact, rel=2e-4)
    assert abs(value / fine - 1) < 3 * abs(fine / coarse - 1) + 1e-5
