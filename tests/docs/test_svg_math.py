"""Formulas of the pages: drawn on the line, named by their source, refused when not understood."""

from __future__ import annotations

import re
import sys
import warnings
from typing import Any
from xml.etree import ElementTree

import pytest

from built_pages import need
from doc_blocks import ROOT


@pytest.fixture(scope="module")
def svg_math() -> Any:
    need("ziamath", "sphinx")
    sys.path.insert(0, str(ROOT / "docs" / "_extensions"))
    try:
        with warnings.catch_warnings():  # ziamath finds its font in an old way
            warnings.simplefilter("ignore", DeprecationWarning)
            import svg_math
    finally:
        sys.path.pop(0)
    return svg_math


def measures(drawn: str) -> tuple[float, float, float]:
    """Width, height and depth below the line, in em."""
    svg = ElementTree.fromstring(drawn)[0]
    width, height = (float(svg.attrib[side].removesuffix("em")) for side in ("width", "height"))
    depth = re.search(r"vertical-align:(-?[\d.]+)em", drawn)
    assert depth is not None
    return width, height, -float(depth[1])


def test_letters_stand_on_the_line(svg_math: Any) -> None:
    x, height, depth = measures(svg_math.drawing("x", True))
    # Half an em wide and high, as letters are, whatever the font; margins are below 0.2 em.
    assert 0.3 < x < 0.9
    assert 0.3 < height < 0.9
    assert abs(depth) < 0.15
    _, tall, deep = measures(svg_math.drawing(r"\frac{x}{\frac{x}{x}}", False))
    assert tall > 2 * height
    assert deep > 5 * abs(depth)
    assert measures(svg_math.drawing("xx", True))[0] > 1.6 * x


def test_source_is_what_is_read_aloud(svg_math: Any) -> None:
    source = 'a<b,\n\\quad "c"'
    svg = ElementTree.fromstring(svg_math.drawing(source, False))[0]
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == " ".join(source.split())


def test_colour_is_that_of_the_text(svg_math: Any) -> None:
    drawn = svg_math.drawing(r"\frac{\hat m}{\sqrt{2}}", True)
    assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn)) <= {"currentColor", "none"}
    assert "currentColor" in drawn


@pytest.mark.parametrize("source", [r"\foo x", r"a\,\unknown{b}", r"f\'(x)"])
def test_unknown_commands_are_refused(svg_math: Any, source: str) -> None:
    with pytest.raises(ValueError, match=r"unknown command \\"):
        svg_math.drawing(source, True)


def test_hat_is_as_wide_over_m_as_over_i(svg_math: Any) -> None:
    def accent(letter: str) -> float:
        paths = ElementTree.fromstring(svg_math.drawing(rf"\hat {letter}", True)).iter()
        outlines = [path.attrib["d"] for path in paths if path.tag.endswith("path")]
        points = [float(x) for x in re.findall(r"[ML] ?(-?[\d.]+)", outlines[-1])]
        return max(points) - min(points)

    assert accent("m") == pytest.approx(accent("i"), rel=1e-2)


@pytest.mark.parametrize(
    ("source", "signs"),
    [
        ("a-b", "d"),
        ("-a", "s"),  # the converter's own rule: first in its row
        ("(-1,+2)", "ss"),
        ("c=-a-b", "sd"),
        (r"|a|-\|b\|+c", "dd"),
        (r"x=\quad-y", "s"),
        (r"f(a)-g_+-h^2", "dd"),
        (r"\frac{-a}{b}=\mp c\pm d", "sds"),  # the row of the fraction comes last
        (r"t(-k_\parallel,-\hat m)^T-1", "ssd"),
    ],
)
def test_sign_or_difference(svg_math: Any, source: str, signs: str) -> None:
    from ziamath import Math
    from ziamath.tex import tex2mml

    tree = ElementTree.fromstring(tex2mml(source))
    svg_math.mark_signs(tree)
    drawn = Math(tree)  # infers the form of the others
    found = "".join(
        "s" if part.get("form") == "prefix" else "d"
        for row in drawn.mathml.iter()
        if row.tag not in ("msub", "msup")
        for part in row
        if part.tag == "mo" and part.text in svg_math.SIGNS
    )
    assert found == signs
