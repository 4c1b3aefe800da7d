"""Pages of each kind in a browser: drawn, quiet, asking nobody, and their controls at work."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from torkivity.report.grids import sweep_chart
from torkivity.report.page import Section, page_html
from torkivity.report.report import report_html
from torkivity.results.open import open_results
from torkivity.results.values import model_values

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

KINDS = ("run.h5", "sweep.h5", "converge.h5", "stack.h5", "fit.json")
PLOTS = {"run.h5": 6, "sweep.h5": 6, "converge.h5": 1, "stack.h5": 4, "fit.json": 4}
LOOKS = ((400, "dark"), (1300, "light"))

#: Canvases that have something on them beside the ground.
DRAWN = """() => {
    const canvases = [];
    const look = root => {
        for (const x of root.querySelectorAll("*")) {
            if (x.tagName === "CANVAS") canvases.push(x);
            if (x.shadowRoot) look(x.shadowRoot);
        }
    };
    look(document);
    return canvases.filter(canvas => {
        if (!canvas.width || !canvas.height) return false;
        const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        const colours = new Set(new Uint32Array(all.buffer));
        return colours.size > 10;
    }).length;
}"""

#: A column of a plot's data.
COLUMN = """([name, column]) => Array.from(
    Bokeh.documents.map(doc => doc.get_model_by_name(name)).find(x => x).data[column])"""

# What sticks out of the window and is in nothing that scrolls.
CUT_OFF = """() => {
    const out = x => x.getBoundingClientRect().right > innerWidth + 1;
    const scrolls = x => x && x !== document.body
        && (["auto", "scroll"].includes(getComputedStyle(x).overflowX) || scrolls(x.parentElement));
    return [...document.querySelectorAll("body *")]
        .filter(x => x.checkVisibility() && out(x) && !scrolls(x))
        .map(x => x.outerHTML.slice(0, 100));
}"""


def lightness(page: Page) -> float:
    """Of the ground of a page, from 0, black, to 1, white."""
    ground = page.eval_on_selector("body", "x => getComputedStyle(x).backgroundColor")
    return sum(map(float, re.findall(r"[\d.]+", ground)[:3])) / 765


@pytest.fixture(scope="module")
def pages(results: Path) -> dict[str, Path]:
    written = {}
    for name in KINDS:
        written[name] = results / f"{name}.html"
        written[name].write_text(report_html([results / name]), encoding="utf-8")
    return written


class Shown:
    """A page in the browser, and everything it complained about or asked others for."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", self.request)
        page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))
        page.goto(path.as_uri())

    def console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.type}: {message.text}")

    def request(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.wrong.append(f"asked for {request.url}")

    def ready(self) -> Page:
        self.page.wait_for_selector("html[data-ready]", state="attached")
        # Two frames later everything is on its canvas.
        self.page.evaluate("new Promise(f => requestAnimationFrame(() => setTimeout(f, 100)))")
        return self.page

    def column(self, name: str, column: str = "y") -> np.ndarray[Any, Any]:
        values = self.page.evaluate(COLUMN, [name, column])
        return np.array([np.nan if x is None else x for x in values], dtype=float)


@pytest.fixture
def show(browser: Browser) -> Iterator[Any]:
    contexts = []

    def open_page(path: Path, width: int = 1300, scheme: Any = "light") -> Shown:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        return Shown(context.new_page(), path)

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_each_kind_is_drawn(
    pages: dict[str, Path], show: Any, kind: str, width: int, scheme: str
) -> None:
    shown = show(pages[kind], width, scheme)
    page = shown.ready() if PLOTS[kind] else shown.page
    assert page.evaluate(DRAWN) >= PLOTS[kind]
    assert page.evaluate(CUT_OFF) == []
    light = lightness(page)
    assert light < 0.3 if scheme == "dark" else light > 0.7
    if kind.endswith(".h5"):
        box = page.locator(".film svg").bounding_box()
        assert box is not None
        assert 300 < box["width"] <= width
    assert shown.wrong == []


def test_slider_moves_the_curve_to_what_the_file_has(
    pages: dict[str, Path], results: Path, show: Any
) -> None:
    """At every place of one slider, and by the keyboard."""
    dataset = open_results(results / "sweep.h5")
    shown = show(pages["sweep.h5"])
    page = shown.ready()
    axes = [str(x) for x in dataset["status"].dims[:3]]
    exact = model_values(dataset, "torque_total_damping_like", "drift_diffusion", "all")
    page.get_by_label("against").select_option(index=0)
    page.get_by_label("scale to these curves").check()
    seen = []
    slider = page.locator("input[type=range]:visible").first
    for place in range(dataset.sizes[axes[1]]):
        if place:
            slider.press("ArrowRight")
        y = shown.column("c0sweep-0-drift_diffusion-points")
        expected = exact.isel({axes[1]: place, axes[2]: 0}).values
        scale = 10.0 ** round(np.log10(abs(expected[0] / y[0])))
        np.testing.assert_allclose(scale * y, expected, rtol=1e-6)
        seen.append(tuple(y))
        value = dataset[axes[1]].values[place]
        assert f"{value:.6g}" in page.locator("output:visible").first.inner_text()
    assert len(set(seen)) == len(seen)
    assert shown.wrong == []


def test_a_map_of_what_the_file_has(pages: dict[str, Path], results: Path, show: Any) -> None:
    """Over two axes and at each place of the slider of the third, of either model."""
    dataset = open_results(results / "sweep.h5")
    shown = show(pages["sweep.h5"])
    page = shown.ready()
    axes = [str(x) for x in dataset["status"].dims[:3]]
    page.get_by_role("combobox", name="as", exact=True).select_option(label="map")
    against = page.get_by_role("combobox", name="against")
    against.select_option(index=1)
    page.get_by_role("combobox", name="and", exact=True).select_option(index=0)
    page.get_by_role("combobox", name="of", exact=True).select_option(label="drift-diffusion")
    exact = model_values(dataset, "torque_total_field_like", "drift_diffusion", "all")
    slider = page.locator("input[type=range]:visible")
    assert slider.count() == 1
    seen = []
    for place in range(2):
        if place:
            slider.press("ArrowRight")
        value = shown.column("c0sweep-1-map", "value")
        expected = exact.isel({axes[2]: place}).transpose(axes[0], axes[1]).values
        scale = 10.0 ** round(np.log10(abs(expected[0, 0] / value[0])))
        np.testing.assert_allclose(scale * value, expected.ravel(), rtol=1e-6)
        for axis, low, high in ((axes[1], "left", "right"), (axes[0], "bottom", "top")):
            middle = 0.5 * (
                shown.column("c0sweep-1-map", low) + shown.column("c0sweep-1-map", high)
            )
            grid = exact.isel({axes[2]: place}).transpose(axes[0], axes[1])
            values = grid[axis].broadcast_like(grid).transpose(axes[0], axes[1]).values.ravel()
            np.testing.assert_allclose(middle, values, rtol=1e-9, atol=1e-12)
        seen.append(tuple(value))
    assert seen[0] != seen[1]
    assert len(shown.column("c0sweep-1-drift_diffusion-points")) == 0
    shown.ready()
    assert page.evaluate(CUT_OFF) == []
    # An axis cannot be both: the one that is taken gives its place to the other.
    against.select_option(index=0)
    assert page.get_by_role("combobox", name="and", exact=True).input_value() == "1"
    page.get_by_role("combobox", name="as", exact=True).select_option(label="lines")
    assert len(shown.column("c0sweep-1-map", "value")) == 0
    assert len(shown.column("c0sweep-1-drift_diffusion-points")) > 0
    assert shown.wrong == []


def test_powers_are_evenly_spaced(results: Path, show: Any, tmp_path: Path) -> None:
    dataset = open_results(results / "sweep.h5")
    name = str(dataset["status"].dims[0])
    powers = np.geomspace(0.1, 10.0, dataset.sizes[name])
    chart, _ = sweep_chart(dataset.assign_coords({name: (name, powers, dataset[name].attrs)}), "c")
    assert chart is not None
    path = tmp_path / "page.html"
    path.write_text(page_html("powers", [("", [Section("", [chart])])]), encoding="utf-8")
    shown = show(path)
    page = shown.ready()
    page.get_by_role("combobox", name="against").select_option(index=0)
    x = shown.column("c-0-boltzmann", "x")
    np.testing.assert_allclose(x, np.log10(powers), atol=1e-12)
    labels = page.evaluate(
        """() => [...Bokeh.documents.map(doc => doc.get_model_by_name("c-0")).find(x => x)
            .below[0].major_label_overrides.entries()]"""
    )
    assert [1.0, "10"] in labels
    assert all(10.0**at == pytest.approx(float(text)) for at, text in labels)
    assert shown.wrong == []


def test_pixels_move_with_the_slider(pages: dict[str, Path], show: Any) -> None:
    shown = show(pages["sweep.h5"])
    page = shown.ready()
    plot = page.locator("figure .plots > div").first
    before = plot.screenshot()
    assert plot.screenshot() == before
    page.locator("input[type=range]:visible").first.press("End")
    shown.ready()
    assert plot.screenshot() != before


def test_hover_tells_the_numbers(pages: dict[str, Path], show: Any) -> None:
    shown = show(pages["sweep.h5"])
    page = shown.ready()
    plot = page.locator("figure .plots > div").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    tip = page.locator(".bk-tooltip-content")
    # Down a line across the plot: somewhere it meets a curve.
    for step in range(40, int(box["height"]) - 40, 2):
        page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + step)
        page.wait_for_timeout(30)  # drawn in the next frame
        if tip.count():
            break
    text = tip.first.inner_text()
    assert "Boltzmann" in text or "drift-diffusion" in text
    assert re.search(r"= [\d.]+", text)
    assert shown.wrong == []


