"""Spin components and azimuthal moments that the collisions of a layer couple.

In-scattering of finite rank feeds only a few azimuthal moments of the distribution: the
mean for isotropic scattering, also the cos(phi) and sin(phi) moments for skew scattering. With
the even and odd combinations e = (g(+k_z) + P g(-k_z))/2, f = (g(+k_z) - P g(-k_z))/2, where P
is a spin parity that commutes with the collisions (1, or the mirror (-, -, +, +) of axial
vectors), the Boltzmann equation of a moment becomes

    mu df/dz = -L_e e,    mu de/dz = -L_o f,

and falls apart into sectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.layer import Layer
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_engine.reduced.response_cache import cached, ring_key
from torkivity_meshes import AzimuthalRings

__all__ = ["N_MOMENTS", "LayerSector", "Node", "conserving_projector", "layer_sectors"]


#: Azimuthal moments 1, sqrt(2) cos(phi), sqrt(2) sin(phi), orthonormal in the azimuthal mean.
N_MOMENTS = 3

Node = tuple[int, int]  # (azimuthal moment, spin component)


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
