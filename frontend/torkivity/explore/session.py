"""One tab of a browser: the film it shows, what is pinned, and what it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torkivity.catalogue import MODELS
from torkivity.config.sections import RunConfig
from torkivity.config.text import parse_config, preset_names, preset_text, to_toml
from torkivity.explore.answer import Answer, Seen, Wish
from torkivity.explore.answers import Kept, answer_steps
from torkivity.explore.controls import Span, changed, controls, name_of
from torkivity.explore.export import export
from torkivity.explore.messages import PIN_COLOURS, answer_message, entry_of
from torkivity.explore.view import (
    SLOTS,
    AxisChoice,
    axis_of,
    default_view,
    parts,
    places,
    sources,
)
from torkivity.report.words import plain
from torkivity.study.case import Case
from torkivity.study.models import models_for
from torkivity_engine.errors import InputError
from torkivity_engine.film.drawing import film_svg
from torkivity_engine.film.stack import as_stack

__all__ = ["Session"]

#: Curves of pinned films that are not computed again when an axis comes back.
_MOST_KEPT = 100

Message = dict[str, Any]


class Session:
    """State of a tab. Everything in it is replaced, never changed, but what answers leave.

    Parameters
    ----------
    case : Case
        The film of the command line.

    Attributes
    ----------
    wish : Wish
        What is to be answered now.
    """

    def __init__(self, case: Case) -> None:
        self._given = case
        self._spans: dict[str, Span] = {}
        self._pins: tuple[Seen, ...] = ()
        self._pinned = 0
        self._kept: Kept = {}
        self._answers: dict[tuple[str, str], Answer] = {}
        self.case = case
        self.view = default_view(case)
        self.wish = self._wish(0)

    def handle(self, message: Mapping[str, Any]) -> list[Message]:
        """What to answer to a message of the page at once.

        After it `wish` is new where there is something to compute.

        Parameters
        ----------
        message : mapping
            With "n", the number of the wish, and one of the actions below.
        """
        actions = {
            "start": self._start,
            "set": self._set,
            "view": self._look,
            "toml": self._read,
            "preset": self._take_preset,
            "pin": self._pin,
            "unpin": self._unpin,
            "back": self._back,
        }
        number = int(message.get("n", 0))
        for name, action in actions.items():
            if name not in message:
                continue
            try:
                action(message[name])
            except (InputError, ArithmeticError, MemoryError, OSError) as error:
                return [self._problem(number, name, message[name], error)]
            self.wish = self._wish(number)
            return [self.state(number)]
        return []

    def steps(self) -> Iterator[Message | None]:
        """Answers to the wish, None where more work is to be done."""
        wish = self.wish
        for answer in answer_steps(wish, self._kept):
            if answer is None:
                yield None
                continue
            if wish is self.wish:
                self._answers[answer.slot, answer.film] = answer
            yield answer_message(answer)
        yield {"type": "done", "n": wish.number}

    def export(self, slot: str, file_format: str) -> Message:
        """A file of what is seen: data, or the figure of one place of the page."""
        wish = self.wish
        found = [
            (film, self._answers[place, film.key])
            for place in SLOTS
            for film in wish.films
            if (place, film.key) in self._answers and slot in (place, "")
        ]
        try:
            return {"type": "file", **export(found, slot, file_format)}
        except (InputError, RuntimeError) as error:
            return {"type": "problem", "at": f"export {slot}", "text": str(error)}

    def state(self, number: int) -> Message:
        """Everything but curves that the page shows."""
        film, view = self.case.film, self.view
        groups = controls(self.case, self._spans)
        # A scale stays where it is while the value is on it.
        self._spans = {
            c["path"]: Span(*c["span"]) for g in groups for c in g["controls"] if c["span"]
        }
        known = self.case.parameters()
        return {
            "type": "state",
            "n": number,
            "title": " / ".join(as_stack(film).names),
            "picture": film_svg(film),
            "groups": groups,
            "toml": to_toml(film, self.case.settings),
            "presets": preset_names(),
            "view": {
                "axes": {slot: _axis_state(axis) for slot, axis in view.axes.items()},
                "models": view.models,
                "source": view.source,
                "place": view.place,
                "part": view.part,
                "cartesian": view.cartesian,
                "shown": sorted(view.shown),
            },
            "choices": {
                "models": [_model_choice(name, self.case) for name in MODELS],
                "axes": {p: name_of(q) for p, q in known.items() if axis_of(q) is not None},
                "sources": sources(self.case),
                "places": places(self.case),
                "parts": {name: plain(text) for name, text in parts(view.place).items()},
            },
            "pins": [
                {"key": pin.key, "title": pin.title, "colour": pin.colour} for pin in self._pins
            ],
        }

    def _wish(self, number: int) -> Wish:
        return Wish(number, self.view, (Seen("", "the film seen", self.case), *self._pins))

    def _problem(self, number: int, action: str, given: Any, error: Exception) -> Message:
        """What was wrong, and beside which control to say so; nothing has changed."""
        at = {"toml": "toml", "preset": "preset", "pin": "pins"}.get(action, "page")
        if action == "set":
            key = getattr(error, "key", "")
            at = key if key in given else next(iter(given))
        elif action == "view":
            at = next((f"axis {slot}" for slot in given.get("axes", ())), "view")
        return {"type": "problem", "n": number, "at": at, "text": str(error)}

    def _start(self, _: Any) -> None:
        pass

    def _set(self, texts: Mapping[str, Any]) -> None:
        case = changed(self.case, {str(k): str(v) for k, v in texts.items()})
        self.view, self.case = self.view.fitting(case), case

    def _look(self, given: Mapping[str, Any]) -> None:
        self.view = self.view.changed(given, self.case)
        if len(self._kept) > _MOST_KEPT:
            self._kept = {}

    def _read(self, text: Any) -> None:
        self._take(parse_config(str(text), str(self._given.path)))

    def _take_preset(self, name: Any) -> None:
        if name == "":
            self._show(self._given)
        elif name in preset_names():
            self._take(parse_config(preset_text(str(name)), str(self._given.path)))
        else:
            raise InputError("preset", name, f"must be one of {', '.join(preset_names())}")

    def _take(self, config: RunConfig) -> None:
        self._show(Case.of(config, self._given.path))

    def _show(self, case: Case) -> None:
        self.view, self.case, self._spans = self.view.fitting(case), case, {}

    def _pin(self, title: Any) -> None:
        used = {pin.colour for pin in self._pins}
        free = [colour for colour in PIN_COLOURS if colour not in used]
        if not free:
            raise InputError("pins", len(used), "are all there can be: let one go first")
        self._pinned += 1
        text = " ".join(str(title).split())[:60] or f"film {self._pinned}"
        self._pins = (*self._pins, Seen(f"pin{self._pinned}", text, self.case, free[0]))

    def _unpin(self, key: Any) -> None:
        self._pins = tuple(pin for pin in self._pins if pin.key != key)
        self._kept = {k: answer for k, answer in list(self._kept.items()) if k[1] != key}

    def _back(self, key: Any) -> None:
        for pin in self._pins:
            if pin.key == key:
                self._show(pin.case)


def _model_choice(name: str, case: Case) -> dict[str, Any]:
    entry = entry_of(name)
    without = not models_for(case, (name,))
    look = {"colour": entry.colour, "dash": entry.dash, "marker": entry.marker}
    return {"name": name, "title": entry.title, **look, "disabled": without}


def _axis_state(axis: AxisChoice) -> dict[str, Any]:
    return {
        "path": axis.path,
        "low": axis.span.low,
        "high": axis.span.high,
        "logarithmic": axis.span.logarithmic,
        "count": axis.count,
    }
