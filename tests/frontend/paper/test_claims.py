"""Verdicts follow from the data, and the documented rules are those that are applied."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from torkivity.paper.claims import (
    CLAIMS,
    VERDICTS,
    WORDS,
    Finding,
    Rule,
    claims_markdown,
    claims_record,
    evaluate_claims,
    rules_table,
    words_table,
)
from torkivity.paper.data import (
    FIGURES,
    FigureData,
    grid_data,
    paper_config,
    thickness_data,
)
from torkivity_engine.errors import PhysicsError
from torkivity_meshes import SphericalMesh

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "claims.md"


@pytest.fixture(scope="module")
def figures() -> dict[str, FigureData]:
    film, mesh = paper_config().film, SphericalMesh(6, 4)
    thicknesses = (0.01, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 16.0, 60.0)
    exchanges = (0.02, 0.1, 0.3, 0.4, 0.6, 0.8)
    return {
        "fig2": thickness_data(film, mesh, thicknesses),
        "fig3": grid_data("fig3", film, mesh, (0.5, 0.05), exchanges),
        "fig4": grid_data("fig4", film, mesh, (0.0, 0.3, 0.6, 1.0), (0.05, 0.4)),
    }


def found(figures: dict[str, FigureData]) -> dict[str, Finding]:
    return {finding.claim.identifier: finding for finding in evaluate_claims(figures)}


def changed(data: FigureData, **values: object) -> FigureData:
    return replace(data, values={**data.values, **values})  # type: ignore[dict-item]


def test_rules() -> None:
    above, below = Rule(">=", 2.0, 1.0), Rule("<=", 0.1, 0.3)
    assert [above.verdict(x) for x in (np.inf, 2.0, 1.9, 1.0, 0.9)] == [
        "holds", "holds", "in part", "in part", "does not",
    ]  # fmt: skip
    assert [below.verdict(x) for x in (0.0, 0.1, 0.3, 0.31, np.inf)] == [
        "holds", "holds", "in part", "does not", "does not",
    ]  # fmt: skip
    for rule, _ in WORDS.values():
        assert (rule.holds > rule.in_part) == (rule.sense == ">=")


def test_thresholds_by_hand() -> None:
    """What each word requires, settled before anything was measured."""
    assert {word: (rule.sense, rule.holds, rule.in_part) for word, (rule, _) in WORDS.items()} == {
        "mostly": (">=", 2.0, 1.0),
        "dominates": (">=", 2.0, 1.0),
        "exceeds": (">=", 1.0, 0.5),
        "roughly": ("<=", 1.5, 3.0),
        "significant": (">=", 0.2, 0.1),
        "contains": (">=", 0.05, 0.01),
        "quantitative": ("<=", 0.1, 0.3),
        "excellent": ("<=", 0.05, 0.15),
        "negligible": ("<=", 0.05, 0.15),
        "approaches": ("<=", 0.01, 0.1),
        "everywhere": (">=", 0.9, 0.5),
        "vanishes": ("<=", 1e-9, 1e-3),
        "accurate": ("<=", 1.0, 1.5),
        "necessary": (">=", 2.0, 1.0),
        "turns": (">=", 15.0, 5.0),
        "exact": ("<=", 0.01, 0.05),
    }


def test_claims_are_numbered_and_worded() -> None:
    identifiers = [claim.identifier for claim in CLAIMS]
    for figure in "234":
        own = [i for i in identifiers if i.startswith(f"{figure}.")]
        assert own == [f"{figure}.{n}" for n in range(1, len(own) + 1)]
    assert {claim.figure for claim in CLAIMS} == set(FIGURES)
    assert {claim.word for claim in CLAIMS} == set(WORDS)


@pytest.mark.parametrize(("name", "table"), [("words", words_table), ("rules", rules_table)])
def test_document_has_the_rules(name: str, table: object) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    match = re.search(rf"<!-- table {name} -->\n\n(.*?)\n\n<!-- end {name} -->", text, re.DOTALL)
    assert match is not None
    assert callable(table)
    assert match.group(1) == table()


def test_numbers_by_hand(figures: dict[str, FigureData]) -> None:
    findings = found(figures)
    data = figures["fig3"]
    ours, exact = (data.torque("total", model) for model in ("particular", "boltzmann"))
    worst = max(
        np.sqrt(((ours - exact)[k, i] ** 2).sum() / (exact[k, i] ** 2).sum())
        for k in range(2)
        for i in range(2)
    )
    assert_allclose(findings["3.1"].value, worst)
    hall = figures["fig2"].torque("total", "boltzmann", "spin_hall")
    assert_allclose(findings["2.4"].details["d/f, boltzmann"], hall[0, -2] / hall[1, -2])
    # The closed form with the driven currents of the data is the model App. B itself.
    rashba = figures["fig2"].torque("total", "particular", "rashba")[:, -2]
    assert_allclose(findings["2.7"].details["d/f with Im G"], rashba[0] / rashba[1])


def test_claims_of_the_pt_co_set(figures: dict[str, FigureData]) -> None:
    findings = found(figures)
    assert len(findings) == len(CLAIMS)
    certain = ("2.1", "2.2", "2.3", "2.6", "2.8", "2.10", "3.4", "3.6", "3.7", "3.8", "3.13", "4.5")
    for identifier in certain:
        assert findings[identifier].verdict == "holds", identifier
    assert findings["3.17"].verdict == "holds"


def test_verdicts_depend_on_the_data(figures: dict[str, FigureData]) -> None:
    data = figures["fig2"]
    swapped = changed(
        data,
        torque_total_damping_like=data.values["torque_total_field_like"],
        torque_total_field_like=data.values["torque_total_damping_like"],
    )
    findings = found({"fig2": swapped})
    assert all(finding.claim.figure == "fig2" for finding in findings.values())
    assert findings["2.1"].verdict == "does not"
    assert findings["2.2"].verdict == "does not"

    data = figures["fig3"]
    perfect = {
        name: np.broadcast_to(values[:1], values.shape)
        for name, values in data.values.items()
        if name.startswith("torque_total_")
    }
    findings = found({"fig3": changed(data, **perfect)})
    assert findings["3.1"].value == 0.0
    assert findings["3.1"].verdict == "holds"

    opposite = -figures["fig2"].values["torque_total_field_like"]
    findings = found({"fig2": changed(figures["fig2"], torque_total_field_like=opposite)})
    assert findings["2.4"].value == np.inf
    assert findings["2.4"].verdict == "does not"


def test_what_is_not_a_number_is_refused(figures: dict[str, FigureData]) -> None:
    data = figures["fig4"]
    values = data.values["torque_total_damping_like"].copy()
    values[0, 1, 0] = np.nan
    with pytest.raises(PhysicsError, match="claim 4"):
        evaluate_claims({"fig4": changed(data, torque_total_damping_like=values)})


def test_record_and_page(figures: dict[str, FigureData]) -> None:
    findings = evaluate_claims(figures)
    record = json.loads(json.dumps(claims_record(findings), allow_nan=False))
    for entry, claim in zip(record, CLAIMS, strict=True):
        assert entry["id"] == claim.identifier
        assert entry["verdict"] in VERDICTS
        rule = Rule(*(entry["rule"][key] for key in ("sense", "holds", "in_part")))
        assert rule.verdict(entry["value"]) == entry["verdict"]
    page = claims_markdown(findings, "heading")
    rows = [line for line in page.splitlines() if re.match(r"\| \d", line)]
    assert len(rows) == len(CLAIMS)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}
    infinite = replace(findings[0], value=np.inf)
    assert claims_record([infinite])[0]["value"] is None
