"""Public entry to the Boltzmann solvers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.dense import DenseStates, solve_dense
from torkivity_engine.errors import InputError
from torkivity_engine.model import Bilayer, HeavyMetal, Reservoir, Stack, as_stack
from torkivity_engine.profiles import MomentSource, dense_moments, layer_profile, reduced_moments
from torkivity_engine.reduced import ring_structure, solve_reduced, split_single_layer
from torkivity_engine.scattering import scattering_matrices
from torkivity_engine.solution import BoltzmannSolution, InterfaceResponse
from torkivity_engine.spin import CHARGE, cross_matrix
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = ["SOURCES", "film_with_source", "solve_boltzmann"]

FloatArray = NDArray[np.float64]

METHODS = ("reduced", "dense")
SOURCES = ("all", "rashba", "spin_hall", "reservoirs")


def film_with_source(film: Bilayer | Stack, source: str) -> Stack:
    """The film with the other mechanism of spin currents switched off.

    Parameters
    ----------
    film : Bilayer or Stack
    source : {"all", "rashba", "spin_hall", "reservoirs"}
        "rashba" sets the spin Hall angles to zero, "spin_hall" the u_R.

    Returns
    -------
    Stack

    Raises
    ------
    InputError
        For an unknown source, or "reservoirs" without one that injects.
    """
    stack = as_stack(film)
    if source not in SOURCES:
        raise InputError("source", source, f"must be one of {', '.join(SOURCES)}")
    if source == "rashba":
        layers = tuple(
            replace(layer, spin_hall_angle=0.0) if isinstance(layer, HeavyMetal) else layer
            for layer in stack.layers
        )
        return replace(stack, layers=layers)
    if source == "spin_hall":
        return replace(stack, interfaces=tuple(replace(i, rashba=0.0) for i in stack.interfaces))
    if source == "reservoirs" and not any(
        isinstance(end, Reservoir) and (end.charge or any(end.spin))
        for end in (stack.left, stack.right)
    ):
        raise InputError("source", source, "needs a Reservoir that injects charge or spin")
    return stack


def solve_boltzmann(
    film: Bilayer | Stack,
    mesh: FermiSurfaceMesh | None = None,
    *,
    method: str = "reduced",
    source: str = "all",
    memory_limit: int | None = None,
) -> BoltzmannSolution:
    """Solve the spin-dependent Boltzmann equation of a film.

    Parameters
    ----------
    film : Bilayer or Stack
    mesh : FermiSurfaceMesh, optional
        By default ``SphericalMesh(32, 32)``.
    method : {"reduced", "dense"}, optional
        "reduced" (default) needs a mesh with azimuthal rings and is exact on it; "dense" is
        the NT x NT method of Appendix C on any mesh. Both give the same numbers.
    source : {"all", "rashba", "spin_hall", "reservoirs"}, optional
        What drives the film. "all" is an in-plane field with every mechanism at work;
        "rashba" switches skew scattering off, "spin_hall" the Rashba interfaces (the two
        need not add up to "all" beyond first order). "reservoirs" is the response to what
        they inject, without a field; currents then are in 1/(Ohm m^2) times the injected
        coefficient.
    memory_limit : int, optional
        Bytes that the dense method may use; by default what the machine has free.

    Returns
    -------
    BoltzmannSolution
        Certificates: "charge_defect" (largest difference of the charge current between the
        two sides of an interface, or any charge current through a closed film, over the
        largest spin current), "residual" and "condition" of the final linear system,
        "gauge_slack", and for the dense method "modes_removed".

    Raises
    ------
    InputError
        For an unknown method or source, or a mesh that the method cannot use.
    PhysicsError
        If the film leaves an accumulation undetermined.
    CapacityError
        If the dense method would not fit into memory.
    """
    if method not in METHODS:
        raise InputError("method", method, f"must be one of {', '.join(METHODS)}")
    stack = film_with_source(film, source)
    mesh = mesh or SphericalMesh(32, 32)
    drive = "injection" if source == "reservoirs" else "field"
    if method == "dense":
        dense = solve_dense(stack, mesh, memory_limit=memory_limit)
        columns = slice(0, 2) if drive == "field" else slice(2, 3)
        moments: MomentSource = dense_moments(dense, columns)
        faces, certificates = _dense_faces(stack, mesh, dense, columns), dense.certificates
    else:
        states = solve_reduced(split_single_layer(stack), mesh, drive)
        moments = reduced_moments(stack, ring_structure(mesh), drive)
        faces = (states.current_minus, states.current_plus, states.density)
        certificates = states.certificates
    if drive == "field":
        weights, unit = stack.field_direction[:2], stack.prefactor * METRE_PER_NM
    else:
        weights, unit = np.ones(1), stack.prefactor
    interfaces = _responses(stack, faces, weights, unit)
    return BoltzmannSolution(
        interfaces=interfaces,
        certificates={"charge_defect": _charge_defect(stack, interfaces), **certificates},
        method=method,
        mesh=mesh.name,
        profile_of=lambda layer, z: layer_profile(stack, moments, layer, z, weights, unit),
    )


Faces = tuple[FloatArray, FloatArray, FloatArray]


def _dense_faces(
    stack: Stack, mesh: FermiSurfaceMesh, states: DenseStates, columns: slice
) -> Faces:
    """Currents at 0- and 0+ and spin density from the full distributions."""
    flux = mesh.weights * mesh.velocities[:, 2]
    up, down = mesh.upward, mesh.downward
    minus, plus = states.minus[:, columns], states.plus[:, columns]
    density = np.empty((len(stack.interfaces), CHARGE, minus.shape[1]))
    for i, interface in enumerate(stack.interfaces):
        _, transmission = scattering_matrices(
            interface, stack.interface_magnetization(i), mesh.directions[up]
        )
        incoming = minus[i][:, up] + plus[i][:, down]
        density[i] = np.einsum(
            "n,njb,cnb->jc", mesh.weights[up], transmission[:, :CHARGE], incoming
        )
    return (
        np.einsum("n,icnb->ibc", flux, minus),
        np.einsum("n,icnb->ibc", flux, plus),
        density,
    )


def _responses(
    stack: Stack, faces: Faces, weights: FloatArray, unit: float
) -> tuple[InterfaceResponse, ...]:
    """Moments of the unit drives as responses to the drive at hand."""
    responses = []
    for i, interface in enumerate(stack.interfaces):
        minus, plus, density = (unit * moments[i] @ weights for moments in faces)
        m = np.array(stack.interface_magnetization(i))
        responses.append(
            InterfaceResponse(
                current_minus=minus,
                current_plus=plus,
                torque=-2.0 * interface.exchange * (cross_matrix(m) @ density),
                m=m,
                field_direction=stack.field_direction,
                magnet_below=stack.magnet_below(i),
            )
        )
    return tuple(responses)


def _charge_defect(stack: Stack, interfaces: tuple[InterfaceResponse, ...]) -> float:
    if not interfaces:
        return 0.0
    currents = np.array([[r.current_minus, r.current_plus] for r in interfaces])
    charge = currents[..., CHARGE]
    defect = np.ptp(charge) if stack.is_open else np.abs(charge).max()
    return float(defect / max(np.abs(currents).max(), 1e-300))
