"""Sweeps under a real mpiexec: same bits for any number of ranks, clean ends of all kinds."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

import sweep_jobs
from called import call
from torkivity_hpc.running.launcher import find_mpiexec

JOBS = Path(sweep_jobs.__file__)


MPIEXEC = find_mpiexec()
pytestmark = [
    pytest.mark.skipif(MPIEXEC is None, reason="no mpiexec: pip install '.[mpi]' brings one"),
    pytest.mark.skipif(
        importlib.util.find_spec("mpi4py") is None,
        reason="no mpi4py: pip install '.[mpi]' brings it",
    ),
]


def start(
    *arguments: str | Path,
    ranks: int = 2,
    program: Sequence[str] = (str(JOBS),),
    **environment: str,
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(MPIEXEC), "-n", str(ranks), sys.executable, *program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], seconds: float = 60.0) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return process.returncode, out, err


def run(*arguments: str | Path, ranks: int = 2, **environment: str) -> tuple[int, str, str]:
    return finish(start(*arguments, ranks=ranks, **environment))


def torkivity(*arguments: str | Path, ranks: int) -> tuple[int, str, str]:
    """The command line on so many ranks; one is this process, without a launcher."""
    if ranks == 1:
        return call(*arguments)
    return finish(start(*arguments, ranks=ranks, program=("-m", "torkivity")))


def contents(path: Path) -> dict[str, bytes]:
    with h5py.File(path) as file:
        return {
            # Names of models and interfaces are objects, whose bytes are addresses.
            name: b"\0".join(values) if values.dtype == object else values.tobytes()
            for name, values in ((name, np.asarray(file[name][...])) for name in file)
            if name not in ("seconds", "finished", "rank")
        }


def wait_for_points(path: Path, process: subprocess.Popen[str]) -> int:
    deadline = time.monotonic() + 60.0
    while process.poll() is None and time.monotonic() < deadline:
        if path.exists():
            with h5py.File(path) as file:
                count = int(np.count_nonzero(file["status"][...]))
            if count:
                return count
        time.sleep(0.01)
    process.kill()
    raise AssertionError(process.communicate())


FILM = """
[heavy_metal]
thickness = 5.0
mean_free_path = 2.0
spin_flip_length = 20.0
spin_hall_angle = 0.06
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
n_polar = 4
n_azimuth = 8
[sweep]
models = ["boltzmann", "drift_diffusion"]
[sweep.axes]
heavy_metal.thickness = [1.0, 3.0, 9.0]
interface.exchange = { linspace = [0.1, 0.4, 8] }
film.magnetization_angles_deg.theta = { linspace = [0.0, 90.0, 10] }
[converge]
n_polar = [4, 8, 16]
n_azimuth = [4, 8, 16]
tolerance = 0.05
"""


def test_same_bits_for_any_number_of_ranks(tmp_path: Path) -> None:
    """The real thing: layers in several processes, small matrices, three layers' caches."""
    (tmp_path / "film.toml").write_text(FILM)
    files = []
    for ranks in (1, 2, 3):
        files.append(tmp_path / f"{ranks}.h5")
        code, _, err = torkivity("sweep", tmp_path / "film.toml", "-o", files[-1], ranks=ranks)
        assert code == 0, err
        with h5py.File(files[-1]) as file:
            assert set(np.unique(file["rank"][...])) == set(range(ranks))
    expected = contents(files[0])
    for path in files[1:]:
        assert contents(path) == expected
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["1.h5", "2.h5", "3.h5", "film.toml"]


def test_same_bits_where_a_tolerance_chooses_the_mesh(tmp_path: Path) -> None:
    """Meshes are found by whoever meets a tile first, and are the same whoever that is."""
    text = FILM.replace("n_polar = 4\nn_azimuth = 8", "rtol = 2e-2")
    text = text.replace("0.4, 8] }", "0.4, 2] }").replace("90.0, 10] }", "90.0, 3] }")
    (tmp_path / "film.toml").write_text(text)
    for ranks in (1, 2):
        path = tmp_path / f"{ranks}.h5"
        code, _, err = torkivity("sweep", tmp_path / "film.toml", "-o", path, ranks=ranks)
        assert code == 0, err
        with h5py.File(path) as file:
            assert file["mesh_error"][...].max() <= 2e-2
            assert set(np.unique(file["rank"][...])) == set(range(ranks))
    assert contents(tmp_path / "1.h5") == contents(tmp_path / "2.h5")


def test_convergence_study_on_ranks(tmp_path: Path) -> None:
    """Table, figure and file appear once, and are those of one process."""
    (tmp_path / "film.toml").write_text(FILM)
    tables = []
    for ranks in (1, 2):
        path = tmp_path / f"{ranks}.h5"
        code, out, err = torkivity("converge", tmp_path / "film.toml", "-o", path, ranks=ranks)
        assert code == 0, err
        tables.append(out.partition("\nwrote")[0])
        assert path.with_suffix(".png").stat().st_size > 1000
    assert tables[0] == tables[1]
    assert tables[0].count("coarsest mesh") == 1
    assert contents(tmp_path / "1.h5") == contents(tmp_path / "2.h5")


