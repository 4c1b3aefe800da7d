"""Films whose network is more than a chain of finite conductances between closed faces.

Reservoirs, infinite conductances, resistances in series with an interface, parts that no charge
flows between: one film at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.network import InterfaceLaw, NetworkEnd, solve_network
from torkivity_engine.film.stack import Stack
from torkivity_engine.kinetics.admittance import LayerAdmittance
from torkivity_engine.kinetics.circuit import Circuit, perfect_contact
from torkivity_engine.spin import CHARGE, transverse

__all__ = ["FilmState", "chain_laws", "film_ends", "solve_film"]


class FilmState(NamedTuple):
    """What a film comes to.

    Attributes
    ----------
    accumulations : ndarray, shape (n_interfaces, 8)
        mu(0-) and mu(0+), inside what lies in series with an interface.
    flows : ndarray, shape (n_interfaces, 11)
        j at the faces of the layers beside each interface, and s; of a circuit the torque.
    faces : ndarray, shape (n_layers, 2, 4), or None
        mu at the bottom and at the top of each layer; None where it was not asked for.
    """

    accumulations: FloatArray
    flows: FloatArray
    faces: FloatArray | None


def chain_laws(response: FloatArray, drive: FloatArray) -> list[InterfaceLaw]:
    """Laws of the interfaces of one film, shape (n, 11, 8) and (n, 11), one by one."""
    return [
        InterfaceLaw(r[:4, :4], r[4:8, :4], -r[4:8, 4:], -r[:4, 4:], d[:4], d[4:8])
        for r, d in zip(response, drive, strict=True)
    ]


def film_ends(stack: Stack, injecting: bool) -> tuple[NetworkEnd | None, NetworkEnd | None]:
    """Reservoirs at the bottom and at the top of a film; None where a face is closed.

    Parameters
    ----------
    stack : Stack
    injecting : bool
        Whether they send in what they do, or only take in what comes.
    """
    found = []
    for layer, end in ((stack.layers[0], stack.left), (stack.layers[-1], stack.right)):
        contact = layer.contact(stack.fermi_wavevector) if end.open else None
        injected = end.injected if injecting else np.zeros(4)
        found.append(NetworkEnd(contact, injected) if end.open else None)
    return found[0], found[1]


def solve_film(
    stack: Stack,
    layers: Sequence[LayerAdmittance],
    response: FloatArray,
    drive: FloatArray,
    circuits: Mapping[int, Circuit],
    ends: tuple[NetworkEnd | None, NetworkEnd | None],
) -> FilmState:
    """All layers and all four channels of one film.

    Parameters
    ----------
    stack : Stack
    layers : sequence of LayerAdmittance
    response, drive : ndarray, shape (n_interfaces, 11, 8) and (n_interfaces, 11)
        Laws of its interfaces.
    circuits : mapping of int to Circuit
        Of those interfaces that are given by one.
    ends : tuple of NetworkEnd or None
    """
    parts: list[LayerAdmittance] = [layers[0]]
    laws: list[InterfaceLaw] = []
    own = [0]  # place of each layer among the parts
    at: list[int] = []  # place of each interface among the laws
    for i, law in enumerate(chain_laws(response, drive)):
        circuit = circuits.get(i)
        joint = law if circuit is None else circuit.law
        series = None if circuit is None else circuit.series
        if series is None:
            at.append(len(laws))
            laws.append(joint)
        else:
            # On the side of the metal: above where the magnet lies below.
            above = bool(stack.magnet_below(i))
            parts.append(series)
            at.append(len(laws) + (not above))
            laws += [joint, perfect_contact()] if above else [perfect_contact(), joint]
        own.append(len(parts))
        parts.append(layers[i + 1])
    found = solve_network(parts, laws, at[stack.reference_interface], ends)
    faces, currents = found.faces[own], found.currents[own]
    mu = np.array([[*found.faces[k, 1], *found.faces[k + 1, 0]] for k in at])
    flows = drive + np.einsum("iab,ib->ia", response, mu)
    for i, circuit in circuits.items():
        if circuit.absorbs:
            into, out = found.currents[at[i], 1], found.currents[at[i] + 1, 0]
            taken = into - circuit.law.drive_minus - out + circuit.law.drive_plus
            flows[i, 8:] += transverse(taken[:CHARGE], stack.interface_magnetization(i))
    flows[:, :4], flows[:, 4:8] = currents[:-1, 1], currents[1:, 0]
    return FilmState(mu, flows, faces)
