"""One grid of k_parallel for layers whose Fermi spheres differ in radius.

An interface conserves k_parallel, so all layers of a stack share one grid. Every radius is a
threshold at which k_z of that sphere vanishes like a square root; between sorted radii a < b,

    k_parallel^2 = a^2 + (b^2 - a^2) sin^2(theta),    0 < theta < pi/2,

makes the square roots at both edges smooth in theta, so that a Gauss rule converges
spectrally in each annulus.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from torkivity_meshes.errors import InputError
from torkivity_meshes.fermi_surface import AzimuthalRings

__all__ = ["AnnularGrid", "annular_grid"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AnnularGrid:
    """Rings of k_parallel between the radii of Fermi spheres.

    Rings are ordered by falling k_parallel, so abs(cos(theta)) increases along them on every
    sphere, and those on a sphere are the last ones.

    Attributes
    ----------
    radii : tuple of float
        Radii in 1/nm, increasing, each once.
    inner, outer : ndarray, shape (n_rings,)
        Edges a < b of the annulus of each ring, 1/nm.
    sine_squared, cosine_squared : ndarray, shape (n_rings,)
        Of the angle theta of each ring: (k_parallel^2 - a^2) / (b^2 - a^2) and its complement,
        each with full relative precision.
    area : ndarray, shape (n_rings,)
        Weights of the integral over k_parallel, all azimuths together, 1/nm^2.
    rule : AzimuthalRings
        The rings of a unit sphere that give the polar rule of each annulus, and the azimuths.
    """

    radii: tuple[float, ...]
    inner: FloatArray
    outer: FloatArray
    sine_squared: FloatArray
    cosine_squared: FloatArray
    area: FloatArray
    rule: AzimuthalRings

    @property
    def n_rings(self) -> int:
        """Number of rings."""
        return len(self.area)

    @property
    def k_parallel(self) -> FloatArray:
        """Length of k_parallel of each ring, shape (n_rings,), 1/nm."""
        width = (self.outer - self.inner) * (self.outer + self.inner)
        k: FloatArray = np.sqrt(self.inner**2 + width * self.sine_squared)
        return k

    def normal_squared(self, radius: float, decay: float = 0.0) -> FloatArray:
        """k_z^2 = radius^2 - decay^2 - k_parallel^2 of each ring.

        Parameters
        ----------
        radius : float
            One of `radii`, or zero for a band without states; 1/nm.
        decay : float, optional
            Decay wavevector at k_parallel = 0 of a band without states, 1/nm.

        Returns
        -------
        ndarray, shape (n_rings,)
            1/nm^2, negative where states are evanescent. It is put together from terms of one
            sign, never as a difference from k_parallel^2: no digit is lost at a threshold.
        """
        width = (self.outer - self.inner) * (self.outer + self.inner)
        inside = (radius - self.outer) * (radius + self.outer) + width * self.cosine_squared
        beyond = (radius - self.inner) * (radius + self.inner) - width * self.sine_squared
        result: FloatArray = np.where(radius >= self.outer, inside, beyond) - decay**2
        return result

    def first(self, radius: float) -> int:
        """Index of the first ring on the sphere with this radius; those after it are too."""
        return int(np.sum(self.outer > radius))

    def sphere(self, radius: float) -> AzimuthalRings:
        """The rings that lie on one sphere, as a mesh of that sphere.

        Parameters
        ----------
        radius : float
            One of `radii`, 1/nm.

        Returns
        -------
        AzimuthalRings
            The last ``n_rings - first(radius)`` rings: cosines on that sphere and weights of
            its average, which sum to one.
        """
        if len(self.radii) == 1:
            return self.rule
        on_it = slice(self.first(radius), None)
        mu = np.sqrt(self.normal_squared(radius)[on_it]) / radius
        solid_angle = self.area[on_it] / mu
        return AzimuthalRings(
            n_polar=len(mu),
            n_azimuth=self.rule.n_azimuth,
            cosines=mu,
            polar_weights=solid_angle / solid_angle.sum(),
            azimuths=self.rule.azimuths,
        )


def annular_grid(radii: Iterable[float], rule: AzimuthalRings) -> AnnularGrid:
    """Grid of k_parallel for spheres of the given radii.

    Parameters
    ----------
    radii : iterable of float
        Radii in 1/nm, positive, in any order and any number of times.
    rule : AzimuthalRings
        Rings of a mesh of the unit sphere. Its polar rule is used in every annulus, in
        1 - theta / (pi/2), and its azimuths on every ring. One radius leaves it as it is.

    Returns
    -------
    AnnularGrid

    Raises
    ------
    InputError
        Without a radius, or with one that is not positive and finite.
    """
    edges = sorted(set(radii))
    if not edges:
        raise InputError("radii", edges, "must hold at least one radius: some layer needs states")
    if not (edges[0] > 0.0 and math.isfinite(edges[-1])):
        raise InputError("radii", edges, "must be positive and finite, in 1/nm")
    if len(edges) == 1:
        mu = rule.cosines
        cosine_squared, sine_squared = mu**2, (1.0 - mu) * (1.0 + mu)
        share = mu * rule.polar_weights
    else:
        angle = 0.5 * np.pi * rule.cosines
        cosine_squared, sine_squared = np.sin(angle) ** 2, np.cos(angle) ** 2
        share = 0.25 * np.pi * np.sin(2.0 * angle) * rule.polar_weights
    n = rule.n_polar
    annuli = list(zip([0.0, *edges[:-1]], edges, strict=True))[::-1]
    widths = [(b - a) * (b + a) for a, b in annuli]
    grid = AnnularGrid(
        radii=tuple(edges),
        inner=np.repeat([a for a, _ in annuli], n),
        outer=np.repeat([b for _, b in annuli], n),
        sine_squared=np.tile(sine_squared, len(annuli)),
        cosine_squared=np.tile(cosine_squared, len(annuli)),
        area=2.0 * np.pi * np.outer(widths, share).ravel(),
        rule=rule,
    )
    for array in (grid.inner, grid.outer, grid.sine_squared, grid.cosine_squared, grid.area):
        array.flags.writeable = False
    return grid
