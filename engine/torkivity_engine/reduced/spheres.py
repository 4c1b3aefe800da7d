"""The reduced method for layers with Fermi spheres of their own.

The equations are those of `torkivity_engine.reduced.assembly`, on the rings of the whole film:
each layer answers on the rings of its own spheres and is absent from the others, where its
unknowns stay zero.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.boundaries import BOTTOM, Boundary
from torkivity_engine.film.spheres import SphereFilm, SphereLayer
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.reduced.assembly import Assembly, Drive, InterfaceStates
from torkivity_engine.reduced.channel_means import all_slots, channel_means
from torkivity_engine.reduced.channels import InterfaceInput
from torkivity_engine.reduced.layer_response import (
    Content,
    Emission,
    Termination,
    Transfer,
    layer_termination,
    layer_transfer,
)
from torkivity_engine.reduced.low_rank import LowRank
from torkivity_engine.reduced.outer_faces import driven_moments
from torkivity_engine.reduced.response_cache import cached
from torkivity_engine.reduced.sectors import N_MOMENTS
from torkivity_engine.reduced.split_response import (
    split_driven_moments,
    split_termination,
    split_transfer,
)
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AzimuthalRings

__all__ = ["SphereAssembly", "solve_reduced_spheres"]


class SphereAssembly(Assembly):
    """A film on its grid of k_parallel: layers' responses in the slots of its interfaces.

    Parameters
    ----------
    film : SphereFilm
        With at least one interface.
    all_moments : bool, optional
        As in `Assembly`.
    """

    def __init__(self, film: SphereFilm, *, all_moments: bool = False) -> None:
        self.film = film
        super().__init__(film.stack, film.grid.rule, all_moments=all_moments)

    def _count_rings(self) -> int:
        return self.film.grid.n_rings

    def flux(self) -> FloatArray:
        """Weights of the integral over d^2 k_parallel / k_0^2, shape (n_rings,)."""
        weights: FloatArray = self.film.grid.area / self.film.stack.fermi_wavevector**2
        return weights

    def _termination(self, side: int, boundary: Boundary) -> Termination:
        return sphere_termination(self.film.layers[0 if side == BOTTOM else -1], boundary, side)

    def _transfer(self, index: int) -> Transfer:
        return sphere_transfer(self.film.layers[index])

    def _driven(self, index: int, sign: float) -> FloatArray:
        layer = self.film.layers[index]
        if not layer.has_states:
            return np.zeros((self.n_rings, N_MOMENTS, 4, 2))
        if layer.bands.split:
            return split_driven_moments(layer)
        return _padded(driven_moments(layer.layer, layer.rings(0), sign), self.n_rings)

    def _slots(self, of_side: list[FloatArray]) -> FloatArray:
        """Values given for each layer, shape (n_rings, 4), in the order of the unknowns."""
        return np.concatenate([part for pair in pairwise(of_side) for part in pair], axis=1)

    def charge_rows(self) -> tuple[FloatArray, FloatArray]:
        """Charge that each unknown carries, and what a uniform charge is in it."""
        layers = self.film.layers
        carried = [layer.open() * layer.terminal.cartesian()[CHARGE] for layer in layers]
        uniform = [layer.open() * layer.occupations()[:, CHARGE] for layer in layers]
        return self._slots(carried), self._slots(uniform)

    def uniform_charge_flow(self) -> FloatArray:
        """What flows at 0- and 0+ of a uniform charge that arrives there, shape (2, 4)."""
        first = self.stack.reference_interface
        beside = self.film.layers[first : first + 2]
        return np.stack(
            [
                sign
                * layer.terminal.cartesian()
                @ (self.flux() @ layer.open() * layer.occupations()[:, CHARGE])
                for layer, sign in zip(beside, (1.0, -1.0), strict=True)
            ]
        )

    def layer_rings(self, index: int) -> tuple[AzimuthalRings, int] | None:
        """Rings of the spin density matrices of a layer, if it has any, and the first one here."""
        layer = self.film.layers[index]
        return None if layer.bands.split else (layer.rings(0), layer.first[0])

    def channel_tensors(self) -> tuple[FloatArray, FloatArray]:
        """Scattering and probes: spin density, and coherent spin currents at 0- and 0+."""
        junctions = self.film.junctions
        shape = (len(junctions), self.n_rings, self.rings.n_azimuth)
        probes = [
            np.concatenate([j.matched.density, j.matched.current.reshape(-1, 6, 8)], axis=1)
            for j in junctions
        ]
        scattering = np.stack([j.matched.scattering for j in junctions])
        return scattering.reshape(*shape, 8, 8), np.stack(probes).reshape(*shape, 9, 8)

    @property
    def interfaces(self) -> InterfaceInput:
        """Interfaces by their tensors."""
        count = len(self.film.junctions)
        return InterfaceInput(np.ones((count, 12)), np.arange(count), *self.channel_tensors())

    def _means(self, drive: Drive) -> tuple[FloatArray, FloatArray, float]:
        n, moments, phi = self.n, self.n_moments, self.rings.azimuths
        columns = moments * n + drive.incoming.shape[3]
        mean = np.empty((self.n_rings, moments * n, columns))
        probe = np.empty((self.n_rings, 9 * (n // 8), columns))
        # With tensors at hand the kernel does not look at the cosines.
        channel_means(
            np.ones(self.n_rings), np.cos(phi), np.sin(phi), self.interfaces, self.local,
            drive.incoming, drive.outgoing, all_slots(moments, n // 8), mean, probe,
        )  # fmt: skip
        return mean, probe, max(junction.defect() for junction in self.film.junctions)

    def interface_states(
        self,
        arriving: FloatArray,
        leaving: FloatArray,
        density: FloatArray,
        certificates: dict[str, float],
    ) -> InterfaceStates:
        """Currents and spin density from azimuthal moments, see `Assembly.interface_states`.

        `density` holds, for each interface, spin density and coherent spin currents at 0- and 0+.
        """
        n_interfaces, columns = self.n // 8, arriving.shape[3]
        net = np.einsum("i,ijc->jc", self.flux(), (arriving - leaving)[:, 0])
        probes = np.einsum("i,ijc->jc", self.flux(), density).reshape(n_interfaces, 3, 3, columns)
        current = np.empty((n_interfaces, 2, 4, columns))
        for i, junction in enumerate(self.film.junctions):
            for side, (terminal, sign) in enumerate(
                zip(junction.terminals, (1.0, -1.0), strict=True)
            ):
                slots = net[8 * i + 4 * side : 8 * i + 4 * side + 4]
                current[i, side] = sign * terminal.cartesian() @ slots
                if terminal.bands.split:
                    current[i, side, :CHARGE] = probes[i, 1 + side]
        shape = (self.n_rings, self.n_moments, n_interfaces, 2, 4, columns)
        return InterfaceStates(
            current_minus=current[:, 0],
            current_plus=current[:, 1],
            density=probes[:, 0],
            arriving=arriving.reshape(shape),
            leaving=leaving.reshape(shape),
            certificates=certificates,
        )

    def _spin_balance(self, states: InterfaceStates, out: FloatArray, drive: Drive) -> float:
        """Worst violation, in any slot of a closed layer, of current in - out = what is lost."""
        net = np.einsum("i,ikscd->kscd", self.flux(), (states.arriving - states.leaving)[:, 0])
        worst, last = 0.0, len(self.film.layers) - 1
        for index, layer in enumerate(self.film.layers):
            end = self.stack.left if index == 0 else self.stack.right
            if not layer.has_states or (index in (0, last) and not end.closed):
                continue
            content = self._contents[index]
            held = content.source[:, :2] @ drive.field
            gained = np.zeros_like(held)
            for side, rows in enumerate(content.arriving):
                if rows is not None:
                    at = 8 * index + (-4 if side == BOTTOM else 0)
                    entering = out[:, :, at : at + 4]
                    moments = entering.shape[1]
                    held = held + np.einsum("aims,imsc->ac", rows[:, :, :moments], entering)
                    interface, face = (index - 1, 1) if side == BOTTOM else (index, 0)
                    gained -= net[interface, face]
            worst = max(worst, float(np.abs(gained - _lost(layer, held)).max()))
        scale = max(np.abs(net).max(), np.abs(states.density).max(), 1e-300)
        return worst / float(scale)


def _lost(layer: SphereLayer, held: FloatArray) -> FloatArray:
    """What relaxes and precesses in a layer that holds so much of each slot, (4, n_drives)."""
    terms = layer.terms
    used = [slot for slot, first in enumerate(layer.first) if first < layer.grid.n_rings]
    lost = np.zeros_like(held)
    lost[used] = (terms.k_out - terms.k_in[0, 0]) @ held[used]
    return layer.surfaces()[:, None] * lost


def sphere_termination(layer: SphereLayer, boundary: Boundary, side: int) -> Termination:
    """Outermost layer with its outer boundary, on all rings of the film.

    Parameters
    ----------
    layer : SphereLayer
    boundary : Boundary
    side : {BOTTOM, TOP}

    Returns
    -------
    Termination
        In the slots of the layer.
    """
    n_rings = layer.grid.n_rings
    if not layer.has_states:
        return _nothing(n_rings, side)
    if layer.bands.split:
        m = layer.terminal.axis if boundary.open else None
        key = ("split", layer.key(), m, boundary.kinetic_key(), side)
        return cached(key, Termination, lambda: split_termination(layer, boundary, side))
    own = layer_termination(layer.layer, boundary, side, layer.rings(0))
    if own.local.shape[0] == n_rings:
        return own
    return replace(
        own,
        local=_padded(own.local, n_rings),
        dense=_padded_rank(own.dense, n_rings),
        emission=Emission(
            _padded(own.emission.field, n_rings), _padded(own.emission.injection, n_rings)
        ),
        content=_padded_content(own.content, n_rings),
    )


def sphere_transfer(layer: SphereLayer) -> Transfer:
    """Inner layer between two interfaces, on all rings of the film.

    Parameters
    ----------
    layer : SphereLayer

    Returns
    -------
    Transfer
        In the slots of the layer.
    """
    n_rings = layer.grid.n_rings
    if layer.bands.split:
        return cached(("split", layer.key()), Transfer, lambda: split_transfer(layer))
    own = layer_transfer(layer.layer, layer.rings(0))
    if own.local.shape[0] == n_rings:
        return own
    return replace(
        own,
        local=_padded(own.local, n_rings),
        dense=_padded_rank(own.dense, n_rings),
        content=_padded_content(own.content, n_rings),
    )


def _nothing(n_rings: int, side: int) -> Termination:
    """What a layer without states does: no slot of it is in use."""
    content = np.zeros((4, n_rings, N_MOMENTS, 4))
    empty = np.zeros((n_rings, 1, 4, 0))
    return Termination(
        local=np.zeros((n_rings, 4, 4)),
        dense=LowRank(empty, empty),
        emission=Emission(
            np.zeros((n_rings, N_MOMENTS, 4, 2)), np.zeros((n_rings, N_MOMENTS, 4, 4))
        ),
        content=Content((None, content) if side == BOTTOM else (content, None), np.zeros((4, 6))),
        conserved=0,
    )


def _padded(values: FloatArray, n_rings: int, axis: int = 0) -> FloatArray:
    """Zero on the rings in front, which are not on the sphere."""
    width = [(0, 0)] * values.ndim
    width[axis] = (n_rings - values.shape[axis], 0)
    return np.pad(values, width)


def _padded_rank(operator: LowRank, n_rings: int) -> LowRank:
    return LowRank(_padded(operator.left, n_rings), _padded(operator.right, n_rings))


def _padded_content(content: Content, n_rings: int) -> Content:
    lower, upper = (
        None if rows is None else _padded(rows, n_rings, axis=1) for rows in content.arriving
    )
    return Content((lower, upper), content.source)


@with_one_blas_thread
def solve_reduced_spheres(film: SphereFilm, drive: str = "field") -> InterfaceStates:
    """Solve the Boltzmann equation of a film.

    Parameters
    ----------
    film : SphereFilm
        With at least one interface.
    drive : {"field", "injection"}
        "field" is unit fields along x and y, as two drives; "injection" what the reservoirs inject.

    Returns
    -------
    InterfaceStates
    """
    assembly = SphereAssembly(film)
    return assembly.solve(
        assembly.field_drive() if drive == "field" else assembly.injection_drive()
    )
