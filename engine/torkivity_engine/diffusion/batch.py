"""Drift-diffusion of many films at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torkivity_engine.diffusion.drift_diffusion import require_options, solve_drift_diffusion
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.solution import DriftDiffusionSolution
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["drift_diffusion_many"]


def drift_diffusion_many(
    stacks: Sequence[Stack | Bilayer],
    parameters: Literal["particular", "half_space", "boundary_layer"] = "particular",
    level: Literal["dephased", "finite"] = "dephased",
    source: Literal["all", "rashba", "spin_hall"] = "all",
    mesh: FermiSurfaceMesh | None = None,
    *,
    spin_diffusion_length: Literal["exact", "diffusive"] = "exact",
    keep_rashba: bool = False,
) -> list[DriftDiffusionSolution | Exception]:
    """Solutions of many films, each as `solve_drift_diffusion` has it.

    Parameters
    ----------
    stacks : sequence of Stack or Bilayer
        Any films; each is solved by itself.
    parameters, level, source, mesh, spin_diffusion_length, keep_rashba : optional
        As of `solve_drift_diffusion`, whose ``ferromagnet`` the level is.

    Returns
    -------
    list of DriftDiffusionSolution or Exception
        One entry for each film: its solution, the same digits whatever else is in the list, or
        what `solve_drift_diffusion` raises for it.

    Raises
    ------
    InputError
        For unknown options.
    """
    require_options(parameters, level, source, spin_diffusion_length)
    found: list[DriftDiffusionSolution | Exception] = []
    for stack in stacks:
        try:
            found.append(
                solve_drift_diffusion(
                    stack,
                    parameters,
                    level,
                    source,
                    spin_diffusion_length=spin_diffusion_length,
                    keep_rashba=keep_rashba,
                    mesh=mesh,
                )
            )
        except (ArithmeticError, ValueError, MemoryError) as error:
            found.append(error)
    return found
