"""Workers in other processes: how they start, what they say when they end otherwise."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import ArrayLike

from sweep_jobs import dimension, evaluate, spec
from torkivity_engine.errors import InputError
from torkivity_engine.machine.threads import SINGLE_THREAD
from torkivity_hpc.grid import Value
from torkivity_hpc.running.crew import ProcessCrew, WorkerError, single_threaded
from torkivity_hpc.running.worker import Batch, Evaluate, Job, Report, Stop

SPEC = spec(dimension("a", 4), dimension("b", 2))


def by_number(values: Mapping[str, Value]) -> Mapping[str, ArrayLike]:
    """Points with a = 1, 2, 3 end the worker in a way of their own."""
    if values["a"] == 1.0:
        os._exit(3)
    if values["a"] == 2.0:
        os.kill(os.getpid(), signal.SIGKILL)
    if values["a"] == 3.0:
        raise KeyError("a mistake in the program")
    return evaluate(values)


def threads(values: Mapping[str, Value]) -> Mapping[str, ArrayLike]:
    """Whether each setting has arrived, as a flag."""
    settings = [os.environ.get(name) == value for name, value in SINGLE_THREAD.items()]
    return {
        "torque": [0.0, 0.0, 0.0],
        "product": float(len(settings)),
        "flag": float(all(settings)),
    }


def answers(crew: ProcessCrew) -> list[tuple[int, Report]]:
    """Everything until all workers have left."""
    found: list[tuple[int, Report]] = []
    here = set(range(crew.workers))
    deadline = time.monotonic() + 60.0
    while here and time.monotonic() < deadline:
        found += crew.receive(0.1)
        here -= {worker for worker, report in found if report.leaving}
    return found


def job(function: Evaluate) -> Job:
    return Job(function, SPEC.grid, SPEC.layout())


def test_two_workers_and_their_ranks() -> None:
    crew = ProcessCrew(2)
    try:
        for worker in (0, 1):
            crew.send(worker, job(threads))
            crew.send(worker, Batch(np.array([2 * worker + 1])))
            crew.send(worker, Stop())
        found = answers(crew)
    finally:
        crew.close()
    blocks = {worker: report.block for worker, report in found if report.block is not None}
    assert set(blocks) == {worker for worker, report in found if report.leaving} == {0, 1}
    for worker, block in blocks.items():
        assert block.points.tolist() == [2 * worker + 1]
        assert block.rank.tolist() == [worker]
        assert block.rows[0, 3:].tolist() == [float(len(SINGLE_THREAD)), 1.0]


@pytest.mark.parametrize(
    ("a", "how"),
    [
        (1, "a worker process ended unexpectedly (exit status 3)"),
        (2, "a worker process ended unexpectedly (signal 9)"),
        (3, "KeyError: 'a mistake in the program'"),
    ],
)
def test_how_a_worker_ended(a: int, how: str) -> None:
    crew = ProcessCrew(1)
    try:
        crew.send(0, job(by_number))
        crew.send(0, Batch(np.array([0, 2 * a])))
        with pytest.raises(WorkerError) as caught:
            answers(crew)
    finally:
        crew.close()
    assert caught.value.summary == how


def test_what_cannot_be_sent() -> None:
    crew = ProcessCrew(1)
    try:
        with pytest.raises(InputError, match="importable module for workers > 1"):
            crew.send(0, job(lambda values: {}))
    finally:
        crew.close()


def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = SINGLE_THREAD
    monkeypatch.setenv(first, "7")
    monkeypatch.delenv(second, raising=False)
    before = dict(os.environ)
    with single_threaded():
        assert {name: os.environ[name] for name in SINGLE_THREAD} == SINGLE_THREAD
    assert dict(os.environ) == before
