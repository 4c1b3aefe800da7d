"""The dense method for layers with Fermi spheres of their own.

As in `torkivity_engine.dense.matching`, unknowns are the amplitudes of all modes of all layers
and equations say what enters each face. At fixed k_parallel a face has as many equations as its
layer has states there. What crosses a face is written sqrt(d^2k) g, on slots
(`torkivity_engine.kinetics.matching`) of all points of the grid; slots without states are left
out of the equations.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.balances import LayerIntegrals
from torkivity_engine.dense.closing import solve_closing
from torkivity_engine.dense.drive import DenseDrive
from torkivity_engine.dense.modes import LayerModes, flux_scale, layer_modes
from torkivity_engine.dense.split_modes import split_modes
from torkivity_engine.film.boundaries import BOTTOM, TOP, Boundary
from torkivity_engine.film.spheres import SphereFilm, SphereLayer
from torkivity_engine.machine.memory import dense_memory, require_memory
from torkivity_engine.profiles import LayerMoments
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AnnularGrid, FermiSurfaceMesh, mesh_of_rings

__all__ = ["SphereStates", "solve_spheres"]


class _Part:
    """One layer: its modes, and where its unknowns stand among points and slots."""

    def __init__(self, layer: SphereLayer, weight: FloatArray) -> None:
        self.layer = layer
        self.open = np.repeat(layer.open(), layer.grid.rule.n_azimuth, axis=0) > 0.0
        self.thickness, self.start = layer.layer.thickness, 0.0
        n_azimuth, n_points = layer.grid.rule.n_azimuth, len(self.open)
        #: sqrt(d^2k) of each point, and abs(cos(theta)) and k_parallel / k_s of its slots.
        self.root = np.sqrt(weight)
        self.mu, self.in_plane = _angles(layer)
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

    def uniform(self, slots: FloatArray) -> FloatArray:
        """An isotropic distribution as f of the modes, (size, c), from slots, shape (4, c)."""
        f = np.zeros((self.size, slots.shape[1]))
        points, used = np.nonzero(self.open)
        for hemisphere in range(2):
            chosen = self.index[hemisphere, points, used]
            f[chosen] = (self.root[points] / self.scale[chosen])[:, None] * slots[used]
        return f

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
        self._blocks = [slice(a, b) for a, b in pairwise(offsets)]
        self._total = int(offsets[-1])

    def solve(
        self, drive: DenseDrive | None = None
    ) -> tuple[list[FloatArray], list[FloatArray], dict[str, float], FloatArray]:
        """Amplitudes and driven distributions of each layer, certificates, and slack."""
        driven, rhs = self._field_source() if drive is None else self._own_source(drive)
        matrix = np.zeros((self._total + self._closed,) * 2)
        for layer, part in enumerate(self.parts):
            if part.modes is not None:
                columns = self._blocks[layer]
                faces = [part.modes.states(z, part.thickness) for z in (0.0, part.thickness)]
                self._add_violation(matrix[:, columns], layer, faces)
        if self._closed:
            matrix[:-1, -1] = self._slack()
        solution, certificates = solve_closing(matrix, rhs, self._closed)
        removed = sum(p.modes.n_zero for p in self.parts if p.modes is not None)
        certificates["modes_removed"] = float(removed)
        slack = solution[-1] if self._closed else np.zeros(rhs.shape[1])
        return [solution[block] for block in self._blocks], driven, certificates, slack

    def _field_source(self) -> tuple[list[FloatArray], FloatArray]:
        """Bulk distributions and right side for fields along x and y, and for injection."""
        driven = [
            np.pad(p.modes.driven, ((0, 0), (0, 1))) if p.modes is not None else np.zeros((0, 3))
            for p in self.parts
        ]
        rhs = self._missed(driven)
        self._drop_endless(rhs)
        for layer, side in ((0, BOTTOM), (len(self.parts) - 1, TOP)):
            part = self.parts[layer]
            rhs[self._rows(layer, side), 2] += self._walls[side].injected[part.open]
        return driven, rhs

    def _own_source(self, drive: DenseDrive) -> tuple[list[FloatArray], FloatArray]:
        """The same for another drive, whose uniform distributions take the field's place."""
        driven = [part.uniform(u) for part, u in zip(self.parts, drive.uniform, strict=True)]
        rhs = self._missed(driven)
        for (layer, side), g in drive.entering.items():
            part = self.parts[layer]
            rhs[self._rows(layer, side)] += (part.root[:, None, None] * g)[part.open]
        if self._closed:
            for (layer, _), g in drive.ungauged.items():
                part = self.parts[layer]
                rhs[-1] += self._charge(part, part.root[:, None, None] * g)
        return driven, rhs

    def _missed(self, driven: list[FloatArray]) -> FloatArray:
        """By how much the bulk distributions miss the equations, with the sign of a source."""
        rhs = np.zeros((self._total + self._closed, driven[0].shape[1]))
        for layer, g in enumerate(driven):
            self._add_violation(rhs, layer, [-g, -g])
        return rhs

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
            # The mean charge at the two faces of a single film.
            per_density = part.layer.slowness() / part.mu
            for side in (BOTTOM, TOP):
                both = part.wave(faces[side], 0) + part.wave(faces[side], 1)
                out[-1] += self._charge(part, both * per_density[:, :, None])

    def _charge(self, part: _Part, wave: FloatArray) -> FloatArray:
        """Charge flux that a wave carries."""
        row = part.layer.terminal.cartesian()[CHARGE]
        result: FloatArray = np.einsum("p,s,psc->c", part.root, row, wave)
        return result

    def _slack(self) -> FloatArray:
        """Uniform charge flux into every face: what no state of closed layers can take up."""
        slack = np.zeros(self._total)
        for layer, part in enumerate(self.parts):
            charge = part.layer.occupations()[:, CHARGE] * part.open
            for side in (BOTTOM, TOP):
                wave = np.sqrt(self._weight)[:, None] * charge
                slack[self._rows(layer, side)] = wave[part.open]
        return slack / np.linalg.norm(slack)


