"""How far a sweep is, from its file alone."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from torkivity.tables import COLUMNS, fold
from torkivity_hpc.files.reading import dims_of
from torkivity_hpc.files.store import STATUS, read_values
from torkivity_hpc.files.sweepfile import readable_sweep
from torkivity_hpc.running.progress import duration

__all__ = ["describe_status"]

#: The rate is that of the last minutes before the latest point.
_RECENT = 120.0
#: A file whose latest point is older than so many times what its points take has no writer.
_QUIET = 30.0


def describe_status(path: Path) -> tuple[str, int]:
    """State of a sweep in words.

    Parameters
    ----------
    path : Path

    Returns
    -------
    text : str
    missing : int
        Number of points that are still to be computed.

    Raises
    ------
    InputError
        If it is not a sweep.
    """
    with readable_sweep(path) as file:
        status = file["status"][...]
        finished, seconds = file["finished"][...], file["seconds"][...]
        axes = {name: read_values(file[name]) for name in dims_of(file["status"])}
        counts = {name: int(np.count_nonzero(status == code)) for name, code in STATUS.items()}
        lines = _first_lines(f"{path}: {status.size} points over", axes)
        share = 100.0 * counts["done"] / status.size
        lines.append(
            f"  done {counts['done']} ({share:.1f} %), failed {counts['failed']}, "
            f"missing {counts['missing']}"
        )
        lines += _rate(finished[status != 0], seconds[status != 0], counts["missing"])
        lines += _missing(status, axes)
        lines += _failures(file, status, axes)
    return "\n".join(lines), counts["missing"]


def _first_lines(start: str, axes: dict[str, NDArray[Any]]) -> list[str]:
    shape = " x ".join(f"{name} ({len(values)})" for name, values in axes.items()) or "nothing"
    line = f"{start} {shape}"
    return [line] if len(line) <= COLUMNS else [start, *fold(shape, indent=4)]


def _rate(finished: NDArray[Any], seconds: NDArray[Any], missing: int) -> list[str]:
    if len(finished) == 0:
        return []
    latest = float(finished.max())
    recent = finished[finished >= latest - _RECENT]
    span = latest - float(recent.min())
    ago = max(time.time() - latest, 0.0)
    lines = [f"  a point takes {1e3 * float(np.median(seconds)):.3g} ms (median)"]
    lines.append(f"  latest point {duration(ago)} ago")
    if len(recent) > 1 and span > 0.0:
        rate = (len(recent) - 1) / span
        lines[-1] += f", {rate:.3g} points/s before it"
        if missing and ago < _QUIET:
            lines.append(f"  about {duration(missing / rate)} left at this rate")
    return lines


def _missing(status: NDArray[Any], axes: dict[str, NDArray[Any]]) -> list[str]:
    """Where along each axis points are missing."""
    absent = status == STATUS["missing"]
    if not absent.any():
        return []
    lines = ["  missing:"]
    for axis, (name, values) in enumerate(axes.items()):
        others = tuple(i for i in range(absent.ndim) if i != axis)
        share = absent.mean(axis=others)
        whole, partly = np.count_nonzero(share == 1.0), np.count_nonzero((share > 0) & (share < 1))
        text = f"{whole} of {len(values)} values wholly, {partly} partly"
        some = [f"{_plain(values[i])}" for i in np.flatnonzero(share > 0.0)[:6]]
        more = ", ..." if np.count_nonzero(share) > 6 else ""
        lines += fold(f"{name}: {text} ({', '.join(some)}{more})", hang=2, indent=4)
    return lines


def _failures(file: h5py.File, status: NDArray[Any], axes: dict[str, NDArray[Any]]) -> list[str]:
    failed = status == STATUS["failed"]
    if not failed.any():
        return []
    rows = file["message"][...]
    table = file["messages"][...]
    lines = ["  failed:"]
    for row, count in Counter(rows[failed].tolist()).most_common(10):
        text = table[row].decode(errors="replace") if row >= 0 else "no message"
        first = np.argwhere(failed & (rows == row))[0]
        where = ", ".join(
            f"{name} = {_plain(values[i])}"
            for (name, values), i in zip(axes.items(), first, strict=True)
        )
        lines += fold(f"{count} x {text} (first at {where})", hang=2, indent=4)
    return lines


def _plain(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
