"""Files of sweeps: in-place writing, what is read back, resuming and extending."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

from sweep_jobs import dimension, evaluate, spec
from torkivity_engine.errors import InputError
from torkivity_hpc.files.lock import lock_path, writer_lock
from torkivity_hpc.files.resume import open_for_writing
from torkivity_hpc.files.rows import Block, checksums
from torkivity_hpc.files.store import check_output
from torkivity_hpc.files.sweepfile import SweepFile, SweepSpec, create_sweep, file_size
from torkivity_hpc.grid import Value
from torkivity_hpc.running import manager, session
from torkivity_hpc.running.crew import ThreadCrew
from torkivity_hpc.running.manager import Outcome, StopRequest, run_points


def sweep(path: Path, wanted: SweepSpec, **options: bool) -> tuple[Outcome, list[str]]:
    said: list[str] = []
    with open_for_writing(
        path, wanted, tell=said.append, force=options.pop("force", False)
    ) as file:
        outcome = run_points(file, wanted.grid, evaluate, ThreadCrew(), **options)  # type: ignore[arg-type]
    return outcome, said


def ab(
    a: int | tuple[float, ...] = 5, b: int | tuple[float, ...] = 4, **physics: object
) -> SweepSpec:
    return spec(dimension("a", a), dimension("b", b), **physics)


def contents(path: Path) -> dict[str, bytes]:
    with h5py.File(path) as file:
        return {
            name: np.asarray(file[name][...]).tobytes()
            for name in file
            if name not in ("seconds", "finished", "rank")
        }


def test_checksum_notices_every_bit() -> None:
    rng = np.random.default_rng(1)
    row = rng.normal(size=(1, 40))
    seen = {int(checksums(row)[0])}
    for column in range(40):
        for bit in range(64):
            changed = row.copy()
            changed.view(np.uint64)[0, column] ^= np.uint64(1 << bit)
            seen.add(int(checksums(changed)[0]))
    assert len(seen) == 1 + 40 * 64
    assert checksums(np.zeros((1, 5)))[0] != 0
    swapped = row[:, ::-1].copy()
    assert checksums(swapped)[0] != checksums(row)[0]


def test_plain_xarray(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    started = time.time()
    outcome, _ = sweep(path, ab())
    assert (outcome.done, outcome.failed, outcome.missing) == (15, 5, 0)
    with xarray.open_dataset(path, decode_times=False) as file:
        assert file["torque"].dims == ("a", "b", "spin")
        assert file["torque"].attrs["units"] == "1/(Ohm m)"
        assert file["a"].attrs == {"long_name": "axis a", "units": "nm"}
        point = file.sel(a=3.0, b=2.0)
        np.testing.assert_array_equal(point["torque"], [3.0, 2.0, np.sin(6.0)])
        assert int(point["flag"]) == 1
        assert int(point["status"]) == 1
        assert 0.0 < float(point["seconds"]) <= outcome.seconds
        assert started <= float(point["finished"]) <= time.time()
        assert int(point["rank"]) == 0
        failed = file.sel(a=1.0, b=3.0)
        assert int(failed["status"]) == 2
        assert int(failed["flag"]) == -1
        assert np.isnan(failed["torque"]).all()
        text = file["messages"].values[int(failed["message"])]
        assert text == b"no film has b = 3"
        assert {"kind", "physics_json", "schema_version", "title"} <= set(file.attrs)


def test_nothing_of_the_structure_changes_after_creation(tmp_path: Path) -> None:
    """Outside the data, the file's bytes are those that creation wrote."""
    path = tmp_path / "a.h5"
    wanted = ab()
    create_sweep(path, wanted)
    before = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    inside = np.zeros(len(before), dtype=bool)
    with h5py.File(path) as file:
        for name in file:
            if file[name].dtype.kind != "O":
                start = file[name].id.get_offset()
                inside[start : start + file[name].id.get_storage_size()] = True
    sweep(path, wanted)
    after = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    assert len(after) == len(before)
    np.testing.assert_array_equal(after[~inside], before[~inside])
    assert (after != before).any()


