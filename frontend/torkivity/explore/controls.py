"""What a page needs to let every parameter of a film be changed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torkivity.report.words import plain
from torkivity.study.case import Case, value_of_text
from torkivity_engine.errors import InputError
from torkivity_engine.film.parameters import Parameter, quoted
from torkivity_engine.film.quantity import Quantity
from torkivity_engine.film.stack import as_stack

__all__ = ["Span", "changed", "controls", "name_of", "owner_of", "span_of"]

#: Titles of what is no layer or interface.
_TITLES = {
    "film": "Film",
    "left": "Lower face",
    "right": "Upper face",
    "mesh": "Mesh",
    "drift_diffusion": "Drift-diffusion",
}
#: A whole turn: limits that are closer to each other make a scale.
_CLOSE = 360.0
#: Of a scale over powers: from a part of the value to a multiple.
_DECADE = 10.0


@dataclass(frozen=True)
class Span:
    """Values that a slider or a curve runs over.

    Attributes
    ----------
    low, high : float
    logarithmic : bool
    """

    low: float
    high: float
    logarithmic: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value lies in it."""
        return self.low <= value <= self.high


def span_of(parameter: Parameter) -> Span | None:
    """Values around that of a parameter which a slider offers; None for words and infinity.

    Between limits that are close, else over a decade up and down for what is positive, else
    evenly around zero.
    """
    value, quantity = parameter.value, parameter.quantity
    if quantity is None or isinstance(value, str) or not math.isfinite(value):
        return None
    if parameter.kind is int:
        return Span(4.0, max(64.0, 2.0 * value))
    low, high = _least(quantity), _most(quantity)
    if high - low <= _CLOSE:
        return Span(low, high)
    if quantity.unit == "degree":
        turns = 360.0 * math.floor(value / 360.0)
        return Span(turns, turns + 360.0)
    if low >= 0.0 and value > 0.0:
        return Span(max(low, value / _DECADE), min(high, value * _DECADE), logarithmic=True)
    usual = quantity.typical
    if usual is not None and usual.least <= value <= usual.most:
        return Span(usual.least, usual.most)
    reach = 2.0 * abs(value) or 1.0
    return Span(max(low, -reach), min(high, reach))


def _least(quantity: Quantity) -> float:
    found = [x for x in (quantity.ge, quantity.gt) if x is not None]
    return max(found, default=-math.inf)


def _most(quantity: Quantity) -> float:
    found = [x for x in (quantity.le, quantity.lt) if x is not None]
    return min(found, default=math.inf)


def owner_of(path: str) -> tuple[str, str]:
    """Part of the film and key of a path."""
    found = re.fullmatch(r'("[^"]*"|[^".]+)\.(.+)', path)
    assert found is not None, path
    return found[1], found[2]


def name_of(parameter: Parameter) -> str:
    """A parameter in words: whose, what, and the symbol."""
    owner, _ = owner_of(parameter.path)
    of_part = "" if owner in _TITLES else owner.strip('"')
    return " ".join(filter(None, [of_part, parameter.meaning, plain(parameter.label)]))


def _text(value: Any) -> str:
    return f"{value + 0.0:.10g}" if isinstance(value, float) else str(value)


def controls(case: Case, spans: Mapping[str, Span]) -> list[dict[str, Any]]:
    """Groups of controls, parts of the film from the bottom, then what belongs to all of it.

    Parameters
    ----------
    case : Case
    spans : mapping of str to Span
        Where sliders stand already: a scale stays as long as the value is on it.

    Returns
    -------
    list of dict
        Values that JSON has.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, parameter in case.parameters().items():
        owner, _ = owner_of(path)
        groups.setdefault(owner, []).append(_control(parameter, spans.get(path)))
    last = ["film", "left", "right", "mesh", "drift_diffusion"]
    order = [*(name for name in groups if name not in last), *(n for n in last if n in groups)]
    kinds = _kinds(case)
    return [
        {
            "owner": name,
            "title": _TITLES.get(name, name.strip('"')),
            "kind": kinds.get(name, ""),
            "controls": groups[name],
        }
        for name in order
    ]


def _kinds(case: Case) -> dict[str, str]:
    stack = as_stack(case.film)
    names = (*stack.names, *stack.names_of_interfaces)
    parts = (*stack.layers, *stack.interfaces)
    found = {quoted(name): part.kind for name, part in zip(names, parts, strict=True)}
    found |= {"left": stack.left.kind, "right": stack.right.kind}
    return {name: kind.replace("_", " ") for name, kind in found.items()}


def _control(parameter: Parameter, span: Span | None) -> dict[str, Any]:
    value = parameter.value
    number = parameter.quantity is not None
    words = parameter.meaning
    if not number:  # what a word may be is a note, its name the label
        words = owner_of(parameter.path)[1].replace("_", " ")
    if not (span and number and span.holds(value)):
        span = span_of(parameter)
    note = "" if number or words == parameter.meaning else parameter.about
    if parameter.quantity is not None and isinstance(value, float):
        note = parameter.quantity.slip(value) or ""
    return {
        "path": parameter.path,
        "label": " ".join(filter(None, [words, plain(parameter.label)])),
        "unit": {"1": "", "degree": "°"}.get(parameter.unit, parameter.unit.replace("Ohm", "Ω")),
        "value": _text(value),
        "integer": parameter.kind is int,
        "number": number,
        "choices": list(map(str, parameter.choices)),
        "span": None if span is None else [span.low, span.high, span.logarithmic],
        "note": note,
    }


def changed(case: Case, texts: Mapping[str, str]) -> Case:
    """A case with parameters as a user typed them.

    Parameters
    ----------
    case : Case
    texts : mapping of str to str
        By path.

    Returns
    -------
    Case

    Raises
    ------
    InputError
        For unknown paths and values that the film or its mesh cannot have.
    """
    values = {}
    for path, text in texts.items():
        parameter = case.parameter(path)
        values[parameter.path] = value_of_text(parameter, text.strip())
    made = case.varied(values)
    if made.tolerance is None and made.settings.mesh.file is None:
        try:
            made.mesh()
        except InputError as error:
            path = f"mesh.{error.key}" if f"mesh.{error.key}" in texts else next(iter(texts))
            raise InputError(path, error.value, error.expected) from None
    return made
