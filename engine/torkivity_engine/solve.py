"""Public entry to the Boltzmann solvers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.balances import LayerIntegrals
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.dense.integrals import dense_integrals
from torkivity_engine.dense.matching import (
    Faces,
    dense_certificates,
    dense_faces,
    solve_dense,
)
from torkivity_engine.dense.profile import dense_moments
from torkivity_engine.dense.spheres import SphereStates, solve_spheres
from torkivity_engine.dense.tables import TableStates, solve_tables
from torkivity_engine.errors import POINT_ERRORS, InputError, PhysicsError, PointError
from torkivity_engine.film.kinetic import require_kinetic
from torkivity_engine.film.sources import film_with_source
from torkivity_engine.film.spheres import has_one_sphere, polar_rule_of, sphere_film
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.film.table_film import has_tables, table_film, table_name
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.profiles import LayerMoments, LayerProfile, MomentSource, layer_profile
from torkivity_engine.reduced.assembly import ring_structure, split_single_layer
from torkivity_engine.reduced.batch import FilmMoments, solve_reduced_many
from torkivity_engine.reduced.integrals import reduced_integrals
from torkivity_engine.reduced.profile import reduced_moments
from torkivity_engine.reduced.sphere_profile import sphere_integrals, sphere_moments
from torkivity_engine.reduced.spheres import solve_reduced_spheres
from torkivity_engine.refine import refine_many, unflattened
from torkivity_engine.solution import (
    BoltzmannSolution,
    FilmIntegrals,
    InterfaceResponse,
    entering_spin,
)
from torkivity_engine.spin import CHARGE, transverse
from torkivity_engine.tolerance import Tolerance
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = ["solve_boltzmann", "solve_boltzmann_many"]


_T = TypeVar("_T")

METHODS = ("reduced", "dense")
#: Weight of a drive that is the film's own.
_WHOLE = np.ones(1)
#: Which drives of the dense method.
_COLUMNS = {"field": slice(0, 2), "injection": slice(2, 3)}


def solve_boltzmann(
    film: Bilayer | Stack,
    mesh: FermiSurfaceMesh | None = None,
    *,
    rtol: float | Tolerance | None = None,
    method: str = "reduced",
    source: str = "all",
    memory_limit: int | None = None,
) -> BoltzmannSolution:
    """Solve the spin-dependent Boltzmann equation of a film.

    Parameters
    ----------
    film : Bilayer or Stack
    mesh : FermiSurfaceMesh, optional
        By default ``SphericalMesh(32, 32)``. Tables bring points of their own.
    rtol : float or Tolerance, optional
        Instead of a mesh: refine polar and azimuthal sizes until the estimated mesh error of
        every current and torque is below `rtol` times the largest component of the total
        torque. The result then carries `errors`, `refinement` and the certificate "mesh_error".
        A ``torkivity_engine.tolerance.Tolerance`` says where the search begins as well.
    method : {"reduced", "dense"}, optional
        "reduced" (default) needs a mesh with azimuthal rings and is exact on it; "dense" is
        the NT x NT method of Appendix C on any mesh. Both give the same numbers.
    source : {"all", "rashba", "spin_hall", "reservoirs"}, optional
        What drives the film. "all" is an in-plane field with every mechanism at work;
        "rashba" switches skew scattering off, "spin_hall" the interfaces' spin-orbit coupling,
        whatever its form (the two need not add up to "all" beyond first order). "reservoirs"
        is the response to what they inject, without a field; currents then are in
        1/(Ohm m^2) times the injected coefficient.
    memory_limit : int, optional
        Bytes that the dense method may use; by default what the machine has free.

    Returns
    -------
    BoltzmannSolution
        Certificates: "charge_defect" (largest difference of the charge current between the
        two sides of an interface, or any charge current through a closed film, over the
        largest spin current or torque), "unitarity_defect" of the interfaces on the mesh,
        "spin_balance" (worst violation, in a layer, of current in minus current out = what
        relaxes and precesses, over the largest current), "residual" and "condition" of the
        final linear system, "gauge_slack", "modes_removed" (solutions that neither decay nor
        grow, treated exactly) and, with `rtol`, "mesh_error".

    Raises
    ------
    InputError
        For an unknown method or source, a mesh that the method cannot use, both a mesh and
        `rtol`, or a film with parts that are given by drift-diffusion parameters.
    PhysicsError
        If the film leaves an accumulation undetermined, or `rtol` is not reached.
    CapacityError
        If the dense method would not fit into memory.
    """
    (found,) = solve_boltzmann_many(
        [film], mesh, rtol=rtol, method=method, source=source, memory_limit=memory_limit
    )
    if isinstance(found, BoltzmannSolution):
        return found
    raise found


def solve_boltzmann_many(
    films: Sequence[Bilayer | Stack],
    mesh: FermiSurfaceMesh | None = None,
    *,
    rtol: float | Tolerance | Sequence[Tolerance] | None = None,
    method: str = "reduced",
    source: str = "all",
    memory_limit: int | None = None,
) -> list[BoltzmannSolution | PointError]:
    """Solve the Boltzmann equation of many films.

    Films that share their layers, whatever their interfaces, magnetizations and field directions,
    are computed together. The digits of a film do not depend on the others.

    Parameters
    ----------
    films : sequence of Bilayer or Stack
    mesh, rtol, method, source, memory_limit
        As in `solve_boltzmann`; tolerances may be one for each film. Films that ask for the same
        mesh are solved together.

    Returns
    -------
    list of BoltzmannSolution, or of what `solve_boltzmann` raises for that film

    Raises
    ------
    InputError
        For an unknown method, a number that is no tolerance, or both a mesh and `rtol`.
    """
    if method not in METHODS:
        raise InputError("method", method, f"must be one of {', '.join(METHODS)}")
    if rtol is not None and mesh is not None:
        raise InputError("rtol", rtol, "chooses the mesh: give one or the other")
    if rtol is not None:
        if isinstance(rtol, Sequence) and not isinstance(rtol, str):
            tolerances = list(rtol)
        else:
            tolerances = [Tolerance.of(rtol)] * len(films)
        return _refined(films, tolerances, method, source, memory_limit)
    found: list[BoltzmannSolution | PointError | None] = [None] * len(films)
    together: dict[int, Stack] = {}
    for index, film in enumerate(films):
        try:
            stack = film_with_source(film, source)
            require_kinetic(stack)
            if method == "reduced" and not has_tables(stack) and has_one_sphere(stack):
                together[index] = stack
            else:
                found[index] = _alone(stack, mesh or _default_mesh(), method, source, memory_limit)
        except POINT_ERRORS as error:
            found[index] = error
    if together:
        stacks = list(together.values())
        solved = _together(stacks, mesh or _default_mesh(), source)
        for index, solution in zip(together, solved, strict=True):
            found[index] = solution
    return [result for result in found if result is not None]


@cache
def _default_mesh() -> FermiSurfaceMesh:
    return SphericalMesh(32, 32)


def _together(
    stacks: list[Stack], mesh: FermiSurfaceMesh, source: str
) -> list[BoltzmannSolution | PointError]:
    """Films by the reduced method on one Fermi sphere."""
    drive = "injection" if source == "reservoirs" else "field"
    halves = [split_single_layer(stack) for stack in stacks]
    return [
        _with_moments(stack, moments, mesh, source) if isinstance(moments, FilmMoments) else moments
        for stack, moments in zip(stacks, solve_reduced_many(halves, mesh, drive), strict=True)
    ]


def _with_moments(
    stack: Stack, moments: FilmMoments, mesh: FermiSurfaceMesh, source: str
) -> BoltzmannSolution:
    """Solution from the moments for the film's own drive."""
    faces = (moments.current_minus, moments.current_plus, moments.density)
    at = (stack, ring_structure(mesh), _drive_of(source))
    unit = _unit(stack, source)
    interfaces = _responses(stack, faces, _WHOLE, unit)
    return _solution(
        *(stack, _weights(stack, source), unit, mesh, "reduced", interfaces, moments.certificates),
        *(partial(reduced_moments, *at), partial(reduced_integrals, *at)),
    )


