"""Interfaces given by their amplitudes at a set of k_parallel."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.film.checks import Vector, set_field
from torkivity_engine.film.component import Leaf, hashable
from torkivity_engine.film.interface import Interface, Scattering
from torkivity_engine.film.quantity import Direction
from torkivity_engine.kinetics.amplitudes import OBSERVABLES, AmplitudeTable, TableSide

__all__ = ["TabulatedInterface"]


@dataclass(frozen=True, eq=False)
class TabulatedInterface(Interface):
    """Interface given by flux-normalised amplitudes at a set of k_parallel.

    It holds for one direction of m, and its spin-orbit coupling cannot be switched off.

    Parameters
    ----------
    k_parallel : array_like, shape (n_points, 2)
        1/nm.
    weights : array_like, shape (n_points,)
        Area d^2 k_parallel of each point, 1/nm^2.
    below, above : TableSide
        Incoming and outgoing modes with their velocities in m/s.
    amplitudes : array_like of complex, shape (n_points, n_outgoing, n_incoming)
        Rows are outgoing modes, those below first; columns incoming ones.
    magnetization : vector, optional
        Direction of m that the table was made for; None for an interface without a magnet.
    torque_matrices, current_below, current_above : array_like of complex, optional
        Shape (n_points, 3, n_incoming, n_incoming), see
        `torkivity_engine.kinetics.amplitudes.AmplitudeTable`.
    file : str, optional
        Where the table was read from.

    Raises
    ------
    InputError
        Naming the array and what is wrong with it.
    """

    kind: ClassVar[str] = "table"

    k_parallel: Any
    weights: Any
    below: TableSide
    above: TableSide
    amplitudes: Any
    magnetization: Annotated[Vector | None, Direction()] = None
    torque_matrices: Any = None
    current_below: Any = None
    current_above: Any = None
    file: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        table = AmplitudeTable(
            self.k_parallel,
            self.weights,
            self.below,
            self.above,
            self.amplitudes,
            self.magnetization,
            **{key: getattr(self, key) for key in OBSERVABLES},
        )
        self._keep(table)

    def _keep(self, table: AmplitudeTable) -> None:
        for key in ("k_parallel", "weights", "below", "above", "amplitudes", *OBSERVABLES):
            set_field(self, key, getattr(table, key))
        set_field(self, "_table", table)

    @classmethod
    def of(cls, table: AmplitudeTable, file: str | None = None) -> Self:
        """The interface of a checked table."""
        made = cls.__new__(cls)
        set_field(made, "magnetization", table.magnetization)
        set_field(made, "file", file)
        Interface.__post_init__(made)
        made._keep(table)
        return made

    @property
    def magnetic(self) -> bool:
        """Whether the table was made for a direction of m."""
        return self.magnetization is not None

    def table(self) -> AmplitudeTable:
        """Its amplitudes."""
        found: AmplitudeTable = vars(self)["_table"]
        return found

    @cached_property
    def _digest(self) -> tuple[Any, ...]:
        table = self.table()
        sides = [part for side in table.sides for part in (side.magnetic, *side[1], *side[2])]
        arrays = [table.k_parallel, table.weights, table.amplitudes, *sides]
        arrays += [getattr(table, key) for key in OBSERVABLES]
        # One zero: equal numbers, equal digits.
        numbers = [hashable(a + 0.0 if isinstance(a, np.ndarray) else a) for a in arrays]
        return (type(self), self.magnetization, *numbers)

    @property
    def digest(self) -> str:
        """Short fingerprint of everything in the table."""
        return hashlib.sha256(repr(self._digest[1:]).encode()).hexdigest()[:16]

    def leaves(self, fermi_wavevector: float) -> dict[str, Leaf]:
        """No parameters: a table is what it is."""
        return {}

    def as_given(self, fermi_wavevector: float) -> dict[str, Any]:
        """File and digest, by which a configuration names the table."""
        if self.file is None:
            raise InputError(
                "interface", "a table in memory", "must be in a file to be named: write_amplitudes"
            )
        return {"file": self.file, "digest": self.digest}

    def kinetic_key(self) -> Hashable:
        """Digest of everything in the table."""
        return self._digest

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TabulatedInterface):
            return NotImplemented
        return self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.file or f'{len(self.weights)} points'})"

    def turned(self, magnetization: Vector | None) -> Self:
        """Itself: a table holds for one direction of m.

        Raises
        ------
        InputError
            For another direction.
        """
        own = self.magnetization
        same = magnetization is not None and np.allclose(own or 0.0, magnetization, atol=1e-9)
        if own is None or same:
            return self
        raise InputError("magnetization", magnetization, f"must be {own}, as in the table")

    def mirrored(self) -> Self:
        """Its image under z -> -z."""
        return self.of(self.table().mirrored(), self.file)

    def scattering(self, m: ArrayLike, directions: ArrayLike) -> Scattering:
        """Raises an error: a table knows its own k_parallel alone."""
        raise InputError(
            "interface",
            self.kind,
            "is known at its own k_parallel alone, which this method does not take",
        )

    def torque(self, density: FloatArray, m: ArrayLike) -> FloatArray:
        """What its matrices give already: the torque itself takes the place of the density."""
        return density

    def without_spin_orbit(self) -> Self:
        """Raises an error: the spin-orbit coupling of a table is part of its amplitudes."""
        raise InputError(
            "source", "spin_hall", "cannot switch off the spin-orbit coupling of a table"
        )

    def with_mirrored_spin_orbit(self) -> Self:
        """Itself; `mirrored` knows the whole image."""
        return self
