"""What follows from the fitted parameters, with errors by linear propagation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from torkivity.fit.models import Conditions
from torkivity.fit.problem import FitProblem, derivatives
from torkivity.fit.unit_names import CHANNEL
from torkivity_engine.arrays import FloatArray

__all__ = ["Derived", "derived_quantities"]

_SIGMA = "1e5 (hbar/2e)/(Ohm m)"
#: Thickness in spin diffusion lengths where torques count as saturated: within 1e-16.
_SATURATED = 40.0


@dataclass(frozen=True)
class Derived:
    """A quantity that follows from the parameters.

    Attributes
    ----------
    name, unit : str
    value : float
    error : float or None
        Standard error from the covariance of the parameters; None where nothing fitted enters,
        or where a parameter in it has no error.
    """

    name: str
    unit: str
    value: float
    error: float | None


def derived_quantities(
    problem: FitProblem, params: Any, covariance: FloatArray | None, uncertain: frozenset[str]
) -> tuple[Derived, ...]:
    """Spin Hall angle or conductivity, transparency, conductances, saturated torques.

    Parameters
    ----------
    problem : FitProblem
    params : lmfit.Parameters
        At the best fit.
    covariance : ndarray, shape (parameters, parameters), or None
    uncertain : frozenset of str
        Fitted parameters without an error: what depends on them has none either.

    Returns
    -------
    tuple of Derived
        Of each data set in turn, with its number if there are several; those that do not differ
        between data sets once.
    """
    found: dict[tuple[str, float], Derived] = {}
    for index in range(len(problem.sets)):
        units = {name: unit for name, (_, unit) in _quantities(problem, params, index).items()}

        def values(p: Any, i: int = index) -> FloatArray:
            return np.array([value for value, _ in _quantities(problem, p, i).values()])

        best = values(params)
        slopes = derivatives(values, params, problem.varied)
        for row, (name, unit) in enumerate(units.items()):
            error = _error(slopes[row], covariance, problem.varied, uncertain)
            entry = Derived(name, unit, float(best[row]), error)
            found.setdefault((name, round(entry.value, 12)), entry)
    count: dict[str, int] = {}
    for name, _ in found:
        count[name] = count.get(name, 0) + 1
    several = [entry for entry in found.values() if count[entry.name] > 1]
    numbers = dict.fromkeys(count, 0)
    result = []
    for entry in found.values():
        label = entry.name
        if entry in several:
            numbers[label] += 1
            label = f"{label}_{numbers[label]}"
        result.append(Derived(label, entry.unit, entry.value, entry.error))
    return tuple(result)


def _error(
    slopes: FloatArray, covariance: FloatArray | None, varied: list[str], uncertain: frozenset[str]
) -> float | None:
    needed = {name for name, slope in zip(varied, slopes, strict=True) if slope != 0.0}
    if covariance is None or not np.all(np.isfinite(slopes)) or needed & uncertain:
        return None
    return math.sqrt(max(float(slopes @ covariance @ slopes), 0.0)) or None


def _quantities(problem: FitProblem, params: Any, index: int) -> dict[str, tuple[float, str]]:
    """Values and units for one data set, at the resistivity of its thickest film.

    If the resistivity is a parameter of the fit, at that of infinitely thick films.
    """
    values = problem.values(params, index)
    if not {"spin_diffusion_length", "spin_diffusion_length_resistivity"} & values.keys():
        return {}  # a model of something else
    own = problem.conditions[index]
    rho = None if own.resistivity is None else own.resistivity[[np.argmax(own.thickness)]]
    known = problem.model.resistivity(values, Conditions(np.array([math.inf]), rho))
    assert known is not None
    resistivity = float(known[0])
    found: dict[str, tuple[float, str]] = {}
    length = values.get("spin_diffusion_length")
    if length is None:
        length = values["spin_diffusion_length_resistivity"] * 1e-6 / resistivity
        found["spin_diffusion_length"] = (length, "nm")
    if "spin_hall_angle" in values:
        found["spin_hall_conductivity"] = (values["spin_hall_angle"] / resistivity / 1e5, _SIGMA)
    else:
        found["spin_hall_angle"] = (values["spin_hall_conductivity"] * 1e5 * resistivity, "1")
    if "mixing_conductance_real" in values:
        found |= _conductances(values, length, resistivity)
    thick = Conditions(np.array([_SATURATED * length]), known)
    answers = problem.model.answer(values, thick, {"torque"})
    for name in ("damping_like", "field_like"):
        torque = answers[name]
        found[f"saturated_{name}"] = (float(torque[0]) / 1e5, _SIGMA)
        found[f"saturated_{name}_efficiency"] = (float(torque[0]) * resistivity, "1")
    return found


def _conductances(
    values: Mapping[str, float], length: float, resistivity: float
) -> dict[str, tuple[float, str]]:
    """Share of the spin Hall current of a thick film that is absorbed; G in other units."""
    mixing = complex(values["mixing_conductance_real"], values["mixing_conductance_imag"])
    if math.isinf(mixing.real):
        return {"interface_transparency": (1.0, "1")}
    ratio = 2.0 * length * 1e-9 * mixing * 1e15 * resistivity
    found = {"interface_transparency": ((ratio / (1.0 + ratio)).real, "1")}
    for name, part in (("real", mixing.real), ("imag", mixing.imag)):
        if part != 0.0:
            siemens = part * 1e15
            found[f"mixing_conductance_{name}_si"] = (siemens, "1/(Ohm m^2)")
            channels = siemens / CHANNEL * 1e-18
            found[f"mixing_conductance_{name}_channels"] = (channels, "nm^-2")
    return found
