"""Azimuthal moments over all channels, by elimination in 4x4 blocks.

An unknown block is what leaves one side of an interface, one right-hand side each unit that
arrives there. At fixed k_parallel a side is connected by flights with exactly one side: with
itself across an outermost layer, else with the one across the layer. See
`torkivity_engine.reduced.blocks` for how blocks lie in memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.kinetics.scattering import scatter, tensor_elements
from torkivity_engine.machine.kernels import njit
from torkivity_engine.reduced.blocks import (
    CHUNK,
    add_constant_times,
    copy,
    invert,
    minus_times_constant,
    subtract_times,
    times,
    weighted_sums,
)
from torkivity_engine.reduced.channels import across, lanes_of, take_azimuths

__all__ = ["all_slots", "channel_means", "closed_form"]

_L = CHUNK
_REFLECTED, _TRANSMITTED = 0, 1


def all_slots(n_moments: int, n_interfaces: int) -> NDArray[np.int64]:
    """Every azimuthal moment on every side of an interface, shape (n_slots, 2).

    Moment by moment; a slot stands for the four components of that moment on that side.
    """
    moments, sides = np.divmod(np.arange(n_moments * 2 * n_interfaces), 2 * n_interfaces)
    return np.column_stack([moments, sides])


@njit(cache=True, inline="always", error_model="numpy")
def _which(table, out, into):  # type: ignore[no-untyped-def]
    """Block of an interface's scattering out of one side (0, 1) per what arrives at another."""
    if table < 0:  # both sides are alike
        return _REFLECTED if out == into else _TRANSMITTED
    return 2 * out + into


@njit(cache=True, inner=True, error_model="numpy", fastmath={"contract", "nsz"})
def closed_form(kx, ky, mu, parameters, lanes, reflected, transmitted):  # type: ignore[no-untyped-def]
    """Fill R and T of one interface for a chunk; the largest departure of R_cc + T_cc from one."""
    worst = 0.0
    for c in range(lanes):
        bx, by, bz, p_r, p_t, q, re_t, im_r, im_t = scatter(kx[c], ky[c], mu, parameters)
        r = tensor_elements(p_r, q, -re_t, im_r, bx, by, bz)
        t = tensor_elements(p_t, q, re_t, im_t, bx, by, bz)
        for i in range(4):
            for k in range(4):
                reflected[(4 * k + i) * _L + c] = r[4 * i + k]
                transmitted[(4 * k + i) * _L + c] = t[4 * i + k]
    for c in range(lanes):
        worst = max(worst, abs(reflected[15 * _L + c] + transmitted[15 * _L + c] - 1.0))
    return worst


@njit(cache=True, inner=True, error_model="numpy")
def _from_table(scattering, density, start, lanes, blocks, rows):  # type: ignore[no-untyped-def]
    """Take a chunk out of the tensors at one ring; the largest departure of R_cc + T_cc from one.

    `rows`, shape (n_probes, 2, 4 CHUNK), is what the density takes of both sides.
    """
    worst = 0.0
    for c in range(lanes):
        s = scattering[min(start + c, scattering.shape[0] - 1)]
        d = density[min(start + c, scattering.shape[0] - 1)]
        for out in range(2):
            for into in range(2):
                block = blocks[2 * out + into]
                for i in range(4):
                    for k in range(4):
                        block[(4 * k + i) * _L + c] = s[4 * out + i, 4 * into + k]
        for j in range(rows.shape[0]):
            for side in range(2):
                for k in range(4):
                    rows[j, side, k * _L + c] = d[j, 4 * side + k]
        worst = max(worst, abs(s[3, 3] + s[7, 3] - 1.0), abs(s[3, 7] + s[7, 7] - 1.0))
    return worst


