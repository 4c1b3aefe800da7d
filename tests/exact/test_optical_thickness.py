"""From transparent to opaque layers: no overflow, no lost digit, exact saturation.

Films of many decay lengths forget their far face, as tanh(t/l_sf) -> 1 of the diffusion theory
(T. Valet and A. Fert, Phys. Rev. B 48, 7099 (1993)); growing exponentials must not spoil that
(K. Stamnes et al., Appl. Opt. 27, 2502 (1988), for discrete ordinates). Warnings count as errors.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expn

from draws import CO, PT, U0, U_EX
from exact.films import flows, metal
from exact.integral_equation import extrapolation_length
from torkivity_engine.film.boundaries import Reservoir, Surface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

M = (0.3, 0.2, 1.0)
INTERFACE = RashbaInterface(U0, U_EX, 0.2)
MESH = SphericalMesh(8, 8)
SMALL = SphericalMesh(3, 4)
THICKNESSES = (1e-3, 0.1, 10.0, 1e4)  # mean free paths


def bilayer(x: float, y: float, flips: tuple[bool, bool], **outer: object) -> Bilayer:
    """Thicknesses in mean free paths; `flips` says which layers flip spins."""
    metal_ = replace(PT, thickness=x * PT.total_mean_free_path)
    magnet = replace(CO, thickness=y * CO.mean_free_path_minority)
    if not flips[0]:
        metal_ = replace(metal_, spin_flip_length=math.inf)
    if not flips[1]:
        magnet = replace(magnet, spin_flip_length=math.inf)
    return Bilayer(metal_, INTERFACE, magnet, magnetization=M, **outer)  # type: ignore[arg-type]


@pytest.mark.parametrize("flips", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("method", ["reduced", "dense"])
def test_closed_bilayer_conserves_charge(method: str, flips: tuple[bool, bool]) -> None:
    mesh = MESH if method == "reduced" else SMALL
    for x in THICKNESSES:
        for y in THICKNESSES if method == "reduced" else (0.1, 1e4):
            film = bilayer(x, y, flips, left=Surface(0.5))
            solution = solve_boltzmann(film, mesh, method=method)
            spin = np.abs([solution.spin_current_minus, solution.spin_current_plus]).max()
            assert np.isfinite(spin)
            assert spin > 0.0
            for current in (solution.charge_current_minus, solution.charge_current_plus):
                assert abs(current) < 1e-9 * spin, (x, y)


@pytest.mark.parametrize("flips", [(True, True), (True, False), (False, False)])
@pytest.mark.parametrize("method", ["reduced", "dense"])
def test_open_bilayer_conserves_charge(method: str, flips: tuple[bool, bool]) -> None:
    mesh = MESH if method == "reduced" else SMALL
    ends = {"left": Reservoir(charge=1.0), "right": Reservoir()}
    for x in THICKNESSES:
        for y in THICKNESSES if method == "reduced" else (0.1, 1e4):
            film = bilayer(x, y, flips, **ends)
            solution = solve_boltzmann(film, mesh, method=method, source="reservoirs")
            current = solution.charge_current_minus / film.stack().prefactor
            # Between the series of two diffusive layers and the clean contact.
            assert 0.0 < current < math.pi
            assert solution.charge_current_plus / film.stack().prefactor == pytest.approx(
                current, rel=1e-9
            ), (x, y)


@pytest.mark.parametrize("method", ["reduced", "dense"])
@pytest.mark.parametrize("thickness", [1e-3, 1.0, 30.0, 1e4])
def test_opaque_slab(thickness: float, method: str) -> None:
    mesh = SphericalMesh(24 if method == "reduced" else 6, 4, "graded")
    film = Stack([metal(thickness)], [], left=Reservoir(charge=1.0), right=Reservoir())
    solution = solve_boltzmann(film, mesh, method=method, source="reservoirs")
    current = flows(solution, film, 0, np.array([0.0, 0.5, 1.0]) * thickness)[:, 3]
    np.testing.assert_allclose(current, current[0], rtol=1e-9)
    if thickness >= 30.0:
        z_0 = extrapolation_length(lambda x: 0.0 * x, lambda x: 0.5 * expn(3, x))
        exact = 4.0 * math.pi / 3.0 / (thickness + 2.0 * z_0)
        assert current[0] == pytest.approx(exact, rel=1e-6 if method == "reduced" else 1e-4)


@pytest.mark.parametrize(
    ("source", "angle"), [("rashba", 0.0), ("spin_hall", 0.059), ("all", 0.059)]
)
def test_thick_heavy_metal_saturates(source: str, angle: float) -> None:
    length = 2.57  # nm, the spin diffusion length that PT is made from
    torques = []
    # A spin Hall source shows its far face as exp(-t/l), one at the interface as exp(-2t/l).
    for x in (20.0 if source == "rashba" else 25.0, 200.0):
        heavy = HeavyMetal.from_spin_diffusion_length(x * length, 2.0853, length, angle)
        solution = solve_boltzmann(
            Bilayer(heavy, INTERFACE, CO, magnetization=M), MESH, source=source
        )
        torques.append(np.concatenate([solution.torque_total, solution.torque_interface]))
    scale = np.abs(torques[1]).max()
    np.testing.assert_allclose(torques[0], torques[1], rtol=0.0, atol=1e-9 * scale)


def test_thick_ferromagnet_saturates() -> None:
    torques = []
    for thickness in (3e3, 3e4):
        magnet = replace(CO, thickness=thickness, spin_flip_length=60.0)
        solution = solve_boltzmann(Bilayer(PT, INTERFACE, magnet, magnetization=M), MESH)
        torques.append(solution.torque_total)
    np.testing.assert_allclose(torques[0], torques[1], rtol=1e-9)
