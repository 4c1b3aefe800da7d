"""Spin diffusion length of a heavy metal from its kinetic lengths."""

from __future__ import annotations

import math

from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.stack import HeavyMetal

__all__ = ["LEAST_ALBEDO", "spin_diffusion_length"]

#: Least spin albedo with a diffusive regime. Below it the slow mode is within 0.3 % of the
#: continuum of ballistic ones (kappa lambda -> 1) and no longer outlives them.
LEAST_ALBEDO = 0.3

# Levels of the continued fraction of tanh: exact to rounding up to the argument 3.4 that
# belongs to LEAST_ALBEDO (needs 14).
_LEVELS = 20


def spin_diffusion_length(heavy_metal: HeavyMetal, exact: bool = True) -> float:
    """Decay length l_sf = 1/kappa of a spin accumulation in the bulk of a heavy metal.

    The exact length is that of the slowest spin mode of the Boltzmann equation with
    isotropic scattering, 1 = (omega / kappa lambda) artanh(kappa lambda), where omega is
    the spin albedo. Its limit for weak spin flip, sqrt(lambda lambda_sf / 6), is too
    short by tens of per cent when spin flip is strong.

    Parameters
    ----------
    heavy_metal : HeavyMetal
    exact : bool, optional
        False gives the diffusive limit, which exists for any lengths.

    Returns
    -------
    float
        nm; ``inf`` without spin flip.

    Raises
    ------
    InputError
        If `heavy_metal` is something else.
    PhysicsError
        If the exact length is asked for where spins flip too often to diffuse: no slow
        mode at all (albedo <= 0), or one that has merged with the ballistic ones (albedo
        below `LEAST_ALBEDO`).
    """
    if not isinstance(heavy_metal, HeavyMetal):
        raise InputError("heavy_metal", heavy_metal, "must be a HeavyMetal")
    lam, flip = heavy_metal.total_mean_free_path, heavy_metal.spin_flip_length
    if math.isinf(flip):
        return math.inf
    if not exact:
        return math.sqrt(lam * flip / 6.0)
    omega = heavy_metal.spin_albedo
    if omega < LEAST_ALBEDO:
        lengths = f"mean_free_path = {heavy_metal.mean_free_path:g} nm, spin_flip_length = {flip:g}"
        what = "no slow spin mode" if omega <= 0.0 else "a slow spin mode no slower than the rest"
        raise PhysicsError(
            f"no diffusive regime for spins: {lengths} nm leave {what} (spin albedo "
            f"{omega:.3g}, needed: {LEAST_ALBEDO:g}); lengthen spin_flip_length or use the "
            "Boltzmann equation"
        )
    # 1 - omega, without the cancellation for weak spin flip.
    return lam / math.tanh(_slow_mode(2.0 * lam / flip))


def _slow_mode(loss: float) -> float:
    """Root y of 1 - tanh(y)/y = loss, which is the dispersion relation for y = artanh(x)."""
    from scipy.optimize import brentq  # takes half a second to import

    # F below lies between y^2 / (3 + y^2 / 5) and y^2 / 3, which brackets the root.
    f = loss / (1.0 - loss)
    low, high = math.sqrt(3.0 * f), math.sqrt(3.0 * f / (1.0 - f / 5.0))
    root: float = brentq(
        lambda y: _tanh_deficit(y) - loss,
        0.999 * low,
        1.001 * high,
        xtol=1e-300,
        rtol=1e-15,
    )
    return root


def _tanh_deficit(y: float) -> float:
    """1 - tanh(y)/y = F/(1 + F), F = y^2/(3 + y^2/(5 + ...)): no cancellation at small y."""
    y2, tail = y * y, 0.0
    for odd in range(2 * _LEVELS + 1, 1, -2):
        tail = y2 / (odd + tail)
    return tail / (1.0 + tail)
