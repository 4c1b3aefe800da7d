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
    "SlabOperators",
    "SlabSector",
    "TerminatedSector",
    "Termination",
    "Transfer",
    "driven_moments",
    "layer_sectors",
    "layer_termination",
    "layer_transfer",
    "own_frame",
    "slab_operators",
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
_NOTHING = 1e-150

Node = tuple[int, int]  # (azimuthal moment, spin component)
_Block = tuple[tuple[Node, ...], FloatArray]
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class LowRank:
    """Dense operator on azimuthal moments as left @ right.T.

    Attributes
    ----------
    left, right : ndarray, shape (n_polar, n_moments, n_components, rank)
        n_moments is 1 or 3; n_components 4 per face.
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
class Content:
    """Integral of <g> over a layer, from what enters it: independent of what leaves it.

    Attributes
    ----------
    arriving : tuple of ndarray, shape (4, n_polar, 3, 4)
        Per unit arriving at the lower and at the upper face, nm; None for an outer face.
    source : ndarray, shape (4, 6)
        Per unit field along x and y, and per injected (x, y, z, charge).
    """

    arriving: tuple[FloatArray | None, FloatArray | None]
    source: FloatArray


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
    content : Content
        How much spin and charge the layer holds.
    conserved : int
        Number of densities that its collisions conserve.
    """

    local: FloatArray
    dense: LowRank
    emission: Emission
    content: Content
    conserved: int


@dataclass(frozen=True, eq=False)
class Transfer:
    """Inner layer between two interfaces.

    Attributes
    ----------
    local : ndarray, shape (n_polar, 4, 4)
        Transmitted without a collision, per direction, the same both ways.
    dense : LowRank
        Returned or passed on after collisions; its 8 components are those of the lower face,
        then those of the upper one.
    content : Content
        How much spin and charge the layer holds.
    conserved : int
        Number of densities that its collisions conserve.
    """

    local: FloatArray
    dense: LowRank
    content: Content
    conserved: int


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


@dataclass(frozen=True, eq=False)
class SlabOperators:
    """Operators of one slab in one sector, unknowns ordered (node, ring).

    Attributes
    ----------
    s, b : ndarray, shape (n, n)
        Symmetric admittance (f into the slab per e at a face) and antisymmetric impedance
        (e per f).
    content_even, content_odd : ndarray, shape (n_even, n) and (n_odd, n)
        Integral over the slab of the densities <g>, in nm: of those that e holds per e at the
        faces for symmetric excitation, of those that f holds per f for antisymmetric one.
    """

    s: FloatArray
    b: FloatArray
    content_even: FloatArray
    content_odd: FloatArray


def slab_operators(sector: LayerSector, thickness: float) -> SlabOperators:
    """Operators of a slab by doubling.

    Parameters
    ----------
    sector : LayerSector
    thickness : float
        nm.

    Returns
    -------
    SlabOperators
    """
    e = sector.even / sector.mu[:, None]
    n = sector.odd / sector.mu[:, None]
    bound = math.sqrt(np.abs(n).sum(axis=1).max() * np.abs(e).sum(axis=1).max())
    steps = math.log2(max(bound * thickness / 2.0, 1e-300) / math.sqrt(_THIN))
    doublings = max(0, math.ceil(steps))
    half = thickness / 2.0 ** (doublings + 1)
    ratio = _tanh_ratio((n @ e) * half**2)
    s = _conserving(half * e @ ratio, sector.projectors[0])
    b = _conserving(half * ratio @ n, sector.projectors[1])
    # int cosh(Omega z) dz / cosh(Omega t/2) = 2 Omega^-1 tanh(Omega t/2).
    even = 2.0 * half * sector.density_even @ ratio
    odd = sector.density_odd
    if len(odd):
        odd = 2.0 * half * odd @ _tanh_ratio((e @ n) * half**2)
    identity = np.eye(len(s))
    for _ in range(doublings):
        factors = lu_factor(identity + b @ s, check_finite=False)

        def over(
            rows: FloatArray, factors: tuple[FloatArray, NDArray[np.int32]] = factors
        ) -> FloatArray:
            """rows (1 + B S)^-1."""
            result: FloatArray = lu_solve(factors, rows.T, trans=1, check_finite=False).T
            return result

        # Each half of the doubled slab holds its content for the mean of its two faces.
        even = 2.0 * over(even)
        odd = 2.0 * (odd - over(odd @ s) @ b)
        s = _conserving(2.0 * over(s), sector.projectors[0])
        b = _conserving(2.0 * lu_solve(factors, b, check_finite=False), sector.projectors[1])
    return SlabOperators(s, b, even, odd)


