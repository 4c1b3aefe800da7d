"""HDF5 store of named real arrays over a parameter grid that is known beforehand.

Every dataset is allocated, contiguous and full of NaN, before the first result arrives, so
that a point is written in place: nothing grows, and a file that loses its writer stays
readable. A single run is the grid without axes. Each dimension of each variable carries a
scale of the same name in the same group, and everything is real, which is what plain
``xarray.open_dataset`` needs to name the axes.
"""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from torkivity_engine.errors import InputError
from torkivity_engine.record import COORDINATES, Variable
from torkivity_hpc.grid import Axis

__all__ = [
    "SCHEMA_VERSION",
    "STATUS",
    "ResultFile",
    "check_output",
    "create_dataset",
    "create_results",
    "create_scale",
    "create_status",
    "known_axes",
    "new_file",
    "part_names",
    "read_values",
]

#: Values of the variable ``status``, one per grid point.
STATUS: dict[str, int] = {"missing": 0, "done": 1, "failed": 2}

#: Bumped when a reader of older files would misread a newer one.
SCHEMA_VERSION = 1


class ResultFile:
    """Open result file that takes the values of one grid point at a time.

    Made by `create_results`.
    """

    def __init__(self, file: Any, grid: Sequence[str], variables: Mapping[str, Variable]) -> None:
        self._file = file
        self._grid = tuple(grid)
        self._variables = dict(variables)

    def write(self, values: Mapping[str, ArrayLike], point: tuple[int, ...] = ()) -> None:
        """Store all variables of a grid point, then mark it done.

        Parameters
        ----------
        values : mapping of str to array_like
            Exactly the variables of the schema. A bool is stored as 0 or 1.
        point : tuple of int, optional
            Index along each grid axis.

        Raises
        ------
        KeyError
            If names are missing or unknown: the schema and its producer disagree.
        """
        mismatch = set(values) ^ set(self._variables)
        if mismatch:
            raise KeyError(f"variables that do not match the schema: {sorted(mismatch)}")
        for name, value in values.items():
            self._file[name][point] = np.asarray(value)
        # The flag must not reach the disk before what it vouches for.
        self._file.flush()
        self._file["status"][point] = STATUS["done"]
        self._file.flush()

    def write_attributes(self, attributes: Mapping[str, str | int | float]) -> None:
        """Set attributes of the whole file."""
        self._file.attrs.update(attributes)


@contextlib.contextmanager
def create_results(
    path: Path,
    variables: Mapping[str, Variable],
    *,
    grid: Mapping[str, Axis] | None = None,
    axes: Mapping[str, Axis] | None = None,
    attributes: Mapping[str, str | int | float] | None = None,
) -> Iterator[ResultFile]:
    """Lay out a result file and open it for writing.

    Parameters
    ----------
    path : Path
        File to create; it must not exist. See `new_file` for how to publish it.
    variables : mapping of str to Variable
        Schema. Dimensions are named in `axes` or in `torkivity_engine.record.COORDINATES`;
        the grid axes come before them and are not listed.
    grid : mapping of str to Axis, optional
        Axes of the parameter grid, slowest first. None for a single point.
    axes : mapping of str to Axis, optional
        Further dimensions of variables.
    attributes : mapping, optional
        Attributes of the whole file.

    Yields
    ------
    ResultFile
    """
    grid = dict(grid or {})
    with h5py.File(path, "x") as file:
        file.attrs["schema_version"] = SCHEMA_VERSION
        file.attrs.update(attributes or {})
        for name, axis in known_axes(variables, axes or {}, grid).items():
            create_scale(file, name, axis)
        for name, variable in variables.items():
            dims = (*grid, *variable.dims)
            dataset = create_dataset(file, name, dims, "<f8", np.nan)
            dataset.attrs.update(units=variable.units, long_name=variable.long_name)
        create_status(file, tuple(grid))
        file.flush()
        yield ResultFile(file, tuple(grid), variables)


