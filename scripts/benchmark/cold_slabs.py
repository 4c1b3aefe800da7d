"""A slab from nothing beside PythonicDISORT, discrete ordinates for the same equation.

Isotropic scattering, an isotropic flux on one side. Both use a Gauss rule per hemisphere, so that
reflected and transmitted fluxes agree to rounding.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from measuring import Record, Rounds, duration, number
from reduced import forget
from torkivity.tables import Table
from torkivity_engine.film.boundaries import Reservoir
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.stack import Stack
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

#: Optical thickness, and what part of a collision keeps the spin.
_DEPTH, _ALBEDO = 1.0, 0.9


def _slab() -> Stack:
    """Mean free path 1 nm, spins injected from the left."""
    metal = HeavyMetal(_DEPTH, 2.0 / (1.0 + _ALBEDO), 2.0 / (1.0 - _ALBEDO))
    return Stack((metal,), (), left=Reservoir(spin=(1.0, 0.0, 0.0)), right=Reservoir())


def _ours(n: int) -> np.ndarray:
    """Transmitted and reflected share of the flux."""
    forget()
    solution = solve_boltzmann(_slab(), SphericalMesh(n, 4, "gauss"), source="reservoirs")
    profile = solution.profile(0, [0.0, _DEPTH])
    flow = profile.spin_current[:, 0] / profile.spin_current[0, 0]
    return np.asarray(flow)


def _theirs(solve: Callable[..., Any], n: int) -> np.ndarray:
    _, up, down, *_ = solve(
        _DEPTH, _ALBEDO, 2 * n, np.eye(1, 2 * n), 0.5, 0.0, 0.0, b_neg=1.0 / math.pi, only_flux=True
    )
    flow = np.array([sum(np.ravel(down(z))) - up(z) for z in (0.0, _DEPTH)])
    return np.asarray(flow / flow[0])


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    try:
        from PythonicDISORT import pydisort
    except ImportError:
        pydisort = None
    cases = []
    for n in (4,) if quick else (8, 16, 32, 64):
        calls: dict[str, Callable[[], object]] = {"this": partial(_ours, n)}
        if pydisort is not None:
            calls["disort"] = partial(_theirs, pydisort, n)
        rounds = Rounds(
            calls, 0.1 if quick else 2.0, least=2 if quick else 10, clock=time.process_time
        )
        case: Record = {"n_polar": n, "seconds": {k: rounds.seconds(k) for k in calls}}
        if pydisort is not None:
            case["difference"] = float(np.abs(_ours(n) - _theirs(pydisort, n)).max())
            case["this_over_disort"] = rounds.ratio("this", "disort")
        cases.append(case)
    return {"cases": cases, "disort": pydisort is not None}


def table(r: Record) -> Table:
    """What was measured, as a table."""
    rows = [
        (
            str(c["n_polar"]),
            duration(c["seconds"]["this"]),
            duration(c["seconds"]["disort"]) if r["disort"] else "-",
            number(c.get("this_over_disort")),
            number(c.get("difference"), 2),
        )
        for c in r["cases"]
    ]
    beside = "" if r["disort"] else "; PythonicDISORT is not installed and was skipped"
    return Table(
        f"A slab of optical thickness {_DEPTH:g} and albedo {_ALBEDO:g} from nothing{beside}",
        ("n_polar", "this version", "PythonicDISORT", "ratio", "difference of fluxes"),
        tuple(rows),
    )
