"""Interfaces given by conductances and by the currents that a field drives at them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.film.checks import Vector
from torkivity_engine.film.interface import Interface, Scattering
from torkivity_engine.film.parts import COMPLEX, Parts
from torkivity_engine.film.quantity import (
    AREA_RESISTANCE,
    CONDUCTANCE,
    DRIVEN,
    Direction,
    Quantity,
)
from torkivity_engine.kinetics.circuit import (
    Circuit,
    InterfaceLaw,
    axial_conductance,
    memory_loss,
)
from torkivity_engine.spin import CHARGE, cross_matrix, rotation_to, transverse

__all__ = ["CircuitInterface"]

_FRAME, _VECTOR = ("damping_like", "field_like"), ("x", "y", "z")
_Current = Parts((_FRAME, _VECTOR, (*_VECTOR, "charge")))
_Torque = Parts((_FRAME, _VECTOR))
_Driven = complex | tuple[float, ...] | float


@dataclass(frozen=True)
class CircuitInterface(Interface):
    """Interface by the conductances of circuit theory, as they are quoted.

    With n = -m, j(0-) = A mu(0-) - T mu(0+) + j_E(0-) and j(0+) = T mu(0-) - A mu(0+) + j_E(0+),
    the same on both faces. A = T for charge and spins along m: (G_up + G_down) / 2, coupled by
    (G_up - G_down) / 2. Across m, A is the mixing conductance and T the transmitted one,
    j_1 + i j_2 = G (mu_1 + i mu_2) in a right-handed frame (e_1, e_2, m). The torque on m is
    (G - Gamma)[mu(0-) + mu(0+)] across m, and tau_E.

    Parameters
    ----------
    conductance_majority, conductance_minority : float
        G_up and G_down of spins along -m and m, 1/(Ohm m^2); ``inf`` is a perfect contact.
    mixing_conductance : complex
        G, 1/(Ohm m^2); ``inf`` takes in all spins across m on both sides, or with an infinite
        transmitted one lets them through.
    transmitted_mixing_conductance : complex, optional
        Gamma, 1/(Ohm m^2).
    current_below, current_above, torque : optional
        What a field drives: j_E(0-), j_E(0+) and tau_E, per E~, 1/(Ohm m). Two numbers, or a
        complex one, are damping-like and field-like parts, along m x (m x y_p) and m x y_p with
        y_p = z x E, and follow m. Three are Cartesian with the field along x, and turn with the
        field. A fourth one is the charge current, the same below and above.
    area_resistance : float, optional
        AR in Ohm m^2 of what lies in series on the side of the metal.
    spin_memory_loss : float, optional
        delta of it: its thickness over its spin diffusion length.
    magnetization : vector, optional
        As in `RashbaInterface`.

    Raises
    ------
    InputError
        If a value is out of range, or values do not go together.
    """

    kind: ClassVar[str] = "circuit"
    unkinetic: ClassVar[str] = "scattering amplitudes"

    conductance_majority: Annotated[
        float, CONDUCTANCE.named("conductance of majority spins", r"$G_\uparrow$")
    ]
    conductance_minority: Annotated[
        float, CONDUCTANCE.named("conductance of minority spins", r"$G_\downarrow$")
    ]
    mixing_conductance: Annotated[
        complex, CONDUCTANCE.named("mixing conductance", r"$G_{\uparrow\downarrow}$"), COMPLEX
    ]
    transmitted_mixing_conductance: Annotated[
        complex,
        replace(CONDUCTANCE, ge=-1e25).named("transmitted mixing conductance", r"$\Gamma$"),
        COMPLEX,
    ] = 0.0
    current_below: Annotated[
        _Driven, DRIVEN.named("driven current below", r"$j_E(0^-)$"), _Current
    ] = 0.0
    current_above: Annotated[
        _Driven, DRIVEN.named("driven current above", r"$j_E(0^+)$"), _Current
    ] = 0.0
    torque: Annotated[_Driven, DRIVEN.named("driven torque", r"$\tau_E$"), _Torque] = 0.0  # type: ignore[assignment]
    area_resistance: Annotated[float, AREA_RESISTANCE] = 0.0
    spin_memory_loss: Annotated[
        float, Quantity("1", "spin memory loss", r"$\delta$", ge=0.0, le=50.0)
    ] = 0.0
    magnetization: Annotated[Vector | None, Direction()] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spin_memory_loss > 0.0 and self.area_resistance == 0.0:
            raise InputError(
                "area_resistance", 0.0, "must be positive where there is spin memory loss"
            )
        if math.isinf(self._transmitted.real) and not math.isinf(self._mixing.real):
            raise InputError(
                "mixing_conductance",
                self.mixing_conductance,
                "must be infinite where the transmitted one is",
            )
        below, above = (
            value[CHARGE] if len(value) > CHARGE else 0.0
            for value in (self._drive("current_below"), self._drive("current_above"))
        )
        if below != above:
            raise InputError(
                "current_above", above, f"must carry the charge of current_below, {below:g}"
            )

    @property
    def _mixing(self) -> complex:
        return complex(self.mixing_conductance)

    @property
    def _transmitted(self) -> complex:
        return complex(self.transmitted_mixing_conductance)

    def _drive(self, name: str) -> tuple[float, ...]:
        value: tuple[float, ...] = getattr(self, name)
        return value

    @property
    def magnetic(self) -> bool:
        """Whether it knows a direction of m."""
        conductances = {
            complex(self.conductance_majority),
            complex(self.conductance_minority),
            self._mixing,
            self._transmitted,
        }
        framed = (self._drive(name) for name in _DRIVES if len(self._drive(name)) == len(_FRAME))
        return len(conductances) > 1 or any(map(np.any, framed)) or bool(np.any(self.torque))

    def mixing_conductances(self) -> tuple[complex, complex]:
        """G and Gamma in 1/(Ohm m^2)."""
        return self._mixing, self._transmitted

    def circuit(
        self, m: ArrayLike, field_direction: ArrayLike, magnet_below: bool | None
    ) -> Circuit:
        """Law of the interface, see `Interface.circuit`."""
        axis = np.asarray(m, dtype=np.float64)
        vectors = {name: self._vector(name, axis, field_direction) for name in _DRIVES}
        up, down = (_finite(g) for g in (self.conductance_majority, self.conductance_minority))
        absorbs = math.isinf(self._mixing.real)
        mixing, transmitted = (0.0 + 0.0j,) * 2 if absorbs else (self._mixing, self._transmitted)
        reflection = axial_conductance(up, down, mixing, axis)
        transmission = axial_conductance(up, down, transmitted, axis)
        torque = axial_conductance(0.0, 0.0, mixing - transmitted, axis)[:CHARGE]
        law = InterfaceLaw(
            *(reflection, transmission, reflection, transmission),
            *(vectors["current_below"], vectors["current_above"], self._perfect(axis)),
        )
        series = None
        if self.area_resistance > 0.0:
            series = memory_loss(self.area_resistance, self.spin_memory_loss)
        drive = transverse(vectors["torque"][:CHARGE], axis)
        through = math.isinf(self._transmitted.real)
        return Circuit(law, torque, torque, drive, absorbs and not through, series)

    def _perfect(self, m: FloatArray) -> FloatArray:
        """Rows of the law for what is infinite."""
        rows = []
        for conductance, spin in ((self.conductance_majority, -m), (self.conductance_minority, m)):
            if math.isinf(conductance):
                along = 0.5 * np.append(spin, 1.0)
                rows.append(np.append(along, -along))
        if math.isinf(self._mixing.real):
            across = np.zeros((2, 4))
            across[:, :CHARGE] = rotation_to(m)[:, :2].T
            none = np.zeros(4)
            for e in across:
                if math.isinf(self._transmitted.real):
                    rows.append(np.append(e, -e) / math.sqrt(2.0))
                else:
                    rows += [np.append(e, none), np.append(none, e)]
        return np.array(rows).reshape(-1, 8)

    def _vector(self, name: str, m: FloatArray, field_direction: ArrayLike) -> FloatArray:
        """A driven current or torque, Cartesian, shape (4,)."""
        value = self._drive(name)
        x, y, _ = np.asarray(field_direction, dtype=np.float64)
        vector = np.zeros(4)
        if len(value) == len(_FRAME):
            turn = cross_matrix(m)
            field_like = turn @ np.array([-y, x, 0.0])
            vector[:CHARGE] = value[0] * (turn @ field_like) + value[1] * field_like
            return vector
        vector[: len(value)] = value
        turned = np.array([[x, -y], [y, x]]) @ vector[:2]
        vector[:2] = turned
        return vector

    def torque_from(self, density: FloatArray, m: ArrayLike) -> FloatArray:
        """What its circuit gives already, see `Interface.torque_from`."""
        return density

    def scattering(self, m: ArrayLike, directions: ArrayLike) -> Scattering:
        """Raises an error: conductances do not say how electrons scatter."""
        raise InputError("interface", self.kind, f"lacks {self.unkinetic}")

    def without_spin_orbit(self) -> Self:
        """The same interface without driven currents and torque."""
        return self.with_driven(())

    def with_driven(self, names: tuple[str, ...]) -> Self:
        """The same interface with some driven currents alone, see `Interface.with_driven`."""
        off: dict[str, Any] = {
            name: 0.0 for name in _DRIVES if name not in names and np.any(self._drive(name))
        }
        if off and {"current_below", "current_above"} & off.keys():
            # Charge that flows through belongs to both currents, so it goes with either.
            off |= {
                name: (*self._drive(name)[:CHARGE], 0.0)
                for name in names
                if len(self._drive(name)) > CHARGE
            }
        return replace(self, **off) if off else self

    def drives(self, name: str) -> bool:
        """Whether a field drives this current or torque here, see `Interface.drives`."""
        return name in _DRIVES and bool(np.any(self._drive(name)))

    def with_mirrored_spin_orbit(self) -> Self:
        """The same interface upside down: what flows along z changes sign, and the sides places."""

        def image(value: tuple[float, ...]) -> tuple[float, ...]:
            if len(value) == len(_FRAME):
                return value
            return tuple(v * s for v, s in zip(value, (1.0, 1.0, -1.0, -1.0), strict=False))

        torque = tuple(
            v * s for v, s in zip(self._drive("torque"), (-1.0, -1.0, 1.0), strict=False)
        )
        return replace(
            self,
            current_below=image(self._drive("current_above")),
            current_above=image(self._drive("current_below")),
            torque=torque,
        )


_DRIVES = ("current_below", "current_above", "torque")


def _finite(conductance: float) -> float:
    return 0.0 if math.isinf(conductance) else conductance
