"""Films in a batch: the same numbers as alone, and as without compiled code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numba import typeof
from numpy.typing import ArrayLike

from draws import pt_co
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.boundaries import Reservoir
from torkivity_engine.film.interface import Scattering
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.reduced import batch
from torkivity_engine.reduced.assembly import Assembly, ring_structure
from torkivity_engine.reduced.batch import FilmMoments, solve_reduced_many
from torkivity_engine.reduced.film_response import film_response
from torkivity_engine.solution import BoltzmannSolution
from torkivity_engine.solve import solve_boltzmann, solve_boltzmann_many
from torkivity_meshes import POLAR_RULES, SphericalMesh

MESH = SphericalMesh(6, 10)
SKEW = HeavyMetal(4.0, 2.0, 8.0, 0.06)


class Tabulated(RashbaInterface):
    """The same interface by its tensors."""

    def closed_form(self, m: ArrayLike) -> None:
        """None: there is none to be had."""
        return None

    def scattering(self, m: ArrayLike, directions: ArrayLike) -> Scattering:
        """Those of the other kind."""
        plain = RashbaInterface(self.barrier, self.exchange, self.rashba)
        return plain.scattering(m, directions)


def films() -> list[Bilayer | Stack]:
    """Some that share layers, some that do not, in no order."""
    rng = np.random.default_rng(3)
    found: list[Bilayer | Stack] = []
    spacer = HeavyMetal(1.0, 3.0, 10.0)
    for k in range(12):
        u0, ux, ur = rng.uniform((0.2, 0.05, -0.3), (0.6, 0.6, 0.3))
        m = tuple(map(float, rng.normal(size=3)))
        film = replace(
            pt_co(0.2, magnetization=m),
            interface=RashbaInterface(float(u0), float(ux), float(ur)),
            field_direction_deg=float(rng.uniform(0, 90)),
        )
        if k % 3 == 1:
            film = replace(film, heavy_metal=SKEW)
        if k % 3 == 2:
            other = RashbaInterface(0.3, 0.0, 0.1)
            magnet = film.ferromagnet.turned(film.magnetization)
            found.append(Stack((SKEW, spacer, magnet, SKEW), (other, film.interface, other)))
            continue
        found.append(film)
    return found


def numbers(solution: BoltzmannSolution) -> bytes:
    """All bits of a solution."""
    parts = [(r.current_minus, r.current_plus, r.torque) for r in solution.interfaces]
    certificates = np.array([v for _, v in sorted(solution.certificates.items())])
    return np.concatenate([v for part in parts for v in part] + [certificates]).tobytes()


def solutions(found: list[BoltzmannSolution | Exception]) -> list[BoltzmannSolution]:
    """The same, all of them solutions."""
    assert all(isinstance(result, BoltzmannSolution) for result in found), found
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("memory", [1, 2_000_000])
def test_the_same_bits_alone_and_in_any_batch(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_BYTES", memory)
    given = films()
    alone = [numbers(solve_boltzmann(film, MESH)) for film in given]
    assert len(set(alone)) == len(given)
    order = np.random.default_rng(0).permutation(len(given))
    together = solutions(solve_boltzmann_many([given[i] for i in order], MESH))
    assert [numbers(solution) for solution in together] == [alone[i] for i in order]
    some = solutions(solve_boltzmann_many(given[3:8], MESH))
    assert [numbers(solution) for solution in some] == alone[3:8]


def test_the_same_as_without_compiled_code() -> None:
    """The equations of a film as they stand in NumPy, in Cartesian spins throughout."""
    stacks = [film if isinstance(film, Stack) else film.stack() for film in films()]
    for stack, found in zip(stacks, solve_reduced_many(stacks, MESH), strict=True):
        assert isinstance(found, FilmMoments)
        assembly = Assembly(stack, ring_structure(MESH))
        states = assembly.solve(assembly.field_drive())
        for key in ("current_minus", "current_plus", "density"):
            exact = getattr(states, key)
            np.testing.assert_allclose(
                getattr(found, key), exact, rtol=0, atol=3e-13 * np.abs(states.density).max()
            )
        assert found.certificates["condition"] == pytest.approx(
            states.certificates["condition"], rel=0.5
        )
        for key in ("unitarity_defect", "spin_balance", "residual", "gauge_slack"):
            assert found.certificates[key] < 1e-11


@pytest.mark.parametrize("source", ["all", "rashba", "spin_hall"])
def test_the_same_as_dense(source: str) -> None:
    mesh = SphericalMesh(3, 6)
    given = films()[:6]
    for film, found in zip(
        given, solutions(solve_boltzmann_many(given, mesh, source=source)), strict=True
    ):
        exact = solve_boltzmann(film, mesh, method="dense", source=source)
        for a, b in zip(found.interfaces, exact.interfaces, strict=True):
            scale = np.abs(b.current_minus).max() + np.abs(b.torque).max()
            assert np.abs(a.current_minus - b.current_minus).max() < 1e-10 * scale
            assert np.abs(a.current_plus - b.current_plus).max() < 1e-10 * scale
            assert np.abs(a.torque - b.torque).max() < 1e-10 * scale


def test_a_point_that_fails_leaves_the_others_alone() -> None:
    """Nothing flips a spin in one of the films, and one has no reservoir that injects."""
    good = pt_co(0.2)
    free = replace(
        pt_co(0.0),
        heavy_metal=HeavyMetal(10.0, 2.0, float("inf")),
        ferromagnet=replace(good.ferromagnet, spin_flip_length=float("inf")),
    )
    first, failed, last = solve_boltzmann_many([good, free, good], MESH)
    assert isinstance(failed, PhysicsError)
    assert "finite spin_flip_length" in str(failed)
    assert numbers(*solutions([first])) == numbers(*solutions([last]))
    driven = replace(good, left=Reservoir(1.0))
    none, some = solve_boltzmann_many([good, driven], MESH, source="reservoirs")
    assert isinstance(none, InputError)
    assert numbers(*solutions([some])) == numbers(
        solve_boltzmann(driven, MESH, source="reservoirs")
    )


def test_kinds_that_are_not_computed_together_go_along() -> None:
    """Spheres of their own, interfaces without a closed form, the dense method, a tolerance."""
    good = pt_co(0.2)
    split = SplitFerromagnet(3.0, 14.0, 12.0, 10.0, 5.0, 1000.0, magnetization=(0.0, 0.6, 0.8))
    own = Stack((good.heavy_metal, split), (good.interface,))
    tabulated = replace(good, interface=Tabulated(0.4, 0.2, 0.2))
    given = [good, own, tabulated, good]
    together = solutions(solve_boltzmann_many(given, MESH))
    alone = [solve_boltzmann(film, MESH) for film in given]
    assert [numbers(a) for a in together] == [numbers(b) for b in alone]
    few = SphericalMesh(2, 4)
    dense = solutions(solve_boltzmann_many([good, tabulated], few, method="dense"))
    assert numbers(dense[0]) == numbers(solve_boltzmann(good, few, method="dense"))
    (fine,) = solutions(solve_boltzmann_many([good], rtol=0.1))
    assert fine.certificates["mesh_error"] <= 0.1
    with pytest.raises(InputError, match="rings"):
        solve_boltzmann_many([good], replace(MESH, rings=None))


def test_kernels_are_compiled_once_for_all_polar_rules() -> None:
    """Numba compiles anew for arrays that lie otherwise in memory or cannot be written to."""
    kinds = set()
    for rule in POLAR_RULES:
        rings = ring_structure(SphericalMesh(6, 6, rule))
        of_rings = (rings.cosines, rings.polar_weights, rings.azimuths)
        kinds.add((typeof(film_response(pt_co(0.2).stack(), rings)), typeof(of_rings)))
    assert len(kinds) == 1
    assert {typeof(x) for x in of_rings} == {typeof(np.zeros(1))}
