"""What an interface is to those who solve a film.

A new kind of interface derives from `Interface`, in a file of its own, and gives at least its
scattering tensors and its copies without and with mirrored spin-orbit coupling.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.film.component import Component
from torkivity_engine.kinetics.amplitudes import AmplitudeTable
from torkivity_engine.kinetics.circuit import Circuit

__all__ = ["Interface", "Pumped", "Scattering"]


class Scattering(NamedTuple):
    """What an interface does at some k_parallel, seen from each of its sides.

    Attributes
    ----------
    reflection_below, reflection_above : ndarray, shape (n, 4, 4)
        Back to the side it came from: outgoing g_a = R_ab g_b, order (x, y, z, charge).
    transmission_up, transmission_down : ndarray, shape (n, 4, 4)
        To the other side, of what comes from below and of what comes from above.
    density_below, density_above : ndarray, shape (n, 3, 4)
        Spin density at z = 0 times v_F per incoming coefficient, of what comes from each side.
    """

    reflection_below: FloatArray
    transmission_up: FloatArray
    reflection_above: FloatArray
    transmission_down: FloatArray
    density_below: FloatArray
    density_above: FloatArray

    def matrix(self) -> FloatArray:
        """S, shape (n, 8, 8): out of (below, above) per what arrives from (below, above)."""
        return np.block(
            [
                [self.reflection_below, self.transmission_down],
                [self.transmission_up, self.reflection_above],
            ]
        )

    def density(self) -> FloatArray:
        """Shape (n, 3, 8): spin density per what arrives from (below, above)."""
        return np.concatenate([self.density_below, self.density_above], axis=2)


class Pumped(NamedTuple):
    """What an interface sends out at some k_parallel while its magnetization turns.

    Attributes
    ----------
    below, above : ndarray, shape (n, 4, c)
        (x, y, z, charge) that leaves each side, besides what is scattered.
    density : ndarray, shape (n, 3, c)
        What the spin density at z = 0, times v_F, changes by.
    """

    below: FloatArray
    above: FloatArray
    density: FloatArray


class Interface(Component, ABC):
    """Base of all kinds of interfaces; a kind is a frozen dataclass."""

    @property
    def magnetic(self) -> bool:
        """Whether exchange acts at the interface, which then needs an m."""
        return False

    def closed_form(self, m: ArrayLike) -> FloatArray | None:
        """Parameters of the compiled closed form; None if there are but tensors.

        Parameters
        ----------
        m : array_like, shape (3,)
            Unit vector, here and below: that of the interface in its film.

        Returns
        -------
        ndarray, shape (12,), or None
            (u0, u_ex, u_ex m (3), W row by row (6), 1), all divided by a common scale of at
            least one, so that no product of them overflows. Only their ratios matter.
        """
        return None

    def table(self) -> AmplitudeTable | None:
        """Its amplitudes at a set of k_parallel of its own, if that is what it is given by."""
        return None

    def circuit(
        self, m: ArrayLike, field_direction: ArrayLike, magnet_below: bool | None
    ) -> Circuit | None:
        """Its law in circuit theory, if it is given by that instead of by its scattering.

        Parameters
        ----------
        m, field_direction : array_like, shape (3,)
            Unit vectors.
        magnet_below : bool or None
            Whether the magnet that it belongs to lies below; None without one.
        """
        return None

    def mixing_conductances(self) -> tuple[complex, complex] | None:
        """G and Gamma in 1/(Ohm m^2), if it is given by them."""
        return None

    @abstractmethod
    def scattering(self, m: ArrayLike, directions: ArrayLike) -> Scattering:
        """Scattering tensors (A9)-(A12).

        Parameters
        ----------
        m : array_like, shape (3,)
        directions : array_like, shape (n, 3)
            Unit vectors of k; the sign of k_z does not matter.
        """

    def pumped(self, m: ArrayLike, drive: FloatArray, directions: ArrayLike) -> Pumped:
        """What leaves while m turns.

        Parameters
        ----------
        m : array_like, shape (3,)
        drive : ndarray, shape (3, c)
            q = (hbar / 2) dm/dt, perpendicular to m.
        directions : array_like, shape (n, 3)
            Unit vectors of k; the sign of k_z does not matter.
        """
        if self.magnetic:
            raise InputError(
                "interface", type(self).__name__, "lacks what it emits while its exchange turns"
            )
        n, c = len(np.asarray(directions)), drive.shape[1]
        return Pumped(np.zeros((n, 4, c)), np.zeros((n, 4, c)), np.zeros((n, 3, c)))

    def torque(self, density: FloatArray, m: ArrayLike) -> FloatArray:
        """Torque on the magnetization at the interface, shape (3, ...), of a density (3, ...)."""
        return np.zeros_like(density)

    def torque_from(self, density: FloatArray, m: ArrayLike) -> FloatArray:
        """`torque`, of whatever kind of interface: what drift-diffusion asks for.

        Of an interface that is given by its circuit the torque itself stands for the density.
        """
        return self.torque(density, m)

    def barriers(self) -> tuple[float, float] | None:
        """Delta barriers of spins along -m and +m without spin-orbit coupling, if it is that.

        Then its conductances have closed forms.
        """
        return None

    def has_grazing_pole(self, m: ArrayLike) -> bool:
        """Whether amplitudes may vary fast towards grazing incidence."""
        return False

    def azimuthal_decay(self, m: ArrayLike) -> float:
        """Rate per azimuth at which rules of equally spaced azimuths converge; 0 if not known."""
        return 0.0

    @abstractmethod
    def without_spin_orbit(self) -> Self:
        """The same interface without spin-orbit coupling; itself if it has none."""

    def drives(self, name: str) -> bool:
        """Whether a field drives a current or torque of this name that can be switched alone."""
        return False

    def with_driven(self, names: tuple[str, ...]) -> Self:
        """The same interface with some of the currents and torques that a field drives alone.

        Parameters
        ----------
        names : tuple of str
            Fields of a kind that has a number for each.
        """
        if self.table() is not None or self.without_spin_orbit() is not self:
            raise InputError(
                "source",
                names[0] if names else "",
                f"needs interfaces with a number for each driven current; {self.kind} has one "
                "coupling for all of them",
            )
        return self

    @abstractmethod
    def with_mirrored_spin_orbit(self) -> Self:
        """The same interface with the mirror image of its coupling under z -> -z."""

    def mirrored(self) -> Self:
        """Its image under z -> -z: spins and m are axial vectors, the sides change places."""
        return super(Interface, self.with_mirrored_spin_orbit()).mirrored()
