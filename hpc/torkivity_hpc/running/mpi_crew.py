"""Workers on other MPI ranks. Rank 0 manages, and computes in a process of its own beside it.

A manager that computed in turns would leave finished points of others lying about for as long
as its own point takes; one that computed in a thread would wait for Python's lock. The other
process costs rank 0 a second interpreter, and shares its core with a manager that mostly sleeps.
"""

from __future__ import annotations

import signal
import time
from typing import Any

from torkivity_hpc.running.crew import Message, ProcessCrew
from torkivity_hpc.running.worker import STOP_SIGNALS, Report, Stop, work

__all__ = ["MpiCrew", "dismiss", "serve"]

_TO_WORKER, _TO_MANAGER = 1, 2

#: Seconds between two looks for messages: MPI libraries wait at full load otherwise. Workers
#: have a batch in store, so the manager, which shares a core with one, looks less often.
_POLL, _MANAGER_POLL = 5e-4, 2e-3


class MpiCrew:
    """Rank 0's own worker process and all other ranks.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Worker 0 is local; worker r is rank r.
    """

    def __init__(self, comm: Any) -> None:
        from mpi4py import MPI

        self._comm, self._status, self._any = comm, MPI.Status(), MPI.ANY_SOURCE
        self._local = ProcessCrew(1)
        self.workers = int(comm.Get_size())
        self._left: set[int] = set()
        self._sending: list[Any] = []

    def send(self, worker: int, message: Any) -> None:
        """Send to a worker."""
        if worker == 0:
            self._local.send(0, message)
            return
        # Never wait for a worker that may itself be waiting to get rid of its results.
        self._sending = [request for request in self._sending if not request.Test()]
        self._sending.append(self._comm.isend(message, dest=worker, tag=_TO_WORKER))

    def receive(self, timeout: float) -> list[Message]:
        """Messages that have arrived."""
        deadline = time.perf_counter() + timeout
        while True:
            messages: list[Message] = []
            while self._comm.Iprobe(source=self._any, tag=_TO_MANAGER, status=self._status):
                source = self._status.Get_source()
                message = self._comm.recv(source=source, tag=_TO_MANAGER)
                if isinstance(message, Report) and message.leaving:
                    self._left.add(source)
                messages.append((source, message))
            messages += self._local.receive(0.0 if messages else _MANAGER_POLL)
            if messages or time.perf_counter() >= deadline:
                return messages

    def close(self) -> None:
        """End the local process; other ranks that have not left only end with the whole job."""
        self._local.close()

    @property
    def stuck(self) -> bool:
        """Whether other ranks are still computing."""
        return len(self._left) + 1 < self.workers


class _RankChannel:
    def __init__(self, comm: Any) -> None:
        self._comm, self.rank = comm, comm.Get_rank()

    def receive(self) -> Any:
        while not self.pending():
            time.sleep(_POLL)
        return self._comm.recv(source=0, tag=_TO_WORKER)

    def pending(self) -> bool:
        return bool(self._comm.Iprobe(source=0, tag=_TO_WORKER))

    def send(self, message: Report) -> None:
        self._comm.send(message, dest=0, tag=_TO_MANAGER)


def dismiss(comm: Any) -> None:
    """Let all other ranks go when there is nothing to do for them.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
    """
    for rank in range(1, comm.Get_size()):
        comm.send(Stop(), dest=rank, tag=_TO_WORKER)
    for rank in range(1, comm.Get_size()):
        comm.recv(source=rank, tag=_TO_MANAGER)


def serve(comm: Any) -> None:
    """Work for rank 0 until it says stop.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
    """
    asked = False

    def ask(_number: int, _frame: object) -> None:
        nonlocal asked
        asked = True

    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, ask)
    work(_RankChannel(comm), lambda: asked)
    for number in STOP_SIGNALS:  # one that comes late must not kill what is only leaving
        signal.signal(number, signal.SIG_IGN)
