"""What a study computes: its grid, what a point gives, and what the numbers depend on."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

from torkivity.catalogue import MODELS
from torkivity.config.errors import ConfigError
from torkivity.config.sections import RunConfig, SweepSection
from torkivity.config.text import to_json, to_toml
from torkivity.study.axes import make_grid
from torkivity.study.case import Case
from torkivity.study.models import default_models, why_not_kinetic
from torkivity.study.point import (
    PointRecord,
    component_axes,
    model_dimension,
    point_variables,
    source_dimension,
)
from torkivity.study.pumped_point import PumpingRecord, turning_dimension
from torkivity.study.tiles import TileMesh, Tiles
from torkivity.version import __version__
from torkivity_engine.errors import InputError
from torkivity_engine.film.component import angles_of
from torkivity_engine.film.parameters import film_facts, layer_paths, other_paths
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.record import COORDINATES, PUMPING_VARIABLES, Variable
from torkivity_hpc.files.sweepfile import SweepSpec
from torkivity_hpc.grid import Dimension, Grid, Value
from torkivity_hpc.running.session import SweepPlan
from torkivity_hpc.running.worker import Evaluate

__all__ = ["config_attributes", "plan_case", "plan_pumping", "plan_sweep", "version_attributes"]

#: An attribute must fit into the header of the file.
_LONGEST_ATTRIBUTE = 60_000

#: Combinations of values that are checked before the first point.
MOST_TRIED = 5_000


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
    case = Case.of(config, path)
    named = tuple(sweep.models) if "models" in sweep.model_fields_set else default_models(case)
    if sweep.drive == "pumping":
        _require_plain(sweep, str(path))
        return plan_pumping(case, sweep.axes, sweep.zip, named, sweep.magnets)
    if sweep.magnet is not None:
        raise ConfigError(str(path), f"sweep.magnet = {sweep.magnet!r}: is for drive = 'pumping'")
    return plan_case(
        *(case, sweep.axes, sweep.zip),
        *(named, tuple(sweep.sources), tuple(sweep.quantities)),
    )


def _require_plain(sweep: SweepSection, file: str) -> None:
    """Refuse what belongs to a field, in a sweep of what magnets pump."""
    if sweep.sources != ("all",) or sweep.quantities:
        key = "source" if sweep.sources != ("all",) else "quantities"
        raise ConfigError(
            file, f"sweep.{key} = {getattr(sweep, key)!r}: is for drive = 'field'; leave it out"
        )


def plan_case(
    case: Case,
    axes: Mapping[str, Any],
    groups: Sequence[Mapping[str, Any]],
    models: tuple[str, ...],
    sources: tuple[str, ...],
    quantities: tuple[str, ...] = (),
    *,
    begin: TileMesh | None = None,
) -> SweepPlan:
    """Plan of a case over axes, driven by a field or by reservoirs.

    Parameters
    ----------
    case : Case
    axes, groups
        As `torkivity.study.axes.make_grid` takes them.
    models, sources : tuple of str
        Of `torkivity.catalogue.MODELS` and ``SOURCES``.
    quantities : tuple of str, optional
        Of `torkivity.catalogue.QUANTITIES`, beside torques.
    begin : TileMesh, optional
        Mesh that all points begin with under a tolerance, instead of one for each tile.

    Returns
    -------
    SweepPlan

    Raises
    ------
    ConfigError
    """
    tiles = None if case.tolerance is None else Tiles(case, begin)
    drive = _Drive(
        source_dimension(sources),
        point_variables(quantities, refined=tiles is not None),
        PointRecord(case, quantities, tiles),
        physics={"sweep.quantities": sorted(set(quantities))} if quantities else {},
        attributes={
            "title": "Spin-orbit torques over parameters of a film",
            "drive": "field",
            "normalisation": "torques and currents are per E~ = -E/e; times 2 for "
            "(hbar/2e)/(Ohm m)",
        },
        tiles=tiles,
    )
    return _planned(case, axes, groups, models, drive)


def plan_pumping(
    case: Case,
    axes: Mapping[str, Any],
    groups: Sequence[Mapping[str, Any]],
    models: tuple[str, ...],
    magnets: tuple[str, ...] = (),
) -> SweepPlan:
    """Plan of a case over axes, driven by magnetizations that turn, one at a time.

    Parameters
    ----------
    case, axes, groups
        As of `plan_case`.
    models : tuple of str
        Those of `torkivity.catalogue.MODELS` that pump.
    magnets : tuple of str, optional
        Which turn; all of the film by default.

    Returns
    -------
    SweepPlan

    Raises
    ------
    ConfigError
        For a film without magnets, unknown ones, or a model that does not pump.
    """
    file, known = str(case.path), as_stack(case.film).magnet_names
    if not known:
        raise ConfigError(file, "the film has no magnet to turn")
    for name in magnets:
        if name not in known:
            raise ConfigError(file, f"sweep.magnet = {name!r}: must be one of {', '.join(known)}")
    for name in models:
        if not MODELS[name].pumps:
            pumping = ", ".join(model for model in MODELS if MODELS[model].pumps)
            raise ConfigError(
                file, f"sweep.models has {name}, which knows no pumping: take any of {pumping}"
            )
    drive = _Drive(
        turning_dimension(tuple(dict.fromkeys(magnets)) or known),
        PUMPING_VARIABLES,
        PumpingRecord(case),
        physics={"drive": "pumping"},
        attributes={
            "title": "Spin pumping over parameters of a film",
            "drive": "pumping",
            "normalisation": "per q = (hbar/2) dm/dt; times 2 for the electric sheet current",
        },
    )
    return _planned(case, axes, groups, models, drive)


@dataclass(frozen=True)
class _Drive:
    """What drives a study, and what it gives at each point.

    Attributes
    ----------
    dimension : Dimension
        The last one of the grid: what is driven with, one at a time.
    variables : mapping of str to Variable
    evaluate : callable
        From the values of a point to its record.
    physics, attributes : dict
        What it adds to those of the film.
    tiles : Tiles or None
        Where a tolerance chooses the meshes of points.
    """

    dimension: Dimension
    variables: Mapping[str, Variable]
    evaluate: Evaluate
    physics: dict[str, Any]
    attributes: dict[str, str]
    tiles: Tiles | None = None


def _planned(
    case: Case,
    axes: Mapping[str, Any],
    groups: Sequence[Mapping[str, Any]],
    models: tuple[str, ...],
    drive: _Drive,
) -> SweepPlan:
    file = str(case.path)
    varied = make_grid(axes, groups, file, case.parameter)
    _check_values(case, varied)
    lacking = why_not_kinetic(case)
    kinetic = [name for name in models if MODELS[name].kinetic]
    if lacking and kinetic:
        raise ConfigError(
            file,
            f"the model {kinetic[0]} does not know this film: {lacking}; drift_diffusion does",
        )
    need_rings = [name for name in models if MODELS[name].needs_rings]
    if need_rings and case.settings.mesh.file is not None:
        raise ConfigError(
            file,
            f"sweep.models has {need_rings[0]}, which needs azimuthal rings: give mesh.n_polar and "
            "mesh.n_azimuth instead of mesh.file",
        )
    _check_names(varied, drive.variables, file)
    # Models and sources of a film lie side by side: what they share is made once.
    grid = Grid([*varied.dimensions, model_dimension(models), drive.dimension])
    physics = {**physics_of(case, grid), **drive.physics}
    attributes: dict[str, str | int | float] = {
        **version_attributes(),
        **drive.attributes,
        **config_attributes(case),
        "film": " / ".join(as_stack(case.film).names),
        "varied_json": json.dumps(_swept(varied)),
        "aliases_json": json.dumps(_other_names(case.film, varied)),
        "angles_json": json.dumps(_angles(case.film)),
        "layers_json": json.dumps(_layers(case.film)),
        "fingerprint": hashlib.sha256(json.dumps(physics, sort_keys=True).encode()).hexdigest(),
    }
    return SweepPlan(
        spec=SweepSpec(
            grid, dict(drive.variables), physics, attributes, axes=component_axes(case.film)
        ),
        evaluate=drive.evaluate,
        layer_parameters=tuple(_layer_parameters(case, grid)),
        recall=lambda file: None if drive.tiles is None else drive.tiles.recall(file, grid),
    )


def _angles(film: Bilayer | Stack) -> dict[str, Any]:
    """Directions of the field and of each m, degrees."""
    stack = as_stack(film)
    return {
        "field": stack.field_direction_deg,
        "magnets": {
            name: dict(zip(("theta", "phi"), angles_of(layer.magnetization), strict=True))
            for name, layer in zip(stack.names, stack.layers, strict=True)
            if layer.magnetization is not None
        },
    }


def _layers(film: Bilayer | Stack) -> list[dict[str, Any]]:
    """What conversions of torques need to know of the layers, from the bottom."""
    stack = as_stack(film)
    return [
        {"name": name, "magnetic": layer.magnetic, "thickness": layer.thickness}
        for name, layer in zip(stack.names, stack.layers, strict=True)
    ]


def _swept(grid: Grid) -> list[str]:
    return [name for dimension in grid.dimensions for name in dimension.parameters]


def _other_names(film: Bilayer | Stack, grid: Grid) -> dict[str, str]:
    """Axes by other spellings of them."""
    return {other: d.name for d in grid.dimensions for other in other_paths(film, d.name)}


def _layer_parameters(case: Case, grid: Grid) -> list[str]:
    """What the responses of layers, the expensive shared part of points, depend on."""
    of_layers = {*layer_paths(case.film), *(p for p in case.parameters() if p.startswith("mesh."))}
    return [name for name in _swept(grid) if name in of_layers]


def physics_of(case: Case, grid: Grid) -> dict[str, Any]:
    """What the numbers depend on besides the grid, by path.

    Parameters
    ----------
    case : Case
    grid : Grid

    Returns
    -------
    dict
        Values that JSON has.
    """
    left_out = set(_swept(grid))
    physics: dict[str, Any] = {
        "torkivity version": __version__,
        "solver.method": case.settings.solver.method,
        **film_facts(case.film),
        **{name: p.value for name, p in case.parameters().items() if name not in left_out},
    }
    if case.settings.mesh.file is not None:
        content = (case.path.parent / case.settings.mesh.file).read_bytes()
        physics["mesh.file content"] = hashlib.sha256(content).hexdigest()
        for key in ("n_polar", "n_azimuth", "polar_rule"):
            physics.pop(f"mesh.{key}", None)
    return {
        key: "inf" if isinstance(value, float) and math.isinf(value) else value
        for key, value in physics.items()
    }


def version_attributes() -> dict[str, str]:
    """Attributes that say which programs made a file, and when."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "torkivity_version": __version__,
        "python_version": platform.python_version(),
        **{f"{name}_version": _version(name) for name in ("numpy", "scipy", "numba", "h5py")},
    }


