"""What a slab of a layer's material does, sector by sector.

With E = L_e/mu, N = L_o/mu and Omega^2 = N E, a slab excited symmetrically has the
admittance S (f into the slab per e at a face), and antisymmetrically the impedance B,

    S = N^-1 Omega tanh(Omega t/2),    B = Omega^-1 tanh(Omega t/2) N.

Both are analytic in Omega^2 and exist for singular N and E, so the defective zero modes of
charge (and of spin without spin flip) need no special treatment. Where E and N are symmetric
they come from the modes of the material (`slab_modes`); otherwise, with precession or skew
scattering, from what decays into a half space of it (`slab_decay`); and where two densities
are conserved, or nearly so, from thin slabs by doubling (`slab_doubling`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.boundaries import BOTTOM, TOP
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.layer import Layer
from torkivity_engine.reduced.sectors import (
    LayerSector,
    coupled,
    flight_nodes,
    layer_sectors,
)
from torkivity_engine.reduced.slab_equations import inverse
from torkivity_meshes import AzimuthalRings

__all__ = [
    "NOTHING",
    "SlabOperators",
    "SlabSector",
    "attenuation",
    "on_diagonal",
    "slab_operators",
    "slab_sector",
    "slab_sectors",
]


#: Attenuation below this is none: products over many layers would become subnormal, and slow.
NOTHING = 1e-40


@dataclass(frozen=True, eq=False)
class SlabOperators:
    """Operators of one slab in one sector in the norm of the flux, unknowns ordered (node, ring).

    Attributes
    ----------
    s, b : ndarray, shape (n, n)
        Symmetric admittance (f into the slab per e at a face) and antisymmetric impedance
        (e per f).
    content_even, content_odd : ndarray, shape (n_even, n) and (n_odd, n)
        Integral over the slab of the densities <g>, in nm: of those that e holds per e at the
        faces for symmetric excitation, of those that f holds per f for antisymmetric one.
    """

    s: FloatArray
    b: FloatArray
    content_even: FloatArray
    content_odd: FloatArray


@dataclass(frozen=True, eq=False)
class SlabSector:
    """Scattering of one slab in one sector, collisions and flight together.

    Attributes
    ----------
    nodes : ndarray, shape (n_nodes, 3, 4)
    parity : ndarray, shape (n,)
        Spin parity P of each unknown, unknowns ordered (node, ring).
    k_out : ndarray, shape (n_nodes, n_nodes)
    reflection, transmission : ndarray, shape (n, n)
        R_0 and T_0: the lower face reflects P R_0, the upper one R_0 P; upwards goes T_0,
        downwards P T_0 P.
    content : ndarray, shape (n_densities, 2 n)
        Integral of the densities <g> over the slab, in nm, per unit arriving at the lower and
        at the upper face.
    densities : tuple of int
        Spin components of its rows.
    """

    nodes: FloatArray
    parity: FloatArray
    k_out: FloatArray
    reflection: FloatArray
    transmission: FloatArray
    content: FloatArray
    densities: tuple[int, ...]

    def face(self, side: int) -> FloatArray:
        """Reflection at the lower (`BOTTOM`) or upper (`TOP`) face."""
        p = self.parity
        return p[:, None] * self.reflection if side == BOTTOM else self.reflection * p

    def through(self, towards: int) -> FloatArray:
        """Transmission towards the `TOP` or the `BOTTOM` face."""
        p = self.parity
        return self.transmission if towards == TOP else p[:, None] * self.transmission * p


def slab_operators(sector: LayerSector, thickness: float) -> SlabOperators:
    """Operators of a slab, in the way that its material allows.

    Parameters
    ----------
    sector : LayerSector
    thickness : float
        nm.

    Returns
    -------
    SlabOperators
    """
    return SlabOperators(*sector.slabs.operators(thickness))


def slab_sectors(
    layer: Layer, rings: AzimuthalRings, thickness: float, *, flight: bool = False
) -> list[SlabSector]:
    """Scattering of a slab of a layer's material in all sectors that collisions couple.

    Parameters
    ----------
    layer : Layer
        Its own thickness is not looked at; a magnet should have m along z.
    rings : AzimuthalRings
    thickness : float
        nm.
    flight : bool, optional
        Also give the sectors that nothing scatters into: attenuation alone.

    Returns
    -------
    list of SlabSector
    """
    done: dict[object, tuple[FloatArray, FloatArray, FloatArray]] = {}
    result = []
    sectors = layer_sectors(layer, rings)
    for sector in sectors:
        first = sector.first or sector
        if first not in done:
            done[first] = _scattering(first, slab_operators(first, thickness))
        result.append(
            SlabSector(sector.nodes, sector.parity, sector.k_out, *done[first], sector.densities)
        )
    if flight:
        for nodes, k_out in flight_nodes(collision_terms(layer).k_out, sectors):
            if k_out.tobytes() not in done:
                through = on_diagonal(attenuation(k_out, rings, thickness))
                none = np.zeros_like(through)
                done[k_out.tobytes()] = none, through, np.zeros((0, 2 * len(none)))
            own = done[k_out.tobytes()]
            parity = np.ones(len(own[0]))
            result.append(SlabSector(nodes, parity, k_out, *own, ()))
    return result


def slab_sector(sector: LayerSector, thickness: float) -> SlabSector:
    """Scattering of a slab in one sector.

    Parameters
    ----------
    sector : LayerSector
    thickness : float
        nm.

    Returns
    -------
    SlabSector
    """
    return SlabSector(
        sector.nodes,
        sector.parity,
        sector.k_out,
        *_scattering(sector, slab_operators(sector, thickness)),
        sector.densities,
    )


def _scattering(
    sector: LayerSector, slab: SlabOperators
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """R_0, T_0 and the content of a slab from its operators."""
    n, p, scale = len(slab.s), sector.parity, np.sqrt(sector.flux)
    diagonal = np.arange(n)
    shifted = slab.s.copy(), slab.b.copy()
    for each in shifted:
        each[diagonal, diagonal] += 1.0
    left, right = inverse(shifted[0]), inverse(shifted[1])
    # (1+S)^-1 - (1+B)^-1 without cancellation in a thin slab, and the sum minus one.
    reflection = left @ (slab.b - slab.s) @ right
    transmission = left + right
    transmission[diagonal, diagonal] -= 1.0
    frame = scale / scale[:, None]
    reflection *= frame
    transmission *= frame
    count = len(slab.content_even)
    content = np.empty((count + len(slab.content_odd), 2 * n))
    content[:count, :n] = 0.5 * slab.content_even @ left * scale
    content[count:, :n] = 0.5 * slab.content_odd @ right * scale
    content[:count, n:] = content[:count, :n] * p
    content[count:, n:] = content[count:, :n] * -p
    return reflection, transmission, content


def attenuation(k_out: FloatArray, rings: AzimuthalRings, length: float) -> FloatArray:
    """exp(-K_out length / mu), shape (n_polar, s, s)."""
    depth = length / rings.cosines
    result = np.zeros((len(depth), *k_out.shape))
    known: dict[bytes, FloatArray] = {}
    for part in coupled(k_out):
        rows = np.array(part)
        own = k_out[rows[:, None], rows]
        key = own.tobytes()
        if key not in known:
            known[key] = _decay(own, depth)
        result[:, rows[:, None], rows] = known[key]
    result[np.abs(result) < NOTHING] = 0.0
    return result


def _decay(k: FloatArray, depth: FloatArray) -> FloatArray:
    """exp(-k depth), shape (n, s, s); in closed form up to s = 2."""
    if len(k) == 1:
        return np.exp(-k * depth[:, None, None])
    if len(k) > 2:
        result: FloatArray = expm(-k * depth[:, None, None])
        return result
    mean = 0.5 * (k[0, 0] + k[1, 1])
    half = 0.5 * (k[0, 0] - k[1, 1])
    traceless = k - mean * np.eye(2)
    # (k - mean)^2 = square; the damping belongs into the exponents, which could overflow alone.
    square = half**2 + k[0, 1] * k[1, 0]
    root = math.sqrt(abs(square))
    if square > 0.0:
        slow, drop = np.exp(-(mean - root) * depth), -np.expm1(-2.0 * root * depth)
        even, odd = slow * (1.0 - 0.5 * drop), 0.5 * slow * drop / root
    else:
        damped = np.exp(-mean * depth)
        even = damped * np.cos(root * depth)
        odd = damped * (np.sin(root * depth) / root if root > 0.0 else depth)
    turned: FloatArray = np.multiply.outer(even, np.eye(2)) - np.multiply.outer(odd, traceless)
    return turned


def on_diagonal(local: FloatArray) -> FloatArray:
    """Per-ring blocks (n, s, s) as a matrix in (node, ring) order."""
    n, s, _ = local.shape
    full = np.zeros((s, n, s, n))
    ring = np.arange(n)
    full[:, ring, :, ring] = local
    return full.reshape(s * n, s * n)
