"""Films whose lowest layer has no end, and out of whose depth something comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import PointError
from torkivity_engine.film.boundaries import BOTTOM
from torkivity_engine.film.stack import Stack
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.reduced.assembly import FilmMoments
from torkivity_engine.reduced.batch import SolvedBlock, solved_blocks
from torkivity_engine.reduced.film_response import FilmResponse, film_response
from torkivity_engine.reduced.layer_response import own_termination
from torkivity_engine.reduced.sectors import N_MOMENTS
from torkivity_meshes import AzimuthalRings

__all__ = ["BesideEndless", "solve_beside_endless"]


class BesideEndless(NamedTuple):
    """What `solve_beside_endless` finds.

    Attributes
    ----------
    moments : FilmMoments
    distribution : ndarray, shape (2, n_polar, 3, 4, 5)
        g in the lowest layer beside its interface, without the driven bulk distribution:
        (k_z > 0 and k_z < 0, ring, azimuthal moment, component, drive). Moments that nothing
        scatters into or out of are zero.
    """

    moments: FilmMoments
    distribution: FloatArray


@with_one_blas_thread
def solve_beside_endless(
    stacks: Sequence[Stack], rings: AzimuthalRings, arriving: FloatArray
) -> list[BesideEndless | PointError]:
    """Solve stacks whose lowest layer has no end, and in which something comes out of its depth.

    Parameters
    ----------
    stacks : sequence of Stack
        With equal layers; the lowest one without a magnetization.
    rings : AzimuthalRings
    arriving : ndarray, shape (2, n_polar, 3, 4, 3)
        What comes: (k_z > 0 and k_z < 0, ring, azimuthal moment, component, drive), three solutions
        of the equations of that layer.

    Returns
    -------
    list of BesideEndless, or of what is wrong with a stack
        For five drives: unit fields along x and y, then those three.
    """
    own = own_termination(stacks[0].layers[0], stacks[0].left, BOTTOM, rings)
    up, down = arriving
    # Of what flies away the layer returns a part, which is in `up` already.
    moments = own.dense.left.shape[1]
    taken = np.einsum("imcr,imcd->rd", own.dense.right, down[:, :moments])
    up = up - own.local[:, None] @ down
    up[:, :moments] -= own.dense.left @ taken
    layers = film_response(stacks[0], rings)
    emission = layers.emission.copy()
    emission[0, ..., 2:5] = up
    layers = layers._replace(emission=emission)
    amounts = np.zeros((len(stacks), 2, 6, 5))
    amounts[:, :, :2, :2] = np.eye(2)
    amounts[:, 0, 2:5, 2:] = np.eye(3)
    found: list[BesideEndless | PointError] = []
    for block in solved_blocks(layers, rings, list(stacks), amounts):
        at_lowest = _at_lowest(layers, block)
        for k, result in enumerate(block.results(layers)):
            if isinstance(result, FilmMoments):
                found.append(BesideEndless(result, at_lowest[k]))
            else:
                found.append(result)
    return found


def _at_lowest(layers: FilmResponse, block: SolvedBlock) -> FloatArray:
    """Distributions below the lowest interface, shape (n_points, 2, n_rings, 3, 4, n_drives)."""
    n_points, n_drives, _ = block.solved.shape
    n_rings, size = len(layers.cosines), 4 * len(layers.slots)
    returned = np.zeros((n_points, n_rings, size, n_drives))
    for g, start in enumerate(layers.group_ranks[:-1]):
        x = block.solved[:, :, start : layers.group_ranks[g + 1]]
        rank = x.shape[2]
        for q in range(layers.group_places[g], layers.group_places[g + 1]):
            first = layers.left_start[q]
            left = layers.left[first : first + n_rings * rank].reshape(n_rings, rank)
            returned[:, :, layers.places[q]] += (x @ left.T).swapaxes(1, 2)
    for p, (_, side) in enumerate(layers.slots):
        index = (side + 1) // 2
        if block.points.turned[index]:
            at = slice(4 * p, 4 * p + 3)
            o = block.points.rotation[:, index]
            returned[:, :, at] = np.einsum("kst,kitd->kisd", o, returned[:, :, at])
    found = np.zeros((n_points, 2, n_rings, N_MOMENTS, 4, n_drives))
    emitted = np.einsum("imsc,kcd->kimsd", layers.emission[0], block.points.drive[:, 0])
    for p, (moment, side) in enumerate(layers.slots):
        if side == 0:
            rows = block.closings.mean[:, :, 4 * p : 4 * p + 4]
            found[:, 0, :, moment] = returned[:, :, 4 * p : 4 * p + 4] + emitted[:, :, moment]
            found[:, 1, :, moment] = rows[..., :size] @ returned + rows[..., size:]
    return found
