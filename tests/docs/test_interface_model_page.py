"""The code of docs/add-interface-model.md is right, not only running."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from doc_blocks import Page
from draws import U0, U_EX, pt_co
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import InterfaceTensors, interface_tensors
from torkivity_engine.film.interfaces import SpinOrbitInterface
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

PARTS = ("conductivity", "torkivity_ferromagnet", "torkivity_interface")
MESH = SphericalMesh(16, 16)
#: Turns spins by pi about (1, -1, 0): (k_y, -k_x, 0) becomes (k_x, -k_y, 0).
TURN = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    page = Page("docs/add-interface-model.md", tmp_path_factory.mktemp("page"))
    page.run_through(len(page.blocks) - 1)
    return page.namespace


def film(rashba: float, m: tuple[float, float, float]) -> Bilayer:
    return pt_co(rashba, magnetization=m)


def rows(tensors: InterfaceTensors) -> np.ndarray:
    return np.array([getattr(tensors, part)[:3] for part in PARTS])


def test_without_the_new_term_it_is_the_package(code: dict[str, Any]) -> None:
    tilted = film(0.2, (0.3, 0.2, 1.0))
    ours = code["tensors"](tilted, code["warping"](0.0), MESH)
    theirs = interface_tensors(tilted, MESH)
    scale = np.abs(theirs.conductivity).max()
    for part in PARTS:
        np.testing.assert_allclose(getattr(ours, part), getattr(theirs, part), atol=1e-13 * scale)


def test_dresselhaus_is_rashba_with_turned_spins(code: dict[str, Any]) -> None:
    m = np.array([0.3, 0.2, 1.0])
    rashba = rows(interface_tensors(film(0.2, tuple(m)), MESH))
    turned = film(0.0, tuple(TURN @ m))
    added = code["tensors"](turned, lambda kx, ky: 0.2 * np.stack([kx, -ky, 0 * kx], axis=1), MESH)
    interface = SpinOrbitInterface(U0, U_EX, 0.2 * code["dresselhaus_field"])
    declared = interface_tensors(replace(turned, interface=interface), MESH)
    for dresselhaus in (rows(added), rows(declared)):
        np.testing.assert_allclose(dresselhaus, TURN @ rashba, atol=1e-13 * np.abs(rashba).max())
        assert np.abs(dresselhaus - rashba).max() > 0.1 * np.abs(rashba).max()


def test_warping_has_a_three_fold_axis(code: dict[str, Any]) -> None:
    """A rotation of film, field and m by 120 degrees; by 90 degrees it is another interface."""
    mesh, m = SphericalMesh(8, 24), np.array([0.3, 0.2, 1.0])
    here = rows(code["tensors"](film(0.2, tuple(m)), code["warping"](0.5), mesh))
    errors = []
    for angle in np.radians([120.0, 90.0]):
        c, s = np.cos(angle), np.sin(angle)
        turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        there = rows(code["tensors"](film(0.2, tuple(turn @ m)), code["warping"](0.5), mesh))
        expected = turn @ here @ turn[:2, :2].T
        errors.append(np.abs(there - expected).max() / np.abs(here).max())
    assert errors[0] < 1e-12
    assert errors[1] > 1e-3


@pytest.mark.parametrize("barrier", [-0.4, 0.0, 0.7])
def test_without_spin_orbit_coupling_spins_lost_are_the_torque(
    code: dict[str, Any], barrier: float
) -> None:
    """The check that the page recommends, for arbitrary incoming distributions."""
    rng = np.random.default_rng(3)
    k, w = MESH.directions[MESH.upward], MESH.weights[MESH.upward]
    m, exchange = np.array([0.6, 0.0, 0.8]), 0.3
    r, t = code["scattering"](k, barrier, np.tile(exchange * m, (len(k), 1)))
    below, above = rng.normal(size=(2, len(k), 4, 1))
    flux = w * k[:, 2]
    minus = -np.einsum("n,nab->ab", flux, (r - np.eye(4)) @ below + t @ above)[:3, 0]
    plus = np.einsum("n,nab->ab", flux, (r - np.eye(4)) @ above + t @ below)[:3, 0]
    spin = np.einsum("n,nab->ab", w, t @ (below + above))[:3, 0]
    torque = 2.0 * exchange * np.cross(spin, m)
    np.testing.assert_allclose(minus - plus, torque, atol=1e-13)
    assert np.abs(torque).max() > 1e-2


def test_torque_is_that_of_drift_diffusion(code: dict[str, Any]) -> None:
    tilted = film(0.2, (0.1, 0.0, 1.0))
    known = solve_drift_diffusion(tilted, source="rashba", mesh=MESH)
    d, f = code["total_torque"](tilted, code["warping"](0.0), MESH)
    assert d == pytest.approx(known.damping_like(known.torque_total), rel=1e-12)
    assert f == pytest.approx(known.field_like(known.torque_total), rel=1e-12)


def test_memory_loss_vanishes_with_the_flips(code: dict[str, Any]) -> None:
    layers, interfaces = code["with_memory_loss"](1e-9).layers, code["rashba"]
    plain = solve_boltzmann(Stack((layers[0], layers[2]), (interfaces,)), MESH)
    lost = [
        solve_boltzmann(code["with_memory_loss"](delta), MESH).at_interface(1).torque_total
        for delta in (1e-9, 30.0)
    ]
    scale = np.abs(plain.torque_total).max()
    assert np.abs(lost[0] - plain.torque_total).max() < 2e-3 * scale
    assert np.abs(lost[1] - plain.torque_total).max() > 0.1 * scale
