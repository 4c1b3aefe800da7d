"""The code of docs/extending.md is right, not only running."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from doc_blocks import Page, blocks
from draws import U0, U_EX, pt_co
from torkivity.config.text import check_config
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import InterfaceTensors, interface_tensors
from torkivity_engine.errors import InputError
from torkivity_engine.film.interfaces import SpinOrbitInterface
from torkivity_engine.film.kinds import plugin_digest
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.parameters import film_facts
from torkivity_engine.film.stack import Bilayer, Stack, mirrored
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

PARTS = ("conductivity", "torkivity_ferromagnet", "torkivity_interface")
MESH = SphericalMesh(16, 16)
SMALL = SphericalMesh(6, 12)
#: Turns spins by pi about (1, -1, 0): (k_y, -k_x, 0) becomes (k_x, -k_y, 0).
TURN = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Names of the page, after its first call of Python with the module of kinds."""
    page = Page("docs/extending.md", tmp_path_factory.mktemp("page"))
    imported = next(i for i, b in enumerate(page.blocks) if "from my_kinds" in b.text)
    sys.modules.pop("my_kinds", None)
    page.run_through(imported)
    yield page.namespace
    sys.modules.pop("my_kinds", None)


def film(rashba: float, m: tuple[float, float, float]) -> Bilayer:
    return pt_co(rashba, magnetization=m)


def warped(code: dict[str, Any], m: Any, rashba: float, warping: float) -> Bilayer:
    interface = code["WarpedInterface"](U0, U_EX, rashba, warping)
    return replace(film(0.0, tuple(m)), interface=interface)


def rows(tensors: InterfaceTensors) -> np.ndarray:
    return np.array([getattr(tensors, part)[:3] for part in PARTS])


def test_without_the_new_term_it_is_the_package(code: dict[str, Any]) -> None:
    m = (0.3, 0.2, 1.0)
    ours = rows(interface_tensors(warped(code, m, 0.2, 0.0), MESH))
    theirs = rows(interface_tensors(film(0.2, m), MESH))
    np.testing.assert_allclose(ours, theirs, atol=1e-13 * np.abs(theirs).max())
    with_term = rows(interface_tensors(warped(code, m, 0.2, 0.3), MESH))
    assert np.abs(with_term - theirs).max() > 1e-2 * np.abs(theirs).max()


def test_dresselhaus_is_rashba_with_turned_spins(code: dict[str, Any]) -> None:
    m = np.array([0.3, 0.2, 1.0])
    rashba = rows(interface_tensors(film(0.2, tuple(m)), MESH))
    interface = SpinOrbitInterface(U0, U_EX, 0.2 * code["dresselhaus_field"])
    turned = replace(film(0.0, tuple(TURN @ m)), interface=interface)
    dresselhaus = rows(interface_tensors(turned, MESH))
    np.testing.assert_allclose(dresselhaus, TURN @ rashba, atol=1e-13 * np.abs(rashba).max())
    assert np.abs(dresselhaus - rashba).max() > 0.1 * np.abs(rashba).max()


def test_warping_has_a_three_fold_axis(code: dict[str, Any]) -> None:
    """A rotation of film, field and m by 120 degrees; by 90 degrees it is another interface."""
    mesh, m = SphericalMesh(8, 24), np.array([0.3, 0.2, 1.0])
    here = rows(interface_tensors(warped(code, m, 0.2, 0.5), mesh))
    errors = []
    for angle in np.radians([120.0, 90.0]):
        c, s = np.cos(angle), np.sin(angle)
        turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        there = rows(interface_tensors(warped(code, turn @ m, 0.2, 0.5), mesh))
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
    m = np.array([0.6, 0.0, 0.8])
    interface = code["WarpedInterface"](barrier, 0.3, 0.1, 0.2).without_spin_orbit()
    found = interface.scattering(m, k)
    r, t = found.reflection_below, found.transmission_up
    below, above = rng.normal(size=(2, len(k), 4, 1))
    flux = w * k[:, 2]
    minus = -np.einsum("n,nab->ab", flux, (r - np.eye(4)) @ below + t @ above)[:3, 0]
    plus = np.einsum("n,nab->ab", flux, (r - np.eye(4)) @ above + t @ below)[:3, 0]
    spin = np.einsum("n,nab->ab", w, found.density_below @ below + found.density_above @ above)
    torque = interface.torque(spin[:, 0], m)
    np.testing.assert_allclose(minus - plus, torque, atol=1e-13)
    assert np.abs(torque).max() > 1e-2


