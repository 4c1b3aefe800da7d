"""The physical model: layers, interfaces, outer boundaries and the stack they form.

Everything here is frozen, hashable and checked at construction, so the solvers can rely
on it and cache by it. Lengths are in nm, wavevectors in 1/nm, angles in degrees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.constants import METRE_PER_NM, fermi_surface_prefactor
from torkivity_engine.errors import InputError

__all__ = [
    "Bilayer",
    "Boundary",
    "Ferromagnet",
    "HalfSpace",
    "HeavyMetal",
    "Interface",
    "Layer",
    "RashbaInterface",
    "Reservoir",
    "SpinOrbitInterface",
    "SpinOrbitMatrix",
    "Stack",
    "Surface",
    "Vector",
]

Vector = tuple[float, float, float]
SpinOrbitMatrix = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InputError(key, value, "must be a number")
    number = float(value)
    if math.isnan(number):
        raise InputError(key, value, "must not be NaN")
    return number


def _finite(key: str, value: Any) -> float:
    number = _number(key, value)
    if math.isinf(number):
        raise InputError(key, value, "must be finite")
    return number


def _length(key: str, value: Any, *, infinite: bool = False) -> float:
    number = _number(key, value)
    if number <= 0.0:
        raise InputError(key, value, "must be a positive length in nm")
    if math.isinf(number) and not infinite:
        raise InputError(key, value, "must be finite")
    return number


def _direction(key: str, value: Any) -> Vector:
    """Unit vector along `value`."""
    expected = "must be three finite numbers, not all zero: a direction"
    if isinstance(value, str) or not isinstance(value, (Iterable, np.ndarray)):
        raise InputError(key, value, expected)
    parts = list(value)
    if len(parts) != 3:
        raise InputError(key, value, expected)
    numbers = [_number(key, part) for part in parts]
    scale = max(abs(x) for x in numbers)
    if scale == 0.0 or not math.isfinite(scale):
        raise InputError(key, value, expected)
    numbers = [x / scale for x in numbers]
    norm = math.sqrt(sum(x * x for x in numbers))
    x, y, z = (part / norm + 0.0 for part in numbers)  # one zero: equal directions, equal digits
    return (x, y, z)


def _potential(key: str, value: Any) -> float:
    number = _finite(key, value)
    if abs(number) > 1e100:
        raise InputError(key, value, "must be smaller than 1e100 in magnitude")
    return number


def _spin_orbit_matrix(key: str, value: Any) -> SpinOrbitMatrix:
    """W as nested tuples."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    sequences = (list, tuple)
    rows = [
        list(row) if isinstance(row, sequences) else []
        for row in (value if isinstance(value, sequences) else ())
    ]
    if [len(row) for row in rows] != [2, 2, 2]:
        raise InputError(
            key, value, "must be 3 rows (spin x, y, z) of 2 numbers (k_x, k_y), all dimensionless"
        )
    x, y, z = ((_potential(key, row[0]), _potential(key, row[1])) for row in rows)
    return (x, y, z)


