"""Conductivity and torkivity tensors, conductances, and their quadrature.

With incoming g- (heavy-metal side) and g+ (ferromagnet side) at each k_parallel,

    j(0-) = -C int dOmega mu [(R - 1) g- + T g+]
    j(0+) = +C int dOmega mu [(R - 1) g+ + T g-]
    s     =  C int dOmega T (g- + g+),          tau_mag = 2 u_ex s x m

over the half sphere, (B9)-(B15) with the factors that make j_s(0-) - j_s(0+) = tau_mag an
identity without spin-orbit coupling. (R - 1)_cc is taken as -T_cc, so weak scattering keeps
its digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.delta_conductances import delta_responses
from torkivity_engine.diffusion.moments import reflection_moment, transmission_moment
from torkivity_engine.diffusion.sphere_tensors import (
    sphere_conductances,
    sphere_driven_sums,
    sphere_half_space_sums,
)
from torkivity_engine.diffusion.table_tensors import (
    table_conductances,
    table_driven_sums,
    table_half_space_sums,
)
from torkivity_engine.errors import InputError, PointError
from torkivity_engine.film.boundaries import HalfSpace
from torkivity_engine.film.checks import Vector
from torkivity_engine.film.interface import Interface
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.spheres import has_one_sphere
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.kinetics.scattering import scatter
from torkivity_engine.machine.kernels import njit
from torkivity_engine.reduced.batch import FilmMoments, solve_reduced_many
from torkivity_engine.spin import CHARGE, rotation_to
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = [
    "CircuitConductances",
    "InterfaceTensors",
    "axial_mixing",
    "circuit_conductances",
    "circuit_response",
    "closed_barriers",
    "default_mesh",
    "driven_closed_form",
    "driven_sums",
    "half_space_pair",
    "half_space_sums",
    "interface_conductivity",
    "interface_tensors",
    "mixing_conductance",
    "tensor_integrals",
    "transmitted_mixing_conductance",
]


INTERFACE_PARAMETERS = ("particular", "half_space")

#: Order of the Gauss rule on which conductances that have no closed form are integrated.
_DEFAULT_POLAR, _DEFAULT_AZIMUTH = 48, 48


@lru_cache(maxsize=1)
def default_mesh() -> FermiSurfaceMesh:
    """Mesh on which tensors are integrated when none is given."""
    return SphericalMesh(_DEFAULT_POLAR, _DEFAULT_AZIMUTH)


@dataclass(frozen=True, eq=False)
class InterfaceTensors:
    """Response of one interface to an in-plane field, per E~ = -E/e, in 1/(Ohm m).

    Attributes
    ----------
    conductivity : ndarray, shape (4, 2)
        sigma: current along +z at 0-; rows (x, y, z, charge), columns (E_x, E_y) (B17).
    torkivity_ferromagnet : ndarray, shape (4, 2)
        gamma_FM: current along +z at 0+ (B18).
    torkivity_interface : ndarray, shape (4, 2)
        gamma_mag: tau_mag (B19); the charge row is zero.
    """

    conductivity: FloatArray
    torkivity_ferromagnet: FloatArray
    torkivity_interface: FloatArray

    @property
    def lattice(self) -> FloatArray:
        """sigma - gamma_FM - gamma_mag, shape (4, 2): what the lattice takes (14)."""
        return self.conductivity - self.torkivity_ferromagnet - self.torkivity_interface


@dataclass(frozen=True, eq=False)
class CircuitConductances:
    """Response of one interface to isotropic accumulations, in 1/(Ohm m^2).

    Attributes
    ----------
    reflection, reflection_above : ndarray, shape (4, 4)
        C int dOmega mu (1 - R): current into the interface per accumulation on its lower and on
        its upper side.
    transmission, transmission_down : ndarray, shape (4, 4)
        C int dOmega mu T: current out of the interface, upwards and downwards, per accumulation
        across it.
    density, density_above : ndarray, shape (3, 4)
        C int dOmega T, spin rows: s = density @ mu_minus + density_above @ mu_plus.
    """

    reflection: FloatArray
    transmission: FloatArray
    density: FloatArray
    reflection_above: FloatArray
    transmission_down: FloatArray
    density_above: FloatArray


@njit(cache=True, inline="always", error_model="numpy")
def _cross(ax, ay, az, bx, by, bz):  # type: ignore[no-untyped-def]
    return ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx


@njit(cache=True, inner=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _tensor_sums(kx, ky, mu, weight, parameters, minus, plus, out):  # type: ignore[no-untyped-def]
    """Sums of (B20)-(B22) for incoming distributions v_E minus[4] and v_E plus[4].

    `out` has shape (11, 2): j(0-) (4), j(0+) (4), s (3), columns E_x and E_y. Written with the
    sum and the difference of the two distributions, since T differs from R - 1 in few terms.
    """
    a0, a1, a2 = minus[0], minus[1], minus[2]
    c0, c1, c2 = plus[0], plus[1], plus[2]
    sum0, sum1, sum2, sum3 = a0 + c0, a1 + c1, a2 + c2, minus[3] + plus[3]
    diff0, diff1, diff2, diff3 = c0 - a0, c1 - a1, c2 - a2, plus[3] - minus[3]
    m0x = m1x = m2x = m0y = m1y = m2y = 0.0
    p0x = p1x = p2x = p0y = p1y = p2y = 0.0
    s0x = s1x = s2x = s0y = s1y = s2y = 0.0
    chargex = chargey = 0.0
    for n in range(kx.shape[0]):
        x, y, z = kx[n], ky[n], mu[n]
        bx, by, bz, _, p_t, q, re_t, im_r, im_t = scatter(x, y, z, parameters)
        qb2 = q * (bx * bx + by * by + bz * bz)
        # (R - 1) with its diagonal from unitarity: no difference of nearly equal numbers.
        r_diagonal, t_diagonal = -(p_t + 3.0 * qb2), p_t - qb2
        q2, re2, ir2, it2 = 2.0 * q, 2.0 * re_t, 2.0 * im_r, 2.0 * im_t
        along = q2 * (bx * sum0 + by * sum1 + bz * sum2)
        minus_along, plus_along, s_along = (
            along + re2 * diff3,
            along - re2 * diff3,
            along + re2 * sum3,
        )
        u0, u1, u2 = _cross(bx, by, bz, a0, a1, a2)
        v0, v1, v2 = _cross(bx, by, bz, c0, c1, c2)
        wx, wy = weight[n] * x, weight[n] * y
        fx, fy = wx * z, wy * z
        # Into the interface at 0-: (R - 1) minus + T plus; the charge is the same at 0+.
        h = r_diagonal * a0 + t_diagonal * c0 + minus_along * bx + ir2 * u0 + it2 * v0
        m0x -= fx * h
        m0y -= fy * h
        h = r_diagonal * a1 + t_diagonal * c1 + minus_along * by + ir2 * u1 + it2 * v1
        m1x -= fx * h
        m1y -= fy * h
        h = r_diagonal * a2 + t_diagonal * c2 + minus_along * bz + ir2 * u2 + it2 * v2
        m2x -= fx * h
        m2y -= fy * h
        h = (p_t + qb2) * diff3 + re2 * (bx * diff0 + by * diff1 + bz * diff2)
        chargex -= fx * h
        chargey -= fy * h
        # Out of it at 0+: (R - 1) plus + T minus.
        h = r_diagonal * c0 + t_diagonal * a0 + plus_along * bx + ir2 * v0 + it2 * u0
        p0x += fx * h
        p0y += fy * h
        h = r_diagonal * c1 + t_diagonal * a1 + plus_along * by + ir2 * v1 + it2 * u1
        p1x += fx * h
        p1y += fy * h
        h = r_diagonal * c2 + t_diagonal * a2 + plus_along * bz + ir2 * v2 + it2 * u2
        p2x += fx * h
        p2y += fy * h
        # Density: T (minus + plus).
        h = t_diagonal * sum0 + s_along * bx + it2 * (u0 + v0)
        s0x += wx * h
        s0y += wy * h
        h = t_diagonal * sum1 + s_along * by + it2 * (u1 + v1)
        s1x += wx * h
        s1y += wy * h
        h = t_diagonal * sum2 + s_along * bz + it2 * (u2 + v2)
        s2x += wx * h
        s2y += wy * h
    out[0, 0], out[1, 0], out[2, 0], out[3, 0] = m0x, m1x, m2x, chargex
    out[0, 1], out[1, 1], out[2, 1], out[3, 1] = m0y, m1y, m2y, chargey
    out[4, 0], out[5, 0], out[6, 0], out[7, 0] = p0x, p1x, p2x, chargex
    out[4, 1], out[5, 1], out[6, 1], out[7, 1] = p0y, p1y, p2y, chargey
    out[8, 0], out[9, 0], out[10, 0] = s0x, s1x, s2x
    out[8, 1], out[9, 1], out[10, 1] = s0y, s1y, s2y


@njit(cache=True, error_model="numpy")
def _all_tensor_sums(kx, ky, mu, weight, parameters, minus, plus, out):  # type: ignore[no-untyped-def]
    """`_tensor_sums` of many interfaces; arrays begin with that axis."""
    for k in range(parameters.shape[0]):
        _tensor_sums(kx, ky, mu, weight, parameters[k], minus[k], plus[k], out[k])


def tensor_integrals(
    mesh: FermiSurfaceMesh, parameters: FloatArray, minus: FloatArray, plus: FloatArray
) -> FloatArray:
    """The three tensor integrals of an interface, or of many, without their prefactor C.

    Parameters
    ----------
    mesh : FermiSurfaceMesh
    parameters : ndarray, shape (..., 12)
        From `torkivity_engine.film.scattering.interface_parameters`.
    minus, plus : ndarray, shape (..., 4)
        Incoming distributions at 0- and 0+ are v_E times these, in nm.

    Returns
    -------
    ndarray, shape (..., 11, 2)
        j(0-) (4 rows), j(0+) (4 rows), s (3 rows); columns E_x and E_y; nm. Each interface is
        summed by itself.
    """
    several = [np.reshape(x, (-1, x.shape[-1])) for x in (parameters, minus, plus)]
    out = np.empty((len(several[0]), 11, 2))
    _all_tensor_sums(*_channel_columns(mesh), *several, out)
    return out.reshape(*parameters.shape[:-1], 11, 2)


@lru_cache(maxsize=4)
def _channel_columns(mesh: FermiSurfaceMesh) -> tuple[FloatArray, ...]:
    """k_x, k_y, mu and weight of the channels, each contiguous."""
    columns = np.column_stack([mesh.directions, mesh.weights])[mesh.upward].T.copy()
    columns.flags.writeable = False
    return tuple(columns)


def interface_tensors(
    film: Bilayer | Stack,
    mesh: FermiSurfaceMesh | None = None,
    parameters: str = "particular",
    interface: int = 0,
) -> InterfaceTensors:
    """Conductivity and torkivity tensors of an interface (B20)-(B22).

    Parameters
    ----------
    film : Bilayer or Stack
    mesh : FermiSurfaceMesh, optional
        Quadrature mesh; by default 48 x 48 points per hemisphere.
    parameters : {"particular", "half_space"}, optional
        Incoming distribution: "particular" is the bulk one (Appendix B); "half_space" the
        exact response of the interface between two half spaces (Appendix D). Skew scattering
        is left out: the tensors are those of the interface.
    interface : int, optional
        Which interface of a stack, from the left.

    Returns
    -------
    InterfaceTensors

    Raises
    ------
    InputError
        For unknown parameters or an unknown interface, or a table that lacks the matrices.
    """
    if parameters not in INTERFACE_PARAMETERS:
        raise InputError(
            "parameters", parameters, f"must be one of {', '.join(INTERFACE_PARAMETERS)}"
        )
    stack = _checked(film, interface)
    quoted = _quoted_tensors(stack, interface)
    if quoted is not None:
        return quoted
    mesh = mesh or default_mesh()
    sums = driven_sums(stack, interface, parameters, mesh) * (stack.prefactor * METRE_PER_NM)
    torque = np.zeros((4, 2))
    m = stack.interface_magnetization(interface)
    torque[:3] = stack.interfaces[interface].torque(sums[8:], m)
    return InterfaceTensors(
        conductivity=sums[:4], torkivity_ferromagnet=sums[4:8], torkivity_interface=torque
    )


def _quoted_tensors(stack: Stack, index: int) -> InterfaceTensors | None:
    """Tensors of an interface that is given by its driven currents, of each field direction."""
    columns = []
    for field in np.eye(CHARGE)[:2]:
        own = stack.interfaces[index].circuit(
            stack.interface_magnetization(index), field, stack.magnet_below(index)
        )
        if own is None:
            return None
        torque = np.append(own.drive_torque, 0.0)
        columns.append([own.law.drive_minus, own.law.drive_plus, torque])
    return InterfaceTensors(*np.transpose(columns, (1, 2, 0)))


def interface_conductivity(film: Bilayer | Stack, interface: int = 0) -> FloatArray:
    """Conductivity tensor of a tabulated interface, from its amplitudes alone.

    Parameters
    ----------
    film : Bilayer or Stack
    interface : int, optional
        Which interface of a stack, from the left.

    Returns
    -------
    ndarray, shape (4, 2)
        As `InterfaceTensors.conductivity`; spin rows are NaN where the layer below is a
        ferromagnet of single modes and the table lacks ``current_below``.
    """
    stack = _checked(film, interface)
    if stack.interfaces[interface].table() is None:
        return interface_tensors(stack, interface=interface).conductivity
    sums = table_driven_sums(stack, interface, complete=False)
    return sums[:4] * stack.prefactor * METRE_PER_NM


def driven_sums(stack: Stack, index: int, parameters: str, mesh: FermiSurfaceMesh) -> FloatArray:
    """What a field drives at one interface, as `tensor_integrals` has it.

    Parameters
    ----------
    stack : Stack
    index : int
        Which interface.
    parameters : {"particular", "half_space"}
        As of `interface_tensors`.
    mesh : FermiSurfaceMesh

    Returns
    -------
    ndarray, shape (11, 2)
        Without C; of a table the torque itself stands for s.
    """
    closed = driven_closed_form(stack, index, parameters)
    if closed is not None:
        return tensor_integrals(mesh, *closed)
    pair = half_space_pair(stack, index, parameters)
    if pair is not None:
        (found,) = half_space_sums([pair], mesh)
        if isinstance(found, Exception):
            raise found
        return found
    half_space = parameters == "half_space"
    if stack.interfaces[index].table() is not None:
        own = table_half_space_sums if half_space else table_driven_sums
        return own(stack, index)
    if not has_one_sphere(stack, index):
        own_sums = sphere_half_space_sums if half_space else sphere_driven_sums
        return own_sums(stack, index, mesh)
    return _sums_of_tensors(stack, index, mesh)


def driven_closed_form(
    stack: Stack, index: int, parameters: str
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """What `tensor_integrals` takes for one interface, if closed forms say what is driven there."""
    own = stack.interfaces[index]
    if parameters != "particular" or own.table() is not None or not has_one_sphere(stack, index):
        return None
    closed = own.closed_form(stack.interface_magnetization(index))
    if closed is None:
        return None
    return closed, _driven(stack.layers[index]), _driven(stack.layers[index + 1])


@lru_cache(maxsize=64)
def _driven(layer: Layer) -> FloatArray:
    """The bulk distribution that a field drives; layers are few where points are many."""
    return layer.driven_amplitude()


def _sums_of_tensors(stack: Stack, index: int, mesh: FermiSurfaceMesh) -> FloatArray:
    """`tensor_integrals` of an interface that has no closed form, from its tensors."""
    kx, ky, mu, weight = _channel_columns(mesh)
    minus, plus = _driven(stack.layers[index]), _driven(stack.layers[index + 1])
    m = stack.interface_magnetization(index)
    own = stack.interfaces[index].scattering(m, np.column_stack([kx, ky, mu]))
    identity = np.eye(4)
    into = (own.reflection_below - identity) @ minus + own.transmission_down @ plus
    out_of = (own.reflection_above - identity) @ plus + own.transmission_up @ minus
    density = own.density_below @ minus + own.density_above @ plus
    field = weight * np.stack([kx, ky])
    return np.concatenate(
        [-(field * mu @ into).T, (field * mu @ out_of).T, (field @ density).T], axis=0
    )


def half_space_pair(stack: Stack, index: int, parameters: str) -> Stack | None:
    """An interface between two half spaces, if `half_space_sums` says what is driven there."""
    own = stack.interfaces[index]
    if parameters != "half_space" or own.table() is not None or not has_one_sphere(stack, index):
        return None
    below, above = (layer.without_spin_hall() for layer in stack.layers[index : index + 2])
    return Stack(
        layers=(below, above),
        interfaces=(own.turned(stack.interface_magnetization(index)),),
        left=HalfSpace(),
        right=HalfSpace(),
        fermi_wavevector=stack.fermi_wavevector,
    )


def half_space_sums(
    pairs: Sequence[Stack], mesh: FermiSurfaceMesh
) -> list[FloatArray | PointError]:
    """j(0-), j(0+) and s of interfaces between two half spaces each, (D22)-(D25).

    With c_U = 0 nothing grows away from the interface, which is what a half space means, and
    c_P then is the exact response: its moments are those of the solved problem.

    Parameters
    ----------
    pairs : sequence of Stack
        From `half_space_pair`.
    mesh : FermiSurfaceMesh

    Returns
    -------
    list of ndarray, shape (11, 2), or of what is the matter with a pair
        As `tensor_integrals`.
    """
    return [
        np.concatenate([own.current_minus[0], own.current_plus[0], own.density[0]])
        if isinstance(own, FilmMoments)
        else own
        for own in solve_reduced_many(pairs, mesh)
    ]


def circuit_conductances(
    film: Bilayer | Stack,
    interface: int = 0,
    *,
    keep_rashba: bool = False,
    mesh: FermiSurfaceMesh | None = None,
) -> CircuitConductances:
    """Conductance matrices of magnetoelectronic circuit theory, all four channels.

    Parameters
    ----------
    film : Bilayer or Stack
    interface : int, optional
        Which interface of a stack, from the left.
    keep_rashba : bool, optional
        Keep the interface's spin-orbit coupling, of whatever form, instead of leaving it out
        (the published choice, u_R = 0). A table always keeps it.
    mesh : FermiSurfaceMesh, optional
        Used with `keep_rashba` and for interfaces without a closed form.

    Returns
    -------
    CircuitConductances
        Cartesian; the transverse block of `reflection` is the mixing conductance. Of a table
        and of a circuit interface `density` is the torque itself; what a table lacks the
        matrices for is NaN. What is infinite is left out.
    """
    response = circuit_response(_checked(film, interface), interface, keep_rashba, mesh)
    return CircuitConductances(
        reflection=response[:4, :4],
        transmission=response[4:8, :4],
        density=response[8:, :4],
        reflection_above=-response[4:8, 4:],
        transmission_down=-response[:4, 4:],
        density_above=response[8:, 4:],
    )


def circuit_response(
    stack: Stack, index: int, keep_rashba: bool, mesh: FermiSurfaceMesh | None
) -> FloatArray:
    """Conductances of one interface as one matrix, options as of `circuit_conductances`.

    Returns
    -------
    ndarray, shape (11, 8)
        As of `torkivity_engine.diffusion.delta_conductances.delta_responses`; of a table and of a
        circuit interface the torque itself stands for s.
    """
    if stack.interfaces[index].table() is not None:
        sums = np.hstack(table_conductances(stack, index))
        return stack.prefactor * sums
    quoted = stack.interfaces[index].circuit(
        stack.interface_magnetization(index), stack.field_direction, stack.magnet_below(index)
    )
    if quoted is not None:
        return quoted.response()
    barriers = closed_barriers(stack, index, keep_rashba)
    m = stack.interface_magnetization(index)
    if barriers is not None:
        alone = np.array([barriers]), np.array([m]), np.array([stack.prefactor])
        return np.asarray(delta_responses(*alone)[0])
    own = stack.interfaces[index]
    kept = own if keep_rashba else own.without_spin_orbit()
    if not has_one_sphere(stack, index):
        sums = np.hstack(sphere_conductances(stack, index, kept, mesh or default_mesh()))
        return stack.prefactor * sums
    return stack.prefactor * _response_by_quadrature(kept, m, mesh or default_mesh())


def closed_barriers(
    stack: Stack, index: int, keep_rashba: bool = False
) -> tuple[float, float] | None:
    """Delta barriers of both spins at an interface, if its conductances have closed forms."""
    own = stack.interfaces[index]
    if own.table() is not None or not has_one_sphere(stack, index):
        return None
    return None if keep_rashba and own.without_spin_orbit() is not own else own.barriers()


def _response_by_quadrature(interface: Interface, m: Vector, mesh: FermiSurfaceMesh) -> FloatArray:
    k = mesh.directions[mesh.upward]
    weight = mesh.weights[mesh.upward]
    flux = weight * k[:, 2]
    own = interface.scattering(m, k)

    def mean(weights: FloatArray, tensors: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("n,nab->ab", weights, tensors))

    incoming = flux.sum() * np.eye(4)
    below = [
        incoming - mean(flux, own.reflection_below),
        mean(flux, own.transmission_up),
        mean(weight, own.density_below),
    ]
    above = [
        -mean(flux, own.transmission_down),
        mean(flux, own.reflection_above) - incoming,
        mean(weight, own.density_above),
    ]
    return np.hstack([np.concatenate(below), np.concatenate(above)])


def mixing_conductance(film: Bilayer | Stack, interface: int = 0) -> complex:
    """Spin mixing conductance G = 2 pi C int dmu mu (1 - r_up r_down*), at W = 0.

    Parameters
    ----------
    film : Bilayer or Stack
    interface : int, optional
        Which interface of a stack, from the left.

    Returns
    -------
    complex
        In 1/(Ohm m^2), spins up along -m: j_1 + i j_2 = G (mu_1 + i mu_2) in a
        right-handed frame (e_1, e_2, m). Closed form where the interface has one.
    """
    stack = _checked(film, interface)
    quoted = stack.interfaces[interface].mixing_conductances()
    if quoted is not None:
        return quoted[0]
    barriers = closed_barriers(stack, interface)
    if barriers is not None:
        return complex(2.0 * np.pi * stack.prefactor * reflection_moment(*barriers))
    circuit = circuit_conductances(stack, interface)
    below = stack.magnet_below(interface)
    return axial_mixing(
        circuit.reflection_above if below else circuit.reflection,
        stack.interface_magnetization(interface),
    )


def transmitted_mixing_conductance(film: Bilayer | Stack, interface: int = 0) -> complex:
    """Transmitted mixing conductance 2 pi C int dmu mu t_up t_down*, at W = 0 (Eq. 4).

    Parameters
    ----------
    film : Bilayer or Stack
    interface : int, optional
        Which interface of a stack, from the left.

    Returns
    -------
    complex
        In 1/(Ohm m^2), same convention as `mixing_conductance`.
    """
    stack = _checked(film, interface)
    quoted = stack.interfaces[interface].mixing_conductances()
    if quoted is not None:
        return quoted[1]
    barriers = closed_barriers(stack, interface)
    if barriers is not None:
        return complex(2.0 * np.pi * stack.prefactor * transmission_moment(1, *barriers))
    circuit = circuit_conductances(stack, interface)
    below = stack.magnet_below(interface)
    return axial_mixing(
        circuit.transmission_down if below else circuit.transmission,
        stack.interface_magnetization(interface),
    )


def axial_mixing(matrix: FloatArray, m: Vector) -> complex:
    """Complex number of the transverse block of an axial 4 x 4 law."""
    frame = rotation_to(m)[:, :2]
    ((a, b), (c, d)) = frame.T @ matrix[:3, :3] @ frame
    return complex(0.5 * (a + d), 0.5 * (c - b))


def _checked(film: Bilayer | Stack, interface: int) -> Stack:
    stack = as_stack(film)
    if not 0 <= interface < len(stack.interfaces):
        raise InputError("interface", interface, f"must be from 0 to {len(stack.interfaces) - 1}")
    return stack
