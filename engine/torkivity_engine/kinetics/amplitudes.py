"""Amplitudes of an interface at given k_parallel, from wherever they come.

A table holds, at each k_parallel, the modes that arrive and that leave on both sides, with their
full velocities, and the flux-normalised amplitudes between them. Modes come in *lanes*. On the
side of a metal a lane is an orbital, two modes (spin up and down along z) of one velocity; on
the side of a magnet it is one mode of majority or minority spin. Their number may differ from
one k_parallel to the next: absent lanes are marked by spin 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.errors import InputError

__all__ = ["AmplitudeTable", "Modes", "TableSide", "check_time_reversal", "matched_lanes"]

#: How far a table may be from unitary, Hermitian or symmetric under time reversal.
TOLERANCE = 1e-6
#: Matrices of the currents and of the torque, by name.
OBSERVABLES = ("torque_matrices", "current_below", "current_above")


class Modes(NamedTuple):
    """Modes of one side that travel one way.

    Attributes
    ----------
    velocity : ndarray, shape (n_points, n_lanes, 3)
        m/s.
    spin : ndarray of int, shape (n_points, n_lanes)
        1 for an orbital of a metal or a majority mode of a magnet, -1 for a minority mode, 0
        where there is none.
    """

    velocity: FloatArray
    spin: Any

    @property
    def present(self) -> Any:
        """Which lanes there are, shape (n_points, n_lanes)."""
        return self.spin != 0


class TableSide(NamedTuple):
    """Modes on one side of an interface.

    Attributes
    ----------
    magnetic : bool
        Whether lanes are single modes, majority (spins along -m) or minority, instead of orbitals.
    incoming, outgoing : Modes
        Towards the interface and away from it.
    """

    magnetic: bool
    incoming: Modes
    outgoing: Modes

    @property
    def per_lane(self) -> int:
        """Modes in a lane."""
        return 1 if self.magnetic else 2


@dataclass(frozen=True, eq=False)
class AmplitudeTable:
    """Checked amplitudes of one interface.

    Parameters
    ----------
    k_parallel : array_like, shape (n_points, 2)
        1/nm.
    weights : array_like, shape (n_points,)
        Area d^2 k_parallel of each point, 1/nm^2.
    below, above : TableSide
    amplitudes : array_like of complex, shape (n_points, n_outgoing, n_incoming)
        Flux-normalised amplitudes. Rows are outgoing modes, those below first; columns incoming
        ones. Of an orbital spin up comes first. Rows and columns of absent lanes are zero.
    magnetization : (float, float, float), optional
        Direction of m; None for an interface without a magnet.
    torque_matrices, current_below, current_above : array_like of complex, optional
        Shape (n_points, 3, n_incoming, n_incoming): Hermitian matrices, in the basis of incoming
        modes, of the torque on the magnetization and of the spin current along +z at 0- and 0+,
        for x, y, z; per flux of incoming modes.

    Raises
    ------
    InputError
        Naming what is wrong: shapes, NaN, weights, velocities, missing modes, or amplitudes that
        are not unitary.
    """

    k_parallel: FloatArray
    weights: FloatArray
    below: TableSide
    above: TableSide
    amplitudes: ComplexArray
    magnetization: tuple[float, float, float] | None = None
    torque_matrices: ComplexArray | None = None
    current_below: ComplexArray | None = None
    current_above: ComplexArray | None = None

    def __post_init__(self) -> None:
        for key, kind, rank in (("k_parallel", float, 2), ("weights", float, 1)):
            _store(self, key, _array(key, getattr(self, key), kind, rank))
        n = len(self.weights)
        if self.k_parallel.shape != (n, 2) or n == 0:
            raise InputError(
                "k_parallel", self.k_parallel.shape, f"must have shape ({n}, 2), as weights has {n}"
            )
        if not np.all(self.weights > 0.0):
            raise InputError("weights", float(self.weights.min()), "must be positive areas")
        if len(np.unique(self.k_parallel, axis=0)) < n:
            raise InputError("k_parallel", f"{n} points", "must not hold a point twice")
        for key in ("below", "above"):
            _store(self, key, _checked_side(key, getattr(self, key), n))
        if self.magnetization is None and (self.below.magnetic or self.above.magnetic):
            raise InputError("magnetization", None, "must be given for a magnet's modes")
        shape = (n, self.present("outgoing").shape[1], self.present("incoming").shape[1])
        _store(self, "amplitudes", _amplitudes("amplitudes", self.amplitudes, shape))
        self._check_unitarity()
        for key in OBSERVABLES:
            matrix = getattr(self, key)
            if matrix is not None:
                matrix = _amplitudes(key, matrix, (n, 3, shape[2], shape[2]))
                _check_hermitian(key, matrix, self.present("incoming"))
                _store(self, key, matrix)

    @property
    def n_points(self) -> int:
        """Number of k_parallel."""
        return len(self.weights)

    @property
    def sides(self) -> tuple[TableSide, TableSide]:
        """The side below and the side above."""
        return self.below, self.above

    def present(self, which: str) -> Any:
        """Which "incoming" or "outgoing" modes there are, shape (n_points, n_modes)."""
        return np.concatenate(
            [np.repeat(getattr(s, which).present, s.per_lane, axis=1) for s in self.sides], axis=1
        )

    def at(self, order: Any) -> AmplitudeTable:
        """The same table with its points in another order."""

        def side(own: TableSide) -> TableSide:
            return own._replace(
                incoming=Modes(*(part[order] for part in own.incoming)),
                outgoing=Modes(*(part[order] for part in own.outgoing)),
            )

        matrices = {k: m[order] for k in OBSERVABLES if (m := getattr(self, k)) is not None}
        return AmplitudeTable(
            self.k_parallel[order],
            self.weights[order],
            side(self.below),
            side(self.above),
            self.amplitudes[order],
            self.magnetization,
            **matrices,
        )

    def mirrored(self) -> AmplitudeTable:
        """Image under z -> -z: the sides change places, spins are axial vectors."""
        flip, axial = np.array([1.0, 1.0, -1.0]), np.array([-1.0, -1.0, 1.0])

        def side(own: TableSide) -> TableSide:
            return own._replace(
                incoming=own.incoming._replace(velocity=own.incoming.velocity * flip),
                outgoing=own.outgoing._replace(velocity=own.outgoing.velocity * flip),
            )

        (rows, row_signs), (columns, column_signs) = (
            self._exchanged(which) for which in ("outgoing", "incoming")
        )
        turn = np.multiply.outer(column_signs, column_signs)

        def matrix(own: ComplexArray | None, sign: float) -> ComplexArray | None:
            if own is None:
                return None
            moved = own[:, :, columns][:, :, :, columns] * turn
            result: ComplexArray = sign * axial[:, None, None] * moved
            return result

        m = self.magnetization
        swapped = self.amplitudes[:, rows][:, :, columns]
        return AmplitudeTable(
            self.k_parallel,
            self.weights,
            side(self.above),
            side(self.below),
            swapped * np.multiply.outer(row_signs, column_signs),
            None if m is None else (-m[0] + 0.0, -m[1] + 0.0, m[2]),
            torque_matrices=matrix(self.torque_matrices, 1.0),
            current_below=matrix(self.current_above, -1.0),
            current_above=matrix(self.current_below, -1.0),
        )

    def _exchanged(self, which: str) -> tuple[Any, FloatArray]:
        """Modes with those above first, and what sigma_z does to them there."""
        sizes = [getattr(s, which).spin.shape[1] * s.per_lane for s in self.sides]
        order = np.roll(np.arange(sum(sizes)), sizes[1])
        signs = [
            np.ones(n) if s.magnetic else np.tile([1.0, -1.0], n // 2)
            for s, n in zip(self.sides[::-1], sizes[::-1], strict=True)
        ]
        return order, np.concatenate(signs)

    def _check_unitarity(self) -> None:
        outgoing, incoming = self.present("outgoing"), self.present("incoming")
        s = self.amplitudes
        if np.any(s[~outgoing]) or np.any(s.transpose(0, 2, 1)[~incoming]):
            raise InputError(
                "amplitudes", "amplitudes of absent modes", "must be zero where spin is 0"
            )
        size = s.shape[2]
        miss = np.empty(self.n_points)
        for start in range(0, self.n_points, 1024):
            part = slice(start, start + 1024)
            product = s[part].conj().transpose(0, 2, 1) @ s[part]
            product -= incoming[part, :, None] * np.eye(size)
            miss[part] = np.abs(product).max(axis=(1, 2), initial=0.0)
        worst = int(np.argmax(miss))
        if not miss[worst] <= TOLERANCE:
            k = self.k_parallel[worst]
            raise InputError(
                "amplitudes",
                f"unitary to {miss[worst]:.1e} at k_parallel = ({k[0]:.6g}, {k[1]:.6g})",
                f"must be unitary to {TOLERANCE:g}: flux-normalised, with no mode missing",
            )


def check_time_reversal(table: AmplitudeTable, other: AmplitudeTable) -> float:
    """How far two tables with opposite m are from time-reversed images of each other.

    Parameters
    ----------
    table, other : AmplitudeTable
        For m and for -m; the same one twice without a magnet. Points k and -k must both be there.

    Returns
    -------
    float
        Largest difference of the probabilities, spins of an orbital summed.

    Raises
    ------
    InputError
        If points or modes have no partner, or the difference exceeds 1e-6.
    """
    here, there = table.magnetization, other.magnetization
    if here is not None and (there is None or np.abs(np.add(here, there)).max() > TOLERANCE):
        raise InputError("magnetization", there, f"must be opposite to {here}")
    order, partner = _sorted_points(table.k_parallel), _sorted_points(-other.k_parallel)
    if len(order) != len(partner) or not np.allclose(
        table.k_parallel[order], -other.k_parallel[partner], atol=TOLERANCE
    ):
        raise InputError("k_parallel", f"{len(order)} points", "must hold -k for every k")
    a, b = table.at(order), other.at(partner)
    to, back = _lane_probabilities(a), _lane_probabilities(b).transpose(0, 2, 1)
    rows = _partners(a, b, "outgoing", "incoming")
    columns = _partners(a, b, "incoming", "outgoing")
    image = np.take_along_axis(np.take_along_axis(back, rows[:, :, None], 1), columns[:, None], 2)
    known = (rows[:, :, None] >= 0) & (columns[:, None] >= 0)
    defect = float(np.abs(np.where(known, to - image, 0.0)).max())
    if not defect <= TOLERANCE:
        raise InputError("amplitudes", f"{defect:.1e}", f"must obey time reversal to {TOLERANCE:g}")
    return defect


def _sorted_points(k: FloatArray) -> Any:
    rounded = np.round(k / max(float(np.abs(k).max()), 1e-300), 9) + 0.0
    return np.lexsort(rounded.T)


def _lane_probabilities(table: AmplitudeTable) -> FloatArray:
    """|S|^2 between lanes, summed over the spins of orbitals."""
    p = np.abs(table.amplitudes) ** 2
    for axis, which in ((1, "outgoing"), (2, "incoming")):
        lanes = [getattr(s, which).spin.shape[1] for s in table.sides]
        starts, offset = [], 0
        for side, count in zip(table.sides, lanes, strict=True):
            starts += [offset + side.per_lane * i for i in range(count)]
            offset += side.per_lane * count
        p = np.add.reduceat(p, starts, axis=axis)
    result: FloatArray = p
    return result


def _partners(a: AmplitudeTable, b: AmplitudeTable, here: str, there: str) -> Any:
    """Lane of b that runs backwards along each lane of a; -1 where absent."""
    found, offset = [], 0
    for own, other in zip(a.sides, b.sides, strict=True):
        modes, candidates = getattr(own, here), getattr(other, there)
        lanes = matched_lanes(modes, Modes(-candidates.velocity, candidates.spin))
        if np.any((lanes < 0) & modes.present):
            raise InputError("velocity", here, "must hold -v at -k for every mode")
        found.append(np.where(lanes >= 0, lanes + offset, -1))
        offset += candidates.spin.shape[1]
    return np.concatenate(found, axis=1)


def matched_lanes(modes: Modes, candidates: Modes) -> Any:
    """For each lane the one among the candidates with the same velocity and spin.

    Parameters
    ----------
    modes, candidates : Modes
        At the same points.

    Returns
    -------
    ndarray of int, shape (n_points, n_lanes)
        Each candidate at most once; -1 where there is none. Lanes that cannot be told apart keep
        their order.
    """
    (n, count), others = modes.spin.shape, candidates.spin.shape[1]
    found = np.full((n, count), -1)
    if count == 0 or others == 0:
        return found
    step = modes.velocity[:, :, None] - candidates.velocity[:, None]
    distance = np.linalg.norm(step, axis=3)
    same = (modes.spin[:, :, None] == candidates.spin[:, None]) & modes.present[:, :, None]
    # Differences within the tolerance count as none, so that the order decides.
    scale = np.abs(candidates.velocity).max(initial=1e-300)
    distance[distance < TOLERANCE * scale] = 0.0
    distance[~same | (distance > 0.0)] = np.inf
    flat = distance.reshape(n, -1)
    points = np.arange(n)
    for _ in range(min(count, others)):
        lane, candidate = np.divmod(np.argmin(flat, axis=1), others)
        good = np.isfinite(distance[points, lane, candidate])
        at, lane, candidate = points[good], lane[good], candidate[good]
        found[at, lane] = candidate
        distance[at, lane, :] = np.inf
        distance[at, :, candidate] = np.inf
    return found


def _checked_side(key: str, side: TableSide, n: int) -> TableSide:
    made = {}
    up = key == "below"
    for which in ("incoming", "outgoing"):
        modes: Modes = getattr(side, which)
        name = f"{key}.{which}"
        spin = np.array(modes.spin)
        allowed = "1, -1 or 0" if side.magnetic else "1 or 0"
        if spin.ndim != 2 or len(spin) != n:
            raise InputError(f"{name}.spin", spin.shape, f"must have shape ({n}, lanes)")
        if not np.all(np.isin(spin, (1, -1, 0) if side.magnetic else (1, 0))):
            raise InputError(f"{name}.spin", "other numbers", f"must hold {allowed}")
        velocity = _array(f"{name}.velocity", modes.velocity, float, 3)
        if velocity.shape != (*spin.shape, 3):
            raise InputError(
                f"{name}.velocity", velocity.shape, f"must have shape {(*spin.shape, 3)}"
            )
        sign = 1.0 if up == (which == "incoming") else -1.0
        wrong = (spin != 0) & ~(sign * velocity[:, :, 2] > 0.0)
        if wrong.any():
            point, lane = np.argwhere(wrong)[0]
            raise InputError(
                f"{name}.velocity",
                float(velocity[point, lane, 2]),
                f"must have v_z {'above' if sign > 0 else 'below'} zero (point {point}, "
                f"mode {lane})",
            )
        velocity = np.where((spin != 0)[:, :, None], velocity, 0.0)
        made[which] = Modes(velocity, spin.astype(np.int8))
    arriving, leaving = (np.sum(made[w].spin != 0, axis=1) for w in ("incoming", "outgoing"))
    if np.any(arriving != leaving):
        point = int(np.flatnonzero(arriving != leaving)[0])
        raise InputError(
            key,
            f"{arriving[point]} incoming and {leaving[point]} outgoing modes at point {point}",
            "must have as many of both: a mode is missing",
        )
    return TableSide(bool(side.magnetic), made["incoming"], made["outgoing"])


def _array(key: str, value: Any, kind: type, rank: int) -> Any:
    try:
        array: Any = np.array(value, dtype=kind)
    except (TypeError, ValueError):
        raise InputError(key, "no array of numbers", "must be an array of numbers") from None
    if array.ndim != rank:
        raise InputError(key, array.shape, f"must have {rank} dimensions")
    if not np.all(np.isfinite(array)):
        raise InputError(key, "NaN or infinity", "must be finite")
    return array


def _amplitudes(key: str, value: Any, shape: tuple[int, ...]) -> ComplexArray:
    array: ComplexArray = _array(key, value, complex, len(shape))
    if array.shape != shape:
        raise InputError(key, array.shape, f"must have shape {shape}: points and modes")
    return array


def _check_hermitian(key: str, matrix: ComplexArray, present: Any) -> None:
    absent = ~(present[:, None, :, None] & present[:, None, None, :])
    miss = matrix - matrix.conj().transpose(0, 1, 3, 2)
    scale = max(float(np.abs(matrix).max(initial=0.0)), 1e-300)
    if np.abs(miss).max(initial=0.0) > TOLERANCE * scale:
        raise InputError(key, f"{np.abs(miss).max():.1e}", "must be Hermitian in incoming modes")
    if np.any(np.where(absent, matrix, 0.0)):
        raise InputError(key, "elements of absent modes", "must be zero where spin is 0")


def _store(instance: Any, key: str, value: Any) -> None:
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    object.__setattr__(instance, key, value)
