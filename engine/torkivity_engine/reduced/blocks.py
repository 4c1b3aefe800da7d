"""Algebra of 4x4 blocks, one for each azimuth of a chunk.

A block has four rows and any number of columns. Its element (row i, column k) at azimuth c of the
chunk is ``block[k, i * CHUNK + c]``, or in a square one ``block[(4 * k + i) * CHUNK + c]``, so that
the compiler handles several azimuths at once. `lanes` says how many of the chunk are in use. Bodies
are written out: all is loaded before anything is stored, and distances between elements are known
when it is compiled. No argument may share memory with the one that is written to.
"""

from __future__ import annotations

from torkivity_engine.machine.kernels import njit

__all__ = [
    "CHUNK",
    "add_constant_times",
    "add_times",
    "copy",
    "invert",
    "minus_times_constant",
    "subtract_times",
    "times",
    "weighted_sums",
]

CHUNK = 16  #: azimuths handled together

_L = CHUNK
_FAST = {"contract", "nsz"}


@njit(cache=True, inner=True, error_model="numpy", fastmath=_FAST)
def times(a, y, x, columns, lanes):  # type: ignore[no-untyped-def]
    """x = a y, with a square block a."""
    for m in range(columns):
        to, of = x[m], y[m]
        for c in range(lanes):
            y0, y1, y2, y3 = of[c], of[_L + c], of[2 * _L + c], of[3 * _L + c]
            x0 = a[c] * y0 + a[4 * _L + c] * y1 + a[8 * _L + c] * y2 + a[12 * _L + c] * y3
            x1 = a[_L + c] * y0 + a[5 * _L + c] * y1 + a[9 * _L + c] * y2 + a[13 * _L + c] * y3
            x2 = a[2 * _L + c] * y0 + a[6 * _L + c] * y1 + a[10 * _L + c] * y2 + a[14 * _L + c] * y3
            x3 = a[3 * _L + c] * y0 + a[7 * _L + c] * y1 + a[11 * _L + c] * y2 + a[15 * _L + c] * y3
            to[c], to[_L + c], to[2 * _L + c], to[3 * _L + c] = x0, x1, x2, x3


@njit(cache=True, inner=True, error_model="numpy", fastmath=_FAST)
def subtract_times(a, y, x, columns, lanes):  # type: ignore[no-untyped-def]
    """x -= a y, with a square block a."""
    for m in range(columns):
        to, of = x[m], y[m]
        for c in range(lanes):
            y0, y1, y2, y3 = of[c], of[_L + c], of[2 * _L + c], of[3 * _L + c]
            x0 = a[c] * y0 + a[4 * _L + c] * y1 + a[8 * _L + c] * y2 + a[12 * _L + c] * y3
            x1 = a[_L + c] * y0 + a[5 * _L + c] * y1 + a[9 * _L + c] * y2 + a[13 * _L + c] * y3
            x2 = a[2 * _L + c] * y0 + a[6 * _L + c] * y1 + a[10 * _L + c] * y2 + a[14 * _L + c] * y3
            x3 = a[3 * _L + c] * y0 + a[7 * _L + c] * y1 + a[11 * _L + c] * y2 + a[15 * _L + c] * y3
            x0, x1, x2, x3 = to[c] - x0, to[_L + c] - x1, to[2 * _L + c] - x2, to[3 * _L + c] - x3
            to[c], to[_L + c], to[2 * _L + c], to[3 * _L + c] = x0, x1, x2, x3


