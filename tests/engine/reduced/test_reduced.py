"""The reduced method against the dense one, exact conservation laws, and its limits."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from draws import (
    CO,
    PT,
    pt_co,
    random_bilayer,
    random_ferromagnet,
    random_heavy_metal,
    random_interface,
)
from torkivity_engine import solve
from torkivity_engine.dense import matching
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.boundaries import Boundary, HalfSpace, Reservoir, Surface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal, Layer
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.reduced import assembly as assembly_module
from torkivity_engine.reduced import (
    channel_means,
    closing,
    layer_response,
    response_cache,
    sectors,
)
from torkivity_engine.reduced.assembly import Assembly
from torkivity_engine.reduced.film_response import film_response
from torkivity_engine.solution import BoltzmannSolution
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.spin import CHARGE
from torkivity_meshes import FermiSurfaceMesh, InputError, SphericalMesh, mesh_from_arrays

NAMES = ("current_minus", "current_plus", "torque")


def interface_error(a: BoltzmannSolution, b: BoltzmannSolution) -> float:
    """Largest difference of currents and torques over the largest total torque (or current)."""
    scale = max(
        max(np.abs(r.torque_total).max(), np.abs(r.current_minus).max()) for r in b.interfaces
    )
    return max(
        float(np.abs(getattr(x, name) - getattr(y, name)).max() / scale)
        for x, y in zip(a.interfaces, b.interfaces, strict=True)
        for name in NAMES
    )


def torque_error(a: BoltzmannSolution, b: BoltzmannSolution) -> float:
    scale = max(np.abs(r.torque_total).max() for r in b.interfaces)
    return max(
        float(np.abs(x.torque_total - y.torque_total).max() / scale)
        for x, y in zip(a.interfaces, b.interfaces, strict=True)
    )


@pytest.mark.parametrize("seed", range(20))
def test_bilayers_agree_with_the_dense_method(seed: int) -> None:
    film, mesh = random_bilayer(np.random.default_rng(seed)), SphericalMesh(8, 6)
    assert mesh.n_unknowns >= 384
    a, b = (solve_boltzmann(film, mesh, method=m) for m in ("reduced", "dense"))
    assert interface_error(a, b) < 1e-10
    assert torque_error(a, b) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_large_bilayers_agree_with_the_dense_method(seed: int) -> None:
    film, mesh = random_bilayer(np.random.default_rng(100 + seed)), SphericalMesh(16, 16)
    assert mesh.n_unknowns >= 2048
    a, b = (solve_boltzmann(film, mesh, method=m) for m in ("reduced", "dense"))
    assert interface_error(a, b) < 1e-10
    assert torque_error(a, b) < 1e-10


def random_layer(rng: np.random.Generator, kind: str, *, endless: bool, skew: bool) -> Layer:
    layer: Layer = random_ferromagnet(rng) if kind == "FM" else random_heavy_metal(rng)
    if endless:
        layer = replace(layer, spin_flip_length=math.inf)
    if skew and isinstance(layer, HeavyMetal):
        layer = replace(layer, spin_hall_angle=float(rng.uniform(-0.5, 0.5)))
    return layer


def random_stack(seed: int) -> tuple[Stack, str]:
    """20 stacks: >= 5 with three layers, with endless spin flip, with diffuse faces each;
    >= 3 with skew scattering, >= 2 with reservoirs, some with half spaces."""
    rng = np.random.default_rng(seed)
    kinds = (["HM", "FM"], ["FM", "HM"], ["HM", "HM", "FM"], ["FM", "HM", "FM"])[seed % 4]
    layers = tuple(
        random_layer(rng, kind, endless=seed % 3 == 0 and i == 0, skew=seed % 5 in (1, 3))
        for i, kind in enumerate(kinds)
    )
    interfaces = []
    for below, above in itertools.pairwise(layers):
        magnet = above if isinstance(above, Ferromagnet) else below
        u0, u_ex, u_r = (float(x) for x in 0.5 * rng.normal(size=3))
        if isinstance(magnet, Ferromagnet):
            interfaces.append(RashbaInterface(u0, u_ex, u_r, magnetization=magnet.magnetization))
        else:
            interfaces.append(RashbaInterface(u0, 0.0, u_r))
    left: Boundary = Surface()
    right: Boundary = Surface()
    source = "all"
    if seed % 3 == 1:
        left, right = Surface(float(rng.uniform())), Surface(float(rng.uniform()))
    if seed % 7 == 5:
        left = Reservoir(float(rng.normal()), tuple(float(x) for x in rng.normal(size=3)))  # type: ignore[arg-type]
        right = Surface(0.3) if seed % 2 else Reservoir()
        source = "reservoirs" if seed % 2 else "all"
    if seed % 7 == 6:
        left, right = HalfSpace(), (HalfSpace() if seed % 2 else Surface(0.5))
    stack = Stack(
        layers, tuple(interfaces), left, right, field_direction_deg=float(rng.uniform(0, 360))
    )
    return stack, source


def test_the_draws_cover_what_they_should() -> None:
    stacks = [random_stack(seed) for seed in range(20)]
    flat = [s for s, _ in stacks]
    assert sum(len(s.layers) == 3 for s in flat) >= 5
    assert sum(any(layer.spin_flip_length == math.inf for layer in s.layers) for s in flat) >= 5
    diffuse = [
        s
        for s in flat
        if any(isinstance(e, Surface) and e.specularity < 1 for e in (s.left, s.right))
    ]
    assert len(diffuse) >= 5
    skew = [s for s in flat if any(getattr(layer, "spin_hall_angle", 0.0) for layer in s.layers)]
    assert len(skew) >= 3
    assert sum(s.is_open for s in flat) >= 2
    assert {source for _, source in stacks} == {"all", "reservoirs"}


@pytest.mark.parametrize("seed", range(20))
def test_stacks_agree_with_the_dense_method(seed: int) -> None:
    stack, source = random_stack(seed)
    mesh = SphericalMesh(8, 8)
    assert mesh.n_unknowns >= 512
    a, b = (solve_boltzmann(stack, mesh, method=m, source=source) for m in ("reduced", "dense"))
    assert interface_error(a, b) < 1e-10
    assert torque_error(a, b) < 1e-10


@pytest.mark.parametrize("spin_hall_angle", [0.0, 0.2])
def test_spins_that_only_diffuse_faces_scatter(spin_hall_angle: float) -> None:
    """With equal lengths of momentum and spin nothing scatters spins back but the faces."""
    film = Bilayer(
        HeavyMetal(3.0, 2.0, 2.0, spin_hall_angle),
        RashbaInterface(0.4, 0.2, 0.2),
        Ferromagnet(2.0, 4.0, 4.0, 4.0, 1.4),
        magnetization=(0.3, 0.2, 1.0),
        left=Surface(0.3),
        right=Surface(0.0),
    )
    mesh = SphericalMesh(6, 6)
    a, b = (solve_boltzmann(film, mesh, method=m) for m in ("reduced", "dense"))
    assert interface_error(a, b) < 1e-12
    assert a.certificates["spin_balance"] < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 25))
def test_large_stacks_agree_with_the_dense_method(seed: int) -> None:
    stack, source = random_stack(seed)
    mesh = SphericalMesh(16, 16)
    assert mesh.n_unknowns >= 2048
    a, b = (solve_boltzmann(stack, mesh, method=m, source=source) for m in ("reduced", "dense"))
    assert interface_error(a, b) < 1e-10


@pytest.mark.parametrize("seed", range(0, 20, 3))
def test_profiles_agree_with_the_dense_method(seed: int) -> None:
    stack, source = random_stack(seed)
    mesh = SphericalMesh(5, 6)
    a, b = (solve_boltzmann(stack, mesh, method=m, source=source) for m in ("reduced", "dense"))
    for index, layer in enumerate(stack.layers):
        z = layer.thickness * np.array([0.0, 0.02, 0.4, 1.0])
        ours, theirs = a.profile(index, z), b.profile(index, z)
        scale = max(np.abs(theirs.in_plane_current).max(), np.abs(theirs.charge_accumulation).max())
        for name in (
            "spin_current",
            "charge_current",
            "spin_accumulation",
            "charge_accumulation",
            "in_plane_current",
        ):
            np.testing.assert_allclose(
                getattr(ours, name), getattr(theirs, name), atol=1e-10 * scale, err_msg=name
            )
        scale = max(np.abs(theirs.torque_density).max(), 1e-300)
        np.testing.assert_allclose(ours.torque_density, theirs.torque_density, atol=1e-10 * scale)


@pytest.mark.parametrize("seed", range(20))
def test_no_charge_flows_through_a_closed_film(seed: int) -> None:
    film = random_bilayer(np.random.default_rng(200 + seed))
    film = replace(film, left=Surface(0.1 * (seed % 11)), right=Surface(0.4))
    solution = solve_boltzmann(film, SphericalMesh(12, 12))
    scale = np.abs(solution.torque_total).max()
    assert abs(solution.charge_current_minus) < 1e-10 * scale
    assert abs(solution.charge_current_plus) < 1e-10 * scale
    assert solution.certificates["charge_defect"] < 1e-10


def gauss_panels(thickness: float, smallest: float) -> tuple[np.ndarray, np.ndarray]:
    """Composite Gauss rule on (0, t) with panels that halve towards both faces."""
    edges = [0.5 * thickness, 0.3 * thickness]
    while edges[-1] > smallest:
        edges.append(0.5 * edges[-1])
    left = np.array([0.0, *edges[::-1]])
    edges_all = np.concatenate([left, thickness - left[-2::-1]])
    x, w = np.polynomial.legendre.leggauss(12)
    half = 0.5 * np.diff(edges_all)
    z = (edges_all[:-1] + half)[:, None] + half[:, None] * x
    return z.ravel(), (half[:, None] * w).ravel()


@pytest.mark.parametrize("seed", range(3))
def test_spin_balance(seed: int) -> None:
    """Current in = torque + what spin flip and unequal scattering give to the lattice.

    In a heavy metal -j_s(t) = (2/lambda_sf) int 4 pi C <g_s> dz, and in a ferromagnet
    the transverse current is lost to precession and to
    a - (lambda_up lambda_down)^(-1/2) + 2/lambda_sf.
    """
    film = random_bilayer(np.random.default_rng(300 + seed))
    # Thin layers and slow precession, so that a quadrature over z resolves everything.
    film = replace(
        film,
        heavy_metal=replace(film.heavy_metal, thickness=3.0),
        ferromagnet=replace(film.ferromagnet, thickness=2.0, precession_length=1.0),
    )
    solution = solve_boltzmann(film, SphericalMesh(3, 6))
    stack = film.stack()
    metal, magnet = stack.layers
    assert isinstance(magnet, Ferromagnet)
    scale = np.abs(solution.torque_total).max()

    z, w = gauss_panels(metal.thickness, 1e-3)
    lost = 2.0 / metal.spin_flip_length * w @ solution.profile(0, z).spin_accumulation
    np.testing.assert_allclose(solution.spin_current_minus, -lost, rtol=0.0, atol=1e-10 * scale)

    z, w = gauss_panels(magnet.thickness, 1e-3)
    profile = solution.profile(1, z)
    m = np.array(magnet.magnetization)
    density = w @ profile.spin_accumulation
    along = (density @ m) * m
    unequal = magnet.mean_rate - 1.0 / math.sqrt(
        magnet.mean_free_path_majority * magnet.mean_free_path_minority
    )
    lattice = 2.0 / magnet.spin_flip_length * density + unequal * (density - along)
    torque = w @ profile.torque_density * 1e-9
    np.testing.assert_allclose(
        solution.spin_current_plus, torque + lattice, rtol=0.0, atol=1e-10 * scale
    )


@pytest.mark.parametrize("rashba", [0.02, 0.2])
def test_very_thick_metal_changes_nothing(rashba: float) -> None:
    film = pt_co(rashba, magnetization=(0.3, 0.2, 1.0))
    mesh = SphericalMesh(16, 8)
    torques = [
        solve_boltzmann(
            replace(film, heavy_metal=replace(PT, thickness=n * 2.57)), mesh
        ).torque_total
        for n in (20, 200)
    ]
    np.testing.assert_allclose(*torques, atol=1e-9 * np.abs(torques[0]).max())


@pytest.mark.parametrize("flip", [5.0, math.inf])
@pytest.mark.parametrize("ratio", [1e-3, 1.0, 1e4])
def test_any_optical_thickness(ratio: float, flip: float) -> None:
    """No overflow, no warning (warnings are errors here), balanced charge; dense agrees."""
    film = Bilayer(
        HeavyMetal(2.0 * ratio, 2.0, flip),
        RashbaInterface(0.3, 0.4, 0.2),
        Ferromagnet(3.0, 4.0, 2.0, 50.0, 1.0),
        magnetization=(0.3, 0.2, 1.0),
    )
    mesh = SphericalMesh(5, 6)
    a, b = (solve_boltzmann(film, mesh, method=m) for m in ("reduced", "dense"))
    assert torque_error(a, b) < 1e-9
    assert a.certificates["charge_defect"] < 1e-10


@pytest.mark.parametrize("seed", range(10))
def test_lost_spin_is_torque_without_rashba(seed: int) -> None:
    rng = np.random.default_rng(400 + seed)
    film = replace(random_bilayer(rng), interface=replace(random_interface(rng), rashba=0.0))
    film = replace(film, heavy_metal=replace(film.heavy_metal, spin_hall_angle=0.2))
    solution = solve_boltzmann(film, SphericalMesh(8, 8))
    step = solution.spin_current_minus - solution.spin_current_plus
    scale = np.abs(solution.spin_current_minus).max()
    np.testing.assert_allclose(step, solution.torque_interface, atol=1e-11 * scale)


def test_reversing_the_field_reverses_the_torque() -> None:
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0))
    there = solve_boltzmann(film, SphericalMesh(8, 8))
    back = solve_boltzmann(replace(film, field_direction_deg=180.0), SphericalMesh(8, 8))
    np.testing.assert_allclose(there.torque_total, -back.torque_total, rtol=1e-12)


@pytest.mark.parametrize("source", ["rashba", "spin_hall", "all"])
def test_a_mirrored_film_has_the_torque_of_an_axial_vector(source: str) -> None:
    """z -> -z: layers reversed, u_R -> -u_R, m and torque as axial vectors."""
    axial = np.array([-1.0, -1.0, 1.0])
    m = np.array([0.48, 0.6, 0.64])
    film = pt_co(0.2, magnetization=tuple(m)).stack()
    interface = film.interfaces[0]
    mirrored = replace(
        film,
        layers=(replace(film.layers[1], magnetization=tuple(axial * m)), film.layers[0]),  # type: ignore[arg-type]
        interfaces=(replace(interface, rashba=-interface.rashba, magnetization=tuple(axial * m)),),
    )
    mesh = SphericalMesh(8, 8)
    here = solve_boltzmann(film, mesh, source=source).at_interface(0)
    there = solve_boltzmann(mirrored, mesh, source=source).at_interface(0)
    for name in ("torque_interface", "torque_ferromagnet", "torque_total", "torque_lattice"):
        a, b = getattr(here, name), getattr(there, name)
        np.testing.assert_allclose(b, axial * a, atol=1e-11 * np.abs(here.torque_total).max())


def test_results_do_not_depend_on_what_is_cached() -> None:
    mesh = SphericalMesh(10, 8)
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0))
    response_cache.clear_cache()
    cold = solve_boltzmann(film, mesh)
    for u_r in (0.1, 0.3):
        solve_boltzmann(pt_co(u_r), mesh)
    # Layers of all kinds of other lengths meanwhile, and the same ones turned.
    for seed in range(3):
        solve_boltzmann(random_bilayer(np.random.default_rng(seed)), mesh)
    solve_boltzmann(replace(film, magnetization=(0.0, 0.6, -0.8)), mesh)
    warm = solve_boltzmann(film, mesh)
    for name in ("torque_total", "torque_lattice", "spin_current_minus", "spin_current_plus"):
        np.testing.assert_array_equal(getattr(cold, name), getattr(warm, name))


def test_cache_is_bounded() -> None:
    response_cache.clear_cache()
    kept = []
    for films in (response_cache.CACHE_SIZE + 20, 2 * response_cache.CACHE_SIZE):
        for n in range(films):
            film = replace(pt_co(), heavy_metal=replace(PT, thickness=1.0 + n))
            solve_boltzmann(film, SphericalMesh(2, 4))
        kept.append(response_cache.clear_cache())
    assert kept[0] == kept[1] >= 2 * response_cache.CACHE_SIZE
    assert response_cache.clear_cache() == 0


def test_what_films_share_pushes_out_no_film() -> None:
    """As many films as are kept stay, whatever each of their layers needed to be made."""
    mesh = SphericalMesh(2, 4)
    films = [
        replace(
            pt_co(),
            heavy_metal=replace(PT, mean_free_path=2.0 + 0.1 * n),
            ferromagnet=replace(CO, thickness=1.0 + 0.1 * n),
        )
        for n in range(response_cache.CACHE_SIZE)
    ]
    response_cache.clear_cache()
    assert mesh.rings is not None
    first = [film_response(film.stack(), mesh.rings) for film in films]
    again = [film_response(film.stack(), mesh.rings) for film in films]
    assert all(a is b for a, b in zip(first, again, strict=True))


def test_cache_makes_once_and_forgets_what_was_not_asked_for_longest() -> None:
    made: list[int] = []

    def get(key: int) -> str:
        def make() -> str:
            made.append(key)
            return f"value {key}"

        return response_cache.cached(("test", key), str, make)

    response_cache.clear_cache()
    size = response_cache.CACHE_SIZE
    for key in range(size):
        assert get(key) == f"value {key}"
    assert made == list(range(size))
    assert get(0) == "value 0"  # asked for again: now the youngest
    assert made == list(range(size))
    get(size)  # pushes out 1, the oldest
    get(0)
    assert made == list(range(size + 1))
    get(1)
    assert made == [*range(size + 1), 1]
    response_cache.clear_cache()


def test_layers_are_made_once_for_all_interfaces_and_directions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Responses depend on a layer and the polar rule alone: everything else finds them made."""
    made = 0
    cached = response_cache.cached

    def counting(key: object, kind: type[object], make: Callable[[], object]) -> object:
        def counted() -> object:
            nonlocal made
            made += 1
            return make()

        return cached(key, kind, counted)

    for module in (layer_response, sectors):
        monkeypatch.setattr(module, "cached", counting)

    def newly_made(film: Bilayer, mesh: FermiSurfaceMesh) -> int:
        nonlocal made
        made = 0
        solve_boltzmann(film, mesh)
        return made

    response_cache.clear_cache()
    film, mesh = pt_co(0.2, magnetization=(0.3, 0.2, 1.0)), SphericalMesh(4, 8)
    assert newly_made(film, mesh) > 0
    for other in (
        film,
        replace(film, interface=RashbaInterface(0.1, -0.4, 0.3)),
        replace(film, magnetization=(0.0, 1.0, 0.1), field_direction_deg=70.0),
    ):
        assert newly_made(other, mesh) == 0
    assert newly_made(film, SphericalMesh(4, 12)) == 0
    for changed in (
        replace(film, heavy_metal=replace(PT, thickness=4.0)),
        replace(film, ferromagnet=replace(film.ferromagnet, precession_length=2.0)),
        replace(film, left=Surface(0.5)),
    ):
        assert newly_made(changed, mesh) > 0
    assert newly_made(film, SphericalMesh(5, 8)) > 0


