"""What an interface emits while its magnetization turns, integrated over k_parallel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.tensors import CircuitConductances, default_mesh
from torkivity_engine.film.interface import Interface
from torkivity_engine.film.spheres import has_one_sphere, pair_film, polar_rule_of
from torkivity_engine.film.stack import Stack
from torkivity_engine.spin import CHARGE, cross_matrix
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["InterfaceEmission", "emission_of_conductances", "interface_emission"]


class InterfaceEmission(NamedTuple):
    """Emission of an interface per q, c of them.

    Attributes
    ----------
    minus, plus : ndarray, shape (4, c)
        Flow along +z of (x, y, z, charge) at 0- and 0+, 1/(Ohm m^2).
    density : ndarray, shape (3, c)
        Spin density at z = 0 with it, same unit.
    in_plane : ndarray, shape (2, c)
        Flow of charge along x and y that it carries until it is scattered, 1/(Ohm m).
    """

    minus: FloatArray
    plus: FloatArray
    density: FloatArray
    in_plane: FloatArray


def interface_emission(
    stack: Stack,
    index: int,
    turning: int,
    axes: FloatArray,
    mesh: FermiSurfaceMesh | None = None,
    *,
    plain: bool = False,
) -> InterfaceEmission:
    """Emission of one interface of a film.

    Parameters
    ----------
    stack : Stack
    index : int
        Which interface.
    turning : int
        Index of the layer whose magnetization turns, with its interfaces.
    axes : ndarray, shape (3, c)
        q, perpendicular to m.
    mesh : FermiSurfaceMesh, optional
    plain : bool, optional
        Leave out its spin-orbit coupling.

    See Also
    --------
    emission_of_conductances : for what is given by a law of circuit theory.

    Returns
    -------
    InterfaceEmission
    """
    interface = stack.interfaces[index]
    if plain:
        interface = interface.without_spin_orbit()
    on_one = has_one_sphere(stack, index)
    of = _on_one_sphere if on_one else _between_spheres
    made = of(stack, index, interface, turning, axes, mesh or default_mesh())
    c = stack.prefactor
    return InterfaceEmission(
        c * made.minus, c * made.plus, c * made.density, c * METRE_PER_NM * made.in_plane
    )


def emission_of_conductances(
    circuit: CircuitConductances, m: ArrayLike, axes: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Emission of an interface that conserves spin, from its conductances.

    Spins across m come back as if an accumulation -m x q lay on both sides, those along m as if
    there were none: j(0-) = -(G - Gamma) m x q, and with m x q for (e_1, e_2, m) complex alike.

    Parameters
    ----------
    circuit : CircuitConductances
        Without spin-orbit coupling.
    m : array_like, shape (3,)
    axes : ndarray, shape (3, c)
        q, perpendicular to m.

    Returns
    -------
    minus, plus : ndarray, shape (4, c)
    density : ndarray, shape (3, c)
        As of `InterfaceEmission`.
    """
    unit, across = np.asarray(m, dtype=np.float64), np.zeros((4, axes.shape[1]))
    across[:CHARGE] = cross_matrix(unit) @ axes
    both = circuit.density + circuit.density_above
    along = unit @ both[:, :CHARGE] @ unit
    return (
        (circuit.transmission_down - circuit.reflection) @ across,
        (circuit.reflection_above - circuit.transmission) @ across,
        along * across[:CHARGE] - both @ across,
    )


def _on_one_sphere(
    stack: Stack,
    index: int,
    interface: Interface,
    turning: int,
    axes: FloatArray,
    mesh: FermiSurfaceMesh,
) -> InterfaceEmission:
    count = axes.shape[1]
    nothing = np.zeros((4, count))
    if stack.torque_owner(index) != turning:
        return InterfaceEmission(nothing, nothing, nothing[:CHARGE], nothing[:2])
    k, weights = mesh.directions[mesh.upward], mesh.weights[mesh.upward]
    own = interface.pumped(stack.interface_magnetization(index), axes, k)
    normal = weights * k[:, 2]
    in_plane = np.zeros((2, count))
    for leaving, layer in zip((own.below, own.above), stack.layers[index : index + 2], strict=True):
        # It goes on for a path in its direction, with the drift that a field gives there.
        carried = np.tensordot(leaving, layer.driven_amplitude(), axes=([1], [0]))
        in_plane += np.einsum("n,ni,nc->ic", normal, k[:, :2], carried)
    return InterfaceEmission(
        -np.tensordot(normal, own.below, axes=1),
        np.tensordot(normal, own.above, axes=1),
        np.tensordot(weights, own.density, axes=1),
        in_plane,
    )


def _between_spheres(
    stack: Stack,
    index: int,
    interface: Interface,
    turning: int,
    axes: FloatArray,
    mesh: FermiSurfaceMesh,
) -> InterfaceEmission:
    film = pair_film(stack, index, polar_rule_of(mesh), interface)
    (junction,), count = film.junctions, axes.shape[1]
    (sent,) = film.pumped(turning - index, axes)
    if sent is None:
        nothing = np.zeros((4, count))
        return InterfaceEmission(nothing, nothing, nothing[:CHARGE], nothing[:2])
    flows = np.tensordot(junction.weights, junction.flows_of_emission(sent), axes=1)
    in_plane = np.zeros((2, count))
    for side, layer in enumerate(film.layers):
        carried = layer.driven_amplitude()
        if layer.bands.split:
            carried = carried * layer.terminal.cartesian()[CHARGE, : len(carried)]
        for slot, length in enumerate(carried):
            radius = layer.bands.slots[slot].radius
            if radius > 0.0:
                leaving = sent.leaving[:, 4 * side + slot]
                in_plane += length / radius * (junction.k.T * junction.weights) @ leaving
    return InterfaceEmission(
        flows[0], flows[1], np.tensordot(junction.weights, sent.density, axes=1), in_plane
    )
