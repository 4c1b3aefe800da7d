"""Derivatives of currents and torques with respect to everything that describes a film.

Differentiating out = S (in + g_in) - g_out, in = A out + y, y = left right^T <out> gives the
same linear system again, with the source

    dz = (1 - S A)^-1 [dS in_total + S (dA out + dg_in + d(left right^T) <out>) - dg_out],

so all derivatives come from one more pass over the channels with their small systems factored
once, and from the closing system as it was factored for the solution. dS is exact (a complex
step through the analytic scattering kernel); the change of the layers' responses with their
lengths is taken by a fourth-order difference of the responses alone, which are cached. Where
layers have Fermi spheres of their own the grid moves with them, and whole solutions are
differenced instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import InputError
from torkivity_engine.film.kinetic import require_kinetic
from torkivity_engine.film.parameters import (
    by_own_fields,
    familiar_path,
    parameter,
    with_parameters,
)
from torkivity_engine.film.parameters import parameters as parameters_of
from torkivity_engine.film.sources import film_with_source
from torkivity_engine.film.spheres import has_one_sphere, sphere_film
from torkivity_engine.film.stack import FILM_QUANTITIES, Bilayer, Stack
from torkivity_engine.kinetics.scattering import fill_tensor, scatter
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.machine.kernels import njit
from torkivity_engine.reduced.assembly import Assembly, Drive, InterfaceStates, ring_structure
from torkivity_engine.reduced.channels import (
    CHUNK,
    InterfaceInput,
    build,
    factorize,
    substitute,
    take_azimuths,
)
from torkivity_engine.reduced.spheres import SphereAssembly
from torkivity_engine.spin import CHARGE, transverse
from torkivity_meshes import AzimuthalRings, FermiSurfaceMesh, SphericalMesh

__all__ = ["Derivative", "sensitivities", "sensitivity_names"]


_COMPLEX_STEP = 1e-40
#: Differences of fourth order, offsets in steps and weights: central, and from a limit on.
_CENTRAL = ((-2.0, 1.0 / 12.0), (-1.0, -2.0 / 3.0), (1.0, 2.0 / 3.0), (2.0, -1.0 / 12.0))
_ONWARDS = ((0.0, -25.0 / 12.0), (1.0, 4.0), (2.0, -3.0), (3.0, 4.0 / 3.0), (4.0, -0.25))


@dataclass(frozen=True, eq=False)
class Derivative:
    """Derivative of the response of one interface with respect to one parameter.

    Per E~ and per unit of the parameter (nm, degree, or dimensionless).

    Attributes
    ----------
    current_minus, current_plus : ndarray, shape (4,)
    torque_interface, torque_ferromagnet, torque_total, torque_lattice : ndarray, shape (3,)
        The transverse parts turn with m, which counts for its angles.
    """

    current_minus: FloatArray
    current_plus: FloatArray
    torque_interface: FloatArray
    torque_ferromagnet: FloatArray
    torque_total: FloatArray
    torque_lattice: FloatArray


@dataclass(frozen=True)
class _Stencil:
    """Films around a film in one parameter, and how their values give a derivative."""

    films: tuple[Stack, ...]
    weights: tuple[float, ...]
    step: float

    def difference(self, values: Sequence[Any]) -> Any:
        """Derivative from the values of the films."""
        return sum(w * v for w, v in zip(self.weights, values, strict=True)) / self.step


def sensitivity_names(film: Bilayer | Stack) -> tuple[str, ...]:
    """Names of all parameters that a film can be differentiated by.

    Parameters
    ----------
    film : Bilayer or Stack

    Returns
    -------
    tuple of str
        Paths as in ``torkivity.parameters``, such as "Pt.thickness"; for a bilayer
        with the names that always work, "interface.barrier", "heavy_metal.thickness",
        "magnetization.theta_deg" and so on. Infinite lengths are left out, and what holds for
        the film as a whole. W of a `SpinOrbitInterface` has six: "interface.spin_orbit_xy" is
        that of spin x and k_y.
    """
    known = parameters_of(film)
    skipped = {f"film.{key}" for key in FILM_QUANTITIES}
    return tuple(
        familiar_path(film, path)
        for path, p in known.items()
        if p.step > 0.0 and path not in skipped and _moves(film, path, p.value + p.step)
    )


def _moves(film: Bilayer | Stack, path: str, value: float) -> bool:
    """Whether a parameter can change: without an m there is nothing to add exchange along."""
    try:
        with_parameters(film, {path: value})
    except InputError as error:
        return error.key != "magnetization"
    return True


@with_one_blas_thread
def sensitivities(
    film: Bilayer | Stack,
    mesh: FermiSurfaceMesh | None = None,
    parameters: Sequence[str] | None = None,
    source: str = "all",
) -> dict[str, tuple[Derivative, ...]]:
    """Derivatives of every current and torque with respect to parameters of the film.

    Parameters
    ----------
    film : Bilayer or Stack
        With at least one interface.
    mesh : FermiSurfaceMesh, optional
        With azimuthal rings; by default ``SphericalMesh(32, 32)``.
    parameters : sequence of str, optional
        Names from `sensitivity_names`; all of them by default. A metal that was given by other
        numbers than its kinetic lengths is differentiated by those lengths, too, if they are
        named.
    source : {"all", "rashba", "spin_hall"}, optional
        As in `solve_boltzmann`.

    Returns
    -------
    dict of str to tuple of Derivative
        One entry per interface, from the left (bottom).

    Raises
    ------
    InputError
        For an unknown parameter, a film without an interface, or a mesh without rings.
    PhysicsError
        If the film leaves a spin accumulation undetermined.
    """
    names = list(sensitivity_names(film)) if parameters is None else list(parameters)
    if source == "reservoirs":
        raise InputError("source", source, "must be one of all, rashba, spin_hall")
    stack = film_with_source(film, source)
    require_kinetic(stack)
    if not stack.interfaces:
        raise InputError("film", film, "must have at least two layers")
    rings = ring_structure(mesh or SphericalMesh(32, 32))
    stencils = {name: _stencil(film, name, source) for name in names}
    # A grid that moves with the parameter has no tangent: there the solution is differenced.
    fixed = [name for name in names if _keeps_sphere(stack, stencils[name])]
    found = {}
    for chosen, solve in (
        (fixed, partial(_tangent, stack, rings)),
        ([name for name in names if name not in fixed], partial(_differences, stack, rings)),
    ):
        if chosen:
            states, changes = solve([stencils[name] for name in chosen])
            for column, name in enumerate(chosen):
                found[name] = tuple(
                    _derivative(stack, stencils[name], states, changes, i, column)
                    for i in range(len(stack.interfaces))
                )
    return {name: found[name] for name in names}


def _keeps_sphere(stack: Stack, stencil: _Stencil) -> bool:
    """Whether all layers stay on the film's Fermi sphere."""
    return has_one_sphere(stack) and all(has_one_sphere(film) for film in stencil.films)


