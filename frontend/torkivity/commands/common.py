"""What commands share: exit statuses, options, messages."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    import xarray

__all__ = [
    "DEFAULT_RTOL",
    "EXIT_BAD_INPUT",
    "EXIT_FAILED",
    "EXIT_INCOMPLETE",
    "FILE",
    "Duration",
    "beside_numbers",
    "check_text_output",
    "fail",
    "figure_format",
    "grid_values",
    "is_standard_output",
    "one_thread",
    "open_dataset",
    "rtol_option",
    "say",
    "set_option",
    "warn_unusual",
    "write_text",
]

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_INCOMPLETE = 1, 2, 3

FILE = click.Path(path_type=Path)

#: Parameters of the film given on the command line, for commands that take its TOML file.
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change a parameter, Pt.thickness=4; 'torkivity info CONFIG --parameters' lists them.",
)

#: Of a single film whose file says nothing of a mesh.
DEFAULT_RTOL = 1e-3

#: A mesh for each film, in place of the file's.
rtol_option = click.option(
    "--rtol",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    metavar="ERROR",
    help="Mesh error to keep to, beside the largest component of the total torque; chooses the "
    "mesh of each film in place of the file's.",
)

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A time like 90s, 30m, 1h30m, 01:30 (hours and minutes) or 01:30:00, in seconds."""

    name = "TIME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds."""
        text = str(value).strip().lower()
        if re.fullmatch(r"\d+(:\d\d){1,2}", text):
            seconds = 0.0
            for part in text.split(":"):
                seconds = 60.0 * seconds + float(part)
            return seconds if text.count(":") == 2 else 60.0 * seconds
        parts = re.findall(r"(\d+(?:\.\d+)?)(min|[smhd])", text)
        if "".join(number + unit for number, unit in parts) != text or not parts:
            self.fail(
                f"{value!r} is not a time like 90s, 30m, 1h30m or 01:30:00 (hours first)",
                param,
                ctx,
            )
        return sum(float(number) * _UNITS[unit] for number, unit in parts)


def say(message: str) -> None:
    """A line about what goes on, to stderr."""
    with contextlib.suppress(OSError):  # nobody listens: no reason to stop
        click.echo(f"torkivity: {message}", err=True)


def is_standard_output(output: Path | None) -> bool:
    """Whether ``-o -`` was given, by commands that write text."""
    return output == Path("-")


def check_text_output(output: Path, *, force: bool) -> None:
    """As `check_output`, for text, which standard output takes too."""
    from torkivity_hpc.files.store import check_output

    if not is_standard_output(output):
        check_output(output, force=force)


def write_text(output: Path, text: str, *, force: bool) -> None:
    """Write text to a new file or to standard output."""
    from torkivity_hpc.files.store import new_file

    if is_standard_output(output):
        click.echo(text, nl=False)
        return
    with new_file(output, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def beside_numbers(figure: Path) -> Iterator[None]:
    """Draw a figure that goes with numbers: if that fails, it is one line, and they stay."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        say(f"warning: no figure {figure}: {reason}")


def fail(message: str, status: int) -> NoReturn:
    """End with one line on stderr."""
    say(f"error: {' '.join(message.split())}")
    sys.exit(status)


def warn_unusual(file: Path, lines: Iterable[str]) -> None:
    """One line on stderr for each value that is likely a slip."""
    for line in lines:
        say(f"warning: {file}: {line}")


def figure_format(figure: Path | None, option: str = "--figure") -> str | None:
    """Format from the ending of the figure's name."""
    if figure is None:
        return None
    ending = figure.suffix.lstrip(".").lower()
    known = ("png", "pdf", "svg")
    if ending not in known:
        raise click.UsageError(f"{option} {figure}: the ending must be one of {', '.join(known)}")
    return ending


def one_thread() -> None:
    """Have numerical libraries use one thread; they read this when they are imported.

    Several processes share the cores, and numbers must not depend on how many there are.
    """
    from torkivity_engine.machine.threads import SINGLE_THREAD

    os.environ.update(SINGLE_THREAD)


def open_dataset(path: Path) -> xarray.Dataset:
    """A result file, or one line about the library that is missing."""
    from torkivity.results.open import open_results

    try:
        return open_results(path)
    except ModuleNotFoundError as error:
        raise click.UsageError(str(error)) from None


def grid_values(given: tuple[str, ...]) -> dict[str, str]:
    """Values of ``--at NAME=VALUE``, by axis."""
    values: dict[str, str] = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise click.UsageError(f"--at {text}: must be NAME=VALUE, an axis and where to hold it")
        if name in values:
            raise click.UsageError(f"--at {text}: {name} is given twice")
        values[name] = value
    return values
