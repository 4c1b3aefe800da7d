"""The explorer in a browser: controls at work, quiet, asking nobody but its own address."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from torkivity import SphericalMesh, solve_boltzmann
from torkivity.config.text import parse_config

from .conftest import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: A column of the lines or points of a plot.
COLUMN = """([name, column]) => Bokeh.documents.map(doc => doc.get_model_by_name(name))
    .find(x => x).data[column].map(x => typeof x === "object" ? Array.from(x) : x)"""

CUT_OFF = """() => {
    const out = x => x.getBoundingClientRect().right > innerWidth + 1;
    const scrolls = x => x && x !== document.body
        && (["auto", "scroll"].includes(getComputedStyle(x).overflowX) || scrolls(x.parentElement));
    return [...document.querySelectorAll("body *")]
        .filter(x => x.checkVisibility() && out(x) && !scrolls(x))
        .map(x => x.outerHTML.slice(0, 100));
}"""

DONE = "All curves are those of the film seen."


class Tab:
    """A tab with the explorer, and everything it complained about or asked others for."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.wrong = page, list[str]()
        own = urlsplit(address).netloc
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", lambda request: self.request(request.url, own))
        page.on("websocket", lambda socket: self.request(socket.url, own))
        page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))
        page.goto(address)
        self.ready()

    def console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.type}: {message.text}")

    def request(self, url: str, own: str) -> None:
        if urlsplit(url).netloc != own and not url.startswith(("data:", "blob:")):
            self.wrong.append(f"asked for {url}")

    def ready(self) -> None:
        """Everything is answered and drawn."""
        self.page.get_by_text(DONE).wait_for(timeout=60_000)
        self.page.locator("#plot-profile-3 .bk-Figure, #plot-profile-3 *").first.wait_for()
        self.page.wait_for_timeout(200)

    def type(self, path: str, text: str) -> None:
        field = self.page.locator(f'[data-path="{path}"]')
        field.fill(text)
        field.press("Enter")

    def column(self, name: str, column: str = "ys") -> list[Any]:
        found: list[Any] = self.page.evaluate(COLUMN, [name, column])
        return found

    def numbers(self, slot: str) -> list[list[str]]:
        """Cells of the table below a plot."""
        details = self.page.locator(f"#slot-{slot} details")
        if details.get_attribute("open") is None:
            details.locator("summary").click()
        rows = details.locator("tbody tr")
        rows.first.wait_for()
        return [row.locator("th, td").all_inner_texts() for row in rows.all()]


@pytest.fixture
def tab(browser: Browser, served: Served) -> Iterator[Callable[..., Tab]]:
    contexts = []

    def open_tab(width: int = 1300) -> Tab:
        context = browser.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        return Tab(context.new_page(), served.address)

    yield open_tab
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [400, 1300])
def test_drawn_and_nothing_sticks_out(tab: Callable[..., Tab], width: int) -> None:
    shown = tab(width)
    page = shown.page
    assert page.evaluate(CUT_OFF) == []
    for slot, count in (
        ("first", 2),
        ("resistance", 2),
        ("second", 2),
        ("third", 2),
        ("profile", 4),
    ):
        for i in range(count):
            assert len(shown.column(f"{slot}-{i}-points", "x")) > 20
    box = page.locator("#picture svg").bounding_box()
    assert box is not None
    assert 200 < box["width"] <= width
    assert shown.wrong == []


def test_a_slider_moves_curve_and_text(tab: Callable[..., Tab]) -> None:
    """What is drawn and what is written are the same film, and the curve is right."""
    shown = tab()
    page = shown.page
    before = shown.column("first-0-lines")
    slider = page.get_by_label("Co thickness t, slider")
    for _ in range(5):
        slider.press("ArrowLeft")
    page.wait_for_timeout(300)
    shown.ready()
    assert shown.column("first-0-lines") != before
    text = page.locator("#toml").input_value()
    film = parse_config(text, "film.toml").film
    typed = page.locator('[data-path="Co.thickness"]').input_value()
    assert film.ferromagnet.thickness == float(typed) < 5.0  # type: ignore[union-attr]
    rows = shown.numbers("first")
    exact = []
    for row in rows:
        other = re.sub(r"(?<=\n)thickness = 10.0", f"thickness = {float(row[0])}", text)
        film = parse_config(other, "film.toml").film
        solution = solve_boltzmann(film, SphericalMesh(4, 8))
        exact.append(solution.damping_like(solution.torque_total))
    np.testing.assert_allclose([float(row[1]) for row in rows], exact, rtol=1e-4)
    duration = page.evaluate("performance.getEntriesByName('answer').length")
    assert duration >= 2
    assert shown.wrong == []


def test_a_bad_value_is_said_beside_its_control(tab: Callable[..., Tab]) -> None:
    shown = tab()
    page = shown.page
    before = shown.column("first-0-lines")
    shown.type("Pt.spin_hall_angle", "a lot")
    field = page.locator('[data-path="Pt.spin_hall_angle"]')
    problem = page.get_by_role("alert").filter(has_text="must be a number")
    problem.wait_for()
    assert field.get_attribute("aria-invalid") == "true"
    assert problem.get_attribute("id") in str(field.get_attribute("aria-describedby"))
    below = problem.bounding_box()["y"] - field.bounding_box()["y"]  # type: ignore[index]
    assert 0 < below < 120
    assert shown.column("first-0-lines") == before
    # It goes on as if nothing had been.
    shown.type("Pt.spin_hall_angle", "0.2")
    problem.wait_for(state="hidden")
    shown.ready()
    assert field.get_attribute("aria-invalid") is None
    assert shown.column("first-0-lines") != before
    assert shown.wrong == []


