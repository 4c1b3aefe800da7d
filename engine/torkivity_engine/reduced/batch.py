"""Many films by the reduced method: those that share their layers in compiled code.

What layers do is prepared once for all points of a batch. A point is computed by itself, so that
its digits do not depend on what else is in the batch.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import POINT_ERRORS, PhysicsError, PointError
from torkivity_engine.film.stack import Stack
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.reduced.assembly import FilmMoments, ring_structure
from torkivity_engine.reduced.channels import InterfaceInput
from torkivity_engine.reduced.closing import require_definite
from torkivity_engine.reduced.film_response import FilmResponse, film_key, film_response
from torkivity_engine.reduced.interface_input import interface_input
from torkivity_engine.reduced.many_layers import iteration_pays, solve_by_iteration
from torkivity_engine.reduced.point_kernels import (
    Closings,
    Moments,
    PointInput,
    close_points,
    open_points,
)
from torkivity_engine.spin import rotation_to
from torkivity_meshes import AzimuthalRings, FermiSurfaceMesh

__all__ = ["FilmMoments", "solve_reduced", "solve_reduced_many"]

#: Points whose equations are held at once take about this much memory.
_BYTES = 2_000_000

_memory = threading.local()


class _Point(NamedTuple):
    """A film of a batch: its place there, and its interfaces as kernels take them."""

    place: int
    stack: Stack
    interfaces: InterfaceInput


def solve_reduced(stack: Stack, mesh: FermiSurfaceMesh, drive: str = "fields") -> FilmMoments:
    """Solve the Boltzmann equation of a stack: a batch of one.

    Parameters
    ----------
    stack : Stack
        With at least one interface (see `torkivity_engine.reduced.assembly.split_single_layer`).
    mesh : FermiSurfaceMesh
        With azimuthal rings.
    drive : {"fields", "field", "injection"}
        Unit fields along x and y (two drives), one in the direction of the film's, or the
        injections of the reservoirs.

    Returns
    -------
    FilmMoments

    Raises
    ------
    InputError
        For a mesh without azimuthal rings, or a kernel without mirror symmetry.
    PhysicsError
        If the stack leaves a spin accumulation undetermined.
    """
    (found,) = solve_reduced_many([stack], mesh, drive)
    if isinstance(found, FilmMoments):
        return found
    raise found


@with_one_blas_thread
def solve_reduced_many(
    stacks: Sequence[Stack], mesh: FermiSurfaceMesh, drive: str = "fields"
) -> list[FilmMoments | PointError]:
    """Solve the Boltzmann equation of many stacks.

    Parameters
    ----------
    stacks : sequence of Stack
    mesh : FermiSurfaceMesh
    drive : str
        All as in `solve_reduced`.

    Returns
    -------
    list of FilmMoments, or of what `solve_reduced` raises
    """
    rings = ring_structure(mesh)
    found: dict[int, FilmMoments | PointError] = {}
    groups: dict[Hashable, list[int]] = {}
    for index, stack in enumerate(stacks):
        groups.setdefault((film_key(stack), _turned(stack)), []).append(index)
    for group in groups.values():
        try:
            layers = film_response(stacks[group[0]], rings)
        except POINT_ERRORS as error:
            found |= dict.fromkeys(group, error)
            continue
        points = (_Point(i, stacks[i], interface_input(stacks[i], rings)) for i in group)
        for block in _blocks(points, _capacity(layers)):
            moments = _solve(layers, rings, block, drive)
            found |= zip((point.place for point in block), moments, strict=True)
    return [found[index] for index in range(len(stacks))]


def _turned(stack: Stack) -> tuple[bool, ...]:
    return tuple(layer.frame_direction is not None for layer in stack.layers)


def _capacity(layers: FilmResponse) -> int:
    """How many points are handled at once."""
    size, rank = 4 * len(layers.slots), layers.rank
    moments = len(layers.cosines) * (size + 3 * len(layers.local)) * size
    return max(1, _BYTES // (8 * (2 * rank**2 + moments)))


def _blocks(points: Iterable[_Point], most: int) -> Iterator[list[_Point]]:
    """Points that are handled at once; those whose interfaces are tensors one by one."""
    waiting: list[_Point] = []
    for point in points:
        if len(point.interfaces.scattering):
            yield [point]
            continue
        waiting.append(point)
        if len(waiting) == most:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _solve(
    layers: FilmResponse, rings: AzimuthalRings, block: list[_Point], drive: str
) -> list[FilmMoments | PointError]:
    """Solutions of some points with equal layers."""
    if not iteration_pays(layers, block[0].interfaces):
        return _solve_together(layers, rings, block, drive)
    points = _point_input(block, drive)
    found: list[FilmMoments | PointError] = []
    for k, point in enumerate(block):
        solved = solve_by_iteration(point.stack, layers, rings, points, k)
        found.append(solved or _solve_together(layers, rings, [point], drive)[0])
    return found


def _solve_together(
    layers: FilmResponse, rings: AzimuthalRings, block: list[_Point], drive: str
) -> list[FilmMoments | PointError]:
    """The same with the matrix of the closing equations, by one call of each kernel."""
    interfaces = block[0].interfaces
    points = _point_input(block, drive)
    n_points, n_drives = len(block), points.drive.shape[3]
    n_interfaces, rank = len(interfaces.table), layers.rank
    closings = _room(layers, n_points, n_interfaces, n_drives)
    azimuths = np.stack([np.cos(rings.azimuths), np.sin(rings.azimuths)])
    close_points(layers, azimuths, interfaces, points, closings)
    solved = np.zeros((n_points, n_drives, rank))
    reciprocals = np.zeros(n_points)
    for k in range(n_points):
        # LAPACK goes by columns: it sees the transposed system.
        factors, pivots, info = lapack.dgetrf(closings.factors[k].T, overwrite_a=True)
        if info == 0:
            reciprocals[k], _ = lapack.dgecon(factors, closings.norm[k], norm="I")
            solved[k] = lapack.dgetrs(factors, pivots, closings.source[k].T, trans=1)[0].T
    moments = Moments(
        np.empty((n_points, 2 * n_interfaces, 4, n_drives)),
        np.empty((n_points, n_interfaces, 3, n_drives)),
        *np.empty((3, n_points)),
    )
    open_points(layers, points, closings, solved, moments)
    return [_result(layers, closings, moments, float(reciprocals[k]), k) for k in range(n_points)]


def _point_input(block: list[_Point], drive: str) -> PointInput:
    stacks = [point.stack for point in block]
    turned = _turned(stacks[0])
    rotation = [
        [rotation_to(layer.frame_direction or (0.0, 0.0, 1.0)) for layer in stack.layers]
        for stack in stacks
    ]
    return PointInput(
        rotation=np.array(rotation),
        turned=np.array(turned),
        parameters=np.array([point.interfaces.parameters for point in block]),
        drive=np.array([_amounts(stack, drive) for stack in stacks]),
        reference=np.array(
            [-1 if stack.is_open else stack.reference_interface for stack in stacks]
        ),
    )


def _amounts(stack: Stack, drive: str) -> FloatArray:
    """Fields and injections of each drive, at the bottom and at the top, (2, 6, n_drives)."""
    if drive == "injection":
        injected = np.stack([stack.left.injected, stack.right.injected])
        return np.concatenate([np.zeros((2, 2)), injected], axis=1)[:, :, None]
    fields = np.eye(2) if drive == "fields" else stack.field_direction[:2, None]
    amounts = np.zeros((2, 6, fields.shape[1]))
    amounts[:, :2] = fields
    return amounts


def _room(layers: FilmResponse, n_points: int, n_interfaces: int, n_drives: int) -> Closings:
    """Arrays to be filled, of the thread's own memory: the next call has the same."""
    n_rings, size, rank = len(layers.cosines), 4 * len(layers.slots), layers.rank
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (n_rings, size, size + n_drives),
        "probe": (n_rings, 3 * n_interfaces, size + n_drives),
        "system": (rank, rank),
        "factors": (rank, rank),
        "source": (n_drives, rank),
        "gauge": (rank,),
        "offset": (n_drives,),
        "norm": (),
        "defect": (),
    }
    counts = [n_points * math.prod(shape) for shape in shapes.values()]
    kept = getattr(_memory, "numbers", None)
    if kept is None or len(kept) < sum(counts):
        # To the system page by page, memory that is given back costs more than the equations.
        kept = _memory.numbers = np.empty(sum(counts))
    ends = np.cumsum(counts)
    return Closings(
        **{
            name: kept[end - count : end].reshape(n_points, *shape)
            for (name, shape), count, end in zip(shapes.items(), counts, ends, strict=True)
        }
    )


def _result(
    layers: FilmResponse, closings: Closings, moments: Moments, reciprocal: float, k: int
) -> FilmMoments | PointError:
    """One point of a block."""
    try:
        require_definite(reciprocal)
    except PhysicsError as error:
        return error
    current = moments.current[k]
    return FilmMoments(
        current_minus=current[0::2],
        current_plus=-current[1::2],
        density=moments.density[k],
        certificates={
            "unitarity_defect": float(closings.defect[k]),
            "spin_balance": float(moments.balance[k]),
            "modes_removed": 2.0 * layers.conserved,
            "residual": float(moments.residual[k]),
            "condition": 1.0 / reciprocal,
            "gauge_slack": float(moments.slack[k]),
        },
    )
