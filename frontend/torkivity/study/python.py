"""Sweeps from Python."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from torkivity.config.build import build_film
from torkivity.config.parameters import LAYER_SECTIONS, parameters
from torkivity.config.sections import RunConfig, SweepSection
from torkivity.config.text import load_config
from torkivity.study.axes import make_grid
from torkivity.study.plan import (
    CERTIFICATES,
    FRAME_FLAG,
    MOST_TRIED,
    apply_values,
    plan_sweep,
    point_variables,
    version_attributes,
)
from torkivity_engine.errors import InputError
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.record import COORDINATES, VARIABLES, Variable
from torkivity_engine.solution import BoltzmannSolution, TorqueNames
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.spin import direction
from torkivity_hpc.files.sweepfile import SweepSpec
from torkivity_hpc.grid import Axis, Grid, Value
from torkivity_hpc.running.crew import ProcessCrew, ThreadCrew
from torkivity_hpc.running.session import SweepPlan, run_plan
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

if TYPE_CHECKING:
    import xarray

__all__ = ["sweep"]

Result = TorqueNames | Mapping[str, ArrayLike] | float
Evaluate = Callable[[Bilayer], Result]


def sweep(
    film: Bilayer | RunConfig | str | Path,
    axes: Mapping[str, Any] | None = None,
    *,
    groups: Sequence[Mapping[str, Any]] = (),
    evaluate: Evaluate | None = None,
    mesh: FermiSurfaceMesh | None = None,
    out: str | Path | None = None,
    workers: int = 1,
    retry_failed: bool = False,
    force: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> xarray.Dataset:
    """Compute a film over ranges of its parameters.

    Parameters
    ----------
    film : Bilayer, RunConfig, str or Path
        What stays the same; a path names a TOML file, whose own sweep is taken if no axes
        are given.
    axes : mapping of str to sequence, optional
        Values by parameter, e.g. ``{"interface.exchange": [0.1, 0.2], "theta": range(91)}``.
        The result has a dimension for each.
    groups : sequence of mapping, optional
        Parameters that vary together: ``{"name": "sample", "heavy_metal.thickness": [2, 4],
        "ferromagnet.thickness": [1, 2]}``.
    evaluate : callable, optional
        From a film to a solution, or to a mapping of names to numbers or arrays, or to a
        number. Without it, what ``torkivity sweep`` computes. With more than one worker it
        must be a function of an importable module.
    mesh : FermiSurfaceMesh, optional
        Of the Boltzmann equation, for a `Bilayer` and without `evaluate`.
    out : str or Path, optional
        Result file to keep. If it is there, only what it lacks is computed.
    workers : int, optional
        Processes of this machine.
    retry_failed, force : bool, optional
        Compute failed points again; start anew.
    progress : callable, optional
        Told in words how it goes.

    Returns
    -------
    xarray.Dataset
        As `torkivity.open_results` gives it; points that failed are NaN.

    Raises
    ------
    InputError
        For unknown parameters, values that no film can have, or a result file of something
        else.
    WorkerError
        If `evaluate` raises something that is not an arithmetic, value or memory error.
    KeyboardInterrupt
        After Ctrl-C; what is done stays in `out`.
    """
    from torkivity.results.open import open_results

    if workers < 1:
        raise InputError("workers", workers, "must be at least 1")
    plan = _plan(film, axes or {}, [dict(group) for group in groups], evaluate, mesh)
    with tempfile.TemporaryDirectory(prefix="torkivity-") as folder:
        path = Path(folder) / "sweep.h5" if out is None else Path(out)
        outcome = run_plan(
            plan,
            path,
            # In this process anything can be evaluated; a second one must be able to import it.
            ThreadCrew if workers == 1 else lambda: ProcessCrew(workers),
            force=force,
            retry_failed=retry_failed,
            tell=progress,
        )
        if outcome.stopped:
            raise KeyboardInterrupt(f"{outcome.missing} points are missing ({outcome.stopped})")
        return open_results(path)


def _plan(
    film: Bilayer | RunConfig | str | Path,
    axes: Mapping[str, Any],
    groups: list[dict[str, Any]],
    evaluate: Evaluate | None,
    mesh: FermiSurfaceMesh | None,
) -> SweepPlan:
    path = Path(film) if isinstance(film, (str, Path)) else Path("config")
    if isinstance(film, (str, Path)):
        film = load_config(path)
    if isinstance(film, RunConfig):
        if mesh is not None:
            raise InputError("mesh", mesh.name, "is for a Bilayer; a configuration has its own")
        given = film.sweep or SweepSection.model_construct()
        if axes or groups:
            given = given.model_copy(update={"axes": dict(axes), "zip": groups})
        plan = plan_sweep(film, path, given)
        if evaluate is None:
            return plan
        return _custom(plan.spec.grid, _ConfigFilms(film, path), evaluate, plan.spec.physics)
    if not isinstance(film, Bilayer):
        raise InputError("film", film, "must be a Bilayer, a configuration or the path of one")
    grid = make_grid(axes, groups, "sweep")
    films = _BilayerFilms(film)
    for dimension in grid.dimensions:
        for position in dimension.sample(MOST_TRIED):
            films({**grid.point(0), **dimension.row(position)})
    physics = {"film": _without(_plain(film), grid)}
    if evaluate is not None:
        return _custom(grid, films, evaluate, physics)
    mesh = mesh or SphericalMesh(32, 32)
    variables = point_variables(["boltzmann"], "all")
    return SweepPlan(
        SweepSpec(
            grid,
            variables,
            {**physics, "mesh": mesh.name},
            {"title": "Sweep over heavy-metal/ferromagnet bilayers", **version_attributes()},
            frozenset({FRAME_FLAG}),
        ),
        _BoltzmannRecord(films, mesh),
        _layer_parameters(grid),
    )


@dataclass
class _ConfigFilms:
    """Films from a configuration."""

    config: RunConfig
    path: Path

    def __call__(self, values: Mapping[str, Value]) -> Bilayer:
        return build_film(apply_values(self.config, values), str(self.path))


@dataclass
class _BilayerFilms:
    """Films from a film."""

    film: Bilayer

    def __call__(self, values: Mapping[str, Value]) -> Bilayer:
        film: Any = self.film
        angles = {name: values[name] for name in ("theta", "phi") if name in values}
        if angles:
            film = replace(film, magnetization=_turned(film.magnetization, angles))
        for name, value in values.items():
            if name in angles:
                continue
            film = _replaced(film, _path(_KEYS[name]), value, _KEYS[name])
        result: Bilayer = film
        return result


_KEYS = {parameter.name: key for key, parameter in parameters().items()}


def _path(key: str) -> list[str]:
    """Attributes of a `Bilayer` that lead to what a configuration calls `key`."""
    if key.startswith("surfaces."):
        return key.removeprefix("surfaces.").split("_", 1)
    return key.removeprefix("film.").split(".")


def _replaced(target: Any, path: list[str], value: Value, key: str) -> Any:
    name, *rest = path
    if not is_dataclass(target) or name not in {field.name for field in fields(target)}:
        raise InputError(key, value, "is not a parameter of this film")
    inner = _replaced(getattr(target, name), rest, value, key) if rest else value
    return replace(target, **{name: inner})  # type: ignore[type-var]


def _turned(
    magnetization: tuple[float, float, float], angles: Mapping[str, Value]
) -> tuple[float, float, float]:
    """Direction with one or both of its angles replaced."""
    x, y, z = magnetization
    theta = math.radians(float(angles.get("theta", math.degrees(math.atan2(math.hypot(x, y), z)))))
    phi = math.radians(float(angles.get("phi", math.degrees(math.atan2(y, x)))))
    return direction(theta, phi)


@dataclass
class _BoltzmannRecord:
    """The Boltzmann solution of each film."""

    films: _BilayerFilms
    mesh: FermiSurfaceMesh

    def __call__(self, values: Mapping[str, Value]) -> dict[str, ArrayLike]:
        from torkivity.study.frames import has_torque_frame

        film = self.films(values)
        solution = solve_boltzmann(film, self.mesh)
        return {
            FRAME_FLAG: float(has_torque_frame(film)),
            **{f"boltzmann_all_{name}": value for name, value in solution.record().items()},
            **_certificates(solution),
        }


def _certificates(solution: BoltzmannSolution) -> dict[str, float]:
    return {f"boltzmann_all_certificate_{k}": solution.certificates[k] for k in CERTIFICATES}


@dataclass
class _CustomRecord:
    """What the user's function makes of each film."""

    films: Callable[[Mapping[str, Value]], Bilayer]
    evaluate: Evaluate

    def __call__(self, values: Mapping[str, Value]) -> dict[str, ArrayLike]:
        result = self.evaluate(self.films(values))
        if isinstance(result, BoltzmannSolution):
            named = {f"certificate_{k}": v for k, v in result.certificates.items()}
            return {**result.record(), **named}
        if isinstance(result, TorqueNames):
            return dict(result.record())
        if isinstance(result, Mapping):
            return dict(result)
        return {"value": result}


