"""From what a model answers to what was measured, and what is peculiar to a measurement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from torkivity.fit.data import Series
from torkivity.fit.models import Conditions, FitParameter, TorqueModel
from torkivity.fit.observables import OBSERVABLES
from torkivity.fit.request import Measurement
from torkivity_engine.arrays import FloatArray
from torkivity_engine.damping import gilbert_damping
from torkivity_engine.units import convert_torque

__all__ = ["measurement_parameters", "observed"]

_PER_MILLE = 1e-3


def measurement_parameters(components: Collection[str]) -> tuple[FitParameter, ...]:
    """Parameters that belong to what was measured, whatever the model of the film.

    Parameters
    ----------
    components : collection of str
        Names of `torkivity.fit.observables.OBSERVABLES` in the data.
    """
    found = []
    if "damping" in components:
        found.append(
            FitParameter("intrinsic_damping", "1e-3", 5.0, varied=True, least=0.0, most=1e3)
        )
    if "magnetoresistance" in components:
        for name in ("magnetoresistance_offset", "anisotropic_magnetoresistance"):
            found.append(FitParameter(name, "1e-3", 0.0, least=-1e3, most=1e3, quiet=True))
    return tuple(found)


def observed(
    model: TorqueModel,
    values: Mapping[str, float],
    where: Conditions,
    facts: Measurement,
    series: Sequence[Series],
) -> list[FloatArray]:
    """What a model gives for each series of a data set, in the unit of its quantity.

    Parameters
    ----------
    model : TorqueModel
    values : mapping of str to float
        Of the parameters of the model, and `measurement_parameters`.
    where : Conditions
    facts : Measurement
    series : sequence of Series

    Returns
    -------
    list of ndarray, shape (n,) each
    """
    components = {entry.component for entry in series}
    needs = {OBSERVABLES[name].needs for name in components}
    answers = model.answer(values, where, needs)
    if "magnetoresistance" in components:
        answers["magnetoresistance"] = _magnetoresistance(model, values, where, answers)
    if components & {"damping", "damping_enhancement"}:
        answers["damping_enhancement"] = gilbert_damping(
            answers["effective_mixing_conductance"],
            facts.saturation_magnetization,
            facts.ferromagnet_thickness,
        )
        own = _PER_MILLE * values.get("intrinsic_damping", 0.0)
        answers["damping"] = own + answers["damping_enhancement"]
    resistivity = model.resistivity(values, where) if "torque" in needs else None
    return [
        convert_torque(
            answers[entry.component],
            "spin_torque_conductivity",
            entry.quantity,
            resistivity=resistivity,
            saturation_magnetization=facts.saturation_magnetization,
            ferromagnet_thickness=facts.ferromagnet_thickness,
            mirrored=facts.heavy_metal_above,
        )
        if OBSERVABLES[entry.component].needs == "torque"
        else answers[entry.component]
        for entry in series
    ]


def _magnetoresistance(
    model: TorqueModel,
    values: Mapping[str, float],
    where: Conditions,
    answers: Mapping[str, FloatArray],
) -> FloatArray:
    """Sheet resistance over that for m along z, less one; with what is added to it."""
    thickness, first, place = np.unique(where.thickness, return_index=True, return_inverse=True)
    resistivity = None if where.resistivity is None else where.resistivity[first]
    upright = Conditions(thickness, resistivity, np.zeros(len(thickness)), np.zeros(len(thickness)))
    reference = model.answer(values, upright, {"sheet_resistance"})["sheet_resistance"][place]
    assert where.theta_deg is not None
    theta = np.radians(where.theta_deg)
    phi = np.radians(np.zeros(len(theta)) if where.phi_deg is None else where.phi_deg)
    along = np.sin(theta) * np.cos(phi)
    own = values["anisotropic_magnetoresistance"] * along**2
    added = values["magnetoresistance_offset"] + own
    return np.asarray(answers["sheet_resistance"] / reference - 1.0 + _PER_MILLE * added)
