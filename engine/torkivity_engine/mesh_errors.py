"""What a grid of meshes says about the error of each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from torkivity_engine.arrays import FloatArray

__all__ = ["Convergence", "Refinement", "analyse"]


#: Differences below this part of the scale are rounding noise: they have no order.
_NOISE = 1e-13
#: Orders below this are not believed: the extrapolation would be larger than what it corrects.
_LEAST_ORDER = 0.5


@dataclass(frozen=True, eq=False)
class Refinement:
    """One sequence of meshes.

    Attributes
    ----------
    sizes : tuple of (int, int)
        n_polar and n_azimuth, coarse to fine.
    error : ndarray, shape (n,)
        Estimated, beside the scale: what is left of what this sequence refines.
    difference : ndarray, shape (n,)
        From the next coarser mesh, beside the scale; NaN for the first.
    order : ndarray, shape (n,)
        Observed order between the three meshes that end here; NaN where there are none or
        the differences are rounding noise.
    """

    sizes: tuple[tuple[int, int], ...]
    error: FloatArray
    difference: FloatArray
    order: FloatArray


@dataclass(frozen=True, eq=False)
class Convergence:
    """Outcome of a convergence study.

    Attributes
    ----------
    polar, azimuthal, together : Refinement
        The first two with the other size at its finest.
    error : ndarray, shape (n_polar, n_azimuth)
        Estimated error of each mesh: largest difference of any current or torque from the
        extrapolated one, beside the scale.
    extrapolated : ndarray, shape (n_values,)
        Richardson estimate of the values.
    uncertainty : float
        Size of the last extrapolation step, beside the scale.
    scale : float
        What errors are measured against.
    tolerance : float
    chosen : (int, int) or None
        n_polar and n_azimuth of the coarsest mesh that meets the tolerance, as all finer
        ones do; None if there is none.
    """

    polar: Refinement
    azimuthal: Refinement
    together: Refinement
    error: FloatArray
    extrapolated: FloatArray
    uncertainty: float
    scale: float
    tolerance: float
    chosen: tuple[int, int] | None


def analyse(
    n_polar: list[int],
    n_azimuth: list[int],
    values: FloatArray,
    scale: float,
    tolerance: float,
) -> Convergence:
    """Errors of meshes from what they give.

    Polar and azimuthal errors add up, so that each is extrapolated along its own direction
    from the finest mesh.

    Parameters
    ----------
    n_polar, n_azimuth : list of int
        Increasing, at least three each.
    values : ndarray, shape (len(n_polar), len(n_azimuth), n_values)
        Currents and torques.
    scale : float
        What errors are measured against, positive.
    tolerance : float

    Returns
    -------
    Convergence
    """
    polar_step, _ = _extrapolation(n_polar, values[:, -1], scale)
    azimuthal_step, _ = _extrapolation(n_azimuth, values[-1, :], scale)
    extrapolated = values[-1, -1] + polar_step + azimuthal_step
    uncertainty = float(np.abs(polar_step).max() + np.abs(azimuthal_step).max()) / scale
    error = np.abs(values - extrapolated).max(axis=2) / scale
    count = min(len(n_polar), len(n_azimuth))
    pairs = list(zip(range(-count, 0), range(-count, 0), strict=True))

    def refinement(where: list[tuple[int, int]], sizes: list[int], step: FloatArray) -> Refinement:
        along = np.array([values[i, j] for i, j in where])
        difference = np.full(len(where), np.nan)
        difference[1:] = np.abs(np.diff(along, axis=0)).max(axis=1) / scale
        order = np.full(len(where), np.nan)
        for k in range(2, len(where)):
            if difference[k] > _NOISE and difference[k - 1] > _NOISE:
                ratio = math.log(sizes[k] / sizes[k - 1])
                order[k] = math.log(difference[k - 1] / difference[k]) / ratio
        return Refinement(
            tuple((n_polar[i], n_azimuth[j]) for i, j in where),
            np.abs(along - (along[-1] + step)).max(axis=1) / scale,
            difference,
            order,
        )

    return Convergence(
        polar=refinement([(i, -1) for i in range(len(n_polar))], n_polar, polar_step),
        azimuthal=refinement([(-1, j) for j in range(len(n_azimuth))], n_azimuth, azimuthal_step),
        together=refinement(pairs, n_polar[-count:], polar_step + azimuthal_step),
        error=error,
        extrapolated=extrapolated,
        uncertainty=uncertainty,
        scale=scale,
        tolerance=tolerance,
        chosen=_coarsest(n_polar, n_azimuth, error, uncertainty, tolerance),
    )


def _extrapolation(sizes: list[int], along: FloatArray, scale: float) -> tuple[FloatArray, float]:
    """Richardson step beyond the finest mesh, and the order it assumes."""
    before, last = along[-2] - along[-3], along[-1] - along[-2]
    d_before, d_last = np.abs(before).max() / scale, np.abs(last).max() / scale
    if d_last <= _NOISE:
        return np.zeros_like(last), math.nan
    ratio = sizes[-1] / sizes[-2]
    order = math.log(d_before / d_last) / math.log(ratio) if d_before > 0.0 else 0.0
    if order < _LEAST_ORDER:
        # No sign of convergence: the whole last step is in doubt, and nothing is corrected.
        return last, order
    return last / (ratio**order - 1.0), order


def _coarsest(
    n_polar: list[int],
    n_azimuth: list[int],
    error: FloatArray,
    uncertainty: float,
    tolerance: float,
) -> tuple[int, int] | None:
    """Cheapest mesh that meets the tolerance together with all finer ones.

    A single small error may be an accident: where an error changes its sign it vanishes.
    """
    if not uncertainty <= tolerance:
        return None
    good = error <= tolerance
    candidates = [
        (p * a, p, a)
        for i, p in enumerate(n_polar)
        for j, a in enumerate(n_azimuth)
        if good[i:, j:].all()
    ]
    return min(candidates)[1:] if candidates else None
