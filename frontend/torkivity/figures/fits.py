"""Figures of fits: measured torques, fitted curves with their uncertainty, residuals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from torkivity.fit.curves import Curve, curve_axis, fit_curves
from torkivity.fit.fit import FitResult, Fitted, Point
from torkivity.fit.observables import OBSERVABLES, quantity_label
from torkivity_engine.film.component import Component, fields_of, forms_of
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.quantity import Quantity

__all__ = [
    "AXIS_LABELS",
    "OUTLIER",
    "SERIES_STYLES",
    "Place",
    "fit_figure",
    "point_x",
    "series_key",
    "series_label",
]

# Colour, marker and line of a data set differ together, so grey print is enough.
SERIES_STYLES = (
    ("#14305c", "o", "-"),
    ("#d9822b", "s", "--"),
    ("#3f8f7c", "^", "-."),
    ("#8c3b6e", "D", ":"),
    ("#5c5c5c", "v", (0, (5, 1, 1, 1, 1, 1))),
)
OUTLIER = "#b3001b"
AXIS_LABELS = {
    "thickness": "heavy-metal thickness (nm)",
    "theta": r"polar angle $\theta$ of $\hat{m}$ (deg)",
    "phi": r"azimuth $\varphi$ of $\hat{m}$ (deg)",
}
_SYMBOLS = {
    "thickness": "$t$ = {:g} nm",
    "theta": r"$\theta$ = {:g}°",
    "phi": r"$\varphi$ = {:g}°",
}


def _film_labels() -> dict[str, str]:
    """Symbols of what films are made of, as their classes have them."""
    kinds: tuple[type[Component], ...] = (HeavyMetal, Ferromagnet, RashbaInterface)
    found: dict[str, Quantity | None] = {}
    for kind in kinds:
        found |= {name: field.quantity for name, field in fields_of(kind).items()}
        for form in forms_of(kind).values():
            found |= form
    return {name: quantity.label for name, quantity in found.items() if quantity and quantity.label}


#: Symbols of parameters of fits.
_PARAMETERS = {
    **_film_labels(),
    "spin_hall_conductivity": r"$\sigma_{SH}$",
    "spin_diffusion_length_resistivity": r"$l_{sf}\rho$",
    "mixing_conductance_real": r"Re $G_{\uparrow\downarrow}$",
    "mixing_conductance_imag": r"Im $G_{\uparrow\downarrow}$",
    "interface_current_damping_like": "$j_{E,d}$",
    "interface_current_field_like": "$j_{E,f}$",
    "lattice_torque_damping_like": r"$\tau_{\mathrm{latt},d}$",
    "lattice_torque_field_like": r"$\tau_{\mathrm{latt},f}$",
    "resistivity": r"$\rho_0$",
    "resistivity_surface": "$k$",
    "shunt_conductance": r"$G_{\mathrm{shunt}}$",
    "intrinsic_damping": r"$\alpha_0$",
    "longitudinal_conductance": r"$G_m$",
    "memory_loss": r"$\delta$",
    "area_resistance": "$AR$",
}
_UNITS = {
    "1e5 (hbar/2e)/(Ohm m)": r"$\times 10^5(\hbar/2e)\,\Omega^{-1}\mathrm{m}^{-1}$",
    "1e15 1/(Ohm m^2)": r"$\times 10^{15}\,\Omega^{-1}\mathrm{m}^{-2}$",
    "1e-15 Ohm m^2": r"$\times 10^{-15}\,\Omega\,\mathrm{m}^2$",
    "uOhm cm": r"$\mu\Omega\,$cm",
    "uOhm cm nm": r"$\mu\Omega\,$cm$\,$nm",
    "1e-3": r"$\times 10^{-3}$",
}

#: Panels side by side.
_ACROSS = 3

#: A panel: component, quantity, axis.
_Panel = tuple[str, str, str]
#: A line in a panel: data set, and where its other axes stand.
_Key = tuple[str, tuple[tuple[str, float], ...]]


def fit_figure(result: FitResult, title: str = "") -> Figure:
    """Measured torques with the fitted model above their residuals.

    Bands are 68 % intervals of the curve from the covariance of the parameters. Outliers have a
    ring, and the fit without them is dotted.

    Parameters
    ----------
    result : FitResult
    title : str, optional
        Line above the panels.

    Returns
    -------
    matplotlib.figure.Figure
        A pair of panels for each component and quantity that was measured.
    """
    axis_of = {data.name: curve_axis(data) for data in result.state.problem.sets}
    lengths = result.state.problem.bar_lengths
    bars = [None] * len(result.points) if lengths is None else list(zip(*lengths, strict=True))
    panels: dict[_Panel, list[tuple[Point, Any]]] = {}
    for point, bar in zip(result.points, bars, strict=True):
        panel = (point.component, point.quantity, axis_of[point.data])
        panels.setdefault(panel, []).append((point, bar))
    curves = {_panel_and_key(curve): curve for curve in fit_curves(result)}
    others = fit_curves(result, without_outliers=True)
    rest = {_panel_and_key(curve): curve for curve in others}
    keys = list(dict.fromkeys(series_key(point, axis_of[point.data]) for point in result.points))
    styles = {key: SERIES_STYLES[index % len(SERIES_STYLES)] for index, key in enumerate(keys)}

    count = len(panels)
    across = count if count <= _ACROSS else math.ceil(count / math.ceil(count / _ACROSS))
    down = math.ceil(count / across)
    figure = Figure(figsize=(7.0 if across == 2 else max(3.6, 3.3 * across), 0.6 + 3.5 * down))
    figure.set_layout_engine("constrained")
    ratios = (3.0, 1.0) * down
    grid = figure.subplots(2 * down, across, squeeze=False, height_ratios=ratios)
    for place, (panel, measured) in enumerate(panels.items()):
        row, column = divmod(place, across)
        upper, lower = grid[2 * row : 2 * row + 2, column]
        lower.sharex(upper)
        upper.tick_params(labelbottom=False)
        _draw_torques(upper, panel, measured, styles, curves, rest)
        _draw_residuals(lower, panel, measured, styles, result.error_bars)
        letter = f"({chr(97 + place)}) " if count > 1 else ""
        upper.set_title(f"{letter}{OBSERVABLES[panel[0]].title}", loc="left", fontsize=9)
        for axes in (upper, lower):
            axes.tick_params(direction="in", top=True, right=True, labelsize=8)
            for label in (axes.xaxis.label, axes.yaxis.label):
                label.set_fontsize(9)
    for unused in grid.reshape(down, 2, across).transpose(0, 2, 1).reshape(-1, 2)[count:].flat:
        unused.remove()
    figure.align_ylabels(grid)
    handles = _legend(
        keys, styles, result, any(np.isfinite(c.error).all() for c in curves.values())
    )
    columns = 2 if count == 1 else 4
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(columns, len(handles)),
        frameon=False,
        fontsize=8,
    )
    heading = [title] if title else []
    figure.suptitle("\n".join([*heading, *_value_lines(result, across)]), fontsize=8.5)
    return figure


def _value_lines(result: FitResult, panels: int) -> list[str]:
    """Fitted values and what is left over, as many in a line as there is room for."""
    texts = [_value_text(entry) for entry in result.parameters if entry.varied]
    if result.error_bars:
        texts.append(rf"$\chi^2$ = {result.chi_square:.3g} / {result.degrees_of_freedom}")
    room = 2 if panels == 1 else 2 * panels - 1
    return [",   ".join(texts[first : first + room]) for first in range(0, len(texts), room)]


def _value_text(entry: Fitted) -> str:
    """A fitted value with its error, a one-sided bound, or the bound that it stands at."""
    base, _, number = entry.name.rpartition("_")
    name, end = (base, f", {number}") if number.isdigit() else (entry.name, "")
    symbol = _PARAMETERS.get(name, name.replace("_", " "))
    unit = "" if entry.unit == "1" else f" {_UNITS.get(entry.unit, entry.unit)}"
    text = f"{entry.value:.4g}"
    interval = next(iter(entry.intervals.values()), None)
    if entry.error is not None:
        digits = max(0, 1 - math.floor(math.log10(entry.error)))
        text = f"{entry.value:.{digits}f} ± {entry.error:.{digits}f}"
        text = f"({text})" if unit else text
    elif interval is not None and interval.is_open:
        text = str(interval)
        return f"{symbol}{end} {text}{unit}"
    elif entry.at_bound:
        text += " (bound)"
    return f"{symbol}{end} = {text}{unit}"


class Place(Protocol):
    """Where a torque was measured."""

    @property
    def data(self) -> str:
        """Name of the data set."""

    @property
    def thickness(self) -> float:
        """nm."""

    @property
    def theta_deg(self) -> float | None:
        """Polar angle of m."""

    @property
    def phi_deg(self) -> float | None:
        """Azimuth of m."""


def series_key(point: Place, axis: str) -> _Key:
    """Data set of a point, and where the axes stand that are not drawn."""
    places = {"thickness": point.thickness, "theta": point.theta_deg, "phi": point.phi_deg}
    at = tuple((n, v) for n, v in places.items() if v is not None and n != axis)
    return point.data, at


def _panel_and_key(curve: Curve) -> tuple[_Panel, _Key]:
    panel = (curve.component, curve.quantity, curve.axis)
    return panel, (curve.data, tuple(curve.at.items()))


def _draw_torques(
    axes: Axes,
    panel: _Panel,
    measured: Sequence[tuple[Point, Any]],
    styles: dict[_Key, Any],
    curves: dict[tuple[_Panel, _Key], Curve],
    rest: dict[tuple[_Panel, _Key], Curve],
) -> None:
    _, quantity, axis = panel
    scale, text = quantity_label(quantity)
    shown: list[float] = []
    for key, (colour, _, line) in styles.items():
        curve = curves.get((panel, key))
        if curve is None:
            continue
        model, error = scale * curve.model, scale * curve.error
        axes.plot(curve.x, model, color=colour, linestyle=line, linewidth=1.3)
        shown += [float(model.min()), float(model.max())]
        if np.isfinite(error).all():
            axes.fill_between(
                *(curve.x, model - error, model + error), color=colour, alpha=0.22, linewidth=0.0
            )
        if (panel, key) in rest:
            axes.plot(
                *(curve.x, scale * rest[panel, key].model),
                color=OUTLIER,
                linestyle=(0, (1, 1.5)),
                linewidth=1.2,
            )
    for point, bar in measured:
        colour, marker, _ = styles[series_key(point, axis)]
        axes.errorbar(
            [point_x(point, axis)],
            [scale * point.measured],
            yerr=None if bar is None else scale * np.array(bar)[:, None],
            color=colour,
            marker=marker,
            markersize=4.0,
            markerfacecolor="white",
            capsize=2.0,
            linewidth=1.0,
            zorder=3,
        )
        below, above = (0.0, 0.0) if bar is None else bar
        shown += [scale * (point.measured - below), scale * (point.measured + above)]
        if point.stands_out:
            _ring(axes, point_x(point, axis), scale * point.measured)
    axes.set_ylabel(text)
    # A band may be so wide that nothing else would be seen.
    margin = 0.08 * (max(shown) - min(shown)) or 1.0
    axes.set_ylim(min(shown) - margin, max(shown) + margin)


def _draw_residuals(
    axes: Axes,
    panel: _Panel,
    measured: Sequence[tuple[Point, Any]],
    styles: dict[_Key, Any],
    error_bars: bool,
) -> None:
    axis = panel[2]
    axes.axhspan(-1.0, 1.0, color="0.92", zorder=0)
    axes.axhline(0.0, color="0.5", linewidth=0.7, zorder=1)
    for point, _ in measured:
        colour, marker, _ = styles[series_key(point, axis)]
        place = (point_x(point, axis), point.residual)
        axes.plot(*place, color=colour, marker=marker, markersize=4.0, markerfacecolor="white")
        if point.stands_out:
            _ring(axes, *place)
    reach = 1.25 * max(1.6, *(abs(point.residual) for point, _ in measured))
    axes.set_ylim(-reach, reach)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.set_xlabel(AXIS_LABELS[axis])
    axes.set_ylabel("residual\n" + ("(error bars)" if error_bars else "(std. dev.)"))


def _ring(axes: Axes, x: float, y: float) -> None:
    axes.plot(
        *(x, y),
        "o",
        color=OUTLIER,
        markersize=10.0,
        markerfacecolor="none",
        markeredgewidth=1.2,
        clip_on=False,  # a point at the edge has a whole ring
        zorder=4,
    )


def point_x(point: Place, axis: str) -> float:
    """Value of a point along an axis."""
    places = {"thickness": point.thickness, "theta": point.theta_deg, "phi": point.phi_deg}
    value = places[axis]
    assert value is not None
    return value


def _legend(
    keys: Sequence[_Key], styles: dict[_Key, Any], result: FitResult, band: bool
) -> list[Line2D | Patch]:
    """Entries for the data sets, the band and the ring."""
    handles: list[Line2D | Patch] = []
    for key in keys:
        colour, marker, line = styles[key]
        handles.append(
            Line2D(
                *([], []),
                color=colour,
                marker=marker,
                linestyle=line,
                markersize=4.0,
                markerfacecolor="white",
                linewidth=1.3,
                label=series_label(key, keys),
            )
        )
    if band:
        handles.append(Patch(color=styles[keys[0]][0], alpha=0.22, label="68 % band of the fit"))
    if any(point.stands_out for point in result.points):
        handles.append(
            Line2D(
                *([], []),
                color=OUTLIER,
                marker="o",
                linestyle="none",
                markersize=8.0,
                markerfacecolor="none",
                label="does not follow the others",
            )
        )
    if result.outliers:
        handles.append(
            Line2D(
                *([], []),
                color=OUTLIER,
                linestyle=(0, (1, 1.5)),
                linewidth=1.2,
                label="fit without these",
            )
        )
    return handles


def series_label(key: _Key, keys: Sequence[_Key]) -> str:
    """Name of the data set, and what its other axes are where they differ."""
    name, at = key
    others = [dict(places) for known, places in keys if known == name]
    differing = [
        _SYMBOLS[axis].format(value)
        for axis, value in at
        if len({places.get(axis) for places in others}) > 1
    ]
    return ", ".join([name, *differing])
