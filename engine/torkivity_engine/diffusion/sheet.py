"""Current in the plane in drift-diffusion: conductivities, and what accumulations drive.

A heavy metal carries J_c = (sigma / 2)(E~ + theta z x dmu_s/dz): over its thickness the second
term is j_sH . [mu_s(top) - mu_s(bottom)] with j_sH the spin Hall current of a field along J. An
interface that a field drives, j_E, carries by reciprocity a current of its own,

    J = -j_E,s(0-) . mu_s(0-) + j_E,c(0-) mu_c(0-) + j_E,s(0+) . mu_s(0+) - j_E,c(0+) mu_c(0+),

with j_E at -m for a field along J; without it Onsager's relation G_ab(m) = G_ba(-m) would fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.elements import FilmState
from torkivity_engine.diffusion.network import InterfaceLaw
from torkivity_engine.film.stack import Stack, reversed_magnets
from torkivity_engine.spin import CHARGE

__all__ = ["sheet_conductance", "spin_hall_direction"]


def spin_hall_direction(stack: Stack) -> FloatArray:
    """y_p = z x E, the polarisation of the spin Hall current along z."""
    x, y, _ = stack.field_direction
    return np.array([-y, x, 0.0])


def sheet_conductance(
    stack: Stack,
    state: Callable[[Stack], FilmState],
    laws: Callable[[Stack], list[InterfaceLaw]],
    spin_hall: bool,
) -> FloatArray:
    """Sheet conductance of a film.

    Parameters
    ----------
    stack : Stack
    state : callable
        From a stack to how its field drives it.
    laws : callable
        From a stack to the laws of its interfaces.
    spin_hall : bool
        Whether metals have a spin Hall effect.

    Returns
    -------
    ndarray, shape (2, 2)
        S; first index current, second field.
    """
    along = [replace(stack, field_direction_deg=angle) for angle in (0.0, 90.0)]
    states = [state(film) for film in along]
    reversed_laws = [laws(reversed_magnets(film)) for film in along]
    k_f = stack.fermi_wavevector
    bulk = sum(layer.conductivity_in(k_f) * layer.thickness for layer in stack.layers)
    total = bulk * METRE_PER_NM * np.eye(2)
    for b, found in enumerate(states):
        for a, back in enumerate(reversed_laws):
            current = _at_interfaces(back, found.accumulations)
            if spin_hall:
                assert found.faces is not None
                current += _in_metals(along[a], found.faces)
            total[a, b] += 2.0 * current
    return total


def _at_interfaces(laws: list[InterfaceLaw], accumulations: FloatArray) -> float:
    """What accumulations drive along interfaces, from their laws at -m for a field along it."""
    sign = np.array([-1.0, -1.0, -1.0, 1.0])
    return sum(
        float(law.drive_minus @ (sign * minus) - law.drive_plus @ (sign * plus))
        for law, (minus, plus) in zip(laws, accumulations.reshape(-1, 2, 4), strict=True)
    )


def _in_metals(reading: Stack, faces: FloatArray) -> float:
    """Inverse spin Hall current along the field of `reading`, from mu at the faces of layers."""
    y_p = spin_hall_direction(reading)
    return sum(
        float(layer.spin_hall_current(reading.fermi_wavevector, y_p) @ (top - bottom)[:CHARGE])
        for layer, (bottom, top) in zip(reading.layers, faces, strict=True)
    )
