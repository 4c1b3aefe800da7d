"""Amplitudes of interfaces in cubic tight binding, one or several orbitals, NumPy alone.

Two half-infinite crystals on one cubic lattice, with planes between them that carry exchange and
spin-orbit coupling. At fixed k_parallel a crystal is a chain: blocks h(k_parallel) on every
plane and T_z between neighbours,

    (h - E + T_z / lambda + T_z^+ lambda) u = 0,    psi_n = lambda^n u.

In a crystal spin is conserved along m (exchange is a matrix of orbitals times sigma.m), so its
modes are found without spin. Spins along -m are majority.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.constants import ELEMENTARY_CHARGE, HBAR, METRE_PER_NM
from torkivity_engine.errors import InputError
from torkivity_engine.film.checks import check_direction
from torkivity_engine.kinetics.amplitudes import AmplitudeTable, Modes, TableSide
from torkivity_engine.kinetics.table_response import PAULI

__all__ = ["PER_SECOND", "Crystal", "Model", "Plane", "brillouin_zone", "tight_binding_table"]

#: How far from one |lambda| of a propagating wave may be.
_ON_CIRCLE = 1e-8
#: From eV to 1/s.
PER_SECOND = ELEMENTARY_CHARGE / HBAR


class Crystal(NamedTuple):
    """A half-infinite crystal with hopping between nearest neighbours.

    Attributes
    ----------
    onsite : array_like, shape (n_orbitals, n_orbitals)
        Hermitian, eV from the Fermi energy.
    hopping : array_like, shape (3, n_orbitals, n_orbitals)
        From a site to its neighbour along +x, +y and +z, eV.
    exchange : array_like, shape (n_orbitals, n_orbitals), optional
        Hermitian, times sigma.m: what spins along +m have more, eV. None for a metal.
    """

    onsite: ArrayLike
    hopping: ArrayLike
    exchange: ArrayLike | None = None


class Plane(NamedTuple):
    """One atomic plane between the crystals.

    Attributes
    ----------
    onsite : array_like, shape (n_orbitals, n_orbitals)
        eV from the Fermi energy.
    hopping : array_like, shape (2, n_orbitals, n_orbitals)
        Within the plane, along +x and +y, eV.
    exchange : array_like, shape (n_orbitals, n_orbitals), optional
        Times sigma.m, eV.
    rashba : array_like, shape (n_orbitals, n_orbitals), optional
        Times sigma_x sin(k_y a) - sigma_y sin(k_x a), eV.
    """

    onsite: ArrayLike
    hopping: ArrayLike
    exchange: ArrayLike | None = None
    rashba: ArrayLike | None = None


class Waves(NamedTuple):
    """Modes of a crystal that travel or decay one way, without the spin.

    Attributes
    ----------
    factor : ndarray of complex, shape (n_points, n)
        lambda.
    vector : ndarray of complex, shape (n_points, n, n)
        Columns u; propagating ones carry the flux of one electron a second.
    velocity : ndarray, shape (n_points, n, 3)
        m/s; zero where evanescent.
    """

    factor: ComplexArray
    vector: ComplexArray
    velocity: FloatArray

    def step_back(self) -> ComplexArray:
        """Matrix that takes psi_n to psi_(n-1)."""
        result: ComplexArray = (self.vector / self.factor[:, None]) @ np.linalg.inv(self.vector)
        return result

    def step(self) -> ComplexArray:
        """Matrix that takes psi_n to psi_(n+1)."""
        result: ComplexArray = (self.vector * self.factor[:, None]) @ np.linalg.inv(self.vector)
        return result


def brillouin_zone(lattice_constant: float, n: int) -> tuple[FloatArray, FloatArray]:
    """Uniform k_parallel over the square zone, none on a line of symmetry k_x = 0 or k_y = 0.

    Parameters
    ----------
    lattice_constant : float
        nm.
    n : int
        Points along each axis, even.

    Returns
    -------
    k_parallel : ndarray, shape (n * n, 2)
        1/nm.
    weights : ndarray, shape (n * n,)
        1/nm^2.
    """
    if n < 2 or n % 2:
        raise InputError("n", n, "must be even and at least 2")
    if not lattice_constant > 0.0:
        raise InputError("lattice_constant", lattice_constant, "must be a positive length in nm")
    step = 2.0 * np.pi / lattice_constant / n
    line = step * (np.arange(n) - 0.5 * (n - 1))
    k = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    return k, np.full(n * n, step**2)


def tight_binding_table(
    points: tuple[FloatArray, FloatArray],
    lattice_constant: float,
    below: Crystal,
    above: Crystal,
    planes: Sequence[Plane],
    *,
    bonds: Sequence[ArrayLike] | None = None,
    magnetization: Sequence[float] | None = None,
) -> AmplitudeTable:
    """Amplitudes of the planes between two crystals.

    Parameters
    ----------
    points : (k_parallel, weights)
        Shapes (n_points, 2) in 1/nm and (n_points,) in 1/nm^2.
    lattice_constant : float
        nm.
    below, above : Crystal
        With as many orbitals as the planes.
    planes : sequence of Plane
        From bottom to top, at least one; what their exchange turns is the torque.
    bonds : sequence of array_like, optional
        Hopping upwards across each of the ``len(planes) + 1`` bonds, eV; by default that of the
        crystal below, and of the crystal above for the last one.
    magnetization : sequence of float, optional
        Direction of m; needed with exchange.

    Returns
    -------
    AmplitudeTable
        With the matrices of the torque on the planes and of the spin currents through the
        bonds below and above them.

    Raises
    ------
    InputError
        For matrices of the wrong shape, or a hopping along z without an inverse.
    """
    k = np.asarray(points[0], dtype=np.float64)
    model = Model(k, lattice_constant, (below, above), planes, bonds, magnetization)
    waves = [model.modes(side) for side in range(2)]
    sources, psi = model.solve(waves)
    ends = (psi[0] - sources[0], psi[-1] - sources[1])
    out = [model.outgoing(waves, side, ends[side]) for side in range(2)]
    sides = [model.table_side(waves, side) for side in range(2)]
    return AmplitudeTable(
        k,
        np.asarray(points[1], dtype=np.float64),
        sides[0],
        sides[1],
        np.concatenate(out, axis=1),
        model.m,
        torque_matrices=None if model.m is None else model.torque(psi),
        current_below=model.current(psi[0], psi[1], model.bonds[0]),
        current_above=model.current(psi[-2], psi[-1], model.bonds[-1]),
    )


class Model:
    """Hamiltonians of all planes at all k_parallel."""

    def __init__(
        self,
        k: FloatArray,
        a: float,
        crystals: tuple[Crystal, Crystal],
        planes: Sequence[Plane],
        bonds: Sequence[ArrayLike] | None,
        magnetization: Sequence[float] | None,
    ) -> None:
        self.k, self.a = k, a
        n = len(np.atleast_2d(np.asarray(crystals[0].onsite)))
        self.n, self.crystals, self.planes = n, crystals, planes
        if not planes:
            raise InputError("planes", "none", "must be at least one")
        self.m: tuple[float, float, float] | None = None
        if magnetization is not None:
            self.m = check_direction("magnetization", list(magnetization))
        elif any(c.exchange is not None for c in crystals) or any(
            p.exchange is not None for p in planes
        ):
            raise InputError("magnetization", None, "must be given with exchange")
        self.hops = [
            _matrix(f"{name}.hopping", c.hopping, (3, n, n))
            for name, c in zip(("below", "above"), crystals, strict=True)
        ]
        if bonds is None:
            bonds = [self.hops[0][2]] * len(planes) + [self.hops[1][2]]
        if len(bonds) != len(planes) + 1:
            raise InputError(
                "bonds", len(bonds), f"must be {len(planes) + 1}, one more than planes"
            )
        self.bonds = [_matrix("bonds", bond, (n, n)) for bond in bonds]
        for name, hops in zip(("below", "above"), self.hops, strict=True):
            if np.linalg.cond(hops[2]) > 1e10:
                raise InputError(
                    f"{name}.hopping",
                    "that along z",
                    "must have an inverse: no orbital may be idle",
                )

    def along_m(self) -> ComplexArray:
        """sigma.m."""
        result: ComplexArray = np.einsum("i,ijk->jk", np.array(self.m), PAULI[:3])
        return result

    def bands(self, side: int) -> list[tuple[int, ComplexArray]]:
        """Spins of a crystal, 1 majority and -1 minority, with their energies on a plane."""
        own, name = self.crystals[side], ("below", "above")[side]
        h = _hermitian(f"{name}.onsite", own.onsite, self.n)
        if own.exchange is None:
            return [(1, h)]
        split = _hermitian(f"{name}.exchange", own.exchange, self.n)
        return [(1, h - split), (-1, h + split)]

    def spinors(self, side: int) -> list[ComplexArray]:
        """Spinors of each of `bands`, as columns: up and down, or along -m and +m."""
        if self.crystals[side].exchange is None:
            return [np.eye(2, dtype=np.complex128)]
        minority_last = np.linalg.eigh(self.along_m())[1]
        return [minority_last[:, :1], minority_last[:, 1:]]

    def modes(self, side: int) -> list[tuple[Waves, Waves]]:
        """For each of `bands` the incoming and the outgoing modes."""
        hops, found = self.hops[side], []
        for _, onsite in self.bands(side):
            up, down = _lead(_in_plane(onsite, hops[:2], self.k, self.a), hops, self.k, self.a)
            found.append((up, down) if side == 0 else (down, up))
        return found

    def lifted(self, waves: list[tuple[Waves, Waves]], side: int, way: int) -> ComplexArray:
        """Vectors of all modes with their spins, shape (n_points, 2 n, 2 n).

        Rows are (orbital, spin), columns the modes as a table orders them.
        """
        parts = []
        for pair, chi in zip(waves, self.spinors(side), strict=True):
            full = np.einsum("noj,sc->nosjc", pair[way].vector, chi)
            parts.append(full.reshape(len(self.k), 2 * self.n, -1))
        return np.concatenate(parts, axis=2)

    def propagating(self, waves: list[tuple[Waves, Waves]], side: int, way: int) -> Any:
        """Which of these modes carry a flux."""
        per = 2 if self.crystals[side].exchange is None else 1
        return np.concatenate(
            [np.repeat(pair[way].velocity[:, :, 2] != 0.0, per, axis=1) for pair in waves], axis=1
        )

    def solve(
        self, waves: list[list[tuple[Waves, Waves]]]
    ) -> tuple[list[ComplexArray], list[ComplexArray]]:
        """Waves on every plane, from the last of the crystal below to the first above.

        Returns
        -------
        sources : list of ndarray
            What arrives there, zero for modes of the other side.
        psi : list of ndarray, shape (n_points, 2 n, n_incoming)
        """
        count, size = len(self.planes) + 2, 2 * self.n
        matrix = np.zeros((len(self.k), count * size, count * size), dtype=np.complex128)

        def block(i: int, j: int) -> Any:
            return matrix[:, i * size : (i + 1) * size, j * size : (j + 1) * size]

        for i, plane in enumerate(self.planes, 1):
            block(i, i)[:] = self.plane(plane)
        for i, bond in enumerate(self.bonds):
            hop = np.kron(bond, np.eye(2))
            block(i + 1, i)[:], block(i, i + 1)[:] = hop, hop.conj().T
        rhs = np.zeros((len(self.k), count * size, 2 * size), dtype=np.complex128)
        sources = []
        for side, at in ((0, 0), (1, count - 1)):
            hop = np.kron(self.hops[side][2], np.eye(2))
            outside = hop if side == 0 else hop.conj().T
            steps = [self._step(waves[side], side, way) for way in range(2)]
            block(at, at)[:] = self.crystal(side) + outside @ steps[1]
            arriving = (
                self.lifted(waves[side], side, 0) * self.propagating(waves[side], side, 0)[:, None]
            )
            columns = slice(side * size, (side + 1) * size)
            rows = slice(at * size, (at + 1) * size)
            rhs[:, rows, columns] = outside @ (steps[1] - steps[0]) @ arriving
            source = np.zeros((len(self.k), size, 2 * size), dtype=np.complex128)
            source[:, :, columns] = arriving
            sources.append(source)
        psi: Any = np.linalg.solve(matrix, rhs).reshape(-1, count, size, 2 * size)
        return sources, [psi[:, i] for i in range(count)]

    def _step(self, waves: list[tuple[Waves, Waves]], side: int, way: int) -> ComplexArray:
        """Matrix that takes a wave one plane further into the crystal."""
        total = np.zeros((len(self.k), 2 * self.n, 2 * self.n), dtype=np.complex128)
        for pair, chi in zip(waves, self.spinors(side), strict=True):
            step = pair[way].step_back() if side == 0 else pair[way].step()
            spin = chi @ chi.conj().T
            total += np.einsum("nij,st->nisjt", step, spin).reshape(total.shape)
        return total

    def crystal(self, side: int) -> ComplexArray:
        """h - E of a plane of a crystal."""
        total = np.zeros((len(self.k), 2 * self.n, 2 * self.n), dtype=np.complex128)
        for (_, onsite), chi in zip(self.bands(side), self.spinors(side), strict=True):
            h = _in_plane(onsite, self.hops[side][:2], self.k, self.a)
            total += np.einsum("nij,st->nisjt", h, chi @ chi.conj().T).reshape(total.shape)
        return total

    def plane(self, plane: Plane) -> ComplexArray:
        """h - E of a plane between the crystals."""
        onsite = _hermitian("plane.onsite", plane.onsite, self.n)
        hops = _matrix("plane.hopping", plane.hopping, (2, self.n, self.n))
        total = np.einsum("nij,st->nisjt", _in_plane(onsite, hops, self.k, self.a), np.eye(2))
        if plane.exchange is not None:
            exchange = _hermitian("plane.exchange", plane.exchange, self.n)
            sigma = self.along_m()
            total = total + np.einsum("ij,st->isjt", exchange, sigma)
        if plane.rashba is not None:
            rashba = _hermitian("plane.rashba", plane.rashba, self.n)
            sine = np.sin(self.k * self.a)
            field = sine[:, 1, None, None] * PAULI[0] - sine[:, 0, None, None] * PAULI[1]
            total = total + np.einsum("ij,nst->nisjt", rashba, field)
        result: ComplexArray = total.reshape(len(self.k), 2 * self.n, 2 * self.n)
        return result

    def outgoing(
        self, waves: list[list[tuple[Waves, Waves]]], side: int, psi: ComplexArray
    ) -> ComplexArray:
        """Amplitudes of the outgoing modes of one side."""
        kept = self.propagating(waves[side], side, 1)
        c = np.linalg.solve(self.lifted(waves[side], side, 1), psi)
        result: ComplexArray = c * kept[:, :, None]
        return result

    def table_side(self, waves: list[list[tuple[Waves, Waves]]], side: int) -> TableSide:
        """Velocities and spins of the modes of one side."""
        made: list[Modes] = []
        for way in range(2):
            velocity = np.concatenate([pair[way].velocity for pair in waves[side]], axis=1)
            label = np.repeat([spin for spin, _ in self.bands(side)], self.n)
            made.append(Modes(velocity, (velocity[:, :, 2] != 0.0) * label))
        return TableSide(self.crystals[side].exchange is not None, *made)

    def torque(self, psi: list[ComplexArray]) -> ComplexArray:
        """Torque of the planes' exchange, psi^+ 2 Delta (sigma x m) psi / hbar."""
        turn = np.einsum("ji,jst->ist", np.cross(np.eye(3), np.array(self.m)), PAULI[:3])
        size = psi[0].shape[2]
        total = np.zeros((len(self.k), 3, size, size), dtype=np.complex128)
        for plane, wave in zip(self.planes, psi[1:-1], strict=True):
            if plane.exchange is not None:
                exchange = _hermitian("plane.exchange", plane.exchange, self.n)
                for i in range(3):
                    operator = 2.0 * PER_SECOND * np.kron(exchange, turn[i])
                    total[:, i] += wave.conj().transpose(0, 2, 1) @ operator @ wave
        return total

    def current(self, lower: ComplexArray, upper: ComplexArray, bond: ComplexArray) -> ComplexArray:
        """Spin current upwards through a bond, 2 Im psi_(n+1)^+ sigma T psi_n / hbar."""
        parts = []
        for sigma in PAULI[:3]:
            operator = np.kron(bond, sigma) * PER_SECOND
            half = -1j * upper.conj().transpose(0, 2, 1) @ operator @ lower
            parts.append(half + half.conj().transpose(0, 2, 1))
        return np.stack(parts, axis=1)


