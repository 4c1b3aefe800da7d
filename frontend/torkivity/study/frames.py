"""Whether damping-like and field-like directions exist for the magnets of a film."""

from __future__ import annotations

from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.spin import torque_frame

__all__ = ["has_torque_frame", "require_torque_frame"]


def has_torque_frame(film: Bilayer | Stack) -> bool:
    """Whether the m of some magnet is not parallel to z x E."""
    return _problem(film) is None


def require_torque_frame(film: Bilayer | Stack) -> None:
    """Refuse a request for damping-like and field-like torques where there are none.

    Raises
    ------
    InputError
        If every m is parallel to z x E.
    """
    problem = _problem(film)
    if problem is not None:
        raise problem


def _problem(film: Bilayer | Stack) -> InputError | None:
    stack = as_stack(film)
    problem = None
    for layer in stack.layers:
        if layer.magnetization is None:
            continue
        try:
            torque_frame(layer.magnetization, stack.field_direction)
        except PhysicsError as error:
            problem = InputError("magnetization", layer.magnetization, str(error))
        else:
            return None
    return problem or InputError("film", "no magnet", "torques need a ferromagnetic layer")
