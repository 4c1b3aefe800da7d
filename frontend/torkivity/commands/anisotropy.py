"""torkivity anisotropy."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import click

from torkivity.commands.common import FILE, open_dataset

__all__ = ["anisotropy"]

_ENDINGS = (".h5", ".csv")


@click.command(
    short_help="Expand the torques of a sweep over angles of m in sin(theta).",
    epilog="""\b
Examples:
  torkivity anisotropy sweep.h5
  torkivity anisotropy sweep.h5 --form general --order 6 -o anisotropy.csv

The sweep varies theta (and phi, which sharpens the coefficients); for each point of its other
axes both torques are T0 + T2 sin(theta)^2 + T4 sin(theta)^4, as experiments report them. With
--form general the polar component has coefficients of its own, which is all symmetry leaves.
""",
)
@click.argument("path", type=FILE)
@click.option("--model", default="boltzmann", show_default=True, help="As in [sweep] models.")
@click.option(
    "--part",
    type=click.Choice(["total", "interface", "ferromagnet", "lattice"]),
    default="total",
    show_default=True,
    help="Which torque.",
)
@click.option(
    "--source",
    type=click.Choice(["all", "rashba", "spin_hall"]),
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
@click.option("-o", "--output", type=FILE, help="File to write, .h5 or .csv.")
@click.option("--force", is_flag=True, help="Overwrite existing output.")
def anisotropy(
    path: Path,
    model: str,
    part: str,
    source: str | None,
    form: Any,
    order: int,
    output: Path | None,
    force: bool,
) -> None:
    """Expand the torques of the sweep in PATH in the angles of the magnetization."""
    if output is not None:
        if output.suffix not in _ENDINGS:
            known = " or ".join(_ENDINGS)
            raise click.UsageError(f"--output {output}: the ending must be {known}")
        if output.resolve() == path.resolve():
            raise click.UsageError("input and output must be different files")
    from torkivity.compare.anisotropy_sweep import anisotropy_of_sweep, anisotropy_rows
    from torkivity.tables import Table
    from torkivity_hpc.files.store import check_output, new_file

    if output is not None:
        check_output(output, force=force)
    dataset = open_dataset(path)
    found = anisotropy_of_sweep(
        dataset, model=model, part=part, source=source, form=form, order=order
    )
    columns, rows = anisotropy_rows(found)
    used, wanted = int(found["directions"].min()), found.attrs["directions"]
    title = f"{found.attrs['variable']}, form {form}, {wanted} directions of m"
    if used < wanted:
        title += f"; the sweep is not complete, points with as few as {used}"
    table = Table(
        title, columns, tuple(tuple(map(_cell, row)) for row in rows), columns.index("torque") + 1
    )
    click.echo(table.text())
    if output is None:
        return
    with new_file(output, force=force) as temporary:
        if output.suffix == ".h5":
            found.to_netcdf(temporary, engine="h5netcdf")
        else:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([columns, *rows])
            temporary.write_text(text.getvalue(), encoding="utf-8")
    click.echo(f"\nwrote {output}")


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.5g}"