@njit(cache=True, inner=True, error_model="numpy")
def _drive(psi, drive_in, drive_out, lanes, arriving, leaving):  # type: ignore[no-untyped-def]
    """-g_in and -g_out of a chunk, shape (n_sides, n_drives, 4 CHUNK), from their moments."""
    for side in range(arriving.shape[0]):
        for d in range(arriving.shape[1]):
            for k in range(4):
                row = 4 * side + k
                into, out = arriving[side, d], leaving[side, d]
                i0, i1, i2 = drive_in[0, row, d], drive_in[1, row, d], drive_in[2, row, d]
                o0, o1, o2 = drive_out[0, row, d], drive_out[1, row, d], drive_out[2, row, d]
                for c in range(lanes):
                    into[k * _L + c] = -(i0 + psi[1, c] * i1 + psi[2, c] * i2)
                    out[k * _L + c] = -(o0 + psi[1, c] * o1 + psi[2, c] * o2)


@njit(cache=True, inner=True, error_model="numpy")
def _equations(scattering, table, local, arriving, leaving, lanes, left, right):  # type: ignore[no-untyped-def]
    """left = 1 - S A and right = [S, S g_in - g_out] of a chunk."""
    n_sides = left.shape[0]
    if n_sides > 2:  # else everything is written to below
        left[:] = 0.0
        right[:] = 0.0
    for side in range(n_sides):
        interface, out = side // 2, side % 2
        for into in range(2):
            other = 2 * interface + into
            block = scattering[interface, _which(table[interface], out, into)]
            copy(block, right[side, 4 * other : 4 * other + 4])
            partner = across(other, n_sides)
            a = local[4 * other : 4 * other + 4, 4 * partner : 4 * partner + 4]
            minus_times_constant(block, a, left[side, partner])
        for i in range(4):
            for c in range(_L):
                left[side, side, 5 * i * _L + c] += 1.0
        drives = right[side, 4 * n_sides :]
        for d in range(drives.shape[0]):
            for c in range(4 * _L):
                drives[d, c] = leaving[side, d, c]
        for into in range(2):
            other = 2 * interface + into
            block = scattering[interface, _which(table[interface], out, into)]
            subtract_times(block, arriving[other], drives, drives.shape[0], lanes)


