"""Layers of a film."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM, fermi_surface_prefactor
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.checks import Vector
from torkivity_engine.film.component import Given, with_form
from torkivity_engine.film.diffusion_length import kinetic_diffusion_length, require_diffusive
from torkivity_engine.film.diffusive_ferromagnet import DiffusiveFerromagnet
from torkivity_engine.film.diffusive_metal import DiffusiveMetal
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.quantity import (
    FERMI_WAVEVECTOR,
    LENGTH,
    MASS,
    RESISTIVITY,
    SPIN_FLIP_LENGTH,
    SPIN_HALL_ANGLE,
    Direction,
    checked_arguments,
)
from torkivity_engine.kinetics.collision import (
    CollisionTerms,
    with_skew_scattering,
    with_two_currents,
)
from torkivity_engine.kinetics.diffusion_length import spin_loss
from torkivity_engine.kinetics.spheres import Bands
from torkivity_engine.kinetics.transport import LayerTransport, in_magnet, in_metal

__all__ = ["Ferromagnet", "HeavyMetal", "Layer"]

#: e^-40 is below rounding.
_DECAYED = 40.0

_Thickness = Annotated[float, LENGTH.named("thickness", r"$t$", (0.1, 50.0))]
_MeanFreePath = Annotated[
    float,
    LENGTH.named("mean free path without spin flip", r"$\lambda_\mathrm{mf}$", (0.1, 100.0)),
]
_TotalMeanFreePath = Annotated[
    float, LENGTH.named("total mean free path", r"$\lambda$", (0.1, 100.0))
]
_SpinFlipLength = Annotated[float, SPIN_FLIP_LENGTH]
_SpinHallAngle = Annotated[float, SPIN_HALL_ANGLE]
_Resistivity = Annotated[float, RESISTIVITY]
_FermiWavevector = Annotated[float, FERMI_WAVEVECTOR]
_SpinDiffusionLength = Annotated[
    float,
    replace(LENGTH, infinite=True).named("spin diffusion length", r"$l_\mathrm{sf}$", (0.3, 2e3)),
]


@dataclass(frozen=True)
class HeavyMetal(Layer):
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
    fermi_wavevector : float, optional
        Radius of the layer's own Fermi sphere in 1/nm; None takes that of the film.
    effective_mass : float, optional
        In free-electron masses.
    """

    kind: ClassVar[str] = "heavy_metal"
    stem: ClassVar[str] = "HM"
    forms: ClassVar[tuple[str, ...]] = ("from_spin_diffusion_length", "from_resistivity")

    thickness: _Thickness
    mean_free_path: _MeanFreePath
    spin_flip_length: _SpinFlipLength
    spin_hall_angle: _SpinHallAngle = 0.0
    # How the layer scatters does not depend on its sphere, which caches know by its mesh.
    fermi_wavevector: Annotated[float | None, replace(FERMI_WAVEVECTOR, kinetic=False)] = None
    effective_mass: Annotated[float, replace(MASS, kinetic=False)] = 1.0
    given: Given | None = field(default=None, repr=False, compare=False, kw_only=True)

    @property
    def total_mean_free_path(self) -> float:
        """lambda in nm, 1/lambda = 1/lambda_mf + 1/lambda_sf (B5)."""
        return 1.0 / (1.0 / self.mean_free_path + 1.0 / self.spin_flip_length)

    @property
    def spin_albedo(self) -> float:
        """omega = lambda (1/lambda_mf - 1/lambda_sf): what a collision leaves of a spin."""
        return self.total_mean_free_path * (1.0 / self.mean_free_path - 1.0 / self.spin_flip_length)

    def bands(self, k_0: float) -> Bands:
        """Its Fermi sphere, common to both spins."""
        return Bands.common(self.fermi_wavevector or k_0, self.effective_mass)

    def conductivity(self, fermi_wavevector: float) -> float:
        """Charge conductivity of both spins in 1/(Ohm m): what flows deep in a thick film.

        Skew scattering lowers it to 1/(1 + 2 theta^2) of what the mean free path alone gives.
        """
        k_f = self.fermi_wavevector or fermi_wavevector
        bare = _conductivity_per_nm(k_f) * self.total_mean_free_path
        return bare / _skew_resistance(self.spin_hall_angle)

    @classmethod
    def from_spin_diffusion_length(
        cls,
        thickness: _Thickness,
        total_mean_free_path: _TotalMeanFreePath,
        spin_diffusion_length: _SpinDiffusionLength,
        spin_hall_angle: _SpinHallAngle = 0.0,
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
        given = checked_arguments(
            cls.from_spin_diffusion_length,
            {
                "thickness": thickness,
                "total_mean_free_path": total_mean_free_path,
                "spin_diffusion_length": spin_diffusion_length,
                "spin_hall_angle": spin_hall_angle,
            },
        )
        lam = given["total_mean_free_path"]
        x = lam / given["spin_diffusion_length"]
        if x >= 1.0:
            raise InputError(
                "spin_diffusion_length",
                spin_diffusion_length,
                f"must be longer than the total mean free path ({lam:g} nm): "
                "spins that flip faster than that do not diffuse",
            )
        # 1/lambda_mf + 1/lambda_sf = 1/lambda and 1/lambda_mf - 1/lambda_sf = omega/lambda
        loss = spin_loss(math.atanh(x), given["spin_hall_angle"])
        made = cls(
            thickness=thickness,
            mean_free_path=2.0 * lam / (2.0 - loss),
            spin_flip_length=2.0 * lam / loss if loss > 0.0 else math.inf,
            spin_hall_angle=spin_hall_angle,
        )
        return with_form(made, "from_spin_diffusion_length", given)

    @classmethod
    def from_resistivity(
        cls,
        thickness: _Thickness,
        resistivity: _Resistivity,
        spin_diffusion_length: _SpinDiffusionLength,
        spin_hall_angle: _SpinHallAngle = 0.0,
        *,
        fermi_wavevector: _FermiWavevector = 16.0,
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
        given = checked_arguments(
            cls.from_resistivity,
            {
                "thickness": thickness,
                "resistivity": resistivity,
                "spin_diffusion_length": spin_diffusion_length,
                "spin_hall_angle": spin_hall_angle,
                "fermi_wavevector": fermi_wavevector,
            },
        )
        rho, per_nm = given["resistivity"], _conductivity_per_nm(given["fermi_wavevector"])
        lam = _skew_resistance(given["spin_hall_angle"]) / (rho * per_nm)
        try:
            made = cls.from_spin_diffusion_length(
                thickness, lam, spin_diffusion_length, spin_hall_angle
            )
        except InputError as error:
            if error.key != "total_mean_free_path":
                raise
            raise InputError(
                "resistivity",
                rho,
                f"gives a total mean free path of {lam:.3g} nm, which {error.expected}",
            ) from None
        return with_form(made, "from_resistivity", given)

    def collision_terms(self) -> CollisionTerms:
        """Collision terms, in Cartesian spin components."""
        return with_skew_scattering(
            1.0 / self.total_mean_free_path,
            1.0 / self.mean_free_path - 1.0 / self.spin_flip_length,
            self.spin_hall_angle,
        )

    def driven_amplitude(self) -> FloatArray:
        """Field-driven bulk distribution over v_E, without skew scattering (B2)."""
        return np.array([0.0, 0.0, 0.0, self.total_mean_free_path])

    def decay_reach(self) -> float:
        """A length in nm over which everything that decays has decayed to rounding."""
        return _reach(self.total_mean_free_path, [2.0 / self.spin_flip_length])

    def require_slow_modes(self) -> None:
        """Raise a `PhysicsError` unless a spin accumulation outlives everything else."""
        require_diffusive(self)
        if math.isinf(self.spin_flip_length):
            raise PhysicsError(
                "no slow decaying spin mode: spin_flip_length = inf conserves spin, so that "
                "boundary-layer parameters do not exist; use the Boltzmann equation"
            )

    def spin_diffusion_length(self, exact: bool = True) -> float:
        """Decay length of a spin accumulation in nm, see the function of that name."""
        return kinetic_diffusion_length(self, exact)

    def spin_hall_current(self, fermi_wavevector: float, y_p: ArrayLike) -> FloatArray:
        """Spin current along +z that a field drives in the bulk, per E~, shape (3,), 1/(Ohm m)."""
        sigma = self.conductivity(fermi_wavevector)
        current: FloatArray = -0.5 * self.spin_hall_angle * sigma * np.asarray(y_p)
        return current

    def transport(
        self, fermi_wavevector: float, y_p: ArrayLike | None = None, *, exact_length: bool = True
    ) -> LayerTransport:
        """Diffusion law, see `Layer.transport`."""
        rate = 1.0 / (self.spin_diffusion_length(exact_length) * METRE_PER_NM)
        hall = np.zeros(3) if y_p is None else self.spin_hall_current(fermi_wavevector, y_p)
        sigma = self.conductivity(fermi_wavevector)
        return in_metal(self.thickness * METRE_PER_NM, sigma, rate, hall)

    def quoted(self, fermi_wavevector: float) -> DiffusiveMetal:
        """The same layer to drift-diffusion, given by quoted parameters."""
        sigma, length = self.conductivity(fermi_wavevector), self.spin_diffusion_length()
        return DiffusiveMetal(self.thickness, sigma, length, self.spin_hall_angle)

    def without_spin_hall(self) -> Self:
        """The same layer without skew scattering, its lengths held."""
        return self if self.spin_hall_angle == 0.0 else replace(self, spin_hall_angle=0.0)


@dataclass(frozen=True)
class Ferromagnet(Layer):
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

    kind: ClassVar[str] = "ferromagnet"
    stem: ClassVar[str] = "FM"
    magnetic: ClassVar[bool] = True

    thickness: _Thickness
    mean_free_path_majority: Annotated[
        float,
        LENGTH.named("mean free path of majority spins", r"$\lambda_\uparrow$", (0.1, 100.0)),
    ]
    mean_free_path_minority: Annotated[
        float,
        LENGTH.named("mean free path of minority spins", r"$\lambda_\downarrow$", (0.1, 100.0)),
    ]
    spin_flip_length: _SpinFlipLength
    precession_length: Annotated[
        float,
        replace(LENGTH, infinite=True).named(
            "precession length", r"$l_\mathrm{prec}$", (0.05, 1e3)
        ),
    ]
    magnetization: Annotated[Vector | None, Direction()] = None
    dephasing_length: Annotated[
        float | None,
        replace(LENGTH, ge=1e-15, kinetic=False).named(
            "dephasing length", r"$l_\phi$", (0.01, 50.0)
        ),
    ] = None

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
        flip = 1.0 / self.spin_flip_length
        a, d = self.mean_rate + flip, self.rate_asymmetry
        # a - d and a + d, without taking the difference of two rates.
        det = (1.0 / self.mean_free_path_minority + flip) * (
            1.0 / self.mean_free_path_majority + flip
        )
        return a / det, -d / det

    def conductivity(self, fermi_wavevector: float) -> float:
        """Charge conductivity of both spins in 1/(Ohm m)."""
        return _conductivity_per_nm(fermi_wavevector) * self.driven_lengths[0]

    @property
    def exchange_rate(self) -> float:
        """1/l_prec in 1/nm."""
        return 1.0 / self.precession_length

    def absorbed_share(self) -> complex:
        """Share of the magnetization in the loss of spins across m: precession and dephasing."""
        up, down = (
            1.0 / math.sqrt(x) for x in (self.mean_free_path_majority, self.mean_free_path_minority)
        )
        flip = 1.0 / self.spin_flip_length
        taken = -1j * self.exchange_rate
        if self.dephasing_length is not None:
            taken += 1.0 / (3.0 * (self.mean_rate + flip) * self.dephasing_length**2)
        lost = taken + 0.5 * (up - down) ** 2 + 2.0 * flip
        return taken / lost if lost else 0j

    def collision_terms(self) -> CollisionTerms:
        """Collision terms, in Cartesian spin components."""
        return with_two_currents(
            np.array(self.magnetization),
            self.mean_rate,
            self.rate_asymmetry,
            1.0 / math.sqrt(self.mean_free_path_majority * self.mean_free_path_minority),
            1.0 / self.spin_flip_length,
            self.precession_length,
        )

    def driven_amplitude(self) -> FloatArray:
        """Field-driven bulk distribution over v_E, exact in the spin-flip rate (B3)."""
        g_c, g_l = self.driven_lengths
        return np.array([*(-g_l * np.array(self.magnetization)), g_c])

    def decay_reach(self) -> float:
        """A length in nm over which everything that decays has decayed to rounding."""
        up, down = self.mean_free_path_majority, self.mean_free_path_minority
        flip = 2.0 / self.spin_flip_length
        dephasing = self.mean_rate - 1.0 / math.sqrt(up * down)
        if dephasing < 1e-13 * self.mean_rate:
            dephasing = 0.0
        return _reach(max(up, down), [flip, math.hypot(dephasing + flip, self.exchange_rate)])

    def lattice_dephasing(self) -> float:
        """3 A [a - (lambda_up lambda_down)^(-1/2)] in 1/nm^2, A = a + 1/lambda_sf.

        What collisions add to 1/l^2 of spins across m, beyond 1/l_sf^2; it goes to the lattice.
        The bracket is half a square, so rounding cannot make it negative.
        """
        up, down = (
            1.0 / math.sqrt(path)
            for path in (self.mean_free_path_majority, self.mean_free_path_minority)
        )
        return 1.5 * (self.mean_rate + 1.0 / self.spin_flip_length) * (up - down) ** 2

    def transport(
        self, fermi_wavevector: float, y_p: ArrayLike | None = None, *, exact_length: bool = True
    ) -> LayerTransport:
        """Diffusion law, see `Layer.transport`.

        Two-current model in (mu_n, mu_c), n = -m the majority direction. K_out = [[A, d], [d, A]]
        and only mu_n relaxes, so psi = mu_c - (d/A) mu_n, which charge conservation makes linear
        in z, decouples from mu_n: mu_n'' = (6 A / lambda_sf) mu_n, the two-current
        1/l_sf^2 = (3 / lambda_sf)(1/lambda'_up + 1/lambda'_down). Across m, where m x is
        multiplication by i,

            dj/dz = 4 pi C {m x mu / l_prec - [a - (lambda_up lambda_down)^(-1/2) + 2/lambda_sf] mu}
        """
        assert self.magnetization is not None
        flip = 1.0 / self.spin_flip_length
        total, asymmetry = self.mean_rate + flip, self.rate_asymmetry  # A and d, 1/nm
        per_nm = 0.5 * _conductivity_per_nm(fermi_wavevector)
        spin_rate = math.sqrt(6.0 * total * flip)
        precession = 3.0 * total * self.exchange_rate
        dephasing = 0.0 if self.dephasing_length is None else self.dephasing_length**-2
        across = complex(spin_rate**2 + self.lattice_dephasing() + dephasing, -precession)
        return in_magnet(
            self.magnetization,
            self.thickness * METRE_PER_NM,
            charge=per_nm * self.driven_lengths[0],
            spin=per_nm / total,
            spin_rate=spin_rate / METRE_PER_NM,
            mixing=-asymmetry / total,
            across=per_nm / total,
            across_rate=cmath.sqrt(across) / METRE_PER_NM,
            torques=(precession / METRE_PER_NM**2, dephasing / METRE_PER_NM**2),
        )

    def quoted(self, fermi_wavevector: float) -> DiffusiveFerromagnet:
        """The same layer to drift-diffusion, given by quoted parameters.

        sigma_t = sigma (1 - beta^2), l_J^2 = lambda_t l_prec / 3 with 1/lambda_t = A, and what
        collisions take of spins across m goes to the lattice.
        """
        total = self.mean_rate + 1.0 / self.spin_flip_length
        sigma = self.conductivity(fermi_wavevector)
        return DiffusiveFerromagnet(
            self.thickness,
            sigma,
            polarization=-self.rate_asymmetry / total,
            spin_diffusion_length=math.sqrt(self.spin_flip_length / (6.0 * total)),
            exchange_length=math.sqrt(self.precession_length / (3.0 * total)),
            dephasing_length=self.dephasing_length,
            transverse_conductivity=_conductivity_per_nm(fermi_wavevector) / total,
            lattice_dephasing=self.lattice_dephasing(),
            magnetization=self.magnetization,
        )

    @classmethod
    def from_quoted(cls, layer: DiffusiveFerromagnet, fermi_wavevector: float) -> Ferromagnet:
        """The ferromagnet that drift-diffusion sees as one of quoted parameters.

        Parameters
        ----------
        layer : DiffusiveFerromagnet
        fermi_wavevector : float
            Of the film, 1/nm.

        Raises
        ------
        InputError
            If there is none: a ferromagnet on one Fermi sphere has its conductivity across m and
            its lattice dephasing from the other numbers.
        """
        beta = layer.polarization
        per_nm = _conductivity_per_nm(fermi_wavevector)
        total = per_nm / (layer.conductivity * (1.0 - beta) * (1.0 + beta))  # A
        flip = 1.0 / (6.0 * total * layer.spin_diffusion_length**2)
        up, down = total * (1.0 - beta) - flip, total * (1.0 + beta) - flip
        if not min(up, down) > 0.0:
            raise InputError(
                "spin_diffusion_length",
                layer.spin_diffusion_length,
                "is so short that no rate is left for collisions that keep the spin",
            )
        made = cls(
            layer.thickness,
            mean_free_path_majority=1.0 / up,
            mean_free_path_minority=1.0 / down,
            spin_flip_length=1.0 / flip if flip > 0.0 else math.inf,
            precession_length=3.0 * total * layer.exchange_length**2,
            magnetization=layer.magnetization,
            dephasing_length=layer.dephasing_length,
        )
        again = made.quoted(fermi_wavevector)
        for key in ("transverse_conductivity", "lattice_dephasing"):
            own, wanted = getattr(layer, key), getattr(again, key)
            if own is None:
                own = layer.conductivity
            if abs(own - wanted) > 1e-9 * (1.0 + abs(wanted)):
                raise InputError(
                    key,
                    own,
                    f"is {wanted:.6g} in a ferromagnet on one Fermi sphere of these numbers",
                )
        return made


def _conductivity_per_nm(fermi_wavevector: float) -> float:
    """sigma / lambda of both spins, e^2 k_F^2 / (3 pi^2 hbar), in 1/(Ohm m nm)."""
    return 2.0 * fermi_surface_prefactor(fermi_wavevector) * 4.0 * math.pi / 3.0 * METRE_PER_NM


def _skew_resistance(spin_hall_angle: float) -> float:
    """Factor that skew scattering raises a resistivity by."""
    return 1.0 + 2.0 * spin_hall_angle * spin_hall_angle


def _reach(longest: float, rates: list[float]) -> float:
    """40 times a bound on the longest finite decay length.

    Relaxation at a rate r decays over sqrt(lambda / 3r) when slow and over lambda when fast.
    """
    slowest = min([rate for rate in rates if rate > 0.0] + [1.0 / longest])
    return _DECAYED * math.sqrt(longest / slowest)
