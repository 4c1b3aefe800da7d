"""The half-space problems of the thickness formula on the modes of tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.dense.tables import Arriving, TableStates, solve_tables
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.boundaries import BOTTOM, TOP, HalfSpace
from torkivity_engine.film.stack import Stack
from torkivity_engine.film.table_film import TableFilm, TableLayer, table_film
from torkivity_engine.spin import CHARGE

__all__ = ["TableHalfSpaces", "table_half_spaces"]

#: How far the decay of both slow modes may differ.
_SYMMETRIC = 1e-6


@dataclass(frozen=True, eq=False)
class TableHalfSpaces:
    """Solved half spaces of a stack with its heavy metal at the bottom, lengths in nm.

    Attributes
    ----------
    kappa : float
        Decay constant of the slow spin modes, 1/nm.
    current : float
        Spin current of a decaying mode with unit accumulation, without the prefactor C.
    returned : ndarray, shape (3, 5)
        Growing modes that the interface sends out, for fields along x and y and for each
        decaying mode that arrives.
    sent : ndarray, shape (3, 5)
        Decaying modes that the outer face sends out, for each growing mode that arrives.
    minus, plus, torque : ndarray, shape (n_interfaces, 4 or 3, 5)
    """

    kappa: float
    current: float
    returned: FloatArray
    sent: FloatArray
    minus: FloatArray
    plus: FloatArray
    torque: FloatArray


class _Slow:
    """Slow modes phi_-+ = s / (1/lambda -+ kappa mu) on the lanes of a metal."""

    def __init__(self, layer: TableLayer) -> None:
        layer.layer.require_slow_modes()
        terms = layer.terms()
        rate, spin = float(terms.k_out[CHARGE, CHARGE]), float(terms.k_in[0, 0, 0, 0])
        velocity = layer.reference_velocity(1)
        mu = [own.velocity[:, 2] / velocity for own in layer.lanes]
        area = [layer.weights[own.point] for own in layer.lanes]
        both, weight = np.concatenate(mu), np.concatenate(area)
        from scipy.optimize import brentq  # takes longer to import than a film takes to solve

        weight = weight / np.abs(both)
        weight = weight / weight.sum()

        def miss(kappa: float) -> float:
            return float(weight @ (spin / (rate - kappa * both))) - 1.0

        edge = rate / float(np.abs(both).max())
        if not miss(0.0) < 0.0 or not miss(edge * (1.0 - 1e-12)) > 0.0:
            raise PhysicsError(
                "no slow decaying spin mode on the modes of the table: spins flip too fast, or not "
                "at all"
            )
        self.kappa = float(brentq(miss, 0.0, edge * (1.0 - 1e-12), xtol=1e-300, rtol=1e-15))
        if abs(miss(-self.kappa)) > _SYMMETRIC:
            raise PhysicsError(
                "the modes of the heavy metal in the table are not symmetric under v -> -v, so "
                "that slow modes towards both sides differ; use the Boltzmann equation"
            )
        self._area = area
        self.decaying, self.growing = (
            [spin / (rate - sign * self.kappa * part) for part in mu] for sign in (1.0, -1.0)
        )

    def arriving(self, modes: list[FloatArray], side: int) -> Arriving:
        """A unit of each spin in these modes."""
        spins = np.eye(4)[:, :CHARGE]
        up, down = ((part[:, None, None] * spins).reshape(-1, CHARGE) for part in modes)
        return Arriving(side, (up, down))

    def flux(self, a: list[FloatArray], b: list[FloatArray]) -> float:
        """Integral of v_z a b over |v_z|."""
        up, down = (w @ (x * y) for w, x, y in zip(self._area, a, b, strict=True))
        return float(up - down)

    def amplitudes(self, modes: list[FloatArray], states: TableStates, side: int) -> FloatArray:
        """Amplitudes of these modes in what leaves a face, shape (3, 5)."""
        parts = [
            np.einsum("l,lsc->sc", w * phi, g.reshape(len(phi), 4, -1)[:, :CHARGE])
            for w, phi, g in zip(self._area, modes, states.outgoing(side), strict=True)
        ]
        found = (parts[0] - parts[1]) / self.flux(modes, modes)
        return np.delete(found, 2, axis=1)


def table_half_spaces(stack: Stack) -> TableHalfSpaces:
    """Solve interface and outer face, each beside a half space of the heavy metal."""
    inner = table_film(replace(stack, left=HalfSpace()))
    slow = _Slow(inner.layers[0])
    states = solve_tables(inner, arriving=slow.arriving(slow.decaying, TOP))
    returned = slow.amplitudes(slow.growing, states, TOP)

    def kept(values: FloatArray) -> FloatArray:
        return np.delete(values, 2, axis=2)

    sent = np.zeros((CHARGE, 5))
    if not stack.left.endless:
        alone = replace(
            stack,
            layers=stack.layers[:1],
            interfaces=(),
            right=HalfSpace(),
            layer_names=None,
            interface_names=None,
        )
        outer = TableFilm(alone, inner.layers[:1], (), ())
        face = solve_tables(outer, arriving=slow.arriving(slow.growing, BOTTOM))
        sent = slow.amplitudes(slow.decaying, face, BOTTOM)
    ones = [np.ones_like(part) for part in slow.decaying]
    return TableHalfSpaces(
        kappa=slow.kappa,
        current=slow.flux(slow.decaying, ones),
        returned=returned,
        sent=sent,
        minus=kept(states.minus),
        plus=kept(states.plus),
        torque=kept(states.density),
    )
