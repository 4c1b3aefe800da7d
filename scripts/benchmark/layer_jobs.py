"""Points after something in a film changed, by public names alone: any version can run them."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import torkivity

ANGLES = (0.0, 0.059)
CHANGES = ("point", "metal", "magnet", "pair")
#: Curves against a thickness, nm: 50 films at once where a version can, else one after the other.
CURVES = {
    "metal-curve": ("heavy_metal.thickness", 1.0, 15.0),
    "magnet-curve": ("ferromagnet.thickness", 0.5, 8.0),
}
CURVE_POINTS = 50


def _film(spin_hall_angle: float, **changes: float) -> torkivity.Bilayer:
    """Pt/Co with a tilted m; changes of thicknesses, lengths and exchange."""
    metal, magnet = changes.get("metal", 10.0), changes.get("magnet", 5.0)
    longer = changes.get("pair", 1.0)
    return torkivity.Bilayer(
        torkivity.HeavyMetal(metal, 2.43 * longer, 14.7, spin_hall_angle),
        torkivity.RashbaInterface(0.42645, 0.20055 * changes.get("point", 1.0), 0.2132),
        torkivity.Ferromagnet(magnet, 16.25 * longer, 6.01, 1000.0, 1.36),
        magnetization=(0.3, 0.2, changes.get("point", 1.0)),
    )


def jobs(n_polar: int) -> dict[str, Callable[[], object]]:
    """Calls that meet something new each time, by name and spin Hall angle."""
    mesh = torkivity.SphericalMesh(n_polar, 16)
    steps = itertools.count(1)
    start = {"point": 1.0, "metal": 10.0, "magnet": 5.0, "pair": 1.0}

    def solve(name: str, angle: float) -> None:
        film = _film(angle, **{name: start[name] * (1.0 + 1e-5 * next(steps))})
        torkivity.solve_boltzmann(film, mesh)

    def curve(name: str, angle: float) -> None:
        path, first, last = CURVES[name]
        # Each time other thicknesses, so that none is known.
        values = np.linspace(first, last, CURVE_POINTS) * (1.0 + 1e-6 * next(steps))
        if hasattr(torkivity, "solve_many"):
            torkivity.solve_many(_film(angle), {path: values}, mesh=mesh)
            return
        for value in values:
            torkivity.solve_boltzmann(_film(angle, **{name.removesuffix("-curve"): value}), mesh)

    calls: dict[str, Callable[[], object]] = {}
    for angle in ANGLES:
        calls |= {f"{name} {angle}": partial(solve, name, angle) for name in CHANGES}
        calls |= {f"{name} {angle}": partial(curve, name, angle) for name in CURVES}
    return calls


def timed(call: Callable[[], object], seconds: float) -> float:
    """Processor time of one call in seconds: a busy machine changes it little."""
    call()
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds or count < 2:
        call()
        count += 1
    return (time.process_time() - start) / count


def serve(n_polar: int, seconds: float) -> None:
    """Answer each name on standard input with the time of its job."""
    calls = jobs(n_polar)
    for line in sys.stdin:
        print(timed(calls[line.strip()], seconds), flush=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]), float(sys.argv[2]))
