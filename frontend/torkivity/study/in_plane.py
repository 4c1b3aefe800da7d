"""What a film carries in its plane, and what exchange alone gives to its magnets."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.stack import Stack
from torkivity_engine.record import COMPONENTS
from torkivity_engine.solution import BoltzmannSolution, DriftDiffusionSolution
from torkivity_engine.spin import torque_frame

__all__ = ["in_plane_record"]


def in_plane_record(
    stack: Stack, solution: BoltzmannSolution | DriftDiffusionSolution
) -> tuple[dict[str, ArrayLike], str]:
    """Numbers by the names of `torkivity_engine.record.IN_PLANE_VARIABLES`.

    Drift-diffusion has the whole film's conductance; of a layer it has the conductivity times the
    thickness, without what accumulations drive. It has no torque of exchange alone.

    Parameters
    ----------
    stack : Stack
    solution : BoltzmannSolution or DriftDiffusionSolution

    Returns
    -------
    record : dict of str to array_like
        NaN where a film has no such number.
    note : str
        Why it has not; empty if it has all.
    """
    total, layers = np.full((2, 2), np.nan), np.full((len(stack.layers), 2, 2), np.nan)
    torques = {name: np.full(3, np.nan) for name in stack.magnet_names}
    notes = []
    try:
        total, layers = solution.sheet_conductance, _layers(stack, solution)
    except (InputError, PhysicsError) as error:
        notes.append(str(error))
    if isinstance(solution, BoltzmannSolution):
        try:
            torques = {name: solution.torque_exchange_on(name) for name in torques}
        except (InputError, PhysicsError) as error:
            notes.append(str(error))
    record = _conduction(stack.field_direction[:2], total, layers)
    return {**record, **_torques(stack, torques)}, "; ".join(dict.fromkeys(notes))


def _layers(stack: Stack, solution: BoltzmannSolution | DriftDiffusionSolution) -> FloatArray:
    """Sheet conductance of every layer in S, shape (n_layers, 2, 2)."""
    if isinstance(solution, BoltzmannSolution):
        return solution.layer_sheet_conductance
    k = stack.fermi_wavevector
    sheets = [layer.conductivity_in(k) * layer.thickness * METRE_PER_NM for layer in stack.layers]
    return np.multiply.outer(sheets, np.eye(2))


def _conduction(along: FloatArray, total: FloatArray, layers: FloatArray) -> dict[str, ArrayLike]:
    """Conductances and resistances along E, a unit vector, and across."""
    frame = np.array([along, [-along[1], along[0]]])
    with np.errstate(invalid="ignore", divide="ignore"):
        resistance = np.full((2, 2), np.nan)
        if np.linalg.det(total) > 0.0:
            resistance = np.linalg.inv(total)
        by_layer = np.einsum("di,lij,j->ld", frame, layers, along)
        return {
            "sheet_conductance": frame @ total @ along,
            "sheet_resistance": frame @ resistance @ along,
            "layer_sheet_conductance": by_layer,
            "current_share": by_layer[:, 0] / by_layer[:, 0].sum(),
        }


def _torques(stack: Stack, torques: dict[str, FloatArray]) -> dict[str, ArrayLike]:
    """Cartesian, and along the unit vectors of the torque frame where there is one."""
    frames = []
    for name in torques:
        m = stack.layers[stack.names.index(name)].magnetization
        try:
            frames.append(torque_frame(np.array(m), stack.field_direction))
        except PhysicsError:
            frames.append((np.full(3, np.nan), np.full(3, np.nan)))
    rows = np.array(list(torques.values())).reshape(-1, 3)
    record: dict[str, ArrayLike] = {"magnet_torque_exchange": rows}
    for i, component in enumerate(COMPONENTS):
        parts = [row @ frame[i] for row, frame in zip(rows, frames, strict=True)]
        record[f"magnet_torque_exchange_{component}"] = np.array(parts)
    return record
