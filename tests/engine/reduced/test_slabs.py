"""Ways to the operators of a slab: against each other, and by what any slab obeys."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from draws import PT, log_uniform, pt_co, random_bilayer, unit_vector
from torkivity_engine.film.boundaries import BOTTOM, TOP, Surface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal, Layer
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.reduced import response_cache
from torkivity_engine.reduced.layer_response import layer_termination
from torkivity_engine.reduced.low_rank import LowRank
from torkivity_engine.reduced.sectors import LayerSector, layer_sectors
from torkivity_engine.reduced.slab_decay import SlabDecay
from torkivity_engine.reduced.slab_doubling import SlabDoubling
from torkivity_engine.reduced.slab_equations import inverse
from torkivity_engine.reduced.slabs import SlabSector, slab_sector
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AzimuthalRings, SphericalMesh

CO = Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36, magnetization=(0.0, 0.0, 1.0))
SKEW = replace(PT, spin_hall_angle=-0.3)
#: Nothing of it is symmetric, or it is conserved, or nearly so.
MATERIALS = {
    "skew": SKEW,
    "no spin flip": replace(SKEW, spin_flip_length=math.inf),
    "hardly any spin flip": HeavyMetal(10.0, 30.0, 3e5, 0.01),
    "magnet": CO,
    "fast precession": replace(CO, precession_length=0.1),
}


def rings_of(n_polar: int, rule: str) -> AzimuthalRings:
    rings = SphericalMesh(n_polar, 8, rule).rings  # type: ignore[arg-type]
    assert rings is not None
    return rings


def decaying(layer: Layer, rings: AzimuthalRings) -> list[LayerSector]:
    """Sectors whose slabs come from a half space, twins left out."""
    sectors = [sector for sector in layer_sectors(layer, rings) if sector.first is None]
    return [sector for sector in sectors if isinstance(sector.slabs, SlabDecay)]


def in_norm(matrix: np.ndarray, sector: LayerSector) -> np.ndarray:
    scale = np.sqrt(sector.flux)
    return matrix * (scale[:, None] / scale)


def spread(first: SlabSector, second: SlabSector) -> tuple[np.ndarray, ...]:
    """Two slabs on top of each other: reflection below and above, transmission up and down."""
    identity = np.eye(len(first.parity))
    between = np.linalg.inv(identity - second.face(BOTTOM) @ first.face(TOP))
    again = np.linalg.inv(identity - first.face(TOP) @ second.face(BOTTOM))
    up, down = first.through(TOP), second.through(BOTTOM)
    return (
        first.face(BOTTOM) + first.through(BOTTOM) @ between @ second.face(BOTTOM) @ up,
        second.face(TOP) + second.through(TOP) @ again @ first.face(TOP) @ down,
        second.through(TOP) @ again @ up,
        first.through(BOTTOM) @ between @ down,
    )


@pytest.mark.parametrize("rule", ["gauss", "rational", "graded"])
@pytest.mark.parametrize("name", MATERIALS)
def test_half_space_gives_what_doubling_gives(name: str, rule: str) -> None:
    sectors = decaying(MATERIALS[name], rings_of(14, rule))
    assert sectors
    for sector in sectors:
        doubling = SlabDoubling(sector.equations)
        for thickness in (1e-3, 0.1, 3.0, 80.0):
            pairs = zip(
                sector.slabs.operators(thickness), doubling.operators(thickness), strict=True
            )
            for ours, other in pairs:
                limit = 1e-12 if "hardly" in name else 3e-13
                assert np.abs(ours - other).max(initial=0.0) <= limit * np.abs(other).max(initial=0)


@pytest.mark.parametrize("rule", ["gauss", "graded"])
@pytest.mark.parametrize("name", MATERIALS)
def test_slabs_add_up_and_only_dissipate(name: str, rule: str) -> None:
    for sector in decaying(MATERIALS[name], rings_of(10, rule)):
        for thin, thick in ((0.1, 0.7), (2.0, 10.0), (0.5, 1e4)):
            lower, upper, both = (slab_sector(sector, t) for t in (thin, thick, thin + thick))
            found = both.face(BOTTOM), both.face(TOP), both.through(TOP), both.through(BOTTOM)
            for ours, added in zip(found, spread(lower, upper), strict=True):
                assert np.abs(in_norm(ours - added, sector)).max() < 1e-12
            whole = np.block([[found[0], found[3]], [found[2], found[1]]])
            scale = np.tile(np.sqrt(sector.flux), 2)
            assert np.linalg.norm(whole * (scale[:, None] / scale), 2) < 1.0 + 1e-13


def test_slabs_are_reciprocal() -> None:
    """Spins change their sign when motion is reversed: J S J = S^T with J = 1 for charge, -1."""
    asymmetry = []
    for sector in decaying(SKEW, rings_of(9, "gauss")):
        signs = [1.0 if node[:, CHARGE].any() else -1.0 for node in sector.nodes]
        j = np.repeat(signs, 9)
        for operator in sector.slabs.operators(2.5)[:2]:
            assert np.abs(j[:, None] * operator * j - operator.T).max() < 1e-13
            asymmetry.append(np.abs(operator - operator.T).max())
    assert len(asymmetry) == 4
    assert max(asymmetry) > 1e-3
    # What turns about m is complex symmetric.
    (turning,) = (s for s in decaying(CO, rings_of(9, "gauss")) if s.slabs.equations.turning)
    for operator in turning.slabs.operators(2.5)[:2]:
        a, b = operator[:9, :9], operator[:9, 9:]
        assert np.abs(a - a.T).max() < 1e-13
        assert np.abs(b - b.T).max() < 1e-13
        assert np.abs(b).max() > 1e-3


def test_a_charge_that_is_conserved_flows_on() -> None:
    """A uniform charge enters no slab, and a drop over it drives Ohm's current."""
    rings = rings_of(20, "gauss")
    (sector,) = (s for s in decaying(SKEW, rings) if CHARGE in s.densities)
    at = next(k for k, node in enumerate(sector.nodes) if node[0, CHARGE])
    u = np.zeros(len(sector.parity))
    u[at * 20 : (at + 1) * 20] = 1.0
    scale = np.sqrt(sector.flux)
    for thickness in (0.2, 9.0, 5e3):
        s, b, _, _ = sector.slabs.operators(thickness)
        assert np.abs(s @ (u * scale)).max() < 1e-15
        if thickness > 1e3:
            # Thick: e = u at one face and -u at the other is mu f = lambda u / (t/2) in the middle,
            # with the true mean free path lambda / (1 + 2 theta^2).
            f = np.linalg.solve(b, u * scale) @ (u * scale) / (u @ (sector.flux * u))
            path = 1.0 / (1.0 / SKEW.mean_free_path + 1.0 / SKEW.spin_flip_length)
            path /= 1.0 + 2.0 * SKEW.spin_hall_angle**2
            flow = 4.0 / 3.0 * path / thickness
            assert f == pytest.approx(flow, rel=2.0 * path / thickness)


