"""Moments of W between neighbouring layers, and the equations of their largest returns.

What a film with many layers does to the few amplitudes that layers return most of, from four
azimuths, and between layers at most `REACH` apart: not exact, but all that slows an iteration down.
"""

from __future__ import annotations

import numpy as np

from torkivity_engine.machine.kernels import njit
from torkivity_engine.reduced.blocks import CHUNK, add_times, copy, times, weighted_sums
from torkivity_engine.reduced.channel_sweeps import B, F, G, K, Q, fly

__all__ = ["AZIMUTHS", "REACH", "near_system"]

AZIMUTHS = 4  #: that are looked at: the first ones
REACH = 2  #: layers that a flight may cross

_L = CHUNK
_CHARGE = 3


@njit(cache=True, inner=True, error_model="numpy")
def _return_trips(flights, blocks, lanes, passed, up, down):  # type: ignore[no-untyped-def]
    """What leaves an interface upwards (downwards) per b, after all trips below; and A K.

    Three arrays of the shape (n_interfaces, 4, 4 CHUNK), to be filled from the bottom.
    """
    work, flown = np.zeros((4, 4 * _L)), np.zeros((4, 4 * _L))
    for i in range(blocks.shape[0]):
        k = blocks[i, K].reshape(4, 4 * _L)
        fly(flights[i], k, passed[i], 4, lanes)
        if i == 0:
            times(blocks[0, B], passed[0], flown, 4, lanes)
        else:
            times(up[i - 1].reshape(16 * _L), passed[i], work, 4, lanes)
            fly(flights[i], work, flown, 4, lanes)
        copy(blocks[i, G], up[i])
        add_times(blocks[i, F], flown, up[i], 4, lanes)
        copy(blocks[i, K], down[i])
        add_times(blocks[i, Q], flown, down[i], 4, lanes)


