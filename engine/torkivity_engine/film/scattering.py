"""Scattering tensors and amplitudes of the interfaces of a film."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.interfaces import DeltaInterface
from torkivity_engine.kinetics.pumping import amplitudes

__all__ = ["interface_parameters", "scattering_amplitudes", "scattering_matrices"]


def interface_parameters(interface: DeltaInterface, magnetization: ArrayLike) -> FloatArray:
    """Interface as the plain array that kernels take.

    Parameters
    ----------
    interface : RashbaInterface or SpinOrbitInterface
    magnetization : array_like, shape (3,)
        Unit vector m.

    Returns
    -------
    ndarray, shape (12,)
        See `Interface.closed_form`.
    """
    return interface.closed_form(magnetization)


def scattering_matrices(
    interface: DeltaInterface, magnetization: ArrayLike, directions: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Reflection and transmission tensors R_ab, T_ab of an interface (A9), (A11), (A12).

    Parameters
    ----------
    interface : RashbaInterface or SpinOrbitInterface
        Its own magnetization is not looked at.
    magnetization : array_like, shape (3,)
        Unit vector m.
    directions : array_like, shape (n, 3)
        Unit vectors of k; the sign of k_z does not matter.

    Returns
    -------
    R, T : ndarray, shape (n, 4, 4)
        Outgoing g_a = R_ab g_b, index order (x, y, z, charge); the same from both sides.
    """
    found = interface.scattering(magnetization, directions)
    return found.reflection_below, found.transmission_up


def scattering_amplitudes(
    interface: DeltaInterface, magnetization: ArrayLike, directions: ArrayLike
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Spinor amplitudes r and t of an interface.

    Parameters
    ----------
    interface : RashbaInterface or SpinOrbitInterface
    magnetization : array_like, shape (3,)
        Unit vector m.
    directions : array_like, shape (n, 3)
        Unit vectors of k.

    Returns
    -------
    r, t : ndarray of complex, shape (n, 2, 2)
        In the basis of sigma_z.
    """
    k = np.asarray(directions, dtype=np.float64)
    return amplitudes(interface_parameters(interface, magnetization), k)
