"""The file of a sweep: laid out once, then filled in place.

HDF5 writes the file a single time, when nothing is in it: contiguous datasets, allocated and
filled. From then on the library's structures never change. Points are written by ``pwrite``
at the datasets' offsets, values first and the flag that vouches for them last, so that no
kill can leave a file that does not open, and readers never wait for the writer.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.record import COORDINATES, Variable
from torkivity_hpc.files.reading import own_variables, readable
from torkivity_hpc.files.rows import Block, RowLayout, checksums
from torkivity_hpc.files.store import (
    SCHEMA_VERSION,
    STATUS,
    create_dataset,
    create_scale,
    create_status,
    create_values,
    known_axes,
    require_room,
)
from torkivity_hpc.grid import Axis, Grid

__all__ = ["KIND", "SweepFile", "SweepSpec", "create_sweep", "file_size", "readable_sweep"]

#: Value of the attribute ``kind`` of these files.
KIND = "sweep"

#: Different messages that a file keeps; each of up to so many bytes.
_MESSAGE_ROWS, _MESSAGE_BYTES = 256, 240

#: Points read or copied at a time.
_BLOCK = 1 << 16

#: Bytes of a file beside its values, with room to spare.
_STRUCTURE = 1 << 18

IntArray = NDArray[np.int64]

#: What is kept about each point beside its values: dtype, fill, attributes.
_BOOKKEEPING: dict[str, tuple[str, Any, dict[str, str]]] = {
    "seconds": ("<f8", np.nan, {"units": "s", "long_name": "time that the point took"}),
    "finished": (
        "<f8",
        np.nan,
        {"units": "seconds since 1970-01-01", "long_name": "when the point was finished (UTC)"},
    ),
    "rank": ("<i4", -1, {"long_name": "process that computed the point, -1 for none"}),
    "checksum": ("<i8", 0, {"long_name": "checksum of the point's values, for resuming"}),
    "message": (
        "<i2",
        -1,
        {"long_name": "row of messages: why the point failed or what it lacks, -1 for none"},
    ),
}


@dataclass(frozen=True)
class SweepSpec:
    """Everything that a sweep's file says about itself before the first point.

    Attributes
    ----------
    grid : Grid
    variables : mapping of str to Variable
        What a point gives; dims without those of the grid.
    physics : mapping of str to JSON value
        What the numbers depend on besides the grid. A file with another value of any key is
        not resumed.
    attributes : mapping
        Further attributes of the file.
    flags : frozenset of str
        Variables that are 0 or 1, stored as int8.
    axes : mapping of str to Axis
        Dimensions of variables beyond the engine's own.
    extra : mapping of str to Variable
        Variables that are not one per point; their dims are named in full.
    kind : str
        What the file is, its attribute of that name.
    """

    grid: Grid
    variables: Mapping[str, Variable]
    physics: Mapping[str, Any]
    attributes: Mapping[str, str | int | float] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    axes: Mapping[str, Axis] = field(default_factory=dict)
    extra: Mapping[str, Variable] = field(default_factory=dict)
    kind: str = KIND

    def layout(self) -> RowLayout:
        """Columns of a point's row."""
        sizes = {name: len(labels) for name, labels in COORDINATES.items()}
        sizes |= {name: len(axis.values) for name, axis in self.axes.items()}
        return RowLayout(self.variables, sizes)


def file_size(spec: SweepSpec) -> int:
    """Bytes that the file of a sweep takes, but for some kilobytes of structure."""
    layout = spec.layout()
    per_point = 8 * layout.width - 7 * len(spec.flags) + 1
    per_point += sum(np.dtype(dtype).itemsize for dtype, _, _ in _BOOKKEEPING.values())
    axes = sum(8 * len(dimension) * len(dimension.parameters) for dimension in spec.grid.dimensions)
    lengths = {
        name: len(axis.values)
        for name, axis in known_axes(spec.extra, spec.axes, spec.grid.axes).items()
    }
    extra = sum(8 * math.prod(lengths[dim] for dim in v.dims) for v in spec.extra.values())
    return spec.grid.size * per_point + axes + extra + _MESSAGE_ROWS * _MESSAGE_BYTES


