"""The free-electron model written as a table gives what its closed form gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from draws import CO, PT, U0, U_EX
from torkivity_engine.dense.bmatrix import ScatteringMatrix
from torkivity_engine.dense.tables import solve_tables
from torkivity_engine.diffusion.boundary_layer import boundary_layer_parameters
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import (
    circuit_conductances,
    interface_conductivity,
    interface_tensors,
    mixing_conductance,
    transmitted_mixing_conductance,
)
from torkivity_engine.errors import CapacityError, InputError, PhysicsError
from torkivity_engine.film.boundaries import HalfSpace, Reservoir, Surface
from torkivity_engine.film.free_electron_table import free_electron_table
from torkivity_engine.film.interfaces import RashbaInterface, SpinOrbitInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Stack, mirrored
from torkivity_engine.film.table_film import table_film
from torkivity_engine.film.tabulated_interface import TabulatedInterface
from torkivity_engine.kinetics.amplitudes import (
    AmplitudeTable,
    Modes,
    TableSide,
    check_time_reversal,
)
from torkivity_engine.reduced.sensitivity import sensitivities
from torkivity_engine.solution import BoltzmannSolution
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

M = (0.48, 0.6, 0.64)
MESH = SphericalMesh(3, 4)
METAL = HeavyMetal(5.0, 2.2, 30.0, fermi_wavevector=13.0, effective_mass=1.3)
SPLIT = SplitFerromagnet(3.0, 15.0, 9.0, 6.0, 2.0, 80.0, 1.1, 0.8, magnetization=M)
HALF_METAL = SplitFerromagnet(3.0, 15.0, None, 6.0, None, magnetization=M, decay_minority=4.0)
INSULATOR = MagneticInsulator(5.0, 7.0, magnetization=M)
PLAIN_PT = replace(PT, spin_hall_angle=0.0)
SPIN_ORBIT = SpinOrbitInterface(U0, U_EX, ((0.1, 0.3), (-0.2, 0.05), (0.0, 0.15)), M)
BARRIER = RashbaInterface(0.3, 0.0, -0.4)

FILMS = {
    "equal": Stack((PLAIN_PT, replace(CO, magnetization=M)), (SPIN_ORBIT,)),
    "split": Stack((METAL, SPLIT), (SPIN_ORBIT,)),
    "half_metal": Stack((METAL, HALF_METAL), (SPIN_ORBIT,)),
    "insulator": Stack((METAL, INSULATOR), (SPIN_ORBIT,)),
    "below": Stack((SPLIT, METAL), (SPIN_ORBIT,)),
}


def tabulated(stack: Stack, mesh: SphericalMesh = MESH) -> Stack:
    assert mesh.rings is not None
    tables = [free_electron_table(stack, i, mesh.rings) for i in range(len(stack.interfaces))]
    return replace(stack, interfaces=tuple(TabulatedInterface.of(table) for table in tables))


def shuffled(interface: TabulatedInterface, seed: int) -> TabulatedInterface:
    """The same table with its points and its lanes in another order."""
    rng = np.random.default_rng(seed)
    table = interface.table()
    table = table.at(rng.permutation(table.n_points))
    sides, orders = [], {"incoming": [], "outgoing": []}
    for side in table.sides:
        made, offset = {}, 0
        for which, order in orders.items():
            modes = getattr(side, which)
            lanes = rng.permutation(modes.spin.shape[1])
            made[which] = Modes(modes.velocity[:, lanes], modes.spin[:, lanes])
            offset = sum(len(part) for part in order)
            inner = (side.per_lane * lanes[:, None] + np.arange(side.per_lane)).ravel()
            order.append(offset + inner)
        sides.append(TableSide(side.magnetic, **made))
    rows, columns = (np.concatenate(orders[which]) for which in ("outgoing", "incoming"))

    def turned(matrix: np.ndarray | None) -> np.ndarray | None:
        return None if matrix is None else matrix[..., columns, :][..., columns]

    return TabulatedInterface(
        table.k_parallel,
        table.weights,
        *sides,
        table.amplitudes[:, rows][:, :, columns],
        table.magnetization,
        *(turned(m) for m in (table.torque_matrices, table.current_below, table.current_above)),
    )


def assert_same(a: BoltzmannSolution, b: BoltzmannSolution, tolerance: float) -> None:
    for i, exact in enumerate(a.interfaces):
        scale = np.abs(exact.current_minus).max() + np.abs(exact.torque).max()
        assert scale > 0.0
        for name in ("current_minus", "current_plus", "torque", "torque_total"):
            np.testing.assert_allclose(
                getattr(b.at_interface(i), name), getattr(exact, name), atol=tolerance * scale
            )


@pytest.mark.parametrize("name", FILMS)
def test_tensors_are_those_of_the_closed_form(name: str) -> None:
    film = FILMS[name]
    table = tabulated(film)
    flips = replace(SPLIT, spin_flip_length=np.inf)
    if name in ("split", "below"):  # detailed balance is that of the spheres or of the points
        film, table = (
            replace(f, layers=tuple(flips if x is SPLIT else x for x in f.layers))
            for f in (film, table)
        )
    exact, found = interface_tensors(film, MESH), interface_tensors(table)
    scale = np.abs(exact.conductivity).max() + np.abs(exact.torkivity_interface).max()
    for part in ("conductivity", "torkivity_ferromagnet", "torkivity_interface"):
        np.testing.assert_allclose(getattr(found, part), getattr(exact, part), atol=1e-12 * scale)
    np.testing.assert_allclose(interface_conductivity(table), found.conductivity)
    a, b = circuit_conductances(film, keep_rashba=True, mesh=MESH), circuit_conductances(table)
    size = np.abs(a.reflection).max() + np.abs(a.reflection_above).max()
    for part in ("reflection", "transmission", "reflection_above", "transmission_down"):
        np.testing.assert_allclose(getattr(b, part), getattr(a, part), atol=1e-12 * size)


def test_mixing_conductance_without_spin_orbit_coupling() -> None:
    film = replace(FILMS["split"], interfaces=(RashbaInterface(U0, U_EX, 0.0, M),))
    mesh = SphericalMesh(48, 48)
    table = tabulated(film, mesh)
    assert mixing_conductance(table) == pytest.approx(mixing_conductance(film), rel=1e-12)
    expected = transmitted_mixing_conductance(film)
    assert transmitted_mixing_conductance(table) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("level", ["dephased", "finite"])
def test_drift_diffusion(level: str) -> None:
    for name in ("equal", "half_metal"):
        film = FILMS[name]
        exact = solve_drift_diffusion(film, ferromagnet=level, keep_rashba=True, mesh=MESH)
        found = solve_drift_diffusion(tabulated(film), ferromagnet=level)
        scale = np.abs(exact.torque_total).max()
        np.testing.assert_allclose(found.torque_total, exact.torque_total, atol=1e-12 * scale)
        np.testing.assert_allclose(
            found.spin_current_minus, exact.spin_current_minus, atol=1e-12 * scale
        )


@pytest.mark.parametrize("name", FILMS)
def test_boltzmann_on_the_same_points(name: str) -> None:
    film = FILMS[name]
    if name in ("split", "below"):
        # Spin flips by detailed balance of the points; of equal density there is no difference.
        flips = replace(SPLIT, spin_flip_length=np.inf)
        film = replace(film, layers=tuple(flips if x is SPLIT else x for x in film.layers))
    for left, right in (
        (Surface(1.0), Surface(1.0)),
        (Surface(0.3), Surface(0.0)),
        (HalfSpace(), Surface(0.5)),
        (Reservoir(charge=0.7, spin=(0.2, -0.5, 0.1)), Surface(0.8)),
    ):
        if name == "below":
            left, right = right, left
        ends = replace(film, left=left, right=right)
        exact = solve_boltzmann(ends, MESH, method="dense")
        found = solve_boltzmann(tabulated(ends), method="dense")
        assert_same(exact, found, 1e-10)
        assert found.certificates["charge_defect"] < 1e-10
        assert found.certificates["spin_balance"] < 1e-10
        assert found.certificates["unitarity_defect"] < 1e-12
        if isinstance(left, Reservoir):
            exact = solve_boltzmann(ends, MESH, method="dense", source="reservoirs")
            found = solve_boltzmann(tabulated(ends), method="dense", source="reservoirs")
            assert_same(exact, found, 1e-10)


def test_spin_flips_of_a_split_ferromagnet() -> None:
    """Detailed balance by the densities of states of the points: many points, the spheres'."""
    errors = []
    for n in (2, 6):
        mesh = SphericalMesh(n, 4)
        exact = interface_tensors(FILMS["split"], mesh).torkivity_ferromagnet
        found = interface_tensors(tabulated(FILMS["split"], mesh)).torkivity_ferromagnet
        errors.append(np.abs(found - exact).max() / np.abs(exact).max())
    assert errors[1] < 1e-3 * errors[0]
    found = solve_boltzmann(tabulated(FILMS["split"]), method="dense")
    assert found.certificates["spin_balance"] < 1e-10
    assert found.certificates["charge_defect"] < 1e-10


