"""A convergence study is a sweep over meshes, with what it says about them in the same file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from torkivity.config.errors import ConfigError
from torkivity.config.sections import ConvergeSection, MeshSection, RunConfig
from torkivity.study.case import Case
from torkivity.study.plan import plan_case
from torkivity.tables import fold
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.film.sources import film_with_source
from torkivity_engine.mesh_errors import Convergence, Refinement, analyse
from torkivity_engine.record import Variable
from torkivity_engine.refine import polar_rule_for
from torkivity_hpc.files.store import STATUS
from torkivity_hpc.files.sweepfile import SweepFile
from torkivity_hpc.running.session import SweepPlan

if TYPE_CHECKING:
    import xarray

__all__ = [
    "convergence_of",
    "convergence_of_results",
    "convergence_report",
    "plan_convergence",
    "write_convergence",
]


_VALUES = ("spin_current_minus", "spin_current_plus", "torque_interface", "torque_ferromagnet")

_EXTRA = {
    "mesh_error": Variable(("mesh.n_polar", "mesh.n_azimuth"), "1", "estimated error of the mesh"),
    "mesh_uncertainty": Variable((), "1", "size of the last extrapolation step"),
    "mesh_scale": Variable((), "1/(Ohm m)", "what errors are measured against"),
    "order_polar": Variable(("mesh.n_polar",), "1", "observed order, polar refinement alone"),
    "order_azimuthal": Variable(
        ("mesh.n_azimuth",), "1", "observed order, azimuthal refinement alone"
    ),
    "extrapolated_torque_total": Variable(
        ("interface", "spin"), "1/(Ohm m)", "Richardson estimate of the total torque, per E~"
    ),
    "tolerance": Variable((), "1", "error that was asked for"),
    "chosen_n_polar": Variable((), "1", "coarsest mesh that meets the tolerance, NaN for none"),
    "chosen_n_azimuth": Variable((), "1", "coarsest mesh that meets the tolerance, NaN for none"),
}


def plan_convergence(config: RunConfig, path: Path, tolerance: float | None) -> SweepPlan:
    """Check a convergence study.

    Parameters
    ----------
    config : RunConfig
    path : Path
        Named in errors.
    tolerance : float or None
        Instead of the configuration's.

    Returns
    -------
    SweepPlan

    Raises
    ------
    ConfigError
        For meshes that cannot be, or are not in increasing order.
    """
    study = study_of(config, tolerance)
    if config.mesh.file is not None:
        raise ConfigError(str(path), "mesh.file: a mesh from a file cannot be refined")
    for key in ("n_polar", "n_azimuth"):
        sizes = getattr(study, key)
        if any(b <= a for a, b in pairwise(sizes)):
            raise ConfigError(str(path), f"converge.{key} = {sizes}: must increase")
    source = config.sweep.sources[0] if config.sweep else "all"
    if config.mesh.rtol is not None:
        # The study has meshes of its own, with the polar rule that a search would take.
        rule = polar_rule_for(film_with_source(config.film, source))
        config = config.model_copy(
            update={"mesh": MeshSection.model_validate({"polar_rule": rule})}
        )
    axes = {f"mesh.{key}": getattr(study, key) for key in ("n_polar", "n_azimuth")}
    plan = plan_case(Case.of(config, path), axes, (), ("boltzmann",), (source,))
    attributes = {**plan.spec.attributes, "title": "Convergence with the Fermi-surface mesh"}
    return replace(plan, spec=replace(plan.spec, extra=_EXTRA, attributes=attributes))


def study_of(config: RunConfig, tolerance: float | None = None) -> ConvergeSection:
    """The [converge] table with its defaults; the tolerance may be that of the mesh."""
    study = config.converge or ConvergeSection.model_validate({})
    if tolerance is None and "tolerance" not in study.model_fields_set:
        tolerance = config.mesh.rtol
    return study if tolerance is None else study.model_copy(update={"tolerance": tolerance})


def convergence_of(file: SweepFile, study: ConvergeSection) -> Convergence | None:
    """Analyse the file of a study, if all its points are done.

    Parameters
    ----------
    file : SweepFile
    study : ConvergeSection

    Returns
    -------
    Convergence or None
    """
    block, whole = file.read(0, file.size)
    if not (whole & (block.status == 1)).all():
        return None
    columns = file.layout.columns
    rows = {name: block.rows[:, columns[name]] for name in (*_VALUES, "torque_total")}
    return _analysed(study.n_polar, study.n_azimuth, rows, study.tolerance)


def convergence_of_results(dataset: xarray.Dataset) -> Convergence | None:
    """Analyse a study as `torkivity.open_results` gives it, if all its points are done.

    Parameters
    ----------
    dataset : xarray.Dataset

    Returns
    -------
    Convergence or None

    Raises
    ------
    InputError
        If it is no convergence study.
    """
    axes = [f"mesh.{key}" for key in ("n_polar", "n_azimuth")]
    if "mesh_uncertainty" not in dataset or not set(axes) <= set(dataset.dims):
        file = str(dataset.encoding.get("source", "dataset"))
        raise InputError("file", file, "is not of 'torkivity converge'")
    if not bool((dataset["status"] == STATUS["done"]).all()):
        return None
    first = dataset.isel(model=0, source=0)
    n_polar, n_azimuth = ([int(x) for x in dataset[axis].values] for axis in axes)
    meshes = len(n_polar) * len(n_azimuth)
    rows = {
        name: first[name].transpose(*axes, ...).values.reshape(meshes, -1)
        for name in (*_VALUES, "torque_total")
    }
    return _analysed(n_polar, n_azimuth, rows, float(dataset["tolerance"]))


def _analysed(
    n_polar: list[int],
    n_azimuth: list[int],
    rows: Mapping[str, FloatArray],
    tolerance: float,
) -> Convergence:
    """From values by name, shape (n_meshes, n)."""
    values = np.concatenate([rows[name] for name in _VALUES], axis=1)
    values = values.reshape(len(n_polar), len(n_azimuth), -1)
    torque = rows["torque_total"][-1]
    # For m parallel to z x E there is no torque to compare with.
    scale = float(np.abs(torque).max())
    largest = float(np.abs(values[-1, -1]).max())
    scale = scale if scale > 1e-9 * largest else largest or 1.0
    return analyse(n_polar, n_azimuth, values, scale, tolerance)


def write_convergence(file: SweepFile, result: Convergence) -> None:
    """Store the outcome beside the points."""
    chosen = result.chosen or (np.nan, np.nan)
    torque = _extrapolated_torque(result)
    for name, value in {
        "mesh_error": result.error,
        "mesh_uncertainty": result.uncertainty,
        "mesh_scale": result.scale,
        "order_polar": result.polar.order,
        "order_azimuthal": result.azimuthal.order,
        "extrapolated_torque_total": torque,
        "tolerance": result.tolerance,
        "chosen_n_polar": chosen[0],
        "chosen_n_azimuth": chosen[1],
    }.items():
        file.write_extra(name, np.asarray(value, dtype=np.float64))


def _extrapolated_torque(result: Convergence) -> FloatArray:
    """Total torque at each interface, shape (n_interfaces, 3), from the row of `_VALUES`."""
    parts = result.extrapolated.reshape(len(_VALUES), -1, 3)
    return np.asarray(parts[2] + parts[3])


def convergence_report(result: Convergence) -> str:
    """Table of a convergence study.

    Parameters
    ----------
    result : Convergence

    Returns
    -------
    str
    """
    lines = []
    for title, refinement in (
        ("polar refinement alone", result.polar),
        ("azimuthal refinement alone", result.azimuthal),
        ("both together", result.together),
    ):
        lines += [title, *_table(refinement), ""]
    for number, torque in enumerate(_extrapolated_torque(result)):
        listed = ", ".join(f"{value + 0.0:.8g}" for value in torque)
        where = f" at interface {number}" if result.extrapolated.size > 12 else ""
        lines += [
            f"extrapolated total torque (x, y, z){where}, 1/(Ohm m) per E~:",
            f"  {listed}",
        ]
    lines.append(f"uncertainty of the extrapolation: {result.uncertainty:.1e}")
    if result.chosen is None:
        lines += fold(
            f"no mesh of this study meets the tolerance {result.tolerance:g}: give finer ones in "
            "[converge]"
        )
    else:
        p, a = result.chosen
        lines.append(
            f"coarsest mesh with errors below {result.tolerance:g}: n_polar = {p}, n_azimuth = {a}"
        )
    return "\n".join(lines)


def _table(refinement: Refinement) -> list[str]:
    lines = [f"{'n_polar':>9}{'n_azimuth':>11}{'error':>11}{'difference':>13}{'order':>8}"]
    for (p, a), error, difference, order in zip(
        refinement.sizes, refinement.error, refinement.difference, refinement.order, strict=True
    ):
        cells = [
            "-" if np.isnan(difference) else f"{difference:.1e}",
            "-" if np.isnan(order) else f"{order:.1f}",
        ]
        lines.append(f"{p:9d}{a:11d}{error:11.1e}{cells[0]:>13}{cells[1]:>8}")
    return lines
