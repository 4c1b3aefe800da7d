"""Who may have the page, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from torkivity.explore.server import Place

from .conftest import Served, said


def get(address: str, path: str = "", **headers: str) -> tuple[int, Any, str]:
    """Status, headers and text of an answer."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    connection.request("GET", parts.path + path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode() if answer.status != 101 else ""
    connection.close()
    return answer.status, answer.headers, text


def knock(address: str, origin: str, host: str = "") -> int:
    """Status of the answer to a browser that wants to talk for a page of some origin."""
    key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13"}
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": origin}
    named = {"Host": host} if host else {}
    return get(address, "socket", **key, **upgrade, **named)[0]


@contextlib.asynccontextmanager
async def open_tab(address: str) -> AsyncIterator[Any]:
    from tornado.httpclient import HTTPRequest
    from tornado.websocket import websocket_connect

    origin = "http://" + urlsplit(address).netloc
    target = address.replace("http", "ws", 1) + "socket"
    tab = await websocket_connect(HTTPRequest(target, headers={"Origin": origin}))
    yield tab
    ended = tab.close_code is not None
    tab.close()
    if not ended:
        while await asyncio.wait_for(tab.read_message(), 20) is not None:
            pass
    await asyncio.sleep(0.05)  # for its connection to be closed


async def ask(tab: Any, message: str) -> list[dict[str, Any]]:
    """Everything that a tab is told until it is done, or refused."""
    await tab.write_message(message)
    found = []
    while True:
        text = await asyncio.wait_for(tab.read_message(), 20)
        assert text is not None
        found.append(said(text))
        if found[-1]["type"] in ("done", "problem", "file"):
            return found


def test_the_page_and_its_parts(served: Served) -> None:
    for path, media in (
        ("", "text/html"), ("page.css", "text/css"), ("page.js", "text/javascript"),
        ("bokeh.js", "text/javascript"), ("plots.json", "application/json"),
    ):  # fmt: skip
        status, headers, _ = get(served.address, path)
        assert status == 200
        assert headers["Content-Type"] == f"{media}; charset=utf-8"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    page = get(served.address)[2]
    assert "http://" not in page
    assert "https://" not in page


def test_others_are_refused(served: Served) -> None:
    parts = urlsplit(served.address)
    assert parts.hostname == "127.0.0.1"
    for host in ("evil.example", f"evil.example:{parts.port}", "127.0.0.1.evil.example", ""):
        assert get(served.address, Host=host)[0] in (400, 403)
        assert get(served.address, "nothing", Host=host)[0] in (400, 403)
    for host in (f"localhost:{parts.port}", "localhost:8000", "[::1]:80"):
        assert get(served.address, Host=host)[0] == 200
    # Nothing without the part of the address that only the user knows.
    base = f"{parts.scheme}://{parts.netloc}"
    for path in ("/", "/page.js", "/socket", "/AAAAAAAAAAAAAAAAAAAAAA/"):
        assert get(base + path)[0] == 404


def test_listens_on_this_machine_alone(served: Served) -> None:
    port = urlsplit(served.address).port
    assert port is not None
    own = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False)
    for address in own.stdout.split():
        with pytest.raises(OSError), socket.create_connection((address, port), timeout=5):  # noqa: PT011
            pass


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://127.0.0.1:1", "http://localhost", "null", "https://[::1]"],
)
def test_foreign_origins_are_refused(served: Served, origin: str) -> None:
    assert knock(served.address, origin) == 403


def test_the_own_origin_is_not(served: Served) -> None:
    assert knock(served.address, "http://" + urlsplit(served.address).netloc) == 101
    # Through a tunnel, that is, from another port of this machine.
    assert knock(served.address, "http://localhost:8000", "localhost:8000") == 101


def test_a_foreign_name_with_its_own_origin_is_refused(served: Served) -> None:
    """A page of another name that has been made to point here."""
    assert knock(served.address, "http://evil.example", "evil.example") == 403


