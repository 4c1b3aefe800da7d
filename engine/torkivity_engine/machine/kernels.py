"""The decorator of compiled functions: a cache that cannot be used costs time, nothing else.

Numba takes what lies in its cache on trust. An empty or truncated file, one of somebody else's
or a full disk then ends the program, each time anew.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numba
from numba.core import event, sigutils
from numba.core.caching import FunctionCache
from numba.core.registry import CPUDispatcher

__all__ = ["kernels_are_kept", "njit"]


class _KernelCache(FunctionCache):  # type: ignore[misc]
    """Numba's cache of a function; what cannot be read is missing, and made anew."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            found = super().load_overload(sig, target_context)
        except Exception:  # whatever bytes that are not Numba's happen to raise
            return None
        # Two processes that save at once can leave one's code under the other's name.
        if found is not None and found.signature.args != sigutils.normalize_signature(sig)[0]:
            return None
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception:
            try:
                self.flush()  # an index that cannot be read is in the way
                super().save_overload(sig, data)
            except OSError as error:
                _warn(str(error.strerror))


def _open_cache(function: Callable[..., Any]) -> _KernelCache | None:
    folder = Path(numba.config.CACHE_DIR)
    try:
        cache = _KernelCache(function)
    except (OSError, RuntimeError):
        _warn("it cannot be used")
        return None
    # Elsewhere Numba would keep them by the function's own source alone.
    if not Path(cache.cache_path).is_relative_to(folder):
        _warn("it cannot be used")
        return None
    return cache


_warned: list[str] = []


def kernels_are_kept() -> bool:
    """Whether all that was compiled so far will be found by the next process."""
    return not _warned


def _warn(reason: str) -> None:
    """Say it once in a process, whichever kernel meets it first."""
    if not _warned:
        _warned.append(reason)
        folder = numba.config.CACHE_DIR
        text = f"compiled kernels cannot be kept in {folder}: {reason}"
        warnings.warn(text, RuntimeWarning, stacklevel=2)


class _Inner(CPUDispatcher):  # type: ignore[misc]
    """A function without a way in from Python: Numba would jump to address zero."""

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(f"{self.py_func.__name__} is called by kernels only")


class _GarbageLater(event.Listener):  # type: ignore[misc]
    """No garbage is collected while Numba compiles: it would look at everything again and again.

    What a compiler makes lives until the function is done; a tenth of the time goes that way.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._was_enabled = False

    def on_start(self, _event: Any) -> None:
        if self._depth == 0:
            self._was_enabled = gc.isenabled()
            gc.disable()
        self._depth += 1

    def on_end(self, _event: Any) -> None:
        self._depth -= 1
        if self._depth == 0 and self._was_enabled:
            gc.enable()


event.register("numba:compile", _GarbageLater())


def njit(
    *, cache: bool, inner: bool = False, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """As `numba.njit`, with a cache that may be damaged, full or not there at all.

    Parameters
    ----------
    cache : bool
        Whether to keep what is compiled.
    inner : bool, optional
        Whether kernels alone call it: then no way in from Python or C is compiled, which for
        functions of many arrays is a good part of the work. A call from Python is refused.
    **options
        As of `numba.njit`.

    Returns
    -------
    callable
        Decorator.
    """
    if inner:
        options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**options)(function)
        if inner and isinstance(dispatcher, CPUDispatcher):
            dispatcher.__class__ = _Inner
        kept = _open_cache(function) if cache else None
        if kept is not None:
            dispatcher._cache = kept  # as Numba's own cache=True does
        return dispatcher

    return decorate