def _custom(
    grid: Grid,
    films: Callable[[Mapping[str, Value]], Bilayer],
    evaluate: Evaluate,
    physics: Mapping[str, Any],
) -> SweepPlan:
    """Plan whose variables are those that the first point turns out to have."""
    record = _CustomRecord(films, evaluate)
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
    return SweepPlan(
        SweepSpec(
            grid,
            variables,
            {**physics, "evaluate": who},
            {"title": "Sweep", **version_attributes()},
            axes=axes,
        ),
        record,
        _layer_parameters(grid),
    )


def _layer_parameters(grid: Grid) -> tuple[str, ...]:
    return tuple(
        name
        for dimension in grid.dimensions
        for name in dimension.parameters
        if _KEYS[name].split(".")[0] in LAYER_SECTIONS or _KEYS[name] == "film.fermi_wavevector"
    )


def _without(film: dict[str, Any], grid: Grid) -> dict[str, Any]:
    """The film without what the grid varies."""
    for name in (name for dimension in grid.dimensions for name in dimension.parameters):
        if name not in ("theta", "phi"):
            *sections, key = _path(_KEYS[name])
            table = film
            for section in sections:
                table = table[section]
            del table[key]
    return film


def _plain(value: Any) -> Any:
    """Dataclasses as JSON has them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"type": type(value).__name__, **{k: _plain(v) for k, v in asdict(value).items()}}
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return "inf" if value == math.inf else value
