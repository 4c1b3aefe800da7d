"""What a table of amplitudes does with distributions: tensors between slots, and their integrals.

A lane of a metal has four slots, the coefficients (x, y, z, charge) of its density matrix; a lane
of a magnet has one, its occupation. Coherence between lanes is not kept: it does not survive in a
layer. Everything at the interface is tr[Y S X S^+] over the modes of two lanes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.kinetics.amplitudes import AmplitudeTable, Modes, TableSide
from torkivity_engine.spin import CHARGE

__all__ = ["PAULI", "TableResponse", "side_slots", "slot_maps"]

#: Pauli matrices and the unit matrix, order (x, y, z, charge).
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]])
_ONE = np.ones((1, 1, 1), dtype=np.complex128)
_ROWS = {
    "current_below": slice(0, 3),
    "current_above": slice(4, 7),
    "torque_matrices": slice(8, 11),
}


class SlotMaps(NamedTuple):
    """Between the slots of a lane list and Cartesian coefficients.

    Attributes
    ----------
    to_cartesian : ndarray, shape (n_points, 4, n_slots)
        What a unit of each slot is as (x, y, z, charge); zero where absent.
    from_cartesian : ndarray, shape (n_points, n_slots, 4)
        The other way round: tr[P_s rho] of a magnet's modes.
    """

    to_cartesian: FloatArray
    from_cartesian: FloatArray


def side_slots(side: TableSide) -> int:
    """Slots in a lane."""
    return 1 if side.magnetic else 4


def slot_maps(side: TableSide, modes: Modes, m: Any) -> SlotMaps:
    """Maps between slots and Cartesian coefficients of one side."""
    n, lanes = modes.spin.shape
    present = modes.present.astype(np.float64)
    if not side.magnetic:
        eye = np.tile(np.eye(4), lanes)
        to = eye * np.repeat(present, 4, axis=1)[:, None]
        return SlotMaps(to, to.transpose(0, 2, 1))
    to = np.zeros((n, 4, lanes))
    if lanes:
        to[:, :CHARGE] = -0.5 * np.asarray(m)[:, None] * modes.spin[:, None]
        to[:, CHARGE] = 0.5 * present
    return SlotMaps(to, 2.0 * to.transpose(0, 2, 1))


class TableResponse:
    """Tensors between slots at all points of a table, and integrals over them.

    Parameters
    ----------
    table : AmplitudeTable
    k_0 : float
        Fermi wavevector of the film, 1/nm: integrals are over d^2 k_parallel / k_0^2.

    Attributes
    ----------
    weights : ndarray, shape (n_points,)
        d^2 k_parallel / k_0^2.
    scattering : ndarray, shape (n_points, n_outgoing_slots, n_incoming_slots)
        Slots below come first.
    missing : tuple of str
        Datasets that the table lacks to give all rows of `probes`.
    """

    def __init__(self, table: AmplitudeTable, k_0: float) -> None:
        self.table, self.m = table, table.magnetization or (0.0, 0.0, 1.0)
        self.weights = table.weights / k_0**2
        self.scattering = _slot_tensor(table)
        needed = [name for name, side in zip(_ROWS, table.sides, strict=False) if side.magnetic]
        if table.magnetization is not None:
            needed.append("torque_matrices")
        self.missing = tuple(name for name in needed if getattr(table, name) is None)
        self._needed = needed

    def maps(self, which: str) -> tuple[SlotMaps, SlotMaps]:
        """Maps of the "incoming" or "outgoing" lanes of both sides."""
        below, above = (slot_maps(s, getattr(s, which), self.m) for s in self.table.sides)
        return below, above

    def probes(self) -> FloatArray:
        """j(0-), j(0+) and the torque on the magnetization per arriving slot.

        Returns
        -------
        ndarray, shape (n_points, 11, n_incoming_slots)
            Flow along +z of (x, y, z, charge) at 0- and at 0+, and the torque (x, y, z). NaN
            where the table lacks the matrix that gives it: occupations of a magnet's modes know
            charge and longitudinal spin alone.
        """
        arriving = [maps.to_cartesian for maps in self.maps("incoming")]
        leaving = [maps.to_cartesian for maps in self.maps("outgoing")]
        counts_in = [part.shape[2] for part in arriving]
        rows = np.cumsum([0, *(part.shape[2] for part in leaving)])
        out = np.zeros((self.table.n_points, 11, sum(counts_in)))
        for side, sign in enumerate((1.0, -1.0)):
            target = out[:, 4 * side : 4 * side + 4]
            begin = side * counts_in[0]
            target[:, :, begin : begin + counts_in[side]] = arriving[side]
            target -= leaving[side] @ self.scattering[:, rows[side] : rows[side + 1]]
            target *= sign
        for name in self._needed:
            matrix = getattr(self.table, name)
            out[:, _ROWS[name]] = np.nan if matrix is None else self._expected(matrix)
        return out

    def driven(self, below: FloatArray, above: FloatArray) -> FloatArray:
        """Field-driven distributions that arrive.

        Parameters
        ----------
        below, above : ndarray, shape (2, n_slots)
            g over the in-plane velocity, nm s/m, for spin 1 and spin -1 (magnet: one slot; a
            metal looks at the first row alone).

        Returns
        -------
        ndarray, shape (n_points, n_incoming_slots, 2)
            For E along x and along y, nm.
        """
        parts = []
        for side, lengths in zip(self.table.sides, (below, above), strict=True):
            modes = side.incoming
            per_spin = np.where(modes.spin[..., None] < 0, lengths[1], lengths[0])
            g = np.einsum("nls,nlE->nlsE", per_spin * modes.present[..., None],
                          modes.velocity[:, :, :2])  # fmt: skip
            parts.append(g.reshape(len(self.weights), -1, 2))
        return np.concatenate(parts, axis=1)

    def driven_sums(self, below: FloatArray, above: FloatArray) -> FloatArray:
        """Integral of `probes` times `driven`, shape (11, 2), nm."""
        sums: FloatArray = np.einsum(
            "n,nas,nsE->aE", self.weights, self.probes(), self.driven(below, above), optimize=True
        )
        return sums

    def response(self) -> tuple[FloatArray, FloatArray]:
        """Integral of `probes` for isotropic coefficients below and above, shape (11, 4) each."""
        probes = self.probes() * self.weights[:, None, None]
        count = self.maps("incoming")[0].to_cartesian.shape[2]
        below, above = (maps.from_cartesian for maps in self.maps("incoming"))
        return (
            np.einsum("nas,nsb->ab", probes[:, :, :count], below),
            np.einsum("nas,nsb->ab", probes[:, :, count:], above),
        )

    def _expected(self, matrix: ComplexArray) -> FloatArray:
        """Half the trace of Hermitian matrices with each slot's X, shape (n_points, 3, slots)."""
        parts, start = [], 0
        for side in self.table.sides:
            d, lanes = side.per_lane, side.incoming.spin.shape[1]
            x = _ONE if side.magnetic else PAULI
            own = matrix[:, :, start : start + d * lanes, start : start + d * lanes]
            blocks = np.einsum("nilplq->nilpq", own.reshape(len(own), 3, lanes, d, lanes, d))
            value = 0.5 * np.einsum("nilpq,bqp->nilb", blocks, x).real
            parts.append(value.reshape(len(own), 3, -1))
            start += d * lanes
        return np.concatenate(parts, axis=2)


