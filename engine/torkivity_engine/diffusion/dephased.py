"""The published level: a ferromagnet that dephases transverse spins at once.

The accumulation on its side vanishes, and only what is across m is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.sheet import spin_hall_direction
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.stack import Stack
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.kinetics.circuit import Circuit
from torkivity_engine.machine.kernels import njit
from torkivity_engine.spin import CHARGE, rotation_to

__all__ = ["dephased_faces", "require_dephasable", "require_plain", "solve_dephased"]


def solve_dephased(
    stacks: Sequence[Stack],
    response: FloatArray,
    drive: FloatArray,
    *,
    spin_hall: bool,
    exact: bool,
) -> tuple[FloatArray, FloatArray, dict[int, Exception]]:
    """Closed form for P bilayers of a heavy metal and a ferromagnet.

    With Y = (sigma / 2 l_sf) tanh x the heavy metal answers an accumulation mu at the
    interface with the current -+Y mu + tanh x tanh(x/2) j_sH (- if it lies below, + if
    above); equating that to the boundary law gives mu.

    Parameters
    ----------
    stacks : sequence of Stack
        As `require_dephasable` lets them through.
    response, drive : ndarray, shape (P, 11, 8) and (P, 11)
        Laws of their interfaces.
    spin_hall : bool
        Whether the field drives a spin Hall current.
    exact : bool
        Which spin diffusion length.

    Returns
    -------
    accumulations : ndarray, shape (P, 8)
        mu(0-) and mu(0+), in m per E~.
    flows : ndarray, shape (P, 11)
        j(0-), j(0+) and s; of the currents what is across m.
    failed : dict of int to Exception
    """
    count = len(stacks)
    below = np.array([not stack.layers[0].magnetic for stack in stacks])
    frames = np.array([rotation_to(stack.interface_magnetization(0)) for stack in stacks])
    metals = np.empty((count, 2))
    hall = np.zeros((count, CHARGE))
    failed: dict[int, Exception] = {}
    for p, stack in enumerate(stacks):
        metal = stack.layers[0 if below[p] else 1]
        try:
            metals[p, 0], metals[p, 1] = _metal(metal, stack.fermi_wavevector, exact)
            if spin_hall:
                hall[p] = _hall(metal, stack.fermi_wavevector, tuple(spin_hall_direction(stack)))
        except (ArithmeticError, ValueError) as error:
            metals[p] = np.nan
            failed[p] = error
    accumulations, flows = np.zeros((count, 8)), np.empty((count, 11))
    determined = np.empty(count, dtype=np.bool_)
    elements = (response, drive, below, frames, metals, hall)
    _solve_all(*elements, accumulations, flows, determined)
    for p in np.flatnonzero(~determined).tolist():
        failed.setdefault(
            p,
            PhysicsError(
                "the transverse spin accumulation is undetermined: the interface lets no spin "
                "through and spin_flip_length is infinite"
            ),
        )
    return accumulations, flows, failed


def dephased_faces(stack: Stack, accumulation: FloatArray, metal: LayerAdmittance) -> FloatArray:
    """mu at the faces of both layers, shape (2, 2, 4).

    Along m the interface counts as closed; the ferromagnet has no accumulation.

    Parameters
    ----------
    stack : Stack
    accumulation : ndarray, shape (8,)
        mu(0-) and mu(0+), across m.
    metal : LayerAdmittance
        Of the heavy metal.
    """
    below = not stack.layers[0].magnetic
    outward = 1.0 if below else -1.0
    m = np.array(stack.interface_magnetization(0))
    axes = metal.axes[:CHARGE, :CHARGE]
    loss, through = (axes @ x[:CHARGE, :CHARGE] @ axes.T for x in (metal.loss, metal.conductance))
    source = axes @ metal.source[:CHARGE]
    across = accumulation[:CHARGE] if below else accumulation[4 : 4 + CHARGE]
    inner = across + 0.5 * outward * (m @ source) / (m @ through @ m) * m
    # No current at the outer face: j = source - outward conductance (outer - inner) - ...
    here = (through - 0.25 * loss) @ inner - outward * source
    outer = np.linalg.solve(through + 0.25 * loss, here)
    faces = np.zeros((2, 2, 4))
    own = faces[0] if below else faces[1, ::-1]
    own[0, :CHARGE], own[1, :CHARGE] = outer, inner
    return faces


@lru_cache(maxsize=64)
def _metal(metal: Layer, fermi_wavevector: float, exact: bool) -> tuple[float, float]:
    """Y, and what the closed outer face leaves of the spin Hall current."""
    sigma = metal.conductivity_in(fermi_wavevector)
    length = metal.diffusion_length(exact)
    x = metal.thickness / length
    admittance = 0.5 * sigma * math.tanh(x) / (length * METRE_PER_NM)
    return admittance, math.tanh(x) * math.tanh(0.5 * x)


@lru_cache(maxsize=64)
def _hall(metal: Layer, fermi_wavevector: float, y_p: tuple[float, ...]) -> FloatArray:
    """Spin Hall current of a field."""
    return metal.spin_hall_current(fermi_wavevector, y_p)


@njit(cache=True, error_model="numpy")
def _solve_all(  # type: ignore[no-untyped-def]
    response, drive, below, frames, metals, hall, accumulations, flows, determined
):
    """Every bilayer by itself: accumulations (P, 8), flows (P, 11), and whether they exist."""
    matrix = np.empty((2, 2))
    right = np.empty(2)
    for p in range(response.shape[0]):
        at = 0 if below[p] else 4
        outward = 1.0 if below[p] else -1.0
        for a in range(2):
            right[a] = 0.0
            for i in range(3):
                source = metals[p, 1] * hall[p, i] - drive[p, at + i]
                right[a] += frames[p, i, a] * source
            for b in range(2):
                total = 0.0
                for i in range(3):
                    for j in range(3):
                        near = response[p, at + i, at + j]
                        total += frames[p, i, a] * near * frames[p, j, b]
                matrix[a, b] = total + (outward * metals[p, 0] if a == b else 0.0)
        det = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]
        determined[p] = abs(det) > 0.0
        first = (matrix[1, 1] * right[0] - matrix[0, 1] * right[1]) / det
        second = (matrix[0, 0] * right[1] - matrix[1, 0] * right[0]) / det
        for i in range(3):
            accumulations[p, at + i] = frames[p, i, 0] * first + frames[p, i, 1] * second
        for i in range(11):
            flow = drive[p, i]
            for j in range(3):
                flow += response[p, i, at + j] * accumulations[p, at + j]
            flows[p, i] = flow
        for side in range(0, 8, 4):
            along = 0.0
            for i in range(3):
                along += frames[p, i, 2] * flows[p, side + i]
            for i in range(3):
                flows[p, side + i] -= along * frames[p, i, 2]
            flows[p, side + CHARGE] = 0.0


def require_plain(circuits: Iterable[Circuit]) -> None:
    """Refuse what the closed form does not know: it has finite conductances and nothing else.

    Raises
    ------
    InputError
    """
    if not all(circuit.plain for circuit in circuits):
        raise InputError(
            "ferromagnet",
            "dephased",
            "needs finite conductances and no area resistance at the interface: use "
            'ferromagnet="finite"',
        )


def require_dephasable(stack: Stack) -> None:
    """Refuse a film that is not one heavy metal beside one ferromagnet with one m.

    Raises
    ------
    InputError
    """
    if stack.is_open:
        raise InputError(
            "film",
            "a Reservoir",
            'needs ferromagnet="finite": the dephased level has closed outer faces',
        )
    if sorted(layer.magnetic for layer in stack.layers) != [False, True]:
        raise InputError(
            "ferromagnet",
            "dephased",
            "needs one heavy metal and one ferromagnet; this film is "
            f"{' | '.join(type(layer).__name__ for layer in stack.layers)}: "
            'use ferromagnet="finite"',
        )
    magnet = stack.layers[1] if stack.layers[1].magnetic else stack.layers[0]
    at_interface = stack.interface_magnetization(0)
    assert magnet.magnetization is not None
    if max(abs(a - b) for a, b in zip(at_interface, magnet.magnetization, strict=True)) > 1e-12:
        raise InputError(
            "ferromagnet",
            "dephased",
            "needs one magnetization for interface and ferromagnet, not "
            f'{at_interface} and {magnet.magnetization}: use ferromagnet="finite"',
        )
