"""Expansion of torques in the angles of the magnetization.

With theta the angle of m from z, phi that of its in-plane part from E, and y_p = z x E, the
torques of a film that looks the same from every in-plane direction have the components along
e_theta and e_phi

    damping-like, even in m:   tau_phi = -cos(phi) A(theta),
                               tau_theta = -cos(theta) sin(phi) B(theta),
    field-like, odd in m:      tau_theta = -cos(phi) B(theta),
                               tau_phi = cos(theta) sin(phi) A(theta),

each with A and B of its own, which are polynomials in sin(theta)^2 and equal at theta = 0. This
follows from linearity in E, rotations about z and the mirror that contains E and z. With
constant A = B the two are T0 m x (m x y_p) and T0 m x y_p. Two forms are offered:

- "garello": A = T0 + T2 sin(theta)^2 + T4 sin(theta)^4 and B = T0 for each of the two torques,
  the form that Garello et al., Nature Nanotech. 8, 587 (2013) measure with. In vectors,

      T_perp = (y x m) [T0 + T2 |z x m|^2 + T4 |z x m|^4]
               + m x (z x m) (m . x) [T2 + T4 |z x m|^2],
      T_par  = m x (y x m) T0 + (z x m) (m . x) [T2 + T4 |z x m|^2],

  where y x m = -(m x y_p): coefficients of T_perp are minus `field_like`, those of T_par minus
  `damping_like`. The effective field of T_perp = m x B is B_phi = -cos(phi) T0,
  B_theta = -cos(theta) sin(phi) [T0 + T2 sin(theta)^2 + T4 sin(theta)^4].
- "general": B has coefficients of its own, which is all that symmetry leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.record import TORQUE_PARTS
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import FermiSurfaceMesh

__all__ = [
    "AnisotropyExpansion",
    "Coefficient",
    "Form",
    "angles",
    "angular_torques",
    "coefficients",
    "column",
    "expand_torques",
    "magnetization_directions",
]

Form = Literal["garello", "general"]

_FORMS = ("garello", "general")
_KINDS = ("damping_like", "field_like")


@dataclass(frozen=True, eq=False)
class AnisotropyExpansion:
    """Coefficients of both torques and what they leave over.

    Attributes
    ----------
    form : {"garello", "general"}
    damping_like, field_like : ndarray, shape (order / 2 + 1,)
        T0, T2, T4, ... of A, in the unit of the torques.
    damping_like_polar, field_like_polar : ndarray
        The same of B; T0 alone counts for "garello", whose others are zero.
    residuals : ndarray, shape (n, 3)
        Torque minus expansion, Cartesian.
    relative_residual : float
        Rms residual over the rms torque.
    field_direction_deg : float
    """

    form: Form
    damping_like: FloatArray
    field_like: FloatArray
    damping_like_polar: FloatArray
    field_like_polar: FloatArray
    residuals: FloatArray
    relative_residual: float
    field_direction_deg: float = 0.0

    def torque(self, theta_deg: ArrayLike, phi_deg: ArrayLike) -> FloatArray:
        """Torque that the expansion gives, Cartesian.

        Parameters
        ----------
        theta_deg, phi_deg : array_like, shape (n,)
            Angles of m from z, and of its in-plane part from x.

        Returns
        -------
        ndarray, shape (n, 3)
        """
        theta, phi = angles(theta_deg, phi_deg)
        relative = phi - np.radians(self.field_direction_deg)
        total = np.zeros((len(theta), 3))
        for kind in _KINDS:
            for name, is_polar in ((kind, False), (f"{kind}_polar", True)):
                for power, coefficient in enumerate(getattr(self, name)):
                    column = _component(kind, is_polar, 2 * power, theta, relative)
                    total += coefficient * _cartesian(column, theta, phi)
        return total


def magnetization_directions(theta_deg: ArrayLike, phi_deg: ArrayLike) -> FloatArray:
    """Unit vectors m, shape (n, 3), for angles in degrees."""
    theta, phi = angles(theta_deg, phi_deg)
    return np.stack(
        [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1
    )


def angular_torques(
    film: Bilayer,
    theta_deg: ArrayLike,
    phi_deg: ArrayLike,
    *,
    mesh: FermiSurfaceMesh | None = None,
    part: str = "total",
    source: str = "all",
) -> FloatArray:
    """Torque of the Boltzmann equation for many directions of m.

    Parameters
    ----------
    film : Bilayer
    theta_deg, phi_deg : array_like, shape (n,)
        Angles of m from z, and of its in-plane part from x.
    mesh : FermiSurfaceMesh, optional
    part : {"total", "interface", "ferromagnet", "lattice"}, optional
    source : {"all", "rashba", "spin_hall"}, optional

    Returns
    -------
    ndarray, shape (n, 3)
        Cartesian, per E~, in 1/(Ohm m).
    """
    if part not in TORQUE_PARTS:
        raise InputError("part", part, f"must be one of {', '.join(TORQUE_PARTS)}")
    rows = []
    for x, y, z in magnetization_directions(theta_deg, phi_deg).tolist():
        turned = replace(film, magnetization=(x, y, z))
        rows.append(getattr(solve_boltzmann(turned, mesh, source=source), f"torque_{part}"))
    return np.array(rows)


def expand_torques(
    theta_deg: ArrayLike,
    phi_deg: ArrayLike,
    torques: ArrayLike,
    *,
    form: Form = "garello",
    order: int = 4,
    field_direction_deg: float = 0.0,
) -> AnisotropyExpansion:
    """Least-squares expansion of torques in the angles of m.

    Parameters
    ----------
    theta_deg, phi_deg : array_like, shape (n,)
        Angles of m from z, and of its in-plane part from x; anything that tells the
        coefficients apart.
    torques : array_like, shape (n, 3)
        Cartesian, perpendicular to m, in any unit.
    form : {"garello", "general"}, optional
    order : int, optional
        Highest power of sin(theta), even.
    field_direction_deg : float, optional
        Angle of the electric field from x.

    Returns
    -------
    AnisotropyExpansion

    Raises
    ------
    InputError
        For shapes that do not match, numbers that are not finite, torques along m, or angles
        that leave coefficients undetermined.
    """
    names = coefficients(form, order)
    theta, phi = angles(theta_deg, phi_deg)
    given = _checked_torques(torques, magnetization_directions(theta_deg, phi_deg))
    relative = phi - np.radians(field_direction_deg)
    columns = [column(name, theta, relative).ravel() for name in names]
    e_theta, e_phi = _unit_vectors(theta, phi)
    target = np.stack([(given * e_theta).sum(axis=1), (given * e_phi).sum(axis=1)], axis=1)
    design = np.stack(columns, axis=1)
    solution, _, rank, _ = np.linalg.lstsq(design, target.ravel(), rcond=1e-10)
    if rank < len(names):
        raise InputError(
            "angles",
            f"{len(theta)} directions",
            f"determine {rank} of {len(names)} coefficients: vary theta more, and phi",
        )
    table = {(kind, polar): np.zeros(order // 2 + 1) for kind in _KINDS for polar in (False, True)}
    for (kind, polar, power), value in zip(names, solution, strict=True):
        table[kind, polar][power // 2] = value
        if power == 0:
            table[kind, True][0] = value
    fitted = _cartesian((design @ solution).reshape(-1, 2), theta, phi)
    residuals = given - fitted
    return AnisotropyExpansion(
        form=form,
        damping_like=table["damping_like", False],
        field_like=table["field_like", False],
        damping_like_polar=table["damping_like", True],
        field_like_polar=table["field_like", True],
        residuals=residuals,
        relative_residual=float(np.linalg.norm(residuals) / (np.linalg.norm(given) or 1.0)),
        field_direction_deg=field_direction_deg,
    )


#: A coefficient: of which torque, whether of B, which power of sin(theta).
Coefficient = tuple[str, bool, int]


def coefficients(form: str, order: int) -> list[Coefficient]:
    """Coefficients of a form; the T0 of A is that of B too."""
    if form not in _FORMS:
        raise InputError("form", form, f"must be one of {', '.join(_FORMS)}")
    if isinstance(order, bool) or not isinstance(order, int) or order < 0 or order % 2:
        raise InputError("order", order, "must be an even number, 0 or more")
    return [
        (kind, polar, power)
        for kind in _KINDS
        for power in range(0, order + 1, 2)
        for polar in ((False, True) if form == "general" and power else (False,))
    ]


def column(name: Coefficient, theta: FloatArray, phi: FloatArray) -> FloatArray:
    """Components (theta, phi) of a coefficient, shape (n, 2)."""
    kind, polar, power = name
    own = _component(kind, polar, power, theta, phi)
    return own + _component(kind, True, 0, theta, phi) if power == 0 else own


def angles(theta_deg: ArrayLike, phi_deg: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Angles in radians, one row of finite numbers each."""
    theta, phi = np.broadcast_arrays(
        *(np.radians(np.atleast_1d(np.asarray(a, dtype=np.float64))) for a in (theta_deg, phi_deg))
    )
    if theta.ndim != 1 or not (np.isfinite(theta).all() and np.isfinite(phi).all()):
        raise InputError("angles", theta.shape, "must be one row of finite numbers in degrees")
    return theta, phi