@njit(cache=True, inner=True, error_model="numpy", fastmath=_FAST)
def add_times(a, y, x, columns, lanes):  # type: ignore[no-untyped-def]
    """x += a y, with a square block a."""
    for m in range(columns):
        to, of = x[m], y[m]
        for c in range(lanes):
            y0, y1, y2, y3 = of[c], of[_L + c], of[2 * _L + c], of[3 * _L + c]
            x0 = a[c] * y0 + a[4 * _L + c] * y1 + a[8 * _L + c] * y2 + a[12 * _L + c] * y3
            x1 = a[_L + c] * y0 + a[5 * _L + c] * y1 + a[9 * _L + c] * y2 + a[13 * _L + c] * y3
            x2 = a[2 * _L + c] * y0 + a[6 * _L + c] * y1 + a[10 * _L + c] * y2 + a[14 * _L + c] * y3
            x3 = a[3 * _L + c] * y0 + a[7 * _L + c] * y1 + a[11 * _L + c] * y2 + a[15 * _L + c] * y3
            x0, x1, x2, x3 = to[c] + x0, to[_L + c] + x1, to[2 * _L + c] + x2, to[3 * _L + c] + x3
            to[c], to[_L + c], to[2 * _L + c], to[3 * _L + c] = x0, x1, x2, x3


@njit(cache=True, inner=True, error_model="numpy", fastmath=_FAST)
def add_constant_times(a, y, x, columns, lanes):  # type: ignore[no-untyped-def]
    """x += a y, with the same matrix a, shape (4, 4), at every azimuth."""
    a00, a01, a02, a03 = a[0, 0], a[0, 1], a[0, 2], a[0, 3]
    a10, a11, a12, a13 = a[1, 0], a[1, 1], a[1, 2], a[1, 3]
    a20, a21, a22, a23 = a[2, 0], a[2, 1], a[2, 2], a[2, 3]
    a30, a31, a32, a33 = a[3, 0], a[3, 1], a[3, 2], a[3, 3]
    for m in range(columns):
        to, of = x[m], y[m]
        for c in range(lanes):
            y0, y1, y2, y3 = of[c], of[_L + c], of[2 * _L + c], of[3 * _L + c]
            x0 = to[c] + a00 * y0 + a01 * y1 + a02 * y2 + a03 * y3
            x1 = to[_L + c] + a10 * y0 + a11 * y1 + a12 * y2 + a13 * y3
            x2 = to[2 * _L + c] + a20 * y0 + a21 * y1 + a22 * y2 + a23 * y3
            x3 = to[3 * _L + c] + a30 * y0 + a31 * y1 + a32 * y2 + a33 * y3
            to[c], to[_L + c], to[2 * _L + c], to[3 * _L + c] = x0, x1, x2, x3


@njit(cache=True, inner=True, error_model="numpy", fastmath=_FAST)
def minus_times_constant(y, a, x):  # type: ignore[no-untyped-def]
    """x = -y a, of square blocks, with the same matrix a, shape (4, 4), at every azimuth."""
    a00, a01, a02, a03 = -a[0, 0], -a[0, 1], -a[0, 2], -a[0, 3]
    a10, a11, a12, a13 = -a[1, 0], -a[1, 1], -a[1, 2], -a[1, 3]
    a20, a21, a22, a23 = -a[2, 0], -a[2, 1], -a[2, 2], -a[2, 3]
    a30, a31, a32, a33 = -a[3, 0], -a[3, 1], -a[3, 2], -a[3, 3]
    for c in range(4 * _L):  # all rows in one go
        y0, y1, y2, y3 = y[c], y[4 * _L + c], y[8 * _L + c], y[12 * _L + c]
        x0 = y0 * a00 + y1 * a10 + y2 * a20 + y3 * a30
        x1 = y0 * a01 + y1 * a11 + y2 * a21 + y3 * a31
        x2 = y0 * a02 + y1 * a12 + y2 * a22 + y3 * a32
        x3 = y0 * a03 + y1 * a13 + y2 * a23 + y3 * a33
        x[c], x[4 * _L + c], x[8 * _L + c], x[12 * _L + c] = x0, x1, x2, x3


