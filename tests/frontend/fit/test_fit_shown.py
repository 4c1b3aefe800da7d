"""Fits and their data as notebooks show them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from fit_cases import FITTED, RHO, phenomenological_curves, synthetic
from torkivity.fit.data import TorqueData
from torkivity.fit.fit import FitResult, fit_torques
from torkivity.fit.phenomenological import PhenomenologicalModel


@pytest.fixture(scope="module")
def data() -> TorqueData:
    return synthetic(phenomenological_curves(), 2e3, np.random.default_rng(5))


@pytest.fixture(scope="module")
def result(data: TorqueData) -> FitResult:
    return fit_torques(
        data, PhenomenologicalModel(), FITTED, measurement=RHO,
        profile=("spin_diffusion_length",), outliers=False,
    )  # fmt: skip


def rows(html: str) -> list[list[str]]:
    page = ET.fromstring(f"<div>{html}</div>")
    return [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]


def test_fit_shows_its_parameters(result: FitResult) -> None:
    found = {row[0]: row[1:] for row in rows(result._repr_html_())}
    for entry in result.parameters:
        value, error, *_ = found[entry.name.replace("_", " ")]
        assert float(value) == pytest.approx(entry.value, rel=1e-4)
        assert (error == "fixed") == (not entry.varied)
        if entry.error is not None:
            assert float(error) == pytest.approx(entry.error, rel=1e-2)
    (interval, *_) = result["spin_diffusion_length"].intervals.values()
    assert str(interval) in found["spin diffusion length"]
    for derived in result.derived:
        assert float(found[derived.name.replace("_", " ")][0]) == pytest.approx(derived.value, 1e-4)
    assert f"{result.degrees_of_freedom} degrees of freedom" in result._repr_html_()


def test_fit_draws_itself(result: FitResult) -> None:
    figure = result.plot("title of mine")
    assert len(figure.axes) == 4
    marked = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert len(marked) == len([p for p in result.points if p.component == "damping_like"])
    assert "title of mine" in figure.get_suptitle()


def test_data_show_themselves(data: TorqueData) -> None:
    head, *body = rows(data._repr_html_())
    assert head[:2] == ["line", "thickness [nm]"]
    assert [float(row[1]) for row in body] == pytest.approx(data.thickness, rel=1e-5)
    assert [float(row[2]) for row in body] == pytest.approx(data.series[0].values, rel=1e-5)
