"""The matrix B of the Boltzmann equation of one layer on a mesh, (C12).

With the Fermi-surface average written as a sum over mesh points, (C5) becomes

    dg/dz + B g = (v_E / v_z) delta_{alpha c},
    B[i a, j b] = (K_out,ab delta_ij - P_ij,ab w_j) / v_z,i ,

where row and column number 4 i + a hold direction i and spin-charge component a. Writing B
is limited by memory, not by arithmetic, so each kernel touches every element exactly once,
row after row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.kinetics.collision import CollisionTerms, harmonics
from torkivity_engine.machine.kernels import njit
from torkivity_meshes import FermiSurfaceMesh

__all__ = [
    "ScatteringMatrix",
    "b_matrix",
    "b_matrix_from_scattering",
    "mean_weights",
    "mesh_harmonics",
]


@dataclass(frozen=True, eq=False)
class ScatteringMatrix:
    """Collision terms given point by point on a mesh, for any band structure or impurity.

    Attributes
    ----------
    k_out : ndarray, shape (4, 4) or (n_directions, 4, 4)
        Out-scattering in 1/nm; the same for all directions, or one per direction.
    p_in : ndarray, shape (n_directions, n_directions, 4, 4)
        In-scattering in 1/nm per unit solid angle:
        ``(K_in g)[i, a] = sum_jb p_in[i, j, a, b] w[j] g[j, b]``. Isotropic scattering with
        rate C is ``p_in = C / (4 pi)``.
    """

    k_out: FloatArray
    p_in: FloatArray


def mean_weights(mesh: FermiSurfaceMesh) -> FloatArray:
    """Weights of the Fermi-surface average on the mesh, shape (n_directions,), sum one.

    They equal w / 4 pi. Dividing by the sum of the weights instead keeps charge conserved
    to rounding on a user mesh whose solid angles add up to 4 pi only approximately.
    """
    weights: FloatArray = mesh.weights / mesh.weights.sum()
    return weights


def mesh_harmonics(mesh: FermiSurfaceMesh, count: int) -> FloatArray:
    """Harmonics on the mesh, shape (count, n_directions), all but the first of zero mean.

    The mean of a harmonic with l > 0 vanishes on the sphere. Where a user mesh misses that,
    the remainder would let the in-scattering create charge, so it is taken out.
    """
    y = harmonics(mesh.directions, count)
    y[1:] -= (y[1:] @ mean_weights(mesh))[:, None]
    return y


def b_matrix(
    terms: CollisionTerms, mesh: FermiSurfaceMesh, out: FloatArray | None = None
) -> FloatArray:
    """B of (C12) for in-scattering that is a finite sum of spherical harmonics.

    Parameters
    ----------
    terms : CollisionTerms
        K_out and the coefficients of K_in, 1/nm.
    mesh : FermiSurfaceMesh
    out : ndarray, shape (n_unknowns, n_unknowns), optional
        C-contiguous float64 array to fill; a new one without it.

    Returns
    -------
    ndarray, shape (n_unknowns, n_unknowns)
        B in 1/nm.

    Raises
    ------
    InputError
        If an array has the wrong shape.
    """
    k_out = _array("k_out", terms.k_out, (4, 4))
    count = len(terms.k_in)
    if count not in (1, 4):
        raise InputError("k_in", np.shape(terms.k_in), "must have 1 or 4 harmonics")
    k_in = _array("k_in", terms.k_in, (count, count, 4, 4))
    out = _output(mesh, out)
    v_z = np.ascontiguousarray(mesh.velocities[:, 2])
    weights = mean_weights(mesh)
    if count == 1:
        # Four rows per direction that differ between directions by a factor only.
        patterns = np.einsum("ab,j->ajb", k_in[0, 0], weights).reshape(4, -1)
        _fill_isotropic(k_out, np.ascontiguousarray(patterns), v_z, out)
    else:
        y = mesh_harmonics(mesh, count)
        _fill_harmonic(k_out, k_in, y, y * weights, v_z, out)
    return out


def b_matrix_from_scattering(
    k_out: ArrayLike, p_in: ArrayLike, mesh: FermiSurfaceMesh, out: FloatArray | None = None
) -> FloatArray:
    """B of (C12) for any in-scattering.

    Parameters
    ----------
    k_out : array_like, shape (4, 4) or (n_directions, 4, 4)
        Out-scattering in 1/nm.
    p_in : array_like, shape (n_directions, n_directions, 4, 4)
        In-scattering in 1/nm per solid angle, normalised so that
        ``(K_in g)[i, a] = sum_jb p_in[i, j, a, b] w[j] g[j, b]``.
    mesh : FermiSurfaceMesh
    out : ndarray, shape (n_unknowns, n_unknowns), optional
        C-contiguous float64 array to fill; a new one without it.

    Returns
    -------
    ndarray, shape (n_unknowns, n_unknowns)
        B in 1/nm.

    Raises
    ------
    InputError
        If an array has the wrong shape or holds NaN or infinity.
    """
    n = mesh.n_directions
    if np.ndim(k_out) == 2:
        k_out = np.broadcast_to(_array("k_out", k_out, (4, 4)), (n, 4, 4))
    k_out = _array("k_out", k_out, (n, 4, 4))
    p_in = _array("p_in", p_in, (n, n, 4, 4))
    out = _output(mesh, out)
    v_z = np.ascontiguousarray(mesh.velocities[:, 2])
    _fill_general(k_out, p_in, np.ascontiguousarray(mesh.weights), v_z, out)
    return out


def _array(key: str, value: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    array = np.ascontiguousarray(value, dtype=np.float64)
    if array.shape != shape:
        raise InputError(key, array.shape, f"must have shape {shape}")
    if not np.all(np.isfinite(array)):
        raise InputError(key, "NaN or infinity", "must be finite")
    return array


def _output(mesh: FermiSurfaceMesh, out: FloatArray | None) -> FloatArray:
    shape = (mesh.n_unknowns, mesh.n_unknowns)
    if out is None:
        return np.empty(shape)
    if out.shape != shape or out.dtype != np.float64 or not out.flags.c_contiguous:
        raise InputError(
            "out", (out.shape, str(out.dtype)), f"must be C-contiguous float64 of shape {shape}"
        )
    return out


@njit(cache=True)
def _fill_isotropic(
    k_out: FloatArray, patterns: FloatArray, v_z: FloatArray, out: FloatArray
) -> None:
    size = out.shape[1]
    for i in range(v_z.shape[0]):
        inverse = 1.0 / v_z[i]
        for a in range(4):
            row = out[4 * i + a]
            pattern = patterns[a]
            for column in range(size):
                row[column] = -inverse * pattern[column]
            for b in range(4):
                row[4 * i + b] += inverse * k_out[a, b]


@njit(cache=True)
def _fill_harmonic(
    k_out: FloatArray,
    k_in: FloatArray,
    y: FloatArray,
    y_weighted: FloatArray,
    v_z: FloatArray,
    out: FloatArray,
) -> None:
    count, n = y.shape
    coefficient = np.empty((4, count))
    for i in range(n):
        inverse = 1.0 / v_z[i]
        for a in range(4):
            for b in range(4):
                for right in range(count):
                    total = 0.0
                    for left in range(count):
                        total += y[left, i] * k_in[left, right, a, b]
                    coefficient[b, right] = -inverse * total
            row = out[4 * i + a]
            for j in range(n):
                for b in range(4):
                    total = 0.0
                    for right in range(count):
                        total += coefficient[b, right] * y_weighted[right, j]
                    row[4 * j + b] = total
            for b in range(4):
                row[4 * i + b] += inverse * k_out[a, b]


@njit(cache=True)
def _fill_general(
    k_out: FloatArray, p_in: FloatArray, weights: FloatArray, v_z: FloatArray, out: FloatArray
) -> None:
    n = v_z.shape[0]
    for i in range(n):
        inverse = 1.0 / v_z[i]
        for a in range(4):
            row = out[4 * i + a]
            for j in range(n):
                scale = -inverse * weights[j]
                for b in range(4):
                    row[4 * j + b] = scale * p_in[i, j, a, b]
            for b in range(4):
                row[4 * i + b] += inverse * k_out[i, a, b]
