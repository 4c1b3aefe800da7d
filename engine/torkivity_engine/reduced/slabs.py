"""What a slab of a layer's material does, sector by sector.

With E = L_e/mu, N = L_o/mu and Omega^2 = N E, a slab excited symmetrically has the
admittance S (f into the slab per e at a face), and antisymmetrically the impedance B,

    S = N^-1 Omega tanh(Omega t/2),    B = Omega^-1 tanh(Omega t/2) N.

Both are analytic in Omega^2 and exist for singular N and E, so the defective zero modes of
charge (and of spin without spin flip) need no special treatment. Where E and N are symmetric
they come from the modes of the material (`slab_modes`); otherwise, with precession or skew
scattering, they start from the continued fraction of tanh for a thin slab and double by

    S' = 2 S (1 + B S)^-1,    B' = 2 (1 + B S)^-1 B,

where B S has eigenvalues between 0 and 1: neither grazing angles nor t/lambda of any size
cost digits or overflow. A density that is conserved gives S (or B) a null vector, which is
projected out after each doubling: rounding would leak, twice as much at each step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.boundaries import BOTTOM, TOP
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.layer import Layer
from torkivity_engine.reduced.sectors import (
    Kept,
    LayerSector,
    coupled,
    flight_nodes,
    layer_sectors,
)
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


#: Thin slabs start at a norm of (Omega t/2)^2 below this; eight continued-fraction levels
#: then leave a relative error below 1e-17.
_THIN = 0.25
_LEVELS = 8
#: Larger matrices are inverted by blocks: products are several times faster than factorisation.
_BLOCK = 64
#: Attenuation below this is none: products over many layers would become subnormal, and slow.
NOTHING = 1e-40

_Array = NDArray[Any]  # real or complex


@dataclass(frozen=True, eq=False)
class SlabOperators:
    """Operators of one slab in one sector, unknowns ordered (node, ring).

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


def _tanh_coefficients() -> tuple[FloatArray, FloatArray]:
    """Polynomials p, q in x^2, lowest power first, with tanh(x)/x = p/q to rounding."""
    poly = np.polynomial.polynomial
    numerator, denominator = np.array([1.0]), np.array([float(2 * _LEVELS - 1)])
    for level in range(_LEVELS - 1, 0, -1):
        # 1 / (b + x^2 n/d)  ->  d / (b d + x^2 n)
        numerator, denominator = (
            denominator,
            poly.polyadd((2 * level - 1) * denominator, poly.polymulx(numerator)),
        )
    scale = denominator[0]
    numerator = np.pad(numerator, (0, len(denominator) - len(numerator)))
    return numerator / scale, denominator / scale


def _series(numerator: FloatArray, denominator: FloatArray, count: int) -> FloatArray:
    """Power series of a ratio of polynomials, denominator[0] = 1."""
    c = np.zeros(count)
    for k in range(count):
        c[k] = numerator[k] if k < len(numerator) else 0.0
        for j in range(1, min(k + 1, len(denominator))):
            c[k] -= denominator[j] * c[k - j]
    return c


_TANH_P, _TANH_Q = _tanh_coefficients()
#: At the norms of thin slabs a tenth of the radius of convergence.
_TANH_SERIES = _series(_TANH_P, _TANH_Q, 17)


def slab_operators(sector: LayerSector, thickness: float) -> SlabOperators:
    """Operators of a slab, by modes of its material or by doubling.

    Parameters
    ----------
    sector : LayerSector
    thickness : float
        nm.

    Returns
    -------
    SlabOperators
    """
    # In the norm of the flux grazing rings keep their digits, and operators are nearly symmetric.
    scale = np.sqrt(sector.flux)
    frame = scale[:, None] / scale
    kept = tuple(
        None if pair is None else (pair[0] * scale[:, None], pair[1] / scale[:, None])
        for pair in sector.kept
    )
    if sector.modes is not None:
        s, b, even, odd = sector.modes.operators(thickness)
        s, b = _conserving(s, kept[0]), _conserving(b, kept[1])
    else:
        s, b, even, odd = _by_doubling(sector, scale, frame, kept, thickness)
    return SlabOperators(s / frame, b / frame, even * scale, odd * scale)


def _by_doubling(
    sector: LayerSector,
    scale: FloatArray,
    frame: FloatArray,
    kept: tuple[Kept | None, ...],
    thickness: float,
) -> list[FloatArray]:
    """Operators in the norm of the flux, from those of a thin slab."""
    e = sector.even / sector.mu[:, None] * frame
    n = sector.odd / sector.mu[:, None] * frame
    rows = [sector.density_even / scale, sector.density_odd / scale]
    if _turns(sector) and kept == (None, None):
        # Two components that turn into each other are one complex unknown.
        e, n, *rows = (_as_complex(x) for x in (e, n, *rows))
        return [_as_real(x) for x in _doubled(e, n, rows, kept, thickness)]
    return _doubled(e, n, rows, kept, thickness)


def _turns(sector: LayerSector) -> bool:
    """Whether all operators of a sector are [[a, b], [-b, a]]."""
    operators = (sector.even, sector.odd, sector.density_even, sector.density_odd)
    return len(sector.nodes) == 2 and all(
        np.array_equal(x, _as_real(_as_complex(x))) for x in operators
    )