def test_two_tabs_show_two_films(tab: Callable[..., Tab]) -> None:
    one, other = tab(), tab()
    one.type("Co.thickness", "2")
    other.type("Co.thickness", "8")
    for shown, thickness in ((one, 2.0), (other, 8.0)):
        shown.page.wait_for_timeout(300)
        shown.ready()
        text = shown.page.locator("#toml").input_value()
        assert tomllib.loads(text)["ferromagnet"]["thickness"] == thickness
        assert max(shown.column("profile-0-faces", "x")) == thickness
        assert shown.wrong == []


def test_a_page_from_elsewhere_is_refused(browser: Browser, served: Served) -> None:
    """A page of another origin opens no socket and reads nothing."""
    page = browser.new_page()
    page.route("http://evil.example/", lambda route: route.fulfill(
        content_type="text/html", body="<title>elsewhere</title>"))  # fmt: skip
    page.goto("http://evil.example/")
    asked = page.evaluate(
        """async address => {
            const socket = new WebSocket(address.replace("http", "ws") + "socket");
            const opened = await new Promise(tell => {
                socket.onopen = () => tell(true);
                socket.onerror = () => tell(false);
            });
            const read = await fetch(address).then(x => x.text()).catch(() => "");
            return [opened, read];
        }""",
        served.address,
    )
    assert asked == [False, ""]
    page.close()


def test_models_parts_and_axes(tab: Callable[..., Tab]) -> None:
    shown = tab()
    page = shown.page
    assert len(shown.column("first-0-lines", "dash")) == 1  # drift-diffusion is markers alone
    page.get_by_label("half-space drift-diffusion").check()
    page.wait_for_timeout(300)
    shown.ready()
    assert sorted(shown.column("first-0-lines", "dash")) == ["dashed", "solid"]
    page.get_by_label("x, y, z").check()
    page.wait_for_timeout(300)
    shown.ready()
    page.locator("#plot-first-2").wait_for()
    page.locator("#path-third").select_option(label="Pt|Co Rashba coupling u_R")
    page.wait_for_timeout(300)
    shown.ready()
    assert "Rashba coupling" in page.locator("#slot-third figcaption").inner_text()
    page.locator("#low-third").fill("0.4")
    page.locator("#low-third").press("Enter")
    page.locator("#axis-third-problem").filter(has_text="must rise").wait_for()
    page.locator("#logarithmic-first").check()
    page.wait_for_timeout(300)
    shown.ready()
    x = np.array(shown.column("first-0-lines", "xs")[0])
    np.testing.assert_allclose(np.diff(x), np.diff(x)[0], rtol=1e-9)
    assert x[0] == pytest.approx(np.log10(1.0))
    assert shown.wrong == []


def test_pins_presets_and_files(tab: Callable[..., Tab]) -> None:
    shown = tab()
    page = shown.page
    page.get_by_label("Name").fill("<i>thin</i>")
    page.get_by_role("button", name="Pin this film").click()
    page.locator("#pinned li").wait_for()
    shown.type("Co.thickness", "1")
    page.wait_for_timeout(300)
    shown.ready()
    assert len(shown.column("first-0-lines")) == 2
    assert page.locator("#pinned i").count() == 0
    for name, start in (("Save Torque as PNG", b"\x89PNG"), ("Save all numbers (CSV)", b"film,")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        assert Path(download.value.path()).read_bytes().startswith(start)
    page.get_by_role("button", name=re.compile("Back to")).click()
    page.wait_for_timeout(300)
    shown.ready()
    assert page.locator('[data-path="Co.thickness"]').input_value() == "5"
    page.get_by_label("Start from").select_option("pt-co-pt")
    page.locator('[data-path="Pt2.thickness"]').wait_for()
    page.locator("#configuration summary").click()
    page.locator("#toml").fill("[nothing")
    page.get_by_role("button", name="Use this text").click()
    page.locator("#toml-problem").filter(has_text="is not valid TOML").wait_for()
    assert page.locator("#toml").input_value() == "[nothing"
    assert shown.wrong == []


def test_every_control_has_a_name_and_the_keyboard(tab: Callable[..., Tab]) -> None:
    page = tab().page
    page.evaluate("document.querySelectorAll('details').forEach(x => { x.open = true; })")
    kinds = "input, select, button, textarea, summary"
    nameless = page.evaluate(
        """kinds => [...document.querySelectorAll(kinds)]
            .filter(x => x.checkVisibility() && !(x.getAttribute("aria-label")
                || x.labels?.[0]?.innerText.trim() || x.innerText.trim()))
            .map(x => x.outerHTML)""",
        kinds,
    )
    assert nameless == []
    wanted = page.locator(
        ", ".join(f"{kind}:visible:enabled" for kind in kinds.split(", "))
    ).count()
    reached = set()
    for _ in range(3 * wanted):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(
            "kinds => [...document.querySelectorAll(kinds)].indexOf(document.activeElement)", kinds
        ))  # fmt: skip
        if len(reached - {-1}) == wanted:
            break
    assert len(reached - {-1}) == wanted
    for figure in page.locator("figure:visible").all():
        assert figure.get_attribute("aria-label")


def test_the_end_is_said(
    browser: Browser, serve: Callable[..., Served], small_toml: str, tmp_path: Path
) -> None:
    film = tmp_path / "film.toml"
    film.write_text(small_toml)
    program = serve(film)
    shown = Tab(browser.new_page(), program.address)
    assert program.end() == 0
    shown.page.get_by_role("alert").filter(has_text="The program has stopped").wait_for()
    with shown.page.expect_download() as download:
        shown.page.locator("#configuration summary").click()
        shown.page.get_by_role("button", name="Save as film.toml").click()
    assert "heavy_metal" in Path(download.value.path()).read_text()
    assert program.said.endswith("torkivity: stopped\n")
    shown.page.close()
