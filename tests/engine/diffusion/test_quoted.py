"""Films of quoted parameters: against kinetic films, published closed forms, other algorithms."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_bvp

from draws import pt_co, random_tilted_stack, unit_vector
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.batch import drift_diffusion_many
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.elements import solve_film
from torkivity_engine.diffusion.laws import InterfaceOptions, interface_laws
from torkivity_engine.diffusion.quoting import kinetic_film, quoted_film
from torkivity_engine.diffusion.sheet import spin_hall_direction
from torkivity_engine.diffusion.tensors import (
    circuit_conductances,
    interface_tensors,
    mixing_conductance,
    transmitted_mixing_conductance,
)
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.boundaries import HalfSpace, Reservoir
from torkivity_engine.film.circuit_interface import CircuitInterface
from torkivity_engine.film.diffusive_ferromagnet import DiffusiveFerromagnet
from torkivity_engine.film.diffusive_metal import DiffusiveMetal
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Stack, mirrored, reversed_magnets
from torkivity_engine.solution import DriftDiffusionSolution
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.spin import CHARGE, rotation_to, torque_frame, transverse
from torkivity_meshes import SphericalMesh

Array = NDArray[np.float64]
MESH = SphericalMesh(8, 12)
YIG = MagneticInsulator(5.0, 6.0)


def finite(film: Any, **options: Any) -> DriftDiffusionSolution:
    return solve_drift_diffusion(film, ferromagnet="finite", mesh=MESH, **options)


def random_circuit(rng: np.random.Generator, **changes: Any) -> CircuitInterface:
    """Everything but what is infinite; currents in their frame or Cartesian, with charge."""
    g = 10.0 ** rng.uniform(14.0, 15.5)
    charge = float(rng.normal() * 1e5)
    cartesian = bool(rng.integers(2))

    def driven(size: int, *more: float) -> tuple[float, ...]:
        return (*(float(x) for x in rng.normal(size=size) * 3e5), *more)

    values: dict[str, Any] = {
        "conductance_majority": g,
        "conductance_minority": float(g * rng.uniform(0.1, 0.9)),
        "mixing_conductance": complex(*(g * rng.uniform(0.3, 1.0, 2))),
        "transmitted_mixing_conductance": complex(*(g * rng.uniform(-0.2, 0.2, 2))),
        "current_below": driven(3, charge) if cartesian else driven(2),
        "current_above": driven(3, charge) if cartesian else driven(2),
        "torque": driven(3) if cartesian else driven(2),
        "area_resistance": 1e-15 * float(rng.uniform(0.2, 2.0)),
        "spin_memory_loss": float(rng.uniform(0.2, 2.0)),
    }
    return CircuitInterface(**{**values, **changes})


def random_metal(rng: np.random.Generator) -> DiffusiveMetal:
    theta = tuple(float(x) for x in rng.uniform(-0.3, 0.3, 3))
    return DiffusiveMetal(*rng.uniform([1.0, 1e6, 1.0], [8.0, 8e6, 5.0]), theta)


def random_magnet(rng: np.random.Generator) -> DiffusiveFerromagnet:
    return DiffusiveFerromagnet(
        *(float(x) for x in rng.uniform([1.0, 1e6, 0.2], [6.0, 8e6, 0.8])),
        *(float(x) for x in rng.uniform([3.0, 0.5, 0.8], [30.0, 3.0, 3.0])),
        transverse_conductivity=float(rng.uniform(1e6, 5e6)),
        lattice_dephasing=float(rng.uniform(0.0, 0.1)),
        magnetization=unit_vector(rng),
    )


def random_film(seed: int, metals_only: bool = False) -> Stack:
    """Quoted layers and interfaces, four of them, between magnets the metal's kind of contact."""
    rng = np.random.default_rng(seed)
    layers = (random_metal(rng), random_magnet(rng), random_metal(rng), random_magnet(rng))
    return Stack(
        layers[: 3 + seed % 2],
        tuple(random_circuit(rng) for _ in range(2 + seed % 2)),
        field_direction_deg=float(rng.uniform(0.0, 360.0)),
    )


def largest(solution: DriftDiffusionSolution) -> float:
    return max(
        float(np.abs(x).max())
        for r in solution.interfaces
        for x in (r.current_minus, r.current_plus, r.torque)
    )


def assert_same(a: DriftDiffusionSolution, b: DriftDiffusionSolution, rtol: float) -> None:
    tolerance = rtol * largest(a)
    for one, other in zip(a.interfaces, b.interfaces, strict=True):
        for key in ("current_minus", "current_plus", "torque"):
            np.testing.assert_allclose(getattr(other, key), getattr(one, key), 0.0, tolerance)


# --- a kinetic film as quoted parameters -------------------------------------------------


@pytest.mark.parametrize("seed", [seed for seed in range(16) if seed != 15])
@pytest.mark.parametrize("source", ["all", "spin_hall"])
def test_kinetic_film_as_quoted_parameters(seed: int, source: str) -> None:
    film = random_tilted_stack(seed)
    quoted = quoted_film(film, MESH)
    assert all(part.unkinetic for part in (*quoted.layers, *quoted.interfaces))
    assert_same(finite(film, source=source), finite(quoted, source=source), 1e-12)


