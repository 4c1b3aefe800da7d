"""Films described by the numbers that papers quote, in closed form."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from torkivity.fit.models import (
    MICROOHM_CM,
    Conditions,
    Defaults,
    FitParameter,
    Task,
    transverse_share,
)
from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.ladder import (
    Rung,
    absorb,
    diffusive_rung,
    memory_loss_rung,
    pumped_conductance,
)
from torkivity_engine.errors import InputError

__all__ = ["PhenomenologicalModel"]


_PERFECT_SINK = (
    "mixing_conductance_real = inf: the interface takes every spin that arrives (perfect sink), so "
    "the spin Hall effect given here is an effective one, the least that explains the torque; a "
    "finite conductance G raises it, by 1 + 1/(2 l_sf rho G) in thick films"
)
_ASSUMED_CONDUCTANCE = (
    "mixing_conductance_real is assumed: torques against thickness hardly tell it from the "
    "amplitudes, which scale with it"
)
_NO_SHUNT = (
    "shunt_conductance = 0: all current flows in the heavy metal; what flows elsewhere makes the "
    "magnetoresistance smaller"
)
_CONDUCTIVITY, _CONDUCTANCE, _LENGTH_RESISTIVITY = 1e5, 1e15, 1e-15
_MILLISIEMENS = 1e-3

#: What must be said of a layer that a film has beside the metal and the magnet.
_OF_LAYER = {
    "spacer_thickness": ("spacer_resistivity", "spacer_spin_diffusion_length"),
    "cap_thickness": (
        "cap_resistivity",
        "cap_spin_diffusion_length",
        "cap_mixing_conductance_real",
    ),
    "memory_loss": ("area_resistance",),
}
_HALL = ("spin_hall_conductivity", "spin_hall_angle")
_LENGTH = ("spin_diffusion_length", "spin_diffusion_length_resistivity")


class _Metal(NamedTuple):
    """Heavy metal by film: shape (n,) or ()."""

    conductivity: FloatArray
    length: FloatArray
    hall: FloatArray


class PhenomenologicalModel:
    """Drift-diffusion in the metals, a ferromagnet that dephases at once.

    Heavy metal, spin memory loss, spacer, ferromagnet and cap are a ladder on either side of the
    ferromagnet (``torkivity_engine.diffusion.ladder``); memory loss, spacer and cap are absent
    unless they are asked for. tau = j(0-) - lattice torque, the same resistivity throughout each
    film. All drives are taken proportional to the length of m x y_p, which is exact for the spin
    Hall current.
    """

    name = "phenomenological"
    answers: tuple[str, ...] = ("torque", "sheet_resistance", "effective_mixing_conductance")
    needs_resistivity = True
    mesh_check = None

    @property
    def parameters(self) -> tuple[FitParameter, ...]:
        """All parameters."""
        sigma = "1e5 (hbar/2e)/(Ohm m)"
        return (
            # Wide bounds, so that what is undetermined does not run off to infinity.
            FitParameter("spin_hall_conductivity", sigma, 1.0, varied=True, least=-1e3, most=1e3),
            FitParameter("spin_hall_angle", "1", 0.05, varied=True, least=-1e2, most=1e2),
            FitParameter("spin_diffusion_length", "nm", 1.5, varied=True, least=0.05, most=100.0),
            FitParameter(
                "spin_diffusion_length_resistivity",
                *("1e-15 Ohm m^2", 0.5),
                varied=True,
                least=1e-3,
                most=100.0,
            ),
            # 1 - r_up r_down* has at most the real part 2: twice Sharvin's conductance, which is
            # 0.8 for k_F = 16/nm.
            _conductance("mixing_conductance_real", 0.6, without=math.inf),
            _conductance("mixing_conductance_imag", 0.0, least=-2.0),
            FitParameter("interface_current_damping_like", sigma, 0.0),
            FitParameter("interface_current_field_like", sigma, 0.0),
            FitParameter("lattice_torque_damping_like", sigma, 0.0),
            FitParameter("lattice_torque_field_like", sigma, 0.0),
            _resistivity("resistivity", 20.0, quiet=False),
            FitParameter("resistivity_surface", "uOhm cm nm", 10.0, least=0.0, most=1e5),
            FitParameter("shunt_conductance", "mS", 0.0, least=0.0, most=1e3, quiet=True),
            _conductance("longitudinal_conductance", 0.0, quiet=True),
            FitParameter("area_resistance", "1e-15 Ohm m^2", 0.0, least=1e-3, most=1e3, quiet=True),
            FitParameter("memory_loss", "1", 0.0, least=0.0, most=10.0, quiet=True),
            *_layer("spacer"),
            *_layer("cap"),
            _conductance("cap_mixing_conductance_real", 0.6, without=math.inf, quiet=True),
        )

    @property
    def alternatives(self) -> tuple[tuple[str, str], ...]:
        """The first of each pair is used, unless the second is set."""
        return (
            ("spin_hall_conductivity", "spin_hall_angle"),
            ("spin_diffusion_length", "spin_diffusion_length_resistivity"),
        )

    def defaults(self, task: Task) -> Defaults:
        """A perfect sink unless a finite conductance matters, and something for each component.

        One curve of the damping-like torque determines an amplitude and a length; what it takes
        for a field-like torque is another amplitude. Damping determines the conductance, the
        sheet resistance the resistivity and what the other layers conduct.
        """
        for layer, needed in _OF_LAYER.items():
            for name in needed if layer in task.asked else ():
                if name not in task.asked:
                    raise InputError("parameters", name, f"must be given with {layer}")
        fitted: dict[str, bool] = {}
        values: dict[str, float] = {}
        seen, torques = task.components, {"damping_like", "field_like"}
        torque = bool(seen & torques)
        used: tuple[str, ...] = () if seen <= torques else ("spin_hall_angle",)
        pumping = bool(seen & {"damping", "damping_enhancement", "effective_mixing_conductance"})
        hall = bool(seen & {"damping_like", "magnetoresistance"})
        if not hall:
            fitted |= dict.fromkeys(_HALL, False)
            values |= dict.fromkeys(_HALL, 0.0)
        if not (torque or hall or pumping):
            fitted |= dict.fromkeys(_LENGTH, False)
        finite = pumping or any(name.startswith(("mixing", "interface")) for name in task.asked)
        known = pumping or "mixing_conductance_real" in task.asked or not (torque or hall)
        notes = [] if known else [_ASSUMED_CONDUCTANCE]
        if pumping:
            fitted["mixing_conductance_real"] = True
        elif hall and not finite:
            values["mixing_conductance_real"], notes = math.inf, [_PERFECT_SINK]
            used = ("spin_hall_angle",)
        if "field_like" in seen:
            fitted |= _field_like_drive(task, hall)
        absent, more = _in_plane(task, fitted, values)
        return Defaults(fitted, values, used, absent, (*notes, *more))

    def check(self, limits: Mapping[str, tuple[float, float]]) -> None:
        """Refuse infinite values and lengths that are not positive."""
        for name, (least, most) in limits.items():
            sink = name.endswith("mixing_conductance_real") and least == math.inf
            if least == most and not (sink or math.isfinite(least)):
                raise InputError(name, least, "must be a finite number")
            positive = name.endswith(("spin_diffusion_length", "_length_resistivity"))
            if (positive or name.endswith("resistivity")) and not least > 0.0:
                raise InputError(name, least, "must be positive, and so its least value")
            if name.endswith(_NOT_NEGATIVE) and not least >= 0.0:
                raise InputError(name, least, "must not be negative")
        conductance = limits["mixing_conductance_real"][0]
        if not conductance >= 0.0:
            raise InputError(
                *("mixing_conductance_real", conductance),
                "must not be negative: the interface would emit spins",
            )
        if limits["memory_loss"][1] > 0.0 and not limits["area_resistance"][0] > 0.0:
            raise InputError(
                *("area_resistance", limits["area_resistance"][0]),
                "must be positive where spins are lost at the interface",
            )

    def answer(
        self, values: Mapping[str, float], where: Conditions, wanted: Collection[str]
    ) -> dict[str, FloatArray]:
        """Torques, sheet resistance and effective mixing conductance, by name."""
        found = {}
        if "torque" in wanted:
            found["damping_like"], found["field_like"] = self.torques(values, where)
        if "sheet_resistance" in wanted:
            found["sheet_resistance"] = self.sheet_resistance(values, where)
        if "effective_mixing_conductance" in wanted:
            found["effective_mixing_conductance"] = self.pumped(values, where)
        return found

    def torques(
        self, values: Mapping[str, float], where: Conditions
    ) -> tuple[FloatArray, FloatArray]:
        """Damping-like and field-like spin-torque conductivity."""

        # Right-handed (f, d, m); the spin Hall current lies along +d for a positive angle.
        def drive(name: str) -> complex:
            parts = (values[f"{name}_field_like"], values[f"{name}_damping_like"])
            return complex(*parts) * _CONDUCTIVITY

        values = {**_ABSENT, **values}
        below, above = _ladders(values, where, self._metal(values, where))
        current = 1j * absorb(below, _mixing(values), -1j * drive("interface_current")).current
        if above:  # spins that flow down carry the opposite polarisation
            current = current - 1j * absorb(above, _cap_mixing(values)).current
        torque = (current - drive("lattice_torque")) * transverse_share(where)
        return torque.imag, torque.real

    def sheet_resistance(self, values: Mapping[str, float], where: Conditions) -> FloatArray:
        """Field along a sheet current along it, Ohm: what flows in parallel, and magnetoresistance.

        Spin Hall magnetoresistance in both metals; along m the ferromagnet takes spins through
        the longitudinal conductance.
        """
        values = {**_ABSENT, **values}
        metal = self._metal(values, where)
        below, above = _ladders(values, where, metal)
        along = values["longitudinal_conductance"] * _CONDUCTANCE
        across, parallel = absorb(below, _mixing(values)), absorb(below, along)
        induced, parallel_induced = across.self_induced, parallel.self_induced.real
        if above:
            induced = induced + absorb(above, _cap_mixing(values)).self_induced
            parallel_induced = parallel_induced + absorb(above, along).self_induced.real
        bulk = _parallel_conductance(values, where, metal)
        m = _directions(where)

        def component(a: int, b: int) -> FloatArray:
            """Of the tensor that takes the polarisation of the field to accumulations."""
            ma, mb = m[a], m[b]
            cross = (0.0 if a == b else -m[2] if (a, b) == (0, 1) else m[2]) * induced.imag
            own = induced.real * ((a == b) - ma * mb) + parallel_induced * ma * mb
            return np.asarray(own + cross)

        # Sources are twice the spin Hall current of one coefficient, hence 1/2 where there is 2;
        # y_p is y for a field along x and -x for one along y.
        xx, yy = bulk + 0.5 * component(1, 1), bulk + 0.5 * component(0, 0)
        xy, yx = -0.5 * component(1, 0), -0.5 * component(0, 1)
        return np.asarray(yy / (xx * yy - xy * yx))

    def pumped(self, values: Mapping[str, float], where: Conditions) -> FloatArray:
        """Effective mixing conductance, backflow and lost spins included, 1/(Ohm m^2)."""
        values = {**_ABSENT, **values}
        below, above = _ladders(values, where, self._metal(values, where))
        total = pumped_conductance(below, _mixing(values))
        if above:
            total = total + pumped_conductance(above, _cap_mixing(values))
        return np.broadcast_to(total, where.thickness.shape).astype(float)

    def resistivity(self, values: Mapping[str, float], where: Conditions) -> FloatArray | None:
        """As given with the data, else resistivity + resistivity_surface / t."""
        if where.resistivity is not None:
            return where.resistivity
        rho = values["resistivity"] + values["resistivity_surface"] / where.thickness
        return np.asarray(rho * MICROOHM_CM)

    def _metal(self, values: Mapping[str, float], where: Conditions) -> _Metal:
        rho = self.resistivity(values, where)
        assert rho is not None
        sigma = 1.0 / rho
        if "spin_diffusion_length" in values:
            length = np.asarray(values["spin_diffusion_length"])
        else:
            product = values["spin_diffusion_length_resistivity"] * _LENGTH_RESISTIVITY
            length = product * sigma / METRE_PER_NM
        if "spin_hall_angle" in values:
            hall = values["spin_hall_angle"] * sigma
        else:
            hall = np.asarray(values["spin_hall_conductivity"] * _CONDUCTIVITY)
        return _Metal(sigma, length, hall)


def _ladders(
    values: Mapping[str, float], where: Conditions, metal: _Metal
) -> tuple[list[Rung], list[Rung]]:
    """What lies below the ferromagnet, and above it; sources are spin-torque conductivities."""
    below = [diffusive_rung(where.thickness, metal.conductivity, metal.length, metal.hall)]
    if values["area_resistance"] > 0.0:
        resistance = values["area_resistance"] * _LENGTH_RESISTIVITY
        below.append(memory_loss_rung(resistance, values["memory_loss"]))
    spacer, cap = _rung("spacer", values), _rung("cap", values)
    return below + ([spacer] if spacer else []), [cap] if cap else []


def _parallel_conductance(
    values: Mapping[str, float], where: Conditions, metal: _Metal
) -> FloatArray:
    """Layers side by side, S."""
    total = metal.conductivity * where.thickness * METRE_PER_NM
    total = total + values["shunt_conductance"] * _MILLISIEMENS
    for layer in ("spacer", "cap"):
        thickness = values[f"{layer}_thickness"] * METRE_PER_NM
        total = total + thickness / (values[f"{layer}_resistivity"] * MICROOHM_CM)
    return np.asarray(total)


_NOT_NEGATIVE = (
    *("_thickness", "shunt_conductance", "longitudinal_conductance", "cap_mixing_conductance_real"),
    *("area_resistance", "memory_loss", "resistivity_surface"),
)


def _conductance(
    name: str,
    start: float,
    *,
    least: float = 0.0,
    quiet: bool = False,
    without: float | None = None,
) -> FitParameter:
    return FitParameter(
        *(name, "1e15 1/(Ohm m^2)", start),
        least=least,
        most=2.0,
        quiet=quiet,
        without=without,
    )


def _resistivity(name: str, start: float, *, quiet: bool) -> FitParameter:
    return FitParameter(name, "uOhm cm", start, least=0.1, most=1e5, quiet=quiet)


def _layer(layer: str) -> tuple[FitParameter, ...]:
    """A metal that a film may have beside the heavy metal; its start values must be given."""
    return (
        FitParameter(f"{layer}_thickness", "nm", 0.0, least=0.0, most=1e3, quiet=True),
        _resistivity(f"{layer}_resistivity", 20.0, quiet=True),
        FitParameter(
            *(f"{layer}_spin_diffusion_length", "nm", 10.0), least=0.05, most=1e3, quiet=True
        ),
        FitParameter(f"{layer}_spin_hall_angle", "1", 0.0, least=-1e2, most=1e2, quiet=True),
    )


def _field_like_drive(task: Task, hall: bool) -> dict[str, bool]:
    """What is fitted to a field-like torque, unless something is that acts on it."""
    acting = ("interface_current_field_like", "lattice_torque_field_like")
    if any(task.asked.get(name) for name in (*acting, "mixing_conductance_imag")):
        return {}
    # Without spin Hall effect: driven at the interface, flowing back over the diffusion length.
    return {acting[1 if hall else 0]: True}


def _in_plane(
    task: Task, fitted: dict[str, bool], values: dict[str, float]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Resistivity and what is in parallel: what is not there, and what was assumed."""
    metal = ("resistivity", "resistivity_surface")
    absent = metal if task.resistivity_known else ()
    if "sheet_resistance" in task.components:
        fitted |= dict.fromkeys((*metal, "shunt_conductance"), True)
        values["shunt_conductance"] = 1.0
        return absent, ()
    if "resistivity" in task.asked and "resistivity_surface" not in task.asked:
        values["resistivity_surface"] = 0.0
    if "magnetoresistance" in task.components and "shunt_conductance" not in task.asked:
        return absent, (_NO_SHUNT,)
    return absent, ()


