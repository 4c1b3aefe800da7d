"""Tables of interface amplitudes in HDF5: what theorists hand over, see docs/amplitudes.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from torkivity_engine.errors import InputError
from torkivity_engine.film.tabulated_interface import TabulatedInterface
from torkivity_engine.kinetics.amplitudes import (
    OBSERVABLES,
    AmplitudeTable,
    Modes,
    TableSide,
    check_time_reversal,
)
from torkivity_hpc.files.reading import damage_named
from torkivity_hpc.files.store import new_file

__all__ = ["FORMAT", "FORMAT_VERSION", "read_amplitudes", "write_amplitudes"]

#: Attributes ``format`` and ``version`` of a file.
FORMAT, FORMAT_VERSION = "torkivity amplitudes", 1
_SIDES, _WAYS = ("below", "above"), ("incoming", "outgoing")
_KINDS = ("metal", "magnet")


def read_amplitudes(path: str | Path) -> TabulatedInterface:
    """Read an interface from a file of amplitudes, checked.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    TabulatedInterface
        Its `file` is the absolute path.

    Raises
    ------
    InputError
        In one line with the name of the file: no such file, damaged, a dataset missing or of
        another shape, NaN, weights that are not positive, modes missing or of the wrong direction,
        amplitudes that are not unitary, or, without a magnet and with -k for every k, do not obey
        time reversal.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("file", str(path), "no such file")
    with damage_named(path), h5py.File(path, "r", locking=False) as file:
        try:
            _check_format(file)
            table = _table(file)
            if table.magnetization is None and _symmetric(table):
                check_time_reversal(table, table)
            return TabulatedInterface.of(table, str(path.resolve()))
        except InputError as error:
            if error.key == "file":
                raise InputError("file", str(path), error.expected) from None
            raise InputError("file", str(path), f"its {error}") from None


def write_amplitudes(
    path: str | Path,
    interface: TabulatedInterface | AmplitudeTable,
    *,
    provenance: str = "",
    force: bool = False,
) -> None:
    """Write the amplitudes of an interface, whole or not at all.

    Parameters
    ----------
    path : str or Path
    interface : TabulatedInterface or AmplitudeTable
    provenance : str, optional
        Where the amplitudes are from: program, potential, date.
    force : bool, optional
        Replace an existing file.

    Raises
    ------
    InputError
        If the file exists, or something else is in its place.
    """
    table = interface.table() if isinstance(interface, TabulatedInterface) else interface
    with new_file(Path(path), force=force) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(format=FORMAT, version=FORMAT_VERSION, provenance=provenance)
        if table.magnetization is not None:
            file.attrs["magnetization"] = np.array(table.magnetization)
        for name, unit in (("k_parallel", "1/nm"), ("weights", "1/nm^2")):
            file[name] = getattr(table, name)
            file[name].attrs["units"] = unit
        for name in ("amplitudes", *OBSERVABLES):
            value = getattr(table, name)
            if value is not None:
                file[name] = value
                file[name].attrs["units"] = "1"
        for name, side in zip(_SIDES, table.sides, strict=True):
            group = file.create_group(name)
            group.attrs["kind"] = _KINDS[side.magnetic]
            for way in _WAYS:
                group[f"{way}/velocity"] = getattr(side, way).velocity
                group[f"{way}/velocity"].attrs["units"] = "m/s"
                group[f"{way}/spin"] = getattr(side, way).spin


def _check_format(file: Any) -> None:
    if file.attrs.get("format") != FORMAT:
        raise InputError(
            "file", "", f"is an HDF5 file, but not of amplitudes: attribute format = '{FORMAT}'"
        )
    version = file.attrs.get("version")
    if not isinstance(version, (int, np.integer)) or version < 1:
        raise InputError("file", "", "is damaged (attribute version)")
    if version > FORMAT_VERSION:
        raise InputError(
            "file",
            "",
            f"was written by a newer torkivity (version {version}; this one reads up to "
            f"{FORMAT_VERSION}); update torkivity",
        )


def _table(file: Any) -> AmplitudeTable:
    m = file.attrs.get("magnetization")
    sides = []
    for name in _SIDES:
        group = file.get(name)
        if not isinstance(group, h5py.Group):
            raise InputError(name, "missing", "must be a group with the modes of that side")
        kind = group.attrs.get("kind")
        if kind not in _KINDS:
            raise InputError(f"{name}.kind", kind, f"must be one of {', '.join(_KINDS)}")
        modes = [
            Modes(_dataset(file, f"{name}/{way}/velocity"), _dataset(file, f"{name}/{way}/spin"))
            for way in _WAYS
        ]
        sides.append(TableSide(kind == "magnet", *modes))
    below, above = sides
    return AmplitudeTable(
        _dataset(file, "k_parallel"),
        _dataset(file, "weights"),
        below,
        above,
        amplitudes=_dataset(file, "amplitudes"),
        magnetization=None if m is None else _direction(m),
        **{name: _dataset(file, name) for name in OBSERVABLES if name in file},
    )


def _symmetric(table: AmplitudeTable) -> bool:
    """Whether -k is there for every k."""
    known = {tuple(k) for k in np.round(table.k_parallel, 9).tolist()}
    return all((-x, -y) in known for x, y in known)


def _direction(m: Any) -> tuple[float, float, float]:
    from torkivity_engine.film.checks import check_direction

    return check_direction("magnetization", np.asarray(m).tolist())


def _dataset(file: Any, name: str) -> Any:
    item = file.get(name)
    if not isinstance(item, h5py.Dataset):
        raise InputError(name, "missing", "must be a dataset")
    if item.dtype.kind not in "fiuc":
        raise InputError(name, str(item.dtype), "must hold numbers")
    return item[()]