def test_further_dephasing_of_a_kinetic_ferromagnet_counts() -> None:
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0))
    quoted = quoted_film(film, MESH)
    magnet = quoted.layers[1]
    assert isinstance(magnet, DiffusiveFerromagnet)
    without = replace(quoted, layers=(quoted.layers[0], replace(magnet, lattice_dephasing=0.0)))
    there, here = finite(quoted), finite(without)
    assert np.abs(there.torque_total - here.torque_total).max() > 1e-6 * largest(there)


@pytest.mark.parametrize("seed", range(6))
def test_there_and_back(seed: int) -> None:
    film = random_tilted_stack(seed)
    again = kinetic_film(quoted_film(film, MESH))
    for old, new in zip(film.layers, again.layers, strict=True):
        assert type(old) is type(new)
        for key in vars(old):
            if isinstance(value := getattr(old, key), float):
                assert getattr(new, key) == pytest.approx(value, rel=1e-11), key
    assert_same(finite(film), finite(again), 1e-11)  # kinetic layers, circuit interfaces


def test_what_has_no_counterpart_is_named() -> None:
    film = pt_co(0.2).stack()
    magnet = SplitFerromagnet(5.0, 16.0, 9.0, 10.0, 5.0, 100.0, magnetization=(0.0, 0.0, 1.0))
    split = replace(film, layers=(film.layers[0], magnet), layer_names=("Pt", "Fe"))
    with pytest.raises(InputError, match=r"Fe.*SplitFerromagnet.*lacks quoted parameters"):
        quoted_film(split, MESH)
    own = replace(film.layers[0], fermi_wavevector=12.0)  # type: ignore[type-var]
    with pytest.raises(InputError, match=r"HM\|FM.*from below and from above"):
        quoted_film(replace(film, layers=(own, film.layers[1])), MESH)
    with pytest.raises(InputError, match="Reservoir"):
        quoted_film(replace(film, left=Reservoir()), MESH)
    metal = DiffusiveMetal(4.0, 5e6, 1.5, (0.1, 0.2, 0.0))
    with pytest.raises(InputError, match=r"N.spin_hall_angle.*along z x E"):
        kinetic_film(Stack((metal,), ()))
    with pytest.raises(InputError, match=r"N.spin_diffusion_length.*total mean free path"):
        kinetic_film(Stack((DiffusiveMetal(4.0, 5e6, 0.5),), ()))
    bare = DiffusiveFerromagnet(2.0, 5e6, 0.5, 10.0, 1.0, magnetization=(0.0, 0.0, 1.0))
    with pytest.raises(InputError, match=r"FM.transverse_conductivity = 5000000.*3.75e\+06"):
        kinetic_film(Stack((bare,), ()))


def test_a_film_on_an_insulator_as_quoted_parameters() -> None:
    film = replace(pt_co(0.2, magnetization=(0.3, 0.2, 1.0)).stack(), field_direction_deg=30.0)
    film = replace(film, layers=(film.layers[0], YIG.turned((0.3, 0.2, 1.0))))
    one, other = finite(film), finite(quoted_film(film, MESH))
    tolerance = 1e-12 * largest(one)
    np.testing.assert_allclose(other.torque_total, one.torque_total, 0.0, tolerance)
    np.testing.assert_allclose(other.spin_current_minus, one.spin_current_minus, 0.0, tolerance)


# --- the boundary-value problem, by another algorithm ------------------------------------