@dataclass(frozen=True)
class HeavyMetal:
    """Non-magnetic layer.

    Parameters
    ----------
    thickness : float
        Layer thickness in nm.
    mean_free_path : float
        lambda_mf in nm, momentum relaxation without spin flip.
    spin_flip_length : float
        lambda_sf in nm (kinetic, *not* the spin diffusion length); ``inf`` for none.
    spin_hall_angle : float, optional
        theta_SH, positive for Pt.
    """

    thickness: float
    mean_free_path: float
    spin_flip_length: float
    spin_hall_angle: float = 0.0

    def __post_init__(self) -> None:
        _set(self, "thickness", _length("thickness", self.thickness))
        _set(self, "mean_free_path", _length("mean_free_path", self.mean_free_path))
        _set(
            self,
            "spin_flip_length",
            _length("spin_flip_length", self.spin_flip_length, infinite=True),
        )
        _set(self, "spin_hall_angle", _finite("spin_hall_angle", self.spin_hall_angle))

    @property
    def total_mean_free_path(self) -> float:
        """lambda in nm, 1/lambda = 1/lambda_mf + 1/lambda_sf (B5)."""
        return 1.0 / (1.0 / self.mean_free_path + 1.0 / self.spin_flip_length)

    @property
    def spin_albedo(self) -> float:
        """omega = lambda (1/lambda_mf - 1/lambda_sf): what a collision leaves of a spin."""
        return self.total_mean_free_path * (1.0 / self.mean_free_path - 1.0 / self.spin_flip_length)

    def conductivity(self, fermi_wavevector: float) -> float:
        """Charge conductivity of both spins in 1/(Ohm m)."""
        c = fermi_surface_prefactor(fermi_wavevector)
        return 2.0 * c * (4.0 * math.pi / 3.0) * self.total_mean_free_path * METRE_PER_NM

    @classmethod
    def from_spin_diffusion_length(
        cls,
        thickness: float,
        total_mean_free_path: float,
        spin_diffusion_length: float,
        spin_hall_angle: float = 0.0,
    ) -> HeavyMetal:
        """Layer from the lengths that experiments give.

        Parameters
        ----------
        thickness : float
            nm.
        total_mean_free_path : float
            lambda in nm.
        spin_diffusion_length : float
            l_sf in nm. The kinetic lengths follow from the exact discrete mode,
            1 = (omega / kappa lambda) artanh(kappa lambda) with kappa = 1 / l_sf.
        spin_hall_angle : float, optional
            theta_SH.

        Returns
        -------
        HeavyMetal

        Raises
        ------
        InputError
            If l_sf is not longer than lambda (no such mode exists) or a value is invalid.
        """
        lam = _length("total_mean_free_path", total_mean_free_path)
        l_sf = _length("spin_diffusion_length", spin_diffusion_length, infinite=True)
        x = lam / l_sf
        if x >= 1.0:
            raise InputError(
                "spin_diffusion_length",
                spin_diffusion_length,
                f"must be longer than the total mean free path ({lam:g} nm): "
                "spins that flip faster than that do not diffuse",
            )
        omega = x / math.atanh(x) if x > 0.0 else 1.0
        # 1/lambda_mf + 1/lambda_sf = 1/lambda and 1/lambda_mf - 1/lambda_sf = omega/lambda
        loss = 1.0 - omega if x > 1e-3 else x * x / 3.0 * (1.0 + 4.0 * x * x / 15.0)
        return cls(
            thickness=thickness,
            mean_free_path=2.0 * lam / (1.0 + omega),
            spin_flip_length=2.0 * lam / loss if loss > 0.0 else math.inf,
            spin_hall_angle=spin_hall_angle,
        )

    @classmethod
    def from_resistivity(
        cls,
        thickness: float,
        resistivity: float,
        spin_diffusion_length: float,
        spin_hall_angle: float = 0.0,
        *,
        fermi_wavevector: float = 16.0,
    ) -> HeavyMetal:
        """Layer from resistivity and spin diffusion length.

        Parameters
        ----------
        thickness : float
            nm.
        resistivity : float
            Ohm m, bulk: sigma = e^2 k_F^2 lambda / (3 pi^2 hbar) gives lambda.
        spin_diffusion_length : float
            nm.
        spin_hall_angle : float, optional
            theta_SH.
        fermi_wavevector : float, optional
            1/nm.

        Returns
        -------
        HeavyMetal
        """
        rho = _finite("resistivity", resistivity)
        if rho <= 0.0:
            raise InputError("resistivity", resistivity, "must be positive, in Ohm m")
        k_f = _wavevector(fermi_wavevector)
        per_metre = 2.0 * fermi_surface_prefactor(k_f) * 4.0 * math.pi / 3.0
        lam = 1.0 / (rho * per_metre * METRE_PER_NM)
        return cls.from_spin_diffusion_length(
            thickness, lam, spin_diffusion_length, spin_hall_angle
        )


