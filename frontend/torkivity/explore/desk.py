"""Who computes what next: one thread for all tabs, in short steps, the newest wish of each."""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any

__all__ = ["Desk", "Job"]

Message = dict[str, Any]


class Job:
    """Steps towards the answers to one wish of one tab.

    Parameters
    ----------
    steps : iterator
        Messages, or None where a step has none.
    tell : callable
        Takes a message.
    """

    def __init__(self, steps: Iterator[Message | None], tell: Callable[[Message], None]) -> None:
        self.steps, self.tell = steps, tell
        self.answered = False
        self.stale = False


class Desk:
    """Runs jobs until the loop ends. Used from the thread of the event loop.

    What somebody waits for comes first: the first answers of all jobs, then the rest in turn.
    """

    def __init__(self) -> None:
        self._jobs: dict[Any, Job] = {}
        self._news = asyncio.Event()
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        # It must not keep the program from ending.
        threading.Thread(target=self._labour, daemon=True, name="solvers").start()

    def give(self, who: Any, job: Job | None) -> None:
        """A new job of a tab, in place of the one before; None for no more."""
        before = self._jobs.pop(who, None)
        if before is not None:
            before.stale = True
        if job is not None:
            self._jobs[who] = job
            self._news.set()

    async def in_thread(self, function: Callable[[], Any]) -> Any:
        """What a function gives, computed between the steps of jobs."""
        future: Future[Any] = Future()
        self._work.put((function, future))
        return await asyncio.wrap_future(future)

    async def run(self) -> None:
        """Work for ever."""
        while True:
            await self._news.wait()
            who = next((w for w, job in self._jobs.items() if not job.answered), None)
            if who is None and self._jobs:
                who = next(iter(self._jobs))
            if who is None:
                self._news.clear()
                continue
            job = self._jobs.pop(who)
            self._jobs[who] = job  # the last in turn
            try:
                message = await self.in_thread(partial(next, job.steps, _END))
            except Exception as error:  # a mistake in the program, in one tab: others go on
                sys.excepthook(type(error), error, error.__traceback__)
                message = {"type": "problem", "at": "page", "text": f"a mistake: {error}"}
                self._jobs.pop(who, None)
            if job.stale:
                continue
            if message is _END:
                self._jobs.pop(who, None)
            elif message is not None:
                job.answered = True
                job.tell(message)

    def _labour(self) -> None:
        while True:
            function, future = self._work.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)


_END: Any = object()
