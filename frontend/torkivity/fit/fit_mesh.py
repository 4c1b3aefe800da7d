"""The mesh of a fit that keeps to a tolerance: found once, so that what is fitted is smooth."""

from __future__ import annotations

from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.tolerance import RefinedMesh

__all__ = ["mesh_of_fit"]


def mesh_of_fit(film: Bilayer | Stack, model: str, rtol: float) -> RefinedMesh:
    """Mesh that keeps to a tolerance for the film that a fit starts from.

    Parameters
    ----------
    film : Bilayer or Stack
    model : {"microscopic", "boltzmann", "drift_diffusion"}
    rtol : float
        As of `torkivity.solve_boltzmann`.

    Returns
    -------
    RefinedMesh

    Raises
    ------
    InputError, PhysicsError
        As the solvers do.
    """
    if model == "boltzmann":
        found = solve_boltzmann(film, rtol=rtol).refinement
    elif model == "drift_diffusion":
        found = solve_drift_diffusion(film, ferromagnet="finite", rtol=rtol).refinement
    else:
        found = solve_drift_diffusion(film, "boundary_layer", rtol=rtol).refinement
    assert found is not None
    return found
