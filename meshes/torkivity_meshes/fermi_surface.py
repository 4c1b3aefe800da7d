"""Meshes on the spherical Fermi surface, with the pairing in k_z that interfaces need.

An interface conserves k_parallel, so the two states (k_x, k_y, +k_z) and
(k_x, k_y, -k_z) form one *channel*: one of them arrives, the other leaves. Every mesh
here knows, for each direction, its mirror partner and its channel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from torkivity_meshes import rules
from torkivity_meshes.errors import InputError

__all__ = [
    "AzimuthalRings",
    "FermiSurfaceMesh",
    "SphericalMesh",
    "check_mesh_sizes",
    "load_mesh",
    "mesh_from_arrays",
    "mesh_of_rings",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: How far a user mesh may miss the exact sphere moments before it is refused.
MOMENT_TOLERANCE = 1e-6

#: Directions, weights and indices of a product mesh, measured; and more than any machine's worth.
_BYTES_PER_DIRECTION, _MOST_BYTES = 96, 32 * 10**9


@dataclass(frozen=True, eq=False)
class AzimuthalRings:
    """Product structure of a mesh: polar rings of equally spaced azimuths.

    Attributes
    ----------
    n_polar, n_azimuth : int
        Rings per hemisphere and points per ring.
    cosines : ndarray, shape (n_polar,)
        mu = abs(cos(theta)), increasing, in (0, 1).
    polar_weights : ndarray, shape (n_polar,)
        Weights on (0, 1), sum one.
    azimuths : ndarray, shape (n_azimuth,)
        Angles in radian.
    polar_rule : str, optional
        Name of the polar rule, of rings that have one.
    """

    n_polar: int
    n_azimuth: int
    cosines: FloatArray
    polar_weights: FloatArray
    azimuths: FloatArray
    polar_rule: str | None = None

    def __post_init__(self) -> None:
        """Take copies."""
        # Kernels are compiled anew for each layout in memory: all rings have the same.
        for name in ("cosines", "polar_weights", "azimuths"):
            object.__setattr__(self, name, np.array(getattr(self, name), order="C"))

    def with_polar_rule(self, name: str) -> AzimuthalRings:
        """As many rings of another polar rule."""
        mu, w = rules.polar_rule(name, self.n_polar)
        return replace(self, cosines=mu, polar_weights=w, polar_rule=name)

    @cached_property
    def moments(self) -> tuple[float, float]:
        """Averages 3 <k_x^2> and 3 <k_z^2>; exactly one where the rule is exact to rounding."""
        normal = float(3.0 * self.polar_weights @ self.cosines**2)
        return (1.0, 1.0) if abs(normal - 1.0) < 1e-13 else (0.5 * (3.0 - normal), normal)

    @cached_property
    def flux_weights(self) -> FloatArray:
        """Share of each ring in the flux of an isotropic distribution, sum one."""
        flux = self.cosines * self.polar_weights
        shares: FloatArray = flux / flux.sum()
        return shares


@dataclass(frozen=True, eq=False)
class FermiSurfaceMesh:
    """Quadrature mesh on a spherical Fermi surface.

    Attributes
    ----------
    directions : ndarray, shape (n_directions, 3)
        Unit vectors of k. On a sphere these are also the velocities in units of v_F.
    weights : ndarray, shape (n_directions,)
        Solid angles, sum 4 pi.
    mirror : ndarray of int64, shape (n_directions,)
        Index of (k_x, k_y, -k_z).
    channel : ndarray of int64, shape (n_directions,)
        Index of the k_parallel channel, shared by a state and its mirror partner.
    upward, downward : ndarray of int64, shape (n_directions / 2,)
        For each channel, the index of its state with v_z > 0 and with v_z < 0.
    rings : AzimuthalRings or None
        Product structure, which the reduced method needs; None for a mesh without it.
    name : str
        Short description for records and messages.
    """

    directions: FloatArray
    weights: FloatArray
    mirror: IntArray
    channel: IntArray
    upward: IntArray
    downward: IntArray
    rings: AzimuthalRings | None
    name: str

    @property
    def velocities(self) -> FloatArray:
        """Velocities in units of v_F, shape (n_directions, 3)."""
        return self.directions

    @property
    def n_directions(self) -> int:
        """Number of directions, NK."""
        return len(self.weights)

    @property
    def n_unknowns(self) -> int:
        """Number of unknowns per layer face, NT = 4 NK."""
        return 4 * self.n_directions

    @property
    def n_channels(self) -> int:
        """Number of k_parallel channels, NK / 2."""
        return len(self.upward)


def SphericalMesh(  # noqa: N802 - a public name that reads like the object it makes
    n_polar: int, n_azimuth: int, polar_rule: str = rules.DEFAULT_POLAR_RULE
) -> FermiSurfaceMesh:
    """Product mesh: polar rule per hemisphere times uniform azimuths.

    Directions are ordered (hemisphere, ring, azimuth) with the v_z > 0 hemisphere first.

    Parameters
    ----------
    n_polar : int
        Rings per hemisphere, at least 2.
    n_azimuth : int
        Points per ring, at least 4 and even, so that k_parallel and -k_parallel are both
        on the mesh (time reversal holds on it) and second harmonics are integrated exactly.
    polar_rule : {"rational", "gauss", "graded"}, optional
        Even steps of 1/mu, which suits flights and precession; Gauss-Legendre in mu; or crowded
        towards grazing angles.

    Returns
    -------
    FermiSurfaceMesh
        With NK = 2 n_polar n_azimuth directions.

    Raises
    ------
    InputError
        For sizes that are not integers, too small or too large, or an unknown rule.
    """
    check_mesh_sizes(n_polar, n_azimuth, polar_rule)
    mu, w = rules.polar_rule(polar_rule, int(n_polar))
    phi = (np.arange(n_azimuth, dtype=np.float64) + 0.5) * (2.0 * np.pi / n_azimuth)
    rings = AzimuthalRings(int(n_polar), int(n_azimuth), mu, w, phi, polar_rule)
    return mesh_of_rings(rings, f"SphericalMesh({n_polar}, {n_azimuth}, {polar_rule})")


def mesh_of_rings(
    rings: AzimuthalRings, name: str, *, moment_tolerance: float = 1e-12
) -> FermiSurfaceMesh:
    """Mesh of both hemispheres from the rings of one.

    Directions are ordered (hemisphere, ring, azimuth) with the v_z > 0 hemisphere first.

    Parameters
    ----------
    rings : AzimuthalRings
    name : str
        Description for records and messages.
    moment_tolerance : float, optional
        How far the moments <1>, <v_i v_j> may miss the exact ones.

    Returns
    -------
    FermiSurfaceMesh

    Raises
    ------
    InputError
        If the moments miss by more.
    """
    mu, phi = rings.cosines, rings.azimuths
    sin_theta = np.sqrt((1.0 - mu) * (1.0 + mu))
    upper = np.empty((rings.n_polar, rings.n_azimuth, 3))
    upper[..., 0] = sin_theta[:, None] * np.cos(phi)
    upper[..., 1] = sin_theta[:, None] * np.sin(phi)
    upper[..., 2] = mu[:, None]
    n = rings.n_polar * rings.n_azimuth
    directions = np.concatenate(
        [upper.reshape(n, 3), upper.reshape(n, 3) * np.array([1.0, 1.0, -1.0])]
    )
    per_point = rings.polar_weights * (2.0 * np.pi / rings.n_azimuth)
    solid_angles = np.repeat(per_point, rings.n_azimuth)
    index = np.arange(2 * n, dtype=np.int64)
    return _checked(
        FermiSurfaceMesh(
            directions=directions,
            weights=np.concatenate([solid_angles, solid_angles]),
            mirror=np.roll(index, n),
            channel=index % n,
            upward=index[:n].copy(),
            downward=index[n:].copy(),
            rings=rings,
            name=name,
        ),
        moment_tolerance,
    )


def check_mesh_sizes(
    n_polar: int, n_azimuth: int, polar_rule: str = rules.DEFAULT_POLAR_RULE
) -> int:
    """Refuse what `SphericalMesh` would refuse, without making the mesh.

    Parameters
    ----------
    n_polar, n_azimuth, polar_rule
        As for `SphericalMesh`.

    Returns
    -------
    int
        Bytes that the mesh would take.

    Raises
    ------
    InputError
        As `SphericalMesh`.
    """
    for key, value in (("n_polar", n_polar), ("n_azimuth", n_azimuth)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise InputError(key, value, "must be an integer")
    if n_azimuth < 4 or n_azimuth % 2:
        raise InputError("n_azimuth", n_azimuth, "must be an even number of at least 4")
    rules.check_polar_rule(polar_rule, int(n_polar))
    size = 2 * int(n_polar) * int(n_azimuth) * _BYTES_PER_DIRECTION
    if size > _MOST_BYTES:
        raise InputError(
            "n_azimuth",
            n_azimuth,
            f"with n_polar = {n_polar} the mesh would take {size / 1e9:.3g} GB; "
            f"at most {_MOST_BYTES / 1e9:.3g} GB",
        )
    return size


def mesh_from_arrays(
    directions: ArrayLike,
    weights: ArrayLike,
    *,
    moment_tolerance: float = MOMENT_TOLERANCE,
    name: str = "user mesh",
) -> FermiSurfaceMesh:
    """Mesh from any set of directions and weights on the sphere (dense method only).

    Parameters
    ----------
    directions : array_like, shape (n_directions, 3)
        Unit vectors. For each (k_x, k_y, k_z) the point (k_x, k_y, -k_z) must be there too.
    weights : array_like, shape (n_directions,)
        Solid angles, sum 4 pi.
    moment_tolerance : float, optional
        How far the moments <1>, <v_i v_j> may miss the exact ones.
    name : str, optional
        Description for records and messages.

    Returns
    -------
    FermiSurfaceMesh
        Without azimuthal rings.

    Raises
    ------
    InputError
        Naming the requirement that fails: shape, finite values, unit length, positive
        weights, v_z != 0, mirror pairing with equal weights, <1>, <v_i v_j>.
    """
    k = np.array(directions, dtype=np.float64, order="C")
    w = np.array(weights, dtype=np.float64, order="C")
    if k.ndim != 2 or k.shape[1] != 3 or len(k) == 0:
        raise InputError("directions", k.shape, "must be a non-empty array of shape (n, 3)")
    if w.shape != (len(k),):
        raise InputError("weights", w.shape, f"must have shape ({len(k)},), one per direction")
    if not np.all(np.isfinite(k)):
        raise InputError("directions", "NaN or infinity", "must be finite")
    if not np.all(np.isfinite(w)):
        raise InputError("weights", "NaN or infinity", "must be finite")
    worst = float(np.max(np.abs(np.linalg.norm(k, axis=1) - 1.0)))
    if worst > 1e-9:
        raise InputError("directions", f"length off by {worst:.1e}", "must be unit vectors")
    if np.any(k[:, 2] == 0.0):
        raise InputError(
            "directions",
            f"{int(np.sum(k[:, 2] == 0.0))} points with v_z = 0",
            "v_z = 0 must not be a mesh point: such electrons never reach an interface",
        )
    up, down = np.flatnonzero(k[:, 2] > 0), np.flatnonzero(k[:, 2] < 0)
    partner = _pair(k, up, down)
    n = len(up)
    # Within the tolerance partners may differ; exact ones conserve charge to rounding.
    k[partner] = k[up] * np.array([1.0, 1.0, -1.0])
    if np.max(np.abs(w[partner] - w[up]) / np.abs(w[up])) < 1e-9:
        w[partner] = w[up]
    mirror = np.empty(2 * n, dtype=np.int64)
    mirror[up], mirror[partner] = partner, up
    channel = np.empty(2 * n, dtype=np.int64)
    channel[up] = channel[partner] = np.arange(n)
    mesh = FermiSurfaceMesh(
        directions=k,
        weights=w,
        mirror=mirror,
        channel=channel,
        upward=up.astype(np.int64),
        downward=partner.astype(np.int64),
        rings=None,
        name=name,
    )
    return _checked(mesh, moment_tolerance)


def load_mesh(path: str | Path, *, moment_tolerance: float = MOMENT_TOLERANCE) -> FermiSurfaceMesh:
    """Mesh from a text file with columns k_x, k_y, k_z, weight (dense method only).

    Parameters
    ----------
    path : str or Path
        Whitespace- or comma-separated columns, or a ``.npy`` array, of shape (n, 4);
        lines that start with ``#`` are ignored.
    moment_tolerance : float, optional
        See `mesh_from_arrays`.

    Returns
    -------
    FermiSurfaceMesh
        Without azimuthal rings.

    Raises
    ------
    InputError
        If the file is missing or unreadable, has other columns, or the mesh fails a check.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("mesh file", str(path), "no such file")
    try:
        if path.suffix == ".npy":
            table = np.load(path, allow_pickle=False)
        else:
            text = path.read_text(encoding="utf-8").replace(",", " ")
            rows = [row for row in text.splitlines() if row.partition("#")[0].strip()]
            table = np.loadtxt(rows, ndmin=2) if rows else np.empty((0, 4))
    except (ValueError, OSError) as error:
        raise InputError("mesh file", str(path), f"not a table of numbers ({error})") from None
    if table.ndim != 2 or table.shape[1] != 4 or not np.issubdtype(table.dtype, np.number):
        raise InputError(
            "mesh file", str(path), f"must have 4 columns kx ky kz weight, has shape {table.shape}"
        )
    return mesh_from_arrays(
        table[:, :3], table[:, 3], moment_tolerance=moment_tolerance, name=path.name
    )


