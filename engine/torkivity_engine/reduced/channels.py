"""The small linear systems of the channels with any few right-hand sides.

Arrays end with the azimuths of a chunk, so that the compiler vectorises over them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.kinetics.scattering import fill_tensor, scatter
from torkivity_engine.machine.kernels import njit
from torkivity_engine.reduced.blocks import CHUNK

__all__ = [
    "CHUNK",
    "InterfaceInput",
    "across",
    "build",
    "factorize",
    "lanes_of",
    "substitute",
    "take_azimuths",
]


class InterfaceInput(NamedTuple):
    """The interfaces of a stack as kernels take them, with N of them, K given by tensors.

    Attributes
    ----------
    parameters : ndarray, shape (N, 12)
        Of the closed form; not looked at where there are tensors.
    table : ndarray of int, shape (N,)
        Which tensors an interface has; -1 for the closed form.
    scattering : ndarray, shape (K, n_polar, n_azimuth, 8, 8)
        What leaves (below, above) per what arrives there.
    density : ndarray, shape (K, n_polar, n_azimuth, n_probes, 8)
        Spin density at z = 0 per what arrives, three rows; more where all have tensors.
    """

    parameters: FloatArray
    table: NDArray[Any]
    scattering: FloatArray
    density: FloatArray


_SQRT2 = float(np.sqrt(2.0))
#: Azimuths beyond the last one are computed until a whole vector is full.
_VECTOR = 4


@njit(cache=True, inline="always", error_model="numpy")
def lanes_of(start, n_azimuth):  # type: ignore[no-untyped-def]
    """How many azimuths of the chunk that begins at one are computed: all, in whole vectors."""
    return min(CHUNK, -(-(n_azimuth - start) // _VECTOR) * _VECTOR)


@njit(cache=True, inline="always", error_model="numpy")
def across(side, n_sides):  # type: ignore[no-untyped-def]
    """The side from which flights arrive at a side."""
    if side == 0 or side == n_sides - 1:
        return side
    return side + 1 if side % 2 == 1 else side - 1


@njit(cache=True, inner=True, error_model="numpy")
def take_azimuths(start, sin_theta, cos_phi, sin_phi, kx, ky, psi, weight):  # type: ignore[no-untyped-def]
    """Fill the chunk that begins at one azimuth: k_parallel, moments, and mean weights."""
    n_azimuth = cos_phi.shape[0]
    for c in range(kx.shape[0]):
        # Beyond the end of the ring its last azimuth stands in with weight zero.
        a = min(start + c, n_azimuth - 1)
        kx[c], ky[c] = sin_theta * cos_phi[a], sin_theta * sin_phi[a]
        psi[1, c], psi[2, c] = _SQRT2 * cos_phi[a], _SQRT2 * sin_phi[a]
        weight[c] = 1.0 / n_azimuth if start + c < n_azimuth else 0.0


@njit(cache=True, inner=True, error_model="numpy", fastmath={"contract", "nsz"})
def build(  # type: ignore[no-untyped-def]
    ring, start, mu, kx, ky, psi, interfaces, local, drive_in, drive_out, density, left, right
):
    """left = 1 - S A and right = [S, S g_in - g_out] for one chunk of azimuths.

    Fills `density`, shape (n_interfaces, n_probes, 8, chunk), too. Returns the largest departure of
    R_cc + T_cc from one.
    """
    defect = 0.0
    n_interfaces = interfaces.parameters.shape[0]
    n, chunk = left.shape[0], left.shape[2]
    n_drives = drive_in.shape[2]
    r = np.empty((4, 4))
    t = np.empty((4, 4))
    left[:] = 0.0
    right[:] = 0.0
    for j in range(n):
        for c in range(chunk):
            left[j, j, c] = 1.0
    for i in range(n_interfaces):
        row = 8 * i
        table = interfaces.table[i]
        if table >= 0:
            last = interfaces.scattering.shape[2] - 1
            for c in range(chunk):
                a = min(start + c, last)
                s = interfaces.scattering[table, ring, a]
                for m in range(8):
                    for j in range(8):
                        right[row + j, row + m, c] = s[j, m]
                    for j in range(density.shape[1]):
                        density[i, j, m, c] = interfaces.density[table, ring, a, j, m]
                defect = max(defect, abs(s[3, 3] + s[7, 3] - 1.0), abs(s[3, 7] + s[7, 7] - 1.0))
        for c in range(chunk if table < 0 else 0):
            bx, by, bz, p_r, p_t, q, re_t, im_r, im_t = scatter(
                kx[c], ky[c], mu, interfaces.parameters[i]
            )
            fill_tensor(r, p_r, q, -re_t, im_r, bx, by, bz)
            fill_tensor(t, p_t, q, re_t, im_t, bx, by, bz)
            defect = max(defect, abs(r[3, 3] + t[3, 3] - 1.0))
            for j in range(4):
                for m in range(4):
                    right[row + j, row + m, c] = r[j, m]
                    right[row + j, row + 4 + m, c] = t[j, m]
                    right[row + 4 + j, row + m, c] = t[j, m]
                    right[row + 4 + j, row + 4 + m, c] = r[j, m]
                    if j < 3:
                        density[i, j, m, c] = t[j, m]
                        density[i, j, 4 + m, c] = t[j, m]
        for d in range(n_drives):
            for k in range(row, row + 8):
                for c in range(chunk):
                    arriving = 0.0
                    leaving = 0.0
                    for a in range(3):
                        arriving += psi[a, c] * drive_in[a, k, d]
                        leaving += psi[a, c] * drive_out[a, k, d]
                    right[k, n + d, c] -= leaving
                    for j in range(row, row + 8):
                        right[j, n + d, c] += right[j, k, c] * arriving
        for k in range(row, row + 8):
            for m in range(n):
                value = local[k, m]
                if value != 0.0:
                    for j in range(row, row + 8):
                        for c in range(chunk):
                            left[j, m, c] -= right[j, k, c] * value
    return defect


@njit(cache=True, inner=True, error_model="numpy", fastmath={"contract", "nsz"})
def factorize(left):  # type: ignore[no-untyped-def]
    """LU factors in place, without pivoting, all azimuths of the chunk at once.

    The diagonal is inverted; below it stand the multipliers times the pivots. Flights connect
    neighbouring interfaces only, so everything beyond the next one's 8 unknowns stays zero.
    """
    n, chunk = left.shape[0], left.shape[2]
    factor = np.empty(chunk)
    for k in range(n):
        for c in range(chunk):
            left[k, k, c] = 1.0 / left[k, k, c]
        stop = min(n, 8 * (k // 8 + 2))
        for j in range(k + 1, stop):
            for c in range(chunk):
                factor[c] = left[j, k, c] * left[k, k, c]
            for m in range(k + 1, stop):
                for c in range(chunk):
                    left[j, m, c] -= factor[c] * left[k, m, c]


@njit(cache=True, inner=True, error_model="numpy", fastmath={"contract", "nsz"})
def substitute(left, right):  # type: ignore[no-untyped-def]
    """right <- left^-1 right with the factors of `factorize`."""
    n, columns, chunk = left.shape[0], right.shape[1], left.shape[2]
    factor = np.empty(chunk)
    for k in range(n):
        for j in range(k + 1, min(n, 8 * (k // 8 + 2))):
            for c in range(chunk):
                factor[c] = left[j, k, c] * left[k, k, c]
            for m in range(columns):
                for c in range(chunk):
                    right[j, m, c] -= factor[c] * right[k, m, c]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, min(n, 8 * (k // 8 + 2))):
            for m in range(columns):
                for c in range(chunk):
                    right[k, m, c] -= left[k, j, c] * right[j, m, c]
        for m in range(columns):
            for c in range(chunk):
                right[k, m, c] *= left[k, k, c]
