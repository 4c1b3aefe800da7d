"""torkivity run --pumping."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from torkivity.commands.common import say

if TYPE_CHECKING:
    from torkivity.study.case import Case

__all__ = ["run_pumping"]


def run_pumping(case: Case, output: Path, force: bool, ms: float | None) -> None:
    """Compute what each magnet of a film pumps, print it and write a result file.

    Parameters
    ----------
    case : Case
    output : Path
    force : bool
        Overwrite `output`.
    ms : float or None
        Saturation magnetization in A/m, for the damping.
    """
    started = time.perf_counter()
    from torkivity.commands.compilation import announce_compilation
    from torkivity.compare.pumping_report import pumping_report
    from torkivity.study.pumping import compute_pumping, write_pumping
    from torkivity_hpc.files.store import check_output, new_file

    if output.resolve() == case.path.resolve():
        raise click.UsageError("input and output must be different files")
    check_output(output, force=force)
    with announce_compilation(say):
        study = compute_pumping(case)
    report = pumping_report(study, saturation_magnetization=ms)
    with new_file(output, force=force) as temporary:
        write_pumping(temporary, study)
    click.echo(report)
    click.echo(f"\nwrote {output} in {time.perf_counter() - started:.1f} s")
