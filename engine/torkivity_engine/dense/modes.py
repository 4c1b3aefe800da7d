"""All solutions of the homogeneous Boltzmann equation in one layer, (C13).

dg/dz = -B g has solutions that decay from the left face, solutions that decay from the
right face, and one pair per conserved quantity that does neither: a uniform density u and
the diffusion profile z u + v. B is defective there (a conserved charge always gives one
pair; without spin flip each conserved spin component gives another), and an eigensolver
would return two vectors 1e-8 apart. So the pairs are built in closed form and taken out
of B with the help of their left partners: with V = diag(v_z) and L = V B,

    L u = 0,   L v = -V u,   y L = 0,   x L = y V,

every other solution is orthogonal to V y and V x, and B maps that complement into itself.

Distributions are kept as f = sqrt(w |v_z|) g. In these variables B is close to symmetric up to
signs, grazing directions do no harm, and lossless scattering is orthogonal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm, lapack

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.dense.bmatrix import (
    ScatteringMatrix,
    b_matrix,
    b_matrix_from_scattering,
    mean_weights,
    mesh_harmonics,
)
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.layer import Keyed, Layer
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_engine.spin import CHARGE
from torkivity_meshes import FermiSurfaceMesh

__all__ = [
    "CollisionOperator",
    "LayerModes",
    "Solutions",
    "flux_scale",
    "layer_modes",
    "modes_of_scattering",
    "modes_of_terms",
    "require_pairs",
    "solutions",
]

IntArray = NDArray[np.int64]

#: A relaxation this much slower than the fastest one is no relaxation: the density is conserved.
_CONSERVED = 1e-13
#: The same for a scattering matrix given point by point, whose balance holds less exactly.
_CONSERVED_ON_POINTS = 1e-11
#: The two members of a pair with |kappa| below this fraction of the scattering rate are so
#: close that they are propagated together instead of as two eigenvectors.
_SLOW = 1e-2
#: ... unless the layer is thicker than this many 1/kappa, when the pair is well separated.
_SLOW_REACH = 20.0
_CACHED_LAYERS = 4
#: Decayed this far, a mode is not there.
_NOTHING = 1e-30


@dataclass(frozen=True, eq=False)
class LayerModes:
    """Solutions in a layer of any thickness, as ``f = sqrt(w |v_z|) g``.

    Attributes
    ----------
    rates : ndarray of complex, shape (n_modes,)
        kappa in 1/nm of solutions exp(-kappa z): the eigenvalues of B other than zero.
        Complex ones come in adjacent conjugate pairs, positive imaginary part first.
    vectors : ndarray, shape (n_unknowns, n_modes)
        Eigenvectors; for a complex pair the real and the imaginary part.
    slow : ndarray of bool, shape (n_modes,)
        Modes that `slow_basis` holds too.
    slow_basis : ndarray, shape (n_unknowns, n_zero + n_slow)
        Basis of the slow solutions: first u and v of each conserved quantity.
    slow_generator : ndarray, shape (n_zero + n_slow, n_zero + n_slow)
        H with B slow_basis = slow_basis H, so that slow solutions are slow_basis exp(-H z) c.
    driven : ndarray, shape (n_unknowns, 2)
        Uniform response to unit e^2 E~ along x and y, in nm.
    n_zero : int
        Number of exact zero modes, two per conserved quantity.
    """

    rates: ComplexArray
    vectors: FloatArray
    slow: NDArray[np.bool_]
    slow_basis: FloatArray
    slow_generator: FloatArray
    driven: FloatArray
    n_zero: int

    def states(self, z: float, thickness: float, columns: slice = slice(None)) -> FloatArray:
        """Every solution at depth z, each at most of order one in 0 <= z <= thickness.

        Parameters
        ----------
        z, thickness : float
            nm.
        columns : slice, optional
            Which solutions; all without it.

        Returns
        -------
        ndarray, shape (n_unknowns, n_columns)
            One column per solution; the order does not depend on z.
        """
        fast, slow = self._factors(z, thickness)
        kept = np.flatnonzero(self._fast(thickness))
        chosen = np.arange(len(self.vectors))[columns]
        block = chosen[chosen < len(kept)]
        out = np.empty((len(self.vectors), len(chosen)), order="F")
        n = len(block)
        np.multiply(self.vectors[:, kept[block]], fast.real[block], out=out[:, :n])
        pair = np.flatnonzero(fast.imag[block])
        partner = _partner(self.rates)[kept[block[pair]]]
        out[:, pair] -= self.vectors[:, partner] * fast.imag[block[pair]]
        out[:, n:] = self._slow_basis(thickness) @ slow[:, chosen[n:] - len(kept)]
        return out

    def combine(self, z: float, thickness: float, amplitudes: FloatArray) -> FloatArray:
        """``states(z, thickness) @ amplitudes`` without the matrix."""
        return self._combined(*self._factors(z, thickness), thickness, amplitudes)

    def integrate(self, thickness: float, amplitudes: FloatArray) -> FloatArray:
        """Integral of ``states(z, thickness) @ amplitudes`` over the thickness."""
        rates = self.rates[self._fast(thickness)]
        decay: ComplexArray = np.where(rates.real > 0.0, rates, -rates)
        fast: ComplexArray = -np.expm1(-decay * thickness) / decay
        h, scale = self._slow_block(thickness)
        n = len(h)
        augmented = np.zeros((2 * n, 2 * n))
        augmented[:n, :n], augmented[:n, n:] = -h, np.eye(n)
        from_left = expm(augmented * thickness)[:n, n:]
        slow = from_left @ expm(h * (0.5 * thickness)) * scale
        return self._combined(fast, slow, thickness, amplitudes)

    def _combined(
        self, fast: ComplexArray, slow: FloatArray, thickness: float, amplitudes: FloatArray
    ) -> FloatArray:
        keep = self._fast(thickness)
        rates = self.rates[keep]
        n = len(rates)
        own = amplitudes[:n]
        # Column k of the states is Re(c_k) q_k - Im(c_k) q_partner, and c_partner = conj(c_k).
        coefficients = fast.real[:, None] * own
        coefficients += fast.imag[:, None] * own[_partner(rates)]
        full = np.zeros((len(self.rates), amplitudes.shape[1]))
        full[keep] = coefficients
        slow_part = self._slow_basis(thickness) @ (slow @ amplitudes[n:])
        result: FloatArray = self.vectors @ full + slow_part
        return result

    def _fast(self, thickness: float) -> NDArray[np.bool_]:
        """Modes that are propagated as eigenvectors in a layer of this thickness."""
        return ~self.slow if self._paired(thickness) else np.ones_like(self.slow)

    def _paired(self, thickness: float) -> bool:
        return bool(np.all(np.abs(self.rates[self.slow]) * thickness < _SLOW_REACH))

    def _slow_basis(self, thickness: float) -> FloatArray:
        return self.slow_basis if self._paired(thickness) else self.slow_basis[:, : self.n_zero]

    def _slow_block(self, thickness: float) -> tuple[FloatArray, FloatArray]:
        """H and the factor that makes each slow solution of order one at the faces."""
        h = self.slow_generator
        if not self._paired(thickness):
            h = h[: self.n_zero, : self.n_zero]
        reach = np.abs(expm(h * (0.5 * thickness))) + np.abs(expm(h * (-0.5 * thickness)))
        return h, 1.0 / reach.max(axis=0)

    def _factors(self, z: float, thickness: float) -> tuple[ComplexArray, FloatArray]:
        """What multiplies the modes at depth z: exponentials, each from its own face."""
        rates = self.rates[self._fast(thickness)]
        distance = np.where(rates.real > 0.0, z, z - thickness)
        fast = np.exp(-rates * distance)
        # Products of these would be denormal numbers, which slow arithmetic down fivefold.
        fast[np.abs(fast) < _NOTHING] = 0.0
        h, scale = self._slow_block(thickness)
        # Referred to mid-layer, so that neither face is favoured.
        slow = expm(h * (0.5 * thickness - z)) * scale
        return fast, slow


def flux_scale(mesh: FermiSurfaceMesh) -> FloatArray:
    """sqrt(w |v_z|) for every unknown, shape (n_unknowns,)."""
    scale: FloatArray = np.repeat(np.sqrt(mesh.weights * np.abs(mesh.velocities[:, 2])), 4)
    return scale


def layer_modes(layer: Layer, mesh: FermiSurfaceMesh) -> LayerModes:
    """Solutions in a layer; its thickness does not matter.

    The last few results are kept, a ferromagnet's in the frame of its magnetization, so that
    scans of thickness, interface and magnetization direction find them again.

    Parameters
    ----------
    layer : Layer
    mesh : FermiSurfaceMesh

    Returns
    -------
    LayerModes
    """
    own, rotation = layer.in_own_frame(), layer.own_axes()
    modes = _cached_modes(Keyed(own.material_key(), own), mesh)
    if rotation is None or layer.magnetization == own.magnetization:
        return modes
    return replace(
        modes,
        vectors=_rotated(rotation, modes.vectors),
        slow_basis=_rotated(rotation, modes.slow_basis),
        driven=_rotated(rotation, modes.driven),
    )


@lru_cache(maxsize=_CACHED_LAYERS)
def _cached_modes(own: Keyed, mesh: FermiSurfaceMesh) -> LayerModes:
    return modes_of_terms(collision_terms(own.layer), mesh)


def modes_of_terms(terms: CollisionTerms, mesh: FermiSurfaceMesh) -> LayerModes:
    """Solutions for in-scattering that is a finite sum of spherical harmonics.

    Parameters
    ----------
    terms : CollisionTerms
    mesh : FermiSurfaceMesh

    Returns
    -------
    LayerModes

    Raises
    ------
    PhysicsError
        If as many solutions do not decay from one face as from the other.
    """
    matrix = b_matrix(terms, mesh)
    y = mesh_harmonics(mesh, len(terms.k_in))
    parts = []
    for spins in _coupled_components(terms):
        block = np.ix_(spins, spins)
        operator = _HarmonicOperator(
            terms.k_out[block], terms.k_in[:, :, spins][:, :, :, spins], y, mean_weights(mesh)
        )
        parts.append(_modes(matrix, operator, spins, mesh))
    return _merged(parts, mesh)


def modes_of_scattering(scattering: ScatteringMatrix, mesh: FermiSurfaceMesh) -> LayerModes:
    """Solutions for in-scattering given point by point.

    Parameters
    ----------
    scattering : ScatteringMatrix
    mesh : FermiSurfaceMesh

    Returns
    -------
    LayerModes

    Raises
    ------
    PhysicsError
        If charge is not conserved, or no current-free uniform state exists.
    """
    matrix = b_matrix_from_scattering(scattering.k_out, scattering.p_in, mesh)
    collision = np.repeat(mesh.velocities[:, 2], 4)[:, None] * matrix
    loss = np.repeat(mesh.weights, 4)[CHARGE::4] @ collision[CHARGE::4]
    scale = np.abs(collision).max() * mesh.weights.max()
    if np.max(np.abs(loss)) > 1e-9 * scale:
        raise PhysicsError(
            "the scattering matrix does not conserve charge: sum_i w_i (K_out delta_ij - "
            f"p_in w_j) must vanish in the charge row, and is {np.max(np.abs(loss)):.1e} 1/nm"
        )
    return _merged([_modes(matrix, _PointOperator(collision), np.arange(4), mesh)], mesh)


class _HarmonicOperator:
    """L = K_out - K_in of low rank: null vectors and inverse from a small matrix.

    With the moments m_b = <Y_b g>, L g = r is K_out g = r + sum_ab Y_a C_ab m_b, which
    closes on the moments: S m = K_out^-1 <Y r>.
    """

    def __init__(
        self, k_out: FloatArray, k_in: FloatArray, y: FloatArray, mean: FloatArray
    ) -> None:
        self._k_out, self._k_in, self._y, self._mean = k_out, k_in, y, mean
        self._n = len(k_out)
        self._inverse = np.linalg.inv(k_out)
        gram = (y * mean) @ y.T
        size = len(y) * self._n
        gain = np.einsum("ca,st,abtu->csbu", gram, self._inverse, k_in).reshape(size, size)
        self._left, self._values, self._right = np.linalg.svd(np.eye(size) - gain)
        self._rank = int(np.sum(self._values > _CONSERVED))

    def transposed(self) -> _HarmonicOperator:
        """Transpose with respect to the Fermi-surface average."""
        k_in = np.ascontiguousarray(self._k_in.transpose(1, 0, 3, 2))
        return _HarmonicOperator(np.ascontiguousarray(self._k_out.T), k_in, self._y, self._mean)

    def null(self) -> FloatArray:
        moments = self._right[self._rank :].T
        return self._scattered(moments)

    def solve(self, rhs: FloatArray) -> FloatArray:
        """One solution of L g = rhs."""
        cube = rhs.reshape(len(self._mean), self._n, rhs.shape[1])
        source = np.einsum("st,ktm->ksm", self._inverse, cube)
        moments = np.einsum("ck,k,ksm->csm", self._y, self._mean, source)
        flat = moments.reshape(len(self._values), rhs.shape[1])
        r = self._rank
        flat = self._right[:r].T @ ((self._left[:, :r].T @ flat) / self._values[:r, None])
        result: FloatArray = source.reshape(rhs.shape) + self._scattered(flat)
        return result

    def _scattered(self, moments: FloatArray) -> FloatArray:
        """K_out^-1 sum_ab Y_a C_ab m_b."""
        columns = moments.shape[1]
        cube = moments.reshape(len(self._y), self._n, columns)
        each = np.einsum("st,abtu,bum->asm", self._inverse, self._k_in, cube)
        result: FloatArray = np.einsum("ak,asm->ksm", self._y, each).reshape(
            len(self._mean) * self._n, columns
        )
        return result

    def left_weights(self) -> FloatArray:
        """What turns left vectors with respect to the average into plain ones."""
        return np.repeat(self._mean, self._n)

    def rate(self) -> float:
        """Scale of the scattering rates."""
        return float(np.linalg.norm(self._k_out, 2))


class _PointOperator:
    """L given as a dense matrix."""

    def __init__(
        self, matrix: FloatArray, svd: tuple[FloatArray, FloatArray, FloatArray] | None = None
    ) -> None:
        self._svd = svd or np.linalg.svd(matrix)
        values = self._svd[1]
        self._rank = int(np.sum(values > _CONSERVED_ON_POINTS * values[0]))

    def transposed(self) -> _PointOperator:
        left, values, right = self._svd
        return _PointOperator(np.empty(0), (right.T, values, left.T))

    def null(self) -> FloatArray:
        return self._svd[2][self._rank :].T

    def solve(self, rhs: FloatArray) -> FloatArray:
        left, values, right = self._svd
        r = self._rank
        result: FloatArray = right[:r].T @ ((left[:, :r].T @ rhs) / values[:r, None])
        return result

    def left_weights(self) -> FloatArray:
        return np.ones(len(self._svd[1]))

    def rate(self) -> float:
        return float(self._svd[1][0])


class CollisionOperator(Protocol):
    """The collision operator L of a layer, with what solving for its modes takes."""

    def transposed(self) -> CollisionOperator:
        """Transpose with respect to the average that `left_weights` stand for."""

    def null(self) -> FloatArray:
        """Columns u with L u = 0."""

    def solve(self, rhs: FloatArray) -> FloatArray:
        """One solution of L g = rhs."""

    def left_weights(self) -> FloatArray:
        """What turns left vectors with respect to the average into plain ones."""

    def rate(self) -> float:
        """Scale of the scattering rates."""


class Solutions(NamedTuple):
    """Modes of one set of unknowns: fields as those of `LayerModes`.

    `zero_basis` holds u and v of each conserved quantity, `slow_basis` the other slow ones.
    """

    rates: ComplexArray
    vectors: FloatArray
    slow: NDArray[np.bool_]
    zero_basis: FloatArray
    slow_basis: FloatArray
    slow_generator: FloatArray
    driven: FloatArray

    def generator(self) -> FloatArray:
        """What propagates (zero_basis, slow_basis)."""
        n_zero, n_slow = self.zero_basis.shape[1], self.slow_generator.shape[0]
        h = np.zeros((n_zero + n_slow,) * 2)
        h[: n_zero // 2, n_zero // 2 : n_zero] = -np.eye(n_zero // 2)
        h[n_zero:, n_zero:] = self.slow_generator
        return h


@dataclass(frozen=True, eq=False)
class _Part:
    """Modes of the spin components `spins`, which nothing in the layer couples to others."""

    spins: IntArray
    rates: ComplexArray
    vectors: FloatArray
    slow: NDArray[np.bool_]
    zero_basis: FloatArray
    slow_basis: FloatArray
    slow_generator: FloatArray
    driven: FloatArray


def _modes(
    matrix: FloatArray,
    operator: _HarmonicOperator | _PointOperator,
    spins: IntArray,
    mesh: FermiSurfaceMesh,
) -> _Part:
    count = len(spins)
    rows = (4 * np.arange(mesh.n_directions)[:, None] + spins).ravel()
    # Fortran order is what LAPACK works on in place.
    b = np.asfortranarray(matrix if count == 4 else matrix[np.ix_(rows, rows)])
    if b is matrix:
        b = matrix.copy(order="F")
    source = np.zeros((mesh.n_directions, count, 2))
    if CHARGE in spins:
        # A field drives no net charge into a uniform layer; a user mesh may miss that slightly.
        drive = mesh.velocities[:, :2] - mean_weights(mesh) @ mesh.velocities[:, :2]
        source[:, list(spins).index(CHARGE)] = drive
    v_z = np.repeat(mesh.velocities[:, 2], count)
    flux = np.repeat(flux_scale(mesh)[::4], count)
    return _Part(spins, *solutions(b, operator, v_z, flux, source.reshape(-1, 2)))


def solutions(
    b: FloatArray,
    operator: CollisionOperator,
    v_z: FloatArray,
    flux: FloatArray,
    source: FloatArray,
) -> Solutions:
    """Solutions of dg/dz = -B g for any set of unknowns.

    Parameters
    ----------
    b : ndarray, shape (n, n)
        B in 1/nm, Fortran order; overwritten.
    operator : CollisionOperator
        L = V B.
    v_z : ndarray, shape (n,)
    flux : ndarray, shape (n,)
        What turns g into f.
    source : ndarray, shape (n, 2)
        Drive of a unit field along x and y.

    Returns
    -------
    Solutions

    Raises
    ------
    PhysicsError
        If conserved densities cannot be told from slow ones, or carry a current.
    """
    v_z, flux = v_z[:, None], flux[:, None]
    b *= flux
    b /= flux.T

    transposed = operator.transposed()
    u, y = operator.null(), transposed.null()
    if u.shape[1] != y.shape[1]:  # both are the rank of one matrix, up to rounding
        raise PhysicsError("conserved densities of the layer cannot be told from slow ones")
    v = operator.solve(-v_z * u)
    x = transposed.solve(v_z * y)
    weights = operator.left_weights()[:, None]
    left = np.hstack([y, x]) * weights * v_z / flux
    zero = np.hstack([u, v]) * flux
    d = u.shape[1]
    nilpotent = np.zeros((2 * d, 2 * d))
    nilpotent[:d, d:] = -np.eye(d)
    miss = np.linalg.norm(b @ zero - zero @ nilpotent)
    if miss > 1e-8 * np.linalg.norm(b) * np.linalg.norm(zero):
        raise PhysicsError("a uniform state of the layer carries a current: check the scattering")

    values, vectors = _deflated_eigenvectors(b, left)
    slow, slow_basis, generator = _slow_pairs(b, operator, values, vectors, v_z, flux, left, zero)
    driven = operator.solve(source) * flux
    return Solutions(values, vectors, slow, zero, slow_basis, generator, driven)


def _deflated_eigenvectors(b: FloatArray, left: FloatArray) -> tuple[ComplexArray, FloatArray]:
    """Eigenvalues and packed real eigenvectors of b on the complement of `left`."""
    removed = left.shape[1]
    work = b.copy(order="F")
    if removed:
        left = np.asfortranarray(left / np.linalg.norm(left, axis=0))
        reflectors, tau, _, info = lapack.dgeqrf(left)
        assert info == 0
        work = _reflect("L", "T", reflectors, tau, work)
        work = _reflect("R", "N", reflectors, tau, work)
    inner = np.asfortranarray(work[removed:, removed:])
    del work
    real, imag, _, packed, info = lapack.dgeev(inner, compute_vl=0, compute_vr=1, overwrite_a=1)
    if info != 0:
        raise PhysicsError(f"the eigenvalues of the layer did not converge (dgeev: {info})")
    vectors = np.zeros((len(b), len(real)), order="F")
    vectors[removed:] = packed
    del packed
    if removed:
        vectors = _reflect("L", "N", reflectors, tau, vectors)
    return real + 1j * imag, vectors


def _reflect(
    side: str, trans: str, reflectors: FloatArray, tau: FloatArray, c: FloatArray
) -> FloatArray:
    """Multiply c by the orthogonal matrix of a QR factorisation, in place."""
    result: FloatArray
    result, _, info = lapack.dormqr(
        side, trans, reflectors, tau, c, lwork=64 * max(c.shape), overwrite_c=1
    )
    assert info == 0
    return result


def _slow_pairs(
    b: FloatArray,
    operator: CollisionOperator,
    values: ComplexArray,
    vectors: FloatArray,
    v_z: FloatArray,
    flux: FloatArray,
    left: FloatArray,
    zero: FloatArray,
) -> tuple[NDArray[np.bool_], FloatArray, FloatArray]:
    """Clean basis and generator of the modes that hardly relax."""
    slow = np.abs(values) < _SLOW * operator.rate()
    if not slow.any():
        return slow, np.zeros((len(b), 0)), np.zeros((0, 0))
    basis = np.linalg.qr(vectors[:, slow])[0]
    for _ in range(8):
        # Inverse iteration: what is not slow shrinks by _SLOW or more at every step.
        basis = operator.solve(v_z * (basis / flux)) * flux
        if left.shape[1]:
            basis -= zero @ np.linalg.solve(left.T @ zero, left.T @ basis)
        basis = np.linalg.qr(basis)[0]
    return slow, basis, basis.T @ (b @ basis)


def _merged(parts: list[_Part], mesh: FermiSurfaceMesh) -> LayerModes:
    """Modes of the whole layer from those of its uncoupled spin components."""
    n = mesh.n_unknowns

    def spread(columns: list[FloatArray]) -> FloatArray:
        out = np.zeros((n, sum(c.shape[1] for c in columns)), order="F")
        start = 0
        for part, block in zip(parts, columns, strict=True):
            rows = (4 * np.arange(mesh.n_directions)[:, None] + part.spins).ravel()
            out[rows, start : start + block.shape[1]] = block
            start += block.shape[1]
        return out

    rates = np.concatenate([part.rates for part in parts])
    zero = [part.zero_basis for part in parts]
    n_zero = sum(z.shape[1] for z in zero)
    require_pairs(rates, n_zero, n)
    slow_sizes = [part.slow_generator.shape[0] for part in parts]
    generator = np.zeros((n_zero + sum(slow_sizes),) * 2)
    start = 0
    for block in zero:
        d = block.shape[1] // 2
        generator[start : start + d, start + d : start + 2 * d] = -np.eye(d)
        start += 2 * d
    for part, size in zip(parts, slow_sizes, strict=True):
        generator[start : start + size, start : start + size] = part.slow_generator
        start += size
    driven = np.zeros((n, 2))
    for part in parts:
        rows = (4 * np.arange(mesh.n_directions)[:, None] + part.spins).ravel()
        driven[rows] = part.driven
    return LayerModes(
        rates=rates,
        vectors=spread([part.vectors for part in parts]),
        slow=np.concatenate([part.slow for part in parts]),
        slow_basis=np.hstack([spread(zero), spread([part.slow_basis for part in parts])]),
        slow_generator=generator,
        driven=driven,
        n_zero=n_zero,
    )


def require_pairs(rates: ComplexArray, n_zero: int, n: int) -> None:
    """Raise an error unless as many modes decay from one face as from the other."""
    n_decaying, n_growing = int(np.sum(rates.real > 0.0)), int(np.sum(rates.real < 0.0))
    if n_decaying != n_growing or n_decaying + n_growing + n_zero != n:
        raise PhysicsError(
            f"{n_decaying} solutions decay from the left face of the layer and {n_growing} from "
            f"the right one, besides {n_zero} that do not decay: its scattering does not relax "
            "towards equilibrium"
        )


def _coupled_components(terms: CollisionTerms) -> list[IntArray]:
    """Groups of spin-charge components that scattering does not mix with each other."""
    linked = (terms.k_out != 0.0) | np.any(terms.k_in != 0.0, axis=(0, 1)) | np.eye(4, dtype=bool)
    linked |= linked.T
    for _ in range(2):  # paths of up to four links
        linked = (linked.astype(int) @ linked.astype(int)) > 0
    return [np.flatnonzero(row) for row in np.unique(linked, axis=0)]


def _partner(rates: ComplexArray) -> IntArray:
    """Column of the conjugate mode; a real mode is its own partner."""
    step = np.sign(rates.imag).astype(np.int64)
    return np.arange(len(rates)) + step


def _rotated(rotation: FloatArray, columns: FloatArray) -> FloatArray:
    """Spin rotation of distributions, shape (n_unknowns, n)."""
    cube = columns.reshape(-1, 4, columns.shape[1])
    return np.asfortranarray(np.matmul(rotation, cube).reshape(columns.shape))
