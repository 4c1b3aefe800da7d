"""What a tab is told, whatever it sends."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from torkivity import SphericalMesh, solve_boltzmann
from torkivity.config.text import parse_config, preset_names
from torkivity.explore.session import Session
from torkivity.study.case import Case
from torkivity_engine.film.parameters import with_parameters


@pytest.fixture
def session(small_case: Case) -> Session:
    made = Session(small_case)
    axes = {slot: {"path": axis.path, "low": axis.span.low, "high": axis.span.high, "count": 3}
            for slot, axis in made.view.axes.items()}  # fmt: skip
    (state,) = made.handle({"n": 1, "view": {"axes": axes}})
    assert state["type"] == "state"
    return made


def answers(session: Session) -> dict[tuple[str, str], Any]:
    found = [json.loads(json.dumps(m, allow_nan=False)) for m in session.steps() if m]
    assert found[-1] == {"type": "done", "n": session.wish.number}
    return {(m["slot"], m["film"]): m for m in found[:-1]}


def test_a_change_is_in_state_and_text(session: Session) -> None:
    (state,) = session.handle({"n": 7, "set": {"Pt.thickness": " 4 ", "Co.thickness": "2.5"}})
    json.dumps(state, allow_nan=False)
    assert state["n"] == session.wish.number == 7
    film = parse_config(state["toml"], "film.toml").film
    assert film == session.case.film
    assert [film.heavy_metal.thickness, film.ferromagnet.thickness] == [4.0, 2.5]
    controls = {c["path"]: c["value"] for g in state["groups"] for c in g["controls"]}
    assert controls["Pt.thickness"] == "4"
    assert "4 nm" in state["picture"]


@pytest.mark.parametrize(
    ("message", "at", "words"),
    [
        ({"set": {"Pt.thickness": "-3"}}, "Pt.thickness", "must be a positive length"),
        ({"set": {"Pt.total_mean_free_path": "5"}}, "Pt.total_mean_free_path", "must be longer"),
        ({"set": {"nothing": "5"}}, "nothing", "is not known"),
        ({"set": {"mesh.n_azimuth": "2"}}, "mesh.n_azimuth", "n_azimuth"),
        ({"view": {"models": []}}, "view", "one or more"),
        ({"view": {"source": "moon"}}, "view", "must be one of"),
        ({"view": {"place": "magnet Fe"}}, "view", "must be one of magnet Co"),
        ({"view": {"part": "half"}}, "view", "must be one of"),
        ({"view": {"axes": {"first": {"path": "Pt.colour"}}}}, "axis first", "is not known"),
        (
            {"view": {"axes": {"second": {"path": "Pt.thickness", "low": "-1", "high": "2"}}}},
            "axis second",
            "must be a positive length",
        ),
        (
            {"view": {"axes": {"first": {"path": "Pt.thickness", "low": "3", "high": "2"}}}},
            "axis first",
            "must rise",
        ),
        (
            {"view": {"axes": {"first": {"path": "Pt.thickness", "low": "thin", "high": "2"}}}},
            "axis first",
            "must be a number",
        ),
        (
            {"view": {"axes": {"first": {"path": "Pt.thickness", "low": 1, "high": 2,
                                         "count": 100000}}}},
            "axis first",
            "from 2 to 201",
        ),
        (
            {"view": {"axes": {"first": {"path": "Pt.spin_hall_angle", "low": -1, "high": 1,
                                         "logarithmic": True}}}},
            "axis first",
            "must be positive",
        ),
        ({"toml": "[heavy_metal"}, "toml", "is not valid TOML"),
        ({"toml": "[heavy_metal]\nthickness = 'x'"}, "toml", "interface"),
        ({"preset": "gold"}, "preset", "must be one of pt-co"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_is_and_changes_nothing(
    session: Session, message: dict[str, Any], at: str, words: str
) -> None:
    before = session.wish
    (reply,) = session.handle({"n": 2, **message})
    assert reply["type"] == "problem"
    assert reply["at"] == at
    assert words in reply["text"]
    assert session.wish is before


def test_every_preset_and_back(session: Session, small_case: Case) -> None:
    for name in preset_names():
        (state,) = session.handle({"n": 2, "preset": name})
        assert state["type"] == "state"
        assert state["view"]["place"] in state["choices"]["places"]
        assert all(a["path"] in state["choices"]["axes"] for a in state["view"]["axes"].values())
    (state,) = session.handle({"n": 3, "preset": ""})
    assert session.case.film == small_case.film


def test_a_single_layer_has_no_torque_and_breaks_nothing(session: Session) -> None:
    text = '[[layers]]\nkind = "heavy_metal"\nname = "Au"\nthickness = 3.0\nmean_free_path = 2.0\n'
    (state,) = session.handle({"n": 2, "toml": text + "spin_flip_length = 20.0\n"})
    assert state["type"] == "state"
    assert state["choices"]["places"] == {}
    found = answers(session)
    assert found["first", ""]["panels"] == []


def test_pins(session: Session) -> None:
    session.handle({"n": 2, "pin": "<b>as it was</b>"})
    session.handle({"n": 3, "set": {"Co.thickness": "2"}})
    found = answers(session)
    assert {film for slot, film in found if slot == "first"} == {"", "pin1"}
    values = [found["first", film]["panels"][0]["lines"][0]["y"] for film in ("", "pin1")]
    exact = []
    for thickness in (2.0, 5.0):
        film = with_parameters(session.case.film, {"Co.thickness": thickness, "Pt.thickness": 20.0})
        solution = solve_boltzmann(film, SphericalMesh(4, 8))
        exact.append(solution.damping_like(solution.torque_total))
    np.testing.assert_allclose([v[-1] for v in values], exact, rtol=1e-12)
    for n in range(3):
        (state,) = session.handle({"n": 4 + n, "pin": ""})
    assert len({pin["colour"] for pin in state["pins"]}) == 4
    (refused,) = session.handle({"n": 9, "pin": "one more"})
    assert (refused["type"], refused["at"]) == ("problem", "pins")
    (state,) = session.handle({"n": 10, "unpin": "pin2"})
    assert [pin["key"] for pin in state["pins"]] == ["pin1", "pin3", "pin4"]
    session.handle({"n": 11, "back": "pin1"})
    assert session.case.film.ferromagnet.thickness == 5.0  # type: ignore[union-attr]


def test_data_and_figures(session: Session) -> None:
    session.handle({"n": 2, "pin": "thick, $x$"})
    session.handle({"n": 3, "set": {"Co.thickness": "2"}})
    found = answers(session)
    file = session.export("", "csv")
    assert (file["type"], file["name"]) == ("file", "film.csv")
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(file["base64"]).decode())))
    assert {row["film"] for row in rows} == {"the film seen", "thick, $x$"}
    chosen = [
        float(row["value"])
        for row in rows
        if row["film"] == "the film seen" and row["against"].startswith("Pt thickness")
        and row["component"] == "field-like" and row["line"] == "Boltzmann"
    ]  # fmt: skip
    assert chosen == found["first", ""]["panels"][1]["lines"][0]["y"]
    units = {row["unit"] for row in rows}
    assert units == {"1/(Ohm m)", "1/(Ohm m^2)", "Ohm"}
    starts = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    for slot in ("first", "resistance", "profile"):
        for kind, start in starts.items():
            if (slot, kind) in (("first", "pdf"), ("resistance", "svg"), ("profile", "png")):
                file = session.export(slot, kind)
                assert file["name"] == f"{slot}.{kind}"
                assert base64.b64decode(file["base64"]).startswith(start)
    assert session.export("first", "exe")["type"] == "problem"
    assert session.export("", "png")["type"] == "problem"


def test_nothing_to_save_yet(small_case: Case) -> None:
    assert "has no curve yet" in Session(small_case).export("first", "png")["text"]


def test_unknown_messages_are_ignored(session: Session) -> None:
    assert session.handle({"n": 2, "dance": True}) == []
