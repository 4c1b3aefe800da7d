"""Evenly spaced values that are counted, not kept: a sweep may have more than memory holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from torkivity_engine.errors import InputError

__all__ = ["Spaced"]

#: Values made at a time.
_CHUNK = 1 << 12


@dataclass(frozen=True)
class Spaced(Sequence[float]):
    """Values from `first` to `last`, those of ``numpy.linspace`` or ``numpy.geomspace``.

    Attributes
    ----------
    first, last : float
        With `logarithmic` of the same sign.
    number : int
        At least 2.
    logarithmic : bool
        Whether ratios, not differences, of neighbours are equal.

    Raises
    ------
    InputError
        If neighbours are so close that numbers cannot tell them apart.
    """

    first: float
    last: float
    number: int
    logarithmic: bool = False

    def __post_init__(self) -> None:
        with np.errstate(all="ignore"):
            start, stop = self._ends
            step = abs(stop - start) / (self.number - 1)
            # Rounding must neither exchange neighbours nor make them equal.
            least = 4.0 * np.spacing(max(abs(start), abs(stop), 1.0 if self.logarithmic else 0.0))
        if not np.isfinite(step):
            raise InputError("ends", (self.first, self.last), "are too far apart for numbers")
        if step < least:
            raise InputError(
                "number",
                self.number,
                f"between {self.first:g} and {self.last:g} numbers can tell at most "
                f"{1 + int(abs(stop - start) / least):.3g} values apart",
            )

    @property
    def _ends(self) -> tuple[Any, Any]:
        if self.logarithmic:
            first, last = np.log10(np.abs(np.array([self.first, self.last], dtype=np.float64)))
            return first, last
        return np.float64(self.first), np.float64(self.last)

    def values(self, start: int, stop: int) -> NDArray[np.float64]:
        """Values at positions from `start` to before `stop`."""
        first, last = self._ends
        positions = np.arange(start, stop)
        # As numpy has them, to the last bit: files of earlier sweeps are compared with these.
        values = positions.astype(np.float64) * ((last - first) / (self.number - 1)) + first
        if self.logarithmic:
            values = np.sign(self.first) * np.power(10.0, values)
        values[positions == 0] = self.first
        values[positions == self.number - 1] = self.last
        return np.asarray(values, dtype=np.float64)

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[float]:
        for start in range(0, self.number, _CHUNK):
            yield from self.values(start, min(start + _CHUNK, self.number)).tolist()

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[float, ...]: ...
    def __getitem__(self, index: int | slice) -> float | tuple[float, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(self.number)))
        position = range(self.number)[index]
        return float(self.values(position, position + 1)[0])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return self.values(0, self.number).astype(dtype or np.float64, copy=False)
