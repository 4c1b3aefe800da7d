"""Networks of closed stacks with finite conductances: many in one compiled call.

The same equations as in `torkivity_engine.diffusion.network`, each stack solved by itself. What a
stack lacks that has no solution is said there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.machine.kernels import njit
from torkivity_engine.spin import CHARGE

__all__ = ["solve_chains"]


def solve_chains(
    layers: Sequence[Sequence[LayerAdmittance]],
    response: FloatArray,
    drive: FloatArray,
    reference: Sequence[int],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Accumulations and flows in P stacks of N layers with closed outer faces.

    Parameters
    ----------
    layers : sequence of sequence of LayerAdmittance
        P times N of them, from left to right, N >= 2.
    response, drive : ndarray, shape (P, N - 1, 11, 8) and (P, N - 1, 11)
        Laws of the interfaces.
    reference : sequence of int
        For each stack the interface that fixes its charge gauge, see
        `torkivity_engine.diffusion.network.solve_network`.

    Returns
    -------
    faces : ndarray, shape (P, N, 2, 4)
        mu at the bottom and at the top of each layer, in m per E~.
    flows : ndarray, shape (P, N - 1, 11)
        j(0-), j(0+) and s of each interface.
    condition : ndarray, shape (P,)
        Reciprocal condition of each system in the 1-norm; zero where it has no solution.
    """
    loss = np.array([[layer.loss for layer in stack] for stack in layers])
    conductance = np.array([[layer.conductance for layer in stack] for stack in layers])
    source = np.array([[layer.source for layer in stack] for stack in layers])
    axes = np.array([[layer.axes for layer in stack] for stack in layers])
    count, n_layers = loss.shape[:2]
    faces = np.empty((count, n_layers, 2, 4))
    flows, condition = np.empty((count, n_layers - 1, 11)), np.empty(count)
    elements = (loss, conductance, source, axes, response, drive, np.array(reference))
    _solve_all(*elements, faces, flows, condition)
    return faces, flows, condition


@njit(cache=True, error_model="numpy")
def _solve_all(  # type: ignore[no-untyped-def]
    loss, conductance, source, axes, response, drive, reference, faces, flows, condition
):
    """Fill what `solve_chains` returns."""
    n_layers = loss.shape[1]
    n = 8 * n_layers + 1
    matrix = np.empty((n, 2 * n + 1))
    for p in range(loss.shape[0]):
        matrix[:] = 0.0
        _fill(
            loss[p],
            conductance[p],
            source[p],
            axes[p],
            response[p],
            drive[p],
            reference[p],
            matrix,
        )
        condition[p] = _eliminate(matrix)
        for k in range(n_layers):
            for a in range(4):
                mean = half = 0.0
                for b in range(4):
                    mean += axes[p, k, a, b] * matrix[8 * k + b, n]
                    half += axes[p, k, a, b] * matrix[8 * k + 4 + b, n]
                faces[p, k, 0, a], faces[p, k, 1, a] = mean - half, mean + half
        for k in range(n_layers - 1):
            for a in range(11):
                flow = drive[p, k, a]
                for b in range(4):
                    flow += response[p, k, a, b] * faces[p, k, 1, b]
                    flow += response[p, k, a, 4 + b] * faces[p, k + 1, 0, b]
                flows[p, k, a] = flow


