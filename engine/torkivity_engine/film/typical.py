"""Values that films are made of, to notice the slip of a unit; none of it is refused."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["TYPICAL", "Typical", "likely_slip"]


@dataclass(frozen=True)
class Typical:
    """Usual range of a parameter of a layer or film.

    Attributes
    ----------
    least, most : float
        Usual values; infinity is no slip.
    below, above : str
        What values outside are likely to be.
    unit : str
    """

    least: float
    most: float
    below: str
    above: str
    unit: str = "nm"


def _length(least: float, most: float) -> Typical:
    return Typical(least, most, "typed in metres or micrometres?", "typed in angstrom?")


#: By name of the field.
TYPICAL: dict[str, Typical] = {
    "thickness": _length(0.1, 50.0),
    "mean_free_path": _length(0.1, 100.0),
    "total_mean_free_path": _length(0.1, 100.0),
    "mean_free_path_majority": _length(0.1, 100.0),
    "mean_free_path_minority": _length(0.1, 100.0),
    "spin_flip_length": _length(0.3, 1e5),
    "spin_diffusion_length": _length(0.3, 2e3),
    "precession_length": _length(0.05, 1e3),
    "dephasing_length": _length(0.01, 50.0),
    "spin_hall_angle": Typical(-1.0, 1.0, "typed in percent?", "typed in percent?", ""),
    "resistivity": Typical(
        *(1e-8, 1e-5, "20 uOhm cm are 2e-7 Ohm m", "20 uOhm cm are 2e-7 Ohm m", "Ohm m")
    ),
    "fermi_wavevector": Typical(
        *(3.0, 30.0, "typed in 1/angstrom?", "typed in 1/cm or 1/m?", "1/nm")
    ),
}


def likely_slip(name: str, value: float) -> str | None:
    """What may be wrong with a value.

    Parameters
    ----------
    name : str
        Of the field, as in `TYPICAL`.
    value : float
        In the unit of the field.

    Returns
    -------
    str or None
        None for a usual value and for a field that is not in the table.
    """
    usual = TYPICAL.get(name)
    if usual is None or math.isinf(value) or usual.least <= value <= usual.most:
        return None
    hint = usual.below if value < usual.least else usual.above
    unit = f" {usual.unit}" if usual.unit else ""
    return f"unusual, most are between {usual.least:g} and {usual.most:g}{unit}; {hint}"
