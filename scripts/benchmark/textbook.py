"""The method of the paper in plain SciPy, for comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.interfaces import Interface
from torkivity_engine.film.layers import Layer
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.kinetics.collision import harmonics
from torkivity_meshes import FermiSurfaceMesh


@dataclass(frozen=True, eq=False)
class TextbookModes:
    """Solutions in one layer from the eigenvectors of its full matrix B.

    Attributes
    ----------
    rates : ndarray of complex, shape (NT - 2,)
    vectors : ndarray of complex, shape (NT, NT - 2)
    constant, linear : ndarray, shape (NT,)
        The charge pair: ``constant`` and ``z constant + linear``.
    driven : ndarray, shape (NT, 2)
        Uniform response to fields along x and y.
    """

    rates: ComplexArray
    vectors: ComplexArray
    constant: FloatArray
    linear: FloatArray
    driven: FloatArray

    def states(self, z: float, thickness: float) -> FloatArray:
        """All solutions, the driven ones last, at depth z; shape (n_directions, 4, NT + 2)."""
        # Growing exponentials are referred to the far face.
        distance = np.where(self.rates.real > 0.0, z, z - thickness)
        complex_states = self.vectors * np.exp(-self.rates * distance)
        # A conjugate pair becomes its real and its imaginary part.
        real = np.where(self.rates.imag < 0.0, complex_states.imag, complex_states.real)
        pair = (self.constant, (z - 0.5 * thickness) * self.constant + self.linear)
        every = np.column_stack([real, *pair, self.driven])
        return every.reshape(-1, 4, every.shape[1])


def textbook_modes(layer: Layer, mesh: FermiSurfaceMesh) -> TextbookModes:
    """Eigenvectors of the NT x NT matrix B of a layer.

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet
    mesh : FermiSurfaceMesh

    Returns
    -------
    TextbookModes
    """
    terms = collision_terms(layer)
    k_out, k = terms.k_out, mesh.directions
    n = len(k)
    b = np.empty((n, 4, n, 4))
    y = harmonics(k, len(terms.k_in))
    shares = y * (mesh.weights / (4.0 * np.pi))
    if len(y) == 1:
        b[:] = -(terms.k_in[0, 0][:, None, :] * shares[0][:, None])
    else:
        np.einsum("in,ijab,jm->namb", -y, terms.k_in, shares, out=b, optimize=True)
    b[np.arange(n), :, np.arange(n), :] += k_out
    b /= k[:, 2, None, None, None]
    rates, vectors = scipy.linalg.eig(b.reshape(4 * n, 4 * n), overwrite_a=True, check_finite=False)
    # The conserved charge makes zero a defective eigenvalue; its solutions are known.
    kept = np.argsort(np.abs(rates), kind="stable")[2:]
    charge = np.array([0.0, 0.0, 0.0, 1.0])
    uniform = _uniform_responses(k_out, terms.k_in, k)
    return TextbookModes(
        rates=rates[kept],
        vectors=vectors[:, kept],
        constant=np.tile(charge, n),
        linear=-uniform[2].ravel(),
        driven=np.stack([uniform[a].ravel() for a in (0, 1)], axis=1),
    )


def _uniform_responses(k_out: FloatArray, k_in: FloatArray, k: FloatArray) -> FloatArray:
    """Uniform solutions of (K_out - K_in) g = k_a e_charge, shape (3, n, 4): l = 1 is closed."""
    matrix = np.einsum("ij,ab->iajb", np.eye(3), k_out)
    if len(k_in) > 1:
        matrix -= np.transpose(k_in[1:, 1:], (0, 2, 1, 3))
    drives = np.zeros((3, 4, 3))
    drives[:, 3, :] = np.eye(3)
    found = np.linalg.solve(matrix.reshape(12, 12), drives.reshape(12, 3)).reshape(3, 4, 3)
    return np.einsum("ni,iba->anb", k, found)


_PAULI = np.array(
    [[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]], dtype=complex
)


def _textbook_scattering(
    interface: Interface, m: FloatArray, k: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """R and T, shape (n, 4, 4), from the 2 x 2 amplitudes."""
    b = interface.exchange * m + k[:, :2] @ np.transpose(interface.spin_orbit)
    u = interface.barrier * np.eye(2) + np.einsum("na,aij->nij", b, _PAULI[:3])
    t = np.linalg.inv(np.eye(2) + 1j * u / np.abs(k[:, 2])[:, None, None])
    both = []
    for amplitude in (t - np.eye(2), t):
        left = np.einsum("nji,ajk->naik", amplitude.conj(), _PAULI)
        right = np.einsum("nkl,bli->nbki", amplitude, _PAULI)
        both.append(0.5 * np.einsum("naik,nbki->nab", left, right).real)
    return both[0], both[1]


def solve_textbook(
    film: Bilayer,
    mesh: FermiSurfaceMesh,
    kept: tuple[TextbookModes, TextbookModes] | None = None,
) -> dict[str, FloatArray]:
    """Bilayer with specular faces by matching all modes of both layers, (C14)-(C22).

    This is the published method as one would write it with SciPy, kept apart from the
    package's own solvers and slow on purpose: it is what they are compared with.

    Parameters
    ----------
    film : Bilayer
        Specular outer faces.
    mesh : FermiSurfaceMesh
    kept : tuple of TextbookModes, optional
        Modes of both layers from an earlier point.

    Returns
    -------
    dict of str to ndarray
        "current_minus" and "current_plus", shape (4,), and "torque_interface", shape (3,),
        per E~ in 1/(Ohm m).
    """
    stack = film.stack()
    lower, upper = kept or (
        textbook_modes(stack.layers[0], mesh),
        textbook_modes(stack.layers[1], mesh),
    )
    m = np.array(stack.interface_magnetization(0))
    up, down, size = mesh.upward, mesh.downward, mesh.n_unknowns
    reflection, transmission = _textbook_scattering(stack.interfaces[0], m, mesh.directions[up])
    t_lower, t_upper = (layer.thickness for layer in stack.layers)
    bottom, minus = lower.states(0.0, t_lower), lower.states(t_lower, t_lower)
    plus, top = upper.states(0.0, t_upper), upper.states(t_upper, t_upper)

    half = size // 2
    matrix, rhs = np.zeros((2 * size, 2 * size)), np.zeros((2 * size, 2))
    for row, column, block in (
        (0, 0, bottom[up] - bottom[down]),
        (1, 0, minus[down] - reflection @ minus[up]),
        (1, 1, -transmission @ plus[down]),
        (2, 0, -transmission @ minus[up]),
        (2, 1, plus[up] - reflection @ plus[down]),
        (3, 1, top[down] - top[up]),
    ):
        flat = block.reshape(half, -1)
        rows = slice(row * half, (row + 1) * half)
        matrix[rows, column * size : (column + 1) * size] = flat[:, :size]
        rhs[rows] -= flat[:, size:]
    # A constant charge shift is free; it is fixed by the charge that leaves the interface.
    flux = mesh.weights[up] * mesh.directions[up, 2]
    flux = flux / flux.sum()
    leaving = [flux @ face[rows, 3] for face, rows in ((minus, down), (plus, up))]
    slack = np.tile([0.0, 0.0, 0.0, 1.0], 2 * mesh.n_directions)
    matrix += np.outer(slack, np.concatenate([x[:size] for x in leaving]))
    rhs -= np.outer(slack, leaving[0][size:] + leaving[1][size:])
    amplitudes = scipy.linalg.solve(
        matrix, rhs, overwrite_a=True, overwrite_b=True, check_finite=False
    )

    weights = stack.field_direction[:2] * (stack.prefactor * METRE_PER_NM)
    g_minus = (minus[..., :size] @ amplitudes[:size] + minus[..., size:]) @ weights
    g_plus = (plus[..., :size] @ amplitudes[size:] + plus[..., size:]) @ weights
    flow = mesh.weights * mesh.directions[:, 2]
    arriving = g_minus[up] + g_plus[down]
    density = np.einsum("n,nab,nb->a", mesh.weights[up], transmission, arriving)[:3]
    return {
        "current_minus": flow @ g_minus,
        "current_plus": flow @ g_plus,
        "torque_interface": 2.0 * stack.interfaces[0].exchange * np.cross(density, m),
    }
