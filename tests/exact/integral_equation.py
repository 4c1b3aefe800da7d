"""Integral equations of one-speed transport with isotropic scattering, solved directly.

A reference for the kinetic solvers that shares nothing with them: no directions, no modes,
no layer operators. The unknown is the average phi = <g> at optical depth tau,

    phi(tau) = s(tau) + (omega/2) int E_1(|tau - tau'|) phi(tau') dtau',

the Schwarzschild-Milne equation (E. Hopf, Mathematical Problems of Radiative Equilibrium,
Cambridge 1934; B. Davison, Neutron Transport Theory, Oxford 1957). Panels shrink
geometrically towards the faces, where phi behaves as tau log(tau); on each panel phi is a
polynomial and the logarithm of the kernel is integrated by the double-exponential rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import exp1, expn

FloatArray = NDArray[np.float64]
Kernel = Callable[[FloatArray], FloatArray]

ORDER = 12  #: Gauss points per panel
RATIO = 3.0  #: of neighbouring panels near a face
GRADES = 14  #: panels between a face and the bulk: the thinnest is 2e-7 of the thickest
FAR = 30.0  #: optical depth beyond which a half space is asymptotic, exp(-30) = 1e-13


def _double_exponential(n: int = 40, reach: float = 3.3) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on (0, 1), exact distances from 0, for singular ends."""
    t = np.linspace(-reach, reach, 2 * n + 1)
    s = 0.5 * np.pi * np.sinh(t)
    x = 1.0 / (1.0 + np.exp(-2.0 * s))
    w = (t[1] - t[0]) * 0.25 * np.pi * np.cosh(t) / np.cosh(s) ** 2
    return x, w


_DE_NODES, _DE_WEIGHTS = _double_exponential()
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(ORDER)
_TO_COEFFICIENTS = np.linalg.inv(np.polynomial.legendre.legvander(_NODES, ORDER - 1))


def _cardinal(xi: FloatArray) -> FloatArray:
    """Lagrange polynomials of the Gauss points at local coordinates in [-1, 1]."""
    values: FloatArray = np.polynomial.legendre.legvander(xi, ORDER - 1) @ _TO_COEFFICIENTS
    return values


@dataclass(frozen=True, eq=False)
class Panels:
    """Panels with their Gauss points; `nodes` and `weights` run over all of them."""

    edges: FloatArray
    nodes: FloatArray
    weights: FloatArray

    @classmethod
    def between(cls, edges: FloatArray) -> Panels:
        half = 0.5 * np.diff(edges)[:, None]
        middle = 0.5 * (edges[1:] + edges[:-1])[:, None]
        return cls(edges, (middle + half * _NODES).ravel(), (half * _WEIGHTS).ravel())

    @classmethod
    def slab(cls, thickness: float) -> Panels:
        """Graded towards both faces."""
        first = min(0.5 * thickness, 1.0)
        near = first * RATIO ** -np.arange(GRADES, -1.0, -1.0)
        middle = np.linspace(
            first, thickness - first, max(1, int(np.ceil(thickness - 2.0 * first))) + 1
        )
        edges = np.concatenate([[0.0], near, middle, thickness - near[::-1], [thickness]])
        return cls.between(np.unique(edges))

    @classmethod
    def half_space(cls) -> Panels:
        """Graded towards the face at 0, up to the depth `FAR`."""
        near = RATIO ** -np.arange(GRADES, -1.0, -1.0)
        return cls.between(np.concatenate([[0.0], near, np.arange(2.0, FAR + 1.0, 2.0)]))

    def matrix(self, kernel: Kernel, *, image: bool = False) -> FloatArray:
        """int kernel(|tau_i - tau'|) phi(tau') dtau', or with the sum of both if `image`."""
        target = -self.nodes if image else self.nodes
        out = np.zeros((len(target), len(target)))
        for k, (a, b) in enumerate(zip(self.edges[:-1], self.edges[1:], strict=True)):
            columns = slice(k * ORDER, (k + 1) * ORDER)
            gap = np.maximum(np.maximum(a - target, target - b), 0.0)
            far = gap > b - a
            # Well away from the logarithm, twice the order is exact.
            fine, weight = np.polynomial.legendre.leggauss(2 * ORDER)
            distance = np.abs(target[far, None] - (0.5 * (a + b) + 0.5 * (b - a) * fine))
            out[far, columns] = kernel(distance) @ (
                0.5 * (b - a) * weight[:, None] * _cardinal(fine)
            )
            out[~far, columns] = self._near(kernel, target[~far], float(a), float(b))
        return out

    @staticmethod
    def _near(kernel: Kernel, target: FloatArray, a: float, b: float) -> FloatArray:
        """From the point of the panel nearest to each target towards both ends."""
        total = np.zeros((len(target), ORDER))
        start = np.clip(target, a, b)
        gap = np.abs(start - target)
        for end in (a, b):
            step = np.multiply.outer(end - start, _DE_NODES)
            weight = np.multiply.outer(np.abs(end - start), _DE_WEIGHTS)
            live = np.flatnonzero(end != start)
            strength = weight[live] * kernel(gap[live, None] + np.abs(step[live]))
            xi = (2.0 * (start[live, None] + step[live]) - a - b) / (b - a)
            total[live] += np.einsum("iq,iqj->ij", strength, _cardinal(xi))
        return total