@njit(cache=True, inner=True, error_model="numpy")
def _eliminate(left, right, lanes, inverse, upper, solved):  # type: ignore[no-untyped-def]
    """solved = left^-1 right, without pivoting.

    Flights connect neighbouring interfaces only, so everything beyond the next one stays zero.
    """
    n_sides, columns = left.shape[0], right.shape[1]
    # The same memory as columns of four rows.
    of_left = left.reshape(n_sides, n_sides, 4, 4 * _L)
    of_upper = upper.reshape(n_sides, n_sides, 4, 4 * _L)
    for k in range(n_sides):
        stop = min(n_sides, 2 * (k // 2 + 2))
        invert(left[k, k], inverse, lanes)
        times(inverse, right[k], solved[k], columns, lanes)
        for m in range(k + 1, stop):
            # The number as such: loops over four columns are then unrolled, which is worth 5 %.
            times(inverse, of_left[k, m], of_upper[k, m], 4, lanes)
        for j in range(k + 1, stop):
            factor = left[j, k]
            subtract_times(factor, solved[k], right[j], columns, lanes)
            for m in range(k + 1, stop):
                subtract_times(factor, of_upper[k, m], of_left[j, m], 4, lanes)
    for k in range(n_sides - 2, -1, -1):
        for j in range(k + 1, min(n_sides, 2 * (k // 2 + 2))):
            subtract_times(upper[k, j], solved[j], solved[k], columns, lanes)


@njit(cache=True, inner=True, error_model="numpy", fastmath={"contract", "nsz"})
def _products(weight, psi, lanes, factors):  # type: ignore[no-untyped-def]
    """weight psi_a psi_b, shape (3, 3, CHUNK); psi_0 is one."""
    for a in range(3):
        for b in range(3):
            for c in range(lanes):
                factors[a, b, c] = weight[c] * psi[a, c] * psi[b, c]


@njit(cache=True, inner=True, error_model="numpy")
def _add_means(factors, slots, solved, lanes, mean):  # type: ignore[no-untyped-def]
    """Add the chunk to the azimuthal moments of [W, z].

    mean is <psi_a W psi_b>, and <psi_a z> in the last columns.
    """
    n_sides, n_slots = solved.shape[0], slots.shape[0]
    n_drives = solved.shape[1] - 4 * n_sides
    for p in range(n_slots):
        a, side = slots[p, 0], slots[p, 1]
        for q in range(n_slots):
            factor, first = factors[a, slots[q, 0]], 4 * slots[q, 1]
            for m in range(4):
                sums = weighted_sums(factor, solved[side, first + m], lanes)
                for j in range(4):
                    mean[4 * p + j, 4 * q + m] += sums[j]
        for d in range(n_drives):
            sums = weighted_sums(factors[a, 0], solved[side, 4 * n_sides + d], lanes)
            for j in range(4):
                mean[4 * p + j, 4 * n_slots + d] += sums[j]


@njit(cache=True, inner=True, error_model="numpy")
def _arrive(side, local, driven, solved, lanes, arriving):  # type: ignore[no-untyped-def]
    """Add what arrives at a side per [y, drive]: in = A out + y + g_in; `driven` is -g_in."""
    n_sides, columns = solved.shape[0], solved.shape[1]
    partner = across(side, n_sides)
    a = local[4 * side : 4 * side + 4, 4 * partner : 4 * partner + 4]
    add_constant_times(a, solved[partner], arriving, columns, lanes)
    for k in range(4):
        for c in range(lanes):
            arriving[4 * side + k, k * _L + c] += 1.0
    for d in range(driven.shape[1]):
        for c in range(4 * _L):
            arriving[4 * n_sides + d, c] -= driven[side, d, c]


@njit(cache=True, inner=True, error_model="numpy", fastmath={"contract", "nsz"})
def _add_row(row, arriving, lanes, at, values):  # type: ignore[no-untyped-def]
    """Add one row, of four components, times what arrives to one row of the values."""
    for m in range(arriving.shape[0]):
        to, of = values[m], arriving[m]
        for c in range(lanes):
            to[at * _L + c] += (
                row[c] * of[c]
                + row[_L + c] * of[_L + c]
                + row[2 * _L + c] * of[2 * _L + c]
                + row[3 * _L + c] * of[3 * _L + c]
            )


@njit(cache=True, inner=True, error_model="numpy")
def _add_density(factors, slots, values, lanes, probe):  # type: ignore[no-untyped-def]
    """Add three rows of the chunk's density to their azimuthal moments."""
    n_slots = slots.shape[0]
    n_drives = probe.shape[1] - 4 * n_slots
    for q in range(n_slots):
        for m in range(4):
            sums = weighted_sums(factors[slots[q, 0], 0], values[4 * slots[q, 1] + m], lanes)
            for j in range(3):
                probe[j, 4 * q + m] += sums[j]
    for d in range(n_drives):
        sums = weighted_sums(factors[0, 0], values[values.shape[0] - n_drives + d], lanes)
        for j in range(3):
            probe[j, 4 * n_slots + d] += sums[j]


@njit(cache=True, error_model="numpy")
def channel_means(  # type: ignore[no-untyped-def]
    mu, cos_phi, sin_phi, interfaces, local, drive_in, drive_out, slots, mean, probe
):
    """Azimuthal moments over all channels, ring by ring.

    Unknowns per k_parallel are ordered (interface, side, component), n = 8 n_interfaces.
    `local` is A, shape (ring, n, n), of which only what flights connect is looked at; the drives,
    shape (ring, 3, n, n_drives), are given by their moments 1, sqrt2 cos, sqrt2 sin. `slots` says
    which moments are wanted on which side, see `all_slots`. Outputs, with N = 4 n_slots: `mean`,
    shape (ring, N, N + n_drives), and `probe`, shape (ring, n_probes n_interfaces, N + n_drives),
    vectors of three rows, first the spin density: s = T (in- + in+) of a closed form, so that
    what arrives is summed over both sides first. Returns the largest unitarity defect of the
    interfaces.
    """
    defect = 0.0
    n_interfaces = interfaces.parameters.shape[0]
    n_probes = probe.shape[1] // n_interfaces
    n_sides, n_drives = 2 * n_interfaces, drive_in.shape[3]
    n_azimuth = cos_phi.shape[0]
    columns = 4 * n_sides + n_drives
    scattering = np.zeros((n_interfaces, 4, 16 * _L))
    rows = np.zeros((n_interfaces, n_probes, 2, 4 * _L))
    left, upper = np.zeros((n_sides, n_sides, 16 * _L)), np.zeros((n_sides, n_sides, 16 * _L))
    right, solved = np.zeros((n_sides, columns, 4 * _L)), np.zeros((n_sides, columns, 4 * _L))
    into, out = np.zeros((n_sides, n_drives, 4 * _L)), np.zeros((n_sides, n_drives, 4 * _L))
    inverse = np.zeros(16 * _L)
    arriving, values = np.zeros((columns, 4 * _L)), np.zeros((columns, 4 * _L))
    below = np.zeros((columns, 4 * _L))
    factors, psi = np.zeros((3, 3, _L)), np.ones((3, _L))
    kx, ky, weight = np.empty(_L), np.empty(_L), np.empty(_L)
    mean[:] = 0.0
    probe[:] = 0.0
    for ring in range(mu.shape[0]):
        sin_theta = np.sqrt((1.0 - mu[ring]) * (1.0 + mu[ring]))
        a = local[ring]
        for start in range(0, n_azimuth, _L):
            lanes = lanes_of(start, n_azimuth)
            take_azimuths(start, sin_theta, cos_phi, sin_phi, kx, ky, psi, weight)
            _products(weight, psi, lanes, factors)
            for i in range(n_interfaces):
                table = interfaces.table[i]
                if table < 0:
                    worst = closed_form(
                        kx, ky, mu[ring], interfaces.parameters[i], lanes, scattering[i, 0],
                        scattering[i, 1],
                    )  # fmt: skip
                else:
                    worst = _from_table(
                        interfaces.scattering[table, ring], interfaces.density[table, ring],
                        start, lanes, scattering[i], rows[i],
                    )  # fmt: skip
                defect = max(defect, worst)
            _drive(psi, drive_in[ring], drive_out[ring], lanes, into, out)
            _equations(scattering, interfaces.table, a, into, out, lanes, left, right)
            _eliminate(left, right, lanes, inverse, upper, solved)
            _add_means(factors, slots, solved, lanes, mean[ring])
            for i in range(n_interfaces):
                closed = interfaces.table[i] < 0
                arriving[:] = 0.0
                if not closed:
                    below[:] = 0.0
                # Of a closed form both sides count together.
                _arrive(2 * i, a, into, solved, lanes, arriving if closed else below)
                _arrive(2 * i + 1, a, into, solved, lanes, arriving)
                if closed:
                    times(scattering[i, _TRANSMITTED], arriving, values, columns, lanes)
                    _add_density(factors, slots, values, lanes, probe[ring, 3 * i : 3 * i + 3])
                    continue
                for j in range(0, n_probes, 3):
                    values[:] = 0.0
                    for k in range(3):
                        _add_row(rows[i, j + k, 0], below, lanes, k, values)
                        _add_row(rows[i, j + k, 1], arriving, lanes, k, values)
                    first = n_probes * i + j
                    _add_density(factors, slots, values, lanes, probe[ring, first : first + 3])
    return defect