def by_bvp(film: Stack) -> dict[str, Array]:
    """Two quoted layers and a circuit interface without memory loss, by collocation.

    Written from the laws of a layer and of an interface in the frame (e_1, e_2, m) with complex
    transverse components; shares nothing with the package's layer responses.
    """
    metal, magnet = film.layers
    interface = film.interfaces[0]
    assert isinstance(metal, DiffusiveMetal)
    assert isinstance(magnet, DiffusiveFerromagnet)
    assert isinstance(interface, CircuitInterface)
    m, field = np.array(magnet.magnetization), film.field_direction
    e = rotation_to(m)
    phi = math.radians(film.field_direction_deg)
    turn = np.array(
        [[math.cos(phi), -math.sin(phi), 0.0], [math.sin(phi), math.cos(phi), 0.0], [0, 0, 1.0]]
    )
    unit = 1e6  # of currents; mu in nm times a field
    hall = -0.5 * metal.conductivity * turn @ np.array(metal.spin_hall_angle) / unit

    def vector(value: Any) -> Array:
        if len(value) == 2:
            f = np.cross(m, np.cross([0.0, 0.0, 1.0], field))
            return np.append(value[0] * np.cross(m, f) + value[1] * f, 0.0) / unit
        return np.append(turn @ np.array(value[:3]), value[3]) / unit

    def across(v: Array) -> Any:
        return (e[:, 0] @ v[:3]) + 1j * (e[:, 1] @ v[:3])

    s, s_m = 0.5 * metal.conductivity / unit, 0.5 * magnet.conductivity / unit
    beta, flip = magnet.polarization, 1.0 / magnet.spin_diffusion_length**2
    assert magnet.transverse_conductivity is not None
    assert magnet.dephasing_length is not None
    s_t = 0.5 * magnet.transverse_conductivity / unit
    k2 = flip + magnet.dephasing_length**-2 + magnet.lattice_dephasing
    k2 = k2 - 1j * magnet.exchange_length**-2

    def slopes(_: Array, y: Array) -> Array:
        """Metal: mu, j (x, y, z, c) on its own length; magnet: the same of (u', u'', n, c)."""
        mu, j, nu, i = y[:4], y[4:8], y[8:12], y[12:16]
        source = np.append(hall, 0.0)[:, None]
        d_mu = -(j - source) / s
        d_j = -s / metal.spin_diffusion_length**2 * mu * np.array([1, 1, 1, 0.0])[:, None]
        u, i_u = nu[0] + 1j * nu[1], i[0] + 1j * i[1]
        d_u, d_iu = -i_u / s_t, -s_t * k2 * u
        det = 1.0 - beta**2
        d_n, d_c = -(i[2] - beta * i[3]) / (s_m * det), -(i[3] - beta * i[2]) / (s_m * det)
        d_in = -s_m * det * flip * nu[2]
        zero = np.zeros_like(d_in)
        t, t_m = metal.thickness, magnet.thickness
        return np.vstack(
            [
                *(t * d_mu, t * d_j),
                *(t_m * np.array([d_u.real, d_u.imag, d_n, d_c]),),
                *(t_m * np.array([d_iu.real, d_iu.imag, d_in, zero]),),
            ]
        )

    g_up, g_down = (
        g * METRE_PER_NM / unit
        for g in (interface.conductance_majority, interface.conductance_minority)
    )
    g, gamma = (
        complex(x) * METRE_PER_NM / unit
        for x in (interface.mixing_conductance, interface.transmitted_mixing_conductance)
    )
    below, above, torque = (
        vector(x) for x in (interface.current_below, interface.current_above, interface.torque)
    )

    def law(mu: Array, nu: Array) -> tuple[complex, Array, complex, Array]:
        """Transverse and (n, c) currents on both sides."""
        u, v = across(mu), nu[0] + 1j * nu[1]
        n = np.array([-(m @ mu[:3]), mu[3]]) - nu[2:4]
        up, down = g_up * (n[1] + n[0]), g_down * (n[1] - n[0])
        along = 0.5 * np.array([up - down, up + down])
        drives = (np.array([-(m @ d[:3]), d[3]]) for d in (below, above))
        low, high = (along + d for d in drives)
        return g * u - gamma * v + across(below), low, gamma * u - g * v + across(above), high

    def faces(at_0: Array, at_1: Array) -> Array:
        mu, j, nu, i = at_1[:4], at_1[4:8], at_0[8:12], at_0[12:16]
        u, low, v, high = law(mu, nu)
        miss_u, miss_v = across(j) - u, i[0] + 1j * i[1] - v
        return np.concatenate(
            [
                *(at_0[4:8], at_1[12:16]),
                [miss_u.real, miss_u.imag, -(m @ j[:3]) - low[0], j[3] - low[1]],
                [miss_v.real, miss_v.imag, i[2] - high[0], mu[3] + nu[3]],  # and the gauge
            ]
        )

    grid = np.linspace(0.0, 1.0, 200)
    found = solve_bvp(slopes, faces, grid, np.zeros((16, 200)), tol=1e-9, max_nodes=60000)
    assert found.success, found.message
    mu, nu = found.y[:4, -1], found.y[8:12, 0]
    u = (g - gamma) * (across(mu) + nu[0] + 1j * nu[1])
    exchange = e[:, 0] * u.real + e[:, 1] * u.imag + transverse(torque[:3], m)
    i = found.y[12:16, 0]
    spin = e @ np.array([i[0], i[1], -i[2]])
    z = np.array([0.3, 0.8])
    inside = found.sol(z)
    return {
        "minus": found.y[4:8, -1] * unit,
        "plus": np.append(spin, i[3]) * unit,
        "torque": exchange * unit,
        "mu_metal": inside[:4].T * METRE_PER_NM,
        "mu_magnet": (e @ np.array([inside[8], inside[9], -inside[10]])).T * METRE_PER_NM,
        "j_magnet": (e @ np.array([inside[12], inside[13], -inside[14]])).T * unit,
    }


@pytest.mark.parametrize("seed", range(4))
def test_quoted_film_solves_the_boundary_value_problem(seed: int) -> None:
    rng = np.random.default_rng(seed)
    interface = random_circuit(rng, area_resistance=0.0, spin_memory_loss=0.0)
    film = Stack(
        (random_metal(rng), random_magnet(rng)),
        (interface,),
        field_direction_deg=float(rng.uniform(0.0, 360.0)),
    )
    expected, solution = by_bvp(film), finite(film)
    response = solution.at_interface(0)
    tolerance = 1e-7 * largest(solution)
    np.testing.assert_allclose(response.current_minus, expected["minus"], 0.0, tolerance)
    np.testing.assert_allclose(response.current_plus, expected["plus"], 0.0, tolerance)
    np.testing.assert_allclose(response.torque, expected["torque"], 0.0, tolerance)
    metal, magnet = (
        solution.profile(i, np.array([0.3, 0.8]) * layer.thickness)
        for i, layer in enumerate(film.layers)
    )
    for profile, name in ((metal, "mu_metal"), (magnet, "mu_magnet")):
        size = np.abs(expected[name]).max()
        np.testing.assert_allclose(
            profile.spin_accumulation, expected[name][:, :3], 0.0, 1e-7 * size
        )
    np.testing.assert_allclose(magnet.spin_current, expected["j_magnet"], 0.0, tolerance)


