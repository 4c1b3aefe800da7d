"""Drift-diffusion points whose interface and m are new, one by one or all at once, timed.

As a program it answers one name after the other, so that another version of the package, found on
PYTHONPATH, can be timed in turns with this one.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from functools import partial

import torkivity

#: Points that are solved together.
BATCH = 100
#: Interface parameters, and the level of the ferromagnet where they leave a choice.
MODELS = (
    "particular dephased",
    "particular finite",
    "half_space dephased",
    "half_space finite",
    "boundary_layer dephased",
)
ANGLES = (0.0, 0.059)
_PASSES = itertools.count(1)


def films(angle: float, count: int) -> list[torkivity.Bilayer]:
    """Pt/Co films, none of which was there before."""
    metal = torkivity.HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, angle)
    magnet = torkivity.Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36)
    offset = 1e-6 * next(_PASSES)
    return [
        torkivity.Bilayer(
            metal,
            torkivity.RashbaInterface(0.42645, 0.05 + 0.3 * i / count + offset, 0.2132),
            magnet,
            magnetization=(0.3 + offset, 0.2, i / count),
        )
        for i in range(count)
    ]


def one_by_one(
    model: str, mesh: torkivity.SphericalMesh, given: list[torkivity.Bilayer]
) -> list[object]:
    """Solutions by the public call, a film at a time."""
    parameters, level = model.split()
    solve = torkivity.solve_drift_diffusion
    return [solve(film, parameters, level, mesh=mesh) for film in given]  # type: ignore[arg-type]


def timed(
    solve: Callable[[list[torkivity.Bilayer]], object], angle: float, count: int, seconds: float
) -> float:
    """Processor time of a point in seconds, that of making its film left out."""
    solve(films(angle, count))
    best, spent = float("inf"), 0.0
    while spent < seconds:
        given = films(angle, count)
        start = time.process_time()
        solve(given)
        own = time.process_time() - start
        best, spent = min(best, own / count), spent + max(own, 1e-5)
    return best


def serve(n_polar: int, count: int, seconds: float) -> None:
    """Answer each line, a model and a spin Hall angle, with the time of a point."""
    mesh = torkivity.SphericalMesh(n_polar, 16)
    for line in sys.stdin:
        model, _, angle = line.strip().rpartition(" ")
        print(timed(partial(one_by_one, model, mesh), float(angle), count, seconds), flush=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
