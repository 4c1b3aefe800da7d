"""Fits of a film itself: the equation is solved for every film and direction that was measured."""

from __future__ import annotations

import math
import re
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from torkivity.fit.fit_mesh import MeshCheck
from torkivity.fit.models import (
    LEAST_LENGTH_RATIO,
    Conditions,
    Defaults,
    FitParameter,
    MicroscopicModel,
    Task,
    finite_bounds,
    transverse_share,
)
from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.batch import drift_diffusion_many
from torkivity_engine.diffusion.pumping import drift_diffusion_pumping
from torkivity_engine.errors import InputError
from torkivity_engine.film.parameters import Parameter, parameters, path_of, with_parameters
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.magnets import magnet_responses
from torkivity_engine.pumped import PumpingSolution
from torkivity_engine.pumping import spin_pumping
from torkivity_engine.solution import BoltzmannSolution, DriftDiffusionSolution
from torkivity_engine.solve import solve_boltzmann_many
from torkivity_engine.spin import torque_frame
from torkivity_engine.units import convert_torque
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = ["FilmModel"]

#: Reach of lengths that are fitted, as multiples of the start.
_REACH = 100.0
#: A place: thickness, and theta and phi where the data have them.
_Place = tuple[float, float | None, float]
#: What is solved for: parameters that were changed, the place, and what is wanted.
_Key = tuple[tuple[tuple[str, float], ...], _Place, frozenset[str]]


@dataclass(frozen=True)
class _Found:
    """What one film answered; None where it was not asked."""

    torque: tuple[float, float] | None = None
    resistance: float | None = None
    pumped: float | None = None


