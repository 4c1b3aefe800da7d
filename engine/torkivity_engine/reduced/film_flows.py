"""What the equations that close a film with many layers make of amplitudes, without their matrix.

    x -> x - right^T <W left x>

in one pass over all channels, at a cost that is linear in the number of layers. What drives the
film is one more source: with out' = out + g_out,

    out' = W (y + g_in - A g_out).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.machine.kernels import njit
from torkivity_engine.reduced.blocks import CHUNK, add_constant_times, times, weighted_sums
from torkivity_engine.reduced.channel_sweeps import T, sweep
from torkivity_engine.reduced.channels import across, lanes_of, take_azimuths
from torkivity_engine.reduced.point_kernels import (
    add_held,
    fill_drives,
    imbalance,
    scalar_product,
    turn_block,
)

__all__ = ["DrivenFilm", "departure", "measure", "prepare", "uniform_loss"]

_L = CHUNK
_CHARGE = 3


class DrivenFilm(NamedTuple):
    """One film: its frames, its azimuths, what drives it.

    Attributes
    ----------
    rotation : ndarray, shape (n_layers, 3, 3)
    turned : ndarray of bool, shape (n_layers,)
    azimuths : ndarray, shape (2, n_azimuth)
        Cosines and sines.
    reference : int
        Interface that charge is measured from, or -1.
    drive : ndarray, shape (2, 6, n_drives)
        See `torkivity_engine.reduced.point_kernels.PointInput`.
    driven : ndarray, shape (n_rings, 3, n_sides, n_drives, 4)
        Moments of g_in - A g_out.
    outgoing : ndarray, shape (n_rings, 3, n_sides, n_drives, 4)
        Moments of g_out.
    """

    rotation: FloatArray
    turned: FloatArray
    azimuths: FloatArray
    reference: int
    drive: FloatArray
    driven: FloatArray
    outgoing: FloatArray


@njit(cache=True, error_model="numpy")
def prepare(layers, film, flights):  # type: ignore[no-untyped-def]
    """Fill A in Cartesian components and what drives the film.

    Parameters
    ----------
    layers : FilmResponse
    film : DrivenFilm
        `driven` and `outgoing` are filled.
    flights : ndarray, shape (n_layers, n_rings, 4, 4)
    """
    n_layers, n_rings = flights.shape[0], flights.shape[1]
    for index in range(n_layers):
        for ring in range(n_rings):
            if film.turned[index]:
                turn_block(film.rotation[index], layers.local[index, ring], flights[index, ring])
            else:
                flights[index, ring] = layers.local[index, ring]
    n_sides, n_drives = film.driven.shape[2], film.driven.shape[3]
    incoming = np.empty((n_rings, 3, 4 * n_sides, n_drives))
    outgoing = np.empty((n_rings, 3, 4 * n_sides, n_drives))
    fill_drives(layers, film.rotation, film.drive, incoming, outgoing)
    for ring in range(n_rings):
        for a in range(3):
            for side in range(n_sides):
                partner = 4 * across(side, n_sides)
                flight = flights[(side + 1) // 2, ring]
                for d in range(n_drives):
                    for j in range(4):
                        left = outgoing[ring, a, 4 * side + j, d]
                        film.outgoing[ring, a, side, d, j] = left
                        total = incoming[ring, a, 4 * side + j, d]
                        for k in range(4):
                            total -= flight[j, k] * outgoing[ring, a, partner + k, d]
                        film.driven[ring, a, side, d, j] = total


@njit(cache=True, inner=True, error_model="numpy")
def _chunk_of(source, psi, moments, lanes, y):  # type: ignore[no-untyped-def]
    """What arrives in a chunk, (n_sides, columns, 4 CHUNK), from moments (3, side, column, 4)."""
    for side in range(y.shape[0]):
        for d in range(y.shape[1]):
            for k in range(4):
                mean = source[0, side, d, k]
                to = y[side, d]
                if moments == 1:
                    for c in range(lanes):
                        to[k * _L + c] = mean
                else:
                    one, two = source[1, side, d, k], source[2, side, d, k]
                    for c in range(lanes):
                        to[k * _L + c] = mean + psi[1, c] * one + psi[2, c] * two


@njit(cache=True, inner=True, error_model="numpy")
def _add_density(flights, blocks, y, arriving, out, weight, lanes, density):  # type: ignore[no-untyped-def]
    """Add s = T (in- + in+) of a chunk, shape (n_interfaces, 3, columns)."""
    columns = y.shape[1]
    both, spins = np.empty((columns, 4 * _L)), np.empty((columns, 4 * _L))
    last = blocks.shape[0] - 1
    for i in range(last + 1):
        side = 2 * i + 1
        for d in range(columns):
            for c in range(4 * _L):
                both[d, c] = arriving[i, d, c] + y[side, d, c]
        above = out[side if i == last else side + 1]
        add_constant_times(flights[i + 1], above, both, columns, lanes)
        times(blocks[i, T], both, spins, columns, lanes)
        for d in range(columns):
            sums = weighted_sums(weight, spins[d], lanes)
            for s in range(3):
                density[i, s, d] += sums[s]


@njit(cache=True, inner=True, error_model="numpy", fastmath={"contract", "nsz"})
def _add_four(matrix, at, length, a, b, c, d, to):  # type: ignore[no-untyped-def]
    """Add a combination of four rows of a matrix, one after the other in memory."""
    for k in range(length):
        to[k] += (
            a * matrix[at + k]
            + b * matrix[at + length + k]
            + c * matrix[at + 2 * length + k]
            + d * matrix[at + 3 * length + k]
        )


@njit(cache=True, inner=True, error_model="numpy")
def _give(layers, given, x, own):  # type: ignore[no-untyped-def]
    """left x at all places and rings, in the frames of layers, (columns, n_places n_rings)."""
    n_rings, columns = layers.local.shape[1], x.shape[0]
    own[:] = 0.0
    for group in range(layers.right_start.shape[0]):
        begin, end = layers.group_places[group], layers.group_places[group + 1]
        length, last = (end - begin) * n_rings, layers.group_ranks[group + 1]
        for d in range(columns):
            to = own[d, begin * n_rings : end * n_rings]
            at, low = layers.right_start[group], layers.group_ranks[group]
            for b in range(low, last - 3, 4):
                _add_four(given, at, length, x[d, b], x[d, b + 1], x[d, b + 2], x[d, b + 3], to)
                at += 4 * length
            for b in range(last - (last - low) % 4, last):
                for k in range(length):
                    to[k] += x[d, b] * given[at + k]
                at += length


@njit(cache=True, inner=True, error_model="numpy")
def _source(layers, film, own, ring, amount, source):  # type: ignore[no-untyped-def]
    """Moments of what arrives at a ring besides flights, (3, n_sides, columns, 4), Cartesian."""
    n_rings, columns = layers.local.shape[1], own.shape[0]
    for a in range(3):
        for side in range(source.shape[1]):
            for d in range(columns):
                for k in range(4):
                    source[a, side, d, k] = 0.0
    for p in range(layers.places.shape[0]):
        a, side = layers.slots[layers.places[p] // 4]
        for d in range(columns):
            source[a, side, d, layers.places[p] % 4] = own[d, p * n_rings + ring]
    for p in range(layers.slots.shape[0]):
        a, side = layers.slots[p]
        index = (side + 1) // 2
        if film.turned[index]:
            o = film.rotation[index]
            for d in range(columns):
                vector = source[a, side, d]
                x, y, z = vector[0], vector[1], vector[2]
                for s in range(3):
                    vector[s] = o[s, 0] * x + o[s, 1] * y + o[s, 2] * z
    if amount != 0.0:
        for a in range(3):
            for side in range(source.shape[1]):
                for d in range(columns):
                    for k in range(4):
                        source[a, side, d, k] += amount * film.driven[ring, a, side, d, k]


@njit(cache=True, inner=True, error_model="numpy")
def _send(layers, film, channels, own, amount, out, density):  # type: ignore[no-untyped-def]
    """Moments <W y> at all slots, Cartesian, out (n_rings, columns, N); y as of `_source`.

    The drives count `amount` times. `density`, shape (n_rings, n_interfaces, 3, columns), may have
    no rings: then it is not computed.
    """
    n_rings, columns, _ = out.shape
    n_interfaces = channels.blocks.shape[2]
    n_sides, n_azimuth = 2 * n_interfaces, film.azimuths.shape[1]
    moments = 3 if amount != 0.0 or layers.slots[:, 0].max() > 0 else 1
    source = np.empty((3, n_sides, columns, 4))
    y, leaving = np.empty((n_sides, columns, 4 * _L)), np.empty((n_sides, columns, 4 * _L))
    up, down = np.empty((n_interfaces, columns, 4 * _L)), np.empty((n_interfaces, columns, 4 * _L))
    kx, ky, weight, psi = np.empty(_L), np.empty(_L), np.empty(_L), np.ones((3, _L))
    factors = np.empty((3, _L))
    flights = np.empty((n_interfaces + 1, 4, 4))
    out[:] = 0.0
    density[:] = 0.0
    for ring in range(n_rings):
        for index in range(n_interfaces + 1):
            for j in range(4):
                for k in range(4):
                    flights[index, j, k] = channels.flights[index, ring, j, k]
        _source(layers, film, own, ring, amount, source)
        for chunk in range(-(-n_azimuth // _L)):
            lanes = lanes_of(_L * chunk, n_azimuth)
            blocks = channels.blocks[ring, chunk]
            take_azimuths(_L * chunk, 0.0, film.azimuths[0], film.azimuths[1], kx, ky, psi, weight)
            for a in range(3):
                for c in range(_L):
                    factors[a, c] = weight[c] * psi[a, c]
            _chunk_of(source, psi, moments, lanes, y)
            sweep(flights, blocks, y, up, down, leaving, columns, lanes)
            for p in range(layers.slots.shape[0]):
                a, side = layers.slots[p]
                for d in range(columns):
                    sums = weighted_sums(factors[a], leaving[side, d], lanes)
                    for j in range(4):
                        out[ring, d, 4 * p + j] += sums[j]
            if density.shape[0] > 0:
                _add_density(flights, blocks, y, up, leaving, weight, lanes, density[ring])


@njit(cache=True, inner=True, error_model="numpy")
def _take(layers, film, out, amount, own, taken):  # type: ignore[no-untyped-def]
    """right^T (<out'> - amount <g_out>), shape (columns, rank); `own` is overwritten."""
    n_rings, columns, _ = out.shape
    n_places = layers.places.shape[0]
    vector = np.empty(4)
    for p in range(n_places):
        slot, s = layers.places[p] // 4, layers.places[p] % 4
        a, side = layers.slots[slot]
        index = (side + 1) // 2
        o, turn = film.rotation[index], film.turned[index] and s < 3
        for ring in range(n_rings):
            for d in range(columns):
                for j in range(4):
                    vector[j] = out[ring, d, 4 * slot + j]
                    if amount != 0.0:
                        vector[j] -= amount * film.outgoing[ring, a, side, d, j]
                value = vector[s]
                if turn:
                    value = o[0, s] * vector[0] + o[1, s] * vector[1] + o[2, s] * vector[2]
                own[d, p * n_rings + ring] = value
    for group in range(layers.right_start.shape[0]):
        begin, end = layers.group_places[group], layers.group_places[group + 1]
        at, length = layers.right_start[group], (end - begin) * n_rings
        for b in range(layers.group_ranks[group], layers.group_ranks[group + 1]):
            right = layers.right[at : at + length]
            for d in range(columns):
                taken[d, b] = scalar_product(right, own[d, begin * n_rings :], length)
            at += length


@njit(cache=True, inner=True, error_model="numpy")
def _leaving_charge(layers, reference, out):  # type: ignore[no-untyped-def]
    """Charge that leaves the reference interface, per column."""
    total = np.zeros(out.shape[1])
    for ring in range(out.shape[0]):
        flux = layers.cosines[ring] * layers.weights[ring]
        for at in (8 * reference + _CHARGE, 8 * reference + 4 + _CHARGE):
            for d in range(out.shape[1]):
                total[d] += flux * out[ring, d, at]
    return total


@njit(cache=True, error_model="numpy")
def departure(layers, given, film, channels, x, amount, out, density, result):  # type: ignore[no-untyped-def]
    """Fill system x - amount source; returns the largest charge off the gauge.

    Parameters
    ----------
    layers : FilmResponse
    given : ndarray
        What its collisions return, laid out as `right`.
    film : DrivenFilm
    channels : Channels
    x : ndarray, shape (n_drives, rank)
    amount : float
    out : ndarray, shape (n_rings, n_drives, N)
        Moments of out', to be filled.
    density : ndarray, shape (n_rings or 0, n_interfaces, 3, n_drives)
        Spin density ring by ring, to be filled.
    result : ndarray, shape (n_drives, rank)
    """
    own = np.empty((x.shape[0], layers.places.shape[0] * layers.local.shape[1]))
    _give(layers, given, x, own)
    _send(layers, film, channels, own, amount, out, density)
    _take(layers, film, out, amount, own, result)
    slack = 0.0
    for d in range(x.shape[0]):
        for b in range(x.shape[1]):
            result[d, b] = x[d, b] - result[d, b]
    if film.reference >= 0:
        charge = _leaving_charge(layers, film.reference, out)
        slack = np.abs(charge).max()
        for d in range(x.shape[0]):
            for b in range(x.shape[1]):
                result[d, b] += layers.uniform[film.reference, b] * charge[d]
    return slack


@njit(cache=True, error_model="numpy")
def uniform_loss(layers, given, film, channels):  # type: ignore[no-untyped-def]
    """What a uniform spin accumulation along x, y, z loses in one round, (3, n_rings n).

    In the azimuthal means of what leaves the sides of interfaces.
    """
    n_rings, size = layers.local.shape[1], 4 * layers.slots.shape[0]
    out, lost = np.zeros((n_rings, 3, size)), np.empty((n_rings, 3, size))
    for p in range(layers.slots.shape[0]):
        if layers.slots[p, 0] == 0:
            for s in range(3):
                out[:, s, 4 * p + s] = 1.0
    x = np.empty((3, layers.group_ranks[layers.right_start.shape[0]]))
    own = np.empty((3, layers.places.shape[0] * n_rings))
    _take(layers, film, out, 0.0, own, x)
    _give(layers, given, x, own)
    nothing = np.empty((0, channels.blocks.shape[2], 3, 3))
    _send(layers, film, channels, own, 0.0, lost, nothing)
    n = 8 * channels.blocks.shape[2]  # the means come first among the slots
    answer = np.empty((3, n_rings * n))
    for s in range(3):
        for ring in range(n_rings):
            for j in range(n):
                answer[s, ring * n + j] = out[ring, s, j] - lost[ring, s, j]
    return answer


@njit(cache=True, error_model="numpy")
def measure(layers, given, film, channels, x, out, density, current, spins):  # type: ignore[no-untyped-def]
    """Fill currents and spin densities of a solution; returns the imbalance of spins in layers.

    Parameters
    ----------
    layers, given, film, channels, x, out, density
        As of `departure`, for the solution.
    current : ndarray, shape (n_sides, 4, n_drives)
        What arrives at a side and does not leave it.
    spins : ndarray, shape (n_interfaces, 3, n_drives)
    """
    n_rings, columns, size = out.shape
    n_layers, n_sides = layers.local.shape[0], current.shape[0]
    own, moments = np.empty((columns, layers.places.shape[0] * n_rings)), np.empty((columns, size))
    source = np.empty((3, n_sides, columns, 4))
    _give(layers, given, x, own)
    held = np.zeros((n_layers, 4, columns))
    current[:] = 0.0
    spins[:] = 0.0
    for ring in range(n_rings):
        _source(layers, film, own, ring, 1.0, source)
        solid = 2.0 * np.pi * layers.weights[ring]
        flux = solid * layers.cosines[ring]
        for i in range(n_sides // 2):
            for s in range(3):
                for d in range(columns):
                    spins[i, s, d] += solid * density[ring, i, s, d]
        for side in range(n_sides):
            partner = across(side, n_sides)
            flight = channels.flights[(side + 1) // 2, ring]
            for d in range(columns):
                # The means of all sides come first among the slots.
                for j in range(4):
                    net = source[0, side, d, j] - out[ring, d, 4 * side + j]
                    for k in range(4):
                        net += flight[j, k] * out[ring, d, 4 * partner + k]
                    current[side, j, d] += flux * net
        for p in range(layers.slots.shape[0]):
            a, side = layers.slots[p]
            for d in range(columns):
                for j in range(4):
                    moments[d, 4 * p + j] = (
                        out[ring, d, 4 * p + j] - film.outgoing[ring, a, side, d, j]
                    )
        add_held(layers, moments, film.rotation, ring, held)
    largest = max(np.abs(current).max(), 1e-300)
    return imbalance(layers, held, film.rotation, film.drive, current) / largest
