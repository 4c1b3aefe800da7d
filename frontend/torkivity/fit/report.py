"""A fit as text and as JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from torkivity.fit.curves import curve_axis, fit_curves
from torkivity.fit.derived import Derived
from torkivity.fit.fit import LEVELS, FitResult, Fitted
from torkivity.fit.tables import error_text

__all__ = ["fit_json", "fit_latex", "fit_report"]


def fit_report(result: FitResult) -> str:
    """Table of parameters, quality of the fit, correlations and warnings.

    Parameters
    ----------
    result : FitResult

    Returns
    -------
    str
    """
    names = [entry.name for entry in result.parameters]
    width = max(map(len, names))
    levels = "".join(f"  {f'{100 * level:.3g} % interval':<23}" for level in LEVELS)
    head = f"  {'':<{width}}  {'value':>10}  {'error':>9}{levels}".rstrip()
    lines = [f"{result.model} model", ""]
    if len(result.data) > 1:
        numbered = (f"{index} {name}" for index, name in enumerate(result.data, start=1))
        lines += [f"data sets: {', '.join(numbered)}", ""]
    lines.append(head)
    lines += [_parameter_line(entry, width) for entry in result.parameters]
    if result.derived:
        lines += ["", "from these, errors to first order", *_derived_lines(result.derived)]
    origin = "error bars" if result.error_bars else "scatter, there are no error bars"
    lines += [
        "",
        f"{len(result.points)} points, {result.degrees_of_freedom} degrees of freedom, "
        f"errors from the {origin}",
    ]
    if result.error_bars:
        lines.append(f"chi-square {result.chi_square:.4g}")
    if result.correlations:
        lines += ["", "correlations"]
        ranked = sorted(result.correlations.items(), key=lambda item: -abs(item[1]))
        lines += [f"  {value:+.3f}  {first}, {second}" for (first, second), value in ranked[:6]]
    if result.remarks:
        lines += ["", "assumed", *(f"  - {note}" for note in result.remarks)]
    if result.warnings:
        lines += ["", "warnings", *(f"  - {note}" for note in result.warnings)]
    return "\n".join(lines)


def _parameter_line(entry: Fitted, width: int) -> str:
    intervals = "".join(
        f"  {str(entry.intervals[level]) if level in entry.intervals else '':<23}"
        for level in LEVELS
    )
    unit = "" if entry.unit == "1" else entry.unit
    error = error_text(entry)
    return f"  {entry.name:<{width}}  {entry.value:>10.4g}  {error:>9}{intervals}{unit}".rstrip()


def _derived_lines(derived: Sequence[Derived]) -> list[str]:
    width = max(len(entry.name) for entry in derived)
    return [
        f"  {entry.name:<{width}}  {entry.value:>10.4g}  "
        f"{'' if entry.error is None else f'{entry.error:.3g}':>9}"
        f"  {'' if entry.unit == '1' else entry.unit}".rstrip()
        for entry in derived
    ]


def fit_json(result: FitResult) -> dict[str, Any]:
    """Everything in a fit as what JSON can hold.

    Null stands for what is infinite or unknown, and for the open end of an interval.

    Parameters
    ----------
    result : FitResult

    Returns
    -------
    dict
    """
    return {
        "model": result.model,
        "success": result.success,
        "chi_square": _plain(result.chi_square),
        "data": list(result.data),
        "degrees_of_freedom": result.degrees_of_freedom,
        "error_bars": result.error_bars,
        "parameters": {
            entry.name: {
                "value": _plain(entry.value),
                "unit": entry.unit,
                "error": _plain(entry.error),
                "varied": entry.varied,
                "at_bound": entry.at_bound,
                "intervals": {
                    f"{level:g}": [_plain(end) for end in interval]
                    for level, interval in entry.intervals.items()
                },
            }
            for entry in result.parameters
        },
        "derived": {
            entry.name: {
                "value": _plain(entry.value),
                "unit": entry.unit,
                "error": _plain(entry.error),
            }
            for entry in result.derived
        },
        "correlations": [
            {"between": list(pair), "value": value} for pair, value in result.correlations.items()
        ],
        "points": [
            {**{key: _plain(value) for key, value in asdict(point).items()}, "error_bar": bar}
            for point, bar in zip(result.points, _error_bars(result), strict=True)
        ],
        "axes": {data.name: curve_axis(data) for data in result.state.problem.sets},
        "curves": [
            {
                **{key: getattr(curve, key) for key in ("data", "component", "quantity", "axis")},
                "at": curve.at,
                "x": curve.x.tolist(),
                "model": curve.model.tolist(),
                "error": [_plain(error) for error in curve.error.tolist()],
            }
            for curve in fit_curves(result)
        ],
        "assumed": list(result.remarks),
        "warnings": list(result.warnings),
    }


def _error_bars(result: FitResult) -> list[list[float] | None]:
    """Lengths below and above each point, where the data have error bars."""
    lengths = result.state.problem.bar_lengths
    if lengths is None:
        return [None] * len(result.points)
    return [list(map(float, pair)) for pair in zip(*lengths, strict=True)]


def fit_latex(result: FitResult) -> str:
    """Table of the parameters and what follows from them, for LaTeX.

    Parameters
    ----------
    result : FitResult

    Returns
    -------
    str
        A ``tabular`` that needs no package.
    """
    widest = f"{100 * LEVELS[-1]:.3g}\\,\\% interval"
    lines = [
        r"\begin{tabular}{lllll}",
        r"\hline",
        rf"quantity & value & error & {widest} & unit \\",
        r"\hline",
    ]
    rows: list[tuple[Fitted | Derived, str, str]] = []
    for entry in result.parameters:
        interval = entry.intervals.get(LEVELS[-1])
        rows.append((entry, error_text(entry), "" if interval is None else str(interval)))
    lines += [_latex_row(*row) for row in rows]
    lines.append(r"\hline")
    for derived in result.derived:
        error = "" if derived.error is None else f"{derived.error:.2g}"
        lines.append(_latex_row(derived, error, ""))
    return "\n".join([*lines, r"\hline", r"\end{tabular}"]) + "\n"


def _latex_row(entry: Fitted | Derived, error: str, interval: str) -> str:
    places = _digits_after(entry.error)
    value = f"{entry.value:.4g}" if places is None else f"{entry.value:.{places}f}"
    interval = interval.replace("<", "$<$").replace(">", "$>$").replace("...", r"to")
    if places is not None and entry.error is not None:
        error = f"{entry.error:.{places}f}"
    unit = "" if entry.unit == "1" else _latex_unit(entry.unit)
    name = entry.name.replace("_", " ")
    cells = [name, _latex_number(value), _latex_number(error), interval, unit]
    return " & ".join(cells) + r" \\"


def _latex_number(text: str) -> str:
    """A number in mathematics, words as they are."""
    if text == "inf":
        return r"$\infty$"
    mantissa, exponent, power = text.partition("e")
    try:
        float(text)
    except ValueError:
        return text
    return f"${mantissa}\\times10^{{{int(power)}}}$" if exponent else f"${text}$"


def _latex_unit(unit: str) -> str:
    """A unit in mathematics."""
    head, _, rest = unit.partition(" ")
    power = re.fullmatch(r"1e(-?\d+)", head)
    text = rest if power else unit
    for plain, symbol in (("hbar", r"\hbar"), ("uOhm", r"\mu\Omega"), ("Ohm", r"\Omega")):
        text = text.replace(plain, symbol)
    text = re.sub(r"\^(-\d+)", r"^{\1}", text)
    text = re.sub(r"(?<![A-Za-z\\])(mS|cm|nm|m)\b", r"\\mathrm{\1}", text).replace(" ", r"\,")
    if power:
        text = rf"10^{{{power[1]}}}\ {text}".removesuffix(r"\ ")
    return f"${text}$"


def _digits_after(error: float | None) -> int | None:
    """Digits after the point that show two of an error; None where a plain number is better."""
    if error is None or not 1e-6 < error < 100.0:
        return None
    return max(0, 1 - math.floor(math.log10(error)))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
