"""New kinds of layers and interfaces, defined here alone, through the whole engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

import numpy as np
import pytest
from numpy.typing import ArrayLike

from draws import CO, PT, U0, U_EX
from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.boundary_layer import boundary_layer_parameters
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import (
    circuit_conductances,
    interface_tensors,
    mixing_conductance,
    transmitted_mixing_conductance,
)
from torkivity_engine.film.checks import Vector
from torkivity_engine.film.interface import Interface, Scattering
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.kinds import kind_named, kinds, register
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.parameters import parameters, with_parameters
from torkivity_engine.film.quantity import Direction, Quantity
from torkivity_engine.film.scattering import scattering_matrices
from torkivity_engine.film.stack import Stack, mirrored
from torkivity_engine.film.torque import exchange_torque
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_engine.reduced.sensitivity import sensitivities
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import InputError, SphericalMesh

MESH = SphericalMesh(6, 8)
M = (0.48, 0.6, 0.64)
SPINS = ("current_minus", "current_plus", "torque", "torque_total")


@dataclass(frozen=True)
class Tabulated(Interface):
    """Tensors only: those of a Rashba interface, as arrays."""

    kind: ClassVar[str] = "test_tabulated"

    barrier: Annotated[float, Quantity("1", "barrier", step=1e-3, absolute=True)]
    exchange: Annotated[float, Quantity("1", "exchange", step=1e-3, absolute=True)]
    rashba: Annotated[float, Quantity("1", "coupling", step=1e-3, absolute=True)]
    magnetization: Annotated[Vector | None, Direction()] = None

    @property
    def magnetic(self) -> bool:
        return self.exchange != 0.0

    def scattering(self, m: ArrayLike, directions: ArrayLike) -> Scattering:
        closed = RashbaInterface(self.barrier, self.exchange, self.rashba)
        r, t = scattering_matrices(closed, m, directions)
        return Scattering(r, t, r, t, t[:, :3], t[:, :3])

    def torque(self, density: FloatArray, m: ArrayLike) -> FloatArray:
        return exchange_torque(2.0 * self.exchange, m, density)

    def without_spin_orbit(self) -> Self:
        return replace(self, rashba=0.0) if self.rashba else self

    def with_mirrored_spin_orbit(self) -> Self:
        return replace(self, rashba=-self.rashba)


@dataclass(frozen=True)
class OneWay(Interface):
    """Lets a part through upwards that differs from the part downwards, spins unharmed.

    With the flux of both directions together it is still lossless: what is reflected of one side
    differs from what is reflected of the other.
    """

    kind: ClassVar[str] = "test_one_way"

    up: Annotated[float, Quantity("1", "part let through upwards", ge=0.0, le=1.0)]
    down: Annotated[float, Quantity("1", "part let through downwards", ge=0.0, le=1.0)]

    def scattering(self, m: ArrayLike, directions: ArrayLike) -> Scattering:
        one = np.broadcast_to(np.eye(4), (len(np.asarray(directions)), 4, 4))
        up, down = self.up * one, self.down * one
        return Scattering(one - up, up, one - down, down, up[:, :3], down[:, :3])

    def without_spin_orbit(self) -> Self:
        return self

    def with_mirrored_spin_orbit(self) -> Self:
        return replace(self, up=self.down, down=self.up)


@dataclass(frozen=True)
class Alloy(Layer):
    """A non-magnet given by rates instead of lengths, without spin Hall effect."""

    kind: ClassVar[str] = "test_alloy"
    stem: ClassVar[str] = "A"

    thickness: Annotated[float, Quantity("nm", "thickness", gt=0.0)]
    rate: Annotated[float, Quantity("1/nm", "scattering rate", gt=0.0)]
    flips: Annotated[float, Quantity("1/nm", "spin-flip rate", ge=0.0)]

    def collision_terms(self) -> CollisionTerms:
        total, spin = self.rate + self.flips, self.rate - self.flips
        return CollisionTerms(total * np.eye(4), np.diag([spin, spin, spin, total])[None, None])

    def decay_reach(self) -> float:
        return 100.0 / min(self.rate, self.flips)

    def driven_amplitude(self) -> FloatArray:
        return np.array([0.0, 0.0, 0.0, 1.0 / (self.rate + self.flips)])


def alloy_of(metal: HeavyMetal) -> Alloy:
    return Alloy(metal.thickness, 1.0 / metal.mean_free_path, 1.0 / metal.spin_flip_length)


def pairs() -> tuple[Stack, Stack]:
    """A film of known kinds, and the same of the kinds above."""
    third = HeavyMetal(3.0, 5.0, 50.0)
    magnet = replace(CO, magnetization=M)
    known = Stack(
        (replace(PT, spin_hall_angle=0.0), magnet, third),
        (RashbaInterface(U0, U_EX, 0.2, M), RashbaInterface(0.3, 0.0, -0.4)),
    )
    new = replace(
        known,
        layers=(alloy_of(PT), magnet, alloy_of(third)),
        interfaces=(Tabulated(U0, U_EX, 0.2, M), Tabulated(0.3, 0.0, -0.4)),
    )
    return known, new


@pytest.mark.parametrize("method", ["reduced", "dense"])
def test_currents_and_torques(method: str) -> None:
    known, new = (solve_boltzmann(film, MESH, method=method) for film in pairs())
    assert new.certificates["unitarity_defect"] < 1e-12
    for i in range(2):
        here, there = known.at_interface(i), new.at_interface(i)
        for name in SPINS:
            expected = getattr(here, name)
            np.testing.assert_allclose(
                getattr(there, name), expected, atol=1e-12 * np.abs(here.torque_total).max()
            )


def test_tensors_and_conductances() -> None:
    known, new = pairs()
    for parameters_of in ("particular", "half_space"):
        a, b = (interface_tensors(film, MESH, parameters_of) for film in (known, new))
        for name in ("conductivity", "torkivity_ferromagnet", "torkivity_interface"):
            expected = getattr(a, name)
            scale = np.abs(a.conductivity).max()
            np.testing.assert_allclose(getattr(b, name), expected, atol=1e-12 * scale)
    a2, b2 = (circuit_conductances(film, keep_rashba=True, mesh=MESH) for film in (known, new))
    np.testing.assert_allclose(b2.reflection, a2.reflection, rtol=1e-12, atol=1e3)
    # Quadrature against closed forms.
    for of in (mixing_conductance, transmitted_mixing_conductance):
        assert of(new) == pytest.approx(of(known), rel=1e-6)
    assert mixing_conductance(new, 1) == pytest.approx(mixing_conductance(known, 1), rel=1e-6)


def test_derivatives() -> None:
    known, new = pairs()
    keys = ["barrier", "exchange", "rashba", "magnetization.theta_deg"]
    names = [f"interfaces.0.{key}" for key in keys] + ["layers.1.thickness"]
    a, b = (sensitivities(film, MESH, names) for film in (known, new))
    for name in names:
        for i in range(2):
            for quantity in ("current_minus", "torque_interface", "torque_total"):
                expected = getattr(a[name][i], quantity)
                np.testing.assert_allclose(
                    getattr(b[name][i], quantity),
                    expected,
                    atol=1e-8 * np.abs(a[name][0].torque_total).max(),
                    err_msg=f"{name} {quantity}",
                )
    # d/d(rate) of the alloy is that of its mean free path, -lambda^2 times.
    (by_rate,) = sensitivities(new, MESH, ["A1.rate"]).values()
    (by_length,) = sensitivities(known, MESH, ["layers.0.mean_free_path"]).values()
    expected = -(PT.mean_free_path**2) * by_length[0].torque_total
    np.testing.assert_allclose(
        by_rate[0].torque_total, expected, atol=1e-7 * np.abs(expected).max()
    )


@pytest.mark.parametrize("method", ["reduced", "dense"])
def test_sides_are_told_apart(method: str) -> None:
    """Upside down, what goes up goes down; and both methods agree on unlike sides."""
    metal = replace(PT, spin_hall_angle=0.3)
    film = Stack(
        (metal, replace(CO, magnetization=M)),
        (OneWay(0.3, 0.8),),
    )
    image = mirrored(film)
    assert image.interfaces == (OneWay(0.8, 0.3),)
    here = solve_boltzmann(film, MESH, method=method).at_interface(0)
    back = solve_boltzmann(image, MESH, method=method).at_interface(0).mirrored()
    scale = np.abs(here.current_minus).max()
    assert scale > 0.0
    for name in ("current_minus", "current_plus", "torque_total"):
        np.testing.assert_allclose(getattr(back, name), getattr(here, name), atol=1e-11 * scale)
    other = solve_boltzmann(film, MESH, method="dense" if method == "reduced" else "reduced")
    np.testing.assert_allclose(other.spin_current_minus, here.current_minus[:3], atol=1e-10 * scale)
    turned_round = solve_boltzmann(replace(film, interfaces=(OneWay(0.8, 0.3),)), MESH)
    assert np.abs(turned_round.spin_current_minus - here.current_minus[:3]).max() > 1e-3 * scale


def test_mirror_of_new_kinds() -> None:
    _, new = pairs()
    here = solve_boltzmann(new, MESH)
    there = solve_boltzmann(mirrored(new), MESH)
    for i in range(2):
        back = there.at_interface(1 - i).mirrored()
        np.testing.assert_allclose(
            back.torque_total,
            here.at_interface(i).torque_total,
            atol=1e-11 * np.abs(here.at_interface(0).torque_total).max(),
        )


def test_paths_of_new_kinds() -> None:
    _, new = pairs()
    known = parameters(new)
    assert known["A1.rate"].value == 1.0 / PT.mean_free_path
    assert known["A1.rate"].unit == "1/nm"
    assert known['"A1|FM".rashba'].meaning == "coupling"
    moved = with_parameters(new, {"A1.rate": 0.5, "FM|A2.barrier": 0.7})
    assert moved.layers[0] == replace(alloy_of(PT), rate=0.5)
    assert moved.interfaces[1] == Tabulated(0.7, 0.0, -0.4)


def test_what_a_kind_lacks_is_said() -> None:
    _, new = pairs()
    with pytest.raises(InputError, match=r"Alloy.*lacks an admittance"):
        solve_drift_diffusion(new, ferromagnet="finite", mesh=MESH)

    @dataclass(frozen=True)
    class Quoted(Layer):
        thickness: Annotated[float, Quantity("nm", "thickness", gt=0.0)]

    with pytest.raises(InputError, match=r"Quoted.*lacks collision terms"):
        solve_boltzmann(replace(new, layers=(Quoted(1.0), *new.layers[1:])), MESH)


def test_boundary_layer_of_new_kinds() -> None:
    a, b = (boundary_layer_parameters(film, MESH) for film in pairs())
    np.testing.assert_allclose(b.reflection, a.reflection, atol=1e-11)
    np.testing.assert_allclose(b.kappa, a.kappa, rtol=1e-12)


def test_registry() -> None:
    assert {"heavy_metal", "ferromagnet"} <= set(kinds(Layer))
    assert {"rashba", "spin_orbit"} <= set(kinds(Interface))
    assert "surface" not in kinds(Layer)
    register("test_alloy", Alloy)
    assert kind_named("test_alloy", Layer) is Alloy
    with pytest.raises(InputError, match="did you mean heavy_metal"):
        kind_named("heavy_metl", Layer)
    with pytest.raises(InputError, match="is not known"):
        kind_named("test_alloy", Interface)
    with pytest.raises(InputError, match="derived from"):
        register("x", int)  # type: ignore[type-var]

    @dataclass(frozen=True)
    class Other(Alloy):
        pass

    with pytest.raises(InputError, match="is the name of Alloy already"):
        register("test_alloy", Other)
