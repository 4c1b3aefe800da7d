"""The slowest spin modes of a heavy metal: what its drift-diffusion equation describes.

Deep in a layer a spin accumulation is a_- phi_- exp(-kappa z) + a_+ phi_+ exp(+kappa z) for
each spin component, everything else having decayed. Without skew scattering
phi_-+ = s / (1/lambda -+ kappa mu_z), with kappa the discrete root of the dispersion relation;
skew scattering mixes in l = 1 charge harmonics and splits kappa of s_z from that of s_x, s_y at
second order in the spin Hall angle. Amplitudes at a face follow from the orthogonality of
modes with weight mu_z (charge counted negative, by reciprocity).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.collisions import keyed
from torkivity_engine.film.layer import Keyed, Layer
from torkivity_engine.reduced.sectors import (
    N_MOMENTS,
    LayerSector,
    from_sector,
    layer_sectors,
)
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AzimuthalRings

__all__ = ["SlowModes", "slow_modes"]


@dataclass(frozen=True, eq=False)
class SlowModes:
    """Slow modes of the three spin components on a ring mesh.

    Attributes
    ----------
    kappa : ndarray, shape (3,)
        Decay constants in 1/nm.
    decaying, growing : ndarray, shape (2, n_polar, 3, 4, 3)
        phi_- (towards +z) and phi_+: (k_z > 0 and k_z < 0, ring, azimuthal moment, component,
        mode), with unit accumulation <phi_s> of the mode's own spin component.
    flux : ndarray, shape (n_polar,)
        mu w, with which amplitudes are projected.
    """

    kappa: FloatArray
    decaying: FloatArray
    growing: FloatArray
    flux: FloatArray

    def amplitudes(self, g: FloatArray, *, growing: bool) -> FloatArray:
        """Amplitudes of the modes of one kind in a distribution.

        Parameters
        ----------
        g : ndarray, shape (2, n_polar, n_moments, 4, columns)
            k_z > 0 and k_z < 0. Moments that are not given must be none of the modes'.
        growing : bool
            Which kind; the other kind and all faster modes drop out.

        Returns
        -------
        ndarray, shape (3, columns)
        """
        modes = self._projectors[1 if growing else 0][:, :, :, : g.shape[2]]
        return np.asarray(modes.reshape(CHARGE, -1) @ g.reshape(-1, g.shape[-1]))

    @cached_property
    def _projectors(self) -> tuple[FloatArray, FloatArray]:
        """What amplitudes of decaying and of growing modes are scalar products with."""
        sign = np.array([1.0, -1.0])[:, None, None, None]
        reciprocal = np.array([1.0, 1.0, 1.0, -1.0])
        weight = sign * self.flux[:, None, None] * reciprocal
        found = []
        for modes in (self.decaying, self.growing):
            own = np.moveaxis(modes, -1, 0)
            norm = np.einsum("adims,adims->a", weight * own, own)
            found.append(weight * own / norm[:, None, None, None, None])
        return found[0], found[1]

    @property
    def current(self) -> FloatArray:
        """int dOmega mu_z phi_- of each mode's own component, shape (3,)."""
        spin = np.arange(CHARGE)
        own = self.decaying[:, :, 0, spin, spin]
        return np.asarray(2.0 * np.pi * self.flux @ (own[0] - own[1]))


def slow_modes(layer: Layer, rings: AzimuthalRings) -> SlowModes:
    """Slow spin modes of a heavy metal on a mesh.

    Parameters
    ----------
    layer : Layer
        Without magnetization.
    rings : AzimuthalRings

    Returns
    -------
    SlowModes
        Kept: not to be written to.

    Raises
    ------
    PhysicsError
        Without a diffusive regime (see `require_diffusive`), or without spin flip.
    """
    layer.require_slow_modes()
    return _slow_modes(keyed(layer), rings)


@lru_cache(maxsize=16)
def _slow_modes(of: Keyed, rings: AzimuthalRings) -> SlowModes:
    sectors = layer_sectors(of.layer, rings)
    kappa = np.empty(CHARGE)
    decaying = np.zeros((2, rings.n_polar, N_MOMENTS, 4, CHARGE))
    growing = np.zeros_like(decaying)
    for spin in range(CHARGE):
        sector = next(sector for sector in sectors if spin in sector.densities)
        kappa[spin], plus, minus = _slow_mode(sector)
        at = next(at for at, node in enumerate(sector.nodes) if node[0, spin])
        n = rings.n_polar
        mean = 0.5 * rings.polar_weights @ (plus + minus)[at * n : (at + 1) * n]
        own_parity = sector.parity[at * n]
        for store, first, second in (
            (decaying, plus, minus),
            # The mirror image: k_z -> -k_z together with the spin parity.
            (growing, own_parity * sector.parity * minus, own_parity * sector.parity * plus),
        ):
            for direction, vector in enumerate((first, second)):
                moments = from_sector(sector.nodes, (vector / mean)[:, None])
                store[direction, ..., spin] = moments[..., 0]
    return SlowModes(kappa, decaying, growing, rings.cosines * rings.polar_weights)


def _slow_mode(sector: LayerSector) -> tuple[float, FloatArray, FloatArray]:
    """Slowest kappa of a sector with its mode at k_z > 0 and k_z < 0."""
    # kappa^2 is the smallest eigenvalue of (N/mu)(E/mu), whose others reach 1/mu^2 of the most
    # grazing ring: far beyond what digits are left for on a graded rule. Of the inverse it is the
    # largest.
    mu = sector.mu[:, None]
    inverse = np.linalg.solve(sector.even, mu * np.linalg.solve(sector.odd, np.diag(sector.mu)))
    squares, vectors = np.linalg.eig(inverse)
    first = int(np.argmax(squares.real))
    vector = vectors[:, first].real
    square = 1.0 / float(squares[first].real)
    kappa = float(np.sqrt(square))
    # -kappa mu e = -N f and -kappa mu f = -E e for exp(-kappa z); the first divides by no mu.
    flow = kappa * np.linalg.solve(sector.odd, sector.mu * vector)
    plus, minus = vector + flow, sector.parity * (vector - flow)
    return kappa, plus, minus
