"""Layers of a film."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torkivity_engine.constants import METRE_PER_NM, fermi_surface_prefactor
from torkivity_engine.errors import InputError
from torkivity_engine.film.checks import (
    Vector,
    check_direction,
    check_finite,
    check_length,
    check_wavevector,
    set_field,
)
from torkivity_engine.kinetics.diffusion_length import spin_loss

__all__ = ["Ferromagnet", "HeavyMetal", "Layer"]


@dataclass(frozen=True)
class HeavyMetal:
    """Non-magnetic layer.

    Parameters
    ----------
    thickness : float
        Layer thickness in nm.
    mean_free_path : float
        lambda_mf in nm, momentum relaxation without spin flip.
    spin_flip_length : float
        lambda_sf in nm (kinetic, *not* the spin diffusion length); ``inf`` for none.
    spin_hall_angle : float, optional
        theta_SH, positive for Pt.
    """

    thickness: float
    mean_free_path: float
    spin_flip_length: float
    spin_hall_angle: float = 0.0

    def __post_init__(self) -> None:
        set_field(self, "thickness", check_length("thickness", self.thickness))
        set_field(self, "mean_free_path", check_length("mean_free_path", self.mean_free_path))
        set_field(
            self,
            "spin_flip_length",
            check_length("spin_flip_length", self.spin_flip_length, infinite=True),
        )
        set_field(self, "spin_hall_angle", check_finite("spin_hall_angle", self.spin_hall_angle))

    @property
    def total_mean_free_path(self) -> float:
        """lambda in nm, 1/lambda = 1/lambda_mf + 1/lambda_sf (B5)."""
        return 1.0 / (1.0 / self.mean_free_path + 1.0 / self.spin_flip_length)

    @property
    def spin_albedo(self) -> float:
        """omega = lambda (1/lambda_mf - 1/lambda_sf): what a collision leaves of a spin."""
        return self.total_mean_free_path * (1.0 / self.mean_free_path - 1.0 / self.spin_flip_length)

    def conductivity(self, fermi_wavevector: float) -> float:
        """Charge conductivity of both spins in 1/(Ohm m): what flows deep in a thick film.

        Skew scattering lowers it to 1/(1 + 2 theta^2) of what the mean free path alone gives.
        """
        bare = _conductivity_per_nm(fermi_wavevector) * self.total_mean_free_path
        return bare / _skew_resistance(self.spin_hall_angle)

    @classmethod
    def from_spin_diffusion_length(
        cls,
        thickness: float,
        total_mean_free_path: float,
        spin_diffusion_length: float,
        spin_hall_angle: float = 0.0,
    ) -> HeavyMetal:
        """Layer from the lengths that experiments give.

        Parameters
        ----------
        thickness : float
            nm.
        total_mean_free_path : float
            lambda in nm.
        spin_diffusion_length : float
            l_sf in nm, of spins in the plane. The kinetic lengths follow from the exact slow
            mode, skew scattering included, see `torkivity.spin_diffusion_length`.
        spin_hall_angle : float, optional
            theta_SH.

        Returns
        -------
        HeavyMetal

        Raises
        ------
        InputError
            If l_sf is not longer than lambda (no such mode exists) or a value is invalid.
        """
        lam = check_length("total_mean_free_path", total_mean_free_path)
        l_sf = check_length("spin_diffusion_length", spin_diffusion_length, infinite=True)
        x = lam / l_sf
        if x >= 1.0:
            raise InputError(
                "spin_diffusion_length",
                spin_diffusion_length,
                f"must be longer than the total mean free path ({lam:g} nm): "
                "spins that flip faster than that do not diffuse",
            )
        # 1/lambda_mf + 1/lambda_sf = 1/lambda and 1/lambda_mf - 1/lambda_sf = omega/lambda
        loss = spin_loss(math.atanh(x), check_finite("spin_hall_angle", spin_hall_angle))
        return cls(
            thickness=thickness,
            mean_free_path=2.0 * lam / (2.0 - loss),
            spin_flip_length=2.0 * lam / loss if loss > 0.0 else math.inf,
            spin_hall_angle=spin_hall_angle,
        )

    @classmethod
    def from_resistivity(
        cls,
        thickness: float,
        resistivity: float,
        spin_diffusion_length: float,
        spin_hall_angle: float = 0.0,
        *,
        fermi_wavevector: float = 16.0,
    ) -> HeavyMetal:
        """Layer from resistivity and spin diffusion length.

        Parameters
        ----------
        thickness : float
            nm.
        resistivity : float
            Ohm m, bulk, skew scattering included: lambda follows from
            e^2 k_F^2 lambda / (3 pi^2 hbar) = (1 + 2 theta_SH^2) / rho.
        spin_diffusion_length : float
            nm.
        spin_hall_angle : float, optional
            theta_SH.
        fermi_wavevector : float, optional
            1/nm.

        Returns
        -------
        HeavyMetal
        """
        rho = check_finite("resistivity", resistivity)
        if rho <= 0.0:
            raise InputError("resistivity", resistivity, "must be positive, in Ohm m")
        k_f = check_wavevector(fermi_wavevector)
        theta = check_finite("spin_hall_angle", spin_hall_angle)
        lam = _skew_resistance(theta) / (rho * _conductivity_per_nm(k_f))
        return cls.from_spin_diffusion_length(
            thickness, lam, spin_diffusion_length, spin_hall_angle
        )


@dataclass(frozen=True)
class Ferromagnet:
    """Ferromagnetic layer with equal Fermi spheres and spin-dependent scattering.

    Parameters
    ----------
    thickness : float
        nm.
    mean_free_path_majority, mean_free_path_minority : float
        nm; majority spins point along -m.
    spin_flip_length : float
        Kinetic lambda_sf in nm; ``inf`` for none.
    precession_length : float
        l_prec = v_F hbar / 2J in nm; ``inf`` for no bulk exchange.
    magnetization : vector, optional
        Direction of m; None takes that of the bilayer.
    dephasing_length : float, optional
        l_phi in nm, used by drift-diffusion only.
    """

    thickness: float
    mean_free_path_majority: float
    mean_free_path_minority: float
    spin_flip_length: float
    precession_length: float
    magnetization: Vector | None = None
    dephasing_length: float | None = None

    def __post_init__(self) -> None:
        for key in ("thickness", "mean_free_path_majority", "mean_free_path_minority"):
            set_field(self, key, check_length(key, getattr(self, key)))
        for key in ("spin_flip_length", "precession_length"):
            set_field(self, key, check_length(key, getattr(self, key), infinite=True))
        if self.magnetization is not None:
            set_field(self, "magnetization", check_direction("magnetization", self.magnetization))
        if self.dephasing_length is not None:
            set_field(
                self, "dephasing_length", check_length("dephasing_length", self.dephasing_length)
            )

    @property
    def mean_rate(self) -> float:
        """a = (1/lambda_up + 1/lambda_down) / 2 in 1/nm."""
        return 0.5 * (1.0 / self.mean_free_path_majority + 1.0 / self.mean_free_path_minority)

    @property
    def rate_asymmetry(self) -> float:
        """d = (1/lambda_up - 1/lambda_down) / 2 in 1/nm (negative for Co)."""
        return 0.5 * (1.0 / self.mean_free_path_majority - 1.0 / self.mean_free_path_minority)

    @property
    def driven_lengths(self) -> tuple[float, float]:
        """(g_c, g_l) in nm: the field-driven distribution is v_E (g_c, -g_l m) per e^2 E~."""
        a = self.mean_rate + 1.0 / self.spin_flip_length
        d = self.rate_asymmetry
        det = (a - d) * (a + d)
        return a / det, -d / det

    def conductivity(self, fermi_wavevector: float) -> float:
        """Charge conductivity of both spins in 1/(Ohm m)."""
        return _conductivity_per_nm(fermi_wavevector) * self.driven_lengths[0]


def _conductivity_per_nm(fermi_wavevector: float) -> float:
    """sigma / lambda of both spins, e^2 k_F^2 / (3 pi^2 hbar), in 1/(Ohm m nm)."""
    return 2.0 * fermi_surface_prefactor(fermi_wavevector) * 4.0 * math.pi / 3.0 * METRE_PER_NM


def _skew_resistance(spin_hall_angle: float) -> float:
    """Factor that skew scattering raises a resistivity by."""
    return 1.0 + 2.0 * spin_hall_angle * spin_hall_angle


Layer = HeavyMetal | Ferromagnet