def test_zoom_and_back(pages: dict[str, Path], show: Any) -> None:
    shown = show(pages["sweep.h5"])
    page = shown.ready()
    ends = """() => { const figure = Bokeh.documents.map(
        doc => doc.get_model_by_name("c0sweep-0")).find(x => x);
        return [figure.x_range.start, figure.x_range.end]; }"""
    whole = page.evaluate(ends)
    plot = page.locator("figure .plots > div").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    left, top = box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"]
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + 0.2 * box["width"], top + 0.2 * box["height"], steps=5)
    page.mouse.up()
    shown.ready()
    zoomed = page.evaluate(ends)
    assert whole[0] < zoomed[0] < zoomed[1] < whole[1]
    page.locator(".bk-tool-icon-reset").first.click()
    shown.ready()
    assert page.evaluate(ends) == pytest.approx(whole)


def test_switches_hide_a_model(pages: dict[str, Path], show: Any) -> None:
    shown = show(pages["run.h5"])
    page = shown.ready()
    plot = page.locator("figure .plots > div").first
    before = plot.screenshot()
    box = page.get_by_label("drift-diffusion", exact=True)
    box.uncheck()
    shown.ready()
    assert plot.screenshot() != before
    box.check()
    shown.ready()
    assert plot.screenshot() == before