def _tangent(
    stack: Stack, rings: AzimuthalRings, stencils: list[_Stencil]
) -> tuple[InterfaceStates, InterfaceStates]:
    """The solution and its derivatives from one factorisation."""
    return _Tangent(Assembly(stack, rings, all_moments=True), stencils).solve()


def _differences(
    stack: Stack, rings: AzimuthalRings, stencils: list[_Stencil]
) -> tuple[InterfaceStates, InterfaceStates]:
    """The solution and its derivatives, by differences of whole solutions."""

    def solution(film: Stack) -> InterfaceStates:
        assembly = SphereAssembly(sphere_film(film, rings))
        return assembly.solve(_along(assembly.field_drive(), film.field_direction[:2]))

    around = [[solution(film) for film in stencil.films] for stencil in stencils]

    def slope(name: str) -> FloatArray:
        columns = [
            stencil.difference([getattr(states, name) for states in row])
            for stencil, row in zip(stencils, around, strict=True)
        ]
        return np.concatenate(columns, axis=-1)

    base = solution(stack)
    changes = replace(
        base,
        current_minus=slope("current_minus"),
        current_plus=slope("current_plus"),
        density=slope("density"),
    )
    return base, changes


def _stencil(film: Bilayer | Stack, name: str, source: str) -> _Stencil:
    """What the source switches off stays off in the shifted films."""
    try:
        found = parameter(film, name)
    except InputError:
        film = by_own_fields(film)
        found = parameter(film, name)
    step, value = found.step, found.value
    if step == 0.0 or found.path.removeprefix("film.") in FILM_QUANTITIES:
        known = ", ".join(sensitivity_names(film))
        raise InputError("parameters", name, f"has no derivative; must be one of {known}")
    assert found.quantity is not None
    points: tuple[tuple[float, float], ...] = _CENTRAL
    for sign in (1.0, -1.0):
        if not found.quantity.within(value - 2.0 * sign * step):
            points, step = _ONWARDS, sign * step
    return _Stencil(
        tuple(
            film_with_source(with_parameters(film, {found.path: value + k * step}), source)
            for k, _ in points
        ),
        tuple(weight for _, weight in points),
        step,
    )


