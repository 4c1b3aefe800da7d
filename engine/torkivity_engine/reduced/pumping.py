"""Spin pumping by the reduced method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.balances import PumpedMoments, balances, pumped_density
from torkivity_engine.film.stack import Stack
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.reduced.assembly import Assembly, Drive, Emitted, InterfaceStates
from torkivity_engine.reduced.face_flows import face_flows
from torkivity_engine.reduced.interface_input import ring_directions
from torkivity_engine.reduced.sectors import N_MOMENTS
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AzimuthalRings

__all__ = ["reduced_pumping"]


@with_one_blas_thread
def reduced_pumping(
    stack: Stack, rings: AzimuthalRings, turning: int, axes: FloatArray
) -> PumpedMoments:
    """Moments of what a turning magnetization pumps.

    Parameters
    ----------
    stack : Stack
        With at least one interface.
    rings : AzimuthalRings
    turning : int
        Index of the layer whose magnetization turns, with its interfaces.
    axes : ndarray, shape (3, n)
        q, perpendicular to m.

    Returns
    -------
    PumpedMoments
    """
    assembly = Assembly(stack, rings, all_moments=True)
    drive = _pumping_drive(assembly, turning, axes)
    states = assembly.solve(drive)
    weights = _balancing(assembly, states, drive)
    # Injected charge arrives at the interface, but does not leave the layers.
    unbound = np.stack([states.current_minus, states.current_plus])
    if not stack.is_open:
        flux = np.pi * np.array([1.0, -1.0])
        unbound[:, stack.reference_interface, CHARGE, -1] -= flux * _unit_flux(rings)
    q = np.zeros((len(stack.layers), 3, weights.shape[0]))
    q[turning, :, : axes.shape[1]] = axes
    found = balances(stack, face_flows(assembly, states, drive), drive.field, rings.moments, q)
    return PumpedMoments(
        current_minus=unbound[0] @ weights,
        current_plus=unbound[1] @ weights,
        density=states.density @ weights,
        integrals=replace(found, in_plane=found.in_plane @ weights, torque=found.torque @ weights),
        certificates={
            k: states.certificates[k] for k in ("unitarity_defect", "residual", "condition")
        },
    )


def _unit_flux(rings: AzimuthalRings) -> float:
    """Flux of a unit isotropic distribution on the mesh over pi: one but for rounding."""
    return float(2.0 * rings.cosines @ rings.polar_weights)


def _pumping_drive(assembly: Assembly, turning: int, axes: FloatArray) -> Drive:
    """One column per q, and in a closed stack one that injects charge."""
    stack, rings, n = assembly.stack, assembly.rings, assembly.n
    count = axes.shape[1]
    columns = count + (not stack.is_open)
    shape = (rings.n_polar, N_MOMENTS, n, columns)
    outgoing = np.zeros(shape)
    bulk = pumped_density(stack.layers[turning], axes)
    for rows in (8 * turning - 4, 8 * turning):  # its upper side of the interface below, and so on
        if 0 <= rows < n:
            outgoing[:, 0, rows : rows + 4, :count] = bulk
    arriving = outgoing.copy()
    if not stack.is_open:
        charge = 8 * stack.reference_interface + CHARGE
        arriving[:, 0, [charge, charge + 4], -1] = 1.0
    injected = np.zeros((2, 4, columns))
    for side, layer, end in ((0, 0, stack.left), (1, len(stack.layers) - 1, stack.right)):
        if end.open and layer == turning:
            injected[side, :, :count] = -bulk  # the reservoir does not send it in
    return Drive(
        incoming=arriving + assembly.injection(injected),
        outgoing=outgoing,
        field=np.zeros((2, columns)),
        bulk=arriving,
        injected=injected,
        emitted=_emitted(stack, rings, turning, axes, columns),
    )


def _emitted(
    stack: Stack, rings: AzimuthalRings, turning: int, axes: FloatArray, columns: int
) -> Emitted:
    """What the interfaces of the turning magnet send out."""
    count, shape = axes.shape[1], (rings.n_polar, rings.n_azimuth)
    leaving = np.zeros((*shape, 8 * len(stack.interfaces), columns))
    density = np.zeros((*shape, 3 * len(stack.interfaces), columns))
    for i, interface in enumerate(stack.interfaces):
        if stack.torque_owner(i) != turning:
            continue
        m = stack.interface_magnetization(i)
        own = interface.pumped(m, axes, ring_directions(rings))
        both = np.concatenate([own.below, own.above], axis=1)
        leaving[:, :, 8 * i : 8 * i + 8, :count] = both.reshape(*shape, 8, count)
        density[:, :, 3 * i : 3 * i + 3, :count] = own.density.reshape(*shape, 3, count)
    return Emitted(leaving, density)


def _balancing(assembly: Assembly, states: InterfaceStates, drive: Drive) -> FloatArray:
    """How much charge is injected with each q, shape (n_columns, n): it takes back the net."""
    assert drive.emitted is not None
    columns = drive.incoming.shape[3]
    if assembly.stack.is_open:
        return np.eye(columns)
    reference = assembly.stack.reference_interface
    left = np.einsum("i,isd->d", assembly.flux(), states.leaving[:, 0, reference, :, CHARGE])
    # So much the closure took out of what leaves the reference interface: nothing, together.
    missing = left - assembly.emitted_charge(drive.emitted)
    return np.vstack([np.eye(columns - 1), -missing[:-1] / missing[-1]])
