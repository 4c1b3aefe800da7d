"""Spin pumping by the dense method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.balances import PumpedMoments, pumped_density
from torkivity_engine.dense.integrals import dense_integrals
from torkivity_engine.dense.matching import (
    DenseDrive,
    dense_certificates,
    dense_faces,
    solve_dense,
)
from torkivity_engine.film.boundaries import BOTTOM, TOP
from torkivity_engine.film.stack import Stack
from torkivity_engine.spin import CHARGE
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["dense_pumping"]


def dense_pumping(
    stack: Stack,
    mesh: FermiSurfaceMesh,
    turning: int,
    axes: FloatArray,
    memory_limit: int | None = None,
) -> PumpedMoments:
    """Moments of what a turning magnetization pumps.

    Parameters
    ----------
    stack : Stack
        With at least one interface.
    mesh : FermiSurfaceMesh
    turning : int
        Index of the layer whose magnetization turns, with its interfaces.
    axes : ndarray, shape (3, n)
        q, perpendicular to m.
    memory_limit : int, optional
        As in `solve_dense`.

    Returns
    -------
    PumpedMoments
    """
    count = axes.shape[1]
    columns = count + (not stack.is_open)
    directions = mesh.directions[mesh.upward]
    uniform = np.zeros((len(stack.layers), 4, columns))
    uniform[turning, :, :count] = pumped_density(stack.layers[turning], axes)
    density = np.zeros((len(stack.interfaces), 3, columns))
    emitted: dict[tuple[int, int], FloatArray] = {}
    for i, interface in enumerate(stack.interfaces):
        if stack.torque_owner(i) != turning:
            continue
        own = interface.pumped(stack.interface_magnetization(i), axes, directions)
        spare = ((0, 0), (0, 0), (0, columns - count))
        emitted[i, TOP], emitted[i + 1, BOTTOM] = np.pad(own.below, spare), np.pad(own.above, spare)
        density[i, :, :count] = np.einsum("n,nac->ac", mesh.weights[mesh.upward], own.density)
    entering = dict(emitted)
    reference = stack.reference_interface
    if not stack.is_open:
        # Charge that arrives isotropically on both sides leaves so: R_cc + T_cc = 1.
        injected = np.zeros((len(directions), 4, columns))
        injected[:, CHARGE, -1] = 1.0
        for face in ((reference, TOP), (reference + 1, BOTTOM)):
            entering[face] = entering.get(face, 0.0) + injected
        own_scattering = stack.interfaces[reference].scattering(
            stack.interface_magnetization(reference), directions
        )
        both = own_scattering.density_below + own_scattering.density_above
        density[reference, :, -1] = mesh.weights[mesh.upward] @ both[:, :, CHARGE]
    states = solve_dense(
        stack, mesh, drive=DenseDrive(uniform, entering, emitted), memory_limit=memory_limit
    )
    every = slice(0, columns)
    minus, plus, arrived = dense_faces(stack, mesh, states, every)
    # As much charge is injected as makes the equations consistent.
    weights = np.eye(columns)
    if not stack.is_open:
        weights = np.vstack([np.eye(count), -states.slack[:-1] / states.slack[-1]])
    found = dense_integrals(stack, states, every)
    own_certificates = dense_certificates(stack, mesh, states)
    return PumpedMoments(
        current_minus=minus @ weights,
        current_plus=plus @ weights,
        density=(arrived + density) @ weights,
        integrals=replace(found, in_plane=found.in_plane @ weights, torque=found.torque @ weights),
        certificates={
            "unitarity_defect": own_certificates["unitarity_defect"],
            "residual": states.certificates["residual"],
            "condition": states.certificates["condition"],
        },
    )
