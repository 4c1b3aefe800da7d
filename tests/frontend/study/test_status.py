"""`torkivity status` from files whose times are known."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from sweep_jobs import dimension, spec
from torkivity.study import status as module
from torkivity.study.status import describe_status
from torkivity_hpc.files.rows import Block
from torkivity_hpc.files.store import STATUS
from torkivity_hpc.files.sweepfile import SweepFile, create_sweep

SPEC = spec(dimension("a", 10), dimension("b", 30))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("a.h5")
    create_sweep(path, SPEC)
    return path


def store(
    path: Path,
    finished: np.ndarray,
    seconds: np.ndarray | float = 0.5,
    failed: dict[int, str] | None = None,
) -> None:
    """Points 0, 1, ... with the times at which they were finished."""
    failed = failed or {}
    count = len(finished)
    status = [STATUS["failed" if p in failed else "done"] for p in range(count)]
    with SweepFile(path, SPEC.layout(), SPEC.grid.size) as file:
        file.write(
            [
                Block(
                    points=np.arange(count),
                    status=np.array(status, dtype=np.int8),
                    rows=np.zeros((count, 5)),
                    seconds=np.broadcast_to(seconds, (count,)).astype(np.float64),
                    finished=finished,
                    rank=np.zeros(count, dtype=np.int32),
                    messages=failed,
                )
            ]
        )


def at(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    monkeypatch.setattr(module.time, "time", lambda: now)


def test_rate_of_the_last_two_minutes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 slow points long ago, then 41 at four per second: 159 are left at that rate."""
    slow = 1e9 + 60.0 * np.arange(100)
    late = slow[-1] + 1000.0 + 0.25 * np.arange(41)
    store(path, np.concatenate([slow, late]), np.repeat([2.0, 0.25, 70.0], [50, 46, 45]))
    at(monkeypatch, late[-1] + 5.0)
    text, missing = describe_status(path)
    assert missing == 159
    assert text.splitlines() == [
        "a.h5: 300 points over a (10) x b (30)",
        "  done 141 (47.0 %), failed 0, missing 159",
        "  a point takes 2e+03 ms (median)",
        "  latest point 5 s ago, 4 points/s before it",
        "  about 40 s left at this rate",
        "  missing:",
        "    a: 5 of 10 values wholly, 1 partly (4, 5, 6, 7, 8, 9)",
        "    b: 0 of 30 values wholly, 30 partly (0, 1, 2, 3, 4, 5, ...)",
    ]


def test_points_out_of_order_have_the_same_rate(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = 1e9 + 10.0 * np.random.default_rng(3).permutation(11)
    store(path, times)
    at(monkeypatch, 1e9 + 100.0)
    assert "latest point 0 s ago, 0.1 points/s before it" in describe_status(path)[0]


@pytest.mark.parametrize(("ago", "left"), [(29.9, True), (30.1, False)])
def test_nothing_is_foretold_of_a_sweep_that_nobody_computes(
    path: Path, monkeypatch: pytest.MonkeyPatch, ago: float, left: bool
) -> None:
    store(path, 1e9 + np.arange(5.0))
    at(monkeypatch, 1e9 + 4.0 + ago)
    assert ("left at this rate" in describe_status(path)[0]) == left


def test_the_edge_of_the_two_minutes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(path, 1e9 + np.array([0.0, 119.0, 239.0, 239.0]))
    at(monkeypatch, 1e9 + 239.0)
    # 119 s is 120 s before the latest and counts, 0 s does not: two intervals in 120 s.
    assert "0.0167 points/s" in describe_status(path)[0]


def test_failed_points_are_not_done(path: Path) -> None:
    store(path, np.full(60, 1e9), failed={1: "odd", 2: "odd", 3: "odd"})
    assert "  done 57 (19.0 %), failed 3, missing 240\n" in describe_status(path)[0]


def test_a_single_point_has_no_rate(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(path, np.array([1e9]))
    at(monkeypatch, 1e9 - 3.0)  # clocks of two machines
    text, _ = describe_status(path)
    assert "latest point 0 s ago\n" in text
    assert "points/s" not in text


def test_an_empty_file_tells_no_times(path: Path) -> None:
    text, missing = describe_status(path)
    assert missing == 300
    assert text.splitlines()[1:3] == ["  done 0 (0.0 %), failed 0, missing 300", "  missing:"]
    assert "    a: 10 of 10 values wholly, 0 partly (0, 1, 2, 3, 4, 5, ...)" in text


def test_failures_are_counted_by_their_reason(path: Path) -> None:
    store(path, np.full(300, 1e9), failed={35: "slow", 47: "odd", 61: "slow", 299: "slow"})
    text, missing = describe_status(path)
    assert missing == 0
    assert "missing:" not in text
    assert text.splitlines()[-3:] == [
        "  failed:",
        "    3 x slow (first at a = 1, b = 5)",
        "    1 x odd (first at a = 1, b = 17)",
    ]
    with h5py.File(path, "r+") as file:
        file["message"][1, 17] = -1
    assert "1 x no message (first at a = 1, b = 17)" in describe_status(path)[0]
