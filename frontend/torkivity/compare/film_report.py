"""Plain-text tables of a single film: torques by model, interface and magnet, and facts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress

import numpy as np

from torkivity.catalogue import MODELS, SINGLE_SOURCES, SOURCES
from torkivity.compare.in_plane_report import in_plane_lines
from torkivity.results.differences import above_noise, relative_difference
from torkivity.study.evaluate import Evaluated
from torkivity.study.models import why_not_kinetic
from torkivity.study.run import FilmStudy, found_mesh
from torkivity.tables import fold
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.film.parameters import parameters, quoted
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.record import COMPONENTS
from torkivity_engine.units import convert_torque, flowing_resistivity

__all__ = ["film_description", "film_report"]

_ROWS = {
    "interface": "interface",
    "ferromagnet": "bulk ferromagnet",
    "total": "total on the magnetization",
    "lattice": "lattice (interface)",
}
_MAGNET_ROWS = {
    "interface": "at its interfaces",
    "ferromagnet": "through its faces",
    "total": "total",
}

_UNITS = {
    "per_e_tilde": (
        "Torques are per E~ = -E/e, in 1/(Ohm m); times 2 they are spin-torque",
        "conductivities in (hbar/2e)/(Ohm m).",
    ),
    "spin_torque_conductivity": (
        "Torques are spin-torque conductivities per E~ = -E/e, in (hbar/2e)/(Ohm m).",
    ),
    "per_field": ("Torques are per E, in (hbar/2e)/(Ohm m), signs of angular momentum.",),
    "efficiency": (
        "Torques are efficiencies: spin-torque conductivity over the mean current density",
        "per E that flows in the lowest non-magnetic layer, by the Boltzmann equation.",
    ),
    "effective_field": (
        "Torques are effective fields, in mT per 1e11 A/m^2 in the lowest non-magnetic",
        "layer.",
    ),
}

_REFERENCE, _OTHER = "boltzmann", "drift_diffusion"
#: Widths of labels, of numbers and of percentages: 80 columns in all.
_LABEL, _WIDTH, _SHORT = 28, 9, 8


def film_report(
    study: FilmStudy,
    components: str = "torque-frame",
    *,
    quantity: str = "per_e_tilde",
    saturation_magnetization: float | None = None,
) -> str:
    """Torques of both models side by side, with what they were computed from.

    Parameters
    ----------
    study : FilmStudy
    components : {"torque-frame", "cartesian"}, optional
        Damping-like and field-like components, or x, y, z.
    quantity : str, optional
        What torques are given in, of `torkivity_engine.units.QUANTITIES`.
    saturation_magnetization : float, optional
        A/m, for effective fields.

    Returns
    -------
    str
        At most 80 columns wide.

    Raises
    ------
    InputError
        If a number is missing that the quantity needs.
    """
    factor = _factor(study, quantity, saturation_magnetization)
    stack = as_stack(study.case.film)
    lines = [*film_description(study.case.film), ""]
    several = len(stack.interfaces) > 1
    for index, name in enumerate(stack.names_of_interfaces):
        if several:
            lines.append(f"interface {name}")
        lines += [*_table(study.points, "torque", _ROWS, index, components, factor), ""]
    if several:
        for index, name in enumerate(stack.magnet_names):
            lines.append(f"magnet {name}")
            lines += [
                *_table(study.points, "magnet_torque", _MAGNET_ROWS, index, components, factor),
                "",
            ]
    lines += [
        *_UNITS[quantity],
        *_about_models(study),
        "",
        *in_plane_lines(study, components),
        "",
        *_facts(study),
    ]
    return "\n".join(lines)


def _about_models(study: FilmStudy) -> list[str]:
    """What percentages are, or why there are none."""
    lacking = why_not_kinetic(study.case)
    if lacking:
        return fold(
            "Drift-diffusion alone, with the other source of torque switched off. The Boltzmann "
            f"equation does not know this film: {lacking}."
        )
    return fold(
        "%: drift-diffusion / Boltzmann - 1, both with the other source of torque switched "
        "off; the file holds both sources together as well."
    )


def _factor(study: FilmStudy, quantity: str, saturation_magnetization: float | None) -> float:
    """From torques per E~ to the quantity."""
    stack = as_stack(study.case.film)
    metal = next((layer for layer in stack.layers if not layer.magnetic), None)
    magnet = next((layer for layer in stack.layers if layer.magnetic), None)
    rho = None
    if metal is not None:
        models, sources = (list(d.axis.values) for d in study.points.plan.spec.grid.dimensions)
        model = models.index(_REFERENCE) if _REFERENCE in models else 0
        at = model, sources.index("all"), stack.layers.index(metal), 0
        sheet = float(study.points.values("layer_sheet_conductance")[at])
        if sheet > 0.0:
            rho = float(flowing_resistivity(sheet, metal.thickness))
        else:
            with suppress(InputError):  # a kind that has none; torques can be given without
                rho = 1.0 / metal.conductivity_in(stack.fermi_wavevector)
    return float(
        convert_torque(
            *(1.0, "per_e_tilde", quantity),
            resistivity=rho,
            saturation_magnetization=saturation_magnetization,
            ferromagnet_thickness=None if magnet is None else magnet.moment_thickness,
        )
    )


def film_description(film: Bilayer | Stack) -> list[str]:
    """Layers and interfaces from the bottom with their numbers, and the field's direction."""
    stack = as_stack(film)
    lines = []
    for index, (name, layer) in enumerate(zip(stack.names, stack.layers, strict=True)):
        m = layer.magnetization
        direction = "" if m is None else f"m = ({', '.join(_fixed(x, 4) for x in m)})"
        lines += fold(f"{name}: {', '.join(filter(None, (layer.extent, direction)))}", hang=2)
        if index < len(stack.interfaces):
            joint = stack.names_of_interfaces[index]
            lines += fold(f"{joint}: {_numbers(film, joint)}", hang=2, indent=2)
    lines.append(f"E in the film plane at {stack.field_direction_deg:g} deg from x")
    return lines