def _three() -> Stack:
    other = HeavyMetal(3.0, 5.0, 50.0)
    return Stack(
        (PLAIN_PT, replace(CO, magnetization=M), other), (SPIN_ORBIT, BARRIER), Surface(0.6)
    )


def test_stacks_of_tables_and_profiles() -> None:
    film = _three()
    exact = solve_boltzmann(film, MESH, method="dense")
    found = solve_boltzmann(tabulated(film), method="dense")
    assert_same(exact, found, 1e-10)
    for layer in range(3):
        a, b = exact.profile(layer), found.profile(layer)
        for name in ("spin_current", "spin_density", "in_plane_current"):
            if hasattr(a, name):
                value = getattr(a, name)
                scale = np.abs(exact.at_interface(0).current_minus).max() + np.abs(value).max()
                np.testing.assert_allclose(getattr(b, name), value, atol=1e-10 * scale)


def test_order_of_points_and_modes_does_not_matter() -> None:
    film = tabulated(_three())
    mixed = replace(
        film, interfaces=tuple(shuffled(t, seed) for seed, t in enumerate(film.interfaces))
    )
    assert mixed.interfaces[0] != film.interfaces[0]
    assert_same(
        solve_boltzmann(film, method="dense"), solve_boltzmann(mixed, method="dense"), 1e-11
    )
    film = tabulated(FILMS["split"])
    mixed = replace(film, interfaces=(shuffled(film.interfaces[0], 5),))
    assert_same(
        solve_boltzmann(film, method="dense"), solve_boltzmann(mixed, method="dense"), 1e-11
    )
    a, b = interface_tensors(film), interface_tensors(mixed)
    scale = np.abs(a.conductivity).max()
    np.testing.assert_allclose(b.conductivity, a.conductivity, atol=1e-13 * scale)
    np.testing.assert_allclose(b.torkivity_interface, a.torkivity_interface, atol=1e-13 * scale)


