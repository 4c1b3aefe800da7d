"""The built pages work from the folder, without network: formulas, search, gallery, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from built_pages import References, build, dead, missing, references
from doc_blocks import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

EXAMPLES = sorted((ROOT / "scripts" / "examples").glob("*.py"))
WIDTHS = (400, 1300)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("documentation"))


class Watch:
    """A page of the browser, and everything it complained about or asked others for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", self.request)
        page.on("requestfailed", lambda request: self.wrong.append(f"failed: {request.url}"))

    def console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.type}: {message.text}")

    def request(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.wrong.append(f"asked for {request.url}")

    def show(self, path: Path, query: str = "") -> Page:
        self.page.goto(path.as_uri() + query)
        return self.page


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    context = browser.new_context()
    yield Watch(context.new_page())
    context.close()


def test_links_lead_somewhere_and_all_is_in_the_folder(pages: Path) -> None:
    found = {
        path: references(path.read_text(encoding="utf-8")) for path in sorted(pages.rglob("*.html"))
    }
    assert len(found) >= len(list((ROOT / "docs").glob("*.md"))) + len(EXAMPLES)
    assert sum(len(page.links) for page in found.values()) > 1000
    assert {str(path): wrong for path in found if (wrong := dead(path, found))} == {}
    for path in pages.rglob("*.css"):
        remote = re.findall(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")]+)", path.read_text())
        assert remote == [], path


def test_what_is_not_there_or_elsewhere_is_noticed(tmp_path: Path) -> None:
    page, other = tmp_path / "page.html", tmp_path / "other.html"
    text = (
        '<a href="other.html#here">1</a><a href="other.html#there">2</a><a href="no.html">3</a>'
        '<a href="https://example.org">4</a><a href="#no">5</a>'
        '<script src="https://example.org/x.js"></script><img src="no.png">'
        '<link rel="stylesheet" href="//example.org/x.css"><img src="data:,">'
    )
    other.write_text('<p id="here">')
    page.write_text(text)
    found: dict[Path, References] = {path: references(path.read_text()) for path in (page, other)}
    assert dead(other, found) == []
    assert set(dead(page, found)) == {
        "other.html#there", "no.html", "#no", "no.png",
        "https://example.org/x.js", "//example.org/x.css",
    }  # fmt: skip


def test_pages_say_whose_they_are_and_link_to_no_source(pages: Path) -> None:
    holder = re.search(r"^Copyright \(c\) (.+)$", (ROOT / "LICENSE").read_text(), re.MULTILINE)
    assert holder is not None
    for path in pages.rglob("*.html"):
        text = re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8"))
        assert holder[1] in text, path
        assert "View this page" not in text
        assert "_sources/" not in path.read_text(encoding="utf-8")


# What sticks out of the window and is in nothing that scrolls; the theme hides it without a bar.
CUT_OFF = """() => {
    const out = x => x.getBoundingClientRect().right > innerWidth + 1;
    const scrolls = x => x.matches("article *")
        && (["auto", "scroll"].includes(getComputedStyle(x).overflowX) && !out(x)
            || scrolls(x.parentNode));
    return [...document.querySelectorAll("article *")]
        .filter(x => x.checkVisibility() && out(x) && !scrolls(x))
        .map(x => x.outerHTML.slice(0, 100));
}"""


def lightness(page: Page, selector: str, what: str) -> float:
    """From 0, black, to 1, white, of a colour of an element as it is shown."""
    colour = page.eval_on_selector(selector, f"element => getComputedStyle(element).{what}")
    return sum(float(x) for x in re.findall(r"[\d.]+", colour)[:3]) / (3 * 255)


def test_every_page_at_both_widths_and_in_both_schemes(pages: Path, watch: Watch) -> None:
    page = watch.page
    for path in sorted(pages.rglob("*.html")):
        for width, scheme in zip(WIDTHS, ("dark", "light"), strict=True):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            if width == WIDTHS[0]:
                watch.show(path)
            at = f"{path.name}, {width}, {scheme}"
            assert page.evaluate(CUT_OFF) == [], at
            ground = lightness(page, "body", "backgroundColor")
            ink = lightness(page, "body", "color")
            assert ground < 0.3 < 0.7 < ink if scheme == "dark" else ink < 0.3 < 0.7 < ground, at
            broken = page.evaluate(
                "[...document.images].filter(x => !(x.complete && x.naturalWidth)).map(x => x.src)"
            )
            assert broken == [], at
    assert watch.wrong == []


@pytest.mark.parametrize("name", ["theory", "conventions", "errata"])
def test_formulas_are_drawn(pages: Path, watch: Watch, name: str) -> None:
    """As many as the source has, each visible and in the colour of its text."""
    source = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    source = re.sub(r"^```.*?^```|`[^`\n]*`", "", source, flags=re.MULTILINE | re.DOTALL)
    written = re.findall(r"(\$\$?)(.+?)\1", source, flags=re.DOTALL)
    page = watch.show(pages / f"{name}.html")
    drawn = page.eval_on_selector_all(
        "article .math svg",
        """all => all.map(svg => {
            const box = svg.getBoundingClientRect(), shape = svg.querySelector("path");
            return [svg.getAttribute("aria-label"), box.width, box.height,
                    shape && getComputedStyle(shape).fill, getComputedStyle(svg.parentNode).color];
        })""",
    )
    assert len(written) >= 40
    # Headings are written once and stand in the page once; the contents beside it are no article.
    assert sorted(label for label, *_ in drawn) == sorted(" ".join(x.split()) for _, x in written)
    for label, width, height, fill, colour in drawn:
        assert width > 3, label
        assert height > 5, label
        assert fill == colour, label


@pytest.mark.parametrize(("word", "title"), [("mumax3", "Units"), ("tantalum", "two heavy metals")])
def test_search_works_from_the_folder(pages: Path, watch: Watch, word: str, title: str) -> None:
    page = watch.show(pages / "index.html")
    page.fill("input.sidebar-search >> nth=0", word)
    page.press("input.sidebar-search >> nth=0", "Enter")
    page.wait_for_selector("#search-results ul.search a")
    result = page.locator("#search-results ul.search a", has_text=title)
    result.first.click()
    page.wait_for_load_state()
    assert word in page.inner_text("article").lower()
    assert watch.wrong == []


def test_gallery_shows_every_example(pages: Path, watch: Watch) -> None:
    page = watch.show(pages / "examples" / "index.html")
    thumbnails = page.eval_on_selector_all(
        ".sphx-glr-thumbcontainer",
        """all => all.map(box => [box.querySelector("a").getAttribute("href"),
            box.querySelector("img").naturalWidth, box.querySelector("img").src])""",
    )
    assert {link.partition(".html")[0] for link, *_ in thumbnails} == {x.stem for x in EXAMPLES}
    assert len({source for *_, source in thumbnails}) == len(EXAMPLES)
    for link, width, _ in thumbnails:
        assert width > 100
        path = pages / "examples" / link.partition("#")[0]
        watch.show(path)
        assert page.locator("img.sphx-glr-single-img").count() >= 1, link
        offered = [path.parent / x for x in references(path.read_text()).links if x.endswith(".py")]
        example = ROOT / "scripts" / "examples" / f"{path.stem}.py"
        assert [x.read_bytes() for x in offered] == [example.read_bytes()]
    assert watch.wrong == []


def test_without_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="why"):
        missing("why")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="why"):
        missing("why")
