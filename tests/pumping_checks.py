"""What must hold for spin pumping in any film."""

from __future__ import annotations

import numpy as np

from torkivity_engine.film.stack import Stack
from torkivity_engine.pumping import spin_pumping
from torkivity_meshes import SphericalMesh


def largest(difference: np.ndarray, scale: np.ndarray) -> float:
    return float(np.abs(difference).max() / np.abs(scale).max())


def assert_methods_agree(stack: Stack, mesh: SphericalMesh) -> None:
    name = stack.magnet_names[-1]
    a, b = (spin_pumping(stack, mesh, magnet=name, method=m) for m in ("reduced", "dense"))
    for key in ("torque", "sheet_current", "bulk_torque", "spin_current_minus"):
        one, other = getattr(a, key), getattr(b, key)
        scale = other if key == "sheet_current" else b.torque
        assert largest(one - other, scale) < 1e-10, key
    for one, other in zip(a.interfaces, b.interfaces, strict=True):
        for key in ("current_minus", "current_plus", "torque"):
            assert largest(getattr(one, key) - getattr(other, key), b.torque) < 1e-10, key
