"""A film does not know how it is cut: invariant embedding.

V. A. Ambartsumian, Dokl. Akad. Nauk SSSR 38, 257 (1943); R. Bellman, R. Kalaba and M. Prestrud,
Invariant Imbedding and Radiative Transfer in Slabs of Finite Thickness (Elsevier, 1963).
Slices of one material with transparent interfaces in between are one layer, whatever the
cuts; the reference is the film in one piece.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from torkivity_engine.film.boundaries import HalfSpace, Reservoir, Surface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal, Layer
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

M = (0.3, 0.2, 1.0)
PT = HeavyMetal(6.0, 2.2, 40.0)
CO = Ferromagnet(4.0, 16.25, 6.01, 300.0, 1.36, magnetization=M)
CLEAR = RashbaInterface(0.0, 0.0, 0.0)
BARRIER = RashbaInterface(0.43, 0.2, 0.15, magnetization=M)
CUTS = ((1.0,), (0.5, 0.5), (0.1, 0.6, 0.3), (0.25, 1e-4, 0.2499, 0.4, 0.1))
OUTER = {
    "closed": (Surface(1.0), Surface(1.0)),
    "rough": (Surface(0.3), Surface(0.0)),
    "reservoirs": (Reservoir(charge=1.0, spin=(0.2, 0.0, 0.5)), Reservoir(spin=(0.0, 1.0, 0.0))),
    "half spaces": (HalfSpace(), HalfSpace()),
}


def sliced(layer: Layer, cuts: Sequence[float]) -> tuple[list[Layer], list[RashbaInterface]]:
    slices = [replace(layer, thickness=layer.thickness * part) for part in cuts]
    return slices, [CLEAR] * (len(cuts) - 1)


def bilayer(metal_cuts: Sequence[float], magnet_cuts: Sequence[float], outer: str) -> Stack:
    metals, clear_left = sliced(PT, metal_cuts)
    magnets, clear_right = sliced(CO, magnet_cuts)
    left, right = OUTER[outer]
    return Stack(metals + magnets, [*clear_left, BARRIER, *clear_right], left=left, right=right)


def answer(film: Stack, index: int, mesh: object, method: str, source: str) -> np.ndarray:
    response = solve_boltzmann(film, mesh, method=method, source=source).at_interface(index)
    return np.concatenate(
        [
            response.spin_current_minus,
            [response.charge_current_minus],
            response.spin_current_plus,
            [response.charge_current_plus],
            response.torque_interface,
        ]
    )


def same(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-11) -> None:
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("outer", list(OUTER))
@pytest.mark.parametrize("cuts", CUTS[1:], ids=["2", "3", "5"])
def test_slices_of_a_bilayer(cuts: Sequence[float], outer: str) -> None:
    mesh = SphericalMesh(8, 8)
    source = "reservoirs" if outer == "reservoirs" else "rashba"
    whole = answer(bilayer((1.0,), (1.0,), outer), 0, mesh, "reduced", source)
    index = len(cuts) - 1
    same(answer(bilayer(cuts, (1.0,), outer), index, mesh, "reduced", source), whole)
    same(answer(bilayer((1.0,), cuts, outer), 0, mesh, "reduced", source), whole)
    same(answer(bilayer(cuts, cuts[::-1], outer), index, mesh, "reduced", source), whole)


@pytest.mark.parametrize("outer", ["closed", "rough", "reservoirs"])
def test_slices_by_the_dense_method(outer: str) -> None:
    mesh = SphericalMesh(3, 4)
    source = "reservoirs" if outer == "reservoirs" else "rashba"
    whole = answer(bilayer((1.0,), (1.0,), outer), 0, mesh, "dense", source)
    same(answer(bilayer((0.3, 0.7), (0.6, 0.4), outer), 1, mesh, "dense", source), whole, 1e-10)
    same(answer(bilayer((1.0,), (1.0,), outer), 0, mesh, "reduced", source), whole, 1e-10)


@pytest.mark.parametrize("layer", [PT, CO], ids=["metal", "magnet"])
def test_slices_of_a_film_with_its_profile(layer: Layer) -> None:
    mesh = SphericalMesh(8, 4)
    left, right = Reservoir(charge=1.0, spin=(0.3, -0.2, 0.1)), Reservoir()
    z = np.array([0.0, 0.05, 0.3, 0.62, 0.9, 1.0]) * layer.thickness
    whole = solve_boltzmann(Stack([layer], [], left=left, right=right), mesh, source="reservoirs")
    expected = whole.profile(0, z=z)
    cuts = CUTS[2]
    slices, clear = sliced(layer, cuts)
    film = Stack(slices, clear, left=left, right=right)
    solution = solve_boltzmann(film, mesh, source="reservoirs")
    start = 0.0
    for index, part in enumerate(slices):
        here = (z >= start) & (z <= start + part.thickness * (1.0 + 1e-12))
        profile = solution.profile(index, z=np.clip(z[here] - start, 0.0, part.thickness))
        for name in ("spin_current", "charge_current", "spin_accumulation", "charge_accumulation"):
            value = getattr(expected, name)
            np.testing.assert_allclose(
                getattr(profile, name), value[here], rtol=0.0, atol=1e-11 * np.abs(value).max()
            )
        start += part.thickness


def test_transparent_interface_passes_everything() -> None:
    # Currents on its two sides are equal, and it takes no torque.
    mesh = SphericalMesh(8, 8)
    found = answer(bilayer((0.4, 0.6), (1.0,), "closed"), 0, mesh, "reduced", "rashba")
    same(found[:4], found[4:8])
    assert np.all(found[8:] == 0.0)


def test_order_of_layers_may_be_reversed() -> None:
    # Turning the film upside down about x: z -> -z, y -> -y, spins as axial vectors.
    mesh = SphericalMesh(8, 8)
    turned_m = (M[0], -M[1], -M[2])
    film = bilayer((1.0,), (1.0,), "rough")
    # k x z changes sign with the side from which the interface is looked at.
    turned = Stack(
        [replace(CO, magnetization=turned_m), PT],
        [replace(BARRIER, rashba=-BARRIER.rashba, magnetization=turned_m)],
        left=film.right,
        right=film.left,
    )
    there = answer(film, 0, mesh, "reduced", "rashba")
    here = answer(turned, 0, mesh, "reduced", "rashba")
    flow = np.array([-1.0, 1.0, 1.0, -1.0])  # flow along z and spin both turn
    same(here[:4], flow * there[4:8])
    same(here[4:8], flow * there[:4])
    same(here[8:], np.array([1.0, -1.0, -1.0]) * there[8:])


def test_lossless_slices() -> None:
    mesh = SphericalMesh(8, 4)
    lossless = HeavyMetal(5.0, 1.5, math.inf)
    ends = {"left": Reservoir(charge=1.0), "right": Reservoir()}
    slices, clear = sliced(lossless, (0.2, 0.5, 0.3))
    one = solve_boltzmann(Stack([lossless], [], **ends), mesh, source="reservoirs")
    many = solve_boltzmann(Stack(slices, clear, **ends), mesh, source="reservoirs")
    expected = one.profile(0, z=np.array([2.0])).charge_current[0]
    for index in (0, 1):
        found = many.at_interface(index).charge_current_plus
        assert found == pytest.approx(expected, rel=1e-12)
