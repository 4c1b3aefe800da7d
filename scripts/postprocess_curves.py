"""Curves from the file of a sweep alone: its models along one axis, with h5py and no xarray.

Usage:
    python scripts/postprocess_curves.py sweep.h5 [--along rashba] [--csv curves.csv]
        [--figure curves.png]

Shows how to read a file with nothing but h5py: dimensions from the scales, done points from
``status``. Axes go by their paths or the last parts of them; the others are taken at their first
values.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure

KINDS = ("damping_like", "field_like")


def dims_of(dataset: h5py.Dataset) -> list[str]:
    """Names of the dimensions."""
    return [dim[0].name.lstrip("/") for dim in dataset.dims]


def axis_of(file: h5py.File, given: str) -> str:
    """Axis of the sweep by its path or the last part of it."""
    axes = [name for name in dims_of(file["status"]) if name not in ("model", "source")]
    found = [name for name in axes if name == given or name.endswith(f".{given}")]
    if len(found) != 1:
        raise SystemExit(f"--along {given}: must be one of {', '.join(axes)}")
    return found[0]


def along(file: h5py.File, name: str, axis: str, model: int) -> np.ndarray:
    """A variable along one dimension, by one model; NaN where points are not done."""
    # The state first: what it calls done was complete before.
    status, values = file["status"][...], file[name][...]
    done = status == 1
    done = done.reshape(done.shape + (1,) * (values.ndim - done.ndim))
    place = {axis: slice(None), "model": model}
    index = tuple(place.get(dim, 0) for dim in dims_of(file[name]))
    return np.where(done, values, np.nan)[index]


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--along", default="rashba")
    parser.add_argument("--csv", type=Path, default=Path("curves.csv"))
    parser.add_argument("--figure", type=Path, default=Path("curves.png"))
    given = parser.parse_args()
    with h5py.File(given.file, "r") as file:
        axis = axis_of(file, given.along)
        x, label = file[axis][...], file[axis].attrs["long_name"]
        models = list(file["model"].asstr()[...])
        curves = {
            (model, kind): along(file, f"torque_total_{kind}", axis, number)
            for number, model in enumerate(models)
            for kind in KINDS
        }
    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    for axes, kind in zip(figure.subplots(1, 2), KINDS, strict=True):
        for model, style in zip(models, ("-", "o", "--", "s"), strict=False):
            name = model.replace("_", " ")
            axes.plot(x, curves[model, kind] * 1e-5, style, markersize=3.5, label=name)
        axes.axhline(0.0, color="0.6", linewidth=0.6)
        axes.set_xlabel(label.split(",")[0])
        axes.set_ylabel(
            f"{kind.replace('_', '-')} torque per $\\tilde{{E}}$\n"
            r"($10^{5}\,\Omega^{-1}\,\mathrm{m}^{-1}$)"
        )
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(given.figure, dpi=200)
    with given.csv.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([axis, *(f"{model}_{kind}" for model, kind in curves)])
        writer.writerows(zip(x, *curves.values(), strict=True))
    print(f"wrote {given.figure} and {given.csv}")


if __name__ == "__main__":
    main()
