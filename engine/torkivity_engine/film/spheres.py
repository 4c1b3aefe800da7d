"""Films whose layers have Fermi spheres of their own, on one grid of k_parallel."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import HalfSpace, Surface
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.interface import Interface
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.stack import Stack
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_engine.kinetics.junction import Junction, Terminal
from torkivity_engine.kinetics.sphere_pumping import Emission, Turning
from torkivity_engine.kinetics.spheres import Bands
from torkivity_meshes import AnnularGrid, AzimuthalRings, FermiSurfaceMesh, annular_grid

__all__ = [
    "SphereFilm",
    "SphereLayer",
    "has_one_sphere",
    "pair_film",
    "polar_rule_of",
    "sphere_film",
]


def has_one_sphere(stack: Stack, interface: int | None = None) -> bool:
    """Whether all layers, or those beside one interface, share the film's own Fermi sphere."""
    own = Bands.common(stack.fermi_wavevector)
    layers = stack.layers if interface is None else stack.layers[interface : interface + 2]
    return all(layer.bands(stack.fermi_wavevector) == own for layer in layers)


def polar_rule_of(mesh: FermiSurfaceMesh) -> AzimuthalRings:
    """The rings of a mesh, whose polar rule is used in every annulus.

    Raises
    ------
    InputError
        For a mesh without rings.
    """
    if mesh.rings is None:
        raise InputError(
            "mesh",
            mesh.name,
            "has no azimuthal rings, from which the annuli between Fermi spheres are made",
        )
    return mesh.rings


def pair_film(
    stack: Stack, index: int, rule: AzimuthalRings, interface: Interface | None = None
) -> SphereFilm:
    """One interface of a stack with the layers beside it, on the grid of these two.

    Parameters
    ----------
    stack : Stack
    index : int
        Which interface.
    rule : AzimuthalRings
    interface : Interface, optional
        Put in its place.

    Returns
    -------
    SphereFilm
        Its outer faces are those of half spaces without skew scattering.
    """
    below, above = (layer.without_spin_hall() for layer in stack.layers[index : index + 2])
    own = interface or stack.interfaces[index]
    pair = Stack(
        layers=(below, above),
        interfaces=(own.turned(stack.interface_magnetization(index)),),
        left=Surface() if below.outermost_only else HalfSpace(),
        right=Surface() if above.outermost_only else HalfSpace(),
        fermi_wavevector=stack.fermi_wavevector,
    )
    return sphere_film(pair, rule)


@dataclass(frozen=True, eq=False)
class SphereLayer:
    """One layer on the grid of its film.

    Attributes
    ----------
    layer : Layer
    bands : Bands
    grid : AnnularGrid
    k_0 : float
        Fermi wavevector of the film, 1/nm.
    """

    layer: Layer
    bands: Bands
    grid: AnnularGrid
    k_0: float

    @property
    def has_states(self) -> bool:
        """Whether there are electrons in it: not in an insulator."""
        return any(sphere.radius > 0.0 for sphere in self.bands.slots)

    @property
    def terms(self) -> CollisionTerms:
        """Collision terms of the slots that have states."""
        if self.bands.split:
            return self.layer.occupation_terms(self.grid, self.k_0)
        return collision_terms(self.layer)

    def driven_amplitude(self) -> FloatArray:
        """Field-driven bulk distribution of each slot over v_E, without skew scattering, nm."""
        if not self.bands.split:
            return self.layer.driven_amplitude()
        amplitude = np.zeros(2)
        if self.has_states:
            driven = self.layer.driven_occupations(self.k_0)
            amplitude[: len(driven)] = driven
        return amplitude

    def decay_reach(self) -> float:
        """A length in nm over which everything that decays has decayed to rounding."""
        if not self.has_states:
            return 0.0
        return self.layer.reach(self.k_0)

    def key(self) -> Hashable:
        """What its response to electrons depends on, besides m."""
        return (self.layer.kinetic_key(), self.bands, self.k_0, self.grid)

    @property
    def terminal(self) -> Terminal:
        """The layer as a side of an interface."""
        return Terminal(self.bands, self.layer.magnetization or (0.0, 0.0, 1.0))

    @property
    def first(self) -> list[int]:
        """First ring of each slot in use; ``grid.n_rings`` where there are no states."""
        return [self.grid.first(sphere.radius) for sphere in self.bands.slots]

    def rings(self, slot: int) -> AzimuthalRings:
        """The rings of one slot as a mesh of its sphere, which must have states."""
        return _rings(self.grid, self.bands.slots[slot].radius)

    def surfaces(self) -> FloatArray:
        """Surface of the sphere of each slot over k_0^2 on the grid, shape (4,); 4 pi k_s^2."""
        areas = np.zeros(4)
        for slot, first in enumerate(self.first):
            if first < self.grid.n_rings:
                area = self.grid.area[first:] / self.k_0**2
                areas[slot] = 2.0 * np.sum(area / self.rings(slot).cosines)
        return areas

    def slowness(self) -> FloatArray:
        """v_0 / v_s of each slot, shape (4,); zero where there are no states."""
        slow = np.zeros(4)
        for slot, sphere in enumerate(self.bands.slots):
            if sphere.radius > 0.0:
                slow[slot] = 1.0 / sphere.velocity(self.k_0)
        return slow

    def open(self) -> FloatArray:
        """One where a slot has states, shape (n_rings, 4)."""
        mask = np.zeros((self.grid.n_rings, 4))
        for slot, first in enumerate(self.first):
            mask[first:, slot] = 1.0
        return mask

    def occupations(self) -> FloatArray:
        """From coefficients (x, y, z, charge) to slots, shape (4, 4): tr[P_s rho] if split."""
        if not self.bands.split:
            return np.eye(4)
        matrix = np.zeros((4, 4))
        m = np.asarray(self.terminal.axis)
        matrix[0], matrix[1] = [*-m, 1.0], [*m, 1.0]
        return matrix


