"""Checks of the installed package on the machine that it runs on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import h5py

from torkivity.selftest import checks as measure
from torkivity.selftest.checks import SkippedError
from torkivity.selftest.machine import machine_facts
from torkivity_hpc.running.launcher import find_mpiexec

__all__ = ["CHECKS", "Check", "CheckResult", "SkippedError", "run_checks", "selftest_facts"]


@dataclass(frozen=True)
class Check:
    """A number of the package that is known by another way.

    Attributes
    ----------
    name : str
        What is checked.
    against : str
        What it is compared with.
    measure : callable
        Gives the largest error; raises `SkippedError` where the machine cannot do it.
    threshold : float
        Largest error that passes.
    reason : str
        Why that threshold.
    """

    name: str
    against: str
    measure: Callable[[], float]
    threshold: float
    reason: str


@dataclass(frozen=True)
class CheckResult:
    """Outcome of a check.

    Attributes
    ----------
    check : Check
    error : float
        NaN if it was skipped or did not get that far.
    problem : str
        Why it was skipped or broke off; empty otherwise.
    skipped : bool
    seconds : float
    """

    check: Check
    error: float
    problem: str
    skipped: bool
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether something is wrong; a skipped check is no failure."""
        return not (self.skipped or self.error <= self.check.threshold)

    @property
    def verdict(self) -> str:
        """In words."""
        if self.skipped:
            return f"skipped: {self.problem}"
        if self.failed:
            return f"FAILED: {self.problem}" if self.problem else "FAILED"
        return "ok"


_SYSTEM = "rounding times the condition of the closing system"

#: From single kernels to processes.
CHECKS: tuple[Check, ...] = (
    Check(
        "unitarity of 200 interfaces",
        "r+ r + t+ t = 1",
        measure.unitarity,
        1e-12,
        "rounding of a few hundred operations",
    ),
    Check(
        "reduced method",
        "dense method, bilayer and trilayer",
        measure.reduced_against_dense,
        1e-10,
        _SYSTEM,
    ),
    Check(
        "bulk spin Hall current",
        "-theta sigma / 2(1 + 2 theta^2)",
        measure.bulk_spin_hall,
        1e-9,
        _SYSTEM,
    ),
    Check(
        "kernels kept on disk",
        "the same in a fresh process",
        measure.kept_kernels,
        0.0,
        "compiled code does not change",
    ),
    Check(
        "sweep written, resumed, read back",
        "the solver, bit for bit",
        measure.sweep_file,
        0.0,
        "files keep all bits",
    ),
    Check(
        "sweep on two MPI ranks",
        "one process, bit for bit",
        measure.sweep_on_ranks,
        0.0,
        "points do not depend on who computes them",
    ),
)


def run_checks(
    checks: Sequence[Check] = CHECKS,
    progress: Callable[[CheckResult], None] = lambda result: None,
) -> list[CheckResult]:
    """Run checks one after the other.

    Parameters
    ----------
    checks : sequence of Check, optional
    progress : callable, optional
        Told each result when it is there.

    Returns
    -------
    list of CheckResult
    """
    results = []
    for check in checks:
        started = time.perf_counter()
        error, problem, skipped = float("nan"), "", False
        try:
            error = float(check.measure())
        except SkippedError as reason:
            problem, skipped = str(reason), True
        except Exception as raised:  # whatever breaks on this machine is a finding
            problem = " ".join(f"{type(raised).__name__}: {raised}".split())
        seconds = time.perf_counter() - started
        results.append(CheckResult(check, error, problem, skipped, seconds))
        progress(results[-1])
    return results


def selftest_facts() -> dict[str, Any]:
    """Versions, processor and threads that the results are for."""
    facts = machine_facts()
    facts["h5py"] = version("h5py")
    facts["hdf5"] = h5py.version.hdf5_version
    try:
        facts["mpi4py"] = version("mpi4py")
    except PackageNotFoundError:
        facts["mpi4py"] = "not installed"
    facts["mpiexec"] = find_mpiexec() or "not found"
    facts["numba_threads"] = os.environ.get("NUMBA_NUM_THREADS", "not limited")
    return facts
