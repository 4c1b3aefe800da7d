"""Films whose interfaces are given by tables: layers take the modes of the tables beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import free_electron_velocity
from torkivity_engine.errors import InputError
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.stack import Stack
from torkivity_engine.kinetics.amplitudes import AmplitudeTable, Modes, TableSide, matched_lanes
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_engine.kinetics.split import split_terms
from torkivity_engine.kinetics.table_response import TableResponse, side_slots

__all__ = [
    "Lanes",
    "TableFilm",
    "TableLayer",
    "has_tables",
    "require_datasets",
    "slot_numbers",
    "table_film",
    "table_layers",
    "table_name",
    "table_of",
]

_NO_TABLE = (
    "is not a table, but another interface is: the Boltzmann equation needs amplitudes at one set "
    "of k_parallel for all of them"
)
_CLOSE = 1e-7


class Lanes(NamedTuple):
    """Lanes of a layer that travel one way, one after the other.

    Attributes
    ----------
    point : ndarray of int, shape (n,)
        k_parallel of each.
    velocity : ndarray, shape (n, 3)
        Over v_0.
    spin : ndarray of int, shape (n,)
    """

    point: Any
    velocity: FloatArray
    spin: Any


@dataclass(frozen=True, eq=False)
class TableLayer:
    """One layer on the modes of the tables beside it.

    Attributes
    ----------
    layer : Layer
    magnetic : bool
        Whether lanes are single modes.
    lanes : (Lanes, Lanes)
        With v_z > 0 and with v_z < 0.
    k_0 : float
        Fermi wavevector of the film, 1/nm.
    weights : ndarray, shape (n_points,)
        d^2 k_parallel / k_0^2.
    """

    layer: Layer
    magnetic: bool
    lanes: tuple[Lanes, Lanes]
    k_0: float
    weights: FloatArray

    @property
    def per_lane(self) -> int:
        """Slots of a lane."""
        return 1 if self.magnetic else 4

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return self.per_lane * sum(len(lanes.point) for lanes in self.lanes)

    def density(self, spin: int) -> float:
        """Sum of d^2 k_parallel / |v_z| over the lanes of one spin, up to a common factor."""
        return float(
            sum(
                np.sum((self.weights[own.point] / np.abs(own.velocity[:, 2]))[own.spin == spin])
                for own in self.lanes
            )
        )

    @property
    def spins(self) -> tuple[int, ...]:
        """Spins that have modes: 1 alone in a metal."""
        return tuple(s for s in (1, -1) if any(np.any(own.spin == s) for own in self.lanes))

    def reference_velocity(self, spin: int) -> float:
        """Velocity over v_0 that turns the layer's lengths into times."""
        bands = self.layer.bands(self.k_0)
        found = (bands.majority if spin > 0 else bands.minority).velocity(self.k_0)
        if not found > 0.0:
            raise InputError(
                "layer",
                type(self.layer).__name__,
                f"has no {'majority' if spin > 0 else 'minority'} electrons, but the table beside "
                "it has such modes",
            )
        return found

    def terms(self) -> CollisionTerms:
        """Collision terms: over (x, y, z, charge), or over the `spins` there are."""
        if not self.magnetic:
            terms = collision_terms(self.layer)
            if len(terms.k_in) > 1:
                raise InputError(
                    "spin_hall_angle",
                    type(self.layer).__name__,
                    "must be 0 beside a table: skew scattering needs a Fermi sphere",
                )
            return terms
        densities = np.array([self.density(1), self.density(-1)])
        full = split_terms(self.layer.spin_lengths(self.k_0, densities), np.ones(2))
        used = [0 if spin > 0 else 1 for spin in self.spins]
        at = np.ix_(used, used)
        return CollisionTerms(full.k_out[at], full.k_in[0, 0][at][None, None])

    def driven(self) -> FloatArray:
        """g over the in-plane velocity, nm s/m, for both spins; shape (2, n_slots)."""
        v_0 = free_electron_velocity(self.k_0)
        if not self.magnetic:
            amplitude = self.layer.without_spin_hall().driven_amplitude()
            return np.tile(amplitude / (self.reference_velocity(1) * v_0), (2, 1))
        found = np.zeros((2, 1))
        if self.spins:
            densities = np.array([self.density(1), self.density(-1)])
            total = self.layer.spin_lengths(self.k_0, densities).total
            for spin in self.spins:
                row = 0 if spin > 0 else 1
                found[row] = total[row] / (self.reference_velocity(spin) * v_0)
        return found

    def to_cartesian(self, which: int) -> FloatArray:
        """What a unit of each slot is as (x, y, z, charge), shape (4, n_slots)."""
        own = self.lanes[which]
        if not self.magnetic:
            return np.tile(np.eye(4), len(own.point))
        m = np.asarray(self.layer.magnetization)
        return np.concatenate([-0.5 * m[:, None] * own.spin, np.full((1, len(own.spin)), 0.5)])

    def from_cartesian(self, which: int) -> FloatArray:
        """The other way round, shape (n_slots, 4)."""
        return (2.0 if self.magnetic else 1.0) * self.to_cartesian(which).T


