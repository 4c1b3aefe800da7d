"""Command line. Commands parse, call and print; heavy imports wait until one runs."""

from __future__ import annotations

import math
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from torkivity import __version__

if TYPE_CHECKING:
    from torkivity.config import RunConfig

EXIT_FAILED, EXIT_BAD_INPUT = 1, 2

_FILE = click.Path(path_type=Path)

_HELP = """Spin-orbit torques of a heavy-metal/ferromagnet film with a Rashba interface, from the
Boltzmann equation and from drift-diffusion, and how far the two differ.

\b
First steps:
  torkivity init film.toml             write a commented Pt/Co film to start from
  torkivity run film.toml -o film.h5   compute it: table, film.h5 and film.png
  torkivity info film.h5               list what is in the result file
"""

_EPILOG = """\b
In Python: torkivity.open_results("film.h5") gives an xarray Dataset.
Exit status: 0 good, 2 bad input, 1 the computation failed.
"""

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(help=_HELP, epilog=_EPILOG, context_settings=_SETTINGS)
@click.version_option(__version__, prog_name="torkivity")
def cli() -> None:
    """Group of all commands."""


@cli.command(
    short_help="Write a commented film description to start from.",
    epilog="""\b
Examples:
  torkivity init                                     film.toml, a Pt/Co film
  torkivity init --list                              what presets there are
  torkivity init light.toml --preset weak-spin-flip
""",
)
@click.argument("path", type=_FILE, default="film.toml")
@click.option("--preset", default="pt-co", show_default=True, help="Film to start from.")
@click.option("--list", "list_presets", is_flag=True, help="List the presets and stop.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def init(path: Path, preset: str, list_presets: bool, force: bool) -> None:
    """Write a commented film description to PATH (default film.toml)."""
    from torkivity.config import preset_names, preset_text

    names = preset_names()
    if list_presets:
        for name, summary in names.items():
            click.echo(f"{name:<18}{summary}")
        return
    if preset not in names:
        raise click.UsageError(f"--preset {preset}: must be one of {', '.join(names)}")
    from torkivity_hpc.store import new_file

    with new_file(path, force=force) as temporary:
        temporary.write_text(preset_text(preset), encoding="utf-8")
    click.echo(f"wrote {path}; next: torkivity run {path} -o {path.with_suffix('.h5')}")


@cli.command(
    short_help="Compute a film by both models: table, result file, figure.",
    epilog="""\b
Examples:
  torkivity run film.toml                            film.h5 and film.png
  torkivity run film.toml -o a.h5 --figure a.pdf
  torkivity run film.toml -o b.h5 --no-figure --method dense --memory 4

The first run after installation compiles kernels for a while; later ones start at once.
""",
)
@click.argument("config", type=_FILE)
@click.option(
    "-o",
    "--output",
    type=_FILE,
    help="HDF5 file to write. [default: CONFIG with the ending .h5]",
)
@click.option("--force", is_flag=True, help="Overwrite existing output.")
@click.option(
    "--figure",
    type=_FILE,
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
    components: str,
) -> None:
    """Compute the film described in CONFIG by both models and compare them.

    Prints a table; writes a result file and a figure against heavy-metal thickness.
    """
    if figure is not None and no_figure:
        raise click.UsageError("--figure and --no-figure exclude each other")
    if memory is not None and not math.isfinite(memory):
        raise click.UsageError(f"--memory {memory}: must be a finite number of GB")
    started = time.perf_counter()
    _progress(f"reading {config}")
    from torkivity.config import build_film, build_mesh, load_config, override
    from torkivity.frames import has_torque_frame, require_torque_frame
    from torkivity_hpc.store import check_output, new_file

    settings = override(load_config(config), method=method, memory_gb=memory)
    film, mesh = build_film(settings, str(config)), build_mesh(settings, config)
    output = output or config.with_suffix(".h5")
    check_output(output, force=force)
    in_frame = has_torque_frame(film)
    if components == "torque-frame" or figure is not None:
        require_torque_frame(film)
    if not no_figure and in_frame:
        figure = figure or output.with_suffix(".png")
    file_format = _figure_format(figure)
    outputs = [output]
    if figure is not None:
        check_output(figure, force=force)
        outputs.append(figure)
    if len({path.resolve() for path in (config, *outputs)}) <= len(outputs):
        raise click.UsageError("input, output and figure must be different files")

    _progress("loading numerics")
    from torkivity.analysis.comparison import compare_film
    from torkivity.compilation import announce_compilation
    from torkivity.report import comparison_report
    from torkivity.results import write_comparison

    limit = settings.solver.memory_gb
    with announce_compilation(_progress):
        comparison = compare_film(
            film,
            mesh,
            method=settings.solver.method,
            ferromagnet=settings.drift_diffusion.ferromagnet,
            memory_limit=None if limit is None else int(limit * 1e9),
            thicknesses=() if no_figure else settings.figure.heavy_metal_thickness,
            progress=_progress,
        )
    labels = (settings.heavy_metal.name, settings.ferromagnet.name)
    elapsed = time.perf_counter() - started
    with ExitStack() as stack:
        # Both appear together at the end, or none does.
        names = [stack.enter_context(new_file(path, force=force)) for path in outputs]
        write_comparison(names[0], comparison, settings, elapsed_seconds=elapsed)
        if file_format is not None and comparison.curves is not None:
            from torkivity.figures import save_figure, thickness_figure

            _progress("drawing")
            title = _title(settings)
            save_figure(thickness_figure(comparison.curves, title), names[1], file_format)
    frame = components if components != "auto" else "torque-frame" if in_frame else "cartesian"
    click.echo(comparison_report(comparison, frame == "torque-frame", names=labels))
    if not in_frame:
        click.echo(
            "\nm is parallel to z x E: damping-like and field-like directions do not exist, and all"
            "\ntorques vanish by symmetry; the table is Cartesian and there is no figure."
        )
    wrote = " and ".join(map(str, outputs))
    click.echo(f"\nwrote {wrote} in {time.perf_counter() - started:.1f} s")


@cli.command(
    short_help="List what is in a result file.",
    epilog="""\b
Example:
  torkivity info film.h5
""",
)
@click.argument("path", type=_FILE)
def info(path: Path) -> None:
    """List what the result file PATH holds: origin, configuration, axes, variables."""
    from torkivity.results import describe_results

    click.echo(describe_results(path))


def main() -> None:
    """Run the command line and exit; every error is one line on stderr."""
    try:
        status = cli.main(prog_name="torkivity", standalone_mode=False)
    except click.ClickException as error:
        _fail(error.format_message(), EXIT_BAD_INPUT)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", EXIT_FAILED)
    except BrokenPipeError:
        # The reader (head, less) has gone; keep the interpreter from flushing to it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    except (ValueError, ArithmeticError, MemoryError, OSError) as error:
        from torkivity_engine.errors import CapacityError, InputError, PhysicsError

        if isinstance(error, (InputError, CapacityError)):
            _fail(str(error), EXIT_BAD_INPUT)
        if isinstance(error, PhysicsError):
            _fail(str(error), EXIT_FAILED)
        if isinstance(error, OSError):
            where = f"{error.filename}: " if error.filename else ""
            _fail(f"{where}{error.strerror or error}", EXIT_FAILED)
        if isinstance(error, MemoryError):
            _fail(f"out of memory {error}".rstrip(), EXIT_FAILED)
        raise
    sys.exit(status)


def _figure_format(figure: Path | None) -> str | None:
    """Format from the ending of the figure's name."""
    if figure is None:
        return None
    ending = figure.suffix.lstrip(".").lower()
    known = ("png", "pdf", "svg")
    if ending not in known:
        raise click.UsageError(f"--figure {figure}: the ending must be one of {', '.join(known)}")
    return ending


def _title(settings: RunConfig) -> str:
    return (
        f"{settings.heavy_metal.name} / {settings.ferromagnet.name} "
        f"({settings.ferromagnet.thickness:g} nm)"
    )


def _progress(message: str) -> None:
    click.echo(f"torkivity: {message}", err=True)


def _fail(message: str, status: int) -> NoReturn:
    line = " ".join(message.split())
    click.echo(f"torkivity: error: {line}", err=True)
    sys.exit(status)