def _slot_tensor(table: AmplitudeTable) -> FloatArray:
    """tr[Y_a S X_b S^+] between the slots of all lanes."""
    row, rows = 0, []
    for to in table.sides:
        d_out, lanes_out = to.per_lane, to.outgoing.spin.shape[1]
        column, blocks = 0, []
        for source in table.sides:
            d_in, lanes_in = source.per_lane, source.incoming.spin.shape[1]
            s = table.amplitudes[
                :, row : row + d_out * lanes_out, column : column + d_in * lanes_in
            ]
            blocks.append(_block(s.reshape(-1, lanes_out, d_out, lanes_in, d_in), to, source))
            column += d_in * lanes_in
        rows.append(np.concatenate(blocks, axis=2))
        row += d_out * lanes_out
    return np.concatenate(rows, axis=1)


def _block(s: ComplexArray, to: TableSide, source: TableSide) -> FloatArray:
    x = _ONE if source.magnetic else PAULI
    y = _ONE if to.magnetic else 0.5 * PAULI
    n, lanes_out, _, lanes_in, _ = s.shape
    out = np.empty((n, lanes_out, len(y), lanes_in, len(x)))
    for slot, brought in enumerate(x):
        carried = np.einsum("nojlk,km,noilm->nolji", s, brought, s.conj(), optimize=True)
        out[..., slot] = np.einsum("aij,nolji->noal", y, carried).real
    return out.reshape(n, lanes_out * len(y), lanes_in * len(x))