def check_output(path: Path, *, force: bool = False) -> None:
    """Refuse an output path before any time is spent on computing for it.

    Parameters
    ----------
    path : Path
    force : bool, optional
        Accept an existing file.

    Raises
    ------
    InputError
        If the file exists (without `force`), is a folder, or cannot be created.
    """
    probe = _temporary_name(path)
    try:
        if path.is_dir():
            raise InputError("output", str(path), "is a folder; name a file in it")
        if path.exists() and not force:
            raise InputError("output", str(path), "exists already; --force overwrites it")
        if not path.parent.is_dir():
            raise InputError("output", str(path), f"there is no folder {str(path.parent)!r}")
        # Permission bits say little (root, read-only mounts, full disks): try it.
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise InputError("output", str(path), f"cannot be written ({error.strerror})") from None


@contextlib.contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Name to write a file under, which becomes `path` once the block ends well.

    Parameters
    ----------
    path : Path
        Where the file shall appear, whole or not at all.
    force : bool, optional
        Replace an existing file.

    Yields
    ------
    Path
        Name in the same folder, so that the final step is one atomic rename.

    Raises
    ------
    InputError
        As `check_output`.
    """
    check_output(path, force=force)
    temporary = _temporary_name(path)
    try:
        yield temporary
        if path.exists() and not force:  # somebody else's result of the meantime
            raise InputError("output", str(path), "exists already; --force overwrites it")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def part_names(path: Path) -> list[Path]:
    """Unfinished files that killed writers of `path` left behind."""
    return sorted(path.parent.glob(f".{glob.escape(path.name)}.*.part"))


def _temporary_name(path: Path) -> Path:
    return path.parent / f".{path.name}.{os.getpid()}.part"


def known_axes(
    variables: Mapping[str, Variable], axes: Mapping[str, Axis], grid: Mapping[str, Axis]
) -> dict[str, Axis]:
    """All axes of a file: used components, further ones, and those of the grid."""
    components = {
        name: Axis(labels, "", f"component: {name}")
        for name, labels in COORDINATES.items()
        if any(name in variable.dims for variable in variables.values())
    }
    return {**components, **axes, **grid}


def create_scale(file: Any, name: str, axis: Axis) -> None:
    """Coordinate of a dimension, under the dimension's name."""
    if len(axis.values) and isinstance(axis.values[0], str):
        dataset = file.create_dataset(name, data=list(axis.values), dtype=h5py.string_dtype())
    else:
        dataset = file.create_dataset(name, data=np.asarray(axis.values, dtype=np.float64))
    dataset.attrs["long_name"] = axis.long_name
    if axis.units:
        dataset.attrs["units"] = axis.units
    dataset.make_scale(name)


def create_dataset(file: Any, name: str, dims: Sequence[str], dtype: str, fill: Any) -> Any:
    """Contiguous dataset, allocated and filled at once, with a scale on each dimension."""
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    shape = tuple(len(file[dim]) for dim in dims)
    if not shape:
        # h5py drops creation properties of scalars; written at once, they are allocated too.
        return file.create_dataset(name, data=np.array(fill, dtype=dtype))
    dataset = file.create_dataset(name, shape=shape, dtype=dtype, fillvalue=fill, dcpl=early)
    for index, dim in enumerate(dims):
        dataset.dims[index].attach_scale(file[dim])
    return dataset


def create_status(file: Any, dims: Sequence[str]) -> Any:
    """The variable ``status``, all points missing."""
    status = create_dataset(file, "status", dims, "i1", STATUS["missing"])
    status.attrs["long_name"] = "state of the computation"
    status.attrs["flag_values"] = np.array(list(STATUS.values()), dtype=np.int8)
    status.attrs["flag_meanings"] = " ".join(STATUS)
    return status


def read_values(dataset: Any) -> NDArray[Any]:
    """Values of a dataset, names as Python strings."""
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return np.asarray(dataset.asstr()[...])
    return np.asarray(dataset[...])
