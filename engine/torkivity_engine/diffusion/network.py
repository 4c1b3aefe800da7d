"""Drift-diffusion in one layer, and the network of a whole stack.

Per layer, with the flow j along +z and the accumulation mu of the coefficients
(x, y, z, charge) of the density matrix (mu carried per e^2, so that j is in 1/(Ohm m) and
mu in m per E~):

    j = -S dmu/dz + j_sH,   dj/dz = -L mu.

S and L are the first two moments of the Boltzmann equation (C5): with j = C int dOmega k_z g
and C the Fermi-surface prefactor, S = (4 pi C / 3) / K_out and L = 4 pi C (K_out - K_in).
This is what (17), (18) and (20), (21) of Amin & Stiles, arXiv:1604.06502 say with all four
channels kept, sigma/2 for one spin coefficient. A heavy metal is what experiments know of it,
its true conductivity and one spin diffusion length: S = sigma/2 and L = S / l_sf^2 for all
spins, also where skew scattering gives spins along z a length that is longer in theta^2.

Every channel obeys mu'' = kappa^2 mu (kappa complex where spins precess), so a layer of
thickness t is known from what it gives to the mean of its two face values and to their
difference,

    j_right - j_left = -2 S kappa tanh(kappa t / 2) (mu_right + mu_left) / 2,
    (j_right + j_left) / 2 = j_sH - (S kappa / 2) coth(kappa t / 2) (mu_right - mu_left),

which neither overflows in thick layers nor loses weak relaxation by cancellation.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM, fermi_surface_prefactor
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.diffusion_length import spin_diffusion_length
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal, Layer
from torkivity_engine.spin import CHARGE, rotation_to

__all__ = ["InterfaceLaw", "LayerAdmittance", "layer_admittance", "solve_network"]


#: Reciprocal condition below which an accumulation counts as undetermined.
_LEAST_CONDITION = 1e-13


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


@dataclass(frozen=True, eq=False)
class InterfaceLaw:
    """Boundary condition of an interface, (7) and (9), in both directions.

    j(0-) = A mu(0-) - T mu(0+) + j_E(0-),   j(0+) = T mu(0-) - A mu(0+) + j_E(0+)

    Attributes
    ----------
    reflection, transmission : ndarray, shape (4, 4)
        A and T, 1/(Ohm m^2).
    drive_minus, drive_plus : ndarray, shape (4,)
        j_E(0-) and j_E(0+), per E~, 1/(Ohm m).
    """

    reflection: FloatArray
    transmission: FloatArray
    drive_minus: FloatArray
    drive_plus: FloatArray


def layer_admittance(
    layer: Layer,
    fermi_wavevector: float,
    spin_hall_direction: ArrayLike | None = None,
    *,
    exact_length: bool = True,
) -> LayerAdmittance:
    """Exact response of one layer in drift-diffusion.

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet
        A ferromagnet must have its magnetization set.
    fermi_wavevector : float
        1/nm.
    spin_hall_direction : array_like, shape (3,), optional
        y_p = z x E; None switches the spin Hall effect off.
    exact_length : bool, optional
        Spin diffusion length of a heavy metal from the exact slow mode or from the
        diffusive limit, see `spin_diffusion_length`.

    Returns
    -------
    LayerAdmittance

    Raises
    ------
    PhysicsError
        If a heavy metal has no diffusive regime.
    """
    if isinstance(layer, HeavyMetal):
        return _heavy_metal(layer, fermi_wavevector, spin_hall_direction, exact_length)
    return _ferromagnet(layer, fermi_wavevector)


def _heavy_metal(
    layer: HeavyMetal, k_f: float, y_p: ArrayLike | None, exact: bool
) -> LayerAdmittance:
    sigma = layer.conductivity(k_f)
    thickness = layer.thickness * METRE_PER_NM
    kappa = 1.0 / (spin_diffusion_length(layer, exact) * METRE_PER_NM)
    loss, conductance = np.zeros((4, 4)), np.zeros((4, 4))
    for channel in range(4):
        kappa_channel = 0.0 if channel == CHARGE else kappa
        slab = _slab(0.5 * sigma, kappa_channel, thickness)
        loss[channel, channel], conductance[channel, channel] = slab[0].real, slab[1].real
    source = np.zeros(4)
    if y_p is not None:
        source[:CHARGE] = -0.5 * layer.spin_hall_angle * sigma * np.asarray(y_p)
    return LayerAdmittance(loss, conductance, source, np.eye(4))


def _ferromagnet(layer: Ferromagnet, k_f: float) -> LayerAdmittance:
    assert layer.magnetization is not None
    thickness = layer.thickness * METRE_PER_NM
    flip = 1.0 / (layer.spin_flip_length * METRE_PER_NM)
    total = layer.mean_rate / METRE_PER_NM + flip  # of one spin averaged over both: A
    asymmetry = layer.rate_asymmetry / METRE_PER_NM  # d
    per_length = fermi_surface_prefactor(k_f) * 4.0 * math.pi / 3.0

    # Two-current model in (mu_n, mu_c), n = -m the majority direction. K_out = [[A, d], [d, A]]
    # and only mu_n relaxes, so psi = mu_c - (d/A) mu_n, which charge conservation makes linear
    # in z, decouples from mu_n: mu_n'' = (6 A / lambda_sf) mu_n, the two-current
    # 1/l_sf^2 = (3 / lambda_sf)(1/lambda'_up + 1/lambda'_down).
    spin = _slab(per_length / total, math.sqrt(6.0 * total * flip), thickness)
    charge_mobility = per_length * total / ((total - asymmetry) * (total + asymmetry))
    charge = _slab(charge_mobility, 0.0, thickness)

    # Transverse mode in the right-handed frame (e_1, e_2, m), where m x is multiplication by i:
    # dj/dz = 4 pi C {m x mu / l_prec - [a - (lambda_up lambda_down)^(-1/2) + 2/lambda_sf] mu}.
    # The bracket without spin flip is half a square, so rounding cannot make it negative.
    up, down = (
        1.0 / math.sqrt(length * METRE_PER_NM)
        for length in (layer.mean_free_path_majority, layer.mean_free_path_minority)
    )
    decay = 0.5 * (up - down) ** 2 + 2.0 * flip
    kappa2 = 3.0 * total * complex(decay, -1.0 / (layer.precession_length * METRE_PER_NM))
    if layer.dephasing_length is not None:
        kappa2 += (layer.dephasing_length * METRE_PER_NM) ** -2
    across = _slab(per_length / total, cmath.sqrt(kappa2), thickness)

    loss, conductance = (
        _in_own_axes(spin[k].real, charge[k].real, across[k], -asymmetry / total) for k in (0, 1)
    )
    axes = np.eye(4)
    axes[:CHARGE, :CHARGE] = rotation_to(layer.magnetization)
    return LayerAdmittance(loss, conductance, np.zeros(4), axes)


def _slab(mobility: float, kappa: complex, thickness: float) -> tuple[complex, complex]:
    """Loss and conductance of one channel: (2 S kappa tanh(q/2), S kappa / 2 tanh(q/2))."""
    q = kappa * thickness
    if abs(q) < 1e-9:  # the next terms are q^2 / 12 smaller
        return mobility * kappa * q, mobility / thickness
    half = cmath.tanh(0.5 * q)
    return 2.0 * mobility * kappa * half, 0.5 * mobility * kappa / half


def _in_own_axes(spin: float, charge: float, across: complex, mixing: float) -> FloatArray:
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


def solve_network(
    layers: list[LayerAdmittance], laws: list[InterfaceLaw], reference: int
) -> tuple[FloatArray, FloatArray]:
    """Accumulations at every interface of a stack with closed outer faces.

    Parameters
    ----------
    layers : list of LayerAdmittance
        From left to right, N >= 2.
    laws : list of InterfaceLaw
        N - 1 of them.
    reference : int
        Interface that fixes the charge gauge, mu_c(0-) + mu_c(0+) = 0. A constant shift of
        the charge potential changes no current, so without it the system is singular.

    Returns
    -------
    minus, plus : ndarray, shape (N - 1, 4)
        mu(0-) and mu(0+), in m per E~.

    Raises
    ------
    PhysicsError
        If nothing relaxes some spin component, so that its accumulation is undetermined.
    """
    n = len(layers)
    # Unknowns: mean and half difference of the face values of each layer in its own axes, then
    # a slack that takes up the redundant charge balance. Rows: balance and Ohm's law of each
    # layer, gauge.
    matrix = np.zeros((8 * n + 1, 8 * n + 1))
    right_side = np.zeros(8 * n + 1)
    mean = [slice(8 * k, 8 * k + 4) for k in range(n)]
    half = [slice(8 * k + 4, 8 * k + 8) for k in range(n)]
    for k, layer in enumerate(layers):
        matrix[mean[k], mean[k]] = layer.loss
        matrix[half[k], half[k]] = 4.0 * layer.conductance
        right_side[half[k]] = 2.0 * layer.source
    for k, law in enumerate(laws):
        below, above = layers[k].axes, layers[k + 1].axes
        # The current at 0- leaves layer k, the one at 0+ enters layer k + 1: opposite signs in
        # the balance, the same in Ohm's law.
        for layer_index, sign, to_minus, to_plus, drive in (
            (k, 1.0, law.reflection, -law.transmission, law.drive_minus),
            (k + 1, -1.0, law.transmission, -law.reflection, law.drive_plus),
        ):
            rotate = layers[layer_index].axes.T
            of_minus, of_plus = rotate @ to_minus @ below, rotate @ to_plus @ above
            for rows, factor in ((mean[layer_index], sign), (half[layer_index], 1.0)):
                matrix[rows, mean[k]] += factor * of_minus
                matrix[rows, half[k]] += factor * of_minus
                matrix[rows, mean[k + 1]] += factor * of_plus
                matrix[rows, half[k + 1]] -= factor * of_plus
                right_side[rows] -= factor * (rotate @ drive)
    # Rows range over many decades (opaque interfaces, strong dephasing).
    scale = np.abs(matrix[:-1]).max(axis=1)
    scale[scale == 0.0] = 1.0
    matrix[:-1] /= scale[:, None]
    right_side[:-1] /= scale
    charge_rows = [8 * k + CHARGE for k in range(n)]
    matrix[charge_rows, -1] = 1.0
    for side, sign in ((reference, 1.0), (reference + 1, -1.0)):
        matrix[-1, 8 * side + CHARGE] = 1.0
        matrix[-1, 8 * side + 4 + CHARGE] = sign
    axes = np.array([layer.axes for layer in layers])
    _require_determined(matrix, axes)
    own = np.linalg.solve(matrix, right_side)[:-1].reshape(n, 2, 4)
    solution = np.einsum("nab,nsb->nsa", axes, own)
    return solution[:-1, 0] + solution[:-1, 1], solution[1:, 0] - solution[1:, 1]


def _require_determined(matrix: FloatArray, axes: FloatArray) -> None:
    if 1.0 / np.linalg.cond(matrix, 1) > _LEAST_CONDITION:
        return
    mode = np.linalg.svd(matrix)[2][-1][:-1].reshape(-1, 2, 4)
    means = np.einsum("nab,nb->na", axes, mode[:, 0])[:, :CHARGE]
    spin = means[int(np.argmax(np.linalg.norm(means, axis=1)))]
    size = float(np.linalg.norm(spin))
    if size < 1e-3:
        raise PhysicsError("the charge accumulation is undetermined: an interface is opaque")
    x, y, z = spin / size
    raise PhysicsError(
        f"the spin accumulation along ({x:.3g}, {y:.3g}, {z:.3g}) is undetermined: no layer "
        "and no interface relaxes it; give a layer a finite spin_flip_length"
    )
