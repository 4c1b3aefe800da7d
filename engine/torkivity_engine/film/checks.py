"""Checks of what the classes of a film are given."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from torkivity_engine.errors import InputError

__all__ = [
    "SpinOrbitMatrix",
    "Vector",
    "check_direction",
    "check_finite",
    "check_length",
    "check_number",
    "check_potential",
    "check_sequence",
    "check_spin_orbit",
    "check_wavevector",
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


def check_finite(key: str, value: Any) -> float:
    """A finite number."""
    number = check_number(key, value)
    if math.isinf(number):
        raise InputError(key, value, "must be finite")
    return number


def check_length(key: str, value: Any, *, infinite: bool = False) -> float:
    """A positive length in nm."""
    number = check_number(key, value)
    if number <= 0.0:
        raise InputError(key, value, "must be a positive length in nm")
    if math.isinf(number) and not infinite:
        raise InputError(key, value, "must be finite")
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
    numbers = [x / scale for x in numbers]
    norm = math.sqrt(sum(x * x for x in numbers))
    x, y, z = (part / norm + 0.0 for part in numbers)  # one zero: equal directions, equal digits
    return (x, y, z)


def check_potential(key: str, value: Any) -> float:
    """A finite number whose square does not overflow."""
    number = check_finite(key, value)
    if abs(number) > 1e100:
        raise InputError(key, value, "must be smaller than 1e100 in magnitude")
    return number


def check_spin_orbit(key: str, value: Any) -> SpinOrbitMatrix:
    """W as nested tuples."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    sequences = (list, tuple)
    rows = [
        list(row) if isinstance(row, sequences) else []
        for row in (value if isinstance(value, sequences) else ())
    ]
    if [len(row) for row in rows] != [2, 2, 2]:
        raise InputError(
            key, value, "must be 3 rows (spin x, y, z) of 2 numbers (k_x, k_y), all dimensionless"
        )
    x, y, z = ((check_potential(key, row[0]), check_potential(key, row[1])) for row in rows)
    return (x, y, z)


def set_field(instance: Any, key: str, value: Any) -> None:
    """Store a checked value in a frozen dataclass during its construction."""
    object.__setattr__(instance, key, value)


def check_sequence(key: str, value: Any) -> Sequence[Any]:
    """A list or tuple."""
    if not isinstance(value, (list, tuple)):
        raise InputError(key, value, "must be a list or tuple")
    return value


def check_wavevector(value: Any) -> float:
    """A positive Fermi wavevector in 1/nm."""
    k_f = check_finite("fermi_wavevector", value)
    if k_f <= 0.0:
        raise InputError("fermi_wavevector", value, "must be positive, in 1/nm")
    return k_f
