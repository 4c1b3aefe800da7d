"""What sweeps cost on this machine: rank 0's share, large files, scaling, a large map.

Usage:
    python scripts/measure_sweep.py manager [--points 1000000] [--ranks 2]
    python scripts/measure_sweep.py feed [--points 200000] [--ranks 40]
    python scripts/measure_sweep.py large [--points 10000000]
    python scripts/measure_sweep.py scaling [--pairs 5] [--points 20000]
    python scripts/measure_sweep.py map [--out map.h5]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from torkivity.config.text import load_config
from torkivity.study.plan import plan_sweep
from torkivity.study.point import point_variables
from torkivity_engine.machine.threads import SINGLE_THREAD
from torkivity_hpc.files.sweepfile import SweepSpec
from torkivity_hpc.grid import Axis, Dimension, Grid, Value
from torkivity_hpc.running.launcher import find_mpiexec
from torkivity_hpc.running.session import CrewMaker, SweepPlan, run_plan, with_crew
from torkivity_hpc.running.worker import Evaluate

MPIEXEC = find_mpiexec() or "mpiexec"

FILM = """
[film]
magnetization_angles_deg = { theta = 0.0, phi = 0.0 }

[heavy_metal]
name = "Pt"
thickness = 10.0
total_mean_free_path = 2.0853
spin_diffusion_length = 2.57
spin_hall_angle = 0.059

[interface]
barrier = 0.42645
exchange = 0.20055
rashba = 0.213225

[ferromagnet]
name = "Co"
thickness = 5.0
mean_free_path_majority = 16.25
mean_free_path_minority = 6.01
spin_flip_length = 1000.0
precession_length = 1.36

[mesh]
n_polar = 16
n_azimuth = 16

[sweep.axes]
"""
INTERFACE = """
interface.exchange = {{ linspace = [0.02, 0.8, {}] }}
interface.rashba = {{ linspace = [0.0, 0.4, 100] }}
"""
MAP = """
interface.exchange = { linspace = [0.02, 0.8, 80] }
interface.rashba = { linspace = [0.0, 0.4, 50] }
film.magnetization_angles_deg.theta = { linspace = [0.0, 90.0, 25] }
"""

_VARIABLES = point_variables()
#: Places of a bilayer.
_AXES = {dim: Axis((name,), "", dim) for dim, name in (("interface", "Pt|Co"), ("magnet", "Co"))}
_RECORD = {
    name: np.zeros([{"spin": 3}.get(dim, 1) for dim in variable.dims])
    for name, variable in _VARIABLES.items()
}


def instant(values: Mapping[str, Value]) -> dict[str, np.ndarray]:
    """The record of a sweep's point, without the work."""
    return _RECORD


#: Points per second of a rank that computes in earnest.
RATE = 400


def paced(values: Mapping[str, Value]) -> dict[str, np.ndarray]:
    """The same, after the time that a point takes, without using the processor."""
    time.sleep(1.0 / RATE)
    return _RECORD


