"""When the equations that close a film have no trustworthy solution."""

from __future__ import annotations

from torkivity_engine.errors import PhysicsError

__all__ = ["require_definite"]

#: Below this reciprocal condition number a solution has no trustworthy digit.
_SINGULAR = 1e-13


def require_definite(reciprocal: float) -> None:
    """Raise a `PhysicsError` unless this reciprocal condition number leaves digits to trust."""
    if not reciprocal >= _SINGULAR:
        raise PhysicsError(
            "the stack leaves a spin accumulation undetermined (reciprocal condition "
            f"{reciprocal:.0e}): some spin component neither flips in any layer nor "
            "leaves through a spin-orbit interface; give a layer a finite spin_flip_length"
        )
