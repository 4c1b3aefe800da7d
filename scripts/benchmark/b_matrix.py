"""Building the matrix B of the dense method."""

from __future__ import annotations

from functools import partial

import numpy as np

from films import pt_co
from measuring import Record, Rounds, duration, number
from torkivity.tables import Table
from torkivity_engine.dense.bmatrix import b_matrix
from torkivity_engine.film.collisions import collision_terms
from torkivity_meshes import SphericalMesh


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    mesh = SphericalMesh(8, 16) if quick else SphericalMesh(16, 32)
    terms = collision_terms(pt_co().heavy_metal)
    array = np.empty((mesh.n_unknowns, mesh.n_unknowns))
    rounds = Rounds(
        {"fill": partial(array.fill, 1.0), "build": partial(b_matrix, terms, mesh, array)},
        0.2 if quick else 4.0,
    )
    return {
        "n_unknowns": mesh.n_unknowns,
        "fill_seconds": rounds.seconds("fill"),
        "build_seconds": rounds.seconds("build"),
        "fraction_of_fill_speed": 1.0 / rounds.ratio("build", "fill"),
    }


def table(r: Record) -> Table:
    """What was measured, as a table."""
    size = 8.0 * r["n_unknowns"] ** 2
    rows = [("`array.fill`, warm", r["fill_seconds"]), ("building B", r["build_seconds"])]
    return Table(
        f"B of an isotropic layer, NT = {r['n_unknowns']}",
        ("", "time", "GB/s", "of the speed of fill"),
        tuple(
            (name, duration(s), number(size / s / 1e9), share)
            for (name, s), share in zip(
                rows, ("1", number(r["fraction_of_fill_speed"], 2)), strict=True
            )
        ),
    )