# --- published closed forms ----------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_spin_hall_magnetoresistance_on_an_insulator(seed: int) -> None:
    """Y.-T. Chen et al., Phys. Rev. B 87, 144411 (2013), Eqs. (19)-(26), to order theta^2."""
    rng = np.random.default_rng(seed)
    m = np.array(unit_vector(rng))
    metal = DiffusiveMetal(*rng.uniform([1.0, 1e6, 1.0], [8.0, 8e6, 3.0]), 0.07)
    g = complex(*rng.uniform([2e14, -2e14], [8e14, 2e14]))
    film = Stack((metal, YIG.turned(tuple(m))), (CircuitInterface(0.0, 0.0, g),))
    found = finite(film).sheet_conductance
    length = metal.spin_diffusion_length * METRE_PER_NM
    d = metal.thickness / metal.spin_diffusion_length
    share = 2.0 * length * g * np.tanh(0.5 * d) ** 2
    share /= metal.conductivity + 2.0 * length * g / np.tanh(d)
    unit = 0.07**2 * metal.conductivity * length
    bulk = metal.conductivity * metal.thickness * METRE_PER_NM
    change = found - bulk * np.eye(2)
    x = unit * (2.0 * np.tanh(0.5 * d) - share.real * (1.0 - m[1] ** 2))
    assert change[0, 0] == pytest.approx(x, rel=1e-9)
    symmetric, antisymmetric = 0.5 * (change[0, 1] + change[1, 0]), change[0, 1] - change[1, 0]
    assert symmetric == pytest.approx(-unit * share.real * m[0] * m[1], rel=1e-9)
    assert abs(antisymmetric) == pytest.approx(2.0 * abs(unit * share.imag * m[2]), rel=1e-9)


@pytest.mark.parametrize("delta", [0.3, 1.0, 3.0])
def test_spin_memory_loss(delta: float) -> None:
    """J.-C. Rojas-Sanchez et al., Phys. Rev. Lett. 112, 106602 (2014).

    Of the spin current that leaves a magnet, r_sI / (r_sI cosh delta + r_sN sinh delta) reaches the
    metal, with r_sI = AR / delta and r_sN = rho l_sf coth(t / l_sf).
    """
    metal, resistance = DiffusiveMetal(5.0, 4e6, 2.0), 0.8e-15
    joint = CircuitInterface(*(3e14,) * 4, area_resistance=resistance, spin_memory_loss=delta)
    film = Stack(
        (metal, DiffusiveMetal(1.0, 1e6, math.inf)), (joint,), right=Reservoir(spin=(0.3, 1.0, 0.2))
    )
    solution = finite(film, source="reservoirs")
    r_n = 2.0 * METRE_PER_NM / 4e6 / math.tanh(2.5)
    r_i = resistance / delta
    part = r_i / (r_i * math.cosh(delta) + r_n * math.sinh(delta))
    np.testing.assert_allclose(
        solution.spin_current_minus, part * solution.spin_current_plus, rtol=1e-12
    )


