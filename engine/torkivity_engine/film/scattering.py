"""Scattering tensors and amplitudes of the interfaces of a film."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.interfaces import DeltaInterface

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
    parameters = interface_parameters(interface, magnetization)
    u0, ux, exchange, unit = parameters[0], parameters[1], parameters[2:5], parameters[11]
    x = np.abs(k[:, 2]) * unit
    w = k[:, :2] @ parameters[5:11].reshape(3, 2).T
    b = exchange + w
    delta = (ux - u0) * (ux + u0) + np.sum(w * (w + 2.0 * exchange), axis=1)
    denominator = x * x + delta + 2j * x * u0
    c = -1j * x / denominator
    vector = np.empty((len(k), 2, 2), dtype=np.complex128)
    vector[:, 0, 0], vector[:, 1, 1] = b[:, 2], -b[:, 2]
    vector[:, 0, 1], vector[:, 1, 0] = b[:, 0] - 1j * b[:, 1], b[:, 0] + 1j * b[:, 1]
    vector *= c[:, None, None]
    identity = np.eye(2)
    s_t = x * (x + 1j * u0) / denominator
    s_r = -(delta + 1j * x * u0) / denominator
    return vector + s_r[:, None, None] * identity, vector + s_t[:, None, None] * identity
