"""What a sweep computes: its grid, the record of a point, and what the numbers depend on."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import ValidationError

from torkivity.catalogue import MODEL_NAMES
from torkivity.config.build import build_film, build_mesh
from torkivity.config.errors import ConfigError
from torkivity.config.parameters import LAYER_SECTIONS, parameters
from torkivity.config.sections import Model, RunConfig, SweepSection
from torkivity.config.text import check_config, to_json, to_toml
from torkivity.study.axes import make_grid
from torkivity.study.frames import has_torque_frame
from torkivity.version import __version__
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.errors import PhysicsError
from torkivity_engine.record import VARIABLES, Variable
from torkivity_engine.solution import TorqueNames
from torkivity_engine.solve import solve_boltzmann
from torkivity_hpc.files.sweepfile import SweepSpec
from torkivity_hpc.grid import Grid, Value
from torkivity_hpc.running.session import SweepPlan
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["config_attributes", "plan_sweep", "version_attributes"]

#: Numbers that bound the error of a Boltzmann solution, those of both methods.
CERTIFICATES = (
    "charge_defect",
    "unitarity_defect",
    "spin_balance",
    "residual",
    "condition",
    "gauge_slack",
    "modes_removed",
)

#: Sections that numbers depend on.
_PHYSICS = ("film", "heavy_metal", "interface", "ferromagnet", "surfaces", "mesh", "solver")
_NOT_PHYSICS = {"heavy_metal.name", "ferromagnet.name", "solver.memory_gb", "mesh.file"}

#: An attribute must fit into the header of the file.
_LONGEST_ATTRIBUTE = 60_000

#: Combinations of values that are checked before the first point.
MOST_TRIED = 5_000

FRAME_FLAG = "torque_frame"

#: Interface parameters of the models that are drift-diffusion.
_PARAMETERS: dict[Model, Literal["particular", "half_space", "boundary_layer"]] = {
    "drift_diffusion": "particular",
    "drift_diffusion_half_space": "half_space",
    "boundary_layer": "boundary_layer",
}


@dataclass
class FilmRecord:
    """From the swept parameters to the record of the film that they give.

    It travels to other processes, where meshes and sections are then made once.

    Attributes
    ----------
    config : RunConfig
        Base of all points.
    path : Path
        The configuration file.
    models : tuple of str
        Of `torkivity.catalogue.MODEL_NAMES`.
    source : str
    """

    config: RunConfig
    path: Path
    models: tuple[Model, ...]
    source: str
    _meshes: dict[str, FermiSurfaceMesh] = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_meshes": {}}

    def __call__(self, values: Mapping[str, Value]) -> dict[str, ArrayLike]:
        """Record of a point.

        Raises
        ------
        PhysicsError
            If a number that always exists came out as none.
        """
        config = apply_values(self.config, values)
        film = build_film(config, str(self.path))
        mesh = self._mesh(config)
        in_frame = has_torque_frame(film)
        record: dict[str, ArrayLike] = {FRAME_FLAG: float(in_frame)}
        for model in self.models:
            prefix = f"{model}_{self.source}"
            if model != "boltzmann":
                diffusion = solve_drift_diffusion(
                    film,
                    _PARAMETERS[model],
                    config.drift_diffusion.ferromagnet,
                    self.source,  # type: ignore[arg-type]
                    mesh=mesh,
                )
                record |= _prefixed(prefix, diffusion, in_frame)
                continue
            limit = config.solver.memory_gb
            solution = solve_boltzmann(
                film,
                mesh,
                method=config.solver.method,
                source=self.source,
                memory_limit=None if limit is None else int(limit * 1e9),
            )
            record |= _prefixed(prefix, solution, in_frame)
            for name in CERTIFICATES:
                record[f"{prefix}_certificate_{name}"] = solution.certificates[name]
        return record

    def _mesh(self, config: RunConfig) -> FermiSurfaceMesh:
        key = config.mesh.model_dump_json()
        if key not in self._meshes:
            self._meshes[key] = build_mesh(config, self.path)
        return self._meshes[key]


def _prefixed(prefix: str, solution: TorqueNames, in_frame: bool) -> dict[str, ArrayLike]:
    record: dict[str, ArrayLike] = {}
    for name, value in solution.record().items():
        frame_only = name.endswith(("_damping_like", "_field_like"))
        if not np.all(np.isfinite(value)) and (in_frame or not frame_only):
            raise PhysicsError(f"{prefix}_{name} came out as {np.asarray(value).tolist()}")
        record[f"{prefix}_{name}"] = value
    return record


@lru_cache(maxsize=1)
def _keys_by_name() -> dict[str, str]:
    return {parameter.name: key for key, parameter in parameters().items()}


def apply_values(config: RunConfig, values: Mapping[str, Value]) -> RunConfig:
    """Configuration of a point.

    Parameters
    ----------
    config : RunConfig
    values : mapping of str to value
        By the names of `torkivity.config.parameters.parameters`; they are not checked again.

    Returns
    -------
    RunConfig
    """
    keys = _keys_by_name()
    sections: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, *rest = keys[name].split(".")
        update = sections.setdefault(section, {})
        if len(rest) == 2:
            angles = update.get(rest[0]) or getattr(config, section).magnetization_angles_deg
            update[rest[0]] = angles.model_copy(update={rest[1]: value})
        else:
            update[rest[0]] = value
    return config.model_copy(
        update={
            section: getattr(config, section).model_copy(update=update)
            for section, update in sections.items()
        }
    )


def plan_sweep(config: RunConfig, path: Path, sweep: SweepSection | None = None) -> SweepPlan:
    """Check a sweep before its first point.

    Parameters
    ----------
    config : RunConfig
        As read from `path`.
    path : Path
        Named in errors; mesh files are looked for beside it.
    sweep : SweepSection, optional
        Instead of the configuration's own.

    Returns
    -------
    SweepPlan

    Raises
    ------
    ConfigError
        If there is no sweep, or a value is one that no film can have.
    """
    sweep = sweep or config.sweep
    if sweep is None or not (sweep.axes or sweep.zip):
        raise ConfigError(
            str(path), "has no sweep; add for instance [sweep.axes] and interface.exchange = [...]"
        )
    grid = make_grid(sweep.axes, sweep.zip, str(path))
    base = _with_angles(config, grid, str(path))
    _check_values(base, grid, path)
    exact = {"drift_diffusion_half_space", "boundary_layer"} & set(sweep.models)
    if exact and config.mesh.file is not None:
        raise ConfigError(
            str(path),
            f"sweep.models has {min(exact)}, which needs azimuthal rings: give mesh.n_polar and "
            "mesh.n_azimuth instead of mesh.file",
        )
    variables = point_variables(sweep.models, sweep.source)
    _check_names(grid, variables, str(path))
    physics = physics_of(base, path, grid, sweep)
    attributes: dict[str, str | int | float] = {
        "title": "Sweep over heavy-metal/ferromagnet bilayers",
        **version_attributes(),
        **config_attributes(config),
        "fingerprint": hashlib.sha256(json.dumps(physics, sort_keys=True).encode()).hexdigest(),
    }
    names = {parameter.name: key for key, parameter in parameters().items()}
    layer_parameters = tuple(
        name
        for dimension in grid.dimensions
        for name in dimension.parameters
        if names[name].split(".")[0] in LAYER_SECTIONS or names[name] == "film.fermi_wavevector"
    )
    return SweepPlan(
        spec=SweepSpec(grid, variables, physics, attributes, frozenset({FRAME_FLAG})),
        evaluate=FilmRecord(base, path, tuple(sweep.models), sweep.source),
        layer_parameters=layer_parameters,
    )


def point_variables(models: list[Any], source: str) -> dict[str, Variable]:
    """Schema of a point's record.

    Parameters
    ----------
    models : list of str
        Of `torkivity.catalogue.MODEL_NAMES`.
    source : str

    Returns
    -------
    dict of str to Variable
    """
    frame = "whether damping-like and field-like directions exist (m not parallel to z x E)"
    table = {FRAME_FLAG: Variable((), "1", frame)}
    for model, title in MODEL_NAMES.items():
        if model in models:
            prefix, meaning = f"{model}_{source}", f"{title}, source {source}"
            for name, variable in VARIABLES.items():
                long_name = f"{variable.long_name} ({meaning})"
                table[f"{prefix}_{name}"] = replace(variable, long_name=long_name)
    if "boltzmann" in models:
        for name in CERTIFICATES:
            table[f"boltzmann_{source}_certificate_{name}"] = Variable(
                (), "1", f"error indicator of the Boltzmann solution: {name}"
            )
    return table


def physics_of(config: RunConfig, path: Path, grid: Grid, sweep: SweepSection) -> dict[str, Any]:
    """What the numbers depend on besides the grid, by key.

    Parameters
    ----------
    config : RunConfig
    path : Path
    grid : Grid
    sweep : SweepSection

    Returns
    -------
    dict
        Values that JSON has.
    """
    swept = {name for dimension in grid.dimensions for name in dimension.parameters}
    keys = _keys_by_name()
    left_out = {keys[name] for name in swept} | _NOT_PHYSICS
    sections: tuple[str, ...] = _PHYSICS
    physics: dict[str, Any] = {
        "torkivity version": __version__,
        "sweep.models": sorted(sweep.models),
        "sweep.source": sweep.source,
    }
    if {"drift_diffusion", "drift_diffusion_half_space"} & set(sweep.models):
        # Boundary-layer-exact parameters solve the ferromagnet and need no model of it.
        sections = (*sections, "drift_diffusion")
    for section, values in config.model_dump(exclude_none=True).items():
        if section in sections:
            for key, value in _dotted(section, values):
                if key not in left_out:
                    physics[key] = "inf" if value == math.inf else value
    if config.mesh.file is not None:
        content = (path.parent / config.mesh.file).read_bytes()
        physics["mesh.file content"] = hashlib.sha256(content).hexdigest()
        for key in ("n_polar", "n_azimuth", "polar_rule"):
            physics.pop(f"mesh.{key}", None)
    return physics


def _dotted(key: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for name, item in value.items() for pair in _dotted(f"{key}.{name}", item)]
    return [(key, value)]


def version_attributes() -> dict[str, str]:
    """Attributes that say which programs made a file, and when."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "torkivity_version": __version__,
        "python_version": platform.python_version(),
        **{f"{name}_version": version(name) for name in ("numpy", "scipy", "numba", "h5py")},
        "normalisation": "torques and currents are per E~ = -E/e; times 2 for (hbar/2e)/(Ohm m)",
    }


