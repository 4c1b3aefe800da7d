"""Spin pumping by the reduced method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.balances import LayerIntegrals, PumpedMoments, balances, pumped_density
from torkivity_engine.film.spheres import SphereFilm, has_one_sphere, sphere_film
from torkivity_engine.film.stack import Stack
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.reduced.assembly import Assembly, Drive, Emitted, InterfaceStates
from torkivity_engine.reduced.face_flows import face_flows
from torkivity_engine.reduced.interface_input import ring_directions
from torkivity_engine.reduced.sectors import N_MOMENTS
from torkivity_engine.reduced.sphere_profile import integrals_of_layers
from torkivity_engine.reduced.spheres import SphereAssembly
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
    q = np.zeros((len(stack.layers), 3, axes.shape[1] + (not stack.is_open)))
    q[turning, :, : axes.shape[1]] = axes
    if has_one_sphere(stack):
        assembly = Assembly(stack, rings, all_moments=True)
        drive = _pumping_drive(assembly, turning, axes, _emitted(stack, rings, turning, axes))
        states = assembly.solve(drive)
        flows = face_flows(assembly, states, drive)
        found = balances(stack, flows, drive.field, rings.moments, q)
        return _pumped(assembly, states, drive, found)
    film = sphere_film(stack, rings)
    own = SphereAssembly(film, all_moments=True)
    drive = _pumping_drive(own, turning, axes, _emitted_by_spheres(film, turning, axes))
    states = own.solve(drive)
    return _pumped(own, states, drive, integrals_of_layers(own, states, drive, q))


def _pumped(
    assembly: Assembly, states: InterfaceStates, drive: Drive, found: LayerIntegrals
) -> PumpedMoments:
    """Moments of the drives, with as much charge injected as they need."""
    weights = _balancing(assembly, states, drive)
    # Injected charge arrives at the interface, but does not leave the layers.
    unbound = np.stack([states.current_minus, states.current_plus])
    if not assembly.stack.is_open:
        unbound[:, assembly.stack.reference_interface, :, -1] -= assembly.uniform_charge_flow()
    return PumpedMoments(
        current_minus=unbound[0] @ weights,
        current_plus=unbound[1] @ weights,
        density=states.density @ weights,
        integrals=replace(found, in_plane=found.in_plane @ weights, torque=found.torque @ weights),
        certificates={
            k: states.certificates[k] for k in ("unitarity_defect", "residual", "condition")
        },
    )


def _pumping_drive(assembly: Assembly, turning: int, axes: FloatArray, emitted: Emitted) -> Drive:
    """One column per q, and in a closed stack one that injects charge."""
    stack, n = assembly.stack, assembly.n
    count = axes.shape[1]
    columns = count + (not stack.is_open)
    outgoing = np.zeros((assembly.n_rings, N_MOMENTS, n, columns))
    bulk, own = pumped_density(stack.layers[turning], axes), assembly.layer_rings(turning)
    for rows in (8 * turning - 4, 8 * turning):  # its upper side of the interface below, and so on
        if own is not None and 0 <= rows < n:
            outgoing[own[1] :, 0, rows : rows + 4, :count] = bulk
    arriving = outgoing.copy()
    if not stack.is_open:
        first = 8 * stack.reference_interface
        _, uniform = assembly.charge_rows()
        arriving[:, 0, first : first + 8, -1] = uniform[:, first : first + 8]
    injected = np.zeros((2, 4, columns))
    for side, layer, end in ((0, 0, stack.left), (1, len(stack.layers) - 1, stack.right)):
        if end.open and layer == turning:
            injected[side, :, :count] = -bulk  # the reservoir does not send it in
    spare = ((0, 0), (0, 0), (0, 0), (0, columns - count))
    return Drive(
        incoming=arriving + assembly.injection(injected),
        outgoing=outgoing,
        field=np.zeros((2, columns)),
        bulk=arriving,
        injected=injected,
        emitted=Emitted(np.pad(emitted.leaving, spare), np.pad(emitted.density, spare)),
    )


def _emitted(stack: Stack, rings: AzimuthalRings, turning: int, axes: FloatArray) -> Emitted:
    """What the interfaces of the turning magnet send out."""
    count, shape = axes.shape[1], (rings.n_polar, rings.n_azimuth)
    leaving = np.zeros((*shape, 8 * len(stack.interfaces), count))
    density = np.zeros((*shape, 3 * len(stack.interfaces), count))
    for i, interface in enumerate(stack.interfaces):
        if stack.torque_owner(i) != turning:
            continue
        own = interface.pumped(stack.interface_magnetization(i), axes, ring_directions(rings))
        both = np.concatenate([own.below, own.above], axis=1)
        leaving[:, :, 8 * i : 8 * i + 8] = both.reshape(*shape, 8, count)
        density[:, :, 3 * i : 3 * i + 3] = own.density.reshape(*shape, 3, count)
    return Emitted(leaving, density)


def _emitted_by_spheres(film: SphereFilm, turning: int, axes: FloatArray) -> Emitted:
    """The same on a film's grid of k_parallel, and what the coherent spin currents gain."""
    count, shape = axes.shape[1], (film.grid.n_rings, film.grid.rule.n_azimuth)
    leaving = np.zeros((*shape, 8 * len(film.junctions), count))
    density = np.zeros((*shape, 9 * len(film.junctions), count))
    for i, own in enumerate(film.pumped(turning, axes)):
        if own is not None:
            probes = [own.density, own.current.reshape(-1, 6, count)]
            leaving[:, :, 8 * i : 8 * i + 8] = own.leaving.reshape(*shape, 8, count)
            density[:, :, 9 * i : 9 * i + 9] = np.concatenate(probes, axis=1).reshape(
                *shape, 9, count
            )
    return Emitted(leaving, density)


def _balancing(assembly: Assembly, states: InterfaceStates, drive: Drive) -> FloatArray:
    """How much charge is injected with each q, shape (n_columns, n): it takes back the net."""
    assert drive.emitted is not None
    columns = drive.incoming.shape[3]
    if assembly.stack.is_open:
        return np.eye(columns)
    first = 8 * assembly.stack.reference_interface
    leaving = states.leaving[:, 0].reshape(assembly.n_rings, assembly.n, columns)
    carried, _ = assembly.charge_rows()
    at = slice(first, first + 8)
    left = np.einsum("i,ij,ijd->d", assembly.flux(), carried[:, at], leaving[:, at])
    # So much the closure took out of what leaves the reference interface: nothing, together.
    missing = left - assembly.emitted_charge(drive.emitted)
    return np.vstack([np.eye(columns - 1), -missing[:-1] / missing[-1]])
