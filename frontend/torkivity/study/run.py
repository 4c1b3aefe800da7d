"""A single film by every model: a study without axes, a curve against thickness, and facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from torkivity.catalogue import COMPARED, QUANTITIES, SINGLE_SOURCES
from torkivity.study.case import Case
from torkivity.study.evaluate import Evaluated, evaluate
from torkivity.study.facts import Facts, film_facts
from torkivity.study.models import models_for, why_not_kinetic
from torkivity.study.plan import plan_case
from torkivity.study.point import ferromagnet_level, solve_point
from torkivity.study.tiles import TileMesh
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.stack import as_stack
from torkivity_engine.record import Variable
from torkivity_hpc.files.sweepfile import SweepFile, SweepSpec, create_sweep
from torkivity_meshes import POLAR_RULES, FermiSurfaceMesh, SphericalMesh

__all__ = [
    "CURVE",
    "FilmStudy",
    "FoundMesh",
    "compute_curve",
    "compute_film",
    "curve_path",
    "found_mesh",
    "write_film",
]

#: Start of the names of what belongs to the curve.
CURVE = "curve_"

_SOURCES = (*SINGLE_SOURCES, "all")


@dataclass(frozen=True)
class FoundMesh:
    """Mesh of the Boltzmann equation that a tolerance led to.

    Attributes
    ----------
    n_polar, n_azimuth : int
        With both sources of torque at work.
    polar_rule : str
    error : float
        Largest estimated error of any source of torque, beside the largest total torque.
    """

    n_polar: int
    n_azimuth: int
    polar_rule: str
    error: float

    def mesh(self) -> FermiSurfaceMesh:
        """The mesh itself."""
        return SphericalMesh(self.n_polar, self.n_azimuth, self.polar_rule)

    def __str__(self) -> str:
        return f"{self.n_polar} x {self.n_azimuth} {self.polar_rule}"


@dataclass(frozen=True, eq=False)
class FilmStudy:
    """Everything computed for one film.

    Attributes
    ----------
    case : Case
    points : Evaluated
        By model and source.
    facts : dict of str to (Variable, value)
        What the film has whatever the model: conductivities, lengths, interface parameters.
    curve : Evaluated or None
        By the thickness of a layer, model and single source.
    """

    case: Case
    points: Evaluated
    facts: Facts
    curve: Evaluated | None = None

    @property
    def title(self) -> str:
        """The layers, from the bottom, with the thicknesses that do not vary."""
        stack = as_stack(self.case.film)
        varied = "" if self.curve is None else self.curve.plan.spec.grid.dimensions[0].name
        return " / ".join(
            f"{name} ({layer.extent})" if layer.extent and varied != f"{name}.thickness" else name
            for name, layer in zip(stack.names, stack.layers, strict=True)
        )


def compute_film(case: Case, progress: Callable[[str], None] = lambda message: None) -> FilmStudy:
    """Compute a film by all models, for each source of torque and for both together.

    Parameters
    ----------
    case : Case
    progress : callable, optional
        Told in words what comes next.

    Returns
    -------
    FilmStudy

    Raises
    ------
    InputError, PhysicsError, CapacityError
        If the Boltzmann equation, or drift-diffusion for a film that it does not know, cannot be
        solved, or the film has no interface; what other models cannot do is in their status.
    """
    if case.tolerance is None:
        mesh = f"{case.mesh().name}, NT = {case.mesh().n_unknowns}"
    else:
        mesh = f"rtol = {case.tolerance.rtol:g}"
    if not as_stack(case.film).interfaces:
        raise InputError("film", "one layer", "torques need an interface: give two or more layers")
    if why_not_kinetic(case):
        progress("drift-diffusion alone: the film is given by quoted parameters")
    else:
        progress(f"all models: {case.settings.solver.method} method, {mesh}")
    models = models_for(case, COMPARED)
    points = evaluate(plan_case(case, {}, (), models, _SOURCES, tuple(QUANTITIES)))
    _require_reference(case, points)
    found = found_mesh(points)
    return FilmStudy(case, points, film_facts(case, case.mesh() if found is None else found.mesh()))


def found_mesh(points: Evaluated) -> FoundMesh | None:
    """The mesh of the first model that a tolerance led to; None where the mesh was given."""
    if "mesh_error" not in points.plan.spec.variables:
        return None
    model = str(points.plan.spec.grid.dimensions[0].axis.values[0])
    at_all = points.at(model=model, source="all")
    errors = points.values("mesh_error")[points.at(model=model)]
    n_polar, n_azimuth, number = (
        int(points.values(name)[at_all])
        for name in ("mesh_n_polar", "mesh_n_azimuth", "mesh_polar_rule")
    )
    rule = tuple(POLAR_RULES)[number]
    return FoundMesh(n_polar, n_azimuth, rule, float(np.nanmax(errors)))


def _require_reference(case: Case, points: Evaluated) -> None:
    """Raise what the first model failed of: without it there is nothing to compare."""
    first = points.plan.spec.grid.dimensions[0].axis.values[0]
    for source in _SOURCES:
        if problem := points.message(model=str(first), source=source):
            solve_point(case, str(first), source)
            raise PhysicsError(problem)


def curve_path(case: Case) -> str | None:
    """Path of the thickness that curves run over: that of the lowest non-magnetic layer."""
    stack = as_stack(case.film)
    for name, layer in zip(stack.names, stack.layers, strict=True):
        if layer.magnetization is None:
            return case.parameter(f"{name}.thickness").path
    return None


def compute_curve(
    study: FilmStudy,
    thicknesses: Sequence[float],
    progress: Callable[[str], None] = lambda message: None,
) -> FilmStudy:
    """The same study with a curve against the thickness of a layer.

    Parameters
    ----------
    study : FilmStudy
    thicknesses : sequence of float
        nm.
    progress : callable, optional

    Returns
    -------
    FilmStudy
    """
    path = curve_path(study.case)
    if path is None or not len(thicknesses):
        return study
    progress(f"all models at {len(thicknesses)} values of {path}")
    found = found_mesh(study.points)
    plan = plan_case(
        study.case,
        {path: list(map(float, thicknesses))},
        (),
        models_for(study.case, COMPARED),
        SINGLE_SOURCES,
        # The other layers are known on the mesh of the film.
        begin=None if found is None else TileMesh(found.n_polar, found.n_azimuth),
    )
    return replace(study, curve=evaluate(plan))


def write_film(path: Path, study: FilmStudy, *, elapsed_seconds: float | None = None) -> None:
    """Write a study of a single film.

    Parameters
    ----------
    path : Path
        Must not exist; `torkivity_hpc.files.store.new_file` publishes it whole or not at all.
    study : FilmStudy
    elapsed_seconds : float, optional
        Wall-clock time of the computation.
    """
    spec = study.points.plan.spec
    extra: dict[str, tuple[Variable, np.ndarray]] = {
        name: (variable, np.asarray(value)) for name, (variable, value) in study.facts.items()
    }
    axes = dict(spec.axes)
    if study.curve is not None:
        grid = study.curve.plan.spec.grid
        dims = (f"{CURVE}{grid.dimensions[0].name}", "model", f"{CURVE}source")
        axes[dims[0]] = grid.dimensions[0].axis
        axes[dims[2]] = grid.dimensions[2].axis
        for name, variable in study.curve.plan.spec.variables.items():
            if not name.startswith("certificate_"):
                extra[f"{CURVE}{name}"] = (
                    replace(variable, dims=(*dims, *variable.dims)),
                    study.curve.values(name),
                )
    attributes = {**spec.attributes, "title": "Spin-orbit torques of a film"}
    found = found_mesh(study.points)
    mesh = study.case.mesh() if found is None else found.mesh()
    attributes |= {
        "boltzmann_method": study.case.settings.solver.method,
        "boltzmann_mesh": mesh.name,
        "drift_diffusion_ferromagnet": ferromagnet_level(study.case),
    }
    if elapsed_seconds is not None:
        attributes["elapsed_seconds"] = elapsed_seconds
    whole = SweepSpec(
        spec.grid,
        spec.variables,
        spec.physics,
        attributes,
        axes=axes,
        extra={name: variable for name, (variable, _) in extra.items()},
        kind="run",
    )
    create_sweep(path, whole)
    with SweepFile(path, whole.layout(), whole.grid.size, tuple(extra)) as file:
        for name, (_, values) in extra.items():
            file.write_extra(name, values)
        file.write([study.points.block])
        file.sync()
