"""Perpendicular current through a ferromagnet | normal metal contact, weak spin flip.

T. Valet and A. Fert, Phys. Rev. B 48, 7099 (1993): spin accumulations decay over l_F and l_N, and
with r_F = l_F/(sigma_F (1 - beta^2)), r_N = l_N/sigma_N (one spin coefficient) and a contact of
resistances r_b (1 +- gamma) the spin current at the contact is

    j_s/j_c = -(beta r_F + gamma r_b) / (r_F + r_b + r_N),

here with spins along +m as reference, which are the minority. Each spin channel of the Boltzmann
equation without spin flip is a uniform metal in units of its own mean free path, so the contact
resistances are exactly those of a delta barrier between two halves of one metal
(`exact.integral_equation`). What the theory leaves out is of order lambda/lambda_sf ~
(lambda/l_sf)^2, so it is the deviation for two spin-flip lengths that is tested.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from exact.films import averages, flows
from exact.integral_equation import barrier_extrapolation_length
from torkivity_engine.film.boundaries import Reservoir
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

M = (0.48, 0.6, 0.64)
MAJORITY, MINORITY, NORMAL = 4.0, 1.5, 2.5  # nm
MESH = SphericalMesh(24, 4, "graded")


@dataclass(frozen=True)
class ValetFert:
    """Lengths in nm, conductivities and resistances of one spin coefficient over C."""

    spin_flip_length: float
    u0: float
    u_ex: float

    @property
    def sigma_f(self) -> float:
        return 4.0 * math.pi / 3.0 * 0.5 * (MAJORITY + MINORITY)

    @property
    def sigma_n(self) -> float:
        return 4.0 * math.pi / 3.0 * NORMAL

    @property
    def beta(self) -> float:
        return (MAJORITY - MINORITY) / (MAJORITY + MINORITY)

    @property
    def l_f(self) -> float:
        """1/l^2 = 1/l_up^2 + 1/l_down^2 with l_s^2 = lambda_s lambda_sf / 3."""
        return math.sqrt(self.spin_flip_length / 3.0 / (1.0 / MAJORITY + 1.0 / MINORITY))

    @property
    def l_n(self) -> float:
        return math.sqrt(self.spin_flip_length * NORMAL / 6.0)

    @property
    def r_f(self) -> float:
        return self.l_f / (self.sigma_f * (1.0 - self.beta**2))

    @property
    def r_n(self) -> float:
        return self.l_n / self.sigma_n

    @property
    def contact(self) -> tuple[float, float]:
        """r_b and gamma."""
        plus, minus = (
            1.5 * barrier_extrapolation_length(abs(u)) / math.pi if u else 0.0
            for u in (self.u0 + self.u_ex, self.u0 - self.u_ex)
        )
        mean = 0.5 * (plus + minus)
        return mean, 0.5 * (plus - minus) / mean if mean else 0.0

    @property
    def polarization(self) -> float:
        """j_s along m over j_c at the contact."""
        r_b, gamma = self.contact
        return -(self.beta * self.r_f + gamma * r_b) / (self.r_f + r_b + self.r_n)

    def spin_current(self, z: np.ndarray) -> np.ndarray:
        """j_s/j_c; ferromagnet at z < 0."""
        p = self.polarization
        magnet = -self.beta + (p + self.beta) * np.exp(np.minimum(z, 0.0) / self.l_f)
        return np.where(z < 0.0, magnet, p * np.exp(-np.maximum(z, 0.0) / self.l_n))

    def spin_accumulation(self, z: np.ndarray) -> np.ndarray:
        """g_s/j_c."""
        p = self.polarization
        magnet = -self.r_f * (p + self.beta) * np.exp(np.minimum(z, 0.0) / self.l_f)
        return np.where(z < 0.0, magnet, self.r_n * p * np.exp(-np.maximum(z, 0.0) / self.l_n))

    @property
    def resistance(self) -> float:
        """Jump of the extrapolated charge accumulation over j_c."""
        r_b, gamma = self.contact
        p = self.polarization
        # In the magnet the charge accumulation bends by beta times the spin accumulation.
        return r_b * (1.0 + gamma * p) + self.beta * self.r_f * (p + self.beta)


def boltzmann(theory: ValetFert) -> dict[str, np.ndarray]:
    """The same quantities, with faces fourteen spin diffusion lengths away."""
    flip = theory.spin_flip_length
    t_f, t_n = 14.0 * theory.l_f, 14.0 * theory.l_n
    # Momentum relaxes at 1/lambda_mf + 1/lambda_sf; the mean free paths above are the total ones.
    up, down, both = (1.0 / (1.0 / x - 1.0 / flip) for x in (MAJORITY, MINORITY, NORMAL))
    magnet = Ferromagnet(t_f, up, down, flip, math.inf, magnetization=M)
    interface = RashbaInterface(theory.u0, theory.u_ex, 0.0, magnetization=M)
    film = Stack(
        [magnet, HeavyMetal(t_n, both, flip)],
        [interface],
        left=Reservoir(charge=1.0),
        right=Reservoir(),
    )
    solution = solve_boltzmann(film, MESH, source="reservoirs")
    z_f, z_n = DEPTHS[0] * theory.l_f, DEPTHS[1] * theory.l_n
    flow = np.concatenate([flows(solution, film, 0, t_f + z_f), flows(solution, film, 1, z_n)])
    density = np.concatenate(
        [averages(solution, film, 0, t_f + z_f), averages(solution, film, 1, z_n)]
    )
    current = flow[0, 3]
    np.testing.assert_allclose(flow[:, 3], current, rtol=1e-8)
    far_f, far_n = np.array([-7.5, -6.5]) * theory.l_f, np.array([6.5, 7.5]) * theory.l_n
    linear_f = averages(solution, film, 0, t_f + far_f)
    linear_n = averages(solution, film, 1, far_n)
    jump = 0.0
    for sign, z, g, spin in ((1.0, far_f, linear_f, theory.beta), (-1.0, far_n, linear_n, 0.0)):
        # What is left of the spin accumulation there, exp(-7), is taken out.
        straight = g[:, 3] - spin * (g[:, :3] @ np.array(M))
        jump += sign * (straight[0] - z[0] * (straight[1] - straight[0]) / (z[1] - z[0]))
    return {
        "spin_current": flow[:, :3] @ np.array(M) / current,
        "spin_accumulation": density[:, :3] @ np.array(M) / current,
        "resistance": np.array(jump / current),
        "transverse": np.cross(flow[:, :3], M) / current,
    }


#: In units of l_F and l_N.
DEPTHS = (np.array([-1.5, -0.6]), np.array([0.5, 1.2]))


def deviations(theory: ValetFert) -> dict[str, float]:
    z = np.concatenate([DEPTHS[0] * theory.l_f, DEPTHS[1] * theory.l_n])
    found = boltzmann(theory)
    np.testing.assert_allclose(found["transverse"], 0.0, atol=1e-10)
    expected = {
        "spin_current": theory.spin_current(z),
        "spin_accumulation": theory.spin_accumulation(z),
        "resistance": np.array(theory.resistance),
    }
    return {
        key: float(np.max(np.abs(found[key] - value)) / np.max(np.abs(value)))
        for key, value in expected.items()
    }


@pytest.mark.parametrize(("u0", "u_ex"), [(0.0, 0.0), (0.4, 0.0), (0.4, 0.25)])
def test_deviation_falls_with_spin_flip(u0: float, u_ex: float) -> None:
    strong = deviations(ValetFert(1e3, u0, u_ex))
    weak = deviations(ValetFert(1e5, u0, u_ex))
    for key, value in weak.items():
        assert value < MAJORITY / 1e5, key
        # First order in lambda/lambda_sf: a hundred times smaller.
        assert value < 0.02 * strong[key], key


def test_limits_of_the_theory() -> None:
    theory = ValetFert(1e5, 0.0, 0.0)
    assert theory.contact == (0.0, 0.0)
    classic = theory.beta**2 * theory.r_f * theory.r_n / (theory.r_f + theory.r_n)
    assert theory.resistance == pytest.approx(classic, rel=1e-12)
    assert theory.spin_current(np.array([-1e9]))[0] == -theory.beta
