"""Where a fit is, now and then: a microscopic model of many directions takes minutes."""

from __future__ import annotations

import time
from collections.abc import Callable

from torkivity.notebook import notebook_teller
from torkivity_hpc.running.progress import duration, seconds_between_lines

__all__ = ["FitProgress"]


class FitProgress:
    """Tells which step of a fit is at work, and how much time is left where that is known.

    Parameters
    ----------
    tell : callable, optional
        Takes a line. Without it a notebook shows them, and nothing is told elsewhere.
    clock : callable, optional
        Gives seconds.
    interval : float, optional
        Seconds between lines.
    """

    def __init__(
        self,
        tell: Callable[[str], None] | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
        interval: float | None = None,
    ) -> None:
        self._tell, self._clock = tell or notebook_teller(), clock
        self._interval = seconds_between_lines() if interval is None else interval
        self._told = clock()
        self.begin("best fit")

    def begin(self, step: str, total: int = 0) -> None:
        """Start a step, of so many parts if that is known."""
        self._step, self._total, self._done, self._evaluations = step, total, 0, 0
        self._since = self._clock()

    def advance(self) -> None:
        """One part of the step is done."""
        self._done += 1

    def tick(self) -> None:
        """The model was evaluated once more; tell if it is time to."""
        self._evaluations += 1
        if self._tell is None:
            return
        now = self._clock()
        if now - self._told < self._interval:
            return
        self._told = now
        self._tell(self._line(now - self._since))

    def _line(self, elapsed: float) -> str:
        if not self._total:
            return f"{self._step}: {self._evaluations} evaluations in {duration(elapsed)}"
        text = f"{self._step}: {self._done} of {self._total}"
        if not self._done:
            return f"{text}, {self._evaluations} evaluations in {duration(elapsed)}"
        left = elapsed / self._done * (self._total - self._done)
        return f"{text}, about {duration(left)} left"
