"""Signals to a sweep without MPI: each ends it in good order, and is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

import sweep_jobs
from torkivity_hpc.running.manager import StopRequest, stop_on_signals

NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP]


@pytest.fixture(autouse=True)
def _unignored() -> Iterator[None]:
    """Whatever the tests were started under."""
    saved = {number: signal.signal(number, signal.SIG_DFL) for number in NUMBERS}
    yield
    for number, handler in saved.items():
        signal.signal(number, handler)


def done(path: Path) -> int:
    with h5py.File(path, "r", locking=False) as file:
        return int(np.count_nonzero(file["status"][...]))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_sweep_ends_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "a.h5"
    process = subprocess.Popen(
        [sys.executable, sweep_jobs.__file__, str(path), "--evaluate", "paced",
         "--shape", "400", "400"],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        while process.poll() is None and not (path.exists() and done(path)):
            time.sleep(0.01)
        before = done(path)
        os.killpg(process.pid, number)  # the terminal and batch systems signal the whole group
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out.strip()) == (3, number.name)
    assert before <= done(path) < 400 * 400
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_ignored_stays_so(number: signal.Signals) -> None:
    """As nohup has it for SIGHUP, and a shell for Ctrl-C in the background."""
    request = StopRequest()
    with stop_on_signals(request):
        os.kill(os.getpid(), number)
        assert request.reason == number.name
    request = StopRequest()
    signal.signal(number, signal.SIG_IGN)
    with stop_on_signals(request):
        os.kill(os.getpid(), number)
        assert request.reason == ""
    assert signal.getsignal(number) is signal.SIG_IGN


def test_the_first_reason_counts() -> None:
    request = StopRequest()
    with stop_on_signals(request):
        for number in (signal.SIGTERM, signal.SIGUSR1):
            os.kill(os.getpid(), number)
        assert request.reason == "SIGTERM"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
