"""Tell the user when the program is silent because it compiles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event

from torkivity_engine.machine.kernels import kernels_are_kept

__all__ = ["announce_compilation"]

_KIND = "numba:compile"


class _Watcher(event.Listener):  # type: ignore[misc]
    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._depth = 0
        self._since = 0.0
        self.count = 0
        self.seconds = 0.0

    def on_start(self, _event: Any) -> None:
        if self.count == 0 and self._depth == 0:
            self._announce("compiling kernels, once after installation or update ...")
        if self._depth == 0:
            self._since = time.perf_counter()
        self._depth += 1

    def on_end(self, _event: Any) -> None:
        self._depth -= 1
        self.count += 1
        if self._depth == 0:
            self.seconds += time.perf_counter() - self._since


@contextmanager
def announce_compilation(announce: Callable[[str], None]) -> Iterator[None]:
    """Announce the first kernel compiled within the block, and what it all took.

    Kernels that come from the cache stay silent.

    Parameters
    ----------
    announce : callable
        Takes one line.
    """
    watcher = _Watcher(announce)
    event.register(_KIND, watcher)
    try:
        yield
    finally:
        event.unregister(_KIND, watcher)
    if watcher.count:
        end = "; they are kept" if kernels_are_kept() else ""
        announce(f"compiled {watcher.count} kernels in {watcher.seconds:.0f} s{end}")