@pytest.mark.parametrize("delta", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("g", [1e12, 6e14, math.inf])
def test_torque_through_spin_memory_loss(delta: float, g: float) -> None:
    """The same two-port read the other way, at any mixing conductance; 1/G is in series.

    With little G the torque is that without the loss times the published part.
    """
    metal, resistance = DiffusiveMetal(5.0, 4e6, 2.0, 0.1), 0.8e-15
    joint = CircuitInterface(0.0, 0.0, g, area_resistance=resistance, spin_memory_loss=delta)
    solution = finite(Stack((metal, YIG.turned((0.0, 0.0, 1.0))), (joint,)))
    y = 0.5 * 4e6 / (2.0 * METRE_PER_NM) * math.tanh(2.5)
    a = 0.5 * delta / resistance
    hall = -0.5 * 0.1 * 4e6 * (1.0 - 1.0 / math.cosh(2.5))
    cosh, sinh = math.cosh(delta), math.sinh(delta)
    torque = hall / ((a * sinh + y * cosh) / g + cosh + y * sinh / a)
    assert solution.torque_total[1] == pytest.approx(torque, rel=1e-12)
    assert solution.torque_interface[1] == pytest.approx(torque, rel=1e-12)
    # What the metal gives is read on its side; the difference goes to the lattice.
    given = torque * (a * sinh / g + cosh)
    assert solution.spin_current_minus[1] == pytest.approx(given, rel=1e-12)
    assert solution.torque_lattice[1] == pytest.approx(given - torque, rel=1e-11)
    if g < 1e13:
        bare = hall / (y / g + 1.0)
        assert torque / bare == pytest.approx(1.0 / (cosh + a / y * sinh), rel=1e-2)


# --- limits -----------------------------------------------------------------------------


def bilayer(**changes: Any) -> Stack:
    rng = np.random.default_rng(7)
    metal, magnet = random_metal(rng), random_magnet(rng)
    return Stack((metal, magnet), (random_circuit(rng, **changes),), field_direction_deg=20.0)


INFINITE: list[dict[str, Any]] = [
    {"mixing_conductance": math.inf},
    {"conductance_majority": math.inf},
    {"conductance_majority": math.inf, "conductance_minority": math.inf},
    {"mixing_conductance": math.inf, "transmitted_mixing_conductance": math.inf},
    {
        "conductance_majority": math.inf,
        "conductance_minority": math.inf,
        "mixing_conductance": math.inf,
        "transmitted_mixing_conductance": math.inf,
    },
]


@pytest.mark.parametrize("infinite", INFINITE)
@pytest.mark.parametrize("loss", [True, False])
@pytest.mark.parametrize("below", [False, True])
def test_infinite_conductances_are_limits(
    infinite: dict[str, Any], loss: bool, below: bool
) -> None:
    series = {} if loss else {"area_resistance": 0.0, "spin_memory_loss": 0.0}
    perfect = bilayer(**infinite, **series)
    good = {key: 1e20 for key in infinite}
    near, nearer = (
        bilayer(**{key: scale * g for key, g in good.items()}, **series) for scale in (1.0, 2.0)
    )
    films = [mirrored(film) if below else film for film in (perfect, near, nearer)]
    limit, one, two = (finite(film) for film in films)
    for key in ("current_minus", "current_plus", "torque"):
        a, b, c = (getattr(s.at_interface(0), key) for s in (limit, one, two))
        np.testing.assert_allclose(2.0 * c - b, a, 0.0, 1e-8 * largest(limit), err_msg=key)
        assert np.abs(a - b).max() < 1e-3 * largest(limit)


def test_perfect_sink_takes_all_of_what_arrives() -> None:
    film = bilayer(mixing_conductance=math.inf, area_resistance=0.0, spin_memory_loss=0.0)
    solution, element = finite(film), film.interfaces[0]
    profile = solution.profile(0, [film.layers[0].thickness])
    m = np.array(film.layers[1].magnetization)
    size = np.abs(profile.spin_accumulation).max()
    np.testing.assert_allclose(transverse(profile.spin_accumulation, m), 0.0, atol=1e-12 * size)
    tensors = interface_tensors(film)
    in_plane = film.field_direction[:2]
    assert element.circuit(m, film.field_direction, False).absorbs  # type: ignore[union-attr]
    below, above = tensors.conductivity @ in_plane, tensors.torkivity_ferromagnet @ in_plane
    drive = (tensors.torkivity_interface @ in_plane)[:3]
    into = transverse(solution.spin_current_minus - below[:3], m)
    out = transverse(solution.spin_current_plus - above[:3], m)
    np.testing.assert_allclose(
        solution.torque_interface, into - out + drive, 0.0, 1e-12 * largest(solution)
    )


def test_small_resistance_in_series_is_none() -> None:
    film = bilayer(area_resistance=0.0, spin_memory_loss=0.0)
    tiny = bilayer(area_resistance=1e-22, spin_memory_loss=1e-9)
    assert_same(finite(film), finite(tiny), 1e-5)


def test_area_resistance_adds_to_that_of_the_interface() -> None:
    metal = DiffusiveMetal(3.0, 5e6, math.inf)
    joint = CircuitInterface(*(4e14,) * 4, area_resistance=0.7e-15)
    film = Stack((metal, metal), (joint,), left=Reservoir(1.0), right=Reservoir())
    current = 2.0 * finite(film, source="reservoirs").charge_current_minus
    bulk = 2.0 * metal.thickness * METRE_PER_NM / metal.conductivity
    assert current == pytest.approx(1.0 / (bulk + 0.7e-15 + 1.0 / 8e14), rel=1e-12)


# --- symmetries ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_onsager(seed: int) -> None:
    """G_ab(m) = G_ba(-m): the currents driven at interfaces have their reciprocal ones."""
    film = random_film(seed)
    rng = np.random.default_rng(seed)
    # Cartesian currents that are fixed to the crystal are no functions of m and E alone.
    film = replace(
        film,
        interfaces=tuple(
            replace(
                joint,
                current_below=tuple(rng.normal(size=2) * 3e5),
                current_above=tuple(rng.normal(size=2) * 3e5),
            )
            for joint in film.interfaces
        ),
        layers=tuple(
            replace(layer, spin_hall_angle=0.2) if isinstance(layer, DiffusiveMetal) else layer
            for layer in film.layers
        ),
    )
    bulk = sum(x.conductivity * x.thickness for x in film.layers) * METRE_PER_NM  # type: ignore[attr-defined]
    there, back = (
        finite(f).sheet_conductance - bulk * np.eye(2) for f in (film, reversed_magnets(film))
    )
    np.testing.assert_allclose(there, back.T, 0.0, 1e-11 * np.abs(there).max())


@pytest.mark.parametrize("seed", range(6))
def test_upside_down(seed: int) -> None:
    film = random_film(seed)
    one, other = finite(film), finite(mirrored(film))
    for a, b in zip(one.interfaces, other.interfaces[::-1], strict=True):
        c = b.mirrored()
        for key in ("current_minus", "current_plus", "torque"):
            np.testing.assert_allclose(
                getattr(a, key), getattr(c, key), 0.0, 1e-11 * largest(one), err_msg=key
            )


def test_everything_turns_about_z() -> None:
    film = random_film(1)
    angle = math.radians(50.0)
    turn = np.array(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]]
    )
    turned = replace(
        film,
        field_direction_deg=film.field_direction_deg + 50.0,
        layers=tuple(
            x if x.magnetization is None else x.turned(tuple(turn @ x.magnetization))
            for x in film.layers
        ),
    )
    one, other = finite(film), finite(turned)
    for a, b in zip(one.interfaces, other.interfaces, strict=True):
        for key in ("current_minus", "current_plus", "torque"):
            u, v = getattr(a, key)[:3], getattr(b, key)[:3]
            np.testing.assert_allclose(v, turn @ u, 0.0, 1e-11 * largest(one))


