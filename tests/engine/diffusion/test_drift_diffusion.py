"""Drift-diffusion torques against independent solutions of the same equations.

`Diffusion` below takes the diffusion equations straight from the collision matrices of the
Boltzmann equation and solves them by scipy's boundary-value solver or by matrix
exponentials; it shares no formula with the package's layer responses.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_bvp
from scipy.linalg import expm

from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.drift_diffusion import dephased_spin_current, solve_drift_diffusion
from torkivity_engine.diffusion.tensors import (
    circuit_conductances,
    interface_tensors,
    mixing_conductance,
    transmitted_mixing_conductance,
)
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.diffusion_length import spin_diffusion_length
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.solution import InterfaceResponse
from torkivity_engine.spin import CHARGE, rotation_to, transverse
from torkivity_meshes import SphericalMesh

Array = NDArray[np.float64]
Film = Bilayer | Stack

LEVELS = ("dephased", "finite")
SOURCES = ("rashba", "spin_hall", "all")
MESH = SphericalMesh(16, 24)
AXIAL = np.array([-1.0, -1.0, 1.0])  # an axial vector under z -> -z

# Pt/Co set after Haney et al., PRB 87, 174411 (2013).
PT = HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, spin_hall_angle=0.059)
CO = Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36, dephasing_length=0.8)
U0, U_EX = 0.42645, 0.20055


def pt_co(rashba: float = 0.2, **changes: Any) -> Bilayer:
    return Bilayer(PT, RashbaInterface(U0, U_EX, rashba), CO, **changes)


def random_direction(rng: np.random.Generator) -> tuple[float, float, float]:
    x, y, z = rng.normal(size=3)
    return (float(x), float(y), float(z))


def random_bilayer(seed: int) -> Bilayer:
    rng = np.random.default_rng(seed)
    metal = HeavyMetal(
        thickness=rng.uniform(1.0, 12.0),
        mean_free_path=rng.uniform(1.0, 4.0),
        spin_flip_length=rng.uniform(10.0, 40.0),
        spin_hall_angle=rng.uniform(-0.3, 0.3),
    )
    magnet = Ferromagnet(
        thickness=rng.uniform(1.0, 6.0),
        mean_free_path_majority=rng.uniform(5.0, 20.0),
        mean_free_path_minority=rng.uniform(2.0, 20.0),
        spin_flip_length=rng.uniform(20.0, 500.0),
        precession_length=rng.uniform(0.8, 3.0),
        dephasing_length=rng.uniform(0.5, 2.0),
    )
    interface = RashbaInterface(*rng.uniform(-0.6, 0.6, size=3))
    return Bilayer(
        metal,
        interface,
        magnet,
        magnetization=random_direction(rng),
        field_direction_deg=rng.uniform(0.0, 360.0),
    )


def random_stack(seed: int) -> Stack:
    """Two heavy metals and two ferromagnets, one interface without exchange."""
    rng = np.random.default_rng(seed)
    first, second = random_bilayer(seed), random_bilayer(seed + 1000)
    lower, upper = first.stack(), second.stack()
    m_lower, m_upper = random_direction(rng), random_direction(rng)
    return Stack(
        layers=(
            replace(lower.layers[1], magnetization=m_lower),
            lower.layers[0],
            upper.layers[0],
            replace(upper.layers[1], magnetization=m_upper),
        ),
        interfaces=(
            replace(lower.interfaces[0], magnetization=m_lower),
            RashbaInterface(0.3, 0.0, 0.2),
            replace(upper.interfaces[0], magnetization=m_upper),
        ),
        field_direction_deg=rng.uniform(0.0, 360.0),
    )


def torque_on_magnet(film: Film, response: InterfaceResponse, index: int = 0) -> Array:
    """tau_mag plus the transverse spin current into the ferromagnet, wherever that lies."""
    above = isinstance(as_stack(film).layers[index + 1], Ferromagnet)
    into = response.spin_current_plus if above else -response.spin_current_minus
    return response.torque_interface + transverse(into, response.magnetization)


def size_of(response: InterfaceResponse) -> float:
    parts = (response.spin_current_minus, response.spin_current_plus, response.torque_interface)
    return max(float(np.abs(part).max()) for part in parts)


def assert_same(a: InterfaceResponse, b: InterfaceResponse, rtol: float) -> None:
    """Agreement relative to the largest current or torque."""
    tolerance = rtol * size_of(a)
    for name in ("current_minus", "current_plus", "torque"):
        np.testing.assert_allclose(getattr(b, name), getattr(a, name), rtol=0.0, atol=tolerance)


@dataclass
class Diffusion:
    """The four-channel diffusion equations j = source - S mu', j' = -L mu of a stack.

    Lengths in nm and currents over the Fermi-surface prefactor, so all numbers are of
    order one.
    """

    stack: Stack
    hall: float = 1.0
    drive: float = 1.0
    exact: bool = True

    def layer(self, index: int) -> tuple[Array, Array, Array]:
        """S, L and the source of a layer."""
        layer = self.stack.layers[index]
        terms = collision_terms(layer)
        k_out, k_in = terms.k_out.copy(), terms.k_in[0, 0]
        loss = 4.0 * np.pi * (k_out - k_in)
        source = np.zeros(4)
        if isinstance(layer, Ferromagnet):
            # Precession acts on the accumulation only: the current follows -S mu'.
            spin = k_out[:3, :3]
            k_out[:3, :3] = 0.5 * (spin + spin.T)
        slope = 4.0 * np.pi / 3.0 * np.linalg.inv(k_out)
        if isinstance(layer, Ferromagnet):
            if layer.dephasing_length is not None:
                m = np.array(layer.magnetization)
                across = np.eye(3) - np.outer(m, m)
                loss[:3, :3] += slope[:3, :3] @ across / layer.dephasing_length**2
        else:
            # Skew scattering: every channel conducts as the charge does, l_sf as asked for.
            slope = slope / (1.0 + 2.0 * layer.spin_hall_angle**2)
            lam = 1.0 / k_out[CHARGE, CHARGE]
            length = math.sqrt(lam * layer.spin_flip_length / 6.0)
            if self.exact:
                length = spin_diffusion_length(layer)
            loss[:3, :3] = slope[:3, :3] / length**2
            x, y, _ = self.stack.field_direction
            angle = layer.spin_hall_angle * self.hall
            source[:3] = -angle * slope[CHARGE, CHARGE] * np.array([-y, x, 0.0])
        return slope, loss, source

    def interface(self, index: int) -> tuple[Array, Array, Array, Array]:
        """A, T, j_E(0-), j_E(0+)."""
        circuit = circuit_conductances(self.stack, index, mesh=MESH)
        tensors = interface_tensors(self.stack, MESH, interface=index)
        field = self.stack.field_direction[:2] * self.drive
        c = self.stack.prefactor
        return (
            circuit.reflection / c,
            circuit.transmission / c,
            tensors.conductivity @ field / (c * METRE_PER_NM),
            tensors.torkivity_ferromagnet @ field / (c * METRE_PER_NM),
        )

    def response(self, index: int, minus: Array, plus: Array) -> InterfaceResponse:
        """Response for the accumulations found at an interface."""
        a, t, j_minus, j_plus = self.interface(index)
        c = self.stack.prefactor
        circuit = circuit_conductances(self.stack, index, mesh=MESH)
        tensors = interface_tensors(self.stack, MESH, interface=index)
        m = np.array(self.stack.interface_magnetization(index))
        density = circuit.density / c @ (minus + plus)
        torque = 2.0 * self.stack.interfaces[index].exchange * np.cross(density, m)
        torque = torque * c * METRE_PER_NM
        field = self.stack.field_direction[:2] * self.drive
        torque = torque + tensors.torkivity_interface[:3] @ field
        return InterfaceResponse(
            (a @ minus - t @ plus + j_minus) * c * METRE_PER_NM,
            (t @ minus - a @ plus + j_plus) * c * METRE_PER_NM,
            torque,
            m,
            self.stack.field_direction,
        )

    def by_exponentials(self) -> list[InterfaceResponse]:
        """All interfaces, by transfer matrices of thin slices of each layer."""
        n = len(self.stack.layers)
        slices = 16
        # Unknowns: (mu, j) at both faces of each layer would lose digits in thick layers;
        # (mu, j) at the joints of slices with a banded system does not.
        joints = [np.arange(8) + 8 * k for k in range(n * (slices + 1))]
        size = 8 * len(joints)
        rows: list[tuple[list[tuple[NDArray[np.int64], Array]], Array]] = []
        eye = np.eye(8)
        pick_mu, pick_j = eye[:4], eye[4:]
        for k, layer in enumerate(self.stack.layers):
            slope, loss, source = self.layer(k)
            inverse = np.linalg.inv(slope)
            generator = np.zeros((9, 9))
            generator[:4, 4:8] = -inverse
            generator[:4, 8] = inverse @ source
            generator[4:8, :4] = -loss
            step = expm(generator * layer.thickness / slices)
            for s in range(slices):
                here, there = joints[k * (slices + 1) + s], joints[k * (slices + 1) + s + 1]
                rows.append(([(here, -step[:8, :8]), (there, eye)], step[:8, 8]))
        rows.append(([(joints[0], pick_j)], np.zeros(4)))
        rows.append(([(joints[-1], pick_j)], np.zeros(4)))
        for k in range(n - 1):
            a, t, j_minus, j_plus = self.interface(k)
            left, right = joints[(k + 1) * (slices + 1) - 1], joints[(k + 1) * (slices + 1)]
            rows.append(([(left, pick_j - a @ pick_mu), (right, t @ pick_mu)], j_minus))
            rows.append(([(left, -t @ pick_mu), (right, pick_j + a @ pick_mu)], j_plus))
        matrix, vector = np.zeros((size + 1, size)), np.zeros(size + 1)
        row = 0
        for blocks, right_side in rows:
            for columns, block in blocks:
                matrix[row : row + len(right_side), columns] = block
            vector[row : row + len(right_side)] = right_side
            row += len(right_side)
        assert row == size
        reference = next((k for k in range(n - 1) if self.stack.interfaces[k].exchange != 0.0), 0)
        left = joints[(reference + 1) * (slices + 1) - 1]
        right = joints[(reference + 1) * (slices + 1)]
        matrix[-1, left[CHARGE]] = matrix[-1, right[CHARGE]] = 1.0
        solution = np.linalg.lstsq(matrix, vector, rcond=None)[0]
        return [
            self.response(
                k,
                solution[joints[(k + 1) * (slices + 1) - 1][:4]],
                solution[joints[(k + 1) * (slices + 1)][:4]],
            )
            for k in range(n - 1)
        ]

    def by_bvp(self) -> InterfaceResponse:
        """Bilayer by collocation: both layers side by side on the unit interval."""
        left, right = self.layer(0), self.layer(1)
        thick = [layer.thickness for layer in self.stack.layers]
        a, t, j_minus, j_plus = self.interface(0)

        def slopes(_: Array, y: Array) -> Array:
            out = np.empty_like(y)
            for k, (slope, loss, source) in enumerate((left, right)):
                mu, j = y[8 * k : 8 * k + 4], y[8 * k + 4 : 8 * k + 8]
                out[8 * k : 8 * k + 4] = -thick[k] * np.linalg.solve(slope, j - source[:, None])
                out[8 * k + 4 : 8 * k + 8] = -thick[k] * loss @ mu
            return out

        def faces(at_0: Array, at_1: Array) -> Array:
            minus, j_0 = at_1[:4], at_1[4:8]
            plus, j_1 = at_0[8:12], at_0[12:16]
            above = j_1 - (t @ minus - a @ plus + j_plus)
            above[CHARGE] = minus[CHARGE] + plus[CHARGE]  # gauge for the redundant balance
            below = j_0 - (a @ minus - t @ plus + j_minus)
            return np.concatenate([at_0[4:8], at_1[12:16], below, above])

        mesh = np.linspace(0.0, 1.0, 400)
        found = solve_bvp(slopes, faces, mesh, np.zeros((16, 400)), tol=1e-10, max_nodes=40000)
        assert found.success, found.message
        return self.response(0, found.y[:4, -1], found.y[8:12, 0])


# --- dephased level ---------------------------------------------------------------------


def closed_form(film: Bilayer, hall: float = 1.0, drive: float = 1.0) -> dict[str, complex]:
    """The paper's quantities as complex numbers in a right-handed frame."""
    stack = film.stack()
    metal = film.heavy_metal
    sigma = metal.conductivity(film.fermi_wavevector)
    length = spin_diffusion_length(metal)
    frame = rotation_to(stack.interface_magnetization(0))
    field = stack.field_direction

    def complexify(v: Array) -> complex:
        return complex(v[:3] @ frame[:, 0], v[:3] @ frame[:, 1])

    tensors = interface_tensors(film, MESH)
    j_e = drive * complexify(tensors.conductivity @ field[:2])
    j_e_plus = drive * complexify(tensors.torkivity_ferromagnet @ field[:2])
    tau_e = drive * complexify(tensors.torkivity_interface @ field[:2])
    j_sh = complexify(
        -0.5 * hall * metal.spin_hall_angle * sigma * np.cross([0.0, 0.0, 1.0], field)
    )
    g = mixing_conductance(film)
    gamma = transmitted_mixing_conductance(film)
    x = metal.thickness / length
    current = complex(dephased_spin_current(x, 2.0 * length * METRE_PER_NM * g / sigma, j_e, j_sh))
    mu = (current - j_e) / g
    return {
        "minus": current,
        "plus": gamma * mu + j_e_plus,
        "torque": (g - gamma) * mu + tau_e,
        "lattice": j_e - j_e_plus - tau_e,
    }


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("source", SOURCES)
def test_dephased_level_is_the_closed_form(seed: int, source: Any) -> None:
    film = random_bilayer(seed)
    solution = solve_drift_diffusion(film, source=source, mesh=MESH)
    expected = closed_form(film, hall=source != "rashba", drive=source != "spin_hall")
    frame = rotation_to(solution.magnetization)[:, :2]

    def cartesian(z: complex) -> Array:
        return frame @ np.array([z.real, z.imag])

    tolerance = 1e-12 * size_of(solution.at_interface(0))
    for name, vector in (
        ("minus", solution.spin_current_minus),
        ("plus", solution.spin_current_plus),
        ("torque", solution.torque_interface),
        ("lattice", solution.torque_lattice),
    ):
        np.testing.assert_allclose(vector, cartesian(expected[name]), rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        solution.torque_total,
        solution.spin_current_minus - solution.torque_lattice,
        rtol=0,
        atol=tolerance,
    )


