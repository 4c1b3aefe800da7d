"""Kill sweeps at random times, and see that nothing that was finished is lost.

Usage:
    python scripts/stress_kill.py [--kills 10] [--ranks 2] [--seed 1]

A sweep with scales on all axes runs under mpiexec and is killed with SIGKILL while its file is
created, while points are computed, and while it is extended along a grown axis: so many times
each, at uniformly random times, in turn the whole job, rank 0, another rank and the process
that computes beside rank 0. After each kill the file must open, plain and by open_results;
every point that it calls done must have its exact values; and every point that any process
finished more than a second before the kill must be there. In the end the file must equal, bit
for bit, that of a sweep that nobody disturbed. Exit status 1 if anything of this fails.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray

import torkivity
from torkivity_engine.record import Variable
from torkivity_hpc.files.sweepfile import SweepSpec
from torkivity_hpc.grid import Axis, Dimension, Grid, Value
from torkivity_hpc.running.launcher import find_mpiexec
from torkivity_hpc.running.session import CrewMaker, SweepPlan, run_plan, with_crew

MPIEXEC = find_mpiexec() or "mpiexec"

#: Values along the axes, before and after growing.
LENGTHS = {"before": (40, 150), "after": (60, 150)}
#: Numbers that a point gives, so many that a file takes a while to lay out.
WIDTH = 1200
#: Seconds that a point takes.
PACE = 1e-3
#: Points finished so long before a kill must not be lost.
GUARANTEE = 1.0

PHASES = ("creating", "running", "extending")
VICTIMS = ("whole job", "rank 0", "other rank", "worker beside rank 0")

LOG = "STRESS_LOG"


def expected(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The values of points, last dimension WIDTH."""
    return np.sin(a[..., None] * 0.37 + np.arange(WIDTH)) * (1.0 + b[..., None])


