"""torkivity explore."""

from __future__ import annotations

import os
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import click

from torkivity.commands.common import FILE, one_thread, say, set_option, warn_unusual

__all__ = ["explore"]


@click.command(
    short_help="Turn a film in the hand: a page with a control for every parameter.",
    epilog="""\b
Examples:
  torkivity explore film.toml
  torkivity explore film.toml --port 0 --no-browser
\b
The page is served to this machine alone, at an address that only you learn;
end with Ctrl-C. From another machine, through a tunnel:
  ssh -L 5016:localhost:5016 there torkivity explore film.toml --no-browser
""",
)
@click.argument("config", type=FILE)
@set_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=5016,
    show_default=True,
    help="Port of the page; 0 takes any free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address of this machine to listen on; others than the default are seen from outside.",
)
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    metavar="NAME",
    help="Name of this machine that browsers may use beside localhost.",
)
@click.option(
    "--browser/--no-browser",
    default=True,
    show_default=True,
    help="Open the page in a browser, where there are windows.",
)
def explore(
    config: Path,
    settings: tuple[str, ...],
    port: int,
    host: str,
    allowed: tuple[str, ...],
    browser: bool,
) -> None:
    """Show the film described in CONFIG on a page where every parameter can be changed."""
    say(f"reading {config}")
    one_thread()
    from torkivity.config.text import load_config
    from torkivity.study.case import Case, with_settings_given
    from torkivity.study.unusual import unusual_values

    case = Case.of(with_settings_given(load_config(config), config, settings), config)
    warn_unusual(config, unusual_values(case))
    for name in ("bokeh", "tornado"):
        if find_spec(name) is None:
            raise click.UsageError(f"the explorer needs {name}: pip install 'torkivity[explore]'")
    from torkivity.commands.compilation import announce_compilation
    from torkivity.explore.server import Place, serve
    from torkivity.explore.warm import warm_up

    def tell(address: str) -> None:
        say(f"the page is {address} (end with Ctrl-C)")
        if browser and _has_windows():
            import webbrowser

            # Some browsers come back only when they are closed.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    say("loading numerics")
    try:
        with announce_compilation(say):
            warm_up(case)
        serve(case, Place(host, port, tuple(name.lower() for name in (host, *allowed))), tell)
    except KeyboardInterrupt:
        pass
    say("stopped")


def _has_windows() -> bool:
    """Whether a browser would open a window, and not take over the terminal."""
    return sys.platform == "darwin" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ))
