"""A tolerance in a fit: the mesh is checked at the best fit, and the fit goes on where it fails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from torkivity import Bilayer, Ferromagnet, HeavyMetal, RashbaInterface, SphericalMesh
from torkivity.fit.data import Series, TorqueData
from torkivity.fit.film_model import FilmModel
from torkivity.fit.fit import ParameterSetting, fit_torques
from torkivity.fit.models import Conditions, MicroscopicModel
from torkivity_engine.errors import PhysicsError

FILM = Bilayer(
    HeavyMetal.from_spin_diffusion_length(6.0, 2.0853, 2.57, 0.059),
    RashbaInterface(0.42645, 0.20055, 0.085),
    Ferromagnet(3.0, 16.25, 6.01, 1000.0, 1.36),
    magnetization=(0.0, 0.0, 1.0),
)
THETA = np.array([0.0, 30.0, 60.0, 80.0])
RTOL = 1e-3


def measured(length: float) -> TorqueData:
    """Torques of the film with a precession length, far below the tolerance exact."""
    film = replace(FILM, ferromagnet=replace(FILM.ferromagnet, precession_length=length))
    model = FilmModel(film, SphericalMesh(64, 16))
    where = Conditions(np.full(4, 6.0), None, THETA, np.zeros(4))
    found = model.answer({p.name: p.start for p in model.parameters}, where, {"torque"})
    bar = np.full(4, 1e3)
    series = tuple(
        Series(name, "spin_torque_conductivity", found[name], bar, bar)
        for name in ("damping_like", "field_like")
    )
    return TorqueData("exact", where.thickness, series, (2, 3, 4, 5), THETA, np.zeros(4))


def fixed_but(model: FilmModel | MicroscopicModel, **fitted: float) -> dict[str, object]:
    found: dict[str, object] = {p.name: p.start for p in model.parameters}
    return found | {name: ParameterSetting(value) for name, value in fitted.items()}


def test_a_mesh_that_is_too_coarse_at_the_best_fit_is_refined() -> None:
    """The film that the fit starts from precesses slowly and needs few polar angles."""
    coarse = SphericalMesh(6, 16)
    model = FilmModel(FILM, coarse, rtol=RTOL)
    result = fit_torques(
        *(measured(1.0), model, fixed_but(model, precession_length=1.3)),  # type: ignore[arg-type]
        profile=False,
        outliers=False,
    )
    used = result.state.problem.model
    assert isinstance(used, FilmModel)
    assert len(used.mesh.directions) > len(coarse.directions)
    assert result["precession_length"].value == pytest.approx(1.0, rel=3e-3)
    (note,) = (line for line in result.remarks if "mesh error" in line)
    assert used.mesh.name in note
    # The error that is named is none of the parameters: against a mesh that is far finer.
    fine = result.state.problem.with_model(FilmModel(FILM, SphericalMesh(64, 32)))
    at = result.state.params
    exact, found = fine.predictions(at), result.state.problem.predictions(at)
    assert np.abs(found - exact).max() <= RTOL * np.abs(exact).max()
    # On the coarse mesh alone the fit is another one.
    alone = fit_torques(
        measured(1.0),
        FilmModel(FILM, coarse),
        fixed_but(model, precession_length=1.3),  # type: ignore[arg-type]
        profile=False,
        outliers=False,
    )
    assert not [line for line in alone.remarks if "mesh error" in line]
    assert abs(alone["precession_length"].value - 1.0) > 1e-2


def test_a_mesh_that_is_fine_enough_stays() -> None:
    mesh = SphericalMesh(40, 16)
    for model in (FilmModel(FILM, mesh, rtol=RTOL), MicroscopicModel(FILM, mesh, rtol=RTOL)):
        result = fit_torques(
            *(measured(1.36), model, fixed_but(model, rashba=0.09)),  # type: ignore[arg-type]
            profile=False,
            outliers=False,
        )
        assert result.state.problem.model is model
        (note,) = (line for line in result.remarks if "mesh error" in line)
        assert mesh.name in note


def test_a_fit_that_finds_no_mesh_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torkivity.fit.fit_mesh._difference", lambda *_: 1.0)
    model = FilmModel(FILM, SphericalMesh(6, 8), rtol=RTOL)
    with pytest.raises(PhysicsError, match=r"rtol = 0.001: each of 4 best fits"):
        fit_torques(
            *(measured(1.36), model, fixed_but(model, rashba=0.09)),  # type: ignore[arg-type]
            profile=False,
            outliers=False,
        )
