"""What the layers of a film do, each in the frame of its own magnetization.

Films that differ in their interfaces, in the directions of their magnetizations and in what drives
them share it. Rotations are part of a point: see `torkivity_engine.reduced.point_kernels`.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.boundaries import BOTTOM, TOP
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.stack import Stack
from torkivity_engine.reduced.layer_response import (
    Content,
    Termination,
    Transfer,
    own_termination,
    own_transfer,
)
from torkivity_engine.reduced.low_rank import LowRank
from torkivity_engine.reduced.outer_faces import driven_moments
from torkivity_engine.reduced.response_cache import cached, ring_key
from torkivity_engine.reduced.sectors import N_MOMENTS
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AzimuthalRings

__all__ = ["FilmResponse", "film_key", "film_response"]

IntArray = NDArray[np.int64]


class FilmResponse(NamedTuple):
    """Arrays as kernels take them, everything in the frames of the layers.

    Sides of interfaces are numbered from the bottom; the layer at side s is (s + 1) // 2. A slot is
    an azimuthal moment on a side, and a place a component of a slot, numbered 4 slot + component.
    The collisions of a layer fall apart into groups: each feeds places of its own, from the same
    places.

    Attributes
    ----------
    cosines, weights : ndarray, shape (n_rings,)
    local : ndarray, shape (n_layers, n_rings, 4, 4)
        Attenuation: back to the same side in an outermost layer, across in an inner one.
    driven : ndarray, shape (n_layers, 2, n_rings, 3, 4, 2)
        Moments of the driven bulk distribution for k_z > 0 and k_z < 0, per field.
    emission : ndarray, shape (2, n_rings, 3, 4, 6)
        What the bottom and the top layer send in besides, per field and injection.
    slots : ndarray of int, shape (n_slots, 2)
        (moment, side): those whose moments are needed; first the mean on every side.
    places : ndarray of int, shape (n_places,)
        Group after group.
    group_places, group_ranks : ndarray of int, shape (n_groups + 1,)
        Where the places and the ranks of each group begin.
    left, left_start : ndarray, shape (any,) and (n_places,)
        What collisions return, a block (n_rings, rank of the group) for each place.
    right, right_start : ndarray, shape (any,) and (n_groups,)
        What they take, a block (rank, places of the group times n_rings) for each group.
    uniform : ndarray, shape (n_interfaces, rank)
        What they take of a uniform charge at each interface.
    content : ndarray, shape (n_sides, 4, n_rings, 3, 4)
        What a layer holds per unit arriving from a side, nm.
    content_source : ndarray, shape (n_layers, 4, 6)
        Per field and injection.
    lost : ndarray, shape (n_layers, 4, 4)
        4 pi (K_out - K_in) of what a layer holds, 1/nm; zero for a layer with an open end.
    balanced : ndarray of bool, shape (n_layers,)
        Whether the layer has no open end.
    conserved : int
        Number of densities that collisions conserve.
    """

    cosines: FloatArray
    weights: FloatArray
    local: FloatArray
    driven: FloatArray
    emission: FloatArray
    slots: IntArray
    places: IntArray
    group_places: IntArray
    group_ranks: IntArray
    left: FloatArray
    left_start: IntArray
    right: FloatArray
    right_start: IntArray
    uniform: FloatArray
    content: FloatArray
    content_source: FloatArray
    lost: FloatArray
    balanced: NDArray[np.bool_]
    conserved: int

    @property
    def rank(self) -> int:
        """Size of the closing system."""
        return int(self.group_ranks[-1])


def film_key(stack: Stack) -> Hashable:
    """Equal for films that share a `FilmResponse` on equal rings."""
    return (
        tuple(layer.kinetic_key() for layer in stack.layers),
        stack.left.kinetic_key(),
        stack.right.kinetic_key(),
    )


def film_response(stack: Stack, rings: AzimuthalRings) -> FilmResponse:
    """The layers of a film on the rings of a mesh, all on one Fermi sphere.

    Parameters
    ----------
    stack : Stack
        With at least one interface.
    rings : AzimuthalRings

    Returns
    -------
    FilmResponse
        Not to be written to.
    """
    key = ring_key("film", film_key(stack), rings=rings)
    return cached(key, FilmResponse, lambda: _make(stack, rings))


class _Group(NamedTuple):
    """A group of a layer's collisions, and at which places of the film.

    Attributes
    ----------
    places : list of (int, int, int)
        Moment, side and component.
    left, right : ndarray
        As in `torkivity_engine.reduced.low_rank.Group`.
    """

    places: list[tuple[int, int, int]]
    left: FloatArray
    right: FloatArray


def _make(stack: Stack, rings: AzimuthalRings) -> FilmResponse:
    last = len(stack.layers) - 1
    layers = [layer.in_own_frame() for layer in stack.layers]
    ends = [
        own_termination(layers[0], stack.left, BOTTOM, rings),
        own_termination(layers[last], stack.right, TOP, rings),
    ]
    inner = [own_transfer(layer, rings) for layer in layers[1:-1]]
    parts: list[Termination | Transfer] = [ends[0], *inner, ends[1]]
    sides = [
        [side for side in (2 * index - 1, 2 * index) if 0 <= side < 2 * last]
        for index in range(len(layers))
    ]
    groups = [
        group for part, own in zip(parts, sides, strict=True) for group in _groups(part.dense, own)
    ]
    contents = [part.content for part in parts]
    slots = _slots(groups, 2 * last, contents, sides)
    terms = [collision_terms(layer) for layer in layers]
    closed = [stack.left.closed, *(True for _ in inner), stack.right.closed]
    emissions = [np.concatenate([e.emission.field, e.emission.injection], axis=3) for e in ends]
    return FilmResponse(
        cosines=np.ascontiguousarray(rings.cosines),
        weights=np.ascontiguousarray(rings.polar_weights),
        local=np.stack([part.local for part in parts]),
        driven=np.stack(
            [[driven_moments(layer, rings, sign) for sign in (1.0, -1.0)] for layer in layers]
        ),
        emission=np.stack(emissions),
        slots=np.array(slots, dtype=np.int64),
        **_flattened(groups, slots, last),
        content=_side_contents(contents, sides, rings.n_polar),
        content_source=np.stack([content.source for content in contents]),
        lost=np.stack([4.0 * np.pi * (t.k_out - t.k_in[0, 0]) for t in terms]),
        balanced=np.array(closed),
        conserved=sum(part.conserved for part in parts),
    )


def _groups(operator: LowRank, sides: list[int]) -> list[_Group]:
    return [
        _Group(
            [(moment, sides[component // 4], component % 4) for moment, component in own.places],
            own.left,
            own.right,
        )
        for own in operator.groups
    ]


def _slots(
    groups: list[_Group], n_sides: int, contents: list[Content], sides: list[list[int]]
) -> list[tuple[int, int]]:
    """Moments that are needed, by side: where collisions act, and what layers are filled by."""
    needed = {(moment, side) for group in groups for moment, side, _ in group.places}
    needed |= {(0, side) for side in range(n_sides)}
    for content, own in zip(contents, sides, strict=True):
        for moments, side in zip(content.moments, own, strict=True):
            needed |= {(moment, side) for moment in moments}
    return sorted(needed)


def _flattened(
    groups: list[_Group], slots: list[tuple[int, int]], n_interfaces: int
) -> dict[str, Any]:
    """Groups as arrays that kernels can take."""
    number = {slot: 4 * index for index, slot in enumerate(slots)}
    places = [number[a, side] + c for group in groups for a, side, c in group.places]
    group_ranks = _starts([group.left.shape[2] for group in groups])
    uniform = np.zeros((n_interfaces, int(group_ranks[-1])))
    for group, first in zip(groups, group_ranks.tolist(), strict=False):
        for at, (moment, side, component) in enumerate(group.places):
            if (moment, component) == (0, CHARGE):
                own = group.right[:, at].sum(axis=1)
                uniform[side // 2, first : first + len(own)] += own
    return {
        "places": np.array(places, dtype=np.int64),
        "group_places": _starts([len(group.places) for group in groups]),
        "group_ranks": group_ranks,
        "left": np.concatenate([group.left.ravel() for group in groups]),
        "left_start": _starts([block.size for group in groups for block in group.left])[:-1],
        "right": np.concatenate([group.right.ravel() for group in groups]),
        "right_start": _starts([group.right.size for group in groups])[:-1],
        "uniform": uniform,
    }


def _starts(sizes: list[int]) -> IntArray:
    """Where parts of these sizes begin, and where the last one ends."""
    return np.array(list(accumulate(sizes, initial=0)), dtype=np.int64)


def _side_contents(contents: list[Content], sides: list[list[int]], n_rings: int) -> FloatArray:
    """What layers hold per unit arriving, side by side."""
    n_sides = max(side for own in sides for side in own) + 1
    found = np.zeros((n_sides, 4, n_rings, N_MOMENTS, 4))
    for content, own in zip(contents, sides, strict=True):
        rows = [rows for rows in content.arriving if rows is not None]
        for side, filled in zip(own, rows, strict=True):
            found[side] = filled
    return found
