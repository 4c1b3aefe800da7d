"""The dense method: conservation laws, exact films and identities for random stacks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from draws import pt_co, random_bilayer, random_ferromagnet, random_heavy_metal, unit_vector
from torkivity_engine.dense import matching
from torkivity_engine.dense.bmatrix import ScatteringMatrix
from torkivity_engine.dense.matching import DenseStates, dense_certificates, solve_dense
from torkivity_engine.errors import CapacityError, InputError, PhysicsError
from torkivity_engine.film.boundaries import HalfSpace, Reservoir, Surface
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.interface import Scattering
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.kinetics.collision import harmonics
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh, mesh_from_arrays

INF = math.inf
MESH = SphericalMesh(4, 6)
PAULI = np.array(
    [[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]], dtype=complex
)
TRANSPARENT = RashbaInterface(0.0, 0.0, 0.0)


def reference_scattering(
    interface: RashbaInterface, m: tuple[float, ...], k: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """R and T straight from the 2x2 matrices t = (1 + iU/mu)^-1 and r = t - 1."""
    b = np.zeros((len(k), 4))
    b[:, :3] = interface.exchange * np.array(m)
    b[:, 0] += interface.rashba * k[:, 1]
    b[:, 1] -= interface.rashba * k[:, 0]
    b[:, 3] = interface.barrier
    u = np.einsum("na,aij->nij", b, PAULI)
    t = np.linalg.inv(np.eye(2) + 1j * u / np.abs(k[:, 2])[:, None, None])
    r = t - np.eye(2)
    tensors = [
        0.5 * np.einsum("nji,ajk,nkl,bli->nab", x.conj(), PAULI, x, PAULI).real for x in (r, t)
    ]
    return tensors[0], tensors[1]


def currents(states: DenseStates) -> tuple[np.ndarray, np.ndarray]:
    """Flow along z at 0- and 0+, (interface, field, spin-charge)."""
    flux = states.mesh.weights * states.mesh.velocities[:, 2]
    return (
        np.einsum("k,ifka->ifa", flux, states.minus),
        np.einsum("k,ifka->ifa", flux, states.plus),
    )


def random_stack(rng: np.random.Generator, n_layers: int, closed: float | None = None) -> Stack:
    layers = []
    for i in range(n_layers):
        draw = random_ferromagnet if i % 2 else random_heavy_metal
        layers.append(draw(rng))
    interfaces = [
        RashbaInterface(*(float(x) for x in rng.normal(size=3) * 0.5), unit_vector(rng))
        for _ in range(n_layers - 1)
    ]
    left, right = rng.uniform(size=2) if closed is None else (closed, closed)
    return Stack(tuple(layers), tuple(interfaces), Surface(float(left)), Surface(float(right)))


def charge_gauge(states: DenseStates, i: int) -> np.ndarray:
    mesh = states.mesh
    flux = (mesh.weights * np.abs(mesh.velocities[:, 2]))[mesh.upward]
    leaving = states.minus[i][:, mesh.downward, 3] + states.plus[i][:, mesh.upward, 3]
    return leaving @ flux


def assert_sound(states: DenseStates) -> None:
    assert states.certificates["residual"] < 1e-12
    assert states.certificates["gauge_slack"] < 1e-12


def largest_spin_current(states: DenseStates) -> float:
    return max(float(np.abs(j[..., :3]).max()) for j in currents(states))


@pytest.mark.parametrize("seed", range(8))
def test_no_charge_crosses_a_closed_bilayer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bilayer = random_bilayer(rng)
    faces = {"left": Surface(float(rng.uniform())), "right": Surface(float(rng.uniform()))}
    states = solve_dense(replace(bilayer, **faces) if seed % 2 else bilayer, MESH)
    assert_sound(states)
    for j in currents(states):
        assert np.abs(j[..., 3]).max() < 1e-10 * largest_spin_current(states)


@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_boundary_conditions(n_layers: int, seed: int) -> None:
    stack = random_stack(np.random.default_rng(seed), n_layers)
    states = solve_dense(stack, MESH)
    assert_sound(states)
    up, down = MESH.upward, MESH.downward
    flux = (MESH.weights * np.abs(MESH.velocities[:, 2]))[up]
    scale = max(np.abs(d).max() for d in states.distribution)
    for face, into, out, surface in (
        (states.distribution[0][0], up, down, stack.left),
        (states.distribution[-1][1], down, up, stack.right),
    ):
        p = surface.specularity
        diffuse = np.einsum("c,fca->fa", flux, face[:, out]) / flux.sum()
        expected = p * face[:, out] + (1.0 - p) * diffuse[:, None]
        assert np.abs(face[:, into] - expected).max() < 1e-12 * scale
    for i, interface in enumerate(stack.interfaces):
        minus, plus = states.minus[i], states.plus[i]
        r, t = reference_scattering(interface, stack.interface_magnetization(i), MESH.directions)

        def sent(a: np.ndarray, b: np.ndarray, r=r[up], t=t[up]) -> np.ndarray:
            return np.einsum("cab,fcb->fca", r, a) + np.einsum("cab,fcb->fca", t, b)

        assert np.abs(minus[:, down] - sent(minus[:, up], plus[:, down])).max() < 1e-12 * scale
        assert np.abs(plus[:, up] - sent(plus[:, down], minus[:, up])).max() < 1e-12 * scale
        assert np.array_equal(minus, states.distribution[i][1])
        assert np.array_equal(plus, states.distribution[i + 1][0])


@pytest.mark.parametrize("seed", range(6))
def test_what_a_layer_takes_up_is_what_it_scatters_away(seed: int) -> None:
    stack = random_stack(np.random.default_rng(seed), 1 + seed % 3)
    states = solve_dense(stack, MESH)
    flux = MESH.weights * MESH.velocities[:, 2]
    for i, layer in enumerate(stack.layers):
        terms = collision_terms(layer)
        faces = np.einsum("k,pfka->pfa", flux, states.distribution[i])
        integral = states.spin_integral(i)
        lost = 4.0 * math.pi * integral @ (terms.k_out - terms.k_in[0, 0]).T
        assert np.abs(faces[0] - faces[1] - lost).max() < 1e-10 * np.abs(faces).max() + 1e-13


def test_distribution_inside_a_layer() -> None:
    stack = random_stack(np.random.default_rng(5), 2)
    states = solve_dense(stack, MESH)
    x, w = np.polynomial.legendre.leggauss(200)
    for i, layer in enumerate(stack.layers):
        t = layer.thickness
        g = states.evaluate(i, [0.0, t])
        assert g == pytest.approx(states.distribution[i], rel=1e-12, abs=1e-13)
        # Integrate away from the faces, where the grazing directions vary fast.
        a, b = 0.4 * t, 0.6 * t
        terms = collision_terms(layer)
        inside = states.evaluate(i, 0.5 * (a + b) + 0.5 * (b - a) * x)
        total = np.einsum("z,zfka->fka", 0.5 * (b - a) * w, inside)
        y = harmonics(MESH.directions, len(terms.k_in))
        moments = np.einsum("bk,k,fka->bfa", y, MESH.weights / (4.0 * math.pi), total)
        gained = np.einsum("ak,abst,bft->fks", y, terms.k_in, moments)
        drive = np.zeros_like(total)
        drive[..., 3] = (b - a) * MESH.velocities[:, :2].T
        right = gained + drive - np.einsum("ab,fkb->fka", terms.k_out, total)
        ends = states.evaluate(i, [a, b])
        left = (ends[1] - ends[0]) * MESH.velocities[:, 2, None]
        assert np.abs(left - right).max() < 1e-11 * max(1.0, np.abs(right).max())
    with pytest.raises(InputError, match="z"):
        states.evaluate(0, -1.0)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("t", [0.05, 3.0, 400.0])
def test_current_profile_of_a_single_film(p: float, t: float) -> None:
    """Fuchs and Sondheimer: the exact distribution of a film with rough faces."""
    film = HeavyMetal(t, 4.0, 30.0)
    states = solve_dense(Stack((film,), (), Surface(p), Surface(p)), MESH)
    assert states.minus.shape == (0, 2, MESH.n_directions, 4)
    lam, v_z = film.total_mean_free_path, MESH.velocities[:, 2]
    z = np.array([0.0, 0.3 * t, t])
    depth = np.where(v_z > 0.0, z[:, None], t - z[:, None]) / (lam * np.abs(v_z))
    missing = (1.0 - p) * np.exp(-depth) / (1.0 - p * np.exp(-t / (lam * np.abs(v_z))))
    expected = np.zeros((3, 2, MESH.n_directions, 4))
    expected[..., 3] = lam * MESH.velocities[:, :2].T * (1.0 - missing)[:, None]
    assert states.evaluate(0, z) == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("seed", range(3))
def test_a_transparent_interface_is_not_there(seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = random_stack(rng, 2)
    share = float(rng.uniform(0.1, 0.9))
    halves = []
    for layer in whole.layers:
        t = layer.thickness
        halves += [replace(layer, thickness=share * t), replace(layer, thickness=(1 - share) * t)]
    cut = Stack(
        tuple(halves),
        (TRANSPARENT, whole.interfaces[0], TRANSPARENT),
        whole.left,
        whole.right,
    )
    one, many = solve_dense(whole, MESH), solve_dense(cut, MESH)
    assert many.minus[1] == pytest.approx(one.minus[0], abs=1e-10)
    assert many.plus[1] == pytest.approx(one.plus[0], abs=1e-10)
    assert many.plus[0] == pytest.approx(many.minus[0], abs=1e-12)
    inside = one.evaluate(0, share * whole.layers[0].thickness)
    assert many.minus[0] == pytest.approx(inside, abs=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_a_stack_turned_over_gives_the_mirrored_answer(seed: int) -> None:
    """Spin is an axial vector: z -> -z turns its in-plane part, and u_R, around."""
    stack = random_stack(np.random.default_rng(seed), 3)
    axial = np.array([-1.0, -1.0, 1.0])

    def turned(m: tuple[float, ...] | None) -> tuple[float, float, float]:
        x, y, z = axial * np.array(m)
        return float(x), float(y), float(z)

    layers = tuple(
        replace(x, magnetization=turned(x.magnetization)) if isinstance(x, Ferromagnet) else x
        for x in reversed(stack.layers)
    )
    interfaces = tuple(
        replace(x, rashba=-x.rashba, magnetization=turned(x.magnetization))
        for x in reversed(stack.interfaces)
    )
    one = solve_dense(stack, MESH)
    other = solve_dense(Stack(layers, interfaces, stack.right, stack.left), MESH)
    spin = np.array([*axial, 1.0])
    shift = charge_gauge(one, 1)  # the reference interface of `other`, seen in `one`
    flux = (MESH.weights * np.abs(MESH.velocities[:, 2]))[MESH.upward].sum()
    expected = one.minus[0].copy()
    expected[..., 3] -= (shift / (2.0 * flux))[:, None]
    assert other.plus[1][:, MESH.mirror] * spin == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("seed", range(6))
def test_lost_spin_current_is_the_torque_without_rashba(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bilayer = random_bilayer(rng)
    bilayer = replace(bilayer, interface=replace(bilayer.interface, rashba=0.0))
    # Something has to drive spins: tilt interface and layer against each other.
    bilayer = replace(
        bilayer,
        interface=replace(bilayer.interface, magnetization=unit_vector(rng)),
        left=Surface(0.2),
        right=Surface(0.5),
    )
    stack = bilayer.stack()
    states = solve_dense(stack, MESH)
    minus, plus = (j[0, :, :3] for j in currents(states))
    up, down = MESH.upward, MESH.downward
    m = stack.interface_magnetization(0)
    _, t = reference_scattering(stack.interfaces[0], m, MESH.directions[up])
    incoming = states.minus[0][:, up] + states.plus[0][:, down]
    s = np.einsum("c,cab,fcb->fa", MESH.weights[up], t, incoming)[:, :3]
    torque = 2.0 * stack.interfaces[0].exchange * np.cross(s, m)
    assert np.abs(minus - plus - torque).max() < 1e-12 * np.abs(states.minus).max()


def test_the_far_face_of_a_thick_layer_does_not_matter() -> None:
    bilayer = pt_co(0.3, magnetization=(0.3, 0.2, 1.0))
    thin, thick = (
        solve_dense(
            replace(bilayer, heavy_metal=replace(bilayer.heavy_metal, thickness=n * 2.57)), MESH
        )
        for n in (20.0, 200.0)
    )
    for one, other in ((thin.minus, thick.minus), (thin.plus, thick.plus)):
        assert np.abs(one - other).max() < 1e-9 * np.abs(one).max()


@pytest.mark.parametrize("ratio", [1e-3, 1e-1, 10.0, 1e4])
@pytest.mark.parametrize("flip", [30.0, 1e6, INF])
@pytest.mark.parametrize("which", ["heavy_metal", "ferromagnet"])
def test_any_thickness_and_flip_length(ratio: float, flip: float, which: str) -> None:
    bilayer = Bilayer(
        HeavyMetal(6.0, 3.0, 30.0),
        RashbaInterface(0.4, 0.2, 0.3),
        Ferromagnet(5.0, 8.0, 3.0, 100.0, 1.5),
        magnetization=(0.3, 0.2, 1.0),
        left=Surface(0.4),
    )
    layer = replace(getattr(bilayer, which), thickness=3.0 * ratio, spin_flip_length=flip)
    states = solve_dense(replace(bilayer, **{which: layer}), MESH)
    assert_sound(states)
    assert np.all(np.isfinite(states.minus))
    for j in currents(states):
        assert np.abs(j[..., 3]).max() < 1e-10 * largest_spin_current(states)
    if which == "heavy_metal" and flip == INF:  # a spin current would have nowhere to go
        assert np.abs(currents(states)[0]).max() < 1e-12 * np.abs(states.minus).max()


def test_a_flip_length_going_to_infinity_is_continuous() -> None:
    def at(flip: float) -> np.ndarray:
        bilayer = pt_co()
        metal = HeavyMetal(10.0, 3.0, flip)
        return solve_dense(replace(bilayer, heavy_metal=metal), MESH).plus

    limit = at(INF)
    for flip in (1e8, 1e10, 1e12, 1e14):
        assert np.abs(at(flip) - limit).max() < (100.0 / flip + 1e-11) * np.abs(limit).max()


@pytest.mark.parametrize("seed", range(3))
def test_gauge_refers_to_the_first_magnetic_interface(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stack = random_stack(rng, 4)
    first = replace(stack.interfaces[0], exchange=0.0)
    later = replace(stack, interfaces=(first, *stack.interfaces[1:]))
    none = replace(stack, interfaces=tuple(replace(i, exchange=0.0) for i in stack.interfaces))
    for film, reference in ((stack, 0), (later, 1), (none, 0)):
        states = solve_dense(film, MESH)
        scale = 4.0 * math.pi * np.abs(states.minus).max()
        assert np.abs(charge_gauge(states, reference)).max() < 1e-13 * scale


def test_gauge_of_a_single_film() -> None:
    film = random_ferromagnet(np.random.default_rng(0))
    states = solve_dense(Stack((film,), (), Surface(0.3), Surface(0.8)), MESH)
    charge = np.einsum("k,pfk->f", MESH.weights, states.distribution[0][..., 3])
    assert np.abs(charge).max() < 1e-12


def shuffled(mesh: FermiSurfaceMesh, seed: int) -> FermiSurfaceMesh:
    order = np.random.default_rng(seed).permutation(mesh.n_directions)
    return mesh_from_arrays(mesh.directions[order], mesh.weights[order])


def test_a_mesh_without_rings_gives_the_same_currents() -> None:
    bilayer = pt_co(0.3, magnetization=(0.3, 0.2, 1.0))
    one, other = solve_dense(bilayer, MESH), solve_dense(bilayer, shuffled(MESH, 0))
    for a, b in zip(currents(one), currents(other), strict=True):
        assert np.abs(a - b).max() < 1e-12 * largest_spin_current(one)


@pytest.mark.parametrize("polar_rule", ["gauss", "graded"])
def test_grazing_directions_do_no_harm(polar_rule: str) -> None:
    mesh = SphericalMesh(16, 4, polar_rule)
    states = solve_dense(pt_co(0.3, magnetization=(0.3, 0.2, 1.0)), mesh)
    assert_sound(states)
    for j in currents(states):
        assert np.abs(j[..., 3]).max() < 1e-10 * largest_spin_current(states)


def test_rotation_about_z() -> None:
    """A mesh of six azimuths is its own image after 60 degrees."""
    angle = math.radians(60.0)
    c, s = math.cos(angle), math.sin(angle)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    m = np.array([0.3, 0.2, 0.8])
    x, y, z = turn @ m
    one = solve_dense(pt_co(0.3, magnetization=tuple(m)), MESH)
    other = solve_dense(pt_co(0.3, magnetization=(x, y, z)), MESH)
    for a, b in zip(currents(one), currents(other), strict=True):
        rotated = turn[:2, :2] @ a[0, :, :3] @ turn.T
        assert np.abs(b[0, :, :3] - rotated).max() < 1e-12 * np.abs(rotated).max()


def test_scattering_given_point_by_point() -> None:
    mesh = shuffled(SphericalMesh(3, 4), 1)
    stack = random_stack(np.random.default_rng(2), 2)
    matrices = []
    for layer in stack.layers:
        terms = collision_terms(layer)
        y = harmonics(mesh.directions, len(terms.k_in))
        p_in = np.einsum("ai,abst,bj->ijst", y, terms.k_in, y) / (4.0 * math.pi)
        matrices.append(ScatteringMatrix(terms.k_out, p_in))
    expected = solve_dense(stack, mesh)
    for given in (matrices, [None, matrices[1]]):
        states = solve_dense(stack, mesh, scattering=given)
        assert states.minus == pytest.approx(expected.minus, abs=1e-10)
        assert states.plus == pytest.approx(expected.plus, abs=1e-10)
    with pytest.raises(InputError, match="scattering"):
        solve_dense(stack, mesh, scattering=matrices[:1])


@pytest.mark.parametrize("n_layers", [1, 3])
def test_equal_reservoirs_are_in_equilibrium(n_layers: int) -> None:
    stack = random_stack(np.random.default_rng(4), n_layers)
    states = solve_dense(replace(stack, left=Reservoir(1.5), right=Reservoir(1.5)), MESH)
    expected = np.zeros((2, MESH.n_directions, 4))
    expected[..., 3] = 1.5
    for faces in states.distribution:
        assert faces.shape == (2, 3, MESH.n_directions, 4)
        assert faces[:, 2] == pytest.approx(expected, abs=1e-12)
    assert states.distribution[0][0][:2, MESH.upward] == pytest.approx(0.0, abs=1e-12)


def test_current_between_reservoirs() -> None:
    """Ballistic when thin, diffusive when thick: j = pi g_0 and (4 pi / 3) lambda g_0 / t."""
    mesh = SphericalMesh(8, 4)

    def conductance(layer: HeavyMetal) -> float:
        stack = Stack((layer,), (), Reservoir(1.0, (0.0, 0.0, 0.5)), Reservoir())
        g = solve_dense(stack, mesh).distribution[0][:, 2]
        j = np.einsum("k,fka->fa", mesh.weights * mesh.velocities[:, 2], g)
        assert j[0, 3] == pytest.approx(j[1, 3], rel=1e-11)
        assert j[1, 2] < 0.5 * j[1, 3]
        return float(j[0, 3])

    assert conductance(HeavyMetal(1e-6, 3.0, 9.0)) == pytest.approx(math.pi, rel=1e-5)
    metal = HeavyMetal(3e4, 3.0, 9.0)
    lam = metal.total_mean_free_path
    # 0.7104 is the extrapolation length of the Milne problem.
    length = metal.thickness + 2.0 * 0.7104460896 * lam
    assert conductance(metal) == pytest.approx(4.0 * math.pi / 3.0 * lam / length, rel=1e-8)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_half_space_is_a_very_thick_layer(side: str) -> None:
    stack = random_stack(np.random.default_rng(0), 2)
    end = 0 if side == "left" else -1
    layers = list(stack.layers)
    layers[end] = replace(layers[end], thickness=1e4)
    thick = solve_dense(replace(stack, layers=tuple(layers)), MESH)
    endless = solve_dense(replace(stack, **{side: HalfSpace()}), MESH)
    scale = np.abs(thick.minus).max()
    np.testing.assert_allclose(endless.minus, thick.minus, atol=1e-11 * scale)
    np.testing.assert_allclose(endless.plus, thick.plus, atol=1e-11 * scale)
    # Depths count from the layer's own left face.
    faces = endless.evaluate(0, [stack.layers[0].thickness])[0]
    np.testing.assert_allclose(faces, endless.minus[0], atol=1e-11 * scale)


def test_a_wall_that_keeps_charge_shows_in_the_gauge_slack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Closed equations have a solution only if no charge is lost; what is missing is added."""
    reflect = matching._Wall.reflect
    film, mesh = pt_co(0.3, magnetization=(0.3, 0.2, 1.0)), SphericalMesh(3, 4)
    change = 0.0

    def keeping(wall: matching._Wall, leaving: np.ndarray) -> np.ndarray:
        back = reflect(wall, leaving).copy()
        back[:, 3] *= 1.0 - change
        return back

    def slack() -> float:
        return solve_dense(film, mesh).certificates["gauge_slack"]

    monkeypatch.setattr(matching._Wall, "reflect", keeping)
    assert 0.0 <= slack() < 1e-13
    change = 1e-6
    small = slack()
    change = 1e-5
    assert slack() == pytest.approx(10.0 * small, rel=0.1)
    assert small > 1e-12
    # An open end takes up whatever comes: nothing needs to be added.
    film = replace(film, left=Reservoir())
    assert slack() == 0.0