@cache
def _version(name: str) -> str:
    return version(name)


def config_attributes(case: Case) -> dict[str, str]:
    """The resolved configuration as attributes, without a sweep too long to fit."""
    film, settings = case.film, case.settings
    texts = {"config_toml": to_toml(film, settings), "config_json": to_json(film, settings)}
    if max(map(len, texts.values())) > _LONGEST_ATTRIBUTE:
        # Its values are the file's axes anyway.
        return config_attributes(
            replace(case, settings=settings.model_copy(update={"sweep": None}))
        )
    return texts


def _check_values(case: Case, grid: Grid) -> None:
    """Refuse values that no film can have, before time is spent on the others.

    Values of one layer or interface restrict each other, those of different ones do not (but
    for the Fermi wavevector, which turns resistivities into lengths): each owner's
    combinations are tried with everything else at its first value.
    """
    first = grid.point(0)
    with _naming_point(case, first):
        varied = case.variation(tuple(first))
    tried: set[str] = set()
    for dimension in grid.dimensions:
        owners = {name.rpartition(".")[0] for name in dimension.parameters}
        label = " ".join(sorted(owners))
        if label in tried:
            continue
        tried.add(label)
        together = [
            other
            for other in grid.dimensions
            if owners & {name.rpartition(".")[0] for name in other.parameters}
        ]
        # Many combinations would take long; then each dimension is tried alone, and a long one
        # at its extremes and some places between.
        rows = [[d.row(position) for position in d.sample(MOST_TRIED)] for d in together]
        all_together = math.prod(map(len, together)) <= MOST_TRIED
        candidates = product(*rows) if all_together else ((r,) for x in rows for r in x)
        for parts in candidates:
            values = {**first, **{k: v for part in parts for k, v in part.items()}}
            with _naming_point(case, values):
                made = varied(values)
                if made.tolerance is None and made.settings.mesh.file is None:
                    made.mesh()


@contextmanager
def _naming_point(case: Case, values: Mapping[str, Value]) -> Iterator[None]:
    """Errors of a film say at which values of the axes."""
    try:
        yield
    except InputError as error:
        listed = ", ".join(f"{name} = {value}" for name, value in values.items())
        message = str(error).removeprefix(f"{case.path}: ")
        raise ConfigError(str(case.path), f"{message} (sweep at {listed})") from None


def _check_names(grid: Grid, variables: Mapping[str, Any], file: str) -> None:
    taken = {
        *variables,
        "model",
        "source",
        "turning",
        *COORDINATES,
        "interface",
        "magnet",
        "layer",
    }
    taken |= {"status", "seconds", "finished", "rank", "checksum"}
    taken |= {"message", "messages", "message_row"}
    for dimension in grid.dimensions:
        if dimension.name in taken:
            raise ConfigError(
                file, f"sweep: the dimension {dimension.name!r} has the name of a variable"
            )
