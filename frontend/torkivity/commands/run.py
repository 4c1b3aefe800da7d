"""torkivity run."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from torkivity.commands.common import (
    DEFAULT_RTOL,
    FILE,
    beside_numbers,
    figure_format,
    rtol_option,
    say,
    set_option,
    warn_unusual,
)
from torkivity.commands.pumping import run_pumping
from torkivity.commands.units import UNITS, unit_option

if TYPE_CHECKING:
    from torkivity.study.case import Case

__all__ = ["run"]


@click.command(
    short_help="Compute a film by both models: table, result file, figure.",
    epilog="""\b
Examples:
  torkivity run film.toml                            film.h5 and film.png
  torkivity run film.toml -o a.h5 --figure a.pdf
  torkivity run film.toml --unit efficiency          the table in that
  torkivity run film.toml -o b.h5 --no-figure --method dense --memory 4
  torkivity run film.toml --pumping --ms 1.4e6       film-pumping.h5

The first run after installation compiles kernels for a while; later ones start at once.
""",
)
@click.argument("config", type=FILE)
@set_option
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
@rtol_option
@unit_option()
@click.option(
    "--ms",
    type=float,
    metavar="A/m",
    help="Saturation magnetization, for --unit field, and damping with --pumping.",
)
@click.option(
    "--pumping", is_flag=True, help="What each magnet pumps when it turns, instead of torques."
)
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
    settings: tuple[str, ...],
    output: Path | None,
    force: bool,
    figure: Path | None,
    no_figure: bool,
    method: str | None,
    memory: float | None,
    rtol: float | None,
    components: str,
    unit: str | None,
    ms: float | None,
    pumping: bool,
) -> None:
    """Compute the film described in CONFIG by both models and compare them.

    Prints a table; writes a result file and a figure against heavy-metal thickness.
    """
    if pumping and (figure, unit, components) != (None, None, "auto"):
        raise click.UsageError("--figure, --unit and --components are not for --pumping")
    if figure is not None and no_figure:
        raise click.UsageError("--figure and --no-figure exclude each other")
    if memory is not None and not math.isfinite(memory):
        raise click.UsageError(f"--memory {memory}: must be a finite number of GB")
    if not pumping and (unit == "field") != (ms is not None):
        raise click.UsageError("--unit field and --ms, the saturation magnetization, go together")
    if ms is not None and not 0.0 < ms < math.inf:
        raise click.UsageError(f"--ms {ms}: must be a positive number of A/m")
    started = time.perf_counter()
    say(f"reading {config}")
    from torkivity.config.text import load_config, override
    from torkivity.study.case import Case, with_settings_given
    from torkivity.study.unusual import unusual_values
    from torkivity_hpc.files.store import check_output, new_file

    run_config = load_config(config)
    run_config = with_settings_given(run_config, config, settings)
    run_config = override(
        run_config, method=method, memory_gb=memory, rtol=rtol, default_rtol=DEFAULT_RTOL
    )
    case = Case.of(run_config, config)
    warn_unusual(config, unusual_values(case))
    if pumping:
        return run_pumping(case, output or config.with_name(f"{config.stem}-pumping.h5"), force, ms)
    output = output or config.with_suffix(".h5")
    check_output(output, force=force)
    frame = _components(case, components, figure)
    if not no_figure and frame == "torque-frame":
        figure = figure or output.with_suffix(".png")
    file_format = figure_format(figure)
    files = [config, output]
    if figure is not None:
        check_output(figure, force=force)
        files.append(figure)
    if len({path.resolve() for path in files}) < len(files):
        raise click.UsageError("input, output and figure must be different files")

    say("loading numerics")
    from torkivity.commands.compilation import announce_compilation
    from torkivity.compare.film_report import film_report
    from torkivity.study.run import compute_curve, compute_film, write_film
    from torkivity_engine.errors import CapacityError, PhysicsError

    outputs = [output]
    with announce_compilation(say):
        study = compute_film(case, say)
    report = film_report(study, frame, quantity=UNITS[unit or "raw"], saturation_magnetization=ms)
    # It is there at once; but should nobody take it, the numbers still go into the file.
    refused: OSError | None = None
    try:
        click.echo(report)
    except OSError as error:
        refused = error
    if not no_figure:
        try:
            study = compute_curve(study, run_config.figure.heavy_metal_thickness, say)
        except (PhysicsError, CapacityError) as error:
            say(f"warning: no curves against a thickness: {error}")
    with new_file(output, force=force) as temporary:
        write_film(temporary, study, elapsed_seconds=time.perf_counter() - started)
    if refused is not None:
        raise refused
    if frame == "cartesian" and components == "auto":
        click.echo(
            "\nm is parallel to z x E: damping-like and field-like directions do not exist; the"
            "\ntable is Cartesian and there is no figure."
        )
    if figure is not None and study.curve is not None:
        say("drawing")
        with beside_numbers(figure), new_file(figure, force=force) as temporary:
            from torkivity.figures import save_figure, thickness_figure
            from torkivity.figures.thickness import curves_of_study

            curves = curves_of_study(study.curve)
            save_figure(thickness_figure(curves, study.title), temporary, str(file_format))
            outputs.append(figure)
    wrote = " and ".join(map(str, outputs))
    click.echo(f"\nwrote {wrote} in {time.perf_counter() - started:.1f} s")


def _components(case: Case, wanted: str, figure: Path | None) -> str:
    """Components of the table: those of the torque frame, where there is one."""
    from torkivity.study.frames import has_torque_frame, require_torque_frame

    if wanted == "torque-frame" or figure is not None:
        require_torque_frame(case.film)
    if wanted == "auto":
        return "torque-frame" if has_torque_frame(case.film) else "cartesian"
    return wanted
