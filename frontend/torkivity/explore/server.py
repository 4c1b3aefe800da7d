"""The page on a port of this machine: who may have it, and what it is told."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from torkivity.explore.desk import Desk, Job
from torkivity.explore.plots import plot_items
from torkivity.explore.session import Session
from torkivity.report.charts import bokeh
from torkivity.study.case import Case
from torkivity_engine.errors import InputError

__all__ = ["Place", "serve"]

#: What a browser on this machine may call it, directly or through a tunnel.
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: A configuration is shorter.
_LONGEST_MESSAGE = 2_000_000

_HEADERS = {
    # Scripts and styles come from here alone; Bokeh sets styles of its elements.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Place:
    """Where the page is served.

    Attributes
    ----------
    host : str
        Address to listen on.
    port : int
        0 takes any free one.
    allowed : tuple of str
        Further names that browsers may have for this machine.
    key : str
        First part of the address, which only who started the program knows.
    """

    host: str = "127.0.0.1"
    port: int = 5016
    allowed: tuple[str, ...] = ()
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def admits(self, host: str) -> bool:
        """Whether a browser may know this machine by a name, given with or without port."""
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:  # such as an unfinished [::1
            return False
        return name in _LOOPBACK or name in self.allowed


def serve(case: Case, place: Place, tell: Callable[[str], None]) -> None:
    """Serve the page until the program is told to stop.

    Parameters
    ----------
    case : Case
        The film that tabs begin with.
    place : Place
    tell : callable
        Told the address of the page once it is there.

    Raises
    ------
    InputError
        If the port is taken, or the address is none of this machine.
    """
    asyncio.run(_serve(case, place, tell))


async def _serve(case: Case, place: Place, tell: Callable[[str], None]) -> None:
    desk = Desk()
    application = _application(case, place, desk)
    server = HTTPServer(application)
    sockets = _sockets(place)
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    name = f"[{place.host}]" if ":" in place.host else place.host
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    work = loop.create_task(desk.run())
    work.add_done_callback(lambda _: stop.set())
    tell(f"http://{name}:{port}/{place.key}/")
    await stop.wait()
    server.stop()
    for tab in list(application.settings["tabs"]):
        tab.close(1001, "stopped")
    await asyncio.sleep(0.05)  # for the last words to leave
    if work.done():
        work.result()  # a mistake in the program
    work.cancel()


def _sockets(place: Place) -> list[socket.socket]:
    try:
        return bind_sockets(place.port, place.host, reuse_port=False)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            "port",
            f"{place.port} of {place.host}",
            f"cannot be had ({reason}); give another with --port, 0 for any free one",
        ) from None


def _application(case: Case, place: Place, desk: Desk) -> Application:
    inline = bokeh("resources").Resources(mode="inline", components=["bokeh"])
    own = {name: (resources.files("torkivity") / "explore" / name).read_text("utf-8")
           for name in ("page.html", "page.css", "page.js")}  # fmt: skip
    content = {
        "": ("text/html", own["page.html"]),
        "page.css": ("text/css", own["page.css"]),
        "page.js": ("text/javascript", own["page.js"]),
        "bokeh.js": ("text/javascript", "\n".join(inline.js_raw)),
        "plots.json": ("application/json", json.dumps(plot_items())),
    }
    start = f"/{place.key}/"
    parts = [
        (f"{start}{name}", _Content, {"media": media, "text": text})
        for name, (media, text) in content.items()
    ]
    return Application(
        [*parts, (f"{start}socket", _Tab)],
        default_handler_class=_Nothing,
        place=place,
        case=case,
        desk=desk,
        tabs=set(),
        log_function=lambda handler: None,
        websocket_max_message_size=_LONGEST_MESSAGE,
        websocket_ping_interval=30,
    )


def _refused(request: HTTPServerRequest, place: Place) -> bool:
    """Whether a request comes under a foreign name: some page's, made to point here."""
    return not place.admits(request.host)


class _Nothing(RequestHandler):
    """Everything that is not there."""

    def prepare(self) -> None:
        if _refused(self.request, self.settings["place"]):
            raise HTTPError(403)
        raise HTTPError(404)

    def set_default_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def write_error(self, status_code: int, **_: Any) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish({403: "This name is not served; see --allow.\n"}.get(status_code, "Nothing.\n"))


class _Content(_Nothing):
    """A part of the page, always the same."""

    def initialize(self, media: str, text: str) -> None:
        self._media, self._text = media, text

    def prepare(self) -> None:
        if _refused(self.request, self.settings["place"]):
            raise HTTPError(403)

    def get(self) -> None:
        self.set_header("Content-Type", f"{self._media}; charset=utf-8")
        self.finish(self._text)


class _Tab(WebSocketHandler):
    """A tab of a browser."""

    def prepare(self) -> None:
        if _refused(self.request, self.settings["place"]):
            raise HTTPError(403)

    def check_origin(self, origin: str) -> bool:
        """The page must have come from here."""
        try:
            return urlsplit(origin).netloc.lower() == self.request.host.lower()
        except ValueError:
            return False

    def open(self, *_: str, **__: str) -> None:
        self._session = Session(self.settings["case"])
        self.settings["tabs"].add(self)
        self.set_nodelay(True)

    async def on_message(self, text: str | bytes) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, Mapping):
            self.close(1003, "not understood")
            return
        desk: Desk = self.settings["desk"]
        if "export" in message:
            wanted = partial(self._session.export, str(message.get("slot", "")),
                             str(message["export"]))  # fmt: skip
            self._tell(await desk.in_thread(wanted))
            return
        before = self._session.wish
        for reply in self._session.handle(message):
            self._tell(reply)
        if self._session.wish is not before:
            desk.give(self, Job(self._session.steps(), self._tell))

    def on_close(self) -> None:
        self.settings["tabs"].discard(self)
        self.settings["desk"].give(self, None)

    def _tell(self, message: Mapping[str, Any]) -> None:
        try:
            self.write_message(json.dumps(message, allow_nan=False))
        except WebSocketClosedError:
            self.on_close()

    def log_exception(self, *error: Any) -> None:
        sys.excepthook(*error)