def _checked_torques(torques: ArrayLike, m: FloatArray) -> FloatArray:
    given = np.asarray(torques, dtype=np.float64)
    if given.shape != m.shape:
        raise InputError("torques", given.shape, f"must have the shape {m.shape} of the directions")
    if not np.isfinite(given).all():
        raise InputError("torques", "NaN or infinite", "must be finite numbers")
    if np.abs((given * m).sum(axis=1)).max() > 1e-6 * np.abs(given).max():
        raise InputError("torques", "a part along m", "must be perpendicular to the magnetization")
    return given


def _component(
    kind: str, polar: bool, power: int, theta: FloatArray, phi: FloatArray
) -> FloatArray:
    """Components (theta, phi), shape (n, 2), of one coefficient of A, or of B if `polar`."""
    size = np.sin(theta) ** power
    along, across = np.cos(phi) * size, np.cos(theta) * np.sin(phi) * size
    result = np.zeros((len(theta), 2))
    if kind == "damping_like":
        result[:, 0 if polar else 1] = -across if polar else -along
    else:
        result[:, 0 if polar else 1] = -along if polar else across
    return result


def _unit_vectors(theta: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
    zero = np.zeros_like(phi)
    c, s = np.cos(phi), np.sin(phi)
    e_theta = np.stack([np.cos(theta) * c, np.cos(theta) * s, -np.sin(theta)], axis=1)
    return e_theta, np.stack([-s, c, zero], axis=1)


def _cartesian(components: FloatArray, theta: FloatArray, phi: FloatArray) -> FloatArray:
    e_theta, e_phi = _unit_vectors(theta, phi)
    return np.asarray(components[:, :1] * e_theta + components[:, 1:] * e_phi)