@dataclass(frozen=True)
class Ferromagnet:
    """Ferromagnetic layer with equal Fermi spheres and spin-dependent scattering.

    Parameters
    ----------
    thickness : float
        nm.
    mean_free_path_majority, mean_free_path_minority : float
        nm; majority spins point along -m.
    spin_flip_length : float
        Kinetic lambda_sf in nm; ``inf`` for none.
    precession_length : float
        l_prec = v_F hbar / 2J in nm; ``inf`` for no bulk exchange.
    magnetization : vector, optional
        Direction of m; None takes that of the bilayer.
    dephasing_length : float, optional
        l_phi in nm, used by drift-diffusion only.
    """

    thickness: float
    mean_free_path_majority: float
    mean_free_path_minority: float
    spin_flip_length: float
    precession_length: float
    magnetization: Vector | None = None
    dephasing_length: float | None = None

    def __post_init__(self) -> None:
        for key in ("thickness", "mean_free_path_majority", "mean_free_path_minority"):
            _set(self, key, _length(key, getattr(self, key)))
        for key in ("spin_flip_length", "precession_length"):
            _set(self, key, _length(key, getattr(self, key), infinite=True))
        if self.magnetization is not None:
            _set(self, "magnetization", _direction("magnetization", self.magnetization))
        if self.dephasing_length is not None:
            _set(self, "dephasing_length", _length("dephasing_length", self.dephasing_length))

    @property
    def mean_rate(self) -> float:
        """a = (1/lambda_up + 1/lambda_down) / 2 in 1/nm."""
        return 0.5 * (1.0 / self.mean_free_path_majority + 1.0 / self.mean_free_path_minority)

    @property
    def rate_asymmetry(self) -> float:
        """d = (1/lambda_up - 1/lambda_down) / 2 in 1/nm (negative for Co)."""
        return 0.5 * (1.0 / self.mean_free_path_majority - 1.0 / self.mean_free_path_minority)

    @property
    def driven_lengths(self) -> tuple[float, float]:
        """(g_c, g_l) in nm: the field-driven distribution is v_E (g_c, -g_l m) per e^2 E~."""
        a = self.mean_rate + 1.0 / self.spin_flip_length
        d = self.rate_asymmetry
        det = (a - d) * (a + d)
        return a / det, -d / det

    def conductivity(self, fermi_wavevector: float) -> float:
        """Charge conductivity of both spins in 1/(Ohm m)."""
        c = fermi_surface_prefactor(fermi_wavevector)
        return 2.0 * c * (4.0 * math.pi / 3.0) * self.driven_lengths[0] * METRE_PER_NM


Layer = HeavyMetal | Ferromagnet


@dataclass(frozen=True)
class RashbaInterface:
    """Delta-function interface u0 + u_ex sigma.m + u_R sigma.(k x z)/k_F, Eq. (31).

    Parameters
    ----------
    barrier, exchange, rashba : float
        u0, u_ex, u_R, dimensionless, of any sign.
    magnetization : vector, optional
        Direction of m; None takes that of the bilayer (or, in a `Stack`, is allowed for
        ``exchange = 0`` only).
    """

    barrier: float
    exchange: float
    rashba: float
    magnetization: Vector | None = None

    def __post_init__(self) -> None:
        for key in ("barrier", "exchange", "rashba"):
            _set(self, key, _potential(key, getattr(self, key)))
        if self.magnetization is not None:
            _set(self, "magnetization", _direction("magnetization", self.magnetization))

    @property
    def spin_orbit(self) -> SpinOrbitMatrix:
        """W of `SpinOrbitInterface`: ((0, u_R), (-u_R, 0), (0, 0))."""
        return ((0.0, self.rashba), (-self.rashba, 0.0), (0.0, 0.0))

    def without_spin_orbit(self) -> RashbaInterface:
        """The same interface with u_R = 0."""
        return replace(self, rashba=0.0)

    def with_mirrored_spin_orbit(self) -> RashbaInterface:
        """The same interface with the mirror image of k x z under z -> -z: u_R -> -u_R."""
        return replace(self, rashba=-self.rashba)