def _lead(h: ComplexArray, hops: ComplexArray, k: FloatArray, a: float) -> tuple[Waves, Waves]:
    """Modes of a chain that go or decay upwards, and downwards."""
    n, t = h.shape[1], hops[2]
    # T^+ lambda u = -(h u + T u / lambda), for (u / lambda, u).
    inverse = np.linalg.inv(t.conj().T)
    companion = np.zeros((len(h), 2 * n, 2 * n), dtype=np.complex128)
    companion[:, :n, n:] = np.eye(n)
    companion[:, n:, :n], companion[:, n:, n:] = -inverse @ t, -inverse @ h
    factor, vectors = np.linalg.eig(companion)
    u = vectors[:, n:] / np.linalg.norm(vectors[:, n:], axis=1, keepdims=True)
    phase = [np.exp(-1j * k[:, i] * a)[:, None, None] * hops[i] for i in range(2)]
    scale = a * METRE_PER_NM * PER_SECOND
    parts = [_slope(u, part) for part in phase]
    parts.append(2.0 * np.einsum("nij,ik,nkj,nj->nj", u.conj(), t, u, 1.0 / factor).imag)
    velocity = np.stack(parts, axis=2)
    velocity *= scale
    on_circle = np.abs(np.abs(factor) - 1.0) < _ON_CIRCLE
    upwards = np.where(on_circle, velocity[:, :, 2] > 0.0, np.abs(factor) < 1.0)
    if np.any(upwards.sum(axis=1) != n):
        point = int(np.flatnonzero(upwards.sum(axis=1) != n)[0])
        raise InputError(
            "k_parallel", k[point].tolist(), "lies at the edge of a band: move the points slightly"
        )
    found = []
    for chosen in (upwards, ~upwards):
        order = np.argsort(~chosen, axis=1, kind="stable")[:, :n]
        kept = np.take_along_axis(on_circle, order, axis=1)
        vector = np.take_along_axis(u, order[:, None], axis=2)
        own = np.take_along_axis(velocity, order[:, :, None], axis=1)
        own = np.where(kept[:, :, None], own, 0.0)
        lam = np.take_along_axis(factor, order, axis=1)
        found.append(Waves(lam, _unit_flux(vector, lam, t, kept), own))
    return found[0], found[1]


