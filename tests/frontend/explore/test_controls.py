"""Every parameter of every film has a control that holds its value."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from torkivity.config.text import parse_config, preset_names, preset_text
from torkivity.explore.controls import changed, controls, span_of
from torkivity.explore.view import axis_of, default_view, places
from torkivity.study.case import Case
from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import Reservoir


def case_of(name: str) -> Case:
    return Case.of(parse_config(preset_text(name), "film.toml"), Path("film.toml"))


@pytest.mark.parametrize("name", list(preset_names()))
def test_a_control_for_every_parameter(name: str) -> None:
    case = case_of(name)
    found = {c["path"]: c for group in controls(case, {}) for c in group["controls"]}
    assert set(found) == set(case.parameters())
    for path, parameter in case.parameters().items():
        control = found[path]
        assert control["label"]
        if parameter.kind is str:
            assert control["value"] == parameter.value
            continue
        assert float(control["value"]) == pytest.approx(parameter.value, rel=1e-9)
        assert changed(case, {path: control["value"]}).film == case.film
        if math.isinf(parameter.value):
            assert control["span"] is None
            continue
        low, high, logarithmic = control["span"]
        assert low <= parameter.value <= high
        assert parameter.quantity is not None
        for end in (low, high):
            assert parameter.quantity.check(path, end) == end
        assert not logarithmic or low > 0.0


@pytest.mark.parametrize("name", list(preset_names()))
def test_what_is_looked_at_first_exists(name: str) -> None:
    case = case_of(name)
    view = default_view(case)
    assert list(view.axes) == ["first", "second", "third"]
    assert len({axis.path for axis in view.axes.values()}) == 3
    for axis in view.axes.values():
        parameter = case.parameter(axis.path)
        values = axis.values(parameter)
        assert len(values) == 21
        for end in values[[0, -1]]:
            case.varied({axis.path: float(end)})
    assert view.place in places(case)


def test_a_scale_stays_while_the_value_is_on_it(small_case: Case) -> None:
    span = span_of(small_case.parameter("Pt.thickness"))
    assert span is not None
    near = small_case.varied({"Pt.thickness": 20.0})
    far = small_case.varied({"Pt.thickness": 500.0})

    def shown(case: Case) -> list[float]:
        groups = controls(case, {"Pt.thickness": span})
        return next(c["span"] for g in groups for c in g["controls"] if c["path"] == "Pt.thickness")

    assert shown(near) == [span.low, span.high, span.logarithmic]
    assert shown(far)[0] > span.low
    assert shown(far)[1] > 500.0


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("Pt.thickness", "-1", "must be a positive length"),
        ("Pt.thickness", "thick", "must be a number"),
        ("Pt.thickness", "nan", "must not be NaN"),
        ("Pt.thickness", "inf", "must be finite"),
        ("left.specularity", "1.5", "must lie between 0 and 1"),
        ("mesh.n_polar", "0", "n_polar"),
        ("mesh.n_polar", "4.5", "must be an integer"),
        ("mesh.polar_rule", "simpson", "polar_rule"),
        ("drift_diffusion.ferromagnet", "thick", "must be one of auto, dephased, finite"),
        ("Pt.colour", "1", "is not known"),
    ],
)
def test_bad_values_are_refused_by_name(small_case: Case, path: str, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        changed(small_case, {path: text})
    assert refused.value.key in (path, "parameter")


def test_infinite_values_are_typed(small_case: Case) -> None:
    made = changed(small_case, {"Co.spin_flip_length": "inf"})
    assert math.isinf(made.parameter("Co.spin_flip_length").value)
    assert axis_of(made.parameter("Co.spin_flip_length")) is None


def test_unusual_values_are_noted(small_case: Case) -> None:
    made = changed(small_case, {"Pt.spin_hall_angle": "5.9"})
    notes = [c["note"] for g in controls(made, {}) for c in g["controls"] if c["note"]]
    assert any("per" in note and "cent" in note for note in notes)


def test_reservoirs_are_a_source_where_there_are_any(small_case: Case) -> None:
    from torkivity.explore.view import sources

    assert "reservoirs" not in sources(small_case)
    film = replace(small_case.film, left=Reservoir(spin=(0.0, 1.0, 0.0)))
    assert "reservoirs" in sources(replace(small_case, film=film))
