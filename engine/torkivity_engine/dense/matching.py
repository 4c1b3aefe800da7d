"""The dense method: all modes of every layer, matched at all faces at once, (C14)-(C22).

It makes no use of any symmetry of the mesh or of the scattering, so it works for every
mesh and every in-scattering matrix, and is what faster methods are measured against.

Unknowns are the amplitudes of the NT modes of each layer; equations say, at each face of
each layer, that what enters it is what its other side reflects or transmits. As in
`torkivity_engine.dense.modes`, distributions are f = sqrt(w |v_z|) g: per channel the flux
amplitudes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import lapack

from torkivity_engine.arrays import FloatArray
from torkivity_engine.dense.bmatrix import ScatteringMatrix, mean_weights
from torkivity_engine.dense.drive import DenseDrive
from torkivity_engine.dense.modes import LayerModes, flux_scale, layer_modes, modes_of_scattering
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.boundaries import BOTTOM, TOP, Boundary
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.interface import Scattering
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.machine.memory import Coupling, dense_memory, require_memory
from torkivity_engine.spin import CHARGE
from torkivity_meshes import FermiSurfaceMesh

__all__ = [
    "DenseStates",
    "Faces",
    "LayerState",
    "dense_certificates",
    "dense_faces",
    "solve_dense",
]


#: Below this reciprocal condition number a solution has no trustworthy digit.
_SINGULAR = 1e-13
#: Modes handled at a time while the equations are assembled, to keep copies small.
_COLUMNS = 128


@dataclass(frozen=True, eq=False)
class LayerState:
    """Distribution in one layer, in closed form.

    Attributes
    ----------
    modes : LayerModes
    thickness : float
        nm, with the part of a half space that was solved.
    amplitudes : ndarray, shape (n_unknowns, n_fields)
        Of ``modes.states``.
    driven : ndarray, shape (n_unknowns, n_fields)
        What the drive makes of a layer without faces, as f.
    start : float
        Depth of the layer's left face in what was solved: not zero in a half space below.
    """

    modes: LayerModes
    thickness: float
    amplitudes: FloatArray
    driven: FloatArray
    start: float


@dataclass(frozen=True, eq=False)
class DenseStates:
    """Solution of the Boltzmann equation in a stack, per unit e^2 E~, lengths in nm.

    The axis *field* holds the responses to E along x and y. A stack with a reservoir has a
    third entry: what the reservoirs inject, without a field.

    Attributes
    ----------
    minus, plus : ndarray, shape (n_interfaces, n_fields, n_directions, 4)
        g at 0- and 0+ of each interface: (interface, field, direction, spin-charge), in nm.
    distribution : tuple of ndarray, shape (2, n_fields, n_directions, 4)
        For each layer g at its left and right face: (face, field, direction, spin-charge).
    layers : tuple of LayerState
    mesh : FermiSurfaceMesh
    certificates : dict of str to float
        ``residual``: worst violation of a boundary condition relative to the largest driven
        amplitude; ``condition``: 1-norm condition number of the matching equations;
        ``gauge_slack``: charge flux, on the scale of ``residual``, that had to be added for
        the equations to have a solution; ``modes_removed``: modes treated in closed form.
    slack : ndarray, shape (n_fields,)
        That charge flux, of every drive.
    """

    minus: FloatArray
    plus: FloatArray
    distribution: tuple[FloatArray, ...]
    layers: tuple[LayerState, ...]
    mesh: FermiSurfaceMesh
    certificates: dict[str, float]
    slack: FloatArray

    def evaluate(self, layer: int, z: ArrayLike) -> FloatArray:
        """Distribution g inside a layer.

        Parameters
        ----------
        layer : int
            Counted from the left (bottom).
        z : array_like
            Depths in nm from the left face of the layer.

        Returns
        -------
        ndarray, shape z.shape + (n_fields, n_directions, 4)
            (..., field, direction, spin-charge), in nm.

        Raises
        ------
        InputError
            If a depth lies outside the layer.
        """
        state = self.layers[layer]
        depths = np.asarray(z, dtype=np.float64)
        depths = depths + state.start
        if not np.all((depths >= 0.0) & (depths <= state.thickness)):
            raise InputError("z", z, f"must lie in the layer, between 0 and {state.thickness:g}")
        out = np.empty((depths.size, state.driven.shape[1], self.mesh.n_directions, 4))
        for row, depth in zip(out, depths.ravel(), strict=True):
            amplitude = state.modes.combine(float(depth), state.thickness, state.amplitudes)
            row[...] = self._distribution(amplitude + state.driven)
        return out.reshape(*depths.shape, *out.shape[1:])

    def integral(self, layer: int) -> FloatArray:
        """Integral of g over the thickness of a layer, from the modes.

        Parameters
        ----------
        layer : int
            Counted from the left (bottom).

        Returns
        -------
        ndarray, shape (n_fields, n_directions, 4)
            (field, direction, spin-charge), in nm^2.
        """
        state = self.layers[layer]
        total = state.modes.integrate(state.thickness, state.amplitudes)
        return self._distribution(total + state.thickness * state.driven)

    def spin_integral(self, layer: int) -> FloatArray:
        """Integral of <g> over the thickness of a layer, from the modes.

        With it the balance j(left) - j(right) = 4 pi C (K_out - K_in) int <g> dz of
        isotropic scattering can be checked to rounding.

        Parameters
        ----------
        layer : int
            Counted from the left (bottom).

        Returns
        -------
        ndarray, shape (n_fields, 4)
            (field, spin-charge), in nm^2.
        """
        integral: FloatArray = np.einsum("fka,k->fa", self.integral(layer), mean_weights(self.mesh))
        return integral

    def _distribution(self, amplitude: FloatArray) -> FloatArray:
        return _to_distribution(amplitude, flux_scale(self.mesh))


def solve_dense(
    film: Stack | Bilayer,
    mesh: FermiSurfaceMesh,
    *,
    scattering: Sequence[ScatteringMatrix | None] | None = None,
    drive: DenseDrive | None = None,
    memory_limit: int | None = None,
) -> DenseStates:
    """Solve the Boltzmann equation of a stack with all modes of all layers.

    Parameters
    ----------
    film : Stack or Bilayer
        A single layer is a stack without interfaces.
    mesh : FermiSurfaceMesh
        Any mesh, with rings or without.
    scattering : sequence of ScatteringMatrix or None, optional
        For each layer, scattering that replaces the layer's own; None keeps it.
    drive : DenseDrive, optional
        Instead of a field and of what reservoirs inject.
    memory_limit : int, optional
        Bytes; without it, what the machine has available.

    Returns
    -------
    DenseStates

    Raises
    ------
    CapacityError
        Before anything is allocated, if it would not fit into memory.
    PhysicsError
        If the stack leaves a density undetermined, or a layer does not relax.
    """
    stack = as_stack(film)
    n_layers = len(stack.layers)
    if scattering is not None and len(scattering) != n_layers:
        raise InputError("scattering", len(scattering), f"must have {n_layers} entries, as layers")
    own = scattering or [None] * n_layers
    require_memory(
        dense_memory(n_layers, mesh.n_unknowns, coupling=_coupling(stack, own)),
        memory_limit,
        f"the dense solution of {n_layers} layer{'s' * (n_layers > 1)} with "
        f"{mesh.n_unknowns} unknowns each",
    )
    modes = [
        layer_modes(layer, mesh) if matrix is None else modes_of_scattering(matrix, mesh)
        for layer, matrix in zip(stack.layers, own, strict=True)
    ]
    return _Matching(stack, mesh, modes).solve(drive)


def _coupling(stack: Stack, own: Sequence[ScatteringMatrix | None]) -> Coupling:
    """What scattering couples at most, which decides the size of the eigenproblems."""
    if any(matrix is not None for matrix in own):
        return "points"
    skew = any(len(collision_terms(layer).k_in) > 1 for layer in stack.layers)
    return "spins" if skew else "axis"


class _Face:
    """One face of one layer and what lies on its other side."""

    def __init__(self, layer: int, side: int, mesh: FermiSurfaceMesh) -> None:
        self.layer, self.side = layer, side
        if side == BOTTOM:
            self.into, self.out_of = mesh.upward, mesh.downward
        else:
            self.into, self.out_of = mesh.downward, mesh.upward

    def entering(self, states: FloatArray) -> FloatArray:
        """What enters the layer, (channel, spin, column), of states (unknown, column)."""
        return _by_direction(states)[self.into]

    def leaving(self, states: FloatArray) -> FloatArray:
        """What leaves the layer, (channel, spin, column)."""
        return _by_direction(states)[self.out_of]


class _Wall:
    """Outer boundary: f_in = (specular and diffuse reflection of f_out) + injected."""

    def __init__(self, boundary: Boundary, flux: FloatArray) -> None:
        self._flux = flux
        self._unit_flux = flux / np.linalg.norm(flux)
        self.emission = boundary.injected
        self._specular, self._diffuse = boundary.specular, boundary.diffuse
        if boundary.endless:  # what stands at the far end does not matter, behind a half space
            self._specular, self._diffuse = 1.0, 0.0

    def reflect(self, leaving: FloatArray) -> FloatArray:
        """What comes back, shape (channel, spin, column)."""
        result: FloatArray = self._specular * leaving
        if self._diffuse > 0.0:
            # What forgets its direction comes back isotropic, with the same flux.
            total = np.einsum("c,csn->sn", self._unit_flux, leaving)
            result += self._diffuse * np.multiply.outer(self._unit_flux, total)
        return result

    def injected(self) -> FloatArray:
        """What the boundary sends in by itself, shape (channel, spin)."""
        return np.multiply.outer(self._flux, self.emission)


class _Matching:
    """Boundary conditions at all faces as one linear system."""

    def __init__(self, stack: Stack, mesh: FermiSurfaceMesh, modes: list[LayerModes]) -> None:
        self._mesh, self._modes = mesh, modes
        self._thickness = [layer.thickness for layer in stack.layers]
        self._n_layers, self._size = len(modes), mesh.n_unknowns
        # A half space ends where nothing that starts at its interface is left.
        self._start = [0.0] * len(stack.layers)
        if stack.left.endless:
            self._start[0] = stack.layers[0].decay_reach()
            self._thickness[0] += self._start[0]
        if stack.right.endless:
            self._thickness[-1] += stack.layers[-1].decay_reach()
        self._endless = [
            self._rows(layer, side)
            for layer, side, boundary in (
                (0, BOTTOM, stack.left),
                (len(modes) - 1, TOP, stack.right),
            )
            if boundary.endless
        ]
        self._scale = flux_scale(mesh)
        self._flux = self._scale[::4][mesh.upward]
        self._walls = (_Wall(stack.left, self._flux), _Wall(stack.right, self._flux))
        self._scatter = _scattering(stack, mesh)
        self._reference = stack.reference_interface
        self._closed = not stack.is_open
        self._driven = [self._columns(m.driven) for m in modes]
        self._removed = sum(m.n_zero for m in modes)

    def solve(self, driven_by: DenseDrive | None = None) -> DenseStates:
        rhs = self._field_source() if driven_by is None else self._own_source(driven_by)
        matrix = self._matrix()
        norm = max(float(np.abs(column).sum()) for column in matrix.T)
        factors, pivots, info = lapack.dgetrf(matrix, overwrite_a=1)
        reciprocal = lapack.dgecon(factors, norm)[0] if info == 0 else 0.0
        if not reciprocal >= _SINGULAR:
            raise PhysicsError(
                "the stack leaves a spin accumulation undetermined (reciprocal condition "
                f"{reciprocal:.0e}): some spin component neither flips in any layer nor leaves "
                "through a spin-orbit interface; give a layer a finite spin_flip_length"
            )
        drive = max(float(np.max(np.abs(f))) for f in (*self._driven, rhs))
        solution = np.zeros_like(rhs)
        # One step of refinement, with a residual that never saw the matrix.
        for _ in range(2):
            residual = rhs - self._apply(solution)
            solution += lapack.dgetrs(factors, pivots, residual)[0]
        residual = rhs - self._apply(solution)
        certificates = {
            "residual": float(np.max(np.abs(residual))) / drive,
            "condition": 1.0 / reciprocal,
            "modes_removed": float(self._removed),
            "gauge_slack": float(np.max(np.abs(solution[-1]))) / drive if self._closed else 0.0,
        }
        return self._states(solution, certificates)

    def _field_source(self) -> FloatArray:
        """Right side for fields along x and y, and for what reservoirs inject."""
        rhs = -self._violation([(f, f) for f in self._driven])
        for rows in self._endless:
            # The bulk of a half space goes on: its driven distribution meets no face there.
            rhs[rows] = 0.0
        if not self._closed:
            for layer, side in ((0, BOTTOM), (self._n_layers - 1, TOP)):
                rhs[self._rows(layer, side), -1] += self._walls[side].injected().ravel()
        return rhs

    def _own_source(self, drive: DenseDrive) -> FloatArray:
        """Right side for another drive, whose uniform distributions take the field's place."""
        n = self._mesh.n_directions
        self._driven = [np.tile(u, (n, 1)) * self._scale[:, None] for u in drive.uniform]
        rhs = -self._violation([(f, f) for f in self._driven])
        for (layer, side), g in drive.entering.items():
            rhs[self._rows(layer, side)] += _flat(self._flux[:, None, None] * g)
        if self._closed:
            for g in drive.ungauged.values():
                rhs[-1] += (self._flux**2 @ g[:, CHARGE]) / np.linalg.norm(self._flux)
        return rhs

    def _states(self, solution: FloatArray, certificates: dict[str, float]) -> DenseStates:
        layers = []
        distribution = []
        for i, modes in enumerate(self._modes):
            amplitudes = solution[self._block(i)]
            layers.append(
                LayerState(modes, self._thickness[i], amplitudes, self._driven[i], self._start[i])
            )
            faces = [
                _to_distribution(
                    modes.combine(z, self._thickness[i], amplitudes) + self._driven[i], self._scale
                )
                for z in (0.0, self._thickness[i])
            ]
            distribution.append(np.stack(faces))
        n = self._n_layers
        empty = np.empty((0, solution.shape[1], self._mesh.n_directions, 4))
        minus = [d[TOP] for d in distribution[: n - 1]]
        plus = [d[BOTTOM] for d in distribution[1:]]
        return DenseStates(
            minus=np.stack(minus) if minus else empty,
            plus=np.stack(plus) if plus else empty,
            distribution=tuple(distribution),
            layers=tuple(layers),
            mesh=self._mesh,
            certificates=certificates,
            slack=solution[-1] if self._closed else np.zeros(solution.shape[1]),
        )

    def _block(self, layer: int) -> slice:
        return slice(layer * self._size, (layer + 1) * self._size)

    def _rows(self, layer: int, side: int) -> slice:
        start = layer * self._size + side * (self._size // 2)
        return slice(start, start + self._size // 2)

    def _matrix(self) -> FloatArray:
        """Matching equations, one column per amplitude, bordered for the gauge."""
        border = int(self._closed)
        total = self._n_layers * self._size
        matrix = np.zeros((total + border, total + border), order="F")
        for layer in range(self._n_layers):
            for start in range(0, self._size, _COLUMNS):
                chosen = slice(start, min(start + _COLUMNS, self._size))
                self._fill(matrix, layer, chosen)
        if border:
            matrix[:-1, -1] = self._slack()
        return matrix

    def _fill(self, matrix: FloatArray, layer: int, chosen: slice) -> None:
        """Columns of some modes of one layer."""
        first = layer * self._size
        columns = slice(first + chosen.start, first + chosen.stop)
        thickness = self._thickness[layer]
        for side, z in ((BOTTOM, 0.0), (TOP, thickness)):
            states = self._modes[layer].states(z, thickness, chosen)
            face = _Face(layer, side, self._mesh)
            matrix[self._rows(layer, side), columns] += _flat(face.entering(states))
            leaving = face.leaving(states)
            for target, response in self._responses(layer, side, leaving):
                matrix[self._rows(*target), columns] -= _flat(response)
            if self._closed:
                matrix[-1, columns] += self._gauge(layer, side, states)

    def _responses(
        self, layer: int, side: int, leaving: FloatArray
    ) -> list[tuple[tuple[int, int], FloatArray]]:
        """Which faces receive what leaves this one, and how much."""
        outer = 0 if side == BOTTOM else self._n_layers - 1
        if layer == outer:
            return [((layer, side), self._walls[side].reflect(leaving))]
        if side == BOTTOM:
            below, own = (layer - 1, TOP), self._scatter[layer - 1]
            reflected, transmitted = own.reflection_above, own.transmission_down
        else:
            below, own = (layer + 1, BOTTOM), self._scatter[layer]
            reflected, transmitted = own.reflection_below, own.transmission_up
        return [((layer, side), reflected @ leaving), (below, transmitted @ leaving)]

    def _columns(self, driven: FloatArray) -> FloatArray:
        """Responses to the field, and a column for what reservoirs inject without it."""
        return driven if self._closed else np.pad(driven, ((0, 0), (0, 1)))

    def _violation(self, faces: list[tuple[FloatArray, FloatArray]]) -> FloatArray:
        """By how much states, given at both faces of each layer, miss the equations."""
        border = int(self._closed)
        n_columns = faces[0][0].shape[1]
        out = np.zeros((self._n_layers * self._size + border, n_columns))
        for layer, states in enumerate(faces):
            for side in (BOTTOM, TOP):
                face = _Face(layer, side, self._mesh)
                out[self._rows(layer, side)] += _flat(face.entering(states[side]))
                leaving = face.leaving(states[side])
                for target, response in self._responses(layer, side, leaving):
                    out[self._rows(*target)] -= _flat(response)
                if border:
                    out[-1] += self._gauge(layer, side, states[side])
        return out

    def _apply(self, solution: FloatArray) -> FloatArray:
        """The matching equations applied to amplitudes, without their matrix."""
        faces = []
        for layer, modes in enumerate(self._modes):
            t, amplitudes = self._thickness[layer], solution[self._block(layer)]
            faces.append((modes.combine(0.0, t, amplitudes), modes.combine(t, t, amplitudes)))
        out = self._violation(faces)
        if self._closed:
            out[:-1] += np.multiply.outer(self._slack(), solution[-1])
        return out

    def _gauge(self, layer: int, side: int, states: FloatArray) -> FloatArray:
        """Share that a face has in the charge which the gauge sets to zero.

        Between closed faces a shift of the charge potential of the whole stack changes
        nothing. It is fixed by the charge that leaves the reference interface towards both
        sides, or for a single film by the charge at its two faces.
        """
        charge = _by_direction(states)[:, CHARGE]
        if self._n_layers == 1:
            weights = mean_weights(self._mesh) / self._scale[::4]
            result: FloatArray = weights @ charge / np.linalg.norm(weights)
            return result
        if (layer, side) not in ((self._reference, TOP), (self._reference + 1, BOTTOM)):
            return np.zeros(states.shape[1])
        into = _Face(layer, side, self._mesh).into
        result = self._flux @ charge[into] / np.linalg.norm(self._flux)
        return result

    def _slack(self) -> FloatArray:
        """Uniform charge flux into every face: what no state of closed layers can take up."""
        flux = np.zeros((len(self._flux), 4))
        flux[:, CHARGE] = self._flux / np.linalg.norm(self._flux)
        return np.tile(flux.ravel(), 2 * self._n_layers)


def _scattering(stack: Stack, mesh: FermiSurfaceMesh) -> list[Scattering]:
    """What each interface does to the directions with k_z > 0 and their mirror images."""
    return [
        interface.scattering(stack.interface_magnetization(i), mesh.directions[mesh.upward])
        for i, interface in enumerate(stack.interfaces)
    ]


def _by_direction(states: FloatArray) -> FloatArray:
    """View (direction, spin, column) of states (unknown, column)."""
    return states.reshape(-1, 4, states.shape[1])


def _flat(channels: FloatArray) -> FloatArray:
    return channels.reshape(-1, channels.shape[2])


def _to_distribution(amplitude: FloatArray, scale: FloatArray) -> FloatArray:
    """g, shape (field, direction, spin-charge), of amplitudes (unknown, field)."""
    g = (amplitude / scale[:, None]).T
    return np.ascontiguousarray(g).reshape(g.shape[0], -1, 4)


Faces = tuple[FloatArray, FloatArray, FloatArray]


def dense_faces(stack: Stack, mesh: FermiSurfaceMesh, states: DenseStates, columns: slice) -> Faces:
    """Currents at 0- and 0+ and spin density from the full distributions."""
    flux = mesh.weights * mesh.velocities[:, 2]
    up, down = mesh.upward, mesh.downward
    minus, plus = states.minus[:, columns], states.plus[:, columns]
    density = np.empty((len(stack.interfaces), CHARGE, minus.shape[1]))
    for i, own in enumerate(_scattering(stack, mesh)):
        density[i] = np.einsum(
            "n,njb,cnb->jc", mesh.weights[up], own.density_below, minus[i][:, up]
        )
        density[i] += np.einsum(
            "n,njb,cnb->jc", mesh.weights[up], own.density_above, plus[i][:, down]
        )
    return (
        np.einsum("n,icnb->ibc", flux, minus),
        np.einsum("n,icnb->ibc", flux, plus),
        density,
    )


def dense_certificates(
    stack: Stack, mesh: FermiSurfaceMesh, states: DenseStates
) -> dict[str, float]:
    """Unitarity of the interfaces and spin balance of the closed layers."""
    defect = 0.0
    for own in _scattering(stack, mesh):
        for reflection, transmission in (
            (own.reflection_below, own.transmission_up),
            (own.reflection_above, own.transmission_down),
        ):
            total = reflection[:, CHARGE, CHARGE] + transmission[:, CHARGE, CHARGE]
            defect = max(defect, float(np.abs(total - 1.0).max()))
    flux = mesh.weights * mesh.velocities[:, 2]
    worst, largest = 0.0, 1e-300
    for index, (layer, faces) in enumerate(zip(stack.layers, states.distribution, strict=True)):
        current = np.einsum("n,fcnb->fcb", flux, faces)
        largest = max(largest, float(np.abs(current).max()))
        ends = [stack.left] * (index == 0) + [stack.right] * (index == len(stack.layers) - 1)
        if any(end.endless for end in ends):
            continue
        terms = collision_terms(layer)
        held = states.spin_integral(index) @ (terms.k_out - terms.k_in[0, 0]).T
        lost = 4.0 * np.pi * held
        worst = max(worst, float(np.abs(current[0] - current[1] - lost).max()))
    return {"unitarity_defect": defect, "spin_balance": worst / largest}