@dataclass(frozen=True, eq=False)
class TableFilm:
    """A stack on the k_parallel of its tables.

    Attributes
    ----------
    stack : Stack
    layers : tuple of TableLayer
    responses : tuple of TableResponse
        Of the interfaces, points in one order.
    numbers : tuple of ((incoming below, incoming above), (outgoing below, outgoing above))
        For each interface the place of each lane in its layer's `lanes`, shape (n_points,
        n_lanes); -1 where absent.
    """

    stack: Stack
    layers: tuple[TableLayer, ...]
    responses: tuple[TableResponse, ...]
    numbers: tuple[Any, ...]


def has_tables(stack: Stack) -> bool:
    """Whether any interface is given by a table."""
    return any(interface.table() is not None for interface in stack.interfaces)


def table_name(stack: Stack) -> str | None:
    """Short description of the points of its tables, if it has any."""
    tables = [table for i in stack.interfaces if (table := i.table()) is not None]
    return f"table of {tables[0].n_points} points" if tables else None


def table_of(stack: Stack, index: int) -> AmplitudeTable:
    """Table of one interface, checked against the layers beside it."""
    name, table = stack.names_of_interfaces[index], stack.interfaces[index].table()
    if table is None:
        raise InputError("interface", name, _NO_TABLE)
    for side, layer, where in zip(
        table.sides, stack.layers[index : index + 2], ("below", "above"), strict=True
    ):
        if side.magnetic != layer.bands(stack.fermi_wavevector).split:
            what = "single modes, majority and minority" if side.magnetic else "orbitals"
            raise InputError(
                "interface",
                name,
                f"has {what} on the side {where}, which {type(layer).__name__} does not: "
                "orbitals belong to HeavyMetal or Ferromagnet, single modes to SplitFerromagnet",
            )
        m = table.magnetization
        if side.magnetic and not np.allclose(m or 0.0, layer.magnetization or 0.0, atol=1e-9):
            raise InputError(
                "magnetization", layer.magnetization, f"must be {m}, as in the table of {name}"
            )
    return table


def require_datasets(stack: Stack, index: int, missing: Sequence[str], what: str) -> None:
    """Refuse what a table lacks the matrices for.

    Raises
    ------
    InputError
        Naming the datasets that would give it.
    """
    if missing:
        raise InputError(
            "interface",
            stack.names_of_interfaces[index],
            f"has a table without {' and '.join(missing)}, which would give {what}",
        )


def table_layers(stack: Stack, index: int) -> tuple[TableLayer, TableLayer]:
    """The layers beside one table, on its modes."""
    table, k_0 = table_of(stack, index), stack.fermi_wavevector
    made = []
    for place, side in enumerate(table.sides):
        up, down = side.incoming, side.outgoing
        if place == 1:
            up, down = down, up
        lanes = (_lanes(up, k_0)[0], _lanes(down, k_0)[0])
        weights = table.weights / k_0**2
        made.append(TableLayer(stack.layers[index + place], side.magnetic, lanes, k_0, weights))
    return made[0], made[1]


