"""Arrays that are filled again and again, in memory that a thread keeps."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping

import numpy as np

from torkivity_engine.arrays import FloatArray

__all__ = ["Room"]


class Room(threading.local):
    """Memory of each thread, as large as was ever asked for.

    To the system page by page, memory that is given back costs more than the equations in it.
    """

    def __init__(self) -> None:
        self._numbers: FloatArray = np.empty(0)
        self._shapes: Mapping[str, tuple[int, ...]] = {}
        self._arrays: dict[str, FloatArray] = {}

    def arrays(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, FloatArray]:
        """Arrays to be filled, beside each other; the next call has the same memory.

        Parameters
        ----------
        shapes : mapping of str to tuple of int

        Returns
        -------
        dict of str to ndarray
            Not to be changed itself.
        """
        if shapes == self._shapes:
            return self._arrays
        counts = [math.prod(shape) for shape in shapes.values()]
        if len(self._numbers) < sum(counts):
            self._numbers = np.empty(sum(counts))
        ends = np.cumsum(counts)
        self._shapes = shapes
        self._arrays = {
            name: self._numbers[end - count : end].reshape(shape)
            for (name, shape), count, end in zip(shapes.items(), counts, ends, strict=True)
        }
        return self._arrays
