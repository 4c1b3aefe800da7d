"""Whether damping-like and field-like directions exist for a film."""

from __future__ import annotations

from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.spin import torque_frame

__all__ = ["has_torque_frame", "require_torque_frame"]


def has_torque_frame(film: Bilayer) -> bool:
    """Whether m is not parallel to z x E."""
    try:
        torque_frame(film.magnetization, film.stack().field_direction)
    except PhysicsError:
        return False
    return True


def require_torque_frame(film: Bilayer) -> None:
    """Refuse a request for damping-like and field-like torques where there are none.

    Raises
    ------
    InputError
        If m is parallel to z x E.
    """
    try:
        torque_frame(film.magnetization, film.stack().field_direction)
    except PhysicsError as error:
        raise InputError("magnetization", film.magnetization, str(error)) from None
