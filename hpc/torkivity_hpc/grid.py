"""The points of a sweep: the product of named dimensions, and the order to visit them in.

A dimension varies one parameter, or several together (a zipped group). Points are numbered
as the store lays them out, the last dimension fastest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.errors import InputError
from torkivity_hpc.spaced import Spaced

__all__ = ["Axis", "Dimension", "Grid", "IntArray", "Value"]

Value = float | int | str
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Dimension:
    """One named dimension of a sweep.

    Attributes
    ----------
    name : str
        Name in the result file.
    axis : Axis
        Coordinate along the dimension.
    parameters : mapping of str to sequence
        What varies along it: values by name, all as long as the axis.
    described : mapping of str to Axis, optional
        Units and meanings of parameters that go by other names than the dimension.

    Raises
    ------
    InputError
        If lengths differ, nothing varies, or a value or a name is there twice.
    """

    name: str
    axis: Axis
    parameters: Mapping[str, Sequence[Value]]
    described: Mapping[str, Axis] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.parameters.items()}
        if not lengths or set(lengths.values()) != {len(self.axis.values)}:
            raise InputError(
                self.name, lengths, "all parameters of a dimension need as many values as it has"
            )
        if len(self) == 0:
            raise InputError(self.name, (), "must have at least one value")
        if not any(isinstance(values, Spaced) for values in self.parameters.values()):
            self._refuse_twice(self.rows)
        if isinstance(self.axis.values[0], str):
            for label in self.axis.values:
                if not str(label).isprintable():
                    raise InputError(self.name, label, "must be printable text")
            self._refuse_twice([(str(label),) for label in self.axis.values])

    def _refuse_twice(self, rows: Sequence[tuple[Value, ...]]) -> None:
        seen: set[tuple[Value, ...]] = set()
        for row in rows:
            if row in seen:
                value = row[0] if len(row) == 1 else row
                raise InputError(self.name, value, "must not be given twice")
            seen.add(row)

    def __len__(self) -> int:
        return len(self.axis.values)

    @property
    def rows(self) -> list[tuple[Value, ...]]:
        """Values of all parameters, one tuple for each position along the dimension."""
        return list(zip(*self.parameters.values(), strict=True))

    def row(self, position: int) -> dict[str, Value]:
        """Values of all parameters at one position."""
        return {name: values[position] for name, values in self.parameters.items()}

    def sample(self, most: int) -> list[int]:
        """Positions that stand for all: all of them, or the extremes and some between.

        Parameters
        ----------
        most : int
            Up to so many positions all are taken.

        Returns
        -------
        list of int
            Increasing.
        """
        length = len(self)
        if length <= most:
            return list(range(length))
        chosen = {(length - 1) * i // (most - 1) for i in range(most)}
        for values in self.parameters.values():
            if not isinstance(values, Spaced):  # whose extremes are its ends
                by_value = cast("Callable[[int], float]", values.__getitem__)
                chosen |= {min(range(length), key=by_value), max(range(length), key=by_value)}
        return sorted(chosen)

    def _columns(self, chosen: set[str]) -> list[Sequence[Value]] | None:
        """Values of chosen parameters; None if they differ at all positions."""
        columns = [values for name, values in self.parameters.items() if name in chosen]
        if columns and len(columns) == len(self.parameters):
            return None
        return None if any(isinstance(values, Spaced) for values in columns) else columns

    def count(self, chosen: set[str]) -> int:
        """How many different values the chosen parameters have along the dimension."""
        columns = self._columns(chosen)
        if columns is None:
            return len(self)
        return len(set(zip(*columns, strict=True))) if columns else 1

    def members(self, chosen: set[str], number: int) -> Sequence[int]:
        """Positions at which the chosen parameters have the `number`-th of these values."""
        columns = self._columns(chosen)
        if columns is None:
            return range(number, number + 1)
        if not columns:
            return range(len(self))
        labels, _ = self.labels(chosen)
        return np.flatnonzero(labels == number).tolist()

    def labels(self, chosen: set[str]) -> tuple[IntArray, int]:
        """Number of these values at every position, and how many there are."""
        columns = self._columns(chosen)
        if columns is None:
            return np.arange(len(self), dtype=np.int64), len(self)
        if not columns:
            return np.zeros(len(self), dtype=np.int64), 1
        rows = list(zip(*columns, strict=True))
        number = {row: i for i, row in enumerate(dict.fromkeys(rows))}
        return np.array([number[row] for row in rows], dtype=np.int64), len(number)


class Grid:
    """Product of dimensions.

    Parameters
    ----------
    dimensions : sequence of Dimension
        Slowest first. Without any, the grid is a single point.

    Raises
    ------
    InputError
        If two dimensions share a name or a parameter.
    """

    def __init__(self, dimensions: Sequence[Dimension]) -> None:
        self.dimensions = tuple(dimensions)
        self.shape = tuple(len(dimension) for dimension in self.dimensions)
        names = [dimension.name for dimension in self.dimensions]
        parameters = [name for dimension in self.dimensions for name in dimension.parameters]
        for kind, listed in (("dimension", names), ("parameter", parameters)):
            twice = sorted({name for name in listed if listed.count(name) > 1})
            if twice:
                raise InputError("sweep", twice[0], f"this {kind} is given twice")

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

    @property
    def axes(self) -> dict[str, Axis]:
        """Coordinates by dimension."""
        return {dimension.name: dimension.axis for dimension in self.dimensions}

    def point(self, index: int) -> dict[str, Value]:
        """Parameters of a point.

        Parameters
        ----------
        index : int
            Number of the point.

        Returns
        -------
        dict of str to value
        """
        values: dict[str, Value] = {}
        for dimension in reversed(self.dimensions):
            index, position = divmod(index, len(dimension))
            for name, along in dimension.parameters.items():
                values[name] = along[position]
        return values

    def layers(self, parameters: Sequence[str]) -> tuple[IntArray, int]:
        """Which points share the values of some parameters.

        Parameters
        ----------
        parameters : sequence of str
            Those that the expensive, shared part of a point depends on.

        Returns
        -------
        labels : ndarray of int, shape (size,)
            Equal for points that share those values.
        count : int
            Number of different labels.
        """
        chosen = set(parameters)
        labels = np.zeros((1,), dtype=np.int64)
        count = 1
        for dimension in self.dimensions:
            along, number = dimension.labels(chosen)
            labels = (labels[:, None] * number + along).reshape(-1)
            count *= number
        return labels, count

    def layer_count(self, parameters: Sequence[str]) -> int:
        """The `count` of `layers`, without a list of the points."""
        chosen = set(parameters)
        return math.prod(dimension.count(chosen) for dimension in self.dimensions)

    def layer_points(self, parameters: Sequence[str], label: int, most: int) -> list[int]:
        """The first points that have a label, without a list of all points.

        Parameters
        ----------
        parameters : sequence of str
            As for `layers`.
        label : int
            Below `layer_count`.
        most : int
            So many points at most.

        Returns
        -------
        list of int
            Numbers of points, increasing.
        """
        chosen = set(parameters)
        members: list[Sequence[int]] = []
        for dimension in reversed(self.dimensions):
            label, number = divmod(label, dimension.count(chosen))
            members.insert(0, dimension.members(chosen, number))
        points = []
        for index in range(min(most, math.prod(map(len, members)))):
            point, scale = 0, 1
            for dimension, positions in zip(self.dimensions[::-1], members[::-1], strict=True):
                index, which = divmod(index, len(positions))
                point, scale = point + scale * positions[which], scale * len(dimension)
            points.append(point)
        return points

    def order(
        self, parameters: Sequence[str], wanted: NDArray[np.bool_]
    ) -> tuple[IntArray, IntArray]:
        """Order to visit points in, so that those with equal layers come together.

        Parameters
        ----------
        parameters : sequence of str
            As for `layers`.
        wanted : ndarray of bool, shape (size,)
            Points to visit.

        Returns
        -------
        order : ndarray of int
            Numbers of the wanted points.
        boundaries : ndarray of int
            Positions in `order` where another set of layers begins, without 0 and the end.
        """
        points = np.flatnonzero(wanted).astype(np.int64, copy=False)
        labels, count = self.layers(parameters)
        if count == 1:
            return points, np.empty(0, dtype=np.int64)
        labels = labels[points]
        if np.any(labels[1:] < labels[:-1]):
            by_layer = np.argsort(labels, kind="stable")
            points, labels = points[by_layer], labels[by_layer]
        return points, np.flatnonzero(np.diff(labels)) + 1


@dataclass(frozen=True)
class Axis:
    """Coordinate along one dimension.

    Attributes
    ----------
    values : sequence of float or of str
    units : str
        Empty for names.
    long_name : str
    symbol : str
        Mathtext, for figures.
    """

    values: Sequence[float] | Sequence[str]
    units: str
    long_name: str
    symbol: str = ""
