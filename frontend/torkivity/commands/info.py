"""torkivity info."""

from __future__ import annotations

from pathlib import Path

import click

from torkivity.commands.common import FILE

__all__ = ["info"]


@click.command(
    short_help="List what is in a result file, or the parameters of a film.",
    epilog="""\b
Examples:
  torkivity info film.h5
  torkivity info film.toml --parameters
""",
)
@click.argument("path", type=FILE)
@click.option("--all", "everything", is_flag=True, help="All variables, and the configuration.")
@click.option(
    "--parameters",
    is_flag=True,
    help="PATH is a configuration: list what --set and sweeps can change, by path.",
)
def info(path: Path, everything: bool, parameters: bool) -> None:
    """List what the result file PATH holds: origin, axes, variables."""
    if parameters:
        if everything:
            raise click.UsageError("--all is for result files")
        from torkivity.config.text import load_config
        from torkivity.study.case import Case
        from torkivity.study.parameter_list import describe_parameters

        click.echo(describe_parameters(Case.of(load_config(path), path)))
        return
    from torkivity.results.open import describe_results

    click.echo(describe_results(path, everything))
