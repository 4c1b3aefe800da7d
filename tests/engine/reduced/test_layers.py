"""What single layers do: against extended precision, through symmetries, and truncated."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from draws import PT, pt_co, random_bilayer
from torkivity_engine.film.boundaries import BOTTOM, TOP, Surface
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal, Layer
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.reduced import response_cache, truncation
from torkivity_engine.reduced.film_response import film_response
from torkivity_engine.reduced.layer_response import layer_termination
from torkivity_engine.reduced.sectors import (
    LayerSector,
    flight_nodes,
    from_sector,
    layer_sectors,
    to_sector,
)
from torkivity_engine.reduced.slab_doubling import SlabDoubling
from torkivity_engine.reduced.slabs import (
    attenuation,
    slab_operators,
    slab_sector,
    slab_sectors,
)
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import AzimuthalRings, SphericalMesh

LONG = np.longdouble
CO = Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36, magnetization=(0.0, 0.0, 1.0))
PLAIN = replace(PT, spin_hall_angle=0.0)
SKEW = replace(PT, spin_hall_angle=0.059)
LAYERS = [
    PLAIN,
    SKEW,
    replace(SKEW, spin_flip_length=math.inf, spin_hall_angle=-0.4),
    CO,
    replace(CO, precession_length=0.2),
    replace(CO, spin_flip_length=math.inf, precession_length=math.inf),
]


def rings_of(n_polar: int, rule: str = "gauss") -> AzimuthalRings:
    rings = SphericalMesh(n_polar, 8, rule).rings  # type: ignore[arg-type]
    assert rings is not None
    return rings


def inverse(a: np.ndarray) -> np.ndarray:
    """Gauss and Jordan, for any precision."""
    n = len(a)
    m = np.concatenate([a, np.eye(n, dtype=a.dtype)], axis=1)
    for k in range(n):
        pivot = k + int(np.argmax(np.abs(m[k:, k])))
        m[[k, pivot]] = m[[pivot, k]]
        m[k] /= m[k, k]
        others = m[:, k].copy()
        others[k] = 0
        m -= np.outer(others, m[k])
    return m[:, n:]


def through_many_thin_slabs(sector: LayerSector, thickness: float) -> tuple[np.ndarray, ...]:
    """Reflection and transmission of a slab in extended precision.

    From the Boltzmann equation of up and down movers, g = e + f and P(e - f): a slab that is thin
    even at grazing angles by the power series of its transfer matrix, then by adding slabs.
    """
    n = len(sector.mu)
    parity = sector.parity.astype(LONG)
    even, odd = (x.astype(LONG) / sector.mu[:, None] for x in (sector.even, sector.odd))
    zero = np.zeros((n, n), LONG)
    # d/dz (e, f) = -(N f, E e)
    generator = -np.block([[zero, odd], [even, zero]])
    doublings = max(0, math.ceil(math.log2(float(np.abs(generator).sum(1).max()) * thickness * 8)))
    step = generator * (LONG(thickness) / LONG(2) ** doublings)
    transfer = term = np.eye(2 * n, dtype=LONG)
    for k in range(1, 18):
        term = term @ step / LONG(k)
        transfer = transfer + term
    # In up and down movers, then solved for what leaves.
    p = np.diag(parity)
    identity = np.eye(n, dtype=LONG)
    movers = np.block([[identity, identity], [p, -p]])
    back = np.block([[identity, p], [identity, -p]]) / LONG(2)
    m = movers @ transfer @ back
    up_up, up_down, down_up, down_down = m[:n, :n], m[:n, n:], m[n:, :n], m[n:, n:]
    falling = inverse(down_down)
    lower = -falling @ down_up
    upper = up_down @ falling
    rising = up_up + up_down @ lower
    for _ in range(doublings):
        between = inverse(identity - lower @ upper)
        again = inverse(identity - upper @ lower)
        lower, upper, rising, falling = (
            lower + falling @ between @ lower @ rising,
            upper + rising @ again @ upper @ falling,
            rising @ again @ rising,
            falling @ between @ falling,
        )
    return lower, upper, rising, falling


@pytest.mark.parametrize("rule", ["gauss", "graded"])
@pytest.mark.parametrize("thickness", [1e-3, 4.0, 60.0])
@pytest.mark.parametrize("layer", LAYERS)
def test_slabs_keep_their_digits(layer: Layer, thickness: float, rule: str) -> None:
    rings = rings_of(6, rule)
    # The reference adds so many slabs on the graded rule that its charge leaks.
    limit = 3e-14 if rule == "gauss" else 1e-12
    for sector in layer_sectors(layer, rings):
        ours = slab_sector(sector, thickness)
        found = (ours.face(BOTTOM), ours.face(TOP), ours.through(TOP), ours.through(BOTTOM))
        exact = through_many_thin_slabs(sector, thickness)
        scale = np.sqrt(sector.flux)
        for a, b in zip(found, exact, strict=True):
            assert np.abs((a - b) * scale[:, None] / scale).max() < limit
            # Grazing rings too, though no current sees their last digits.
            assert np.abs(a - b).max() < (limit if rule == "gauss" else 1e-11)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_way_gives_what_doubling_gives(layer: Layer) -> None:
    rings = rings_of(20)
    for sector in layer_sectors(layer, rings):
        doubling = replace(sector)
        doubling.__dict__["slabs"] = SlabDoubling(sector.equations)  # the other way
        for thickness in (1e-3, 0.7, 12.0, 3e3):
            ours, other = (slab_operators(each, thickness) for each in (sector, doubling))
            # What a conserved density does in thousands of paths hangs on how well it is conserved.
            content_limit = 2e-13 if thickness < 100.0 else 1e-11
            for name, limit in (
                ("s", 2e-13),
                ("b", 2e-13),
                ("content_even", content_limit),
                ("content_odd", content_limit),
            ):
                a, b = (getattr(each, name) for each in (ours, other))
                assert np.abs(a - b).max(initial=0.0) <= limit * np.abs(b).max(initial=0.0)


@pytest.mark.parametrize("layer", LAYERS)
def test_what_a_slab_holds_follows_from_what_it_loses(layer: Layer) -> None:
    """j(0) - j(t) = (K_out - K_in) int <g> dz, for each density."""
    rings = rings_of(7)
    terms = collision_terms(layer)
    lost = terms.k_out - terms.k_in[0, 0]
    for sector in slab_sectors(layer, rings, 3.0):
        n = len(sector.parity)
        flux = rings.cosines * rings.polar_weights
        arriving = np.concatenate([np.eye(n), np.zeros((n, n))], axis=1)
        other = np.roll(arriving, n, axis=1)
        lower = arriving - sector.face(BOTTOM) @ arriving - sector.through(BOTTOM) @ other
        upper = sector.through(TOP) @ arriving + sector.face(TOP) @ other - other
        net = [from_sector(sector.nodes, x)[:, 0] for x in (lower, upper)]
        gone = 0.5 * np.einsum("i,iac->ac", flux, net[0] - net[1])
        held = np.zeros((4, 2 * n))
        held[list(sector.densities)] = sector.content
        # <g> is half the sum over both hemispheres, with weights that add up to one in each.
        np.testing.assert_allclose(gone, lost @ held, atol=1e-13)


def test_sectors_take_every_unknown_once_and_have_twins() -> None:
    rings = rings_of(5)
    for layer, sizes, distinct in (
        (PLAIN, [1, 1, 1, 1], 2),
        (SKEW, [3, 3, 1, 2], 3),
        (CO, [2, 2], 2),
    ):
        sectors = layer_sectors(layer, rings)
        assert [len(sector.nodes) for sector in sectors] == sizes
        flights = flight_nodes(collision_terms(layer).k_out, sectors)
        nodes = np.concatenate(
            [*(sector.nodes for sector in sectors), *(nodes for nodes, _ in flights)]
        ).reshape(-1, 12)
        np.testing.assert_allclose(nodes @ nodes.T, np.eye(12), atol=1e-15)
        found = {id(sector.reflection) for sector in slab_sectors(layer, rings, 1.0)}
        assert len(found) == distinct


def test_skew_sectors_are_the_collision_operator() -> None:
    """All directions at random moments: K_out g - K_in[g] as the full kernel has it."""
    rings, rng = rings_of(4), np.random.default_rng(3)
    terms = collision_terms(SKEW)
    mu, w = rings.cosines, rings.polar_weights
    sine = np.sqrt(1.5 * (1.0 - mu**2))
    up, down = (rng.normal(size=(len(mu), 3, 4, 1)) for _ in range(2))
    # Harmonics at +-k_z by azimuthal moment: 1, k_x, k_y, k_z.
    table = [
        (0, 1.0 + 0.0 * mu, 1.0),
        (1, sine, 1.0),
        (2, sine, 1.0),
        (0, math.sqrt(3.0) * mu, -1.0),
    ]
    means = np.array(
        [0.5 * np.einsum("i,iac->ac", w * y, up[:, m] + sign * down[:, m]) for m, y, sign in table]
    )
    drawn = np.einsum("abij,bjc->aic", terms.k_in, means)
    exact = [np.einsum("ij,nmjc->nmic", terms.k_out, g) for g in (up, down)]
    for (m, y, sign), source in zip(table, drawn, strict=True):
        exact[0][:, m] -= np.multiply.outer(y, source)
        exact[1][:, m] -= sign * np.multiply.outer(y, source)
    ours = [np.zeros_like(up), np.zeros_like(up)]
    sectors = layer_sectors(SKEW, rings)
    for sector in sectors:
        u, d = to_sector(sector.nodes, up), to_sector(sector.nodes, down)
        p = sector.parity[:, None]
        even, odd = sector.even @ (0.5 * (u + p * d)), sector.odd @ (0.5 * (u - p * d))
        ours[0] += from_sector(sector.nodes, even + odd)
        ours[1] += from_sector(sector.nodes, p * (even - odd))
    for nodes, k_out in flight_nodes(terms.k_out, sectors):
        for store, g in zip(ours, (up, down), strict=True):
            store += from_sector(nodes, np.kron(k_out, np.eye(len(mu))) @ to_sector(nodes, g))
    for a, b in zip(ours, exact, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)


@pytest.mark.parametrize("length", [1e-3, 2.0, 40.0])
def test_attenuation_is_the_matrix_exponential(length: float) -> None:
    rings = rings_of(5)
    rng = np.random.default_rng(1)
    full = rng.normal(size=(4, 4))
    for k_out in (
        *(collision_terms(layer).k_out for layer in LAYERS),
        np.diag([1.0, 2.0, 3.0, 0.0]),
        full @ full.T,
        collision_terms(replace(CO, magnetization=(0.6, 0.0, 0.8))).k_out,
    ):
        exact = expm(-k_out * (length / rings.cosines)[:, None, None])
        np.testing.assert_allclose(attenuation(k_out, rings, length), exact, atol=2e-13)


PLATINUM = HeavyMetal.from_spin_diffusion_length
#: Films on which accuracy and speed are stated, here without and with skew scattering.
STATED = [
    Bilayer(
        replace(PLATINUM(thickness, path, length), spin_hall_angle=angle),
        RashbaInterface(*interface),
        replace(CO, thickness=magnet, magnetization=None),
        magnetization=(0.3, 0.2, 1.0),
    )
    for thickness, path, length, magnet, interface in (
        (10.0, 2.0853, 2.57, 5.0, (0.426, 0.2, 0.213)),
        (3.0, 2.0853, 2.57, 1.0, (0.426, 0.2, 0.05)),
        (2.0, 2.0853, 2.57, 0.6, (0.7, 0.1, 0.1)),
        (6.0, 1.0, 1.4, 2.0, (0.2, 0.5, 0.1)),
        (4.0, 5.0, 8.0, 3.0, (0.3, 0.25, 0.2)),
    )
    for angle in (0.0, 0.059)
]
FILMS = [
    *STATED,
    random_bilayer(np.random.default_rng(7)),
    pt_co(0.2, magnetization=(0.3, 0.2, 1.0)),
    replace(pt_co(0.2), heavy_metal=SKEW, left=Surface(0.3)),
    replace(pt_co(0.1), heavy_metal=HeavyMetal(40.0, 1.0, 8.0, 0.3)),
    replace(pt_co(0.1), heavy_metal=replace(SKEW, thickness=0.3)),
]


@pytest.mark.parametrize("rule", ["gauss", "graded"])
@pytest.mark.parametrize("film", FILMS)
def test_truncation_changes_less_than_it_says(
    film: Bilayer, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh = SphericalMesh(20, 8, rule)  # type: ignore[arg-type]

    def solved(tolerance: float) -> tuple[np.ndarray, int]:
        monkeypatch.setattr(truncation, "RANK_TOLERANCE", tolerance)
        response_cache.clear_cache()
        solution = solve_boltzmann(film, mesh)
        assert mesh.rings is not None
        end = layer_termination(film.heavy_metal, film.left, BOTTOM, mesh.rings)
        return solution.torque_total, end.dense.left.shape[3]

    default = truncation.RANK_TOLERANCE
    try:
        everything, full = solved(0.0)
        kept, rank = solved(default)
        rough, low = solved(1e-4)
    finally:
        response_cache.clear_cache()
    scale = np.abs(everything).max()
    assert np.abs(kept - everything).max() < 1e-12 * scale
    assert np.abs(rough - everything).max() > 1e-12 * scale
    assert low < rank < full


@pytest.mark.parametrize("film", [STATED[0], STATED[1]])
def test_collisions_have_few_unknowns_however_many_flights(film: Bilayer) -> None:
    ranks = []
    for n_polar in (16, 64):
        rings = SphericalMesh(n_polar, 4).rings
        assert rings is not None
        ranks.append(film_response(film.stack(), rings).rank)
    assert ranks[1] < 1.75 * ranks[0]