def test_methods_agree(code: dict[str, Any]) -> None:
    bilayer = warped(code, (0.3, 0.2, 1.0), 0.2, 0.4)
    reduced, dense = (
        solve_boltzmann(bilayer, SMALL, method=method) for method in ("reduced", "dense")
    )
    scale = np.abs(dense.torque_total).max()
    np.testing.assert_allclose(reduced.torque_total, dense.torque_total, atol=1e-10 * scale)


def test_upside_down(code: dict[str, Any]) -> None:
    """The copy with mirrored coupling is the interface in the mirror."""
    stack = warped(code, (0.3, 0.2, 1.0), 0.2, 0.4).stack()
    here = solve_boltzmann(stack, SMALL).at_interface(0)
    there = solve_boltzmann(mirrored(stack), SMALL).at_interface(0).mirrored()
    scale = np.abs(here.torque_total).max()
    np.testing.assert_allclose(there.torque_total, here.torque_total, atol=1e-11 * scale)


@pytest.mark.parametrize("model", [solve_boltzmann, solve_drift_diffusion])
def test_metal_with_flips_is_a_heavy_metal(code: dict[str, Any], model: Any) -> None:
    bilayer = film(0.2, (0.1, 0.0, 1.0))
    path, flips = 2.0, 0.1
    pair = (
        HeavyMetal(3.0, path / (1.0 - flips), path / flips),
        code["FlippingMetal"](3.0, path, flips),
    )
    known, new = (
        model(replace(bilayer.stack(), layers=(metal, bilayer.stack().layers[1])), mesh=SMALL)
        for metal in pair
    )
    scale = np.abs(known.torque_total).max()
    np.testing.assert_allclose(new.torque_total, known.torque_total, atol=1e-12 * scale)


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


def test_plugin_beside_the_file(code: dict[str, Any], tmp_path: Path) -> None:
    """It is found by its name alone, and a change of its source is a change of the physics."""
    name = "kinds_beside_a_file"
    block = next(b for b in blocks("docs/extending.md") if b.text.startswith("# my_kinds.py"))
    source = block.text.replace('"flipping_metal"', '"beside_metal"').replace(
        '"warped"', '"beside_interface"'
    )
    (tmp_path / f"{name}.py").write_text(source)
    toml = next(b for b in blocks("docs/extending.md") if b.text.startswith("# warped.toml"))
    text = toml.text.replace("my_kinds", name).replace('"flipping_metal"', '"beside_metal"')
    text = text.replace('"warped"', '"beside_interface"')
    before = list(sys.path)
    try:
        config = check_config(tomllib.loads(text), str(tmp_path / "film.toml"))
        facts = film_facts(config.film)
        assert facts["N.kind"] == "beside_metal"
        assert facts["N.kind source"] == plugin_digest(name)
        assert "Pt.kind source" not in facts
        (tmp_path / f"{name}.py").write_text(source + "# changed\n")
        assert film_facts(config.film)["N.kind source"] != facts["N.kind source"]
        with pytest.raises(InputError, match=r"film\.toml: plugins = \"absent_kinds\": cannot be"):
            check_config({"plugins": ["absent_kinds"]}, str(tmp_path / "film.toml"))
    finally:
        sys.path[:] = before
        sys.modules.pop(name, None)