@njit(cache=True, inner=True, error_model="numpy")
def _column(side, low, high, flights, blocks, passed, up, down, lanes, work, out):  # type: ignore[no-untyped-def]
    """What leaves the sides from low to high per unit that arrives at one, out[side - low]."""
    i = side // 2
    back, flown = work[0], work[1]
    if side % 2 == 1:
        out[2 * i + 1 - low] = up[i]
        out[2 * i - low] = down[i]
        back[:] = passed[i]
        j = i - 1  # the next one below, and what comes back to it from above
    else:
        if i == 0:
            flown[:] = blocks[0, B].reshape(4, 4 * _L)
        else:
            fly(flights[i], blocks[i, Q].reshape(4, 4 * _L), back, 4, lanes)
            times(up[i - 1].reshape(16 * _L), back, out[2 * i - 1 - low], 4, lanes)
            fly(flights[i], out[2 * i - 1 - low], flown, 4, lanes)
            for k in range(4):
                for c in range(lanes):
                    flown[k, k * _L + c] += 1.0
        times(blocks[i, Q], flown, out[2 * i - low], 4, lanes)
        times(blocks[i, F], flown, out[2 * i + 1 - low], 4, lanes)
        if 2 * i - 2 >= low:
            times(down[i - 1].reshape(16 * _L), back, out[2 * i - 2 - low], 4, lanes)
            flown[:] = back
            times(passed[i - 1].reshape(16 * _L), flown, back, 4, lanes)
        j = i - 2
    while 2 * j + 1 >= low and j >= 0:
        times(up[j].reshape(16 * _L), back, out[2 * j + 1 - low], 4, lanes)
        if 2 * j >= low:
            times(down[j].reshape(16 * _L), back, out[2 * j - low], 4, lanes)
            flown[:] = back
            times(passed[j].reshape(16 * _L), flown, back, 4, lanes)
        j -= 1
    for j in range(i + 1, high // 2 + 1):
        fly(flights[j], out[2 * j - 1 - low], flown, 4, lanes)
        times(blocks[j, Q], flown, out[2 * j - low], 4, lanes)
        if 2 * j + 1 <= high:
            times(blocks[j, F], flown, out[2 * j + 1 - low], 4, lanes)


@njit(cache=True, inner=True, error_model="numpy")
def _own_rows(block, rotation):  # type: ignore[no-untyped-def]
    """Rows of spins from Cartesian components to those of a layer's frame, in place."""
    for m in range(block.shape[1]):
        x, y, z = block[0, m], block[1, m], block[2, m]
        for s in range(3):
            block[s, m] = rotation[0, s] * x + rotation[1, s] * y + rotation[2, s] * z


@njit(cache=True, inner=True, error_model="numpy")
def _window(index, n_layers):  # type: ignore[no-untyped-def]
    """First and last layer that are near to one."""
    return max(0, index - REACH), min(n_layers - 1, index + REACH)


@njit(cache=True, inner=True, error_model="numpy")
def _near_rows(  # type: ignore[no-untyped-def]
    index, layers, returns, film, trips, flights, blocks, lanes, factors, work, out, near
):
    """Moments of W from one layer to those near it at one ring, shape (rows, own rows)."""
    n_layers = layers.local.shape[0]
    n_sides = 2 * (n_layers - 1)
    first, last = _window(index, n_layers)
    low, high = max(0, 2 * first - 1), min(n_sides - 1, 2 * last)
    begin = returns.slot_start[first]
    for side in range(max(0, 2 * index - 1), min(n_sides - 1, 2 * index) + 1):
        _column(side, low, high, flights, blocks, trips[0], trips[1], trips[2], lanes, work, out)
        for q in range(returns.slot_start[index], returns.slot_start[index + 1]):
            if layers.slots[returns.slots[q], 1] != side:
                continue
            b, to = layers.slots[returns.slots[q], 0], 4 * (q - returns.slot_start[index])
            for p in range(begin, returns.slot_start[last + 1]):
                a, row = layers.slots[returns.slots[p], 0], layers.slots[returns.slots[p], 1]
                block = near[4 * (p - begin) : 4 * (p - begin) + 4, to : to + 4]
                for m in range(4):
                    sums = weighted_sums(factors[a, b], out[row - low, m], lanes)
                    for j in range(4):
                        block[j, m] = sums[j]
                if film.turned[(row + 1) // 2]:
                    _own_rows(block, film.rotation[(row + 1) // 2])


@njit(cache=True, inner=True, error_model="numpy")
def _turned_left(layers, returns, film):  # type: ignore[no-untyped-def]
    """What collisions return, in Cartesian components."""
    left = returns.left.copy()
    n_rings = layers.local.shape[1]
    for index in range(layers.local.shape[0]):
        if not film.turned[index]:
            continue
        o = film.rotation[index]
        count = returns.layer_start[index + 1] - returns.layer_start[index]
        n_slots = returns.slot_start[index + 1] - returns.slot_start[index]
        at = returns.left_start[index]
        for _ in range(n_rings * n_slots):
            for k in range(at, at + count):
                x, y, z = left[k], left[k + count], left[k + 2 * count]
                for s in range(3):
                    left[k + s * count] = o[s, 0] * x + o[s, 1] * y + o[s, 2] * z
            at += 4 * count
    return left


@njit(cache=True, inner=True, error_model="numpy")
def _near_responses(layers, returns, film, channels, responses, gauge):  # type: ignore[no-untyped-def]
    """[W left] at every place and ring, between near layers; and the gauge functional.

    `responses` has the shape (n_places, n_rings, width): columns begin with those of the first
    layer near to that of the place.
    """
    n_layers, n_rings = layers.local.shape[0], layers.local.shape[1]
    n_interfaces, lanes = n_layers - 1, min(AZIMUTHS, film.azimuths.shape[1])
    sizes = returns.slot_start[1:] - returns.slot_start[:-1]
    most = sizes.max()
    trips = np.zeros((3, n_interfaces, 4, 4 * _L))
    work, out = np.zeros((2, 4, 4 * _L)), np.zeros((4 * REACH + 2, 4, 4 * _L))
    near = np.zeros((2 * REACH + 1) * 16 * most * most)
    factors = np.zeros((3, 3, _L))
    psi = np.ones((3, lanes))
    psi[1:] = np.sqrt(2.0) * film.azimuths[:, :lanes]
    for a in range(3):
        for b in range(3):
            factors[a, b, :lanes] = psi[a] * psi[b] / lanes
    lanes = AZIMUTHS  # more than there are have no weight
    left = _turned_left(layers, returns, film)
    widest = (returns.layer_start[1:] - returns.layer_start[:-1]).max()
    product = np.empty((2 * REACH + 1) * 4 * most * widest)
    flights = np.empty((n_layers, 4, 4))
    for ring in range(n_rings):
        flights[:] = channels.flights[:, ring]
        blocks = channels.blocks[ring, 0]
        flux = layers.cosines[ring] * layers.weights[ring]
        _return_trips(flights, blocks, lanes, trips[0], trips[1], trips[2])
        for index in range(n_layers):
            first, last = _window(index, n_layers)
            start, end = returns.slot_start[first], returns.slot_start[last + 1]
            rows, own = 4 * (end - start), 4 * sizes[index]
            count = returns.layer_start[index + 1] - returns.layer_start[index]
            block = near[: rows * own].reshape(rows, own)
            _near_rows(
                index, layers, returns, film, trips, flights, blocks, lanes, factors, work, out,
                block,
            )  # fmt: skip
            at = returns.left_start[index] + ring * own * count
            answer = product[: rows * count].reshape(rows, count)
            np.dot(block, left[at : at + own * count].reshape(own, count), answer)
            for layer in range(first, last + 1):
                column = (
                    returns.layer_start[index] - returns.layer_start[_window(layer, n_layers)[0]]
                )
                for p in range(returns.slot_start[layer], returns.slot_start[layer + 1]):
                    moment, side = layers.slots[returns.slots[p]]
                    for j in range(4):
                        row = answer[4 * (p - start) + j]
                        place = returns.row_place[4 * p + j]
                        if place >= 0:
                            to = responses[place, ring]
                            for b in range(count):
                                to[column + b] = row[b]
                        if j == _CHARGE and moment == 0 and side // 2 == film.reference:
                            for b in range(count):
                                gauge[returns.layer_start[index] + b] += flux * row[b]


@njit(cache=True, error_model="numpy")
def near_system(layers, returns, film, channels, system):  # type: ignore[no-untyped-def]
    """Fill 1 - right^T W left of the largest returns, with the gauge; returns its 1-norm.

    Parameters
    ----------
    layers : FilmResponse
    returns : LargestReturns
    film : DrivenFilm
        Without what drives it.
    channels : Channels
    system : ndarray, shape (n_members, n_members)
    """
    n_layers, n_rings = layers.local.shape[0], layers.local.shape[1]
    starts, width = returns.layer_start, 0
    for index in range(n_layers):
        first, last = _window(index, n_layers)
        width = max(width, starts[last + 1] - starts[first])
    responses = np.zeros((layers.places.shape[0], n_rings, width))
    gauge = np.zeros(system.shape[0])
    _near_responses(layers, returns, film, channels, responses, gauge)
    system[:] = 0.0
    taken = np.empty((starts[1:] - starts[:-1]).max() * width)
    for group in range(layers.right_start.shape[0]):
        begin, end = layers.group_places[group], layers.group_places[group + 1]
        low, high = returns.group_start[group], returns.group_start[group + 1]
        length, count = (end - begin) * n_rings, high - low
        if count == 0:
            continue
        side = layers.slots[layers.places[begin] // 4, 1]
        index = (side + 1) // 2
        first, last = _window(index, n_layers)
        at = returns.right_start[group]
        block = taken[: count * width].reshape(count, width)
        np.dot(
            returns.right[at : at + count * length].reshape(count, length),
            responses[begin:end].reshape(length, width),
            block,
        )
        for a in range(low, high):
            pinned = 0.0
            if film.reference >= 0:
                pinned = layers.uniform[film.reference, returns.members[a]]
            for b in range(starts[first], starts[last + 1]):
                system[a, b] = pinned * gauge[b] - block[a - low, b - starts[first]]
            system[a, a] += 1.0
    sums = np.zeros(system.shape[0])
    for a in range(system.shape[0]):
        for b in range(system.shape[0]):
            sums[b] += abs(system[a, b])
    return sums.max()
