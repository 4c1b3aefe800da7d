"""Garbage collection while many points are computed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["only_new_garbage"]


@contextmanager
def only_new_garbage() -> Iterator[None]:
    """Leave what is there out of collections.

    Compilers and libraries keep a million objects for good. The results of some thousand points are
    enough for the collector to go through all of them, again and again, for as long as a hundred
    points take.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
