"""Curves from the file of a sweep alone: both models along one axis, with h5py and no xarray.

Usage:
    python scripts/postprocess_curves.py sweep.h5 [--along rashba] [--csv curves.csv]
        [--figure curves.png]

Shows how to read a file with nothing but h5py: dimensions from the scales, done points from
``status``. Other dimensions are taken at their first value.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure

KINDS = ("damping_like", "field_like")


def along(file: h5py.File, name: str, axis: str) -> np.ndarray:
    """A variable along one dimension; NaN where points are not done."""
    # The state first: what it calls done was complete before.
    status, values = file["status"][...], file[name][...]
    values = np.where(status == 1, values, np.nan)
    dims = [dim[0].name.lstrip("/") for dim in file[name].dims]
    return values[tuple(slice(None) if dim == axis else 0 for dim in dims)]


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--along", default="rashba")
    parser.add_argument("--csv", type=Path, default=Path("curves.csv"))
    parser.add_argument("--figure", type=Path, default=Path("curves.png"))
    given = parser.parse_args()
    with h5py.File(given.file, "r") as file:
        x = file[given.along][...]
        label = file[given.along].attrs["long_name"]
        models = [name for name in file if name.endswith("_torque_total_damping_like")]
        models = [name.removesuffix("_torque_total_damping_like") for name in models]
        curves = {
            (model, kind): along(file, f"{model}_torque_total_{kind}", given.along)
            for model in models
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
        writer.writerow([given.along, *(f"{model}_{kind}" for model, kind in curves)])
        writer.writerows(zip(x, *curves.values(), strict=True))
    print(f"wrote {given.figure} and {given.csv}")


if __name__ == "__main__":
    main()
