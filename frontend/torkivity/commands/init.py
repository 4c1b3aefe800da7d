"""torkivity init."""

from __future__ import annotations

from pathlib import Path

import click

from torkivity.commands.common import FILE, is_standard_output, write_text
from torkivity.tables import fold

__all__ = ["init"]


@click.command(
    short_help="Write a commented film description to start from.",
    epilog="""\b
Examples:
  torkivity init                                     film.toml, a Pt/Co film
  torkivity init --list                              what presets there are
  torkivity init light.toml --preset weak-spin-flip
""",
)
@click.argument("path", type=FILE, default="film.toml")
@click.option("--preset", default="pt-co", show_default=True, help="Film to start from.")
@click.option("--list", "list_presets", is_flag=True, help="List the presets and stop.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def init(path: Path, preset: str, list_presets: bool, force: bool) -> None:
    """Write a commented film description to PATH (default film.toml, - for standard output)."""
    from torkivity.config.text import preset_names, preset_text

    names = preset_names()
    if list_presets:
        width = 2 + max(map(len, names))
        for name, summary in names.items():
            click.echo("\n".join(fold(f"{name:<{width}}{summary}", hang=width)))
        return
    if preset not in names:
        raise click.UsageError(f"--preset {preset}: must be one of {', '.join(names)}")
    write_text(path, preset_text(preset), force=force)
    if not is_standard_output(path):
        click.echo(f"wrote {path}; next: torkivity run {path} -o {path.with_suffix('.h5')}")