def table_film(stack: Stack) -> TableFilm:
    """Put a stack on the modes of its tables.

    Raises
    ------
    InputError
        If an interface is no table, or two tables differ in k_parallel or in the modes of the
        layer between them.
    """
    tables = [table_of(stack, i) for i in range(len(stack.interfaces))]
    tables = [table.at(_order(table)) for table in tables]
    for i, table in enumerate(tables[1:], 1):
        _require_same_points(stack, i, tables[0], table)
    k_0 = stack.fermi_wavevector
    layers: list[TableLayer] = []
    numbers: list[dict[str, Any]] = [{} for _ in tables]
    weights = tables[0].weights / k_0**2
    for at, layer in enumerate(stack.layers):
        # Up- and down-going lanes as the table below, or without one that above, has them.
        lower, upper = at - 1, at
        if at > 0:
            side = tables[lower].above
            up, down = side.outgoing, side.incoming
        else:
            side = tables[upper].below
            up, down = side.incoming, side.outgoing
        lanes, found = zip(_lanes(up, k_0), _lanes(down, k_0), strict=True)
        layers.append(TableLayer(layer, side.magnetic, lanes, k_0, weights))
        if at > 0:
            numbers[lower]["out_above"], numbers[lower]["in_above"] = found
        if at < len(tables):
            other = tables[upper].below
            if at > 0:
                found = (
                    _same_modes(stack, upper, up, other.incoming, found[0]),
                    _same_modes(stack, upper, down, other.outgoing, found[1]),
                )
            numbers[upper]["in_below"], numbers[upper]["out_below"] = found
    return TableFilm(
        stack,
        tuple(layers),
        tuple(TableResponse(table, k_0) for table in tables),
        tuple(
            ((own["in_below"], own["in_above"]), (own["out_below"], own["out_above"]))
            for own in numbers
        ),
    )


def slot_numbers(numbers: Any, side: TableSide) -> Any:
    """Places of slots from places of lanes, shape (n_points, n_slots)."""
    per = side_slots(side)
    slots = numbers[:, :, None] * per + np.arange(per)
    return np.where(numbers[:, :, None] >= 0, slots, -1).reshape(len(numbers), -1)


def _lanes(modes: Modes, k_0: float) -> tuple[Lanes, Any]:
    present = modes.present
    point, lane = np.nonzero(present)
    numbers = np.full(present.shape, -1)
    numbers[present] = np.arange(len(point))
    velocity = modes.velocity[point, lane] / free_electron_velocity(k_0)
    return Lanes(point, velocity, modes.spin[point, lane]), numbers


def _order(table: AmplitudeTable) -> Any:
    rounded = np.round(table.k_parallel / np.abs(table.k_parallel).max(initial=1e-300), 9) + 0.0
    return np.lexsort(rounded.T)


def _require_same_points(
    stack: Stack, index: int, first: AmplitudeTable, table: AmplitudeTable
) -> None:
    same = (
        first.n_points == table.n_points
        and np.allclose(
            first.k_parallel,
            table.k_parallel,
            rtol=0.0,
            atol=_CLOSE * np.abs(first.k_parallel).max(),
        )
        and np.allclose(first.weights, table.weights, rtol=_CLOSE)
    )
    if not same:
        raise InputError(
            "interface",
            stack.names_of_interfaces[index],
            f"has {table.n_points} k_parallel that are not those of "
            f"{stack.names_of_interfaces[0]}: all tables of a film must share one set, with "
            "the same weights",
        )


def _same_modes(stack: Stack, index: int, own: Modes, other: Modes, numbers: Any) -> Any:
    """Places of another table's lanes among those of the layer between."""
    found = matched_lanes(other, own)
    if np.any((found < 0) & other.present) or np.any(
        own.present.sum(axis=1) != other.present.sum(axis=1)
    ):
        raise InputError(
            "interface",
            stack.names_of_interfaces[index],
            f"has other modes in {stack.names[index]} than the table below it: velocities and "
            "spins must be the same",
        )
    if not found.size:
        return found
    taken = np.take_along_axis(numbers, np.maximum(found, 0), axis=1)
    return np.where(found >= 0, taken, -1)
