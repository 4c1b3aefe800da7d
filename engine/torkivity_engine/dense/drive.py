"""What drives a stack in the dense methods, where no field does."""

from __future__ import annotations

from dataclasses import dataclass

from torkivity_engine.arrays import FloatArray

__all__ = ["DenseDrive"]


@dataclass(frozen=True, eq=False)
class DenseDrive:
    """What drives a stack instead of a field, c drives.

    Attributes
    ----------
    uniform : ndarray, shape (n_layers, 4, c)
        Isotropic distribution that it makes of a layer without faces.
    entering : dict
        By layer and face, what enters there besides what is scattered, shape (channel, 4, c).
    ungauged : dict
        The share of it that the gauge does not count.
    """

    uniform: FloatArray
    entering: dict[tuple[int, int], FloatArray]
    ungauged: dict[tuple[int, int], FloatArray]
