"""Result files: writing a comparison, opening and describing what was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from torkivity_hpc.files.store import STATUS, read_values, require_results

if TYPE_CHECKING:
    import xarray


__all__ = ["describe_results", "open_results"]

_COMPLEX_PARTS = ("_real", "_imag")

#: Variables by the start of their name; the rest comes first.
_REST = "film and interfaces"
_GROUPS = {
    "torque_": "torques at interfaces",
    "magnet_torque_": "torques on magnets",
    "spin_current_": "currents at interfaces",
    "charge_current_": "currents at interfaces",
    "certificate_": "error indicators",
    "curve_": "against a thickness",
}


def open_results(path: str | Path) -> xarray.Dataset:
    """Open a result file as an xarray Dataset, complex numbers put together.

    A sweep may be running: points that are not done are NaN, whatever is in their place by
    now.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    xarray.Dataset
        Loaded into memory, so that the file is free again. Results have the dimensions of the
        axes, "model" and "source", then "interface" or "magnet" and components:
        ``ds.torque_total.sel(model="boltzmann", source="rashba", interface="Pt|Co")``.

    Raises
    ------
    InputError
        If there is no such file, it is not HDF5 or was not written by torkivity.
    ModuleNotFoundError
        Without xarray and h5netcdf (the extra ``torkivity[xarray]``).
    """
    try:
        import h5netcdf  # noqa: F401 - xarray would report it missing in many lines
        import xarray
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"open_results needs {error.name}: pip install 'torkivity[xarray]'", name=error.name
        ) from None
    require_results(Path(path))
    # No file of ours needs HDF5's locks, which some file systems do not have.
    unlocked = {"locking": False}
    with xarray.open_dataset(path, engine="h5netcdf", cache=False, driver_kwds=unlocked) as file:
        # The state first: what it calls done was complete before.
        status = file["status"].load()
        dataset = file.load()
    if status.dims:
        dataset = _masked(dataset.assign(status=status))
    return _with_complex(dataset)


def _masked(dataset: xarray.Dataset) -> xarray.Dataset:
    """Sweep with NaN at points that are not done, and messages as text."""
    done = dataset["status"] == STATUS["done"]
    if not bool(done.all()):
        dims = set(done.dims)
        for name, variable in dataset.data_vars.items():
            if variable.dtype.kind == "f" and dims <= set(variable.dims) and name != "seconds":
                dataset[name] = variable.where(done)
    if "messages" in dataset:
        text = np.char.decode(dataset["messages"].values.astype("S"), "utf-8", "replace")
        dataset["messages"] = dataset["messages"].copy(data=text)
    return dataset


def _with_complex(dataset: xarray.Dataset) -> xarray.Dataset:
    real, imag = _COMPLEX_PARTS
    for name in [str(name) for name in dataset.data_vars if str(name).endswith(real)]:
        stem = name.removesuffix(real)
        if stem + imag in dataset:
            attributes = dict(dataset[name].attrs)
            attributes["long_name"] = attributes["long_name"].removeprefix("real part of the ")
            dataset[stem] = (dataset[name] + 1j * dataset[stem + imag]).assign_attrs(attributes)
            dataset = dataset.drop_vars([name, stem + imag])
    return dataset


def describe_results(path: Path) -> str:
    """Readable listing of a result file: origin, configuration, axes, variables.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str

    Raises
    ------
    InputError
        If there is no such file, it is not HDF5 or was not written by torkivity.
    """
    require_results(path)
    with h5py.File(path, "r", locking=False) as file:
        attributes = dict(file.attrs)
        config = attributes.pop("config_toml", "")
        for hidden in ("config_json", "physics_json"):
            attributes.pop(hidden, None)
        lines = [str(path), ""]
        width = max(len(name) for name in attributes)
        lines += [f"  {name:<{width}}  {_plain(value)}" for name, value in attributes.items()]
        lines += ["", *_status(read_values(file["status"]))]
        if config:
            lines += ["", "configuration"]
            lines += [f"  {line}" if line else "" for line in config.strip().splitlines()]
        scales = [name for name, item in file.items() if item.is_scale]
        lines += ["", "axes"]
        for name in scales:
            values = _some(read_values(file[name]))
            units = file[name].attrs.get("units", "")
            lines.append(f"  {name} ({file[name].shape[0]}): {values} {units}".rstrip())
        names = [name for name in file if name not in scales and name != "status"]
        for title, members in _grouped(names).items():
            lines += ["", title]
            lines += [_variable_line(name, file[name]) for name in members]
    return "\n".join(lines)


def _status(status: Any) -> list[str]:
    counts = {name: int(np.sum(status == code)) for name, code in STATUS.items()}
    parts = [f"{count} {name}" for name, count in counts.items() if count]
    return [f"  points: {', '.join(parts)}"]


def _grouped(names: list[str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {title: [] for title in (_REST, *_GROUPS.values())}
    for name in names:
        start = next((start for start in _GROUPS if name.startswith(start)), None)
        groups[_GROUPS[start] if start else _REST].append(name)
    return {title: members for title, members in groups.items() if members}


def _variable_line(name: str, dataset: Any) -> str:
    dims = tuple(dim[0].name.lstrip("/") for dim in dataset.dims)
    units = dataset.attrs.get("units", "1")
    units = "" if units == "1" else f" {units}"
    if dims == ():
        what = f"= {_plain(dataset[()])}{units}"
    elif dataset.size <= 4:
        values = ", ".join(_plain(value) for value in dataset[...])
        what = f"({', '.join(dims)}) = [{values}]{units}"
    else:
        what = f"({', '.join(dims)}) {' x '.join(map(str, dataset.shape))}{units}"
    return f"  {name} {what}"


def _some(values: Any) -> str:
    """Values in a line, the middle of many left out."""
    plain = [_plain(value) for value in values]
    return ", ".join(plain if len(plain) <= 40 else [*plain[:8], "...", *plain[-4:]])


def _plain(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{value + 0.0:.6g}"  # + 0.0 turns -0.0 into 0.0
    return str(value)
