"""Exact checks of the installed package on the machine that it runs on."""

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


_ROUNDING = "rounding of a few hundred operations"
_SYSTEM = "rounding times the condition of the closing system"

#: In the order of the equations: interfaces, films, exact transport, files and processes.
CHECKS: tuple[Check, ...] = (
    Check(
        "unitarity of 200 interfaces",
        "r+ r + t+ t = 1",
        measure.unitarity,
        1e-12,
        _ROUNDING,
    ),
    Check(
        "scattering tensors R, T",
        "inverted 2x2 matrices, traces",
        measure.scattering_tensors,
        1e-12,
        "rounding times the condition of the matrices, below 1e3",
    ),
    Check(
        "spin lost at an interface, u_R = 0",
        "tau_mag = 2 u_ex s x m",
        measure.spin_torque_at_interface,
        1e-12,
        _ROUNDING,
    ),
    Check(
        "conductivity, torkivity of Pt/Co",
        "sums over inverted matrices",
        measure.tensors_by_matrices,
        1e-12,
        _ROUNDING,
    ),
    Check(
        "mixing conductance",
        "adaptive quadrature",
        measure.mixing_by_quadrature,
        1e-11,
        "tolerance of the quadrature, 1e-12",
    ),
    Check(
        "reduced method",
        "dense method, bilayer and trilayer",
        measure.reduced_against_dense,
        1e-10,
        _SYSTEM,
    ),
    Check(
        "charge current, 20 closed films",
        "zero",
        measure.charge_current,
        1e-10,
        _SYSTEM,
    ),
    Check(
        "spin current into the heavy metal",
        "what flips there",
        measure.spin_balance,
        1e-9,
        "quadrature over the depth of the layer",
    ),
    Check(
        "spin currents at the interface",
        "profiles of both layers",
        measure.currents_beside_interface,
        1e-9,
        "what is kept of the layers' operators in a profile",
    ),
    Check(
        "bilayer in five slices",
        "the same in one piece",
        measure.slices,
        1e-10,
        _SYSTEM,
    ),
    Check(
        "T(-E) = -T(E), two models",
        "zero sum",
        measure.reversed_field,
        1e-12,
        _ROUNDING,
    ),
    Check(
        "film upside down, two models",
        "torque as an axial vector",
        measure.mirrored_film,
        1e-10,
        _SYSTEM,
    ),
    Check(
        "sensitivities of Pt/Co",
        "finite differences",
        measure.sensitivity_by_differences,
        1e-6,
        "rounding of the differences, 1e-13 over a step of 1e-3, and their truncation",
    ),
    Check(
        "film conductivity",
        "Fuchs-Sondheimer integral",
        measure.fuchs_sondheimer,
        1e-8,
        "20 polar angles, 120 depths",
    ),
    Check(
        "extrapolation length",
        f"Milne, {measure.MILNE}",
        measure.milne,
        1e-9,
        "48 polar angles",
    ),
    Check(
        "half-space albedo",
        "Chandrasekhar's H function",
        measure.half_space_albedo,
        1e-9,
        "40 polar angles",
    ),
    Check(
        "bulk spin Hall current",
        "-theta sigma / 2(1 + 2 theta^2)",
        measure.bulk_spin_hall,
        1e-9,
        _SYSTEM,
    ),
    Check(
        "spin-polarised contact",
        "Valet-Fert",
        measure.valet_fert,
        4e-5,
        "the theory leaves out terms of order lambda / lambda_sf = 4e-5",
    ),
    Check(
        "drift-diffusion spin Hall torque",
        "closed form",
        measure.drift_diffusion_torque,
        1e-11,
        "tolerance of the quadrature, 1e-12",
    ),
    Check(
        "Boltzmann torque of thick Pt/Co",
        "boundary-layer thickness formula",
        measure.thick_film,
        1e-8,
        "the formula leaves out faster modes, of order exp(-2 t / lambda) = 5e-9",
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
