"""The manager: when it writes, what it foretells, why it stops, what it counts."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweep_jobs import dimension, evaluate, spec
from torkivity_hpc.files.rows import Block
from torkivity_hpc.files.store import STATUS
from torkivity_hpc.files.sweepfile import SweepFile, create_sweep
from torkivity_hpc.running import manager
from torkivity_hpc.running.manager import StopRequest, run_points, stop_on_signals
from torkivity_hpc.running.worker import Batch, Job, Report, Stop

SPEC = spec(dimension("a", 6), dimension("b", 5))


def block(points: list[int], seconds: float = 1.0, failed: tuple[int, ...] = ()) -> Block:
    at = [divmod(p, 5) for p in points]
    rows = np.array([[a, b, np.sin(a * b), a * b, a > b] for a, b in at])
    count = len(points)
    status = np.array([STATUS["failed" if p in failed else "done"] for p in points], dtype=np.int8)
    rows[status == STATUS["failed"]] = np.nan
    return Block(
        points=np.array(points),
        status=status,
        rows=rows.reshape(count, 5),
        seconds=np.full(count, seconds),
        finished=np.full(count, 1e9),
        rank=np.zeros(count, dtype=np.int32),
        messages={p: "no" for p in points if p in failed},
    )


class Crew:
    """Workers that answer at once; the test can say how."""

    def __init__(self, workers: int = 2, seconds: float = 1.0) -> None:
        self.workers, self.seconds = workers, seconds
        self.sent: list[tuple[int, Any]] = []
        self.closed = self.idle = 0
        self.answers: list[tuple[int, Report]] = []
        self.answer: Callable[[int, Batch], list[Report]] = lambda worker, batch: [
            Report(block(batch.points.tolist(), seconds), batch_done=True)
        ]

    def send(self, worker: int, message: Any) -> None:
        self.sent.append((worker, message))
        if isinstance(message, Batch):
            self.answers += [(worker, report) for report in self.answer(worker, message)]
        if isinstance(message, Stop):
            self.answers.append((worker, Report(None, leaving=True)))

    def receive(self, timeout: float) -> list[tuple[int, Report]]:
        if self.answers:
            return [self.answers.pop(0)]
        self.idle += 1
        assert self.idle < 1000, "the manager waits for what nobody was asked for"
        return []

    def close(self) -> None:
        self.closed += 1

    def batches(self) -> list[tuple[int, list[int]]]:
        return [(w, m.points.tolist()) for w, m in self.sent if isinstance(m, Batch)]


@pytest.fixture
def file(tmp_path: Path) -> Any:
    path = tmp_path / "a.h5"
    create_sweep(path, SPEC)
    with SweepFile(path, SPEC.layout(), SPEC.grid.size) as opened:
        yield opened


def test_what_is_known_is_not_computed_again(file: SweepFile) -> None:
    file.write([block([3, 4, 10, 11], failed=(10,))])
    crew, said = Crew(), list[str]()
    outcome = run_points(file, SPEC.grid, evaluate, crew, tell=said.append)
    assert said[0] == "4 points are known, 26 to compute"
    assert (outcome.done, outcome.failed, outcome.missing) == (29, 1, 0)
    assert (outcome.computed, outcome.stopped) == (26, "")
    handed_out = sorted(p for _, points in crew.batches() for p in points)
    assert handed_out == sorted(set(range(30)) - {3, 4, 10, 11})
    assert crew.closed == 1
    jobs = [worker for worker, message in crew.sent if isinstance(message, Job)]
    assert jobs == [0, 1]
    assert [worker for worker, message in crew.sent if isinstance(message, Stop)] == [0, 1]
    retry = run_points(file, SPEC.grid, evaluate, Crew(), retry_failed=True)
    assert (retry.computed, retry.done, retry.failed) == (1, 30, 0)


def test_failed_points_are_retried_beside_those_that_are_missing(file: SweepFile) -> None:
    file.write([block([3, 4, 10, 11], failed=(10,))])
    outcome = run_points(file, SPEC.grid, evaluate, Crew(), retry_failed=True)
    assert (outcome.computed, outcome.done, outcome.missing) == (27, 30, 0)


def test_a_stop_that_comes_with_the_last_point_stopped_nothing(file: SweepFile) -> None:
    stop, crew = StopRequest(), Crew(1)

    def answer(worker: int, batch: Batch) -> list[Report]:
        if sum(len(points) for _, points in crew.batches()) == 30:
            stop.reason = "SIGTERM"
        return [Report(block(batch.points.tolist()), batch_done=True)]

    crew.answer = answer
    outcome = run_points(file, SPEC.grid, evaluate, crew, stop=stop)
    assert stop
    assert (outcome.missing, outcome.stopped) == (0, "")


@pytest.mark.parametrize(("workers", "seconds"), [(1, 0.01), (20, 0.01), (200, 0.1)])
def test_many_workers_send_less_often(file: SweepFile, workers: int, seconds: float) -> None:
    """Two thousand messages a second are what the manager can take, however many there are."""
    crew = Crew(workers)
    run_points(file, SPEC.grid, evaluate, crew)
    intervals = [message.send_interval for _, message in crew.sent if isinstance(message, Job)]
    assert intervals == pytest.approx([seconds] * workers)


def test_the_file_is_synchronised_after_the_last_write(
    file: SweepFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in ("write", "sync"):
        function = getattr(file, name)
        monkeypatch.setattr(
            file, name, lambda *a, name=name, call=function: (calls.append(name), call(*a))[1]
        )
    run_points(file, SPEC.grid, evaluate, Crew())
    assert calls[-2:] == ["write", "sync"]


def test_many_bytes_do_not_wait(file: SweepFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five numbers of eight bytes a point: with room for 100 bytes every third is written."""
    sizes: list[int] = []
    write = file.write

    def writing(blocks: list[Block]) -> None:
        sizes.append(sum(len(each.points) for each in blocks))
        write(blocks)

    monkeypatch.setattr(file, "write", writing)
    monkeypatch.setattr(manager.time, "perf_counter", lambda: 0.0)
    monkeypatch.setattr(manager, "_FLUSH_BYTES", 100.0)
    crew = Crew(1)
    crew.answer = lambda worker, batch: [
        Report(block([p]), batch_done=p == batch.points[-1]) for p in batch.points.tolist()
    ]
    run_points(file, SPEC.grid, evaluate, crew)
    assert sizes == [3] * 10


