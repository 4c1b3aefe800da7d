"""The reduced method: time, floating-point operations, memory."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from films import pt_co
from measuring import Record, Rounds, duration, number, python_output
from torkivity.tables import Table
from torkivity_engine.dense import modes
from torkivity_engine.film import collisions
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.reduced import response_cache
from torkivity_engine.reduced.assembly import Assembly, ring_structure
from torkivity_engine.reduced.batch import solve_reduced
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh


def forget() -> None:
    """Empty every cache of layer responses."""
    response_cache.clear_cache()
    for cache in (collisions._terms, collisions._momentum, collisions._driven):
        cache.cache_clear()
    modes._cached_modes.cache_clear()


def random_films(seed: int = 1) -> Iterator[Bilayer]:
    """Endless films that differ in interface parameters and magnetization."""
    rng = np.random.default_rng(seed)
    base = pt_co()
    while True:
        v = rng.normal(size=3)
        u0, ux, ur = rng.uniform((0.2, 0.05, -0.3), (0.6, 0.6, 0.3))
        yield replace(
            base,
            interface=RashbaInterface(float(u0), float(ux), float(ur)),
            magnetization=(float(v[0]), float(v[1]), float(v[2])),
        )


def _channel_flops(drives: int = 2) -> float:
    """Floating-point operations of one k_parallel channel of a bilayer: 8 unknowns."""
    n, columns = 8, 8 + drives
    form = 2 * n * 32  # 1 - S A, with two 4 x 4 blocks in A
    factor = 2 * n**3 / 3
    solve = 2 * n**2 * columns
    mean = 2 * n * columns
    density = 2 * 4 * n * columns + 2 * 3 * 4 * columns + 2 * 3 * columns
    return form + factor + solve + mean + density


def _closing_flops(n_polar: int, ranks: Sequence[int], drives: int = 2) -> float:
    """Operations of the closing system of a bilayer."""
    rank = sum(ranks)
    response = 2 * n_polar * 8 * 4 * rank
    project = 2 * 4 * n_polar * rank * rank
    return response + project + 2 * rank**3 / 3 + 2 * rank**2 * drives


def _dgemm_rate(n: int = 512) -> float:
    a = np.random.default_rng(0).normal(size=(n, n))
    out = np.empty_like(a)
    rounds = Rounds({"dgemm": partial(np.matmul, a, a, out=out)}, 0.3, least=5)
    return 2.0 * n**3 / rounds.seconds("dgemm")


def sweep_point(films: Iterator[Bilayer], mesh: FermiSurfaceMesh) -> None:
    """One point of a sweep over interfaces and m, as users have it."""
    solve_boltzmann(next(films), mesh)


def _bare_point(films: Iterator[Bilayer], mesh: FermiSurfaceMesh) -> None:
    solve_reduced(next(films).stack(), mesh)


def _new_thickness(thickness: Iterator[float], mesh: FermiSurfaceMesh) -> None:
    film = pt_co()
    layer = replace(film.heavy_metal, thickness=next(thickness))
    solve_boltzmann(replace(film, heavy_metal=layer), mesh)


def _cold_responses(mesh: FermiSurfaceMesh) -> None:
    forget()
    Assembly(pt_co().stack(), ring_structure(mesh))


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    sizes = (8, 16) if quick else (32, 64)
    seconds = 0.3 if quick else 4.0
    rate = _dgemm_rate(256 if quick else 512)
    cases = []
    for size in sizes:
        mesh = SphericalMesh(size, size)
        rings = ring_structure(mesh)
        cold = Rounds({"cold": partial(_cold_responses, mesh)}, seconds)
        thickness = itertools.count(10.0, 1e-3)
        thick = Rounds({"thickness": partial(_new_thickness, thickness, mesh)}, seconds)
        warm = Rounds(
            {
                "point": partial(sweep_point, random_films(), mesh),
                "bare": partial(_bare_point, random_films(), mesh),
            },
            seconds,
            least=20,
        )
        stack = pt_co().stack()
        ranks = [r.operator.left.shape[3] for r in Assembly(stack, rings).returns]
        channels = size * size * _channel_flops()
        floor = channels + _closing_flops(size, ranks)
        full = channels + _closing_flops(size, [4 * size, 4 * size])
        cases.append(
            {
                "n_polar": size,
                "n_azimuth": size,
                "n_unknowns": mesh.n_unknowns,
                "point_seconds": warm.seconds("point"),
                "solve_reduced_seconds": warm.seconds("bare"),
                "points_per_second": 1.0 / warm.seconds("point"),
                "cold_seconds": cold.seconds("cold"),
                "new_thickness_seconds": thick.seconds("thickness"),
                "rank": sum(ranks),
                "channel_megaflop": channels / 1e6,
                "closing_megaflop": (floor - channels) / 1e6,
                "floor_seconds": floor / rate,
                "floor_full_rank_seconds": full / rate,
                "time_over_floor": warm.seconds("point") * rate / floor,
                "time_over_floor_full_rank": warm.seconds("point") * rate / full,
            }
        )
    return {
        "cases": cases,
        "dgemm_gflops": rate / 1e9,
        "memory": measure_memory(sizes[0], sizes[0]),
    }


def table(r: Record) -> Table:
    """What was measured, as a table."""
    cases = r["cases"]

    def row(name: str, cell: Callable[[Record], str]) -> tuple[str, ...]:
        return (name, *(cell(case) for case in cases))

    return Table(
        "Reduced method, Pt/Co bilayer, interface parameters and m changing at every point",
        ("", *(f"SphericalMesh({c['n_polar']}, {c['n_azimuth']})" for c in cases)),
        (
            row("unknowns per layer face, NT", lambda c: str(c["n_unknowns"])),
            row("points/s, `solve_boltzmann`", lambda c: number(c["points_per_second"])),
            row("points/s, `solve_reduced`", lambda c: number(1.0 / c["solve_reduced_seconds"])),
            row("layer responses from nothing", lambda c: duration(c["cold_seconds"])),
            row("point at a new thickness", lambda c: duration(c["new_thickness_seconds"])),
            row("rank of the closing system", lambda c: str(c["rank"])),
            row("Mflop in 8 x 8 systems", lambda c: number(c["channel_megaflop"])),
            row("Mflop in the closing system", lambda c: number(c["closing_megaflop"])),
            row(
                f"point / operations at {number(r['dgemm_gflops'])} Gflop/s",
                lambda c: number(c["time_over_floor"]),
            ),
            row(
                "the same, closing system of rank 8 n_polar",
                lambda c: number(c["time_over_floor_full_rank"]),
            ),
        ),
    )


_PROBE = f"""
import json, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import reduced
print(json.dumps(reduced.memory_probe(int(sys.argv[1]), int(sys.argv[2]))))
"""


def measure_memory(n_polar: int, n_azimuth: int) -> Record:
    """Memory of the reduced method in a fresh process, in bytes; empty if not measurable."""
    result: Record = json.loads(python_output("-c", _PROBE, str(n_polar), str(n_azimuth)))
    return result


def memory_probe(n_polar: int, n_azimuth: int) -> Record:
    """Resident memory that a first and some more points add to this process.

    Parameters
    ----------
    n_polar, n_azimuth : int

    Returns
    -------
    dict
        In bytes: "program" after the imports, "above_program" the peak beyond that, and
        "above_kernels" the peak beyond the program with its compiled kernels loaded.
    """
    try:
        program = _resident("VmRSS")
        films = random_films()
        solve_boltzmann(next(films), SphericalMesh(5, 4))
        kernels = _resident("VmRSS")
        # Imports may have peaked higher than they settled.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return {}
    mesh = SphericalMesh(n_polar, n_azimuth)
    for film in itertools.islice(films, 20):
        solve_boltzmann(film, mesh)
    peak = _resident("VmHWM")
    return {
        "n_polar": n_polar,
        "n_azimuth": n_azimuth,
        "program": program,
        "above_program": peak - program,
        "above_kernels": peak - kernels,
    }


def _resident(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {key}")


def memory_table(probes: Sequence[Record]) -> Table:
    """Memory by mesh, as a table."""
    return Table(
        "Memory of the reduced method in a fresh process, MB",
        ("mesh", "imported program", "added at the peak", "of that, without kernels"),
        tuple(
            (
                f"SphericalMesh({p['n_polar']}, {p['n_azimuth']})",
                *(number(p[key] / 1e6) for key in ("program", "above_program", "above_kernels")),
            )
            for p in probes
            if p
        ),
    )
