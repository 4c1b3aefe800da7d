"""Drift-diffusion in one layer: what it gives for the accumulations at its faces.

Per layer, with the flow j along +z and the accumulation mu of the coefficients
(x, y, z, charge) of the density matrix (mu carried per e^2, so that j is in 1/(Ohm m) and
mu in m per E~):

    j = -S dmu/dz + j_sH,   dj/dz = -L mu.

S and L are the first two moments of the Boltzmann equation (C5): with j = C int dOmega k_z g
and C the Fermi-surface prefactor, S = (4 pi C / 3) / K_out and L = 4 pi C (K_out - K_in).
This is what (17), (18) and (20), (21) of Amin & Stiles, arXiv:1604.06502 say with all four
channels kept, sigma/2 for one spin coefficient.

Every channel obeys mu'' = kappa^2 mu (kappa complex where spins precess), so a layer of
thickness t is known from what it gives to the mean of its two face values and to their
difference,

    j_right - j_left = -2 S kappa tanh(kappa t / 2) (mu_right + mu_left) / 2,
    (j_right + j_left) / 2 = j_sH - (S kappa / 2) coth(kappa t / 2) (mu_right - mu_left),

which neither overflows in thick layers nor loses weak relaxation by cancellation.
"""

from __future__ import annotations

import cmath
from dataclasses import dataclass

import numpy as np

from torkivity_engine.arrays import FloatArray

__all__ = ["LayerAdmittance", "in_own_axes", "slab_admittance"]


@dataclass(frozen=True, eq=False)
class LayerAdmittance:
    """Response of one layer to the accumulations at its two faces.

    Matrices and source refer to the layer's own axes, where strong dephasing of transverse
    spins cannot drown the longitudinal one in rounding.

    Attributes
    ----------
    loss : ndarray, shape (4, 4)
        j_right - j_left = -loss @ (mu_right + mu_left) / 2, in 1/(Ohm m^2).
    conductance : ndarray, shape (4, 4)
        (j_right + j_left) / 2 = source - conductance @ (mu_right - mu_left), same unit.
    source : ndarray, shape (4,)
        Spin current that the field drives in the bulk, per E~, 1/(Ohm m).
    axes : ndarray, shape (4, 4)
        Orthogonal; its columns are the layer's axes in (x, y, z, charge): e_1, e_2, m,
        charge in a ferromagnet.
    """

    loss: FloatArray
    conductance: FloatArray
    source: FloatArray
    axes: FloatArray

    def face_matrix(self) -> FloatArray:
        """Cartesian admittance from (mu_left, mu_right) to (j_left, j_right), shape (8, 8)."""
        quarter = 0.25 * self.axes @ self.loss @ self.axes.T
        through = self.axes @ self.conductance @ self.axes.T
        return np.block(
            [[through + quarter, quarter - through], [through - quarter, -through - quarter]]
        )


def slab_admittance(mobility: float, kappa: complex, thickness: float) -> tuple[complex, complex]:
    """Loss and conductance of one channel: (2 S kappa tanh(q/2), S kappa / 2 tanh(q/2))."""
    q = kappa * thickness
    if abs(q) < 1e-9:  # the next terms are q^2 / 12 smaller
        return mobility * kappa * q, mobility / thickness
    half = cmath.tanh(0.5 * q)
    return 2.0 * mobility * kappa * half, 0.5 * mobility * kappa / half


def in_own_axes(spin: float, charge: float, across: complex, mixing: float) -> FloatArray:
    """Matrix in (e_1, e_2, m, charge) from channels (mu_n, psi) and the transverse one.

    mu_n = -mu_m and psi = mu_c + mixing mu_n carry the currents j_n - mixing j_c and j_c: the
    longitudinal block is W^T diag(spin, charge) W with psi = W mu.
    """
    coupling = -mixing * charge
    return np.array(
        [
            [across.real, -across.imag, 0.0, 0.0],
            [across.imag, across.real, 0.0, 0.0],
            [0.0, 0.0, spin + mixing * mixing * charge, coupling],
            [0.0, 0.0, coupling, charge],
        ]
    )
