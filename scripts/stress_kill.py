"""Kill sweeps in the middle, and see that nothing that was finished is lost.

Usage:
    python scripts/stress_kill.py [--kills 30] [--ranks 2] [--seed 1]

A sweep with scales on all axes runs under mpiexec and is killed with SIGKILL while its file is
created, while points are computed, and while it is extended along a grown axis; in turn the
whole job, rank 0, another rank and the process that computes beside rank 0. A kill counts if
the job was in the phase that was meant, just before and just after, and hit whom it was meant
for; among the points, if between 10 and 90 % of them are in the file and some are new since the
job started. After each kill, counted or not, the file must open, plain and by open_results;
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
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from torkivity_engine.record import Variable
from torkivity_hpc.files.sweepfile import SweepSpec
from torkivity_hpc.grid import Axis, Dimension, Grid, Value
from torkivity_hpc.running.launcher import find_mpiexec
from torkivity_hpc.running.session import CrewMaker, SweepPlan, run_plan, with_crew

MPIEXEC = find_mpiexec() or "mpiexec"

#: Values along the axes, before and after growing.
LENGTHS = {"before": (24, 150), "after": (36, 150)}
#: Numbers that a point gives, so many that a file takes a while to lay out.
WIDTH = 2000
#: Seconds that a point takes.
PACE = 1e-3
#: Points finished so long before a kill must not be lost.
GUARANTEE = 1.0

#: Who is killed in which phase; the first workers start when the file is there.
VICTIMS = {
    "creating": ("whole job", "rank 0", "other rank"),
    "running": ("whole job", "rank 0", "other rank", "worker beside rank 0"),
    "extending": ("whole job", "rank 0", "other rank"),
}
#: Seconds within which a kill is to fall after a phase has begun; among the points, the share
#: of them that is to be done decides.
SPANS = {"creating": 0.015, "extending": 0.1}
SHARES = (0.1, 0.9)
#: Trials for each kill that is to count.
PATIENCE = 6

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

    def kill(self, victim: str, members: Mapping[int, str]) -> bool:
        """SIGKILL to the victim; whether there was one."""
        chosen = [pid for pid, role in members.items() if victim in ("whole job", role)]
        for pid in chosen:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return bool(chosen)

    def end(self, members: Mapping[int, str]) -> None:
        """SIGKILL to whoever is left, where nobody was hit."""
        if self.process.poll() is None:
            self.kill("whole job", members)

    def wait_for_all(self, members: Mapping[int, str]) -> list[int]:
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


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def phase_of(path: Path) -> str:
    """What a job is doing, from the files that are there."""
    # An empty one is a probe.
    if any(_size(part) for part in path.parent.glob(f".{path.name}.*.part")):
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
    import xarray  # the jobs do without

    import torkivity

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
    import xarray

    left = xarray.open_dataset(one, decode_times=False)
    right = xarray.open_dataset(other, decode_times=False)
    assert set(left.variables) == set(right.variables)
    return [
        str(name)
        for name in left.variables
        if name not in ("seconds", "finished", "rank")
        and left[name].values.tobytes() != right[name].values.tobytes()
    ]


@dataclass(frozen=True)
class Kill:
    """A kill that counts."""

    phase: str
    victim: str
    share: float  #: of the points, in the file afterwards
    new: int  #: points since the job started
    recent: int  #: points finished in the last second that are not in the file


@dataclass
class Trials:
    """Kills in one folder.

    Attributes
    ----------
    kills : list of Kill
    missed : int
        Kills that came too early, too late or to somebody else.
    violations : list of str
        What was lost or broken.
    """

    folder: Path
    ranks: int
    random: random.Random
    kills: list[Kill] = field(default_factory=list)
    missed: int = 0
    violations: list[str] = field(default_factory=list)
    known: set[tuple[float, float]] = field(default_factory=set)

    @property
    def path(self) -> Path:
        """The file that is killed for."""
        return self.folder / "sweep.h5"

    def count(self, phase: str) -> int:
        """Kills of a phase so far."""
        return sum(kill.phase == phase for kill in self.kills)

    def prepare(self, phase: str) -> str:
        """Bring the file to where the phase starts from; the state to ask for."""
        half_done = self.folder / "half.h5"
        total = int(np.prod(LENGTHS["before"]))
        if phase == "extending":
            shutil.copy(half_done, self.path)  # as it was before its axis grew
            self.known, _ = check(self.path, set())
            return "after"
        if self.path.exists() and SHARES[0] < len(self.known) / total < SHARES[1]:
            shutil.copy(self.path, half_done)
        if phase == "creating" or len(self.known) > 0.6 * total:
            self.path.unlink(missing_ok=True)
            self.known = set()
        return "before"

    def wait(self, phase: str, job: Job, state: str) -> dict[int, str]:
        """Until it is time to kill; the processes of the job."""
        path, log = self.path, self.folder / "log"
        members = job.members()
        roles = {"rank 0", "other rank"} if self.ranks > 1 else {"rank 0"}
        while job.process.poll() is None and not roles <= set(members.values()):
            members = job.members()
        while job.process.poll() is None and phase_of(path) != phase:
            time.sleep(0.001)
        if phase != "running":
            time.sleep(self.random.uniform(0.0, SPANS[phase]))
            return members  # to look for them again takes longer than the phase
        total = int(np.prod(LENGTHS[state]))
        share = self.random.uniform(max(SHARES[0], len(self.known) / total) + 0.1, SHARES[1])
        while job.process.poll() is None and len(self.known) + logged(log) < share * total:
            time.sleep(0.005)
        return job.members()

    def trial(self, phase: str) -> None:
        """Start a job, kill, and look at what is left."""
        victims = [v for v in VICTIMS[phase] if self.ranks > 1 or v != "other rank"]
        victim = victims[self.count(phase) % len(victims)]
        state = self.prepare(phase)
        before, log = self.known, self.folder / "log"
        job = Job(self.path, state, self.ranks, log)
        members = self.wait(phase, job, state)
        alive = job.process.poll() is None
        seen, moment = phase_of(self.path), time.time()
        hit = job.kill(victim, members)
        counts = alive and hit and seen == phase_of(self.path) == phase
        if not hit:
            job.end(members)
        left = job.wait_for_all(members)
        if left:
            self.violations.append(f"processes left: {[members[p] for p in left]}")
        recent = self.inspect(before | finished_before(log, moment - GUARANTEE), log, moment)
        share = len(self.known) / float(np.prod(LENGTHS[state]))
        kill = Kill(phase, victim, share, len(self.known - before), recent)
        if phase == "running":
            counts = counts and SHARES[0] <= share <= SHARES[1] and kill.new > 0
        for part in self.folder.glob("log.*"):
            part.unlink()  # from here on, what the file has is what must stay
        self.missed += not counts
        if counts:
            self.kills.append(kill)

    def inspect(self, promised: set[tuple[float, float]], log: Path, moment: float) -> int:
        """Check the file; the points of the last second that it lacks."""
        if not self.path.exists():
            self.known = set()
            if promised:
                self.violations.append(f"the file is gone, with {len(promised)} points")
            return 0
        try:
            self.known, lost = check(self.path, promised)
        except Exception as error:
            self.violations.append(f"{type(error).__name__}: {error}")
            return 0
        if lost:
            self.violations.append(f"{lost} points are lost")
        return len(finished_before(log, moment) - self.known)


def logged(log: Path) -> int:
    """Points that processes say they finished."""
    return sum(part.stat().st_size // 24 for part in log.parent.glob(f"{log.name}.*"))


def stress(folder: Path, kills: int, ranks: int, seed: int, tell: bool = True) -> Trials:
    """Kill so many times in each phase."""
    reference = folder / "reference.h5"
    for state in LENGTHS:  # the undisturbed sweep grows as well: messages, attributes are its own
        subprocess.run(
            [MPIEXEC, "-n", "1", sys.executable, __file__, "--job", state, str(reference)],
            check=True,
            env={**os.environ, LOG: ""},
        )
    trials = Trials(folder, ranks, random.Random(seed))
    for phase in ("running", "creating", "extending"):
        for _ in range(PATIENCE * kills):
            if trials.count(phase) == kills:
                break
            before = len(trials.kills)
            trials.trial(phase)
            if tell:
                print(trials.kills[-1] if len(trials.kills) > before else "missed", flush=True)
        if trials.count(phase) < kills:
            trials.violations.append(f"only {trials.count(phase)} kills while {phase}")
    launch = [MPIEXEC, "-n", str(ranks), sys.executable, __file__, "--job", "after"]
    subprocess.run([*launch, str(trials.path)], check=False)
    different = same_bits(trials.path, reference)
    if different:
        trials.violations.append(f"differ from the undisturbed sweep: {different}")
    hidden = [p.name for p in folder.glob(".*")]
    if hidden:
        trials.violations.append(f"hidden files left: {hidden}")
    report(trials)
    return trials


def report(trials: Trials) -> None:
    """Say how many kills of which kind there were, and what they cost."""
    counts = Counter((kill.phase, kill.victim) for kill in trials.kills)
    print(
        f"{len(trials.kills)} kills that count, {trials.missed} that do not, {trials.ranks} ranks"
    )
    for (phase, victim), count in sorted(counts.items()):
        print(f"  {phase:>9}, {victim}: {count}")
    running = [kill for kill in trials.kills if kill.phase == "running"]
    if running:
        shares, new = [k.share for k in running], [k.new for k in running]
        print(f"done while running: {min(shares):.0%} to {max(shares):.0%}")
        print(f"new since the job started: {min(new)} to {max(new)} points")
        print(f"most points that a kill cost (all of its last second): "
              f"{max(kill.recent for kill in running)}")  # fmt: skip
    print("violations:", "; ".join(trials.violations) or "none", flush=True)


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=30, help="in each of the three phases")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--job", choices=sorted(LENGTHS), help=argparse.SUPPRESS)
    parser.add_argument("path", nargs="?", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        sys.exit(job(given.path, given.job))
    folder = Path(tempfile.mkdtemp(prefix="stress-"))
    try:
        trials = stress(folder, given.kills, given.ranks, given.seed)
        sys.exit(1 if trials.violations else 0)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