def _numbers(film: Bilayer | Stack, part: str) -> str:
    """Numbers of a part of the film, without the angles of its m."""
    start = f"{quoted(part)}."
    return ", ".join(
        f"{path.removeprefix(start)} = {p.value:g}"
        for path, p in parameters(film).items()
        if path.startswith(start) and isinstance(p.value, float) and "magnetization" not in path
    )


def _table(
    points: Evaluated,
    start: str,
    rows: Mapping[str, str],
    place: int,
    components: str,
    factor: float,
) -> list[str]:
    shown = [name for name in (_REFERENCE, _OTHER) if name in _models(points)]
    compared = len(shown) > 1
    models = (*(MODELS[name].short for name in shown), *(["%"] if compared else []))
    own = (*(_WIDTH if compared else 2 * _WIDTH,) * len(shown), *([_SHORT] if compared else []))
    heading = "".join(f"{SOURCES[source]:>{sum(own)}}" for source in SINGLE_SOURCES)
    widths = own * len(SINGLE_SOURCES)
    columns = "".join(
        f"{n:>{w}}" for n, w in zip(models * len(SINGLE_SOURCES), widths, strict=True)
    )
    largest = _largest(points, start, place) * abs(factor)
    exponent = _exponent(largest)
    factor, decimals = factor / 10.0**exponent, _decimals(largest / 10.0**exponent)
    lengths = _lengths(points, start, rows, place, shown[0])
    unit = f"in 1e{exponent}" if exponent else ""
    lines = [f"{unit:<{_LABEL}}{heading}", " " * _LABEL + columns]
    titles = (
        {name.replace("_", "-"): name for name in COMPONENTS}
        if components == "torque-frame"
        else {f"along {axis}": axis for axis in "xyz"}
    )
    for title, component in titles.items():
        lines.append(title)
        for part, label in rows.items():
            cells: list[str] = []
            for source in SINGLE_SOURCES:
                values = [
                    _value(points, f"{start}_{part}", component, place, model, source)
                    for model in shown
                ]
                cells += [_fixed(value * factor, decimals) for value in values]
                if compared:
                    difference = relative_difference(values[1], values[0], lengths[source])
                    cells.append(_percent(float(difference)))
            text = "".join(f"{cell:>{w}}" for cell, w in zip(cells, widths, strict=True))
            lines.append(f"  {label:<{_LABEL - 2}}{text}")
    return lines


def _models(points: Evaluated) -> list[str]:
    return [str(name) for name in points.plan.spec.grid.dimensions[0].axis.values]


def _at(points: Evaluated, model: str, source: str) -> tuple[int, int]:
    dimensions = points.plan.spec.grid.dimensions
    return (
        list(dimensions[0].axis.values).index(model),
        list(dimensions[1].axis.values).index(source),
    )


def _value(
    points: Evaluated, name: str, component: str, place: int, model: str, source: str
) -> float:
    where = _at(points, model, source)
    if component in COMPONENTS:
        return float(points.values(f"{name}_{component}")[where][place])
    return float(points.values(name)[where][place]["xyz".index(component)])


def _largest(points: Evaluated, start: str, place: int) -> float:
    """Largest component of a total torque, by any model and source."""
    totals = points.values(f"{start}_total")[:, :, place]
    return float(np.nanmax(np.abs(totals))) if np.isfinite(totals).any() else 0.0


def _lengths(
    points: Evaluated, start: str, rows: Mapping[str, str], place: int, model: str
) -> dict[str, float]:
    """T by source, as differences are taken relative to."""
    found = []
    for source in SINGLE_SOURCES:
        where = _at(points, model, source)
        parts = (part for part in rows if part != "lattice")
        found.append(
            max(float(np.linalg.norm(points.values(f"{start}_{p}")[where][place])) for p in parts)
        )
    return dict(zip(SINGLE_SOURCES, above_noise(found).tolist(), strict=True))


