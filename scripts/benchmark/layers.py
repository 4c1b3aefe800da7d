"""What new thicknesses and a new pair of layers cost, beside a point whose layers are known.

With the environment variable TORKIVITY_BASELINE naming a checkout of another version, both run in
turns and the table has their ratios.
"""

from __future__ import annotations

from statistics import median

from baseline import other_version
from layer_jobs import ANGLES, CURVE_POINTS, CURVES, jobs, timed
from measuring import Record, duration, number
from torkivity.tables import Table

NAMES = {
    "point": "interface and m new",
    "metal": "thickness of the heavy metal new",
    "magnet": "thickness of the ferromagnet new",
    "pair": "both layers new",
    "metal-curve": f"{CURVE_POINTS} thicknesses of the heavy metal",
    "magnet-curve": f"{CURVE_POINTS} thicknesses of the ferromagnet",
}

#: Polar points beyond which curves of another version would take minutes.
_CURVES_UP_TO = 32


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    rounds, seconds = (1, 0.01) if quick else (5, 0.3)
    cases = []
    for n_polar in (8,) if quick else (32, 64):
        calls = jobs(n_polar)
        with other_version("layer_jobs.py", str(n_polar), str(seconds)) as other:
            for name, call in calls.items():
                job, angle = name.split()
                if job in CURVES and n_polar > _CURVES_UP_TO:
                    continue
                ours, theirs = [], []
                for _ in range(rounds):
                    ours.append(timed(call, seconds))
                    if other is not None:
                        theirs.append(float(other(name)))
                ratios = [b / a for a, b in zip(ours, theirs, strict=False)]
                cases.append(
                    {
                        "n_polar": n_polar,
                        "job": job,
                        "spin_hall_angle": float(angle),
                        "seconds": median(ours),
                        "baseline_over_this": median(ratios) if ratios else None,
                    }
                )
    return {"cases": cases}


def table(r: Record) -> Table:
    """What was measured, as a table."""

    def cell(case: Record | None) -> str:
        if case is None:
            return "-"
        ratio = case["baseline_over_this"]
        beside = "" if ratio is None else f" (x {number(ratio)})"
        return duration(case["seconds"]) + beside

    sizes = sorted({case["n_polar"] for case in r["cases"]})
    columns = [(n, angle) for n in sizes for angle in ANGLES]
    found = {(c["n_polar"], c["spin_hall_angle"], c["job"]): c for c in r["cases"]}
    return Table(
        "A whole point after something changed, or a whole curve; in brackets: baseline over this",
        ("", *(f"n_polar {n}, theta_SH {angle}" for n, angle in columns)),
        tuple(
            (meaning, *(cell(found.get((n, angle, job))) for n, angle in columns))
            for job, meaning in NAMES.items()
        ),
    )
