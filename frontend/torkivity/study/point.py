"""One point of a study: a film by one model, driven by one source, as one record.

Run, curves, sweeps, convergence studies and the paper's figures all evaluate films here. Model
and source are axes like any other, so that each has its own status, and a study may grow along
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from torkivity.catalogue import MODELS, SOURCES
from torkivity.study.boltzmann import solve_boltzmann_case
from torkivity.study.case import Case
from torkivity.study.in_plane import in_plane_record
from torkivity.study.tiles import MESH_VARIABLES, Tiles, mesh_record
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.magnets import magnet_responses
from torkivity_engine.record import (
    CERTIFICATES,
    COORDINATES,
    IN_PLANE_VARIABLES,
    MAGNET_VARIABLES,
    VARIABLES,
    Variable,
)
from torkivity_engine.solution import BoltzmannSolution, DriftDiffusionSolution
from torkivity_engine.tolerance import Tolerance
from torkivity_hpc.files.rows import NotedRecord
from torkivity_hpc.grid import Axis, Dimension, Value

__all__ = [
    "PointRecord",
    "component_axes",
    "ferromagnet_level",
    "model_dimension",
    "point_variables",
    "solution_record",
    "solve_point",
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
    parameters = MODELS[model].parameters
    if parameters is None:
        return solve_boltzmann_case(case, source, tolerance)
    rtol = tolerance or case.tolerance
    return solve_drift_diffusion(
        case.film,
        parameters,
        ferromagnet_level(case),
        source,  # type: ignore[arg-type]
        mesh=case.mesh() if rtol is None else None,
        rtol=rtol,
    )


def ferromagnet_level(case: Case) -> Literal["dephased", "finite"]:
    """Drift-diffusion model of the ferromagnet."""
    wanted = case.settings.drift_diffusion.ferromagnet
    if wanted != "auto":
        return wanted
    # The published level knows one heavy metal beside one ferromagnet.
    magnetic = [layer.magnetic for layer in as_stack(case.film).layers]
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
    record: dict[str, ArrayLike] = {}
    by_interface = [response.record() for response in solution.interfaces]
    by_magnet = [
        magnet.record() for magnet in magnet_responses(as_stack(film), solution.interfaces)
    ]
    for names, rows in ((VARIABLES, by_interface), (MAGNET_VARIABLES, by_magnet)):
        for name, variable in names.items():
            value = np.array([row[name] for row in rows]).reshape(len(rows), *_shape(variable))
            if not np.all(np.isfinite(value)) and not variable.framed:
                raise PhysicsError(f"{name} came out as {value.tolist()}")
            record[name] = value
    certificates = getattr(solution, "certificates", {})
    for name in CERTIFICATES:
        record[f"certificate_{name}"] = certificates.get(name, np.nan)
    note = ""
    if "in_plane" in quantities:
        numbers, note = in_plane_record(as_stack(film), solution)
        record |= numbers
    return NotedRecord(record, note)


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
    _last: tuple[dict[str, Value], Case] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}

    def __call__(self, values: Mapping[str, Value]) -> NotedRecord:
        """Record of a point: values of film and settings by path, of "model" and "source"."""
        varied = {name: value for name, value in values.items() if name not in ("model", "source")}
        if self._last is None or self._last[0] != varied:
            self._last = varied, self.case.varied(varied)
        case = self._last[1]
        model, source = str(values["model"]), str(values["source"])
        assert source in SOURCES
        if self.tiles is None:
            return solution_record(case.film, solve_point(case, model, source), self.quantities)
        if not varied and MODELS[model].parameters is None:
            # A single film is a tile of its own: what finds its mesh is its solution.
            solution: Solution = solve_boltzmann_case(case, source)
            tile = self.tiles.learn(case, source, solution.refinement)
        else:
            tile = self.tiles.mesh(case, varied, source)
            solution = solve_point(case, model, source, tile.tolerance(case))
        record = solution_record(case.film, solution, self.quantities)
        record |= mesh_record(solution.refinement, tile)
        return record
