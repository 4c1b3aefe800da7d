"""Derivatives of currents and torques with respect to everything that describes a film.

Differentiating out = S (in + g_in) - g_out, in = A out + y, y = left right^T <out> gives the
same linear system again, with the source

    dz = (1 - S A)^-1 [dS in_total + S (dA out + dg_in + d(left right^T) <out>) - dg_out],

so all derivatives come from one more pass over the channels with their small systems factored
once, and from the closing system as it was factored for the solution. dS is exact (a complex
step through the analytic scattering kernel); the change of the layers' responses with their
lengths is taken by a fourth-order difference of the responses alone, which are cached.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import InputError
from torkivity_engine.film.interfaces import RashbaInterface, SpinOrbitInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.sources import film_with_source
from torkivity_engine.film.spheres import require_one_sphere
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.kinetics.scattering import fill_tensor, scatter
from torkivity_engine.machine.blas import with_one_blas_thread
from torkivity_engine.reduced.assembly import Assembly, Drive, InterfaceStates, ring_structure
from torkivity_engine.reduced.channels import CHUNK, build, factorize, substitute, take_azimuths
from torkivity_engine.spin import CHARGE, cross_matrix, direction, transverse
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = ["Derivative", "sensitivities", "sensitivity_names"]


_COMPLEX_STEP = 1e-40
#: Fourth-order central difference: steps and weights.
_STENCIL = ((-2.0, 1.0 / 12.0), (-1.0, -2.0 / 3.0), (1.0, 2.0 / 3.0), (2.0, -1.0 / 12.0))
_RELATIVE_STEP = 5e-4
_ANGLE_STEP_DEG = 0.1
_SPIN_HALL_STEP = 2e-3

_METAL = ("thickness", "mean_free_path", "spin_flip_length", "spin_hall_angle")
_MAGNET = (
    "thickness",
    "mean_free_path_majority",
    "mean_free_path_minority",
    "spin_flip_length",
    "precession_length",
)
_RASHBA = ("barrier", "exchange", "rashba")
#: Element of W by name: rows are spins, columns k_x and k_y.
_SPIN_ORBIT = {
    f"spin_orbit_{s}{k}": (row, column)
    for row, s in enumerate("xyz")
    for column, k in enumerate("xy")
}
_NAMES: dict[type, tuple[str, ...]] = {
    HeavyMetal: _METAL,
    Ferromagnet: _MAGNET,
    RashbaInterface: _RASHBA,
    SpinOrbitInterface: ("barrier", "exchange", *_SPIN_ORBIT),
}
_ANGLES = ("theta_deg", "phi_deg")


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
class _Parameter:
    """A parameter of a stack: how to shift it, and by which step."""

    shifted: Callable[[float], Stack]
    step: float


def sensitivity_names(film: Bilayer | Stack) -> tuple[str, ...]:
    """Names of all parameters that a film can be differentiated by.

    Parameters
    ----------
    film : Bilayer or Stack

    Returns
    -------
    tuple of str
        For a bilayer "interface.barrier", "heavy_metal.thickness", "magnetization.theta_deg"
        and so on; for a stack "interfaces.0.barrier", "layers.1.thickness",
        "layers.1.theta_deg" and so on. Infinite lengths are left out. W of a
        `SpinOrbitInterface` has six: "interface.spin_orbit_xy" is that of spin x and k_y.
    """
    return tuple(_parameters(film))


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
        Names from `sensitivity_names`; all of them by default.
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
    known = _parameters(film)
    names = list(known) if parameters is None else list(parameters)
    for name in names:
        if name not in known:
            raise InputError("parameters", name, f"must be one of {', '.join(known)}")
    if source == "reservoirs":
        raise InputError("source", source, "must be one of all, rashba, spin_hall")
    stack = film_with_source(film, source)
    if not stack.interfaces:
        raise InputError("film", film, "must have at least two layers")
    require_one_sphere(stack, "the tangent of the closed form, which sensitivities are made of,")
    rings = ring_structure(mesh or SphericalMesh(32, 32))
    chosen = [known[name] for name in names]
    # What the source switches off stays off in the shifted films.
    shifted = [
        [film_with_source(p.shifted(factor * p.step), source) for factor, _ in _STENCIL]
        for p in chosen
    ]
    responses = [[Assembly(s, rings, all_moments=True) for s in row] for row in shifted]
    base = Assembly(stack, rings, all_moments=True)
    tangent = _Tangent(base, [p.step for p in chosen], responses)
    states, changes = tangent.solve()
    unit = stack.prefactor * METRE_PER_NM
    return {
        name: tuple(
            _derivative(stack, row, known[name].step, states, changes, i, column, unit)
            for i in range(len(stack.interfaces))
        )
        for column, (name, row) in enumerate(zip(names, shifted, strict=True))
    }


def _difference(values: Sequence[Any], step: float) -> Any:
    """Derivative from the values on the stencil."""
    return sum(w * v for (_, w), v in zip(_STENCIL, values, strict=True)) / step


class _Tangent:
    """The solution of a stack and its derivatives, one column per parameter."""

    def __init__(self, base: Assembly, steps: list[float], shifted: list[list[Assembly]]) -> None:
        self._base, self._steps, self._shifted = base, steps, shifted
        field = base.stack.field_direction[:2]
        self._drive = _along(base.field_drive(), field)

        def slope(of: Callable[[Assembly], FloatArray]) -> list[FloatArray]:
            return [
                _difference([of(a) for a in row], step)
                for row, step in zip(shifted, steps, strict=True)
            ]

        # Only the ratios of an interface's parameters matter. In units of the last one they are
        # smooth, which their common scale, a maximum, is not.
        unit = base.parameters[:, -1:]
        self._parameters = np.array(slope(lambda a: a.parameters / a.parameters[:, -1:])) * unit
        self._local = np.array(slope(lambda a: a.local))
        drives = [[_along(a.field_drive(), field) for a in row] for row in shifted]
        self._incoming, self._outgoing = (
            np.concatenate(
                [
                    _difference([getattr(d, kind) for d in row], step)
                    for row, step in zip(drives, steps, strict=True)
                ],
                axis=3,
            )
            for kind in ("incoming", "outgoing")
        )

    def solve(self) -> tuple[InterfaceStates, InterfaceStates]:
        base, rings = self._base, self._base.rings
        n, moments = base.n, base.n_moments
        size, columns = n * moments, len(self._steps)
        states, closure = base.solve_with_closure(self._drive)
        shape = (rings.n_polar, moments, n, 1)
        leaving, arriving = states.leaving.reshape(shape), states.arriving.reshape(shape)
        out = (leaving - self._drive.outgoing).reshape(rings.n_polar, size, 1)
        returned = arriving - base.local[:, None] @ out.reshape(shape)
        # d(left right^T) <out> adds to what the drives change.
        incoming = self._incoming.copy()
        for column, (row, step) in enumerate(zip(self._shifted, self._steps, strict=True)):
            answers = [a.returned(a.project(out)).reshape(shape) for a in row]
            incoming[..., column] += _difference(answers, step)[..., 0]

        mean = np.empty((rings.n_polar, size, columns))
        probe = np.empty((rings.n_polar, 3 * (n // 8), columns))
        _tangent_means(
            rings.cosines, np.cos(rings.azimuths), np.sin(rings.azimuths),
            base.parameters, self._parameters, base.local, self._local,
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


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _slopes(  # type: ignore[no-untyped-def]
    mu, kx, ky, psi, parameters, d_parameters, local, d_local, total_in, d_in, d_out,
    scattering, transmission, out, right, d_density,
):  # fmt: skip
    """Sources of the tangent problem for one chunk of azimuths.

    In: S, T and `out` = out(phi). Fills `right` with dS in + S (dA out + dg_in) - dg_out, and
    `d_density` with dT (in- + in+) + T (dA out + dg_in, both sides), per parameter.
    """
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
                    for k in range(4):
                        value += transmission[i, j, k, c] * (
                            changed[row + k, c] + changed[row + 4 + k, c]
                        )
                    d_density[3 * i + j, p, c] = value
            if touched:
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
    mu, cos_phi, sin_phi, parameters, d_parameters, local, d_local, total_in, drive_out, d_in,
    d_out, chunk, mean, probe,
):  # fmt: skip
    """Azimuthal moments <psi dz> and the direct change of the spin density, ring by ring.

    `total_in`, shape (ring, 3, n, 1), holds everything that arrives except A out; `d_in` and
    `d_out`, shape (ring, 3, n, p), what the parameters change; `d_local` (p, ring, n, n).
    """
    n_interfaces = parameters.shape[0]
    n = 8 * n_interfaces
    n_azimuth = cos_phi.shape[0]
    n_parameters = d_parameters.shape[0]
    transmission = np.empty((n_interfaces, 4, 4, chunk))
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
                mu[ring], kx, ky, psi, parameters, local[ring], total_in[ring], drive_out[ring],
                transmission, left, scattering,
            )  # fmt: skip
            factorize(left)
            out[:, 0] = scattering[:, n]
            substitute(left, out)
            _slopes(
                mu[ring], kx, ky, psi, parameters, d_parameters, local[ring], d_local[:, ring],
                total_in[ring], d_in[ring], d_out[ring], scattering, transmission, out,
                right, d_density,
            )  # fmt: skip
            substitute(left, right)
            for i in range(n_interfaces):
                # T (A dz), both sides, completes the change of the density at fixed y.
                for p in range(n_parameters):
                    for k in range(4):
                        for c in range(chunk):
                            slope[c] = 0.0
                        for m in range(n):
                            both = local[ring, 8 * i + k, m] + local[ring, 8 * i + 4 + k, m]
                            if both != 0.0:
                                for c in range(chunk):
                                    slope[c] += both * right[m, p, c]
                        for j in range(3):
                            for c in range(chunk):
                                d_density[3 * i + j, p, c] += transmission[i, j, k, c] * slope[c]
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
    shifted: list[Stack],
    step: float,
    states: InterfaceStates,
    changes: InterfaceStates,
    index: int,
    column: int,
    unit: float,
) -> Derivative:
    """Derivatives of the torques from those of the moments and of what defines them."""
    m = np.array(stack.interface_magnetization(index))
    d_m = _difference([np.array(s.interface_magnetization(index)) for s in shifted], step)
    exchange = stack.interfaces[index].exchange
    d_exchange = _difference([s.interfaces[index].exchange for s in shifted], step)
    s, d_s = states.density[index, :, 0], changes.density[index, :, column]
    torque = (
        -2.0
        * unit
        * (
            d_exchange * cross_matrix(m) @ s
            + exchange * cross_matrix(d_m) @ s
            + exchange * cross_matrix(m) @ d_s
        )
    )
    minus, plus = unit * states.current_minus[index, :, 0], unit * states.current_plus[index, :, 0]
    d_minus = unit * changes.current_minus[index, :, column]
    d_plus = unit * changes.current_plus[index, :, column]

    def d_transverse(j: FloatArray, d_j: FloatArray) -> FloatArray:
        turning: FloatArray = (j @ d_m) * m + (j @ m) * d_m
        return transverse(d_j, m) - turning

    j, d_j = (-minus, -d_minus) if stack.magnet_below(index) else (plus, d_plus)
    ferromagnet = d_transverse(j[:CHARGE], d_j[:CHARGE])
    step_in = d_transverse((minus - plus)[:CHARGE], (d_minus - d_plus)[:CHARGE])
    return Derivative(
        current_minus=d_minus,
        current_plus=d_plus,
        torque_interface=torque,
        torque_ferromagnet=ferromagnet,
        torque_total=torque + ferromagnet,
        torque_lattice=step_in - torque,
    )


def _parameters(film: Bilayer | Stack) -> dict[str, _Parameter]:
    """All parameters of a film by name."""
    table: dict[str, _Parameter] = {}
    if isinstance(film, Bilayer):
        for part in ("heavy_metal", "interface", "ferromagnet"):
            for key in _keys(getattr(film, part)):

                def shift(amount: float, part: str = part, key: str = key) -> Stack:
                    moved = _moved(getattr(film, part), key, amount)
                    return replace(film, **{part: moved}).stack()

                table[f"{part}.{key}"] = _Parameter(shift, _step(getattr(film, part), key))
        for key in _ANGLES:

            def turn(amount: float, key: str = key) -> Stack:
                return replace(film, magnetization=_turned(film.magnetization, key, amount)).stack()

            table[f"magnetization.{key}"] = _Parameter(turn, _ANGLE_STEP_DEG)
        return table
    stack = as_stack(film)
    for group in ("layers", "interfaces"):
        things = getattr(stack, group)
        for i, thing in enumerate(things):
            keys = _keys(thing)
            if getattr(thing, "magnetization", None) is not None:
                keys += _ANGLES
            elif group == "interfaces":
                # Without a magnetization there is no direction to add exchange along.
                keys = tuple(key for key in keys if key != "exchange")
            for key in keys:

                def alter(amount: float, group: str = group, i: int = i, key: str = key) -> Stack:
                    parts = list(getattr(stack, group))
                    parts[i] = _moved(parts[i], key, amount)
                    changes: dict[str, Any] = {group: tuple(parts)}
                    return replace(stack, **changes)

                table[f"{group}.{i}.{key}"] = _Parameter(alter, _step(thing, key))
    return table


def _keys(thing: object) -> tuple[str, ...]:
    """Names of what a layer or an interface can be differentiated by; infinite lengths cannot."""
    names = next(names for kind, names in _NAMES.items() if isinstance(thing, kind))
    return tuple(name for name in names if getattr(thing, name, None) != math.inf)


def _step(thing: object, key: str) -> float:
    if key in _ANGLES:
        return _ANGLE_STEP_DEG
    if key == "spin_hall_angle":
        return _SPIN_HALL_STEP
    if key in _RASHBA or key in _SPIN_ORBIT:
        # S is differentiated exactly along the direction that this step gives.
        return 1e-3
    return _RELATIVE_STEP * float(getattr(thing, key))


def _moved(thing: Any, key: str, amount: float) -> Any:
    if key in _ANGLES:
        return replace(thing, magnetization=_turned(thing.magnetization, key, amount))
    if key in _SPIN_ORBIT:
        matrix = np.array(thing.spin_orbit)
        matrix[_SPIN_ORBIT[key]] += amount
        return replace(thing, spin_orbit=matrix)
    return replace(thing, **{key: getattr(thing, key) + amount})


def _turned(m: tuple[float, float, float], key: str, amount: float) -> tuple[float, float, float]:
    """m with its polar or azimuthal angle changed, in degrees."""
    theta, phi = math.acos(max(-1.0, min(1.0, m[2]))), math.atan2(m[1], m[0])
    if key == "theta_deg":
        theta += math.radians(amount)
    else:
        phi += math.radians(amount)
    return direction(theta, phi)
