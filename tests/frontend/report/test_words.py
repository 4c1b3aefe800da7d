"""Labels of figures as text."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from torkivity.config.text import check_config, preset_names, preset_text
from torkivity.report.words import plain
from torkivity.study.case import Case


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"$10^{5}$$\,$$\Omega^{-1}$m$^{-1}$", "10⁵ Ω⁻¹m⁻¹"),
        (r"per $\tilde{E}$", "per E\N{COMBINING TILDE}"),
        (r"$\kappa_\uparrow$", "κ↑"),
        (r"$\theta_\mathrm{SH}$", "θ_SH"),
        (r"$\theta$ of $\hat{m}$ (deg)", "θ of m\N{COMBINING CIRCUMFLEX ACCENT} (deg)"),
        ("costs 5 $", "costs 5 $"),
        ("line\nbreak", "line break"),
    ],
)  # fmt: skip
def test_mathtext(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize("name", ["a $$x$$ b", r"\(x\)", r"\[x\]", "$$", "$$$"])
def test_names_are_no_formulas(name: str) -> None:
    """Bokeh would fetch what sets TeX between such delimiters."""
    found = plain(name)
    assert "$$" not in found
    assert not re.search(r"\\[\[(]", found)


@pytest.mark.parametrize("preset", preset_names())
def test_labels_of_all_parameters(preset: str) -> None:
    film = check_config(tomllib.loads(preset_text(preset)), preset)
    labels = [p.label for p in Case.of(film, Path(preset)).parameters().values() if p.label]
    assert len(labels) > 5
    for label in labels:
        assert not set(plain(label)) & set("$\\{}"), label
