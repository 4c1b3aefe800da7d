"""Films in the dimensionless units of transport theory."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.stack import Stack
from torkivity_engine.solution import BoltzmannSolution

FloatArray = NDArray[np.float64]


def metal(optical_thickness: float, albedo: float = 1.0, length: float = 1.0) -> HeavyMetal:
    """Heavy metal of total mean free path `length`; a collision keeps `albedo` of a spin."""
    return HeavyMetal(
        thickness=optical_thickness * length,
        mean_free_path=2.0 * length / (1.0 + albedo),
        spin_flip_length=2.0 * length / (1.0 - albedo) if albedo != 1.0 else math.inf,
    )


def averages(
    solution: BoltzmannSolution, stack: Stack, layer: int, z: Sequence[float] | FloatArray
) -> FloatArray:
    """<g> of (x, y, z, charge) at depths z, shape (nz, 4), per injected coefficient."""
    profile = solution.profile(layer, z=np.asarray(z, dtype=np.float64))
    joined = np.column_stack([profile.spin_accumulation, profile.charge_accumulation])
    return joined / (4.0 * math.pi * stack.prefactor)


def flows(
    solution: BoltzmannSolution, stack: Stack, layer: int, z: Sequence[float] | FloatArray
) -> FloatArray:
    """Flow of (x, y, z, charge) along +z over C, shape (nz, 4), per injected coefficient.

    An isotropic g = 1 arriving from one side is a flow of pi.
    """
    profile = solution.profile(layer, z=np.asarray(z, dtype=np.float64))
    joined = np.column_stack([profile.spin_current, profile.charge_current])
    return joined / stack.prefactor
