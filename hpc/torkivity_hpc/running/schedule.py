"""Who computes what: every worker has a stretch of the order, and idle ones take from others.

Points of equal layers stay together, because a stretch is contiguous in an order that has
them side by side, and is split where layers change if that is anywhere near its middle.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["Schedule"]

IntArray = NDArray[np.int64]

#: Seconds of work in a batch, and points at most (a message must fit into a pipe).
_BATCH_SECONDS, _BATCH_POINTS = 0.25, 2048


class Schedule:
    """Points that are still to be handed out.

    Parameters
    ----------
    order : ndarray of int
        Points in the order of `torkivity_hpc.grid.Grid.order`.
    boundaries : ndarray of int
        Positions in `order` where layers change.
    workers : int
    """

    def __init__(self, order: IntArray, boundaries: IntArray, workers: int) -> None:
        self._order, self._boundaries = order, boundaries
        self._start, self._stop = [0] * workers, [0] * workers
        self._stop[0] = len(order)
        # Without experience a batch is a single point.
        self._seconds = [math.inf] * workers
        self.remaining = len(order)

    def learn(self, worker: int, points: int, seconds: float) -> None:
        """Take into account what points took a worker."""
        if points:
            latest, before = seconds / points, self._seconds[worker]
            self._seconds[worker] = min(latest, 0.5 * (before + latest))

    def batch(self, worker: int) -> IntArray:
        """Next points for a worker; empty if nothing is left."""
        if self._start[worker] == self._stop[worker]:
            self._take_from_others(worker)
        available = self._stop[worker] - self._start[worker]
        wanted = _BATCH_SECONDS / max(self._seconds[worker], 1e-9)
        # Towards the end small batches, so that all workers finish together.
        share = -(-self.remaining // (4 * len(self._start)))
        count = min(available, max(1, min(int(wanted), share, _BATCH_POINTS)))
        first = self._start[worker]
        self._start[worker] += count
        self.remaining -= count
        return self._order[first : first + count]

    def _take_from_others(self, worker: int) -> None:
        lengths = [stop - start for start, stop in zip(self._start, self._stop, strict=True)]
        victim = int(np.argmax(lengths))
        start, stop = self._start[victim], self._stop[victim]
        # A last point goes as it is.
        cut = start if stop - start <= 1 else self._nearest_boundary(start, stop)
        self._stop[victim] = cut
        self._start[worker], self._stop[worker] = cut, stop

    def _nearest_boundary(self, start: int, stop: int) -> int:
        middle, quarter = (start + stop) // 2, (stop - start) // 4
        i = int(np.searchsorted(self._boundaries, middle))
        near = [int(b) for b in self._boundaries[max(i - 1, 0) : i + 1]]
        near = [b for b in near if abs(b - middle) <= quarter]
        return min(near, key=lambda b: abs(b - middle)) if near else middle
