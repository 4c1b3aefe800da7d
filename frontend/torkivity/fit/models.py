"""What a fit needs of a model, and the microscopic thickness formula.

Models give spin-torque conductivities, 2 T in (hbar/2e)/(Ohm m) per E~, for the heavy metal below,
sheet resistances in Ohm, and effective mixing conductances in 1/(Ohm m^2), as functions of named
parameters.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, Protocol

import numpy as np

from torkivity.fit.fit_mesh import MeshCheck
from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.boundary_layer import (
    BoundaryLayerParameters,
    boundary_layer_parameters_many,
)
from torkivity_engine.errors import InputError
from torkivity_engine.film.component import fields_of
from torkivity_engine.film.diffusion_length import spin_diffusion_length
from torkivity_engine.film.interface import Interface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.quantity import Quantity
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.spin import direction
from torkivity_engine.units import convert_torque
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = [
    "LEAST_LENGTH_RATIO",
    "MICROOHM_CM",
    "Conditions",
    "Defaults",
    "FitParameter",
    "MicroscopicModel",
    "Task",
    "TorqueModel",
    "finite_bounds",
    "transverse_share",
]


#: l_sf over the total mean free path, at least: closer, no slow spin mode is left.
LEAST_LENGTH_RATIO = 1.01

MICROOHM_CM = 1e-8  # Ohm m

#: Ends of the names of microscopic parameters that are positive.
_POSITIVE = ("_length", "_majority", "_minority", "_path", "resistivity")


@dataclass(frozen=True)
class FitParameter:
    """What a model can be fitted by.

    Attributes
    ----------
    name, unit : str
    start : float
        Value where a fit begins, or stays.
    varied : bool
        Whether it is fitted unless something else is said.
    least, most : float
        Default bounds.
    at_least : str
        Why there is nothing below the least value, for a bound that physics sets.
    quiet : bool
        Whether reports leave it out as long as nothing is asked of it: it stands for something
        that most films do not have.
    without : float or None
        Value that stands for films without it, if that is not zero.
    """

    name: str
    unit: str
    start: float
    varied: bool = False
    least: float = -math.inf
    most: float = math.inf
    at_least: str = ""
    quiet: bool = False
    without: float | None = None

    @property
    def absent(self) -> float | None:
        """Value that stands for films without it; None if none does."""
        if self.without is not None:
            return self.without
        return 0.0 if self.least <= 0.0 <= self.most else None


@dataclass(frozen=True, eq=False)
class Conditions:
    """Where a model is wanted.

    Attributes
    ----------
    thickness : ndarray, shape (n,)
        nm.
    resistivity : ndarray, shape (n,), or None
        Of the heavy metal, Ohm m; None leaves it to the model.
    theta_deg, phi_deg : ndarray, shape (n,), or None
        Of the magnetization, phi from the electric field.
    """

    thickness: FloatArray
    resistivity: FloatArray | None = None
    theta_deg: FloatArray | None = None
    phi_deg: FloatArray | None = None


@dataclass(frozen=True)
class Task:
    """What is to be fitted.

    Attributes
    ----------
    components : frozenset of str
        Names of `torkivity.fit.observables.OBSERVABLES` in the data.
    asked : mapping of str to bool
        Parameters that are asked for: whether they are fitted.
    resistivity_known : bool
        Whether that of the heavy metal is given with all data.
    """

    components: frozenset[str]
    asked: Mapping[str, bool]
    resistivity_known: bool = True


@dataclass(frozen=True)
class Defaults:
    """How a model is fitted to data unless something else is asked.

    Attributes
    ----------
    fitted : dict of str to bool
        Parameters that are fitted or not, whatever their `FitParameter.varied` is.
    values : dict of str to float
        Where parameters start or stay, in place of their `FitParameter.start`.
    used : tuple of str
        Of `TorqueModel.alternatives`, unless the other one is asked for.
    absent : tuple of str
        Parameters that this fit does not have.
    notes : tuple of str
        What follows from the choice, for the report.
    """

    fitted: dict[str, bool] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    used: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class TorqueModel(Protocol):
    """What a fit needs of a model.

    Attributes
    ----------
    name : str
    answers : tuple of str
        What it can give, of `torkivity.fit.observables.Observable.needs`.
    needs_resistivity : bool
        Whether that of the heavy metal must be given with the data, or fitted.
    mesh_check : MeshCheck or None
        How its mesh is checked; None where it has none, or one that was given.
    """

    name: str
    answers: tuple[str, ...]
    needs_resistivity: bool

    @property
    def mesh_check(self) -> MeshCheck | None:
        """See above."""

    @property
    def parameters(self) -> tuple[FitParameter, ...]:
        """All parameters, in the order of reports."""

    @property
    def alternatives(self) -> tuple[tuple[str, str], ...]:
        """Pairs of parameters of which one is used: the second where it is set."""

    def defaults(self, task: Task) -> Defaults:
        """What is fitted, and what is fixed where, in place of what `parameters` say."""

    def check(self, limits: Mapping[str, tuple[float, float]]) -> None:
        """Refuse least and greatest values of the parameters where there is no model."""

    def answer(
        self, values: Mapping[str, float], where: Conditions, wanted: Collection[str]
    ) -> dict[str, FloatArray]:
        """What is wanted of `answers`, by name, shape (n,) each.

        The torque has two names, "damping_like" and "field_like": spin-torque conductivities.
        """

    def resistivity(self, values: Mapping[str, float], where: Conditions) -> FloatArray | None:
        """Resistivity that efficiencies refer to, Ohm m; None if it is not known."""


def transverse_share(where: Conditions) -> FloatArray:
    """abs(m x y_p) of each point; one for m along z."""
    if where.theta_deg is None:
        return np.ones(len(where.thickness))
    theta = np.radians(where.theta_deg)
    phi = np.radians(np.zeros(len(theta)) if where.phi_deg is None else where.phi_deg)
    along = np.sin(theta) * np.sin(phi)
    return np.asarray(np.sqrt(np.clip(1.0 - along * along, 0.0, None)))


#: theta and phi of m, or nothing where it is that of the film.
_Angle = tuple[float, ...]

#: Limits as large as this are no bounds of a fit.
_FAR = 1e5


class MicroscopicModel:
    """The thickness formula with boundary-layer-exact coefficients of the Boltzmann equation.

    Interface, ferromagnet and spin Hall scattering are those of a film; each set of parameters
    needs one solution of the half-space problems per direction of m, after which any number
    of thicknesses costs next to nothing. The last solutions are kept.

    Parameters
    ----------
    film : Bilayer
        Start values, and everything that is not a parameter. Its interface may be of any kind:
        its numbers are parameters.
    mesh : FermiSurfaceMesh, optional
        By default ``SphericalMesh(12, 10)``, good to some 1e-3.
    given : {"total_mean_free_path", "resistivity"}, optional
        What describes the heavy metal beside its spin diffusion length and is a parameter of the
        fit: the other one changes with the spin Hall angle.
    rtol : float, optional
        Tolerance that the mesh follows from; a fit checks it.
    """

    name = "microscopic"
    answers: tuple[str, ...] = ("torque",)
    needs_resistivity = False
    _KEPT = 4096

    def __init__(
        self,
        film: Bilayer,
        mesh: FermiSurfaceMesh | None = None,
        *,
        given: Literal["total_mean_free_path", "resistivity"] = "total_mean_free_path",
        rtol: float | None = None,
    ) -> None:
        self.film, self.rtol = film, rtol
        self.given = given
        self.mesh = mesh or SphericalMesh(12, 10)
        self._solved: OrderedDict[tuple[float, ...], BoundaryLayerParameters] = OrderedDict()

    @property
    def parameters(self) -> tuple[FitParameter, ...]:
        """All parameters, starting from the film."""
        metal, magnet = self.film.heavy_metal, self.film.ferromagnet
        return (
            *self._of_interface(),
            *self._bulk(metal),
            FitParameter(
                "mean_free_path_majority",
                "nm",
                magnet.mean_free_path_majority,
                least=0.1,
                most=500.0,
            ),
            FitParameter(
                "mean_free_path_minority",
                "nm",
                magnet.mean_free_path_minority,
                least=0.1,
                most=500.0,
            ),
            FitParameter(
                "precession_length", "nm", magnet.precession_length, least=0.1, most=500.0
            ),
        )

    def _of_interface(self) -> Iterator[FitParameter]:
        """The numbers of the interface, within the limits that its kind sets."""
        for name, quantity in _numbers(self.film.interface).items():
            value = float(getattr(self.film.interface, name))
            least, most = finite_bounds(quantity)
            yield FitParameter(
                *(name, quantity.unit, value, name == "rashba"), least=least, most=most
            )

    def _bulk(self, metal: HeavyMetal) -> Iterator[FitParameter]:
        """Spin Hall angle, mean free path or resistivity, spin diffusion length."""
        length, theta = spin_diffusion_length(metal), metal.spin_hall_angle
        path, most = metal.total_mean_free_path, 0.9
        shortest = LEAST_LENGTH_RATIO * path
        second = FitParameter("total_mean_free_path", "nm", path, least=0.05, most=0.9 * length)
        if self.given == "resistivity":
            # At a given resistivity the mean free path grows with the spin Hall angle; what is
            # left of it below l_sf is shared between the bounds of the three.
            room = max(1.0, length / shortest) ** (1.0 / 3.0)
            most = min(most, math.sqrt(0.5 * ((1.0 + 2.0 * theta * theta) * room - 1.0)))
            shortest = length / room
            rho = 1.0 / (metal.conductivity(self.film.fermi_wavevector) * MICROOHM_CM)
            second = FitParameter("resistivity", "uOhm cm", rho, least=rho / room, most=1e4)
        yield FitParameter("spin_hall_angle", "1", theta, varied=True, least=-most, most=most)
        yield second
        yield FitParameter(
            "spin_diffusion_length",
            *("nm", length),
            varied=True,
            least=shortest,
            most=100.0,
            at_least=f"the kinetic limit, {LEAST_LENGTH_RATIO} times total_mean_free_path: "
            "spins that flip faster do not diffuse",
        )

    @property
    def alternatives(self) -> tuple[tuple[str, str], ...]:
        """None."""
        return ()

    def defaults(self, task: Task) -> Defaults:
        """As the parameters say: each acts on both components."""
        return Defaults()

    def check(self, limits: Mapping[str, tuple[float, float]]) -> None:
        """Refuse lengths that leave no slow spin mode anywhere within their bounds."""
        for name, (least, _) in limits.items():
            if name.endswith(_POSITIVE) and not least > 0.0:
                raise InputError(name, least, "must be positive, and so its least value")
        if self.given == "resistivity":
            # The longest mean free path has the least resistivity and the largest angle.
            angle = max(map(abs, limits["spin_hall_angle"]))
            longest = _mean_free_path(self.film, limits["resistivity"][0], angle)
        else:
            longest = limits["total_mean_free_path"][1]
        shortest = limits["spin_diffusion_length"][0]
        if shortest < LEAST_LENGTH_RATIO * longest:
            raise InputError(
                "spin_diffusion_length",
                shortest,
                f"can fall below {LEAST_LENGTH_RATIO} times the total mean free path, which "
                f"reaches {longest:g} nm: spins that flip so fast do not diffuse; give min and max",
            )

    def answer(
        self, values: Mapping[str, float], where: Conditions, wanted: Collection[str]
    ) -> dict[str, FloatArray]:
        """Damping-like and field-like spin-torque conductivity."""
        damping, field = self.torques(values, where)
        return {"damping_like": damping, "field_like": field}

    def torques(
        self, values: Mapping[str, float], where: Conditions
    ) -> tuple[FloatArray, FloatArray]:
        """Damping-like and field-like spin-torque conductivity."""
        angles = _angles(where)
        torque = np.zeros((2, len(angles)))
        # For m along y_p there is no torque, and no direction that it could have.
        seen = np.flatnonzero(transverse_share(where) > 1e-9)
        solved = self._solve(values, dict.fromkeys(angles[index] for index in seen))
        for index in seen:
            found = solved[angles[index]].response(float(where.thickness[index]))
            total = found.torque_total
            torque[:, index] = found.damping_like(total), found.field_like(total)
        damping, field = convert_torque(torque, "per_e_tilde", "spin_torque_conductivity")
        return damping, field

    @property
    def mesh_check(self) -> MeshCheck | None:
        """Of the half-space problems that stand for all thicknesses."""
        if self.rtol is None:
            return None
        on_mesh = partial(MicroscopicModel, self.film, given=self.given, rtol=self.rtol)
        return MeshCheck(self.rtol, self.name, self.mesh.name, self._films, on_mesh)

    def _films(self, values: Mapping[str, float], where: Conditions) -> list[Bilayer]:
        """What is solved for: a film for each direction, with the thickness measured there."""
        seen = transverse_share(where) > 1e-9
        found: dict[_Angle, Bilayer] = {}
        for angle, thickness, share in zip(_angles(where), where.thickness, seen, strict=True):
            if share and angle not in found:
                film = self._film(values, angle)
                metal = film.heavy_metal.with_thickness(float(thickness))
                found[angle] = replace(film, heavy_metal=metal)
        return list(found.values())

    def resistivity(self, values: Mapping[str, float], where: Conditions) -> FloatArray | None:
        """As given with the data, else that of the model's bulk."""
        if where.resistivity is not None:
            return where.resistivity
        metal = _heavy_metal(self.film, values)
        sigma = metal.conductivity(self.film.fermi_wavevector)
        return np.full(len(where.thickness), 1.0 / sigma)

    def _solve(
        self, values: Mapping[str, float], angles: Iterable[_Angle]
    ) -> dict[_Angle, BoundaryLayerParameters]:
        """Half-space problems by direction of m, those that were not solved lately together.

        Raises
        ------
        InputError, PhysicsError
            What the first direction without a solution lacks.
        """
        own = tuple(values[parameter.name] for parameter in self.parameters)
        keys = {angle: (*own, *angle) for angle in angles}
        found = {a: self._solved[key] for a, key in keys.items() if key in self._solved}
        missing = [angle for angle in keys if angle not in found]
        films = [self._film(values, angle) for angle in missing]
        for angle, solved in zip(
            missing, boundary_layer_parameters_many(films, self.mesh), strict=True
        ):
            if isinstance(solved, Exception):
                raise solved
            found[angle] = self._solved[keys[angle]] = solved
        for key in keys.values():
            self._solved.move_to_end(key)
        while len(self._solved) > self._KEPT:
            self._solved.popitem(last=False)
        return found

    def _film(self, values: Mapping[str, float], angle: _Angle) -> Bilayer:
        return replace(
            self.film,
            heavy_metal=_heavy_metal(self.film, values),
            interface=replace(
                self.film.interface,  # type: ignore[type-var]
                **{name: values[name] for name in _numbers(self.film.interface)},
            ),
            ferromagnet=replace(
                self.film.ferromagnet,
                mean_free_path_majority=values["mean_free_path_majority"],
                mean_free_path_minority=values["mean_free_path_minority"],
                precession_length=values["precession_length"],
            ),
            magnetization=self._magnetization(*angle) if angle else self.film.magnetization,
        )

    def _magnetization(self, theta_deg: float, phi_deg: float) -> tuple[float, float, float]:
        phi_deg = phi_deg + self.film.field_direction_deg
        return direction(math.radians(theta_deg), math.radians(phi_deg))