def _tanh_ratio(m: FloatArray) -> FloatArray:
    """tanh(x)/x of the matrix x with square m."""
    return np.asarray(np.linalg.solve(_horner(_TANH_Q, m), _horner(_TANH_P, m)), dtype=np.float64)


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
    conserved : int
        Number of conserved densities.
    density_even, density_odd : ndarray, shape (n_even, n) and (n_odd, n)
        Rows that take the densities <g> out of e, or out of f where the parity is -1.
    densities : tuple of int
        Their spin components: those of `density_even`, then those of `density_odd`.
    """

    nodes: tuple[Node, ...]
    parity: FloatArray
    k_out: FloatArray
    even: FloatArray
    odd: FloatArray
    mu: FloatArray
    projectors: tuple[FloatArray | None, FloatArray | None]
    conserved: int
    density_even: FloatArray
    density_odd: FloatArray
    densities: tuple[int, ...]


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
    content : ndarray, shape (n_densities, 2 n)
        Integral of the densities <g> over the slab, in nm, per unit arriving at the lower and
        at the upper face.
    densities : tuple of int
        Spin components of its rows.
    scatters : bool
        Whether anything scatters into the sector.
    """

    nodes: tuple[Node, ...]
    parity: FloatArray
    k_out: FloatArray
    reflection: FloatArray
    transmission: FloatArray
    content: FloatArray
    densities: tuple[int, ...]
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
    uniform = [(at, spin) for at, (moment, spin) in enumerate(nodes) if moment == 0]
    rows = {
        sign: [(at, spin) for at, spin in uniform if parity[spin] == sign] for sign in (1.0, -1.0)
    }

    def density(sign: float) -> FloatArray:
        matrix = np.zeros((len(rows[sign]), size, n))
        for row, (at, _) in enumerate(rows[sign]):
            matrix[row, at] = rings.polar_weights
        return matrix.reshape(-1, size * n)

    projectors = (conserving_projector(even, mu), conserving_projector(odd, mu))
    return LayerSector(
        nodes=nodes,
        parity=np.repeat([parity[i] for _, i in nodes], n),
        k_out=k_out,
        even=even,
        odd=odd,
        mu=mu,
        projectors=projectors,
        # A projector's trace is what it leaves.
        conserved=sum(len(mu) - round(float(np.trace(p))) for p in projectors if p is not None),
        density_even=density(1.0),
        density_odd=density(-1.0),
        densities=tuple(spin for sign in (1.0, -1.0) for _, spin in rows[sign]),
    )