@pytest.mark.parametrize("seed", range(4))
def test_dephased_level_is_the_layer_response_with_the_boundary_law(seed: int) -> None:
    film = random_bilayer(seed)
    stack, m = film.stack(), np.array(film.magnetization)
    y_p = np.cross([0.0, 0.0, 1.0], stack.field_direction)
    layer = film.heavy_metal.admittance(film.fermi_wavevector, y_p)
    faces, source = layer.face_matrix(), np.tile(layer.source, 2)
    frame = np.zeros((4, 2))
    frame[:3] = rotation_to(m)[:, :2]
    transverse_faces = np.kron(np.eye(2), frame.T) @ faces @ np.kron(np.eye(2), frame)
    drive = frame.T @ source.reshape(2, 4).T
    circuit = circuit_conductances(film)
    j_e = interface_tensors(film, MESH).conductivity @ stack.field_direction[:2]
    # Unknown (mu_left, mu_right): closed outer face, boundary law at the interface.
    transverse_faces[2:, 2:] -= frame.T @ circuit.reflection @ frame
    right_side = np.concatenate([-drive[:, 0], frame.T @ j_e - drive[:, 1]])
    mu = np.linalg.solve(transverse_faces, right_side)[2:]
    current = frame.T @ (circuit.reflection @ frame @ mu + j_e)
    solution = solve_drift_diffusion(film, mesh=MESH)
    np.testing.assert_allclose(
        frame[:3].T @ solution.spin_current_minus,
        current,
        rtol=0,
        atol=1e-12 * np.abs(solution.torque_total).max(),
    )


