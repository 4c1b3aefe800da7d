"""What every computing process does: take batches of points, send back finished rows."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from torkivity_hpc.files.rows import Block, NotedRecord, RowLayout
from torkivity_hpc.files.store import STATUS
from torkivity_hpc.grid import Grid, Value

__all__ = [
    "STOP_SIGNALS",
    "Batch",
    "Channel",
    "Evaluate",
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

#: What a point may raise without ending the sweep: it is a property of the point. Anything
#: else is a mistake in the program, and goes on as an exception.
POINT_ERRORS = (ArithmeticError, ValueError, MemoryError)


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
        self._clear()

    def _clear(self) -> None:
        self._points: list[int] = []
        self._status: list[int] = []
        self._rows: list[NDArray[np.float64]] = []
        self._seconds: list[float] = []
        self._finished: list[float] = []
        self._messages: dict[int, str] = {}

    def add(self, point: int) -> None:
        """Compute a point."""
        job = self._job
        row = np.full(job.layout.width, np.nan)
        started = time.perf_counter()
        status = STATUS["done"]
        try:
            record = job.evaluate(job.grid.point(point))
            job.layout.fill(row, record)
            if isinstance(record, NotedRecord) and record.note:
                self._messages[point] = record.note
        except POINT_ERRORS as error:
            status = STATUS["failed"]
            row[:] = np.nan
            self._messages[point] = " ".join(str(error).split()) or type(error).__name__
        self._seconds.append(time.perf_counter() - started)
        self._finished.append(time.time())
        self._points.append(point)
        self._status.append(status)
        self._rows.append(row)

    def take(self) -> Block | None:
        """All rows so far, and start anew."""
        if not self._points:
            return None
        block = Block(
            points=np.array(self._points, dtype=np.int64),
            status=np.array(self._status, dtype=np.int8),
            rows=np.array(self._rows),
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
    told = False
    inbox: deque[Any] = deque()
    with threadpool_limits(1):
        while True:
            message = inbox.popleft() if inbox else channel.receive()
            if isinstance(message, Stop):
                channel.send(Report(None, leaving=True))
                return
            if isinstance(message, Job):
                job = message
                continue
            assert job is not None, "a job comes before points"
            rows = RowMaker(job, channel.rank)
            sent = -np.inf
            for point in message.points.tolist():
                rows.add(point)
                if time.perf_counter() - sent < job.send_interval:
                    continue
                asked, told = stop_asked() and not told, told or stop_asked()
                while channel.pending():
                    inbox.append(channel.receive())
                leaving = any(isinstance(waiting, Stop) for waiting in inbox)
                channel.send(Report(rows.take(), leaving=leaving, stop_asked=asked))
                if leaving:
                    return
                sent = time.perf_counter()
            channel.send(Report(rows.take(), batch_done=True))
