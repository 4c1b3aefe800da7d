"""Measured torque components, expanded in the angles of the magnetization, with errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.anisotropy import Coefficient, Form, angles, coefficients, column
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError

__all__ = ["MeasuredExpansion", "expand_measured"]


@dataclass(frozen=True, eq=False)
class MeasuredExpansion:
    """Coefficients of measured torques with what the data leave open.

    Attributes
    ----------
    form : {"garello", "general"}
    names : tuple of (str, bool, int)
        Of the coefficients that the data determine: torque ("damping_like" or "field_like"),
        whether of the polar component (B), power of sin(theta).
    values : ndarray, shape (k,)
        In the unit of the torques.
    covariance : ndarray, shape (k, k)
        From the error bars, or without them from the scatter.
    residuals : ndarray, shape (points,)
        Measured minus expansion, in error bars or in the unit of the torques.
    degrees_of_freedom : int
    """

    form: Form
    names: tuple[Coefficient, ...]
    values: FloatArray
    covariance: FloatArray
    residuals: FloatArray
    degrees_of_freedom: int

    @property
    def errors(self) -> FloatArray:
        """Standard errors of the coefficients, shape (k,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    @property
    def chi_square(self) -> float:
        """Sum of squares of the residuals."""
        return float(self.residuals @ self.residuals)


def expand_measured(
    theta_deg: ArrayLike,
    phi_deg: ArrayLike,
    measured: Mapping[str, tuple[ArrayLike, ArrayLike | None]],
    *,
    form: Form = "garello",
    order: int = 4,
) -> MeasuredExpansion:
    """Least-squares expansion of measured torque components in the angles of m.

    Where A and B differ, each torque has a part along the unit vector of the other; all
    coefficients are therefore fitted to all components at once.

    Parameters
    ----------
    theta_deg, phi_deg : array_like, shape (n,)
        Angles of m from z, and of its in-plane part from the electric field.
    measured : mapping of str to (array_like, array_like or None)
        By "damping_like" and "field_like", one or both: components along the unit vectors d and f,
        shape (n,), NaN where not measured; and their standard deviations, of both or of none.
    form : {"garello", "general"}, optional
    order : int, optional
        Highest power of sin(theta), even.

    Returns
    -------
    MeasuredExpansion
        Coefficients on which nothing measured depends are left out.

    Raises
    ------
    InputError
        For error bars of one torque only or that are not positive, m along y_p, too few points, or
        angles that leave coefficients undetermined.
    """
    names = coefficients(form, order)
    theta, phi = angles(theta_deg, phi_deg)
    columns = np.stack([column(name, theta, phi) for name in names], axis=2)
    along = {"damping_like": _along_d(theta, phi), "field_like": _along_f(theta, phi)}
    rows, targets, deviations = [], [], []
    for kind, (values, errors) in measured.items():
        y = np.asarray(values, dtype=np.float64)
        known = np.isfinite(y)
        rows.append(np.einsum("nc,nck->nk", along[kind], columns)[known])
        targets.append(y[known])
        if errors is not None:
            deviations.append(np.broadcast_to(np.asarray(errors, dtype=np.float64), y.shape)[known])
    if len(deviations) not in (0, len(measured)):
        raise InputError("error bars", "of one torque only", "must be there for both or for none")
    bars = np.concatenate(deviations) if deviations else None
    if bars is not None and not np.all(bars > 0.0):
        raise InputError("error bars", float(bars.min()), "must be positive")
    scale = 1.0 if bars is None else 1.0 / bars
    return _fit(form, names, np.concatenate(rows), np.concatenate(targets), scale)


def _fit(
    form: Form,
    names: list[Coefficient],
    design: FloatArray,
    target: FloatArray,
    scale: float | FloatArray,
) -> MeasuredExpansion:
    seen = np.abs(design).max(axis=0, initial=0.0) > 1e-9
    names = [name for name, shown in zip(names, seen, strict=True) if shown]
    design = design[:, seen] * np.reshape(scale, (-1, 1))
    target = target * scale
    if len(target) < len(names) or not names:
        raise InputError(
            "points", len(target), f"are too few for {len(names)} coefficients: lower the order"
        )
    left, singular, right = np.linalg.svd(design, full_matrices=False)
    if singular[-1] < 1e-6 * singular[0]:
        rank = int((singular >= 1e-6 * singular[0]).sum())
        raise InputError(
            "angles",
            f"{len(target)} points",
            f"determine {rank} of {len(names)} coefficients: vary theta more, and phi, or lower "
            "the order",
        )
    root = right.T / singular
    values = root @ (left.T @ target)
    residuals = target - design @ values
    free = len(target) - len(names)
    unit = 1.0
    if np.ndim(scale) == 0:
        unit = float(residuals @ residuals) / free if free else np.inf
    return MeasuredExpansion(form, tuple(names), values, unit * root @ root.T, residuals, free)


def _along_f(theta: FloatArray, phi: FloatArray) -> FloatArray:
    """Components (theta, phi) of f ~ m x y_p, shape (n, 2)."""
    vector = np.stack([-np.cos(phi), np.cos(theta) * np.sin(phi)], axis=1)
    length = np.linalg.norm(vector, axis=1)
    if np.any(length < 1e-6):
        raise InputError("m", "along y_p", "has no torque: leave out theta = 90 with phi = 90")
    return np.asarray(vector / length[:, None])


def _along_d(theta: FloatArray, phi: FloatArray) -> FloatArray:
    """Components (theta, phi) of d ~ m x (m x y_p), shape (n, 2)."""
    f = _along_f(theta, phi)
    return np.stack([-f[:, 1], f[:, 0]], axis=1)
