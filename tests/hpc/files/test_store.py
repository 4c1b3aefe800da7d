"""Result files over a grid: layout, safety of what is on disk, plain xarray."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

from torkivity_engine.errors import InputError
from torkivity_engine.record import Variable
from torkivity_hpc.files.store import STATUS, check_output, create_results, new_file
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
    assert existing.read_text() == "x"
