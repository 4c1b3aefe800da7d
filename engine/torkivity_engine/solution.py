"""Results at an interface, with the torque names that every model shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.html import html_table
from torkivity_engine.profiles import DiffusionProfile, LayerProfile
from torkivity_engine.record import CERTIFICATES, COMPONENTS, TORQUE_PARTS
from torkivity_engine.spin import CHARGE, dot, torque_frame, torque_frames, transverse, vectors
from torkivity_engine.tolerance import RefinedMesh

__all__ = [
    "BoltzmannSolution",
    "DriftDiffusionSolution",
    "FilmIntegrals",
    "InterfaceResponse",
    "TorqueNames",
    "entering_spin",
    "entering_spins",
    "framed_torques",
    "response_records",
]


class TorqueNames(ABC):
    """Spin currents and torques of one interface, per E~ = -E/e, in 1/(Ohm m).

    All vectors are Cartesian, shape (3,). Currents flow along +z. See
    ``docs/conventions.md`` for signs and for conversions to other normalisations.
    """

    @abstractmethod
    def _interface(self) -> InterfaceResponse:
        """The response that the names refer to."""

    @property
    def magnetization(self) -> FloatArray:
        """Unit vector m at the interface."""
        return self._interface().m

    @property
    def spin_current_minus(self) -> FloatArray:
        """Spin current at z = 0-, all three components."""
        return self._interface().current_minus[:CHARGE]

    @property
    def spin_current_plus(self) -> FloatArray:
        """Spin current at z = 0+, all three components."""
        return self._interface().current_plus[:CHARGE]

    @property
    def charge_current_minus(self) -> float:
        """Charge current at z = 0- (zero when both outer faces are closed)."""
        return float(self._interface().current_minus[CHARGE])

    @property
    def charge_current_plus(self) -> float:
        """Charge current at z = 0+ (zero when both outer faces are closed)."""
        return float(self._interface().current_plus[CHARGE])

    @property
    def torque_interface(self) -> FloatArray:
        """tau_mag = 2 u_ex s x m, the torque on the magnetization at the interface."""
        return self._interface().torque

    @property
    def torque_ferromagnet(self) -> FloatArray:
        """Transverse part of the spin current into the ferromagnet (Eq. 10).

        That is of j(0+), or of -j(0-) where the ferromagnet lies below the interface, and
        nothing where neither side is one.
        """
        torque: FloatArray = _ferromagnet_torques([self._interface()])[0]
        return torque

    @property
    def torque_total(self) -> FloatArray:
        """tau_mag + transverse spin current into the ferromagnet (Eq. 15)."""
        return self.torque_interface + self.torque_ferromagnet

    @property
    def torque_lattice(self) -> FloatArray:
        """Transverse part of j(0-) - j(0+) - tau_mag (Eq. 14)."""
        step = self.spin_current_minus - self.spin_current_plus
        return transverse(step, self.magnetization) - self.torque_interface

    def damping_like(self, vector: ArrayLike) -> float:
        """Component of `vector` along d, m x (m x y_p).

        Raises
        ------
        PhysicsError
            If m is parallel to y_p = z x E.
        """
        response = self._interface()
        return float(np.asarray(vector) @ torque_frame(response.m, response.field_direction)[0])

    def field_like(self, vector: ArrayLike) -> float:
        """Component of `vector` along f, m x y_p.

        Raises
        ------
        PhysicsError
            If m is parallel to y_p = z x E.
        """
        response = self._interface()
        return float(np.asarray(vector) @ torque_frame(response.m, response.field_direction)[1])

    def record(self) -> dict[str, FloatArray]:
        """Flat mapping from the names of `torkivity_engine.record.VARIABLES` to arrays.

        Damping-like and field-like parts are NaN where their frame does not exist.
        """
        return {name: value[0] for name, value in response_records([self._interface()]).items()}


@dataclass(frozen=True, eq=False)
class InterfaceResponse(TorqueNames):
    """Response of one interface to an in-plane field.

    Attributes
    ----------
    current_minus, current_plus : ndarray, shape (4,)
        Flow along +z of (x, y, z, charge) at 0- and 0+, per E~, 1/(Ohm m).
    torque : ndarray, shape (3,)
        tau_mag, same unit.
    m, field_direction : ndarray, shape (3,)
        Unit vectors.
    magnet_below : bool or None
        Whether the ferromagnet of this interface lies below it; None if neither side is one.
    """

    current_minus: FloatArray
    current_plus: FloatArray
    torque: FloatArray
    m: FloatArray
    field_direction: FloatArray
    magnet_below: bool | None = False

    def _interface(self) -> InterfaceResponse:
        return self

    def mirrored(self) -> InterfaceResponse:
        """The same response seen upside down (z -> -z): spins are axial, flows change sign."""
        axial = np.array([-1.0, -1.0, 1.0, 1.0])
        return InterfaceResponse(
            current_minus=-axial * self.current_plus,
            current_plus=-axial * self.current_minus,
            torque=axial[:CHARGE] * self.torque,
            m=axial[:CHARGE] * self.m,
            field_direction=self.field_direction,
            magnet_below=None if self.magnet_below is None else not self.magnet_below,
        )


def _ferromagnet_torques(responses: Sequence[InterfaceResponse]) -> FloatArray:
    """Transverse spin current into the ferromagnet at each interface, shape (n, 3)."""
    minus = vectors(r.current_minus[:CHARGE] for r in responses)
    plus = vectors(r.current_plus[:CHARGE] for r in responses)
    below = np.array([r.magnet_below is True for r in responses])[:, None]
    nowhere = np.array([r.magnet_below is None for r in responses])[:, None]
    into = np.where(nowhere, 0.0, np.where(below, -minus, plus))
    return transverse(into, vectors(r.m for r in responses))


def response_records(responses: Sequence[InterfaceResponse]) -> dict[str, FloatArray]:
    """What `TorqueNames.record` gives of each of some responses, in one array per name.

    Parameters
    ----------
    responses : sequence of InterfaceResponse

    Returns
    -------
    dict of str to ndarray, shape (n, ...)
        By the names of `torkivity_engine.record.VARIABLES`; the digits of a response do not
        depend on the others.
    """
    minus = vectors((r.current_minus for r in responses), CHARGE + 1)
    plus = vectors((r.current_plus for r in responses), CHARGE + 1)
    m = vectors(r.m for r in responses)
    own = vectors(r.torque for r in responses)
    ferromagnet = _ferromagnet_torques(responses)
    torques = {
        "interface": own,
        "ferromagnet": ferromagnet,
        "total": own + ferromagnet,
        "lattice": transverse(minus[:, :CHARGE] - plus[:, :CHARGE], m) - own,
    }
    frames = torque_frames(m, vectors(r.field_direction for r in responses))
    return {
        "spin_current_minus": minus[:, :CHARGE],
        "spin_current_plus": plus[:, :CHARGE],
        "charge_current_minus": minus[:, CHARGE],
        "charge_current_plus": plus[:, CHARGE],
        **framed_torques("torque", {part: torques[part] for part in TORQUE_PARTS}, frames),
    }


def framed_torques(
    start: str, torques: Mapping[str, FloatArray], frames: tuple[FloatArray, FloatArray]
) -> dict[str, FloatArray]:
    """Torques by part, shape (n, 3) each, with their components in the frames (d, f)."""
    flat: dict[str, FloatArray] = {}
    for part, torque in torques.items():
        flat[f"{start}_{part}"] = torque
        for component, unit in zip(COMPONENTS, frames, strict=True):
            flat[f"{start}_{part}_{component}"] = dot(torque, unit)
    return flat


def solution_table(interfaces: Sequence[InterfaceResponse]) -> str:
    """Torques at interfaces as HTML."""
    rows = []
    for index, response in enumerate(interfaces):
        record = response.record()
        for part in TORQUE_PARTS:
            vector = record[f"torque_{part}"]
            framed = (record[f"torque_{part}_{component}"] for component in COMPONENTS)
            numbers = [_number(x) for x in (*vector, *framed)]
            rows.append((str(index), part, *numbers))
    titles = (name.replace("_", "-") for name in COMPONENTS)
    columns = ("interface", "torque", "x", "y", "z", *titles)
    return html_table(columns, rows, "Torques per E~ = -E/e, 1/(Ohm m)", keys=2)


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value + 0.0:.5g}"  # + 0.0 turns -0.0 into 0.0


def entering_spin(layer: int, interfaces: Sequence[InterfaceResponse]) -> FloatArray:
    """Spin current that enters a layer through its faces, shape (3,).

    Parameters
    ----------
    layer : int
        Counted from the left (bottom).
    interfaces : sequence of InterfaceResponse
        Those of the stack. Nothing enters through an outer face.
    """
    minus = vectors(r.spin_current_minus for r in interfaces)
    plus = vectors(r.spin_current_plus for r in interfaces)
    return np.asarray(entering_spins(minus, plus)[layer])


def entering_spins(minus: FloatArray, plus: FloatArray) -> FloatArray:
    """The same of every layer, shape (..., n_layers, 3).

    Parameters
    ----------
    minus, plus : ndarray, shape (..., n_interfaces, 3)
        Spin currents at 0- and 0+ of the interfaces.
    """
    entering = np.zeros((*minus.shape[:-2], minus.shape[-2] + 1, 3))
    entering[..., 1:, :] += plus
    entering[..., :-1, :] -= minus
    return entering


@dataclass(frozen=True, eq=False)
class _Solution(TorqueNames):
    interfaces: tuple[InterfaceResponse, ...]

    def at_interface(self, index: int) -> InterfaceResponse:
        """Response of one interface, counted from the left (bottom)."""
        return self.interfaces[index]

    def _repr_html_(self) -> str:
        """Table of the torques at each interface, for notebooks."""
        return solution_table(self.interfaces)

    def _interface(self) -> InterfaceResponse:
        if len(self.interfaces) != 1:
            raise AttributeError(
                f"this stack has {len(self.interfaces)} interfaces: use .at_interface(i)"
            )
        return self.interfaces[0]


@dataclass(frozen=True, eq=False)
class FilmIntegrals:
    """What a whole film carries and feels.

    Attributes
    ----------
    layer_sheet_conductance : ndarray, shape (n_layers, 2, 2), or None
        S; None where no field drives.
    torque_exchange : dict of str to ndarray, shape (3,)
        By the names of the magnets, in the unit of torques.
    """

    layer_sheet_conductance: FloatArray | None
    torque_exchange: dict[str, FloatArray]


@dataclass(frozen=True, eq=False)
class BoltzmannSolution(_Solution):
    """Solution of the Boltzmann equation.

    Attributes
    ----------
    interfaces : tuple of InterfaceResponse
        From left (bottom) to right (top). A film with one interface answers to the torque
        names directly.
    certificates : dict of str to float
        What bounds the error of the numbers: see ``solve_boltzmann``.
    method : {"reduced", "dense"}
    mesh : str
        Description of the mesh.
    profile_of : callable
        What `profile` calls.
    integrals_of : callable
        What `sheet_conductance` and `torque_exchange` call.
    errors : tuple of InterfaceResponse or None
        With ``rtol``: estimated absolute mesh error of the currents and of tau_mag, component
        by component, in place of the values.
    refinement : RefinedMesh or None
        With ``rtol``: how the mesh was found.
    """

    certificates: dict[str, float]
    method: str
    mesh: str
    profile_of: Callable[[int, ArrayLike | None], LayerProfile]
    integrals_of: Callable[[], FilmIntegrals]
    errors: tuple[InterfaceResponse, ...] | None = None
    refinement: RefinedMesh | None = None

    def profile(self, layer: int, z: ArrayLike | None = None) -> LayerProfile:
        """Currents, accumulations and torque density through one layer.

        Parameters
        ----------
        layer : int
            Counted from the left (bottom).
        z : array_like, optional
            Depths in nm from the layer's left face; by default 41 points that crowd towards
            the faces.

        Returns
        -------
        LayerProfile

        Raises
        ------
        InputError
            For a layer that is not there or a depth outside it.
        """
        return self.profile_of(layer, z)

    def _repr_html_(self) -> str:
        """Torques, and what bounds their error, for notebooks."""
        rows = [
            (name.replace("_", " "), f"{value:.1e}", CERTIFICATES.get(name, ""))
            for name, value in self.certificates.items()
        ]
        made = f"Boltzmann equation, {self.method} method on {self.mesh}"
        return solution_table(self.interfaces) + html_table(("error indicator", "", ""), rows, made)

    @property
    def layer_sheet_conductance(self) -> FloatArray:
        """Sheet conductance of every layer in S, shape (n_layers, 2, 2).

        Charge current of both spins in the plane, integrated over the layer: along the first
        index (x, y) per field along the second. It depends on m. What it takes is computed
        when it is first asked for.

        Raises
        ------
        InputError
            If reservoirs drive the film instead of a field.
        PhysicsError
            For a half space, which conducts without end.
        """
        found = self.integrals_of().layer_sheet_conductance
        if found is None:
            raise InputError("source", "reservoirs", "has no field that a conductance is per")
        return found

    @property
    def sheet_conductance(self) -> FloatArray:
        """Sheet conductance of the film in S, shape (2, 2): the sum over its layers."""
        total: FloatArray = self.layer_sheet_conductance.sum(axis=0)
        return total

    @property
    def torque_exchange(self) -> FloatArray:
        """tau_ex, shape (3,): all that exchange gives to the magnetization of the one magnet.

        tau_mag of its interfaces and, in its bulk, (4 pi C / l_prec) int <g_s> dz x m, which
        leaves out what the magnet's collisions give to the lattice. Of several magnets see
        `torque_exchange_on`.
        """
        torques = self.integrals_of().torque_exchange
        if len(torques) != 1:
            raise AttributeError(
                f"this stack has {len(torques)} magnets: use .torque_exchange_on(name)"
            )
        return next(iter(torques.values()))

    def torque_exchange_on(self, name: str) -> FloatArray:
        """tau_ex on one magnet by the name of its layer, shape (3,).

        Raises
        ------
        InputError
            For a name that no magnet of the film has.
        """
        torques = self.integrals_of().torque_exchange
        if name not in torques:
            known = ", ".join(torques) or "none: the film has no magnet"
            raise InputError("magnet", name, f"must be one of {known}")
        return torques[name]


@dataclass(frozen=True, eq=False)
class DriftDiffusionSolution(_Solution):
    """Solution of the drift-diffusion equations.

    Attributes
    ----------
    interfaces : tuple of InterfaceResponse
    parameters : str
        Interface parameters: "particular", "half_space" or "boundary_layer".
    ferromagnet : {"dephased", "finite", "exact"}
        "exact" belongs to the boundary-layer parameters.
    conductance_of : callable or None
        What `sheet_conductance` calls; None where it is not known.
    profile_of : callable or None
        What `profile` calls; None where accumulations are not known.
    refinement : RefinedMesh or None
        With ``rtol``: how the mesh of the interface parameters was found.
    """

    parameters: str
    ferromagnet: str
    conductance_of: Callable[[], FloatArray] | None = None
    profile_of: Callable[[int, ArrayLike | None], DiffusionProfile] | None = None
    refinement: RefinedMesh | None = None

    def profile(self, layer: int, z: ArrayLike | None = None) -> DiffusionProfile:
        """Currents, accumulations and torque density through one layer.

        At the dephased level a ferromagnet has no accumulation: what enters it is taken in at
        the interface.

        Parameters
        ----------
        layer : int
            Counted from the left (bottom).
        z : array_like, optional
            Depths in nm from the layer's left face; by default 41 points that crowd towards
            the faces.

        Returns
        -------
        DiffusionProfile

        Raises
        ------
        InputError
            For a layer that is not there or a depth outside it.
        PhysicsError
            For boundary-layer parameters, which know the film's torques only.
        """
        if self.profile_of is None:
            raise PhysicsError("boundary-layer parameters know no accumulations inside a layer")
        return self.profile_of(layer, z)

    @property
    def sheet_conductance(self) -> FloatArray:
        """Sheet conductance of the film in S, shape (2, 2).

        Charge current of both spins along the first index (x, y) per field along the second:
        conductivities times thicknesses, and what accumulations drive in the plane by the
        inverse spin Hall effect and its counterpart at the interfaces. That faces and
        interfaces scatter the current itself is left to the Boltzmann equation.

        Raises
        ------
        PhysicsError
            For boundary-layer parameters, which know the film's torques only, half spaces, and
            reservoirs that drive the film.
        """
        if self.conductance_of is None:
            raise PhysicsError(
                "no sheet conductance of boundary-layer parameters, of a half space, or where "
                "reservoirs drive the film"
            )
        return self.conductance_of()
