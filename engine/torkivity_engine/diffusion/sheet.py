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
from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.network import InterfaceLaw
from torkivity_engine.film.stack import Stack, reversed_magnets
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.spin import CHARGE

__all__ = [
    "Accumulations",
    "NetworkState",
    "sheet_conductance",
    "spin_hall_direction",
]

#: mu(0-) and mu(0+) of every interface, shape (4,) each, in m per E~.
Accumulations = list[tuple[FloatArray, FloatArray]]


class NetworkState(NamedTuple):
    """A film driven by a field.

    Attributes
    ----------
    laws : list of InterfaceLaw
    accumulations : list of tuple of ndarray
        mu(0-) and mu(0+) of every interface.
    """

    laws: list[InterfaceLaw]
    accumulations: Accumulations


def spin_hall_direction(stack: Stack) -> FloatArray:
    """y_p = z x E, the polarisation of the spin Hall current along z."""
    x, y, _ = stack.field_direction
    return np.array([-y, x, 0.0])


def sheet_conductance(
    stack: Stack,
    state: Callable[[Stack], NetworkState],
    spin_hall: bool,
    exact: bool,
    dephased: bool,
) -> FloatArray:
    """Sheet conductance of a film with closed outer faces.

    Parameters
    ----------
    stack : Stack
    state : callable
        From a stack to how its field drives it.
    spin_hall : bool
        Whether heavy metals have a spin Hall effect.
    exact : bool
        Which spin diffusion length.
    dephased : bool
        Whether accumulations are known across m only: along m the interface then counts as
        closed.

    Returns
    -------
    ndarray, shape (2, 2)
        S; first index current, second field.
    """
    along = [replace(stack, field_direction_deg=angle) for angle in (0.0, 90.0)]
    states = [state(film) for film in along]
    reversed_laws = [state(reversed_magnets(film)).laws for film in along]
    k_f = stack.fermi_wavevector
    bulk = sum(layer.conductivity(k_f) * layer.thickness * METRE_PER_NM for layer in stack.layers)
    total = bulk * np.eye(2)
    for b, (driven, found) in enumerate(zip(along, states, strict=True)):
        for a, laws in enumerate(reversed_laws):
            current = _at_interfaces(laws, found.accumulations)
            if spin_hall:
                current += _in_metals(along[a], driven, found.accumulations, exact, dephased)
            total[a, b] += 2.0 * current
    return total


def _at_interfaces(laws: list[InterfaceLaw], accumulations: Accumulations) -> float:
    """What accumulations drive along interfaces, from their laws at -m for a field along it."""
    sign = np.array([-1.0, -1.0, -1.0, 1.0])
    return sum(
        float(law.drive_minus @ (sign * minus) - law.drive_plus @ (sign * plus))
        for law, (minus, plus) in zip(laws, accumulations, strict=True)
    )


def _in_metals(
    reading: Stack, driven: Stack, accumulations: Accumulations, exact: bool, dephased: bool
) -> float:
    """Inverse spin Hall current along the field of `reading` in the film that is driven."""
    total, last = 0.0, len(driven.layers) - 1
    for i, layer in enumerate(reading.layers):
        hall = layer.spin_hall_current(reading.fermi_wavevector, spin_hall_direction(reading))
        if not np.any(hall):
            continue
        own = full = driven.layers[i].admittance(
            driven.fermi_wavevector, spin_hall_direction(driven), exact_length=exact
        )
        bottom = accumulations[i - 1][1] if i > 0 else None
        top = accumulations[i][0] if i < last else None
        if dephased:
            own = replace(own, source=_across(own.source, driven))
        if bottom is None:
            assert top is not None
            bottom = _outer(own, top, -1.0)
        elif top is None:
            top = _outer(own, bottom, 1.0)
        total += float(hall @ (top - bottom)[:CHARGE])
        if dephased:
            m = np.append(driven.interface_magnetization(0), 0.0)
            along = full.source @ m / (m @ full.conductance @ m)
            total += float(hall @ m[:CHARGE] * along)
    return total


def _across(source: FloatArray, stack: Stack) -> FloatArray:
    """The part of a metal's spin source that is across m."""
    m = np.append(stack.interface_magnetization(0), 0.0)
    return np.asarray(source - (source @ m) * m)


def _outer(layer: LayerAdmittance, inner: FloatArray, sign: float) -> FloatArray:
    """Spin accumulation at a closed outer face, of a layer that ends there.

    No current there, j = source - conductance sign (outer - inner) - sign loss (outer + inner) / 4.
    """
    axes = layer.axes
    spin = slice(0, CHARGE)
    there = (layer.conductance + 0.25 * layer.loss)[spin, spin]
    here = (layer.conductance - 0.25 * layer.loss) @ (axes.T @ inner)
    outer = np.zeros(4)
    outer[spin] = np.linalg.solve(there, (sign * layer.source + here)[spin])
    return np.asarray(axes @ outer)
