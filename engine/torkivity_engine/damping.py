"""Gilbert damping from what a magnet loses through its faces."""

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

__all__ = ["gilbert_damping"]


def gilbert_damping(
    conductance: ArrayLike,
    saturation_magnetization: float | None,
    thickness: ArrayLike | None,
    gyromagnetic_ratio: float = ELECTRON_GYROMAGNETIC_RATIO,
) -> FloatArray:
    """Damping alpha = gamma hbar^2 G_eff / (2 e^2 M_s t) of a magnet that pumps spins.

    Parameters
    ----------
    conductance : array_like
        G_eff in 1/(Ohm m^2), of both faces together.
    saturation_magnetization : float
        M_s in A/m.
    thickness : array_like
        t of the magnet, nm.
    gyromagnetic_ratio : float, optional
        gamma in rad/(s T); that of the free electron by default.

    Returns
    -------
    ndarray
        NaN where a thickness is.

    Raises
    ------
    InputError
        For a magnetization, thickness or ratio that is missing or not positive.
    """
    for key, value, unit in (
        ("saturation_magnetization", saturation_magnetization, "A/m"),
        ("ferromagnet_thickness", thickness, "nm"),
        ("gyromagnetic_ratio", gyromagnetic_ratio, "rad/(s T)"),
    ):
        rule = f"must be a positive number of {unit} for damping"
        if value is None:
            raise InputError(key, value, rule)
        given = np.asarray(value, dtype=np.float64)
        unknown = np.isnan(given) & (key == "ferromagnet_thickness")
        bad = given[~unknown & ~((given > 0.0) & np.isfinite(given))]
        if bad.size:
            raise InputError(key, float(bad[0]), rule)
    assert saturation_magnetization is not None
    moment = saturation_magnetization * np.asarray(thickness, dtype=np.float64) * METRE_PER_NM
    per_area = HBAR**2 * np.asarray(conductance, dtype=np.float64) / (2.0 * ELEMENTARY_CHARGE**2)
    return np.asarray(gyromagnetic_ratio * per_area / moment)
