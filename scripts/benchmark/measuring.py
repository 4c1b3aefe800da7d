"""Timing in rounds, the machine, and numbers as text."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from torkivity_engine.machine.threads import SINGLE_THREAD

__all__ = ["Record", "Rounds", "duration", "exponent", "number", "python_output"]

Record = dict[str, Any]


class Rounds:
    """Seconds of several calls, measured in turns.

    Parameters
    ----------
    calls : mapping of str to callable
    seconds : float
        About how long to measure altogether; every call runs at least `least` times.
    warm : bool, optional
        Run everything once beforehand.
    clock : callable, optional
        Processor time, ``time.process_time``, is moved less by a busy machine.
    """

    def __init__(
        self,
        calls: Mapping[str, Callable[[], object]],
        seconds: float,
        *,
        least: int = 3,
        most: int = 400,
        warm: bool = True,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if warm:
            for call in calls.values():
                call()
        self._times: dict[str, list[float]] = {name: [] for name in calls}
        end = time.perf_counter() + seconds
        while len(next(iter(self._times.values()))) < most:
            for name, call in calls.items():
                start = clock()
                call()
                self._times[name].append(clock() - start)
            if time.perf_counter() > end and len(next(iter(self._times.values()))) >= least:
                break

    def seconds(self, name: str) -> float:
        """Median time of one call."""
        return median(self._times[name])

    def ratio(self, slow: str, fast: str) -> float:
        """Median over rounds of time(slow) / time(fast)."""
        pairs = zip(self._times[slow], self._times[fast], strict=True)
        return median(a / b for a, b in pairs)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Power with which values grow, by a fit."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def number(x: float | None, digits: int = 3) -> str:
    """A number for a table."""
    if x is None:
        return "-"
    if x == 0.0 or 1e-2 <= abs(x) < 1e5:
        decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(x or 1.0)))))
        return f"{x:.{decimals}f}"
    return f"{x:.{digits - 1}e}"


def duration(seconds: float) -> str:
    """Seconds for a table, with a fitting unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{number(seconds / scale)} {unit}"
    return f"{number(seconds / 1e-9)} ns"


def python_output(*arguments: str, **environment: str) -> str:
    """What another Python process, one thread to each library, writes to standard output."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **SINGLE_THREAD, **environment},
    ).stdout
