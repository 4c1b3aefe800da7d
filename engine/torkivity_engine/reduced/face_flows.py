"""What flows through the faces of layers: of spin, charge and their momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.boundaries import BOTTOM, TOP, Boundary
from torkivity_engine.film.layer import Layer
from torkivity_engine.reduced.outer_faces import terminated_sectors
from torkivity_engine.reduced.response_cache import cached, ring_key
from torkivity_engine.reduced.sectors import N_MOMENTS, from_sector
from torkivity_meshes import AzimuthalRings

if TYPE_CHECKING:
    from torkivity_engine.reduced.assembly import Assembly, Drive, InterfaceStates

__all__ = ["FLOWS", "Edge", "face_flows", "flow_rows", "layer_edge"]

#: int dOmega v_z (v_x, v_y, v_z, 1) g: the flow of momentum along x, y, z, and of the component.
FLOWS = 4


@dataclass(frozen=True, eq=False)
class Edge:
    """What flows through the outer face of a terminated layer, beyond the bulk's own.

    Attributes
    ----------
    arriving : ndarray, shape (4, 4, n_polar, 3, 4)
        (flow, component) per unit arriving at its inner face.
    source : ndarray, shape (4, 4, 6)
        Per unit field along x and y, and per injected (x, y, z, charge).
    """

    arriving: FloatArray
    source: FloatArray


def layer_edge(layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings) -> Edge:
    """What flows through the outer face of the outermost layer.

    Parameters
    ----------
    layer : Layer
    boundary : Boundary
        What lies beyond that face.
    side : {BOTTOM, TOP}
        Which end of the stack it is.
    rings : AzimuthalRings

    Returns
    -------
    Edge
        In Cartesian spin components.
    """
    made = cached(
        ring_key("edge", layer.kinetic_key(), boundary.kinetic_key(), side, rings=rings),
        Edge,
        lambda: _make_edge(layer.in_own_frame(), boundary, side, rings),
    )
    o = layer.own_axes()
    if o is None:
        return made
    source = o @ made.source
    source[..., 2:] = source[..., 2:] @ o.T
    return Edge(np.einsum("ab,fbimc,dc->faimd", o, made.arriving, o, optimize=True), source)


def _make_edge(layer: Layer, boundary: Boundary, side: int, rings: AzimuthalRings) -> Edge:
    arriving = np.zeros((FLOWS, 4, rings.n_polar, N_MOMENTS, 4))
    source = np.zeros((FLOWS, 4, 6))
    for sector in terminated_sectors(layer, boundary, side, rings, layer.thickness, flight=True):
        up, down = flow_rows(sector.nodes, rings)
        out, back = (up, down) if side == TOP else (down, up)
        flows = out @ sector.outward + back @ sector.inward
        source += flows[..., -6:]
        rows = from_sector(sector.nodes, flows[..., :-6].reshape(FLOWS * 4, -1).T)
        rows = rows.reshape(*arriving.shape[2:], FLOWS, 4)
        arriving += np.moveaxis(rows, (3, 4), (0, 1))
    return Edge(arriving, source)


def flow_rows(nodes: FloatArray, rings: AzimuthalRings) -> tuple[FloatArray, FloatArray]:
    """Rows that take the flows along +z out of what goes up and out of what goes down.

    Parameters
    ----------
    nodes : ndarray, shape (n_nodes, 3, 4)
    rings : AzimuthalRings

    Returns
    -------
    up, down : ndarray, shape (4, 4, n_nodes n_polar)
        (flow, component, unknown), unknowns ordered (node, ring).
    """
    mu, w = rings.cosines, 2.0 * np.pi * rings.polar_weights
    along, across = w * mu, w * mu * np.sqrt(0.5 * (1.0 - mu) * (1.0 + mu))
    table = nodes.transpose(1, 2, 0)[..., None]  # (moment, component, node, ring)
    up = np.stack([table[1] * across, table[2] * across, table[0] * (along * mu), table[0] * along])
    # All but the flow of normal momentum are odd in k_z.
    down = np.array([-1.0, -1.0, 1.0, -1.0])[:, None, None, None] * up
    shape = (FLOWS, 4, len(nodes) * rings.n_polar)
    return up.reshape(shape), down.reshape(shape)


def face_flows(assembly: Assembly, states: InterfaceStates, drive: Drive) -> FloatArray:
    """Flows through the faces of all layers, without the bulk's own.

    Parameters
    ----------
    assembly : Assembly
        With all moments.
    states : InterfaceStates
        Its solution.
    drive : Drive
        For which it was solved.

    Returns
    -------
    ndarray, shape (n_layers, 2, 4, 4, n_drives)
        (layer, lower and upper face, flow, component, drive), each as if on a unit sphere; zero
        for layers of two occupations. What the drive makes of the bulk of a layer flows through
        both its faces alike, and is left out.
    """
    n_drives = drive.incoming.shape[3]
    arriving = states.arriving
    if drive.bulk is not None:
        arriving = arriving - drive.bulk.reshape(arriving.shape)
    leaving = states.leaving - drive.outgoing.reshape(arriving.shape)
    injected = np.zeros((2, 4, n_drives)) if drive.injected is None else drive.injected
    stack = assembly.stack
    last = len(stack.layers) - 1
    flows = np.zeros((last + 1, 2, FLOWS, 4, n_drives))
    for index in range(last + 1):
        own = assembly.layer_rings(index)
        if own is None:
            continue
        rings, first = own
        for side, interface, face in ((BOTTOM, index - 1, 1), (TOP, index, 0)):
            if index == (0 if side == BOTTOM else last):
                # The outer face, from what enters through the inner one.
                inner = leaving[first:, :, 0, 0] if side == BOTTOM else leaving[first:, :, -1, 1]
                boundary = stack.left if side == BOTTOM else stack.right
                edge = layer_edge(stack.layers[index], boundary, side, rings)
                through = np.einsum("faimb,imbd->fad", edge.arriving, inner)
                through += edge.source @ np.concatenate([drive.field, injected[side]])
                flows[index, side] = through
                continue
            towards, away = (x[first:, :, interface, face] for x in (arriving, leaving))
            rising, falling = (away, towards) if side == BOTTOM else (towards, away)
            flows[index, side] = _through(rings, rising, falling)
    return flows


def _through(rings: AzimuthalRings, rising: FloatArray, falling: FloatArray) -> FloatArray:
    """Flows of azimuthal moments of what goes up and down, shape (4, 4, n_drives)."""
    nodes = np.eye(4 * N_MOMENTS).reshape(-1, N_MOMENTS, 4)
    up, down = (
        rows.reshape(FLOWS, 4, N_MOMENTS, 4, rings.n_polar) for rows in flow_rows(nodes, rings)
    )
    return np.asarray(
        np.einsum("fambi,imbd->fad", up, rising) + np.einsum("fambi,imbd->fad", down, falling)
    )