@pytest.mark.parametrize("seed", range(4))
def test_dephased_level_solves_the_differential_equation(seed: int) -> None:
    film = random_bilayer(seed)
    stack, m = film.stack(), np.array(film.magnetization)
    field = stack.field_direction
    length = spin_diffusion_length(film.heavy_metal)
    sigma = film.heavy_metal.conductivity(film.fermi_wavevector)
    hall = -0.5 * film.heavy_metal.spin_hall_angle * sigma * np.cross([0.0, 0.0, 1.0], field)
    tensors, circuit = interface_tensors(film, MESH), circuit_conductances(film)
    j_e = tensors.conductivity @ field[:2]
    scale = np.abs(j_e).max()
    unit = length * METRE_PER_NM / (0.5 * sigma)  # mu / unit and l_sf: j = -mu' + j_sH
    g = circuit.reflection[:3, :3] * unit

    def slopes(_: Array, y: Array) -> Array:
        x = film.heavy_metal.thickness / length
        return x * np.concatenate([hall[:, None] / scale - y[3:], -y[:3]])

    def faces(at_0: Array, at_1: Array) -> Array:
        law = g @ transverse(at_1[:3], m) + transverse(j_e[:3], m) / scale
        along = at_1[:3] @ m  # not determined at this level: any value will do
        return np.concatenate([at_0[3:], transverse(at_1[3:] - law, m) + along * m])

    grid = np.linspace(0.0, 1.0, 400)
    found = solve_bvp(slopes, faces, grid, np.zeros((6, 400)), tol=1e-10, max_nodes=40000)
    assert found.success
    solution = solve_drift_diffusion(film, mesh=MESH)
    tolerance = 1e-10 * np.abs(solution.torque_total).max()
    mu = transverse(found.y[:3, -1], m) * scale * unit
    np.testing.assert_allclose(
        solution.spin_current_minus,
        transverse(found.y[3:, -1], m) * scale,
        rtol=0,
        atol=tolerance,
    )
    plus = circuit.transmission[:3, :3] @ mu + tensors.torkivity_ferromagnet[:3] @ field[:2]
    np.testing.assert_allclose(
        solution.torque_ferromagnet, transverse(plus, m), rtol=0, atol=tolerance
    )


