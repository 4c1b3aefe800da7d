"""Moments of the distribution against depth, from the modes of the dense method."""

from __future__ import annotations

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.dense.matching import DenseStates
from torkivity_engine.profiles import LayerMoments, MomentSource
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["dense_moments"]


def dense_moments(states: DenseStates, columns: slice) -> MomentSource:
    """Moments from the modes of the dense method, for some of its drives."""
    mesh: FermiSurfaceMesh = states.mesh

    def moments(layer: int, z: FloatArray) -> LayerMoments:
        g = states.evaluate(layer, z)[:, columns]  # (z, drive, direction, spin)
        w, v = mesh.weights, mesh.velocities
        return LayerMoments(
            current=np.einsum("n,zcna->zac", w * v[:, 2], g),
            density=np.einsum("n,zcna->zac", w, g),
            in_plane=np.einsum("ni,zcna->zaic", w[:, None] * v[:, :2], g),
        )

    return moments
