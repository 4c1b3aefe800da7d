"""Threads: results that must not depend on how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread", "with_one_blas_thread"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_depth = 0


@cache
def _controller() -> ThreadpoolController:
    """The BLAS libraries of this process; finding them costs a millisecond, once."""
    import scipy.linalg  # noqa: F401 - loads the second BLAS, which must be found too

    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread: sums then have one order, and small matrices run faster.

    A threaded BLAS divides its sums differently for each number of threads, which would change
    the last digits of a result from machine setting to machine setting.
    """
    global _depth
    if _depth:
        yield
        return
    with _controller().limit(limits=1, user_api="blas"):
        _depth += 1
        try:
            yield
        finally:
            _depth -= 1


def with_one_blas_thread(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function run under `one_blas_thread`."""

    @wraps(function)
    def limited(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with one_blas_thread():
            return function(*args, **kwargs)

    return limited