def _pair(k: FloatArray, up: IntArray, down: IntArray) -> IntArray:
    """For each upward point, the downward point with the same k_parallel."""
    if len(up) != len(down):
        raise InputError(
            "directions",
            f"{len(up)} points with v_z > 0 and {len(down)} with v_z < 0",
            "every (kx, ky, kz) needs its partner (kx, ky, -kz)",
        )
    # Rounded coordinates can straddle a rounding boundary, so sort on one rounding, then compare.
    order_up = np.lexsort(np.round(k[up], 7).T[:2])
    order_down = np.lexsort(np.round(k[down], 7).T[:2])
    partner = np.empty(len(up), dtype=np.int64)
    partner[order_up] = down[order_down]
    miss = np.abs(k[up] * np.array([1.0, 1.0, -1.0]) - k[partner]).max(axis=1)
    for row in np.flatnonzero(miss > 1e-9):
        target = k[up[row]] * np.array([1.0, 1.0, -1.0])
        distance = np.abs(k[down] - target).max(axis=1)
        partner[row] = down[np.argmin(distance)]
        miss[row] = distance.min()
    if np.any(miss > 1e-9) or len(np.unique(partner)) != len(partner):
        bad = k[up[int(np.argmax(miss))]]
        raise InputError(
            "directions",
            tuple(float(x) for x in bad),
            "has no partner of its own at (kx, ky, -kz): interfaces conserve k_parallel",
        )
    return partner


