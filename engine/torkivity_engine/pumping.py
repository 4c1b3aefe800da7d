"""Spin pumping: what a turning magnetization sends into a film, and what that costs it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.balances import PumpedMoments, pumped_density
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.dense.pumping import dense_pumping
from torkivity_engine.errors import InputError
from torkivity_engine.film.kinetic import require_kinetic
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.outlook import outlook
from torkivity_engine.pumped import (
    PumpedInterface,
    PumpingSolution,
    spin_entering,
    turning_layer,
)
from torkivity_engine.reduced.assembly import ring_structure
from torkivity_engine.reduced.pumping import reduced_pumping
from torkivity_engine.refine import polar_rule_for, refine
from torkivity_engine.spin import CHARGE, rotation_to
from torkivity_engine.tolerance import Tolerance
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = ["spin_pumping"]

METHODS = ("reduced", "dense")


def spin_pumping(
    film: Bilayer | Stack,
    mesh: FermiSurfaceMesh | None = None,
    *,
    magnet: str | None = None,
    rtol: float | None = None,
    method: str = "reduced",
    memory_limit: int | None = None,
) -> PumpingSolution:
    """Currents and torques that a turning magnetization pumps.

    By reciprocity the charge current in the plane is the torkance read backwards, with exchange
    torques: J_a(q; m) = sum_i T_ia(-m) (m x q)_i.

    Parameters
    ----------
    film : Bilayer or Stack
        With at least one interface and one magnet.
    mesh : FermiSurfaceMesh, optional
        By default ``SphericalMesh(32, 32)``.
    magnet : str, optional
        Name of the layer whose magnetization turns, with that of its interfaces; not needed
        where there is one magnet.
    rtol : float, optional
        Instead of a mesh: refine it until the estimated mesh error of every spin current and
        torque is below `rtol` times the largest torque; that of the sheet current is below
        `rtol` times its largest component.
    method : {"reduced", "dense"}, optional
        As in `solve_boltzmann`.
    memory_limit : int, optional
        Bytes that the dense method may use.

    Returns
    -------
    PumpingSolution
        Certificates "unitarity_defect", "residual", "condition" and, with `rtol`,
        "mesh_error".

    Raises
    ------
    InputError
        For an unknown magnet or method, a film without interfaces, an interface of the magnet
        with an m of its own, or a mesh that the method cannot use.
    PhysicsError
        For half spaces, for tables of amplitudes, for a film that leaves an accumulation
        undetermined, or if `rtol` is not reached.
    """
    if method not in METHODS:
        raise InputError("method", method, f"must be one of {', '.join(METHODS)}")
    stack = as_stack(film)
    require_kinetic(stack)
    turning = turning_layer(stack, magnet)
    if rtol is not None:
        if mesh is not None:
            raise InputError("rtol", rtol, "chooses the mesh: give one or the other")
        return _refined(stack, stack.names[turning], rtol, method, memory_limit)
    mesh = mesh or SphericalMesh(32, 32)
    m = stack.layers[turning].magnetization
    assert m is not None
    axes = np.ascontiguousarray(rotation_to(m)[:, :2])
    if method == "dense":
        moments = dense_pumping(stack, mesh, turning, axes, memory_limit)
    else:
        moments = reduced_pumping(stack, ring_structure(mesh), turning, axes)
    return _solution(stack, turning, axes, moments, method, mesh.name)


def _solution(
    stack: Stack,
    turning: int,
    axes: FloatArray,
    moments: PumpedMoments,
    method: str,
    mesh: str,
) -> PumpingSolution:
    """Moments as the results that users see."""
    unit = stack.prefactor
    interfaces = tuple(
        PumpedInterface(
            current_minus=unit * moments.current_minus[i],
            current_plus=unit * moments.current_plus[i],
            torque=unit * interface.torque(moments.density[i], stack.interface_magnetization(i)),
        )
        for i, interface in enumerate(stack.interfaces)
    )
    torques = {}
    for index, layer in enumerate(stack.layers):
        if layer.magnetization is not None:
            own = [r.torque for i, r in enumerate(interfaces) if stack.torque_owner(i) == index]
            bulk = unit * moments.integrals.torque[index]
            if layer.bands(stack.fermi_wavevector).split:
                # What enters such a magnet across m dephases: its magnetization takes all of it.
                bulk = bulk + spin_entering(index, interfaces, layer.magnetization)
            torques[stack.names[index]] = sum(own, bulk)
    layer = stack.layers[turning]
    uniform = 4.0 * np.pi * layer.thickness * pumped_density(layer, axes)[:CHARGE]
    return PumpingSolution(
        magnet=stack.names[turning],
        axes=axes.T,
        interfaces=interfaces,
        torques=torques,
        sheet_current=unit * METRE_PER_NM * moments.integrals.in_plane[:, CHARGE].sum(axis=0),
        bulk_torque=unit * layer.torque_density(uniform),
        thickness=layer.moment_thickness,
        first_interface=max(turning - 1, 0),
        certificates=moments.certificates,
        method=method,
        mesh=mesh,
    )


def _refined(
    stack: Stack, magnet: str, rtol: float, method: str, memory_limit: int | None
) -> PumpingSolution:
    """Solution on the coarsest mesh that meets `rtol`."""
    Tolerance(rtol)  # refuses what is none
    rule = polar_rule_for(stack)

    def solution(n_polar: int, n_azimuth: int) -> PumpingSolution:
        mesh = SphericalMesh(n_polar, n_azimuth, rule)
        return spin_pumping(stack, mesh, magnet=magnet, method=method, memory_limit=memory_limit)

    def values(n_polar: int, n_azimuth: int) -> FloatArray:
        found = solution(n_polar, n_azimuth)
        largest = np.abs(found.torque).max() or 1.0
        parts = [*found.torques.values()]
        for r in found.interfaces:
            parts += [r.spin_current_minus, r.spin_current_plus, r.torque]
        current = found.sheet_current / (np.abs(found.sheet_current).max() or 1.0)
        return np.concatenate([*(np.ravel(part) / largest for part in parts), np.ravel(current)])

    found = refine(values, lambda _: 1.0, rtol, outlook(stack, rule, stack))
    best = solution(found.n_polar, found.n_azimuth)
    return replace(best, certificates={**best.certificates, "mesh_error": found.relative})
