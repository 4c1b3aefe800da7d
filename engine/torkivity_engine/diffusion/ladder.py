"""Spin diffusion through layers one on the other, in closed form, for one complex channel.

What lies on one side of a ferromagnet is a ladder of layers that ends in a closed face. Each has

    j(bottom) = through (mu_b - mu_t) + loss mu_b + source,
    j(top)    = through (mu_b - mu_t) - loss mu_t + source,

flow towards the ferromagnet, with through = (sigma / 2 l) / sinh(t / l), loss = (sigma / 2 l)
tanh(t / 2 l) for diffusion over a length l, and the spin Hall current as the source. Spin memory
loss at an interface is a layer of the same form. A complex conductance g acts on
mu_1 + i mu_2 in a right-handed frame (e_1, e_2, m) as Re g + Im g m x. All arrays broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import InputError

__all__ = ["Absorbed", "Rung", "absorb", "diffusive_rung", "memory_loss_rung", "pumped_conductance"]


class Rung(NamedTuple):
    """One layer of a ladder.

    Attributes
    ----------
    through, loss : ndarray
        1/(Ohm m^2).
    source : ndarray
        Spin Hall current towards the ferromagnet, in any unit.
    """

    through: FloatArray
    loss: FloatArray
    source: FloatArray


class Absorbed(NamedTuple):
    """What a ferromagnet takes from a ladder.

    Attributes
    ----------
    current : ndarray of complex
        Into the ferromagnet, in the unit of the sources.
    self_induced : ndarray of complex
        Sum over the layers of source times the accumulation at its top less that at its bottom:
        twice this is what the inverse spin Hall effect adds to the sheet conductance.
    """

    current: ComplexArray
    self_induced: ComplexArray


def diffusive_rung(
    thickness: ArrayLike, conductivity: ArrayLike, length: ArrayLike, source: ArrayLike = 0.0
) -> Rung:
    """Layer in which spins diffuse.

    Parameters
    ----------
    thickness, length : array_like
        And spin diffusion length, nm.
    conductivity : array_like
        Of both spins, 1/(Ohm m).
    source : array_like, optional
        Spin Hall current.
    """
    own_length = np.asarray(length, dtype=np.float64)
    x = np.asarray(thickness, dtype=np.float64) / own_length
    admittance = 0.5 * np.asarray(conductivity, dtype=np.float64) / (own_length * METRE_PER_NM)
    decayed = np.exp(-x)  # sinh would overflow in thick layers
    through = admittance * 2.0 * decayed / -np.expm1(-2.0 * x)
    return Rung(through, admittance * np.tanh(0.5 * x), np.asarray(source, dtype=np.float64))


def memory_loss_rung(area_resistance: float, memory_loss: float) -> Rung:
    """Interface that flips spins, of area resistance AR with delta = thickness over length.

    Parameters
    ----------
    area_resistance : float
        AR in Ohm m^2, of both spins together.
    memory_loss : float
        delta.

    Raises
    ------
    InputError
        If either is negative, or spins are lost without a resistance.
    """
    if area_resistance < 0.0 or memory_loss < 0.0:
        raise InputError(
            *("memory_loss, area_resistance", (memory_loss, area_resistance)),
            "must not be negative",
        )
    if area_resistance == 0.0:
        raise InputError(
            "memory_loss", memory_loss, "needs an area resistance of the interface above zero"
        )
    half = 0.5 / area_resistance
    ratio = memory_loss / np.sinh(memory_loss) if memory_loss > 0.0 else 1.0
    return Rung(
        np.asarray(half * ratio),
        np.asarray(half * memory_loss * np.tanh(0.5 * memory_loss)),
        np.asarray(0.0),
    )


def absorb(rungs: Sequence[Rung], conductance: complex, drive: ArrayLike = 0.0) -> Absorbed:
    """Spin current j = G mu + drive into a ferromagnet on top of a ladder.

    Parameters
    ----------
    rungs : sequence of Rung
        From the closed face to the ferromagnet, at least one.
    conductance : complex
        G, 1/(Ohm m^2); infinite for a perfect sink, where a drive has no meaning and is ignored.
    drive : array_like of complex, optional
        Current that the field drives at the interface, in the unit of the sources.
    """
    admittance, current, states = _fold(rungs)
    own = np.asarray(drive, dtype=np.complex128)
    if np.isinf(conductance):
        mu, taken = np.zeros_like(current), current
    else:
        mu = (current - own) / (conductance + admittance)
        taken = (conductance * current + admittance * own) / (conductance + admittance)
    induced = np.zeros_like(mu)
    for rung, (below, flow) in zip(reversed(rungs), reversed(states), strict=True):
        bottom = (flow - rung.source + rung.through * mu) / (below + rung.through + rung.loss)
        induced = induced + rung.source * (mu - bottom)
        mu = bottom
    return Absorbed(taken, induced)


def pumped_conductance(rungs: Sequence[Rung], conductance: complex) -> FloatArray:
    """Re G of an interface with what flows back from the ladder: what damps the ferromagnet.

    Parameters
    ----------
    rungs : sequence of Rung
    conductance : complex
        G, 1/(Ohm m^2).

    Returns
    -------
    ndarray
        Re [G Y / (G + Y)] with Y what the ladder takes, 1/(Ohm m^2): with memory loss too, all
        that leaves the ferromagnet counts.
    """
    admittance = _fold(rungs)[0]
    if np.isinf(conductance):
        return np.asarray(admittance.real)
    return np.asarray((conductance * admittance / (conductance + admittance)).real)


def _fold(
    rungs: Sequence[Rung],
) -> tuple[ComplexArray, ComplexArray, list[tuple[ComplexArray, ComplexArray]]]:
    """Ladder as j = flow - admittance mu at its top; and the same at the bottom of each rung."""
    admittance = flow = np.zeros((), dtype=np.complex128)
    states = []
    for rung in rungs:
        states.append((admittance, flow))
        through, loss, source = rung
        total = admittance + through + loss
        flow = (source * (admittance + loss) + through * flow) / total
        admittance = ((through + loss) * admittance + loss * (loss + 2.0 * through)) / total
    return admittance, flow, states
