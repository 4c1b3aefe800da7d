"""The dense method for layers with Fermi spheres of their own.

As in `torkivity_engine.dense.matching`, unknowns are the amplitudes of all modes of all layers
and equations say what enters each face. At fixed k_parallel a face has as many equations as its
layer has states there. What crosses a face is written sqrt(d^2k) g, on slots
(`torkivity_engine.kinetics.matching`) of all points of the grid; slots without states are left
out of the equations.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.linalg import lapack

from torkivity_engine.arrays import FloatArray
from torkivity_engine.dense.modes import LayerModes, flux_scale, layer_modes
from torkivity_engine.dense.split_modes import split_modes
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.boundaries import BOTTOM, TOP, Boundary
from torkivity_engine.film.spheres import SphereFilm, SphereLayer
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AnnularGrid, FermiSurfaceMesh, mesh_of_rings

__all__ = ["SphereFaces", "solve_spheres"]

#: Below this reciprocal condition number a solution has no trustworthy digit.
_SINGULAR = 1e-13


class SphereFaces:
    """Currents and spin density at the interfaces, without the prefactor C.

    Attributes
    ----------
    minus, plus : ndarray, shape (n_interfaces, 4, n_drives)
    density : ndarray, shape (n_interfaces, 3, n_drives)
    """

    def __init__(self, film: SphereFilm, arriving: list[FloatArray]) -> None:
        flows, density = [], []
        for junction, g in zip(film.junctions, arriving, strict=True):
            weighted = junction.weights[:, None, None] * g
            flows.append(np.einsum("nsab,nbf->saf", junction.flows(), weighted))
            density.append(np.einsum("nab,nbf->af", junction.matched.density, weighted))
        drives = arriving[0].shape[2] if arriving else 0
        both = np.array(flows).reshape(-1, 2, 4, drives)
        self.minus, self.plus = both[:, 0], both[:, 1]
        self.density = np.array(density).reshape(-1, 3, drives)


class _Part:
    """One layer: its modes, and where its unknowns stand among points and slots."""

    def __init__(self, layer: SphereLayer, weight: FloatArray) -> None:
        self.layer = layer
        self.open = np.repeat(layer.open(), layer.grid.rule.n_azimuth, axis=0) > 0.0
        self.thickness, self.start = layer.layer.thickness, 0.0
        n_azimuth, n_points = layer.grid.rule.n_azimuth, len(self.open)
        #: Unknown of each (hemisphere, point, slot); hemisphere 0 is v_z > 0.
        self.index = np.full((2, n_points, 4), -1)
        scales = []
        if not self.open.any():
            self.modes: LayerModes | None = None
        elif layer.bands.split:
            used = [slot for slot in range(2) if self.open[:, slot].any()]
            spheres = [layer.rings(slot) for slot in used]
            self.modes = split_modes(layer.terms, spheres)
            offset = 0
            for slot, rings in zip(used, spheres, strict=True):
                n = rings.n_polar * n_azimuth
                for hemisphere in range(2):
                    self.index[hemisphere, n_points - n :, slot] = offset + np.arange(n)
                    offset += n
                mean = np.repeat(rings.polar_weights * rings.cosines, n_azimuth)
                scales.append(np.tile(np.sqrt(mean / (2 * n_azimuth)), 2))
        else:
            mesh = _mesh(layer.grid, layer.bands.majority.radius)
            self.modes = layer_modes(layer.layer, mesh)
            n = mesh.n_directions // 2
            order = 4 * np.arange(2 * n).reshape(2, n, 1) + np.arange(4)
            self.index[:, n_points - n :] = order
            scales.append(flux_scale(mesh))
        #: From f of the modes to sqrt(d^2k) g, for each unknown.
        self.scale = np.zeros(0)
        if self.modes is not None:
            self.scale = np.empty(len(self.modes.vectors))
            for hemisphere in range(2):
                points, slots = np.nonzero(self.open)
                chosen = self.index[hemisphere, points, slots]
                self.scale[chosen] = np.sqrt(weight)[points]
            self.scale /= np.concatenate(scales)

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return len(self.scale)

    def wave(self, states: FloatArray, hemisphere: int) -> FloatArray:
        """sqrt(d^2k) g of one hemisphere, shape (n_points, 4, columns)."""
        out = np.zeros((*self.open.shape, states.shape[1]))
        chosen = self.index[hemisphere][self.open]
        out[self.open] = self.scale[chosen, None] * states[chosen]
        return out


class _Wall:
    """Outer boundary: specular, diffuse, or injecting."""

    def __init__(self, boundary: Boundary, part: _Part, weight: FloatArray) -> None:
        self._specular, self._diffuse = boundary.specular, boundary.diffuse
        flux = np.sqrt(weight)[:, None] * part.open
        self._unit = flux / np.maximum(np.linalg.norm(flux, axis=0), 1e-300)
        #: What the boundary sends in by itself, shape (n_points, 4).
        self.injected = flux * (part.layer.occupations() @ boundary.injected)

    def reflect(self, leaving: FloatArray) -> FloatArray:
        """What comes back, shape (n_points, 4, columns)."""
        total = np.einsum("ps,psc->sc", self._unit, leaving)
        result: FloatArray = self._specular * leaving
        result += self._diffuse * self._unit[:, :, None] * total
        return result


class _Matching:
    """Boundary conditions at all faces as one linear system."""

    def __init__(self, film: SphereFilm) -> None:
        self._film, stack = film, film.stack
        n_azimuth = film.grid.rule.n_azimuth
        area = film.grid.area / (n_azimuth * stack.fermi_wavevector**2)
        self._weight = np.repeat(area, n_azimuth)
        self.parts = [_Part(layer, self._weight) for layer in film.layers]
        for end, boundary in ((0, stack.left), (-1, stack.right)):
            if boundary.endless:
                reach = self.parts[end].layer.decay_reach()
                self.parts[end].thickness += reach
                if end == 0:
                    self.parts[end].start = reach
        self._walls = (
            _Wall(stack.left, self.parts[0], self._weight),
            _Wall(stack.right, self.parts[-1], self._weight),
        )
        self._closed = not stack.is_open
        offsets = np.cumsum([0, *(part.size for part in self.parts)])
        self._blocks = [slice(a, b) for a, b in zip(offsets, offsets[1:], strict=False)]
        self._total = int(offsets[-1])

    def solve(self) -> tuple[list[FloatArray], list[FloatArray], dict[str, float]]:
        """Amplitudes and driven distributions of each layer, and certificates."""
        driven = [
            np.pad(p.modes.driven, ((0, 0), (0, 1))) if p.modes is not None else np.zeros((0, 3))
            for p in self.parts
        ]
        matrix = np.zeros((self._total + self._closed,) * 2)
        for layer, part in enumerate(self.parts):
            if part.modes is not None:
                columns = self._blocks[layer]
                faces = [part.modes.states(z, part.thickness) for z in (0.0, part.thickness)]
                self._add_violation(matrix[:, columns], layer, faces)
        rhs = np.zeros((len(matrix), 3))
        for layer, g in enumerate(driven):
            self._add_violation(rhs, layer, [-g, -g])
        self._drop_endless(rhs)
        for layer, side in ((0, BOTTOM), (len(self.parts) - 1, TOP)):
            part = self.parts[layer]
            rhs[self._rows(layer, side), 2] += self._walls[side].injected[part.open]
        if self._closed:
            matrix[:-1, -1] = self._slack()
        factors, pivots, info = lapack.dgetrf(matrix)
        norm = float(np.abs(matrix).sum(axis=0).max())
        reciprocal = float(lapack.dgecon(factors, norm)[0]) if info == 0 else 0.0
        if not reciprocal >= _SINGULAR:
            raise PhysicsError(
                "the stack leaves an accumulation undetermined (reciprocal condition "
                f"{reciprocal:.0e}): some spin component neither flips in any layer nor leaves "
                "through an interface; give a layer a finite spin_flip_length"
            )
        solution = lapack.dgetrs(factors, pivots, rhs)[0]
        solution += lapack.dgetrs(factors, pivots, rhs - matrix @ solution)[0]
        scale = max(float(np.abs(rhs).max()), 1e-300)
        certificates = {
            "residual": float(np.abs(rhs - matrix @ solution).max()) / scale,
            "condition": 1.0 / reciprocal,
            "gauge_slack": float(np.abs(solution[-1]).max()) / scale if self._closed else 0.0,
            "modes_removed": float(sum(p.modes.n_zero for p in self.parts if p.modes is not None)),
        }
        return [solution[block] for block in self._blocks], driven, certificates

    def _drop_endless(self, rhs: FloatArray) -> None:
        """The bulk of a half space goes on: its driven distribution meets no face there."""
        stack = self._film.stack
        for layer, side, boundary in (
            (0, BOTTOM, stack.left),
            (len(self.parts) - 1, TOP, stack.right),
        ):
            if boundary.endless:
                rhs[self._rows(layer, side)] = 0.0

    def _rows(self, layer: int, side: int) -> slice:
        start, half = self._blocks[layer].start, self.parts[layer].size // 2
        return slice(start + side * half, start + (side + 1) * half)

    def _add_violation(self, out: FloatArray, layer: int, faces: list[FloatArray]) -> None:
        """Add by how much states of one layer, given at both faces, miss the equations."""
        part = self.parts[layer]
        for side in (BOTTOM, TOP):
            states = faces[side]
            entering, leaving = part.wave(states, side), part.wave(states, 1 - side)
            out[self._rows(layer, side)] += entering[part.open]
            outer = 0 if side == BOTTOM else len(self.parts) - 1
            if layer == outer:
                out[self._rows(layer, side)] -= self._walls[side].reflect(leaving)[part.open]
                continue
            junction = layer - 1 if side == BOTTOM else layer
            s = self._film.junctions[junction].matched.scattering
            own, other = (slice(4, 8), slice(0, 4)) if side == BOTTOM else (slice(4), slice(4, 8))
            out[self._rows(layer, side)] -= (s[:, own, own] @ leaving)[part.open]
            there = layer - 1 if side == BOTTOM else layer + 1
            face = TOP if side == BOTTOM else BOTTOM
            passed = (s[:, other, own] @ leaving)[self.parts[there].open]
            out[self._rows(there, face)] -= passed
            if self._closed and junction == self._film.stack.reference_interface:
                out[-1] += self._charge(part, entering)
        if self._closed and len(self.parts) == 1:
            for side in (BOTTOM, TOP):
                both = sum(part.wave(faces[side], hemisphere) for hemisphere in range(2))
                out[-1] += self._charge(part, both)

    def _charge(self, part: _Part, wave: FloatArray) -> FloatArray:
        """Charge flux that a wave carries."""
        row = part.layer.terminal.cartesian()[CHARGE]
        return np.einsum("p,s,psc->c", np.sqrt(self._weight), row, wave)

    def _slack(self) -> FloatArray:
        """Uniform charge flux into every face: what no state of closed layers can take up."""
        slack = np.zeros(self._total)
        for layer, part in enumerate(self.parts):
            charge = part.layer.occupations()[:, CHARGE] * part.open
            for side in (BOTTOM, TOP):
                wave = np.sqrt(self._weight)[:, None] * charge
                slack[self._rows(layer, side)] = wave[part.open]
        return slack / np.linalg.norm(slack)


def solve_spheres(film: SphereFilm) -> tuple[SphereFaces, dict[str, float]]:
    """Solve the Boltzmann equation of a film with all modes of all layers.

    Parameters
    ----------
    film : SphereFilm

    Returns
    -------
    faces : SphereFaces
        Drives are unit fields along x and y (nm) and what the reservoirs inject.
    certificates : dict of str to float
        "residual", "condition", "gauge_slack", "modes_removed", "unitarity_defect".

    Raises
    ------
    PhysicsError
        If the stack leaves a density undetermined, or a layer does not relax.
    """
    matching = _Matching(film)
    amplitudes, driven, certificates = matching.solve()
    root = np.sqrt(film.junctions[0].weights)[:, None, None] if film.junctions else 1.0
    arriving = []
    for i in range(len(film.junctions)):
        waves = []
        for layer, z_of, hemisphere in ((i, TOP, 0), (i + 1, BOTTOM, 1)):
            part = matching.parts[layer]
            if part.modes is None:
                waves.append(np.zeros((*part.open.shape, 3)))
                continue
            depth = part.thickness if z_of == TOP else 0.0
            states = part.modes.combine(depth, part.thickness, amplitudes[layer]) + driven[layer]
            waves.append(part.wave(states, hemisphere) / root)
        arriving.append(np.concatenate(waves, axis=1))
    defect = max((junction.defect() for junction in film.junctions), default=0.0)
    return SphereFaces(film, arriving), {"unitarity_defect": defect, **certificates}


@lru_cache(maxsize=16)
def _mesh(grid: AnnularGrid, radius: float) -> FermiSurfaceMesh:
    # Annuli integrate well, but no moment exactly.
    name = f"sphere of {radius:g}/nm"
    return mesh_of_rings(grid.sphere(radius), name, moment_tolerance=np.inf)
