"""Integrals over layers from the reduced method."""

from __future__ import annotations

from torkivity_engine.balances import LayerIntegrals, balances
from torkivity_engine.film.stack import Stack
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.reduced.assembly import Assembly, split_single_layer
from torkivity_engine.reduced.face_flows import face_flows
from torkivity_meshes import AzimuthalRings

__all__ = ["reduced_integrals"]


@with_one_blas_thread
def reduced_integrals(stack: Stack, rings: AzimuthalRings, drive: str) -> LayerIntegrals:
    """Integrals over all layers, from a solution that keeps the moments they need.

    Parameters
    ----------
    stack : Stack
    rings : AzimuthalRings
    drive : {"field", "injection"}

    Returns
    -------
    LayerIntegrals
    """
    halves = split_single_layer(stack)
    assembly = Assembly(halves, rings, all_moments=True)
    driven = assembly.field_drive() if drive == "field" else assembly.injection_drive()
    states = assembly.solve(driven)
    found = balances(halves, face_flows(assembly, states, driven), driven.field, rings.moments)
    return found if halves is stack else found.joined()
