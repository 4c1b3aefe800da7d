"""Rate and time left are those of the times in the file."""

from __future__ import annotations

import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from sweep_jobs import dimension, spec
from torkivity.study import status as module
from torkivity.study.status import describe_status
from torkivity_hpc.files.sweepfile import create_sweep

NOW = 1.7e9


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "a.h5"
    create_sweep(path, spec(dimension("a", 1000)))
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert module.time is time
    return path


def fill(path: Path, finished: np.ndarray) -> None:
    """Points that were finished at these times, each after half a second's work."""
    with h5py.File(path, "a") as file:
        file["finished"][: len(finished)] = finished
        file["seconds"][: len(finished)] = 0.5
        file["status"][: len(finished)] = 1


def test_a_steady_sweep(path: Path) -> None:
    """Four points a second until now: 600 missing ones take 150 s."""
    fill(path, NOW - 0.25 * np.arange(400)[::-1])
    text, missing = describe_status(path)
    assert missing == 600
    assert "a point takes 500 ms (median)" in text
    assert "latest point 0 s ago, 4 points/s before it" in text
    assert "about 2 min left at this rate" in text


def test_the_rate_is_that_of_the_last_minutes(path: Path) -> None:
    """Before a pause of an hour it was a hundred times as fast."""
    early = NOW - 4000.0 + 0.01 * np.arange(300)
    late = NOW - 100.0 + np.arange(101)
    fill(path, np.concatenate([early, late]))
    text, missing = describe_status(path)
    assert missing == 599
    assert ", 1 points/s before it" in text
    assert "about 10 min left at this rate" in text


def test_nobody_at_work_foretells_nothing(path: Path) -> None:
    fill(path, NOW - 7200.0 + np.arange(10))
    text, _ = describe_status(path)
    assert "latest point 2 h 00 min ago, 1 points/s before it" in text
    assert "left at this rate" not in text


def test_all_done(path: Path) -> None:
    fill(path, NOW - np.arange(1000)[::-1])
    text, missing = describe_status(path)
    assert missing == 0
    assert "left" not in text
    assert "missing:" not in text
