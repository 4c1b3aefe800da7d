"""One point of a study: a film by one model, driven by one source, as one record.

Run, curves, sweeps, convergence studies and the paper's figures all evaluate films here. Model
and source are axes like any other, so that each has its own status, and a study may grow along
them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from torkivity.catalogue import MODELS, SOURCES
from torkivity.study.case import Case
from torkivity.study.in_plane import in_plane_record
from torkivity.study.tiles import MESH_VARIABLES, TileMesh, Tiles, mesh_record
from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.batch import drift_diffusion_many
from torkivity_engine.diffusion.drift_diffusion import refined_drift_diffusion
from torkivity_engine.errors import POINT_ERRORS, PhysicsError
from torkivity_engine.film.kinetic import unkinetic_parts
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.magnets import magnet_records
from torkivity_engine.record import (
    CERTIFICATES,
    COORDINATES,
    IN_PLANE_VARIABLES,
    MAGNET_VARIABLES,
    VARIABLES,
    Variable,
)
from torkivity_engine.solution import (
    BoltzmannSolution,
    DriftDiffusionSolution,
    response_records,
)
from torkivity_engine.solve import solve_boltzmann_many
from torkivity_engine.tolerance import Tolerance
from torkivity_hpc.files.rows import NotedRecord, Records
from torkivity_hpc.grid import Axis, Dimension, Value

__all__ = [
    "PointRecord",
    "component_axes",
    "ferromagnet_level",
    "model_dimension",
    "point_variables",
    "solution_record",
    "solution_records",
    "solve_point",
    "solve_points",
    "source_dimension",
]

Solution = BoltzmannSolution | DriftDiffusionSolution


def solve_point(
    case: Case, model: str, source: str, tolerance: Tolerance | None = None
) -> Solution:
    """A film by one model.

    Parameters
    ----------
    case : Case
    model : str
        Of `torkivity.catalogue.MODELS`.
    source : str
        Of `torkivity.catalogue.SOURCES`.
    tolerance : Tolerance, optional
        In place of the case's mesh or tolerance.

    Returns
    -------
    BoltzmannSolution or DriftDiffusionSolution

    Raises
    ------
    InputError, PhysicsError, CapacityError
        As the solvers do.
    """
    (found,) = solve_points([case], model, source, [tolerance])
    if isinstance(found, Exception):
        raise found
    return found


def solve_points(
    cases: Sequence[Case],
    model: str,
    source: str,
    tolerances: Sequence[Tolerance | None] | None = None,
) -> list[Solution | Exception]:
    """Films by one model, together where solvers can do that.

    Parameters
    ----------
    cases : sequence of Case
    model, source : str
        As in `solve_point`.
    tolerances : sequence of Tolerance or None, optional
        One for each case, in place of its mesh or tolerance.

    Returns
    -------
    list of BoltzmannSolution, DriftDiffusionSolution, or what `solve_point` raises
    """
    found: dict[int, Solution | Exception] = {}
    together: dict[Hashable, list[int]] = {}
    kept: list[Tolerance | None] = []
    for index, case in enumerate(cases):
        kept.append((tolerances[index] if tolerances else None) or case.tolerance)
        try:
            solver = case.settings.solver.method
            mesh = id(case.mesh()) if kept[index] is None else None
            level = None if MODELS[model].parameters is None else ferromagnet_level(case)
            how = (mesh, solver, case.memory_limit, level)
            together.setdefault(how, []).append(index)
        except POINT_ERRORS as error:
            found[index] = error
    for indices in together.values():
        some = [cases[index] for index in indices]
        wanted = [kept[index] for index in indices]
        try:
            found |= zip(indices, _solve_alike(some, model, source, wanted), strict=True)
        except POINT_ERRORS as error:  # of what they have in common
            found |= dict.fromkeys(indices, error)
    return [found[index] for index in range(len(cases))]


def _solve_alike(
    cases: Sequence[Case], model: str, source: str, tolerances: Sequence[Tolerance | None]
) -> Sequence[Solution | Exception]:
    """Films on one mesh, or each with a tolerance, with equal settings."""
    films, first = [case.film for case in cases], cases[0]
    wanted = [tolerance for tolerance in tolerances if tolerance is not None]
    mesh = None if wanted else first.mesh()
    parameters = MODELS[model].parameters
    if parameters is None:
        return solve_boltzmann_many(
            films,
            mesh,
            rtol=wanted or None,
            method=first.settings.solver.method,
            source=source,
            memory_limit=first.memory_limit,
        )
    level = ferromagnet_level(first)
    if wanted:
        return refined_drift_diffusion(films, parameters, level, source, wanted)
    return drift_diffusion_many(films, parameters, level, source, mesh)


def ferromagnet_level(case: Case) -> Literal["dephased", "finite"]:
    """Drift-diffusion model of the ferromagnet."""
    wanted = case.settings.drift_diffusion.ferromagnet
    if wanted != "auto":
        return wanted
    # The published level knows one heavy metal beside one ferromagnet, and none of the lengths of
    # a ferromagnet that is given by them.
    stack = as_stack(case.film)
    if stack.is_open or unkinetic_parts(stack):
        return "finite"
    magnetic = [layer.magnetic for layer in stack.layers]
    return "dephased" if sorted(magnetic) == [False, True] else "finite"


def solution_record(
    film: Bilayer | Stack, solution: Solution, quantities: tuple[str, ...] = ()
) -> NotedRecord:
    """Numbers of a solution by the names of `point_variables`.

    Raises
    ------
    PhysicsError
        If a number that always exists came out as none.
    """
    records = solution_records([film], [solution], quantities)
    if records.failed:
        raise records.failed[0]
    values = {name: value[0] for name, value in records.values.items()}
    return NotedRecord(values, records.notes.get(0, ""))


def solution_records(
    films: Sequence[Bilayer | Stack],
    solutions: Sequence[Solution],
    quantities: tuple[str, ...] = (),
) -> Records:
    """Numbers of solutions of one model by the names of `point_variables`.

    Parameters
    ----------
    films : sequence of Bilayer or Stack
        With as many layers and magnets each.
    solutions : sequence of BoltzmannSolution or DriftDiffusionSolution
    quantities : tuple of str, optional

    Returns
    -------
    Records
        Failed is where a number that always exists came out as none.
    """
    count = len(films)
    stacks = [as_stack(film) for film in films]
    responses = [response for solution in solutions for response in solution.interfaces]
    magnets = magnet_records(stacks, [solution.interfaces for solution in solutions])
    values: dict[str, FloatArray] = {}
    failed: dict[int, Exception] = {}
    notes: dict[int, str] = {}
    tables = (VARIABLES, response_records(responses)), (MAGNET_VARIABLES, magnets)
    for names, rows in tables:
        for name, variable in names.items():
            value = rows[name].reshape(count, -1, *_shape(variable))
            values[name] = value
            if not variable.framed and not np.all(np.isfinite(value)):
                for i in range(count):
                    if i not in failed and not np.all(np.isfinite(value[i])):
                        failed[i] = PhysicsError(f"{name} came out as {value[i].tolist()}")
    certificates = [getattr(solution, "certificates", {}) for solution in solutions]
    for name in CERTIFICATES:
        values[f"certificate_{name}"] = np.array([c.get(name, np.nan) for c in certificates])
    if "in_plane" in quantities:
        found = [in_plane_record(*pair) for pair in zip(stacks, solutions, strict=True)]
        values |= {name: np.array([numbers[name] for numbers, _ in found]) for name in found[0][0]}
        notes = {i: note for i, (_, note) in enumerate(found) if note}
    return Records(values, failed, notes, np.zeros(count))


def _shape(variable: Variable) -> tuple[int, ...]:

    return tuple(len(COORDINATES[dim]) for dim in variable.dims)


def point_variables(
    quantities: tuple[str, ...] = (), *, refined: bool = False
) -> dict[str, Variable]:
    """Schema of a point's record: dimensions beyond those of the study, units, meaning.

    Parameters
    ----------
    quantities : tuple of str, optional
        Of `torkivity.catalogue.QUANTITIES`.
    refined : bool, optional
        Whether a tolerance chooses the mesh of each point, which then says so.
    """
    table = {}
    for dim, names in (("interface", VARIABLES), ("magnet", MAGNET_VARIABLES)):
        for name, variable in names.items():
            table[name] = replace(variable, dims=(dim, *variable.dims))
    for name, meaning in CERTIFICATES.items():
        table[f"certificate_{name}"] = Variable((), "1", f"error indicator: {meaning}")
    table |= MESH_VARIABLES if refined else {}
    return {**table, **(IN_PLANE_VARIABLES if "in_plane" in quantities else {})}


def component_axes(film: Bilayer | Stack) -> dict[str, Axis]:
    """Interfaces, magnets and layers of a film, by name."""
    stack = as_stack(film)
    return {
        "interface": Axis(stack.names_of_interfaces, "", "interface, layers below | above"),
        "magnet": Axis(stack.magnet_names, "", "ferromagnetic layer"),
        "layer": Axis(stack.names, "", "layer, from the bottom"),
    }


def model_dimension(models: tuple[str, ...]) -> Dimension:
    """Models as a dimension of a study."""
    return Dimension("model", Axis(models, "", "model of the film"), {"model": models})


def source_dimension(sources: tuple[str, ...]) -> Dimension:
    """Sources of torque as a dimension of a study."""
    return Dimension("source", Axis(sources, "", "what drives the torque"), {"source": sources})


@dataclass
class PointRecord:
    """From the values of a point to its record.

    It travels to other processes, where films are made anew.

    Attributes
    ----------
    case : Case
        What all points have in common.
    quantities : tuple of str
        Of `torkivity.catalogue.QUANTITIES`.
    tiles : Tiles or None
        Where a tolerance chooses the mesh.
    """

    case: Case
    quantities: tuple[str, ...] = ()
    tiles: Tiles | None = None
    _variation: tuple[tuple[str, ...], Callable[[Mapping[str, Value]], Case]] | None = field(
        default=None, repr=False
    )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_variation": None}

    def __call__(self, values: Mapping[str, Value]) -> NotedRecord:
        """Record of a point: values of film and settings by path, of "model" and "source"."""
        records = self.many([values])
        if records.failed:
            raise records.failed[0]
        numbers = {name: value[0] for name, value in records.values.items()}
        return NotedRecord(numbers, records.notes.get(0, ""))

    def many(self, points: Sequence[Mapping[str, Value]]) -> Records:
        """Records of some points; each is the same whatever the others are."""
        found = Records({}, {}, {}, np.zeros(len(points)))
        cases: dict[tuple[Value, ...], Case | Exception] = {}
        together: dict[tuple[str, str], tuple[list[int], list[Case]]] = {}
        tiles: dict[int, TileMesh | None] = {}
        for place, values in enumerate(points):
            case = self._varied(values, cases)
            if isinstance(case, Exception):
                found.failed[place] = case
                continue
            key = str(values["model"]), str(values["source"])
            places, some = together.setdefault(key, ([], []))
            places.append(place)
            some.append(case)
        for (model, source), (places, some) in together.items():
            assert source in SOURCES
            started = time.perf_counter()
            tolerances: list[Tolerance | None] = [None] * len(some)
            for i, (place, case) in enumerate(zip(places, some, strict=True)):
                tiles[place] = self._tile(case, points[place], source)
                if (tile := tiles[place]) is not None:
                    tolerances[i] = tile.tolerance(case)
            solutions = solve_points(some, model, source, tolerances)
            self._add(found, places, some, solutions)
            self._add_meshes(found, places, solutions, tiles)
            found.seconds[places] = (time.perf_counter() - started) / len(places)
        return found

    def _tile(self, case: Case, values: Mapping[str, Value], source: str) -> TileMesh | None:
        """Mesh of a point's tile, where a tolerance chooses meshes."""
        if self.tiles is None:
            return None
        varied = {name: v for name, v in values.items() if name not in ("model", "source")}
        return self.tiles.mesh(case, varied, source)

    def _add_meshes(
        self,
        found: Records,
        places: list[int],
        solutions: list[Solution | Exception],
        tiles: Mapping[int, TileMesh | None],
    ) -> None:
        """Write what points say of their meshes, where a tolerance chooses them."""
        for place, solution in zip(places, solutions, strict=True):
            tile = tiles[place]
            if tile is None or isinstance(solution, Exception):
                continue
            for name, value in mesh_record(solution.refinement, tile).items():
                if name not in found.values:
                    found.values[name] = np.full(len(found.seconds), np.nan)
                found.values[name][place] = value

    def _varied(
        self, values: Mapping[str, Value], known: dict[tuple[Value, ...], Case | Exception]
    ) -> Case | Exception:
        """The case at a point; models and sources share it."""
        paths = tuple(name for name in values if name not in ("model", "source"))
        if self._variation is None or self._variation[0] != paths:
            self._variation = paths, self.case.variation(paths)
        key = tuple(values[path] for path in paths)
        if key not in known:
            try:
                known[key] = self._variation[1](values)
            except POINT_ERRORS as error:
                known[key] = error
        return known[key]

    def _add(
        self,
        found: Records,
        places: list[int],
        cases: list[Case],
        solutions: list[Solution | Exception],
    ) -> None:
        """Write the records of solutions into their places."""
        solved: list[tuple[int, Bilayer | Stack, Solution]] = []
        for place, case, solution in zip(places, cases, solutions, strict=True):
            if isinstance(solution, Exception):
                found.failed[place] = solution
            else:
                solved.append((place, case.film, solution))
        if not solved:
            return
        at, films, good = zip(*solved, strict=True)
        records = solution_records(films, good, self.quantities)
        found.failed.update((at[i], error) for i, error in records.failed.items())
        found.notes.update((at[i], note) for i, note in records.notes.items())
        for name, value in records.values.items():
            if name not in found.values:
                found.values[name] = np.full((len(found.seconds), *value.shape[1:]), np.nan)
            found.values[name][list(at)] = value
