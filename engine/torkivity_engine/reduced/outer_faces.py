"""Slabs that end at an outer boundary: surfaces, reservoirs, half spaces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.boundaries import TOP, Boundary
from torkivity_engine.film.collisions import driven_distribution, keyed
from torkivity_engine.film.layer import Keyed, Layer
from torkivity_engine.reduced.response_cache import cached, ring_key
from torkivity_engine.reduced.sectors import N_MOMENTS, layer_sectors, to_sector
from torkivity_engine.reduced.slab_equations import inverse
from torkivity_engine.reduced.slabs import SlabSector, slab_sectors
from torkivity_meshes import AzimuthalRings

__all__ = ["TerminatedSector", "driven_moments", "outer_source", "terminated_sectors"]


@dataclass(frozen=True, eq=False)
class TerminatedSector:
    """One sector of a slab that ends at an outer boundary, seen from its inner face.

    Attributes
    ----------
    nodes : ndarray, shape (n_nodes, 3, 4)
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
    outer : tuple of ndarray
        What `outward` and `inward` are made of.
    """

    nodes: FloatArray
    k_out: FloatArray
    returned: FloatArray
    emitted: FloatArray
    content: FloatArray
    content_of_source: FloatArray
    densities: tuple[int, ...]
    outer: tuple[FloatArray, ...]

    @property
    def outward(self) -> FloatArray:
        """What reaches the outer face, shape (n, n + 6).

        Per unit arriving at the inner face, then per unit field or injection.
        """
        through, face, inward, sent = self.outer
        return np.hstack([through + face @ inward, face @ sent])

    @property
    def inward(self) -> FloatArray:
        """What comes back from the outer face, as `outward`."""
        _, _, inward, sent = self.outer
        return np.hstack([inward, sent])


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
    layer : Layer
        A magnet should have m along z.
    boundary : Boundary
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
    if boundary.endless:
        thickness = layer.decay_reach()
    source = outer_source(layer, boundary, side, rings)
    known = len(source.in_sectors)
    done: dict[object, _Returning] = {}
    result = []
    for index, sector in enumerate(slab_sectors(layer, rings, thickness, flight=flight)):
        isotropic = _isotropic(sector.nodes.tobytes())
        # Twins share their arrays.
        key = id(sector.reflection), id(sector.transmission), isotropic
        if key not in done:
            done[key] = _returning(sector, boundary, side, rings, isotropic)
        own = done[key]
        own_source = (
            source.in_sectors[index] if index < known else to_sector(sector.nodes, source.full)
        )
        sent = own.loop @ own_source
        result.append(
            TerminatedSector(
                nodes=sector.nodes,
                k_out=sector.k_out,
                returned=own.returned,
                emitted=sector.through(1 - side) @ sent,
                content=own.content,
                content_of_source=own.held_far @ sent,
                densities=sector.densities,
                outer=(own.through, own.face, own.inward, sent),
            )
        )
    return result


class _Returning(NamedTuple):
    """What a terminated sector does with what arrives at its inner face.

    Attributes
    ----------
    returned, inward : ndarray, shape (n, n)
        What leaves the inner face, and what enters at the outer one.
    content, held_far : ndarray, shape (n_densities, n)
        What is held, and what the slab alone would hold of what enters at the outer face.
    through, face : ndarray, shape (n, n)
        What the slab alone lets through to the outer face, and what it reflects there.
    loop : ndarray, shape (n, n)
        From what is sent in at the outer face to what enters there, reflections summed up.
    """

    returned: FloatArray
    inward: FloatArray
    content: FloatArray
    held_far: FloatArray
    through: FloatArray
    face: FloatArray
    loop: FloatArray


def _returning(
    sector: SlabSector,
    boundary: Boundary,
    side: int,
    rings: AzimuthalRings,
    isotropic: tuple[bool, ...],
) -> _Returning:
    inner, outer = 1 - side, side
    n = len(sector.parity)

    def back(arriving: FloatArray) -> FloatArray:
        returned = boundary.specular * arriving
        if boundary.diffuse > 0.0 and any(isotropic):
            split = arriving.reshape(len(isotropic), rings.n_polar, -1)
            mean = boundary.diffuse * np.einsum("i,jic->jc", rings.flux_weights, split)
            mean[~np.array(isotropic)] = 0.0
            returned += np.repeat(mean, rings.n_polar, axis=0)
        return returned

    through, face = sector.through(outer), sector.face(outer)
    once = -back(face)
    once[np.arange(n), np.arange(n)] += 1.0
    loop = inverse(once)
    inward = loop @ back(through)
    near, far = (sector.content[:, end * n : (end + 1) * n] for end in (inner, outer))
    return _Returning(
        returned=sector.face(inner) + sector.through(inner) @ inward,
        inward=inward,
        content=near + far @ inward,
        held_far=far,
        through=through,
        face=face,
        loop=loop,
    )


@lru_cache(maxsize=64)
def _isotropic(nodes: bytes) -> tuple[bool, ...]:
    """Whether each node has a part in the azimuthal mean."""
    table = np.frombuffer(nodes).reshape(-1, N_MOMENTS, 4)
    return tuple(bool(node[0].any()) for node in table)


@dataclass(frozen=True, eq=False)
class OuterSource:
    """What the outer face of a layer sends inwards by itself.

    Two columns for the field (the driven bulk distribution misses the boundary condition), four
    for the injections of a reservoir.

    Attributes
    ----------
    full : ndarray, shape (n_polar, 3, 4, 6)
    flying : ndarray of that shape, or None
        What of it no sector scatters.
    in_sectors : tuple of ndarray, shape (n, 6)
        The rest, as unknowns of the sectors of the layer.
    """

    full: FloatArray
    flying: FloatArray | None
    in_sectors: tuple[FloatArray, ...]


def outer_source(layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings) -> OuterSource:
    """What the outer face of a layer sends inwards by itself.

    Parameters
    ----------
    layer : Layer
    boundary : Boundary
    side : {BOTTOM, TOP}
        On which side of the layer the boundary lies.
    rings : AzimuthalRings

    Returns
    -------
    OuterSource
        Kept: not to be written to. The thickness of the layer does not matter.
    """
    key = layer.material_key(), layer.magnetization, boundary.kinetic_key(), side
    return cached(
        ring_key("outer source", *key, rings=rings),
        OuterSource,
        lambda: _make_source(layer, boundary, side, rings),
    )


def _make_source(layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings) -> OuterSource:
    full = _sent_in(layer, boundary, side, rings)
    nodes = [sector.nodes for sector in layer_sectors(layer, rings)]
    held = np.concatenate(nodes).reshape(-1, N_MOMENTS * 4)
    flat = full.reshape(rings.n_polar, -1, 6)
    flying = (flat - held.T @ (held @ flat)).reshape(full.shape)
    return OuterSource(
        full,
        flying if flying.any() else None,
        tuple(to_sector(own, full) for own in nodes),
    )


def _sent_in(layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings) -> FloatArray:
    source = np.zeros((rings.n_polar, N_MOMENTS, 4, 6))
    if boundary.endless:
        return source
    towards = 1.0 if side == TOP else -1.0
    leaving, entering = (
        driven_moments(layer, rings, towards),
        driven_moments(layer, rings, -towards),
    )
    source[..., :2] = boundary.specular * leaving - entering
    diffuse = np.einsum("i,isc->sc", rings.flux_weights, leaving[:, 0])
    source[:, 0, :, :2] += boundary.diffuse * diffuse
    if boundary.open:
        source[:, 0, :, 2:] = np.eye(4)
    return source


def driven_moments(layer: Layer, rings: AzimuthalRings, sign: float) -> FloatArray:
    """Azimuthal moments of the field-driven bulk distribution of a layer.

    Parameters
    ----------
    layer : Layer
    rings : AzimuthalRings
    sign : {1.0, -1.0}
        Sign of k_z.

    Returns
    -------
    ndarray, shape (n_polar, 3, 4, 2)
        nm per unit e^2 E~ along x and y. Not to be written to.
    """
    return _driven_moments(keyed(layer), rings)[0 if sign > 0.0 else 1]


@lru_cache(maxsize=64)
def _driven_moments(of: Keyed, rings: AzimuthalRings) -> tuple[FloatArray, FloatArray]:
    """For both signs of k_z."""
    g = driven_distribution(of.layer, rings.moments)
    mu = rings.cosines
    in_plane = np.sqrt(0.5 * (1.0 - mu) * (1.0 + mu))
    up = np.empty((rings.n_polar, N_MOMENTS, 4, 2))
    up[:, 0] = np.multiply.outer(mu, g[2])
    up[:, 1] = np.multiply.outer(in_plane, g[0])
    up[:, 2] = np.multiply.outer(in_plane, g[1])
    down = up.copy()
    down[:, 0] *= -1.0
    for each in (up, down):
        each.flags.writeable = False
    return up, down