@njit(cache=True, inner=True, error_model="numpy", fastmath=_FAST)
def invert(a, x, lanes):  # type: ignore[no-untyped-def]
    """x = 1/a of a square block, by elimination in the order of the rows."""
    for c in range(lanes):
        a00, a10, a20, a30 = a[c], a[_L + c], a[2 * _L + c], a[3 * _L + c]
        a01, a11, a21, a31 = a[4 * _L + c], a[5 * _L + c], a[6 * _L + c], a[7 * _L + c]
        a02, a12, a22, a32 = a[8 * _L + c], a[9 * _L + c], a[10 * _L + c], a[11 * _L + c]
        a03, a13, a23, a33 = a[12 * _L + c], a[13 * _L + c], a[14 * _L + c], a[15 * _L + c]

        p = 1.0 / a00
        a01, a02, a03 = a01 * p, a02 * p, a03 * p
        a11, a12, a13 = a11 - a10 * a01, a12 - a10 * a02, a13 - a10 * a03
        a21, a22, a23 = a21 - a20 * a01, a22 - a20 * a02, a23 - a20 * a03
        a31, a32, a33 = a31 - a30 * a01, a32 - a30 * a02, a33 - a30 * a03
        a00, a10, a20, a30 = p, -a10 * p, -a20 * p, -a30 * p

        p = 1.0 / a11
        a10, a12, a13 = a10 * p, a12 * p, a13 * p
        a00, a02, a03 = a00 - a01 * a10, a02 - a01 * a12, a03 - a01 * a13
        a20, a22, a23 = a20 - a21 * a10, a22 - a21 * a12, a23 - a21 * a13
        a30, a32, a33 = a30 - a31 * a10, a32 - a31 * a12, a33 - a31 * a13
        a11, a01, a21, a31 = p, -a01 * p, -a21 * p, -a31 * p

        p = 1.0 / a22
        a20, a21, a23 = a20 * p, a21 * p, a23 * p
        a00, a01, a03 = a00 - a02 * a20, a01 - a02 * a21, a03 - a02 * a23
        a10, a11, a13 = a10 - a12 * a20, a11 - a12 * a21, a13 - a12 * a23
        a30, a31, a33 = a30 - a32 * a20, a31 - a32 * a21, a33 - a32 * a23
        a22, a02, a12, a32 = p, -a02 * p, -a12 * p, -a32 * p

        p = 1.0 / a33
        a30, a31, a32 = a30 * p, a31 * p, a32 * p
        a00, a01, a02 = a00 - a03 * a30, a01 - a03 * a31, a02 - a03 * a32
        a10, a11, a12 = a10 - a13 * a30, a11 - a13 * a31, a12 - a13 * a32
        a20, a21, a22 = a20 - a23 * a30, a21 - a23 * a31, a22 - a23 * a32
        a33, a03, a13, a23 = p, -a03 * p, -a13 * p, -a23 * p

        x[c], x[_L + c], x[2 * _L + c], x[3 * _L + c] = a00, a10, a20, a30
        x[4 * _L + c], x[5 * _L + c], x[6 * _L + c], x[7 * _L + c] = a01, a11, a21, a31
        x[8 * _L + c], x[9 * _L + c], x[10 * _L + c], x[11 * _L + c] = a02, a12, a22, a32
        x[12 * _L + c], x[13 * _L + c], x[14 * _L + c], x[15 * _L + c] = a03, a13, a23, a33


@njit(cache=True, inner=True, error_model="numpy", fastmath={*_FAST, "reassoc"})
def weighted_sums(weights, values, lanes):  # type: ignore[no-untyped-def]
    """Sums over the azimuths of a chunk for the four rows of one column.

    The order of the terms depends on nothing but their number.
    """
    total_0, total_1, total_2, total_3 = 0.0, 0.0, 0.0, 0.0
    for c in range(lanes):
        w = weights[c]
        total_0 += w * values[c]
        total_1 += w * values[_L + c]
        total_2 += w * values[2 * _L + c]
        total_3 += w * values[3 * _L + c]
    return total_0, total_1, total_2, total_3


@njit(cache=True, inner=True, error_model="numpy", fastmath=_FAST)
def copy(y, x):  # type: ignore[no-untyped-def]
    """x = y, of square blocks; x has four columns, shape (4, 4 CHUNK)."""
    for k in range(4):
        to = x[k]
        for c in range(4 * _L):
            to[c] = y[4 * _L * k + c]
