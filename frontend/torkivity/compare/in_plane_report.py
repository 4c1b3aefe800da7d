"""Lines on what a film carries in its plane, by both models, for the table of a single film."""

from __future__ import annotations

import math

import numpy as np

from torkivity.catalogue import MODELS
from torkivity.study.evaluate import Evaluated
from torkivity.study.run import FilmStudy
from torkivity.tables import fold
from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.stack import as_stack
from torkivity_engine.record import COMPONENTS
from torkivity_engine.units import convert_torque, flowing_resistivity

__all__ = ["in_plane_lines"]

_SHOWN = ("boltzmann", "drift_diffusion")
_SOURCE = "all"
_LABEL, _WIDTH, _SHORT = 28, 12, 9


def in_plane_lines(study: FilmStudy, components: str = "torque-frame") -> list[str]:
    """Sheet resistance, shares of the current, and efficiencies per current that flows.

    Parameters
    ----------
    study : FilmStudy
    components : {"torque-frame", "cartesian"}, optional
        Of the efficiencies.

    Returns
    -------
    list of str
        At most 80 columns wide; why there are no such numbers, where the film has none.
    """
    points = study.points
    shown = _shown(points)
    if note := points.note(model=shown[0], source=_SOURCE):
        return fold(f"no current in the plane: {note}", hang=2)
    heading = "".join(f"{MODELS[name].short:>{_WIDTH}}" for name in shown)
    percent = f"{'%':>{_SHORT}}" if len(shown) > 1 else ""
    lines = [f"{'in the plane, everything on':<{_LABEL}}{heading}{percent}"]
    resistance = _by_model(points, "sheet_resistance")
    lines.append(_row("sheet resistance", resistance[:, 0], "Ohm", ratio=True))
    if np.abs(resistance[0, 1]) > 1e-9 * resistance[0, 0]:
        lines.append(_row("  transverse", resistance[:, 1], "Ohm"))
    names = as_stack(study.case.film).names
    for name, share in zip(names, _by_model(points, "current_share").T, strict=True):
        lines.append(_row(f"current in {name}", 100.0 * share, "%"))
    return [*lines, *_efficiencies(study, components)]


def _efficiencies(study: FilmStudy, components: str) -> list[str]:
    """Torques over the mean current density that flows in the lowest non-magnetic layer."""
    stack, points = as_stack(study.case.film), study.points
    metals = [i for i, layer in enumerate(stack.layers) if not layer.magnetic]
    if not metals or not stack.magnet_names:
        return []
    metal = metals[0]
    sheets = _by_model(points, "layer_sheet_conductance")[:, metal, 0]
    if not np.all(sheets > 0.0):
        return []
    rho = flowing_resistivity(sheets, stack.layers[metal].thickness)
    lines = [f"2 T over the mean current density that flows in {stack.names[metal]}"]
    for index, magnet in enumerate(stack.magnet_names):
        of = f", {magnet}" if len(stack.magnet_names) > 1 else ""
        if components == "torque-frame":
            torques = {
                f"  xi {part.replace('_', '-')}{of}": _by_model(
                    points, f"magnet_torque_total_{part}"
                )[:, index]
                for part in COMPONENTS
            }
        else:
            whole = _by_model(points, "magnet_torque_total")[:, index]
            torques = {f"  xi along {axis}{of}": whole[:, i] for i, axis in enumerate("xyz")}
        for label, torque in torques.items():
            xi = convert_torque(torque, "per_e_tilde", "efficiency", resistivity=rho)
            lines.append(_row(label, xi, "", ratio=True))
    return lines


def _by_model(points: Evaluated, name: str) -> FloatArray:
    """Values by the models shown, everything at work."""
    models, sources = (list(d.axis.values) for d in points.plan.spec.grid.dimensions)
    values = points.values(name)
    return np.array(
        [values[models.index(model), sources.index(_SOURCE)] for model in _shown(points)]
    )


def _shown(points: Evaluated) -> list[str]:
    """The models of the lines that the film was computed by."""
    models = points.plan.spec.grid.dimensions[0].axis.values
    return [name for name in _SHOWN if name in models]


def _row(label: str, values: FloatArray, unit: str, ratio: bool = False) -> str:
    largest = float(np.nanmax(np.abs(values)))
    cells = "".join(f"{_text(value, largest):>{_WIDTH}}" for value in values)
    exact, other = float(values[0]), float(values[-1])
    ratio = ratio and len(values) > 1
    percent = f"{round(100.0 * (other / exact - 1.0), 1) + 0.0:+.1f}" if ratio and exact else ""
    percent = "-" if percent.startswith(("+nan", "nan")) else percent
    return f"{label:<{_LABEL}}{cells}{percent:>{_SHORT}}  {unit}".rstrip()


def _text(value: float, largest: float) -> str:
    """Five digits of the largest number of a row."""
    if math.isnan(value):
        return "-"
    if largest and not 1e-3 <= largest < 1e6:
        return f"{value:.4e}"
    decimals = max(0, 4 - math.floor(math.log10(largest))) if largest else 0
    return f"{round(value, decimals) + 0.0:.{decimals}f}"
