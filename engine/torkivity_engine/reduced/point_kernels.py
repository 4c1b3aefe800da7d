"""Points of a batch in compiled code: from layers and interfaces to the closing system, and back.

The equations are those of `torkivity_engine.reduced.assembly`. Channels know Cartesian spins; the
collisions of a layer are known in the frame of its magnetization, into which the azimuthal moments
of W and z are turned, ring by ring. Every point is computed by itself, whatever others there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.machine.kernels import njit
from torkivity_engine.reduced.channel_means import channel_means
from torkivity_engine.reduced.channels import InterfaceInput

__all__ = [
    "Closings",
    "Moments",
    "PointInput",
    "add_held",
    "close_points",
    "fill_drives",
    "imbalance",
    "open_points",
    "scalar_product",
    "turn_block",
]

_CHARGE = 3


class PointInput(NamedTuple):
    """What differs between the points of a batch, in `n_points` rows.

    Attributes
    ----------
    rotation : ndarray, shape (n_points, n_layers, 3, 3)
        From the frame of each layer to Cartesian components.
    turned : ndarray of bool, shape (n_layers,)
        Whether the rotation of a layer is one.
    parameters : ndarray, shape (n_points, n_interfaces, 12)
        Of closed forms.
    drive : ndarray, shape (n_points, 2, 6, n_drives)
        Field along x and y and what the end injects, for the bottom and the top.
    reference : ndarray of int, shape (n_points,)
        Interface that charge is measured from; -1 if a reservoir fixes it.
    """

    rotation: FloatArray
    turned: FloatArray
    parameters: FloatArray
    drive: FloatArray
    reference: FloatArray

    def some(self, first: int, end: int) -> PointInput:
        """Those from one row up to another."""
        rows = (x[first:end] for x in (self.parameters, self.drive, self.reference))
        return PointInput(self.rotation[first:end], self.turned, *rows)


class Closings(NamedTuple):
    """What closes the problem of each point: system x = source.

    Attributes
    ----------
    mean : ndarray, shape (n_points, n_rings, N, N + n_drives)
        <W> and <z>, with N = 4 n_slots, in Cartesian components.
    probe : ndarray, shape (n_points, n_rings, 3 n_interfaces, N + n_drives)
    system : ndarray, shape (n_points, rank, rank)
        To be overwritten by its factors.
    source : ndarray, shape (n_points, n_drives, rank)
    gauge : ndarray, shape (n_points, rank)
        Charge that leaves the reference interface per x.
    offset : ndarray, shape (n_points, n_drives)
        The same of what drives the film.
    norm, defect : ndarray, shape (n_points,)
        1-norm of the system; unitarity defect.
    """

    mean: FloatArray
    probe: FloatArray
    system: FloatArray
    source: FloatArray
    gauge: FloatArray
    offset: FloatArray
    norm: FloatArray
    defect: FloatArray


class Moments(NamedTuple):
    """What comes out.

    Attributes
    ----------
    current : ndarray, shape (n_points, n_sides, 4, n_drives)
        What arrives at a side and does not leave it, of (x, y, z, charge).
    density : ndarray, shape (n_points, n_interfaces, 3, n_drives)
    residual, slack, balance : ndarray, shape (n_points,)
        Certificates: of the system, of the gauge, of the spins in the layers.
    """

    current: FloatArray
    density: FloatArray
    residual: FloatArray
    slack: FloatArray
    balance: FloatArray


@njit(cache=True, inner=True, error_model="numpy")
def _copy(given, out):  # type: ignore[no-untyped-def]
    """out = given, of matrices; ``out[:] = given`` compiles what it would say of other shapes."""
    for i in range(given.shape[0]):
        to, of = out[i], given[i]
        for j in range(given.shape[1]):
            to[j] = of[j]


@njit(cache=True, inner=True, error_model="numpy")
def turn_block(rotation, own, out):  # type: ignore[no-untyped-def]
    """out = O own O^T for spins, 4x4 matrices."""
    for j in range(4):
        x, y, z = own[0, j], own[1, j], own[2, j]
        for i in range(3):
            out[i, j] = rotation[i, 0] * x + rotation[i, 1] * y + rotation[i, 2] * z
        out[3, j] = own[3, j]
    for i in range(4):
        x, y, z = out[i, 0], out[i, 1], out[i, 2]
        for j in range(3):
            out[i, j] = x * rotation[j, 0] + y * rotation[j, 1] + z * rotation[j, 2]


@njit(cache=True, inner=True, error_model="numpy")
def _flights(layers, rotation, turned, local):  # type: ignore[no-untyped-def]
    """A in Cartesian components, shape (n_rings, n, n)."""
    n_layers, n_rings = layers.local.shape[0], layers.local.shape[1]
    block = np.empty((4, 4))
    for index in range(n_layers):
        low, high = 8 * index - 4, 8 * index
        if index == 0:
            low = high
        if index == n_layers - 1:
            high = low
        for ring in range(n_rings):
            own = layers.local[index, ring]
            if turned[index]:
                turn_block(rotation[index], own, block)
                own = block
            for i in range(4):
                for j in range(4):
                    local[ring, low + i, high + j] = local[ring, high + i, low + j] = own[i, j]


@njit(cache=True, inner=True, error_model="numpy")
def _own_components(vector, rotation, out):  # type: ignore[no-untyped-def]
    """out = O^T vector for spins, (x, y, z, charge)."""
    for i in range(3):
        out[i] = (
            rotation[0, i] * vector[0] + rotation[1, i] * vector[1] + rotation[2, i] * vector[2]
        )
    out[3] = vector[3]


@njit(cache=True, inner=True, error_model="numpy")
def fill_drives(layers, rotation, drive, incoming, outgoing):  # type: ignore[no-untyped-def]
    """What drives add to what arrives at and leaves the interfaces.

    Shape (n_rings, n_moments, n, n_drives), of which the first moments are filled that there are.
    """
    n_layers, n_rings = layers.local.shape[0], layers.local.shape[1]
    n_sides, n_drives = 2 * (n_layers - 1), drive.shape[2]
    amounts = np.empty((6, n_drives))
    held, spin = np.empty(4), np.empty(4)
    for side in range(n_sides):
        index = (side + 1) // 2
        o, sign = rotation[index], side % 2  # towards a lower side one flies upwards
        end = 0 if side == 0 else (1 if side == n_sides - 1 else -1)
        if end >= 0:
            for d in range(n_drives):
                for k in range(2):
                    amounts[k, d] = drive[end, k, d]
                for k in range(4):
                    spin[k] = drive[end, 2 + k, d]
                _own_components(spin, o, held)
                for k in range(4):
                    amounts[2 + k, d] = held[k]
        for ring in range(n_rings):
            for a in range(incoming.shape[1]):
                for d in range(n_drives):
                    for way in range(2):
                        source = layers.driven[index, sign if way == 0 else 1 - sign, ring, a]
                        for s in range(4):
                            held[s] = source[s, 0] * drive[0, 0, d] + source[s, 1] * drive[0, 1, d]
                            if way == 0 and end >= 0:
                                for k in range(6):
                                    held[s] += layers.emission[end, ring, a, s, k] * amounts[k, d]
                        out = incoming if way == 0 else outgoing
                        for s in range(3):
                            out[ring, a, 4 * side + s, d] = (
                                o[s, 0] * held[0] + o[s, 1] * held[1] + o[s, 2] * held[2]
                            )
                        out[ring, a, 4 * side + 3, d] = held[3]


@njit(cache=True, inner=True, error_model="numpy")
def _into_own_frames(mean, slots, rotation, turned, own):  # type: ignore[no-untyped-def]
    """<W> and <z> of one ring with spins in the frames of the layers, on both sides."""
    n_slots, columns = slots.shape[0], mean.shape[1]
    _copy(mean, own)
    for p in range(n_slots):
        index = (slots[p, 1] + 1) // 2
        if not turned[index]:
            continue
        o, at = rotation[index], 4 * p
        for m in range(columns):
            x, y, z = own[at, m], own[at + 1, m], own[at + 2, m]
            for s in range(3):
                own[at + s, m] = o[0, s] * x + o[1, s] * y + o[2, s] * z
    for p in range(n_slots):
        index = (slots[p, 1] + 1) // 2
        if not turned[index]:
            continue
        o, at = rotation[index], 4 * p
        for j in range(mean.shape[0]):
            x, y, z = own[j, at], own[j, at + 1], own[j, at + 2]
            for s in range(3):
                own[j, at + s] = o[0, s] * x + o[1, s] * y + o[2, s] * z


@njit(cache=True, inner=True, error_model="numpy", fastmath={"contract", "nsz"})
def _combine(own, places, left, starts, begin, end, rows, to, count, answer):  # type: ignore[no-untyped-def]
    """Write, for each of the rows of <W>, what it makes of what the collisions of a group return.

    Row r goes to ``answer[to[r]:to[r] + count]``; up to three places at a time.
    """
    for r in range(rows.shape[0]):
        row, at = rows[r], to[r]
        u, one = own[row, places[begin]], starts[begin]
        if end - begin == 1:
            for b in range(count):
                answer[at + b] = u * left[one + b]
            continue
        v, two = own[row, places[begin + 1]], starts[begin + 1]
        if end - begin == 2:
            for b in range(count):
                answer[at + b] = u * left[one + b] + v * left[two + b]
            continue
        w, three = own[row, places[begin + 2]], starts[begin + 2]
        for b in range(count):
            answer[at + b] = u * left[one + b] + v * left[two + b] + w * left[three + b]
        for q in range(begin + 3, end):
            u, one = own[row, places[q]], starts[q]
            for b in range(count):
                answer[at + b] += u * left[one + b]


@njit(cache=True, inner=True, error_model="numpy")
def _responses(layers, mean, rotation, turned, reference, responses, gauge):  # type: ignore[no-untyped-def]
    """[W left, z] at every place and ring, and the gauge functional of W left.

    `responses` is flat, (n_places + 1, n_rings, rank + n_drives): the last rows are for charge
    that leaves the reference interface.
    """
    n_rings, n_places = mean.shape[0], layers.places.shape[0]
    n_groups, size = layers.right_start.shape[0], 4 * layers.slots.shape[0]
    rank = layers.group_ranks[n_groups]
    columns = rank + mean.shape[2] - size
    own = np.zeros((size + 1, mean.shape[2]))
    starts = np.empty(n_places, dtype=np.int64)
    rows, to = np.empty(n_places + 1, dtype=np.int64), np.empty(n_places + 1, dtype=np.int64)
    for p in range(n_places):
        rows[p] = layers.places[p]
    rows[n_places] = size
    gauge[:] = 0.0
    for ring in range(n_rings):
        _into_own_frames(mean[ring], layers.slots, rotation, turned, own)
        if reference >= 0:
            # The mean comes first in the slots, side by side.
            low, high = 8 * reference + _CHARGE, 8 * reference + 4 + _CHARGE
            flux = layers.cosines[ring] * layers.weights[ring]
            for m in range(own.shape[1]):
                own[size, m] = flux * (own[low, m] + own[high, m])
        for group in range(n_groups):
            begin, end = layers.group_places[group], layers.group_places[group + 1]
            first = layers.group_ranks[group]
            count = layers.group_ranks[group + 1] - first
            for q in range(begin, end):
                starts[q] = layers.left_start[q] + ring * count
            for r in range(n_places + 1):
                to[r] = (r * n_rings + ring) * columns + first
            _combine(
                own, layers.places, layers.left, starts, begin, end, rows, to, count, responses
            )
        charge = (n_places * n_rings + ring) * columns
        for b in range(rank):
            gauge[b] += responses[charge + b]
        for p in range(n_places):
            for m in range(size, mean.shape[2]):
                responses[(p * n_rings + ring) * columns + rank + m - size] = own[rows[p], m]


@njit(cache=True, inner=True, error_model="numpy")
def _offsets(layers, mean, outgoing, reference, offset):  # type: ignore[no-untyped-def]
    """Charge that leaves the reference interface because of the drives."""
    size = 4 * layers.slots.shape[0]
    offset[:] = 0.0
    if reference < 0:
        return
    for ring in range(mean.shape[0]):
        flux = layers.cosines[ring] * layers.weights[ring]
        for at in (8 * reference + _CHARGE, 8 * reference + 4 + _CHARGE):
            for d in range(offset.shape[0]):
                offset[d] += flux * (mean[ring, at, size + d] + outgoing[ring, 0, at, d])


@njit(cache=True, inner=True, error_model="numpy")
def _system(layers, taken, gauge, offset, reference, system, source):  # type: ignore[no-untyped-def]
    """1 - right^T W left with the gauge, and right^T z; returns the 1-norm of the system."""
    rank = system.shape[0]
    for a in range(rank):
        for b in range(rank):
            system[a, b] = -taken[a, b]
        system[a, a] += 1.0
        for d in range(source.shape[0]):
            source[d, a] = taken[a, rank + d]
        if reference >= 0:
            injection = layers.uniform[reference, a]
            for b in range(rank):
                system[a, b] += injection * gauge[b]
            for d in range(source.shape[0]):
                source[d, a] -= injection * offset[d]
    sums, largest = np.zeros(rank), 0.0
    for a in range(rank):
        for b in range(rank):
            sums[b] += abs(system[a, b])
    for b in range(rank):
        largest = max(largest, sums[b])
    return largest


@njit(cache=True, error_model="numpy")
def close_points(layers, azimuths, interfaces, points, closings):  # type: ignore[no-untyped-def]
    """Fill the equations that close each point.

    Parameters
    ----------
    layers : FilmResponse
    azimuths : ndarray, shape (2, n_azimuth)
        Cosines and sines.
    interfaces : InterfaceInput
        Of all points; but for the parameters of closed forms.
    points : PointInput
    closings : Closings
    """
    n_rings = layers.local.shape[1]
    n_interfaces, n_drives = points.parameters.shape[1], points.drive.shape[3]
    n, rank, n_places = 8 * n_interfaces, closings.system.shape[1], layers.places.shape[0]
    local = np.zeros((n_rings, n, n))
    incoming, outgoing = np.empty((n_rings, 3, n, n_drives)), np.empty((n_rings, 3, n, n_drives))
    columns = rank + n_drives
    responses = np.empty((n_places + 1) * n_rings * columns)
    taken = np.empty((rank, columns))
    for point in range(points.parameters.shape[0]):
        rotation, reference = points.rotation[point], points.reference[point]
        mean, gauge = closings.mean[point], closings.gauge[point]
        offset, system = closings.offset[point], closings.system[point]
        _flights(layers, rotation, points.turned, local)
        fill_drives(layers, rotation, points.drive[point], incoming, outgoing)
        barriers = InterfaceInput(
            points.parameters[point], interfaces.table, interfaces.scattering, interfaces.density
        )
        closings.defect[point] = channel_means(
            layers.cosines, azimuths[0], azimuths[1], barriers, local, incoming, outgoing,
            layers.slots, mean, closings.probe[point],
        )  # fmt: skip
        _responses(layers, mean, rotation, points.turned, reference, responses, gauge)
        for group in range(layers.right_start.shape[0]):
            low, high = layers.group_ranks[group], layers.group_ranks[group + 1]
            first, end = layers.group_places[group], layers.group_places[group + 1]
            start, length = layers.right_start[group], (end - first) * n_rings
            right = layers.right[start : start + (high - low) * length]
            np.dot(
                right.reshape(high - low, length),
                responses[first * n_rings * columns : end * n_rings * columns].reshape(
                    length, columns
                ),
                taken[low:high],
            )
        _offsets(layers, mean, outgoing, reference, offset)
        closings.norm[point] = _system(
            layers, taken, gauge, offset, reference, system, closings.source[point]
        )


@njit(cache=True, inner=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"})
def scalar_product(a, b, count):  # type: ignore[no-untyped-def]
    """Sum of products, in an order that depends on nothing but their number."""
    total = 0.0
    for k in range(count):
        total += a[k] * b[k]
    return total


@njit(cache=True, inner=True, error_model="numpy")
def _returned(layers, x, rotation, turned, ring, y):  # type: ignore[no-untyped-def]
    """What collisions return at a ring, Cartesian, shape (n_drives, N)."""
    y[:] = 0.0
    for group in range(layers.right_start.shape[0]):
        low = layers.group_ranks[group]
        rank = layers.group_ranks[group + 1] - low
        for q in range(layers.group_places[group], layers.group_places[group + 1]):
            left = layers.left[layers.left_start[q] + ring * rank :]
            for d in range(x.shape[0]):
                y[d, layers.places[q]] += scalar_product(left, x[d, low:], rank)
    for p in range(layers.slots.shape[0]):
        index = (layers.slots[p, 1] + 1) // 2
        if turned[index]:
            o, at = rotation[index], 4 * p
            for d in range(x.shape[0]):
                u, v, w = y[d, at], y[d, at + 1], y[d, at + 2]
                for s in range(3):
                    y[d, at + s] = o[s, 0] * u + o[s, 1] * v + o[s, 2] * w


@njit(cache=True, inner=True, error_model="numpy")
def add_held(layers, out, rotation, ring, held):  # type: ignore[no-untyped-def]
    """Add what layers hold of what leaves the interfaces at a ring, in their own frames."""
    own, vector = np.empty(4), np.empty(4)
    for p in range(layers.slots.shape[0]):
        moment, side = layers.slots[p, 0], layers.slots[p, 1]
        index = (side + 1) // 2
        for d in range(out.shape[0]):
            for s in range(4):
                vector[s] = out[d, 4 * p + s]
            _own_components(vector, rotation[index], own)
            for a in range(4):
                for s in range(4):
                    held[index, a, d] += layers.content[side, a, ring, moment, s] * own[s]


@njit(cache=True, inner=True, error_model="numpy")
def imbalance(layers, held, rotation, drive, current):  # type: ignore[no-untyped-def]
    """Worst violation of current in - current out = what is lost in a layer, own frames."""
    worst = 0.0
    n_layers, n_drives = held.shape[0], held.shape[2]
    own, vector = np.empty(4), np.empty(4)
    for index in range(n_layers):
        if not layers.balanced[index]:
            continue
        for d in range(n_drives):
            # A layer that is balanced has no end that injects.
            for a in range(4):
                for k in range(2):
                    held[index, a, d] += layers.content_source[index, a, k] * drive[0, k, d]
                vector[a] = 0.0
            for side in range(max(0, 2 * index - 1), min(2 * index + 1, current.shape[0])):
                for s in range(4):
                    vector[s] -= current[side, s, d]
            _own_components(vector, rotation[index], own)
            for a in range(4):
                for s in range(4):
                    own[a] -= layers.lost[index, a, s] * held[index, s, d]
                worst = max(worst, abs(own[a]))
    return worst


@njit(cache=True, inner=True, error_model="numpy")
def _take(layers, out, rotation, turned, ring, taken):  # type: ignore[no-untyped-def]
    """Keep what leaves the interfaces at a ring, in the frames of the layers, place by place.

    `taken` is flat, shape (n_drives, n_places n_rings): places as groups have them, ring by ring.
    """
    n_rings = layers.local.shape[1]
    own, vector = np.empty(4), np.empty(4)
    for q in range(layers.places.shape[0]):
        slot, component = layers.places[q] // 4, layers.places[q] % 4
        index = (layers.slots[slot, 1] + 1) // 2
        for d in range(out.shape[0]):
            if turned[index]:
                for s in range(4):
                    vector[s] = out[d, 4 * slot + s]
                _own_components(vector, rotation[index], own)
                taken[d, q * n_rings + ring] = own[component]
            else:
                taken[d, q * n_rings + ring] = out[d, 4 * slot + component]


@njit(cache=True, inner=True, error_model="numpy")
def _residual(layers, taken, x, charge, reference, source):  # type: ignore[no-untyped-def]
    """Largest departure from x = what collisions take, over the largest source.

    `charge`, shape (n_drives,), leaves the reference interface.
    """
    n_rings = layers.local.shape[1]
    worst, scale = 0.0, 1e-300
    for group in range(layers.right_start.shape[0]):
        low, high = layers.group_ranks[group], layers.group_ranks[group + 1]
        first, end = layers.group_places[group], layers.group_places[group + 1]
        count = (end - first) * n_rings
        for a in range(low, high):
            right = layers.right[layers.right_start[group] + (a - low) * count :]
            for d in range(x.shape[0]):
                missed = x[d, a] - scalar_product(right, taken[d, first * n_rings :], count)
                if reference >= 0:
                    missed += layers.uniform[reference, a] * charge[d]
                worst, scale = max(worst, abs(missed)), max(scale, abs(source[d, a]))
    return worst / scale


@njit(cache=True, error_model="numpy")
def open_points(layers, points, closings, solved, moments):  # type: ignore[no-untyped-def]
    """Fill currents, densities and certificates of each point from the solved equations.

    Parameters
    ----------
    layers : FilmResponse
    points : PointInput
    closings : Closings
    solved : ndarray, shape (n_points, n_drives, rank)
    moments : Moments
    """
    n_rings, size = layers.local.shape[1], 4 * layers.slots.shape[0]
    n_interfaces, n_drives = points.parameters.shape[1], points.drive.shape[3]
    n_layers, n = n_interfaces + 1, 8 * n_interfaces
    local = np.zeros((n_rings, n, n))
    incoming, outgoing = np.empty((n_rings, 1, n, n_drives)), np.empty((n_rings, 1, n, n_drives))
    y, out = np.empty((n_drives, size)), np.empty((n_drives, size))
    held, charge = np.empty((n_layers, 4, n_drives)), np.zeros(n_drives)
    taken = np.empty((n_drives, layers.places.shape[0] * n_rings))
    for point in range(points.parameters.shape[0]):
        rotation, x = points.rotation[point], solved[point]
        mean, probe = closings.mean[point], closings.probe[point]
        current, density = moments.current[point], moments.density[point]
        _flights(layers, rotation, points.turned, local)
        fill_drives(layers, rotation, points.drive[point], incoming, outgoing)
        current[:] = 0.0
        density[:] = 0.0
        held[:] = 0.0
        for ring in range(n_rings):
            _returned(layers, x, rotation, points.turned, ring, y)
            for j in range(size):
                for d in range(n_drives):
                    out[d, j] = mean[ring, j, size + d] + scalar_product(mean[ring, j], y[d], size)
            solid = 2.0 * np.pi * layers.weights[ring]
            flux = solid * layers.cosines[ring]
            for j in range(n):
                side, s = j // 4, j % 4
                for d in range(n_drives):
                    net = y[d, j] + incoming[ring, 0, j, d] - outgoing[ring, 0, j, d] - out[d, j]
                    net += scalar_product(local[ring, j], out[d], n)
                    current[side, s, d] += flux * net
            for i in range(n_interfaces):
                for s in range(3):
                    for d in range(n_drives):
                        row = probe[ring, 3 * i + s]
                        density[i, s, d] += solid * (
                            row[size + d] + scalar_product(row, y[d], size)
                        )
            add_held(layers, out, rotation, ring, held)
            _take(layers, out, rotation, points.turned, ring, taken)
        reference, slack = points.reference[point], 0.0
        if reference >= 0:
            for d in range(n_drives):
                leaving = scalar_product(closings.gauge[point], x[d], x.shape[1])
                charge[d] = closings.offset[point, d] + leaving
                slack = max(slack, abs(charge[d]))
        moments.residual[point] = _residual(
            layers, taken, x, charge, reference, closings.source[point]
        )
        moments.slack[point] = slack
        largest = 1e-300
        for side in range(2 * n_interfaces):
            for s in range(4):
                for d in range(n_drives):
                    largest = max(largest, abs(current[side, s, d]))
        moments.balance[point] = (
            imbalance(layers, held, rotation, points.drive[point], current) / largest
        )
