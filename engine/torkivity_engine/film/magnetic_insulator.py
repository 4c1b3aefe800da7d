"""Magnetic insulators: magnets without electrons at the Fermi energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.constants import fermi_surface_prefactor
from torkivity_engine.film.checks import Vector
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.quantity import MASS, Direction
from torkivity_engine.film.split_ferromagnet import DECAY, SINK
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.kinetics.spheres import Bands, FermiSphere

__all__ = ["MagneticInsulator"]


@dataclass(frozen=True)
class MagneticInsulator(Layer):
    """Outermost magnetic layer that electrons enter by evanescent states only, as YIG.

    All of them come back, with a phase that depends on their spin: a torque without a current.

    Parameters
    ----------
    decay_majority, decay_minority : float
        Decay wavevectors at k_parallel = 0 in 1/nm; spins along -m and +m.
    effective_mass_majority, effective_mass_minority : float, optional
        In free-electron masses.
    magnetization : vector, optional
        Direction of m; None takes that of the bilayer.
    """

    kind: ClassVar[str] = "magnetic_insulator"
    stem: ClassVar[str] = "MI"
    magnetic: ClassVar[bool] = True
    outermost_only: ClassVar[bool] = True
    thickness: ClassVar[float] = 0.0  # type: ignore[misc]

    decay_majority: Annotated[
        float, DECAY.named("decay wavevector of majority spins", r"$\kappa_\uparrow$")
    ]
    decay_minority: Annotated[
        float, DECAY.named("decay wavevector of minority spins", r"$\kappa_\downarrow$")
    ]
    effective_mass_majority: Annotated[
        float, MASS.named("effective mass of majority spins", r"$m^*_\uparrow$")
    ] = 1.0
    effective_mass_minority: Annotated[
        float, MASS.named("effective mass of minority spins", r"$m^*_\downarrow$")
    ] = 1.0
    magnetization: Annotated[Vector | None, Direction()] = None

    def bands(self, k_0: float) -> Bands:
        """Bands without states."""
        return Bands(
            FermiSphere(0.0, self.effective_mass_majority, self.decay_majority),
            FermiSphere(0.0, self.effective_mass_minority, self.decay_minority),
            True,
        )

    def conductivity(self, fermi_wavevector: float) -> float:
        """Zero."""
        return 0.0

    def quoted(self, fermi_wavevector: float) -> MagneticInsulator:
        """Itself: what it has not need not be quoted."""
        return self

    def admittance(
        self, fermi_wavevector: float, y_p: ArrayLike | None = None, *, exact_length: bool = True
    ) -> LayerAdmittance:
        """Takes whatever spins enter and accumulates none; no charge enters."""
        regular = fermi_surface_prefactor(fermi_wavevector) * np.diag([SINK, SINK, SINK, 1.0])
        return LayerAdmittance(regular, regular, np.zeros(4), np.eye(4))
