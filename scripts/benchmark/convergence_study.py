#!/usr/bin/env python3
"""Convergence of the Boltzmann torque with polar and with azimuthal mesh points, apart.

Prints tables for a Pt/Co film; writes them to a JSON file and into docs/convergence.md on
request. Errors are those of tau_tot, relative to max |tau_tot| on a much finer mesh.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from films import pt_co, torque_vector
from torkivity.tables import Table, replace_tables
from torkivity_engine.film.stack import Bilayer
from torkivity_meshes import POLAR_RULES, SphericalMesh

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "convergence.md"
FILMS = {"m along z": (0.0, 0.0, 1.0), "m tilted": (0.3, 0.2, 1.0)}
GRADED_LEAST = 5


def study(quick: bool) -> dict[str, Any]:
    """Errors by series, film and polar rule."""
    if quick:
        polar, azimuthal, both = [2, 4, 8], [4, 6, 8], [(4, 8), (8, 8)]
        few, rings, finest = 8, 4, (16, 12)
    else:
        polar = [2, 4, 8, 16, 32, 64, 128, 256]
        azimuthal = [4, 6, 8, 10, 12, 16, 24, 32, 64, 128, 256, 512]
        both = [(4, 8), (8, 8), (8, 16), (16, 16), (32, 16), (32, 32), (64, 32), (64, 64)]
        few, rings, finest = 16, 8, (384, 64)
    record: dict[str, Any] = {
        "polar": {"n_polar": polar, "n_azimuth": few, "reference": finest[0], "error": {}},
        "azimuthal": {"n_polar": rings, "n_azimuth": azimuthal, "reference": 0, "error": {}},
        "both": {"meshes": both, "reference": list(finest), "error": {}},
    }
    record["azimuthal"]["reference"] = 2 * azimuthal[-1]
    for label, m in FILMS.items():
        film = pt_co(magnetization=m)
        reference = torque_vector(film, SphericalMesh(finest[0], few))
        for rule in POLAR_RULES:
            record["polar"]["error"][f"{label}, {rule}"] = [
                _error(film, SphericalMesh(n, few, rule), reference)
                if rule != "graded" or n >= GRADED_LEAST
                else None
                for n in polar
            ]
        reference = torque_vector(film, SphericalMesh(rings, 2 * azimuthal[-1]))
        record["azimuthal"]["error"][label] = [
            _error(film, SphericalMesh(rings, n), reference) for n in azimuthal
        ]
        reference = torque_vector(film, SphericalMesh(*finest))
        record["both"]["error"][label] = [
            _error(film, SphericalMesh(*sizes), reference) for sizes in both
        ]
    return record


def _error(film: Bilayer, mesh: Any, reference: np.ndarray) -> float:
    difference = np.abs(torque_vector(film, mesh) - reference).max()
    return float(difference / np.abs(reference).max())


def tables(record: dict[str, Any]) -> dict[str, Table]:
    """The study as tables, by their names in the document."""
    polar, azimuthal, both = (record[key] for key in ("polar", "azimuthal", "both"))
    p, a = polar["n_azimuth"], azimuthal["n_polar"]
    return {
        "polar": Table(
            f"Polar points per hemisphere at {p} azimuths; reference {polar['reference']}",
            ("n_polar", "NT", *polar["error"]),
            tuple(
                (str(n), str(8 * n * p), *(_cell(e[i]) for e in polar["error"].values()))
                for i, n in enumerate(polar["n_polar"])
            ),
        ),
        "azimuthal": Table(
            f"Azimuths at {a} polar points; reference {azimuthal['reference']}",
            ("n_azimuth", "NT", *azimuthal["error"]),
            tuple(
                (str(n), str(8 * n * a), *(_cell(e[i]) for e in azimuthal["error"].values()))
                for i, n in enumerate(azimuthal["n_azimuth"])
            ),
        ),
        "both": Table(
            "Both; reference {} x {}".format(*both["reference"]),
            ("n_polar x n_azimuth", "NT", *both["error"]),
            tuple(
                (
                    f"{i} x {j}",
                    str(8 * i * j),
                    *(_cell(e[row]) for e in both["error"].values()),
                )
                for row, (i, j) in enumerate(both["meshes"])
            ),
        ),
    }


def _cell(error: float | None) -> str:
    if error is None:
        return "-"
    return "< 1e-14" if error < 1e-14 else f"{error:.1e}"


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="coarse meshes, a second")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to FILE")
    parser.add_argument(
        "--write-docs", action="store_true", help=f"rewrite the tables in {DOCUMENT.name}"
    )
    options = parser.parse_args()
    if options.quick and options.write_docs:
        parser.error("--write-docs needs the full run")
    record = study(options.quick)
    found = tables(record)
    print("\n\n".join(table.text() for table in found.values()))
    if options.json is not None:
        options.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if options.write_docs:
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(replace_tables(text, found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
