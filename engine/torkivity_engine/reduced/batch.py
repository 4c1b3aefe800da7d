"""Many films by the reduced method: those that share their layers in compiled code.

What layers do is prepared once for all points of a batch. A point is computed by itself, so that
its digits do not depend on what else is in the batch.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
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
from torkivity_engine.reduced.many_layers import has_many_layers, solve_by_iteration
from torkivity_engine.reduced.point_kernels import (
    Closings,
    Moments,
    PointInput,
    close_points,
    open_points,
)
from torkivity_engine.reduced.room import Room
from torkivity_engine.spin import rotation_to
from torkivity_meshes import AzimuthalRings, FermiSurfaceMesh

__all__ = [
    "FilmMoments",
    "SolvedBlock",
    "alike",
    "solve_reduced",
    "solve_reduced_many",
    "solved_blocks",
]

#: Points whose equations are held at once take about this much memory.
_BYTES = 2_000_000

_memory = Room()
_UNTURNED = np.eye(3)


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
    for group in alike(stacks):
        some = [stacks[index] for index in group]
        try:
            layers = film_response(some[0], rings)
        except POINT_ERRORS as error:
            found |= dict.fromkeys(group, error)
            continue
        found |= zip(group, _solve_alike(layers, rings, some, drive), strict=True)
    return [found[index] for index in range(len(stacks))]


def alike(stacks: Sequence[Stack]) -> list[list[int]]:
    """Places of stacks that are solved together: with equal layers and ends."""
    groups: dict[Hashable, list[int]] = {}
    for index, stack in enumerate(stacks):
        groups.setdefault((film_key(stack), _turned(stack)), []).append(index)
    return list(groups.values())


def _turned(stack: Stack) -> tuple[bool, ...]:
    return tuple(layer.frame_direction is not None for layer in stack.layers)


def _solve_alike(
    layers: FilmResponse, rings: AzimuthalRings, stacks: list[Stack], drive: str
) -> Iterator[FilmMoments | PointError]:
    """Solutions of films with equal layers, some at a time."""
    amounts = _amounts(stacks, drive)
    if not has_many_layers(layers):
        for block in solved_blocks(layers, rings, stacks, amounts):
            yield from block.results(layers)
        return
    interfaces = [interface_input(stack, rings) for stack in stacks]
    points = _point_input(stacks, interfaces, amounts)
    for k, stack in enumerate(stacks):
        solved = None
        if not len(interfaces[k].scattering):
            solved = solve_by_iteration(stack, layers, rings, points, k)
        if solved is None:
            (block,) = solved_blocks(layers, rings, [stack], amounts[k : k + 1])
            yield from block.results(layers)
        else:
            yield solved


class SolvedBlock(NamedTuple):
    """Points that were solved together; the arrays of `closings` are those of the next block."""

    points: PointInput
    closings: Closings
    solved: FloatArray
    moments: Moments
    reciprocals: list[float]

    def results(self, layers: FilmResponse) -> Iterator[FilmMoments | PointError]:
        """Moments of each point, or what is wrong with it."""
        moments = self.moments
        plus = -moments.current[:, 1::2]
        numbers = (self.closings.defect, moments.balance, moments.residual, moments.slack)
        certificates = zip(*(x.tolist() for x in numbers), strict=True)
        removed = 2.0 * layers.conserved
        for k, (defect, balance, residual, slack) in enumerate(certificates):
            try:
                require_definite(self.reciprocals[k])
            except PhysicsError as error:
                yield error
                continue
            yield FilmMoments(
                current_minus=moments.current[k, 0::2],
                current_plus=plus[k],
                density=moments.density[k],
                certificates={
                    "unitarity_defect": defect,
                    "spin_balance": balance,
                    "modes_removed": removed,
                    "residual": residual,
                    "condition": 1.0 / self.reciprocals[k],
                    "gauge_slack": slack,
                },
            )


def solved_blocks(
    layers: FilmResponse, rings: AzimuthalRings, stacks: list[Stack], amounts: FloatArray
) -> Iterator[SolvedBlock]:
    """Films with equal layers, as many at a time as memory is kept for.

    `amounts`, shape (n_films, 2, 6, n_drives): fields and injections of each drive, at the bottom
    and at the top.
    """
    azimuths = np.stack([np.cos(rings.azimuths), np.sin(rings.azimuths)])
    interfaces = [interface_input(stack, rings) for stack in stacks]
    points = _point_input(stacks, interfaces, amounts)
    for first, end in _blocks(interfaces, _capacity(layers)):
        yield _solve(layers, azimuths, interfaces[first], points.some(first, end))


def _capacity(layers: FilmResponse) -> int:
    """How many points are handled at once."""
    size, rank = 4 * len(layers.slots), layers.rank
    moments = len(layers.cosines) * (size + 3 * len(layers.local)) * size
    return max(1, _BYTES // (8 * (rank**2 + moments)))


def _blocks(interfaces: list[InterfaceInput], most: int) -> Iterator[tuple[int, int]]:
    """Where points that are handled at once begin and end; those with tensors one by one."""
    first = 0
    while first < len(interfaces):
        end = first + 1
        if not len(interfaces[first].scattering):
            while end < min(first + most, len(interfaces)) and not len(interfaces[end].scattering):
                end += 1
        yield first, end
        first = end


def _solve(
    layers: FilmResponse, azimuths: FloatArray, interfaces: InterfaceInput, points: PointInput
) -> SolvedBlock:
    """Some points with equal layers, by one call of each kernel."""
    n_points, n_drives = len(points.drive), points.drive.shape[3]
    n_interfaces, rank = len(interfaces.table), layers.rank
    closings = _room(layers, n_points, n_interfaces, n_drives)
    close_points(layers, azimuths, interfaces, points, closings)
    solved = np.zeros((n_points, n_drives, rank))
    reciprocals = [0.0] * n_points
    for k, norm in enumerate(closings.norm.tolist()):
        # LAPACK goes by columns: it sees the transposed system.
        factors, pivots, info = lapack.dgetrf(closings.system[k].T, overwrite_a=True)
        if info == 0:
            reciprocals[k], _ = lapack.dgecon(factors, norm, norm="I")
            solved[k] = lapack.dgetrs(factors, pivots, closings.source[k].T, trans=1)[0].T
    moments = Moments(
        np.empty((n_points, 2 * n_interfaces, 4, n_drives)),
        np.empty((n_points, n_interfaces, 3, n_drives)),
        *np.empty((3, n_points)),
    )
    open_points(layers, points, closings, solved, moments)
    return SolvedBlock(points, closings, solved, moments, reciprocals)


def _point_input(
    stacks: list[Stack], interfaces: list[InterfaceInput], amounts: FloatArray
) -> PointInput:
    rotation = [
        [
            _UNTURNED if layer.frame_direction is None else rotation_to(layer.frame_direction)
            for layer in stack.layers
        ]
        for stack in stacks
    ]
    return PointInput(
        rotation=np.array(rotation),
        turned=np.array(_turned(stacks[0])),
        parameters=np.array([own.parameters for own in interfaces]),
        drive=amounts,
        reference=np.array(
            [-1 if stack.is_open else stack.reference_interface for stack in stacks]
        ),
    )


def _amounts(stacks: list[Stack], drive: str) -> FloatArray:
    """Fields and injections of each drive, at the bottom and at the top.

    Shape (n_points, 2, 6, n_drives).
    """
    if drive == "injection":
        injected = [[stack.left.injected, stack.right.injected] for stack in stacks]
        amounts = np.zeros((len(stacks), 2, 6, 1))
        amounts[:, :, 2:, 0] = injected
        return amounts
    amounts = np.zeros((len(stacks), 2, 6, 2 if drive == "fields" else 1))
    if drive == "fields":
        amounts[:, :, :2] = np.eye(2)
    else:
        amounts[:, :, :2, 0] = np.array([s.field_direction[:2] for s in stacks])[:, None]
    return amounts


def _room(layers: FilmResponse, n_points: int, n_interfaces: int, n_drives: int) -> Closings:
    """Arrays to be filled: the next call has the same."""
    n_rings, size, rank = len(layers.cosines), 4 * len(layers.slots), layers.rank
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (n_rings, size, size + n_drives),
        "probe": (n_rings, 3 * n_interfaces, size + n_drives),
        "system": (rank, rank),
        "source": (n_drives, rank),
        "gauge": (rank,),
        "offset": (n_drives,),
        "norm": (),
        "defect": (),
    }
    arrays = _memory.arrays({name: (n_points, *shape) for name, shape in shapes.items()})
    return Closings(**arrays)
