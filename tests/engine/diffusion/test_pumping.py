"""Spin pumping in drift-diffusion: closed forms, reciprocity with torques, conductances."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from draws import pt_co, random_tilted_stack, unit_vector
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.pumped_interface import interface_emission
from torkivity_engine.diffusion.pumping import drift_diffusion_pumping
from torkivity_engine.diffusion.tensors import mixing_conductance, transmitted_mixing_conductance
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Stack, reversed_magnets
from torkivity_engine.magnets import magnet_responses
from torkivity_engine.solution import entering_spin
from torkivity_engine.spin import cross_matrix, transverse
from torkivity_meshes import SphericalMesh

MESH = SphericalMesh(8, 8)


def largest(difference: np.ndarray, scale: np.ndarray) -> float:
    return float(np.abs(difference).max() / np.abs(scale).max())


@pytest.mark.parametrize("thickness", [0.3, 3.0, 40.0])
def test_backflow(thickness: float) -> None:
    """1/G_eff = 1/G + 2 l_sf / (sigma tanh(t/l_sf)) of Tserkovnyak et al. (2002), G complex."""
    film = pt_co(0.0, magnetization=(0.3, 0.2, 1.0))
    film = replace(film, heavy_metal=replace(film.heavy_metal, thickness=thickness))
    found = drift_diffusion_pumping(film, SphericalMesh(24, 4))
    metal, k_f = film.heavy_metal, film.fermi_wavevector
    length = metal.spin_diffusion_length()
    y = 0.5 * metal.conductivity(k_f) * np.tanh(thickness / length) / (length * 1e-9)
    g = 1.0 / (1.0 / mixing_conductance(film) + 1.0 / y)
    assert found.effective_mixing_conductance == pytest.approx(g.real, rel=1e-10)
    across = cross_matrix(film.magnetization) @ found.axes.T
    expected = -g.real * across + g.imag * found.axes.T
    assert largest(found.spin_current_minus - expected, expected) < 1e-10


def test_emission_is_that_of_conductances() -> None:
    """Without spin-orbit coupling j(0-) = -(G - Gamma) m x q, j(0+) = +(G - Gamma) m x q."""
    film = pt_co(0.0, magnetization=(0.3, 0.2, 1.0)).stack()
    axes = drift_diffusion_pumping(film, MESH).axes.T
    sent = interface_emission(film, 0, 1, axes, SphericalMesh(24, 4))
    g = mixing_conductance(film) - transmitted_mixing_conductance(film)
    m = cross_matrix(film.layers[1].magnetization)
    expected = -(g.real * m @ axes + g.imag * m @ m @ axes)
    assert largest(sent.minus[:3] - expected, expected) < 1e-12
    assert largest(sent.plus[:3] + expected, expected) < 1e-12
    assert largest(sent.minus[3], expected) < 1e-14
    assert largest(sent.in_plane, expected) < 1e-20


def _exchange(film: Stack, name: str, level: str, keep: bool) -> np.ndarray:
    """Torque of exchange per field along x and y: what the magnetization has of what enters."""
    index, columns = film.names.index(name), []
    layer = film.layers[index]
    for angle in (0.0, 90.0):
        found = solve_drift_diffusion(
            replace(film, field_direction_deg=angle),
            "particular",
            level,
            keep_rashba=keep,
            mesh=MESH,
        )
        own = {x.name: x for x in magnet_responses(film, found.interfaces)}[name]
        entering = transverse(entering_spin(index, found.interfaces), layer.magnetization)
        share = 1.0 + 0.0j if level == "dephased" else layer.absorbed_share()
        turned = cross_matrix(layer.magnetization) @ entering
        columns.append(own.torque_interface + share.real * entering + share.imag * turned)
    return np.column_stack(columns)


def _require_reciprocity(film: Stack, level: str, keep: bool) -> None:
    turned = reversed_magnets(film)
    for name in film.magnet_names:
        found, back = (
            drift_diffusion_pumping(x, MESH, magnet=name, ferromagnet=level, keep_rashba=keep)
            for x in (film, turned)
        )
        m = np.array(film.layers[film.names.index(name)].magnetization)
        across = np.cross(m, found.axes)
        expected = _exchange(turned, name, level, keep).T @ across.T
        assert largest(found.sheet_current - expected, expected) < 1e-10
        x = across @ found.torque
        share = found.axes @ back.axes.T
        reversed_x = np.cross(-m, found.axes) @ (back.torque @ share.T)
        assert largest(x - reversed_x.T, x) < 1e-10
        assert np.all(np.linalg.eigvalsh(x + x.T) < 0.0)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_reciprocity(seed: int, keep: bool) -> None:
    """J_a(q; m) = sum_i T_ia(-m) (m x q)_i with torques of drift-diffusion, X_ab(m) = X_ba(-m)."""
    film = random_tilted_stack(seed)
    layers = []
    for layer in film.layers:
        if isinstance(layer, HeavyMetal):  # spins that flip faster do not diffuse
            flip = max(layer.spin_flip_length, 8.0 * layer.mean_free_path)
            layers.append(replace(layer, spin_flip_length=flip))
        else:
            layers.append(replace(layer, dephasing_length=0.7) if seed % 2 else layer)
    film = replace(film, layers=tuple(layers))
    _require_reciprocity(film, "finite", keep)
    if len(film.layers) == 2:
        _require_reciprocity(film, "dephased", keep)


def _sphere_films() -> list[Stack]:
    rng = np.random.default_rng(5)
    metal = HeavyMetal(3.0, 2.4, 14.8, 0.2, fermi_wavevector=13.0, effective_mass=1.3)
    magnets = [
        SplitFerromagnet(4.0, 17.0, 12.0, 6.0, 3.0, 100.0),
        SplitFerromagnet(4.0, 17.0, None, 6.0, None, decay_minority=5.0),
        MagneticInsulator(8.0, 5.0),
        Ferromagnet(2.0, 6.0, 3.0, 100.0, 1.4, dephasing_length=0.9),
    ]
    films = []
    for magnet in magnets:
        m = unit_vector(rng)
        layers = (metal, magnet.turned(m))
        for order in (layers, layers[::-1]):
            films.append(Stack(order, (RashbaInterface(0.4, 0.3, 0.2, magnetization=m),)))
    both = (magnets[0].turned(unit_vector(rng)), metal, magnets[2].turned(unit_vector(rng)))
    interfaces = tuple(
        RashbaInterface(0.3, 0.2, 0.1, magnetization=(a.magnetization or b.magnetization))
        for a, b in itertools.pairwise(both)
    )
    return [*films, Stack(both, interfaces)]


@pytest.mark.parametrize("case", range(9))
def test_reciprocity_between_spheres(case: int) -> None:
    film = _sphere_films()[case]
    for keep in (False, True):
        if not any(isinstance(x, MagneticInsulator) for x in film.layers):
            _require_reciprocity(film, "finite", keep)
        if len(film.layers) == 2:
            _require_reciprocity(film, "dephased", keep)