def evaluate(values: Mapping[str, Value]) -> dict[str, np.ndarray]:
    """A point; under observation it leaves a note of when it was finished."""
    a, b = float(values["a"]), float(values["b"])
    result = {"profile": expected(np.array(a), np.array(b)), "sum": np.array(a + b)}
    log = os.environ.get(LOG)
    if log:  # only a sweep that is to be killed has to take its time
        time.sleep(PACE)
        descriptor = os.open(f"{log}.{os.getpid()}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, struct.pack("<ddd", a, b, time.time()))
        os.close(descriptor)
    return result


def plan_for(state: str) -> SweepPlan:
    """The sweep before or after its axis has grown."""
    dimensions = [
        Dimension(
            name, Axis(tuple(map(float, range(n))), "nm", f"axis {name}"), {name: tuple(range(n))}
        )
        for name, n in zip("ab", LENGTHS[state], strict=True)
    ]
    spec = SweepSpec(
        Grid(dimensions),
        {
            "profile": Variable(("depth",), "1", "profile"),
            "sum": Variable((), "nm", "sum"),
        },
        {"pace": PACE},
        {"title": "stress"},
        axes={"depth": Axis(tuple(map(float, range(WIDTH))), "nm", "depth")},
    )
    return SweepPlan(spec, evaluate, ("a",))


def job(path: Path, state: str) -> int:
    """What runs under mpiexec."""

    def body(make_crew: CrewMaker) -> int:
        return 3 if run_plan(plan_for(state), path, make_crew).missing else 0

    return with_crew(body)


class Job:
    """A running job and its processes."""

    def __init__(self, path: Path, state: str, ranks: int, log: Path) -> None:
        command = [MPIEXEC, "-n", str(ranks), sys.executable, __file__, "--job", state, str(path)]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, LOG: str(log)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def members(self) -> dict[int, str]:
        """Process ids of the job and what they are."""
        parents, commands = {}, {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    parents[int(entry.name)] = int(fields[1])
                    commands[int(entry.name)] = (entry / "cmdline").read_bytes().decode()
                except OSError:
                    continue
        found = {self.process.pid: "launcher"}
        grown = True
        while grown:
            new = {p for p, parent in parents.items() if parent in found and p not in found}
            for pid in new:
                found[pid] = self._role(pid, commands[pid], found.get(parents[pid], ""))
            grown = bool(new)
        return found

    @staticmethod
    def _role(pid: int, command: str, parent: str) -> str:
        if "--multiprocessing-fork" in command:
            return "worker beside rank 0"
        if "resource_tracker" in command or parent.startswith(("rank", "other")):
            return "helper"
        if "--job" in command and "mpiexec" not in command and "hydra" not in command:
            try:
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except OSError:
                return "helper"
            rank = next((e for e in environment if e.startswith(b"PMI_RANK=")), b"=?").split(b"=")[
                1
            ]
            return "rank 0" if rank == b"0" else "other rank"
        return "launcher"

    def kill(self, victim: str) -> str:
        """SIGKILL to the victim; returns who it was in the end."""
        members = self.members()
        chosen = [pid for pid, role in members.items() if role == victim]
        if victim == "whole job" or not chosen:
            victim, chosen = "whole job", list(members)
        for pid in chosen:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return victim

    def wait_for_all(self, members: dict[int, str]) -> list[int]:
        """Wait until nobody is left; returns who still is after ten seconds."""
        self.process.wait(20)
        deadline = time.monotonic() + 10.0
        while time.monotonic() < deadline:
            left = [pid for pid in members if _alive(pid)]
            if not left:
                return []
            time.sleep(0.02)
        return left


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def phase_of(path: Path) -> str:
    """What a job is doing, from the files that are there."""
    part = any(path.parent.glob(f".{path.name}.*.part"))
    if part:
        return "extending" if path.exists() else "creating"
    return "running" if path.exists() else "starting"


def finished_before(log: Path, moment: float) -> set[tuple[float, float]]:
    """Points that processes say they finished before a moment."""
    points = set()
    for part in log.parent.glob(f"{log.name}.*"):
        data = part.read_bytes()
        for a, b, when in struct.iter_unpack("<ddd", data[: len(data) // 24 * 24]):
            if when < moment:
                points.add((a, b))
    return points


def check(path: Path, must_have: set[tuple[float, float]]) -> tuple[set[tuple[float, float]], int]:
    """Read the file as users do; the points that are done, and how many were lost."""
    with xarray.open_dataset(path) as plain:
        assert plain["profile"].dims == ("a", "b", "depth"), plain["profile"].dims
        status, values = plain["status"].values, plain["profile"].values
        a, b = np.meshgrid(plain["a"].values, plain["b"].values, indexing="ij")
        done = status == 1
        assert np.array_equal(values[done], expected(a, b)[done]), "a done point has wrong values"
        assert np.array_equal(plain["sum"].values[done], (a + b)[done])
        known = {(float(x), float(y)) for x, y in zip(a[done], b[done], strict=True)}
    opened = torkivity.open_results(path)
    assert np.isnan(opened["sum"].values[~done]).all()
    return known, len(must_have - known)


def same_bits(one: Path, other: Path) -> list[str]:
    """Variables that differ, but for times and ranks."""
    left = xarray.open_dataset(one, decode_times=False)
    right = xarray.open_dataset(other, decode_times=False)
    assert set(left.variables) == set(right.variables)
    return [
        str(name)
        for name in left.variables
        if name not in ("seconds", "finished", "rank")
        and left[name].values.tobytes() != right[name].values.tobytes()
    ]


def stress(folder: Path, kills: int, ranks: int, seed: int, tell: bool = True) -> int:
    """Kill `kills` times in each phase; number of violations."""
    random_ = random.Random(seed)
    reference = folder / "reference.h5"
    for state in LENGTHS:  # the undisturbed sweep grows as well: messages, attributes are its own
        subprocess.run(
            [MPIEXEC, "-n", "1", sys.executable, __file__, "--job", state, str(reference)],
            check=True,
            env={**os.environ, LOG: ""},
        )
    path, log = folder / "sweep.h5", folder / "log"
    counts: Counter[tuple[str, str]] = Counter()
    violations = lost_recent = 0
    known: set[tuple[float, float]] = set()
    grown_from = folder / "before.h5"
    launch = [MPIEXEC, "-n", str(ranks), sys.executable, __file__, "--job"]
    state = "before"
    spans = {"creating": 0.15, "extending": 0.4, "running": 2.0}
    while any(sum(n for (p, _), n in counts.items() if p == phase) < kills for phase in PHASES):
        wanted = next(
            phase
            for phase in PHASES
            if sum(n for (p, _), n in counts.items() if p == phase) < kills
        )
        if wanted == "extending":
            # The file as it was before its axis grew, again for each trial.
            if not grown_from.exists():
                if not path.exists():
                    subprocess.run([*launch, "before", str(path)], check=True)
                shutil.copy(path, grown_from)
            shutil.copy(grown_from, path)
            known, _ = check(path, set())
            state = "after"
        if wanted == "creating":
            path.unlink(missing_ok=True)
        trial = Job(path, state, ranks, log)
        while trial.process.poll() is None and phase_of(path) != wanted:
            time.sleep(0.001)
        if wanted == "running":  # from the first point on, not while processes start
            while trial.process.poll() is None and not any(folder.glob("log.*")):
                time.sleep(0.001)
        time.sleep(random_.uniform(0.0, spans[wanted]))
        victim = VICTIMS[sum(counts.values()) % len(VICTIMS)]
        members = trial.members()
        seen = phase_of(path)
        moment = time.time()
        if trial.process.poll() is None:
            victim = trial.kill(victim)
            counts[seen, victim] += 1
        orphans = trial.wait_for_all(members)
        if orphans:
            violations += 1
            print(f"processes left: {[members[p] for p in orphans]}", flush=True)
        if path.exists():
            try:
                promised = known | finished_before(log, moment - GUARANTEE)
                known, lost = check(path, promised)
                recent = len(finished_before(log, moment) - known)
                lost_recent = max(lost_recent, recent)
                violations += bool(lost)
            except Exception as error:
                violations += 1
                lost = recent = -1
                print(f"VIOLATION: {type(error).__name__}: {error}", flush=True)
        else:
            known, lost, recent = set(), 0, 0
        for part in folder.glob("log.*"):
            part.unlink()  # from here on, what the file has is what must stay
        if tell:
            print(
                f"{seen:>10}, {victim}: {len(known)} points done, {lost} lost that were promised, "
                f"{recent} of the last second",
                flush=True,
            )
        if len(known) == np.prod(LENGTHS[state]):
            # Complete: nothing is left to be killed.
            path.unlink()
            known = set()
    for _ in range(3):
        if subprocess.run([*launch, "after", str(path)], check=False).returncode == 0:
            break
    different = same_bits(path, reference)
    violations += bool(different)
    leftovers = [p.name for p in folder.glob(".*")]
    print(
        f"{sum(counts.values())} kills: "
        + ", ".join(f"{n} {phase}/{victim}" for (phase, victim), n in sorted(counts.items()))
    )
    print(f"most points that a kill cost (all of its last second): {lost_recent}")
    print(f"variables that differ from the undisturbed sweep: {different or 'none'}")
    print(f"hidden files left: {leftovers or 'none'}")
    print(f"violations: {violations}")
    return violations


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=12, help="in each of the three phases")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--job", choices=sorted(LENGTHS), help=argparse.SUPPRESS)
    parser.add_argument("path", nargs="?", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        sys.exit(job(given.path, given.job))
    folder = Path(tempfile.mkdtemp(prefix="stress-"))
    try:
        sys.exit(1 if stress(folder, given.kills, given.ranks, given.seed) else 0)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
