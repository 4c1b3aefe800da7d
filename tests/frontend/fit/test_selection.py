"""Models with and without some terms, by an information criterion."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fit_cases import RHO, TRUTH, phenomenological_curves, synthetic
from torkivity import InputError
from torkivity.fit.fit import ParameterSetting, fit_torques
from torkivity.fit.phenomenological import PhenomenologicalModel
from torkivity.fit.selection import information_criterion, select_model

pytest.importorskip("lmfit")

BASE = {
    "mixing_conductance_real": 0.6,
    "spin_hall_conductivity": ParameterSetting(),
    "lattice_torque_field_like": ParameterSetting(0.0),
}
TERMS = ("mixing_conductance_imag", "interface_current_damping_like")


def test_criteria_by_hand() -> None:
    assert information_criterion("AICc", 12.0, 20, 3, True) == pytest.approx(
        12.0 + 6.0 + 2.0 * 3 * 4 / (20 - 3 - 1)
    )
    assert information_criterion("BIC", 12.0, 20, 3, True) == pytest.approx(12.0 + 3 * math.log(20))
    # Without error bars the variance is fitted too.
    assert information_criterion("AICc", 5.0, 20, 3, False) == pytest.approx(
        20.0 * math.log(0.25) + 8.0 + 2.0 * 4 * 5 / (20 - 4 - 1)
    )
    assert information_criterion("AICc", 5.0, 5, 4, True) == math.inf
    with pytest.raises(InputError, match="criterion = 'R2': must be one of AICc, BIC"):
        information_criterion("R2", 1.0, 9, 1, True)


def draws(terms: dict[str, float], count: int, criterion: str) -> list[tuple[str, ...]]:
    """What is selected on synthetic data, draw by draw."""
    truth = {**TRUTH, "mixing_conductance_imag": 0.0, **terms}
    rng, found = np.random.default_rng(11), []
    for _ in range(count):
        selection = select_model(
            *(synthetic(phenomenological_curves(truth), 2e3, rng), PhenomenologicalModel()),
            *(TERMS, BASE),
            criterion=criterion,  # type: ignore[arg-type]
            measurement=RHO,
            profile=False,
            outliers=False,
        )
        found.append(selection.candidates[0].terms)
    return found


def test_the_terms_that_made_the_data_are_selected() -> None:
    real = {"mixing_conductance_imag": 0.15}
    assert draws(real, 6, "AICc").count(TERMS[:1]) >= 4
    # A term too many is taken with a chance of 8 % each at most: ln 28 = 3.3 > 1.8^2.
    assert draws({}, 6, "BIC").count(()) >= 4


def test_the_best_is_reported_as_if_it_alone_were_fitted() -> None:
    data = synthetic(phenomenological_curves(), 2e3, np.random.default_rng(3))
    selection = select_model(
        *(data, PhenomenologicalModel(), TERMS, BASE),
        measurement=RHO,
        profile=False,
        outliers=False,
    )
    assert len(selection.candidates) == 4
    assert sum(selection.weights) == pytest.approx(1.0)
    values = [entry.value for entry in selection.candidates]
    assert values == sorted(values)
    best = selection.candidates[0]
    asked = {**BASE, **{n: ParameterSetting() if n in best.terms else 0.0 for n in TERMS}}
    alone = fit_torques(
        *(data, PhenomenologicalModel(), asked), measurement=RHO, profile=False, outliers=False
    )
    assert alone.chi_square == pytest.approx(selection.result.chi_square)
    assert best.chi_square == pytest.approx(alone.chi_square)
    assert "AICc (Akaike" in selection.text()


@pytest.mark.parametrize(
    ("terms", "asked", "expected"),
    [
        ((), {}, "must be one to 5 different names"),
        (("spin_diffusion_length",), {}, "is no term to leave out; there are"),
        (("nothing",), {}, "'nothing': must be one of"),
        (TERMS, {"mixing_conductance_imag": 0.1}, "must not be fixed or tied"),
    ],
)
def test_wrong_requests(terms: tuple[str, ...], asked: dict[str, float], expected: str) -> None:
    data = synthetic(phenomenological_curves(), 2e3, np.random.default_rng(3))
    with pytest.raises(InputError, match=expected):
        select_model(data, PhenomenologicalModel(), terms, asked, measurement=RHO)


def test_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[..., tuple[int, str, str]],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("fit", "--example")[0] == 0
    given = ("ir_cofeb.csv", "--config", "ir_cofeb.toml", "--no-profile", "--no-outliers")
    select = ("--select", "interface_current_damping_like", "--criterion", "BIC", "-o", "a.json")
    status, text, _ = call("fit", *given, *select)
    assert status == 0
    assert "models by BIC" in text
    made = json.loads(Path("a.json").read_text())["selection"]
    assert [set(entry) for entry in made["candidates"]] == [
        {"terms", "parameters", "chi_square", "value", "weight"}
    ] * 2
    config = Path("ir_cofeb.toml")
    config.write_text(
        config.read_text().replace("[fit]\n", '[fit]\nselect = ["mixing_conductance_imag"]\n')
    )
    status, text, _ = call("fit", *given)
    assert "models by AICc" in text
