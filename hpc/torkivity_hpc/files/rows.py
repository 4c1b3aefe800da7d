"""One point as one row of numbers: the form in which results travel and are checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.record import Variable

__all__ = ["Block", "NotedRecord", "Records", "RowLayout", "checksums"]


class RowLayout:
    """Where each variable sits in a row.

    Parameters
    ----------
    variables : mapping of str to Variable
    sizes : mapping of str to int
        Length of each dimension of the variables.
    """

    def __init__(self, variables: Mapping[str, Variable], sizes: Mapping[str, int]) -> None:
        self.variables = dict(variables)
        self.columns: dict[str, slice] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        start = 0
        for name, variable in variables.items():
            shape = tuple(sizes[dim] for dim in variable.dims)
            length = math.prod(shape)
            self.columns[name] = slice(start, start + length)
            self.shapes[name] = shape
            start += length
        self.width = start

    def fill(self, row: FloatArray, record: Mapping[str, ArrayLike]) -> None:
        """Write a record into a row.

        Raises
        ------
        KeyError
            If names are missing or unknown: the schema and its producer disagree.
        ValueError
            If a variable has another shape than the schema says.
        """
        self.fill_all(
            row[None], {k: np.asarray(v, dtype=np.float64)[None] for k, v in record.items()}
        )

    def fill_all(self, rows: FloatArray, values: Mapping[str, FloatArray]) -> None:
        """Write records of several points, along the first axis, into their rows.

        Raises
        ------
        KeyError, ValueError
            As `fill`.
        """
        if values.keys() != self.columns.keys():
            mismatch = sorted(set(values) ^ set(self.columns))
            raise KeyError(f"variables that do not match the schema: {mismatch}")
        for name, columns in self.columns.items():
            value = values[name]
            if value.shape[1:] != self.shapes[name]:
                raise ValueError(f"{name} has shape {value.shape[1:]}, not {self.shapes[name]}")
            rows[:, columns] = value.reshape(len(rows), -1)


@dataclass(frozen=True, eq=False)
class Records:
    """Records of several points.

    Attributes
    ----------
    values : dict of str to ndarray, shape (n_points, ...)
        By variable; anything where a point failed. Empty if all did.
    failed : dict of int to Exception
        What went wrong, by place in the list of points.
    notes : dict of int to str
        What points that are done lack.
    seconds : ndarray, shape (n_points,)
        What each point took.
    """

    values: dict[str, FloatArray]
    failed: dict[int, Exception]
    notes: dict[int, str]
    seconds: FloatArray


class NotedRecord(dict[str, ArrayLike]):
    """Record of a point that is done, with a word on what it lacks.

    Attributes
    ----------
    note : str
        Empty if it lacks nothing.
    """

    def __init__(self, values: Mapping[str, ArrayLike], note: str = "") -> None:
        super().__init__(values)
        self.note = note


@dataclass(frozen=True, eq=False)
class Block:
    """Finished points on their way to the file.

    Attributes
    ----------
    points : ndarray of int64, shape (n,)
    status : ndarray of int8, shape (n,)
        Values of `torkivity_hpc.files.store.STATUS`.
    rows : ndarray, shape (n, width)
        NaN where a point failed.
    seconds : ndarray, shape (n,)
        What each point took.
    finished : ndarray, shape (n,)
        When, in seconds since 1970.
    rank : ndarray of int32, shape (n,)
        Who computed it.
    messages : dict of int to str
        Why points failed, or what they lack, by number of the point.
    """

    points: NDArray[np.int64]
    status: NDArray[np.int8]
    rows: FloatArray
    seconds: FloatArray
    finished: FloatArray
    rank: NDArray[np.int32]
    messages: dict[int, str]

    def sorted(self) -> Block:
        """The same points in increasing order."""
        order = np.argsort(self.points, kind="stable")
        columns = ("points", "status", "rows", "seconds", "finished", "rank")
        return replace(self, **{name: getattr(self, name)[order] for name in columns})


def checksums(rows: FloatArray) -> NDArray[np.int64]:
    """A number for each row that changes with any of its bits.

    It tells a resumed sweep which points reached the disk whole, and must be cheap for
    millions of rows: a sum of the rows' 64-bit words with odd weights.

    Parameters
    ----------
    rows : ndarray, shape (n, width)

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    words = np.ascontiguousarray(rows).view(np.uint64)
    weights = np.arange(1, 2 * words.shape[1], 2, dtype=np.uint64)
    weights *= np.uint64(0x9E3779B97F4A7C15)  # odd, so that the weights stay odd and spread out
    # The high half must reach the sum's low bits too, or a sign in the first word would only
    # ever move the top bit.
    mixed = words ^ (words >> np.uint64(29))
    return (mixed @ weights + np.uint64(0x2545F4914F6CDD1D)).view(np.int64)