@pytest.mark.parametrize(
    "fault", ["reflection_below", "transmission_up", "reflection_above", "transmission_down"]
)
@pytest.mark.parametrize("which", [0, 1])
def test_an_interface_that_gains_electrons_shows_in_the_unitarity(
    monkeypatch: pytest.MonkeyPatch, fault: str, which: int
) -> None:
    film = random_stack(np.random.default_rng(0), 3)
    states = solve_dense(film, MESH)
    certificates = dense_certificates(film, MESH, states)
    assert certificates["unitarity_defect"] < 1e-14
    assert certificates["spin_balance"] < 1e-12
    exact = matching._scattering
    change = 1e-6

    def gaining(stack: Stack, mesh: FermiSurfaceMesh) -> list[Scattering]:
        found = exact(stack, mesh)
        part = getattr(found[which], fault).copy()
        part[0, 3, 3] += change
        found[which] = found[which]._replace(**{fault: part})
        return found

    monkeypatch.setattr(matching, "_scattering", gaining)
    found = dense_certificates(film, MESH, states)["unitarity_defect"]
    assert found == pytest.approx(change, rel=1e-6)


def test_a_wrong_distribution_shows_in_the_spin_balance() -> None:
    film = random_stack(np.random.default_rng(0), 3)
    states = solve_dense(film, MESH)
    for layer in range(3):
        amplitudes = states.layers[layer].amplitudes.copy()
        states.layers[layer].amplitudes[:] *= 1.0 + 1e-6
        assert dense_certificates(film, MESH, states)["spin_balance"] > 1e-9
        states.layers[layer].amplitudes[:] = amplitudes


