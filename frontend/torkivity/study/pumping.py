"""Spin pumping as a study: each magnet of a film turns, and drives what the film carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from torkivity.study.case import Case
from torkivity.study.evaluate import Evaluated, evaluate
from torkivity.study.plan import plan_case
from torkivity.study.point import model_dimension
from torkivity_engine.errors import InputError
from torkivity_engine.film.stack import as_stack
from torkivity_engine.pumped import PumpingSolution
from torkivity_engine.pumping import spin_pumping
from torkivity_engine.record import PUMPING_VARIABLES
from torkivity_hpc.files.sweepfile import SweepFile, create_sweep
from torkivity_hpc.grid import Axis, Dimension, Grid, Value
from torkivity_hpc.running.session import SweepPlan

__all__ = ["PumpingStudy", "compute_pumping", "pumping_record", "write_pumping"]

_MODEL = "boltzmann"


@dataclass(frozen=True, eq=False)
class PumpingStudy:
    """What a film's magnets pump.

    Attributes
    ----------
    points : Evaluated
        By model, the Boltzmann equation, and the magnet that turns.
    solutions : dict of str to PumpingSolution
        By the magnet that turns.
    """

    case: Case
    points: Evaluated
    solutions: dict[str, PumpingSolution]


def compute_pumping(case: Case) -> PumpingStudy:
    """Turn each magnet of a film.

    Parameters
    ----------
    case : Case

    Returns
    -------
    PumpingStudy

    Raises
    ------
    InputError
        If the film has no magnet.
    InputError, PhysicsError, CapacityError
        As `spin_pumping` does.
    """
    stack = as_stack(case.film)
    if not stack.magnet_names:
        raise InputError("film", ", ".join(stack.names), "must have a magnet to turn")
    solutions = {
        name: spin_pumping(
            case.film,
            case.mesh() if case.tolerance is None else None,
            magnet=name,
            rtol=None if case.tolerance is None else case.tolerance.rtol,
            method=case.settings.solver.method,
            memory_limit=case.memory_limit,
        )
        for name in stack.magnet_names
    }

    def record(values: Mapping[str, Value]) -> dict[str, ArrayLike]:
        return pumping_record(solutions[str(values["turning"])])

    mesh = next(iter(solutions.values())).mesh
    return PumpingStudy(case, evaluate(_plan(case, record, mesh)), solutions)


def _plan(case: Case, record: object, mesh: str) -> SweepPlan:
    names = as_stack(case.film).magnet_names
    plan = plan_case(case, {}, (), (_MODEL,), ("all",))
    turning = Dimension("turning", Axis(names, "", "magnet that turns"), {"turning": names})
    attributes = {
        **plan.spec.attributes,
        "title": "Spin pumping of a film",
        "drive": "pumping",
        "normalisation": "per q = (hbar/2) dm/dt; times 2 for the electric sheet current",
        "boltzmann_method": case.settings.solver.method,
        "boltzmann_mesh": mesh,
    }
    spec = replace(
        plan.spec,
        grid=Grid([model_dimension((_MODEL,)), turning]),
        variables=PUMPING_VARIABLES,
        physics={**plan.spec.physics, "drive": "pumping"},
        attributes=attributes,
        kind="run",
    )
    return replace(plan, spec=spec, evaluate=record)  # type: ignore[arg-type]


def pumping_record(solution: PumpingSolution) -> dict[str, ArrayLike]:
    """Numbers by the names of `torkivity_engine.record.PUMPING_VARIABLES`."""
    interfaces = solution.interfaces
    return {
        "turning_axis": solution.axes,
        "pumped_spin_current_minus": np.array([r.spin_current_minus for r in interfaces]),
        "pumped_spin_current_plus": np.array([r.spin_current_plus for r in interfaces]),
        "pumped_torque_interface": np.array([r.torque for r in interfaces]),
        "pumped_torque_exchange": np.array(list(solution.torques.values())),
        "pumped_torque_bulk": solution.bulk_torque,
        "pumped_sheet_current": solution.sheet_current,
        "effective_mixing_conductance": solution.effective_mixing_conductance,
        **{f"certificate_{name}": value for name, value in solution.certificates.items()},
    }


def write_pumping(path: Path, study: PumpingStudy) -> None:
    """Write a study of spin pumping.

    Parameters
    ----------
    path : Path
        Must not exist; `torkivity_hpc.files.store.new_file` publishes it whole or not at all.
    study : PumpingStudy
    """
    spec = study.points.plan.spec
    create_sweep(path, spec)
    with SweepFile(path, spec.layout(), spec.grid.size) as file:
        file.write([study.points.block])
        file.sync()
