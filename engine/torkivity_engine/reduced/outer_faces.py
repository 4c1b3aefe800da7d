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
from torkivity_engine.reduced.sectors import N_MOMENTS, to_sector
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
    done: dict[object, _Returning] = {}
    result = []
    for sector in slab_sectors(layer, rings, thickness, flight=flight):
        isotropic = tuple(bool(node[0].any()) for node in sector.nodes)
        # Twins share their arrays.
        key = id(sector.reflection), id(sector.transmission), isotropic
        if key not in done:
            done[key] = _returning(sector, boundary, side, rings, isotropic)
        own = done[key]
        sent = own.loop @ to_sector(sector.nodes, source)
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

    def back(arriving: FloatArray) -> FloatArray:
        mixed = np.zeros_like(arriving)
        if boundary.diffuse > 0.0 and any(isotropic):
            split = arriving.reshape(len(isotropic), rings.n_polar, -1)
            mean = boundary.diffuse * np.einsum("i,jic->jc", rings.flux_weights, split)
            mean[~np.array(isotropic)] = 0.0
            mixed[:] = np.repeat(mean, rings.n_polar, axis=0)
        return boundary.specular * arriving + mixed

    halves = np.split(sector.content, 2, axis=1)
    through, face = sector.through(outer), sector.face(outer)
    loop = np.asarray(np.linalg.inv(np.eye(len(through)) - back(face)), dtype=np.float64)
    inward = loop @ back(through)
    return _Returning(
        returned=sector.face(inner) + sector.through(inner) @ inward,
        inward=inward,
        content=halves[inner] + halves[outer] @ inward,
        held_far=halves[outer],
        through=through,
        face=face,
        loop=loop,
    )


def outer_source(layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings) -> FloatArray:
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
    ndarray, shape (n_polar, 3, 4, 6)
        Two columns for the field (the driven bulk distribution misses the boundary condition),
        four for the injections of a reservoir.
    """
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
