"""What one layer does to the electrons that enter it, on a mesh with azimuthal rings.

For in-scattering of finite rank a layer acts as (a local 4x4 attenuation per direction) +
(a dense operator on a few azimuthal moments: the mean for isotropic scattering, also the
cos(phi) and sin(phi) moments for skew scattering). The dense part comes from the even and
odd combinations e = (g(+k_z) + P g(-k_z))/2, f = (g(+k_z) - P g(-k_z))/2, where P is a spin
parity that commutes with the collisions (1, or the mirror (-, -, +, +) of axial vectors):

    mu df/dz = -L_e e,    mu de/dz = -L_o f.

With E = L_e/mu, N = L_o/mu and Omega^2 = N E, a slab excited symmetrically has the
admittance S (f into the slab per e at a face), and antisymmetrically the impedance B,

    S = N^-1 Omega tanh(Omega t/2),    B = Omega^-1 tanh(Omega t/2) N.

Both are analytic in Omega^2 and exist for singular N and E, so the defective zero modes of
charge (and of spin without spin flip) need no special treatment. They start from the
continued fraction of tanh for a thin slab and double by

    S' = 2 S (1 + B S)^-1,    B' = 2 (1 + B S)^-1 B,

where B S has eigenvalues between 0 and 1: neither grazing angles nor t/lambda of any size
cost digits or overflow. A density that is conserved gives S (or B) a null vector, which is
projected out after each doubling: rounding would leak, twice as much at each step.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm, lu_factor, lu_solve

from torkivity_engine.collision import (
    CollisionTerms,
    collision_terms,
    decay_reach,
    driven_distribution,
)
from torkivity_engine.errors import InputError
from torkivity_engine.model import (
    Boundary,
    Ferromagnet,
    HalfSpace,
    Layer,
    Reservoir,
    Surface,
)
from torkivity_engine.spin import rotation_to
from torkivity_meshes import AzimuthalRings

__all__ = [
    "BOTTOM",
    "N_MOMENTS",
    "TOP",
    "Emission",
    "LayerSector",
    "LowRank",
    "SlabSector",
    "TerminatedSector",
    "Termination",
    "Transfer",
    "driven_moments",
    "layer_sectors",
    "layer_termination",
    "layer_transfer",
    "own_frame",
    "slab_admittances",
    "slab_sectors",
    "terminated_sectors",
]

FloatArray = NDArray[np.float64]

#: Azimuthal moments 1, sqrt(2) cos(phi), sqrt(2) sin(phi), orthonormal in the azimuthal mean.
N_MOMENTS = 3
BOTTOM, TOP = 0, 1

#: Thin slabs start at a norm of (Omega t/2)^2 below this; eight continued-fraction levels
#: then leave a relative error below 1e-17.
_THIN = 0.25
_LEVELS = 8
#: Singular values of the dense operators below this times the largest are rounding noise.
_RANK_TOLERANCE = 4e-15
_CACHE_SIZE = 128

Node = tuple[int, int]  # (azimuthal moment, spin component)
_Block = tuple[tuple[Node, ...], FloatArray]
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class LowRank:
    """Dense operator on azimuthal moments as left @ right.T.

    Attributes
    ----------
    left, right : ndarray, shape (n_polar, n_moments, 4, rank)
        n_moments is 1 or 3.
    """

    left: FloatArray
    right: FloatArray


@dataclass(frozen=True, eq=False)
class Emission:
    """What leaves the inner face of a terminated layer because of its outer face.

    Attributes
    ----------
    field : ndarray, shape (n_polar, 3, 4, 2)
        Azimuthal moments per unit field along x and y, nm: the driven bulk distribution
        does not obey the outer boundary condition.
    injection : ndarray, shape (n_polar, 3, 4, 4)
        Per injected (x, y, z, charge) of a reservoir.
    """

    field: FloatArray
    injection: FloatArray


@dataclass(frozen=True, eq=False)
class Termination:
    """Outermost layer with its outer boundary, seen from its inner face.

    Attributes
    ----------
    local : ndarray, shape (n_polar, 4, 4)
        Returned without a collision, per direction.
    dense : LowRank
        Returned after collisions or diffuse reflection.
    emission : Emission
    """

    local: FloatArray
    dense: LowRank
    emission: Emission


@dataclass(frozen=True, eq=False)
class Transfer:
    """Inner layer between two interfaces.

    Attributes
    ----------
    local : ndarray, shape (n_polar, 4, 4)
        Transmitted without a collision, per direction, the same both ways.
    reflection : tuple of LowRank
        At the lower and at the upper face, after collisions.
    transmission : tuple of LowRank
        Upwards and downwards, after collisions.
    """

    local: FloatArray
    reflection: tuple[LowRank, LowRank]
    transmission: tuple[LowRank, LowRank]


def _tanh_coefficients() -> tuple[FloatArray, FloatArray]:
    """Polynomials p, q in x^2, lowest power first, with tanh(x)/x = p/q to rounding."""
    poly = np.polynomial.polynomial
    numerator, denominator = np.array([1.0]), np.array([float(2 * _LEVELS - 1)])
    for level in range(_LEVELS - 1, 0, -1):
        # 1 / (b + x^2 n/d)  ->  d / (b d + x^2 n)
        numerator, denominator = (
            denominator,
            poly.polyadd((2 * level - 1) * denominator, poly.polymulx(numerator)),
        )
    scale = denominator[0]
    return numerator / scale, denominator / scale


_TANH_P, _TANH_Q = _tanh_coefficients()


def conserving_projector(operator: FloatArray, mu: FloatArray) -> FloatArray | None:
    """Projector on both sides of S (or B) that keeps what a collision operator conserves.

    Parameters
    ----------
    operator : ndarray, shape (n, n)
        L_e for S, L_o for B.
    mu : ndarray, shape (n,)
        abs(cos(theta)) of each unknown.

    Returns
    -------
    ndarray, shape (n, n), or None
        P with P u = 0 for a conserved density u and y P = 0 for its flux y; None if nothing
        is conserved.
    """
    left, values, right = np.linalg.svd(operator)
    count = int(np.sum(values < 1e-14 * values[0]))
    if count == 0:
        return None
    u, y = right[-count:].T, mu[:, None] * left[:, -count:]
    projector: FloatArray = np.eye(len(mu)) - u @ np.linalg.solve(y.T @ u, y.T)
    return projector


def slab_admittances(
    even: FloatArray,
    odd: FloatArray,
    mu: FloatArray,
    thickness: float,
    projectors: tuple[FloatArray | None, FloatArray | None],
) -> tuple[FloatArray, FloatArray]:
    """Symmetric admittance S and antisymmetric impedance B of a slab.

    Parameters
    ----------
    even, odd : ndarray, shape (n, n)
        L_e and L_o in 1/nm.
    mu : ndarray, shape (n,)
        abs(cos(theta)) of each unknown.
    thickness : float
        nm.
    projectors : tuple of ndarray or None
        From `conserving_projector`, for S and for B.

    Returns
    -------
    S, B : ndarray, shape (n, n)
        f into the slab per e for equal e at the faces, and e per f for opposite e.
    """
    e = even / mu[:, None]
    n = odd / mu[:, None]
    bound = math.sqrt(np.abs(n).sum(axis=1).max() * np.abs(e).sum(axis=1).max())
    steps = math.log2(max(bound * thickness / 2.0, 1e-300) / math.sqrt(_THIN))
    doublings = max(0, math.ceil(steps))
    half = thickness / 2.0 ** (doublings + 1)
    m = (n @ e) * half**2
    ratio = np.linalg.solve(_horner(_TANH_Q, m), _horner(_TANH_P, m))
    s = _conserving(half * e @ ratio, projectors[0])
    b = _conserving(half * ratio @ n, projectors[1])
    identity = np.eye(len(mu))
    for _ in range(doublings):
        factors = lu_factor(identity + b @ s, check_finite=False)
        s = 2.0 * lu_solve(factors, s.T, trans=1, check_finite=False).T
        b = 2.0 * lu_solve(factors, b, check_finite=False)
        s, b = _conserving(s, projectors[0]), _conserving(b, projectors[1])
    return s, b


def _conserving(matrix: FloatArray, projector: FloatArray | None) -> FloatArray:
    return matrix if projector is None else projector @ matrix @ projector


def _horner(coefficients: FloatArray, m: FloatArray) -> FloatArray:
    identity = np.eye(len(m))
    result: FloatArray = coefficients[-1] * identity
    for c in coefficients[-2::-1]:
        result = result @ m + c * identity
    return result


@dataclass(frozen=True, eq=False)
class LayerSector:
    """Moments and spin components that a layer couples, with their collision operators.

    Vectors in a sector are ordered (node, ring).

    Attributes
    ----------
    nodes : tuple of (moment, spin component)
    parity : ndarray, shape (n,)
        Spin parity P of each unknown.
    k_out : ndarray, shape (n_nodes, n_nodes)
        1/nm.
    even, odd : ndarray, shape (n, n)
        L_e and L_o in 1/nm.
    mu : ndarray, shape (n,)
        abs(cos(theta)) of each unknown.
    projectors : tuple of ndarray or None
        What keeps S and B conserving, see `conserving_projector`.
    """

    nodes: tuple[Node, ...]
    parity: FloatArray
    k_out: FloatArray
    even: FloatArray
    odd: FloatArray
    mu: FloatArray
    projectors: tuple[FloatArray | None, FloatArray | None]


@dataclass(frozen=True, eq=False)
class SlabSector:
    """Scattering of one slab in one sector, collisions and flight together.

    Attributes
    ----------
    nodes : tuple of (moment, spin component)
    parity : ndarray, shape (n,)
        Spin parity P of each unknown, unknowns ordered (node, ring).
    k_out : ndarray, shape (n_nodes, n_nodes)
    reflection, transmission : ndarray, shape (n, n)
        R_0 and T_0: the lower face reflects P R_0, the upper one R_0 P; upwards goes T_0,
        downwards P T_0 P.
    scatters : bool
        Whether anything scatters into the sector.
    """

    nodes: tuple[Node, ...]
    parity: FloatArray
    k_out: FloatArray
    reflection: FloatArray
    transmission: FloatArray
    scatters: bool

    def face(self, side: int) -> FloatArray:
        """Reflection at the lower (`BOTTOM`) or upper (`TOP`) face."""
        p = self.parity
        return p[:, None] * self.reflection if side == BOTTOM else self.reflection * p

    def through(self, towards: int) -> FloatArray:
        """Transmission towards the `TOP` or the `BOTTOM` face."""
        p = self.parity
        return self.transmission if towards == TOP else p[:, None] * self.transmission * p


def _polar_harmonics(rings: AzimuthalRings, count: int) -> tuple[list[int], FloatArray, list[int]]:
    """Harmonics as (azimuthal moment, function of the ring at k_z > 0, parity in k_z)."""
    mu = rings.cosines
    sine = np.sqrt(1.5 * (1.0 - mu) * (1.0 + mu))
    table = [
        (0, np.ones_like(mu), 1),
        (1, sine, 1),
        (2, sine, 1),
        (0, math.sqrt(3.0) * mu, -1),
    ][:count]
    return [m for m, _, _ in table], np.stack([y for _, y, _ in table]), [p for _, _, p in table]


def _spin_parity(terms: CollisionTerms, harmonic_parity: list[int]) -> FloatArray:
    """Spin parity under which even and odd combinations decouple."""
    orbital = np.array(harmonic_parity, dtype=np.float64)
    for parity in (np.ones(4), np.array([-1.0, -1.0, 1.0, 1.0])):
        label = orbital[:, None] * parity
        mixes = label[:, None, :, None] != label[None, :, None, :]
        if not np.any(terms.k_in[mixes]) and not np.any(
            terms.k_out[parity[:, None] != parity[None, :]]
        ):
            return parity
    raise InputError(
        "in-scattering kernel",
        "no mirror symmetry about the layer's plane",
        "the reduced method needs one; use method='dense'",
    )


def layer_sectors(layer: Layer, rings: AzimuthalRings) -> list[LayerSector]:
    """Split moments and spin components into what collisions and precession couple.

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet
        Its thickness is not looked at.
    rings : AzimuthalRings

    Returns
    -------
    list of LayerSector

    Raises
    ------
    InputError
        If the in-scattering kernel has no mirror symmetry about the plane of the layer.
    """
    alike = replace(layer, thickness=1.0)
    return _cached(_key("sectors", alike, rings=rings), list, lambda: _make_sectors(alike, rings))


def _make_sectors(layer: Layer, rings: AzimuthalRings) -> list[LayerSector]:
    terms = collision_terms(layer)
    k_out, k_in = terms.k_out, terms.k_in
    moments, functions, orbital = _polar_harmonics(rings, len(k_in))
    parity = _spin_parity(terms, orbital)
    links: dict[Node, set[Node]] = {}
    for a, b, i, j in zip(*np.nonzero(k_in), strict=True):
        here, there = (moments[a], int(i)), (moments[b], int(j))
        links.setdefault(here, set()).add(there)
        links.setdefault(there, set()).add(here)
    for moment, i in list(links):
        for j in np.flatnonzero((k_out[i] != 0.0) | (k_out[:, i] != 0.0)):
            links[moment, i].add((moment, int(j)))
            links.setdefault((moment, int(j)), set()).add((moment, i))
    sectors = []
    left = set(links)
    while left:
        group = {min(left)}
        while (grown := group.union(*(links[node] for node in group))) != group:
            group = grown
        left -= group
        nodes = tuple(sorted(group))
        sectors.append(_sector(nodes, terms, rings, moments, functions, orbital, parity))
    return sectors


def _sector(
    nodes: tuple[Node, ...],
    terms: CollisionTerms,
    rings: AzimuthalRings,
    moments: list[int],
    functions: FloatArray,
    orbital: list[int],
    parity: FloatArray,
) -> LayerSector:
    n, size = rings.n_polar, len(nodes)
    k_out = np.array([[terms.k_out[i, j] if m == p else 0.0 for p, j in nodes] for m, i in nodes])
    operators = {sign: np.kron(k_out, np.eye(n)).reshape(size, n, size, n) for sign in (1, -1)}
    for a, b, i, j in zip(*np.nonzero(terms.k_in), strict=True):
        here, there = (moments[a], int(i)), (moments[b], int(j))
        if here in nodes:
            # The even equation holds the terms whose source function is even under the parity.
            sign = int(orbital[a] * parity[i])
            operators[sign][nodes.index(here), :, nodes.index(there), :] -= (
                terms.k_in[a, b, i, j]
                * functions[a][:, None]
                * (rings.polar_weights * functions[b])
            )
    even, odd = (operators[sign].reshape(size * n, size * n) for sign in (1, -1))
    mu = np.tile(rings.cosines, size)
    return LayerSector(
        nodes=nodes,
        parity=np.repeat([parity[i] for _, i in nodes], n),
        k_out=k_out,
        even=even,
        odd=odd,
        mu=mu,
        projectors=(conserving_projector(even, mu), conserving_projector(odd, mu)),
    )


def slab_sectors(
    layer: Layer, rings: AzimuthalRings, thickness: float, *, flight: bool = False
) -> list[SlabSector]:
    """Scattering of a slab of a layer's material in all sectors that collisions couple.

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet
        Its own thickness is not looked at; a ferromagnet should have m along z.
    rings : AzimuthalRings
    thickness : float
        nm.
    flight : bool, optional
        Also give the sectors that nothing scatters into: attenuation alone.

    Returns
    -------
    list of SlabSector
    """
    done: dict[bytes, tuple[FloatArray, FloatArray]] = {}
    result = []
    for sector in layer_sectors(layer, rings):
        signature = sector.even.tobytes() + sector.odd.tobytes()
        if signature not in done:
            s, b = slab_admittances(
                sector.even, sector.odd, sector.mu, thickness, sector.projectors
            )
            identity = np.eye(len(s))
            left, right = np.linalg.inv(identity + s), np.linalg.inv(identity + b)
            # (1+S)^-1 - (1+B)^-1 without cancellation in a thin slab, and the sum minus one.
            done[signature] = (left @ (b - s) @ right, left @ (identity - s @ b) @ right)
        result.append(SlabSector(sector.nodes, sector.parity, sector.k_out, *done[signature], True))
    if flight:
        scattered = {node for sector in result for node in sector.nodes}
        terms = collision_terms(layer)
        for moment in range(N_MOMENTS):
            spins = tuple(i for i in range(4) if (moment, i) not in scattered)
            if spins:
                k_out = terms.k_out[np.ix_(spins, spins)]
                through = _on_diagonal(_attenuation(k_out, rings, thickness))
                n = len(through)
                nodes = tuple((moment, i) for i in spins)
                result.append(
                    SlabSector(nodes, np.ones(n), k_out, np.zeros((n, n)), through, False)
                )
    return result


def own_frame(layer: Layer) -> tuple[Layer, FloatArray | None]:
    """The layer in the frame of its magnetization, where responses are computed and cached.

    Returns
    -------
    layer : HeavyMetal or Ferromagnet
        With m along z.
    rotation : ndarray, shape (4, 4), or None
        From that frame to Cartesian components; None if there is no m.
    """
    if not isinstance(layer, Ferromagnet):
        return layer, None
    assert layer.magnetization is not None
    rotation = np.eye(4)
    rotation[:3, :3] = rotation_to(layer.magnetization)
    return replace(layer, magnetization=(0.0, 0.0, 1.0), dephasing_length=None), rotation


def _attenuation(k_out: FloatArray, rings: AzimuthalRings, length: float) -> FloatArray:
    """exp(-K_out length / mu), shape (n_polar, s, s)."""
    result: FloatArray = expm(-k_out * (length / rings.cosines)[:, None, None])
    return result


def _low_rank(blocks: list[_Block], rings: AzimuthalRings) -> LowRank:
    """Sector operators, each (node, ring) x (node, ring), as one low-rank factorisation.

    Singular values are taken in the norm of the flux, so grazing rings count as little in
    the truncation as they do in any current.
    """
    n = rings.n_polar
    n_moments = 1 + max((moment for nodes, _ in blocks for moment, _ in nodes), default=0)
    n_moments = 1 if n_moments == 1 else N_MOMENTS
    lefts: list[FloatArray] = []
    rights: list[FloatArray] = []
    flux = np.sqrt(rings.cosines * rings.polar_weights)
    for nodes, matrix in blocks:
        scale = np.tile(flux, len(nodes))
        u, sigma, vt = np.linalg.svd(matrix * scale[:, None] / scale)
        rank = int(np.sum(sigma > _RANK_TOLERANCE * sigma[0])) if sigma[0] > 0.0 else 0
        root = np.sqrt(sigma[:rank])
        for factor, store in (
            (u[:, :rank] * root / scale[:, None], lefts),
            (vt[:rank].T * root * scale[:, None], rights),
        ):
            full = np.zeros((n, n_moments, 4, rank))
            for position, (moment, spin) in enumerate(nodes):
                full[:, moment, spin] = factor[position * n : (position + 1) * n]
            store.append(full)
    return LowRank(np.concatenate(lefts, axis=3), np.concatenate(rights, axis=3))


def _on_diagonal(local: FloatArray) -> FloatArray:
    """Per-ring blocks (n, s, s) as a matrix in (node, ring) order."""
    n, s, _ = local.shape
    full = np.zeros((s, n, s, n))
    ring = np.arange(n)
    full[:, ring, :, ring] = local
    return full.reshape(s * n, s * n)


_cache: OrderedDict[object, object] = OrderedDict()


def _cached(key: object, kind: type[_T], make: Callable[[], _T]) -> _T:
    """Bounded least-recently-used cache of responses in the layers' own frames."""
    value = _cache.pop(key, None)
    if value is None:
        value = make()
    _cache[key] = value
    if len(_cache) > _CACHE_SIZE:
        _cache.popitem(last=False)
    assert isinstance(value, kind)
    return value