def test_other_views_and_their_numbers(pages: dict[str, Path], results: Path, show: Any) -> None:
    dataset = open_results(results / "run.h5")
    shown = show(pages["run.h5"])
    page = shown.ready()
    page.get_by_role("combobox", name="show").select_option(label="spin Hall alone")
    page.locator("summary").click()
    table = page.locator("details table")
    table.wait_for()
    exact = dataset["curve_torque_total_damping_like"].sel(
        curve_source="spin_hall", model="boltzmann"
    )
    cells = table.locator("tbody tr td:nth-of-type(1)").all_inner_texts()
    found = np.array([float(cell) for cell in cells])
    scale = 10.0 ** round(np.log10(abs(float(exact.squeeze()[0]) / found[0])))
    np.testing.assert_allclose(scale * found, exact.squeeze().values, rtol=1e-4)
    assert table.locator("thead th").first.inner_text() == "Pt thickness (nm)"


def test_every_control_has_a_name_and_the_keyboard(pages: dict[str, Path], show: Any) -> None:
    for kind in KINDS:
        shown = show(pages[kind])
        page = shown.ready() if PLOTS[kind] else shown.page
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("input, select, summary, a")]
                .filter(x => x.checkVisibility() && !(x.getAttribute("aria-label")
                    || x.labels?.[0]?.innerText.trim() || x.innerText.trim()))
                .map(x => x.outerHTML)"""
        )
        assert nameless == []
        wanted = page.locator("input:visible, select:visible, summary:visible, a:visible").count()
        reached = set()
        for _ in range(200):
            page.keyboard.press("Tab")
            place = page.evaluate(
                """() => [...document.querySelectorAll("input, select, summary, a")]
                    .indexOf(document.activeElement)"""
            )
            reached.add(place)
            if len(reached - {-1}) == wanted:
                break
        assert len(reached - {-1}) == wanted, kind


#: Colour at the corner of the first plot's canvas.
CORNER = """() => {
    const find = root => {
        for (const x of root.querySelectorAll("*")) {
            if (x.tagName === "CANVAS" && x.width) return x;
            const found = x.shadowRoot && find(x.shadowRoot);
            if (found) return found;
        }
    };
    const canvas = find(document.querySelector("figure .plots"));
    return [...canvas.getContext("2d").getImageData(2, canvas.height - 3, 1, 1).data];
}"""


def test_printed_without_controls_on_white(pages: dict[str, Path], show: Any) -> None:
    shown = show(pages["sweep.h5"], scheme="dark")
    page = shown.ready()
    assert max(page.evaluate(CORNER)[:3]) < 80
    page.emulate_media(media="print")
    shown.ready()
    assert page.evaluate(CORNER) == [255] * 4
    assert lightness(page) == 1.0
    assert page.locator("input[type=range]:visible").count() == 0
    assert page.locator("output:visible").count() == 2  # where the plot stands
    assert page.pdf()[:4] == b"%PDF"


def test_names_run_no_script(pages: dict[str, Path], show: Any) -> None:
    """The layer is called like an image whose error would open a dialog."""
    shown = show(pages["sweep.h5"])
    page = shown.ready()
    page.get_by_label("against").select_option(index=2)
    shown.ready()
    assert page.locator("img").count() == 0
    assert page.locator("i, b").count() == 0
    assert shown.wrong == []


def test_saved_configuration(pages: dict[str, Path], results: Path, show: Any) -> None:
    page = show(pages["run.h5"]).ready()
    link = page.locator("a[download]")
    text = base64.b64decode(str(link.get_attribute("href")).partition("base64,")[2]).decode()
    assert text == open_results(results / "run.h5").attrs["config_toml"]
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "film.toml"
