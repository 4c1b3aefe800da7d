"""What a layer does whose spins have Fermi spheres of their own, on the rings of its film.

Isotropic scattering feeds the azimuthal mean of the two occupations only; the other moments fly
through. Unknowns are ordered (spin, ring), each spin on the rings of its own sphere; results are
given on all rings of the grid and four slots, zero where there are no states.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.boundaries import BOTTOM, Boundary
from torkivity_engine.film.spheres import SphereLayer
from torkivity_engine.reduced.layer_response import (
    Content,
    Emission,
    Termination,
    Transfer,
)
from torkivity_engine.reduced.low_rank import LowRank
from torkivity_engine.reduced.sectors import N_MOMENTS, LayerSector, conserved_densities
from torkivity_engine.reduced.slabs import NOTHING, SlabSector, slab_sector
from torkivity_engine.reduced.truncation import thin_factors

__all__ = [
    "SplitEnd",
    "SplitUnknowns",
    "split_driven_moments",
    "split_end",
    "split_termination",
    "split_transfer",
    "split_unknowns",
]

IntArray = NDArray[np.int64]


class SplitUnknowns(NamedTuple):
    """Occupations of a split layer in the order of its equations.

    Attributes
    ----------
    ring, slot : ndarray of int, shape (n,)
        Where each stands on the grid.
    mu : ndarray, shape (n,)
        abs(cos(theta)) on its own sphere.
    mean : ndarray, shape (n,)
        Weight in the average over that sphere.
    spin : ndarray of int, shape (n,)
        Row of the collision terms.
    rate : ndarray, shape (n,)
        Out-scattering, 1/nm.
    k_in : ndarray, shape (n_spins, n_spins)
    slots : tuple of int
        Slot of each row of the collision terms.
    """

    ring: IntArray
    slot: IntArray
    mu: FloatArray
    mean: FloatArray
    spin: IntArray
    rate: FloatArray
    k_in: FloatArray
    slots: tuple[int, ...]

    @property
    def flux(self) -> FloatArray:
        """Weight in the flux of its spin, one in all."""
        each = self.mean * self.mu
        total = np.bincount(self.spin, each)
        result: FloatArray = each / total[self.spin]
        return result

    def attenuation(self, length: float) -> FloatArray:
        """What a flight over this depth leaves, shape (n,)."""
        left: FloatArray = np.exp(-self.rate * length / self.mu)
        left[left < NOTHING] = 0.0
        return left

    def in_plane(self) -> FloatArray:
        """Azimuthal moment of the driven distribution along the field, shape (n,), nm."""
        result: FloatArray = np.sqrt(0.5 * (1.0 - self.mu) * (1.0 + self.mu)) / self.rate
        return result

    def averages(self) -> FloatArray:
        """Rows that take the mean of each spin, shape (n_spins, n)."""
        rows = np.zeros((len(self.slots), len(self.mu)))
        rows[self.spin, np.arange(len(self.mu))] = self.mean
        return rows

    def sector(self) -> LayerSector:
        """The collisions of the azimuthal mean."""
        even = np.diag(self.rate) - self.k_in[np.ix_(self.spin, self.spin)] * self.mean
        return LayerSector(
            nodes=np.zeros((0, N_MOMENTS, 4)),
            parity=np.ones(len(self.mu)),
            k_out=np.zeros((0, 0)),
            even=even,
            odd=np.diag(self.rate),
            mu=self.mu,
            kept=(conserved_densities(even, self.mu), None),
            density_even=self.averages(),
            density_odd=np.zeros((0, len(self.mu))),
            densities=self.slots,
            flux=self.mean * self.mu,
        )


def split_unknowns(layer: SphereLayer) -> SplitUnknowns:
    """Occupations of a split layer on the rings of its film.

    Parameters
    ----------
    layer : SphereLayer
        With states.

    Returns
    -------
    SplitUnknowns
    """
    terms = layer.terms
    n_rings = layer.grid.n_rings
    slots = tuple(slot for slot, first in enumerate(layer.first) if first < n_rings)
    spheres = [layer.rings(slot) for slot in slots]
    counts = [sphere.n_polar for sphere in spheres]
    spin = np.repeat(np.arange(len(slots)), counts)
    return SplitUnknowns(
        ring=np.concatenate([np.arange(n_rings - n, n_rings) for n in counts]),
        slot=np.array(slots)[spin],
        mu=np.concatenate([sphere.cosines for sphere in spheres]),
        mean=np.concatenate([sphere.polar_weights for sphere in spheres]),
        spin=spin,
        rate=np.diag(terms.k_out)[spin],
        k_in=terms.k_in[0, 0],
        slots=slots,
    )


def split_driven_moments(layer: SphereLayer) -> FloatArray:
    """Azimuthal moments of the driven bulk distribution, the same for both signs of k_z.

    Parameters
    ----------
    layer : SphereLayer

    Returns
    -------
    ndarray, shape (n_rings, 3, 4, 2)
        nm per unit field along x and y.
    """
    u = split_unknowns(layer)
    moments = np.zeros((layer.grid.n_rings, N_MOMENTS, 4, 2))
    moments[u.ring, 1, u.slot, 0] = moments[u.ring, 2, u.slot, 1] = u.in_plane()
    return moments


class SplitEnd(NamedTuple):
    """A slab that ends at an outer boundary, seen from its inner face.

    Attributes
    ----------
    returned : ndarray, shape (n, n)
        Of the azimuthal mean.
    injected : ndarray, shape (n, 4)
        What comes out per injected (x, y, z, charge), in the azimuthal mean.
    field : ndarray, shape (n,)
        What comes out per unit field, in the moment along it, besides the driven distribution.
    flight : ndarray, shape (n,)
        What comes back without a collision.
    content, content_of_injected : ndarray, shape (n_spins, n) and (n_spins, 4)
        Integral of <g> over the slab per unit arriving and per injection, nm.
    """

    returned: FloatArray
    injected: FloatArray
    field: FloatArray
    flight: FloatArray
    content: FloatArray
    content_of_injected: FloatArray


def split_end(
    layer: SphereLayer, u: SplitUnknowns, boundary: Boundary, side: int, thickness: float
) -> SplitEnd:
    """A slab of a layer's material between a plane and the outer boundary.

    Parameters
    ----------
    layer : SphereLayer
    u : SplitUnknowns
    boundary : Boundary
    side : {BOTTOM, TOP}
        On which side of the slab the boundary lies.
    thickness : float
        nm; a half space is as thick as it takes.

    Returns
    -------
    SplitEnd
    """
    n = len(u.mu)
    if boundary.endless:
        thickness = layer.decay_reach()
    slab = slab_sector(u.sector(), thickness)
    same = u.spin[:, None] == u.spin
    back = boundary.specular * np.eye(n) + boundary.diffuse * np.where(same, u.flux, 0.0)
    loop = np.linalg.inv(np.eye(n) - back @ slab.reflection)
    inwards = slab.transmission @ loop
    # The driven distribution is even in k_z: a specular face takes it, others do not.
    missing = 0.0 if boundary.endless else boundary.specular - 1.0
    sent = layer.occupations()[u.slot] * float(boundary.open)
    halves = slab.content[:, :n], slab.content[:, n:]
    far, near = halves if side == BOTTOM else halves[::-1]
    return SplitEnd(
        returned=slab.reflection + inwards @ back @ slab.transmission,
        injected=inwards @ sent,
        field=missing * u.in_plane() * u.attenuation(thickness),
        flight=boundary.specular * u.attenuation(2.0 * thickness),
        content=near + far @ loop @ back @ slab.transmission,
        content_of_injected=far @ loop @ sent,
    )


def split_termination(layer: SphereLayer, boundary: Boundary, side: int) -> Termination:
    """Outermost layer with its outer boundary, seen from its inner face.

    Parameters
    ----------
    layer : SphereLayer
    boundary : Boundary
    side : {BOTTOM, TOP}

    Returns
    -------
    Termination
    """
    u = split_unknowns(layer)
    n_rings = layer.grid.n_rings
    end = split_end(layer, u, boundary, side, layer.layer.thickness)
    injection, held_source = np.zeros((n_rings, N_MOMENTS, 4, 4)), np.zeros((4, 6))
    injection[u.ring, 0, u.slot] = end.injected
    held_source[list(u.slots), 2:] = end.content_of_injected
    field = np.zeros((n_rings, N_MOMENTS, 4, 2))
    field[u.ring, 1, u.slot, 0] = field[u.ring, 2, u.slot, 1] = end.field
    held = _spread(u, end.content, n_rings)
    return Termination(
        local=_on_rings(u, end.flight, n_rings),
        dense=LowRank(*_low_rank(u, end.returned - np.diag(end.flight), n_rings)),
        emission=Emission(field, injection),
        content=Content((None, held) if side == BOTTOM else (held, None), held_source),
        conserved=u.sector().conserved,
    )


def split_transfer(layer: SphereLayer) -> Transfer:
    """Inner layer between two interfaces.

    Parameters
    ----------
    layer : SphereLayer

    Returns
    -------
    Transfer
    """
    u = split_unknowns(layer)
    n, n_rings, thickness = len(u.mu), layer.grid.n_rings, layer.layer.thickness
    sector = u.sector()
    slab: SlabSector = slab_sector(sector, thickness)
    direct = u.attenuation(thickness)
    lefts, rights = [], []
    for sign in (1.0, -1.0):
        collided = slab.reflection + sign * (slab.transmission - np.diag(direct))
        left, right = _low_rank(u, collided, n_rings)
        lefts.append(0.5 * np.concatenate([left, sign * left], axis=2))
        rights.append(np.concatenate([right, sign * right], axis=2))
    return Transfer(
        local=_on_rings(u, direct, n_rings),
        dense=LowRank(np.concatenate(lefts, axis=3), np.concatenate(rights, axis=3)),
        content=Content(
            (
                _spread(u, slab.content[:, :n], n_rings),
                _spread(u, slab.content[:, n:], n_rings),
            ),
            np.zeros((4, 6)),
        ),
        conserved=sector.conserved,
    )


def _on_rings(u: SplitUnknowns, values: FloatArray, n_rings: int) -> FloatArray:
    """Attenuations as diagonal matrices, shape (n_rings, 4, 4)."""
    out = np.zeros((n_rings, 4, 4))
    out[u.ring, u.slot, u.slot] = values
    return out


def _spread(u: SplitUnknowns, rows: FloatArray, n_rings: int) -> FloatArray:
    """Content rows (spin, unknown) as (slot, ring, moment, slot)."""
    out = np.zeros((4, n_rings, N_MOMENTS, 4))
    for slot, row in zip(u.slots, rows, strict=True):
        out[slot, u.ring, 0, u.slot] = row
    return out


def _low_rank(u: SplitUnknowns, matrix: FloatArray, n_rings: int) -> tuple[FloatArray, FloatArray]:
    """The factors of `LowRank`."""
    factors = []
    for columns in thin_factors(matrix, np.sqrt(u.mean * u.mu)):
        full = np.zeros((n_rings, 1, 4, columns.shape[1]))
        full[u.ring, 0, u.slot] = columns
        factors.append(full)
    return factors[0], factors[1]
