"""Studies from Python: the sweep of the command line, or any function of a film over axes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from torkivity.catalogue import DRIVES, MODELS, QUANTITIES, SOURCES
from torkivity.config.sections import MeshSection, RunConfig, SweepSection
from torkivity.config.text import load_config
from torkivity.notebook import notebook_teller
from torkivity.study.case import Case
from torkivity.study.evaluate import evaluate as evaluate_plan
from torkivity.study.in_memory import dataset_of
from torkivity.study.models import default_models
from torkivity.study.plan import plan_case, plan_pumping
from torkivity_engine.errors import InputError
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.record import COORDINATES, VARIABLES, Variable
from torkivity_engine.solution import BoltzmannSolution, TorqueNames
from torkivity_engine.tolerance import Tolerance
from torkivity_hpc.grid import Axis, Grid, Value
from torkivity_hpc.running.crew import ProcessCrew, ThreadCrew
from torkivity_hpc.running.session import SweepPlan, run_plan
from torkivity_meshes import FermiSurfaceMesh

if TYPE_CHECKING:
    import xarray

__all__ = ["solve_many", "sweep"]

Result = TorqueNames | Mapping[str, ArrayLike] | float
Evaluate = Callable[[Bilayer | Stack], Result]


def sweep(
    film: Bilayer | Stack | RunConfig | str | Path,
    axes: Mapping[str, Any] | None = None,
    *,
    groups: Sequence[Mapping[str, Any]] = (),
    models: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    quantities: Sequence[str] | None = None,
    drive: str | None = None,
    magnets: Sequence[str] = (),
    evaluate: Evaluate | None = None,
    mesh: FermiSurfaceMesh | None = None,
    rtol: float | None = None,
    out: str | Path | None = None,
    workers: int = 1,
    retry_failed: bool = False,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
) -> xarray.Dataset:
    """Compute a film over ranges of its parameters.

    Parameters
    ----------
    film : Bilayer, Stack, RunConfig, str or Path
        What stays the same; a path names a TOML file, whose own sweep is taken where nothing
        else is given.
    axes : mapping of str to sequence, optional
        Values by parameter, e.g. ``{"interface.exchange": [0.1, 0.2]}``. The result has a
        dimension for each.
    groups : sequence of mapping, optional
        Parameters that vary together: ``{"name": "sample", "heavy_metal.thickness": [2, 4],
        "ferromagnet.thickness": [1, 2]}``.
    models, sources : sequence of str, optional
        By default the Boltzmann equation, or drift-diffusion for a film of quoted parameters, and
        everything that drives the film.
    quantities : sequence of str, optional
        Beside torques: "in_plane", sheet conductance and resistance, current shares, torques of
        exchange alone.
    drive : {"field", "pumping"}, optional
        What drives the film: by default that of the configuration, or a field. Magnets that turn
        have no sources, and results of their own.
    magnets : sequence of str, optional
        Which of them turn, one at a time; by default all.
    evaluate : callable, optional
        From a film to a solution, or to a mapping of names to numbers or arrays, or to a
        number. Without it, what ``torkivity sweep`` computes. With more than one worker it
        must be a function of an importable module.
    mesh : FermiSurfaceMesh, optional
        Of the Boltzmann equation, without `evaluate`; by default that of the configuration, or
        ``SphericalMesh(32, 16)``.
    rtol : float, optional
        Instead of a mesh: the error of the mesh that each point keeps to, as for
        `torkivity.solve_boltzmann`.
    out : str or Path, optional
        Result file to keep. If it is there, only what it lacks is computed.
    workers : int, optional
        Processes of this machine.
    retry_failed, force : bool, optional
        Compute failed points again; start anew.
    progress : callable, optional
        Told in words how it goes. By default a notebook shows it below the cell, and nothing
        is said elsewhere.

    Returns
    -------
    xarray.Dataset
        As `torkivity.open_results` gives it; points that failed are NaN.

    Raises
    ------
    InputError
        For unknown parameters, values that no film can have, both a mesh and `rtol`, or a result
        file of something else.
    WorkerError
        If `evaluate` raises something that is not an arithmetic, value or memory error.
    KeyboardInterrupt
        After Ctrl-C; what is done stays in `out`.
    """
    from torkivity.results.open import open_results

    if workers < 1:
        raise InputError("workers", workers, "must be at least 1")
    choices = {
        "models": models,
        "sources": sources,
        "quantities": quantities,
        "magnets": magnets,
        "drive": None if drive is None else [drive],
    }
    plan = _plan(film, axes, groups, choices, mesh, rtol)
    if evaluate is not None:
        plan = _custom(plan, evaluate)
    tell = progress or notebook_teller() or _silent
    with tempfile.TemporaryDirectory(prefix="torkivity-") as folder:
        path = Path(folder) / "sweep.h5" if out is None else Path(out)
        outcome = run_plan(
            plan,
            path,
            # In this process anything can be evaluated; a second one must be able to import it.
            ThreadCrew if workers == 1 else lambda: ProcessCrew(workers),
            force=force,
            retry_failed=retry_failed,
            tell=tell,
        )
        if outcome.stopped:
            raise KeyboardInterrupt(f"{outcome.missing} points are missing ({outcome.stopped})")
        tell(f"{outcome.done} points done, {outcome.failed} failed")
        return open_results(path)


def solve_many(
    film: Bilayer | Stack,
    axes: Mapping[str, Any],
    *,
    mesh: FermiSurfaceMesh | None = None,
    rtol: float | None = None,
    source: str = "all",
    models: Sequence[str] = ("boltzmann",),
) -> xarray.Dataset:
    """Solve a film at all combinations of values of its parameters.

    What films with equal layers share is prepared once, and they are solved together in compiled
    code. A film has the same digits as alone. Files, several processes and resuming have
    `torkivity.sweep`.

    Parameters
    ----------
    film : Bilayer or Stack
        What stays the same.
    axes : mapping of str to sequence
        Values by parameter, e.g. ``{"interface.exchange": [0.1, 0.2]}``. The result has a
        dimension for each.
    mesh : FermiSurfaceMesh, optional
        By default ``SphericalMesh(32, 16)``.
    rtol : float, optional
        Instead of a mesh: the error of the mesh that each film keeps to.
    source : str, optional
        What drives the film, as in `torkivity.solve_boltzmann`.
    models : sequence of str, optional
        By default the Boltzmann equation.

    Returns
    -------
    xarray.Dataset
        With the variables and dimensions of a sweep: those of the axes, "model" and "source",
        then "interface" or "magnet" and components. A film that failed is NaN, and ``message`` says
        why.

    Raises
    ------
    InputError
        For unknown parameters, values that no film can have, or both a mesh and `rtol`.
    ModuleNotFoundError
        Without xarray (the extra ``torkivity[xarray]``).
    """
    choices: dict[str, Sequence[str] | None] = {"models": models, "sources": (source,)}
    return dataset_of(evaluate_plan(_plan(film, axes, (), choices, mesh, rtol)))


def _plan(
    film: Bilayer | Stack | RunConfig | str | Path,
    axes: Mapping[str, Any] | None,
    groups: Sequence[Mapping[str, Any]],
    choices: Mapping[str, Sequence[str] | None],
    mesh: FermiSurfaceMesh | None,
    rtol: float | None = None,
) -> SweepPlan:
    path = Path(film) if isinstance(film, (str, Path)) else Path("film")
    if isinstance(film, (str, Path)):
        film = load_config(path)
    section = None
    if isinstance(film, RunConfig):
        section, case = film.sweep, Case.of(film, path)
    elif isinstance(film, (Bilayer, Stack)):
        case = Case(film)
    else:
        raise InputError("film", film, "must be a Bilayer, a Stack, a configuration or its path")
    if mesh is not None and rtol is not None:
        raise InputError("rtol", rtol, "chooses the mesh: give one or the other")
    if mesh is not None:
        case = replace(case, given_mesh=mesh)
    if rtol is not None:
        found = MeshSection.model_validate({"rtol": Tolerance(rtol).rtol})
        case = replace(case, settings=case.settings.model_copy(update={"mesh": found}))
    if section is not None and axes is None and not groups:
        axes, groups = section.axes, section.zip
    drive = (choices.get("drive") or [getattr(section, "drive", None) or "field"])[0]
    if drive not in DRIVES:
        raise InputError("drive", drive, f"must be one of {', '.join(DRIVES)}")
    chosen = [
        _known(key, choices.get(key) or _of_section(section, key) or default, table)
        for key, default, table in (
            ("models", default_models(case), MODELS),
            ("sources", ("all",), SOURCES),
            ("quantities", (), QUANTITIES),
        )
    ]
    magnets = tuple(choices.get("magnets") or (section.magnets if section is not None else ()))
    if drive == "pumping":
        if chosen[1] != ("all",) or chosen[2]:
            key = "sources" if chosen[1] != ("all",) else "quantities"
            raise InputError(key, choices[key], 'is for drive="field"; leave it out')
        return plan_pumping(case, axes or {}, groups, chosen[0], magnets)
    if magnets:
        raise InputError("magnets", ", ".join(magnets), 'is for drive="pumping"')
    return plan_case(case, axes or {}, groups, *chosen)


def _of_section(section: SweepSection | None, key: str) -> Sequence[str] | None:
    """What the configuration says itself."""
    if section is None or (key == "models" and key not in section.model_fields_set):
        return None
    found: Sequence[str] = getattr(section, key)
    return found


def _known(key: str, given: Sequence[str], table: Mapping[str, object]) -> tuple[str, ...]:
    for name in given:
        if name not in table:
            raise InputError(key, name, f"must be one or more of {', '.join(table)}")
    return tuple(given)


def _silent(_: str) -> None:
    pass


@dataclass
class _CustomRecord:
    """What the user's function makes of each film."""

    case: Case
    evaluate: Evaluate

    def __call__(self, values: Mapping[str, Value]) -> dict[str, ArrayLike]:
        result = self.evaluate(self.case.varied(values).film)
        if isinstance(result, BoltzmannSolution):
            named = {f"certificate_{k}": v for k, v in result.certificates.items()}
            return {**result.record(), **named}
        if isinstance(result, TorqueNames):
            return dict(result.record())
        if isinstance(result, Mapping):
            return dict(result)
        return {"value": result}


def _custom(plan: SweepPlan, evaluate: Evaluate) -> SweepPlan:
    """Plan without models, whose variables are those that the first point turns out to have."""
    grid = Grid(plan.spec.grid.dimensions[:-2])
    record = _CustomRecord(plan.evaluate.case, evaluate)  # type: ignore[attr-defined]
    variables: dict[str, Variable] = {}
    axes: dict[str, Axis] = {}
    for name, value in record(grid.point(0)).items():
        shape = np.shape(value)
        known = VARIABLES.get(name)
        if known is not None and shape == tuple(len(COORDINATES[dim]) for dim in known.dims):
            variables[name] = known
            continue
        dims = tuple(f"{name}_{i}" for i in range(len(shape)))
        for dim, length in zip(dims, shape, strict=True):
            axes[dim] = Axis(tuple(map(float, range(length))), "", f"index of {name}")
        variables[name] = Variable(dims, "1", name)
    who = f"{getattr(evaluate, '__module__', '')}.{getattr(evaluate, '__qualname__', evaluate)}"
    spec = replace(
        plan.spec,
        grid=grid,
        variables=variables,
        physics={**plan.spec.physics, "evaluate": who},
        axes=axes,
    )
    return replace(plan, spec=spec, evaluate=record)
