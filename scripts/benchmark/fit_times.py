"""Fits of 40 points that solve the equation, with intervals of two parameters."""

from __future__ import annotations

import time

import numpy as np

from films import pt_co
from measuring import Record, duration
from torkivity.fit.data import Series, TorqueData
from torkivity.fit.film_model import FilmModel
from torkivity.fit.fit import ParameterSetting, fit_torques
from torkivity.fit.models import Conditions, MicroscopicModel
from torkivity.tables import Table
from torkivity_meshes import SphericalMesh

_FITTED = ("exchange", "rashba")
_NOISE = 5e3


def measure(quick: bool) -> Record:
    """Measure; few points and no intervals if `quick`."""
    count, mesh = (6, SphericalMesh(4, 4)) if quick else (40, SphericalMesh(12, 10))
    angles, same = np.linspace(0.0, 90.0, count), np.full(count, 6.0)
    places = {
        "directions": Conditions(same, None, angles, np.full(count, 25.0)),
        "thicknesses": Conditions(np.linspace(1.0, 10.0, count)),
    }
    cases = []
    for place, where in places.items():
        for kind in (FilmModel, MicroscopicModel):
            model = kind(pt_co(rashba=0.085, spin_hall_angle=0.059), mesh)
            start = {p.name: p.start for p in model.parameters}
            data = _measured(model, start, where)
            asked = {n: ParameterSetting(1.05 * v) if n in _FITTED else v for n, v in start.items()}
            fresh = kind(model.film, mesh)
            begun = time.process_time()
            fit_torques(data, fresh, asked, profile=not quick)
            seconds = time.process_time() - begun
            cases.append({"where": place, "model": model.name, "seconds": seconds})
    return {"cases": cases, "points": count}


def _measured(
    model: FilmModel | MicroscopicModel, values: dict[str, float], where: Conditions
) -> TorqueData:
    rng, count = np.random.default_rng(3), len(where.thickness)
    found = model.answer(values, where, {"torque"})
    bar = np.full(count, _NOISE)
    series = tuple(
        Series(
            *(name, "spin_torque_conductivity"),
            *(found[name] + _NOISE * rng.standard_normal(count), bar, bar),
        )
        for name in ("damping_like", "field_like")
    )
    lines = tuple(range(2, count + 2))
    return TorqueData("made", where.thickness, series, lines, where.theta_deg, where.phi_deg)


def table(r: Record) -> Table:
    """What was measured, as a table."""
    models = list(dict.fromkeys(case["model"] for case in r["cases"]))
    places = list(dict.fromkeys(case["where"] for case in r["cases"]))
    seconds = {(c["where"], c["model"]): c["seconds"] for c in r["cases"]}
    return Table(
        f"Fits of {r['points']} points, both torques, with intervals of {' and '.join(_FITTED)}",
        ("", *models),
        tuple((place, *(duration(seconds[place, m]) for m in models)) for place in places),
    )
