"""Polar rules: accuracy against time of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from films import U0, U_EX, pt_co, torque_vector
from measuring import Record, Rounds, duration, number
from torkivity.tables import Table
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import POLAR_RULES, SphericalMesh


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    polars = [6, 8] if quick else [6, 8, 12, 16, 24, 32, 48, 64]
    n_azimuth, finest = (8, 24) if quick else (24, 160)
    curves = []
    # With u_ex = u0 and weak u_R the poles of the amplitudes nearly touch grazing incidence.
    for exchange, rashba in ((U_EX, 0.5 * U0), (U0, 0.05 * U0)):
        film = pt_co(exchange=exchange, rashba=rashba)
        reference = torque_vector(film, SphericalMesh(finest, n_azimuth, "graded"))
        coarser = torque_vector(film, SphericalMesh(finest * 3 // 4, n_azimuth, "graded"))
        scale = float(np.abs(reference).max())
        meshes = {
            f"{rule} {n}": SphericalMesh(n, n_azimuth, rule) for n in polars for rule in POLAR_RULES
        }
        calls: dict[str, Callable[[], object]] = {
            name: partial(solve_boltzmann, film, mesh) for name, mesh in meshes.items()
        }
        rounds = Rounds(calls, 0.2 if quick else 3.0)
        for rule in POLAR_RULES:
            names = [f"{rule} {n}" for n in polars]
            curves.append(
                {
                    "exchange": exchange,
                    "rashba": rashba,
                    "rule": rule,
                    "n_polar": polars,
                    "error": [
                        float(np.abs(torque_vector(film, meshes[name]) - reference).max()) / scale
                        for name in names
                    ],
                    "seconds": [rounds.seconds(name) for name in names],
                    "reference_error": float(np.abs(coarser - reference).max()) / scale,
                }
            )
    return {"n_azimuth": n_azimuth, "reference_n_polar": finest, "curves": curves}


def table(r: Record) -> Table:
    """What was measured, as a table."""
    curves = r["curves"]
    rows = []
    for i, n in enumerate(curves[0]["n_polar"]):
        cells = [str(n)]
        for c in curves:
            cells += [number(c["error"][i], 2), duration(c["seconds"][i])]
        rows.append(tuple(cells))
    columns = ["n_polar"]
    for c in curves:
        which = "u_ex = u0" if c["exchange"] == U0 else "u_ex = 0.2"
        columns += [f"{c['rule']}, {which}", "time"]
    return Table(
        f"Error of tau_tot (over max |tau_tot|) against time of a warm point; {r['n_azimuth']} "
        f"azimuths, reference {r['reference_n_polar']} graded polar points",
        tuple(columns),
        tuple(rows),
    )
