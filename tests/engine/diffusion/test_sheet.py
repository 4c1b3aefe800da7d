"""Sheet conductance of drift-diffusion: reciprocity, published closed forms, Boltzmann."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from draws import pt_co, random_tilted_stack, unit_vector
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import mixing_conductance
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.boundaries import HalfSpace
from torkivity_engine.film.diffusion_length import spin_diffusion_length
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Stack, reversed_magnets
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

MESH = SphericalMesh(6, 8)


def bulk(stack: Stack) -> float:
    k_f = stack.fermi_wavevector
    return sum(layer.conductivity(k_f) * layer.thickness * METRE_PER_NM for layer in stack.layers)


#: One draw has no diffusive regime.
@pytest.mark.parametrize("seed", [seed for seed in range(21) if seed != 15])
def test_onsager(seed: int) -> None:
    """G_ab(m) = G_ba(-m) of what is added to the conductivities, in any stack."""
    stack = random_tilted_stack(seed)
    there, back = (
        solve_drift_diffusion(film, ferromagnet="finite", mesh=MESH).sheet_conductance
        - bulk(stack) * np.eye(2)
        for film in (stack, reversed_magnets(stack))
    )
    assert np.abs(there).max() > 0.0
    np.testing.assert_allclose(there, back.T, atol=1e-10 * np.abs(there).max())


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    "magnet",
    [
        SplitFerromagnet(4.0, 17.0, 12.0, 6.0, 3.0, 100.0),
        SplitFerromagnet(4.0, 17.0, None, 6.0, None, decay_minority=5.0),
    ],
)
def test_onsager_of_split_magnets(magnet: SplitFerromagnet, order: int) -> None:
    """What enters one across m is absorbed, and drives nothing from inside it."""
    m = unit_vector(np.random.default_rng(4))
    metal = HeavyMetal(3.0, 2.4, 14.8, 0.2, fermi_wavevector=13.0)
    layers = (metal, magnet.turned(m))[::order]
    stack = Stack(layers, (RashbaInterface(0.4, 0.3, 0.2, magnetization=m),))
    there, back = (
        solve_drift_diffusion(film, ferromagnet="finite", mesh=MESH).sheet_conductance
        - bulk(stack) * np.eye(2)
        for film in (stack, reversed_magnets(stack))
    )
    np.testing.assert_allclose(there, back.T, atol=1e-10 * np.abs(there).max())


@pytest.mark.parametrize("seed", range(5))
def test_onsager_of_the_dephased_level(seed: int) -> None:
    m = np.array(unit_vector(np.random.default_rng(seed)))
    there, back = (
        solve_drift_diffusion(pt_co(0.3, magnetization=tuple(s * m)), mesh=MESH).sheet_conductance
        - bulk(pt_co(0.3).stack()) * np.eye(2)
        for s in (1.0, -1.0)
    )
    np.testing.assert_allclose(there, back.T, atol=1e-10 * np.abs(there).max())


@pytest.mark.parametrize("seed", range(3))
def test_spin_hall_magnetoresistance(seed: int) -> None:
    """Y.-T. Chen et al., Phys. Rev. B 87, 144411 (2013), Eqs. (19)-(26), to order theta^2."""
    m = np.array(unit_vector(np.random.default_rng(seed)))
    film = pt_co(0.0, magnetization=tuple(m))
    metal = film.heavy_metal
    g = solve_drift_diffusion(film, source="spin_hall", mesh=MESH).sheet_conductance
    length, sigma = spin_diffusion_length(metal), metal.conductivity(film.fermi_wavevector)
    d, theta = metal.thickness / length, metal.spin_hall_angle
    conductance = 2.0 * length * METRE_PER_NM * mixing_conductance(film)
    share = conductance * np.tanh(0.5 * d) ** 2 / (sigma + conductance / np.tanh(d))
    unit = theta**2 * sigma * length * METRE_PER_NM
    x = bulk(film.stack()) + unit * (2.0 * np.tanh(0.5 * d) - share.real * (1.0 - m[1] ** 2))
    assert g[0, 0] - bulk(film.stack()) == pytest.approx(x - bulk(film.stack()), rel=1e-8)
    assert 0.5 * (g[0, 1] + g[1, 0]) == pytest.approx(-unit * share.real * m[0] * m[1], rel=1e-8)
    assert abs(0.5 * (g[0, 1] - g[1, 0])) == pytest.approx(abs(unit * share.imag * m[2]), rel=1e-8)


def test_magnetoresistance_is_that_of_the_boltzmann_equation() -> None:
    """Same sign and size for the spin Hall effect, with the finite ferromagnet."""

    def change(solve) -> float:  # type: ignore[no-untyped-def]
        x, y = (solve(pt_co(0.0, magnetization=m)) for m in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
        return float(y.sheet_conductance[0, 0] - x.sheet_conductance[0, 0])

    diffusive = change(
        lambda film: solve_drift_diffusion(
            film, ferromagnet="finite", source="spin_hall", mesh=MESH
        )
    )
    kinetic = change(lambda film: solve_boltzmann(film, MESH, source="spin_hall"))
    assert kinetic > 0.0
    assert 0.3 < diffusive / kinetic < 1.5


def test_what_has_none_is_said() -> None:
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0))
    with pytest.raises(PhysicsError, match="no sheet conductance"):
        _ = solve_drift_diffusion(film, "boundary_layer", mesh=MESH).sheet_conductance
    with pytest.raises(PhysicsError, match="no sheet conductance"):
        _ = solve_drift_diffusion(replace(film, left=HalfSpace()), mesh=MESH).sheet_conductance