@pytest.mark.parametrize("name", ["equal", "split", "insulator"])
def test_upside_down(name: str) -> None:
    film = tabulated(FILMS[name])
    here = solve_boltzmann(film, method="dense").at_interface(0)
    there = solve_boltzmann(mirrored(film), method="dense").at_interface(0).mirrored()
    scale = np.abs(here.current_minus).max() + np.abs(here.torque).max()
    for part in ("current_minus", "current_plus", "torque", "torque_total"):
        np.testing.assert_allclose(getattr(there, part), getattr(here, part), atol=1e-11 * scale)
    assert film.interfaces[0].mirrored().mirrored() == film.interfaces[0]


def test_half_spaces() -> None:
    film = FILMS["equal"]
    exact = interface_tensors(film, MESH, "half_space")
    found = interface_tensors(tabulated(film), parameters="half_space")
    scale = np.abs(exact.conductivity).max()
    np.testing.assert_allclose(found.conductivity, exact.conductivity, atol=1e-10 * scale)


def test_time_reversal() -> None:
    film = FILMS["split"]
    back = tuple(-x for x in M)
    turned = replace(
        film,
        layers=(METAL, replace(SPLIT, magnetization=back)),
        interfaces=(replace(SPIN_ORBIT, magnetization=back),),
    )
    a, b = (tabulated(f).interfaces[0].table() for f in (film, turned))
    assert check_time_reversal(a, b) < 1e-12
    with pytest.raises(InputError, match="must be opposite"):
        check_time_reversal(a, a)
    wrong = replace(turned, interfaces=(replace(SPIN_ORBIT, exchange=0.5, magnetization=back),))
    with pytest.raises(InputError, match="must obey time reversal"):
        check_time_reversal(a, tabulated(wrong).interfaces[0].table())
    half = AmplitudeTable(**{**vars(b), **vars(b.at(np.arange(b.n_points // 2)))})
    with pytest.raises(InputError, match="must hold -k"):
        check_time_reversal(a, half)


def test_missing_matrices_are_named() -> None:
    film = tabulated(FILMS["split"])
    table = film.interfaces[0].table()
    bare = replace(table, torque_matrices=None, current_above=None)
    alone = replace(film, interfaces=(TabulatedInterface.of(bare),))
    np.testing.assert_allclose(
        interface_conductivity(alone), interface_tensors(film).conductivity, rtol=1e-12
    )
    assert mixing_conductance(alone) == pytest.approx(mixing_conductance(film), rel=1e-14)
    for refused in (
        interface_tensors,
        solve_drift_diffusion,
        lambda f: solve_boltzmann(f, method="dense"),
    ):
        with pytest.raises(InputError, match="without current_above and torque_matrices"):
            refused(alone)


def test_what_does_not_go_together() -> None:
    film, three = tabulated(FILMS["split"]), tabulated(_three())
    with pytest.raises(InputError, match='must be "dense"'):
        solve_boltzmann(film)
    with pytest.raises(InputError, match="known at its own k_parallel alone"):
        sensitivities(tabulated(FILMS["equal"]), MESH)
    with pytest.raises(InputError, match="bring points of their own"):
        solve_boltzmann(film, rtol=1e-3, method="dense")
    with pytest.raises(CapacityError, match="unknowns each"):
        solve_boltzmann(film, method="dense", memory_limit=10**6)
    with pytest.raises(InputError, match="cannot switch off"):
        solve_boltzmann(film, method="dense", source="spin_hall")
    second = three.interfaces[1].table()
    ways = (second.below.incoming, second.below.outgoing)
    faster = TableSide(False, *(way._replace(velocity=1.1 * way.velocity) for way in ways))
    other = tabulated(_three(), SphericalMesh(4, 4)).interfaces[1]
    changed = TabulatedInterface.of(replace(second, below=faster))
    for refused, message in (
        (replace(film, layers=(replace(METAL, spin_hall_angle=0.1), SPLIT)), "must be 0 beside"),
        (replace(film, layers=(METAL, replace(SPLIT, magnetization=(0, 0, 1)))), "as in the table"),
        (replace(film, layers=(METAL, replace(CO, magnetization=M))), "has single modes"),
        (replace(film, layers=(METAL, HALF_METAL)), "has no minority"),
        (replace(three, interfaces=(three.interfaces[0], BARRIER)), "is not a table"),
        (replace(three, interfaces=(three.interfaces[0], other)), "must share one set"),
        (replace(three, interfaces=(three.interfaces[0], changed)), "has other modes in FM"),
    ):
        with pytest.raises(InputError, match=message):
            solve_boltzmann(refused, method="dense")


def test_specular_faces_need_partners() -> None:
    film = tabulated(FILMS["equal"])
    table = film.interfaces[0].table()
    skewed = table.below.incoming.velocity * np.array([1.0, 1.0, 1.2])
    side = table.below._replace(incoming=table.below.incoming._replace(velocity=skewed))
    odd = replace(film, interfaces=(TabulatedInterface.of(replace(table, below=side)),))
    with pytest.raises(InputError, match="without a mirror partner"):
        solve_boltzmann(odd, method="dense")
    odd = replace(odd, left=Surface(0.0))
    with pytest.raises(PhysicsError, match="not symmetric"):
        boundary_layer_parameters(odd)
    found = solve_boltzmann(odd, method="dense")
    assert found.certificates["charge_defect"] < 1e-10
    assert found.certificates["spin_balance"] < 1e-10


def test_half_of_the_points_is_refused() -> None:
    film = tabulated(FILMS["equal"])
    table = film.interfaces[0].table()
    half = table.at(np.flatnonzero(table.k_parallel[:, 0] > 0.0))
    with pytest.raises(InputError, match="whole Fermi surface"):
        solve_boltzmann(replace(film, interfaces=(TabulatedInterface.of(half),)), method="dense")


def test_undetermined_spin() -> None:
    metal = replace(PLAIN_PT, spin_flip_length=np.inf)
    film = Stack((metal, metal), (RashbaInterface(0.3, 0.0, 0.0),))
    with pytest.raises(PhysicsError, match="conserves spin"):
        boundary_layer_parameters(tabulated(film))
    with pytest.raises(PhysicsError, match="undetermined"):
        solve_boltzmann(tabulated(film), method="dense")


def test_scattering_given_point_by_point() -> None:
    film = tabulated(FILMS["equal"])
    on_points = table_film(film)
    n = len(on_points.layers[0].lanes[0].point) * 2
    rate, spin = 1.0 / PT.total_mean_free_path, 1.0 / PT.mean_free_path - 1.0 / PT.spin_flip_length
    isotropic = np.diag([spin, spin, spin, rate]) / (4.0 * np.pi)
    own = ScatteringMatrix(rate * np.eye(4), np.broadcast_to(isotropic, (n, n, 4, 4)))
    found, exact = solve_tables(on_points, scattering=[own, None]), solve_tables(on_points)
    scale = np.abs(exact.minus).max()
    np.testing.assert_allclose(found.minus, exact.minus, atol=1e-9 * scale)
    np.testing.assert_allclose(found.density, exact.density, atol=1e-9 * scale)
    # Forward scattering on top, mode by mode, is no scattering at all.
    extra = np.zeros((n, n, 4, 4))
    weight = np.concatenate(
        [on_points.layers[0].weights[w.point] / np.abs(w.velocity[:, 2])
         for w in on_points.layers[0].lanes]
    )  # fmt: skip
    weight *= 4.0 * np.pi / weight.sum()
    extra[np.arange(n), np.arange(n)] = 0.3 * np.eye(4) / weight[:, None, None]
    more = ScatteringMatrix(own.k_out + 0.3 * np.eye(4), own.p_in + extra)
    again = solve_tables(on_points, scattering=[more, None])
    np.testing.assert_allclose(again.minus, exact.minus, atol=1e-9 * scale)
    with pytest.raises(InputError, match="entries, as layers"):
        solve_tables(on_points, scattering=[own])
    split = table_film(tabulated(FILMS["split"]))
    with pytest.raises(InputError, match="must be None beside"):
        solve_tables(split, scattering=[None, own])


@pytest.mark.parametrize("specularity", [1.0, 0.4])
def test_thickness_formula(specularity: float) -> None:
    film = replace(FILMS["equal"], left=Surface(specularity), right=Surface(0.7))
    exact, found = (
        boundary_layer_parameters(film, MESH),
        boundary_layer_parameters(tabulated(film)),
    )
    np.testing.assert_allclose(found.kappa, exact.kappa, rtol=1e-9)
    np.testing.assert_allclose(found.slow_current, exact.slow_current, rtol=1e-9)
    for name in ("reflection", "emission", "outer_reflection", "outer_emission"):
        value = getattr(exact, name)
        np.testing.assert_allclose(getattr(found, name), value, atol=1e-9)
    for thickness in (2.0, 10.0):
        a, b = exact.response(thickness), found.response(thickness)
        scale = np.abs(a.torque_total).max()
        np.testing.assert_allclose(b.torque_total, a.torque_total, atol=1e-9 * scale)
        np.testing.assert_allclose(b.current_minus, a.current_minus, atol=1e-9 * scale)


def test_thickness_formula_of_modes_of_their_own_is_the_boltzmann_equation_of_a_thick_film() -> (
    None
):
    film = tabulated(FILMS["below"])
    metal = replace(METAL, thickness=25.0)
    thick = replace(film, layers=(SPLIT, metal))
    exact = solve_boltzmann(thick, method="dense")
    found = boundary_layer_parameters(thick).response()
    scale = np.abs(exact.torque_total).max()
    np.testing.assert_allclose(found.torque_total, exact.torque_total, atol=1e-5 * scale)
    thin = boundary_layer_parameters(film).response(2.0)
    assert np.abs(thin.torque_total - exact.torque_total).max() > 1e-3 * scale
