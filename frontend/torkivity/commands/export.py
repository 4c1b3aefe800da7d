"""torkivity export."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from torkivity.catalogue import MODELS
from torkivity.commands.common import FILE, check_text_output, is_standard_output, write_text
from torkivity.commands.units import UNITS, unit_option

if TYPE_CHECKING:
    from torkivity.results.tables import ResultTable
    from torkivity_engine.arrays import FloatArray

__all__ = ["export"]


@click.command(
    short_help="Write results as CSV, JSON, mumax3, cmtj; a film as quoted parameters.",
    epilog="""\b
Examples:
  torkivity export film.h5 --to csv -o film.csv
  torkivity export film.h5 --to json --unit efficiency -o film.json
  torkivity export sweep.h5 --to csv --wide -o sweep.csv
  torkivity export film.h5 --to mumax3 --ms 1.4e6 --current 5e11
  torkivity export film.h5 --to cmtj --ms 1.4e6 -o macrospin.py
  torkivity export film.toml --parameters -o quoted.toml
""",
)
@click.argument("path", type=FILE)
@click.option(
    "--to",
    "target",
    type=click.Choice(["csv", "json", "mumax3", "cmtj"]),
    help="csv and json take any result file, mumax3 and cmtj that of 'torkivity run'.",
)
@click.option(
    "--parameters",
    is_flag=True,
    help="Of the TOML file of a film: the same film by the parameters of drift-diffusion, or if it "
    "is given by them, with layers that the Boltzmann equation knows.",
)
@click.option(
    "-o", "--output", type=FILE, default="-", help="File to write. [default: standard output]"
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@unit_option()
@click.option("--wide", is_flag=True, help="csv with a row per point and a column per quantity.")
@click.option("--ms", type=float, metavar="A/m", help="Saturation magnetization.")
@click.option("--resistivity", type=float, metavar="OHM_M", help="Of the heavy metal.")
@click.option(
    "--model",
    type=click.Choice(list(MODELS)),
    default="boltzmann",
    show_default=True,
    help="Torques.",
)
@click.option("--magnet", metavar="NAME", help="Of mumax3 and cmtj. [default: the lowest]")
@click.option(
    "--current",
    type=float,
    default=1e11,
    show_default=True,
    metavar="A/m^2",
    help="Current density in the heavy metal.",
)
@click.option(
    "--heavy-metal",
    type=click.Choice(["below", "above"]),
    default="below",
    show_default=True,
    help="above: the film upside down, for mumax3 and cmtj.",
)
def export(
    path: Path,
    target: str | None,
    parameters: bool,
    output: Path,
    force: bool,
    unit: str | None,
    wide: bool,
    ms: float | None,
    resistivity: float | None,
    model: str,
    magnet: str | None,
    current: float,
    heavy_metal: str,
) -> None:
    """Write the result file PATH in another form, or the film of a TOML file by its parameters."""
    if parameters:
        given = click.get_current_context().get_parameter_source
        for name in ("target", "unit", "wide", "ms", "resistivity", "model", "magnet", "current"):
            if given(name) is not ParameterSource.DEFAULT:
                raise click.UsageError("--parameters takes --output and --force alone")
        return _parameters(path, output, force)
    if target is None:
        raise click.UsageError("give --to csv, json, mumax3 or cmtj, or --parameters")
    for_simulation = target in ("mumax3", "cmtj")
    if for_simulation and ms is None:
        raise click.UsageError(f"--to {target} needs --ms, the saturation magnetization in A/m")
    if for_simulation and unit is not None:
        raise click.UsageError("--unit is for csv and json")
    if wide and target != "csv":
        raise click.UsageError("--wide is for csv")
    if not for_simulation and heavy_metal == "above":
        raise click.UsageError("--heavy-metal above is for mumax3 and cmtj")
    if not math.isfinite(current):
        raise click.UsageError(f"--current {current}: must be a finite number of A/m^2")
    if output.resolve() == path.resolve():
        raise click.UsageError("input and output must be different files")
    from torkivity.results import tables as exports

    check_text_output(output, force=force)
    table = exports.read_results(path)
    if ms is not None and for_simulation:
        from torkivity.results import micromagnetics as simulation

        torque = simulation.film_torque(
            table,
            ms,
            model=model,
            magnet=magnet,
            resistivity=resistivity,
            mirrored=heavy_metal == "above",
            file=path.name,
        )
        write = simulation.mumax3_script if target == "mumax3" else simulation.cmtj_script
        text = write(torque, current)
    else:
        if unit is not None and table.attributes.get("drive") == "pumping":
            raise click.UsageError(f"--unit is for torques per field; {path} is of spin pumping")
        if unit is not None:
            table = _converted(table, UNITS[unit], resistivity, ms)
        if target == "json":
            text = exports.table_json(table)
        else:
            text = exports.wide_csv(table) if wide else exports.table_csv(table)
    write_text(output, text, force=force)
    if not is_standard_output(output):
        click.echo(f"wrote {output}")


def _parameters(path: Path, output: Path, force: bool) -> None:
    if output.resolve() == path.resolve():
        raise click.UsageError("input and output must be different files")
    check_text_output(output, force=force)
    from torkivity.study.quoting import other_parameters

    write_text(output, other_parameters(path), force=force)
    if not is_standard_output(output):
        click.echo(f"wrote {output}")


def _converted(
    table: ResultTable, quantity: str, resistivity: float | None, ms: float | None
) -> ResultTable:
    """Torques with the films' own numbers, but for those that are given."""
    from torkivity.results.tables import in_quantity

    thickness: FloatArray | None = None
    rho: float | FloatArray | None = resistivity
    if quantity in ("efficiency", "effective_field"):
        from torkivity.study.own_units import own_numbers

        varied = {name: (table.dims[name], values) for name, values in table.values.items()}
        varied |= {dim: ((dim,), table.coordinates[dim]) for dim in table.grid}
        lengths = [len(table.coordinates[dim]) for dim in table.grid]
        own = own_numbers(table.attributes, dict(zip(table.grid, lengths, strict=True)), varied)
        if own is not None:
            thickness = own.ferromagnet_thickness
            rho = own.resistivity if resistivity is None else resistivity
    return in_quantity(
        *(table, quantity),
        resistivity=rho,
        saturation_magnetization=ms,
        ferromagnet_thickness=thickness,
    )
