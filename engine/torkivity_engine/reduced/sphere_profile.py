"""Moments against depth in layers with Fermi spheres of their own, from the responses of slabs."""

from __future__ import annotations

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.balances import LayerIntegrals, layer_balance
from torkivity_engine.film.boundaries import BOTTOM, TOP
from torkivity_engine.film.spheres import SphereFilm, sphere_film
from torkivity_engine.film.stack import Stack
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.profiles import MomentSource
from torkivity_engine.reduced.assembly import Drive, InterfaceStates, split_single_layer
from torkivity_engine.reduced.face_flows import face_flows
from torkivity_engine.reduced.profile import At, Column, by_depth
from torkivity_engine.reduced.sectors import N_MOMENTS
from torkivity_engine.reduced.slabs import slab_sector
from torkivity_engine.reduced.spheres import SphereAssembly
from torkivity_engine.reduced.split_response import split_end, split_unknowns
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AzimuthalRings

__all__ = ["integrals_of_layers", "sphere_integrals", "sphere_moments"]


def sphere_moments(stack: Stack, rule: AzimuthalRings, drive: str) -> MomentSource:
    """Moments from slabs above and below each depth, matched there.

    Parameters
    ----------
    stack : Stack
    rule : AzimuthalRings
        As in `torkivity_engine.film.spheres.sphere_film`.
    drive : {"field", "injection"}

    Returns
    -------
    MomentSource
    """
    halves = split_single_layer(stack)
    film = sphere_film(halves, rule)
    assembly = SphereAssembly(film, all_moments=True)
    field = drive == "field"
    driven = assembly.field_drive() if field else assembly.injection_drive()
    states = assembly.solve(driven)

    def column(index: int) -> At:
        layer = film.layers[index]
        if not layer.has_states:
            return _nothing(states.leaving.shape[-1])
        if layer.bands.split:
            return _SplitColumn(film, states.leaving, index, driven).at
        return _single(film, states.leaving, index, field)

    first = film.layers[0]
    uniform = first.terminal.cartesian() @ (
        first.surfaces() * first.slowness() * first.occupations()[:, CHARGE]
    )
    return by_depth(stack, halves, column, uniform)


@with_one_blas_thread
def sphere_integrals(stack: Stack, rule: AzimuthalRings, drive: str) -> LayerIntegrals:
    """Integrals over all layers, see `torkivity_engine.reduced.integrals.reduced_integrals`."""
    halves = split_single_layer(stack)
    assembly = SphereAssembly(sphere_film(halves, rule), all_moments=True)
    driven = assembly.field_drive() if drive == "field" else assembly.injection_drive()
    still = np.zeros((len(halves.layers), CHARGE, driven.field.shape[1]))
    found = integrals_of_layers(assembly, assembly.solve(driven), driven, still)
    return found if halves is stack else found.joined()


def integrals_of_layers(
    assembly: SphereAssembly, states: InterfaceStates, drive: Drive, turning: FloatArray
) -> LayerIntegrals:
    """Integrals over all layers of a solved film, from what flows through their faces.

    Parameters
    ----------
    assembly : SphereAssembly
        With all moments.
    states : InterfaceStates
    drive : Drive
        For which they were solved.
    turning : ndarray, shape (n_layers, 3, n_drives)
        q of the layers whose magnetization turns.

    Returns
    -------
    LayerIntegrals
    """
    film, n_drives = assembly.film, drive.field.shape[1]
    flows, parts = face_flows(assembly, states, drive), []
    for index, layer in enumerate(film.layers):
        if not layer.has_states:
            parts.append((np.zeros((4, 2, n_drives)), np.zeros((CHARGE, n_drives))))
        elif layer.bands.split:
            parts.append(_SplitColumn(film, states.leaving, index, drive).integrals())
        else:
            scale, moments = layer.surfaces()[0] / (4.0 * np.pi), layer.rings(0).moments
            in_plane, torque = layer_balance(
                layer.layer, flows[index], drive.field, moments, turning[index]
            )
            parts.append((scale * in_plane, scale * layer.slowness()[0] * torque))
    return LayerIntegrals(*(np.stack(part) for part in zip(*parts, strict=True)))


