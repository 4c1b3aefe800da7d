"""Plain-text table of what the magnets of a film pump when they turn."""

from __future__ import annotations

import numpy as np

from torkivity.catalogue import MODELS
from torkivity.compare.film_report import film_description
from torkivity.results.differences import REFERENCE, percent_text
from torkivity.study.pumping import PumpingStudy
from torkivity.tables import fold
from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.stack import as_stack
from torkivity_engine.pumped import PumpingSolution

__all__ = ["pumping_report"]

_LABEL, _WIDTH = 34, 14
#: Of a column where models stand beside each other.
_NARROW = 13


def pumping_report(study: PumpingStudy, *, saturation_magnetization: float | None = None) -> str:
    """Pumped currents, torques on all magnets and effective mixing conductances.

    Parameters
    ----------
    study : PumpingStudy
    saturation_magnetization : float, optional
        A/m, for the damping.

    Returns
    -------
    str
        At most 80 columns wide.

    Raises
    ------
    InputError
        For a magnetization that is not positive.
    """
    lines = film_description(study.case.film)
    turning = dict.fromkeys(magnet for _, magnet in study.solutions)
    for magnet in turning:
        lines += ["", *_table(study, study.solutions[REFERENCE, magnet])]
        lines += _compared(study, magnet, saturation_magnetization)
    some = study.solutions[REFERENCE, next(iter(turning))]
    lines += [
        "",
        *fold(
            "Per unit q = (hbar/2) dm/dt along q_1 or q_2, components along q_1, q_2 and m; "
            "currents are coefficients: the electric sheet current is twice the one here."
        ),
        *fold(f"solved by the {some.method} method on {some.mesh}"),
    ]
    missing = {
        study.points.message(model=model, turning=magnet)
        for model in _models(study)
        for magnet in turning
    }
    for text in sorted(missing - {""}):
        lines += fold(f"without drift-diffusion: {text}", hang=2)
    return "\n".join(lines)


def _table(study: PumpingStudy, solution: PumpingSolution) -> list[str]:
    stack = as_stack(study.case.film)
    m = np.cross(solution.axes[0], solution.axes[1])
    frame = {"q_1": solution.axes[0], "q_2": solution.axes[1], "m": m}
    lines = [f"{solution.magnet} turns"]
    for name in ("q_1", "q_2"):
        lines.append(f"  {name} = ({', '.join(f'{x + 0.0:.4f}' for x in frame[name])})")
    lines.append(f"{'in 1/(Ohm m^2)':<{_LABEL}}{'q along q_1':>{_WIDTH}}{'q along q_2':>{_WIDTH}}")
    for index, name in enumerate(stack.names_of_interfaces):
        found = solution.at_interface(index).spin_current_minus
        lines += _vector(f"spin current below {name}", found, frame)
    for name, torque in solution.torques.items():
        lines += _vector(f"exchange torque on {name}", torque, frame)
    current = solution.sheet_current
    lines.append("sheet current, 1/(Ohm m)")
    lines += [_row(f"  along {axis}", current[i]) for i, axis in enumerate("xy")]
    return lines


def _models(study: PumpingStudy) -> list[str]:
    """Models of the study, the reference first."""
    dimensions = study.points.plan.spec.grid.dimensions
    return [str(name) for name in dimensions[-2].axis.values]


def _compared(study: PumpingStudy, magnet: str, ms: float | None) -> list[str]:
    """What damps, and the length of the sheet current, by every model."""
    models = [name for name in _models(study) if (name, magnet) in study.solutions]
    found = [study.solutions[name, magnet] for name in models]
    titles = "".join(f"{MODELS[name].short:>{_NARROW}}" for name in models)
    lines = [f"{'':<{_LABEL}}{titles}{'%' if len(models) > 1 else '':>7}".rstrip()]
    rows = {
        "effective mixing conductance": (
            [x.effective_mixing_conductance for x in found],
            "1/(Ohm m^2)",
        ),
        "sheet current, length": (
            [float(np.linalg.norm(x.sheet_current)) for x in found],
            "1/(Ohm m)",
        ),
    }
    if ms is not None:
        # Of a magnetic insulator nobody knows how thick it is.
        thick = found[0].thickness is not None
        values = [x.damping(ms, thickness=None if thick else 1.0) for x in found]
        rows["damping that pumping adds"] = (values, "" if thick else "nm / thickness")
    for label, (values, unit) in rows.items():
        cells = "".join(f"{value + 0.0:>{_NARROW}.4e}" for value in values)
        percent = ""
        if len(values) > 1:
            percent = percent_text(values[1] / values[0] - 1.0 if values[0] else np.nan)
        lines.append(f"{label:<{_LABEL}}{cells}{percent:>7}  {unit}".rstrip())
    return lines


def _vector(title: str, values: FloatArray, frame: dict[str, FloatArray]) -> list[str]:
    noise = 1e-12 * float(np.abs(values).max())
    parts = {name: axis @ values for name, axis in frame.items()}
    rows = [_row(f"  along {n}", np.where(np.abs(x) > noise, x, 0.0)) for n, x in parts.items()]
    return [*fold(title, hang=2), *rows]


def _row(label: str, values: FloatArray) -> str:
    return f"{label:<{_LABEL}}" + "".join(f"{value + 0.0:>{_WIDTH}.4e}" for value in values)
