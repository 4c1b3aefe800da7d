"""Times and rates in words."""

from __future__ import annotations

import pytest

from torkivity_hpc.running import progress
from torkivity_hpc.running.progress import Progress, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.0123, "0.012 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (99.4, "99 s"),
        (99.6, "2 min"),
        (150.1, "3 min"),
        (5969.0, "99 min"),
        (6000.0, "1 h 40 min"),
        (3600.0 * 7 + 60.0 * 5, "7 h 05 min"),
        (3600.0 * 47 + 60.0 * 59, "47 h 59 min"),
        (3600.0 * 48, "2.0 days"),
        (3600.0 * 24 * 9.5, "9.5 days"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Clock:
    """In the place of the module `time`."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def perf_counter(self) -> float:
        return self.now


def test_lines_of_a_sweep_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time left follows from the last minutes, not from the whole run."""
    clock, said = Clock(), list[str]()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: False, raising=False)
    # 1000 points, 200 of them known from before.
    told = Progress(1000, 200, said.append)
    clock.now += 9.0
    told.add(90, 0)
    assert said == []
    clock.now += 1.0
    told.add(10, 0)  # 100 points in 10 s, 700 left
    assert said == ["300 of 1000 points (30.0 %), 10 points/s, 70 s left"]
    clock.now += 10.0
    told.add(50, 3)  # 150 in 20 s, 650 left
    assert said[1:] == ["350 of 1000 points (35.0 %), 7.5 points/s, 87 s left, 3 failed"]
    assert told.rate == pytest.approx(7.5)
    # Sixty lines later the first, slow ones are forgotten.
    for _ in range(60):
        clock.now += 10.0
        told.add(10, 0)
    assert said[-1] == "950 of 1000 points (95.0 %), 1 points/s, 50 s left, 3 failed"


def test_a_standstill_is_no_division_by_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, said = Clock(), list[str]()
    monkeypatch.setattr(progress, "time", clock)
    told = Progress(10, 0, said.append)
    clock.now += 100.0
    told.add(0, 0)
    assert said == ["0 of 10 points (0.0 %), 0 points/s, unknown time left"]


@pytest.mark.parametrize(("terminal", "seconds"), [(True, 2.0), (False, 10.0)])
def test_a_terminal_is_told_more_often(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, seconds: float
) -> None:
    clock, said = Clock(), list[str]()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: terminal, raising=False)
    told = Progress(100, 0, said.append)
    clock.now += seconds - 0.01
    told.add(1, 0)
    assert said == []
    clock.now += 0.02
    told.add(1, 0)
    assert len(said) == 1
