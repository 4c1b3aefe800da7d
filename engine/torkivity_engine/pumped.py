"""Results of spin pumping, whatever model they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import ELECTRON_GYROMAGNETIC_RATIO
from torkivity_engine.damping import gilbert_damping
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.stack import Stack
from torkivity_engine.film.table_film import has_tables
from torkivity_engine.spin import CHARGE, cross_matrix, transverse

__all__ = ["PumpedInterface", "PumpingSolution", "spin_entering", "turning_layer"]


@dataclass(frozen=True, eq=False)
class PumpedInterface:
    """What passes one interface, per unit q of either axis, in 1/(Ohm m^2).

    Attributes
    ----------
    current_minus, current_plus : ndarray, shape (4, 2)
        Flow along +z of (x, y, z, charge) at 0- and 0+.
    torque : ndarray, shape (3, 2)
        tau_mag, the torque on the magnetization at the interface.
    """

    current_minus: FloatArray
    current_plus: FloatArray
    torque: FloatArray

    @property
    def spin_current_minus(self) -> FloatArray:
        """Spin current at z = 0-, shape (3, 2)."""
        return self.current_minus[:CHARGE]

    @property
    def spin_current_plus(self) -> FloatArray:
        """Spin current at z = 0+, shape (3, 2)."""
        return self.current_plus[:CHARGE]


@dataclass(frozen=True, eq=False)
class PumpingSolution:
    """Response of a film to a magnetization that turns.

    The drive is q = (hbar / 2) dm/dt, an energy, along either of two axes perpendicular to m;
    currents and torques are numbers per area and time, over e^2, per unit q.

    Attributes
    ----------
    magnet : str
        Name of the layer whose magnetization turns.
    axes : ndarray, shape (2, 3)
        Unit vectors q; with m they are right-handed.
    interfaces : tuple of PumpedInterface
        From left (bottom) to right (top).
    torques : dict of str to ndarray, shape (3, 2)
        By magnet: what exchange gives to its magnetization, second index the axis, 1/(Ohm m^2).
    sheet_current : ndarray, shape (2, 2)
        Flow of the charge coefficient in the plane integrated over the film, along x and y per
        axis, 1/(Ohm m); the electric current of both spins is twice that.
    bulk_torque : ndarray, shape (3, 2)
        Share that the magnet's bulk has in the torque on it without any face, 1/(Ohm m^2).
    thickness : float or None
        Of the turning magnet, nm; None for a magnetic insulator, whose film does not say.
    first_interface : int
        Index of its first interface.
    certificates : dict of str to float
    method : str
        "reduced" or "dense" for the Boltzmann equation; "dephased" or "finite" for
        drift-diffusion.
    mesh : str
    """

    magnet: str
    axes: FloatArray
    interfaces: tuple[PumpedInterface, ...]
    torques: dict[str, FloatArray]
    sheet_current: FloatArray
    bulk_torque: FloatArray
    thickness: float | None
    first_interface: int
    certificates: dict[str, float]
    method: str
    mesh: str

    @property
    def torque(self) -> FloatArray:
        """tau_ex on the magnet that turns, shape (3, 2), 1/(Ohm m^2)."""
        return self.torques[self.magnet]

    def torque_on(self, name: str) -> FloatArray:
        """tau_ex on one magnet by the name of its layer, shape (3, 2), 1/(Ohm m^2).

        Raises
        ------
        InputError
            For a name that no magnet of the film has.
        """
        if name not in self.torques:
            raise InputError("magnet", name, f"must be one of {', '.join(self.torques)}")
        return self.torques[name]

    def at_interface(self, index: int) -> PumpedInterface:
        """What passes one interface, counted from the left (bottom)."""
        return self.interfaces[index]

    @property
    def spin_current_minus(self) -> FloatArray:
        """Spin current at 0- of the first interface of the magnet, shape (3, 2), 1/(Ohm m^2)."""
        return self.interfaces[self.first_interface].spin_current_minus

    @property
    def damping_tensor(self) -> FloatArray:
        """X_ab = (m x a) . tau_ex(b) without the bulk's own, shape (2, 2), 1/(Ohm m^2).

        Onsager: X_ab(m) = X_ba(-m). The diagonal is negative where the motion is damped.
        """
        m = np.cross(self.axes[0], self.axes[1])
        across = cross_matrix(m) @ self.axes.T
        return np.asarray(across.T @ (self.torque - self.bulk_torque))

    @property
    def effective_mixing_conductance(self) -> float:
        """G_eff in 1/(Ohm m^2), the mean over both axes: what damps in place of Re G.

        Everything counts that the film takes: backflow, loss of spin at the interfaces, and
        relaxation in the magnet that its faces cause; not what its bulk has without faces.
        """
        return float(-0.5 * np.trace(self.damping_tensor))

    def damping(
        self,
        saturation_magnetization: float,
        gyromagnetic_ratio: float = ELECTRON_GYROMAGNETIC_RATIO,
        thickness: float | None = None,
    ) -> float:
        """Gilbert damping that spin pumping adds: gamma hbar^2 G_eff / (2 e^2 M_s t_FM).

        Parameters
        ----------
        saturation_magnetization : float
            M_s in A/m.
        gyromagnetic_ratio : float, optional
            gamma in rad/(s T); that of the free electron by default.
        thickness : float, optional
            t_FM in nm; by default that of the turning layer, which a magnetic insulator does
            not have.

        Returns
        -------
        float

        Raises
        ------
        InputError
            For a value that is not positive, or a thickness that is missing.
        """
        if thickness is None:
            thickness = self.thickness
        if thickness is None:
            raise InputError(
                "thickness", thickness, f"must be given: the film says none of {self.magnet}"
            )
        conductance = self.effective_mixing_conductance
        return float(
            gilbert_damping(conductance, saturation_magnetization, thickness, gyromagnetic_ratio)
        )


def turning_layer(stack: Stack, magnet: str | None) -> int:
    """Index of the layer that turns, with everything in place for it.

    Parameters
    ----------
    stack : Stack
    magnet : str or None
        Name of a layer; None where there is one magnet.

    Raises
    ------
    InputError
        For an unknown magnet, a film without interfaces, or an interface of the magnet with an
        m of its own.
    PhysicsError
        For half spaces and tables of amplitudes.
    """
    if not stack.interfaces:
        raise InputError("film", stack.names[0], "must have at least two layers")
    if stack.left.endless or stack.right.endless:
        raise PhysicsError("spin pumping needs a film that ends: a half space has no total torque")
    if has_tables(stack):
        raise PhysicsError(
            "spin pumping is not known for films with tables of amplitudes: they say what an "
            "interface does at one m, not how that changes"
        )
    names = stack.magnet_names
    if not names:
        raise InputError("film", ", ".join(stack.names), "must have a magnet")
    if magnet is None and len(names) > 1:
        raise InputError("magnet", magnet, f"must be one of {', '.join(names)}")
    if magnet is not None and magnet not in names:
        raise InputError("magnet", magnet, f"must be one of {', '.join(names)}")
    index = stack.names.index(magnet or names[0])
    for i, interface in enumerate(stack.interfaces):
        own = stack.magnetization_at(i)
        if (
            interface.magnetic
            and stack.torque_owner(i) == index
            and own != stack.layers[index].magnetization
        ):
            raise InputError(
                "magnetization",
                own,
                f"of {stack.names_of_interfaces[i]} must be that of {stack.names[index]}, with "
                "which it turns",
            )
    return index


def spin_entering(
    index: int, interfaces: Sequence[PumpedInterface], m: tuple[float, float, float]
) -> FloatArray:
    """Spin current across m that enters a layer through its faces, shape (3, 2)."""
    entering = np.zeros((3, 2))
    if index > 0:
        entering += interfaces[index - 1].spin_current_plus
    if index < len(interfaces):
        entering -= interfaces[index].spin_current_minus
    return np.stack([transverse(column, np.array(m)) for column in entering.T], axis=1)
