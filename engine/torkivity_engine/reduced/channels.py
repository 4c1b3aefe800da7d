"""Kernels for the small linear systems of the channels, all azimuths of a chunk at once.

Arrays end with the azimuths of the chunk, so that the compiler vectorises over them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.kinetics.scattering import fill_tensor, scatter
from torkivity_engine.machine.kernels import njit

__all__ = [
    "CHUNK",
    "InterfaceInput",
    "build",
    "channel_means",
    "factorize",
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


CHUNK = 16  #: azimuths handled together: two AVX-512 registers
_SQRT2 = float(np.sqrt(2.0))


@njit(cache=True, error_model="numpy")
def take_azimuths(start, sin_theta, cos_phi, sin_phi, kx, ky, psi, weight):  # type: ignore[no-untyped-def]
    """Fill the chunk that begins at one azimuth: k_parallel, moments, and mean weights."""
    n_azimuth = cos_phi.shape[0]
    for c in range(kx.shape[0]):
        # Beyond the end of the ring its last azimuth stands in with weight zero.
        a = min(start + c, n_azimuth - 1)
        kx[c], ky[c] = sin_theta * cos_phi[a], sin_theta * sin_phi[a]
        psi[1, c], psi[2, c] = _SQRT2 * cos_phi[a], _SQRT2 * sin_phi[a]
        weight[c] = 1.0 / n_azimuth if start + c < n_azimuth else 0.0


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
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


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
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


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
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


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _accumulate(  # type: ignore[no-untyped-def]
    weight, psi, n_moments, table, gather, gathered_drive, density, right, arriving, mean, probe
):
    """Add the chunk to the azimuthal moments of [W, z] and to the spin density.

    mean is <psi_a W psi_b> (and <psi_a z> in the last columns); probe the same for the
    density: s = T (in- + in+) of a closed form, so that what arrives is summed over both sides
    first, in four rows instead of eight.
    """
    n, chunk = right.shape[0], right.shape[2]
    n_drives = right.shape[1] - n
    factor = np.empty(chunk)
    for a in range(n_moments):
        for b in range(n_moments):
            for c in range(chunk):
                factor[c] = weight[c] * psi[a, c] * psi[b, c]
            for j in range(n):
                for m in range(n):
                    total = 0.0
                    for c in range(chunk):
                        total += factor[c] * right[j, m, c]
                    mean[a * n + j, b * n + m] += total
        for c in range(chunk):
            factor[c] = weight[c] * psi[a, c]
        for j in range(n):
            for d in range(n_drives):
                total = 0.0
                for c in range(chunk):
                    total += factor[c] * right[j, n + d, c]
                mean[a * n + j, n_moments * n + d] += total
    for i in range(density.shape[0]):
        arriving[:] = 0.0
        rows = 4 if table[i] < 0 else 8
        for p in range(rows):
            # in = A out + y, plus the driven distribution.
            for k in range(n):
                value = gather[i, p, k]
                if value != 0.0:
                    for m in range(n + n_drives):
                        for c in range(chunk):
                            arriving[p, m, c] += value * right[k, m, c]
            for c in range(chunk):
                arriving[p, 8 * i + p, c] += 1.0
                if rows == 4:
                    arriving[p, 8 * i + 4 + p, c] += 1.0
            for d in range(n_drives):
                for a in range(3):
                    value = gathered_drive[i, a, p, d]
                    for c in range(chunk):
                        arriving[p, n + d, c] += psi[a, c] * value
        for j in range(density.shape[1]):
            for m in range(n + n_drives):
                if rows == 4:
                    for c in range(chunk):
                        total = 0.0
                        for p in range(4):
                            total += density[i, j, p, c] * arriving[p, m, c]
                        factor[c] = weight[c] * total
                else:
                    for c in range(chunk):
                        total = 0.0
                        for p in range(8):
                            total += density[i, j, p, c] * arriving[p, m, c]
                        factor[c] = weight[c] * total
                for b in range(n_moments if m < n else 1):
                    total = 0.0
                    for c in range(chunk):
                        total += factor[c] * (psi[b, c] if m < n else 1.0)
                    column = b * n + m if m < n else n_moments * n + m - n
                    probe[density.shape[1] * i + j, column] += total


@njit(cache=True, error_model="numpy")
def channel_means(  # type: ignore[no-untyped-def]
    mu, cos_phi, sin_phi, interfaces, local, drive_in, drive_out, n_moments, chunk, mean, probe
):
    """Azimuthal moments over all channels, ring by ring.

    Unknowns per k_parallel are ordered (interface, side, component), n = 8 n_interfaces.
    `local` is A, shape (ring, n, n); the drives, shape (ring, 3, n, n_drives), are given by
    their moments 1, sqrt2 cos, sqrt2 sin. Outputs, with N = n_moments n: `mean`, shape
    (ring, N, N + n_drives), and `probe`, shape (ring, n_probes n_interfaces, N + n_drives). Returns
    the largest unitarity defect of the interfaces. `chunk` azimuths are handled together; as a
    constant the compiler would unroll it instead of vectorising over it.
    """
    defect = 0.0
    n_interfaces = interfaces.parameters.shape[0]
    n = 8 * n_interfaces
    n_azimuth = cos_phi.shape[0]
    n_drives = drive_in.shape[3]
    density = np.empty((n_interfaces, interfaces.density.shape[3], 8, chunk))
    left = np.empty((n, n, chunk))
    right = np.empty((n, n + n_drives, chunk))
    arriving = np.empty((8, n + n_drives, chunk))
    gather = np.empty((n_interfaces, 8, n))
    gathered_drive = np.empty((n_interfaces, 3, 8, n_drives))
    kx, ky, weight = np.empty(chunk), np.empty(chunk), np.empty(chunk)
    psi = np.ones((3, chunk))
    mean[:] = 0.0
    probe[:] = 0.0
    for ring in range(mu.shape[0]):
        sin_theta = np.sqrt((1.0 - mu[ring]) * (1.0 + mu[ring]))
        for i in range(n_interfaces):
            both = interfaces.table[i] < 0
            for p in range(4 if both else 8):
                lower, upper = 8 * i + p, 8 * i + 4 + p
                for k in range(n):
                    gather[i, p, k] = local[ring, lower, k]
                    if both:
                        gather[i, p, k] += local[ring, upper, k]
                for a in range(3):
                    for d in range(n_drives):
                        gathered_drive[i, a, p, d] = drive_in[ring, a, lower, d]
                        if both:
                            gathered_drive[i, a, p, d] += drive_in[ring, a, upper, d]
        for start in range(0, n_azimuth, chunk):
            take_azimuths(start, sin_theta, cos_phi, sin_phi, kx, ky, psi, weight)
            chunk_defect = build(
                ring, start, mu[ring], kx, ky, psi, interfaces, local[ring], drive_in[ring],
                drive_out[ring], density, left, right,
            )  # fmt: skip
            defect = max(defect, chunk_defect)
            factorize(left)
            substitute(left, right)
            _accumulate(
                weight, psi, n_moments, interfaces.table, gather, gathered_drive, density, right,
                arriving, mean[ring], probe[ring],
            )  # fmt: skip
    return defect
