"""How the reduced method grows with mesh and number of layers."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial

from films import TILTED, pt_co
from measuring import Record, Rounds, exponent, number
from reduced import measure_memory
from torkivity.tables import Table
from torkivity_engine.film.layers import Layer
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh


def _multilayer(n_layers: int, spin_hall_angle: float) -> Stack:
    """Pt/Co/Pt/Co..., alternating magnetizations."""
    film = pt_co(spin_hall_angle=spin_hall_angle)
    directions = itertools.cycle([TILTED, (-0.5, 0.1, 1.0)])
    layers: list[Layer] = []
    interfaces = []
    for index in range(n_layers):
        if index % 2 == 0:
            m = next(directions)
            layers.append(film.heavy_metal)
        else:
            layers.append(replace(film.ferromagnet, magnetization=m))
        if index:
            interfaces.append(replace(film.interface, magnetization=m))
    return Stack(tuple(layers), tuple(interfaces))


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    if quick:
        azimuths, polars, counts, fixed = [8, 16], [8, 16], [2, 3], (8, 8)
    else:
        azimuths, polars, counts, fixed = (
            [16, 32, 64, 128, 256],
            [16, 32, 64, 128],
            [2, 3, 4, 6, 8, 12],
            (32, 16),
        )
    series = []
    for angle in (0.0, 0.059):
        pair = _multilayer(2, angle)
        axes: dict[str, list[tuple[int, Stack, FermiSurfaceMesh]]] = {
            "n_azimuth": [(n, pair, SphericalMesh(fixed[0], n)) for n in azimuths],
            "n_polar": [(n, pair, SphericalMesh(n, fixed[1])) for n in polars],
            "layers": [(n, _multilayer(n, angle), SphericalMesh(*fixed)) for n in counts],
        }
        for axis, cases in axes.items():
            sizes = [n for n, _, _ in cases]
            calls = {str(n): partial(solve_boltzmann, film, mesh) for n, film, mesh in cases}
            rounds = Rounds(calls, 0.2 if quick else 5.0, least=3 if quick else 5)
            seconds = [rounds.seconds(str(n)) for n in sizes]
            series.append(
                {
                    "axis": axis,
                    "skew": angle != 0.0,
                    "sizes": sizes,
                    "seconds": seconds,
                    "exponent": exponent(sizes, seconds),
                    "last_exponent": exponent(sizes[-2:], seconds[-2:]),
                }
            )
    memory = [] if quick else [measure_memory(n, fixed[1]) for n in polars]
    result: Record = {"series": series, "memory": memory, "fixed": list(fixed)}
    if memory and all(memory):
        result["memory_exponent"] = exponent(polars, [p["above_kernels"] for p in memory])
    return result


def table(r: Record) -> Table:
    """What was measured, as a table."""
    labels = {
        "n_azimuth": f"n_azimuth (n_polar = {r['fixed'][0]})",
        "n_polar": f"n_polar (n_azimuth = {r['fixed'][1]})",
        "layers": f"layers ({r['fixed'][0]} x {r['fixed'][1]})",
    }
    return Table(
        "Scaling of a warm point, fitted exponents",
        ("against", "scattering", "sizes", "ms", "exponent", "last step"),
        tuple(
            (
                labels[s["axis"]],
                "skew" if s["skew"] else "isotropic",
                ", ".join(map(str, s["sizes"])),
                ", ".join(number(1e3 * t, 2) for t in s["seconds"]),
                f"{s['exponent']:.2f}",
                f"{s['last_exponent']:.2f}",
            )
            for s in r["series"]
        ),
    )
