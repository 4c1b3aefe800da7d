"""Boundary-layer-exact drift-diffusion: thickness formulas with microscopic coefficients.

Everything next to an outermost heavy metal (interface, ferromagnet, its outer face) is one
termination of a half space of that metal, and so is its outer face. Each is solved once,
exactly, by the Boltzmann equation: driven by the field, and for each incoming slow spin mode.
With the amplitudes a_- of modes that decay and a_+ of modes that grow with the height,
counted at the interface (heavy metal below),

    a_+ = a_E E~ + r a_-,       a_- = e^(-kappa t) (r_out e^(-kappa t) a_+ + a_out E~),

and any current or torque X = X_E E~ + X_s a_-. What is left out are faster modes that cross
the whole film, of order e^(-t/lambda) each way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.table_boundary_layer import table_half_spaces
from torkivity_engine.errors import POINT_ERRORS, InputError, PointError
from torkivity_engine.film.boundaries import BOTTOM, TOP, Boundary, HalfSpace
from torkivity_engine.film.collisions import collision_terms, keyed
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.kinetic import require_kinetic
from torkivity_engine.film.layer import Keyed, Layer
from torkivity_engine.film.sources import film_with_source
from torkivity_engine.film.spheres import has_one_sphere, sphere_film
from torkivity_engine.film.stack import Bilayer, Stack, as_stack, mirrored
from torkivity_engine.film.table_film import has_tables
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.reduced.assembly import (
    Assembly,
    Drive,
    FilmMoments,
    InterfaceStates,
    ring_structure,
)
from torkivity_engine.reduced.batch import alike
from torkivity_engine.reduced.beside_endless import BesideEndless, solve_beside_endless
from torkivity_engine.reduced.outer_faces import driven_moments
from torkivity_engine.reduced.slow_modes import SlowModes, slow_modes
from torkivity_engine.reduced.spheres import SphereAssembly
from torkivity_engine.solution import InterfaceResponse
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AzimuthalRings, FermiSurfaceMesh, SphericalMesh

__all__ = [
    "BoundaryLayerParameters",
    "boundary_layer_parameters",
    "boundary_layer_parameters_many",
]


@dataclass(frozen=True, eq=False)
class BoundaryLayerParameters:
    """Exact parameters of the thickness formula of a film with an outermost heavy metal.

    All are for the heavy metal below; a film with the heavy metal on top is described upside
    down (z -> -z) and `response` turns its result back. Accumulations are carried per e^2,
    like g.

    Attributes
    ----------
    kappa : ndarray, shape (3,)
        Decay constants 1/l_sf of the slow modes of spin x, y, z, in 1/nm.
    slow_current : ndarray, shape (3,)
        ``J_-``: spin current of a decaying mode with unit accumulation, 1/(Ohm m^2); that of a
        growing mode is ``-J_-``.
    reflection : ndarray, shape (3, 3)
        r: growing modes returned by the interface per arriving decaying mode.
    emission : ndarray, shape (3, 2)
        a_E: growing modes emitted by the interface per E~ along x and y, in nm.
    outer_reflection : ndarray, shape (3, 3)
        r_out of the outer face, counted at that face.
    outer_emission : ndarray, shape (3, 2)
        a_out of the outer face, in nm.
    driven, driven_by_modes : tuple of Functionals
        X_E per E~ along x and y, and X_s per arriving slow mode, one entry per interface.
    thickness : float
        Thickness of the heavy metal in the film as given, nm.
    field_direction : ndarray, shape (3,)
    upside_down : bool
        Whether the heavy metal lies on top in the film as given.
    """

    kappa: FloatArray
    slow_current: FloatArray
    reflection: FloatArray
    emission: FloatArray
    outer_reflection: FloatArray
    outer_emission: FloatArray
    driven: tuple[Functionals, ...]
    driven_by_modes: tuple[Functionals, ...]
    thickness: float
    field_direction: FloatArray
    upside_down: bool

    @property
    def conductance(self) -> FloatArray:
        """G_eff in 1/(Ohm m^2), shape (3, 3), of the circuit j_slow = G_eff mu_slow + j_E,eff E~.

        ``mu_slow = a_+ + a_-`` is the accumulation extrapolated from the bulk to the interface
        and ``j_slow = J_- (a_- - a_+)`` its current.
        """
        identity = np.eye(CHARGE)
        return np.asarray(
            self.slow_current[:, None]
            * (identity - self.reflection)
            @ np.linalg.inv(identity + self.reflection)
        )

    @property
    def source_current(self) -> FloatArray:
        """j_E,eff in 1/(Ohm m), shape (3, 2): see `conductance`."""
        total = np.eye(CHARGE) + self.reflection
        return np.asarray(
            -2.0 * METRE_PER_NM * self.slow_current[:, None] * np.linalg.solve(total, self.emission)
        )

    def arriving(self, thickness: float) -> FloatArray:
        """Amplitudes ``a_-`` per E~ along x and y at the interface, shape (3, 2), in nm.

        Parameters
        ----------
        thickness : float
            Heavy-metal thickness in nm.
        """
        decay = np.exp(-self.kappa * thickness)
        once = decay[:, None] * self.outer_reflection * decay
        source = once @ self.emission + decay[:, None] * self.outer_emission
        return np.asarray(np.linalg.solve(np.eye(CHARGE) - once @ self.reflection, source))

    def response(self, thickness: float | None = None, interface: int = 0) -> InterfaceResponse:
        """Currents and torques for any heavy-metal thickness.

        Parameters
        ----------
        thickness : float, optional
            nm; by default that of the film.
        interface : int, optional
            Counted from the left (bottom) of the film as given.

        Returns
        -------
        InterfaceResponse
            Per E~ in 1/(Ohm m).
        """
        t = self.thickness if thickness is None else thickness
        if not t > 0.0:
            raise InputError("thickness", thickness, "must be a positive length in nm")
        if not 0 <= interface < len(self.driven):
            raise InputError("interface", interface, f"must be from 0 to {len(self.driven) - 1}")
        index = len(self.driven) - 1 - interface if self.upside_down else interface
        direct, by_modes = self.driven[index], self.driven_by_modes[index]
        field = self.field_direction[:2]
        amplitudes = METRE_PER_NM * self.arriving(t) @ field
        result = InterfaceResponse(
            current_minus=direct.current_minus @ field + by_modes.current_minus @ amplitudes,
            current_plus=direct.current_plus @ field + by_modes.current_plus @ amplitudes,
            torque=direct.torque @ field + by_modes.torque @ amplitudes,
            m=direct.m,
            field_direction=self.field_direction,
            magnet_below=direct.magnet_below,
        )
        return result.mirrored() if self.upside_down else result


@dataclass(frozen=True, eq=False)
class Functionals:
    """Currents and torque at one interface, per column of a drive.

    Attributes
    ----------
    current_minus, current_plus : ndarray, shape (4, columns)
    torque : ndarray, shape (3, columns)
        tau_mag.
    m : ndarray, shape (3,)
    magnet_below : bool or None
    """

    current_minus: FloatArray
    current_plus: FloatArray
    torque: FloatArray
    m: FloatArray
    magnet_below: bool | None


def boundary_layer_parameters(
    film: Bilayer | Stack, mesh: FermiSurfaceMesh | None = None, source: str = "all"
) -> BoundaryLayerParameters:
    """Solve the two half-space problems of a film whose outermost layer is a heavy metal.

    Parameters
    ----------
    film : Bilayer or Stack
        The bottom layer, or else the top one, must be a `HeavyMetal`; the rest is arbitrary.
    mesh : FermiSurfaceMesh, optional
        With azimuthal rings; by default ``SphericalMesh(32, 32)``. Tables bring their own points.
    source : {"all", "rashba", "spin_hall"}, optional
        As in `solve_boltzmann`.

    Returns
    -------
    BoundaryLayerParameters

    Raises
    ------
    InputError
        For a film without an interface or without an outermost heavy metal.
    PhysicsError
        If the heavy metal has no diffusive regime, or conserves spin.
    """
    (found,) = boundary_layer_parameters_many([film], mesh, source)
    if isinstance(found, BoundaryLayerParameters):
        return found
    raise found


@with_one_blas_thread
def boundary_layer_parameters_many(
    films: Sequence[Bilayer | Stack], mesh: FermiSurfaceMesh | None = None, source: str = "all"
) -> list[BoundaryLayerParameters | PointError]:
    """The same for many films; those with equal layers, whatever the metal's thickness, together.

    Parameters
    ----------
    films : sequence of Bilayer or Stack
    mesh, source : optional
        As of `boundary_layer_parameters`.

    Returns
    -------
    list of BoundaryLayerParameters, or of what `boundary_layer_parameters` raises for that film

    Raises
    ------
    InputError
        For another source.
    """
    if source == "reservoirs":
        raise InputError("source", source, "must be one of all, rashba, spin_hall")
    found: list[BoundaryLayerParameters | PointError | None] = [None] * len(films)
    given: dict[int, Stack] = {}
    for place, film in enumerate(films):
        try:
            given[place] = _metal_below(film_with_source(film, source))
        except POINT_ERRORS as error:
            found[place] = error
    # The half spaces know nothing of the metal's thickness: a curve against it solves them once.
    any_thick = {
        place: replace(stack, layers=(stack.layers[0].with_thickness(_ANY), *stack.layers[1:]))
        for place, stack in given.items()
    }
    solved = _half_spaces(list(dict.fromkeys(any_thick.values())), mesh or _default_mesh())
    for place, stack in given.items():
        result = solved[any_thick[place]]
        if isinstance(result, BoundaryLayerParameters):
            result = replace(
                result,
                thickness=stack.layers[0].thickness,
                upside_down=as_stack(films[place]).layers[0].magnetic,
            )
        found[place] = result
    return [result for result in found if result is not None]


def _metal_below(stack: Stack) -> Stack:
    """The stack with its outermost heavy metal at the bottom."""
    require_kinetic(stack)
    if not stack.interfaces:
        raise InputError("film", stack, "must have at least two layers: torques need an interface")
    if stack.layers[0].magnetic:
        stack = mirrored(stack)
    metal = stack.layers[0]
    if metal.magnetic:
        raise InputError(
            "film", type(metal).__name__, "must have a HeavyMetal as its bottom or top layer"
        )
    return stack


#: In place of a thickness that does not matter, nm.
_ANY = 1.0


@cache
def _default_mesh() -> FermiSurfaceMesh:
    return SphericalMesh(32, 32)


def _half_spaces(
    stacks: list[Stack], mesh: FermiSurfaceMesh
) -> dict[Stack, BoundaryLayerParameters | PointError]:
    """Parameters of stacks with their heavy metal at the bottom, of any thickness."""
    found: dict[Stack, BoundaryLayerParameters | PointError] = {}
    together: list[Stack] = []
    for stack in stacks:
        try:
            if has_tables(stack):
                found[stack] = _on_tables(stack)
            elif has_one_sphere(stack):
                together.append(stack)
            else:
                found[stack] = _on_own_spheres(stack, mesh)
        except POINT_ERRORS as error:
            found[stack] = error
    endless = [replace(stack, left=HalfSpace()) for stack in together]
    for group in alike(endless) if endless else []:
        some = [together[k] for k in group]
        try:
            solved = _on_one_sphere(some, [endless[k] for k in group], ring_structure(mesh))
        except POINT_ERRORS as error:  # of the layers that they share
            solved = dict.fromkeys(some, error)
        found |= solved
    return found


def _on_one_sphere(
    stacks: list[Stack], endless: list[Stack], rings: AzimuthalRings
) -> dict[Stack, BoundaryLayerParameters | PointError]:
    """Parameters of stacks with equal layers above the interface."""
    metal = stacks[0].layers[0]
    modes = slow_modes(metal, rings)
    found: dict[Stack, BoundaryLayerParameters | PointError] = {}
    solutions = solve_beside_endless(endless, rings, modes.decaying)
    for stack, solution in zip(stacks, solutions, strict=True):
        if not isinstance(solution, BesideEndless):
            found[stack] = solution
            continue
        returned = modes.amplitudes(solution.distribution, growing=True)
        outer = _outer_face(stack.left, keyed(metal), rings)
        found[stack] = _parameters(stack, solution.moments, returned, modes, 1.0, outer)
    return found


def _on_own_spheres(stack: Stack, mesh: FermiSurfaceMesh) -> BoundaryLayerParameters:
    """The same where layers have Fermi spheres of their own."""
    inner, rings, surface = _inner_problem(stack, ring_structure(mesh))
    metal = stack.layers[0]
    modes = slow_modes(metal, rings)
    states = inner.solve(_with_modes(inner, modes.decaying, BOTTOM))
    returned = modes.amplitudes(_beside(states, 0, BOTTOM, metal, rings), growing=True)
    outer = _outer_face(stack.left, keyed(metal), rings)
    return _parameters(stack, states, returned, modes, surface, outer)


def _parameters(
    stack: Stack,
    states: FilmMoments,
    returned: FloatArray,
    modes: SlowModes,
    surface: float,
    outer: tuple[FloatArray, FloatArray],
) -> BoundaryLayerParameters:
    """Parameters from the solution for fields along x and y and three arriving modes.

    `surface` is the metal's Fermi surface over that of the film.
    """
    metal = stack.layers[0]
    unit = stack.prefactor
    drives = (slice(0, 2), slice(2, 5))
    driven, by_modes = (
        tuple(_functionals(stack, states, i, columns, scale) for i in range(len(stack.interfaces)))
        for columns, scale in zip(drives, (unit * METRE_PER_NM, unit), strict=True)
    )
    return BoundaryLayerParameters(
        kappa=modes.kappa,
        slow_current=unit * surface * modes.current,
        reflection=returned[:, drives[1]],
        emission=returned[:, drives[0]],
        outer_reflection=outer[1],
        outer_emission=outer[0],
        driven=driven,
        driven_by_modes=by_modes,
        thickness=metal.thickness,
        field_direction=stack.field_direction,
        upside_down=False,
    )


def _inner_problem(
    stack: Stack, rule: AzimuthalRings
) -> tuple[SphereAssembly, AzimuthalRings, float]:
    """The film with a half space of its metal, the metal's rings and surface over the film's."""
    film = sphere_film(replace(stack, left=HalfSpace()), rule)
    metal = film.layers[0]
    surface = float(metal.surfaces()[0]) / (4.0 * np.pi)
    return SphereAssembly(film), metal.rings(0), surface


@lru_cache(maxsize=8)
def _on_tables(stack: Stack) -> BoundaryLayerParameters:
    """The same on the modes of tables."""
    solved = table_half_spaces(stack)
    unit = stack.prefactor
    drives = ((slice(0, 2), unit * METRE_PER_NM), (slice(2, 5), unit))
    driven, by_modes = (
        tuple(
            Functionals(
                current_minus=scale * solved.minus[i][:, columns],
                current_plus=scale * solved.plus[i][:, columns],
                torque=scale * solved.torque[i][:, columns],
                m=np.array(stack.interface_magnetization(i)),
                magnet_below=stack.magnet_below(i),
            )
            for i in range(len(stack.interfaces))
        )
        for columns, scale in drives
    )
    return BoundaryLayerParameters(
        kappa=np.full(CHARGE, solved.kappa),
        slow_current=np.full(CHARGE, unit * solved.current),
        reflection=solved.returned[:, 2:],
        emission=solved.returned[:, :2],
        outer_reflection=solved.sent[:, 2:],
        outer_emission=solved.sent[:, :2],
        driven=driven,
        driven_by_modes=by_modes,
        thickness=stack.layers[0].thickness,
        field_direction=stack.field_direction,
        upside_down=False,
    )


@lru_cache(maxsize=16)
def _outer_face(
    boundary: Boundary, of: Keyed, rings: AzimuthalRings
) -> tuple[FloatArray, FloatArray]:
    """a_out and r_out: the outer face below a slice of metal, a half space of it above.

    They know nothing of what lies on the other side of the metal.
    """
    if boundary.endless:
        return np.zeros((CHARGE, 2)), np.zeros((CHARGE, CHARGE))
    metal = of.layer
    modes = slow_modes(metal, rings)
    depth = 1.0 / float(collision_terms(metal).k_out[CHARGE, CHARGE])
    film = Stack(
        (metal.with_thickness(depth), metal),
        (RashbaInterface(0.0, 0.0, 0.0),),
        left=boundary,
        right=HalfSpace(),
    )
    problem = Assembly(film, rings)
    states = problem.solve(_with_modes(problem, modes.growing, TOP))
    sent = modes.amplitudes(_beside(states, 0, TOP, metal, rings), growing=False)
    # From the plane at `depth` to the face itself.
    back = np.exp(modes.kappa * depth)[:, None]
    return back * sent[:, :2], back * sent[:, 2:] * back.T


def _with_modes(assembly: Assembly, modes: FloatArray, side: int) -> Drive:
    """Fields along x and y, and the three slow modes arriving on one side of interface 0."""
    field = assembly.field_drive()
    up, down = modes
    towards, away = (up, down) if side == BOTTOM else (down, up)
    shape = (*field.incoming.shape[:3], CHARGE)
    incoming, outgoing = np.zeros(shape), np.zeros(shape)
    rows = slice(4 * side, 4 * side + 4)
    on_it = slice(assembly.n_rings - len(up), None)  # the rings of the metal's sphere
    incoming[on_it, :, rows], outgoing[on_it, :, rows] = towards, away
    return Drive(
        np.concatenate([field.incoming, incoming], axis=3),
        np.concatenate([field.outgoing, outgoing], axis=3),
        np.concatenate([field.field, np.zeros((2, CHARGE))], axis=1),
    )


def _beside(
    states: InterfaceStates, interface: int, side: int, metal: Layer, rings: AzimuthalRings
) -> FloatArray:
    """g without the driven bulk part on one side of an interface, (up and down, ring, ...)."""
    on_it = slice(len(states.arriving) - rings.n_polar, None)
    arriving = states.arriving[on_it, :, interface, side]
    leaving = states.leaving[on_it, :, interface, side]
    up, down = (arriving, leaving) if side == BOTTOM else (leaving, arriving)
    g = np.stack([up, down])
    for direction, sign in enumerate((1.0, -1.0)):
        g[direction, ..., :2] -= driven_moments(metal, rings, sign)[:, : g.shape[2]]
    return g


def _functionals(
    stack: Stack, states: FilmMoments, index: int, columns: slice, unit: float
) -> Functionals:
    m = np.array(stack.interface_magnetization(index))
    density = unit * states.density[index][:, columns]
    return Functionals(
        current_minus=unit * states.current_minus[index][:, columns],
        current_plus=unit * states.current_plus[index][:, columns],
        torque=stack.interfaces[index].torque(density, m),
        m=m,
        magnet_below=stack.magnet_below(index),
    )
