"""Opening the file of a sweep to go on with it: what is there must be what is asked for."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.errors import InputError
from torkivity_hpc.files.lock import WriterLock, writer_lock
from torkivity_hpc.files.reading import dims_of, own_variables
from torkivity_hpc.files.store import (
    STATUS,
    check_output,
    new_file,
    part_names,
    read_values,
)
from torkivity_hpc.files.sweepfile import (
    SweepFile,
    SweepSpec,
    create_sweep,
    file_size,
    readable_sweep,
)
from torkivity_hpc.grid import Dimension, Value

__all__ = ["open_for_writing"]

IntArray = NDArray[np.int64]


@contextlib.contextmanager
def open_for_writing(
    path: Path, spec: SweepSpec, *, force: bool = False, tell: Callable[[str], None]
) -> Iterator[SweepFile]:
    """Create the file of a sweep, or open the one that is there and go on with it.

    Parameters
    ----------
    path : Path
    spec : SweepSpec
        What the sweep is to be. An existing file must agree in all of `spec.physics`; where
        it has fewer values along a dimension, a new file takes over its points and then
        replaces it in one step.
    force : bool, optional
        Replace whatever is there by an empty file.
    tell : callable
        Told in words what was found.

    Yields
    ------
    SweepFile
        No one else can write to it within the block.

    Raises
    ------
    InputError
        If the file is something else, damaged, of other physics, being written by another
        process, or does not fit on the disk.
    """
    check_output(path, force=True)
    with writer_lock(path) as lock:
        if not lock.supported:
            tell("this file system has no locks: take care that nobody else writes this file")
        for stale in part_names(path):
            stale.unlink(missing_ok=True)
        if force or not path.exists():
            with _laid_out(path, spec, lock, force=force):
                pass
        else:
            _take_over(path, spec, lock, tell)
        with _opened(path, spec) as file:
            yield file


def _opened(path: Path, spec: SweepSpec) -> SweepFile:
    try:
        return SweepFile(path, spec.layout(), spec.grid.size, tuple(spec.extra))
    except OSError as error:
        raise InputError("output", str(path), f"cannot be written ({error.strerror})") from None


@contextlib.contextmanager
def _laid_out(path: Path, spec: SweepSpec, lock: WriterLock, *, force: bool) -> Iterator[Path]:
    """Name of a new, empty file that replaces `path` when the block ends well."""
    size = _gigabytes(file_size(spec))
    try:
        with new_file(path, force=force) as temporary:
            create_sweep(temporary, spec)
            # Before it has the name, and while its predecessor is still held.
            lock.hold(temporary)
            yield temporary
    except (OSError, RuntimeError) as error:
        # HDF5 tells the number of the system's error in its own message only.
        known = re.search(r"errno = (\d+)", str(error))
        number = int(known[1]) if known else getattr(error, "errno", None)
        if number is None:
            raise
        reason = (
            "the limit on the size of files (ulimit -f) is lower"
            if number == errno.EFBIG
            else os.strerror(number)
        )
        raise InputError("output", str(path), f"cannot take {size}: {reason}") from None


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.2g} GB" if size >= 1e9 else f"{size / 1e6:.2g} MB"


def _take_over(path: Path, spec: SweepSpec, lock: WriterLock, tell: Callable[[str], None]) -> None:
    """Check what is there, and extend it where axes have grown."""
    with readable_sweep(path) as file:
        _same_physics(path, json.loads(file.attrs["physics_json"]), spec.physics)
        _same_variables(path, file, spec)
        old = _stored_dimensions(path, file, spec)
    places = [
        _positions(path, had, wanted) for had, wanted in zip(old, spec.grid.dimensions, strict=True)
    ]
    shape = tuple(len(dimension) for dimension in old)
    size = int(np.prod(shape, dtype=np.int64))
    with SweepFile(path, spec.layout(), size, tuple(spec.extra)) as source:
        broken = source.discard_broken()
        if broken:
            tell(f"{broken} points had not reached the disk whole and are computed again")
        if all(np.array_equal(place, np.arange(len(d))) for place, d in zip(
            places, spec.grid.dimensions, strict=True
        )):  # fmt: skip
            return
        tell(f"axes have grown: {size} points are taken over into a file of {spec.grid.size}")
        with (
            _laid_out(path, spec, lock, force=True) as temporary,
            SweepFile(temporary, spec.layout(), spec.grid.size) as target,
        ):
            for block, _ in source.blocks():
                known = np.flatnonzero(block.status != STATUS["missing"])
                if len(known) == 0:
                    continue
                numbers = _renumbered(block.points[known], shape, places, spec.grid.shape)
                moved = dict(zip(block.points[known].tolist(), numbers.tolist(), strict=True))
                target.write(
                    [
                        replace(
                            block,
                            points=numbers,
                            messages={moved[p]: text for p, text in block.messages.items()},
                            **{
                                name: getattr(block, name)[known]
                                for name in ("status", "rows", "seconds", "finished", "rank")
                            },
                        )
                    ]
                )


def _renumbered(
    points: IntArray, shape: tuple[int, ...], places: list[IntArray], new_shape: tuple[int, ...]
) -> IntArray:
    if not shape:
        return points
    positions = np.unravel_index(points, shape)
    moved = tuple(place[along] for place, along in zip(places, positions, strict=True))
    return np.asarray(np.ravel_multi_index(moved, new_shape), dtype=np.int64)


def _same_physics(path: Path, had: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    # Through JSON and back, so that tuples and lists compare equal.
    wanted = json.loads(json.dumps(dict(wanted)))
    for key in [*wanted, *(key for key in had if key not in wanted)]:
        if had.get(key) != wanted.get(key):
            raise InputError(
                key,
                wanted.get(key),
                f"{path} was computed with {had.get(key)!r}; change it back, name another "
                "output, or start anew with --force",
            )


def _same_variables(path: Path, file: Any, spec: SweepSpec) -> None:
    dims, own = tuple(spec.grid.axes), own_variables(file)
    for name, variable in spec.variables.items():
        if name not in own:
            raise InputError(
                "output",
                str(path),
                f"was computed without {name}; name another output, or start anew with --force",
            )
        stored = dims_of(own[name])
        if len(stored) != len(dims) + len(variable.dims):
            raise InputError(
                "sweep",
                ", ".join(dims) or "a single point",
                f"{path} has the dimensions {', '.join(_dims(file)) or '(none)'}; name another "
                "output, or start anew with --force",
            )


def _dims(file: Any) -> list[str]:
    return list(dims_of(file["status"]))


def _stored_dimensions(path: Path, file: Any, spec: SweepSpec) -> list[Dimension]:
    """Dimensions of the file, with those parameters that the sweep has along them."""
    names = _dims(file)
    if names != list(spec.grid.axes):
        raise InputError(
            "sweep",
            ", ".join(spec.grid.axes) or "a single point",
            f"{path} has the dimensions {', '.join(names) or '(none)'}, in this order; name "
            "another output, or start anew with --force",
        )
    dimensions = []
    for wanted in spec.grid.dimensions:
        parameters: dict[str, Sequence[Value]] = {}
        for name in wanted.parameters:
            if name not in file:
                raise InputError(wanted.name, name, f"{path} does not vary this")
            parameters[name] = tuple(read_values(file[name]).tolist())
        dimensions.append(
            Dimension(
                wanted.name,
                replace(wanted.axis, values=tuple(read_values(file[wanted.name]).tolist())),
                parameters,
            )
        )
    return dimensions


def _positions(path: Path, had: Dimension, wanted: Dimension) -> IntArray:
    """Where the file's values along a dimension are found in the wanted ones."""
    if len(had) == len(wanted) and all(
        np.array_equal(np.asarray(values), np.asarray(wanted.parameters[name]))
        for name, values in had.parameters.items()
    ):
        return np.arange(len(had), dtype=np.int64)
    number = {row: i for i, row in enumerate(wanted.rows)}
    for row in had.rows:
        if row not in number:
            value = row[0] if len(row) == 1 else row
            raise InputError(
                wanted.name,
                f"{len(wanted)} values without {value}",
                f"{path} has points at {value}; an axis may grow, but not lose values: name "
                "another output, or start anew with --force",
            )
    return np.array([number[row] for row in had.rows], dtype=np.int64)
