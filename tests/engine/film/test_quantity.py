"""Every number of every kind and alternative constructor against bad and extreme values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import pytest
from annotated_types import Ge, Le
from pydantic import TypeAdapter, ValidationError

from draws import CO, PT
from torkivity_engine.film.boundaries import Reservoir, Surface
from torkivity_engine.film.component import Component, fields_of, forms_of
from torkivity_engine.film.interfaces import RashbaInterface, SpinOrbitInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.quantity import LENGTH, SPIN_FLIP_LENGTH, Quantity
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_meshes import InputError

M = (0.0, 0.6, 0.8)
THINGS: tuple[Component, ...] = (
    PT,
    dataclasses.replace(CO, magnetization=M),
    SplitFerromagnet(3.0, 17.0, 9.0, 6.0, 2.0, 60.0, magnetization=M),
    MagneticInsulator(4.0, 7.0, magnetization=M),
    RashbaInterface(0.4, 0.2, 0.1, M),
    SpinOrbitInterface(0.4, 0.2, ((0.1, 0.2), (0.3, 0.4), (0.5, 0.6)), M),
    Surface(0.5),
    Reservoir(1.0, (0.1, 0.2, 0.3)),
)
FORMS: dict[str, dict[str, float]] = {
    "from_spin_diffusion_length": {
        "thickness": 4.0,
        "total_mean_free_path": 2.0,
        "spin_diffusion_length": 3.0,
        "spin_hall_angle": 0.1,
    },
    "from_resistivity": {
        "thickness": 4.0,
        "resistivity": 2e-7,
        "spin_diffusion_length": 3.0,
        "spin_hall_angle": 0.1,
        "fermi_wavevector": 16.0,
    },
}
NEVER = ("1.0", True, None, [1.0], math.nan, -math.inf, 1j, np.bool_(True), 10**400, {})
EXTREME = (0.0, -0.0, 5e-324, 1e-300, 1e-30, 1e-9, 1e9, 1e30, 1e300, 1.7e308, math.inf)
OPTIONAL = {
    "HeavyMetal.fermi_wavevector",
    "Ferromagnet.dephasing_length",
}
SITES: list[tuple[str, Callable[[Any], Any], Quantity]] = [
    (
        f"{type(thing).__name__}.{field.name}",
        lambda value, thing=thing, name=field.name: dataclasses.replace(thing, **{name: value}),
        field.quantity,
    )
    for thing in THINGS
    for field in fields_of(type(thing)).values()
    if field.kind == "number" and not field.shape and field.quantity is not None
    if field.name != "decay_minority"  # in place of other fields: see test_sphere_layers
] + [
    (
        f"{form}.{name}",
        lambda value, form=form, name=name: getattr(HeavyMetal, form)(
            **{**FORMS[form], name: value}
        ),
        quantity,
    )
    for form, arguments in forms_of(HeavyMetal).items()
    for name, quantity in arguments.items()
]  # fmt: skip


def test_nothing_is_left_out() -> None:
    numbers = [
        field
        for thing in THINGS
        for field in fields_of(type(thing)).values()
        if field.kind == "other"
    ]
    assert numbers == []
    assert {name.split(".")[0] for name, _, _ in SITES} >= {*FORMS, "HeavyMetal", "Ferromagnet"}
    assert all(set(FORMS[form]) == set(known) for form, known in forms_of(HeavyMetal).items())


@pytest.mark.parametrize(("name", "make", "quantity"), SITES, ids=[s[0] for s in SITES])
def test_no_number_passes_for_one(
    name: str, make: Callable[[Any], Any], quantity: Quantity
) -> None:
    key = name.split(".")[1]
    for value in NEVER:
        if value is None and name in OPTIONAL:
            assert getattr(make(None), key) is None
            continue
        with pytest.raises(InputError) as caught:
            make(value)
        assert caught.value.key == key
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "make", "quantity"), SITES, ids=[s[0] for s in SITES])
def test_extreme_numbers_are_refused_or_harmless(
    name: str, make: Callable[[Any], Any], quantity: Quantity
) -> None:
    accepted = 0
    for value in (*EXTREME, *(-x for x in EXTREME)):
        try:
            made = make(value)
        except InputError:
            continue
        accepted += 1
        walk(made)
    bounds = [b for b in (quantity.ge, quantity.le) if b is not None and "from_" not in name]
    for bound in bounds:  # the limits themselves are good
        walk(make(bound))
    assert accepted or bounds or "from_" in name


def walk(thing: Component) -> None:
    """Everything that can be asked of a component without solving anything."""
    for name in dir(type(thing)):
        if isinstance(getattr(type(thing), name), property):
            value = getattr(thing, name)
            if value is not None and not isinstance(value, str):
                assert np.all(np.isfinite(np.asarray(value, dtype=float))), name
    assert thing.mirrored().mirrored() == thing
    thing.kinetic_key()
    thing.leaves(16.0)
    if isinstance(thing, (HeavyMetal, Ferromagnet)):
        assert 0.0 < thing.conductivity(16.0) < math.inf
        assert 0.0 < thing.decay_reach() < math.inf
        assert np.all(np.isfinite(thing.driven_amplitude()))
        assert np.all(np.isfinite(thing.collision_terms().k_in))
    if isinstance(thing, SplitFerromagnet):
        assert 0.0 < thing.conductivity(16.0) < math.inf
        assert 0.0 < thing.reach(16.0) < math.inf
        assert np.all(np.isfinite(thing.spin_lengths(16.0).total))
        assert np.all(np.isfinite(thing.admittance(16.0).loss))
    if isinstance(thing, (RashbaInterface, SpinOrbitInterface)):
        assert np.all(np.isfinite(thing.closed_form(M)))


@pytest.mark.parametrize(
    "value",
    [0, (0, 0, 0), (1, 2), (1, 2, 3, 4), (1, math.nan, 0), (math.inf, 0, 0), "xyz", (True, 0, 1),
     (1, "0", 0), (10**400, 0, 1), [[1, 0, 0]]],
)  # fmt: skip
def test_bad_directions(value: Any) -> None:
    for make in (
        lambda m: dataclasses.replace(CO, magnetization=m),
        lambda m: RashbaInterface(0.1, 0.2, 0.3, m),
        lambda m: Bilayer(PT, RashbaInterface(0.1, 0.2, 0.3), CO, magnetization=m),
    ):
        with pytest.raises(InputError, match="magnetization = "):
            make(value)


@pytest.mark.parametrize("value", [*NEVER, math.inf, 1e-3, 1e4, -16.0, 0.0])
def test_bad_film_numbers(value: Any) -> None:
    with pytest.raises(InputError, match="fermi_wavevector = "):
        Stack((PT,), (), fermi_wavevector=value)
    if not isinstance(value, float) or not math.isfinite(value):
        with pytest.raises(InputError, match="field_direction_deg = "):
            Stack((PT,), (), field_direction_deg=value)


def test_vectors_of_numbers() -> None:
    for spin in (1.0, (1, 2), (1, 2, "3"), (1, 2, math.nan), (1, 2, True)):
        with pytest.raises(InputError, match="spin = "):
            Reservoir(0.0, spin)  # type: ignore[arg-type]
    assert Reservoir(0.0, np.array([1, 2, 3])).spin == (1.0, 2.0, 3.0)  # type: ignore[arg-type]


def test_zero_has_one_sign() -> None:
    here, there = RashbaInterface(-0.0, 0.0, -0.0), RashbaInterface(0.0, -0.0, 0.0)
    assert str(here) == str(there)
    assert here.kinetic_key() == there.kinetic_key()


def test_keys_of_caches_know_what_collisions_know() -> None:
    magnet = dataclasses.replace(CO, magnetization=M)
    same = dataclasses.replace(CO, magnetization=(1.0, 0.0, 0.0), dephasing_length=3.0)
    assert magnet.kinetic_key() == same.kinetic_key()
    for field in fields_of(Ferromagnet).values():
        if field.kind == "number" and field.name != "dephasing_length":
            other = dataclasses.replace(CO, **{field.name: 1.01 * getattr(CO, field.name)})
            assert other.kinetic_key() != CO.kinetic_key()
            assert (other.material_key() == CO.material_key()) is (field.name == "thickness")
    assert Surface(0.0).kinetic_key() != Surface(1.0).kinetic_key()
    assert Reservoir(1.0).kinetic_key() == Reservoir(0.0, (0.0, 1.0, 0.0)).kinetic_key()


def test_pydantic_reads_the_same_limits() -> None:
    length = TypeAdapter(Annotated[float, LENGTH])
    flip = TypeAdapter(Annotated[float, SPIN_FLIP_LENGTH])
    assert list(LENGTH)[:2] == [Ge(1e-9), Le(1e9)]
    assert length.validate_python(4.0) == 4.0
    assert flip.validate_python(math.inf) == math.inf
    for value in (0.0, -1.0, 1e10, math.inf, math.nan):
        with pytest.raises(ValidationError):
            length.validate_python(value)
    for value in (0.0, 1e31, math.nan, -math.inf):
        with pytest.raises(ValidationError):
            flip.validate_python(value)


def test_unlikely_sizes() -> None:
    quantity = fields_of(HeavyMetal)["spin_hall_angle"].quantity
    assert quantity is not None
    for usual in (0.059, 0.0, -0.3):
        assert quantity.slip(usual) is None
    assert quantity.slip(5.9) == "unusual, most are between -1 and 1; typed in percent?"
    thickness = fields_of(HeavyMetal)["thickness"].quantity
    assert thickness is not None
    assert thickness.slip(10.0) is None
    assert thickness.slip(4e-9) == (
        "unusual, most are between 0.1 and 50 nm; typed in metres or micrometres?"
    )
    assert "angstrom" in str(thickness.slip(100.0))
    assert LENGTH.slip(100.0) is None  # of no known kind
    assert "metres" in str(LENGTH.slip(4e-9))
    assert SPIN_FLIP_LENGTH.slip(math.inf) is None