def test_two_tabs_do_not_mix(served: Served) -> None:
    async def both() -> list[list[dict[str, Any]]]:
        async with open_tab(served.address) as one, open_tab(served.address) as other:
            changes = [
                ask(tab, f'{{"n": 1, "set": {{"Co.thickness": "{thickness}"}}}}')
                for tab, thickness in ((one, 2), (other, 8))
            ]
            return list(await asyncio.gather(*changes))

    for messages, thickness in zip(asyncio.run(both()), ("2", "8"), strict=True):
        state = messages[0]
        values = {c["path"]: c["value"] for g in state["groups"] for c in g["controls"]}
        assert values["Co.thickness"] == thickness
        slots = [m["slot"] for m in messages if m["type"] == "answer"]
        assert slots[0] == "first"
        assert sorted(slots) == ["first", "mesh", "profile", "resistance", "second", "third"]
        depths = next(m["x"] for m in messages if m.get("slot") == "profile")
        assert max(x for x in depths if x is not None) == pytest.approx(float(thickness))


def test_stale_work_is_dropped(served: Served) -> None:
    """Of many changes at once the last one is answered whole, the others at most begun."""

    async def many() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async with open_tab(served.address) as tab:
            for n in range(1, 11):
                await tab.write_message(f'{{"n": {n}, "set": {{"Co.thickness": "{n}"}}}}')
            while not found or found[-1] != {"type": "done", "n": 10}:
                found.append(said(await asyncio.wait_for(tab.read_message(), 20)))
        return found

    found = asyncio.run(many())
    done = [m["n"] for m in found if m["type"] == "done"]
    assert done == [10]
    answered = [m["n"] for m in found if m["type"] == "answer"]
    assert answered.count(10) == 6
    assert len(answered) < 6 * 10
    assert answered == sorted(answered)


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "{", "3"])
def test_what_is_no_message_ends_the_tab_alone(served: Served, text: str) -> None:
    async def one() -> int:
        async with open_tab(served.address) as tab:
            await tab.write_message(text)
            assert await asyncio.wait_for(tab.read_message(), 20) is None
            return int(tab.close_code)

    assert asyncio.run(one()) == 1003
    assert get(served.address)[0] == 200


def test_allowed_names() -> None:
    place = Place(allowed=("lab.example",))
    assert place.admits("lab.example")
    assert place.admits("LAB.example:80")
    assert place.admits("localhost:1")
    assert not place.admits("other.example")
    assert not place.admits("")
    assert not place.admits("[::1")
    assert Place().key != Place().key


def test_a_taken_port_is_one_line(served: Served, small_toml: str, tmp_path: Path) -> None:
    film = tmp_path / "film.toml"
    film.write_text(small_toml)
    port = str(urlsplit(served.address).port)
    done = subprocess.run(
        [sys.executable, "-m", "torkivity", "explore", str(film), "--no-browser", "--port", port],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("torkivity: error: port = ")
    assert "give another with --port" in last


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_on_request(
    serve: Callable[..., Served], small_toml: str, tmp_path: Path, number: int
) -> None:
    """With a tab that is being answered, which is told."""
    film = tmp_path / "film.toml"
    film.write_text(small_toml)
    program = serve(film)

    async def tab_then_end() -> int | None:
        async with open_tab(program.address) as tab:
            await tab.write_message('{"n": 1, "start": true}')
            await tab.read_message()
            program.process.send_signal(number)
            while await asyncio.wait_for(tab.read_message(), 20) is not None:
                pass
            return tab.close_code  # type: ignore[no-any-return]

    assert asyncio.run(tab_then_end()) == 1001
    _, rest = program.process.communicate(timeout=60)
    assert program.process.returncode == 0
    assert rest == "torkivity: stopped\n"


@pytest.mark.parametrize("library", ["bokeh", "tornado"])
def test_a_missing_library_is_one_line(
    call: Any, small_toml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    from torkivity.commands import explore

    monkeypatch.setattr(explore, "find_spec", lambda name: None if name == library else name)
    (tmp_path / "film.toml").write_text(small_toml)
    done = call("explore", "film.toml", cwd=tmp_path)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last == (
        f"torkivity: error: the explorer needs {library}: pip install 'torkivity[explore]'"
    )


def test_ended_while_it_gets_ready(
    call: Any, small_toml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torkivity.explore import warm

    def interrupted(case: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(warm, "warm_up", interrupted)
    (tmp_path / "film.toml").write_text(small_toml)
    done = call("explore", "film.toml", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.endswith("torkivity: stopped\n")


def test_a_bad_film_is_one_line(call: Any, small_toml: str, tmp_path: Path) -> None:
    (tmp_path / "film.toml").write_text(small_toml.replace("10.0", "-10.0"))
    done = call("explore", "film.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "must be a positive length" in done.stderr.splitlines()[-1]
