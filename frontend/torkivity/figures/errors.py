"""What goes wrong when figures are drawn; importable without Matplotlib."""

from __future__ import annotations

__all__ = ["FigureError"]


class FigureError(Exception):
    """A figure that Matplotlib cannot draw or the disk does not take; one line says why."""