def create_sweep(path: Path, spec: SweepSpec) -> None:
    """Lay out the file of a sweep, all points missing.

    Parameters
    ----------
    path : Path
        File to create; it must not exist. See `torkivity_hpc.files.store.new_file`.
    spec : SweepSpec

    Raises
    ------
    OSError
        If there is no room.
    """
    require_room(path, file_size(spec) + _STRUCTURE)
    grid = spec.grid
    with h5py.File(path, "x", locking=False) as file:
        file.attrs["schema_version"] = SCHEMA_VERSION
        file.attrs["kind"] = spec.kind
        file.attrs["physics_json"] = json.dumps(dict(spec.physics))
        file.attrs.update(spec.attributes)
        messages = Axis(tuple(float(i) for i in range(_MESSAGE_ROWS)), "", "row of messages")
        axes = known_axes({**spec.variables, **spec.extra}, spec.axes, grid.axes)
        for name, axis in {**axes, "message_row": messages}.items():
            create_scale(file, name, axis)
        for dimension in grid.dimensions:
            for name, values in dimension.parameters.items():
                if name != dimension.name:
                    plain = Axis(values, "", f"{name} along {dimension.name}")  # type: ignore[arg-type]
                    own = create_values(file, name, dimension.described.get(name, plain))
                    own.dims[0].attach_scale(file[dimension.name])
        dims = tuple(grid.axes)
        for name, variable in spec.variables.items():
            dtype, fill = ("i1", -1) if name in spec.flags else ("<f8", np.nan)
            dataset = create_dataset(file, name, (*dims, *variable.dims), dtype, fill)
            dataset.attrs.update(units=variable.units, long_name=variable.long_name)
        for name, variable in spec.extra.items():
            dataset = create_dataset(file, name, variable.dims, "<f8", np.nan)
            dataset.attrs.update(units=variable.units, long_name=variable.long_name)
        for name, (dtype, fill, attributes) in _BOOKKEEPING.items():
            create_dataset(file, name, dims, dtype, fill).attrs.update(attributes)
        table = create_dataset(file, "messages", ("message_row",), f"S{_MESSAGE_BYTES}", b"")
        table.attrs["long_name"] = "why points failed, or what they lack"
        create_status(file, dims)


@dataclass(frozen=True)
class _Place:
    """Where a dataset lies in the file."""

    offset: int
    dtype: np.dtype[Any]
    width: int  #: elements per point


