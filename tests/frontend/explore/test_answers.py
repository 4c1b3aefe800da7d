"""What a page is answered are the numbers of the solvers, in short steps, newest first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from torkivity import SphericalMesh, solve_boltzmann, solve_drift_diffusion
from torkivity.explore import answers
from torkivity.explore.answer import Answer, Seen, Wish
from torkivity.explore.answers import answer_steps
from torkivity.explore.controls import Span
from torkivity.explore.view import SLOTS, AxisChoice, default_view
from torkivity.study.case import Case
from torkivity_engine.film.parameters import with_parameters


def wish(case: Case, *pins: Seen, **changes: Any) -> Wish:
    view = replace(default_view(case), **changes)
    axes = {slot: replace(axis, count=5) for slot, axis in view.axes.items()}
    return Wish(1, replace(view, axes=axes), (Seen("", "seen", case), *pins))


def answered(asked: Wish, kept: Any = None) -> dict[tuple[str, str], Answer]:
    steps = answer_steps(asked, {} if kept is None else kept)
    return {(a.slot, a.film): a for a in steps if a is not None}


@pytest.mark.parametrize("source", ["all", "rashba", "spin_hall"])
def test_curves_are_those_of_the_solvers(small_case: Case, source: str) -> None:
    asked = wish(small_case, source=source, shown=frozenset(("first", "second")))
    found = answered(asked)
    mesh = SphericalMesh(4, 8)
    for slot in ("first", "second"):
        answer, path = found[slot, ""], asked.view.axes[slot].path
        assert answer.notes == []
        lines = [values for panel in answer.panels for values in panel.lines.values()]
        for i, x in enumerate(answer.x):
            film = with_parameters(small_case.film, {path: float(x)})
            exact = []
            boltzmann = solve_boltzmann(film, mesh, source=source)
            diffusion = solve_drift_diffusion(
                film,
                "particular",
                "dephased",
                source,
                mesh=mesh,  # type: ignore[arg-type]
            )
            for part in ("damping_like", "field_like"):
                for solution in (boltzmann, diffusion):
                    exact.append(getattr(solution, part)(solution.torque_total))
            np.testing.assert_allclose([y[i] for y in lines], exact, rtol=1e-12)


def test_parts_places_and_components(small_case: Case) -> None:
    shown = frozenset(("first",))
    place = "interface Pt|Co"
    solution = solve_boltzmann(small_case.film, SphericalMesh(4, 8))
    axes = {"first": AxisChoice("Pt.thickness", Span(10.0, 20.0))}
    for part in ("interface", "ferromagnet", "total", "lattice"):
        asked = wish(small_case, shown=shown, place=place, part=part, cartesian=True, axes=axes)
        panels = answered(asked)["first", ""].panels
        first = [panel.lines["boltzmann"][0] for panel in panels]
        np.testing.assert_allclose(first, getattr(solution, f"torque_{part}"), rtol=1e-12)


def test_resistance_and_profile(small_case: Case) -> None:
    asked = wish(small_case, axes={"first": AxisChoice("Pt.thickness", Span(10.0, 20.0))})
    found = answered(asked)
    solution = solve_boltzmann(small_case.film, SphericalMesh(4, 8))
    sheet = np.linalg.inv(solution.sheet_conductance)
    along = found["resistance", ""].panels[0].lines["boltzmann"][0]
    assert along == pytest.approx(sheet[0, 0], rel=1e-12)
    profile = found["profile", ""]
    z, spin = profile.x, profile.panels[0].lines["y"]
    assert profile.facts["faces"] == pytest.approx([-10.0, 0.0, 5.0])
    below = z <= 0.0
    # The faces of the lower layer are the first points and the last before the gap.
    end = int(np.flatnonzero(np.isnan(z))[0])
    assert z[0] == -10.0
    assert z[end - 1] == pytest.approx(0.0, abs=1e-12)
    assert spin[end - 1] == pytest.approx(solution.spin_current_minus[1], rel=1e-9)
    assert spin[end + 1] == pytest.approx(solution.spin_current_plus[1], rel=1e-9)
    inner = solution.profile(0, z[below][:end] + 10.0)
    np.testing.assert_allclose(spin[:end], inner.spin_current[:, 1], rtol=1e-9, atol=1e-6)


def test_only_what_is_shown_and_the_first_curve_first(small_case: Case) -> None:
    order = [a.slot for a in answer_steps(wish(small_case), {}) if a is not None]
    assert order[0] == "first"
    assert sorted(order) == sorted(SLOTS)
    some = wish(small_case, shown=frozenset(("second", "mesh")))
    assert set(answered(some)) == {("second", ""), ("mesh", "")}


def test_steps_are_short(small_case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step ends with the point at which its time is over: then each point has its own."""
    monkeypatch.setattr(answers, "_STEP", 0.0)
    steps = list(answer_steps(wish(small_case, shown=frozenset(("first",))), {}))
    assert [step is None for step in steps] == [True] * 4 + [False]


