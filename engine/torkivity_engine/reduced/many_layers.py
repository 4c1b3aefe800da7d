"""Films with many layers: the closing equations by iteration, linear in the number of layers.

An electron that leaves a layer may reach any other one without a collision, so that the matrix of
the closing equations is full: to fill and to factor it takes between the square and the cube of
the number of layers. Here the matrix is only applied (`torkivity_engine.reduced.film_flows`), and
GMRES solves. The preconditioner is the inverse for what layers return most of
(`torkivity_engine.reduced.largest_returns`) between layers that are near each other
(`torkivity_engine.reduced.near_means`), and one for all else.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.stack import Stack
from torkivity_engine.reduced.assembly import FilmMoments
from torkivity_engine.reduced.block_gmres import block_gmres
from torkivity_engine.reduced.blocks import CHUNK
from torkivity_engine.reduced.channel_sweeps import Channels, channel_factors
from torkivity_engine.reduced.film_flows import (
    DrivenFilm,
    departure,
    measure,
    prepare,
    uniform_loss,
)
from torkivity_engine.reduced.film_response import FilmResponse
from torkivity_engine.reduced.largest_returns import LargestReturns, largest_returns
from torkivity_engine.reduced.near_means import AZIMUTHS, near_system
from torkivity_engine.reduced.point_kernels import PointInput
from torkivity_engine.reduced.room import Room
from torkivity_meshes import AzimuthalRings

__all__ = ["has_many_layers", "solve_by_iteration"]

#: Layers from which on the iteration is faster than the matrix.
_FEWEST = 4
#: Of the residual in the preconditioned norm, which is about the error of the amplitudes.
_TOLERANCE = 3e-14
#: Films that need more steps are left to the matrix.
_MOST_STEPS = 40
#: With fewer flips, how well spins are determined is looked at.
_FEW_FLIPS = 1e-6
#: Reciprocal condition below which films are left to the matrix, which says what is wrong.
_DOUBTFUL = 1e-9
#: What is left of sources that cancel, relative to what drives the film.
_ROUNDING = 1e-12

#: Films and meshes whose channels need more memory are left to the matrix as well.
_MOST_BYTES = 2**28

_memory = Room()


def has_many_layers(layers: FilmResponse) -> bool:
    """Whether a film has so many layers that the iteration is faster than the matrix."""
    return len(layers.local) >= _FEWEST


def solve_by_iteration(
    stack: Stack, layers: FilmResponse, rings: AzimuthalRings, points: PointInput, k: int
) -> FilmMoments | None:
    """Solve the Boltzmann equation of one film of a batch.

    Parameters
    ----------
    stack : Stack
        With at least two interfaces, of which all have closed forms.
    layers : FilmResponse
    rings : AzimuthalRings
    points : PointInput
        The film is the one in row `k`.
    k : int

    Returns
    -------
    FilmMoments or None
        None if that does not lead there, takes too much memory, or nothing but rounding drives the
        film: the equations are then to be solved with their matrix.
    """
    returns = largest_returns(stack, layers, rings)
    n_interfaces, n_drives = len(stack.interfaces), points.drive.shape[3]
    room = _room(layers, returns, rings, n_interfaces, n_drives)
    if room is None:
        return None
    film = DrivenFilm(
        points.rotation[k], points.turned, _spread_azimuths(rings), int(points.reference[k]),
        points.drive[k], room["driven"], room["outgoing"],
    )  # fmt: skip
    channels = Channels(room["flights"], room["blocks"])
    prepare(layers, film, channels.flights)
    defect = channel_factors(layers.cosines, film.azimuths, points.parameters[k], channels)
    near = _NearInverse(layers, returns, film, channels, room["system"])
    reciprocal = near.reciprocal
    if _flips(stack, layers, film.rotation) < _FEW_FLIPS:
        reciprocal = min(reciprocal, _least_loss(layers, returns, film, channels))
    if not reciprocal >= _DOUBTFUL:
        return None
    system = _System(layers, returns, film, channels, room["out"], room["density"])
    source = -system.departure(np.zeros((n_drives, layers.rank)), 1.0)
    if not np.abs(source).max() > _ROUNDING * np.abs(film.driven).max():
        return None
    x = block_gmres(
        lambda x: near.applied(system.departure(x, 0.0)),
        near.applied(source.copy()),
        tolerance=_TOLERANCE,
        most_steps=_MOST_STEPS,
    )
    if x is None:
        return None
    moments, missed = system.moments(x)
    certificates = {
        "unitarity_defect": float(defect),
        "modes_removed": 2.0 * layers.conserved,
        "residual": float(np.abs(missed).max() / np.abs(source).max()),
        "condition": 1.0 / reciprocal,
    }
    return replace(moments, certificates=moments.certificates | certificates)


class _NearInverse:
    """The preconditioner: overwrites the array `system` with its factors."""

    def __init__(
        self,
        layers: FilmResponse,
        returns: LargestReturns,
        film: DrivenFilm,
        channels: Channels,
        system: FloatArray,
    ) -> None:
        self._members = returns.members
        norm = near_system(layers, returns, film, channels, system)
        # LAPACK goes by columns: it sees the transposed system.
        self._factors, self._pivots, info = lapack.dgetrf(system.T, overwrite_a=True)
        self.reciprocal = 0.0
        if info == 0:
            self.reciprocal = float(lapack.dgecon(self._factors, norm, norm="I")[0])

    def applied(self, x: FloatArray) -> FloatArray:
        """The array, shape (n_drives, rank), itself overwritten."""
        largest = x[:, self._members].T
        answer, _ = lapack.dgetrs(self._factors, self._pivots, largest, trans=1)
        x[:, self._members] = answer.T
        return x


class _System(NamedTuple):
    """The closing equations of one film, with arrays to be filled."""

    layers: FilmResponse
    returns: LargestReturns
    film: DrivenFilm
    channels: Channels
    out: FloatArray
    density: FloatArray

    def departure(self, x: FloatArray, amount: float) -> FloatArray:
        """System x - amount source, shape (n_drives, rank)."""
        result = np.empty_like(x)
        departure(
            self.layers, self.returns.given, self.film, self.channels, x, amount, self.out,
            self.density[:0], result,
        )  # fmt: skip
        return result

    def moments(self, x: FloatArray) -> tuple[FilmMoments, FloatArray]:
        """What the amplitudes amount to, and their departure from the equations."""
        n_interfaces, n_drives = len(self.channels.flights) - 1, len(x)
        missed = np.empty_like(x)
        known = (self.layers, self.returns.given, self.film, self.channels, x)
        slack = departure(*known, 1.0, self.out, self.density, missed)
        current = np.empty((2 * n_interfaces, 4, n_drives))
        density = np.empty((n_interfaces, 3, n_drives))
        balance = measure(*known, self.out, self.density, current, density)
        certificates = {"spin_balance": float(balance), "gauge_slack": float(slack)}
        return FilmMoments(current[0::2], -current[1::2], density, certificates), missed


def _room(
    layers: FilmResponse,
    returns: LargestReturns,
    rings: AzimuthalRings,
    n_interfaces: int,
    n_drives: int,
) -> dict[str, FloatArray] | None:
    """Arrays to be filled: the next call has the same. None if they are too large."""
    n_rings, n_members = len(layers.cosines), len(returns.members)
    shapes: dict[str, tuple[int, ...]] = {
        "flights": (n_interfaces + 1, n_rings, 4, 4),
        "blocks": (n_rings, -(-rings.n_azimuth // CHUNK), n_interfaces, 6, 16 * CHUNK),
        "driven": (n_rings, 3, 2 * n_interfaces, n_drives, 4),
        "outgoing": (n_rings, 3, 2 * n_interfaces, n_drives, 4),
        "system": (n_members, n_members),
        "out": (n_rings, n_drives, 4 * len(layers.slots)),
        "density": (n_rings, n_interfaces, 3, n_drives),
    }
    if 8 * sum(map(math.prod, shapes.values())) > _MOST_BYTES:
        return None
    return _memory.arrays(shapes)


def _spread_azimuths(rings: AzimuthalRings) -> FloatArray:
    """Cosines and sines, those of a coarse rule first."""
    n = rings.n_azimuth
    few = min(AZIMUTHS, n)
    first = [round(k * n / few) for k in range(few)]
    order = first + [k for k in range(n) if k not in first]
    return np.stack([np.cos(rings.azimuths[order]), np.sin(rings.azimuths[order])])


def _flips(stack: Stack, layers: FilmResponse, rotation: FloatArray) -> float:
    """How often collisions flip a spin that crosses the film, along the axis with the fewest."""
    total = np.zeros((3, 3))
    for layer, lost, frame in zip(stack.layers, layers.lost[:, :3, :3], rotation, strict=True):
        total += min(layer.thickness, 1e3) / (4.0 * np.pi) * frame @ (lost + lost.T) @ frame.T
    return float(np.linalg.eigvalsh(total)[0]) / 2.0


def _least_loss(
    layers: FilmResponse, returns: LargestReturns, film: DrivenFilm, channels: Channels
) -> float:
    """How much a uniform spin accumulation loses in one round, along the axis that loses least.

    The near layers alone do not tell, because they lose what flies further.
    """
    few = film._replace(azimuths=film.azimuths[:, :AZIMUTHS].copy())
    lost = uniform_loss(layers, returns.given, few, channels)
    triangle = np.linalg.qr(lost.T, mode="r")
    least = np.linalg.svd(triangle, compute_uv=False)[-1]
    return float(least / np.sqrt(len(layers.cosines) * channels.blocks.shape[2]))
