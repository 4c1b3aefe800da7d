"""What is asked of a fit: parameters and their bounds, and what is known of the films."""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from torkivity.fit.data import TorqueData
from torkivity.fit.models import FitParameter
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError

__all__ = ["Entry", "Measurement", "ParameterSetting", "check_formulas", "parameter_entry"]


@dataclass(frozen=True)
class ParameterSetting:
    """What is asked of one parameter.

    Attributes
    ----------
    value : float, optional
        Start, or the fixed value.
    vary : bool, optional
        By default a parameter that is mentioned is fitted.
    least, most : float, optional
        Bounds.
    expression : str, optional
        Formula of other parameters that it is tied to.
    """

    value: float | None = None
    vary: bool = True
    least: float | None = None
    most: float | None = None
    expression: str | None = None


@dataclass(frozen=True)
class Measurement:
    """What is known about the films of a data set beside the torques.

    Attributes
    ----------
    resistivity : float, optional
        Of the heavy metal in Ohm m, unless the data have a column of it.
    resistivity_surface : float, optional
        Coefficient k in Ohm m nm of rho(t) = resistivity + k / t.
    saturation_magnetization : float, optional
        A/m, for effective fields.
    ferromagnet_thickness : float, optional
        nm, for effective fields.
    heavy_metal_above : bool, optional
        Whether the torques were measured with the heavy metal above the ferromagnet.
    """

    resistivity: float | None = None
    resistivity_surface: float = 0.0
    saturation_magnetization: float | None = None
    ferromagnet_thickness: float | None = None
    heavy_metal_above: bool = False

    def resistivity_of(self, data: TorqueData, thickness: FloatArray) -> FloatArray | None:
        """Resistivity of films of a data set by thickness, Ohm m; None if nothing is known.

        Between the films of a resistivity column it is interpolated linearly in 1/t, as where
        surfaces scatter.
        """
        if data.resistivity is not None:
            if self.resistivity is not None:
                raise InputError(
                    *("resistivity", self.resistivity),
                    f"must not be given for {data.name}, which has a column of it",
                )
            if np.array_equal(thickness, data.thickness):
                return data.resistivity
            inverse, places = np.unique(1.0 / data.thickness, return_index=True)
            return np.interp(1.0 / thickness, inverse, data.resistivity[places])
        if self.resistivity is None:
            return None
        values = self.resistivity + self.resistivity_surface / thickness
        if not np.all(values > 0.0):
            raise InputError("resistivity", float(values.min()), "must be positive at all points")
        return np.asarray(values)


@dataclass(frozen=True)
class Entry:
    """A parameter of the model with what was asked of it."""

    unit: str
    value: float
    vary: bool
    least: float
    most: float
    expression: str | None
    at_least: str = ""


def parameter_entry(parameter: FitParameter, asked: float | ParameterSetting | None) -> Entry:
    """A parameter of a model with what is asked of it, or else as the model has it.

    Raises
    ------
    InputError
        For a value that is no number or lies beyond the bounds.
    """
    if asked is None:
        asked = ParameterSetting(vary=parameter.varied)
    elif not isinstance(asked, ParameterSetting):
        asked = ParameterSetting(float(asked), vary=False)
    name = parameter.name
    value = parameter.start if asked.value is None else asked.value
    least = parameter.least if asked.least is None else asked.least
    most = parameter.most if asked.most is None else asked.most
    vary = asked.vary and asked.expression is None
    if math.isnan(value) or (vary and not math.isfinite(value)):
        raise InputError(name, value, "must be a finite number to start from")
    if math.isnan(least) or math.isnan(most):
        raise InputError(f"{name}.min, max", (least, most), "must be numbers")
    if vary and not (least < most and not math.isclose(least, most, rel_tol=1e-12)):
        raise InputError(f"{name}.min", least, f"must be below its maximum {most:g}")
    if vary and not least <= value <= most:
        raise InputError(name, value, f"must start between its bounds {least:g} and {most:g}")
    if asked.expression is None and not vary:
        _check_fixed(name, value, asked)
    if not vary:
        least, most = -math.inf, math.inf
    reason = parameter.at_least if vary and least == parameter.least else ""
    return Entry(parameter.unit, value, vary, least, most, asked.expression, reason)


def _check_fixed(name: str, value: float, asked: ParameterSetting) -> None:
    """Refuse a fixed value beyond bounds that were given with it; the model knows its own."""
    for bound, side, beyond in (
        (asked.least, "below its minimum", asked.least is not None and value < asked.least),
        (asked.most, "above its maximum", asked.most is not None and value > asked.most),
    ):
        if beyond:
            raise InputError(name, value, f"is fixed {side} {bound:g}: change one of them")


def check_formulas(formulas: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse formulas of what does not exist, and those that need their own value.

    Parameters
    ----------
    formulas : mapping of str to str
        By the parameter that each gives.
    known : collection of str
        Names of all parameters of the fit.

    Raises
    ------
    InputError
    """
    uses: dict[str, list[str]] = {}
    for name, formula in formulas.items():
        try:
            tree = ast.parse(formula, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            message = f"must be a formula of {', '.join(known)}"
            raise InputError(f"{name}.expression", formula, message) from None
        found = (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        uses[name] = [used for used in dict.fromkeys(found) if used in known]
    for name in formulas:
        chain = _circle(name, uses)
        if chain:
            raise InputError(
                f"{name}.expression",
                formulas[name],
                f"must not lead back to itself: {' needs '.join(chain)}",
            )


def _circle(name: str, uses: Mapping[str, Sequence[str]]) -> list[str]:
    """The way from a name back to itself, or nothing."""
    chains, seen = [[name]], {name}
    while chains:
        chain = chains.pop()
        for used in uses.get(chain[-1], ()):
            if used == name:
                return [*chain, used]
            if used not in seen:
                seen.add(used)
                chains.append([*chain, used])
    return []