def _alone(
    stack: Stack, mesh: FermiSurfaceMesh, method: str, source: str, memory_limit: int | None
) -> BoltzmannSolution:
    """A film by itself, for unit drives first."""
    if has_tables(stack):
        on_modes = _on_tables
    elif has_one_sphere(stack):
        on_modes = _on_one_sphere
    else:
        on_modes = _on_own_spheres
    faces, certificates, moments_of, integrals_of = on_modes(
        stack, mesh, method, _drive_of(source), memory_limit
    )
    weights, unit = _weights(stack, source), _unit(stack, source)
    interfaces = _responses(stack, faces, weights, unit)
    return _solution(
        *(stack, weights, unit, mesh, method, interfaces, certificates),
        *(moments_of, integrals_of),
    )


def _drive_of(source: str) -> str:
    return "injection" if source == "reservoirs" else "field"


def _weights(stack: Stack, source: str) -> FloatArray:
    """Of unit drives in the film's own."""
    return _WHOLE if source == "reservoirs" else stack.field_direction[:2]


def _unit(stack: Stack, source: str) -> float:
    """From moments to responses in SI; an injection has no length."""
    return stack.prefactor * (1.0 if source == "reservoirs" else METRE_PER_NM)


class _Once(Generic[_T]):
    """What is computed when it is first asked for: made in a tenth of the time of a cache."""

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make

    def __call__(self) -> _T:
        if not hasattr(self, "_made"):
            self._made = self._make()
        return self._made


