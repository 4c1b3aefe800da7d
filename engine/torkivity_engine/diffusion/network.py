"""The network of a whole stack in drift-diffusion: layers and interfaces as circuit elements.

What layers give is in `torkivity_engine.kinetics.admittance`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import PhysicsError
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.spin import CHARGE

__all__ = ["LEAST_CONDITION", "InterfaceLaw", "solve_network"]


#: Reciprocal condition below which an accumulation counts as undetermined.
LEAST_CONDITION = 1e-13


@dataclass(frozen=True, eq=False)
class InterfaceLaw:
    """Boundary condition of an interface, (7) and (9), in both directions.

    j(0-) = A mu(0-) - T' mu(0+) + j_E(0-),   j(0+) = T mu(0-) - A' mu(0+) + j_E(0+)

    Attributes
    ----------
    reflection, transmission, reflection_above, transmission_down : ndarray, shape (4, 4)
        A, T, A' and T', 1/(Ohm m^2).
    drive_minus, drive_plus : ndarray, shape (4,)
        j_E(0-) and j_E(0+), per E~, 1/(Ohm m).
    """

    reflection: FloatArray
    transmission: FloatArray
    reflection_above: FloatArray
    transmission_down: FloatArray
    drive_minus: FloatArray
    drive_plus: FloatArray

    def currents(self, minus: FloatArray, plus: FloatArray) -> tuple[FloatArray, FloatArray]:
        """j(0-) and j(0+) for mu(0-) and mu(0+), shape (4,) each."""
        return (
            self.reflection @ minus - self.transmission_down @ plus + self.drive_minus,
            self.transmission @ minus - self.reflection_above @ plus + self.drive_plus,
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
            (k, 1.0, law.reflection, -law.transmission_down, law.drive_minus),
            (k + 1, -1.0, law.transmission, -law.reflection_above, law.drive_plus),
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
    if 1.0 / np.linalg.cond(matrix, 1) > LEAST_CONDITION:
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