@pytest.mark.parametrize("seed", range(4))
def test_driven_currents_add_up(seed: int) -> None:
    film = random_film(seed)
    # Charge that is driven through belongs to both currents at once.
    film = replace(
        film,
        interfaces=tuple(
            replace(x, current_below=(2e5, 3e5), current_above=(-1e5, 4e5)) for x in film.interfaces
        ),
    )
    whole = finite(film, source="rashba")
    parts = [finite(film, source=s) for s in ("current_below", "current_above", "interface_torque")]
    for i, response in enumerate(whole.interfaces):
        for key in ("current_minus", "current_plus", "torque"):
            total = sum(getattr(part.at_interface(i), key) for part in parts)
            np.testing.assert_allclose(total, getattr(response, key), 0.0, 1e-11 * largest(whole))
    both = [finite(film, source=s) for s in ("rashba", "spin_hall")]
    everything = finite(film)
    for i, response in enumerate(everything.interfaces):
        total = sum(part.at_interface(i).torque for part in both)
        np.testing.assert_allclose(total, response.torque, 0.0, 1e-11 * largest(everything))


def test_a_source_that_no_interface_has_is_refused() -> None:
    with pytest.raises(InputError, match=r"source = .current_below.: needs a .circuit. interface"):
        finite(pt_co(0.2), source="current_below")
    film = bilayer()
    mixed = Stack(
        (*film.layers, random_metal(np.random.default_rng(0))),
        (*film.interfaces, RashbaInterface(0.1, 0.1, 0.1)),
    )
    with pytest.raises(InputError, match="one coupling for all"):
        finite(mixed, source="current_above")


def test_frame_of_driven_currents_follows_the_magnetization() -> None:
    m = (0.5, 0.0, 0.8)
    film = bilayer(current_below=(2e5, -3e5), current_above=0.0, torque=3e5 - 1e5j)
    film = replace(film, layers=(film.layers[0], film.layers[1].turned(m)), field_direction_deg=0.0)
    tensors = interface_tensors(film)
    d, f = torque_frame(film.layers[1].magnetization, film.field_direction)  # type: ignore[arg-type]
    np.testing.assert_allclose(tensors.conductivity[:3, 0], 2e5 * d - 3e5 * f, rtol=1e-12)
    np.testing.assert_allclose(tensors.torkivity_interface[:3, 0], 3e5 * d - 1e5 * f, rtol=1e-12)
    assert not tensors.torkivity_ferromagnet.any()
    # Along z x E there is nothing to drive, and no direction to drive it along.
    film = replace(film, layers=(film.layers[0], film.layers[1].turned((0.0, 1.0, 0.0))))
    assert np.abs(interface_tensors(film).conductivity[:, 0]).max() < 1e-9


# --- profiles ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", ["finite", "dephased"])
@pytest.mark.parametrize("kinetic", [True, False])
def test_profiles(seed: int, level: Any, kinetic: bool) -> None:
    """They meet the faces, carry the sheet current, and lose what the torque density takes."""
    m = unit_vector(np.random.default_rng(seed))
    film = pt_co(0.2, magnetization=m).stack()
    film = film if kinetic else quoted_film(film, MESH)
    solution = solve_drift_diffusion(film, ferromagnet=level, mesh=MESH)
    size = largest(solution)
    profiles = [solution.profile(i) for i in range(2)]
    top = np.append(profiles[0].spin_current[-1], profiles[0].charge_current[-1])
    if level == "finite":
        np.testing.assert_allclose(top, solution.at_interface(0).current_minus, 0.0, 1e-11 * size)
        bottom = np.append(profiles[1].spin_current[0], profiles[1].charge_current[0])
        np.testing.assert_allclose(bottom, solution.at_interface(0).current_plus, 0.0, 1e-11 * size)
    else:
        np.testing.assert_allclose(
            transverse(top[:3], m), solution.spin_current_minus, 0.0, 1e-11 * size
        )
        assert not profiles[1].spin_accumulation.any()
    np.testing.assert_allclose(profiles[0].spin_current[0], 0.0, atol=1e-11 * size)
    np.testing.assert_allclose(profiles[1].spin_current[-1], 0.0, atol=1e-11 * size)
    # Gauss integration of the sheet current, and what interfaces carry besides.
    nodes, weights = np.polynomial.legendre.leggauss(40)
    total = np.zeros(2)
    for i, layer in enumerate(film.layers):
        inside = solution.profile(i, 0.5 * layer.thickness * (1.0 + nodes))
        total += layer.thickness * METRE_PER_NM * weights @ inside.in_plane_charge
    bare = solve_drift_diffusion(film, ferromagnet=level, mesh=MESH, source="spin_hall")
    sheet = np.zeros(2)
    for i, layer in enumerate(film.layers):
        inside = bare.profile(i, 0.5 * layer.thickness * (1.0 + nodes))
        sheet += layer.thickness * METRE_PER_NM * weights @ inside.in_plane_charge
    np.testing.assert_allclose(sheet, bare.sheet_conductance[:, 0], rtol=1e-12)
    assert np.all(total != sheet)


def test_torque_density_is_what_the_magnet_takes() -> None:
    """Without spin flip and lattice all that enters across m is torque."""
    film = bilayer()
    magnet = replace(
        film.layers[1],  # type: ignore[type-var]
        *(),
        spin_diffusion_length=math.inf,
        lattice_dephasing=0.0,
    )
    film = replace(film, layers=(film.layers[0], magnet))
    solution = finite(film)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    profile = solution.profile(1, 0.5 * magnet.thickness * (1.0 + nodes))
    taken = 0.5 * magnet.thickness * METRE_PER_NM * weights @ profile.torque_density
    np.testing.assert_allclose(
        taken, solution.torque_ferromagnet, 0.0, 1e-10 * np.abs(solution.torque_ferromagnet).max()
    )