class FilmModel:
    """A film of any layers, by the Boltzmann equation or drift-diffusion.

    Parameters
    ----------
    film : Bilayer or Stack
        Start values, and everything that is not a parameter.
    mesh : FermiSurfaceMesh, optional
        By default ``SphericalMesh(12, 10)``, good to some 1e-3.
    solver : {"boltzmann", "drift_diffusion"}, optional
        Drift-diffusion is that of the level "finite".
    layer : str, optional
        Whose thickness the data have; by default the lowest layer that is no magnet.
    magnet : str, optional
        Whose torque, direction and damping the data have; by default the lowest magnet.
    rtol : float, optional
        Tolerance that the mesh follows from; a fit checks it.

    Raises
    ------
    InputError
        For names that the film does not have.
    """

    answers: tuple[str, ...] = ("torque", "sheet_resistance", "effective_mixing_conductance")
    needs_resistivity = False
    _KEPT = 8192

    def __init__(
        self,
        film: Bilayer | Stack,
        mesh: FermiSurfaceMesh | None = None,
        *,
        solver: Literal["boltzmann", "drift_diffusion"] = "boltzmann",
        layer: str | None = None,
        magnet: str | None = None,
        rtol: float | None = None,
    ) -> None:
        stack = as_stack(film)
        others = [name for name in stack.names if name not in stack.magnet_names]
        self.layer = _chosen("layer", layer, others)
        self.magnet = _chosen("magnet", magnet, list(stack.magnet_names))
        self.film, self.mesh = film, mesh or SphericalMesh(12, 10)
        self.name: str = solver
        self.rtol, self._solver = rtol, solver
        self._thickness = path_of(film, f"{self.layer}.thickness")
        whole = "film" if isinstance(film, Bilayer) else self.magnet
        angles = (f"{whole}.magnetization.theta_deg", f"{whole}.magnetization.phi_deg")
        self._angles = tuple(path_of(film, path) for path in angles)
        self._paths = _names(film, {self._thickness, "film.field_direction_deg"})
        self._fitted: set[str] = set()
        if isinstance(film, Bilayer):  # as by the thickness formula
            usual = MicroscopicModel(film, self.mesh).parameters
            self._fitted = {entry.name for entry in usual if entry.varied}
        self._solved: OrderedDict[_Key, _Found] = OrderedDict()

    @property
    def parameters(self) -> tuple[FitParameter, ...]:
        """The numbers of the film: by the last part of their path where that is alone."""
        return tuple(self._parameter(name, known) for name, known in self._paths.items())

    def _parameter(self, name: str, known: Parameter) -> FitParameter:
        assert known.quantity is not None
        value = float(known.value)
        least, most = finite_bounds(known.quantity)
        if known.unit == "nm" and math.isfinite(value):
            least, most = max(least, value / _REACH), min(most, value * _REACH)
        reason = ""
        if name.endswith("spin_diffusion_length"):
            layer = self._metal(known.path)
            least = LEAST_LENGTH_RATIO * getattr(layer, "total_mean_free_path", 0.0) or least
            least, reason = min(least, value), "spins that flip faster do not diffuse"
        varied = name in self._fitted
        return FitParameter(
            *(name, known.unit, value),
            varied=varied,
            least=least,
            most=most,
            at_least=reason,
            quiet=not varied,
        )

    def _metal(self, path: str) -> object:
        stack = as_stack(self.film)
        return stack.layers[stack.names.index(path.partition(".")[0].strip('"'))]

    @property
    def alternatives(self) -> tuple[tuple[str, str], ...]:
        """None."""
        return ()

    def defaults(self, task: Task) -> Defaults:
        """As the parameters say."""
        return Defaults()

    def check(self, limits: Mapping[str, tuple[float, float]]) -> None:
        """Refuse what the film cannot be at its bounds; it says which of its parts and why."""
        for end in range(2):
            values = {
                self._paths[name].path: pair[end]
                for name, pair in limits.items()
                if pair[0] == pair[1]
            }
            with_parameters(self.film, values)

    def answer(
        self, values: Mapping[str, float], where: Conditions, wanted: Collection[str]
    ) -> dict[str, FloatArray]:
        """Torques as spin-torque conductivities, sheet resistance, effective mixing conductance."""
        changed = self._changed(values)
        share = transverse_share(where) > 1e-9  # for m along y_p there is no torque
        keys = [
            (changed, place, frozenset(wanted) - (set() if seen else {"torque"}))
            for place, seen in zip(_places(where), share, strict=True)
        ]
        self._solve([key for key in dict.fromkeys(keys) if key not in self._solved])
        found = [self._solved[key] for key in keys]
        for key in keys:
            self._solved.move_to_end(key)
        while len(self._solved) > self._KEPT:
            self._solved.popitem(last=False)
        answers: dict[str, FloatArray] = {}
        if "torque" in wanted:
            torque = np.array([entry.torque or (0.0, 0.0) for entry in found]).T
            both = convert_torque(torque, "per_e_tilde", "spin_torque_conductivity")
            answers["damping_like"], answers["field_like"] = both
        if "sheet_resistance" in wanted:
            answers["sheet_resistance"] = np.array([entry.resistance for entry in found], float)
        if "effective_mixing_conductance" in wanted:
            pumped = np.array([entry.pumped for entry in found], float)
            answers["effective_mixing_conductance"] = pumped
        return answers

    def _changed(self, values: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
        return tuple(
            (known.path, values[name])
            for name, known in self._paths.items()
            if values[name] != known.value
        )

    @property
    def mesh_check(self) -> MeshCheck | None:
        """Of the films that were measured."""
        if self.rtol is None:
            return None
        options: dict[str, Any] = {"layer": self.layer, "magnet": self.magnet, "rtol": self.rtol}
        on_mesh = partial(FilmModel, self.film, solver=self._solver, **options)
        return MeshCheck(self.rtol, self.name, self.mesh.name, self._films, on_mesh)

    def _films(self, values: Mapping[str, float], where: Conditions) -> list[Bilayer | Stack]:
        changed = self._changed(values)
        return [self._film(changed, place) for place in dict.fromkeys(_places(where))]

    def resistivity(self, values: Mapping[str, float], where: Conditions) -> FloatArray | None:
        """As given with the data, else that of the scanned layer's bulk."""
        if where.resistivity is not None:
            return where.resistivity
        paths = {known.path: values[name] for name, known in self._paths.items()}
        own = {path: v for path, v in paths.items() if path.startswith(("film.", self._owner))}
        stack = as_stack(with_parameters(self.film, own))
        sigma = stack.layers[stack.names.index(self.layer)].conductivity_in(stack.fermi_wavevector)
        return np.full(len(where.thickness), 1.0 / sigma)

    @property
    def _owner(self) -> str:
        """How paths of the scanned layer begin."""
        return self._thickness.removesuffix("thickness")

    def _film(self, changed: tuple[tuple[str, float], ...], place: _Place) -> Bilayer | Stack:
        thickness, theta, phi = place
        values = {**dict(changed), self._thickness: thickness}
        if theta is not None:
            angles = theta, phi + self.film.field_direction_deg
            values |= dict(zip(self._angles, angles, strict=True))
        return with_parameters(self.film, values)

    def _solve(self, keys: Sequence[_Key]) -> None:
        """Solve films that were not yet; those of a field together, which share their layers."""
        films = [self._film(changed, place) for changed, place, _ in keys]
        driven = [i for i, (_, _, w) in enumerate(keys) if w & {"torque", "sheet_resistance"}]
        solutions = dict(zip(driven, self._driven([films[i] for i in driven]), strict=True))
        for i, (key, film) in enumerate(zip(keys, films, strict=True)):
            torque = resistance = pumped = None
            stack, wanted = as_stack(film), key[2]
            if "torque" in wanted:
                torque = self._torque(stack, solutions[i])
            if "sheet_resistance" in wanted:
                along = stack.field_direction[:2]
                inverse = np.linalg.inv(solutions[i].sheet_conductance)
                resistance = float(along @ inverse @ along)
            if "effective_mixing_conductance" in wanted:
                pumped = self._turning(film).effective_mixing_conductance
            self._solved[key] = _Found(torque, resistance, pumped)

    def _driven(
        self, films: Sequence[Bilayer | Stack]
    ) -> list[BoltzmannSolution | DriftDiffusionSolution]:
        """Films in a field.

        Raises
        ------
        InputError, PhysicsError, CapacityError
            What the first film without a solution lacks.
        """
        found: Sequence[BoltzmannSolution | DriftDiffusionSolution | Exception]
        if self.name == "boltzmann":
            found = solve_boltzmann_many(films, self.mesh)
        else:
            found = drift_diffusion_many(films, level="finite", mesh=self.mesh)
        solved = []
        for solution in found:
            if isinstance(solution, Exception):
                raise solution
            solved.append(solution)
        return solved

    def _torque(
        self, stack: Stack, solution: BoltzmannSolution | DriftDiffusionSolution
    ) -> tuple[float, float]:
        """Damping-like and field-like torque on the magnet, per E~."""
        own = magnet_responses(stack, solution.interfaces)
        (magnet,) = (entry for entry in own if entry.name == self.magnet)
        d, f = torque_frame(magnet.m, stack.field_direction)
        return float(magnet.torque_total @ d), float(magnet.torque_total @ f)

    def _turning(self, film: Bilayer | Stack) -> PumpingSolution:
        if self.name == "boltzmann":
            return spin_pumping(film, self.mesh, magnet=self.magnet)
        return drift_diffusion_pumping(film, self.mesh, magnet=self.magnet, ferromagnet="finite")


def _chosen(key: str, name: str | None, known: list[str]) -> str:
    if not known:
        raise InputError("film", key, f"must have a {key} for this fit: {_NEEDED[key]}")
    if name is not None and name not in known:
        raise InputError(f"fit.{key}", name, f"must be one of {', '.join(known)}")
    return name or known[0]


_NEEDED = {"layer": "one that is no magnet, whose thickness varies", "magnet": "a ferromagnet"}


def _names(film: Bilayer | Stack, without: set[str]) -> dict[str, Parameter]:
    """Numbers of a film by the names that a fit has for them."""
    every = parameters(film)
    last = Counter(path.rpartition(".")[2] for path in every)
    return {
        _name(path, last): entry
        for path, entry in every.items()
        if entry.quantity is not None and entry.kind is float and path not in without
    }


def _name(path: str, last: Mapping[str, int]) -> str:
    """The last part where it is alone, else the whole; with nothing but letters and underscores."""
    key = path.rpartition(".")[2]
    return key if last[key] == 1 else re.sub(r"\W+", "_", path).strip("_")


def _places(where: Conditions) -> list[_Place]:
    count = len(where.thickness)
    theta = [None] * count if where.theta_deg is None else where.theta_deg.tolist()
    phi = [0.0] * count if where.phi_deg is None else where.phi_deg.tolist()
    return list(zip(where.thickness.tolist(), theta, phi, strict=True))
