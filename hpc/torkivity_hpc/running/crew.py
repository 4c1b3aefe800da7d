"""Workers in this process or on this machine, as the manager sees them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from torkivity_engine.errors import InputError
from torkivity_engine.machine.threads import SINGLE_THREAD
from torkivity_hpc.running.worker import STOP_SIGNALS, Report, work

__all__ = ["Crew", "ProcessCrew", "ThreadCrew", "WorkerError", "single_threaded"]

Message = tuple[int, Report]


class WorkerError(RuntimeError):
    """A worker met an error that is not a point's own, or died."""

    @property
    def summary(self) -> str:
        """The last line, which says what it was."""
        return str(self).strip().splitlines()[-1]


class Crew(Protocol):
    """Workers 0 to `workers` - 1."""

    workers: int

    def send(self, worker: int, message: Any) -> None:
        """Send to a worker; does not wait for it."""

    def receive(self, timeout: float) -> list[Message]:
        """Messages that have arrived; waits up to `timeout` seconds for the first."""

    def close(self) -> None:
        """End whoever has not left."""


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
    """Environment in which numerical libraries of new processes start one thread each."""
    saved = {name: os.environ.get(name) for name in SINGLE_THREAD}
    os.environ.update(SINGLE_THREAD)
    try:
        yield
    finally:
        for name, value in saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class ProcessCrew:
    """Processes on this machine.

    Parameters
    ----------
    workers : int
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._left: set[int] = set()
        # Neither a threaded library nor MPI survives a plain fork.
        context = multiprocessing.get_context("spawn")
        self._connections: list[Connection] = []
        self._processes = []
        with single_threaded():
            for rank in range(workers):
                mine, theirs = context.Pipe()
                process = context.Process(
                    target=_child, args=(theirs, rank), name=f"sweep-{rank}", daemon=True
                )
                process.start()
                theirs.close()
                self._connections.append(mine)
                self._processes.append(process)

    def send(self, worker: int, message: Any) -> None:
        """Send to a worker.

        Raises
        ------
        InputError
            If what is to be evaluated cannot be sent to another process.
        WorkerError
            If the worker is gone.
        """
        try:
            self._connections[worker].send(message)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise InputError(
                "evaluate", str(error), "must be a function of an importable module for workers > 1"
            ) from None
        except OSError:
            raise self._death(worker) from None

    def receive(self, timeout: float) -> list[Message]:
        """Messages that have arrived.

        Raises
        ------
        WorkerError
            If a worker is gone, or met an error that is not a point's own.
        """
        waiting = {
            id(connection): worker
            for worker, connection in enumerate(self._connections)
            if worker not in self._left
        }
        messages: list[Message] = []
        open_ends = [self._connections[worker] for worker in waiting.values()]
        for connection in wait(open_ends, timeout):
            worker = waiting[id(connection)]
            try:
                message = self._connections[worker].recv()
            except (EOFError, OSError):
                raise self._death(worker) from None
            if isinstance(message, str):
                raise WorkerError(message)
            if isinstance(message, Report) and message.leaving:
                self._left.add(worker)
            messages.append((worker, message))
        return messages

    def close(self) -> None:
        """End whoever has not left."""
        for worker, process in enumerate(self._processes):
            if worker in self._left:
                process.join(5.0)
            if process.is_alive():
                process.kill()
                process.join()
            self._connections[worker].close()

    def _death(self, worker: int) -> WorkerError:
        process = self._processes[worker]
        process.join(1.0)
        code = process.exitcode
        how = f"exit status {code}" if code is None or code >= 0 else f"signal {-code}"
        return WorkerError(f"a worker process ended unexpectedly ({how})")


def _child(connection: Connection, rank: int) -> None:
    """Body of a worker process."""
    # Whoever signals the job signals the manager too, which then says what to do.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work(_PipeChannel(connection, rank), lambda: False)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(1)  # the manager is gone
    except Exception:
        with contextlib.suppress(OSError):
            connection.send(traceback.format_exc())
        os._exit(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


class _PipeChannel:
    def __init__(self, connection: Connection, rank: int) -> None:
        self._connection, self.rank = connection, rank

    def receive(self) -> Any:
        return self._connection.recv()

    def pending(self) -> bool:
        return self._connection.poll()

    def send(self, message: Report) -> None:
        self._connection.send(message)


class ThreadCrew:
    """One worker in a thread of this process: anything can be evaluated, nothing is copied."""

    workers = 1

    def __init__(self) -> None:
        self._channel = _QueueChannel()
        self._thread = threading.Thread(target=self._run, name="sweep-0", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            work(self._channel, lambda: False)
        except BaseException as error:
            self._channel.outbox.put(error)

    def send(self, worker: int, message: Any) -> None:
        """Send to the worker."""
        self._channel.inbox.put(message)

    def receive(self, timeout: float) -> list[Message]:
        """Messages that have arrived; re-raises what ended the worker."""
        try:
            message = self._channel.outbox.get(timeout=timeout)
        except queue.Empty:
            return []
        if isinstance(message, BaseException):
            raise message
        return [(0, message)]

    def close(self) -> None:
        """Wait a little for the thread; it ends with the process otherwise."""
        self._thread.join(1.0)


class _QueueChannel:
    rank = 0

    def __init__(self) -> None:
        self.inbox: queue.Queue[Any] = queue.Queue()
        self.outbox: queue.Queue[Any] = queue.Queue()

    def receive(self) -> Any:
        return self.inbox.get()

    def pending(self) -> bool:
        return not self.inbox.empty()

    def send(self, message: Report) -> None:
        self.outbox.put(message)
