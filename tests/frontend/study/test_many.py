"""Many films in memory: the numbers of a sweep, in any batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import torkivity
from draws import pt_co
from torkivity.study.python import _plan
from torkivity_engine.errors import InputError
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.parameters import Variation, with_parameters
from torkivity_engine.solve import solve_boltzmann
from torkivity_hpc.grid import Value
from torkivity_meshes import SphericalMesh

MESH = SphericalMesh(4, 6)
AXES = {"interface.exchange": [0.0, 0.1, 0.3], "magnetization.theta_deg": [10.0, 60.0]}


def test_the_same_as_film_by_film_and_as_a_sweep() -> None:
    film = pt_co(0.2)
    found = torkivity.solve_many(film, AXES, mesh=MESH)
    swept = torkivity.sweep(film, AXES, mesh=MESH)
    for name in set(found.data_vars) - {"status", "message"}:
        assert found[name].dims == swept[name].dims
        assert found[name].attrs == swept[name].attrs
        np.testing.assert_array_equal(found[name], swept[name], err_msg=str(name))
    for name in found.coords:
        assert found[name].attrs == swept[name].attrs
        np.testing.assert_array_equal(found[name], swept[name])
    for i, exchange in enumerate(AXES["interface.exchange"]):
        for j, theta in enumerate(AXES["magnetization.theta_deg"]):
            values = {"interface.exchange": exchange, "magnetization.theta_deg": theta}
            alone = solve_boltzmann(with_parameters(film, values), MESH)
            at = found.torque_total[i, j, 0, 0, 0]
            np.testing.assert_array_equal(at, alone.torque_total)


def test_models_sources_and_what_fails() -> None:
    """Nothing flips spins at one of the values; a source and two models."""
    film = replace(pt_co(0.0), heavy_metal=HeavyMetal(4.0, 2.0, float("inf")))
    axes = {"ferromagnet.spin_flip_length": [10.0, float("inf")]}
    found = torkivity.solve_many(film, axes, mesh=MESH, models=("boltzmann", "drift_diffusion"))
    boltzmann = found.sel(model="boltzmann", source="all")
    assert np.isfinite(boltzmann.torque_total[0]).all()
    assert np.isnan(boltzmann.torque_total[1]).all()
    assert "finite spin_flip_length" in str(boltzmann.message[1].values)
    assert str(boltzmann.message[0].values) == ""
    with pytest.raises(InputError, match="exchang"):
        torkivity.solve_many(film, {"interface.exchang": [0.1]}, mesh=MESH)
    with pytest.raises(InputError, match="sources"):
        torkivity.solve_many(film, axes, mesh=MESH, source="magic")


def test_records_do_not_depend_on_the_batch() -> None:
    """All points at once, in reverse, and one by one, of three models and two meshes."""
    choices = {
        "models": ("boltzmann", "drift_diffusion", "boundary_layer"),
        "sources": ("all", "spin_hall"),
        "quantities": ("in_plane",),
    }
    axes = {**AXES, "mesh.n_polar": [3, 4]}
    plan = _plan(pt_co(0.2), axes, (), choices, None)
    points: list[dict[str, Value]] = [plan.spec.grid.point(i) for i in range(plan.spec.grid.size)]
    many = plan.evaluate.many  # type: ignore[attr-defined]
    together, backwards = many(points), many(points[::-1])
    assert not together.failed
    for name, value in together.values.items():
        np.testing.assert_array_equal(value, backwards.values[name][::-1], err_msg=name)
    for i in range(0, len(points), 5):
        alone = plan.evaluate(points[i])
        for name, value in together.values.items():
            np.testing.assert_array_equal(value[i], alone[name], err_msg=name)


def test_a_variation_is_made_once_and_used_again() -> None:
    film = pt_co(0.2)
    paths = ("interface.exchange", "heavy_metal.thickness")
    variation = Variation(film, paths)
    for values in ((0.1, 2.0), (0.1, 3.0), (0.2, 2.0)):
        given = dict(zip(paths, values, strict=True))
        assert variation(given) == with_parameters(film, given)
    first, second = (variation(dict(zip(paths, v, strict=True))) for v in ((0.1, 2.0), (0.1, 3.0)))
    assert first.interface is second.interface
    with pytest.raises(InputError, match=r"heavy_metal\.thickness.*-1"):
        variation({"interface.exchange": 0.1, "heavy_metal.thickness": -1.0})
    with pytest.raises(InputError, match="twice"):
        Variation(film, ("interface.exchange", '"HM|FM".exchange'))
