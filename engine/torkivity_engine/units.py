"""Torques in the normalisations that experiments and simulations use.

The engine gives torques T per E~ = -E/e in 1/(Ohm m), as a number of hbar. `convert_torque` is
the one place where they become anything else, and where heavy metal below the ferromagnet
becomes heavy metal above it. Signs are those of ``docs/conventions.md``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import ELEMENTARY_CHARGE, HBAR, METRE_PER_NM
from torkivity_engine.errors import InputError

__all__ = ["CURRENT_DENSITY", "QUANTITIES", "convert_torque", "flowing_resistivity"]


#: A/m^2 that effective fields are quoted for.
CURRENT_DENSITY = 1e11

_MILLITESLA = 1e3

#: Names and units of the normalisations.
QUANTITIES: dict[str, str] = {
    "per_e_tilde": "1/(Ohm m)",
    "spin_torque_conductivity": "(hbar/2e)/(Ohm m)",
    "per_field": "(hbar/2e)/(Ohm m)",
    "efficiency": "1",
    "effective_field": "mT/(1e11 A/m^2)",
}


def convert_torque(
    values: ArrayLike,
    source: str,
    target: str,
    *,
    resistivity: ArrayLike | None = None,
    saturation_magnetization: float | None = None,
    ferromagnet_thickness: ArrayLike | None = None,
    mirrored: bool = False,
) -> FloatArray:
    """Torque components from one normalisation to another.

    With T per E~, E along +x and the heavy metal of resistivity rho below:

    - ``per_e_tilde``: T in 1/(Ohm m), what the engine gives; hbar is counted.
    - ``spin_torque_conductivity``: 2 T in (hbar/2e)/(Ohm m), still per E~; half hbar is counted.
    - ``per_field``: -2 T in (hbar/2e)/(Ohm m), coefficient of E in the flux of angular momentum.
    - ``efficiency``: xi = 2 T rho, per E~ and current density in units of 1/rho.
    - ``effective_field``: B = (hbar/2e) xi J / (M_s t_FM) in mT for J = 1e11 A/m^2. A field-like
      component stands for the field B p, a damping-like one for B m x p, p = -z x E: the
      minus signs of E~ and of m against angular momentum cancel.

    Parameters
    ----------
    values : array_like
        Damping-like or field-like components.
    source, target : str
        Names from `QUANTITIES`.
    resistivity : array_like, optional
        Of the heavy metal, Ohm m; needed between conductivities and the last two. That of
        `flowing_resistivity` makes them per current density that flows.
    saturation_magnetization : float, optional
        A/m, for effective fields.
    ferromagnet_thickness : array_like, optional
        nm, for effective fields.
    mirrored : bool, optional
        Give the values of the same film upside down: heavy metal above instead of below, or the
        reverse. Damping-like and field-like components then change sign.

    Returns
    -------
    ndarray

    Raises
    ------
    InputError
        For an unknown name, or a number that is needed and missing or not positive.
    """
    factor = _per_torque(
        target, resistivity, saturation_magnetization, ferromagnet_thickness
    ) / _per_torque(source, resistivity, saturation_magnetization, ferromagnet_thickness)
    return np.asarray(values, dtype=np.float64) * factor * (-1.0 if mirrored else 1.0)


def flowing_resistivity(sheet_conductance: ArrayLike, thickness: ArrayLike) -> FloatArray:
    """Field over the mean current density that flows in a layer of a film.

    Efficiencies and effective fields per current density that flows take it as the resistivity.
    It is not that of the bulk: faces scatter, and electrons carry their drift across interfaces.

    Parameters
    ----------
    sheet_conductance : array_like
        Of the layer, along the field, S.
    thickness : array_like
        nm.

    Returns
    -------
    ndarray
        Ohm m.
    """
    return np.asarray(thickness) * METRE_PER_NM / np.asarray(sheet_conductance, dtype=np.float64)


def _per_torque(
    quantity: str,
    resistivity: ArrayLike | None,
    saturation_magnetization: float | None,
    ferromagnet_thickness: ArrayLike | None,
) -> FloatArray:
    """Value of a quantity for T = 1/(Ohm m) per E~."""
    if quantity not in QUANTITIES:
        raise InputError("quantity", quantity, f"must be one of {', '.join(QUANTITIES)}")
    conductivities = {"per_e_tilde": 1.0, "spin_torque_conductivity": 2.0, "per_field": -2.0}
    if quantity in conductivities:
        return np.array(conductivities[quantity])
    xi = 2.0 * _positive("resistivity", resistivity, "Ohm m", quantity)
    if quantity == "efficiency":
        return xi
    moment = _positive(
        "saturation_magnetization", saturation_magnetization, "A/m", quantity
    ) * _positive("ferromagnet_thickness", ferromagnet_thickness, "nm", quantity)
    flux = 0.5 * HBAR / ELEMENTARY_CHARGE * CURRENT_DENSITY
    return xi * flux / (moment * METRE_PER_NM) * _MILLITESLA


def _positive(key: str, value: ArrayLike | None, unit: str, quantity: str) -> FloatArray:
    array = np.asarray(np.nan if value is None else value, dtype=np.float64)
    bad = array[~(np.isfinite(array) & (array > 0.0))]
    if bad.size:
        shown = None if np.isnan(bad).all() else float(bad[0])
        raise InputError(key, shown, f"must be a positive number of {unit} to use {quantity!r}")
    return array