def _key(*parts: object, rings: AzimuthalRings) -> object:
    return (*parts, rings.cosines.tobytes(), rings.polar_weights.tobytes())


def layer_termination(
    layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings
) -> Termination:
    """Outermost layer as seen from its inner face.

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet
    boundary : Surface, Reservoir or HalfSpace
        What lies beyond its outer face.
    side : {BOTTOM, TOP}
        Which end of the stack it is.
    rings : AzimuthalRings

    Returns
    -------
    Termination
        In Cartesian spin components.
    """
    own, o = own_frame(layer)
    # What a reservoir injects does not change how the layer responds.
    kind = Reservoir() if isinstance(boundary, Reservoir) else boundary
    made = _cached(
        _key("termination", own, kind, side, rings=rings),
        Termination,
        lambda: _make_termination(own, kind, side, rings),
    )
    if o is None:
        return made
    return Termination(
        o @ made.local @ o.T,
        _rotated(made.dense, o),
        Emission(
            np.einsum("ab,imbc->imac", o, made.emission.field),
            np.einsum("ab,imbc,dc->imad", o, made.emission.injection, o),
        ),
    )


@dataclass(frozen=True, eq=False)
class TerminatedSector:
    """One sector of a slab that ends at an outer boundary, seen from its inner face.

    Attributes
    ----------
    nodes : tuple of (moment, spin component)
    k_out : ndarray, shape (n_nodes, n_nodes)
    returned : ndarray, shape (n, n)
        Collisions and flight together, unknowns ordered (node, ring).
    emitted : ndarray, shape (n, 6)
        Per unit field along x and y, and per injected (x, y, z, charge).
    scatters : bool
        Whether anything scatters into the sector.
    """

    nodes: tuple[Node, ...]
    k_out: FloatArray
    returned: FloatArray
    emitted: FloatArray
    scatters: bool


