"""The free-electron model of an interface, written as a table of amplitudes."""

from __future__ import annotations

import numpy as np

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.constants import free_electron_velocity
from torkivity_engine.errors import InputError
from torkivity_engine.film.spheres import sphere_film
from torkivity_engine.film.stack import Stack
from torkivity_engine.kinetics.amplitudes import AmplitudeTable, Modes, TableSide
from torkivity_engine.kinetics.spheres import Bands
from torkivity_engine.kinetics.table_response import PAULI
from torkivity_meshes import AzimuthalRings

__all__ = ["free_electron_table"]


def free_electron_table(stack: Stack, index: int, rule: AzimuthalRings) -> AmplitudeTable:
    """Table of a delta-function interface between layers with Fermi spheres of any size.

    Parameters
    ----------
    stack : Stack
        All its tables share the grid that its spheres ask for.
    index : int
        Which interface, from the bottom.
    rule : AzimuthalRings
        Rings of a `SphericalMesh`: the polar rule of every annulus, and the azimuths.

    Returns
    -------
    AmplitudeTable
        With the matrices of the torque and of the currents on both sides.

    Raises
    ------
    InputError
        For an interface without a potential.
    """
    film = sphere_film(stack, rule)
    junction, k_0 = film.junctions[index], stack.fermi_wavevector
    parameters = stack.interfaces[index].closed_form(stack.interface_magnetization(index))
    if parameters is None:
        raise InputError("interface", stack.names_of_interfaces[index], "has no potential")
    n = len(junction.weights)
    u = (parameters[2:5] + (junction.k / k_0) @ parameters[5:11].reshape(3, 2).T) / parameters[11]
    potential = _sigma(u) + parameters[0] / parameters[11] * np.eye(2)
    normal, spinors = [], []
    for terminal in junction.terminals:
        states = terminal.bands.side(film.grid, k_0, terminal.axis)
        axis = np.asarray(terminal.axis if terminal.bands.split else (0.0, 0.0, -1.0))
        spinors.append(_eigenspinors(axis))
        normal.append(states.velocity)
    matrices = [(v[:, None] * chi) @ chi.conj().T for v, chi in zip(normal, spinors, strict=True)]
    inverse = np.linalg.inv(matrices[0] + matrices[1] + 2j * potential)
    # Amplitudes at z = 0 of what arrives from each side, per flux of each incoming mode.
    waves, returned = [], []
    for own, v, chi in zip(matrices, normal, spinors, strict=True):
        flux = np.where(v.imag == 0.0, np.maximum(v.real, 1e-300), np.inf)
        arriving = chi / np.sqrt(flux)[:, None]
        psi = inverse @ (2.0 * own) @ arriving
        waves.append(psi)
        returned.append(psi - arriving)
    psi = np.concatenate(waves, axis=2)
    rows = []
    for side in range(2):
        out = [returned[s] if s == side else waves[s] for s in range(2)]
        open_ = np.where(normal[side].imag == 0.0, normal[side].real, 0.0)
        rows.append(
            np.sqrt(open_)[:, :, None] * (spinors[side].conj().T @ np.concatenate(out, axis=2))
        )
    currents = [_flow(psi, matrices, returned, side) for side in range(2)]
    m = np.asarray(stack.interface_magnetization(index))
    exchange = parameters[1] / parameters[11]
    turn = np.cross(np.eye(3), m)  # rows: (e_j x m)
    torque = 2.0 * exchange * np.einsum("ji,npa,jpq,nqb->niab", turn, psi.conj(), PAULI[:3], psi)
    magnetic = stack.magnetization_at(index) is not None
    below, above = (
        _side(t.bands, v, junction.k, k_0, up)
        for t, v, up in zip(junction.terminals, normal, (True, False), strict=True)
    )
    return AmplitudeTable(
        junction.k,
        junction.weights * k_0**2,
        below,
        above,
        np.concatenate(rows, axis=1),
        stack.interface_magnetization(index) if magnetic else None,
        torque_matrices=torque.reshape(n, 3, 4, 4) if magnetic else None,
        current_below=currents[0],
        current_above=currents[1],
    )


def _flow(
    psi: ComplexArray, matrices: list[ComplexArray], returned: list[ComplexArray], side: int
) -> ComplexArray:
    """Matrices of the spin current along +z just beside z = 0."""
    own, other = matrices[side], 1 - side
    # N (arriving - returned) from the own side, N psi of what came through from the other.
    arriving = psi[:, :, 2 * side : 2 * side + 2] - returned[side]
    parts = [arriving - returned[side], -psi[:, :, 2 * other : 2 * other + 2]]
    if side == 1:
        parts = parts[::-1]
    phi = (1.0 if side == 0 else -1.0) * own @ np.concatenate(parts, axis=2)
    half = np.einsum("npa,ipq,nqb->niab", psi.conj(), PAULI[:3], phi)
    result: ComplexArray = 0.5 * (half + half.conj().transpose(0, 1, 3, 2))
    return result


def _side(bands: Bands, normal: ComplexArray, k: FloatArray, k_0: float, up: bool) -> TableSide:
    """Modes of one side; with one sphere for both spins a single lane."""
    v_0, sign = free_electron_velocity(k_0), 1.0 if up else -1.0
    spheres = (bands.majority, bands.minority) if bands.split else (bands.majority,)
    lanes = len(spheres)
    present = (normal[:, :lanes].imag == 0.0) & np.array([s.radius > 0.0 for s in spheres])
    velocity = np.zeros((len(k), lanes, 3))
    for lane, sphere in enumerate(spheres):
        velocity[:, lane, :2] = v_0 * k / k_0 / sphere.mass
        velocity[:, lane, 2] = v_0 * normal[:, lane].real
    spin = present * np.array([1, -1])[:lanes]
    there, back = Modes(velocity * [1, 1, sign], spin), Modes(velocity * [1, 1, -sign], spin)
    return TableSide(bands.split, there, back)


def _eigenspinors(axis: FloatArray) -> ComplexArray:
    """Spinors along -axis and along +axis, as columns."""
    return np.linalg.eigh(_sigma(axis[None])[0])[1]


def _sigma(v: FloatArray) -> ComplexArray:
    result: ComplexArray = np.einsum("ni,ijk->njk", v, PAULI[:3])
    return result
