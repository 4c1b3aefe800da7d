"""Bounded cache of what layers do, in the frame of their magnetization."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from torkivity_meshes import AzimuthalRings

__all__ = ["CACHE_SIZE", "cached", "clear_cache", "ring_key"]

#: Values of each kind that are kept: what films share must not push out the films.
CACHE_SIZE = 64

_T = TypeVar("_T")

_caches: dict[type, OrderedDict[object, object]] = {}


def cached(key: object, kind: type[_T], make: Callable[[], _T]) -> _T:
    """The value under a key, made if it is not there; the least recently used of its kind goes."""
    cache = _caches.setdefault(kind, OrderedDict())
    value = cache.pop(key, None)
    if value is None:
        value = make()
    cache[key] = value
    if len(cache) > CACHE_SIZE:
        cache.popitem(last=False)
    assert isinstance(value, kind)
    return value


def clear_cache() -> int:
    """Forget everything; returns how many values were kept."""
    count = sum(map(len, _caches.values()))
    _caches.clear()
    return count


def ring_key(*parts: object, rings: AzimuthalRings) -> object:
    """Key of a response: it depends on the polar rule of a mesh, not on its azimuths."""
    return (*parts, rings.cosines.tobytes(), rings.polar_weights.tobytes())
