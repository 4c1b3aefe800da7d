"""The dense method on the modes of tables.

As in `torkivity_engine.dense.spheres`: unknowns are the amplitudes of all modes of all layers, and
equations say what enters each face. What crosses a face is written sqrt(d^2k) g, on the slots of
the layer's lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from torkivity_engine.arrays import FloatArray
from torkivity_engine.dense.bmatrix import ScatteringMatrix
from torkivity_engine.dense.closing import solve_closing
from torkivity_engine.dense.modes import (
    LayerModes,
    flux_scale,
    modes_of_scattering,
    modes_of_terms,
)
from torkivity_engine.dense.split_modes import SpinModes, modes_of_spins
from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import BOTTOM, TOP, Boundary
from torkivity_engine.film.table_film import (
    Lanes,
    TableFilm,
    TableLayer,
    require_datasets,
    slot_numbers,
)
from torkivity_engine.kinetics.amplitudes import Modes, matched_lanes
from torkivity_engine.machine.memory import dense_memory, require_memory
from torkivity_engine.profiles import LayerMoments
from torkivity_engine.spin import CHARGE
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["Arriving", "TableStates", "solve_tables"]

#: A drive of net charge beyond this part of the mean velocity is no rounding of k_parallel.
_NET_DRIVE = 1e-3


class _Part:
    """One layer: its modes, and where its unknowns stand among slots."""

    def __init__(self, layer: TableLayer, own: ScatteringMatrix | None) -> None:
        self.layer, self.given = layer, own is not None
        self.thickness, self.start = layer.layer.thickness, 0.0
        per = layer.per_lane
        #: For both directions: sqrt(d^2k), speeds |v_z| over v_0 and in-plane velocities of slots.
        self.root = [np.repeat(np.sqrt(layer.weights[w.point]), per) for w in layer.lanes]
        self.speed = [np.repeat(np.abs(w.velocity[:, 2]), per) for w in layer.lanes]
        self.along = [np.repeat(w.velocity[:, :2], per, axis=0) for w in layer.lanes]
        self.cartesian = [layer.to_cartesian(way) for way in range(2)]
        self.size = layer.size
        self.modes: LayerModes | None = None
        if self.size:
            self.modes, self.index, flux = _modes_of(layer, own)
            #: From f of the modes to sqrt(d^2k) g.
            self.scale = [self.root[way] / flux[self.index[way]] for way in range(2)]

    def wave(self, states: FloatArray, way: int) -> FloatArray:
        """sqrt(d^2k) g of what goes up (0) or down (1), shape (n_slots, columns)."""
        if self.modes is None:
            return np.zeros((0, states.shape[1]))
        result: FloatArray = self.scale[way][:, None] * states[self.index[way]]
        return result

    def states(self, slots: tuple[FloatArray, FloatArray]) -> FloatArray:
        """f of the modes for g of what goes up and down."""
        out = np.zeros((self.size, slots[0].shape[1]))
        for way in range(2):
            out[self.index[way]] = (self.root[way] / self.scale[way])[:, None] * slots[way]
        return out

    def kind(self, way: int) -> Any:
        """Which spin coefficient or occupation each slot is."""
        own = self.layer.lanes[way]
        return (
            (own.spin < 0).astype(int) if self.layer.magnetic else np.tile(range(4), len(own.spin))
        )


def _modes_of(
    layer: TableLayer, given: ScatteringMatrix | None
) -> tuple[LayerModes, list[Any], FloatArray]:
    """Modes of a layer, the unknown of each slot going up and down, and what turns g into f."""
    counts = [len(own.point) for own in layer.lanes]
    _require_balance(layer)
    if not layer.magnetic:
        scale = layer.reference_velocity(1)
        velocity = np.concatenate([own.velocity for own in layer.lanes]) / scale
        point = np.concatenate([own.point for own in layer.lanes])
        weight = layer.weights[point] / np.abs(velocity[:, 2])
        up, down = np.arange(counts[0]), np.arange(counts[0], sum(counts))
        mesh = FermiSurfaceMesh(
            directions=velocity,
            weights=4.0 * np.pi * weight / weight.sum(),
            mirror=np.concatenate([down, up]),
            channel=np.concatenate([up, up]),
            upward=up,
            downward=down,
            rings=None,
            name=f"table of {len(layer.weights)} points",
        )
        index = [(4 * way[:, None] + np.arange(4)).ravel() for way in (up, down)]
        modes = (
            modes_of_terms(layer.terms(), mesh)
            if given is None
            else modes_of_scattering(given, mesh)
        )
        return modes, index, flux_scale(mesh)
    if given is not None:
        raise InputError(
            "scattering",
            type(layer.layer).__name__,
            "must be None beside a magnet's modes: it knows the four coefficients of a metal",
        )
    parts, flux, offset = [], [], 0
    index = [np.full(count, -1) for count in counts]
    for spin in layer.spins:
        scale, velocities, weights = layer.reference_velocity(spin), [], []
        for way, own in enumerate(layer.lanes):
            chosen = own.spin == spin
            index[way][chosen] = offset + np.arange(chosen.sum())
            offset += int(chosen.sum())
            velocities.append(own.velocity[chosen] / scale)
            weights.append(layer.weights[own.point[chosen]] / np.abs(velocities[-1][:, 2]))
        velocity, weight = np.concatenate(velocities), np.concatenate(weights)
        mean = weight / weight.sum()
        parts.append(SpinModes(velocity, mean))
        flux.append(np.sqrt(mean * np.abs(velocity[:, 2])))
    return modes_of_spins(layer.terms(), parts), index, np.concatenate(flux)


def _require_balance(layer: TableLayer) -> None:
    """Refuse modes whose field-driven distribution holds a net charge."""
    for spin in layer.spins:
        drive, size = np.zeros(2), 0.0
        for own in layer.lanes:
            chosen = own.spin == spin
            weight = layer.weights[own.point[chosen]] / np.abs(own.velocity[chosen, 2])
            drive += weight @ own.velocity[chosen, :2]
            size += float(weight @ np.linalg.norm(own.velocity[chosen, :2], axis=1))
        if np.abs(drive).max() > _NET_DRIVE * size:
            raise InputError(
                "k_parallel",
                f"mean velocity ({drive[0] / size:.1e}, {drive[1] / size:.1e}) of the mean speed",
                "must cover the whole Fermi surface, so that the mean velocity vanishes",
            )


def _wall(boundary: Boundary, part: _Part, side: int) -> tuple[Any, FloatArray]:
    """From what leaves to what comes back at an outer face, and what is sent in by itself."""
    into, out_of = (0, 1) if side == BOTTOM else (1, 0)
    own, lanes = part.layer, part.layer.lanes
    n = len(part.root[into])
    back = sparse.csr_array((n, n))
    if boundary.specular > 0.0 and n:
        partner = _specular(lanes[out_of], lanes[into], len(own.weights))
        per = own.per_lane
        rows = (per * partner[:, None] + np.arange(per)).ravel()
        back = boundary.specular * sparse.csr_array((np.ones(n), (rows, np.arange(n))), (n, n))
    if boundary.diffuse > 0.0 and n:
        for kind in np.unique(part.kind(into)):
            unit_in = np.where(part.kind(into) == kind, part.root[into], 0.0)
            unit_out = np.where(part.kind(out_of) == kind, part.root[out_of], 0.0)
            share = boundary.diffuse / (unit_out @ unit_out)
            back = back + share * sparse.csr_array(np.outer(unit_in, unit_out))
    injected = part.root[into] * (own.from_cartesian(into) @ boundary.injected)
    return back, injected


def _specular(leaving: Lanes, entering: Lanes, n_points: int) -> Any:
    """Lane that each leaving one comes back in: the same but for the sign of v_z."""
    a, b = (_gathered(lanes, n_points) for lanes in (leaving, entering))
    mirror = np.array([1.0, 1.0, -1.0])
    found = matched_lanes(Modes(a[0].velocity * mirror, a[0].spin), b[0])
    places = np.take_along_axis(b[1], np.maximum(found, 0), axis=1)
    partner = np.where(found >= 0, places, -1)[a[1] >= 0]
    if np.any(partner < 0):
        raise InputError(
            "specularity",
            "modes without a mirror partner",
            "must be 0: a specular face needs (v_x, v_y, -v_z) for every mode of the table",
        )
    result = np.empty(len(partner), dtype=np.int64)
    result[a[1][a[1] >= 0]] = partner
    return result


def _gathered(lanes: Lanes, n_points: int) -> tuple[Modes, Any]:
    """Lanes by point again, and their places."""
    count = np.bincount(lanes.point, minlength=n_points)
    place = np.arange(len(lanes.point)) - np.repeat(np.cumsum(count) - count, count)
    width = int(count.max(initial=1))
    velocity, spin = np.zeros((n_points, width, 3)), np.zeros((n_points, width), dtype=np.int8)
    numbers = np.full((n_points, width), -1)
    velocity[lanes.point, place], spin[lanes.point, place] = lanes.velocity, lanes.spin
    numbers[lanes.point, place] = np.arange(len(lanes.point))
    return Modes(velocity, spin), numbers


class _Joint:
    """Scattering of one interface between the slots of the layers beside it."""

    def __init__(self, film: TableFilm, index: int) -> None:
        response = film.responses[index]
        table, s = response.table, response.scattering
        incoming, outgoing = film.numbers[index]
        self.columns = [
            slot_numbers(n, side) for n, side in zip(incoming, table.sides, strict=True)
        ]
        rows = [slot_numbers(n, side) for n, side in zip(outgoing, table.sides, strict=True)]
        row_at = np.cumsum([0, *(part.shape[1] for part in rows)])
        column_at = np.cumsum([0, *(part.shape[1] for part in self.columns)])
        #: blocks[to][source], sides below (0) and above (1).
        self.blocks = [
            [
                _sparse(
                    s[:, row_at[i] : row_at[i + 1], column_at[j] : column_at[j + 1]],
                    rows[i],
                    self.columns[j],
                )
                for j in range(2)
            ]
            for i in range(2)
        ]
        self.probes = response.probes()
        self.split = int(column_at[1])

    def integrals(self, arriving: list[FloatArray], root: FloatArray) -> FloatArray:
        """Currents and torque, shape (11, columns), of sqrt(d^2k) g arriving from both sides."""
        total = np.zeros((11, arriving[0].shape[1]))
        for side, part in enumerate((slice(0, self.split), slice(self.split, None))):
            numbers, probes = self.columns[side], self.probes[:, :, part]
            point, slot = np.nonzero(numbers >= 0)
            flat = root[point][:, None] * probes[point, :, slot]
            total += flat.T @ arriving[side][numbers[point, slot]]
        return total


def _sparse(block: FloatArray, rows: Any, columns: Any) -> Any:
    shape = (int(np.sum(rows >= 0)), int(np.sum(columns >= 0)))
    row, column = np.broadcast_arrays(rows[:, :, None], columns[:, None, :])
    kept = (row >= 0) & (column >= 0) & (block != 0.0)
    return sparse.csr_array((block[kept], (row[kept], column[kept])), shape)


class Arriving(NamedTuple):
    """Distributions that reach one face of the lowest layer from within, as further drives.

    Attributes
    ----------
    side : int
        The face, `BOTTOM` or `TOP`.
    slots : (ndarray, ndarray), shape (n_slots, n_columns) each
        g of what goes up and of what goes down there.
    """

    side: int
    slots: tuple[FloatArray, FloatArray]


class _Matching:
    """Boundary conditions at all faces as one linear system."""

    def __init__(
        self,
        film: TableFilm,
        given: Sequence[ScatteringMatrix | None],
        arriving: Arriving | None = None,
    ) -> None:
        self._film, stack = film, film.stack
        self.arriving = arriving
        #: Columns besides fields and injection.
        self.extra = 0 if arriving is None else arriving.slots[0].shape[1]
        self.parts = [_Part(layer, own) for layer, own in zip(film.layers, given, strict=True)]
        for end, boundary in ((0, stack.left), (-1, stack.right)):
            if boundary.endless:
                reach = self.parts[end].layer.layer.reach(stack.fermi_wavevector)
                self.parts[end].thickness += reach
                if end == 0:
                    self.parts[end].start = reach
        self.joints = [_Joint(film, i) for i in range(len(film.responses))]
        self._walls = (
            _wall(stack.left, self.parts[0], BOTTOM),
            _wall(stack.right, self.parts[-1], TOP),
        )
        self._closed = not stack.is_open
        offsets = np.cumsum([0, *(part.size for part in self.parts)])
        self._blocks = [slice(int(a), int(b)) for a, b in pairwise(offsets)]
        self._total = int(offsets[-1])

    def solve(self) -> tuple[list[FloatArray], list[FloatArray], dict[str, float]]:
        """Amplitudes and driven distributions of each layer, and certificates."""
        driven = [
            np.zeros((0, 3 + self.extra))
            if p.modes is None
            else np.pad(p.modes.driven, ((0, 0), (0, 1 + self.extra)))
            for p in self.parts
        ]
        matrix = np.zeros((self._total + self._closed,) * 2)
        for layer, part in enumerate(self.parts):
            if part.modes is not None:
                faces = [part.modes.states(z, part.thickness) for z in (0.0, part.thickness)]
                self._add_violation(matrix[:, self._blocks[layer]], layer, faces)
        rhs = self._right_side(driven)
        if self._closed:
            matrix[:-1, -1] = self._slack()
        solution, certificates = solve_closing(matrix, rhs, self._closed)
        removed = sum(p.modes.n_zero for p in self.parts if p.modes is not None)
        certificates["modes_removed"] = float(removed)
        return [solution[block] for block in self._blocks], driven, certificates

    def _right_side(self, driven: list[FloatArray]) -> FloatArray:
        rhs = np.zeros((self._total + self._closed, 3 + self.extra))
        for layer, g in enumerate(driven):
            if len(g):
                self._add_violation(rhs, layer, [-g, -g])
        stack = self._film.stack
        for layer, side, boundary in (
            (0, BOTTOM, stack.left),
            (len(self.parts) - 1, TOP, stack.right),
        ):
            if boundary.endless:  # the bulk of a half space meets no face
                rhs[self._rows(layer, side)] = 0.0
            rhs[self._rows(layer, side), 2] += self._walls[side][1]
        if self.arriving is not None:
            faces = [np.zeros((self.parts[0].size, self.extra)) for _ in range(2)]
            faces[self.arriving.side] = -self.parts[0].states(self.arriving.slots)
            self._add_violation(rhs[:, 3:], 0, faces)
        return rhs

    def _rows(self, layer: int, side: int) -> slice:
        start, half = self._blocks[layer].start, self.parts[layer].size // 2
        return slice(start + side * half, start + (side + 1) * half)

    def _add_violation(self, out: FloatArray, layer: int, faces: list[FloatArray]) -> None:
        """Add by how much states of one layer, given at both faces, miss the equations."""
        part, last = self.parts[layer], len(self.parts) - 1
        for side in (BOTTOM, TOP):
            entering, leaving = (part.wave(faces[side], way) for way in (side, 1 - side))
            rows = self._rows(layer, side)
            out[rows] += entering
            if layer == (0 if side == BOTTOM else last):
                out[rows] -= self._walls[side][0] @ leaving
                continue
            joint = layer - 1 if side == BOTTOM else layer
            there, face = (layer - 1, TOP) if side == BOTTOM else (layer + 1, BOTTOM)
            own = 1 if side == BOTTOM else 0
            blocks = self.joints[joint].blocks
            out[rows] -= blocks[own][own] @ leaving
            out[self._rows(there, face)] -= blocks[1 - own][own] @ leaving
            if self._closed and joint == self._film.stack.reference_interface:
                charge = part.cartesian[side][CHARGE] * part.root[side]
                out[-1] += charge @ entering
        if self._closed and last == 0:
            # The mean charge at the two faces of a single film.
            for way in range(2):
                charge = part.cartesian[way][CHARGE] * part.root[way] / part.speed[way]
                out[-1] += charge @ (part.wave(faces[BOTTOM], way) + part.wave(faces[TOP], way))

    def _slack(self) -> FloatArray:
        """Uniform charge flux into every face: what no state of closed layers can take up."""
        slack = np.zeros(self._total)
        for layer, part in enumerate(self.parts):
            for side in (BOTTOM, TOP):
                charge = part.layer.from_cartesian(side)[:, CHARGE]
                slack[self._rows(layer, side)] = part.root[side] * charge
        return slack / np.linalg.norm(slack)


class TableStates:
    """Solution of the Boltzmann equation of a film, per unit e^2 E~, lengths in nm.

    Drives are unit fields along x and y, and what the reservoirs inject.

    Attributes
    ----------
    minus, plus : ndarray, shape (n_interfaces, 4, 3)
        Currents at 0- and 0+, without the prefactor C.
    density : ndarray, shape (n_interfaces, 3, 3)
        In place of a spin density the torque on the magnetization at the interface.
    certificates : dict of str to float
        As those of `torkivity_engine.dense.matching`.
    """

    def __init__(
        self,
        film: TableFilm,
        scattering: Sequence[ScatteringMatrix | None] | None = None,
        arriving: Arriving | None = None,
    ) -> None:
        self._film, self._arriving = film, arriving
        matching = _Matching(film, scattering or [None] * len(film.layers), arriving)
        self._parts = matching.parts
        self._amplitudes, self._driven, certificates = matching.solve()
        root = np.sqrt(film.layers[0].weights)
        sums = np.zeros((len(matching.joints), 11, 3 + matching.extra))
        for i, joint in enumerate(matching.joints):
            waves = [self._wave(i, TOP, 0), self._wave(i + 1, BOTTOM, 1)]
            sums[i] = joint.integrals(waves, root)
        self.minus, self.plus, self.density = sums[:, :4], sums[:, 4:8], sums[:, 8:]
        self.certificates = {
            "unitarity_defect": max((_defect(r.table) for r in film.responses), default=0.0),
            "spin_balance": self._spin_balance() if arriving is None else 0.0,
            **certificates,
        }

    def moments(self, layer: int, z: FloatArray) -> LayerMoments:
        """Moments of the distribution at some depths of one layer; see `LayerMoments`."""
        part, n_z = self._parts[layer], len(z)
        current, density = np.zeros((2, n_z, 4, 3))
        in_plane = np.zeros((n_z, 4, 2, 3))
        for way, sign in ((0, 1.0), (1, -1.0)):
            cartesian, root = part.cartesian[way], part.root[way]
            per_speed = cartesian * (root / part.speed[way])
            for i, depth in enumerate(z):
                wave = self._at(layer, float(depth) + part.start, way)
                current[i] += sign * (cartesian * root) @ wave
                density[i] += per_speed @ wave
                in_plane[i] += np.einsum("as,si,sf->aif", per_speed, part.along[way], wave)
        return LayerMoments(current=current, density=density, in_plane=in_plane)

    def outgoing(self, side: int) -> tuple[FloatArray, FloatArray]:
        """g at a face of the lowest layer, without what is driven in its bulk and what arrives.

        Shape (n_slots, columns) each, of what goes up and of what goes down.
        """
        part = self._parts[0]
        depth = part.thickness if side == TOP else 0.0
        assert part.modes is not None
        states = part.modes.combine(depth, part.thickness, self._amplitudes[0])
        up, down = (part.wave(states, way) / part.root[way][:, None] for way in range(2))
        return up, down

    def _wave(self, layer: int, side: int, way: int) -> FloatArray:
        """sqrt(d^2k) g at a face."""
        wave = self._at(layer, self._parts[layer].thickness if side == TOP else 0.0, way)
        if self._arriving is not None and (layer, side) == (0, self._arriving.side):
            wave[:, 3:] += self._parts[0].root[way][:, None] * self._arriving.slots[way]
        return wave

    def _at(self, layer: int, depth: float, way: int) -> FloatArray:
        part = self._parts[layer]
        if part.modes is None:
            return np.zeros((0, self._driven[layer].shape[1]))
        states = part.modes.combine(depth, part.thickness, self._amplitudes[layer])
        return part.wave(states + self._driven[layer], way)

    def _spin_balance(self) -> float:
        """Worst violation, in any slot of a closed layer, of current in - out = what is lost."""
        worst, largest = 0.0, float(np.abs(self.density).max(initial=1e-300))
        last = len(self._parts) - 1
        for i, part in enumerate(self._parts):
            ends = [self._film.stack.left] * (i == 0) + [self._film.stack.right] * (i == last)
            if part.modes is None or part.given or any(end.endless for end in ends):
                continue
            total = part.modes.integrate(part.thickness, self._amplitudes[i])
            total += part.thickness * self._driven[i]
            terms, spins = part.layer.terms(), part.layer.spins
            n = len(terms.k_out)
            mean, surface, gained = np.zeros((n, 3)), np.zeros(n), np.zeros((n, 3))
            for way, sign in ((0, 1.0), (1, -1.0)):
                kinds = part.kind(way)
                if part.layer.magnetic and spins == (-1,):
                    kinds = kinds - 1
                velocity = np.array([part.layer.reference_velocity(s) for s in spins])
                mu = part.speed[way] / (velocity[kinds] if part.layer.magnetic else velocity[0])
                root = part.root[way]
                np.add.at(mean, kinds, (root / mu)[:, None] * part.wave(total, way))
                np.add.at(surface, kinds, root**2 / mu)
                net = [self._wave(i, side, way) for side in (BOTTOM, TOP)]
                np.add.at(gained, kinds, sign * root[:, None] * (net[0] - net[1]))
                at_face = np.zeros((n, 3))
                np.add.at(at_face, kinds, root[:, None] * net[1])
                largest = max(largest, float(np.abs(at_face).max()))
            rates = terms.k_out - terms.k_in[0, 0]
            lost = surface[:, None] * (rates @ (mean / surface[:, None]))
            worst = max(worst, float(np.abs(gained - lost).max()))
        return worst / largest


def _defect(table: Any) -> float:
    """Largest part of an arriving flux that is neither reflected nor transmitted."""
    flux = np.sum(np.abs(table.amplitudes) ** 2, axis=1)
    return float(np.abs(flux - table.present("incoming")).max(initial=0.0))


def solve_tables(
    film: TableFilm,
    memory_limit: int | None = None,
    *,
    scattering: Sequence[ScatteringMatrix | None] | None = None,
    arriving: Arriving | None = None,
) -> TableStates:
    """Solve the Boltzmann equation of a film with all modes of all layers.

    Parameters
    ----------
    film : TableFilm
    memory_limit : int, optional
        Bytes; without it, what the machine has available.
    scattering : sequence of ScatteringMatrix or None, optional
        For each layer beside orbitals, scattering that replaces its own; None keeps it. Directions
        are the layer's lanes, upwards first, their weights d^2 k_parallel / |v_z| with sum 4 pi.
    arriving : Arriving, optional
        Further drives, as columns after those of the fields and of injection.

    Returns
    -------
    TableStates

    Raises
    ------
    InputError
        If a table lacks a matrix, or a specular face a partner for a mode.
    CapacityError
        Before anything large is allocated, if it would not fit into memory.
    PhysicsError
        If the stack leaves a density undetermined, or a layer does not relax.
    """
    for i, response in enumerate(film.responses):
        require_datasets(film.stack, i, response.missing, "its spin currents and torque")
    sizes = [layer.size for layer in film.layers]
    if scattering is not None and len(scattering) != len(sizes):
        raise InputError(
            "scattering", len(scattering), f"must have {len(sizes)} entries, as layers"
        )
    require_memory(
        dense_memory(len(sizes), max(sizes), coupling="points" if scattering else "spins"),
        memory_limit,
        f"the dense solution of {len(sizes)} layers with up to {max(sizes)} unknowns each "
        f"({len(film.layers[0].weights)} k_parallel)",
    )
    return TableStates(film, scattering, arriving)