def _slope(u: ComplexArray, part: ComplexArray) -> FloatArray:
    """Diagonal of u^+ dh/dk u / a for h = T e^(-ika) + h.c., given T e^(-ika)."""
    result: FloatArray = 2.0 * np.einsum("nij,nik,nkj->nj", u.conj(), part, u).imag
    return result


def _unit_flux(u: ComplexArray, factor: ComplexArray, t: ComplexArray, kept: Any) -> ComplexArray:
    """Modes turned so that each propagating one carries one electron a second, and no two mix.

    Modes of different lambda do not mix in the flux; those of equal lambda are made so.
    """
    half = -1j * u.conj().transpose(0, 2, 1) @ t @ (u / factor[:, None]) * PER_SECOND
    flux = half + half.conj().transpose(0, 2, 1)
    both = kept[:, :, None] & kept[:, None, :]
    size = np.sign(np.where(kept, np.einsum("njj->nj", flux).real, 0.0).sum(axis=1))
    flux = np.where(both, flux * np.where(size == 0.0, 1.0, size)[:, None, None], 0.0)
    # Of the size of the others, which rounding would else mix into them.
    flux += PER_SECOND * np.einsum("nj,jk->njk", ~kept, np.eye(kept.shape[1]))
    values, vectors = np.linalg.eigh(flux)
    root = (vectors / np.sqrt(values)[:, None]) @ vectors.conj().transpose(0, 2, 1)
    result: ComplexArray = u @ root
    return result


def _in_plane(onsite: ComplexArray, hops: ComplexArray, k: FloatArray, a: float) -> ComplexArray:
    """h(k_parallel), shape (n_points, n, n)."""
    half = np.einsum("nd,dij->nij", np.exp(-1j * k * a), hops)
    result: ComplexArray = onsite + half + half.conj().transpose(0, 2, 1)
    return result


def _matrix(key: str, value: ArrayLike, shape: tuple[int, ...]) -> ComplexArray:
    array = np.asarray(value, dtype=np.complex128)
    if array.shape != shape:
        array = array.reshape(shape) if array.size == np.prod(shape) else array
    if array.shape != shape:
        raise InputError(key, array.shape, f"must have shape {shape}")
    return array


def _hermitian(key: str, value: ArrayLike, n: int) -> ComplexArray:
    array = _matrix(key, value, (n, n))
    if not np.allclose(array, array.conj().T, rtol=0.0, atol=1e-12):
        raise InputError(key, "no Hermitian matrix", "must be Hermitian")
    return array
