"""What `torkivity selftest` measures: what a machine can get wrong.

Compiled kernels, LAPACK, the kernels kept on disk, HDF5 files and MPI. Each function computes a
number and the same number by another way, and gives the largest difference.
"""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from torkivity.config.sections import RunConfig
from torkivity.config.text import check_config, preset_text, to_toml
from torkivity.study.plan import plan_sweep
from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.film.boundaries import Surface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.scattering import scattering_amplitudes
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.machine.kernels import kernels_are_kept
from torkivity_engine.solution import TorqueNames
from torkivity_engine.solve import solve_boltzmann
from torkivity_hpc.running.crew import ThreadCrew
from torkivity_hpc.running.launcher import detect_launch, find_mpiexec
from torkivity_hpc.running.session import run_plan
from torkivity_meshes import SphericalMesh

__all__ = ["SkippedError"]


#: Seconds that a sweep under mpiexec, and a fresh process, may take.
MPI_TIMEOUT, FRESH_TIMEOUT = 120.0, 60.0

#: Barrier and exchange of the Pt/Co preset.
U0, U_EX = 0.42645, 0.20055

_FRESH = """
from numba.core import event
with event.install_recorder("numba:compile") as compiled:
    from torkivity.selftest.checks import pt_co_torque
    torque = pt_co_torque()
print(len(compiled.buffer), *(component.hex() for component in torque.tolist()))
"""


class SkippedError(Exception):
    """A check that this machine cannot do, and why."""


def unitarity() -> float:
    """Largest element of r^+ r + t^+ t - 1 over 200 random interfaces."""
    rng = np.random.default_rng(1)
    worst = 0.0
    for _ in range(200):
        potentials = (rng.normal(size=3) * 10.0 ** rng.uniform(-2, 1, size=3)).tolist()
        vectors = rng.normal(size=(41, 3))
        m, *k = vectors / np.linalg.norm(vectors, axis=1)[:, None]
        r, t = scattering_amplitudes(RashbaInterface(*potentials), m, np.array(k))
        total = r.conj().transpose(0, 2, 1) @ r + t.conj().transpose(0, 2, 1) @ t
        worst = max(worst, float(np.abs(total - np.eye(2)).max()))
    return worst


def reduced_against_dense() -> float:
    """Currents and torques by both methods: skew scattering, a diffuse face, a third layer."""
    mesh = SphericalMesh(4, 8)
    film = replace(_pt_co(spin_hall_angle=0.3), left=Surface(0.4), field_direction_deg=20.0)
    stack = film.stack()
    three = replace(
        stack,
        layers=(*stack.layers, HeavyMetal(2.0, 5.0, 50.0)),
        interfaces=(*stack.interfaces, RashbaInterface(0.1, 0.0, 0.3)),
    )
    worst = 0.0
    for each in (film, three):
        reduced, dense = (
            solve_boltzmann(each, mesh, method=method).at_interface(0)
            for method in ("reduced", "dense")
        )
        worst = max(worst, _difference(reduced, dense))
    return worst


def bulk_spin_hall() -> float:
    """Spin Hall current in the middle of a thick film against -theta sigma / 2(1 + 2 theta^2)."""
    mean_free_path, spin_flip_length = 3.0, 60.0
    total = 1.0 / (1.0 / mean_free_path + 1.0 / spin_flip_length)
    worst = 0.0
    for angle in (0.02, 0.5):
        metal = HeavyMetal(400.0, mean_free_path, spin_flip_length, spin_hall_angle=angle)
        film = Stack((metal,), (), left=Surface(0.0), right=Surface(0.0))
        profile = solve_boltzmann(film, SphericalMesh(12, 8)).profile(0, z=np.array([200.0]))
        half = film.prefactor * 4.0 * math.pi / 3.0 * total * METRE_PER_NM
        exact = -angle * half / (1.0 + 2.0 * angle**2)
        worst = max(worst, abs(profile.spin_current[0, 1] / exact - 1.0))
    return float(worst)


def kept_kernels() -> float:
    """Components of a torque that a fresh process, with the kernels on disk, gives otherwise."""
    here = pt_co_torque()
    folder = os.environ["NUMBA_CACHE_DIR"]
    if not kernels_are_kept():
        raise SkippedError(f"{folder} cannot be written to: each process compiles its own kernels")
    said = _output([sys.executable, "-c", _FRESH], "a fresh process", FRESH_TIMEOUT).split()
    if said[0] != "0":
        raise RuntimeError(f"a fresh process compiled what was in {folder}")
    there = np.array([float.fromhex(word) for word in said[1:]])
    return float(here.size if there.shape != here.shape else np.count_nonzero(there != here))