def terminated_sectors(
    layer: Layer,
    boundary: Boundary,
    side: int,
    rings: AzimuthalRings,
    thickness: float,
    *,
    flight: bool = False,
) -> list[TerminatedSector]:
    """A slab of a layer's material between a plane and the outer boundary.

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet
        A ferromagnet should have m along z.
    boundary : Surface, Reservoir or HalfSpace
    side : {BOTTOM, TOP}
        On which side of the slab the boundary lies.
    rings : AzimuthalRings
    thickness : float
        nm; a half space is as thick as it takes.
    flight : bool, optional
        Also give the sectors that nothing scatters into.

    Returns
    -------
    list of TerminatedSector
    """
    n = rings.n_polar
    if isinstance(boundary, HalfSpace):
        thickness = decay_reach(layer)
    specular = boundary.specularity if isinstance(boundary, Surface) else 0.0
    diffuse = 0.0 if isinstance(boundary, Reservoir) else 1.0 - specular
    flux_mean = np.broadcast_to(2.0 * rings.cosines * rings.polar_weights, (n, n))
    source = _outer_source(layer, boundary, side, rings)
    inner, outer = 1 - side, side
    result = []
    for sector in slab_sectors(layer, rings, thickness, flight=flight):
        size = len(sector.nodes)
        isotropic = np.diag([diffuse * (moment == 0) for moment, _ in sector.nodes])
        back = specular * np.eye(size * n) + np.kron(isotropic, flux_mean)
        # Arriving at the outer face: through + face (back (...) + source), summed up.
        loop = np.linalg.inv(np.eye(size * n) - back @ sector.face(outer))
        inwards = sector.through(inner) @ loop
        stacked = np.concatenate([source[:, moment, spin] for moment, spin in sector.nodes])
        result.append(
            TerminatedSector(
                nodes=sector.nodes,
                k_out=sector.k_out,
                returned=sector.face(inner) + inwards @ back @ sector.through(outer),
                emitted=inwards @ stacked,
                scatters=sector.scatters,
            )
        )
    return result


