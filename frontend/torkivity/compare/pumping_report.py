"""Plain-text table of what the magnets of a film pump when they turn."""

from __future__ import annotations

import numpy as np

from torkivity.compare.film_report import film_description
from torkivity.study.pumping import PumpingStudy
from torkivity.tables import fold
from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.stack import as_stack
from torkivity_engine.pumped import PumpingSolution

__all__ = ["pumping_report"]

_LABEL, _WIDTH = 34, 14


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
    for solution in study.solutions.values():
        lines += ["", *_table(study, solution), *_damping(solution, saturation_magnetization)]
    some = next(iter(study.solutions.values()))
    lines += [
        "",
        *fold(
            "Per unit q = (hbar/2) dm/dt along q_1 or q_2, components along q_1, q_2 and m; "
            "currents are coefficients: the electric sheet current is twice the one here."
        ),
        f"{'solved by':<{_LABEL}}{some.method} method on {some.mesh}",
    ]
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


def _damping(solution: PumpingSolution, ms: float | None) -> list[str]:
    g = solution.effective_mixing_conductance
    lines = [_row("effective mixing conductance", np.array([g])) + "  1/(Ohm m^2)"]
    if ms is not None:
        alpha = f"{solution.damping(ms):.5g}"
        lines.append(f"{'damping that pumping adds':<{_LABEL}}{alpha:>{_WIDTH}}")
    return lines


def _vector(title: str, values: FloatArray, frame: dict[str, FloatArray]) -> list[str]:
    noise = 1e-12 * float(np.abs(values).max())
    parts = {name: axis @ values for name, axis in frame.items()}
    rows = [_row(f"  along {n}", np.where(np.abs(x) > noise, x, 0.0)) for n, x in parts.items()]
    return [*fold(title, hang=2), *rows]


def _row(label: str, values: FloatArray) -> str:
    return f"{label:<{_LABEL}}" + "".join(f"{value + 0.0:>{_WIDTH}.4e}" for value in values)