def mock_plan(points: int, evaluate: Evaluate) -> SweepPlan:
    """A sweep without physics, as wide as the Boltzmann solver's."""
    side = round(points ** (1 / 3))
    lengths = (side, side, -(-points // side**2))
    dimensions = [
        Dimension(name, Axis(tuple(map(float, range(n))), "1", name), {name: tuple(range(n))})
        for name, n in zip("abc", lengths, strict=True)
    ]
    spec = SweepSpec(Grid(dimensions), _VARIABLES, {}, {"title": "cost"}, axes=_AXES)
    return SweepPlan(spec, evaluate, ())


def run_mock(path: Path, points: int, evaluate: Evaluate) -> int:
    """Body of the measurements of the manager, under mpiexec or not."""

    def body(make_crew: CrewMaker) -> int:
        before = time.process_time()
        plan = mock_plan(points, evaluate)
        outcome = run_plan(plan, path, make_crew, force=True, tell=print)
        cpu = time.process_time() - before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{outcome.done} points in {outcome.seconds:.1f} s, "
            f"{outcome.done / outcome.seconds:.0f} points/s; rank 0 spent {cpu:.1f} s of processor "
            f"time on scheduling and storing: {1e6 * cpu / outcome.done:.1f} us per point; "
            f"peak memory {peak:.2f} GB; file {path.stat().st_size / 1e9:.2f} GB",
            flush=True,
        )
        return 0

    return with_crew(body)


def manager(points: int, ranks: int) -> None:
    """Processor time of rank 0 with instant points."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "run-instant", str(Path(folder) / "a.h5"), str(points)]
        for n in range(1, ranks + 1):
            print(f"--- {n} ranks", flush=True)
            subprocess.run([MPIEXEC, "-n", str(n), *command], check=True)


def feed(points: int, ranks: int) -> None:
    """Whether rank 0 feeds many ranks of `RATE` points/s each; they sleep, so few cores do."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "run-paced", str(Path(folder) / "a.h5"), str(points)]
        print(f"{ranks} ranks of at most {RATE} points/s each: {ranks * RATE} points/s")
        subprocess.run([MPIEXEC, "-n", str(ranks), *command], check=True)


def large(points: int) -> None:
    """File size, opening time and memory of a large sweep."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        command = [sys.executable, __file__, "run-instant", str(path), str(points)]
        subprocess.run([MPIEXEC, "-n", "2", *command], check=True)
        for title, code in (
            ("lazy xarray.open_dataset", "import xarray; d = xarray.open_dataset(path)"),
            (
                "one variable",
                "import xarray\nd = xarray.open_dataset(path)\nd['torque_total'].load()",
            ),
            ("torkivity.open_results, all in memory", "d = torkivity.open_results(path)"),
            (
                "torkivity status",
                "from torkivity.study.status import describe_status as s; s(path)",
            ),
            (
                "nothing left to do, everything read and checked",
                "import subprocess\n"
                "subprocess.run([sys.executable, script, 'resume', path, points])",
            ),
        ):
            program = (
                "import sys, time, resource, torkivity\nfrom pathlib import Path\n"
                f"script, path, points = {__file__!r}, Path({str(path)!r}), {str(points)!r}\n"
                f"t = time.perf_counter()\n{code}\n"
                "who = resource.RUSAGE_SELF\n"
                "print(f'{time.perf_counter() - t:.2f} s, peak memory "
                "{resource.getrusage(who).ru_maxrss / 1e6:.2f} GB')"
            )
            print(title, end=": ", flush=True)
            subprocess.run([sys.executable, "-c", program], check=True)


def resume(path: Path, points: int) -> None:
    """Open a complete sweep to go on with it."""
    start = time.perf_counter()
    plan = mock_plan(points, instant)
    run_plan(plan, path, lambda: None)  # type: ignore[arg-type, return-value]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"({time.perf_counter() - start:.2f} s, peak memory {peak:.2f} GB in a process) ", end="")


def busy(_: int = 0) -> float:
    """A fixed piece of the sweep's own kind of work; seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.toml"
        path.write_text(FILM + INTERFACE.format(10))
        plan = plan_sweep(load_config(path), path)
        plan.evaluate(plan.spec.grid.point(0))
        start = time.perf_counter()
        for index in range(1000):
            plan.evaluate(plan.spec.grid.point(index))
        return time.perf_counter() - start


def scaling(pairs: int, points: int) -> None:
    """Two ranks against one on the interface sweep, beside two separate processes."""
    environment = {**os.environ, **SINGLE_THREAD}
    ratios, machine = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.toml"
        path.write_text(FILM + INTERFACE.format(points // 100))

        def sweep(n: int) -> float:
            out = Path(folder) / f"{n}.h5"
            command = [MPIEXEC, "-n", str(n), sys.executable, "-m", "torkivity", "sweep"]
            start = time.perf_counter()
            subprocess.run(
                [*command, str(path), "-o", str(out), "--force"], check=True, capture_output=True
            )
            return time.perf_counter() - start

        def processes(n: int) -> float:
            program = [sys.executable, __file__, "busy"]
            running = [
                subprocess.Popen(program, stdout=subprocess.PIPE, env=environment, text=True)
                for _ in range(n)
            ]
            return max(float(process.communicate()[0]) for process in running)

        sweep(1)
        for pair in range(pairs):
            order = (1, 2) if pair % 2 == 0 else (2, 1)
            times = {n: sweep(n) for n in order}
            alone = {n: processes(n) for n in order}
            ratios.append(times[1] / times[2])
            machine.append(2 * alone[1] / alone[2])
            print(
                f"pair {pair + 1}: 1 rank {times[1]:.2f} s, 2 ranks {times[2]:.2f} s, "
                f"ratio {ratios[-1]:.2f}; two separate processes {machine[-1]:.2f}",
                flush=True,
            )
    print(
        f"median of {pairs}: 2 ranks {statistics.median(ratios):.2f} times as fast as 1 (whole "
        f"command, start-up included); two separate processes {statistics.median(machine):.2f}"
    )


def large_map(out: Path) -> None:
    """A map of 10^5 points over exchange, Rashba strength and angle."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.toml"
        path.write_text(FILM + MAP)
        start = time.perf_counter()
        command = [MPIEXEC, "-n", "2", sys.executable, "-m", "torkivity", "sweep", str(path)]
        subprocess.run([*command, "-o", str(out)], check=True)
        print(f"map of 100000 points: {time.perf_counter() - start:.0f} s")


def main() -> None:
    """Parse and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("manager")
    one.add_argument("--points", type=int, default=10**6)
    one.add_argument("--ranks", type=int, default=2)
    many = commands.add_parser("feed")
    many.add_argument("--points", type=int, default=200_000)
    many.add_argument("--ranks", type=int, default=40)
    commands.add_parser("large").add_argument("--points", type=int, default=10**7)
    two = commands.add_parser("scaling")
    two.add_argument("--pairs", type=int, default=5)
    two.add_argument("--points", type=int, default=20_000)
    commands.add_parser("map").add_argument("--out", type=Path, default=Path("map.h5"))
    commands.add_parser("busy")
    for name in ("run-instant", "run-paced", "resume"):
        inner = commands.add_parser(name)
        inner.add_argument("path", type=Path)
        inner.add_argument("points", type=int)
    given = parser.parse_args()
    if given.command == "manager":
        manager(given.points, given.ranks)
    elif given.command == "feed":
        feed(given.points, given.ranks)
    elif given.command == "large":
        large(given.points)
    elif given.command == "scaling":
        scaling(given.pairs, given.points)
    elif given.command == "map":
        large_map(given.out)
    elif given.command == "busy":
        print(busy())
    elif given.command == "resume":
        resume(given.path, given.points)
    else:
        evaluate = instant if given.command == "run-instant" else paced
        sys.exit(run_mock(given.path, given.points, evaluate))


if __name__ == "__main__":
    main()