def test_what_is_nearly_conserved_is_doubled() -> None:
    nearly = replace(SKEW, spin_flip_length=1e12)
    kinds = {type(sector.slabs) for sector in layer_sectors(nearly, rings_of(8, "gauss"))}
    assert SlabDoubling in kinds


@pytest.mark.parametrize("size", [3, 48, 49, 97, 130])
@pytest.mark.parametrize("kind", [float, complex])
def test_inverse(size: int, kind: type) -> None:
    rng = np.random.default_rng(size)
    a = (rng.normal(size=(size, size)) / size).astype(kind)
    if kind is complex:
        a += 1j * rng.normal(size=(size, size)) / size
    a += np.eye(size)
    np.testing.assert_allclose(inverse(a) @ a, np.eye(size), atol=1e-13)
    with pytest.raises(np.linalg.LinAlgError):
        inverse(np.zeros((size, size), dtype=kind))


@pytest.mark.parametrize("layer", [PT, replace(PT, spin_hall_angle=0.0), CO])
def test_groups_are_what_the_arrays_show(layer: Layer) -> None:
    operator = layer_termination(layer, Surface(0.4), BOTTOM, rings_of(7, "gauss")).dense
    own = {group.places: group for group in operator.groups}
    shown = {group.places: group for group in LowRank(operator.left, operator.right).groups}
    assert own.keys() == shown.keys()
    for places, group in own.items():
        assert np.array_equal(group.left, shown[places].left)
        assert np.array_equal(group.right, shown[places].right)


