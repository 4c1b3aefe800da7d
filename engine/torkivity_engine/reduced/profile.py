"""Moments of the distribution against depth, from the responses of slabs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.boundaries import BOTTOM, TOP
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.stack import Stack
from torkivity_engine.profiles import LayerMoments, MomentSource
from torkivity_engine.reduced.assembly import Assembly, split_single_layer
from torkivity_engine.reduced.outer_faces import driven_moments, terminated_sectors
from torkivity_engine.reduced.sectors import N_MOMENTS, from_sector, to_sector
from torkivity_engine.reduced.slabs import slab_sectors
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AzimuthalRings

__all__ = ["Column", "by_depth", "reduced_moments"]

#: Current, density and in-plane current, in Cartesian components, at a depth in nm.
At = Callable[[float], tuple[FloatArray, FloatArray, FloatArray]]


def reduced_moments(stack: Stack, rings: AzimuthalRings, drive: str) -> MomentSource:
    """Moments from slabs above and below each depth, matched there."""
    halves = split_single_layer(stack)
    assembly = Assembly(halves, rings, all_moments=True)
    field = drive == "field"
    states = assembly.solve(assembly.field_drive() if field else assembly.injection_drive())

    def column(index: int) -> At:
        return Column(halves, rings, states.leaving, index, field).at

    return by_depth(stack, halves, column, np.array([0.0, 0.0, 0.0, 1.0]))


def by_depth(
    stack: Stack, halves: Stack, column: Callable[[int], At], uniform: FloatArray
) -> MomentSource:
    """Moments of a stack from those at single depths.

    Parameters
    ----------
    stack : Stack
    halves : Stack
        What was solved: the stack, or a single layer cut in two.
    column : callable
        From the index of a layer of `halves` to what gives its moments at a depth.
    uniform : ndarray, shape (4,)
        Density of a uniform charge in a single layer, up to a factor.

    Returns
    -------
    MomentSource
    """

    def moments(layer: int, z: FloatArray) -> LayerMoments:
        parts = []
        for depth in z:
            index, local = layer, float(depth)
            if halves is not stack and depth > halves.layers[0].thickness:
                index, local = 1, float(depth - halves.layers[0].thickness)
            parts.append(column(index)(local))
        return LayerMoments(*(np.stack(quantity) for quantity in zip(*parts, strict=True)))

    if halves is stack or stack.is_open:
        return moments
    # A single closed film: its charge is measured from the mean over its two faces.
    faces = moments(0, np.array([0.0, stack.layers[0].thickness]))
    shift = faces.density[:, CHARGE].mean(axis=0) / uniform[CHARGE]

    def shifted(layer: int, z: FloatArray) -> LayerMoments:
        result = moments(layer, z)
        result.density[:] -= np.multiply.outer(uniform, shift)
        return result

    return shifted


class Column:
    """One layer of a solved stack, in the frame of its magnetization.

    Parameters
    ----------
    stack : Stack
    rings : AzimuthalRings
        Of the layer.
    leaving : ndarray, shape (n_polar, 3, n_interfaces, 2, 4, n_drives)
        See `torkivity_engine.reduced.assembly.InterfaceStates`.
    index : int
    field : bool
        Whether a field drives, or what reservoirs inject.
    """

    def __init__(
        self, stack: Stack, rings: AzimuthalRings, leaving: FloatArray, index: int, field: bool
    ) -> None:
        self._stack, self._rings, self._index, self._field = stack, rings, index, field
        self._layer: Layer = stack.layers[index].in_own_frame()
        self._rotation = stack.layers[index].own_axes()
        self._bulk = {
            side: driven_moments(self._layer, rings, sign)
            if field
            else np.zeros((rings.n_polar, N_MOMENTS, 4, 1))
            for side, sign in ((TOP, 1.0), (BOTTOM, -1.0))
        }
        # What the interfaces send in, without the bulk drive, by the face it enters through.
        self._entering: dict[int, FloatArray] = {}
        if index > 0:
            self._entering[BOTTOM] = self._to_own(leaving[:, :, index - 1, 1]) - self._bulk[TOP]
        if index < len(stack.layers) - 1:
            self._entering[TOP] = self._to_own(leaving[:, :, index, 0]) - self._bulk[BOTTOM]

    def _to_own(self, g: FloatArray) -> FloatArray:
        return g if self._rotation is None else np.einsum("ba,imbc->imac", self._rotation, g)

    def at(self, z: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Current, density and in-plane current at one depth, in Cartesian components."""
        up, down = self._scattered(z)
        return self._integrate(up + self._bulk[TOP], down + self._bulk[BOTTOM])

    def _scattered(self, z: float) -> tuple[FloatArray, FloatArray]:
        """What goes up and down at one depth, besides the driven distribution."""
        thickness = self._layer.thickness
        below = self._part(BOTTOM, z)
        above = self._part(TOP, thickness - z)
        shape = (self._rings.n_polar, N_MOMENTS, 4, self._bulk[TOP].shape[3])
        up, down = np.zeros(shape), np.zeros(shape)
        for nodes, (lower, from_below), (upper, from_above) in zip(
            (part[0] for part in below),
            (part[1:] for part in below),
            (part[1:] for part in above),
            strict=True,
        ):
            # up = lower down + from_below, down = upper up + from_above
            system = np.eye(len(lower)) - upper @ lower
            arriving = np.linalg.solve(system, upper @ from_below + from_above)
            rising = lower @ arriving + from_below
            for vector, store in ((arriving, down), (rising, up)):
                store[...] += from_sector(nodes, vector)
        return up, down

    def _part(self, side: int, thickness: float):  # type: ignore[no-untyped-def]
        """What the slab on one side of the depth reflects, and what it sends."""
        stack, rings = self._stack, self._rings
        if side in self._entering:
            entering = self._entering[side]
            return [
                (
                    sector.nodes,
                    sector.face(1 - side),
                    sector.through(1 - side) @ to_sector(sector.nodes, entering),
                )
                for sector in slab_sectors(self._layer, rings, thickness, flight=True)
            ]
        boundary = stack.left if side == BOTTOM else stack.right
        columns = np.zeros((6, self._bulk[TOP].shape[3]))
        if self._field:
            columns[:2] = np.eye(2)
        else:
            injected = boundary.injected
            if self._rotation is not None:
                injected = self._rotation.T @ injected
            columns[2:, 0] = injected
        return [
            (sector.nodes, sector.returned, sector.emitted @ columns)
            for sector in terminated_sectors(
                self._layer, boundary, side, rings, thickness, flight=True
            )
        ]

    def _integrate(
        self, up: FloatArray, down: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        mu, w = self._rings.cosines, 2.0 * np.pi * self._rings.polar_weights
        sine = np.sqrt(0.5 * (1.0 - mu) * (1.0 + mu))
        current = np.einsum("i,iac->ac", w * mu, (up - down)[:, 0])
        density = np.einsum("i,iac->ac", w, (up + down)[:, 0])
        in_plane = np.einsum("i,imac->amc", w * sine, (up + down)[:, 1:])
        if self._rotation is None:
            return current, density, in_plane
        o = self._rotation
        return o @ current, o @ density, np.einsum("ab,bmc->amc", o, in_plane)
