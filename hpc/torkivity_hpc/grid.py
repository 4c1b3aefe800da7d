"""The points of a sweep: the product of named dimensions, and the order to visit them in.

A dimension varies one parameter, or several together (a zipped group). Points are numbered
as the store lays them out, the last dimension fastest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.errors import InputError

__all__ = ["Axis", "Dimension", "Grid", "Value"]

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
    parameters : mapping of str to tuple
        What varies along it: values by name, all as long as the axis.
    """

    name: str
    axis: Axis
    parameters: Mapping[str, tuple[Value, ...]]

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.parameters.items()}
        if not lengths or set(lengths.values()) != {len(self.axis.values)}:
            raise InputError(
                self.name, lengths, "all parameters of a dimension need as many values as it has"
            )
        if len(self) == 0:
            raise InputError(self.name, (), "must have at least one value")
        seen: set[tuple[Value, ...]] = set()
        for row in self.rows:
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
            columns = [values for name, values in dimension.parameters.items() if name in chosen]
            rows: list[tuple[Value, ...]] = list(zip(*columns, strict=True))
            rows = rows or [()] * len(dimension)
            number = {row: i for i, row in enumerate(dict.fromkeys(rows))}
            along = np.array([number[row] for row in rows], dtype=np.int64)
            labels = (labels[:, None] * len(number) + along).reshape(-1)
            count *= len(number)
        return labels, count

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
    """

    values: Sequence[float] | Sequence[str]
    units: str
    long_name: str