def test_interface_torque_is_the_difference_of_conductances_for_transverse_spins() -> None:
    # At u_R = 0 the two forms of tau_mag agree: 2 u_ex s x m and (G - Gamma_FM) mu.
    film = random_bilayer(3)
    circuit = circuit_conductances(film)
    m = np.array(film.magnetization)
    exchange = film.interface.exchange
    rng = np.random.default_rng(0)
    for _ in range(5):
        mu = np.append(transverse(rng.normal(size=3), m), 0.0)
        torque = 2.0 * exchange * np.cross(circuit.density @ mu, m)
        step = ((circuit.reflection - circuit.transmission) @ mu)[:3]
        np.testing.assert_allclose(torque, step, rtol=0, atol=1e-13 * np.abs(step).max())


@pytest.mark.parametrize("level", LEVELS)
def test_thin_heavy_metal_leaves_only_minus_the_lattice_torque(level: Any) -> None:
    film = random_bilayer(5)
    torques = []
    for thickness in (1e-2, 1e-4, 1e-6):
        thin = replace(film, heavy_metal=replace(film.heavy_metal, thickness=thickness))
        solution = solve_drift_diffusion(thin, ferromagnet=level, mesh=MESH)
        torques.append(
            np.abs(transverse(solution.spin_current_minus, solution.magnetization)).max()
            / np.abs(solution.torque_total).max()
        )
        np.testing.assert_allclose(
            solution.torque_total,
            -solution.torque_lattice,
            rtol=0,
            atol=2.0 * thickness * np.abs(solution.torque_total).max(),
        )
    assert torques[1] == pytest.approx(1e-2 * torques[0], rel=0.05)
    assert torques[2] == pytest.approx(1e-4 * torques[0], rel=0.05)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("barrier", [1e2, 1e4, 1e6])