def _as_complex(matrix: FloatArray) -> _Array:
    """[[a, b], [-b, a]] as a + i b."""
    rows, columns = (size // 2 for size in matrix.shape)
    result: _Array = matrix[:rows, :columns] + 1j * matrix[:rows, columns:]
    return result


def _as_real(matrix: _Array) -> FloatArray:
    a, b = matrix.real, matrix.imag
    return np.block([[a, b], [-b, a]])


def _doubled(
    e: _Array,
    n: _Array,
    rows: list[_Array],
    kept: tuple[Kept | None, ...],
    thickness: float,
) -> list[_Array]:
    """S, B and the content that rows take out of a slab, all real or all complex."""
    bound = math.sqrt(np.abs(n).sum(axis=1).max() * np.abs(e).sum(axis=1).max())
    steps = math.log2(max(bound * thickness / 2.0, 1e-300) / math.sqrt(_THIN))
    doublings = max(0, math.ceil(steps))
    half = thickness / 2.0 ** (doublings + 1)
    keep_s, keep_b = kept
    ratio = _tanh_ratio((n @ e) * half**2)
    s = _conserving(half * (e @ ratio), keep_s)
    b = _conserving(half * (ratio @ n), keep_b)
    # int cosh(Omega z) dz / cosh(Omega t/2) = 2 Omega^-1 tanh(Omega t/2).
    even = 2.0 * half * (rows[0] @ ratio)
    odd = 2.0 * half * _rows_of_tanh_ratio(rows[1], e, n * half**2)
    identity = np.eye(len(s))
    for _ in range(doublings):
        inverse = _inverse(identity + b @ s)
        # Each half of the doubled slab holds its content for the mean of its two faces.
        even = 2.0 * (even @ inverse)
        odd = 2.0 * (odd - odd @ s @ inverse @ b)
        s = _conserving(2.0 * (s @ inverse), keep_s)
        b = _conserving(2.0 * (inverse @ b), keep_b)
    return [s, b, even, odd]


def _inverse(matrix: _Array) -> _Array:
    """Inverse by blocks, of a matrix whose symmetric part is positive in the norm of the flux."""
    if len(matrix) <= _BLOCK:
        return np.asarray(np.linalg.inv(matrix))
    k = len(matrix) // 2
    corner = _inverse(matrix[:k, :k])
    below, beside = matrix[k:, :k] @ corner, corner @ matrix[:k, k:]
    rest = _inverse(matrix[k:, k:] - below @ matrix[:k, k:])
    inverse = np.empty_like(matrix)
    inverse[k:, k:] = rest
    inverse[:k, k:] = -beside @ rest
    inverse[k:, :k] = -rest @ below
    inverse[:k, :k] = corner - inverse[:k, k:] @ below
    return inverse


def _tanh_ratio(m: _Array) -> _Array:
    """tanh(x)/x of the matrix x with square m."""
    square, identity = m @ m, np.eye(len(m))

    def polynomial(c: FloatArray) -> _Array:
        low = c[0] * identity + c[1] * m
        result: _Array = low + (c[2] * identity + c[3] * m + c[4] * square) @ square
        return result

    ratio: _Array = np.linalg.solve(polynomial(_TANH_Q), polynomial(_TANH_P))
    return ratio


def _rows_of_tanh_ratio(rows: _Array, left: _Array, right: _Array) -> _Array:
    """rows tanh(x)/x with x^2 = left right, by its series: few rows need no matrix products."""
    total = np.zeros_like(rows)
    for c in _TANH_SERIES if len(rows) else ():
        total += c * rows
        rows = rows @ left @ right
    return total


def _conserving(matrix: _Array, kept: Kept | None) -> _Array:
    """Both sides of a matrix times 1 - u z^T."""
    if kept is None:
        return matrix
    u, z = kept
    matrix = matrix - u @ (z.T @ matrix)
    result: _Array = matrix - (matrix @ u) @ z.T
    return result


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
        signature = tuple(x.tobytes() for x in (sector.even, sector.odd, sector.parity))
        if signature not in done:
            done[signature] = _scattering(sector, slab_operators(sector, thickness))
        result.append(
            SlabSector(
                sector.nodes, sector.parity, sector.k_out, *done[signature], sector.densities
            )
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
    identity, p = np.eye(len(slab.s)), sector.parity
    left, right = np.linalg.inv(identity + slab.s), np.linalg.inv(identity + slab.b)
    # (1+S)^-1 - (1+B)^-1 without cancellation in a thin slab, and the sum minus one.
    reflection = left @ (slab.b - slab.s) @ right
    transmission = left @ (identity - slab.s @ slab.b) @ right
    even, odd = 0.5 * slab.content_even @ left, 0.5 * slab.content_odd @ right
    content = np.block([[even, even * p], [odd, -odd * p]])
    return reflection, transmission, content


def attenuation(k_out: FloatArray, rings: AzimuthalRings, length: float) -> FloatArray:
    """exp(-K_out length / mu), shape (n_polar, s, s)."""
    depth = length / rings.cosines
    result = np.zeros((len(depth), *k_out.shape))
    for part in coupled(k_out):
        rows = np.array(part)
        result[:, rows[:, None], rows] = _decay(k_out[rows[:, None], rows], depth)
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