def _make_termination(
    layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings
) -> Termination:
    specular = boundary.specularity if isinstance(boundary, Surface) else 0.0
    thickness = layer.thickness
    emitted = np.zeros((rings.n_polar, N_MOMENTS, 4, 6))
    blocks = []
    for sector in terminated_sectors(layer, boundary, side, rings, thickness, flight=True):
        size = len(sector.nodes)
        response = sector.emitted.reshape(size, rings.n_polar, 6)
        for position, (moment, spin) in enumerate(sector.nodes):
            emitted[:, moment, spin] = response[position]
        if sector.scatters:
            direct = specular * _attenuation(sector.k_out, rings, 2.0 * thickness)
            blocks.append((sector.nodes, sector.returned - _on_diagonal(direct)))
    k_out = collision_terms(layer).k_out
    return Termination(
        local=specular * _attenuation(k_out, rings, 2.0 * thickness),
        dense=_low_rank(blocks, rings),
        emission=Emission(emitted[..., :2], emitted[..., 2:]),
    )


def _outer_source(layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings) -> FloatArray:
    """What the outer face sends inwards by itself, shape (n_polar, 3, 4, 6).

    Two columns for the field (the driven bulk distribution misses the boundary condition),
    four for the injections of a reservoir.
    """
    source = np.zeros((rings.n_polar, N_MOMENTS, 4, 6))
    if isinstance(boundary, HalfSpace):
        return source
    towards = 1.0 if side == TOP else -1.0
    leaving, entering = (
        driven_moments(layer, rings, towards),
        driven_moments(layer, rings, -towards),
    )
    source[..., :2] = -entering
    if isinstance(boundary, Reservoir):
        source[:, 0, :, 2:] = np.eye(4)
        return source
    p = boundary.specularity
    source[..., :2] += p * leaving
    flux = 2.0 * rings.cosines * rings.polar_weights
    source[:, 0, :, :2] += (1.0 - p) * np.einsum("i,isc->sc", flux, leaving[:, 0])
    return source


