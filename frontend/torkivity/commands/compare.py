"""torkivity compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from torkivity.catalogue import MODELS, SOURCES
from torkivity.commands.common import (
    FILE,
    beside_numbers,
    check_text_output,
    figure_format,
    grid_values,
    is_standard_output,
    open_dataset,
    say,
    write_text,
)

if TYPE_CHECKING:
    import xarray

    from torkivity.compare.differences import SweepComparison
    from torkivity.compare.resistances import ResistanceComparison

__all__ = ["compare"]

_MODELS = list(MODELS)[1:]
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
    metavar="NAME",
    type=click.Choice(list(SOURCES)),
    help="Source of torque. [default: that of the sweep]",
)
@click.option("--turning", metavar="NAME", help="Magnet that turns, where the drive is pumping.")
@click.option(
    "--at",
    multiple=True,
    metavar="NAME=VALUE",
    help="Only points with this value of an axis. May be repeated.",
)
@click.option("--x", help="Axis of the figure. [default: the longest]")
@click.option("--y", help="Second axis of the figure.")
@click.option("--place", metavar="NAME", help="Interface. [default: the first magnetic]")
@click.option("--figure", type=FILE, help="Figure to write, .png, .pdf or .svg.")
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="Numbers to write, .json or .csv; - for JSON here.",
)
@click.option("--force", is_flag=True, help="Overwrite existing output.")
def compare(
    path: Path,
    tolerance: float,
    models: tuple[str, ...],
    source: str | None,
    turning: str | None,
    place: str | None,
    at: tuple[str, ...],
    x: str | None,
    y: str | None,
    figure: Path | None,
    output: Path | None,
    force: bool,
) -> None:
    """Compare every other model in the sweep PATH with the Boltzmann equation.

    Prints statistics of the relative differences, the worst points, and the values of each axis
    at which the total torque is within the tolerance. Sheet resistances are compared too, in a
    sweep that has them. Of what magnets pump, the effective mixing conductance, the sheet current
    and the torque are compared.
    """
    from torkivity_hpc.files.store import check_output, new_file

    if figure is None and (x is not None or y is not None):
        raise click.UsageError("--x and --y are for --figure")
    to_stdout = is_standard_output(output)
    if output is not None and not to_stdout and output.suffix.lower() not in _ENDINGS:
        raise click.UsageError(f"--output {output}: the ending must be {' or '.join(_ENDINGS)}")
    file_format = figure_format(figure)
    outputs = [item for item in (figure, output) if item is not None]
    if len({item.resolve() for item in (path, *outputs)}) <= len(outputs):
        raise click.UsageError("input and outputs must be different files")
    if figure is not None:
        check_output(figure, force=force)
    if output is not None:
        check_text_output(output, force=force)
    held = grid_values(at)
    say(f"reading {path}")
    dataset = open_dataset(path)
    from torkivity.compare.differences import compare_sweep
    from torkivity.compare.differences_report import sweep_comparison_report
    from torkivity.compare.resistances import compare_resistances
    from torkivity.results.selection import axis_name, select_points, sweep_axes

    fixed = {axis_name(dataset, name) for name in held}
    free = [name for name in sweep_axes(dataset) if name not in fixed]
    if not free:
        raise click.UsageError("--at holds every axis; leave one free")
    points = select_points(dataset, free, held).dataset
    if dataset.attrs.get("drive") == "pumping":
        if (source, place, figure) != (None, None, None):
            raise click.UsageError("--source, --place and --figure are for torques")
        return _pumping(points, tolerance, turning, models, output, force)
    if turning is not None:
        raise click.UsageError(f"--turning: the drive of {path} is a field")
    result = compare_sweep(points, tolerance=tolerance, source=source, models=models, place=place)
    resistances = compare_resistances(points, result)
    drawn = None
    if figure is not None:
        from torkivity.figures import difference_figure, save_figure

        drawn = difference_figure(
            dataset,
            x,
            y,
            at=held,
            tolerance=tolerance,
            models=models,
            source=source,
            place=place,
        )
    wrote = []
    if output is not None:
        write_text(output, _text(result, resistances, output), force=force)
        wrote += [] if to_stdout else [output]
    click.echo(sweep_comparison_report(result, resistances.statistics), err=to_stdout)
    if figure is not None and drawn is not None:
        say("drawing")
        with beside_numbers(figure), new_file(figure, force=force) as temporary:
            save_figure(drawn, temporary, str(file_format))
            wrote.append(figure)
    if wrote:
        click.echo(f"\nwrote {' and '.join(map(str, wrote))}", err=to_stdout)


def _pumping(
    points: xarray.Dataset,
    tolerance: float,
    turning: str | None,
    models: tuple[str, ...],
    output: Path | None,
    force: bool,
) -> None:
    """Compare what a magnet pumps."""
    from torkivity.compare.pumping import compare_pumping, pumping_comparison_report

    found = compare_pumping(points, tolerance=tolerance, turning=turning, models=models)
    to_stdout = is_standard_output(output)
    if output is not None:
        if output.suffix.lower() == ".csv":
            text = str(found.differences.to_dataframe().reset_index().to_csv(index=False))
        else:
            text = json.dumps(found.record(), indent=1, allow_nan=False) + "\n"
        write_text(output, text, force=force)
    click.echo(pumping_comparison_report(found), err=to_stdout)
    if output is not None and not to_stdout:
        click.echo(f"\nwrote {output}")


def _text(result: SweepComparison, resistances: ResistanceComparison, output: Path) -> str:
    if output.suffix.lower() != ".csv":
        whole = {**result.record(), **resistances.record()}
        return json.dumps(whole, indent=1, allow_nan=False) + "\n"
    table = result.differences.merge(resistances.differences).to_dataframe().reset_index()
    return str(table.to_csv(index=False))
