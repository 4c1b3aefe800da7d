"""How far a sweep is, how fast, and how long it will take."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Progress", "duration", "seconds_between_lines"]


def duration(seconds: float) -> str:
    """Time as people say it.

    Parameters
    ----------
    seconds : float

    Returns
    -------
    str
    """
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    days = hours / 24
    return f"{days:.1f} days" if days < 1000 else f"{days / 365.25:.3g} years"


def seconds_between_lines() -> float:
    """How often to tell: who looks can be told often, a log file is read later."""
    if "ipykernel" in sys.modules:
        return 1.0  # a notebook
    return 2.0 if sys.stderr.isatty() else 10.0


class Progress:
    """Tells where a sweep, or other work in pieces, is, now and then.

    Parameters
    ----------
    total : int
        Points of the grid.
    finished : int
        Of these, known from before.
    tell : callable
        Takes a line.
    what : str, optional
        What is counted.
    """

    def __init__(
        self, total: int, finished: int, tell: Callable[[str], None], what: str = "points"
    ) -> None:
        self._what = what
        self._total, self._finished, self._tell = total, finished, tell
        self._failed = 0
        self._started = time.perf_counter()
        self._first = finished
        self._recent = deque([(self._started, finished)], maxlen=60)
        self._interval = seconds_between_lines()
        self._told = self._started

    @property
    def rate(self) -> float:
        """Points per second so far."""
        elapsed = time.perf_counter() - self._started
        return (self._finished - self._first) / max(elapsed, 1e-9)

    def add(self, finished: int, failed: int = 0) -> None:
        """Count points, and tell if it is time to."""
        self._finished += finished
        self._failed += failed
        now = time.perf_counter()
        if now - self._told < self._interval:
            return
        self._told = now
        self._recent.append((now, self._finished))
        (since, before) = self._recent[0]
        rate = (self._finished - before) / max(now - since, 1e-9)
        left = duration((self._total - self._finished) / rate) if rate > 0.0 else "unknown time"
        self._tell(
            f"{self._finished} of {self._total} {self._what} "
            f"({100.0 * self._finished / self._total:.1f} %), {rate:.3g} {self._what}/s, "
            f"{left} left" + (f", {self._failed} failed" if self._failed else "")
        )
