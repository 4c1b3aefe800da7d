"""Errors that name the physics."""

from __future__ import annotations

from torkivity_meshes import InputError

__all__ = ["CapacityError", "InputError", "PhysicsError"]


class PhysicsError(ArithmeticError):
    """A physically impossible or ill-conditioned request."""


class CapacityError(MemoryError):
    """A computation that would not fit into the memory at hand, refused beforehand."""