@dataclass(frozen=True, eq=False)
class SphereFilm:
    """A stack on the grid of k_parallel that its layers share.

    Attributes
    ----------
    stack : Stack
    grid : AnnularGrid
    layers : tuple of SphereLayer
    junctions : tuple of Junction
        The interfaces.
    """

    stack: Stack
    grid: AnnularGrid
    layers: tuple[SphereLayer, ...]
    junctions: tuple[Junction, ...]

    def pumped(self, turning: int, axes: FloatArray) -> list[Emission | None]:
        """What each interface sends out while one magnetization turns; None where nothing.

        Parameters
        ----------
        turning : int
            Index of the layer whose magnetization turns, with its interfaces.
        axes : ndarray, shape (3, c)
            q, perpendicular to m.
        """
        emissions: list[Emission | None] = []
        for i, junction in enumerate(self.junctions):
            own = self.stack.torque_owner(i) == turning and self.stack.interfaces[i].magnetic
            turns = Turning(below=i == turning, interface=own, above=i + 1 == turning)
            emissions.append(junction.pumped(turns, axes) if any(turns) else None)
        return emissions


def sphere_film(stack: Stack, rule: AzimuthalRings) -> SphereFilm:
    """Put a stack on a grid of k_parallel.

    Parameters
    ----------
    stack : Stack
    rule : AzimuthalRings
        Polar rule of every annulus, and azimuths. Gauss rules stand in for rational ones where
        spheres differ.

    Returns
    -------
    SphereFilm

    Raises
    ------
    InputError
        If an interface does not know how to join unequal spheres.
    """
    k_0 = stack.fermi_wavevector
    bands = [layer.bands(k_0) for layer in stack.layers]
    radii = {sphere.radius for b in bands for sphere in b.slots}
    if len(radii) > 1:  # zero is that of a band without states
        rule = _between_thresholds(rule)
    grid = _grid(tuple(sorted(radii - {0.0})), rule)
    layers = tuple(
        SphereLayer(layer, own, grid, k_0) for layer, own in zip(stack.layers, bands, strict=True)
    )
    junctions = []
    for i, interface in enumerate(stack.interfaces):
        parameters = interface.closed_form(stack.interface_magnetization(i))
        if parameters is None:
            raise InputError(
                "interface",
                stack.names_of_interfaces[i],
                "is given by its tensors, which hold for the spheres they were made for; layers "
                "with Fermi spheres of their own need an interface given by its potential",
            )
        junctions.append(
            Junction(grid, k_0, layers[i].terminal, layers[i + 1].terminal, parameters)
        )
    return SphereFilm(stack, grid, layers, tuple(junctions))


@lru_cache(maxsize=16)
def _between_thresholds(rule: AzimuthalRings) -> AzimuthalRings:
    """The rings where spheres differ: rational rules suit one end, thresholds are at both."""
    return rule.with_polar_rule("gauss") if rule.polar_rule == "rational" else rule


@lru_cache(maxsize=16)
def _grid(radii: tuple[float, ...], rule: AzimuthalRings) -> AnnularGrid:
    return annular_grid(radii, rule)


@lru_cache(maxsize=64)
def _rings(grid: AnnularGrid, radius: float) -> AzimuthalRings:
    return grid.sphere(radius)
