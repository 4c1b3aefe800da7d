"""The amplitudes that the layers of a film return most of.

A layer returns collisions as left @ right.T. Its largest singular values are those of electrons
that come back and forth between layers, and of what diffuses: without them an iteration between
the layers is slow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.stack import Stack
from torkivity_engine.reduced.film_response import FilmResponse, film_key
from torkivity_engine.reduced.response_cache import cached, ring_key
from torkivity_meshes import AzimuthalRings

__all__ = ["LargestReturns", "largest_returns"]

#: Singular values from which on an amplitude is one of them; a layer returns no more than one. The
#: time of a point depends little on it.
_LARGE = 0.07


class LargestReturns(NamedTuple):
    """Arrays as kernels take them, everything in the frames of the layers.

    A row of a layer is a component of a slot on one of its sides.

    Attributes
    ----------
    members : ndarray of int, shape (n_members,)
        Where they stand among all amplitudes, layer by layer.
    layer_start : ndarray of int, shape (n_layers + 1,)
        Where those of each layer begin.
    group_start : ndarray of int, shape (n_groups + 1,)
        The same for groups.
    slots : ndarray of int, shape (n_slots,)
        Slots, layer by layer.
    slot_start : ndarray of int, shape (n_layers + 1,)
    row_place : ndarray of int, shape (4 n_slots,)
        Which place each row is, -1 for none; rows by layers.
    left, left_start : ndarray
        What collisions return, a block (n_rings, rows, members) for each layer.
    right, right_start : ndarray
        What they take, a block (members, places times n_rings) for each group.
    given : ndarray
        `left` of all amplitudes, laid out as `right` of `FilmResponse`.
    """

    members: NDArray[np.int64]
    layer_start: NDArray[np.int64]
    group_start: NDArray[np.int64]
    slots: NDArray[np.int64]
    slot_start: NDArray[np.int64]
    row_place: NDArray[np.int64]
    left: FloatArray
    left_start: NDArray[np.int64]
    right: FloatArray
    right_start: NDArray[np.int64]
    given: FloatArray


def largest_returns(stack: Stack, layers: FilmResponse, rings: AzimuthalRings) -> LargestReturns:
    """The largest returns of a film, all layers on one Fermi sphere.

    Parameters
    ----------
    stack : Stack
    layers : FilmResponse
        Of the stack.
    rings : AzimuthalRings

    Returns
    -------
    LargestReturns
        Not to be written to.
    """
    key = ring_key("largest returns", film_key(stack), rings=rings)
    return cached(key, LargestReturns, lambda: _make(layers))


def _make(layers: FilmResponse) -> LargestReturns:
    n_layers, n_rings = layers.local.shape[:2]
    owner = (layers.slots[:, 1] + 1) // 2
    slots = np.argsort(owner, kind="stable")
    slot_start = np.searchsorted(owner[slots], np.arange(n_layers + 1))
    row_of = np.empty(4 * len(slots), dtype=np.int64)
    row_of[(4 * slots[:, None] + np.arange(4)).ravel()] = np.arange(4 * len(slots))
    row_place = np.full(4 * len(slots), -1)
    row_place[row_of[layers.places]] = np.arange(len(layers.places))
    group_layer = owner[layers.places[layers.group_places[:-1]] // 4]
    members, counts, rights, given = [], [], [], []
    own: list[list[tuple[FloatArray, FloatArray]]] = [[] for _ in range(n_layers)]
    for group, layer in enumerate(group_layer):
        places = slice(*layers.group_places[group : group + 2])
        rank = int(np.diff(layers.group_ranks[group : group + 2])[0])
        length = (places.stop - places.start) * n_rings
        at = layers.left_start[places.start]
        left = layers.left[at : at + length * rank].reshape(-1, n_rings, rank)
        at = layers.right_start[group]
        right = layers.right[at : at + rank * length].reshape(rank, length)
        size = np.sqrt((left**2).sum(axis=(0, 1)) * (right**2).sum(axis=1))
        given.append(np.moveaxis(left, 2, 0).ravel())
        large = np.flatnonzero(size >= min(_LARGE, size.max()))
        members.append(layers.group_ranks[group] + large)
        counts.append(len(large))
        rights.append(right[large])
        own[layer].append(
            (row_of[layers.places[places]] - 4 * slot_start[layer], left[:, :, large])
        )
    lefts = []
    for layer, parts in enumerate(own):
        count = sum(left.shape[2] for _, left in parts)
        block = np.zeros((n_rings, 4 * int(slot_start[layer + 1] - slot_start[layer]), count))
        column = 0
        for rows, left in parts:
            block[:, rows, column : column + left.shape[2]] = np.moveaxis(left, 0, 1)
            column += left.shape[2]
        lefts.append(block)
    return LargestReturns(
        members=np.concatenate(members),
        layer_start=np.cumsum([0, *(block.shape[2] for block in lefts)]),
        group_start=np.cumsum([0, *counts]),
        slots=slots,
        slot_start=slot_start,
        row_place=row_place,
        left=np.concatenate([block.ravel() for block in lefts]),
        left_start=np.cumsum([0, *(block.size for block in lefts)])[:-1],
        right=np.concatenate([right.ravel() for right in rights]),
        right_start=np.cumsum([0, *(right.size for right in rights)])[:-1],
        given=np.concatenate(given),
    )