class SphereStates:
    """Solution of the Boltzmann equation of a film, per unit e^2 E~, lengths in nm.

    Drives are unit fields along x and y, and what the reservoirs inject; or those of a
    `DenseDrive`.

    Attributes
    ----------
    minus, plus : ndarray, shape (n_interfaces, 4, n_drives)
        Currents at 0- and 0+, without the prefactor C.
    density : ndarray, shape (n_interfaces, 3, n_drives)
        Phase-coherent spin density times v_0.
    certificates : dict of str to float
        As those of `torkivity_engine.dense.matching`.
    slack : ndarray, shape (n_drives,)
        Charge flux that had to be added for the equations to have a solution.
    """

    def __init__(self, film: SphereFilm, drive: DenseDrive | None = None) -> None:
        self._film = film
        matching = _Matching(film)
        self._parts = matching.parts
        self._amplitudes, self._driven, certificates, self.slack = matching.solve(drive)
        n_drives = len(self.slack)
        arriving = [
            np.concatenate([self._wave(i, TOP, 0), self._wave(i + 1, BOTTOM, 1)], axis=1)
            for i in range(len(film.junctions))
        ]
        flows = np.zeros((len(arriving), 2, 4, n_drives))
        density = np.zeros((len(arriving), 3, n_drives))
        for i, (junction, wave) in enumerate(zip(film.junctions, arriving, strict=True)):
            # sqrt(d^2k) g with another square root of the weight is the integrand.
            integrand = np.sqrt(junction.weights)[:, None, None] * wave
            flows[i] = np.einsum("nsab,nbf->saf", junction.flows(), integrand)
            density[i] = np.einsum("nab,nbf->af", junction.matched.density, integrand)
        self.minus, self.plus, self.density = flows[:, 0], flows[:, 1], density
        defect = max((junction.defect() for junction in film.junctions), default=0.0)
        self.certificates = {
            "unitarity_defect": defect,
            "spin_balance": self._spin_balance(),
            **certificates,
        }

    def moments(self, layer: int, z: FloatArray) -> LayerMoments:
        """Moments of the distribution at some depths of one layer.

        Parameters
        ----------
        layer : int
        z : ndarray, shape (n_z,)
            Depths in nm from its left face.

        Returns
        -------
        LayerMoments
        """
        part = self._parts[layer]
        up, down = (
            np.stack([self._at(layer, float(depth) + part.start, h) for depth in z]) for h in (0, 1)
        )
        to_cartesian = part.layer.terminal.cartesian()
        root = part.root[:, None]
        per_angle = root / part.mu
        return LayerMoments(
            current=np.einsum("as,ps,zpsf->zaf", to_cartesian, root * part.open, up - down),
            density=np.einsum(
                "as,ps,zpsf->zaf", to_cartesian, per_angle * part.layer.slowness(), up + down
            ),
            in_plane=np.einsum(
                "as,ps,psi,zpsf->zaif", to_cartesian, per_angle, part.in_plane, up + down
            ),
        )

    def integrals(self, columns: slice) -> LayerIntegrals:
        """Integrals over all layers in closed form, for some of the drives."""
        in_plane, torque = [], []
        for i, part in enumerate(self._parts):
            both = np.zeros((*part.open.shape, len(self.slack)))
            if part.modes is not None:
                total = part.modes.integrate(part.thickness, self._amplitudes[i])
                total += part.thickness * self._driven[i]
                both = part.wave(total, 0) + part.wave(total, 1)
            to_cartesian = part.layer.terminal.cartesian()
            per_angle = np.where(part.open, part.root[:, None] / part.mu, 0.0)
            current = np.einsum(
                "as,ps,psi,psf->aif", to_cartesian, per_angle, part.in_plane, both[..., columns]
            )
            density = np.einsum(
                "as,ps,psf->af", to_cartesian, per_angle * part.layer.slowness(), both[..., columns]
            )
            in_plane.append(current)
            torque.append(part.layer.layer.torque_density(density[:CHARGE]))
        return LayerIntegrals(np.stack(in_plane), np.stack(torque))

    def _wave(self, layer: int, side: int, hemisphere: int) -> FloatArray:
        """sqrt(d^2k) g of one hemisphere at a face."""
        thickness = self._parts[layer].thickness
        return self._at(layer, thickness if side == TOP else 0.0, hemisphere)

    def _at(self, layer: int, depth: float, hemisphere: int) -> FloatArray:
        part = self._parts[layer]
        if part.modes is None:
            return np.zeros((*part.open.shape, len(self.slack)))
        states = part.modes.combine(depth, part.thickness, self._amplitudes[layer])
        return part.wave(states + self._driven[layer], hemisphere)

    def _spin_balance(self) -> float:
        """Worst violation, in any slot of a closed layer, of current in - out = what is lost."""
        worst, largest = 0.0, float(np.abs(self.density).max(initial=1e-300))
        last = len(self._parts) - 1
        for i, part in enumerate(self._parts):
            ends = [self._film.stack.left] * (i == 0) + [self._film.stack.right] * (i == last)
            if part.modes is None or any(end.endless for end in ends):
                continue
            total = part.modes.integrate(part.thickness, self._amplitudes[i])
            total += part.thickness * self._driven[i]
            both = part.wave(total, 0) + part.wave(total, 1)
            n = len(part.layer.terms.k_out)
            mean = np.einsum("p,ps,psf->sf", part.root, part.open / part.mu, both)[:n]
            rates = part.layer.terms.k_out - part.layer.terms.k_in[0, 0]
            surfaces = part.layer.surfaces()[:n, None]
            lost = surfaces * (rates @ (mean / surfaces))
            gained = np.zeros_like(lost)
            for side, sign in ((BOTTOM, 1.0), (TOP, -1.0)):
                net = self._wave(i, side, 0) - self._wave(i, side, 1)
                gained += sign * np.einsum("p,psf->sf", part.root, net)[:n]
                largest = max(largest, float(np.abs(np.einsum("p,psf->sf", part.root, net)).max()))
            worst = max(worst, float(np.abs(gained - lost).max()))
        return worst / float(largest)


