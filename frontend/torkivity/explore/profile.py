"""Profile through the film, in short steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from torkivity.explore.answer import Answer, Panel, Seen, Wish
from torkivity.figures.profiles import face_heights, profile_panels
from torkivity.report.words import plain
from torkivity.study.models import default_models
from torkivity.study.point import solve_point
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import POINT_ERRORS
from torkivity_engine.film.stack import as_stack
from torkivity_engine.profiles import DiffusionProfile, LayerProfile

__all__ = ["profile_steps"]

_Profile = LayerProfile | DiffusionProfile

#: Depths of a layer, and how many are done in a step.
_DEPTHS, _AT_ONCE = 25, 3


def profile_steps(wish: Wish, film: Seen) -> Iterator[Answer | None]:
    """Currents, accumulation and torque density over depth; None after each step before.

    Parameters
    ----------
    wish : Wish
    film : Seen
        One of its films.

    Yields
    ------
    Answer or None
        With the heights of the ``faces`` and the names of the ``layers`` among its facts.
    """
    stack = as_stack(film.case.film)
    try:
        (model,) = default_models(film.case)
        solution = solve_point(film.case, model, wish.view.source)
        yield None
        profiles = []
        for index, layer in enumerate(stack.layers):
            pieces = []
            depths = _depths(layer.thickness)
            for start in range(0, len(depths), _AT_ONCE):
                pieces.append(solution.profile(index, depths[start : start + _AT_ONCE]))
                yield None
            profiles.append(_joined(pieces))
    except POINT_ERRORS as error:
        notes = [" ".join(str(error).split())]
        yield Answer(wish.number, "profile", film.key, notes=notes)
        return
    found = profile_panels(stack, profiles)
    some = next(iter(found[0].lines.values()))
    facts = {"faces": face_heights(stack).tolist(), "layers": list(stack.names)}
    panels = [
        Panel(
            plain(panel.label.partition(" per ")[0]),
            plain(panel.label),
            panel.units,
            {spin: _with_gaps([y for _, y in curves]) for spin, curves in panel.lines.items()},
        )
        for panel in found
    ]
    x = _with_gaps([z for z, _ in some])
    yield Answer(wish.number, "profile", film.key, "z (nm)", x, panels=panels, facts=facts)


def _with_gaps(layers: list[FloatArray]) -> FloatArray:
    """Layer after layer with a gap at each interface: nothing needs to be continuous there."""
    gap = np.array([np.nan])
    return np.concatenate([part for values in layers for part in (values, gap)])


def _depths(thickness: float) -> FloatArray:
    """Depths that crowd towards the faces."""
    return np.asarray(0.5 * thickness * (1.0 - np.cos(np.linspace(0.0, np.pi, _DEPTHS))))


def _joined(pieces: list[_Profile]) -> _Profile:
    names = [f.name for f in fields(pieces[0])]
    return type(pieces[0])(**{n: np.concatenate([getattr(p, n) for p in pieces]) for n in names})
