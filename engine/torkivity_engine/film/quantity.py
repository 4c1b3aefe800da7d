"""What a number in a film means: unit, words, label, limits, derivative step.

A field says it once, ``thickness: Annotated[float, Quantity("nm", "thickness", ge=1e-9)]``, and
everything else is derived from it: checks at construction, keys and errors of the TOML file,
axes of a sweep, derivatives, labels of figures. pydantic reads the same annotation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, get_type_hints

import numpy as np
from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, Predicate

from torkivity_engine.errors import InputError

__all__ = [
    "ANGLE",
    "AREA_RESISTANCE",
    "CONDUCTANCE",
    "CONDUCTIVITY",
    "DRIVEN",
    "FERMI_WAVEVECTOR",
    "LENGTH",
    "MASS",
    "POTENTIAL",
    "RESISTIVITY",
    "SPIN_FLIP_LENGTH",
    "SPIN_HALL_ANGLE",
    "Direction",
    "Quantity",
    "Typical",
    "checked_arguments",
    "quantities_of",
]


def _no_nan(value: float) -> bool:
    return not math.isnan(value)


@dataclass(frozen=True)
class Typical:
    """Usual values of a quantity, to notice the slip of a unit; none is refused.

    Attributes
    ----------
    least, most : float
        Infinity is no slip.
    below, above : str
        What values outside are likely to be.
    """

    least: float
    most: float
    below: str
    above: str


@dataclass(frozen=True)
class Quantity(GroupedMetadata):
    """A number that describes a film, as metadata of a field or an argument.

    Parameters
    ----------
    unit : str
        "nm", "1/nm", "degree", "Ohm m", ..., "1" for a pure number.
    meaning : str
        A few words, for tables and long names.
    label : str, optional
        Mathtext for axes, ``r"$t$"``.
    gt, ge, lt, le : float, optional
        Physical limits of finite values.
    infinite : bool, optional
        Whether +inf has a meaning.
    typical : Typical, optional
        Values outside are likely a slip (percent for a fraction, metres for nm).
    step : float, optional
        Of the stencil that derivatives are taken on: a part of the value, or with ``absolute`` in
        the unit. 0 for what nothing is differentiated by.
    absolute : bool, optional
    kinetic : bool, optional
        Whether the Boltzmann equation of a layer knows it: then caches are keyed by it.
    """

    unit: str
    meaning: str
    label: str = ""
    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None
    infinite: bool = False
    typical: Typical | None = None
    step: float = 5e-4
    absolute: bool = False
    kinetic: bool = True

    def __iter__(self) -> Iterator[object]:
        for kind, bound in ((Gt, self.gt), (Ge, self.ge), (Lt, self.lt), (Le, self.le)):
            # Limits are those of finite values: an infinite length is not too long.
            if bound is not None and not (self.infinite and kind in (Lt, Le)):
                yield kind(bound)
        yield Predicate(_no_nan if self.infinite else math.isfinite)
        if self.infinite:
            yield Predicate(self._reachable)

    def _reachable(self, value: float) -> bool:
        return value == math.inf or self.within(value)

    def within(self, value: float) -> bool:
        """Whether a finite value keeps the limits."""
        return (
            (self.gt is None or value > self.gt)
            and (self.ge is None or value >= self.ge)
            and (self.lt is None or value < self.lt)
            and (self.le is None or value <= self.le)
        )

    @property
    def expected(self) -> str:
        """What would be right, as the phrase that ends an error."""
        both = self.ge is not None and self.le is not None
        words = (
            (self.ge, "at least"),
            (self.gt, "above"),
            (self.le, "at most"),
            (self.lt, "below"),
        )
        bounds = [(b, word) for b, word in words if b is not None and (b, word) != (0.0, "above")]
        limits = " and ".join(f"{word} {bound:g}" for bound, word in bounds)
        if both:
            limits = f"between {self.ge:g} and {self.le:g}"
        unit = "" if self.unit == "1" else f" in {self.unit}"
        if self.gt == 0.0 or (self.ge or 0.0) > 0.0:
            noun = "a positive length" if self.unit == "nm" else f"positive{',' * bool(unit)}"
            phrase = f"must be {noun}{unit}" + f", {limits}" * bool(limits)
        elif both:
            phrase = f"must lie {limits}" + f",{unit}" * bool(unit)
        else:
            phrase = f"must be {limits or 'a finite number'}" + f",{unit}" * bool(unit)
        return phrase + ", or inf" * self.infinite

    def check(self, key: str, value: Any) -> float:
        """The value as a float.

        Raises
        ------
        InputError
            If it is no number (booleans and text are none), NaN, or outside the limits.
        """
        if type(value) is not float:
            value = self._as_float(key, value)
        if value == math.inf and self.infinite:
            return math.inf
        if math.isnan(value):
            raise InputError(key, value, "must not be NaN")
        if math.isinf(value) and not self.infinite:
            raise InputError(key, value, "must be finite")
        if not self.within(value):
            raise InputError(key, value, self.expected)
        return float(value) + 0.0  # one zero: equal numbers, equal digits

    def _as_float(self, key: str, value: Any) -> float:
        if isinstance(value, (bool, np.bool_)) or not isinstance(
            value, (int, float, np.integer, np.floating)
        ):
            raise InputError(key, value, f"must be a number; it {self.expected}")
        try:
            return float(value)
        except OverflowError:  # an int of more than 308 digits
            raise InputError(key, "an integer too large", self.expected) from None

    def slip(self, value: float) -> str | None:
        """What may be wrong with a value of unusual size; None for a usual one."""
        usual, size = self.typical, abs(value)
        if usual is None or math.isinf(value) or not value or usual.least <= size <= usual.most:
            return None
        hint = usual.below if size < usual.least else usual.above
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"unusual, most are between {usual.least:g} and {usual.most:g}{unit}; {hint}"

    def step_at(self, value: float) -> float:
        """Step of a difference stencil; 0 where there is no derivative."""
        if not math.isfinite(value):
            return 0.0
        return self.step if self.absolute else self.step * abs(value)

    def named(self, meaning: str, label: str, usual: tuple[float, float] | None = None) -> Quantity:
        """The same kind of number with a meaning, a label and usual values of its own."""
        typical = self.typical
        if usual is not None and typical is not None:
            typical = replace(typical, least=usual[0], most=usual[1])
        return replace(self, meaning=meaning, label=label, typical=typical)


@dataclass(frozen=True)
class Direction:
    """A field that holds a unit vector, or None for one taken over from elsewhere."""

    meaning: str = "direction of m"


#: Lengths whose rates, squares and products stay far from the ends of floating point.
LENGTH = Quantity(
    "nm",
    "length",
    ge=1e-9,
    le=1e9,
    typical=Typical(1e-2, 1e5, "typed in metres or micrometres?", "typed in angstrom?"),
)
#: Kinetic: it grows as the square of the spin diffusion length.
SPIN_FLIP_LENGTH = replace(LENGTH, le=1e30, infinite=True).named(
    "kinetic spin-flip length", r"$\lambda_\mathrm{sf}$", (0.3, 1e5)
)
FERMI_WAVEVECTOR = Quantity(
    "1/nm",
    "Fermi wavevector",
    r"$k_\mathrm{F}$",
    ge=1e-2,
    le=1e3,
    typical=Typical(3.0, 30.0, "typed in 1/angstrom?", "typed in 1/cm or 1/m?"),
)
RESISTIVITY = Quantity(
    "Ohm m",
    "resistivity",
    r"$\rho$",
    ge=1e-10,
    le=1e2,
    typical=Typical(1e-8, 1e-5, *("20 uOhm cm are 2e-7 Ohm m",) * 2),
)
SPIN_HALL_ANGLE = Quantity(
    "1",
    "spin Hall angle",
    r"$\theta_\mathrm{SH}$",
    ge=-10.0,
    le=10.0,
    typical=Typical(-1.0, 1.0, *("typed in percent?",) * 2),
    step=2e-3,
    absolute=True,
)
CONDUCTIVITY = Quantity(
    "1/(Ohm m)",
    "conductivity",
    r"$\sigma$",
    ge=1e-2,
    le=1e10,
    typical=Typical(1e4, 1e8, *("1e4 1/(Ohm cm) are 1e6 1/(Ohm m)",) * 2),
)
#: Of an interface. One e^2/h per nm^2 is 3.87e13 1/(Ohm m^2).
CONDUCTANCE = Quantity(
    "1/(Ohm m^2)",
    "conductance",
    "$G$",
    ge=0.0,
    le=1e25,
    infinite=True,
    typical=Typical(1e10, 1e18, *("1 nm^-2 times e^2/h is 3.87e13 1/(Ohm m^2)",) * 2),
)
#: Of currents and torques that a field drives at an interface.
DRIVEN = Quantity("1/(Ohm m)", "driven current", ge=-1e15, le=1e15, step=1.0, absolute=True)
AREA_RESISTANCE = Quantity(
    "Ohm m^2",
    "area resistance",
    "$AR$",
    ge=0.0,
    le=1e-3,
    typical=Typical(1e-17, 1e-9, *("1 fOhm m^2 is 1e-15 Ohm m^2",) * 2),
)
POTENTIAL = Quantity("1", "strength", ge=-1e6, le=1e6, step=1e-3, absolute=True)
MASS = Quantity("1", "effective mass", r"$m^*$", ge=1e-2, le=1e3)
ANGLE = Quantity("degree", "angle", step=0.1, absolute=True)


@cache
def quantities_of(function: Any) -> dict[str, Quantity]:
    """Quantities among the arguments of a function, by name, from its annotations."""
    found = {}
    for name, hint in get_type_hints(function, include_extras=True).items():
        for item in getattr(hint, "__metadata__", ()):
            if isinstance(item, Quantity):
                found[name] = item
    return found


def checked_arguments(function: Any, values: dict[str, Any]) -> dict[str, float]:
    """Values of arguments, checked by the annotations of the function."""
    known = quantities_of(function)
    return {name: known[name].check(name, value) for name, value in values.items()}
