"""torkivity info."""

from __future__ import annotations

from pathlib import Path

import click

from torkivity.commands.common import FILE

__all__ = ["info"]


@click.command(
    short_help="List what is in a result file.",
    epilog="""\b
Example:
  torkivity info film.h5
""",
)
@click.argument("path", type=FILE)
@click.option("--all", "everything", is_flag=True, help="All variables, and the configuration.")
def info(path: Path, everything: bool) -> None:
    """List what the result file PATH holds: origin, axes, variables."""
    from torkivity.results.open import describe_results

    click.echo(describe_results(path, everything))
