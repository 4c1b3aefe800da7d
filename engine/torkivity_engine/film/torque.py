"""The law of the torque that exchange exerts, wherever it acts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.spin import cross_matrix

__all__ = ["exchange_torque"]


def exchange_torque(strength: float, m: ArrayLike, density: FloatArray) -> FloatArray:
    """Torque on the magnetization, strength s x m.

    Parameters
    ----------
    strength : float
        2 u_ex at an interface, where s is the density at z = 0 times v_F; 1/l_prec in a layer.
    m : array_like, shape (3,)
        Unit vector.
    density : ndarray, shape (3, ...)
        Spin density s, first axis (x, y, z).

    Returns
    -------
    ndarray, shape (3, ...)
    """
    if np.ndim(density) == 1:  # one vector: numbers are faster than arrays of three
        (sx, sy, sz), (mx, my, mz) = density.tolist(), map(float, m)  # type: ignore[arg-type]
        cross = (sy * mz - sz * my, sz * mx - sx * mz, sx * my - sy * mx)
        return np.array([strength * x for x in cross])
    flat = -strength * (cross_matrix(m) @ np.reshape(density, (3, -1)))
    return flat.reshape(np.shape(density))
