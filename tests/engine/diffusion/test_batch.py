"""Batches of films in drift-diffusion: each film as by itself."""

from __future__ import annotations

import pytest

from draws import pt_co
from torkivity_engine.diffusion.batch import drift_diffusion_many
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.errors import InputError
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.stack import Stack
from torkivity_engine.solution import DriftDiffusionSolution
from torkivity_meshes import SphericalMesh

MESH = SphericalMesh(8, 12)


def test_a_film_that_fails_does_not_fail_the_others() -> None:
    alone = Stack((HeavyMetal(5.0, 2.0, 20.0),), ())
    found = drift_diffusion_many([pt_co(0.1), alone, pt_co(0.2)], mesh=MESH)
    for i, rashba in ((0, 0.1), (2, 0.2)):
        expected = solve_drift_diffusion(pt_co(rashba), mesh=MESH)
        solution = found[i]
        assert isinstance(solution, DriftDiffusionSolution)
        assert (solution.torque_total == expected.torque_total).all()
    assert isinstance(found[1], InputError)
    assert "at least two layers" in str(found[1])


def test_unknown_options_fail_the_whole_batch() -> None:
    with pytest.raises(InputError, match="must be one of: dephased, finite"):
        drift_diffusion_many([], level="thick")  # type: ignore[arg-type]
