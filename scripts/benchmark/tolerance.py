"""What a tolerance costs beside the mesh it leads to, and whether it is kept.

The five films of section accuracy, one at a time; a sweep of 1000 points over the interface and m
beside the same sweep on the mesh that most of its points end on; and fits of 40 directions.
Processor time, the least of several repetitions in turns.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from accuracy_jobs import ANGLES, FILMS, Film, film_of, numbers
from measuring import Record, duration, number
from torkivity import solve_boltzmann, solve_many
from torkivity.tables import Table
from torkivity_engine.reduced.response_cache import clear_cache
from torkivity_engine.refine import flattened
from torkivity_engine.tolerance import RefinedMesh
from torkivity_meshes import POLAR_RULES, SphericalMesh

_TOLERANCES = (1e-3, 1e-4, 1e-6)
#: Meshes that errors are measured against have four times the sizes up to so many polar angles and
#: azimuths, but no less than twice the azimuths.
_FINEST, _MOST_AZIMUTHS = 160, 1024

_steps = itertools.count(1)


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    names = list(FILMS)[:1] if quick else list(FILMS)
    tolerances, angles = ((1e-1,), ANGLES[:1]) if quick else (_TOLERANCES, ANGLES)
    repeat = 1 if quick else 3
    every = list(itertools.product(angles, tolerances))
    return {
        "cases": [_case(name, *how, repeat) for how in every for name in names],
        "sweeps": [_sweep(*how, 2 if quick else 40) for how in every],
    }


def _case(name: str, angle: float, rtol: float, repeat: int) -> Record:
    film = film_of(**numbers(name, angle))
    solution = solve_boltzmann(film, rtol=rtol)
    found = solution.refinement
    assert found is not None
    azimuths = min(4 * found.n_azimuth, max(_MOST_AZIMUTHS, 2 * found.n_azimuth))
    finer = SphericalMesh(min(4 * found.n_polar, _FINEST), azimuths, found.polar_rule)
    exact = solve_boltzmann(film, finer)
    error = np.abs(flattened(solution.interfaces) - flattened(exact.interfaces)).max()
    new, kept = (_ratio(name, angle, rtol, found, repeat, new=new) for new in (True, False))
    return {
        "film": name,
        "spin_hall_angle": angle,
        "tolerance": rtol,
        "n_polar": found.n_polar,
        "n_azimuth": found.n_azimuth,
        "error": float(error / np.abs(exact.torque_total).max()),
        "estimate": found.relative,
        "new_layers": new,
        "kept_layers": kept,
    }


def _ratio(
    name: str, angle: float, rtol: float, found: RefinedMesh, repeat: int, *, new: bool
) -> float:
    """Time of a search over that of a point on the mesh that it ends on."""
    mesh = SphericalMesh(found.n_polar, found.n_azimuth, found.polar_rule)
    searched, direct = _least(
        repeat,
        lambda: solve_boltzmann(_film(name, angle, new=new), rtol=rtol),
        lambda: solve_boltzmann(_film(name, angle, new=new), mesh),
    )
    return searched / direct


def _film(name: str, angle: float, *, new: bool) -> Film:
    """The film with another interface and m than before, and other layers if they are new."""
    step = next(_steps)
    film = film_of(**numbers(name, angle), step=step)
    if not new:
        return film
    longer = 1.0 + 1e-6 * step
    metal, magnet = film.heavy_metal, film.ferromagnet
    majority = longer * magnet.mean_free_path_majority
    return replace(
        film,
        heavy_metal=replace(metal, mean_free_path=longer * metal.mean_free_path),
        ferromagnet=replace(magnet, mean_free_path_majority=majority),
    )


def _sweep(angle: float, rtol: float, count: int) -> Record:
    """1000 points (25 by 40) of exchange and m, from nothing."""
    film = film_of(**numbers(next(iter(FILMS)), angle))
    axes = {
        "interface.exchange": np.linspace(0.05, 0.24, count),
        "film.magnetization.theta_deg": np.linspace(1.0, 89.0, max(2, 5 * count // 8)),
    }
    found = solve_many(film, axes, rtol=rtol)
    columns = [found[f"mesh_{x}"].values.ravel() for x in ("n_polar", "n_azimuth", "polar_rule")]
    good = np.isfinite(columns[0])
    sizes, often = np.unique(np.stack(columns)[:, good], axis=1, return_counts=True)
    p, a, rule = sizes[:, often.argmax()].astype(int).tolist()
    mesh = SphericalMesh(p, a, list(POLAR_RULES)[rule])
    searched, direct = _least(
        1,
        lambda: (clear_cache(), solve_many(film, axes, rtol=rtol)),
        lambda: (clear_cache(), solve_many(film, axes, mesh=mesh)),
    )
    return {
        "spin_hall_angle": angle,
        "tolerance": rtol,
        "points": len(columns[0]),
        "n_polar": p,
        "share": float(often.max() / len(columns[0])),
        "seconds": searched,
        "ratio": searched / direct,
    }


def _least(repeat: int, *calls: Callable[[], object]) -> tuple[float, ...]:
    """Least processor time of each call, run in turns."""
    times = [[_seconds(call) for call in calls] for _ in range(repeat + 1)]
    return tuple(min(column) for column in zip(*times[1:], strict=True))


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def table(r: Record) -> Table:
    """What was measured, as a table."""
    rows = []
    for sweep in r["sweeps"]:
        how = sweep["spin_hall_angle"], sweep["tolerance"]
        own = [c for c in r["cases"] if (c["spin_hall_angle"], c["tolerance"]) == how]
        rows.append(
            (
                f"{how[0]:g}",
                f"{how[1]:.0e}",
                _span([c["n_polar"] for c in own]),
                f"{max(c['error'] for c in own):.0e}",
                f"{min(c['estimate'] / max(c['error'], 1e-15) for c in own):.1f}",
                *(_span([c[key] for c in own]) for key in ("new_layers", "kept_layers")),
                f"{number(sweep['ratio'])} ({duration(sweep['seconds'])})",
            )
        )
    return Table(
        "Time under a tolerance over that on the mesh it ends on: of "
        f"{len({c['film'] for c in r['cases']})} films one at a time, and of a sweep of "
        f"{r['sweeps'][0]['points']} points",
        (
            *("theta_SH", "rtol", "n_polar", "largest error", "least estimate / error"),
            *("layers new", "layers kept", "sweep"),
        ),
        tuple(rows),
        keys=2,
    )


def _span(values: list[float]) -> str:
    low, high = (f"{x:.3g}" for x in (min(values), max(values)))
    return low if low == high else f"{low}..{high}"
