"""What a delta-function interface sends out while its exchange field turns.

With q = (hbar / 2) dm/dt the amplitudes change at the rate dr = dt = -i t (u_ex sigma.q) t / mu
(per hbar / 2), and what leaves either side besides what is scattered is 2i (dr r^+ + dt t^+).
"""

from __future__ import annotations

import numpy as np

from torkivity_engine.arrays import ComplexArray, FloatArray

__all__ = ["amplitudes", "pumped"]

_PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]])


def amplitudes(parameters: FloatArray, directions: FloatArray) -> tuple[ComplexArray, ComplexArray]:
    """Spinor amplitudes r and t in the basis of sigma_z.

    Parameters
    ----------
    parameters : ndarray, shape (12,)
        Of the closed form, see `torkivity_engine.film.interface.Interface.closed_form`.
    directions : ndarray, shape (n, 3)
        Unit vectors of k; the sign of k_z does not matter.

    Returns
    -------
    r, t : ndarray of complex, shape (n, 2, 2)
    """
    k = np.asarray(directions, dtype=np.float64)
    u0, ux, exchange, unit = parameters[0], parameters[1], parameters[2:5], parameters[11]
    x = np.abs(k[:, 2]) * unit
    w = k[:, :2] @ parameters[5:11].reshape(3, 2).T
    b = exchange + w
    delta = (ux - u0) * (ux + u0) + np.sum(w * (w + 2.0 * exchange), axis=1)
    denominator = x * x + delta + 2j * x * u0
    vector = np.einsum("na,aij->nij", b, _PAULI[:3]) * (-1j * x / denominator)[:, None, None]
    s_t = x * (x + 1j * u0) / denominator
    s_r = -(delta + 1j * x * u0) / denominator
    return (
        vector + s_r[:, None, None] * _PAULI[3],
        vector + s_t[:, None, None] * _PAULI[3],
    )


def pumped(
    parameters: FloatArray, drive: FloatArray, directions: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Emission and spin density per channel.

    Parameters
    ----------
    parameters : ndarray, shape (12,)
        Of the closed form.
    drive : ndarray, shape (3, c)
        q, perpendicular to m.
    directions : ndarray, shape (n, 3)

    Returns
    -------
    leaving : ndarray, shape (n, 4, c)
        (x, y, z, charge) that leaves, the same on both sides.
    density : ndarray, shape (n, 3, c)
        What the spin density at z = 0 changes by.
    """
    r, t = amplitudes(parameters, directions)
    x = np.abs(np.asarray(directions)[:, 2]) * parameters[11]
    turning = parameters[1] * np.einsum("ac,aij->cij", drive, _PAULI[:3])
    rate = -1j * np.einsum("nij,cjk,nkl->ncil", t, turning, t) / x[:, None, None, None]
    sent = 2j * np.einsum("ncij,nkj->ncik", rate, (r + t).conj())
    half = 1j * np.einsum("ncij,nkj->ncik", rate, t.conj())
    stored = half + np.conj(np.swapaxes(half, 2, 3))
    return (
        0.5 * np.einsum("aij,ncji->nac", _PAULI, sent).real,
        np.einsum("aij,ncji->nac", _PAULI[:3], stored).real,
    )
