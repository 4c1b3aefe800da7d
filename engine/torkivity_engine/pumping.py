"""Spin pumping: what a turning magnetization sends into a film, and what that costs it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.balances import PumpedMoments, pumped_density
from torkivity_engine.constants import (
    ELECTRON_GYROMAGNETIC_RATIO,
    ELEMENTARY_CHARGE,
    HBAR,
    METRE_PER_NM,
)
from torkivity_engine.dense.pumping import dense_pumping
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.spheres import has_one_sphere
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.reduced.assembly import ring_structure
from torkivity_engine.reduced.pumping import reduced_pumping
from torkivity_engine.refine import polar_rule_for, refine
from torkivity_engine.spin import CHARGE, cross_matrix, rotation_to
from torkivity_engine.tolerance import Tolerance
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = ["PumpedInterface", "PumpingSolution", "spin_pumping"]

METHODS = ("reduced", "dense")


@dataclass(frozen=True, eq=False)
class PumpedInterface:
    """What passes one interface, per unit q of either axis, in 1/(Ohm m^2).

    Attributes
    ----------
    current_minus, current_plus : ndarray, shape (4, 2)
        Flow along +z of (x, y, z, charge) at 0- and 0+.
    torque : ndarray, shape (3, 2)
        tau_mag, the torque on the magnetization at the interface.
    """

    current_minus: FloatArray
    current_plus: FloatArray
    torque: FloatArray

    @property
    def spin_current_minus(self) -> FloatArray:
        """Spin current at z = 0-, shape (3, 2)."""
        return self.current_minus[:CHARGE]

    @property
    def spin_current_plus(self) -> FloatArray:
        """Spin current at z = 0+, shape (3, 2)."""
        return self.current_plus[:CHARGE]


@dataclass(frozen=True, eq=False)
class PumpingSolution:
    """Response of a film to a magnetization that turns.

    The drive is q = (hbar / 2) dm/dt, an energy, along either of two axes perpendicular to m;
    currents and torques are numbers per area and time, over e^2, per unit q.

    Attributes
    ----------
    magnet : str
        Name of the layer whose magnetization turns.
    axes : ndarray, shape (2, 3)
        Unit vectors q; with m they are right-handed.
    interfaces : tuple of PumpedInterface
        From left (bottom) to right (top).
    torques : dict of str to ndarray, shape (3, 2)
        By magnet: what exchange gives to its magnetization, second index the axis, 1/(Ohm m^2).
    sheet_current : ndarray, shape (2, 2)
        Flow of the charge coefficient in the plane integrated over the film, along x and y per
        axis, 1/(Ohm m); the electric current of both spins is twice that.
    bulk_torque : ndarray, shape (3, 2)
        Share that the magnet's bulk has in the torque on it without any face, 1/(Ohm m^2).
    thickness : float
        Of the turning magnet, nm.
    first_interface : int
        Index of its first interface.
    certificates : dict of str to float
    method : {"reduced", "dense"}
    mesh : str
    """

    magnet: str
    axes: FloatArray
    interfaces: tuple[PumpedInterface, ...]
    torques: dict[str, FloatArray]
    sheet_current: FloatArray
    bulk_torque: FloatArray
    thickness: float
    first_interface: int
    certificates: dict[str, float]
    method: str
    mesh: str

    @property
    def torque(self) -> FloatArray:
        """tau_ex on the magnet that turns, shape (3, 2), 1/(Ohm m^2)."""
        return self.torques[self.magnet]

    def torque_on(self, name: str) -> FloatArray:
        """tau_ex on one magnet by the name of its layer, shape (3, 2), 1/(Ohm m^2).

        Raises
        ------
        InputError
            For a name that no magnet of the film has.
        """
        if name not in self.torques:
            raise InputError("magnet", name, f"must be one of {', '.join(self.torques)}")
        return self.torques[name]

    def at_interface(self, index: int) -> PumpedInterface:
        """What passes one interface, counted from the left (bottom)."""
        return self.interfaces[index]

    @property
    def spin_current_minus(self) -> FloatArray:
        """Spin current at 0- of the first interface of the magnet, shape (3, 2), 1/(Ohm m^2)."""
        return self.interfaces[self.first_interface].spin_current_minus

    @property
    def damping_tensor(self) -> FloatArray:
        """X_ab = (m x a) . tau_ex(b) without the bulk's own, shape (2, 2), 1/(Ohm m^2).

        Onsager: X_ab(m) = X_ba(-m). The diagonal is negative where the motion is damped.
        """
        m = np.cross(self.axes[0], self.axes[1])
        across = cross_matrix(m) @ self.axes.T
        return np.asarray(across.T @ (self.torque - self.bulk_torque))

    @property
    def effective_mixing_conductance(self) -> float:
        """G_eff in 1/(Ohm m^2), the mean over both axes: what damps in place of Re G.

        Everything counts that the film takes: backflow, loss of spin at the interfaces, and
        relaxation in the magnet that its faces cause; not what its bulk has without faces.
        """
        return float(-0.5 * np.trace(self.damping_tensor))

    def damping(
        self,
        saturation_magnetization: float,
        gyromagnetic_ratio: float = ELECTRON_GYROMAGNETIC_RATIO,
    ) -> float:
        """Gilbert damping that spin pumping adds: gamma hbar^2 G_eff / (2 e^2 M_s t_FM).

        Parameters
        ----------
        saturation_magnetization : float
            M_s in A/m.
        gyromagnetic_ratio : float, optional
            gamma in rad/(s T); that of the free electron by default.

        Returns
        -------
        float

        Raises
        ------
        InputError
            For a magnetization or a ratio that is not positive.
        """
        for key, value in (
            ("saturation_magnetization", saturation_magnetization),
            ("gyromagnetic_ratio", gyromagnetic_ratio),
        ):
            if not 0.0 < value < np.inf:
                raise InputError(key, value, "must be positive")
        per_area = HBAR**2 * self.effective_mixing_conductance / (2.0 * ELEMENTARY_CHARGE**2)
        moment = saturation_magnetization * self.thickness * METRE_PER_NM
        return float(gyromagnetic_ratio * per_area / moment)


def spin_pumping(
    film: Bilayer | Stack,
    mesh: FermiSurfaceMesh | None = None,
    *,
    magnet: str | None = None,
    rtol: float | None = None,
    method: str = "reduced",
    memory_limit: int | None = None,
) -> PumpingSolution:
    """Currents and torques that a turning magnetization pumps.

    By reciprocity the charge current in the plane is the torkance read backwards, with exchange
    torques: J_a(q; m) = sum_i T_ia(-m) (m x q)_i.

    Parameters
    ----------
    film : Bilayer or Stack
        With at least one interface and one magnet.
    mesh : FermiSurfaceMesh, optional
        By default ``SphericalMesh(32, 32)``.
    magnet : str, optional
        Name of the layer whose magnetization turns, with that of its interfaces; not needed
        where there is one magnet.
    rtol : float, optional
        Instead of a mesh: refine it until the estimated mesh error of every spin current and
        torque is below `rtol` times the largest torque; that of the sheet current is below
        `rtol` times its largest component.
    method : {"reduced", "dense"}, optional
        As in `solve_boltzmann`.
    memory_limit : int, optional
        Bytes that the dense method may use.

    Returns
    -------
    PumpingSolution
        Certificates "unitarity_defect", "residual", "condition" and, with `rtol`,
        "mesh_error".

    Raises
    ------
    InputError
        For an unknown magnet or method, a film without interfaces, an interface of the magnet
        with an m of its own, or a mesh that the method cannot use.
    PhysicsError
        For half spaces, for layers with Fermi spheres of their own, for a film that leaves an
        accumulation undetermined, or if `rtol` is not reached.
    """
    if method not in METHODS:
        raise InputError("method", method, f"must be one of {', '.join(METHODS)}")
    stack = as_stack(film)
    turning = _turning(stack, magnet)
    if rtol is not None:
        if mesh is not None:
            raise InputError("rtol", rtol, "chooses the mesh: give one or the other")
        return _refined(stack, stack.names[turning], rtol, method, memory_limit)
    mesh = mesh or SphericalMesh(32, 32)
    m = stack.layers[turning].magnetization
    assert m is not None
    axes = np.ascontiguousarray(rotation_to(m)[:, :2])
    if method == "dense":
        moments = dense_pumping(stack, mesh, turning, axes, memory_limit)
    else:
        moments = reduced_pumping(stack, ring_structure(mesh), turning, axes)
    return _solution(stack, turning, axes, moments, method, mesh.name)


def _turning(stack: Stack, magnet: str | None) -> int:
    """Index of the layer that turns, with everything in place for it."""
    if not stack.interfaces:
        raise InputError("film", stack.names[0], "must have at least two layers")
    if stack.left.endless or stack.right.endless:
        raise PhysicsError("spin pumping needs a film that ends: a half space has no total torque")
    if not has_one_sphere(stack):
        raise PhysicsError(
            "spin pumping is known for films whose layers share one Fermi sphere; these have "
            "spheres of their own"
        )
    names = stack.magnet_names
    if not names:
        raise InputError("film", ", ".join(stack.names), "must have a magnet")
    if magnet is None and len(names) > 1:
        raise InputError("magnet", magnet, f"must be one of {', '.join(names)}")
    if magnet is not None and magnet not in names:
        raise InputError("magnet", magnet, f"must be one of {', '.join(names)}")
    index = stack.names.index(magnet or names[0])
    for i, interface in enumerate(stack.interfaces):
        own = stack.magnetization_at(i)
        if (
            interface.magnetic
            and stack.torque_owner(i) == index
            and own != stack.layers[index].magnetization
        ):
            raise InputError(
                "magnetization",
                own,
                f"of {stack.names_of_interfaces[i]} must be that of {stack.names[index]}, with "
                "which it turns",
            )
    return index


def _solution(
    stack: Stack,
    turning: int,
    axes: FloatArray,
    moments: PumpedMoments,
    method: str,
    mesh: str,
) -> PumpingSolution:
    """Moments as the results that users see."""
    unit = stack.prefactor
    interfaces = tuple(
        PumpedInterface(
            current_minus=unit * moments.current_minus[i],
            current_plus=unit * moments.current_plus[i],
            torque=unit * interface.torque(moments.density[i], stack.interface_magnetization(i)),
        )
        for i, interface in enumerate(stack.interfaces)
    )
    torques = {}
    for index, layer in enumerate(stack.layers):
        if layer.magnetic:
            own = [r.torque for i, r in enumerate(interfaces) if stack.torque_owner(i) == index]
            torques[stack.names[index]] = sum(own, unit * moments.integrals.torque[index])
    layer = stack.layers[turning]
    uniform = 4.0 * np.pi * layer.thickness * pumped_density(layer, axes)[:CHARGE]
    return PumpingSolution(
        magnet=stack.names[turning],
        axes=axes.T,
        interfaces=interfaces,
        torques=torques,
        sheet_current=unit * METRE_PER_NM * moments.integrals.in_plane[:, CHARGE].sum(axis=0),
        bulk_torque=unit * layer.torque_density(uniform),
        thickness=layer.thickness,
        first_interface=max(turning - 1, 0),
        certificates=moments.certificates,
        method=method,
        mesh=mesh,
    )


def _refined(
    stack: Stack, magnet: str, rtol: float, method: str, memory_limit: int | None
) -> PumpingSolution:
    """Solution on the coarsest mesh that meets `rtol`."""
    Tolerance(rtol)  # refuses what is none
    rule = polar_rule_for(stack)

    def solution(n_polar: int, n_azimuth: int) -> PumpingSolution:
        mesh = SphericalMesh(n_polar, n_azimuth, rule)
        return spin_pumping(stack, mesh, magnet=magnet, method=method, memory_limit=memory_limit)

    def values(n_polar: int, n_azimuth: int) -> FloatArray:
        found = solution(n_polar, n_azimuth)
        largest = np.abs(found.torque).max() or 1.0
        parts = [*found.torques.values()]
        for r in found.interfaces:
            parts += [r.spin_current_minus, r.spin_current_plus, r.torque]
        current = found.sheet_current / (np.abs(found.sheet_current).max() or 1.0)
        return np.concatenate([*(np.ravel(part) / largest for part in parts), np.ravel(current)])

    found = refine(values, lambda _: 1.0, rtol)
    best = solution(found.n_polar, found.n_azimuth)
    return replace(best, certificates={**best.certificates, "mesh_error": found.relative})
