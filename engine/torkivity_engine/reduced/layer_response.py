"""What one layer does to the electrons that enter it, on a mesh with azimuthal rings.

For in-scattering of finite rank that is (a local 4x4 attenuation per direction) + (a dense
operator on a few azimuthal moments). The dense part, of low numerical rank, is kept as
left @ right.T; everything is computed in the frame of the layer's magnetization, cached, and
rotated when used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.boundaries import BOTTOM, TOP, Boundary
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.layer import Layer
from torkivity_engine.reduced.low_rank import LowRank, sectors_of_low_rank
from torkivity_engine.reduced.outer_faces import outer_source, terminated_sectors
from torkivity_engine.reduced.response_cache import cached, ring_key
from torkivity_engine.reduced.sectors import N_MOMENTS, layer_sectors, node_entries
from torkivity_engine.reduced.slabs import attenuation, on_diagonal, slab_sectors
from torkivity_meshes import AzimuthalRings

__all__ = [
    "Content",
    "Emission",
    "Termination",
    "Transfer",
    "layer_termination",
    "layer_transfer",
    "own_termination",
    "own_transfer",
]


_Block = tuple[FloatArray, FloatArray]  # sectors with equal operators share the array


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

    @cached_property
    def moments(self) -> tuple[tuple[int, ...], ...]:
        """Azimuthal moments that fill the layer, for each face that is not an outer one."""
        faces = [rows for rows in self.arriving if rows is not None]
        return tuple(tuple(np.flatnonzero(rows.any(axis=(0, 1, 3))).tolist()) for rows in faces)


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


def layer_termination(
    layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings
) -> Termination:
    """Outermost layer as seen from its inner face.

    Parameters
    ----------
    layer : Layer
    boundary : Boundary
        What lies beyond its outer face.
    side : {BOTTOM, TOP}
        Which end of the stack it is.
    rings : AzimuthalRings

    Returns
    -------
    Termination
        In Cartesian spin components.
    """
    made = own_termination(layer, boundary, side, rings)
    o = layer.own_axes()
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


def own_termination(
    layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings
) -> Termination:
    """`layer_termination` in the frame of the layer's magnetization."""
    return cached(
        ring_key("termination", layer.kinetic_key(), boundary.kinetic_key(), side, rings=rings),
        Termination,
        lambda: _make_termination(layer.in_own_frame(), boundary, side, rings),
    )


def _make_termination(
    layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings
) -> Termination:
    thickness, k_out = layer.thickness, collision_terms(layer).k_out
    # Without a collision, then what collisions make of it in their sectors.
    source = outer_source(layer, boundary, side, rings)
    local = boundary.specular * attenuation(k_out, rings, 2.0 * thickness)
    emitted = np.zeros((rings.n_polar, N_MOMENTS, 4, 6))
    if source.flying is not None:
        emitted += attenuation(k_out, rings, thickness)[:, None] @ source.flying
    content, held = np.zeros((4, rings.n_polar, N_MOMENTS, 4)), np.zeros((4, 6))
    blocks: list[_Block] = []
    collided: dict[int, FloatArray] = {}
    for sector in terminated_sectors(layer, boundary, side, rings, thickness):
        for node, moment, component, weight in node_entries(sector.nodes):
            rows = slice(node * rings.n_polar, (node + 1) * rings.n_polar)
            emitted[:, moment, component] += weight * sector.emitted[rows]
        _spread(content, sector.densities, sector.nodes, sector.content)
        held[list(sector.densities)] = sector.content_of_source
        if id(sector.returned) not in collided:
            direct = boundary.specular * attenuation(sector.k_out, rings, 2.0 * thickness)
            collided[id(sector.returned)] = sector.returned - on_diagonal(direct)
        blocks.append((sector.nodes, collided[id(sector.returned)]))
    return Termination(
        local=local,
        dense=sectors_of_low_rank(blocks, rings),
        emission=Emission(emitted[..., :2], emitted[..., 2:]),
        content=Content((None, content) if side == BOTTOM else (content, None), held),
        conserved=sum(sector.conserved for sector in layer_sectors(layer, rings)),
    )


def layer_transfer(layer: Layer, rings: AzimuthalRings) -> Transfer:
    """Inner layer between two interfaces.

    Parameters
    ----------
    layer : Layer
    rings : AzimuthalRings

    Returns
    -------
    Transfer
        In Cartesian spin components.
    """
    made = own_transfer(layer, rings)
    o = layer.own_axes()
    if o is None:
        return made
    return Transfer(
        o @ made.local @ o.T,
        _rotated(made.dense, np.asarray(np.kron(np.eye(2), o), dtype=np.float64)),
        _rotated_content(made.content, o),
        made.conserved,
    )


def own_transfer(layer: Layer, rings: AzimuthalRings) -> Transfer:
    """`layer_transfer` in the frame of the layer's magnetization."""
    key = ring_key("transfer", layer.kinetic_key(), rings=rings)
    return cached(key, Transfer, lambda: _make_transfer(layer.in_own_frame(), rings))


def _make_transfer(layer: Layer, rings: AzimuthalRings) -> Transfer:
    # Equal and opposite excitation of the two faces do not mix: with P the spin parity,
    # P out(lower) +- out(upper) = (R_0 +- T_0) (in(lower) +- P in(upper)).
    blocks: dict[float, list[_Block]] = {1.0: [], -1.0: []}
    parity = np.ones(4)
    content = np.zeros((2, 4, rings.n_polar, N_MOMENTS, 4))
    collided: dict[int, dict[float, FloatArray]] = {}
    for sector in slab_sectors(layer, rings, layer.thickness):
        for side, rows in enumerate(np.split(sector.content, 2, axis=1)):
            _spread(content[side], sector.densities, sector.nodes, rows)
        for node, own in zip(sector.nodes, sector.parity[:: rings.n_polar], strict=True):
            parity[node.any(axis=0)] = own
        twins = id(sector.reflection)
        if twins not in collided:
            direct = on_diagonal(attenuation(sector.k_out, rings, layer.thickness))
            passed = sector.transmission - direct
            collided[twins] = {sign: sector.reflection + sign * passed for sign in blocks}
        for sign, store in blocks.items():
            store.append((sector.nodes, collided[twins][sign]))
    lefts, rights = [], []
    for sign, store in blocks.items():
        half = sectors_of_low_rank(store, rings)
        turned = parity[:, None]
        lefts.append(0.5 * np.concatenate([turned * half.left, sign * half.left], axis=2))
        rights.append(np.concatenate([half.right, sign * turned * half.right], axis=2))
    return Transfer(
        local=attenuation(collision_terms(layer).k_out, rings, layer.thickness),
        dense=LowRank(np.concatenate(lefts, axis=3), np.concatenate(rights, axis=3)),
        content=Content((content[BOTTOM], content[TOP]), np.zeros((4, 6))),
        conserved=sum(sector.conserved for sector in layer_sectors(layer, rings)),
    )


def _spread(
    out: FloatArray, densities: tuple[int, ...], nodes: FloatArray, rows: FloatArray
) -> None:
    """Write rows over a sector's unknowns into (component, ring, moment, component)."""
    n_rings = out.shape[1]
    for node, moment, component, weight in node_entries(nodes) if densities else ():
        part = rows[:, node * n_rings : (node + 1) * n_rings]
        for density, row in zip(densities, part, strict=True):
            out[density, :, moment, component] = weight * row


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