@pytest.mark.parametrize("count", [1, 7, 150, 1000])
def test_scattered_points_land_where_they_belong(tmp_path: Path, count: int) -> None:
    wanted = spec(dimension("a", 40), dimension("b", 50))
    path = tmp_path / "a.h5"
    create_sweep(path, wanted)
    rng = np.random.default_rng(count)
    points = rng.choice(2000, count, replace=False)
    rows = rng.normal(size=(count, 5))
    rows[:, 4] = rng.integers(0, 2, count)
    book = {
        "seconds": rng.uniform(size=count),
        "finished": rng.uniform(1e9, 2e9, size=count),
        "rank": rng.integers(0, 64, count).astype(np.int32),
    }
    half = count // 2
    with SweepFile(path, wanted.layout(), 2000) as file:
        blocks = [
            Block(
                points=points[part],
                status=np.ones(len(points[part]), dtype=np.int8),
                rows=rows[part],
                messages={},
                **{name: values[part] for name, values in book.items()},
            )
            for part in (slice(half), slice(half, None))
        ]
        file.write(blocks)
        block, whole = file.read(0, 2000)
        assert file.discard_broken() == 0
    np.testing.assert_array_equal(block.rows[points], rows)
    for name, values in book.items():
        np.testing.assert_array_equal(getattr(block, name)[points], values, err_msg=name)
    assert np.flatnonzero(block.status).tolist() == sorted(points.tolist())
    assert whole[points].all()
    others = np.delete(np.arange(2000), points)
    assert np.isnan(block.rows[others]).all()
    assert np.isnan(block.seconds[others]).all()
    assert (block.rank[others] == -1).all()


def test_same_command_has_nothing_left_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    sweep(path, ab())
    before = path.read_bytes()
    outcome, _ = sweep(path, ab())
    assert outcome.computed == 0
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_failed_points_stay_until_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    sweep(path, ab())
    assert sweep(path, ab(), retry_failed=True)[0].computed == 5


def test_failed_points_of_a_complete_file_are_tried_again(tmp_path: Path) -> None:
    """A file in which nothing is missing is opened again for them, and only when asked."""
    path = tmp_path / "a.h5"
    plan = session.SweepPlan(ab(), evaluate, ("a",))
    mended = session.SweepPlan(ab(), lambda values: evaluate({**values, "b": 2.0}), ("a",))
    session.run_plan(plan, path, ThreadCrew)
    with h5py.File(path) as file:
        before = {name: file[name][...] for name in ("seconds", "finished", "torque")}
    untouched = session.run_plan(mended, path, ThreadCrew)
    assert (untouched.computed, untouched.failed, untouched.missing) == (0, 5, 0)
    retried = session.run_plan(mended, path, ThreadCrew, retry_failed=True)
    assert (retried.computed, retried.done, retried.failed) == (5, 20, 0)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["product"][:, 3], 2.0 * np.arange(5))
        assert (file["message"][...] == -1).all()
        for name, values in before.items():
            np.testing.assert_array_equal(file[name][:, :3], values[:, :3], err_msg=name)
            assert not np.array_equal(file[name][:, 3], values[:, 3]), name
    said: list[str] = []
    nothing = session.run_plan(mended, path, ThreadCrew, retry_failed=True, tell=said.append)
    assert nothing.computed == 0
    assert not any("to compute" in line for line in said)


def test_grown_axes(tmp_path: Path) -> None:
    """Values in between, in front and behind: all that matches is taken over."""
    path, whole = tmp_path / "a.h5", tmp_path / "whole.h5"
    sweep(path, ab((1.0, 2.0, 4.0), (2.0, 3.0)))
    bigger = ab((0.5, 1.0, 2.0, 3.0, 4.0, 5.0), (3.0, 2.0, 1.0))
    kept = ("seconds", "finished", "rank")
    with h5py.File(path) as file:
        before = {name: file[name][...] for name in kept}
    outcome, said = sweep(path, bigger)
    assert outcome.computed == 18 - 6
    assert any("6 points are taken over into a file of 18" in line for line in said)
    sweep(whole, bigger)
    assert contents(path) == contents(whole)
    with h5py.File(path) as file:
        for name in kept:
            moved = file[name][...][[1, 2, 4]][:, [1, 0]]
            np.testing.assert_array_equal(moved, before[name], err_msg=name)


