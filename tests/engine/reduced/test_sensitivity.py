"""Derivatives from the factored system against finite differences of whole solutions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from draws import PT, pt_co, random_bilayer, random_ferromagnet
from torkivity_engine.film.boundaries import Surface
from torkivity_engine.film.checks import Vector
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.reduced.sensitivity import sensitivities, sensitivity_names
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import InputError, SphericalMesh

MESH = SphericalMesh(6, 8)
STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
#: Towards the values below, from a limit on.
BELOW = ((0, 25 / 12), (-1, -4), (-2, 3), (-3, -4 / 3), (-4, 1 / 4))
NAMES = ("torque_interface", "torque_ferromagnet", "torque_total", "torque_lattice")
Film = Bilayer | Stack


def turned(m: Vector, theta: float, phi: float) -> Vector:
    t, p = math.acos(m[2]) + math.radians(theta), math.atan2(m[1], m[0]) + math.radians(phi)
    return (math.sin(t) * math.cos(p), math.sin(t) * math.sin(p), math.cos(t))


def shifted(film: Film, name: str, h: float) -> Film:
    """The film with one parameter changed: written apart from the code under test."""
    part, *_, key = name.split(".")
    theta, phi = (h, 0.0) if key == "theta_deg" else (0.0, h)
    if part == "magnetization":
        assert isinstance(film, Bilayer)
        return replace(film, magnetization=turned(film.magnetization, theta, phi))
    group, i = place(film, part)
    if i is None:
        return replace(film, **{group: moved(getattr(film, group), key, h)})
    things = list(getattr(film, group))
    things[i] = (
        replace(things[i], magnetization=turned(things[i].magnetization, theta, phi))
        if key.endswith("deg")
        else moved(things[i], key, h)
    )
    return replace(film, **{group: tuple(things)})


def place(film: Film, part: str) -> tuple[str, int | None]:
    """Where the three layers of the stack below, or the parts of a bilayer, are kept."""
    layers, interfaces = ("FM", "HM1", "HM2"), ('"FM|HM1"', '"HM1|HM2"')
    if isinstance(film, Bilayer) or part in ("left", "right"):
        return part, None
    if part in layers:
        return "layers", layers.index(part)
    return "interfaces", interfaces.index(part)


def value_of(thing: object, key: str) -> float:
    value = getattr(thing, key)
    return float(value() if callable(value) else value)


def moved(thing: Any, key: str, h: float) -> Any:
    """A metal that was given by its diffusion length keeps what else it was given by."""
    sphere = key in ("effective_mass", "fermi_wavevector")  # no length of it
    if not isinstance(thing, HeavyMetal) or thing.given is None or sphere:
        return replace(thing, **{key: getattr(thing, key) + h})
    keys = ("thickness", "total_mean_free_path", "spin_diffusion_length", "spin_hall_angle")
    numbers = {k: value_of(thing, k) for k in keys}
    return HeavyMetal.from_spin_diffusion_length(**{**numbers, key: numbers[key] + h})


def difference(film: Film, name: str, h: float, of: Callable[[object], np.ndarray], source: str):  # type: ignore[no-untyped-def]
    return (
        sum(
            w * of(solve_boltzmann(shifted(film, name, k * h), MESH, source=source))
            for k, w in (BELOW if at_limit(film, name) else STENCIL)
        )
        / h
    )


def at_limit(film: Film, name: str) -> bool:
    side, key = name.split(".")[0], name.split(".")[-1]
    return key == "specularity" and getattr(film, side).specularity == 1.0


def step_of(film: Film, name: str) -> float:
    part, *_, key = name.split(".")
    if key.endswith("deg"):
        return 0.05
    if key in ("barrier", "exchange", "rashba", "spin_hall_angle", "specularity"):
        return 5e-4
    group, i = place(film, part)
    thing = getattr(film, group) if i is None else getattr(film, group)[i]
    return 3e-4 * value_of(thing, key)


def check(film: Film, source: str = "all") -> None:
    n_interfaces = len(film.stack().interfaces if isinstance(film, Bilayer) else film.interfaces)
    derivatives = sensitivities(film, MESH, source=source)
    assert set(derivatives) == set(sensitivity_names(film))
    torque = np.abs(solve_boltzmann(film, MESH, source=source).at_interface(0).torque_total).max()
    for name, by_interface in derivatives.items():
        h = step_of(film, name)
        for i in range(n_interfaces):
            for quantity in (*NAMES, "current_minus", "current_plus"):
                expected = difference(
                    film, name, h, lambda s, i=i, q=quantity: getattr(s.at_interface(i), q), source
                )
                found = getattr(by_interface[i], quantity)
                # Rounding of the difference itself: torque / h.
                atol = 2e-7 * np.abs(expected).max() + 1e-10 * torque / h
                np.testing.assert_allclose(found, expected, atol=atol, err_msg=f"{name} {quantity}")


@pytest.mark.parametrize("source", ["all", "rashba"])
def test_pt_co(source: str) -> None:
    check(pt_co(0.2, magnetization=(0.48, 0.6, 0.64), field_direction_deg=20.0), source)


@pytest.mark.parametrize("seed", range(2))
def test_random_bilayers(seed: int) -> None:
    film = random_bilayer(np.random.default_rng(seed))
    # One magnetization for interface and ferromagnet, so that its angles are parameters.
    film = replace(film, ferromagnet=replace(film.ferromagnet, magnetization=None))
    check(replace(film, left=Surface(0.4)))


def test_stack_of_three_layers() -> None:
    magnet = random_ferromagnet(np.random.default_rng(1))
    check(
        Stack(
            (magnet, PT, HeavyMetal(2.0, 5.0, 50.0)),
            (RashbaInterface(0.3, 0.2, 0.1, magnet.magnetization), RashbaInterface(0.1, 0.0, 0.3)),
            left=Surface(0.3),
            right=Surface(0.5),
        )
    )


def test_strong_interface() -> None:
    """Potentials above one are scaled inside the kernels."""
    check(
        replace(
            pt_co(0.2, magnetization=(0.48, 0.6, 0.64)), interface=RashbaInterface(1.7, 1.2, -2.3)
        )
    )


def test_chosen_parameters_and_infinite_lengths() -> None:
    film = replace(pt_co(), heavy_metal=replace(PT, spin_flip_length=math.inf))
    names = sensitivity_names(film)
    assert "heavy_metal.mean_free_path" in names
    assert "heavy_metal.spin_flip_length" not in names
    only = sensitivities(film, MESH, parameters=["interface.rashba"])
    assert list(only) == ["interface.rashba"]
    with pytest.raises(InputError, match=r"interface\.rashba"):
        sensitivities(film, MESH, parameters=["rashba"])
    with pytest.raises(InputError, match="two layers"):
        sensitivities(Stack((PT,), ()), MESH)


def test_older_names() -> None:
    """Kinetic lengths of a metal given otherwise, and layers and interfaces by number."""
    film = pt_co(0.2, magnetization=(0.48, 0.6, 0.64))
    plain = replace(film, heavy_metal=replace(PT, given=None))
    (here,) = sensitivities(film, MESH, ["heavy_metal.mean_free_path"]).values()
    (there,) = sensitivities(plain, MESH, ["HM.mean_free_path"]).values()
    np.testing.assert_array_equal(here[0].torque_total, there[0].torque_total)
    names = ["layers.0.mean_free_path", "interfaces.0.rashba", "layers.1.precession_length"]
    by_number = sensitivities(plain.stack(), MESH, names)
    by_name = sensitivities(
        plain, MESH, ["HM.mean_free_path", "HM|FM.rashba", "FM.precession_length"]
    )
    for a, b in zip(by_number.values(), by_name.values(), strict=True):
        np.testing.assert_array_equal(a[0].torque_total, b[0].torque_total)
