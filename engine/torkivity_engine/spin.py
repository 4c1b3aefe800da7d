"""Spin vectors and frames. Spin is Cartesian everywhere; index order (x, y, z, charge)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import PhysicsError

__all__ = [
    "CHARGE",
    "cross_matrix",
    "direction",
    "dot",
    "rotation_to",
    "torque_frame",
    "torque_frames",
    "transverse",
    "vectors",
]


CHARGE = 3  #: index of the charge component


def cross_matrix(m: ArrayLike) -> FloatArray:
    """Matrix [m x], shape (3, 3), with ``cross_matrix(m) @ s == cross(m, s)``."""
    x, y, z = np.asarray(m, dtype=np.float64)
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def vectors(found: Iterable[ArrayLike], length: int = 3) -> FloatArray:
    """Vectors below each other, shape (n, length), also where there are none."""
    return np.array(list(found), dtype=np.float64).reshape(-1, length)


def direction(theta: float, phi: float) -> tuple[float, float, float]:
    """Unit vector with these angles in radians, from z and of its in-plane part from x."""
    return (math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi), math.cos(theta))


def dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Scalar products of vectors, shape (..., 3), the same digits for one as for many."""
    product: FloatArray = a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]
    return product


def transverse(v: ArrayLike, m: ArrayLike) -> FloatArray:
    """Part of `v`, shape (..., 3), perpendicular to the unit vector `m`, shape (..., 3)."""
    v, m = np.asarray(v, dtype=np.float64), np.asarray(m, dtype=np.float64)
    result: FloatArray = v - dot(v, m)[..., None] * m
    return result


def rotation_to(m: ArrayLike) -> FloatArray:
    """Proper rotation, shape (3, 3), whose third column is the unit vector `m`.

    The branch on the sign of m_z keeps the construction free of cancellation for every
    direction (Duff et al., J. Comput. Graph. Tech. 6, 1 (2017)).
    """
    x, y, z = map(float, m)  # type: ignore[arg-type]  # numbers are faster than arrays of three
    sign = 1.0 if z >= 0.0 else -1.0
    a = -1.0 / (sign + z)
    b = x * y * a
    return np.array(
        [[1.0 + sign * x * x * a, b, x], [sign * b, sign + y * y * a, y], [-sign * x, -y, z]]
    )


def torque_frame(m: ArrayLike, field_direction: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Unit vectors (d, f) of damping-like and field-like torques.

    With y_p = z x E (for E along x: y), f is along m x y_p and d along m x (m x y_p).
    Note that (d, f, m) is left-handed: f x d = m.

    Parameters
    ----------
    m : array_like, shape (3,)
        Magnetization direction.
    field_direction : array_like, shape (3,)
        In-plane unit vector of the electric field.

    Returns
    -------
    d, f : ndarray, shape (3,)

    Raises
    ------
    PhysicsError
        If m is parallel to y_p: then both torques vanish and the frame does not exist.
    """
    d, f = torque_frames(np.asarray(m, dtype=np.float64), np.asarray(field_direction))
    if np.isnan(f[0]):
        e_x, e_y, _ = np.asarray(field_direction, dtype=np.float64)
        raise PhysicsError(
            "damping-like and field-like directions do not exist for m parallel to "
            f"z x E = ({-e_y:.6g}, {e_x:.6g}, 0); Cartesian torques do"
        )
    return d, f


def torque_frames(m: FloatArray, field_direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Unit vectors of `torque_frame` for many m and fields, shape (..., 3); NaN where none exist.

    The digits of a frame do not depend on the others.
    """
    m, field_direction = np.broadcast_arrays(m, field_direction)
    x, y, z = np.moveaxis(m, -1, 0)
    e_x, e_y = field_direction[..., 0], field_direction[..., 1]
    f = np.stack([-z * e_x, -z * e_y, x * e_x + y * e_y], axis=-1)
    norm = np.sqrt(dot(f, f))
    f = f / np.where(norm < 1e-9, np.nan, norm)[..., None]
    f_x, f_y, f_z = np.moveaxis(f, -1, 0)
    return np.stack([y * f_z - z * f_y, z * f_x - x * f_z, x * f_y - y * f_x], axis=-1), f
