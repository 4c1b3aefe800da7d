"""What every computing process does: take batches of points, send back finished rows."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from torkivity_engine.errors import POINT_ERRORS
from torkivity_hpc.files.rows import Block, NotedRecord, Records, RowLayout
from torkivity_hpc.files.store import STATUS
from torkivity_hpc.grid import Grid, Value
from torkivity_hpc.running.collector import only_new_garbage

__all__ = [
    "STOP_SIGNALS",
    "Batch",
    "Channel",
    "Evaluate",
    "EvaluateMany",
    "Job",
    "Report",
    "RowMaker",
    "Stop",
    "work",
]

#: Ctrl-C, the batch system's two, and the end of a terminal or connection.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)

#: From the parameters of a point to the variables of the schema.
Evaluate = Callable[[Mapping[str, Value]], Mapping[str, ArrayLike]]

#: The same for a list of points at once: attribute `many` of an `Evaluate` that has it.
EvaluateMany = Callable[[Sequence[Mapping[str, Value]]], Records]

#: Seconds that points computed together take; half of what finished ones may wait for the disk.
_TOGETHER = 0.125


@dataclass(frozen=True)
class Job:
    """What there is to compute.

    Attributes
    ----------
    evaluate : callable
    grid : Grid
    layout : RowLayout
    send_interval : float
        Seconds between two messages, so that many workers do not flood the manager.
    """

    evaluate: Evaluate
    grid: Grid
    layout: RowLayout
    send_interval: float = 1e-2


@dataclass(frozen=True)
class Batch:
    """Points to compute."""

    points: NDArray[np.int64]


@dataclass(frozen=True)
class Stop:
    """Request to leave, after the point at hand."""


@dataclass(frozen=True)
class Report:
    """Finished points.

    Attributes
    ----------
    block : Block or None
    batch_done : bool
        Whether the batch is used up.
    leaving : bool
        Whether this is the worker's last word.
    stop_asked : bool
        Whether a signal has asked this worker to stop.
    """

    block: Block | None
    batch_done: bool = False
    leaving: bool = False
    stop_asked: bool = False


class Channel(Protocol):
    """Connection of a worker to the manager."""

    rank: int

    def receive(self) -> Any:
        """Next message; waits for it."""

    def pending(self) -> bool:
        """Whether a message has arrived."""

    def send(self, message: Report) -> None:
        """Send to the manager."""


class _Pace:
    """How many points take about as long as finished ones may wait for the disk."""

    def __init__(self) -> None:
        self._count, self._seconds = 1, 0.0

    def learn(self, points: int, seconds: float) -> None:
        """Take into account what each of some points took."""
        latest = max(seconds, 1e-9)
        self._seconds = latest if points == 1 else max(latest, 0.5 * (latest + self._seconds))
        # Never many times more than were tried before: the next ones may be slower.
        self._count = max(1, min(4 * max(points, self._count), int(_TOGETHER / self._seconds)))

    def count(self) -> int:
        """Points for the next call."""
        return self._count


class RowMaker:
    """Finished rows on their way out.

    Parameters
    ----------
    job : Job
    rank : int
        Who computes.
    """

    def __init__(self, job: Job, rank: int) -> None:
        self._job, self._rank = job, rank
        self._pace = _Pace()
        self._clear()

    def _clear(self) -> None:
        self._points: list[int] = []
        self._status: list[int] = []
        self._rows: list[NDArray[np.float64]] = []
        self._seconds: list[float] = []
        self._finished: list[float] = []
        self._messages: dict[int, str] = {}

    def add(self, points: Sequence[int]) -> None:
        """Compute some points, together where what computes them can do that."""
        started = time.perf_counter()
        rows = np.full((len(points), self._job.layout.width), np.nan)
        seconds = np.zeros(len(points))
        many = getattr(self._job.evaluate, "many", None)
        if many is None:
            failed = self._fill(points, rows, seconds)
        else:
            failed = self._fill_together(many, points, rows, seconds)
        rows[list(failed)] = np.nan
        for place, point in enumerate(points):
            if place in failed:
                error = failed[place]
                self._messages[point] = " ".join(str(error).split()) or type(error).__name__
            self._status.append(STATUS["failed" if place in failed else "done"])
        self._pace.learn(len(points), (time.perf_counter() - started) / len(points))
        self._points.extend(points)
        self._rows.append(rows)
        self._seconds.extend(seconds.tolist())
        self._finished.extend([time.time()] * len(points))

    def _fill(
        self, points: Sequence[int], rows: NDArray[np.float64], seconds: NDArray[np.float64]
    ) -> dict[int, Exception]:
        """Rows one by one; what points raised, by place."""
        job = self._job
        failed: dict[int, Exception] = {}
        for place, point in enumerate(points):
            started = time.perf_counter()
            try:
                record = job.evaluate(job.grid.point(point))
                job.layout.fill(rows[place], record)
                if isinstance(record, NotedRecord) and record.note:
                    self._messages[point] = record.note
            except POINT_ERRORS as error:
                failed[place] = error
            seconds[place] = time.perf_counter() - started
        return failed

    def _fill_together(
        self,
        many: EvaluateMany,
        points: Sequence[int],
        rows: NDArray[np.float64],
        seconds: NDArray[np.float64],
    ) -> dict[int, Exception]:
        """All rows at once; what points raised, by place."""
        job = self._job
        records = many([job.grid.point(point) for point in points])
        if records.values:
            job.layout.fill_all(rows, records.values)
        seconds[:] = records.seconds
        self._messages |= {points[place]: note for place, note in records.notes.items()}
        return records.failed

    def count(self, waiting: int) -> int:
        """How many of the points that wait are to be computed at once."""
        together = hasattr(self._job.evaluate, "many")
        return min(waiting, self._pace.count() if together else 1)

    def take(self) -> Block | None:
        """All rows so far, and start anew."""
        if not self._points:
            return None
        block = Block(
            points=np.array(self._points, dtype=np.int64),
            status=np.array(self._status, dtype=np.int8),
            rows=np.concatenate(self._rows),
            seconds=np.array(self._seconds),
            finished=np.array(self._finished),
            rank=np.full(len(self._points), self._rank, dtype=np.int32),
            messages=self._messages,
        )
        self._clear()
        return block


def work(channel: Channel, stop_asked: Callable[[], bool]) -> None:
    """Compute what the manager asks for until it says stop.

    Linear algebra runs on one thread here: processes share the cores, and the numbers must
    not depend on how many there are.

    Parameters
    ----------
    channel : Channel
    stop_asked : callable
        Whether a signal has asked this process to stop; only told to the manager.
    """
    job: Job | None = None
    rows: RowMaker | None = None
    told = False
    inbox: deque[Any] = deque()
    with threadpool_limits(1), only_new_garbage():
        while True:
            message = inbox.popleft() if inbox else channel.receive()
            if isinstance(message, Stop):
                channel.send(Report(None, leaving=True))
                return
            if isinstance(message, Job):
                job, rows = message, RowMaker(message, channel.rank)
                continue
            assert job is not None, "a job comes before points"
            assert rows is not None
            sent = -np.inf
            waiting = message.points.tolist()
            while waiting:
                count = rows.count(len(waiting))
                rows.add(waiting[:count])
                del waiting[:count]
                if time.perf_counter() - sent < job.send_interval:
                    continue
                asked, told = stop_asked() and not told, told or stop_asked()
                while channel.pending():
                    inbox.append(channel.receive())
                leaving = any(isinstance(other, Stop) for other in inbox)
                channel.send(Report(rows.take(), leaving=leaving, stop_asked=asked))
                if leaving:
                    return
                sent = time.perf_counter()
            channel.send(Report(rows.take(), batch_done=True))