def test_condition_and_residual_by_other_means(monkeypatch: pytest.MonkeyPatch) -> None:
    film, mesh = pt_co(0.3, magnetization=(0.3, 0.2, 1.0)), SphericalMesh(3, 4)
    matrices: list[np.ndarray] = []
    build = matching._Matching._matrix

    def kept(matching_: matching._Matching) -> np.ndarray:
        matrices.append(build(matching_).copy(order="F"))
        return matrices[-1].copy(order="F")

    monkeypatch.setattr(matching._Matching, "_matrix", kept)
    certificates = solve_dense(film, mesh).certificates
    exact = np.linalg.cond(matrices[0], 1)
    # LAPACK's estimate never exceeds the true number.
    assert 0.3 * exact < certificates["condition"] < 1.01 * exact
    assert certificates["residual"] < 1e-13

    def damaged(matching_: matching._Matching) -> np.ndarray:
        matrix = build(matching_)
        matrix[3, :20] += 0.2
        return matrix

    monkeypatch.setattr(matching._Matching, "_matrix", damaged)
    assert solve_dense(film, mesh).certificates["residual"] > 1e-11


def test_an_undetermined_spin_accumulation_is_named() -> None:
    bilayer = pt_co(0.0)
    bilayer = replace(
        bilayer,
        heavy_metal=HeavyMetal(10.0, 3.0, INF),
        ferromagnet=replace(bilayer.ferromagnet, spin_flip_length=INF),
    )
    with pytest.raises(PhysicsError, match="spin_flip_length"):
        solve_dense(bilayer, MESH)
    # Spin-orbit scattering at the interface is enough to settle it.
    interface = replace(bilayer.interface, rashba=0.1)
    assert_sound(solve_dense(replace(bilayer, interface=interface), MESH))


def test_too_large_a_problem_is_refused_beforehand() -> None:
    mesh = SphericalMesh(64, 128)
    with pytest.raises(CapacityError, match=r"needs .* of memory, 1 GiB are allowed"):
        solve_dense(pt_co(), mesh, memory_limit=2**30)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_large_mesh_conserves_charge(seed: int) -> None:
    states = solve_dense(random_bilayer(np.random.default_rng(seed)), SphericalMesh(12, 16))
    assert_sound(states)
    for j in currents(states):
        assert np.abs(j[..., 3]).max() < 1e-10 * largest_spin_current(states)
