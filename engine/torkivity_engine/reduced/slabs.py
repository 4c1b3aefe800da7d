"""What a slab of a layer's material does, sector by sector.

With E = L_e/mu, N = L_o/mu and Omega^2 = N E, a slab excited symmetrically has the
admittance S (f into the slab per e at a face), and antisymmetrically the impedance B,

    S = N^-1 Omega tanh(Omega t/2),    B = Omega^-1 tanh(Omega t/2) N.

Both are analytic in Omega^2 and exist for singular N and E, so the defective zero modes of
charge (and of spin without spin flip) need no special treatment. They start from the
continued fraction of tanh for a thin slab and double by

    S' = 2 S (1 + B S)^-1,    B' = 2 (1 + B S)^-1 B,

where B S has eigenvalues between 0 and 1: neither grazing angles nor t/lambda of any size
cost digits or overflow. A density that is conserved gives S (or B) a null vector, which is
projected out after each doubling: rounding would leak, twice as much at each step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm, lu_factor, lu_solve

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.boundaries import BOTTOM, TOP
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.layer import Layer
from torkivity_engine.reduced.sectors import N_MOMENTS, LayerSector, Node, layer_sectors
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
#: Attenuation below this is none: products over many layers would become subnormal, and slow.
NOTHING = 1e-40


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
    nodes : tuple of (moment, spin component)
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
    scatters : bool
        Whether anything scatters into the sector.
    """

    nodes: tuple[Node, ...]
    parity: FloatArray
    k_out: FloatArray
    reflection: FloatArray
    transmission: FloatArray
    content: FloatArray
    densities: tuple[int, ...]
    scatters: bool

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
    return numerator / scale, denominator / scale


_TANH_P, _TANH_Q = _tanh_coefficients()


def slab_operators(sector: LayerSector, thickness: float) -> SlabOperators:
    """Operators of a slab by doubling.

    Parameters
    ----------
    sector : LayerSector
    thickness : float
        nm.

    Returns
    -------
    SlabOperators
    """
    e = sector.even / sector.mu[:, None]
    n = sector.odd / sector.mu[:, None]
    bound = math.sqrt(np.abs(n).sum(axis=1).max() * np.abs(e).sum(axis=1).max())
    steps = math.log2(max(bound * thickness / 2.0, 1e-300) / math.sqrt(_THIN))
    doublings = max(0, math.ceil(steps))
    half = thickness / 2.0 ** (doublings + 1)
    ratio = _tanh_ratio((n @ e) * half**2)
    s = _conserving(half * e @ ratio, sector.projectors[0])
    b = _conserving(half * ratio @ n, sector.projectors[1])
    # int cosh(Omega z) dz / cosh(Omega t/2) = 2 Omega^-1 tanh(Omega t/2).
    even = 2.0 * half * sector.density_even @ ratio
    odd = sector.density_odd
    if len(odd):
        odd = 2.0 * half * odd @ _tanh_ratio((e @ n) * half**2)
    identity = np.eye(len(s))
    for _ in range(doublings):
        factors = lu_factor(identity + b @ s, check_finite=False)

        def over(
            rows: FloatArray, factors: tuple[FloatArray, NDArray[np.int32]] = factors
        ) -> FloatArray:
            """rows (1 + B S)^-1."""
            result: FloatArray = lu_solve(factors, rows.T, trans=1, check_finite=False).T
            return result

        # Each half of the doubled slab holds its content for the mean of its two faces.
        even = 2.0 * over(even)
        odd = 2.0 * (odd - over(odd @ s) @ b)
        s = _conserving(2.0 * over(s), sector.projectors[0])
        b = _conserving(2.0 * lu_solve(factors, b, check_finite=False), sector.projectors[1])
    return SlabOperators(s, b, even, odd)


def _tanh_ratio(m: FloatArray) -> FloatArray:
    """tanh(x)/x of the matrix x with square m."""
    return np.asarray(np.linalg.solve(_horner(_TANH_Q, m), _horner(_TANH_P, m)), dtype=np.float64)


def _conserving(matrix: FloatArray, projector: FloatArray | None) -> FloatArray:
    return matrix if projector is None else projector @ matrix @ projector


def _horner(coefficients: FloatArray, m: FloatArray) -> FloatArray:
    identity = np.eye(len(m))
    result: FloatArray = coefficients[-1] * identity
    for c in coefficients[-2::-1]:
        result = result @ m + c * identity
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
    done: dict[bytes, tuple[FloatArray, FloatArray, FloatArray]] = {}
    result = []
    for sector in layer_sectors(layer, rings):
        signature = sector.even.tobytes() + sector.odd.tobytes()
        if signature not in done:
            done[signature] = _scattering(sector, slab_operators(sector, thickness))
        result.append(
            SlabSector(
                sector.nodes, sector.parity, sector.k_out, *done[signature], sector.densities, True
            )
        )
    if flight:
        scattered = {node for sector in result for node in sector.nodes}
        terms = collision_terms(layer)
        for moment in range(N_MOMENTS):
            spins = tuple(i for i in range(4) if (moment, i) not in scattered)
            if spins:
                k_out = terms.k_out[np.ix_(spins, spins)]
                through = on_diagonal(attenuation(k_out, rings, thickness))
                n = len(through)
                nodes = tuple((moment, i) for i in spins)
                result.append(
                    SlabSector(
                        nodes,
                        np.ones(n),
                        k_out,
                        np.zeros((n, n)),
                        through,
                        np.zeros((0, 2 * n)),
                        (),
                        False,
                    )
                )
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
        True,
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
    result: FloatArray = expm(-k_out * (length / rings.cosines)[:, None, None])
    result[np.abs(result) < NOTHING] = 0.0
    return result


def on_diagonal(local: FloatArray) -> FloatArray:
    """Per-ring blocks (n, s, s) as a matrix in (node, ring) order."""
    n, s, _ = local.shape
    full = np.zeros((s, n, s, n))
    ring = np.arange(n)
    full[:, ring, :, ring] = local
    return full.reshape(s * n, s * n)
