"""Pictures of films: to scale, everything named, nothing over another."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from torkivity_engine.film.boundaries import HalfSpace, Reservoir
from torkivity_engine.film.drawing import film_html, film_svg, film_words
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.stack import Bilayer, Stack

SVG = "{http://www.w3.org/2000/svg}"
JOINT = RashbaInterface(0.4, 0.2, 0.1)


def metal(thickness: float) -> HeavyMetal:
    return HeavyMetal(thickness, 2.0, 20.0)


def magnet(thickness: float, *m: float) -> Ferromagnet:
    return Ferromagnet(thickness, 10.0, 5.0, 100.0, 1.5, magnetization=m)


def stack(*layers: HeavyMetal | Ferromagnet | MagneticInsulator, **options: object) -> Stack:
    return Stack(layers, (JOINT,) * (len(layers) - 1), **options)  # type: ignore[arg-type]


FILMS = {
    "bilayer": stack(metal(10.0), magnet(5.0, 0.0, 0.0, 1.0)),
    "three magnets": stack(
        magnet(0.3, 1.0, 0.0, 0.0), metal(200.0), magnet(1.0, 0.0, 1.0, 0.0), metal(0.5),
        magnet(0.5, 0.0, -1.0, 0.0),
    ),
    "many": stack(*(x for _ in range(15) for x in (metal(1.0), magnet(1.0, 0.6, 0.0, 0.8)))),
    "insulator": stack(metal(4.0), MagneticInsulator(3.0, 5.0, magnetization=(0.0, 0.0, -1.0))),
    "half spaces": stack(metal(4.0), magnet(4.0, 0.0, 0.0, 1.0), left=HalfSpace(),
                         right=Reservoir(), field_direction_deg=30.0),
}  # fmt: skip


def root(film: Stack | Bilayer) -> ET.Element:
    return ET.fromstring(film_svg(film))


def blocks(film: Stack) -> list[tuple[float, float]]:
    """Top and height of the layers' rectangles, from the top."""
    return [
        (float(r.get("y", "")), float(r.get("height", ""))) for r in root(film).iter(f"{SVG}rect")
    ]


@pytest.mark.parametrize("name", FILMS)
def test_everything_is_named_once(name: str) -> None:
    film = FILMS[name]
    texts = [text.text or "" for text in root(film).iter(f"{SVG}text")]
    for layer, thickness in zip(film.names, film.layers, strict=True):
        size = f"{layer} {thickness.thickness:g} nm" if thickness.thickness else layer
        assert texts.count(size) == 1, size
    for interface in film.names_of_interfaces:
        assert texts.count(f"interface {interface}") == 1
    assert sum("= (" in text for text in texts) == len(film.magnet_names)
    assert texts.count(f"E, {film.field_direction_deg:g}° from x") == 1
    words = film_words(film)
    assert root(film).get("aria-label") == words
    assert all(layer in words for layer in film.names)


@pytest.mark.parametrize("name", FILMS)
def test_layers_are_to_scale_and_touch(name: str) -> None:
    film = FILMS[name]
    drawn = blocks(film)
    ends = (0 if film.right.closed else 1, None if film.left.closed else -1)
    layers = list(reversed(film.layers))
    shown = drawn[slice(*ends)]
    finite = [
        (b, layer.thickness) for b, layer in zip(shown, layers, strict=True) if layer.thickness
    ]
    (_, highest), thickest = max(finite, key=lambda item: item[1])
    scale = highest / thickest
    for (_, height), thickness in finite:
        assert height == pytest.approx(scale * thickness, abs=0.6)
    for (top, height), (below, _) in itertools.pairwise(drawn):
        assert below == pytest.approx(top + height, abs=0.7)


@pytest.mark.parametrize("name", FILMS)
def test_labels_keep_clear_and_inside(name: str) -> None:
    svg = root(FILMS[name])
    height = float(svg.get("viewBox", "").split()[3])
    beside = [t for t in svg.iter(f"{SVG}text") if float(t.get("x", "")) >= 190.0]
    places = [float(text.get("y", "")) for text in beside]
    for above, below in itertools.pairwise(places):
        assert below - above >= 15.0
    assert max(places) < height


def tip(film: Stack) -> tuple[float, float]:
    """Direction of the first coloured arrow, from its shaft."""
    shaft = next(
        p for p in root(film).iter(f"{SVG}path") if (p.get("stroke") or "").startswith("#c")
    )
    start, end = shaft.get("d", "").removeprefix("M").split("L")
    (x0, y0), (x1, y1) = (map(float, point.split()) for point in (start, end))
    return x1 - x0, y1 - y0


@pytest.mark.parametrize(
    ("m", "right", "down"),
    [((1.0, 0.0, 0.0), 1, 0), ((-1.0, 0.0, 0.0), -1, 0), ((0.0, 0.0, 1.0), 0, -1),
     ((0.0, 0.0, -1.0), 0, 1), ((0.0, 1.0, 0.0), 1, -1)],
)  # fmt: skip
def test_arrow_points_where_m_does(m: tuple[float, float, float], right: int, down: int) -> None:
    """x to the right, z up, y into the page: aslant up to the right."""
    x, y = tip(stack(metal(4.0), magnet(4.0, *m)))
    assert math.copysign(1.0, x) * (abs(x) > 0.2) == right
    assert math.copysign(1.0, y) * (abs(y) > 0.2) == down


def test_names_are_escaped() -> None:
    film = replace(FILMS["bilayer"], layer_names=("<b>&'", "]]>"))
    texts = [text.text for text in root(film).iter(f"{SVG}text")]
    assert "<b>&' 10 nm" in texts
    page = ET.fromstring(f"<div>{film_html(film)}</div>")
    assert not list(page.iter("b"))


def test_films_show_themselves() -> None:
    """As a notebook asks them to; every parameter of the film is in the table."""
    bilayer = Bilayer(metal(10.0), JOINT, Ferromagnet(5.0, 10.0, 5.0, 100.0, 1.5))
    for film in (bilayer, bilayer.stack()):
        html = film._repr_html_()
        page = ET.fromstring(f"<div>{html}</div>")
        text = " ".join(page.itertext())
        for number in ("thickness 10 nm", "thickness 5 nm", "0.4", "0.2", "0.1", "16 1/nm"):
            assert number in text