class SweepFile:
    """Open file of a sweep.

    Parameters
    ----------
    path : Path
        Made by `create_sweep`.
    layout : RowLayout
    size : int
        Number of points.
    extra : sequence of str, optional
        Names that `write_extra` takes.
    writable : bool, optional
        Whoever writes holds `torkivity_hpc.files.lock.writer_lock`.

    Raises
    ------
    InputError
        If datasets do not lie in the file as `create_sweep` lays them out.
    """

    def __init__(
        self,
        path: Path,
        layout: RowLayout,
        size: int,
        extra: Sequence[str] = (),
        *,
        writable: bool = True,
    ) -> None:
        self.path, self.layout, self.size = path, layout, size
        self._places: dict[str, _Place] = {}
        with h5py.File(path, "r", locking=False) as file:
            widths = {name: s.stop - s.start for name, s in layout.columns.items()}
            widths |= dict.fromkeys((*_BOOKKEEPING, "status"), 1)
            for name, width in widths.items():
                self._places[name] = _place(path, file, name, width, size * width)
            for name in (*extra, "messages"):
                self._places[name] = _place(path, file, name, 1, None)
            stored = file["messages"][...]
        self._messages = [text.decode(errors="replace") for text in stored[stored != b""]]
        self._descriptor = os.open(path, os.O_RDWR if writable else os.O_RDONLY)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def __enter__(self) -> SweepFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def status(self) -> NDArray[np.int8]:
        """State of every point, shape (size,)."""
        status: NDArray[np.int8] = self._read("status", 0, self.size).reshape(-1)
        return status

    def values(self, name: str) -> NDArray[Any]:
        """One variable of every point as it lies in the file, shape (size, width)."""
        return self._read(name, 0, self.size)

    def write(self, blocks: Sequence[Block]) -> None:
        """Store finished points: values first, then what says that they are there.

        Raises
        ------
        OSError
            If the disk is full; the file stays as readable as it was.
        """
        points = np.concatenate([block.points for block in blocks])
        order = np.argsort(points, kind="stable")
        points = points[order]
        rows = np.concatenate([block.rows for block in blocks])[order]
        status = np.concatenate([block.status for block in blocks])[order]
        for name, columns in self.layout.columns.items():
            values = rows[:, columns]
            if self._places[name].dtype.kind == "i":
                values = np.where(np.isnan(values), -1.0, values)
            self._scatter(name, points, values)
        self._scatter("checksum", points, checksums(rows))
        for name in ("seconds", "finished", "rank"):
            values = np.concatenate([getattr(block, name) for block in blocks])[order]
            self._scatter(name, points, values)
        message = np.full(len(points), -1, dtype=np.int16)
        for block in blocks:
            for point, text in block.messages.items():
                message[np.searchsorted(points, point)] = self._message_row(text)
        self._scatter("message", points, message)
        self._scatter("status", points, status)

    def sync(self) -> None:
        """Have the operating system bring everything to the disk."""
        os.fdatasync(self._descriptor)

    def read(self, start: int, stop: int) -> tuple[Block, NDArray[np.bool_]]:
        """Points with consecutive numbers as they lie in the file.

        Returns
        -------
        block : Block
        whole : ndarray of bool
            Whether the values are what the checksum says.
        """
        rows = np.empty((stop - start, self.layout.width))
        for name, columns in self.layout.columns.items():
            values = self._read(name, start, stop)
            if values.dtype.kind == "i":
                values = np.where(values < 0, np.nan, values)
            rows[:, columns] = values
        book = {name: self._read(name, start, stop).reshape(-1) for name in _BOOKKEEPING}
        numbers = np.arange(start, stop, dtype=np.int64)
        block = Block(
            points=numbers,
            status=self._read("status", start, stop).reshape(-1),
            rows=rows,
            seconds=book["seconds"],
            finished=book["finished"],
            rank=book["rank"],
            messages={
                int(numbers[i]): self._messages[book["message"][i]]
                for i in np.flatnonzero(book["message"] >= 0)
                if book["message"][i] < len(self._messages)
            },
        )
        return block, checksums(rows) == book["checksum"]

    def blocks(self) -> Iterator[tuple[Block, NDArray[np.bool_]]]:
        """All points, some at a time, as `read`."""
        for start in range(0, self.size, _BLOCK):
            yield self.read(start, min(start + _BLOCK, self.size))

    def discard_broken(self) -> int:
        """Read everything and declare points missing whose values did not arrive whole.

        Returns
        -------
        int
            Number of such points.
        """
        count = 0
        for block, whole in self.blocks():
            broken = (block.status == STATUS["done"]) & ~whole
            unknown = ~np.isin(block.status, list(STATUS.values()))
            points = block.points[broken | unknown]
            if len(points):
                missing = np.full(len(points), STATUS["missing"], dtype=np.int8)
                self._scatter("status", points, missing)
                count += len(points)
        return count

    def write_extra(self, name: str, values: FloatArray) -> None:
        """Store a variable that is not one per point."""
        place = self._places[name]
        self._pwrite(np.ascontiguousarray(values, dtype=place.dtype), place.offset)

    def _message_row(self, text: str) -> int:
        text = text.encode()[:_MESSAGE_BYTES].decode(errors="ignore")
        if text in self._messages:
            return self._messages.index(text)
        if len(self._messages) == _MESSAGE_ROWS:
            return _MESSAGE_ROWS - 1
        if len(self._messages) == _MESSAGE_ROWS - 1:
            text = "a further message: there are too many different ones to keep them all"
        row = len(self._messages)
        place = self._places["messages"]
        encoded = np.array([text.encode()], dtype=place.dtype)
        self._pwrite(encoded, place.offset + row * place.dtype.itemsize)
        self._messages.append(text)
        return row

    def _read(self, name: str, start: int, stop: int) -> NDArray[Any]:
        place = self._places[name]
        step = place.width * place.dtype.itemsize
        data = _pread(self._descriptor, (stop - start) * step, place.offset + start * step)
        return np.frombuffer(data, dtype=place.dtype).reshape(stop - start, place.width)

    def _scatter(self, name: str, points: IntArray, values: NDArray[Any]) -> None:
        """Write values of points in increasing order."""
        place = self._places[name]
        values = np.ascontiguousarray(values, dtype=place.dtype).reshape(len(points), place.width)
        step = place.width * place.dtype.itemsize
        breaks = np.flatnonzero(np.diff(points) != 1) + 1
        if len(breaks) < 64:
            edges = [0, *breaks.tolist(), len(points)]
            for first, last in pairwise(edges):
                self._pwrite(values[first:last], place.offset + int(points[first]) * step)
            return
        # Many short runs: rewriting a whole stretch with its neighbours costs less than a
        # system call for each of them. Nobody else writes, and neighbours keep their bytes.
        windows = np.flatnonzero(np.diff(points // _WINDOW)) + 1
        edges = [0, *windows.tolist(), len(points)]
        for first, last in pairwise(edges):
            start, stop = int(points[first]), int(points[last - 1]) + 1
            stretch = self._read(name, start, stop).copy()
            stretch[points[first:last] - start] = values[first:last]
            self._pwrite(stretch, place.offset + start * step)

    def _pwrite(self, values: NDArray[Any], offset: int) -> None:
        data = memoryview(values.reshape(-1).view(np.uint8).data)
        while data:
            written = os.pwrite(self._descriptor, data, offset)
            data, offset = data[written:], offset + written


#: Points in a stretch that is rewritten as a whole.
_WINDOW = 1 << 11


def _pread(descriptor: int, length: int, offset: int) -> bytearray:
    data = bytearray(length)
    view = memoryview(data)
    while view:
        count = os.preadv(descriptor, [view], offset)
        if count == 0:
            raise OSError("the file is shorter than it was")
        view, offset = view[count:], offset + count
    return data


def _place(path: Path, file: Any, name: str, width: int, elements: int | None) -> _Place:
    dataset = file.get(name)
    offset = None
    if isinstance(dataset, h5py.Dataset) and dataset.chunks is None:
        offset = dataset.id.get_offset()
    if offset is None or (elements is not None and dataset.size != elements):
        raise InputError("file", str(path), f"has no variable {name} as a sweep lays it out")
    return _Place(offset, dataset.dtype, width)


@contextlib.contextmanager
def readable_sweep(path: Path) -> Iterator[Any]:
    """Open an existing sweep for reading its attributes and axes.

    Raises
    ------
    InputError
        As `torkivity_hpc.files.reading.readable`, and if it lacks what every sweep has.
    """
    with readable(path, KIND) as file:
        own = own_variables(file)
        for name in (*_BOOKKEEPING, "messages"):
            if name not in own:
                raise InputError("file", str(path), f"is damaged (no {name})")
        if "physics_json" not in file.attrs:
            raise InputError("file", str(path), "is damaged (no attribute physics_json)")
        yield file
