"""Fits of a film itself: the equation is solved for every film and direction that was measured."""

from __future__ import annotations

import math
import re
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from torkivity.fit.models import (
    LEAST_LENGTH_RATIO,
    Conditions,
    Defaults,
    FitParameter,
    Task,
    finite_bounds,
    transverse_share,
)
from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.errors import InputError
from torkivity_engine.film.parameters import Parameter, parameters, path_of, with_parameters
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.magnets import magnet_responses
from torkivity_engine.pumping import spin_pumping
from torkivity_engine.solution import BoltzmannSolution, DriftDiffusionSolution
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.spin import torque_frame
from torkivity_engine.units import convert_torque
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = ["FilmModel"]

#: What is fitted of a bilayer unless something else is said, as by the thickness formula.
_FITTED = ("rashba", "spin_hall_angle", "spin_diffusion_length")
#: Reach of lengths that are fitted, as multiples of the start.
_REACH = 100.0
#: A place: thickness, and theta and phi where the data have them.
_Place = tuple[float, float | None, float]


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
        Drift-diffusion (level "finite") knows no damping.
    layer : str, optional
        Whose thickness the data have; by default the lowest layer that is no magnet.
    magnet : str, optional
        Whose torque, direction and damping the data have; by default the lowest magnet.

    Raises
    ------
    InputError
        For names that the film does not have.
    """

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
    ) -> None:
        stack = as_stack(film)
        others = [name for name in stack.names if name not in stack.magnet_names]
        self.layer = _chosen("layer", layer, others)
        self.magnet = _chosen("magnet", magnet, list(stack.magnet_names))
        self.film, self.mesh = film, mesh or SphericalMesh(12, 10)
        self.name: str = solver
        known: tuple[str, ...] = ("torque", "sheet_resistance")
        if solver == "boltzmann":
            known = (*known, "effective_mixing_conductance")
        self.answers = known
        self._thickness = path_of(film, f"{self.layer}.thickness")
        whole = "film" if isinstance(film, Bilayer) else self.magnet
        angles = (f"{whole}.magnetization.theta_deg", f"{whole}.magnetization.phi_deg")
        self._angles = tuple(path_of(film, path) for path in angles)
        self._paths = _names(film, {self._thickness, "film.field_direction_deg"})
        self._solved: OrderedDict[tuple[object, ...], _Found] = OrderedDict()

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
        bilayer = isinstance(self.film, Bilayer)
        return FitParameter(
            *(name, known.unit, value),
            varied=bilayer and name in _FITTED,
            least=least,
            most=most,
            at_least=reason,
            quiet=not (bilayer and name in _FITTED),
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
        changed = tuple(
            (known.path, values[name])
            for name, known in self._paths.items()
            if values[name] != known.value
        )
        share = transverse_share(where) > 1e-9  # for m along y_p there is no torque
        found = [
            self._at(changed, place, frozenset(wanted) - (set() if seen else {"torque"}))
            for place, seen in zip(_places(where), share, strict=True)
        ]
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

    def resistivity(self, values: Mapping[str, float], where: Conditions) -> FloatArray | None:
        """As given with the data, else that of the scanned layer's bulk."""
        if where.resistivity is not None:
            return where.resistivity
        paths = {known.path: values[name] for name, known in self._paths.items()}
        own = {path: v for path, v in paths.items() if path.startswith(("film.", self._owner))}
        stack = as_stack(with_parameters(self.film, own))
        sigma = stack.layers[stack.names.index(self.layer)].conductivity(stack.fermi_wavevector)
        return np.full(len(where.thickness), 1.0 / sigma)

    @property
    def _owner(self) -> str:
        """How paths of the scanned layer begin."""
        return self._thickness.removesuffix("thickness")

    def _at(
        self, changed: tuple[tuple[str, float], ...], place: _Place, wanted: frozenset[str]
    ) -> _Found:
        key = (changed, place, wanted)
        if key in self._solved:
            self._solved.move_to_end(key)
            return self._solved[key]
        thickness, theta, phi = place
        values = {**dict(changed), self._thickness: thickness}
        if theta is not None:
            values |= dict(
                zip(self._angles, (theta, phi + self.film.field_direction_deg), strict=True)
            )
        found = self._solved[key] = self._solve(with_parameters(self.film, values), wanted)
        if len(self._solved) > self._KEPT:
            self._solved.popitem(last=False)
        return found

    def _solve(self, film: Bilayer | Stack, wanted: frozenset[str]) -> _Found:
        torque = resistance = pumped = None
        if wanted & {"torque", "sheet_resistance"}:
            solution: BoltzmannSolution | DriftDiffusionSolution
            if self.name == "boltzmann":
                solution = solve_boltzmann(film, self.mesh)
            else:
                solution = solve_drift_diffusion(film, ferromagnet="finite", mesh=self.mesh)
            stack = as_stack(film)
            if "torque" in wanted:
                own = magnet_responses(stack, solution.interfaces)
                (magnet,) = (entry for entry in own if entry.name == self.magnet)
                d, f = torque_frame(magnet.m, stack.field_direction)
                torque = float(magnet.torque_total @ d), float(magnet.torque_total @ f)
            if "sheet_resistance" in wanted:
                along = stack.field_direction[:2]
                resistance = float(along @ np.linalg.inv(solution.sheet_conductance) @ along)
        if "effective_mixing_conductance" in wanted:
            turning = spin_pumping(film, self.mesh, magnet=self.magnet)
            pumped = turning.effective_mixing_conductance
        return _Found(torque, resistance, pumped)


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
