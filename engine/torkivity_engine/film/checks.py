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
    # What is a unit vector already stays as it is: written to a file and read, the same digits.
    if abs(sum(x * x for x in numbers) - 1.0) <= 4.0 * sys.float_info.epsilon:
        return (numbers[0] + 0.0, numbers[1] + 0.0, numbers[2] + 0.0)
    numbers = [x / scale for x in numbers]
    norm = math.sqrt(sum(x * x for x in numbers))
    x, y, z = (part / norm + 0.0 for part in numbers)  # one zero: equal directions, equal digits
    return (x, y, z)


def set_field(instance: Any, key: str, value: Any) -> None:
    """Store a checked value in a frozen dataclass during its construction."""
    object.__setattr__(instance, key, value)


def check_sequence(key: str, value: Any) -> Sequence[Any]:
    """A list or tuple."""
    if not isinstance(value, (list, tuple)):
        raise InputError(key, value, "must be a list or tuple")
    return value