def test_opaque_interface_has_no_spin_hall_torque(level: Any, barrier: float) -> None:
    film = replace(random_bilayer(2), interface=RashbaInterface(barrier, 0.3, 0.1))
    solution = solve_drift_diffusion(film, ferromagnet=level, source="spin_hall", mesh=MESH)
    hall = abs(film.heavy_metal.spin_hall_angle) * film.heavy_metal.conductivity(16.0) / 2.0
    # G falls as 1/u0^2.
    assert np.abs(solution.torque_total).max() < 10.0 * hall / barrier**2


def test_opaque_interface_passes_the_interface_spin_current() -> None:
    # G -> 0: no backflow, so j(0-) = j_E(0-) whatever the thickness.
    g = 1e-9 * (1.0 - 0.2j)
    current = dephased_spin_current([0.1, 1.0, 30.0], g, 0.3 + 0.1j, 1.0)
    np.testing.assert_allclose(current, 0.3 + 0.1j, atol=1e-7)
    np.testing.assert_array_equal(dephased_spin_current(0.0, [0.0, 1.0], 0.3, 1.0), 0.0)


def test_transparent_limit_of_the_closed_form() -> None:
    # G~ -> inf: the accumulation is short-circuited, all of (1 - sech x) j_sH arrives.
    x = np.array([1e-3, 0.5, 2.0, 1e4])
    current = dephased_spin_current(x, 1e14 * (1.0 - 0.2j), 0.3, 1.0)
    np.testing.assert_allclose(current, 1.0 - 1.0 / np.cosh(np.minimum(x, 700.0)), atol=1e-10)


# --- finite ferromagnet -------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("seed", range(3))
def test_finite_level_solves_the_differential_equations(seed: int, source: Any) -> None:
    film = random_bilayer(seed)
    solution = solve_drift_diffusion(film, ferromagnet="finite", source=source, mesh=MESH)
    reference = Diffusion(
        film.stack(), hall=source != "rashba", drive=source != "spin_hall"
    ).by_bvp()
    assert_same(reference, solution.at_interface(0), 1e-10)


@pytest.mark.parametrize("seed", range(2))
def test_stack_of_four_layers_solves_the_differential_equations(seed: int) -> None:
    stack = random_stack(seed)
    solution = solve_drift_diffusion(stack, ferromagnet="finite", mesh=MESH)
    for index, expected in enumerate(Diffusion(stack).by_exponentials()):
        found = solution.at_interface(index)
        tolerance = 1e-10 * size_of(expected)
        for name in ("current_minus", "current_plus", "torque"):
            np.testing.assert_allclose(
                getattr(found, name), getattr(expected, name), rtol=0, atol=tolerance
            )


