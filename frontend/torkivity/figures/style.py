"""What all figures share: size, ticks, labels, the look of models, and writing them.

Models differ in line and marker, sources and values in lightness too, so that grey print is
enough. Matplotlib's object interface alone is used: no display, no global state.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import ArrayLike

from torkivity.catalogue import MODELS
from torkivity.figures.errors import FigureError
from torkivity.results.selection import plain_value
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    import xarray

__all__ = [
    "MODEL_COLOURS",
    "MODEL_STYLES",
    "PER_FIELD",
    "WIDTH",
    "Coordinate",
    "axis_symbol",
    "legend_below",
    "model_handle",
    "new_figure",
    "panel_titles",
    "point_label",
    "power_of_ten",
    "save_figure",
    "unit_label",
]


#: Inches: two columns of a journal.
WIDTH = 7.0

PER_FIELD = r"per $\tilde{E}$"

MODEL_STYLES: dict[str, dict[str, Any]] = {name: {**m.line} for name, m in MODELS.items()}
MODEL_COLOURS = {name: model.colour for name, model in MODELS.items()}

_UNITS = {
    "degree": "deg",
    "1/(Ohm m)": r"$\Omega^{-1}$m$^{-1}$",
    "1/(Ohm m^2)": r"$\Omega^{-1}$m$^{-2}$",
    "(hbar/2e)/(Ohm m)": r"$(\hbar/2e)\,\Omega^{-1}$m$^{-1}$",
    "1/nm": "nm$^{-1}$",
    "Ohm m": r"$\Omega\,$m",
    "%": r"%",
}


#: Characters of an axis label in one line.
_LONGEST_LABEL = 36


class Coordinate:
    """Axis of a sweep as matplotlib can draw it.

    Parameters
    ----------
    values : xarray.DataArray, shape (n,)

    Attributes
    ----------
    name : str
    positions : ndarray, shape (n,)
        Numbers, or 0, 1, ... for names.
    names : list of str or None
    label : str
        With the unit.
    logarithmic : bool
        Whether the values are spaced like powers rather than evenly.

    Raises
    ------
    InputError
        For infinite values, which no axis has room for.
    """

    def __init__(self, values: xarray.DataArray) -> None:
        name = self.name = str(values.name)
        units = str(values.attrs.get("units", "1"))
        self.label = axis_title(values) + (f" ({_UNITS.get(units, units)})" if units != "1" else "")
        self.names: list[str] | None = None
        if values.dtype.kind in "fiu":
            self.positions = np.asarray(values.values, dtype=np.float64)
            if not np.isfinite(self.positions).all():
                raise InputError("axis", name, "has infinite values and cannot be drawn along")
        else:
            self.names = [str(value) for value in values.values]
            self.positions = np.arange(len(self.names), dtype=np.float64)
        self.logarithmic = self.names is None and _is_logarithmic(self.positions)

    def apply(self, axis: Any) -> None:
        """Label, ticks and spacing of a matplotlib axis (`axes.xaxis` or `axes.yaxis`)."""
        axis.set_label_text(_in_lines(self.label))
        if self.names is not None:
            axis.set_ticks(self.positions, self.names)
        elif self.logarithmic:
            (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log")
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
        elif np.all(self.positions == np.round(self.positions)):
            axis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def _in_lines(label: str) -> str:
    """A label in two lines where one would be wider than a panel; formulas stay whole."""
    words = re.findall(r"\$[^$]*\$\S*|\S+", label)
    widths = [len(re.sub(r"\$[^$]*\$", "xx", word)) + 1 for word in words]
    if sum(widths) <= _LONGEST_LABEL:
        return label
    # As even as can be.
    cut = min(range(1, len(words)), key=lambda n: abs(sum(widths[:n]) - sum(widths[n:])), default=0)
    return "\n".join(filter(None, (" ".join(words[:cut]), " ".join(words[cut:]))))


def axis_title(values: xarray.DataArray) -> str:
    """An axis in words, with its symbol: whose parameter, and which."""
    name, symbol = str(values.name), str(values.attrs.get("symbol", ""))
    owner, dot, _ = _taken_apart(name)
    words = str(values.attrs.get("long_name", name)) if dot else name.replace("_", " ")
    return " ".join(part for part in (owner, words, symbol) if part)


def _taken_apart(path: str) -> tuple[str, str, str]:
    """Layer or interface, none for what belongs to all of the film, dot and key of a path."""
    found = re.fullmatch(r'("[^"]*"|[^."]+)(\.)(.+)', path)
    if found is None:
        return "", "", path
    owner, dot, key = found.groups()
    return "" if owner in ("film", "mesh", "drift_diffusion") else owner.strip('"'), dot, key


def _is_logarithmic(values: FloatArray) -> bool:
    """Whether values are spaced like powers rather than evenly."""
    if len(values) < 3 or values.min() <= 0.0 or values.max() < 5.0 * values.min():
        return False
    even, powers = np.diff(np.sort(values)), np.diff(np.log(np.sort(values)))
    return bool(powers.std() / powers.mean() < even.std() / even.mean())


def axis_symbol(name: str, dataset: xarray.Dataset) -> str:
    """Short name of an axis."""
    if name not in dataset.coords:
        return name
    symbol = str(dataset[name].attrs.get("symbol", ""))
    owner, _, _ = _taken_apart(name)
    return f"{owner} {symbol}".strip() if symbol else axis_title(dataset[name])


def point_label(values: Mapping[str, Any], dataset: xarray.Dataset) -> str:
    """Axis values in a figure's words, with symbols and units."""
    parts = []
    for name, value in values.items():
        units = str(dataset[name].attrs.get("units", "1")) if name in dataset.coords else "1"
        text = f"{axis_symbol(name, dataset)} = {plain_value(value)}"
        is_number = not isinstance(value, str) and units != "1"
        parts.append(text + (f" {_UNITS.get(units, units)}" if is_number else ""))
    return ", ".join(parts)


