"""The reduced method: exact Boltzmann solution of a stack without an NT x NT matrix.

At fixed k_parallel the interfaces and the collisionless flights between them form a small
linear system, 8 unknowns per interface (4 spin-charge components leaving it on each side):

    out = S (in + g_in) - g_out,    in = A out + y,
    out = W y + z,   W = (1 - S A)^-1 S,   z = (1 - S A)^-1 (S g_in - g_out),

with S the interfaces, A the local attenuation of the layers, g_in and g_out the driven bulk
distribution (and what outer faces emit), and y what collisions return. For isotropic
in-scattering y depends on the azimuthal means <out> alone, with skew scattering also on
their cos(phi) and sin(phi) moments: y = left right^T <out>. That closes the problem as one
dense system of the rank of the layers' collision operators,

    x = right^T <out>,   (1 - right^T <W> left) x = right^T <z>.

W is never pivoted: S and A are contractions, so 1 - S A has a positive symmetric part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import lapack

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import BOTTOM, TOP, Boundary
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.stack import Stack
from torkivity_engine.reduced.channel_means import all_slots, channel_means
from torkivity_engine.reduced.channels import InterfaceInput
from torkivity_engine.reduced.closing import require_definite
from torkivity_engine.reduced.interface_input import interface_input, ring_directions
from torkivity_engine.reduced.layer_response import (
    Termination,
    Transfer,
    layer_termination,
    layer_transfer,
)
from torkivity_engine.reduced.low_rank import LowRank
from torkivity_engine.reduced.outer_faces import driven_moments
from torkivity_engine.reduced.sectors import N_MOMENTS
from torkivity_engine.spin import CHARGE
from torkivity_meshes import AzimuthalRings, FermiSurfaceMesh

__all__ = [
    "Assembly",
    "Drive",
    "Emitted",
    "FilmMoments",
    "InterfaceStates",
    "ring_structure",
    "split_single_layer",
]


@dataclass(frozen=True, eq=False)
class FilmMoments:
    """Moments of the solution at every interface, without the prefactor C.

    Lengths in nm for a field drive; an injection has no length.

    Attributes
    ----------
    current_minus, current_plus : ndarray, shape (n_interfaces, 4, n_drives)
        Flow along +z of (x, y, z, charge).
    density : ndarray, shape (n_interfaces, 3, n_drives)
        Phase-coherent spin density s, int dOmega T (g_in(0-) + g_in(0+)).
    certificates : dict of str to float
    """

    current_minus: FloatArray
    current_plus: FloatArray
    density: FloatArray
    certificates: dict[str, float]


@dataclass(frozen=True, eq=False)
class InterfaceStates(FilmMoments):
    """The moments at interfaces, and of the distributions that they come from.

    Attributes
    ----------
    arriving, leaving : ndarray, shape (n_polar, n_moments, n_interfaces, 2, 4, n_drives)
        Azimuthal moments of g towards and away from each side of each interface.
    """

    arriving: FloatArray
    leaving: FloatArray


@dataclass(frozen=True, eq=False)
class _Return:
    """Collisions of one layer: what leaves the interfaces in `rows` comes back into them."""

    rows: slice
    operator: LowRank


@dataclass(frozen=True, eq=False)
class Emitted:
    """What interfaces send out by themselves, at every k_parallel.

    Attributes
    ----------
    leaving : ndarray, shape (n_polar, n_azimuth, 8 n_interfaces, n_drives)
        Distribution that leaves them.
    density : ndarray, shape (n_polar, n_azimuth, n_probes n_interfaces, n_drives)
        What the probes of `Assembly.channel_tensors` see of it at once.
    """

    leaving: FloatArray
    density: FloatArray


@dataclass(frozen=True, eq=False)
class Drive:
    """What drives a stack, by azimuthal moments 1, sqrt2 cos, sqrt2 sin.

    Attributes
    ----------
    incoming, outgoing : ndarray, shape (n_polar, 3, 8 n_interfaces, n_drives)
        Added to what arrives at, and to what leaves, the interfaces.
    field : ndarray, shape (2, n_drives)
        Field along x and y in each drive.
    bulk : ndarray, shape of `incoming`, or None
        Share of `incoming` that is there in the bulk of the layers, as all of `outgoing` is.
    injected : ndarray, shape (2, 4, n_drives), or None
        Isotropic distribution that the bottom and the top end send in besides.
    emitted : Emitted or None
        What the interfaces send out by themselves.
    """

    incoming: FloatArray
    outgoing: FloatArray
    field: FloatArray
    bulk: FloatArray | None = None
    injected: FloatArray | None = None
    emitted: Emitted | None = None


class Assembly:
    """A stack on a ring mesh: layers' responses in the unknowns of its interfaces.

    Parameters
    ----------
    stack : Stack
        With at least one interface.
    rings : AzimuthalRings
    all_moments : bool, optional
        Keep all three azimuthal moments of the states even if scattering needs one.
    """

    def __init__(self, stack: Stack, rings: AzimuthalRings, *, all_moments: bool = False) -> None:
        self.stack, self.rings = stack, rings
        self.n = 8 * len(stack.interfaces)
        self.n_rings = self._count_rings()
        self.local = np.zeros((self.n_rings, self.n, self.n))
        self.returns: list[_Return] = []
        self._emissions = []
        self._contents = {}
        self._conserved = 0
        for side, rows, boundary in (
            (BOTTOM, slice(0, 4), stack.left),
            (TOP, slice(self.n - 4, self.n), stack.right),
        ):
            end = self._termination(side, boundary)
            self.local[:, rows, rows] = end.local
            self.returns.append(_Return(rows, end.dense))
            self._emissions.append((rows, boundary, end.emission))
            self._contents[0 if side == BOTTOM else len(stack.layers) - 1] = end.content
            self._conserved += end.conserved
        for index in range(len(stack.layers) - 2):
            inner = self._transfer(index + 1)
            self._contents[index + 1] = inner.content
            self._conserved += inner.conserved
            low = slice(8 * index + 4, 8 * index + 8)
            high = slice(8 * index + 8, 8 * index + 12)
            self.local[:, low, high] = self.local[:, high, low] = inner.local
            both = slice(low.start, high.stop)
            self.returns.append(_Return(both, inner.dense))
        self.n_moments = max(r.operator.left.shape[1] for r in self.returns)
        if all_moments:
            self.n_moments = N_MOMENTS

    # What the rings and the unknowns stand for, here all on one Fermi sphere.

    def _count_rings(self) -> int:
        return self.rings.n_polar

    def flux(self) -> FloatArray:
        """Weights of a flux on the rings, up to a factor, shape (n_rings,)."""
        return self.rings.cosines * self.rings.polar_weights

    def _termination(self, side: int, boundary: Boundary) -> Termination:
        return layer_termination(
            self.stack.layers[0 if side == BOTTOM else -1], boundary, side, self.rings
        )

    def _transfer(self, index: int) -> Transfer:
        return layer_transfer(self.stack.layers[index], self.rings)

    def _driven(self, index: int, sign: float) -> FloatArray:
        """Azimuthal moments of the driven distribution in a layer, for one sign of k_z."""
        return driven_moments(self.stack.layers[index], self.rings, sign)

    def charge_rows(self) -> tuple[FloatArray, FloatArray]:
        """Charge that each unknown carries, and what a uniform charge is in it, (n_rings, n)."""
        rows = np.zeros((self.n_rings, self.n))
        rows[:, CHARGE::4] = 1.0
        return rows, rows

    def uniform_charge_flow(self) -> FloatArray:
        """What flows at 0- and 0+ of a uniform charge that arrives there, shape (2, 4).

        In (x, y, z, charge), at the reference interface.
        """
        flow = np.zeros((2, 4))
        flow[:, CHARGE] = 2.0 * np.pi * np.sum(self.flux()) * np.array([1.0, -1.0])
        return flow

    def layer_rings(self, index: int) -> tuple[AzimuthalRings, int] | None:
        """Rings of the spin density matrices of a layer, and which is its first one here."""
        return self.rings, 0

    def channel_tensors(self) -> tuple[FloatArray, FloatArray]:
        """Scattering and probes of every interface at every k_parallel.

        Returns
        -------
        scattering : ndarray, shape (n_interfaces, n_rings, n_azimuth, 8, 8)
        probes : ndarray, shape (n_interfaces, n_rings, n_azimuth, n_probes, 8)
            Spin density at z = 0, three rows, and whatever else is asked of each interface.
        """
        shape = (self.n_rings, self.rings.n_azimuth)
        directions = ring_directions(self.rings)
        own = [
            interface.scattering(self.stack.interface_magnetization(i), directions)
            for i, interface in enumerate(self.stack.interfaces)
        ]
        scattering = np.stack([x.matrix().reshape(*shape, 8, 8) for x in own])
        return scattering, np.stack([x.density().reshape(*shape, 3, 8) for x in own])

    def field_drive(self) -> Drive:
        """Unit fields along x and y."""
        shape = (self.n_rings, N_MOMENTS, self.n, 2)
        incoming, outgoing = np.zeros(shape), np.zeros(shape)
        for i in range(self.n // 8):
            for rows, layer, towards in (
                (slice(8 * i, 8 * i + 4), i, 1.0),
                (slice(8 * i + 4, 8 * i + 8), i + 1, -1.0),
            ):
                incoming[:, :, rows] = self._driven(layer, towards)
                outgoing[:, :, rows] = self._driven(layer, -towards)
        bulk = incoming.copy()
        for rows, _, emission in self._emissions:
            incoming[:, :, rows] += emission.field
        return Drive(incoming, outgoing, np.eye(2), bulk)

    def injection_drive(self) -> Drive:
        """What the reservoirs inject, one column."""
        injected = np.stack([boundary.injected for _, boundary, _ in self._emissions])[..., None]
        incoming = self.injection(injected)
        nothing = np.zeros_like(incoming)
        return Drive(incoming, nothing, np.zeros((2, 1)), nothing, injected)

    def injection(self, injected: FloatArray) -> FloatArray:
        """What arrives at the interfaces of what the ends inject.

        Parameters
        ----------
        injected : ndarray, shape (2, 4, columns)
            Isotropic distribution that the bottom and the top end send in.

        Returns
        -------
        ndarray, shape (n_rings, 3, n, columns)
        """
        incoming = np.zeros((self.n_rings, N_MOMENTS, self.n, injected.shape[2]))
        for (rows, _, emission), end in zip(self._emissions, injected, strict=True):
            incoming[:, :, rows] += emission.injection @ end
        return incoming

    @property
    def interfaces(self) -> InterfaceInput:
        """Interfaces as kernels take them."""
        return interface_input(self.stack, self.rings)

    def solve(self, drive: Drive) -> InterfaceStates:
        """Solve for the given drive."""
        return self.solve_with_closure(drive)[0]

    def solve_with_closure(self, drive: Drive) -> tuple[InterfaceStates, Closure]:
        """Solve for the given drive, and keep the factored equations."""
        n, moments = self.n, self.n_moments
        n_drives, size = drive.incoming.shape[3], moments * n
        mean, probe, defect = self._means(drive)
        closure = Closure(self, mean[:, :, :size], probe[:, :, :size])
        driven, besides = mean[:, :, size:], drive.outgoing[:, 0]
        if drive.emitted is not None:
            own_mean, own_probe = self._emitted_means(drive.emitted)
            driven += own_mean
            probe[:, :, size:] += own_probe
            # The gauge does not count what interfaces emit, wherever they do.
            besides = besides - self.reference_charge(self.emitted_charge(drive.emitted))
        x, certificates = closure.solve(driven, besides)
        out = closure.response @ x + driven
        returned = self.returned(x)
        shape = (self.n_rings, moments, n, n_drives)
        leaving = out.reshape(shape)
        arriving = self.local[:, None] @ leaving + returned.reshape(leaving.shape)
        arriving += drive.incoming[:, :moments]
        leaving = leaving + drive.outgoing[:, :moments]
        density = closure.probe @ returned + probe[:, :, size:]
        states = self.interface_states(arriving, leaving, density, {})
        certificates = {
            "unitarity_defect": defect,
            "spin_balance": self._spin_balance(states, out.reshape(shape), drive),
            "modes_removed": 2.0 * self._conserved,
            **certificates,
        }
        return replace(states, certificates=certificates), closure

    def emitted_charge(self, emitted: Emitted) -> FloatArray:
        """Net charge that the interfaces emit, in the weights of `flux`, shape (n_drives,)."""
        carried, _ = self.charge_rows()
        mean = emitted.leaving.mean(axis=1)
        return np.asarray(np.einsum("i,ij,ijd->d", self.flux(), carried, mean))

    def reference_charge(self, charge: FloatArray) -> FloatArray:
        """So much charge isotropically at both sides of the reference interface.

        Parameters
        ----------
        charge : ndarray, shape (n_drives,)
            In the weights of `flux`.

        Returns
        -------
        ndarray, shape (n_rings, n, n_drives)
        """
        carried, uniform = self.charge_rows()
        first = 8 * self.stack.reference_interface
        there = np.zeros_like(uniform)
        there[:, first : first + 8] = uniform[:, first : first + 8]
        total = float(self.flux() @ (carried * there).sum(axis=1))
        return np.asarray(np.multiply.outer(there / total, charge))

    def _means(self, drive: Drive) -> tuple[FloatArray, FloatArray, float]:
        """Azimuthal moments of [W, z], the density per [y, drive], and the unitarity defect."""
        rings, size = self.rings, self.n_moments * self.n
        columns = size + drive.incoming.shape[3]
        mean = np.empty((self.n_rings, size, columns))
        probe = np.empty((self.n_rings, 3 * (self.n // 8), columns))
        defect = channel_means(
            rings.cosines, np.cos(rings.azimuths), np.sin(rings.azimuths), self.interfaces,
            self.local, drive.incoming, drive.outgoing,
            all_slots(self.n_moments, self.n // 8), mean, probe,
        )  # fmt: skip
        return mean, probe, defect

    def _emitted_means(self, emitted: Emitted) -> tuple[FloatArray, FloatArray]:
        """Azimuthal moments of (1 - S A)^-1 e, and its spin density, ring by ring."""
        rings, n = self.rings, self.n
        blocks, rows = self.channel_tensors()
        count, probes, shape = len(blocks), rows.shape[3], emitted.leaving.shape[:2]
        scattering, density = np.zeros((*shape, n, n)), np.zeros((*shape, probes * count, n))
        for i, (block, own) in enumerate(zip(blocks, rows, strict=True)):
            at = slice(8 * i, 8 * i + 8)
            scattering[:, :, at, at] = block
            density[:, :, probes * i : probes * i + probes, at] = own
        local = self.local[:, None]
        out = np.linalg.solve(np.eye(n) - scattering @ local, emitted.leaving)
        phi = rings.azimuths
        psi = np.stack([np.ones_like(phi), np.sqrt(2.0) * np.cos(phi), np.sqrt(2.0) * np.sin(phi)])
        mean = np.einsum("ap,ipjd->iajd", psi[: self.n_moments], out) / len(phi)
        probe = (density @ (local @ out) + emitted.density).mean(axis=1)
        return mean.reshape(len(out), -1, out.shape[3]), probe

    def _spin_balance(self, states: InterfaceStates, out: FloatArray, drive: Drive) -> float:
        """Worst violation of j(lower) - j(upper) = 4 pi (K_out - K_in) int <g> dz in a layer.

        The content of a layer comes from what enters it, apart from what leaves it. Layers
        with an open end are left out. Relative to the largest current.
        """
        stack, moments = self.stack, self.n_moments
        last = len(stack.layers) - 1
        worst = 0.0
        for index, layer in enumerate(stack.layers):
            end = stack.left if index == 0 else stack.right
            if index in (0, last) and not end.closed:
                continue
            content = self._contents[index]
            held = content.source[:, :2] @ drive.field
            balance = np.zeros_like(held)
            for side, rows in enumerate(content.arriving):
                if rows is None:
                    continue
                unknowns = (
                    slice(8 * index - 4, 8 * index)
                    if side == BOTTOM
                    else slice(8 * index, 8 * index + 4)
                )
                held = held + np.einsum("aims,imsc->ac", rows[:, :, :moments], out[:, :, unknowns])
                balance += (
                    states.current_plus[index - 1]
                    if side == BOTTOM
                    else -states.current_minus[index]
                )
            terms = collision_terms(layer)
            lost = 4.0 * np.pi * (terms.k_out - terms.k_in[0, 0]) @ held
            worst = max(worst, float(np.abs(balance - lost).max()))
        scale = max(np.abs(states.current_minus).max(), np.abs(states.current_plus).max(), 1e-300)
        return worst / float(scale)

    def interface_states(
        self,
        arriving: FloatArray,
        leaving: FloatArray,
        density: FloatArray,
        certificates: dict[str, float],
    ) -> InterfaceStates:
        """Currents and spin density from azimuthal moments.

        Parameters
        ----------
        arriving, leaving : ndarray, shape (n_polar, n_moments, n, columns)
        density : ndarray, shape (n_polar, 3 n_interfaces, columns)
            Spin density ring by ring.
        certificates : dict of str to float

        Returns
        -------
        InterfaceStates
        """
        rings, n_interfaces, columns = self.rings, self.n // 8, arriving.shape[3]
        flux = 2.0 * np.pi * rings.cosines * rings.polar_weights
        current = np.einsum("i,ijc->jc", flux, (arriving - leaving)[:, 0])
        current = current.reshape(n_interfaces, 2, 4, columns)
        spins = np.einsum("i,ijc->jc", 2.0 * np.pi * rings.polar_weights, density)
        shape = (self.n_rings, self.n_moments, n_interfaces, 2, 4, columns)
        return InterfaceStates(
            current_minus=current[:, 0],
            current_plus=-current[:, 1],
            density=spins.reshape(n_interfaces, 3, columns),
            arriving=arriving.reshape(shape),
            leaving=leaving.reshape(shape),
            certificates=certificates,
        )

    def response(self, mean: FloatArray) -> FloatArray:
        """<out> per amplitude x of the returns, shape (n_polar, size, rank)."""
        rings, size, _ = mean.shape
        by_moment = mean.reshape(rings, size, self.n_moments, self.n)
        parts = []
        for r in self.returns:
            _, moments, components, rank = r.operator.left.shape
            width = components * moments
            columns = by_moment[:, :, :moments, r.rows].reshape(rings, size, width)
            parts.append(columns @ r.operator.left.reshape(rings, width, rank))
        return np.concatenate(parts, axis=2)

    def project(self, out: FloatArray) -> FloatArray:
        """right^T <out>, shape (rank, columns), from shape (n_polar, size, columns)."""
        by_moment = out.reshape(len(out), self.n_moments, self.n, -1)
        parts = []
        for r in self.returns:
            _, moments, _, rank = r.operator.right.shape
            rows = by_moment[:, :moments, r.rows].reshape(-1, by_moment.shape[3])
            parts.append(r.operator.right.reshape(len(rows), rank).T @ rows)
        return np.concatenate(parts)

    def returned(self, x: FloatArray) -> FloatArray:
        """What collisions return, y = left x, shape (n_polar, size, columns)."""
        y = np.zeros((self.n_rings, self.n_moments, self.n, x.shape[1]))
        start = 0
        for r in self.returns:
            _, moments, _, rank = r.operator.left.shape
            y[:, :moments, r.rows] += r.operator.left @ x[start : start + rank]
            start += rank
        return y.reshape(len(y), -1, x.shape[1])


class Closure:
    """The equations that close the problem, factored: (1 - right^T <W> left) x = right^T <z>.

    A closed stack leaves a constant charge shift free. Adding (a charge injection) x (the
    gauge functional) pins it; the equations being consistent, the injection comes out zero.

    Parameters
    ----------
    assembly : Assembly
    mean : ndarray, shape (n_polar, size, size)
        <W>.
    probe : ndarray, shape (n_polar, 3 n_interfaces, size)
        Spin density per y.

    Raises
    ------
    PhysicsError
        If the stack leaves a spin accumulation undetermined.
    """

    def __init__(self, assembly: Assembly, mean: FloatArray, probe: FloatArray) -> None:
        self._assembly = assembly
        self.probe = probe
        self.response = assembly.response(mean)
        system = np.eye(self.response.shape[2]) - assembly.project(self.response)
        self._gauge: FloatArray | None = None
        if not assembly.stack.is_open:
            self._gauge, uniform = self._gauge_functional()
            self._injection = assembly.project(uniform.reshape(len(mean), -1, 1))
            functional = self._gauge.ravel() @ self.response.reshape(-1, len(system))
            system += np.outer(self._injection, functional)
        self._system = system
        self._factors, self._pivots, info = lapack.dgetrf(system)
        norm = float(np.abs(system).sum(axis=0).max())
        self._reciprocal = float(lapack.dgecon(self._factors, norm)[0]) if info == 0 else 0.0
        require_definite(self._reciprocal)

    def _gauge_functional(self) -> tuple[FloatArray, FloatArray]:
        """Charge leaving the reference interface, and a uniform charge there.

        Both have the shape (n_rings, n_moments, n).
        """
        assembly = self._assembly
        gauge = np.zeros((assembly.n_rings, assembly.n_moments, assembly.n))
        uniform = np.zeros_like(gauge)
        first = 8 * assembly.stack.reference_interface
        at = slice(first, first + 8)
        carried, unit = assembly.charge_rows()
        gauge[:, 0, at] = assembly.flux()[:, None] * carried[:, at]
        uniform[:, 0, at] = unit[:, at]
        return gauge, uniform

    def solve(
        self, driven: FloatArray, outgoing: FloatArray
    ) -> tuple[FloatArray, dict[str, float]]:
        """Amplitudes x of what collisions return.

        Parameters
        ----------
        driven : ndarray, shape (n_polar, size, columns)
            <z>.
        outgoing : ndarray, shape (n_polar, n, columns)
            Azimuthal mean of what leaves the interfaces besides `out`.

        Returns
        -------
        x : ndarray, shape (rank, columns)
        certificates : dict of str to float
            "residual", "condition", "gauge_slack".
        """
        source = self._assembly.project(driven)
        columns = source.shape[1]
        offset = np.zeros(columns)
        if self._gauge is not None:
            offset = self._gauge.ravel() @ driven.reshape(-1, columns)
            offset += self._gauge[:, 0].ravel() @ outgoing.reshape(-1, columns)
            source -= self._injection * offset
        x, _ = lapack.dgetrs(self._factors, self._pivots, source)
        scale = max(float(np.abs(source).max()), 1e-300)
        slack = 0.0
        if self._gauge is not None:
            out = self.response @ x
            slack = float(np.abs(self._gauge.ravel() @ out.reshape(-1, columns) + offset).max())
        return x, {
            "residual": float(np.abs(self._system @ x - source).max()) / scale,
            "condition": 1.0 / self._reciprocal,
            "gauge_slack": slack,
        }


def split_single_layer(stack: Stack) -> Stack:
    """A film of one layer as two halves with a transparent interface, which changes nothing."""
    if stack.interfaces:
        return stack
    half = stack.layers[0].with_thickness(0.5 * stack.layers[0].thickness)
    return replace(
        stack,
        layers=(half, half),
        interfaces=(RashbaInterface(0.0, 0.0, 0.0),),
        layer_names=None,
        interface_names=None,
    )


def ring_structure(mesh: FermiSurfaceMesh) -> AzimuthalRings:
    """The rings of a mesh, or an error that says why they are needed."""
    if mesh.rings is None:
        raise InputError(
            "mesh",
            mesh.name,
            "has no azimuthal rings, which the reduced method averages over; use method='dense'",
        )
    return mesh.rings