def test_large_messages_both_ways(tmp_path: Path) -> None:
    """Instant points make the largest batches; both sides then send at once."""
    code, _, err = run(tmp_path / "a.h5", "--shape", "300", "300", ranks=3)
    assert code == 0, err
    with h5py.File(tmp_path / "a.h5") as file:
        assert np.count_nonzero(file["status"][...]) == 90_000


def test_time_limit_and_resume(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.h5", tmp_path / "a.h5"
    run(whole, "--shape", "40", "60", ranks=1)
    code, out, err = run(path, "--evaluate", "paced", "--time-limit", "2", "--shape", "40", "60")
    assert (code, out.strip()) == (3, "time limit"), err
    code, _, err = run(path, "--shape", "40", "60", ranks=3)
    assert code == 0, err
    assert contents(path) == contents(whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP])
def test_signals_to_every_rank(tmp_path: Path, number: signal.Signals) -> None:
    """As a batch system sends them; the launcher itself gets none."""
    path = tmp_path / "a.h5"
    process = start(path, "--shape", "400", "400", "--evaluate", "paced")
    before = wait_for_points(path, process)
    # The manager first, so that the reason is its own and not what a worker tells it.
    for pid in _ranks(path):
        os.kill(pid, number)
    code, out, err = finish(process)
    assert (code, out.strip()) == (3, number.name), err
    with h5py.File(path) as file:
        assert np.count_nonzero(file["status"][...]) >= before


def test_signal_to_another_rank_reaches_rank_0(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    process = start(path, "--shape", "400", "400", "--evaluate", "paced")
    wait_for_points(path, process)
    os.kill(_ranks(path)[1], signal.SIGUSR1)
    code, out, err = finish(process)
    assert (code, out.strip()) == (3, "signal to a worker"), err


@pytest.mark.parametrize("rank", ["0", "1"])
def test_an_exception_on_one_rank_ends_all(tmp_path: Path, rank: str) -> None:
    code, _, err = run(tmp_path / "a.h5", "--evaluate", "mistaken", FAIL_ON=rank)
    assert code != 0
    assert "torkivity: error: " in err
    assert "RuntimeError: a mistake in the program" in err
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["status"][...].min() == 0


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_process_that_dies_ends_all(tmp_path: Path, rank: str) -> None:
    code, _, err = run(tmp_path / "a.h5", "--evaluate", "dying", FAIL_ON=rank)
    assert code != 0, err
    assert run(tmp_path / "a.h5")[0] == 0


@pytest.mark.slow
def test_ranks_in_a_long_point_do_not_hold_up_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    process = start(path, "--evaluate", "long_point", "--time-limit", "5", "--shape", "2", "40")
    code, _, _ = finish(process, seconds=45.0)  # the long point takes 60
    assert code == 3
    with h5py.File(path) as file:
        # The rest was stored while somebody sat in a long point, but for what that one had
        # finished in the milliseconds before.
        assert np.count_nonzero(file["status"][...]) >= 75


def test_what_shares_nothing_is_done_once(tmp_path: Path) -> None:
    (tmp_path / "film.toml").write_text(FILM)
    path = tmp_path / "a.h5"
    code, out, err = torkivity("run", tmp_path / "film.toml", "-o", path, "--no-figure", ranks=2)
    assert code == 0, err
    assert err.count("loading numerics") == 1
    assert out.count("total on the magnetization") == 2  # damping-like and field-like
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "film.toml"]


def test_launcher_of_another_library(tmp_path: Path) -> None:
    """It starts processes that each believe to be alone."""
    path = tmp_path / "a.h5"
    results = []
    for rank in ("0", "1"):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PMI")}
        environment |= {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": rank}
        results.append(
            subprocess.run(
                [sys.executable, "-m", "torkivity", "sweep", "no.toml", "-o", str(path)],
                capture_output=True,
                text=True,
                check=False,
                env=environment,
                cwd=tmp_path,
                timeout=60,
            )
        )
    assert [result.returncode for result in results] == [2, 2]
    assert "the launcher belongs to another MPI library" in results[0].stderr
    assert len(results[0].stderr.splitlines()) == 1
    assert results[1].stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_missing_library(tmp_path: Path) -> None:
    result = subprocess.run(
        [str(MPIEXEC), "-n", "2", sys.executable, "-m", "torkivity", "sweep", "no.toml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
        env={**os.environ, "MPI4PY_LIBMPI": str(tmp_path / "no.so")},
    )
    assert result.returncode != 0
    lines = [x for x in result.stderr.splitlines() if x.startswith("torkivity: error")]
    assert len(lines) == 1
    assert "finds no usable MPI library" in lines[0]


def test_second_job_on_the_same_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    process = start(path, "--shape", "100", "100", "--evaluate", "paced")
    wait_for_points(path, process)
    code, _, err = run(path, "--shape", "100", "100")
    assert code != 0
    assert "is being written by process" in err
    os.kill(_ranks(path)[0], signal.SIGTERM)
    assert finish(process)[0] == 3


def _ranks(path: Path) -> list[int]:
    """Process ids of the ranks of the job that writes a file, in order."""
    ranks = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
            if arguments[0] == sys.executable.encode() and str(path).encode() in arguments:
                environment = (entry / "environ").read_bytes().split(b"\0")
                rank = next(x for x in environment if x.startswith(b"PMI_RANK="))
                ranks[int(rank.split(b"=")[1])] = int(entry.name)
    return [ranks[rank] for rank in sorted(ranks)]