def pt_co_torque() -> FloatArray:
    """Torque on the ferromagnet of Pt/Co per field, three components."""
    return solve_boltzmann(_pt_co(0.06), SphericalMesh(4, 8)).at_interface(0).torque_total


def sweep_file() -> float:
    """Values in the file of a sweep, resumed once, that are not those of the solver."""
    with tempfile.TemporaryDirectory(prefix="torkivity-selftest-") as folder:
        path = Path(folder) / "sweep.h5"
        for config in (_sweep_config([0.1, 0.3]), _sweep_config([0.1, 0.2, 0.3])):
            plan = plan_sweep(config, path)
            run_plan(plan, path, ThreadCrew)
        found = _contents(path)
    wrong = int(np.count_nonzero(found.pop("status") != 1))
    grid = plan.spec.grid
    for index in range(grid.size):
        record = plan.evaluate(grid.point(index))
        place = np.unravel_index(index, grid.shape)
        for name, value in record.items():
            stored = found[name][place].astype(np.float64)
            wrong += int(not np.array_equal(stored, np.asarray(value), equal_nan=True))
    return float(wrong)


def sweep_on_ranks() -> float:
    """Datasets of a sweep on two MPI ranks that are not bit for bit those of one process."""
    if detect_launch() is not None:
        raise SkippedError("started by a launcher itself")
    if importlib.util.find_spec("mpi4py") is None:
        raise SkippedError("no mpi4py")
    mpiexec = find_mpiexec()
    if mpiexec is None:
        raise SkippedError("no mpiexec")
    config = _sweep_config([0.1, 0.2, 0.3])
    with tempfile.TemporaryDirectory(prefix="torkivity-selftest-") as folder:
        settings, alone, ranks = (Path(folder) / n for n in ("film.toml", "alone.h5", "ranks.h5"))
        settings.write_text(to_toml(config.film, config), encoding="utf-8")
        run_plan(plan_sweep(config, settings), alone, ThreadCrew)
        command = [mpiexec, "-n", "2", sys.executable, "-m", "torkivity"]
        command += ["sweep", str(settings), "-o", str(ranks)]
        _output(command, "mpiexec -n 2", MPI_TIMEOUT)
        one, two = _contents(alone), _contents(ranks)
        with h5py.File(ranks) as file:
            seen = set(np.unique(file["rank"][...]).tolist())
    if not seen <= {0, 1}:
        raise RuntimeError(f"ranks in the file: {seen}")
    return float(sum(_bits(one.get(n)) != _bits(two.get(n)) for n in one.keys() | two.keys()))


def _output(command: list[str], name: str, timeout: float) -> str:
    """Standard output of a process; RuntimeError with its last words if it fails."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{name} did not end in {timeout:.0f} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise RuntimeError(f"{name}: exit status {done.returncode}, said: {said[-1]}")
    return done.stdout


def _bits(values: Any) -> Any:
    if values is None:
        return None
    return values.tolist() if values.dtype == object else values.tobytes()


def _sweep_config(exchange: Sequence[float]) -> RunConfig:
    data = tomllib.loads(preset_text("pt-co"))
    data["film"]["magnetization"] = [0.3, 0.2, 1.0]
    data["mesh"] = {"n_polar": 6, "n_azimuth": 8}
    data["sweep"] = {
        "models": ["boltzmann", "drift_diffusion"],
        "axes": {
            "interface.exchange": list(exchange),
            "interface.rashba": [0.0, 0.1, 0.2],
            "heavy_metal.thickness": [2.0, 10.0],
        },
    }
    return check_config(data, "pt-co")


def _contents(path: Path) -> dict[str, Any]:
    """Everything but what belongs to the run that computed it."""
    with h5py.File(path) as file:
        kept = set(file) - {"seconds", "finished", "rank"}
        return {name: file[name][...] for name in kept}


def _pt_co(spin_hall_angle: float = 0.0) -> Bilayer:
    """Pt/Co film with strong Rashba coupling and a tilted magnetization."""
    return Bilayer(
        HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, spin_hall_angle),
        RashbaInterface(U0, U_EX, 0.5 * U0),
        Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36),
        magnetization=(0.3, 0.2, 1.0),
    )


def _difference(first: TorqueNames, second: TorqueNames) -> float:
    """Largest difference of currents and torques over the largest total torque."""
    names = ("spin_current_minus", "spin_current_plus", "torque_interface", "torque_total")
    apart = max(np.abs(getattr(first, n) - getattr(second, n)).max() for n in names)
    return float(apart / np.abs(first.torque_total).max())
