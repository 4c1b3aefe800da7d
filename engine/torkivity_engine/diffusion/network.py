"""The network of a whole stack in drift-diffusion: layers and interfaces as circuit elements.

What layers give is in `torkivity_engine.kinetics.admittance`, what interfaces do in
`torkivity_engine.kinetics.circuit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import PhysicsError
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.kinetics.circuit import InterfaceLaw
from torkivity_engine.spin import CHARGE

__all__ = ["LEAST_CONDITION", "InterfaceLaw", "NetworkEnd", "NetworkSolution", "solve_network"]


#: Reciprocal condition below which an accumulation counts as undetermined.
LEAST_CONDITION = 1e-13


class NetworkEnd(NamedTuple):
    """A reservoir at an outer face: conductance @ (injected - mu) flows in.

    Attributes
    ----------
    conductance : ndarray, shape (4, 4), or None
        1/(Ohm m^2), Cartesian; None for a perfect contact, mu = injected.
    injected : ndarray, shape (4,)
    """

    conductance: FloatArray | None
    injected: FloatArray


@dataclass(frozen=True, eq=False)
class NetworkSolution:
    """What a stack comes to.

    Attributes
    ----------
    faces : ndarray, shape (n_layers, 2, 4)
        mu at the bottom and at the top of each layer, in m per E~.
    currents : ndarray, shape (n_layers, 2, 4)
        j along +z there, 1/(Ohm m).
    """

    faces: FloatArray
    currents: FloatArray

    @property
    def minus(self) -> FloatArray:
        """mu(0-) of every interface, shape (n_layers - 1, 4)."""
        return np.asarray(self.faces[:-1, 1])

    @property
    def plus(self) -> FloatArray:
        """mu(0+) of every interface, shape (n_layers - 1, 4)."""
        return np.asarray(self.faces[1:, 0])


def solve_network(
    layers: Sequence[LayerAdmittance],
    laws: Sequence[InterfaceLaw],
    reference: int,
    ends: tuple[NetworkEnd | None, NetworkEnd | None] = (None, None),
) -> NetworkSolution:
    """Accumulations and currents at every face of a stack.

    Parameters
    ----------
    layers : sequence of LayerAdmittance
        From left to right, N of them.
    laws : sequence of InterfaceLaw
        N - 1 of them.
    reference : int
        Interface that fixes the charge gauge of a closed stack, mu_c(0-) + mu_c(0+) = 0. A
        constant shift of the charge potential changes no current, so without it the system is
        singular. Parts of a stack that no charge flows between have a gauge each.
    ends : tuple of NetworkEnd or None, optional
        Reservoirs at the bottom and at the top; None is a closed face.

    Returns
    -------
    NetworkSolution

    Raises
    ------
    PhysicsError
        If nothing relaxes some spin component, so that its accumulation is undetermined.
    """
    system = _Network(layers, laws, ends)
    for island in _islands(laws, len(layers), ends):
        system.fix_charge(island, reference)
    return system.solution()


class _Network:
    """Equations of a network.

    Unknowns: mean and half difference of the face values of each layer in its own axes, what
    perfect channels carry, then a slack for each gauge that takes up a redundant charge balance.
    Rows: balance and Ohm's law of each layer, perfect channels, gauges.
    """

    def __init__(
        self,
        layers: Sequence[LayerAdmittance],
        laws: Sequence[InterfaceLaw],
        ends: tuple[NetworkEnd | None, NetworkEnd | None],
    ) -> None:
        self.layers, self.laws, self.ends = layers, laws, ends
        size = 8 * len(layers)
        self.perfect = []  # first row of each interface
        for law in laws:
            self.perfect.append(size)
            size += len(law.perfect)
        self.contacts = []
        for end in ends:
            self.contacts.append(size)
            size += 4 * (end is not None and end.conductance is None)
        self.matrix, self.right = np.zeros((size, size)), np.zeros(size)
        self.slacks: list[tuple[FloatArray, FloatArray]] = []
        #: What unknown currents are counted in, so that no column is far smaller than another: of
        #: a pair the smaller conductance, since one layer may hold no accumulation at all.
        self.units = np.ones(size)
        own = [float(np.abs(layer.conductance).max()) for layer in layers]
        for k, law in enumerate(laws):
            for row, pair in enumerate(law.perfect, self.perfect[k]):
                sides = (own[k], pair[:4]), (own[k + 1], pair[4:])
                self.units[row] = min(size for size, part in sides if np.any(part))
        for start, unit in zip(self.contacts, (own[0], own[-1]), strict=True):
            self.units[start : start + 4] = unit
        for k, layer in enumerate(layers):
            mean, half = self._rows(k)
            self.matrix[mean, mean] = layer.loss
            self.matrix[half, half] = 4.0 * layer.conductance
            self.right[half] = 2.0 * layer.source
        for k, law in enumerate(laws):
            self._add_interface(k, law)
        for which, end in enumerate(ends):
            if end is not None:
                self._add_end(which, end)

    @staticmethod
    def _rows(k: int) -> tuple[slice, slice]:
        return slice(8 * k, 8 * k + 4), slice(8 * k + 4, 8 * k + 8)

    def _couple(self, k: int, top: bool, of: int, of_top: bool, to: FloatArray) -> None:
        """The current at a face of layer k depends on mu at a face of layer `of`."""
        rotated = self.layers[k].axes.T @ to @ self.layers[of].axes
        mean, half = self._rows(of)
        sign = 1.0 if of_top else -1.0
        # What flows at the top leaves the layer, what flows at the bottom enters it: opposite
        # signs in the balance, the same in Ohm's law.
        for rows, factor in zip(self._rows(k), (1.0 if top else -1.0, 1.0), strict=True):
            self.matrix[rows, mean] += factor * rotated
            self.matrix[rows, half] += sign * factor * rotated

    def _drive(self, k: int, top: bool, current: FloatArray) -> None:
        own = self.layers[k].axes.T @ current
        for rows, factor in zip(self._rows(k), (1.0 if top else -1.0, 1.0), strict=True):
            self.right[rows] -= factor * own

    def _carry(self, k: int, top: bool, column: int, current: FloatArray) -> None:
        """The current at a face of layer k holds an unknown one."""
        own = self.layers[k].axes.T @ current * self.units[column]
        for rows, factor in zip(self._rows(k), (1.0 if top else -1.0, 1.0), strict=True):
            self.matrix[rows, column] += factor * own

    def _value(self, row: int, k: int, top: bool, weights: FloatArray) -> None:
        """Add weights . mu at a face of layer k to a row."""
        own = weights @ self.layers[k].axes
        mean, half = self._rows(k)
        self.matrix[row, mean] += own
        self.matrix[row, half] += own if top else -own

    def _add_interface(self, k: int, law: InterfaceLaw) -> None:
        self._couple(k, True, k, True, law.reflection)
        self._couple(k, True, k + 1, False, -law.transmission_down)
        self._couple(k + 1, False, k, True, law.transmission)
        self._couple(k + 1, False, k + 1, False, -law.reflection_above)
        self._drive(k, True, law.drive_minus)
        self._drive(k + 1, False, law.drive_plus)
        for row, pair in enumerate(law.perfect, self.perfect[k]):
            self._carry(k, True, row, pair[:4])
            self._carry(k + 1, False, row, -pair[4:])
            self._value(row, k, True, pair[:4])
            self._value(row, k + 1, False, pair[4:])

    def _add_end(self, which: int, end: NetworkEnd) -> None:
        k, top = (0, False) if which == 0 else (len(self.layers) - 1, True)
        outward = 1.0 if top else -1.0
        if end.conductance is not None:
            self._couple(k, top, k, top, outward * end.conductance)
            self._drive(k, top, -outward * end.conductance @ end.injected)
            return
        for channel, row in enumerate(range(self.contacts[which], self.contacts[which] + 4)):
            self._carry(k, top, row, np.eye(4)[channel])
            self._value(row, k, top, np.eye(4)[channel])
            self.right[row] = end.injected[channel]

    def fix_charge(self, island: Sequence[int], reference: int) -> None:
        """Fix the charge potential of layers that charge flows between."""
        size = len(self.right)
        slack, gauge = np.zeros(size), np.zeros(size)
        slack[[8 * k + CHARGE for k in island]] = 1.0
        sides = [(side, 1.0 - 2.0 * (side - reference)) for side in (reference, reference + 1)]
        for side, sign in [(side, s) for side, s in sides if side in island] or [(island[0], 0.0)]:
            gauge[8 * side + CHARGE], gauge[8 * side + 4 + CHARGE] = 1.0, sign
        self.slacks.append((slack, gauge))

    def solution(self) -> NetworkSolution:
        """Solve the equations."""
        n = len(self.layers)
        # Rows range over many decades (opaque interfaces, strong dephasing).
        scale = np.abs(self.matrix).max(axis=1)
        scale[scale == 0.0] = 1.0
        slacks = np.array([slack for slack, _ in self.slacks]).reshape(-1, len(scale))
        gauges = np.array([gauge for _, gauge in self.slacks]).reshape(-1, len(scale))
        matrix = np.block(
            [
                [self.matrix / scale[:, None], slacks.T],
                [gauges, np.zeros((len(gauges), len(gauges)))],
            ]
        )
        axes = np.array([layer.axes for layer in self.layers])
        _require_determined(matrix, axes)
        found = np.linalg.solve(matrix, np.append(self.right / scale, np.zeros(len(gauges))))
        own = found[: 8 * n].reshape(n, 2, 4)
        mean, half = np.einsum("nab,nsb->sna", axes, own)
        faces = np.stack([mean - half, mean + half], axis=1)
        return NetworkSolution(faces, self._currents(faces, found[: len(scale)] * self.units))

    def _currents(self, faces: FloatArray, carried: FloatArray) -> FloatArray:
        currents = np.zeros_like(faces)
        for k, law in enumerate(self.laws):
            extra = carried[self.perfect[k] : self.perfect[k] + len(law.perfect)]
            currents[k, 1], currents[k + 1, 0] = law.currents(faces[k, 1], faces[k + 1, 0], extra)
        for which, end in enumerate(self.ends):
            if end is None:
                continue
            if end.conductance is None:
                start = self.contacts[which]
                currents[-which, which] = carried[start : start + 4]
            else:
                inward = end.conductance @ (end.injected - faces[-which, which])
                currents[-which, which] = inward if which == 0 else -inward
        return currents


def _islands(
    laws: Sequence[InterfaceLaw], n: int, ends: tuple[NetworkEnd | None, NetworkEnd | None]
) -> list[list[int]]:
    """Layers that charge flows between, without those that a reservoir fixes the charge of."""
    islands: list[list[int]] = [[0]]
    for k in range(1, n):
        if laws[k - 1].conducts:
            islands[-1].append(k)
        else:
            islands.append([k])
    if ends[0] is not None:
        del islands[0]
    if ends[1] is not None and islands:
        del islands[-1]
    return islands


def _require_determined(matrix: FloatArray, axes: FloatArray) -> None:
    if 1.0 / np.linalg.cond(matrix, 1) > LEAST_CONDITION:
        return
    mode = np.linalg.svd(matrix)[2][-1][: 8 * len(axes)].reshape(-1, 2, 4)
    means = np.einsum("nab,nb->na", axes, mode[:, 0])[:, :CHARGE]
    spin = means[int(np.argmax(np.linalg.norm(means, axis=1)))]
    size = float(np.linalg.norm(spin))
    if size < 1e-3:
        raise PhysicsError("the charge accumulation is undetermined: an interface is opaque")
    x, y, z = spin / size
    raise PhysicsError(
        f"the spin accumulation along ({x:.3g}, {y:.3g}, {z:.3g}) is undetermined: no layer "
        "and no interface relaxes it; give a layer a finite spin_flip_length"
    )
