"""The job scripts under bash, with a stand-in srun that calls mpiexec."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from torkivity_hpc.running.launcher import find_mpiexec

SCRIPTS = Path(__file__).resolve().parents[2] / "hpc" / "slurm"
MPIEXEC = find_mpiexec()

pytestmark = [
    pytest.mark.skipif(
        MPIEXEC is None
        or importlib.util.find_spec("mpi4py") is None
        or shutil.which("bash") is None,
        reason="no mpiexec or no mpi4py: pip install '.[mpi]' brings both",
    ),
]

FILM = """
[heavy_metal]
thickness = 5.0
mean_free_path = 2.0
spin_flip_length = 20.0
[interface]
barrier = 0.4
exchange = 0.2
rashba = 0.1
[ferromagnet]
thickness = 5.0
mean_free_path_majority = 10.0
mean_free_path_minority = 5.0
spin_flip_length = 100.0
precession_length = 1.5
[mesh]
n_polar = 2
n_azimuth = 4
[sweep.axes]
interface.exchange = { linspace = [0.1, 0.4, NUMBER] }
interface.rashba = { linspace = [0.0, 0.4, 20] }
"""


def prepare(folder: Path, number: int) -> dict[str, str]:
    """Configuration and stand-ins; the environment of a job."""
    (folder / "film.toml").write_text(FILM.replace("NUMBER", str(number)))
    programs = folder / "bin"
    programs.mkdir()
    for name, body in {
        "srun": f'exec "{MPIEXEC}" -n 2 "$@"',
        "torkivity": f'exec "{sys.executable}" -m torkivity "$@"',
        "scontrol": f'echo "$@" >> "{folder}/scontrol.log"',
    }.items():
        (programs / name).write_text(f"#!/bin/bash\n{body}\n")
        (programs / name).chmod(0o755)
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "SLURM_JOB_ID": "4711"}


def test_single_job(tmp_path: Path) -> None:
    environment = prepare(tmp_path, 2000)
    command = ["bash", str(SCRIPTS / "sweep.sbatch"), "film.toml", "sweep.h5"]
    output = tmp_path / "sweep.h5"

    def job() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    first = job()
    wait_for_more(first, output, 0)
    # As --signal=B:USR1 does: to the script alone.
    os.kill(first.pid, signal.SIGUSR1)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 3, out
    assert "incomplete: queued again" in out
    assert (tmp_path / "scontrol.log").read_text() == "requeue 4711\n"
    known = points(output)
    assert 0 < known < 40_000
    (tmp_path / "film.toml").write_text(FILM.replace("NUMBER", "2000"))
    # The second job would take a minute: it is enough that it goes on from there.
    second = job()
    wait_for_more(second, output, known)
    os.kill(second.pid, signal.SIGUSR1)
    assert second.wait(60) == 3
    second.communicate()
    assert points(output) > known


def wait_for_more(job: subprocess.Popen[str], path: Path, known: int) -> None:
    """Until a job has stored more points than there were."""
    deadline = time.monotonic() + 60.0
    while job.poll() is None and points(path) == known:
        if time.monotonic() > deadline:
            os.killpg(job.pid, signal.SIGKILL)
        time.sleep(0.05)
    assert job.poll() is None, job.communicate()


def points(path: Path) -> int:
    if not path.exists():
        return 0
    with h5py.File(path) as file:
        return int(np.count_nonzero(file["status"][...] == 1))


def test_array_task_to_its_end(tmp_path: Path) -> None:
    environment = {**prepare(tmp_path, 2), "SLURM_ARRAY_TASK_ID": "1"}
    result = subprocess.run(
        ["bash", str(SCRIPTS / "array.sbatch"), "other.toml", "film.toml"],
        cwd=tmp_path, env=environment, text=True, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert points(tmp_path / "film.h5") == 40
    assert not (tmp_path / "scontrol.log").exists()
