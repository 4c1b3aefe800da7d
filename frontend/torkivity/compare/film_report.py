"""Plain-text table of a comparison."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from torkivity.study.film import Comparison, relative_difference
from torkivity_engine.film.interfaces import DeltaInterface, Interface, RashbaInterface
from torkivity_engine.solution import TorqueNames
from torkivity_engine.units import convert_torque

__all__ = ["comparison_report"]

_ROWS = {
    "interface": "interface",
    "ferromagnet": "bulk ferromagnet",
    "total": "total on the magnetization",
    "lattice": "lattice (interface)",
}

#: Column pairs of the table: source and heading.
_SOURCES = {"rashba": "Rashba alone", "spin_hall": "spin Hall alone"}
_MODELS = {"boltzmann": "Boltzmann", "drift_diffusion": "drift-diff."}

_UNITS = {
    "per_e_tilde": (
        "Torques are per E~ = -E/e, in 1/(Ohm m); times 2 they are spin-torque conductivities",
        "in (hbar/2e)/(Ohm m).",
    ),
    "spin_torque_conductivity": (
        "Torques are spin-torque conductivities per E~ = -E/e, in (hbar/2e)/(Ohm m).",
    ),
    "per_field": ("Torques are per E, in (hbar/2e)/(Ohm m), signs of angular momentum.",),
    "efficiency": (
        "Torques are efficiencies: spin-torque conductivity over the conductivity of the heavy",
        "metal.",
    ),
    "effective_field": ("Torques are effective fields, in mT per 1e11 A/m^2 in the heavy metal.",),
}

_LABEL, _WIDTH = 28, 12


def comparison_report(
    comparison: Comparison,
    in_torque_frame: bool = True,
    *,
    names: tuple[str, str] = ("HM", "FM"),
    quantity: str = "per_e_tilde",
    saturation_magnetization: float | None = None,
) -> str:
    """Torques of both models side by side, with what they were computed from.

    Parameters
    ----------
    comparison : Comparison
    in_torque_frame : bool, optional
        Damping-like and field-like components, or else x, y, z.
    names : tuple of str, optional
        Labels of heavy metal and ferromagnet.
    quantity : str, optional
        What torques are given in, of `torkivity_engine.units.QUANTITIES`.
    saturation_magnetization : float, optional
        A/m, for effective fields.

    Returns
    -------
    str

    Raises
    ------
    PhysicsError
        If the torque frame is asked for where it does not exist.
    InputError
        If a number is missing that the quantity needs.
    """
    film = comparison.film
    factor = float(
        convert_torque(
            *(1.0, "per_e_tilde", quantity),
            resistivity=1.0 / film.heavy_metal.conductivity(film.fermi_wavevector),
            saturation_magnetization=saturation_magnetization,
            ferromagnet_thickness=film.ferromagnet.thickness,
        )
    )
    m = ", ".join(_fixed(x, 4) for x in film.magnetization)
    lines = [
        f"{names[0]} ({film.heavy_metal.thickness:g} nm) | {_interface(film.interface)} | "
        f"{names[1]} ({film.ferromagnet.thickness:g} nm)",
        f"m = ({m}), E in the film plane at {film.field_direction_deg:g} deg from x",
        "",
        *_table(comparison, in_torque_frame, factor),
        "",
        *_UNITS[quantity],
        "%: drift-diffusion / Boltzmann - 1, both with the other source of torque switched off;",
        "the file holds both sources together as well.",
        "",
        *_quantities(comparison),
    ]
    return "\n".join(lines)


def _table(comparison: Comparison, in_torque_frame: bool, factor: float) -> list[str]:
    projections = _projections(in_torque_frame)
    scale = max(
        float(np.abs(solution.torque_total).max()) for solution in comparison.solutions.values()
    )
    decimals = _decimals(scale * abs(factor))
    group = (len(_MODELS) + 1) * _WIDTH
    heading = "".join(f"{title:>{group}}" for title in _SOURCES.values())
    columns = "".join(f"{name:>{_WIDTH}}" for name in (*_MODELS.values(), "%")) * len(_SOURCES)
    lines = [" " * _LABEL + heading, " " * _LABEL + columns]
    for title, project in projections.items():
        lines.append(title)
        for part, label in _ROWS.items():
            cells = []
            for source in _SOURCES:
                boltzmann, diffusion = (
                    project(solution, getattr(solution, f"torque_{part}"))
                    for solution in (
                        comparison.boltzmann[source],
                        comparison.drift_diffusion[source],
                    )
                )
                cells += [
                    _fixed(boltzmann * factor, decimals),
                    _fixed(diffusion * factor, decimals),
                    _percent(relative_difference(diffusion, boltzmann, scale)),
                ]
            lines.append("".join([f"  {label:<{_LABEL - 2}}", *(f"{c:>{_WIDTH}}" for c in cells)]))
    return lines


def _boundary_layer_line(comparison: Comparison) -> str:
    """How far the boundary-layer-exact formula is from the Boltzmann equation."""
    label = "boundary-layer formula"
    if not comparison.boundary_layer:
        return f"{label:<{_LABEL}}does not exist: no diffusive regime, or a mesh without rings"
    errors = []
    for source, name in _SOURCES.items():
        exact = comparison.boltzmann[source].torque_total
        scale = float(np.abs(exact).max())
        error = float(np.abs(comparison.boundary_layer[source].torque_total - exact).max())
        errors.append(f"{error / scale:.1e} ({name.removesuffix(' alone')})" if scale else "-")
    return f"{label:<{_LABEL}}off by {', '.join(errors)} of the total torque"


def _projections(
    in_torque_frame: bool,
) -> dict[str, Callable[[TorqueNames, NDArray[np.float64]], float]]:
    if not in_torque_frame:
        return {
            f"along {axis}": lambda solution, torque, i=i: float(torque[i])  # type: ignore[misc]
            for i, axis in enumerate("xyz")
        }
    return {
        "damping-like": lambda solution, torque: solution.damping_like(torque),
        "field-like": lambda solution, torque: solution.field_like(torque),
    }


def _quantities(comparison: Comparison) -> list[str]:
    film = comparison.film
    boltzmann = comparison.boltzmann["all"]
    charge = max(abs(boltzmann.charge_current_minus), abs(boltzmann.charge_current_plus))
    scale = float(np.abs(boltzmann.torque_total).max())
    rows = [
        ("mixing conductance G", _complex(comparison.mixing_conductance), "1/(Ohm m^2)"),
        (
            "transmitted, Gamma_FM",
            _complex(comparison.transmitted_mixing_conductance),
            "1/(Ohm m^2)",
        ),
        (
            "conductivity, heavy metal",
            f"{comparison.heavy_metal_conductivity:.4e}",
            "1/(Ohm m)",
        ),
        (
            "conductivity, ferromagnet",
            f"{comparison.ferromagnet_conductivity:.4e}",
            "1/(Ohm m)",
        ),
        ("spin diffusion length", f"{comparison.spin_diffusion_length:.4f}", "nm, heavy metal"),
        ("spin Hall angle", f"{film.heavy_metal.spin_hall_angle:g}", "heavy metal"),
        (
            "stray charge current",
            f"{charge / scale if scale else charge:.1e}",
            "of the torque, exactly 0 in theory",
        ),
    ]
    lines = [f"{label:<{_LABEL}}{value:>24}  {units}" for label, value, units in rows]
    lines.append(_boundary_layer_line(comparison))
    lines.append(f"{'solved by':<{_LABEL}}{boltzmann.method} method on {boltzmann.mesh}")
    return lines


def _decimals(scale: float) -> int | None:
    """Decimals that show five digits of `scale`; None where only exponents can."""
    if not 1e-2 <= scale < 1e9:
        return None
    return max(0, 4 - math.floor(math.log10(scale)))


def _fixed(value: float, decimals: int | None) -> str:
    if decimals is None:
        return f"{value:.4e}"
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0 turns -0.0 into 0.0


def _percent(ratio: float) -> str:
    return "-" if math.isnan(ratio) else f"{100.0 * ratio:+.1f}"


def _complex(value: complex) -> str:
    exponent = math.floor(math.log10(abs(value))) if value else 0
    scaled = value / 10.0**exponent
    return f"({scaled.real:.4f} {scaled.imag:+.4f}i)e{exponent}"


def _interface(interface: Interface) -> str:
    """What an interface is, in a few words."""
    if not isinstance(interface, DeltaInterface):
        return interface.kind
    w = interface.spin_orbit_matrix
    coupling = (
        f"u_R = {interface.rashba:g}"
        if isinstance(interface, RashbaInterface)
        else "W = (" + "; ".join(f"{x:g}, {y:g}" for x, y in w) + ")"
    )
    return f"u0 = {interface.barrier:g}, u_ex = {interface.exchange:g}, {coupling}"
