"""Units as people write them in the headers of data files.

Pint reads the expression; the registry here holds the few units that can occur, so that what
is not among them is refused and not guessed. Three things are particular to the field: hbar/2e
counts angular momentum and is kept as a dimension of its own, Oe stands for mu_0 H, and current
densities are quoted with numbers inside the unit, as in ``mT/(1e11 A/m^2)``.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from scipy.constants import physical_constants

from torkivity.fit.extra import import_extra
from torkivity_engine.errors import InputError
from torkivity_engine.units import CURRENT_DENSITY

__all__ = ["CHANNEL", "Unit", "parse_unit"]


@dataclass(frozen=True)
class Unit:
    """What a unit stands for.

    Attributes
    ----------
    quantity : str
        A name of `torkivity_engine.units.QUANTITIES`, or "length", "resistivity", "angle",
        "resistance", "areal_conductance".
    scale : float
        Of one such unit in the unit of `QUANTITIES`, in nm, Ohm m, degrees, Ohm or 1/(Ohm m^2).
    """

    quantity: str
    scale: float


#: Base units are metre, ampere, ohm, tesla, degree and hbar/2e.
_DEFINITIONS = """
tera- = 1e12 = T-
giga- = 1e9 = G-
mega- = 1e6 = M-
kilo- = 1e3 = k-
deci- = 1e-1 = d-
centi- = 1e-2 = c-
milli- = 1e-3 = m-
micro- = 1e-6 = μ- = u-
nano- = 1e-9 = n-
pico- = 1e-12 = p-
metre = [length] = m = meter
angstrom = 1e-10 metre = Å = Angstrom = ang = Ang
ampere = [current] = A = Ampere = amp
ohm = [resistance] = Ω = Ohm = OHM
volt = ampere * ohm = V
siemens = 1 / ohm = S
tesla = [field] = T
gauss = 1e-4 tesla = G = Gauss
oersted = 1e-4 tesla = Oe = Oersted
degree = [angle] = deg = ° = Deg
radian = 57.29577951308232 degree = rad
percent = 0.01 = %
square = 1 = sq
half_hbar_per_e = [spin]
"""

#: One of each quantity, with its own unit, as pint is to read it.
_QUANTITIES = {
    "per_e_tilde": "1/(ohm metre)",
    "spin_torque_conductivity": "half_hbar_per_e/(ohm metre)",
    "efficiency": "1",
    "effective_field": f"mT/({CURRENT_DENSITY:g} ampere/metre^2)",
    "length": "nm",
    "resistivity": "ohm metre",
    "angle": "degree",
    "resistance": "ohm",
    "areal_conductance": "1/(ohm metre^2)",
    "channels": "1/metre^2",
}
#: e^2/h in S: a mixing conductance is also quoted as a number of channels per area.
CHANNEL = 0.5 * physical_constants["conductance quantum"][0]

_SPELLED = (
    "(hbar/2e)/(Ohm m); 1/(Ohm m); 1; %; mT/(1e11 A/m^2); nm; angstrom; uOhm cm; deg; "
    "Ohm; 1/(Ohm m^2); nm^-2; "
    "what is divided by stands in brackets"
)

# What keyboards and programs put for the Greek letter, for hbar, minus and times.
_CHARACTERS = str.maketrans(
    "\N{MICRO SIGN}ℏ\N{MINUS SIGN}\N{EN DASH}·⋅\N{MULTIPLICATION SIGN}", "μħ--***"
)
_RAISED = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")

_REWRITTEN = (
    (r"[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: "^" + found[0].translate(_RAISED)),
    (r"\*\*", "^"),
    (r"(?:hbar|ħ)\s*/\s*(?:2\s*\*?\s*e\b|\(\s*2\s*\*?\s*e\s*\))", "(half_hbar_per_e)"),
    (r"(?:hbar|ħ)\s*/\s*e\b", "(2 half_hbar_per_e)"),
    (r"(?<![\w.])10\s*\^\s*\(?([-+]?\d{1,2})\)?", r"1e\1"),
    (r"(?<=[^\W\d])[-.](?=[^\W\d])", " "),  # uOhm-cm, uOhm.cm
    (r"([oO]hm|Ω)(?=[^\W\d])(?!s\b)", r"\1 "),  # uOhmcm
    (r"(?<![\w.])([^\W\d]+)([-+]?\d)(?![\w.])", r"\1^\2"),  # A/m2, Ohm-1
    (r"\bper\b", "/"),
    (r"[□◻]|\bsq\.", "square"),
    (r"^\s*\*", ""),  # times 10^-3
    # Products with brackets are written out: to pint, (a)(b)^-1 is ((a)(b))^-1.
    (r"(?<=[\w)%°])\s*\(", "*("),
    (r"\)\s*(?=[\w%°])", ")*"),
)

# A power of a number or a bracket is its inverse at most: 9^9^9^9 would be computed for years.
_TOWER = re.compile(r"[\d)]\s*\^(?!\s*-1(?!\d))")


def parse_unit(text: str, *, number: bool = False) -> Unit:
    """Unit from its spelling.

    Parameters
    ----------
    text : str
        For example ``1e4 (hbar/2e)/(Ohm m)``, ``%``, ``Oe/(1e6 A/cm²)``, ``µΩ cm``. A negative
        number in front is for data with the opposite sign convention.
    number : bool, optional
        Take a number alone, such as ``1e-3``: where it cannot have lost its unit.

    Returns
    -------
    Unit

    Raises
    ------
    InputError
        For a unit that is not understood.
    ModuleNotFoundError
        Without pint (the extra ``torkivity[fit]``).
    """
    known = _quantities()
    try:
        spelled = _rewrite(text)
        found = _evaluate(spelled)
        for quantity, one in known.items():
            if found.dimensionality == one.dimensionality:
                scale = float(found.magnitude / one.magnitude)
                if 0.0 < abs(scale) < math.inf and (number or not _number_alone(spelled, scale)):
                    if quantity == "channels":
                        return Unit("areal_conductance", scale * CHANNEL)
                    return Unit(quantity, scale)
    except Exception:  # pint raises whatever Python's tokens and operators raise
        pass
    raise InputError("unit", text, f"is not understood; write it like {_SPELLED}")


def _number_alone(text: str, scale: float) -> bool:
    """Whether a number has lost its unit; 1 is one."""
    return abs(scale) != 1.0 and not re.sub(r"[\d.eE^*/()+\s-]", "", text)


def _rewrite(text: str) -> str:
    """Spelling that pint reads."""
    if not text.strip() or len(text) > 80:
        raise ValueError
    # NFC makes one letter of the two Omegas and of the two angstroms, and leaves m² alone.
    text = unicodedata.normalize("NFC", text).translate(_CHARACTERS)
    for pattern, replacement in _REWRITTEN:
        text = re.sub(pattern, replacement, text)
    if _TOWER.search(text):
        raise ValueError
    return text


@cache
def _registry() -> Any:
    return import_extra("pint", "units").UnitRegistry(
        _DEFINITIONS.strip().splitlines(),
        non_int_type=Decimal,  # 1 uOhm cm is 1e-8 Ohm m to the last digit
    )


@cache
def _quantities() -> dict[str, Any]:
    return {name: _evaluate(text) for name, text in _QUANTITIES.items()}


def _evaluate(text: str) -> Any:
    registry = _registry()
    return registry.Quantity(registry.parse_expression(text)).to_base_units()