class _Tangent:
    """The solution of a stack and its derivatives, one column per parameter."""

    def __init__(self, base: Assembly, stencils: list[_Stencil]) -> None:
        self._base, self._stencils = base, stencils
        self._shifted = [
            [Assembly(film, base.rings, all_moments=True) for film in stencil.films]
            for stencil in stencils
        ]
        field = base.stack.field_direction[:2]
        self._drive = _along(base.field_drive(), field)
        self._interfaces = base.interfaces
        self._d_interfaces = self._interface_slopes()
        self._local = self._slope([[a.local for a in row] for row in self._shifted])
        drives = [[_along(a.field_drive(), field) for a in row] for row in self._shifted]
        self._incoming = self._columns([[d.incoming for d in row] for row in drives])
        self._outgoing = self._columns([[d.outgoing for d in row] for row in drives])

    def _slope(self, rows: list[list[FloatArray]]) -> FloatArray:
        """Derivatives, one per parameter, of what the films of the stencils give."""
        return np.array(
            [stencil.difference(row) for stencil, row in zip(self._stencils, rows, strict=True)]
        )

    def _columns(self, rows: list[list[FloatArray]]) -> FloatArray:
        """The same with the parameters as the last axis instead of a single column there."""
        return np.ascontiguousarray(np.moveaxis(self._slope(rows)[..., 0], 0, -1))

    def _interface_slopes(self) -> InterfaceInput:
        """Change of what kernels take, per parameter."""
        rows = [[a.interfaces for a in row] for row in self._shifted]
        # Only the ratios of the parameters of a closed form matter. In units of the last one
        # they are smooth, which their common scale, a maximum, is not.
        unit = self._interfaces.parameters[:, -1:]
        ratios = [[i.parameters / i.parameters[:, -1:] for i in row] for row in rows]
        return InterfaceInput(
            self._slope(ratios) * unit,
            self._interfaces.table,
            self._slope([[i.scattering for i in row] for row in rows]),
            self._slope([[i.density for i in row] for row in rows]),
        )

    def solve(self) -> tuple[InterfaceStates, InterfaceStates]:
        base, rings = self._base, self._base.rings
        n, moments = base.n, base.n_moments
        size, columns = n * moments, len(self._stencils)
        states, closure = base.solve_with_closure(self._drive)
        shape = (rings.n_polar, moments, n, 1)
        leaving, arriving = states.leaving.reshape(shape), states.arriving.reshape(shape)
        out = (leaving - self._drive.outgoing).reshape(rings.n_polar, size, 1)
        returned = arriving - base.local[:, None] @ out.reshape(shape)
        # d(left right^T) <out> adds to what the drives change.
        answers = [
            [a.returned(a.project(out)).reshape(shape) for a in row] for row in self._shifted
        ]
        incoming = self._incoming + self._columns(answers)

        mean = np.empty((rings.n_polar, size, columns))
        probe = np.empty((rings.n_polar, 3 * (n // 8), columns))
        _tangent_means(
            rings.cosines, np.cos(rings.azimuths), np.sin(rings.azimuths),
            self._interfaces, self._d_interfaces, base.local, self._local,
            np.ascontiguousarray(returned), self._drive.outgoing, incoming, self._outgoing,
            CHUNK, mean, probe,
        )  # fmt: skip
        x, _ = closure.solve(mean, self._outgoing[:, 0])
        d_returned = base.returned(x)
        d_out = (closure.response @ x + mean).reshape(rings.n_polar, moments, n, columns)
        d_arriving = base.local[:, None] @ d_out + d_returned.reshape(d_out.shape) + incoming
        d_arriving += np.einsum(
            "pijk,imk->imjp", self._local, out.reshape(rings.n_polar, moments, n)
        )
        density = closure.probe @ d_returned + probe
        return states, base.interface_states(d_arriving, d_out + self._outgoing, density, {})


def _along(drive: Drive, field: FloatArray) -> Drive:
    """The drive by a field in one direction, one column."""
    return Drive(
        np.ascontiguousarray((drive.incoming @ field)[..., None]),
        np.ascontiguousarray((drive.outgoing @ field)[..., None]),
        (drive.field @ field)[:, None],
    )


@njit(cache=True, inner=True, error_model="numpy", fastmath={"contract", "nsz"})
def _slopes(  # type: ignore[no-untyped-def]
    ring, start, mu, kx, ky, psi, interfaces, d_interfaces, local, d_local, total_in, d_in,
    d_out, scattering, density, out, right, d_density,
):  # fmt: skip
    """Sources of the tangent problem for one chunk of azimuths.

    In: S, `density` and `out` = out(phi). Fills `right` with dS in + S (dA out + dg_in) - dg_out,
    and `d_density` with the change of the density at fixed y, per parameter.
    """
    parameters, d_parameters = interfaces.parameters, d_interfaces.parameters
    n_interfaces = parameters.shape[0]
    n, chunk = local.shape[0], out.shape[2]
    n_parameters = d_parameters.shape[0]
    r = np.empty((4, 4), dtype=np.complex128)
    t = np.empty((4, 4), dtype=np.complex128)
    arriving = np.empty((n, chunk))
    changed = np.empty((n, chunk))
    stepped = np.empty(parameters.shape[1], dtype=np.complex128)
    for k in range(n):
        for c in range(chunk):
            total = 0.0
            for a in range(3):
                total += psi[a, c] * total_in[a, k, 0]
            arriving[k, c] = total
        for m in range(n):
            if local[k, m] != 0.0:
                for c in range(chunk):
                    arriving[k, c] += local[k, m] * out[m, 0, c]
    for p in range(n_parameters):
        for k in range(n):
            for c in range(chunk):
                total = 0.0
                for a in range(3):
                    total += psi[a, c] * d_in[a, k, p]
                changed[k, c] = total
            for m in range(n):
                if d_local[p, k, m] != 0.0:
                    for c in range(chunk):
                        changed[k, c] += d_local[p, k, m] * out[m, 0, c]
        for i in range(n_interfaces):
            row = 8 * i
            touched = False
            for q in range(len(stepped)):
                touched = touched or d_parameters[p, i, q] != 0.0
            for q in range(len(stepped)):
                stepped[q] = parameters[i, q] + 1j * _COMPLEX_STEP * d_parameters[p, i, q]
            for j in range(row, row + 8):
                for c in range(chunk):
                    value = 0.0
                    for a in range(3):
                        value -= psi[a, c] * d_out[a, j, p]
                    for k in range(row, row + 8):
                        value += scattering[j, k, c] * changed[k, c]
                    right[j, p, c] = value
            for j in range(3):
                for c in range(chunk):
                    value = 0.0
                    for k in range(8):
                        value += density[i, j, k, c] * changed[row + k, c]
                    d_density[3 * i + j, p, c] = value
            table = interfaces.table[i]
            if table >= 0:
                for c in range(chunk):
                    a = min(start + c, interfaces.scattering.shape[2] - 1)
                    for k in range(8):
                        incoming = arriving[row + k, c]
                        for j in range(8):
                            ds = d_interfaces.scattering[p, table, ring, a, j, k]
                            right[row + j, p, c] += ds * incoming
                        for j in range(3):
                            dd = d_interfaces.density[p, table, ring, a, j, k]
                            d_density[3 * i + j, p, c] += dd * incoming
            elif touched:
                for c in range(chunk):
                    bx, by, bz, p_r, p_t, q2, re_t, im_r, im_t = scatter(kx[c], ky[c], mu, stepped)
                    fill_tensor(r, p_r, q2, -re_t, im_r, bx, by, bz)
                    fill_tensor(t, p_t, q2, re_t, im_t, bx, by, bz)
                    for j in range(4):
                        lower = 0.0
                        upper = 0.0
                        both = 0.0
                        for k in range(4):
                            dr = r[j, k].imag / _COMPLEX_STEP
                            dt = t[j, k].imag / _COMPLEX_STEP
                            below, above = arriving[row + k, c], arriving[row + 4 + k, c]
                            lower += dr * below + dt * above
                            upper += dr * above + dt * below
                            both += dt * (below + above)
                        right[row + j, p, c] += lower
                        right[row + 4 + j, p, c] += upper
                        if j < 3:
                            d_density[3 * i + j, p, c] += both


@njit(cache=True, error_model="numpy")
def _tangent_means(  # type: ignore[no-untyped-def]
    mu, cos_phi, sin_phi, interfaces, d_interfaces, local, d_local, total_in, drive_out, d_in,
    d_out, chunk, mean, probe,
):  # fmt: skip
    """Azimuthal moments <psi dz> and the direct change of the spin density, ring by ring.

    `total_in`, shape (ring, 3, n, 1), holds everything that arrives except A out; `d_in` and
    `d_out`, shape (ring, 3, n, p), what the parameters change; `d_local` (p, ring, n, n).
    """
    n_interfaces = interfaces.parameters.shape[0]
    n = 8 * n_interfaces
    n_azimuth = cos_phi.shape[0]
    n_parameters = d_interfaces.parameters.shape[0]
    density = np.empty((n_interfaces, 3, 8, chunk))
    left = np.empty((n, n, chunk))
    scattering = np.empty((n, n + 1, chunk))
    out = np.empty((n, 1, chunk))
    right = np.empty((n, n_parameters, chunk))
    d_density = np.empty((3 * n_interfaces, n_parameters, chunk))
    slope = np.empty(chunk)
    kx, ky, weight = np.empty(chunk), np.empty(chunk), np.empty(chunk)
    psi = np.ones((3, chunk))
    mean[:] = 0.0
    probe[:] = 0.0
    for ring in range(mu.shape[0]):
        sin_theta = np.sqrt((1.0 - mu[ring]) * (1.0 + mu[ring]))
        for start in range(0, n_azimuth, chunk):
            take_azimuths(start, sin_theta, cos_phi, sin_phi, kx, ky, psi, weight)
            build(
                ring, start, mu[ring], kx, ky, psi, interfaces, local[ring], total_in[ring],
                drive_out[ring], density, left, scattering,
            )  # fmt: skip
            factorize(left)
            out[:, 0] = scattering[:, n]
            substitute(left, out)
            _slopes(
                ring, start, mu[ring], kx, ky, psi, interfaces, d_interfaces, local[ring],
                d_local[:, ring], total_in[ring], d_in[ring], d_out[ring], scattering, density,
                out, right, d_density,
            )  # fmt: skip
            substitute(left, right)
            for i in range(n_interfaces):
                # What A dz brings in completes the change of the density at fixed y.
                for p in range(n_parameters):
                    for k in range(8):
                        for c in range(chunk):
                            slope[c] = 0.0
                        for m in range(n):
                            value = local[ring, 8 * i + k, m]
                            if value != 0.0:
                                for c in range(chunk):
                                    slope[c] += value * right[m, p, c]
                        for j in range(3):
                            for c in range(chunk):
                                d_density[3 * i + j, p, c] += density[i, j, k, c] * slope[c]
            for p in range(n_parameters):
                for j in range(3 * n_interfaces):
                    for c in range(chunk):
                        probe[ring, j, p] += weight[c] * d_density[j, p, c]
                for a in range(3):
                    for j in range(n):
                        for c in range(chunk):
                            mean[ring, a * n + j, p] += weight[c] * psi[a, c] * right[j, p, c]


def _derivative(
    stack: Stack,
    stencil: _Stencil,
    states: InterfaceStates,
    changes: InterfaceStates,
    index: int,
    column: int,
) -> Derivative:
    """Derivatives of the torques from those of the moments and of what defines them."""
    unit = stack.prefactor * METRE_PER_NM
    m = np.array(stack.interface_magnetization(index))
    around = [np.array(film.interface_magnetization(index)) for film in stencil.films]
    d_m = stencil.difference(around)
    s = unit * states.density[index, :, 0]
    d_s = unit * changes.density[index, :, column]
    # The torque is linear in the density; its law changes with the interface and with m.
    torque = stack.interfaces[index].torque(d_s, m) + stencil.difference(
        [
            film.interfaces[index].torque(s, at)
            for film, at in zip(stencil.films, around, strict=True)
        ]
    )
    minus, plus = unit * states.current_minus[index, :, 0], unit * states.current_plus[index, :, 0]
    d_minus = unit * changes.current_minus[index, :, column]
    d_plus = unit * changes.current_plus[index, :, column]

    def d_transverse(j: FloatArray, d_j: FloatArray) -> FloatArray:
        turning: FloatArray = (j @ d_m) * m + (j @ m) * d_m
        return transverse(d_j, m) - turning

    below = stack.magnet_below(index)
    j, d_j = (-minus, -d_minus) if below else (plus, d_plus)
    ferromagnet = d_transverse(j[:CHARGE], d_j[:CHARGE])
    if below is None:
        ferromagnet = np.zeros(CHARGE)
    step_in = d_transverse((minus - plus)[:CHARGE], (d_minus - d_plus)[:CHARGE])
    return Derivative(
        current_minus=d_minus,
        current_plus=d_plus,
        torque_interface=torque,
        torque_ferromagnet=ferromagnet,
        torque_total=torque + ferromagnet,
        torque_lattice=step_in - torque,
    )
