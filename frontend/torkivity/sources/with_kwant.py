"""The models of `torkivity.sources.tight_binding`, solved by Kwant.

A template for models of one's own: one quasi-one-dimensional system per k_parallel with its Bloch
phases in the blocks, the scattering matrix from `kwant.smatrix`, the matrices from
`kwant.wave_function`. Kwant normalises propagating modes to unit current in units of eV / hbar;
its velocities are dE/dk per cell, positive away from the scattering region.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from torkivity.sources.tight_binding import PER_SECOND, Crystal, Model, Plane
from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import InputError
from torkivity_engine.kinetics.amplitudes import AmplitudeTable, Modes, TableSide
from torkivity_engine.kinetics.table_response import PAULI

__all__ = ["kwant_table"]


def kwant_table(
    points: tuple[FloatArray, FloatArray],
    lattice_constant: float,
    below: Crystal,
    above: Crystal,
    planes: Sequence[Plane],
    *,
    bonds: Sequence[ArrayLike] | None = None,
    magnetization: Sequence[float] | None = None,
) -> AmplitudeTable:
    """Amplitudes of the planes between two crystals, by Kwant.

    Parameters and errors are those of `tight_binding_table`.

    Returns
    -------
    AmplitudeTable

    Raises
    ------
    InputError
        Also if Kwant is not installed.
    """
    try:
        import kwant
    except ImportError:
        raise InputError(
            "kwant", "not installed", "must be installed: see kwant-project.org"
        ) from None
    k = np.asarray(points[0], dtype=np.float64)
    model = Model(k, lattice_constant, (below, above), planes, bonds, magnetization)
    filled = _Filled(model)
    for point in range(len(k)):
        filled.add(point, kwant, _system(kwant, model, point))
    sides = [filled.side(side) for side in range(2)]
    psi = [filled.psi[:, i] for i in range(len(planes) + 2)]
    return AmplitudeTable(
        k,
        np.asarray(points[1], dtype=np.float64),
        sides[0],
        sides[1],
        filled.amplitudes,
        model.m,
        torque_matrices=None if model.m is None else model.torque(psi),
        current_below=model.current(psi[0], psi[1], model.bonds[0]),
        current_above=model.current(psi[-2], psi[-1], model.bonds[-1]),
    )


def _system(kwant: Any, model: Model, point: int) -> Any:
    """A chain of the planes between the first cells of both crystals."""
    lattice, last = kwant.lattice.chain(norbs=2 * model.n), len(model.planes) + 1
    builder = kwant.Builder()
    blocks = [model.crystal(0), *(model.plane(p) for p in model.planes), model.crystal(1)]
    for i, block in enumerate(blocks):
        builder[lattice(i)] = block[point]
    for i, bond in enumerate(model.bonds):
        builder[lattice(i + 1), lattice(i)] = np.kron(bond, np.eye(2))
    for side, step in ((0, -1), (1, 1)):
        along = PAULI[2] if model.crystals[side].exchange is None else -model.along_m()
        # Blocks come by growing eigenvalue: up before down, majority before minority.
        law = np.kron(np.eye(model.n), -along)
        lead = kwant.Builder(kwant.TranslationalSymmetry((step,)), conservation_law=law)
        lead[lattice(0)] = blocks[0 if side == 0 else last][point]
        lead[lattice(1), lattice(0)] = np.kron(model.hops[side][2], np.eye(2))
        builder.attach_lead(lead)
    return builder.finalized()


class _Filled:
    """Arrays of a table, filled point by point."""

    def __init__(self, model: Model) -> None:
        self.model, n, size = model, len(model.k), 2 * model.n
        self.amplitudes = np.zeros((n, 2 * size, 2 * size), dtype=np.complex128)
        self.psi = np.zeros((n, len(model.planes) + 2, size, 2 * size), dtype=np.complex128)
        lanes = [model.n if c.exchange is None else size for c in model.crystals]
        self.velocity = [np.zeros((2, n, count, 3)) for count in lanes]
        self.spin = [np.zeros((2, n, count), dtype=np.int8) for count in lanes]

    def side(self, side: int) -> TableSide:
        """Modes of one side."""
        ways = [Modes(self.velocity[side][way], self.spin[side][way]) for way in range(2)]
        return TableSide(self.model.crystals[side].exchange is not None, *ways)

    def add(self, point: int, kwant: Any, system: Any) -> None:
        """Solve one k_parallel."""
        s, size = kwant.smatrix(system, energy=0.0), 2 * self.model.n
        places = [self._place(point, side, s.lead_info[side]) for side in range(2)]
        wave = kwant.wave_function(system, energy=0.0)
        order = [system.id_by_site[site] for site in sorted(system.sites, key=lambda x: x.tag)]
        for source in range(2):
            for to in range(2):
                self.amplitudes[point][np.ix_(places[to], places[source])] = s.submatrix(to, source)
            columns = wave(source).reshape(len(places[source]), len(order), size)[:, order]
            self.psi[point][:, :, places[source]] = columns.transpose(1, 2, 0) / np.sqrt(PER_SECOND)

    def _place(self, point: int, side: int, info: Any) -> Any:
        """Where the modes of a lead stand among those of the table; notes their velocities."""
        model, metal = self.model, self.model.crystals[side].exchange is None
        count = len(info.velocities) // 2
        first = int(info.block_nmodes[0]) if count else 0
        for way, half in enumerate((slice(0, count), slice(count, None))):
            vectors, along = info.wave_functions[:, half], info.velocities[half]
            shown = np.arange(first) if metal else np.arange(count)
            velocity = self._velocity(point, side, vectors[:, shown], along[shown])
            self.velocity[side][way, point, : len(shown)] = velocity
            label = np.ones(len(shown)) if metal else np.where(shown < first, 1, -1)
            self.spin[side][way, point, : len(shown)] = label
        if metal:  # up and down of a lane lie side by side
            lanes = np.concatenate([2 * np.arange(first), 2 * np.arange(first) + 1])
        else:
            lanes = np.arange(count)
        return lanes + 2 * model.n * side

    def _velocity(self, point: int, side: int, vectors: ComplexArray, along: Any) -> FloatArray:
        """Full velocities in m/s."""
        model, out = self.model, np.zeros((len(along), 3))
        weight = np.sum(np.abs(vectors) ** 2, axis=0)
        for axis in range(2):
            phase = np.exp(-1j * model.k[point, axis] * model.a)
            hop = np.kron(phase * model.hops[side][axis], np.eye(2))
            out[:, axis] = (
                2.0 * np.einsum("im,ij,jm->m", vectors.conj(), hop, vectors).imag / weight
            )
        out[:, 2] = np.asarray(along) * (-1.0 if side == 0 else 1.0)
        return out * model.a * METRE_PER_NM * PER_SECOND
