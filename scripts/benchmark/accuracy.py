"""Speed at a stated accuracy: five films, this version, another one, and the published method.

The error is that of tau_tot, largest component over max |tau_tot|, against 256 polar points
(`REFERENCE`, which `rebuild_reference` makes). At each accuracy every program gets the smallest
mesh that reaches it, as all finer ones do, and what counts is the slowest of the five films. With
the environment variable TORKIVITY_BASELINE naming a checkout of another version, its errors and
times are its own; without one, the published method takes the meshes of this version.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from accuracy_jobs import ANGLES, FILMS, film_of, numbers, seconds_per_point, torque
from baseline import other_version
from measuring import Record, exponent, number
from textbook import solve_textbook, textbook_modes
from torkivity.tables import Table
from torkivity_meshes import SphericalMesh

REFERENCE = Path(__file__).with_name("accuracy_reference.json")

#: All errors are polar ones: meshes and reference have the same azimuths.
N_AZIMUTH, FINEST, SECOND_FINEST = 16, 256, 192

_SIZES = (4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128)
_TOLERANCES = (1e-3, 1e-4, 1e-6)

#: Beyond so many seconds for a point from nothing the published method is extrapolated.
_LONGEST = 60.0

Torque = Callable[[dict[str, Any], int, int], list[float]]
Seconds = Callable[[dict[str, Any], int, int, float], float]


def rebuild_reference() -> None:
    """Write `REFERENCE` anew: tau_tot on the finest mesh, and how far a coarser one is from it."""
    films: Record = {}
    for name in FILMS:
        for angle in ANGLES:
            film = numbers(name, angle)
            finest, coarser = (
                np.array(torque(film, n, N_AZIMUTH)) for n in (FINEST, SECOND_FINEST)
            )
            films[f"{name}, {angle}"] = {
                "torque_total": finest.tolist(),
                f"change_from_{SECOND_FINEST}": _difference(coarser, finest),
            }
    content = {"n_polar": FINEST, "n_azimuth": N_AZIMUTH, "films": films}
    REFERENCE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    sizes, tolerances, seconds = (
        ((4, 6, 8), (0.3, 0.1), 0.01) if quick else (_SIZES, _TOLERANCES, 0.2)
    )
    reference = json.loads(REFERENCE.read_text(encoding="utf-8"))["films"]
    with other_version("accuracy_jobs.py") as ask:
        programs: dict[str, tuple[Torque, Seconds]] = {"this": (torque, seconds_per_point)}
        if ask is not None:

            def asked(job: str) -> Callable[..., Any]:
                return lambda *arguments: json.loads(ask(json.dumps([job, *arguments])))

            programs["baseline"] = asked("torque"), asked("seconds")
        cases = []
        for angle in ANGLES:
            for name in list(FILMS)[: 1 if quick else None]:
                film = numbers(name, angle)
                exact = np.array(reference[f"{name}, {angle}"]["torque_total"])
                meshes = {
                    program: _smallest(film, exact, find, sizes, tolerances)
                    for program, (find, _) in programs.items()
                }
                times = _timed_in_turns(film, meshes, programs, seconds, 1 if quick else 3)
                cases += [
                    {
                        "film": name,
                        "spin_hall_angle": angle,
                        "tolerance": tolerance,
                        "n_polar": {p: meshes[p][i] for p in programs},
                        "seconds": {p: times[p].get(meshes[p][i]) for p in programs},
                    }
                    for i, tolerance in enumerate(tolerances)
                ]
    return {"cases": cases, "textbook": _textbook_times(cases, quick), "n_azimuth": N_AZIMUTH}


def _smallest(
    film: dict[str, Any],
    exact: np.ndarray,
    find: Torque,
    sizes: tuple[int, ...],
    tolerances: tuple[float, ...],
) -> list[int | None]:
    """Smallest n_polar for each tolerance such that it and all finer ones reach it."""
    errors: list[float] = []
    for n in sizes:
        errors.append(_difference(np.array(find(film, n, N_AZIMUTH)), exact))
        if max(errors[-2:]) <= min(tolerances) and len(errors) > 1:
            break  # finer ones only get better
    found: list[int | None] = []
    for tolerance in tolerances:
        worse = [i for i, error in enumerate(errors) if error > tolerance]
        first = max(worse, default=-1) + 1
        found.append(sizes[first] if first < len(errors) else None)
    return found


def _difference(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.abs(found - exact).max() / np.abs(exact).max())


def _timed_in_turns(
    film: dict[str, Any],
    meshes: dict[str, list[int | None]],
    programs: dict[str, tuple[Torque, Seconds]],
    seconds: float,
    rounds: int,
) -> dict[str, dict[int | None, float]]:
    """Median time of a point by program and n_polar."""
    times: dict[str, dict[int | None, list[float]]] = {program: {} for program in programs}
    for _ in range(rounds):
        for program, (_, measured) in programs.items():
            for n in dict.fromkeys(n for n in meshes[program] if n is not None):
                spent = measured(film, n, N_AZIMUTH, seconds)
                times[program].setdefault(n, []).append(spent)
    return {program: {n: median(t) for n, t in by.items()} for program, by in times.items()}


def _textbook_times(cases: list[Record], quick: bool) -> Record:
    """Time of the published method by n_polar: what is not measured is extrapolated.

    It does not depend on the film. Modes of both layers are kept from point to point, which is
    generous: those of the magnet turn with m.
    """
    wanted = {n for case in cases if (n := _plain_size(case))}
    measured: dict[int, float] = {}
    whole = 0.0
    calibration = (4, 6) if quick else (8, 12, 16)
    for n in sorted({*calibration, *wanted}):
        if len(measured) > 1:
            last = max(measured)
            if whole * (n / last) ** 3 > _LONGEST and n not in calibration:
                continue
        kept_seconds, whole = _textbook_point(n)
        measured[n] = kept_seconds
    sizes = sorted(measured)[-3:]
    power = exponent(sizes, [measured[n] for n in sizes])
    largest = sizes[-1]
    estimated = {n: measured[largest] * (n / largest) ** power for n in wanted - set(measured)}
    return {
        "exponent": power,
        "measured": {str(n): t for n, t in measured.items()},
        "extrapolated": {str(n): t for n, t in estimated.items()},
    }


def _plain_size(case: Record) -> int | None:
    """Mesh of the published method, whose discrete problem is that of the first version."""
    sizes: dict[str, int | None] = case["n_polar"]
    return sizes.get("baseline", sizes["this"])


def _textbook_point(n_polar: int) -> tuple[float, float]:
    """Processor time of a point with modes kept, and from nothing."""
    film = film_of(**numbers("thick, strong Rashba", 0.059))
    mesh = SphericalMesh(n_polar, N_AZIMUTH)
    lower, upper = film.stack().layers
    started = time.process_time()
    kept = textbook_modes(lower, mesh), textbook_modes(upper, mesh)
    middle = time.process_time()
    solve_textbook(film, mesh, kept)
    end = time.process_time()
    return end - middle, end - started


def table(r: Record) -> Table:
    """What was measured, as a table."""
    cases = r["cases"]
    rows = []
    keys = dict.fromkeys((case["spin_hall_angle"], case["tolerance"]) for case in cases)
    for angle, tolerance in keys:
        films = [c for c in cases if (c["spin_hall_angle"], c["tolerance"]) == (angle, tolerance)]
        ours = _slowest(films, "this")
        row = [f"{angle:g}", f"{tolerance:.0e}", _sizes(films, "this"), _rate(ours, None)]
        row += [_sizes(films, "baseline"), _rate(_slowest(films, "baseline"), ours)]
        row.append(_textbook_cell(films, r["textbook"], ours))
        rows.append(tuple(row))
    return Table(
        f"Points/s of the slowest of {len({c['film'] for c in cases})} films at a true error of "
        f"tau_tot, {r['n_azimuth']} azimuths, interface and m changing, BLAS one thread; in "
        "brackets: time over that of this version. * extrapolated from smaller meshes, time "
        f"growing as n_polar^{r['textbook']['exponent']:.2f}",
        ("theta_SH", "error", "n_polar", "this version", "n_polar", "baseline", "SciPy"),
        tuple(rows),
        keys=2,
    )


def _slowest(films: list[Record], program: str) -> float | None:
    """Seconds of a point of the slowest film; None if some film does not reach the accuracy."""
    times = [case["seconds"].get(program) for case in films]
    return None if None in times else max(times)


def _sizes(films: list[Record], program: str) -> str:
    sizes = [case["n_polar"].get(program) for case in films]
    if None in sizes:
        return "-"
    return f"{min(sizes)}" if min(sizes) == max(sizes) else f"{min(sizes)}..{max(sizes)}"


def _rate(seconds: float | None, ours: float | None, mark: str = "") -> str:
    if seconds is None:
        return "-"
    beside = "" if ours is None else f" (x {number(seconds / ours)})"
    return f"{number(1.0 / seconds)}{mark}{beside}"


def _textbook_cell(films: list[Record], textbook: Record, ours: float | None) -> str:
    sizes = [n for case in films if (n := _plain_size(case))]
    if len(sizes) < len(films):
        return "-"
    largest = str(max(sizes))
    with suppress(KeyError):
        return _rate(textbook["measured"][largest], ours)
    return _rate(textbook["extrapolated"][largest], ours, " *")
