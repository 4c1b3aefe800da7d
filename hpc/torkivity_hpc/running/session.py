"""Running a sweep from its plan, alone or under an MPI launcher."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from torkivity_engine.errors import POINT_ERRORS, InputError
from torkivity_engine.machine.memory import require_memory
from torkivity_hpc.files.resume import open_for_writing
from torkivity_hpc.files.store import STATUS
from torkivity_hpc.files.sweepfile import SweepFile, SweepSpec, file_size
from torkivity_hpc.running.crew import Crew, ProcessCrew, WorkerError
from torkivity_hpc.running.launcher import detect_launch, start_mpi
from torkivity_hpc.running.manager import Outcome, StopRequest, run_points, stop_on_signals
from torkivity_hpc.running.mpi_crew import MpiCrew, dismiss, serve
from torkivity_hpc.running.worker import Evaluate

__all__ = [
    "CrewMaker",
    "SweepPlan",
    "describe_plan",
    "estimate_seconds",
    "run_plan",
    "with_crew",
]

CrewMaker = Callable[[], Crew]

#: Memory of the manager: state, order and labels of the points while they are sorted.
_BYTES_PER_POINT = 48


@dataclass(frozen=True)
class SweepPlan:
    """A checked sweep.

    Attributes
    ----------
    spec : SweepSpec
        What the file is to hold.
    evaluate : callable
        From the parameters of a point to its record.
    layer_parameters : tuple of str
        What the responses of the layers depend on.
    recall : callable, optional
        Shown the file before the first point, so that `evaluate` may take over from it what its
        points have in common.
    """

    spec: SweepSpec
    evaluate: Evaluate
    layer_parameters: tuple[str, ...]
    recall: Callable[[SweepFile], None] = lambda file: None


def describe_plan(plan: SweepPlan) -> str:
    """Points, different layers and size on disk of a sweep, in words."""
    spec = plan.spec
    layers = spec.grid.layer_count(plan.layer_parameters)
    return f"{spec.grid.size} points, {layers} different layers, {_size_text(file_size(spec))}"


def estimate_seconds(plan: SweepPlan, samples: int = 5) -> float:
    """How long one process would take, from a few points spread over the sweep.

    A point whose layers are new takes longer than the next one with the same layers, so both
    are timed. Points that fail count as they are.

    Parameters
    ----------
    plan : SweepPlan
    samples : int, optional
        Places in the sweep where two points are computed.

    Returns
    -------
    float
        Seconds, without starting and compiling.
    """
    grid = plan.spec.grid
    layers = grid.layer_count(plan.layer_parameters)

    def seconds(point: int) -> float:
        started = time.perf_counter()
        with contextlib.suppress(*POINT_ERRORS):
            plan.evaluate(grid.point(point))
        return time.perf_counter() - started

    chosen = sorted({(layers - 1) * i // max(samples - 1, 1) for i in range(samples)})
    with threadpool_limits(1):
        seconds(grid.size - 1)  # may compile
        first = [seconds(grid.layer_points(plan.layer_parameters, label, 1)[0]) for label in chosen]
        others = grid.layer_points(plan.layer_parameters, chosen[-1], 1 + samples)[1:]
        same = [seconds(point) for point in others]
    cold = float(np.mean(first))
    warm = min(float(np.median(same)), cold) if same else cold
    return layers * (cold - warm) + grid.size * warm


def _size_text(size: int) -> str:
    for unit, scale in (
        ("EB", 1e18),
        ("PB", 1e15),
        ("TB", 1e12),
        ("GB", 1e9),
        ("MB", 1e6),
        ("kB", 1e3),
    ):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} bytes"


def run_plan(
    plan: SweepPlan,
    path: Path,
    make_crew: CrewMaker,
    *,
    force: bool = False,
    retry_failed: bool = False,
    stop: StopRequest | None = None,
    tell: Callable[[str], None] = lambda line: None,
    finish: Callable[[SweepFile], None] = lambda file: None,
) -> Outcome:
    """Compute what the file of a sweep lacks.

    Parameters
    ----------
    plan : SweepPlan
    path : Path
        Result file; made if it is not there.
    make_crew : callable
        Gives the workers, if there is anything to do for them.
    force : bool, optional
        Start anew whatever is there.
    retry_failed : bool, optional
    stop : StopRequest, optional
        Set by Ctrl-C, SIGTERM, SIGUSR1 and SIGHUP too.
    tell : callable, optional
        Told in words how it goes.
    finish : callable, optional
        Called with the open file at the end, complete or not.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        If the file cannot be used.
    CapacityError
        If there are more points than memory has room for their numbers.
    WorkerError
        If a worker met an error that is not a point's own, or died.
    OSError
        If the file cannot be written any more.
    """
    stop = StopRequest() if stop is None else stop
    spec = plan.spec
    tell(f"{describe_plan(plan)} in {path}")
    require_memory(_BYTES_PER_POINT * spec.grid.size, None, f"a list of {spec.grid.size} points")
    try:
        with (
            stop_on_signals(stop),
            open_for_writing(path, spec, force=force, tell=tell) as file,
        ):
            counts = _counts(file)
            if counts["missing"] + (counts["failed"] if retry_failed else 0):
                plan.recall(file)
                outcome = run_points(
                    file,
                    spec.grid,
                    plan.evaluate,
                    make_crew(),
                    layer_parameters=plan.layer_parameters,
                    retry_failed=retry_failed,
                    stop=stop,
                    tell=tell,
                )
            else:
                outcome = Outcome(**counts, computed=0, seconds=0.0, stopped="")
            finish(file)
            return outcome
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def _counts(file: SweepFile) -> dict[str, int]:
    status = file.status()
    return {name: int((status == code).sum()) for name, code in STATUS.items()}


def with_crew(body: Callable[[CrewMaker], int], workers: int | None = None) -> int:
    """Run something that needs workers: local ones, or the ranks of an MPI job.

    Parameters
    ----------
    body : callable
        Takes what makes the workers, returns an exit status. Under MPI only rank 0 calls it;
        the others compute for it.
    workers : int, optional
        Number of local processes; not under a launcher.

    Returns
    -------
    int
        Exit status of this process.

    Raises
    ------
    InputError
        If the launcher and the MPI library do not fit, or `workers` is given under MPI.
    """
    launch = detect_launch()
    comm: Any = None
    if launch is not None:
        try:
            comm = start_mpi(launch)
            if comm is not None and workers is not None:
                raise InputError("--workers", workers, "is for runs without mpiexec; leave it out")
        except InputError:
            if launch.rank == 0:
                raise
            return 2
    if comm is None:
        return body(lambda: ProcessCrew(workers or 1))
    if comm.Get_rank() != 0:
        try:
            serve(comm)
        except BaseException as error:
            _last_words(comm, error, f"rank {comm.Get_rank()}: ")
        return 0
    crews: list[MpiCrew] = []

    def make() -> Crew:
        crews.append(MpiCrew(comm))
        return crews[0]

    try:
        status = body(make)
    except BaseException as error:
        if crews:
            _last_words(comm, error, "")
        dismiss(comm)
        raise
    if not crews:
        dismiss(comm)
    elif crews[0].stuck:
        # Ranks that sit in a long point cannot be told; everything finished is on disk.
        sys.stdout.flush()
        comm.Abort(status)
    return status


def _last_words(comm: Any, error: BaseException, where: str) -> None:
    """An exception on one rank ends all: the others would wait for ever."""
    if isinstance(error, WorkerError):
        sys.stderr.write(f"{error}\n")
        text = error.summary
    elif isinstance(error, (InputError, OSError)):
        text = " ".join(str(error).split())
    else:
        traceback.print_exception(error)
        text = f"{type(error).__name__}: {error}"
    sys.stderr.write(f"torkivity: error: {where}{text}\n")
    sys.stderr.flush()
    time.sleep(0.3)  # launchers drop what a process said just before it aborts
    comm.Abort(1)