def _angles(where: Conditions) -> list[_Angle]:
    """theta and phi of each point, or nothing where the data have no directions."""
    count = len(where.thickness)
    if where.theta_deg is None:
        return [()] * count
    phi = np.zeros(count) if where.phi_deg is None else where.phi_deg
    return list(zip(where.theta_deg.tolist(), phi.tolist(), strict=True))


def finite_bounds(quantity: Quantity) -> tuple[float, float]:
    """Limits of a quantity, infinite where no fit comes near them: its steps would be uneven."""
    least, most = (
        next((b for b in bounds if b is not None and abs(b) < _FAR), far)
        for bounds, far in (
            ((quantity.ge, quantity.gt), -math.inf),
            ((quantity.le, quantity.lt), math.inf),
        )
    )
    return least, most


def _numbers(interface: Interface) -> dict[str, Quantity]:
    """Fields of an interface that are single numbers."""
    return {
        field.name: field.quantity
        for field in fields_of(type(interface)).values()
        if field.quantity is not None and field.shape == ()
    }


def _heavy_metal(film: Bilayer, values: Mapping[str, float]) -> HeavyMetal:
    path = values.get("total_mean_free_path")
    if path is None:
        path = _mean_free_path(film, values["resistivity"], values["spin_hall_angle"])
    return HeavyMetal.from_spin_diffusion_length(
        film.heavy_metal.thickness,
        path,
        values["spin_diffusion_length"],
        values["spin_hall_angle"],
    )


def _mean_free_path(film: Bilayer, resistivity: float, spin_hall_angle: float) -> float:
    """lambda in nm of a metal with a resistivity in uOhm cm."""
    metal = HeavyMetal.from_resistivity(
        *(film.heavy_metal.thickness, resistivity * MICROOHM_CM, math.inf, spin_hall_angle),
        fermi_wavevector=film.fermi_wavevector,
    )
    return metal.total_mean_free_path
