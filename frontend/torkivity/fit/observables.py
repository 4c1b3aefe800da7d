"""What is measured on films and can be fitted: names, units and labels, each said once."""

from __future__ import annotations

from dataclasses import dataclass

from torkivity_engine.units import QUANTITIES

__all__ = ["OBSERVABLES", "Observable", "quantity_label", "quantity_unit"]


@dataclass(frozen=True)
class Observable:
    """Something that a column of a data file can hold.

    Attributes
    ----------
    name : str
        Of the column.
    needs : str
        What a model must give for it: "torque", "sheet_resistance" or
        "effective_mixing_conductance".
    units : tuple of str
        Kinds of unit that it may have, as `torkivity.fit.unit_names.parse_unit` calls them.
    unit : str
        In which its values are kept; empty for torques, whose quantity says it.
    scale, label : float and str
        For axes: what values are multiplied by, and the text.
    """

    name: str
    needs: str
    units: tuple[str, ...]
    unit: str = ""
    scale: float = 1.0
    label: str = ""

    @property
    def title(self) -> str:
        """Its name in words: torques are damping-like and field-like."""
        return self.name.replace("_", "-" if self.needs == "torque" else " ")

    @property
    def is_number(self) -> bool:
        """Whether a number alone, such as 1e-3, is a unit of it."""
        return self.unit == "1"

    def quantity(self, kind_of_unit: str) -> str:
        """What its values are called: for a torque by the unit, else its own name."""
        return kind_of_unit if self.needs == "torque" else self.name


#: Torque per field that points the other way is no unit of its own.
_TORQUES = tuple(name for name in QUANTITIES if name != "per_field")
_NUMBER = ("efficiency",)  # so pure numbers are called where units are read

OBSERVABLES: dict[str, Observable] = {
    entry.name: entry
    for entry in (
        Observable("damping_like", "torque", _TORQUES),
        Observable("field_like", "torque", _TORQUES),
        Observable(
            *("sheet_resistance", "sheet_resistance", ("resistance",), "Ohm"),
            label=r"sheet resistance ($\Omega$)",
        ),
        Observable(
            *("magnetoresistance", "sheet_resistance", _NUMBER, "1", 1e3),
            label="magnetoresistance\n" r"$R(\hat m)/R(\hat z)-1$ ($10^{-3}$)",
        ),
        Observable(
            *("damping", "effective_mixing_conductance", _NUMBER, "1", 1e3),
            label=r"damping $\alpha$ ($10^{-3}$)",
        ),
        Observable(
            *("damping_enhancement", "effective_mixing_conductance", _NUMBER, "1", 1e3),
            label=r"damping by pumping $\Delta\alpha$ ($10^{-3}$)",
        ),
        Observable(
            "effective_mixing_conductance",
            "effective_mixing_conductance",
            *(("areal_conductance",), "1/(Ohm m^2)", 1e-15),
            label="effective mixing conductance\n" r"($10^{15}\,\Omega^{-1}\,\mathrm{m}^{-2}$)",
        ),
    )
}

_TORQUE_LABELS = {
    "per_e_tilde": (1e-5, r"torque ($10^{5}\,\Omega^{-1}\,\mathrm{m}^{-1}$)"),
    "spin_torque_conductivity": (
        1e-5,
        "spin-torque conductivity\n" r"($10^{5}\,(\hbar/2e)\,\Omega^{-1}\,\mathrm{m}^{-1}$)",
    ),
    "efficiency": (1.0, "efficiency"),
    "effective_field": (
        1.0,
        "effective field\n" r"(mT per $10^{11}\,\mathrm{A}\,\mathrm{m}^{-2}$)",
    ),
}


def quantity_unit(quantity: str) -> str:
    """Unit in which values of a quantity are kept."""
    return QUANTITIES[quantity] if quantity in QUANTITIES else OBSERVABLES[quantity].unit


def quantity_label(quantity: str) -> tuple[float, str]:
    """Scale and axis label of a quantity."""
    if quantity in _TORQUE_LABELS:
        return _TORQUE_LABELS[quantity]
    entry = OBSERVABLES[quantity]
    return entry.scale, entry.label
