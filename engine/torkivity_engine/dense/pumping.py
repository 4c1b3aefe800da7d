"""Spin pumping by the dense method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.balances import LayerIntegrals, PumpedMoments, pumped_density
from torkivity_engine.dense.drive import DenseDrive
from torkivity_engine.dense.integrals import dense_integrals
from torkivity_engine.dense.matching import dense_certificates, dense_faces, solve_dense
from torkivity_engine.dense.spheres import solve_spheres
from torkivity_engine.film.boundaries import BOTTOM, TOP
from torkivity_engine.film.spheres import (
    SphereFilm,
    has_one_sphere,
    polar_rule_of,
    sphere_film,
)
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
    made = _Source(stack, turning, axes)
    if has_one_sphere(stack):
        return _on_one_sphere(stack, mesh, made, memory_limit)
    return _on_own_spheres(sphere_film(stack, polar_rule_of(mesh)), made, memory_limit)


class _Source:
    """What a turning magnetization sends into the layers of a stack.

    The first columns are those of q; in a closed stack a last one injects charge.
    """

    def __init__(self, stack: Stack, turning: int, axes: FloatArray) -> None:
        self.stack, self.turning, self.axes, self.count = stack, turning, axes, axes.shape[1]
        self.columns = self.count + (not stack.is_open)
        uniform = np.zeros((len(stack.layers), 4, self.columns))
        uniform[turning, :, : self.count] = pumped_density(stack.layers[turning], axes)
        self.drive = DenseDrive(uniform, {}, {})

    def emit(self, interface: int, below: FloatArray, above: FloatArray) -> None:
        """Add what an interface sends out, shape (channel, 4, n)."""
        for face, g in (((interface, TOP), below), ((interface + 1, BOTTOM), above)):
            self.drive.entering[face] = self.drive.ungauged[face] = self.padded(g)

    def inject(self, below: FloatArray, above: FloatArray) -> None:
        """Add a charge that leaves the reference interface, shape (channel, 4): it conserves it."""
        reference = self.stack.reference_interface
        for face, g in (((reference, TOP), below), ((reference + 1, BOTTOM), above)):
            injected = np.zeros((*g.shape, self.columns))
            injected[..., -1] = g
            self.drive.entering[face] = self.drive.entering.get(face, 0.0) + injected

    def padded(self, values: FloatArray) -> FloatArray:
        """Values per q with a zero for the injection."""
        spare = ((0, 0),) * (values.ndim - 1)
        return np.pad(values, (*spare, (0, self.columns - self.count)))

    def moments(
        self,
        faces: tuple[FloatArray, FloatArray, FloatArray],
        found: LayerIntegrals,
        slack: FloatArray,
        certificates: dict[str, float],
    ) -> PumpedMoments:
        """Moments per q: as much charge is injected as makes the equations consistent."""
        weights = np.eye(self.columns)
        if not self.stack.is_open:
            weights = np.vstack([np.eye(self.count), -slack[:-1] / slack[-1]])
        names = ("unitarity_defect", "residual", "condition")
        minus, plus, density = (values @ weights for values in faces)
        return PumpedMoments(
            minus,
            plus,
            density,
            integrals=replace(
                found, in_plane=found.in_plane @ weights, torque=found.torque @ weights
            ),
            certificates={name: certificates[name] for name in names},
        )


def _on_one_sphere(
    stack: Stack, mesh: FermiSurfaceMesh, made: _Source, memory_limit: int | None
) -> PumpedMoments:
    directions, weights = mesh.directions[mesh.upward], mesh.weights[mesh.upward]
    density = np.zeros((len(stack.interfaces), 3, made.columns))
    for i, interface in enumerate(stack.interfaces):
        if stack.torque_owner(i) == made.turning:
            own = interface.pumped(stack.interface_magnetization(i), made.axes, directions)
            made.emit(i, own.below, own.above)
            density[i] = made.padded(np.einsum("n,nac->ac", weights, own.density))
    if not stack.is_open:
        # Charge that arrives isotropically on both sides leaves so: R_cc + T_cc = 1.
        charge = np.zeros((len(directions), 4))
        charge[:, CHARGE] = 1.0
        made.inject(charge, charge)
        reference = stack.reference_interface
        barrier = stack.interfaces[reference]
        scattered = barrier.scattering(stack.interface_magnetization(reference), directions)
        both = scattered.density_below + scattered.density_above
        density[reference, :, -1] = weights @ both[:, :, CHARGE]
    states = solve_dense(stack, mesh, drive=made.drive, memory_limit=memory_limit)
    every = slice(0, made.columns)
    minus, plus, arrived = dense_faces(stack, mesh, states, every)
    return made.moments(
        (minus, plus, arrived + density),
        dense_integrals(stack, states, every),
        states.slack,
        {**dense_certificates(stack, mesh, states), **states.certificates},
    )


def _on_own_spheres(film: SphereFilm, made: _Source, memory_limit: int | None) -> PumpedMoments:
    stack, n = film.stack, len(film.junctions)
    #: What is at the interfaces besides what arrives there from the layers.
    flows, density = np.zeros((n, 2, 4, made.columns)), np.zeros((n, 3, made.columns))
    for i, (junction, own) in enumerate(
        zip(film.junctions, film.pumped(made.turning, made.axes), strict=True)
    ):
        if own is not None:
            made.emit(i, own.leaving[:, :4], own.leaving[:, 4:])
            flows[i], density[i] = (
                made.padded(np.tensordot(junction.weights, part, axes=1))
                for part in (junction.flows_of_emission(own), own.density)
            )
    if not stack.is_open:
        reference = stack.reference_interface
        junction, beside = film.junctions[reference], film.layers[reference : reference + 2]
        arriving = junction.open_slots() * np.concatenate(
            [layer.occupations()[:, CHARGE] for layer in beside]
        )
        leaving = np.einsum("nab,nb->na", junction.matched.scattering, arriving)
        made.inject(leaving[:, :4], leaving[:, 4:])
        flows[reference, ..., -1], density[reference, :, -1] = (
            np.einsum("n,n...b,nb->...", junction.weights, part, arriving)
            for part in (junction.flows(), junction.matched.density)
        )
        # It arrives at the interface, but does not leave the layers.
        for side, sign in enumerate((1.0, -1.0)):
            slots = junction.weights @ arriving[:, 4 * side : 4 * side + 4]
            flows[reference, side, :, -1] -= sign * junction.terminals[side].cartesian() @ slots
    states = solve_spheres(film, memory_limit, made.drive)
    return made.moments(
        (states.minus + flows[:, 0], states.plus + flows[:, 1], states.density + density),
        states.integrals(slice(0, made.columns)),
        states.slack,
        states.certificates,
    )
