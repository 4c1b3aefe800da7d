"""What a worker says about each point, and when it leaves."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from sweep_jobs import dimension, evaluate, spec
from torkivity_hpc.files.rows import Block
from torkivity_hpc.files.store import STATUS
from torkivity_hpc.grid import Value
from torkivity_hpc.running import worker
from torkivity_hpc.running.worker import Batch, Job, Report, Stop, work

SPEC = spec(dimension("a", 4), dimension("b", 5))


class Clock:
    """In the place of the module `time`: points advance it."""

    now = 50.0

    def perf_counter(self) -> float:
        return self.now

    def time(self) -> float:
        return 1e9 + self.now


class Channel:
    """A manager that has written its letters beforehand."""

    rank = 7

    def __init__(self, *messages: Any) -> None:
        self.inbox = deque(messages)
        self.sent: list[Report] = []

    def receive(self) -> Any:
        return self.inbox.popleft()

    def pending(self) -> bool:
        return False

    def send(self, message: Report) -> None:
        self.sent.append(message)

    @property
    def blocks(self) -> Iterator[Block]:
        return (report.block for report in self.sent if report.block is not None)


def job(clock: Clock, send_interval: float = 1e-2) -> Job:
    """Point number n takes (n + 1) seconds of the clock."""

    def timed(values: Mapping[str, Value]) -> Mapping[str, ArrayLike]:
        number = 5 * float(values["a"]) + float(values["b"])
        clock.now += number + 1.0
        return evaluate(values)

    return Job(timed, SPEC.grid, SPEC.layout(), send_interval)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(worker, "time", clock)
    return clock


@pytest.mark.parametrize("send_interval", [0.0, 12.0, 1e9])
def test_every_number_belongs_to_its_point(clock: Clock, send_interval: float) -> None:
    """However points travel together: values, times, who, and why not."""
    points = [17, 2, 8, 11, 0]
    channel = Channel(
        job(clock, send_interval), Batch(np.array(points[:3])), Batch(np.array(points[3:])), Stop()
    )
    work(channel, lambda: False)
    blocks = list(channel.blocks)
    if send_interval == 0.0:
        assert [len(block.points) for block in blocks] == [1] * 5
    join = lambda name: np.concatenate([getattr(block, name) for block in blocks])  # noqa: E731
    np.testing.assert_array_equal(join("points"), points)
    np.testing.assert_allclose(join("seconds"), np.array(points) + 1.0)
    np.testing.assert_allclose(join("finished"), 1e9 + 50.0 + np.cumsum(np.array(points) + 1.0))
    assert (join("rank") == 7).all()
    failed = np.array(points) % 5 == 3  # b = 3
    np.testing.assert_array_equal(
        join("status"), np.where(failed, STATUS["failed"], STATUS["done"])
    )
    for point, row in zip(points, join("rows"), strict=True):
        a, b = divmod(point, 5)
        expected = [a, b, np.sin(a * b), a * b, float(a > b)] if b != 3 else [np.nan] * 5
        np.testing.assert_array_equal(row, expected)
    messages = {p: text for block in blocks for p, text in block.messages.items()}
    assert messages == {8: "no film has b = 3"}
    assert [report.batch_done for report in channel.sent].count(True) == 2
    assert channel.sent[-1] == Report(None, leaving=True)


def test_the_first_point_is_sent_at_once_and_others_wait(clock: Clock) -> None:
    """Somebody waits for the first one; many small messages would drown the manager."""
    channel = Channel(job(clock, 6.5), Batch(np.arange(6)), Stop())
    work(channel, lambda: False)
    # Finished 1, 3, 6, 10, 15, 21 s after the start; sent after 1, 10, 21 s.
    assert [block.points.tolist() for block in channel.blocks] == [[0], [1, 2, 3], [4, 5]]


def test_stop_takes_effect_after_the_point_at_hand(clock: Clock) -> None:
    channel = Channel(job(clock), Batch(np.arange(20)))
    channel.pending = lambda: bool(channel.inbox)  # type: ignore[method-assign]
    channel.inbox.append(Batch(np.array([19])))
    channel.inbox.append(Stop())
    work(channel, lambda: False)
    (report,) = channel.sent
    assert report.block is not None
    assert report.block.points.tolist() == [0]
    assert report.leaving
    assert not report.batch_done


def test_batches_that_wait_are_worked_off_in_order(clock: Clock) -> None:
    """Letters that arrive while points are computed are kept, and none is read twice."""
    channel = Channel(job(clock), Batch(np.array([4, 5])), Batch(np.array([1])))
    channel.inbox.append(Batch(np.array([6])))
    # All that waits is fetched after the first point; then comes the request to leave.
    waiting = iter([True, True, False])
    channel.pending = lambda: next(waiting, False)  # type: ignore[method-assign]
    channel.receive = lambda: channel.inbox.popleft() if channel.inbox else Stop()  # type: ignore[method-assign]
    work(channel, lambda: False)
    done = [p for block in channel.blocks for p in block.points.tolist()]
    assert done == [4, 5, 1, 6]
    assert [report.batch_done for report in channel.sent].count(True) == 3


def test_a_signal_is_told_once(clock: Clock) -> None:
    channel = Channel(job(clock), Batch(np.arange(4)), Stop())
    work(channel, lambda: clock.now > 52.0)
    assert [report.stop_asked for report in channel.sent].count(True) == 1
    assert not channel.sent[0].stop_asked
    assert channel.sent[1].stop_asked


@pytest.mark.parametrize("error", [ArithmeticError, ValueError, MemoryError])
def test_points_fail_with_the_name_of_an_error_that_says_nothing(
    clock: Clock, error: type[Exception]
) -> None:
    def fail(values: object) -> Mapping[str, ArrayLike]:
        raise error

    channel = Channel(Job(fail, SPEC.grid, SPEC.layout()), Batch(np.array([3])), Stop())
    work(channel, lambda: False)
    assert [block.messages for block in channel.blocks] == [{3: error.__name__}]


def test_a_record_that_breaks_off_leaves_no_half_row(clock: Clock) -> None:
    def half(values: object) -> Mapping[str, ArrayLike]:
        return {"torque": [1.0, 2.0, 3.0], "product": [1.0, 2.0], "flag": 0.0}

    channel = Channel(Job(half, SPEC.grid, SPEC.layout()), Batch(np.array([3])), Stop())
    work(channel, lambda: False)
    (block,) = channel.blocks
    assert np.isnan(block.rows).all()
    assert block.messages == {3: "product has shape (2,), not ()"}