def power_of_ten(*arrays: ArrayLike) -> int:
    """Exponent that is taken out of numbers for a label; zero where none is needed."""
    finite = [a[np.isfinite(a)] for a in (np.abs(np.asarray(x, dtype=np.float64)) for x in arrays)]
    largest = max((float(a.max()) for a in finite if a.size), default=0.0)
    exponent = math.floor(math.log10(largest)) if largest > 0.0 else 0
    return 0 if -2 < exponent < 3 else exponent


def unit_label(units: str, exponent: int = 0) -> str:
    """Unit with a power of ten in front, in brackets, or nothing for a plain number."""
    power = f"$10^{{{exponent}}}$" if exponent else ""
    text = "" if units == "1" else _UNITS.get(units, units.replace("Ohm", r"$\Omega$"))
    both = r"$\,$".join(part for part in (power, text) if part)
    return f"({both})" if both else ""


def new_figure(
    rows: int, columns: int, height: float, *, width: float = WIDTH, sharex: bool = False
) -> tuple[Figure, list[Axes]]:
    """Figure with panels, row by row, ticks inwards, lettered from the second panel on.

    Parameters
    ----------
    rows, columns : int
    height, width : float
        Inches.
    sharex : bool, optional

    Returns
    -------
    figure : matplotlib.figure.Figure
    panels : list of matplotlib.axes.Axes
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = list(figure.subplots(rows, columns, sharex=sharex, squeeze=False).flat)
    for axes in panels:
        axes.tick_params(which="both", direction="in", top=True, right=True, labelsize=8)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_fontsize(9)
    return figure, panels


def panel_titles(panels: Iterable[Axes], titles: Iterable[str], x: float = 0.0) -> None:
    """Titles with letters, without them for a single panel, from a part of the panel's width."""
    pairs = list(zip(panels, titles, strict=True))
    for letter, (axes, title) in zip("abcdefghijklmnop", pairs, strict=False):
        text = f"({letter}) {title}" if len(pairs) > 1 else title
        axes.set_title(text.strip(), loc="left", fontsize=9, x=x)


def model_handle(model: str, colour: str | None = None) -> Line2D:
    """Entry of a legend for a model."""
    style = MODEL_STYLES[model] | {"color": colour or MODEL_COLOURS[model]}
    return Line2D([], [], label=MODELS[model].title, **style)


def legend_below(
    figure: Figure, handles: Iterable[Any], columns: int = 2, handlelength: float | None = None
) -> None:
    """Legend under all panels."""
    figure.legend(
        handles=list(handles),
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=8,
        handlelength=handlelength,
    )


#: What writes a format, whatever the environment would show figures with.
_BACKENDS = {"png": "agg", "pdf": "pdf", "svg": "svg"}


def save_figure(figure: Figure, path: Path, file_format: str) -> None:
    """Write a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : Path
        Any name: the format does not follow from it.
    file_format : str
        "png", "pdf" or "svg".

    Raises
    ------
    FigureError
        If text cannot be set (mathtext of a name, LaTeX that the user's settings ask for and
        the machine lacks), or the file cannot be written.
    """
    try:
        figure.savefig(path, format=file_format, dpi=300, backend=_BACKENDS[file_format])
    except Exception as error:  # it draws only now, and raises whatever its parts do
        text = " ".join(str(error).split()) or type(error).__name__
        raise FigureError(text if len(text) <= 200 else f"{text[:197]}...") from error