def test_the_first_point_is_done_before_other_workers_get_one(file: SweepFile) -> None:
    """It compiles what is to be compiled."""
    crew = Crew(workers=3)
    receive, asked = crew.receive, list[int]()

    def receiving(timeout: float) -> list[tuple[int, Report]]:
        asked.append(len(crew.batches()))
        return receive(timeout)

    crew.receive = receiving  # type: ignore[method-assign]
    run_points(file, SPEC.grid, evaluate, crew, layer_parameters=("a",))
    workers = [worker for worker, _ in crew.batches()]
    # Worker 0 has one batch at hand and one waiting before it has answered.
    assert asked[0] == 2
    assert workers[:2] == [0, 0]
    assert len(crew.batches()[0][1]) == 1
    assert set(workers) == {0, 1, 2}


def test_the_estimate_leaves_the_first_point_out(file: SweepFile) -> None:
    """The first one compiles for 100 s, all others take 2 s: 30 of them on two workers."""
    crew, said = Crew(), list[str]()
    crew.answer = lambda worker, batch: [
        Report(
            block([p], 100.0 if len(crew.batches()) == 1 and p == batch.points[0] else 2.0),
            batch_done=p == batch.points[-1],
        )
        for p in batch.points.tolist()
    ]
    run_points(file, SPEC.grid, evaluate, crew, tell=said.append)
    assert said == ["a point takes 2e+03 ms: about 30 s in all, by 2 workers"]
    alone = list[str]()
    file.write([block([0], failed=(0,))])
    run_points(file, SPEC.grid, evaluate, Crew(1), retry_failed=True, tell=alone.append)
    assert alone == ["29 points are known, 1 to compute"]


