"""Ferromagnets whose majority and minority electrons have Fermi spheres of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM, fermi_surface_prefactor
from torkivity_engine.errors import InputError
from torkivity_engine.film.checks import Vector
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.quantity import (
    FERMI_WAVEVECTOR,
    LENGTH,
    MASS,
    SPIN_FLIP_LENGTH,
    Direction,
)
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_engine.kinetics.spheres import Bands, FermiSphere, spin_flip_lengths
from torkivity_engine.kinetics.split import SplitLengths, mesh_ratio, split_terms
from torkivity_engine.kinetics.transport import LayerTransport, in_magnet
from torkivity_meshes import AnnularGrid

__all__ = ["DECAY", "SINK", "SplitFerromagnet"]

#: e^-40 is below rounding.
DECAYED = 40.0

#: So much more than a conductance is what holds no accumulation, to rounding.
SINK = 1e15

#: Decay wavevector, at k_parallel = 0, of a band without states at the Fermi energy.
DECAY = replace(FERMI_WAVEVECTOR, meaning="decay wavevector", label=r"$\kappa$")


@dataclass(frozen=True)
class SplitFerromagnet(Layer):
    """Ferromagnetic layer with a Fermi sphere for each spin.

    A spin across the magnetization is a superposition of states with different k_z, so it
    dephases within a few lattice constants: all of it counts as absorbed by the magnetization
    where it enters the layer.

    Parameters
    ----------
    thickness : float
        nm.
    fermi_wavevector_majority, fermi_wavevector_minority : float
        1/nm; majority spins point along -m. None for the minority of a half metal.
    mean_free_path_majority, mean_free_path_minority : float
        nm, of scattering that keeps the spin. None for the minority of a half metal.
    spin_flip_length : float, optional
        v_0 tau_sf in nm, v_0 the velocity of a free electron at the film's Fermi wavevector;
        ``inf`` for none. The two spins' own lengths follow from detailed balance.
    effective_mass_majority, effective_mass_minority : float, optional
        In free-electron masses.
    magnetization : vector, optional
        Direction of m; None takes that of the bilayer.
    decay_minority : float, optional
        1/nm: makes a half metal, in place of the minority's Fermi wavevector.

    Raises
    ------
    InputError
        If a value is out of range, or the minority has both, or neither, of a Fermi wavevector
        and a decay wavevector.
    """

    kind: ClassVar[str] = "split_ferromagnet"
    stem: ClassVar[str] = "FM"
    magnetic: ClassVar[bool] = True

    thickness: Annotated[float, LENGTH.named("thickness", r"$t$")]
    fermi_wavevector_majority: Annotated[
        float, FERMI_WAVEVECTOR.named("Fermi wavevector of majority spins", r"$k_\uparrow$")
    ]
    fermi_wavevector_minority: Annotated[
        float | None,
        FERMI_WAVEVECTOR.named("Fermi wavevector of minority spins", r"$k_\downarrow$"),
    ]
    mean_free_path_majority: Annotated[
        float, LENGTH.named("mean free path of majority spins", r"$\lambda_\uparrow$")
    ]
    mean_free_path_minority: Annotated[
        float | None, LENGTH.named("mean free path of minority spins", r"$\lambda_\downarrow$")
    ]
    spin_flip_length: Annotated[float, SPIN_FLIP_LENGTH] = math.inf
    effective_mass_majority: Annotated[
        float, MASS.named("effective mass of majority spins", r"$m^*_\uparrow$")
    ] = 1.0
    effective_mass_minority: Annotated[
        float, MASS.named("effective mass of minority spins", r"$m^*_\downarrow$")
    ] = 1.0
    magnetization: Annotated[Vector | None, Direction()] = None
    decay_minority: Annotated[
        float | None, DECAY.named("decay wavevector of minority spins", r"$\kappa_\downarrow$")
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.fermi_wavevector_minority is None) == (self.decay_minority is None):
            raise InputError(
                "fermi_wavevector_minority",
                self.fermi_wavevector_minority,
                "must be given, or else decay_minority for a half metal: one of the two",
            )
        if (self.mean_free_path_minority is None) != self.is_half_metal:
            raise InputError(
                "mean_free_path_minority",
                self.mean_free_path_minority,
                "must be given unless the minority has no states (decay_minority), and only then",
            )

    @property
    def is_half_metal(self) -> bool:
        """Whether the minority has no states at the Fermi energy."""
        return self.decay_minority is not None

    def bands(self, k_0: float) -> Bands:
        """Fermi spheres of majority and minority."""
        return Bands(
            FermiSphere(self.fermi_wavevector_majority, self.effective_mass_majority),
            FermiSphere(
                self.fermi_wavevector_minority or 0.0,
                self.effective_mass_minority,
                self.decay_minority or 0.0,
            ),
            True,
        )

    def spin_lengths(self, k_0: float, densities: FloatArray | None = None) -> SplitLengths:
        """Kinetic lengths of majority and minority spins.

        Parameters
        ----------
        k_0 : float
            Fermi wavevector of the film, 1/nm.
        densities : ndarray, shape (2,), optional
            Densities of states of both spins where they are not those of the spheres.
        """
        bands = self.bands(k_0)
        flips = spin_flip_lengths(
            bands.majority, bands.minority, self.spin_flip_length, k_0, densities
        )
        up = self.mean_free_path_majority
        # Of a minority without states nothing is asked.
        paths = (up, self.mean_free_path_minority or up)
        return SplitLengths(np.array(paths), np.array(flips))

    def occupation_terms(self, grid: AnnularGrid, k_0: float) -> CollisionTerms:
        """Collision terms of the occupations that have states."""
        terms = split_terms(self.spin_lengths(k_0), mesh_ratio(self.bands(k_0), grid))
        used = slice(0, 1 if self.is_half_metal else 2)
        return CollisionTerms(terms.k_out[used, used], terms.k_in[:, :, used, used])

    def driven_occupations(self, k_0: float) -> tuple[float, ...]:
        """Field-driven bulk distribution of each occupation over v_E, nm."""
        return tuple(self.spin_lengths(k_0).total[: 1 if self.is_half_metal else 2])

    def spin_diffusion_rate(self, k_0: float) -> float:
        """1/l_sf of the longitudinal spin accumulation in the diffusive limit, 1/nm."""
        lengths = self.spin_lengths(k_0)
        return math.sqrt(3.0 * float(np.sum(1.0 / (lengths.total * lengths.spin_flip))))

    def reach(self, k_0: float) -> float:
        """A length in nm over which everything that decays has decayed to rounding."""
        rate = self.spin_diffusion_rate(k_0)
        slow = 1.0 / rate if rate > 0.0 else 0.0
        return DECAYED * (slow + max(self.driven_occupations(k_0)))

    def spin_conductivities(self, k_0: float) -> tuple[float, float]:
        """Conductivity of majority and minority electrons in 1/(Ohm m)."""
        radii = (self.fermi_wavevector_majority, self.fermi_wavevector_minority or 0.0)
        up, down = (
            fermi_surface_prefactor(radius) * (4.0 * math.pi / 3.0) * path * METRE_PER_NM
            for radius, path in zip(radii, self.spin_lengths(k_0).total, strict=True)
        )
        return up, down

    def conductivity(self, fermi_wavevector: float) -> float:
        """Charge conductivity of both spins in 1/(Ohm m)."""
        return sum(self.spin_conductivities(fermi_wavevector))

    def transport(
        self, fermi_wavevector: float, y_p: ArrayLike | None = None, *, exact_length: bool = True
    ) -> LayerTransport:
        """Diffusion law, see `Layer.transport`.

        Two currents along m. Across it no accumulation exists: its channel takes whatever enters
        and accumulates nothing. The minority of a half metal only has to be regular.
        """
        assert self.magnetization is not None
        up, down = self.spin_conductivities(fermi_wavevector)
        thickness, mean = self.thickness * METRE_PER_NM, 0.5 * (up + down)
        regular = 1.0 / thickness
        rate = self.spin_diffusion_rate(fermi_wavevector) / METRE_PER_NM
        spin, spin_rate = (mean, regular) if self.is_half_metal else (up * down / mean, rate)
        mixing = 0.5 * (up - down) / mean
        return in_magnet(
            *(self.magnetization, thickness, mean, spin, spin_rate, mixing, SINK * mean, regular)
        )
