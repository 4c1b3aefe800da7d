"""Five films whose error and time are measured, by public names alone: any version can run them.

They differ in what limits accuracy: a thick film with strong Rashba coupling, thin ones where
spins cross without a collision, exchange above the barrier, and a mean free path as long as the
layer. Lengths in nm; one ferromagnet, m along (0.3, 0.2, 1), k_F = 16 1/nm, specular faces, field
along x.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import torkivity

#: Heavy metal: thickness, total mean free path, spin diffusion length. Ferromagnet: thickness.
#: Interface: barrier, exchange, Rashba coupling.
FILMS: dict[str, dict[str, tuple[float, ...]]] = {
    "thick, strong Rashba": {
        "metal": (10.0, 2.0853, 2.57),
        "magnet": (5.0,),
        "interface": (0.426, 0.2, 0.213),
    },
    "thin, weak Rashba": {
        "metal": (3.0, 2.0853, 2.57),
        "magnet": (1.0,),
        "interface": (0.426, 0.2, 0.05),
    },
    "ultrathin, high barrier": {
        "metal": (2.0, 2.0853, 2.57),
        "magnet": (0.6,),
        "interface": (0.7, 0.1, 0.1),
    },
    "exchange above barrier": {
        "metal": (6.0, 1.0, 1.4),
        "magnet": (2.0,),
        "interface": (0.2, 0.5, 0.1),
    },
    "long mean free path": {
        "metal": (4.0, 5.0, 8.0),
        "magnet": (3.0,),
        "interface": (0.3, 0.25, 0.2),
    },
}
ANGLES = (0.0, 0.059)

Film = torkivity.Bilayer
try:
    from torkivity_engine.solve import solve_boltzmann_many as _many
except ImportError:  # a version that solves one film at a time
    _many = None


def film_of(metal: tuple[float, ...], magnet: float, interface: tuple[float, ...],
            step: int = 0) -> Film:  # fmt: skip
    """A film from numbers that mean the same in every version.

    Parameters
    ----------
    metal : tuple of float
        Thickness, mean free path, spin-flip length, spin Hall angle.
    magnet : float
        Thickness.
    interface : tuple of float
        Barrier, exchange, Rashba coupling.
    step : int, optional
        Points of a sweep: exchange and m a little beside the film's own.
    """
    barrier, exchange, rashba = interface
    small = 1e-7 * step
    return torkivity.Bilayer(
        torkivity.HeavyMetal(*metal),
        torkivity.RashbaInterface(barrier, exchange * (1.0 + small), rashba),
        torkivity.Ferromagnet(magnet, 16.25, 6.01, 1000.0, 1.36),
        magnetization=(0.3, 0.2, 1.0 + small),
    )


def numbers(name: str, angle: float) -> dict[str, Any]:
    """Arguments of `film_of`: spin diffusion lengths become the kinetic ones."""
    given = FILMS[name]
    metal = torkivity.HeavyMetal.from_spin_diffusion_length(*given["metal"], angle)
    return {
        "metal": [metal.thickness, metal.mean_free_path, metal.spin_flip_length, angle],
        "magnet": given["magnet"][0],
        "interface": list(given["interface"]),
    }


def torque(film: dict[str, Any], n_polar: int, n_azimuth: int) -> list[float]:
    """tau_tot on a mesh, per E~ in 1/(Ohm m)."""
    mesh = torkivity.SphericalMesh(n_polar, n_azimuth)
    return torkivity.solve_boltzmann(film_of(**film), mesh).torque_total.tolist()


def seconds_per_point(film: dict[str, Any], n_polar: int, n_azimuth: int, seconds: float) -> float:
    """Processor time of a point of a sweep whose interface and m change, films made included."""
    mesh = torkivity.SphericalMesh(n_polar, n_azimuth)
    steps = count(1)

    def points(number: int) -> None:
        films = [film_of(**film, step=next(steps)) for _ in range(number)]
        if _many is not None:
            _many(films, mesh)
            return
        for one in films:
            torkivity.solve_boltzmann(one, mesh)

    return timed(points, seconds)


def timed(points: Callable[[int], object], seconds: float) -> float:
    """Processor time of a point, of so many as fill the time; a busy machine changes it little."""
    points(2)
    done, start = 0, time.process_time()
    while time.process_time() - start < seconds or done == 0:
        points(100)
        done += 100
    return (time.process_time() - start) / done


_JOBS: dict[str, Callable[..., object]] = {"torque": torque, "seconds": seconds_per_point}


def serve() -> None:
    """Answer each request on standard input: the name of a job and its arguments, as JSON."""
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(_JOBS[name](*arguments)), flush=True)


if __name__ == "__main__":
    serve()
