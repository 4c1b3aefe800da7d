"""Launchers: which are recognised, and which do not fit the MPI library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from torkivity_engine.errors import InputError
from torkivity_hpc.running.launcher import Launch, detect_launch, find_mpiexec, start_mpi

_NAMES = ("PMI_", "PMIX_", "OMPI_", "MV2_", "SLURM_")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"PMI_RANK": "1", "PMI_SIZE": "4"}, Launch(4, 1)),
        ({"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "3"}, Launch(3, 2)),
        ({"PMIX_RANK": "5"}, Launch(None, 5)),
        ({"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "7"}, Launch(8, 7)),
        # mpiexec inside a step of one task, and the reverse: the larger number is the job's.
        ({"PMI_RANK": "1", "PMI_SIZE": "4", "SLURM_STEP_NUM_TASKS": "1"}, Launch(4, 1)),
        ({"PMI_SIZE": "1", "SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "7"}, Launch(8, 7)),
        # A batch script itself is not a step.
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, None),
        ({"PMI_SIZE": "nonsense"}, None),
    ],
)
def test_detection(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: Launch | None
) -> None:
    for name in list(os.environ):
        if name.startswith(_NAMES):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert detect_launch() == expected


def test_single_process_needs_no_mpi() -> None:
    assert start_mpi(Launch(1, 0)) is None


def test_without_mpi4py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(
        InputError, match=r"mpi4py is not installed: pip install 'torkivity\[mpi\]'"
    ):
        start_mpi(Launch(2, 0))


def test_the_environments_own_mpiexec_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "site"))
    assert find_mpiexec() is None
    for folder in ("site", "bin"):
        launcher = tmp_path / folder / "mpiexec"
        launcher.parent.mkdir()
        launcher.write_text("#!/bin/sh\n")
        launcher.chmod(0o755)
        assert find_mpiexec() == str(launcher)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PMIX_RANK": "{rank}", "PMIX_NAMESPACE": "x"}, "does not speak PMIx"),
        (
            {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "{rank}", "PMIX_RANK": "{rank}"},
            "does not speak PMIx",
        ),
        ({"PMI_SIZE": "2", "PMI_RANK": "{rank}", "PMIX_NAMESPACE": "x"}, "unset it"),
        ({"PMI_SIZE": "2", "PMI_RANK": "{rank}", "PMI_FD": "77"}, "no launcher at PMI_FD=77"),
    ],
)
def test_what_mpich_would_abort_on(environment: dict[str, str], expected: str) -> None:
    """One line from rank 0, and nothing from the library."""
    mpi4py = pytest.importorskip("mpi4py", reason="no mpi4py: pip install '.[mpi]' brings it")
    script = "from mpi4py import MPI; print(MPI.get_vendor()[0], MPI.Get_library_version())"
    asked = [sys.executable, "-c", f"import mpi4py; mpi4py.rc.initialize = False; {script}"]
    library = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    if not library.startswith("MPICH") or "pmix" in library.lower():
        pytest.skip(f"{mpi4py.__name__} uses another library than MPICH without PMIx")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_NAMES)}
    for rank in "01":
        given = {k: v.format(rank=rank) for k, v in environment.items()}
        result = subprocess.run(
            [sys.executable, "-m", "torkivity", "sweep", "no.toml"],
            capture_output=True, text=True, check=False, env=kept | given,
        )  # fmt: skip
        assert result.returncode == 2, result.stderr
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        assert len(lines) == (1 if rank == "0" else 0)
        assert all(expected in line for line in lines)
