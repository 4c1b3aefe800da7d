"""Checks of what the classes of a film are given."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from torkivity_engine.errors import InputError

__all__ = [
    "SpinOrbitMatrix",
    "Vector",
    "check_direction",
    "check_number",
    "check_sequence",
    "set_field",
]

Vector = tuple[float, float, float]
SpinOrbitMatrix = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


def check_number(key: str, value: Any) -> float:
    """A number, infinite ones included."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InputError(key, value, "must be a number")
    try:
        number = float(value)
    except OverflowError:
        raise InputError(key, "an integer too large", "must be a number") from None
    if math.isnan(number):
        raise InputError(key, value, "must not be NaN")
    return number


def check_direction(key: str, value: Any) -> Vector:
    """Unit vector along `value`."""
    if type(value) is tuple and len(value) == 3:
        x, y, z = value
        if type(x) is type(y) is type(z) is float and _is_unit(x, y, z):
            return (x + 0.0, y + 0.0, z + 0.0)
    expected = "must be three finite numbers, not all zero: a direction"
    if isinstance(value, str) or not isinstance(value, (Iterable, np.ndarray)):
        raise InputError(key, value, expected)
    parts = list(value)
    if len(parts) != 3:
        raise InputError(key, value, expected)
    numbers = [check_number(key, part) for part in parts]
    scale = max(abs(x) for x in numbers)
    if scale == 0.0 or not math.isfinite(scale):
        raise InputError(key, value, expected)
    x, y, z = numbers
    # What is a unit vector already stays as it is: written to a file and read, the same digits.
    if not _is_unit(x, y, z):
        numbers = [part / scale for part in numbers]
        norm = math.sqrt(sum(part * part for part in numbers))
        x, y, z = (part / norm for part in numbers)
    return (x + 0.0, y + 0.0, z + 0.0)  # one zero: equal directions, equal digits


def _is_unit(x: float, y: float, z: float) -> bool:
    return abs(x * x + y * y + z * z - 1.0) <= 4.0 * sys.float_info.epsilon


def set_field(instance: Any, key: str, value: Any) -> None:
    """Store a checked value in a frozen dataclass during its construction."""
    object.__setattr__(instance, key, value)


def check_sequence(key: str, value: Any) -> Sequence[Any]:
    """A list or tuple."""
    if not isinstance(value, (list, tuple)):
        raise InputError(key, value, "must be a list or tuple")
    return value