def test_profile_of_a_thick_layer_does_not_overflow() -> None:
    metal = DiffusiveMetal(1e5, 5e6, 1.0, 0.1)
    joint = CircuitInterface(0.0, 0.0, 5e14)
    film = Stack((metal, YIG.turned((0.0, 0.0, 1.0))), (joint,))
    profile = finite(film).profile(0, [0.0, 1.0, 5e4, 1e5 - 1.0, 1e5])
    assert np.all(np.isfinite(profile.spin_accumulation))
    flow = profile.spin_current[:, 1]
    hall = -0.5 * 0.1 * 5e6
    expected = [0.0, hall * (1.0 - math.exp(-1.0)), hall]
    np.testing.assert_allclose(flow[:3], expected, rtol=1e-10, atol=1e-4)


def test_boundary_layer_parameters_have_no_profile() -> None:
    with pytest.raises(PhysicsError, match="no accumulations"):
        solve_drift_diffusion(pt_co(0.2), "boundary_layer", mesh=MESH).profile(0)


# --- reservoirs ----------------------------------------------------------------------------


def test_reservoirs_drive_a_resistor() -> None:
    """Contacts of Sharvin, two metals and an interface in series."""
    metal = HeavyMetal(20.0, 4.0, math.inf)
    barrier = RashbaInterface(0.5, 0.0, 0.0)
    film = Stack((metal, metal), (barrier,), left=Reservoir(1.0), right=Reservoir(0.25))
    current = finite(film, source="reservoirs").charge_current_minus
    sigma = 0.5 * metal.conductivity(film.fermi_wavevector)
    contact = 1.0 / (np.pi * film.prefactor)
    joint = 1.0 / mixing_conductance(film).real
    resistance = 2.0 * contact + joint + 2.0 * metal.thickness * METRE_PER_NM / sigma
    assert current == pytest.approx(0.75 / resistance, rel=1e-12)


def test_injected_spins_decay_and_turn() -> None:
    """A perfect contact to a long magnet: mu falls as exp(-kappa z) across m."""
    magnet = DiffusiveFerromagnet(60.0, 4e6, 0.4, 5.0, 1.0, 2.0, magnetization=(0.0, 0.0, 1.0))
    film = Stack(
        (magnet, DiffusiveMetal(1.0, 1e6, 1.0)),
        (CircuitInterface(*(1e14,) * 4),),
        left=Reservoir(spin=(1.0, 0.0, 0.5)),
    )
    z = np.array([0.0, 0.7, 1.9])
    profile = finite(film, source="reservoirs").profile(0, z)
    kappa = np.sqrt(1.0 / 25.0 + 0.25 - 1.0j)
    u = profile.spin_accumulation[:, 0] + 1j * profile.spin_accumulation[:, 1]
    np.testing.assert_allclose(u, np.exp(-kappa * z), atol=1e-12)
    assert np.all(np.diff(u.imag) != 0.0)
    assert profile.spin_accumulation[0, 2] == pytest.approx(0.5, rel=1e-12)
    s = 0.5 * 4e6 * kappa / METRE_PER_NM
    assert profile.spin_current[0, 0] == pytest.approx((s * u[0]).real, rel=1e-10)


def test_field_with_reservoirs_is_that_of_boltzmann_in_the_diffusive_limit() -> None:
    """Thick layers and opaque interfaces: contacts and boundary layers no longer matter."""
    metal = HeavyMetal.from_spin_diffusion_length(60.0, 1.0, 12.0, 0.1)
    magnet = Ferromagnet(60.0, 2.0, 1.0, 200.0, 40.0, magnetization=(0.0, 0.0, 1.0))
    film = Stack(
        (metal, magnet), (RashbaInterface(6.0, 2.0, 0.0),), left=Reservoir(), right=Reservoir()
    )
    ours, kinetic = finite(film), solve_boltzmann(film, MESH)
    np.testing.assert_allclose(
        ours.torque_total, kinetic.torque_total, 0.0, 0.05 * np.abs(kinetic.torque_total).max()
    )


def test_injected_charge_shift_does_nothing() -> None:
    """Equal reservoirs on both sides: no current at all."""
    film = replace(bilayer(), left=Reservoir(2.0), right=Reservoir(2.0))
    profile = finite(film, source="reservoirs").profile(0)
    np.testing.assert_allclose(profile.charge_accumulation, 2.0, rtol=1e-12)
    np.testing.assert_allclose(profile.spin_current, 0.0, atol=1.0)  # of 1e15


def test_dephased_level_refuses_what_it_does_not_know() -> None:
    for film in (
        bilayer(),
        bilayer(mixing_conductance=math.inf, area_resistance=0.0, spin_memory_loss=0.0),
        replace(bilayer(area_resistance=0.0, spin_memory_loss=0.0), left=Reservoir()),
    ):
        with pytest.raises(InputError, match='ferromagnet="finite"'):
            solve_drift_diffusion(film)


