"""The Boltzmann equation of a case."""

from __future__ import annotations

from torkivity.study.case import Case
from torkivity_engine.solution import BoltzmannSolution
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.tolerance import Tolerance

__all__ = ["solve_boltzmann_case"]


def solve_boltzmann_case(
    case: Case, source: str, tolerance: Tolerance | None = None
) -> BoltzmannSolution:
    """Solution with the case's mesh, method and memory.

    Parameters
    ----------
    case : Case
    source : str
        Of `torkivity.catalogue.SOURCES`.
    tolerance : Tolerance, optional
        In place of the case's mesh or tolerance.

    Returns
    -------
    BoltzmannSolution

    Raises
    ------
    InputError, PhysicsError, CapacityError
        As `solve_boltzmann` does.
    """
    rtol = tolerance or case.tolerance
    return solve_boltzmann(
        case.film,
        case.mesh() if rtol is None else None,
        rtol=rtol,
        method=case.settings.solver.method,
        source=source,
        memory_limit=case.memory_limit,
    )
