"""Figs. 2, 3 and 4 of the paper, drawn from computed data.

Models differ in line and marker, quantities in lightness too, so that grey print is enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from torkivity import catalogue
from torkivity.figures.style import MODEL_COLOURS, MODEL_STYLES, WIDTH, legend_below
from torkivity.paper.data import MODELS, FigureData
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError

__all__ = ["paper_figure"]


#: What the general figures call the models.
_MODELS = {model.parameters or name: name for name, model in catalogue.MODELS.items()}
_STYLES = {name: MODEL_STYLES[model] for name, model in _MODELS.items()}
_COLOURS = {name: MODEL_COLOURS[model] for name, model in _MODELS.items()}
_NAMES = ("damping-like", "field-like")


def paper_figure(data: FigureData) -> Figure:
    """Draw one of the paper's figures.

    Parameters
    ----------
    data : FigureData

    Returns
    -------
    matplotlib.figure.Figure
        7 inches wide.

    Raises
    ------
    InputError
        For data of another figure.
    """
    draw: dict[str, Callable[[FigureData], Figure]] = {
        "fig2": _thickness_figure,
        "fig3": _exchange_figure,
        "fig4": _rashba_figure,
    }
    if data.name not in draw:
        raise InputError("figure", data.name, f"must be one of {', '.join(draw)}")
    return draw[data.name](data)


def _thickness_figure(data: FigureData) -> Figure:
    figure, panels = _panels(2, 2, 4.9, sharex=True)
    thickness = data.axis("heavy_metal_thickness")
    # The last thickness stands for a thick film and is not drawn.
    shown = slice(None, -1)
    for column, (source, name) in enumerate((("spin_hall", "spin Hall"), ("rashba", "Rashba"))):
        for row in range(2):
            axes = panels[row][column]
            # Without driven currents there is nothing that App. D could change.
            models = [m for m in MODELS if not (m == "half_space" and source == "spin_hall")]
            curves = {m: data.torque("total", m, source)[row][shown] for m in models}
            scale = _label(axes, f"{_NAMES[row]} torque", curves["boltzmann"])
            for model in models:
                _draw_model(axes, model, thickness[shown], curves[model] / scale)
            _title(axes, 2 * row + column, f"{name}, {_NAMES[row]}")
            axes.set_xlim(0.0, float(thickness[-2]) * 1.02)
            axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    for axes in panels[-1]:
        axes.set_xlabel("heavy-metal thickness $t$ (nm)")
    legend_below(figure, [_model_handle(model) for model in MODELS], 2, handlelength=2.8)
    return figure


def _exchange_figure(data: FigureData) -> Figure:
    figure, panels = _panels(3, 2, 7.2, sharex=True)
    exchange = data.axis("exchange")
    for column, ratio in enumerate(data.axis("rashba_ratio")):
        strength = f"$u_R/u_0 = {ratio:g}$"
        for row in range(2):
            axes = panels[row][column]
            curves = {model: data.torque("total", model)[row, column] for model in MODELS}
            scale = _label(axes, f"{_NAMES[row]} torque", curves["boltzmann"])
            for model, curve in curves.items():
                _draw_model(axes, model, exchange, curve / scale)
            _title(axes, 2 * row + column, f"{_NAMES[row]}, {strength}")
        axes = panels[2][column]
        parts = {
            part: [data.torque(part, model)[:, column] for model in ("boltzmann", "particular")]
            for part in ("interface", "ferromagnet")
        }
        scale = _label(axes, "torque", np.array(list(parts.values())))
        for part, (exact, ours) in parts.items():
            for k in range(2):
                line, marker = _part_style(part, k)
                axes.plot(exchange, exact[k] / scale, **line)
                _draw_markers(axes, exchange, ours[k] / scale, marker)
        _title(axes, 4 + column, f"parts, {strength}; markers: App. B")
        axes.set_xlabel("exchange $u_{ex}$")
    handles = [_model_handle(model) for model in MODELS]
    handles += [
        Line2D([], [], label=f"(e, f) {name}, {_NAMES[k]}", **(line | _marker_only(marker)))
        for part, name in (("interface", "interface"), ("ferromagnet", "bulk"))
        for k in range(2)
        for line, marker in [_part_style(part, k)]
    ]
    legend_below(figure, handles, 2, handlelength=2.8)
    return figure


def _rashba_figure(data: FigureData) -> Figure:
    figure, panels = _panels(3, 2, 7.4, sharex=True)
    ratio, exchanges = data.axis("rashba_ratio"), data.axis("exchange")
    styles = _exchange_styles(len(exchanges))
    for row, (part, name) in enumerate(
        (("total", "total"), ("interface", "interface"), ("ferromagnet", "bulk"))
    ):
        torque = {m: data.torque(part, m) for m in ("boltzmann", "particular", "boundary_layer")}
        for column in range(2):
            axes = panels[row][column]
            scale = _label(axes, f"{name} torque", torque["boltzmann"][column])
            for i, (line, marker) in enumerate(styles):
                axes.plot(ratio, torque["boltzmann"][column, :, i] / scale, **line)
                cross = _STYLES["boundary_layer"] | {"color": line["color"]}
                for model, style in (("particular", marker), ("boundary_layer", cross)):
                    _draw_markers(axes, ratio, torque[model][column, :, i] / scale, style)
            _title(axes, 2 * row + column, f"{name}, {_NAMES[column]}")
            axes.set_xlim(0.0, float(ratio[-1]) * 1.02)
    for axes in panels[-1]:
        axes.set_xlabel("Rashba strength $u_R/u_0$")
    handles = [
        Line2D([], [], label=f"$u_{{ex}} = {exchange:g}$", **(line | _marker_only(marker)))
        for exchange, (line, marker) in zip(exchanges, styles, strict=True)
    ]
    grey = {"color": "0.35"}
    handles += [
        Line2D([], [], label=f"lines: {MODELS['boltzmann']}", **(_STYLES["boltzmann"] | grey)),
        Line2D([], [], label=f"open: {MODELS['particular']}", **(_STYLES["particular"] | grey)),
        Line2D([], [], label=MODELS["boundary_layer"], **(_STYLES["boundary_layer"] | grey)),
    ]
    legend_below(figure, handles, 4, handlelength=2.8)
    return figure


def _panels(
    rows: int, columns: int, height: float, *, sharex: bool
) -> tuple[Figure, list[list[Axes]]]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=sharex, squeeze=False)
    for axes in panels.flat:
        axes.axhline(0.0, color="0.7", linewidth=0.6, zorder=0)
        axes.tick_params(direction="in", top=True, right=True, labelsize=8)
        axes.xaxis.label.set_fontsize(9)
        axes.yaxis.label.set_fontsize(9)
        axes.margins(x=0.03, y=0.09)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    return figure, [list(row) for row in panels]


def _label(axes: Axes, name: str, values: FloatArray) -> float:
    """Label the ordinate and return the power of ten that its numbers are divided by."""
    exponent = math.floor(math.log10(float(np.abs(values).max())))
    axes.set_ylabel(f"{name} per $\\tilde{{E}}$\n($10^{exponent}\\,\\Omega^{{-1}}$m$^{{-1}}$)")
    return float(10.0**exponent)


def _title(axes: Axes, index: int, text: str) -> None:
    axes.set_title(f"({'abcdef'[index]}) {text}", loc="left", fontsize=8.5)


def _draw_model(axes: Axes, model: str, x: FloatArray, y: FloatArray) -> None:
    style = _STYLES[model] | {"color": _COLOURS[model]}
    if "marker" in style:
        _draw_markers(axes, x, y, style)
    else:
        axes.plot(x, y, **style)


def _draw_markers(axes: Axes, x: FloatArray, y: FloatArray, style: dict[str, Any]) -> None:
    """About twenty markers; crosses between the circles where there are points enough."""
    every = max(len(x) // 20, 1)
    start = every // 2 if style["marker"] == "x" else 0
    axes.plot(x[start::every], y[start::every], zorder=3, **style)


def _part_style(part: str, kind: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Line of Boltzmann and marker of App. B for one part and component."""
    colour = {"interface": "#b5251a", "ferromagnet": "#1d5fb0"}[part]
    line = {
        "color": colour,
        "linestyle": ("-", "--")[kind],
        "linewidth": {"interface": 1.9, "ferromagnet": 1.1}[part],
    }
    filled = part == "interface"
    marker = {
        "color": colour,
        "linestyle": "none",
        "marker": "os"[kind],
        "markersize": 3.8,
        "markerfacecolor": colour if filled else "white",
        "markeredgewidth": 0.8,
    }
    return line, marker


def _marker_only(style: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in style.items() if key not in ("linestyle", "color")}


def _exchange_styles(count: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Lines from light and dotted to dark and solid, weak exchange first, and their markers."""
    looks = (
        ("#d99a3d", ":", "o"),
        ("#4fa08b", "-.", "s"),
        ("#b5251a", "--", "^"),
        ("#14305c", "-", "D"),
    )
    chosen = [looks[i % len(looks)] for i in range(count)]
    return [
        (
            {"color": colour, "linestyle": line, "linewidth": 1.4},
            _STYLES["particular"] | {"color": colour, "marker": marker, "markersize": 3.8},
        )
        for colour, line, marker in chosen
    ]


def _model_handle(model: str) -> Line2D:
    return Line2D([], [], label=MODELS[model], **(_STYLES[model] | {"color": _COLOURS[model]}))
