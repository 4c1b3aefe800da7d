"""torkivity anisotropy."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from torkivity.catalogue import MODELS, SOURCES
from torkivity.commands.common import (
    FILE,
    check_text_output,
    is_standard_output,
    open_dataset,
    write_text,
)

__all__ = ["anisotropy"]

_ENDINGS = (".h5", ".csv")

#: Bytes of a file beside its values, with room to spare.
_STRUCTURE = 1 << 18


@click.command(
    short_help="Expand torques against angles of m, computed or measured, in sin(theta).",
    epilog="""\b
Examples:
  torkivity anisotropy sweep.h5
  torkivity anisotropy harmonics.csv  measured, with errors
  torkivity anisotropy sweep.h5 --form general --order 6 -o anisotropy.csv

The sweep varies theta (and phi, which sharpens the coefficients); for each point of its other
axes both torques are T0 + T2 sin(theta)^2 + T4 sin(theta)^4, as experiments report them. With
--form general the polar component has coefficients of its own, which is all symmetry leaves.

A data file is one as 'torkivity fit' reads it, with columns theta [deg], phi [deg] and
damping_like, field_like or both; the torques may have error bars.
""",
)
@click.argument("path", type=FILE)
@click.option(
    "--model",
    type=click.Choice(list(MODELS)),
    default="boltzmann",
    show_default=True,
    help="As in [sweep] models.",
)
@click.option("--place", metavar="NAME", help="Interface. [default: the first magnetic]")
@click.option(
    "--part",
    type=click.Choice(["total", "interface", "ferromagnet", "lattice"]),
    default="total",
    show_default=True,
    help="Which torque.",
)
@click.option(
    "--source",
    metavar="NAME",
    type=click.Choice(list(SOURCES)),
    help="What drives it. [default: that of the sweep]",
)
@click.option(
    "--form",
    type=click.Choice(["garello", "general"]),
    default="garello",
    show_default=True,
    help="Which coefficients.",
)
@click.option("--order", type=int, default=4, show_default=True, help="Highest power, even.")
@click.option("--config", type=FILE, help="TOML file whose [fit] table names columns of the data.")
@click.option(
    "--coefficients",
    is_flag=True,
    help="Data are coefficients of m x (m x y) and m x y, not components along unit vectors.",
)
@click.option("-o", "--output", type=FILE, help="File to write, .h5 or .csv; - for CSV here.")
@click.option("--force", is_flag=True, help="Overwrite existing output.")
def anisotropy(
    path: Path,
    model: str,
    place: str | None,
    part: str,
    source: str | None,
    form: Any,
    order: int,
    config: Path | None,
    coefficients: bool,
    output: Path | None,
    force: bool,
) -> None:
    """Expand the torques of the sweep or data file PATH in the angles of the magnetization."""
    to_stdout = is_standard_output(output)
    if output is not None and not to_stdout:
        if output.suffix not in _ENDINGS:
            known = " or ".join(_ENDINGS)
            raise click.UsageError(f"--output {output}: the ending must be {known}")
        if output.resolve() == path.resolve():
            raise click.UsageError("input and output must be different files")
    if output is not None:
        check_text_output(output, force=force)
    if path.suffix != ".h5" and not _is_hdf5(path):
        _check_for_data(output)
        _expand_data(path, config, coefficients, form, order, output, force)
        return
    if config is not None or coefficients:
        raise click.UsageError("--config and --coefficients are for data files, not for sweeps")
    from torkivity.compare.anisotropy_sweep import anisotropy_of_sweep, anisotropy_rows
    from torkivity.tables import Table
    from torkivity_hpc.files.store import new_file, require_room

    dataset = open_dataset(path)
    found = anisotropy_of_sweep(
        dataset, model=model, part=part, source=source, place=place, form=form, order=order
    )
    columns, rows = anisotropy_rows(found)
    used, wanted = int(found["directions"].min()), found.attrs["directions"]
    named = {name: found.attrs[name] for name in ("variable", "model", "source", "interface")}
    title = f"{', '.join(named.values())}; form {form}, {wanted} directions of m"
    if used < wanted:
        title += f"; the sweep is not complete, points with as few as {used}"
    table = Table(
        title, columns, tuple(tuple(map(_cell, row)) for row in rows), columns.index("torque") + 1
    )
    if output is not None and output.suffix == ".h5":
        with new_file(output, force=force) as temporary:
            require_room(temporary, found.nbytes + _STRUCTURE)
            found.to_netcdf(temporary, engine="h5netcdf")
    elif output is not None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([columns, *rows])
        write_text(output, text.getvalue(), force=force)
    click.echo(table.text(), err=to_stdout)
    if output is not None and not to_stdout:
        click.echo(f"\nwrote {output}")


def _is_hdf5(path: Path) -> bool:
    """Whether a file is that of a sweep; one that cannot be read is left to what reads sweeps."""
    try:
        with path.open("rb") as file:
            return file.read(8) == b"\x89HDF\r\n\x1a\n"
    except OSError:
        return path.suffix not in (".csv", ".txt", ".dat", ".tsv", ".xlsx")


def _check_for_data(output: Path | None) -> None:
    """Refuse what only sweeps have."""
    context = click.get_current_context()
    for name in ("model", "place", "part", "source"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} is for sweeps, not for data files")
    if output is not None and output.suffix == ".h5":
        raise click.UsageError(f"--output {output}: of a data file the ending must be .csv")


def _expand_data(
    path: Path,
    config: Path | None,
    coefficients: bool,
    form: Any,
    order: int,
    output: Path | None,
    force: bool,
) -> None:
    """Expand what was measured, print it, and write it where that is asked for."""
    from torkivity.fit.data import read_torque_data
    from torkivity.fit.measured_anisotropy import anisotropy_columns, anisotropy_of_data
    from torkivity.fit.observables import quantity_unit
    from torkivity.fit.settings import FilmSettings, load_fit_settings
    from torkivity.tables import Table

    films = FilmSettings()
    if config is not None:
        settings = load_fit_settings(config)
        films = settings.files.get(path.name, settings.films)
    data = read_torque_data(
        path, films.columns, films.errors, films.thickness, needs_thickness=False
    )
    found = anisotropy_of_data(data, form=form, order=order, vector_coefficients=coefficients)
    columns = anisotropy_columns(found[0].quantity)
    rows = [row for entry in found for row in entry.rows()]
    if output is not None:
        text = io.StringIO()
        cells = [["" if _is_nan(value) else value for value in row] for row in rows]
        csv.writer(text, lineterminator="\n").writerows([columns, *cells])
        write_text(output, text.getvalue(), force=force)
    quality = "; ".join(entry.quality() for entry in found)
    # The unit stands in the title, so that the table fits a terminal.
    shown = ("t [nm]", "torque", "coefficient", "value", "error", "over T0", "error of that")
    unit = quantity_unit(found[0].quantity)
    texts = [tuple("" if _is_nan(value) else _cell(value) for value in row[1:]) for row in rows]
    first = 0 if any(text[0] for text in texts) else 1  # films of one unknown thickness
    table = Table(
        f"{data.name} [{unit}]; form {form}; {quality}",
        shown[first:],
        tuple(text[first:] for text in texts),
        3 - first,
    )
    to_stdout = is_standard_output(output)
    click.echo(table.text(), err=to_stdout)
    if output is not None and not to_stdout:
        click.echo(f"\nwrote {output}")


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.5g}"