def _solution(
    stack: Stack,
    weights: FloatArray,
    unit: float,
    mesh: FermiSurfaceMesh,
    method: str,
    interfaces: tuple[InterfaceResponse, ...],
    certificates: dict[str, float],
    moments_of: Callable[[], MomentSource],
    integrals_of: Callable[[], LayerIntegrals],
) -> BoltzmannSolution:
    return BoltzmannSolution(
        interfaces=interfaces,
        certificates={"charge_defect": _charge_defect(stack, interfaces), **certificates},
        method=method,
        mesh=table_name(stack) or mesh.name,
        profile_of=partial(_profile, stack, _Once(moments_of), weights, unit),
        integrals_of=_Once(partial(_integrals, stack, interfaces, integrals_of, weights, unit)),
    )


_Solved = tuple[Faces, dict[str, float], Callable[[], MomentSource], Callable[[], LayerIntegrals]]


def _on_one_sphere(
    stack: Stack, mesh: FermiSurfaceMesh, method: str, drive: str, memory_limit: int | None
) -> _Solved:
    """Faces, certificates, moments and integrals of a film on one Fermi sphere, dense method."""
    dense = solve_dense(stack, mesh, memory_limit=memory_limit)
    columns = _COLUMNS[drive]
    faces = dense_faces(stack, mesh, dense, columns)
    certificates = {**dense_certificates(stack, mesh, dense), **dense.certificates}
    integrals_of = partial(dense_integrals, stack, dense, columns)
    return faces, certificates, partial(dense_moments, dense, columns), integrals_of


def _on_tables(
    stack: Stack, mesh: FermiSurfaceMesh, method: str, drive: str, memory_limit: int | None
) -> _Solved:
    """The same of a film whose interfaces are tables, which bring their own points."""
    if method != "dense":
        raise InputError("method", method, 'must be "dense" for a film with tables')
    dense = solve_tables(table_film(stack), memory_limit)
    return *_of_dense(dense, _COLUMNS[drive]), _no_integrals


def _no_integrals() -> LayerIntegrals:
    raise PhysicsError(
        "sheet conductance and exchange torque are not known for films with tables of amplitudes"
    )


def _of_dense(
    dense: SphereStates | TableStates, columns: slice
) -> tuple[Faces, dict[str, float], Callable[[], MomentSource]]:
    """Faces, certificates and moments of some drives of a dense solution."""
    faces = (dense.minus[..., columns], dense.plus[..., columns], dense.density[..., columns])

    def moments(layer: int, z: FloatArray) -> LayerMoments:
        all_drives = dense.moments(layer, z)
        return LayerMoments(*(vars(all_drives)[k][..., columns] for k in vars(all_drives)))

    return faces, dense.certificates, lambda: moments


def _on_own_spheres(
    stack: Stack, mesh: FermiSurfaceMesh, method: str, drive: str, memory_limit: int | None
) -> _Solved:
    """The same of a film whose layers have Fermi spheres of their own."""
    rule = polar_rule_of(mesh)
    if method == "dense":
        dense, columns = solve_spheres(sphere_film(stack, rule), memory_limit), _COLUMNS[drive]
        return *_of_dense(dense, columns), partial(dense.integrals, columns)
    states = solve_reduced_spheres(sphere_film(split_single_layer(stack), rule), drive)
    faces = (states.current_minus, states.current_plus, states.density)
    at = (stack, rule, drive)
    return faces, states.certificates, partial(sphere_moments, *at), partial(sphere_integrals, *at)


