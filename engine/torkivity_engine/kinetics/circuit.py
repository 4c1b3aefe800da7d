"""Circuit theory of one interface on plain numbers: its law, and what lies in series with it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.kinetics.admittance import LayerAdmittance, slab_admittance
from torkivity_engine.spin import CHARGE, cross_matrix

__all__ = ["Circuit", "InterfaceLaw", "axial_conductance", "memory_loss", "perfect_contact"]


@dataclass(frozen=True, eq=False)
class InterfaceLaw:
    """Boundary condition of an interface, (7) and (9), in both directions.

    j(0-) = A mu(0-) - T' mu(0+) + j_E(0-),   j(0+) = T mu(0-) - A' mu(0+) + j_E(0+)

    A conductance that is infinite is a row (u, v) of `perfect`: u.mu(0-) + v.mu(0+) = 0, and
    j(0-) and j(0+) have besides x u and -x v, x whatever it takes. So (u, -u) makes the
    accumulation along u continuous, and (u, 0) with (0, u) takes it in on both sides.

    Attributes
    ----------
    reflection, transmission, reflection_above, transmission_down : ndarray, shape (4, 4)
        A, T, A' and T', 1/(Ohm m^2).
    drive_minus, drive_plus : ndarray, shape (4,)
        j_E(0-) and j_E(0+), per E~, 1/(Ohm m).
    perfect : ndarray, shape (p, 8)
        Unit rows.
    """

    reflection: FloatArray
    transmission: FloatArray
    reflection_above: FloatArray
    transmission_down: FloatArray
    drive_minus: FloatArray
    drive_plus: FloatArray
    perfect: FloatArray = field(default_factory=lambda: np.zeros((0, 8)))

    @property
    def conducts(self) -> bool:
        """Whether charge crosses it."""
        through = (self.transmission[CHARGE, CHARGE], self.transmission_down[CHARGE, CHARGE])
        return bool(np.any(through) or np.any(self.perfect[:, CHARGE]))

    def currents(
        self, minus: FloatArray, plus: FloatArray, extra: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """j(0-) and j(0+), shape (4,) each.

        Parameters
        ----------
        minus, plus : ndarray, shape (4,)
            mu(0-) and mu(0+).
        extra : ndarray, shape (p,), optional
            What the rows of `perfect` carry.
        """
        below = self.reflection @ minus - self.transmission_down @ plus + self.drive_minus
        above = self.transmission @ minus - self.reflection_above @ plus + self.drive_plus
        if extra is not None and len(extra):
            below, above = below + extra @ self.perfect[:, :4], above - extra @ self.perfect[:, 4:]
        return below, above


@dataclass(frozen=True, eq=False)
class Circuit:
    """An interface given by conductances, for one direction of m and of the field.

    Attributes
    ----------
    law : InterfaceLaw
    torque, torque_above : ndarray, shape (3, 4)
        tau_mag = torque @ mu(0-) + torque_above @ mu(0+) + drive_torque, of what is finite.
    drive_torque : ndarray, shape (3,)
        Per E~, 1/(Ohm m).
    absorbs : bool
        Whether exchange takes in all of the spins across m that reach the interface: then what
        goes in and does not come out is a torque besides.
    series : LayerAdmittance or None
        What lies in series with it, on the side of the metal.
    """

    law: InterfaceLaw
    torque: FloatArray
    torque_above: FloatArray
    drive_torque: FloatArray
    absorbs: bool = False
    series: LayerAdmittance | None = None

    @property
    def plain(self) -> bool:
        """Whether its conductances are all there is to it."""
        return self.series is None and not len(self.law.perfect)

    def response(self) -> FloatArray:
        """What is finite as one matrix, shape (11, 8).

        Rows j(0-) (4), j(0+) (4) and the torque; columns mu(0-) and mu(0+).
        """
        law = self.law
        return np.block(
            [
                [law.reflection, -law.transmission_down],
                [law.transmission, -law.reflection_above],
                [self.torque, self.torque_above],
            ]
        )

    def drive(self) -> FloatArray:
        """The same rows per E~, shape (11,)."""
        return np.concatenate([self.law.drive_minus, self.law.drive_plus, self.drive_torque])


def axial_conductance(
    majority: float, minority: float, mixing: complex, m: FloatArray
) -> FloatArray:
    """4x4 Cartesian matrix of an axial law from the conductances of both spins.

    Parameters
    ----------
    majority, minority : float
        Of spins along -m and m.
    mixing : complex
        j_1 + i j_2 = mixing (mu_1 + i mu_2) in a right-handed frame (e_1, e_2, m).
    m : ndarray, shape (3,)
    """
    along = np.outer(m, m)
    mean, half = 0.5 * (majority + minority), 0.5 * (majority - minority)
    matrix = np.zeros((4, 4))
    matrix[:CHARGE, :CHARGE] = mean * along + mixing.real * (np.eye(CHARGE) - along)
    matrix[:CHARGE, :CHARGE] += mixing.imag * cross_matrix(m)
    matrix[CHARGE, CHARGE] = mean
    matrix[:CHARGE, CHARGE] = matrix[CHARGE, :CHARGE] = -half * m
    return matrix


def memory_loss(area_resistance: float, delta: float) -> LayerAdmittance:
    """A layer without thickness that has a resistance and loses spins.

    Parameters
    ----------
    area_resistance : float
        AR in Ohm m^2, of both spins together.
    delta : float
        Its thickness over its spin diffusion length.

    Returns
    -------
    LayerAdmittance
        j(0-) = (delta / 2 AR)(mu(0-) coth delta - mu(0+) / sinh delta) for spins, and
        (mu_c(0-) - mu_c(0+)) / 2 AR.
    """
    mobility = 0.5 / area_resistance  # S over the thickness
    spin, charge = slab_admittance(mobility, delta, 1.0), slab_admittance(mobility, 0.0, 1.0)
    loss, conductance = (np.diag([spin[k].real] * CHARGE + [charge[k].real]) for k in (0, 1))
    return LayerAdmittance(loss, conductance, np.zeros(4), np.eye(4))


def perfect_contact() -> InterfaceLaw:
    """Everything continuous."""
    none = np.zeros((4, 4))
    same = np.hstack([np.eye(4), -np.eye(4)]) / np.sqrt(2.0)
    return InterfaceLaw(none, none, none, none, np.zeros(4), np.zeros(4), same)