@njit(cache=True, inner=True, error_model="numpy")
def _fill(  # type: ignore[no-untyped-def]
    loss, conductance, source, axes, response, drive, reference, matrix
):
    """System of one stack, its right side as column n; `matrix`, (n, 2 n + 1), holds zeros.

    Unknowns: mean and half difference of the face values of each layer in its own axes, then a
    slack that takes up the redundant charge balance. Rows: balance and Ohm's law of each layer,
    gauge.
    """
    n_layers = loss.shape[0]
    n = 8 * n_layers + 1
    for k in range(n_layers):
        mean, half = 8 * k, 8 * k + 4
        for a in range(4):
            matrix[half + a, n] = 2.0 * source[k, a]
            for b in range(4):
                matrix[mean + a, mean + b] = loss[k, a, b]
                matrix[half + a, half + b] = 4.0 * conductance[k, a, b]
    for k in range(n_layers - 1):
        for side in range(2):
            _add_law(k, side, axes, response[k], drive[k], matrix)
    # Rows range over many decades (opaque interfaces, strong dephasing).
    for i in range(n - 1):
        scale = 0.0
        for j in range(n):
            scale = max(scale, abs(matrix[i, j]))
        if scale > 0.0:
            for j in range(n + 1):
                matrix[i, j] /= scale
    for k in range(n_layers):
        matrix[8 * k + CHARGE, n - 1] = 1.0
    for side in range(2):
        column = 8 * (reference + side) + CHARGE
        matrix[n - 1, column] = 1.0
        matrix[n - 1, column + 4] = 1.0 - 2.0 * side


@njit(cache=True, inner=True, error_model="numpy")
def _add_law(k, side, axes, response, drive, matrix):  # type: ignore[no-untyped-def]
    """What interface k lets through its lower (side 0) or upper face, into that layer's rows.

    The current at 0- leaves layer k, the one at 0+ enters layer k + 1: opposite signs in the
    balance, the same in Ohm's law.
    """
    layer, last = k + side, matrix.shape[0]
    sign = 1.0 - 2.0 * side
    turned = np.empty(8)
    for a in range(4):
        flow = 0.0
        turned[:] = 0.0
        for i in range(4):
            turn = axes[layer, i, a]
            flow += turn * drive[4 * side + i]
            for j in range(8):
                turned[j] += turn * response[4 * side + i, j]
        mean, half = 8 * layer + a, 8 * layer + 4 + a
        matrix[mean, last] -= sign * flow
        matrix[half, last] -= flow
        for face in range(2):
            first = 8 * (k + face)
            outward = 1.0 - 2.0 * face
            for b in range(4):
                value = 0.0
                for j in range(4):
                    value += turned[4 * face + j] * axes[k + face, j, b]
                matrix[mean, first + b] += sign * value
                matrix[mean, first + 4 + b] += sign * outward * value
                matrix[half, first + b] += value
                matrix[half, first + 4 + b] += outward * value


@njit(cache=True, inner=True, error_model="numpy")
def _eliminate(matrix):  # type: ignore[no-untyped-def]
    """Solve in place by elimination with row pivoting; reciprocal condition in the 1-norm.

    `matrix` is (n, 2 n + 1): the system, its right side, and room for the inverse. The solution
    is left in column n, the inverse in the columns behind it. Rows are long and few, so the
    compiler vectorises; and unlike a BLAS the order of sums knows no threads.
    """
    n = matrix.shape[0]
    norm = _norm(matrix, 0)
    matrix[:, n + 1 :] = 0.0
    for k in range(n):
        matrix[k, n + 1 + k] = 1.0
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        if not abs(matrix[pivot, k]) > 0.0:
            return 0.0
        if pivot != k:
            for j in range(k, 2 * n + 1):
                matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
        for i in range(k + 1, n):
            factor = matrix[i, k] / matrix[k, k]
            if factor != 0.0:
                for j in range(k + 1, 2 * n + 1):
                    matrix[i, j] -= factor * matrix[k, j]
    for k in range(n - 1, -1, -1):
        inverse = 1.0 / matrix[k, k]
        for j in range(n, 2 * n + 1):
            matrix[k, j] *= inverse
        for i in range(k):
            factor = matrix[i, k]
            if factor != 0.0:
                for j in range(n, 2 * n + 1):
                    matrix[i, j] -= factor * matrix[k, j]
    return 1.0 / (norm * _norm(matrix, n + 1))


@njit(cache=True, inner=True, error_model="numpy")
def _norm(matrix, first):  # type: ignore[no-untyped-def]
    """Largest sum of a column of the square block that begins at one column."""
    largest, n = 0.0, matrix.shape[0]
    for j in range(first, first + n):
        total = 0.0
        for i in range(n):
            total += abs(matrix[i, j])
        largest = max(largest, total)
    return largest