def _refined(
    films: Sequence[Bilayer | Stack],
    tolerances: Sequence[Tolerance],
    method: str,
    source: str,
    memory_limit: int | None,
) -> list[BoltzmannSolution | PointError]:
    """Solutions on the coarsest meshes that meet tolerances, with their errors."""
    found: dict[int, BoltzmannSolution | PointError] = {}
    stacks: dict[int, Stack] = {}
    for index, film in enumerate(films):
        try:
            stacks[index] = film_with_source(film, source)
        except POINT_ERRORS as error:
            found[index] = error

    def solve(some: list[Stack], mesh: FermiSurfaceMesh) -> list[BoltzmannSolution | PointError]:
        return solve_boltzmann_many(
            some, mesh, method=method, source=source, memory_limit=memory_limit
        )

    known = list(stacks.values())
    wanted = [tolerances[index] for index in stacks]
    searched = refine_many(known, solve, lambda s: s.interfaces, wanted)
    for index, result in zip(stacks, searched, strict=True):
        if not isinstance(result, tuple):
            assert isinstance(result, POINT_ERRORS)
            found[index] = result
            continue
        best, mesh = result
        found[index] = replace(
            best,
            certificates={**best.certificates, "mesh_error": mesh.relative},
            errors=unflattened(stacks[index], mesh.error),
            refinement=mesh,
        )
    return [found[index] for index in range(len(films))]


@with_one_blas_thread
def _profile(
    stack: Stack,
    moments_of: Callable[[], MomentSource],
    weights: FloatArray,
    unit: float,
    layer: int,
    z: ArrayLike | None,
) -> LayerProfile:
    """Profile of one layer; what it takes is prepared at the first one."""
    return layer_profile(stack, moments_of(), layer, z, weights, unit)


@with_one_blas_thread
def _integrals(
    stack: Stack,
    interfaces: tuple[InterfaceResponse, ...],
    integrals_of: Callable[[], LayerIntegrals],
    weights: FloatArray,
    unit: float,
) -> FilmIntegrals:
    """Conductances and torques of whole layers, in SI."""
    if stack.left.endless or stack.right.endless:
        raise PhysicsError("a half space has no sheet conductance and no total torque of its own")
    found = integrals_of()
    conductance = None
    if len(weights) == 2:  # drives are the fields along x and y
        conductance = 2.0 * unit * METRE_PER_NM * found.in_plane[:, CHARGE]
    torques = {}
    for index, layer in enumerate(stack.layers):
        if layer.magnetization is not None:
            own = [r.torque for i, r in enumerate(interfaces) if stack.torque_owner(i) == index]
            bulk = unit * found.torque[index] @ weights
            if layer.bands(stack.fermi_wavevector).split:
                # What enters such a magnet across m dephases: its magnetization takes all of it.
                bulk = bulk + transverse(entering_spin(index, interfaces), layer.magnetization)
            torques[stack.names[index]] = sum(own, bulk)
    return FilmIntegrals(conductance, torques)


def _responses(
    stack: Stack, faces: Faces, weights: FloatArray, unit: float
) -> tuple[InterfaceResponse, ...]:
    """Moments of the unit drives as responses to the drive at hand."""
    responses = []
    if weights is _WHOLE:
        minus, plus, density = (unit * moments[..., 0] for moments in faces)
    else:
        minus, plus, density = (unit * (moments @ weights) for moments in faces)
    for i, interface in enumerate(stack.interfaces):
        m = stack.interface_magnetization(i)
        responses.append(
            InterfaceResponse(
                current_minus=minus[i],
                current_plus=plus[i],
                torque=interface.torque(density[i], m),
                m=np.array(m),
                field_direction=stack.field_direction,
                magnet_below=stack.magnet_below(i),
            )
        )
    return tuple(responses)


def _charge_defect(stack: Stack, interfaces: tuple[InterfaceResponse, ...]) -> float:
    if not interfaces:
        return 0.0
    # Numbers are faster than arrays of a few.
    currents = [j.tolist() for r in interfaces for j in (r.current_minus, r.current_plus)]
    charge = [j[CHARGE] for j in currents]
    defect = max(charge) - min(charge) if stack.is_open else max(map(abs, charge))
    # An insulator takes a torque and no current.
    torques = [r.torque.tolist() for r in interfaces]
    largest = max(map(abs, chain(*currents, *torques)))
    return float(defect / max(largest, 1e-300))