def _facts(study: FilmStudy) -> list[str]:
    stack = as_stack(study.case.film)
    facts: dict[str, FloatArray] = {name: value for name, (_, value) in study.facts.items()}
    rows = []
    for index, name in enumerate(stack.names_of_interfaces):
        of = f", {name}" if len(stack.interfaces) > 1 else ""
        for title, key in (
            ("mixing conductance G", "mixing_conductance"),
            ("transmitted, Gamma_FM", "transmitted_mixing_conductance"),
        ):
            value = complex(facts[f"{key}_real"][index], facts[f"{key}_imag"][index])
            if not np.isnan(value.real):
                rows.append((title, _complex(value), f"1/(Ohm m^2){of}"))
    for title, key, unit in (
        ("conductivity", "layer_conductivity", "1/(Ohm m)"),
        ("spin diffusion length", "layer_spin_diffusion_length", "nm"),
    ):
        for index, name in enumerate(stack.names):
            number = facts[key][index]
            if not np.isnan(number) and not stack.layers[index].outermost_only:
                text = f"{number:.4e}" if number >= 1e4 else f"{number:.4f}"
                rows.append((title, text, f"{unit}, {name}"))
    for name, layer in zip(stack.names, stack.layers, strict=True):
        angle = getattr(layer, "spin_hall_angle", None)
        if angle is not None:
            parts = angle if isinstance(angle, tuple) else (angle,)
            rows.append(("spin Hall angle", ", ".join(f"{x:g}" for x in parts), name))
    rows.append(_stray_charge(study.points))
    lines = [
        line
        for label, value, unit in rows
        for line in fold(f"{label:<{_LABEL}}{value:>24}  {unit}", hang=_LABEL)
    ]
    if _REFERENCE not in _models(study.points):
        return lines
    lines += _other_models(study.points)
    method = f"{'solved by':<{_LABEL}}{study.case.settings.solver.method} method on "
    mesh = found_mesh(study.points)
    if mesh is None:
        return [*lines, f"{method}{study.case.mesh().name}"]
    rtol = study.case.settings.mesh.rtol
    error = f"{'mesh error':<{_LABEL}}{mesh.error:.1e}, {mesh.n_polar} x {mesh.n_azimuth} points"
    return [*lines, f"{method}a mesh for rtol = {rtol:g}, {mesh.polar_rule}", error]


def _stray_charge(points: Evaluated) -> tuple[str, str, str]:
    where = _at(points, _models(points)[0], "all")
    charge = max(
        float(np.abs(points.values(f"charge_current_{side}")[where]).max())
        for side in ("minus", "plus")
    )
    scale = float(np.abs(points.values("torque_total")[where]).max())
    value = charge / scale if scale else charge
    return "stray charge current", f"{value:.1e}", "of the torque, 0 in theory"


def _other_models(points: Evaluated) -> list[str]:
    """How far the models without a column are from the Boltzmann equation."""
    lines = []
    totals = points.values("torque_total")
    for model in _models(points):
        if model == _REFERENCE:
            continue
        errors = []
        for source in SINGLE_SOURCES:
            problem = points.message(model=model, source=source)
            if problem:
                errors.append(f"none ({problem})")
                break
            exact = totals[_at(points, _REFERENCE, source)]
            scale = float(np.abs(exact).max())
            error = float(np.abs(totals[_at(points, model, source)] - exact).max())
            name = SOURCES[source].removesuffix(" alone")
            errors.append(f"{error / scale:.1e} ({name})" if scale else f"- ({name})")
        if model != _OTHER or any(text.startswith("none") for text in errors):
            title = MODELS[model].title.removesuffix(" drift-diffusion")
            what = errors[0] if errors[0].startswith("none") else f"off by {', '.join(errors)}"
            lines += fold(f"{title:<{_LABEL}}{what}", hang=2)
    return lines


def _exponent(scale: float) -> int:
    """Power of ten to write above a table whose numbers would not fit its columns."""
    if scale == 0.0 or not math.isfinite(scale) or 1e-1 <= scale < 1e7:
        return 0
    return 3 * math.floor(math.log10(scale) / 3.0)


def _decimals(scale: float) -> int:
    """Decimals that show five digits of `scale`, a number that fits a column."""
    if scale == 0.0 or not math.isfinite(scale):
        return 0
    return max(0, 4 - math.floor(math.log10(scale)))


def _fixed(value: float, decimals: int) -> str:
    if math.isnan(value):
        return "-"
    return f"{round(value, decimals) + 0.0:.{decimals}f}"  # + 0.0 turns -0.0 into 0.0


def _percent(ratio: float) -> str:
    return "-" if math.isnan(ratio) else f"{round(100.0 * ratio, 1) + 0.0:+.1f}"


def _complex(value: complex) -> str:
    if not math.isfinite(abs(value)):
        return "inf"
    exponent = math.floor(math.log10(abs(value))) if value else 0
    scaled = value / 10.0**exponent
    return f"({scaled.real:.4f} {scaled.imag:+.4f}i)e{exponent}"
