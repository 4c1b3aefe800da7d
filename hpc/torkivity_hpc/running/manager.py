"""The manager of a sweep: hands out points, stores what comes back, knows when to stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from torkivity_hpc.files.rows import Block
from torkivity_hpc.files.store import STATUS
from torkivity_hpc.files.sweepfile import SweepFile
from torkivity_hpc.grid import Grid
from torkivity_hpc.running.crew import Crew
from torkivity_hpc.running.progress import Progress, duration
from torkivity_hpc.running.schedule import Schedule
from torkivity_hpc.running.worker import STOP_SIGNALS, Batch, Evaluate, Job, Stop

__all__ = ["Outcome", "StopRequest", "run_points", "stop_on_signals"]

#: Seconds that finished points may wait in memory, and how many bytes of them.
_FLUSH_SECONDS, _FLUSH_BYTES = 0.5, 64e6

#: Seconds that points in flight get when the sweep is to stop.
_GRACE = 10.0

#: Batches that a worker has at a time: one at hand and one waiting.
_AHEAD = 2

#: Points, beside the very first one, that an estimate of the time is made from.
_FIRST_POINTS = 5

#: Seconds that a finished point may wait for company on its way to the manager: if a long
#: point follows, it waits for that one too.
_SEND_SECONDS = 1e-2

#: Messages per second that the manager wants to handle.
_MESSAGE_RATE = 2000.0


@dataclass
class StopRequest:
    """Why a sweep is to end before it is complete; empty if it is not."""

    reason: str = ""
    deadline: float = float("inf")

    def __bool__(self) -> bool:
        if not self.reason and time.monotonic() >= self.deadline:
            self.reason = "time limit"
        return bool(self.reason)


@contextmanager
def stop_on_signals(request: StopRequest) -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM, SIGUSR1 and SIGHUP into a request to stop.

    A second Ctrl-C interrupts at once. A signal that is ignored, as nohup has it, stays so. Does
    nothing outside the main thread, where Python delivers no signals.

    Parameters
    ----------
    request : StopRequest
    """

    def ask(number: int, _frame: object) -> None:
        if request.reason and number == signal.SIGINT:
            raise KeyboardInterrupt
        request.reason = request.reason or signal.Signals(number).name

    numbers = [n for n in STOP_SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
    try:
        saved = {number: signal.signal(number, ask) for number in numbers}
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        for number, handler in saved.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class Outcome:
    """State of the file after a sweep.

    Attributes
    ----------
    done, failed, missing : int
        Points.
    computed : int
        Of these, in this run.
    seconds : float
        Wall-clock time of this run.
    stopped : str
        Why it ended before it was complete, or empty.
    """

    done: int
    failed: int
    missing: int
    computed: int
    seconds: float
    stopped: str


class _Writer:
    """Buffer of finished points in front of the file."""

    def __init__(self, file: SweepFile) -> None:
        self._file = file
        self._blocks: list[Block] = []
        self._bytes = 0
        self._since = time.perf_counter()
        self.points = 0

    def add(self, block: Block) -> None:
        if not self._blocks:
            self._since = time.perf_counter()
        self._blocks.append(block)
        self._bytes += block.rows.nbytes
        self.points += len(block.points)

    def flush(self, *, now: bool = False) -> None:
        """Write if it is time to."""
        waited = time.perf_counter() - self._since
        if self._blocks and (now or waited >= _FLUSH_SECONDS or self._bytes >= _FLUSH_BYTES):
            self._file.write(self._blocks)
            self._blocks, self._bytes = [], 0


def run_points(
    file: SweepFile,
    grid: Grid,
    evaluate: Evaluate,
    crew: Crew,
    *,
    layer_parameters: Sequence[str] = (),
    retry_failed: bool = False,
    stop: StopRequest | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Compute the points that a file lacks.

    Parameters
    ----------
    file : SweepFile
        Open for writing.
    grid : Grid
    evaluate : callable
        From the parameters of a point to its variables.
    crew : Crew
        Who computes; its workers have left in the end.
    layer_parameters : sequence of str, optional
        Parameters that the layers depend on: points that share them are kept together.
    retry_failed : bool, optional
        Compute failed points again.
    stop : StopRequest, optional
        Looked at all the time.
    tell : callable, optional
        Told in words how it goes.

    Returns
    -------
    Outcome

    Raises
    ------
    WorkerError
        If a worker met an error that is not a point's own, or died.
    OSError
        If the file cannot be written any more.
    """
    started = time.perf_counter()
    stop = StopRequest() if stop is None else stop
    status = file.status()
    wanted = status == STATUS["missing"]
    if retry_failed:
        wanted |= status == STATUS["failed"]
    order, boundaries = grid.order(layer_parameters, wanted)
    writer = _Writer(file)
    try:
        if len(order) < grid.size:
            tell(f"{grid.size - len(order)} points are known, {len(order)} to compute")
        job = Job(evaluate, grid, file.layout, max(_SEND_SECONDS, crew.workers / _MESSAGE_RATE))
        if len(order):
            progress = Progress(grid.size, grid.size - len(order), tell)
            schedule = Schedule(order, boundaries, crew.workers)
            _Manager(crew, schedule, writer, progress, stop, tell).run(job)
        _dismiss(crew, writer)
    finally:
        try:
            writer.flush(now=True)
            file.sync()
        finally:
            crew.close()
    status = file.status()
    counts = {name: int(np.count_nonzero(status == code)) for name, code in STATUS.items()}
    return Outcome(
        **counts,
        computed=writer.points,
        seconds=time.perf_counter() - started,
        stopped=stop.reason if counts["missing"] else "",
    )


class _Manager:
    """Hands out points until nothing is left and nothing in flight, or a stop is requested."""

    def __init__(
        self,
        crew: Crew,
        schedule: Schedule,
        writer: _Writer,
        progress: Progress,
        stop: StopRequest,
        tell: Callable[[str], None],
    ) -> None:
        self._crew, self._schedule, self._writer = crew, schedule, writer
        self._progress, self._stop, self._tell = progress, stop, tell
        self._in_flight = [0] * crew.workers
        self._todo = schedule.remaining
        self._seconds: list[float] = []

    def run(self, job: Job) -> None:
        for worker in range(self._crew.workers):
            self._crew.send(worker, job)  # imports what it needs meanwhile
        # The first point compiles what is to be compiled; the others then find it done.
        self._refill(0)
        while self._writer.points == 0 and any(self._in_flight) and not self._stop:
            self._receive()
        for worker in range(1, self._crew.workers):
            self._refill(worker)
        while any(self._in_flight) and not self._stop:
            self._receive()

    def _refill(self, worker: int) -> None:
        while self._in_flight[worker] < _AHEAD and len(points := self._schedule.batch(worker)):
            self._crew.send(worker, Batch(points))
            self._in_flight[worker] += 1

    def _receive(self) -> None:
        for worker, message in self._crew.receive(0.1):
            if message.stop_asked:
                self._stop.reason = self._stop.reason or "signal to a worker"
            block = message.block
            if block is not None:
                self._writer.add(block)
                failed = int(np.count_nonzero(block.status == STATUS["failed"]))
                self._progress.add(len(block.points), failed)
                self._schedule.learn(worker, len(block.points), float(block.seconds.sum()))
                self._estimate(block)
            if message.batch_done:
                self._in_flight[worker] -= 1
                self._refill(worker)
        self._writer.flush()

    def _estimate(self, block: Block) -> None:
        """Say how long it will take, once some points are known."""
        if len(self._seconds) > _FIRST_POINTS:
            return
        self._seconds += block.seconds.tolist()
        if len(self._seconds) > _FIRST_POINTS:
            # The very first one may have compiled.
            mean = float(np.mean(self._seconds[1:]))
            total = self._todo * mean / self._crew.workers
            share = f", by {self._crew.workers} workers" if self._crew.workers > 1 else ""
            self._tell(f"a point takes {1e3 * mean:.2g} ms: about {duration(total)} in all{share}")


def _dismiss(crew: Crew, writer: _Writer) -> None:
    """Have everybody leave, keeping the points that were in flight."""
    for worker in range(crew.workers):
        crew.send(worker, Stop())
    here = set(range(crew.workers))
    deadline = time.monotonic() + _GRACE
    while here and time.monotonic() < deadline:
        for worker, message in crew.receive(0.1):
            if message.block is not None:
                writer.add(message.block)
            if message.leaving:
                here.discard(worker)
        writer.flush()
