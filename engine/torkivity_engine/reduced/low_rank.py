"""Collisions of a layer as an operator of low rank on azimuthal moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.reduced.sectors import N_MOMENTS, coupled, node_entries
from torkivity_engine.reduced.truncation import thin_factors
from torkivity_meshes import AzimuthalRings

__all__ = ["Group", "LowRank", "sectors_of_low_rank"]


class Group(NamedTuple):
    """Collisions that feed some places from the same places.

    Attributes
    ----------
    places : tuple of (int, int)
        Moment and component of each.
    left : ndarray, shape (n_places, n_polar, rank)
    right : ndarray, shape (rank, n_places, n_polar)
    """

    places: tuple[tuple[int, int], ...]
    left: FloatArray
    right: FloatArray


@dataclass(frozen=True, eq=False)
class LowRank:
    """Dense operator on azimuthal moments as left @ right.T.

    Attributes
    ----------
    left, right : ndarray, shape (n_polar, n_moments, n_components, rank)
        n_moments is 1 or 3; n_components 4 per face.
    known_groups : tuple of Group or None
        `groups`, from who made the operator.
    """

    left: FloatArray
    right: FloatArray
    known_groups: tuple[Group, ...] | None = None

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The operator cut into parts that share no place."""
        if self.known_groups is not None:
            return self.known_groups
        left, right = _by_place(self.left), _by_place(self.right)
        touched = np.any(left != 0.0, axis=1) | np.any(right != 0.0, axis=1)
        joined = touched.astype(np.float64) @ touched.T
        found = []
        for part in coupled(joined):
            rows = [row for row in part if touched[row].any()]
            if rows:
                columns = np.flatnonzero(touched[rows].any(axis=0))
                found.append(
                    Group(
                        tuple(divmod(row, self.left.shape[2]) for row in rows),
                        left[rows][:, :, columns],
                        np.ascontiguousarray(right[rows][:, :, columns].transpose(2, 0, 1)),
                    )
                )
        return tuple(found)


def _by_place(factor: FloatArray) -> FloatArray:
    """(n_polar, moment, component, rank) as (place, n_polar, rank)."""
    n_rings, n_moments, components, rank = factor.shape
    return factor.transpose(1, 2, 0, 3).reshape(n_moments * components, n_rings, rank)


def sectors_of_low_rank(
    blocks: Sequence[tuple[FloatArray, FloatArray]], rings: AzimuthalRings
) -> LowRank:
    """Operators of sectors as one of low rank.

    Parameters
    ----------
    blocks : sequence of (ndarray, ndarray)
        Nodes (n_nodes, 3, 4) of a sector and its operator (n, n), unknowns ordered (node, ring).
        Sectors with equal operators share the array.
    rings : AzimuthalRings

    Returns
    -------
    LowRank
    """
    flux = np.sqrt(rings.cosines * rings.polar_weights)
    factors: dict[int, tuple[FloatArray, FloatArray]] = {}
    for nodes, matrix in blocks:
        if id(matrix) not in factors:
            factors[id(matrix)] = thin_factors(matrix, np.tile(flux, len(nodes)))
    entries = [node_entries(nodes) for nodes, _ in blocks]
    flat = all(moment == 0 for own in entries for _, moment, _, _ in own)
    # Side by side in memory are the rings of a place, as the groups have them.
    n_moments, n_polar = 1 if flat else N_MOMENTS, rings.n_polar
    ranks = [factors[id(matrix)][0].shape[1] for _, matrix in blocks]
    ends = list(accumulate(ranks, initial=0))
    stores = [np.zeros((n_moments * 4, n_polar, ends[-1])) for _ in range(2)]
    for index, (own, (_, matrix)) in enumerate(zip(entries, blocks, strict=True)):
        columns = slice(ends[index], ends[index + 1])
        for node, moment, component, weight in own:
            rows = slice(node * n_polar, (node + 1) * n_polar)
            for store, factor in zip(stores, factors[id(matrix)], strict=True):
                store[4 * moment + component, :, columns] += weight * factor[rows]
    groups = []
    for places, members in _apart(tuple(entries)):
        at = np.concatenate([np.arange(ends[k], ends[k + 1]) for k in members])
        rows_at = np.array([4 * moment + component for moment, component in places])
        left, right = (store[rows_at[:, None], :, at] for store in stores)
        groups.append(
            Group(
                places,
                np.ascontiguousarray(left.transpose(0, 2, 1)),
                np.ascontiguousarray(right.transpose(1, 0, 2)),
            )
        )
    left, right = (s.reshape(n_moments, 4, n_polar, -1).transpose(2, 0, 1, 3) for s in stores)
    return LowRank(left, right, tuple(groups))


_Entries = tuple[tuple[int, int, int, float], ...]


@lru_cache(maxsize=64)
def _apart(
    entries: tuple[_Entries, ...],
) -> list[tuple[tuple[tuple[int, int], ...], tuple[int, ...]]]:
    """Sectors that share places, with these places."""
    touched = np.zeros((len(entries), N_MOMENTS * 4))
    for index, own in enumerate(entries):
        for _, moment, component, _ in own:
            touched[index, 4 * moment + component] = 1.0
    return [
        (
            tuple(divmod(int(k), 4) for k in np.flatnonzero(touched[list(part)].any(axis=0))),
            part,
        )
        for part in coupled(touched @ touched.T)
    ]
