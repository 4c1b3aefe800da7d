"""torkivity converge."""

from __future__ import annotations

import time
from pathlib import Path

import click

from torkivity.commands.common import (
    EXIT_FAILED,
    EXIT_INCOMPLETE,
    FILE,
    Duration,
    beside_numbers,
    figure_format,
    one_thread,
    say,
    set_option,
    warn_unusual,
)

__all__ = ["converge"]


@click.command(
    short_help="Find out how fine the mesh must be for a film.",
    epilog="""\b
Examples:
  torkivity converge film.toml
  torkivity converge film.toml -o conv.h5 --tolerance 1e-5
  mpiexec -n 8 torkivity converge film.toml
\b
The meshes can be chosen in film.toml:
  [converge]
  n_polar = [8, 16, 32, 64, 128]
  n_azimuth = [8, 16, 32, 64]
\b
The same command goes on where an earlier one stopped.
""",
)
@click.argument("config", type=FILE)
@set_option
@click.option(
    "-o", "--output", type=FILE, help="HDF5 file. [default: CONFIG ending in -convergence.h5]"
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    help="Error beside the largest component of the total torque. [default: 1e-3]",
)
@click.option("--figure", type=FILE, help="Figure to write. [default: output with the ending .png]")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes, without mpiexec. [default: 1]"
)
@click.option("--time-limit", type=Duration(), help="As of sweep.")
@click.option("--force", is_flag=True, help="Start anew, overwriting the output.")
def converge(
    config: Path,
    settings: tuple[str, ...],
    output: Path | None,
    tolerance: float | None,
    figure: Path | None,
    workers: int | None,
    time_limit: float | None,
    force: bool,
) -> int:
    """Refine the mesh of the film in CONFIG, polar and azimuthal angles apart and together.

    Prints errors, observed orders and the coarsest mesh that meets the tolerance; writes
    them with all points to a result file, and a figure.
    """
    started = time.monotonic()
    one_thread()
    from torkivity_hpc.running.manager import StopRequest
    from torkivity_hpc.running.session import CrewMaker, run_plan, with_crew

    def body(make_crew: CrewMaker) -> int:
        from torkivity.config.text import load_config
        from torkivity.study.case import Case, with_settings_given
        from torkivity.study.mesh_study import (
            convergence_of,
            convergence_report,
            plan_convergence,
            study_of,
            write_convergence,
        )
        from torkivity.study.unusual import unusual_values
        from torkivity_engine.film.stack import as_stack
        from torkivity_hpc.files.store import check_output, new_file
        from torkivity_hpc.files.sweepfile import SweepFile

        path = output or config.with_name(f"{config.stem}-convergence.h5")
        picture = figure or path.with_suffix(".png")
        file_format = figure_format(picture)
        if len({item.resolve() for item in (config, path, picture)}) < 3:
            raise click.UsageError("input, output and figure must be different files")
        check_output(picture, force=True)
        run_config = with_settings_given(load_config(config), config, settings)
        warn_unusual(config, unusual_values(Case.of(run_config, config)))
        plan = plan_convergence(run_config, config, tolerance)
        found = []

        def finish(file: SweepFile) -> None:
            result = convergence_of(file, study_of(run_config, tolerance))
            if result is not None:
                write_convergence(file, result)
                found.append(result)

        stop = StopRequest()
        if time_limit is not None:
            stop.deadline = started + time_limit
        outcome = run_plan(plan, path, make_crew, force=force, stop=stop, tell=say, finish=finish)
        if outcome.missing:
            say(f"incomplete ({outcome.stopped}): {outcome.missing} meshes missing; run again")
            return EXIT_INCOMPLETE
        if not found:
            say(f"{outcome.failed} meshes failed; 'torkivity status {path}' says why")
            return EXIT_FAILED
        click.echo(convergence_report(found[0]))
        outputs = [path]
        with beside_numbers(picture), new_file(picture, force=True) as temporary:
            from torkivity.figures import convergence_figure, save_figure

            title = " / ".join(as_stack(run_config.film).names)
            save_figure(convergence_figure(found[0], title), temporary, str(file_format))
            outputs.append(picture)
        wrote = " and ".join(map(str, outputs))
        click.echo(f"\nwrote {wrote} in {time.monotonic() - started:.1f} s")
        return 0

    return with_crew(body, workers)