def test_graded_rule_reaches_grazing_angles_without_loss() -> None:
    """abs(cos theta) down to 1e-9 on the mesh; squared eigenproblems fail there."""
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0))
    mesh = SphericalMesh(40, 12, "graded")
    assert np.abs(mesh.directions[:, 2]).min() < 1e-8
    solution = solve_boltzmann(film, mesh)
    assert solution.certificates["charge_defect"] < 1e-10
    # Both rules converge to the same torque (the graded one more slowly here).
    reference = solve_boltzmann(film, SphericalMesh(96, 12))
    assert torque_error(solution, reference) < 2e-4
    finer = solve_boltzmann(film, SphericalMesh(80, 12, "graded"))
    assert torque_error(finer, reference) < 1e-6


def test_meshes_without_rings_are_refused() -> None:
    product = SphericalMesh(4, 6)
    mesh = mesh_from_arrays(product.directions, product.weights)
    with pytest.raises(InputError, match="rings"):
        solve_boltzmann(pt_co(), mesh)
    same = solve_boltzmann(pt_co(), mesh, method="dense")
    assert torque_error(same, solve_boltzmann(pt_co(), product)) < 1e-10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "magic"}, "reduced, dense"),
        ({"source": "magic"}, "rashba"),
        ({"source": "reservoirs"}, "Reservoir"),
    ],
)
def test_bad_requests(changes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        solve_boltzmann(pt_co(), SphericalMesh(4, 6), **changes)  # type: ignore[arg-type]


def test_profiles_stay_inside_the_layer() -> None:
    solution = solve_boltzmann(pt_co(), SphericalMesh(4, 6))
    with pytest.raises(InputError, match="between 0 and 10"):
        solution.profile(0, [11.0])
    with pytest.raises(InputError, match="layer"):
        solution.profile(2)
    assert solution.profile(1).z[-1] == 5.0


@pytest.mark.parametrize("method", ["reduced", "dense"])
@pytest.mark.parametrize("seed", range(0, 20, 4))
def test_certificates_of_a_good_solution(seed: int, method: str) -> None:
    stack, source = random_stack(seed)
    c = solve_boltzmann(stack, SphericalMesh(5, 6), method=method, source=source).certificates
    for name in ("charge_defect", "unitarity_defect", "spin_balance", "residual"):
        assert 0.0 <= c[name] < 1e-11, name
    assert c["condition"] >= 1.0
    # One density (charge) is conserved per layer, and each spin that nothing flips.
    conserved = sum(
        1 + (layer.spin_flip_length == math.inf) * (3 if isinstance(layer, HeavyMetal) else 1)
        for layer in stack.layers
    )
    assert c["modes_removed"] == 2 * conserved


def test_a_wrong_layer_response_shows_in_the_spin_balance() -> None:
    """The certificate is no identity: damage what a layer returns, and it speaks up."""
    film, mesh = pt_co(0.2).stack(), SphericalMesh(5, 6)
    assert mesh.rings is not None
    assembly = Assembly(film, mesh.rings)
    assembly.returns[0].operator.left[:, :, 0] *= 1.0 + 1e-6
    try:
        certificates = assembly.solve(assembly.field_drive()).certificates
    finally:
        response_cache.clear_cache()
    assert certificates["spin_balance"] > 1e-9


def test_charge_defect_by_hand() -> None:
    """Closed: any charge current. Open: one that is not the same everywhere."""
    film, mesh = pt_co(0.2).stack(), SphericalMesh(2, 4)
    (response,) = solve_boltzmann(film, mesh).interfaces

    def defect(stack: Stack, minus: float, plus: float) -> float:
        currents = [np.array([3.0, -10.0, 2.0, charge]) for charge in (minus, plus)]
        changed = replace(
            response, current_minus=currents[0], current_plus=currents[1], torque=torque
        )
        return solve._charge_defect(stack, (changed,))

    torque = np.zeros_like(response.torque)
    assert defect(film, 0.5, 0.5) == pytest.approx(0.05)
    assert defect(film, -0.5, 0.2) == pytest.approx(0.05)
    # On the scale of the largest current, which may be of charge.
    through = replace(film, left=Reservoir(1.0), right=Reservoir())
    assert defect(through, 20.0, 20.0) == 0.0
    assert defect(through, 20.0, 19.0) == pytest.approx(0.05)
    torque[1] = 50.0  # an insulator takes a torque and no current
    assert defect(film, 0.5, 0.5) == pytest.approx(0.01)


@pytest.mark.parametrize("fault", ["a layer gains charge", "the drive injects charge"])
def test_charge_from_nowhere_shows_in_the_gauge_slack(fault: str) -> None:
    """A closed film has a solution only if charge is conserved."""
    film, mesh = pt_co(0.2, magnetization=(0.3, 0.2, 1.0)).stack(), SphericalMesh(5, 6)
    assert mesh.rings is not None
    slacks = []
    for change in (0.0, 1e-6, 1e-5):
        response_cache.clear_cache()
        assembly = Assembly(film, mesh.rings)
        drive = assembly.field_drive()
        if fault == "a layer gains charge":
            assembly.returns[0].operator.left[:, :, CHARGE] *= 1.0 + change
        else:
            drive.incoming[:, 0, CHARGE] += change
        slacks.append(assembly.solve(drive).certificates["gauge_slack"])
    response_cache.clear_cache()
    none, small, large = slacks
    assert 0.0 <= none < 1e-13
    assert large == pytest.approx(10.0 * small, rel=0.1)
    assert small > 1e-9


def test_an_interface_that_gains_electrons_shows_in_the_unitarity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One part in a million more transmission, in the kernel as plain Python."""
    film, mesh = pt_co(0.2).stack(), SphericalMesh(2, 4)
    assert mesh.rings is not None
    scatter = channel_means.scatter.py_func
    change = 1e-6

    def gaining(*arguments: object) -> tuple[float, ...]:
        bx, by, bz, p_r, p_t, *others = scatter(*arguments)
        return (bx, by, bz, p_r, p_t + change, *others)

    kernels = {k: f.py_func for k, f in vars(channel_means).items() if hasattr(f, "py_func")}
    for name, plain in kernels.items():
        monkeypatch.setattr(channel_means, name, plain)
    monkeypatch.setattr(assembly_module, "channel_means", kernels["channel_means"])
    assembly = Assembly(film, mesh.rings)
    assert assembly.solve(assembly.field_drive()).certificates["unitarity_defect"] < 1e-14
    monkeypatch.setattr(channel_means, "scatter", gaining)
    found = assembly.solve(assembly.field_drive()).certificates["unitarity_defect"]
    assert found == pytest.approx(change, rel=1e-6)


def test_an_inaccurate_solution_shows_in_the_residual() -> None:
    film, mesh = pt_co(0.2).stack(), SphericalMesh(4, 6)
    assert mesh.rings is not None
    assembly = Assembly(film, mesh.rings)
    drive = assembly.field_drive()
    _, closure = assembly.solve_with_closure(drive)
    driven = np.random.default_rng(1).normal(size=(4, len(closure.response[0]), 2))
    outgoing = drive.outgoing[:, 0]
    good = closure.solve(driven, outgoing)[1]
    assert good["residual"] < 1e-13
    closure._factors[0, 0] *= 1.0 + 1e-6
    wrong = closure.solve(driven, outgoing)[1]
    assert 1e-9 < wrong["residual"] < 1e-5
    # The 1-norm condition number of the equations that were solved.
    exact = np.linalg.cond(closure._system, 1)
    assert 0.3 * exact < good["condition"] < 1.01 * exact


@pytest.mark.parametrize(("method", "module"), [("reduced", closing), ("dense", matching)])
def test_condition_just_within_and_just_beyond_the_limit(
    method: str, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without spin-orbit coupling spins relax by flips alone: the condition grows with them."""
    mesh = SphericalMesh(2, 4)

    def film(flip: float) -> Bilayer:
        magnet = replace(pt_co().ferromagnet, spin_flip_length=flip)
        return replace(pt_co(0.0), heavy_metal=HeavyMetal(10.0, 2.0, flip), ferromagnet=magnet)

    def condition(flip: float) -> float:
        return solve_boltzmann(film(flip), mesh, method=method).certificates["condition"]

    one = condition(1e6)
    assert condition(1e7) == pytest.approx(10.0 * one, rel=0.05)
    # A reciprocal of 1e-13 is the limit.
    limit = 1e6 * 1e13 / one
    assert condition(0.7 * limit) < 1e13
    with pytest.raises(PhysicsError, match="finite spin_flip_length"):
        condition(1.4 * limit)
    monkeypatch.setattr(module, "_SINGULAR", 0.999 / one)
    assert condition(1e6) == one
    monkeypatch.setattr(module, "_SINGULAR", 1.001 / one)
    with pytest.raises(PhysicsError, match="finite spin_flip_length"):
        condition(1e6)


_BITS = """
import hashlib, sys
import numpy as np
from draws import pt_co
from torkivity_engine.diffusion.boundary_layer import boundary_layer_parameters
from torkivity_engine.reduced.sensitivity import sensitivities
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

digest = hashlib.sha256()
film, mesh = pt_co(0.2, magnetization=(0.3, 0.2, 1.0)), SphericalMesh(32, 8)
solution = solve_boltzmann(film, mesh)
profile = solution.profile(0, [1.0])
parameters = boundary_layer_parameters(film, mesh)
slope = sensitivities(film, mesh, ["interface.rashba"])["interface.rashba"][0]
for array in (solution.torque_total, solution.spin_current_minus, profile.spin_current,
              parameters.reflection, slope.torque_total):
    digest.update(np.ascontiguousarray(array).tobytes())
sys.stdout.write(digest.hexdigest())
"""


def test_thread_settings_do_not_change_a_bit() -> None:
    digests = set()
    for threads in ("1", "5"):
        environment = {
            **os.environ,
            "OPENBLAS_NUM_THREADS": threads,
            "NUMBA_NUM_THREADS": threads,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        run = subprocess.run(
            [sys.executable, "-c", _BITS], env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        digests.add(run.stdout)
    assert len(digests) == 1
