"""Result files: writing a comparison, opening and describing what was written."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from torkivity.tables import fold
from torkivity_hpc.files.reading import damage_named, own_variables, readable
from torkivity_hpc.files.store import STATUS, read_values

if TYPE_CHECKING:
    import xarray


__all__ = ["describe_results", "open_results"]

#: Variables of a group, and lines of an attribute, in a summary.
_FEW = 6

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
    path = Path(path)
    with readable(path) as plain:
        own = own_variables(plain)
        foreign = [name for name in plain if name not in own]
    with (
        damage_named(path),
        xarray.open_dataset(
            path,
            engine="h5netcdf",
            cache=False,
            drop_variables=foreign,
            phony_dims="access",  # of what is dropped
            # No file of ours needs HDF5's locks, which some file systems do not have.
            driver_kwds={"locking": False},
        ) as file,
    ):
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
            attributes["long_name"] = str(attributes.get("long_name", stem)).removeprefix(
                "real part of the "
            )
            dataset[stem] = (dataset[name] + 1j * dataset[stem + imag]).assign_attrs(attributes)
            dataset = dataset.drop_vars([name, stem + imag])
    return dataset


def describe_results(path: Path, everything: bool = False) -> str:
    """Readable listing of a result file: origin, axes, variables.

    Parameters
    ----------
    path : Path
    everything : bool, optional
        The configuration and all variables too, not only the total torques.

    Returns
    -------
    str
        Lines of at most 80 columns, but for `path`.

    Raises
    ------
    InputError
        If there is no such file, it is not HDF5 or was not written by torkivity.
    """
    with readable(path) as file:
        own = own_variables(file)
        lines = [str(path), "", *_attributes(file, everything)]
        lines += ["", *_status(read_values(file["status"]))]
        lines += _configuration(file, everything)
        scales = {name: item for name, item in own.items() if item.is_scale}
        lines += ["", "axes"]
        for name, item in scales.items():
            values = _some(read_values(item), 40 if everything else 8)
            units = "" if item.attrs.get("units") == "1" else item.attrs.get("units", "")
            lines += fold(f"{name} ({len(item)}): {values} {units}".rstrip(), hang=2, indent=2)
        names = [name for name in own if name not in scales and name != "status"]
        for title, members in _grouped(names).items():
            shown = members if everything else _first(members)
            lines += ["", title]
            for name in shown:
                lines += fold(_variable_line(name, own[name]), hang=2, indent=2)
            if len(shown) < len(members):
                lines.append(f"  ... and {len(members) - len(shown)} more: --all lists them")
        foreign = [name for name in file if name not in own]
        if foreign:
            lines += ["", "not torkivity's", *fold(", ".join(foreign), indent=2)]
    return "\n".join(lines)


def _attributes(file: Any, everything: bool) -> list[str]:
    attributes = {
        name: value
        for name, value in file.attrs.items()
        if name not in ("config_toml", "config_json", "physics_json")
    }
    width = max(len(name) for name in attributes)
    lines = []
    for name, value in attributes.items():
        text = textwrap.wrap(_plain(value), 76 - width, break_on_hyphens=False)
        if len(text) > _FEW and not everything:
            text[_FEW - 1 :] = ["..."]
        for start, line in zip([name, *[""] * len(text)], text or [""], strict=False):
            lines.append(f"  {start:<{width}}  {line}".rstrip())
    return lines


def _configuration(file: Any, everything: bool) -> list[str]:
    config = str(file.attrs.get("config_toml", "")).strip().splitlines()
    if not config:
        return []
    if not everything:
        return [f"  configuration: {len(config)} lines, with --all"]
    lines = ["", "configuration"]
    for line in config:
        lines += fold(line, hang=2, indent=2) or [""]
    return lines


def _first(members: list[str]) -> list[str]:
    """Of many variables the total torques; else some."""
    if len(members) <= _FEW:
        return members
    totals = [name for name in members if "torque_total" in name and "error" not in name]
    return (totals or members)[:_FEW]


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
        what = f"= {_plain(read_values(dataset)[()])}{units}"
    elif dataset.size <= 4:
        values = ", ".join(_plain(value) for value in read_values(dataset))
        what = f"({', '.join(dims)}) = [{values}]{units}"
    else:
        what = f"({', '.join(dims)}) {' x '.join(map(str, dataset.shape))}{units}"
    return f"{name} {what}"


def _some(values: Any, most: int) -> str:
    """Values in a line, the middle of many left out."""
    if len(values) <= most:
        return ", ".join(map(_plain, values))
    ends = [_plain(value) for value in (*values[: most // 2], *values[-most // 4 :])]
    return ", ".join([*ends[: most // 2], "...", *ends[most // 2 :]])


def _plain(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{value + 0.0:.6g}"  # + 0.0 turns -0.0 into 0.0
    return str(value)