@dataclass(frozen=True)
class SpinOrbitInterface:
    """Delta-function interface u0 + b.sigma, b = u_ex m + W (k_x, k_y)/k_F.

    Parameters
    ----------
    barrier, exchange : float
        u0, u_ex, dimensionless, of any sign.
    spin_orbit : 3 x 2 numbers
        W, dimensionless: rows are the spin components x, y, z, columns k_x and k_y. Rashba
        coupling is ((0, u_R), (-u_R, 0), (0, 0)), Dresselhaus coupling of a (001) plane
        ((u_D, 0), (0, -u_D), (0, 0)).
    magnetization : vector, optional
        As in `RashbaInterface`.

    Raises
    ------
    InputError
        If a value is not finite, or above 1e100, or the matrix not 3 x 2.
    """

    barrier: float
    exchange: float
    spin_orbit: SpinOrbitMatrix
    magnetization: Vector | None = None

    def __post_init__(self) -> None:
        for key in ("barrier", "exchange"):
            _set(self, key, _potential(key, getattr(self, key)))
        _set(self, "spin_orbit", _spin_orbit_matrix("spin_orbit", self.spin_orbit))
        if self.magnetization is not None:
            _set(self, "magnetization", _direction("magnetization", self.magnetization))

    def without_spin_orbit(self) -> SpinOrbitInterface:
        """The same interface with W = 0."""
        return replace(self, spin_orbit=((0.0, 0.0),) * 3)

    def with_mirrored_spin_orbit(self) -> SpinOrbitInterface:
        """The same interface with the mirror image of W under z -> -z: spins x and y turn."""
        x, y, z = self.spin_orbit
        return replace(self, spin_orbit=((-x[0], -x[1]), (-y[0], -y[1]), z))


Interface = RashbaInterface | SpinOrbitInterface


@dataclass(frozen=True)
class Surface:
    """Outer boundary that nothing crosses.

    Parameters
    ----------
    specularity : float, optional
        Probability p of specular reflection; the rest is diffuse, conserving the flux of
        charge and of each spin component.
    """

    specularity: float = 1.0

    def __post_init__(self) -> None:
        p = _finite("specularity", self.specularity)
        if not 0.0 <= p <= 1.0:
            raise InputError("specularity", self.specularity, "must lie between 0 and 1")
        _set(self, "specularity", p)


@dataclass(frozen=True)
class Reservoir:
    """Outer boundary that absorbs what reaches it and injects an isotropic distribution.

    Parameters
    ----------
    charge : float, optional
        Charge coefficient of the injected distribution (carried per e^2, like g).
    spin : vector, optional
        Cartesian spin coefficients of the injected distribution.
    """

    charge: float = 0.0
    spin: Vector = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        _set(self, "charge", _finite("charge", self.charge))
        if isinstance(self.spin, str) or not isinstance(self.spin, (Iterable, np.ndarray)):
            raise InputError("spin", self.spin, "must be three finite numbers")
        parts = tuple(_finite("spin", part) for part in self.spin)
        if len(parts) != 3:
            raise InputError("spin", self.spin, "must be three finite numbers")
        _set(self, "spin", parts)


@dataclass(frozen=True)
class HalfSpace:
    """No outer boundary: the layer's material continues for ever beyond this face."""


Boundary = Surface | Reservoir | HalfSpace


