"""What mesh error is accepted, and what was found to keep to it."""

from __future__ import annotations

from dataclasses import dataclass

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError

__all__ = ["LARGEST", "START", "RefinedMesh", "Tolerance", "Trial"]

#: Largest size of either kind that is tried.
LARGEST = 1024
#: Smallest mesh that is accepted; whole numbers of 16 azimuths cost little more than one less.
START = (10, 16)


@dataclass(frozen=True)
class Tolerance:
    """What mesh error is accepted, and where the search for a mesh begins.

    Attributes
    ----------
    rtol : float
        Largest estimated error of any current or torque beside the largest component of the
        total torque.
    start : (int, int), optional
        n_polar and n_azimuth of the smallest mesh that is accepted: what a film alike has shown.
    polar_rule : {"gauss", "graded"}, optional
        By default what suits the film, see `polar_rule_for`.
    largest : int, optional
        Largest size of either kind that is tried.

    Raises
    ------
    InputError
        For a number that is no tolerance.
    """

    rtol: float
    start: tuple[int, int] = START
    polar_rule: str | None = None
    largest: int = LARGEST

    def __post_init__(self) -> None:
        rtol = self.rtol
        if isinstance(rtol, bool) or not isinstance(rtol, (int, float)) or not 0.0 < rtol < 1.0:
            raise InputError("rtol", rtol, "must be a number between 0 and 1")

    @classmethod
    def of(cls, rtol: float | Tolerance) -> Tolerance:
        """A tolerance as such, from a number or from itself."""
        return rtol if isinstance(rtol, Tolerance) else cls(rtol)


@dataclass(frozen=True, eq=False)
class Trial:
    """One mesh that was tried.

    Attributes
    ----------
    n_polar, n_azimuth : int
    values : ndarray
    """

    n_polar: int
    n_azimuth: int
    values: FloatArray


@dataclass(frozen=True, eq=False)
class RefinedMesh:
    """Outcome of a refinement.

    Attributes
    ----------
    n_polar, n_azimuth : int
        The mesh that was accepted.
    values : ndarray, shape (n,)
        The quantities on it.
    error : ndarray, shape (n,)
        Estimated absolute error of each.
    relative : float
        Largest error over the scale.
    trials : tuple of Trial
        All meshes that were evaluated, in order; the accepted one is the largest.
    polar_rule : str
        What polar angles they have.
    """

    n_polar: int
    n_azimuth: int
    values: FloatArray
    error: FloatArray
    relative: float
    trials: tuple[Trial, ...]
    polar_rule: str = "gauss"
