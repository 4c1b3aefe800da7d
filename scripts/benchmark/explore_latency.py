"""The explorer: from a change to the curve that answers it, in the program and in a browser."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from measuring import Record, duration
from torkivity.config.text import parse_config, preset_text
from torkivity.explore.session import Session
from torkivity.explore.warm import warm_up
from torkivity.study.case import Case, with_settings_given
from torkivity.tables import Table

_MESH = ("mesh.n_polar=16", "mesh.n_azimuth=16")
#: What changes, with the range that its values are spread over.
_CHANGES = {
    "Co.thickness": (2.0, 8.0),
    "Pt.thickness": (2.0, 12.0),
    '"Pt|Co".exchange': (0.05, 0.6),
    "film.magnetization.theta_deg": (5.0, 85.0),
    "Pt.total_mean_free_path": (1.0, 2.4),
}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def measure(quick: bool) -> Record:
    """Measure; few changes if `quick`."""
    count = 3 if quick else 60
    path = Path("film.toml")
    config = parse_config(preset_text("pt-co"), path.name)
    case = Case.of(with_settings_given(config, path, _MESH), path)
    warm_up(case)
    session = Session(case)
    record: Record = {"points": session.view.axes["first"].count, "program": {}, "page": []}
    for path, (low, high) in _CHANGES.items():
        session.handle({"n": 0, "preset": ""})
        _answer(session)
        values = np.random.default_rng(1).permutation(np.linspace(low, high, count))
        times = np.array([_seconds(session, path, value) for value in values])
        record["program"][path] = dict(zip(("wall", "cpu"), times.T.tolist(), strict=True))
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser and find_spec("playwright"):
        record["page"] = _in_page(browser, count)
    return record


def _answer(session: Session) -> None:
    """The first curve, as the page gets it."""
    for message in session.steps():
        if message is not None:
            json.dumps(message)
            return


def _seconds(session: Session, path: str, value: float) -> tuple[float, float]:
    """Wall time and that of the processor, which others on the machine change less."""
    start = np.array([time.perf_counter(), time.process_time()])
    json.dumps(session.handle({"n": 1, "set": {path: repr(float(value))}}))
    _answer(session)
    wall, cpu = np.array([time.perf_counter(), time.process_time()]) - start
    return float(wall), float(cpu)


def _in_page(browser: str, count: int) -> list[float]:
    """Seconds from the move of a slider to the frame with the new curve, in a real browser."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="torkivity-benchmark-") as folder:
        film = Path(folder) / "film.toml"
        film.write_text(preset_text("pt-co"), encoding="utf-8")
        command = [sys.executable, "-m", "torkivity", "explore", str(film), "--port", "0"]
        settings = [f"--set={text}" for text in _MESH]
        program = subprocess.Popen(
            [*command, "--no-browser", *settings], stderr=subprocess.PIPE, text=True
        )
        assert program.stderr is not None
        try:
            said = iter(program.stderr)
            found = next(filter(None, (re.search(r"page is (\S+)", line) for line in said)))
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(executable_path=browser)
                page = chromium.new_page(viewport={"width": 1300, "height": 900})
                page.goto(found[1])
                page.get_by_text("All curves are").wait_for(timeout=60_000)
                page.evaluate("performance.clearMeasures()")
                slider = page.get_by_label("Co thickness t, slider")
                for _ in range(count):
                    slider.press("ArrowRight" if _ % 50 < 25 else "ArrowLeft")
                    page.wait_for_timeout(150)
                page.wait_for_timeout(1000)
                entries: list[float] = page.evaluate(
                    "performance.getEntriesByName('answer').map(x => x.duration / 1000)"
                )
                chromium.close()
        finally:
            program.send_signal(signal.SIGINT)
            program.communicate(timeout=60)
    return entries


def table(r: Record) -> Table:
    """What was measured, as a table."""
    # The program computes on one thread; its CPU time is what a free core would take.
    rows = [(path, "program", *_spread(times["cpu"])) for path, times in r["program"].items()]
    if r["page"]:
        rows.append(("Co.thickness", "page", *_spread(r["page"])))
    title = (
        f"Explorer, Pt/Co on 16 x 16: from a change to the curve of {r['points']} points, "
        "Boltzmann and drift-diffusion; CPU time of the program, wall time in the page"
    )
    columns = ("what changes", "seen by the", "median", "95 %")
    return Table(title, columns, tuple(rows), keys=2)


def _spread(seconds: list[float]) -> tuple[str, str]:
    return duration(float(np.median(seconds))), duration(float(np.quantile(seconds, 0.95)))
