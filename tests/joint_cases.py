"""Synthetic torque, resistance and damping of one series of films."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from torkivity.fit.conversion import observed
from torkivity.fit.data import Series, TorqueData
from torkivity.fit.fit import Measurement
from torkivity.fit.models import Conditions
from torkivity.fit.phenomenological import PhenomenologicalModel

FloatArray = NDArray[np.float64]

#: Of a magnet of 3 nm.
MAGNET = Measurement(saturation_magnetization=1.2e6, ferromagnet_thickness=3.0)
TRUTH = {
    "spin_hall_angle": 0.2,
    "spin_diffusion_length": 1.6,
    "mixing_conductance_real": 0.5,
    "mixing_conductance_imag": 0.0,
    "interface_current_damping_like": 0.0,
    "interface_current_field_like": 0.0,
    "lattice_torque_damping_like": 0.0,
    "lattice_torque_field_like": 0.0,
    "resistivity": 25.0,
    "resistivity_surface": 30.0,
    "shunt_conductance": 3.0,
    "intrinsic_damping": 4.0,
}
THICKNESS = {
    "torque": np.array([1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]),
    "resistance": np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0]),
    "damping": np.array([0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0]),
}
#: Component, quantity and standard deviation.
MEASURED = {
    "torque": ("damping_like", "efficiency", 0.002),
    "resistance": ("sheet_resistance", "sheet_resistance", 0.5),
    "damping": ("damping", "damping", 1e-4),
}


def joint_sets(
    rng: np.random.Generator | None,
    names: tuple[str, ...] = ("torque", "resistance", "damping"),
    truth: Mapping[str, float] = TRUTH,
) -> list[TorqueData]:
    """Data files, with noise unless there is no generator."""
    return [_joint_set(name, rng, truth) for name in names]


def _joint_set(
    name: str, rng: np.random.Generator | None, truth: Mapping[str, float]
) -> TorqueData:
    thickness = THICKNESS[name]
    component, quantity, noise = MEASURED[name]
    bar = np.full(len(thickness), noise)
    empty = Series(component, quantity, np.zeros(len(thickness)), bar, bar)
    (values,) = observed(PhenomenologicalModel(), truth, Conditions(thickness), MAGNET, [empty])
    if rng is not None:
        values = values + noise * rng.standard_normal(len(values))
    lines = tuple(range(2, 2 + len(thickness)))
    return TorqueData(name, thickness, (Series(component, quantity, values, bar, bar),), lines)