@pytest.mark.parametrize("source", ["all", "spin_hall"])
def test_batches_have_the_digits_of_single_films(source: str) -> None:
    """Films for the compiled call and films for the general network, side by side."""
    plain = {"area_resistance": 0.0, "spin_memory_loss": 0.0}
    films = [
        *(bilayer(**plain, mixing_conductance=complex(g, 1e14)) for g in (3e14, 6e14)),
        *(random_film(seed) for seed in range(3)),
        bilayer(mixing_conductance=math.inf),
        bilayer(current_below=(1.0, 2.0, 3.0), current_above=(1.0, 2.0, 3.0)),
        replace(bilayer(**plain), left=Reservoir()),
        pt_co(0.1),
    ]
    together = drift_diffusion_many(films, level="finite", source=source, mesh=MESH)
    for film, found in zip(films, together, strict=True):
        assert isinstance(found, DriftDiffusionSolution)
        alone = finite(film, source=source)
        for a, b in zip(alone.interfaces, found.interfaces, strict=True):
            assert a.current_minus.tobytes() == b.current_minus.tobytes()
            assert a.current_plus.tobytes() == b.current_plus.tobytes()
            assert a.torque.tobytes() == b.torque.tobytes()


@pytest.mark.parametrize("seed", range(3))
def test_compiled_call_and_general_network_agree(seed: int) -> None:
    film = random_tilted_stack(seed)
    places = [(film, i) for i in range(len(film.interfaces))]
    laws = interface_laws(places, InterfaceOptions("particular", True, False, MESH))
    y_p = spin_hall_direction(film)
    layers = [layer.admittance(film.fermi_wavevector, y_p) for layer in film.layers]
    state = solve_film(film, layers, laws.response, laws.drive, {}, (None, None))
    solution = finite(film)
    for flow, response in zip(state.flows, solution.interfaces, strict=True):
        expected = np.concatenate([response.current_minus, response.current_plus])
        np.testing.assert_allclose(flow[:8], expected, 0.0, 1e-12 * largest(solution))


# --- what is refused -----------------------------------------------------------------------


def test_boltzmann_says_what_is_missing() -> None:
    film = pt_co(0.2).stack()
    quoted = quoted_film(film, MESH)
    cases = (
        (replace(film, layers=(quoted.layers[0], film.layers[1])), "N.*mean free path"),
        (replace(film, layers=(film.layers[0], quoted.layers[1])), "FM.*mean free paths"),
        (replace(film, interfaces=quoted.interfaces), r"HM\|FM.*scattering amplitudes"),
    )
    for mixed, message in cases:
        for solve in (
            solve_boltzmann,
            lambda f: solve_drift_diffusion(f, "boundary_layer"),
            lambda f: solve_drift_diffusion(f, "half_space", ferromagnet="finite"),
        ):
            with pytest.raises(InputError, match=rf"{message}.*Boltzmann equation needs"):
                solve(mixed)


def test_half_space_of_quoted_layers() -> None:
    film = bilayer()
    thick = replace(film, layers=(film.layers[0].with_thickness(400.0), film.layers[1]))
    assert_same(finite(thick), finite(replace(film, left=HalfSpace())), 1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spin_memory_loss": 0.5, "area_resistance": 0.0}, "area_resistance.*positive"),
        ({"transmitted_mixing_conductance": math.inf}, "mixing_conductance.*infinite"),
        ({"current_below": (1.0, 2.0, 3.0, 4.0)}, "current_above.*charge of current_below, 4"),
        ({"mixing_conductance": (1.0, 2.0, 3.0)}, r"must be a number or \[real, imag\]"),
        ({"mixing_conductance": -1e14}, "mixing_conductance.*between 0 and"),
        ({"mixing_conductance": complex(1e14, math.inf)}, "mixing_conductance.*finite"),
        ({"mixing_conductance": "1e14"}, "mixing_conductance.*number"),
        ({"torque": 3.0}, r"torque = 3.*\[damping_like, field_like\] or \[x, y, z\]"),
        ({"torque": (1.0, 2.0, 3.0, 4.0)}, r"torque.*\[x, y, z\]"),
        ({"conductance_majority": True}, "conductance_majority.*number"),
    ],
)
def test_wrong_values(changes: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {
        "conductance_majority": 1e14,
        "conductance_minority": 1e14,
        "mixing_conductance": 1e14,
    }
    with pytest.raises(InputError, match=message):
        CircuitInterface(**{**values, **changes})


def test_nothing_flows_into_an_insulator() -> None:
    metal, m = DiffusiveMetal(4.0, 5e6, 1.5, 0.1), (0.0, 0.0, 1.0)
    for joint, message in (
        (CircuitInterface(1e14, 0.0, 1e14), r"conductance_majority.*magnetic_insulator has no"),
        (CircuitInterface(0.0, 0.0, 1e14, 1e13), r"conductance_majority.*has no electrons"),
        (CircuitInterface(0.0, 0.0, 1e14, 0.0, 0.0, (1e5, 0.0)), "current_above.*give a torque"),
    ):
        with pytest.raises(InputError, match=message):
            finite(Stack((metal, YIG.turned(m)), (joint,)))


def test_conductances_are_those_that_were_given() -> None:
    film = bilayer()
    joint = film.interfaces[0]
    assert isinstance(joint, CircuitInterface)
    assert mixing_conductance(film) == joint.mixing_conductance
    assert transmitted_mixing_conductance(film) == joint.transmitted_mixing_conductance
    circuit = circuit_conductances(film)
    m = np.array(film.layers[1].magnetization)
    frame = rotation_to(m)[:, :2]
    ((a, b), (c, d)) = frame.T @ circuit.reflection[:3, :3] @ frame
    assert complex(a, c) == pytest.approx(joint.mixing_conductance)
    assert complex(d, -b) == pytest.approx(joint.mixing_conductance)
    assert 2.0 * circuit.reflection[CHARGE, CHARGE] == pytest.approx(
        joint.conductance_majority + joint.conductance_minority
    )
