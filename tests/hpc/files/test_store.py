"""Result files over a grid: layout, safety of what is on disk, plain xarray."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

from torkivity_engine.errors import InputError
from torkivity_engine.record import Variable
from torkivity_hpc.files.store import STATUS, check_output, create_results, new_file, require_room
from torkivity_hpc.grid import Axis

SCHEMA = {
    "torque": Variable(("spin",), "1/(Ohm m)", "torque"),
    "tensor": Variable(("current", "field"), "1/(Ohm m)", "tensor"),
    "conductance": Variable((), "1/(Ohm m^2)", "conductance"),
}
GRID = {
    "exchange": Axis((0.1, 0.2, 0.3), "1", "u_ex"),
    "thickness": Axis((1.0, 2.0), "nm", "heavy-metal thickness"),
}


def values(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "torque": rng.normal(size=3),
        "tensor": rng.normal(size=(4, 2)),
        "conductance": rng.normal(),
    }


def test_grid_in_plain_xarray(tmp_path: Path) -> None:
    path = tmp_path / "grid.h5"
    with create_results(path, SCHEMA, grid=GRID, attributes={"title": "t"}) as results:
        results.write(values(1), (0, 0))
        results.write(values(2), (2, 1))
        results.write_attributes({"elapsed_seconds": 1.5})
    for engine in (None, "h5netcdf"):
        with xarray.open_dataset(path, engine=engine) as dataset:
            assert dataset["torque"].dims == ("exchange", "thickness", "spin")
            assert dataset["tensor"].dims == ("exchange", "thickness", "current", "field")
            assert list(dataset["spin"].values) == ["x", "y", "z"]
            assert dataset["thickness"].attrs["units"] == "nm"
            assert dataset["torque"].attrs["units"] == "1/(Ohm m)"
            point = dataset.sel(exchange=0.3, thickness=2.0)
            np.testing.assert_array_equal(point["tensor"], values(2)["tensor"])
            assert np.isnan(dataset.sel(exchange=0.2)["torque"]).all()
            assert dataset["status"].values.tolist() == [[1, 0], [0, 0], [0, 1]]
            assert dataset.attrs["title"] == "t"
            assert dataset.attrs["elapsed_seconds"] == 1.5


def test_space_is_allocated_beforehand(tmp_path: Path) -> None:
    path = tmp_path / "grid.h5"
    with create_results(path, SCHEMA, grid=GRID):
        pass
    with h5py.File(path) as file:
        for name in [*SCHEMA, "status"]:
            assert file[name].chunks is None
            assert file[name].id.get_offset() is not None
        assert file["status"].dtype == np.int8
        assert dict(zip(file["status"].attrs["flag_meanings"].split(),
                        file["status"].attrs["flag_values"], strict=True)) == STATUS  # fmt: skip


def test_every_dimension_has_a_scale_beside_its_variable(tmp_path: Path) -> None:
    path = tmp_path / "grid.h5"
    with create_results(path, SCHEMA, grid=GRID):
        pass
    with h5py.File(path) as file:
        for dataset in file.values():
            if not dataset.is_scale:
                assert all(len(dim) == 1 for dim in dataset.dims)


def test_point_must_match_the_schema(tmp_path: Path) -> None:
    record = values()
    record["typo"] = record.pop("torque")
    with create_results(tmp_path / "a.h5", SCHEMA) as results, pytest.raises(KeyError) as error:
        results.write(record)
    assert "torque" in str(error.value)
    assert "typo" in str(error.value)


def test_only_used_component_axes_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with create_results(path, {"conductance": SCHEMA["conductance"]}):
        pass
    with h5py.File(path) as file:
        assert set(file) == {"conductance", "status"}


def test_new_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with new_file(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def write_and_fail() -> None:
        with new_file(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_failure_keeps_what_force_would_have_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def overwrite_and_fail() -> None:
        with new_file(path, force=True) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        overwrite_and_fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_file_of_the_meantime_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"

    def race() -> None:
        with new_file(path) as temporary:
            temporary.write_text("mine")
            path.write_text("theirs")

    with pytest.raises(InputError, match="exists already"):
        race()
    assert path.read_text() == "theirs"


def test_outputs_refused_beforehand(tmp_path: Path) -> None:
    existing = tmp_path / "a.h5"
    existing.write_text("x")
    with pytest.raises(InputError, match="exists already; --force"):
        check_output(existing)
    check_output(existing, force=True)
    with pytest.raises(InputError, match="is a folder"):
        check_output(tmp_path, force=True)
    with pytest.raises(InputError, match="there is no folder"):
        check_output(tmp_path / "missing" / "b.h5")
    with pytest.raises(InputError, match="there is no folder"):
        check_output(existing / "b.h5")
    with pytest.raises(InputError, match="cannot be written"):
        check_output(tmp_path / ("n" * 300))
    with pytest.raises(InputError, match="standard output takes text only"):
        check_output(Path("-"))
    assert existing.read_text() == "x"


def special_files(folder: Path) -> Iterator[Path]:
    """A pipe, a socket and a device, by their own names and by links."""
    pipe, end, link = folder / "pipe", folder / "socket", folder / "link"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(end))
    for index, path in enumerate((pipe, end, Path("/dev/zero"))):
        yield path
        other = link.with_name(f"link{index}")
        other.symlink_to(path)
        yield other


def test_what_is_no_regular_file_is_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Should the check be missing, the device of the machine must not pay for it.
    monkeypatch.setattr(os, "replace", lambda *names: pytest.fail(f"replaced {names}"))
    for path in special_files(tmp_path):
        before = os.lstat(path)
        with pytest.raises(InputError, match="is no file but a device, pipe or socket"):
            check_output(path, force=True)
        with pytest.raises(InputError, match="is no file"), new_file(path, force=True):
            pass
        assert os.lstat(path) == before


def test_links_are_written_through(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for name in ("old.txt", "new.txt"):
        link, target = tmp_path / name, tmp_path / "there" / name
        link.symlink_to(target)
        if name == "old.txt":
            target.write_text("old")
            with pytest.raises(InputError, match="exists already"):
                check_output(link)
        with new_file(link, force=name == "old.txt") as temporary:
            temporary.write_text("whole")
        assert link.is_symlink()
        assert target.read_text() == "whole"
        assert not target.is_symlink()
    assert len(list((tmp_path / "there").iterdir())) == 2


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "lost").symlink_to(tmp_path / "missing" / "a.txt")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    with pytest.raises(InputError, match=r"there is no folder '.*missing'"):
        check_output(tmp_path / "lost", force=True)
    with pytest.raises(InputError, match=r"cannot be written \(Too many levels"):
        check_output(tmp_path / "round", force=True)
    assert (tmp_path / "round").is_symlink()


def test_left_overs_of_a_process_of_the_same_number(tmp_path: Path) -> None:
    """Processes in containers often have the same number."""
    (tmp_path / f".a.txt.{os.getpid()}.part").write_text("half")
    with new_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "a.txt").read_text() == "whole"


def test_what_a_new_file_does_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content, then name, then the folder; the old file keeps its bytes for whoever has it open."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        calls.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def renamed(one: str, other: str) -> None:
        calls.append("rename")
        replace(one, other)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    with path.open() as before:
        with new_file(path, force=True) as temporary:
            temporary.write_text("new")
        assert before.read() == "old"
    assert path.read_text() == "new"
    assert calls == [str(temporary), "rename", str(tmp_path)]


def test_full_disk(tmp_path: Path) -> None:
    """HDF5 crashes on one; nothing of it is seen here."""
    path = tmp_path / "a.h5"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with (
            pytest.raises(OSError, match="File too large") as caught,
            new_file(path) as temporary,
            create_results(temporary, SCHEMA, grid=GRID) as results,
        ):
            results.write(values(1), (0, 0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_room_is_asked_for(tmp_path: Path) -> None:
    require_room(tmp_path / "a", 10_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            require_room(tmp_path / "a", 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