def config_attributes(config: RunConfig) -> dict[str, str]:
    """The resolved configuration as attributes, without a sweep too long to fit."""
    texts = {"config_toml": to_toml(config), "config_json": to_json(config)}
    if max(map(len, texts.values())) > _LONGEST_ATTRIBUTE:
        # Its values are the file's axes anyway.
        return config_attributes(config.model_copy(update={"sweep": None}))
    return texts


def _with_angles(config: RunConfig, grid: Grid, file: str) -> RunConfig:
    """Base configuration, with angles of m if one of them is swept."""
    swept = {name for dimension in grid.dimensions for name in dimension.parameters}
    if not swept & {"theta", "phi"} or config.film.magnetization_angles_deg is not None:
        return config
    if config.film.magnetization is not None:
        raise ConfigError(
            file,
            "film.magnetization is a vector, but the sweep varies angles of m; write "
            "magnetization_angles_deg = { theta = ..., phi = ... } instead, which also says what "
            "the other angle is",
        )
    from torkivity.config.sections import Angles

    film = config.film.model_copy(update={"magnetization_angles_deg": Angles(theta=0.0, phi=0.0)})
    return config.model_copy(update={"film": film})


def _check_values(config: RunConfig, grid: Grid, path: Path) -> None:
    """Refuse values that no film can have, before time is spent on the others.

    Values of one section restrict each other, those of different ones do not (but for the
    Fermi wavevector, which turns resistivities into lengths): each section's combinations
    are tried with everything else at its first value.
    """
    keys = _keys_by_name()
    first = grid.point(0)
    tried: set[str] = set()
    for dimension in grid.dimensions:
        sections = {keys[name].split(".")[0] for name in dimension.parameters}
        label = " ".join(sorted(sections))
        if label in tried:
            continue
        tried.add(label)
        together = [
            other
            for other in grid.dimensions
            if sections & {keys[name].split(".")[0] for name in other.parameters}
        ]
        # Many combinations would take long; then each dimension is tried alone, and a long one
        # at its extremes and some places between.
        rows = [[d.row(position) for position in d.sample(MOST_TRIED)] for d in together]
        all_together = math.prod(map(len, together)) <= MOST_TRIED
        candidates = product(*rows) if all_together else ((r,) for x in rows for r in x)
        for parts in candidates:
            values = {**first, **{k: v for part in parts for k, v in part.items()}}
            _check_point(config, values, path)


def _check_point(config: RunConfig, values: Mapping[str, Value], path: Path) -> None:
    data = apply_values(config, values).model_dump(exclude_none=True, exclude_unset=True)
    data.pop("sweep", None)
    try:
        check_config(data, str(path))
    except (ConfigError, ValidationError) as error:
        listed = ", ".join(f"{name} = {value}" for name, value in values.items())
        raise ConfigError(
            str(path), f"{_without_file(str(error), path)} (sweep at {listed})"
        ) from None


def _without_file(message: str, path: Path) -> str:
    return message.removeprefix(f"{path}: ")


def _check_names(grid: Grid, variables: Mapping[str, Variable], file: str) -> None:
    taken = {*variables, "spin", "current", "field", "status", "seconds", "finished", "rank"}
    taken |= {"checksum", "message", "messages", "message_row"}
    for dimension in grid.dimensions:
        if dimension.name in taken:
            raise ConfigError(
                file, f"sweep: the dimension {dimension.name!r} has the name of a variable"
            )
