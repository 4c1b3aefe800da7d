"""What of a film is looked at: curves against what, by which models, which torque, where."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from torkivity.catalogue import MODELS, SOURCES
from torkivity.explore.controls import Span, owner_of, span_of
from torkivity.study.case import Case
from torkivity.study.frames import has_torque_frame
from torkivity.study.models import models_for
from torkivity.study.run import curve_path
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.film.parameters import Parameter
from torkivity_engine.film.sources import film_with_source
from torkivity_engine.film.stack import as_stack
from torkivity_engine.record import MAGNET_PARTS, TORQUE_PARTS

__all__ = ["CURVES", "SLOTS", "AxisChoice", "View", "axis_of", "default_view", "places", "sources"]

#: Curves with an axis of their own, and all that can be shown.
CURVES = ("first", "second", "third")
SLOTS = (*CURVES, "resistance", "profile", "mesh")

_POINTS = 21
_MOST_POINTS = 201


@dataclass(frozen=True)
class AxisChoice:
    """What a curve is drawn against.

    Attributes
    ----------
    path : str
        Of a parameter that is a number.
    span : Span
    count : int
    """

    path: str
    span: Span
    count: int = _POINTS

    def values(self, parameter: Parameter) -> FloatArray:
        """The points; whole numbers where the parameter takes no others."""
        spaced = np.geomspace if self.span.logarithmic else np.linspace
        found = spaced(self.span.low, self.span.high, self.count)
        return np.unique(np.round(found)) if parameter.kind is int else found


@dataclass(frozen=True)
class View:
    """Everything that is chosen beside the film.

    Attributes
    ----------
    axes : mapping of str to AxisChoice
        By slot of `CURVES`.
    models : tuple of str
        Of `torkivity.catalogue.MODELS`.
    source : str
        Of `torkivity.catalogue.SOURCES`.
    place : str
        "magnet NAME" or "interface NAME".
    part : str
        Of the torque: "total", "interface", ...
    cartesian : bool
        Components x, y, z instead of damping-like and field-like.
    shown : frozenset of str
        Of `SLOTS`; what is not seen is not computed.
    """

    axes: Mapping[str, AxisChoice]
    models: tuple[str, ...] = ("boltzmann", "drift_diffusion")
    source: str = "all"
    place: str = ""
    part: str = "total"
    cartesian: bool = False
    shown: frozenset[str] = field(default_factory=lambda: frozenset(SLOTS))

    def changed(self, given: Mapping[str, Any], case: Case) -> View:
        """The view with other choices of a page.

        Raises
        ------
        InputError
            For choices that there are not; its key is "axis SLOT" where an axis is wrong.
        """
        made = self
        if "models" in given:
            models = tuple(name for name in MODELS if name in given["models"])
            if not models:
                raise InputError("models", "none", "must be one or more")
            made = replace(made, models=models)
        if "source" in given:
            made = replace(made, source=_one_of("source", given["source"], sources(case)))
        if "place" in given:
            made = replace(made, place=_one_of("place", given["place"], places(case)))
        known_parts = parts(made.place)
        if made.part not in known_parts:
            made = replace(made, part="total")
        if "part" in given:
            made = replace(made, part=_one_of("part", given["part"], known_parts))
        if "cartesian" in given:
            made = replace(made, cartesian=bool(given["cartesian"]))
        if "shown" in given:
            made = replace(made, shown=frozenset(given["shown"]) & frozenset(SLOTS))
        for slot, choice in dict(given.get("axes", {})).items():
            _one_of("axis", slot, CURVES)
            made = replace(made, axes={**made.axes, slot: _axis(slot, choice, case)})
        return made

    def fitting(self, case: Case) -> View:
        """The same for another film; what that has not is as `default_view` has it."""
        known = case.parameters()
        usual = default_view(case)
        axes = {
            slot: mine if (mine := self.axes.get(slot)) and mine.path in known else axis
            for slot, axis in usual.axes.items()
        }
        return replace(
            self,
            axes=axes,
            place=self.place if self.place in places(case) else usual.place,
            source=self.source if self.source in sources(case) else usual.source,
            cartesian=self.cartesian or usual.cartesian,
        )


def _one_of(key: str, value: Any, known: Any) -> str:
    if value not in known:
        raise InputError(key, value, f"must be one of {', '.join(known)}")
    return str(value)


def _axis(slot: str, given: Mapping[str, Any], case: Case) -> AxisChoice:
    """An axis as a page asks for it: a path alone, or with ends and number of points."""
    key = f"axis {slot}"
    parameter = case.parameter(str(given.get("path", "")))
    usual = axis_of(parameter)
    if usual is None:
        raise InputError(key, parameter.path, "must be a finite number to draw against")
    if "low" not in given:
        return usual
    low, high = (_number(key, name, given.get(name)) for name in ("low", "high"))
    count = int(_number(key, "points", given.get("count", _POINTS)))
    logarithmic = bool(given.get("logarithmic", False))
    if not low < high:
        raise InputError(key, f"{low:g} to {high:g}", "must rise")
    if not 2 <= count <= _MOST_POINTS:
        raise InputError(f"{key}, points", count, f"must be from 2 to {_MOST_POINTS}")
    if logarithmic and low <= 0.0:
        raise InputError(key, low, "must be positive at the lower end of a logarithmic axis")
    if parameter.quantity is not None:
        for value in (low, high):
            parameter.quantity.check(parameter.path, value)
    return AxisChoice(parameter.path, Span(low, high, logarithmic), count)


def _number(key: str, name: str, value: Any) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{key}, {name}", value, "must be a number") from None
    if not math.isfinite(found):
        raise InputError(f"{key}, {name}", value, "must be finite")
    return found


def axis_of(parameter: Parameter) -> AxisChoice | None:
    """Usual axis along a parameter; None for what is no finite number.

    Thicknesses run evenly from thin to twice the value or more, angles over half a turn.
    """
    span = span_of(parameter)
    if span is None:
        return None
    _, key = owner_of(parameter.path)
    if key == "thickness" and parameter.quantity is not None:
        high = max(2.0 * parameter.value, min(10.0, 10.0 * parameter.value))
        span = Span(high / 20.0, high)
    elif parameter.unit == "degree":
        span = Span(0.0, 180.0)
    return AxisChoice(parameter.path, span)


def default_view(case: Case) -> View:
    """What is looked at first: thickness of the lowest non-magnetic layer, angle, thickness."""
    known = case.parameters()
    lowest = curve_path(case)
    thicknesses = [path for path in known if owner_of(path)[1] == "thickness"]
    angles = [path for path in known if path.endswith("magnetization.theta_deg")]
    inner = thicknesses[1:-1]  # a spacer, if there is one
    wanted = [*filter(None, [lowest]), *angles[:1], *inner, *thicknesses, *angles, *known]
    axes: dict[str, AxisChoice] = {}
    for path in dict.fromkeys(wanted):
        axis = axis_of(known[path])
        if axis is not None and len(axes) < len(CURVES):
            axes[CURVES[len(axes)]] = axis
    return View(
        axes,
        models=models_for(case, View.models),
        place=next(iter(places(case)), ""),
        cartesian=not has_torque_frame(case.film),
    )


def places(case: Case) -> dict[str, str]:
    """Where torques are seen, with words: magnets as a whole, and interfaces."""
    stack = as_stack(case.film)
    magnets = {f"magnet {name}": f"magnet {name}" for name in stack.magnet_names}
    return magnets | {f"interface {n}": f"interface {n}" for n in stack.names_of_interfaces}


def parts(place: str) -> dict[str, str]:
    """Parts of the torque there, with words."""
    return MAGNET_PARTS if place.startswith("magnet ") else TORQUE_PARTS


def sources(case: Case) -> dict[str, str]:
    """What drives torques in this film, with words."""
    found = {}
    for name, words in SOURCES.items():
        try:
            film_with_source(case.film, name)
        except InputError:
            continue
        found[name] = words
    return found
