"""Errors that name the physics."""

from __future__ import annotations

from torkivity_meshes import InputError

__all__ = ["POINT_ERRORS", "CapacityError", "InputError", "PhysicsError", "PointError"]


class PhysicsError(ArithmeticError):
    """A physically impossible or ill-conditioned request."""


class CapacityError(MemoryError):
    """A computation that would not fit into the memory at hand, refused beforehand."""


#: What one film may raise while others go on: it is a property of the film. Anything else is a
#: mistake in the program.
POINT_ERRORS = (ArithmeticError, ValueError, MemoryError)

#: Their type.
PointError = ArithmeticError | ValueError | MemoryError
