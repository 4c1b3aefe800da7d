"""Plain-text table of how the other models of a sweep compare with the Boltzmann equation."""

from __future__ import annotations

from collections.abc import Mapping

from torkivity.catalogue import MODELS, SOURCES
from torkivity.compare.differences import Range, Statistics, SweepComparison
from torkivity.results.differences import PARTS, ZERO_GUARD, percent_text
from torkivity.results.selection import describe_point, plain_value
from torkivity.tables import fold
from torkivity_engine.record import COMPONENTS

__all__ = ["sweep_comparison_report"]

_PARTS = {"total": "total", "interface": "interface", "ferromagnet": "bulk ferromagnet"}
_HOLDS = {"all": "all points", "most": "nine of ten", "some": "some point"}
_LABEL, _ROW = 14, 18

#: Widths of the columns that say where a model holds: component and axis, ranges.
_AXIS, _RANGES = 26, 18


def sweep_comparison_report(
    comparison: SweepComparison, resistances: Mapping[str, Statistics] | None = None
) -> str:
    """Statistics, worst points and where each model holds, 80 columns wide.

    Parameters
    ----------
    comparison : SweepComparison
    resistances : mapping of str to Statistics, optional
        By model, of the sheet resistance.

    Returns
    -------
    str
    """
    lines = [_points(comparison)]
    for model in comparison.models:
        lines += ["", *_table(comparison, model)]
        if resistances and resistances[model].count:
            lines.append(f"  {'sheet resistance':<{_LABEL + _ROW - 2}}{_cells(resistances[model])}")
        lines += ["", *_worst(comparison, model)]
        lines += ["", *_where(comparison, model)]
    guarded = max(found.guarded for found in comparison.statistics.values())
    lines += [
        "",
        "Relative difference: (model - Boltzmann) / Boltzmann;",
        "median and ranges are over points.",
    ]
    guard = f"{100.0 * ZERO_GUARD:g} %"
    if guarded:
        lines += [
            f"A component below {guard} of the largest torque of its point passes through zero;",
            f"the difference is then taken relative to that {guard} (up to {guarded} points here).",
        ]
    return "\n".join(lines)


def _points(comparison: SweepComparison) -> str:
    counts = comparison.counts
    left_out = [
        f"{counts[key]} {text}"
        for key, text in (
            ("missing", "missing"),
            ("failed", "failed"),
            ("no_frame", "with m parallel to z x E"),
            ("no_torque", "without torque"),
        )
        if counts[key]
    ]
    text = f"{counts['compared']} of {counts['all']} points compared, {SOURCES[comparison.source]}"
    return text + (f" (left out: {', '.join(left_out)})" if left_out else "")


def _table(comparison: SweepComparison, model: str) -> list[str]:
    within = f"within {100.0 * comparison.tolerance:g} %"
    lines = [
        f"{MODELS[model].title} against Boltzmann, relative difference in %",
        f"{'':{_LABEL + _ROW}}{'median':>8}{'68 % of points':>18}{'largest':>9}{within:>13}",
    ]
    for component in COMPONENTS:
        for part in PARTS:
            title = component.replace("_", "-") if part == PARTS[0] else ""
            row = f"  {title:<{_LABEL}}{_PARTS[part]:<{_ROW - 2}}"
            lines.append(row + _cells(comparison.statistics[model, part, component]))
    return lines


def _cells(found: Statistics) -> str:
    if not found.count:
        return f"{'-':>8}"
    low, high = map(percent_text, found.range68)
    return (
        f"{percent_text(found.median):>8}{f'{low} to {high}':>18}"
        f"{percent_text(found.worst[0].value):>9}{100.0 * found.within:>11.1f} %"
    )


def _worst(comparison: SweepComparison, model: str) -> list[str]:
    lines = []
    for component in COMPONENTS:
        for extreme in comparison.statistics[model, "total", component].worst[:1]:
            name = component.replace("_", "-")
            text = (
                f"worst {name:<13} {percent_text(extreme.value)} % at {describe_point(extreme.at)}"
            )
            lines += fold(text, hang=2, indent=2)
    return lines


def _where(comparison: SweepComparison, model: str) -> list[str]:
    lines = [
        f"  total torque within {100.0 * comparison.tolerance:g} % at these values of each axis",
        f"{'':{_AXIS}}{'all points':<{_RANGES}}{'nine of ten':<{_RANGES}}some point",
    ]
    for component in (*COMPONENTS, "both"):
        title = component.replace("_", "-")
        by_axis = comparison.holds[model, component]
        if not any(found["some"] for found in by_axis.values()):
            lines.append(f"  {title:<14}nowhere")
            continue
        for axis, found in by_axis.items():
            ranges = {kind: _runs(runs) for kind, runs in found.items()}
            label = f"  {title:<{_LABEL}}{axis}"
            if max(map(len, ranges.values())) < _RANGES:
                cells = "".join(f"{text:<{_RANGES}}" for text in ranges.values()).rstrip()
                # A long name has a line of its own.
                long = len(label) >= _AXIS
                lines += [label, f"{'':{_AXIS}}{cells}"] if long else [f"{label:<{_AXIS}}{cells}"]
            else:
                names = (_HOLDS[kind] for kind in ranges)
                lines.append(label)
                lines += [
                    f"{'':{_AXIS}}{name + ':':<13}{text}"
                    for name, text in zip(names, ranges.values(), strict=True)
                ]
            title = ""
    return lines


def _runs(runs: tuple[Range, ...]) -> str:
    if not runs:
        return "nowhere"
    texts = [
        plain_value(run.first)
        if run.first == run.last
        else f"{plain_value(run.first)} to {plain_value(run.last)}"
        for run in runs
    ]
    return texts[0] if len(texts) == 1 else f"{len(texts)} ranges"
