"""torkivity sweep."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from torkivity.commands.common import (
    EXIT_FAILED,
    EXIT_INCOMPLETE,
    FILE,
    Duration,
    one_thread,
    rtol_option,
    say,
    set_option,
    warn_unusual,
)

if TYPE_CHECKING:
    from torkivity_hpc.running.session import SweepPlan

__all__ = ["sweep"]


@click.command(
    short_help="Compute a film over ranges of its parameters, alone or under mpiexec.",
    epilog="""\b
Examples:
  torkivity sweep film.toml --dry-run                points, size, time
  torkivity sweep film.toml -o sweep.h5              one process
  torkivity sweep film.toml -o sweep.h5 --workers 4  four, on this machine
  mpiexec -n 64 torkivity sweep film.toml            MPI, any number of ranks
\b
In film.toml:
  [sweep.axes]
  interface.exchange = [0.1, 0.2, 0.4]
  interface.rashba = { linspace = [0.0, 0.4, 41] }
  heavy_metal.thickness = { logspace = [1.0, 20.0, 12] }

With drive = "pumping" under [sweep], magnetizations turn instead of a field: magnet = "Co"
names the one that does.

The same command goes on where an earlier one stopped; an axis may have grown meanwhile.

Exit status: 0 complete, 1 some points failed or the run broke off, 2 bad input, 3 incomplete:
run again.
""",
)
@click.argument("config", type=FILE)
@set_option
@rtol_option
@click.option("-o", "--output", type=FILE, help="HDF5 file. [default: CONFIG with the ending .h5]")
@click.option("--retry-failed", is_flag=True, help="Compute failed points again.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes, without mpiexec. [default: 1]"
)
@click.option(
    "--time-limit",
    type=Duration(),
    help="Stop in good time, with exit status 3. 90s, 30m, 1h30m, 2d; with colons hours come "
    "first: 01:30 and 01:30:00 are 90 minutes.",
)
@click.option("--force", is_flag=True, help="Start anew, overwriting the output.")
@click.option(
    "--dry-run", is_flag=True, help="Only check, and say how many points, how large, how long."
)
def sweep(
    config: Path,
    settings: tuple[str, ...],
    rtol: float | None,
    output: Path | None,
    retry_failed: bool,
    workers: int | None,
    time_limit: float | None,
    force: bool,
    dry_run: bool,
) -> int:
    """Compute every point of the sweep described in CONFIG, and keep them in one file.

    The file can be read at any time; points that fail are marked, the others go on.
    """
    started = time.monotonic()
    one_thread()
    from torkivity_hpc.running.manager import StopRequest
    from torkivity_hpc.running.progress import duration
    from torkivity_hpc.running.session import CrewMaker, run_plan, with_crew

    def body(make_crew: CrewMaker) -> int:
        from torkivity.config.text import load_config, override
        from torkivity.study.case import Case, with_settings_given
        from torkivity.study.plan import plan_sweep
        from torkivity.study.unusual import unusual_values

        path = output or config.with_suffix(".h5")
        if path.resolve() == config.resolve():
            raise click.UsageError("input and output must be different files")
        run_config = with_settings_given(load_config(config), config, settings)
        run_config = override(run_config, rtol=rtol)
        plan = plan_sweep(run_config, config)
        warn_unusual(config, unusual_values(Case.of(run_config, config), plan.spec.grid))
        if dry_run:
            return _foretell(plan)
        stop = StopRequest()
        if time_limit is not None:
            stop.deadline = started + time_limit
        outcome = run_plan(
            plan, path, make_crew, force=force, retry_failed=retry_failed, stop=stop, tell=say
        )
        rate = outcome.computed / max(outcome.seconds, 1e-9)
        text = f"{outcome.computed} points computed in {duration(outcome.seconds)}"
        if outcome.computed:
            text += f", {rate:.3g} points/s"
        say(f"{text}; {path}: {outcome.done} done, {outcome.failed} failed")
        if outcome.missing:
            say(f"incomplete ({outcome.stopped}): {outcome.missing} points missing; run again")
            return EXIT_INCOMPLETE
        if outcome.failed:
            say(f"'torkivity status {path}' says why points failed")
            return EXIT_FAILED
        return 0

    return with_crew(body, workers)


def _foretell(plan: SweepPlan) -> int:
    """Say what a sweep would cost."""
    from torkivity.commands.compilation import announce_compilation
    from torkivity_hpc.running.progress import duration
    from torkivity_hpc.running.session import describe_plan, estimate_seconds

    say(describe_plan(plan))
    with announce_compilation(say):
        seconds = estimate_seconds(plan)
    say(f"about {duration(seconds)} of one core, shared by as many as there are")
    return 0
