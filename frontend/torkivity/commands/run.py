"""torkivity run."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from torkivity.commands.common import FILE, figure_format, say
from torkivity.commands.units import UNITS, unit_option

if TYPE_CHECKING:
    from torkivity.config.sections import RunConfig

__all__ = ["run"]


@click.command(
    short_help="Compute a film by both models: table, result file, figure.",
    epilog="""\b
Examples:
  torkivity run film.toml                            film.h5 and film.png
  torkivity run film.toml -o a.h5 --figure a.pdf
  torkivity run film.toml --unit efficiency          the table in that; files as ever
  torkivity run film.toml -o b.h5 --no-figure --method dense --memory 4

The first run after installation compiles kernels for a while; later ones start at once.
""",
)
@click.argument("config", type=FILE)
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="HDF5 file to write. [default: CONFIG with the ending .h5]",
)
@click.option("--force", is_flag=True, help="Overwrite existing output.")
@click.option(
    "--figure",
    type=FILE,
    help="Figure to write, .png, .pdf or .svg. [default: output with the ending .png]",
)
@click.option(
    "--no-figure", is_flag=True, help="Neither figure nor curves against heavy-metal thickness."
)
@click.option(
    "--method",
    type=click.Choice(["reduced", "dense"]),
    help="Boltzmann solver; overrides the file.",
)
@click.option(
    "--memory",
    type=click.FloatRange(min=0, min_open=True),
    metavar="GB",
    help="Refuse what would need more memory; overrides the file.",
)
@unit_option()
@click.option("--ms", type=float, metavar="A/m", help="Saturation magnetization, for --unit field.")
@click.option(
    "--components",
    type=click.Choice(["auto", "torque-frame", "cartesian"]),
    default="auto",
    show_default=True,
    help="Table of damping-like and field-like torques, or of x, y, z. auto takes the former "
    "unless m is parallel to z x E.",
)
def run(
    config: Path,
    output: Path | None,
    force: bool,
    figure: Path | None,
    no_figure: bool,
    method: str | None,
    memory: float | None,
    unit: str | None,
    ms: float | None,
    components: str,
) -> None:
    """Compute the film described in CONFIG by both models and compare them.

    Prints a table; writes a result file and a figure against heavy-metal thickness.
    """
    if figure is not None and no_figure:
        raise click.UsageError("--figure and --no-figure exclude each other")
    if memory is not None and not math.isfinite(memory):
        raise click.UsageError(f"--memory {memory}: must be a finite number of GB")
    if (unit == "field") != (ms is not None):
        raise click.UsageError("--unit field and --ms, the saturation magnetization, go together")
    if ms is not None and not 0.0 < ms < math.inf:
        raise click.UsageError(f"--ms {ms}: must be a positive number of A/m")
    started = time.perf_counter()
    say(f"reading {config}")
    from torkivity.config.build import build_film, build_mesh
    from torkivity.config.text import load_config, override
    from torkivity.study.frames import has_torque_frame, require_torque_frame
    from torkivity_hpc.files.store import check_output, new_file

    settings = override(load_config(config), method=method, memory_gb=memory)
    film, mesh = build_film(settings, str(config)), build_mesh(settings, config)
    output = output or config.with_suffix(".h5")
    check_output(output, force=force)
    in_frame = has_torque_frame(film)
    if components == "torque-frame" or figure is not None:
        require_torque_frame(film)
    if not no_figure and in_frame:
        figure = figure or output.with_suffix(".png")
    file_format = figure_format(figure)
    outputs = [output]
    if figure is not None:
        check_output(figure, force=force)
        outputs.append(figure)
    if len({path.resolve() for path in (config, *outputs)}) <= len(outputs):
        raise click.UsageError("input, output and figure must be different files")

    say("loading numerics")
    from torkivity.commands.compilation import announce_compilation
    from torkivity.compare.film_report import comparison_report
    from torkivity.study.film import add_curves, compare_film, write_comparison

    limit = settings.solver.memory_gb
    options: dict[str, Any] = {
        "method": settings.solver.method,
        "ferromagnet": settings.drift_diffusion.ferromagnet,
        "memory_limit": None if limit is None else int(limit * 1e9),
        "progress": say,
    }
    with announce_compilation(say):
        comparison = compare_film(film, mesh, **options)
    labels = (settings.heavy_metal.name, settings.ferromagnet.name)
    frame = components if components != "auto" else "torque-frame" if in_frame else "cartesian"
    # The answer first; what is drawn takes longer.
    click.echo(
        comparison_report(
            *(comparison, frame == "torque-frame"),
            names=labels,
            quantity=UNITS[unit or "raw"],
            saturation_magnetization=ms,
        )
    )
    if not in_frame:
        click.echo(
            "\nm is parallel to z x E: damping-like and field-like directions do not exist, and all"
            "\ntorques vanish by symmetry; the table is Cartesian and there is no figure."
        )
    if not no_figure and settings.figure.heavy_metal_thickness:
        thicknesses = settings.figure.heavy_metal_thickness
        comparison = add_curves(comparison, mesh, thicknesses, **options)
    elapsed = time.perf_counter() - started
    with ExitStack() as stack:
        # Both appear together at the end, or none does.
        names = [stack.enter_context(new_file(path, force=force)) for path in outputs]
        write_comparison(names[0], comparison, settings, elapsed_seconds=elapsed)
        if file_format is not None and comparison.curves is not None:
            from torkivity.figures import save_figure, thickness_figure

            say("drawing")
            title = _title(settings)
            save_figure(thickness_figure(comparison.curves, title), names[1], file_format)
    wrote = " and ".join(map(str, outputs))
    click.echo(f"\nwrote {wrote} in {time.perf_counter() - started:.1f} s")


def _title(settings: RunConfig) -> str:
    return (
        f"{settings.heavy_metal.name} / {settings.ferromagnet.name} "
        f"({settings.ferromagnet.thickness:g} nm)"
    )
