"""HDF5 store of named real arrays over a parameter grid that is known beforehand.

Every dataset is contiguous and full of NaN before the first result arrives, so that a point is
written in place. A single run is the grid without axes. Each dimension of each variable carries a
scale of the same name in the same group, and everything is real, which is what plain
``xarray.open_dataset`` needs to name the axes.
"""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from torkivity_engine.errors import InputError
from torkivity_engine.record import COORDINATES, Variable
from torkivity_hpc.files.lock import require_no_writer
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
    "create_values",
    "known_axes",
    "new_file",
    "part_names",
    "read_values",
    "require_room",
]

#: Values of the variable ``status``, one per grid point.
STATUS: dict[str, int] = {"missing": 0, "done": 1, "failed": 2}

#: Bumped when a reader of older files would misread a newer one.
SCHEMA_VERSION = 2


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
        self._file["status"][point] = STATUS["done"]

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
    """Lay out a result file in memory and write it when the block ends well.

    HDF5 does not survive a full disk; plain writing does.

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

    Raises
    ------
    OSError
        If it cannot be written.
    """
    grid = dict(grid or {})
    with h5py.File(str(path), "w", driver="core", backing_store=False) as file:
        file.attrs["schema_version"] = SCHEMA_VERSION
        file.attrs.update(attributes or {})
        for name, axis in known_axes(variables, axes or {}, grid).items():
            create_scale(file, name, axis)
        for name, variable in variables.items():
            dims = (*grid, *variable.dims)
            dataset = create_dataset(file, name, dims, "<f8", np.nan)
            dataset.attrs.update(units=variable.units, long_name=variable.long_name)
        create_status(file, tuple(grid))
        yield ResultFile(file, tuple(grid), variables)
        file.flush()
        image = file.id.get_file_image()
    with path.open("xb") as target:
        target.write(image)


def check_output(path: Path, *, force: bool = False) -> None:
    """Refuse an output path before any time is spent on computing for it.

    Parameters
    ----------
    path : Path
        A link stands for what it leads to.
    force : bool, optional
        Accept an existing file.

    Raises
    ------
    InputError
        If the file exists (without `force`) or is being written by another process, is
        anything but a regular file, or cannot be created.
    """
    if _check_target(path, force):
        require_no_writer(path)
    probe = _temporary_name(_real(path))
    try:
        # Permission bits say little (root, read-only mounts, full disks): try it.
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise InputError("output", str(path), f"cannot be written ({error.strerror})") from None


def _check_target(path: Path, force: bool) -> bool:
    """What the names alone tell; whether there is a file to replace."""
    target = _real(path)
    folder = next((p for p in (path.parent, target.parent) if not p.is_dir()), None)
    try:
        mode = 0 if folder else os.stat(target).st_mode
    except FileNotFoundError:
        mode = 0
    except OSError as error:
        raise InputError("output", str(path), f"cannot be written ({error.strerror})") from None
    problem = ""
    if str(path) == "-":
        problem = "standard output takes text only; name a file"
    elif folder is not None:
        problem = f"there is no folder {str(folder)!r}"
    elif stat.S_ISDIR(mode):
        problem = "is a folder; name a file in it"
    elif mode and not stat.S_ISREG(mode):
        problem = "is no file but a device, pipe or socket; name a file"
    elif mode and not force:
        problem = "exists already; --force overwrites it"
    if problem:
        raise InputError("output", str(path), problem)
    return bool(mode)


@contextlib.contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Name to write a file under, which becomes `path` once the block ends well.

    Parameters
    ----------
    path : Path
        Where the file shall appear, whole or not at all. A link stays, and what it leads to
        is replaced.
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
    OSError
        If it cannot be written; it names `path`.
    """
    _check_target(path, force)
    target = _real(path)
    temporary = _temporary_name(target)
    try:
        yield temporary
        # The name must not come to point at what has not reached the disk.
        _sync(temporary)
        _check_target(path, force)  # somebody else's result of the meantime
        os.replace(temporary, target)
        with contextlib.suppress(OSError):  # a folder that cannot be synchronised is as good
            _sync(target.parent)
    except OSError as error:
        if error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def require_room(path: Path, size: int) -> None:
    """Try whether the disk takes a file of some size; HDF5 itself dies of a full one.

    Parameters
    ----------
    path : Path
        Must not exist, and does not afterwards.
    size : int
        Bytes.

    Raises
    ------
    OSError
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)
        path.unlink()


def part_names(path: Path) -> list[Path]:
    """Unfinished files that killed writers of `path` left behind."""
    target = _real(path)
    return sorted(target.parent.glob(f".{glob.escape(target.name)}.*.part"))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _temporary_name(target: Path) -> Path:
    # In containers a process that was killed and the next one may have the same number.
    return target.parent / f".{target.name}.{os.getpid()}-{secrets.token_hex(3)}.part"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
    create_values(file, name, axis).make_scale(name)


def create_values(file: Any, name: str, axis: Axis) -> Any:
    """Values along an axis, with what they are."""
    if len(axis.values) and isinstance(axis.values[0], str):
        dataset = file.create_dataset(name, data=list(axis.values), dtype=h5py.string_dtype())
    else:
        dataset = file.create_dataset(name, data=np.asarray(axis.values, dtype=np.float64))
    dataset.attrs["long_name"] = axis.long_name
    for key in ("units", "symbol"):
        if getattr(axis, key):
            dataset.attrs[key] = getattr(axis, key)
    return dataset


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
