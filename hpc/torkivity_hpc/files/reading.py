"""Opening result files to read them, whoever wrote them and whatever has happened to them."""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from torkivity_engine.errors import InputError
from torkivity_hpc.files.store import SCHEMA_VERSION

__all__ = ["damage_named", "dims_of", "own_variables", "readable"]


@contextlib.contextmanager
def readable(path: Path, kind: str | None = None) -> Iterator[Any]:
    """Open a result file for reading.

    Parameters
    ----------
    path : Path
    kind : str, optional
        Its attribute ``kind``, if only such files will do.

    Yields
    ------
    h5py.File
        With attributes that can be parsed. What was added to it is left alone, see
        `own_variables`.

    Raises
    ------
    InputError
        If there is no such file, it is not HDF5, damaged, none of this program's, of a newer
        version of it, or of another kind; also within the block, where values cannot be read.
    """
    if not path.is_file():
        raise InputError("file", str(path), "no such file")
    with damage_named(path), h5py.File(path, "r", locking=False) as file:
        _check_origin(path, file)
        _check_attributes(path, file)
        _check_kind(path, file, kind)
        yield file


@contextlib.contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn what HDF5 says about a file that cannot be read into one line with its name."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        # HDF5 has two ways to begin its messages, h5py many types to put them in.
        said = any(start in str(error) for start in ("Unable to ", "Can't "))
        of_file = said or isinstance(error, (OSError, UnicodeDecodeError))
        if isinstance(error, InputError) or not of_file:
            raise
        if "truncated" in str(error):
            reason = "is damaged (truncated)"
        elif isinstance(error, PermissionError):
            reason = "cannot be read (permission denied)"
        elif not h5py.is_hdf5(path):
            reason = "is not an HDF5 file"
        else:
            reason = "is damaged"
        raise InputError("file", str(path), reason) from None


def dims_of(dataset: Any) -> tuple[str, ...]:
    """Names of a variable's dimensions."""
    return tuple(dim[0].name.lstrip("/") for dim in dataset.dims)


def own_variables(file: Any) -> dict[str, Any]:
    """Datasets as this program lays them out: numbers or text over dimensions with scales.

    Groups, links that lead nowhere and datasets of other shapes are somebody else's.

    Parameters
    ----------
    file : h5py.File

    Returns
    -------
    dict of str to h5py.Dataset
    """
    found = {}
    for name in file:
        item = file.get(name)
        if isinstance(item, h5py.Dataset) and _is_own(name, item):
            found[name] = item
    return found


def _is_own(name: str, item: Any) -> bool:
    try:
        text = h5py.check_string_dtype(item.dtype) is not None
        scaled = item.is_scale or all(
            len(dim) == 1 and "/" not in dim[0].name.lstrip("/") for dim in item.dims
        )
    except (RuntimeError, ValueError, KeyError, AttributeError) as error:
        raise OSError(f"{name} cannot be read") from error
    return item.shape is not None and (text or item.dtype.kind in "fiu") and scaled


def _check_origin(path: Path, file: Any) -> None:
    status = file.get("status")
    if "schema_version" not in file.attrs or not isinstance(status, h5py.Dataset):
        raise InputError("file", str(path), "is an HDF5 file, but not one of torkivity's")
    if status.dtype.kind != "i" or "status" not in own_variables(file):
        raise InputError("file", str(path), "is damaged (status)")
    try:
        version = int(file.attrs["schema_version"])
    except (TypeError, ValueError):
        raise InputError("file", str(path), "is damaged (schema_version)") from None
    if version > SCHEMA_VERSION:
        raise InputError(
            "file",
            str(path),
            f"was written by a newer torkivity (schema {version}; this one reads up to "
            f"{SCHEMA_VERSION}); update torkivity",
        )


def _check_attributes(path: Path, file: Any) -> None:
    """Texts that commands parse must be what their names say."""
    for name, parse in (
        ("config_toml", tomllib.loads),
        ("config_json", json.loads),
        ("physics_json", json.loads),
    ):
        if name in file.attrs:
            text = file.attrs[name]
            try:
                good = isinstance(text, str) and isinstance(parse(text), dict)
            except ValueError:
                good = False
            if not good:
                raise InputError("file", str(path), f"is damaged (attribute {name})")


def _check_kind(path: Path, file: Any, kind: str | None) -> None:
    if kind is not None and file.attrs.get("kind") != kind:
        raise InputError("file", str(path), f"is a result file, but not a {kind}")
