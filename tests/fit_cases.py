"""Synthetic torques for the tests of fits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from torkivity import Bilayer, Ferromagnet, HeavyMetal, RashbaInterface
from torkivity.fit.data import Series, TorqueData
from torkivity.fit.fit import Measurement, ParameterSetting
from torkivity.fit.models import (
    Conditions,
    MicroscopicModel,
)
from torkivity.fit.phenomenological import PhenomenologicalModel
from torkivity_meshes import SphericalMesh

FILM = Bilayer(
    HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, 0.059),
    RashbaInterface(0.42645, 0.20055, 0.085),
    Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36),
    magnetization=(0.0, 0.0, 1.0),
)
THICKNESS = np.linspace(1.0, 10.0, 14)
RHO = Measurement(resistivity=2e-7)
TRUTH = {
    "spin_hall_conductivity": 2.0,
    "spin_diffusion_length": 1.6,
    "mixing_conductance_real": 0.6,
    "mixing_conductance_imag": 0.1,
    "interface_current_damping_like": 0.0,
    "interface_current_field_like": 0.0,
    "lattice_torque_damping_like": 0.0,
    "lattice_torque_field_like": 0.4,
}
FITTED = {
    "mixing_conductance_real": 0.6,
    "mixing_conductance_imag": ParameterSetting(0.0),
    "lattice_torque_field_like": ParameterSetting(0.0),
}

FloatArray = NDArray[np.float64]


def synthetic(
    curves: Sequence[FloatArray],
    noise: float,
    rng: np.random.Generator,
    thickness: FloatArray = THICKNESS,
    error_bars: bool = True,
) -> TorqueData:
    bar = np.full(len(thickness), noise) if error_bars else None
    series = tuple(
        Series(name, "spin_torque_conductivity", y + noise * rng.standard_normal(len(y)), bar, bar)
        for name, y in zip(("damping_like", "field_like"), curves, strict=True)
    )
    return TorqueData("synthetic", thickness, series, tuple(range(2, 2 + len(thickness))))


def phenomenological_curves(
    truth: dict[str, float] = TRUTH, thickness: FloatArray = THICKNESS
) -> tuple[FloatArray, FloatArray]:
    conditions = Conditions(thickness, np.full(len(thickness), 2e-7))
    return PhenomenologicalModel().torques(truth, conditions)


def two_phases(thin: int, error_bars: bool, seed: int = 1) -> TorqueData:
    """Films of 2 to 15 nm; the thinnest have three times the spin Hall conductivity."""
    thickness = np.array([2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0])
    thick_phase = {**TRUTH, "spin_hall_conductivity": 1.0}
    other = phenomenological_curves({**thick_phase, "spin_hall_conductivity": 3.0}, thickness)
    usual = phenomenological_curves(thick_phase, thickness)
    is_thin = np.arange(len(thickness)) < thin
    curves = [np.where(is_thin, a, b) for a, b in zip(other, usual, strict=True)]
    return synthetic(curves, 2e3, np.random.default_rng(seed), thickness, error_bars)


def microscopic(mesh: SphericalMesh | None = None) -> MicroscopicModel:
    return MicroscopicModel(FILM, mesh or SphericalMesh(4, 4))


def microscopic_case(names: Sequence[str]) -> tuple[MicroscopicModel, dict[str, float]]:
    model = microscopic()
    return model, {p.name: p.start for p in model.parameters if p.name in names}


def microscopic_curves(
    model: MicroscopicModel, thickness: FloatArray = THICKNESS
) -> tuple[FloatArray, FloatArray]:
    return model.torques({p.name: p.start for p in model.parameters}, Conditions(thickness))