def _scattering(
    sector: LayerSector, slab: SlabOperators
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """R_0, T_0 and the content of a slab from its operators."""
    identity, p = np.eye(len(slab.s)), sector.parity
    left, right = np.linalg.inv(identity + slab.s), np.linalg.inv(identity + slab.b)
    # (1+S)^-1 - (1+B)^-1 without cancellation in a thin slab, and the sum minus one.
    reflection = left @ (slab.b - slab.s) @ right
    transmission = left @ (identity - slab.s @ slab.b) @ right
    even, odd = 0.5 * slab.content_even @ left, 0.5 * slab.content_odd @ right
    content = np.block([[even, even * p], [odd, -odd * p]])
    return reflection, transmission, content


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
    done: dict[bytes, tuple[FloatArray, FloatArray, FloatArray]] = {}
    result = []
    for sector in layer_sectors(layer, rings):
        signature = sector.even.tobytes() + sector.odd.tobytes()
        if signature not in done:
            done[signature] = _scattering(sector, slab_operators(sector, thickness))
        result.append(
            SlabSector(
                sector.nodes, sector.parity, sector.k_out, *done[signature], sector.densities, True
            )
        )
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
                    SlabSector(
                        nodes,
                        np.ones(n),
                        k_out,
                        np.zeros((n, n)),
                        through,
                        np.zeros((0, 2 * n)),
                        (),
                        False,
                    )
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
    # Subnormal numbers would slow every product with them down.
    result[np.abs(result) < _NOTHING] = 0.0
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
            o @ made.emission.field,
            o @ made.emission.injection @ o.T,
        ),
        _rotated_content(made.content, o),
        made.conserved,
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
    content, content_of_source : ndarray, shape (n_densities, n) and (n_densities, 6)
        Integral of the densities <g> over the slab, in nm, per unit arriving at its inner face
        and per unit field or injection.
    densities : tuple of int
        Spin components of their rows.
    scatters : bool
        Whether anything scatters into the sector.
    """

    nodes: tuple[Node, ...]
    k_out: FloatArray
    returned: FloatArray
    emitted: FloatArray
    content: FloatArray
    content_of_source: FloatArray
    densities: tuple[int, ...]
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
        halves = np.split(sector.content, 2, axis=1)
        near, far = halves[inner], halves[outer]
        result.append(
            TerminatedSector(
                nodes=sector.nodes,
                k_out=sector.k_out,
                returned=sector.face(inner) + inwards @ back @ sector.through(outer),
                emitted=inwards @ stacked,
                content=near + far @ loop @ back @ sector.through(outer),
                content_of_source=far @ loop @ stacked,
                densities=sector.densities,
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
    content, held = np.zeros((4, rings.n_polar, N_MOMENTS, 4)), np.zeros((4, 6))
    blocks = []
    for sector in terminated_sectors(layer, boundary, side, rings, thickness, flight=True):
        size = len(sector.nodes)
        response = sector.emitted.reshape(size, rings.n_polar, 6)
        for position, (moment, spin) in enumerate(sector.nodes):
            emitted[:, moment, spin] = response[position]
        _spread(content, sector.densities, sector.nodes, sector.content)
        held[list(sector.densities)] = sector.content_of_source
        if sector.scatters:
            direct = specular * _attenuation(sector.k_out, rings, 2.0 * thickness)
            blocks.append((sector.nodes, sector.returned - _on_diagonal(direct)))
    k_out = collision_terms(layer).k_out
    return Termination(
        local=specular * _attenuation(k_out, rings, 2.0 * thickness),
        dense=_low_rank(blocks, rings),
        emission=Emission(emitted[..., :2], emitted[..., 2:]),
        content=Content((None, content) if side == BOTTOM else (content, None), held),
        conserved=sum(sector.conserved for sector in layer_sectors(layer, rings)),
    )


def _spread(
    out: FloatArray, densities: tuple[int, ...], nodes: tuple[Node, ...], rows: FloatArray
) -> None:
    """Write rows over a sector's unknowns into (component, ring, moment, component)."""
    split = rows.reshape(len(densities), len(nodes), out.shape[1])
    for row, density in enumerate(densities):
        for position, (moment, spin) in enumerate(nodes):
            out[density, :, moment, spin] = split[row, position]


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
        _rotated(made.dense, np.asarray(np.kron(np.eye(2), o), dtype=np.float64)),
        _rotated_content(made.content, o),
        made.conserved,
    )


def _make_transfer(layer: Layer, rings: AzimuthalRings) -> Transfer:
    # Equal and opposite excitation of the two faces do not mix: with P the spin parity,
    # P out(lower) +- out(upper) = (R_0 +- T_0) (in(lower) +- P in(upper)).
    blocks: dict[float, list[_Block]] = {1.0: [], -1.0: []}
    parity = np.ones(4)
    content = np.zeros((2, 4, rings.n_polar, N_MOMENTS, 4))
    for sector in slab_sectors(layer, rings, layer.thickness):
        direct = _on_diagonal(_attenuation(sector.k_out, rings, layer.thickness))
        for side, rows in enumerate(np.split(sector.content, 2, axis=1)):
            _spread(content[side], sector.densities, sector.nodes, rows)
        for position, (_, spin) in enumerate(sector.nodes):
            parity[spin] = sector.parity[position * rings.n_polar]
        for sign, store in blocks.items():
            collided = sector.reflection + sign * (sector.transmission - direct)
            store.append((sector.nodes, collided))
    lefts, rights = [], []
    for sign, store in blocks.items():
        half = _low_rank(store, rings)
        turned = parity[:, None]
        lefts.append(0.5 * np.concatenate([turned * half.left, sign * half.left], axis=2))
        rights.append(np.concatenate([half.right, sign * turned * half.right], axis=2))
    return Transfer(
        local=_attenuation(collision_terms(layer).k_out, rings, layer.thickness),
        dense=LowRank(np.concatenate(lefts, axis=3), np.concatenate(rights, axis=3)),
        content=Content((content[BOTTOM], content[TOP]), np.zeros((4, 6))),
        conserved=sum(sector.conserved for sector in layer_sectors(layer, rings)),
    )


def _rotated(operator: LowRank, o: FloatArray) -> LowRank:
    return LowRank(o @ operator.left, o @ operator.right)


def _rotated_content(content: Content, o: FloatArray) -> Content:
    source = o @ content.source
    source[:, 2:] = source[:, 2:] @ o.T
    lower, upper = (
        None if rows is None else (o @ rows.reshape(4, -1)).reshape(rows.shape) @ o.T
        for rows in content.arriving
    )
    return Content((lower, upper), source)