def test_progress_and_schedule_hear_of_every_point(
    file: SweepFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, learnt = [], []

    class Counting(manager.Progress):
        def add(self, finished: int, failed: int) -> None:
            counted.append((finished, failed))

    class Learning(manager.Schedule):
        def learn(self, worker: int, points: int, seconds: float) -> None:
            learnt.append((points, seconds))
            super().learn(worker, points, seconds)

    monkeypatch.setattr(manager, "Progress", Counting)
    monkeypatch.setattr(manager, "Schedule", Learning)
    crew = Crew(1)
    crew.answer = lambda worker, batch: [
        Report(block(batch.points.tolist(), 1e-3, failed=(4, 20, 21)), batch_done=True)
    ]
    outcome = run_points(file, SPEC.grid, evaluate, crew)
    assert np.sum(counted, axis=0).tolist() == [30, 3]
    assert max(points for points, _ in learnt) > 1
    for points, seconds in learnt:
        assert seconds == pytest.approx(1e-3 * points)
    assert (outcome.done, outcome.failed) == (27, 3)


@pytest.mark.parametrize("flushed", [True, False])
def test_points_wait_half_a_second_for_company(
    file: SweepFile, monkeypatch: pytest.MonkeyPatch, flushed: bool
) -> None:
    written: list[int] = []
    write = file.write

    def writing(blocks: list[Block]) -> None:
        written.append(sum(len(each.points) for each in blocks))
        write(blocks)

    monkeypatch.setattr(file, "write", writing)
    now = [0.0]
    monkeypatch.setattr(manager.time, "perf_counter", lambda: now[0])
    crew = Crew(1)

    def answer(worker: int, batch: Batch) -> list[Report]:
        now[0] += 0.51 if flushed else 1e-3
        return [Report(block(batch.points.tolist(), 1e3), batch_done=True)]

    crew.answer = answer
    run_points(file, SPEC.grid, evaluate, crew)
    assert sum(written) == 30
    assert len(written) > 10 if flushed else written == [30]


def test_points_in_flight_are_kept_when_the_time_is_up(file: SweepFile) -> None:
    stop, crew = StopRequest(), Crew(1)

    def answer(worker: int, batch: Batch) -> list[Report]:
        if len(crew.batches()) == 3:
            stop.deadline = 0.0
        return [Report(block(batch.points.tolist()), batch_done=True)]

    crew.answer = answer
    outcome = run_points(file, SPEC.grid, evaluate, crew, stop=stop)
    sent = sum(len(points) for _, points in crew.batches())
    assert outcome.stopped == "time limit"
    assert outcome.computed == outcome.done == sent < 30
    assert outcome.missing == 30 - sent
    assert np.count_nonzero(file.status()) == sent


def test_a_signal_to_a_worker_stops_all(file: SweepFile) -> None:
    crew = Crew(2)
    crew.answer = lambda worker, batch: [
        Report(block(batch.points.tolist()), batch_done=True, stop_asked=worker == 1)
    ]
    outcome = run_points(file, SPEC.grid, evaluate, crew)
    assert outcome.stopped == "signal to a worker"
    assert 0 < outcome.missing < 30


def test_whoever_does_not_leave_is_given_up(
    file: SweepFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Points that come meanwhile are kept, those of a stuck worker are missing."""
    now = [0.0]
    monkeypatch.setattr(manager.time, "monotonic", lambda: now[0])
    crew = Crew(2)
    receive, sends = crew.receive, crew.send

    def waiting(timeout: float) -> list[tuple[int, Report]]:
        now[0] += 0.1
        return receive(timeout)

    def send(worker: int, message: Any) -> None:
        if not (worker == 1 and isinstance(message, Stop)):
            sends(worker, message)

    def answer(worker: int, batch: Batch) -> list[Report]:
        return [] if worker == 1 else [Report(block(batch.points.tolist()), batch_done=True)]

    monkeypatch.setattr(crew, "receive", waiting)
    monkeypatch.setattr(crew, "send", send)
    crew.answer = answer
    outcome = run_points(file, SPEC.grid, evaluate, crew, stop=StopRequest(deadline=1.0))
    stuck = sum(len(points) for worker, points in crew.batches() if worker == 1)
    assert outcome.missing >= stuck > 0
    assert 10.0 < now[0] < 13.0
    assert crew.closed == 1


def test_everything_is_stored_when_the_crew_breaks(file: SweepFile) -> None:
    crew, seen = Crew(1), list[int]()

    def answer(worker: int, batch: Batch) -> list[Report]:
        if len(crew.batches()) == 4:
            raise RuntimeError("a worker died")
        seen.extend(batch.points.tolist())
        return [Report(block(batch.points.tolist()), batch_done=True)]

    crew.answer = answer
    with pytest.raises(RuntimeError, match="a worker died"):
        run_points(file, SPEC.grid, evaluate, crew)
    received = set(seen) - {p for _, r in crew.answers if r.block for p in r.block.points.tolist()}
    assert set(np.flatnonzero(file.status()).tolist()) == received != set()
    assert crew.closed == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signals_ask_and_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    request = StopRequest()
    with stop_on_signals(request):
        assert not request
        signal.raise_signal(number)
        assert request
        assert request.reason == number.name
        signal.raise_signal(signal.SIGTERM)  # the first reason stays
        assert request.reason == number.name
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(number) is before


def test_the_deadline_gives_a_reason_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager.time, "monotonic", lambda: 5.0)
    assert not StopRequest()
    assert not StopRequest(deadline=5.1)
    late, told = StopRequest(deadline=5.0), StopRequest("SIGTERM", 1.0)
    assert late
    assert late.reason == "time limit"
    assert told
    assert told.reason == "SIGTERM"
