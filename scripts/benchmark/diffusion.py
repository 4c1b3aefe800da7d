"""What a point of each drift-diffusion model costs, alone and in batches.

With the environment variable TORKIVITY_BASELINE naming a checkout of another version, both run in
turns, and the table has the ratio of its single points.
"""

from __future__ import annotations

from functools import partial

import torkivity
from baseline import other_version
from diffusion_jobs import ANGLES, BATCH, MODELS, one_by_one, timed
from measuring import Record, duration, number
from torkivity.tables import Table
from torkivity_engine.diffusion.batch import drift_diffusion_many

_NAMES = {
    "particular": "bulk distributions (App. B)",
    "half_space": "half spaces (App. D)",
    "boundary_layer": "boundary layers, exact",
}


def _together(
    model: str, mesh: torkivity.SphericalMesh, given: list[torkivity.Bilayer]
) -> list[object]:
    parameters, level = model.split()
    return list(drift_diffusion_many(given, parameters, level, mesh=mesh))  # type: ignore[arg-type]


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    rounds, seconds = (1, 0.001) if quick else (3, 0.2)
    n_polar, count = (4, 3) if quick else (32, BATCH)
    mesh = torkivity.SphericalMesh(n_polar, 16)
    cases = []
    with other_version("diffusion_jobs.py", str(n_polar), str(count), str(seconds)) as other:
        for model in MODELS:
            for angle in ANGLES:
                single, batch, before = [], [], []
                for _ in range(rounds):
                    single.append(timed(partial(one_by_one, model, mesh), angle, count, seconds))
                    batch.append(timed(partial(_together, model, mesh), angle, count, seconds))
                    if other is not None:
                        before.append(float(other(f"{model} {angle}")))
                cases.append(
                    {
                        "model": model,
                        "spin_hall_angle": angle,
                        "single": min(single),
                        "batch": min(batch),
                        "baseline": min(before) if before else None,
                    }
                )
    return {"n_polar": n_polar, "count": count, "cases": cases}


def table(r: Record) -> Table:
    """What was measured, as a table."""

    def cell(case: Record, which: str) -> str:
        before = case["baseline"]
        beside = "" if before is None else f" (x {number(before / case[which])})"
        return duration(case[which]) + beside

    cases = {(c["model"], c["spin_hall_angle"]): c for c in r["cases"]}
    rows = []
    for model in MODELS:
        parameters, level = model.split()
        named = _NAMES[parameters] + ("" if parameters == "boundary_layer" else f", {level}")
        own = [cases[model, angle] for angle in ANGLES]
        rows.append((named, *(cell(case, which) for case in own for which in ("single", "batch"))))
    return Table(
        "A drift-diffusion point with interface and m new; in brackets: baseline over this",
        ("", *(f"theta_SH {a}, {which}" for a in ANGLES for which in ("alone", "in batches"))),
        tuple(rows),
    )
