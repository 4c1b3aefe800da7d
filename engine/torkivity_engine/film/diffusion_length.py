"""Spin diffusion length of a heavy metal from its kinetic lengths."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.layer import Layer
from torkivity_engine.kinetics.diffusion_length import LEAST_ALBEDO, slow_mode

if TYPE_CHECKING:  # layers know their diffusion length
    from torkivity_engine.film.layers import HeavyMetal

__all__ = ["kinetic_diffusion_length", "spin_diffusion_length"]


def spin_diffusion_length(heavy_metal: Layer, exact: bool = True) -> float:
    """Decay length l_sf = 1/kappa of a spin accumulation in the bulk of a heavy metal.

    The exact length is that of the slowest spin mode of the Boltzmann equation with
    isotropic scattering, 1 = (omega / kappa lambda) artanh(kappa lambda), where omega is
    the spin albedo. Its limit for weak spin flip, sqrt(lambda lambda_sf / 6), is too
    short by tens of per cent when spin flip is strong.

    Parameters
    ----------
    heavy_metal : HeavyMetal
        Or another layer without magnetization that has such a length.
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
    if not isinstance(heavy_metal, Layer) or heavy_metal.magnetic:
        raise InputError("heavy_metal", heavy_metal, "must be a HeavyMetal")
    return heavy_metal.spin_diffusion_length(exact)


def kinetic_diffusion_length(heavy_metal: HeavyMetal, exact: bool) -> float:
    """Decay length of a heavy metal as `spin_diffusion_length` describes it, nm."""
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
    return lam / math.tanh(slow_mode(2.0 * lam / flip))
