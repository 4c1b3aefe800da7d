"""Gilbert damping in the usual terms."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import (
    ELECTRON_GYROMAGNETIC_RATIO,
    ELEMENTARY_CHARGE,
    HBAR,
    METRE_PER_NM,
)
from torkivity_engine.errors import InputError

__all__ = ["damping_of", "gilbert_damping"]


def gilbert_damping(
    mixing_conductance: float,
    saturation_magnetization: float,
    thickness: float,
    gyromagnetic_ratio: float = ELECTRON_GYROMAGNETIC_RATIO,
) -> float:
    """Damping that a magnet of some thickness has of an effective mixing conductance.

    Parameters
    ----------
    mixing_conductance : float
        G_eff in 1/(Ohm m^2).
    saturation_magnetization : float
        M_s in A/m.
    thickness : float
        nm.
    gyromagnetic_ratio : float, optional
        gamma in rad/(s T); that of the free electron by default.

    Returns
    -------
    float
        gamma hbar^2 G_eff / (2 e^2 M_s t).

    Raises
    ------
    InputError
        For a magnetization, a thickness or a ratio that is not positive.
    """
    return float(
        damping_of(mixing_conductance, saturation_magnetization, thickness, gyromagnetic_ratio)
    )


def damping_of(
    mixing_conductance: ArrayLike,
    saturation_magnetization: float,
    thickness: ArrayLike,
    gyromagnetic_ratio: float = ELECTRON_GYROMAGNETIC_RATIO,
) -> FloatArray:
    """`gilbert_damping` of arrays; NaN where a thickness is."""
    for key, value in (
        ("saturation_magnetization", saturation_magnetization),
        ("gyromagnetic_ratio", gyromagnetic_ratio),
        ("thickness", thickness),
    ):
        array = np.asarray(value, dtype=np.float64)
        bad = array[~np.isnan(array) & ~((array > 0.0) & np.isfinite(array))]
        if bad.size:
            raise InputError(key, float(bad[0]), "must be positive")
    per_area = HBAR**2 * np.asarray(mixing_conductance) / (2.0 * ELEMENTARY_CHARGE**2)
    moment = saturation_magnetization * np.asarray(thickness) * METRE_PER_NM
    return np.asarray(gyromagnetic_ratio * per_area / moment)