def _single(film: SphereFilm, leaving: FloatArray, index: int, field: bool) -> At:
    """A layer with one sphere: what it would hold on the unit sphere, by surface and velocity."""
    layer = film.layers[index]
    column = Column(film.stack, layer.rings(0), leaving[layer.first[0] :], index, field)
    scale = layer.surfaces()[0] / (4.0 * np.pi)
    slowness = layer.slowness()[0]

    def at(depth: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        current, density, in_plane = column.at(depth)
        return scale * current, scale * slowness * density, scale * in_plane

    return at


def _nothing(n_drives: int) -> At:
    """What an insulator holds at any depth."""
    empty = np.zeros((4, n_drives))
    return lambda depth: (empty, empty, np.zeros((4, 2, n_drives)))


class _SplitColumn:
    """One layer of two occupations in a solved film."""

    def __init__(self, film: SphereFilm, leaving: FloatArray, index: int, drive: Drive) -> None:
        self._film, self._index, self._drive = film, index, drive
        self._layer = film.layers[index]
        self._u = u = split_unknowns(self._layer)
        self._bulk = np.zeros((len(u.mu), N_MOMENTS, leaving.shape[-1]))
        self._bulk[:, 1:] = u.in_plane()[:, None, None] * drive.field
        # What the interfaces send in, without the bulk drive, by the face it enters through.
        self._entering: dict[int, FloatArray] = {}
        for side, interface, face in ((BOTTOM, index - 1, 1), (TOP, index, 0)):
            if 0 <= interface < len(film.junctions):
                sent = leaving[:, :, interface, face][u.ring, :, u.slot]
                self._entering[side] = sent - self._bulk

    def at(self, z: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Current, density and in-plane current at one depth, in Cartesian components."""
        up, down = self._scattered(z)
        return self._integrate(up + self._bulk, down + self._bulk)

    def integrals(self) -> tuple[FloatArray, FloatArray]:
        """In-plane current of the whole layer, from what flows through its faces; no torque.

        The balance of momentum of each spin: what comes in and does not go out is scattered at
        its rate.
        """
        u, layer = self._u, self._layer
        sine = np.sqrt(0.5 * (1.0 - u.mu) * (1.0 + u.mu))
        weight = 0.5 * layer.surfaces()[u.slot] * u.mean * sine
        (up_0, down_0), (up_t, down_t) = (self._scattered(z) for z in (0.0, layer.layer.thickness))
        lost = (u.mu / u.rate)[:, None, None] * (up_0 - down_0 - up_t + down_t)[:, 1:]
        lost += 2.0 * layer.layer.thickness * self._bulk[:, 1:]
        current = self._cartesian() @ (weight[:, None, None] * lost).reshape(len(weight), -1)
        return current.reshape(4, 2, -1), np.zeros((CHARGE, lost.shape[2]))

    def _scattered(self, z: float) -> tuple[FloatArray, FloatArray]:
        """What goes up and down at one depth, besides the driven distribution."""
        u = self._u
        lower, flight_low, from_below = self._part(BOTTOM, z)
        upper, flight_high, from_above = self._part(TOP, self._layer.layer.thickness - z)
        # up = lower down + from_below, down = upper up + from_above
        down = np.empty_like(from_above)
        system = np.eye(len(u.mu)) - upper @ lower
        down[:, 0] = np.linalg.solve(system, upper @ from_below[:, 0] + from_above[:, 0])
        flown = flight_high[:, None, None] * from_below[:, 1:] + from_above[:, 1:]
        down[:, 1:] = flown / (1.0 - flight_high * flight_low)[:, None, None]
        up = flight_low[:, None, None] * down + from_below
        up[:, 0] = lower @ down[:, 0] + from_below[:, 0]
        return up, down

    def _part(self, side: int, thickness: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """What the slab on one side returns, in the mean and in flight, and what it sends."""
        u = self._u
        if side in self._entering:
            slab = slab_sector(u.sector(), thickness)
            sent = u.attenuation(thickness)[:, None, None] * self._entering[side]
            sent[:, 0] = slab.transmission @ self._entering[side][:, 0]
            return slab.reflection, np.zeros(len(u.mu)), sent
        stack = self._film.stack
        boundary = stack.left if side == BOTTOM else stack.right
        end = split_end(self._layer, u, boundary, side, thickness)
        sent = np.zeros_like(self._bulk)
        sent[:, 1:] = end.field[:, None, None] * self._drive.field
        if self._drive.injected is not None:
            sent[:, 0] = end.injected @ self._drive.injected[side]
        return end.returned, end.flight, sent

    def _cartesian(self) -> FloatArray:
        """From the unknowns to (x, y, z, charge), shape (4, n)."""
        slots = np.zeros((4, len(self._u.mu)))
        slots[self._u.slot, np.arange(len(self._u.mu))] = 1.0
        return self._layer.terminal.cartesian() @ slots

    def _integrate(
        self, up: FloatArray, down: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        u, layer = self._u, self._layer
        weight = 0.5 * layer.surfaces()[u.slot] * u.mean
        to_cartesian = self._cartesian()
        sine = np.sqrt(0.5 * (1.0 - u.mu) * (1.0 + u.mu))
        current = to_cartesian @ ((weight * u.mu)[:, None] * (up - down)[:, 0])
        density = to_cartesian @ ((weight * layer.slowness()[u.slot])[:, None] * (up + down)[:, 0])
        both = (weight * sine)[:, None, None] * (up + down)[:, 1:]
        in_plane = np.einsum("an,nmc->amc", to_cartesian, both)
        return current, density, in_plane