def test_diffusive_length_option_is_the_moment_expansion() -> None:
    film = random_bilayer(8)
    solution = solve_drift_diffusion(
        film, ferromagnet="finite", spin_diffusion_length="diffusive", mesh=MESH
    )
    (reference,) = Diffusion(film.stack(), exact=False).by_exponentials()
    assert_same(reference, solution.at_interface(0), 1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_strong_dephasing_leads_to_the_dephased_level(seed: int) -> None:
    film = random_bilayer(seed)
    dephased = solve_drift_diffusion(film, mesh=MESH).torque_total
    scale = np.abs(dephased).max()
    errors = []
    for length in (1e-2, 1e-3, 1e-4, 1e-9):
        magnet = replace(film.ferromagnet, dephasing_length=length)
        finite = solve_drift_diffusion(
            replace(film, ferromagnet=magnet), ferromagnet="finite", mesh=MESH
        )
        errors.append(float(np.abs(finite.torque_total - dephased).max()) / scale)
    assert errors[0] < 0.05
    assert errors[1] == pytest.approx(0.1 * errors[0], rel=0.1)
    assert errors[2] == pytest.approx(0.01 * errors[0], rel=0.1)
    assert errors[3] == pytest.approx(1e-7 * errors[0], rel=0.1)


def test_ferromagnet_without_exchange_diffuses_like_a_heavy_metal() -> None:
    magnet = Ferromagnet(3.0, 4.0, 4.0, 60.0, math.inf, magnetization=(0.3, -0.2, 0.5))
    lam = 1.0 / (1.0 / 4.0 + 1.0 / 60.0)
    length = math.sqrt(lam * 60.0 / 6.0)
    faces = magnet.admittance(16.0).face_matrix()
    # Closed right face: the accumulation there is sech(t / l) of the one at the left face.
    decay = np.linalg.solve(faces[4:, 4:], -faces[4:, :4])
    np.testing.assert_allclose(decay[:3, :3], np.eye(3) / math.cosh(3.0 / length), atol=1e-14)
    np.testing.assert_allclose(decay[CHARGE], [0.0, 0.0, 0.0, 1.0], atol=1e-14)
    metal = HeavyMetal(3.0, 4.0, 60.0)
    np.testing.assert_allclose(
        faces,
        metal.admittance(16.0, exact_length=False).face_matrix(),
        rtol=0,
        atol=1e-14 * np.abs(faces).max(),
    )


def test_ferromagnet_has_the_two_current_diffusion_length() -> None:
    magnet = Ferromagnet(40.0, 16.0, 6.0, 300.0, 1.0, magnetization=(0.0, 0.0, 1.0))
    rates = [1.0 / 16.0 + 1.0 / 300.0, 1.0 / 6.0 + 1.0 / 300.0]
    length = (3.0 / 300.0 * sum(rates)) ** -0.5
    faces = magnet.admittance(16.0).face_matrix()
    decay = np.linalg.solve(faces[4:, 4:], -faces[4:, :4])
    assert decay[2, 2] == pytest.approx(1.0 / math.cosh(40.0 / length), rel=1e-12)
    # Charge per spin species: sigma_up and sigma_down in parallel over the thickness, when
    # the spin accumulation is zero at both faces and nothing flips on the way.
    no_flip = replace(magnet, spin_flip_length=math.inf)
    faces = no_flip.admittance(16.0).face_matrix()
    per_length = 7.892141e14 * 4.0 / 3.0 * METRE_PER_NM / (40.0 * METRE_PER_NM)
    assert faces[3, 3] == pytest.approx(per_length * (16.0 + 6.0) / 2.0, rel=1e-6)
    # Majority spins, along -m, carry more: mu_c drives a spin current along -z.
    assert faces[2, 3] == pytest.approx(-per_length * (16.0 - 6.0) / 2.0, rel=1e-6)


def test_injected_spin_precesses_about_m_in_the_sense_of_the_boltzmann_equation() -> None:
    # dj/dz contains + (4 pi C / l_prec) m x mu: an accumulation along x with m along z makes
    # the current along y grow with z.
    magnet = Ferromagnet(1e-3, 8.0, 8.0, math.inf, 2.0, magnetization=(0.0, 0.0, 1.0))
    layer = magnet.admittance(16.0)
    gain = -layer.loss[1, 0] / (1e-3 / 2.0)  # over t / l_prec
    assert gain == pytest.approx(4.0 * 7.892141e14, rel=1e-4)
    assert layer.loss[0, 1] == pytest.approx(-layer.loss[1, 0], rel=1e-12)


def test_thick_layers_neither_overflow_nor_matter() -> None:
    film = pt_co(magnetization=(0.3, 0.2, 1.0))
    results = []
    for thickness in (1e3, 1e6):
        thick = replace(
            film,
            heavy_metal=replace(film.heavy_metal, thickness=thickness),
            ferromagnet=replace(film.ferromagnet, thickness=thickness),
        )
        for level in LEVELS:
            results.append(solve_drift_diffusion(thick, ferromagnet=level, mesh=MESH).torque_total)
    scale = np.abs(results[0]).max()
    np.testing.assert_allclose(results[2], results[0], rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(results[3], results[1], rtol=0, atol=1e-9 * scale)


@pytest.mark.parametrize("changes", ["no_flip_in_metal", "linear_magnet"])
def test_infinite_lengths_are_limits_of_long_ones(changes: str) -> None:
    def film(infinite: float) -> Bilayer:
        base = pt_co(magnetization=(0.3, 0.2, 1.0))
        if changes == "no_flip_in_metal":
            return replace(base, heavy_metal=HeavyMetal(10.0, 2.0, infinite, 0.1))
        return replace(base, ferromagnet=Ferromagnet(5.0, 8.0, 8.0, infinite, infinite))

    exact = solve_drift_diffusion(film(math.inf), ferromagnet="finite", mesh=MESH).torque_total
    near = solve_drift_diffusion(film(1e9), ferromagnet="finite", mesh=MESH).torque_total
    np.testing.assert_allclose(near, exact, rtol=0, atol=1e-6 * np.abs(exact).max())


def test_undetermined_spin_is_named() -> None:
    film = Bilayer(
        HeavyMetal(10.0, 2.0, math.inf),
        RashbaInterface(0.4, 0.2, 0.1),
        Ferromagnet(5.0, 16.0, 6.0, math.inf, 1.0),
        magnetization=(0.0, 0.6, 0.8),
    )
    # Exchange relaxes transverse spins; nothing relaxes the ones along m.
    with pytest.raises(PhysicsError, match=r"spin accumulation along \(.*0.6, .*0.8\)"):
        solve_drift_diffusion(film, ferromagnet="finite", mesh=MESH)
    solution = solve_drift_diffusion(film, mesh=MESH)
    assert np.all(np.isfinite(solution.torque_total))


# --- symmetries, both levels --------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", range(3))
def test_reversing_the_field_reverses_everything(seed: int, level: Any) -> None:
    film = random_bilayer(seed)
    reverse = replace(film, field_direction_deg=film.field_direction_deg + 180.0)
    a, b = (
        solve_drift_diffusion(f, ferromagnet=level, mesh=MESH).at_interface(0)
        for f in (film, reverse)
    )
    opposite = InterfaceResponse(
        -b.current_minus, -b.current_plus, -b.torque, b.m, b.field_direction
    )
    assert_same(a, opposite, 1e-12)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("level", LEVELS)
def test_rotation_about_the_normal_rotates_the_result(level: Any, source: Any) -> None:
    film = random_bilayer(11)
    angle = 2.0 * math.pi * 5 / 24  # maps the azimuths of the mesh onto themselves
    c, s = math.cos(angle), math.sin(angle)
    rotation = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    x, y, z = rotation @ np.array(film.magnetization)
    turned = replace(
        film,
        magnetization=(x, y, z),
        field_direction_deg=film.field_direction_deg + math.degrees(angle),
    )
    a, b = (
        solve_drift_diffusion(f, ferromagnet=level, source=source, mesh=MESH)
        for f in (film, turned)
    )
    tolerance = 1e-12 * size_of(a.at_interface(0))
    for name in ("spin_current_minus", "spin_current_plus", "torque_interface"):
        np.testing.assert_allclose(
            getattr(b, name), rotation @ getattr(a, name), rtol=0, atol=tolerance
        )


def mirrored(stack: Stack) -> Stack:
    """The same film upside down, z -> -z."""

    def flip(item: Any) -> Any:
        m = item.magnetization
        return item if m is None else replace(item, magnetization=tuple(AXIAL * np.array(m)))

    return replace(
        stack,
        layers=tuple(
            flip(layer) if isinstance(layer, Ferromagnet) else layer
            for layer in reversed(stack.layers)
        ),
        interfaces=tuple(
            replace(flip(interface), rashba=-interface.rashba)
            for interface in reversed(stack.interfaces)
        ),
    )


@pytest.mark.parametrize("keep_rashba", [False, True])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("level", LEVELS)
def test_mirrored_film_maps_the_torque_as_an_axial_vector(
    level: Any, source: Any, keep_rashba: bool
) -> None:
    stack = random_bilayer(7).stack()
    upside_down = mirrored(stack)
    assert isinstance(upside_down.layers[0], Ferromagnet)
    a, b = (
        solve_drift_diffusion(
            s, ferromagnet=level, source=source, keep_rashba=keep_rashba, mesh=MESH
        ).at_interface(0)
        for s in (stack, upside_down)
    )
    tolerance = 1e-12 * size_of(a)
    np.testing.assert_allclose(b.torque, AXIAL * a.torque, rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        torque_on_magnet(upside_down, b), AXIAL * torque_on_magnet(stack, a), atol=tolerance
    )
    polar = -np.append(AXIAL, 1.0)  # flow along z reverses
    np.testing.assert_allclose(b.current_minus, polar * a.current_plus, atol=tolerance)
    np.testing.assert_allclose(b.current_plus, polar * a.current_minus, atol=tolerance)


def test_mirrored_stack_of_four_layers() -> None:
    stack = random_stack(4)
    a = solve_drift_diffusion(stack, ferromagnet="finite", mesh=MESH)
    b = solve_drift_diffusion(mirrored(stack), ferromagnet="finite", mesh=MESH)
    for index in range(3):
        up, down = a.at_interface(index), b.at_interface(2 - index)
        np.testing.assert_allclose(down.torque, AXIAL * up.torque, rtol=0, atol=1e-11 * size_of(up))


@pytest.mark.parametrize("level", LEVELS)
def test_the_two_sources_add_up(level: Any) -> None:
    film = random_bilayer(1)
    rashba, hall, both = (
        solve_drift_diffusion(film, ferromagnet=level, source=source, mesh=MESH).at_interface(0)
        for source in ("rashba", "spin_hall", "all")
    )
    total = InterfaceResponse(
        rashba.current_minus + hall.current_minus,
        rashba.current_plus + hall.current_plus,
        rashba.torque + hall.torque,
        both.m,
        both.field_direction,
    )
    assert_same(both, total, 1e-12)


@pytest.mark.parametrize("keep_rashba", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_closed_faces_leave_no_charge_current(seed: int, keep_rashba: bool) -> None:
    solution = solve_drift_diffusion(
        random_stack(seed), ferromagnet="finite", keep_rashba=keep_rashba, mesh=MESH
    )
    for response in solution.interfaces:
        tolerance = 1e-12 * size_of(response)
        assert abs(response.charge_current_minus) < tolerance
        assert abs(response.charge_current_plus) < tolerance


@pytest.mark.parametrize("level", LEVELS)
def test_keeping_rashba_in_the_conductances_is_a_correction(level: Any) -> None:
    a, b = (
        solve_drift_diffusion(
            pt_co(0.05 * U0, magnetization=(0.3, 0.2, 1.0)),
            ferromagnet=level,
            keep_rashba=keep,
            mesh=MESH,
        ).torque_total
        for keep in (False, True)
    )
    change = np.abs(a - b).max() / np.abs(a).max()
    assert 1e-6 < change < 0.02
    none = [
        solve_drift_diffusion(
            pt_co(0.0), ferromagnet=level, keep_rashba=keep, mesh=SphericalMesh(64, 8)
        ).torque_total
        for keep in (False, True)
    ]
    np.testing.assert_allclose(none[0], none[1], rtol=0, atol=1e-12 * np.abs(none[0]).max())


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("angle", [0.059, -0.059])
def test_spin_hall_torque_of_platinum_is_damping_like(level: Any, angle: float) -> None:
    film = replace(pt_co(0.0), heavy_metal=replace(PT, spin_hall_angle=angle))
    solution = solve_drift_diffusion(film, ferromagnet=level, source="spin_hall", mesh=MESH)
    torque = solution.torque_total
    damping, fieldlike = solution.damping_like(torque), solution.field_like(torque)
    # theta_SH > 0: j_sH along -y_p, whose transverse part is along +d.
    assert damping * angle > 0.0
    assert abs(damping) > 5.0 * abs(fieldlike)
    g = mixing_conductance(film)
    assert g.real == pytest.approx(5.957e14, rel=1e-4)
    assert g.imag == pytest.approx(-0.8626e14, rel=1e-4)
    if level == "dephased":
        # In (f, d, m): j = (1 - g)(1 - sech x) i |j_sH|, so d/f is -Re/Im of 1 - g, which is
        # Re/Im G enlarged by the backflow into the heavy metal.
        x = PT.thickness / spin_diffusion_length(PT)
        sigma = PT.conductivity(16.0)
        scaled = 2.0 * spin_diffusion_length(PT) * METRE_PER_NM * g / sigma
        ratio = -g.real / g.imag * (1.0 + abs(scaled) ** 2 / (scaled.real * math.tanh(x)))
        assert damping / fieldlike == pytest.approx(ratio, rel=1e-9)


def test_interface_without_exchange_takes_m_from_its_ferromagnet() -> None:
    magnet = replace(CO, magnetization=(0.6, 0.0, 0.8))
    layers = (PT, magnet)
    solution = solve_drift_diffusion(Stack(layers, (RashbaInterface(0.4, 0.0, 0.1),)), mesh=MESH)
    named = Stack(layers, (RashbaInterface(0.4, 0.0, 0.1, magnetization=(0.6, 0.0, 0.8)),))
    assert_same(
        solve_drift_diffusion(named, mesh=MESH).at_interface(0), solution.at_interface(0), 1e-12
    )
    np.testing.assert_allclose(solution.torque_interface, 0.0)


# --- what is refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parameters": "guess"}, "parameters = 'guess': must be one of: particular"),
        ({"ferromagnet": "thick"}, "must be one of: dephased, finite"),
        ({"source": "sha"}, "must be one of: all, rashba, spin_hall"),
        ({"spin_diffusion_length": "long"}, "must be one of: exact, diffusive"),
    ],
)
def test_unknown_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        solve_drift_diffusion(pt_co(), mesh=MESH, **options)


def _two_metals() -> Stack:
    return Stack((PT, PT), (RashbaInterface(0.4, 0.0, 0.1),))


def _two_magnetizations() -> Stack:
    return replace(pt_co(), ferromagnet=replace(CO, magnetization=(1.0, 0.0, 0.0))).stack()


@pytest.mark.parametrize("film", [lambda: random_stack(0), _two_metals, _two_magnetizations])
def test_dephased_level_points_to_the_finite_one(film: Callable[[], Stack]) -> None:
    with pytest.raises(InputError, match='use ferromagnet="finite"'):
        solve_drift_diffusion(film(), mesh=MESH)
    solution = solve_drift_diffusion(film(), ferromagnet="finite", mesh=MESH)
    assert all(np.all(np.isfinite(r.current_minus)) for r in solution.interfaces)


def test_single_layer_is_refused() -> None:
    with pytest.raises(InputError, match="at least two layers"):
        solve_drift_diffusion(Stack((PT,), ()), mesh=MESH)


@pytest.mark.parametrize("level", LEVELS)
def test_no_diffusive_regime_is_an_error_of_the_model(level: Any) -> None:
    film = replace(pt_co(), heavy_metal=HeavyMetal(5.0, 2.0, 2.5))
    with pytest.raises(PhysicsError, match="no diffusive regime"):
        solve_drift_diffusion(film, ferromagnet=level, mesh=MESH)
