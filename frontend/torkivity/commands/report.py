"""torkivity report."""

from __future__ import annotations

from pathlib import Path

import click

from torkivity.commands.common import FILE, say

__all__ = ["report"]


@click.command(
    short_help="Write a page about result files: film, numbers, plots to turn, how to redo it.",
    epilog="""\b
Examples:
  torkivity report film.h5                     writes film.html
  torkivity report sweep.h5 -o report.html
  torkivity report film.h5 film-convergence.h5 fit.json -o report.html
\b
FILE is what 'torkivity run', 'sweep' or 'converge' wrote, or the JSON of
'torkivity fit'. The page is one file of at most 5 MB that needs no network:
send it, print it, keep it. It can be made while a sweep runs.
""",
)
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
@click.option(
    "-o", "--output", type=FILE, help="Page, .html. [default: the first FILE ending in .html]"
)
@click.option("--title", help="Heading of the page. [default: the names of the files]")
@click.option("--force", is_flag=True, help="Overwrite an existing page.")
def report(files: tuple[Path, ...], output: Path | None, title: str | None, force: bool) -> None:
    """Write one page of HTML about result files."""
    from torkivity_hpc.files.store import check_output, new_file

    output = output or files[0].with_suffix(".html")
    if output.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"--output {output}: the ending must be .html")
    if output.resolve() in {path.resolve() for path in files}:
        raise click.UsageError("input and output must be different files")
    check_output(output, force=force)
    say(f"reading {', '.join(map(str, files))}")
    from torkivity.report.report import report_html

    try:
        text = report_html(files, title)
    except ModuleNotFoundError as error:
        raise click.UsageError(str(error)) from None
    with new_file(output, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
    click.echo(f"wrote {output}, {len(text.encode(errors='replace')) / 1e6:.1f} MB")
