"""Maps from the file of a sweep alone: select, interpolate, draw, write CSV.

Usage:
    python scripts/postprocess_maps.py sweep.h5 [--x exchange] [--y rashba] [--at theta=45]
        [--quantity boltzmann_all_torque_total_damping_like] [--figure map.png] [--csv map.csv]

Dimensions that are neither drawn nor given by --at are taken at their first value; a value
between those of the sweep is interpolated.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

import numpy as np
import xarray
from matplotlib.figure import Figure

import torkivity


def reduce_to(
    data: xarray.DataArray, keep: list[str], at: dict[str, float | str]
) -> xarray.DataArray:
    """Two dimensions of a variable, the others at given or first values."""
    for name in [str(dim) for dim in data.dims if dim not in keep]:
        values = data[name].values
        value = at.get(name, values[0])
        known = value in values
        data = data.sel({name: value}) if known else data.interp({name: float(value)})
    return data.transpose(*keep)


def draw(data: xarray.DataArray, path: Path) -> None:
    """Colour map; with zero in the middle of its scale if both signs occur."""
    y, x = data.dims
    figure = Figure(figsize=(5.0, 3.8), layout="constrained")
    axes = figure.subplots()
    finite = np.abs(data.values[np.isfinite(data.values)])
    exponent = int(np.floor(np.log10(finite.max()))) if finite.size and finite.max() > 0 else 0
    scaled = data.values / 10.0**exponent
    low, high = (np.nanmin(scaled), np.nanmax(scaled)) if finite.size else (0.0, 1.0)
    if low < 0.0 < high:
        largest = max(-low, high)
        colours = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
    else:
        colours = {"cmap": "viridis" if high > 0.0 else "viridis_r"}
    shown = axes.pcolormesh(data[x], data[y], scaled, shading="nearest", **colours)
    for name, set_label in ((x, axes.set_xlabel), (y, axes.set_ylabel)):
        units = data[name].attrs.get("units", "1")
        label = data[name].attrs.get("long_name", str(name)).split(",")[0]
        if label.startswith("u_"):
            label = f"$u_{{{label[2:]}}}$"
        set_label(label if units == "1" else f"{label} ({units})")
    where = ", ".join(
        f"{name} = {value.item():.4g}" if value.dtype.kind == "f" else f"{name} = {value.item()}"
        for name, value in data.coords.items()
        if value.ndim == 0
    )
    axes.set_title(where, fontsize=9)
    units = data.attrs["units"].replace("Ohm", r"$\Omega$")
    name = textwrap.fill(data.attrs["long_name"].split(",")[0], 42)
    bar = figure.colorbar(shown)
    bar.set_label(f"{name}\n($10^{{{exponent}}}$ {units})", fontsize=8)
    figure.savefig(path, dpi=200)


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--x", default="exchange")
    parser.add_argument("--y", default="rashba")
    parser.add_argument("--at", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--quantity", default="boltzmann_all_torque_total_damping_like")
    parser.add_argument("--figure", type=Path, default=Path("map.png"))
    parser.add_argument("--csv", type=Path, default=Path("map.csv"))
    given = parser.parse_args()
    dataset = torkivity.open_results(given.file)
    at: dict[str, float | str] = {}
    for item in given.at:
        name, _, value = item.partition("=")
        try:
            at[name] = float(value)
        except ValueError:
            at[name] = value
    data = reduce_to(dataset[given.quantity], [given.y, given.x], at)
    draw(data, given.figure)
    data.to_dataframe().reset_index().to_csv(given.csv, index=False)
    peak = data.where(np.isfinite(data), 0.0)
    where = np.unravel_index(int(np.abs(peak.values).argmax()), peak.shape)
    print(
        f"largest {given.quantity}: {data.values[where]:.6g} {data.attrs['units']} at "
        + ", ".join(
            f"{dim} = {data[dim].values[i]:.4g}" for dim, i in zip(data.dims, where, strict=True)
        )
    )
    print(f"wrote {given.figure} and {given.csv}")


if __name__ == "__main__":
    main()
