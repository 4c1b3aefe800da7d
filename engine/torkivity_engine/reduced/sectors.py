"""Spin components and azimuthal moments that the collisions of a layer couple.

In-scattering of finite rank feeds only a few azimuthal moments of the distribution: the
mean for isotropic scattering, also the cos(phi) and sin(phi) moments for skew scattering. With
the even and odd combinations e = (g(+k_z) + P g(-k_z))/2, f = (g(+k_z) - P g(-k_z))/2, where P
is a spin parity that commutes with the collisions (1, or the mirror (-, -, +, +) of axial
vectors), the Boltzmann equation of a moment becomes

    mu df/dz = -L_e e,    mu de/dz = -L_o f,

and falls apart into sectors. They are cut along combinations of moments and spin components that
a turn about z by 90 degrees takes into each other or leaves alone: skew scattering then leaves
small sectors, and pairs of them with equal operators.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.layer import Layer
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_engine.reduced.response_cache import cached, ring_key
from torkivity_engine.reduced.slab_decay import SlabDecay, slab_decay
from torkivity_engine.reduced.slab_doubling import SlabDoubling
from torkivity_engine.reduced.slab_equations import Kept, SlabEquations
from torkivity_engine.reduced.slab_modes import SlabModes, slab_modes
from torkivity_meshes import AzimuthalRings

__all__ = [
    "N_MOMENTS",
    "LayerSector",
    "conserved_densities",
    "coupled",
    "flight_nodes",
    "from_sector",
    "layer_sectors",
    "node_entries",
    "to_sector",
]


#: Azimuthal moments 1, sqrt(2) cos(phi), sqrt(2) sin(phi), orthonormal in the azimuthal mean.
N_MOMENTS = 3

_X, _Y, _Z, _C = range(4)
_ROOT = math.sqrt(0.5)


def _node(*terms: tuple[int, int, float]) -> FloatArray:
    node = np.zeros((N_MOMENTS, 4))
    for moment, component, weight in terms:
        node[moment, component] = weight
    return node


#: Weights of each node, one unknown per ring, in (azimuthal moment, component). Orthonormal. The
#: first six: two triples that a turn by 90 degrees exchanges.
_NODES = np.stack(
    [
        *(_node((0, _X, 1.0)), _node((2, _C, 1.0)), _node((1, _Z, 1.0))),
        *(_node((0, _Y, 1.0)), _node((1, _C, -1.0)), _node((2, _Z, 1.0))),
        *(_node((0, _Z, 1.0)), _node((0, _C, 1.0))),
        *(_node((2, _X, _ROOT), (1, _Y, -_ROOT)), _node((1, _X, _ROOT), (2, _Y, _ROOT))),
        *(_node((2, _X, _ROOT), (1, _Y, _ROOT)), _node((1, _X, _ROOT), (2, _Y, -_ROOT))),
    ]
)
#: Spin component of each node, which alone has its parity, and whether it is in the azimuthal mean.
_SPINS = [int(np.nonzero(node)[1][0]) for node in _NODES]
_UNIFORM = [bool(node[0].any()) for node in _NODES]
#: The first harmonic with the same function of the ring, see `_polar_harmonics`.
_RADIAL = (0, 1, 1, 3)
_TABLE = _NODES.reshape(len(_NODES), -1)


@dataclass(frozen=True, eq=False)
class LayerSector:
    """Moments and spin components that a layer couples, with their collision operators.

    Vectors in a sector are ordered (node, ring).

    Attributes
    ----------
    nodes : ndarray, shape (n_nodes, 3, 4)
        Weights of each in the azimuthal moments and components.
    parity : ndarray, shape (n,)
        Spin parity P of each unknown.
    k_out : ndarray, shape (n_nodes, n_nodes)
        1/nm.
    even, odd : ndarray, shape (n, n)
        L_e and L_o in 1/nm.
    mu : ndarray, shape (n,)
        abs(cos(theta)) of each unknown.
    kept : tuple of (ndarray, ndarray) or None
        What even and odd collisions conserve, see `conserved_densities`.
    density_even, density_odd : ndarray, shape (n_even, n) and (n_odd, n)
        Rows that take the densities <g> out of e, or out of f where the parity is -1.
    densities : tuple of int
        Their spin components: those of `density_even`, then those of `density_odd`.
    flux : ndarray, shape (n,)
        Weight of each unknown in a flux, up to a factor.
    first : LayerSector or None
        An earlier sector with equal operators, which answers for both.
    """

    nodes: FloatArray
    parity: FloatArray
    k_out: FloatArray
    even: FloatArray
    odd: FloatArray
    mu: FloatArray
    kept: tuple[Kept | None, Kept | None]
    density_even: FloatArray
    density_odd: FloatArray
    densities: tuple[int, ...]
    flux: FloatArray
    first: LayerSector | None = None

    @cached_property
    def slabs(self) -> SlabModes | SlabDecay | SlabDoubling:
        """What gives slabs of any thickness their operators: the cheapest way that serves."""
        equations, rows = self.equations, (self.density_even, self.density_odd)
        modes = slab_modes(self.even, self.odd, self.mu, self.flux, rows, equations.kept)
        return modes or slab_decay(equations) or SlabDoubling(equations)

    @property
    def equations(self) -> SlabEquations:
        """Those of a slab in the norm of the flux."""
        rows = self.density_even, self.density_odd
        return SlabEquations.of(self.even, self.odd, self.mu, self.flux, rows, self.kept)

    @property
    def conserved(self) -> int:
        """Number of conserved densities."""
        return sum(kept[0].shape[1] for kept in self.kept if kept is not None)


def layer_sectors(layer: Layer, rings: AzimuthalRings) -> list[LayerSector]:
    """Split moments and spin components into what collisions and precession couple.

    Parameters
    ----------
    layer : Layer
        Its thickness is not looked at; a magnet should have m along z.
    rings : AzimuthalRings

    Returns
    -------
    list of LayerSector

    Raises
    ------
    InputError
        If the in-scattering kernel has no mirror symmetry about the plane of the layer.
    """
    key = ring_key("sectors", layer.material_key(), rings=rings)
    return cached(key, list, lambda: _make_sectors(layer, rings))


def _make_sectors(layer: Layer, rings: AzimuthalRings) -> list[LayerSector]:
    terms = collision_terms(layer)
    k_out, k_in = terms.k_out, terms.k_in
    moments, functions, orbital = _polar_harmonics(rings, len(k_in))
    parity = _spin_parity(terms, orbital)
    out_rates = _out_rates(k_out)
    in_rates: dict[tuple[int, int], FloatArray] = {}
    scattered = np.zeros_like(out_rates)
    for a, b in product(range(len(k_in)), repeat=2):
        same = [(c, d) for c, d in np.ndindex(k_in.shape[:2]) if (_RADIAL[c], _RADIAL[d]) == (a, b)]
        between = [np.kron(_unit(moments[c], moments[d]), k_in[c, d]) for c, d in same]
        if np.any(between):
            in_rates[a, b] = _between_nodes(np.sum(between, axis=0))
            scattered += np.abs(in_rates[a, b])
    # Means belong here even where nothing scatters into them: diffuse faces do.
    touched = np.any(scattered + scattered.T, axis=0) | _NODES[:, 0].any(axis=1)
    parts = coupled(np.abs(out_rates) + scattered)
    kernel = _Kernel(out_rates, in_rates, functions, orbital, parity)
    found: list[LayerSector] = []
    firsts: dict[Hashable, LayerSector] = {}
    for part in parts:
        if np.any(touched[list(part)]):
            spins, signature = _signature(part, kernel)
            first = firsts.get(signature)
            if first is None:
                first = firsts[signature] = _sector(part, kernel, rings)
                found.append(first)
            else:
                nodes = _NODES[list(part)]
                found.append(replace(first, nodes=nodes, densities=spins, first=first))
    return found


def coupled(matrix: FloatArray) -> list[tuple[int, ...]]:
    """Groups of indices between which a matrix has no entries, each in order."""
    return _groups((matrix != 0.0).tobytes(), len(matrix))


@lru_cache(maxsize=64)
def _groups(pattern: bytes, n: int) -> list[tuple[int, ...]]:
    entries = np.frombuffer(pattern, dtype=bool).reshape(n, n)
    joined = np.eye(n) + entries + entries.T
    for _ in range(n.bit_length()):
        joined = (joined @ joined > 0.0).astype(np.float64)
    return sorted({tuple(np.flatnonzero(row).tolist()) for row in joined})


def flight_nodes(
    k_out: FloatArray, scattered: list[LayerSector]
) -> list[tuple[FloatArray, FloatArray]]:
    """Nodes that no sector holds, in groups that fly together, with the K_out of each group."""
    held = np.zeros(len(_NODES), dtype=bool)
    for sector in scattered:
        held |= np.any(_TABLE @ sector.nodes.reshape(-1, _TABLE.shape[1]).T > 0.5, axis=1)
    rates = _out_rates(k_out)
    parts = [list(part) for part in coupled(rates)]
    return [(_NODES[part], rates[np.ix_(part, part)]) for part in parts if not held[part[0]]]


def to_sector(nodes: FloatArray, g: FloatArray) -> FloatArray:
    """Unknowns of a sector, shape (n, columns), out of (n_polar, 3, 4, columns)."""
    flat = g.transpose(1, 2, 0, 3).reshape(4 * N_MOMENTS, -1)
    result: FloatArray = nodes.reshape(len(nodes), -1) @ flat
    return result.reshape(-1, g.shape[3])


def from_sector(nodes: FloatArray, unknowns: FloatArray) -> FloatArray:
    """The other way: what unknowns (n, columns) are in moments, (n_polar, 3, 4, columns)."""
    rings, columns = len(unknowns) // len(nodes), unknowns.shape[1]
    rows = unknowns.reshape(len(nodes), rings * columns)
    flat: FloatArray = nodes.reshape(len(nodes), -1).T @ rows
    return flat.reshape(N_MOMENTS, 4, rings, columns).transpose(2, 0, 1, 3)


def node_entries(nodes: FloatArray) -> tuple[tuple[int, int, int, float], ...]:
    """What nodes consist of: node, azimuthal moment, component and weight of each part."""
    return _entries(nodes.tobytes())


@lru_cache(maxsize=64)
def _entries(table: bytes) -> tuple[tuple[int, int, int, float], ...]:
    nodes = np.frombuffer(table).reshape(-1, N_MOMENTS, 4)
    places = (tuple(int(k) for k in place) for place in np.argwhere(nodes))
    return tuple((p, m, c, float(nodes[p, m, c])) for p, m, c in places)


def _unit(row: int, column: int) -> FloatArray:
    matrix = np.zeros((N_MOMENTS, N_MOMENTS))
    matrix[row, column] = 1.0
    return matrix


def _out_rates(k_out: FloatArray) -> FloatArray:
    return _between_nodes(np.asarray(np.kron(np.eye(N_MOMENTS), k_out), dtype=np.float64))


def _between_nodes(matrix: FloatArray) -> FloatArray:
    """A matrix over (moment, component) between nodes."""
    result: FloatArray = _TABLE @ matrix @ _TABLE.T
    # What two equal terms leave of each other is rounding; and -0 of a turned node is 0.
    mixed = np.array([np.count_nonzero(node) > 1 for node in _NODES])
    noise = np.abs(result) < 1e-15 * np.abs(matrix).max()
    result[noise & (mixed[:, None] | mixed)] = 0.0
    return result + 0.0


class _Kernel(NamedTuple):
    """Collisions of a layer between nodes.

    Attributes
    ----------
    out_rates : ndarray, shape (12, 12)
    in_rates : dict of (int, int) to ndarray, shape (12, 12)
        By the harmonics whose functions of the ring they have on the left and on the right.
    functions : ndarray, shape (n_harmonics, n_polar)
    orbital : list of int
        Parity in k_z of each harmonic.
    parity : ndarray, shape (4,)
        Of each spin component.
    """

    out_rates: FloatArray
    in_rates: dict[tuple[int, int], FloatArray]
    functions: FloatArray
    orbital: list[int]
    parity: FloatArray


def _densities(part: tuple[int, ...], kernel: _Kernel) -> tuple[list[tuple[int, int]], ...]:
    """Densities of e and of f: place in the part and spin component."""
    return tuple(
        [
            (at, _SPINS[node])
            for at, node in enumerate(part)
            if _UNIFORM[node] and kernel.parity[_SPINS[node]] == sign
        ]
        for sign in (1.0, -1.0)
    )


def _signature(part: tuple[int, ...], kernel: _Kernel) -> tuple[tuple[int, ...], Hashable]:
    """Spin components of a part's densities, and what its operators are made of."""
    own = np.ix_(part, part)
    densities = _densities(part, kernel)
    return tuple(spin for each in densities for _, spin in each), (
        kernel.out_rates[own].tobytes(),
        *((pair, rates[own].tobytes()) for pair, rates in kernel.in_rates.items()),
        *(float(kernel.parity[_SPINS[node]]) for node in part),
        *(at for each in densities for at, _ in each),
    )