@dataclass(frozen=True, eq=False)
class SlabAnswer:
    """Slab of isotropic scattering with unit isotropic illumination of its left face.

    Attributes
    ----------
    reflection, transmission : float
        Fractions of the incident flux.
    panels, average : Panels, ndarray
        phi at the Gauss points.
    """

    reflection: float
    transmission: float
    panels: Panels
    average: FloatArray


@lru_cache(maxsize=4)
def _slab_kernel(thickness: float) -> tuple[Panels, FloatArray]:
    panels = Panels.slab(thickness)
    return panels, 0.5 * panels.matrix(exp1)


def solve_slab(thickness: float, albedo: float) -> SlabAnswer:
    """Slab of optical thickness `thickness`: a flux of pi enters, g = 1 at every angle."""
    panels, scattering = _slab_kernel(thickness)
    tau = panels.nodes
    system = np.eye(len(tau)) - albedo * scattering
    phi = np.linalg.solve(system, 0.5 * expn(2, tau))
    weighted = 2.0 * albedo * panels.weights * phi
    return SlabAnswer(
        reflection=float(weighted @ expn(2, tau)),
        transmission=float(2.0 * expn(3, thickness) + weighted @ expn(2, thickness - tau)),
        panels=panels,
        average=phi,
    )


@lru_cache(maxsize=1)
def _lossless_half_space() -> tuple[Panels, FloatArray]:
    """1 - (1/2) int E_1 behind a face that returns nothing."""
    panels = Panels.half_space()
    tau = panels.nodes
    system = np.eye(len(tau)) - 0.5 * panels.matrix(exp1)
    # What remains of phi - tau is constant beyond the last panel.
    last = _cardinal(np.array([1.0]))[0]
    system[:, -ORDER:] -= 0.5 * np.outer(expn(2, panels.edges[-1] - tau), last)
    return panels, system


def extrapolation_length(reflected: Kernel, source: Kernel) -> float:
    """Milne problem of a half space whose face returns a share r(mu) of what leaves.

    phi -> tau + z_0 deep inside, for scattering that loses nothing. r = 0 is the black face
    of the classical problem; r = 1 - 2T is the odd solution of two half spaces joined by an
    interface that transmits T(mu).

    Parameters
    ----------
    reflected : callable
        int_0^1 r(mu) exp(-x/mu) dmu/mu.
    source : callable
        (1/2) int_0^1 (1 + r(mu)) mu exp(-x/mu) dmu.

    Returns
    -------
    float
        z_0.
    """
    panels, system = _lossless_half_space()
    tau = panels.nodes
    last = _cardinal(np.array([1.0]))[0]
    system = system - 0.5 * panels.matrix(reflected, image=True)
    rest = np.linalg.solve(system, source(tau))
    return float(last @ rest[-ORDER:])


@lru_cache
def barrier_extrapolation_length(u: float) -> float:
    """`extrapolation_length` for a delta barrier, T(mu) = mu^2 / (mu^2 + u^2).

    With mu = 1/s and partial fractions both integrals become exponential integrals of
    complex argument, int_0^1 mu exp(-x/mu) / (mu^2 + u^2) dmu = E_1(x) - Re F(x) with
    F(x) = exp(ix/u) E_1(x + ix/u).
    """

    def oscillating(x: FloatArray) -> FloatArray:
        result: FloatArray = np.real(np.exp(1j * x / u) * exp1(x * (1.0 + 1j / u)))
        return result

    return extrapolation_length(
        lambda x: 2.0 * oscillating(x) - exp1(x),
        lambda x: u * u * (exp1(x) - oscillating(x)),
    )
