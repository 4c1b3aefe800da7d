"""Metals as drift-diffusion knows them: conductivity, spin diffusion length, spin Hall angle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import InputError
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.parts import Parts
from torkivity_engine.film.quantity import CONDUCTIVITY, LENGTH, SPIN_HALL_ANGLE
from torkivity_engine.kinetics.transport import LayerTransport, in_metal

__all__ = ["REACH", "SPIN_DIFFUSION_LENGTH", "DiffusiveMetal"]

#: e^-40 is below rounding.
REACH = 40.0

SPIN_DIFFUSION_LENGTH = replace(LENGTH, infinite=True).named(
    "spin diffusion length", r"$l_\mathrm{sf}$", (0.3, 2e3)
)


@dataclass(frozen=True)
class DiffusiveMetal(Layer):
    """Non-magnetic layer by the parameters of drift-diffusion, as they are quoted.

    With mu and j of one spin coefficient, j = -(sigma / 2) dmu/dz + j_sH and
    dj_s/dz = -(sigma / 2) mu_s / l_sf^2.

    Parameters
    ----------
    thickness : float
        nm.
    conductivity : float
        Of both spins, 1/(Ohm m).
    spin_diffusion_length : float
        l_sf in nm; ``inf`` for none.
    spin_hall_angle : float or (x, y, z), optional
        theta of j_sH = -(theta sigma / 2) E~, the spin current along +z. A number is the usual
        one, for spins along z x E, positive for Pt. Three numbers are for spins along x, y, z
        with the field along x, and turn with the field: the unconventional components of
        low-symmetry metals and antiferromagnets.
    """

    kind: ClassVar[str] = "diffusive_metal"
    stem: ClassVar[str] = "N"
    unkinetic: ClassVar[str] = "a mean free path and a Fermi sphere"

    thickness: Annotated[float, LENGTH.named("thickness", r"$t$", (0.1, 50.0))]
    conductivity: Annotated[float, CONDUCTIVITY]
    spin_diffusion_length: Annotated[float, SPIN_DIFFUSION_LENGTH]
    spin_hall_angle: Annotated[
        float | tuple[float, float, float], SPIN_HALL_ANGLE, Parts((("",), ("x", "y", "z")))
    ] = 0.0

    @property
    def spin_hall_vector(self) -> FloatArray:
        """theta for spins along x, y, z with the field along x, shape (3,)."""
        theta = self.spin_hall_angle
        return np.array(theta if isinstance(theta, tuple) else (0.0, theta, 0.0))

    def decay_reach(self) -> float:
        """A length in nm over which everything that decays has decayed to rounding."""
        finite = np.isfinite(self.spin_diffusion_length)
        return REACH * (self.spin_diffusion_length if finite else self.thickness)

    def contact(self, fermi_wavevector: float) -> FloatArray | None:
        """None: what is quoted holds no resistance of a contact."""
        return None

    def spin_hall_current(self, fermi_wavevector: float, y_p: ArrayLike) -> FloatArray:
        """Spin current along +z that a field drives in the bulk, per E~, shape (3,), 1/(Ohm m)."""
        x, y, _ = np.asarray(y_p)
        turned = np.array([[y, x, 0.0], [-x, y, 0.0], [0.0, 0.0, 1.0]]) @ self.spin_hall_vector
        return np.asarray(-0.5 * self.conductivity * turned)

    def transport(
        self, fermi_wavevector: float, y_p: ArrayLike | None = None, *, exact_length: bool = True
    ) -> LayerTransport:
        """Diffusion law, see `Layer.transport`."""
        hall = np.zeros(3) if y_p is None else self.spin_hall_current(fermi_wavevector, y_p)
        rate = 1.0 / (self.spin_diffusion_length * METRE_PER_NM)
        return in_metal(self.thickness * METRE_PER_NM, self.conductivity, rate, hall)

    def quoted(self, fermi_wavevector: float) -> Self:
        """Itself."""
        return self

    def kinetic(self, fermi_wavevector: float) -> Layer:
        """The metal of this resistivity and spin diffusion length, see `Layer.kinetic`.

        Raises
        ------
        InputError
            If l_sf is not longer than the mean free path, or the spin Hall current is not along
            z x E.
        """
        from torkivity_engine.film.layers import HeavyMetal  # which knows this kind

        x, y, z = self.spin_hall_vector
        if x or z:
            raise InputError(
                "spin_hall_angle", self.spin_hall_angle, "must be along z x E for skew scattering"
            )
        return HeavyMetal.from_resistivity(
            self.thickness,
            1.0 / self.conductivity,
            self.spin_diffusion_length,
            float(y),
            fermi_wavevector=fermi_wavevector,
        )

    def without_spin_hall(self) -> Self:
        """The same layer without spin Hall effect."""
        return replace(self, spin_hall_angle=0.0) if np.any(self.spin_hall_vector) else self

    def mirrored(self) -> Self:
        """Its image under z -> -z: what flows along z and spins in the plane change sign."""
        theta = self.spin_hall_angle
        if not isinstance(theta, tuple):
            return self
        return replace(self, spin_hall_angle=(theta[0], theta[1], -theta[2] + 0.0))
