"""The documentation as it is built, and what its pages refer to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from doc_blocks import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def missing(reason: str) -> None:
    """Skip with the reason; where everything must be there, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def need(*modules: str) -> None:
    absent = [name for name in modules if find_spec(name) is None]
    if absent:
        missing(f"no {', '.join(absent)}: pip install '.[docs]' brings them")


def browser_path() -> str:
    need("playwright")
    found = [path for path in map(shutil.which, BROWSERS) if path]
    if not found:
        missing(f"none of {', '.join(BROWSERS)} is installed: apt-get install chromium")
    return found[0]


def build(folder: Path) -> Path:
    """Build the pages, warnings being errors, beside the source tree and not in it."""
    need("sphinx", "furo", "myst_parser", "numpydoc", "sphinx_click", "sphinx_gallery", "ziamath")
    shutil.copytree(
        ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("_build", "examples")
    )
    for path in ROOT.iterdir():
        if path.name != "docs":
            (folder / path.name).symlink_to(path)
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-n", "-W", "--keep-going", "-q", "docs", "pages"],
        cwd=folder,
        env=os.environ | {"MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "pages"


@dataclass
class References(HTMLParser):
    """What a page loads, where its links lead, and the places in it that links can name."""

    loaded: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if "src" in given:
            self.loaded.append(given["src"])
        if "srcset" in given:
            self.loaded += [part.split()[0] for part in given["srcset"].split(",")]
        if tag == "link" and "href" in given:
            self.loaded.append(given["href"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])


def references(text: str) -> References:
    found = References()
    found.feed(text)
    return found


def dead(page: Path, pages: dict[Path, References]) -> list[str]:
    """What a page loads from elsewhere, and links and files that are not there."""
    wrong = [x for x in pages[page].loaded if re.match(r"(?!data:)\w+:|//", x)]
    for target in pages[page].loaded + pages[page].links:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        place = unquote(parts.fragment)
        if not path.exists() or (place and path in pages and place not in pages[path].places):
            wrong.append(target)
    return wrong