def _checked(mesh: FermiSurfaceMesh, tolerance: float) -> FermiSurfaceMesh:
    """The mesh with read-only arrays, after checking what every solver relies on."""
    k, w = mesh.directions, mesh.weights
    if np.any(w <= 0.0):
        raise InputError("weights", float(w.min()), "must all be positive")
    imbalance = float(np.max(np.abs(w[mesh.mirror] - w) / w))
    if imbalance > 1e-9:
        raise InputError(
            "weights", f"mirror partners differ by {imbalance:.1e}", "must be equal for +-k_z"
        )
    exact = np.eye(3) / 3.0
    mean = w.sum() / (4.0 * np.pi)
    if abs(mean - 1.0) > tolerance:
        raise InputError("weights", f"<1> = {mean:.12g}", "must sum to 4 pi, so that <1> = 1")
    moments = np.einsum("k,ki,kj->ij", w, k, k) / (4.0 * np.pi)
    i, j = np.unravel_index(int(np.argmax(np.abs(moments - exact))), (3, 3))
    if abs(moments[i, j] - exact[i, j]) > tolerance:
        raise InputError(
            "mesh",
            f"<v_{'xyz'[i]} v_{'xyz'[j]}> = {moments[i, j]:.12g}",
            f"must be {'1/3' if i == j else '0'} within {tolerance:g}: the mesh is too coarse "
            "or its weights are wrong",
        )
    for array in (k, w, mesh.mirror, mesh.channel, mesh.upward, mesh.downward):
        array.flags.writeable = False
    return mesh
