"""Plain-text table of how the other models of a sweep compare with the Boltzmann equation."""

from __future__ import annotations

import math

from torkivity.catalogue import MODELS
from torkivity.compare.differences import Range, Statistics, SweepComparison
from torkivity.results.differences import PARTS, ZERO_GUARD
from torkivity.results.selection import describe_point, plain_value
from torkivity_engine.record import COMPONENTS

__all__ = ["sweep_comparison_report"]

_PARTS = {"total": "total", "interface": "interface", "ferromagnet": "bulk ferromagnet"}
_SOURCES = {
    "all": "both sources of torque",
    "rashba": "Rashba alone",
    "spin_hall": "spin Hall alone",
}
_LABEL, _ROW = 14, 18


def sweep_comparison_report(comparison: SweepComparison) -> str:
    """Statistics, worst points and where each model holds, at most 100 columns wide.

    Parameters
    ----------
    comparison : SweepComparison

    Returns
    -------
    str
    """
    lines = [_points(comparison)]
    for model in comparison.models:
        lines += ["", *_table(comparison, model), "", *_worst(comparison, model)]
        lines += ["", *_where(comparison, model)]
    guarded = max(found.guarded for found in comparison.statistics.values())
    lines += [
        "",
        "Relative difference: (model - Boltzmann) / Boltzmann; median and ranges are over points.",
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
    text = f"{counts['compared']} of {counts['all']} points compared, {_SOURCES[comparison.source]}"
    return text + (f" (left out: {', '.join(left_out)})" if left_out else "")


def _table(comparison: SweepComparison, model: str) -> list[str]:
    within = f"within {100.0 * comparison.tolerance:g} %"
    lines = [
        f"{MODELS[model].title} against Boltzmann, relative difference in %",
        f"{'':{_LABEL + _ROW}}{'median':>8}{'68 % of points':>18}{'95 % of points':>18}"
        f"{'largest':>9}{within:>14}",
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
    ranges = [
        f"{_percent(low)} to {_percent(high)}" for low, high in (found.range68, found.range95)
    ]
    return (
        f"{_percent(found.median):>8}{ranges[0]:>18}{ranges[1]:>18}"
        f"{_percent(found.worst[0].value):>9}{100.0 * found.within:>12.1f} %"
    )


def _percent(ratio: float) -> str:
    percent = 100.0 * ratio
    if not math.isfinite(percent):
        return "-"
    if percent == 0.0:
        return "0"
    return f"{percent:+.1f}" if 0.05 <= abs(percent) < 999.95 else f"{percent:+.0e}"


def _worst(comparison: SweepComparison, model: str) -> list[str]:
    lines = []
    for component in COMPONENTS:
        for extreme in comparison.statistics[model, "total", component].worst[:1]:
            name = component.replace("_", "-")
            lines.append(
                f"  worst {name:<13} {_percent(extreme.value)} % at {describe_point(extreme.at)}"
            )
    return lines


def _where(comparison: SweepComparison, model: str) -> list[str]:
    lines = [
        f"  total torque within {100.0 * comparison.tolerance:g} % at these values of each axis",
        f"{'':32}{'all points':<22} {'nine of ten':<22} some point",
    ]
    for component in (*COMPONENTS, "both"):
        title = component.replace("_", "-")
        by_axis = comparison.holds[model, component]
        if not any(found["some"] for found in by_axis.values()):
            lines.append(f"  {title:<14}nowhere")
            continue
        for axis, found in by_axis.items():
            cells = " ".join(f"{_runs(runs):<22}" for runs in found.values()).rstrip()
            label = f"  {title:<14}{axis}"
            # A long name has a line of its own.
            lines += [f"{label:<31} {cells}"] if len(label) < 32 else [label, f"{'':32}{cells}"]
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