def _sector(part: tuple[int, ...], kernel: _Kernel, rings: AzimuthalRings) -> LayerSector:
    n, size = rings.n_polar, len(part)
    k_out = kernel.out_rates[np.ix_(part, part)]
    own_parity = kernel.parity[[_SPINS[node] for node in part]]
    ring = np.arange(n)
    local = np.zeros((size, n, size, n))
    local[:, ring, :, ring] = k_out
    operators = {1: local.copy(), -1: local}
    for (a, b), rates in kernel.in_rates.items():
        for p, q in zip(*np.nonzero(rates[np.ix_(part, part)]), strict=True):
            # The even equation holds the terms whose source function is even under the parity.
            operators[int(kernel.orbital[a] * own_parity[p])][p, :, q, :] -= (
                rates[part[p], part[q]]
                * kernel.functions[a][:, None]
                * (rings.polar_weights * kernel.functions[b])
            )
    even, odd = (operators[sign].reshape(size * n, size * n) for sign in (1, -1))
    mu = np.tile(rings.cosines, size)
    densities = _densities(part, kernel)
    rows = []
    for own in densities:
        matrix = np.zeros((len(own), size, n))
        matrix[np.arange(len(own)), [at for at, _ in own]] = rings.polar_weights
        rows.append(matrix.reshape(-1, size * n))
    return LayerSector(
        nodes=_NODES[list(part)],
        parity=np.repeat(own_parity, n),
        k_out=k_out,
        even=even,
        odd=odd,
        mu=mu,
        kept=(conserved_densities(even, mu), conserved_densities(odd, mu)),
        density_even=rows[0],
        density_odd=rows[1],
        densities=tuple(spin for own in densities for _, spin in own),
        flux=mu * np.tile(rings.polar_weights, size),
    )


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


def conserved_densities(operator: FloatArray, mu: FloatArray) -> Kept | None:
    """What collisions conserve: S (or B) must not drive it, and rounding would.

    Parameters
    ----------
    operator : ndarray, shape (n, n)
        L_e for S, L_o for B.
    mu : ndarray, shape (n,)
        abs(cos(theta)) of each unknown.

    Returns
    -------
    tuple of ndarray, shape (n, count) each, or None
        (u, z): densities u and rows z^T of their fluxes, z^T u = 1, so that 1 - u z^T on both
        sides of S (or B) keeps it conserving; None if nothing is conserved.
    """
    # A condition estimate is fifty times cheaper, and mostly enough.
    factors, _, _ = lapack.dgetrf(operator)
    reciprocal, _ = lapack.dgecon(factors, np.linalg.norm(operator, 1))
    if reciprocal > 1e-10:
        return None
    left, values, right = np.linalg.svd(operator)
    count = int(np.sum(values < 1e-14 * values[0]))
    if count == 0:
        return None
    u, y = right[-count:].T, mu[:, None] * left[:, -count:]
    return u, np.linalg.solve(y.T @ u, y.T).T
