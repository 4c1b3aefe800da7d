"""Maps from the file of a sweep alone: select, interpolate, draw, write CSV.

Usage:
    python scripts/postprocess_maps.py sweep.h5 [--x exchange] [--y rashba] [--at theta=45]
        [--quantity torque_total_damping_like] [--model boltzmann] [--source all]
        [--place "Pt|Co"] [--figure map.png] [--csv map.csv]

Dimensions that are neither drawn nor given by --at are taken at their first value; a value
between those of the sweep is interpolated. Axes go by their paths or the last parts of them.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

import numpy as np
import xarray
from matplotlib.figure import Figure

import torkivity
from torkivity.figures import save_figure
from torkivity.figures.style import Coordinate, point_label, power_of_ten, unit_label
from torkivity.figures.sweeps import draw_map
from torkivity.results.selection import axis_name
from torkivity.results.values import choose_source, model_values


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
    """Colour map with contours; with zero in the middle of its scale if both signs occur."""
    y, x = data.dims
    figure = Figure(figsize=(5.0, 3.8), layout="constrained")
    exponent = power_of_ten(data)
    name = textwrap.fill(data.attrs["long_name"].split(",")[0], 42)
    draw_map(
        figure.subplots(),
        Coordinate(data[x]),
        Coordinate(data[y]),
        data.values / 10.0**exponent,
        label=f"{name}\n{unit_label(data.attrs['units'], exponent)}",
    )
    held = {str(name): value.item() for name, value in data.coords.items() if value.ndim == 0}
    figure.suptitle(point_label(held, data.coords.to_dataset()), fontsize=9)
    save_figure(figure, path, "png")


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--x", default="exchange")
    parser.add_argument("--y", default="rashba")
    parser.add_argument("--at", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--quantity", default="torque_total_damping_like")
    parser.add_argument("--model", default="boltzmann")
    parser.add_argument("--source")
    parser.add_argument("--place", help="interface or magnet")
    parser.add_argument("--figure", type=Path, default=Path("map.png"))
    parser.add_argument("--csv", type=Path, default=Path("map.csv"))
    given = parser.parse_args()
    dataset = torkivity.open_results(given.file)
    at: dict[str, float | str] = {}
    for item in given.at:
        name, _, value = item.partition("=")
        name = axis_name(dataset, name)
        try:
            at[name] = float(value)
        except ValueError:
            at[name] = value
    source = choose_source(dataset, given.source)
    values = model_values(dataset, given.quantity, given.model, source, given.place)
    axes = [axis_name(dataset, name) for name in (given.y, given.x)]
    data = reduce_to(values.rename(given.quantity), axes, at)
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
