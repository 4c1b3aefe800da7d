"""Ferromagnets given as drift-diffusion knows them: conductivity, polarization, lengths."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.film.checks import Vector
from torkivity_engine.film.diffusive_metal import REACH, SPIN_DIFFUSION_LENGTH
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.quantity import CONDUCTIVITY, LENGTH, Direction, Quantity
from torkivity_engine.kinetics.transport import LayerTransport, in_magnet

__all__ = ["DiffusiveFerromagnet"]


@dataclass(frozen=True)
class DiffusiveFerromagnet(Layer):
    """Ferromagnetic layer by the parameters of drift-diffusion, as they are quoted.

    With n = -m the majority direction, j_c = -(sigma / 2)(dmu_c + beta dmu_n)/dz,
    j_n = -(sigma / 2)(beta dmu_c + dmu_n)/dz and dj_n/dz = -(sigma / 2)(1 - beta^2) mu_n / l_sf^2.
    Across m, j = -(sigma_t / 2) dmu/dz and dj/dz = -(sigma_t / 2) mu / l^2 with
    1/l^2 = 1/l_sf^2 + 1/l_phi^2 - i/l_J^2 + lattice_dephasing for mu_1 + i mu_2 in a right-handed
    frame (e_1, e_2, m). The torque density on m is (sigma_t / 2)[mu x m / l_J^2 + mu / l_phi^2].

    Parameters
    ----------
    thickness : float
        nm.
    conductivity : float
        Of both spins, 1/(Ohm m).
    polarization : float
        beta of the conductivity, positive where majority spins conduct more.
    spin_diffusion_length : float
        l_sf in nm; ``inf`` for none.
    exchange_length : float
        l_J in nm, over which spins across m turn round it; ``inf`` for no exchange.
    dephasing_length : float, optional
        l_phi in nm, over which spins across m give themselves to m; None for no dephasing.
    transverse_conductivity : float, optional
        sigma_t in 1/(Ohm m); None takes the conductivity.
    lattice_dephasing : float, optional
        What the lattice takes of spins across m besides 1/l_sf^2, 1/nm^2.
    magnetization : vector, optional
        Direction of m; None takes that of the bilayer.
    """

    kind: ClassVar[str] = "diffusive_ferromagnet"
    stem: ClassVar[str] = "FM"
    magnetic: ClassVar[bool] = True
    unkinetic: ClassVar[str] = "mean free paths and a Fermi sphere"

    thickness: Annotated[float, LENGTH.named("thickness", r"$t$", (0.1, 50.0))]
    conductivity: Annotated[float, CONDUCTIVITY]
    polarization: Annotated[
        float,
        Quantity("1", "polarization of the conductivity", r"$\beta$", gt=-1.0, lt=1.0),
    ]
    spin_diffusion_length: Annotated[float, SPIN_DIFFUSION_LENGTH]
    exchange_length: Annotated[
        float,
        replace(LENGTH, infinite=True).named("exchange length", r"$l_J$", (0.05, 1e2)),
    ]
    dephasing_length: Annotated[
        float | None, LENGTH.named("dephasing length", r"$l_\phi$", (0.01, 50.0))
    ] = None
    transverse_conductivity: Annotated[
        float | None,
        CONDUCTIVITY.named("conductivity of spins across m", r"$\sigma_\perp$"),
    ] = None
    lattice_dephasing: Annotated[
        float,
        Quantity("1/nm^2", "dephasing that the lattice takes", r"$l_\mathrm{latt}^{-2}$", ge=0.0),
    ] = 0.0
    magnetization: Annotated[Vector | None, Direction()] = None

    def decay_reach(self) -> float:
        """A length in nm over which everything that decays has decayed to rounding."""
        across = math.sqrt(abs(self._across()))
        lengths = [self.spin_diffusion_length, 2.0 / across if across else math.inf]
        return REACH * max([length for length in lengths if math.isfinite(length)] or [1.0])

    def contact(self, fermi_wavevector: float) -> FloatArray | None:
        """None: what is quoted holds no resistance of a contact."""
        return None

    def _across(self) -> complex:
        """1/l^2 of spins across m, 1/nm^2."""
        dephasing = 0.0 if self.dephasing_length is None else self.dephasing_length**-2
        real = self.spin_diffusion_length**-2 + dephasing + self.lattice_dephasing
        return complex(real, -(self.exchange_length**-2))

    def transport(
        self, fermi_wavevector: float, y_p: ArrayLike | None = None, *, exact_length: bool = True
    ) -> LayerTransport:
        """Diffusion law, see `Layer.transport`."""
        assert self.magnetization is not None
        half = 0.5 * self.conductivity
        across = (
            half if self.transverse_conductivity is None else 0.5 * self.transverse_conductivity
        )
        dephasing = 0.0 if self.dephasing_length is None else self.dephasing_length**-2
        return in_magnet(
            self.magnetization,
            self.thickness * METRE_PER_NM,
            charge=half,
            spin=half * (1.0 - self.polarization) * (1.0 + self.polarization),
            spin_rate=1.0 / (self.spin_diffusion_length * METRE_PER_NM),
            mixing=self.polarization,
            across=across,
            across_rate=cmath.sqrt(self._across()) / METRE_PER_NM,
            torques=(self.exchange_length**-2 / METRE_PER_NM**2, dephasing / METRE_PER_NM**2),
        )

    def quoted(self, fermi_wavevector: float) -> Self:
        """Itself."""
        return self

    def kinetic(self, fermi_wavevector: float) -> Layer:
        """The ferromagnet on one Fermi sphere with these numbers, see `Layer.kinetic`.

        Raises
        ------
        InputError
            If there is none.
        """
        from torkivity_engine.film.layers import Ferromagnet  # which knows this kind

        return Ferromagnet.from_quoted(self, fermi_wavevector)