def _mixing(values: Mapping[str, float]) -> complex:
    real, imag = values["mixing_conductance_real"], values["mixing_conductance_imag"]
    return complex(real, 0.0 if math.isinf(real) else imag) * _CONDUCTANCE


def _cap_mixing(values: Mapping[str, float]) -> complex:
    return complex(values["cap_mixing_conductance_real"], 0.0) * _CONDUCTANCE


def _rung(layer: str, values: Mapping[str, float]) -> Rung | None:
    """Spacer or cap, if there is one."""
    if not values[f"{layer}_thickness"] > 0.0:
        return None
    sigma = 1.0 / (values[f"{layer}_resistivity"] * MICROOHM_CM)
    return diffusive_rung(
        *(values[f"{layer}_thickness"], sigma, values[f"{layer}_spin_diffusion_length"]),
        values[f"{layer}_spin_hall_angle"] * sigma,
    )


def _directions(where: Conditions) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Components of m along the field, across it and along z; z where there are no angles."""
    zero = np.zeros(len(where.thickness))
    theta = np.radians(zero if where.theta_deg is None else where.theta_deg)
    phi = np.radians(zero if where.phi_deg is None else where.phi_deg)
    return np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)


#: What most films do not have: parameters that need not be given.
_ABSENT = {entry.name: entry.start for entry in PhenomenologicalModel().parameters if entry.quiet}