def test_pinned_films_are_computed_once(small_case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[Case] = []  # one for each point
    plain = answers.evaluate_points

    def counting(case: Case, *rest: Any) -> Any:
        counted.extend([case] * len(rest[1]))
        return plain(case, *rest)

    monkeypatch.setattr(answers, "evaluate_points", counting)
    thick = small_case.varied({"Co.thickness": 9.0})
    pin = Seen("pin1", "thick", thick, "#000000")
    kept: dict[Any, Answer] = {}
    shown = frozenset(("first", "resistance"))
    first = answered(wish(small_case, pin, shown=shown), kept)
    assert sum(case is thick for case in counted) == 10
    again = answered(wish(small_case.varied({"Co.thickness": 3.0}), pin, shown=shown), kept)
    assert sum(case is thick for case in counted) == 10
    same = [f["first", "pin1"].panels[0].lines["boltzmann"] for f in (first, again)]
    np.testing.assert_array_equal(*same)
    other = [f["first", ""].panels[0].lines["boltzmann"] for f in (first, again)]
    assert not np.allclose(*other)
    # Another question is another answer.
    answered(wish(small_case, pin, shown=shown, source="rashba"), kept)
    assert sum(case is thick for case in counted) == 20


def test_a_pinned_film_that_lacks_the_axis(small_case: Case, small_toml: str) -> None:
    from torkivity.config.text import parse_config

    text = small_toml.replace('"Pt"', '"Ta"')
    other = Case.of(parse_config(text, "film.toml"), small_case.path)
    found = answered(wish(small_case, Seen("pin1", "Ta", other), shown=frozenset(("first",))))
    assert found["first", "pin1"].notes == ["has no Pt.thickness"]
    assert found["first", ""].panels


def test_a_gap_where_components_do_not_exist(small_case: Case) -> None:
    case = small_case.varied({"film.magnetization.phi_deg": 90.0})
    axes = {"first": AxisChoice("film.magnetization.theta_deg", Span(0.0, 180.0))}
    found = answered(wish(case, axes=axes, shown=frozenset(("first",))))["first", ""]
    # m parallel to z x E at 90 degrees: no damping-like direction there, and only there.
    values = found.panels[0].lines["boltzmann"]
    assert np.isnan(values).tolist() == [False, False, True, False, False]


def test_failures_have_a_note(small_case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    from torkivity.study.point import PointRecord
    from torkivity_engine.errors import PhysicsError

    plain = PointRecord.many

    def failing(self: PointRecord, points: Any) -> Any:
        found = plain(self, points)
        for place, values in enumerate(points):
            if values["model"] == "drift_diffusion" and values["Pt.thickness"] > 10.0:
                found.failed[place] = PhysicsError("there is\nnone")
        return found

    monkeypatch.setattr(PointRecord, "many", failing)
    found = answered(wish(small_case, shown=frozenset(("first",))))["first", ""]
    assert found.notes == ["drift-diffusion: 3 of 5 points failed: there is none"]
    lines = found.panels[0].lines
    assert np.isnan(lines["drift_diffusion"]).tolist() == [False] * 2 + [True] * 3
    assert np.isfinite(lines["boltzmann"]).all()


def test_mesh_error_is_that_of_a_finer_mesh(small_case: Case) -> None:
    """Estimates against the real error, from a mesh far finer; and it is said when it grows."""
    shown = frozenset(("mesh",))
    axes = {"first": AxisChoice("Pt.thickness", Span(9.9, 10.1))}
    exact = solve_boltzmann(small_case.film, SphericalMesh(48, 24)).torque_total
    texts = {}
    for n in (4, 24):
        case = small_case.varied({"mesh.n_polar": n, "mesh.n_azimuth": 16})
        facts = answered(wish(case, shown=shown, axes=axes))["mesh", ""].facts
        real = solve_boltzmann(case.film, case.mesh()).torque_total
        percent = 100.0 * np.abs(real - exact).max() / np.abs(exact).max()
        estimate = float(facts["text"].partition("about ")[2].partition(" %")[0])
        assert 0.3 * percent < estimate < 5.0 * percent
        texts[n] = facts
    assert texts[4]["grown"]
    assert "Raise mesh.n_polar" in texts[4]["text"]
    assert not texts[24]["grown"]
