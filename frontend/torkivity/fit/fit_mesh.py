"""The mesh of a fit that keeps to a tolerance: one for all films, so that what is fitted is smooth.

It is found for the film that the fit starts from, and checked again at the best fit for every film
that was measured. Where it is too coarse there, the fit goes on from there on a finer one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from torkivity_engine.diffusion.drift_diffusion import refined_drift_diffusion
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.solve import solve_boltzmann_many
from torkivity_engine.tolerance import RefinedMesh, Tolerance
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

if TYPE_CHECKING:
    from torkivity.fit.models import Conditions, TorqueModel
    from torkivity.fit.problem import FitProblem

__all__ = ["MeshCheck", "best_on_fine_mesh", "mesh_of_fit"]

Films = Sequence[Bilayer | Stack]

#: How often a fit begins anew on a finer mesh.
_MOST_MESHES = 4


def mesh_of_fit(films: Films, model: str, rtol: float) -> RefinedMesh:
    """The finest mesh that a tolerance asks for with any of some films.

    Parameters
    ----------
    films : sequence of Bilayer or Stack
    model : {"microscopic", "boltzmann", "drift_diffusion"}
    rtol : float
        As of `torkivity.solve_boltzmann`.

    Returns
    -------
    RefinedMesh
        Its error is the largest of all films.

    Raises
    ------
    InputError, PhysicsError
        As the solvers do.
    """
    tolerances = [Tolerance(rtol)] * len(films)
    found: Sequence[Any]
    if model == "boltzmann":
        found = solve_boltzmann_many(films, rtol=tolerances)
    elif model == "drift_diffusion":
        found = refined_drift_diffusion(films, "particular", "finite", "all", tolerances)
    else:
        found = refined_drift_diffusion(films, "boundary_layer", "finite", "all", tolerances)
    meshes: list[RefinedMesh] = []
    for solution in found:
        if isinstance(solution, Exception):
            raise solution
        assert solution.refinement is not None
        meshes.append(solution.refinement)
    finest = max(meshes, key=lambda mesh: mesh.n_polar * mesh.n_azimuth)
    return replace(finest, relative=max(mesh.relative for mesh in meshes))


@dataclass(frozen=True, eq=False)
class MeshCheck:
    """How a model whose mesh follows from a tolerance is checked.

    Attributes
    ----------
    rtol : float
    solver, name : str
        The first as `mesh_of_fit` takes it, the second that of the model's mesh.
    films : callable
        From the model's parameters and `Conditions` to the films that are solved for them.
    on_mesh : callable
        The same model on another mesh.
    """

    rtol: float
    solver: str
    name: str
    films: Callable[[Mapping[str, float], Conditions], Films]
    on_mesh: Callable[[FermiSurfaceMesh], TorqueModel]


def best_on_fine_mesh(problem: FitProblem, start: Any) -> tuple[FitProblem, Any, str]:
    """Best fit with a mesh that is fine enough there.

    Parameters
    ----------
    problem : FitProblem
    start : lmfit.Parameters

    Returns
    -------
    problem : FitProblem
        On the mesh of the fit.
    best : lmfit.minimizer.MinimizerResult
    note : str
        What mesh it is and its error, for the report; empty without a tolerance.

    Raises
    ------
    InputError, PhysicsError
        As the solvers do.
    """
    check = problem.model.mesh_check
    if check is None:
        return problem, problem.minimize(start), ""
    for _ in range(_MOST_MESHES):
        best = problem.minimize(start)
        films = [
            film
            for index, where in enumerate(problem.conditions)
            for film in check.films(problem.values(best.params, index), where)
        ]
        found = mesh_of_fit(films, check.solver, check.rtol)
        mesh = SphericalMesh(found.n_polar, found.n_azimuth, found.polar_rule)
        finer = problem.with_model(check.on_mesh(mesh))
        error = found.relative + _difference(problem, finer, best.params)
        if error <= check.rtol:
            return problem, best, f"mesh error {error:.1e} at the best fit, on {check.name}"
        problem, start, check = finer, best.params, finer.model.mesh_check or check
    raise PhysicsError(
        f"rtol = {check.rtol:g}: each of {_MOST_MESHES} best fits asks for a finer mesh than the "
        "one it was found on; start nearer, or give min and max"
    )


def _difference(problem: FitProblem, other: FitProblem, params: Any) -> float:
    """How far two models are apart, beside the largest value of each observable."""
    names = problem.gather(lambda _, series: np.full(len(series.values), series.component))
    one, two = problem.predictions(params), other.predictions(params)
    parts = [names == name for name in np.unique(names)]
    return max(
        float(np.abs(one[part] - two[part]).max() / (np.abs(two[part]).max() or 1.0))
        for part in parts
    )
