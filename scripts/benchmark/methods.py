"""Dense, reduced and textbook methods side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from films import pt_co
from measuring import Record, Rounds, duration, number
from reduced import random_films, sweep_point
from textbook import solve_textbook, textbook_modes
from torkivity.tables import Table
from torkivity_engine.dense import modes
from torkivity_engine.film.stack import (
    Bilayer,
)
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh


def _dense_from_nothing(film: Bilayer, mesh: FermiSurfaceMesh) -> None:
    modes._cached_modes.cache_clear()
    solve_boltzmann(film, mesh, method="dense")


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    meshes = [(4, 8)] if quick else [(8, 8), (8, 16), (16, 16)]
    film = pt_co()
    cases = []
    for n_polar, n_azimuth in meshes:
        mesh = SphericalMesh(n_polar, n_azimuth)
        stack = film.stack()
        kept = (textbook_modes(stack.layers[0], mesh), textbook_modes(stack.layers[1], mesh))
        ours = solve_boltzmann(film, mesh)
        theirs = solve_textbook(film, mesh, kept)
        scale = float(np.abs(ours.torque_total).max())
        difference = max(
            float(np.abs(theirs["current_minus"][:3] - ours.spin_current_minus).max()),
            float(np.abs(theirs["current_plus"][:3] - ours.spin_current_plus).max()),
            float(np.abs(theirs["torque_interface"] - ours.torque_interface).max()),
        )

        calls: dict[str, Callable[[], object]] = {
            "textbook": partial(solve_textbook, film, mesh),
            "textbook_kept": partial(solve_textbook, film, mesh, kept),
            "dense": partial(_dense_from_nothing, film, mesh),
            "dense_kept": partial(solve_boltzmann, film, mesh, method="dense"),
        }
        rounds = Rounds(calls, 0.5 if quick else 10.0, least=1 if quick else 3, warm=False)
        point = Rounds(
            {"reduced": partial(sweep_point, random_films(), mesh)},
            0.2 if quick else 2.0,
            least=10,
        )
        reduced = point.seconds("reduced")
        cases.append(
            {
                "n_polar": n_polar,
                "n_azimuth": n_azimuth,
                "n_unknowns": mesh.n_unknowns,
                "difference": difference / scale,
                "seconds": {**{name: rounds.seconds(name) for name in calls}, "reduced": reduced},
                "ratio": {name: rounds.seconds(name) / reduced for name in calls},
            }
        )
    return {"cases": cases}


_METHODS = {
    "textbook": "SciPy, everything at each point",
    "textbook_kept": "SciPy, modes kept",
    "dense": '`method="dense"`, everything at each point',
    "dense_kept": '`method="dense"`, modes kept',
    "reduced": '`method="reduced"`, responses kept',
}


def table(r: Record) -> Table:
    """What was measured, as a table."""
    cases = r["cases"]
    rows = []
    for name, label in _METHODS.items():
        cells = []
        for case in cases:
            cell = duration(case["seconds"][name])
            if name in case["ratio"]:
                cell += f" (x {number(case['ratio'][name], 2)})"
            cells.append(cell)
        rows.append((label, *cells))
    rows.append(("SciPy - reduced", *(number(case["difference"], 2) for case in cases)))
    return Table(
        "One Pt/Co point by each method on the same mesh, one BLAS thread (over reduced)",
        ("", *(f"NT = {case['n_unknowns']}" for case in cases)),
        tuple(rows),
    )
