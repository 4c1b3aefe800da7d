"""Channels of films with many layers: two sweeps through the interfaces instead of an inverse.

The layers above an interface are one reflection. With u what arrives at interface i from below and
b what the layers above it return by themselves,

    leaving it upwards    F u + G b,
    leaving it downwards  Q u + K b,

so that b is passed down and u is passed up, at a cost per source that is linear in the number of
interfaces. Only for interfaces with a closed form, whose sides are alike. See
`torkivity_engine.reduced.blocks` for how blocks lie in memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.machine.kernels import njit
from torkivity_engine.reduced.blocks import (
    CHUNK,
    add_constant_times,
    add_times,
    copy,
    invert,
    minus_times_constant,
    subtract_times,
    times,
)
from torkivity_engine.reduced.channel_means import closed_form
from torkivity_engine.reduced.channels import lanes_of, take_azimuths

__all__ = [
    "B",
    "Channels",
    "F",
    "G",
    "K",
    "Q",
    "T",
    "channel_factors",
    "fly",
    "sweep",
]

#: Blocks of an interface: see above; its own transmission; and, of the lowest one, what turns
#: what layers send up from below it into what arrives.
F, G, Q, K, T, B = range(6)

_L = CHUNK


class Channels(NamedTuple):
    """The channels of one film.

    Attributes
    ----------
    flights : ndarray, shape (n_layers, n_rings, 4, 4)
        A in Cartesian components.
    blocks : ndarray, shape (n_rings, n_chunks, n_interfaces, 6, 16 CHUNK)
        Of every chunk of azimuths.
    """

    flights: FloatArray
    blocks: FloatArray


@njit(cache=True, inner=True, error_model="numpy")
def fly(a, y, x, columns, lanes):  # type: ignore[no-untyped-def]
    """x = a y, with the same matrix a at every azimuth."""
    x[:columns] = 0.0
    add_constant_times(a, y, x, columns, lanes)


@njit(cache=True, inner=True, error_model="numpy")
def _invert_one_plus(a, inverse, lanes):  # type: ignore[no-untyped-def]
    """inverse = 1 / (1 + a); a is overwritten."""
    for i in range(4):
        for c in range(_L):
            a[5 * i * _L + c] += 1.0
    invert(a, inverse, lanes)


@njit(cache=True, inner=True, error_model="numpy")
def _stack_up(reflected, missing, own, work, lanes):  # type: ignore[no-untyped-def]
    """F, G, Q, K of an interface with T and R, and minus what the layers above reflect."""
    square = (4, 4 * _L)
    transmitted = own[T]
    product, inverse = work[0], work[1]
    times(reflected, missing, product.reshape(square), 4, lanes)
    _invert_one_plus(product, inverse, lanes)
    times(inverse, transmitted.reshape(square), own[F].reshape(square), 4, lanes)
    times(inverse, reflected.reshape(square), own[G].reshape(square), 4, lanes)
    times(transmitted, missing, product.reshape(square), 4, lanes)
    copy(reflected, own[Q].reshape(square))
    subtract_times(product, own[F].reshape(square), own[Q].reshape(square), 4, lanes)
    copy(transmitted, own[K].reshape(square))
    subtract_times(product, own[G].reshape(square), own[K].reshape(square), 4, lanes)


@njit(cache=True, error_model="numpy")
def channel_factors(mu, azimuths, parameters, channels):  # type: ignore[no-untyped-def]
    """Fill the blocks of all channels, from the uppermost interface down.

    Parameters
    ----------
    mu : ndarray, shape (n_rings,)
    azimuths : ndarray, shape (2, n_azimuth)
        Cosines and sines.
    parameters : ndarray, shape (n_interfaces, 12)
        Of the closed forms.
    channels : Channels
        With its flights.

    Returns
    -------
    float
        Largest unitarity defect of the interfaces.
    """
    defect = 0.0
    square = (4, 4 * _L)
    n_interfaces, n_azimuth = parameters.shape[0], azimuths.shape[1]
    reflected = np.ones(16 * _L)
    missing, flown, unit = np.zeros(square), np.ones(square), np.zeros(square)
    work = np.ones((2, 16 * _L))
    for i in range(4):
        unit[i, i * _L : (i + 1) * _L] = 1.0
    kx, ky, weight, psi = np.empty(_L), np.empty(_L), np.empty(_L), np.ones((3, _L))
    for ring in range(mu.shape[0]):
        sin_theta = np.sqrt((1.0 - mu[ring]) * (1.0 + mu[ring]))
        for chunk in range(channels.blocks.shape[1]):
            lanes = lanes_of(_L * chunk, n_azimuth)
            take_azimuths(_L * chunk, sin_theta, azimuths[0], azimuths[1], kx, ky, psi, weight)
            blocks = channels.blocks[ring, chunk]
            for i in range(n_interfaces - 1, -1, -1):
                worst = closed_form(kx, ky, mu[ring], parameters[i], lanes, reflected, blocks[i, T])
                defect = max(defect, worst)
                flight = channels.flights[i + 1, ring]
                if i == n_interfaces - 1:
                    fly(-flight, unit, missing, 4, lanes)
                else:
                    fly(flight, blocks[i + 1, Q].reshape(square), flown, 4, lanes)
                    minus_times_constant(flown.reshape(16 * _L), flight, missing.reshape(16 * _L))
                _stack_up(reflected, missing, blocks[i], work, lanes)
            fly(-channels.flights[0, ring], blocks[0, Q].reshape(square), missing, 4, lanes)
            _invert_one_plus(missing.reshape(16 * _L), blocks[0, B], lanes)
    return defect


@njit(cache=True, inner=True, error_model="numpy")
def sweep(flights, blocks, y, arriving, returned, out, columns, lanes):  # type: ignore[no-untyped-def]
    """What leaves all sides of one chunk for what arrives there besides flights, out = W y.

    Parameters
    ----------
    flights : ndarray, shape (n_layers, 4, 4)
    blocks : ndarray, shape (n_interfaces, 6, 16 CHUNK)
    y : ndarray, shape (n_sides, columns, 4 CHUNK)
        Not changed.
    arriving, returned : ndarray, shape (n_interfaces, columns, 4 CHUNK)
        u and b of each interface, to be filled.
    out : ndarray, shape (n_sides, columns, 4 CHUNK)
    """
    last = blocks.shape[0] - 1
    returned[last] = y[2 * last + 1]
    for i in range(last, 0, -1):
        times(blocks[i, Q], y[2 * i], out[2 * i], columns, lanes)
        add_times(blocks[i, K], returned[i], out[2 * i], columns, lanes)
        returned[i - 1] = y[2 * i - 1]
        add_constant_times(flights[i], out[2 * i], returned[i - 1], columns, lanes)
    # What comes back to the lowest interface once more has seen all others.
    times(blocks[0, K], returned[0], out[0], columns, lanes)
    out[1] = y[0]
    add_constant_times(flights[0], out[0], out[1], columns, lanes)
    times(blocks[0, B], out[1], arriving[0], columns, lanes)
    add_times(blocks[0, Q], arriving[0], out[0], columns, lanes)
    for i in range(last + 1):
        if i > 0:
            fly(flights[i], out[2 * i - 1], arriving[i], columns, lanes)
            add_times(blocks[i, Q], arriving[i], out[2 * i], columns, lanes)
            arriving[i] += y[2 * i]
        times(blocks[i, F], arriving[i], out[2 * i + 1], columns, lanes)
        add_times(blocks[i, G], returned[i], out[2 * i + 1], columns, lanes)