def drawn_film(seed: int) -> Bilayer:
    """Thin and thick layers, weak and strong skew scattering, diffuse faces, any mesh rule."""
    rng = np.random.default_rng(seed)
    film = random_bilayer(rng)
    return replace(
        film,
        heavy_metal=replace(
            film.heavy_metal,
            thickness=log_uniform(rng, 0.1, 1e4) if seed % 3 == 0 else film.heavy_metal.thickness,
            spin_hall_angle=float(rng.uniform(-0.4, 0.4)),
        ),
        ferromagnet=replace(
            film.ferromagnet,
            thickness=log_uniform(rng, 0.1, 1e3) if seed % 4 == 0 else film.ferromagnet.thickness,
        ),
        magnetization=unit_vector(rng),
        left=Surface(float(rng.uniform())),
    )


def torques_both_ways(film: Bilayer, mesh: SphericalMesh, monkeypatch: pytest.MonkeyPatch) -> float:
    """Change of the torques if all slabs are doubled, relative to the total one."""
    response_cache.clear_cache()
    default = solve_boltzmann(film, mesh)
    response_cache.clear_cache()
    with monkeypatch.context() as patch:
        patch.setattr(LayerSector, "slabs", property(lambda sector: SlabDoubling(sector.equations)))
        doubled = solve_boltzmann(film, mesh)
    response_cache.clear_cache()
    change = max(
        np.abs(getattr(default, name) - getattr(doubled, name)).max()
        for name in ("torque_total", "torque_interface", "torque_ferromagnet")
    )
    return float(change / np.abs(doubled.torque_total).max())


@pytest.mark.parametrize("rule", ["gauss", "graded"])
@pytest.mark.parametrize("seed", range(3))
def test_torques_do_not_depend_on_the_way(
    seed: int, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh = SphericalMesh(10, 8, rule)  # type: ignore[arg-type]
    assert torques_both_ways(drawn_film(seed), mesh, monkeypatch) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 33))
def test_torques_do_not_depend_on_the_way_in_many_films(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = ("gauss", "rational", "graded")[seed % 3]
    mesh = SphericalMesh(24, 8, rule)  # type: ignore[arg-type]
    assert torques_both_ways(drawn_film(seed), mesh, monkeypatch) < 1e-12


def test_a_thickness_has_its_digits_whatever_was_there_before() -> None:
    film, mesh = pt_co(0.2, magnetization=(0.3, 0.2, 1.0)), SphericalMesh(12, 8)

    def solved(thickness: float) -> bytes:
        metal = replace(SKEW, thickness=thickness)
        magnet = replace(film.ferromagnet, thickness=0.5 * thickness)
        changed = replace(film, heavy_metal=metal, ferromagnet=magnet)
        return solve_boltzmann(changed, mesh).torque_total.tobytes()

    thicknesses = (0.2, 3.0, 11.0, 400.0)
    there = [solved(t) for t in thicknesses]
    response_cache.clear_cache()
    back = [solved(t) for t in reversed(thicknesses)]
    assert there == back[::-1]
    for alone, thickness in zip(there, thicknesses, strict=True):
        response_cache.clear_cache()
        assert solved(thickness) == alone
