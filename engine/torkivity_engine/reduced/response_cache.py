"""Bounded cache of what layers do, in the frame of their magnetization."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from torkivity_meshes import AzimuthalRings

__all__ = ["CACHE_SIZE", "cached", "clear_cache", "ring_key"]

CACHE_SIZE = 128

_T = TypeVar("_T")

_cache: OrderedDict[object, object] = OrderedDict()


def cached(key: object, kind: type[_T], make: Callable[[], _T]) -> _T:
    """The value under a key, made if it is not there; the least recently used one goes."""
    value = _cache.pop(key, None)
    if value is None:
        value = make()
    _cache[key] = value
    if len(_cache) > CACHE_SIZE:
        _cache.popitem(last=False)
    assert isinstance(value, kind)
    return value


def clear_cache() -> int:
    """Forget everything; returns how many values were kept."""
    count = len(_cache)
    _cache.clear()
    return count


def ring_key(*parts: object, rings: AzimuthalRings) -> object:
    """Key of a response: it depends on the polar rule of a mesh, not on its azimuths."""
    return (*parts, rings.cosines.tobytes(), rings.polar_weights.tobytes())
