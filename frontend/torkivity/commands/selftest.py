"""torkivity selftest."""

from __future__ import annotations

import json
import math
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from torkivity.commands.common import (
    EXIT_FAILED,
    FILE,
    check_text_output,
    is_standard_output,
    one_thread,
    say,
    write_text,
)
from torkivity.tables import fold

if TYPE_CHECKING:
    from torkivity.selftest.selftest import CheckResult

__all__ = ["selftest"]

_ROW = "{:<37} {:>8} {:>8} {:>8}  {}"


@click.command(
    short_help="Check this installation: kernels, LAPACK, files, MPI.",
    epilog="""\b
Examples:
  torkivity selftest                     about 10 seconds, once compiled
  torkivity selftest --json checks.json  the same, kept

Exit status: 0 nothing failed, 1 something did. What the machine lacks (MPI) is skipped.
""",
)
@click.option("--json", "output", type=FILE, help="JSON file to write, - for standard output.")
@click.option("--force", is_flag=True, help="Overwrite existing output.")
def selftest(output: Path | None, force: bool) -> int:
    """Check what a machine can get wrong: kernels, LAPACK, files and MPI."""
    started = time.perf_counter()
    one_thread()
    to_stdout = is_standard_output(output)
    tell = partial(click.echo, err=to_stdout)
    if output is not None:
        check_text_output(output, force=force)
    say("loading numerics")
    from torkivity.commands.compilation import announce_compilation
    from torkivity.selftest.selftest import CHECKS, run_checks, selftest_facts
    from torkivity_hpc.running.progress import Progress

    tell(_ROW.format("check", "error", "allowed", "time", ""))
    with announce_compilation(say):
        progress = Progress(len(CHECKS), 0, say, "checks")

        def told(result: CheckResult) -> None:
            tell(_row(result))
            progress.add(1, int(result.failed))

        results = run_checks(progress=told)
    failed = [result for result in results if result.failed]
    skipped = sum(result.skipped for result in results)
    tell(
        f"\n{len(results) - len(failed) - skipped} ok, {len(failed)} failed, {skipped} skipped "
        f"in {time.perf_counter() - started:.0f} s"
    )
    for result in failed:
        check = result.check
        allowed = _error(check.threshold, 0)
        text = (
            f"FAILED: {check.name}, against {check.against}; {allowed} is allowed: {check.reason}"
        )
        tell("\n".join(fold(text, hang=2)))
    facts = selftest_facts()
    tell()
    for name, value in facts.items():
        tell("\n".join(fold(f"{name.replace('_', ' '):<14} {value}", hang=15, indent=2)))
    record: dict[str, Any] = {"machine": facts, "checks": [_record(result) for result in results]}
    if output is not None:
        write_text(output, json.dumps(record, indent=1) + "\n", force=force)
    if output is not None and not to_stdout:
        click.echo(f"\nwrote {output}")
    return EXIT_FAILED if failed else 0


def _row(result: CheckResult) -> str:
    check = result.check
    numbers = (_error(result.error, 1), _error(check.threshold, 0), f"{result.seconds:.2f} s")
    word, colon, _ = result.verdict.partition(":")
    lines = [_ROW.format(check.name, *numbers, word)]
    if colon:
        lines += fold(result.verdict, hang=4, indent=4)
    return "\n".join(lines)


def _error(value: float, digits: int) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.{digits}e}" if value else "0"


def _record(result: CheckResult) -> dict[str, object]:
    check = result.check
    return {
        "check": check.name,
        "against": check.against,
        "error": None if math.isnan(result.error) else result.error,
        "threshold": check.threshold,
        "reason": check.reason,
        "verdict": result.verdict,
        "seconds": result.seconds,
    }
