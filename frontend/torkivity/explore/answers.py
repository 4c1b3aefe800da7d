"""What a page is answered, step by step: each step is short, so that a newer wish comes in between.

The curve that was asked for comes first, that of pinned films beside it, then what follows from
the same change: resistance, further curves, the error of the mesh, the profile.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from torkivity.catalogue import MODELS
from torkivity.explore.answer import Answer, Panel, Seen, Wish
from torkivity.explore.controls import name_of
from torkivity.explore.mesh_error import mesh_steps
from torkivity.explore.profile import profile_steps
from torkivity.explore.view import CURVES, AxisChoice, View
from torkivity.report.words import plain
from torkivity.study.case import Case
from torkivity.study.point import PointRecord
from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.stack import as_stack
from torkivity_engine.record import COMPONENTS, IN_PLANE_VARIABLES, VARIABLES
from torkivity_hpc.files.rows import NotedRecord
from torkivity_hpc.grid import Value

__all__ = ["Kept", "answer_steps", "evaluate_points"]

#: Seconds that a step takes at most, where a point takes less.
_STEP = 0.015


#: Answers about pinned films, which change only when the question does.
Kept = MutableMapping[tuple[Any, ...], Answer]


def evaluate_points(
    case: Case,
    path: str,
    values: Sequence[Value],
    models: Sequence[str],
    source: str,
    quantities: tuple[str, ...] = (),
) -> list[dict[str, Mapping[str, Any] | str]]:
    """Some points of a curve: all that a page asks of the solvers, but profiles and mesh errors.

    Parameters
    ----------
    case : Case
    path : str
        The parameter that varies.
    values : sequence
    models : sequence of str
    source : str
    quantities : tuple of str, optional
        Of `torkivity.catalogue.QUANTITIES`.

    Returns
    -------
    list of dict of str to (mapping or str)
        For each value, by model: the numbers of the point, or why there are none.
    """
    points = [{path: v, "model": m, "source": source} for v in values for m in models]
    found = PointRecord(case, quantities).many(points)

    def at(place: int) -> Mapping[str, Any] | str:
        if (error := found.failed.get(place)) is not None:
            return " ".join(str(error).split()) or type(error).__name__
        numbers = {name: column[place] for name, column in found.values.items()}
        return NotedRecord(numbers, found.notes.get(place, ""))

    return [
        {model: at(row * len(models) + i) for i, model in enumerate(models)}
        for row in range(len(values))
    ]


def answer_steps(wish: Wish, kept: Kept) -> Iterator[Answer | None]:
    """All answers to a wish; None where more work is to be done.

    Parameters
    ----------
    wish : Wish
    kept : mutable mapping
        Answers about pinned films, to look up and to add to.
    """
    view = wish.view
    current, *pinned = wish.films
    order = [("first", film) for film in wish.films]
    order += [("resistance", current), ("second", current), ("third", current)]
    order += [("mesh", current), ("profile", current)]
    order += [(slot, film) for slot in ("resistance", "second", "third") for film in pinned]
    for slot, film in order:
        if slot not in view.shown:
            continue
        key = (slot, film.key, *_question(view, slot))
        if film.key and key in kept:
            yield replace(kept[key], number=wish.number)
            continue
        for answer in _steps(wish, slot, film):
            if answer is not None and film.key:
                kept[key] = answer
            yield answer


def _question(view: View, slot: str) -> tuple[Any, ...]:
    axis = view.axes.get(slot if slot in CURVES else "first")
    if slot == "resistance":
        return (axis, view.models, view.source)
    return (axis, view.models, view.source, view.place, view.part, view.cartesian)


def _steps(wish: Wish, slot: str, film: Seen) -> Iterator[Answer | None]:
    view = wish.view
    if slot == "profile":
        yield from profile_steps(wish, film)
        return
    if slot == "mesh":
        yield from mesh_steps(wish, film)
        return
    axis = view.axes.get(slot if slot in CURVES else "first")
    if axis is None or axis.path not in film.case.parameters():
        note = f"has no {axis.path}" if axis else "has no parameter to draw against"
        yield Answer(wish.number, slot, film.key, notes=[note])
        return
    yield from _curve(wish, slot, film, axis)


def _curve(wish: Wish, slot: str, film: Seen, axis: AxisChoice) -> Iterator[Answer | None]:
    view, parameter = wish.view, film.case.parameter(axis.path)
    x = axis.values(parameter)
    values = [int(v) if parameter.kind is int else float(v) for v in x]
    quantities = ("in_plane",) if slot == "resistance" else ()
    points: list[dict[str, Mapping[str, Any] | str]] = []
    count, spent = 1, 1e-9
    while len(points) < len(values):
        since, some = time.perf_counter(), values[len(points) : len(points) + count]
        points += evaluate_points(film.case, axis.path, some, view.models, view.source, quantities)
        # As many at once as a step has time for.
        spent += time.perf_counter() - since
        count = max(1, int(len(points) * _STEP / spent))
        if len(points) < len(values):
            yield None
    take = _resistance if slot == "resistance" else _torques
    unit = "" if parameter.unit == "1" else f" ({parameter.unit.replace('degree', '°')})"
    yield Answer(
        *(wish.number, slot, film.key, name_of(parameter) + unit, x, axis.span.logarithmic),
        panels=take(film.case, view, points),
        notes=_failures(points, view.models),
    )


Points = Sequence[Mapping[str, Mapping[str, Any] | str]]


def _torques(case: Case, view: View, points: Points) -> list[Panel]:
    stack = as_stack(case.film)
    kind, _, name = view.place.partition(" ")
    names = stack.magnet_names if kind == "magnet" else stack.names_of_interfaces
    if name not in names:
        return []  # a pinned film without it
    row = names.index(name)
    stem = f"magnet_torque_{view.part}" if kind == "magnet" else f"torque_{view.part}"
    label = f"{'' if view.part == 'total' else view.part} torque per Ẽ".strip()
    units = VARIABLES["torque_total"].units
    if view.cartesian:
        return [
            Panel(f"{x} component", label, units, _column(view, points, stem, (row, i)))
            for i, x in enumerate("xyz")
        ]
    return [
        Panel(c.replace("_", "-"), label, units, _column(view, points, f"{stem}_{c}", (row,)))
        for c in COMPONENTS
    ]


def _resistance(case: Case, view: View, points: Points) -> list[Panel]:
    name = "sheet_resistance"
    units = IN_PLANE_VARIABLES[name].units
    return [
        Panel(
            ("along E", "across E")[i],
            "sheet resistance",
            units,
            _column(view, points, name, (i,)),
        )
        for i in range(2)
    ]


def _column(view: View, points: Points, name: str, place: tuple[int, ...]) -> dict[str, FloatArray]:
    def number(record: Mapping[str, Any] | str) -> float:
        return np.nan if isinstance(record, str) else float(np.asarray(record[name])[place])

    return {model: np.array([number(p[model]) for p in points]) for model in view.models}


def _failures(points: Points, models: Sequence[str]) -> list[str]:
    """A line for each model that failed somewhere, or lacks something."""
    notes = []
    for model in models:
        failed = [r for p in points if isinstance(r := p[model], str)]
        lacks = [r.note for p in points if getattr(r := p[model], "note", "")]  # type: ignore[union-attr]
        for what, texts in (("failed", failed), ("incomplete", lacks)):
            if texts:
                where = f"{len(texts)} of {len(points)} points {what}"
                notes.append(plain(f"{MODELS[model].title}: {where}: {texts[0]}"))
    return notes
