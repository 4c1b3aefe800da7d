"""How far off the mesh is, from meshes that are twice as fine either way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from torkivity.config.sections import ConvergeSection, RunConfig
from torkivity.explore.answer import Answer, Seen, Wish
from torkivity.explore.view import AxisChoice
from torkivity.study.boltzmann import solve_boltzmann_case
from torkivity.study.case import Case
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import POINT_ERRORS

__all__ = ["mesh_steps"]

_SIZES = {"mesh.n_polar": "polar angles", "mesh.n_azimuth": "azimuths"}


def mesh_steps(wish: Wish, film: Seen) -> Iterator[Answer | None]:
    """Estimated error of the torques by the Boltzmann equation; None after each step before.

    Of the film as it is and at both ends of the first axis, the largest counts. What a mesh of
    twice the polar angles, and one of twice the azimuths, change is added up.

    Parameters
    ----------
    wish : Wish
    film : Seen
        One of its films.

    Yields
    ------
    Answer or None
        Its facts are a ``text``, and ``grown``: whether the error is above the tolerance of the
        configuration.
    """
    for facts in _facts(film.case, wish.view.source, wish.view.axes.get("first")):
        yield None if facts is None else Answer(wish.number, "mesh", film.key, facts=facts)


def _facts(case: Case, source: str, axis: AxisChoice | None) -> Iterator[dict[str, Any] | None]:
    if case.settings.mesh.file is not None or case.given_mesh is not None:
        yield {"text": "The mesh comes from a file; its error is not estimated.", "grown": False}
        return
    if case.tolerance is not None:
        yield _of_tolerance(case, source)
        return
    films = [("", case)]
    if axis is not None and axis.path in case.parameters():
        parameter = case.parameter(axis.path)
        for value in axis.values(parameter)[[0, -1]]:
            at = parameter.kind(value)
            films.append((f" at {axis.path} = {at:g}", case.varied({axis.path: at})))
    worst: tuple[float, str, dict[str, float]] | None = None
    for where, film in films:
        try:
            coarse = _torques(film, source)
            yield None
            changes = {}
            for path in _SIZES:
                twice = 2 * int(film.parameter(path).value)
                fine = _torques(film.varied({path: twice}), source)
                changes[path] = float(np.abs(fine - coarse).max())
                yield None
        except POINT_ERRORS:
            continue  # the curve says why
        scale = float(np.abs(coarse).max())
        error = sum(changes.values()) / scale if scale > 0.0 else 0.0
        if worst is None or error > worst[0]:
            worst = error, where, changes
    yield _words(case, worst)


def _of_tolerance(case: Case, source: str) -> dict[str, Any]:
    """Where a tolerance chooses the mesh, each film keeps to it."""
    try:
        solution = solve_boltzmann_case(case, source)
    except POINT_ERRORS:
        return _words(case, None)
    error = solution.certificates["mesh_error"]
    text = f"{solution.mesh}: error of currents and torques at most {100.0 * error:#.2g} %"
    return {"text": f"{text} of the largest torque.", "grown": False}


def _torques(case: Case, source: str) -> FloatArray:
    solution = solve_boltzmann_case(case, source)
    return np.array([response.torque_total for response in solution.interfaces])


def _words(case: Case, worst: tuple[float, str, dict[str, float]] | None) -> dict[str, Any]:
    if worst is None:
        return {"text": "The error of the mesh is not known: nothing could be computed.",
                "grown": False}  # fmt: skip
    error, where, changes = worst
    settings = case.settings
    given = settings.converge if isinstance(settings, RunConfig) else None
    tolerance = (given or ConvergeSection.model_construct()).tolerance
    mesh = case.settings.mesh
    text = (
        f"Mesh {mesh.n_polar} x {mesh.n_azimuth}: error of the Boltzmann torques about "
        f"{100.0 * error:#.2g} % of the largest component{where}"
    )
    if error <= tolerance:
        return {"text": f"{text}, within {100.0 * tolerance:g} %.", "grown": False}
    path = max(changes, key=lambda name: changes[name])
    return {
        "text": f"{text}, above {100.0 * tolerance:g} %: the mesh is too coarse for this film. "
        f"Raise {path}, the number of {_SIZES[path]}.",
        "grown": True,
    }