def test_other_physics_is_refused_by_key(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    sweep(path, ab(barrier=0.4))
    before = path.read_bytes()
    for wanted, expected in (
        (ab(barrier=0.5), r"barrier = 0.5: .*a.h5 was computed with 0.4"),
        (ab(), r"barrier = None: .*a.h5 was computed with 0.4"),
        (ab(barrier=0.4, more=1), r"more = 1: .*a.h5 was computed with None"),
        (ab(4, barrier=0.4), r"a = '4 values without 4.0': .*may grow, but not lose values"),
        (spec(dimension("b", 4), dimension("a", 5), barrier=0.4), "in this order"),
        (spec(dimension("a", 5), barrier=0.4), "has the dimensions a, b"),
    ):
        with pytest.raises(InputError, match=expected):
            sweep(path, wanted)
        assert path.read_bytes() == before
    assert sweep(path, ab(barrier=0.5), force=True)[0].computed == 20


def test_points_that_did_not_reach_the_disk_whole(tmp_path: Path) -> None:
    """As after a loss of power: flags without their values."""
    path = tmp_path / "a.h5"
    sweep(path, ab())
    good = contents(path)
    with h5py.File(path, "r+") as file:
        file["torque"][1, 0] = 0.0
        file["product"][1, 1] = np.nan
        file["status"][2, 2] = 77
    outcome, said = sweep(path, ab())
    assert outcome.computed == 3
    assert said[0].startswith("3 points had not reached the disk whole")
    assert contents(path) == good


def test_foreign_and_damaged_files(tmp_path: Path) -> None:
    text, other, cut = tmp_path / "text.h5", tmp_path / "other.h5", tmp_path / "cut.h5"
    text.write_text("something dear to somebody")
    with h5py.File(other, "w") as file:
        file["x"] = 1
    sweep(cut, ab())
    cut.write_bytes(cut.read_bytes()[:-500])
    for path, expected in (
        (text, "is not an HDF5 file"),
        (other, "not one of torkivity's"),
        (cut, "is damaged"),
    ):
        before = path.read_bytes()
        with pytest.raises(InputError, match=expected):
            sweep(path, ab())
        assert path.read_bytes() == before
    assert sweep(cut, ab(), force=True)[0].computed == 20


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """As a user whom permissions bind."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("what", ["folder", "folder and file", "file"])
def test_read_only_target(what: str) -> None:
    with tempfile.TemporaryDirectory() as name:  # tmp_path lies where only its owner may go
        folder, path = Path(name), Path(name) / "a.h5"
        if what != "folder":
            sweep(path, ab(a=4))
            path.chmod(0o444)
        before = {p.name: p.read_bytes() for p in folder.iterdir()}
        folder.chmod(0o777 if what == "file" else 0o555)
        with unprivileged(), pytest.raises((InputError, OSError)) as caught:
            session.run_plan(session.SweepPlan(ab(), evaluate, ("a",)), path, ThreadCrew)
        folder.chmod(0o755)
        assert "ermission denied" in str(caught.value)
        assert str(path) in str(caught.value)
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_second_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with writer_lock(path), pytest.raises(InputError, match=f"written by process {os.getpid()} on"):
        sweep(path, ab())
    assert not lock_path(path).exists()
    assert not path.exists()
    sweep(path, ab())


@pytest.mark.parametrize("other", ["symbolic", "hard", "relative"])
def test_second_writer_by_another_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    path = tmp_path / "a.h5"
    sweep(path, ab())
    (tmp_path / "there").mkdir()
    name = tmp_path / "there" / "b.h5"
    if other == "symbolic":
        name.symlink_to(path)
    elif other == "hard":
        name.hardlink_to(path)
    else:
        monkeypatch.chdir(tmp_path / "there")
        name = Path("../a.h5")
    with writer_lock(path):
        for force in (False, True):
            with pytest.raises(InputError, match="is being written by"):
                sweep(name, ab(), force=force)
        with pytest.raises(InputError, match="is being written by"):
            check_output(name, force=True)
    assert sweep(name, ab())[0].computed == 0


def test_two_names_before_there_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "b.h5").symlink_to(tmp_path / "a.h5")
    with writer_lock(tmp_path / "a.h5"), pytest.raises(InputError, match="is being written by"):
        sweep(tmp_path / "b.h5", ab())
    sweep(tmp_path / "b.h5", ab())
    assert (tmp_path / "b.h5").is_symlink()
    assert (tmp_path / "a.h5").is_file()


def test_a_grown_sweep_is_locked_at_every_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is replaced: the new one, too, is held from before it has the name to the end."""
    path, other = tmp_path / "a.h5", tmp_path / "b.h5"
    sweep(path, ab(4))
    link = tmp_path / "link.h5"
    link.symlink_to(path)
    refused: list[str] = []
    replace = os.replace

    def watched(one: Path, name: Path) -> None:
        for when in ("before", "after"):
            if when == "after":
                replace(one, name)
            other.unlink(missing_ok=True)
            other.hardlink_to(one if when == "before" else name)
            with pytest.raises(InputError, match="is being written by"), writer_lock(other):
                pass
            refused.append(when)

    monkeypatch.setattr(os, "replace", watched)
    with open_for_writing(link, ab(5), tell=str):
        with pytest.raises(InputError, match="is being written by"), writer_lock(other):
            pass
        refused.append("within")
    assert refused == ["before", "after", "within"]
    assert link.is_symlink()
    with writer_lock(other):
        pass


def without_locks(*_: object) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def test_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("flock", "fcntl"):
        monkeypatch.setattr(fcntl, name, without_locks)
    path = tmp_path / "a.h5"
    for wanted in (ab(4), ab(5)):
        outcome, said = sweep(path, wanted)
        assert outcome.missing == 0
        assert len([line for line in said if "has no locks" in line]) == 1


def test_flags_follow_what_they_vouch_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each batch every value is written before the state; all is brought to the disk."""
    path = tmp_path / "a.h5"
    create_sweep(path, ab())
    with h5py.File(path) as file:
        starts = {file[name].id.get_offset(): name for name in file}
    calls: list[str] = []
    pwrite, fdatasync = os.pwrite, os.fdatasync

    def written(descriptor: int, data: bytes, offset: int) -> int:
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(path):
            calls.append(starts[max(start for start in starts if start <= offset)])
        return pwrite(descriptor, data, offset)

    def synced(descriptor: int) -> None:
        calls.append("sync")
        fdatasync(descriptor)

    monkeypatch.setattr(os, "pwrite", written)
    monkeypatch.setattr(os, "fdatasync", synced)
    monkeypatch.setattr(manager, "_FLUSH_SECONDS", 0.0)
    sweep(path, ab())
    assert calls.pop() == "sync"
    batches = " ".join(calls).split(" status")
    assert batches.pop() == ""
    assert len(batches) > 1
    values = {"torque", "product", "flag", "checksum", "seconds", "finished", "rank", "message"}
    for batch in batches:
        assert values <= set(batch.split())


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".a.h5.123.part").write_bytes(b"half")
    (tmp_path / ".a.h5.lock").write_text("process 123 on nowhere")
    (tmp_path / ".b.h5.123.part").write_bytes(b"another's")
    sweep(tmp_path / "a.h5", ab())
    assert {p.name for p in tmp_path.iterdir()} == {"a.h5", ".b.h5.123.part"}


def test_readers_are_not_locked_out(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with open_for_writing(path, ab(), tell=str), h5py.File(path, "r", locking=True) as file:
        assert file["status"][...].sum() == 0


def test_many_different_messages(tmp_path: Path) -> None:
    wanted = spec(dimension("a", 400), dimension("b", 1))

    def fail(values: object) -> dict[str, float]:
        raise ValueError(f"{values} {'x' * 400}")

    path = tmp_path / "a.h5"
    with open_for_writing(path, wanted, tell=str) as file:
        run_points(file, wanted.grid, fail, ThreadCrew())
    with h5py.File(path) as file:
        rows, table = file["message"][...], file["messages"][...]
    assert rows.min() == 0
    assert rows.max() == 255
    assert b"too many different ones" in table[255]
    assert all(len(text) <= 240 for text in table)


def test_sizes_are_foretold(tmp_path: Path) -> None:
    wanted = spec(dimension("a", 200), dimension("b", 300))
    path = tmp_path / "a.h5"
    create_sweep(path, wanted)
    assert path.stat().st_size == pytest.approx(file_size(wanted), rel=0.03)


def test_stop_before_the_first_point(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with open_for_writing(path, ab(), tell=str) as file:
        stop = StopRequest(deadline=0.0)
        outcome = run_points(file, ab().grid, evaluate, ThreadCrew(), stop=stop)
    assert outcome.missing >= 19  # the first point is on its way before anything else
    assert outcome.stopped == "time limit"


def test_mistakes_are_not_points_that_fail(tmp_path: Path) -> None:
    def mistaken(values: object) -> dict[str, float]:
        raise TypeError("a mistake")

    with (
        open_for_writing(tmp_path / "a.h5", ab(), tell=str) as file,
        pytest.raises(TypeError, match="a mistake"),
    ):
        run_points(file, ab().grid, mistaken, ThreadCrew())


def test_time_is_foretold_from_a_few_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that runs 7 s for a point with new layers and 2 s for any other."""
    now, latest, computed = 0.0, None, 0

    def clocked(values: Mapping[str, Value]) -> dict[str, object]:
        nonlocal now, latest, computed
        now += 2.0 if values["a"] == latest else 7.0
        latest, computed = values["a"], computed + 1
        raise ArithmeticError("points that fail take time too")

    monkeypatch.setattr(session.time, "perf_counter", lambda: now)
    plan = session.SweepPlan(ab(a=30, b=20), clocked, ("a",))
    assert session.estimate_seconds(plan) == 30 * 7.0 + 30 * 19 * 2.0
    assert computed < 20
    one_layer = session.SweepPlan(ab(a=30, b=20), lambda values: clocked({**values, "a": 1.0}), ())
    assert session.estimate_seconds(one_layer) == 600 * 2.0