def solve_spheres(
    film: SphereFilm, memory_limit: int | None = None, drive: DenseDrive | None = None
) -> SphereStates:
    """Solve the Boltzmann equation of a film with all modes of all layers.

    Parameters
    ----------
    film : SphereFilm
    memory_limit : int, optional
        Bytes; without it, what the machine has available.
    drive : DenseDrive, optional
        Instead of a field and of what reservoirs inject; in the slots of each layer.

    Returns
    -------
    SphereStates

    Raises
    ------
    CapacityError
        Before anything is allocated, if it would not fit into memory.
    PhysicsError
        If the stack leaves a density undetermined, or a layer does not relax.
    """
    sizes = [2 * int(layer.open().sum()) * film.grid.rule.n_azimuth for layer in film.layers]
    require_memory(
        dense_memory(len(sizes), max(sizes), coupling="spins"),
        memory_limit,
        f"the dense solution of {len(sizes)} layer{'s' * (len(sizes) > 1)} with up to "
        f"{max(sizes)} unknowns each",
    )
    return SphereStates(film, drive)


def _angles(layer: SphereLayer) -> tuple[FloatArray, FloatArray]:
    """abs(cos(theta)), shape (n_points, 4), and (k_x, k_y) / k_s, shape (n_points, 4, 2)."""
    n_rings, azimuths = layer.grid.n_rings, layer.grid.rule.azimuths
    mu = np.ones((n_rings, 4))
    for slot, first in enumerate(layer.first):
        if first < n_rings:
            mu[first:, slot] = layer.rings(slot).cosines
    unit = np.stack([np.cos(azimuths), np.sin(azimuths)], axis=1)
    sine = np.sqrt((1.0 - mu) * (1.0 + mu))
    in_plane = np.einsum("rs,ai->rasi", sine, unit).reshape(-1, 4, 2)
    return np.repeat(mu, len(azimuths), axis=0), in_plane


@lru_cache(maxsize=16)
def _mesh(grid: AnnularGrid, radius: float) -> FermiSurfaceMesh:
    # Annuli integrate well, but no moment exactly.
    name = f"sphere of {radius:g}/nm"
    return mesh_of_rings(grid.sphere(radius), name, moment_tolerance=np.inf)
