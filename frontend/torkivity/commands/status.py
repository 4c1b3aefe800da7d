"""torkivity status."""

from __future__ import annotations

from pathlib import Path

import click

from torkivity.commands.common import EXIT_INCOMPLETE, FILE

__all__ = ["status"]


@click.command(
    short_help="Say how far a sweep is, how fast, and what is missing or failed.",
    epilog="""\b
Example:
  torkivity status sweep.h5
\b
Exit status: 0 no point missing, 2 not a sweep, 3 points missing.
""",
)
@click.argument("path", type=FILE)
def status(path: Path) -> int:
    """Say how far the sweep in PATH is; it may be running."""
    from torkivity.study.status import describe_status

    text, missing = describe_status(path)
    click.echo(text)
    return EXIT_INCOMPLETE if missing else 0