def driven_moments(layer: Layer, rings: AzimuthalRings, sign: float) -> FloatArray:
    """Azimuthal moments of the field-driven bulk distribution of a layer.

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet
    rings : AzimuthalRings
    sign : {1.0, -1.0}
        Sign of k_z.

    Returns
    -------
    ndarray, shape (n_polar, 3, 4, 2)
        nm per unit e^2 E~ along x and y.
    """
    g = driven_distribution(layer)
    mu = rings.cosines
    in_plane = np.sqrt(0.5 * (1.0 - mu) * (1.0 + mu))
    moments = np.empty((rings.n_polar, N_MOMENTS, 4, 2))
    moments[:, 0] = np.multiply.outer(sign * mu, g[2])
    moments[:, 1] = np.multiply.outer(in_plane, g[0])
    moments[:, 2] = np.multiply.outer(in_plane, g[1])
    return moments


def layer_transfer(layer: Layer, rings: AzimuthalRings) -> Transfer:
    """Inner layer between two interfaces.

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet
    rings : AzimuthalRings

    Returns
    -------
    Transfer
        In Cartesian spin components.
    """
    own, o = own_frame(layer)
    made = _cached(_key("transfer", own, rings=rings), Transfer, lambda: _make_transfer(own, rings))
    if o is None:
        return made
    return Transfer(
        o @ made.local @ o.T,
        (_rotated(made.reflection[BOTTOM], o), _rotated(made.reflection[TOP], o)),
        (_rotated(made.transmission[0], o), _rotated(made.transmission[1], o)),
    )


def _make_transfer(layer: Layer, rings: AzimuthalRings) -> Transfer:
    faces: tuple[list[_Block], list[_Block]] = ([], [])
    through: tuple[list[_Block], list[_Block]] = ([], [])
    for sector in slab_sectors(layer, rings, layer.thickness):
        direct = _on_diagonal(_attenuation(sector.k_out, rings, layer.thickness))
        for side, towards in ((BOTTOM, TOP), (TOP, BOTTOM)):
            faces[side].append((sector.nodes, sector.face(side)))
            through[side].append((sector.nodes, sector.through(towards) - direct))
    return Transfer(
        local=_attenuation(collision_terms(layer).k_out, rings, layer.thickness),
        reflection=(_low_rank(faces[BOTTOM], rings), _low_rank(faces[TOP], rings)),
        transmission=(_low_rank(through[BOTTOM], rings), _low_rank(through[TOP], rings)),
    )


def _rotated(operator: LowRank, o: FloatArray) -> LowRank:
    return LowRank(o @ operator.left, o @ operator.right)