@dataclass(frozen=True)
class Stack:
    """Layers from bottom (z < 0) to top, with an interface between neighbours.

    Parameters
    ----------
    layers : sequence of HeavyMetal or Ferromagnet
        From left (bottom) to right (top). Ferromagnets carry their own magnetization.
    interfaces : sequence of RashbaInterface or SpinOrbitInterface
        One fewer than layers.
    left, right : Surface, Reservoir or HalfSpace, optional
        Outer boundaries.
    fermi_wavevector : float, optional
        k_F in 1/nm, common to all layers.
    field_direction_deg : float, optional
        Angle of the in-plane electric field from x, in degrees.
    """

    layers: tuple[Layer, ...]
    interfaces: tuple[Interface, ...]
    left: Boundary = field(default_factory=Surface)
    right: Boundary = field(default_factory=Surface)
    fermi_wavevector: float = 16.0
    field_direction_deg: float = 0.0

    def __post_init__(self) -> None:
        _set(self, "layers", tuple(_sequence("layers", self.layers)))
        _set(self, "interfaces", tuple(_sequence("interfaces", self.interfaces)))
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise InputError("layers", layer, "must hold HeavyMetal or Ferromagnet objects")
            if isinstance(layer, Ferromagnet) and layer.magnetization is None:
                raise InputError("magnetization", None, "each ferromagnet of a stack needs its own")
        for interface in self.interfaces:
            if not isinstance(interface, Interface):
                raise InputError(
                    "interfaces",
                    interface,
                    "must hold RashbaInterface or SpinOrbitInterface objects",
                )
            if interface.magnetization is None and interface.exchange != 0.0:
                raise InputError(
                    "magnetization", None, "an interface with exchange needs a magnetization"
                )
        if len(self.layers) < 1 or len(self.interfaces) != len(self.layers) - 1:
            raise InputError(
                "interfaces",
                len(self.interfaces),
                f"must be one fewer than layers ({len(self.layers)})",
            )
        for key in ("left", "right"):
            if not isinstance(getattr(self, key), Boundary):
                raise InputError(
                    key, getattr(self, key), "must be a Surface, a Reservoir or a HalfSpace"
                )
        _set(self, "fermi_wavevector", _wavevector(self.fermi_wavevector))
        _set(self, "field_direction_deg", _finite("field_direction_deg", self.field_direction_deg))

    @property
    def field_direction(self) -> NDArray[np.float64]:
        """Unit vector of the in-plane electric field, shape (3,)."""
        phi = math.radians(self.field_direction_deg)
        return np.array([math.cos(phi), math.sin(phi), 0.0])

    @property
    def prefactor(self) -> float:
        """C in 1/(Ohm m^2)."""
        return fermi_surface_prefactor(self.fermi_wavevector)

    @property
    def reference_interface(self) -> int:
        """Index of the interface that charge potentials are measured from.

        The first one with exchange from the left, else the first.
        """
        for index, interface in enumerate(self.interfaces):
            if interface.exchange != 0.0:
                return index
        return 0

    def magnet_below(self, index: int) -> bool:
        """Whether the ferromagnet that an interface belongs to lies below it."""
        below, above = self.layers[index], self.layers[index + 1]
        return isinstance(below, Ferromagnet) and not isinstance(above, Ferromagnet)

    @property
    def is_open(self) -> bool:
        """Whether a reservoir fixes the charge potential."""
        return isinstance(self.left, Reservoir) or isinstance(self.right, Reservoir)

    def interface_magnetization(self, index: int) -> Vector:
        """Unit vector m that an interface refers to.

        Its own; without one (then it has no exchange) that of a neighbouring ferromagnet,
        the upper one first; else z.
        """
        if (own := self.interfaces[index].magnetization) is not None:
            return own
        for layer in (self.layers[index + 1], self.layers[index]):
            if isinstance(layer, Ferromagnet) and layer.magnetization is not None:
                return layer.magnetization
        return (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Bilayer:
    """Heavy metal (z < 0) | interface at z = 0 | ferromagnet (z > 0).

    Parameters
    ----------
    heavy_metal : HeavyMetal
    interface : RashbaInterface or SpinOrbitInterface
    ferromagnet : Ferromagnet
    magnetization : vector, optional
        m, common to interface and ferromagnet unless they name their own.
    fermi_wavevector : float, optional
        k_F in 1/nm.
    field_direction_deg : float, optional
        Angle of the in-plane electric field from x, in degrees.
    left, right : Surface, Reservoir or HalfSpace, optional
        Outer boundaries of the heavy metal and of the ferromagnet.
    """

    heavy_metal: HeavyMetal
    interface: Interface
    ferromagnet: Ferromagnet
    magnetization: Vector = (0.0, 0.0, 1.0)
    fermi_wavevector: float = 16.0
    field_direction_deg: float = 0.0
    left: Boundary = field(default_factory=Surface)
    right: Boundary = field(default_factory=Surface)

    def __post_init__(self) -> None:
        for key, kinds in (
            ("heavy_metal", (HeavyMetal,)),
            ("interface", (RashbaInterface, SpinOrbitInterface)),
            ("ferromagnet", (Ferromagnet,)),
        ):
            if not isinstance(getattr(self, key), kinds):
                names = " or a ".join(kind.__name__ for kind in kinds)
                raise InputError(key, getattr(self, key), f"must be a {names}")
        _set(self, "magnetization", _direction("magnetization", self.magnetization))
        _set(self, "_stack", self._checked_stack())

    def stack(self) -> Stack:
        """The same film as a `Stack`, magnetizations filled in."""
        made: Stack = vars(self)["_stack"]
        return made

    def _checked_stack(self) -> Stack:
        m = self.magnetization
        interface, ferromagnet = self.interface, self.ferromagnet
        if interface.magnetization is None:
            interface = replace(interface, magnetization=m)
        if ferromagnet.magnetization is None:
            ferromagnet = replace(ferromagnet, magnetization=m)
        return Stack(
            layers=(self.heavy_metal, ferromagnet),
            interfaces=(interface,),
            left=self.left,
            right=self.right,
            fermi_wavevector=self.fermi_wavevector,
            field_direction_deg=self.field_direction_deg,
        )


def mirrored(stack: Stack) -> Stack:
    """The stack upside down, under z -> -z.

    Parameters
    ----------
    stack : Stack

    Returns
    -------
    Stack
        Layers and ends reversed, magnetizations and injected spins as axial vectors,
        (x, y, z) -> (-x, -y, z), and so the rows of the interfaces' W (u_R -> -u_R).
    """

    def axial(v: Vector) -> Vector:
        return (-v[0], -v[1], v[2])

    def turned(thing: Any) -> Any:
        if isinstance(thing, Reservoir):
            return replace(thing, spin=axial(thing.spin))
        if isinstance(thing, Interface):
            thing = thing.with_mirrored_spin_orbit()
        m = getattr(thing, "magnetization", None)
        return thing if m is None else replace(thing, magnetization=axial(m))

    return replace(
        stack,
        layers=tuple(turned(layer) for layer in reversed(stack.layers)),
        interfaces=tuple(turned(interface) for interface in reversed(stack.interfaces)),
        left=turned(stack.right),
        right=turned(stack.left),
    )


def as_stack(film: Stack | Bilayer) -> Stack:
    """The film as a `Stack`."""
    if isinstance(film, Bilayer):
        return film.stack()
    if isinstance(film, Stack):
        return film
    raise InputError("film", film, "must be a Bilayer or a Stack")


def _set(instance: Any, key: str, value: Any) -> None:
    """Store a checked value in a frozen dataclass during its construction."""
    object.__setattr__(instance, key, value)


def _sequence(key: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise InputError(key, value, "must be a list or tuple")
    return value


def _wavevector(value: Any) -> float:
    k_f = _finite("fermi_wavevector", value)
    if k_f <= 0.0:
        raise InputError("fermi_wavevector", value, "must be positive, in 1/nm")
    return k_f
