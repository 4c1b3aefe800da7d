"""Spin diffusion length of a heavy metal from its kinetic lengths."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.layer import Layer
from torkivity_engine.kinetics.diffusion_length import least_albedo, slow_mode

if TYPE_CHECKING:  # layers know their diffusion length
    from torkivity_engine.film.layers import HeavyMetal

__all__ = ["kinetic_diffusion_length", "require_diffusive", "spin_diffusion_length"]


def spin_diffusion_length(heavy_metal: Layer, exact: bool = True) -> float:
    """Decay length l_sf = 1/kappa of an accumulation of spins in the plane of a heavy metal.

    The exact length is that of the slowest mode of the Boltzmann equation for spins in the
    plane, those that the spin Hall and the Rashba effect drive. Without skew scattering it
    solves 1 = (omega / kappa lambda) artanh(kappa lambda), where omega is the spin albedo;
    skew scattering shortens it (6 % at a spin Hall angle of 0.4), but not that of spins along
    z. The closed formula sqrt(lambda lambda_sf / 6) is the limit for weak spin flip without
    skew scattering; when spin flip is strong it is too short by tens of per cent.

    Parameters
    ----------
    heavy_metal : HeavyMetal
        Or another layer without magnetization that has such a length.
    exact : bool, optional
        False gives the closed formula, which exists for any lengths.

    Returns
    -------
    float
        nm; ``inf`` without spin flip.

    Raises
    ------
    InputError
        If `heavy_metal` is something else.
    PhysicsError
        If the exact length is asked for where there is none, see `require_diffusive`.
    """
    if not isinstance(heavy_metal, Layer) or heavy_metal.magnetic:
        raise InputError("heavy_metal", heavy_metal, "must be a HeavyMetal")
    return heavy_metal.diffusion_length(exact)


def kinetic_diffusion_length(heavy_metal: HeavyMetal, exact: bool) -> float:
    """Decay length of a heavy metal as `spin_diffusion_length` describes it, nm."""
    lam, flip = heavy_metal.total_mean_free_path, heavy_metal.spin_flip_length
    if math.isinf(flip):
        return math.inf
    if not exact:
        return math.sqrt(lam * flip / 6.0)
    require_diffusive(heavy_metal)
    # 1 - omega, without the cancellation for weak spin flip.
    return lam / math.tanh(slow_mode(2.0 * lam / flip, heavy_metal.spin_hall_angle))


def require_diffusive(heavy_metal: HeavyMetal) -> None:
    """Refuse a heavy metal in which spins flip too often to diffuse.

    Raises
    ------
    PhysicsError
        If there is no slow mode at all (albedo <= 0), or one that has merged with the
        ballistic ones (albedo below `least_albedo`).
    """
    omega, least = heavy_metal.spin_albedo, least_albedo(heavy_metal.spin_hall_angle)
    if omega >= least:
        return
    what = "no slow spin mode" if omega <= 0.0 else "a slow spin mode no slower than the rest"
    angle = heavy_metal.spin_hall_angle
    skew = f" at spin_hall_angle = {angle:g}" if angle else ""
    raise PhysicsError(
        f"no diffusive regime for spins: mean_free_path = {heavy_metal.mean_free_path:g} nm, "
        f"spin_flip_length = {heavy_metal.spin_flip_length:g} nm leave a spin albedo of "
        f"{omega:.3g} (needed: {least:.3g}{skew}) and {what}; lengthen spin_flip_length or use "
        "the Boltzmann equation"
    )
