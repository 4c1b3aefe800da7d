"""One interface between two layers with Fermi spheres of their own, on a grid of k_parallel.

Everything is an integral over d^2 k_parallel / k_0^2, so that the film's prefactor
C = C_0 k_0^2 turns it into a current or a conductance: C int dOmega mu on one sphere of
radius k_0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.kinetics.matching import Matched, match
from torkivity_engine.kinetics.sphere_pumping import Emission, Turning, pumped_by_spheres
from torkivity_engine.kinetics.spheres import Bands
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AnnularGrid

__all__ = ["Junction", "Terminal"]


class Terminal(NamedTuple):
    """A layer as one side of an interface.

    Attributes
    ----------
    bands : Bands
    axis : array_like, shape (3,)
        m of the layer; looked at where its spheres are split.
    """

    bands: Bands
    axis: ArrayLike = (0.0, 0.0, 1.0)

    def cartesian(self) -> FloatArray:
        """From four slots to (x, y, z, charge), shape (4, 4); slots not in use give nothing."""
        own = self.bands.cartesian(self.axis)
        full = np.zeros((4, 4))
        full[:, : own.shape[1]] = own
        return full


class Junction:
    """Scattering of an interface at all points of a grid, and its integrals.

    Parameters
    ----------
    grid : AnnularGrid
        Its radii must hold those of both sides.
    k_0 : float
        Fermi wavevector of the film, 1/nm.
    below, above : Terminal
    parameters : ndarray, shape (12,)
        As in `torkivity_engine.kinetics.matching.match`.
    """

    def __init__(
        self,
        grid: AnnularGrid,
        k_0: float,
        below: Terminal,
        above: Terminal,
        parameters: FloatArray,
    ) -> None:
        self.grid, self.terminals = grid, (below, above)
        azimuths = grid.rule.azimuths
        unit = np.stack([np.cos(azimuths), np.sin(azimuths)], axis=1)
        #: k_parallel in nm^-1, shape (n_points, 2), ordered (ring, azimuth).
        self.k = (grid.k_parallel[:, None, None] * unit).reshape(-1, 2)
        #: d^2 k_parallel / k_0^2 of each point.
        self.weights = np.repeat(grid.area / len(unit), len(unit)) / k_0**2
        lower, upper = (t.bands.side(grid, k_0, t.axis) for t in self.terminals)
        self._sides, self._parameters, self._k_0 = (lower, upper), parameters, k_0
        self.matched: Matched = match(self.k / k_0, lower, upper, parameters)

    def open_slots(self) -> FloatArray:
        """One where a slot has a propagating state, else zero; shape (n_points, 8)."""
        n_azimuth, n_rings = self.grid.rule.n_azimuth, self.grid.n_rings
        open_ = np.zeros((n_rings, 8))
        for side, terminal in enumerate(self.terminals):
            for slot, sphere in enumerate(terminal.bands.slots):
                open_[self.grid.first(sphere.radius) :, 4 * side + slot] = 1.0
        return np.repeat(open_, n_azimuth, axis=0)

    def pumped(self, turning: Turning, drive: FloatArray) -> Emission:
        """What leaves at every point of the grid while a magnetization turns.

        Parameters
        ----------
        turning : Turning
            What of the interface and its sides does.
        drive : ndarray, shape (3, c)
            q, perpendicular to m.
        """
        k = self.k / self._k_0
        return pumped_by_spheres(k, self._sides, self._parameters, turning, drive)

    def defect(self) -> float:
        """Largest part of an arriving charge that is neither reflected nor transmitted."""
        charge = np.concatenate([terminal.cartesian()[CHARGE] for terminal in self.terminals])
        balance = charge @ self.matched.scattering - charge * self.open_slots()
        return float(np.abs(balance).max())

    def flows(self) -> FloatArray:
        """Flow along +z of (x, y, z, charge) at 0- and 0+ per arriving slot.

        Occupations give it where both spins share a sphere. Where they do not, occupations
        know charge and longitudinal spin only, and the coherent current replaces all of the
        spin part, evanescent states included.

        Returns
        -------
        ndarray, shape (n_points, 2, 4, 8)
        """
        scattering, _, coherent = self.matched
        arriving = self.open_slots()[:, :, None] * np.eye(8)
        out = np.empty((len(self.weights), 2, 4, 8))
        for side, sign in enumerate((1.0, -1.0)):
            rows = slice(4 * side, 4 * side + 4)
            net = arriving[:, rows] - scattering[:, rows]
            out[:, side] = sign * self.terminals[side].cartesian() @ net
            if self.terminals[side].bands.split:
                out[:, side, :3] = coherent[:, side]
        return out

    def flows_of_emission(self, emission: Emission) -> FloatArray:
        """The same of what leaves while a magnetization turns, shape (n_points, 2, 4, c)."""
        count = emission.leaving.shape[2]
        out = np.empty((len(self.weights), 2, 4, count))
        for side, sign in enumerate((-1.0, 1.0)):
            leaving = emission.leaving[:, 4 * side : 4 * side + 4]
            out[:, side] = sign * self.terminals[side].cartesian() @ leaving
            if self.terminals[side].bands.split:
                out[:, side, :3] = emission.current[:, side]
        return out

    def driven_sums(self, below: ArrayLike, above: ArrayLike) -> FloatArray:
        """Currents and spin density for field-driven bulk distributions on both sides.

        Parameters
        ----------
        below, above : array_like, shape (n_slots,)
            The distributions over v_E, nm.

        Returns
        -------
        ndarray, shape (11, 2)
            j(0-) (4 rows), j(0+) (4 rows), s (3 rows); columns E_x and E_y; nm.
        """
        drive = np.zeros((len(self.weights), 8, 2))
        for side, amplitudes in enumerate((below, above)):
            for slot, value in enumerate(np.asarray(amplitudes, dtype=np.float64)):
                radius = self.terminals[side].bands.slots[slot].radius
                if radius > 0.0:
                    drive[:, 4 * side + slot] = value / radius * self.k
        drive *= self.open_slots()[:, :, None]
        probes = np.concatenate(
            [self.flows().reshape(len(self.weights), 8, 8), self.matched.density], axis=1
        )
        sums: FloatArray = np.einsum("n,nab,nbf->af", self.weights, probes, drive)
        return sums

    def response(self) -> FloatArray:
        """Currents and spin density for an isotropic distribution in each slot.

        Returns
        -------
        ndarray, shape (11, 8)
            Rows as in `driven_sums`, columns the slots.
        """
        flows = self.flows().reshape(len(self.weights), 8, 8)
        probes = np.concatenate([flows, self.matched.density], axis=1)
        sums: FloatArray = np.einsum("n,nab->ab", self.weights, probes)
        return sums
