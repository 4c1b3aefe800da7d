"""torkivity compare."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from torkivity.commands.common import FILE, figure_format, grid_values, open_dataset, say

if TYPE_CHECKING:
    from torkivity.compare.differences import SweepComparison

__all__ = ["compare"]

_MODELS = ("drift_diffusion", "drift_diffusion_half_space", "boundary_layer")
_ENDINGS = (".json", ".csv")


@click.command(
    short_help="Say over a sweep how far drift-diffusion is off, and where it holds.",
    epilog="""\b
Examples:
  torkivity compare sweep.h5
  torkivity compare sweep.h5 --tolerance 0.05 --figure holds.png
  torkivity compare sweep.h5 --at rashba=0.1 -o compare.json

The sweep must have both: models = ["boltzmann", "drift_diffusion"] under [sweep].

-o: .json holds all numbers of the table, .csv the differences at each point.
""",
)
@click.argument("path", type=FILE)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0.0, min_open=True),
    default=0.1,
    show_default=True,
    help="Relative difference up to which a model holds.",
)
@click.option(
    "--model", "models", multiple=True, type=click.Choice(_MODELS), help="[default: all in PATH]"
)
@click.option(
    "--source",
    type=click.Choice(["all", "rashba", "spin_hall"]),
    help="Source of torque. [default: that of the sweep]",
)
@click.option(
    "--at",
    multiple=True,
    metavar="NAME=VALUE",
    help="Only points with this value of an axis. May be repeated.",
)
@click.option("--x", help="Axis of the figure. [default: the longest]")
@click.option("--y", help="Second axis of the figure.")
@click.option("--figure", type=FILE, help="Figure to write, .png, .pdf or .svg.")
@click.option("-o", "--output", type=FILE, help="Numbers to write, .json or .csv.")
@click.option("--force", is_flag=True, help="Overwrite existing output.")
def compare(
    path: Path,
    tolerance: float,
    models: tuple[str, ...],
    source: str | None,
    at: tuple[str, ...],
    x: str | None,
    y: str | None,
    figure: Path | None,
    output: Path | None,
    force: bool,
) -> None:
    """Compare every other model in the sweep PATH with the Boltzmann equation.

    Prints statistics of the relative differences, the worst points, and the values of each axis
    at which the total torque is within the tolerance.
    """
    from torkivity_hpc.files.store import check_output, new_file

    if figure is None and (x is not None or y is not None):
        raise click.UsageError("--x and --y are for --figure")
    if output is not None and output.suffix.lower() not in _ENDINGS:
        raise click.UsageError(f"--output {output}: the ending must be {' or '.join(_ENDINGS)}")
    file_format = figure_format(figure)
    outputs = [item for item in (figure, output) if item is not None]
    if len({item.resolve() for item in (path, *outputs)}) <= len(outputs):
        raise click.UsageError("input and outputs must be different files")
    for item in outputs:
        check_output(item, force=force)
    held = grid_values(at)
    say(f"reading {path}")
    dataset = open_dataset(path)
    from torkivity.compare.differences import compare_sweep
    from torkivity.compare.differences_report import sweep_comparison_report
    from torkivity.results.selection import axis_name, select_points, sweep_axes

    fixed = {axis_name(dataset, name) for name in held}
    free = [name for name in sweep_axes(dataset) if name not in fixed]
    if not free:
        raise click.UsageError("--at holds every axis; leave one free")
    points = select_points(dataset, free, held).dataset
    result = compare_sweep(points, tolerance=tolerance, source=source, models=models)
    with ExitStack() as stack:
        # All appear together at the end, or none does.
        files = {item: stack.enter_context(new_file(item, force=force)) for item in outputs}
        if output is not None:
            files[output].write_text(_text(result, output), encoding="utf-8")
        if figure is not None:
            from torkivity.figures import difference_figure, save_figure

            say("drawing")
            drawn = difference_figure(
                dataset, x, y, at=held, tolerance=tolerance, models=models, source=source
            )
            save_figure(drawn, files[figure], str(file_format))
    click.echo(sweep_comparison_report(result))
    if outputs:
        click.echo(f"\nwrote {' and '.join(map(str, outputs))}")


def _text(result: SweepComparison, output: Path) -> str:
    if output.suffix.lower() == ".json":
        return json.dumps(result.record(), indent=1, allow_nan=False) + "\n"
    table = result.differences.to_dataframe().reset_index()
    return str(table.to_csv(index=False))
