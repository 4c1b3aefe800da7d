"""Spin pumping as a study of a single film, and as numbers that data are fitted with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from torkivity.catalogue import COMPARED, MODELS
from torkivity.results.differences import REFERENCE
from torkivity.study.case import Case
from torkivity.study.evaluate import Evaluated, evaluate
from torkivity.study.own_units import own_numbers
from torkivity.study.plan import plan_pumping
from torkivity.study.pumped_point import pumping_record, solve_pumping
from torkivity_engine.arrays import FloatArray
from torkivity_engine.damping import gilbert_damping
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.pumped import PumpingSolution
from torkivity_hpc.files.sweepfile import SweepFile, create_sweep
from torkivity_hpc.grid import Value

if TYPE_CHECKING:
    import xarray

__all__ = [
    "PumpedValues",
    "PumpingStudy",
    "compute_pumping",
    "pumped_values",
    "with_damping",
    "write_pumping",
]


class PumpedValues(NamedTuple):
    """What measurements of damping and of pumped currents tell of a film.

    Attributes
    ----------
    effective_mixing_conductance : float
        G_eff in 1/(Ohm m^2).
    thickness : float
        Of the turning magnet in nm; NaN for a magnetic insulator.
    sheet_current : ndarray, shape (2, 2)
        Flow of the charge coefficient in the plane along x and y per q, 1/(Ohm m).
    axes : ndarray, shape (2, 3)
        The two q.
    """

    effective_mixing_conductance: float
    thickness: float
    sheet_current: FloatArray
    axes: FloatArray

    def damping(self, saturation_magnetization: float, thickness: float | None = None) -> float:
        """Gilbert damping that pumping adds, of M_s in A/m; NaN without a thickness."""
        own = self.thickness if thickness is None else thickness
        conductance = self.effective_mixing_conductance
        return float(gilbert_damping(conductance, saturation_magnetization, own))


def pumped_values(
    case: Case,
    values: Mapping[str, Value] | None = None,
    *,
    model: str = REFERENCE,
    magnet: str | None = None,
) -> PumpedValues:
    """Damping, effective mixing conductance and sheet current of a film: what data are fitted with.

    Parameters
    ----------
    case : Case
    values : mapping of str to value, optional
        Of parameters by path, such as those of a sample and those that a fit varies.
    model : str, optional
        One of `torkivity.catalogue.MODELS` that pumps.
    magnet : str, optional
        Name of the layer that turns; not needed where there is one magnet.

    Returns
    -------
    PumpedValues

    Raises
    ------
    InputError, PhysicsError, CapacityError
        As `torkivity.study.pumped_point.solve_pumping` does.
    """
    found = solve_pumping(case.varied(values or {}), model, magnet)
    thickness = np.nan if found.thickness is None else found.thickness
    return PumpedValues(
        found.effective_mixing_conductance, thickness, found.sheet_current, found.axes
    )


@dataclass(frozen=True, eq=False)
class PumpingStudy:
    """What a film's magnets pump.

    Attributes
    ----------
    points : Evaluated
        By model and the magnet that turns.
    solutions : dict of (str, str) to PumpingSolution
        By model and the magnet that turns; without those that failed.
    """

    case: Case
    points: Evaluated
    solutions: dict[tuple[str, str], PumpingSolution]


def compute_pumping(case: Case) -> PumpingStudy:
    """Turn each magnet of a film, by every model that knows how.

    Parameters
    ----------
    case : Case

    Returns
    -------
    PumpingStudy

    Raises
    ------
    InputError, PhysicsError, CapacityError
        If the Boltzmann equation cannot be solved, or the film has no magnet; what other models
        cannot do is in their status.
    """
    solutions: dict[tuple[str, str], PumpingSolution] = {}

    def record(values: Mapping[str, Value]) -> dict[str, ArrayLike]:
        key = str(values["model"]), str(values["turning"])
        solutions[key] = solve_pumping(case, *key)
        return pumping_record(solutions[key])

    models = tuple(name for name in COMPARED if MODELS[name].pumps)
    plan = plan_pumping(case, {}, (), models)
    rtol = case.tolerance
    attributes = {
        **plan.spec.attributes,
        "title": "Spin pumping of a film",
        "boltzmann_method": case.settings.solver.method,
        "boltzmann_mesh": case.mesh().name if rtol is None else f"for rtol = {rtol.rtol:g}",
    }
    plan = replace(
        plan, spec=replace(plan.spec, attributes=attributes, kind="run"), evaluate=record
    )
    points = evaluate(plan)
    for magnet in plan.spec.grid.dimensions[-1].axis.values:
        if problem := points.message(model=REFERENCE, turning=str(magnet)):
            solve_pumping(case, REFERENCE, str(magnet))
            raise PhysicsError(problem)
    return PumpingStudy(case, points, solutions)


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


def with_damping(dataset: xarray.Dataset, saturation_magnetization: float) -> xarray.Dataset:
    """A file of pumped currents with the Gilbert damping that they add at each point.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    saturation_magnetization : float
        A/m.

    Returns
    -------
    xarray.Dataset
        With the variable ``damping``; NaN for a magnetic insulator, which has no thickness here.

    Raises
    ------
    InputError
        For a file of another drive, or a magnetization that is not positive.
    """
    name = "effective_mixing_conductance"
    if name not in dataset or "turning" not in dataset.dims:
        raise InputError("quantity", "damping", "is of files whose drive is pumping")
    status = dataset["status"]
    varied = {str(n): (v.dims, v.values) for n, v in dataset.variables.items()}
    columns = []
    for magnet in dataset["turning"].values:
        own = own_numbers(dataset.attrs, status.sizes, varied, magnet=str(magnet))
        one = status.isel(turning=[0]).dims, status.isel(turning=[0]).shape
        thickness = np.nan if own is None else own.ferromagnet_thickness[..., :1]
        columns.append(np.broadcast_to(thickness, one[1]))
    thicknesses = dataset[name].copy(data=np.concatenate(columns, axis=-1))
    damping = gilbert_damping(dataset[name].values, saturation_magnetization, thicknesses.values)
    return dataset.assign(
        damping=dataset[name]
        .copy(data=damping)
        .assign_attrs(units="1", long_name="Gilbert damping that pumping adds")
    )
