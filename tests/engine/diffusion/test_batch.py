"""Batches of films in drift-diffusion: each film as by itself, digit for digit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from draws import (
    CO,
    PT,
    U0,
    U_EX,
    pt_co,
    random_bilayer,
    random_ferromagnet,
    random_heavy_metal,
    random_tilted_stack,
    unit_vector,
)
from torkivity_engine.diffusion.batch import drift_diffusion_many
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.boundaries import HalfSpace
from torkivity_engine.film.circuit_interface import CircuitInterface
from torkivity_engine.film.free_electron_table import free_electron_table
from torkivity_engine.film.interfaces import RashbaInterface, SpinOrbitInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.film.tabulated_interface import TabulatedInterface
from torkivity_engine.solution import DriftDiffusionSolution
from torkivity_meshes import SphericalMesh

MESH = SphericalMesh(8, 12)
Film = Bilayer | Stack


def one_direction(film: Bilayer) -> Bilayer:
    return replace(film, ferromagnet=film.ferromagnet.turned(None))


def bilayers() -> list[Film]:
    """Films of both levels: random, upside down, on spheres of their own, insulators, tables."""
    rng = np.random.default_rng(5)
    m = (0.3, 0.2, 1.0)
    rashba = RashbaInterface(U0, U_EX, 0.2)
    own = HeavyMetal(5.0, 2.0, 30.0, 0.1, fermi_wavevector=13.0, effective_mass=0.8)
    split = SplitFerromagnet(5.0, 17.0, 9.0, 6.0, 2.0, 60.0, 1.3, 0.8)
    film = pt_co(0.2, magnetization=m)
    stack = film.stack()
    below = replace(stack, layers=stack.layers[::-1], right=HalfSpace())
    coupling = SpinOrbitInterface(U0, U_EX, ((0.1, 0.3), (-0.2, 0.05), (0.0, 0.15)))
    plain = Stack((replace(PT, spin_hall_angle=0.0), stack.layers[1]), stack.interfaces)
    rule = SphericalMesh(3, 4).rings
    assert rule is not None
    table = TabulatedInterface.of(free_electron_table(plain, 0, rule))
    return [
        film,
        *(one_direction(random_bilayer(rng)) for _ in range(6)),
        Bilayer(own, rashba, split, m),
        below,
        Bilayer(own, rashba, MagneticInsulator(4.0, 7.0), m),
        Bilayer(PT, coupling, CO, m, field_direction_deg=40.0),
        replace(plain, interfaces=(table,)),
        film,
    ]


def stacks() -> list[Film]:
    """Films of the finite level: the same, and stacks of up to six layers."""
    rng = np.random.default_rng(6)
    layers = [random_heavy_metal(rng), random_ferromagnet(rng)] * 3
    m = [layer.magnetization for layer in layers[1::2] for _ in range(2)]
    interfaces = [
        RashbaInterface(*(float(x) for x in rng.normal(size=3)), magnetization=own) for own in m
    ]
    return [
        *bilayers(),
        *(random_tilted_stack(seed) for seed in range(8)),
        Stack(tuple(layers), tuple(interfaces[:5])),
    ]


def numbers(solution: DriftDiffusionSolution | Exception) -> np.ndarray:
    assert isinstance(solution, DriftDiffusionSolution), solution
    return np.array(
        [np.concatenate([x.current_minus, x.current_plus, x.torque]) for x in solution.interfaces]
    )


def assert_as_alone(films: Sequence[Film], **options: Any) -> None:
    mesh = options.pop("mesh", MESH)
    alone = [drift_diffusion_many([film], mesh=mesh, **options)[0] for film in films]
    order = np.random.default_rng(1).permutation(len(films))
    for picked in (np.arange(len(films)), order, order[: len(films) // 2]):
        together = drift_diffusion_many([films[i] for i in picked], mesh=mesh, **options)
        for i, found in zip(picked, together, strict=True):
            assert numbers(found).tobytes() == numbers(alone[i]).tobytes()


@pytest.mark.parametrize("level", ["dephased", "finite"])
@pytest.mark.parametrize("source", ["all", "rashba", "spin_hall"])
def test_a_batch_has_the_digits_of_single_films(level: str, source: str) -> None:
    films = bilayers() if level == "dephased" else stacks()
    assert_as_alone(films, level=level, source=source)


@pytest.mark.parametrize("level", ["dephased", "finite"])
def test_options_have_the_digits_of_single_films(level: str) -> None:
    films = bilayers() if level == "dephased" else stacks()
    assert_as_alone(films, level=level, keep_rashba=True, spin_diffusion_length="diffusive")
    assert_as_alone(films, level=level, parameters="half_space", mesh=SphericalMesh(4, 4))


def test_boundary_layers_have_the_digits_of_single_films() -> None:
    films = [pt_co(rashba) for rashba in (0.1, 0.2)]
    films += [replace(films[0], heavy_metal=replace(PT, thickness=3.0))]
    assert_as_alone(films, parameters="boundary_layer", mesh=SphericalMesh(6, 8))


def test_public_call_is_a_batch_of_one() -> None:
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0))
    (found,) = drift_diffusion_many([film], "particular", "finite", "rashba", MESH)
    alone = solve_drift_diffusion(film, "particular", "finite", "rashba", mesh=MESH)
    assert numbers(found).tobytes() == numbers(alone).tobytes()
    assert isinstance(found, DriftDiffusionSolution)
    assert (found.parameters, found.ferromagnet) == ("particular", "finite")
    np.testing.assert_array_equal(found.sheet_conductance, alone.sheet_conductance)


def failing() -> dict[str, tuple[Film, type[Exception], str]]:
    stack = pt_co().stack()
    metal = HeavyMetal(5.0, 2.0, math.inf)
    endless = replace(stack.layers[1], spin_flip_length=math.inf)
    opaque = RashbaInterface(1e6, 0.0, 0.0)
    return {
        "one layer": (Stack((PT,), ()), InputError, "at least two layers"),
        "into an insulator": (
            replace(
                stack,
                layers=(stack.layers[0], MagneticInsulator(5.0, 6.0, magnetization=(0, 0, 1))),
                interfaces=(CircuitInterface(1e14, 1e14, 1e14),),
            ),
            InputError,
            "has no electrons",
        ),
        "no slow mode": (
            replace(pt_co(), heavy_metal=HeavyMetal(5.0, 2.0, 2.5)),
            PhysicsError,
            "no diffusive regime",
        ),
        "no film": ("Pt/Co", InputError, "Bilayer or a Stack"),  # type: ignore[dict-item]
        "spin kept": (
            Stack((metal, metal, endless), (RashbaInterface(0.3, 0.0, 0.0), opaque)),
            PhysicsError,
            "undetermined",
        ),
    }


@pytest.mark.parametrize("level", ["dephased", "finite"])
def test_a_film_that_fails_does_not_fail_the_others(level: str) -> None:
    good = [pt_co(0.1), *(film for film, _, _ in failing().values()), pt_co(0.2)]
    options: dict[str, Any] = {"level": level, "mesh": MESH}
    found = drift_diffusion_many(good, **options)
    for i in (0, -1):
        (alone,) = drift_diffusion_many([good[i]], **options)
        assert numbers(found[i]).tobytes() == numbers(alone).tobytes()
    for error, (name, (_, kind, message)) in zip(found[1:-1], failing().items(), strict=True):
        if level == "dephased" and name == "spin kept":
            kind, message = InputError, 'use ferromagnet="finite"'
        assert isinstance(error, kind), name
        assert message in str(error)


def test_nothing_and_unknown_options() -> None:
    assert drift_diffusion_many([]) == []
    with pytest.raises(InputError, match="must be one of: dephased, finite"):
        drift_diffusion_many([], level="thick")  # type: ignore[arg-type]


def test_batches_leave_no_trace_in_each_other() -> None:
    """Solutions of one batch stay when another is solved."""
    first = drift_diffusion_many(bilayers(), mesh=MESH)
    kept = [numbers(x).copy() for x in first]
    drift_diffusion_many([as_stack(pt_co(0.3)), pt_co(0.4)], mesh=MESH)
    for x, values in zip(first, kept, strict=True):
        np.testing.assert_array_equal(numbers(x), values)


def test_equal_layers_of_other_directions_are_told_apart() -> None:
    """What is kept by layer must not be taken for one that differs in m alone."""
    rng = np.random.default_rng(3)
    films = [pt_co(0.2, magnetization=unit_vector(rng)) for _ in range(4)]
    for film, found in zip(films, drift_diffusion_many(films, level="finite"), strict=True):
        assert isinstance(found, DriftDiffusionSolution)
        np.testing.assert_allclose(found.magnetization, film.magnetization, atol=1e-15)
        assert (
            abs(found.torque_interface @ found.magnetization)
            < 1e-9 * np.abs(found.torque_interface).max()
        )
